//===- FormGroups.cpp - Ops into kernels, kernels into phases -------------===//
//
// Three steps over each function: divide `kv_append`, give every op a group
// (epilogues first, then what is left), and rewrite the block group by group.
// Grouping is decided on the ops as they stand; nothing is moved before all of
// it is decided.
//
//===----------------------------------------------------------------------===//

#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/Group/Passes.h"
#include <numeric>

namespace mica {
#define GEN_PASS_DEF_FORMGROUPSPASS
#include "passes/Group/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;

namespace {

/// A kernel to be: its ops in program order, the anchor first if it has one.
struct Group {
  Operation *anchor = nullptr;
  llvm::SetVector<Operation *> ops;
  int64_t granule = 1; // of the anchor's columns
  int64_t phase = 0;
};

bool isAnchor(Operation *op) {
  return isa<ProductOpInterface, AttentionOp>(op);
}

/// Ops that compute rows from rows, on their own or behind an anchor.
bool isRowOp(Operation *op) {
  return isa<RowOpInterface, QuantizeOp, SplitOp, KVWriteOp>(op) ||
         (OpTrait::hasElementwiseMappableTraits(op) &&
          op->getNumResults() == 1 &&
          isa<TensorType>(op->getResult(0).getType()));
}

/// Row ops that begin a group: they read something else than rows at (m, n).
bool startsRows(Operation *op) {
  return stateOf(op) ||
         isa<EmbeddingOp, NgramEmbeddingOp, OutputRowsOp, PoolRowsOp,
             PermuteColumnsOp, RopeAnglesOp, CombineOp>(op);
}

/// Ops that are a kernel of their own: scalar work beside rows, or loops.
bool standsAlone(Operation *op) {
  return isa<RouteOp, SortChoicesOp, DispatchOp>(op) || runsAsLoops(op);
}

/// Ops without work of their own, repeated in every group that uses them.
bool isFree(Operation *op) {
  return isa<arith::ConstantOp, tensor::SplatOp, tensor::DimOp, GetWeightOp,
             TokensOp, PositionsOp, PackOp>(op);
}

/// `kv_append` as its two writes, so that each can follow its own product.
void divideAppends(func::FuncOp function) {
  SmallVector<KVAppendOp> appends;
  function.walk([&](KVAppendOp op) { appends.push_back(op); });
  for (KVAppendOp op : appends) {
    OpBuilder b(op);
    Value kv = KVWriteOp::create(b, op.getLoc(), op.getKv().getType(),
                                 op.getKv(), op.getKey(), op.getBatch(),
                                 /*value=*/UnitAttr(), /*first=*/IntegerAttr());
    kv = KVWriteOp::create(b, op.getLoc(), op.getKv().getType(), kv,
                           op.getValue(), op.getBatch(), b.getUnitAttr(),
                           /*first=*/IntegerAttr());
    op.replaceAllUsesWith(kv);
    op.erase();
  }
}

/// Lets every splat take its rows from what the function begins with: a size
/// that comes from within a group would leave the group for nothing.
void normalizeSplats(func::FuncOp function) {
  Value rows;
  for (Value argument : function.getArguments())
    if (!rows && isa<RankedTensorType>(argument.getType()))
      rows = argument;
  function.walk([&](TokensOp op) { rows = rows ? rows : op.getResult(); });
  if (!rows)
    return;
  OpBuilder b(function.getContext());
  b.setInsertionPointAfterValue(rows);
  Value zero = arith::ConstantIndexOp::create(b, function.getLoc(), 0);
  Value count = tensor::DimOp::create(b, function.getLoc(), rows, zero);
  SmallVector<tensor::SplatOp> splats;
  function.walk([&](tensor::SplatOp op) { splats.push_back(op); });
  for (tensor::SplatOp op : splats) {
    b.setInsertionPointAfterValue(count);
    Value scalar = b.clone(*op.getInput().getDefiningOp())->getResult(0);
    op.replaceAllUsesWith(tensor::SplatOp::create(b, op.getLoc(), scalar,
                                                  op.getType(),
                                                  ValueRange{count})
                              .getResult());
    op.erase();
  }
}

/// Decides the groups of one block.
class Grouping {
public:
  Grouping(Block &block, int64_t maxGranule)
      : block(block), maxGranule(maxGranule) {}

