//===- LowerPacking.cpp - Pack functions as host code ---------------------===//
//
// A panel is packed in two steps: its rows are fetched in f32 into scratch
// memory, then converted and stored. The second step takes blocks of R rows by
// U units of `group` columns, each row of a block in one vector. They are
// transposed by perfect shuffles of the whole block: log2(R) times, the first
// half of its vectors is interleaved with the second, unit by unit.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/Group/PackEmitter.h"
#include "passes/Group/Passes.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

namespace mica {
#define GEN_PASS_DEF_LOWERPACKINGPASS
#include "passes/Group/Passes.h.inc"
} // namespace mica

using namespace mlir;
using namespace mica;

namespace {

/// The sizes of a packed matrix and of the blocks it is packed in.
struct Shape {
  int64_t rows, columns;
  int64_t panel = 1, group = 1, granule = 1, paddedGranule = 1;
  int64_t paddedColumns;
  int64_t blockRows, units; ///< powers of two; a block is their product

  explicit Shape(WeightType type)
      : rows(type.rows()), columns(type.columns()), paddedColumns(columns) {
    if (LayoutAttr layout = type.getLayout()) {
      panel = layout.getPanel();
      group = layout.getGroup();
      granule = layout.getGranule();
      paddedGranule = layout.paddedGranule();
      paddedColumns = layout.paddedColumns(columns);
    }
    // One row after another, whatever the group.
    if (panel == 1)
      group = powerOfTwoIn(paddedColumns, 16);
    blockRows = powerOfTwoIn(panel, 8);
    units = powerOfTwoIn(paddedColumns / group, blockRows);
  }

  int64_t step() const { return units * group; }
  /// Whether a panel can have fewer than `panel` rows.
  bool hasPadding() const { return granule % panel || rows % granule % panel; }

private:
  /// The greatest power of two up to `limit` that divides `value`.
  static int64_t powerOfTwoIn(int64_t value, int64_t limit) {
    return std::min<int64_t>(value & -value, llvm::bit_floor(uint64_t(limit)));
  }
};

/// Emits the body of a matrix's pack function.
class MatrixPacker {
public:
  MatrixPacker(Emitter &e, Shape shape, const RowMap &map, Converter &converter,
               ValueRange arguments)
      : e(e), shape(shape), rowMap(map), converter(converter),
        fetch(arguments[0]), context(arguments[1]), scratch(arguments[2]),
        out(arguments[3]), first(arguments[4]), count(arguments[5]) {}

  void emit() {
    e.loop(e.i64(0), count, 1, [&](Value index) {
      Value physical = e.mul(e.add(first, index), shape.panel);
      Value within = e.mod(physical, shape.paddedGranule);
      Value logical = e.add(
          e.mul(e.div(physical, shape.paddedGranule), shape.granule), within);
      Value left = e.min(sub(e.i64(shape.granule), within),
                         sub(e.i64(shape.rows), logical));
      valid = e.min(left, e.i64(shape.panel));
      fetchRows(logical);
      panelOut = e.address(out, e.mul(index, shape.panel * shape.paddedColumns),
                           converter.storage());
      int64_t whole = shape.columns / shape.step() * shape.step();
      if (whole)
        emitColumns(0, whole);
      if (whole < shape.paddedColumns)
        emitColumns(whole, shape.paddedColumns);
    });
  }

private:
  Value sub(Value x, Value y) {
    return arith::SubIOp::create(e.b, e.loc, x, y);
  }

  /// Fetches the panel's rows, of which `logical` is the first, into scratch.
  void fetchRows(Value logical) {
    e.loop(e.i64(0), valid, 1, [&](Value r) {
      auto [source, row] = rowMap.map(e, e.add(logical, r));
      Value to =
          e.address(scratch, e.mul(r, shape.paddedColumns), e.b.getF32Type());
      e.fetch(fetch, context, source, row, to);
    });
  }

  /// Packs the columns [from, to) of a panel; those past the weight's are zero.
  void emitColumns(int64_t from, int64_t to) {
    e.loop(e.i64(from), e.i64(to), shape.step(), [&](Value k) {
      Value mask;
      if (to > shape.columns)
        mask = columnMask(k);
      for (int64_t r = 0; r < shape.panel; r += shape.blockRows)
        emitBlock(r, k, mask);
    });
  }

  /// Which of the columns k, k + 1, … exist.
  Value columnMask(Value k) {
    auto type = VectorType::get(shape.step(), e.b.getI64Type());
    SmallVector<int64_t> lanes(shape.step());
    std::iota(lanes.begin(), lanes.end(), 0);
    Value column = arith::ConstantOp::create(
        e.b, e.loc, DenseElementsAttr::get(type, ArrayRef(lanes)));
    Value base = vector::BroadcastOp::create(e.b, e.loc, type, k);
    return e.less(e.add(column, base), e.splat(shape.columns, type));
  }

  /// Packs rows [r, r + blockRows) by columns [k, k + step).
  void emitBlock(int64_t r, Value k, Value mask) {
    SmallVector<Value> block;
    for (int64_t i = r; i < r + shape.blockRows; ++i)
      block.push_back(loadRow(i, k, mask));
    // A single unit per row needs no transposition.
    if (shape.units > 1)
      for (int64_t done = 1; done < shape.blockRows; done *= 2)
        block = shuffle(block);
    for (auto [v, value] : llvm::enumerate(block)) {
      int64_t unit = v * shape.units / shape.blockRows;
      int64_t row = r + v * shape.units % shape.blockRows;
      Value at = e.add(e.mul(k, shape.panel),
                       (unit * shape.panel + row) * shape.group);
      e.store(value, e.address(panelOut, at, converter.storage()),
              converter.storage().getWidth() / 8);
    }
  }

