//===- Attention.cpp - Reference: kv_append, kv_write, attention ----------===//

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

/// cache[layer, s, p, h, i] = rows[m, h width + i] for every row m, rounded to
/// what a cache of integers can say.
void append(Loops &l, const Batch &batch, Value rows, Value cache, Value layer,
            KVType kv, bool values) {
  Value heads = l.size(cache, 3), width = l.size(cache, 4);
  forRows(l, batch, [&](Value s, Value m, Value p) {
    if (kv.scales(values)) {
      int64_t group = values ? kv.getValue() : KVType::keyGroup;
      int64_t groups = kv.scales(values) / (kv.hasMinima() ? 2 : 1);
      Value size = l.index(group);
      l.forEach({heads, l.index(groups)}, [&](ArrayRef<Value> at) {
        Value h = at[0], first = l.mul(at[1], size);
        Value last = l.min(l.add(first, size), width);
        appendIntegers(
            l, rows, m, h, width, first, last, kv.hasMinima(),
            [&](Value x, Value i) { l.store(x, cache, {layer, s, p, h, i}); });
      });
      return;
    }
    l.forEach({heads, width}, [&](ArrayRef<Value> at) {
      Value column = l.add(l.mul(at[0], width), at[1]);
      l.store(l.load(rows, {m, column}), cache, {layer, s, p, at[0], at[1]});
    });
  });
}

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
           op.getKv().getType(), op.getValue());
    b.replaceOpWithMultiple(op, {operands.getKv()});
    return success();
  }
};

/// One query head of one row: scores, their maximum, weights, weighted sum.
struct Head {
  Loops &l;
  AttentionOp op;
  const Cache &cache;
  Value input, result, score; // [T, H D], [T, H D'], scratch [C]
  Value sinks, slopes;        // [H], or null
  Value s, m, p, h, kvHead, lo, hi, sunk;

  /// The last of `init`, step(n, previous), ... for every key n that the row
  /// sees: those before `sunk`, and [lo, hi).
  Value fold(Value init, function_ref<Value(Value, Value)> step) {
    if (sunk)
      init = l.fold(l.index(0), sunk, init, step);
    return l.fold(lo, hi, init, step);
  }

  Value sum(function_ref<Value(Value)> term) {
    return fold(l.number(0),
                [&](Value n, Value sum) { return l.add(sum, term(n)); });
  }

  /// softcap * tanh(x / softcap), or x.
  Value cap(Value x) {
    double softcap = op.getSoftcap().convertToDouble();
    if (!(softcap > 0))
      return x;
    Value c = l.number(softcap);
    Value tanh = math::TanhOp::create(l.b, l.loc, l.div(x, c));
    return l.mul(c, tanh);
  }

  /// slopes[h] * |p - n|
  Value bias(Value n) {
    Value distance = l.sub(l.max(p, n), l.min(p, n));
    distance =
        arith::IndexCastOp::create(l.b, l.loc, l.b.getI64Type(), distance);
    distance = arith::SIToFPOp::create(l.b, l.loc, l.b.getF64Type(), distance);
    return l.mul(l.load(slopes, h), distance);
  }

  /// Stores the score of every visible key; returns their maximum, that of a
  /// learned sink included.
  Value storeScores() {
    Value width = l.size(cache.key, 4);
    Value scale = l.number(op.getScale().convertToDouble());
    Value lowest = l.number(-std::numeric_limits<double>::infinity());
    if (sinks)
      lowest = l.load(sinks, h);
    return fold(lowest, [&](Value n, Value max) {
      Value dot = l.sum(l.index(0), width, [&](Value i) {
        Value q = l.load(input, {m, l.add(l.mul(h, width), i)});
        return l.mul(q, l.load(cache.key, {cache.layer, s, n, kvHead, i}));
      });
      Value x = cap(l.mul(scale, dot));
      if (slopes)
        x = l.sub(x, bias(n));
      l.store(x, score, n);
      return l.max(max, x);
    });
  }

  void emit() {
    Value max = storeScores();
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

/// A row at p sees the keys n with n <= p if causal, n > p - window if there is
/// one or n < sink, n >= p - p mod chunk if there are chunks; the cache of a
/// sequence holds length keys.
struct Attention : Lowering<AttentionOp> {
  using OpConversionPattern::OpConversionPattern;

  /// A buffer of `numbers`.
  static Value table(Loops &l, ArrayRef<float> numbers) {
    int64_t size = numbers.size();
    Value buffer = l.alloc(MemRefType::get(size, l.b.getF64Type()), {});
    for (auto [i, number] : llvm::enumerate(numbers))
      l.store(l.number(number), buffer, l.index(i));
    return buffer;
  }

  LogicalResult matchAndRewrite(AttentionOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Batch batch(operands.getBatch());
    Cache cache(operands.getKv());
    Value input = operands.getInput().front();
    Value result = l.allocRows(typeConverter->convertType(op.getType()), input);
    Value score = l.alloc(MemRefType::get(ShapedType::kDynamic, b.getF64Type()),
                          l.size(cache.key, 2));
    Value sinks, slopes;
    if (op.getSinks())
      sinks = operands.getSinks().front();
    if (op.getAlibi())
      slopes = table(l, *op.getAlibi());
    MaskAttr mask = op.getMask();
    int64_t group = op.getHeads() / op.getKv().getType().getHeads();
    forRows(l, batch, [&](Value s, Value m, Value p) {
      Value next = l.add(p, l.index(1));
      Value hi = mask.getCausal() ? next : l.load(batch.length, s);
      Value lo = l.index(0);
      if (mask.getWindow())
        lo = l.max(lo, l.sub(next, l.index(mask.getWindow())));
      if (mask.getChunk())
        lo = l.sub(p, l.rem(p, l.index(mask.getChunk())));
      Value sunk;
      if (mask.getSink())
        sunk = l.min(lo, l.index(mask.getSink()));
      l.forRange(l.index(0), l.index(op.getHeads()), [&](Value h) {
        Value kvHead = l.div(h, l.index(group));
        Head{l, op, cache, input, result, score, sinks, slopes,
             s, m,  p,     h,     kvHead, lo,    hi,    sunk}
            .emit();
      });
    });
    b.replaceOp(op, result);
    return success();
  }
};

} // namespace

void mica::reference::populateAttention(TypeConverter &converter,
                                        RewritePatternSet &patterns) {
  patterns.add<KVAppend, KVWrite, Attention>(converter, patterns.getContext());
}
