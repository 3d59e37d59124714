"""A layer that mixes what no family mixes, by hand, held to the reference.

Attention over latents beside attention with a window, a gated delta rule and
experts, all of the same rows: two caches and a state in a layer, in sizes that
divide nothing.
"""
import json

import numpy as np
import pytest

import handmade
import kernels
from handmade import D, EPS, LAYERS, V, rows, weight_type
from test_handwritten import TARGETS

HEADS, NOPE, ROPE, RANK, VALUE = 3, 10, 6, 22, 7
OTHER, WINDOW = 18, 9  # columns of a head of the other attention
DELTA, N, P = 2, 6, 10
EXPERTS, CHOICES, F = 5, 2, 21
TOKENS = (3, 40)
WEIGHTS = {"norm": [D], "q": [HEADS * (NOPE + ROPE), D], "down": [RANK, D],
           "shared": [ROPE, D], "latent": [RANK],
           "keys": [HEADS, RANK, NOPE], "values": [HEADS, VALUE, RANK],
           "o": [D, HEADS * VALUE], "wq": [2 * OTHER, D], "wk": [OTHER, D],
           "wv": [OTHER, D], "wo": [D, 2 * OTHER], "dq": [DELTA * N, D],
           "dk": [DELTA * N, D], "dv": [DELTA * P, D], "decay": [DELTA, D],
           "beta": [DELTA, D], "key_norm": [DELTA * N], "do": [D, DELTA * P],
           "router": [EXPERTS, D], "up": [EXPERTS, F, D],
           "back": [EXPERTS, D, F]}
KEPT = {
    "latents": f"!mica.kv<heads = 1, key = {RANK + ROPE}, value = {RANK}, "
               "element = f32, page = 32, window = 0>",
    "near": f"!mica.kv<heads = 1, key = {OTHER}, value = {OTHER}, element = "
            f"f32, page = 16, window = {WINDOW}>",
    "state": f"!mica.state<{DELTA}x{N}x{P}, f32>"}


def linear(result, operand, weight):
    out, columns = WEIGHTS[weight]
    return (f"%{result} = mica.linear %{operand}, %{weight}_w : "
            f"{rows(columns)}, {weight_type([out, columns])} -> {rows(out)}")


def norm(result, operand, weight, more=""):
    columns = WEIGHTS[weight][0]
    return (f"%{result} = mica.rms_norm %{operand}, %{weight}_w {{eps = {EPS} : "
            f"f32{more}}} : {rows(columns)}, {weight_type([columns])}")


def write(result, kv, of, columns, more):
    return (f"%{result} = mica.kv_write %{kv}, %{of}, %batch {more} : "
            f"{KEPT['latents']}, {rows(columns)}")


def layer():
    """Returns the function of one layer."""
    angles = f"tensor<?x{ROPE // 2}xcomplex<f32>>"
    q, shared = rows(HEADS * (NOPE + ROPE)), rows(ROPE)
    chosen = f"tensor<?x{CHOICES}x"
    keys, values, up, back = (weight_type(WEIGHTS[n])
                              for n in ("keys", "values", "up", "back"))
    mask = "#mica.mask<causal = true, window = "
    body = [
        norm("n", "x", "norm"), linear("q0", "n", "q"),
        f"%q1 = mica.rope %q0, %angles {{head = {NOPE + ROPE} : i64, first = "
        f"{NOPE} : i64, interleaved}} : {q}, {angles}",
        linear("c0", "n", "down"), norm("c", "c0", "latent"),
        linear("r0", "n", "shared"),
        f"%r = mica.rope %r0, %angles {{head = {ROPE} : i64}} : {shared}, "
        f"{angles}",
        write("la", "latents", "r", ROPE, f"first {RANK}"),
        write("lb", "la", "c", RANK, "first 0"),
        write("latents1", "lb", "c", RANK, "value first 0"),
        "%a = mica.latent_attention %q1, %latents1, %keys_w, %values_w, %batch "
        f"{{scale = 0.6 : f32, mask = {mask}0>}} : {q}, {KEPT['latents']}, "
        f"{keys}, {values} -> {rows(HEADS * VALUE)}",
        linear("ao", "a", "o"),
        *(linear(w, "n", w) for w in ("wq", "wk", "wv")),
        f"%near1 = mica.kv_append %near, %wk, %wv, %batch : {KEPT['near']}, "
        f"{rows(OTHER)}, {rows(OTHER)}",
        f"%w = mica.attention %wq, %near1, %batch {{heads = 2 : i64, scale = 0.5"
        f" : f32, mask = {mask}{WINDOW}>}} : {rows(2 * OTHER)}, {KEPT['near']} "
        f"-> {rows(2 * OTHER)}",
        linear("wo", "w", "wo"),
        *(linear(w, "n", w) for w in ("dq", "dk", "dv", "decay", "beta")),
        norm("key", "dk", "key_norm", f", group = {N} : i64"),
        *(f"%{n}2 = arith.mulf %{n}, %{n} : {rows(DELTA)}"
          for n in ("decay", "beta")),
        f"%fade = arith.negf %decay2 : {rows(DELTA)}",
        "%d, %state1 = mica.gated_delta %dq, %key, %dv, %fade, %beta2, %state, "
        f"%batch : {rows(DELTA * N)}, {rows(DELTA * P)}, {rows(DELTA)}, "
        f"{rows(DELTA)}, {KEPT['state']}",
        linear("do", "d", "do"), linear("scores", "n", "router"),
        "%share, %experts = mica.route %scores {scores = #mica.scores<softmax>, "
        f"normalize}} : {rows(EXPERTS)} -> {rows(CHOICES)}, "
        f"tensor<?x{CHOICES}xi32>",
        f"%u = mica.grouped_linear %n, %up_w, %experts : {rows(D)}, {up}, "
        f"tensor<?x{CHOICES}xi32> -> {chosen}{F}xf32>",
        f"%u2 = arith.mulf %u, %u : {chosen}{F}xf32>",
        f"%e = mica.grouped_linear %u2, %back_w, %experts : {chosen}{F}xf32>, "
        f"{back}, tensor<?x{CHOICES}xi32> -> {chosen}{D}xf32>",
        f"%eo = mica.combine %e, %share : {chosen}{D}xf32>, {rows(CHOICES)} -> "
        f"{rows(D)}",
        *(f"%x{i + 1} = arith.addf %x{i or ''}, %{part} : {rows(D)}"
          for i, part in enumerate(("ao", "wo", "do", "eo"))),
        f"return %x4, {', '.join(f'%{n}1' for n in KEPT)} : "
        f"{', '.join([rows(D), *KEPT.values()])}"]
    arguments = [f"%x: {rows(D)}", *(f"%{n}: {t}" for n, t in KEPT.items()),
                 "%batch: !mica.batch", f"%angles: {angles}",
                 *(f"%{n}_w: {weight_type(s)}" for n, s in WEIGHTS.items())]
    return (f"func.func private @mixture({', '.join(arguments)}) -> "
            f"({', '.join([rows(D), *KEPT.values()])}) {{\n  "
            + "\n  ".join(body) + "\n}")


