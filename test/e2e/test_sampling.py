"""What `mica run` draws from the example model, beside numpy's formulas."""
import json

import numpy as np
import pytest
import tokenizers

from conftest import ROOT

EXAMPLE = ROOT / "examples" / "tiny-python"
PROMPT = "class Reader:\n    def read(self, size=-1):\n        "
LENGTH = 48

pytestmark = pytest.mark.xdist_group("example")


@pytest.fixture(scope="module")
def artifact(compiled):
    return compiled(EXAMPLE, "--dtype=f32")


@pytest.fixture(scope="module")
def tokenizer():
    return tokenizers.Tokenizer.from_file(str(EXAMPLE / "tokenizer.json"))


@pytest.fixture
def generate(mica, artifact, tmp_path, tokenizer, evaluate):
    """Returns a function: flags -> (prompt ids, lines of --logprobs, the
    model's logits before each token)."""
    def run(*flags, best=0):
        file = tmp_path / "log.jsonl"
        mica("run", artifact, "-p", PROMPT, "-n", LENGTH, "--logprobs", best,
             "--logprobs-file", file, *flags)
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        prompt = tokenizer.encode(PROMPT).ids
        ids = prompt + [line["id"] for line in lines]
        logits = evaluate(artifact, np.array([ids], "i4"))[0]
        return prompt, lines, logits[len(prompt) - 1:-1]
    return run


def log_softmax(row):
    row = row.astype(np.float64)
    return row - row.max() - np.log(np.exp(row - row.max()).sum())


def test_log_probabilities_are_the_models(generate, tokenizer):
    """Whatever the temperature and the penalties are."""
    _, lines, logits = generate("--temp", "1.5", "--repeat-penalty", "1.2",
                                "--top-k", "20", "--seed", "5", best=3)
    assert len(lines) == LENGTH
    for line, row in zip(lines, logits):
        wanted = log_softmax(row)
        assert abs(line["logprob"] - wanted[line["id"]]) < 1e-4
        assert bytes(line["bytes"]).decode(errors="replace") == line["token"]
        assert line["token"] == tokenizer.decode([line["id"]])
        best = [token["logprob"] for token in line["top_logprobs"]]
        np.testing.assert_allclose(best, np.sort(wanted)[::-1][:3], atol=1e-4)


def test_log_probabilities_on_standard_error(mica, artifact):
    result = mica("run", artifact, "-p", PROMPT, "-n", "2", "--logprobs", "1")
    lines = result.stderr.splitlines()
    assert len(lines) == 3 and "tokens/s" in lines[2]
    token = json.loads(lines[0])
    assert token["top_logprobs"][0]["id"] == token["id"]  # the best is taken


def test_penalties(generate):
    """The prompt counts, in the last 20 tokens."""
    prompt, lines, logits = generate(
        "--repeat-penalty", "1.3", "--frequency-penalty", "0.5",
        "--presence-penalty", "0.25", "--repeat-last-n", "20")
    ids, changed = list(prompt), 0
    for line, row in zip(lines, logits):
        found = row.copy()
        for token in set(ids[-20:]):
            found[token] *= 1.3 if found[token] <= 0 else 1 / 1.3
            found[token] -= 0.5 * ids[-20:].count(token) + 0.25
        assert line["id"] == found.argmax()
        changed += line["id"] != row.argmax()
        ids.append(line["id"])
    assert changed > 3


def dry(ids, breakers, multiplier, base, allowed):
    """Returns what is subtracted, {token: number}, by trying all repeats."""
    limit = next((n for n, token in enumerate(reversed(ids))
                  if token in breakers), len(ids))
    off = {}
    for end in range(1, len(ids)):
        n = 0
        while n < min(end, limit) and ids[end - 1 - n] == ids[-1 - n]:
            n += 1
        if n >= allowed and ids[end] not in breakers:
            off[ids[end]] = max(off.get(ids[end], 0),
                                multiplier * base ** (n - allowed))
    return off


