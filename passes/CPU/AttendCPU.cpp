//===- AttendCPU.cpp - tile.attend as register tiles ----------------------===//
//
// A task is an entry of the task table (rows of one sequence) times a kv-head.
// Its GEMM rows are (row, query head of the group), row-major:
//
//   for each span of GEMM rows                     (their state stays in L1)
//     for each block of `unit` tokens, aligned     (keys and values: L1, L2)
//       scores  = query * keys                     (register tiles)
//       weights = online softmax of scores         (passes/CPU/AttendSoftmax)
//       output += weights * values                 (register tiles)
//     the region `output`, row by row
//
// Every sum is one accumulator over ascending keys or tokens, whatever the
// register tile, and invisible tokens add exactly 0: a row's bits depend on its
// own query and cache alone.
//
//===----------------------------------------------------------------------===//

#include "dialects/Mica/Mica.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/CPU/AttendExpansion.h"
#include "passes/CPU/Expand.h"
#include "passes/CPU/Tiles.h"
#include <numbers>

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

/// GEMM rows of a span: enough to use a block of keys from L1 several times.
static constexpr int64_t spanRows = 24;
/// Whether every product takes whole tiles of 16 pairs.
static bool usesTiles(tile::AttendOp op, const AttendShape &shape) {
  auto target =
      op->getParentOfType<ModuleOp>()->getAttrOfType<TargetAttr>("mica.target");
  auto keys = cast<MemRefType>(op.getKeys().getType());
  return target && target.getFeatures().contains("+amx-bf16") &&
         op.getQuery().getType().getElementType().isBF16() &&
         keys.getElementType().isBF16() && keys.getDimSize(6) == 2 &&
         shape.keySteps % Tiles::depth == 0 && shape.chunk % (2 * lanes) == 0;
}

AttendShape::AttendShape(tile::AttendOp op) {
  auto keys = cast<MemRefType>(op.getKeys().getType());
  auto values = cast<MemRefType>(op.getValues().getType());
  heads = keys.getDimSize(2);
  group = op.getHeads() / heads;
  page = keys.getDimSize(3) * lanes;
  keySteps = groupSteps = keys.getDimSize(4);
  paddedKey = keySteps * keys.getDimSize(6);
  groups = 1;
  minima = op.getBits() == 4;
  if (!op.getScales().empty()) {
    int64_t perStep = 32 / op.getBits();
    paddedKey = llvm::alignTo(keySteps * perStep, lanes);
    groupSteps = KVType::keyGroup / perStep;
    groups = llvm::divideCeil(keySteps, groupSteps);
  }
  valuePanels = values.getDimSize(3);
  unit = op.getSchedule()->getUnit();
  chunk = std::min(unit, page);
  bounds = op.getBounds().front().getTerminator()->getNumOperands();
  span = std::max(op.getSchedule()->getRows().front(), spanRows);
  wide = std::min(unit, 2 * lanes);
  tiles = usesTiles(op, *this);
  if (tiles)
    span = 2 * amxRows;
}

AttendExpansion::AttendExpansion(Emitter &e, tile::AttendOp op)
    : e(e), op(op), shape(op) {
  prefetches = op.getSchedule()->prefetchOf(1) != 0;
  Type query = op.getQuery().getType().getElementType();
  // Beside a matrix unit vdpbf16ps takes longer than two multiply-adds.
  auto target =
      op->getParentOfType<ModuleOp>()->getAttrOfType<TargetAttr>("mica.target");
  if (!shape.tiles && target && target.getFeatures().contains("+amx-bf16"))
    query = e.b.getF32Type();
  keyDot = makeAttendDot(op, target, query, /*isKeys=*/true);
  valueDot = makeAttendDot(op, target, query, /*isKeys=*/false);
  columns = shape.valuePanels * valueDot->vectors * lanes;
}

