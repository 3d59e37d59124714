"""Writes small tokenizers for the fuzzers: make_tokenizer_seeds.py OUT

OUT/FuzzTokenizerJson, OUT/FuzzTokenizerGGUF, and OUT/json/*.json, which the
build turns into OUT/FuzzTokenizerTables. Standard library only.
"""

import base64
import json
import struct
import sys

from make_seeds import (ARRAY, BOOL, F32, I32, STRING, U32, gguf,
                        write_seeds)

MARK = "\u2581"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
WORD = r" ?\p{L}+|[^\r\n\p{L}\p{N}]?\w+|[[:digit:]]|\P{^N}|\S+(?!\S)|\W|\s+"


def added(token, id, **flags):
    return dict(id=id, content=token, special=True) | flags


def template(before, after):
    return {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": before, "type_id": 0}},
                       {"Sequence": {"id": "A", "type_id": 0}},
                       {"SpecialToken": {"id": after, "type_id": 0}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [0]},
                               "</s>": {"id": "</s>", "ids": [1]}}}


def replace(old, new):
    return {"type": "Replace", "pattern": {"String": old}, "content": new}


def vocabulary(*tokens):
    return {token: id for id, token in enumerate(tokens)}


def byte_level():
    tokens = ["<s>", "</s>", "H", "i", "\u0120", "t", "h", "Hi", "th", "\u0120th",
              "1", "2", "\u010a"]
    return {
        "added_tokens": [added("<s>", 0), added("</s>", 1, lstrip=True),
                         added("<b>", 14, special=False, rstrip=True,
                               normalized=True, single_word=True)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": form} for form in ("NFC", "NFKD", "NFD", "NFKC")]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": WORD}, "invert": True,
             "behavior": "Removed"},
            {"type": "Digits", "individual_digits": True},
            {"type": "Split", "pattern": {"String": "."},
             "behavior": "MergedWithPrevious"},
            {"type": "ByteLevel", "add_prefix_space": True}]},
        "post_processor": {"type": "Sequence", "processors": [
            {"type": "ByteLevel"}, template("<s>", "</s>")]},
        "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "vocab": vocabulary(*tokens),
                  "ignore_merges": True,
                  "merges": ["H i", ["t", "h"], ["\u0120", "th"]]},
    }


def sentence_piece(pre_tokenizer, normalizer, decoder):
    tokens = ["<s>", "</s>", "<unk>", "H", "i", MARK, "t", "h", "Hi", MARK + "t",
              MARK + MARK, *BYTES]
    return {
        "added_tokens": [added("<s>", 0), added("<unk>", 2)],
        "normalizer": normalizer, "pre_tokenizer": pre_tokenizer,
        "post_processor": None, "decoder": decoder,
        "model": {"vocab": vocabulary(*tokens), "unk_token": "<unk>",
                  "byte_fallback": True, "fuse_unk": True,
                  "end_of_word_suffix": "",
                  "merges": [["H", "i"], [MARK, "t"], [MARK, MARK]]},
    }


def charsmap():
    """A double array that maps "A" to "a": root, "A" and its value."""
    units = [0] * 68
    units[0] = 1 << 10
    units[1 ^ 0x41] = 2 << 10 | 1 << 8 | 0x41
    units[1 ^ 0x41 ^ 2] = 1 << 31
    return struct.pack("<69I", 4 * len(units), *units) + b"a\0"


