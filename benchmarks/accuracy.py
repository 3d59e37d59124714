#!/usr/bin/env python3
"""How far quantized arithmetic moves the next-token distributions of Gemma 3.

    benchmarks/accuracy.py [--files own,q8_0,q4_0,q4_k,q6_k] [--tokens 10000]
                           [--engines Mica "Mica, int8 cache" ...]
                           [--threads 1] [--json OUT.json]

Every engine reads the same GGUF file: models/gemma3-270m.gguf, or what the
quantizer of llama.cpp makes of it, and the same token ids: of the files of
TEXTS, in windows of 512 that begin with the model's start token in an empty
cache; Mica also in steps of 64 tokens, which on a CPU with tiles of floats are
computed in integers where longer ones are not. What is compared are the
distributions after each token of the text, with those of Mica in f32 (--dtype=f32 --activations=f32) on the same file. So the
error of the weights is in neither, and KL(f32 || engine) measures activations,
cache and sums alone. `mica eval --against` computes it, in float64.
"""
import argparse
import contextlib
import json
import pathlib
import subprocess
import tempfile

import numpy as np

import engines

ROOT = engines.ROOT
MODEL = ROOT / "models" / "gemma3-270m.gguf"
FOLDER = engines.CACHE / "accuracy"
TEXTS = ("README.md", "docs/architecture.md", "docs/debugging.md",
         "docs/adding-a-model.md", "examples/tiny-python/train.py",
         "lib/Format/Format.h", "test/e2e/oracle.py", "LICENSE")
START, WINDOW, SLICE = 2, 512, 32
EXACT = ["--dtype=f32", "--activations=f32"]
# What `compile` is given, and `eval`.
MICA = {"Mica": ([], []), "Mica, 64 a step": ([], ["--chunk=64"]),
        "Mica, f32 cache": (["--dtype=f32"], []),
        "Mica, int8 cache": (["--kv=int8"], []),
        "Mica, int8 cache, 64 a step": (["--kv=int8"], ["--chunk=64"]),
        "Mica, int4 cache": (["--kv=int4"], [])}
LLAMA = {"llama.cpp": "f16", "llama.cpp, f32 cache": "f32"}


class Divergence:
    """What is known of an engine's distributions beside the exact ones."""

    def __init__(self):
        self.count = self.total = self.squares = self.agreed = self.most = 0

    def add(self, found):
        """found: what `mica eval --against` says of a window."""
        kl = found["kl"]
        count, mean = kl["positions"], kl["mean"]
        # The standard error's square is (mean of squares - square of mean) /
        # (count - 1).
        variance = kl["standard_error"] ** 2 * (count - 1)
        self.count += count
        self.total += count * mean
        self.squares += count * (variance + mean ** 2)
        self.most = max(self.most, kl["max"])
        self.agreed += count * found["agreement"]

    def summary(self):
        mean = self.total / self.count
        variance = max(self.squares / self.count - mean ** 2, 0)
        return {"tokens": self.count, "mean": mean,
                "standard_error": (variance / (self.count - 1)) ** 0.5,
                "max": self.most, "agreement": self.agreed / self.count}


def gguf_file(name):
    """Returns the file of that name, made by llama.cpp if it is not there."""
    if name == "own":
        return MODEL
    path = FOLDER / f"{name}.gguf"
    if not path.exists():
        engines.quantize(MODEL, path, name)
    return path


def windows(mica, count):
    """Returns lists of ids: the start token, then a part of the text."""
    text = "\n".join((ROOT / name).read_text() for name in TEXTS)
    found = subprocess.run([mica, "tokenize", MODEL, "--ids", "--no-special"],
                           input=text, text=True, capture_output=True,
                           check=True)
    ids = [int(word) for word in found.stdout.split()][:count]
    if len(ids) < count:
        raise SystemExit(f"the texts have {len(ids)} tokens, expected {count}")
    size = WINDOW - 1
    return [[START] + ids[at:at + size] for at in range(0, count, size)]


