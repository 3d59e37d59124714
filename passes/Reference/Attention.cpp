//===- Attention.cpp - Reference: attention and what it reads -------------===//

#include "passes/Reference/Patterns.h"

using namespace mlir;
using namespace mica;
using namespace mica::reference;

void mica::reference::forRows(Loops &l, const Batch &batch,
                              function_ref<void(Value, Value, Value)> body) {
  l.forEach(l.size(batch.length, 0), [&](ArrayRef<Value> at) {
    Value s = at[0];
    Value begin = l.load(batch.rowStart, s);
    Value end = l.load(batch.rowStart, l.add(s, l.index(1)));
    Value first = l.sub(l.load(batch.length, s), l.sub(end, begin));
    l.forRange(begin, end,
               [&](Value m) { body(s, m, l.add(first, l.sub(m, begin))); });
  });
}

namespace {

/// What i4 makes of elements [first, last) of head `h` of row `m`: see KVType.
void appendNibbles(Loops &l, function_ref<Value(Value)> element, Value first,
                   Value last, function_ref<void(Value, Value)> store) {
  constexpr double steps = 15;
  Value infinity = l.number(std::numeric_limits<double>::infinity());
  Value zero = l.number(0), minus = l.sub(zero, infinity);
  Value most = l.fold(first, last, minus, [&](Value i, Value max) {
    return l.max(max, element(i));
  });
  Value below = l.fold(first, last, minus, [&](Value i, Value max) {
    return l.max(max, l.sub(zero, element(i)));
  });
  Value kept = l.alloc(MemRefType::get({2}, l.b.getF16Type()), {});
  l.store(l.div(l.add(most, below), l.number(steps)), kept, l.index(0));
  l.store(l.sub(zero, below), kept, l.index(1));
  Value scale = l.load(kept, l.index(0)), least = l.load(kept, l.index(1));
  Value divisor = l.max(scale, l.number(std::numeric_limits<float>::min()));
  l.forRange(first, last, [&](Value i) {
    Value x = l.div(l.sub(element(i), least), divisor);
    Value q = l.max(math::RoundEvenOp::create(l.b, l.loc, x), zero);
    q = l.sub(zero, l.max(l.sub(zero, q), l.number(-steps)));
    store(l.add(l.mul(q, scale), least), i);
  });
}

/// store(x, i) of what elements i in [first, last) of head `h` of row `m`,
/// which share a scale, become.
void appendIntegers(Loops &l, Value rows, Value m, Value h, Value width,
                    Value first, Value last, bool minima,
                    function_ref<void(Value, Value)> store) {
  auto element = [&](Value i) -> Value {
    return l.load(rows, {m, l.add(l.mul(h, width), i)});
  };
  if (minima)
    return appendNibbles(l, element, first, last, store);
  Value zero = l.number(0);
  Value most = l.fold(first, last, zero, [&](Value i, Value max) {
    Value x = element(i);
    return l.max(max, l.max(x, l.sub(zero, x)));
  });
  Value scale = l.alloc(MemRefType::get({1}, l.b.getF16Type()), {});
  l.store(l.div(most, l.number(127)), scale, l.index(0));
  Value s = l.load(scale, l.index(0));
  Value divisor = l.max(s, l.number(std::numeric_limits<float>::min()));
  l.forRange(first, last, [&](Value i) {
    Value q = math::RoundEvenOp::create(l.b, l.loc, l.div(element(i), divisor));
    Value limit = l.number(127);
    q = l.max(q, l.number(-127));
    q = l.sub(zero, l.max(l.sub(zero, q), l.sub(zero, limit)));
    store(l.mul(q, s), i);
  });
}

/// Every row m as the token at its place.
void append(Loops &l, const Batch &batch, Value rows, Value cache, Value layer,
            KVType kv, bool values, int64_t first = 0) {
  forRows(l, batch, [&](Value s, Value m, Value p) {
    storeToken(l, rows, m, cache, layer, kv, values, s, p, first);
  });
}

} // namespace

