"""Random-weight Hugging Face checkpoints of the families, made to be seen.

Default initialisation hides mistakes: its attention scores are so small that
the softmax is flat. Here every layer's scores have a standard deviation of 3
(contract: 2 to 4), norms differ from one, and biases from zero, so that a wrong
theta, window, mask or head map moves the logits.

    python3 checkpoints.py llama grouped DIR [--dtype bf16]
"""
import argparse
import json
import pathlib

import numpy as np
import safetensors.torch
import torch
import transformers

import experts
from oracle import Attention, double_model
from shapes import SHAPES

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
SCORE_STD = 3.0
TOKENS = (3, 48)  # sequences, tokens: longer than every Gemma window below

CONFIGS = {"llama": transformers.LlamaConfig,
           "mistral": transformers.MistralConfig,
           "ministral": transformers.MinistralConfig,
           "qwen2": transformers.Qwen2Config,
           "qwen3": transformers.Qwen3Config,
           "gemma": transformers.GemmaConfig,
           "gemma2": transformers.Gemma2Config,
           "gemma3": transformers.Gemma3TextConfig,
           "phi3": transformers.Phi3Config,
           "olmo2": transformers.Olmo2Config,
           "olmo3": transformers.Olmo3Config,
           "arcee": transformers.ArceeConfig,
           "smollm3": transformers.SmolLM3Config,
           "granite": transformers.GraniteConfig,
           "cohere": transformers.CohereConfig,
           "cohere2": transformers.Cohere2Config,
           "gpt_neox": transformers.GPTNeoXConfig,
           "gpt2": transformers.GPT2Config,
           "starcoder2": transformers.Starcoder2Config,
           "mixtral": transformers.MixtralConfig,
           "qwen3_moe": transformers.Qwen3MoeConfig,
           "olmoe": transformers.OlmoeConfig,
           "glm4_moe": transformers.Glm4MoeConfig,
           "minimax_m2": transformers.MiniMaxM2Config,
           "gpt_oss": transformers.GptOssConfig,
           "deepseek_v2": transformers.DeepseekV2Config,
           "deepseek_v3": transformers.DeepseekV3Config,
           "lfm2": transformers.Lfm2Config,
           "mamba2": transformers.Mamba2Config,
           "granitemoehybrid": transformers.GraniteMoeHybridConfig}
# Their norms are stored as offsets from one, their embeddings scaled by
# sqrt(width) when read.
GEMMAS = ("gemma", "gemma2", "gemma3")
OURS = ("legacy", "shards", "gguf", "positions")


def all_shapes(only_gguf=False):
    """Yields (family, shape) for every shape, or those a GGUF file can hold."""
    for family, shapes in SHAPES.items():
        for name, shape in shapes.items():
            if shape.get("gguf") or not only_gguf:
                yield family, name


def context_of(family, name):
    """Returns the options to compile one shape for all tokens of a test."""
    return [f"--max-context={TOKENS[1]}"] \
        if "positions" in SHAPES[family][name] else []


def make_config(family, name):
    """Returns the transformers config of one shape."""
    shape = {k: v for k, v in SHAPES[family][name].items() if k not in OURS}
    common = dict(bos_token_id=1, eos_token_id=2, pad_token_id=None)
    if family == "gpt2":
        common.update(n_ctx=shape["n_positions"], resid_pdrop=0.0,
                      embd_pdrop=0.0, attn_pdrop=0.0)
    else:
        positions = SHAPES[family][name].get("positions", 256)
        common.update(max_position_embeddings=positions)
    return CONFIGS[family](**common, **shape)


def tokens_of(family, name, sequences=TOKENS[0], length=TOKENS[1], seed=7):
    """Returns int32 ids [sequences, length], evenly drawn from the vocabulary."""
    vocabulary = SHAPES[family][name]["vocab_size"]
    draw = np.random.default_rng(seed)
    return draw.integers(0, vocabulary, (sequences, length), dtype=np.int32)


def fill(parameter_name, shape, family, config, generator):
    """Returns a float64 tensor for one parameter, by what it is for."""
    noise = torch.randn(shape, generator=generator, dtype=torch.float64)
    width = config.hidden_size
    if parameter_name.endswith("bias"):
        return 0.2 * noise
    if parameter_name.endswith("A_log"):  # States that last for some rows.
        return noise - 2.0
    if parameter_name.endswith("sinks"):
        return 2 * noise
    if len(shape) == 1 or "norm" in parameter_name:  # Cohere's has two
        return 0.3 * noise + (0.0 if family in GEMMAS else 1.0)
    # Routers decide clearly, so that rounding seldom changes a choice.
    if parameter_name.endswith(("mlp.gate.weight", "router.weight")):
        return 3 * noise / width**0.5
    if len(shape) == 3:  # gpt-oss stores columns
        return noise / shape[1 if family == "gpt_oss" else 2]**0.5
    if "embed_tokens" in parameter_name and family in GEMMAS:
        return noise / width**0.5
    if any(n in parameter_name
           for n in ("embed_tokens", "embed_in", "embeddings", "wte", "wpe")):
        return 0.5 * noise
    inputs = shape[0] if family == "gpt2" and "lm_head" not in parameter_name \
        else shape[1]
    return noise / inputs**0.5


def head_size(config):
    """Returns the columns of a head."""
    return getattr(config, "head_dim", None) or \
        config.hidden_size // config.num_attention_heads


