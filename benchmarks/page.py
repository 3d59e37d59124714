"""Writes the page of results, docs/performance.md, and its plot."""
import statistics

import plot

ENGINES = ("llama.cpp", "ik_llama.cpp", "openvino", "torch")
SPARE_LOAD = 0.75  # what the programs that measure add to the load
INTRO = """# Performance

Written by `benchmarks/cpu.py`; its first lines say how a figure comes about,
`benchmarks/cases.py` what a test is. All speeds are tokens per second; a share
is that of the roofline. pp512@0 appends 512 tokens to an empty cache,
tg16@4096 generates 16 tokens after 4,096. Beside a peer's speed stands how
many times as fast Mica is, and the settings: those that were fastest in a
trial, or of all if all were measured. Settings: llama.cpp and ik_llama.cpp
with and without flash attention (fa), ik_llama.cpp with weights repacked at
the start (rtr), OpenVINO with sums in bf16 and in f32 (f32). Where a CPU has
tile registers (AMX), llama.cpp is built without them: with them it ended by an
illegal instruction. OpenVINO reads int8 weights with a scale per row for q8_0,
int4 ones with a scale for 32 columns for q4_0.
"""


def write(data, path, version):
    """Writes the results of one version of Mica's compiler to `path`."""
    rows = [r for r in data["rows"] if r["compiler"] == version]
    left_out = len(data["rows"]) - len(rows)
    parts = [INTRO, f"Of Mica's compiler {version}, {dates(rows)}. Left out: "
             f"{left_out} results of other versions.\n", disturbed(rows),
             "## The machine\n", data["machine"]]
    for model in unique(r["model"] for r in rows):
        of_model = [r for r in rows if r["model"] == model]
        parts.append(f"## {model}\n")
        if svg := plot.depths(of_model):
            name = f"{path.stem}-depth.svg"
            path.with_name(name).write_text(svg)
            parts.append(f"![Decoding speed over depth]({name})\n")
        for form in unique(r["format"] for r in of_model):
            found = [r for r in of_model if r["format"] == form]
            parts.append(f"### {model}, {form}\n")
            parts += filter(None, (speeds(found), steps(found), mixed(found),
                                   memories(found)))
    path.write_text("\n".join(parts))


def dates(rows):
    found = sorted({r["date"] for r in rows})
    return f"{found[0]} to {found[-1]}" if found else "nothing measured"


def disturbed(rows):
    """Names the results beside which the machine had other work."""
    found = [f"{r['model']} {r['format']} {r['test']} beside {r['peer']} on "
             f"{r['threads']} ({r['load']:.1f})"
             for r in rows if r["load"] > r["threads"] + SPARE_LOAD]
    return f"Other programs may have disturbed {len(found)} of {len(rows)} " \
        "results" + (f": {'; '.join(found)}.\n" if found else ".\n")


def unique(values):
    return list(dict.fromkeys(values))


def engine_of(row):
    return row["peer"].split("-")[0]


def best(rows, engine):
    """Returns the row of the engine's fastest variant, one without a figure if
    none has any, or None."""
    of_engine = [r for r in rows if engine_of(r) == engine]
    return max(of_engine, key=lambda r: r.get("peer_speed", 0), default=None)


def ours(rows, key):
    """Returns the median of Mica's figures beside all peers, or None."""
    found = [r[key] for r in rows if key in r]
    return statistics.median(found) if found else None


def number(value):
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def against(row):
    """Returns a peer's speed and how many times as fast Mica is."""
    if row is None:
        return ""
    if "ratio" not in row:
        return f"inconclusive ({row['kept']} blocks)"
    return f"{number(row['peer_speed'])} (**{row['ratio']:.2f}**)"


def variant(row):
    return "" if row is None or "-" not in row["peer"] else \
        " " + row["peer"].split("-", 1)[1]


def markdown(head, lines):
    lines = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def order(row):
    name, depth = row["test"].split("@")
    return (row["cache"], name[:2] != "pp", row["threads"], int(depth),
            int("0" + name[2:]) if name[2:].isdigit() else 0)


def speeds(rows):
    """Returns the table of prompts and decoding."""
    rows = sorted((r for r in rows if r["test"][:2] in ("pp", "tg")),
                  key=order)
    engines = [e for e in ENGINES if any(engine_of(r) == e for r in rows)]
    lines = []
    for key in unique((r["cache"], r["test"], r["threads"]) for r in rows):
        same = [r for r in rows
                if (r["cache"], r["test"], r["threads"]) == key]
        speed = ours(same, "mica")
        peers = [best(same, engine) for engine in engines]
        lines.append([
            *map(str, key),
            "inconclusive" if speed is None else number(speed),
            "" if speed is None else f"{ours(same, 'share'):.2f}",
            *(against(p) + variant(p) for p in peers)])
    return lines and markdown(["cache", "test", "threads", "Mica", "share",
                               *engines], lines)


def steps(rows):
    """Returns the table of steps by rows: each cell has the share and the time
    over that of one row."""
    rows = [r for r in rows if r["test"].startswith("st")]
    counts = sorted({int(r["test"][2:].split("@")[0]) for r in rows})
    lines = []
    for threads in unique(r["threads"] for r in rows):
        same = [r for r in rows if r["threads"] == threads]
        by_count = {c: [r for r in same if r["test"].startswith(f"st{c}@")]
                    for c in counts}
        lines.append([str(threads), "Mica", *step_cells(
            {c: (ours(found, "mica"), ours(found, "share"))
             for c, found in by_count.items() if found})])
        for engine in ENGINES:
            peers = {c: best(found, engine) for c, found in by_count.items()}
            cells = step_cells(
                {c: r and (r.get("peer_speed"), r.get("peer_share"))
                 for c, r in peers.items()})
            if any(peers.values()):
                lines.append([str(threads), engine, *cells])
    return lines and markdown(
        ["threads", "engine", *(f"{c} row{'s' * (c > 1)}" for c in counts)],
        lines)


def step_cells(found):
    """Yields cells of {rows: (rows/s, share), both None where inconclusive,
    or None where nothing was measured}."""
    one = found.get(1) and found[1][0]
    for count, figures in found.items():
        if figures is None:
            yield ""
        elif figures[0] is None:
            yield "inconclusive"
        else:
            times = f", {count / figures[0] * one:.2f} x" if one else ""
            yield f"{figures[1]:.2f}{times}"


def mixed(rows):
    found = [f"{r['ratio']:.2f} times on {r['threads']} thread"
             f"{'s' * (r['threads'] > 1)}"
             for r in rows if r["test"].startswith("mixed")]
    return found and ("Eight sequences of a row beside a prompt of 256 take, "
                      "of a prompt of 264 tokens: " + ", ".join(found) + ".\n")


def memories(rows):
    """Returns the table of memory; Mica's anonymous part may be its cache and
    workspace and 48 MB."""
    rows = sorted((r for r in rows if r["test"].startswith("mem")), key=order)
    lines = [[r["test"], r["cache"], str(r["threads"]), r["peer"],
              f"{r['ready']:.2f}", str(r["peak"]), str(r["anonymous"]),
              str(r.get("allowed", ""))] for r in rows]
    return lines and markdown(
        ["test", "cache", "threads", "engine", "ready after (s)",
         "peak (MiB)", "anonymous (MiB)", "may be (MiB)"], lines)
