//===- MicaTokenOps.cpp - Verifiers of ops on rows chosen and merged ------===//

#include "dialects/Mica/Mica.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mica;

bool mica::runsAsLoops(Operation *op) {
  return isa<LogitsMaskOp, TopKOp, SkipOp>(op);
}

LogicalResult LogitsMaskOp::verify() {
  int64_t columns = columnsOf(getInput());
  auto weight = dyn_cast<WeightType>(getMask().getType());
  if (!weight)
    // logits_mask_c2
    return expectColumns(*this, "mask", getMask(),
                         llvm::divideCeil(columns, 32));
  // logits_mask_c3
  if (weight.getShape() != ArrayRef(columns) || !weight.getElementType() ||
      !weight.getElementType().isInteger(32))
    return emitOpError("expects mask to be a vector of ")
           << columns << " elements of i32, but got " << weight;
  return success();
}

LogicalResult TopKOp::verify() {
  // topk_c1
  int64_t k = columnsOf(getValues()), columns = columnsOf(getInput());
  if (k > columns)
    return emitOpError("expects at most ")
           << columns << " values, one per input column, but got " << k;
  return expectColumns(*this, "indices", getIndices(), k);
}

LogicalResult SkipOp::verify() {
  // skip_c2
  return expectColumns(*this, "score", getScore(), 1);
}

LogicalResult NgramEmbeddingOp::verify() {
  WeightType table = getTable().getType();
  // ngram_embedding_c1
  if (table.getShape().size() != 2)
    return emitOpError("expects table of 2 dimensions, but got ")
           << table.getShape().size();
  // ngram_embedding_c2
  if (failed(expectColumns(*this, "result", getResult(), table.columns())))
    return failure();
  // ngram_embedding_c3
  int64_t n = getN(), multiplier = getMultiplier();
  if (n < 1)
    return emitOpError("expects n of 1 or more, but got ") << n;
  if (multiplier < 1 || multiplier % 2 == 0 || multiplier >> 31)
    return emitOpError("expects an odd multiplier below 2^31, but got ")
           << multiplier;
  return success();
}

LogicalResult SelectTokensOp::verify() {
  // select_tokens_c1
  if (failed(
          expectColumns(*this, "result", getResult(), columnsOf(getInput()))))
    return failure();
  // select_tokens_c2
  if (failed(expectColumns(*this, "scores", getScores(), 1)))
    return failure();
  // select_tokens_c3
  double keep = getKeep().convertToDouble();
  if (!(keep > 0 && keep <= 1))
    return emitOpError("expects to keep a part above 0 and up to 1, but got ")
           << getKeepAttr();
  if (int64_t least = getLeast(); least < 0)
    return emitOpError("expects least of 0 or more, but got ") << least;
  return success();
}

LogicalResult ScatterTokensOp::verify() {
  // scatter_tokens_c2
  return expectColumns(*this, "rows", getRows(), columnsOf(getInto()));
}

LogicalResult MergeTokensOp::verify() {
  // merge_tokens_c1
  if (failed(
          expectColumns(*this, "result", getResult(), columnsOf(getInput()))))
    return failure();
  // merge_tokens_c2
  return expectColumns(*this, "into", getInto(), 1);
}
