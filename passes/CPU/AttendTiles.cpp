//===- AttendTiles.cpp - Products of attention, tile by tile --------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/CPU/AttendExpansion.h"

using namespace mlir;
using namespace mica;
using namespace mica::cpu;
using tile::Emitter;
using tile::Index;

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

/// The row tiles of tile registers: the first one prefetches for all.
void AttendExpansion::forAmxRows(Index rows,
                                 function_ref<void(Index, bool)> tile) {
  if (!prefetches)
    return e.forRange(e.index(0), rows, amxRows,
                      [&](Index r) { tile(r, false); });
  tile(e.index(0), true);
  e.forRange(e.index(amxRows), rows, amxRows, [&](Index r) { tile(r, false); });
}

void AttendExpansion::scoreBlock(const AttendBlock &block, Index rows) {
  if (!shape.tiles)
    return forTiles(rows, [&](Index r, int64_t count, int64_t panels) {
      scoreTile(block, r, count, panels);
    });
  int64_t count = std::min(amxSums, shape.unit / lanes);
  forAmxRows(rows, [&](Index r, bool prefetches) {
    Index first = block.first / count * count;
    e.forRange(first, block.last, count, [&](Index j) {
      auto at = [&](int64_t v, Index k, bool ahead) {
        return keysAt(block, j + v, k, ahead);
      };
      scoreAmx(e, state, {op.getKeys(), count, at, prefetches}, r, j * lanes,
               shape.keySteps);
    });
  });
}

/// `tile` for up to `panels` panels of columns at a time.
void AttendExpansion::forColumns(int64_t panels,
                                 function_ref<void(Index, int64_t)> tile) {
  int64_t whole = shape.valuePanels / panels * panels;
  e.forRange(e.index(0), e.index(whole), panels,
             [&](Index c) { tile(c, panels); });
  if (int64_t rest = shape.valuePanels - whole)
    tile(e.index(whole), rest);
}

void AttendExpansion::outputBlock(const AttendBlock &block, Index rows) {
  if (!shape.tiles)
    return forTiles(rows, [&](Index r, int64_t count, int64_t panels) {
      panels = std::max<int64_t>(1, panels / valueDot->vectors);
      forColumns(panels, [&](Index c, int64_t wide) {
        outputTile(block, r, count, c, wide);
      });
    });
  forAmxRows(rows, [&](Index r, bool prefetches) {
    forColumns(amxSums, [&](Index c, int64_t count) {
      auto at = [&](int64_t v, Index chunk, bool ahead) {
        return valuesAt(block, chunk * 2, c + v, e.index(0), ahead);
      };
      outputAmx(e, state, {op.getValues(), count, at, prefetches}, r, c * lanes,
                block.first / 2, ceilDiv(block.last, 2));
    });
  });
}

/// The sums of vector `at`.
static MutableArrayRef<Value> sumsOf(const AttendDot &dot,
                                     Emitter::Values &sums, int64_t at) {
  return MutableArrayRef<Value>(sums).slice(at * dot.sums, dot.sums);
}

/// Bytes of a step of `pool`: 16 lanes.
static int64_t stepBytes(Value pool) {
  auto type = cast<MemRefType>(pool.getType());
  return lanes * type.getShape().back() * type.getElementTypeBitWidth() / 8;
}

/// Steps 0 to count - 1 of `pool`, the schedule's `unroll` of them an
/// iteration, or those of a line; `isLine` of the first of a line.
Emitter::Values AttendExpansion::unrolled(
    Value pool, int64_t count, Emitter::Values carried,
    function_ref<Emitter::Values(Index, bool, Emitter::Values)> step) {
  constexpr int64_t line = 64;
  int64_t perLine = std::max<int64_t>(1, line / stepBytes(pool));
  int64_t size = std::max<int64_t>(perLine, op.getSchedule()->getUnroll());
  int64_t whole = count / size * size;
  auto body = [&](int64_t steps) {
    return [&, steps](Index k, ValueRange values) {
      Emitter::Values next(values);
      for (int64_t i = 0; i < steps; ++i)
        next = step(k + i, i % perLine == 0, next);
      return next;
    };
  };
  carried = e.forRange(e.index(0), e.index(whole), size, carried, body(size));
  return e.forRange(e.index(whole), e.index(count), 1, carried, body(1));
}