def unigram():
    mark = {"type": "Metaspace", "replacement": MARK, "prepend_scheme": "always"}
    scored = [["<unk>", 0], ["<s>", 0], ["</s>", 0], [MARK, -2.5], ["H", -3],
              ["i", -3], ["Hi", -4.5], [MARK + "t", -4], ["h", -5.25]]
    return {
        "added_tokens": [added("<unk>", 0), added("<s>", 1), added("<b>", 12)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Precompiled", "precompiled_charsmap":
             base64.b64encode(charsmap()).decode()},
            {"type": "Strip", "strip_left": False, "strip_right": True},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
            {"type": "StripAccents"}, {"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "WhitespaceSplit"}, mark]},
        "post_processor": template("<s>", "</s>"), "decoder": mark,
        "model": {"type": "Unigram", "unk_id": 0, "vocab": scored,
                  "byte_fallback": False},
    }


def words():
    tokens = ["[UNK]", "<s>", "</s>", "hi", "h", "##i", "there", "'", "s", "1",
              "##2", "e"]
    return {
        "added_tokens": [added("<s>", 1), added("</s>", 2)],
        "normalizer": {"type": "BertNormalizer"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "BertPreTokenizer"}, {"type": "Whitespace"},
            {"type": "Punctuation", "behavior": "Contiguous"}]},
        "post_processor": {"type": "BertProcessing", "cls": ["<s>", 1],
                           "sep": ["</s>", 2]},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]",
                  "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100,
                  "vocab": vocabulary(*tokens)},
    }


