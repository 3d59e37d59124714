//===- Elementwise.cpp - Reference: arith, math and tensor ops ------------===//

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "passes/Reference/Patterns.h"

using namespace mlir;
using namespace mica;
using namespace mica::reference;

namespace {

/// An elementwise op on tensors: the same op on every element.
struct Elementwise : ConversionPattern {
  Elementwise(TypeConverter &converter, MLIRContext *context)
      : ConversionPattern(converter, MatchAnyOpTypeTag(), /*benefit=*/1,
                          context) {}

  LogicalResult matchAndRewrite(Operation *op, ArrayRef<Value> operands,
                                ConversionPatternRewriter &b) const override {
    if (!OpTrait::hasElementwiseMappableTraits(op) ||
        !llvm::all_of(op->getResultTypes(), llvm::IsaPred<RankedTensorType>))
      return b.notifyMatchFailure(op, "not an elementwise op on tensors");
    const auto *like = llvm::find_if(
        operands, [](Value v) { return isa<MemRefType>(v.getType()); });
    Loops l(b, op->getLoc());
    SmallVector<Value> sizes, results;
    for (int64_t d = 0; d < cast<MemRefType>(like->getType()).getRank(); ++d)
      sizes.push_back(l.size(*like, d));
    for (Type type : op->getResultTypes())
      results.push_back(l.alloc(typeConverter->convertType(type), sizes));
    l.forEach(sizes, [&](ArrayRef<Value> at) {
      IRMapping elements;
      for (auto [from, to] : llvm::zip(op->getOperands(), operands))
        elements.map(from, isa<MemRefType>(to.getType())
                               ? memref::LoadOp::create(b, l.loc, to, at)
                               : to);
      Operation *scalar = op->clone(elements);
      for (OpResult result : scalar->getResults())
        result.setType(getElementTypeOrSelf(result.getType()));
      b.insert(scalar);
      for (auto [element, result] : llvm::zip(scalar->getResults(), results))
        memref::StoreOp::create(b, l.loc, element, result, at);
    });
    b.replaceOp(op, results);
    return success();
  }
};

struct Constant : Lowering<arith::ConstantOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(arith::ConstantOp op, OpAdaptor,
                                ConversionPatternRewriter &b) const override {
    auto value = dyn_cast<DenseElementsAttr>(op.getValue());
    if (!value)
      return b.notifyMatchFailure(op, "not a dense constant");
    Loops l(b, op.getLoc());
    Value result = l.alloc(typeConverter->convertType(op.getType()), {});
    auto shape = cast<RankedTensorType>(op.getType()).getShape();
    auto element = [&](TypedAttr attr) {
      return arith::ConstantOp::create(b, op.getLoc(), attr);
    };
    if (value.isSplat()) {
      Value splat = element(value.getSplatValue<TypedAttr>());
      l.forElements(result, [&](ArrayRef<Value> at) {
        memref::StoreOp::create(b, op.getLoc(), splat, result, at);
      });
    } else {
      for (auto [i, attr] : llvm::enumerate(value.getValues<TypedAttr>())) {
        SmallVector<Value> at(shape.size());
        for (int64_t rest = i, d = shape.size() - 1; d >= 0; --d) {
          at[d] = l.index(rest % shape[d]);
          rest /= shape[d];
        }
        memref::StoreOp::create(b, op.getLoc(), element(attr), result, at);
      }
    }
    b.replaceOp(op, result);
    return success();
  }
};

struct Splat : Lowering<tensor::SplatOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(tensor::SplatOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    Loops l(b, op.getLoc());
    auto type = cast<MemRefType>(typeConverter->convertType(op.getType()));
    Value result = memref::AllocOp::create(b, op.getLoc(), type,
                                           operands.getDynamicSizes());
    l.forElements(result, [&](ArrayRef<Value> at) {
      memref::StoreOp::create(b, op.getLoc(), operands.getInput(), result, at);
    });
    b.replaceOp(op, result);
    return success();
  }
};

struct Dim : Lowering<tensor::DimOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(tensor::DimOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    b.replaceOpWithNewOp<memref::DimOp>(op, operands.getSource(),
                                        operands.getIndex());
    return success();
  }
};

struct Cast : Lowering<tensor::CastOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(tensor::CastOp op, OpAdaptor operands,
                                ConversionPatternRewriter &b) const override {
    b.replaceOpWithNewOp<memref::CastOp>(
        op, typeConverter->convertType(op.getType()), operands.getSource());
    return success();
  }
};

} // namespace

void mica::reference::populateElementwise(TypeConverter &converter,
                                          RewritePatternSet &patterns) {
  patterns.add<Elementwise, Constant, Splat, Dim, Cast>(converter,
                                                        patterns.getContext());
}
