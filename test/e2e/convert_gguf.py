"""Converts a checkpoint with llama.cpp's own script, but for its tokenizer.

    python3 test/e2e/convert_gguf.py LLAMA_CPP DIRECTORY FILE

LLAMA_CPP is a folder of llama.cpp's sources. The file holds f32. Ends with
status UNKNOWN where the script knows no such architecture.
"""
import json
import logging
import pathlib
import sys

UNKNOWN = 3


def main(sources, directory, file):
    # Its gguf, not the installed one.
    sys.path[:0] = [sources, str(pathlib.Path(sources, "gguf-py"))]
    import gguf
    import torch
    from conversion import get_model_class
    logging.disable(logging.WARNING)

    def set_vocab(self):
        self.gguf_writer.add_tokenizer_model("no_vocab")
        self.gguf_writer.add_vocab_size(self.hparams["vocab_size"])

    directory = pathlib.Path(directory)
    config = json.loads((directory / "config.json").read_text())
    try:
        base = get_model_class(config["architectures"][0])
    except NotImplementedError:
        sys.exit(UNKNOWN)
    converter = type(base.__name__, (base,), {
        "set_vocab": set_vocab, "model_arch": base.model_arch,
        "__module__": base.__module__})
    with torch.inference_mode():
        converter(directory, gguf.LlamaFileType.ALL_F32, pathlib.Path(file),
                  model_name="made", eager=True).write()


if __name__ == "__main__":
    main(*sys.argv[1:])
