"""Checkpoints as people have them: in parts, and larger than memory."""
import json
import os
import pathlib
import resource
import shutil
import subprocess

import gguf
import pytest

from conftest import ROOT

EXAMPLE = ROOT / "examples" / "tiny-python"
PARTS = 3


def split(source, folder):
    """Writes a GGUF file's tensors in turn to parts as gguf-split names them;
    returns the first."""
    reader = gguf.GGUFReader(source)
    total = len(reader.tensors)
    paths = [folder / f"m-{i + 1:05}-of-{PARTS:05}.gguf" for i in range(PARTS)]
    for i, path in enumerate(paths):
        writer = gguf.GGUFWriter(path, "llama")
        for key, field in reader.fields.items():
            if i or key.startswith("GGUF.") or key == "general.architecture":
                continue
            kind = field.types[-1] if field.types[0] == \
                gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(key, field.contents(), field.types[0], kind)
        writer.add_uint16("split.no", i)
        writer.add_uint16("split.count", PARTS)
        writer.add_int32("split.tensors.count", total)
        for tensor in reader.tensors[i::PARTS]:
            writer.add_tensor(tensor.name, tensor.data,
                              raw_dtype=tensor.tensor_type)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return paths[0]


def digest_of_weights(mica, path):
    """Returns the checksum of an artifact's weights section."""
    mica("verify", path)
    data = path.read_bytes()
    for i in range(int.from_bytes(data[12:16], "little")):
        section = data[40 + 32 * i:72 + 32 * i]
        if int.from_bytes(section[:4], "little") == 3:
            return section[24:]
    raise AssertionError("no weights")


@pytest.mark.parametrize("kind", ["F16", "Q4_0"])
def test_split_gguf(mica, made_gguf, kind, tmp_path):
    """All parts make the model that the one file makes."""
    whole, _ = made_gguf("llama", "blocks", kind)
    first = split(whole, tmp_path)
    digests = []
    for model in (whole, first):
        out = tmp_path / "m.mica"
        mica("compile", model, "-o", out)
        digests.append(digest_of_weights(mica, out))
    assert digests[0] == digests[1]
    second = tmp_path / first.name.replace("00001-of", "00002-of")
    found = mica("compile", second, "-o", tmp_path / "n.mica", fails=True)
    assert found.stderr == (f"mica: {second}: part 2 of 3, expected the first "
                            "part, *-00001-of-00003.gguf\n")
    second.unlink()
    found = mica("compile", first, "-o", tmp_path / "n.mica", fails=True)
    assert found.stderr == (f"mica: {second}: No such file or directory, "
                            "expected a readable file\n")
    assert not (tmp_path / "n.mica").exists()


def write_sparse(path, config):
    """Writes a checkpoint of zeros, which takes no room on disk; returns its
    bytes."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    heads = config["num_attention_heads"] * config["head_dim"]
    keys = config["num_key_value_heads"] * config["head_dim"]
    shapes = {"model.embed_tokens.weight": [config["vocab_size"], width],
              "model.norm.weight": [width]}
    for i in range(config["num_hidden_layers"]):
        layer = f"model.layers.{i}."
        shapes |= {
            layer + "input_layernorm.weight": [width],
            layer + "post_attention_layernorm.weight": [width],
            layer + "self_attn.q_proj.weight": [heads, width],
            layer + "self_attn.k_proj.weight": [keys, width],
            layer + "self_attn.v_proj.weight": [keys, width],
            layer + "self_attn.o_proj.weight": [width, heads],
            layer + "mlp.gate_proj.weight": [inner, width],
            layer + "mlp.up_proj.weight": [inner, width],
            layer + "mlp.down_proj.weight": [width, inner]}
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 4 * shape[0] * (shape[1] if len(shape) == 2 else 1)
        header[name] = dict(dtype="F32", shape=shape,
                            data_offsets=[end, end + size])
        end += size
    text = json.dumps(header).encode()
    with open(path / "model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
    (path / "config.json").write_text(json.dumps(config))
    return end


LIMIT = 256 << 20


def test_checkpoint_larger_than_memory(tmp_path):
    """The kernel refuses more private memory than a quarter of the file: what
    is read stays in the file's pages, what is written goes out."""
    config = json.loads((EXAMPLE / "config.json").read_text())
    config |= dict(hidden_size=512, intermediate_size=32768, head_dim=64,
                   num_hidden_layers=6, num_attention_heads=8,
                   num_key_value_heads=8, tie_word_embeddings=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(EXAMPLE / name, tmp_path)
    size = write_sparse(tmp_path, config)
    assert size >= 4 * LIMIT
    out = tmp_path / "m.mica"
    program = ROOT / "build" / "bin" / "mica-compile"
    found = subprocess.run(
        [program, tmp_path, "-o", out, "--quant=q4_0"], text=True,
        capture_output=True, timeout=600, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_DATA, (LIMIT, LIMIT)))
    assert found.returncode == 0, found.stderr
    assert out.stat().st_size > size // 10
    assert os.listdir(tmp_path).count("m.mica") == 1
    pathlib.Path(out).unlink()
