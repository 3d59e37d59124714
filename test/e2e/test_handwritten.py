"""A model of no family: what is below the importer knows none.

Hand-written IR with attention and feed-forward in parallel, two attentions in a
layer that share one cache (one sees a window), sizes that divide nothing. It is
compiled as it stands and held to a few lines of numpy. The second test moves the
same model to a machine that does not exist.
"""
import json

import numpy as np
import pytest

import handmade
import kept
import kernels

D, H, K, HEAD, F, V, LAYERS, WINDOW = 36, 6, 2, 20, 52, 97, 3, 5
EPS, SCALE = 1e-5, 0.21
TOKENS = (2, 40)
FREQUENCIES = [10000.0 ** (-2 * i / HEAD) for i in range(HEAD // 2)]
WEIGHTS = {"norm": [D], "q1": [H * HEAD, D], "q2": [H * HEAD, D],
           "k": [K * HEAD, D], "v": [K * HEAD, D], "o1": [D, H * HEAD],
           "o2": [D, H * HEAD], "up": [F, D], "other": [F, D],
           "down": [D, F]}
KV = (f"!mica.kv<heads = {K}, key = {HEAD}, value = {HEAD}, element = f32, "
      "page = 32, window = 0>")


def shape_type(shape):
    return f"!mica.weight<{'x'.join(map(str, shape))}, f32>"


def linear(result, operand, weight, rows, columns):
    kind = shape_type([columns, rows])
    return (f"%{result} = mica.linear %{operand}, %{weight} : "
            f"tensor<?x{rows}xf32>, {kind} -> tensor<?x{columns}xf32>")


def attention(result, query, window):
    wide = f"tensor<?x{H * HEAD}xf32>"
    return (f"%{result} = mica.attention %{query}, %kv, %batch {{heads = {H} : "
            f"i64, mask = #mica.mask<causal = true, window = {window}>, "
            f"scale = {SCALE} : f32}} : {wide}, {KV} -> {wide}")


def rope(result, operand, heads):
    kind = f"tensor<?x{heads * HEAD}xf32>"
    return (f"%{result} = mica.rope %{operand}, %angles {{head = {HEAD} : i64}}"
            f" : {kind}, tensor<?x{HEAD // 2}xcomplex<f32>>")


def layer():
    """Returns the function of one layer."""
    wide, row = H * HEAD, f"tensor<?x{D}xf32>"
    arguments = ", ".join(f"%{n}: {shape_type(s)}" for n, s in WEIGHTS.items())
    hidden = f"tensor<?x{F}xf32>"
    body = [
        f"%n = mica.rms_norm %x, %norm {{eps = {EPS:.6e} : f32}} : {row}, "
        f"{shape_type([D])}",
        linear("a", "n", "q1", D, wide), rope("ar", "a", H),
        linear("b", "n", "q2", D, wide), rope("br", "b", H),
        linear("c", "n", "k", D, K * HEAD), rope("cr", "c", K),
        linear("e", "n", "v", D, K * HEAD),
        f"%kv = mica.kv_append %cache, %cr, %e, %batch : {KV}, "
        f"tensor<?x{K * HEAD}xf32>, tensor<?x{K * HEAD}xf32>",
        attention("p", "ar", 0), attention("s", "br", WINDOW),
        linear("po", "p", "o1", wide, D), linear("so", "s", "o2", wide, D),
        linear("u", "n", "up", D, F), linear("w", "n", "other", D, F),
        f"%g = arith.mulf %u, %w : {hidden}",
        linear("f", "g", "down", F, D),
        *(f"%{out} = arith.addf %{a}, %{b} : {row}" for out, a, b in (
            ("x1", "x", "po"), ("x2", "x1", "so"), ("x3", "x2", "f"))),
        f"return %x3, %kv : {row}, {KV}"]
    return (f"func.func private @block(%x: {row}, %cache: {KV}, %batch: "
            f"!mica.batch, %angles: tensor<?x{HEAD // 2}xcomplex<f32>>, {arguments}) "
            f"-> ({row}, {KV}) {{\n  " + "\n  ".join(body) + "\n}")


def step():
    """Returns the function of a step."""
    row, angles = f"tensor<?x{D}xf32>", f"tensor<?x{HEAD // 2}xcomplex<f32>>"
    table = shape_type([V, D])
    layers = ", ".join(
        "#mica.layer<@block, kv = [0], shared = [0, 1], weights = ["
        + ", ".join(f"@l{i}.{n}" for n in WEIGHTS) + "]>"
        for i in range(LAYERS))
    frequencies = ", ".join(f"{f:.9e}" for f in FREQUENCIES)
    return f"""
func.func @step(%batch: !mica.batch, %kv: {KV})
    -> (tensor<?x{V}xf32>, {KV}) {{
  %table = mica.get_weight @table : {table}
  %last = mica.get_weight @last : {shape_type([D])}
  %ids = mica.tokens %batch : tensor<?xi32>
  %x = mica.embedding %ids, %table : tensor<?xi32>, {table} -> {row}
  %at = mica.positions %batch : tensor<?xi32>
  %angles = mica.rope_angles %at {{frequencies = array<f32: {frequencies}>}}
      : tensor<?xi32> -> {angles}
  %y, %out = mica.stack %x, (%kv), (%batch, %angles) [{layers}]
      : {row}, ({KV}), (!mica.batch, {angles}) -> {row}, {KV}
  %rows = mica.output_rows %y, %batch : {row} -> {row}
  %n = mica.rms_norm %rows, %last {{eps = {EPS:.6e} : f32}} : {row}, {shape_type([D])}
  %logits = mica.linear %n, %table : {row}, {table} -> tensor<?x{V}xf32>
  return %logits, %out : tensor<?x{V}xf32>, {KV}
}}"""


def module(directory, target):
    """Returns the text of the whole model, its weights in `directory`."""
    shapes = {f"l{i}.{n}": s for i in range(LAYERS)
              for n, s in WEIGHTS.items()} | {"table": [V, D], "last": [D]}
    return handmade.module(directory, target, shapes, layer(), step())


def random_weights():
    draw = np.random.default_rng(3)
    out = {"table": 0.5 * draw.normal(size=(V, D)),
           "last": 1 + 0.3 * draw.normal(size=D)}
    for i in range(LAYERS):
        for name, shape in WEIGHTS.items():
            noise = draw.normal(size=shape)
            spread = 3.0 if name in ("q1", "q2") else 1.0  # scores of std 3
            out[f"l{i}.{name}"] = 1 + 0.3 * noise if len(shape) == 1 \
                else spread * noise * shape[1] ** -0.5
    return {n: w.astype(np.float32) for n, w in out.items()}


def norm(x, weight):
    return x * weight / np.sqrt((x * x).mean(-1, keepdims=True) + EPS)


def rotated(x, heads):
    """x [T, heads * HEAD], column i paired with column i + HEAD / 2."""
    x = x.reshape(len(x), heads, 2, HEAD // 2)
    angle = np.arange(len(x))[:, None, None] * np.array(FREQUENCIES)
    a, b = x[:, :, 0], x[:, :, 1]
    return np.stack([a * np.cos(angle) - b * np.sin(angle),
                     b * np.cos(angle) + a * np.sin(angle)],
                    2).reshape(len(x), heads, HEAD)


def attended(q, k, v, window):
    """q [T, H, d], k and v [T, K, d] -> [T, H * d]."""
    k, v = (np.repeat(x, H // K, axis=1) for x in (k, v))
    scores = SCALE * np.einsum("thd,shd->hts", q, k)
    t, s = np.mgrid[:len(q), :len(q)]
    seen = (s <= t) & ((t - s < window) if window else True)
    scores = np.where(seen, scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return np.einsum("hts,shd->thd", weights, v).reshape(len(q), -1)


def expected(ids, w, dtype):
    """Returns logits [T, V] computed in `dtype`."""
    w = {n: x.astype(dtype) for n, x in w.items()}
    x = w["table"][ids]
    for i in range(LAYERS):
        p = {n: w[f"l{i}.{n}"] for n in WEIGHTS}
        y = norm(x, p["norm"])
        k = rotated(y @ p["k"].T, K).astype(dtype)
        v = (y @ p["v"].T).reshape(len(y), K, HEAD)
        q1, q2 = (rotated(y @ p[n].T, H).astype(dtype) for n in ("q1", "q2"))
        x = (x + attended(q1, k, v, 0) @ p["o1"].T
             + attended(q2, k, v, WINDOW) @ p["o2"].T
             + ((y @ p["up"].T) * (y @ p["other"].T)) @ p["down"].T)
    return norm(x, w["last"]) @ w["table"].T


def write_model(folder, target):
    """Writes the module and its weights to `folder`; returns the module."""
    return handmade.write(folder, random_weights(),
                          lambda directory: module(directory, target))


@pytest.fixture
def compile_for(mica, compiler, tmp_path_factory):
    """Returns a function: target -> the model's artifact for it."""
    def compile_it(target, path):
        text = write_model(tmp_path_factory.mktemp("handwritten"), target)
        mica("compile", text, "--start-from=import", "-o", path)
    return lambda target: kept.kept(
        "handwritten", [compiler, kept.bytes_of(__file__), target],
        lambda path: compile_it(target, path))


TARGETS = {
    "v4": '#mica.target<cpu = "x86-64-v4", features = "", vector_bits = 512, '
          "panel = 16, max_granule = 256, dot = []>",
    "v3": '#mica.target<cpu = "x86-64-v3", features = "", vector_bits = 256, '
          "panel = 16, max_granule = 256, dot = []>",
    "made up": '#mica.target<cpu = "x86-64-v3", features = "", vector_bits = '
               "256, panel = 24, max_granule = 240, dot = []>",
}


@pytest.mark.parametrize("flags", [[], ["--ragged"], ["--decode-from", "9"]],
                         ids=["whole", "ragged", "decoded"])
@pytest.mark.parametrize("target", TARGETS)
def test_model_of_no_family(mica, compile_for, tmp_path, target, flags):
    if not kernels.available("v4" if target == "v4" else "v3"):
        pytest.skip("not for this CPU")
    ids = np.random.default_rng(1).integers(0, V, TOKENS, dtype=np.int32)
    np.save(tmp_path / "t.npy", ids)
    mica("eval", compile_for(TARGETS[target]), "--tokens", tmp_path / "t.npy",
         "--logits", tmp_path / "l.npy", *flags)
    found = np.load(tmp_path / "l.npy").astype(np.float64)
    weights = random_weights()
    exact = np.stack([expected(row, weights, np.float64) for row in ids])
    single = np.stack([expected(row, weights, np.float32) for row in ids])

    def rms(x):
        return np.sqrt((x * x).mean())
    assert rms(found - exact) <= 3 * rms(single - exact) + 1e-6 * exact.std()


@pytest.mark.parametrize("target", TARGETS)
def test_diff_of_no_family(mica, compile_for, tmp_path, target):
    if not kernels.available("v4" if target == "v4" else "v3"):
        pytest.skip("not for this CPU")
    ids = np.random.default_rng(1).integers(0, V, TOKENS, dtype=np.int32)
    np.save(tmp_path / "t.npy", ids)
    found = json.loads(mica(
        "diff", compile_for(TARGETS[target]), "--tokens", tmp_path / "t.npy",
        "--reference", "--checkpoint", write_model(tmp_path, TARGETS[target]),
        "--json").stdout)
    assert {(i, op) for i in range(LAYERS) for op in (
        "norm", "attention", "attention#2", "add#3")} <= {
            (o["layer"], o["op"]) for o in found["ops"]}
