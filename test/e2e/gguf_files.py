"""Writes a random checkpoint as the GGUF file that llama.cpp's tools make of it.

    python3 gguf_files.py llama deep FILE.gguf [--type Q8_0]
"""
import math
import pathlib

import gguf
import numpy as np
import torch
import transformers
from transformers.integrations.ggml import GGUF_CONFIG_MAPPING
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

import checkpoints

ARCHITECTURE = {"cohere": gguf.MODEL_ARCH.COMMAND_R,
                "gpt_neox": gguf.MODEL_ARCH.GPTNEOX,
                "olmo3": gguf.MODEL_ARCH.OLMO2}
TYPES = ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q5_0")
# Formats of blocks: those that the gguf package writes, and those that it only
# reads, whose blocks are drawn at random: bytes to their scale and minimum.
WRITTEN = ("Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "TQ1_0", "TQ2_0", "MXFP4")
DRAWN = {"Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2),
         "Q6_K": (208,), "IQ4_NL": (0,), "IQ4_XS": (0,)}
PAIRED = ("llama", "granite", "arcee", "smollm3")
TRANSPOSED = ("c_attn.weight", "c_proj.weight", "c_fc.weight")


def architecture_of(family):
    return ARCHITECTURE.get(family) or gguf.MODEL_ARCH[family.upper()]


def swapped(tensor, first, second):
    """Reorders rows [first, second, ...] to [second, first, ...]."""
    split = tensor.reshape(first, second, -1, *tensor.shape[1:])
    return split.swapaxes(0, 1).reshape(tensor.shape)


def paired(tensor, heads, back=False):
    """Reorders the rows of each head from half to neighbour pairing."""
    sizes = (-1, 2) if back else (2, -1)
    split = tensor.reshape(heads, *sizes, *tensor.shape[1:])
    return split.swapaxes(1, 2).reshape(tensor.shape)


def stored(family, name, tensor, config, back=False):
    """Returns a tensor as the file holds it, before its encoding, or `back`
    from there: what convert_hf_to_gguf.py of llama.cpp does."""
    for which, heads in (("q", "num_attention_heads"),
                         ("k", "num_key_value_heads")):
        if family in PAIRED and f".{which}_proj." in name:
            tensor = paired(tensor, getattr(config, heads), back)
    if family in checkpoints.GEMMAS and "norm.weight" in name:
        tensor = tensor + (-1 if back else 1)
    if family == "gpt2" and name.endswith(TRANSPOSED):
        tensor = tensor.T
    if ".query_key_value." in name:
        sizes = (config.num_attention_heads, 3)
        tensor = swapped(tensor, *(sizes[::-1] if back else sizes))
    return tensor


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


def add_rope(writer, config):
    """Writes the numbers of the rope, and the factors that are tensors."""
    d = checkpoints.head_size(config)
    rope = config.rope_parameters
    rope = rope.get("full_attention", rope)
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_rope_dimension_count(
        int(d * rope.get("partial_rotary_factor", 1.0)))
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(
            rope["original_max_position_embeddings"])
        writer.add_rope_scaling_yarn_beta_fast(rope["beta_fast"])
    if rope["rope_type"] == "longrope":
        context = rope["original_max_position_embeddings"]
        factor = config.max_position_embeddings / context
        writer.add_rope_scaling_orig_ctx_len(context)
        writer.add_rope_scaling_attn_factors(
            math.sqrt(1 + math.log(factor) / math.log(context)))
        for kind in ("long", "short"):
            writer.add_tensor(f"rope_factors_{kind}.weight", np.array(
                rope[f"{kind}_factor"], dtype=np.float32))


# What some families add: setting of the config, and how it is written.
NUMBERS = {"attn_logit_softcapping": "add_attn_logit_softcapping",
           "final_logit_softcapping": "add_final_logit_softcapping",
           "use_parallel_residual": "add_parallel_residual",
           "logit_scale": "add_logit_scale",
           "logits_scaling": "add_logit_scale",
           "embedding_multiplier": "add_embedding_scale",
           "residual_multiplier": "add_residual_scale",
           "attention_multiplier": "add_attention_scale"}


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
    if family != "gpt_neox":
        writer.add_head_count_kv(config.num_key_value_heads)
    if hasattr(config, "rms_norm_eps"):
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    else:
        writer.add_layer_norm_eps(getattr(config, "layer_norm_eps", None) or
                                  config.norm_epsilon)
    if hasattr(config, "head_dim"):
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
    add_rope(writer, config)
    if getattr(config, "sliding_window", None):
        writer.add_sliding_window(config.sliding_window)
        if family == "olmo3":
            writer.add_sliding_window_pattern(
                [kind == "sliding_attention" for kind in config.layer_types])
    for setting, add in NUMBERS.items():
        if getattr(config, setting, None) is not None:
            getattr(writer, add)(getattr(config, setting))


def near_minima(kind, blocks, draw):
    """Sets the factors of minima to those of scales but for their low bits, so
    that no group has a mean far from 0."""
    noise = draw.integers(0, 4, (len(blocks), 16), dtype=np.uint8)
    if kind.name == "Q2_K":
        low = blocks[:, :16] & 15
        blocks[:, :16] = low | (low ^ noise & 1) << 4
    else:  # 6 bits each: see gguf.quants.Q4_K.get_scale_min
        blocks[:, 8:12] = blocks[:, 4:8] ^ noise[:, :4]
        low = blocks[:, 12:16] & 15
        blocks[:, 12:16] = low | (low ^ noise[:, 4:8]) << 4


def drawn_blocks(kind, shape, spread, draw):
    """Returns rows of random blocks whose numbers have RMS `spread` and mean 0.

    Every code and every factor is as likely; the scale of a block varies by a
    factor of 3, and has either sign where there are no minima.
    """
    places = DRAWN[kind.name]
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    count = math.prod(shape) // elements
    blocks = draw.integers(0, 256, (count, size), dtype=np.uint8)
    if len(places) == 2:
        near_minima(kind, blocks, draw)

    def decoded(*factors):
        """What the blocks are with these scales and minima [count]."""
        for at, factor in zip(places, factors):
            blocks[:, at:at + 2] = factor.astype(np.float16)[:, None].view(
                np.uint8)
        return gguf.quants.dequantize(blocks, kind).astype(np.float64)

    one, factors = np.ones(count), [draw.uniform(0.5, 1.5, count)]
    if len(places) == 2:  # decoding is linear in the scale and the minimum
        means = [decoded(*f).mean(-1) for f in ((one, 0 * one), (0 * one, one))]
        factors.append(-factors[0] * means[0] / means[1])
    else:
        factors[0] *= draw.choice([-1, 1], count)
    found = np.sqrt(np.square(decoded(*factors)).mean())
    decoded(*(f * (spread / found) for f in factors))
    return blocks.reshape(*shape[:-1], -1)


def add_tensor(writer, name, data, kind, draw):
    """Adds one tensor: matrices in `kind` where their rows hold whole blocks."""
    kind = gguf.GGMLQuantizationType[kind]
    block, _ = gguf.GGML_QUANT_SIZES[kind]
    if data.ndim == 1:
        kind = gguf.GGMLQuantizationType.F32
    elif data.shape[-1] % block:
        kind = gguf.GGMLQuantizationType.F16
    if kind.name in DRAWN:
        spread = np.sqrt(np.square(data, dtype=np.float64).mean())
        data = drawn_blocks(kind, data.shape, spread, draw)
    else:
        data = gguf.quants.quantize(data, kind)
    writer.add_tensor(name, data, raw_dtype=kind)


def make_gguf(family, name, path, kind="F32", seed=0, zeroed=()):
    """Writes one shape with its matrices in `kind`; returns `path`.

    zeroed: parts of the names of tensors that are to be zero.
    """
    draw = np.random.default_rng(seed)
    config = checkpoints.make_config(family, name)
    state = checkpoints.random_state(family, config, seed)
    architecture = architecture_of(family)
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture])
    writer.add_name(f"random {family} {name}")
    add_numbers(writer, family, config)
    for key, tensor in state.items():
        place = names.get_name(key, try_suffixes=(".weight", ".bias"))
        if any(part in key for part in zeroed):
            tensor = torch.zeros_like(tensor)
        data = stored(family, key, tensor, config).float().numpy()
        add_tensor(writer, place, np.ascontiguousarray(data), kind, draw)
    factors = rope_factors(config)
    if factors is not None:
        add_tensor(writer, "rope_freqs.weight", factors, "F32", draw)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return pathlib.Path(path)


def read_back(family, config, path, model):
    """Returns the float64 state of the file, for the parameters of `model`."""
    tensors = {t.name: t for t in gguf.GGUFReader(path).tensors}
    names = gguf.get_tensor_name_map(architecture_of(family),
                                     config.num_hidden_layers)
    state = {}
    for key, parameter in model.named_parameters():
        found = tensors[names.get_name(key, try_suffixes=(".weight", ".bias"))]
        data = gguf.quants.dequantize(found.data, found.tensor_type)
        tensor = torch.from_numpy(data.copy()).reshape(parameter.shape)
        state[key] = stored(family, key, tensor.double(), config, back=True)
    return state


def gguf_state(family, name, path):
    """Returns (config, float64 state) of the file, as transformers reads it, or
    as it was written where transformers does not know the architecture.

    The config is the one the file was made of: transformers does not read
    every number (Llama 3's factors, a vocabulary without a tokenizer).
    """
    config = checkpoints.make_config(family, name)
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    if family not in GGUF_CONFIG_MAPPING:
        return config, read_back(family, config, path, model)
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
