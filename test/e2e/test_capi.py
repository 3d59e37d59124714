"""The C interface: what it exports, its layout, and programs that use it."""
import re
import subprocess

import pytest

from conftest import ROOT

EXAMPLE = ROOT / "examples" / "tiny-python"
HEADER = ROOT / "include" / "mica-c" / "mica.h"
ABI = ROOT / "test" / "capi" / "abi.txt"
CALLS = ROOT / "test" / "capi" / "calls.c"
MAIN = ROOT / "examples" / "c" / "main.c"
LIBRARIES = ["lib/libmica.so.1", "bin/mica-carrier.so"]
STRICT = ["-pedantic", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}"]
PROMPT = "class Reader:\n    def __init__(self, "

pytestmark = pytest.mark.xdist_group("example")


def sh(*words, **options):
    """Returns what a command prints."""
    result = subprocess.run([str(w) for w in words], text=True,
                            capture_output=True, timeout=300, **options)
    assert result.returncode == 0, f"{words}\n{result.stderr}"
    return result.stdout


def header_text():
    return re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.S)


def functions():
    return set(re.findall(r"\b(mica_\w+)\(", header_text()))


def versions():
    """Returns {function: the symbol version of its minor version}."""
    text = (ROOT / "runtime" / "CApi.map").read_text()
    return {name: version
            for version, body in re.findall(r"(MICA_[\d.]+) \{(.*?)\}", text,
                                            re.S)
            for name in re.findall(r"(mica_\w+);", body)}


def structures():
    """Returns {name: fields} of the header's structures."""
    found = {}
    for body, name in re.findall(r"typedef struct \w+ \{(.*?)\} (\w+);",
                                 header_text(), re.S):
        found[name] = [field.strip().lstrip("*").split()[-1].lstrip("*")
                       for line in body.split(";") if line.strip()
                       for field in line.split(",")]
    return found


def layout(tmp_path):
    """Returns the lines of sizes and offsets that the C compiler says."""
    lines = []
    for name, fields in structures().items():
        lines.append(f'printf("size {name} %zu\\n", sizeof({name}));')
        lines += [f'printf("offset {name}.{field} %zu\\n", '
                  f'offsetof({name}, {field}));' for field in fields]
    source = tmp_path / "layout.c"
    source.write_text('#include "mica-c/mica.h"\n#include <stdio.h>\n'
                      "int main(void) {" + "\n".join(lines) + "return 0; }")
    sh("cc", "-std=c99", *STRICT, source, "-o", tmp_path / "layout")
    return sh(tmp_path / "layout").splitlines()


def exported(library):
    text = sh("nm", "-D", "--defined-only", "--with-symbol-versions", library)
    return {line.split()[-1] for line in text.splitlines()
            if line.split()[1] != "A"}


def test_golden(tmp_path):
    version = versions()
    wanted = [f"symbol {name}@@{version[name]}" for name in sorted(functions())]
    assert ABI.read_text().splitlines() == wanted + layout(tmp_path)


@pytest.mark.parametrize("library", LIBRARIES)
def test_exports(library):
    wanted = {line.split()[1] for line in ABI.read_text().splitlines()
              if line.startswith("symbol ")}
    assert exported(ROOT / "build" / library) == wanted
    needed = re.findall(r"NEEDED.*\[(.*)\]",
                        sh("readelf", "-d", ROOT / "build" / library))
    assert set(needed) <= {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"}


@pytest.mark.parametrize("compiler", [["cc", "-std=c99", "-x", "c"],
                                      ["c++", "-std=c++17", "-x", "c++"]],
                         ids=["c99", "c++17"])
def test_header(compiler):
    sh(*compiler, *STRICT, "-fsyntax-only", HEADER)


@pytest.fixture(scope="module")
def library(mica, tmp_path_factory):
    """Returns the example model as a library."""
    path = tmp_path_factory.mktemp("capi") / "model.so"
    mica("compile", EXAMPLE, "--dtype=f32", "--emit=so", "-o", path)
    return path


@pytest.fixture(scope="module")
def wanted(mica, compiled):
    return mica("run", compiled(EXAMPLE, "--dtype=f32"), "-p", PROMPT, "-n",
                "32").stdout


def test_example(library, wanted, tmp_path):
    assert len(MAIN.read_text().splitlines()) <= 40
    sh("cc", "-std=c99", *STRICT, MAIN, library, "-o", tmp_path / "main")
    assert sh(tmp_path / "main", PROMPT) == wanted


def test_calls(mica, library, wanted, compiled, tmp_path):
    """A program that goes step by step and makes every kind of mistake; with
    the library that carries the model, the one that does not, the archive."""
    carried = tmp_path / "carried"
    sh("cc", "-std=c99", *STRICT, CALLS, library, "-o", carried)
    assert sh(carried, "", PROMPT) == wanted
    artifact = compiled(EXAMPLE, "--dtype=f32")
    build = ROOT / "build" / "lib"
    shared = tmp_path / "shared"
    sh("cc", "-std=c99", *STRICT, CALLS, build / "libmica.so.1",
       f"-Wl,-rpath,{build}", "-o", shared)
    assert sh(shared, artifact, PROMPT) == wanted
    static = tmp_path / "static"
    sh("cc", "-std=c99", *STRICT, CALLS, build / "libmica.a", "-lpcre2-8",
       "-lutf8proc", "-lhwloc", "-lstdc++", "-lm", "-o", static)
    assert sh(static, artifact, PROMPT) == wanted


def test_library_without_model(tmp_path):
    build = ROOT / "build" / "lib"
    sh("cc", "-std=c99", *STRICT, MAIN, build / "libmica.so.1",
       f"-Wl,-rpath,{build}", "-o", tmp_path / "main")
    found = subprocess.run([tmp_path / "main"], text=True, capture_output=True)
    assert found.returncode == 1
    assert re.fullmatch(r"main: .*libmica.so.1: the first bytes are no magic "
                        "of a .mica file, expected 'MICA-22'\n", found.stderr)
