"""What cpu.py can measure, and the files that each engine reads for it.

A case is a model in one format of its weights with one type of cache and a
number of threads. All engines read the same GGUF file, but for OpenVINO, which
reads what optimum-intel makes of the same weights in the nearest format it has,
and for PyTorch, which reads the weights in bf16.
"""
import dataclasses
import math
import re
import sys

import engines
import models

ROOT = engines.ROOT
PEERS = ("llama.cpp", "llama.cpp-fa", "ik_llama.cpp", "ik_llama.cpp-fa",
         "ik_llama.cpp-fa-rtr", "openvino", "openvino-f32")
MORE_PEERS = ("torch-bf16", "torch-f32")
CACHES = ("f16", "int8")
BITS = {"bf16": 16, "q8_0": 8.5, "q4_0": 4.5, "q4_k": 4.5, "q6_k": 6.5625}
OPENVINO_KINDS = {"bf16": "bf16", "q8_0": "int8", "q4_0": "int4"}


@dataclasses.dataclass(frozen=True)
class Model:
    """formats: of the weights; "own" is the model's own GGUF file. context:
    positions of a sequence. tests: the usual ones by cache."""
    formats: tuple
    context: int
    tests: dict


MODELS = {
    "llama-1b": Model(
        ("bf16", *engines.FTYPES), models.CONTEXT,
        {"f16": ("pp512@0", "pp2048@0", "st1@0", "st2@0", "st4@0", "st8@0",
                 "st16@0", "st32@0", "mixed@64", "tg16@0", "tg16@4096",
                 "tg16@16384", "mem@4096"),
         "int8": ("tg16@0", "tg16@4096", "tg16@16384", "mem@4096")}),
    "llama-small": Model(("bf16",), models.CONTEXT,
                         {"f16": ("pp512@0", "tg64@0", "mem@512")}),
    "gemma3-270m": Model(("own",), models.CONTEXT,
                         {"f16": ("pp512@0", "tg16@0", "mem@512")}),
    "tiny-python": Model(("bf16",), 256, {"f16": ("tg64@0", "mem@64")}),
}


@dataclasses.dataclass(frozen=True)
class Test:
    """pp512@0 appends 512 tokens to an empty cache, tg16@4096 generates 16
    after 4,096, st8@0 is a step of 8 rows with the logits of each: of one
    sequence, in OpenVINO of eight. mixed@64 is a step of 8 sequences with a
    row each beside a prompt of 256, and mem@4096 the memory after
    4,096 tokens, a prompt and some decoding."""
    kind: str
    count: int
    depth: int

    @staticmethod
    def parse(text):
        found = re.fullmatch(r"(?:(pp|tg|st)([1-9]\d*)|(mixed|mem))@(\d+)",
                             text)
        if not found:
            sys.exit(f"test '{text}' unknown, expected one such as pp512@0, "
                     "tg16@4096, st8@0, mixed@64 or mem@4096")
        kind, count, other, depth = found.groups()
        return Test(kind or other, int(count or 0), int(depth))

    def __str__(self):
        return f"{self.kind}{self.count or ''}@{self.depth}"

    def line(self):
        """What an engine is asked."""
        return {"pp": f"prefill {self.count}", "tg": f"decode {self.count}",
                "st": f"rows {self.count}"}[self.kind]

    def ceiling(self):
        """Returns (steps, rows, depth, outputs) of the least work."""
        if self.kind == "tg":
            return self.count, 1, self.depth + self.count // 2, 1
        return 1, self.count, self.depth, \
            1 if self.kind == "pp" else self.count

    def tokens(self):
        """What the cache holds beyond the depth, at most."""
        return {"mixed": 1024, "mem": 1024}.get(self.kind, 2 * self.count)


