//===- TokenSets.cpp - Reference: rows chosen, merged, looked up ----------===//

#include "passes/Reference/Patterns.h"

using namespace mlir;
using namespace mica;
using namespace mica::reference;

namespace {

MemRefType integers(Loops &l) {
  return MemRefType::get(ShapedType::kDynamic, l.b.getI32Type());
}

/// A buffer of `count` numbers that are 0.
Value zeros(Loops &l, Value count) {
  Value buffer = l.alloc(MemRefType::get(ShapedType::kDynamic, l.real), count);
  l.forRange(l.index(0), count,
             [&](Value i) { l.store(l.number(0), buffer, i); });
  return buffer;
}

/// 1 for each row whose logits are wanted, else 0.
Value wantedRows(Loops &l, const Batch &batch) {
  Value wanted = zeros(l, l.size(batch.token, 0));
  l.forRange(l.index(0), l.size(batch.outRow, 0), [&](Value r) {
    l.store(l.number(1), wanted, l.load(batch.outRow, r));
  });
  return wanted;
}

/// body(s, begin, end) with the rows of every sequence.
void forSequences(Loops &l, const Batch &batch,
                  function_ref<void(Value, Value, Value)> body) {
  l.forRange(l.index(0), l.size(batch.length, 0), [&](Value s) {
    body(s, l.load(batch.rowStart, s),
         l.load(batch.rowStart, l.add(s, l.index(1))));
  });
}

/// The rows whose `stays` is 1, and the batch of them.
struct Kept {
  Kept(Loops &l, const Batch &batch, Value stays);

  Value kept;              // [T'] rows
  SmallVector<Value> next; // the lists of the batch
};

Kept::Kept(Loops &l, const Batch &batch, Value stays) {
  Value zero = l.index(0), one = l.index(1), rows = l.size(batch.token, 0);
  Value sequences = l.size(batch.length, 0);
  auto isKept = [&](Value m) { return l.equal(l.load(stays, m), l.number(1)); };
  // How many stay of the rows before each, and of all.
  Value before = l.alloc(integers(l), l.add(rows, one));
  Value count = l.fold(zero, rows, zero, [&](Value m, Value place) {
    l.storeIndex(place, before, m);
    return l.select(isKept(m), l.add(place, one), place);
  });
  l.storeIndex(count, before, rows);

  kept = l.alloc(integers(l), count);
  Value token = l.alloc(integers(l), count);
  Value position = l.alloc(integers(l), count);
  l.forRange(zero, rows, [&](Value m) {
    l.ifThen(isKept(m), [&] {
      Value place = l.load(before, m);
      l.storeIndex(m, kept, place);
      l.storeIndex(l.load(batch.token, m), token, place);
      l.storeIndex(l.load(batch.position, m), position, place);
    });
  });
  Value rowStart = l.alloc(integers(l), l.add(sequences, one));
  Value length = l.alloc(integers(l), sequences);
  l.storeIndex(zero, rowStart, zero);
  forSequences(l, batch, [&](Value s, Value begin, Value end) {
    Value first = l.load(before, begin), last = l.load(before, end);
    l.storeIndex(last, rowStart, l.add(s, one));
    Value gone = l.sub(l.sub(end, begin), l.sub(last, first));
    l.storeIndex(l.sub(l.load(batch.length, s), gone), length, s);
  });
  Value outRow = l.alloc(integers(l), l.size(batch.outRow, 0));
  l.forElements(outRow, [&](ArrayRef<Value> at) {
    l.storeIndex(l.load(before, l.load(batch.outRow, at[0])), outRow, at);
  });
  next = {token, position, rowStart, outRow, length};
}

/// Replaces `op` by rows, those that are kept and their batch.
template <typename OpTy>
void replaceRows(OpTy op, Value rows, const Kept &kept,
                 const TypeConverter &converter, ConversionPatternRewriter &b) {
  SmallVector<ValueRange> results = {ValueRange(rows), ValueRange(kept.kept),
                                     ValueRange(kept.next)};
  b.replaceOpWithMultiple(op, results);
}

struct SelectTokens : Lowering<SelectTokensOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(SelectTokensOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Batch batch(operands.getBatch());
    Value input = operands.getInput().front();
    Kept kept(l, batch, chosen(l, op, batch, operands.getScores().front()));
    Value result = l.allocRows(
        typeConverter->convertType(op.getResult().getType()), kept.kept);
    l.forElements(result, [&](ArrayRef<Value> at) {
      l.store(l.load(input, {l.load(kept.kept, at[0]), at[1]}), result, at);
    });
    replaceRows(op, result, kept, *typeConverter, b);
    return success();
  }