def head_rows(state, config, which):
    """Yields (name, rows) of all tensors that make queries ("q") or keys
    ("k"), as views [heads, d, ...] into the state."""
    d, heads = head_size(config), config.num_attention_heads
    for name, tensor in state.items():
        if f".{which}_proj." in name:
            yield name, tensor.view(-1, d, *tensor.shape[1:])
        elif ".qkv_proj." in name:
            parts = tensor.view(-1, d, *tensor.shape[1:])
            keys = slice(heads, heads + config.num_key_value_heads)
            yield name, parts[:heads] if which == "q" else parts[keys]
        elif ".query_key_value." in name:
            parts = tensor.view(heads, 3, d, *tensor.shape[1:])
            yield name, parts[:, 0 if which == "q" else 1]


def attending(config):
    """Returns the numbers of the layers that have attention."""
    kinds = getattr(config, "layer_types", None) or \
        ["attention"] * config.num_hidden_layers
    return [i for i, kind in enumerate(kinds)
            if "attention" in kind and not kind.startswith("linear")]


def query_scale(family, state, layer, config):
    """Returns what scales the scores of the attention number `layer`: tensors
    linear in them."""
    if family == "gpt2":
        width = config.hidden_size
        block = f"transformer.h.{layer}.attn.c_attn."
        return [state[block + "weight"][:, :width],
                state[block + "bias"][:width]]
    block = f"model.layers.{attending(config)[layer]}.self_attn."
    if block + "q_layernorm.weight" in state:
        return [state[block + "q_layernorm.weight"]]
    if block + "q_norm.weight" in state:
        return [state[block + "q_norm.weight"]]
    if family.startswith("deepseek"):
        return [state[n] for n in (block + "q_proj.weight",
                                   block + "q_b_proj.weight") if n in state]
    return [rows for name, rows in head_rows(state, config, "q")
            if f"layers.{attending(config)[layer]}." in name]


def random_state(family, config, seed=0):
    """Returns a float64 state dict whose attention scores have std 3."""
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    names = {n: p.shape for n, p in model.named_parameters()} | {
        n: b.shape for n, b in model.named_buffers()
        if n.endswith("e_score_correction_bias")}
    generator = torch.Generator().manual_seed(seed)
    state = {n: fill(n, s, family, config, generator)
             for n, s in names.items()}
    measure = Attention(target=SCORE_STD)
    model = double_model(config, state, measure)
    vocabulary = config.vocab_size
    tokens = torch.randint(vocabulary, TOKENS, generator=generator)
    with torch.no_grad():
        model(tokens, use_cache=False)
    for layer, factor in enumerate(measure.factors):
        for tensor in query_scale(family, state, layer, config):
            offset = 1.0 if family in GEMMAS and tensor.dim() == 1 else 0.0
            tensor.copy_((tensor + offset) * factor - offset)
    return state


def legacy_config(config):
    """Returns config.json's contents with the names of before version 5."""
    out = config.to_dict()
    out["torch_dtype"] = out.pop("dtype")
    rope = out.pop("rope_parameters", None)
    if rope and "full_attention" in rope:  # Gemma 3
        local, rope = rope["sliding_attention"], rope["full_attention"]
        out["rope_local_base_freq"] = local["rope_theta"]
        out["sliding_window_pattern"] = 6
        out.pop("layer_types")
        out.pop("_sliding_window_pattern")
    if config.model_type == "gemma2":
        out.pop("layer_types")
    if rope:
        neox = config.model_type == "gpt_neox"
        out["rotary_emb_base" if neox else "rope_theta"] = \
            rope.pop("rope_theta")
        out["rotary_pct" if neox else "partial_rotary_factor"] = \
            rope.pop("partial_rotary_factor", 1.0)
        if "original_max_position_embeddings" in out:  # Phi-3
            rope.pop("original_max_position_embeddings", None)
        scaled = rope["rope_type"] != "default"
        out["rope_scaling"] = rope if scaled else None
    return out


def save_state(state, directory, shards):
    """Writes the state as one safetensors file, or as several with an index."""
    if shards == 1:
        safetensors.torch.save_file(state, directory / "model.safetensors",
                                    metadata={"format": "pt"})
        return
    names, index = list(state), {}
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        part = {n: state[n] for n in names[shard::shards]}
        safetensors.torch.save_file(part, directory / file,
                                    metadata={"format": "pt"})
        index.update({n: file for n in part})
    size = sum(t.numel() * t.element_size() for t in state.values())
    (directory / "model.safetensors.index.json").write_text(json.dumps(
        {"metadata": {"total_size": size}, "weight_map": index}))


def make_checkpoint(family, name, directory, dtype="f32", seed=0):
    """Writes config.json and weights in `dtype`; returns `directory`."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    config = make_config(family, name)
    state = random_state(family, config, seed)
    shape = SHAPES[family][name]
    config.dtype = DTYPES[dtype]
    config.architectures = [type(transformers.AutoModelForCausalLM.from_config(
        config)).__name__]
    contents = legacy_config(config) if shape.get("legacy") \
        else config.to_dict()
    (directory / "config.json").write_text(
        json.dumps(contents, indent=2) + "\n")
    save_state({n: t.to(DTYPES[dtype]).contiguous()
                for n, t in experts.apart(state, family).items()},
               directory, shape.get("shards", 1))
    return directory


def run_as_command(description, make, path, option, choices, default):
    """Parses FAMILY SHAPE PATH [--option], and makes one with `make`."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("family", choices=SHAPES)
    parser.add_argument("shape")
    parser.add_argument(path)
    parser.add_argument(option, choices=choices, default=default, dest="kind")
    found = parser.parse_args()
    make(found.family, found.shape, getattr(found, path), found.kind)


if __name__ == "__main__":
    run_as_command(__doc__, make_checkpoint, "directory", "--dtype", DTYPES,
                   "f32")
