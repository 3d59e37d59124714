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
// With offsets all this happens within a part of the weight and its rows; the
// tasks of one part come after those of another, in the order of the parts.
//
// Every element is the sum over k in one accumulator, k ascending, whatever the
// row tile: results do not depend on who shares the batch. The exception has a
// name: rows of `#tile.groups` with `values` are floats where they are many.
//
//===----------------------------------------------------------------------===//

#include "dialects/Mica/Mica.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinOps.h"
#include "passes/CPU/ChooseDot.h"
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

/// Columns of k that are opened at a time if the schedule does not say.
constexpr int64_t openDepth = 512;

class ContractExpansion {
public:
  ContractExpansion(Emitter &e, tile::ContractOp op)
      : e(e), op(op), schedule(*op.getSchedule()), input(op.getInput()) {
    MemRefType weight = op.getWeight().getType();
    panel = op.getPanel();
    group =
        op.getBlocks() ? op.getBlocks()->block(panel) : weight.getDimSize(3);
    groups = weight.getDimSize(1);
    parts = op.getParts();
    dot = chooseDot(op);
    openings = chooseOpenings(op);
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
    int64_t columns = schedule.getDepth();
    if (!openings.empty() && columns == 0)
      columns = openDepth;
    depth = std::min(columns / group, groups);
    if (!openings.empty())
      depth = std::max<int64_t>(depth, 1);
    if (depth == 0 || (depth == groups && openings.empty()))
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
  /// Rows [from, to) of the input: those of a part of the weight.
  struct Rows {
    Index from, to;
    Index count() const { return to - from; }
  };
  /// Granules [g, g + count): a chunk, or one of those that fill none.
  struct Chunk {
    Index g;
    int64_t count;
  };
  /// Sums of groups [from, to), added to what the stage holds if `carried`. Of
  /// many passes, each is over the panels [first, end).
  struct Pass {
    Index from, to;
    Value carried = {};
    Index first = {}, end = {};
  };
  /// Where the first row and the first column of a chunk lie in the stage.
  struct Place {
    Index row, column;
  };
  /// Of the rows that read the same weights: how many came before these, how
  /// many do in all, and what comes when all are through (`DotTile::next`).
  struct Turn {
    Index before, all, next;
  };
  /// The rows [m, end) by tiles of `rows` rows, `panels` panels.
  struct RowTiles {
    Index m, end;
    int64_t rows, panels;
  };

  int64_t stageWidth() const { return chunk * panelsPerGranule * panel; }
  Rows rowsOf(Index part);
  Index rowBlocks(const Rows &rows) {
    return ceilDiv(rows.count(), schedule.getBlock());
  }
  Value isDeep(const Rows &rows);
  Index countTasks(const Rows &rows);
  Index enterPart(Index task);
  Index unitOf(Index at, Index units);
  Index panelOf(const Chunk &chunk, Index panel) {
    return firstPanel + chunk.g * panelsPerGranule + panel;
  }
  void forChunks(Index g0, Index g1, llvm::function_ref<void(Chunk)> body);
  void forRows(const Dot &dot, Index m0, Index m1,
               llvm::function_ref<void(const RowTiles &)> body);
  void forPanels(const Chunk &chunk, int64_t panels,
                 llvm::function_ref<void(Index, int64_t)> body);
  DotTile tileOf(const Chunk &chunk, Index m, int64_t rows, Index panel,
                 int64_t panels, const Place &place, const Pass &pass,
                 const Turn &turn);
  Index nextOf(const Chunk &chunk, Index panel, int64_t panels,
               const Pass &pass);
  void expandChunk(Index m0, Index m1, const Chunk &chunk);
  void expandDeep(Value deep, Index m0, Index m1, Index g0, Index g1);
  void expandPass(Index m0, Index few, Index m1, const Chunk &chunk,
                  const Place &place, const Pass &pass);
  void expandOpened(OpeningDot &dot, Index m0, Index m1, const Chunk &chunk,
                    const Place &place, const Pass &pass);
  void expandEpilogue(Index m0, Index m1, const Chunk &chunk,
                      const Place &place);
  void epilogue(Index row, Index m, Index column, Index n, int64_t size);

  Emitter &e;
  tile::ContractOp op;
  tile::ScheduleAttr schedule;
  Value input, weights, stage;
  Index zero;
  // Of the part that the task belongs to.
  Rows partRows;
  Index firstPanel;
  std::unique_ptr<Dot> dot;
  SmallVector<std::unique_ptr<OpeningDot>> openings; // for most rows first
  // Of the packed weight; `granule`, `segment` in columns; `chunk`, `unit` and
  // the unit of deep blocks (0: there are none) in granules; `depth` in groups.
  int64_t panel, group, groups, parts, depth;
  int64_t segment, granule, panelsPerGranule, granules, chunk, unit;
  int64_t deepUnit = 0;
};

} // namespace

