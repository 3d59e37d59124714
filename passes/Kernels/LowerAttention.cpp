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

/// Keys that row m sees: [lo, hi), and sinks before; all that the sequence has,
/// those of later rows of this step too, unless it is causal. None needs a test
/// by itself, or, with `tested`, all do.
void emitBounds(KernelContext &context, AttendOp attend, MaskAttr mask,
                bool tested) {
  Emitter e(context.b, attend.getLoc());
  Block *body =
      startRegion(e.b, e.loc, attend.getBounds(), {e.b.getIndexType()});
  Index m = e.index(body->getArgument(0));
  Index next = e.fromI32(e.load(context.kvPosition(), m)) + 1;
  Index lo = e.index(0);
  if (int64_t window = mask.getWindow())
    lo = next - min(next, e.index(window));
  if (int64_t chunk = mask.getChunk())
    lo = (next - 1) / chunk * chunk;
  Index hi = next;
  if (!mask.getCausal()) {
    Index rows = e.index(context.count(Count::rows));
    hi = e.fromI32(e.load(context.kvLengths(), m + rows));
  }
  SmallVector<Value> seen = {lo, tested ? lo : hi, hi};
  if (int64_t sink = mask.getSink())
    seen.push_back(min(lo, e.index(sink)));
  tile::YieldOp::create(e.b, e.loc, seen);
}

constexpr int64_t kLanes = 16;

/// Whether the block of token n is among those of row m.
void emitMask(KernelContext &context, AttendOp attend, AttentionOp attention) {
  if (!attention.getBlocks())
    return;
  Emitter e(context.b, attend.getLoc());
  auto lane = VectorType::get(kLanes, e.b.getI32Type());
  Block *body =
      startRegion(e.b, e.loc, attend.getMask(), {e.b.getIndexType(), lane});
  Index m = e.index(body->getArgument(0));
  Value blocks = context.bufferOf(attention.getBlocks());
  Value size = e.splatBits(attention.getBlock(), kLanes), seen;
  Value own = arith::DivUIOp::create(e.b, e.loc, body->getArgument(1), size);
  for (int64_t j = 0; j < attention.getBlocks().getType().getDimSize(1); ++j) {
    Value listed = e.broadcast(e.load(blocks, {m, e.index(j)}), kLanes);
    Value isOwn = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq,
                                        own, listed);
    seen = seen ? e.bitOr(seen, isOwn) : isOwn;
  }
  tile::YieldOp::create(e.b, e.loc, seen);
}

/// softcap * tanh(s / softcap).
Value capped(Emitter &e, Value s, double softcap) {
  s = e.div(s, e.splat(softcap, kLanes));
  s = math::TanhOp::create(e.b, e.loc, s);
  return e.mul(s, e.splat(softcap, kLanes));
}

/// slopes[h] * |p - n| for the tokens `n` and the row m at p.
Value distanceBias(Emitter &e, ArrayRef<float> slopes, Value position, Value h,
                   Value n) {
  auto type = VectorType::get(slopes.size(), e.b.getF32Type());
  Value table = arith::ConstantOp::create(e.b, e.loc,
                                          DenseElementsAttr::get(type, slopes));
  Value slope = vector::ExtractOp::create(e.b, e.loc, table, h);
  Value distance = e.toFloat(e.sub(e.broadcast(position, kLanes), n));
  distance = e.absolute(distance);
  return e.mul(distance, e.broadcast(slope, kLanes));
}

/// What `attention` makes of a score, if it does.
void emitScore(KernelContext &context, AttendOp attend, AttentionOp attention) {
  double softcap = attention.getSoftcap().convertToDouble();
  std::optional<ArrayRef<float>> slopes = attention.getAlibi();
  if (softcap == 0 && !slopes)
    return;
  Emitter e(context.b, attend.getLoc());
  Type index = e.b.getIndexType();
  Block *body = startRegion(e.b, e.loc, attend.getScore(),
                            {e.f32x(kLanes), index, index,
                             VectorType::get(kLanes, e.b.getI32Type())});
  Value s = body->getArgument(0);
  if (softcap != 0)
    s = capped(e, s, softcap);
  if (slopes) {
    Index m = e.index(body->getArgument(1));
    s = e.sub(s, distanceBias(e, *slopes, e.load(context.kvPosition(), m),
                              body->getArgument(2), body->getArgument(3)));
  }
  tile::YieldOp::create(e.b, e.loc, s);
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
      context.kvTable(cache, KVTable::page), scales,
      attention.getSinks() ? context.weightOf(attention.getSinks()) : Value(),
      ValueRange(), attention.getHeads(), kv.getKey(), kv.getValue(),
      attention.getScale(), kv.getElement().getIntOrFloatBitWidth(),
      ScheduleAttr());
  OpBuilder::InsertionGuard guard(b);
  emitBounds(context, attend, attention.getMask(),
             /*tested=*/bool(attention.getBlocks()));
  emitMask(context, attend, attention);
  emitScore(context, attend, attention);

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
