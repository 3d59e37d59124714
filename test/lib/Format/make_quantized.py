"""Writes quantized.txt: rows of numbers as the `gguf` package encodes them.

A line `row` has the row's f32 bits in hex; the lines after it have a format and
the row's bytes in it, in hex. Run it where `gguf` and `numpy` are installed:
python3 make_quantized.py
"""

from pathlib import Path

import gguf
import numpy as np

FORMATS = ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"]
FORMATS += ["TQ1_0", "TQ2_0", "MXFP4"]


def rows(rng):
    normal = rng.normal(0, 1, 256)
    yield normal
    yield rng.standard_t(3, 256) * 0.02
    yield -np.abs(normal)
    yield np.concatenate([np.zeros(96), -np.zeros(32), np.full(64, -0.3), np.ones(64)])
    # Ties, and powers of two with their neighbours.
    yield rng.integers(-32, 32, 256) / 4
    powers = np.float32(2.0) ** rng.integers(-30, 30, 256).astype(np.float32)
    yield np.nextafter(powers, np.float32(rng.choice([0, 1e38])))
    # Outliers, up to where scales overflow f16.
    yield np.where(rng.random(256) < 0.05, normal * 1e4, normal)
    yield normal * np.repeat(10.0 ** np.arange(4, 36, 4), 32)
    # Below f16's numbers, and below f32's normal ones.
    yield normal * np.repeat(10.0 ** -np.arange(4, 36, 4), 32)
    yield normal * np.repeat(10.0 ** -np.arange(37, 45), 32)
    yield np.concatenate([np.zeros(255), [1e-45]])


def main():
    lines = []
    for row in rows(np.random.default_rng(1)):
        row = row.astype(np.float32)
        bits = "".join(f"{b:08x}" for b in row.view(np.uint32))
        lines.append(f"row {bits}")
        for name in FORMATS:
            kind = gguf.GGMLQuantizationType[name]
            data = gguf.quants.quantize(row.reshape(1, -1), kind)
            lines.append(f"{name} {data.tobytes().hex()}")
    Path(__file__).with_name("quantized.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    with np.errstate(all="ignore"):
        main()