void AttendExpansion::scoreTile(const AttendBlock &block, Index r, int64_t rows,
                                int64_t panels) {
  while (shape.unit / lanes % panels)
    --panels;
  Index first = block.first / panels * panels;
  e.forRange(first, block.last, panels, [&](Index j) {
    Emitter::Values scores = scorePanels(block, r, rows, j, panels);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t v = 0; v < panels; ++v)
        e.store(scores[i * panels + v], state.scores, {r + i, (j + v) * lanes});
  });
}

/// The scores of `rows` rows over `panels` panels, [rows, panels].
Emitter::Values AttendExpansion::scorePanels(const AttendBlock &block, Index r,
                                             int64_t rows, Index panel,
                                             int64_t panels) {
  if (!keyDot->isInteger)
    return scoreGroup(block, r, rows, panel, panels, e.index(0),
                      shape.keySteps);
  auto addGroup = [&](int64_t steps) {
    return [&, steps](Index g, ValueRange carried) {
      Emitter::Values scores(carried);
      Emitter::Values integers =
          scoreGroup(block, r, rows, panel, panels, g, steps);
      Index at = g * (shape.minima ? 2 : 1);
      for (int64_t v = 0; v < panels; ++v) {
        Value scale = scalesAt(op.getScales()[0], block, panel + v, at), least;
        if (shape.minima)
          least = scalesAt(op.getScales()[0], block, panel + v, at + 1);
        for (int64_t i = 0; i < rows; ++i) {
          Value &score = scores[i * panels + v];
          score = e.fma(e.toFloat(integers[i * panels + v]), scale, score);
          if (!least)
            continue;
          Value sum = e.broadcast(e.load(state.querySums, {r + i, g}), lanes);
          score = e.fma(e.toFloat(sum), least, score);
        }
      }
      return scores;
    };
  };
  Emitter::Values scores(rows * panels, e.splat(0, lanes));
  int64_t whole = shape.keySteps / shape.groupSteps;
  scores = e.forRange(e.index(0), e.index(whole), 1, scores,
                      addGroup(shape.groupSteps));
  if (int64_t rest = shape.keySteps % shape.groupSteps)
    scores = addGroup(rest)(e.index(whole), scores);
  for (int64_t i = 0; i < rows; ++i) {
    Value scale = e.broadcast(e.load(state.queryScale, {r + i}), lanes);
    for (int64_t v = 0; v < panels; ++v)
      scores[i * panels + v] = e.mul(scores[i * panels + v], scale);
  }
  return scores;
}

/// The products with `steps` steps of `group`, [rows, panels]: of i32 if rows
/// are integers.
Emitter::Values AttendExpansion::scoreGroup(const AttendBlock &block, Index r,
                                            int64_t rows, Index panel,
                                            int64_t panels, Index group,
                                            int64_t steps) {
  SmallVector<SmallVector<Index>> here, ahead;
  for (int64_t v = 0; v < panels; ++v) {
    here.push_back(keysAt(block, panel + v, e.index(0), /*ahead=*/false));
    ahead.push_back(keysAt(block, panel + v, e.index(0), /*ahead=*/true));
  }
  Index first = group * shape.groupSteps;
  auto step = [&](Index k, bool isLine, Emitter::Values sums) {
    SmallVector<AttendDot::Operands> operands;
    for (int64_t v = 0; v < panels; ++v)
      here[v][4] = ahead[v][4] = first + k;
    for (int64_t v = 0; v < panels && prefetches && isLine; ++v)
      e.prefetch(op.getKeys(), ahead[v]);
    for (int64_t v = 0; v < panels; ++v)
      operands.push_back(keyDot->loadPanel(e, op.getKeys(), here[v]));
    for (int64_t i = 0; i < rows; ++i) {
      auto row = keyDot->loadRow(e, state.query, {r + i}, first + k);
      for (int64_t v = 0; v < panels; ++v)
        keyDot->multiply(e, sumsOf(*keyDot, sums, i * panels + v), operands[v],
                         row);
    }
    return sums;
  };
  Emitter::Values sums;
  for (int64_t i = 0; i < rows; ++i) {
    Value begin;
    if (keyDot->isInteger && !shape.minima) {
      Value zero = arith::ConstantIntOp::create(e.b, e.loc, e.b.getI32Type(),
                                                -KVType::keyZero);
      begin = e.mul(e.load(state.querySums, {r + i, group}), zero);
    }
    llvm::append_range(sums, startSums(*keyDot, begin, panels));
  }
  return joined(*keyDot, unrolled(op.getKeys(), steps, sums, step));
}

