#!/usr/bin/env python3
"""The rules of docs_test.py themselves: what it has to accept, and wrong pages that it has to refuse.

Usage: docs_rules_test.py
"""
import pathlib
import sys
import tempfile
import types

import docs_test
from docs_test import Wrong

# Expected, printed, whether they agree.
OUTPUTS = [
    ("4 particles", "4   particles", True), ("4 particles", "5 particles", False), ("4 particles", "44 particles", False),
    ("exit code 75", "exit code 5", False), ("exit code 75", "exit code 75", True), ("failed 0", "failed 3", False),
    ("12345 samples", "20 samples", True), ("12345 samples", "2e1 samples", False), ("12345 samples", "nan samples", False),
    ("12345 samples", "none samples", False), ("ess 0.953 ± 0.005", "ess 0.8 ± 1e-05", True), ("ess 0.953", "ess nan", False),
    ("ess 0.953", "ess -", False), ("kl -0.013", "kl 1", True), ("lj13", "lj55", False), ("rk4, 20 steps", "rk3, 20 steps", False),
    ("shape (10000, 4, 2)", "shape (200, 4, 2)", True), ("shape (10000, 4, 2)", "shape (200, 4, 3)", False),
    ("a …, b", "a and so on, b", True), ("a …, b", "a and so on, c", False),
    ("equibolt: x.npy: expected 3, found 4", "equibolt: x.npy: expected 3, found nothing", False),
    ("one\nthree", "one\ntwo\nthree", True), ("three\none", "one\ntwo\nthree", False), ("one\none", "one", False),
]
HEADER = "enum class ExitCode : int {\n  done = 0,\n  usage = 2,  ///< wrong\n};"


def refused(function, *arguments):
    try:
        function(*arguments)
    except Wrong:
        return True
    return False


def main():
    for expected, found, agree in OUTPUTS:
        assert refused(docs_test.check_output, expected, found, "page") != agree, (expected, found)
    assert not refused(docs_test.check_exit_codes, "| 0 | done |\n| 2 | usage |", HEADER)
    assert refused(docs_test.check_exit_codes, "| 0 | done |\n| 3 | usage |", HEADER)
    assert refused(docs_test.check_exit_codes, "| 0 | done |", HEADER)

    names = types.SimpleNamespace(messages=["…: cannot read: …", "…: not JSON"], thrown={"…: cannot read: …": {4}})
    with tempfile.TemporaryDirectory() as folder:
        page = pathlib.Path(folder) / "errors.md"
        for text, wrong in (("## Exit code 4: files\n| `…: cannot read: …` | x |", False),
                            ("## Exit code 3: data\n| `…: cannot read: …` | x |", True),
                            ("## Exit code 3: data\n| `…: not JSON` | x |", False),
                            ("## Exit code 4: files\n| `…: cannot be read: …` | x |", True)):
            page.write_text(text)
            assert refused(docs_test.check_messages, page, names) == wrong, text
    print(f"{len(OUTPUTS)} outputs, 4 catalogues, 3 tables of exit codes")


if __name__ == "__main__":
    sys.exit(main())
