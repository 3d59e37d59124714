"""Writes small valid files for the fuzzers: make_seeds.py OUT

OUT/FuzzGGUF, OUT/FuzzSafetensors and OUT/FuzzConfig each get a few files of at
most some kilobytes. Standard library only.
"""

import json
import struct
import sys
from pathlib import Path

V, D, F, H, K, HEAD, LAYERS = 10, 8, 12, 4, 2, 4, 2
Q, KV = H * HEAD, K * HEAD
U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
PACK = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f",
        BOOL: "?", U64: "Q", I64: "q", F64: "d"}
# GGUF's number of a type: its name, the elements and the bytes of a block.
BLOCKS = {0: ("F32", 1, 4), 1: ("F16", 1, 2), 30: ("BF16", 1, 2),
          8: ("Q8_0", 32, 34), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20),
          6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 10: ("Q2_K", 256, 84),
          11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144),
          13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210),
          20: ("IQ4_NL", 32, 18), 23: ("IQ4_XS", 256, 136),
          34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66),
          39: ("MXFP4", 32, 17)}


def gguf_value(kind, value):
    if kind == STRING:
        return struct.pack("<Q", len(value.encode())) + value.encode()
    if kind == ARRAY:
        element, items = value
        body = b"".join(gguf_value(element, item) for item in items)
        return struct.pack("<IQ", element, len(items)) + body
    return struct.pack("<" + PACK[kind], value)