/// cache[layer, s, p, h, first + i] = rows[m, h width + i]
void mica::reference::storeToken(Loops &l, Value rows, Value m, Value cache,
                                 Value layer, KVType kv, bool values, Value s,
                                 Value p, int64_t first) {
  int64_t columns = cast<MemRefType>(rows.getType()).getDimSize(1);
  Value heads = l.index(kv.getHeads()),
        width = l.index(columns / kv.getHeads());
  auto store = [&](Value x, Value h, Value i) {
    l.store(x, cache, {layer, s, p, h, l.add(l.index(first), i)});
  };
  if (!kv.scales(values)) {
    l.forEach({heads, width}, [&](ArrayRef<Value> at) {
      Value column = l.add(l.mul(at[0], width), at[1]);
      store(l.load(rows, {m, column}), at[0], at[1]);
    });
    return;
  }
  int64_t group = values ? kv.getValue() : KVType::keyGroup;
  int64_t groups = llvm::divideCeil(columns / kv.getHeads(), group);
  Value size = l.index(group);
  l.forEach({heads, l.index(groups)}, [&](ArrayRef<Value> at) {
    Value h = at[0], begin = l.mul(at[1], size);
    Value end = l.min(l.add(begin, size), width);
    appendIntegers(l, rows, m, h, width, begin, end, kv.hasMinima(),
                   [&](Value x, Value i) { store(x, h, i); });
  });
}

namespace {

struct KVAppend : Lowering<KVAppendOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(KVAppendOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Batch batch(operands.getBatch());
    Cache cache(operands.getKv());
    KVType kv = op.getKv().getType();
    append(l, batch, operands.getKey().front(), cache.key, cache.layer, kv,
           /*values=*/false);
    append(l, batch, operands.getValue().front(), cache.value, cache.layer, kv,
           /*values=*/true);
    b.replaceOpWithMultiple(op, {operands.getKv()});
    return success();
  }
};

struct KVWrite : Lowering<KVWriteOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(KVWriteOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Cache cache(operands.getKv());
    append(l, Batch(operands.getBatch()), operands.getRows().front(),
           op.getValue() ? cache.value : cache.key, cache.layer,
           op.getKv().getType(), op.getValue(), op.getFirst().value_or(0));
    b.replaceOpWithMultiple(op, {operands.getKv()});
    return success();
  }
};

/// The keys that a mask lets a row see: [lo, hi), and those before `sunk`, if
/// there is one.
struct Visible {
  Value lo, hi, sunk;
};

/// A row at p sees the keys n with n <= p if causal, n > p - window if there is
/// one or n < sink, n >= p - p mod chunk if there are chunks; the cache of a
/// sequence holds `length` keys.
Visible visibleKeys(Loops &l, MaskAttr mask, Value p, Value length) {
  Value next = l.add(p, l.index(1));
  Visible keys = {l.index(0), mask.getCausal() ? next : length, Value()};
  if (mask.getWindow())
    keys.lo = l.max(keys.lo, l.sub(next, l.index(mask.getWindow())));
  if (mask.getChunk())
    keys.lo = l.sub(p, l.rem(p, l.index(mask.getChunk())));
  if (mask.getSink())
    keys.sunk = l.min(keys.lo, l.index(mask.getSink()));
  return keys;
}

/// One query head of one row: scores, their maximum, weights, weighted sum.
struct Head {
  Loops &l;
  double scale, softcap;
  const Cache &cache;
  Value input, result, score; // [T, H D], [T, H D'], scratch [C]
  Value sinks, slopes;        // [H], or null
  Value s, m, p, h, kvHead;
  Visible keys;
  function_ref<Value(Value)> isSeen; // of a key, or null: all of `keys`

  /// The last of `init`, step(n, previous), ... for every key n that the row
  /// sees: those before `sunk`, and [lo, hi).
  Value fold(Value init, function_ref<Value(Value, Value)> step) {
    if (keys.sunk)
      init = l.fold(l.index(0), keys.sunk, init, step);
    return l.fold(keys.lo, keys.hi, init, step);
  }

