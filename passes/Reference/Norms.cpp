//===- Norms.cpp - Reference: rms_norm, add_rms_norm, layer_norm ----------===//

#include "passes/Reference/Patterns.h"

using namespace mlir;
using namespace mica;
using namespace mica::reference;

namespace {

int64_t sizeOf(Value vector) {
  return cast<MemRefType>(vector.getType()).getDimSize(0);
}

int64_t columnsOf(Value rows) {
  return cast<MemRefType>(rows.getType()).getDimSize(1);
}

/// With d = `group`, or the size of the weight,
///
/// (1 in the place of weight and offset if `weight` is null)
///
/// result[m, g d + i] = input[m, g d + i]
///                    * (weight[(g d + i) mod size(weight)] + offset)
///                    / sqrt(mean_j(input[m, g d + j]^2) + eps)
void rmsNorm(Loops &l, Value input, Value weight, double eps, double offset,
             std::optional<int64_t> group, Value result) {
  int64_t columns = columnsOf(input), size = weight ? sizeOf(weight) : columns;
  int64_t d = group.value_or(size);
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
      Value column = l.add(first, i), w = l.number(1);
      if (weight) {
        w = l.load(weight, l.rem(column, l.index(size)));
        w = l.add(w, l.number(offset));
      }
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
            op.getOffset().convertToDouble(), op.getGroup(), result);
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
            op.getOffset().convertToDouble(), /*group=*/{}, result);
    b.replaceOp(op, {sum, result});
    return success();
  }
};

/// With d = `group`, or the size of the weight, and the mean and the variance
/// of the group of d columns that i is in,
///
/// result[m, i] = (input[m, i] - mean) / sqrt(var + eps)
///              * weight[i mod size(weight)] + bias[i mod size(weight)]
struct LayerNorm : Lowering<LayerNormOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(LayerNormOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    Value input = operands.getInput(), weight = operands.getWeight();
    Value bias = operands.getBias(),
          result = l.allocRows(input.getType(), input);
    int64_t size = sizeOf(weight), d = op.getGroup().value_or(size);
    Value count = l.number(static_cast<double>(d));
    Value eps = l.number(op.getEps().convertToDouble());
    Value groups = l.index(columnsOf(input) / d);
    l.forEach({l.size(input, 0), groups}, [&](ArrayRef<Value> at) {
      Value first = l.mul(at[1], l.index(d)), last = l.add(first, l.index(d));
      Value mean =
          l.div(l.sum(first, last,
                      [&](Value j) { return l.load(input, {at[0], j}); }),
                count);
      Value squares = l.sum(first, last, [&](Value j) {
        Value x = l.sub(l.load(input, {at[0], j}), mean);
        return l.mul(x, x);
      });
      Value variance = l.div(squares, count);
      Value deviation =
          math::SqrtOp::create(b, op.getLoc(), l.add(variance, eps));
      l.forRange(first, last, [&](Value i) {
        Value y = l.div(l.sub(l.load(input, {at[0], i}), mean), deviation);
        Value place = l.rem(i, l.index(size));
        y = l.mul(y, l.load(weight, place));
        l.store(bias ? l.add(y, l.load(bias, place)) : y, result, {at[0], i});
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
