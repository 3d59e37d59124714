"""Mistakes made on purpose, to prove that the comparison would see them."""
import copy

from oracle import Attention, double_model, load, logits_of



def theta(config, state, attention):
    """Theta is 1 % too large in every kind of layer."""
    parameters = config.rope_parameters
    kinds = [parameters] if "rope_theta" in parameters else parameters.values()
    for kind in kinds:
        kind["rope_theta"] *= 1.01


def window_longer(config, state, attention):
    config.sliding_window += 1


def window_shorter(config, state, attention):
    config.sliding_window -= 1


def mask_longer(config, state, attention):
    """Each row sees the next one too."""
    attention.look_ahead = 1


def mask_shorter(config, state, attention):
    """No row but the first sees itself."""
    attention.look_ahead = -1


def eps(config, state, attention):
    name = "layer_norm_epsilon" if config.model_type == "gpt2" \
        else "rms_norm_eps"
    setattr(config, name, 10 * getattr(config, name))


def soft_cap(config, state, attention):
    """The logits are not capped."""
    config.final_logit_softcapping = None


def rope_scaling(config, state, attention):
    """The frequencies are left as they are at short contexts."""
    kind = config.rope_parameters
    kind = kind.get("full_attention", kind)
    kind["rope_type"] = "default"


def rope_pairing(config, state, attention):
    """Neighbours rotate together, not column i with column i + d / 2."""
    d = config.head_dim

    def neighbours(tensor):
        heads = tensor.reshape(-1, d // 2, 2, *tensor.shape[1:])
        return heads.swapaxes(1, 2).reshape(tensor.shape)

    for name in state:
        if any(f".{n}_{kind}." in name for n in "qk"
               for kind in ("proj", "norm")):
            state[name] = neighbours(state[name])


def kv_heads(config, state, attention):
    attention.tile_heads = True


def scale(config, state, attention):
    attention.scale = 1.01


def norm_offset(config, state, attention):
    """Norms multiply by w where 1 + w is meant, or the reverse."""
    offset = -1.0 if config.model_type.startswith("gemma3") else 1.0
    for name in state:
        if state[name].dim() == 1 and name.endswith("weight"):
            state[name] = state[name] + offset


def positions(config, state, attention):
    """Learned positions start at one."""
    name = "transformer.wpe.weight"
    state[name] = state[name].roll(-1, 0)


def activation(config, state, attention):
    """The exact GELU stands for its tanh form (they differ by 5e-4)."""
    name = "hidden_activation" if hasattr(config, "hidden_activation") \
        else "activation_function"
    setattr(config, name, "gelu")


# How many times the bound a mistake must move the logits. The two forms of
# GELU are too much alike for that: a tenth of it is asked of them.
SEEN = 100.0
SEEN_OF = {activation: 10.0}

EVERY = (mask_longer, mask_shorter, eps, scale, norm_offset)
ROTARY = (theta, rope_pairing, kv_heads)
MUTATIONS = {
    "llama": EVERY + ROTARY + (rope_scaling,),
    "qwen3": EVERY + ROTARY,
    "gemma3": EVERY + ROTARY + (window_longer, window_shorter, soft_cap,
                                rope_scaling, activation),
    "gpt2": EVERY + (positions, activation),
}


def mutated_logits(directory, tokens, mutation=None):
    """Returns the oracle's logits with one mistake, or none, in the model."""
    config, state = load(directory)
    config, attention = copy.deepcopy(config), Attention()
    if mutation is not None:
        mutation(config, state, attention)
    return logits_of(double_model(config, state, attention), tokens)
