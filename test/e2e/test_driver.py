"""The options of mica compile, and what it says where it cannot go on."""
import pathlib
import re
import shutil
import subprocess

import numpy as np
import pytest

import artifacts
import gguf_files
from conftest import ROOT

SHAPE = ("llama", "grouped")


@pytest.fixture(scope="session")
def model(made):
    return made(*SHAPE, "bf16")


@pytest.fixture(scope="session")
def quantized(tmp_path_factory):
    path = tmp_path_factory.mktemp("quantized") / "q8.gguf"
    # Whole panels: its blocks are the only fallback.
    return gguf_files.make_gguf("llama", "deep", path, "Q8_0")


def check_line(result, *parts):
    """A failure says one line, and names what it is about."""
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1, result.stderr
    for part in parts:
        assert part in result.stderr, result.stderr


def check_refused(mica, tmp_path, model, parts, *options):
    """Compiling fails with such a line and leaves no file."""
    out = tmp_path / "m.mica"
    check_line(mica("compile", model, "-o", out, *options, fails=True), *parts)
    assert not list(tmp_path.glob("m.mica*"))


def test_missing_input(mica, tmp_path):
    check_refused(mica, tmp_path, tmp_path / "none.gguf", ["none.gguf"])


def test_truncated_input(mica, tmp_path, quantized):
    cut = tmp_path / "cut.gguf"
    data = pathlib.Path(quantized).read_bytes()
    for size in (0, 20, 300, len(data) // 2, len(data) - 64):
        cut.write_bytes(data[:size])
        check_refused(mica, tmp_path, cut, ["cut.gguf"])


def test_broken_module(mica, tmp_path):
    text = tmp_path / "broken.mlir"
    text.write_text("func.func @step(%x: i32) {\n  mica.nothing %x\n}\n")
    check_refused(mica, tmp_path, text, ["broken.mlir:2:"])


def test_module_without_model(mica, tmp_path):
    text = tmp_path / "empty.mlir"
    text.write_text("module {}\n")
    check_refused(mica, tmp_path, text, ["empty.mlir: stage group failed"])


@pytest.mark.parametrize("option,parts", [
    ("--dtype=f8", ["'f8'", "f32, bf16 or f16"]),
    ("--quant=q9_0", ["'q9_0'", "q8_0", "w4g128"]),
    ("--quant=[=q8_0", ["'['", "a glob"]),
    ("--activations=f16", ["'f16'", "int8, bf16 or f32"]),
    ("--cpu=z80", ["'z80'", "x86-64-v3"]),
    ("--max-context=100000000", ["100000000", "expected at most"]),
    ("--max-context=-1", ["-1"]),
    ("--max-rows=0", ["max rows of 0"]),
    ("--start-from=graph", ["expected an .mlir file"]),
])
def test_impossible_options(mica, tmp_path, model, option, parts):
    check_refused(mica, tmp_path, model, parts, option)


def test_output_that_cannot_be_written(mica, tmp_path, model):
    out = tmp_path / "none" / "m.mica"
    check_line(mica("compile", model, "-o", out, fails=True), str(out))
    check_line(mica("compile", model, fails=True), "-o FILE")


def test_block_formats_stay_packed(mica, tmp_path, quantized):
    out = tmp_path / "m.mica"
    mica("compile", quantized, "-o", out, "--no-fallback")
    found = artifacts.manifest(out)
    layouts = [w["layout"] for w in found["work"] if "layout" in w]
    assert layouts and all(text.startswith("q8_0 ") for text in layouts)
    assert {w["type"] for w in found["work"] if "layout" in w} == {"i8/32"}


def test_recipes(mica, made, tmp_path):
    """64 columns hold no block of 256: what does not fit is told or refused."""
    model, out = made("llama", "deep", "bf16"), tmp_path / "m.mica"
    mica("compile", model, "-o", out, "--no-fallback",
         "--quant=q8_0,*mlp*=q4_0,*down_proj*=keep")
    layouts = {w["layout"].split()[0] for w in artifacts.manifest(out)["work"]
               if "layout" in w}
    assert layouts == {"q8_0", "q4_0", "bf16"}
    said = mica("compile", model, "-o", out, "--quant=q4_k").stderr
    assert "not quantized to q4_k: 64 columns" in said
    out.unlink()
    check_refused(mica, tmp_path, model, ["q4_k", "no fallback"],
                  "--quant=q4_k", "--no-fallback")


def test_missed_merges_are_told_or_refused(mica, made, tmp_path):
    """136 columns of gate and up are no whole panels."""
    model, out = made("llama", "grouped", "f32"), tmp_path / "m.mica"
    assert "not merged" in mica("compile", model, "-o", out).stderr
    kinds = [r["kind"] for r in artifacts.manifest(out)["remarks"]]
    assert kinds == ["missed"]
    out.unlink()
    check_refused(mica, tmp_path, model, ["136 columns", "no fallback"],
                  "--no-fallback")


def test_equal_models_have_equal_bytes_anywhere(mica, tmp_path, model):
    """The source is the path as it was given, and is found again by it."""
    np.save(tmp_path / "t.npy", np.zeros((1, 4), "i4"))
    diff = ("diff", "m.mica", "--reference", "--tokens", tmp_path / "t.npy")
    made = []
    for name in ("here", "there"):
        folder = tmp_path / name
        shutil.copytree(model, folder / "model")
        mica("compile", "model", "-o", "m.mica", "--max-context=48", cwd=folder)
        mica(*diff, cwd=folder)
        made.append((folder / "m.mica").read_bytes())
    assert made[0] == made[1] and str(tmp_path).encode() not in made[0]
    assert artifacts.manifest(folder / "m.mica")["source"] == "model"
    (folder / "model").rename(folder / "moved")
    lost = mica(*diff, cwd=folder, fails=True)
    assert lost.returncode == 2 and lost.stderr.count("\n") == 1
    assert "mica: model: No such file" in lost.stderr


@pytest.mark.parametrize("dtype", ["f32", "bf16", "f16"])
def test_dtype_is_the_checkpoints(compiled, made, dtype):
    found = artifacts.manifest(compiled(made(*SHAPE, dtype)))
    assert found["model"]["dtype"] == dtype
    assert found["kv"][0]["element"] == dtype


def test_options_reach_the_manifest(mica, tmp_path, model):
    out = tmp_path / "m.mica"
    said = mica("compile", model, "-o", out, "--max-context=48", "--page=16",
                "--max-rows=64", "--cpu=x86-64-v3", "--dtype=f16",
                "--timing").stderr
    found = artifacts.manifest(out)
    assert found["model"]["max_context"] == 48
    assert {group["page_tokens"] for group in found["kv"]} == {16}
    assert found["max_rows"] == 64
    assert found["code"][0]["cpu"] == "x86-64-v3"
    assert found["model"]["dtype"] == "f16"
    for part in ("read", "graph", "group", "kernels", "cpu", "code", "pack",
                 "total"):
        assert re.search(rf"^{part} +\d", said, re.MULTILINE), part


def test_levels_differ_in_registers(compiled, model):
    text = {level: compiled(model, "--emit=asm", f"--cpu={level}").read_text()
            for level in ("x86-64-v3", "x86-64-v4")}
    assert "%zmm" not in text["x86-64-v3"] and "%ymm" in text["x86-64-v3"]
    assert "%zmm" in text["x86-64-v4"]


def test_object_has_no_undefined_symbols(compiled, model):
    names = subprocess.run(["nm", compiled(model, "--emit=obj")], text=True,
                           capture_output=True, check=True).stdout.splitlines()
    assert any(line.endswith(" T mica_entry") for line in names)
    assert not [line for line in names if " U " in line]


@pytest.mark.parametrize("stage", ["import", "group", "cpu"])
def test_entering_gives_the_whole_artifact(mica, compiled, tmp_path, model,
                                           stage):
    """Also where weights and the functions that pack them pass through text."""
    one = compiled(model)
    half = tmp_path / "half.mlir"
    mica("compile", model, f"--stop-after={stage}", "-o", half)
    mica("compile", half, f"--start-from={stage}", "-o",
         tmp_path / "parts.mica")
    two = tmp_path / "parts.mica"
    whole, parts = one.read_bytes(), two.read_bytes()
    # A remark of a stage that does not run again is not repeated.
    assert artifacts.sections(one).keys() == artifacts.sections(two).keys()
    for key, (at, size) in artifacts.sections(one).items():
        other, length = artifacts.sections(two)[key]
        if key[0] != artifacts.MANIFEST:
            assert whole[at:at + size] == parts[other:other + length], key


def test_modules_go_to_standard_output(mica, model):
    said = mica("compile", model, "--stop-after=graph").stdout
    assert "mica.stack" in said and "mica.linear" in said
