//===- KernelContext.h - What the lowerings of a function share -*- C++ -*-===//
//
// Groups are lowered in place of their function: a `KernelContext` knows the
// function's step, layer and worker, and makes the memref behind each tensor,
// weight and cache once, at the top of the function.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_KERNELS_KERNELCONTEXT_H
#define PASSES_KERNELS_KERNELCONTEXT_H

#include "dialects/MicaTile/Emit.h"
#include "passes/Kernels/Passes.h"

namespace mica {

class KernelContext {
public:
  /// Starts a function body at `b`; `layer` is the layer's index in the model.
  KernelContext(mlir::OpBuilder &b, mlir::Location loc, mlir::Value step,
                mlir::Value layer, mlir::Value worker, mlir::Value workers)
      : b(b), loc(loc), step(step), layer(layer), worker(worker),
        workers(workers) {}

  /// The buffer behind rows [units, stride], or angles [units, 2, pairs]; rows
  /// of choices are [units * choices, stride], in the order of their experts.
  mlir::Value bufferOf(mlir::Value tensor);
  /// Elements of i32 of a table one after another, in lists of `columns` if
  /// that is more than 1.
  mlir::Value flatBufferOf(mlir::Value table, int64_t columns = 1);
  /// The same for a result of a group.
  mlir::Value bufferAt(BufferAttr place, mlir::RankedTensorType type);
  /// The bytes of a packed weight, in its physical shape.
  mlir::Value weightOf(mlir::Value weight);
  /// The keys (or values) of the cache group behind `kv`.
  mlir::Value poolOf(mlir::Value kv, bool values);
  /// The scales of a cache of i8, [page, layer, head, scales, token].
  mlir::Value scalesOf(mlir::Value kv, bool values);
  /// The states of the group of `state`, [page, layer, head, key column, value
  /// column], value columns padded to whole vectors.
  mlir::Value statesOf(mlir::Value state);
  mlir::Value kvTable(mlir::Value kv, tile::KVTable which);
  mlir::Value input(tile::Input which);
  mlir::Value count(tile::Count which);
  /// Rows of the step, times `choices` of each if they have any.
  mlir::Value countOfChoices(int64_t choices);
  /// A view of plan data: [units] or [units, 4] of i32 (see LowerPlan).
  mlir::Value kvPosition();
  /// The same list and what follows it: of row m, element m + T is the length of
  /// its sequence's cache behind the step.
  mlir::Value kvLengths();
  mlir::Value attendTasks();
  mlir::Value index(int64_t value);

  /// The cache group of `kv`, from the argument it comes from.
  int64_t groupOf(mlir::Value kv);
  /// The layer's index among those of the cache group of `kv`.
  mlir::Value kvLayer(mlir::Value kv) { return kvLayerOf.at(groupOf(kv)); }

  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::Value step, layer, worker, workers;
  /// The layer's index among those of each cache group that it uses.
  llvm::DenseMap<int64_t, mlir::Value> kvLayerOf;
  /// Slots of weights: layer arguments in order, symbols of the step by name.
  llvm::DenseMap<mlir::Value, int64_t> slotOf;
  /// Layers of each cache group.
  llvm::SmallVector<int64_t> kvLayers;

private:
  /// Makes a value once, at the top of the function, behind those made before.
  mlir::Value once(const std::string &key,
                   llvm::function_ref<mlir::Value()> make);

  std::map<std::string, mlir::Value> made;
  mlir::Operation *last = nullptr; // the newest of them, all at the top
};

/// Bytes of the block of one head of one page, keys then values.
int64_t blockBytes(KVType kv);

/// Heads, key columns and value columns of a state; heads (and key columns) are
/// 1 where it has fewer dimensions.
std::array<int64_t, 3> headsOf(StateType state);

/// Bytes of the block of one head of a state: value columns are padded to whole
/// vectors of 16.
int64_t blockBytes(StateType state);

/// Whether the rows of a group are output rows of the step: their buffers lie
/// in another arena than that of rows.
bool hasOutputRows(GroupOp group);

/// Gives the regions of `op` what they use from outside as arguments, so that
/// they are isolated: returns the captured values in argument order.
llvm::SmallVector<mlir::Value>
captureOutside(llvm::ArrayRef<mlir::Region *> regions);

/// Emits tile.each over `count`, `block` of them in a task: `body(e, i)` for
/// each.
void emitEach(
    KernelContext &context, mlir::Value count, int64_t block,
    llvm::function_ref<void(tile::Emitter &, tile::Index)> body);

/// Lowerings of one group, at the context's insertion point. The rows of `work`
/// get an entry for `explain`, if the group multiplies.
void lowerLinear(KernelContext &context, GroupOp group);
void lowerAttention(KernelContext &context, GroupOp group);
void lowerRows(KernelContext &context, GroupOp group);
void lowerReference(KernelContext &context, GroupOp group);
void lowerRoute(KernelContext &context, GroupOp group);
void lowerSort(KernelContext &context, GroupOp group);
void lowerDispatch(KernelContext &context, GroupOp group);
void lowerScan(KernelContext &context, GroupOp group);

/// Emits the plan of the step, by worker 0: `kvPosition` and `attendTasks`.
void lowerPlan(KernelContext &context, int64_t rowsPerTask);

} // namespace mica

#endif // PASSES_KERNELS_KERNELCONTEXT_H