void AttendExpansion::makeState() {
  Type f32 = e.b.getF32Type(), i32 = e.b.getI32Type();
  int64_t span = shape.span, unit = shape.unit;
  state.query = e.scratch({span, shape.paddedKey}, keyDot->getRowType(e));
  state.scores = e.scratch({span, unit}, f32);
  state.weights =
      e.scratch({unit / shape.wide, span, shape.wide}, valueDot->getRowType(e));
  state.output = e.scratch({span, columns}, f32);
  state.maximum = e.scratch({span}, f32);
  state.sum = e.scratch({span, lanes}, f32);
  state.bounds = e.scratch({span, shape.bounds}, i32);
  if (!op.getScales().empty()) {
    state.queryScale = e.scratch({span}, f32);
    state.querySums = e.scratch({span, shape.groups}, i32);
    state.weightScale = e.scratch({span}, f32);
    state.valueScales = e.scratch({unit}, f32);
    floats = e.scratch({shape.paddedKey}, f32);
    if (shape.minima) {
      state.valueMinima = e.scratch({unit}, f32);
      state.minima = e.scratch({span, lanes}, f32);
    }
  }
  pages = e.scratch({2 * unit / shape.chunk}, e.b.getIndexType());
}

//===----------------------------------------------------------------------===//
// Tasks and spans
//===----------------------------------------------------------------------===//

void AttendExpansion::expand(Index task) {
  makeState();
  Index entry = task / shape.heads + 1;
  head = task % shape.heads;
  auto field = [&](int64_t i) {
    return e.fromI32(e.load(op.getTasks(), {entry, e.index(i)}));
  };
  Index sequence = field(0);
  m0 = field(1);
  Index total = (field(2) - m0) * shape.group;
  pageStart = e.fromI32(e.load(op.getPageStart(), {sequence}));
  pageCount = e.fromI32(e.load(op.getPageStart(), {sequence + 1})) - pageStart;
  if (shape.tiles)
    Tiles(e).configure(amxRows);
  e.forRange(e.index(0), total, shape.span, [&](Index first) {
    expandSpan(first, min(total - first, e.index(shape.span)));
  });
  if (shape.tiles)
    Tiles(e).release();
}

void AttendExpansion::expandSpan(Index first, Index rows) {
  base = first;
  Emitter::Values hull = prepareRows(rows);
  Index low = e.index(hull[0]) / shape.unit * shape.unit;
  auto expand = [&](Index n) { expandBlock(rows, n, hull); };
  if (hasSinks())
    e.forRange(e.index(0), min(low, e.index(hull[4])), shape.unit, expand);
  e.forRange(low, e.index(hull[3]), shape.unit, expand);
  e.forRange(e.index(0), rows, 1, [&](Index r) { finishRow(r); });
}

/// Clears the state of the rows and returns the hull of what they see: the
/// smallest and largest lo, the smallest core, the largest hi; where rows see
/// first tokens, the largest end of those.
Emitter::Values AttendExpansion::prepareRows(Index rows) {
  Value huge = e.index(std::numeric_limits<int32_t>::max());
  Value zero = e.index(0);
  Emitter::Values start = {huge, zero, huge, zero};
  if (hasSinks())
    start.push_back(zero);
  return e.forRange(
      e.index(0), rows, 1, start,
      [&](Index r, ValueRange hull) -> Emitter::Values {
        packQuery(r, rowOf(r), headOf(r));
        startSoftmax(r);
        Emitter::Values arguments = {rowOf(r)};
        llvm::append_range(arguments, op.getCaptures());
        Emitter::Values seen = e.inlined(op.getBounds(), arguments);
        for (auto [i, bound] : llvm::enumerate(seen))
          e.store(e.toI32(e.index(bound)), state.bounds, {r, e.index(i)});
        Index lo = e.index(seen[0]), core = e.index(seen[1]),
              hi = e.index(seen[2]);
        Emitter::Values next = {
            min(e.index(hull[0]), lo), max(e.index(hull[1]), lo),
            min(e.index(hull[2]), core), max(e.index(hull[3]), hi)};
        if (hasSinks())
          next.push_back(max(e.index(hull[4]), e.index(seen[3])));
        return next;
      });
}

/// Row r before any token. A learned sink is a token whose value is 0: it is
/// the maximum at first, and its own weight is 1.
void AttendExpansion::startSoftmax(Index r) {
  Value none = e.splat(0, lanes), maximum = e.f32(AttendSoftmax::lowest);
  Value sum = none;
  if (op.getSinks()) {
    Value sink = e.load(op.getSinks(), {headOf(r)});
    sink = e.mul(sink, e.f32(std::numbers::log2e));
    maximum = arith::MaxNumFOp::create(e.b, e.loc, sink, maximum);
    Emitter::Values weights(lanes, e.f32(0));
    weights.front() = e.f32(1);
    sum = e.vectorOf(weights);
  }
  e.store(maximum, state.maximum, {r});
  e.store(sum, state.sum, {r, e.index(0)});
  if (state.minima)
    e.store(none, state.minima, {r, e.index(0)});
  e.forRange(e.index(0), e.index(columns), lanes,
             [&](Index c) { e.store(none, state.output, {r, c}); });
}

