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

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/CPU/AttendSoftmax.h"
#include "passes/CPU/Expand.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

namespace {

constexpr int64_t lanes = 16;
/// GEMM rows of a span: enough to use a block of keys from L1 several times.
constexpr int64_t spanRows = 24;

/// The pools' shapes and the op's sizes.
struct AttendShape {
  explicit AttendShape(tile::AttendOp op) {
    auto keys = cast<MemRefType>(op.getKeys().getType());
    auto values = cast<MemRefType>(op.getValues().getType());
    heads = keys.getDimSize(2);
    group = op.getHeads() / heads;
    page = keys.getDimSize(3) * lanes;
    keySteps = keys.getDimSize(4);
    paddedKey = keySteps * keys.getDimSize(6);
    valuePanels = values.getDimSize(3);
    unit = op.getSchedule()->getUnit();
    chunk = std::min(unit, page);
    span = std::max(op.getSchedule()->getRows().front(), spanRows);
  }

  int64_t heads, group;        // kv-heads; query heads of each
  int64_t page, unit, chunk;   // tokens; `chunk` of a block are in one page
  int64_t keySteps, paddedKey; // steps of a dot; elements
  int64_t valuePanels;         // of 16 columns
  int64_t span;                // GEMM rows
};

/// Rows [first, first + count) of a task, their block and the tokens in it.
struct Block {
  Index n;           // first token, a multiple of `unit`
  Index first, last; // panels of 16 tokens in use, relative to n
};

class AttendExpansion {
public:
  AttendExpansion(Emitter &e, tile::AttendOp op);

  void expand(Index task);

private:
  void makeState();
  void expandSpan(Index base, Index rows);
  void packQuery(Index r, Index m, Index h);
  Emitter::Values prepareRows(Index rows);
  void expandBlock(Index rows, Index n, const Emitter::Values &hull);
  void findPages(Index n, Index last);
  Index pageOf(Index panel, int64_t blocks = 0);
  /// The place of 16 tokens in their page, in units of `tokens`.
  Index placeOf(const Block &block, Index panel, int64_t tokens);
  void forTiles(Index rows, function_ref<void(Index, int64_t, int64_t)> tile);
  void scoreTile(const Block &block, Index r, int64_t rows, int64_t panels);
  void outputTile(const Block &block, Index r, int64_t rows, Index column,
                  int64_t panels);
  Emitter::Values
  unrolled(int64_t count, Emitter::Values carried,
           function_ref<Emitter::Values(Index, Emitter::Values)> step);
  void finishRow(Index r);
  Block next(Block block) {
    block.n = block.n + shape.unit;
    return block;
  }
  /// The row of the step and the query head of GEMM row r of the span.
  Index rowOf(Index r) { return m0 + (base + r) / shape.group; }
  Index headOf(Index r) {
    return head * shape.group + (base + r) % shape.group;
  }

  Emitter &e;
  tile::AttendOp op;
  AttendShape shape;
  /// Whether the same places of the next block are prefetched.
  bool prefetches;
  std::unique_ptr<AttendDot> keyDot, valueDot;
  AttendState state;
  Value pages; // [2 * unit / chunk] of this block and the next
  // Of the task: its kv-head, first row, first page and pages; of the span: its
  // first GEMM row.
  Index head, m0, pageStart, pageCount, base;
};

} // namespace

AttendExpansion::AttendExpansion(Emitter &e, tile::AttendOp op)
    : e(e), op(op), shape(op) {
  prefetches = op.getSchedule()->getPrefetch() != 0;
  Type query = op.getQuery().getType().getElementType();
  keyDot = makeAttendDot(query, cast<MemRefType>(op.getKeys().getType()));
  valueDot = makeAttendDot(query, cast<MemRefType>(op.getValues().getType()));
}

void AttendExpansion::makeState() {
  Type f32 = e.b.getF32Type(), i32 = e.b.getI32Type();
  int64_t span = shape.span, unit = shape.unit;
  state.query = e.scratch({span, shape.paddedKey}, keyDot->getRowType(e));
  state.scores = e.scratch({span, unit}, f32);
  state.weights =
      e.scratch({unit / lanes, span, lanes}, valueDot->getRowType(e));
  state.output = e.scratch({span, shape.valuePanels * lanes}, f32);
  state.maximum = e.scratch({span}, f32);
  state.sum = e.scratch({span, lanes}, f32);
  state.bounds = e.scratch({span, 3}, i32);
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
  e.forRange(e.index(0), total, shape.span, [&](Index first) {
    expandSpan(first, min(total - first, e.index(shape.span)));
  });
}

