//===- ContractCPU.cpp - tile.contract as register tiles ------------------===//
//
// A task is a block of rows times a unit of columns:
//
//   for each chunk of the unit's columns          (weights stay in L2)
//     for each row tile of the block, greedily    (12, 8, 4, 2, 1 …)
//       for each register tile of the chunk's panels
//         stage = sums over k of input * weights  (passes/CPU/Dot*.cpp)
//       for each row of the tile: the epilogue, segment by segment
//
// Every element is the sum over k in one accumulator, k ascending, whatever the
// row tile: results do not depend on who shares the batch.
//
//===----------------------------------------------------------------------===//

#include "dialects/Mica/Mica.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinOps.h"
#include "passes/CPU/Dot.h"
#include "passes/CPU/Expand.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

namespace {

/// The widest segment that an elastic region is given, in columns.
constexpr int64_t widestSegment = 64;

class ContractExpansion {
public:
  ContractExpansion(Emitter &e, tile::ContractOp op)
      : e(e), op(op), schedule(*op.getSchedule()), input(op.getInput()) {
    MemRefType weight = op.getWeight().getType();
    panel = weight.getDimSize(2);
    group = weight.getDimSize(3);
    groups = weight.getDimSize(1);
    panels = weight.getDimSize(0);
    segment = op.getSegment();
    granule = op.getGranule();
    // Without padding inside, a granule of any epilogue is as good as a panel.
    if (op.getElastic() && granule % panel == 0)
      granule = panel;
    panelsPerGranule = llvm::divideCeil(granule, panel);
    granules = llvm::divideCeil(op.getColumns(), granule);
    chunk = llvm::divideCeil(llvm::max_element(schedule.getPanels())[0],
                             panelsPerGranule);
    chunk = std::min(chunk, granules);
    unit = std::max<int64_t>(1, schedule.getUnit() / (granule * chunk)) * chunk;
    unit = std::min<int64_t>(unit, llvm::divideCeil(granules, chunk) * chunk);
  }

  Index countTasks() {
    int64_t units = llvm::divideCeil(granules, unit);
    return rowBlocks() * units;
  }

  void expand(Index task);

private:
  Index rowBlocks() { return ceilDiv(e.dim(input, 0), schedule.getBlock()); }
  void expandChunk(Index m0, Index m1, Index granule, int64_t count);
  void expandRows(Index m, Index granule, int64_t count, int64_t rows,
                  int64_t panels);
  void expandEpilogue(Index m, Index granule, int64_t count, int64_t rows);
  void epilogue(Index row, Index m, Index column, Index n, int64_t size);

  Emitter &e;
  tile::ContractOp op;
  tile::ScheduleAttr schedule;
  Value input, weights, stage;
  std::unique_ptr<Dot> dot;
  // Of the packed weight; `granule`, `segment` in columns; `chunk` and `unit`
  // in granules.
  int64_t panel, group, groups, panels;
  int64_t segment, granule, panelsPerGranule, granules, chunk, unit;
};

/// The best strategy that the target has for the operands' types.
std::unique_ptr<Dot> chooseDot(tile::ContractOp op) {
  MemRefType weight = op.getWeight().getType();
  auto target =
      op->getParentOfType<ModuleOp>()->getAttrOfType<TargetAttr>("mica.target");
  bool pairs = target && target.hasDot(weight.getElementType()) &&
               weight.getElementType().isBF16() &&
               op.getInput().getType().getElementType().isBF16() &&
               weight.getDimSize(2) == 16 && weight.getDimSize(3) == 2;
  if (!pairs)
    return makeDotFma();
  if (target.getFeatures().contains("+amx-bf16"))
    return makeDotAmx();
  return makeDotBf16();
}

} // namespace

void ContractExpansion::expand(Index task) {
  int64_t width = chunk * panelsPerGranule * panel;
  weights = e.reshape(op.getWeight(), {panels, groups, panel * group});
  stage = e.scratch({schedule.getRows().front(), width}, e.b.getF32Type());
  dot = chooseDot(op);

  // Row blocks run fastest, so that a unit's weights come from memory once.
  Index blocks = rowBlocks();
  Index m0 = task % blocks * schedule.getBlock();
  Index m1 = min(m0 + schedule.getBlock(), e.dim(input, 0));
  Index g0 = task / blocks * unit, g1 = g0 + unit;
  if (granules % unit)
    g1 = min(g1, e.index(granules));
  Index whole = g1;
  if (granules % chunk)
    whole = g0 + (g1 - g0) / chunk * chunk;
  if (unit == chunk && granules % chunk == 0)
    return expandChunk(m0, m1, g0, chunk);
  e.forRange(g0, whole, chunk, [&](Index g) { expandChunk(m0, m1, g, chunk); });
  if (granules % chunk)
    e.forRange(whole, g1, 1, [&](Index g) { expandChunk(m0, m1, g, 1); });
  dot->finish(e);
}

