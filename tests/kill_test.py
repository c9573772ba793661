#!/usr/bin/env python3
"""Kills runs with SIGKILL at random times and resumes them, until they end with the same bytes as one that was left alone.

Usage: kill_test.py PROGRAM [--kills N] [--seed S] [--json FILE]

Kills continue until every stage was hit. A kill counts only where the process had written a state since it was started, and
was still alive. Compared are data, weights, samples, densities, evaluation and metrics, except for the fields that are times.
"""
import argparse
import collections
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import run_contents

SETTINGS = ["simulate.samples=10000", "simulate.burn_in=400", "simulate.pilot=400", "train.steps=1500", "train.batch=32",
            "train.log_every=50", "train.checkpoint_every=50", "evaluate.samples=10000", "evaluate.test_samples=2000",
            "network.hidden=8", "network.layers=2", "flow.steps=5", "flow.divergence_nodes=5", "checkpoint_seconds=0.05",
            "finetune.steps=100", "finetune.batch=4", "finetune.flow_steps=2", "finetune.log_every=20",
            "finetune.checkpoint_every=10", "finetune.validation_batches=1"]
STAGES = {"simulation": "simulation", "checkpoints": "training", "finetune_checkpoints": "fine-tuning",
          "samples.npz.parts": "samples",
          "test_densities.npz.parts": "densities"}


def states(folder):
    """The states that a resumed process could go on from, with the stage of each."""
    found = {}
    for name, stage in STAGES.items():
        try:
            found |= {path: stage for path in (folder / name).glob("*.npz")}
        except FileNotFoundError:  # the folder went while it was read
            pass
    return found


def command(program, folder):
    return [program, "run", "dw4", "-q", "-o", folder] + [word for s in SETTINGS for word in ("--set", s)]


def kill_once(program, folder, wanted, chance):
    """Kills the run some time after it has written a state of the stage `wanted`, or of a later one; returns the stage of the
    newest state then, or None where the run came to its end."""
    before, order = states(folder), list(STAGES.values())
    later = order[order.index(wanted):]
    process = subprocess.Popen(command(program, folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    new = {}
    while not new and process.poll() is None:
        time.sleep(0.001)
        new = [path for path, stage in states(folder).items() if path not in before and stage in later]
    time.sleep(chance.choice((0, chance.uniform(0, 0.4))))
    process.kill()
    said = process.communicate()[1]
    if process.returncode == 0:
        return None
    if process.returncode != -9:
        raise SystemExit(f"the run ended with {process.returncode}: {said}")
    if "warning" in said:
        raise SystemExit(f"a kill has damaged a state: {said}")
    return max(states(folder).values(), key=order.index)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program", type=pathlib.Path)
    arguments.add_argument("--kills", type=int, default=15)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--json", type=pathlib.Path)
    options = arguments.parse_args()
    program, chance = options.program.resolve(), random.Random(options.seed)
    killed, runs = collections.Counter(), 0
    with tempfile.TemporaryDirectory() as name:
        whole = pathlib.Path(name) / "whole"
        subprocess.run(command(program, whole), check=True, stdout=subprocess.DEVNULL)
        expected = run_contents.contents(whole)
        while killed.total() < options.kills or len(killed) < len(STAGES):
            if runs == 20 + options.kills:
                raise SystemExit(f"{runs} runs, and not all stages were hit: {dict(killed)} of {list(STAGES.values())}")
            runs += 1
            folder = pathlib.Path(name) / str(runs)
            for wanted in STAGES.values():
                if stage := kill_once(program, folder, wanted, chance):
                    killed[stage] += 1
            subprocess.run(command(program, folder), check=True, stdout=subprocess.DEVNULL)
            found = run_contents.contents(folder)
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