  std::vector<Group> form() {
    for (Operation &op : block)
      if (isAnchor(&op))
        formAround(&op);
    for (Operation &op : block)
      if (!groupOf.count(&op) &&
          (isRowOp(&op) || startsRows(&op) || standsAlone(&op)))
        placeRowOp(&op);
    return std::move(groups);
  }

private:
  /// Whether `value` is there before the op `position` runs: it is an argument,
  /// is free, stands before it, or belongs to a group that does.
  bool isBefore(Value value, Operation *position) {
    Operation *def = value.getDefiningOp();
    if (!def || isFree(def) || def->getBlock() != &block)
      return true;
    auto it = groupOf.find(def);
    Operation *place =
        it == groupOf.end() ? def : groups[it->second].ops.front();
    return place != position && place->isBeforeInBlock(position);
  }

  /// Takes the row ops behind `anchor` into its group, as its epilogue.
  void formAround(Operation *anchor) {
    size_t index = groups.size();
    groups.emplace_back();
    add(index, anchor);
    groups[index].anchor = anchor;
    int64_t columns = columnsOf(anchor->getResult(0));
    if (isa<AttentionOp>(anchor))
      groups[index].granule =
          cast<AttentionOp>(anchor).getKv().getType().getValue();
    for (Operation *op = anchor->getNextNode(); op; op = op->getNextNode())
      if (isRowOp(op) && !groupOf.count(op) && follows(op, groups[index]) &&
          admits(op, groups[index], columns))
        add(index, op);
  }

  bool follows(Operation *op, const Group &group) {
    return llvm::any_of(op->getOperands(), [&](Value v) {
      return columnsOf(v) && v.getDefiningOp() &&
             group.ops.contains(v.getDefiningOp());
    });
  }

  /// Whether segments of `granule` columns do not reach over parts of `op`.
  static bool admitsColumns(HeadLinearOp op, int64_t granule) {
    return op.getOutputs() % granule == 0 && (!op.getRest() || granule == 1);
  }

  /// Whether `op` can run on a segment of `group`; widens its granule if so.
  bool admits(Operation *op, Group &group, int64_t columns) {
    for (Value operand : op->getOperands())
      if (!group.ops.contains(operand.getDefiningOp()) &&
          !isa<KVType>(operand.getType()) &&
          !isBefore(operand, group.ops.front()))
        return false;
    int64_t width = widthOf(op);
    if (!width || columns % width)
      return false;
    int64_t granule =
        std::lcm(group.granule, granuleOf(op, columns, /*inPasses=*/false));
    if (granule > std::max(maxGranule, group.granule) || columns % granule)
      return false;
    if (auto heads = dyn_cast<HeadLinearOp>(group.anchor);
        heads && !admitsColumns(heads, granule))
      return false;
    // An attention's segment is its head, whatever follows.
    if (isa<AttentionOp>(group.anchor) && granule != group.granule)
      return false;
    group.granule = granule;
    return true;
  }

  /// Says of an op without a kernel what becomes of it.
  static void remarkLoops(Operation *op) {
    remark::missed(op->getLoc(),
                   remark::RemarkOpts::name("form-groups").category("mica"))
        << remark::add("{0} has no kernel yet: one worker runs its reference",
                       op->getName().getStringRef());
  }