def gguf(values, tensors):
    """`values`: {key: (kind, value)}; `tensors`: {name: (shape, type)}."""
    head, data = b"", b""
    for key, (kind, value) in values.items():
        head += gguf_value(STRING, key) + struct.pack("<I", kind)
        head += gguf_value(kind, value)
    for name, (shape, kind) in tensors.items():
        head += gguf_value(STRING, name) + struct.pack("<I", len(shape))
        head += b"".join(struct.pack("<Q", size) for size in reversed(shape))
        head += struct.pack("<IQ", kind, len(data))
        count = 1
        for size in shape:
            count *= size
        _, elements, size = BLOCKS[kind]
        data += bytes([0x3C]) * (count // elements * size)
        data += bytes(-len(data) % 32)
    head = struct.pack("<IIQQ", 0x46554747, 3, len(tensors), len(values)) + head
    return head + bytes(-len(head) % 32) + data


def per_layer(pattern, shapes):
    return {
        pattern.format(layer) + name: shape
        for layer in range(LAYERS)
        for name, shape in shapes.items()
    }


def gguf_llama_like(arch, more=None, names=None, extra=None):
    values = {
        "general.architecture": (STRING, arch),
        "general.name": (STRING, "tiny"),
        "general.alignment": (U32, 32),
        f"{arch}.embedding_length": (U32, D),
        f"{arch}.block_count": (U32, LAYERS),
        f"{arch}.feed_forward_length": (U64, F),
        f"{arch}.attention.head_count": (U32, H),
        f"{arch}.attention.head_count_kv": (I32, K),
        f"{arch}.attention.key_length": (U16, HEAD),
        f"{arch}.attention.value_length": (U32, HEAD),
        f"{arch}.context_length": (U32, 64),
        f"{arch}.attention.layer_norm_rms_epsilon": (F32, 1e-5),
        f"{arch}.rope.freq_base": (F32, 1e4),
        "tokenizer.ggml.tokens": (ARRAY, (STRING, ["a", "b", ""])),
        "tokenizer.ggml.scores": (ARRAY, (F32, [0.0, 1.0])),
        "tokenizer.ggml.token_type": (ARRAY, (I32, [1, 2])),
        "tokenizer.ggml.eos_token_id": (U32, 1),
        "tokenizer.ggml.bos_token_id": (U32, 99),
        "tokenizer.ggml.add_bos_token": (BOOL, True),
    }
    tensors = {
        "token_embd.weight": ([V, D], 1),
        "output_norm.weight": ([D], 0),
    }
    tensors |= per_layer("blk.{}.", {
        "attn_norm.weight": ([D], 0),
        "attn_q.weight": ([Q, D], 0),
        "attn_k.weight": ([KV, D], 30),
        "attn_v.weight": ([KV, D], 0),
        "attn_output.weight": ([D, Q], 0),
        "ffn_norm.weight": ([D], 0),
        "ffn_gate.weight": ([F, D], 0),
        "ffn_up.weight": ([F, D], 0),
        "ffn_down.weight": ([D, F], 0),
    } | (names or {}))
    return gguf(values | (more or {}), tensors | (extra or {}))


def gguf_gpt2():
    values = {
        "general.architecture": (STRING, "gpt2"),
        "gpt2.embedding_length": (U32, D),
        "gpt2.block_count": (U32, LAYERS),
        "gpt2.feed_forward_length": (U32, F),
        "gpt2.attention.head_count": (U32, 2),
        "gpt2.context_length": (U32, 6),
        "gpt2.attention.layer_norm_epsilon": (F32, 1e-5),
    }
    tensors = {
        "token_embd.weight": ([V, D], 0),
        "position_embd.weight": ([6, D], 0),
        "output_norm.weight": ([D], 0),
        "output_norm.bias": ([D], 0),
    }
    tensors |= per_layer("blk.{}.", {
        "attn_norm.weight": ([D], 0), "attn_norm.bias": ([D], 0),
        "attn_qkv.weight": ([3 * D, D], 0), "attn_qkv.bias": ([3 * D], 0),
        "attn_output.weight": ([D, D], 0), "attn_output.bias": ([D], 0),
        "ffn_norm.weight": ([D], 0), "ffn_norm.bias": ([D], 0),
        "ffn_up.weight": ([F, D], 0), "ffn_up.bias": ([F], 0),
        "ffn_down.weight": ([D, F], 0), "ffn_down.bias": ([D], 0),
    })
    return gguf(values, tensors)


def gguf_every_type():
    scalars = {f"s{kind}": (kind, 1) for kind in PACK}
    arrays = {f"a{kind}": (ARRAY, (kind, [1, 0])) for kind in PACK}
    tensors = {f"t{kind}": ([256], kind) for kind in BLOCKS}
    return gguf(scalars | arrays, tensors)


def gguf_seeds():
    qk = {"attn_q_norm.weight": ([HEAD], 0), "attn_k_norm.weight": ([HEAD], 0)}
    post = {"post_attention_norm.weight": ([D], 0), "post_ffw_norm.weight": ([D], 0)}
    biases = {"attn_q.bias": ([Q], 0), "attn_k.bias": ([KV], 0),
              "attn_v.bias": ([KV], 0)}
    return {
        "llama": gguf_llama_like(
            "llama", names=biases,
            extra={"rope_freqs.weight": ([2], 0), "output.weight": ([V, D], 0)}),
        "qwen3": gguf_llama_like(
            "qwen3", {"qwen3.rope.scaling.type": (STRING, "linear"),
                      "qwen3.rope.scaling.factor": (F32, 2.0)}, qk),
        "gemma3": gguf_llama_like(
            "gemma3", {
                "gemma3.attention.sliding_window": (U32, 5),
                "gemma3.attention.sliding_window_pattern":
                    (ARRAY, (BOOL, [True, False])),
                "gemma3.attention.scale": (F32, 0.5),
                "gemma3.final_logit_softcapping": (F32, 30.0)}, qk | post),
        "gpt2": gguf_gpt2(),
        "types": gguf_every_type(),
    } | {
        f"type-{name}": gguf({}, {"t": ([2, 2 * elements], kind)})
        for kind, (name, elements, _) in BLOCKS.items()
    }


def safetensors(tensors, metadata=None):
    """`tensors`: {name: (dtype, bytes of an element, shape)}, zeros, or with the
    bytes behind."""
    header, size, data = {}, 0, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, (dtype, width, shape, *given) in tensors.items():
        count = width
        for dimension in shape:
            count *= dimension
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [size, size + count]}
        size += count
        data += given[0] if given else bytes(count)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def safetensors_seeds():
    return {
        "plain": safetensors({"a": ("F32", 4, [2, 3]), "b": ("BF16", 2, [4])},
                             {"format": "pt"}),
        "odd": safetensors({"scalar": ("F16", 2, []), "empty": ("I64", 8, [0, 3]),
                            "mask": ("BOOL", 1, [1, 1, 4, 4])}),
    }


