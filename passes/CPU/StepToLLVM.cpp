//===- StepToLLVM.cpp - Tile operations that read the step ----------------===//
//
// Loads from the structures of include/mica/abi.h, whose offsets are taken from
// the header itself. Nothing in them changes during a step except the task
// counter, so these loads are invariant.
//
//===----------------------------------------------------------------------===//

#include "passes/CPU/StepToLLVM.h"
#include "dialects/MicaTile/Tile.h"
#include "mica/abi.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include <cstddef>

using namespace mlir;
using namespace mica;
using namespace mica::cpu;

namespace {

/// Emits reads of structures in memory.
struct Reader {
  OpBuilder &b;
  Location loc;
  const TypeConverter &converter;
  StepSizes sizes;

  Type pointer() { return LLVM::LLVMPointerType::get(b.getContext()); }
  Value constant(int64_t value) {
    return LLVM::ConstantOp::create(b, loc, b.getI64Type(),
                                    b.getI64IntegerAttr(value));
  }
  Value i32(int32_t value) {
    return LLVM::ConstantOp::create(b, loc, b.getI32Type(),
                                    b.getI32IntegerAttr(value));
  }
  /// `base` and so many `bytes`: a number or a value.
  Value advance(Value base, LLVM::GEPArg bytes) {
    return LLVM::GEPOp::create(b, loc, pointer(), b.getI8Type(), base, bytes,
                               LLVM::GEPNoWrapFlags::inbounds);
  }
  Value load(Type type, Value base, int32_t offset) {
    return LLVM::LoadOp::create(b, loc, type, advance(base, offset),
                                /*alignment=*/0, /*isVolatile=*/false,
                                /*isNonTemporal=*/false, /*isInvariant=*/true);
  }
  Value loadPointer(Value base, int32_t offset) {
    return load(pointer(), base, offset);
  }
  /// A size of the step, as an index.
  Value count(Value step, int32_t offset) {
    return extend(load(b.getI32Type(), step, offset));
  }
  Value mul(Value x, Value y) { return LLVM::MulOp::create(b, loc, x, y); }
  Value add(Value x, Value y) { return LLVM::AddOp::create(b, loc, x, y); }
  Value extend(Value x) {
    return LLVM::ZExtOp::create(b, loc, b.getI64Type(), x);
  }
  Value truncate(Value x) {
    return LLVM::TruncOp::create(b, loc, b.getI32Type(), x);
  }

