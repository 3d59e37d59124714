"""Chat templates are rendered as transformers renders them."""
import json
import pathlib
import re
import subprocess

import pytest
from jinja2.exceptions import TemplateAssertionError, TemplateError
from transformers.utils.chat_template_utils import render_jinja_template

import conversations

TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


@pytest.fixture(scope="session")
def render(request):
    """Returns a function: [(template, variables)] -> texts, or {"error": ...}"""
    mica = pathlib.Path(request.config.getoption("--mica"))

    def run(jobs):
        lines = "".join(json.dumps(job) + "\n" for job in jobs)
        result = subprocess.run([mica.with_name("RenderChat")], input=lines,
                                text=True, capture_output=True, check=True)
        return [json.loads(line) for line in result.stdout.splitlines()]
    return run


def expected(template, variables):
    """Returns what transformers renders, None where it fails, and False where
    the name of a filter is unknown: Jinja says so although nothing calls it."""
    rest = dict(variables)
    try:
        return render_jinja_template(
            [rest.pop("messages", [])], tools=rest.pop("tools", None),
            chat_template=template,
            add_generation_prompt=rest.pop("add_generation_prompt", False),
            **rest)[0][0]
    except TemplateAssertionError:
        return False
    except (TemplateError, TypeError, RecursionError, ValueError, KeyError, OverflowError,
            AttributeError, ZeroDivisionError):
        return None


def compare(render, jobs):
    """Asserts that all jobs give what transformers gives; returns how many
    of them give a text."""
    found = render([(template, {"tools": None, "documents": None,
                                "add_generation_prompt": False, **variables})
                    for template, variables in jobs])
    texts, wrong = 0, []
    for (template, variables), text in zip(jobs, found, strict=True):
        wanted = expected(template, variables)
        # How Python prints an iterator is nothing that a template means.
        if wanted is False or re.match(r".* at 0x|dict_|range\(", str(wanted)):
            continue
        if wanted is None:
            if isinstance(text, str) or "\n" in text["error"] or \
                    not text["error"].startswith("chat template: line "):
                wrong.append(f"{template}\n  fails, but is {text!r}")
        elif text != wanted:
            wrong.append(f"{template}\n  is {wanted!r}\n found {text!r}")
        texts += text == wanted
    assert not wrong, "\n".join(wrong[:30])
    return texts


def test_published_texts(render, llama_cpp):
    """With and without tools, as some templates want them always."""
    published = {path.name: path.read_text() for path in sorted(
        (llama_cpp / "models" / "templates").glob("*.jinja"))}
    assert len(published) == 70 and len(conversations.CONVERSATIONS) == 10
    tools = {"tools": [conversations.EMPTY], "functions": "[]", "datetime": ""}
    for name, text in published.items():
        jobs = [(text, {**TOKENS, **more, **conversation})
                for conversation in conversations.CONVERSATIONS
                for more in ({}, tools)]
        assert compare(render, jobs) >= 5, name


VALUES = {
    "s": "Hello, Wörld", "e": "", "n": 7, "f": 2.5, "neg": -3, "b": True,
    "none_": None, "l": [3, 1, 2], "words": ["b", "A", "c", "a"],
    "d": {"b": 1, "a": [1, {"x": None}], "items": 5}, "big": 1e20,
    "u": "ümlaut ÉCOLE ß 日本", "w": "  pad\t\n",
    "rows": [{"k": "x", "v": 1}, {"k": "y", "v": 2}, {"k": "x", "v": 3},
             {"v": 4}]}

