#!/usr/bin/env python3
"""Fails where unit tests were skipped that a complete machine runs, or were not run at all.

Usage: check_skipped.py FOLDER     with what the test programs write under GTEST_OUTPUT=json:FOLDER/
"""
import json
import pathlib
import sys

# Tests of what a machine may lack: a GPU, products in bf16. GoogleTest 1.12 does not write the reason of a skip.
HARDWARE = ("CudaVectorField.", "Bf16")


def main():
    reports = sorted(pathlib.Path(sys.argv[1]).glob("test_*.json"))
    run, wrong = 0, []
    for report in reports:
        for suite in json.loads(report.read_text())["testsuites"]:
            for test in suite["testsuite"]:
                run += test["result"] == "COMPLETED"
                if test["result"] == "SKIPPED":
                    name = f"{suite['name']}.{test['name']}"
                    if not any(text in name for text in HARDWARE):
                        wrong.append(f"{report.stem}: {name} was skipped")
    if not run:
        wrong.append(f"{sys.argv[1]}: no results of tests")
    print("\n".join(wrong) or f"{run} unit tests in {len(reports)} programs ran, none was skipped but for want of hardware")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