class Mica:
    """A compiled model."""

    def __init__(self, program, path, folder, options, flags=()):
        self.flags = flags
        self.model = folder / f"{len(list(folder.iterdir()))}.mica"
        engines.run(program, "compile", path, "-o", self.model,
                    "--max-context=1024", *options)

    def source(self, ids):
        """Returns what `mica eval` reads, for a window."""
        return self.model


class Llama:
    """llama.cpp, as a process that writes logits."""

    def __init__(self, path, cache, threads, vocabulary, folder, stack):
        command = [engines.logits_driver(), path, threads, WINDOW, cache]
        self.process = stack.enter_context(subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL))
        stack.callback(self.process.kill)
        self.vocabulary, self.file = vocabulary, folder / "peer.npy"
        self.flags = ()

    def source(self, ids):
        """Returns a file of the window's logits, which the next one replaces."""
        self.process.stdin.write((" ".join(map(str, ids)) + "\n").encode())
        self.process.stdin.flush()
        rows = np.lib.format.open_memmap(
            self.file, "w+", np.float32, (1, len(ids), self.vocabulary))[0]
        for at in range(0, len(ids), SLICE):
            part = rows[at:at + SLICE]
            if self.process.stdout.readinto(part) < part.nbytes:
                raise SystemExit(f"llama.cpp ended ({self.process.wait()})")
        return self.file


def compare(program, name, texts, threads, wanted_engines):
    """Returns {engine: summary} of one GGUF file."""
    path = gguf_file(name)
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(
            tempfile.TemporaryDirectory(dir=FOLDER)))
        tokens, logits = folder / "t.npy", folder / "exact.npy"

        def evaluate(model, ids, *flags):
            np.save(tokens, np.array([ids], dtype=np.int32))
            return engines.run(program, "eval", model, "--tokens", tokens,
                               "--threads", threads, *flags)
        exact = Mica(program, path, folder, EXACT).model
        evaluate(exact, [START], "--logits", logits)
        vocabulary = np.load(logits, mmap_mode="r").shape[-1]
        peers = {engine: Mica(program, path, folder, options, flags)
                 for engine, (options, flags) in MICA.items()
                 if engine in wanted_engines}
        peers |= {engine: Llama(path, cache, threads, vocabulary, folder, stack)
                  for engine, cache in LLAMA.items()
                  if engine in wanted_engines}
        found = {engine: Divergence() for engine in peers}
        for ids in texts:
            evaluate(exact, ids, "--logits", logits)
            for engine, peer in peers.items():
                # After the start token nothing of the text is known.
                said = evaluate(peer.source(ids), ids, "--against", logits,
                                "--skip", 1, "--json", *peer.flags)
                found[engine].add(json.loads(said))
    return {engine: d.summary() for engine, d in found.items()}


def table(results):
    yield ("| file | engine | mean KL | standard error | max KL "
           "| same best token |")
    yield "|---|---|---|---|---|---|"
    for name, engines_found in results.items():
        for engine, d in engines_found.items():
            yield (f"| {name} | {engine} | {d['mean']:.3g} | "
                   f"{d['standard_error']:.1g} | {d['max']:.3g} | "
                   f"{100 * d['agreement']:.2f} % |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", default="own," + ",".join(engines.FTYPES))
    parser.add_argument("--tokens", type=int, default=10_000)
    parser.add_argument("--engines", nargs="*", default=[*MICA, *LLAMA],
                        choices=[*MICA, *LLAMA], metavar="ENGINE")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--mica", default=ROOT / "build/bin/mica")
    parser.add_argument("--json", help="a file for the figures")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    texts = windows(options.mica, options.tokens)
    print(f"{options.tokens} tokens of {', '.join(TEXTS)} in {len(texts)} "
          "windows", flush=True)
    results = {}
    for name in options.files.split(","):
        results[name] = compare(options.mica, name, texts, options.threads,
                                options.engines)
        print("\n".join(list(table({name: results[name]}))[2:]), flush=True)
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps(
                {"texts": TEXTS, "results": results}, indent=1) + "\n")
    print("\n".join(table(results)))


if __name__ == "__main__":
    main()
