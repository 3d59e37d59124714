//===- Emit.cpp - Loops and indices over values ---------------------------===//

#include "dialects/MicaTile/Emit.h"
#include "dialects/MicaTile/Tile.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

#include <numeric>

using namespace mlir;
using namespace mica::tile;

//===----------------------------------------------------------------------===//
// Indices
//===----------------------------------------------------------------------===//

namespace {
constexpr auto noWrap =
    arith::IntegerOverflowFlags::nsw | arith::IntegerOverflowFlags::nuw;

template <typename OpTy, typename... Args>
Index binary(Index a, Index b, Args... args) {
  Emitter &e = *a.emitter;
  return e.index(e.b.createOrFold<OpTy>(e.loc, a.value, b.value, args...));
}

SmallVector<Value> values(ArrayRef<Index> indices) {
  return llvm::map_to_vector(indices, [](Index i) { return i.value; });
}

std::optional<int64_t> constantOf(Value value) {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return constant.getSExtValue();
  return std::nullopt;
}
} // namespace

Index mica::tile::operator+(Index a, Index b) {
  return binary<arith::AddIOp>(a, b, noWrap);
}
/// Without nuw: MLIR folds (x - 2) + 1 to x + -1 and keeps the flags that both
/// have, and x + -1 does wrap.
Index mica::tile::operator-(Index a, Index b) {
  return binary<arith::SubIOp>(a, b, arith::IntegerOverflowFlags::nsw);
}
Index mica::tile::operator*(Index a, Index b) {
  return binary<arith::MulIOp>(a, b, noWrap);
}
Index mica::tile::operator/(Index a, Index b) {
  return binary<arith::DivUIOp>(a, b);
}
Index mica::tile::operator%(Index a, Index b) {
  return binary<arith::RemUIOp>(a, b);
}
Index mica::tile::operator+(Index a, int64_t b) {
  return a + a.emitter->index(b);
}
Index mica::tile::operator-(Index a, int64_t b) {
  return a - a.emitter->index(b);
}
Index mica::tile::operator*(Index a, int64_t b) {
  return a * a.emitter->index(b);
}
Index mica::tile::operator/(Index a, int64_t b) {
  return a / a.emitter->index(b);
}
Index mica::tile::operator%(Index a, int64_t b) {
  return a % a.emitter->index(b);
}
Index mica::tile::ceilDiv(Index a, int64_t b) { return (a + (b - 1)) / b; }
Index mica::tile::min(Index a, Index b) { return binary<arith::MinUIOp>(a, b); }
Index mica::tile::max(Index a, Index b) { return binary<arith::MaxUIOp>(a, b); }
Value mica::tile::operator<(Index a, Index b) {
  Emitter &e = *a.emitter;
  return e.b.createOrFold<arith::CmpIOp>(e.loc, arith::CmpIPredicate::ult,
                                         a.value, b.value);
}

Index Emitter::index(int64_t value) {
  return index(arith::ConstantIndexOp::create(b, loc, value));
}

Index Emitter::fromI32(Value value) {
  return index(
      arith::IndexCastOp::create(b, loc, b.getIndexType(), value).getResult());
}

Value Emitter::toI32(Index index) {
  return arith::IndexCastOp::create(b, loc, b.getI32Type(), index.value);
}

Value Emitter::atLeast(Value value, int64_t least) {
  Value bound = arith::ConstantOp::create(
      b, loc, b.getIntegerAttr(value.getType(), least));
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, value, bound);
}

Index Emitter::dim(Value buffer, int64_t dim) {
  int64_t size = cast<MemRefType>(buffer.getType()).getDimSize(dim);
  if (!ShapedType::isDynamic(size))
    return index(size);
  return index(memref::DimOp::create(b, loc, buffer, dim).getResult());
}

bool mica::tile::isMultipleOf(Value value, int64_t factor) {
  if (factor == 1)
    return true;
  if (std::optional<int64_t> constant = constantOf(value))
    return *constant % factor == 0;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
    return loop && value == loop.getInductionVar() &&
           isMultipleOf(loop.getLowerBound(), factor) &&
           isMultipleOf(loop.getStep(), factor);
  }
  Operation *op = value.getDefiningOp();
  auto both = [&] {
    return isMultipleOf(op->getOperand(0), factor) &&
           isMultipleOf(op->getOperand(1), factor);
  };
  if (isa<arith::AddIOp, arith::SubIOp, arith::RemUIOp, arith::RemSIOp,
          arith::MinUIOp>(op))
    return both();
  if (isa<arith::MulIOp>(op))
    return isMultipleOf(op->getOperand(0), factor) ||
           isMultipleOf(op->getOperand(1), factor);
  return isa<arith::IndexCastOp, arith::IndexCastUIOp>(op) &&
         isMultipleOf(op->getOperand(0), factor);
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

