//===- MicaOps.td - Operations of the mica dialect ----------*- tablegen -*-===//

#ifndef DIALECTS_MICA_MICAOPS_TD
#define DIALECTS_MICA_MICAOPS_TD

include "dialects/Mica/MicaInterfaces.td"
include "dialects/Mica/MicaTypes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

/// Rows of the step, [T, D]: T may be dynamic, D is static.
class Mica_RowsOf<list<Type> elements, string names>
    : ConfinedType<TensorRankOf<elements, [2]>, [CPred<
        "!::llvm::cast<::mlir::RankedTensorType>($_self).isDynamicDim(1)">],
      "rows of " # names # " with a static number of columns">;
def Mica_Rows : Mica_RowsOf<[F32, BF16, F16], "f32, bf16 or f16">;
def Mica_F32Rows : Mica_RowsOf<[F32], "f32">;
/// Rows as a product takes them: floats, or i8 with `#tile.groups`.
def Mica_Operands : Mica_RowsOf<[F32, BF16, F16, I8], "f32, bf16, f16 or i8">;
/// One integer a row: [T].
def Mica_Indices : TensorRankOf<[I32], [1]>;
def Mica_Angles : TensorRankOf<[F32], [3]>;

// Result types follow from operands where they can (`InferTypeOpInterface`); a
// number of rows may be static in one place and dynamic in another.
defvar RowOp = DeclareOpInterfaceMethods<Mica_RowOpInterface>;

//===----------------------------------------------------------------------===//
// Tokens
//===----------------------------------------------------------------------===//

def Mica_TokensOp : Mica_Op<"tokens", [Pure, InferTypeOpAdaptorWithIsCompatible]> {
  let summary = "the token of every row";
  let description = [{
    `result[m]` is the vocabulary index of row m, below the vocabulary size
    (checked when the step is built).

    Example:

    ```mlir
    %ids = mica.tokens %batch : tensor<?xi32>
    ```
  }];
  let arguments = (ins Mica_BatchType:$batch);
  let results = (outs Mica_Indices:$result);
  let assemblyFormat = "$batch attr-dict `:` type($result)";
}

def Mica_PositionsOp : Mica_Op<"positions", [Pure, InferTypeOpAdaptorWithIsCompatible]> {
  let summary = "the position of every row";
  let description = [{
    `result[m]` is the position of row m in its text, counted from 0: what
    rotary and learned position embeddings use.

    Example:

    ```mlir
    %p = mica.positions %batch : tensor<?xi32>
    ```
  }];
  let arguments = (ins Mica_BatchType:$batch);
  let results = (outs Mica_Indices:$result);
  let assemblyFormat = "$batch attr-dict `:` type($result)";
}

