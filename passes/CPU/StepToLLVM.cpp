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

/// Reads structures in memory.
struct Reader {
  OpBuilder &b;
  Location loc;

  Type pointer() { return LLVM::LLVMPointerType::get(b.getContext()); }
  Value constant(int64_t value) {
    return LLVM::ConstantOp::create(b, loc, b.getI64Type(),
                                    b.getI64IntegerAttr(value));
  }
  Value advance(Value base, int64_t bytes) {
    return LLVM::GEPOp::create(b, loc, pointer(), b.getI8Type(), base,
                               ArrayRef<LLVM::GEPArg>{bytes},
                               LLVM::GEPNoWrapFlags::inbounds);
  }
  Value advance(Value base, Value bytes) {
    return LLVM::GEPOp::create(b, loc, pointer(), b.getI8Type(), base,
                               ArrayRef<LLVM::GEPArg>{bytes},
                               LLVM::GEPNoWrapFlags::inbounds);
  }
  Value load(Type type, Value base, int64_t offset) {
    return LLVM::LoadOp::create(b, loc, type, advance(base, offset),
                                /*alignment=*/0, /*isVolatile=*/false,
                                /*isNonTemporal=*/false, /*isInvariant=*/true);
  }
  Value loadPointer(Value base, int64_t offset) {
    return load(pointer(), base, offset);
  }
  /// A size of the step, as an index.
  Value count(Value step, int64_t offset) {
    return LLVM::ZExtOp::create(b, loc, b.getI64Type(),
                                load(b.getI32Type(), step, offset));
  }
  Value mul(Value x, Value y) { return LLVM::MulOp::create(b, loc, x, y); }
  Value add(Value x, Value y) { return LLVM::AddOp::create(b, loc, x, y); }
  Value truncate(Value x) {
    return LLVM::TruncOp::create(b, loc, b.getI32Type(), x);
  }
};

template <typename OpTy> struct StepPattern : ConvertOpToLLVMPattern<OpTy> {
  StepPattern(const LLVMTypeConverter &converter, StepSizes sizes)
      : ConvertOpToLLVMPattern<OpTy>(converter), sizes(sizes) {}

  /// A descriptor of `type` whose leading dimension, if dynamic, is `units`.
  Value describe(Reader &r, MemRefType type, Value address, Value units) const {
    Type llvm = this->getTypeConverter()->convertType(type);
    auto d = MemRefDescriptor::poison(r.b, r.loc, llvm);
    SmallVector<int64_t> strides;
    int64_t offset;
    (void)type.getStridesAndOffset(strides, offset);
    d.setAllocatedPtr(r.b, r.loc, address);
    d.setAlignedPtr(r.b, r.loc, address);
    d.setOffset(r.b, r.loc, r.constant(offset));
    for (auto [dim, size] : llvm::enumerate(type.getShape())) {
      d.setSize(r.b, r.loc, dim,
                ShapedType::isDynamic(size) ? units : r.constant(size));
      d.setStride(r.b, r.loc, dim, r.constant(strides[dim]));
    }
    return d;
  }

  /// Sizes that nothing asks for.
  Value unknown(Reader &r) const {
    return r.constant(std::numeric_limits<int32_t>::max());
  }

  StepSizes sizes;
};

struct CountPattern : StepPattern<tile::CountOp> {
  using StepPattern::StepPattern;
  LogicalResult
  matchAndRewrite(tile::CountOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    static constexpr int64_t offsets[] = {offsetof(mica_step, rows),
                                          offsetof(mica_step, seqs),
                                          offsetof(mica_step, outs)};
    Reader r{rewriter, op.getLoc()};
    rewriter.replaceOp(op, r.count(adaptor.getStep(),
                                   offsets[static_cast<int>(op.getWhich())]));
    return success();
  }
};

struct InputPattern : StepPattern<tile::InputOp> {
  using StepPattern::StepPattern;
  LogicalResult
  matchAndRewrite(tile::InputOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    static constexpr int64_t offsets[] = {
        offsetof(mica_step, token), offsetof(mica_step, position),
        offsetof(mica_step, row_start), offsetof(mica_step, out_row)};
    Reader r{rewriter, op.getLoc()};
    Value address = r.loadPointer(adaptor.getStep(),
                                  offsets[static_cast<int>(op.getWhich())]);
    rewriter.replaceOp(op, describe(r, op.getType(), address, unknown(r)));
    return success();
  }
};

struct KVTablePattern : StepPattern<tile::KVTableOp> {
  using StepPattern::StepPattern;
  LogicalResult
  matchAndRewrite(tile::KVTableOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    static constexpr int64_t offsets[] = {
        offsetof(mica_kv_group, slot), offsetof(mica_kv_group, page_start),
        offsetof(mica_kv_group, page), offsetof(mica_kv_group, length)};
    Reader r{rewriter, op.getLoc()};
    Value groups = r.loadPointer(adaptor.getStep(), offsetof(mica_step, kv));
    Value address =
        r.loadPointer(groups, op.getGroup() * sizeof(mica_kv_group) +
                                  offsets[static_cast<int>(op.getWhich())]);
    rewriter.replaceOp(op, describe(r, op.getType(), address, unknown(r)));
    return success();
  }
};

