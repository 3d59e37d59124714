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
// Where the schedule has a depth and the block many rows, the sums of the whole
// block wait in the worker's memory instead, and the weights of a register tile
// stay in the first cache while every row passes:
//
//   for each `depth` of k
//     for each chunk, row size, register tile
//       for each row tile of the block
//         stage = stage + sums over this part of k
//   for each chunk, each row: the epilogue
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
/// A step with more rows than this many row tiles passes over parts of k, units
/// of columns being so many times wider: then it reads its inputs less often.
constexpr int64_t deepRowTiles = 2, deepUnits = 4;

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
    depth = schedule.getDepth() / group;
    if (depth == 0 || depth >= groups)
      depth = groups;
    else
      deepUnit = std::min<int64_t>(llvm::divideCeil(granules, unit) * unit,
                                   deepUnits * unit);
  }

  /// Bytes of the sums that wait, if any.
  int64_t workerBytes() const {
    return deepUnit / chunk * schedule.getBlock() * stageWidth() * 4;
  }

  Index countTasks();
  void expand(Index task);

private:
  /// A row tile's sums: of groups [from, to), added to the stage if `carried`.
  struct Pass {
    Index from, to;
    Value carried;
  };

  int64_t stageWidth() const { return chunk * panelsPerGranule * panel; }
  Index rowBlocks() { return ceilDiv(e.dim(input, 0), schedule.getBlock()); }
  Value isDeep();
  void forChunks(Index g0, Index g1,
                 llvm::function_ref<void(Index, int64_t)> body);
  void forRows(Index m0, Index m1,
               llvm::function_ref<void(Index, Index, int64_t, int64_t)> body);
  void expandChunk(Index m0, Index m1, Index g, int64_t count);
  void expandDeep(Value deep, Index m0, Index m1, Index g0, Index g1);
  void expandPass(Index m0, Index m1, Index g, int64_t count, Index row,
                  Index column, const Pass &pass);
  void expandEpilogue(Index row, Index column, Index m, Index end, Index g,
                      int64_t count);
  void epilogue(Index row, Index m, Index column, Index n, int64_t size);

  Emitter &e;
  tile::ContractOp op;
  tile::ScheduleAttr schedule;
  Value input, weights, stage;
  std::unique_ptr<Dot> dot;
  // Of the packed weight; `granule`, `segment` in columns; `chunk`, `unit` and
  // the unit of deep blocks (0: there are none) in granules; `depth` in groups.
  int64_t panel, group, groups, panels, depth;
  int64_t segment, granule, panelsPerGranule, granules, chunk, unit;
  int64_t deepUnit = 0;
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

/// Whether the step has rows enough to pass over weights in the first cache,
/// and columns enough for every worker to have some.
Value ContractExpansion::isDeep() {
  auto phase = op->getParentOfType<tile::PhaseOp>();
  Index tasks = rowBlocks() * llvm::divideCeil(granules, deepUnit);
  return e.bitAnd(e.index(deepRowTiles * schedule.getRows().front()) <
                      e.dim(input, 0),
                  e.index(phase.getWorkers()) < tasks);
}

Index ContractExpansion::countTasks() {
  Index units = e.index(llvm::divideCeil(granules, unit));
  if (deepUnit)
    units = e.select(isDeep(), e.index(llvm::divideCeil(granules, deepUnit)),
                     units);
  return rowBlocks() * units;
}

void ContractExpansion::expand(Index task) {
  weights = e.reshape(op.getWeight(), {panels, groups, panel * group});
  dot = chooseDot(op);
  Value deep = deepUnit ? isDeep() : Value();
  Index width = e.index(unit);
  if (deep)
    width = e.select(deep, e.index(deepUnit), width);

  // Row blocks run fastest, so that a unit's weights come from memory once.
  Index blocks = rowBlocks();
  Index m0 = task % blocks * schedule.getBlock();
  Index m1 = min(m0 + schedule.getBlock(), e.dim(input, 0));
  Index g0 = task / blocks * width, g1 = g0 + width;
  if (granules % unit || deep)
    g1 = min(g1, e.index(granules));
  if (deep) {
    expandDeep(deep, m0, m1, g0, g1);
  } else {
    stage =
        e.scratch({schedule.getRows().front(), stageWidth()}, e.b.getF32Type());
    forChunks(g0, g1,
              [&](Index g, int64_t count) { expandChunk(m0, m1, g, count); });
  }
  dot->finish(e);
}

/// body(first granule, granules) over [g0, g1): chunks, then what is left one
/// by one.
void ContractExpansion::forChunks(
    Index g0, Index g1, llvm::function_ref<void(Index, int64_t)> body) {
  if (!deepUnit && unit == chunk && granules % chunk == 0)
    return body(g0, chunk);
  Index whole = g1;
  if (granules % chunk)
    whole = g0 + (g1 - g0) / chunk * chunk;
  e.forRange(g0, whole, chunk, [&](Index g) { body(g, chunk); });
  if (granules % chunk)
    e.forRange(whole, g1, 1, [&](Index g) { body(g, 1); });
}

