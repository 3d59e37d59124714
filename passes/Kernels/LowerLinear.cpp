//===- LowerLinear.cpp - A product and its epilogue as tile.contract ------===//

#include "passes/Kernels/SegmentEmitter.h"

using namespace mlir;
using namespace mica;
using namespace mica::tile;

void mica::lowerLinear(KernelContext &context, GroupOp group) {
  OpBuilder &b = context.b;
  Location loc = group.getLoc();
  auto linear = cast<ProductOpInterface>(group.getAnchor());
  auto grouped = dyn_cast<GroupedLinearOp>(*linear);
  int64_t columns = columnsOf(linear.getProduct());
  int64_t granule = *group.getGranule();
  WeightType weight = linear.getWeight().getType();
  tile::BlocksAttr blocks;
  IntegerAttr terms;
  if (FormatAttr format = weight.getFormat()) {
    blocks = format.getBlocks();
    terms = b.getI64IntegerAttr(weight.columns());
  }

  IntegerAttr rounding;
  if (std::optional<uint64_t> from = linear.getRoundWeightsFrom())
    rounding = b.getI64IntegerAttr(*from);
  auto contract = ContractOp::create(
      b, loc, context.bufferOf(linear.getInput()),
      context.weightOf(linear.getWeight()),
      grouped ? context.flatBufferOf(grouped.getParts(), 2) : Value(),
      ValueRange(), b.getI64IntegerAttr(weight.parts()),
      b.getI64IntegerAttr(columns), b.getI64IntegerAttr(granule),
      group.getElasticAttr(), blocks, terms, groupsOf(linear.getInput()),
      rounding, ScheduleAttr());
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
    acc = acc + (grouped ? emitter.loadBias(grouped)
                         : emitter.loadVector(bias, columns, granule));
  emitter.set(linear.getProduct(), acc);
  for (Operation &op : group.getBody().front())
    if (&op != linear)
      emitter.emit(&op);
  emitter.storeResults(group);
  tile::YieldOp::create(b, loc, ValueRange());
  contract.getCapturesMutable().assign(captureOutside(&region));
}
