//===- MicaTypes.cpp - Types and attributes of the mica dialect -----------===//

#include "dialects/Mica/Mica.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mica;

/// Parses a list in brackets, which may be empty.
template <typename T>
static ParseResult parseList(AsmParser &parser,
                             function_ref<ParseResult(T &)> parseElement,
                             SmallVector<T> &list) {
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&] {
    return parseElement(list.emplace_back());
  });
}

static ParseResult parseIndices(AsmParser &parser,
                                SmallVector<int64_t> &indices) {
  return parseList<int64_t>(
      parser, [&](int64_t &i) { return parser.parseInteger(i); }, indices);
}

static void printIndices(AsmPrinter &printer, ArrayRef<int64_t> indices) {
  printer << "[" << indices << "]";
}

/// Parses the dimensions of a state: "8x16".
static ParseResult parseShape(AsmParser &parser, SmallVector<int64_t> &shape) {
  return parser.parseDimensionList(shape, /*allowDynamic=*/false,
                                   /*withTrailingX=*/false);
}

static void printShape(AsmPrinter &printer, ArrayRef<int64_t> shape) {
  llvm::interleave(shape, printer.getStream(), "x");
}

static ParseResult parseSymbols(AsmParser &parser,
                                SmallVector<FlatSymbolRefAttr> &symbols) {
  return parseList<FlatSymbolRefAttr>(
      parser,
      [&](FlatSymbolRefAttr &symbol) { return parser.parseAttribute(symbol); },
      symbols);
}

static void printSymbols(AsmPrinter &printer,
                         ArrayRef<FlatSymbolRefAttr> symbols) {
  printer << "[" << symbols << "]";
}

#include "dialects/Mica/MicaEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Mica/MicaAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/Mica/MicaTypes.cpp.inc"

void MicaDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Mica/MicaAttrs.cpp.inc"
      >();
}

void MicaDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/Mica/MicaTypes.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

LogicalResult FormatAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 StringRef name, int64_t elements,
                                 int64_t bytes, tile::BlocksAttr) {
  // format_c1
  if (elements < 1 || bytes < 1)
    return emitError() << "expects blocks of a positive size, but got "
                       << elements << " x " << bytes;
  return success();
}

LogicalResult MaskAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               bool causal, int64_t window, int64_t sink,
                               int64_t chunk) {
  // mask_c1
  if (window < 0)
    return emitError() << "expects a window of 0 or more, but got " << window;
  // mask_c2
  if (sink < 0 || (sink && !window))
    return emitError() << "expects sinks of 0 or more beside a window, but got "
                       << sink << " and a window of " << window;
  // mask_c3
  if (chunk < 0 || (chunk && window))
    return emitError() << "expects a chunk of 0 or more without a window, but "
                       << "got " << chunk << " and a window of " << window;
  return success();
}

LogicalResult TargetAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 StringRef cpu, StringRef features,
                                 int64_t vectorBits, int64_t panel,
                                 int64_t maxGranule, ArrayAttr dot,
                                 Type tiles) {
  // target_c1
  for (int64_t size : {vectorBits, panel, maxGranule})
    if (size < 1)
      return emitError() << "expects positive sizes in a target, but got "
                         << size;
  // target_c2
  for (Attribute element : dot) {
    auto type = dyn_cast<TypeAttr>(element);
    if (!type || !isa<FloatType>(type.getValue()))
      return emitError() << "expects dot to hold float types, but got "
                         << element;
  }
  // target_c3
  if (tiles && !llvm::is_contained(dot, TypeAttr::get(tiles)))
    return emitError() << "expects tiles of a type in dot, but got " << tiles;
  return success();
}

LogicalResult SourceAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t file, StringRef tensor, int64_t first,
                                 int64_t rows, bool transposed,
                                 int64_t permuted, int64_t run, int64_t stride,
                                 int64_t parts, int64_t firstColumn,
                                 int64_t columnStep, int64_t partStep) {
  // source_c1
  if (file < 0 || first < 0 || rows < 1)
    return emitError() << "expects a file, a first row and rows to take, but "
                       << "got " << file << ", " << first << " and " << rows;
  // source_c2
  if (permuted < 0 || (permuted && rows % (2 * permuted)))
    return emitError() << "expects permuted to divide " << rows
                       << " rows into heads of an even size, but got "
                       << permuted;
  // source_c3
  if (run < 0 || (run && (rows % run || stride < run || permuted)))
    return emitError() << "expects run to divide " << rows
                       << " rows that are not permuted, and a stride of at "
                       << "least run, but got " << run << " and " << stride;
  // source_c4
  if (parts < 0)
    return emitError() << "expects 0 or more parts, but got " << parts;
  // source_c5
  if (firstColumn < 0 || columnStep < 0)
    return emitError() << "expects a first column and a step of 0 or more, but "
                       << "got " << firstColumn << " and " << columnStep;
  if (transposed && columnStep > 1)
    return emitError() << "expects adjacent columns of what is transposed, but "
                       << "got a step of " << columnStep;
  // source_c6
  if (partStep < 0 || (partStep && !parts))
    return emitError() << "expects a step of 0 or more between parts, but got "
                       << partStep << " for " << parts << " parts";
  return success();
}

