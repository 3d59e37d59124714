"""Models by shape with random bf16 weights, as a directory and as a GGUF file.

    python3 benchmarks/models.py llama-1b DIRECTORY [--layers N]
"""
import argparse
import json
import pathlib

import gguf
import numpy as np
import safetensors.torch
import torch

# As in the config.json of the model of that size; of DeepSeek-V2-Lite a third of
# the layers, so that it fits into memory.
SHAPES = {
    "olmoe-1b-7b": dict(
        model_type="olmoe", hidden_size=2048, intermediate_size=1024,
        num_hidden_layers=16, num_attention_heads=16, num_key_value_heads=16,
        head_dim=128, vocab_size=50304, rope_theta=10000.0, num_experts=64,
        num_experts_per_tok=8, norm_topk_prob=False,
        tie_word_embeddings=False),
    "deepseek-v2-lite": dict(
        model_type="deepseek_v2", hidden_size=2048, intermediate_size=10944,
        moe_intermediate_size=1408, num_hidden_layers=9,
        num_attention_heads=16, num_key_value_heads=16, head_dim=64,
        vocab_size=102400, n_routed_experts=64, n_shared_experts=2,
        num_experts_per_tok=6, norm_topk_prob=False, first_k_dense_replace=1,
        topk_method="greedy", routed_scaling_factor=1.0, q_lora_rank=None,
        kv_lora_rank=512, qk_nope_head_dim=128, qk_rope_head_dim=64,
        v_head_dim=128, rope_theta=10000.0, rope_scaling=dict(
            type="yarn", factor=40.0, beta_fast=32, beta_slow=1, mscale=0.707,
            mscale_all_dim=0.707, original_max_position_embeddings=4096),
        tie_word_embeddings=False),
    "llama-1b": dict(
        hidden_size=2048, intermediate_size=8192, num_hidden_layers=16,
        num_attention_heads=32, num_key_value_heads=8, head_dim=64,
        vocab_size=128256, rope_theta=500000.0),
    "llama-small": dict(
        hidden_size=512, intermediate_size=1536, num_hidden_layers=4,
        num_attention_heads=8, num_key_value_heads=2, head_dim=64,
        vocab_size=8192, rope_theta=500000.0),
}
CONTEXT = 32768
ARCHITECTURES = {"llama": "LlamaForCausalLM", "olmoe": "OlmoeForCausalLM",
                 "deepseek_v2": "DeepseekV2ForCausalLM"}
EPS = 1e-5


def attention(shape):
    """Yields (Hugging Face name, GGUF name, shape) of a layer's attention."""
    width, heads = shape["hidden_size"], shape["num_attention_heads"]
    if rank := shape.get("kv_lora_rank"):
        nope, rope, value = (shape[n] for n in (
            "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"))
        yield "q_proj", "attn_q", (heads * (nope + rope), width)
        yield "kv_a_proj_with_mqa", "attn_kv_a_mqa", (rank + rope, width)
        yield "kv_a_layernorm", "attn_kv_a_norm", (rank,)
        yield "kv_b_proj", "attn_kv_b", (heads * (nope + value), rank)
        yield "o_proj", "attn_output", (width, heads * value)
        return
    d = shape["head_dim"]
    q, kv = (shape[n] * d for n in ("num_attention_heads",
                                    "num_key_value_heads"))
    yield "q_proj", "attn_q", (q, width)
    yield "k_proj", "attn_k", (kv, width)
    yield "v_proj", "attn_v", (kv, width)
    if shape.get("model_type") == "olmoe":
        yield "q_norm", "attn_q_norm", (q,)
        yield "k_norm", "attn_k_norm", (kv,)
    yield "o_proj", "attn_output", (width, q)


def feed_forward(shape, layer):
    """Yields the same of its ffn; "{}" stands for the number of an expert."""
    width, inner = shape["hidden_size"], shape["intermediate_size"]
    count = shape.get("num_experts", shape.get("n_routed_experts"))
    if not count or layer < shape.get("first_k_dense_replace", 0):
        yield "mlp.gate_proj", "ffn_gate", (inner, width)
        yield "mlp.up_proj", "ffn_up", (inner, width)
        yield "mlp.down_proj", "ffn_down", (width, inner)
        return
    inner = shape.get("moe_intermediate_size", inner)
    yield "mlp.gate", "ffn_gate_inp", (count, width)
    shared = inner * shape.get("n_shared_experts", 0)
    for name, place, rows, columns in (
            ("gate_proj", "ffn_gate", inner, width),
            ("up_proj", "ffn_up", inner, width),
            ("down_proj", "ffn_down", width, inner)):
        yield f"mlp.experts.{{}}.{name}", place + "_exps", (count, rows, columns)
        if shared:
            sizes = tuple(shared if n == inner else n for n in (rows, columns))
            yield f"mlp.shared_experts.{name}", place + "_shexp", sizes


