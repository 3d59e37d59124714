//===- LowerExperts.cpp - The choice of experts, and its order ------------===//
//
// Scalar work beside the products of experts: a row's choice, the tables of a
// step's choices, and the copies of rows in their order.
//
//===----------------------------------------------------------------------===//

#include "passes/Kernels/KernelContext.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mica;
using namespace mica::tile;

namespace {

constexpr int64_t kLanes = 16;
constexpr double kLowest = -3.4e38;

/// One row of `mica.route`. Scores and chances lie in scratch memory, in whole
/// vectors: behind the last expert none has a chance.
class RouteEmitter {
public:
  RouteEmitter(KernelContext &context, GroupOp group, Emitter &e, Index m)
      : context(context), group(group),
        op(*group.getBody().getOps<RouteOp>().begin()), e(e), m(m),
        experts(columnsOf(op.getLogits())),
        padded(llvm::alignTo(experts, kLanes)), zero(e.index(0)),
        logits(context.bufferOf(op.getLogits())),
        score(e.scratch({padded}, e.b.getF32Type())),
        chance(e.scratch({padded}, e.b.getF32Type())) {}

  void emit() {
    storeScores();
    if (op.getGroups() > 1)
      limitGroups();
    choose();
  }

private:
  Value vectorAt(Value buffer, Index at) {
    return e.load(e.f32x(kLanes), buffer, {at});
  }

  /// body(first lane) for each vector of experts.
  void forVectors(function_ref<void(Index)> body) {
    e.forRange(zero, e.index(padded), kLanes, body);
  }
  Value foldVectors(Value init, function_ref<Value(Index, Value)> step) {
    return e.forRange(zero, e.index(padded), kLanes, {init},
                      [&](Index at, ValueRange carried) -> Emitter::Values {
                        return {step(at, carried[0])};
                      })[0];
  }

  /// Which lanes of the vector at `at` are experts.
  Value exists(Index at) {
    auto lanes = VectorType::get(kLanes, e.b.getI32Type());
    Value first = e.broadcast(e.toI32(at), kLanes);
    return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::slt,
                                 e.add(e.iota(kLanes), first),
                                 e.splatOf(experts, lanes));
  }

  /// Logits, the lowest number where there is no expert.
  Value logitsAt(Index at) {
    Value x = e.loadSegment(kLanes, logits, {m, at}, {1});
    return experts == padded ? x
                             : e.select(exists(at), x, e.splat(kLowest, kLanes));
  }

  void storeScores() {
    bool softmax = op.getScores() == RouterScores::softmax;
    Value most, factor;
    if (softmax) {
      most = e.reduce(foldVectors(e.splat(kLowest, kLanes),
                                  [&](Index at, Value max) {
                                    return e.maximum(max, logitsAt(at));
                                  }),
                      /*isMax=*/true);
      Value sum = foldVectors(e.splat(0, kLanes), [&](Index at, Value sum) {
        Value x = e.sub(logitsAt(at), e.broadcast(most, kLanes));
        Value y = e.exp(x);
        e.store(y, score, {at});
        return e.add(sum, y);
      });
      factor = e.div(e.f32(1), e.reduce(sum, /*isMax=*/false));
    }
    forVectors([&](Index at) {
      Value s;
      if (softmax) {
        s = e.mul(vectorAt(score, at), e.broadcast(factor, kLanes));
      } else {
        Value x = e.negate(logitsAt(at));
        // The lowest number has no exponential.
        x = e.minimum(x, e.splat(80, kLanes));
        s = e.div(e.splat(1, kLanes),
                  e.add(e.splat(1, kLanes),
                        e.exp(x)));
      }
      e.store(s, score, {at});
      Value c = s;
      if (op.getBias())
        c = e.add(c, e.loadSegment(kLanes, context.weightOf(op.getBias()), at,
                                   {0}));
      if (experts != padded)
        c = e.select(exists(at), c, e.splat(kLowest, kLanes));
      e.store(c, chance, {at});
    });
  }