def step():
    """Returns the function of a step."""
    table, types = weight_type([V, D]), ", ".join(KEPT.values())
    angles = f"tensor<?x{ROPE // 2}xcomplex<f32>>"
    layers = ", ".join(
        f"#mica.layer<@mixture, kv = {list(range(len(KEPT)))}, shared = [0, 1], "
        "weights = [" + ", ".join(f"@l{i}.{n}" for n in WEIGHTS) + "]>"
        for i in range(LAYERS))
    return f"""
func.func @step(%batch: !mica.batch, {', '.join(
    f'%{n}: {t}' for n, t in KEPT.items())}) -> ({rows(V)}, {types}) {{
  %table = mica.get_weight @table : {table}
  %last = mica.get_weight @last : {weight_type([D])}
  %ids = mica.tokens %batch : tensor<?xi32>
  %positions = mica.positions %batch : tensor<?xi32>
  %angles = mica.rope_angles %positions {{frequencies = array<f32: 1.0, 0.3, 0.05>}} : tensor<?xi32> -> {angles}
  %x = mica.embedding %ids, %table : tensor<?xi32>, {table} -> {rows(D)}
  %y, %out:{len(KEPT)} = mica.stack %x, ({', '.join(f'%{n}' for n in KEPT)}), (%batch, %angles) [{layers}]
      : {rows(D)}, ({types}), (!mica.batch, {angles}) -> {rows(D)}, {types}
  %wanted = mica.output_rows %y, %batch : {rows(D)} -> {rows(D)}
  %n = mica.rms_norm %wanted, %last {{eps = {EPS} : f32}} : {rows(D)}, {weight_type([D])}
  %logits = mica.linear %n, %table : {rows(D)}, {table} -> {rows(V)}
  return %logits, {', '.join(f'%out#{i}' for i in range(len(KEPT)))} : {rows(V)}, {types}
}}"""


def sizes():
    return {f"l{i}.{n}": s for i in range(LAYERS)
            for n, s in WEIGHTS.items()} | {"table": [V, D], "last": [D]}


def weights():
    draw = np.random.default_rng(11)
    out = {}
    for name, shape in sizes().items():
        noise = draw.normal(size=shape)
        if len(shape) == 1:
            small = N ** -0.5 if name.endswith("key_norm") else 1
            noise = small * (1 + 0.2 * noise)
        else:
            spread = {"q": 2, "wq": 2, "router": 3, "beta": 0.4, "decay": 0.3}
            noise *= spread.get(name.split(".")[-1], 1) * shape[-1] ** -0.5
        out[name] = noise.astype(np.float32)
    return out


@pytest.mark.parametrize("target", TARGETS)
def test_mixture(mica, tmp_path, target):
    """Every op agrees with its definition, and no bit depends on company."""
    if not kernels.available("v4" if target == "v4" else "v3"):
        pytest.skip("not for this CPU")
    text = handmade.write(tmp_path, weights(),
                          lambda folder: handmade.module(
                              folder, TARGETS[target], sizes(), layer(),
                              step()))
    artifact, tokens = tmp_path / "m.mica", tmp_path / "t.npy"
    mica("compile", text, "--start-from=import", "-o", artifact)
    draw = np.random.default_rng(1)
    np.save(tokens, draw.integers(0, V, TOKENS, dtype=np.int32))
    found = json.loads(mica("diff", artifact, "--tokens", tokens, "--reference",
                            "--checkpoint", text, "--json").stdout)
    words = ("latent_attention", "attention", "gated_delta", "route")
    assert {(i, op) for i in range(LAYERS) for op in words} <= {
        (o["layer"], o["op"]) for o in found["ops"]}
    logits = []
    for flags in ([], ["--ragged"], ["--decode-from", "0"], ["--chunk", "7"]):
        mica("eval", artifact, "--tokens", tokens, "--logits",
             tmp_path / "l.npy", *flags)
        logits.append(np.load(tmp_path / "l.npy"))
    for other in logits[1:]:
        np.testing.assert_array_equal(other, logits[0])
