"""Every family beside Llama at equal sizes: shares of the roofline.

    python3 benchmarks/families.py [--quant q4_0] [--repeats 3] [FAMILY ...]

Makes a model of each family with random weights (width 2,048, ffn 8,192, 32
heads on 8 kv-heads where the family has them, 4 layers), compiles it with
--no-fallback, and times decoding and a prefill of 512 tokens at one thread
between two runs of the Llama of that size. The last columns are the family's
shares over the mean of those two, the median over --repeats: at least 0.9.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

import safetensors.torch
import torch
import transformers

import models

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "bench" / "families"
MICA = ROOT / "build" / "bin" / "mica"
SIZES = dict(hidden_size=2048, intermediate_size=8192, num_hidden_layers=4,
             num_attention_heads=32, num_key_value_heads=8, vocab_size=32000,
             max_position_embeddings=4096, tie_word_embeddings=True,
             bos_token_id=1, eos_token_id=2, pad_token_id=None)
FAMILIES = {
    "llama": (transformers.LlamaConfig, {}),
    "mistral": (transformers.MistralConfig, dict(sliding_window=None)),
    "ministral": (transformers.MinistralConfig, dict(
        head_dim=64, sliding_window=1024)),
    "qwen2": (transformers.Qwen2Config, {}),
    "qwen3": (transformers.Qwen3Config, dict(head_dim=64)),
    "gemma": (transformers.GemmaConfig, dict(head_dim=64)),
    "gemma2": (transformers.Gemma2Config, dict(head_dim=64)),
    "gemma3": (transformers.Gemma3TextConfig, dict(head_dim=64)),
    "phi3": (transformers.Phi3Config, {}),
    "olmo2": (transformers.Olmo2Config, {}),
    "olmo3": (transformers.Olmo3Config, {}),
    "arcee": (transformers.ArceeConfig, {}),
    "smollm3": (transformers.SmolLM3Config, {}),
    "granite": (transformers.GraniteConfig, dict(attention_multiplier=0.125)),
    "cohere": (transformers.CohereConfig, {}),
    "cohere2": (transformers.Cohere2Config, dict(sliding_window=1024)),
    "gpt_neox": (transformers.GPTNeoXConfig, {}),
    "starcoder2": (transformers.Starcoder2Config, {}),
    "gpt2": (transformers.GPT2Config, dict(
        n_embd=2048, n_inner=8192, n_layer=4, n_head=32, n_positions=4096)),
}


def make(family):
    """Writes the family's directory unless it is there; returns it."""
    directory = CACHE / family
    config_class, more = FAMILIES[family]
    sizes = {} if family == "gpt2" else SIZES
    config = config_class(**sizes, **more)
    config.dtype = torch.bfloat16
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    config.architectures = [type(model).__name__]
    text = json.dumps(config.to_dict(), indent=2) + "\n"
    written = directory / "config.json"
    if written.exists() and written.read_text() == text:
        return directory
    directory.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    state = {n: models.random_tensor(tuple(p.shape), generator)
             for n, p in model.named_parameters()}
    safetensors.torch.save_file(state, directory / "model.safetensors",
                                metadata={"format": "pt"})
    written.write_text(text)
    return directory


def run(*command):
    """Returns what a command prints; ends the program if it fails."""
    result = subprocess.run([str(c) for c in command], text=True,
                            capture_output=True)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{result.stderr}")
    return result.stdout


def shares(artifact):
    """Returns the roofline shares of decoding and of a prefill of 512."""
    return [float(run(MICA, "bench", artifact, "--threads", "1", *flags)
                  .splitlines()[-1].split()[4])
            for flags in (("-p", 0, "-n", 16), ("-p", 512, "-n", 0))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", nargs="*", choices=[*FAMILIES, []])
    parser.add_argument("--quant", default="q4_0")
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    artifacts = {}
    for family in {"llama": 0} | dict.fromkeys(arguments.family or FAMILIES):
        artifacts[family] = CACHE / f"{family}-{arguments.quant}.mica"
        run(MICA, "compile", make(family), "-o", artifacts[family],
            f"--quant={arguments.quant}", "--no-fallback")
    print(f"{'family':12} {'decode':>7} {'prefill':>8}   over llama")
    before = shares(artifacts["llama"])
    for family, artifact in artifacts.items():
        rows = []
        for _ in range(arguments.repeats):
            found, after = shares(artifact), shares(artifacts["llama"])
            rows.append(found + [2 * f / (a + b)
                                 for f, a, b in zip(found, before, after)])
            before = after
        row = [statistics.median(column) for column in zip(*rows)]
        print(f"{family:12} {row[0]:7.3f} {row[1]:8.3f}   "
              f"{row[2]:.3f} {row[3]:.3f}", flush=True)


if __name__ == "__main__":
    main()
