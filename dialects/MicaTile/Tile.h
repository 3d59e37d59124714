//===- Tile.h - The tile dialect --------------------------------*- C++ -*-===//

#ifndef DIALECTS_MICATILE_TILE_H
#define DIALECTS_MICATILE_TILE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include <array>

#include "dialects/MicaTile/TileDialect.h.inc"
#include "dialects/MicaTile/TileEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/MicaTile/TileAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/MicaTile/TileTypes.h.inc"
#define GET_OP_CLASSES
#include "dialects/MicaTile/TileOps.h.inc"

#endif // DIALECTS_MICATILE_TILE_H
