//===- LowerLinear.cpp - A product and its epilogue as tile.contract ------===//

#include "passes/Kernels/SegmentEmitter.h"

using namespace mlir;
using namespace mica;
using namespace mica::tile;

void mica::lowerLinear(KernelContext &context, GroupOp group) {
  OpBuilder &b = context.b;
  Location loc = group.getLoc();
  auto linear = cast<LinearOp>(group.getAnchor());
  int64_t columns = linear.getType().getDimSize(1);
  int64_t granule = *group.getGranule();
  WeightType weight = linear.getWeight().getType();
  tile::BlocksAttr blocks;
  IntegerAttr terms;
  if (FormatAttr format = weight.getFormat()) {
    blocks = format.getBlocks();
    terms = b.getI64IntegerAttr(weight.columns());
  }

  auto contract = ContractOp::create(
      b, loc, context.bufferOf(linear.getInput()),
      context.weightOf(linear.getWeight()), /*offsets=*/Value(), ValueRange(),
      b.getI64IntegerAttr(columns), b.getI64IntegerAttr(granule),
      group.getElasticAttr(), blocks, terms, groupsOf(linear.getInput()),
      linear.getRoundWeightsFromAttr(), ScheduleAttr());
  Region &region = contract.getEpilogue();
  OpBuilder::InsertionGuard guard(b);
  Block *body = b.createBlock(&region, {},
                              {VectorType::get(granule, b.getF32Type()),
                               b.getIndexType(), b.getIndexType()},
                              {loc, loc, loc});
  SegmentEmitter emitter(context, b, loc, body->getArgument(1),
                         body->getArgument(2), columns, granule);
  Row acc = emitter.row(body->getArgument(0));
  if (Value bias = linear.getBias())
    acc = acc + emitter.loadVector(bias, columns, granule);
  emitter.set(linear.getResult(), acc);
  for (Operation &op : group.getBody().front())
    if (&op != linear)
      emitter.emit(&op);
  emitter.storeResults(group);
  tile::YieldOp::create(b, loc, ValueRange());
  contract.getCapturesMutable().assign(captureOutside(&region));
}
