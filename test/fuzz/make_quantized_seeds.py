"""Writes small quantized directories: make_quantized_seeds.py OUT

OUT/FuzzQuantized gets one for each way in which a method stores a matrix.
Standard library only.
"""

import json
import struct
import sys

from make_seeds import safetensors, write_seeds


def quantized_seed(method, tensors, **settings):
    """The length and text of config.json, then a layer "m" of the method."""
    config = {"quantization_config": {"quant_method": method} | settings}
    text = json.dumps(config).encode()
    return struct.pack("<H", len(text)) + text + safetensors(
        {"m" + name: tensor for name, tensor in tensors.items()})


def compressed_seed(layout, tensors, **weights):
    groups = {"group_0": {"targets": ["Linear"], "weights": weights}}
    return quantized_seed("compressed-tensors", tensors, format=layout,
                          config_groups=groups)


def nf4_seed(nested):
    state = {"quant_type": "nf4", "blocksize": 4, "shape": [2, 6]}
    tensors = {".weight": ("U8", 1, [6, 1], bytes(range(6))),
               ".weight.absmax": ("F32", 4, [3])}
    if nested:
        state |= {"nested_blocksize": 2, "nested_offset": 0.5}
        tensors |= {".weight.absmax": ("U8", 1, [3]),
                    ".weight.nested_absmax": ("F32", 4, [2]),
                    ".weight.nested_quant_map": ("F32", 4, [256])}
    text = json.dumps(state).encode()
    tensors[".weight.quant_state.bitsandbytes__nf4"] = ("U8", 1, [len(text)],
                                                        text)
    return quantized_seed("bitsandbytes", tensors, load_in_4bit=True)


def quantized_seeds():
    shape = ("I64", 8, [2], struct.pack("<qq", 8, 12))
    order = struct.pack("<8i", 0, 1, 0, 0, 1, 0, 1, 1)
    gptq = {".qweight": ("I32", 4, [1, 8], bytes(range(32))),
            ".qzeros": ("I32", 4, [2, 1]), ".scales": ("F16", 2, [2, 8])}
    packed = {".weight_packed": ("I32", 4, [8, 2], bytes(range(64))),
              ".weight_shape": shape, ".weight_scale": ("BF16", 2, [8, 3])}
    e4m3 = ("F8_E4M3", 1, [3, 12], bytes(range(36)))
    return {
        "gptq": quantized_seed("gptq", gptq, bits=4, group_size=4),
        "gptq-order": quantized_seed(
            "gptq", gptq | {".g_idx": ("I32", 4, [8], order)}, bits=4,
            group_size=4, desc_act=True, checkpoint_format="gptq_v2"),
        "gptq-3": quantized_seed(
            "gptq", {".qweight": ("I32", 4, [3, 32]),
                     ".qzeros": ("I32", 4, [1, 3]),
                     ".scales": ("F32", 4, [1, 32])}, bits=3, group_size=-1),
        "gptq-2": quantized_seed(
            "gptq", {".qweight": ("I32", 4, [1, 16], bytes(range(64))),
                     ".qzeros": ("I32", 4, [1, 1]),
                     ".scales": ("F16", 2, [1, 16])}, bits=2, group_size=16),
        "gptq-8": quantized_seed(
            "gptq", {".qweight": ("I32", 4, [2, 8], bytes(range(64))),
                     ".qzeros": ("I32", 4, [2, 2]),
                     ".scales": ("BF16", 2, [2, 8])}, bits=8, group_size=4,
            sym=False, checkpoint_format="gptq_v2"),
        "awq": quantized_seed(
            "awq", {".qweight": ("I32", 4, [8, 1], bytes(range(32))),
                    ".qzeros": ("I32", 4, [2, 1]),
                    ".scales": ("F16", 2, [2, 8])}, bits=4, group_size=4,
            version="gemm"),
        "packed": compressed_seed("pack-quantized", packed, num_bits=4,
                                  group_size=4),
        "packed-zeros": compressed_seed(
            "pack-quantized",
            packed | {".weight_zero_point": ("I32", 4, [1, 3])}, num_bits=4,
            group_size=4, symmetric=False),
        "packed-zero-bytes": compressed_seed(
            "pack-quantized",
            packed | {".weight_zero_point": ("I8", 1, [8, 3],
                                               bytes(range(24)))}, num_bits=4,
            group_size=4, symmetric=False),
        "packed-order": compressed_seed(
            "pack-quantized",
            packed | {".weight_g_idx": ("I32", 4, [12], bytes(48))}, num_bits=4,
            group_size=4, actorder="group"),
        "bytes": compressed_seed(
            "int-quantized",
            {".weight": ("I8", 1, [4, 8], bytes(range(32))),
             ".weight_scale": ("F32", 4, [4, 1]),
             ".weight_zero_point": ("I8", 1, [4, 1])}, num_bits=8),
        "floats": compressed_seed(
            "float-quantized", {".weight": e4m3,
                                ".weight_scale": ("F32", 4, [1])},
            num_bits=8, type="float"),
        "floats-blocks": compressed_seed(
            "float-quantized", {".weight": e4m3,
                                ".weight_scale": ("BF16", 2, [2, 3])},
            num_bits=8, type="float", strategy="block", block_structure=[2, 4]),
        "mxfp4-packed": compressed_seed(
            "mxfp4-pack-quantized", {".weight_packed": ("U8", 1, [2, 32]),
                                     ".weight_scale": ("U8", 1, [2, 2])},
            num_bits=4, type="float"),
        "fp8": quantized_seed(
            "fp8", {".weight": e4m3, ".weight_scale_inv": ("F32", 4, [2, 3])},
            weight_block_size=[2, 4]),
        "fp8-rows": quantized_seed(
            "fp8", {".weight": e4m3, ".weight_scale": ("F32", 4, [3, 1])}),
        "mxfp4": quantized_seed(
            "mxfp4", {".weight_blocks": ("U8", 1, [2, 2, 16]),
                      ".weight_scales": ("U8", 1, [2, 2])}),
        "nf4": nf4_seed(False), "nf4-double": nf4_seed(True),
    }


if __name__ == "__main__":
    write_seeds(sys.argv[1], {"FuzzQuantized": quantized_seeds()})
