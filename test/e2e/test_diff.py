"""`mica diff`: silent on right models, and it names what is made wrong.

A checkpoint that is changed after it was compiled stands for a compiler that
computes something else than it says: `--checkpoint` gives the reference the
changed one.
"""
import json
import shutil

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers

import checkpoints
from conftest import ROOT

MODELS = [("llama", "grouped"), ("gemma3", "windows"), ("gpt2", "odd")]


@pytest.fixture
def artifact(made, compiled):
    """Returns a function: (family, shape, dtype) -> its artifact."""
    return lambda family, name, dtype: compiled(made(family, name, "f32"),
                                                f"--dtype={dtype}")


@pytest.fixture
def tokens(tmp_path):
    """Returns a function: (family, shape) -> a file of tokens."""
    def save(family, name):
        path = tmp_path / "tokens.npy"
        np.save(path, checkpoints.tokens_of(family, name, 2, 24))
        return path
    return save


@pytest.fixture
def diff(mica, artifact, tokens):
    """Returns a function: (family, shape, dtype, flags) -> what --json says."""
    def run(family, name, dtype, *flags):
        result = mica("diff", artifact(family, name, dtype), "--tokens",
                      tokens(family, name), "--json", *flags,
                      fails=True, guard=True)
        assert result.returncode in (0, 1), result.stderr
        found = json.loads(result.stdout)
        assert result.returncode == (found["first"] is not None)
        return found
    return run


@pytest.mark.parametrize("flags", [[], ["--decode-from", "5"],
                                   ["--threads", "1"]],
                         ids=["whole", "decoded", "alone"])
@pytest.mark.parametrize("dtype", ["f32", "bf16"])
@pytest.mark.parametrize("family,name", MODELS)
def test_a_right_model_is_within(diff, made, family, name, dtype, flags):
    found = diff(family, name, dtype, "--reference", "--checkpoint",
                 made(family, name, "f32"), *flags)
    assert found["first"] is None
    layers = checkpoints.make_config(family, name).num_hidden_layers
    seen = {(o["layer"], o["names"].split(", ")[0]) for o in found["ops"]}
    for layer in range(layers):
        assert {(layer, op) for op in (
            "attention_norm", "query", "key", "value", "attention",
            "attention_output", "up", "down")} <= seen
    assert found["ops"][0]["layer"] == found["ops"][-1]["layer"] == -1
    # What is stored unrounded is held to f32 whatever the model's type.
    assert min(o["tolerance"] for o in found["ops"]) < 2e-5


@pytest.mark.parametrize("flags", [[], ["--decode-from", "5"]],
                         ids=["whole", "decoded"])
@pytest.mark.parametrize("kv", ["f16", "int8", "int4"])
@pytest.mark.parametrize("family,name", MODELS[1:] + [
    ("llama", "scaled"), ("llama", "biased")])
def test_caches(mica, made, compiled, tokens, family, name, kv, flags):
    """A cache of fewer bits: the reference rounds keys and values likewise."""
    checkpoint = made(family, name, "f32")
    artifact = compiled(checkpoint, "--dtype=f32", f"--kv={kv}")
    found = json.loads(mica(
        "diff", artifact, "--tokens", tokens(family, name), "--json",
        "--reference", "--checkpoint", checkpoint, *flags, guard=True).stdout)
    assert found["first"] is None


@pytest.mark.parametrize("quant", ["q8_0", "q4_0", "q4_k", "q6_k", "w5g48m"])
def test_many_rows(mica, compiled, tmp_path, quant):
    """Rows enough for tiles of floats, if the machine has such: the reference
    rounds rows and weights likewise."""
    checkpoint = ROOT / "examples" / "tiny-python"
    artifact = compiled(checkpoint, f"--quant={quant}")
    ids = np.random.default_rng(1).integers(0, 250, (1, 107), dtype=np.int32)
    np.save(tmp_path / "ids.npy", ids)
    found = json.loads(mica(
        "diff", artifact, "--tokens", tmp_path / "ids.npy", "--json",
        "--reference", "--checkpoint", checkpoint, guard=True).stdout)
    assert found["first"] is None


@pytest.mark.parametrize("fields", [
    "rows = [12, 8, 1], panels = [2, 2, 4], block = 96",
    "rows = [24, 16, 4, 1], panels = [4, 2, 4, 4], block = 96, depth = 128",
    "rows = [4, 1], panels = [4, 4], block = 40, depth = 128"])
