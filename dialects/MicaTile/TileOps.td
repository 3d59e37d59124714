//===- TileOps.td - Operations of the tile dialect ----------*- tablegen -*-===//

#ifndef DIALECTS_MICATILE_TILEOPS_TD
#define DIALECTS_MICATILE_TILEOPS_TD

include "dialects/MicaTile/TileAttrs.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Tile_Op<string mnemonic, list<Trait> traits = []>
    : Op<Tile_Dialect, mnemonic, traits>;

//===----------------------------------------------------------------------===//
// What a kernel sees of the step
//===----------------------------------------------------------------------===//

def Tile_CountOp : Tile_Op<"count", [Pure]> {
  let summary = "rows, sequences or output rows of the step";
  let description = [{
    Example:

    ```mlir
    %T = tile.count %step rows
    ```
  }];
  let arguments = (ins Tile_StepType:$step, Tile_Count:$which);
  let results = (outs Index:$result);
  let assemblyFormat = "$step $which attr-dict";
}

def Tile_InputOp : Tile_Op<"input", [Pure]> {
  let summary = "an integer array of the step";
  let description = [{
    `token` [T], `position` [T], `row_start` [S + 1], `out_row` [R].

    Example:

    ```mlir
    %token = tile.input %step token : memref<?xi32>
    ```
  }];
  let arguments = (ins Tile_StepType:$step, Tile_Input:$which);
  let results = (outs MemRefRankOf<[I32], [1]>:$result);
  let assemblyFormat = "$step $which attr-dict `:` type($result)";
}

def Tile_KVTableOp : Tile_Op<"kv_table", [Pure]> {
  let summary = "an integer array of a cache group";
  let description = [{
    `slot` [T], `page_start` [S + 1], `page`, `length` [S] of group `group`
    (`mica_kv_group` of the ABI).

    Example:

    ```mlir
    %slot = tile.kv_table %step group 0 slot : memref<?xi32>
    ```
  }];
  let arguments = (ins Tile_StepType:$step, I64Attr:$group,
                       Tile_KVTable:$which);
  let results = (outs MemRefRankOf<[I32], [1]>:$result);
  let assemblyFormat = [{
    $step `group` $group $which attr-dict `:` type($result)
  }];
}

def Tile_PoolOp : Tile_Op<"pool", [Pure]> {
  let summary = "the keys or the values of a cache group";
  let description = [{
    The pool of group `group` as a memref whose strides and offset are those of
    one half of its blocks. A block of P tokens holds the keys, then the values:

    ```
    keys    [page, layer, head, P / 16, key width / g, 16 tokens, g]
    values  [page, layer, head, value width / 16, P / g, 16 columns, g tokens]
    ```

    with g elements in 4 bytes for bf16 and i8, else 1, widths padded to 16 and g.
    Keys of i8 are codes from 0 up with a zero of 128, values are signed. Behind
    values of integers lie the scales in f16, those of keys, then those of values,
    each [page, layer, head, scales, P]: one for every 32 columns of a key, one
    for a value.

    Of 4 bits a byte holds two codes from 0 up: elements 2 i and 2 i + 1 of a key,
    columns c and c + 16 of 32 of a value, and a minimum follows each scale:

    ```
    keys    [page, layer, head, P / 16, key width / 8, 16 tokens, 4 bytes]
    values  [page, layer, head, value width / 32, P / 4, 16 columns, 4 tokens]
    ```

    Example:

    ```mlir
    %k = tile.pool %step group 0 : memref<?x16x8x2x32x16x2xbf16, strided<[524288, 32768, 4096, 1024, 32, 2, 1]>>
    ```
  }];
  let arguments = (ins Tile_StepType:$step, I64Attr:$group);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$step `group` $group attr-dict `:` type($result)";
}

