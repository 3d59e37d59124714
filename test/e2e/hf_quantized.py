"""Writes checkpoints as Hugging Face's methods of quantization store them.

    python3 hf_quantized.py gptq-asym DIR

Written from the formats' descriptions, in numpy; test_quantized_hf.py holds the
packing beside the libraries of those formats that run on a CPU. Every writer of
a matrix returns its tensors and the numbers that they mean.
"""
import argparse
import dataclasses
import json
import pathlib
from typing import Callable

import numpy as np

BITS = {"I64": 64, "I32": 32, "F32": 32, "F16": 16, "BF16": 16, "I8": 8, "U8": 8,
        "F8_E4M3": 8}
NF4 = np.array([-1.0, -0.6961928009986877, -0.5250730514526367,
                -0.39491748809814453, -0.28444138169288635,
                -0.18477343022823334, -0.09105003625154495, 0.0,
                0.07958029955625534, 0.16093020141124725, 0.24611230194568634,
                0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
                0.7229568362236023, 1.0], np.float32)
E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], np.float32)
E2M1 = np.concatenate([E2M1, -E2M1])


def save_file(tensors, path):
    """Writes {name: (dtype, array)} as a safetensors file."""
    header, data = {}, b""
    for name, (dtype, array) in tensors.items():
        raw = np.ascontiguousarray(array).tobytes()
        assert len(raw) * 8 == array.size * BITS[dtype], name
        header[name] = dict(dtype=dtype, shape=list(array.shape),
                            data_offsets=[len(data), len(data) + len(raw)])
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def dtypes_in(path):
    """Returns {name: dtype} of a safetensors file."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    return {n: t["dtype"] for n, t in json.loads(data[8:8 + size]).items()}


# Numbers.

def as_bf16(values):
    """Returns the bits of the nearest bf16 numbers, and these as f32."""
    bits = np.asarray(values, np.float32).view(np.uint32)
    bits = (bits + 0x7fff + (bits >> 16 & 1)) >> 16
    return bits.astype(np.uint16), (bits << 16).view(np.float32)


def e4m3_values():
    """Returns what the codes 0 to 126 of e4m3 mean."""
    code = np.arange(127)
    exponent, mantissa = code >> 3, code & 7
    return np.ldexp(mantissa + np.where(exponent, 8, 0),
                    np.maximum(exponent, 1) - 10).astype(np.float32)


def nearest(values, codebook):
    """Returns the places of the nearest entries of a codebook."""
    order = np.argsort(codebook, kind="stable")
    sorted_book = codebook[order]
    bounds = (sorted_book[1:] + sorted_book[:-1]) / 2
    return order[np.searchsorted(bounds, values)].astype(np.uint8)


def as_e4m3(values):
    """Returns the nearest codes of e4m3, and what they mean."""
    table = e4m3_values()
    code = nearest(np.abs(values), table)
    sign = np.signbit(values)
    return code | sign.astype(np.uint8) << 7, np.where(sign, -1, 1) * table[code]


def scales_as(dtype, scales):
    """Returns scales as a tensor of `dtype`, and the numbers it holds."""
    if dtype == "BF16":
        bits, scales = as_bf16(scales)
        return (dtype, bits), scales
    scales = scales.astype({"F16": np.float16, "F32": np.float32}[dtype])
    return (dtype, scales), scales.astype(np.float32)


def groups_of(weight, size):
    """Returns [N, G, size] of [N, K]."""
    return weight.reshape(len(weight), -1, size)


@dataclasses.dataclass
class Rounded:
    """Codes [N, K], and of each group a scale and a zero point [N, G]."""
    codes: np.ndarray
    stored_scales: tuple  # (dtype, array)
    zeros: np.ndarray
    values: np.ndarray  # what they mean


def round_groups(weight, bits, size, symmetric, dtype="F16", lowest=0):
    """Rounds groups of columns; zero points are `lowest` at least."""
    groups, top = groups_of(weight, size), 2 ** bits - 1
    if symmetric:
        scales = np.abs(groups).max(-1) / (top / 2)
    else:
        low, high = (f(groups, -1) for f in (np.min, np.max))
        scales = (np.maximum(high, 0) - np.minimum(low, 0)) / top
    stored, scales = scales_as(dtype, np.where(scales > 0, scales, 1))
    zeros = np.full_like(scales, 2 ** (bits - 1)) if symmetric else \
        np.clip(np.round(-groups.min(-1) / scales), lowest, top + lowest)
    codes = np.clip(np.round(groups / scales[..., None]) + zeros[..., None],
                    0, top)
    values = scales[..., None] * (codes - zeros[..., None])
    return Rounded(codes.reshape(weight.shape).astype(np.uint8), stored,
                   zeros.astype(np.int64), values.reshape(weight.shape))


def pack_words(codes, bits):
    """Packs the codes of each row one after another into words of 32 bits."""
    codes = np.asarray(codes).astype(np.uint8)
    single = np.unpackbits(codes[..., None], axis=-1, bitorder="little")
    line = single[..., :bits].reshape(len(codes), -1)
    line = np.pad(line, ((0, 0), (0, -line.shape[1] % 32)))
    return np.packbits(line, axis=-1, bitorder="little").view(np.int32)


# Matrices: [N, K] f32 -> tensors by the end of their names, and numbers.

def gptq(weight, bits=4, size=128, symmetric=True, version=1, order=None):
    """`order`: that in which columns are put in groups (act-order)."""
    n, k = weight.shape
    size = k if size == -1 else size
    group_of = np.arange(k) // size
    place = np.arange(k) if order is None else order
    rounded = round_groups(weight[:, place], bits, size, symmetric,
                           lowest=2 - version)
    back = np.argsort(place)
    stored = rounded.zeros.T - (1 if version == 1 else 0)
    dtype, scales = rounded.stored_scales
    return {".qweight": ("I32", pack_words(rounded.codes[:, back], bits).T),
            ".qzeros": ("I32", pack_words(stored, bits)),
            ".scales": (dtype, scales.T),
            ".g_idx": ("I32", group_of[back].astype(np.int32))}, \
        rounded.values[:, back]


def awq(weight, size=128, symmetric=False):
    order = np.array([0, 2, 4, 6, 1, 3, 5, 7])
    rounded = round_groups(weight, 4, size, symmetric)

    def pack(matrix):  # [., N]
        mixed = matrix.reshape(len(matrix), -1, 8)[..., order]
        return pack_words(mixed.reshape(matrix.shape), 4)
    dtype, scales = rounded.stored_scales
    return {".qweight": ("I32", pack(rounded.codes.T)),
            ".qzeros": ("I32", pack(rounded.zeros.T)),
            ".scales": (dtype, scales.T)}, rounded.values


def packed(weight, bits=4, size=128, symmetric=True, dtype="BF16"):
    """compressed-tensors' pack-quantized."""
    size = weight.shape[1] if size == -1 else size
    rounded = round_groups(weight, bits, size, symmetric, dtype)
    tensors = {".weight_packed": ("I32", pack_words(rounded.codes, bits)),
               ".weight_shape": ("I64", np.array(weight.shape, np.int64)),
               ".weight_scale": rounded.stored_scales}
    if not symmetric:
        tensors[".weight_zero_point"] = \
            ("I32", pack_words(rounded.zeros.T, bits).T)
    return tensors, rounded.values