LLAMA = {
    "model.embed_tokens.weight": [V, D],
    "model.norm.weight": [D],
} | per_layer("model.layers.{}.", {
    "input_layernorm.weight": [D],
    "self_attn.q_proj.weight": [Q, D],
    "self_attn.k_proj.weight": [KV, D],
    "self_attn.v_proj.weight": [KV, D],
    "self_attn.o_proj.weight": [D, Q],
    "post_attention_layernorm.weight": [D],
    "mlp.gate_proj.weight": [F, D],
    "mlp.up_proj.weight": [F, D],
    "mlp.down_proj.weight": [D, F],
})
QK_NORMS = per_layer("model.layers.{}.self_attn.", {
    "q_norm.weight": [HEAD], "k_norm.weight": [HEAD]})
BIASES = per_layer("model.layers.{}.", {
    "self_attn.q_proj.bias": [Q], "self_attn.k_proj.bias": [KV],
    "self_attn.v_proj.bias": [KV], "self_attn.o_proj.bias": [D],
    "mlp.gate_proj.bias": [F], "mlp.up_proj.bias": [F], "mlp.down_proj.bias": [D]})
POST_NORMS = per_layer("model.layers.{}.", {
    "pre_feedforward_layernorm.weight": [D],
    "post_feedforward_layernorm.weight": [D]})
GPT2 = {
    "wte.weight": [V, D], "wpe.weight": [6, D], "ln_f.weight": [D], "ln_f.bias": [D],
} | per_layer("h.{}.", {
    "ln_1.weight": [D], "ln_1.bias": [D],
    "attn.c_attn.weight": [D, 3 * D], "attn.c_attn.bias": [3 * D],
    "attn.c_proj.weight": [D, D], "attn.c_proj.bias": [D],
    "ln_2.weight": [D], "ln_2.bias": [D],
    "mlp.c_fc.weight": [D, F], "mlp.c_fc.bias": [F],
    "mlp.c_proj.weight": [F, D], "mlp.c_proj.bias": [D]})
COMMON = {
    "vocab_size": V, "hidden_size": D, "intermediate_size": F,
    "num_hidden_layers": LAYERS, "num_attention_heads": H,
    "num_key_value_heads": K, "head_dim": HEAD, "rms_norm_eps": 1e-6,
    "max_position_embeddings": 64, "bos_token_id": 1, "eos_token_id": [2, 99],
}


def config_seed(config, shapes, generation=None, index=None):
    """Lengths and texts of config.json, generation_config.json and the index,
    then the weights. The index is a weight_map or anything but an object."""
    if index is None:
        index = {name: "model.safetensors" for name in list(shapes)[:3]}
    if isinstance(index, dict):
        index = {"weight_map": index}
    parts = [config, generation or {}, index]
    parts = [json.dumps(part).encode() for part in parts]
    text = b"".join(struct.pack("<H", len(part)) + part for part in parts)
    return text + safetensors({n: ("F32", 4, s) for n, s in shapes.items()})


