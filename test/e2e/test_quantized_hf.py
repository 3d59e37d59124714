"""Quantized Hugging Face directories against the float64 oracle on their numbers.

hf_quantized.py writes random checkpoints of each method beside the plain weights
that they mean. With float activations the rule is that of test_families.py. With
integer ones the oracle rounds the inputs of quantized matrices itself; logits may
be off by half of what that rounding moves them by (see test_formats.py for why).

The writer is held beside compressed-tensors and, where it is installed,
bitsandbytes. For GPTQ, AWQ and FP8 it is the only oracle of how numbers are
packed: their libraries need a GPU.
"""
import json
import re

import numpy as np
import pytest
import safetensors
import torch

import checkpoints
import hf_quantized
import kept
import oracle
from conftest import check, cpu_flags

KINDS = hf_quantized.KINDS
# A kind for each thing that integer kernels do with such blocks.
IN_BLOCKS = ("gptq", "gptq-asym", "gptq-8-asym", "gptq-3", "gptq-act-order",
             "gptq-shared-order", "awq", "packed-rows", "packed-asym",
             "packed-8", "int8-asym", "mxfp4")
NOISE = 0.5  # of what rounding to integers moves the logits by


@pytest.fixture(scope="session")
def quantized():
    """Returns a function: kind -> (checkpoint directory, that of its numbers)."""
    def make(kind):
        writer = kept.bytes_of(hf_quantized.__file__)
        path = kept.kept("quantized", [kept.oracle(), writer, kind],
                         lambda path: hf_quantized.make_directory(kind, path))
        return path / "quantized", path / "plain"
    return make


@pytest.mark.parametrize("kind", KINDS)
def test_float_activations(quantized, compiled, answers, evaluate, kind):
    directory, plain = quantized(kind)
    tokens, exact, bound = answers(plain, "llama", KINDS[kind].shape, "f32")
    path = compiled(directory, "--dtype=f32", "--activations=f32")
    check(evaluate(path, tokens), exact, bound)


@pytest.mark.parametrize("kind", ["fp8", "nf4"])
def test_floats_with_avx2(quantized, compiled, answers, evaluate, kind):
    """Vectors of 8 lanes look codes up in another way."""
    directory, plain = quantized(kind)
    tokens, exact, bound = answers(plain, "llama", KINDS[kind].shape, "f32")
    path = compiled(directory, "--dtype=f32", "--cpu=x86-64-v3")
    check(evaluate(path, tokens), exact, bound)


@pytest.fixture(params=["tiles", "pairs"])
def bf16(request):
    """The options of `mica compile` for products of bf16: the best of --cpu, or
    those of vectors."""
    if request.param == "pairs" and "avx512_bf16" not in cpu_flags():
        pytest.skip("this CPU has no vdpbf16ps")
    return [] if request.param == "tiles" else ["--cpu=x86-64-v4+avx512bf16"]


@pytest.mark.parametrize("kind", ["nf4", "fp8", "fp8-rest", "packed-asym"])
def test_many_rows_of_bf16(quantized, compiled, mica, tmp_path, bf16, kind):
    """Weights rounded to bf16 in steps of many rows and of some; products in
    registers in steps of few."""
    directory, _ = quantized(kind)
    path = compiled(directory, "--dtype=bf16", "--activations=bf16", *bf16)
    for length in (107, 45, 11, 5):
        np.save(tmp_path / "t.npy", checkpoints.tokens_of(
            "llama", KINDS[kind].shape, 1, length))
        mica("diff", path, "--reference", "--checkpoint", directory,
             "--tokens", tmp_path / "t.npy", guard=True)


def test_floats_have_no_integers(quantized, mica, tmp_path):
    """Rows in integers are refused where they are asked for, else not missed."""
    directory, _ = quantized("nf4")
    to = ["compile", directory, "-o", tmp_path / "a.mica", "--no-fallback"]
    mica(*to)
    failed = mica(*to, "--activations=int8", fails=True)
    assert re.search(r"activations of \S+ not in int8: codes of nf4g64\S* are "
                     "floats", failed.stderr)


def round_in_order(groups):
    """Returns a hook that rounds rows with their columns sorted by group."""
    order = torch.argsort(groups, stable=True)
    back = torch.argsort(order)
    return lambda module, inputs: oracle.round_rows(
        module, (inputs[0][..., order],))[..., back]


def integer_logits(quantized, plain, tokens):
    """Returns the oracle's logits with rounded inputs of quantized matrices."""
    file = quantized / "model.safetensors"
    dtypes = hf_quantized.dtypes_in(file)
    with safetensors.safe_open(file, "pt") as parts:
        groups = {name: parts.get_tensor(name) for name in dtypes
                  if name.endswith(".g_idx")}
    model = oracle.double_model(*oracle.load(plain))
    for name, module in model.model.named_modules():
        if isinstance(module, torch.nn.Linear) and \
                dtypes.get(name + ".weight") != "F32":
            order = groups.get(name + ".g_idx")
            module.register_forward_pre_hook(
                oracle.round_rows if order is None else round_in_order(order))
    return oracle.logits_of(model, tokens)


