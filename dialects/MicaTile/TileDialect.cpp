//===- TileDialect.cpp - Registration of the tile dialect -----------------===//

#include "dialects/MicaTile/Tile.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;
using namespace mica::tile;

#include "dialects/MicaTile/TileDialect.cpp.inc"
#include "dialects/MicaTile/TileEnums.cpp.inc"

/// `[D, ...]` of each row tile, or `D` of all but the first, which has 0.
static ParseResult parseDistances(AsmParser &parser,
                                  SmallVector<int64_t> &distances,
                                  ArrayRef<int64_t> rows) {
  auto parse = [&] { return parser.parseInteger(distances.emplace_back()); };
  if (succeeded(parser.parseOptionalLSquare()))
    return failure(parser.parseCommaSeparatedList(parse) ||
                   parser.parseRSquare());
  int64_t all = 0;
  if (parser.parseInteger(all))
    return failure();
  distances.assign(rows.size(), all);
  if (!distances.empty())
    distances.front() = 0;
  return success();
}

static void printDistances(AsmPrinter &printer, ArrayRef<int64_t> distances,
                           ArrayRef<int64_t> rows) {
  ArrayRef<int64_t> smaller = distances.drop_front();
  if (distances.front() == 0 && llvm::all_equal(smaller)) {
    printer << (smaller.empty() ? 0 : smaller.front());
    return;
  }
  printer << "[";
  llvm::interleaveComma(distances, printer);
  printer << "]";
}

#define GET_ATTRDEF_CLASSES
#include "dialects/MicaTile/TileAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/MicaTile/TileTypes.cpp.inc"

LogicalResult ScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   ArrayRef<int64_t> rows,
                                   ArrayRef<int64_t> panels, int64_t block,
                                   int64_t unit, int64_t unroll,
                                   ArrayRef<int64_t> prefetch, int64_t depth) {
  for (auto [name, list] :
       {std::pair("panels", panels), {"prefetch", prefetch}})
    if (rows.size() != list.size())
      return emitError() << "expects as many entries of " << name
                         << " as of rows, but got " << list.size() << " and "
                         << rows.size();
  if (rows.empty() || rows.back() != 1 ||
      !llvm::is_sorted(rows, std::greater<int64_t>())) {
    auto diagnostic = emitError()
                      << "expects rows that descend to 1, but got [";
    llvm::interleaveComma(rows, diagnostic);
    return diagnostic << "]";
  }
  if (llvm::any_of(panels, [](int64_t n) { return n < 1; }) || block < 1 ||
      llvm::any_of(
          prefetch, [](int64_t n) { return n < 0; }) ||
      unit < 1 || unroll < 1 || depth < 0)
    return emitError() << "expects positive sizes in a schedule";
  return success();
}

int64_t ScheduleAttr::prefetchOf(int64_t rows) const {
  for (auto [size, distance] : llvm::zip_equal(getRows(), getPrefetch()))
    if (size == rows)
      return distance;
  return 0;
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

/// Elements of a row whose codes lie together.
static constexpr int64_t codeRun = 32;

LogicalResult BlocksAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t bits, int64_t zero, int64_t group,
                                 Type scale, int64_t super, bool min,
                                 bool zeros, ArrayRef<int64_t> values,
                                 Attribute floats) {
  // blocks_c1
  if (bits < 1 || bits > 8 || group < 1 || group % 4)
    return emitError() << "expects 1 to 8 bits in groups of a multiple of 4, "
                       << "but got " << bits << " in groups of " << group;
  // blocks_c2
  if (super < 0 || super % group || super % codeRun)
    return emitError() << "expects super to be a multiple of group " << group
                       << " and of " << codeRun << ", but got " << super;
  // blocks_c3
  if (!scale.isF16() && !scale.isBF16() && !scale.isF32())
    return emitError() << "expects a scale of f16, bf16 or f32, but got "
                       << scale;
  // blocks_c4
  bool fit = llvm::all_of(
      values, [](int64_t value) { return value >= -128 && value < 128; });
  if (!values.empty() &&
      (!fit || static_cast<int64_t>(values.size()) != 1 << bits || zero))
    return emitError() << "expects " << (1 << bits)
                       << " values of 8 bits and a zero of 0, but got "
                       << values.size() << " values and a zero of " << zero;
  // blocks_c5
  if (min && zeros)
    return emitError() << "expects minima or zeros, but got both";
  // blocks_c6
  if (!floats)
    return success();
  auto type = dyn_cast<TypeAttr>(floats);
  auto table = dyn_cast<DenseF32ArrayAttr>(floats);
  bool known = (type && isa<Float8E4M3FNType>(type.getValue()) && bits == 8) ||
               (table && bits <= 4 && table.size() == int64_t(1) << bits);
  if (!known || zero || min || zeros || !values.empty())
    return emitError() << "expects floats of f8E4M3FN and 8 bits or, of up to "
                          "4 bits, an f32 for each code, and nothing but a "
                          "scale beside them, but got "
                       << floats;
  return success();
}

