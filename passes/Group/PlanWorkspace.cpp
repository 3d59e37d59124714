//===- PlanWorkspace.cpp - Places for the values between groups -----------===//

#include "passes/Group/Passes.h"
#include "llvm/Support/MathExtras.h"

namespace mica {
#define GEN_PASS_DEF_PLANWORKSPACEPASS
#include "passes/Group/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;

namespace {

/// Of angles, a cosine or a sine.
int64_t bytesOfElement(RankedTensorType type) {
  Type element = isAngles(type) ? Float32Type::get(type.getContext())
                                : type.getElementType();
  return element.getIntOrFloatBitWidth() / 8;
}

/// Elements between two rows of a buffer: whole vectors, and beyond 2 KB an odd
/// number of lines, so that no two rows of a tile are in the same set of a
/// cache.
int64_t strideOf(RankedTensorType type) {
  // Tables are read as one list.
  if (type.getElementType().isInteger(32))
    return type.getShape().back();
  int64_t stride = llvm::alignTo(type.getShape().back(), 16);
  if (isAngles(type)) // cosines, then sines
    stride *= 2;
  if (auto groups = dyn_cast_or_null<tile::GroupsAttr>(type.getEncoding()))
    stride = llvm::alignTo(groups.rowBytes(type.getShape().back()), 64);
  int64_t bytes = bytesOfElement(type);
  constexpr int64_t line = 64, small = 2048;
  if (stride * bytes < small)
    return stride;
  int64_t lines = llvm::divideCeil(stride * bytes, line);
  return (lines | 1) * line / bytes;
}

/// A buffer being planned: bytes a unit, live from its phase to its last use.
struct Interval {
  int64_t offset, bytes, first, last;
};

struct PlanWorkspace : mica::impl::PlanWorkspacePassBase<PlanWorkspace> {
  using PlanWorkspacePassBase::PlanWorkspacePassBase;

  /// Whether rows of `group` are output rows.
  bool isOut(GroupOp group) {
    bool out = false;
    group.getBody().walk([&](Operation *op) {
      out |= isa<OutputRowsOp, PoolRowsOp>(op);
      for (Value operand : op->getOperands())
        if (auto from = operand.getDefiningOp<GroupOp>())
          out |= outGroups.contains(from);
    });
    if (out)
      outGroups.insert(group);
    return out;
  }

  static int64_t bytesOf(RankedTensorType type) {
    int64_t choices = type.getRank() == 3 ? type.getDimSize(1) : 1;
    return llvm::alignTo(choices * strideOf(type) * bytesOfElement(type), 64);
  }

  BufferAttr buffer(tile::Arena arena, int64_t offset, RankedTensorType type) {
    return BufferAttr::get(&getContext(), arena, offset, strideOf(type));
  }

  /// The step: values live until the end; what a layer needs lies behind what
  /// is there when the stack begins.
  void planStep(func::FuncOp step) {
    Value logits = step.front().getTerminator()->getOperand(0);
    for (Operation &op : step.front()) {
      if (auto stack = dyn_cast<StackOp>(op))
        planStack(stack);
      auto group = dyn_cast<GroupOp>(op);
      if (!group)
        continue;
      bool out = isOut(group);
      SmallVector<Attribute> buffers;
      for (Value result : group.getResults()) {
        auto type = dyn_cast<RankedTensorType>(result.getType());
        if (!type) {
          buffers.push_back(UnitAttr::get(&getContext()));
        } else if (result == logits) {
          buffers.push_back(
              BufferAttr::get(&getContext(), tile::Arena::logits, 0,
                              llvm::alignTo(type.getDimSize(1), 16)));
        } else {
          int64_t &end = out ? outEnd : rowEnd;
          buffers.push_back(
              buffer(out ? tile::Arena::out : tile::Arena::row, end, type));
          end += bytesOf(type);
          rowMax = std::max(rowMax, rowEnd);
        }
      }
      group.setBuffersAttr(ArrayAttr::get(&getContext(), buffers));
    }
  }

