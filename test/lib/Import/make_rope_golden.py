"""Writes rope-golden.txt: inverse frequencies as `transformers` computes them.

A line is a JSON object: `config` (settings of config.json), `context` (the
length of the text), `scale` and `frequencies` (f32 bits in hex).
Run it where `transformers` is installed: python3 make_rope_golden.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding


def default(theta):
    return {"rope_type": "default", "rope_theta": theta}


def linear(theta, factor):
    return {"rope_type": "linear", "rope_theta": theta, "factor": factor}


def llama3(theta, factor, low, high, context):
    return {"rope_type": "llama3", "rope_theta": theta, "factor": factor,
            "low_freq_factor": low, "high_freq_factor": high,
            "original_max_position_embeddings": context}


def dynamic(theta, factor):
    return {"rope_type": "dynamic", "rope_theta": theta, "factor": factor}


def yarn(theta, factor, context, **more):
    return {"rope_type": "yarn", "rope_theta": theta, "factor": factor,
            "original_max_position_embeddings": context, **more}


def longrope(theta, columns, context, **more):
    pairs = columns // 2
    return {"rope_type": "longrope", "rope_theta": theta,
            "short_factor": [1 + i / 64 for i in range(pairs)],
            "long_factor": [1.5 + i * i / 8 for i in range(pairs)],
            "original_max_position_embeddings": context, **more}


# Columns of a head, positions the model is made for, length of the text, rope.
CASES = [
    (256, 2048, 64, default(10000.0)),
    (256, 2048, 64, default(1000000.0)),
    (256, 2048, 64, linear(1000000.0, 8.0)),
    (64, 2048, 64, llama3(500000.0, 32.0, 1.0, 4.0, 8192)),
    (128, 2048, 64, llama3(500000.0, 8.0, 1.0, 4.0, 8192)),
    (20, 2048, 64, llama3(500000.0, 3.0, 1.0, 2.0, 300)),
    (24, 2048, 64, linear(10000.0, 3.0)),
    (80, 2048, 64, default(5000000.0)),
    (128, 2048, 2048, dynamic(10000.0, 2.0)),
    (128, 2048, 4096, dynamic(10000.0, 2.0)),
    (20, 512, 1000, dynamic(500000.0, 4.0)),
    (128, 65536, 64, yarn(1000000.0, 4.0, 16384)),
    (64, 4096, 64, yarn(10000.0, 16.0, 256, beta_fast=24.0, beta_slow=2.0)),
    (40, 4096, 64, yarn(10000.0, 8.0, 128, attention_factor=1.25)),
    (40, 4096, 64, yarn(10000.0, 8.0, 128, truncate=False)),
    (96, 4096, 64, yarn(1e6, 8.0, 512, mscale=0.7, mscale_all_dim=1.1)),
    (96, 16384, 4096, longrope(10000.0, 96, 4096)),
    (96, 16384, 4097, longrope(10000.0, 96, 4096)),
    (96, 16384, 16384, longrope(10000.0, 96, 4096, attention_factor=1.2)),
    (32, 16384, 64, longrope(10000.0, 32, 4096, factor=2.0)),
]


def line(columns, positions, context, rope):
    settings = {"head_dim": columns, "max_position_embeddings": positions,
                "rope_parameters": dict(rope)}
    config = LlamaConfig(hidden_size=columns, num_attention_heads=1, **settings)
    if rope["rope_type"] == "default":
        found, scale = LlamaRotaryEmbedding(config).inv_freq, 1.0
    else:
        found, scale = ROPE_INIT_FUNCTIONS[rope["rope_type"]](
            config, torch.device("cpu"), seq_len=context)
    bits = found.numpy().astype(np.float32).view(np.uint32)
    return json.dumps({"config": settings | {"rope_parameters": rope},
                       "context": context,
                       "scale": f"{np.float32(scale).view(np.uint32):08x}",
                       "frequencies": [f"{b:08x}" for b in bits]})


def main():
    Path(__file__).with_name("rope-golden.txt").write_text(
        "".join(line(*case) + "\n" for case in CASES))


if __name__ == "__main__":
    main()
