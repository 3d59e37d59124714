//===- MicaOps.td - Operations of the mica dialect ----------*- tablegen -*-===//

#ifndef DIALECTS_MICA_MICAOPS_TD
#define DIALECTS_MICA_MICAOPS_TD

include "dialects/Mica/MicaAttentionOps.td"
include "dialects/Mica/MicaCacheOps.td"
include "dialects/Mica/MicaExpertOps.td"
include "dialects/Mica/MicaLatentOps.td"
include "dialects/Mica/MicaModelOps.td"
include "dialects/Mica/MicaOpBase.td"
include "dialects/Mica/MicaRecurrentOps.td"
include "dialects/Mica/MicaTokenOps.td"

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

    The conversion to f32 is exact. With `row` it is that row of the table for
    all, whatever the ids.

    Constraints:
    - (C1) `table` has two dimensions.
    - (C2) `dim(result, 1) = columns(table)`.
    - (C3) `row` is a row of the table.

    Example:

    ```mlir
    %x = mica.embedding %ids, %table
         : tensor<?xi32>, !mica.weight<1000x64, f32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Mica_Indices:$ids, Mica_WeightType:$table,
                       OptionalAttr<I64Attr>:$row);
  let builders = [
    OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$ids,
                   "::mlir::Value":$table), [{
      build($_builder, $_state, result, ids, table, /*row=*/nullptr);
    }]>,
    OpBuilder<(ins "::mlir::Value":$ids, "::mlir::Value":$table), [{
      build($_builder, $_state, ids, table, /*row=*/nullptr);
    }]>];
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

def Mica_Pooling : I32EnumAttr<"Pooling", "what stands for a sequence", [
    I32EnumAttrCase<"mean", 0>, I32EnumAttrCase<"first", 1>,
    I32EnumAttrCase<"last", 2>]> {
  let cppNamespace = "::mica";
  let genSpecializedAttr = 0;
}
def Mica_PoolingAttr : EnumAttr<Mica_Dialect, Mica_Pooling, "pooling"> {
  let summary = "which of a sequence's rows stand for it";
  let assemblyFormat = "`<` $value `>`";
}

def Mica_PoolRowsOp : Mica_Op<"pool_rows", [Pure]> {
  let summary = "the rows of a sequence as one";
  let description = [{
    With rows [a, b) the rows of this step that belong to the sequence of row
    `out_row[r]`:

    ```
    mean:   result[r, i] = sum_m input[m, i] / (b - a)   m ascending, in f32
    first:  result[r, i] = input[a, i]
    last:   result[r, i] = input[b - 1, i]
    ```

    Constraints:
    - (C1) `dim(result, 1) = dim(input, 1)`.

    Example:

    ```mlir
    %y = mica.pool_rows %x, %batch {kind = #mica.pooling<mean>} : tensor<?x64xf32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input, Mica_BatchType:$batch,
                       Mica_PoolingAttr:$kind);
  let results = (outs Mica_F32Rows:$result);
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
    is 1 where a checkpoint stores w - 1. Without a weight the factor is 1, and d
    is `group` or the whole row. The mean is accumulated in f32.

    Constraints:
    - (C1) `type(result) = type(input)`.
    - (C2) `weight` has one dimension, which divides `dim(input, 1)`.
    - (C3) `eps > 0`.
    - (C4) `group` divides the size of `weight`, or without one `dim(input, 1)`.
    - (C5) without a weight `offset` is 0.

    Example:

    ```mlir
    %y = mica.rms_norm %x, %w {eps = 1.0e-5 : f32}
         : tensor<?x8xf32>, !mica.weight<8, f32>
    %z = mica.rms_norm %x {eps = 1.0e-5 : f32, group = 4 : i64} : tensor<?x8xf32>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input, Optional<Mica_WeightType>:$weight,
                       F32Attr:$eps, DefaultValuedAttr<F32Attr, "0.0f">:$offset,
                       OptionalAttr<I64Attr>:$group);
  let results = (outs Mica_F32Rows:$result);
  let assemblyFormat = [{
    $input (`,` $weight^)? attr-dict `:` type($input) (`,` type($weight)^)?
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

def Mica_PositionScaleOp : Mica_Op<"position_scale", [
    Pure, RowOp, AllTypesMatch<["input", "result"]> /* C1 */]> {
  let summary = "rows that grow with the logarithm of their position";
  let description = [{
    ```
    result[m, i] = input[m, i]
                 * (1 + scale * ln(1 + floor((position[m] + 1) / interval)))
    ```

    for the rows of the step. Queries scaled so keep the softmax of a long text
    as sharp as that of a short one (attention temperature).

    Constraints:
    - (C1) `type(result) = type(input)`.
    - (C2) `interval > 0`.

    Example:

    ```mlir
    %y = mica.position_scale %x, %batch {scale = 1.0e-1 : f32, interval = 8192 : i64}
         : tensor<?x8xf32>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input, Mica_BatchType:$batch,
                       F32Attr:$scale, I64Attr:$interval);
  let results = (outs Mica_F32Rows:$result);
  let assemblyFormat = "$input `,` $batch attr-dict `:` type($input)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Linear
//===----------------------------------------------------------------------===//

def Mica_LinearOp : Mica_Op<"linear", [
    Pure, InferTypeOpAdaptorWithIsCompatible, Mica_ProductOpInterface]> {
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
  let arguments = (ins Mica_AnyF32Rows:$input);
  let results = (outs Mica_AnyOperands:$result);
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
    A weight of three dimensions is packed part by part.

    Constraints:
    - (C1) the sources have one shape if `interleave > 0`, one column count and
      one number of parts always.
    - (C2) `rows(result)` is the sum of the sources' rows, columns and parts of
      the result are those of the sources.
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
    angle        = f32(positions[m]) * frequencies[i]       (rounded to f32)
    result[m, i] = scale * (cos(angle) + i sin(angle))
    ```

    All scalings of rotary embeddings (linear, NTK, YaRN, ...) are a choice of
    `frequencies` and `scale`. Error of the cosine and the sine: 1e-7.

    Constraints:
    - (C1) `shape(result) = [dim(positions, 0), size(frequencies)]`.

    Example:

    ```mlir
    %a = mica.rope_angles %p {frequencies = array<f32: 1.0, 0.1>}
         : tensor<?xi32> -> tensor<?x2xcomplex<f32>>
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
    r = dim(angles, 1) pairs from column `first` on, f for short; the other
    d - 2 r columns pass through:

    ```
    half:         pair i is (f + i, f + i + r)
    interleaved:  pair i is (f + 2 i, f + 2 i + 1)
    (a, b) -> (a cos_i - b sin_i, b cos_i + a sin_i)
    ```

    Constraints:
    - (C1) `type(result) = type(input)`.
    - (C2) `head` divides `dim(input, 1)`.
    - (C3) `first + 2 * dim(angles, 1) <= head`, all static; `first >= 0`.

    Example:

    ```mlir
    %y = mica.rope %x, %a {head = 8 : i64}
         : tensor<?x16xf32>, tensor<?x4xcomplex<f32>>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input, Mica_Angles:$angles, I64Attr:$head,
                       UnitAttr:$interleaved,
                       DefaultValuedAttr<I64Attr, "0">:$first);
  let results = (outs Mica_F32Rows:$result);
  let assemblyFormat = [{
    $input `,` $angles attr-dict `:` type($input) `,` type($angles)
  }];
  let hasVerifier = 1;
}

#endif // DIALECTS_MICA_MICAOPS_TD