EXPRESSIONS = """
1 + 2 * 3 - 4 // 3 % 2 | 7 / 2 | 7 // -2 | -7 % 3 | 2 ** 3 ** 2 | -2 ** 2
n ~ f ~ s ~ none_ ~ b | f | 1.0 | 1e20 | 1e-7 | 0.1 + 0.2 | big | 12345678901.5
1 < 2 < 3 | 1 < 3 < 2 | 'a' < 'b' | [1, 2] < [1, 3] | n == 7.0 | b == 1 | 1 < 'a'
not b or n | n and s | e or 'x' | none_ or e | not not e | n if b | n if e | n if e else 'z'
s[0] | s[-1] | s[1:4] | s[::-1] | s[:-3] | s[20] | l[0] | l[-1] | l[5] | l[1:] | u[::2] | l[::-1]
d.a | d['a'] | d.b | d.items() | d['items'] | d.nothing | d.nothing.more | d.a[1].x | d.get('zz') | d.get('b', 4)
d.keys() | list | x | x.y | s.nothing | n.nothing | rows.0.k | l.first
'x' in s | 'W' in s | 1 in l | 'a' in d | 'zz' not in d | 1 in 5 | 'a' in none_ | 3 not in l
s is string | n is number | n is integer | f is float | b is boolean | none_ is none | x is defined | s is defined
d is mapping | l is sequence | s is iterable | n is iterable | 3 is odd | 4 is even | 9 is divisibleby 3 | n is not none
s is eq 'x' | 1 is lt 2 | 2 is in l | b is true | b is sameas true | e is false | x is undefined | 'AB' is upper
s.upper() | s.lower() | s.title() | s.split(', ') | s.split('l', 1) | s.rsplit('l', 1) | w.strip() | w.lstrip() | w.rstrip()
u.upper() | u.title() | u.capitalize() | w.split() | 'a b  c'.split(none, 1) | s.replace('l', 'L') | s.replace('l', 'L', 1) | s.replace('', '-')
s.startswith('He') | s.endswith(('x', 'ld')) | s.find('l') | s.count('l') | ','.join(words) | s.strip('Hd') | 'x1'.isdigit() | '12'.isdigit()
'%s and %d' % ('a', 3) | '%05.1f' % f | 'a%%' % () | '{} {}'.format(1, 'x') | '{a}'.format(a=2) | 'a\\nb'.splitlines() | 'abc'.removeprefix('a')
s | upper | s | length | l | length | d | length | n | length | u | length | w | trim | s | trim('Hd')
l | sort | words | sort | words | sort(reverse=true) | words | sort(case_sensitive=true) | rows | sort(attribute='v', reverse=true)
words | unique | list | l | first | l | last | l | max | l | min | l | sum | rows | sum(attribute='v') | l | reverse | list | s | reverse
words | join(', ') | rows | map(attribute='k') | list | rows | map(attribute='k', default='-') | join | words | map('upper') | join(' ')
rows | selectattr('k', 'equalto', 'x') | list | rows | selectattr('k', 'defined') | list | rows | rejectattr('k') | list | l | select('odd') | list | l | reject('gt', 1) | list
rows | groupby('v') | list | d | dictsort | d | items | list | l | batch(2) | list | x | default('q') | e | default('q', true) | e | d('q')
d | tojson | d | tojson(indent=2) | l | tojson | u | tojson | u | tojson(ensure_ascii=true) | '<&>' | tojson | f | tojson | none_ | tojson | d | tojson(sort_keys=true, separators=(',', ':')) | [] | tojson(indent=2) | {} | tojson | big | tojson | x | tojson
'12' | int | 'z' | int | 'z' | int(5) | 3.9 | int | '2.5' | float | f | round | 3.14159 | round(2) | 2.5 | round(method='ceil') | neg | abs
'a\\nb\\n\\nc' | indent | 'a\\nb' | indent(2, true) | 'a\\n\\nb' | indent(2, blank=true) | s | indent(width='>> ') | 'the quick' | title | 'foo bar' | capitalize | 'ab' | center(7) | s | wordcount
none_ | select | list | none_ | map('upper') | list | '' | selectattr('a') | list | ('<' | safe) + '&' | '&' + ('<' | safe) | (('<' | safe) + '&') + '"'
('<' | safe) ~ '&' | ('<' | e) + '&' | ('<' | safe | string | upper | trim) + '&' | '<' | safe | e | '<' | safe | forceescape | ('<' | safe) * 2 + '&' | ('<' | safe) + 1
l | string | d | string | [1, 'a', none, true, 1.5, "it's", 'q"', 'é\\t'] | (1,) | (1, 2) | () | {} | {'a': {'b': []}} | {1: 2}
[1] + [2] | 'a' + 'b' | 'a' * 3 | [0] * 2 | 'a' + 1 | l + 1 | x + 1 | -s | none_ + 1 | 1 // 0 | (1, 2) + (3,) | 3 * 'ab'
range(3) | list | range(1, 6, 2) | list | range(3, 0, -1) | list | dict(a=1, b=2) | namespace(a=1).a | range(1000000) | list | dict({'a': 1}, b=2)
'a' 'b' | "\\x41\\u00e9\\t\\'" | 0x10 + 0b11 + 0o7 | 1_000 | [1, 2,] | (1 if e else 2) | {'a': 1}['a'] | [[1, 2], [3]][0][1]
raise_exception('no ' ~ s) | nothing() | s() | s | nofilter | s is notest | l.append(4) | d.update({}) | s.zz() | x.y()
""".strip().splitlines()

