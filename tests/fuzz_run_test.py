#!/usr/bin/env python3
"""tests/fuzz/run.py with made-up targets: each way in which a target can fail has to make it fail.

Usage: fuzz_run_test.py
"""
import pathlib
import subprocess
import sys
import tempfile

RUN = pathlib.Path(__file__).resolve().parent / "fuzz" / "run.py"
DONE = "echo stat::number_of_executed_units: 500\n"
FOUND = "for word; do case $word in -artifact_prefix=*) prefix=${word#*=};; esac; done\n"
# What the target does, and what must be said of it; None: it is sound.
TARGETS = {
    "sound": (DONE, None),
    "crash": (FOUND + "echo x > ${prefix}crash-1; exit 77\n", "exit code 77"),
    "sanitizer without an artifact": ("echo SUMMARY: AddressSanitizer; exit 1\n", "SUMMARY: AddressSanitizer"),
    "leak": (FOUND + DONE + "echo x > ${prefix}leak-1\n", "leak-1"),
    "slow": (FOUND + DONE + "echo x > ${prefix}slow-unit-1\n", "slow-unit-1"),
    "killed": ("kill -9 $$\n", "exit code -9"),
    "nothing executed": ("echo stat::number_of_executed_units: 0\n", "0 inputs executed"),
    "silent": ("", "0 inputs executed"),
    "absent": (None, "cannot be started"),
}


def main():
    for name, (script, says) in TARGETS.items():
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            target = folder / "fuzz_npy"
            if script is not None:
                target.write_text("#!/bin/sh\n" + script)
                target.chmod(0o755)
            done = subprocess.run([sys.executable, RUN, folder, "1", "--work", folder / "work", "npy"], capture_output=True,
                                  text=True)
            assert done.returncode == (0 if says is None else 1), f"{name}: {done.returncode}\n{done.stdout}{done.stderr}"
            assert says is None or says in done.stdout, f"{name}: {done.stdout}"
            # What failed is tried again.
            again = folder / "work" / "corpus" / "npy" / "crash-1"
            if name == "crash":
                subprocess.run([sys.executable, RUN, folder, "1", "--work", folder / "work", "npy"], capture_output=True)
                assert again.exists()
    print(f"{len(TARGETS)} targets, of which {len(TARGETS) - 1} have to fail")


if __name__ == "__main__":
    main()
