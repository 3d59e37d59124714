#!/usr/bin/env python3
"""Trains the example model: a small Llama on the Python standard library.

Reads the .py files of the running interpreter's own standard library (PSF
licence), trains a byte-level BPE tokenizer and a Llama-architecture language
model on them, and writes beside this script what a Hugging Face directory
holds (config.json, model.safetensors in bf16, tokenizer.json), and the loss
curve (loss.csv, loss.svg).

    python3 train.py [--steps N] [--threads N] [--out DIR]
"""
import argparse
import csv
import json
import math
import pathlib
import sysconfig
import time

import numpy as np
import tokenizers
import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
SEED = 20260101
VOCABULARY = 2048
CONTEXT = 256
BATCH = 8
LEARNING_RATE = 4e-3
WARMUP = 60
HELD_OUT = 40  # every 40th file is never trained on
END = "<|endoftext|>"

# Tables, generated text and tests teach a small model little Python.
SKIPPED = ("site-packages/", "test/", "tests/", "idlelib/", "lib2to3/",
           "encodings/", "pydoc_data/", "turtledemo/", "ensurepip/",
           "__pycache__/", "config-")


def library_sources():
    """Returns the text of each source file, in the order of their paths."""
    root = pathlib.Path(sysconfig.get_paths()["stdlib"])
    paths = [p for p in sorted(root.rglob("*.py"))
             if not any(s in p.relative_to(root).as_posix() for s in SKIPPED)]
    return [p.read_text(encoding="utf-8", errors="ignore") for p in paths]


def train_tokenizer(texts):
    """Returns a byte-level BPE tokenizer with GPT-2's splitting."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(
        add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[END], show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def encode(tokenizer, texts):
    """Returns the ids of all texts in one int64 vector, each after an END."""
    end = tokenizer.token_to_id(END)
    ids = []
    for encoding in tokenizer.encode_batch(texts, add_special_tokens=False):
        ids.append(end)
        ids += encoding.ids
    return torch.tensor(np.array(ids, dtype=np.int64))


def make_model():
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=256, intermediate_size=640,
        num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
        head_dim=64, max_position_embeddings=1024, rms_norm_eps=1e-5,
        tie_word_embeddings=True, bos_token_id=None, eos_token_id=0,
        initializer_range=0.05, attn_implementation="eager")
    return transformers.LlamaForCausalLM(config)


def batches(ids, generator):
    """Yields [BATCH, CONTEXT + 1] windows at random places of `ids`."""
    offsets = torch.arange(CONTEXT + 1)
    while True:
        start = torch.randint(len(ids) - CONTEXT - 1, (BATCH, 1),
                              generator=generator)
        yield ids[start + offsets]


def loss_of(model, rows):
    """Returns the mean cross entropy in nats per token of `rows`."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(rows[:, :-1], use_cache=False).logits
    return torch.nn.functional.cross_entropy(
        logits.float().flatten(0, 1), rows[:, 1:].flatten())


@torch.no_grad()
def held_out_loss(model, ids):
    """Returns the loss over the same 64 windows, evenly spaced, each time."""
    starts = torch.linspace(0, len(ids) - CONTEXT - 1, 64).long()
    rows = ids[starts[:, None] + torch.arange(CONTEXT + 1)]
    return sum(loss_of(model, part).item() for part in rows.split(16)) / 4


def rate(step, steps):
    """Returns the learning rate: linear warm-up, then a cosine to a tenth."""
    if step < WARMUP:
        return LEARNING_RATE * (step + 1) / WARMUP
    done = (step - WARMUP) / max(1, steps - WARMUP)
    return LEARNING_RATE * (0.1 + 0.45 * (1 + math.cos(math.pi * done)))


def train(model, ids, held_out, steps):
    """Trains in place; returns rows of (step, loss, held-out loss or "")."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1},
         {"params": vectors, "weight_decay": 0.0}],
        betas=(0.9, 0.95), fused=True)
    source = batches(ids, torch.Generator().manual_seed(SEED))
    curve, begin = [], time.time()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate(step, steps)
        loss = loss_of(model, next(source))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        last = step == steps - 1
        if step % 10 == 0 or last:
            check = held_out_loss(model, held_out) if step % 100 == 0 or last \
                else None
            curve.append((step, loss.item(), check))
            print(f"step {step} loss {loss.item():.3f} held out "
                  f"{check and round(check, 3)} {time.time() - begin:.0f} s",
                  flush=True)
    return curve


def write_curve(curve, out):
    """Writes the curve as loss.csv and drawn as loss.svg."""
    with open(out / "loss.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", "loss", "held_out_loss"])
        for step, loss, check in curve:
            writer.writerow([step, f"{loss:.4f}",
                             "" if check is None else f"{check:.4f}"])
    width, height, top = 640, 360, math.ceil(max(row[1] for row in curve))
    last = curve[-1][0] or 1

    def line(points, colour):
        place = " ".join(f"{50 + (width - 60) * s / last:.1f},"
                         f"{height - 30 - (height - 40) * v / top:.1f}"
                         for s, v in points)
        return (f'<polyline points="{place}" fill="none" stroke="{colour}" '
                'stroke-width="1.5"/>')

    label = '<text x="{}" y="{}" font-size="12">{}</text>'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
             f'height="{height}" font-family="sans-serif">',
             f'<rect width="{width}" height="{height}" fill="white"/>',
             line([(s, l) for s, l, _ in curve], "#9db8d9"),
             line([(s, c) for s, _, c in curve if c is not None], "#c0392b"),
             label.format(60, 20, "nats per token: training (blue), "
                                  "held-out files (red)"),
             label.format(50, height - 10, "step 0"),
             label.format(width - 70, height - 10, f"step {last}")]
    for value in range(0, top + 1, 2):
        y = height - 30 - (height - 40) * value / top
        parts.append(label.format(25, f"{y + 4:.1f}", value))
        parts.append(f'<path d="M50 {y:.1f}H{width - 10}" stroke="#ddd"/>')
    (out / "loss.svg").write_text("\n".join(parts + ["</svg>"]) + "\n")


def sample(model, tokenizer, prompt, count=64):
    """Returns `prompt` and its greedy continuation by `count` tokens."""
    ids = torch.tensor([tokenizer.encode(prompt).ids])
    out = model.generate(ids, attention_mask=torch.ones_like(ids),
                         max_new_tokens=count, do_sample=False,
                         pad_token_id=0)
    return tokenizer.decode(out[0].tolist())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    arguments = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)

    texts = library_sources()
    tokenizer = train_tokenizer(texts)
    held_out = encode(tokenizer, texts[::HELD_OUT])
    ids = encode(tokenizer, [t for i, t in enumerate(texts) if i % HELD_OUT])
    model = make_model()
    print(f"{len(texts)} files, {len(ids)} tokens, "
          f"{sum(p.numel() for p in model.parameters())} parameters",
          flush=True)
    curve = train(model, ids, held_out, arguments.steps)

    model = model.to(torch.bfloat16).eval()
    model.save_pretrained(arguments.out)
    tokenizer.save(str(arguments.out / "tokenizer.json"))
    (arguments.out / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END,
         "clean_up_tokenization_spaces": False}, indent=2) + "\n")
    write_curve(curve, arguments.out)
    for prompt in ("import os\nimport sys\n\n", "class Reader:\n    def "):
        print("-" * 40, sample(model.float(), tokenizer, prompt), sep="\n")


if __name__ == "__main__":
    main()
