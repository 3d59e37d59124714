//===- Mica.h - The mica dialect --------------------------------*- C++ -*-===//

#ifndef DIALECTS_MICA_MICA_H
#define DIALECTS_MICA_MICA_H

#include "dialects/MicaTile/Edsl.h"
#include "dialects/MicaTile/Tile.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/Mica/MicaDialect.h.inc"
#include "dialects/Mica/MicaEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Mica/MicaAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/Mica/MicaTypes.h.inc"

#include "dialects/Mica/MicaInterfaces.h.inc"
#define GET_OP_CLASSES
#include "dialects/Mica/MicaOps.h.inc"

namespace mica {

/// Whether `type` is that of rotations, [T, pairs] (`mica.rope_angles`).
bool isAngles(mlir::RankedTensorType type);

/// The columns of rows of the step or of choices: D of [T, D] and of
/// [T, choices, D]; 0 if `value` is something else.
int64_t columnsOf(mlir::Value value);

/// The choices of rows [T, choices, D]; 0 if `value` is something else.
int64_t choicesOf(mlir::Value value);

/// The rounding that `op`, a product, asks for, and whether its rows suit the
/// weight: (C4) to (C6) of `mica.linear`. Emits an error if not.
llvm::LogicalResult verifyProduct(ProductOpInterface op);

/// How the columns of rows of i8 share scales; null for other values.
tile::GroupsAttr groupsOf(mlir::Value rows);

/// How many `element`s of ascending k a product takes from one dword: weights,
/// caches and rows hold them side by side, so that many are read at once: 2 of
/// bf16, 4 of i8, else 1.
int64_t perDword(mlir::Type element);

/// The columns of the widest rows that `op` reads; 0 if it reads none.
int64_t widthOf(mlir::Operation *op);

/// The columns that `op`, which reads rows, needs at once, counted in rows of
/// `columns` columns; 1 if its columns are independent. `inPasses`: whether it
/// may see a row more than once, so that a reduction over all of it asks for
/// nothing.
int64_t granuleOf(mlir::Operation *op, int64_t columns, bool inPasses);

/// The state that `op` goes over the rows of sequences with; null if `op` is no
/// such op.
mlir::Value stateOf(mlir::Operation *op);

/// Verifies that `rows`, of integers too, have `wanted` columns. Emits "expects
/// `what` to have `wanted` columns, but got …" if not.
llvm::LogicalResult expectColumns(mlir::Operation *op, llvm::StringRef what,
                                  mlir::Value rows, int64_t wanted);

/// The place of a tensor: the buffer of the group that makes it, or of the
/// argument that it is; a stack's rows stay where they were. Null if it has
/// none (yet).
BufferAttr placeOf(mlir::Value tensor);

/// Whether `op` computes rows from rows and has no kernel: it is computed by
/// naive loops, those of the reference.
bool runsAsLoops(mlir::Operation *op);

/// Verifies that `op`, which makes a new cache (or state) of `kv`, is its last
/// use: no other use appends, and every reader precedes `op`. Emits an error if
/// not.
llvm::LogicalResult verifyLinear(mlir::Operation *op, mlir::Value kv);

/// Verifies that `input` holds queries of `heads` heads over `kv`: (C1) and
/// (C2) of `mica.attention`. Emits an error if not.
llvm::LogicalResult verifyQueries(mlir::Operation *op, mlir::Value input,
                                  int64_t heads, KVType kv);

/// Verifies that a cache of type `kv` keeps what `mask` lets rows see: (C4) of
/// `mica.attention`. Emits an error if not.
llvm::LogicalResult verifyReach(mlir::Operation *op, MaskAttr mask, KVType kv);

/// The attribute that holds the name of an op (`--mica-name-ops`).
inline constexpr llvm::StringLiteral kNameAttribute = "mica.name";

/// The name of `value`: that of its op, with "/1" and so on for results behind
/// the first; of what it rounds, for a `mica.quantize`. Empty if it has none.
std::string nameOf(mlir::Value value);

} // namespace mica

#endif // DIALECTS_MICA_MICA_H