ContractExpansion::Rows ContractExpansion::rowsOf(Index part) {
  Value offsets = op.getOffsets();
  if (!offsets)
    return {e.index(0), e.dim(input, 0)};
  return {e.fromI32(e.load(offsets, {part})),
          e.fromI32(e.load(offsets, {part + 1}))};
}

/// Whether there are rows enough to pass over weights in the first cache, and
/// columns (or parts) enough for every worker to have some.
Value ContractExpansion::isDeep(const Rows &rows) {
  Value many =
      e.index(deepRowTiles * schedule.getRows().front()) < rows.count();
  if (parts > 1)
    return many;
  auto phase = op->getParentOfType<tile::PhaseOp>();
  Index tasks = rowBlocks(rows) * llvm::divideCeil(granules, deepUnit);
  return e.bitAnd(many, e.index(phase.getWorkers()) < tasks);
}

Index ContractExpansion::countTasks(const Rows &rows) {
  Index units = e.index(llvm::divideCeil(granules, unit));
  if (deepUnit)
    units = e.select(isDeep(rows),
                     e.index(llvm::divideCeil(granules, deepUnit)), units);
  return rowBlocks(rows) * units;
}

Index ContractExpansion::countTasks() {
  Value sum =
      e.forRange(e.index(0), e.index(parts), 1, {e.index(0)},
                 [&](Index part, ValueRange before) -> Emitter::Values {
                   return {e.index(before[0]) + countTasks(rowsOf(part))};
                 })[0];
  return e.index(sum);
}

/// Finds the part that the task belongs to, the last one that begins at or
/// before it; returns its number within.
Index ContractExpansion::enterPart(Index task) {
  partRows = rowsOf(zero);
  firstPanel = zero;
  if (parts == 1)
    return task;
  Emitter::Values found =
      e.forRange(zero, e.index(parts), 1, {zero, zero, zero},
                 [&](Index part, ValueRange carried) -> Emitter::Values {
                   Index begin = e.index(carried[0]);
                   Value isBehind = task < begin;
                   return {begin + countTasks(rowsOf(part)),
                           e.select(isBehind, e.index(carried[1]), begin),
                           e.select(isBehind, e.index(carried[2]), part)};
                 });
  Index part = e.index(found[2]);
  partRows = rowsOf(part);
  firstPanel = part * (op.getWeight().getType().getDimSize(0) / parts);
  return task - e.index(found[1]);
}

/// Which of `units` is drawn as number `at`. Workers that draw in turn each go
/// through a run of units, so that what the hardware prefetches is their own.
Index ContractExpansion::unitOf(Index at, Index units) {
  Index workers = e.index(op->getParentOfType<tile::PhaseOp>().getWorkers());
  Index run = at % workers;
  return run * (units / workers) + min(run, units % workers) + at / workers;
}

void ContractExpansion::expand(Index task) {
  MemRefType weight = op.getWeight().getType();
  weights =
      e.reshape(op.getWeight(), {weight.getDimSize(0), groups,
                                 weight.getDimSize(2) * weight.getDimSize(3)});
  zero = e.index(0);
  task = enterPart(task);
  Value deep = deepUnit ? isDeep(partRows) : Value();
  Index width = e.index(unit);
  if (deep)
    width = e.select(deep, e.index(deepUnit), width);

  // Row blocks run fastest, so that a unit's weights come from memory once.
  Index blocks = rowBlocks(partRows);
  Index m0 = partRows.from + task % blocks * schedule.getBlock();
  Index m1 = min(m0 + schedule.getBlock(), partRows.to);
  Index g0 =
      unitOf(task / blocks, (e.index(granules - 1) + width) / width) * width;
  Index g1 = g0 + width;
  if (granules % unit || deep)
    g1 = min(g1, e.index(granules));
  if (deep) {
    expandDeep(deep, m0, m1, g0, g1);
  } else {
    stage =
        e.scratch({schedule.getRows().front(), stageWidth()}, e.b.getF32Type());
    forChunks(g0, g1, [&](const Chunk &chunk) { expandChunk(m0, m1, chunk); });
  }
  dot->finish(e);
  for (auto &opening : openings)
    opening->finish(e);
}

