#!/usr/bin/env python3
"""Times Mica beside its peers on this CPU and writes docs/performance.md.

    benchmarks/cpu.py [--model llama-1b] [--formats q8_0,q4_k] [--cache f16]
                      [--threads 1,2] [--peers llama.cpp-fa,openvino]
                      [--all-variants] [--list]
                      [--tests pp512@0,tg16@4096,st8@0,mem@4096]
    benchmarks/cpu.py --page-only

A block is: ceiling, Mica, peer, ceiling. It counts if its two ceilings differ
by at most 10 %; a figure is the median of 9 such blocks, and "inconclusive"
where 30 tries do not give them. What takes less than 0.3 s is done several
times in a block. The ceiling is the least time in which this machine, as
measured at that moment, can read the weights and the cache once and compute
the products. Sampling is excluded on all sides but OpenVINO's, whose step
draws the best token; cases.py says what a test and a case are, engines.py what
a peer is.

Of the peers that are one engine with several settings, each does a test once
after warming up, and only the fastest is measured; --all-variants measures
each. Left out options mean all that is usual for the model; --list prints what
would be run, with a rough time.

Results are kept in .cache/bench/results.json, each with its date and the
version of Mica's compiler (that of its code generator), so that parts can be
measured in several runs. The page leaves out those of other versions and says
how many. Equal ceilings do not show that another program takes turns on a
core, so each result has the load average of the minute before, and the page
says which ones had more than their threads account for.
"""
import argparse
import contextlib
import datetime
import itertools
import json
import os
import pathlib
import platform
import re
import statistics
import sys

import cases
import engines
import page
from cases import Case, Test

sys.path.insert(0, str(engines.ROOT / "test/e2e"))
import artifacts  # noqa: E402

ROOT = engines.ROOT
WANTED, MOST, TOLERANCE = 9, 30, 1.10
SHORT, LONG = 0.3, 5.0  # seconds: work is repeated, is not warmed up twice
# A step of several sequences, the step that it is compared with, both in rows.
SEVERAL, ONE = "1," * 8 + "256", "264"
# By engine, of one thread: bytes/s of weights and of the cache when decoding,
# operations/s of prefill. Rough, for --list alone.
RATES = {"mica": (14e9, 10e9, 7e11), "llama.cpp": (8e9, 3e9, 1.5e11),
         "ik_llama.cpp": (9e9, 5e9, 2.5e11), "openvino": (9e9, 5e9, 5e11),
         "torch": (7e9, 3e9, 4e11)}
# Likewise when a cache is filled to 16,384 tokens, attention not counted.
FILLING = 2.5e11


def ceiling(mica, test):
    """Returns the least seconds of the whole test, measured now."""
    steps, rows, depth, outputs = test.ceiling()
    return steps * mica.ask(f"ceiling {rows} {depth} {outputs}")


def warm(engine, test):
    """Brings an engine to the depth of a test; returns the seconds that the
    test takes after the first time, or then if that was long."""
    engine.ask(f"depth {test.depth}")
    seconds = engine.ask(test.line())  # compiles, faults pages in
    return engine.ask(test.line()) if seconds < LONG else seconds


def blocks(mica, peer, test):
    """Returns [(Mica's seconds, peer's, least seconds)] of the kept blocks."""
    kept = []
    times = [max(1, round(SHORT / warm(engine, test)))
             for engine in (mica, peer)]
    before = ceiling(mica, test)
    for _ in range(MOST):
        ours, theirs = (
            sum(engine.ask(test.line()) for _ in range(count)) / count
            for engine, count in zip((mica, peer), times))
        after = ceiling(mica, test)
        if max(before, after) <= TOLERANCE * min(before, after):
            kept.append((ours, theirs, min(before, after)))
        before = after
        if len(kept) == WANTED:
            break
    return kept


def compare(mica, peer, test):
    """Returns what is known of a test: speeds in tokens/s, shares of the
    roofline, and how many times the peer's speed Mica has."""
    kept = blocks(mica, peer, test)
    row = {"kept": len(kept)}
    if len(kept) == WANTED:
        ours, theirs, least = zip(*kept)
        row.update(
            mica=test.count / statistics.median(ours),
            peer_speed=test.count / statistics.median(theirs),
            share=statistics.median(min(1.0, l / o) for o, _, l in kept),
            peer_share=statistics.median(min(1.0, l / t)
                                         for _, t, l in kept),
            ratio=statistics.median(t / o for o, t, _ in kept))
    return row


def mixed_step(mica, test):
    """Returns how much longer a step of several sequences takes."""
    mica.ask(f"depth {test.depth}")
    pairs = [(mica.ask(f"step {SEVERAL}"), mica.ask(f"step {ONE}"))
             for _ in range(WANTED + 1)][1:]
    return {"ratio": statistics.median(a / b for a, b in pairs)}


