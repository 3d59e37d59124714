"""Several code images over one copy of the weights (`--cpu=A,B`)."""
import json
import os

import pytest

import artifacts
from conftest import check, cpu_flags
from test_formats import check_integers

BEST = "x86-64-v4+avx512vnni+avx512bf16"
SHAPE = ("llama", "grouped")


def code_in_use(mica, path):
    return json.loads(mica("explain", path, "--json", "--steps=1").stdout)[
        "code"]


@pytest.fixture
def masked(monkeypatch):
    """Returns a function that leaves features out from then on."""
    return lambda text: monkeypatch.setenv("MICA_CPU_FEATURES", text)


@pytest.mark.parametrize("dtype", ["f32", "bf16", "f16"])
def test_either_image_is_right(compiled, made, truth, mica, evaluate, masked,
                               dtype):
    """The worse one runs where features of the better one are masked off."""
    tokens, exact, bound = truth(*SHAPE, dtype)
    path = compiled(made(*SHAPE, dtype), f"--cpu=x86-64-v3,{BEST}")
    found = artifacts.manifest(path)
    assert [image["cpu"] for image in found["code"]] == ["x86-64-v4",
                                                         "x86-64-v3"]
    if {"avx512_bf16", "avx512_vnni"} <= cpu_flags():
        assert code_in_use(mica, path) == BEST
    check(evaluate(path, tokens), exact, bound)
    masked("-avx512f")
    assert code_in_use(mica, path) == "x86-64-v3"
    check(evaluate(path, tokens), exact, bound)


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_K"])
def test_either_image_of_blocks_is_right(compiled, made_gguf, answers, evaluate,
                                         masked, kind):
    file, directory = made_gguf("llama", "blocks", kind)
    tokens, floats, bound = answers(directory, "llama", "blocks", "f32")
    _, exact, _ = answers(directory, "llama", "blocks", "f32", integers=True)
    path = compiled(file, f"--cpu=x86-64-v3,{BEST}", "--dtype=f32")
    check_integers(evaluate(path, tokens), exact, bound, floats)
    masked("-avx512f")
    check_integers(evaluate(path, tokens), exact, bound, floats)


def test_images_are_those_of_one_cpu_alone(compiled, made):
    """Code, weights and what the manifest says do not depend on the others."""
    model = made(*SHAPE, "bf16")
    both = compiled(model, f"--cpu={BEST},x86-64-v3")
    whole = artifacts.manifest(both)
    data = both.read_bytes()
    for i, cpu in enumerate((BEST, "x86-64-v3")):
        alone = compiled(model, f"--cpu={cpu}")
        text = alone.read_bytes()
        for kind, index in ((artifacts.CODE, i), (artifacts.WEIGHTS, 0)):
            at, size = artifacts.sections(both)[kind, index]
            other, length = artifacts.sections(alone)[
                kind, 0 if kind == artifacts.CODE else index]
            assert data[at:at + size] == text[other:other + length]
        found = {**whole, **whole["code"][i].get("instead", {})}
        expected = artifacts.manifest(alone)
        for key in set(expected) - {"version", "code"}:
            assert found[key] == expected[key], key
    assert whole["version"] == 2 and expected["version"] == 1


def test_a_list_that_cannot_be(mica, made, tmp_path):
    model = made(*SHAPE)
    for cpus, message in (
            ("x86-64-v3,x86-64-v3", "cpus 'x86-64-v3,x86-64-v3': 'x86-64-v3' "
             "is there already, expected each once"),
            ("x86-64-v3,", "cpu '', expected native")):
        result = mica("compile", model, "-o", tmp_path / "m.mica",
                      f"--cpu={cpus}", fails=True)
        assert result.returncode == 1 and result.stderr.count("\n") == 1
        assert result.stderr.startswith(f"mica: {message}")
    result = mica("compile", model, "--emit=asm", "--cpu=x86-64-v3,x86-64-v4",
                  fails=True)
    assert result.stderr == (
        "mica: cpus 'x86-64-v3,x86-64-v4', expected one where no whole "
        "artifact is made\n")
    assert not os.listdir(tmp_path)


def test_no_image_fits(compiled, made, mica, masked):
    path = compiled(made(*SHAPE, "bf16"), f"--cpu={BEST},x86-64-v3")
    masked("-avx512f,-fma")
    result = mica("explain", path, fails=True)
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert "x86-64-v3 (missing fma), expected code for this CPU" in \
        result.stderr
