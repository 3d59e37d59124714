//===- Position.cpp - Reference: rope_angles, rope, position_scale --------===//

#include "passes/Reference/Patterns.h"

using namespace mlir;
using namespace mica;
using namespace mica::reference;

namespace {

/// result[m, i, 0 | 1] = scale * cos | sin(f32(positions[m]) * frequencies[i]),
/// the angle rounded to f32.
struct RopeAngles : Lowering<RopeAnglesOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(RopeAnglesOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Value positions = operands.getPositions();
    Value result =
        l.allocRows(typeConverter->convertType(op.getType()), positions);
    Value scale = l.number(op.getScale().convertToDouble());
    l.forEach(l.size(positions, 0), [&](ArrayRef<Value> at) {
      Value integer = arith::IndexCastOp::create(b, l.loc, b.getI64Type(),
                                                 l.load(positions, at[0]));
      Value position = l.roundToF32(
          arith::SIToFPOp::create(b, l.loc, b.getF64Type(), integer));
      for (auto [i, frequency] : llvm::enumerate(op.getFrequencies())) {
        Value angle = l.roundToF32(l.mul(position, l.number(frequency)));
        Value cos = math::CosOp::create(b, l.loc, angle);
        Value sin = math::SinOp::create(b, l.loc, angle);
        l.store(l.mul(scale, cos), result, {at[0], l.index(i), l.index(0)});
        l.store(l.mul(scale, sin), result, {at[0], l.index(i), l.index(1)});
      }
    });
    b.replaceOp(op, result);
    return success();
  }
};

/// (a, b) -> (a cos_i - b sin_i, b cos_i + a sin_i) for each pair of a head;
/// the columns in no pair pass through.
struct Rope : Lowering<RopeOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(RopeOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Value input = operands.getInput(), angles = operands.getAngles();
    Value result = l.allocRows(input.getType(), input);
    int64_t d = op.getHead();
    int64_t r = cast<MemRefType>(angles.getType()).getDimSize(1);
    int64_t heads = cast<MemRefType>(input.getType()).getDimSize(1) / d;
    l.forElements(result, [&](ArrayRef<Value> at) {
      l.store(l.load(input, at), result, at);
    });
    Value rows = l.size(input, 0);
    l.forEach({rows, l.index(heads), l.index(r)}, [&](ArrayRef<Value> at) {
      Value m = at[0], i = at[2];
      Value head = l.add(l.mul(at[1], l.index(d)), l.index(op.getFirst()));
      Value first = op.getInterleaved() ? l.mul(i, l.index(2)) : i;
      Value second = l.add(first, l.index(op.getInterleaved() ? 1 : r));
      first = l.add(head, first);
      second = l.add(head, second);
      Value x = l.load(input, {m, first}), y = l.load(input, {m, second});
      Value cos = l.load(angles, {m, i, l.index(0)});
      Value sin = l.load(angles, {m, i, l.index(1)});
      l.store(l.sub(l.mul(x, cos), l.mul(y, sin)), result, {m, first});
      l.store(l.add(l.mul(y, cos), l.mul(x, sin)), result, {m, second});
    });
    b.replaceOp(op, result);
    return success();
  }
};

/// result[m, i] = input[m, i] * (1 + scale * ln(1 + floor((p + 1) / interval)))
struct PositionScale : Lowering<PositionScaleOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(PositionScaleOp op, OneToNOpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Batch batch(operands.getBatch());
    Value input = operands.getInput().front();
    Value result = l.allocRows(input.getType(), input);
    Value one = l.index(1), interval = l.index(op.getInterval());
    l.forElements(result, [&](ArrayRef<Value> at) {
      Value next = l.add(l.load(batch.position, at[0]), one);
      Value steps = l.add(l.div(next, interval), one);
      steps = arith::IndexCastOp::create(b, l.loc, b.getI64Type(), steps);
      steps = arith::SIToFPOp::create(b, l.loc, b.getF64Type(), steps);
      Value log = math::LogOp::create(b, l.loc, steps);
      Value scale = l.number(op.getScale().convertToDouble());
      Value factor = l.add(l.number(1), l.mul(scale, log));
      l.store(l.mul(l.load(input, at), factor), result, at);
    });
    b.replaceOp(op, result);
    return success();
  }
};

} // namespace

void mica::reference::populatePosition(TypeConverter &converter,
                                       RewritePatternSet &patterns) {
  patterns.add<RopeAngles, Rope, PositionScale>(converter,
                                                patterns.getContext());
}
