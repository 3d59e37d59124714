"""Layers of experts: formats, sizes, and what is wrong with a checkpoint."""
import json
import re
import shutil

import numpy as np
import pytest
import safetensors.torch

import checkpoints

WORKING = {"int8": ["--quant=q8_0"], "f32": ["--quant=q4_0", "--dtype=f32",
                                             "--activations=f32"],
           "avx2": ["--quant=q8_0", "--cpu=x86-64-v3"], "plain": ["--dtype=f32"]}


@pytest.mark.parametrize("options", WORKING)
@pytest.mark.parametrize("family,name", [("olmoe", "blocks"),
                                         ("qwen3_moe", "many")])
def test_every_op_is_the_references(mica, made, tmp_path, family, name, options):
    """In blocks, integers and floats, whole and one token a step."""
    np.save(tmp_path / "t.npy", checkpoints.tokens_of(family, name)[:1])
    mica("compile", made(family, name), "-o", tmp_path / "m.mica",
         *WORKING[options])
    for flags in ([], ["--decode-from", "3"]):
        mica("diff", tmp_path / "m.mica", "--reference", "--tokens",
             tmp_path / "t.npy", *flags)


def grown(source, folder, count):
    """Returns a copy of a checkpoint of one layer with `count` experts."""
    folder.mkdir()
    config = json.loads((source / "config.json").read_text())
    config.update(num_local_experts=count)
    (folder / "config.json").write_text(json.dumps(config))
    state = safetensors.torch.load_file(source / "model.safetensors")
    first = {n: t for n, t in state.items() if ".experts.0." in n}
    state = {n: t for n, t in state.items() if ".experts." not in n}
    for n, tensor in first.items():
        for e in range(count):
            state[n.replace(".0.w", f".{e}.w")] = tensor.clone()
    gate = "model.layers.0.block_sparse_moe.gate.weight"
    state[gate] = state[gate].repeat(count, 1)
    safetensors.torch.save_file(state, folder / "model.safetensors")
    return folder


def test_ops_do_not_grow_with_experts(mica, made, tmp_path):
    """A layer of 512 experts is as many ops as one of 8; kernels have a few more,
    since 8 fill one vector, and not three."""
    sizes = {}
    for count in (8, 512):
        model = grown(made("mixtral", "one"), tmp_path / str(count), count)
        ops = []
        for stage in ("import", "group", "kernels"):
            mica("compile", model, "-o", tmp_path / "m.mlir",
                 f"--stop-after={stage}")
            text = (tmp_path / "m.mlir").read_text()
            ops.append(len(re.findall(r"^ +(?:%\S+ = )?\"?[a-z_]+\.", text, re.M)))
        sizes[count] = ops
    assert sizes[8][:2] == sizes[512][:2]
    assert sizes[512][2] < 1.03 * sizes[8][2]


@pytest.fixture
def broken(mica, made, tmp_path):
    """Returns a function: (what to do to the state, to the config) -> the line
    that compiling the checkpoint ends with."""
    def compile_it(state=lambda s: s, **settings):
        folder = tmp_path / "broken"
        shutil.copytree(made("mixtral", "few"), folder)
        config = json.loads((folder / "config.json").read_text())
        config.update(settings)
        (folder / "config.json").write_text(json.dumps(config))
        file = folder / "model.safetensors"
        safetensors.torch.save_file(
            state(safetensors.torch.load_file(file)), file)
        ran = mica("compile", folder, "-o", tmp_path / "m.mica", fails=True)
        assert ran.returncode == 1 and not (tmp_path / "m.mica").exists()
        lines = [line for line in ran.stderr.splitlines() if "remark" not in line]
        assert len(lines) == 1, ran.stderr
        return lines[0].replace(str(folder), "DIR")
    return compile_it


EXPERT = "model.layers.1.block_sparse_moe.experts.3.w2.weight"


def without(state):
    del state[EXPERT]
    return state


def shorter(state):
    state[EXPERT] = state[EXPERT][1:].contiguous()
    return state


def half(state):
    state[EXPERT] = state[EXPERT].half()
    return state


@pytest.mark.parametrize("change,line", [
    (without, f"mica: DIR: tensor '{EXPERT}' missing, expected for the expert "
              "down"),
    (shorter, f"mica: DIR/model.safetensors: tensor '{EXPERT}' has shape "
              "[95, 136], expected [96, 136] by the hyperparameters"),
    (half, f"mica: DIR/model.safetensors: tensor '{EXPERT}' is F16, expected "
           "F32 as the first expert")])
def test_wrong_expert(broken, change, line):
    assert broken(change) == line


@pytest.mark.parametrize("settings,line", [
    (dict(num_experts_per_tok=5), "mica: DIR/config.json: 5 experts for a token, "
                                  "expected 1 to the 4 that there are"),
    (dict(num_local_experts=5),
     "mica: DIR/model.safetensors: tensor "
     "'model.layers.0.block_sparse_moe.gate.weight' has shape [4, 96], expected "
     "[5, 96] by the hyperparameters"),
    (dict(num_local_experts=0), "mica: DIR/config.json: num_local_experts is 0, "
                                "expected an integer from 1 to 2147483647")])
def test_wrong_settings(broken, settings, line):
    assert broken(**settings) == line
