//===- MicaLatentOps.cpp - Verifiers: attention over a latent -------------===//

#include "dialects/Mica/Mica.h"

using namespace mlir;
using namespace mica;

LogicalResult mica::verifyReach(Operation *op, MaskAttr mask, KVType kv) {
  int64_t reach = mask.getChunk() ? mask.getChunk() : mask.getWindow();
  if (kv.getWindow() && (!reach || reach > kv.getWindow()))
    return op->emitOpError("expects a ")
           << (mask.getChunk() ? "chunk" : "window")
           << " of at most the cache's " << kv.getWindow() << ", but got "
           << reach;
  if (kv.getWindow() && mask.getSink())
    return op->emitOpError("expects a cache without a window, which keeps the ")
           << mask.getSink() << " sinks of the mask, but got one of "
           << kv.getWindow();
  return success();
}

LogicalResult LatentAttentionOp::verify() {
  WeightType keys = getKeys().getType(), values = getValues().getType();
  KVType kv = getKv().getType();
  // latent_attention_c1
  if (!keys.isParts() || !values.isParts() || keys.parts() != values.parts() ||
      keys.rows() != values.columns())
    return emitOpError("expects keys of [heads, rank, nope] and values of "
                       "[heads, value, rank] with the same heads and rank, but "
                       "got ")
           << keys << " and " << values;
  // latent_attention_c2
  if (kv.getHeads() != 1 || kv.getValue() != keys.rows() ||
      kv.getKey() < kv.getValue())
    return emitOpError("expects a cache of one head with values ")
           << keys.rows() << " wide and keys as wide or wider, but got " << kv;
  // latent_attention_c3
  if (failed(expectColumns(*this, "input", getInput(),
                           getHeads() * (getNope() + getRope()))))
    return failure();
  // latent_attention_c4
  if (failed(expectColumns(*this, "result", getResult(),
                           getHeads() * values.rows())))
    return failure();
  // latent_attention_c5
  return verifyReach(*this, getMask(), kv);
}

int64_t HeadLinearOp::getInputStep() {
  return columnsOf(getInput()) / getHeads();
}

int64_t HeadLinearOp::getOutputStep() {
  return columnsOf(getResult()) / getHeads();
}

LogicalResult HeadLinearOp::verify() {
  WeightType weight = getWeight().getType();
  // head_linear_c1
  if (!weight.isParts())
    return emitOpError("expects weight of 3 dimensions, but got ")
           << weight.getShape().size();
  // head_linear_c2
  int64_t heads = weight.parts(), columns = columnsOf(getInput());
  if (columns % heads || columns / heads < getTerms())
    return emitOpError("expects input to have ")
           << heads << " heads of " << getTerms()
           << " columns or more, but got " << columns << " columns";
  // head_linear_c3
  if (failed(expectColumns(*this, "result", getResult(),
                           columns + heads * (getOutputs() - getTerms()))))
    return failure();
  // head_linear_c4
  return verifyProduct(*this);
}
