//===- CacheOps.cpp - Reference: what is done to a cache ------------------===//
//
// A cache that an op makes of one is the same buffers, changed in place:
// nothing reads the operand any more.
//
//===----------------------------------------------------------------------===//

#include "passes/Reference/Patterns.h"

using namespace mlir;
using namespace mica;
using namespace mica::reference;

namespace {

/// `batch` with other lengths.
SmallVector<Value> withLengths(const Batch &batch, Value length) {
  return {batch.token, batch.position, batch.rowStart, batch.outRow, length};
}

Value allocLengths(Loops &l, const Batch &batch) {
  auto type = MemRefType::get(ShapedType::kDynamic, l.b.getI32Type());
  return l.alloc(type, l.size(batch.length, 0));
}

/// A buffer of numbers for a sequence's tokens.
Value numbersOfTokens(Loops &l, const Cache &cache) {
  return l.alloc(MemRefType::get(ShapedType::kDynamic, l.real),
                 l.size(cache.key, 2));
}

/// Moves the tokens n of sequence s whose stays[n] is 1 together; returns how
/// many there are.
Value compact(Loops &l, const Cache &cache, Value s, Value length,
              Value stays) {
  return l.fold(l.index(0), length, l.index(0), [&](Value n, Value place) {
    // What is at `place` was moved, is n, or goes.
    for (Value buffer : {cache.key, cache.value})
      l.forEach({l.size(buffer, 3), l.size(buffer, 4)},
                [&](ArrayRef<Value> at) {
                  Value x = l.load(buffer, {cache.layer, s, n, at[0], at[1]});
                  l.store(x, buffer, {cache.layer, s, place, at[0], at[1]});
                });
    Value isKept = l.equal(l.load(stays, n), l.number(1));
    return l.select(isKept, l.add(place, l.index(1)), place);
  });
}

struct KVView : Lowering<KVViewOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(KVViewOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Cache cache(operands.getKv());
    SmallVector<Type> types;
    if (failed(typeConverter->convertType(op.getType(), types)))
      return failure();
    SmallVector<Value> view, parts = {cache.key, cache.value};
    for (auto [from, type] : llvm::zip_first(parts, types)) {
      SmallVector<Value> sizes;
      for (int64_t dim = 0; dim < 5; ++dim)
        sizes.push_back(l.size(from, dim));
      Value to = view.emplace_back(l.alloc(type, sizes));
      Value first = l.index(op.getFirst());
      l.forEach({sizes[1], sizes[2], l.size(to, 3), sizes[4]},
                [&, from = from](ArrayRef<Value> at) {
                  Value h = l.add(first, at[2]);
                  Value x = l.load(from, {cache.layer, at[0], at[1], h, at[3]});
                  l.store(x, to, {cache.layer, at[0], at[1], at[2], at[3]});
                });
    }
    view.push_back(cache.layer);
    b.replaceOpWithMultiple(op, {ValueRange(view)});
    return success();
  }
};

/// result[s] = kv[from[s]], length[s] = length[from[s]]
struct KVFork : Lowering<KVForkOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(KVForkOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Batch batch(operands.getBatch());
    Cache cache(operands.getKv());
    Value from = operands.getFrom().front(), length = allocLengths(l, batch);
    Value sequences = l.size(batch.length, 0);
    for (Value buffer : {cache.key, cache.value}) {
      SmallVector<Value> sizes = {sequences, l.size(buffer, 2),
                                  l.size(buffer, 3), l.size(buffer, 4)};
      SmallVector<int64_t> any(4, ShapedType::kDynamic);
      Value before = l.alloc(MemRefType::get(any, l.real), sizes);
      l.forEach(sizes, [&](ArrayRef<Value> at) {
        l.store(l.load(buffer, {cache.layer, at[0], at[1], at[2], at[3]}),
                before, at);
      });
      l.forEach(sizes, [&](ArrayRef<Value> at) {
        Value there = l.load(from, at[0]);
        l.store(l.load(before, {there, at[1], at[2], at[3]}), buffer,
                {cache.layer, at[0], at[1], at[2], at[3]});
      });
    }
    l.forRange(l.index(0), sequences, [&](Value s) {
      l.storeIndex(l.load(batch.length, l.load(from, s)), length, s);
    });
    SmallVector<Value> next = withLengths(batch, length);
    b.replaceOpWithMultiple(op, {operands.getKv(), ValueRange(next)});
    return success();
  }
};

