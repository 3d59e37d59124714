"""`mica run --chat`, with the example model given a template."""
import json
import pathlib
import select
import shutil
import signal
import subprocess

import pytest

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
    """Returns a function: template -> the example's artifact with it."""
    def make(template):
        path = tmp_path_factory.mktemp("chat") / "model"
        shutil.copytree(EXAMPLE, path)
        config = json.loads((path / "tokenizer_config.json").read_text())
        (path / "tokenizer_config.json").write_text(
            json.dumps(dict(config, bos_token="", chat_template=template)))
        return compiled(path)
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
