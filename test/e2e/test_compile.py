"""The compiler is repeatable, bounded, and leaves no half of a file."""
import hashlib
import json
import os
import pathlib
import signal
import struct
import subprocess
import time

import pytest

import artifacts
import checkpoints
from conftest import ROOT

LIMIT = 1 << 30  # of private memory, for a checkpoint of any size
# MICA_LARGE=1 makes the checkpoint 20 GB; without it, 3 GB.
LARGE = 20 if os.environ.get("MICA_LARGE") == "1" else 3


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def sparse_llama(directory, gigabytes, layers=8):
    """Writes a bf16 Llama checkpoint of zeros that takes no room on the disk:
    a safetensors file is a header and bytes, here a hole."""
    width = 2048
    kv, vocabulary = 512, 32000
    per_layer = 2 * (2 * width * width + 2 * kv * width)
    spare = (gigabytes << 30) // layers - per_layer
    inner = max(256, spare // (2 * 3 * width) // 256 * 256)
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps({
        "model_type": "llama", "architectures": ["LlamaForCausalLM"],
        "torch_dtype": "bfloat16", "hidden_act": "silu",
        "hidden_size": width, "intermediate_size": inner,
        "num_hidden_layers": layers, "num_attention_heads": 32,
        "num_key_value_heads": 8, "head_dim": 64, "vocab_size": vocabulary,
        "max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "tie_word_embeddings": True,
        "attention_bias": False, "mlp_bias": False}))
    shapes = {"model.embed_tokens": [vocabulary, width], "model.norm": [width]}
    for i in range(layers):
        block = f"model.layers.{i}."
        shapes.update({
            block + "input_layernorm": [width],
            block + "post_attention_layernorm": [width],
            block + "self_attn.q_proj": [width, width],
            block + "self_attn.k_proj": [kv, width],
            block + "self_attn.v_proj": [kv, width],
            block + "self_attn.o_proj": [width, width],
            block + "mlp.gate_proj": [inner, width],
            block + "mlp.up_proj": [inner, width],
            block + "mlp.down_proj": [width, inner]})
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name + ".weight"] = {"dtype": "BF16", "shape": shape,
                                    "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(directory / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + at)
    return at


@pytest.mark.parametrize("family,name", list(checkpoints.all_shapes())[::3])
def test_compiling_twice_gives_one_file(mica, made, compiled, tmp_path, family,
                                        name):
    model = made(family, name, "bf16")
    mica("compile", model, "-o", tmp_path / "m.mica", "--dtype=bf16")
    assert digest(tmp_path / "m.mica") == digest(
        compiled(model, "--dtype=bf16"))


@pytest.mark.parametrize("delay", [0.05, 0.2, 0.5, 1.0])
def test_killing_it_leaves_nothing(request, tmp_path, delay):
    sparse_llama(tmp_path / "model", 8)
    out = tmp_path / "m.mica"
    process = subprocess.Popen(
        [request.config.getoption("--mica"), "compile", tmp_path / "model",
         "-o", out, "--dtype=bf16"], stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, start_new_session=True)
    time.sleep(delay)
    assert process.poll() is None, "done before it could be killed"
    assert not out.exists()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not out.exists()


def test_an_error_leaves_the_old_file(mica, made, tmp_path):
    out = tmp_path / "m.mica"
    mica("compile", made("llama", "deep"), "-o", out)
    before = digest(out)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "config.json").write_text("{}")
    result = mica("compile", tmp_path / "bad", "-o", out, fails=True)
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert digest(out) == before


def test_memory_is_bounded(request, tmp_path):
    """A checkpoint of many gigabytes compiles in one of private memory."""
    size = sparse_llama(tmp_path / "model", LARGE)
    assert size > 0.9 * (LARGE << 30)
    out = tmp_path / "m.mica"
    result = subprocess.run(
        ["prlimit", f"--data={LIMIT}", request.config.getoption("--mica"),
         "compile", tmp_path / "model", "-o", out, "--dtype=bf16"],
        capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert artifacts.sections(out)[artifacts.WEIGHTS, 0][1] >= 0.9 * size
    out.unlink()


def test_commands_have_help_with_an_example(mica):
    for command in ("compile", "run", "eval", "tokenize", "bench", "verify",
                    "explain", "diff", "tune"):
        assert f"mica {command} " in mica(command, "--help").stdout


def test_every_stage_is_in_the_help_of_mica_opt():
    text = subprocess.run([ROOT / "build/bin/mica-opt", "--help"], text=True,
                          capture_output=True).stdout
    for stage in ("graph", "group", "kernels", "cpu"):
        assert f"--mica-{stage} " in text, stage


@pytest.mark.parametrize("stage", ["graph", "group", "kernels"])
def test_a_stage_can_be_left_and_entered(mica, made, compiled, tmp_path, stage):
    """--stop-after, then --start-from, gives the object that one run gives."""
    model = made("llama", "grouped")
    mica("compile", model, f"--stop-after={stage}", "--emit=mlir", "-o",
         tmp_path / "half.mlir")
    mica("compile", tmp_path / "half.mlir", f"--start-from={stage}",
         "--emit=obj", "-o", tmp_path / "parts.o")
    assert digest(compiled(model, "--emit=obj")) == digest(tmp_path / "parts.o")


@pytest.mark.parametrize("made_by", [os.mkfifo, os.mkdir])
def test_an_output_that_is_no_file(mica, made, tmp_path, made_by):
    """A device or a folder stays what it is: a rename would replace it."""
    made_by(tmp_path / "out")
    result = mica("compile", made("llama", "grouped", "f32"), "-o",
                  tmp_path / "out", fails=True)
    assert result.returncode == 1
    assert result.stderr == (f"mica: {tmp_path / 'out'}: is no regular file, "
                             "expected one or a new name\n")
    assert not (tmp_path / "out").is_file()
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
