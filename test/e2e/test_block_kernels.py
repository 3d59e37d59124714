"""Products with weights of block formats, on tiles and on AArch64: the bits that
AVX-512 and AVX2 give, and the loops that give them."""

import numpy as np
import pytest

import kernels
from kernels import Buffers, Kernel, module
from test_kernels import check_loops, integer_rows, of_arm

# --- tiles of integers ------------------------------------------------------

# Blocks, their size, lines of scales, bits; part and zero of the rows' sums.
TILED = [("bits = 4, zero = 8, group = 32, scale = f16", 64, 1, 4, 32, 8),
         ("bits = 4, zero = 0, group = 32, scale = f16 min = true", 32, 1, 4, 32, 0),
         ("bits = 6, zero = 32, group = 16, scale = f16 super = 256", 256, 5, 6, 16, 32),
         ("bits = 6, zero = 32, group = 16, scale = f16 super = 256", 256, 5, 6, 16, 0),
         ("bits = 2, zero = 0, group = 16, scale = f16 super = 256 min = true",
          256, 9, 2, 16, 0)]


class Blocks:
    """Products of 70 rows with 80 columns of 512 terms, in a format of blocks;
    `x`: the rows as they lie in memory, of `kind`."""
    N, K = 80, 512

    def __init__(self, blocks, block, scale_lines, bits):
        rng = np.random.default_rng(7)
        self.blocks = blocks
        lines = scale_lines + block // 32 * bits
        shape = (self.N // 16, self.K // block, lines, 64)
        self.weight = kernels.aligned(shape, np.uint8,
                                      rng.integers(0, 256, shape, np.uint8))
        # Every f16 among the scales is a moderate number, and every f32.
        scales = self.weight[:, :, :scale_lines, 1::2]
        scales[:] = rng.integers(0x28, 0x38, scales.shape, np.uint8)

    def compiled(self, target, width, kind, groups, schedule=""):
        """Returns the kernel, for rows of `width` elements, and its buffers."""
        buffers, (n, k) = Buffers(), (self.N, self.K)
        memref = f"memref<{'x'.join(map(str, self.weight.shape))}xi8>"
        text = "\n".join([
            buffers.add("x", width, kind), buffers.add("y", n, "f32"), f"""
    %w = tile.weight %step, %c0 slot 0 : {memref}
    tile.phase "p" id 0 (%step, %worker, %workers) {{
      tile.contract %x, %w columns {n} granule 16 elastic blocks <{self.blocks}>
          terms {k} {groups} captures(%y : memref<?x{n}xf32>) {schedule} {{
      ^bb0(%acc: vector<16xf32>, %m: index, %n: index, %out: memref<?x{n}xf32>):
        tile.store %acc, %out[%m, %n] along [1] : vector<16xf32>, memref<?x{n}xf32>
        tile.yield
      }} : memref<?x{width}x{kind}>, {memref}
    }}"""])
        return Kernel(module(target, text)), buffers

    def run(self, target, x, kind, groups, schedule):
        """Returns the products and the kernel."""
        kernel, buffers = self.compiled(target, x.shape[1], kind, groups, schedule)
        memory = buffers.allocate(len(x))
        buffers.array("x")[:] = x
        kernel.run(rows=len(x), arenas=(memory, None), weights=[self.weight])
        y = buffers.array("y").copy()
        assert np.isfinite(y).all() and y.std() > 1
        return y, kernel


@pytest.mark.skipif(not kernels.available("amx-int8"), reason="no AVX-512 with bf16")
@pytest.mark.parametrize("blocks,block,scale_lines,bits,part,zero", TILED)
@pytest.mark.parametrize("depth", [256, 512])
def test_integer_tiles(blocks, block, scale_lines, bits, part, zero, depth):
    """What tiles give is what vectors give, bit for bit; the last rows of a
    block, which fill no tile, included."""
    product = Blocks(blocks, block, scale_lines, bits)
    x = integer_rows(70, Blocks.K, np.random.default_rng(8), part, zero)
    results = []
    for target in ("vnni", "amx-int8"):
        y, kernel = product.run(
            target, x, "i8", f"groups <32 part {part} zero {zero}>",
            "attributes {schedule = #tile.schedule<rows = [16, 6, 1], panels = "
            "[1, 1, 1], block = 48, unit = 48, unroll = 1, prefetch = 512, "
            f"depth = {depth}>}}")
        assert ("tdpbssd" in kernel.assembly()) == (target == "amx-int8")
        results.append(y)
    np.testing.assert_array_equal(*results)


# --- the same on AArch64 ----------------------------------------------------

ARMS = [t for t in ("arm", "arm-dot", "arm-i8mm") if kernels.available(t)]
ARM_TILES = ("attributes {schedule = #tile.schedule<rows = [4, 3, 1], panels = "
             "[1, 2, 1], block = 48, unit = 48, unroll = 1, prefetch = 0>}")
SQUARES = [i * i // 2 * (1 if i % 2 else -1) for i in range(16)]
CODES = [*TILED[::2],
         ("bits = 8, zero = 128, group = 32, scale = f16", 64, 1, 8, 32, 128),
         ("bits = 7, zero = 64, group = 32, scale = f16", 64, 1, 7, 32, 64),
         (f"bits = 4, zero = 0, group = 32, scale = f16 values = {SQUARES}",
          64, 1, 4, 32, 0)]
FLOATS = [(TILED[0][0], 64, 1, 4), (TILED[2][0], 256, 5, 6),
          ("bits = 4, zero = 0, group = 32, scale = f16 floats = array<f32: "
           + ", ".join(f"{i ** 3 / 500 - 3:f}" for i in range(16)) + ">", 64, 1, 4),
          ("bits = 8, zero = 0, group = 32, scale = f16 floats = f8E4M3FN",
           64, 1, 8)]


@pytest.mark.parametrize("target", ARMS)
@pytest.mark.parametrize("blocks,block,scale_lines,bits,part,zero", CODES)
def test_integers_on_arm(target, blocks, block, scale_lines, bits, part, zero):
    """Products of integers have the bits that they have with AVX2."""
    product = Blocks(blocks, block, scale_lines, bits)
    x = integer_rows(70, Blocks.K, np.random.default_rng(8), part, zero)
    ours, theirs = (product.run(
        t, x, "i8", f"groups <32 part {part} zero {zero}>", ARM_TILES)[0]
        for t in (target, "v3"))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("target", ARMS[:1])
@pytest.mark.parametrize("blocks,block,scale_lines,bits", FLOATS)
def test_decoded_on_arm(target, blocks, block, scale_lines, bits):
    """So have products of floats with weights decoded in registers."""
    product = Blocks(blocks, block, scale_lines, bits)
    x = np.random.default_rng(9).standard_normal((70, Blocks.K), np.float32)
    ours, theirs = (product.run(t, x, "f32", "", ARM_TILES)[0]
                    for t in (target, "v3"))
    np.testing.assert_array_equal(ours, theirs)


# --- main loops -------------------------------------------------------------


# Where four rows of a panel fill all registers with sums, some wait on the stack; on
# AArch64 a constant does for two rows.
@pytest.mark.parametrize("target,product,register,tiles,spilling", [
    ("v3", "vpmaddubsw", "%ymm", 6, 5), ("avxvnni", "{vex}\tvpdpbusd", "%ymm", 6, 2),
    ("vnni", "vpdpbusd", "%zmm", 12, 3), ("arm-dot", "sdot", ".4b[", 3, 2),
    ("arm-i8mm", "usdot", ".4b[", 3, 2)])
def test_loops_of_bytes(target, product, register, tiles, spilling):
    """q8_0: one instruction for four products where the target has it, and rows
    of decode in registers."""
    product_of = Blocks("bits = 8, zero = 128, group = 32, scale = f16", 64, 1, 8)
    kernel, _ = product_of.compiled(
        target, 640, "i8", "groups <32 part 32 zero 128>", of_arm(target))
    check_loops(kernel, product, register, tiles, spilling)
