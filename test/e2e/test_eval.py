"""`mica eval` on the example model, recomputed in numpy from --logits."""
import json
import shutil
import xml.etree.ElementTree

import numpy as np
import pytest
import tokenizers

from conftest import ROOT

EXAMPLE = ROOT / "examples" / "tiny-python"
CONTEXT = 48

pytestmark = pytest.mark.xdist_group("example")


@pytest.fixture(scope="module")
def artifact(compiled):
    return compiled(EXAMPLE, "--dtype=f32")


@pytest.fixture(scope="module")
def started(compiled, tmp_path_factory):
    """The same with a start token, id 0, before every text."""
    folder = tmp_path_factory.mktemp("started") / "model"
    shutil.copytree(EXAMPLE, folder)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    name = tokenizer["added_tokens"][0]["content"]
    tokenizer["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": name, "type_id": 0}},
                   {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}},
                 {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {name: {"id": name, "ids": [0], "tokens": [name]}}}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    config = json.loads((folder / "config.json").read_text())
    config["bos_token_id"] = 0
    (folder / "config.json").write_text(json.dumps(config))
    return compiled(folder, "--dtype=f32")


@pytest.fixture(scope="module")
def quantized(compiled):
    return compiled(EXAMPLE, "--quant=q4_0")


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text.py"
    path.write_text((ROOT / "benchmarks" / "plot.py").read_text()[:1500])
    return path


@pytest.fixture(scope="module")
def ids(text):
    tokenizer = tokenizers.Tokenizer.from_file(str(EXAMPLE / "tokenizer.json"))
    return tokenizer.encode(text.read_text(), add_special_tokens=False).ids


def log_softmax(logits):
    logits = logits.astype(np.float64)
    logits = logits - logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def estimate(values):
    """Returns the mean and its standard error, as llama.cpp computes them."""
    mean = np.mean(values)
    variance = np.mean(np.square(values)) - mean ** 2
    return mean, np.sqrt(max(variance, 0) / (len(values) - 1))


