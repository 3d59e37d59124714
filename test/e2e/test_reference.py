"""The reference, `--mica-reference`, against the float64 oracle.

Stage 0 of every family and shape runs on the naive loops, whole and with all
sequences decoding beside each other. So the importer's IR and the definitions
of the ops are right, whatever the compiler does with them; and what stages 0
and 1 do (merge products, form groups, pack weights) does not change a bit.
"""
import pathlib
import subprocess

import numpy as np
import pytest
import torch

import checkpoints
import oracle

TARGETS = [("f16", "x86-64-v3"), ("bf16", "x86-64-v4")]
CASES = [pytest.param(family, name, id=f"{family}-{name}",
                      marks=pytest.mark.xdist_group(f"{family}-{name}"))
         for family, name in checkpoints.all_shapes()]


@pytest.fixture
def evaluate(request, mica, tmp_path):
    """Returns a function: (checkpoint, tokens, prefill, stage, flags) ->
    logits [S, T, V] of what the compiler leaves after the stage."""
    program = pathlib.Path(request.config.getoption("--mica"))

    def run(checkpoint, tokens, prefill, stage, *flags):
        mica("compile", checkpoint, "-o", tmp_path / "m.mlir", "--emit=mlir",
             f"--stop-after={stage}", *flags)
        np.save(tmp_path / "t.npy", tokens)
        result = subprocess.run(
            [program.with_name("EvalReference"), tmp_path / "m.mlir",
             tmp_path / "t.npy", tmp_path / "l.npy", str(prefill)],
            text=True, capture_output=True, timeout=600)
        assert result.returncode == 0, result.stderr
        return np.load(tmp_path / "l.npy")
    return run


@pytest.mark.parametrize("family,name", CASES)
def test_reference(made, truth, evaluate, family, name):
    tokens, exact, bound = truth(family, name, "f32")
    for prefill in (tokens.shape[1], 5):
        logits = evaluate(made(family, name, "f32"), tokens, prefill, "import",
                          "--dtype=f32", *checkpoints.context_of(family, name))
        error = oracle.rms(torch.from_numpy(logits).double() - exact)
        assert error <= bound, f"prefill {prefill}"


@pytest.mark.parametrize("family,name", CASES)
def test_groups_change_nothing(made, evaluate, family, name):
    # Every shape with one of the targets.
    dtype, cpu = TARGETS[len(name) % 2]
    tokens = checkpoints.tokens_of(family, name, 2, 12)
    checkpoint = made(family, name, dtype)  # so that packing rounds nothing
    graph, group = (evaluate(checkpoint, tokens, 7, stage, f"--dtype={dtype}",
                             f"--cpu={cpu}") for stage in ("graph", "group"))
    assert np.array_equal(graph, group)