  /// The sum of the greatest one or two chances of group `g`.
  Value sumOfGroup(Index g, int64_t size) {
    Value lowest = e.f32(kLowest);
    Emitter::Values top = e.forRange(
        g * size, g * size + size, 1, {lowest, lowest},
        [&](Index i, ValueRange best) -> Emitter::Values {
          Value c = e.load(chance, {i}), first = best[0], second = best[1];
          Value isFirst = e.less(first, c);
          Value next = e.select(e.less(second, c), c, second);
          return {e.select(isFirst, c, first), e.select(isFirst, first, next)};
        });
    return op.getGroupSum() == 2 ? e.add(top[0], top[1]) : top[0];
  }

  /// The index of the greatest of the first `count` of `values`, of equal ones
  /// the first.
  Index argmax(Value values, int64_t count) {
    return e.index(e.forRange(
        e.index(1), e.index(count), 1, {zero, e.load(values, {zero})},
        [&](Index i, ValueRange best) -> Emitter::Values {
          Value x = e.load(values, {i}), isMore = e.less(best[1], x);
          return {e.select(isMore, i, e.index(best[0])),
                  e.select(isMore, x, best[1])};
        })[0]);
  }

  /// Leaves no chance to the experts of all but the best groups.
  void limitGroups() {
    int64_t groups = op.getGroups(), size = experts / groups;
    Value sums = e.scratch({groups}, e.b.getF32Type());
    Value isIn = e.scratch({groups}, e.b.getF32Type());
    Value lowest = e.f32(kLowest);
    e.forRange(zero, e.index(groups), 1, [&](Index g) {
      e.store(sumOfGroup(g, size), sums, {g});
      e.store(e.f32(0), isIn, {g});
    });
    e.forRange(zero, e.index(op.getTopGroups()), 1, [&](Index) {
      Index best = argmax(sums, groups);
      e.store(e.f32(1), isIn, {best});
      e.store(lowest, sums, {best});
    });
    e.forRange(zero, e.index(experts), 1, [&](Index i) {
      Value in = e.less(e.f32(0), e.load(isIn, {i / size}));
      e.store(e.select(in, e.load(chance, {i}), lowest), chance, {i});
    });
  }

  /// The expert of the greatest chance: of every lane, then of all lanes.
  Index best() {
    auto lanes = VectorType::get(kLanes, e.b.getI32Type());
    Value none = e.splatOf(0, lanes);
    Emitter::Values found = e.forRange(
        zero, e.index(padded), kLanes, {e.splat(kLowest, kLanes), none},
        [&](Index at, ValueRange carried) -> Emitter::Values {
          Value c = vectorAt(chance, at), isMore = e.less(carried[0], c);
          Value first = e.broadcast(e.toI32(at), kLanes);
          return {e.select(isMore, c, carried[0]),
                  e.select(isMore, first, carried[1])};
        });
    Value most = e.broadcast(e.reduce(found[0], /*isMax=*/true), kLanes);
    Value isMost = e.equal(found[0], most);
    // Of equal chances the lowest index.
    Value index = e.select(isMost, e.add(found[1], e.iota(kLanes)),
                           e.splatOf(INT32_MAX, lanes));
    Value least = vector::ReductionOp::create(
        e.b, e.loc, vector::CombiningKind::MINSI, index);
    return min(e.fromI32(least), e.index(experts - 1));
  }

  void choose() {
    Value weights = context.bufferOf(group.getResult(0));
    Value chosen = context.bufferOf(group.getResult(1));
    Index choices = e.index(op.getChoices());
    Value sum = e.forRange(
        zero, choices, 1, {e.f32(0)},
        [&](Index j, ValueRange sum) -> Emitter::Values {
          Index expert = best();
          Value s = e.load(score, {expert});
          e.store(e.f32(kLowest), chance, {expert});
          e.store(e.toI32(expert), chosen, {m, j});
          e.store(s, weights, {m, j});
          return {e.add(sum[0], s)};
        })[0];
    Value factor = e.f32(op.getScale().convertToDouble());
    if (op.getNormalize())
      factor = e.div(factor, e.add(sum, e.f32(1e-20)));
    e.forRange(zero, choices, 1, [&](Index j) {
      e.store(e.mul(e.load(weights, {m, j}), factor), weights, {m, j});
    });
  }

  KernelContext &context;
  GroupOp group;
  RouteOp op;
  Emitter &e;
  Index m;
  int64_t experts, padded;
  Index zero;
  Value logits, score, chance;
};