/// [g0, g1): whole chunks, then what is left granule by granule.
void ContractExpansion::forChunks(Index g0, Index g1,
                                  llvm::function_ref<void(Chunk)> body) {
  // Every unit is one chunk: say so without a loop.
  if (!deepUnit && unit == chunk && granules % chunk == 0)
    return body({g0, chunk});
  Index whole = g1;
  if (granules % chunk)
    whole = g0 + (g1 - g0) / chunk * chunk;
  e.forRange(g0, whole, chunk, [&](Index g) { body({g, chunk}); });
  if (granules % chunk)
    e.forRange(whole, g1, 1, [&](Index g) { body({g, 1}); });
}

/// [m0, m1) by the greatest tiles that the rows fill.
void ContractExpansion::forRows(
    const Dot &dot, Index m0, Index m1,
    llvm::function_ref<void(const RowTiles &)> body) {
  for (auto [rows, panels] :
       llvm::zip_equal(schedule.getRows(), schedule.getPanels())) {
    if (rows < dot.leastRows() || rows > dot.mostRows())
      continue;
    Index end = rows == 1 ? m1 : m0 + (m1 - m0) / rows * rows;
    e.ifThen(m0 < end, [&] { body({m0, end, rows, panels}); });
    m0 = end;
  }
}

/// body(first panel of the chunk, panels) of each register tile of `panels`
/// panels, and of what is left.
void ContractExpansion::forPanels(
    const Chunk &chunk, int64_t panels,
    llvm::function_ref<void(Index, int64_t)> body) {
  int64_t total = chunk.count * panelsPerGranule;
  panels = std::min(panels, total);
  int64_t whole = total / panels * panels;
  e.forRange(zero, e.index(whole), panels,
             [&](Index panel) { body(panel, panels); });
  if (total % panels)
    body(e.index(whole), total % panels);
}

/// A register tile, whose sums go to row `place.row` of the stage.
DotTile ContractExpansion::tileOf(const Chunk &chunk, Index m, int64_t rows,
                                  Index panel, int64_t panels,
                                  const Place &place, const Pass &pass,
                                  const Turn &turn) {
  DotTile tile = {input,
                  weights,
                  stage,
                  m,
                  panelOf(chunk, panel),
                  place.row,
                  place.column + panel * this->panel,
                  rows,
                  panels,
                  this->panel,
                  group,
                  schedule,
                  pass.from,
                  pass.to,
                  depth,
                  pass.carried,
                  turn.next,
                  turn.before,
                  turn.all};
  if (op.getBlocks()) {
    tile.blocks = *op.getBlocks();
    tile.terms = *op.getTerms();
    tile.inputGroups = op.getGroups().value_or(nullptr);
  }
  return tile;
}

void ContractExpansion::expandChunk(Index m0, Index m1, const Chunk &chunk) {
  forRows(*dot, m0, m1, [&](const RowTiles &tiles) {
    dot->prepare(e, tiles.rows);
    e.forRange(tiles.m, tiles.end, tiles.rows, [&](Index m) {
      forPanels(chunk, tiles.panels, [&](Index panel, int64_t panels) {
        dot->multiply(e, tileOf(chunk, m, tiles.rows, panel, panels,
                                {zero, zero}, {zero, e.index(groups)}, {}));
      });
      expandEpilogue(m, m + tiles.rows, chunk, {zero, zero});
    });
  });
}

