//===- Tokens.cpp - Reference: ops that read rows by index ----------------===//

#include "passes/Reference/Patterns.h"

using namespace mlir;
using namespace mica;
using namespace mica::reference;

namespace {

/// `buffer` as the type that `type` converts to.
Value castTo(const TypeConverter &converter, Type type, Value buffer,
             OpBuilder &b) {
  Type wanted = converter.convertType(type);
  if (buffer.getType() == wanted)
    return buffer;
  return memref::CastOp::create(b, buffer.getLoc(), wanted, buffer);
}

struct Tokens : Lowering<TokensOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(TokensOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Batch batch(operands.getBatch());
    b.replaceOp(op, castTo(*typeConverter, op.getType(), batch.token, b));
    return success();
  }
};

struct Positions : Lowering<PositionsOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(PositionsOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Batch batch(operands.getBatch());
    b.replaceOp(op, castTo(*typeConverter, op.getType(), batch.position, b));
    return success();
  }
};

/// result[m, i] = f32(table[ids[m], i])
struct Embedding : Lowering<EmbeddingOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(EmbeddingOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Value ids = operands.getIds(), table = operands.getTable();
    Value result = l.allocRows(typeConverter->convertType(op.getType()), ids);
    l.forElements(result, [&](ArrayRef<Value> at) {
      Value row = op.getRow() ? l.index(*op.getRow()) : l.load(ids, at[0]);
      l.store(l.load(table, {row, at[1]}), result, at);
    });
    b.replaceOp(op, result);
    return success();
  }
};

/// result[r, i] = input[out_row[r], i]
struct OutputRows : Lowering<OutputRowsOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(OutputRowsOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Batch batch(operands.getBatch());
    Value input = operands.getInput().front();
    Value result =
        l.allocRows(typeConverter->convertType(op.getType()), batch.outRow);
    l.forElements(result, [&](ArrayRef<Value> at) {
      Value row = l.load(batch.outRow, at[0]);
      l.store(l.load(input, {row, at[1]}), result, at);
    });
    b.replaceOp(op, result);
    return success();
  }
};

/// Of the rows of a sequence their mean, the first or the last.
struct PoolRows : Lowering<PoolRowsOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(PoolRowsOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Batch batch(operands.getBatch());
    Value input = operands.getInput().front();
    Value result =
        l.allocRows(typeConverter->convertType(op.getType()), batch.outRow);
    Value one = l.index(1), zero = l.index(0);
    Value seqs = l.sub(l.size(batch.rowStart, 0), one);
    l.forElements(result, [&](ArrayRef<Value> at) {
      Value row = l.load(batch.outRow, at[0]);
      // The sequence is the last one that does not begin behind the row.
      Value s = l.fold(zero, seqs, zero, [&](Value i, Value found) -> Value {
        Value begins =
            arith::CmpIOp::create(b, l.loc, arith::CmpIPredicate::ule,
                                  l.load(batch.rowStart, i), row);
        return arith::SelectOp::create(b, l.loc, begins, i, found);
      });
      Value first = l.load(batch.rowStart, s);
      Value end = l.load(batch.rowStart, l.add(s, one));
      auto element = [&](Value m) { return l.load(input, {m, at[1]}); };
      if (op.getKind() != Pooling::mean) {
        bool isFirst = op.getKind() == Pooling::first;
        l.store(element(isFirst ? first : l.sub(end, one)), result, at);
        return;
      }
      Value count = arith::UIToFPOp::create(
          b, l.loc, b.getF64Type(),
          arith::IndexCastOp::create(b, l.loc, b.getI64Type(),
                                     l.sub(end, first)));
      l.store(l.div(l.sum(first, end, element), count), result, at);
    });
    b.replaceOp(op, result);
    return success();
  }
};

/// result[m, j] = input[m, order[j]]
struct PermuteColumns : Lowering<PermuteColumnsOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(PermuteColumnsOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Value input = operands.getInput(), order = operands.getOrder();
    Value result = l.allocRows(typeConverter->convertType(op.getType()), input);
    l.forElements(result, [&](ArrayRef<Value> at) {
      l.store(l.load(input, {at[0], l.load(order, at[1])}), result, at);
    });
    b.replaceOp(op, result);
    return success();
  }
};

} // namespace

void mica::reference::populateTokens(TypeConverter &converter,
                                     RewritePatternSet &patterns) {
  patterns
      .add<Tokens, Positions, Embedding, OutputRows, PoolRows, PermuteColumns>(
          converter, patterns.getContext());
}
