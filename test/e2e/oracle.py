"""What the logits should be: transformers in float64, and how far off it may be.

`Double` makes transformers compute in float64 throughout: its own code casts
norms, softmax and rotary angles to float32 whatever the model's dtype.
"""
import copy
import dataclasses
import pathlib

import safetensors.torch
import torch
import transformers
from torch.overrides import TorchFunctionMode
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.masking_utils import eager_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

import experts

RELATIVE_BOUND = 3.0  # times the error of transformers in the same dtype
SPREAD_BOUND = 1e-6  # times the standard deviation of the oracle's logits


class Double(TorchFunctionMode):
    """Every request for float32 inside is one for float64."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        def swap(value):
            return torch.float64 if value is torch.float32 else value

        if function is torch.Tensor.float:
            function = torch.Tensor.double
        return function(*map(swap, args),
                        **{k: swap(v) for k, v in (kwargs or {}).items()})

    def __enter__(self):
        torch.set_default_dtype(torch.float64)
        return super().__enter__()

    def __exit__(self, *error):
        torch.set_default_dtype(torch.float32)
        return super().__exit__(*error)


@dataclasses.dataclass
class Attention:
    """Eager attention that is measured, scaled or made wrong on purpose.

    target: if set, each layer's scores are scaled to this standard deviation
      and the factor is noted. The other fields are mutations.
    """
    target: float | None = None
    scale: float = 1.0
    capped: bool = True  # whether a soft-cap is applied
    sinks: bool = True  # whether learned sinks take part in the softmax
    tile_heads: bool = False  # query head h reads kv head h % K, not h // G
    look_ahead: int = 0  # how many rows further the mask lets a row see
    factors: list = dataclasses.field(default_factory=list)
    score_std: list = dataclasses.field(default_factory=list)

    def __call__(self, module, query, key, value, mask, scaling=None,
                 softcap=None, **_):
        """query [B, H, T, d], key and value [B, K, T, d] -> [B, T, H, d]."""
        if scaling is None:
            scaling = query.size(-1) ** -0.5
        groups = query.size(1) // key.size(1)
        if self.tile_heads:
            key, value = (x.repeat(1, groups, 1, 1) for x in (key, value))
        else:
            key, value = (x.repeat_interleave(groups, 1) for x in (key, value))
        scores = query @ key.transpose(-1, -2) * (scaling * self.scale)
        visible = self.visible(mask).expand_as(scores)
        std = scores[visible].std().item()
        if self.target:
            self.factors.append(self.target / std)
            scores = scores * self.factors[-1]
        self.score_std.append(std)
        if softcap and self.capped:
            scores = softcap * torch.tanh(scores / softcap)
        scores = scores.masked_fill(~visible, -torch.inf)
        if self.sinks and hasattr(module, "sinks"):
            sinks = module.sinks.view(1, -1, 1, 1).expand(*scores.shape[:3], 1)
            scores = torch.cat([scores, sinks], -1)
        weights = scores.softmax(-1)[..., :key.size(-2)]
        return (weights @ value).transpose(1, 2).contiguous(), weights

    def visible(self, mask):
        """Returns bool [1, 1, T, T] of what each row sees, never nothing."""
        if mask is None:  # An encoder's, of one sequence.
            return torch.ones(1, 1, 1, 1, dtype=torch.bool)
        visible = mask == 0
        if not self.look_ahead:
            return visible
        shifted = visible.roll(-self.look_ahead, dims=-2)
        row = -1 if self.look_ahead > 0 else 0
        shifted[..., row, :] = visible[..., row, :]
        return shifted


def double_model(config, state, attention=None,
                 kind=transformers.AutoModelForCausalLM):
    """Returns a float64 model of `config` holding `state`.

    attention: an Attention to use instead of transformers' own eager one.
    kind: AutoModelForCausalLM, or AutoModel, which has no head.
    """
    config = copy.deepcopy(config)
    config._experts_implementation = "eager"  # the others know no float64
    name = "eager"
    if attention is not None:
        name = "mica_oracle"
        ALL_ATTENTION_FUNCTIONS.register(name, attention)
        ALL_MASK_ATTENTION_FUNCTIONS.register(name, eager_mask)
    with Double():
        model = kind.from_config(
            config, dtype=torch.float64, attn_implementation=name)
    missing, unexpected = model.load_state_dict(
        {n: t.double() for n, t in state.items()}, strict=False)
    assert not unexpected, unexpected
    assert all(n == "lm_head.weight" for n in missing), missing
    model.tie_weights()
    return DoubleModel(model.eval())


class DoubleModel:
    """A model whose calls run under `Double`."""

    def __init__(self, model):
        self.model = model

    def __call__(self, *args, **kwargs):
        with Double(), torch.no_grad():
            return self.model(*args, **kwargs)


def load(directory):
    """Returns (config, state dict in float64) of a Hugging Face directory."""
    state = {}
    for path in sorted(pathlib.Path(directory).glob("*.safetensors")):
        state.update(safetensors.torch.load_file(path))
    config = transformers.AutoConfig.from_pretrained(directory)
    state = experts.together(state, config.model_type)
    return config, {n: t.double() for n, t in state.items()}


def logits_of(model, tokens):
    """Returns float64 [sequences, tokens, vocabulary] for int ids."""
    with torch.no_grad():
        ids = torch.as_tensor(tokens).long()
        return model(ids, use_cache=False).logits.double()


def round_rows(module, inputs):
    """Rounds rows [..., columns] to integers in groups of 32 (#tile.groups)."""
    groups = inputs[0].unflatten(-1, (-1, 32))
    most = groups.abs().amax(-1, keepdim=True)
    whole = left = None
    for levels in (127, 125):
        step = most.where(most > 0, 1) / levels
        rounded = (groups / step).round()  # half to even
        error = ((groups - rounded * step) ** 2).sum(-1, keepdim=True)
        whole = rounded if left is None else whole.where(left <= error, rounded)
        left = error if left is None else torch.minimum(left, error)
    squares = (whole * whole).sum(-1, keepdim=True)
    scale = (groups * whole).sum(-1, keepdim=True) / squares.clamp(min=1)
    return (whole * scale).flatten(-2)


def round_inputs(model):
    """Makes every matrix of `model` but the embedding multiply rounded rows."""
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_pre_hook(round_rows)


def oracle_logits(directory, tokens, integers=False):
    """Returns the float64 logits that every implementation is held to.

    integers: those that round the inputs of matrices to 8 bits.
    """
    model = double_model(*load(directory))
    if integers:
        round_inputs(model.model)
    return logits_of(model, tokens)


def peer_logits(directory, tokens, dtype, integers=False):
    """Returns the logits of transformers computing in torch `dtype`."""
    model = transformers.AutoModelForCausalLM.from_pretrained(
        directory, dtype=dtype, attn_implementation="eager").eval()
    if integers:
        round_inputs(model)
    return logits_of(model, tokens)


def score_std(directory, tokens):
    """Returns the standard deviation of the attention scores of each layer."""
    attention = Attention()
    logits_of(double_model(*load(directory), attention), tokens)
    return attention.score_std


def rms(difference):
    """Returns the root mean square of a tensor."""
    return difference.double().square().mean().sqrt().item()


def bound(oracle, peer):
    """Returns the RMS error that Mica's logits may have."""
    return RELATIVE_BOUND * rms(peer - oracle) + \
        SPREAD_BOUND * oracle.std().item()
