"""Small tokenizers in the style of published ones, and texts to try them on.

Each is trained once on the Python standard library's sources and on words in
twelve scripts, and kept in .cache/tokenizers; run this file to make them all.
"""
import json
import os
import pathlib
import random
import re
import sysconfig
import unicodedata

from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models,
                        normalizers, pre_tokenizers, processors, trainers)

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "tokenizers" / "2"

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = CONTRACTIONS + r"\p{N}{1,3}" + REST
QWEN = CONTRACTIONS + r"\p{N}" + REST


# Letters of twelve scripts, and the marks that follow them.
SCRIPTS = [
    ("a-z\u00e0-\u00f6\u0153", "\u0301\u0308"), ("\u0430-\u044f\u0451", "\u0301"),
    ("\u03b1-\u03c9\u03ac-\u03af", "\u0301"), ("\u0627-\u063a\u0641-\u064a", "\u064b-\u0652"),
    ("\u05d0-\u05ea", "\u05b0-\u05bc"), ("\u0905-\u0939", "\u093e-\u094d"),
    ("\u0995-\u09a8\u09aa-\u09b0", "\u09be-\u09c4\u09cd"),
    ("\u0b95\u0b99\u0b9a\u0ba3\u0ba4\u0ba8-\u0baa\u0bae-\u0bb9", "\u0bbe-\u0bc2\u0bcd"),
    ("\u0e01-\u0e2e", "\u0e30-\u0e39\u0e48-\u0e4c"), ("\uac00-\ud7a3", ""),
    ("\u4e00-\u9fa5", ""), ("\u3041-\u3093\u30a1-\u30f6", "\u3099")]


def letters_of(ranges):
    """The characters of ranges such as "a-z_"."""
    return [chr(code) for first, last in re.findall("(.)(?:-(.))?", ranges)
            for code in range(ord(first), ord(last or first) + 1)]


def scripts_text(size, seed=1):
    """Lines of words in twelve scripts, about `size` bytes of UTF-8."""
    pick = random.Random(seed)
    words = []
    for ranges, marks in SCRIPTS:
        letters = pick.choices(letters_of(ranges), k=40)
        marks = letters_of(marks)
        words.append(["".join(
            pick.choice(letters) + (pick.choice(marks) if marks and
                                    pick.random() < 0.3 else "")
            for _ in range(pick.randint(1, 7))) for _ in range(500)])
    while size > 0:
        lexicon = pick.choice(words)
        line = ""
        for _ in range(pick.randint(3, 30)):
            word = lexicon[int(len(lexicon) * pick.random() ** 3)]
            form = pick.random()
            line += word if form < 0.8 else word.title() if form < 0.9 else \
                word.upper() if form < 0.95 else str(pick.randint(0, 99999))
            line += pick.choice([" "] * 12 + [", ", ". ", "! ", "\u3001", "\u3002",
                                             "  ", "-", "\t", " (", ") ", "\u0964"])
        size -= len(line.encode()) + 1
        yield line + "\n"


def split(pattern):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def special(*names):
    return [AddedToken(name, special=True, normalized=False) for name in names]


def byte_level(pre_tokenizer, **model):
    made = Tokenizer(models.BPE(**model))
    made.pre_tokenizer = pre_tokenizer
    made.decoder = decoders.ByteLevel()
    return made, dict(initial_alphabet=pre_tokenizers.ByteLevel.alphabet())


def gpt2():
    made, options = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False))
    added = [AddedToken("<|endoftext|>", special=True, normalized=True),
             AddedToken("<mask>", special=True, lstrip=True),
             AddedToken("word", single_word=True, normalized=False),
             AddedToken("[x]", rstrip=True, normalized=False)]
    return made, options, added


def llama3():
    made, options = byte_level(split(LLAMA3), ignore_merges=True)
    return made, options, special("<|begin_of_text|>", "<|end_of_text|>",
                                  "<|eot_id|>")


def qwen3():
    made, options = byte_level(split(QWEN))
    made.normalizer = normalizers.NFC()
    think = [AddedToken(name, special=False, normalized=False)
             for name in ("<think>", "</think>")]
    return made, options, special("<|endoftext|>", "<|im_start|>",
                                  "<|im_end|>") + think


def sentence_piece(normalizer=None, pre_tokenizer=None, strip=True):
    made = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True,
                                byte_fallback=True))
    if normalizer:
        made.normalizer = normalizer
    if pre_tokenizer:
        made.pre_tokenizer = pre_tokenizer
    steps = [decoders.Replace("\u2581", " "), decoders.ByteFallback(),
             decoders.Fuse()]
    made.decoder = decoders.Sequence(
        steps + [decoders.Strip(" ", 1, 0)] * strip)
    return made, {}, special("<unk>", "<s>", "</s>") + [
        f"<0x{byte:02X}>" for byte in range(256)]