def Mica_EmbeddingOp : Mica_Op<"embedding", [Pure, InferTypeOpAdaptorWithIsCompatible]> {
  let summary = "rows of a table, by index";
  let description = [{
    ```
    result[m, i] = f32(table[ids[m], i])
    ```

    The conversion to f32 is exact.

    Constraints:
    - (C1) `table` has two dimensions.
    - (C2) `dim(result, 1) = columns(table)`.

    Example:

    ```mlir
    %x = mica.embedding %ids, %table
         : tensor<?xi32>, !mica.weight<1000x64, f32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Mica_Indices:$ids, Mica_WeightType:$table);
  let results = (outs Mica_F32Rows:$result);
  let assemblyFormat = [{
    $ids `,` $table attr-dict `:` type($ids) `,` type($table) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Mica_OutputRowsOp : Mica_Op<"output_rows", [
    Pure, InferTypeOpAdaptorWithIsCompatible]> {
  let summary = "the rows whose logits are wanted";
  let description = [{
    ```
    result[r, i] = input[out_row[r], i]
    ```

    Constraints:
    - (C1) `dim(result, 1) = dim(input, 1)`.
    - (C2) `element_type(result) = element_type(input)`.

    Example:

    ```mlir
    %y = mica.output_rows %x, %batch : tensor<?x64xf32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Mica_Rows:$input, Mica_BatchType:$batch);
  let results = (outs Mica_Rows:$result);
  let assemblyFormat = [{
    $input `,` $batch attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Mica_PermuteColumnsOp : Mica_Op<"permute_columns", [
    Pure, AllTypesMatch<["input", "result"]> /* C1 */]> {
  let summary = "the columns of rows in another order";
  let description = [{
    ```
    result[m, j] = input[m, order[j]]
    ```

    A weight whose columns were sorted so that those of a group lie together
    (`desc_act` of GPTQ) is multiplied with rows in the same order. Every element
    of `order` is a column of `input`.

    Constraints:
    - (C1) `type(result) = type(input)`.
    - (C2) `order` has one dimension, of `dim(input, 1)` elements of i32.

    Example:

    ```mlir
    %y = mica.permute_columns %x, %order : tensor<?x64xf32>, !mica.weight<64, i32>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input, Mica_WeightType:$order);
  let results = (outs Mica_F32Rows:$result);
  let assemblyFormat = [{
    $input `,` $order attr-dict `:` type($input) `,` type($order)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

def Mica_RMSNormOp : Mica_Op<"rms_norm", [
    Pure, RowOp, AllTypesMatch<["input", "result"]> /* C1 */]> {
  let summary = "root-mean-square normalisation of groups of columns";
  let description = [{
    Scales each group of d columns, d the size of the weight or `group`, so that
    its root mean square is 1, then multiplies by the learned weight, which
    repeats along the row:

    ```
    result[m, g d + i] = input[m, g d + i]
                       * (weight[(g d + i) mod size(weight)] + offset)
                       / sqrt(mean_j(input[m, g d + j]^2) + eps)
    ```

    With d the whole row this is the usual norm, with d the head size the norm
    of queries and keys; `group` is for heads with weights of their own. `offset`
    is 1 where a checkpoint stores w - 1. The mean is accumulated in f32.

    Constraints:
    - (C1) `type(result) = type(input)`.
    - (C2) `weight` has one dimension, which divides `dim(input, 1)`.
    - (C3) `eps > 0`.
    - (C4) `group` divides the size of `weight`.

    Example:

    ```mlir
    %y = mica.rms_norm %x, %w {eps = 1.0e-5 : f32}
         : tensor<?x8xf32>, !mica.weight<8, f32>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input, Mica_WeightType:$weight,
                       F32Attr:$eps, DefaultValuedAttr<F32Attr, "0.0f">:$offset,
                       OptionalAttr<I64Attr>:$group);
  let results = (outs Mica_F32Rows:$result);
  let assemblyFormat = [{
    $input `,` $weight attr-dict `:` type($input) `,` type($weight)
  }];
  let hasVerifier = 1;
}

def Mica_AddRMSNormOp : Mica_Op<"add_rms_norm", [
    Pure, RowOp,
    AllTypesMatch<["input", "residual", "sum", "result"]> /* C1 */]> {
  let summary = "residual add fused with `mica.rms_norm`";
  let description = [{
    ```
    sum    = input + residual
    result = rms_norm(sum, weight)
    ```

    in one pass over memory. The sum is a result because the next residual
    reads it.

    Constraints:
    - (C1) `type(sum) = type(result) = type(input) = type(residual)`.
    - (C2)-(C3) as for `mica.rms_norm`.

    Example:

    ```mlir
    %sum, %y = mica.add_rms_norm %x, %r, %w {eps = 1.0e-5 : f32}
               : tensor<?x8xf32>, !mica.weight<8, f32>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input, Mica_F32Rows:$residual,
                       Mica_WeightType:$weight, F32Attr:$eps,
                       DefaultValuedAttr<F32Attr, "0.0f">:$offset);
  let results = (outs Mica_F32Rows:$sum, Mica_F32Rows:$result);
  let assemblyFormat = [{
    $input `,` $residual `,` $weight attr-dict
    `:` type($input) `,` type($weight)
  }];
  let hasVerifier = 1;
}

def Mica_LayerNormOp : Mica_Op<"layer_norm", [
    Pure, RowOp, AllTypesMatch<["input", "result"]> /* C1 */]> {
  let summary = "layer normalisation of groups of columns";
  let description = [{
    ```
    result[m, i] = (input[m, i] - mean) / sqrt(var + eps)
                 * weight[i mod size(weight)] + bias[i mod size(weight)]
    ```

    with the mean and the biased variance of the group of d columns that i is in,
    d the size of the weight or `group`, accumulated in f32, the variance from
    differences to the mean. `bias` may be absent.

    Constraints:
    - (C1) `type(result) = type(input)`.
    - (C2) `weight` has one dimension, which divides `dim(input, 1)`;
      `shape(bias) = shape(weight)`.
    - (C3) `eps > 0`.
    - (C4) `group` divides the size of `weight`.

    Example:

    ```mlir
    %y = mica.layer_norm %x, %w, %b {eps = 1.0e-5 : f32}
         : tensor<?x8xf32>, !mica.weight<8, f32>, !mica.weight<8, f32>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input, Mica_WeightType:$weight,
                       Optional<Mica_WeightType>:$bias, F32Attr:$eps,
                       OptionalAttr<I64Attr>:$group);
  let results = (outs Mica_F32Rows:$result);
  let assemblyFormat = [{
    $input `,` $weight (`,` $bias^)? attr-dict
    `:` type($input) `,` type($weight) (`,` type($bias)^)?
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Linear
//===----------------------------------------------------------------------===//

def Mica_LinearOp : Mica_Op<"linear", [Pure, InferTypeOpAdaptorWithIsCompatible]> {
  let summary = "product with a weight of any format";
  let description = [{
    ```
    result[m, n] = sum_k input[m, k] * weight[n, k] + bias[n]
    ```

    The sum is accumulated in f32, in an order over k that depends on the
    weight's shape alone, so a row's result does not depend on the other rows.
    Weights enter with the value that their format decodes to; in a step of
    `round_weights_from` rows or more, if that is given, rounded to the rows'
    type. The products of i8 rows are summed exactly where neither rows nor
    weight change their scale.

    Constraints:
    - (C1) `weight` has two dimensions and `columns(weight) = dim(input, 1)`.
    - (C2) `dim(result, 1) = rows(weight)`.
    - (C3) `shape(bias) = [rows(weight)]`.
    - (C4) rows of i8 are multiplied with a format with `blocks`.
    - (C5) `round_weights_from` is positive, the weight's format has `blocks`,
      and rows are of bf16.
    - (C6) the sums of rows of i8 are over no more columns than a group of the
      format has, and for no zero, or that of its codes, if it has no minima.

    Example:

    ```mlir
    %y = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
    ```
  }];
  let arguments = (ins Mica_Operands:$input, Mica_WeightType:$weight,
                       Optional<Mica_WeightType>:$bias,
                       OptionalAttr<I64Attr>:$round_weights_from);
  let builders = [
    OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$input,
                   "::mlir::Value":$weight, "::mlir::Value":$bias), [{
      build($_builder, $_state, result, input, weight, bias, nullptr);
    }]>,
    OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$weight,
                   "::mlir::Value":$bias), [{
      build($_builder, $_state, input, weight, bias, nullptr);
    }]>];
  let results = (outs Mica_F32Rows:$result);
  let assemblyFormat = [{
    $input `,` $weight (`,` $bias^)? attr-dict
    `:` type($input) `,` type($weight) (`,` type($bias)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def Mica_QuantizeOp : Mica_Op<"quantize", [Pure]> {
  let summary = "activations in the precision in which they are multiplied";
  let description = [{
    Rounds every element to the element type of the result, to nearest even; to
    i8 as `#tile.groups` says. Linear ops that share an input share its
    `quantize` (CSE).

    Constraints:
    - (C1) `shape(result) = shape(input)`.
    - (C2) a result of i8 has an encoding `#tile.groups`, whose size divides the
      columns; others have none.

    Example:

    ```mlir
    %q = mica.quantize %x : tensor<?x64xf32> -> tensor<?x64xbf16>
    %i = mica.quantize %x : tensor<?x64xf32> -> tensor<?x64xi8, #tile.groups<32>>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input);
  let results = (outs Mica_Operands:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Mica_PackOp : Mica_Op<"pack", [Pure]> {
  let summary = "weights in the format and layout that kernels read";
  let description = [{
    Decodes `sources`, converts each element to the result's element type
    (round to nearest even) and stores it in the result's layout. Integers of a
    block format, with their scales, are kept as they are. Runs while compiling,
    over the checkpoint as a stream.

    With several sources of N rows each, granules of `interleave` rows
    alternate: row g (s i) + s j + r of the result, s = `interleave`, g the
    number of sources, is row s i + r of source j; with `interleave = 0` the
    sources follow each other. `offset` is added to each element first, in f32.

    Constraints:
    - (C1) the sources have one shape if `interleave > 0`, one column count
      always.
    - (C2) `rows(result)` is the sum of the sources' rows, and
      `columns(result) = columns(sources)`.
    - (C3) the result is of a float type, or of the format or the integers that
      all sources have; `offset` is 0 then.
    - (C4) `interleave` divides the sources' rows.
    - (C5) there is at least one source.

    Example:

    ```mlir
    %p = mica.pack %g, %u {interleave = 16}
         : (!mica.weight<96x64, f16>, !mica.weight<96x64, f16>) -> !mica.weight<192x64, bf16, #mica.layout<panel = 16, group = 2, granule = 32, align = 16>>
    ```
  }];
  let arguments = (ins Variadic<Mica_WeightType>:$sources,
                       DefaultValuedAttr<I64Attr, "0">:$interleave,
                       DefaultValuedAttr<F32Attr, "0.0f">:$offset);
  let results = (outs Mica_WeightType:$result);
  let assemblyFormat = [{
    $sources attr-dict `:` functional-type($sources, $result)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

//===----------------------------------------------------------------------===//
// Position
//===----------------------------------------------------------------------===//

def Mica_RopeAnglesOp : Mica_Op<"rope_angles", [
    Pure, InferTypeOpAdaptorWithIsCompatible]> {
  let summary = "cosines and sines of rotary positions";
  let description = [{
    ```
    angle           = f32(positions[m]) * frequencies[i]       (rounded to f32)
    result[m, i, 0] = scale * cos(angle)
    result[m, i, 1] = scale * sin(angle)
    ```

    All scalings of rotary embeddings (linear, NTK, YaRN, ...) are a choice of
    `frequencies` and `scale`. Error of the cosine and the sine: 1e-7.

    Constraints:
    - (C1) `shape(result) = [dim(positions, 0), size(frequencies), 2]`.

    Example:

    ```mlir
    %a = mica.rope_angles %p {frequencies = array<f32: 1.0, 0.1>}
         : tensor<?xi32> -> tensor<?x2x2xf32>
    ```
  }];
  let arguments = (ins Mica_Indices:$positions, DenseF32ArrayAttr:$frequencies,
                       DefaultValuedAttr<F32Attr, "1.0f">:$scale);
  let results = (outs Mica_Angles:$result);
  let assemblyFormat = [{
    $positions attr-dict `:` type($positions) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Mica_RopeOp : Mica_Op<"rope", [
    Pure, DeclareOpInterfaceMethods<Mica_RowOpInterface, ["onlyReduces"]>,
    AllTypesMatch<["input", "result"]> /* C1 */]> {
  let summary = "rotary position embedding";
  let description = [{
    Rotates pairs of columns of each head of d columns by the row's angles,
    r = dim(angles, 1) pairs; the other d - 2 r columns pass through:

    ```
    half:         pair i is (i, i + r)
    interleaved:  pair i is (2 i, 2 i + 1)
    (a, b) -> (a cos_i - b sin_i, b cos_i + a sin_i)
    ```

    Constraints:
    - (C1) `type(result) = type(input)`.
    - (C2) `head` divides `dim(input, 1)`.
    - (C3) `2 * dim(angles, 1) <= head`, and both are static.

    Example:

    ```mlir
    %y = mica.rope %x, %a {head = 8 : i64}
         : tensor<?x16xf32>, tensor<?x4x2xf32>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input, Mica_Angles:$angles, I64Attr:$head,
                       UnitAttr:$interleaved);
  let results = (outs Mica_F32Rows:$result);
  let assemblyFormat = [{
    $input `,` $angles attr-dict `:` type($input) `,` type($angles)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Attention and cache
//===----------------------------------------------------------------------===//

def Mica_KVAppendOp : Mica_Op<"kv_append", [
    AllTypesMatch<["kv", "result"]>]> {
  let summary = "append a key and a value for every row";
  let description = [{
    Row m's key and value are stored, rounded to the cache's element type, at
    the next place of the cache of row m's sequence. The result is the cache
    after that; the operand may not be used again (C3).

    Constraints:
    - (C1) `dim(key, 1) = heads * key width` of the cache.
    - (C2) `dim(value, 1) = heads * value width` of the cache.
    - (C3) this is the last use of the operand: a cache has at most one use
      that appends, and every reader precedes it.

    Example:

    ```mlir
    %kv1 = mica.kv_append %kv, %k, %v, %batch
           : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?x16xf32>, tensor<?x16xf32>
    ```
  }];
  let arguments = (ins Mica_KVType:$kv, Mica_F32Rows:$key, Mica_F32Rows:$value,
                       Mica_BatchType:$batch);
  let results = (outs Mica_KVType:$result);
  let assemblyFormat = [{
    $kv `,` $key `,` $value `,` $batch attr-dict
    `:` type($kv) `,` type($key) `,` type($value)
  }];
  let hasVerifier = 1;
}

def Mica_AttentionOp : Mica_Op<"attention", [
    MemoryEffects<[MemRead]>, InferTypeOpAdaptorWithIsCompatible]> {
  let summary = "grouped-query attention over the cache";
  let description = [{
    For row m at index p of its sequence's cache, query head h of H, kv-head
    k = h / (H / heads):

    ```
    s[n]      = score(scale * sum_i input[m, h, i] * key[n, k, i])
    result[m, h, :] = sum_n softmax(s)[n] * value[n, k, :]
    ```

    over the keys n that `mask` lets row m see. `score(s)` is
    `softcap * tanh(s / softcap)` if `softcap > 0`, else s. The softmax is
    computed in f32; its weights are rounded to the cache's element type when
    they are multiplied in it.

    Constraints:
    - (C1) `heads` is a multiple of the cache's heads.
    - (C2) `dim(input, 1) = heads * key width`.
    - (C3) `dim(result, 1) = heads * value width`.
    - (C4) a window of the mask is at most the window of the cache, if the
      cache has one.

    Example:

    ```mlir
    %o = mica.attention %q, %kv1, %batch {heads = 4 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true, window = 0>}
         : tensor<?x32xf32>, !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> -> tensor<?x32xf32>
    ```
  }];
  let arguments = (ins Mica_Rows:$input, Mica_KVType:$kv,
                       Mica_BatchType:$batch, I64Attr:$heads, F32Attr:$scale,
                       Mica_MaskAttr:$mask,
                       DefaultValuedAttr<F32Attr, "0.0f">:$softcap);
  let results = (outs Mica_F32Rows:$result);
  let assemblyFormat = [{
    $input `,` $kv `,` $batch attr-dict
    `:` type($input) `,` type($kv) `->` type($result)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// The model: weights, stacks
//===----------------------------------------------------------------------===//

def Mica_WeightOp : Mica_Op<"weight", [
    Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a weight of the model, by symbol";
  let description = [{
    The only mention of a file. Before packing, `sources` say which tensors of
    the checkpoint hold the rows, in order. After packing, `pack` names the
    function that makes the packed bytes from the weights in `inputs`.

    Constraints:
    - (C1) the rows of `sources` add up to the rows of `type`.
    - (C2) `pack` is a function and every element of `inputs` a `mica.weight`.

    Example:

    ```mlir
    mica.weight @norm : !mica.weight<64, f32> from [#mica.source<file = 0, tensor = "output_norm.weight", first = 0, rows = 64, transposed = false, permuted = 0>]
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       TypeAttrOf<Mica_WeightType>:$type,
                       OptionalAttr<TypedArrayAttrBase<Mica_SourceAttr, "sources">>:$sources,
                       OptionalAttr<FlatSymbolRefAttr>:$pack,
                       OptionalAttr<FlatSymbolRefArrayAttr>:$inputs);
  let assemblyFormat = [{
    $sym_name `:` $type (`from` $sources^)? (`by` $pack^ `of` $inputs)? attr-dict
  }];
  let hasVerifier = 1;
}

def Mica_GetWeightOp : Mica_Op<"get_weight", [
    Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a weight by its symbol";
  let description = [{
    The value that the layers of a `mica.stack` receive as an argument, for a
    function that names its weights itself.

    Constraints:
    - (C1) `name` is a `mica.weight` of the result's type.

    Example:

    ```mlir
    %w = mica.get_weight @norm : !mica.weight<64, f32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$name);
  let results = (outs Mica_WeightType:$result);
  let assemblyFormat = "$name attr-dict `:` type($result)";
}

def Mica_StackOp : Mica_Op<"stack", [
    AttrSizedOperandSegments, DeclareOpInterfaceMethods<SymbolUserOpInterface>,
    AllTypesMatch<["input", "result"]>]> {
  let summary = "the layers of a model, in order";
  let description = [{
    Threads `input` through `layers`. A layer calls its function with the rows,
    its cache, the shared operands it names and its weights:

    ```
    x, kv[layer.kv] = function(x, kv[layer.kv], shared[layer.shared]..., weights...)
    ```

    Layers of one function are compiled once. The index of a layer among those
    of its cache is its place in the cache group.

    Constraints:
    - (C1) every layer's `function` is a function of that signature; without a
      cache (`kv = -1`) it neither takes nor returns one.
    - (C2) every weight is a `mica.weight`.
    - (C3) every `kv` is -1 or the index of a cache operand, every element of
      `shared` the index of a shared operand.
    - (C4) `type(kv_results) = type(kv)`.
    - (C5) a cache is used as (C3) of `mica.kv_append` says.

    Example:

    ```mlir
    %y, %kv1 = mica.stack %x, (%kv), (%batch)
        [#mica.layer<@layer, kv = 0, shared = [0], weights = [@w0]>,
         #mica.layer<@layer, kv = 0, shared = [0], weights = [@w1]>]
        : tensor<?x64xf32>, (!mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>), (!mica.batch) -> tensor<?x64xf32>, !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input, Variadic<Mica_KVType>:$kv,
                       Variadic<AnyType>:$shared,
                       TypedArrayAttrBase<Mica_LayerAttr, "layers">:$layers);
  let results = (outs Mica_F32Rows:$result, Variadic<Mica_KVType>:$kv_results);
  let assemblyFormat = [{
    $input `,` `(` $kv `)` `,` `(` $shared `)` $layers attr-dict
    `:` type($input) `,` custom<Types>(type($kv)) `,`
    custom<Types>(type($shared))
    `->` type(results)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Stage 1: groups
//===----------------------------------------------------------------------===//

def Mica_BufferAttr : Mica_Attr<"Buffer", "buffer"> {
  let summary = "where a value that leaves a group is kept";
  let description = [{
    The buffer begins at `offset` bytes times the units of `arena` (`row`: a row
    of the step; `out`: an output row) or at `offset` of the step's `logits`; a
    row takes `stride` elements.

    Constraints:
    - (C1) `arena` is not `worker`: no value between groups is a worker's own.
    - (C2) `offset >= 0` and `stride > 0`.

    Example:

    ```mlir
    #mica.buffer<arena = row, offset = 2560, stride = 656>
    ```
  }];
  let parameters = (ins "::mica::tile::Arena":$arena, "int64_t":$offset, "int64_t":$stride);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Mica_YieldOp : Mica_Op<"yield", [
    Pure, Terminator, ReturnLike, HasParent<"GroupOp">]> {
  let summary = "results of a group";
  let description = [{
    Example:

    ```mlir
    mica.yield %y : tensor<?x96xf32>
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ (void)$_state; }]>];
}

def Mica_GroupOp : Mica_Op<"group", [
    SingleBlock, RecursiveMemoryEffects]> {
  let summary = "ops that one kernel computes";
  let description = [{
    One contraction or attention with the row ops of its epilogue, or row ops
    alone. Groups of one `phase` run between the same two barriers. `buffers`
    has a place for every tensor result, null until planned.

    An epilogue sees `granule` columns of the contraction or attention at once,
    to which its weights are padded; `elastic` if its columns are independent,
    so that any multiple of 16 will do.

    Constraints:
    - (C1) the body holds at most one `mica.linear` or `mica.attention`.
    - (C2) `buffers`, if present, has one entry for each result.
    - (C3) the body ends with a `mica.yield` of the results' types.
    - (C4) `granule` is positive and, unless `elastic`, divides the columns of
      the contraction or attention, which the body holds.
    - (C5) `elastic` is said of a `granule`.

    Example:

    ```mlir
    %y = mica.group "linear" phase 3 granule 16 elastic {
      %0 = mica.linear %x, %w : tensor<?x64xf32>, !mica.weight<96x64, bf16> -> tensor<?x96xf32>
      mica.yield %0 : tensor<?x96xf32>
    } : tensor<?x96xf32>
    ```
  }];
  let arguments = (ins StrAttr:$kind, I64Attr:$phase,
                       OptionalAttr<I64Attr>:$granule, UnitAttr:$elastic,
                       OptionalAttr<ArrayAttr>:$buffers);
  let results = (outs Variadic<AnyType>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $kind `phase` $phase (`granule` $granule^)? (`elastic` $elastic^)?
    $body attr-dict (`:` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    YieldOp getYield();
    /// The contraction or attention; null if there is none.
    ::mlir::Operation *getAnchor();
  }];
}

def Mica_SplitOp : Mica_Op<"split", [Pure]> {
  let summary = "the interleaved parts of a packed product";
  let description = [{
    Undoes the interleaving of `mica.pack` on the columns of a product: granules
    of `interleave` columns alternate between the results.

    ```
    result_j[m, s i + r] = input[m, g (s i) + s j + r]    s = interleave, g = results
    ```

    Constraints:
    - (C1) `dim(input, 1)` is the sum of the results' columns, all equal.
    - (C2) `interleave` divides the results' columns.

    Example:

    ```mlir
    %g, %u = mica.split %gu {interleave = 16 : i64} : tensor<?x192xf32> -> tensor<?x96xf32>, tensor<?x96xf32>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input, I64Attr:$interleave);
  let results = (outs Variadic<Mica_F32Rows>:$results);
  let assemblyFormat = [{
    $input attr-dict `:` type($input) `->` type($results)
  }];
  let hasVerifier = 1;
}

def Mica_KVWriteOp : Mica_Op<"kv_write", [
    AllTypesMatch<["kv", "result"]>]> {
  let summary = "one half of `mica.kv_append`: the keys or the values";
  let description = [{
    Stores `rows` as the keys (`value` absent) or the values of the rows' places
    in the cache, rounded to its element type.

    Constraints:
    - (C1) `dim(rows, 1)` is the cache's heads times its key or value width.
    - (C2) as (C3) of `mica.kv_append`.

    Example:

    ```mlir
    %kv1 = mica.kv_write %kv, %k, %batch
           : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?x16xf32>
    ```
  }];
  let arguments = (ins Mica_KVType:$kv, Mica_F32Rows:$rows,
                       Mica_BatchType:$batch, UnitAttr:$value);
  let results = (outs Mica_KVType:$result);
  let assemblyFormat = [{
    $kv `,` $rows `,` $batch (`value` $value^)? attr-dict `:` type($kv) `,` type($rows)
  }];
  let hasVerifier = 1;
}

#endif // DIALECTS_MICA_MICAOPS_TD
