//===- MicaRecurrentOps.td - Layers that keep a state ------*- tablegen -*-===//

#ifndef DIALECTS_MICA_MICARECURRENTOPS_TD
#define DIALECTS_MICA_MICARECURRENTOPS_TD

include "dialects/Mica/MicaOpBase.td"

// An op takes the state of every sequence of the step, goes over the rows of
// each in order and gives the state after them. Before the first row of a
// sequence its state is zero, whatever was in memory.
class Mica_StateOp<string mnemonic, list<Trait> traits>
    : Mica_Op<mnemonic, [AllTypesMatch<["state", "next"]> /* C1 */] # traits>;

def Mica_ShortConvOp : Mica_StateOp<"short_conv", [
    AllTypesMatch<["input", "result"]> /* C1 */]> {
  let summary = "causal depthwise convolution over the rows of a sequence";
  let description = [{
    Each column is convolved on its own with `taps` weights, the last for the row
    itself. With x[p] the row at index p of a sequence, zero for p < 0:

    ```
    result[p, c] = sum_j x[p - (taps - 1) + j, c] * weight[j, c] + bias[c]
    state        = the newest taps - 1 rows x, oldest first
    ```

    The sum is taken in f32, in the order of j, beginning with the bias.
    Activations and gates are ops of their own.

    Constraints:
    - (C1) `type(next) = type(state)`, `type(result) = type(input)`.
    - (C2) `shape(weight) = [taps, dim(input, 1)]`, taps > 1.
    - (C3) `shape(bias) = [dim(input, 1)]`.
    - (C4) `shape(state) = [taps - 1, dim(input, 1)]`.
    - (C5) this is the last use of the state, as (C3) of `mica.kv_append`.

    Example:

    ```mlir
    %y, %s1 = mica.short_conv %x, %w, %s, %batch : tensor<?x64xf32>, !mica.weight<3x64, f32>, !mica.state<2x64, f32>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input, Mica_WeightType:$weight,
                       Mica_StateType:$state, Mica_BatchType:$batch,
                       Optional<Mica_WeightType>:$bias);
  let results = (outs Mica_F32Rows:$result, Mica_StateType:$next);
  let assemblyFormat = [{
    $input `,` $weight `,` $state `,` $batch (`bias` $bias^)? attr-dict
    `:` type($input) `,` type($weight) `,` type($state)
    (`,` type($bias)^)?
  }];
  let hasVerifier = 1;
}

def Mica_SSMScanOp : Mica_StateOp<"ssm_scan", [
    AllTypesMatch<["input", "result"]> /* C1 */,
    AllTypesMatch<["key", "query"]> /* C4 */]> {
  let summary = "a selective state space, one decay a head (arXiv 2405.21060)";
  let description = [{
    H heads of P columns of `input`, each with a state of N by P; `key` and
    `query` have G groups of N columns, and head h takes group g = h / (H / G).
    For each row m of a sequence, in order:

    ```
    dt        = softplus(time[m, h] + time_bias[h])
    S_h       = exp(-dt * exp(a_log[h])) * S_h
              + dt * key[m, g, :] (x) input[m, h, :]
    result[m, h, :] = S_h^T query[m, g, :] + skip[h] * input[m, h, :]
    ```

    with dt held between `least` and, if given, `most`. With `rates` the weight
    `a_log` holds -exp(a_log) itself, as GGUF files do. (Published names: `key` is B, `query`
    is C, `skip` is D.) All of it is computed in f32.

    Constraints:
    - (C1) `type(next) = type(state)`, `type(result) = type(input)`.
    - (C2) `shape(state) = [H, N, P]` and `dim(input, 1) = H * P`.
    - (C3) `dim(time, 1) = H`; `time_bias`, `a_log` and `skip` have H elements.
    - (C4) `dim(key, 1) = dim(query, 1) = G * N`, where G divides H.
    - (C5) this is the last use of the state, as (C3) of `mica.kv_append`.
    - (C6) `0 <= least`, and `least <= most` if there is one.

    Example:

    ```mlir
    %y, %s1 = mica.ssm_scan %x, %dt, %k, %q, %bias, %a, %d, %s, %batch : tensor<?x32xf32>, tensor<?x4xf32>, tensor<?x16xf32>, !mica.weight<4, f32>, !mica.weight<4, f32>, !mica.weight<4, f32>, !mica.state<4x16x8, f32>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input, Mica_F32Rows:$time,
      Mica_F32Rows:$key, Mica_F32Rows:$query, Mica_WeightType:$time_bias,
      Mica_WeightType:$a_log, Mica_WeightType:$skip, Mica_StateType:$state,
      Mica_BatchType:$batch, DefaultValuedAttr<F32Attr, "0.0f">:$least,
      OptionalAttr<F32Attr>:$most, UnitAttr:$rates);
  let results = (outs Mica_F32Rows:$result, Mica_StateType:$next);
  let assemblyFormat = [{
    $input `,` $time `,` $key `,` $query `,` $time_bias `,` $a_log `,` $skip `,`
    $state `,` $batch attr-dict `:` type($input) `,` type($time) `,` type($key)
    `,` type($time_bias) `,` type($a_log) `,` type($skip) `,` type($state)
  }];
  let hasVerifier = 1;
}

def Mica_GatedDeltaOp : Mica_StateOp<"gated_delta", [
    AllTypesMatch<["value", "result"]> /* C1 */,
    AllTypesMatch<["key", "query"]> /* C3 */]> {
  let summary = "the gated delta rule, with a decay per head or per key column";
  let description = [{
    H heads of Dv columns of `value`, each with a state of Dk by Dv; `query` and
    `key` have K heads of Dk columns, and head h takes k-head k = h / (H / K). For
    each row m of a sequence, in order:

    ```
    S_h   = diag(exp(decay[m, h, :])) S_h
    u     = value[m, h, :] - S_h^T key[m, k, :]
    S_h   = S_h + beta[m, h] * key[m, k, :] (x) u
    result[m, h, :] = S_h^T query[m, k, :]
    ```

    `decay` has one column a head (Gated DeltaNet), or Dk (Kimi delta attention).
    Norms and scales of queries and keys are ops of their own. All of it is
    computed in f32.

    Constraints:
    - (C1) `type(next) = type(state)`, `type(result) = type(value)`.
    - (C2) `shape(state) = [H, Dk, Dv]` and `dim(value, 1) = H * Dv`.
    - (C3) `dim(key, 1) = dim(query, 1) = K * Dk`, where K divides H.
    - (C4) `dim(beta, 1) = H`; `dim(decay, 1)` is H or H * Dk.
    - (C5) this is the last use of the state, as (C3) of `mica.kv_append`.

    Example:

    ```mlir
    %y, %s1 = mica.gated_delta %q, %k, %v, %g, %beta, %s, %batch : tensor<?x16xf32>, tensor<?x32xf32>, tensor<?x4xf32>, tensor<?x4xf32>, !mica.state<4x8x8, f32>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$query, Mica_F32Rows:$key,
      Mica_F32Rows:$value, Mica_F32Rows:$decay, Mica_F32Rows:$beta,
      Mica_StateType:$state, Mica_BatchType:$batch);
  let results = (outs Mica_F32Rows:$result, Mica_StateType:$next);
  let assemblyFormat = [{
    $query `,` $key `,` $value `,` $decay `,` $beta `,` $state `,` $batch
    attr-dict `:` type($key) `,` type($value) `,` type($decay) `,`
    type($beta) `,` type($state)
  }];
  let hasVerifier = 1;
}

#endif // DIALECTS_MICA_MICARECURRENTOPS_TD
