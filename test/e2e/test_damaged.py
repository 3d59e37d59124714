"""Quantized files that are cut, overlap, or claim sizes that they do not have.

Every type of GGUF's blocks and every method of Hugging Face directories, through
`mica compile`: one line names the file, the thing, what was found and what was
expected, and no output is left.
"""
import json
import re
import struct

import gguf
import pytest

import gguf_files
import hf_quantized
import kept

TYPES = ("F16", "BF16", *gguf_files.WRITTEN, *gguf_files.DRAWN)
# One of each way in which a method stores a matrix.
METHODS = ("gptq", "gptq-3", "gptq-act-order", "awq", "packed", "packed-asym",
           "int8-asym", "float8", "mxfp4", "mxfp4-packed", "fp8", "nf4",
           "nf4-double")
MATRIX, OTHER = "blk.0.ffn_down.weight", "blk.0.ffn_up.weight"


@pytest.fixture
def refused(mica, tmp_path):
    """Returns a function that asserts that compiling a path fails with one line
    that has these parts, and leaves nothing."""
    out = tmp_path / "out"
    out.mkdir()

    def check(path, *parts):
        result = mica("compile", path, "-o", out / "m.mica", fails=True)
        assert result.returncode == 1, parts
        assert re.fullmatch(f"mica: {re.escape(str(path))}[^\n]*: [^\n]* "
                            "[^\n]*, expected [^\n]+\n", result.stderr), \
            result.stderr
        for part in parts:
            assert part in result.stderr, result.stderr
        assert not list(out.iterdir())
    return check


# GGUF.

@pytest.fixture(params=TYPES)
def blocks(request):
    """Returns (type, bytes of a valid file with matrices of it)."""
    kind = request.param
    path = kept.kept("gguf", [kept.oracle(), "llama", "blocks", kind],
                     lambda path: gguf_files.make_gguf("llama", "blocks", path,
                                                       kind))
    return kind, path


class Entry:
    """Where a GGUF file says something of a tensor."""

    def __init__(self, path, name):
        [tensor] = [t for t in gguf.GGUFReader(path).tensors if t.name == name]
        self.columns, self.rows = (int(n) for n in tensor.shape)
        self.begin = int(tensor.data_offset)
        self.bytes = int(tensor.n_bytes)
        self.shape = tensor.field.offset + 8 + len(name) + 4
        self.type = self.shape + 16
        self.offset = self.type + 4


def poked(data, at, layout, *values):
    """Returns the bytes with other values at a place."""
    data = bytearray(data)
    struct.pack_into("<" + layout, data, at, *values)
    return bytes(data)


def damages(kind, data, entry, other):
    """Yields (bytes, parts of the message that they get)."""
    def at(entry):
        return struct.unpack_from("<Q", data, entry.offset)[0]
    tensor = f"tensor '{MATRIX}' "
    for size in (3, 23):
        yield data[:size], [f"GGUF header ends at byte {size}"]
    yield data[:120], ["metadata", "ends at byte 120 with the file"]
    yield data[:entry.offset], [tensor + "ends at byte"]
    for size in (entry.begin, entry.begin + 1, entry.begin + entry.bytes - 1):
        yield data[:size], ["bytes of data in the file"]
    for offset in (2**63, 2**64 - 32, len(data) // 32 * 32):
        yield (poked(data, entry.offset, "Q", offset),
               [tensor + f"takes {entry.bytes} bytes at offset {offset}"])
    yield (poked(data, entry.offset, "Q", at(entry) + 1),
           [f"{tensor}is at offset {at(entry) + 1}, expected a multiple of 32"])
    yield (poked(data, entry.offset, "Q", at(other)),
           ["overlaps tensor", MATRIX, "expected tensors apart"])
    for columns, rows in ((2**64 - 1, entry.rows), (entry.columns, 2**63),
                          (2**32, 2**32), (0, entry.rows)):
        yield (poked(data, entry.shape, "2Q", columns, rows),
               [f"{tensor}has shape [{rows}, {columns}], expected sizes of"])
    yield (poked(data, entry.shape, "2Q", entry.columns, 2**36),
           [tensor + "takes", "bytes of data in the file"])
    yield (poked(data, entry.shape, "2Q", entry.columns, entry.rows - 1),
           [tensor, str(entry.rows - 1), str(entry.rows)])
    block, _ = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]
    if block > 1:
        yield (poked(data, entry.shape, "Q", entry.columns - 1),
               [f"{tensor}has rows of {entry.columns - 1} elements, expected a "
                f"multiple of {block} for {kind}"])
    for number in (4, 40, 2**32 - 1):
        yield (poked(data, entry.type, "I", number),
               [f"{tensor}has type {number}, expected one of F32, F16"])
    yield poked(data, entry.type, "I", 0), ["tensor", "expected"]


def test_gguf(blocks, refused, tmp_path):
    kind, file = blocks
    data, path = file.read_bytes(), tmp_path / "m.gguf"
    for changed, parts in damages(kind, data, Entry(file, MATRIX),
                                  Entry(file, OTHER)):
        path.write_bytes(changed)
        refused(path, *parts)


# Hugging Face.