def Tile_BufferOp : Tile_Op<"buffer", [Pure]> {
  let summary = "a buffer of the workspace";
  let description = [{
    Of the arenas, `row` has one unit a row, `out` one an output row, `worker`
    one a worker; `logits` are the step's (`offset` 0). The buffer begins at
    `offset` bytes times the units of the step (`row`, `out`), or at `worker *
    size + offset` where `size` is the arena's bytes a worker
    (`tile.worker_bytes` of the module). Offsets are multiples of 64. The leading
    dimension is the units, times `each` if that is given.

    Example:

    ```mlir
    %x = tile.buffer %step, %worker arena row offset 2560 : memref<?x656xf32>
    %y = tile.buffer %step, %worker arena row offset 5184 each 8 : memref<?x64xf32>
    ```
  }];
  let arguments = (ins Tile_StepType:$step, Index:$worker, Tile_Arena:$arena,
                       I64Attr:$offset, OptionalAttr<I64Attr>:$each);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = [{
    $step `,` $worker `arena` $arena `offset` $offset (`each` $each^)? attr-dict
    `:` type($result)
  }];
  let builders = [OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$step,
                                 "::mlir::Value":$worker,
                                 "::mica::tile::Arena":$arena,
                                 "int64_t":$offset), [{
    build($_builder, $_state, result, step, worker, arena, offset, nullptr);
  }]>];
}

def Tile_WeightOp : Tile_Op<"weight", [Pure]> {
  let summary = "the bytes of a packed weight";
  let description = [{
    The weight of `slot` of layer `layer`: the address at
    `weights[layer * slots + slot]` of the step, `slots` being `tile.slots` of
    the module.

    Example:

    ```mlir
    %w = tile.weight %step, %layer slot 2 : memref<40x20x16x2xbf16>
    ```
  }];
  let arguments = (ins Tile_StepType:$step, Index:$layer, I64Attr:$slot);
  let results = (outs AnyStaticShapeMemRef:$result);
  let assemblyFormat = [{
    $step `,` $layer `slot` $slot attr-dict `:` type($result)
  }];
}

//===----------------------------------------------------------------------===//
// Row segments in memory
//===----------------------------------------------------------------------===//

class Tile_SegmentOp<string mnemonic, list<Trait> traits = []>
    : Tile_Op<mnemonic, traits> {
  code segmentDeclaration = [{
    /// The stored element type.
    ::mlir::Type getMemoryElementType() {
      return getBuffer().getType().getElementType();
    }
  }];
}

def Tile_LoadOp : Tile_SegmentOp<"load", [MemoryEffects<[MemRead]>]> {
  let summary = "load a row segment, as f32";
  let description = [{
    Element e of the result is, converted to f32, the element at linear index
    i + e over the dimensions `along` (row-major in the order listed), i being
    the index given for the last of them. The indices of the others are 0.

    Constraints:
    - (C1) one index for each dimension of the buffer.
    - (C2) `along` names distinct dimensions of the buffer in ascending order.
    - (C3) the element type is f32, bf16 or f16 (i32 and i64 are loaded with
      memref.load).

    Example:

    ```mlir
    %v = tile.load %x[%m, %n] along [1] : memref<?x656xbf16>, vector<16xf32>
    ```
  }];
  let arguments = (ins AnyMemRef:$buffer, Variadic<Index>:$indices,
                       DenseI64ArrayAttr:$along);
  let results = (outs VectorOfRankAndType<[1], [F32]>:$result);
  let assemblyFormat = [{
    $buffer `[` $indices `]` `along` $along attr-dict
    `:` type($buffer) `,` type($result)
  }];
  let extraClassDeclaration = segmentDeclaration;
  let hasVerifier = 1;
}

def Tile_StoreOp : Tile_SegmentOp<"store", [MemoryEffects<[MemWrite]>]> {
  let summary = "store a row segment, rounded to the buffer's element type";
  let description = [{
    The inverse of `tile.load`, rounding to nearest even. Elements of i8 are
    numbers from -127 to 127.

    Constraints:
    - (C1) one index for each dimension of the buffer.
    - (C2) `along` names distinct dimensions of the buffer in ascending order.
    - (C3) the element type is f32, bf16, f16 or i8.

    Example:

    ```mlir
    tile.store %v, %x[%m, %n] along [1] : vector<16xf32>, memref<?x656xbf16>
    ```
  }];
  let arguments = (ins VectorOfRankAndType<[1], [F32]>:$value,
                       AnyMemRef:$buffer, Variadic<Index>:$indices,
                       DenseI64ArrayAttr:$along);
  let assemblyFormat = [{
    $value `,` $buffer `[` $indices `]` `along` $along attr-dict
    `:` type($value) `,` type($buffer)
  }];
  let extraClassDeclaration = segmentDeclaration;
  let hasVerifier = 1;
}

