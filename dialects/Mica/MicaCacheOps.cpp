//===- MicaCacheOps.cpp - Verifiers of what is done to a cache ------------===//

#include "dialects/Mica/Mica.h"

using namespace mlir;
using namespace mica;

/// Verifies that places in a cache of type `kv` are counted from the text's
/// first token.
static LogicalResult expectWhole(Operation *op, KVType kv) {
  if (kv.getWindow() == 0)
    return success();
  return op->emitOpError("expects a cache without a window, but got one of ")
         << kv.getWindow();
}

static LogicalResult expectFloats(Operation *op, KVType kv) {
  if (!kv.getElement().isInteger())
    return success();
  return op->emitOpError("expects a cache of floats, but got one of ")
         << kv.getElement();
}

/// Verifies that `key` and `value` have the columns of those of `kv`.
static LogicalResult expectRows(Operation *op, KVType kv, Value key,
                                Value value) {
  if (failed(expectColumns(op, "key", key, kv.getHeads() * kv.getKey())))
    return failure();
  return expectColumns(op, "value", value, kv.getHeads() * kv.getValue());
}

LogicalResult KVViewOp::verify() {
  KVType kv = getKv().getType(), view = getType();
  int64_t first = getFirst();
  // kv_view_c1
  if (first < 0 || first + view.getHeads() > kv.getHeads())
    return emitOpError("expects heads of the cache's ")
           << kv.getHeads() << ", but got " << view.getHeads() << " from "
           << first << " on";
  // kv_view_c2
  auto wanted =
      KVType::get(getContext(), view.getHeads(), kv.getKey(), kv.getValue(),
                  kv.getElement(), kv.getPage(), kv.getWindow());
  if (view != wanted)
    return emitOpError("expects a view of type ")
           << wanted << ", but got " << view;
  return success();
}

LogicalResult KVForkOp::verify() {
  // kv_fork_c1
  return verifyLinear(*this, getKv());
}

LogicalResult KVEvictOp::verify() {
  int64_t budget = getBudget(), recent = getRecent();
  // kv_evict_c1
  if (budget < 1 || recent < 0 || recent > budget)
    return emitOpError("expects a budget of 1 or more, the recent of which are "
                       "a part, but got ")
           << budget << " and " << recent;
  // kv_evict_c3
  if (failed(expectWhole(*this, getKv().getType())))
    return failure();
  // kv_evict_c2
  return verifyLinear(*this, getKv());
}

LogicalResult KVMergeOp::verify() {
  // kv_merge_c2
  if (failed(expectWhole(*this, getKv().getType())))
    return failure();
  // kv_merge_c3
  if (failed(expectFloats(*this, getKv().getType())))
    return failure();
  // kv_merge_c1
  return verifyLinear(*this, getKv());
}

LogicalResult KVQuantizeOp::verify() {
  KVType kv = getKv().getType();
  // kv_quantize_c1
  auto wanted =
      KVType::get(getContext(), kv.getHeads(), kv.getKey(), kv.getValue(),
                  getType().getElement(), kv.getPage(), kv.getWindow());
  if (getType() != wanted)
    return emitOpError("expects a cache of type ")
           << wanted << ", but got " << getType();
  return success();
}

LogicalResult KVExportOp::verify() {
  // kv_export_c1
  if (failed(expectRows(*this, getKv().getType(), getKey(), getValue())))
    return failure();
  // kv_export_c2
  return expectWhole(*this, getKv().getType());
}

LogicalResult KVImportOp::verify() {
  // kv_import_c1
  if (failed(expectRows(*this, getKv().getType(), getKey(), getValue())))
    return failure();
  // kv_import_c3
  if (failed(expectWhole(*this, getKv().getType())))
    return failure();
  // kv_import_c2
  return verifyLinear(*this, getKv());
}

LogicalResult RopeShiftOp::verify() {
  KVType kv = getKv().getType();
  // rope_shift_c1
  int64_t pairs = getFrequencies().size();
  if (2 * pairs > kv.getKey())
    return emitOpError("expects at most ")
           << kv.getKey() / 2 << " frequencies for keys of " << kv.getKey()
           << ", but got " << pairs;
  // rope_shift_c3
  if (failed(expectWhole(*this, kv)) || failed(expectFloats(*this, kv)))
    return failure();
  // rope_shift_c2
  return verifyLinear(*this, getKv());
}

LogicalResult AttentionStatisticsOp::verify() {
  KVType kv = getKv().getType();
  int64_t heads = getHeads();
  // attention_statistics_c1, attention_statistics_c2
  if (failed(verifyQueries(*this, getInput(), heads, kv)))
    return failure();
  // attention_statistics_c3
  return expectColumns(*this, "log_sum", getLogSum(), heads);
}
