"""Writes a random checkpoint as the GGUF file that llama.cpp's tools make of it.

    python3 gguf_files.py llama deep FILE.gguf [--type Q8_0]
"""
import math
import pathlib

import gguf
import numpy as np
import torch
import transformers
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

import checkpoints

ARCHITECTURE = {"llama": gguf.MODEL_ARCH.LLAMA, "qwen3": gguf.MODEL_ARCH.QWEN3,
                "gemma3": gguf.MODEL_ARCH.GEMMA3, "gpt2": gguf.MODEL_ARCH.GPT2}
TYPES = ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q5_0")
TRANSPOSED = ("c_attn.weight", "c_proj.weight", "c_fc.weight")


def rotate_neighbours(tensor, heads):
    """Reorders the rows of each head from half to neighbour pairing."""
    split = tensor.reshape(heads, 2, -1, *tensor.shape[1:])
    return split.swapaxes(1, 2).reshape(tensor.shape)


def stored(family, name, tensor, config):
    """Returns a float32 tensor as the file holds it, before its encoding."""
    if family == "llama" and ".q_proj." in name:
        tensor = rotate_neighbours(tensor, config.num_attention_heads)
    if family == "llama" and ".k_proj." in name:
        tensor = rotate_neighbours(tensor, config.num_key_value_heads)
    if family == "gemma3" and "norm.weight" in name:
        tensor = tensor + 1
    if family == "gpt2" and name.endswith(TRANSPOSED):
        tensor = tensor.T
    return np.ascontiguousarray(tensor.float().numpy())


def rope_factors(config):
    """Returns Llama 3's frequency divisors [d / 2], or None."""
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type") != "llama3":
        return None
    d = config.head_dim
    period = rope["original_max_position_embeddings"]
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    out = []
    for i in range(d // 2):
        turns = period / (2 * math.pi * rope["rope_theta"] ** (2 * i / d))
        mix = min(1.0, max(0.0, (turns - low) / (high - low)))
        out.append(1 / ((1 - mix) / rope["factor"] + mix))
    return np.array(out, dtype=np.float32)


def add_numbers(writer, family, config):
    """Writes the numbers of the architecture."""
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    writer.add_vocab_size(config.vocab_size)
    if family == "gpt2":
        writer.add_feed_forward_length(config.n_inner or 4 * config.n_embd)
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
        return
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    rope = config.rope_parameters
    rope = rope.get("full_attention", rope)
    writer.add_rope_freq_base(rope["rope_theta"])
    if family == "llama":
        writer.add_rope_dimension_count(config.head_dim)
    if family == "gemma3":
        writer.add_sliding_window(config.sliding_window)


def add_tensor(writer, name, data, kind):
    """Adds one tensor: matrices in `kind` where their rows hold whole blocks."""
    kind = gguf.GGMLQuantizationType[kind]
    block, _ = gguf.GGML_QUANT_SIZES[kind]
    if data.ndim == 1:
        kind = gguf.GGMLQuantizationType.F32
    elif data.shape[-1] % block:
        kind = gguf.GGMLQuantizationType.F16
    writer.add_tensor(name, gguf.quants.quantize(data, kind), raw_dtype=kind)


def make_gguf(family, name, path, kind="F32", seed=0):
    """Writes one shape with its matrices in `kind`; returns `path`."""
    config = checkpoints.make_config(family, name)
    state = checkpoints.random_state(family, config, seed)
    architecture = ARCHITECTURE[family]
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture])
    writer.add_name(f"random {family} {name}")
    add_numbers(writer, family, config)
    for key, tensor in state.items():
        place = names.get_name(key, try_suffixes=(".weight", ".bias"))
        add_tensor(writer, place, stored(family, key, tensor, config), kind)
    factors = rope_factors(config)
    if factors is not None:
        add_tensor(writer, "rope_freqs.weight", factors, "F32")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return pathlib.Path(path)


def gguf_state(family, name, path):
    """Returns (config, float64 state) of the file, as transformers reads it.

    The config is the one the file was made of: transformers does not read
    every number (Llama 3's factors, a vocabulary without a tokenizer).
    """
    config = checkpoints.make_config(family, name)
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    tensors = load_gguf_checkpoint(path, return_tensors=True,
                                   model_to_load=model)["tensors"]
    return config, {n: t.double() for n, t in tensors.items()}


def make_directory(family, name, path, directory):
    """Writes the file's decoded weights as an f32 Hugging Face directory."""
    config, state = gguf_state(family, name, path)
    config.dtype = torch.float32
    config.save_pretrained(directory)
    checkpoints.save_state({n: t.float().contiguous()
                            for n, t in state.items()},
                           pathlib.Path(directory), 1)
    return pathlib.Path(directory)


if __name__ == "__main__":
    checkpoints.run_as_command(__doc__, make_gguf, "file", "--type", TYPES,
                               "F32")
