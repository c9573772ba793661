#!/usr/bin/env python3
"""What single commands take, refuse and print, beside the whole runs of cli_test.py.

Usage: commands_test.py PROGRAM [unittest arguments]
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np

PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve()
ROOT = pathlib.Path(__file__).resolve().parent.parent
MODELS = ROOT / "models"
FEW = ["--set", "flow.steps=4", "--set", "flow.divergence_nodes=4"]


def call(*arguments, code=0, cwd=None, **environment):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=300,
                          env={**os.environ, **environment})
    if done.returncode != code:
        raise AssertionError(f"{arguments}: exit code {done.returncode}, expected {code}\n{done.stderr}{done.stdout}")
    return done


DOCTOR = call("doctor").stdout


class Commands(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)


class Options(Commands):
    def test_only_commands_that_compute_the_network_take_a_device(self):
        for command in ("run", "sample", "evaluate", "densities"):
            self.assertIn("--device", call(command, "--help").stdout)
        for command in ("simulate", "relax", "surrogate", "umbrella", "transport"):
            self.assertNotIn("--device", call(command, "--help").stdout)
            self.assertIn("no flag '--device'", call(command, "dw4", "--device", "cpu", code=2).stderr)


class ShippedNetworks(Commands):
    def test_a_name_stands_for_the_file_and_the_file_is_said(self):
        by_name = call("sample", "dw4", "-n", 8, "-o", self.path / "name.npz", *FEW, EQUIBOLT_MODELS=str(MODELS))
        self.assertIn(f"dw4 is the network {MODELS / 'dw4.safetensors'}", by_name.stderr)
        call("sample", MODELS / "dw4.safetensors", "-n", 8, "-o", self.path / "file.npz", *FEW)
        self.assertEqual((self.path / "name.npz").read_bytes(), (self.path / "file.npz").read_bytes())
        self.assertIn("kind                 a network", call("inspect", "dw4", EQUIBOLT_MODELS=str(MODELS)).stdout)

    def test_an_unknown_name_is_answered_with_the_known_ones(self):
        for command in (["sample", "lj14", "-n", 1, "-o", "x.npz"], ["evaluate", "lj14"], ["densities", "lj14"],
                        ["inspect", "lj14"], ["run", "lj13", "--init-from", "lj14"]):
            refused = call(*command, code=4, cwd=self.path, EQUIBOLT_MODELS=str(MODELS)).stderr
            self.assertIn("lj14: there is no such run or model file", refused)
            self.assertIn("dw4, lj13", refused)


class Sample(Commands):
    def test_samples_that_all_failed_are_a_failure(self):
        command = ["sample", MODELS / "dw4.safetensors", "-n", 4, "-o", self.path / "s.npz", "--set", 'flow.method="dopri5"',
                   "--set", "flow.divergence_nodes=0", "--set", "flow.max_steps=1"]
        for _ in range(2):  # the second time the file is there
            self.assertIn("all of the 4 samples failed", call(*command, code=5).stderr)
        self.assertTrue(np.all(np.load(self.path / "s.npz")["status"] == 4))


class Densities(Commands):
    MODEL = MODELS / "lj13-finetuned.safetensors"  # its config bends its nodes

    def test_a_setting_inherits_nothing_from_the_model(self):
        setting = "method=rk3,steps=4,divergence_nodes=4"
        full = setting + ",divergence_bend=0,refine_above=0,divergence_tolerance=0,divergence_probes=0"
        bent = setting + ",divergence_bend=0.3"
        rows = json.loads(call("densities", self.MODEL, "-n", 2, "--json", "--float32-reference", "--flow", setting, "--flow",
                               full, "--flow", bent).stdout)
        medians = [row["median"] for row in rows]
        self.assertEqual(medians[0], medians[1])
        self.assertNotEqual(medians[0], medians[2])

    def test_a_stop_is_heeded_and_what_was_measured_printed(self):
        command = [PROGRAM, "densities", MODELS / "dw4.safetensors", "-n", "4", "--json", "--float32-reference"]
        for _ in range(3000):
            command += ["--flow", "method=euler,steps=1"]
        for seconds in (1, 2, 4, 8, 16):  # a loaded machine may not have begun after the first
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            time.sleep(seconds)
            process.send_signal(signal.SIGTERM)
            rows, said = process.communicate(timeout=120)
            if process.returncode == 75 and len(json.loads(rows)) > 0:
                break
        self.assertEqual(process.returncode, 75, said)
        self.assertTrue(0 < len(json.loads(rows)) < 3000)
        self.assertIn("of 3000 settings", said)


class Output(Commands):
    def test_a_reader_that_has_read_enough_is_no_failure(self):
        for command in (["reference", "config"], ["inspect", MODELS / "dw4.safetensors"]):
            reading, writing = os.pipe()
            os.close(reading)
            done = subprocess.run([PROGRAM, *command], stdout=writing, stderr=subprocess.PIPE, text=True)
            os.close(writing)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_import_writes_json_to_a_json_log(self):
        done = call("--log-format", "json", "import", ROOT / "tests" / "golden" / "egnn_tiny.npz", "-o",
                    self.path / "m.safetensors")
        event, = map(json.loads, done.stderr.splitlines())
        self.assertEqual((event["event"], "particles in" in event["text"]), ("message", True))


@unittest.skipIf(re.search("OpenMM +not built in", DOCTOR), "without OpenMM")
class Molecules(Commands):
    def test_inspect_knows_umbrella_sampling_and_relaxed_frames(self):
        few = [word for setting in ("umbrella.windows=5", "umbrella.steps=250", "umbrella.record_every=5", "umbrella.relax_steps=30",
                                    "relax.steps=3", "relax.bias=", "checkpoint_seconds=1e-9")
               for word in ("--set", setting)]
        folder = self.path / "umbrella"
        call("umbrella", "alanine_dipeptide-classical", "-o", folder, "--max-hours", "0.000001", *few, code=75)
        state, = folder.glob("umbrella/*.npz")
        self.assertIn(f"under way: {state.name}", call("inspect", folder).stdout)
        self.assertIn("the state of umbrella sampling", call("inspect", state).stdout)
        result = call("umbrella", "alanine_dipeptide-classical", "-o", folder, *few).stdout
        value = result.split("phi 0 2: ")[1].split(" kT")[0]  # of so short a run it has no error bar
        for path in (folder, folder / "umbrella.json"):
            told = call("inspect", path).stdout
            for what in ("umbrella sampling", "phi 0 2", f"{value} (no error bar) kT by WHAM", "least overlap"):
                self.assertIn(what, told)
        self.assertNotIn("training", call("inspect", folder).stdout)
        self.assertIn("angles of umbrella sampling", call("inspect", folder / "umbrella.npz").stdout)
        frames = self.path / "relaxed.npz"
        call("relax", "alanine_dipeptide-classical", "--data", folder / "umbrella.npz", "-n", 2, "-o", frames, *few)
        self.assertIn("relaxed frames", call("inspect", frames).stdout)


if __name__ == "__main__":
    unittest.main()
