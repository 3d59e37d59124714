"""tile.attend on CPUs against numpy: widths, groups, pages, rings, masks.

Every case runs twice: rows together as tasks of prefill, and each row as a task
of its own. The bits must agree: a row depends on its own cache alone.
"""

import dataclasses

import numpy as np
import pytest

import kernels
from kernels import Buffers, Kernel, aligned, decode, encode, module

CAPTURES = ("%pos: memref<?xi32>, %core: memref<?x1xi32>, %tree: memref<?x1xi64>, "
            "%out: memref<?x{0}xf32>")

# Bits of a word a row: may the row see token core + i?
TREE = """
      ^bb0(%m: index, %n: vector<16xi32>, {captures}):
        %word = memref.load %tree[%m, %z] : memref<?x1xi64>
        %first = memref.load %core[%m, %z] : memref<?x1xi32>
        %words = vector.broadcast %word : i64 to vector<16xi64>
        %firsts = vector.broadcast %first : i32 to vector<16xi32>
        %far = arith.subi %n, %firsts : vector<16xi32>
        %low = arith.constant dense<0> : vector<16xi32>
        %high = arith.constant dense<63> : vector<16xi32>
        %above = arith.maxsi %far, %low : vector<16xi32>
        %at = arith.minsi %above, %high : vector<16xi32>
        %wide = arith.extui %at : vector<16xi32> to vector<16xi64>
        %shifted = arith.shrui %words, %wide : vector<16xi64>
        %bit = arith.trunci %shifted : vector<16xi64> to vector<16xi1>
        tile.yield %bit : vector<16xi1>"""

# ALiBi with slope h / 100.
ALIBI = """
      ^bb0(%s: vector<16xf32>, %m: index, %h: index, %n: vector<16xi32>, {captures}):
        %p = memref.load %pos[%m] : memref<?xi32>
        %ps = vector.broadcast %p : i32 to vector<16xi32>
        %d = arith.subi %n, %ps : vector<16xi32>
        %df = arith.sitofp %d : vector<16xi32> to vector<16xf32>
        %hi = arith.index_cast %h : index to i32
        %hf = arith.sitofp %hi : i32 to f32
        %slope = arith.constant 0.01 : f32
        %sh = arith.mulf %hf, %slope : f32
        %shs = vector.broadcast %sh : f32 to vector<16xf32>
        %bias = arith.mulf %df, %shs : vector<16xf32>
        %r = arith.addf %s, %bias : vector<16xf32>
        tile.yield %r : vector<16xf32>"""


