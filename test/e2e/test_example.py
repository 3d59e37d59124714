"""The example model: small, licensed, and read by Mica as by transformers."""
import functools
import re

import pytest
import torch
import transformers

import kept
from conftest import ROOT

EXAMPLE = ROOT / "examples" / "tiny-python"
PROMPTS = ["import os\n", "class Reader:\n    def __init__(self, ",
           "def read(self, size=-1):\n    \"\"\"", "# Übergrößen: 10³ €\n"]
LENGTH = 64

pytestmark = pytest.mark.xdist_group("example")


@pytest.fixture(scope="module")
def artifact(compiled):
    return compiled(EXAMPLE, "--dtype=f32")


@functools.cache
def oracle():
    """Returns (model, tokenizer)."""
    return (transformers.AutoModelForCausalLM.from_pretrained(
        EXAMPLE, dtype=torch.float32).eval(),
        transformers.AutoTokenizer.from_pretrained(EXAMPLE))


def greedy(prompt):
    """Returns the oracle's text after `prompt`."""
    model, tokenizer = oracle()
    ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
    out = model.generate(ids, attention_mask=torch.ones_like(ids),
                         max_new_tokens=LENGTH, do_sample=False,
                         pad_token_id=0)
    return tokenizer.decode(out[0, ids.shape[1]:], skip_special_tokens=True)


def test_it_is_small_and_complete():
    files = {p.name: p.stat().st_size for p in EXAMPLE.iterdir()
             if p.is_file()}
    assert {"train.py", "README.md", "config.json", "model.safetensors",
            "tokenizer.json", "loss.csv", "loss.svg"} <= set(files)
    assert sum(files.values()) <= 8 << 20


def test_the_curve_falls():
    rows = [line.split(",") for line in
            (EXAMPLE / "loss.csv").read_text().splitlines()[1:]]
    held_out = [float(row[2]) for row in rows if row[2]]
    assert held_out[-1] < 0.5 * held_out[0]


@pytest.mark.parametrize("prompt", PROMPTS, ids=range(len(PROMPTS)))
def test_greedy_text(mica, artifact, prompt):
    found = mica("run", artifact, "-p", prompt, "-n", LENGTH, "--temp", "0")
    wanted = kept.value("example", [
        kept.oracle(), kept.bytes_of(EXAMPLE), prompt, LENGTH],
        lambda: greedy(prompt))
    assert found.stdout.rstrip("\n") == wanted.rstrip("\n")
    assert "tokens/s" in found.stderr


def test_any_number_of_threads(mica, artifact):
    """The text is the same on fewer workers than CPUs, as many, and more."""
    texts = {mica("run", artifact, "-p", PROMPTS[1], "-n", LENGTH, "--temp",
                  "1", "--seed", "7", "--threads", threads).stdout
             for threads in ("1", "2", "3", "7")}
    assert len(texts) == 1 and len(texts.pop()) > LENGTH


def test_it_reads_as_python(mica, artifact):
    """Three in five lines open with a word of Python, are documentation or
    comments, call, assign or continue a bracket."""
    text = mica("run", artifact, "-p", "class Reader:\n    def ", "-n", "128",
                "--temp", "0").stdout
    lines = [line.strip() for line in text.splitlines()[1:] if line.strip()]
    python = re.compile(r"(def|class|return|if|elif|else|for|while|try|except|"
                        r"finally|with|import|from|raise|pass|yield|@|#|\"\"\")"
                        r"|[\w.]+\(|[\w.]+ [-+]?= |[][(){}]|'")
    assert len(lines) >= 3
    assert sum(bool(python.match(l)) for l in lines) >= 0.6 * len(lines), text


def test_seeds_and_stops(mica, artifact):
    """A seed fixes the text, another changes it, a stop string ends it."""
    def sample(*flags):
        return mica("run", artifact, "-p", "def ", "-n", "48", *flags).stdout
    warm = ["--temp", "1.0", "--top-k", "50", "--top-p", "0.95"]
    assert sample(*warm, "--seed", "1") == sample(*warm, "--seed", "1")
    assert sample(*warm, "--seed", "1") != sample(*warm, "--seed", "2")
    whole = sample("--temp", "0")
    assert ":" in whole
    assert sample("--temp", "0", "--stop", ":").rstrip("\n") == \
        whole.split(":")[0]
