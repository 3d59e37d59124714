//===- MicaCacheOps.td - What is done to a cache -----------*- tablegen -*-===//
//
// N is the length of a sequence s in the cache. Ops that make a cache of one
// take the operand's last use (C3 of `mica.kv_append`).
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_MICA_MICACACHEOPS_TD
#define DIALECTS_MICA_MICACACHEOPS_TD

include "dialects/Mica/MicaOpBase.td"

/// A number for every sequence and token of a cache: [S, C].
def Mica_TokenScores : TensorRankOf<[F32], [2]>;
def Mica_TokenIndices : TensorRankOf<[I32], [2]>;

def Mica_KVViewOp : Mica_Op<"kv_view", [Pure]> {
  let summary = "some heads of a cache, to be read";
  let description = [{
    ```
    result[s, n, h, :] = kv[s, n, first + h, :]
    ```

    of keys and of values, as they are when the view is made.

    Constraints:
    - (C1) the result's heads from `first` on are heads of `kv`.
    - (C2) the types differ in `heads` alone.

    Example:

    ```mlir
    %view = mica.kv_view %kv {first = 2 : i64} : !mica.kv<heads = 4, key = 8, value = 8, element = f32, page = 16, window = 0> -> !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>
    ```
  }];
  let arguments = (ins Mica_KVType:$kv, I64Attr:$first);
  let results = (outs Mica_KVType:$result);
  let assemblyFormat = "$kv attr-dict `:` type($kv) `->` type($result)";
  let hasVerifier = 1;
}

def Mica_KVForkOp : Mica_Op<"kv_fork", [AllTypesMatch<["kv", "result"]>]> {
  let summary = "sequences that go on from others";
  let description = [{
    ```
    result[s]    = kv[from[s]]
    next.length[s] = batch.length[from[s]]
    ```

    for beams and for samples of one text. All else of `next` is as in `batch`.

    Constraints:
    - (C1) as (C3) of `mica.kv_append`.

    Example:

    ```mlir
    %kv1, %next = mica.kv_fork %kv, %from, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?xi32>
    ```
  }];
  let arguments = (ins Mica_KVType:$kv, Mica_Indices:$from,
                       Mica_BatchType:$batch);
  let results = (outs Mica_KVType:$result, Mica_BatchType:$next);
  let assemblyFormat = [{
    $kv `,` $from `,` $batch attr-dict `:` type($kv) `,` type($from)
  }];
  let hasVerifier = 1;
}

def Mica_KVEvictOp : Mica_Op<"kv_evict", [AllTypesMatch<["kv", "result"]>]> {
  let summary = "a cache of the tokens that matter";
  let description = [{
    Of the N tokens of a sequence `n = min(N, budget)` stay: the `recent` newest
    first, then those of the greatest `scores[s, i]`, of equal ones the earlier.
    The j-th that stays, in their order, moves to place j, and `next.length[s]`
    is n. A later attention of this step sees the step's own rows as the last
    ones, which stay if `recent` is no smaller than their number.

    Constraints:
    - (C1) `0 <= recent <= budget` and `budget > 0`.
    - (C2) as (C3) of `mica.kv_append`.
    - (C3) the cache has no window.

    Example:

    ```mlir
    %kv1, %next = mica.kv_evict %kv, %scores, %batch {budget = 64 : i64, recent = 16 : i64} : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?x?xf32>
    ```
  }];
  let arguments = (ins Mica_KVType:$kv, Mica_TokenScores:$scores,
                       Mica_BatchType:$batch, I64Attr:$budget, I64Attr:$recent);
  let results = (outs Mica_KVType:$result, Mica_BatchType:$next);
  let assemblyFormat = [{
    $kv `,` $scores `,` $batch attr-dict `:` type($kv) `,` type($scores)
  }];
  let hasVerifier = 1;
}

def Mica_KVMergeOp : Mica_Op<"kv_merge", [AllTypesMatch<["kv", "result"]>]> {
  let summary = "a cache whose tokens are means of tokens";
  let description = [{
    Token n stays if `into[s, n] = n`; another merges into token `into[s, n]`,
    if that stays, else it goes. The key of a token that stays becomes the mean
    of its own and those of all that merge into it, and so its value, rounded as
    `mica.kv_append` does. The j-th that stays moves to place j, and
    `next.length[s]` is how many stay.

    Constraints:
    - (C1) as (C3) of `mica.kv_append`.
    - (C2) the cache has no window.
    - (C3) the cache is of floats.

    Example:

    ```mlir
    %kv1, %next = mica.kv_merge %kv, %into, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?x?xi32>
    ```
  }];
  let arguments = (ins Mica_KVType:$kv, Mica_TokenIndices:$into,
                       Mica_BatchType:$batch);
  let results = (outs Mica_KVType:$result, Mica_BatchType:$next);
  let assemblyFormat = [{
    $kv `,` $into `,` $batch attr-dict `:` type($kv) `,` type($into)
  }];
  let hasVerifier = 1;
}

