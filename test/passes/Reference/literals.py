#!/usr/bin/env python3
"""Computes, in f64 with NumPy, the values that the tests beside it check.

    literals.py NAME    prints the CHECK lines of NAME.mlir

The formulas are written from the documentation of the ops; nothing of Mica runs.
Inputs come from `fill`, which the tests repeat in MLIR.
"""
import math
import sys

import numpy as np


def fill(rows, columns, seed):
    """Returns [rows, columns]: (7 i + 5 seed mod 13 - 6) / 4 at element i."""
    i = np.arange(rows * columns).reshape(rows, columns)
    return ((7 * i + 5 * seed) % 13 - 6) / 4


def round_bf16(x):
    """Returns x rounded to bf16, to nearest even."""
    bits = np.asarray(x, np.float32).view(np.uint32).astype(np.uint64)
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 << 16
    return bits.astype(np.uint32).view(np.float32).astype(np.float64)


def rms_norm(x, w, eps, offset=0.0, group=None):
    groups = x.reshape(len(x), -1, group or len(w))
    rms = np.sqrt((groups ** 2).mean(-1, keepdims=True) + eps)
    along = (groups / rms).reshape(len(x), -1, len(w))
    return (along * (w + offset)).reshape(x.shape)


def layer_norm(x, w, b, eps, group=None):
    groups = x.reshape(len(x), -1, group or len(w))
    centred = groups - groups.mean(-1, keepdims=True)
    deviation = np.sqrt(groups.var(-1, keepdims=True) + eps)
    along = (centred / deviation).reshape(len(x), -1, len(w))
    return (along * w + b).reshape(x.shape)


def angles(positions, frequencies, scale):
    a = np.outer(np.float32(positions), np.float32(frequencies))
    a = a.astype(np.float32).astype(np.float64)
    return scale * np.stack([np.cos(a), np.sin(a)], -1)


def rope(x, a, head, interleaved):
    y, pairs = x.copy(), a.shape[1]
    for first in range(0, x.shape[1], head):
        for i in range(pairs):
            j, k = (2 * i, 2 * i + 1) if interleaved else (i, i + pairs)
            j, k = first + j, first + k
            cos, sin = a[:, i, 0], a[:, i, 1]
            y[:, j] = x[:, j] * cos - x[:, k] * sin
            y[:, k] = x[:, k] * cos + x[:, j] * sin
    return y


