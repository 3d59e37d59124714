"""Sentences per second of an encoder: Mica beside ONNX Runtime and PyTorch.

    python3 benchmarks/encoder.py DIRECTORY [--threads 1,2] [--count 1000]

DIRECTORY is one of sentence-transformers. All compute the same texts, lines of
this project's pages of any length, with the weights in f32, by turns in one run.
Tokenizing is not counted. The others get batches of texts of like length, padded
to the longest; of the batch sizes the fastest counts. ONNX Runtime needs
`pip install onnxruntime==1.32.0 onnx==1.23.2`.
"""
import argparse
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

import numpy as np
import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parent.parent
BATCHES = (1, 8, 32, 128)
ROUNDS = 5


def texts_of(count):
    """Returns `count` lines of the pages, evenly taken."""
    lines = [line.strip() for page in sorted((ROOT / "docs").glob("**/*.md"))
             for line in page.read_text().splitlines() if line.strip()]
    return [lines[i * len(lines) // count] for i in range(count)]


class Texts:
    """Texts as padded batches of ids, longest first."""

    def __init__(self, tokenizer, texts, batch, limit):
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        self.parts = [order[i:i + batch] for i in range(0, len(order), batch)]
        self.inputs = [tokenizer([texts[i] for i in part], padding=True,
                                 truncation=True, max_length=limit,
                                 return_tensors="pt") for part in self.parts]


def pooled(rows, mask):
    """rows [B, T, D], mask [B, T] -> unit means [B, D]."""
    mask = mask[..., None].float()
    means = (rows * mask).sum(1) / mask.sum(1)
    return torch.nn.functional.normalize(means, dim=-1)


class Torch:
    name = "PyTorch"

    def __init__(self, directory, threads, folder):
        torch.set_num_threads(threads)
        self.model = transformers.AutoModel.from_pretrained(
            directory, attn_implementation="sdpa").eval()

    def rows(self, inputs):
        with torch.inference_mode():
            return self.model(**inputs).last_hidden_state


class Onnx:
    name = "ONNX Runtime"

    def __init__(self, directory, threads, folder):
        import onnxruntime
        path = folder / "model.onnx"
        if not path.exists():
            self.export(directory, path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"])
        self.names = {i.name for i in self.session.get_inputs()}

    @staticmethod
    def export(directory, path):
        model = transformers.AutoModel.from_pretrained(
            directory, attn_implementation="eager").eval()

        class Rows(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.model = model

            def forward(self, input_ids, attention_mask, token_type_ids):
                return self.model(input_ids, attention_mask,
                                  token_type_ids).last_hidden_state

        names = ["input_ids", "attention_mask", "token_type_ids"]
        example = torch.ones(2, 8, dtype=torch.long)
        torch.onnx.export(
            Rows(), (example, example, torch.zeros_like(example)), path,
            input_names=names, output_names=["rows"], dynamo=False,
            dynamic_axes={n: {0: "batch", 1: "tokens"}
                          for n in (*names, "rows")})

    def rows(self, inputs):
        feed = {n: t.numpy() for n, t in inputs.items() if n in self.names}
        return torch.from_numpy(self.session.run(None, feed)[0])


class Peer:
    """An engine with a size of its batches."""

    def __init__(self, engine, texts, batch):
        self.engine, self.texts = engine, texts
        self.name = f"{engine.name}, batches of {batch}"

    def run(self):
        """Returns (seconds, embeddings in the order of the texts)."""
        result = [None] * sum(map(len, self.texts.parts))
        begin = time.perf_counter()
        for part, inputs in zip(self.texts.parts, self.texts.inputs):
            rows = pooled(self.engine.rows(inputs), inputs["attention_mask"])
            for i, row in zip(part, rows):
                result[i] = row
        return time.perf_counter() - begin, torch.stack(result).numpy()


class Mica:
    name = "Mica"

    def __init__(self, artifact, texts, threads, folder):
        self.output = folder / "e.npy"
        self.count = len(texts)
        (folder / "t.txt").write_text("\n".join(texts) + "\n")
        self.command = [ROOT / "build/bin/mica", "embed", artifact, "-f",
                        folder / "t.txt", "--npy", self.output,
                        f"--threads={threads}"]

    def run(self):
        done = subprocess.run(list(map(str, self.command)), check=True,
                              text=True, capture_output=True)
        rate = float(re.search(r"([\d.]+) lines/s", done.stderr)[1])
        return self.count / rate, np.load(self.output)


def measure(runners):
    """Returns the median seconds of each, by turns, and its embeddings."""
    seconds = [[] for _ in runners]
    results = [runner.run()[1] for runner in runners]  # warm up
    for _ in range(ROUNDS):
        for times, runner in zip(seconds, runners):
            times.append(runner.run()[0])
    return [statistics.median(times) for times in seconds], results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--peers", default="torch,onnx")
    options = parser.parse_args()
    kinds = [{"torch": Torch, "onnx": Onnx}[name]
             for name in options.peers.split(",")]
    texts = texts_of(options.count)
    tokenizer = transformers.AutoTokenizer.from_pretrained(options.directory)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        artifact = folder / "m.mica"
        subprocess.run([ROOT / "build/bin/mica", "compile", options.directory,
                        "-o", artifact, "--dtype=f32"], check=True,
                       capture_output=True)
        batches = {b: Texts(tokenizer, texts, b, 256) for b in BATCHES}
        for threads in map(int, options.threads.split(",")):
            engines = [kind(options.directory, threads, folder)
                       for kind in kinds]
            runners = [Mica(artifact, texts, threads, folder)] + [
                Peer(engine, batches[b], b)
                for engine in engines for b in BATCHES]
            seconds, results = measure(runners)
            print(f"{threads} threads, {len(texts)} texts")
            for runner, time_taken, found in zip(runners, seconds, results):
                cosine = (found * results[-1]).sum(-1).min()
                print(f"  {runner.name:32} {len(texts) / time_taken:8.1f} "
                      f"texts/s  {time_taken / seconds[0]:5.2f} of Mica's time"
                      f"  least cosine {cosine:.7f}", flush=True)


if __name__ == "__main__":
    main()
