"""GGUF files that llama.cpp's own script writes give the oracle's logits.

gguf_files.py writes such files too, in every type of blocks; this proves that
it writes what users have.
"""
import subprocess
import sys

import numpy as np
import pytest

import checkpoints
import convert_gguf
from conftest import check

# What the script cannot write: windows of models for which llama.cpp has none,
# ffn sizes of GPT-2 other than 4 times the width, Gemma 3 without a tokenizer,
# GPT-NeoX's and Cohere 2's settings by their newer names, norms of OLMoE with
# another epsilon than 1e-5, dense layers between those with experts, limits of
# gpt-oss other than 7, norms of latents with another epsilon than the others,
# halves that turn beside a latent. Limits of a scan's steps of time.
# Granite 4's files, which Mica does not read.
LEFT = {("mistral", "windowed"), ("qwen2", "windowed"), ("smollm3", "windowed"),
        ("starcoder2", "windowed"), ("gpt2", "wide"), ("gpt2", "untied"),
        ("gemma2", "uncapped"), ("llama", "dynamic"), ("mixtral", "one"),
        ("olmoe", "grouped"), ("qwen3_moe", "mixed"), ("gpt_oss", "windowed"),
        ("deepseek_v2", "lite"), ("deepseek_v3", "halves"),
        ("mamba2", "limited")}
FAMILIES = set(checkpoints.SHAPES) - {"gemma3", "gpt_neox", "cohere2",
                                        "granitemoehybrid"}


@pytest.mark.parametrize("family, name", [
    shape for shape in checkpoints.all_shapes()
    if shape[0] in FAMILIES and tuple(shape) not in LEFT])
def test_converted(mica, made, truth, llama_cpp, tmp_path, family, name):
    file, artifact = tmp_path / "m.gguf", tmp_path / "m.mica"
    ran = subprocess.run(
        [sys.executable, convert_gguf.__file__, llama_cpp, made(family, name),
         file], text=True, capture_output=True)
    if ran.returncode == convert_gguf.UNKNOWN:
        pytest.skip("no such architecture in llama.cpp")
    assert ran.returncode == 0, ran.stderr
    mica("compile", file, "-o", artifact, "--dtype=f32")
    tokens, exact, bound = truth(family, name)
    np.save(tmp_path / "t.npy", tokens)
    mica("eval", artifact, "--tokens", tmp_path / "t.npy", "--logits",
         tmp_path / "l.npy")
    check(np.load(tmp_path / "l.npy"), exact, bound)
