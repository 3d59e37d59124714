"""Fixtures of the end-to-end tests: random checkpoints and the commands."""
import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

import numpy as np
import pytest
import torch

import checkpoints
import gguf_files
import kept
import oracle

ROOT = pathlib.Path(__file__).resolve().parents[2]
GEMMA = ROOT / "models" / "gemma3-270m.gguf"
# A source archive that carries llama.cpp, with the chat templates of published
# models and the script that converts checkpoints to GGUF.
LLAMA_CPP = "llama-cpp-python==0.3.36"
torch.set_num_threads(1)  # pytest-xdist uses the other cores
# No file of `mica tune` that lies in the user's cache.
os.environ["XDG_CACHE_HOME"] = str(ROOT / "build" / "no-cache")


@functools.cache
def cpu_flags():
    """Returns what this CPU has, as /proc/cpuinfo calls it."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    return set(re.search(r"^flags\s*:(.*)", text, re.M)[1].split())


def check(logits, exact, bound):
    """Asserts the bound over all logits, and that no position is off alone."""
    assert logits.shape == tuple(exact.shape)
    difference = torch.from_numpy(logits).double() - exact
    error = oracle.rms(difference)
    rows = difference.square().mean(-1).sqrt()
    assert error <= bound, (
        f"RMS error {error:.3g}, expected at most {bound:.3g}; by position "
        f"{[f'{e:.1e}' for e in rows.square().mean(0).sqrt().tolist()]}")


def pytest_addoption(parser):
    parser.addoption("--mica", default=str(ROOT / "build/bin/mica"),
                     help="the mica program under test")
    parser.addoption("--cpu", default=os.environ.get("MICA_CPU", "native"),
                     help="what to compile for, by default $MICA_CPU or native")


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        kept.prune()


@pytest.fixture(scope="session")
def llama_cpp():
    """Returns the folder of llama.cpp's Python files and chat templates, which
    is kept in .cache."""
    folder = ROOT / ".cache" / "llama.cpp" / LLAMA_CPP
    if folder.exists():
        return folder
    partial = folder.with_name(f"{os.getpid()}")
    partial.mkdir(parents=True)
    fetched = subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", "--no-deps",
         "--no-binary", LLAMA_CPP.split("=")[0], "-d", partial, LLAMA_CPP],
        text=True, capture_output=True)
    if fetched.returncode:
        shutil.rmtree(partial)
        pytest.fail(f"{LLAMA_CPP}: {fetched.stderr}")
    (archive,) = partial.iterdir()
    with tarfile.open(archive) as tar:
        for member in tar:
            _, found, name = member.name.partition("/vendor/llama.cpp/")
            if found and member.isfile() and name.endswith((".py", ".jinja")):
                path = partial / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(tar.extractfile(member).read())
    archive.unlink()
    try:
        partial.rename(folder)
    except OSError:  # Another process was faster.
        shutil.rmtree(partial)
    return folder


@pytest.fixture(scope="session")
def mica(request):
    """Returns a function that runs mica with arguments and checks its status."""
    program = request.config.getoption("--mica")
    cpu = f"--cpu={request.config.getoption('--cpu')}"

    def run(*arguments, fails=False, guard=False, **options):
        command = [program, *map(str, arguments)]
        # A module entered at a stage says itself what it is for.
        if command[1] == "compile" and not any(
                word.startswith(("--cpu", "--start-from")) for word in command):
            command.append(cpu)
        environment = dict(os.environ, MICA_GUARD="1" if guard else "0")
        result = subprocess.run(command, text=True, capture_output=True,
                                timeout=600, env=environment, **options)
        if not fails:
            assert result.returncode == 0, \
                f"{' '.join(command)}\n{result.stderr}"
        return result
    return run


@pytest.fixture(scope="session")
def compiler(request):
    """Returns the digest of the compiler under test and of its target."""
    program = pathlib.Path(request.config.getoption("--mica"))
    return kept.digest(kept.program(program),
                       kept.program(program.with_name("mica-compile")),
                       request.config.getoption("--cpu"))


@pytest.fixture(scope="session")
def compiled(mica, compiler):
    """Returns a function: (model, options) -> what `mica compile` writes, which
    is kept for as long as neither changes: for tests that only read it."""
    @functools.cache
    def compile_it(model, *options):
        return kept.kept(
            "compiled", [compiler, kept.bytes_of(model), options],
            lambda path: mica("compile", model, "-o", path, *options))
    return compile_it


@pytest.fixture
def evaluate(mica, tmp_path):
    """Returns a function: (artifact, tokens, flags) -> logits [S, T, V]."""
    def run(path, tokens, *flags, **options):
        np.save(tmp_path / "t.npy", tokens)
        mica("eval", path, "--tokens", tmp_path / "t.npy", "--logits",
             tmp_path / "l.npy", *flags, **options)
        logits = np.load(tmp_path / "l.npy")
        assert logits.dtype == np.float32
        return logits
    return run


@pytest.fixture(scope="session")
def gemma(mica, tmp_path_factory):
    """Returns a function: how activations are multiplied -> Gemma's artifact,
    too large to be kept. `int8` is what a file of blocks is compiled to."""
    @functools.cache
    def compile_it(activations):
        path = tmp_path_factory.mktemp("gemma") / f"{activations}.mica"
        paths.append(path)
        options = [] if activations == "int8" else [
            f"--dtype={activations}", f"--activations={activations}"]
        mica("compile", GEMMA, "-o", path, "--max-context=2048", *options)
        return path
    paths = []
    yield compile_it
    for path in paths:
        path.unlink()


@pytest.fixture(scope="session")
def made():
    """Returns a function: (family, shape, dtype) -> its checkpoint directory."""
    @functools.cache
    def make(family, name, dtype="f32"):
        return kept.kept(
            "checkpoint", [kept.oracle(), family, name, dtype],
            lambda path: checkpoints.make_checkpoint(family, name, path, dtype))
    return make


@pytest.fixture(scope="session")
def made_gguf():
    """Returns a function: (family, shape, type) -> (GGUF file, directory of the
    weights that transformers and the gguf package decode)."""
    @functools.cache
    def make(family, name, kind):
        parts = [kept.oracle(), family, name, kind]
        file = kept.kept("gguf", parts, lambda path: gguf_files.make_gguf(
            family, name, path, kind))
        return file, kept.kept("decoded", parts, lambda path:
                               gguf_files.make_directory(family, name, file,
                                                         path))
    return make


@pytest.fixture(scope="session")
def answers():
    """Returns a function: (checkpoint directory, family, shape, dtype, whether
    activations are integers, how many tokens of each sequence) -> (tokens, the
    oracle's logits, the RMS error that Mica's may have)."""
    @functools.cache
    def find(directory, family, name, dtype, integers=False, length=None):
        tokens = checkpoints.tokens_of(family, name)[:, :length]

        def save(path):
            exact = oracle.oracle_logits(directory, tokens, integers)
            peer = oracle.peer_logits(directory, tokens,
                                      checkpoints.DTYPES[dtype], integers)
            with open(path, "wb") as file:
                np.savez(file, exact=exact.numpy(),
                         bound=oracle.bound(exact, peer))
        with np.load(kept.kept("answers", [
                kept.oracle(), kept.bytes_of(directory), dtype, integers,
                length], save)) as file:
            return (tokens, torch.from_numpy(file["exact"]),
                    float(file["bound"]))
    return find


@pytest.fixture(scope="session")
def truth(made, answers):
    """Returns a function: (family, shape, dtype) -> (tokens, oracle, bound)."""
    def find(family, name, dtype="f32"):
        return answers(made(family, name, dtype), family, name, dtype)
    return find
