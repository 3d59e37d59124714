//===- ContractCPU.cpp - tile.contract as register tiles ------------------===//
//
// A task is a block of rows times a unit of columns
// (passes/CPU/ContractTasks.h):
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
// row tile: results do not depend on who shares the batch. The exception has a
// name: rows of `#tile.groups` with `values` are floats where they are many.
//
//===----------------------------------------------------------------------===//

#include "dialects/Mica/Mica.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinOps.h"
#include "passes/CPU/ChooseDot.h"
#include "passes/CPU/ContractTasks.h"
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
      : e(e), op(op), schedule(*op.getSchedule()), input(op.getInput()),
        dot(chooseDot(op)), openings(chooseOpenings(op)),
        tasks(e, op, !openings.empty()), segment(op.getSegment()),
        panel(tasks.panel), groups(tasks.groups), granule(tasks.granule),
        panelsPerGranule(tasks.panelsPerGranule), granules(tasks.granules),
        chunk(tasks.chunk) {}

  /// Bytes of the sums that wait, if any.
  int64_t workerBytes() const {
    return tasks.deepUnit / chunk * schedule.getBlock() * stageWidth() * 4;
  }

  Index countTasks() { return tasks.count(); }
  void expand(Index number);

private:
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
  Index panelOf(const Chunk &chunk, Index panel) {
    return task.firstPanel + chunk.g * panelsPerGranule + panel;
  }
  void forChunks(llvm::function_ref<void(Chunk)> body);
  void forRows(const Dot &dot, Index m0, Index m1,
               llvm::function_ref<void(const RowTiles &)> body);
  void forPanels(const Chunk &chunk, int64_t panels,
                 llvm::function_ref<void(Index, int64_t)> body);
  DotTile tileOf(const Chunk &chunk, Index m, int64_t rows, Index panel,
                 int64_t panels, const Place &place, const Pass &pass,
                 const Turn &turn);
  Index nextOf(const Chunk &chunk, Index panel, int64_t panels,
               const Pass &pass);
  void expandChunk(const Chunk &chunk);
  void expandDeep();
  void expandPass(Index few, const Chunk &chunk, const Place &place,
                  const Pass &pass);
  void expandOpened(OpeningDot &dot, Index end, const Chunk &chunk,
                    const Place &place, const Pass &pass);
  void expandEpilogue(Index m0, Index m1, const Chunk &chunk,
                      const Place &place);
  void epilogue(Index row, Index m, Index column, Index n, int64_t size);

  Emitter &e;
  tile::ContractOp op;
  tile::ScheduleAttr schedule;
  Value input, weights, stage;
  std::unique_ptr<Dot> dot;
  SmallVector<std::unique_ptr<OpeningDot>> openings; // for most rows first
  ContractTasks tasks;
  ContractTask task; // the one that is expanded
  Index zero;
  int64_t segment, panel, groups, granule, panelsPerGranule, granules, chunk;
};

} // namespace

void ContractExpansion::expand(Index number) {
  MemRefType weight = op.getWeight().getType();
  weights =
      e.reshape(op.getWeight(), {weight.getDimSize(0), groups,
                                 weight.getDimSize(2) * weight.getDimSize(3)});
  zero = e.index(0);
  task = tasks.get(number);
  if (task.deep) {
    expandDeep();
  } else {
    stage =
        e.scratch({schedule.getRows().front(), stageWidth()}, e.b.getF32Type());
    forChunks([&](const Chunk &chunk) { expandChunk(chunk); });
  }
  dot->finish(e);
  for (auto &opening : openings)
    opening->finish(e);
}

/// The task's columns: whole chunks, then what is left granule by granule.
void ContractExpansion::forChunks(llvm::function_ref<void(Chunk)> body) {
  auto [g0, g1] = std::pair(task.g0, task.g1);
  // Every unit is one chunk: say so without a loop.
  if (!task.deep && tasks.unit == chunk && granules % chunk == 0)
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
                  tasks.group,
                  schedule,
                  pass.from,
                  pass.to,
                  tasks.depth,
                  pass.carried,
                  turn.next,
                  turn.before,
                  turn.all};
  if (op.getBlocks()) {
    tile.blocks = *op.getBlocks();
    tile.terms = *op.getTerms();
    tile.inputGroups = op.getGroups().value_or(nullptr);
  }
  tile.inputAt = task.inputAt;
  return tile;
}

void ContractExpansion::expandChunk(const Chunk &chunk) {
  forRows(*dot, task.m0, task.m1, [&](const RowTiles &tiles) {
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

void ContractExpansion::expandDeep() {
  Index m0 = task.m0, m1 = task.m1, g0 = task.g0, g1 = task.g1;
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
    takes.push_back(e.index(opening->fewestRows() - 1) < task.rows);
    ends.push_back(least == 1 ? m1 : m0 + (m1 - m0) / least * least);
  }
  Value inParts = openings.empty() ? task.deep : takes.back();
  Index few = m0; // The first row that none takes.
  for (size_t i = openings.size(); i-- > 0;)
    few = e.select(takes[i], ends[i], few);
  Index passes = e.select(
      inParts, e.index(llvm::divideCeil(groups, tasks.depth)), e.index(1));
  e.forRange(zero, passes, 1, [&](Index pass) {
    Index from = pass * tasks.depth;
    Index to = e.select(inParts, min(from + tasks.depth, all), all);
    Pass part = {from, to, zero < from, panelOf({g0, 0}, zero),
                 panelOf({g1, 0}, zero)};
    forChunks([&](const Chunk &chunk) {
      std::function<void(size_t)> open = [&](size_t i) {
        auto expand = [&] {
          expandOpened(*openings[i], ends[i], chunk, placeOf(chunk), part);
        };
        if (i + 1 == openings.size())
          return e.ifThen(e.bitAnd(takes[i], m0 < ends[i]), expand);
        e.ifThenElse(takes[i], expand, [&] { open(i + 1); });
      };
      if (!openings.empty())
        open(0);
      expandPass(few, chunk, placeOf(chunk), part);
    });
  });
  forChunks([&](const Chunk &chunk) {
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

/// The block's rows from `few` on.
void ContractExpansion::expandPass(Index few, const Chunk &chunk,
                                   const Place &place, const Pass &pass) {
  Index m0 = task.m0, m1 = task.m1;
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

/// The block's rows up to `m1`, for which weights are made ready first.
void ContractExpansion::expandOpened(OpeningDot &dot, Index m1,
                                     const Chunk &chunk, const Place &place,
                                     const Pass &pass) {
  Index m0 = task.m0;
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
  if (task.firstColumn.value)
    first = task.firstColumn + first;
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
