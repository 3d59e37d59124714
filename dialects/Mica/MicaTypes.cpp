//===- MicaTypes.cpp - Types and attributes of the mica dialect -----------===//

#include "dialects/Mica/Mica.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mica;

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
// Layout
//===----------------------------------------------------------------------===//

LogicalResult LayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t panel, int64_t group, int64_t granule,
                                 int64_t align) {
  if (panel < 1 || group < 1 || granule < 1 || align < 1)
    return emitError() << "expects positive sizes in a layout";
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

bool TargetAttr::hasDot(Type type) const {
  return llvm::any_of(getDot().getAsRange<TypeAttr>(),
                      [&](TypeAttr t) { return t.getValue() == type; });
}

//===----------------------------------------------------------------------===//
// Weight
//===----------------------------------------------------------------------===//

Type WeightType::getElementType() const {
  auto type = dyn_cast<TypeAttr>(getElement());
  return type ? type.getValue() : Type();
}

int64_t WeightType::sizeInBytes() const {
  int64_t n = rows(), k = getShape().size() == 1 ? 1 : columns();
  if (auto format = dyn_cast<FormatAttr>(getElement()))
    return n * k / format.getElements() * format.getBytes();
  int64_t bytes = getElementType().getIntOrFloatBitWidth() / 8;
  if (!getLayout())
    return n * k * bytes;
  if (getShape().size() == 1)
    return getLayout().paddedColumns(n) * bytes;
  return getLayout().paddedRows(n) * getLayout().paddedColumns(k) * bytes;
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
  if (shape.empty() || shape.size() > 2)
    return emitError() << "expects a weight of 1 or 2 dimensions, but got "
                       << shape.size();
  if (llvm::any_of(shape, [](int64_t d) { return d < 1; }))
    return emitError() << "expects positive dimensions in a weight";
  if (auto format = dyn_cast<FormatAttr>(element)) {
    if (shape.back() % format.getElements())
      return emitError() << "expects rows that are a multiple of the block of "
                         << format.getElements() << " elements, but got "
                         << shape.back();
    if (layout)
      return emitError() << "expects a packed weight of a float type, but got "
                         << format;
    return success();
  }
  auto type = dyn_cast<TypeAttr>(element);
  if (!type || !isa<FloatType>(type.getValue()))
    return emitError() << "expects a float type or a #mica.format, but got "
                       << element;
  return success();
}

LogicalResult KVType::verify(function_ref<InFlightDiagnostic()> emitError,
                             int64_t heads, int64_t key, int64_t value,
                             Type element, int64_t page, int64_t window) {
  if (heads < 1 || key < 1 || value < 1)
    return emitError() << "expects positive heads and widths in a cache";
  if (page < 16 || page % 16)
    return emitError() << "expects pages of a multiple of 16 tokens, but got "
                       << page;
  if (!element.isF32() && !element.isBF16() && !element.isF16())
    return emitError() << "expects a cache of f32, bf16 or f16, but got "
                       << element;
  if (window < 0)
    return emitError() << "expects a window of 0 or more, but got " << window;
  return success();
}
