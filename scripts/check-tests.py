#!/usr/bin/env python3
"""Checks on the tree that no test runner makes for itself.

1. directives: a misspelt directive (`CHECK-NEXT foo`, `CHECK-SAMEL: foo`) is a
   comment, so the test passes whatever the compiler prints.
2. examples: every ```mlir example in a .td file appears, line for line, in a
   test, so that the documentation cannot rot. What follows `// After:` is
   exempt: the test checks it in FileCheck's notation.
3. constraints: every constraint that a verifier claims to check
   (`// rms_norm_c2`) has a test that breaks it: a function `@rms_norm_c2`.
4. layers: runtime/ and include/ never include LLVM or MLIR; nothing below
   lib/Import names a model family.
5. golden: a golden stage-2 file (test/**/golden*/*.mlir) has at most 60 lines
   that are not comments.
6. types: no two headers declare a type of one name in one namespace. The
   linker takes the inline functions of either for both.

Beside them it counts what is still built without the EDSL in passes/Kernels.

    scripts/check-tests.py [--junit REPORT.xml]
"""
import pathlib
import re
import sys
from xml.sax.saxutils import quoteattr

ROOT = pathlib.Path(__file__).resolve().parent.parent
SUFFIX = r"(-(NEXT|SAME|NOT|DAG|LABEL|EMPTY|COUNT-\d+))?(\{LITERAL\})?"
DIRECTIVE = re.compile(r"//\s*(CHECK[A-Z0-9_-]*(\{\w+\})?)(.?)")
GOLDEN_LINES = 60
# What a family's name is also a part of.
OTHERS = r"(?!\.cpp| Rapids)"


def sources(*patterns):
    """Yields (path from the root, text) of the files that match, in order."""
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            yield path.relative_to(ROOT), path.read_text()


def misspelt_directives(tests):
    for path, text in tests.items():
        prefixes = re.findall(r"check-prefix(?:es)?[= ]([\w,-]+)", text)
        known = {"CHECK"} | {p for g in prefixes for p in g.split(",")}
        good = re.compile(f"({'|'.join(map(re.escape, known))}){SUFFIX}$")
        for number, line in enumerate(text.splitlines(), 1):
            match = DIRECTIVE.search(line)
            if match and not (match[3] == ":" and good.match(match[1])):
                yield (f"{path}:{number}: not a FileCheck directive: "
                       f"{match[1]}{match[3]}")


def untested_examples(tests):
    tested = {line.strip() for t in tests.values() for line in t.splitlines()}
    for path, text in sources("dialects/**/*.td", "passes/**/*.td"):
        for block in re.findall(r"```mlir\n(.*?)```", text, re.S):
            before = block.split("// After:")[0]
            # A trailing type list may be wrapped in the .td; compare unwrapped.
            lines = re.sub(r"\n\s+:", " :", before).splitlines()
            for line in map(str.strip, lines):
                if line and not line.startswith("//") and line not in tested:
                    yield f"{path}: example line is in no test: {line}"


def untested_constraints(tests):
    functions = {f for t in tests.values() for f in re.findall(r"@(\w+)\(", t)}
    comment = re.compile(r"^ *// (\w+_c\d+(?:, \w+_c\d+)*)$", re.M)
    for path, text in sources("dialects/**/*.cpp"):
        for labels in comment.findall(text):
            for label in labels.split(", "):
                if label not in functions:
                    yield f"{path}: no test breaks {label}"


def family_names():
    """Returns what finds the name of any family of lib/Import, of whatever
    version and however its words are joined."""
    names = set()
    for path in (ROOT / "lib/Import/Families").glob("*.cpp"):
        words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|\d+", path.stem)
        if words[-1].isdigit():
            # What is left of "GPT 2" and "Phi 3" is too little to tell.
            short = len("".join(words[:-1])) <= 3
            words[-1:] = [r"\d"] if short else []
        names.add("[-_ ]?".join(words))
    return re.compile(rf"\b({'|'.join(sorted(names))}){OTHERS}", re.I)


def broken_layers(tests):
    code, family = "**/*.[ch]*", family_names()
    for path, text in sources(f"runtime/{code}", f"include/{code}"):
        for include in re.findall(r'#include [<"]((?:mlir|llvm)/[^>"]+)', text):
            yield f"{path}: includes {include}, expected none of LLVM"
    below = ("passes", "dialects", "runtime", "include", "lib/Artifact",
             "lib/Compiler", "lib/Format", "lib/Pack", "lib/Reference",
             "lib/Target")
    for path, text in sources(*(f"{folder}/{files}" for folder in below
                                for files in (code, "**/*.td"))):
        for number, line in enumerate(text.splitlines(), 1):
            if family.search(line):
                yield f"{path}:{number}: names a family: {line.strip()}"


def doubled_types(tests):
    owners = {}
    for path, text in sources(*(f"{folder}/**/*.h" for folder in (
            "include", "runtime", "dialects", "passes", "lib", "tools"))):
        scope = ""
        for line in text.splitlines():
            if match := re.match(r"namespace ([\w:]*) *\{", line):
                scope = match[1]
            elif match := re.match(
                    r"(?:struct|class|enum class|enum) (\w+)(?!\w|::)[^;]*\{", line):
                owner = owners.setdefault((scope, match[1]), path)
                if owner != path:
                    yield f"{path}: declares {match[1]}, as {owner} does"


def long_goldens(tests):
    for path, text in tests.items():
        if any(part.startswith("golden") for part in path.parts[:-1]):
            lines = [l for l in text.splitlines()
                     if l.strip() and not l.strip().startswith("//")]
            if len(lines) > GOLDEN_LINES:
                yield (f"{path}: {len(lines)} lines, expected at most "
                       f"{GOLDEN_LINES}")


CHECKS = {"directives": misspelt_directives, "examples": untested_examples,
          "constraints": untested_constraints, "layers": broken_layers,
          "golden": long_goldens, "types": doubled_types}


def raw_creates():
    """Returns how often kernels are built without the EDSL."""
    return sum(text.count("::create(")
               for _, text in sources("passes/Kernels/*.cpp"))


def write_junit(path, found):
    """Writes one test case a check, as the other test runners do."""
    cases = []
    for name, errors in found.items():
        failure = f"<failure message={quoteattr(errors[0])}/>" if errors else ""
        cases.append(f'<testcase classname="check-tests" name="{name}">'
                     f"{failure}</testcase>")
    pathlib.Path(path).write_text(
        f"<testsuite name=\"check-tests\">{''.join(cases)}</testsuite>\n")


def main():
    tests = dict(sources("test/**/*.mlir"))
    found = {name: list(check(tests)) for name, check in CHECKS.items()}
    for errors in found.values():
        print(*errors, sep="\n", end="\n" if errors else "")
    if raw_creates():
        print(f"note: passes/Kernels has {raw_creates()} of `::create(` that "
              "the EDSL should say")
    if len(sys.argv) == 3 and sys.argv[1] == "--junit":
        write_junit(sys.argv[2], found)
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