def test_many_rows_by_any_schedule(mica, compiled, tmp_path, fields):
    """Rows of a long step are floats whatever the schedule was made for."""
    parts = fields.split(", depth")
    depth = ", depth" + parts[1] if len(parts) > 1 else ""
    (tmp_path / "s.mlir").write_text(
        "module attributes {tile.schedules = [{op = \"tile.contract\", weight = "
        f"i8, input = i8, schedule = #tile.schedule<{parts[0]}, unit = 64, "
        f"unroll = 1, prefetch = 0{depth}>}}]}} {{}}")
    checkpoint = ROOT / "examples" / "tiny-python"
    artifact = compiled(checkpoint, "--quant=q4_0",
                        f"--schedules={tmp_path / 's.mlir'}")
    ids = np.random.default_rng(1).integers(0, 250, (1, 107), dtype=np.int32)
    np.save(tmp_path / "ids.npy", ids)
    found = json.loads(mica(
        "diff", artifact, "--tokens", tmp_path / "ids.npy", "--json",
        "--reference", "--checkpoint", checkpoint, guard=True).stdout)
    assert found["first"] is None


def changed(directory, to, config=None, **tensors):
    """Copies a checkpoint; `config` changes its config.json, and each function
    in `tensors` the tensor whose name ends so (dots as __)."""
    shutil.copytree(directory, to)
    text = json.loads((to / "config.json").read_text())
    if config:
        config(text)
    (to / "config.json").write_text(json.dumps(text))
    for path in to.glob("*.safetensors"):
        state = safetensors.torch.load_file(path)
        for name, tensor in state.items():
            for suffix, change in tensors.items():
                if name.endswith(suffix.replace("__", ".")):
                    change(tensor)
        safetensors.torch.save_file(state, path, metadata={"format": "pt"})
    return to