/// The tables of `mica.sort_choices`, by counting.
class SortEmitter {
public:
  SortEmitter(KernelContext &context, GroupOp group, Emitter &e, Index total)
      : op(*group.getBody().getOps<SortChoicesOp>().begin()), e(e),
        total(total), zero(e.index(0)),
        experts(context.flatBufferOf(op.getExperts())),
        place(context.flatBufferOf(group.getResult(0))),
        source(context.flatBufferOf(group.getResult(1))),
        parts(context.flatBufferOf(group.getResult(2), 2)),
        next(e.scratch({static_cast<int64_t>(op.getCount())},
                       e.b.getI32Type())) {}

  void emit() {
    Index count = e.index(op.getCount());
    Value none = e.toI32(zero);
    e.forRange(zero, count, 1, [&](Index i) { e.store(none, next, {i}); });
    forChoices([&](Index, Index expert) {
      e.store(e.toI32(numberAt(expert) + 1), next, {expert});
    });
    // Counts become first places, and runs of those that are not empty.
    Emitter::Values ends = e.forRange(
        zero, count, 1, {zero, zero},
        [&](Index expert, ValueRange carried) -> Emitter::Values {
          Index first = e.index(carried[0]), runs = e.index(carried[1]);
          Index rows = numberAt(expert);
          e.store(e.toI32(first), next, {expert});
          Value some = zero < rows;
          e.ifThen(some, [&] { storeRun(runs + 1, expert, first); });
          return {first + rows, e.select(some, runs + 1, runs)};
        });
    storeRun(zero, e.index(ends[1]), zero);
    storeRun(e.index(ends[1]) + 1, zero, total);
    forChoices([&](Index choice, Index expert) {
      Index at = numberAt(expert);
      e.store(e.toI32(at), place, {choice});
      e.store(e.toI32(choice), source, {at});
      e.store(e.toI32(at + 1), next, {expert});
    });
  }

private:
  Index numberAt(Index expert) { return e.fromI32(e.load(next, {expert})); }
  void forChoices(function_ref<void(Index, Index)> body) {
    e.forRange(zero, total, 1, [&](Index choice) {
      body(choice, e.fromI32(e.load(experts, {choice})));
    });
  }
  void storeRun(Index at, Index part, Index first) {
    e.store(e.toI32(part), parts, {at, zero});
    e.store(e.toI32(first), parts, {at, e.index(1)});
  }

  SortChoicesOp op;
  Emitter &e;
  Index total, zero;
  Value experts, place, source, parts, next;
};

} // namespace

void mica::lowerRoute(KernelContext &context, GroupOp group) {
  constexpr int64_t rowsPerTask = 8;
  emitEach(context, context.count(Count::rows), rowsPerTask,
           [&](Emitter &e, Index m) {
             RouteEmitter(context, group, e, m).emit();
           });
}

void mica::lowerSort(KernelContext &context, GroupOp group) {
  auto op = *group.getBody().getOps<SortChoicesOp>().begin();
  Value rows = context.count(Count::rows);
  int64_t choices =
      cast<RankedTensorType>(op.getExperts().getType()).getDimSize(1);
  emitEach(context, context.index(1), 1, [&](Emitter &e, Index) {
    SortEmitter(context, group, e, e.index(rows) * choices).emit();
  });
}

/// Rows are copied as they lie in memory, vector by vector.
void mica::lowerDispatch(KernelContext &context, GroupOp group) {
  constexpr int64_t rowsPerTask = 4, vectorBytes = 32;
  auto op = *group.getBody().getOps<DispatchOp>().begin();
  Value from = context.bufferOf(op.getInput());
  Value to = context.bufferOf(group.getResult(0));
  Value source = context.flatBufferOf(op.getSource());
  int64_t choices = choicesOf(op.getResult());
  auto buffer = cast<MemRefType>(to.getType());
  int64_t lanes =
      vectorBytes * 8 / buffer.getElementType().getIntOrFloatBitWidth();
  auto vector = VectorType::get(lanes, buffer.getElementType());
  emitEach(context, context.countOfChoices(choices), rowsPerTask,
           [&](Emitter &e, Index m) {
             Index row = e.fromI32(e.load(source, {m})) / choices;
             e.forRange(e.index(0), e.index(buffer.getDimSize(1)), lanes,
                        [&](Index n) {
                          e.store(e.load(vector, from, {row, n}), to, {m, n});
                        });
           });
}
