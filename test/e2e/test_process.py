"""What a running model costs: time to start, and memory that is its own."""
import pathlib
import re
import subprocess
import time

import pytest

import artifacts
from conftest import GEMMA, ROOT

EXAMPLE = ROOT / "examples" / "tiny-python"
ALLOWED = 48 << 20  # beside cache and workspace: the program itself
START = 0.2  # seconds to the first step, with the file in the page cache
TOKENS = 512

MODELS = [
    pytest.param(EXAMPLE, id="example",
                 marks=pytest.mark.xdist_group("example")),
    pytest.param(GEMMA, id="gemma", marks=[
        pytest.mark.xdist_group("gemma"),
        pytest.mark.skipif(not GEMMA.exists(),
                           reason="needs `scripts/get-model gemma3-270m`")]),
]


@pytest.fixture(params=MODELS)
def artifact(request, compiled, gemma):
    if request.param is GEMMA:
        return gemma("int8")
    return compiled(EXAMPLE, "--dtype=bf16")


def test_start(mica, artifact):
    """All of `mica run` but its step takes 0.2 s, the best of five."""
    best = 1e9
    for _ in range(5):
        begin = time.perf_counter()
        said = mica("run", artifact, "-p", "a", "-n", "1", "--ctx", TOKENS)
        whole = time.perf_counter() - begin
        tokens, rate = re.search(r"prompt: (\d+) tokens, ([\d.]+) tokens/s",
                                 said.stderr).groups()
        best = min(best, whole - int(tokens) / max(float(rate), 1e-9))
    assert best <= START


def test_memory(request, artifact):
    """RssAnon stays below cache + workspace + 48 MB; weights are mapped."""
    threads = 2
    process = subprocess.Popen(
        [request.config.getoption("--mica"), "run", artifact, "-p",
         "import os\n" * 20, "-n", "200", "--temp", "0", "--ctx",
         str(TOKENS), "--threads", str(threads)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most = {"RssAnon": 0, "RssFile": 0}
    status = pathlib.Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        text = status.read_text()
        for key in most:
            found = re.search(rf"{key}:\s+(\d+) kB", text)
            if found:
                most[key] = max(most[key], int(found[1]) << 10)
        time.sleep(0.002)
    assert process.returncode == 0
    allowed = artifacts.working_bytes(artifact, TOKENS, threads) + ALLOWED
    assert 0 < most["RssAnon"] <= allowed
    weights = artifacts.sections(artifact)[artifacts.WEIGHTS, 0][1]
    assert most["RssFile"] >= 0.5 * weights
