"""Layers that keep a state: what is below the importer, held to numpy.

A hand-written model whose layers have a cache and three states: a short
convolution, then Mamba-2, the gated delta rule (a decay for each head or for each
key column) and attention side by side, in sizes that divide nothing.
"""
import functools
import json

import numpy as np
import pytest

import handmade
import kept
import kernels
from test_handwritten import TARGETS, linear, shape_type

D, V, LAYERS, TAPS = 36, 97, 2, 4
HEADS, GROUPS, N, P = 4, 2, 6, 10     # Mamba-2; delta heads are alike
HEAD, ATTENTION = 12, 2
EPS, SCALE = 1e-5, 0.3
LEAST, MOST = 0.01, 1.5
TOKENS = (3, 40)
LINEARS = {"x": HEADS * P, "dt": HEADS, "b": GROUPS * N, "c": GROUPS * N,
           "g": HEADS, "gk": HEADS * N, "beta": HEADS, "v": HEADS * P,
           "aq": ATTENTION * HEAD, "ak": HEAD, "av": HEAD}
OUTPUTS = {"so": HEADS * P, "do": HEADS * P, "ko": HEADS * P,
           "ao": ATTENTION * HEAD}
WEIGHTS = ({"norm": [D], "taps": [TAPS, D], "tap_bias": [D],
            "dt_bias": [HEADS], "a_log": [HEADS], "skip": [HEADS]}
           | {"key_norm": [GROUPS * N]}
           | {n: [rows, D] for n, rows in LINEARS.items()}
           | {n: [D, columns] for n, columns in OUTPUTS.items()})
KV = (f"!mica.kv<heads = 1, key = {HEAD}, value = {HEAD}, element = f32, "
      "page = 32, window = 0>")
CONV = f"!mica.state<{TAPS - 1}x{D}, f32>"
STATE = f"!mica.state<{HEADS}x{N}x{P}, f32>"
KEPT = {"conv": CONV, "ssm": STATE, "kv": KV, "delta": STATE, "kimi": STATE}


def rows(columns):
    return f"tensor<?x{columns}xf32>"


def delta(result, decay, state):
    return (f"%{result}, %{state}1 = mica.gated_delta %c, %key, %v, "
            f"%{decay}_decay, %beta2, %{state}, %batch : {rows(GROUPS * N)}, {rows(HEADS * P)}, "
            f"{rows(LINEARS[decay])}, {rows(HEADS)}, {STATE}")


def layer():
    """Returns the function of one layer."""
    wide, vector = rows(HEADS * P), shape_type([HEADS])
    query, key = rows(ATTENTION * HEAD), rows(HEAD)
    body = [
        f"%n = mica.rms_norm %x0, %norm_w {{eps = {EPS:.6e} : f32}} : {rows(D)},"
        f" {shape_type([D])}",
        "%h, %conv1 = mica.short_conv %n, %taps_w, %conv, %batch bias "
        f"%tap_bias_w : {rows(D)}, {shape_type([TAPS, D])}, {CONV}, "
        f"{shape_type([D])}",
        *(linear(n, "h", f"{n}_w", D, w) for n, w in LINEARS.items()),
        f"%key = mica.rms_norm %b, %key_norm_w {{eps = {EPS:.6e} : f32, group = "
        f"{N} : i64}} : {rows(GROUPS * N)}, {shape_type([GROUPS * N])}",
        *(f"%{n}2 = arith.mulf %{n}, %{n} : {rows(LINEARS[n])}"
          for n in ("g", "gk", "beta")),
        *(f"%{n}_decay = arith.negf %{n}2 : {rows(LINEARS[n])}"
          for n in ("g", "gk")),
        "%s, %ssm1 = mica.ssm_scan %x, %dt, %b, %c, %dt_bias_w, %a_log_w, "
        f"%skip_w, %ssm, %batch {{least = {LEAST} : f32, most = {MOST} : f32}} "
        f": {wide}, {rows(HEADS)}, {rows(GROUPS * N)}, {vector}, {vector}, "
        f"{vector}, {STATE}",
        delta("d", "g", "delta"), delta("k", "gk", "kimi"),
        f"%kv1 = mica.kv_append %kv, %ak, %av, %batch : {KV}, {key}, {key}",
        f"%a = mica.attention %aq, %kv1, %batch {{heads = {ATTENTION} : i64, "
        f"mask = #mica.mask<causal = true, window = 0>, scale = {SCALE} : f32}}"
        f" : {query}, {KV} -> {query}",
        *(linear(n, n[0], f"{n}_w", columns, D)
          for n, columns in OUTPUTS.items()),
        *(f"%x{i + 1} = arith.addf %x{i}, %{n} : {rows(D)}"
          for i, n in enumerate(OUTPUTS)),
        f"return %x{len(OUTPUTS)}, {', '.join(f'%{n}1' for n in KEPT)} : "
        f"{', '.join([rows(D), *KEPT.values()])}"]
    arguments = [f"%x0: {rows(D)}", *(f"%{n}: {t}" for n, t in KEPT.items()),
                 "%batch: !mica.batch",
                 *(f"%{n}_w: {shape_type(s)}" for n, s in WEIGHTS.items())]
    return (f"func.func private @mixed({', '.join(arguments)}) -> "
            f"({', '.join([rows(D), *KEPT.values()])}) {{\n  "
            + "\n  ".join(body) + "\n}")


