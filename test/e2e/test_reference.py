"""The reference, `--mica-reference`, against the float64 oracle.

Stage 0 of every family and shape runs on the naive loops, whole and with all
sequences decoding beside each other. So the importer's IR and the definitions
of the ops are right, whatever the compiler does with them.
"""
import pathlib
import subprocess

import numpy as np
import pytest
import torch

import checkpoints
import oracle

CASES = [pytest.param(family, name, id=f"{family}-{name}",
                      marks=pytest.mark.xdist_group(f"{family}-{name}"))
         for family, name in checkpoints.all_shapes()]


@pytest.fixture
def evaluate(request, mica, tmp_path):
    """Returns a function: (checkpoint, tokens, prefill) -> logits [S, T, V]."""
    program = pathlib.Path(request.config.getoption("--mica"))

    def run(checkpoint, tokens, prefill):
        mica("compile", checkpoint, "-o", tmp_path / "m.mlir", "--emit=mlir",
             "--stop-after=import", "--dtype=f32")
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
        logits = evaluate(made(family, name, "f32"), tokens, prefill)
        error = oracle.rms(torch.from_numpy(logits).double() - exact)
        assert error <= bound, f"prefill {prefill}"