struct PoolPattern : StepPattern<tile::PoolOp> {
  using StepPattern::StepPattern;
  LogicalResult
  matchAndRewrite(tile::PoolOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Reader r{rewriter, op.getLoc()};
    Value groups = r.loadPointer(adaptor.getStep(), offsetof(mica_step, kv));
    Value pool = r.loadPointer(groups, op.getGroup() * sizeof(mica_kv_group) +
                                           offsetof(mica_kv_group, pool));
    auto type = cast<MemRefType>(op.getType());
    rewriter.replaceOp(op, describe(r, type, pool, unknown(r)));
    return success();
  }
};

struct BufferPattern : StepPattern<tile::BufferOp> {
  using StepPattern::StepPattern;
  LogicalResult
  matchAndRewrite(tile::BufferOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Reader r{rewriter, op.getLoc()};
    Value step = adaptor.getStep();
    int64_t arena = op.getArena();
    bool perOut = arena == 1 || arena == 3;
    Value units = arena == 2
                      ? r.constant(1)
                      : r.count(step, perOut ? offsetof(mica_step, outs)
                                             : offsetof(mica_step, rows));
    Value base = arena == 3
                     ? r.loadPointer(step, offsetof(mica_step, logits))
                     : r.loadPointer(step, offsetof(mica_step, arena) +
                                               arena * sizeof(uint8_t *));
    Value offset = r.constant(op.getOffset());
    offset =
        arena == 2
            ? r.add(r.mul(adaptor.getWorker(), r.constant(sizes.workerBytes)),
                    offset)
            : r.mul(offset, units);
    auto type = cast<MemRefType>(op.getType());
    rewriter.replaceOp(op, describe(r, type, r.advance(base, offset), units));
    return success();
  }
};

struct WeightPattern : StepPattern<tile::WeightOp> {
  using StepPattern::StepPattern;
  LogicalResult
  matchAndRewrite(tile::WeightOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Reader r{rewriter, op.getLoc()};
    Value table =
        r.loadPointer(adaptor.getStep(), offsetof(mica_step, weights));
    Value row =
        r.mul(adaptor.getLayer(), r.constant(sizes.slots * sizeof(uint64_t)));
    Value address =
        r.loadPointer(r.advance(table, row), op.getSlot() * sizeof(uint64_t));
    auto type = cast<MemRefType>(op.getType());
    rewriter.replaceOp(op, describe(r, type, address, Value()));
    return success();
  }
};

struct NextTaskPattern : StepPattern<tile::NextTaskOp> {
  using StepPattern::StepPattern;
  LogicalResult
  matchAndRewrite(tile::NextTaskOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Reader r{rewriter, op.getLoc()};
    Value sync = r.loadPointer(adaptor.getStep(), offsetof(mica_step, sync));
    Value one =
        LLVM::ConstantOp::create(rewriter, op.getLoc(), rewriter.getI32Type(),
                                 rewriter.getI32IntegerAttr(1));
    // The barrier orders memory; here only the number matters.
    Value task =
        LLVM::AtomicRMWOp::create(rewriter, op.getLoc(), LLVM::AtomicBinOp::add,
                                  r.advance(sync, offsetof(mica_sync, next)),
                                  one, LLVM::AtomicOrdering::monotonic);
    rewriter.replaceOpWithNewOp<LLVM::ZExtOp>(op, rewriter.getI64Type(), task);
    return success();
  }
};

struct BarrierPattern : StepPattern<tile::BarrierOp> {
  using StepPattern::StepPattern;
  LogicalResult
  matchAndRewrite(tile::BarrierOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Reader r{rewriter, op.getLoc()};
    Value sync = r.loadPointer(adaptor.getStep(), offsetof(mica_step, sync));
    Value barrier = r.loadPointer(sync, offsetof(mica_sync, barrier));
    Type i32 = rewriter.getI32Type();
    auto type = LLVM::LLVMFunctionType::get(
        LLVM::LLVMVoidType::get(getContext()), {r.pointer(), i32, i32, i32});
    Value id = LLVM::ConstantOp::create(rewriter, op.getLoc(), i32,
                                        rewriter.getI32IntegerAttr(op.getId()));
    SmallVector<Value> operands = {barrier, sync,
                                   r.truncate(adaptor.getWorker()),
                                   r.truncate(adaptor.getWorkers()), id};
    LLVM::CallOp::create(rewriter, op.getLoc(), type, operands);
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void cpu::populateStepToLLVM(LLVMTypeConverter &converter,
                             RewritePatternSet &patterns, StepSizes sizes) {
  converter.addConversion([](tile::StepType type) -> Type {
    return LLVM::LLVMPointerType::get(type.getContext());
  });
  patterns.add<CountPattern, InputPattern, KVTablePattern, PoolPattern,
               BufferPattern, WeightPattern, NextTaskPattern, BarrierPattern>(
      converter, sizes);
}