  /// A descriptor of `type` at `address`. A leading dimension that is dynamic
  /// is `units`, or as large as can be where nothing asks for it.
  Value describe(MemRefType type, Value address, Value units = {});
};

Value Reader::describe(MemRefType type, Value address, Value units) {
  auto d = MemRefDescriptor::poison(b, loc, converter.convertType(type));
  SmallVector<int64_t> strides;
  int64_t offset;
  (void)type.getStridesAndOffset(strides, offset);
  if (!units && type.getNumDynamicDims())
    units = constant(std::numeric_limits<int32_t>::max());
  d.setAllocatedPtr(b, loc, address);
  d.setAlignedPtr(b, loc, address);
  d.setOffset(b, loc, constant(offset));
  for (auto [dim, size] : llvm::enumerate(type.getShape())) {
    d.setSize(b, loc, dim,
              ShapedType::isDynamic(size) ? units : constant(size));
    d.setStride(b, loc, dim, constant(strides[dim]));
  }
  return d;
}

//===----------------------------------------------------------------------===//
// What each operation becomes: a value, or none
//===----------------------------------------------------------------------===//

Value lower(Reader &r, tile::CountOp op, tile::CountOp::Adaptor in) {
  static constexpr int32_t offsets[] = {offsetof(mica_step, rows),
                                        offsetof(mica_step, seqs),
                                        offsetof(mica_step, outs)};
  return r.count(in.getStep(), offsets[static_cast<int>(op.getWhich())]);
}

Value lower(Reader &r, tile::InputOp op, tile::InputOp::Adaptor in) {
  static constexpr int32_t offsets[] = {
      offsetof(mica_step, token), offsetof(mica_step, position),
      offsetof(mica_step, row_start), offsetof(mica_step, out_row)};
  int32_t offset = offsets[static_cast<int>(op.getWhich())];
  return r.describe(op.getType(), r.loadPointer(in.getStep(), offset));
}

/// The pointer at `offset` of cache group `group`.
Value loadOfGroup(Reader &r, Value step, int64_t group, int64_t offset) {
  Value groups = r.loadPointer(step, offsetof(mica_step, kv));
  return r.loadPointer(groups, group * sizeof(mica_kv_group) + offset);
}

Value lower(Reader &r, tile::KVTableOp op, tile::KVTableOp::Adaptor in) {
  static constexpr int64_t offsets[] = {
      offsetof(mica_kv_group, slot), offsetof(mica_kv_group, page_start),
      offsetof(mica_kv_group, page), offsetof(mica_kv_group, length)};
  int64_t offset = offsets[static_cast<int>(op.getWhich())];
  return r.describe(op.getType(),
                    loadOfGroup(r, in.getStep(), op.getGroup(), offset));
}

Value lower(Reader &r, tile::PoolOp op, tile::PoolOp::Adaptor in) {
  return r.describe(op.getType(), loadOfGroup(r, in.getStep(), op.getGroup(),
                                              offsetof(mica_kv_group, pool)));
}

Value lower(Reader &r, tile::BufferOp op, tile::BufferOp::Adaptor in) {
  Value step = in.getStep();
  tile::Arena arena = op.getArena();
  int64_t pointer = offsetof(mica_step, logits);
  if (arena != tile::Arena::logits)
    pointer = offsetof(mica_step, arena) +
              static_cast<int64_t>(arena) * sizeof(uint8_t *);
  Value units = arena == tile::Arena::worker
                    ? r.constant(1)
                    : r.count(step, arena == tile::Arena::row
                                        ? offsetof(mica_step, rows)
                                        : offsetof(mica_step, outs));
  Value base = r.loadPointer(step, pointer);
  Value offset = r.constant(op.getOffset());
  if (arena == tile::Arena::worker) {
    Value size = r.constant(r.sizes.workerBytes);
    offset = r.add(r.mul(in.getWorker(), size), offset);
  } else {
    offset = r.mul(offset, units);
  }
  if (op.getEach())
    units = r.mul(units, r.constant(*op.getEach()));
  return r.describe(op.getType(), r.advance(base, offset), units);
}

Value lower(Reader &r, tile::WeightOp op, tile::WeightOp::Adaptor in) {
  Value table = r.loadPointer(in.getStep(), offsetof(mica_step, weights));
  Value row =
      r.mul(in.getLayer(), r.constant(r.sizes.slots * sizeof(uint64_t)));
  return r.describe(
      op.getType(),
      r.loadPointer(r.advance(table, row), op.getSlot() * sizeof(uint64_t)));
}

Value lower(Reader &r, tile::NextTaskOp op, tile::NextTaskOp::Adaptor in) {
  Value sync = r.loadPointer(in.getStep(), offsetof(mica_step, sync));
  // The barrier orders memory; here only the number matters.
  return r.extend(
      LLVM::AtomicRMWOp::create(r.b, r.loc, LLVM::AtomicBinOp::add,
                                r.advance(sync, offsetof(mica_sync, next)),
                                r.i32(1), LLVM::AtomicOrdering::monotonic));
}

Value lower(Reader &r, tile::BarrierOp op, tile::BarrierOp::Adaptor in) {
  Value sync = r.loadPointer(in.getStep(), offsetof(mica_step, sync));
  Value barrier = r.loadPointer(sync, offsetof(mica_sync, barrier));
  Type i32 = r.b.getI32Type();
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(r.b.getContext()), {r.pointer(), i32, i32, i32});
  SmallVector<Value> operands = {barrier, sync, r.truncate(in.getWorker()),
                                 r.truncate(in.getWorkers()),
                                 r.i32(op.getId())};
  LLVM::CallOp::create(r.b, r.loc, type, operands);
  return {};
}

/// Replaces an operation by what `lower` makes of it.
template <typename OpTy> struct StepPattern : ConvertOpToLLVMPattern<OpTy> {
  StepPattern(const LLVMTypeConverter &converter, StepSizes sizes)
      : ConvertOpToLLVMPattern<OpTy>(converter), sizes(sizes) {}

  LogicalResult
  matchAndRewrite(OpTy op, typename OpTy::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Reader r{rewriter, op.getLoc(), *this->getTypeConverter(), sizes};
    if (Value result = lower(r, op, adaptor))
      rewriter.replaceOp(op, result);
    else
      rewriter.eraseOp(op);
    return success();
  }

  StepSizes sizes;
};

template <typename... OpTys>
void addPatterns(LLVMTypeConverter &converter, RewritePatternSet &patterns,
                 StepSizes sizes) {
  patterns.add<StepPattern<OpTys>...>(converter, sizes);
}

} // namespace

void cpu::populateStepToLLVM(LLVMTypeConverter &converter,
                             RewritePatternSet &patterns, StepSizes sizes) {
  converter.addConversion([](tile::StepType type) -> Type {
    return LLVM::LLVMPointerType::get(type.getContext());
  });
  addPatterns<tile::CountOp, tile::InputOp, tile::KVTableOp, tile::PoolOp,
              tile::BufferOp, tile::WeightOp, tile::NextTaskOp,
              tile::BarrierOp>(converter, patterns, sizes);
}
