//===- MicaTypes.td - Types and attributes of the mica dialect -*- tablegen -*-===//

#ifndef DIALECTS_MICA_MICATYPES_TD
#define DIALECTS_MICA_MICATYPES_TD

include "dialects/Mica/MicaDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/BuiltinTypes.td"

class Mica_Attr<string name, string mnem> : AttrDef<Mica_Dialect, name> {
  let mnemonic = mnem;
}
class Mica_Type<string name, string mnem> : TypeDef<Mica_Dialect, name> {
  let mnemonic = mnem;
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

def Mica_FormatAttr : Mica_Attr<"Format", "format"> {
  let summary = "how the elements of a weight are stored in blocks";
  let description = [{
    A block format of the format table (`lib/Format`): `name` is its row, which
    knows where the bits are, `elements` the elements of a block along a row of
    the weight, `bytes` the bytes of a block. `blocks` says what its numbers are;
    without it a weight can only be converted to floats. Plain floats need no
    format: their element type says all.

    Constraints:
    - (C1) `elements > 0` and `bytes > 0`.

    Example:

    ```mlir
    #mica.format<"q4_k", 256 x 144>
    #mica.format<"q4_0", 32 x 18, <bits = 4, zero = 8, group = 32, scale = f16>>
    ```
  }];
  let parameters = (ins StringRefParameter<>:$name, "int64_t":$elements,
                        "int64_t":$bytes,
                        OptionalParameter<"::mica::tile::BlocksAttr">:$blocks);
  let assemblyFormat = "`<` $name `,` $elements `x` $bytes (`,` $blocks^)? `>`";
  let genVerifyDecl = 1;
}

def Mica_LayoutAttr : Mica_Attr<"Layout", "layout"> {
  let summary = "how a packed weight lies in memory";
  let description = [{
    A weight of N rows (output columns) and K columns of floats is stored as

    ```
    [padded N / panel][padded K / group][panel][group]
    ```

    so that one vector load gives `group` consecutive k of `panel` rows. Rows
    are padded with zeros per granule: every `granule` rows occupy the next
    multiple of `panel`. K is padded with zeros to a multiple of `align`. A block
    format is stored as `#tile.blocks` says; `group` is 4 then, and `align` the
    columns of a block.

    Constraints:
    - (C1) all four are positive.
    - (C2) `align` is a multiple of `group`.

    Example:

    ```mlir
    #mica.layout<panel = 16, group = 2, granule = 128, align = 16>
    ```
  }];
  let parameters = (ins "int64_t":$panel, "int64_t":$group,
                        "int64_t":$granule, "int64_t":$align);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The rows that a granule occupies: `granule` up to a multiple of `panel`.
    int64_t paddedGranule() const;
    /// The rows that N rows occupy. The last granule may be partial.
    int64_t paddedRows(int64_t n) const;
    /// The columns that K columns occupy.
    int64_t paddedColumns(int64_t k) const;
    /// The physical row of logical row n.
    int64_t physicalRow(int64_t n) const;
    /// The shape in memory: [padded N / panel, padded K / group, panel, group].
    llvm::SmallVector<int64_t> physicalShape(int64_t n, int64_t k) const;
  }];
}

def Mica_MaskAttr : Mica_Attr<"Mask", "mask"> {
  let summary = "which cached keys a row may see";
  let description = [{
    A row at index p of its sequence's cache sees the keys n with
    `n <= p` if `causal`, and `n > p - window` if `window > 0`. Beside the window
    it sees the `sink` first keys, `n < sink` (attention sinks, StreamingLLM,
    arXiv 2309.17453). If `chunk > 0`, it sees the keys of its own chunk,
    `n >= p - p mod chunk`.

    Constraints:
    - (C1) `window >= 0`.
    - (C2) `sink >= 0`, and 0 without a window.
    - (C3) `chunk >= 0`, and 0 beside a window.

    Example:

    ```mlir
    #mica.mask<causal = true, window = 512>
    #mica.mask<causal = true, window = 512, sink = 4>
    #mica.mask<causal = true, chunk = 8192>
    ```
  }];
  let parameters = (ins "bool":$causal,
                        DefaultValuedParameter<"int64_t", "0">:$window,
                        DefaultValuedParameter<"int64_t", "0">:$sink,
                        DefaultValuedParameter<"int64_t", "0">:$chunk);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let builders = [AttrBuilder<(ins "bool":$causal, "int64_t":$window), [{
    return $_get($_ctxt, causal, window, /*sink=*/0, /*chunk=*/0);
  }]>];
}