@dataclasses.dataclass(frozen=True)
class Case:
    model: str
    format: str
    cache: str
    threads: int

    def __str__(self):
        return (f"{self.model} {self.format}, cache {self.cache}, "
                f"{self.threads} thread{'s' * (self.threads > 1)}")

    @property
    def folder(self):
        return engines.CACHE / self.model

    def hf_folder(self):
        if self.model == "tiny-python":
            return ROOT / "examples/tiny-python"
        models.make_model(self.model, self.folder)
        return self.folder / "hf"

    def gguf_file(self):
        if self.format == "own":
            path = ROOT / "models" / f"{self.model}.gguf"
            if not path.exists():
                sys.exit(f"{path}: not there, expected what "
                         f"scripts/get-model {self.model} fetches")
            return path
        base, hf = self.folder / "model.gguf", self.hf_folder()
        if self.model == "tiny-python" and not base.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            models.example_gguf(hf, base)
        path = self.folder / f"{self.format}.gguf"
        if self.format == "bf16":
            return base
        if not path.exists() or older(path, base):
            print(f"quantizing {path}", flush=True)
            engines.quantize(base, path, self.format, "pure")
        return path

    def mica_file(self):
        """Returns the artifact of this case. There is one for a model and a
        format at a time; a text beside it says of what."""
        source = self.gguf_file()
        words = [source, f"--kv={self.cache}", "--no-tuned",
                 f"--max-context={MODELS[self.model].context}",
                 *(["--dtype=bf16"] if self.format == "bf16" else [])]
        made_of = "\n".join([*map(str, words), compiler_version(),
                             str(source.stat().st_mtime_ns)])
        path = self.folder / f"{self.format}.mica"
        note = path.with_suffix(".mica.txt")
        if not (path.exists() and note.exists()
                and note.read_text() == made_of):
            print(f"compiling {path}", flush=True)
            self.folder.mkdir(parents=True, exist_ok=True)
            note.unlink(missing_ok=True)
            engines.run(ROOT / "build/bin/mica", "compile", *words, "-o", path)
            note.write_text(made_of)
        return path

    def openvino_folder(self):
        kind, hf = OPENVINO_KINDS[self.format], self.hf_folder()
        folder = self.folder / f"openvino-{kind}"
        done = folder / "openvino_model.xml"
        if not done.exists() or older(done, hf / "config.json"):
            print(f"converting {folder}", flush=True)
            engines.run(engines.openvino_python(),
                        ROOT / "benchmarks/openvino_driver.py", "convert", hf,
                        folder, kind)
        return folder

    def supports(self, peer, test):
        """Whether a peer can run the test here; Mica those without a peer, too.
        Steps of few rows at depth 0 are the same with and without flash
        attention, so one of the two is enough."""
        engine, *words = peer.split("-")
        if engine == "mica":
            return test.kind in ("mixed", "mem")
        if engine == "openvino":
            return self.format in OPENVINO_KINDS and test.kind != "mixed"
        if engine == "torch":
            return self.format == "bf16" and test.kind in ("pp", "tg", "mem") \
                and self.cache == "f16"
        if test.kind == "mixed" or self.cache == "int8" and "fa" not in words:
            return False
        return test.kind != "st" or "fa" in words


def sizes(case):
    """Returns bytes of the weights, parameters, and bytes of the cache for a
    token: known without a file for SHAPES, else about those of Gemma."""
    shape = models.SHAPES.get(case.model)
    if not shape:
        return 2e8, 2.7e8, 2e4
    parameters = sum(math.prod(s) for _, _, s in models.tensors(shape))
    cache = (2 * shape["num_hidden_layers"] * shape["num_key_value_heads"]
             * shape["head_dim"] * {"f16": 2, "int8": 1.125}[case.cache])
    return parameters * BITS[case.format] / 8, parameters, cache


def older(path, other):
    return path.stat().st_mtime < other.stat().st_mtime


def compiler_version():
    """Returns the version of Mica's compiler and of what makes its code."""
    header = ROOT / "build/include/mica/CompilerVersion.h"
    return re.search(r'MICA_COMPILER_VERSION "(.*)"', header.read_text())[1]
