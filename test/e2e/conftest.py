"""Fixtures of the end-to-end tests: random checkpoints and the commands."""
import functools
import os
import pathlib
import subprocess

import pytest
import torch

import checkpoints
import oracle

ROOT = pathlib.Path(__file__).resolve().parents[2]
torch.set_num_threads(1)  # pytest-xdist uses the other cores


def pytest_addoption(parser):
    parser.addoption("--mica", default=str(ROOT / "build/bin/mica"),
                     help="the mica program under test")


@pytest.fixture(scope="session")
def mica(request):
    """Returns a function that runs mica with arguments and checks its status."""
    program = request.config.getoption("--mica")

    def run(*arguments, fails=False, guard=False, **options):
        environment = dict(os.environ, MICA_GUARD="1" if guard else "0")
        result = subprocess.run([program, *map(str, arguments)], text=True,
                                capture_output=True, timeout=600,
                                env=environment, **options)
        if not fails:
            command = " ".join(map(str, arguments))
            assert result.returncode == 0, f"mica {command}\n{result.stderr}"
        return result
    return run


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Returns a function: (family, shape, dtype) -> its checkpoint directory."""
    @functools.cache
    def make(family, name, dtype="f32"):
        directory = tmp_path_factory.mktemp(f"{family}-{name}-{dtype}")
        return checkpoints.make_checkpoint(family, name, directory, dtype)
    return make


@pytest.fixture(scope="session")
def truth(made):
    """Returns a function: (family, shape, dtype) -> (tokens, oracle, bound)."""
    @functools.cache
    def find(family, name, dtype="f32"):
        directory = made(family, name, dtype)
        tokens = checkpoints.tokens_of(family, name)
        exact = oracle.oracle_logits(directory, tokens)
        peer = oracle.peer_logits(directory, tokens,
                                  checkpoints.DTYPES[dtype])
        return tokens, exact, oracle.bound(exact, peer)
    return find