@pytest.mark.parametrize("kind", IN_BLOCKS)
def test_integer_activations(quantized, compiled, answers, evaluate, kind):
    directory, plain = quantized(kind)
    tokens, floats, _ = answers(plain, "llama", KINDS[kind].shape, "f32")
    exact = integer_logits(directory, plain, tokens)
    logits = evaluate(compiled(directory, "--dtype=f32"), tokens)
    difference = torch.from_numpy(logits).double() - exact
    noise = oracle.rms(exact - floats)
    assert 0 < oracle.rms(difference) <= NOISE * noise


@pytest.mark.parametrize("kind", ["gptq-asym", "gptq-act-order",
                                  "gptq-shared-order", "packed-3", "float8",
                                  "nf4-double", "nf4-over"])
def test_what_is_kept(quantized, mica, tmp_path, kind):
    """Integers stay packed; what has no kernels says that it is unpacked."""
    directory, plain = quantized(kind)
    result = mica("compile", directory, "-o", tmp_path / "a.mica")
    unpacked = re.findall(r"\d+ (\S+) weights unpacked to bf16",
                          result.stderr)
    whole = (plain / "model.safetensors").stat().st_size
    if KINDS[kind].kept:
        assert not unpacked
        assert (tmp_path / "a.mica").stat().st_size < 0.4 * whole
    else:
        assert len(unpacked) == 1
        failed = mica("compile", directory, "-o", tmp_path / "b.mica",
                      "--no-fallback", fails=True)
        assert f"{unpacked[0]} weights unpacked" in failed.stderr
    assert "found, expected none" not in result.stderr


def test_order_of_the_output(compiled, answers, evaluate, tmp_path):
    """The rows of the output projection are put in order too."""
    path = hf_quantized.make_directory("gptq-act-order", tmp_path,
                                       plain=("embed_tokens",))
    tokens, exact, bound = answers(path / "plain", "llama", "blocks", "f32")
    artifact = compiled(path / "quantized", "--dtype=f32", "--activations=f32")
    check(evaluate(artifact, tokens), exact, bound)


def test_order_of_the_embedding(mica, tmp_path):
    """Nothing would put looked up rows back in order."""
    path = hf_quantized.make_directory("gptq-act-order", tmp_path, plain=())
    failed = mica("compile", path / "quantized", "-o", tmp_path / "a.mica",
                  fails=True)
    assert re.fullmatch(
        r"mica: \S+model\.safetensors: tensor 'model\.embed_tokens\.weight' has "
        r"columns in an order of its own \(desc_act\), expected none in the "
        r"token embedding\n", failed.stderr)
    assert not (tmp_path / "a.mica").exists()


@pytest.mark.parametrize("kind", ["packed-asym", "nf4", "fp8"])
def test_every_matrix(compiled, answers, evaluate, tmp_path, kind):
    """The embedding and the output projection can be quantized too, of any
    number of rows."""
    path = hf_quantized.make_directory(kind, tmp_path, plain=())
    tokens, exact, bound = answers(path / "plain", "llama", "blocks", "f32")
    artifact = compiled(path / "quantized", "--dtype=f32", "--activations=f32")
    check(evaluate(artifact, tokens), exact, bound)


def test_repacking(quantized, compiled, evaluate, mica, tmp_path):
    """--quant takes a quantized matrix to another format."""
    directory, plain = quantized("gptq-asym")
    tokens = checkpoints.tokens_of("llama", "blocks")
    for source, path in ((directory, "q.mica"), (plain, "p.mica")):
        mica("compile", source, "-o", tmp_path / path, "--dtype=f32",
             "--activations=f32", "--quant=*proj*=w8g128-f32")
    np.testing.assert_array_equal(evaluate(tmp_path / "q.mica", tokens),
                                  evaluate(tmp_path / "p.mica", tokens))


def test_convolutions_of_gpt2(compiled, answers, evaluate, tmp_path):
    """Matrices that are stored by columns are quantized by rows."""
    name = "wide"
    config = checkpoints.make_config("gpt2", name)
    state = {n: t.float().numpy() for n, t in
             checkpoints.random_state("gpt2", config).items()}
    contents = config.to_dict() | dict(dtype="float32",
                                       architectures=["GPT2LMHeadModel"])
    path = hf_quantized.write_directory(
        "gptq-asym", contents, state, tmp_path,
        transposed=("c_attn.weight", "c_proj.weight", "c_fc.weight"),
        plain=("wte", "wpe", "lm_head"))
    tokens, exact, bound = answers(path / "plain", "gpt2", name, "f32")
    artifact = compiled(path / "quantized", "--dtype=f32", "--activations=f32")
    check(evaluate(artifact, tokens), exact, bound)


