//===- TileDialect.cpp - Registration of the tile dialect -----------------===//

#include "dialects/MicaTile/Tile.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mica::tile;

#include "dialects/MicaTile/TileDialect.cpp.inc"
#include "dialects/MicaTile/TileEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/MicaTile/TileAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/MicaTile/TileTypes.cpp.inc"

LogicalResult ScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   ArrayRef<int64_t> rows,
                                   ArrayRef<int64_t> panels, int64_t block,
                                   int64_t unit, int64_t unroll,
                                   int64_t prefetch, int64_t depth) {
  if (rows.size() != panels.size())
    return emitError()
           << "expects as many entries of panels as of rows, but got "
           << panels.size() << " and " << rows.size();
  if (rows.empty() || rows.back() != 1 ||
      !llvm::is_sorted(rows, std::greater<int64_t>())) {
    auto diagnostic = emitError()
                      << "expects rows that descend to 1, but got [";
    llvm::interleaveComma(rows, diagnostic);
    return diagnostic << "]";
  }
  if (llvm::any_of(panels, [](int64_t n) { return n < 1; }) || block < 1 ||
      unit < 1 || unroll < 1 || prefetch < 0 || depth < 0)
    return emitError() << "expects positive sizes in a schedule";
  return success();
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
