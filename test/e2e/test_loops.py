"""Ops that have no kernel yet: one worker runs the loops of their reference in
compiled code, `mica explain` says so, and what has no loops either is refused."""
import json

import numpy as np
import pytest
import safetensors.numpy

import handmade
import kernels
from handmade import D, V, linear, rows, weight_type


def model(body=(), tail=(), weights=None, element="f32"):
    weights = {"w": [D, D], "k": [2 * 20, D]} | (weights or {})
    made = handmade.Model(weights, [], tail=tuple(tail), element=element)
    keys = f"{rows(40)}, {rows(40)}"
    made.body = [linear("c", "n", "k", D, 40),
                 f"%kv = mica.kv_append %cache, %c, %c, %batch : {made.kv}, {keys}",
                 linear("h", "n", "w", D, D), *(body or ["%y = arith.addf %h, %n : "
                                                        f"{rows(D)}"])]
    return made


def topk(result, operand, columns, k):
    return (f"%{result}, %{result}_at = mica.topk %{operand} : {rows(columns)} -> "
            f"{rows(k)}, tensor<?x{k}xi32>")


# Every other token may follow, in words of 32.
MASK = f"%logits = mica.logits_mask %scores, %best_at : {rows(V)}, tensor<?x4xi32>"
MODELS = {
    "topk": model([topk("t", "h", D, 5),
                   linear("y", "t", "up", 5, D)], weights={"up": [D, 5]}),
    "all of a row": model([topk("t", "h", D, D),
                           f"%y = arith.addf %t, %n : {rows(D)}"]),
    "skip": model([linear("s", "n", "score", D, 1),
                   f"%y = mica.skip %n, %h, %s {{threshold = 0.25 : f32}} : "
                   f"{rows(D)}, {rows(1)}"], weights={"score": [1, D]}),
    "mask": model(tail=[topk("best", "scores", V, 4), MASK]),
}


def compiled(mica, made, folder, *flags, **options):
    target = kernels.TARGETS["v4" if kernels.available("v4") else "v3"]
    text = made.write(folder, target)
    return text, mica("compile", text, "--start-from=import", "-o",
                      folder / "m.mica", *flags, **options)


@pytest.mark.parametrize("flags", [[], ["--threads", "2"]], ids=["one", "two"])
@pytest.mark.parametrize("name", MODELS)
def test_loops(mica, tmp_path, name, flags):
    text, _ = compiled(mica, MODELS[name], tmp_path)
    ids = np.random.default_rng(1).integers(0, V, (2, 12), dtype=np.int32)
    np.save(tmp_path / "t.npy", ids)
    found = json.loads(mica(
        "diff", tmp_path / "m.mica", "--tokens", tmp_path / "t.npy", "--reference",
        "--checkpoint", text, "--json", *flags).stdout)
    assert found["first"] is None
    said = mica("explain", tmp_path / "m.mica").stdout
    assert "has no kernel yet: one worker runs its reference" in said


def test_no_fallback(mica, tmp_path):
    _, refused = compiled(mica, MODELS["skip"], tmp_path, "--no-fallback", fails=True)
    assert ("mica.skip has no kernel yet: one worker runs its reference"
            in refused.stderr)
    assert refused.stderr.count("\n") == 1


def test_what_has_no_loops_is_refused(mica, tmp_path):
    made = model(["%y, %kept, %next = mica.select_tokens %h, %s, %batch {keep = 0.5 : "
                  f"f64, least = 1 : i64}} : {rows(D)}, {rows(1)} -> {rows(D)}, "
                  "tensor<?xi32>"], weights={"score": [1, D]})
    made.body.insert(-1, linear("s", "n", "score", D, 1))
    _, refused = compiled(mica, made, tmp_path, fails=True)
    assert ("'mica.select_tokens' op has no code for CPUs yet: it runs in the "
            "reference alone") in refused.stderr
    assert refused.stderr.count("\n") == 1