def Tile_YieldOp : Tile_Op<"yield", [Pure, Terminator, ReturnLike]> {
  let summary = "end of a region of a tile operation";
  let description = [{
    Example:

    ```mlir
    tile.yield
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ (void)$_state; }]>];
}

//===----------------------------------------------------------------------===//
// What workers share
//===----------------------------------------------------------------------===//

def Tile_NextTaskOp : Tile_Op<"next_task", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "draw the next task of the phase";
  let description = [{
    Adds 1 to the task counter of the step atomically and returns what it was.
    The barrier sets the counter to 0. Made by `--mica-map-to-workers`.

    Example:

    ```mlir
    %task = tile.next_task %step
    ```
  }];
  let arguments = (ins Tile_StepType:$step);
  let results = (outs Index:$task);
  let assemblyFormat = "$step attr-dict";
}

def Tile_BarrierOp : Tile_Op<"barrier", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "wait for every worker at the end of phase `id`";
  let description = [{
    What a worker stored before the barrier every worker sees after it. Made by
    `--mica-map-to-workers`.

    Example:

    ```mlir
    tile.barrier %step, %worker, %workers id 1
    ```
  }];
  let arguments = (ins Tile_StepType:$step, Index:$worker, Index:$workers,
                       I64Attr:$id);
  let assemblyFormat = "$step `,` $worker `,` $workers `id` $id attr-dict";
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

def Tile_PhaseOp : Tile_Op<"phase", [SingleBlock, NoTerminator,
                                     NoRegionArguments]> {
  let summary = "what lies between two barriers";
  let description = [{
    The operations of the body share one flattened task space that the workers
    draw from; a barrier follows. No operation of a phase reads what another of
    the phase stores. `id` is the phase's index in the manifest.

    Example:

    ```mlir
    tile.phase "qkv" id 1 (%step, %worker, %workers) {
    }
    ```
  }];
  let arguments = (ins StrAttr:$name, I64Attr:$id, Tile_StepType:$step,
                       Index:$worker, Index:$workers);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $name `id` $id `(` $step `,` $worker `,` $workers `)` $body attr-dict
  }];
}

def Tile_ContractOp : Tile_Op<"contract", [IsolatedFromAbove, SingleBlock,
                                           AttrSizedOperandSegments]> {
  let summary = "product of rows with a packed weight, and its epilogue";
  let description = [{
    ```
    acc[m, n] = sum_k input[m, k] * weight[n, k]      k ascending, in f32
    ```

    for every row m of `input` and column n below `columns`, then the region
    once for each row m and granule n, n + 1, … n + G - 1, G being the size of
    its first argument. The region may store at the image of its own (m, n) and
    behind the last column only, reads no other, and reduces only over its
    segment. A region without
    reduction, slice or shuffle (`elastic`) may be given any multiple of 16.

    `weight` is [padded N / panel, padded K / group, panel, group] (see
    `#mica.layout`); its rows are padded per `granule` of the layout, which G
    divides or equals. `input` rows hold padded K finite elements.

    With `blocks`, `weight` is of i8 as `#tile.blocks` says, and the sum is over
    k below `terms`. Rows of i8 lie as `#tile.groups` (`groups`) says; their
    products are summed in integers within a group, then in f32. In a step of
    `round_weights_from` rows or more, if that is given, the elements of blocks
    are rounded to bf16, of which `input` is.

    With `runs` the contraction is grouped: `weight` has so many `parts` one after
    another, each as above, and `runs` says which rows meet which: with n =
    runs[0, 0], rows runs[i, 1] <= m < runs[i + 1, 1] meet part runs[i, 0], for i
    from 1 to n. Other rows are not computed, and other parts not read. First rows
    never descend, and lie within the rows of `input`; `round_weights_from` counts
    the rows of a run.

    With `steps` every row meets all `parts`, each with columns of its own: part p
    reads the columns of `input` from p * `input_step` on, and makes columns
    p * `output_step` + n.

    Region arguments: `%acc: vector<Gxf32>, %m: index, %n: index`, then one for
    each capture.

    Constraints:
    - (C1) the region's arguments are as above.
    - (C2) the rows of `weight` hold `columns` rows padded per `granule`, for
      each part.
    - (C3) `input` has at least as many columns as `weight` has padded K.
    - (C4) unless `elastic`, G divides `granule`; `granule` divides `columns`
      unless it occupies one panel, or the region is elastic.
    - (C5) `weight` is of i8 if there are `blocks`, and has their lines; `input`
      is of i8 if there are `groups`, which needs `blocks`.
    - (C6) `round_weights_from` is positive, and there are `blocks` and rows of
      bf16.
    - (C7) `runs` are pairs, and there are one or more `parts`; one if there are
      neither `runs` nor `steps`.
    - (C8) the sums of `groups` are over no more columns than a group of `blocks`
      has, and for no `zero`, or that of the codes, if there are no minima.
    - (C9) both of `steps` are positive or neither is, which excludes `runs` and
      `groups`; `output_step` is at least `columns`, which `granule` divides, or
      G if the region is elastic.

    Example:

    ```mlir
    tile.contract %x, %w columns 64 granule 16 captures(%o : memref<?x64xf32>) {
    ^bb0(%acc: vector<16xf32>, %m: index, %n: index, %out: memref<?x64xf32>):
      tile.store %acc, %out[%m, %n] along [1] : vector<16xf32>, memref<?x64xf32>
      tile.yield
    } : memref<?x32xf32>, memref<4x32x16x1xf32>
    ```
  }];
  let arguments = (ins MemRefRankOf<[F32, BF16, F16, I8], [2]>:$input,
                       MemRefRankOf<[F32, BF16, F16, I8], [4]>:$weight,
                       Optional<MemRefRankOf<[I32], [2]>>:$runs,
                       Variadic<AnyType>:$captures,
                       DefaultValuedAttr<I64Attr, "1">:$parts,
                       DefaultValuedAttr<I64Attr, "0">:$input_step,
                       DefaultValuedAttr<I64Attr, "0">:$output_step,
                       I64Attr:$columns, I64Attr:$granule,
                       UnitAttr:$elastic,
                       OptionalAttr<Tile_BlocksAttr>:$blocks,
                       OptionalAttr<I64Attr>:$terms,
                       OptionalAttr<Tile_GroupsAttr>:$groups,
                       OptionalAttr<I64Attr>:$round_weights_from,
                       OptionalAttr<Tile_ScheduleAttr>:$schedule);
  let regions = (region SizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    $input `,` $weight
    (`runs` `(` $runs^ `:` type($runs) `)`)? (`parts` $parts^)?
    (`steps` $input_step^ `to` $output_step)?
    `columns` $columns `granule` $granule (`elastic` $elastic^)? (`blocks` $blocks^ `terms` $terms)?
    (`groups` $groups^)?
    (`captures` `(` $captures^ `:` type($captures) `)`)? attr-dict-with-keyword
    $epilogue `:` type($input) `,` type($weight)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The granule of the epilogue: the size of its first argument.
    int64_t getSegment();
    /// Rows of a panel of the weight.
    int64_t getPanel();
  }];
}

