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

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
SCORE_STD = 3.0
TOKENS = (3, 48)  # sequences, tokens: longer than every Gemma window below

# Family -> shape -> the arguments of its transformers config. `legacy` writes
# config.json as most checkpoints on the web have it; `shards` splits the
# weights over several files; `gguf` marks the shapes whose rows hold whole
# blocks of 32, and whose numbers a GGUF file can say. `positions` are those
# that the model is made for.
SHAPES = {
    "llama": {
        "grouped": dict(
            vocab_size=251, hidden_size=96, intermediate_size=136,
            num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
            head_dim=24, rope_theta=10000.0, rms_norm_eps=1e-5, legacy=True),
        "scaled": dict(
            vocab_size=1009, hidden_size=160, intermediate_size=288,
            num_hidden_layers=3, num_attention_heads=5, num_key_value_heads=1,
            head_dim=40, rope_theta=500000.0, rms_norm_eps=1e-5,
            tie_word_embeddings=True, legacy=True, gguf=True, shards=3,
            rope_scaling=dict(
                rope_type="llama3", factor=8.0, low_freq_factor=1.0,
                high_freq_factor=4.0, original_max_position_embeddings=24)),
        "biased": dict(
            vocab_size=257, hidden_size=75, intermediate_size=201,
            num_hidden_layers=1, num_attention_heads=3, num_key_value_heads=3,
            head_dim=80, rope_theta=10000.0, rms_norm_eps=1e-2,
            attention_bias=True, mlp_bias=True),
        "deep": dict(
            vocab_size=256, hidden_size=64, intermediate_size=160,
            num_hidden_layers=12, num_attention_heads=4, num_key_value_heads=2,
            head_dim=16, rope_theta=10000.0, rms_norm_eps=1e-6,
            tie_word_embeddings=True, gguf=True),
        # Made for fewer positions than a test's tokens.
        "dynamic": dict(
            vocab_size=251, hidden_size=64, intermediate_size=136,
            num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
            head_dim=32, rms_norm_eps=1e-5, positions=24,
            rope_parameters=dict(rope_type="dynamic", rope_theta=10000.0,
                                 factor=2.0)),
        # Rows of whole blocks of 256, and below of whole groups of 96.
        "blocks": dict(
            vocab_size=263, hidden_size=256, intermediate_size=1280,
            num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            head_dim=64, rope_theta=10000.0, rms_norm_eps=1e-5, gguf=True),
        "groups": dict(
            vocab_size=263, hidden_size=288, intermediate_size=480,
            num_hidden_layers=1, num_attention_heads=6, num_key_value_heads=2,
            head_dim=48, rope_theta=10000.0, rms_norm_eps=1e-5,
            tie_word_embeddings=True),
    },
    "mistral": {
        "windowed": dict(
            vocab_size=251, hidden_size=96, intermediate_size=136,
            num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
            head_dim=24, sliding_window=9, rope_theta=1e6, rms_norm_eps=1e-2,
            legacy=True),
        "full": dict(
            vocab_size=259, hidden_size=64, intermediate_size=160,
            num_hidden_layers=1, num_attention_heads=4, num_key_value_heads=4,
            head_dim=40, sliding_window=None, rms_norm_eps=1e-5,
            rope_parameters=dict(
                rope_type="yarn", rope_theta=1e4, factor=4.0,
                original_max_position_embeddings=16)),
    },
    "ministral": {
        "mixed": dict(
            vocab_size=251, hidden_size=80, intermediate_size=136,
            num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
            head_dim=24, sliding_window=7, rope_theta=1e4, rms_norm_eps=1e-2,
            layer_types=["sliding_attention", "full_attention",
                         "sliding_attention"]),
    },
    "qwen2": {
        "tied": dict(
            vocab_size=1009, hidden_size=128, intermediate_size=224,
            num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            rope_theta=1e6, rms_norm_eps=1e-6, tie_word_embeddings=True,
            gguf=True, legacy=True),
        "windowed": dict(
            vocab_size=251, hidden_size=72, intermediate_size=184,
            num_hidden_layers=3, num_attention_heads=3, num_key_value_heads=1,
            rope_theta=1e4, rms_norm_eps=1e-2,
            use_sliding_window=True, sliding_window=6, max_window_layers=1),
        "yarn": dict(
            vocab_size=263, hidden_size=96, intermediate_size=160,
            num_hidden_layers=1, num_attention_heads=6, num_key_value_heads=3,
            rms_norm_eps=1e-6, gguf=True, legacy=True, rope_theta=1e4,
            rope_scaling=dict(
                rope_type="yarn", factor=8.0, beta_fast=16.0,
                original_max_position_embeddings=32)),
    },
    "gemma": {
        "grouped": dict(
            vocab_size=251, hidden_size=96, intermediate_size=160,
            num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
            head_dim=24, rope_theta=1e4, rms_norm_eps=1e-2, gguf=True),
        "single": dict(
            vocab_size=1009, hidden_size=75, intermediate_size=200,
            num_hidden_layers=3, num_attention_heads=3, num_key_value_heads=1,
            head_dim=40, rope_theta=1e4, rms_norm_eps=1e-6, legacy=True),
    },
    "gemma2": {
        "windows": dict(
            vocab_size=251, hidden_size=96, intermediate_size=160,
            num_hidden_layers=3, num_attention_heads=6, num_key_value_heads=2,
            head_dim=24, sliding_window=9, query_pre_attn_scalar=24,
            rope_theta=1e4, rms_norm_eps=1e-6, attn_logit_softcapping=4.0,
            final_logit_softcapping=3.0, gguf=True),
        "uncapped": dict(
            vocab_size=1009, hidden_size=75, intermediate_size=152,
            num_hidden_layers=2, num_attention_heads=5, num_key_value_heads=1,
            head_dim=40, sliding_window=16, query_pre_attn_scalar=30,
            rope_theta=1e4, rms_norm_eps=1e-2, attn_logit_softcapping=None,
            final_logit_softcapping=None, legacy=True),
    },
    "phi3": {
        "windowed": dict(
            vocab_size=251, hidden_size=96, intermediate_size=136,
            num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
            sliding_window=9, rope_theta=1e4, rms_norm_eps=1e-2),
        "partial": dict(
            vocab_size=1009, hidden_size=128, intermediate_size=192,
            num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4,
            partial_rotary_factor=0.75, rope_theta=1e4, rms_norm_eps=1e-5,
            tie_word_embeddings=True, gguf=True, legacy=True),
        "long": dict(
            vocab_size=263, hidden_size=64, intermediate_size=160,
            num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1,
            rms_norm_eps=1e-5, original_max_position_embeddings=24,
            rope_theta=1e4, gguf=True, legacy=True, rope_scaling=dict(
                type="longrope",
                short_factor=[1 + i / 16 for i in range(16)],
                long_factor=[1 + i / 4 for i in range(16)])),
    },
    "olmo2": {
        "grouped": dict(
            vocab_size=251, hidden_size=96, intermediate_size=160,
            num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
            rope_theta=1e4, rms_norm_eps=1e-2, gguf=True),
        "biased": dict(
            vocab_size=1009, hidden_size=120, intermediate_size=200,
            num_hidden_layers=3, num_attention_heads=5, num_key_value_heads=5,
            rope_theta=5e5, rms_norm_eps=1e-6, attention_bias=True,
            tie_word_embeddings=True, legacy=True),
    },
    "olmo3": {
        "stretched": dict(
            vocab_size=251, hidden_size=96, intermediate_size=160,
            num_hidden_layers=4, num_attention_heads=6, num_key_value_heads=2,
            sliding_window=9, rms_norm_eps=1e-2, gguf=True,
            rope_parameters=dict(
                full_attention=dict(
                    rope_type="yarn", rope_theta=1e4, factor=4.0,
                    beta_fast=16.0, original_max_position_embeddings=24),
                sliding_attention=dict(rope_theta=1e4))),
        "typed": dict(
            vocab_size=1009, hidden_size=120, intermediate_size=200,
            num_hidden_layers=2, num_attention_heads=5, num_key_value_heads=5,
            sliding_window=16, rms_norm_eps=1e-6, attention_bias=True,
            layer_types=["full_attention", "sliding_attention"],
            tie_word_embeddings=True, rope_parameters=dict(
                full_attention=dict(rope_theta=5e5),
                sliding_attention=dict(rope_theta=1e4))),
    },
    "arcee": {
        "grouped": dict(
            vocab_size=251, hidden_size=96, intermediate_size=160,
            num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
            rope_theta=1e4, rms_norm_eps=1e-2, gguf=True),
        "biased": dict(
            vocab_size=1009, hidden_size=120, intermediate_size=200,
            num_hidden_layers=3, num_attention_heads=5, num_key_value_heads=5,
            head_dim=40, rms_norm_eps=1e-5, attention_bias=True,
            mlp_bias=True, tie_word_embeddings=True, legacy=True,
            rope_parameters=dict(
                rope_type="yarn", rope_theta=1e4, factor=4.0,
                original_max_position_embeddings=24)),
    },
    "smollm3": {
        "interval": dict(
            vocab_size=251, hidden_size=96, intermediate_size=160,
            num_hidden_layers=4, num_attention_heads=6, num_key_value_heads=2,
            rope_theta=1e4, rms_norm_eps=1e-2, gguf=True),
        "windowed": dict(
            vocab_size=1009, hidden_size=120, intermediate_size=200,
            num_hidden_layers=3, num_attention_heads=5, num_key_value_heads=5,
            rope_theta=2e6, rms_norm_eps=1e-6, no_rope_layers=[1, 0, 0],
            use_sliding_window=True, sliding_window=9, attention_bias=True,
            mlp_bias=True, tie_word_embeddings=False, legacy=True),
    },
    "granite": {
        "scaled": dict(
            vocab_size=251, hidden_size=96, intermediate_size=160,
            num_hidden_layers=3, num_attention_heads=6, num_key_value_heads=2,
            rope_theta=1e4, rms_norm_eps=1e-2, gguf=True,
            tie_word_embeddings=True, embedding_multiplier=6.0,
            residual_multiplier=0.4, attention_multiplier=0.1,
            logits_scaling=8.0),
        "biased": dict(
            vocab_size=259, hidden_size=72, intermediate_size=136,
            num_hidden_layers=1, num_attention_heads=3, num_key_value_heads=1,
            rope_theta=1e4, rms_norm_eps=1e-5, legacy=True,
            attention_bias=True, mlp_bias=True, attention_multiplier=0.25),
    },
    "cohere": {
        "tied": dict(
            vocab_size=251, hidden_size=96, intermediate_size=160,
            num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
            rope_theta=1e4, layer_norm_eps=1e-2, logit_scale=0.25, gguf=True),
        "biased": dict(
            vocab_size=1009, hidden_size=120, intermediate_size=200,
            num_hidden_layers=1, num_attention_heads=3, num_key_value_heads=3,
            rope_theta=8e6, layer_norm_eps=1e-5, attention_bias=True,
            legacy=True),
        "normed": dict(
            vocab_size=263, hidden_size=96, intermediate_size=136,
            num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
            rope_theta=1e4, layer_norm_eps=1e-2, use_qk_norm=True, gguf=True),
    },
    "cohere2": {
        "windows": dict(
            vocab_size=251, hidden_size=96, intermediate_size=160,
            num_hidden_layers=5, num_attention_heads=4, num_key_value_heads=2,
            sliding_window=9, rope_theta=1e4, layer_norm_eps=1e-2,
            logit_scale=0.5, gguf=True),
    },
    "gpt_neox": {
        "parallel": dict(
            vocab_size=251, hidden_size=96, intermediate_size=160,
            num_hidden_layers=2, num_attention_heads=4, layer_norm_eps=1e-2,
            rotary_pct=0.25, gguf=True),
        "sequential": dict(
            vocab_size=1009, hidden_size=120, intermediate_size=200,
            num_hidden_layers=3, num_attention_heads=3, layer_norm_eps=1e-5,
            rotary_pct=1.0, rotary_emb_base=5000, use_parallel_residual=False,
            tie_word_embeddings=True, legacy=True),
        "unbiased": dict(
            vocab_size=263, hidden_size=64, intermediate_size=136,
            num_hidden_layers=1, num_attention_heads=2, layer_norm_eps=1e-5,
            rotary_pct=0.5, attention_bias=False, hidden_act="relu"),
    },
    "starcoder2": {
        "grouped": dict(
            vocab_size=251, hidden_size=96, intermediate_size=160,
            num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
            rope_theta=1e4, norm_epsilon=1e-2, gguf=True),
        "windowed": dict(
            vocab_size=1009, hidden_size=72, intermediate_size=200,
            num_hidden_layers=1, num_attention_heads=3, num_key_value_heads=1,
            sliding_window=9, rope_theta=1e5, norm_epsilon=1e-5,
            use_bias=False, tie_word_embeddings=False, legacy=True),
    },
    "qwen3": {
        "grouped": dict(
            vocab_size=1009, hidden_size=128, intermediate_size=224,
            num_hidden_layers=2, num_attention_heads=9, num_key_value_heads=3,
            head_dim=40, rope_theta=1e6, rms_norm_eps=1e-6, gguf=True,
            legacy=True),
        "tied": dict(
            vocab_size=251, hidden_size=88, intermediate_size=184,
            num_hidden_layers=5, num_attention_heads=2, num_key_value_heads=1,
            head_dim=24, rope_theta=1e4, rms_norm_eps=1e-2,
            tie_word_embeddings=True, shards=2),
        "biased": dict(
            vocab_size=307, hidden_size=104, intermediate_size=120,
            num_hidden_layers=1, num_attention_heads=4, num_key_value_heads=4,
            head_dim=80, rope_theta=1e6, rms_norm_eps=1e-6,
            attention_bias=True),
    },
    "gemma3": {
        "windows": dict(
            vocab_size=251, hidden_size=96, intermediate_size=152,
            num_hidden_layers=4, num_attention_heads=6, num_key_value_heads=2,
            head_dim=24, sliding_window=9, query_pre_attn_scalar=30,
            rope_theta=1e6, rope_local_base_freq=1e4, rms_norm_eps=1e-6,
            layer_types=["sliding_attention", "full_attention"] * 2,
            tie_word_embeddings=True),
        "pattern": dict(
            vocab_size=1009, hidden_size=96, intermediate_size=256,
            num_hidden_layers=7, num_attention_heads=3, num_key_value_heads=1,
            head_dim=80, sliding_window=16, query_pre_attn_scalar=80,
            rope_theta=1e6, rope_local_base_freq=1e4, rms_norm_eps=1e-6,
            tie_word_embeddings=True, legacy=True, gguf=True, shards=2),
        "capped": dict(
            vocab_size=313, hidden_size=80, intermediate_size=96,
            num_hidden_layers=2, num_attention_heads=5, num_key_value_heads=5,
            head_dim=40, sliding_window=5, query_pre_attn_scalar=40,
            rope_theta=1e6, rope_local_base_freq=1e4, rms_norm_eps=1e-2,
            final_logit_softcapping=3.0,
            rope_scaling=dict(rope_type="linear", factor=8.0),
            layer_types=["full_attention", "sliding_attention"],
            tie_word_embeddings=False),
    },
    "gpt2": {
        "odd": dict(
            vocab_size=251, n_embd=75, n_layer=2, n_head=3, n_inner=None,
            n_positions=64, layer_norm_epsilon=1e-2),
        "wide": dict(
            vocab_size=1009, n_embd=160, n_layer=1, n_head=2, n_inner=320,
            n_positions=128, layer_norm_epsilon=1e-5, gguf=True, legacy=True),
        "untied": dict(
            vocab_size=258, n_embd=200, n_layer=6, n_head=5, n_inner=136,
            n_positions=48, layer_norm_epsilon=1e-5,
            tie_word_embeddings=False),
    },
    # Experts without a token in most steps; one that has all; dense layers
    # between.
    "mixtral": {
        "few": dict(
            vocab_size=251, hidden_size=96, intermediate_size=136,
            num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
            head_dim=24, num_local_experts=4, num_experts_per_tok=2,
            rope_theta=1e4, rms_norm_eps=1e-2),
        "one": dict(
            vocab_size=257, hidden_size=64, intermediate_size=96,
            num_hidden_layers=1, num_attention_heads=4, num_key_value_heads=2,
            head_dim=16, num_local_experts=1, num_experts_per_tok=1,
            sliding_window=7, rope_theta=1e4, rms_norm_eps=1e-5),
    },
    "qwen3_moe": {
        "mixed": dict(
            vocab_size=251, hidden_size=72, intermediate_size=104,
            moe_intermediate_size=40, num_hidden_layers=4,
            num_attention_heads=3, num_key_value_heads=1, head_dim=24,
            num_experts=16, num_experts_per_tok=4, norm_topk_prob=False,
            decoder_sparse_step=2, mlp_only_layers=[3], rope_theta=1e4,
            rms_norm_eps=1e-2),
        "many": dict(
            vocab_size=263, hidden_size=96, intermediate_size=64,
            moe_intermediate_size=32, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, head_dim=32,
            num_experts=61, num_experts_per_tok=5, norm_topk_prob=True,
            rope_theta=1e4, rms_norm_eps=1e-5, shards=2),
    },
    "olmoe": {
        "grouped": dict(
            vocab_size=251, hidden_size=96, intermediate_size=72,
            num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
            num_experts=8, num_experts_per_tok=3, norm_topk_prob=False,
            rope_theta=1e4, rms_norm_eps=1e-2),
        "blocks": dict(
            vocab_size=257, hidden_size=64, intermediate_size=32,
            num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=4,
            num_experts=12, num_experts_per_tok=2, norm_topk_prob=False,
            rope_theta=1e4, rms_norm_eps=1e-5),
    },
    "glm4_moe": {
        "groups": dict(
            vocab_size=251, hidden_size=96, intermediate_size=136,
            moe_intermediate_size=40, num_hidden_layers=3,
            num_attention_heads=6, num_key_value_heads=2, head_dim=24,
            n_routed_experts=24, num_experts_per_tok=3, n_shared_experts=2,
            n_group=6, topk_group=2, routed_scaling_factor=1.7,
            first_k_dense_replace=1, use_qk_norm=True, attention_bias=True,
            num_nextn_predict_layers=0, rms_norm_eps=1e-2,
            rope_parameters=dict(rope_type="default", rope_theta=1e4,
                                 partial_rotary_factor=0.5)),
        "plain": dict(
            vocab_size=257, hidden_size=64, intermediate_size=96,
            moe_intermediate_size=32, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=4, head_dim=32,
            n_routed_experts=10, num_experts_per_tok=4, n_shared_experts=1,
            norm_topk_prob=False, first_k_dense_replace=0,
            num_nextn_predict_layers=0, rms_norm_eps=1e-5,
            rope_parameters=dict(rope_type="default", rope_theta=1e4,
                                 partial_rotary_factor=0.25)),
    },
    "minimax_m2": {
        "many": dict(
            vocab_size=251, hidden_size=72, intermediate_size=40,
            num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            head_dim=24, num_local_experts=33, num_experts_per_tok=4,
            rotary_dim=16, rms_norm_eps=1e-2,
            rope_parameters=dict(rope_type="default", rope_theta=1e4,
                                 partial_rotary_factor=2 / 3)),
    },
    "gpt_oss": {
        "windowed": dict(
            vocab_size=251, hidden_size=72, intermediate_size=40,
            num_hidden_layers=3, num_attention_heads=6, num_key_value_heads=2,
            head_dim=24, num_local_experts=6, num_experts_per_tok=2,
            sliding_window=7, swiglu_limit=0.9, rms_norm_eps=1e-2,
            rope_parameters=dict(
                rope_type="yarn", rope_theta=1e4, factor=4.0, truncate=False,
                original_max_position_embeddings=16)),
        "full": dict(
            vocab_size=257, hidden_size=64, intermediate_size=32,
            num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4,
            head_dim=32, num_local_experts=9, num_experts_per_tok=4,
            sliding_window=16, rms_norm_eps=1e-5,
            rope_parameters=dict(rope_type="default", rope_theta=1e4)),
    },
}
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
           "gpt_oss": transformers.GptOssConfig}
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
    if parameter_name.endswith("sinks"):
        return 2 * noise
    if len(shape) == 1 or "norm" in parameter_name:  # Cohere's has two
        return 0.3 * noise + (0.0 if family in GEMMAS else 1.0)
    # Routers decide clearly, so that rounding seldom changes a choice.
    if parameter_name.endswith(("mlp.gate.weight", "mlp.router.weight")):
        return 3 * noise / width**0.5
    if len(shape) == 3:  # gpt-oss stores columns
        return noise / shape[1 if family == "gpt_oss" else 2]**0.5
    if "embed_tokens" in parameter_name and family in GEMMAS:
        return noise / width**0.5
    if any(n in parameter_name
           for n in ("embed_tokens", "embed_in", "wte", "wpe")):
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


def query_scale(family, state, layer, config):
    """Returns what scales the scores of `layer`: tensors linear in them."""
    if family == "gpt2":
        width = config.hidden_size
        block = f"transformer.h.{layer}.attn.c_attn."
        return [state[block + "weight"][:, :width],
                state[block + "bias"][:width]]
    block = f"model.layers.{layer}.self_attn."
    if block + "q_norm.weight" in state:
        return [state[block + "q_norm.weight"]]
    return [rows for name, rows in head_rows(state, config, "q")
            if f"layers.{layer}." in name]


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
