#!/usr/bin/env python3
"""The numbers that the documentation quotes are those of the experiments that it names.

Usage: numbers_test.py [PAGE...]

A comment `<!-- numbers: experiments/NAME.json ... -->` in a page holds for the lines that follow it, up to the next blank
line, or to the end of the fenced block that follows. There, each number with an error (`a ± b`) and each decimal number of
three digits and more has to be a number of one of these files, rounded to the digits shown; a percentage may be a hundred
times one. Durations and `code` are not looked at.

An experiment's key "presets" has the SHA-256 of each preset that it was measured with, so that a preset that changes makes
the numbers stale here.
"""
import hashlib
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NUMBER = r"[-−]?\d+(?:\.\d+)?"


def numbers_in(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for item in value for number in numbers_in(item)]
    return [float(value)] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


def is_among(text, known):
    """Whether one of the numbers, or a hundred times one, is shown as `text`."""
    digits = len(text.partition(".")[2])
    shown = float(text.replace("−", "-"))
    # Half a unit in the last place, and some for numbers that were rounded twice.
    return any(abs(scale * number - shown) <= 0.51 * 10.0**-digits for number in known for scale in (1, 100))


def quoted(line, is_code):
    """The numbers of a line that have to be known."""
    if not is_code:
        line = re.sub(r"`[^`]*`|\]\([^)]*\)", " ", line)
    line = re.sub(rf"{NUMBER} ?(?:s|min|h|hours|minutes|seconds)\b", " ", line)
    pairs = re.findall(rf"(?<![\w.])({NUMBER}) ± ({NUMBER})", line)
    plain = [text for text in re.findall(rf"(?<![\w.·])({NUMBER})(?![\w.·])", line)
             if "." in text and len(re.sub(r"\D", "", text).lstrip("0")) >= 3]
    return [text for pair in pairs for text in pair] + plain


def check_page(page):
    failures, known, names, fenced, begun = [], None, [], False, False
    checked = 0
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if marker := re.fullmatch(r"<!-- numbers: (.*) -->", line):
            names = marker[1].split()
            known = [n for name in names for n in numbers_in(json.loads((ROOT / name).read_text()))]
            fenced = begun = False
            continue
        if known is None:
            continue
        if line.startswith("```"):
            if fenced:
                known = None
            fenced = not fenced
            continue
        if line.startswith("<!--"):
            continue
        if not line and not fenced:
            if begun:
                known = None
            continue
        begun = True
        for text in quoted(line, fenced):
            checked += 1
            if not is_among(text, known):
                failures.append(f"{page}:{number}: {text} is not a number of {', '.join(names)}")
    return checked, failures


def check_presets():
    failures = []
    for path in sorted((ROOT / "experiments").glob("*.json")):
        experiment = json.loads(path.read_text())
        for name, digest in (experiment.get("presets", {}) if isinstance(experiment, dict) else {}).items():
            if hashlib.sha256((ROOT / name).read_bytes()).hexdigest() != digest:
                failures.append(f"{path.name}: measured with another {name}: run its command again, and update the pages "
                                "that quote it")
    return failures


def check_itself():
    known = [0.953121, 24.15339, 0.00531]
    assert is_among("0.953", known) and is_among("95.3", known) and not is_among("0.954", known)
    assert not is_among("24.154", known) and is_among("24.153", known)
    assert quoted("| `a 1.234` | 0.100 ± 0.009 | 95.3 % | 3.06 | 26 s, 30.7 min |", False) == ["0.100", "0.009", "0.100",
                                                                                          "95.3", "3.06"]


def main():
    check_itself()
    pages = [pathlib.Path(page) for page in sys.argv[1:]] or [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    failures, checked = check_presets(), 0
    for page in pages:
        count, wrong = check_page(page)
        checked += count
        failures += wrong
    print(f"{checked} numbers", *failures, sep="\n")
    return 1 if failures or checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