@dataclasses.dataclass(frozen=True)
class Shape:
    heads: int = 4
    kv_heads: int = 2
    key: int = 64
    value: int = 64
    page: int = 16
    unit: int = 64
    window: int = 0
    sink: int = 0
    chunk: int = 0
    sinks: bool = False
    tree: bool = False
    alibi: bool = False
    pages: int = 48
    layers: int = 2
    layer: int = 1
    target: str = "v4"
    cache: str = "bf16"

    @property
    def pair(self):
        return {"bf16": 2, "i8": 4, "i4": 4}.get(self.cache, 1)

    @property
    def integers(self):
        return self.cache in ("i8", "i4")

    @property
    def bits(self):
        """Of an element of the cache."""
        return {"f32": 32, "bf16": 16, "f16": 16, "i8": 8, "i4": 4}[self.cache]

    @property
    def element(self):
        """The type of the pool's elements; a byte holds two of i4."""
        return "i8" if self.integers else self.cache

    @property
    def query(self):
        pairs = self.target in ("bf16", "amx") and self.cache == "bf16"
        return "bf16" if pairs else "f32"

    @property
    def padded(self):
        """Key and value widths in a block, in elements of the pool."""
        if self.cache == "i4":
            return -(-self.key // 8) * 4, -(-self.value // 32) * 16
        return (-(-self.key // self.pair) * self.pair, -(-self.value // 16) * 16)

    @property
    def key_groups(self):
        """Numbers beside a key of integers: a scale for 32 columns, and a minimum."""
        return -(-self.key // 32) * self.per_group

    @property
    def per_group(self):
        return 2 if self.cache == "i4" else 1

    @property
    def block(self):
        """Elements of a block; scales of f16 count as two of i8."""
        size = self.page * sum(self.padded)
        if self.integers:
            size += 2 * self.page * (self.key_groups + self.per_group)
        return size

    def scale_types(self):
        """Of keys and of values."""
        outer = [self.layers * self.kv_heads, self.kv_heads, 1]
        strides = [n * self.block // 2 for n in outer] + [self.page, 1]
        at = self.page * sum(self.padded) // 2
        return [f"memref<?x{self.layers}x{self.kv_heads}x{count}x{self.page}xf16, "
                f"strided<{strides}, offset: {first}>>" for count, first in
                ((self.key_groups, at),
                 (self.per_group, at + self.page * self.key_groups))]

    def pool_types(self):
        key, value = self.padded
        g, block = self.pair, self.block
        outer = [self.layers * self.kv_heads * block, self.kv_heads * block, block]
        dims = f"?x{self.layers}x{self.kv_heads}"
        keys = outer + [16 * key, 16 * g, g, 1]
        values = outer + [16 * self.page, 16 * g, g, 1]
        return (f"memref<{dims}x{self.page // 16}x{key // g}x16x{g}x{self.element}, "
                f"strided<{keys}>>",
                f"memref<{dims}x{value // 16}x{self.page // g}x16x{g}x{self.element}, "
                f"strided<{values}, offset: {self.page * key}>>")


def text(shape, rows):
    """The module, with its rows in `rows`; arena `out` is the task table."""
    columns = shape.heads * shape.value
    captures = CAPTURES.format(columns)
    keys, values = shape.pool_types()
    tile = ("rows = [4, 2, 1], panels = [1, 2, 4]" if shape.target in ("v3", "avxvnni")
            else "rows = [12, 8, 4, 2, 1], panels = [2, 2, 4, 4, 4]")
    query = f"memref<?x{shape.heads * shape.key}x{shape.query}>"
    out = f"memref<?x{columns}xf32>"
    lines = [rows.add("q", shape.heads * shape.key, shape.query),
             rows.add("o", columns, "f32")]
    rows.core = rows.size
    mask = TREE.format(captures=captures).replace(
        "%word =", "%z = arith.constant 0 : index\n        %word =", 1)
    core = ("memref.load %core[%m, %z] : memref<?x1xi32>" if shape.tree
            else "arith.addi %p, %one : i32")
    pools, scales, sinks = "", "", ""
    first_tokens, seen = "", " : index, index, index"
    if shape.sink:
        seen = ", %f : index, index, index, index"
        first_tokens = (f"%sink = arith.constant {shape.sink} : index\n        "
                        "%f = arith.minsi %i, %sink : index\n        ")
    if shape.sinks:
        pools = (f"    %sinks = tile.weight %step, %c0 slot 0 : "
                 f"memref<{shape.heads}xf32>\n")
        sinks = f"sinks(%sinks : memref<{shape.heads}xf32>)"
    if shape.integers:
        kinds = shape.scale_types()
        pools += "".join(f"    %{name} = tile.pool %step group 0 : {kind}\n"
                        for name, kind in zip(("ks", "vs"), kinds))
        scales = f"scales(%ks, %vs : {', '.join(kinds)})"
    body = "\n".join(lines) + f"""
    %base = tile.buffer %step, %worker arena row offset {rows.size} : memref<?x1xi32>
    %bits = tile.buffer %step, %worker arena row offset {rows.size + 64} : memref<?x1xi64>
    %tasks = tile.buffer %step, %worker arena out offset 0 : memref<?x4xi32>
    %position = tile.input %step position : memref<?xi32>
    %start = tile.kv_table %step group 0 page_start : memref<?xi32>
    %page = tile.kv_table %step group 0 page : memref<?xi32>
    %k = tile.pool %step group 0 : {keys}
    %v = tile.pool %step group 0 : {values}
{pools}    %layer = arith.constant {shape.layer} : index
    tile.phase "attend" id 0 (%step, %worker, %workers) {{
    tile.attend %q, %k, %v layer(%layer) tasks(%tasks) pages(%start, %page)
      heads {shape.heads} key {shape.key} value {shape.value} scale {shape.key ** -0.5:.9e}
      bits {shape.bits} {scales} {sinks}
      captures(%position, %base, %bits, %o
               : memref<?xi32>, memref<?x1xi32>, memref<?x1xi64>, {out})
      attributes {{schedule = #tile.schedule<{tile}, block = 32, unit = {shape.unit},
                  unroll = 2, prefetch = 64>}}
      bounds {{
      ^bb0(%m: index, {captures}):
        %z = arith.constant 0 : index
        %p = memref.load %pos[%m] : memref<?xi32>
        %one = arith.constant 1 : i32
        %hi = arith.addi %p, %one : i32
        %c = {core}
        %window = arith.constant {shape.window or 1 << 30} : i32
        %least = arith.constant 0 : i32
        %first = arith.subi %hi, %window : i32
        %size = arith.constant {shape.chunk or 1 << 30} : i32
        %past = arith.remui %p, %size : i32
        %begin = arith.subi %p, %past : i32
        %lo = arith.maxsi %first, {"%begin" if shape.chunk else "%least"} : i32
        %i = arith.index_cast %lo : i32 to index
        %j = arith.index_cast %c : i32 to index
        %l = arith.index_cast %hi : i32 to index
        {first_tokens}tile.yield %i, %j, %l{seen}
      }} mask {{{mask if shape.tree else ""}}} score {{{
          ALIBI.format(captures=captures) if shape.alibi else ""}}} output {{
      ^bb0(%r: vector<{shape.value}xf32>, %m: index, %n: index, {captures}):
        tile.store %r, %out[%m, %n] along [1] : vector<{shape.value}xf32>, {out}
        tile.yield
      }} : {query}, {keys}, {values}, memref<?x4xi32>, memref<?xi32>, memref<?xi32>
    }}"""
    return module(shape.target, body)


@dataclasses.dataclass
class Rows:
    """[length, kv heads, width] as they are kept, what that stands for, and scales."""
    stored: np.ndarray
    exact: np.ndarray
    scales: np.ndarray | None = None


class Cache:
    """Sequences of `lengths` tokens in pages in random order; what no token
    fills holds other numbers. With `ring`, at most that many pages each."""

    def __init__(self, shape, lengths, rng, ring=None):
        self.shape = shape
        size = (shape.pages, shape.layers, shape.kv_heads, shape.block)
        others = rng.standard_normal(size) * 3
        if shape.integers:
            self.pool = aligned(size, np.int8, rng.integers(-128, 128, size))
            at = shape.page * sum(shape.padded)
            self.pool[..., at:].view(np.float16)[...] = others[..., at::2]
        else:
            kind = encode(np.zeros(1, np.float32), shape.cache).dtype
            self.pool = aligned(size, kind, encode(others, shape.cache))
        order, self.keys, self.values, tables = rng.permutation(shape.pages), [], [], []
        for length in lengths:
            count = -(-length // shape.page)
            count = min(count, ring or count)
            table, order = order[:count], order[count:]
            tables.append(table)
            key = self.made(rng, length, shape.key, 32)
            value = self.made(rng, length, shape.value, shape.value)
            self.keys.append(key.exact)
            self.values.append(value.exact)
            for n in range(max(0, length - count * shape.page), length):
                self.put(table[n // shape.page % count], n % shape.page, key.stored[n],
                         value.stored[n])
                if shape.integers:
                    self.put_scales(table[n // shape.page % count], n % shape.page,
                                    np.concatenate([key.scales[n], value.scales[n]], -1))
        self.start = np.cumsum([0] + [len(t) for t in tables]).astype(np.int32)
        self.page = np.concatenate(tables).astype(np.int32)

    def made(self, rng, length, width, group):
        """Random rows; of integers with a scale for each `group` of columns, of i4
        with minima behind each."""
        x = rng.standard_normal((length, self.shape.kv_heads, width)).astype(np.float32)
        if not self.shape.integers:
            stored = encode(x, self.shape.cache)
            return Rows(stored, decode(stored, self.shape.cache))
        parts = [x[..., at:at + group] for at in range(0, width, group)]
        wide = lambda numbers: np.repeat(numbers.astype(np.float32), group, -1)[..., :width]
        stack = lambda numbers: np.stack(numbers, -1).astype(np.float16)
        if self.shape.cache == "i8":
            scales = stack([np.abs(p).max(-1) / 127 for p in parts])
            stored = np.clip(np.rint(x / wide(scales)), -127, 127)
            return Rows(stored.astype(np.int8), stored * wide(scales), scales)
        least = stack([p.min(-1) for p in parts])
        scales = stack([(p.max(-1) - p.min(-1)) / 15 for p in parts])
        stored = np.clip(np.rint((x - wide(least)) / np.maximum(wide(scales), 1e-30)), 0, 15)
        both = np.stack([scales, least], -1).reshape(*scales.shape[:-1], -1)
        return Rows(stored.astype(np.int8), stored * wide(scales) + wide(least), both)

    def put_scales(self, page, token, scales):
        s = self.shape
        found = self.pool[page, s.layer][:, s.page * sum(s.padded):].view(np.float16)
        found.reshape(s.kv_heads, -1, s.page)[:, :, token] = scales

    def put(self, page, token, key, value):
        s, g = self.shape, self.shape.pair
        wide_key, wide_value = s.padded
        heads = self.pool[page, s.layer]
        pad = lambda x, width: np.pad(x, ((0, 0), (0, width - x.shape[1])))
        if s.cache == "i8":
            key = key ^ -128  # keys are codes from 0 up
        if s.cache == "i4":
            key = pad(key, 2 * wide_key).reshape(s.kv_heads, -1, 2)
            key = key[..., 0] | key[..., 1] << 4
            value = pad(value, 2 * wide_value).reshape(s.kv_heads, -1, 2, 16)
            value = (value[:, :, 0] | value[:, :, 1] << 4).reshape(s.kv_heads, -1)
        keys = heads[:, :s.page * wide_key].reshape(s.kv_heads, -1, wide_key // g, 16, g)
        keys[:, token // 16, :, token % 16] = pad(key, wide_key).reshape(s.kv_heads, -1, g)
        values = heads[:, s.page * wide_key:s.page * sum(s.padded)].reshape(
            s.kv_heads, wide_value // 16, s.page // g, 16, g)
        values[:, :, token // g, :, token % g] = pad(value, wide_value).reshape(
            s.kv_heads, -1, 16)


def reference(shape, cache, q, position, sequence, core, tree, sinks):
    """[T, heads * value] in f64."""
    result = np.zeros((len(position), shape.heads, shape.value))
    q = decode(encode(q, shape.query), shape.query).astype(np.float64)
    for m, (p, s) in enumerate(zip(position, sequence)):
        n = np.arange(p + 1)
        seen = (n > p - (shape.window or p + 1)) | (n < shape.sink)
        seen &= n >= p - p % (shape.chunk or p + 1)
        if shape.tree:
            bits = [int(tree[m]) >> min(max(i - core[m], 0), 63) & 1 for i in n]
            seen &= (n < core[m]) | np.array(bits, bool)
        for h in range(shape.heads):
            head = h * shape.kv_heads // shape.heads
            row = q[m, h * shape.key:(h + 1) * shape.key]
            x = cache.keys[s][:p + 1, head] @ row * shape.key ** -0.5
            x = np.where(seen, x + (n - p) * h * 0.01 * shape.alibi, -np.inf)
            sink = sinks[h] if shape.sinks else -np.inf
            top = max(x.max(), sink)
            w = np.exp(x - top)
            result[m, h] = (w @ cache.values[s][:p + 1, head].astype(np.float64)
                            / (w.sum() + np.exp(sink - top)))
    return result.reshape(len(position), -1)


def run(shape, steps, ring=None, workers=1):
    """`steps`: (tokens in the cache, of which rows of this step) of each
    sequence. Returns the result, that of rows alone, and the reference."""
    rng = np.random.default_rng(1)
    cache = Cache(shape, [length for length, _ in steps], rng, ring)
    position = np.concatenate([np.arange(n - r, n) for n, r in steps]).astype(np.int32)
    sequence = np.repeat(np.arange(len(steps)), [r for _, r in steps])
    t = len(position)
    q = rng.standard_normal((t, shape.heads * shape.key)).astype(np.float32) * 2
    core = np.maximum(position + 1 - rng.integers(0, 20, t), 0).astype(np.int32)
    tree = rng.integers(0, 2**62, t) | 1 << np.clip(position - core, 0, 63)
    sinks = aligned((shape.heads,), np.float32, rng.standard_normal(shape.heads) * 4)
    buffers, ends = Buffers(), np.cumsum([r for _, r in steps])
    kernel = Kernel(text(shape, buffers))
    together = [(s, m, min(m + 32, end)) for s, (end, (_, r)) in
                enumerate(zip(ends, steps)) for m in range(end - r, end, 32)]
    results = []
    for tasks in together, [(sequence[m], m, m + 1) for m in range(t)]:
        table = np.zeros((1 + len(tasks), 4), np.int32)
        table[0, 0], table[1:, :3] = len(tasks), tasks
        buffers.size = buffers.core + 128
        memory = buffers.allocate(t)
        buffers.array("q")[...] = encode(q, shape.query)
        memory[buffers.core * t:].view(np.int32)[:t] = core
        memory[(buffers.core + 64) * t:].view(np.int64)[:t] = tree
        kernel.run(rows=t, outs=len(table), weights=[sinks], arenas=(memory, table), workers=workers,
                   kv=[{"pool": cache.pool, "page_start": cache.start, "page": cache.page}],
                   position=position)
        results.append(buffers.array("o").copy())
    return *results, reference(shape, cache, q, position, sequence, core, tree, sinks)


def check(shape, steps, **options):
    got, alone, want = run(shape, steps, **options)
    assert np.array_equal(got.view(np.uint32), alone.view(np.uint32))
    error = np.sqrt(np.mean((got - want) ** 2) / np.mean(want ** 2))
    # A weight rounded to bf16 is off by 2^-9 at most, on average by a third.
    # A query of 16 bits, off by 2^-17 of its greatest element (6 here), moves a score
    # by 5e-5, and its exponential as much. Weights of 16 bits meet codes of 4 bits that
    # count from the least element, three times as large as values about 0.
    bound = {"i8": 1e-4, "i4": 2e-4}.get(shape.cache, 1e-6)
    assert error < (2e-3 if shape.query == "bf16" else bound), error


RAGGED = [(1, 1), (17, 17), (70, 5), (130, 1), (200, 64), (33, 33)]
KINDS = [dict(target=target, cache=cache) for target, cache in (
    ("v3", "f32"), ("v3", "bf16"), ("v3", "f16"), ("v4", "f32"), ("v4", "bf16"),
    ("v4", "f16"), *((target, cache) for cache in ("i8", "i4")
                     for target in ("v3", "avxvnni", "v4", "vnni")),
    ("bf16", "bf16"), ("amx", "bf16")) if kernels.available(target)]
ARMS = [dict(target=target, cache=cache) for target, cache in (
    ("arm", "f32"), ("arm", "bf16"), ("arm", "f16"), ("arm", "i8"), ("arm", "i4"),
    ("arm-bf16", "bf16")) if kernels.available(target)]
SHAPES = [dict(), dict(key=24, value=24, heads=3, kv_heads=3),
          dict(key=40, value=40, heads=6), dict(key=80, value=80, page=32),
          dict(key=7, value=5, heads=5, kv_heads=1),
          dict(key=65, value=33, heads=2, unit=32), dict(key=256, value=256, page=32),
          dict(heads=16, kv_heads=1, page=64, unit=32), dict(heads=14, window=40, unit=128),
          dict(tree=True), dict(tree=True, window=30, alibi=True),
          dict(sinks=True), dict(window=40, sink=4, unit=32),
          dict(window=70, sink=37, heads=6, key=40, unit=32, alibi=True),
          dict(chunk=48, heads=6), dict(chunk=16, unit=32, sinks=True, key=24, value=24),
          dict(window=20, sink=4, sinks=True, tree=True, heads=14)]


def name(options):
    return "-".join(f"{k}{v}" for k, v in options.items()) or "plain"


# Every kind with the plain shape, and each other shape with a third of them.
CASES = [{**shape, **kind} for i, shape in enumerate(SHAPES)
         for j, kind in enumerate(KINDS) if i == 0 or i % 3 == j % 3]
CASES += [{**shape, **kind} for i, shape in enumerate(SHAPES[:1] + SHAPES[3:6])
          for j, kind in enumerate(ARMS) if i == 0 or i % 3 == j % 3]
# Tiles need pages of 32 tokens and multiples of 32 in keys.
CASES += [{**shape, **KINDS[-1], "page": 32} for shape in (
    dict(), dict(key=128, value=80), dict(key=32, value=256, heads=14), dict(unit=128),
    dict(heads=16, kv_heads=1, page=64, unit=32), dict(tree=True, window=30, alibi=True),
    dict(sinks=True, window=40), dict(window=33, sink=4), dict(chunk=48, sinks=True))]


@pytest.mark.parametrize("case", CASES, ids=name)
def test_shapes(case):
    check(Shape(**case), RAGGED)


@pytest.mark.parametrize("kind", KINDS[:2] + KINDS[-1:], ids=name)
@pytest.mark.parametrize("page, ring, window, steps", [
    (16, 5, 40, [(300, 1), (90, 8), (16, 16), (250, 33)]),
    (32, 3, 40, [(300, 1), (90, 20), (250, 20)]),
    (16, 4, 24, [(1000, 1), (17, 17)])])
def test_rings(kind, page, ring, window, steps):
    check(Shape(heads=6, window=window, page=page, **kind), steps, ring=ring)
    check(Shape(heads=6, chunk=window, sinks=True, page=page, **kind), steps, ring=ring)


INTEGERS = [kind["target"] for kind in KINDS + ARMS if kind["cache"] == "i8"]


@pytest.mark.parametrize("cache", ["i8", "i4"])
@pytest.mark.parametrize("target", INTEGERS[1:])
def test_integers_are_the_same_everywhere(target, cache):
    """Sums of integers are exact, whatever instruction makes them."""
    shape = dict(cache=cache, key=72, value=40, heads=6)
    one, other = (run(Shape(target=t, **shape), RAGGED)[0] for t in (INTEGERS[0], target))
    assert np.array_equal(one.view(np.uint32), other.view(np.uint32))


def test_workers():
    shape = Shape(**KINDS[-1])
    one, two = run(shape, RAGGED)[0], run(shape, RAGGED, workers=3)[0]
    assert np.array_equal(one.view(np.uint32), two.view(np.uint32))