def tensors(shape):
    """Yields (Hugging Face name, GGUF name, shape) in the order of the model."""
    width = shape["hidden_size"]
    yield "model.embed_tokens", "token_embd", (shape["vocab_size"], width)
    for layer in range(shape["num_hidden_layers"]):
        a, b = f"model.layers.{layer}.", f"blk.{layer}."
        yield a + "input_layernorm", b + "attn_norm", (width,)
        for name, place, sizes in attention(shape):
            yield a + "self_attn." + name, b + place, sizes
        yield a + "post_attention_layernorm", b + "ffn_norm", (width,)
        for name, place, sizes in feed_forward(shape, layer):
            yield a + name, b + place, sizes
    yield "model.norm", "output_norm", (width,)
    if not shape.get("tie_word_embeddings", True):
        yield "lm_head", "output", (shape["vocab_size"], width)


def random_tensor(shape, generator):
    """Returns bf16 values: norms of ones, matrices that keep the variance."""
    if len(shape) == 1:
        return torch.ones(shape, dtype=torch.bfloat16)
    noise = torch.randn(shape[-2:], generator=generator, dtype=torch.bfloat16)
    noise.mul_(shape[-1] ** -0.5)
    if len(shape) == 2:
        return noise
    # Experts differ by a rotation: to draw them all takes longest.
    return torch.stack([noise.roll(expert, 0) for expert in range(shape[0])])


def config_text(shape):
    return json.dumps({
        "architectures": [ARCHITECTURES[shape.get("model_type", "llama")]],
        "model_type": "llama", "torch_dtype": "bfloat16", "hidden_act": "silu",
        "rms_norm_eps": EPS, "max_position_embeddings": CONTEXT,
        "tie_word_embeddings": True, "attention_bias": False,
        "mlp_bias": False, "bos_token_id": 1, "eos_token_id": 2, **shape,
    }, indent=2) + "\n"


def gguf_header(writer, shape):
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(shape["hidden_size"])
    writer.add_feed_forward_length(shape["intermediate_size"])
    writer.add_block_count(shape["num_hidden_layers"])
    writer.add_head_count(shape["num_attention_heads"])
    writer.add_head_count_kv(shape["num_key_value_heads"])
    writer.add_key_length(shape["head_dim"])
    writer.add_value_length(shape["head_dim"])
    writer.add_rope_dimension_count(shape["head_dim"])
    if "num_experts" in shape:
        writer.add_expert_count(shape["num_experts"])
        writer.add_expert_used_count(shape["num_experts_per_tok"])
        writer.add_expert_feed_forward_length(shape["intermediate_size"])
    writer.add_rope_freq_base(shape["rope_theta"])
    writer.add_layer_norm_rms_eps(EPS)
    writer.add_vocab_size(shape["vocab_size"])
    writer.add_tokenizer_model("no_vocab")


def write_gguf(shape, state, path):
    """Writes the same weights for llama.cpp.

    The rows of q and k are not permuted: of random rows no order is better.
    """
    writer = gguf.GGUFWriter(path, shape.get("model_type", "llama"))
    gguf_header(writer, shape)
    for name, place, _ in tensors(shape):
        tensor = state[name + ".weight"]
        if tensor.dim() == 1:
            writer.add_tensor(place + ".weight", tensor.float().numpy())
            continue
        bits = tensor.view(torch.uint16).numpy().view(np.uint8)
        writer.add_tensor(place + ".weight", bits,
                          raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def apart(state):
    """Returns the state with a tensor for each expert."""
    result = {}
    for name, tensor in state.items():
        if "{}" not in name:
            result[name] = tensor
            continue
        for expert, matrix in enumerate(tensor):
            result[name.format(expert)] = matrix
    return result


def make_model(name, directory, layers=None):
    """Makes DIRECTORY/hf and DIRECTORY/model.gguf unless they are there as this
    file describes them; returns whether it did. What was made of an earlier
    model.gguf is older than it. Where a GGUF file holds other weights than a
    directory (attention over latents), none is made.

    layers: if not None, how many the model has in place of its own."""
    directory, shape = pathlib.Path(directory), dict(SHAPES[name])
    shape["num_hidden_layers"] = layers or shape["num_hidden_layers"]
    has_gguf = "kv_lora_rank" not in shape
    config = directory / "hf/config.json"
    if (config.exists() if not has_gguf
            else (directory / "model.gguf").exists()) and \
            config.read_text() == config_text(shape):
        return False
    (directory / "hf").mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    state = {n + ".weight": random_tensor(s, generator)
             for n, _, s in tensors(shape)}
    partial = directory / "partial"
    safetensors.torch.save_file(apart(state), partial,
                                metadata={"format": "pt"})
    partial.rename(directory / "hf/model.safetensors")
    if has_gguf:
        write_gguf(shape, state, partial)
        partial.rename(directory / "model.gguf")
    config.write_text(config_text(shape))
    return True


def example_gguf(source, path):
    """Writes a bf16 Llama directory, such as the example model, as GGUF."""
    source = pathlib.Path(source)
    config = json.loads((source / "config.json").read_text())
    shape = {k: config[k] for k in SHAPES["llama-1b"] if k in config}
    shape["rope_theta"] = config["rope_parameters"]["rope_theta"]
    state = safetensors.torch.load_file(source / "model.safetensors")
    write_gguf(shape, state, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("directory")
    parser.add_argument("--layers", type=int)
    arguments = parser.parse_args()
    make_model(arguments.shape, arguments.directory, arguments.layers)


if __name__ == "__main__":
    main()