def wrong_config_seeds():
    """One setting of a wrong type or value each."""
    wrong = {
        "hidden_size": [-1, "8", None, 2**63], "rms_norm_eps": ["x", 0, None],
        "hidden_act": ["relu", 1], "attention_bias": [1], "head_dim": [3, 10**6],
        "num_key_value_heads": [3], "num_hidden_layers": [1000],
        "model_type": ["mamba", 1], "quantization_config": [{}],
        "rope_parameters": [{"rope_type": "yarn"}, {"rope_type": "linear"},
                            {"rope_theta": -1}, {"partial_rotary_factor": 0.5}],
        "tie_word_embeddings": [True, 1]}
    indices = [{}, {"a": "../b"}, {"a": 1}, {"a": "model.safetensors"},
               {next(iter(LLAMA)): "other.safetensors"}, [], "index"]
    llama = COMMON | {"model_type": "llama"}
    return {
        f"wrong-{key}-{i}": config_seed(llama | {key: value}, LLAMA)
        for key, values in wrong.items()
        for i, value in enumerate(values)
    } | {
        f"wrong-index-{i}": config_seed(llama, LLAMA, index=index)
        for i, index in enumerate(indices)
    }


def without(shapes, *parts):
    return {n: s for n, s in shapes.items() if not any(p in n for p in parts)}


def more_config_seeds():
    """Families that differ from Llama by a switch or two."""
    yarn = {"rope_type": "yarn", "factor": 4.0, "beta_fast": 16.0,
            "original_max_position_embeddings": 16}
    longrope = {"type": "longrope", "short_factor": [1.0, 1.5],
                "long_factor": [2.0, 4.0]}
    dynamic = {"rope_type": "dynamic", "factor": 2.0}
    fused = without(LLAMA, "q_proj", "k_proj", "v_proj", "gate", "up_proj")
    phi3 = fused | per_layer("model.layers.{}.", {
        "self_attn.qkv_proj.weight": [Q + 2 * KV, D],
        "mlp.gate_up_proj.weight": [2 * F, D]})
    olmo = without(LLAMA, "input_layernorm") | per_layer("model.layers.{}.", {
        "post_feedforward_layernorm.weight": [D],
        "self_attn.q_norm.weight": [Q], "self_attn.k_norm.weight": [KV]})
    neox = {"gpt_neox.embed_in.weight": [V, D], "embed_out.weight": [V, D],
            "gpt_neox.final_layer_norm.weight": [D],
            "gpt_neox.final_layer_norm.bias": [D]}
    neox |= per_layer("gpt_neox.layers.{}.", {
        "input_layernorm.weight": [D], "input_layernorm.bias": [D],
        "post_attention_layernorm.weight": [D],
        "post_attention_layernorm.bias": [D],
        "attention.query_key_value.weight": [3 * D, D],
        "attention.query_key_value.bias": [3 * D],
        "attention.dense.weight": [D, D], "attention.dense.bias": [D],
        "mlp.dense_h_to_4h.weight": [F, D], "mlp.dense_h_to_4h.bias": [F],
        "mlp.dense_4h_to_h.weight": [D, F], "mlp.dense_4h_to_h.bias": [D]})
    return {
        "mistral": config_seed(
            COMMON | {"model_type": "mistral", "rope_scaling": yarn,
                      "sliding_window": None}, LLAMA),
        "granite": config_seed(
            COMMON | {"model_type": "granite", "logits_scaling": 8.0,
                      "rope_scaling": dynamic}, LLAMA),
        "gemma2": config_seed(
            COMMON | {"model_type": "gemma2", "sliding_window": 5,
                      "attn_logit_softcapping": None}, LLAMA | POST_NORMS),
        "arcee": config_seed(
            COMMON | {"model_type": "arcee", "rope_scaling": yarn},
            without(LLAMA, "gate_proj")),
        "olmo3": config_seed(
            COMMON | {"model_type": "olmo3", "sliding_window": 5,
                      "rope_theta": 5e5, "rope_scaling": yarn}, olmo),
        "smollm3": config_seed(
            COMMON | {"model_type": "smollm3", "no_rope_layers": [1, 0],
                      "use_sliding_window": True, "sliding_window": 5}, LLAMA),
        "phi3": config_seed(
            COMMON | {"model_type": "phi3", "rope_scaling": longrope,
                      "original_max_position_embeddings": 16}, phi3),
        "cohere2": config_seed(
            COMMON | {"model_type": "cohere2", "sliding_window_pattern": 2},
            without(LLAMA, "post_attention_layernorm")),
        "gpt_neox": config_seed(
            COMMON | {"model_type": "gpt_neox", "num_attention_heads": 2,
                      "num_key_value_heads": 2, "rotary_pct": 0.5}, neox),
    }


