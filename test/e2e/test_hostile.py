"""Every kind of file that a command reads, damaged: it ends soon and in little
memory, by success or by one line, and without success it leaves no file.

What a parser does with 1,000 versions of its file is tested where it is
(test/Damage.h); this is about the commands.
"""
import json
import os
import random
import resource
import shutil
import subprocess

import numpy as np
import pytest
import safetensors.numpy

from conftest import ROOT

VERSIONS = 10
SECONDS, BYTES = 60, 8 << 30
EXAMPLE = ROOT / "examples" / "tiny-python"
VOCAB, WIDTH, FFN, HEAD = 2048, 64, 96, 32
NUMBERS = (0, 1, 255, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 32,
           2**64 - 1)
VALUES = (None, True, 0, -1, 0.5, 1e308, 2**31, 2**63, 2**64 - 1, "", "a\n\x1b",
          "a" * 20000, [], {}, [[1]], {"a": -1})
RAW = (b"1e999", b"\"\xff\xc0\x80\"", b"NaN", b"1" * 40, b"[" * 10**6,
       b"[" * 10**6 + b"]" * 10**6)


def damaged(data, draw):
    """Returns bytes with numbers, parts or bits that are others."""
    at = draw.randrange(len(data))
    end = at + draw.randrange(1, 64)
    part = draw.choice((
        b"", data[at:end] * 2, b"\xff\xc0\x80\0", b"(" * 10**5,
        draw.choice(NUMBERS).to_bytes(8, "little")[:draw.choice((1, 4, 8))],
        bytes(byte ^ 1 << draw.randrange(8) for byte in data[at:end])))
    if draw.randrange(5) == 0:
        return data[:at]
    return data[:at] + part + data[at + max(len(part), 1) if len(part) < 9
                                   else end:]