struct KVEvict : Lowering<KVEvictOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(KVEvictOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Batch batch(operands.getBatch());
    Cache cache(operands.getKv());
    Value scores = operands.getScores().front();
    Value stays = numbersOfTokens(l, cache), length = allocLengths(l, batch);
    Value zero = l.index(0), one = l.index(1);
    l.forRange(zero, l.size(batch.length, 0), [&](Value s) {
      Value tokens = l.load(batch.length, s);
      Value old = l.sub(tokens, l.index(op.getRecent()));
      // Whether token i comes before token n.
      auto precedes = [&](Value i, Value n) {
        Value p = l.load(scores, {s, i}), q = l.load(scores, {s, n});
        Value earlier = l.both(l.equal(p, q), l.less(i, n));
        Value greater = l.either(l.less(q, p), earlier);
        Value x = l.select(l.less(i, old), one, zero);
        Value y = l.select(l.less(n, old), one, zero);
        return l.either(l.less(x, y), l.both(l.equal(x, y), greater));
      };
      l.forRange(zero, tokens, [&](Value n) {
        Value rank = l.fold(zero, tokens, zero, [&](Value i, Value rank) {
          return l.select(precedes(i, n), l.add(rank, one), rank);
        });
        Value isKept = l.less(rank, l.index(op.getBudget()));
        l.store(l.select(isKept, l.number(1), l.number(0)), stays, n);
      });
      l.storeIndex(compact(l, cache, s, tokens, stays), length, s);
    });
    SmallVector<Value> next = withLengths(batch, length);
    b.replaceOpWithMultiple(op, {operands.getKv(), ValueRange(next)});
    return success();
  }
};

struct KVMerge : Lowering<KVMergeOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(KVMergeOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Batch batch(operands.getBatch());
    Cache cache(operands.getKv());
    Value into = operands.getInto().front();
    Value stays = numbersOfTokens(l, cache), length = allocLengths(l, batch);
    Value zero = l.index(0), yes = l.number(1), no = l.number(0);
    l.forRange(zero, l.size(batch.length, 0), [&](Value s) {
      Value tokens = l.load(batch.length, s);
      l.forRange(zero, tokens, [&](Value n) {
        Value own = l.equal(l.load(into, {s, n}), n);
        l.store(l.select(own, yes, no), stays, n);
      });
      l.forRange(zero, tokens, [&](Value n) {
        l.ifThen(l.equal(l.load(stays, n), yes),
                 [&] { average(l, cache, into, stays, s, n, tokens); });
      });
      l.storeIndex(compact(l, cache, s, tokens, stays), length, s);
    });
    SmallVector<Value> next = withLengths(batch, length);
    b.replaceOpWithMultiple(op, {operands.getKv(), ValueRange(next)});
    return success();
  }

  /// Makes token n, which stays, the mean of itself and of what merges into it;
  /// that goes, so it is still what it was.
  static void average(Loops &l, const Cache &cache, Value into, Value stays,
                      Value s, Value n, Value tokens) {
    Value zero = l.index(0), yes = l.number(1), no = l.number(0);
    auto isPart = [&](Value i) {
      Value merges = l.both(l.equal(l.load(stays, i), no),
                            l.equal(l.load(into, {s, i}), n));
      return l.either(l.equal(i, n), merges);
    };
    Value count = l.sum(zero, tokens,
                        [&](Value i) { return l.select(isPart(i), yes, no); });
    for (Value buffer : {cache.key, cache.value})
      l.forEach({l.size(buffer, 3), l.size(buffer, 4)},
                [&](ArrayRef<Value> at) {
                  Value sum = l.sum(zero, tokens, [&](Value i) {
                    Value x = l.load(buffer, {cache.layer, s, i, at[0], at[1]});
                    return l.select(isPart(i), x, no);
                  });
                  l.store(l.div(sum, count), buffer,
                          {cache.layer, s, n, at[0], at[1]});
                });
  }
};

/// Calls body(s, n, r) for every token: r counts those of all sequences.
void forAllTokens(Loops &l, const Batch &batch,
                  function_ref<void(Value, Value, Value)> body) {
  l.fold(l.index(0), l.size(batch.length, 0), l.index(0),
         [&](Value s, Value first) {
           Value tokens = l.load(batch.length, s);
           l.forRange(l.index(0), tokens,
                      [&](Value n) { body(s, n, l.add(first, n)); });
           return l.add(first, tokens);
         });
}