def json_seeds():
    metaspace = {"type": "Metaspace", "replacement": MARK,
                 "prepend_scheme": "first", "split": True}
    return {
        "bytes": byte_level(), "unigram": unigram(), "words": words(),
        "metaspace": sentence_piece(metaspace, None, metaspace),
        "prepend": sentence_piece(
            None, {"type": "Sequence", "normalizers": [
                {"type": "Prepend", "prepend": MARK}, replace(" ", MARK)]},
            {"type": "Sequence", "decoders": [
                replace(MARK, " "), {"type": "ByteFallback"}, {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}),
    }


def with_configs(tokenizer):
    """The four files of a directory as one input."""
    return b"\0".join(json.dumps(part).encode() for part in (
        tokenizer,
        {"bos_token": {"content": "<s>"}, "eos_token": "</s>",
         "add_bos_token": True, "add_eos_token": True},
        {"eos_token_id": [1, 2]}, {"eos_token_id": 1, "bos_token_id": 0}))


def wrong_seeds():
    """Each breaks one thing, so that its message is reached."""
    def broken(**parts):
        return json.dumps(byte_level() | parts).encode()

    def model(**parts):
        return broken(model=byte_level()["model"] | parts)

    def split(**parts):
        return broken(pre_tokenizer={"type": "Split", "behavior": "Isolated",
                                     "pattern": {"String": "a"}} | parts)
    wrong = template("<s>", "<x>")
    return {
        "model": broken(model=1), "type": model(type="Unigram"),
        "vocab": model(vocab={}), "id": model(vocab={"a": 1 << 40}),
        "merges": model(merges=["a"]), "lists": model(merges=1),
        "unk": model(unk_token="x"), "affix": model(end_of_word_suffix="</w>"),
        "added": broken(added_tokens=[1]), "added-list": broken(added_tokens={}),
        "stage": broken(normalizer=1), "sequence": broken(
            normalizer={"type": "Sequence"}),
        "element": broken(decoder={"type": "Sequence", "decoders": [1]}),
        "normalizer": broken(normalizer={"type": "Nmt"}),
        "replace": broken(normalizer={"type": "Replace",
                                      "pattern": {"Regex": "a"}}),
        "behavior": split(behavior="x"), "pattern": split(pattern=1),
        "empty": split(pattern={}), "class": split(pattern={"Regex": "[[a]]"}),
        "and": split(pattern={"Regex": "[a&&b]"}),
        "next": split(behavior="MergedWithNext"),
        "contiguous": split(behavior="Contiguous"),
        "scheme": broken(pre_tokenizer={"type": "Metaspace",
                                        "prepend_scheme": "x"}),
        "pre": broken(pre_tokenizer={"type": "x"}),
        "decoder": broken(decoder={"type": "x"}),
        "decode": broken(decoder=replace("a", "b")),
        "post": broken(post_processor={"type": "x"}),
        "single": broken(post_processor={"type": "TemplateProcessing"}),
        "special": broken(post_processor=wrong),
        "template": broken(post_processor=wrong | {"single": [1]}),
        "config": json.dumps(byte_level()).encode() + b"\0{}\0" +
                  b'{"eos_token_id": "x"}',
    }


def gguf_seed(model, tokens, types, **more):
    values = {
        "general.architecture": (STRING, more.pop("architecture", "llama")),
        "tokenizer.ggml.model": (STRING, model),
        "tokenizer.ggml.tokens": (ARRAY, (STRING, tokens)),
        "tokenizer.ggml.token_type": (ARRAY, (I32, types)),
    }
    for key, value in more.items():
        values["tokenizer.ggml." + key] = value
    return gguf(values, {})


def gguf_seeds():
    pieces = ["<s>", "</s>", "<unk>", "H", "i", MARK, "t", "Hi", MARK + "t", "<b>",
              "  ", *BYTES]
    types = [3, 3, 2] + [1] * 6 + [4, 1] + [6] * 256
    scores = (ARRAY, (F32, [-float(id) for id in range(len(pieces))]))
    ids = dict(bos_token_id=(U32, 0), eos_token_id=(U32, 1),
               unknown_token_id=(U32, 2), add_bos_token=(BOOL, True),
               add_eos_token=(BOOL, True))
    letters = ["<s>", "</s>", "H", "i", "\u0120", "Hi", "\u0120Hi"]
    merges = (ARRAY, (STRING, ["H i", "\u0120 Hi"]))
    kinds = [3, 3, 1, 1, 1, 1, 4]
    seeds = {
        "llama": gguf_seed("llama", pieces, types, scores=scores, **ids),
        "gemma": gguf_seed("llama", pieces, types, architecture="gemma3",
                           add_space_prefix=(BOOL, False), **ids),
        "no-scores": gguf_seed("llama", pieces, types),
        "scores": gguf_seed("llama", pieces, types, scores=(ARRAY, (F32, [1.0]))),
        "nan": gguf_seed("llama", ["a"], [1],
                         scores=(ARRAY, (F32, [float("nan")]))),
        "types": gguf_seed("llama", pieces, [1], scores=scores),
        "none": gguf_seed("llama", [], []), "rwkv": gguf_seed("rwkv", ["a"], [1]),
        "t5": gguf_seed("t5", pieces, types, scores=scores,
                        precompiled_charsmap=(ARRAY, (I32, list(charsmap()))),
                        **ids),
        "bert": gguf_seed("bert", ["[UNK]", "<s>", MARK + "hi", "i", MARK + "h"],
                          [3, 3, 1, 1, 1], bos_token_id=(U32, 1),
                          seperator_token_id=(U32, 1), unknown_token_id=(U32, 0)),
        "id": gguf_seed("gpt2", letters, kinds, merges=merges,
                        bos_token_id=(U32, 99)),
        "pre": gguf_seed("gpt2", letters, kinds, pre=(STRING, "x")),
        "merge": gguf_seed("gpt2", letters, kinds, merges=(ARRAY, (STRING, ["H"]))),
        "pair": gguf_seed("gpt2", letters, kinds,
                          merges=(ARRAY, (STRING, ["H H"]))),
    }
    for pre in ("gpt-2", "llama-bpe", "qwen2", "tekken", "deepseek-v3"):
        seeds[pre] = gguf_seed("gpt2", letters, kinds, merges=merges,
                               pre=(STRING, pre), bos_token_id=(U32, 0),
                               eot_token_id=(U32, 1))
    return seeds


def main():
    valid = json_seeds()
    write_seeds(sys.argv[1], {
        "FuzzTokenizerJson": wrong_seeds() | {
            name: with_configs(tokenizer)
            for name, tokenizer in valid.items()},
        "FuzzTokenizerGGUF": gguf_seeds(),
        "json": {name + ".json": json.dumps(tokenizer).encode()
                 for name, tokenizer in valid.items()}})


if __name__ == "__main__":
    main()