Emitter::Values Emitter::forRange(Index lo, Index hi, int64_t step,
                                  Values carried, CarryingBody body) {
  auto first = constantOf(lo), last = constantOf(hi);
  if (first && last && *last <= *first)
    return carried;
  if (first && last && *last - *first <= step)
    return body(lo, carried);
  auto loop =
      scf::ForOp::create(b, loc, lo, hi, index(step).value, carried,
                         [&](OpBuilder &, Location, Value i, ValueRange) {});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(loop.getBody());
  Values next = body(index(loop.getInductionVar()), loop.getRegionIterArgs());
  scf::YieldOp::create(b, loc, next);
  return Values(loop.getResults());
}

void Emitter::forRange(Index lo, Index hi, int64_t step, Body body) {
  forRange(lo, hi, step, {}, [&](Index i, ValueRange) {
    body(i);
    return Values();
  });
}

void Emitter::ifThen(Value condition, function_ref<void()> body) {
  auto branch = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  body();
}

void Emitter::ifThenElse(Value condition, function_ref<void()> yes,
                         function_ref<void()> no) {
  auto branch = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  yes();
  b.setInsertionPointToStart(branch.elseBlock());
  no();
}

Emitter::Values Emitter::inlined(Region &region, ValueRange arguments) {
  IRMapping map;
  map.map(region.getArguments(), arguments);
  for (Operation &op : region.front().without_terminator())
    b.clone(op, map);
  return llvm::map_to_vector(
      region.front().getTerminator()->getOperands(),
      [&](Value value) { return map.lookupOrDefault(value); });
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value Emitter::load(Value buffer, ArrayRef<Index> at) {
  return memref::LoadOp::create(b, loc, buffer, values(at));
}

Value Emitter::load(VectorType type, Value buffer, ArrayRef<Index> at) {
  return vector::LoadOp::create(b, loc, type, buffer, values(at));
}

void Emitter::store(Value value, Value buffer, ArrayRef<Index> at) {
  if (isa<VectorType>(value.getType()))
    vector::StoreOp::create(b, loc, value, buffer, values(at));
  else
    memref::StoreOp::create(b, loc, value, buffer, values(at));
}

Value Emitter::loadBytes(int64_t size, Type element, Value buffer,
                         ArrayRef<Index> at) {
  int64_t bytes = size * element.getIntOrFloatBitWidth() / 8;
  auto type = VectorType::get(bytes, b.getI8Type());
  Value vector = load(type, buffer, at);
  return element.isInteger(8) ? vector : bitcast(vector, element);
}

void Emitter::storeBytes(Value vector, Value buffer, ArrayRef<Index> at) {
  store(bitcast(vector, b.getI8Type()), buffer, at);
}

Value Emitter::loadSegment(int64_t size, Value buffer, ArrayRef<Index> at,
                           ArrayRef<int64_t> along) {
  return LoadOp::create(b, loc, f32x(size), buffer, values(at),
                        b.getDenseI64ArrayAttr(along));
}

void Emitter::storeSegment(Value value, Value buffer, ArrayRef<Index> at,
                           ArrayRef<int64_t> along) {
  StoreOp::create(b, loc, value, buffer, values(at),
                  b.getDenseI64ArrayAttr(along));
}

void Emitter::prefetch(Value buffer, ArrayRef<Index> at, int64_t level) {
  memref::PrefetchOp::create(b, loc, buffer, values(at), /*isWrite=*/false,
                             /*localityHint=*/4 - level, /*isDataCache=*/true);
}

Value Emitter::scratch(ArrayRef<int64_t> shape, Type element) {
  OpBuilder::InsertionGuard guard(b);
  auto function =
      b.getInsertionBlock()->getParentOp()->getParentOfType<func::FuncOp>();
  if (!function)
    function = cast<func::FuncOp>(b.getInsertionBlock()->getParentOp());
  b.setInsertionPointToStart(&function.getBody().front());
  return memref::AllocaOp::create(b, loc, MemRefType::get(shape, element),
                                  b.getI64IntegerAttr(64));
}

Value Emitter::reshape(Value buffer, ArrayRef<int64_t> shape) {
  auto type = MemRefType::get(
      shape, cast<MemRefType>(buffer.getType()).getElementType());
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t i = shape.size() - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return memref::ReinterpretCastOp::create(b, loc, type, buffer,
                                           /*offset=*/0, shape, strides);
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

Value Emitter::zero(Type type) {
  return arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
}

VectorType Emitter::f32x(int64_t size) {
  return VectorType::get(size, b.getF32Type());
}

Value Emitter::f32(double value) {
  return arith::ConstantOp::create(
      b, loc, b.getF32FloatAttr(static_cast<float>(value)));
}

Value Emitter::splat(double value, int64_t size) {
  return arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(f32x(size), static_cast<float>(value)));
}

Value Emitter::splatBits(uint32_t bits, int64_t size) {
  auto type = VectorType::get(size, b.getI32Type());
  return arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(type, APInt(32, bits)));
}

