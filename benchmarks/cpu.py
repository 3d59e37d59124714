#!/usr/bin/env python3
"""Times Mica beside its peers on this CPU and writes docs/performance.md.

    benchmarks/cpu.py [--model llama-1b] [--peers llama.cpp,torch-bf16]
                      [--tests pp512@0,tg16@0,tg16@4096] [--threads 1,2]

A block is: ceiling, Mica, peer, ceiling. It counts if its two ceilings differ
by at most 10 %; a figure is the median of 9 such blocks, and "inconclusive"
where 30 tries do not give them. The ceiling is the least time in which this
machine, as measured at that moment, can read the weights and the cache once and
compute the products. Results are kept in .cache/bench/results.json, so that
parts can be measured anew.
"""
import argparse
import datetime
import json
import pathlib
import platform
import re
import statistics
import subprocess

import engines
import models

ROOT = engines.ROOT
RESULTS = engines.CACHE / "results.json"
PEERS = ["llama.cpp", "llama.cpp-fa", "ik_llama.cpp", "torch-bf16",
         "torch-f32"]
WANTED, MOST, TOLERANCE = 9, 30, 1.10
# Steps of several sequences: (name, rows, rows it is compared with, bound).
MIXED = [("8 sequences of one row", "1," * 7 + "1", "1", 1.30),
         ("8 decoding rows beside 256 of prefill", "1," * 8 + "256", "264",
          1.15)]


def prepare(name):
    """Makes and compiles the model; returns its paths."""
    folder = engines.CACHE / name
    if name == "tiny-python":
        folder.mkdir(parents=True, exist_ok=True)
        paths = {"hf": ROOT / "examples/tiny-python",
                 "gguf": folder / "model.gguf"}
        if not paths["gguf"].exists():
            models.example_gguf(paths["hf"], paths["gguf"])
    else:
        models.make_model(name, folder)
        paths = {"hf": folder / "hf", "gguf": folder / "model.gguf"}
    paths["mica"] = folder / "model.mica"
    if not paths["mica"].exists():
        engines.run(ROOT / "build/bin/mica", "compile", paths["hf"], "-o",
                    paths["mica"], "--dtype=bf16")
    return paths


def parse_test(text):
    """Returns (word, count, depth) of "pp512@0" or "tg16@4096"."""
    kind, count, depth = re.fullmatch(r"(pp|tg)(\d+)@(\d+)", text).groups()
    return ("prefill" if kind == "pp" else "decode"), int(count), int(depth)


def ceiling(mica, test):
    """Returns the least seconds of the whole test, measured now."""
    word, count, depth = test
    if word == "prefill":
        return mica.ask(f"ceiling {count} {depth}")
    return count * mica.ask(f"ceiling 1 {depth + count // 2}")


def blocks(mica, peer, test):
    """Returns [(Mica's seconds, peer's, least seconds)] of the kept blocks, and
    the memory of both after the work was done once."""
    line, kept = f"{test[0]} {test[1]}", []
    for engine in (mica, peer):
        engine.ask(f"depth {test[2]}")
        engine.ask(line)  # compiles, faults pages in
    memory = mica.memory(), peer.memory()
    before = ceiling(mica, test)
    for _ in range(MOST):
        ours, theirs = mica.ask(line), peer.ask(line)
        after = ceiling(mica, test)
        if max(before, after) <= TOLERANCE * min(before, after):
            kept.append((ours, theirs, min(before, after)))
        before = after
        if len(kept) == WANTED:
            break
    return kept, memory


def compare(paths, peer_name, test_name, threads):
    """Returns one row of results."""
    test = parse_test(test_name)
    context = test[1] + test[2] + 64
    with engines.start("mica", paths, threads, context) as mica, \
            engines.start(peer_name, paths, threads, context) as peer:
        kept, memory = blocks(mica, peer, test)
        row = {"test": test_name, "threads": threads, "peer": peer_name,
               "kept": len(kept), "mica_load": mica.load_seconds,
               "peer_load": peer.load_seconds,
               "mica_memory": memory[0], "peer_memory": memory[1]}
    if len(kept) >= WANTED:
        ours, theirs, least = zip(*kept)
        row.update(
            mica=test[1] / statistics.median(ours),
            peer_speed=test[1] / statistics.median(theirs),
            share=statistics.median(min(1.0, l / o)
                                    for o, _, l in kept),
            ratio=statistics.median(t / o for o, t, _ in kept))
    return row


def mixed_steps(paths, threads):
    """Returns how much longer steps of several sequences take."""
    rows = []
    with engines.start("mica", paths, threads, 512, sequences=10) as mica:
        mica.ask("depth 64")
        for name, several, one, bound in MIXED:
            pairs = [(mica.ask(f"step {several}"), mica.ask(f"step {one}"))
                     for _ in range(WANTED)]
            rows.append({"name": name, "threads": threads, "bound": bound,
                         "ratio": statistics.median(a / b for a, b in pairs)})
    return rows


