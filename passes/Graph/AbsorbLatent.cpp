//===- AbsorbLatent.cpp - Attention over a latent without keys ------------===//

#include "passes/Graph/Passes.h"

namespace mica {
#define GEN_PASS_DEF_ABSORBLATENTPASS
#include "passes/Graph/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;

/// Rows like those of `op`'s result with `columns` columns.
static RankedTensorType rowsOf(LatentAttentionOp op, int64_t columns) {
  RankedTensorType type = op.getType();
  return RankedTensorType::get({type.getDimSize(0), columns},
                               type.getElementType());
}

/// q . (W c) = (W^T q) . c, and sum_n p[n] (W c[n]) = W (sum_n p[n] c[n]).
static void absorb(LatentAttentionOp op) {
  OpBuilder b(op);
  int64_t heads = op.getHeads(), key = op.getKv().getType().getKey();
  Value queries = HeadLinearOp::create(b, op.getLoc(), rowsOf(op, heads * key),
                                       op.getInput(), op.getKeys(),
                                       /*round_weights_from=*/IntegerAttr());
  Value latents = AttentionOp::create(
      b, op.getLoc(), rowsOf(op, heads * op.getRank()), queries, op.getKv(),
      op.getBatch(), b.getI64IntegerAttr(heads), op.getScaleAttr(),
      op.getMask(), b.getF32FloatAttr(0));
  auto result = HeadLinearOp::create(b, op.getLoc(), op.getType(), latents,
                                     op.getValues(),
                                     /*round_weights_from=*/IntegerAttr());
  result->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  op.replaceAllUsesWith(result.getResult());
  op.erase();
}

namespace {

struct AbsorbLatent : mica::impl::AbsorbLatentPassBase<AbsorbLatent> {
  void runOnOperation() override { getOperation().walk(absorb); }
};

} // namespace