def Mica_KVQuantizeOp : Mica_Op<"kv_quantize", [Pure]> {
  let summary = "a cache in another element type";
  let description = [{
    Every token's key and value, rounded to the result's element type as
    `mica.kv_append` does.

    Constraints:
    - (C1) the types differ in `element` alone.

    Example:

    ```mlir
    %kv1 = mica.kv_quantize %kv, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> -> !mica.kv<heads = 2, key = 8, value = 8, element = i8, page = 16, window = 0>
    ```
  }];
  let arguments = (ins Mica_KVType:$kv, Mica_BatchType:$batch);
  let results = (outs Mica_KVType:$result);
  let assemblyFormat = [{
    $kv `,` $batch attr-dict `:` type($kv) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Mica_KVExportOp : Mica_Op<"kv_export", [Pure]> {
  let summary = "the keys and values of a cache as rows";
  let description = [{
    The tokens of sequence 0, then those of sequence 1 and so on, head behind
    head: of token n of sequence s, with `r = n + sum_{i < s} length[i]`,

    ```
    key[r, h * width + i]   = kv.key[s, n, h, i]
    value[r, h * width + i] = kv.value[s, n, h, i]
    ```

    Constraints:
    - (C1) `dim(key, 1) = heads * key width` and
      `dim(value, 1) = heads * value width` of the cache.
    - (C2) the cache has no window.

    Example:

    ```mlir
    %k, %v = mica.kv_export %kv, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> -> tensor<?x16xf32>, tensor<?x16xf32>
    ```
  }];
  let arguments = (ins Mica_KVType:$kv, Mica_BatchType:$batch);
  let results = (outs Mica_F32Rows:$key, Mica_F32Rows:$value);
  let assemblyFormat = [{
    $kv `,` $batch attr-dict `:` type($kv) `->` type($key) `,` type($value)
  }];
  let hasVerifier = 1;
}

def Mica_KVImportOp : Mica_Op<"kv_import", [AllTypesMatch<["kv", "result"]>]> {
  let summary = "rows as the keys and values of a cache";
  let description = [{
    The inverse of `mica.kv_export`: the rows are the tokens of the sequences,
    all `length[s]` of each, rounded as `mica.kv_append` does.

    Constraints:
    - (C1) `dim(key, 1) = heads * key width` and
      `dim(value, 1) = heads * value width` of the cache.
    - (C2) as (C3) of `mica.kv_append`.
    - (C3) the cache has no window.

    Example:

    ```mlir
    %kv1 = mica.kv_import %kv, %k, %v, %batch : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?x16xf32>, tensor<?x16xf32>
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

def Mica_RopeShiftOp : Mica_Op<"rope_shift", [AllTypesMatch<["kv", "result"]>]> {
  let summary = "cached keys at other positions";
  let description = [{
    Turns every cached key of sequence s as `mica.rope` would turn it by
    `shift[s]` positions more (of a negative number, fewer):

    ```
    (a, b) -> (a cos - b sin, b cos + a sin),  angle_i = shift[s] * frequencies[i]
    ```

    for the pairs of each head, `half` or `interleaved`; rounded as
    `mica.kv_append` does. So a text that was cached behind another, or from
    which tokens went, is read from its new place.

    Constraints:
    - (C1) `2 * size(frequencies)` is at most the key width.
    - (C2) as (C3) of `mica.kv_append`.
    - (C3) the cache is of floats, without a window.

    Example:

    ```mlir
    %kv1 = mica.rope_shift %kv, %shift, %batch {frequencies = array<f32: 1.0, 0.1>} : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?xi32>
    ```
  }];
  let arguments = (ins Mica_KVType:$kv, Mica_Indices:$shift,
                       Mica_BatchType:$batch, DenseF32ArrayAttr:$frequencies,
                       UnitAttr:$interleaved);
  let results = (outs Mica_KVType:$result);
  let assemblyFormat = [{
    $kv `,` $shift `,` $batch attr-dict `:` type($kv) `,` type($shift)
  }];
  let hasVerifier = 1;
}

#endif // DIALECTS_MICA_MICACACHEOPS_TD