  Value sum(function_ref<Value(Value)> term) {
    return fold(l.number(0),
                [&](Value n, Value sum) { return l.add(sum, term(n)); });
  }

  /// softcap * tanh(x / softcap), or x.
  Value cap(Value x) {
    if (!(softcap > 0))
      return x;
    Value c = l.number(softcap);
    Value tanh = math::TanhOp::create(l.b, l.loc, l.div(x, c));
    return l.mul(c, tanh);
  }

  /// slopes[h] * |p - n|
  Value bias(Value n) {
    Value distance = l.sub(l.max(p, n), l.min(p, n));
    return l.mul(l.load(slopes, h), l.toNumber(distance));
  }

  /// Stores the score of every visible key; returns their maximum, that of a
  /// learned sink included.
  Value storeScores() {
    Value width = l.size(cache.key, 4);
    Value lowest = l.number(std::numeric_limits<double>::lowest());
    Value none = l.number(-std::numeric_limits<double>::infinity());
    if (sinks)
      lowest = l.load(sinks, h);
    return fold(lowest, [&](Value n, Value max) {
      Value dot = l.sum(l.index(0), width, [&](Value i) {
        Value q = l.load(input, {m, l.add(l.mul(h, width), i)});
        return l.mul(q, l.load(cache.key, {cache.layer, s, n, kvHead, i}));
      });
      Value x = cap(l.mul(l.number(scale), dot));
      if (slopes)
        x = l.sub(x, bias(n));
      if (isSeen)
        x = l.select(isSeen(n), x, none);
      l.store(x, score, n);
      return l.max(max, x);
    });
  }

  /// Turns scores into exponentials over that of `max`; returns their sum, more
  /// than 0.
  Value storeWeights(Value max) {
    auto weight = [&](Value x) -> Value {
      return math::ExpOp::create(l.b, l.loc, l.sub(x, max));
    };
    Value total = sum([&](Value n) {
      Value e = weight(l.load(score, n));
      l.store(e, score, n);
      return e;
    });
    if (sinks)
      total = l.add(total, weight(l.load(sinks, h)));
    return l.max(total, l.number(std::numeric_limits<double>::min()));
  }

  void emit() {
    Value total = storeWeights(storeScores());
    Value width = l.size(cache.value, 4);
    l.forRange(l.index(0), width, [&](Value i) {
      Value all = sum([&](Value n) {
        return l.mul(l.load(score, n),
                     l.load(cache.value, {cache.layer, s, n, kvHead, i}));
      });
      l.store(l.div(all, total), result, {m, l.add(l.mul(h, width), i)});
    });
  }
};

/// A buffer of `numbers`; null if there are none.
Value table(Loops &l, std::optional<ArrayRef<float>> numbers) {
  if (!numbers)
    return {};
  int64_t size = numbers->size();
  Value buffer = l.alloc(MemRefType::get(size, l.b.getF64Type()), {});
  for (auto [i, number] : llvm::enumerate(*numbers))
    l.store(l.number(number), buffer, l.index(i));
  return buffer;
}

/// Calls body(head) for every query head of every row, without `result`.
template <typename OpTy>
void forHeads(Loops &l, OpTy op, const Batch &batch, const Cache &cache,
              Value input, Value sinks, function_ref<void(Head &)> body) {
  Value score = l.alloc(MemRefType::get(ShapedType::kDynamic, l.real),
                        l.size(cache.key, 2));
  Value slopes = table(l, op.getAlibi());
  int64_t group = op.getHeads() / op.getKv().getType().getHeads();
  forRows(l, batch, [&](Value s, Value m, Value p) {
    Visible keys = visibleKeys(l, op.getMask(), p, l.load(batch.length, s));
    l.forRange(l.index(0), l.index(op.getHeads()), [&](Value h) {
      Head head{l,
                op.getScale().convertToDouble(),
                op.getSoftcap().convertToDouble(),
                cache,
                input,
                Value(),
                score,
                sinks,
                slopes,
                s,
                m,
                p,
                h,
                l.div(h, l.index(group)),
                keys,
                nullptr};
      body(head);
    });
  });
}

