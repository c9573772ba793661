#!/usr/bin/env python3
"""Kills runs with SIGKILL at random times and resumes them, until they end with the same bytes as one that was left alone.

Usage: kill_test.py PROGRAM [--kills N] [--seed S] [--json FILE]

A kill counts only where the process had written a state of its stage since it was started, and was still alive. Compared
are data, weights, samples, densities, evaluation and metrics, but for the fields that are times.
"""
import argparse
import collections
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import time

import numpy as np

SETTINGS = ["simulate.samples=20000", "simulate.burn_in=400", "simulate.pilot=400", "train.steps=3000", "train.batch=32",
            "train.log_every=50", "train.checkpoint_every=50", "evaluate.samples=20000", "evaluate.test_samples=2000",
            "network.hidden=8", "network.layers=2", "flow.steps=5", "flow.divergence_nodes=5", "checkpoint_seconds=0.01",
            "finetune.steps=300", "finetune.batch=4", "finetune.flow_steps=2", "finetune.log_every=20",
            "finetune.checkpoint_every=10", "finetune.validation_batches=1"]
STAGES = {"simulation": "simulation", "checkpoints": "training", "finetune_checkpoints": "fine-tuning",
          "samples.npz.parts": "samples",
          "test_densities.npz.parts": "densities"}
TIMES = ("seconds", "samples_per_second", "waiting")


def states(folder):
    """The states that a resumed process could go on from, with the stage of each."""
    return {path: stage for name, stage in STAGES.items() for path in (folder / name).glob("*.npz")}


def command(program, folder):
    return [program, "run", "dw4", "-q", "-o", folder] + [word for s in SETTINGS for word in ("--set", s)]


def kill_once(program, folder, chance):
    """Kills the run some time after it has written a state of a stage chosen by chance, or of a later one; returns the
    stage that was hit, or None where the run came to its end."""
    before, order = states(folder), list(STAGES.values())
    wanted = chance.randrange(len(order))
    process = subprocess.Popen(command(program, folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    new = {}
    while not new and process.poll() is None:
        time.sleep(0.001)
        new = {path: stage for path, stage in states(folder).items() if path not in before and order.index(stage) >= wanted}
    time.sleep(chance.uniform(0, 0.4))
    process.kill()
    said = process.communicate()[1]
    if process.returncode == 0:
        return None
    if process.returncode != -9:
        raise SystemExit(f"the run ended with {process.returncode}: {said}")
    if "left aside" in said:
        raise SystemExit(f"a kill has damaged a state: {said}")
    return list(new.values())[-1]


def without_times(folder):
    """What a run leaves, by file; times are left out."""
    content = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_dir() or name in ("lock", "history.jsonl"):
            continue
        content[name] = path.read_bytes()
        if path.suffix == ".jsonl":
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            content[name] = [{k: v for k, v in line.items() if k not in TIMES} for line in lines]
        elif path.suffix == ".safetensors":
            length, = struct.unpack("<Q", content[name][:8])
            header = json.loads(content[name][8:8 + length])
            for key in ("training", "finetuning"):
                header["__metadata__"].pop(key, None)  # hold durations
            content[name] = (header, content[name][8 + length:])
        elif "checkpoints" in path.parent.name:
            arrays = dict(np.load(path))
            del arrays["metrics_bytes"]  # times have digits
            arrays["sums"] = arrays["sums"][1:4]  # the others are times
            content[name] = {key: array.tobytes() for key, array in arrays.items()}
    return content


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program", type=pathlib.Path)
    arguments.add_argument("--kills", type=int, default=50)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--json", type=pathlib.Path)
    options = arguments.parse_args()
    program, chance = options.program.resolve(), random.Random(options.seed)
    killed, runs = collections.Counter(), 0
    with tempfile.TemporaryDirectory() as name:
        whole = pathlib.Path(name) / "whole"
        subprocess.run(command(program, whole), check=True, stdout=subprocess.DEVNULL)
        expected = without_times(whole)
        while killed.total() < options.kills:
            runs += 1
            folder = pathlib.Path(name) / str(runs)
            while killed.total() < options.kills and (stage := kill_once(program, folder, chance)):
                killed[stage] += 1
            subprocess.run(command(program, folder), check=True, stdout=subprocess.DEVNULL)
            found = without_times(folder)
            if found.keys() != expected.keys():
                raise SystemExit(f"other files: {sorted(found.keys() ^ expected.keys())}")
            different = [path for path in expected if found[path] != expected[path]]
            if different:
                raise SystemExit(f"run {runs}, after {dict(killed)} kills: {different} differ")
    result = {"kills": killed.total(), "by_stage": dict(killed), "runs": runs, "files_compared": len(expected),
              "different": 0}
    print(json.dumps(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