def int_bytes(weight, symmetric=True, dtype="BF16"):
    """compressed-tensors' int-quantized, a scale for each row."""
    rounded = round_groups(weight, 8, weight.shape[1], symmetric, dtype)
    tensors = {".weight": ("I8", (rounded.codes ^ 0x80).view(np.int8)),
               ".weight_scale": rounded.stored_scales}
    if not symmetric:
        tensors[".weight_zero_point"] = \
            ("I8", (rounded.zeros - 128).astype(np.int8))
    return tensors, rounded.values


def float_bytes(weight, block=(1, -1), scale=".weight_scale", dtype="F32"):
    """e4m3 with a scale for each block; [-1, -1] for all, [1, -1] for rows."""
    n, k = weight.shape
    rows, columns = (a if a > 0 else b for a, b in zip(block, weight.shape))
    high, wide = -(-n // rows), -(-k // columns)
    padded = np.pad(weight, ((0, high * rows - n), (0, wide * columns - k)))
    scales = np.abs(padded.reshape(high, rows, wide, columns)).max((1, 3)) / 448
    stored, scales = scales_as(dtype, scales)
    spread = scales.repeat(rows, 0).repeat(columns, 1)[:n, :k]
    codes, values = as_e4m3(weight / spread)
    if block == (-1, -1):
        stored = stored[0], stored[1].reshape(1)
    return {".weight": ("F8_E4M3", codes), scale: stored}, \
        (values * spread).astype(np.float32)


def nf4(weight, size=64, double=False, dtype="bfloat16"):
    flat = weight.reshape(-1)
    blocks = np.pad(flat, (0, -flat.size % size)).reshape(-1, size)
    absmax = np.abs(blocks).max(-1)
    state = dict(quant_type="nf4", blocksize=size, dtype=dtype,
                 shape=list(weight.shape))
    tensors = {".weight.absmax": ("F32", absmax),
               ".weight.quant_map": ("F32", NF4)}
    if double:
        offset, nested = absmax.mean(), 256
        rest = np.pad(absmax - offset, (0, -absmax.size % nested))
        factors = np.abs(rest.reshape(-1, nested)).max(-1).astype(np.float32)
        table = np.sort(np.linspace(-1, 1, 256) ** 3).astype(np.float32)
        spread = factors.repeat(nested)[:absmax.size]
        codes = nearest((absmax - offset) / spread, table)
        tensors[".weight.absmax"] = ("U8", codes)
        tensors[".weight.nested_absmax"] = ("F32", factors)
        tensors[".weight.nested_quant_map"] = ("F32", table)
        state.update(nested_blocksize=nested, nested_dtype="float32",
                     nested_offset=float(offset))
        absmax = table[codes] * spread + np.float32(offset)
    codes = nearest(blocks / absmax[:, None], NF4)
    values = (NF4[codes] * absmax[:, None]).reshape(-1)[:flat.size]
    codes = np.pad(codes.reshape(-1)[:flat.size], (0, flat.size % 2))
    text = np.frombuffer(json.dumps(state).encode(), np.uint8)
    tensors[".weight"] = ("U8", (codes[::2] << 4 | codes[1::2])[:, None])
    tensors[".weight.quant_state.bitsandbytes__nf4"] = ("U8", text)
    return tensors, values.reshape(weight.shape)


def mxfp4(weight, names=(".weight_blocks", ".weight_scales")):
    groups = groups_of(weight, 32)
    most = np.abs(groups).max(-1)
    power = np.floor(np.log2(np.where(most > 0, most, 1))).astype(int) - 2
    scales = np.ldexp(np.float32(1), power)
    codes = nearest(groups / scales[..., None], E2M1)
    values = (E2M1[codes] * scales[..., None]).reshape(weight.shape)
    blocks = codes[..., ::2] | codes[..., 1::2] << 4
    if names[0] == ".weight_packed":
        blocks = blocks.reshape(len(weight), -1)
    return {names[0]: ("U8", blocks),
            names[1]: ("U8", (power + 127).astype(np.uint8))}, values


# Checkpoints.

@dataclasses.dataclass
class Kind:
    """How a checkpoint is written; `kept`: its matrices stay in blocks."""
    config: dict
    write: Callable
    kept: bool = True
    shape: str = "blocks"  # of checkpoints.SHAPES["llama"]


def gptq_kind(bits=4, size=128, version=1, order=None, **options):
    """`order`: of columns "own" to each matrix, or "shared" by those of a width,
    as writers have it for matrices that multiply the same rows."""
    config = dict(quant_method="gptq", bits=bits, group_size=size,
                  desc_act=order is not None,
                  sym=options.get("symmetric", True),
                  checkpoint_format="gptq" if version == 1 else "gptq_v2")

    def write(weight, draw):
        k = weight.shape[1]
        place = {"own": draw, "shared": np.random.default_rng(k)}.get(order)
        return gptq(weight, bits, size, version=version, **options,
                    order=place and place.permutation(k))
    return config, write


def compressed(layout, write, **weights):
    scheme = dict(type="int", symmetric=True, dynamic=False) | weights
    return dict(quant_method="compressed-tensors", format=layout,
                quantization_status="compressed", ignore=["lm_head"],
                config_groups=dict(group_0=dict(
                    targets=["Linear"], weights=scheme,
                    input_activations=None))), lambda weight, _: write(weight)


def packed_kind(bits=4, size=128, symmetric=True, dtype="BF16"):
    return compressed("pack-quantized",
                      lambda weight: packed(weight, bits, size, symmetric,
                                            dtype), num_bits=bits,
                      strategy="channel" if size == -1 else "group",
                      group_size=None if size == -1 else size,
                      symmetric=symmetric)


def fp8_kind(dtype="F32", **config):
    block = tuple(config.get("weight_block_size", (-1, -1)))
    return dict(quant_method="fp8", fmt="e4m3", activation_scheme="dynamic",
                **config), \
        lambda weight, _: float_bytes(weight, block, ".weight_scale_inv", dtype)


def bnb_kind(**options):
    double = options.get("double", False)
    return dict(quant_method="bitsandbytes", load_in_4bit=True,
                bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=double,
                bnb_4bit_quant_storage="uint8"), \
        lambda weight, _: nf4(weight, **options)


KINDS = {
    "gptq": Kind(*gptq_kind()),
    "gptq-v2": Kind(*gptq_kind(size=64, version=2, symmetric=False)),
    "gptq-asym": Kind(*gptq_kind(size=32, symmetric=False)),
    "gptq-rows": Kind(*gptq_kind(size=-1), shape="groups"),
    "gptq-8": Kind(*gptq_kind(bits=8, size=256)),
    "gptq-8-asym": Kind(*gptq_kind(bits=8, symmetric=False)),
    "gptq-3": Kind(*gptq_kind(bits=3, size=64)),
    "gptq-2-asym": Kind(*gptq_kind(bits=2, size=32, symmetric=False)),
    "gptq-act-order": Kind(*gptq_kind(symmetric=False, order="own")),
    "gptq-shared-order": Kind(*gptq_kind(size=32, order="shared")),
    "awq": Kind(dict(quant_method="awq", bits=4, group_size=128,
                     zero_point=True, version="gemm"),
                lambda weight, _: awq(weight)),
    "awq-32": Kind(dict(quant_method="awq", bits=4, group_size=32,
                        zero_point=True, version="gemm"),
                   lambda weight, _: awq(weight, 32)),
    "packed": Kind(*packed_kind()),
    "packed-asym": Kind(*packed_kind(size=64, symmetric=False, dtype="F16")),
    "packed-rows": Kind(*packed_kind(size=-1), shape="groups"),
    "packed-rows-asym": Kind(*packed_kind(size=-1, symmetric=False)),
    "packed-8": Kind(*packed_kind(bits=8, dtype="F32")),
    "packed-8-asym": Kind(*packed_kind(bits=8, symmetric=False)),
    "packed-3": Kind(*packed_kind(bits=3, size=32, symmetric=False)),
    "int8": Kind(*compressed("int-quantized", int_bytes, num_bits=8,
                             strategy="channel")),
    "int8-asym": Kind(*compressed(
        "int-quantized", lambda w: int_bytes(w, False, "F16"), num_bits=8,
        strategy="channel", symmetric=False), shape="groups"),
    "float8": Kind(*compressed(
        "float-quantized", lambda w: float_bytes(w, dtype="BF16"), num_bits=8,
        type="float", strategy="channel")),
    "float8-tensor": Kind(*compressed(
        "float-quantized", lambda w: float_bytes(w, (-1, -1)), num_bits=8,
        type="float", strategy="tensor")),
    "mxfp4-packed": Kind(*compressed(
        "mxfp4-pack-quantized",
        lambda w: mxfp4(w, (".weight_packed", ".weight_scale")), num_bits=4,
        type="float", strategy="group", group_size=32)),
    "fp8": Kind(*fp8_kind(weight_block_size=[128, 128])),
    # 288 columns are no whole blocks.
    "fp8-rest": Kind(*fp8_kind(weight_block_size=[128, 128]), shape="groups"),
    "fp8-tensor": Kind(*fp8_kind()),
    "nf4": Kind(*bnb_kind()),
    "nf4-double": Kind(*bnb_kind(double=True)),
    # Blocks of 256 that go over the ends of rows of 288.
    "nf4-over": Kind(*bnb_kind(size=256, double=True), shape="groups"),
    "mxfp4": Kind(dict(quant_method="mxfp4"), lambda w, _: mxfp4(w)),
}


def write_state(kind, state, transposed=(), plain=("lm_head", "embed_tokens"),
                seed=0):
    """Returns tensors and the numbers that they mean, of {name: f32 array}.

    transposed: ends of names of matrices that are [K, N].
    plain: parts of names of matrices that are not quantized.
    """
    draw, tensors, means = np.random.default_rng(seed), {}, {}
    for name, array in state.items():
        tensors[name] = ("F32", array)
        means[name] = array
        if array.ndim != 2 or any(p in name for p in plain):
            continue
        turned = name.endswith(tuple(transposed))
        parts, values = KINDS[kind].write(array.T if turned else array, draw)
        del tensors[name]
        module = name.removesuffix(".weight")
        tensors.update({module + end: part for end, part in parts.items()})
        means[name] = (values.T if turned else values).astype(np.float32)
    return tensors, means


def write_directory(kind, config, state, directory, **options):
    """Writes DIR/quantized, and DIR/plain with the numbers meant."""
    tensors, means = write_state(kind, state, **options)
    for name, files in (("quantized", tensors),
                        ("plain", {n: ("F32", a) for n, a in means.items()})):
        path = pathlib.Path(directory) / name
        path.mkdir(parents=True)
        method = {"quantization_config": KINDS[kind].config}
        (path / "config.json").write_text(json.dumps(
            config | (method if name == "quantized" else {}), indent=2))
        save_file(files, path / "model.safetensors")
    return pathlib.Path(directory)


def make_directory(kind, directory, plain=("lm_head", "embed_tokens",
                                           "layers.0.mlp.up_proj")):
    """Writes a random llama checkpoint of the kind, and its numbers."""
    import checkpoints
    shape = KINDS[kind].shape
    config = checkpoints.make_config("llama", shape)
    state = {n: t.float().numpy() for n, t in
             checkpoints.random_state("llama", config).items()}
    contents = config.to_dict() | dict(dtype="float32",
                                       architectures=["LlamaForCausalLM"])
    return write_directory(kind, contents, state, directory, plain=plain)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("directory")
    found = parser.parse_args()
    make_directory(found.kind, found.directory)