/// Copies the query of (m, h) to row r, padded with zeros. The last piece may
/// overlap the one before.
void AttendExpansion::packQuery(Index r, Index m, Index h) {
  Type element = op.getQuery().getType().getElementType();
  int64_t key = op.getKey();
  int64_t size = llvm::bit_floor<uint64_t>(std::min(key, lanes));
  auto store = [&](Value piece, Index i) {
    if (floats)
      e.store(e.extend(piece, e.f32x(size)), floats, {i});
    else
      keyDot->storeRow(e, piece, state.query, {r, i});
  };
  e.forRange(e.index(key / size * size), e.index(shape.paddedKey), size,
             [&](Index i) {
               store(e.splat(0, size), min(i, e.index(shape.paddedKey - size)));
             });
  auto copy = [&](Index i) {
    store(
        e.load(VectorType::get(size, element), op.getQuery(), {m, h * key + i}),
        i);
  };
  e.forRange(e.index(0), e.index(key / size * size), size, copy);
  if (key % size)
    copy(e.index(key - size));
  if (floats)
    quantizeQuery(r);
}

/// Makes row r of integers of `floats`, with their sums over groups.
void AttendExpansion::quantizeQuery(Index r) {
  Emitter::Values pieces;
  Value most;
  for (int64_t i = 0; i < shape.paddedKey; i += lanes) {
    pieces.push_back(e.load(e.f32x(lanes), floats, {e.index(i)}));
    Value size = math::AbsFOp::create(e.b, e.loc, pieces.back());
    most = most ? e.maximum(most, size) : size;
  }
  RowScale scale = scaleOf(e, e.reduce(most, /*isMax=*/true));
  e.store(scale.scale, state.queryScale, {r});
  Value sum;
  for (auto [i, piece] : llvm::enumerate(pieces)) {
    Value integers = scale.integers(e, piece);
    int64_t next = (int64_t(i) + 1) * lanes;
    keyDot->storeRow(e, integers, state.query, {r, e.index(next - lanes)});
    sum = sum ? e.add(sum, integers) : integers;
    if (next % KVType::keyGroup && next < shape.paddedKey)
      continue;
    e.store(e.sum(sum), state.querySums,
            {r, e.index((next - 1) / KVType::keyGroup)});
    sum = {};
  }
}

void AttendExpansion::finishRow(Index r) {
  Value sum = e.reduce(e.load(e.f32x(lanes), state.sum, {r, e.index(0)}),
                       /*isMax=*/false);
  // A row that sees nothing gives 0.
  Value some = arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::UNE, sum,
                                     e.f32(0));
  Value inverse = e.select(some, e.div(e.f32(1), sum), e.f32(0));
  int64_t value = op.getValue();
  Value out = e.load(e.f32x(value), state.output, {r, e.index(0)});
  if (state.minima) {
    Value minima = e.load(e.f32x(lanes), state.minima, {r, e.index(0)});
    out = e.add(out, e.broadcast(e.reduce(minima, /*isMax=*/false), value));
  }
  Emitter::Values arguments = {e.mul(out, e.broadcast(inverse, value)),
                               rowOf(r), headOf(r) * value};
  llvm::append_range(arguments, op.getCaptures());
  e.inlined(op.getOutput(), arguments);
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

void AttendExpansion::expandBlock(Index rows, Index n,
                                  const Emitter::Values &hull) {
  Index end = n + shape.unit, last = e.index(hull[3]);
  Index lo = e.index(hull[0]);
  if (hasSinks()) // a block with first tokens begins with them
    lo = e.select(n < e.index(hull[4]), n, lo);
  AttendBlock block = {n, (max(lo, n) - n) / lanes,
                       ceilDiv(min(last, end) - n, lanes)};
  findPages(n, last);
  if (state.valueScales)
    loadScales(block);
  scoreBlock(block, rows);

  Value edge = arith::OrIOp::create(e.b, e.loc, n < e.index(hull[1]),
                                    e.index(hull[2]) < end);
  auto branch = scf::IfOp::create(e.b, e.loc, edge, /*withElseRegion=*/true);
  for (bool isEdge : {true, false}) {
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToStart(isEdge ? branch.thenBlock()
                                        : branch.elseBlock());
    AttendSoftmax softmax(e, op, *valueDot, state);
    e.forRange(e.index(0), rows, 1, [&](Index r) {
      softmax.row(r, rowOf(r), headOf(r), n, isEdge);
    });
  }

  outputBlock(block, rows);
}