void ContractExpansion::expandDeep(Value deep, Index m0, Index m1, Index g0,
                                   Index g1) {
  auto phase = op->getParentOfType<tile::PhaseOp>();
  auto type =
      MemRefType::get({ShapedType::kDynamic, stageWidth()}, e.b.getF32Type());
  stage = tile::BufferOp::create(e.b, e.loc, type, phase.getStep(),
                                 phase.getWorker(), tile::Arena::worker,
                                 /*offset=*/0);
  auto placeOf = [&](const Chunk &at) -> Place {
    return {(at.g - g0) / chunk * schedule.getBlock(),
            (at.g - g0) % chunk * (panelsPerGranule * panel)};
  };
  Index all = e.index(groups);
  // Which opening strategy takes rows, up to where; the last takes them if any.
  SmallVector<Value> takes;
  SmallVector<Index> ends;
  for (auto &opening : openings) {
    int64_t least = opening->leastRows();
    takes.push_back(e.index(opening->fewestRows() - 1) < e.dim(input, 0));
    ends.push_back(least == 1 ? m1 : m0 + (m1 - m0) / least * least);
  }
  Value inParts = openings.empty() ? deep : takes.back();
  Index few = m0; // The first row that none takes.
  for (size_t i = openings.size(); i-- > 0;)
    few = e.select(takes[i], ends[i], few);
  Index passes =
      e.select(inParts, e.index(llvm::divideCeil(groups, depth)), e.index(1));
  e.forRange(zero, passes, 1, [&](Index pass) {
    Index from = pass * depth;
    Index to = e.select(inParts, min(from + depth, all), all);
    Pass part = {from, to, zero < from, panelOf({g0, 0}, zero),
                 panelOf({g1, 0}, zero)};
    forChunks(g0, g1, [&](const Chunk &chunk) {
      std::function<void(size_t)> open = [&](size_t i) {
        auto expand = [&] {
          expandOpened(*openings[i], m0, ends[i], chunk, placeOf(chunk), part);
        };
        if (i + 1 == openings.size())
          return e.ifThen(e.bitAnd(takes[i], m0 < ends[i]), expand);
        e.ifThenElse(takes[i], expand, [&] { open(i + 1); });
      };
      if (!openings.empty())
        open(0);
      expandPass(m0, few, m1, chunk, placeOf(chunk), part);
    });
  });
  forChunks(g0, g1, [&](const Chunk &chunk) {
    expandEpilogue(m0, m1, chunk, placeOf(chunk));
  });
}

/// The panels behind these, or the first ones' next part of k.
Index ContractExpansion::nextOf(const Chunk &chunk, Index panel, int64_t panels,
                                const Pass &pass) {
  Index behind = panelOf(chunk, panel + panels);
  return e.select(behind < pass.end, behind * groups + pass.from,
                  pass.first * groups + pass.to);
}

/// Rows [few, m1) of a block that begins at m0.
void ContractExpansion::expandPass(Index m0, Index few, Index m1,
                                   const Chunk &chunk, const Place &place,
                                   const Pass &pass) {
  forRows(*dot, few, m1, [&](const RowTiles &tiles) {
    dot->prepare(e, tiles.rows);
    forPanels(chunk, tiles.panels, [&](Index panel, int64_t panels) {
      Turn turn = {zero, m1 - m0, {}};
      if (tiles.rows == schedule.getRows().front())
        turn.next = nextOf(chunk, panel, panels, pass);
      e.forRange(tiles.m, tiles.end, tiles.rows, [&](Index m) {
        turn.before = m - m0;
        dot->multiply(e,
                      tileOf(chunk, m, tiles.rows, panel, panels,
                             {place.row + (m - m0), place.column}, pass, turn));
      });
    });
  });
}

/// Rows [m0, m1) of a block, for which weights are made ready first.
void ContractExpansion::expandOpened(OpeningDot &dot, Index m0, Index m1,
                                     const Chunk &chunk, const Place &place,
                                     const Pass &pass) {
  int64_t wide = dot.panelsOf(schedule);
  dot.prepare(e, schedule.getRows().front());
  forPanels(chunk, wide, [&](Index panel, int64_t panels) {
    Turn turn = {zero, m1 - m0, nextOf(chunk, panel, panels, pass)};
    dot.open(e, tileOf(chunk, m0, 1, panel, panels, place, pass, turn));
    forRows(dot, m0, m1, [&](const RowTiles &tiles) {
      e.forRange(tiles.m, tiles.end, tiles.rows, [&](Index m) {
        turn.before = m - m0;
        dot.multiply(e,
                     tileOf(chunk, m, tiles.rows, panel, panels,
                            {place.row + (m - m0), place.column}, pass, turn));
      });
    });
  });
}

/// The epilogue of rows [m0, m1), the first of which lies at `place`.
void ContractExpansion::expandEpilogue(Index m0, Index m1, const Chunk &chunk,
                                       const Place &place) {
  int64_t count = chunk.count;
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
  Index first = chunk.g * granule;
  e.forRange(m0, m1, 1, [&](Index m) {
    e.forRange(zero, e.index(pieces), 1, [&](Index piece) {
      e.forRange(zero, e.index(per), size, [&](Index c) {
        epilogue(place.row + (m - m0), m, place.column + piece * padded + c,
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