def step():
    """Returns the function of a step."""
    table, types = shape_type([V, D]), ", ".join(KEPT.values())
    layers = ", ".join(
        f"#mica.layer<@mixed, kv = {list(range(len(KEPT)))}, shared = [0], "
        "weights = [" + ", ".join(f"@l{i}.{n}" for n in WEIGHTS) + "]>"
        for i in range(LAYERS))
    return f"""
func.func @step(%batch: !mica.batch, {', '.join(
    f'%{n}: {t}' for n, t in KEPT.items())}) -> ({rows(V)}, {types}) {{
  %table = mica.get_weight @table : {table}
  %last = mica.get_weight @last : {shape_type([D])}
  %ids = mica.tokens %batch : tensor<?xi32>
  %x = mica.embedding %ids, %table : tensor<?xi32>, {table} -> {rows(D)}
  %y, %out:{len(KEPT)} = mica.stack %x, ({', '.join(f'%{n}' for n in KEPT)}), (%batch) [{layers}]
      : {rows(D)}, ({types}), (!mica.batch) -> {rows(D)}, {types}
  %wanted = mica.output_rows %y, %batch : {rows(D)} -> {rows(D)}
  %n = mica.rms_norm %wanted, %last {{eps = {EPS:.6e} : f32}} : {rows(D)}, {shape_type([D])}
  %logits = mica.linear %n, %table : {rows(D)}, {table} -> {rows(V)}
  return %logits, {', '.join(f'%out#{i}' for i in range(len(KEPT)))} : {rows(V)}, {types}
}}"""


def module(directory, target):
    """Returns the text of the whole model, its weights in `directory`."""
    shapes = {f"l{i}.{n}": s for i in range(LAYERS)
              for n, s in WEIGHTS.items()} | {"table": [V, D], "last": [D]}
    return handmade.module(directory, target, shapes, layer(), step())


@functools.cache
def random_weights():
    draw = np.random.default_rng(5)
    out = {"table": 0.5 * draw.normal(size=(V, D)),
           "last": 1 + 0.3 * draw.normal(size=D)}
    for i in range(LAYERS):
        for name, shape in WEIGHTS.items():
            noise = draw.normal(size=shape)
            if name in ("norm", "skip"):
                noise = 1 + 0.3 * noise
            elif name == "taps":
                noise = noise * TAPS ** -0.5
            elif name == "key_norm":  # Keys of about one unit.
                noise = (1 + 0.1 * noise) * N ** -0.5
            elif len(shape) == 2:
                spread = {"aq": 3, "g": 0.3, "gk": 0.3, "beta": 0.4}
                noise = spread.get(name, 1) * noise * shape[1] ** -0.5
            out[f"l{i}.{name}"] = noise
    return {n: np.asarray(w, np.float32) for n, w in out.items()}