/// Looks up the pages of this block and the next. Tokens beyond the last one
/// stand for it: what is read for them is masked.
void AttendExpansion::findPages(Index n, Index last) {
  int64_t count = 2 * shape.unit / shape.chunk;
  e.forRange(e.index(0), e.index(count), 1, [&](Index i) {
    Index place = min(n + i * shape.chunk, last - 1) / shape.page;
    // Rings only: a division costs more than the rest.
    auto wrapped = scf::IfOp::create(
        e.b, e.loc, place < pageCount,
        [&](OpBuilder &b, Location loc) {
          scf::YieldOp::create(b, loc, place.value);
        },
        [&](OpBuilder &b, Location loc) {
          Value rest =
              arith::RemUIOp::create(b, loc, place.value, pageCount.value);
          scf::YieldOp::create(b, loc, rest);
        });
    Index at = pageStart + e.index(wrapped.getResult(0));
    e.store(e.fromI32(e.load(op.getPage(), {at})), pages, {i});
  });
}

/// The scales of the values of the block's tokens. Those of tokens that are not
/// there belong to others, and are finite.
void AttendExpansion::loadScales(const AttendBlock &block) {
  e.forRange(e.index(0), e.index(shape.unit / lanes), 1, [&](Index panel) {
    e.store(scalesAt(op.getScales()[1], block, panel, e.index(0)),
            state.valueScales, {panel * lanes});
    if (state.valueMinima)
      e.store(scalesAt(op.getScales()[1], block, panel, e.index(1)),
              state.valueMinima, {panel * lanes});
  });
}

/// The scales of the 16 tokens `panel` of the block.
Value AttendExpansion::scalesAt(Value scales, const AttendBlock &block,
                                Index panel, Index group) {
  SmallVector<Index> at = {pageOf(panel, /*ahead=*/false),
                           e.index(op.getLayer()), head, group,
                           placeOf(block, panel, /*ahead=*/false)};
  auto type = VectorType::get(lanes, e.b.getF16Type());
  return e.extend(e.load(type, scales, at), e.f32x(lanes));
}

/// Step `k` of the 16 tokens `panel` of the block, or of the next one.
SmallVector<Index> AttendExpansion::keysAt(const AttendBlock &block,
                                           Index panel, Index k, bool ahead) {
  Index zero = e.index(0), layer = e.index(op.getLayer());
  return {pageOf(panel, ahead),
          layer,
          head,
          placeOf(block, panel, ahead) / lanes,
          k,
          zero,
          zero};
}

/// Step `t` of the 16 tokens `panel` in columns `column` * 16 ….
SmallVector<Index> AttendExpansion::valuesAt(const AttendBlock &block,
                                             Index panel, Index column, Index t,
                                             bool ahead) {
  Index zero = e.index(0), layer = e.index(op.getLayer());
  Index step = placeOf(block, panel, ahead) / valueDot->group + t;
  return {pageOf(panel, ahead), layer, head, column, step, zero, zero};
}

Index AttendExpansion::pageOf(Index panel, bool ahead) {
  Index i = panel / (shape.chunk / lanes);
  return e.index(e.load(pages, {ahead ? i + shape.unit / shape.chunk : i}));
}

/// The first token of a panel in its page.
Index AttendExpansion::placeOf(const AttendBlock &block, Index panel,
                               bool ahead) {
  Index n = ahead ? block.n + shape.unit : block.n;
  return (n + panel * lanes) % shape.page;
}

Index cpu::countTasks(Emitter &e, tile::AttendOp op) {
  Index zero = e.index(0);
  return e.fromI32(e.load(op.getTasks(), {zero, zero})) * AttendShape(op).heads;
}

void cpu::expandTask(Emitter &e, tile::AttendOp op, Index task) {
  AttendExpansion(e, op).expand(task);
}
