"""Code for AArch64, compiled here and run under qemu-user by the runtime that
scripts/build-aarch64 makes: its text is that of this machine's code."""
import os
import pathlib
import shutil
import subprocess

import numpy as np
import pytest

import artifacts
from conftest import ROOT, check
from test_formats import check_integers

EXAMPLE = ROOT / "examples" / "tiny-python"
PROMPTS = ["class Reader:\n    def __init__(self, ", "import os\n"]
RUNTIME = ROOT / "build" / "aarch64" / "bin"
LEVEL = "armv8.2-a"
EVERY = "+dotprod+i8mm+bf16"
FEATURES = ["", "+dotprod", EVERY]

pytestmark = [
    pytest.mark.xdist_group("aarch64"),
    pytest.mark.skipif(not (RUNTIME / "mica").exists(),
                       reason="no runtime: scripts/build-aarch64"),
    pytest.mark.skipif(not shutil.which("qemu-aarch64"),
                       reason="no qemu-aarch64: scripts/install-deps")]


def emulate(*arguments, cpu="max", program=RUNTIME / "mica", fails=False,
            **environment):
    """Runs a program for AArch64 on an emulated CPU."""
    result = subprocess.run(
        ["qemu-aarch64", "-cpu", cpu, program, *map(str, arguments)],
        text=True, capture_output=True, timeout=600,
        env=dict(os.environ, **environment))
    if not fails:
        assert result.returncode == 0, result.stderr
    return result


def emulated_logits(path, tokens, folder, *flags, **environment):
    """Returns the logits [S, T, V] that an artifact computes of tokens."""
    np.save(folder / "t.npy", tokens)
    emulate("eval", path, "--tokens", folder / "t.npy", "--logits",
            folder / "l.npy", *flags, **environment)
    return np.load(folder / "l.npy")


@pytest.mark.parametrize("options, features", [
    ("--dtype=f32", ""), ("--dtype=f32 --kv=int8", "+dotprod"),
    ("--quant=q8_0 --activations=int8", "+dotprod+i8mm"),
    ("--quant=q4_0 --activations=int8", "+dotprod"),
    ("--quant=q8_0 --activations=f32", ""),
    ("--quant=q4_0 --activations=f32", EVERY)])
def test_the_text_is_that_of_x86(compiled, mica, options, features):
    """Products of bf16 round otherwise: the rule holds for their logits."""
    here, there = (compiled(EXAMPLE, *options.split(), f"--cpu={cpu}")
                   for cpu in ("x86-64-v3", LEVEL + features))
    for prompt in PROMPTS:
        flags = ["-p", prompt, "-n", 24, "--temp", "0"]
        assert emulate("run", there, *flags).stdout == \
            mica("run", here, *flags).stdout


@pytest.mark.parametrize("dtype, features", [
    ("f32", ""), ("f16", ""), ("bf16", ""), ("bf16", EVERY)])
def test_logits(compiled, made, truth, tmp_path, dtype, features):
    """The accuracy rule holds, between inaccessible pages and NaNs."""
    tokens, exact, bound = truth("llama", "grouped", dtype)
    path = compiled(made("llama", "grouped", dtype), f"--cpu={LEVEL}{features}")
    check(emulated_logits(path, tokens, tmp_path, MICA_GUARD="1"), exact, bound)


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_K"])
def test_logits_of_blocks(compiled, made_gguf, answers, tmp_path, kind):
    """Of integers too, and to the last bit whatever multiplies them."""
    file, directory = made_gguf("llama", "blocks", kind)
    tokens, floats, bound = answers(directory, "llama", "blocks", "f32")
    _, exact, _ = answers(directory, "llama", "blocks", "f32", integers=True)
    found = [emulated_logits(
        compiled(file, "--dtype=f32", f"--cpu={LEVEL}{features}"), tokens,
        tmp_path, MICA_GUARD="1") for features in FEATURES]
    check_integers(found[0], exact, bound, floats)
    assert all(logits.tobytes() == found[0].tobytes() for logits in found)


def test_workers_and_chunks_change_nothing(compiled, made, truth, tmp_path):
    tokens, _, _ = truth("llama", "grouped")
    path = compiled(made("llama", "grouped"), f"--cpu={LEVEL}", "--dtype=f32")
    found = [emulated_logits(path, tokens, tmp_path, *flags).tobytes()
             for flags in ([], ["--threads=1"], ["--threads=3", "--chunk=5"])]
    assert found[0] == found[1] == found[2]


def test_weights_are_packed_alike(compiled):
    """Layouts follow from the panel alone, so weights are those of x86."""
    def weights(cpu):
        path = compiled(EXAMPLE, "--dtype=f32", f"--cpu={cpu}")
        at, size = artifacts.sections(path)[artifacts.WEIGHTS, 0]
        return path.read_bytes()[at:at + size]
    assert weights(LEVEL) == weights("x86-64-v3")