void ContractExpansion::expandChunk(Index m0, Index m1, Index g,
                                    int64_t count) {
  for (auto [rows, panels] :
       llvm::zip_equal(schedule.getRows(), schedule.getPanels())) {
    Index end = rows == 1 ? m1 : m0 + (m1 - m0) / rows * rows;
    e.forRange(m0, end, rows,
               [&](Index m) { expandRows(m, g, count, rows, panels); });
    m0 = end;
  }
}

void ContractExpansion::expandRows(Index m, Index g, int64_t count,
                                   int64_t rows, int64_t panels) {
  int64_t total = count * panelsPerGranule;
  panels = std::min(panels, total);
  Index first = g * panelsPerGranule;
  auto tile = [&](Index at, int64_t wide) {
    dot->multiply(e, {input, weights, stage, m, first + at, at * panel, rows,
                      wide, panel, group, schedule});
  };
  int64_t whole = total / panels * panels;
  e.forRange(e.index(0), e.index(whole), panels,
             [&](Index at) { tile(at, panels); });
  if (total % panels)
    tile(e.index(whole), total % panels);
  expandEpilogue(m, g, count, rows);
}

void ContractExpansion::expandEpilogue(Index m, Index g, int64_t count,
                                       int64_t rows) {
  int64_t padded = panelsPerGranule * panel, size = segment, per = granule;
  int64_t pieces = count;
  if (op.getElastic() && padded == granule) {
    // The chunk is one run of columns: take it in the widest segments.
    size = count * granule;
    while (size > widestSegment || count * granule % size)
      size -= granule;
    per = padded = size;
    pieces = count * granule / size;
  } else if (op.getElastic()) {
    size = granule;
  }
  Index first = g * granule;
  e.forRange(e.index(0), e.index(rows), 1, [&](Index r) {
    e.forRange(e.index(0), e.index(pieces), 1, [&](Index piece) {
      e.forRange(e.index(0), e.index(per), size, [&](Index c) {
        epilogue(r, m + r, piece * padded + c, first + piece * per + c, size);
      });
    });
  });
}

/// Gives an operation of an elastic region `size` columns instead of `from`.
static void widen(Operation *op, int64_t from, int64_t size) {
  auto wider = [&](Type type) -> Type {
    auto vector = dyn_cast<VectorType>(type);
    return vector && vector.getRank() == 1 && vector.getDimSize(0) == from
               ? VectorType::get(size, vector.getElementType())
               : type;
  };
  for (Value result : op->getResults())
    result.setType(wider(result.getType()));
  for (Region &region : op->getRegions())
    for (Block &block : region)
      for (BlockArgument argument : block.getArguments())
        argument.setType(wider(argument.getType()));
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    if (auto splat = dyn_cast<SplatElementsAttr>(constant.getValue()))
      constant.setValueAttr(
          splat.resizeSplat(cast<ShapedType>(constant.getType())));
}

void ContractExpansion::epilogue(Index row, Index m, Index column, Index n,
                                 int64_t size) {
  Emitter::Values arguments = {e.load(e.f32x(size), stage, {row, column}), m,
                               n};
  llvm::append_range(arguments, op.getCaptures());
  Operation *before = &*std::prev(e.b.getInsertionPoint());
  e.inlined(op.getEpilogue(), arguments);
  if (size == segment)
    return;
  for (auto it = std::next(Block::iterator(before));
       it != e.b.getInsertionPoint(); ++it)
    it->walk([&](Operation *inner) { widen(inner, segment, size); });
}

Index cpu::countTasks(Emitter &e, tile::ContractOp op) {
  return ContractExpansion(e, op).countTasks();
}

void cpu::expandTask(Emitter &e, tile::ContractOp op, Index task) {
  ContractExpansion(e, op).expand(task);
}
