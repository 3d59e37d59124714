"""Formats of blocks, kept packed, against the float64 oracle on their numbers.

With float activations the rule is that of test_families.py. Integer activations
are held to an oracle that rounds the inputs of matrices itself. Where f32 and
float64 lie on two sides of a half, one integer differs, which moves all that is
behind it by about the noise of rounding. So the logits that no such integer is
behind meet the rule of f32, at least a quarter of all, and all together are
nearer to the oracle than half of that noise.
"""
import re

import numpy as np
import pytest
import torch

import checkpoints
import gguf_files
import oracle
from conftest import check, cpu_flags

FORMATS = (*gguf_files.WRITTEN, *gguf_files.DRAWN)
LEVEL4 = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
FEEDS = (["--threads", "2"], ["--threads", "2", "--ragged"],
         ["--threads", "1", "--chunk", "7", "--page-seed", "5"],
         ["--threads", "2", "--decode-from", "0"])
CLEAN = 0.25  # part of the positions that no differing integer is behind
NOISE = 0.5  # of what rounding to integers moves the logits by

# Formats of groups, and the shapes whose rows hold them. Groups of 24 and 12
# have no products of integers.
GROUPS = {"w4g128": "blocks", "w3g64": "blocks", "w7g48m": "groups",
          "w8g16": "blocks", "w1g32": "blocks", "w2g96m": "groups",
          "w5g24m": "groups", "w6g12": "groups"}
# Mean KL divergence from the oracle on the weights that are quantized, rounded
# up.
LOSS = {"q8_0": 6e-4, "q6_k": 5e-3, "q5_k": 0.026, "q4_k": 0.085, "q3_k": 0.25,
        "q2_k": 0.5, "iq4_nl": 0.1, "iq4_xs": 0.1, "w8g32": 5e-4, "w6g64": 9e-3,
        "w4g32m": 0.09, "w3g64": 0.35, "w2g32m": 0.55, "w1g32": 0.75}


@pytest.fixture(params=["chosen", "x86-64-v3", "x86-64-v4"])
def cpu(request):
    """The options of `mica compile` for a CPU: that of --cpu, or a level."""
    if request.param == "x86-64-v4" and not LEVEL4 <= cpu_flags():
        pytest.skip("this CPU is below x86-64-v4")
    return [] if request.param == "chosen" else [f"--cpu={request.param}"]


@pytest.fixture
def steady(evaluate):
    """Returns a function: (artifact, tokens) -> logits, the same in every bit
    for all threads, chunks, pages and companies, and beside guard pages."""
    def run(path, tokens):
        one = evaluate(path, tokens, "--threads", "1")
        for flags in FEEDS:
            np.testing.assert_array_equal(one, evaluate(path, tokens, *flags))
        np.testing.assert_array_equal(
            one, evaluate(path, tokens, "--ragged", guard=True))
        return one
    return run


def check_integers(logits, exact, bound, floats):
    """Asserts what this file's head says; `bound` and `floats` are the bound
    and the oracle of float activations."""
    difference = torch.from_numpy(logits).double() - exact
    rows = difference.square().mean(-1).sqrt().flatten()
    assert rows.quantile(CLEAN).item() <= bound, rows
    assert oracle.rms(difference) <= NOISE * oracle.rms(exact - floats)


@pytest.mark.parametrize("kind", FORMATS)
def test_float_activations(made_gguf, compiled, answers, steady, cpu, kind):
    file, directory = made_gguf("llama", "blocks", kind)
    tokens, exact, bound = answers(directory, "llama", "blocks", "f32")
    path = compiled(file, "--dtype=f32", "--activations=f32", *cpu)
    check(steady(path, tokens), exact, bound)


@pytest.mark.parametrize("kind", FORMATS)
def test_integer_activations(made_gguf, compiled, answers, steady, cpu, kind):
    file, directory = made_gguf("llama", "blocks", kind)
    tokens, floats, bound = answers(directory, "llama", "blocks", "f32")
    _, exact, _ = answers(directory, "llama", "blocks", "f32", integers=True)
    path = compiled(file, "--dtype=f32", *cpu)
    check_integers(steady(path, tokens), exact, bound, floats)


@pytest.mark.parametrize("kind", gguf_files.DRAWN)
def test_drawn_blocks_are_sane(made_gguf, kind):
    """Their attention scores spread like those of other checkpoints."""
    _, directory = made_gguf("llama", "blocks", kind)
    tokens = checkpoints.tokens_of("llama", "blocks")
    assert all(2 <= s <= 4 for s in oracle.score_std(directory, tokens))