int64_t BlocksAttr::unit() const { return std::lcm(codeRun, getGroup()); }

int64_t BlocksAttr::block(int64_t panel) const {
  if (getSuper())
    return getSuper();
  // Scales fill whole lines: 4 bytes a row.
  int64_t bytes = getScale().getIntOrFloatBitWidth() / 8 * (getMin() ? 2 : 1);
  bool even = unit() / getGroup() * bytes % 4 == 0;
  return even ? unit() : 2 * unit();
}

int64_t BlocksAttr::codeZero() const {
  return getValues().empty() ? getZero() : -*llvm::min_element(getValues());
}

int64_t BlocksAttr::greatestCode() const {
  return getValues().empty() ? (int64_t(1) << getBits()) - 1
                             : *llvm::max_element(getValues()) + codeZero();
}

int64_t BlocksAttr::zeroOfSums() const {
  bool signMoves = greatestCode() > 127 && codeZero() != 128;
  return hasMinimum() || signMoves ? 0 : codeZero();
}

bool BlocksAttr::takes(GroupsAttr rows) const {
  return rows.getPart() <= mostSummed() &&
         (rows.getZero() == 0 || rows.getZero() == zeroOfSums());
}

std::array<int64_t, 5> BlocksAttr::scaleOffsets(int64_t panel) const {
  int64_t k = block(panel), width = getScale().getIntOrFloatBitWidth() / 8;
  int64_t scales = k / perScale() * width * panel;
  int64_t factors = getSuper() ? k / getGroup() * panel : 0;
  int64_t zeros = getZeros() ? k / getGroup() * panel : 0;
  int64_t parts[] = {scales, getMin() ? scales : 0, factors,
                     getMin() ? factors : zeros};
  std::array<int64_t, 5> offsets = {0};
  std::partial_sum(parts, parts + 4, offsets.begin() + 1);
  return offsets;
}

std::array<int64_t, 6> BlocksAttr::recordOffsets(int64_t columns) const {
  int64_t scales = llvm::divideCeil(columns, perScale()) * 4;
  int64_t factors =
      getSuper() ? llvm::divideCeil(columns, getGroup()) : int64_t(0);
  int64_t zeros = getZeros() ? llvm::divideCeil(columns, getGroup()) : 0;
  int64_t parts[] = {columns, scales, getMin() ? scales : 0, factors,
                     getMin() ? factors : zeros};
  std::array<int64_t, 6> offsets = {0};
  for (size_t i = 0; i < 5; ++i)
    offsets[i + 1] = offsets[i] + llvm::alignTo(parts[i], 4);
  return offsets;
}

int64_t BlocksAttr::scaleLines(int64_t panel) const {
  return llvm::divideCeil(scaleOffsets(panel)[4], 4 * panel);
}

int64_t BlocksAttr::lines(int64_t panel) const {
  return scaleLines(panel) + block(panel) / codeRun * getBits();
}

LogicalResult GroupsAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t size, int64_t part, int64_t zero,
                                 Type values, int64_t from) {
  // groups_c1
  if (size < 1 || size % codeRun)
    return emitError() << "expects groups of a multiple of " << codeRun
                       << " columns, but got " << size;
  // groups_c2
  if (values && values.isBF16() ? from < 1 : values || from)
    return emitError() << "expects values of bf16 from a positive count of "
                          "rows, but got "
                       << values << " from " << from;
  // groups_c3
  if (part != 16 && part != 32)
    return emitError() << "expects sums over 16 or 32 columns, but got "
                       << part;
  // groups_c4
  if (zero < 0 || zero > 255)
    return emitError() << "expects a zero from 0 to 255, but got " << zero;
  return success();
}

int64_t GroupsAttr::rowBytes(int64_t columns) const {
  int64_t integers = sumsAt(columns) + columns / getPart() * 4;
  return std::max(integers, getValues() ? columns * 2 : 0);
}

void TileDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/MicaTile/TileAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/MicaTile/TileTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/MicaTile/TileOps.cpp.inc"
      >();
}