void AttendExpansion::expandSpan(Index first, Index rows) {
  base = first;
  Emitter::Values hull = prepareRows(rows);
  Index low = e.index(hull[0]) / shape.unit * shape.unit;
  e.forRange(low, e.index(hull[3]), shape.unit,
             [&](Index n) { expandBlock(rows, n, hull); });
  e.forRange(e.index(0), rows, 1, [&](Index r) { finishRow(r); });
}

/// Clears the state of the rows and returns the hull of what they see: the
/// smallest and largest lo, the smallest core, the largest hi.
Emitter::Values AttendExpansion::prepareRows(Index rows) {
  Value huge = e.index(std::numeric_limits<int32_t>::max());
  Value zero = e.index(0);
  return e.forRange(
      e.index(0), rows, 1, {huge, zero, huge, zero},
      [&](Index r, ValueRange hull) -> Emitter::Values {
        packQuery(r, rowOf(r), headOf(r));
        e.store(e.f32(-1e30), state.maximum, {r});
        e.store(e.splat(0, lanes), state.sum, {r, e.index(0)});
        e.forRange(e.index(0), e.index(shape.valuePanels), 1, [&](Index c) {
          e.store(e.splat(0, lanes), state.output, {r, c * lanes});
        });
        Emitter::Values arguments = {rowOf(r)};
        llvm::append_range(arguments, op.getCaptures());
        Emitter::Values seen = e.inlined(op.getBounds(), arguments);
        for (auto [i, bound] : llvm::enumerate(seen))
          e.store(
              arith::IndexCastOp::create(e.b, e.loc, e.b.getI32Type(), bound),
              state.bounds, {r, e.index(i)});
        Index lo = e.index(seen[0]), core = e.index(seen[1]),
              hi = e.index(seen[2]);
        return {min(e.index(hull[0]), lo), max(e.index(hull[1]), lo),
                min(e.index(hull[2]), core), max(e.index(hull[3]), hi)};
      });
}

/// Copies the query of (m, h) to row r, padded with zeros. The last piece may
/// overlap the one before.
void AttendExpansion::packQuery(Index r, Index m, Index h) {
  Type element = op.getQuery().getType().getElementType();
  int64_t key = op.getKey();
  int64_t size = llvm::bit_floor<uint64_t>(std::min(key, lanes));
  if (shape.paddedKey > key)
    e.store(keyDot->toRow(e, e.splat(0, size)), state.query,
            {r, e.index(shape.paddedKey - size)});
  auto copy = [&](Index i) {
    Value piece =
        e.load(VectorType::get(size, element), op.getQuery(), {m, h * key + i});
    e.store(keyDot->toRow(e, piece), state.query, {r, i});
  };
  e.forRange(e.index(0), e.index(key / size * size), size, copy);
  if (key % size)
    copy(e.index(key - size));
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
  Block block = {n, (max(e.index(hull[0]), n) - n) / lanes,
                 ceilDiv(min(last, end) - n, lanes)};
  findPages(n, last);
  forTiles(rows, [&](Index r, int64_t count, int64_t panels) {
    scoreTile(block, r, count, panels);
  });

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

  forTiles(rows, [&](Index r, int64_t count, int64_t panels) {
    int64_t whole = shape.valuePanels / panels * panels;
    e.forRange(e.index(0), e.index(whole), panels,
               [&](Index c) { outputTile(block, r, count, c, panels); });
    if (int64_t rest = shape.valuePanels - whole)
      outputTile(block, r, count, e.index(whole), rest);
  });
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

/// The page of 16 tokens of the block, or `blocks` blocks later.
Index AttendExpansion::pageOf(Index panel, int64_t blocks) {
  Index i = panel / (shape.chunk / lanes) + blocks * (shape.unit / shape.chunk);
  return e.index(e.load(pages, {i}));
}

Index AttendExpansion::placeOf(const Block &block, Index panel,
                               int64_t tokens) {
  return (block.n + panel * lanes) % shape.page / tokens;
}

void AttendExpansion::forTiles(
    Index rows, function_ref<void(Index, int64_t, int64_t)> tile) {
  Index r0 = e.index(0);
  for (auto [count, panels] : llvm::zip_equal(op.getSchedule()->getRows(),
                                              op.getSchedule()->getPanels())) {
    Index end = count == 1 ? rows : r0 + (rows - r0) / count * count;
    e.forRange(r0, end, count, [&](Index r) { tile(r, count, panels); });
    r0 = end;
  }
}

//===----------------------------------------------------------------------===//
// Register tiles
//===----------------------------------------------------------------------===//

/// Steps 0 to count - 1, the schedule's `unroll` of them an iteration.
Emitter::Values AttendExpansion::unrolled(
    int64_t count, Emitter::Values carried,
    function_ref<Emitter::Values(Index, Emitter::Values)> step) {
  int64_t size = std::max<int64_t>(1, op.getSchedule()->getUnroll());
  int64_t whole = count / size * size;
  auto body = [&](int64_t steps) {
    return [&, steps](Index k, ValueRange values) {
      Emitter::Values next(values);
      for (int64_t i = 0; i < steps; ++i)
        next = step(k + i, next);
      return next;
    };
  };
  carried = e.forRange(e.index(0), e.index(whole), size, carried, body(size));
  return e.forRange(e.index(whole), e.index(count), 1, carried, body(1));
}

void AttendExpansion::scoreTile(const Block &block, Index r, int64_t rows,
                                int64_t panels) {
  while (shape.unit / lanes % panels)
    --panels;
  Index layer = e.index(op.getLayer()), zero = e.index(0);
  Index first = block.first / panels * panels;
  e.forRange(first, block.last, panels, [&](Index j) {
    SmallVector<Index> page, ahead, panel, panelAhead;
    for (int64_t v = 0; v < panels; ++v) {
      page.push_back(pageOf(j + v));
      panel.push_back(placeOf(block, j + v, lanes));
      ahead.push_back(pageOf(j + v, 1));
      panelAhead.push_back(placeOf(next(block), j + v, lanes));
    }
    auto step = [&](Index k, Emitter::Values sums) {
      SmallVector<AttendDot::Operands> operands;
      for (int64_t v = 0; v < panels && prefetches; ++v)
        e.prefetch(op.getKeys(),
                   {ahead[v], layer, head, panelAhead[v], k, zero, zero});
      for (int64_t v = 0; v < panels; ++v)
        operands.push_back(keyDot->loadPanel(
            e, op.getKeys(), {page[v], layer, head, panel[v], k, zero, zero}));
      for (int64_t i = 0; i < rows; ++i) {
        auto row = keyDot->loadRow(e, state.query, {r + i}, k);
        for (int64_t v = 0; v < panels; ++v) {
          Value &sum = sums[i * panels + v];
          sum = keyDot->multiply(e, sum, operands[v], row);
        }
      }
      return sums;
    };
    Emitter::Values sums(rows * panels, e.splat(0, lanes));
    sums = unrolled(shape.keySteps, sums, step);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t v = 0; v < panels; ++v)
        e.store(sums[i * panels + v], state.scores, {r + i, (j + v) * lanes});
  });
}

