"""Writes golden.txt: blocks of every format, decoded by the `gguf` package.

A line is: format, the block's bytes in hex, its elements as f32 bits in hex.
Run it where `gguf` and `numpy` are installed: python3 make_golden.py
"""

from pathlib import Path

import gguf
import numpy as np

# Where a block's f16 scales and minima are; they get values of a usual size.
SCALES = {
    "Q8_0": [0],
    "Q4_0": [0],
    "Q4_1": [0, 2],
    "Q5_0": [0],
    "Q5_1": [0, 2],
    "Q2_K": [80, 82],
    "Q3_K": [108],
    "Q4_K": [0, 2],
    "Q5_K": [0, 2],
    "Q6_K": [208],
    "IQ4_NL": [0],
    "IQ4_XS": [0],
    "TQ1_0": [52],
    "TQ2_0": [64],
    "MXFP4": [],
}
FORMATS = ["F32", "F16", "BF16", *SCALES]
# The first byte of a block of MXFP4 is its exponent.
EXPONENTS = [0, 1, 125]
SPECIAL = [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x7BFF, 0x7C00, 0xFC00]


def block(name, index, rng):
    """The bytes of one block; for plain numbers, of 16 of them."""
    elements, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
    if elements == 1:
        raw = rng.normal(0, 1, 16).astype(np.float32)
        if name == "F16" and index == 0:
            return np.array(SPECIAL, np.uint16).tobytes()
        if name == "F16":
            return raw.astype(np.float16).tobytes()
        return raw.tobytes() if name == "F32" else raw.view(np.uint8)[2:].tobytes()
    data = rng.integers(0, 256, size, dtype=np.uint8)
    for offset in SCALES[name]:
        scale = np.float16(rng.normal(0, 0.1))
        data[offset : offset + 2] = np.frombuffer(scale.tobytes(), np.uint8)
    if name == "MXFP4":
        data[0] = EXPONENTS[index]
    return data.tobytes()


def decode(name, data):
    raw = np.frombuffer(data, np.uint8)
    if name == "F32":
        return raw.view(np.float32)
    if name == "F16":
        return raw.view(np.float16).astype(np.float32)
    kind = gguf.GGMLQuantizationType[name]
    return gguf.quants.dequantize(raw.reshape(1, -1), kind).reshape(-1)


def main():
    rng = np.random.default_rng(1)
    lines = []
    for name in FORMATS:
        for index in range(3 if name == "MXFP4" else 2):
            data = block(name, index, rng)
            bits = decode(name, data).astype(np.float32).view(np.uint32)
            lines.append(f"{name} {data.hex()} {''.join(f'{b:08x}' for b in bits)}")
    Path(__file__).with_name("golden.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
