//===- TileAttrs.td - Types and attributes of the tile dialect -*- tablegen -*-===//

#ifndef DIALECTS_MICATILE_TILEATTRS_TD
#define DIALECTS_MICATILE_TILEATTRS_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinTypes.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Tile_Dialect : Dialect {
  let name = "tile";
  let cppNamespace = "::mica::tile";
  let summary = "Kernels, before a machine is chosen";
  let description = [{
    Stage 2: what lies between two barriers is a `tile.phase` of structured
    operations, each of which hides its pipelined loop: `tile.contract`,
    `tile.attend`, `tile.rows`. What users vary (epilogues, scores, masks,
    formats) stands in regions over one row segment. Memory is plain memrefs
    over the step's arenas. No register tile, thread or instruction is named
    here: a target's expansion chooses them from the schedule.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
}

def Tile_StepType : TypeDef<Tile_Dialect, "Step"> {
  let mnemonic = "step";
  let summary = "the step that is computed (`mica_step` of the ABI)";
}

def Tile_ScheduleAttr : AttrDef<Tile_Dialect, "Schedule"> {
  let mnemonic = "schedule";
  let summary = "how a target expands a kernel";
  let description = [{
    One row of `schedules/`. For `tile.contract`: a task is `block` rows by
    `unit` columns; inside it row tiles are chosen greedily from `rows`, and
    for `rows[i]` the register tile spans `panels[i]` panels; the loop over k
    is unrolled `unroll` groups; row tiles of `rows[i]` prefetch weights
    `prefetch[i]` bytes ahead (0: none), where one number says it of all but the
    greatest, most of which find what the one before brought. With `depth`,
    blocks of many rows go over the unit once for every `depth` columns of k,
    sums waiting in the worker's memory: those weights stay in the first cache.
    For `tile.attend`: `block` rows a task, `unit` cached tokens between two
    rescalings, `rows` and `panels` as above for both of its products (panels of
    tokens, then of columns), `prefetch` not 0: the next `unit` tokens are
    prefetched. For `tile.rows`: `block` rows a task.

    ```mlir
    #tile.schedule<rows = [4, 2, 1], panels = [1, 1, 1], block = 64, unit = 128, unroll = 1, prefetch = [4096, 4096, 0]>
    #tile.schedule<rows = [12, 8, 4, 2, 1], panels = [2, 2, 2, 4, 4], block = 256, unit = 128, unroll = 4, prefetch = 0>
    ```
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$rows,
                        ArrayRefParameter<"int64_t">:$panels, "int64_t":$block,
                        "int64_t":$unit, "int64_t":$unroll,
                        ArrayRefParameter<"int64_t">:$prefetch,
                        DefaultValuedParameter<"int64_t", "0">:$depth);
  let assemblyFormat = [{
    `<` `rows` `=` `[` $rows `]` `,` `panels` `=` `[` $panels `]` `,`
    `block` `=` $block `,` `unit` `=` $unit `,` `unroll` `=` $unroll `,`
    `prefetch` `=` custom<Distances>($prefetch, ref($rows))
    (`,` `depth` `=` $depth^)? `>`
  }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Of row tiles of `rows` rows, of a size that may not be in the list.
    int64_t prefetchOf(int64_t rows) const;
  }];
}

def Tile_BlocksAttr : AttrDef<Tile_Dialect, "Blocks"> {
  let mnemonic = "blocks";
  let summary = "integers in groups that share a scale: what a block format computes";
  let description = [{
    Element k of a row of a weight is

    ```
    S(k / group) * (c(k) - zero) - M(k / group)
    S(g) = scale(g)                                  one level (super = 0)
    S(g) = scale(g group / super) * factor(g)        two levels
    ```

    c being an integer of `bits` bits or, with `values`, the entry of that number
    there (`zero` is 0 then); with `floats`, the f32 of that number there, or
    what the bits are as a float of that type. Scales are of type `scale`,
    factors integers of 8 bits, signed. M, with `min`, is stored like S; with
    `zeros`, it is S(g) times an integer of 8 bits, signed, of each group; else 0.

    Packed, `panel` rows lie together: [N / panel][K / block()][lines(panel)]
    lines of 4 * panel bytes. A block has its scales first, [.][panel] each:
    scales, minima, factors of scales, factors of minima or zeros, to a whole
    line. Then,
    for every 32 k, `bits` lines of codes: for each power of two b in `bits`, from
    the least up, b lines; bits [s b, s b + b) of byte [row][i] of line l
    belong to k = 4 (l + b s) + i. What b's lines hold stands above the bits of
    the greater powers.

    Constraints:
    - (C1) `bits` is 1 to 8 and `group` a positive multiple of 4.
    - (C2) `super` is 0 or a multiple of `group` and of 32.
    - (C3) `scale` is f16, bf16 or f32.
    - (C4) `values`, if any, are 2 to the power of `bits` integers of 8 bits, and
      `zero` is 0.
    - (C5) not both `min` and `zeros`.
    - (C6) `floats`, if any, are f8E4M3FN and `bits` 8, or 2 to the power of
      `bits` f32, of at most 4 bits; then there are no `values`, `min` or
      `zeros`, and `zero` is 0.

    Example:

    ```mlir
    #tile.blocks<bits = 4, zero = 8, group = 32, scale = f16>
    #tile.blocks<bits = 4, zero = 0, group = 32, scale = f16 super = 256 min = true>
    #tile.blocks<bits = 4, zero = 0, group = 128, scale = f16 zeros = true>
    #tile.blocks<bits = 8, zero = 0, group = 128, scale = f32 floats = f8E4M3FN>
    #tile.blocks<bits = 1, zero = 0, group = 64, scale = f32 floats = array<f32: -1.0, 0.5>>
    ```
  }];
  let parameters = (ins "int64_t":$bits, "int64_t":$zero, "int64_t":$group,
                        "::mlir::Type":$scale,
                        DefaultValuedParameter<"int64_t", "0">:$super,
                        DefaultValuedParameter<"bool", "false">:$min,
                        DefaultValuedParameter<"bool", "false">:$zeros,
                        OptionalArrayRefParameter<"int64_t">:$values,
                        OptionalParameter<"::mlir::Attribute">:$floats);
  let assemblyFormat = [{
    `<` `bits` `=` $bits `,` `zero` `=` $zero `,` `group` `=` $group `,`
    `scale` `=` $scale (`super` `=` $super^)? (`min` `=` $min^)?
    (`zeros` `=` $zeros^)?
    (`values` `=` `[` $values^ `]`)? (`floats` `=` $floats^)? `>`
  }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Elements of a row that are computed together: whole groups and whole
    /// runs of 32.
    int64_t unit() const;
    /// Elements of a row whose scales lie together: whole units.
    int64_t block(int64_t panel) const;
    /// Lines of a block: those of its scales, and all.
    int64_t scaleLines(int64_t panel) const;
    int64_t lines(int64_t panel) const;
    /// Whether rows of i8 can be multiplied with it in integers: the sums of
    /// rows, which correct for `zero` and M, are over 16 columns at least.
    bool hasIntegerDot() const { return !getFloats() && getGroup() % 16 == 0; }
    /// Of such rows (`#tile.groups`), the most columns of a sum, and the zero
    /// that sums may be ready for; 0: none. Minima need plain sums, and so do
    /// codes of 8 bits where their sign moves over to the row.
    int64_t mostSummed() const { return getGroup() % 32 ? 16 : 32; }
    int64_t zeroOfSums() const;
    bool takes(GroupsAttr rows) const;
    /// Whether something is subtracted from S (c - zero).
    bool hasMinimum() const { return getMin() || getZeros(); }
    /// What is subtracted from codes counted from 0 up, an entry of `values`
    /// counting from the least of them; and the greatest such code.
    int64_t codeZero() const;
    int64_t greatestCode() const;
    /// Elements of a row with one scale (and minimum) of the first level.
    int64_t perScale() const { return getSuper() ? getSuper() : getGroup(); }
    /// A row of `columns` elements taken apart, as pack functions fetch it:
    /// codes (i8), scales and minima (f32), factors of both (i8). Where each
    /// part begins, in bytes; then the end. Parts are multiples of 4 bytes.
    std::array<int64_t, 6> recordOffsets(int64_t columns) const;
    /// Where in a block the scales, minima, factors and factors of minima of
    /// `panel` rows begin, in bytes; then their end.
    std::array<int64_t, 5> scaleOffsets(int64_t panel) const;
  }];
}