/// Whether the row of `head` sees key n, as far as `segments` and `blocks` say:
/// key n of this step is that of row n + m - p.
Value isSeen(Loops &l, const Batch &batch, const Head &head, Value segments,
             Value blocks, int64_t block, Value n) {
  Value seen = l.equal(l.index(0), l.index(0)), zero = l.index(0);
  if (segments) {
    Value begin = l.load(batch.rowStart, head.s), there = l.add(n, head.m);
    Value isOld = l.less(there, l.add(head.p, begin));
    Value row = l.select(isOld, head.m, l.sub(there, head.p));
    seen = l.equal(l.load(segments, {row, zero}),
                   l.load(segments, {head.m, zero}));
    seen = l.either(isOld, seen);
  }
  if (!blocks)
    return seen;
  Value own = l.div(n, l.index(block)), one = l.number(1);
  Value found =
      l.fold(zero, l.size(blocks, 1), l.number(0), [&](Value j, Value some) {
        Value listed = l.load(blocks, {head.m, j});
        return l.select(l.equal(listed, own), one, some);
      });
  return l.both(seen, l.equal(found, one));
}

struct Attention : Lowering<AttentionOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(AttentionOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Batch batch(operands.getBatch());
    Cache cache(operands.getKv());
    auto optional = [](ValueRange buffers) {
      return buffers.empty() ? Value() : buffers.front();
    };
    Value input = operands.getInput().front();
    Value result = l.allocRows(typeConverter->convertType(op.getType()), input);
    Value segments = optional(operands.getSegments());
    Value blocks = optional(operands.getBlocks());
    forHeads(l, op, batch, cache, input, optional(operands.getSinks()),
             [&](Head &head) {
               auto seen = [&](Value n) {
                 return isSeen(l, batch, head, segments, blocks, op.getBlock(),
                               n);
               };
               head.result = result;
               if (segments || blocks)
                 head.isSeen = seen;
               head.emit();
             });
    b.replaceOp(op, result);
    return success();
  }
};

/// log_sum[m, h] = max + ln(total), scores[s, n] += weight / total.
struct AttentionStatistics : Lowering<AttentionStatisticsOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(AttentionStatisticsOp op,
                                OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Batch batch(operands.getBatch());
    Cache cache(operands.getKv());
    Value input = operands.getInput().front();
    auto converted = [&](Value value) {
      return cast<MemRefType>(typeConverter->convertType(value.getType()));
    };
    Value logSum = l.allocRows(converted(op.getLogSum()), input);
    Value scores = l.alloc(converted(op.getScores()),
                           {l.size(batch.length, 0), l.size(cache.key, 2)});
    l.forElements(
        scores, [&](ArrayRef<Value> at) { l.store(l.number(0), scores, at); });
    forHeads(l, op, batch, cache, input, /*sinks=*/Value(), [&](Head &head) {
      Value max = head.storeScores(), total = head.storeWeights(max);
      Value log = math::LogOp::create(b, l.loc, total);
      l.store(l.add(max, log), logSum, {head.m, head.h});
      head.fold(l.number(0), [&](Value n, Value unused) {
        Value share = l.div(l.load(head.score, n), total);
        Value before = l.load(scores, {head.s, n});
        l.store(l.add(before, share), scores, {head.s, n});
        return unused;
      });
    });
    b.replaceOp(op, {logSum, scores});
    return success();
  }
};

} // namespace

void mica::reference::populateAttention(TypeConverter &converter,
                                        RewritePatternSet &patterns) {
  patterns.add<KVAppend, KVWrite, Attention, AttentionStatistics>(
      converter, patterns.getContext());
}
