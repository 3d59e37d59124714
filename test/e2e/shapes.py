"""The shapes of the random-weight checkpoints (checkpoints.py), by family."""

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
    # Keys and values are made of a latent; heads are no share of the width.
    "deepseek_v2": {
        "lite": dict(
            vocab_size=251, hidden_size=96, intermediate_size=136,
            moe_intermediate_size=40, num_hidden_layers=3,
            num_attention_heads=6, num_key_value_heads=6, q_lora_rank=None,
            kv_lora_rank=44, qk_nope_head_dim=20, qk_rope_head_dim=12,
            v_head_dim=18, n_routed_experts=12, num_experts_per_tok=3,
            n_shared_experts=2, first_k_dense_replace=1, topk_method="greedy",
            routed_scaling_factor=1.3, rms_norm_eps=1e-2,
            rope_parameters=dict(
                rope_type="yarn", rope_theta=1e4, factor=4.0, beta_fast=4.0,
                beta_slow=1.0, mscale=0.707, mscale_all_dim=0.9,
                original_max_position_embeddings=16)),
        "groups": dict(
            vocab_size=257, hidden_size=64, intermediate_size=96,
            moe_intermediate_size=32, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=4, q_lora_rank=48,
            kv_lora_rank=64, qk_nope_head_dim=32, qk_rope_head_dim=16,
            v_head_dim=32, n_routed_experts=16, num_experts_per_tok=4,
            n_shared_experts=1, first_k_dense_replace=0, n_group=4,
            topk_group=2, topk_method="group_limited_greedy",
            rms_norm_eps=1e-6,
            rope_parameters=dict(rope_type="default", rope_theta=1e4)),
    },
    "deepseek_v3": {
        "groups": dict(
            vocab_size=251, hidden_size=96, intermediate_size=136,
            moe_intermediate_size=40, num_hidden_layers=3,
            num_attention_heads=6, num_key_value_heads=6, q_lora_rank=52,
            kv_lora_rank=36, qk_nope_head_dim=24, qk_rope_head_dim=8,
            v_head_dim=20, n_routed_experts=24, num_experts_per_tok=3,
            n_shared_experts=1, n_group=6, topk_group=2,
            routed_scaling_factor=1.7, first_k_dense_replace=1,
            num_nextn_predict_layers=0, rms_norm_eps=1e-6,
            rope_parameters=dict(
                rope_type="yarn", rope_theta=1e4, factor=4.0, mscale=1.0,
                mscale_all_dim=1.0, original_max_position_embeddings=16)),
        "halves": dict(
            vocab_size=257, hidden_size=64, intermediate_size=96,
            moe_intermediate_size=32, num_hidden_layers=1,
            num_attention_heads=4, num_key_value_heads=4, q_lora_rank=None,
            kv_lora_rank=32, qk_nope_head_dim=16, qk_rope_head_dim=16,
            v_head_dim=16, n_routed_experts=10, num_experts_per_tok=4,
            n_shared_experts=2, n_group=1, topk_group=1,
            norm_topk_prob=False, first_k_dense_replace=0,
            num_nextn_predict_layers=0, rope_interleave=False,
            rms_norm_eps=1e-2,
            rope_parameters=dict(rope_type="default", rope_theta=1e4)),
    },
    # Short convolutions between attention; the first settings narrow the ffn.
    "lfm2": {
        "mixed": dict(
            vocab_size=251, hidden_size=72, intermediate_size=104,
            block_auto_adjust_ff_dim=False, num_hidden_layers=5,
            num_attention_heads=6, num_key_value_heads=2, conv_L_cache=3,
            layer_types=["conv", "conv", "full_attention", "conv",
                         "full_attention"],
            norm_eps=1e-2,
            rope_parameters=dict(rope_type="default", rope_theta=1e4)),
        "first": dict(
            vocab_size=257, hidden_size=64, intermediate_size=100,
            block_multiple_of=16, block_ffn_dim_multiplier=1.2,
            num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4,
            conv_L_cache=5, layer_types=["full_attention", "conv"],
            norm_eps=1e-5,
            rope_parameters=dict(rope_type="default", rope_theta=1e6)),
    },
    # Groups of keys; steps of time that are held between two numbers.
    "mamba2": {
        "grouped": dict(
            vocab_size=251, hidden_size=36, num_heads=6, head_dim=12,
            state_size=10, n_groups=2, conv_kernel=4, num_hidden_layers=3,
            chunk_size=16, layer_norm_epsilon=1e-2),
        "limited": dict(
            vocab_size=257, hidden_size=32, num_heads=8, head_dim=8,
            state_size=16, n_groups=1, conv_kernel=3, num_hidden_layers=2,
            use_conv_bias=False, time_step_limit=(0.3, 0.9), chunk_size=16,
            tie_word_embeddings=True),
    },
    # Scans between attention: experts, or one ffn for all rows.
    "granitemoehybrid": {
        "experts": dict(
            vocab_size=251, hidden_size=48, intermediate_size=24,
            shared_intermediate_size=36, num_hidden_layers=3,
            num_attention_heads=6, num_key_value_heads=2, num_local_experts=7,
            num_experts_per_tok=3, mamba_n_heads=8, mamba_d_head=12,
            mamba_n_groups=2, mamba_d_state=10, mamba_d_conv=4,
            mamba_chunk_size=16, layer_types=[
                "linear_attention", "full_attention", "linear_attention"],
            embedding_multiplier=3.0, residual_multiplier=0.7,
            logits_scaling=2.0, attention_multiplier=0.2, rms_norm_eps=1e-2),
        "dense": dict(
            vocab_size=257, hidden_size=32, intermediate_size=16,
            shared_intermediate_size=40, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=4, num_local_experts=0,
            mamba_n_heads=4, mamba_d_head=16, mamba_n_groups=1,
            mamba_d_state=16, mamba_d_conv=3, mamba_conv_bias=False,
            mamba_chunk_size=16,
            layer_types=["full_attention", "linear_attention"],
            position_embedding_type="rope", attention_multiplier=0.3,
            rms_norm_eps=1e-5, tie_word_embeddings=True,
            rope_parameters=dict(rope_type="default", rope_theta=1e4)),
    },
}
