//===- MicaModelOps.td - Weights, stacks, groups -----------*- tablegen -*-===//

#ifndef DIALECTS_MICA_MICAMODELOPS_TD
#define DIALECTS_MICA_MICAMODELOPS_TD

include "dialects/Mica/MicaOpBase.td"

def Mica_WeightOp : Mica_Op<"weight", [
    Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a weight of the model, by symbol";
  let description = [{
    The only mention of a file. Before packing, `sources` say which tensors of
    the checkpoint hold the rows, in order. After packing, `pack` names the
    function that makes the packed bytes from the weights in `inputs`.

    Constraints:
    - (C1) the rows of `sources` add up to the rows of `type`, and each has its
      parts.
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
    its caches and states, the shared operands it names and its weights:

    ```
    x, kv[layer.kv]... = function(x, kv[layer.kv]..., shared[layer.shared]..., weights...)
    ```

    Layers of one function are compiled once. The index of a layer among those
    of a cache is its place in the cache group.

    Constraints:
    - (C1) every layer's `function` is a function of that signature.
    - (C2) every weight is a `mica.weight`.
    - (C3) every element of `kv` is the index of a cache or state operand and
      stands there once, every element of `shared` that of a shared operand.
    - (C4) `type(kv_results) = type(kv)`.
    - (C5) a cache is used as (C3) of `mica.kv_append` says.

    Example:

    ```mlir
    %y, %kv1 = mica.stack %x, (%kv), (%batch)
        [#mica.layer<@layer, kv = [0], shared = [0], weights = [@w0]>,
         #mica.layer<@layer, kv = [0], shared = [0], weights = [@w1]>]
        : tensor<?x64xf32>, (!mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>), (!mica.batch) -> tensor<?x64xf32>, !mica.kv<heads = 2, key = 8, value = 8, element = f32, page = 16, window = 0>
    ```
  }];
  let arguments = (ins Mica_F32Rows:$input, Variadic<Mica_Kept>:$kv,
                       Variadic<AnyType>:$shared,
                       TypedArrayAttrBase<Mica_LayerAttr, "layers">:$layers);
  let results = (outs Mica_F32Rows:$result, Variadic<Mica_Kept>:$kv_results);
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
    - (C1) the body holds at most one `mica.linear`, `mica.grouped_linear` or
      `mica.attention`.
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
  let arguments = (ins Mica_AnyF32Rows:$input, I64Attr:$interleave);
  let results = (outs Variadic<Mica_AnyF32Rows>:$results);
  let assemblyFormat = [{
    $input attr-dict `:` type($input) `->` type($results)
  }];
  let hasVerifier = 1;
}

#endif // DIALECTS_MICA_MICAMODELOPS_TD