def llama2():
    return sentence_piece(normalizer=normalizers.Sequence([
        normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]))


def metaspace():
    return sentence_piece(pre_tokenizer=pre_tokenizers.Metaspace(
        prepend_scheme="first", split=True))


def gemma():
    return sentence_piece(normalizer=normalizers.Replace(" ", "\u2581"),
                          strip=False)


def lines():
    """Merges over the borders of words: any split of a text shows."""
    made, options = byte_level(pre_tokenizers.ByteLevel(
        add_prefix_space=False, use_regex=False))
    return made, options, special("<|endoftext|>")


def unigram(normalizer, pre_tokenizer, byte_fallback=False):
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizer
    made.pre_tokenizer = pre_tokenizer
    made.decoder = decoders.Sequence([
        decoders.ByteFallback(), decoders.Metaspace()])
    names = ["<unk>", "<s>", "</s>"]
    return made, dict(unk_token="<unk>"), special(*names[1:]) + [
        *names, *[f"<0x{byte:02X}>" for byte in range(256) if byte_fallback]]


def t5():
    """SentencePiece's own map of characters, as published files carry it."""
    return unigram(normalizers.Sequence([
        normalizers.Precompiled(charsmap()), normalizers.Strip(False, True),
        normalizers.Replace(Regex(" {2,}"), "\u2581")]),
        pre_tokenizers.Metaspace())


def albert():
    return unigram(normalizers.Sequence([
        normalizers.Replace("``", '"'), normalizers.NFKD(),
        normalizers.StripAccents(), normalizers.Lowercase(),
        normalizers.Precompiled(charsmap())]),
        pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(),
                                 pre_tokenizers.Metaspace()]),
        byte_fallback=True)


def word_piece(normalizer, pre_tokenizer):
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizer
    made.pre_tokenizer = pre_tokenizer
    made.decoder = decoders.WordPiece()
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return made, {}, special(*names) + names


def bert():
    return word_piece(normalizers.BertNormalizer(),
                      pre_tokenizers.BertPreTokenizer())


def cased():
    return word_piece(
        normalizers.BertNormalizer(lowercase=False, handle_chinese_chars=False),
        pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(),
                                 pre_tokenizers.Punctuation("contiguous")]))


def keep_first(partial, path):
    """Makes `partial` the file `path`, unless another process has made that:
    training gives no two times the same, and that file may be in use."""
    try:
        os.link(partial, path)
    except FileExistsError:
        pass
    partial.unlink()
    return path


def train_sentence_piece(path):
    """A unigram model of SentencePiece itself."""
    import sentencepiece
    lines = [*corpus(200_000), *scripts_text(200_000)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_prefix=str(path.with_suffix("")),
        vocab_size=3000, character_coverage=0.98, model_type="unigram",
        num_threads=1, minloglevel=2)


