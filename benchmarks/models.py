"""Models by shape with random bf16 weights, as a directory and as a GGUF file.

    python3 benchmarks/models.py llama-1b DIRECTORY
"""
import argparse
import json
import pathlib

import gguf
import numpy as np
import safetensors.torch
import torch

# As in the config.json of the model of that size.
SHAPES = {
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
EPS = 1e-5


def tensors(shape):
    """Yields (Hugging Face name, GGUF name, shape) in the order of the model."""
    width, inner = shape["hidden_size"], shape["intermediate_size"]
    d = shape["head_dim"]
    q, kv = (shape[n] * d for n in ("num_attention_heads",
                                    "num_key_value_heads"))
    yield "model.embed_tokens", "token_embd", (shape["vocab_size"], width)
    for layer in range(shape["num_hidden_layers"]):
        a, b = f"model.layers.{layer}.", f"blk.{layer}."
        yield a + "input_layernorm", b + "attn_norm", (width,)
        yield a + "self_attn.q_proj", b + "attn_q", (q, width)
        yield a + "self_attn.k_proj", b + "attn_k", (kv, width)
        yield a + "self_attn.v_proj", b + "attn_v", (kv, width)
        yield a + "self_attn.o_proj", b + "attn_output", (width, q)
        yield a + "post_attention_layernorm", b + "ffn_norm", (width,)
        yield a + "mlp.gate_proj", b + "ffn_gate", (inner, width)
        yield a + "mlp.up_proj", b + "ffn_up", (inner, width)
        yield a + "mlp.down_proj", b + "ffn_down", (width, inner)
    yield "model.norm", "output_norm", (width,)


def random_tensor(shape, generator):
    """Returns bf16 values: norms of ones, matrices that keep the variance."""
    if len(shape) == 1:
        return torch.ones(shape, dtype=torch.bfloat16)
    noise = torch.randn(shape, generator=generator, dtype=torch.bfloat16)
    return noise.mul_(shape[1] ** -0.5)


def config_text(shape):
    return json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama",
        "torch_dtype": "bfloat16", "hidden_act": "silu",
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
    writer.add_rope_freq_base(shape["rope_theta"])
    writer.add_layer_norm_rms_eps(EPS)
    writer.add_vocab_size(shape["vocab_size"])
    writer.add_tokenizer_model("no_vocab")


def write_gguf(shape, state, path):
    """Writes the same weights for llama.cpp.

    The rows of q and k are not permuted: of random rows no order is better.
    """
    writer = gguf.GGUFWriter(path, "llama")
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


def make_model(name, directory):
    """Makes DIRECTORY/hf and DIRECTORY/model.gguf unless they are there as this
    file describes them; returns whether it did. What was made of an earlier
    model.gguf is older than it."""
    directory, shape = pathlib.Path(directory), SHAPES[name]
    config = directory / "hf/config.json"
    if (directory / "model.gguf").exists() and \
            config.read_text() == config_text(shape):
        return False
    (directory / "hf").mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    state = {n + ".weight": random_tensor(s, generator)
             for n, _, s in tensors(shape)}
    partial = directory / "partial"
    safetensors.torch.save_file(state, partial, metadata={"format": "pt"})
    partial.rename(directory / "hf/model.safetensors")
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
    arguments = parser.parse_args()
    make_model(arguments.shape, arguments.directory)


if __name__ == "__main__":
    main()