def damaged_json(data, draw):
    """Returns JSON of which one value, at any depth, is another."""
    root = json.loads(data)
    inside, key = {"": root}, ""
    while isinstance(inside[key], (dict, list)) and inside[key] and (
            inside[key] is root or draw.randrange(4)):
        inside = inside[key]
        key = draw.choice(list(inside) if isinstance(inside, dict) else
                          range(min(len(inside), 200)))
    choice = draw.randrange(4)
    if choice == 0:
        inside[key] = "@@"
        return json.dumps(root).encode().replace(b'"@@"', draw.choice(RAW), 1)
    if choice == 1 and inside is not root and isinstance(inside, dict):
        del inside[key]
    else:
        inside[key] = draw.choice(VALUES)
    return json.dumps(inside[""] if "" in inside else root).encode()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Returns a directory of one layer, with a tokenizer and a template."""
    path = tmp_path_factory.mktemp("hostile") / "model"
    path.mkdir()
    config = json.loads((EXAMPLE / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | dict(
        hidden_size=WIDTH, intermediate_size=FFN, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, head_dim=HEAD,
        vocab_size=VOCAB)))
    (path / "generation_config.json").write_text('{"eos_token_id": [0, 1]}')
    shutil.copy(EXAMPLE / "tokenizer.json", path)
    (path / "tokenizer_config.json").write_text(json.dumps(dict(
        bos_token=None, eos_token={"content": "<|endoftext|>"},
        chat_template=[{"name": "default", "template": "{{ messages }}"}])))
    (path / "chat_template.jinja").write_text(
        "{% for m in messages %}{{ m.content }}\n{% endfor %}")
    shapes = {"self_attn.q_proj": (2 * HEAD, WIDTH),
              "self_attn.k_proj": (HEAD, WIDTH),
              "self_attn.v_proj": (HEAD, WIDTH),
              "self_attn.o_proj": (WIDTH, 2 * HEAD),
              "mlp.gate_proj": (FFN, WIDTH), "mlp.up_proj": (FFN, WIDTH),
              "mlp.down_proj": (WIDTH, FFN), "input_layernorm": (WIDTH,),
              "post_attention_layernorm": (WIDTH,)}
    tensors = {"model.embed_tokens.weight": (VOCAB, WIDTH),
               "model.norm.weight": (WIDTH,)} | {
        f"model.layers.0.{name}.weight": shape for name, shape in
        shapes.items()}
    numbers = np.random.default_rng(1)
    safetensors.numpy.save_file(
        {name: numbers.normal(size=shape).astype(np.float32)
         for name, shape in tensors.items()}, path / "1.safetensors")
    (path / "model.safetensors.index.json").write_text(json.dumps(
        {"weight_map": dict.fromkeys(tensors, "1.safetensors")}))
    return path


@pytest.fixture(scope="session")
def inputs(tiny, mica, tmp_path_factory):
    """Returns a folder with one valid file of every kind."""
    path = tmp_path_factory.mktemp("inputs")
    mica("compile", tiny, "-o", path / "m.mica")
    mica("compile", tiny, "-o", path / "model.mlir", "--stop-after=kernels")
    shutil.copy(ROOT / "schedules" / "x86-64-v4.mlir", path / "schedules.mlir")
    np.save(path / "tokens.npy", np.arange(32, dtype=np.int32).reshape(2, 16))
    mica("eval", path / "m.mica", "--tokens", path / "tokens.npy", "--logits",
         path / "logits.npy")
    (path / "prompt").write_bytes("import os\n\u00e9\u65e5 <|endoftext|>".encode())
    return path


# By kind of file: where it stands, and what reads it. {} is the damaged file or
# the directory that it is in, IN the folder of valid files, OUT an empty one.
COMPILED = "compile {} -o OUT/m.mica"
KINDS = {name: ("tiny", name, COMPILED) for name in (
    "config.json", "generation_config.json", "tokenizer.json",
    "tokenizer_config.json", "model.safetensors.index.json", "1.safetensors")}
KINDS |= {
    "chat_template.jinja": ("tiny", "chat_template.jinja", COMPILED),
    "artifact": ("inputs", "m.mica", "run {} -p x -n 1"),
    "artifact, verify": ("inputs", "m.mica", "verify {}"),
    "artifact, explain": ("inputs", "m.mica", "explain {}"),
    "tokens": ("inputs", "tokens.npy",
               "eval IN/m.mica --tokens {} --logits OUT/l.npy"),
    "logits": ("inputs", "logits.npy",
               "eval IN/m.mica --tokens IN/tokens.npy --against {}"),
    "module": ("inputs", "model.mlir",
               "compile {} --start-from=kernels -o OUT/m.mica"),
    "schedules": ("inputs", "schedules.mlir",
                  "compile TINY --schedules={} -o OUT/m.mica"),
    "prompt": ("inputs", "prompt", "run IN/m.mica -f {} -n 1"),
    "conversation": ("inputs", "prompt", "run IN/m.mica --chat -n 1 < {}"),
}


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


def run(program, words, given, out):
    """Asserts that a command fails in one line and leaves nothing, or does
    not; returns whether."""
    result = subprocess.run([program, *words], capture_output=True, input=given,
                            timeout=2 * SECONDS, preexec_fn=limit)
    # What the file says may be shown, but no line of it begins a new one.
    said = [line for line in result.stderr.decode(errors="replace").split("\n")
            if line and not line.startswith(("mica: remark: ", "prompt: "))
            and ": warning: " not in line]
    assert result.returncode in (0, 1), (words, result)
    assert len(said) == result.returncode, (words, said)
    assert not said or said[0].startswith("mica: "), said
    left = [path.name for path in out.iterdir()]
    assert not left or result.returncode == 0, (words, left)
    assert not any("tmp" in name for name in left), left
    return result.returncode == 1


@pytest.mark.parametrize("kind", KINDS)
def test_commands(kind, request, tiny, inputs, tmp_path):
    place, name, command = KINDS[kind]
    program = request.config.getoption("--mica")
    source = {"tiny": tiny, "inputs": inputs}[place]
    data, out = (source / name).read_bytes(), tmp_path / "out"
    file = tmp_path / name
    if place == "tiny":
        shutil.copytree(source, tmp_path / "model")
        file = tmp_path / "model" / name
    draw, refused = random.Random(kind), 0
    for version in range(VERSIONS):
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        change = damaged
        if name.endswith("json") and version % 3:
            change = damaged_json
        given = change(data, draw)
        file.write_bytes(given)
        words, _, _ = command.partition(" < ")
        read = file.parent if place == "tiny" else file
        words = [word.replace("{}", str(read)).replace("IN/", f"{inputs}/")
                 .replace("OUT/", f"{out}/").replace("TINY", str(tiny))
                 for word in words.split()]
        refused += run(program, words, given, out)
    assert refused or kind in ("prompt", "conversation", "chat_template.jinja")


def test_nested_modules(mica, tiny, tmp_path):
    """MLIR's parser calls itself for each bracket."""
    file = tmp_path / "m.mlir"
    file.write_text("module attributes {a = " + "[" * 10**6)
    for words in (["compile", file], ["compile", tiny, f"--schedules={file}"]):
        result = mica(*words, "-o", tmp_path / "m.mica", fails=True)
        assert result.returncode == 1
        assert result.stderr == (f"mica: {file}: brackets nested 1000001 deep, "
                                 "expected at most 1000\n")
    assert [path.name for path in tmp_path.iterdir()] == ["m.mlir"]
