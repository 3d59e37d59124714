"""Artifacts inside a program: `mica compile --emit=exe`."""
import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import ROOT

EXAMPLE = ROOT / "examples" / "tiny-python"
PROMPT = "class Reader:\n    def __init__(self, "
FLAGS = ["-p", PROMPT, "-n", "32"]

pytestmark = pytest.mark.xdist_group("example")


@pytest.fixture(scope="module")
def wanted(mica, compiled):
    """Returns a function: flags of `mica run` -> the text of the artifact."""
    artifact = compiled(EXAMPLE, "--dtype=f32")
    return lambda *flags: mica("run", artifact, *FLAGS, *flags).stdout


@pytest.fixture(scope="module")
def program(mica, tmp_path_factory):
    path = tmp_path_factory.mktemp("emit") / "model"
    mica("compile", EXAMPLE, "--dtype=f32", "--emit=exe", "-o", path)
    return path


def in_root(root, *command, environment=()):
    """Runs a command in `root` as its whole file system."""
    words = ["chroot", str(root), *command]
    if os.geteuid() != 0:
        words = ["unshare", "-r", *words]
        if subprocess.run(["unshare", "-r", "true"]).returncode:
            pytest.skip("needs root or user namespaces")
    return subprocess.run(words, text=True, capture_output=True, timeout=120,
                          env=dict(environment, PATH=os.environ["PATH"]))


def test_program_in_an_empty_root(program, wanted, tmp_path):
    shutil.copy(program, tmp_path / "model")
    for flags in ([], ["--temp", "1", "--seed", "7", "--threads", "1"]):
        found = in_root(tmp_path, "/model", *FLAGS, *flags)
        assert found.returncode == 0, found.stderr
        assert found.stdout == wanted(*flags)
        assert "tokens/s" in found.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_program_depends_on_nothing(program):
    text = subprocess.run(["readelf", "-ld", program], text=True,
                          capture_output=True, check=True).stdout
    assert "NEEDED" not in text and "INTERP" not in text


def test_weights_stay_in_the_file(mica, program, compiled):
    """The program carries the artifact's bytes, where a page can map them."""
    artifact = compiled(EXAMPLE, "--dtype=f32").read_bytes()
    data = pathlib.Path(program).read_bytes()
    begin = data.index(artifact[:4096])
    assert begin % (2 << 20) == 0
    assert data[begin:-24] == artifact
    mica("verify", program)


def test_cut_programs(program, tmp_path):
    """A program that lost its end, or whose trailer lies, says so."""
    data = pathlib.Path(program).read_bytes()
    path = tmp_path / "model"
    for changed in (data[:-1], data[:-4096], data + b"\0",
                    data[:-24] + (1 << 63).to_bytes(8, "little") + data[-16:],
                    data[:-24] + bytes(8) + data[-16:],
                    data[:-16] + bytes([255] * 8) + data[-8:]):
        path.write_bytes(changed)
        path.chmod(0o755)
        found = subprocess.run([path, *FLAGS], text=True, capture_output=True)
        assert found.returncode == 1
        assert found.stdout == ""
        assert found.stderr == (
            f"mica: {path}: the first bytes are no magic of a .mica file, "
            "expected 'MICA-22'\n")


def test_no_output_is_left(mica, tmp_path):
    found = mica("compile", tmp_path, "--emit=exe", "-o", tmp_path / "model",
                 fails=True)
    assert found.returncode == 1 and not list(tmp_path.iterdir())
    found = mica("compile", EXAMPLE, "--emit=exe", fails=True)
    assert found.stderr == "mica: no output file, expected -o FILE\n"