Value Emitter::splatOf(int64_t value, VectorType type) {
  return arith::ConstantOp::create(
      b, loc,
      DenseElementsAttr::get(type,
                             b.getIntegerAttr(type.getElementType(), value)));
}

Value Emitter::broadcast(Value value, int64_t size) {
  return vector::BroadcastOp::create(
      b, loc, VectorType::get(size, value.getType()), value);
}

static bool isFloat(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value));
}

Value Emitter::add(Value x, Value y) {
  if (isFloat(x))
    return arith::AddFOp::create(b, loc, x, y);
  return arith::AddIOp::create(b, loc, x, y);
}
Value Emitter::sub(Value x, Value y) {
  if (isFloat(x))
    return arith::SubFOp::create(b, loc, x, y);
  return arith::SubIOp::create(b, loc, x, y);
}
Value Emitter::mul(Value x, Value y) {
  if (isFloat(x))
    return arith::MulFOp::create(b, loc, x, y);
  return arith::MulIOp::create(b, loc, x, y);
}
Value Emitter::div(Value x, Value y) {
  return arith::DivFOp::create(b, loc, x, y);
}
Value Emitter::minimum(Value a, Value b) {
  return arith::MinNumFOp::create(this->b, loc, a, b);
}

Value Emitter::negate(Value a) { return arith::NegFOp::create(b, loc, a); }

Value Emitter::absolute(Value a) { return math::AbsFOp::create(b, loc, a); }

Value Emitter::exp(Value a) { return math::ExpOp::create(b, loc, a); }

Value Emitter::less(Value a, Value b) {
  return arith::CmpFOp::create(this->b, loc, arith::CmpFPredicate::OLT, a, b);
}

Value Emitter::equal(Value a, Value b) {
  return arith::CmpFOp::create(this->b, loc, arith::CmpFPredicate::OEQ, a, b);
}

Value Emitter::iota(int64_t size) {
  SmallVector<int32_t> numbers(size);
  std::iota(numbers.begin(), numbers.end(), 0);
  auto type = VectorType::get(size, b.getI32Type());
  return arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(type, ArrayRef(numbers)));
}

Value Emitter::maximum(Value x, Value y) {
  return arith::MaxNumFOp::create(b, loc, x, y);
}
Value Emitter::fma(Value x, Value y, Value z) {
  return math::FmaOp::create(b, loc, x, y, z);
}

Value Emitter::bitcast(Value vector, Type element) {
  auto type = cast<VectorType>(vector.getType());
  int64_t bits = type.getNumElements() * type.getElementTypeBitWidth();
  return vector::BitCastOp::create(
      b, loc, VectorType::get(bits / element.getIntOrFloatBitWidth(), element),
      vector);
}

Value Emitter::shiftLeft(Value x, Value y) {
  return arith::ShLIOp::create(b, loc, x, y);
}
Value Emitter::shiftRight(Value x, Value y) {
  return arith::ShRUIOp::create(b, loc, x, y);
}
Value Emitter::bitAnd(Value x, Value y) {
  return arith::AndIOp::create(b, loc, x, y);
}
Value Emitter::bitOr(Value x, Value y) {
  return arith::OrIOp::create(b, loc, x, y);
}

Value Emitter::resize(Value vector, Type element, bool isSigned) {
  auto type = cast<VectorType>(vector.getType());
  auto wanted = type.clone(element);
  if (type == wanted)
    return vector;
  if (element.getIntOrFloatBitWidth() < type.getElementTypeBitWidth())
    return arith::TruncIOp::create(b, loc, wanted, vector);
  if (isSigned)
    return arith::ExtSIOp::create(b, loc, wanted, vector);
  return arith::ExtUIOp::create(b, loc, wanted, vector);
}