def Tile_RowsOp : Tile_Op<"rows", [IsolatedFromAbove]> {
  let summary = "row work with reductions over whole rows";
  let description = [{
    For each row m below `count`: each region of `stats`, in order, is run on
    every segment n of the row and yields one vector, which is reduced over the
    row by its kind (`add` or `max`) to a scalar; then `apply` is run on every
    segment. Later regions see the scalars of the earlier ones.

    What is counted need not be rows of the step: a layer with a state counts
    what is independent in each sequence (a block of columns, a head), and
    `apply` goes over the sequence's rows itself.

    Segments have `granule` columns; the last one of a row may be partial, in
    which case elements beyond `columns` take no part in reductions (their
    loads and stores touch padding of the buffers, which stays finite).

    Region arguments: `%m: index, %n: index`, the f32 scalars so far, then one
    for each capture.

    Constraints:
    - (C1) the regions' arguments are as above.
    - (C2) `kinds` has one entry, `add` or `max`, for each region of `stats`.
    - (C3) a region of `stats` yields one f32 vector, of `granule` elements where
      `granule` does not divide `columns`.

    Example:

    ```mlir
    tile.rows %T columns 64 granule 16 captures(%x : memref<?x64xf32>)
    apply {
    ^bb0(%m: index, %n: index, %b: memref<?x64xf32>):
      %v = tile.load %b[%m, %n] along [1] : memref<?x64xf32>, vector<16xf32>
      %d = arith.addf %v, %v : vector<16xf32>
      tile.store %d, %b[%m, %n] along [1] : vector<16xf32>, memref<?x64xf32>
      tile.yield
    } kinds []
    ```
  }];
  let arguments = (ins Index:$count, Variadic<AnyType>:$captures,
                       I64Attr:$columns, I64Attr:$granule, StrArrayAttr:$kinds,
                       OptionalAttr<Tile_ScheduleAttr>:$schedule);
  let regions = (region SizedRegion<1>:$apply, VariadicRegion<SizedRegion<1>>:$stats);
  let assemblyFormat = [{
    $count `columns` $columns `granule` $granule
    (`captures` `(` $captures^ `:` type($captures) `)`)?
    attr-dict-with-keyword `apply` $apply `kinds` $kinds $stats
  }];
  let hasVerifier = 1;
}

