#!/usr/bin/env python3
"""Runs the fuzz targets of a folder, several at a time, and fails on everything that libFuzzer or a sanitizer objects to.

Usage: run.py FOLDER SECONDS [--work FOLDER] [FORMAT...]

A target fails where it cannot be started, where its exit code is not 0 (crash, failed round trip, leak, timeout, out of
memory, any sanitizer), where it leaves an artifact, and where it has executed nothing beyond its seeds. New inputs are kept
in WORK/corpus, those that failed in WORK/found; the latter are tried again at the beginning of the next call.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Files in the tree that a format's corpus begins with, besides those in tests/fuzz/seeds/FORMAT.
SEEDS = {"npy": ["tests/golden/io"], "npz": ["tests/golden/io"], "safetensors": ["models"], "model": ["models"],
         "config": ["presets"], "structure": ["systems", "tests/golden/structures"]}
OPTIONS = ["-timeout=10", "-report_slow_units=10", "-rss_limit_mb=1024", "-detect_leaks=1", "-print_final_stats=1"]


def seeds_of(format_):
    return [folder for name in [f"tests/fuzz/seeds/{format_}", *SEEDS.get(format_, [])] if (folder := ROOT / name).is_dir()]


def fuzz(target, format_, seconds, work):
    """What is wrong, or None, and a line about it."""
    corpus, found = work / "corpus" / format_, work / "found" / format_
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    for path in found.iterdir():
        shutil.move(path, corpus / path.name)
    seeds = seeds_of(format_)
    command = [target, corpus, *seeds, f"-max_total_time={seconds}", f"-artifact_prefix={found}/", *OPTIONS]
    try:
        done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=work,
                              text=True, errors="replace", timeout=2 * seconds + 300)
    except OSError as error:
        return f"{format_}: {target} cannot be started: {error}", ""
    except subprocess.TimeoutExpired:
        return f"{format_}: still running {seconds + 300} s after its time", ""
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stdout)
    units = int(executed[1]) if executed else 0
    inputs = sum(len(list(folder.iterdir())) for folder in [corpus, *seeds])
    tail = "\n".join(done.stdout.splitlines()[-40:])
    artifacts = sorted(str(path) for path in found.iterdir())
    if done.returncode != 0:
        return f"{format_}: exit code {done.returncode}; artifacts: {artifacts or 'none'}\n{tail}", ""
    if artifacts:
        return f"{format_}: left {artifacts}\n{tail}", ""
    if not units or not seeds:
        return f"{format_}: {units} inputs executed, {len(seeds)} folders of seeds\n{tail}", ""
    return None, f"{format_}: {units} executed, {inputs} in the corpus"


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("targets", type=pathlib.Path, help="folder with the programs fuzz_FORMAT")
    arguments.add_argument("seconds", type=int, help="for each target")
    arguments.add_argument("formats", nargs="*", help="all of tests/fuzz/*_fuzz.cc unless given")
    arguments.add_argument("--work", type=pathlib.Path, default=pathlib.Path("fuzzing"))
    options = arguments.parse_intermixed_args()
    formats = options.formats or sorted(path.stem.removesuffix("_fuzz") for path in (ROOT / "tests" / "fuzz").glob("*_fuzz.cc"))
    options.work.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        results = list(pool.map(lambda name: fuzz(options.targets.resolve() / f"fuzz_{name}", name, options.seconds,
                                                  options.work.resolve()), formats))
    print("\n".join(line for _, line in results if line))
    failures = [wrong for wrong, _ in results if wrong]
    print("\n\n".join(failures), end="\n" if failures else "")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
