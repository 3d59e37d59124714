//===- LowerLinear.cpp - A product and its epilogue as tile.contract ------===//

#include "passes/Kernels/SegmentEmitter.h"

using namespace mlir;
using namespace mica;
using namespace mica::tile;

/// Columns of heads that pass the product by: the group's other ops on them.
static void lowerPassed(KernelContext &context, GroupOp group,
                        HeadLinearOp op) {
  constexpr int64_t headsPerTask = 16;
  int64_t heads = op.getHeads(), rest = op.getRest();
  Value input = context.bufferOf(op.getInput());
  emitEach(context, context.countOfChoices(heads), headsPerTask,
           [&](Emitter &e, Index i) {
             Index m = i / heads, h = i % heads;
             Index to = h * op.getOutputStep() + op.getOutputs();
             SegmentEmitter emitter(context, e.b, e.loc, m, to,
                                    columnsOf(op.getResult()), rest);
             emitter.set(op.getResult(),
                         emitter.loadRow(input, m,
                                         h * op.getInputStep() + op.getTerms(),
                                         rest));
             for (Operation &other : group.getBody().front())
               if (&other != op)
                 emitter.emit(&other);
             emitter.storeResults(group);
           });
}

void mica::lowerLinear(KernelContext &context, GroupOp group) {
  OpBuilder &b = context.b;
  Location loc = group.getLoc();
  auto linear = cast<ProductOpInterface>(group.getAnchor());
  auto grouped = dyn_cast<GroupedLinearOp>(*linear);
  auto heads = dyn_cast<HeadLinearOp>(*linear);
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
      b.getI64IntegerAttr(heads ? heads.getInputStep() : 0),
      b.getI64IntegerAttr(heads ? heads.getOutputStep() : 0),
      b.getI64IntegerAttr(weight.rows()), b.getI64IntegerAttr(granule),
      group.getElasticAttr(), blocks, terms, groupsOf(linear.getInput()),
      rounding, ScheduleAttr());
  if (heads && heads.getRest())
    lowerPassed(context, group, heads);
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
