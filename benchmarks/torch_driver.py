#!/usr/bin/env python3
"""PyTorch as an engine to be timed; the lines are those of Driver.h.

    torch_driver.py DIRECTORY THREADS CONTEXT bf16|f32

transformers' model with a static cache, compiled by torch.compile. Of the
lines there is no "rows".
"""
import sys
import time

import torch
import transformers


def random_tokens(count, vocabulary):
    """Returns the ids of Driver.h's randomTokens, int64 [1, count]."""
    state, tokens = 1, []
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        tokens.append((state >> 33) % vocabulary)
    return torch.tensor([tokens], dtype=torch.int64)


class Engine:
    """Appends tokens to one sequence in a static cache."""

    def __init__(self, directory, context, dtype):
        self.model = transformers.AutoModelForCausalLM.from_pretrained(
            directory, dtype=dtype, attn_implementation="sdpa").eval()
        self.cache = transformers.StaticCache(
            config=self.model.config, max_cache_len=context)
        self.forward = torch.compile(self.model.forward, dynamic=False)
        self.depth = self.position = 0

    def rewind(self):
        """Forgets what came after the depth: later tokens overwrite it."""
        self.position = self.depth
        for layer in self.cache.layers:
            if hasattr(layer, "cumulative_length"):
                layer.cumulative_length.fill_(self.depth)

    def append(self, tokens):
        count = tokens.shape[1]
        positions = torch.arange(self.position, self.position + count)
        self.forward(input_ids=tokens, past_key_values=self.cache,
                     position_ids=positions[None], use_cache=True,
                     logits_to_keep=1)
        self.position += count

    def set_depth(self, tokens):
        self.depth = 0
        self.rewind()
        for piece in tokens.split(512, dim=1):
            if piece.shape[1]:
                self.append(piece)
        self.depth = self.position

    def decode(self, tokens):
        for token in tokens.split(1, dim=1):
            self.append(token)


@torch.inference_mode()
def main():
    directory, threads, context, dtype = sys.argv[1:]
    torch.set_num_threads(int(threads))
    engine = Engine(directory, int(context),
                    {"bf16": torch.bfloat16, "f32": torch.float32}[dtype])
    work = {"depth": engine.set_depth, "prefill": engine.append,
            "decode": engine.decode}
    print("ready", flush=True)
    for line in sys.stdin:
        word, count = line.split()
        tokens = random_tokens(int(count), engine.model.config.vocab_size)
        begin = time.perf_counter()
        work[word](tokens)
        seconds = time.perf_counter() - begin
        if word != "depth":
            engine.rewind()
        print(f"{seconds:.9f}", flush=True)


if __name__ == "__main__":
    main()
