//===- MicaAttentionOps.td - Attention and its cache -------*- tablegen -*-===//

#ifndef DIALECTS_MICA_MICAATTENTIONOPS_TD
#define DIALECTS_MICA_MICAATTENTIONOPS_TD

include "dialects/Mica/MicaOpBase.td"

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
    AttrSizedOperandSegments, MemoryEffects<[MemRead]>, InferTypeOpAdaptorWithIsCompatible]> {
  let summary = "grouped-query attention over the cache";
  let description = [{
    For row m at index p of its sequence's cache, query head h of H, kv-head
    k = h / (H / heads):

    ```
    s[n]      = score(scale * sum_i input[m, h, i] * key[n, k, i]) - bias(h, n)
    total     = sum_n exp(s[n]) + sink(h)
    result[m, h, :] = sum_n exp(s[n]) / total * value[n, k, :]
    ```

    over the keys n that `mask` lets row m see. With `segments`, row m sees of
    the keys of this step those of rows m' with `segments[m', 0] =
    segments[m, 0]` alone, and all earlier ones. With `blocks`, it sees those with
    `floor(n / block)` among `blocks[m, :]` alone. `score(s)` is
    `softcap * tanh(s / softcap)` if `softcap > 0`, else s. `bias(h, n)` is
    `alibi[h] * |p - n|` with the slopes `alibi` (ALiBi, arXiv 2108.12409), or 0.
    `sink(h)` is `exp(sinks[h])`, a learned logit of each query head that takes
    part in the denominator only, or 0. A row that sees no key gives 0. The
    softmax is computed in f32; its weights are rounded to the cache's element
    type when they are multiplied in it.

    Constraints:
    - (C1) `heads` is a multiple of the cache's heads.
    - (C2) `dim(input, 1) = heads * key width`.
    - (C3) `dim(result, 1) = heads * value width`.
    - (C4) if the cache has a window, the mask has a window or a chunk of at most
      that, and no `sink`: such a cache does not keep a text's first tokens.
    - (C5) `shape(sinks) = [heads]`.
    - (C6) `alibi` has `heads` slopes.
    - (C7) `dim(segments, 1) = 1`.
    - (C8) `block > 0` if and only if there are `blocks`.

    Example:

    ```mlir
    %s = mica.attention %q, %kv1, %batch sinks(%sinks : !mica.weight<4, f32>) {heads = 4 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true, window = 64, sink = 4>}
         : tensor<?x32xf32>, !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> -> tensor<?x32xf32>
    %o = mica.attention %q, %kv1, %batch {heads = 4 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true, window = 0>}
         : tensor<?x32xf32>, !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> -> tensor<?x32xf32>
    ```
  }];
  let arguments = (ins Mica_Rows:$input, Mica_KVType:$kv,
                       Mica_BatchType:$batch, Optional<Mica_WeightType>:$sinks,
                       Optional<Mica_IndexRows>:$segments,
                       Optional<Mica_IndexRows>:$blocks,
                       I64Attr:$heads, F32Attr:$scale, Mica_MaskAttr:$mask,
                       DefaultValuedAttr<F32Attr, "0.0f">:$softcap,
                       OptionalAttr<DenseF32ArrayAttr>:$alibi,
                       DefaultValuedAttr<I64Attr, "0">:$block);
  let builders = [
    OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$input,
                   "::mlir::Value":$kv, "::mlir::Value":$batch,
                   "::mlir::IntegerAttr":$heads, "::mlir::FloatAttr":$scale,
                   "::mica::MaskAttr":$mask, "::mlir::FloatAttr":$softcap), [{
      build($_builder, $_state, result, input, kv, batch, /*sinks=*/nullptr,
            /*segments=*/nullptr, /*blocks=*/nullptr, heads, scale, mask,
            softcap, /*alibi=*/nullptr, $_builder.getI64IntegerAttr(0));
    }]>,
    OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$kv,
                   "::mlir::Value":$batch, "::mlir::IntegerAttr":$heads,
                   "::mlir::FloatAttr":$scale, "::mica::MaskAttr":$mask,
                   "::mlir::FloatAttr":$softcap), [{
      build($_builder, $_state, input, kv, batch, /*sinks=*/nullptr,
            /*segments=*/nullptr, /*blocks=*/nullptr, heads, scale, mask,
            softcap, /*alibi=*/nullptr, $_builder.getI64IntegerAttr(0));
    }]>];
  let results = (outs Mica_F32Rows:$result);
  let assemblyFormat = [{
    $input `,` $kv `,` $batch
    (`sinks` `(` $sinks^ `:` type($sinks) `)`)?
    (`segments` `(` $segments^ `:` type($segments) `)`)?
    (`blocks` `(` $blocks^ `:` type($blocks) `)`)? attr-dict
    `:` type($input) `,` type($kv) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Mica_AttentionStatisticsOp : Mica_Op<"attention_statistics", [
    MemoryEffects<[MemRead]>]> {
  let summary = "what an attention has seen: log-sum-exp and scores of keys";
  let description = [{
    With `s[n]` and the visible keys as in `mica.attention`, for row m of
    sequence q and query head h:

    ```
    log_sum[m, h] = ln(sum_n exp(s[n]))
    scores[q, n]  = sum over the rows m of q and all h of softmax(s)[n]
    ```

    Attentions over parts of a cache are joined by their `log_sum`; `scores` are
    what `mica.kv_evict` and `mica.select_tokens` choose by. `dim(scores, 1)` is
    the number of tokens that the cache has room for; behind a sequence's length
    are zeros.

    Constraints:
    - (C1) `heads` is a multiple of the cache's heads.
    - (C2) `dim(input, 1) = heads * key width`.
    - (C3) `dim(log_sum, 1) = heads`.

    Example:

    ```mlir
    %lse, %scores = mica.attention_statistics %q, %kv1, %batch {heads = 4 : i64, scale = 0.25 : f32, mask = #mica.mask<causal = true>} : tensor<?x32xf32>, !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0> -> tensor<?x4xf32>, tensor<?x?xf32>
    ```
  }];
  let arguments = (ins Mica_Rows:$input, Mica_KVType:$kv,
                       Mica_BatchType:$batch, I64Attr:$heads, F32Attr:$scale,
                       Mica_MaskAttr:$mask,
                       DefaultValuedAttr<F32Attr, "0.0f">:$softcap,
                       OptionalAttr<DenseF32ArrayAttr>:$alibi);
  let results = (outs Mica_F32Rows:$log_sum, TensorRankOf<[F32], [2]>:$scores);
  let assemblyFormat = [{
    $input `,` $kv `,` $batch attr-dict
    `:` type($input) `,` type($kv) `->` type($log_sum) `,` type($scores)
  }];
  let hasVerifier = 1;
}

def Mica_KVWriteOp : Mica_Op<"kv_write", [
    AllTypesMatch<["kv", "result"]>]> {
  let summary = "one half of `mica.kv_append`: the keys or the values";
  let description = [{
    Stores `rows` as the keys (`value` absent) or the values of the rows' places
    in the cache, rounded to its element type. With `first` they are the columns
    from there on of a cache's one head; the others stay.

    Constraints:
    - (C1) `dim(rows, 1)` is the cache's heads times its key or value width.
      With `first` the cache has one head, `first + dim(rows, 1)` is at most that
      width, and both are even.
    - (C2) as (C3) of `mica.kv_append`.
    - (C3) in a cache of integers, columns from `first` on are whole groups: of a
      key multiples of 32 or up to its end, of a value all.

    Example:

    ```mlir
    %kv1 = mica.kv_write %kv, %k, %batch
           : !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>, tensor<?x16xf32>
    %latent1 = mica.kv_write %latent, %r, %batch first 16
           : !mica.kv<heads = 1, key = 20, value = 16, element = f32, page = 16, window = 0>, tensor<?x4xf32>
    ```
  }];
  let arguments = (ins Mica_KVType:$kv, Mica_F32Rows:$rows,
                       Mica_BatchType:$batch, UnitAttr:$value,
                       OptionalAttr<I64Attr>:$first);
  let results = (outs Mica_KVType:$result);
  let assemblyFormat = [{
    $kv `,` $rows `,` $batch (`value` $value^)? (`first` $first^)? attr-dict `:` type($kv) `,` type($rows)
  }];
  let hasVerifier = 1;
}

#endif // DIALECTS_MICA_MICAATTENTIONOPS_TD