LogicalResult BufferAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 tile::Arena arena, int64_t offset,
                                 int64_t stride) {
  // buffer_c1
  if (arena == tile::Arena::worker)
    return emitError() << "expects a value between groups in the arena of row, "
                       << "out or logits, but got worker";
  // buffer_c2
  if (offset < 0 || stride < 1)
    return emitError() << "expects an offset of 0 or more and a positive "
                       << "stride, but got " << offset << " and " << stride;
  return success();
}

bool TargetAttr::hasDot(Type type) const {
  return llvm::any_of(getDot().getAsRange<TypeAttr>(),
                      [&](TypeAttr t) { return t.getValue() == type; });
}

//===----------------------------------------------------------------------===//
// Layout
//===----------------------------------------------------------------------===//

LogicalResult LayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t panel, int64_t group, int64_t granule,
                                 int64_t align) {
  // layout_c1
  for (int64_t size : {panel, group, granule, align})
    if (size < 1)
      return emitError() << "expects positive sizes in a layout, but got "
                         << size;
  // layout_c2
  if (align % group)
    return emitError() << "expects align to be a multiple of group " << group
                       << ", but got " << align;
  return success();
}

int64_t LayoutAttr::paddedGranule() const {
  return llvm::divideCeil(getGranule(), getPanel()) * getPanel();
}

int64_t LayoutAttr::paddedRows(int64_t n) const {
  return n / getGranule() * paddedGranule() +
         llvm::divideCeil(n % getGranule(), getPanel()) * getPanel();
}

int64_t LayoutAttr::paddedColumns(int64_t k) const {
  return llvm::divideCeil(k, getAlign()) * getAlign();
}

int64_t LayoutAttr::physicalRow(int64_t n) const {
  return n / getGranule() * paddedGranule() + n % getGranule();
}

SmallVector<int64_t> LayoutAttr::physicalShape(int64_t n, int64_t k) const {
  return {paddedRows(n) / getPanel(), paddedColumns(k) / getGroup(), getPanel(),
          getGroup()};
}

//===----------------------------------------------------------------------===//
// Weight
//===----------------------------------------------------------------------===//

FormatAttr WeightType::getFormat() const {
  return dyn_cast<FormatAttr>(getElement());
}

SmallVector<int64_t> WeightType::physicalShape() const {
  LayoutAttr layout = getLayout();
  if (isVector())
    return {layout.paddedColumns(rows())};
  SmallVector<int64_t> shape = layout.physicalShape(rows(), columns());
  shape[0] *= parts();
  if (FormatAttr format = getFormat()) {
    int64_t panel = layout.getPanel();
    shape = {shape[0], layout.paddedColumns(columns()) / layout.getAlign(),
             format.getBlocks().lines(panel), 4 * panel};
  }
  return shape;
}

Type WeightType::getElementType() const {
  auto type = dyn_cast<TypeAttr>(getElement());
  return type ? type.getValue() : Type();
}

WeightType WeightType::withRows(int64_t rows) const {
  SmallVector<int64_t> shape(getShape());
  shape[isParts() ? 1 : 0] = rows;
  return get(getContext(), shape, getElement(), getLayout());
}

int64_t WeightType::sizeInBytes() const {
  int64_t n = rows(), k = isVector() ? 1 : columns();
  LayoutAttr layout = getLayout();
  if (FormatAttr format = getFormat()) {
    if (!layout)
      return parts() * n * k / format.getElements() * format.getBytes();
    int64_t panel = layout.getPanel();
    return parts() * layout.paddedRows(n) * layout.paddedColumns(k) /
           layout.getAlign() * format.getBlocks().lines(panel) * 4;
  }
  int64_t bytes = getElementType().getIntOrFloatBitWidth() / 8 * parts();
  if (!layout)
    return n * k * bytes;
  if (isVector())
    return layout.paddedColumns(n) * bytes;
  return layout.paddedRows(n) * layout.paddedColumns(k) * bytes;
}