def Tile_GroupsAttr : AttrDef<Tile_Dialect, "Groups"> {
  let mnemonic = "groups";
  let summary = "rows of i8 in groups of columns that share a scale";
  let description = [{
    The encoding of rows of activations as integers. With x the f32 row, for
    group g of `size` columns:

    ```
    q = round(L x / max |x|)                      0 if all are
    scale[g] = sum x q / sum q^2                  of least squares
    ```

    L is 127 or 125, whichever makes the sum of (x - q max |x| / L)^2 the least.
    Of normal numbers a tenth less is lost than with scale[g] = max |x| / 127.

    In memory a row of K columns is K i8, then K / size f32 (the scales), then
    K / part f32: with S the sum of q over `part` columns, S; or, with a `zero`,
    3 * 2^22 - zero * S, whose bits are where an integer sum of products with
    codes begins that stand for themselves less `zero`. Both are exact.

    With `values`, a target multiplies many rows faster as floats: where the rows
    are `from` or more, each is K elements of that type instead, x rounded.

    Constraints:
    - (C1) `size` is a multiple of 32.
    - (C2) `values` is bf16 and `from` positive, or neither is there.
    - (C3) `part` is 16 or 32.
    - (C4) `zero` is at least 0 and below 256.

    Examples:

    ```mlir
    tensor<?x2048xi8, #tile.groups<32>>
    tensor<?x2048xi8, #tile.groups<32 part 32 zero 8>>
    tensor<?x2048xi8, #tile.groups<32, values = bf16 from 96>>
    ```
  }];
  let parameters = (ins "int64_t":$size,
                        DefaultValuedParameter<"int64_t", "16">:$part,
                        DefaultValuedParameter<"int64_t", "0">:$zero,
                        OptionalParameter<"::mlir::Type">:$values,
                        DefaultValuedParameter<"int64_t", "0">:$from);
  let assemblyFormat = [{
    `<` $size (`part` $part^)? (`zero` $zero^)? (`,` `values` `=` $values^ `from` $from)? `>`
  }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// What the greatest magnitude of a group may become; the first if in doubt.
    static constexpr std::array<int64_t, 2> levels = {127, 125};
    /// The f32 whose bits plus an integer |x| < 2^22 are those of itself plus x.
    static constexpr double shift = 12582912;
    static constexpr uint32_t shiftBits = 0x4b400000;
    /// Bytes from a row's begin to its scales, to its sums, and to its end.
    int64_t scalesAt(int64_t columns) const { return columns; }
    int64_t sumsAt(int64_t columns) const {
      return columns + columns / getSize() * 4;
    }
    int64_t rowBytes(int64_t columns) const;
  }];
}