def test_diff_reads_the_same_numbers(quantized, mica, tmp_path):
    """mica diff computes with the numbers of the quantized directory."""
    directory, _ = quantized("awq")
    np.save(tmp_path / "t.npy", checkpoints.tokens_of("llama", "blocks", 2, 9))
    mica("compile", directory, "-o", tmp_path / "a.mica", "--dtype=f32",
         "--activations=f32")
    mica("diff", tmp_path / "a.mica", "--reference", "--tokens",
         tmp_path / "t.npy")


# What is wrong, and the whole message.

def damaged(directory, path, **settings):
    """Copies a quantized directory with other settings; null removes one."""
    config = json.loads((directory / "config.json").read_text())
    method = config["quantization_config"] | settings
    config["quantization_config"] = {k: v for k, v in method.items()
                                     if v is not None}
    path.mkdir()
    (path / "config.json").write_text(json.dumps(config))
    (path / "model.safetensors").symlink_to(directory / "model.safetensors")
    return path


WRONG = [
    ("gptq", dict(quant_method="hqq"), "quant_method is 'hqq', expected gptq, "
     "awq, compressed-tensors, fp8, bitsandbytes or mxfp4"),
    ("gptq", dict(bits=5), "bits is 5, expected 2, 3, 4 or 8"),
    ("gptq", dict(checkpoint_format="marlin"),
     "checkpoint_format is 'marlin', expected gptq or gptq_v2"),
    ("awq", dict(version="gemv"), "version is 'gemv', expected gemm"),
    ("packed", dict(format="marlin-24"), "format is 'marlin-24', expected "
     "pack-quantized, int-quantized, float-quantized, naive-quantized, "
     "mxfp4-pack-quantized, mixed-precision or dense"),
    ("nf4", dict(bnb_4bit_quant_type="fp4"),
     "bnb_4bit_quant_type is 'fp4', expected nf4"),
    ("fp8", dict(fmt="e5m2"), "fmt is 'e5m2', expected e4m3"),
]


@pytest.mark.parametrize("kind,settings,message", WRONG)
def test_settings_that_mica_does_not_know(quantized, mica, tmp_path, kind,
                                          settings, message):
    directory = damaged(quantized(kind)[0], tmp_path / "d", **settings)
    result = mica("compile", directory, "-o", tmp_path / "a.mica", fails=True)
    assert result.returncode == 1
    assert result.stderr == (f"mica: {directory}/config.json: "
                             f"quantization_config: {message}\n")


def test_tensors_that_contradict_settings(quantized, mica, tmp_path):
    directory = damaged(quantized("gptq")[0], tmp_path / "d", group_size=64)
    result = mica("compile", directory, "-o", tmp_path / "a.mica", fails=True)
    assert result.stderr == (
        f"mica: {directory}/model.safetensors: tensor "
        "'model.layers.0.mlp.down_proj.scales' has shape [10, 256], expected "
        "[20, 256]\n")


# The writer beside the libraries of the formats.

@pytest.fixture
def weight():
    return np.random.default_rng(5).normal(size=(64, 256)).astype(np.float32)


@pytest.mark.parametrize("bits,size,symmetric",
                         [(4, 128, True), (4, 64, False), (8, -1, True),
                          (8, 32, False), (3, 32, False), (4, -1, False)])
def test_packed_is_compressed_tensors(weight, bits, size, symmetric):
    library = pytest.importorskip("compressed_tensors")
    from compressed_tensors.compressors import BaseCompressor
    scheme = library.quantization.QuantizationScheme(
        targets=["Linear"], weights=library.quantization.QuantizationArgs(
            num_bits=bits, type="int", symmetric=symmetric,
            strategy="channel" if size == -1 else "group",
            group_size=None if size == -1 else size))
    tensors, values = hf_quantized.packed(weight, bits, size, symmetric, "F32")
    state = {name[1:]: torch.from_numpy(np.array(array))
             for name, (_, array) in tensors.items()}
    compressor = BaseCompressor.get_value_from_registry("pack-quantized")
    read = compressor.decompress(state, scheme)["weight"]
    np.testing.assert_allclose(read.numpy(), values, rtol=1e-6)


@pytest.mark.parametrize("double", [False, True])
def test_nf4_is_bitsandbytes(weight, double):
    functional = pytest.importorskip("bitsandbytes.functional")
    tensors, values = hf_quantized.nf4(weight, double=double)
    state = {name.removeprefix(".weight."):
             torch.from_numpy(np.array(array))
             for name, (_, array) in tensors.items() if name != ".weight"}
    state = functional.QuantState.from_dict(state, torch.device("cpu"))
    codes = torch.from_numpy(tensors[".weight"][1])
    state.dtype = torch.float32
    read = functional.dequantize_4bit(codes, state)
    np.testing.assert_allclose(read.numpy(), values, rtol=1e-6)


def test_e4m3_is_torchs():
    every = np.arange(256, dtype=np.uint8)
    exact = torch.from_numpy(every).view(torch.float8_e4m3fn).float().numpy()
    codes, values = hf_quantized.as_e4m3(exact[~np.isnan(exact)])
    np.testing.assert_array_equal(values, exact[~np.isnan(exact)])
    np.testing.assert_array_equal(codes, every[~np.isnan(exact)])
