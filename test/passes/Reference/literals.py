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
              window=0, softcap=0.0, sink=0, chunk=0, sinks=None, alibi=None):
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
        seen &= (n > p - window) | (n < sink)
    if chunk:
        seen &= n >= p - p % chunk
    if alibi:
        s = s - np.array(alibi)[:, None, None] * np.abs(p - n)
    s = np.where(seen, s, -math.inf)
    e = np.exp(s)
    total = e.sum(-1, keepdims=True)
    if sinks:
        total += np.exp(np.array(sinks))[:, None, None]
    return np.einsum("hmn,nhi->mhi", e / total, v)


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
    yield "rms_norm without weight", rms_norm(fill(2, 8, 1), np.ones(8), 1e-5,
                                              group=4)


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
    yield "row 1 of the table", table[[1] * 4]
    sequences = x[:1], x[1:]
    yield "pool_rows mean", np.array([rows.mean(0) for rows in sequences])
    yield "pool_rows first", np.array([rows[0] for rows in sequences])
    yield "pool_rows last", np.array([rows[-1] for rows in sequences])


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


def case_attention_masks():
    """Six rows of one sequence."""
    for name, options in (
            ("window and sink", {"window": 2, "sink": 1}),
            ("chunks", {"chunk": 4}),
            ("learned sinks", {"sinks": [1.0, -0.5, 1.25, -0.25]}),
            ("alibi", {"alibi": [0.5, 0.25, 0.125, 0.0625]})):
        yield name, attention(fill(6, 12, 0), fill(6, 6, 1), fill(6, 4, 2),
                              range(6), 4, 2, 0.5, **options).reshape(6, 8)
    factor = 1 + 0.5 * np.log(1 + np.floor((np.arange(6) + 1) / 2))
    yield "position_scale", fill(6, 12, 0) * factor[:, None]


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


TOKENS, STARTS = [3, 1, 4, 1, 5, 9, 2, 6], [0, 5, 8]
OUT_ROWS = [4, 7]


def show_rows(name, rows, kept):
    """What is left of rows, with their places and their output rows."""
    yield name, rows
    yield f"{name}: kept", np.array(kept, float)[:, None]
    yield f"{name}: positions", np.array(
        [m - STARTS[m >= 5] for m in kept], float)[:, None]
    yield f"{name}: output rows", rows[[kept.index(m) for m in OUT_ROWS]]


def case_token_sets():
    x, scores = fill(8, 3, 0), fill(8, 1, 2)[:, 0]
    kept = []
    for first, last in zip(STARTS, STARTS[1:]):
        order = sorted(range(first, last),
                       key=lambda m: (m not in OUT_ROWS, -scores[m], m))
        kept += sorted(order[:math.ceil(0.5 * (last - first))])
    yield from show_rows("select_tokens", x[kept], kept)
    z = fill(8, 3, 1)
    z[kept] = x[kept]
    yield "scatter_tokens", z
    into, kept = [0, 0, 2, 0, 3, 5, 5, 5], [0, 2, 4, 5, 7]
    merged = np.stack([x[[m for m in range(8) if m == k or (
        m not in kept and into[m] == k)]].mean(0) for k in kept])
    yield from show_rows("merge_tokens", merged, kept)
    table = fill(7, 2, 3)
    yield "ngram_embedding", np.stack([table[sum(
        (TOKENS[m - i] + 1) * 1000000007 ** i for i in range(3)
        if m - i >= STARTS[m >= 5]) % 2**32 % 7] for m in range(8)])
    rows = fill(3, 14, 4)
    order = np.argsort(-rows, axis=1, kind="stable")[:, :4]
    yield "topk", np.take_along_axis(rows, order, 1)
    yield "topk: columns", order
    rows = fill(3, 5, 1)
    words = np.array([0b10110, 0b00001, 0b11111])
    bits = words[:, None] >> np.arange(5) & 1
    yield "logits_mask", np.where(bits == 1, rows, -math.inf)
    yield "logits_mask of a list", np.where([1, 0, 1, 1, 0], rows, -math.inf)
    runs = fill(3, 1, 1) > 0.25
    yield "skip", np.where(runs, fill(3, 5, 2), rows)


def exported(lengths, keys, values):
    return (np.concatenate([k[:n].reshape(n, -1) for k, n in zip(keys, lengths)]),
            np.concatenate([v[:n].reshape(n, -1) for v, n in zip(values, lengths)]))


