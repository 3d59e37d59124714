//===- LowerRows.cpp - Row ops as tile.rows -------------------------------===//
//
// The ops of a group are emitted once per pass over the row. In pass i the
// first i reductions over the whole row are known scalars; the next one ends
// the pass, and what follows it is dead. The pass that meets no further
// reduction is `apply`.
//
//===----------------------------------------------------------------------===//

#include "passes/Kernels/SegmentEmitter.h"
#include <numeric>

using namespace mlir;
using namespace mica;
using namespace mica::tile;

namespace {

class PassEmitter : public SegmentEmitter {
public:
  using SegmentEmitter::SegmentEmitter;

  /// The scalars of earlier passes.
  SmallVector<Value> known;
  /// What this pass reduces, once met.
  Value reduced;
  bool reducedIsMax = false;

  Scalar reduce(Row a, bool isMax) override {
    if (!wholeRow)
      return SegmentEmitter::reduce(a, isMax);
    if (met < known.size())
      return scalar(known[met++]);
    if (!reduced) {
      reduced = a.value;
      reducedIsMax = isMax;
    }
    return constant(0.0);
  }

private:
  size_t met = 0;
};

/// Columns that one segment must span for the ops of `group`.
int64_t segmentOf(GroupOp group, int64_t columns) {
  int64_t segment = 1;
  for (Operation &op : group.getBody().front())
    segment = std::lcm(segment, granuleOf(&op, columns, /*inPasses=*/true));
  if (segment != 1)
    return segment;
  // A table or an order of columns may end with the last column, so no segment
  // may reach beyond it.
  segment = 16;
  if (llvm::any_of(group.getBody().front(),
                   llvm::IsaPred<EmbeddingOp, NgramEmbeddingOp, PermuteColumnsOp>))
    while (columns % segment)
      --segment;
  return segment;
}

} // namespace

void mica::lowerRows(KernelContext &context, GroupOp group) {
  OpBuilder &b = context.b;
  Location loc = group.getLoc();
  // Angles are computed for a row at once, whatever their number.
  Block &ops = group.getBody().front();
  bool angles = isa<RopeAnglesOp>(ops.getTerminator()->getPrevNode());
  int64_t columns = 16;
  for (Operation &op : ops)
    for (Value value : op.getResults())
      if (int64_t own = columnsOf(value))
        columns = own;
  int64_t segment = angles ? 16 : segmentOf(group, columns);

  SmallVector<std::unique_ptr<Region>> passes;
  SmallVector<Attribute> kinds;
  OpBuilder::InsertPoint place = b.saveInsertionPoint();
  for (bool done = false; !done;) {
    auto &region = passes.emplace_back(std::make_unique<Region>());
    Block *body = new Block();
    region->push_back(body);
    body->addArguments({b.getIndexType(), b.getIndexType()}, {loc, loc});
    b.setInsertionPointToStart(body);
    PassEmitter emitter(context, b, loc, body->getArgument(0),
                        body->getArgument(1), columns, segment);
    for (size_t i = 0; i < kinds.size(); ++i)
      emitter.known.push_back(body->addArgument(b.getF32Type(), loc));
    for (Operation &op : ops)
      emitter.emit(&op);
    done = !emitter.reduced;
    if (done && !angles)
      emitter.storeResults(group);
    if (!done)
      kinds.push_back(b.getStringAttr(emitter.reducedIsMax ? "max" : "add"));
    tile::YieldOp::create(b, loc,
                          done ? ValueRange() : ValueRange(emitter.reduced));
  }

  b.restoreInsertionPoint(place);
  int64_t choices = choicesOf(group.getResult(0));
  Value count = hasOutputRows(group) ? context.count(Count::outs)
                                     : context.countOfChoices(choices);
  auto rows =
      RowsOp::create(b, loc, count, ValueRange(), columns, segment,
                     b.getArrayAttr(kinds), ScheduleAttr(), passes.size() - 1);
  rows.getApply().takeBody(*passes.back());
  for (auto [region, pass] : llvm::zip(rows.getStats(), passes))
    region.takeBody(*pass);
  SmallVector<Region *> regions;
  for (Region &region : rows->getRegions())
    regions.push_back(&region);
  rows.getCapturesMutable().assign(captureOutside(regions));
}