def test_missing_features(compiled, mica):
    path = compiled(EXAMPLE, "--dtype=f32", f"--cpu={LEVEL}")
    found = emulate("run", path, "-p", "x", cpu="cortex-a57", fails=True)
    assert (found.returncode, found.stderr) == (
        1, f"mica: {path}: code is for armv8.2-a (missing lse rdm), "
        "expected code for this CPU\n")
    better = compiled(EXAMPLE, "--dtype=f32", f"--cpu={LEVEL}{EVERY}")
    found = emulate("run", better, "-p", "x", cpu="cortex-a76", fails=True)
    assert (found.returncode, found.stderr) == (
        1, f"mica: {better}: code is for armv8.2-a (missing i8mm bf16), "
        "expected code for this CPU\n")
    found = mica("run", path, "-p", "x", fails=True)
    assert (found.returncode, found.stderr) == (
        1, f"mica: {path}: code is for armv8.2-a (missing aarch64), "
        "expected code for this CPU\n")
    path = compiled(EXAMPLE, "--dtype=f32", "--cpu=x86-64-v3")
    found = emulate("run", path, "-p", "x", fails=True)
    assert (found.returncode, found.stderr) == (
        1, f"mica: {path}: code is for x86-64-v3 (missing x86-64), "
        "expected code for this CPU\n")




def test_two_images(compiled):
    """The lesser one runs where the better one's feature is not there."""
    path = compiled(EXAMPLE, "--quant=q4_0",
                    f"--cpu={LEVEL},{LEVEL}+dotprod")
    flags = ["run", path, "-p", PROMPTS[0], "-n", 8, "--temp", "0"]
    best, masked, lesser = (
        emulate(*flags),
        emulate(*flags, MICA_CPU_FEATURES="-dotprod"),
        emulate(*flags, cpu="cortex-a76", MICA_CPU_FEATURES="-dotprod"))
    assert best.stdout == masked.stdout == lesser.stdout
    assert "code for armv8.2-a+dotprod" in best.stderr
    assert "+dotprod" not in masked.stderr


def test_program(mica, compiled, tmp_path):
    """`--emit=exe` makes a program of the other architecture."""
    flags = ["-p", PROMPTS[0], "-n", 16, "--temp", "0"]
    path = tmp_path / "model"
    mica("compile", EXAMPLE, "--dtype=f32", f"--cpu={LEVEL}", "--emit=exe",
         "-o", path)
    here = mica("run", compiled(EXAMPLE, "--dtype=f32"), *flags).stdout
    assert emulate(*flags, program=path).stdout == here


def test_library(mica, compiled, tmp_path):
    """`--emit=so` makes a library that a C program links."""
    path = tmp_path / "model.so"
    mica("compile", EXAMPLE, "--dtype=f32", f"--cpu={LEVEL}", "--emit=so",
         "-o", path)
    subprocess.run(
        ["clang-22", "--target=aarch64-linux-gnu", "-fuse-ld=lld-22",
         "-std=c99", f"-I{ROOT / 'include'}", ROOT / "examples/c/main.c", path,
         "-o", tmp_path / "main"], check=True, timeout=300)
    here = mica("run", compiled(EXAMPLE, "--dtype=f32"), "-p", PROMPTS[0],
                "-n", 32).stdout
    assert emulate(PROMPTS[0], program=tmp_path / "main").stdout == here


def test_without_the_other_runtime(mica, request, tmp_path):
    """A compiler without a runtime for AArch64 says how to get one."""
    program = pathlib.Path(request.config.getoption("--mica"))
    (tmp_path / "bin").mkdir()
    for name in ("mica", "mica-compile"):
        shutil.copy(program.with_name(name), tmp_path / "bin")
    result = subprocess.run(
        [tmp_path / "bin/mica", "compile", EXAMPLE, f"--cpu={LEVEL}",
         "--emit=exe", "-o", tmp_path / "model"], text=True,
        capture_output=True)
    missing = f"{tmp_path}/bin/../aarch64/bin/mica-runner"
    assert (result.returncode, result.stderr) == (
        1, f"mica: {missing}: cannot be read, expected the "
        "runtime for aarch64, which scripts/build-aarch64 builds\n")
    assert not (tmp_path / "model").exists()


def test_two_architectures(mica, tmp_path):
    found = mica("compile", EXAMPLE, "-o", tmp_path / "m.mica",
                 f"--cpu=x86-64-v3,{LEVEL}", fails=True)
    assert (found.returncode, found.stderr) == (
        1, "mica: cpus 'x86-64-v3,armv8.2-a' of two architectures, "
        "expected one\n")
    assert not os.listdir(tmp_path)
