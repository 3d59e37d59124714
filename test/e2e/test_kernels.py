"""Stage 3 for CPUs against numpy: products, epilogues, row work, functions."""

import functools
import re

import numpy as np
import pytest

import kernels
from kernels import Buffers, Kernel, decode, encode, module, pack

ROWS = [1, 2, 7, 8, 12, 23, 70]


def padded(columns, to=16):
    return -(-columns // to) * to


def runnable(*cases):
    """Parameters (target, weight, input, …) that this machine can run."""
    return [case for case in cases if kernels.available(case[0])]


PAIRS = runnable(("v3", "f32", "f32"), ("v3", "bf16", "f32"), ("v3", "f16", "f32"),
                 ("v4", "f32", "f32"), ("v4", "bf16", "f32"), ("v4", "f16", "f32"),
                 ("v4", "bf16", "bf16"), ("bf16", "bf16", "bf16"),
                 ("amx", "bf16", "bf16"), ("bf16", "f16", "f32"))
ARM_PAIRS = runnable(("arm", "f32", "f32"), ("arm", "bf16", "f32"), ("arm", "f16", "f32"),
                     ("arm-bf16", "bf16", "bf16"))


# --- epilogues: stage-2 text and what it means ------------------------------


def bias_residual(columns):
    """acc + bias[n] + residual[m, n], elastic."""
    p = padded(columns)
    return f"""
      ^bb0(%acc: vector<16xf32>, %m: index, %n: index, %out: memref<?x{p}xf32>,
           %res: memref<?x{p}xf32>, %bias: memref<{p}xf32>):
        %bn = vector.load %bias[%n] : memref<{p}xf32>, vector<16xf32>
        %r = tile.load %res[%m, %n] along [1] : memref<?x{p}xf32>, vector<16xf32>
        %s = arith.addf %acc, %bn : vector<16xf32>
        %t = arith.addf %s, %r : vector<16xf32>
        tile.store %t, %out[%m, %n] along [1] : vector<16xf32>, memref<?x{p}xf32>
        tile.yield"""


def normalized(granule):
    """The segment of `granule` columns over its root mean square."""
    def text(columns):
        p, v = padded(columns), f"vector<{granule}xf32>"
        return f"""
      ^bb0(%acc: {v}, %m: index, %n: index, %out: memref<?x{p}xf32>,
           %res: memref<?x{p}xf32>, %bias: memref<{p}xf32>):
        %sq = arith.mulf %acc, %acc : {v}
        %sum = vector.reduction <add>, %sq : {v} into f32
        %scale = arith.constant {1 / granule} : f32
        %mean = arith.mulf %sum, %scale : f32
        %root = math.sqrt %mean : f32
        %all = vector.broadcast %root : f32 to {v}
        %z = arith.divf %acc, %all : {v}
        tile.store %z, %out[%m, %n] along [1] : {v}, memref<?x{p}xf32>
        tile.yield"""
    return text


def silu_gate(columns):
    """32 gate columns beside their 32 up columns: silu(gate) * up at n / 2."""
    p = padded(columns)
    return f"""
      ^bb0(%acc: vector<64xf32>, %m: index, %n: index, %out: memref<?x{p}xf32>,
           %res: memref<?x{p}xf32>, %bias: memref<{p}xf32>):
        %g = vector.extract_strided_slice %acc {{offsets = [0], sizes = [32], strides = [1]}}
             : vector<64xf32> to vector<32xf32>
        %u = vector.extract_strided_slice %acc {{offsets = [32], sizes = [32], strides = [1]}}
             : vector<64xf32> to vector<32xf32>
        %neg = arith.negf %g : vector<32xf32>
        %e = math.exp %neg : vector<32xf32>
        %one = arith.constant dense<1.0> : vector<32xf32>
        %d = arith.addf %e, %one : vector<32xf32>
        %q = arith.divf %g, %d : vector<32xf32>
        %z = arith.mulf %q, %u : vector<32xf32>
        %c2 = arith.constant 2 : index
        %half = arith.divui %n, %c2 : index
        tile.store %z, %out[%m, %half] along [1] : vector<32xf32>, memref<?x{p}xf32>
        tile.yield"""


def expected(epilogue, granule, product, aux, bias):
    if epilogue is bias_residual:
        return product + bias + aux
    if epilogue is silu_gate:
        t = product.reshape(len(product), -1, 2, 32)
        gate, up = t[:, :, 0], t[:, :, 1]
        return (gate / (1 + np.exp(-gate)) * up).reshape(len(product), -1)
    t = product.reshape(len(product), -1, granule)
    return (t / np.sqrt((t * t).mean(-1, keepdims=True))).reshape(len(product), -1)


class Contract:
    """One product with an epilogue, compiled once and run at several sizes."""

    def __init__(self, target, weight, kind, n, k, granule, epilogue, schedule=""):
        rng = np.random.default_rng(1)
        self.kind, self.n, self.k = kind, n, k
        w = rng.standard_normal((n, k)) / np.sqrt(k)
        self.weight = decode(encode(w, weight), weight)
        self.packed, weight_type = pack(w, weight, granule)
        self.bias = kernels.aligned((padded(n),), np.float32,
                                    rng.standard_normal(padded(n)))
        self.x = rng.standard_normal((max(ROWS), k))
        self.aux = rng.standard_normal((max(ROWS), padded(n))).astype(np.float32)
        self.epilogue, self.granule = epilogue, granule
        self.buffers = Buffers()
        p, x = padded(n), f"memref<?x{padded(k)}x{kind}>"
        elastic = "elastic" if epilogue is bias_residual else ""
        body = "\n".join([
            self.buffers.add("x", padded(k), kind),
            self.buffers.add("y", p, "f32"), self.buffers.add("aux", p, "f32"), f"""
    %w = tile.weight %step, %c0 slot 0 : {weight_type}
    %b = tile.weight %step, %c0 slot 1 : memref<{p}xf32>
    tile.phase "p" id 0 (%step, %worker, %workers) {{
      tile.contract %x, %w columns {n} granule {granule} {elastic}
          captures(%y, %aux, %b : memref<?x{p}xf32>, memref<?x{p}xf32>, memref<{p}xf32>)
          {schedule} {{{epilogue(n)}
      }} : {x}, {weight_type}
    }}"""])
        self.kernel = Kernel(module(target, body))

    def run(self, rows, workers=1, first=0):
        memory = self.buffers.allocate(rows)
        x = self.buffers.array("x")
        x[:] = 0
        x[:, :self.k] = encode(self.x[first:first + rows], self.kind)
        self.buffers.array("aux")[:] = self.aux[first:first + rows]
        self.kernel.run(rows=rows, workers=workers, arenas=(memory, None),
                        weights=[self.packed, self.bias])
        width = self.n // 2 if self.epilogue is silu_gate else self.n
        return self.buffers.array("y")[:, :width].copy()

    def reference(self, rows):
        x = decode(encode(self.x[:rows], self.kind), self.kind).astype(np.float64)
        return expected(self.epilogue, self.granule, x @ self.weight.T.astype(float),
                        self.aux[:rows, :self.n], self.bias[:self.n])


def check_contract(contract):
    """Right values at every size, and a row's bits whoever shares the batch."""
    whole = contract.run(max(ROWS))
    reference = contract.reference(max(ROWS))
    error = np.abs(whole - reference).max() / np.abs(reference).max()
    assert error < 4e-6, error
    for rows in ROWS:
        np.testing.assert_array_equal(contract.run(rows), whole[:rows])
    np.testing.assert_array_equal(contract.run(23, workers=3), whole[:23])
    np.testing.assert_array_equal(contract.run(1, first=69)[0], whole[69])


@pytest.mark.parametrize("target,weight,kind", PAIRS + ARM_PAIRS)
@pytest.mark.parametrize("n,k", [(200, 80), (33, 1000)])
def test_contract_elastic(target, weight, kind, n, k):
    check_contract(Contract(target, weight, kind, n, k, 16, bias_residual))


@pytest.mark.parametrize("target,weight,kind",
                         PAIRS[1:9:3] + PAIRS[8:9] + ARM_PAIRS[1:2])
@pytest.mark.parametrize("granule", [16, 24, 32, 64, 80, 128])
def test_contract_fixed(target, weight, kind, granule):
    check_contract(
        Contract(target, weight, kind, 5 * granule, 112, granule, normalized(granule)))


@pytest.mark.parametrize("target,weight,kind", PAIRS[2::3])
def test_contract_silu_gate(target, weight, kind):
    check_contract(Contract(target, weight, kind, 320, 96, 64, silu_gate))


@pytest.mark.parametrize("target,weight,kind", PAIRS[::3])
def test_contract_elastic_in_wide_granules(target, weight, kind):
    check_contract(Contract(target, weight, kind, 384, 64, 128, bias_residual))


@pytest.mark.parametrize("target,weight,kind", PAIRS[1::4])
def test_contract_prefetch_and_rest_of_k(target, weight, kind):
    schedule = ("attributes {schedule = #tile.schedule<rows = [5, 3, 1], "
                "panels = [2, 1, 3], block = 16, unit = 48, unroll = 5, "
                "prefetch = 512>}")
    check_contract(
        Contract(target, weight, kind, 200, 80, 16, bias_residual, schedule))


@pytest.mark.parametrize("target,weight,kind", PAIRS[1::4] + PAIRS[-1:])
@pytest.mark.parametrize("granule,epilogue", [(16, bias_residual), (40, normalized(40))])
def test_contract_in_parts_of_k(target, weight, kind, granule, epilogue):
    """Sums that wait between parts of k are those of one pass, bit for bit: 23
    rows pass in parts, 8 rows at once."""
    if target == "amx":
        tiles = "rows = [32, 16, 1], panels = [2, 2, 4], block = 32, depth = 96"
    else:
        tiles = "rows = [5, 3, 1], panels = [2, 1, 3], block = 16, depth = 26"
    tiles, depth = tiles.rsplit(", ", 1)
    schedule = (f"attributes {{schedule = #tile.schedule<{tiles}, unit = 48, "
                f"unroll = 5, prefetch = 0, {depth}>}}")
    check_contract(Contract(target, weight, kind, 520, 232, granule, epilogue,
                            schedule))


# --- grouped ----------------------------------------------------------------

# Some parts have no row, one has most.
OFFSETS = np.array([1, 1, 4, 5, 5, 51, 58, 58], np.int32)
# The same as runs: how many there are, part and first row of each, the end.
FILLED = np.flatnonzero(np.diff(OFFSETS))
RUNS = np.array([(len(FILLED), 0), *((p, OFFSETS[p]) for p in FILLED),
                 (0, OFFSETS[-1])], np.int32)
GROUPED = runnable(("v3", "f32", "f32"), ("v4", "bf16", "f32"), ("bf16", "bf16", "bf16"),
                   ("v3", "q4_0", "i8"), ("v4", "q4_0", "i8"), ("vnni", "q4_0", "i8"),
                   ("v4", "q4_0", "f32"), ("bf16", "q4_0", "bf16"),
                   ("arm-dot", "q4_0", "i8"), ("arm-bf16", "q4_0", "bf16"))
N, K = 200, 128


class Grouped:
    """Products of [?, K] with OFFSETS.size - 1 parts of [N, K], or with one."""

    def __init__(self, target, weight, kind, grouped, schedule):
        self.kind, self.buffers = kind, Buffers()
        parts = OFFSETS.size - 1 if grouped else 1
        blocks, width = "", K
        shape = f"{parts * padded(N) // 16}x{K}x16x1x{weight}"
        if weight == "bf16":
            shape = f"{parts * padded(N) // 16}x{K // 2}x16x2xbf16"
        if weight == "q4_0":
            shape = f"{parts * padded(N) // 16}x{K // 64}x9x64xi8"
            blocks = ("blocks <bits = 4, zero = 8, group = 32, scale = f16> "
                      f"terms {K}")
        if kind == "i8":
            blocks += " groups <32 part 32 zero 8>"
            width += K // 4
        table = f"memref<{len(RUNS)}x2xi32>"
        runs = f"runs(%o : {table}) parts {parts}" if grouped else ""
        p = padded(N)
        body = "\n".join([
            self.buffers.add("x", width, kind), self.buffers.add("y", p, "f32"), f"""
    %w = tile.weight %step, %c0 slot 0 : memref<{shape}>
    %o = tile.weight %step, %c0 slot 1 : {table}
    tile.phase "p" id 0 (%step, %worker, %workers) {{
      tile.contract %x, %w {runs} columns {N} granule 16 elastic {blocks}
          captures(%y : memref<?x{p}xf32>) {schedule} {{
      ^bb0(%acc: vector<16xf32>, %m: index, %n: index, %out: memref<?x{p}xf32>):
        tile.store %acc, %out[%m, %n] along [1] : vector<16xf32>, memref<?x{p}xf32>
        tile.yield
      }} : memref<?x{width}x{kind}>, memref<{shape}>
    }}"""])
        self.kernel = Kernel(module(target, body))

    def run(self, x, packed, workers=1):
        memory = self.buffers.allocate(len(x))
        self.buffers.array("x")[:] = x
        self.kernel.run(rows=len(x), workers=workers, arenas=(memory, None),
                        weights=[packed, kernels.aligned(RUNS.shape, np.int32, RUNS)])
        return self.buffers.array("y")[:, :N].copy()


def inputs_of_groups(kind, rows, rng):
    """Rows as they lie in memory."""
    if kind != "i8":
        return encode(rng.standard_normal((rows, K)), kind)
    return integer_rows(rows, K, rng, part=32, zero=8)


def integer_rows(rows, columns, rng, part, zero):
    """Rows of #tile.groups<32 part .. zero ..>, as they lie in memory."""
    values = rng.integers(-127, 128, (rows, columns), dtype=np.int8)
    scales = rng.uniform(0.5, 1, (rows, columns // 32)).astype(np.float32)
    sums = values.reshape(rows, -1, part).sum(-1, dtype=np.float32)
    if zero:
        sums = 3 * 2**22 - zero * sums
    return np.concatenate([values, scales.view(np.int8), sums.view(np.int8)], 1)


def weights_of_parts(weight, rng):
    """Each part as it lies in memory."""
    for _ in OFFSETS[1:]:
        if weight != "q4_0":
            yield pack(rng.standard_normal((N, K)), weight)[0]
            continue
        lines = rng.integers(0, 256, (padded(N) // 16, K // 64, 9, 64), np.uint8)
        lines[:, :, 0] = rng.uniform(0.5, 1, (*lines.shape[:2], 32)).astype(
            np.float16).view(np.uint8)
        yield kernels.aligned(lines.shape, np.uint8, lines)


@pytest.mark.parametrize("target,weight,kind", GROUPED)
@pytest.mark.parametrize("depth", [0, 64])
def test_contract_grouped(target, weight, kind, depth):
    """Every row has the bits that it has beside its part alone, others none."""
    schedule = ("attributes {schedule = #tile.schedule<rows = [4, 3, 1], "
                "panels = [1, 2, 2], block = 16, unit = 48, unroll = 2, "
                f"prefetch = [512, 0, 64], depth = {depth}>}}")
    if (weight, kind) == ("q4_0", "bf16"):  # opened for all rows of a part
        schedule = schedule.replace("{", "{round_weights_from = 1 : i64, ", 1)
    rng = np.random.default_rng(5)
    grouped, plain = (Grouped(target, weight, kind, which, schedule)
                      for which in (True, False))
    x = inputs_of_groups(kind, OFFSETS[-1] + 3, rng)
    parts = list(weights_of_parts(weight, rng))
    together = kernels.aligned((len(parts), *parts[0].shape), parts[0].dtype, parts)
    for workers in (1, 3):
        y = grouped.run(x, together, workers)
        for part, first, end in zip(parts, OFFSETS, OFFSETS[1:]):
            if first < end:
                wanted = plain.run(x[first:end], part)
                assert np.isfinite(wanted).all()
                np.testing.assert_array_equal(y[first:end], wanted)
        assert np.isnan(y[[0, *range(OFFSETS[-1], len(x))]]).all()


# --- main loops -------------------------------------------------------------


JUMP = r"(?:j\w+|b(?:\.\w+)?|cbn?z\s+\w+,)"
SPILL = r"\(%r[sb]p.*%[yzt]mm|%[yzt]mm.*\(%r[sb]p|\bq\d+, \[sp"


def innermost_loops(assembly):
    """Lines of each loop that has no jump inside."""
    lines = assembly.splitlines()
    labels = {line[:-1]: i for i, line in enumerate(lines)
              if re.fullmatch(r"\.LBB\d+_\d+:", line)}
    for i, line in enumerate(lines):
        jump = re.match(rf"\s+{JUMP}\s+(\.LBB\d+_\d+)", line)
        if jump and labels.get(jump[1], i) < i:
            body = lines[labels[jump[1]] + 1:i]
            if not any(re.match(rf"\s+{JUMP}\s", inside) for inside in body):
                yield body


# Compiled on any machine, whatever it can run.
@pytest.mark.parametrize("target,weight,kind,product,register,tiles", [
    ("v3", "f32", "f32", "vfmadd", "%ymm", 4), ("v3", "bf16", "f32", "vfmadd", "%ymm", 4),
    ("v3", "f16", "f32", "vfmadd", "%ymm", 4), ("v4", "f32", "f32", "vfmadd", "%zmm", 5),
    ("v4", "bf16", "f32", "vfmadd", "%zmm", 5), ("v4", "f16", "f32", "vfmadd", "%zmm", 5),
    ("bf16", "bf16", "bf16", "vdpbf16ps", "%zmm", 5),
    ("arm", "f32", "f32", "fmla", ".4s", 3), ("arm", "bf16", "f32", "fmla", ".4s", 3),
    ("arm", "f16", "f32", "fmla", ".4s", 3),
    ("arm-bf16", "bf16", "bf16", "bfdot", ".4s", 3),
    ("amx", "bf16", "bf16", "tdpbf16ps", "%tmm", 6)])
def test_main_loops(target, weight, kind, product, register, tiles):
    """Each row tile's loop multiplies by the target's best instruction and keeps
    its vectors in registers."""
    kernel = Contract(target, weight, kind, 64, 256, 16, bias_residual,
                      of_arm(target)).kernel
    check_loops(kernel, product, register, tiles)


def of_arm(target):
    """A schedule for any product on AArch64, else none."""
    return ("attributes {schedule = #tile.schedule<rows = [4, 2, 1], panels = "
            "[1, 1, 1], block = 96, unit = 64, unroll = 2, prefetch = 0>}"
            if target.startswith("arm") else "")


def check_loops(kernel, product, register, tiles, spilling=0):
    """Asserts of the loops with `product` that so many spill."""
    loops = [loop for loop in innermost_loops(kernel.assembly())
             if sum(product in line for line in loop) > 1]
    assert len(loops) == tiles
    for loop in loops:
        assert all(register in line for line in loop if product in line)
    spills = [[line for line in loop if re.search(SPILL, line)] for loop in loops]
    assert sum(map(bool, spills)) == spilling, spills


@pytest.mark.parametrize("target", ["v4", "vnni"])
def test_no_pairs_without_them(target):
    """AVX-512 without BF16 multiplies bf16 weights in f32."""
    text = Contract(target, "bf16", "f32", 64, 256, 16,
                    bias_residual).kernel.assembly()
    assert re.search(r"vfmadd\w+\s.*%zmm", text)
    assert not re.search(r"vdpbf16ps|vcvtne", text)


# --- rows -------------------------------------------------------------------


def rms_norm(kind, columns, granule):
    p, v = padded(columns), f"vector<{granule}xf32>"
    buffers = Buffers()
    declare = [buffers.add("x", padded(columns, granule), "f32"),
               buffers.add("y", padded(columns, granule), kind)]
    p = padded(columns, granule)
    x, y = f"memref<?x{p}xf32>", f"memref<?x{p}x{kind}>"
    return buffers, "\n".join(declare) + f"""
    %T = tile.count %step rows
    tile.phase "norm" id 0 (%step, %worker, %workers) {{
      tile.rows %T columns {columns} granule {granule}
          captures(%x, %y : {x}, {y})
      apply {{
      ^bb0(%m: index, %n: index, %top: f32, %sum: f32, %in: {x}, %out: {y}):
        %v = tile.load %in[%m, %n] along [1] : {x}, {v}
        %scale = arith.constant {1 / columns} : f32
        %mean = arith.mulf %sum, %scale : f32
        %root = math.sqrt %mean : f32
        %d = arith.mulf %root, %top : f32
        %all = vector.broadcast %d : f32 to {v}
        %r = arith.divf %v, %all : {v}
        tile.store %r, %out[%m, %n] along [1] : {v}, {y}
        tile.yield
      }} kinds ["max", "add"] {{
      ^bb0(%m: index, %n: index, %in: {x}, %out: {y}):
        %v = tile.load %in[%m, %n] along [1] : {x}, {v}
        tile.yield %v : {v}
      }}, {{
      ^bb0(%m: index, %n: index, %top: f32, %in: {x}, %out: {y}):
        %v = tile.load %in[%m, %n] along [1] : {x}, {v}
        %q = arith.mulf %v, %v : {v}
        tile.yield %q : {v}
      }}
    }}"""


@pytest.mark.parametrize("target", [t for t in ("v3", "v4", "bf16", "arm", "arm-bf16")
                                    if kernels.available(t)])
@pytest.mark.parametrize("kind,columns,granule", [("f32", 200, 64), ("bf16", 640, 64),
                                                  ("f16", 37, 16), ("bf16", 16, 16)])
def test_rows(target, kind, columns, granule):
    buffers, body = rms_norm(kind, columns, granule)
    kernel = Kernel(module(target, body))
    for rows, workers in [(1, 1), (9, 1), (9, 2)]:
        memory = buffers.allocate(rows)
        x = np.random.default_rng(2).standard_normal((rows, columns)) - 4
        # What lies beyond the columns takes no part, whatever it is.
        buffers.array("x")[:] = 1e6
        buffers.array("x")[:, :columns] = x
        kernel.run(rows=rows, workers=workers, arenas=(memory, None))
        x = x.astype(np.float32).astype(np.float64)
        wanted = x / np.sqrt((x * x).mean(1, keepdims=True)) / x.max(1, keepdims=True)
        got = decode(buffers.array("y")[:, :columns], kind)
        bound = {"f32": 1e-6, "f16": 6e-4, "bf16": 4e-3}[kind]
        np.testing.assert_allclose(got, wanted, rtol=bound)


# --- functions --------------------------------------------------------------


@functools.cache
def function_kernel(target, op, source="f32", result="f32"):
    buffers = Buffers()
    declare = "\n".join([buffers.add("x", 64, source), buffers.add("y", 64, result)])
    compute = f"%r = math.{op} %v : vector<64xf32>" if op else \
        "%r = arith.addf %v, %z : vector<64xf32>"
    x, y = f"memref<?x64x{source}>", f"memref<?x64x{result}>"
    return buffers, Kernel(module(target, declare + f"""
    %T = tile.count %step rows
    tile.phase "f" id 0 (%step, %worker, %workers) {{
      tile.rows %T columns 64 granule 64 captures(%x, %y : {x}, {y}) apply {{
      ^bb0(%m: index, %n: index, %in: {x}, %out: {y}):
        %v = tile.load %in[%m, %n] along [1] : {x}, vector<64xf32>
        %z = arith.constant dense<-0.0> : vector<64xf32>
        {compute}
        tile.store %r, %out[%m, %n] along [1] : vector<64xf32>, {y}
        tile.yield
      }} kinds []
    }}"""))


def evaluate(target, op, values, source="f32", result="f32"):
    buffers, kernel = function_kernel(target, op, source, result)
    rows = -(-len(values) // 64)
    memory = buffers.allocate(rows)
    buffers.array("x").ravel()[:] = np.resize(values, rows * 64)
    kernel.run(rows=rows, arenas=(memory, None))
    return buffers.array("y").ravel()[:len(values)].copy()


def ulps(got, wanted):
    return np.abs(got.astype(np.float64) - wanted) / np.spacing(
        np.abs(wanted).astype(np.float32)).astype(np.float64)


BASES = [t for t in ("v3", "v4", "arm") if kernels.available(t)]


@pytest.mark.parametrize("target", BASES)
def test_exp(target):
    x = np.linspace(-87.3, 88.72, 400001, dtype=np.float32)
    assert ulps(evaluate(target, "exp", x), np.exp(x.astype(float))).max() <= 2
    x = np.linspace(-125.9, 127.99, 400001, dtype=np.float32)
    assert ulps(evaluate(target, "exp2", x), np.exp2(x.astype(float))).max() <= 2
    special = np.array([-np.inf, -1e30, 0, 89, np.inf, np.nan], np.float32)
    for op in ("exp", "exp2"):
        np.testing.assert_array_equal(
            evaluate(target, op, special * np.float32(2)),
            np.array([0, 0, 1, np.inf, np.inf, np.nan], np.float32))


@pytest.mark.parametrize("target", BASES)
def test_log(target):
    x = np.random.default_rng(1).uniform(-87, 88, 4096).astype(np.float32)
    x = np.concatenate([np.exp(x), 1 + x / 1000, np.arange(1, 4097, dtype=np.float32)])
    exact = np.log(x.astype(np.float64))
    assert ulps(evaluate(target, "log", x), exact).max() <= 2
    odd = np.array([0, np.inf, -1, np.nan], np.float32)
    assert np.array_equal(evaluate(target, "log", odd),
                          np.array([-np.inf, np.inf, np.nan, np.nan], np.float32),
                          equal_nan=True)


@pytest.mark.parametrize("target", BASES)
def test_tanh_erf(target):
    import math
    x = np.concatenate([np.linspace(-12, 12, 200001),
                        [-np.inf, np.inf, 1e30, 1e-30]]).astype(np.float32)
    assert np.abs(evaluate(target, "tanh", x) - np.tanh(x.astype(float))).max() <= 2e-7
    erf = np.array([math.erf(v) for v in x])
    assert np.abs(evaluate(target, "erf", x) - erf).max() <= 2e-7
    assert np.isnan(evaluate(target, "tanh", np.array([np.nan], np.float32)))
    assert np.isnan(evaluate(target, "erf", np.array([np.nan], np.float32)))


@pytest.mark.parametrize("target", BASES)
def test_sin_cos(target):
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.uniform(-2**20, 2**20, 100000), np.linspace(-7, 7, 100001),
                        np.arange(0, 2**20, 7)]).astype(np.float32)
    for op, f in (("sin", np.sin), ("cos", np.cos)):
        assert np.abs(evaluate(target, op, x) - f(x.astype(float))).max() <= 1e-7


@pytest.mark.parametrize("target", [t for t in ("v3", "v4", "bf16", "arm", "arm-bf16")
                                    if kernels.available(t)])
def test_rounding(target):
    bits = np.random.default_rng(4).integers(0, 2**32, 100000, dtype=np.uint64)
    x = bits.astype(np.uint32).view(np.float32)
    x = x[np.isfinite(x) & (np.abs(x) > 1e-37)]
    halves = kernels.from_bf16(np.arange(0x3F80, 0x4100, dtype=np.uint16))
    x = np.concatenate([x, halves[:-1] / 2 + halves[1:] / 2]).astype(np.float32)
    np.testing.assert_array_equal(evaluate(target, "", x, "f32", "bf16"),
                                  kernels.to_bf16(x))
    half = np.clip(x, -60000, 60000)
    half = half[np.abs(half) > 1e-4]
    np.testing.assert_array_equal(evaluate(target, "", half, "f32", "f16"),
                                  half.astype(np.float16))
    nan = evaluate(target, "", np.array([np.nan], np.float32), "f32", "bf16")
    assert np.isnan(kernels.from_bf16(nan))
