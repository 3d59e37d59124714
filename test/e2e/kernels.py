"""Compile hand-written tile-level modules and run them on numpy arrays.

`Kernel(text)` takes stage-2 text (see `module`), compiles it with
`mica-opt --mica-cpu` and `mica-translate`, and `run` calls it with a `mica_step`
(include/mica/abi.h) made of arrays, by one worker or by several threads. What is
for AArch64 runs on one worker of a program of its own under qemu-user.
"""

import ctypes
import functools
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading

import numpy as np

import kept

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MICA_BUILD", ROOT / "build"))
LLVM = pathlib.Path(os.environ.get("LLVM22", "/usr/lib/llvm-22")) / "bin"

TARGETS = {
    "v3": '#mica.target<cpu = "x86-64-v3", features = "", vector_bits = 256, '
          'panel = 16, max_granule = 256, dot = []>',
    "v4": '#mica.target<cpu = "x86-64-v4", features = "", vector_bits = 512, '
          'panel = 16, max_granule = 256, dot = []>',
    "avxvnni": '#mica.target<cpu = "x86-64-v3", features = "+avxvnni", '
               'vector_bits = 256, panel = 16, max_granule = 256, dot = []>',
    "vnni": '#mica.target<cpu = "x86-64-v4", features = "+avx512vnni", '
            'vector_bits = 512, panel = 16, max_granule = 256, dot = []>',
    "bf16": '#mica.target<cpu = "x86-64-v4", features = "+avx512bf16", '
            'vector_bits = 512, panel = 16, max_granule = 256, dot = [bf16]>',
    "amx": '#mica.target<cpu = "x86-64-v4", '
           'features = "+avx512bf16,+amx-tile,+amx-bf16", vector_bits = 512, '
           'panel = 16, max_granule = 256, dot = [bf16]>',
    "amx-int8": '#mica.target<cpu = "x86-64-v4", features = "+avx512vnni,'
                '+avx512bf16,+amx-tile,+amx-bf16,+amx-int8", vector_bits = 512, '
                'panel = 16, max_granule = 256, dot = [bf16], tiles = bf16>',
    **{name: f'#mica.target<cpu = "armv8.2-a", features = "{features}", '
             f'vector_bits = 128, panel = 16, max_granule = 256, dot = [{dot}]>'
       for name, features, dot in (
           ("arm", "", ""), ("arm-dot", "+dotprod", ""),
           ("arm-i8mm", "+dotprod,+i8mm", ""),
           ("arm-bf16", "+dotprod,+i8mm,+bf16", "bf16"))},
}
QEMU = shutil.which("qemu-aarch64")
FOREIGN = pathlib.Path(__file__).with_name("run_foreign.c")


def available(target):
    """Whether this machine runs code for `target`."""
    if target.startswith("arm"):
        return QEMU is not None
    flags = set(pathlib.Path("/proc/cpuinfo").read_text().split("\n\n")[0].split())
    needed = {"v3": {"avx2", "fma", "f16c"},
              "v4": {"avx512f", "avx512bw", "avx512dq", "avx512vl"},
              "avxvnni": {"avx_vnni"}, "vnni": {"avx512_vnni"},
              "bf16": {"avx512_bf16"}, "amx": {"avx512_bf16"},
              "amx-int8": {"avx512_bf16", "avx512_vnni"}}
    if not needed[target] <= flags:
        return False
    if target.startswith("amx"):
        provide_tiles({"amx_bf16", "amx_int8"} <= flags)
    return True


@functools.cache
def provide_tiles(has_tiles):
    """Makes instructions on tiles work in this process. Linux lends the registers
    to processes that ask (arch_prctl ARCH_REQ_XCOMP_PERM, XTILEDATA); a CPU
    without them has tile_emulator.c."""
    if has_tiles and ctypes.CDLL(None).syscall(158, 0x1023, 18) == 0:
        return
    source = pathlib.Path(__file__).with_name("tile_emulator.c")

    def build(folder):
        folder.mkdir()
        subprocess.run([LLVM / "clang", "-O2", "-Wall", "-Wno-unused-parameter",
                        "-mfma", "-shared", "-fPIC", source, "-o",
                        folder / "tile_emulator.so"], check=True)

    folder = kept.kept("tile_emulator", [source.read_text()], build)
    ctypes.CDLL(str(folder / "tile_emulator.so"))


class KVGroup(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p)
                for name in ("pool", "slot", "page_start", "page", "length")]


BARRIER = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32,
                           ctypes.c_uint32, ctypes.c_uint32)


class Sync(ctypes.Structure):
    _fields_ = [("barrier", BARRIER), ("pad0", ctypes.c_uint8 * 56),
                ("next", ctypes.c_uint32), ("pad1", ctypes.c_uint8 * 60)]


