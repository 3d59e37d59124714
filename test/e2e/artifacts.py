"""Reads the header and the manifest of a .mica file (include/mica/artifact.h)."""
import json
import pathlib
import struct

HEADER = struct.Struct("<8sII3Q")
SECTION = struct.Struct("<IIQQQ")
MANIFEST, CODE, WEIGHTS, TOKENIZER = 1, 2, 3, 4


def sections(path):
    """Returns {(kind, index): (offset, size)}."""
    with open(path, "rb") as file:
        magic, _, count, _, size, _ = HEADER.unpack(file.read(HEADER.size))
        assert magic == b"MICA-22\n"
        assert size == pathlib.Path(path).stat().st_size
        rows = [SECTION.unpack(file.read(SECTION.size)) for _ in range(count)]
    return {(kind, index): (offset, size)
            for kind, index, offset, size, _ in rows}


def manifest(path):
    """Returns the manifest as Python values."""
    offset, size = sections(path)[MANIFEST, 0]
    with open(path, "rb") as file:
        file.seek(offset)
        return json.loads(file.read(size))


def working_bytes(path, tokens, workers, sequences=1):
    """Returns what the cache for `tokens` and the workspace take: the memory
    that a running model cannot do without."""
    found = manifest(path)
    cache = sum(
        (-(-tokens // group["page_tokens"]) + sequences)
        * group["layers"] * group["heads"] * group["block_bytes"]
        for group in found["kv"])
    rows, arena = found["max_rows"], found["arena"]
    logits = 4 * found["model"]["padded_vocab"]  # of one output row
    return cache + rows * arena["row"] + arena["out"] + logits \
        + workers * arena["worker"]