def Tile_Count : I32EnumAttr<"Count", "a size of the step", [
    I32EnumAttrCase<"rows", 0>, I32EnumAttrCase<"seqs", 1>,
    I32EnumAttrCase<"outs", 2>]> {
  let cppNamespace = "::mica::tile";
}

def Tile_Input : I32EnumAttr<"Input", "an integer array of the step", [
    I32EnumAttrCase<"token", 0>, I32EnumAttrCase<"position", 1>,
    I32EnumAttrCase<"row_start", 2>, I32EnumAttrCase<"out_row", 3>]> {
  let cppNamespace = "::mica::tile";
}

def Tile_KVTable : I32EnumAttr<"KVTable", "an integer array of a cache group", [
    I32EnumAttrCase<"slot", 0>, I32EnumAttrCase<"page_start", 1>,
    I32EnumAttrCase<"page", 2>, I32EnumAttrCase<"length", 3>]> {
  let cppNamespace = "::mica::tile";
}

def Tile_Arena : I32EnumAttr<"Arena", "a part of the step's workspace", [
    I32EnumAttrCase<"row", 0>, I32EnumAttrCase<"out", 1>,
    I32EnumAttrCase<"worker", 2>, I32EnumAttrCase<"logits", 3>]> {
  let cppNamespace = "::mica::tile";
}

#endif // DIALECTS_MICATILE_TILEATTRS_TD
