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
  OpBuilder &b = context.b;
  Location loc = attend.getLoc();
  Block *body =
      startRegion(b, loc, attend.getBounds(), {b.getIndexType()});
  Value position = memref::LoadOp::create(b, loc, context.kvPosition(),
                                          body->getArgument(0));
  Value p = arith::IndexCastOp::create(b, loc, b.getIndexType(), position);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  Value hi = arith::AddIOp::create(b, loc, p, one);
  Value lo = arith::ConstantIndexOp::create(b, loc, 0);
  if (mask.getWindow()) {
    Value window = arith::ConstantIndexOp::create(b, loc, mask.getWindow());
    Value first = arith::SubIOp::create(b, loc, hi, window);
    lo = arith::MaxSIOp::create(b, loc, first, lo);
  }
  tile::YieldOp::create(b, loc, ValueRange{lo, hi, hi});
}

/// softcap * tanh(s / softcap).
void emitSoftcap(KernelContext &context, AttendOp attend, double softcap) {
  OpBuilder &b = context.b;
  Location loc = attend.getLoc();
  auto segment = VectorType::get(16, b.getF32Type());
  Block *body = startRegion(b, loc, attend.getScore(),
                            {segment, b.getIndexType(), b.getIndexType(),
                             VectorType::get(16, b.getI32Type())});
  auto splat = [&](double value) -> Value {
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(segment, static_cast<float>(value)));
  };
  Value s = arith::DivFOp::create(b, loc, body->getArgument(0), splat(softcap));
  s = math::TanhOp::create(b, loc, s);
  s = arith::MulFOp::create(b, loc, s, splat(softcap));
  tile::YieldOp::create(b, loc, s);
}

} // namespace

void mica::lowerAttention(KernelContext &context, GroupOp group) {
  OpBuilder &b = context.b;
  Location loc = group.getLoc();
  auto attention = cast<AttentionOp>(group.getAnchor());
  KVType kv = attention.getKv().getType();
  Value cache = attention.getKv();
  auto attend = AttendOp::create(
      b, loc, context.bufferOf(attention.getInput()),
      context.poolOf(cache, false), context.poolOf(cache, true),
      context.kvLayer, context.attendTasks(),
      context.kvTable(cache, KVTable::page_start),
      context.kvTable(cache, KVTable::page), ValueRange(),
      attention.getHeads(), kv.getKey(), kv.getValue(), attention.getScale(),
      ScheduleAttr());
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
  attend.getCapturesMutable().assign(captureOutside(
      {&attend.getBounds(), &attend.getMask(), &attend.getScore(),
       &attend.getOutput()}));
}