def memory(name, case, test):
    """Returns seconds until an engine is ready, and what it takes in MiB after
    a depth, a prompt of 512 and 16 tokens: its peak, and the anonymous part.
    For Mica also what that may be: cache, workspace and 48 MB."""
    tokens = test.depth + test.tokens()
    with engines.start(name, case, tokens) as engine:
        for line in (f"depth {test.depth}", "prefill 512", "decode 16"):
            engine.ask(line)
        peak, anonymous = engine.memory()
        row = {"ready": engine.load_seconds, "peak": peak,
               "anonymous": anonymous}
    if name == "mica":
        row["allowed"] = (artifacts.working_bytes(
            case.mica_file(), test.depth + 512, case.threads)
            + 48_000_000) >> 20
    return row


class Results:
    """The file of all results; one for each case, test and peer."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.data = {"machine": "", "rows": []}
        if self.path.exists():
            read = json.loads(self.path.read_text())
            if "rows" not in read:
                sys.exit(f"{path}: has no 'rows', expected results of this "
                         "program; move it away to begin anew")
            self.data = read

    def add(self, case, test, peer, row):
        key = {"model": case.model, "format": case.format,
               "cache": case.cache, "threads": case.threads,
               "test": str(test), "peer": peer}
        row = key | row | {"date": datetime.date.today().isoformat(),
                           "compiler": cases.compiler_version(),
                           "load": os.getloadavg()[0]}
        print(json.dumps(row), flush=True)
        self.data["rows"] = [r for r in self.data["rows"] if any(
            r[name] != value for name, value in key.items())] + [row]
        self.save()

    def save(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".part")
        partial.write_text(json.dumps(self.data, indent=1) + "\n")
        partial.rename(self.path)


def split(case, groups, tests):
    """Yields (names, tests) for engines that run side by side. Prompts come
    first, and depths grow: what is computed for one depth serves the next.
    torch has a cache of a fixed size, all of which attention reads, so each of
    its tests has a process."""
    order = ["pp", "st", "mixed", "tg", "mem"]
    tests = sorted(tests, key=lambda t: (t.kind == "mem", t.depth,
                                         order.index(t.kind), t.count))
    yield ["mica"], [t for t in tests if case.supports("mica", t)]
    for names in groups:
        found = [t for t in tests
                 if any(case.supports(name, t) for name in names)]
        if names[0].startswith("torch"):
            yield from ((names, [test]) for test in found)
        elif found:
            yield names, found


@contextlib.contextmanager
def noting(failed, what):
    """Notes an error and goes on: the other figures are worth having."""
    try:
        yield
    except (RuntimeError, OSError, SystemExit) as error:
        failed.append(f"{what}: {error}")
        print(f"failed: {failed[-1]}", flush=True)


def measure(case, groups, tests, results, failed):
    """Runs all tests of a case with one process of Mica."""
    room = 1024 + sum(t.depth + t.tokens() for t in tests)
    with engines.start("mica", case, room) as mica:
        for names, part in split(case, groups, tests):
            with noting(failed, f"{case}: {', '.join(names)}"):
                run_tests(mica, names, case, part, results, failed)


def run_tests(mica, names, case, tests, results, failed):
    """Runs tests with one process of each of some peers; those of memory start
    others, which have done nothing else."""
    tokens = max((t.depth + t.tokens() for t in tests), default=0)
    with contextlib.ExitStack() as stack:
        running = {}
        for test in tests:
            able = [n for n in names if case.supports(n, test)]
            if test.kind == "mem":
                for name in able:
                    with noting(failed, f"{case}: {name}: {test}"):
                        results.add(case, test, name,
                                    memory(name, case, test))
            elif test.kind == "mixed":
                results.add(case, test, "mica", mixed_step(mica, test))
            else:
                for name in [n for n in able if n not in running]:
                    running[name] = None
                    with noting(failed, f"{case}: {name}"):
                        running[name] = stack.enter_context(
                            engines.start(name, case, tokens))
                name, tried = fastest({n: running[n] for n in able
                                       if running[n]}, case, test, failed)
                results.add(case, test, name, tried | compare(
                    mica, running[name], test))


def fastest(peers, case, test, failed):
    """Returns the name of the fastest peer, and what was tried if there are
    several: the seconds of each."""
    if len(peers) == 1:
        return next(iter(peers)), {}
    tried = {}
    for name, peer in peers.items():
        with noting(failed, f"{case}: {name}: {test}"):
            tried[name] = warm(peer, test)
    if not tried:
        raise RuntimeError(f"{test}: no engine runs it")
    return min(tried, key=tried.get), {"tried": tried}


def estimate(case, groups, tests):
    """Returns the seconds that a case takes, from the rates above. llama.cpp
    and ik_llama.cpp do not compute what they have in the cache."""
    seconds, parameters = 20, cases.sizes(case)[1]
    deepest = max((test.depth for test in tests), default=0)
    for names, part in split(case, groups, tests):
        engine = names[0].split("-")[0]
        seconds += 10 * len(names)
        if engine in ("mica", "openvino"):
            seconds += (2 * parameters * deepest * len(names)
                        / FILLING / case.threads)
        for test in part:
            able = sum(case.supports(name, test) for name in names)
            seconds += estimate_test(case, engine, test, able)
    return seconds


def estimate_test(case, engine, test, variants):
    weights, parameters, cache = cases.sizes(case)
    if test.kind in ("mixed", "mem"):
        return 20 * variants
    seconds = []
    for name in ("mica", engine):
        read, read_cache, compute = (r * case.threads for r in RATES[name])
        step = weights / read + test.depth * cache / read_cache
        prompt = 2 * parameters * test.count / compute
        seconds.append({"tg": test.count * step, "pp": prompt,
                        "st": step + prompt}[test.kind])
    return (2 * variants * seconds[1] + WANTED * (
        sum(max(SHORT, s) for s in seconds) + 1))


def machine_section():
    """Returns the description of this machine, with its ceilings."""
    cpu = re.search(r"model name\s*: (.*)",
                    pathlib.Path("/proc/cpuinfo").read_text())[1]
    ceilings = engines.run(ROOT / "build/bin/mica", "bench", "--machine")
    cores = len(re.findall(r"^processor", pathlib.Path(
        "/proc/cpuinfo").read_text(), re.M))
    return (f"{cpu}, {cores} cores (a virtual machine), "
            f"Linux {platform.release()}, "
            f"{datetime.date.today().isoformat()}.\n\n```\n{ceilings}```\n")


def chosen(what, text, known):
    """Returns the names of a list, each of which is known."""
    names = text.split(",")
    for name in names:
        if name not in known:
            sys.exit(f"{what} '{name}' unknown, expected {', '.join(known)}")
    return names


def plan(options):
    """Yields (case, tests) by the options, one thread first."""
    model = cases.MODELS[options.model]
    formats = chosen("format", options.formats or ",".join(model.formats),
                     model.formats)
    caches = chosen("cache", options.cache or ",".join(model.tests),
                    cases.CACHES)
    for threads in map(int, options.threads.split(",")):
        for form, cache in itertools.product(formats, caches):
            names = options.tests.split(",") if options.tests \
                else model.tests.get(cache, ())
            yield (Case(options.model, form, cache, threads),
                   [Test.parse(name) for name in names])


def show(work, groups):
    """Prints what would be run, with rough times in minutes."""
    total = 0
    for case, tests in work:
        seconds = estimate(case, groups, tests)
        total += seconds
        print(f"{case}: about {seconds / 60:.0f} minutes")
        for names, part in split(case, groups, tests):
            if part:
                print(f"  {', '.join(names)}: {' '.join(map(str, part))}")
    print(f"about {total / 3600:.1f} hours in all")


def group(options):
    """Returns lists of peers, of which the fastest is measured."""
    found = {}
    for name in chosen("peer", options.peers,
                       cases.PEERS + cases.MORE_PEERS):
        key = name if options.all_variants else name.split("-")[0]
        found.setdefault(key, []).append(name)
    return list(found.values())


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="llama-1b", choices=cases.MODELS)
    parser.add_argument("--formats", help="of the weights")
    parser.add_argument("--cache", help="f16 or int8, or both")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--peers", default=",".join(cases.PEERS))
    parser.add_argument("--all-variants", action="store_true",
                        help="measure all settings of an engine, not only "
                             "the fastest")
    parser.add_argument("--tests")
    parser.add_argument("--list", action="store_true",
                        help="print what would be run, and how long it takes")
    parser.add_argument("--results", default=engines.CACHE / "results.json")
    parser.add_argument("--page", default=ROOT / "docs/performance.md",
                        help="where the page is written, its plot beside it")
    parser.add_argument("--page-only", action="store_true",
                        help="write the page from the results, run nothing")
    return parser.parse_args()


def main():
    options = parse_options()
    work, groups = list(plan(options)), group(options)
    if options.list:
        return show(work, groups)
    results, failed = Results(options.results), []
    target = pathlib.Path(options.page), cases.compiler_version()
    if options.page_only:
        return page.write(results.data, *target)
    results.data["machine"] = machine_section()
    for case, tests in work:
        with noting(failed, case):
            measure(case, groups, tests, results, failed)
        page.write(results.data, *target)
    if failed:
        sys.exit("\n".join(["failed:", *failed]))


if __name__ == "__main__":
    main()
