#!/usr/bin/env python3
"""Adds up JUnit reports: `N passed, N failed, N skipped`; fails if any failed.

    scripts/count-tests.py REPORT.xml...
"""
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def count(path):
    """Returns (passed, failed, skipped) of one report; no report is a failure."""
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        print(f"{path}: {error}, expected a report")
        return 0, 1, 0
    failed = [c for c in cases
              if c.find("failure") is not None or c.find("error") is not None]
    skipped = [c for c in cases if c.find("skipped") is not None]
    for case in failed:
        print(f"failed: {case.get('classname')} {case.get('name')}")
    return len(cases) - len(failed) - len(skipped), len(failed), len(skipped)


def main():
    total = [0, 0, 0]
    for path in map(pathlib.Path, sys.argv[1:]):
        counts = count(path)
        total = [a + b for a, b in zip(total, counts)]
        print("{}: {} passed, {} failed, {} skipped".format(path.stem, *counts))
    passed, failed, skipped = total
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
