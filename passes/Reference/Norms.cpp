//===- Norms.cpp - Reference: rms_norm, add_rms_norm, layer_norm ----------===//

#include "passes/Reference/Patterns.h"

using namespace mlir;
using namespace mica;
using namespace mica::reference;

namespace {

/// result[m, g d + i] = input[m, g d + i] * (weight[i] + offset)
///                    / sqrt(mean_j(input[m, g d + j]^2) + eps)
void rmsNorm(Loops &l, Value input, Value weight, double eps, double offset,
             Value result) {
  int64_t d = cast<MemRefType>(weight.getType()).getDimSize(0);
  int64_t columns = cast<MemRefType>(input.getType()).getDimSize(1);
  Value rows = l.size(input, 0), groups = l.index(columns / d);
  l.forEach({rows, groups}, [&](ArrayRef<Value> at) {
    Value first = l.mul(at[1], l.index(d));
    Value squares = l.sum(l.index(0), l.index(d), [&](Value j) {
      Value x = l.load(input, {at[0], l.add(first, j)});
      return l.mul(x, x);
    });
    Value mean = l.div(squares, l.number(static_cast<double>(d)));
    Value rms = math::SqrtOp::create(l.b, l.loc, l.add(mean, l.number(eps)));
    l.forRange(l.index(0), l.index(d), [&](Value i) {
      Value column = l.add(first, i);
      Value w = l.add(l.load(weight, i), l.number(offset));
      Value x = l.load(input, {at[0], column});
      l.store(l.div(l.mul(x, w), rms), result, {at[0], column});
    });
  });
}

struct RMSNorm : Lowering<RMSNormOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(RMSNormOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Value input = operands.getInput();
    Value result = l.allocRows(input.getType(), input);
    rmsNorm(l, input, operands.getWeight(), op.getEps().convertToDouble(),
            op.getOffset().convertToDouble(), result);
    b.replaceOp(op, result);
    return success();
  }
};

/// sum = input + residual, result = rms_norm(sum)
struct AddRMSNorm : Lowering<AddRMSNormOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(AddRMSNormOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Value input = operands.getInput();
    Value sum = l.allocRows(input.getType(), input);
    Value result = l.allocRows(input.getType(), input);
    l.forElements(sum, [&](ArrayRef<Value> at) {
      Value x = l.load(input, at), r = l.load(operands.getResidual(), at);
      l.store(l.add(x, r), sum, at);
    });
    rmsNorm(l, sum, operands.getWeight(), op.getEps().convertToDouble(),
            op.getOffset().convertToDouble(), result);
    b.replaceOp(op, {sum, result});
    return success();
  }
};

/// result[m, i] = (input[m, i] - mean) / sqrt(var + eps) * weight[i] + bias[i]
struct LayerNorm : Lowering<LayerNormOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(LayerNormOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Value input = operands.getInput(), bias = operands.getBias();
    Value result = l.allocRows(input.getType(), input);
    int64_t d = cast<MemRefType>(input.getType()).getDimSize(1);
    Value zero = l.index(0), columns = l.index(d);
    Value count = l.number(static_cast<double>(d));
    Value eps = l.number(op.getEps().convertToDouble());
    l.forEach(l.size(input, 0), [&](ArrayRef<Value> at) {
      Value mean =
          l.div(l.sum(zero, columns,
                      [&](Value j) { return l.load(input, {at[0], j}); }),
                count);
      Value squares = l.sum(zero, columns, [&](Value j) {
        Value x = l.sub(l.load(input, {at[0], j}), mean);
        return l.mul(x, x);
      });
      Value variance = l.div(squares, count);
      Value deviation =
          math::SqrtOp::create(b, op.getLoc(), l.add(variance, eps));
      l.forRange(zero, columns, [&](Value i) {
        Value y = l.div(l.sub(l.load(input, {at[0], i}), mean), deviation);
        y = l.mul(y, l.load(operands.getWeight(), i));
        l.store(bias ? l.add(y, l.load(bias, i)) : y, result, {at[0], i});
      });
    });
    b.replaceOp(op, result);
    return success();
  }
};

} // namespace

void mica::reference::populateNorms(TypeConverter &converter,
                                    RewritePatternSet &patterns) {
  patterns.add<RMSNorm, AddRMSNorm, LayerNorm>(converter,
                                               patterns.getContext());
}
