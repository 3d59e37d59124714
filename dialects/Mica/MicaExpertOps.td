//===- MicaExpertOps.td - Experts: route, dispatch, products, combine -*- tablegen -*-===//
//
// A layer of experts computes for every row T of the step `choices` of them.
// What belongs to a row's choices has a dimension of its own, [T, choices,
// columns]; in memory such rows lie in the order of their experts
// (`mica.sort_choices`), so that each expert's weights meet a run of rows.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_MICA_MICAEXPERTOPS_TD
#define DIALECTS_MICA_MICAEXPERTOPS_TD

include "dialects/Mica/MicaOpBase.td"

/// One integer for each choice of a row: [T, choices].
def Mica_Choices : TensorRankOf<[I32], [2]>;

def Mica_Scores : I32EnumAttr<"RouterScores", "scores of a router", [
    I32EnumAttrCase<"softmax", 0>, I32EnumAttrCase<"sigmoid", 1>]> {
  let cppNamespace = "::mica";
  let genSpecializedAttr = 0;
}
def Mica_ScoresAttr : EnumAttr<Mica_Dialect, Mica_Scores, "scores"> {
  let summary = "what a router makes of its logits";
  let assemblyFormat = "`<` $value `>`";
}

def Mica_RouteOp : Mica_Op<"route", [Pure]> {
  let summary = "the experts of every row and their weights";
  let description = [{
    With E the columns of `logits` and s the `scores` (softmax or sigmoid) of a
    row, c = s + `bias`, which counts for the choice alone:

    ```
    experts[m, :] = the `choices` indices e of the greatest c[m, e], greatest
                    first, of equal ones the lower index first
    weights[m, j] = scale * s[m, experts[m, j]]   (/ their sum + 1e-20, if
                    `normalize`)
    ```

    With `groups` > 1 the experts lie in that many groups of equal size, and only
    those of `top_groups` groups may be chosen: the ones with the greatest sums
    of their `group_sum` greatest c (1 or 2; of equal sums the lower group).

    Sources: Shazeer et al. 2017 (softmax of top-k); arXiv 2405.04434 (groups) and
    2412.19437 (sigmoid, bias).

    Constraints:
    - (C1) `shape(weights) = shape(experts) = [dim(logits, 0), choices]`.
    - (C2) `1 <= choices <= E`.
    - (C3) `groups` divides E, and `1 <= top_groups <= groups`.
    - (C4) the chosen groups hold `choices` experts or more.
    - (C5) `group_sum` is 1 or 2, and at most the experts of a group.
    - (C6) `bias` has one dimension of E elements.

    Example:

    ```mlir
    %w, %e = mica.route %x {scores = #mica.scores<softmax>, normalize}
           : tensor<?x64xf32> -> tensor<?x8xf32>, tensor<?x8xi32>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$logits, Optional<Mica_WeightType>:$bias,
                       Mica_ScoresAttr:$scores, UnitAttr:$normalize,
                       DefaultValuedAttr<F32Attr, "1.0f">:$scale,
                       DefaultValuedAttr<I64Attr, "1">:$groups,
                       DefaultValuedAttr<I64Attr, "1">:$top_groups,
                       DefaultValuedAttr<I64Attr, "1">:$group_sum);
  let results = (outs Mica_F32Rows:$weights, Mica_Choices:$experts);
  let assemblyFormat = [{
    $logits (`,` $bias^)? attr-dict
    `:` type($logits) (`,` type($bias)^)? `->` type($weights) `,` type($experts)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getChoices() { return getExperts().getType().getDimSize(1); }
  }];
}

def Mica_SortChoicesOp : Mica_Op<"sort_choices", [Pure]> {
  let summary = "the order in which rows of choices lie in memory";
  let description = [{
    The choices (m, j) of a step of T rows, numbered m * choices + j, in the order
    of their experts, those of one expert in the order of their numbers:

    ```
    place[m, j]       where choice (m, j) lies
    source[...]       flat: the number of the choice that lies at each place
    parts[...]        flat, pairs: (A, 0), then for each of the A experts that
                      some row chose, ascending, (expert, its first place), then
                      (0, T * choices)
    ```

    Made by `--mica-sort-choices`.

    Constraints:
    - (C1) `type(place) = type(source) = type(experts)`.
    - (C2) `parts` has `2 * choices + 4` columns.
    - (C3) `count` is positive; every element of `experts` is below it.

    Example:

    ```mlir
    %place, %source, %parts = mica.sort_choices %e {count = 64 : i64}
        : tensor<?x8xi32> -> tensor<?x8xi32>, tensor<?x8xi32>, tensor<?x20xi32>
    ```
  }];
  let arguments = (ins Mica_Choices:$experts, I64Attr:$count);
  let results = (outs Mica_Choices:$place, Mica_Choices:$source,
                      Mica_Choices:$parts);
  let assemblyFormat = [{
    $experts attr-dict `:` type($experts) `->` type($place) `,` type($source)
    `,` type($parts)
  }];
  let hasVerifier = 1;
}

def Mica_DispatchOp : Mica_Op<"dispatch", [Pure]> {
  let summary = "every row once for each of its choices";
  let description = [{
    ```
    result[m, j, i] = input[m, i]
    ```

    `source` (of `mica.sort_choices`) says where the rows lie.

    Constraints:
    - (C1) `shape(result) = [dim(input, 0), dim(source, 1), dim(input, 1)]`.
    - (C2) element type and encoding of `result` are those of `input`.

    Example:

    ```mlir
    %y = mica.dispatch %x, %s : tensor<?x64xbf16>, tensor<?x8xi32> -> tensor<?x8x64xbf16>
    ```
  }];
  let arguments = (ins Mica_Operands:$input, Mica_Choices:$source);
  let results = (outs Mica_ChosenOperands:$result);
  let assemblyFormat = [{
    $input `,` $source attr-dict
    `:` type($input) `,` type($source) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Mica_GroupedLinearOp : Mica_Op<"grouped_linear", [
    Pure, AttrSizedOperandSegments, Mica_ProductOpInterface]> {
  let summary = "product of rows with the weights of the experts that they chose";
  let description = [{
    ```
    result[m, j, n] = sum_k input[m, k] * weight[e, n, k] + bias[e, n]
                      with e = experts[m, j]; input[m, j, k] if it has choices
    ```

    Only weights of experts that some row chose are read. Precision as for
    `mica.linear`; `round_weights_from` counts the rows that chose an expert.
    `source` and `parts` are those of `mica.sort_choices`.

    Constraints:
    - (C1) `weight` has three dimensions, [experts, N, K], and
      `dim(input, last) = K`.
    - (C2) `shape(result) = [dim(input, 0), dim(experts, 1), N]`.
    - (C3) an `input` of three dimensions has `dim(experts, 1)` choices.
    - (C4) `shape(bias) = [experts, N]`.
    - (C5) rows, formats and `round_weights_from` as (C4) to (C6) of
      `mica.linear`.
    - (C6) `source` and `parts` are both there or both not.

    Example:

    ```mlir
    %y = mica.grouped_linear %x, %w, %e
         : tensor<?x64xf32>, !mica.weight<8x96x64, bf16>, tensor<?x2xi32> -> tensor<?x2x96xf32>
    ```
  }];
  let arguments = (ins Mica_AnyOperands:$input, Mica_WeightType:$weight,
                       Mica_Choices:$experts, Optional<Mica_WeightType>:$bias,
                       Optional<Mica_Choices>:$source,
                       Optional<Mica_Choices>:$parts,
                       OptionalAttr<I64Attr>:$round_weights_from);
  let results = (outs Mica_ChosenF32Rows:$result);
  let assemblyFormat = [{
    $input `,` $weight `,` $experts (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`by` `(` $source^ `,` $parts `:` type($source) `,` type($parts) `)`)?
    attr-dict
    `:` type($input) `,` type($weight) `,` type($experts) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Mica_CombineOp : Mica_Op<"combine", [Pure]> {
  let summary = "the weighted sum of a row's choices";
  let description = [{
    ```
    result[m, n] = sum_j weights[m, j] * input[m, j, n]
    ```

    in f32, j ascending. `place` (of `mica.sort_choices`) says where the rows of
    `input` lie.

    Constraints:
    - (C1) `shape(weights) = [dim(input, 0), dim(input, 1)]`.
    - (C2) `shape(result) = [dim(input, 0), dim(input, 2)]`.

    Example:

    ```mlir
    %y = mica.combine %h, %w : tensor<?x8x64xf32>, tensor<?x8xf32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Mica_ChosenF32Rows:$input, Mica_F32Rows:$weights,
                       Optional<Mica_Choices>:$place);
  let results = (outs Mica_F32Rows:$result);
  let assemblyFormat = [{
    $input `,` $weights (`by` `(` $place^ `:` type($place) `)`)? attr-dict
    `:` type($input) `,` type($weights) `->` type($result)
  }];
  let hasVerifier = 1;
}

#endif // DIALECTS_MICA_MICAEXPERTOPS_TD
