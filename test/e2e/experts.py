"""Experts as checkpoints store them, and as transformers computes with them.

transformers 5 holds all experts of a layer in one tensor, gate above up; in
files every expert has tensors of its own.
"""
import re

import torch

# Family -> block, gate, up, down in a file.
STORED = dict.fromkeys(("mixtral", "minimax_m2"),
                       ("block_sparse_moe", "w1", "w3", "w2"))
USUAL = ("mlp", "gate_proj", "up_proj", "down_proj")


# Granite's files hold all experts of a layer in one tensor, by other names.
WHOLE = {"granitemoehybrid": (
    ("block_sparse_moe.experts.gate_up_proj",
     "block_sparse_moe.input_linear.weight"),
    ("block_sparse_moe.experts.down_proj",
     "block_sparse_moe.output_linear.weight"),
    ("block_sparse_moe.router.weight", "block_sparse_moe.router.layer.weight"))}


def renamed(state, family, back=False):
    """Returns the state with the names of `WHOLE`, or `back` from there."""
    result = {}
    for name, tensor in state.items():
        for ours, stored in WHOLE[family]:
            name = name.replace(*((stored, ours) if back else (ours, stored)))
        result[name] = tensor
    return result


def apart(state, family):
    """Returns the state with the names and tensors of files."""
    if family in WHOLE:
        return renamed(state, family)
    block, gate, up, down = STORED.get(family, USUAL)
    result = {}
    for name, tensor in state.items():
        stem = name.replace(".mlp.", f".{block}.")
        found = re.fullmatch(r"(.*\.experts)\.(gate_up_proj|down_proj)", stem)
        if not found or tensor.dim() != 3 or family == "gpt_oss":
            layer = name.split(".mlp.")[0]
            expert = layer + ".mlp.experts.gate_up_proj" in state
            result[stem if expert else name] = tensor
            continue
        for number, matrix in enumerate(tensor):
            parts = {down: matrix}
            if found[2] == "gate_up_proj":
                parts = dict(zip((gate, up), matrix.chunk(2)))
            for part, values in parts.items():
                result[f"{found[1]}.{number}.{part}.weight"] = values
    return result


def together(state, family):
    """Undoes `apart`."""
    if family in WHOLE:
        return renamed(state, family, back=True)
    block, gate, up, down = STORED.get(family, USUAL)
    result, experts = {}, {}
    for name, tensor in state.items():
        stem = name.replace(f".{block}.", ".mlp.")
        found = re.fullmatch(r"(.*\.experts)\.(\d+)\.(\w+)\.weight", stem)
        if found:
            layer = experts.setdefault(found[1], {})
            layer.setdefault(found[3], {})[int(found[2])] = tensor
        else:
            result[stem] = tensor
    for stem, parts in experts.items():
        def stacked(part):
            return torch.stack([parts[part][i] for i in range(len(parts[part]))])
        result[stem + ".gate_up_proj"] = torch.cat(
            [stacked(gate), stacked(up)], 1)
        result[stem + ".down_proj"] = stacked(down)
    return result