  /// 1 for each row that stays, else 0.
  static Value chosen(Loops &l, SelectTokensOp op, const Batch &batch,
                      Value scores) {
    Value wanted = wantedRows(l, batch);
    Value stays = zeros(l, l.size(batch.token, 0));
    Value zero = l.index(0), one = l.index(1), yes = l.number(1);
    // Whether row r comes before row m.
    auto precedes = [&](Value r, Value m) {
      Value x = l.load(wanted, r), y = l.load(wanted, m);
      Value p = l.load(scores, {r, zero}), q = l.load(scores, {m, zero});
      Value earlier = l.both(l.equal(p, q), l.less(r, m));
      Value greater = l.either(l.less(q, p), earlier);
      return l.either(l.less(y, x), l.both(l.equal(x, y), greater));
    };
    forSequences(l, batch, [&](Value, Value begin, Value end) {
      Value rows = l.toNumber(l.sub(end, begin));
      Value part = l.mul(l.number(op.getKeep().convertToDouble()), rows);
      part = math::CeilOp::create(l.b, l.loc, part);
      part = l.max(part, l.number(static_cast<double>(op.getLeast())));
      l.forRange(begin, end, [&](Value m) {
        Value rank = l.fold(begin, end, zero, [&](Value r, Value rank) {
          return l.select(precedes(r, m), l.add(rank, one), rank);
        });
        Value isKept = l.either(l.equal(l.load(wanted, m), yes),
                                l.less(l.toNumber(rank), part));
        l.ifThen(isKept, [&] { l.store(yes, stays, m); });
      });
    });
    return stays;
  }
};

struct MergeTokens : Lowering<MergeTokensOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(MergeTokensOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Batch batch(operands.getBatch());
    Value input = operands.getInput().front();
    Value into = operands.getInto().front(), stays = wantedRows(l, batch);
    Value zero = l.index(0), rows = l.size(input, 0), yes = l.number(1);
    auto target = [&](Value m) { return l.load(into, {m, zero}); };
    l.forRange(zero, rows, [&](Value m) {
      l.ifThen(l.equal(target(m), m), [&] { l.store(yes, stays, m); });
    });
    Kept kept(l, batch, stays);
    Value result = l.allocRows(
        typeConverter->convertType(op.getResult().getType()), kept.kept);
    // Whether row m is a part of the row that stays as `place`.
    auto isPart = [&](Value m, Value place) {
      Value merges = l.both(l.equal(l.load(stays, m), l.number(0)),
                            l.equal(target(m), place));
      return l.either(l.equal(m, place), merges);
    };
    l.forElements(result, [&](ArrayRef<Value> at) {
      Value place = l.load(kept.kept, at[0]), none = l.number(0);
      Value sum = l.sum(zero, rows, [&](Value m) {
        return l.select(isPart(m, place), l.load(input, {m, at[1]}), none);
      });
      Value count = l.sum(zero, rows, [&](Value m) {
        return l.select(isPart(m, place), yes, none);
      });
      l.store(l.div(sum, count), result, at);
    });
    replaceRows(op, result, kept, *typeConverter, b);
    return success();
  }
};

/// result[kept[j], :] = rows[j, :], the others as in `into`
struct ScatterTokens : Lowering<ScatterTokensOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(ScatterTokensOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Value result =
        l.allocRows(operands.getInto().getType(), operands.getInto());
    l.forElements(result, [&](ArrayRef<Value> at) {
      l.store(l.load(operands.getInto(), at), result, at);
    });
    l.forElements(operands.getRows(), [&](ArrayRef<Value> at) {
      Value row = l.load(operands.getKept(), at[0]);
      l.store(l.load(operands.getRows(), at), result, {row, at[1]});
    });
    b.replaceOp(op, result);
    return success();
  }
};

/// result[m, :] = table[hash(m) mod rows(table), :]
struct NgramEmbedding : Lowering<NgramEmbeddingOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(NgramEmbeddingOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Batch batch(operands.getBatch());
    Value table = operands.getTable().front();
    Value result =
        l.allocRows(typeConverter->convertType(op.getType()), batch.token);
    forSequences(l, batch, [&](Value, Value begin, Value end) {
      l.forRange(begin, end, [&](Value m) {
        Value row = l.rem(hash(l, op, batch, begin, m), l.size(table, 0));
        l.forRange(l.index(0), l.size(table, 1), [&](Value i) {
          l.store(l.load(table, {row, i}), result, {m, i});
        });
      });
    });
    b.replaceOp(op, result);
    return success();
  }

  /// sum_i (token[m - i] + 1) * multiplier^i (mod 2^32)
  static Value hash(Loops &l, NgramEmbeddingOp op, const Batch &batch,
                    Value begin, Value m) {
    Value sum = l.index(0), all = l.index(int64_t(1) << 32);
    uint32_t power = 1;
    for (int64_t i = 0; i < static_cast<int64_t>(op.getN()); ++i) {
      Value row = l.sub(m, l.index(i));
      Value token = l.load(batch.token, l.max(row, begin));
      Value term = l.mul(l.add(token, l.index(1)), l.index(power));
      term = l.select(l.less(row, begin), l.index(0), l.rem(term, all));
      sum = l.rem(l.add(sum, term), all);
      power *= static_cast<uint32_t>(op.getMultiplier());
    }
    return sum;
  }
};

} // namespace

void mica::reference::populateTokenSets(TypeConverter &converter,
                                        RewritePatternSet &patterns) {
  patterns.add<SelectTokens, MergeTokens, ScatterTokens, NgramEmbedding>(
      converter, patterns.getContext());
}