  Value loadRow(int64_t row, Value k, Value mask) {
    auto type = VectorType::get(shape.step(), e.b.getF32Type());
    Value at = e.add(k, row * shape.paddedColumns);
    Value x = e.load(type, e.address(scratch, at, e.b.getF32Type()));
    Value bits = converter.convert(x);
    Value zero = e.splat(0, cast<VectorType>(bits.getType()));
    if (mask)
      bits = e.select(mask, bits, zero);
    if (shape.hasPadding())
      bits = e.select(e.less(e.i64(row), valid), bits, zero);
    return bits;
  }

  /// Interleaves the first half of the block with the second.
  SmallVector<Value> shuffle(ArrayRef<Value> block) {
    SmallVector<Value> result;
    size_t half = block.size() / 2;
    for (size_t i = 0; i < half; ++i)
      for (int64_t begin : {int64_t(0), shape.units / 2}) {
        SmallVector<int64_t> lanes;
        for (int64_t unit = begin; unit < begin + shape.units / 2; ++unit)
          for (int64_t side : {int64_t(0), shape.step()})
            for (int64_t g = 0; g < shape.group; ++g)
              lanes.push_back(side + unit * shape.group + g);
        result.push_back(vector::ShuffleOp::create(e.b, e.loc, block[i],
                                                   block[i + half], lanes));
      }
    return result;
  }

  Emitter &e;
  Shape shape;
  const RowMap &rowMap;
  Converter &converter;
  Value fetch, context, scratch, out, first, count;
  Value valid;    ///< rows of this panel that exist
  Value panelOut; ///< where this panel goes
};

/// Emits the body of a vector's pack function: each source is fetched whole.
void emitVector(Emitter &e, WeightType type, const RowMap &map,
                Converter &converter, ValueRange arguments) {
  Value scratch = arguments[2], out = arguments[3];
  auto one = VectorType::get(1, e.b.getF32Type());
  IntegerType storage = converter.storage();
  int64_t first = 0;
  for (auto [j, rows] : llvm::enumerate(map.rows)) {
    e.fetch(arguments[0], arguments[1], e.i64(j), e.i64(0), scratch);
    e.loop(e.i64(0), e.i64(rows), 1, [&, j = int64_t(j)](Value i) {
      Value x = e.load(one, e.address(scratch, i, e.b.getF32Type()));
      Value at = e.add(i, first);
      if (int64_t s = map.interleave)
        at = e.add(
            e.add(e.mul(e.div(i, s), s * int64_t(map.rows.size())), s * j),
            e.mod(i, s));
      e.store(converter.convert(x), e.address(out, at, storage),
              storage.getWidth() / 8);
    });
    first += rows;
  }
  int64_t padded =
      type.getLayout() ? type.getLayout().paddedColumns(first) : first;
  Value zero = e.splat(0, VectorType::get(1, storage));
  if (padded > first)
    e.loop(e.i64(first), e.i64(padded), 1, [&](Value i) {
      e.store(zero, e.address(out, i, storage), storage.getWidth() / 8);
    });
}

struct LowerPacking : mica::impl::LowerPackingPassBase<LowerPacking> {
  using LowerPackingPassBase::LowerPackingPassBase;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttr("mica.pack_function") &&
          llvm::any_of(function.getResultTypes(), llvm::IsaPred<WeightType>) &&
          failed(lower(function)))
        return signalPassFailure();
  }

  LogicalResult lower(func::FuncOp function) {
    auto packs = function.getOps<PackOp>();
    Operation *end = function.getBody().back().getTerminator();
    if (std::distance(packs.begin(), packs.end()) != 1 ||
        function.getBody().back().getOperations().size() != 2)
      return function.emitError("expects one mica.pack in a pack function");
    PackOp pack = *packs.begin();
    if (!llvm::equal(pack.getSources(), function.getArguments()) ||
        end->getOperand(0) != pack.getResult())
      return function.emitError(
          "expects a pack function to pack its arguments, in order");
    rewrite(function, pack);
    ++numLowered;
    return success();
  }

  void rewrite(func::FuncOp function, PackOp pack) {
    WeightType type = pack.getResult().getType();
    RowMap map = {static_cast<int64_t>(pack.getInterleave()), {}};
    for (Value source : pack.getSources())
      map.rows.push_back(cast<WeightType>(source.getType()).rows());
    double offset = pack.getOffset().convertToDouble();

    OpBuilder b(function.getContext());
    Type pointer = LLVM::LLVMPointerType::get(b.getContext());
    Type i64 = b.getI64Type();
    SmallVector<Type> inputs = {pointer, pointer, pointer, pointer, i64, i64};
    function.getBody().front().clear();
    function.getBody().front().eraseArguments([](auto) { return true; });
    function.setFunctionType(b.getFunctionType(inputs, {}));
    function.setAllArgAttrs(
        SmallVector<Attribute>(inputs.size(), b.getDictionaryAttr({})));
    function.setResAttrsAttr(nullptr);
    Block &body = function.getBody().front();
    for (Type input : inputs)
      body.addArgument(input, function.getLoc());

    b.setInsertionPointToStart(&body);
    Emitter e{b, function.getLoc()};
    if (type.getFormat()) {
      packBlocks(e, type, map, body.getArguments());
    } else {
      Converter converter(e, type.getElementType(), offset);
      if (type.getShape().size() == 1)
        emitVector(e, type, map, converter, body.getArguments());
      else
        MatrixPacker(e, Shape(type), map, converter, body.getArguments())
            .emit();
    }
    func::ReturnOp::create(b, function.getLoc());
  }
};

} // namespace
