"""Mistakes made on purpose, to prove that the comparison would see them."""
import copy

import torch

from checkpoints import GEMMAS, head_rows, head_size
from oracle import Attention, double_model, load, logits_of



def ropes(config):
    """Returns the settings of every rope."""
    parameters = config.rope_parameters
    return [parameters] if "rope_theta" in parameters else parameters.values()


def theta(config, state, attention):
    """Theta is 1 % too large in every kind of layer."""
    for kind in ropes(config):
        kind["rope_theta"] *= 1.01


def window_longer(config, state, attention):
    if config.sliding_window:
        config.sliding_window += 1


def window_shorter(config, state, attention):
    if config.sliding_window:
        config.sliding_window -= 1


def mask_longer(config, state, attention):
    """Each row sees the next one too."""
    attention.look_ahead = 1


def mask_shorter(config, state, attention):
    """No row but the first sees itself."""
    attention.look_ahead = -1


def eps(config, state, attention):
    for name in ("layer_norm_epsilon", "layer_norm_eps", "norm_epsilon",
                 "rms_norm_eps", "norm_eps"):
        if hasattr(config, name):
            setattr(config, name, 10 * getattr(config, name))


def soft_cap(config, state, attention):
    """The logits are not capped."""
    config.final_logit_softcapping = None


def attention_cap(config, state, attention):
    attention.capped = False


def rope_scaling(config, state, attention):
    """The frequencies are left as they are at short contexts."""
    kind = config.rope_parameters
    kind = kind.get("full_attention", kind)
    kind["rope_type"] = "default"


def one_rope(config, state, attention):
    """Layers with a window turn as those without one."""
    kinds = config.rope_parameters
    kinds["sliding_attention"] = kinds["full_attention"]


def window_layers(config, state, attention):
    """Each layer has the window of the next one."""
    kinds = config.layer_types
    config.layer_types = kinds[1:] + kinds[:1]


def rope_layers(config, state, attention):
    """Each layer turns as the next one."""
    layers = config.no_rope_layers
    config.no_rope_layers = layers[1:] + layers[:1]


def attention_factor(config, state, attention):
    """Cosines and sines are not scaled."""
    config.rope_parameters["attention_factor"] = 1.0


def short_factors(config, state, attention):
    """A text longer than the original context turns as a short one."""
    rope = config.rope_parameters
    if "long_factor" in rope:
        rope["long_factor"] = rope["short_factor"]


def partial_rotary(config, state, attention):
    """One pair of columns of each head less turns."""
    if "long_factor" not in config.rope_parameters:
        pair = 2 / head_size(config)
        config.rope_parameters["partial_rotary_factor"] -= pair


def parallel(config, state, attention):
    """The ffn reads the stream in front of attention, or behind it."""
    config.use_parallel_residual = not config.use_parallel_residual


def factors(config, state, attention):
    """Every multiplier is 1 % too large."""
    for name in ("embedding_multiplier", "residual_multiplier",
                 "logits_scaling", "logit_scale"):
        if hasattr(config, name):
            setattr(config, name, 1.01 * getattr(config, name))


def query_norms(config, state, attention):
    """Queries are normalised by heads, not by rows."""
    for name in state:
        if "q_norm" in name:
            state[name] = state[name].roll(1, 0)


def fused_order(config, state, attention):
    """Queries and keys change places in the tensor that holds both."""
    for (_, q), (_, k) in zip(head_rows(state, config, "q"),
                              head_rows(state, config, "k")):
        heads = min(len(q), len(k))
        first = q[:heads].clone()
        q[:heads], k[:heads] = k[:heads], first