def expert_config_seeds():
    """Layers of experts: in tensors of their own, and in one by columns."""
    base = without(LLAMA, "mlp.")
    experts, count, width = {}, 4, 8
    for e in range(count):
        experts |= per_layer(f"model.layers.{{}}.mlp.experts.{e}.", {
            "gate_proj.weight": [width, D], "up_proj.weight": [width, D],
            "down_proj.weight": [D, width]})
    glm = base | experts | per_layer("model.layers.{}.mlp.", {
        "gate.weight": [count, D], "gate.e_score_correction_bias": [count],
        "shared_experts.gate_proj.weight": [width, D],
        "shared_experts.up_proj.weight": [width, D],
        "shared_experts.down_proj.weight": [D, width]})
    oss = base | per_layer("model.layers.{}.", {
        "self_attn.sinks": [H], "mlp.router.weight": [count, D],
        "mlp.router.bias": [count],
        "mlp.experts.gate_up_proj": [count, D, 2 * width],
        "mlp.experts.gate_up_proj_bias": [count, 2 * width],
        "mlp.experts.down_proj": [count, width, D],
        "mlp.experts.down_proj_bias": [count, D]})
    latent = glm | per_layer("model.layers.{}.self_attn.", {
        "q_proj.weight": [4 * (4 + 2), D],
        "kv_a_proj_with_mqa.weight": [6 + 2, D], "kv_a_layernorm.weight": [6],
        "kv_b_proj.weight": [4 * (4 + 3), 6], "o_proj.weight": [D, 4 * 3]})
    conv = LLAMA | QK_NORMS | per_layer("model.layers.{}.", {
        "operator_norm.weight": [D], "ffn_norm.weight": [D],
        "conv.in_proj.weight": [3 * D, D], "conv.conv.weight": [D, 1, 3],
        "conv.out_proj.weight": [D, D], "feed_forward.w1.weight": [F, D],
        "feed_forward.w3.weight": [F, D], "feed_forward.w2.weight": [D, F]}) | {
            "model.embedding_norm.weight": [D]}
    scan = {"backbone.embeddings.weight": [V, D], "backbone.norm_f.weight": [D],
            "lm_head.weight": [V, D]} | per_layer("backbone.layers.{}.", {
                "norm.weight": [D], "mixer.in_proj.weight": [4 * D + 12 + 4, D],
                "mixer.conv1d.weight": [2 * D + 12, 1, 3],
                "mixer.conv1d.bias": [2 * D + 12], "mixer.dt_bias": [4],
                "mixer.A_log": [4], "mixer.D": [4], "mixer.norm.weight": [2 * D],
                "mixer.out_proj.weight": [D, 2 * D]})
    chosen = {"num_experts_per_tok": 2, "moe_intermediate_size": width}
    return {
        "glm4_moe": config_seed(
            COMMON | chosen | {
                "model_type": "glm4_moe", "n_routed_experts": count,
                "n_shared_experts": 1, "n_group": 2, "topk_group": 1,
                "routed_scaling_factor": 2.5, "first_k_dense_replace": 0}, glm),
        "deepseek_v2": config_seed(
            COMMON | chosen | {
                "model_type": "deepseek_v2", "n_routed_experts": count,
                "num_attention_heads": 4, "n_shared_experts": 1,
                "q_lora_rank": None, "kv_lora_rank": 6, "qk_nope_head_dim": 4,
                "qk_rope_head_dim": 2, "v_head_dim": 3}, latent),
        "lfm2": config_seed(
            COMMON | {"model_type": "lfm2", "conv_L_cache": 3,
                      "block_auto_adjust_ff_dim": False,
                      "layer_types": ["conv"] * LAYERS}, conv),
        "mamba2": config_seed(
            {"model_type": "mamba2", "vocab_size": V, "hidden_size": D,
             "num_hidden_layers": LAYERS, "num_heads": 4, "head_dim": D // 2,
             "n_groups": 2, "state_size": 3, "conv_kernel": 3,
             "time_step_limit": [0.5, 1.5]}, scan),
        "qwen3_moe": config_seed(
            COMMON | chosen | {"model_type": "qwen3_moe", "num_experts": count,
                               "mlp_only_layers": [0]}, glm | LLAMA),
        "gpt_oss": config_seed(
            COMMON | chosen | {
                "model_type": "gpt_oss", "num_local_experts": count,
                "intermediate_size": width, "attention_bias": False}, oss)}