STATEMENTS = [
    "{% for a in l %}{{ loop.index }}{{ loop.first }}{{ loop.last }}{{ a }},{% endfor %}",
    "{% for a in [] %}x{% else %}none{% endfor %}|{% for a in l if a > 1 %}{{ a }}/{{ loop.length }} {% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}",
    "{% for a in l %}{{ loop.revindex }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('o', 'e') }}{{ loop.changed(a) }} {% endfor %}",
    "{% for a in l %}{% if a == 1 %}{% continue %}{% endif %}{{ a }}{% if a == 2 %}{% break %}{% endif %}{% endfor %}",
    "{% for r in [[1, [2, [3]]]] recursive %}{% for i in r %}{% if i is iterable %}<{{ loop.depth }}>{% else %}{{ i }}{% endif %}{% endfor %}{% endfor %}",
    "{% for i in [{'n': 1, 'c': [{'n': 2, 'c': []}]}] recursive %}{{ i.n }}@{{ loop.depth }}{{ loop(i.c) }}{% endfor %}",
    "{% set x = 1 %}{% for a in l %}{% set x = x + a %}{{ x }}{% endfor %}{{ x }}",
    "{% set ns = namespace(t=0) %}{% for a in l %}{% set ns.t = ns.t + a %}{% endfor %}{{ ns.t }}",
    "{% if n > 9 %}a{% elif n > 5 %}b{% else %}c{% endif %}{% if x %}d{% endif %}",
    "{% set a, c = 1, 2 %}{{ a }}{{ c }}{% set t = 1, 2 %}{{ t }}{% set q %}in {{ n }}{% endset %}[{{ q }}]{% set q | upper | trim %} up {% endset %}[{{ q }}]",
    "{% macro m(a, c=2) %}{{ a }}-{{ c }}-{{ varargs }}-{{ kwargs }};{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(c=5, a=4) }}{{ m() }}",
    "{% macro m(a, *) %}{% endmacro %}", "{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}in {{ s }}{% endcall %}",
    "{% macro m(l) %}{% for i in l %}{{ caller(i) }},{% endfor %}{% endmacro %}{% call(i) m(l) %}<{{ i }}>{% endcall %}",
    "{% macro r(k) %}{% if k %}{{ k }}{{ r(k - 1) }}{% endif %}{% endmacro %}{{ r(5) }}",
    "{% filter upper %}a{{ s }}{% endfilter %}{% filter replace('a', 'b') | upper %}aa{% endfilter %}",
    "{% with a = 1, c = n %}{{ a + c }}{% endwith %}{{ a }}", "{% raw %}{{ x }}{% y %}{% endraw %}!",
    "  {%- raw -%}  a  {%- endraw -%}  b", "  {% raw %}\n a {% endraw %}\nb",
    "a\n  {% if b %}\n  b\n  {% endif %}\nc\n", "a\n  {%+ if b %}  \n  b\n  {%- endif -%}\n\n c\n\n",
    "a  {{- s -}}  b", "a {# c #}\n b\n  {#- d -#}  c", " {% if b +%}\nx{% endif %}\ny",
    "x\r\ny\rz\n", "{{ '}}' }}{{ '%}' }}{{ {'a': {'b': 1}}.a.b }}", "{{ s", "{% if %}", "{% if b %}", "{% endif %}",
    "{% nope %}", "{{ }}", "{{ a b }}", "{% for %}{% endfor %}", "{{ 'a }}", "{{ (1 }}", "{{ 1] }}", "{# open",
    "{{ loop }}", "{% for a, c in l %}{% endfor %}", "{% for a in 5 %}{% endfor %}", "{% set s.x = 1 %}", "{{ m(1,, 2) }}",
    "{% generation %}a{{ n }}{% endgeneration %}", "{{ strftime_now('%Y') }}", "\n\n{% set a = 1 %}\n\n{{ a }}\n\n",
    "{% for a in l -%}\n  {{ a }}\n{%- endfor %}\n", "{% for a in l %}{% macro g() %}{{ a }}{% endmacro %}{{ g() }}{% endfor %}",
    "{{ [1, 2] | map('string') | list | tojson }}", "{{ s if s is string and s | length > 3 else 'no' }}", "{{ not s is string }}",
    "{{ l is not sequence or n is number and 'a' }}", "{{ n is in [7] }}", "{{ - n | abs }}", "{{ (- n) | abs }}", "{{ 2 * - n }}",
    "{% set s = s | upper if b else s %}{{ s }}", "{{ 1, 2 }}", "{{ words | join(', ') | length + 1 }}",
]