def case_cache_ops():
    """Two sequences of 5 and 3 tokens, two heads."""
    k, v = fill(8, 8, 1).reshape(8, 2, 4), fill(8, 4, 2).reshape(8, 2, 2)
    keys, values = [k[:5], k[5:]], [v[:5], v[5:]]

    def show(name, lengths, keys, values):
        for part, rows in zip(("keys", "values"), exported(lengths, keys, values)):
            yield f"{name}: {part}", rows

    def chosen(index, x):
        return [x[s][i] for s, i in enumerate(index)]

    yield from show("kv_import, kv_export", [5, 3], keys, values)
    yield from show("kv_fork", [3, 3], [keys[1]] * 2, [values[1]] * 2)
    kept = []
    for s, n in enumerate((5, 3)):
        scores = fill(2, 6, 0)[s]
        order = sorted(range(n), key=lambda i: (i < n - 1, -scores[i], i))
        kept.append(sorted(order[:3]))
    yield from show("kv_evict", [3, 3], chosen(kept, keys), chosen(kept, values))
    parts = [[[0, 1], [2, 3], [4]], [[0], [2]]]
    mean = lambda x: [np.stack([x[s][p].mean(0) for p in ps])
                      for s, ps in enumerate(parts)]
    yield from show("kv_merge", [3, 2], mean(keys), mean(values))
    turned = [rope(keys[s].reshape(-1, 8), angles([shift] * len(keys[s]), [1.0, 0.5],
                                                  1.0), 4, False)
              for s, shift in enumerate((2, -1))]
    yield from show("rope_shift", [5, 3], turned, values)
    yield from show("kv_view", [5, 3], [x[:, 1:] for x in keys],
                    [x[:, 1:] for x in values])

    def rounded(x):
        scale = (np.abs(x).max(-1, keepdims=True) / 127).astype(np.float16)
        scale = np.maximum(scale.astype(float), np.finfo(np.float32).tiny)
        return np.clip(np.rint(x / scale), -127, 127) * scale
    yield from show("kv_quantize", [5, 3], [rounded(x) for x in keys],
                    [rounded(x) for x in values])


def case_attention_statistics():
    """Six rows of one sequence, four heads over two."""
    q, k, v = fill(6, 12, 0), fill(6, 6, 1), fill(6, 4, 2)
    s = 0.5 * np.einsum("mhi,nhi->mhn", q.reshape(6, 4, 3),
                        k.reshape(6, 2, 3).repeat(2, 1))
    s = np.where(np.tri(6)[:, None] > 0, s, -math.inf)
    total = np.exp(s).sum(-1)
    yield "log_sum", np.log(total)
    yield "scores", (np.exp(s) / total[..., None]).sum((0, 1))[None]
    n, p = np.arange(6), np.arange(6)[:, None]
    segments = np.array([0, 0, 1, 1, 1, 0])
    blocks = np.array([[0, -1], [0, 0], [1, -1], [1, 0], [2, 0], [-1, -1]])
    for name, seen in (
            ("segments", segments[n] == segments[p]),
            ("blocks", (n[None, :, None] // 2 == blocks[:, None]).any(-1))):
        e = np.where((seen & (n <= p))[:, None], np.exp(s), 0)
        total = e.sum(-1, keepdims=True)
        weights = np.divide(e, total, where=total > 0, out=np.zeros_like(e))
        yield name, np.einsum("mhn,nhi->mhi", weights,
                              v.reshape(6, 2, 2).repeat(2, 1)).reshape(6, 8)


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


def case_latent():
    """Two heads over latents of 3 columns and one rotated column: 3 rows and 1,
    then 1 and 2 more; whole heads, then heads without what they share."""
    uk, uv = fill(6, 2, 4).reshape(2, 3, 2), fill(4, 3, 5).reshape(2, 2, 3)
    kept = [[], []]
    for name, seed, rows in (("prefill", 0, (3, 1)), ("decode", 3, (1, 2))):
        total, first, out = sum(rows), 0, []
        q, latent = fill(total, 6, seed), fill(total, 4, seed + 1)
        for s, n in enumerate(rows):
            places = range(len(kept[s]), len(kept[s]) + n)
            kept[s] += list(latent[first:first + n])
            c, r = np.array(kept[s])[:, :3], np.array(kept[s])[:, 3:]
            k = np.concatenate([np.einsum("hji,nj->nhi", uk, c),
                                r[:, None].repeat(2, 1)], -1)
            v = np.einsum("hij,nj->nhi", uv, c)
            out.append(attention(q[first:first + n], k, v, places, 2, 2, 0.25))
            first += n
        yield name, np.concatenate(out).reshape(total, -1)
    x, w = fill(2, 6, 0), uv
    h = x.reshape(2, 2, 3)
    yield "head_linear", np.einsum("mhk,hnk->mhn", h, w).reshape(2, 4)
    passed = np.einsum("mhk,hnk->mhn", h[..., :2], uk)
    yield "one column of a head passes", np.concatenate(
        [passed, h[..., 2:]], -1).reshape(2, 8)


def main():
    for name, rows in globals()["case_" + sys.argv[1].replace("-", "_")]():
        print(f"  // {name}\n  // CHECK: sizes = {list(rows.shape)}")
        for row in np.atleast_2d(rows):
            line = ", ".join(f"{np.float32(v):g}" for v in row)
            print(f"  // CHECK-NEXT{{LITERAL}}: [{line}]")


if __name__ == "__main__":
    main()