def config_seeds():
    llama3 = {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0,
              "low_freq_factor": 1.0, "high_freq_factor": 4.0,
              "original_max_position_embeddings": 16}
    by_kind = {"full_attention": {"rope_type": "linear", "factor": 8.0,
                                  "rope_theta": 1e6},
               "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}
    gemma = COMMON | {"sliding_window": 5, "sliding_window_pattern": 2,
                      "query_pre_attn_scalar": 4}
    gemma_tensors = LLAMA | QK_NORMS | POST_NORMS
    qwen = COMMON | {"model_type": "qwen3", "tie_word_embeddings": True}
    return {
        "llama": config_seed(
            COMMON | {"model_type": "llama", "rope_parameters": llama3,
                      "attention_bias": True, "mlp_bias": True},
            LLAMA | BIASES | {"lm_head.weight": [V, D]}, {"eos_token_id": 3}),
        "qwen3": config_seed(
            qwen | {"rope_theta": 1e6, "use_sliding_window": True,
                    "sliding_window": 7, "max_window_layers": 1},
            LLAMA | QK_NORMS),
        "gemma3": config_seed(
            gemma | {"model_type": "gemma3_text", "rope_parameters": by_kind,
                     "layer_types": ["sliding_attention", "full_attention"],
                     "final_logit_softcapping": 30.0}, gemma_tensors),
        "gemma3-nested": config_seed(
            {"model_type": "gemma3",
             "text_config": gemma | {"rope_scaling": {"rope_type": "linear",
                                                      "factor": 8.0}}},
            {"language_model." + n: s for n, s in gemma_tensors.items()}),
        **more_config_seeds() | expert_config_seeds(),
        "gpt2": config_seed(
            {"model_type": "gpt2", "vocab_size": V, "n_embd": D, "n_head": 2,
             "n_layer": LAYERS, "n_inner": F, "n_positions": 6,
             "activation_function": "gelu_new",
             "scale_attn_by_inverse_layer_idx": True, "bos_token_id": 50256},
            GPT2 | {"extra": [2]}),
    }


def write_seeds(out, directories):
    """Writes OUT/DIRECTORY/NAME for every name of every directory."""
    for target, seeds in directories.items():
        directory = Path(out) / target
        directory.mkdir(parents=True, exist_ok=True)
        for name, data in seeds.items():
            (directory / name).write_bytes(data)


def main():
    write_seeds(sys.argv[1], {
        "FuzzGGUF": gguf_seeds(), "FuzzSafetensors": safetensors_seeds(),
        "FuzzConfig": config_seeds() | wrong_config_seeds()})


if __name__ == "__main__":
    main()
