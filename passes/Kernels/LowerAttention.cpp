//===- LowerAttention.cpp - Attention as tile.attend ----------------------===//

#include "passes/Kernels/SegmentEmitter.h"

using namespace mlir;
using namespace mica;
using namespace mica::tile;

namespace {

/// Starts region `region` with arguments of `types`.
Block *startRegion(OpBuilder &b, Location loc, Region &region,
                   ArrayRef<Type> types) {
  return b.createBlock(&region, {}, types,
                       SmallVector<Location>(types.size(), loc));
}

/// Keys that row m sees: [lo, hi), none of which needs a test by itself.
void emitBounds(KernelContext &context, AttendOp attend, MaskAttr mask) {
  Emitter e(context.b, attend.getLoc());
  Block *body =
      startRegion(e.b, e.loc, attend.getBounds(), {e.b.getIndexType()});
  Index m = e.index(body->getArgument(0));
  Index hi = e.fromI32(e.load(context.kvPosition(), m)) + 1;
  Index lo = e.index(0);
  if (int64_t window = mask.getWindow())
    lo = hi - min(hi, e.index(window));
  tile::YieldOp::create(e.b, e.loc, ValueRange{lo, hi, hi});
}

/// softcap * tanh(s / softcap).
void emitSoftcap(KernelContext &context, AttendOp attend, double softcap) {
  Emitter e(context.b, attend.getLoc());
  Type index = e.b.getIndexType();
  Block *body = startRegion(
      e.b, e.loc, attend.getScore(),
      {e.f32x(16), index, index, VectorType::get(16, e.b.getI32Type())});
  Value s = e.div(body->getArgument(0), e.splat(softcap, 16));
  s = math::TanhOp::create(e.b, e.loc, s);
  tile::YieldOp::create(e.b, e.loc, e.mul(s, e.splat(softcap, 16)));
}

} // namespace

void mica::lowerAttention(KernelContext &context, GroupOp group) {
  OpBuilder &b = context.b;
  Location loc = group.getLoc();
  auto attention = cast<AttentionOp>(group.getAnchor());
  KVType kv = attention.getKv().getType();
  Value cache = attention.getKv();
  SmallVector<Value> scales;
  if (kv.getElement().isInteger())
    scales = {context.scalesOf(cache, false), context.scalesOf(cache, true)};
  auto attend = AttendOp::create(
      b, loc, context.bufferOf(attention.getInput()),
      context.poolOf(cache, false), context.poolOf(cache, true),
      context.kvLayer(cache), context.attendTasks(),
      context.kvTable(cache, KVTable::page_start),
      context.kvTable(cache, KVTable::page), scales, ValueRange(),
      attention.getHeads(), kv.getKey(), kv.getValue(), attention.getScale(),
      kv.getElement().getIntOrFloatBitWidth(), ScheduleAttr());
  OpBuilder::InsertionGuard guard(b);
  emitBounds(context, attend, attention.getMask());
  if (double softcap = attention.getSoftcap().convertToDouble())
    emitSoftcap(context, attend, softcap);

  Block *body = startRegion(b, loc, attend.getOutput(),
                            {VectorType::get(kv.getValue(), b.getF32Type()),
                             b.getIndexType(), b.getIndexType()});
  SegmentEmitter emitter(context, b, loc, body->getArgument(1),
                         body->getArgument(2),
                         attention.getType().getDimSize(1), kv.getValue());
  emitter.set(attention.getResult(), emitter.row(body->getArgument(0)));
  for (Operation &op : group.getBody().front())
    if (&op != attention)
      emitter.emit(&op);
  emitter.storeResults(group);
  tile::YieldOp::create(b, loc, ValueRange());
  attend.getCapturesMutable().assign(
      captureOutside({&attend.getBounds(), &attend.getMask(),
                      &attend.getScore(), &attend.getOutput()}));
}
