#!/usr/bin/env python3
"""tests/faults/campaign.py with made-up programs: what is sound passes, and each way of being wrong is found.

Usage: faults_rules_test.py INTERPOSER
"""
import argparse
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "faults"))
import campaign  # noqa: E402
import pipelines  # noqa: E402

INTERPOSER = pathlib.Path(sys.argv[1]).resolve()
# Writes two files beside and renames them, as the program does; $WRONG says what else it does when that fails.
PROGRAM = """#!{python}
import os, sys
def write(name, text):
    if os.path.exists(name) and os.environ.get("WRONG") != "writes again": return
    beside = f"{{name}}.{{os.getpid()}}.partial"
    with open(name if os.environ.get("WRONG") == "writes in place" else beside, "w", buffering=1) as file:
        for line in text.splitlines(True):
            file.write(line)
        file.flush()
        os.fsync(file.fileno())
    if os.environ.get("WRONG") != "writes in place": os.rename(beside, name)
for name in os.listdir("."):
    if name.endswith(".partial") and os.environ.get("WRONG") != "leaves partial files": os.remove(name)
try:
    write("first.txt", "one\\ntwo\\n")
    write("second.txt", "three\\nfour\\n")
except OSError as error:
    wrong = os.environ.get("WRONG")
    if wrong == "removes results":
        os.path.exists("old.txt") and os.remove("old.txt")
    if wrong == "says nothing": sys.exit(4)
    print("internal error: x" if wrong == "unclear" else f"equibolt: first.txt: cannot write: {{error}}", file=sys.stderr)
    if wrong == "dies": os.abort()
    sys.exit(0 if wrong == "claims success" else 1 if wrong == "another code" else 4)
"""
WRONGS = ["writes in place", "leaves partial files", "removes results", "says nothing", "unclear", "dies", "claims success", "another code"]


def failures(wrong, scratch):
    """Of a campaign against the made-up program, every call that can fail."""
    options = argparse.Namespace(program=scratch / "program", interposer=INTERPOSER, long=True, seed=1)
    os.environ.pop("WRONG", None)
    there = campaign.Campaign(options, scratch)
    there.undisturbed("made-up")
    os.environ["WRONG"] = wrong
    tried = 0
    for call in ("write", "fsync", "rename"):
        for number in range(1, there.counts["made-up"]["write"][call] + 1):
            tried += 1
            try:
                there.fail_one_call("made-up", "write", call, number)
            except campaign.Wrong as problem:
                there.failures.append(str(problem))
    assert tried >= 6, f"only {tried} calls were seen: {there.counts}"
    return there.failures


def main():
    pipelines.PIPELINES = {"made-up": {"write": ["write"]}}
    for wrong in ["", *WRONGS]:
        with tempfile.TemporaryDirectory() as name:
            scratch = pathlib.Path(name).resolve()
            (scratch / "program").write_text(PROGRAM.format(python=sys.executable))
            (scratch / "program").chmod(0o755)
            # What was finished before the command.
            (scratch / "undisturbed" / "made-up").mkdir(parents=True)
            (scratch / "undisturbed" / "made-up" / "old.txt").write_text("old\n")
            found = failures(wrong, scratch)
            assert bool(found) == bool(wrong), f"{wrong or 'sound'}: {found}"
    print(f"{len(WRONGS)} wrong programs found out")


if __name__ == "__main__":
    main()
