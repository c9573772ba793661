"""unittest.main() that can be told not to let tests be skipped: where EQUIBOLT_NO_SKIPS is set, a skipped test is a failure, so
that continuous integration notices when OpenMM, xtb or gnuplot are missing."""
import os
import sys
import unittest


def main():
    result = unittest.main(exit=False).result
    skipped = [f"{test}: {reason}" for test, reason in result.skipped]
    if skipped and os.environ.get("EQUIBOLT_NO_SKIPS"):
        sys.exit("skipped, which EQUIBOLT_NO_SKIPS forbids:\n" + "\n".join(skipped))
    sys.exit(not result.wasSuccessful())