@pytest.fixture(params=METHODS)
def method(request):
    """Returns a valid directory of the method."""
    kind = request.param
    writer = kept.bytes_of(hf_quantized.__file__)
    return kept.kept("quantized", [kept.oracle(), writer, kind], lambda path:
                     hf_quantized.make_directory(kind, path)) / "quantized"


class Weights:
    """A directory whose model.safetensors is written anew."""

    def __init__(self, valid, path):
        self.path = path
        path.mkdir()
        (path / "config.json").write_bytes(
            (valid / "config.json").read_bytes())
        self.file = path / "model.safetensors"
        self.whole = (valid / "model.safetensors").read_bytes()
        size = int.from_bytes(self.whole[:8], "little")
        self.header = json.loads(self.whole[8:8 + size])
        self.data = self.whole[8 + size:]

    def parts(self, module):
        """Names of the tensors of a layer."""
        return [n for n in self.header if n.startswith(module + ".")]

    def write(self, header, data=None):
        text = json.dumps(header).encode()
        self.file.write_bytes(len(text).to_bytes(8, "little") + text +
                              (self.data if data is None else data))

    def write_with(self, name, **fields):
        """Says something else of one tensor."""
        self.write(self.header | {name: self.header[name] | fields})

    def write_changed(self, name, change):
        """Writes all tensors but with what `change` makes of one: (shape,
        bytes), or None."""
        header, data = {}, b""
        for key, entry in self.header.items():
            begin, end = entry["data_offsets"]
            shape, part = entry["shape"], self.data[begin:end]
            if key == name:
                changed = change(shape, part)
                if not changed:
                    continue
                shape, part = changed
            header[key] = dict(dtype=entry["dtype"], shape=shape, data_offsets=[
                len(data), len(data) + len(part)])
            data += part
        self.write(header, data)


@pytest.fixture
def weights(method, tmp_path):
    return Weights(method, tmp_path / "d")


MODULE = "model.layers.0.mlp.down_proj"
# Without a permutation columns are in order, and NF4's codebook is known.
OPTIONAL = (".g_idx", ".quant_map")


def test_cut_files(weights, refused):
    whole, file = weights.whole, weights.file
    begin = len(whole) - len(weights.data)
    for size in (0, 7, 8, begin - 1, begin, begin + 1, len(whole) - 1):
        file.write_bytes(whole[:size])
        refused(weights.path, "file of" if size < 8 else
                "header of" if size < begin else "of the data")
    file.write_bytes(whole + b"\0")
    refused(weights.path, f"data of {len(weights.data) + 1} bytes")
    for size in (2**63, 2**64 - 1, len(whole)):
        file.write_bytes(size.to_bytes(8, "little") + whole[8:])
        refused(weights.path, f"header of {size} bytes")


def test_places_and_sizes(weights, refused):
    name = weights.parts(MODULE)[0]
    begin, end = weights.header[name]["data_offsets"]
    for offsets, part in (
            ([begin + 1, end + 1], "of the data"),
            ([begin - 1, end], f"has {end - begin + 1} bytes"),
            ([0, end - begin], "begins at byte"),
            ([end, begin], "no valid data_offsets"),
            ([begin, 2**64 - 1], "no valid data_offsets"),
            ([2**63, 2**63 + end - begin], "no valid data_offsets"),
            ([-1, end], "no valid data_offsets")):
        weights.write_with(name, data_offsets=offsets)
        refused(weights.path, "tensor '", part)
    for shape, part in (([2**47, 2**47], "expected fewer elements"),
                        ([2**63], "no valid shape"), ([-1], "no valid shape"),
                        ([2**32, 2**32], "expected fewer elements"),
                        ([2**24, 2**24], f"has {end - begin} bytes")):
        weights.write_with(name, shape=shape)
        refused(weights.path, f"tensor '{name}'", part)
    weights.write_with(name, dtype="F7")
    refused(weights.path, f"tensor '{name}' has an unknown dtype")


def test_tensors_of_other_types(weights, refused):
    """Of as many bytes, but no codes or scales of the method."""
    same = {"I32": "U32", "I64": "U64", "F32": "I32", "F16": "I16", "U8": "I8",
            "BF16": "I16", "I8": "U8", "F8_E4M3": "F8_E5M2"}
    for name in weights.parts(MODULE):
        dtype = weights.header[name]["dtype"]
        weights.write_with(name, dtype=same[dtype])
        refused(weights.path, f"'{MODULE}")


def test_missing_and_small_tensors(weights, method, refused):
    config = json.loads((method / "config.json").read_text())
    ordered = config["quantization_config"].get("desc_act", False)
    for name in weights.parts(MODULE):
        if not name.endswith(OPTIONAL) or ordered:
            weights.write_changed(name, lambda shape, part: None)
            refused(weights.path, f"'{MODULE}")
        for place, size in enumerate(weights.header[name]["shape"]):
            def cut(shape, part):
                less = [*shape[:place], size - 1, *shape[place + 1:]]
                return less, part[:len(part) // size * (size - 1)]
            weights.write_changed(name, cut)
            refused(weights.path, f"'{MODULE}")