@pytest.mark.parametrize("breakers", [["\\n", ":", '"', "*"], ["none"], ["("]])
def test_dry(generate, tokenizer, breakers):
    flags = [flag for breaker in breakers
             for flag in ("--dry-sequence-breaker", breaker)]
    if len(breakers) == 4:
        flags = []  # the default
    prompt, lines, logits = generate("--dry-multiplier", "3", "--dry-base",
                                     "1.5", "--dry-allowed-length", "1", *flags)
    texts = [text.replace("\\n", "\n") for text in breakers if text != "none"]
    ends = {token for token in range(tokenizer.get_vocab_size())
            if any(text in tokenizer.decode([token]) for text in texts)}
    ids, changed = list(prompt), 0
    for line, row in zip(lines, logits):
        found = row.copy()
        for token, off in dry(ids, ends, 3, 1.5, 1).items():
            found[token] -= off
        assert line["id"] == found.argmax()
        changed += line["id"] != row.argmax()
        ids.append(line["id"])
    assert changed > 0


def test_bias_of_an_id_and_of_a_text(mica, artifact, tokenizer):
    def text(*flags):
        return mica("run", artifact, "-p", PROMPT, "-n", LENGTH, *flags).stdout
    newline = tokenizer.token_to_id("Ċ")
    assert "\n" in text()[:-1]
    wanted = tokenizer.decode([newline]) * LENGTH + "\n"
    assert text("--logit-bias", f"{newline}+1e3") == wanted
    assert text("--logit-bias", "\n+1000") == wanted
    assert "self" in text()
    ids = [token for token in range(tokenizer.get_vocab_size())
           if "self" in tokenizer.decode([token])]
    banned = [flag for token in ids
              for flag in ("--logit-bias", f"{token}-inf")]
    assert "self" not in text(*banned)


@pytest.mark.parametrize("flags", [
    ["--temp", "1", "--min-p", "0.02"], ["--temp", "1", "--typical", "0.9"],
    ["--temp", "1", "--xtc-probability", "0.5"],
    ["--temp", "1", "--top-n-sigma", "2"],
    ["--temp", "1", "--dynatemp-range", "0.5"],
    ["--temp", "1", "--mirostat", "1"], ["--temp", "1", "--mirostat", "2"],
    ["--samplers", "min_p;top_k", "--top-k", "50", "--min-p", "0.01"]],
    ids=lambda flags: flags[-2])
def test_a_seed_fixes_the_text(mica, artifact, flags):
    def text(seed):
        return mica("run", artifact, "-p", "def ", "-n", "32", "--seed", seed,
                    *flags).stdout
    assert text(1) == text(1)
    assert text(1) != text(2)


@pytest.mark.parametrize("flags,message", [
    (["--temp", "-1"], "--temp: -1, expected 0 to 1000"),
    (["--top-p", "1.5"], "--top-p: 1.5, expected 0 to 1"),
    (["--min-p", "nan"], "--min-p: nan, expected 0 to 1"),
    (["--repeat-penalty", "0"],
     "--repeat-penalty: 0, expected a finite number above 0"),
    (["--repeat-last-n", "-2"], "--repeat-last-n: -2, expected -1 or more"),
    (["--frequency-penalty", "inf"],
     "--frequency-penalty: inf, expected a finite number"),
    (["--dry-base", "0.5"], "--dry-base: 0.5, expected 1 to 1000"),
    (["--mirostat", "3"], "--mirostat: 3, expected 0, 1 or 2"),
    (["--mirostat", "2"],
     "--mirostat: temperature is 0, expected --temp above 0"),
    (["--mirostat", "2", "--temp", "1", "--top-k", "3"],
     "--mirostat: given together with --top-k, expected one of the two"),
    (["--samplers", "top_k;tfs"],
     "--samplers: stage 'tfs', expected one of penalties, dry, top_n_sigma, "
     "top_k, typ_p, top_p, min_p, xtc, temperature"),
    (["--logit-bias", "99999999+1"],
     "--logit-bias: token 99999999, expected 0 to 2047"),
    (["--logit-bias", "self"], "--logit-bias: 'self', expected ID+N or TEXT-N"),
    (["--logit-bias", "5+nan"],
     "--logit-bias: '5+nan', expected ID+N or TEXT-N"),
    (["--logprobs", "1", "--logprobs-file", "none/l.jsonl"], "none/l.jsonl"),
], ids=lambda value: value[0] if isinstance(value, list) else "")
def test_impossible_options(mica, artifact, tmp_path, flags, message):
    result = mica("run", artifact, "-p", "x", *flags, fails=True, cwd=tmp_path)
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.startswith(f"mica: {message}"), result.stderr
    assert result.stderr.count("\n") == 1