Type WeightType::parse(AsmParser &parser) {
  SmallVector<int64_t> shape;
  Attribute element;
  LayoutAttr layout;
  Type type;
  if (parser.parseLess() ||
      parser.parseDimensionList(shape, /*allowDynamic=*/false,
                                /*withTrailingX=*/false) ||
      parser.parseComma())
    return Type();
  OptionalParseResult isType = parser.parseOptionalType(type);
  if (isType.has_value()) {
    if (failed(*isType))
      return Type();
    element = TypeAttr::get(type);
  } else if (parser.parseAttribute(element)) {
    return Type();
  }
  if (succeeded(parser.parseOptionalComma()) && parser.parseAttribute(layout))
    return Type();
  if (parser.parseGreater())
    return Type();
  return parser.getChecked<WeightType>(parser.getContext(), shape, element,
                                       layout);
}

void WeightType::print(AsmPrinter &printer) const {
  printer << "<";
  llvm::interleave(getShape(), printer.getStream(), "x");
  printer << ", ";
  if (Type type = getElementType())
    printer << type;
  else
    printer << getElement();
  if (getLayout())
    printer << ", " << getLayout();
  printer << ">";
}

LogicalResult WeightType::verify(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<int64_t> shape, Attribute element,
                                 LayoutAttr layout) {
  // weight_type_c1
  if (shape.empty() || shape.size() > 3)
    return emitError() << "expects a weight of 1 to 3 dimensions, but got "
                       << shape.size();
  // weight_type_c2
  for (int64_t size : shape)
    if (size < 1)
      return emitError() << "expects positive dimensions in a weight, but got "
                         << size;
  if (auto format = dyn_cast<FormatAttr>(element)) {
    // weight_type_c3
    if (shape.back() % format.getElements())
      return emitError() << "expects rows that are a multiple of the block of "
                         << format.getElements() << " elements, but got "
                         << shape.back();
    // weight_type_c4
    if (!layout)
      return success();
    tile::BlocksAttr blocks = format.getBlocks();
    if (!blocks)
      return emitError() << "expects a packed weight of a float type or a "
                         << "format with blocks, but got " << format;
    if (shape.size() == 1 || layout.getGroup() != 4 ||
        layout.getAlign() != blocks.block(layout.getPanel()))
      return emitError() << "expects a matrix in groups of 4, aligned to "
                         << blocks.block(layout.getPanel())
                         << " columns, but got " << layout;
    return success();
  }
  // weight_type_c5
  auto type = dyn_cast<TypeAttr>(element);
  bool isIndex =
      type && shape.size() == 1 && type.getValue().isSignlessInteger(32);
  if (!isIndex && (!type || !isa<FloatType>(type.getValue())))
    return emitError() << "expects a float type, in a vector i32, or a "
                       << "#mica.format, but got " << element;
  return success();
}

LogicalResult KVType::verify(function_ref<InFlightDiagnostic()> emitError,
                             int64_t heads, int64_t key, int64_t value,
                             Type element, int64_t page, int64_t window) {
  // kv_c1
  for (int64_t size : {heads, key, value})
    if (size < 1)
      return emitError() << "expects positive heads and widths in a cache, but "
                         << "got " << size;
  // kv_c2
  if (page < 16 || page % 16)
    return emitError() << "expects pages of a multiple of 16 tokens, but got "
                       << page;
  // kv_c3
  if (!element.isF32() && !element.isBF16() && !element.isF16() &&
      !element.isInteger(8) && !element.isInteger(4))
    return emitError()
           << "expects a cache of f32, bf16, f16, i8 or i4, but got "
           << element;
  // kv_c4
  if (window < 0)
    return emitError() << "expects a window of 0 or more, but got " << window;
  return success();
}

LogicalResult StateType::verify(function_ref<InFlightDiagnostic()> emitError,
                                ArrayRef<int64_t> shape, Type element) {
  // state_c1
  if (shape.empty() || shape.size() > 3)
    return emitError() << "expects a state of 1 to 3 dimensions, but got "
                       << shape.size();
  for (int64_t size : shape)
    if (size < 1)
      return emitError() << "expects positive dimensions in a state, but got "
                         << size;
  // state_c2
  if (!element.isF32())
    return emitError() << "expects a state of f32, but got " << element;
  return success();
}

int64_t StateType::sizeInBytes() const {
  return llvm::product_of(getShape()) * int64_t(sizeof(float));
}