  /// Puts a row op beside the one that feeds it, or in a group of its own.
  void placeRowOp(Operation *op) {
    if (runsAsLoops(op))
      remarkLoops(op);
    if (!startsRows(op) && !standsAlone(op))
      for (Value operand : op->getOperands()) {
        Operation *def = operand.getDefiningOp();
        auto it = groupOf.find(def);
        if (!def || it == groupOf.end() || groups[it->second].anchor)
          continue;
        Group &group = groups[it->second];
        if (columnsOf(op->getResult(0)) !=
                columnsOf(group.ops.front()->getResult(0)) ||
            choicesOf(op->getResult(0)) !=
                choicesOf(group.ops.front()->getResult(0)) ||
            isa<RopeAnglesOp>(group.ops.front()) ||
            stateOf(group.ops.front()) || standsAlone(group.ops.front()))
          continue;
        bool ready = llvm::all_of(op->getOperands(), [&](Value v) {
          return group.ops.contains(v.getDefiningOp()) ||
                 isBefore(v, group.ops.front());
        });
        if (ready)
          return add(it->second, op);
      }
    groups.emplace_back();
    add(groups.size() - 1, op);
  }

  void add(size_t index, Operation *op) {
    groups[index].ops.insert(op);
    groupOf[op] = index;
  }

  Block &block;
  int64_t maxGranule;
  std::vector<Group> groups;
  llvm::DenseMap<Operation *, size_t> groupOf;
};

/// The kind under which a group is reported.
StringRef kindOf(const Group &group) {
  if (group.anchor)
    return isa<AttentionOp>(group.anchor) ? "attention" : "linear";
  Operation *op = group.ops.front();
  if (stateOf(op))
    return "scan";
  if (runsAsLoops(op))
    return "reference";
  return standsAlone(op) ? op->getName().stripDialect() : "rows";
}

/// The granule of an anchor's columns, and whether it can be any.
std::pair<int64_t, bool> granuleOf(const Group &group) {
  constexpr int64_t panel = 16;
  if (group.granule != 1)
    return {group.granule, false};
  auto heads = dyn_cast<HeadLinearOp>(group.anchor);
  int64_t granule = panel;
  // A segment behind a head's last column would be another head's.
  while (heads && heads.getOutputs() % granule)
    --granule;
  return {granule, granule == panel};
}

/// Moves the ops of `group` into a `mica.group` at the place of its first op.
GroupOp materialize(const Group &group) {
  Operation *first = group.ops.front();
  OpBuilder b(first);
  SmallVector<Operation *> ops(group.ops.begin(), group.ops.end());
  llvm::sort(ops,
             [](Operation *x, Operation *y) { return x->isBeforeInBlock(y); });
  SmallVector<Value> leaving;
  for (Operation *op : ops)
    for (Value result : op->getResults())
      // What stands alone stores all that it makes.
      if (standsAlone(op) ||
          llvm::any_of(result.getUsers(), [&](Operation *user) {
            return !group.ops.contains(user);
          }))
        leaving.push_back(result);
  auto result = GroupOp::create(
      b, first->getLoc(), ValueRange(leaving).getTypes(), kindOf(group),
      /*phase=*/0, /*granule=*/IntegerAttr(), /*elastic=*/false, ArrayAttr());
  if (group.anchor) {
    auto [granule, elastic] = granuleOf(group);
    result.setGranule(granule);
    result.setElastic(elastic);
  }
  Block *body = b.createBlock(&result.getBody());
  for (auto [value, outside] : llvm::zip(leaving, result.getResults()))
    value.replaceUsesWithIf(outside, [&](OpOperand &use) {
      return !group.ops.contains(use.getOwner());
    });
  for (Operation *op : ops)
    op->moveBefore(body, body->end());
  b.setInsertionPointToEnd(body);
  YieldOp::create(b, first->getLoc(), leaving);
  return result;
}

/// The count of rows of `group`, from a tensor that an early op of it reads.
Value rowCount(OpBuilder &b, GroupOp group) {
  Value zero = arith::ConstantIndexOp::create(b, group.getLoc(), 0);
  for (Operation &op : group.getBody().front())
    for (Value operand : op.getOperands())
      if (isa<RankedTensorType>(operand.getType()))
        return tensor::DimOp::create(b, group.getLoc(), operand, zero);
  llvm_unreachable("a group reads rows");
}

/// Repeats free ops in every group that uses them, so that a group stands on
/// tensors, weights and the batch alone.
void sinkFreeOps(GroupOp group) {
  SmallVector<OpOperand *> uses;
  group.getBody().walk([&](Operation *op) {
    for (OpOperand &operand : op->getOpOperands())
      if (Operation *def = operand.get().getDefiningOp())
        if (isa<tensor::SplatOp, TokensOp, PositionsOp>(def) &&
            !group->isProperAncestor(def))
          uses.push_back(&operand);
  });
  for (OpOperand *use : uses) {
    Operation *def = use->get().getDefiningOp();
    OpBuilder b(use->getOwner());
    if (auto splat = dyn_cast<tensor::SplatOp>(def)) {
      Value scalar = b.clone(*splat.getInput().getDefiningOp())->getResult(0);
      use->set(tensor::SplatOp::create(b, def->getLoc(), scalar,
                                       splat.getType(),
                                       ValueRange{rowCount(b, group)}));
    } else {
      use->set(b.clone(*def)->getResult(0));
    }
  }
}

/// Whether `user` must run after the phase in which `value` is made.
bool needs(OpOperand &use) {
  return !(isa<KVType>(use.get().getType()) && isa<KVWriteOp>(use.getOwner()));
}

/// Fails on an op that no group has taken in, and that none repeats.
LogicalResult checkGrouped(Block &block) {
  for (Operation &op : block) {
    bool known = isa<GroupOp, StackOp>(op) || isFree(&op);
    if (!known && isa<MicaDialect>(op.getDialect()))
      return op.emitOpError(
          "has no code for CPUs yet: it runs in the reference "
          "alone");
  }
  return success();
}

/// Numbers the groups of `block`; what stands between them begins a new phase.
void numberPhases(Block &block) {
  int64_t phase = 0;
  llvm::DenseSet<Operation *> current;
  for (Operation &op : block) {
    if (isa<StackOp>(op)) {
      ++phase;
      current.clear();
    }
    auto group = dyn_cast<GroupOp>(op);
    if (!group)
      continue;
    bool depends = false;
    group.getBody().walk([&](Operation *inner) {
      for (OpOperand &operand : inner->getOpOperands())
        depends |=
            current.contains(operand.get().getDefiningOp()) && needs(operand);
    });
    if (depends) {
      ++phase;
      current.clear();
    }
    current.insert(group);
    group.setPhase(phase);
  }
}

struct FormGroups : mica::impl::FormGroupsPassBase<FormGroups> {
  using FormGroupsPassBase::FormGroupsPassBase;