def norm(x, weight):
    return x * weight / np.sqrt((x * x).mean(-1, keepdims=True) + EPS)


def pieces(count, cut):
    """Rows between which a state is carried: all, or less from `cut` on."""
    return [(0, count)] if cut is None else [(0, cut), (cut, count)]


def convolved(x, w, b, cut):
    """A state that is lost at `cut` makes rows there begin with zeros."""
    zeros = np.zeros((TAPS - 1, x.shape[1]), x.dtype)
    return np.concatenate([
        sum(w[j] * np.concatenate([zeros, x[lo:hi]])[j:j + hi - lo]
            for j in range(TAPS)) + b for lo, hi in pieces(len(x), cut)])


def recurrent(query, key, value, decay, beta, is_delta, cut):
    """Row after row; query and key [T, heads, N], value [T, heads, P]."""
    state = np.zeros((HEADS, N, P), value.dtype)
    out = np.empty_like(value)
    for t in range(len(value)):
        if t == cut:
            state[:] = 0
        state = np.exp(decay[t])[..., None] * state
        added = value[t]
        if is_delta:
            added = added - np.einsum("hnp,hn->hp", state, key[t])
        state = state + np.einsum("h,hn,hp->hnp", beta[t], key[t], added)
        out[t] = np.einsum("hnp,hn->hp", state, query[t])
    return out


