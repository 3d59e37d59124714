"""Mica's logits against the float64 oracle: families x shapes x dtypes.

The bound is three times the error of transformers in the same dtype, plus 1e-6
of the logits' spread. The same artifact is fed whole, in chunks, one token at a
time, and with all sequences in one ragged step.
"""
import shutil

import numpy as np
import pytest

import checkpoints
import experts
import gguf_files
import oracle
from conftest import check

# Matrices that stay as they are when the others are rounded.
TAPS = ("bias", "conv.conv.weight", "conv1d.weight")
DTYPES = ("f32", "bf16", "f16")
FEEDS = {"whole": [], "chunked": ["--chunk", "7"],
         "decoded": ["--decode-from", "5"], "ragged": ["--ragged"],
         "shuffled": ["--ragged", "--page-seed", "3"]}
CASES = [pytest.param(family, name, dtype, id=f"{family}-{name}-{dtype}",
                      marks=pytest.mark.xdist_group(f"{family}-{name}"))
         for family, name in checkpoints.all_shapes() for dtype in DTYPES]
# Every shape in F32 and one more type, by turns: names and settings belong to
# families, what a type's numbers are does not (test_formats.py).
FILES = [pytest.param(family, name, kind, id=f"{family}-{name}-{kind}")
         for i, (family, name) in enumerate(
             checkpoints.all_shapes(only_gguf=True))
         for kind in ("F32", gguf_files.TYPES[1:][i % 5])]


@pytest.fixture(scope="session")
def artifact(made, compiled):
    """Returns a function: (family, shape, dtype) -> a compiled .mica file."""
    def compile_it(family, name, dtype):
        return compiled(made(family, name, dtype), f"--dtype={dtype}",
                        *checkpoints.context_of(family, name))
    return compile_it


@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize("family,name,dtype", CASES)
def test_logits(artifact, truth, evaluate, family, name, dtype, feed):
    tokens, exact, bound = truth(family, name, dtype)
    path = artifact(family, name, dtype)
    check(evaluate(path, tokens, *FEEDS[feed]), exact, bound)


@pytest.mark.parametrize("family,name,dtype", CASES)
def test_bits_do_not_depend_on_company(artifact, truth, evaluate, family, name,
                                       dtype):
    """Threads, chunks, pages and other sequences leave every bit as it is."""
    tokens, _, _ = truth(family, name, dtype)
    path = artifact(family, name, dtype)
    one = evaluate(path, tokens, "--threads", "1")
    for flags in (["--threads", "2"], ["--threads", "2", "--ragged"],
                  ["--threads", "1", "--chunk", "7", "--page-seed", "5"],
                  ["--threads", "2", "--decode-from", "5"]):
        np.testing.assert_array_equal(one, evaluate(path, tokens, *flags))
    for row in range(len(tokens)):
        alone = evaluate(path, tokens[row:row + 1], "--threads", "2")
        np.testing.assert_array_equal(one[row:row + 1], alone)


@pytest.mark.parametrize("family,name,dtype", CASES)
def test_nothing_outside_is_touched(artifact, truth, evaluate, family, name,
                                    dtype):
    """With an inaccessible page after every buffer the logits are the same."""
    tokens, exact, bound = truth(family, name, dtype)
    path = artifact(family, name, dtype)
    logits = evaluate(path, tokens, "--ragged", guard=True)
    check(logits, exact, bound)


@pytest.mark.parametrize("family,name,kind", FILES)
def test_gguf(made_gguf, compiled, answers, evaluate, family, name, kind):
    """A GGUF file computes what its decoded weights do in a directory."""
    file, directory = made_gguf(family, name, kind)
    tokens, exact, bound = answers(directory, family, name, "f32")
    path = compiled(file, "--dtype=f32", "--activations=f32")
    check(evaluate(path, tokens), exact, bound)


@pytest.mark.parametrize("context", (24, 16))
def test_short_factors(made, compiled, answers, evaluate, context):
    """LongRoPE's frequencies follow from the longest text."""
    directory = made("phi3", "long")
    tokens, exact, bound = answers(directory, "phi3", "long", "f32",
                                   length=context)
    path = compiled(directory, "--dtype=f32", f"--max-context={context}")
    check(evaluate(path, tokens), exact, bound)


def test_dynamic_rope_at_its_length(made, compiled, answers, evaluate):
    """As long as the model was made for, dynamic rope is the plain one."""
    directory = made("llama", "dynamic")
    tokens, exact, bound = answers(directory, "llama", "dynamic", "f32",
                                   length=24)
    check(evaluate(compiled(directory, "--dtype=f32"), tokens), exact, bound)


@pytest.mark.parametrize("family", checkpoints.SHAPES)
def test_rounding_is_torchs(compiled, made, evaluate, tmp_path, family):
    """--dtype=bf16 rounds matrices as torch does, and leaves vectors alone, of
    which the taps of convolutions are some."""
    name = next(iter(checkpoints.SHAPES[family]))
    directory = made(family, name, "f32")
    _, state = oracle.load(directory)
    rounded = tmp_path / "rounded"
    rounded.mkdir()
    shutil.copy(directory / "config.json", rounded)
    checkpoints.save_state(
        {n: t.float() if t.dim() == 1 or n.endswith(TAPS)
         else t.bfloat16().float()
         for n, t in experts.apart(state, family).items()}, rounded, 1)
    tokens, logits = checkpoints.tokens_of(family, name), []
    for source in (directory, rounded):
        logits.append(evaluate(compiled(source, "--dtype=bf16"), tokens))
    np.testing.assert_array_equal(*logits)


def test_ids_outside_the_vocabulary(mica, artifact, tmp_path):
    """A token id that no model has is an error in one line."""
    np.save(tmp_path / "t.npy", np.array([[1, 251]], dtype=np.int32))
    result = mica("eval", artifact("llama", "grouped", "f32"), "--tokens",
                  tmp_path / "t.npy", "--logits", tmp_path / "l.npy",
                  fails=True)
    assert result.returncode == 1
    assert "251" in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "l.npy").exists()