def machine_section():
    """Returns the description of this machine, with its ceilings."""
    cpu = re.search(r"model name\s*: (.*)",
                    pathlib.Path("/proc/cpuinfo").read_text())[1]
    ceilings = subprocess.run(
        [ROOT / "build/bin/mica", "bench", "--machine"], text=True,
        capture_output=True).stdout
    cores = len(re.findall(r"^processor", pathlib.Path(
        "/proc/cpuinfo").read_text(), re.M))
    return (f"{cpu}, {cores} cores (a virtual machine), "
            f"Linux {platform.release()}, "
            f"{datetime.date.today().isoformat()}.\n\n```\n{ceilings}```\n")


def table(rows):
    """Returns the comparison of one model as a Markdown table."""
    out = ["| test | threads | Mica tokens/s | roofline share | peer | "
           "peer tokens/s | Mica / peer | blocks |",
           "|---|---|---|---|---|---|---|---|"]
    for row in sorted(rows, key=lambda row: (row["test"], row["threads"],
                                             row["peer"])):
        start = f"| {row['test']} | {row['threads']} "
        if "mica" not in row:
            out.append(f"{start}| inconclusive | | {row['peer']} | | | "
                       f"{row['kept']} |")
            continue
        out.append(f"{start}| {row['mica']:.1f} | {row['share']:.2f} | "
                   f"{row['peer']} | {row['peer_speed']:.1f} | "
                   f"{row['ratio']:.2f} | {row['kept']} |")
    return "\n".join(out) + "\n"


def memory_table(rows):
    """Returns load time and memory of each engine, at their most."""
    most = {}
    for row in rows:
        for engine, key in (("Mica", "mica"), (row["peer"], "peer")):
            values = (row[f"{key}_load"], *row[f"{key}_memory"])
            most[engine] = tuple(map(max, zip(most.get(engine, values),
                                              values)))
    out = ["| engine | ready after (s) | peak resident (MiB) | "
           "anonymous (MiB) |", "|---|---|---|---|"]
    out += [f"| {engine} | {load:.2f} | {peak} | {anonymous} |"
            for engine, (load, peak, anonymous) in most.items()]
    return "\n".join(out) + "\n"


def mixed_table(rows):
    out = ["| step | threads | times the other | bound for llama-1b |",
           "|---|---|---|---|"]
    out += [f"| {r['name']} | {r['threads']} | {r['ratio']:.2f} | "
            f"{r['bound']:.2f} |" for r in rows]
    return "\n".join(out) + "\n"


def write_page(results):
    """Writes docs/performance.md from all results so far."""
    parts = ["# Performance\n",
             "Written by `benchmarks/cpu.py`; its first lines say how a "
             "figure comes about. Sampling is\nexcluded on all sides. "
             "`-fa` is flash attention; `torch` is `torch.compile` of "
             "transformers'\nmodel with a static cache. Tests: pp512@0 "
             "appends 512 tokens to an empty cache, tg16@4096\ngenerates 16 "
             "tokens after 4,096. `ready` includes starting the program.\n",
             "## The machine\n", results["machine"]]
    for name, result in results["models"].items():
        parts += [f"## {name}\n", table(result["rows"])]
        if result.get("mixed"):
            parts.append(mixed_table(result["mixed"]))
        parts.append(memory_table(result["rows"]))
    (ROOT / "docs").mkdir(exist_ok=True)
    (ROOT / "docs/performance.md").write_text("\n".join(parts))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="llama-1b",
                        choices=[*models.SHAPES, "tiny-python"])
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--tests", default="tg16@0,tg16@4096,pp512@0")
    parser.add_argument("--threads", default="1,2")
    arguments = parser.parse_args()

    results = {"models": {}}
    if RESULTS.exists():
        results = json.loads(RESULTS.read_text())
    results["machine"] = machine_section()
    paths = prepare(arguments.model)
    model = results["models"].setdefault(arguments.model,
                                         {"rows": [], "mixed": []})
    for threads in map(int, arguments.threads.split(",")):
        model["mixed"] = [r for r in model["mixed"]
                          if r["threads"] != threads]
        model["mixed"] += mixed_steps(paths, threads)
        for test in arguments.tests.split(","):
            for peer in arguments.peers.split(","):
                row = compare(paths, peer, test, threads)
                print(json.dumps(row), flush=True)
                key = (test, threads, peer)
                model["rows"] = [r for r in model["rows"] if key != (
                    r["test"], r["threads"], r["peer"])] + [row]
                RESULTS.write_text(json.dumps(results, indent=1))
                write_page(results)


if __name__ == "__main__":
    main()