  /// Tells the layer functions where their rows come from, and plans them.
  void planStack(StackOp stack) {
    SymbolTableCollection tables;
    Builder b(&getContext());
    llvm::DenseSet<Operation *> seen;
    for (auto layer : stack.getLayers().getAsRange<LayerAttr>()) {
      auto function = tables.lookupNearestSymbolFrom<func::FuncOp>(
          stack, layer.getFunction());
      SmallVector<Value> given = {stack.getInput()};
      for (int64_t index : layer.getKv())
        given.push_back(stack.getKv()[index]);
      for (int64_t index : layer.getShared())
        given.push_back(stack.getShared()[index]);
      bool isNew = seen.insert(function).second;
      for (auto [index, value] : llvm::enumerate(given)) {
        bool isKept = isa<KVType, StateType>(value.getType());
        Attribute place =
            isKept ? Attribute(b.getI64IntegerAttr(layer.getKv()[index - 1]))
                   : Attribute(placeOf(value));
        StringRef name = isKept ? "mica.kv_group" : "mica.buffer";
        if (isNew && place)
          function.setArgAttr(index, name, place);
        else if (place && function.getArgAttr(index, name) != place) {
          function.emitError(
              "layers that differ in a cache or a shared operand "
              "must have functions of their own");
          return signalPassFailure();
        }
      }
      if (isNew)
        planLayer(function);
    }
  }

  /// The phase of the last group that reads `value`, made in phase `last`;
  /// `end` if it is returned.
  int64_t lastUse(Value value, int64_t last, int64_t end) {
    for (Operation *user : value.getUsers()) {
      auto group = user->getParentOfType<GroupOp>();
      last =
          std::max(last, group ? static_cast<int64_t>(group.getPhase()) : end);
    }
    return last;
  }

  void planLayer(func::FuncOp layer) {
    Block &body = layer.front();
    int64_t end = 1 << 20;
    BufferAttr carried = placeOf(body.getArgument(0));
    Value output = body.getTerminator()->getOperand(0);
    SmallVector<Interval> placed;
    for (auto group : body.getOps<GroupOp>()) {
      SmallVector<Attribute> buffers;
      for (Value result : group.getResults()) {
        auto type = dyn_cast<RankedTensorType>(result.getType());
        int64_t phase = group.getPhase();
        if (!type) {
          buffers.push_back(UnitAttr::get(&getContext()));
        } else if (result == output) {
          if (failed(checkInPlace(body.getArgument(0), group)))
            return signalPassFailure();
          buffers.push_back(carried);
        } else {
          Interval wanted = {rowEnd, bytesOf(type), phase,
                             lastUse(result, phase, end)};
          place(wanted, placed);
          buffers.push_back(buffer(tile::Arena::row, wanted.offset, type));
        }
      }
      group.setBuffersAttr(ArrayAttr::get(&getContext(), buffers));
    }
    if (output.getDefiningOp<GroupOp>() == nullptr) {
      layer.emitError("expects a layer to compute its rows, but it returns an "
                      "argument");
      signalPassFailure();
    }
  }

  /// A layer writes its output rows over its input rows: whatever reads those
  /// must have run, or read in the same group, at its own place.
  LogicalResult checkInPlace(Value input, GroupOp writer) {
    for (Operation *user : input.getUsers()) {
      auto group = user->getParentOfType<GroupOp>();
      bool atPlace = group == writer && !stateOf(user) &&
                     !isa<PermuteColumnsOp, CombineOp>(user);
      if (atPlace || (group && group.getPhase() < writer.getPhase()) ||
          isa<tensor::DimOp>(user))
        continue;
      return writer.emitOpError("writes the rows of the layer while they are "
                                "still read");
    }
    return success();
  }

  /// The lowest place for `wanted` among those that live with it.
  void place(Interval &wanted, SmallVector<Interval> &placed) {
    llvm::sort(placed, [](const Interval &a, const Interval &b) {
      return a.offset < b.offset;
    });
    for (const Interval &other : placed)
      if (other.first <= wanted.last && wanted.first <= other.last &&
          other.offset < wanted.offset + wanted.bytes)
        wanted.offset = std::max(wanted.offset, other.offset + other.bytes);
    placed.push_back(wanted);
    rowMax = std::max(rowMax, wanted.offset + wanted.bytes);
  }

  void runOnOperation() override {
    auto step = getOperation().lookupSymbol<func::FuncOp>("step");
    if (!step) {
      getOperation().emitError("expects a function @step");
      return signalPassFailure();
    }
    // Index of each row in its cache, and the tasks of attention, 64 bytes a
    // row each (see `LowerPlan`).
    rowEnd = 128;
    planStep(step);
    getOperation()->setAttr(
        "tile.arena", DenseI64ArrayAttr::get(
                          &getContext(), {std::max(rowMax, rowEnd), outEnd}));
  }

  int64_t rowEnd = 0, rowMax = 0, outEnd = 0;
  llvm::DenseSet<Operation *> outGroups;
};

} // namespace
