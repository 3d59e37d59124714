"""Files kept between runs, under the bytes of everything they follow from.

What a test compares is computed by the programs under test each time. Kept are
artifacts (under the compiler, the model and the options) and what the oracle
says (under its scripts, the versions of what they import, and the CPU). All lie
in .cache/kept; delete it to have them made anew.
"""
import contextlib
import fcntl
import functools
import hashlib
import importlib.metadata
import json
import os
import pathlib
import re
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / ".cache" / "kept"
LIMIT = 1 << 30  # bytes; what was used last stays
ORACLE = ("oracle.py", "checkpoints.py", "experts.py", "gguf_files.py",
          "mutations.py", "shapes.py")
PACKAGES = ("torch", "transformers", "numpy", "gguf", "safetensors")


def digest(*parts):
    """Returns 32 hexadecimal digits of values that have a repr."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def bytes_of(path):
    """Returns the digest of a file, or of a folder's names and files."""
    path = pathlib.Path(path)
    if path.is_dir():
        return digest(*((p.name, bytes_of(p)) for p in sorted(path.iterdir())))
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def cpu():
    """Returns what tells this CPU's instructions from another's."""
    text = pathlib.Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    return digest(*re.findall(r"^(?:model name|flags)\s*: (.*)", text, re.M))


@functools.cache
def program(path):
    """Returns the digest of a program; its libraries count by size and age."""
    lines = subprocess.run(["ldd", path], text=True, capture_output=True).stdout
    found = map(os.stat, re.findall(r"=> (/\S+)", lines))
    return digest(bytes_of(path), cpu(),
                  *((s.st_size, s.st_mtime_ns) for s in found))


@functools.cache
def oracle():
    """Returns the digest of what the oracle's answers follow from."""
    return digest(cpu(), *(bytes_of(HERE / name) for name in ORACLE),
                  *map(importlib.metadata.version, PACKAGES))


@contextlib.contextmanager
def locked(path):
    """Holds other processes off until the end of the block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def kept(kind, parts, make):
    """Returns the file or folder that make(path) made of `parts`, once."""
    path = FOLDER / kind / digest(*parts)
    with locked(path.with_suffix(".lock")):
        if not path.exists():
            partial = path.with_suffix(".part")
            remove(partial)
            make(partial)
            partial.rename(path)
        os.utime(path)
    return path


def value(kind, parts, answer):
    """Returns answer(), something that JSON can say, computed once."""
    return json.loads(kept(kind, parts, lambda path: path.write_text(
        json.dumps(answer()))).read_text())


def prune():
    """Deletes what was not used for longest, down to LIMIT bytes."""
    total = 0
    entries = [p for p in FOLDER.glob("*/*") if p.suffix != ".lock"]
    for path in sorted(entries, key=lambda p: -p.stat().st_mtime):
        files = path.rglob("*") if path.is_dir() else [path]
        total += sum(p.stat().st_size for p in files)
        if total > LIMIT:
            remove(path)
            path.with_suffix(".lock").unlink(missing_ok=True)