/// The keys (or values) of all tokens as rows of `type`.
Value exportRows(Loops &l, const Batch &batch, Value buffer, Value layer,
                 MemRefType type) {
  Value count = l.fold(
      l.index(0), l.size(batch.length, 0), l.index(0),
      [&](Value s, Value sum) { return l.add(sum, l.load(batch.length, s)); });
  Value rows = l.alloc(type, {count, count});
  forAllTokens(l, batch, [&](Value s, Value n, Value r) {
    Value width = l.size(buffer, 4);
    l.forEach({l.size(buffer, 3), width}, [&](ArrayRef<Value> at) {
      Value x = l.load(buffer, {layer, s, n, at[0], at[1]});
      l.store(x, rows, {r, l.add(l.mul(at[0], width), at[1])});
    });
  });
  return rows;
}

struct KVExport : Lowering<KVExportOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(KVExportOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Batch batch(operands.getBatch());
    Cache cache(operands.getKv());
    auto rowsOf = [&](Value result, Value buffer) {
      return exportRows(
          l, batch, buffer, cache.layer,
          cast<MemRefType>(typeConverter->convertType(result.getType())));
    };
    b.replaceOp(op, {rowsOf(op.getKey(), cache.key),
                     rowsOf(op.getValue(), cache.value)});
    return success();
  }
};

struct KVImport : Lowering<KVImportOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(KVImportOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Cache cache(operands.getKv());
    KVType kv = op.getKv().getType();
    forAllTokens(l, Batch(operands.getBatch()), [&](Value s, Value n, Value r) {
      storeToken(l, operands.getKey().front(), r, cache.key, cache.layer, kv,
                 /*values=*/false, s, n);
      storeToken(l, operands.getValue().front(), r, cache.value, cache.layer,
                 kv, /*values=*/true, s, n);
    });
    b.replaceOpWithMultiple(op, {operands.getKv()});
    return success();
  }
};

struct KVQuantize : Lowering<KVQuantizeOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(KVQuantizeOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Batch batch(operands.getBatch());
    Cache cache(operands.getKv());
    SmallVector<Type> types;
    if (failed(typeConverter->convertType(op.getType(), types)))
      return failure();
    SmallVector<Value> result;
    for (bool values : {false, true}) {
      Value from = values ? cache.value : cache.key;
      auto kv = cast<MemRefType>(from.getType());
      auto type = MemRefType::get(
          {ShapedType::kDynamic, kv.getDimSize(3) * kv.getDimSize(4)}, l.real);
      Value rows = exportRows(l, batch, from, cache.layer, type);
      SmallVector<Value> sizes;
      for (int64_t dim = 0; dim < 5; ++dim)
        sizes.push_back(l.size(from, dim));
      Value to = result.emplace_back(l.alloc(types[values], sizes));
      forAllTokens(l, batch, [&](Value s, Value n, Value r) {
        storeToken(l, rows, r, to, cache.layer, op.getType(), values, s, n);
      });
    }
    result.push_back(cache.layer);
    b.replaceOpWithMultiple(op, {ValueRange(result)});
    return success();
  }
};

/// (a, b) -> (a cos - b sin, b cos + a sin) for each pair of every key.
struct RopeShift : Lowering<RopeShiftOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(RopeShiftOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Batch batch(operands.getBatch());
    Cache cache(operands.getKv());
    Value shift = operands.getShift().front(), keys = cache.key;
    int64_t pairs = op.getFrequencies().size();
    l.forRange(l.index(0), l.size(batch.length, 0), [&](Value s) {
      Value by = l.toNumber(l.load(shift, s)), tokens = l.load(batch.length, s);
      for (auto [i, frequency] : llvm::enumerate(op.getFrequencies())) {
        Value angle = l.roundToF32(l.mul(by, l.number(frequency)));
        Value cos = math::CosOp::create(b, l.loc, angle);
        Value sin = math::SinOp::create(b, l.loc, angle);
        int64_t first = op.getInterleaved() ? 2 * i : i;
        int64_t second = op.getInterleaved() ? first + 1 : first + pairs;
        l.forEach({tokens, l.size(keys, 3)}, [&](ArrayRef<Value> at) {
          SmallVector<Value> p = {cache.layer, s, at[0], at[1], l.index(first)};
          SmallVector<Value> q = p;
          q.back() = l.index(second);
          Value x = l.load(keys, p), y = l.load(keys, q);
          l.store(l.sub(l.mul(x, cos), l.mul(y, sin)), keys, p);
          l.store(l.add(l.mul(y, cos), l.mul(x, sin)), keys, q);
        });
      }
    });
    b.replaceOpWithMultiple(op, {operands.getKv()});
    return success();
  }
};

} // namespace

void mica::reference::populateCacheOps(TypeConverter &converter,
                                       RewritePatternSet &patterns) {
  patterns.add<KVView, KVFork, KVEvict, KVMerge, KVExport, KVImport, KVQuantize,
               RopeShift>(converter, patterns.getContext());
}