def Mica_TargetAttr : Mica_Attr<"Target", "target"> {
  let summary = "what stages 1 and 2 may know of a machine";
  let description = [{
    Everything that grouping, layouts and schedules depend on. `cpu` names the
    instruction set for code generation and the schedule table; `panel` and
    `vector_bits` fix packed layouts; `dot` lists the element types for which
    the machine multiplies pairs directly (`bf16`), all others are converted to
    f32; `tiles`, if there, is the type that it multiplies fastest where rows are
    many; `max_granule` bounds the columns of an epilogue.

    Constraints:
    - (C1) `vector_bits`, `panel` and `max_granule` are positive.
    - (C2) `dot` holds float types.
    - (C3) `tiles` is one of `dot`.

    Example:

    ```mlir
    #mica.target<cpu = "x86-64-v4", features = "+avx512bf16", vector_bits = 512, panel = 16, max_granule = 256, dot = [bf16]>
    ```
  }];
  let parameters = (ins StringRefParameter<>:$cpu,
                        StringRefParameter<>:$features,
                        "int64_t":$vector_bits, "int64_t":$panel,
                        "int64_t":$max_granule, "::mlir::ArrayAttr":$dot,
                        OptionalParameter<"::mlir::Type">:$tiles);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Whether operands of `type` have a dot product of their own.
    bool hasDot(::mlir::Type type) const;
  }];
}

def Mica_SourceAttr : Mica_Attr<"Source", "source"> {
  let summary = "a tensor of the checkpoint, or rows of it";
  let description = [{
    Names a tensor by file and name. `rows` rows from row `first` are taken,
    after transposition if `transposed` (the file holds [K, N]). `permuted` is
    the number of heads whose rotary rows the file stores interleaved: row
    2 i + j of a head of d rows is then row i + j d / 2. With `run`, each `run`
    rows begin `stride` rows of the file after the ones before. With
    `parts` > 0 there are that many tensors, each as described, in the order of
    their numbers, which `tensor` has in the place of `{}`; or one tensor of three
    dimensions, if there is no `{}`, whose matrices are the parts; or, with
    `part_step`, one matrix, in which each part begins so many rows of the file
    after the one before. With `column_step` column c is the file's column (if
    `transposed`, its row) `first_column + c * column_step`.

    Constraints:
    - (C1) `file >= 0`, `first >= 0` and `rows > 0`.
    - (C2) `permuted` is 0 or divides `rows` into heads of an even size.
    - (C3) `run` is 0, or divides `rows` and is at most `stride`; `permuted` is 0
      then.
    - (C4) `parts >= 0`.
    - (C5) `first_column` and `column_step` are 0 or more; if `transposed`,
      `column_step` is 0 or 1.
    - (C6) `part_step` is 0 or more, and 0 without `parts`.

    Example:

    ```mlir
    #mica.source<file = 0, tensor = "blk.0.attn_q.weight", first = 0, rows = 1024, transposed = false, permuted = 0>
    ```
  }];
  let parameters = (ins "int64_t":$file, StringRefParameter<>:$tensor,
                        "int64_t":$first, "int64_t":$rows, "bool":$transposed,
                        "int64_t":$permuted,
                        DefaultValuedParameter<"int64_t", "0">:$run,
                        DefaultValuedParameter<"int64_t", "0">:$stride,
                        DefaultValuedParameter<"int64_t", "0">:$parts,
                        DefaultValuedParameter<"int64_t", "0">:$first_column,
                        DefaultValuedParameter<"int64_t", "0">:$column_step,
                        DefaultValuedParameter<"int64_t", "0">:$part_step);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Mica_LayerAttr : Mica_Attr<"Layer", "layer"> {
  let summary = "one layer of a stack";
  let description = [{
    `function` computes the layer; `kv` are the indices of the caches and states
    it uses (operands of the stack), `shared` those of the stack's shared
    operands, `weights` the symbols of its weights, in argument order.

    Example:

    ```mlir
    #mica.layer<@layer, kv = [0], shared = [0, 1], weights = [@norm, @query]>
    ```
  }];
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$function,
                        ArrayRefParameter<"int64_t">:$kv,
                        ArrayRefParameter<"int64_t">:$shared,
                        ArrayRefParameter<"::mlir::FlatSymbolRefAttr">:$weights);
  let assemblyFormat = [{
    `<` $function `,` `kv` `=` custom<Indices>($kv) `,` `shared` `=` custom<Indices>($shared) `,`
    `weights` `=` custom<Symbols>($weights) `>`
  }];
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