def gate_up(config, state, attention):
    for name in state:
        if "gate_up_proj" in name:
            state[name] = state[name].roll(len(state[name]) // 2, 0)


def rope_pairing(config, state, attention):
    """Neighbours rotate together, not column i with column i + r / 2 of the r
    that rotate."""
    share = min(kind.get("partial_rotary_factor", 1.0)
                for kind in ropes(config))

    def neighbours(heads):
        r = int(heads.shape[1] * share)
        pairs = heads[:, :r].reshape(len(heads), r // 2, 2, *heads.shape[2:])
        heads[:, :r] = pairs.swapaxes(1, 2).reshape(heads[:, :r].shape)

    for which in "qk":
        for _, heads in head_rows(state, config, which):
            neighbours(heads)
    for name in state:
        if name.endswith(("q_norm.weight", "k_norm.weight")):
            neighbours(state[name].view(-1, head_size(config)))


def kv_heads(config, state, attention):
    attention.tile_heads = True


def scale(config, state, attention):
    attention.scale = 1.01


def norm_offset(config, state, attention):
    """Norms multiply by w where 1 + w is meant, or the reverse."""
    offset = -1.0 if config.model_type.removesuffix("_text") in GEMMAS else 1.0
    for name in state:
        norm = state[name].dim() == 1 or "norm" in name
        if norm and name.endswith("weight"):
            state[name] = state[name] + offset


def positions(config, state, attention):
    """Learned positions start at one."""
    name = "transformer.wpe.weight"
    state[name] = state[name].roll(-1, 0)


def activation(config, state, attention):
    """The exact GELU stands for its tanh form (they differ by 5e-4)."""
    for name in ("hidden_activation", "activation_function", "hidden_act"):
        if hasattr(config, name):
            tanh = getattr(config, name) in ("gelu_pytorch_tanh", "gelu_new")
            setattr(config, name, "gelu" if tanh else "gelu_pytorch_tanh")


def unsquared(config, state, attention):
    config.hidden_act = "relu"


def choices(config, state, attention):
    """Each row chooses one expert more, or one less where there is none."""
    count = config.num_local_experts if hasattr(config, "num_local_experts") \
        else config.num_experts
    config.num_experts_per_tok += 1 if config.num_experts_per_tok < count else 0


def renormalised(config, state, attention):
    """The weights of a row sum to one where they should not, or the reverse."""
    config.norm_topk_prob = not config.norm_topk_prob


def expert_order(config, state, attention):
    """Each expert computes with the weights of the next one."""
    for name in state:
        if state[name].dim() == 3:
            state[name] = state[name].roll(1, 0)


def router_bias(config, state, attention):
    for name in state:
        if name.endswith("e_score_correction_bias"):
            state[name] = state[name] * 0


def group_limit(config, state, attention):
    """Experts of all groups may be chosen."""
    config.topk_group = config.n_group


def expert_scale(config, state, attention):
    config.routed_scaling_factor *= 1.01


def shared_expert(config, state, attention):
    """The shared expert is missing."""
    for name in state:
        if "shared_experts.down_proj" in name:
            state[name] = state[name] * 0


def sinks(config, state, attention):
    attention.sinks = False


def gate_limit(config, state, attention):
    config.swiglu_limit *= 1.05


def gate_alpha(config, state, attention):
    config.swiglu_alpha *= 1.01


def expert_biases(config, state, attention):
    for name in state:
        if "experts" in name and name.endswith("_bias"):
            state[name] = state[name].roll(1, -1)


def dense_layers(config, state, attention):
    """The router of a layer is that of the next one that has one."""
    names = [n for n in state if n.endswith("mlp.gate.weight")]
    for name, tensor in zip(names, [state[n] for n in names[1:] + names[:1]]):
        state[name] = tensor


def rolled(name_part, rows=slice(None)):
    """Returns the mistake that those rows of such tensors are off by one."""
    def mutate(config, state, attention):
        for name in state:
            if name_part in name:
                state[name][rows] = state[name][rows].roll(1, 0)
    return mutate


def shared_rope(config, state, attention):
    """The part of a key that all heads share begins one column late."""
    rolled("kv_a_proj_with_mqa.weight", slice(config.kv_lora_rank, None))(
        config, state, attention)


def latent_heads(config, state, attention):
    """Each head has the keys and values of the next one."""
    for name in state:
        if name.endswith("kv_b_proj.weight"):
            heads = state[name].chunk(config.num_attention_heads)
            state[name] = torch.cat(heads[1:] + heads[:1])


def latent_split(config, state, attention):
    """The values of a head stand before its keys."""
    nope, value = config.qk_nope_head_dim, config.v_head_dim
    for name in state:
        if name.endswith("kv_b_proj.weight"):
            parts = state[name].unflatten(0, (-1, nope + value))
            state[name] = parts.roll(nope, 1).flatten(0, 1)


def score_factor(config, state, attention):
    """Scores are not scaled where YaRN asks for it."""
    if "mscale_all_dim" in config.rope_parameters:
        del config.rope_parameters["mscale_all_dim"]


def conv_taps(config, state, attention):
    """The newest row meets the weight of the oldest."""
    for name in state:
        if name.endswith(("conv.conv.weight", "conv1d.weight")):
            state[name] = state[name].flip(-1)


def conv_gates(config, state, attention):
    """The gates of what is convolved and of the result change places."""
    for name in state:
        if name.endswith("conv.in_proj.weight"):
            gate, other, rows = state[name].chunk(3)
            state[name] = torch.cat([other, gate, rows])


def conv_reach(config, state, attention):
    """The oldest row that a convolution sees is forgotten."""
    for name in state:
        if name.endswith(("conv.conv.weight", "conv1d.weight")):
            state[name][..., 0] = 0


def scan_forgets(config, state, attention):
    """No state is carried from a row to the next."""
    for name in state:
        if name.endswith("A_log"):
            state[name] = torch.full_like(state[name], 20)


def scan_keys(config, state, attention):
    """Keys and queries of a scan change places."""
    for name in state:
        if name.endswith(("mixer.in_proj.weight", "mamba.in_proj.weight")):
            block = name.removesuffix("in_proj.weight")
            inner = state[block + "norm.weight"].numel()
            columns = state[block + "conv1d.weight"].shape[0] - inner
            before, key, query, after = state[name].split(
                [2 * inner, columns // 2, columns // 2,
                 state[block + "A_log"].numel()])
            state[name] = torch.cat([before, query, key, after])


def scan_time(config, state, attention):
    """Steps of time are not held between their limits."""
    config.time_step_limit = (0.0, float("inf"))


def scan_skip(config, state, attention):
    """What passes a scan by is forgotten."""
    for name in state:
        if name.endswith((".mixer.D", ".mamba.D")):
            state[name] = torch.zeros_like(state[name])


latent_norms = rolled("_a_layernorm.weight")


# How many times the bound a mistake must move the logits. The two forms of
# GELU are too much alike for that: a tenth of it is asked of them.
SEEN = 100.0
SEEN_OF = {activation: 10.0}

EVERY = (mask_longer, mask_shorter, eps, scale, norm_offset)
ROTARY = (theta, rope_pairing, kv_heads)
WINDOWS = (window_longer, window_shorter)
MUTATIONS = {
    "llama": EVERY + ROTARY + (rope_scaling,),
    "mistral": EVERY + ROTARY + WINDOWS + (rope_scaling, attention_factor),
    "ministral": EVERY + ROTARY + WINDOWS,
    "qwen2": EVERY + ROTARY + WINDOWS + (rope_scaling, attention_factor),
    "qwen3": EVERY + ROTARY,
    "gemma": EVERY + ROTARY,
    "gemma2": EVERY + ROTARY + WINDOWS + (soft_cap, attention_cap),
    "phi3": EVERY + ROTARY + WINDOWS + (
        partial_rotary, short_factors, attention_factor, fused_order, gate_up),
    "olmo2": EVERY + ROTARY + (query_norms,),
    "olmo3": EVERY + ROTARY + WINDOWS + (
        query_norms, rope_scaling, one_rope, window_layers),
    "arcee": EVERY + ROTARY + (rope_scaling, attention_factor, unsquared),
    "smollm3": EVERY + ROTARY + WINDOWS + (window_layers, rope_layers),
    "granite": EVERY + ROTARY + (factors,),
    "cohere": EVERY + ROTARY + (factors,),
    "cohere2": EVERY + ROTARY + WINDOWS + (factors,),
    "gpt_neox": EVERY + (theta, rope_pairing, partial_rotary, parallel,
                         fused_order),
    "starcoder2": EVERY + ROTARY + WINDOWS + (activation,),
    "gemma3": EVERY + ROTARY + WINDOWS + (soft_cap, rope_scaling, activation),
    "gpt2": EVERY + (positions, activation),
    "mixtral": EVERY + ROTARY + WINDOWS + (choices, expert_order),
    "qwen3_moe": EVERY + ROTARY + (choices, renormalised, expert_order,
                                   dense_layers),
    "olmoe": EVERY + ROTARY + (choices, renormalised, expert_order,
                               query_norms),
    "glm4_moe": EVERY + ROTARY + (
        partial_rotary, choices, renormalised, expert_order, dense_layers,
        router_bias, group_limit, expert_scale, shared_expert),
    "gpt_oss": EVERY + ROTARY + WINDOWS + (
        window_layers, rope_scaling, choices, expert_order, sinks, gate_limit,
        gate_alpha, expert_biases),
    "deepseek_v2": EVERY + (
        theta, rope_scaling, shared_rope, latent_heads, latent_split,
        latent_norms, score_factor, choices, expert_order, dense_layers,
        group_limit, expert_scale, shared_expert),
    "deepseek_v3": EVERY + (
        theta, rope_scaling, shared_rope, latent_heads, latent_split,
        latent_norms, score_factor, choices, renormalised, expert_order,
        dense_layers, router_bias, group_limit, expert_scale, shared_expert),
    "lfm2": EVERY + ROTARY + (conv_taps, conv_gates, conv_reach),
    "mamba2": (eps, norm_offset, conv_taps, conv_reach, scan_forgets,
               scan_keys, scan_time, scan_skip),
    "granitemoehybrid": EVERY + (
        kv_heads, conv_taps, conv_reach, scan_forgets, scan_keys, scan_skip,
        choices, factors),
    "minimax_m2": EVERY + ROTARY + (partial_rotary, choices, expert_order,
                                    router_bias, query_norms),
}


def mutated_logits(directory, tokens, mutation=None):
    """Returns the oracle's logits with one mistake, or none, in the model."""
    config, state = load(directory)
    config, attention = copy.deepcopy(config), Attention()
    if mutation is not None:
        mutation(config, state, attention)
    return logits_of(double_model(config, state, attention), tokens)