  /// Fails on an attention whose keys are chosen as no kernel can.
  LogicalResult checkAttentions() {
    auto result = getOperation().walk([](AttentionOp op) {
      if (!op.getSegments() && !(op.getBlocks() && op.getMask().getSink()))
        return WalkResult::advance();
      op.emitOpError("has no code for CPUs yet with ")
          << (op.getSegments() ? "segments" : "blocks beside first tokens")
          << ": it runs in the reference alone";
      return WalkResult::interrupt();
    });
    return failure(result.wasInterrupted());
  }

  void runOnOperation() override {
    if (failed(checkAttentions()))
      return signalPassFailure();
    auto target = getOperation()->getAttrOfType<TargetAttr>("mica.target");
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal() || function->hasAttr("mica.pack_function"))
        continue;
      divideAppends(function);
      normalizeSplats(function);
      // Sizes that nothing reads any more would count as readers.
      IRRewriter rewriter(&getContext());
      (void)runRegionDCE(rewriter, function->getRegions());
      Block &block = function.front();
      for (const Group &group :
           Grouping(block, target.getMaxGranule()).form()) {
        sinkFreeOps(materialize(group));
        ++numGroups;
      }
      if (failed(checkGrouped(block)))
        return signalPassFailure();
      sortTopologically(&block);
      numberPhases(block);
    }
    // What was repeated in groups is no longer used outside.
    IRRewriter rewriter(&getContext());
    (void)runRegionDCE(rewriter, getOperation()->getRegions());
  }
};

} // namespace
