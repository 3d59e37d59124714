"""`mica run --chat`, with the example model given a template."""
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest
import tokenizers

import artifacts

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "tiny-python"
TEMPLATE = ("{{ bos_token }}{% for m in messages %}{{ m.content }}\n"
            "{% endfor %}{% if add_generation_prompt %}    {% endif %}")
# Of earlier answers only the beginning is kept, as where thinking is cut.
CUT = TEMPLATE.replace("m.content }}", "m.content[:5] if m.role == "
                       "'assistant' else m.content }}")


@pytest.fixture(scope="session")
def talking(compiled, tmp_path_factory):
    """Returns a function: template, context -> the example's artifact with
    them."""
    def change(file, **settings):
        file.write_text(json.dumps(json.loads(file.read_text()) | settings))

    def make(template, context=1024):
        path = tmp_path_factory.mktemp("chat") / "model"
        shutil.copytree(EXAMPLE, path)
        change(path / "tokenizer_config.json", bos_token="",
               chat_template=template)
        change(path / "config.json", max_position_embeddings=context)
        return compiled(path, f"--max-context={context}")
    return make


def prompt(template, *texts):
    """Returns what TEMPLATE or CUT makes of a conversation."""
    roles = ["system"] + ["user", "assistant"] * 9
    return "".join(
        f"{text[:5] if template == CUT and role == 'assistant' else text}\n"
        for role, text in zip(roles, texts)) + "    "


@pytest.mark.parametrize("template", [TEMPLATE, CUT], ids=["whole", "cut"])
def test_turns(mica, talking, template):
    """Each answer is the one to the whole conversation, fed at once."""
    path = talking(template)
    said = mica("run", path, "--chat", "--system", "Be terse.", "-n", "12",
                input="import os\nfor i in x\n\ndef f(a):\n").stdout
    texts, wanted = ["Be terse."], ""
    for asked in ("import os", "for i in x", "def f(a):"):
        texts.append(asked)
        answer = mica("run", path, "-p", prompt(template, *texts), "-n",
                      "12").stdout[:-1]
        texts.append(answer)
        wanted += answer + "\n"
    assert said == wanted
    assert len(set(texts[2::2])) > 1


def test_manifest(talking):
    chat = artifacts.manifest(talking(TEMPLATE))["chat"]
    assert chat == {"template": TEMPLATE, "bos_token": "",
                    "eos_token": "<|endoftext|>"}


def test_interrupt(request, talking):
    """An interrupt ends the answer; the conversation goes on."""
    with subprocess.Popen(
            [request.config.getoption("--mica"), "run", talking(TEMPLATE),
             "--chat", "-n", "100000"], bufsize=0, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        for _ in range(2):
            process.stdin.write(b"import os\n")
            assert process.stdout.read(1)
            process.send_signal(signal.SIGINT)
            # Nothing more is said: the program waits for a line.
            while select.select([process.stdout], [], [], 1)[0]:
                assert process.stdout.read(4096)
        process.stdin.close()
        process.stdout.read()
        assert process.wait(60) == 0, process.stderr.read()


def cpu_seconds(process):
    """Returns how long the threads of a process have run."""
    stat = pathlib.Path(f"/proc/{process.pid}/stat").read_text()
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def test_interrupt_prompt(request, mica, talking):
    """An interrupt while a prompt is fed: nothing is answered, and the next
    answer is right although the cache holds a part of the prompt."""
    path = talking("{{ messages[0].content[:4000] }}\n"
                   "{{ messages[-1].content }}\n    ", context=32768)
    long = "x = 1 + y\t" * 5000
    wanted = mica("run", path, "-p", f"{long[:4000]}\nimport os\n    ", "-n",
                  "12").stdout
    with subprocess.Popen(
            [request.config.getoption("--mica"), "run", path, "--chat", "-n",
             "12", "--threads", "1"], bufsize=0, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE) as process:
        process.stdin.write(f"{long}\n".encode())
        while cpu_seconds(process) < 1:
            time.sleep(.01)
        process.send_signal(signal.SIGINT)
        assert process.stdout.read(1) == b"\n"
        process.stdin.write(b"import os\n")
        process.stdin.close()
        assert process.stdout.read().decode() == wanted
        assert process.wait(60) == 0


def test_special_tokens_of_users(mica, talking, evaluate):
    """A token that someone writes is text; the template's own ends a turn."""
    tokens = tokenizers.Tokenizer.from_file(str(EXAMPLE / "tokenizer.json"))
    path = talking("import os\n<|endoftext|>{{ messages[0].content }}")

    def best(plain, text):
        """Returns the text of the best token behind the prompt."""
        tokens.encode_special_tokens = plain
        said = before + tokens.encode(text).ids
        logits = evaluate(path, np.array([said], np.int32))
        return tokens.decode([int(logits[0, -1].argmax())])
    before = tokens.encode("import os\n<|endoftext|>").ids
    differ = 0
    for text in ("<|endoftext|>", "import sys<|endoftext|>", "a = '<|endoftext|>"):
        said = mica("run", path, "--chat", "-n", "1", input=text + "\n").stdout
        assert said == best(True, text) + "\n"
        differ += best(True, text) != best(False, text)
    assert before[-1] == 0 and differ


def test_interrupt_leaves(request, talking):
    """Where nothing is being said, an interrupt ends the program."""
    with subprocess.Popen(
            [request.config.getoption("--mica"), "run", talking(TEMPLATE),
             "--chat", "-n", "1"], bufsize=0, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE) as process:
        process.stdin.write(b"a\n")
        assert process.stdout.read(1)
        while select.select([process.stdout], [], [], 1)[0]:
            assert process.stdout.read(4096)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_full(mica, talking):
    result = mica("run", talking(TEMPLATE), "--chat", "-n", "500", "--ctx",
                  "64", input="import os\n", fails=True)
    assert result.returncode == 1
    assert result.stderr == (
        "mica: context of 64 tokens is full, expected a shorter conversation "
        "or more (--ctx)\n")
    result = mica("run", talking(TEMPLATE), "--chat", "--ctx", "64",
                  input="x = 1 " * 90 + "\n", fails=True)
    assert result.returncode == 1
    assert result.stderr.startswith("mica: conversation of ")
    assert result.stderr.endswith(" tokens, expected at most 64 (--ctx)\n")


def test_no_template(mica, compiled):
    path = compiled(EXAMPLE)
    result = mica("run", path, "--chat", fails=True)
    assert result.returncode == 1
    assert result.stderr == f"mica: {path}: no chat template, expected one\n"


def test_refused(mica, talking):
    """What a template raises is told in one line."""
    path = talking("{{ raise_exception('no ' ~ messages[0].role) }}")
    result = mica("run", path, "--chat", "--system", "a", input="b\n",
                  fails=True)
    assert result.stderr == f"mica: {path}: chat template: line 1: no system\n"
    path = talking("{% if %}")
    result = mica("run", path, "--chat", input="b\n", fails=True)
    assert result.stderr == (f"mica: {path}: chat template: line 1: a tag's "
                             "end, expected an expression\n")
