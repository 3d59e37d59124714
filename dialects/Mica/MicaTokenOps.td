//===- MicaTokenOps.td - Rows chosen, merged, looked up ----*- tablegen -*-===//

#ifndef DIALECTS_MICA_MICATOKENOPS_TD
#define DIALECTS_MICA_MICATOKENOPS_TD

include "dialects/Mica/MicaOpBase.td"

def Mica_LogitsMaskOp : Mica_Op<"logits_mask", [
    Pure, AllTypesMatch<["input", "result"]> /* C1 */]> {
  let summary = "logits of tokens that may follow";
  let description = [{
    ```
    result[m, v] = input[m, v] if allowed(m, v), else -infinity
    ```

    With a `mask` of rows, `allowed(m, v)` is bit `v mod 32` of
    `mask[m, v / 32]`: what a grammar or a schema admits, row by row. With a
    weight it is `mask[v] != 0`: a list that holds for all rows.

    Constraints:
    - (C1) `type(result) = type(input)`.
    - (C2) a mask of rows has `ceil(dim(input, 1) / 32)` columns.
    - (C3) a weight is a vector of `dim(input, 1)` elements of i32.

    Example:

    ```mlir
    %y = mica.logits_mask %x, %words : tensor<?x97xf32>, tensor<?x4xi32>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input,
                       AnyTypeOf<[Mica_IndexRows, Mica_WeightType]>:$mask);
  let results = (outs Mica_F32Rows:$result);
  let assemblyFormat = [{
    $input `,` $mask attr-dict `:` type($input) `,` type($mask)
  }];
  let hasVerifier = 1;
}

def Mica_TopKOp : Mica_Op<"topk", [Pure]> {
  let summary = "the greatest elements of each row";
  let description = [{
    `values[m, j]` is the j-th greatest element of row m, `indices[m, j]` its
    column; of equal elements the one in the lower column comes first. NaN counts
    as no element; what is missing is -infinity, at column -1.

    Constraints:
    - (C1) `dim(values, 1) = dim(indices, 1)`, at most `dim(input, 1)`.

    Example:

    ```mlir
    %v, %i = mica.topk %x : tensor<?x97xf32> -> tensor<?x5xf32>, tensor<?x5xi32>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input);
  let results = (outs Mica_F32Rows:$values, Mica_IndexRows:$indices);
  let assemblyFormat = [{
    $input attr-dict `:` type($input) `->` type($values) `,` type($indices)
  }];
  let hasVerifier = 1;
}

def Mica_SkipOp : Mica_Op<"skip", [
    Pure, AllTypesMatch<["input", "computed", "result"]> /* C1 */]> {
  let summary = "rows that pass a layer by";
  let description = [{
    ```
    result[m, :] = computed[m, :] if score[m, 0] > threshold, else input[m, :]
    ```

    Early exit and the routing of tokens past layers (mixture of depths): rows
    whose score is low keep what they were, and what makes `computed` need not
    run for them.

    Constraints:
    - (C1) `type(result) = type(input) = type(computed)`.
    - (C2) `dim(score, 1) = 1`.

    Example:

    ```mlir
    %z = mica.skip %x, %y, %score {threshold = 0.5 : f32} : tensor<?x64xf32>, tensor<?x1xf32>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input, Mica_F32Rows:$computed,
                       Mica_F32Rows:$score, F32Attr:$threshold);
  let results = (outs Mica_F32Rows:$result);
  let assemblyFormat = [{
    $input `,` $computed `,` $score attr-dict `:` type($input) `,` type($score)
  }];
  let hasVerifier = 1;
}

def Mica_NgramEmbeddingOp : Mica_Op<"ngram_embedding", [Pure]> {
  let summary = "rows of a table, by a hash of the last tokens";
  let description = [{
    ```
    hash(m)      = sum_{i < n} (token[m - i] + 1) * multiplier^i    (mod 2^32)
    result[m, :] = f32(table[hash(m) mod rows(table), :])
    ```

    over the rows of m's sequence in the step: a summand whose row would lie
    before the first of them is 0. A text whose steps do not begin n - 1 tokens
    early is so given whole.

    Constraints:
    - (C1) `table` has two dimensions.
    - (C2) `dim(result, 1) = columns(table)`.
    - (C3) `n > 0`, and `multiplier` is odd and below 2^31.

    Example:

    ```mlir
    %e = mica.ngram_embedding %batch, %table {n = 3 : i64, multiplier = 31 : i64} : !mica.weight<1000x64, f32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Mica_BatchType:$batch, Mica_WeightType:$table,
                       I64Attr:$n, I64Attr:$multiplier);
  let results = (outs Mica_F32Rows:$result);
  let assemblyFormat = [{
    $batch `,` $table attr-dict `:` type($table) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Mica_SelectTokensOp : Mica_Op<"select_tokens", [Pure]> {
  let summary = "the rows that matter, and their batch";
  let description = [{
    Of the N rows of a sequence in the step,
    `n = min(N, max(least, ceil(keep * N)))` stay, all output rows in any case:
    output rows come first, then the greatest `scores[m, 0]`, of equal ones the
    earlier. They stay in their order; `kept[j]` is the row that row j was:

    ```
    result[j, :] = input[kept[j], :]
    ```

    `next` is the batch of these rows: their tokens and positions, their rows
    within sequences, the same output rows, and of each sequence the length less
    the rows that went, which is that of a cache to which only such batches were
    appended.

    Constraints:
    - (C1) `dim(result, 1) = dim(input, 1)`.
    - (C2) `dim(scores, 1) = 1`.
    - (C3) `0 < keep <= 1` and `least >= 0`.

    Example:

    ```mlir
    %y, %kept, %next = mica.select_tokens %x, %scores, %batch {keep = 0.5 : f64, least = 1 : i64} : tensor<?x64xf32>, tensor<?x1xf32> -> tensor<?x64xf32>, tensor<?xi32>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input, Mica_F32Rows:$scores,
                       Mica_BatchType:$batch, F64Attr:$keep, I64Attr:$least);
  let results = (outs Mica_F32Rows:$result, Mica_Indices:$kept,
                      Mica_BatchType:$next);
  let assemblyFormat = [{
    $input `,` $scores `,` $batch attr-dict `:` type($input) `,` type($scores)
    `->` type($result) `,` type($kept)
  }];
  let hasVerifier = 1;
}

def Mica_ScatterTokensOp : Mica_Op<"scatter_tokens", [
    Pure, AllTypesMatch<["into", "result"]> /* C1 */]> {
  let summary = "rows back to the places that they were selected from";
  let description = [{
    ```
    result[m, :] = rows[j, :] if kept[j] = m for some j, else into[m, :]
    ```

    Constraints:
    - (C1) `type(result) = type(into)`.
    - (C2) `dim(rows, 1) = dim(into, 1)`.

    Example:

    ```mlir
    %z = mica.scatter_tokens %y, %kept into %x : tensor<?x64xf32>, tensor<?xi32>, tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$rows, Mica_Indices:$kept,
                       Mica_F32Rows:$into);
  let results = (outs Mica_F32Rows:$result);
  let assemblyFormat = [{
    $rows `,` $kept `into` $into attr-dict
    `:` type($rows) `,` type($kept) `,` type($into)
  }];
  let hasVerifier = 1;
}

def Mica_MergeTokensOp : Mica_Op<"merge_tokens", [Pure]> {
  let summary = "rows as means of rows that are alike, and their batch";
  let description = [{
    Row m stays if `into[m, 0] = m` or it is an output row; another merges into
    row `into[m, 0]`, if that stays, else it goes. `kept[j]` is the row that row
    j was:

    ```
    result[j, :] = mean of input[m, :] over m = kept[j] and all m that merge into it
    ```

    `next` is the batch of the rows that stay, as for `mica.select_tokens`.

    Constraints:
    - (C1) `dim(result, 1) = dim(input, 1)`.
    - (C2) `dim(into, 1) = 1`.

    Example:

    ```mlir
    %y, %kept, %next = mica.merge_tokens %x, %into, %batch : tensor<?x64xf32>, tensor<?x1xi32> -> tensor<?x64xf32>, tensor<?xi32>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input, Mica_IndexRows:$into,
                       Mica_BatchType:$batch);
  let results = (outs Mica_F32Rows:$result, Mica_Indices:$kept,
                      Mica_BatchType:$next);
  let assemblyFormat = [{
    $input `,` $into `,` $batch attr-dict `:` type($input) `,` type($into)
    `->` type($result) `,` type($kept)
  }];
  let hasVerifier = 1;
}

#endif // DIALECTS_MICA_MICATOKENOPS_TD