def attention(q, keys, values, places, heads, kv_heads, scale, causal=True,
              window=0, softcap=0.0):
    """Attention of the rows q at `places` over the keys of one sequence."""
    q = q.reshape(len(q), heads, -1)
    k = keys.reshape(len(keys), kv_heads, -1).repeat(heads // kv_heads, 1)
    v = values.reshape(len(keys), kv_heads, -1).repeat(heads // kv_heads, 1)
    s = scale * np.einsum("mhi,nhi->hmn", q, k)
    if softcap:
        s = softcap * np.tanh(s / softcap)
    n, p = np.arange(len(keys)), np.asarray(places)[:, None]
    seen = (n <= p) if causal else np.full((len(q), len(keys)), True)
    if window:
        seen &= n > p - window
    s = np.where(seen, s, -math.inf)
    e = np.exp(s - s.max(-1, keepdims=True))
    return np.einsum("hmn,nhi->mhi", e / e.sum(-1, keepdims=True), v)


def case_norms():
    w, b = fill(1, 4, 2)[0], fill(1, 4, 3)[0]
    yield "rms_norm", rms_norm(fill(2, 4, 0), w, 1e-5)
    yield "rms_norm_groups", rms_norm(fill(2, 8, 1), w, 1e-6, 1.0)
    sum_ = fill(2, 4, 0) + fill(2, 4, 1)
    yield "add_rms_norm sum", sum_
    yield "add_rms_norm result", rms_norm(sum_, w, 0.5)
    yield "layer_norm", layer_norm(fill(2, 4, 0), w, b, 1e-5)
    yield "layer_norm without bias", layer_norm(fill(2, 4, 1), w, 0, 0.25)
    yield "rms_norm of halves", rms_norm(fill(2, 8, 1), w, 1e-5, group=2)
    yield "layer_norm of halves", layer_norm(fill(2, 8, 1), w, b, 1e-5, 2)


def case_linear():
    x, w, b = fill(3, 5, 0), fill(4, 5, 1), fill(1, 4, 2)[0]
    yield "linear", x @ w.T
    yield "linear with bias", x @ round_bf16(w).T + b
    third = np.float32(x) / np.float32(3)
    yield "quantize", round_bf16(third)
    yield "linear of bf16", round_bf16(third) @ w.T


def case_pack():
    a, b = fill(4, 2, 0), fill(4, 2, 1)
    yield "interleaved", np.stack([a.reshape(2, 2, 2), b.reshape(2, 2, 2)],
                                  1).reshape(8, 2)
    yield "stacked with offset", np.concatenate([a, fill(2, 2, 1)]) + 1
    x = fill(2, 8, 3).reshape(2, 2, 2, 2)
    yield "split 0", x[:, :, 0].reshape(2, 4)
    yield "split 1", x[:, :, 1].reshape(2, 4)


def case_position():
    a = np.float32(angles([0, 3, 1000], [1.0, 0.1], 1.5)).astype(np.float64)
    yield "rope_angles", a.reshape(3, 4)
    x = fill(3, 10, 0)
    yield "half", rope(x, a, 5, False)
    yield "interleaved", rope(x, a, 5, True)


def case_tokens():
    table = round_bf16(fill(6, 3, 0) / 3)
    yield "tokens", np.array([5, 0, 2, 2])
    yield "positions", np.array([7, 0, 1, 2])
    x = table[[5, 0, 2, 2]]
    yield "embedding", x
    yield "output_rows", x[[0, 3]]
    yield "permute_columns", x[:, [2, 0, 1]]


def steps(**options):
    """Two sequences: 3 and 1 rows, then 1 and 2 rows more."""
    keys, values = [[], []], [[], []]
    for seed, rows in ((0, (3, 1)), (3, (1, 2))):
        total, first, out = sum(rows), 0, []
        q, k, v = fill(total, 12, seed), fill(total, 6, seed + 1), \
            fill(total, 4, seed + 2)
        for s, n in enumerate(rows):
            places = range(len(keys[s]), len(keys[s]) + n)
            keys[s] += list(k[first:first + n])
            values[s] += list(v[first:first + n])
            out.append(attention(q[first:first + n], np.array(keys[s]),
                                 np.array(values[s]), places, 4, 2, 0.5,
                                 **options))
            first += n
        yield np.concatenate(out).reshape(total, -1)


def case_attention():
    for name, options in (("causal", {}), ("window", {"window": 2}),
                          ("softcap", {"softcap": 1.5}),
                          ("bidirectional", {"causal": False})):
        prefill, decode = steps(**options)
        yield f"{name}, prefill", prefill
        yield f"{name}, decode", decode


def case_cache():
    """Keys and values that are no bf16, rounded when they are stored."""
    third = np.float32(3)
    k = round_bf16(np.float32(fill(2, 6, 1)) / third)
    v = round_bf16(np.float32(fill(2, 4, 2)) / third)
    o = attention(fill(2, 6, 0), k, v, range(2), 2, 2, 0.5)
    yield "attention", o.reshape(2, 4)


def case_stack():
    """Two layers: the keys and values are the rows, and each layer adds its
    attention and the product with its weight."""
    x, w = fill(3, 2, 0), (fill(2, 2, 1), fill(2, 2, 2))
    for layer in range(2):
        o = attention(x, x, x, range(3), 1, 1, 0.5).reshape(3, 2)
        x = x + o @ w[layer].T
    yield "stack", x


def over_steps(function, widths):
    """Yields the rows of the steps of `steps`, which `function` computes for a
    whole sequence from inputs of `widths` columns."""
    texts, owners = [[], []], []
    for seed, rows in ((0, (3, 1)), (3, (1, 2))):
        inputs = [fill(sum(rows), w, seed + i) for i, w in enumerate(widths)]
        owners.append(np.repeat([0, 1], rows))
        for m, s in enumerate(owners[-1]):
            texts[s].append([x[m] for x in inputs])
    results = [function(*map(np.array, zip(*t))) for t in texts]
    rows = [iter(result) for result in results]
    for owner in owners:
        yield np.array([next(rows[s]) for s in owner])


def short_conv(x, w, b):
    taps = len(w)
    padded = np.concatenate([np.zeros((taps - 1, x.shape[1])), x])
    return np.array([(padded[p:p + taps] * w).sum(0) + b
                     for p in range(len(x))])


def ssm_scan(x, time, key, query, bias, a_log, skip, heads, least, most):
    """In closed form: every row before weighs by the decays since."""
    dt = np.clip(np.log1p(np.exp(time + bias)), least, most)
    decay = np.cumsum(-dt * np.exp(a_log), 0)
    x = x.reshape(len(x), heads, -1)
    y = skip[:, None] * x
    for p in range(len(x)):
        for n in range(p + 1):
            weight = np.exp(decay[p] - decay[n]) * dt[n] * (query[p] @ key[n])
            y[p] += weight[:, None] * x[n]
    return y.reshape(len(x), -1) + 0.0


def gated_delta(query, key, value, decay, beta, heads):
    value = value.reshape(len(value), heads, -1)
    decay = np.exp(decay).reshape(len(value), heads, -1)
    state = np.zeros((heads, key.shape[1], value.shape[2]))
    out = np.zeros_like(value)
    for p in range(len(value)):
        state *= decay[p][:, :, None]
        missing = value[p] - np.einsum("hkv,k->hv", state, key[p])
        state += np.einsum("h,k,hv->hkv", beta[p], key[p], missing)
        out[p] = np.einsum("hkv,k->hv", state, query[p])
    return out.reshape(len(value), -1)


def case_recurrent():
    w, b = fill(3, 3, 1), fill(1, 3, 2)[0]
    two = [fill(1, 2, seed)[0] for seed in (1, 2, 3)]
    cases = {
        "short_conv": (lambda x: short_conv(x, w, b), (3,)),
        "ssm_scan": (lambda *x: ssm_scan(*x, *two, 2, 0.25, 2.0), (4, 2, 3, 3)),
        "gated_delta per head": (lambda *x: gated_delta(*x, 2), (3, 3, 4, 2, 2)),
        "gated_delta per column": (lambda *x: gated_delta(*x, 2),
                                   (3, 3, 4, 6, 2))}
    rows = {name: list(over_steps(*case)) for name, case in cases.items()}
    for step, what in enumerate(("prefill", "decode")):
        for name in cases:
            yield f"{name}, {what}", rows[name][step]


def case_elementwise():
    x, y = fill(2, 3, 0), fill(2, 3, 1)
    yield "gelu", 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
    yield "silu times up", x / (1 + np.exp(-x)) * y
    yield "scaled", x * 0.5 + np.array([[1, 2, 3], [4, 5, 6]])


def main():
    for name, rows in globals()["case_" + sys.argv[1].replace("-", "_")]():
        print(f"  // {name}\n  // CHECK: sizes = {list(rows.shape)}")
        for row in np.atleast_2d(rows):
            line = ", ".join(f"{np.float32(v):g}" for v in row)
            print(f"  // CHECK-NEXT{{LITERAL}}: [{line}]")


if __name__ == "__main__":
    main()
