"""`mica tune`, and what `mica compile` makes of the rows that it keeps.

Which row wins is a matter of the machine, so the rows here are written by hand,
under the key that a run with next to no time prints.
"""
import re

import numpy as np
import pytest

import artifacts
from test_driver import check_line

SHAPE = ("llama", "deep", "bf16")
SCHEDULE = ("#tile.schedule<rows = [1], panels = [1], block = 16, unit = 32, "
            "unroll = 1, prefetch = 0>")


@pytest.fixture(scope="module")
def tuned(mica, made, tmp_path_factory):
    """Returns the path of an artifact, what tuning it says, and its cache."""
    folder = tmp_path_factory.mktemp("tune")
    artifact, cache = folder / "m.mica", folder / "new" / "cache.mlir"
    mica("compile", made(*SHAPE), "-o", artifact, "--cpu=native", "--quant=q4_0",
         "--activations=int8", "--max-context=64", "--page=16")
    said = mica("tune", artifact, "--time=0", "--rows=1,40,4000", "--threads=1",
                "--cache", cache).stdout
    return artifact, said, cache


@pytest.fixture(scope="module")
def key(tuned):
    """Returns the fields that rows for this machine and compiler have."""
    return dict(re.findall(r"^(machine|features|compiler): (.*)$", tuned[1],
                           re.M))


def write_rows(path, *rows):
    """A cache file whose rows are for every product."""
    lines = (", ".join(f'{name} = "{value}"' for name, value in row.items())
             for row in rows)
    path.write_text("module attributes {tile.schedules = [" + ", ".join(
        f'{{op = "tile.contract", {line}, schedule = {SCHEDULE}}}'
        for line in lines) + "]} {}\n")
    return path


def remarks(path):
    return [r["message"] for r in artifacts.manifest(path)["remarks"]
            if "tuned" in r["message"]]


def test_tune(tuned):
    """Every product is tried, on steps of as many rows as fit."""
    artifact, said, cache = tuned
    products = re.findall(r"^(\d+) columns of (\d+) terms, ", said, re.M)
    # Queries, keys and values, the projections, gate beside up, the logits.
    assert set(products) == {(c, k) for c, k in (
        ("64", "64"), ("32", "64"), ("320", "64"), ("64", "160"), ("256", "64"))}
    assert len(products) == 5
    found = int(re.search(r"^(\d+) candidates tried$", said, re.M)[1])
    assert found > 0
    kept = re.search(r"^(\d+) of 5 products kept in (.*)$", said, re.M)
    assert kept[2] == str(cache)
    assert cache.read_text().count("schedule = #tile") == int(kept[1])


def test_tune_a_checkpoint(mica, made, tmp_path):
    """Flags say what is computed; nothing but the cache is left."""
    (tmp_path / "tmp").mkdir()
    cache = tmp_path / "cache.mlir"
    said = mica("tune", made(*SHAPE), "--time=0", "--rows=1", "--threads=1",
                "--activations=f32", "--cache", cache).stdout
    assert "bf16 times f32" in said
    assert cache.exists()


@pytest.mark.parametrize("shape,product", [
    ("48x96:q4_0", "48 columns of 96 terms, #tile.blocks<bits = 4"),
    ("80x64:f32", "80 columns of 64 terms, f32 times f32")])
def test_tune_a_shape(mica, tmp_path, shape, product):
    """One product, for every model that has it."""
    cache = tmp_path / "cache.mlir"
    said = mica("tune", shape, "--time=0", "--rows=1,3", "--threads=1",
                "--cache", cache).stdout
    assert said.startswith(product)
    assert " of 1 products kept" in said


@pytest.mark.parametrize("shape,parts", [
    ("48x100:q4_0", ["100 terms", "whole blocks of 32"]),
    ("48x100:q9_9", ["'q9_9'", "f32, bf16, f16"]),
    ("0x64:q4_0", ["0 columns of 64 terms", "expected 1 to 1048576"]),
    ("99999999x64:q4_0", ["99999999 columns"])])
def test_impossible_shapes(mica, tmp_path, shape, parts):
    check_line(mica("tune", shape, "--cache", tmp_path / "c.mlir", fails=True),
               shape, *parts)