def negate_one(tensor):
    tensor.view(-1)[tensor.numel() // 3] *= -1


def scale_one(tensor):
    tensor.view(-1)[5] *= 1.1


def factor(key, times):
    def change(config):
        config[key] *= times
    return change


# family, shape, dtype, change -> the layer and the ops that are named.
MISTAKES = {
    "a weight of down": ("llama", "grouped", "bf16", dict(
        layers__1__mlp__down_proj__weight=negate_one), 1, "down, add#3"),
    "a weight of value": ("llama", "grouped", "bf16", dict(
        layers__1__self_attn__v_proj__weight=negate_one), 1, "value"),
    "a weight of gate": ("llama", "grouped", "f32", dict(
        layers__0__mlp__gate_proj__weight=negate_one), 0, "gate, div"),
    "a norm": ("gemma3", "windows", "bf16", dict(
        layers__2__post_attention_layernorm__weight=scale_one), 2,
        "attention_output, post_attention_norm, add"),
    "an embedding": ("gpt2", "odd", "f32", dict(wpe__weight=scale_one), -1,
                     "position_embedding, add"),
    "a key bias": ("gpt2", "odd", "bf16", dict(
        h__1__attn__c_attn__bias=lambda b: b[75:150].mul_(1.5)), 1, "key"),
    "theta": ("llama", "grouped", "f32", dict(
        config=factor("rope_theta", 1.01)), 0, "query, rope"),
    "eps": ("llama", "grouped", "f32", dict(
        config=factor("rms_norm_eps", 10)), 0, "attention_norm"),
    "the scale of scores": ("gemma3", "windows", "bf16", dict(
        config=factor("query_pre_attn_scalar", 1.1)), 0, "attention"),
    "a window": ("gemma3", "windows", "f32", dict(
        config=factor("sliding_window", 2)), 0, "attention"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(diff, made, tmp_path, mistake):
    family, name, dtype, change, layer, names = MISTAKES[mistake]
    wrong = changed(made(family, name, "f32"), tmp_path / "wrong", **change)
    found = diff(family, name, dtype, "--reference", "--checkpoint", wrong)
    first = found["first"]
    assert (first["layer"], first["names"]) == (layer, names)
    assert first["ratio"] > 1
    if "config" not in change:
        # Nothing behind it is blamed for what it made wrong.
        assert [o["names"] for o in found["ops"] if not o["ok"]] == [names]


def test_the_line_that_people_read(mica, made, tokens, tmp_path):
    """The checkpoint is found where it was compiled."""
    model = changed(made("llama", "grouped", "f32"), tmp_path / "model")
    mica("compile", model, "-o", tmp_path / "m.mica")
    flags = ("--reference", "--tokens", tokens("llama", "grouped"))
    right = mica("diff", tmp_path / "m.mica", *flags)
    assert right.stdout.splitlines()[-1].startswith(
        "all 23 ops within tolerance; nearest to it, at ")
    shutil.rmtree(model)
    changed(made("llama", "grouped", "f32"), model,
            layers__1__mlp__down_proj__weight=negate_one)
    wrong = mica("diff", tmp_path / "m.mica", *flags, fails=True)
    assert wrong.returncode == 1
    assert wrong.stdout.splitlines()[-1].startswith(
        "first out of tolerance: layer 1, down, add#3 (phase projection")


def dumps_of(directory, tokens, to):
    """Writes what transformers computes; docs/debugging.md shows this."""
    model = transformers.AutoModelForCausalLM.from_pretrained(
        directory, dtype=torch.float32)
    with torch.no_grad():
        out = model(torch.from_numpy(tokens).long(), output_hidden_states=True)
    to.mkdir()
    names = ["embeddings"] + [f"layer.{i}" for i in range(
        len(out.hidden_states) - 2)] + ["final_norm"]
    for name, rows in zip(names, out.hidden_states):
        np.save(to / f"{name}.npy", rows.numpy())
    np.save(to / "logits.npy", out.logits.numpy())
    return to


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
@pytest.mark.parametrize("family,name", MODELS)
def test_dumps_of_transformers(diff, made, tokens, tmp_path, family, name,
                               dtype):
    dumps = dumps_of(made(family, name, "f32"), np.load(tokens(family, name)),
                     tmp_path / "dumps")
    for flags in ([], ["--decode-from", "9"]):
        found = diff(family, name, dtype, "--against", dumps, *flags)
        assert found["first"] is None, found
        assert len(found["ops"]) == len(list(dumps.iterdir()))


def test_a_wrong_dump_is_named(diff, made, tokens, tmp_path):
    dumps = dumps_of(made("gemma3", "windows", "f32"),
                     np.load(tokens("gemma3", "windows")), tmp_path / "dumps")
    rows = np.load(dumps / "layer.1.npy")
    rows[1, 7] *= 1.001
    np.save(dumps / "layer.1.npy", rows)
    found = diff("gemma3", "windows", "f32", "--against", dumps)
    first = found["first"]
    assert (first["layer"], first["sequence"], first["token"]) == (1, 1, 7)
    assert [o["layer"] for o in found["ops"] if not o["ok"]] == [1]


def test_dumps_of_another_model(diff, made, tokens, tmp_path):
    """From the first layer that differs on, none is within."""
    wrong = changed(made("llama", "grouped", "f32"), tmp_path / "wrong",
                    config=factor("rope_theta", 1.01))
    dumps = dumps_of(wrong, np.load(tokens("llama", "grouped")),
                     tmp_path / "dumps")
    found = diff("llama", "grouped", "f32", "--against", dumps)
    assert found["first"]["layer"] == 0
    assert [o["ok"] for o in found["ops"]] == [True, False, False, False]


def test_every_listed_name_is_a_dump(mica, artifact, tokens, tmp_path):
    model = artifact("gpt2", "odd", "f32")
    lines = mica("diff", model, "--list").stdout.splitlines()
    names = [line.split()[0] for line in lines]
    assert len(set(names)) == len(names)
    assert {"embeddings.npy", "layer.0.npy", "logits.npy"} <= set(names)
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    np.save(dumps / "layer.0.attention.npy", np.zeros((2, 24, 75), "f4"))
    result = mica("diff", model, "--tokens", tokens("gpt2", "odd"),
                  "--against", dumps, fails=True)
    assert result.returncode == 1
    assert "first out of tolerance: layer 0, attention" in result.stdout


def test_errors_are_one_line(mica, artifact, made, tokens, tmp_path):
    model = artifact("llama", "grouped", "f32")
    file = tokens("llama", "grouped")
    dumps = tmp_path / "dumps"
    dumps.mkdir()

    def error(*flags):
        result = mica("diff", model, *flags, fails=True)
        assert result.returncode == 2 and result.stderr.count("\n") == 1
        return result.stderr

    against = ("--tokens", file, "--against", dumps)
    assert "no .npy file" in error(*against)
    np.save(dumps / "layer.7.npy", np.zeros((2, 24, 96), "f4"))
    assert "layer.7.npy: no op of that name" in error(*against)
    np.save(dumps / "layer.1.npy", np.zeros((2, 23, 96), "f4"))
    assert "shape is [2, 23, 96], expected [2, 24, 96]" in error(*against)
    assert "expected a directory" in error("--tokens", file, "--against", file)
    reference = ("--tokens", file, "--reference", "--checkpoint")
    assert "missing" in error(*reference, tmp_path / "missing")
    assert "columns, expected" in error(*reference,
                                        made("llama", "scaled", "f32"))
    np.save(tmp_path / "t.npy", np.full((1, 4), 251, "i4"))
    assert "id 251, expected 0 to 250" in error(
        "--tokens", tmp_path / "t.npy", "--reference")
    np.save(tmp_path / "t.npy", np.zeros((1, 300), "i4"))
    assert "expected at most 512 of 256" in error(
        "--tokens", tmp_path / "t.npy", "--reference")