/// body(first row, row after the last, rows of a tile, panels of a tile): the
/// rows [m0, m1) by the greatest tiles that they fill.
void ContractExpansion::forRows(
    Index m0, Index m1,
    llvm::function_ref<void(Index, Index, int64_t, int64_t)> body) {
  for (auto [rows, panels] :
       llvm::zip_equal(schedule.getRows(), schedule.getPanels())) {
    Index end = rows == 1 ? m1 : m0 + (m1 - m0) / rows * rows;
    e.ifThen(m0 < end, [&] {
      dot->prepare(e, rows);
      body(m0, end, rows, panels);
    });
    m0 = end;
  }
}

void ContractExpansion::expandChunk(Index m0, Index m1, Index g,
                                    int64_t count) {
  int64_t total = count * panelsPerGranule;
  Index zero = e.index(int64_t(0)), first = g * panelsPerGranule;
  forRows(m0, m1, [&](Index begin, Index end, int64_t rows, int64_t panels) {
    panels = std::min(panels, total);
    e.forRange(begin, end, rows, [&](Index m) {
      auto tile = [&](Index at, int64_t wide) {
        dot->multiply(e, {input, weights, stage, m, first + at, zero,
                          at * panel, rows, wide, panel, group, schedule, zero,
                          e.index(groups), Value()});
      };
      int64_t whole = total / panels * panels;
      e.forRange(zero, e.index(whole), panels,
                 [&](Index at) { tile(at, panels); });
      if (total % panels)
        tile(e.index(whole), total % panels);
      expandEpilogue(zero, zero, m, m + rows, g, count);
    });
  });
}

void ContractExpansion::expandDeep(Value deep, Index m0, Index m1, Index g0,
                                   Index g1) {
  auto phase = op->getParentOfType<tile::PhaseOp>();
  auto type =
      MemRefType::get({ShapedType::kDynamic, stageWidth()}, e.b.getF32Type());
  stage = tile::BufferOp::create(e.b, e.loc, type, phase.getStep(),
                                 phase.getWorker(), /*arena=*/2, /*offset=*/0);
  // Where the sums of granule g lie.
  auto row = [&](Index g) { return (g - g0) / chunk * schedule.getBlock(); };
  auto column = [&](Index g) {
    return (g - g0) % chunk * (panelsPerGranule * panel);
  };
  Index all = e.index(groups);
  Index passes =
      e.select(deep, e.index(llvm::divideCeil(groups, depth)), e.index(1));
  e.forRange(e.index(int64_t(0)), passes, 1, [&](Index pass) {
    Index from = pass * depth;
    Index to = e.select(deep, min(from + depth, all), all);
    forChunks(g0, g1, [&](Index g, int64_t count) {
      expandPass(m0, m1, g, count, row(g), column(g),
                 {from, to, e.index(int64_t(0)) < from});
    });
  });
  forChunks(g0, g1, [&](Index g, int64_t count) {
    expandEpilogue(row(g), column(g), m0, m1, g, count);
  });
}

void ContractExpansion::expandPass(Index m0, Index m1, Index g, int64_t count,
                                   Index row, Index column, const Pass &pass) {
  int64_t total = count * panelsPerGranule;
  Index first = g * panelsPerGranule;
  forRows(m0, m1, [&](Index begin, Index end, int64_t rows, int64_t panels) {
    panels = std::min(panels, total);
    auto tiles = [&](Index at, int64_t wide) {
      e.forRange(begin, end, rows, [&](Index m) {
        dot->multiply(e, {input, weights, stage, m, first + at, row + (m - m0),
                          column + at * panel, rows, wide, panel, group,
                          schedule, pass.from, pass.to, pass.carried});
      });
    };
    int64_t whole = total / panels * panels;
    e.forRange(e.index(int64_t(0)), e.index(whole), panels,
               [&](Index at) { tiles(at, panels); });
    if (total % panels)
      tiles(e.index(whole), total % panels);
  });
}

/// The epilogue of rows [m, end) of `count` granules from g, whose sums lie at
/// the stage's row and column and after.
void ContractExpansion::expandEpilogue(Index row, Index column, Index m,
                                       Index end, Index g, int64_t count) {
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
  e.forRange(m, end, 1, [&](Index at) {
    e.forRange(e.index(int64_t(0)), e.index(pieces), 1, [&](Index piece) {
      e.forRange(e.index(int64_t(0)), e.index(per), size, [&](Index c) {
        epilogue(row + (at - m), at, column + piece * padded + c,
                 first + piece * per + c, size);
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

int64_t cpu::workerBytes(tile::ContractOp op) {
  OpBuilder b(op);
  Emitter e(b, op.getLoc());
  return ContractExpansion(e, op).workerBytes();
}

void cpu::expandTask(Emitter &e, tile::ContractOp op, Index task) {
  ContractExpansion(e, op).expand(task);
}