def test_expressions(render):
    """Each part of a line between ' | ' alone is tried, and joined as filters."""
    jobs = []
    for line in EXPRESSIONS:
        parts = line.split(" | ")
        for i in range(len(parts)):
            for j in range(i + 1, min(i + 4, len(parts)) + 1):
                jobs.append(("{{ " + " | ".join(parts[i:j]) + " }}", VALUES))
    assert compare(render, jobs) > 300


def test_statements(render):
    assert compare(render, [(text, VALUES) for text in STATEMENTS]) > 40


@pytest.mark.parametrize("template, message", [
    ("\n{{ a.b }}", "line 2: 'a' is undefined"),
    ("{{ raise_exception('no\nway') }}", "line 1: no way"),
    ("{% if x %}", "line 1: the end of the template, expected 'endif'"),
    ("{% include 'a' %}", "line 1: tag 'include' unknown, expected one of if, "
     "for, set, macro, call, filter, with, generation, raw, break, continue"),
    ("{{ [].append(1) }}", "line 1: a list is changed, expected only what "
     "makes a new one"),
])
def test_messages(render, template, message):
    assert render([(template, {})])[0] == {"error": f"chat template: {message}"}


@pytest.mark.parametrize("template, part", [
    ("{% for a in range(99999) %}{% for b in range(99999) %}"
     "{% endfor %}{% endfor %}", "steps"),
    ("{{ 'aaaaaaaa' * 99999999999 }}", "repeated"),
    ("{% set ns = namespace(x='a' * 1000) %}{% for a in range(99) %}"
     "{% set ns.x = ns.x + ns.x %}{% endfor %}", "bytes"),
    ("{% set ns = namespace(x=[1]) %}{% for a in range(190) %}"
     "{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}", "bytes"),
    ("{% set ns = namespace(x=[1]) %}{% for a in range(999) %}"
     "{% set ns.x = [ns.x] %}{% endfor %}", "nest"),
    ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "deeply"),
    ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "nests"),
    ("{{ 1" + " + 1" * 5000 + " }}", "nests"),
    ("{% if 1 %}" * 5000 + "{% endif %}" * 5000, "nests"),
])
def test_hostile(render, template, part):
    """What would never end, or fill the memory, is refused."""
    assert part in render([(template, {})])[0]["error"]