def test_compile_uses_and_explain_cites(mica, made, evaluate, key, tmp_path):
    """A tuned row changes code and no result."""
    model, cache = made(*SHAPE), write_rows(tmp_path / "c.mlir", key)
    paths = [tmp_path / name for name in ("tuned.mica", "plain.mica")]
    for path, option in zip(paths, (f"--tuned={cache}", "--no-tuned")):
        mica("compile", model, "-o", path, option, "--cpu=native")
    assert not remarks(paths[1])
    expected = (f"phase 'qkv' takes a tuned schedule for 64 columns of 64 terms "
                f"from {cache}")
    assert expected in remarks(paths[0])
    phases = {re.search("phase '(.*?)'", line)[1] for line in remarks(paths[0])}
    assert phases == {"qkv", "projection", "gate_up", "logits"}
    said = mica("explain", paths[0], "--steps=1").stdout
    assert f"done: {expected}" in said
    tokens = np.arange(40, dtype=np.int32).reshape(1, 40)
    np.testing.assert_array_equal(*(evaluate(path, tokens) for path in paths))
    assert paths[0].read_bytes() != paths[1].read_bytes()


def test_the_cache_is_found(mica, made, key, tmp_path, monkeypatch):
    (tmp_path / "mica").mkdir()
    write_rows(tmp_path / "mica" / "schedules.mlir", key)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    out = tmp_path / "m.mica"
    mica("compile", made(*SHAPE), "-o", out, "--cpu=native")
    assert remarks(out)
    # Code that is to be the same on all machines, and code for others.
    for options in (["--no-tuned", "--cpu=native"], ["--cpu=x86-64-v3"]):
        mica("compile", made(*SHAPE), "-o", out, *options)
        assert not remarks(out)


@pytest.mark.parametrize("field", ["machine", "features", "compiler"])
def test_rows_of_others_are_ignored(mica, made, key, tmp_path, field):
    cache = write_rows(tmp_path / "c.mlir", key | {field: "another"})
    out = tmp_path / "m.mica"
    mica("compile", made(*SHAPE), "-o", out, f"--tuned={cache}", "--cpu=native")
    assert not remarks(out)


def test_given_rows_come_first(mica, made, key, tmp_path):
    tuned = write_rows(tmp_path / "tuned.mlir", key)
    given, out = tmp_path / "given.mlir", tmp_path / "m.mica"
    given.write_text('module attributes {tile.schedules = [{op = "tile.contract"'
                     f", columns = 64, schedule = {SCHEDULE}}}]}} {{}}\n")
    mica("compile", made(*SHAPE), "-o", out, f"--tuned={tuned}",
         f"--schedules={given}", "--cpu=native")
    assert remarks(out)
    assert not [line for line in remarks(out) if "for 64 columns" in line]


def test_bad_caches_are_refused(mica, made, tuned, tmp_path):
    cache, out = tmp_path / "c.mlir", tmp_path / "m.mica"
    for text, parts in (("module {}\n", ["without 'tile.schedules'"]),
                        ("module {", ["c.mlir:1:"])):
        cache.write_text(text)
        for command in (["compile", made(*SHAPE), "-o", out, "--cpu=native",
                         f"--tuned={cache}"],
                        ["tune", tuned[0], "--time=0", "--cache", cache]):
            check_line(mica(*command, fails=True), str(cache), *parts)
        assert cache.read_text() == text
    assert not out.exists()


def test_artifacts_that_cannot_be_tuned(mica, made, tmp_path):
    out, cache = tmp_path / "m.mica", tmp_path / "c.mlir"
    check_line(mica("tune", out, "--cache", cache, fails=True), str(out))
    link = tmp_path / "model"
    link.symlink_to(made(*SHAPE))
    mica("compile", link, "-o", out, "--cpu=x86-64-v3")
    check_line(mica("tune", out, "--cache", cache, fails=True), str(out),
               "x86-64-v3", "this machine's")
    mica("compile", link, "-o", out, "--cpu=native")
    link.unlink()
    check_line(mica("tune", out, "--cache", cache, fails=True), str(link))
    assert not cache.exists()
