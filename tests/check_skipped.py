#!/usr/bin/env python3
"""Fails where unit tests were skipped that a complete machine runs, or were not run at all.

Usage: check_skipped.py FOLDER     with what the test programs write under GTEST_OUTPUT=json:FOLDER/
"""
import json
import pathlib
import sys

# What a machine may lack.
HARDWARE = ("the machine has no bf16", "no CUDA", "built without CUDA", "no NVIDIA GPU", "GPU")


def main():
    reports = sorted(pathlib.Path(sys.argv[1]).glob("test_*.json"))
    run, wrong = 0, []
    for report in reports:
        for suite in json.loads(report.read_text())["testsuites"]:
            for test in suite["testsuite"]:
                run += test["result"] == "COMPLETED"
                if test["result"] == "SKIPPED":
                    reason = " ".join(skip["message"].strip().splitlines()[-1] for skip in test.get("skipped", []))
                    if not any(text in reason for text in HARDWARE):
                        wrong.append(f"{report.stem}: {suite['name']}.{test['name']} was skipped: {reason}")
    if not run:
        wrong.append(f"{sys.argv[1]}: no results of tests")
    print("\n".join(wrong) or f"{run} unit tests in {len(reports)} programs ran, none was skipped but for want of hardware")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
