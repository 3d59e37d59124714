"""Forms of attention that masks, learned sinks, ALiBi, scaled queries and chosen
blocks of keys make, compiled in models of no family and held to the reference op
by op. Rows come from an embedding of n-grams beside their own."""
import json

import numpy as np
import pytest

import handmade
import kernels
from handmade import D, linear, rows, weight_type

H, K, HEAD = 6, 2, 20
WEIGHTS = {"q": [H * HEAD, D], "k": [K * HEAD, D], "v": [K * HEAD, D],
           "o": [D, H * HEAD], "sinks": [H], "votes": [11, D], "grams": [53, D]}
SLOPES = ", ".join(str(2.0 ** -(i + 1)) for i in range(H))
FORMS = {
    "sinks": ("sinks(%sinks : !mica.weight<6, f32>) ", "", "window = 0"),
    "sinks, window": ("sinks(%sinks : !mica.weight<6, f32>) ", "", "window = 7"),
    "first tokens": ("", "", "window = 7, sink = 3"),
    "chunks": ("", "", "chunk = 8"),
    "both sides": ("", "", "window = 0"),
    "alibi": ("", f"alibi = array<f32: {SLOPES}>, ", "window = 0"),
    "all": ("sinks(%sinks : !mica.weight<6, f32>) ",
            f"alibi = array<f32: {SLOPES}>, softcap = 4.0 : f32, ",
            "window = 9, sink = 2"),
}


def model(form, **options):
    sinks, extra, mask = FORMS[form]
    made = handmade.Model(WEIGHTS, [], heads=K, key=HEAD,
                          spread={"k": 2, "sinks": 5}, **options)
    made.body = [
        f"%e = mica.ngram_embedding %batch, %grams {{n = 3 : i64, multiplier = "
        f"1000003 : i64}} : {weight_type([53, D])} -> {rows(D)}",
        f"%g = arith.addf %n, %e : {rows(D)}",
        linear("w", "g", "q", D, H * HEAD),
        f"%u = mica.rms_norm %w {{eps = 1.0e-6 : f32, group = {HEAD} : i64}} : "
        f"{rows(H * HEAD)}",
        "%a = mica.position_scale %u, %batch {scale = 0.5 : f32, interval = 8 : "
        f"i64}} : {rows(H * HEAD)}",
        linear("b", "n", "k", D, K * HEAD),
        linear("c", "n", "v", D, K * HEAD),
        f"%kv = mica.kv_append %cache, %b, %c, %batch : {made.kv}, "
        f"{rows(K * HEAD)}, {rows(K * HEAD)}",
        f"%s = mica.attention %a, %kv, %batch {sinks}{{heads = {H} : i64, {extra}"
        f"mask = #mica.mask<causal = {str(form != 'both sides').lower()}, {mask}>, scale = 0.5 : f32}} : "
        f"{rows(H * HEAD)}, {made.kv} -> {rows(H * HEAD)}",
        linear("y", "s", "o", H * HEAD, D)]
    if "blocks" in form:  # those of the greatest votes
        made.body[:0] = [linear("vote", "n", "votes", D, 11),
                         f"%top, %b_at = mica.topk %vote : {rows(11)} -> {rows(3)}, "
                         "tensor<?x3xi32>"]
    return made


FORMS["blocks"] = (
    "blocks(%b_at : tensor<?x3xi32>) ", "block = 4 : i64, ", "window = 0")
FORMS["blocks, window"] = (
    "blocks(%b_at : tensor<?x3xi32>) ", "block = 4 : i64, ", "window = 11")

CASES = [(form, {}) for form in FORMS] + [
    ("chunks", {"window": 8}), ("sinks, window", {"window": 16}),
    ("all", {"element": "i8"}), ("sinks, window", {"element": "i4"}),
    ("all", {"element": "f16"})]


@pytest.mark.parametrize("flags", [[], ["--decode-from", "9"]],
                         ids=["whole", "decoded"])
@pytest.mark.parametrize("form,options", CASES, ids=str)
def test_form(mica, tmp_path, form, options, flags):
    target = kernels.TARGETS["v4" if kernels.available("v4") else "v3"]
    text = model(form, **options).write(tmp_path, target)
    mica("compile", text, "--start-from=import", "-o", tmp_path / "m.mica",
         *([] if "blocks" in form else ["--no-fallback"]))
    ids = np.random.default_rng(1).integers(0, handmade.V, (2, 40), dtype=np.int32)
    np.save(tmp_path / "t.npy", ids)
    found = json.loads(mica(
        "diff", tmp_path / "m.mica", "--tokens", tmp_path / "t.npy", "--reference",
        "--checkpoint", text, "--json", *flags).stdout)
    assert found["first"] is None
    assert {(i, "attention") for i in range(handmade.LAYERS)} <= {
        (o["layer"], o["op"]) for o in found["ops"]}


def test_a_ring_keeps_no_first_tokens(mica, tmp_path):
    text = model("first tokens", window=16).write(tmp_path, kernels.TARGETS["v3"])
    refused = mica("compile", text, "--start-from=import", "-o",
                   tmp_path / "m.mica", fails=True)
    assert refused.stderr.count("\n") == 1
    assert ("expects a cache without a window, which keeps the 3 sinks of the mask,"
            " but got one of 16") in refused.stderr