def on_grid(tensor, bits, group, minimum):
    """Returns numbers near those of `tensor` that a format of groups holds. A
    group has the first and the last code, so that it is written in one way."""
    groups = tensor.float().reshape(len(tensor), -1, group).numpy()
    places = np.abs(groups).argmax(-1)[..., None]
    if minimum:
        least, most = groups.min(-1), groups.max(-1)
        first, last, offset = 0, 2 ** bits - 1, least.astype(np.float16)
        scale = (most - least) / last
    else:
        first, last, offset = -2 ** (bits - 1), 2 ** (bits - 1) - 1, 0
        scale = np.take_along_axis(groups, places, -1)[..., 0] / first
    scale, offset = (np.asarray(x, np.float16).astype(np.float32)[..., None]
                     for x in (scale, offset))
    if bits == 1 and not minimum:
        scale = np.float16(np.abs(groups).mean(-1, keepdims=True))
        signs = np.where(groups < 0, np.float32(-1), np.float32(1))
        return torch.from_numpy(signs * scale).reshape(tensor.shape)
    codes = ((groups - offset) / scale).round().clip(first, last)
    if not minimum:
        np.put_along_axis(codes, (places + 1) % group, last, -1)
    return torch.from_numpy(codes * scale + offset).reshape(tensor.shape)


@pytest.fixture
def grid(tmp_path):
    """Returns a function: (format, shape) -> a checkpoint directory whose
    matrices the format holds exactly."""
    def make(kind, name):
        bits, group, minimum = re.fullmatch(r"w(\d+)g(\d+)(m?)", kind).groups()
        config = checkpoints.make_config("llama", name)
        state = {n: t.float() if t.dim() == 1 else
                 on_grid(t, int(bits), int(group), bool(minimum))
                 for n, t in checkpoints.random_state("llama", config).items()}
        config.dtype = torch.float32
        config.save_pretrained(tmp_path / "grid")
        checkpoints.save_state(state, tmp_path / "grid", 1)
        return tmp_path / "grid"
    return make


@pytest.mark.parametrize("kind,name", GROUPS.items())
def test_groups(grid, compiled, answers, steady, kind, name):
    """Weights that the format holds are kept as they are."""
    directory = grid(kind, name)
    tokens, floats, bound = answers(directory, "llama", name, "f32")
    logits = steady(compiled(directory, "--dtype=f32", f"--quant={kind}"),
                    tokens)
    if int(re.search(r"g(\d+)", kind)[1]) % 16:
        check(logits, floats, bound)
        return
    _, exact, _ = answers(directory, "llama", name, "f32", integers=True)
    check_integers(logits, exact, bound, floats)
    path = compiled(directory, "--dtype=f32", f"--quant={kind}",
                    "--activations=f32")
    check(steady(path, tokens), floats, bound)


@pytest.mark.parametrize("kind", gguf_files.WRITTEN)
def test_quant_is_ggufs(made, made_gguf, compiled, evaluate, kind):
    """--quant writes the blocks that the gguf package writes."""
    tokens = checkpoints.tokens_of("llama", "blocks")
    file, _ = made_gguf("llama", "blocks", kind)
    asked = compiled(made("llama", "blocks"), "--dtype=f32",
                     f"--quant={kind.lower()}")
    stored = compiled(file, "--dtype=f32")
    np.testing.assert_array_equal(evaluate(asked, tokens),
                                  evaluate(stored, tokens))


def divergence(exact, logits):
    """Returns the mean KL divergence of softmax(logits) from softmax(exact)."""
    p, q = exact.log_softmax(-1), logits.double().log_softmax(-1)
    return (p.exp() * (p - q)).sum(-1).mean().item()


@pytest.mark.parametrize("kind", LOSS)
def test_loss(compiled, made, truth, evaluate, kind):
    """Quantizing keeps what it may be expected to keep, and no more."""
    tokens, exact, _ = truth("llama", "blocks")
    path = compiled(made("llama", "blocks"), "--dtype=f32", f"--quant={kind}",
                    "--activations=f32")
    found = divergence(exact, torch.from_numpy(evaluate(path, tokens)))
    assert 0.5 * LOSS[kind] < found < LOSS[kind]