/// The sums of `panels` panels, that begin with `begin`, or with 0.
Emitter::Values AttendExpansion::startSums(const AttendDot &dot, Value begin,
                                           int64_t panels) {
  int64_t width = dot.vectors * lanes / dot.sums;
  Value sum = begin           ? e.broadcast(begin, width)
              : dot.isInteger ? e.splatBits(0, width)
                              : e.splat(0, width);
  return Emitter::Values(panels * dot.sums, sum);
}

/// `sums` as vectors of 16 lanes.
Emitter::Values AttendExpansion::joined(const AttendDot &dot,
                                        Emitter::Values sums) {
  Emitter::Values result;
  int64_t parts = dot.sums / dot.vectors;
  for (size_t at = 0; at < sums.size(); at += parts)
    result.push_back(e.join(ArrayRef<Value>(sums).slice(at, parts)));
  return result;
}

void AttendExpansion::outputTile(const AttendBlock &block, Index r,
                                 int64_t rows, Index column, int64_t panels) {
  bool isInteger = valueDot->isInteger;
  int64_t wide = panels * valueDot->vectors;
  auto place = [&](int64_t at) -> SmallVector<Index> {
    return {r + at / wide, (column * valueDot->vectors + at % wide) * lanes};
  };
  Emitter::Values before, sums;
  for (int64_t at = 0; at < rows * wide; ++at)
    before.push_back(e.load(e.f32x(lanes), state.output, place(at)));
  sums = isInteger ? startSums(*valueDot, {}, rows * panels) : before;
  sums = joined(*valueDot, outputSums(block, r, rows, column, panels, sums));
  for (int64_t at = 0; at < rows * wide; ++at) {
    if (isInteger) {
      Value scale = e.load(state.weightScale, {r + at / wide});
      sums[at] =
          e.fma(e.toFloat(sums[at]), e.broadcast(scale, lanes), before[at]);
    }
    e.store(sums[at], state.output, place(at));
  }
}

/// sums += weights * values over the block, [rows, panels].
Emitter::Values AttendExpansion::outputSums(const AttendBlock &block, Index r,
                                            int64_t rows, Index column,
                                            int64_t panels,
                                            Emitter::Values sums) {
  int64_t steps = lanes / valueDot->group, parts = shape.wide / lanes;
  auto panel = [&](Index j, ValueRange carried) {
    SmallVector<Index> here, ahead;
    here = valuesAt(block, j, column, e.index(0), /*ahead=*/false);
    ahead = valuesAt(block, j, column, e.index(0), /*ahead=*/true);
    auto moved = [](SmallVector<Index> at, int64_t v, Index t) {
      at[3] = at[3] + v;
      at[4] = at[4] + t;
      return at;
    };
    auto step = [&](Index t, bool isLine, Emitter::Values sums) {
      SmallVector<AttendDot::Operands> operands;
      for (int64_t v = 0; v < panels && prefetches && isLine; ++v)
        e.prefetch(op.getValues(), moved(ahead, v, t));
      for (int64_t v = 0; v < panels; ++v)
        operands.push_back(
            valueDot->loadPanel(e, op.getValues(), moved(here, v, t)));
      for (int64_t i = 0; i < rows; ++i) {
        auto row = valueDot->loadRow(e, state.weights, {j / parts, r + i},
                                     j % parts * steps + t);
        for (int64_t v = 0; v < panels; ++v)
          valueDot->multiply(e, sumsOf(*valueDot, sums, i * panels + v),
                             operands[v], row);
      }
      return sums;
    };
    return unrolled(op.getValues(), steps, Emitter::Values(carried), step);
  };
  return e.forRange(block.first, block.last, 1, sums, panel);
}
