"""Writes rope-golden.txt: inverse frequencies as `transformers` computes them.

A line is: columns of a head, theta, scaling (none, linear, llama3), factor,
low and high frequency factor, original context, then the f32 bits in hex.
Run it where `transformers` is installed: python3 make_rope_golden.py
"""

from pathlib import Path

import numpy as np
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

CASES = [
    (256, 10000.0, "none", 1, 1, 4, 8192),
    (256, 1000000.0, "none", 1, 1, 4, 8192),
    (256, 1000000.0, "linear", 8, 1, 4, 8192),
    (64, 500000.0, "llama3", 32, 1, 4, 8192),
    (128, 500000.0, "llama3", 8, 1, 4, 8192),
    (20, 500000.0, "llama3", 3, 1, 2, 300),
    (24, 10000.0, "linear", 3, 1, 4, 8192),
    (80, 5000000.0, "none", 1, 1, 4, 8192),
]


def frequencies(columns, theta, scaling, factor, low, high, context):
    rope = {"rope_type": "default", "rope_theta": theta}
    if scaling != "none":
        rope |= {"rope_type": scaling, "factor": float(factor)}
    if scaling == "llama3":
        rope |= {
            "low_freq_factor": float(low),
            "high_freq_factor": float(high),
            "original_max_position_embeddings": context,
        }
    config = LlamaConfig(
        hidden_size=columns, num_attention_heads=1, rope_parameters=rope
    )
    return LlamaRotaryEmbedding(config).inv_freq.numpy()


def main():
    lines = []
    for case in CASES:
        bits = frequencies(*case).astype(np.float32).view(np.uint32)
        lines.append(" ".join(map(str, case)) + " " + "".join(f"{b:08x}" for b in bits))
    Path(__file__).with_name("rope-golden.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
