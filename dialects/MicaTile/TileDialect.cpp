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