def Mica_WeightType : Mica_Type<"Weight", "weight"> {
  let summary = "a weight, its storage format and, once packed, its layout";
  let description = [{
    `shape` is [N, K] for a matrix of N output columns (rows of the checkpoint's
    tensor), [N] for a vector, [parts, N, K] for several matrices (experts), which
    lie one after another. `element` is a float type, i32 for indices, or a
    `#mica.format`.

    Constraints:
    - (C1) one to three dimensions.
    - (C2) every dimension is positive.
    - (C3) the block of a format divides the last dimension.
    - (C4) a weight with a layout is of a float type or of a format with
      `blocks`, whose layout is as `#mica.layout` says.
    - (C5) `element` is a float type, in a vector i32, or a `#mica.format`.

    Example:

    ```mlir
    !mica.weight<4096x2048, bf16>
    !mica.weight<640, f32>
    !mica.weight<640, i32>
    !mica.weight<4096x2048, #mica.format<"q4_k", 256 x 144>>
    !mica.weight<64x1024x2048, bf16>
    !mica.weight<4096x2048, bf16, #mica.layout<panel = 16, group = 2, granule = 16, align = 16>>
    ```
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape,
                        "::mlir::Attribute":$element,
                        OptionalParameter<"::mica::LayoutAttr">:$layout);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let builders = [TypeBuilderWithInferredContext<
    (ins "::llvm::ArrayRef<int64_t>":$shape, "::mlir::Type":$element), [{
      return $_get(element.getContext(), shape, ::mlir::TypeAttr::get(element),
                   ::mica::LayoutAttr());
    }]>];
  let extraClassDeclaration = [{
    /// The type of a plain weight's elements, null for a block format.
    ::mlir::Type getElementType() const;
    /// The format; null for a plain weight.
    ::mica::FormatAttr getFormat() const;
    /// The shape of a packed weight in memory, of i8 for a block format.
    ::llvm::SmallVector<int64_t> physicalShape() const;
    /// Rows of a part.
    int64_t rows() const { return getShape()[isParts() ? 1 : 0]; }
    int64_t columns() const { return getShape().back(); }
    bool isVector() const { return getShape().size() == 1; }
    /// Whether there are several matrices, and how many.
    bool isParts() const { return getShape().size() == 3; }
    int64_t parts() const { return isParts() ? getShape()[0] : 1; }
    /// The same with `rows` rows.
    ::mica::WeightType withRows(int64_t rows) const;
    /// Bytes in the checkpoint (no layout) or packed (with padding).
    int64_t sizeInBytes() const;
  }];
}

def Mica_KVType : Mica_Type<"KV", "kv"> {
  let summary = "the KV cache of one layer: a linear resource";
  let description = [{
    Keys and values of `heads` kv-heads, `key` and `value` wide, stored as
    `element`, in pages of `page` tokens. With `window > 0` only that many
    tokens before the newest need be kept (a ring). As i8 or i4, the key and the
    value of each token and head are integers with scales in f16: one for every
    32 columns of a key, one for a value. (Keys have columns that are always
    large, and exponentials multiply what is lost beside them.) Of i8 a scale is
    the greatest magnitude over 127; i4 counts from the least element, which is
    kept beside the scale, to the greatest in 15 steps.

    Constraints:
    - (C1) `heads`, `key` and `value` are positive.
    - (C2) `page` is a positive multiple of 16.
    - (C3) `element` is f32, bf16, f16, i8 or i4.
    - (C4) `window >= 0`.

    Example:

    ```mlir
    !mica.kv<heads = 4, key = 64, value = 64, element = bf16, page = 32, window = 0>
    ```
  }];
  let parameters = (ins "int64_t":$heads, "int64_t":$key, "int64_t":$value,
                        "::mlir::Type":$element, "int64_t":$page,
                        "int64_t":$window);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Columns of a key of integers that share a scale; what is added to those
    /// of i8 in memory.
    static constexpr int64_t keyGroup = 32, keyZero = 128;
    /// Whether a minimum follows each scale.
    bool hasMinima() const { return getElement().isInteger(4); }
    /// Numbers of f16 beside a key (or a value) of one token and head: scales,
    /// each followed by its minimum if there are minima; 0 of floats.
    int64_t scales(bool values) const {
      if (!getElement().isInteger())
        return 0;
      int64_t groups = values ? 1 : (getKey() + keyGroup - 1) / keyGroup;
      return groups * (hasMinima() ? 2 : 1);
    }
  }];
}

def Mica_StateType : Mica_Type<"State", "state"> {
  let summary = "what a recurrent layer keeps of a sequence: a linear resource";
  let description = [{
    A tensor of `shape` for every sequence, whatever its length: the newest rows
    for a short convolution, key columns by value columns of every head for a
    recurrence. It is zero before the first row of a sequence.

    Constraints:
    - (C1) one to three dimensions, all positive.
    - (C2) `element` is f32.

    Example:

    ```mlir
    !mica.state<32x128x64, f32>
    ```
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape,
                        "::mlir::Type":$element);
  let assemblyFormat = "`<` custom<Shape>($shape) `,` $element `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Bytes of one sequence's state in one layer.
    int64_t sizeInBytes() const;
  }];
}

def Mica_BatchType : Mica_Type<"Batch", "batch"> {
  let summary = "the ragged step: which rows belong to which sequence";
  let description = [{
    The tokens, positions and output rows of one step and the pages of its
    sequences (`mica_step` in `include/mica/abi.h`).

    Example:

    ```mlir
    !mica.batch
    ```
  }];
  let assemblyFormat = "";
}

#endif // DIALECTS_MICA_MICATYPES_TD