void AttendExpansion::outputTile(const Block &block, Index r, int64_t rows,
                                 Index column, int64_t panels) {
  Index layer = e.index(op.getLayer()), zero = e.index(0);
  int64_t steps = lanes / valueDot->group;
  Emitter::Values sums;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t v = 0; v < panels; ++v)
      sums.push_back(
          e.load(e.f32x(lanes), state.output, {r + i, (column + v) * lanes}));
  sums = e.forRange(
      block.first, block.last, 1, sums, [&](Index j, ValueRange carried) {
        Index page = pageOf(j), ahead = pageOf(j, 1);
        Index token = placeOf(block, j, valueDot->group);
        Index tokenAhead = placeOf(next(block), j, valueDot->group);
        auto step = [&](Index t, Emitter::Values sums) {
          SmallVector<AttendDot::Operands> operands;
          for (int64_t v = 0; v < panels && prefetches; ++v)
            e.prefetch(op.getValues(), {ahead, layer, head, column + v,
                                        tokenAhead + t, zero, zero});
          for (int64_t v = 0; v < panels; ++v)
            operands.push_back(valueDot->loadPanel(
                e, op.getValues(),
                {page, layer, head, column + v, token + t, zero, zero}));
          for (int64_t i = 0; i < rows; ++i) {
            auto row = valueDot->loadRow(e, state.weights, {j, r + i}, t);
            for (int64_t v = 0; v < panels; ++v) {
              Value &sum = sums[i * panels + v];
              sum = valueDot->multiply(e, sum, operands[v], row);
            }
          }
          return sums;
        };
        return unrolled(steps, Emitter::Values(carried), step);
      });
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t v = 0; v < panels; ++v)
      e.store(sums[i * panels + v], state.output,
              {r + i, (column + v) * lanes});
}

Index cpu::countTasks(Emitter &e, tile::AttendOp op) {
  Index zero = e.index(0);
  return e.fromI32(e.load(op.getTasks(), {zero, zero})) * AttendShape(op).heads;
}

void cpu::expandTask(Emitter &e, tile::AttendOp op, Index task) {
  AttendExpansion(e, op).expand(task);
}
