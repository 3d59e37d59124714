"""The GGUF files that the tests write are what transformers reads back."""
import gguf
import pytest

import checkpoints
import gguf_files
import kept
import oracle

SHAPES = list(checkpoints.all_shapes(only_gguf=True))
# RMS error of a block format against the spread of its values, rounded up.
LOSS = {"F32": 1e-6, "F16": 3e-4, "BF16": 3e-3, "Q8_0": 7e-3, "Q5_0": 6e-2,
        "Q4_0": 1.1e-1}


def losses(family, name, kind):
    """Returns {tensor: (rank, RMS error over RMS)} of a file read back."""
    file = kept.kept("gguf", [kept.oracle(), family, name, kind], lambda path:
                     gguf_files.make_gguf(family, name, path, kind))
    config, found = gguf_files.gguf_state(family, name, file)
    wanted = checkpoints.random_state(family, config)
    assert set(found) == set(wanted)
    return {key: (tensor.dim(),
                  oracle.rms(found[key] - tensor) / oracle.rms(tensor))
            for key, tensor in wanted.items()}


@pytest.mark.parametrize("kind", gguf_files.TYPES)
@pytest.mark.parametrize("family,name", SHAPES)
def test_weights_come_back(family, name, kind):
    found = kept.value("losses", [kept.oracle(), family, name, kind],
                       lambda: losses(family, name, kind))
    for key, (rank, loss) in found.items():
        assert loss <= LOSS[kind if rank > 1 else "F32"], key


def test_matrices_have_the_type_asked_for(tmp_path):
    path = gguf_files.make_gguf("llama", "deep", tmp_path / "m.gguf", "Q5_0")
    kinds = {t.name: t.tensor_type.name for t in gguf.GGUFReader(path).tensors}
    assert kinds["blk.3.attn_k.weight"] == "Q5_0"
    assert kinds["blk.3.attn_norm.weight"] == "F32"