def fields(message):
    """The byte fields of a protobuf message, as (number, bytes)."""
    def varint(at):
        value = shift = 0
        while True:
            value |= (message[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if message[at - 1] < 128:
                return value, at
    at = 0
    while at < len(message):
        tag, at = varint(at)
        if tag & 7 == 2:
            size, at = varint(at)
            yield tag >> 3, message[at:at + size]
            at += size
        elif tag & 7 == 0:
            _, at = varint(at)
        else:
            at += 8 if tag & 7 == 1 else 4


def sentence_piece_model():
    """The path of a model that SentencePiece trained."""
    path = CACHE / "spm" / "spm.model"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{os.getpid()}.model")
        train_sentence_piece(partial)
        keep_first(partial, path)
    return path


def charsmap():
    """The map of characters in that model (nmt_nfkc, the usual one)."""
    model = dict(fields(sentence_piece_model().read_bytes()))
    return dict(fields(model[3]))[2]


STYLES = dict(gpt2=gpt2, llama3=llama3, qwen3=qwen3, llama2=llama2,
              metaspace=metaspace, gemma=gemma, t5=t5, albert=albert,
              bert=bert, cased=cased)
MADE = STYLES | dict(lines=lines)


def corpus(size):
    """About `size` bytes of the standard library, in lines."""
    for path in sorted(pathlib.Path(sysconfig.get_path("stdlib")).glob("*.py")):
        for line in path.read_text(errors="replace").splitlines(keepends=True):
            yield line
            size -= len(line)
            if size < 0:
                return


def tokenizer_of(style):
    """The path of the tokenizer.json of a style, made if it is not there."""
    path = CACHE / style / "tokenizer.json"
    if path.exists():
        return path
    made, options, added = MADE[style]()
    # SentencePiece trains on words, whatever the finished model splits at.
    finished, words = made.pre_tokenizer, style in ("llama2", "gemma")
    if words:
        made.pre_tokenizer = pre_tokenizers.Split("\u2581", "merged_with_next")
    names = [token for token in added if isinstance(token, str)]
    kind = type(made.model).__name__
    trainer = getattr(trainers, kind[0] + kind[1:].replace("PE", "pe") + "Trainer")
    trainer = trainer(vocab_size=6000, show_progress=False, special_tokens=[
        "<unk>"] * (kind == "BPE" and bool(names)) + names, **options)
    size = 300_000 if style == "lines" else 1_200_000
    made.train_from_iterator([*corpus(size), *scripts_text(size // 2)], trainer)
    if words:
        made.pre_tokenizer = finished or pre_tokenizers.Sequence([])
    tokens = [token for token in added if not isinstance(token, str)]
    made.add_special_tokens([token for token in tokens if token.special])
    made.add_tokens([token for token in tokens if not token.special])
    if style in ("bert", "cased"):
        made.post_processor = processors.BertProcessing(
            ("[SEP]", made.token_to_id("[SEP]")), ("[CLS]", made.token_to_id("[CLS]")))
    if style in ("llama3", "llama2"):
        bos = "<|begin_of_text|>" if style == "llama3" else "<s>"
        made.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, made.token_to_id(bos))])
    model = json.loads(made.to_str())
    # The trainer knows bytes as special tokens only; in a model they are not.
    model["added_tokens"] = [token for token in model["added_tokens"]
                             if not token["content"].startswith("<0x")]
    if style == "albert":
        model["model"]["byte_fallback"] = True
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(model))
    return keep_first(partial, path)


def texts(count, seed=1, names=("<bos>", "<s>", "<|endoftext|>", "<mask>",
                                "<|eot_id|>", "word", "[x]", "<think>", "<0x41>")):
    """`count` strings of all kinds of characters."""
    pick = random.Random(seed)
    assigned = [chr(code) for code in range(0x110000)
                if not 0xD800 <= code < 0xE000]
    marks = [c for c in assigned if unicodedata.category(c)[0] == "M"]
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    emoji = ["\U0001F468\u200d\U0001F469\u200d\U0001F467", "\U0001F44D\U0001F3FD",
             "\u2764\ufe0f", "\U0001F1EB\U0001F1F7", "\U0001F600", "1\ufe0f\u20e3",
             "\U0001F3F4\U000E0067\U000E0062\U000E007F"]
    spaces = " \t\n\r\v\f\x85\xa0\u1680\u180e\u2003\u2028\u2029\u200b\u3000\ufeff"
    ends = ["'s", "'LL", "'\u017f", "'re", "\u2019t", "'d", "n't"]

    def repeat(choices, most=6):
        return "".join(pick.choice(choices) for _ in range(pick.randint(1, most)))
    kinds = [
        lambda: repeat(letters, 9),
        lambda: repeat(letters, 5) + pick.choice(ends),
        lambda: pick.choice(spaces) * pick.randint(1, 40),
        lambda: repeat(spaces),
        lambda: repeat("0123456789", 12),
        lambda: repeat("\u0661\u0967\u00bd\u2167\u3007\u4e00\U0001D7D8"),
        lambda: repeat(emoji, 4),
        lambda: repeat([chr(code) for code in range(32)] + ["\x7f", "\x80"], 4),
        lambda: repeat(letters, 2) + repeat(marks, 4),
        lambda: repeat(assigned, 5),
        lambda: repeat("!\"#$%&()*+,-./:;<=>?@[]^_`{|}~", 5),
        lambda: repeat("éüßçñøåÀÉ\u0130\u0131\u01c5\u212b\u1e9b\ufb01"),
        lambda: repeat("привет мир"),
        lambda: repeat("\u4e2d\u6587\u65e5\u672c\u8a9e\uac00\u1100\u1161\u11a8"),
        lambda: repeat(["\u2581", "\u0120", "\ufffd", "\u200d", "\ufe0f"], 3),
        lambda: pick.choice(names),
        lambda: pick.choice(["return", "def __init__(self):", "  if x:", "the",
                             "importlib", " self.", "== None"]),
        lambda: " ",
    ]
    yield ""
    for _ in range(count - 1):
        yield "".join(pick.choice(kinds)() for _ in range(pick.randint(1, 9)))


if __name__ == "__main__":
    for name in STYLES:
        print(tokenizer_of(name))
