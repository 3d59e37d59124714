//===- MicaLatentOps.td - Attention over a latent ----------*- tablegen -*-===//

#ifndef DIALECTS_MICA_MICALATENTOPS_TD
#define DIALECTS_MICA_MICALATENTOPS_TD

include "dialects/Mica/MicaOpBase.td"

def Mica_LatentAttentionOp : Mica_Op<"latent_attention", [
    MemoryEffects<[MemRead]>]> {
  let summary = "attention whose cache holds what keys and values are made of";
  let description = [{
    The cache has one head: of every token n the latent `c[n]`, `rank` wide, and
    behind it, as the rest of its key, a part `r[n]` that all heads share
    (rotated, `rope` wide). With `keys` of `[heads, rank, nope]` and `values` of
    `[heads, value, rank]`, for row m and head h:

    ```
    k[n, h, :] = (sum_j keys[h, j, i] * c[n, j] for i < nope, r[n])
    v[n, h, i] = sum_j values[h, i, j] * c[n, j]
    s[n]       = scale * sum_i input[m, h, i] * k[n, h, i]
    result[m, h, :] = sum_n exp(s[n]) / sum_n exp(s[n]) * v[n, h, :]
    ```

    over the keys n that `mask` lets row m see. The latent of a key is read as
    the cache's keys hold it, that of a value as its values do. A row that sees
    no key gives 0. This is the expanded form; `--mica-absorb-latent` makes the
    absorbed one of it, in which keys and values are never made.

    Source: multi-head latent attention, arXiv 2405.04434, section 2.1.

    Constraints:
    - (C1) `keys` and `values` have three dimensions, the first of one size,
      `heads`; the second of `keys` and the third of `values` are `rank`.
    - (C2) the cache has one head, values `rank` wide, keys as wide or wider.
    - (C3) `dim(input, 1) = heads * (nope + rope)`.
    - (C4) `dim(result, 1) = heads * value`.
    - (C5) mask and cache agree as (C4) of `mica.attention` says.

    Example:

    ```mlir
    %o = mica.latent_attention %q, %kv1, %uk, %uv, %batch {scale = 0.25 : f32, mask = #mica.mask<causal = true>}
         : tensor<?x48xf32>, !mica.kv<heads = 1, key = 20, value = 16, element = f32, page = 16, window = 0>, !mica.weight<4x16x8, bf16>, !mica.weight<4x6x16, bf16> -> tensor<?x24xf32>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input, Mica_KVType:$kv,
                       Mica_WeightType:$keys, Mica_WeightType:$values,
                       Mica_BatchType:$batch, F32Attr:$scale,
                       Mica_MaskAttr:$mask);
  let results = (outs Mica_F32Rows:$result);
  let assemblyFormat = [{
    $input `,` $kv `,` $keys `,` $values `,` $batch attr-dict
    `:` type($input) `,` type($kv) `,` type($keys) `,` type($values)
    `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getHeads() { return getKeys().getType().parts(); }
    /// Columns of a latent, and of what all heads share of a key.
    int64_t getRank() { return getKv().getType().getValue(); }
    /// Columns of a head's query that meet the latent.
    int64_t getNope() { return getKeys().getType().columns(); }
    int64_t getRope() { return getKv().getType().getKey() - getRank(); }
  }];
}

def Mica_HeadLinearOp : Mica_Op<"head_linear", [
    Pure, Mica_ProductOpInterface]> {
  let summary = "product of each head's columns with a weight of its own";
  let description = [{
    With the weight's parts as heads, `[heads, N, K]`, for row m and head h:

    ```
    result[m, h, n]     = sum_k input[m, h, k] * weight[h, n, k]
    result[m, h, N + i] = input[m, h, K + i]
    ```

    Columns of a head behind those that the weight has pass unchanged. Precision
    as for `mica.linear`; rows are floats, whatever the weight's format.

    Constraints:
    - (C1) `weight` has three dimensions.
    - (C2) `heads` divides `dim(input, 1)`, and a head has K columns or more.
    - (C3) `dim(result, 1) = dim(input, 1) + heads * (N - K)`.
    - (C4) `round_weights_from` as (C5) of `mica.linear`.

    Example:

    ```mlir
    %y = mica.head_linear %x, %w
         : tensor<?x48xf32>, !mica.weight<4x16x8, bf16> -> tensor<?x80xf32>
    ```
  }];
  let arguments = (ins Mica_Rows:$input, Mica_WeightType:$weight,
                       OptionalAttr<I64Attr>:$round_weights_from);
  let results = (outs Mica_F32Rows:$result);
  let assemblyFormat = [{
    $input `,` $weight attr-dict
    `:` type($input) `,` type($weight) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getHeads() { return getWeight().getType().parts(); }
    /// N and K.
    int64_t getOutputs() { return getWeight().getType().rows(); }
    int64_t getTerms() { return getWeight().getType().columns(); }
    /// Columns of a head of the input, of the result, and behind those that are
    /// multiplied.
    int64_t getInputStep();
    int64_t getOutputStep();
    int64_t getRest() { return getInputStep() - getTerms(); }
    ::mlir::TypedValue<WeightType> getBias() { return {}; }
  }];
}

#endif // DIALECTS_MICA_MICALATENTOPS_TD