Value Emitter::toFloat(Value vector) {
  auto type = cast<VectorType>(vector.getType()).clone(b.getF32Type());
  return arith::SIToFPOp::create(b, loc, type, vector);
}

Value Emitter::toInteger(Value vector) {
  auto type = cast<VectorType>(vector.getType()).clone(b.getI32Type());
  return arith::FPToSIOp::create(b, loc, type, round(vector));
}

Value Emitter::round(Value vector) {
  return math::RoundEvenOp::create(b, loc, vector);
}

Value Emitter::sum(Value vector) {
  return vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD,
                                     vector);
}

Value Emitter::call(StringRef name, Type result, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, loc, result, b.getStringAttr(name),
                                       operands)
      .getResult(0);
}

Value Emitter::extend(Value x, Type type) {
  return x.getType() == type
             ? x
             : arith::ExtFOp::create(b, loc, type, x).getResult();
}
Value Emitter::truncate(Value x, Type element) {
  auto type = cast<VectorType>(x.getType());
  if (type.getElementType() == element)
    return x;
  return arith::TruncFOp::create(b, loc, type.clone(element), x);
}
Value Emitter::select(Value condition, Value x, Value y) {
  return arith::SelectOp::create(b, loc, condition, x, y);
}

Index Emitter::select(Value condition, Index x, Index y) {
  return index(select(condition, x.value, y.value));
}

Value Emitter::slice(Value vector, int64_t first, int64_t size) {
  if (cast<VectorType>(vector.getType()).getDimSize(0) == size)
    return vector;
  return vector::ExtractStridedSliceOp::create(
      b, loc, vector, ArrayRef<int64_t>(first), ArrayRef<int64_t>(size),
      ArrayRef<int64_t>(1));
}

Value Emitter::strided(Value vector, int64_t first, int64_t step,
                       int64_t size) {
  SmallVector<int64_t> lanes;
  for (int64_t i = 0; i < size; ++i)
    lanes.push_back(first + i * step);
  return vector::ShuffleOp::create(b, loc, vector, vector, lanes);
}

Value Emitter::extract(Value vector, int64_t at) {
  return vector::ExtractOp::create(b, loc, vector, at);
}

Value Emitter::vectorOf(ArrayRef<Value> elements) {
  auto type = VectorType::get(elements.size(), elements[0].getType());
  return vector::FromElementsOp::create(b, loc, type, elements);
}

Value Emitter::join(ArrayRef<Value> parts) {
  if (parts.size() == 1)
    return parts[0];
  auto type = cast<VectorType>(parts[0].getType());
  int64_t size = type.getDimSize(0);
  auto whole = VectorType::get(size * static_cast<int64_t>(parts.size()),
                               type.getElementType());
  Value result = arith::ConstantOp::create(b, loc, b.getZeroAttr(whole));
  for (auto [i, part] : llvm::enumerate(parts))
    result = vector::InsertStridedSliceOp::create(b, loc, part, result,
                                                  ArrayRef<int64_t>(i * size),
                                                  ArrayRef<int64_t>(1));
  return result;
}

Value Emitter::reduce(Value vector, bool isMax) {
  auto combine = [&](Value x, Value y) {
    return isMax ? maximum(x, y) : add(x, y);
  };
  // Whole registers first, then halves; an odd rest waits for its turn.
  SmallVector<Value> parts;
  int64_t size = cast<VectorType>(vector.getType()).getDimSize(0);
  int64_t width = std::min<int64_t>(16, llvm::bit_floor<uint64_t>(size));
  for (int64_t first = 0; first + width <= size; first += width)
    parts.push_back(slice(vector, first, width));
  for (; parts.size() > 1;) {
    for (size_t i = 0; i + 1 < parts.size(); i += 2)
      parts[i / 2] = combine(parts[i], parts[i + 1]);
    if (parts.size() % 2)
      parts[parts.size() / 2] = parts.back();
    parts.resize((parts.size() + 1) / 2);
  }
  Value result = parts[0];
  for (int64_t half = width / 2; half >= 1; half /= 2)
    result = combine(slice(result, 0, half), slice(result, half, half));
  result = extract(result, 0);
  for (int64_t i = size / width * width; i < size; ++i)
    result = combine(result, extract(vector, i));
  return result;
}
