//===- MicaOpBase.td - What definitions of mica ops share ---*- tablegen -*-===//

#ifndef DIALECTS_MICA_MICAOPBASE_TD
#define DIALECTS_MICA_MICAOPBASE_TD

include "dialects/Mica/MicaInterfaces.td"
include "dialects/Mica/MicaTypes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

/// Rows of the step, [T, D], or of the choices of each row (MicaExpertOps.td),
/// [T, choices, D]: T may be dynamic, the others are static.
class Mica_RowsOf<list<Type> elements, string names, list<int> ranks = [2]>
    : ConfinedType<TensorRankOf<elements, ranks>, [CPred<
        "!::llvm::is_contained(::llvm::cast<::mlir::RankedTensorType>($_self)"
        ".getShape().drop_front(), ::mlir::ShapedType::kDynamic)">],
      "rows of " # names # " with a static number of columns">;
def Mica_Rows : Mica_RowsOf<[F32, BF16, F16], "f32, bf16 or f16">;
def Mica_F32Rows : Mica_RowsOf<[F32], "f32">;
/// Rows as a product takes them: floats, or i8 with `#tile.groups`.
def Mica_Operands : Mica_RowsOf<[F32, BF16, F16, I8], "f32, bf16, f16 or i8">;
/// Integers in rows, [T, k]: k is static.
def Mica_IndexRows : Mica_RowsOf<[I32], "i32">;
/// Rows of choices; rows of the step or of choices.
def Mica_ChosenF32Rows : Mica_RowsOf<[F32], "choices in f32", [3]>;
def Mica_ChosenOperands : Mica_RowsOf<[F32, BF16, F16, I8],
                                      "choices in f32, bf16, f16 or i8", [3]>;
def Mica_AnyF32Rows : Mica_RowsOf<[F32], "f32", [2, 3]>;
def Mica_AnyOperands : Mica_RowsOf<[F32, BF16, F16, I8],
                                   "f32, bf16, f16 or i8", [2, 3]>;
/// One integer a row: [T].
def Mica_Indices : TensorRankOf<[I32], [1]>;
/// A rotation for every row and pair of columns, cos + i sin: [T, pairs].
def Mica_Angles : TensorRankOf<[Complex<F32>], [2]>;
/// What a layer keeps of sequences, a linear resource: a cache or a state.
def Mica_Kept : AnyTypeOf<[Mica_KVType, Mica_StateType], "a cache or a state">;

// Result types follow from operands where they can (`InferTypeOpInterface`); a
// number of rows may be static in one place and dynamic in another.
defvar RowOp = DeclareOpInterfaceMethods<Mica_RowOpInterface>;

#endif // DIALECTS_MICA_MICAOPBASE_TD