def windows_of(ids, start=(), stride=0, every=False):
    """Returns (tokens, indices of scored distributions) of each window.
    `start`: the token before a text, or nothing."""
    start = list(start)
    whole = start + ids
    if every:
        own = CONTEXT - len(start)
        parts = [start + ids[at:at + own] for at in range(0, len(ids), own)]
        return [(part, range(len(part) - 1)) for part in parts]
    if stride:
        return [(whole[at:at + CONTEXT],
                 range(CONTEXT - stride - 1, CONTEXT - 1))
                for at in range(0, len(whole) - CONTEXT, stride)]
    return [(start + whole[at + len(start):at + CONTEXT],
             range(CONTEXT // 2, CONTEXT - 1))
            for at in range(0, len(whole) - CONTEXT + 1, CONTEXT)]


@pytest.fixture
def rows_of(evaluate):
    """Returns a function: (artifact, windows) -> (log probabilities of the
    scored distributions, the tokens that came)."""
    def run(path, windows):
        rows, tokens = [], []
        for part, scored in windows:
            found = log_softmax(evaluate(path, np.array([part], "i4"))[0])
            rows += [found[i] for i in scored]
            tokens += [part[i + 1] for i in scored]
        return np.array(rows), np.array(tokens)
    return run


MODES = {"halves": ([], 0, False), "stride": (["--stride", 20], 20, False),
         "every token": (["--every-token"], 0, True)}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("start", [(), (0,)], ids=["no start", "start"])
def test_perplexity(mica, artifact, started, text, ids, rows_of, start, mode):
    flags, stride, every = MODES[mode]
    artifact = started if start else artifact
    windows = windows_of(ids, start, stride, every)
    rows, tokens = rows_of(artifact, windows)
    mean, error = estimate(-rows[np.arange(len(tokens)), tokens])
    common = ["eval", artifact, "--text", text, "--ctx", CONTEXT, *flags]
    found = json.loads(mica(*common, "--json").stdout)
    assert found["tokens"] == len(tokens) > 100
    assert found["windows"] == len(windows) > 4
    assert found["nll"] == pytest.approx(mean, abs=1e-6)
    assert found["perplexity"] == pytest.approx(np.exp(mean), rel=1e-6)
    assert found["perplexity_error"] == pytest.approx(error * np.exp(mean),
                                                      rel=1e-4)
    shown = mica(*common, "--chunk", 7)
    name, value = shown.stdout.split()[:2]
    assert name == "perplexity"
    assert float(value) == pytest.approx(np.exp(mean), rel=1e-6)
    # The estimate after each window goes to standard error.
    running = shown.stderr.rstrip("\n").split(",")
    assert len(running) == len(windows)
    last, value = running[-1].split("]")
    assert last == f"[{len(windows)}"
    assert float(value) == pytest.approx(np.exp(mean), rel=1e-5)


def check_divergence(found, base, other, tokens, predicts):
    """`base`, `other`: log probabilities [positions, V]."""
    kl = (np.exp(base) * (base - other)).sum(-1)
    same = base.argmax(-1) == other.argmax(-1)
    mean, error = estimate(kl)
    assert found["kl"]["positions"] == len(kl)
    assert found["kl"]["mean"] == pytest.approx(mean, rel=1e-5)
    assert found["kl"]["standard_error"] == pytest.approx(error, rel=1e-4)
    for name, share in (("median", .5), ("p90", .9), ("p99", .99),
                        ("p999", .999), ("max", 1)):
        assert found["kl"][name] == pytest.approx(np.quantile(kl, share),
                                                  rel=1e-4)
    assert found["agreement"] == pytest.approx(same.mean())
    assert found["agreement_error"] == pytest.approx(estimate(same)[1],
                                                     rel=1e-4)
    rows = np.flatnonzero(predicts)
    nll = -other[rows, tokens[rows]]
    of_base = -base[rows, tokens[rows]]
    assert found["nll"] == pytest.approx(nll.mean(), abs=1e-6)
    assert found["against"]["nll"] == pytest.approx(of_base.mean(), abs=1e-6)
    ratio, error = estimate(nll - of_base)
    assert found["ratio"] == pytest.approx(np.exp(ratio), rel=1e-6)
    assert found["ratio_error"] == pytest.approx(np.exp(ratio) * error,
                                                 rel=1e-4)


def test_against_a_model(mica, artifact, quantized, text, ids, rows_of,
                         tmp_path):
    windows = windows_of(ids)
    base, tokens = rows_of(artifact, windows)
    other, _ = rows_of(quantized, windows)
    result = mica("eval", quantized, "--text", text, "--ctx", CONTEXT,
                  "--against", artifact, "--json", "--plot",
                  tmp_path / "kl.svg")
    check_divergence(json.loads(result.stdout), base, other, tokens,
                     np.full(len(tokens), True))
    svg = xml.etree.ElementTree.parse(tmp_path / "kl.svg")
    labels = [node.text for node in svg.iter() if node.tag.endswith("}text")]
    assert "KL divergence of a position, in nats" in labels
    assert "share of positions" in labels
    assert not list(tmp_path.glob("kl.svg.*"))


@pytest.mark.parametrize("skip", [0, 1, 5])
def test_against_logits(mica, artifact, quantized, evaluate, tmp_path, skip):
    """Models and files in any pairing; the last position has no next token."""
    tokens = np.random.default_rng(1).integers(0, 2048, (3, 40)).astype("i4")
    files = {}
    for name, path in (("base", artifact), ("other", quantized)):
        files[name] = tmp_path / f"{name}.npy"
        np.save(files[name], evaluate(path, tokens))
    base, other = (log_softmax(np.load(file))[:, skip:].reshape(-1, 2048)
                   for file in files.values())
    following = np.roll(tokens, -1, 1)[:, skip:].ravel()
    predicts = np.tile(np.arange(skip, 40) < 39, 3)
    np.save(tmp_path / "t.npy", tokens)
    for first in (quantized, files["other"]):
        for second in (artifact, files["base"]):
            found = json.loads(mica(
                "eval", first, "--tokens", tmp_path / "t.npy", "--against",
                second, "--skip", skip, "--json", "--chunk", 9).stdout)
            check_divergence(found, base, other, following, predicts)


def test_a_model_against_itself(mica, artifact, text):
    result = mica("eval", artifact, "--text", text, "--text", text, "--ctx", 64,
                  "--against", artifact, "--limit", "300")
    lines = result.stdout.splitlines()
    assert "ratio 1.000000 +/- 0.000000" in lines[1]
    assert lines[2].startswith("KL divergence 0 +/- 0 (")
    assert lines[3] == "same best token 100.00 +/- 0.00 %"


def test_one_token_predicts_nothing(mica, artifact, tmp_path):
    np.save(tmp_path / "t.npy", np.zeros((1, 1), "i4"))
    common = ["eval", artifact, "--tokens", tmp_path / "t.npy", "--against",
              artifact]
    assert mica(*common).stdout.startswith("KL divergence 0 +/- 0 (1 positions")
    found = json.loads(mica(*common, "--json").stdout)
    assert found["kl"]["positions"] == 1 and "perplexity" not in found


def test_errors(mica, artifact, started, compiled, made, text, tmp_path):
    other = compiled(made("llama", "grouped", "f32"))
    short = tmp_path / "short.txt"
    short.write_text("x = 1\n")
    np.save(tmp_path / "t.npy", np.zeros((1, 4), "i4"))
    np.save(tmp_path / "l.npy", np.zeros((1, 5, 2048), "f4"))
    np.save(tmp_path / "n.npy", np.full((1, 4, 2048), np.nan, "f4"))
    tokens = ["--tokens", tmp_path / "t.npy"]

    def refused(message, model, *flags):
        result = mica("eval", model, *flags, fails=True)
        assert result.returncode == 1
        assert result.stderr.endswith(f"{message}\n"), result.stderr
        assert result.stderr.count("\n") == 1
    refused(f"{other}: vocabulary has 251 tokens, expected 2048 as in "
            f"{artifact}", artifact, *tokens, "--against", other)
    refused(f"mica: {short}: text has 4 tokens, expected 512 or more (--ctx)",
            artifact, "--text", short)
    refused("mica: --stride: 64 tokens, expected fewer than the 64 of --ctx",
            artifact, "--text", text, "--ctx", 64, "--stride", 64)
    refused("mica: --skip: 4 tokens, expected fewer than the 4 of a sequence",
            artifact, *tokens, "--against", artifact, "--skip", 4)
    refused(f"mica: {tmp_path}/l.npy: shape is [1, 5, 2048], expected [1, 4, "
            "vocabulary] as the tokens have", artifact, *tokens, "--against",
            tmp_path / "l.npy")
    refused("mica: eval: logits after token 0 of window 0 are not finite, "
            "expected finite ones", artifact, *tokens, "--against",
            tmp_path / "n.npy")
    refused(f"mica: {tmp_path}/l.npy: logits beside --text, expected an "
            "artifact, or --tokens", artifact, "--text", text, "--against",
            tmp_path / "l.npy")
    refused(f"mica: {tmp_path}/l.npy: logits without --against, expected an "
            "artifact", tmp_path / "l.npy", "--text", text)
    refused("mica: eval: --logits given together with --against, expected one "
            "of the two", artifact, *tokens, "--logits", tmp_path / "x.npy",
            "--against", artifact)
    refused("mica: eval: --json given together with --logits, expected one of "
            "the two", artifact, *tokens, "--logits", tmp_path / "x.npy",
            "--json")
    refused("mica: eval: --skip given together with --text, expected --tokens",
            artifact, "--text", text, "--against", artifact, "--skip", 1)
    refused(f"mica: {started}: tokenizer gives other ids for the text, expected "
            f"those of {artifact}", artifact, "--text", text, "--ctx", CONTEXT,
            "--against", started)
    np.save(tmp_path / "t.npy", np.full((1, 4), 2048, "i4"))
    refused(f"mica: {tmp_path}/t.npy: token is 2048, expected 0 to 2047",
            artifact, *tokens, "--against", artifact)
    assert not (tmp_path / "x.npy").exists()
