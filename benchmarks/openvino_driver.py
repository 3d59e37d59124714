#!/usr/bin/env python3
"""OpenVINO GenAI as an engine to be timed; the lines are those of Driver.h.

    openvino_driver.py DIRECTORY THREADS TOKENS f16|u8 [f32]
    openvino_driver.py convert HF DIRECTORY bf16|int8|int4

The pipeline is the one for continuous batching, which steps when it is told to.
A step draws the best token, which is timed with it: its interface gives no
logits. The last argument is the type of the sums, bf16 by default where the CPU
multiplies it. A depth is a prefix that the cache of prefixes keeps, so it is
computed once; every prompt to be timed is of other tokens. Rows are those of as
many sequences. The directory is what optimum-intel makes: weights
of int8 have a scale per row, of int4 one for 32 columns, both symmetric, the
embedding included; without a tokenizer.
"""
import random
import sys
import time

import numpy as np

BLOCK = 32  # tokens of a page of the cache
BATCH = 2048  # rows of a step at most
SEQUENCES = 64  # of a step at most
SPARE = 4 * BATCH  # tokens of prompts that the cache of prefixes may keep


def convert(source, target, kind):
    """Converts a Hugging Face directory."""
    from optimum.intel import OVModelForCausalLM, OVWeightQuantizationConfig
    quantization = {
        "bf16": None,
        "int8": OVWeightQuantizationConfig(bits=8, sym=True),
        "int4": OVWeightQuantizationConfig(
            bits=4, sym=True, group_size=32, ratio=1.0, all_layers=True)}[kind]
    model = OVModelForCausalLM.from_pretrained(
        source, export=True, compile=False,
        load_in_8bit=None if quantization else False,
        quantization_config=quantization)
    model.save_pretrained(target)


class Engine:
    """Runs requests; each begins with the tokens of the depth."""

    def __init__(self, folder, threads, tokens, cache, sums=None):
        import openvino
        import openvino_genai
        self.genai, self.openvino = openvino_genai, openvino
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.enable_prefix_caching = True
        scheduler.max_num_batched_tokens = BATCH
        scheduler.max_num_seqs = SEQUENCES
        scheduler.num_kv_blocks = (tokens + SPARE) // BLOCK + SEQUENCES
        properties = {"INFERENCE_NUM_THREADS": threads,
                      "KV_CACHE_PRECISION": cache}
        if sums:
            properties["INFERENCE_PRECISION_HINT"] = sums
        self.pipeline = openvino_genai.ContinuousBatchingPipeline(
            folder, scheduler, "CPU", properties)
        self.vocabulary = self.count_logits(folder)
        self.random, self.names = random.Random(1), 0
        self.prefix = []

    def count_logits(self, folder):
        model = self.openvino.Core().read_model(f"{folder}/openvino_model.xml")
        return model.output("logits").get_partial_shape()[-1].get_length()

    def tokens(self, count):
        return [self.random.randrange(self.vocabulary) for _ in range(count)]

    def add(self, prompt, new):
        """Adds a request for `new` tokens after the prompt; it ends early when
        the handle that this returns does."""
        options = self.genai.GenerationConfig()
        options.max_new_tokens, options.ignore_eos = new, True
        options.do_sample = False
        self.names += 1
        ids = self.openvino.Tensor(np.array([prompt], dtype=np.int64))
        return self.pipeline.add_request(self.names, ids, options)

    def run(self, prompts, new, untimed, steps):
        """Runs requests for `new` tokens after each prompt to their end;
        returns the seconds of the steps after the untimed ones."""
        handles = [self.add(prompt, new) for prompt in prompts]
        for _ in range(untimed):
            self.pipeline.step()
        begin = time.perf_counter()
        for _ in range(steps):
            self.pipeline.step()
        seconds = time.perf_counter() - begin
        drawn = {len(output.generated_ids) for handle in handles
                 for output in handle.read_all()}
        if self.pipeline.has_non_finished_requests() or drawn != {new}:
            raise RuntimeError(f"{len(handles)} requests drew {drawn} tokens "
                               f"in {untimed + steps} steps, expected {new}")
        return seconds

    def depth(self, count):
        """Computes a prefix, the beginning of the same tokens for any depth."""
        count, source = int(count), random.Random(0)
        self.prefix = [source.randrange(self.vocabulary) for _ in range(count)]
        if not count:
            return 0.0
        return self.run([self.prefix], 1, 0, -(-count // BATCH))

    def prefill(self, count):
        return self.run([self.prefix + self.tokens(int(count))], 1, 0,
                        -(-int(count) // BATCH))

    def decode(self, count):
        """The step that computes the end of the prompt is not timed."""
        return self.run([self.prefix or self.tokens(1)], int(count) + 1, 1,
                        int(count))

    def rows(self, count):
        """Times the step after those of the prompts, of as many sequences."""
        return self.run([self.prefix + self.tokens(1)
                         for _ in range(int(count))], 2, 1, 1)


def main():
    if sys.argv[1] == "convert":
        return convert(*sys.argv[2:])
    folder, threads, tokens, *rest = sys.argv[1:]
    engine = Engine(folder, int(threads), int(tokens), *rest)
    print("ready", flush=True)
    for line in sys.stdin:
        word, count = line.split()
        print(f"{getattr(engine, word)(count):.9f}", flush=True)


if __name__ == "__main__":
    main()