def Tile_EachOp : Tile_Op<"each", [IsolatedFromAbove]> {
  let summary = "scalar work for every index";
  let description = [{
    Runs the region once for each m below `count`, in any order; a task is `block`
    of them. No run reads what another one stores. What has no reductions over
    row segments, and is small beside products: the choice of experts, tables.

    Region arguments: `%m: index`, then one for each capture.

    Constraints:
    - (C1) the region's arguments are as above.
    - (C2) `block` is positive.

    Example:

    ```mlir
    tile.each %n block 8 captures(%x : memref<?xi32>) {
    ^bb0(%m: index, %b: memref<?xi32>):
      %zero = arith.constant 0 : i32
      memref.store %zero, %b[%m] : memref<?xi32>
      tile.yield
    }
    ```
  }];
  let arguments = (ins Index:$count, I64Attr:$block, Variadic<AnyType>:$captures);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $count `block` $block (`captures` `(` $captures^ `:` type($captures) `)`)?
    attr-dict-with-keyword $body
  }];
  let hasVerifier = 1;
}

def Tile_AttendOp : Tile_Op<"attend", [IsolatedFromAbove,
                                       AttrSizedOperandSegments]> {
  let summary = "online softmax over cached keys and values";
  let description = [{
    For row m, query head h and kv-head k = h / (heads / kv heads), over the
    cached tokens n in [lo, hi) of row m's sequence:

    ```
    s[n]   = score(scale * sum_i query[m, h * key + i] * K[n, k, i])
    p[n]   = exp(s[n] - max s)
    o[:]   = sum_n p[n] * V[n, k, :] / (sum_n p[n] + exp(sinks[h] - max s))
    ```

    without the last summand if there are no `sinks`; then the region `output` with o, m and the column h * value. `tasks` is
    [1 + tasks, 4]: entry 0 holds the number of tasks, the others a sequence,
    its first row and the row after its last, and 0. Tokens are found through
    `page_start` and `page` (see `mica_kv_group`). Blocks of tokens begin at
    multiples of the schedule's `unit`, so that a row's result depends on its
    own cache alone.

    Keys and values of i8 hold codes of `bits` bits (8 or 4), which are multiplied
    with their `scales` of f16 (see `tile.pool`). Queries and the weights p of a
    block of tokens are then rounded to 16 bits, each row with a scale of its own.

    Region `bounds`: `(%m: index, captures...)`, yields lo, core, hi; tokens in
    [lo, core) need no element test. A fourth value, at most lo, is the end of
    tokens from 0 on that the row sees as well; what lies between these and lo
    costs nothing. `mask` (may be empty): `(%m: index,
    %n: vector<16xi32>, captures...)`, yields vector<16xi1>, asked for tokens in
    [core, hi). `score` (may be empty): `(%s: vector<16xf32>, %m: index,
    %h: index, %n: vector<16xi32>, captures...)`, yields vector<16xf32>.
    `output`: `(%o: vector<value x f32>, %m: index, %n: index, captures...)`.

    Constraints:
    - (C1) the regions' arguments and yields are as above.
    - (C2) the kv heads of the pools divide `heads`.
    - (C3) `keys` and `values` have seven dimensions as `tile.pool` says.
    - (C4) there are two `scales` if keys are of i8, else none.
    - (C5) `bits` are those of the pools' elements, or 4 if these are of i8.
    - (C6) there are at least `heads` `sinks`.

    Example:

    ```mlir
    tile.attend %q, %k, %v layer(%l) tasks(%tasks) pages(%page_start, %page)
        heads 8 key 64 value 64 scale 0.125 bits 16 captures(%p, %o : memref<?xi32>, memref<?x512xf32>)
    bounds {
    ^bb0(%m: index, %pos: memref<?xi32>, %out: memref<?x512xf32>):
      %lo = arith.constant 0 : index
      %last = memref.load %pos[%m] : memref<?xi32>
      %hi = arith.index_cast %last : i32 to index
      tile.yield %lo, %hi, %hi : index, index, index
    } mask { } score { } output {
    ^bb0(%r: vector<64xf32>, %m: index, %n: index, %pos: memref<?xi32>, %out: memref<?x512xf32>):
      tile.store %r, %out[%m, %n] along [1] : vector<64xf32>, memref<?x512xf32>
      tile.yield
    } : memref<?x512xbf16>, memref<?x2x4x2x32x16x2xbf16>, memref<?x2x4x4x16x16x2xbf16>, memref<?x4xi32>, memref<?xi32>, memref<?xi32>
    ```
  }];
  let arguments = (ins MemRefRankOf<[F32, BF16, F16], [2]>:$query,
                       AnyMemRef:$keys, AnyMemRef:$values, Index:$layer,
                       MemRefRankOf<[I32], [2]>:$tasks,
                       MemRefRankOf<[I32], [1]>:$page_start,
                       MemRefRankOf<[I32], [1]>:$page,
                       Variadic<MemRefRankOf<[F16], [5]>>:$scales,
                       Optional<MemRefRankOf<[F32], [1]>>:$sinks,
                       Variadic<AnyType>:$captures,
                       I64Attr:$heads, I64Attr:$key, I64Attr:$value,
                       F32Attr:$scale, I64Attr:$bits,
                       OptionalAttr<Tile_ScheduleAttr>:$schedule);
  let regions = (region SizedRegion<1>:$bounds, AnyRegion:$mask,
                        AnyRegion:$score, SizedRegion<1>:$output);
  let assemblyFormat = [{
    $query `,` $keys `,` $values `layer` `(` $layer `)` `tasks` `(` $tasks `)`
    `pages` `(` $page_start `,` $page `)` `heads` $heads `key` $key
    `value` $value `scale` $scale `bits` $bits
    (`scales` `(` $scales^ `:` type($scales) `)`)?
    (`sinks` `(` $sinks^ `:` type($sinks) `)`)?
    (`captures` `(` $captures^ `:` type($captures) `)`)? attr-dict-with-keyword
    `bounds` $bounds `mask` $mask `score` $score `output` $output
    `:` type($query) `,` type($keys) `,` type($values) `,` type($tasks) `,`
    type($page_start) `,` type($page)
  }];
  let hasVerifier = 1;
}

#endif // DIALECTS_MICATILE_TILEOPS_TD