class Step(ctypes.Structure):
    _fields_ = ([(name, ctypes.c_uint32) for name in ("size", "rows", "seqs", "outs")]
                + [(name, ctypes.c_void_p)
                   for name in ("token", "position", "row_start", "out_row", "kv",
                                "tree_mask", "weights", "arena0", "arena1", "arena2",
                                "logits", "sync")])


def aligned(shape, dtype, fill=None):
    """A 64-byte aligned array."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(count + 64, np.uint8)
    start = -raw.ctypes.data % 64
    array = raw[start:start + count].view(dtype).reshape(shape)
    if fill is not None:
        array[...] = fill
    return array


def to_bf16(x):
    """Round to nearest even, as uint16 bits."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def from_bf16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def pack(weight, kind, granule=16, panel=16, align=16):
    """Rows [N, K] as `#mica.layout` says; returns (array, memref type)."""
    n, k = weight.shape
    group = 2 if kind == "bf16" else 1
    padded_k = -(-k // align) * align
    blocks = []
    for first in range(0, n, granule):
        rows = weight[first:first + granule]
        pad = -(-len(rows) // panel) * panel - len(rows)
        blocks.append(np.pad(rows, ((0, pad), (0, padded_k - k))))
    full = np.concatenate(blocks)
    full = encode(full, kind)
    full = full.reshape(-1, panel, padded_k // group, group).transpose(0, 2, 1, 3)
    array = aligned(full.shape, full.dtype, full)
    shape = "x".join(str(d) for d in full.shape)
    return array, f"memref<{shape}x{kind}>"


def encode(x, kind):
    if kind == "bf16":
        return to_bf16(x)
    return x.astype({"f32": np.float32, "f16": np.float16}[kind])


def decode(x, kind):
    return from_bf16(x) if kind == "bf16" else x.astype(np.float32)


def module(target, body, functions="", slots=16):
    """A stage-2 module whose entry has `body`."""
    return f"""
module attributes {{mica.target = {TARGETS[target]}, tile.slots = {slots} : i64}} {{
  func.func @mica_entry(%step: !tile.step, %worker: index, %workers: index)
      attributes {{tile.entry}} {{
    %c0 = arith.constant 0 : index
{body}
    return
  }}
{functions}
}}
"""


class Kernel:
    def __init__(self, text, passes="--mica-cpu"):
        tools = [BUILD / "bin/mica-opt", BUILD / "bin/mica-translate"]
        self.folder = kept.kept(
            "kernel", [*map(kept.program, tools), text, passes,
                       *([FOREIGN.read_text()] if is_foreign(text) else [])],
            lambda path: self.compile(path, tools, text, passes))
        self.library = self.folder / "kernel.so"
        found = re.search(r"tile.worker_bytes = (\d+)",
                          (self.folder / "kernel.llvm").read_text())
        self.worker_bytes = int(found[1]) if found else 0
        self.foreign = is_foreign(text)
        if self.foreign:
            return
        self.entry = ctypes.CDLL(str(self.library)).mica_entry
        self.entry.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32]
        self.entry.restype = None

    @staticmethod
    def compile(folder, tools, text, passes):
        """Leaves kernel.llvm and kernel.so in the folder."""
        folder.mkdir()
        source, module, code, library = (
            folder / f"kernel.{kind}" for kind in ("mlir", "llvm", "o", "so"))
        source.write_text(text)
        for command in ([tools[0], source, passes, "-o", module],
                        [tools[1], "--emit=obj", module, "-o", code],
                        link(text, library, code)):
            done = subprocess.run([str(c) for c in command], text=True,
                                  stderr=subprocess.PIPE)
            assert done.returncode == 0, f"{command[0]}: {done.stderr[:3000]}"

    def assembly(self):
        """The code, as text."""
        text = subprocess.run(
            [str(BUILD / "bin/mica-translate"), "--emit=asm",
             str(self.folder / "kernel.llvm")],
            check=True, capture_output=True, text=True).stdout
        return text

    def run(self, rows=1, seqs=1, outs=1, weights=(), arenas=(None, None),
            logits=None, kv=(), workers=1, **arrays):
        """`arrays`: token, position, row_start, out_row; `kv`: dicts of a group."""
        own = aligned((self.worker_bytes * workers + 64,), np.uint8, 0xFF)
        if self.foreign:
            return run_foreign(self.library, rows, seqs, outs, weights,
                               (*arenas, own), logits, kv, arrays)
        step = self.step(rows, seqs, outs, weights, (*arenas, own), logits, kv,
                         arrays)
        meet = threading.Barrier(workers)

        def barrier(address, worker, count, phase):
            if meet.wait() == 0:
                Sync.from_address(address).next = 0
            meet.wait()

        sync = Sync(barrier=BARRIER(barrier))
        step.sync = ctypes.addressof(sync)
        threads = [threading.Thread(target=self.entry,
                                    args=(ctypes.byref(step), w, workers))
                   for w in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def step(self, rows, seqs, outs, weights, arenas, logits, kv, arrays):
        address = lambda a: None if a is None else a.ctypes.data
        groups = (KVGroup * max(len(kv), 1))()
        for group, values in zip(groups, kv):
            for name, array in values.items():
                setattr(group, name, address(array))
        table = np.array([w.ctypes.data for w in weights] or [0], np.uint64)
        step = Step(size=ctypes.sizeof(Step), rows=rows, seqs=seqs, outs=outs,
                    kv=ctypes.addressof(groups), weights=table.ctypes.data,
                    arena0=address(arenas[0]), arena1=address(arenas[1]),
                    arena2=address(arenas[2]), logits=address(logits))
        for name, array in arrays.items():
            setattr(step, name, address(array))
        step.keep = (groups, table)
        return step


def is_foreign(text):
    """Whether a module is for another architecture."""
    return 'cpu = "armv' in text


def link(text, library, code):
    """The command that makes of an object what `run` can call."""
    if not is_foreign(text):
        return [LLVM / "clang", "-shared", "-o", library, code]
    return [LLVM / "clang", "--target=aarch64-linux-gnu", "-O1", "-Wall", "-Werror",
            "-ffreestanding", "-fno-stack-protector", f"-I{ROOT}/include",
            "-nostdlib", "-static", "-fuse-ld=lld", FOREIGN, code, "-o", library]


def run_foreign(program, rows, seqs, outs, weights, arenas, logits, kv, arrays):
    """Runs the program of run_foreign.c on copies of all arrays in one file, and
    copies these back."""
    base, end, placed = 0x100000000000, 64, {}

    def place(array):
        nonlocal end
        if array is None:
            return 0
        if id(array) not in placed:
            placed[id(array)] = (array, end)
            end += -(-array.nbytes // 64) * 64
        return base + placed[id(array)][1]

    groups = (KVGroup * max(len(kv), 1))()
    for group, values in zip(groups, kv):
        for name, array in values.items():
            setattr(group, name, place(array))
    raw = lambda structure: np.frombuffer(bytearray(structure), np.uint8)
    step = Step(size=ctypes.sizeof(Step), rows=rows, seqs=seqs, outs=outs,
                kv=place(raw(groups)), logits=place(logits),
                weights=place(np.array([place(w) for w in weights] or [0], np.uint64)),
                sync=place(np.zeros(ctypes.sizeof(Sync), np.uint8)),
                **{f"arena{i}": place(arena) for i, arena in enumerate(arenas)},
                **{name: place(array) for name, array in arrays.items()})
    at = place(raw(step))
    with tempfile.NamedTemporaryFile() as file:
        memory = np.zeros(end, np.uint8)
        memory[:24] = np.array([base, end, at], np.uint64).view(np.uint8)
        flat = [(array.reshape(-1, copy=False).view(np.uint8), first)
                for array, first in placed.values()]
        for array, first in flat:
            memory[first:first + array.size] = array
        memory.tofile(file)
        file.flush()
        subprocess.run([QEMU, "-cpu", "max", program, file.name], check=True)
        memory = np.fromfile(file.name, np.uint8)
    for array, first in flat:
        if array.flags.writeable:
            array[:] = memory[first:first + array.size]


SIZES = {"f32": 4, "bf16": 2, "f16": 2, "i8": 1}


class Buffers:
    """Buffers of one arena (by its name), as text and as arrays."""

    def __init__(self, arena="row", worker_units=1):
        self.arena, self.size, self.worker_units = arena, 0, worker_units
        self.places = {}

    def add(self, name, columns, kind):
        """The line that declares %name."""
        self.places[name] = (self.size, columns, kind)
        line = (f"    %{name} = tile.buffer %step, %worker arena {self.arena} "
                f"offset {self.size} : memref<?x{columns}x{kind}>")
        self.size += -(-columns * SIZES[kind] // 64) * 64
        return line

    def allocate(self, units):
        """Poisoned memory: what is not written before it is read shows."""
        self.units = units
        self.memory = aligned((max(self.size * units, 64),), np.uint8, 0xFF)
        return self.memory

    def array(self, name):
        offset, columns, kind = self.places[name]
        count = self.units * columns * SIZES[kind]
        raw = self.memory[offset * self.units:][:count]
        dtype = {"f32": np.float32, "bf16": np.uint16, "f16": np.float16,
                 "i8": np.int8}[kind]
        return raw.view(dtype).reshape(self.units, columns)