def attended(q, k, v):
    q = q.reshape(len(q), ATTENTION, HEAD)
    scores = SCALE * np.einsum("thd,sd->hts", q, k)
    t, s = np.mgrid[:len(q), :len(q)]
    scores = np.where(s <= t, scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return np.einsum("hts,sd->thd", weights, v).reshape(len(q), -1)


def expected(ids, w, dtype, conv_cut=None, state_cut=None):
    """Returns logits [T, V] computed in `dtype`. A mutation: the state of
    convolutions or of recurrences is lost before the row `..._cut`."""
    w = {n: x.astype(dtype) for n, x in w.items()}
    x = w["table"][ids]
    for i in range(LAYERS):
        p = {n: w[f"l{i}.{n}"] for n in WEIGHTS}
        h = convolved(norm(x, p["norm"]), p["taps"], p["tap_bias"], conv_cut)
        y = {n: h @ p[n].T for n in LINEARS}
        heads = {n: y[n].reshape(len(x), HEADS, -1) for n in ("x", "v", "gk")}
        b, c = (y[n].reshape(len(x), GROUPS, N).repeat(HEADS // GROUPS, 1)
                for n in "bc")
        dt = np.clip(np.log1p(np.exp(y["dt"] + p["dt_bias"])), LEAST, MOST)
        decay = -(dt * np.exp(p["a_log"]))[..., None]
        s = (recurrent(c, b, heads["x"], decay, dt, False, state_cut)
             + p["skip"][:, None] * heads["x"])
        key = norm(y["b"].reshape(len(x), GROUPS, N),
                   p["key_norm"].reshape(GROUPS, N))
        key = key.repeat(HEADS // GROUPS, 1)
        beta = y["beta"] ** 2
        d = recurrent(c, key, heads["v"], -y["g"][..., None] ** 2, beta, True,
                      state_cut)
        k = recurrent(c, key, heads["v"], -heads["gk"] ** 2, beta, True,
                      state_cut)
        x = (x + s.reshape(len(x), -1) @ p["so"].T
             + d.reshape(len(x), -1) @ p["do"].T
             + k.reshape(len(x), -1) @ p["ko"].T
             + attended(y["aq"], y["ak"], y["av"]) @ p["ao"].T)
    return norm(x, w["last"]) @ w["table"].T


def write_model(folder, target):
    """Writes the module and its weights to `folder`; returns the module."""
    return handmade.write(folder, random_weights(),
                          lambda directory: module(directory, target))


@pytest.fixture
def compile_for(mica, compiler, tmp_path_factory):
    """Returns a function: target -> the model's artifact for it."""
    def compile_it(target, path):
        text = write_model(tmp_path_factory.mktemp("recurrent"), target)
        mica("compile", text, "--start-from=import", "-o", path)
    return lambda target: kept.kept(
        "recurrent", [compiler, kept.bytes_of(__file__), target],
        lambda path: compile_it(target, path))


def rms(x):
    return np.sqrt((x * x).mean())


@functools.cache
def answers():
    """Returns tokens, f64 logits and the error that is allowed."""
    ids = np.random.default_rng(1).integers(0, V, TOKENS, dtype=np.int32)
    exact, single = (np.stack([expected(row, random_weights(), t)
                               for row in ids])
                     for t in (np.float64, np.float32))
    return ids, exact, 3 * rms(single - exact) + 1e-6 * exact.std()


FLAGS = {"whole": [], "ragged": ["--ragged"], "decoded": ["--decode-from", "9"],
         "one by one": ["--decode-from", "0"], "chunked": ["--chunk", "7"],
         "short chunks": ["--chunk", "2"]}


@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS)
@pytest.mark.parametrize("target", TARGETS)
def test_logits(mica, compile_for, tmp_path, target, flags):
    if not kernels.available("v4" if target == "v4" else "v3"):
        pytest.skip("not for this CPU")
    ids, exact, allowed = answers()
    np.save(tmp_path / "t.npy", ids)
    mica("eval", compile_for(TARGETS[target]), "--tokens", tmp_path / "t.npy",
         "--logits", tmp_path / "l.npy", *flags)
    found = np.load(tmp_path / "l.npy").astype(np.float64)
    assert rms(found - exact) <= allowed


def test_steps_do_not_change_bits(mica, compile_for, tmp_path):
    """A row's logits are the same whatever comes with it in a step."""
    if not kernels.available("v3"):
        pytest.skip("not for this CPU")
    np.save(tmp_path / "t.npy", answers()[0])
    found = []
    for flags in FLAGS.values():
        mica("eval", compile_for(TARGETS["v3"]), "--tokens",
             tmp_path / "t.npy", "--logits", tmp_path / "l.npy", *flags)
        found.append(np.load(tmp_path / "l.npy"))
    for other in found[1:]:
        assert np.array_equal(other, found[0])


@pytest.mark.parametrize("lost", ["conv_cut", "state_cut"])
def test_a_lost_state_is_seen(lost):
    ids, exact, allowed = answers()
    found = np.stack([expected(row, random_weights(), np.float64, **{lost: 7})
                      for row in ids])
    assert rms(found - exact) > 100 * allowed
    assert np.array_equal(found[:, :7], exact[:, :7])


def test_diff(mica, compile_for, tmp_path):
    """Every op agrees with its definition."""
    target = TARGETS["v3"]
    if not kernels.available("v3"):
        pytest.skip("not for this CPU")
    np.save(tmp_path / "t.npy", answers()[0])
    found = json.loads(mica(
        "diff", compile_for(target), "--tokens", tmp_path / "t.npy",
        "--reference", "--checkpoint", write_model(tmp_path, target),
        "--json").stdout)
    words = ("taps", "dt_bias", "gated_delta", "gated_delta#2", "attention")
    assert {(i, op) for i in range(LAYERS) for op in words} <= {
        (o["layer"], o["op"]) for o in found["ops"]}


def test_explain(mica, compile_for):
    text = mica("explain", compile_for(TARGETS["v3"])).stdout
    assert f"state: {LAYERS} layers, {HEADS} heads of {N}x{P}" in text
    assert "gated_delta goes row after row" in text
