#!/usr/bin/env python3
"""Whole-program tests: what a user types and what the files hold.

Usage: cli_test.py PROGRAM [unittest arguments]
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np

import tests_run

PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve()
ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden"
SANITIZED = b"__asan_init" in PROGRAM.read_bytes()  # ten times as slow and more
SMALL = ["simulate.samples=2000", "simulate.chains=8", "simulate.burn_in=200", "simulate.pilot=200", "train.steps=60",
         "train.batch=32", "train.log_every=20", "train.checkpoint_every=20", "evaluate.samples=400",
         "evaluate.test_samples=100", "network.hidden=8", "network.layers=2", "flow.steps=5", "flow.divergence_nodes=5"]


def call(*arguments, code=0, cwd=None):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=300)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: exit code {done.returncode}, expected {code}\n{done.stderr}{done.stdout}")
    return done


def peak_kilobytes(*arguments):
    """The most memory that one call of the program takes."""
    process = subprocess.Popen([PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{arguments}: exit code {process.returncode}"
    return usage.ru_maxrss


def caught(command, condition):
    """Starts a command and halts it (SIGSTOP) as soon as the condition holds; None where it has ended before that could be
    done: then the caller gives it more to do."""
    process = subprocess.Popen([PROGRAM, *map(str, command)], stderr=subprocess.PIPE, text=True)
    while not condition() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGSTOP)
    if os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT).si_code == os.CLD_STOPPED:
        return process
    said = process.communicate()[1]
    assert process.returncode == 0, f"{command}: exit code {process.returncode}\n{said}"
    return None


def end(process, blow):
    """Sends a signal to a halted process and lets it go on; its exit code and what it said."""
    process.send_signal(blow)
    process.send_signal(signal.SIGCONT)
    said = process.communicate(timeout=60)[1]
    return process.returncode, said


def asked_for_a_state(command, begun, state):
    """Sends SIGUSR1 to a command that saves at no interval as soon as `begun` is there; it has to write a `state` (a folder and a
    pattern) and go on, and is then killed."""
    folder, pattern = state
    process = caught([*command, "--set", "checkpoint_seconds=1e9"], begun.exists)
    assert process, f"{command} has ended"
    assert not list(folder.glob(pattern)), "a state that nobody has asked for"
    process.send_signal(signal.SIGUSR1)
    process.send_signal(signal.SIGCONT)
    deadline = time.monotonic() + 60
    while not list(folder.glob(pattern)) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    goes_on = process.poll() is None
    process.kill()
    said = process.communicate()[1]
    assert list(folder.glob(pattern)), f"{command}: no state; it said: {said}"
    assert goes_on, f"{command}: has ended with {process.returncode}: {said}"


def sets(settings):
    return [word for setting in settings for word in ("--set", setting)]


def load_model(path):
    """The metadata and the arrays' bytes of a safetensors file."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8:8 + length])["__metadata__"], content[8 + length:]


class Workplace(unittest.TestCase):
    small = None  # a finished run, which the tests copy

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)

    def finished_run(self, name):
        if Workplace.small is None:
            Workplace.small = tempfile.TemporaryDirectory()
            unittest.addModuleCleanup(Workplace.small.cleanup)
            call("run", "dw4", "-o", pathlib.Path(Workplace.small.name) / "run", *sets(SMALL))
        shutil.copytree(pathlib.Path(Workplace.small.name) / "run", self.path / name)
        return self.path / name


class Run(Workplace):
    def test_from_energy_to_samples_and_again(self):
        run = self.path / "run"
        first = call("run", "dw4", "-o", run, *sets(SMALL))
        for name in ("config.toml", "simulation.json", "metrics.jsonl", "model.safetensors", "samples.npz",
                     "evaluation.json", "data/train.npz", "data/validation.npz", "data/test.npz"):
            self.assertTrue((run / name).exists(), name)
        evaluation = json.loads((run / "evaluation.json").read_text())
        for key in ("nll", "nll_normalized", "kl", "kl_error", "ess", "ess_error", "n_samples", "log_z", "log_z_error",
                    "path_length", "path_displacement", "energy_mean", "energy_mean_reweighted", "failed"):
            self.assertIn(key, evaluation)
        self.assertAlmostEqual(evaluation["nll_normalized"] - evaluation["nll"], 5.513631, places=5)
        self.assertEqual(evaluation["n_samples"], 400)

        # Chains are not shared between the sets.
        chains = [set(np.load(run / "data" / f"{part}.npz")["chain"]) for part in ("train", "validation", "test")]
        self.assertFalse(chains[0] & chains[1] or chains[0] & chains[2] or chains[1] & chains[2])

        steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
        self.assertEqual(steps, [20, 40, 60])

        stamps = {path: path.stat().st_mtime_ns for path in run.rglob("*.npz")}
        again = call("run", "dw4", "-o", run, *sets(SMALL))
        self.assertEqual(first.stdout, again.stdout)
        self.assertEqual(stamps, {path: path.stat().st_mtime_ns for path in run.rglob("*.npz")})

        # A longer training goes on where that is allowed; another system is another run.
        longer = sets(SMALL + ["train.steps=80"])
        refused = call("run", "dw4", "-o", run, *longer, code=2).stderr
        self.assertIn("--extend training", refused)
        self.assertEqual(stamps, {path: path.stat().st_mtime_ns for path in run.rglob("*.npz")})
        call("run", "dw4", "-o", run, "--extend", "training", *longer)
        for name in ("model.safetensors", "evaluation.json", "samples.npz", "config.toml"):
            self.assertTrue((run / "previous" / "1" / name).exists(), name)
        call("sample", run / "previous" / "1", "-n", 5, "-o", self.path / "previous.npz")
        self.assertEqual(len((run / "metrics.jsonl").read_text().splitlines()), 4)
        refused = call("run", "dw4", "-o", run, *sets(SMALL + ["system.d0=3"]), code=2)
        self.assertIn("system.d0: 4.0 there, 3.0 now", refused.stderr)

        self.sample_and_evaluate(run)

    def test_a_finished_run_is_fine_tuned(self):
        run = self.finished_run("run")
        before = load_model(run / "model.safetensors")[1]
        settings = SMALL + ["finetune.steps=6", "finetune.batch=4", "finetune.log_every=2", "finetune.checkpoint_every=2",
                            "finetune.flow_steps=3"]
        plan = call("run", "dw4", "-o", run, "--dry-run", "--redo", "evaluation", *sets(settings)).stdout
        for line in ("training +done", "fine-tuning +to do", "samples +do again", "previous/: evaluation.json"):
            self.assertRegex(plan, line)
        self.assertIn("--redo evaluation", call("run", "dw4", "-o", run, *sets(settings), code=2).stderr)
        call("run", "dw4", "-o", run, "--redo", "evaluation", *sets(settings))
        matched, tuned = (load_model(run / f"{name}.safetensors") for name in ("flow_matched", "model"))
        self.assertEqual(matched[1], before)
        self.assertNotEqual(tuned[1], before)
        self.assertIn("60 steps of 32 samples", tuned[0]["training"])
        self.assertIn("6 steps of 4 samples", tuned[0]["finetuning"])
        lines = [json.loads(line) for line in (run / "finetune_metrics.jsonl").read_text().splitlines()]
        self.assertEqual([line["step"] for line in lines], [2, 4, 6])
        for line in lines:
            self.assertLess(abs(line["validation_loss"]), 50)
            self.assertEqual(line["left_out"], 0)
        self.assertRegex(call("inspect", run).stdout, "fine-tuning +done: model.safetensors")

        # A longer one goes on, also by another rate; another batch is another run.
        longer = settings + ["finetune.steps=8", "finetune.learning_rate=1e-3"]
        said = call("run", "dw4", "-o", run, "--extend", "finetuning", *sets(longer)).stderr
        self.assertIn("goes on from step 6", said)
        self.assertNotEqual(load_model(run / "model.safetensors")[1], tuned[1])
        refused = call("run", "dw4", "-o", run, *sets(longer + ["finetune.batch=8"]), code=2)
        self.assertIn("finetune.batch: 4 there, 8 now", refused.stderr)
        # More flow matching makes what followed it stale.
        call("run", "dw4", "-o", run, "--extend", "training", *sets(longer + ["train.steps=80"]))
        self.assertNotEqual(load_model(run / "flow_matched.safetensors")[1], before)
        self.assertEqual(len((run / "finetune_metrics.jsonl").read_text().splitlines()), 4)
        refused = call("run", "dw4", "-o", run, *sets(longer + ["train.steps=80", "network.hidden=16"]), code=2)
        self.assertIn("network.hidden: 8 there, 16 now", refused.stderr)
        # Without it, the network of flow matching is the model again.
        flow_matched = load_model(run / "flow_matched.safetensors")[1]
        call("run", "dw4", "-o", run, "--redo", "finetuning", *sets(longer + ["train.steps=80", "finetune.steps=0"]))
        self.assertEqual(load_model(run / "model.safetensors")[1], flow_matched)
        self.assertTrue((run / "previous" / "4" / "finetune_checkpoints").exists())

    def test_a_network_is_fine_tuned_as_it_is(self):
        first, run = self.finished_run("first"), self.path / "run"
        call("simulate", "dw4", "-o", run, *sets(SMALL))  # what has not begun may still change
        settings = SMALL + ["train.steps=0", "finetune.batch=4", "finetune.flow_steps=3",
                            f"network.init_from={first / 'model.safetensors'}"]
        self.assertIn("training has no end", call("run", "dw4", "-o", run, *sets(settings), code=2).stderr)
        call("run", "dw4", "-o", run, *sets(settings + ["finetune.steps=2"]))
        self.assertEqual(*(load_model(path)[1] for path in (run / "flow_matched.safetensors", first / "model.safetensors")))
        self.assertFalse((run / "metrics.jsonl").exists())
        self.assertIn("60 steps of 32 samples", load_model(run / "model.safetensors")[0]["training"])
        refused = call("run", "dw4", "-o", run, *sets(settings + ["finetune.steps=2", "train.batch=16"]), code=2)
        self.assertIn("train.batch: 32 there, 16 now", refused.stderr)
        refused = call("run", "dw4", "-o", run, *sets(settings + ["finetune.steps=2", "train.steps=40"]), code=2)
        self.assertIn("train.steps: 0 there, 40 now", refused.stderr)
        self.assertTrue((run / "finetune_checkpoints").exists())

    def sample_and_evaluate(self, run):
        call("sample", run, "-n", 50, "-o", self.path / "few.npz", "-q")
        call("sample", run / "model.safetensors", "-n", 100, "-o", self.path / "more.npz")
        few, more = np.load(self.path / "few.npz"), np.load(self.path / "more.npz")
        self.assertEqual(more["x"].shape, (100, 4, 2))
        for name in ("x", "log_density", "energy", "log_weight", "path_length", "path_displacement", "status"):
            np.testing.assert_array_equal(few[name], more[name][:50])
        x = more["x"].astype(float)
        np.testing.assert_allclose(x.mean(1), 0, atol=1e-6)
        d = np.linalg.norm(x[:, :, None] - x[:, None], axis=-1)[:, *np.triu_indices(4, 1)] - 4
        np.testing.assert_allclose((-4 * d**2 + 0.9 * d**4).sum(1), more["energy"], rtol=1e-4)
        log_weight = -more["energy"] - more["log_density"] - 3 * np.log(2 * np.pi)
        np.testing.assert_allclose(log_weight, more["log_weight"], rtol=1e-9)

        np.save(self.path / "test.npy", np.load(run / "data" / "test.npz")["x"][:50].reshape(50, 8) + 3)
        done = call("evaluate", run, "--data", self.path / "test.npy", "-n", 200, "--json")
        evaluation = json.loads(done.stdout)
        self.assertEqual(evaluation["n_samples"], 200)
        self.assertEqual(evaluation["n_test"], 50)
        # The integration's own error is measured, and said where it matters.
        self.assertLess(abs(evaluation["density_bias"]), 0.05)
        coarse = json.loads(call("evaluate", "dw4", "-o", self.path / "coarse", "-n", 100, "--json", *sets(
            ["flow.method=rk4", "flow.steps=1", "flow.divergence_nodes=1"])).stdout)
        self.assertGreater(coarse["density_rms"], 1)
        said = [text for text in coarse["warnings"] if "since paths are integrated coarsely" in text]
        self.assertTrue(said and all("raise flow.steps" in text for text in said), coarse["warnings"])
        self.assertFalse([text for text in evaluation["warnings"] if "coarsely" in text])
        self.stop_and_go_on_with_evaluate(run)

    def stop_and_go_on_with_evaluate(self, run):
        command = ["evaluate", run, "-n", 3000, "--json", "-q"]
        said = call(*command, "--max-hours", "1e-6", code=75).stderr
        self.assertIn("the same command goes on from there", said)
        parts, = run.glob("evaluations/*/samples.npz.parts")
        kept = {path: path.stat().st_mtime_ns for path in parts.glob("*.npz")}
        self.assertTrue(kept)
        call(*command, "--max-hours", "1e-6", code=75)
        self.assertEqual(kept, {path: path.stat().st_mtime_ns for path in kept})
        resumed = call(*command).stdout
        self.assertFalse((run / "evaluations").exists())
        whole = self.path / "evaluation"
        self.assertEqual(resumed, call(*command, "-o", whole).stdout)
        self.assertEqual(json.loads(resumed), json.loads((whole / "evaluation.json").read_text()))
        self.assertEqual(np.load(whole / "samples.npz")["x"].shape, (3000, 4, 2))

    def test_a_dry_run_writes_nothing_and_knows_what_is_done(self):
        run = self.path / "run"
        plan = call("run", "dw4", "-o", run, "--dry-run", *sets(SMALL)).stdout
        for stage in ("simulation", "training", "samples", "test densities", "in all", "memory"):
            self.assertIn(stage, plan)
        self.assertFalse(run.exists())
        self.finished_run("run")
        before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
        self.assertEqual(call("run", "dw4", "-o", run, "--dry-run", *sets(SMALL)).stdout.count(" done"), 3)
        self.assertEqual(before, {path: path.stat().st_mtime_ns for path in run.rglob("*")})

    def test_a_training_begins_with_another_model(self):
        first, second = self.finished_run("first"), self.path / "second"
        unmoved = ["train.steps=1", "train.learning_rate=1e-30", "train.learning_rate_final=0"]
        call("run", "dw4", "-o", second, "--init-from", first / "model.safetensors", *sets(SMALL + unmoved))
        weights = [(path / "model.safetensors").read_bytes()[-1000:] for path in (first, second)]
        self.assertEqual(*weights)
        refused = call("run", "dw4", "-o", self.path / "third", "--init-from", first / "model.safetensors",
                       *sets(SMALL + ["network.hidden=9"]), code=3)
        self.assertIn("2 layers of width 8 found; expected", refused.stderr)

    def test_inspect_tells_of_every_file_of_a_run(self):
        run = self.finished_run("run")
        for name, says in ((".", ["a run", "4 particles", "done: model.safetensors", "ess"]),
                           ("model.safetensors", ["2 of width 8", "log_z"]),
                           ("samples.npz", ["samples", "float32 (400, 4, 2)"]), ("data/train.npz", ["chain"]),
                           ("config.toml", ["hidden = 8"]), ("evaluation.json", ["ess"]),
                           (f"checkpoints/{sorted(path.name for path in run.glob('checkpoints/*'))[-1]}", ["backend"])):
            told = call("inspect", run / name).stdout
            for text in says:
                self.assertIn(text, told)
        call("inspect", run / "lock", code=3)
        call("inspect", run / "absent.npz", code=4)

    def test_the_log_can_be_json(self):
        done = call("run", "dw4", "-o", self.path / "run", *sets(SMALL), "--log-format", "json")
        events = [json.loads(line) for line in done.stderr.splitlines()]
        self.assertLessEqual({"message", "progress"}, {event["event"] for event in events})
        self.assertTrue(all(0 <= event["fraction"] <= 1 for event in events if event["event"] == "progress"))
        failed = call("--log-format", "json", "evaluate", self.path / "absent", code=4)
        event, = map(json.loads, failed.stderr.splitlines())
        self.assertEqual((event["event"], str(self.path / "absent") in event["text"]), ("error", True))

    def test_result_does_not_depend_on_the_number_of_threads(self):
        for threads in (1, 3):
            call("run", "dw4", "-o", self.path / str(threads), *sets(SMALL + [f"threads={threads}"]))
        for name in ("samples.npz", "data/train.npz", "simulation.json"):
            one, three = self.path / "1" / name, self.path / "3" / name
            if name.endswith("json"):
                one, three = (json.loads(path.read_text()) for path in (one, three))
                self.assertEqual(one, three)
            else:
                self.assertEqual(one.read_bytes(), three.read_bytes(), name)

    def test_a_simulation_and_a_training_write_a_state_when_they_are_asked_to(self):
        run = self.path / "run"
        asked_for_a_state(["simulate", "dw4", "-o", run, *sets(SMALL + ["simulate.burn_in=100000000"])], run / "simulation",
                          (run / "simulation", "iteration-*.npz"))
        data, run = self.finished_run("trained") / "data" / "train.npz", self.path / "training"
        endless = ["train.steps=100000000", "train.checkpoint_every=100000000", f"data.train={data}"]
        asked_for_a_state(["run", "dw4", "-o", run, *sets(SMALL + endless)], run / "metrics.jsonl",
                          (run / "checkpoints", "step-*.npz"))

    def test_a_second_process_is_refused_and_a_stopped_run_resumes_with_the_same_bits(self):
        for steps in (400, 6000, 100000):  # more where the machine is done before it can be halted
            settings = sets(SMALL + [f"train.steps={steps}"])
            pieces = self.path / f"pieces-{steps}"
            process = caught(["run", "dw4", "-o", pieces, *settings], lambda: list(pieces.glob("checkpoints/step-*")))
            if process:
                break
        self.assertTrue(process, "no training was long enough to be halted")
        refused = call("run", "dw4", "-o", pieces, *settings, code=2)
        self.assertIn("another process is working on it", refused.stderr)
        code, said = end(process, signal.SIGINT)
        self.assertEqual(code, 75, said)
        self.assertIn("the same command goes on from there", said)
        whole = self.path / "whole"
        call("run", "dw4", "-o", whole, *settings)
        call("run", "dw4", "-o", pieces, *settings)
        for name in ("samples.npz", "evaluation.json"):
            self.assertEqual((whole / name).read_bytes(), (pieces / name).read_bytes(), name)

    def test_hours_end_and_damaged_states_are_left_aside(self):
        settings = sets(SMALL + [f"train.steps={1000 if SANITIZED else 20000}", "checkpoint_seconds=0.01"])
        whole, pieces = self.path / "whole", self.path / "pieces"
        call("run", "dw4", "-o", whole, *settings)

        def stopped(hours):
            return call("run", "dw4", "-o", pieces, "--max-hours", hours, *settings, code=75).stderr

        damaged = set()
        for k in range(1, 100):
            stopped(f"{4e-5 * k:.6f}")  # longer and longer, so that slow builds get somewhere too
            for stage in ("simulation", "checkpoints"):
                states = sorted(pieces.glob(f"{stage}/*.npz"))
                if len(states) == 2 and stage not in damaged:
                    states[-1].write_bytes(states[-1].read_bytes()[:-10])
                    damaged.add(stage)
                    self.assertIn(f"left aside: {states[-1]}", stopped("0.00001"))
            if "checkpoints" in damaged:
                break
        self.assertIn("checkpoints", damaged)
        call("run", "dw4", "-o", pieces, *settings)
        for name in ("samples.npz", "evaluation.json", "data/train.npz"):
            self.assertEqual((whole / name).read_bytes(), (pieces / name).read_bytes(), name)

    def test_a_training_keeps_its_optimizer(self):
        run = self.path / "run"
        muon = ["train.optimizer=muon", "train.steps=40"]
        call("run", "dw4", "-o", run, *sets(SMALL + muon))
        refused = call("run", "dw4", "-o", run, *sets(SMALL + ["train.steps=60"]), code=2)
        self.assertIn('train.optimizer: "muon" there, "adam" now', refused.stderr)
        more = call("run", "dw4", "-o", run, "--extend", "training", *sets(SMALL + muon + ["train.steps=60"]))
        self.assertIn("trained: 60 steps", more.stderr)

    def test_init_writes_a_config_for_a_molecule(self):
        structure = self.path / "ethanol.xyz"
        structure.write_text("""9
ethanol
C   1.1879 -0.3829  0.0000
C   0.0000  0.5526  0.0000
O  -1.1867 -0.2472  0.0000
H  -1.9237  0.3850  0.0000
H   2.0985  0.2306  0.0000
H   1.1184 -1.0093  0.8869
H   1.1184 -1.0093 -0.8869
H  -0.0227  1.1812  0.8852
H  -0.0227  1.1812 -0.8852
""")
        config = self.path / "configs" / "mine.toml"
        config.parent.mkdir()
        said = call("init", "--structure", structure, "--solvent", "water", "--charge", "2", "-o", config).stderr
        self.assertIn("C2H6O, 9 atoms of 6 types", said)
        self.assertIn("torsions: t1: 0 1 2 3", said)
        text = config.read_text()
        for line in ('structure = "../ethanol.xyz"', 'dihedrals = "t1: 0 1 2 3"', 'solvent = "water"', "charge = 2",
                     '# state = "t1 -2.0944 2.0944"'):
            self.assertIn(line, text)
        whole = call("inspect", config).stdout  # it is a config, and its paths are found from its folder
        self.assertIn(f'structure = "{structure}"', whole)
        self.assertIn("exists already", call("init", "--structure", structure, "-o", config, code=2).stderr)
        self.assertIn("expected xtb or openmm:SYSTEM.xml",
                      call("init", "--structure", structure, "--energy", "gaff", "-o", self.path / "x.toml", code=2).stderr)
        self.assertIn("apply to xtb only", call("init", "--structure", "alanine_dipeptide", "--energy", "openmm:alanine_dipeptide",
                                         "--charge", "1", "-o", self.path / "x.toml", code=2).stderr)
        self.assertIn("expected a preset", call("init", code=2).stderr)
        self.assertFalse((self.path / "x.toml").exists())
        said = call("init", "--structure", "alanine_dipeptide", "--energy", "openmm:alanine_dipeptide",
                    "-o", self.path / "x.toml").stderr
        self.assertIn("phi: 1:C 2:N 2:CA 2:C", said)
        self.assertIn("stereocentres: 2:CA", said)
        self.assertIn('# state = "phi 0 2"', (self.path / "x.toml").read_text())

    def test_init_writes_a_config_that_run_reads(self):
        call("init", "dw4", "-o", self.path / "my.toml")
        text = (self.path / "my.toml").read_text()
        self.assertIn("# samples per step", text)
        call("init", "dw4", "-o", self.path / "my.toml", code=2)
        (self.path / "bad.toml").write_text(text.replace("batch = ", "bacth = ", 1))
        refused = call("run", self.path / "bad.toml", code=2)
        line = next(k for k, row in enumerate(text.splitlines(), 1) if row.startswith("batch = "))
        self.assertIn(f"bad.toml:{line}: unknown key 'train.bacth'; did you mean 'train.batch'?", refused.stderr)


    def test_the_reference_of_keys_is_the_committed_one(self):
        self.assertEqual(call("reference", "config").stdout, (ROOT / "docs" / "config.md").read_text(),
                         "docs/config.md is stale: equibolt reference config > docs/config.md")
        for row in (ROOT / "docs" / "config.md").read_text().splitlines():
            if row.startswith("|"):
                self.assertEqual(len(re.findall(r"(?<!\\)\|", row)), 5, f"columns of: {row}")

    def test_the_man_page_and_the_completions_know_every_command_and_flag(self):
        commands = re.findall(r"^  (\w+) ", call("--help").stdout.split("Commands:")[1], re.M)
        self.assertGreater(len(commands), 10)
        page = call("reference", "man").stdout.replace("\\", "")
        completion = self.path / "completion"
        completion.write_text("compopt() { :; }\n" + call("reference", "bash").stdout +
                              'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _equibolt; echo "${COMPREPLY[@]}"\n')

        def completed(*words):
            return subprocess.run(["bash", completion, "equibolt", *words], capture_output=True, text=True, check=True,
                                  cwd=self.path).stdout.split()

        self.assertLessEqual(set(commands), set(completed("")))
        for command in commands:
            self.assertIn(f".SS equibolt {command}\n", page)
            flags = set(re.findall(r"(?<![\w-])--[a-z-]+(?= |,|$)", call(command, "--help").stdout.split("Options:")[1], re.M))
            offered = set(completed(command, "--"))
            for flag in flags & offered:
                self.assertIn(flag, page)
            self.assertGreaterEqual(offered, {"--help", "--log-format"})
        self.assertEqual(completed("run", "lj13-"), ["lj13-paper"])
        self.assertEqual(completed("run", "dw4", "--set", "train.batc"), ["train.batch="])
        # The value of a flag before the command is not the command.
        self.assertEqual(completed("--log-format", "json", "run", "lj13-"), ["lj13-paper"])
        self.assertEqual(completed("--log-format", "=", "json", "run", "lj13-"), ["lj13-paper"])
        self.assertEqual(completed("--log-format", "j"), ["json"])
        self.assertEqual(completed("run", "dw4", "--device", "cu"), ["cuda"])


class Folders(Workplace):
    def test_a_refused_command_touches_nothing(self):
        run = self.finished_run("run")
        before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
        for change in ("train.steps=30", "train.batch=16", "flow.steps=4", "simulate.rungs=3", "finetune.steps=2", "seed=8"):
            for command in (["run"], ["run", "--dry-run"]):
                said = call(*command, "dw4", "-o", run, *sets(SMALL + [change]), code=2).stderr
                self.assertIn(change[:7].split("=")[0], said)
                self.assertIn("--redo", said)
        call("simulate", "dw4", "-o", run, *sets(SMALL + ["train.steps=30", "flow.steps=4", "finetune.learning_rate=1e-2"]))
        self.assertEqual(before, {path: path.read_bytes() for path in run.rglob("*") if path.is_file()})
        self.assertIn("expected simulation, training", call("run", "dw4", "--redo", "all", code=2).stderr)

    def test_an_output_that_is_somebody_elses_is_refused(self):
        run = self.finished_run("run")
        foreign = self.path / "project"
        (foreign / "data").mkdir(parents=True)
        (foreign / "data" / "train.npz").write_bytes(b"not yours")
        (foreign / "thesis.partial.docx").write_text("mine")
        (foreign / "config.toml").write_text("# chosen with Anna\n[system]\nkind = \"double_well\"\n")
        before = {path: path.read_bytes() for path in foreign.rglob("*") if path.is_file()}
        for command in (["run", "dw4"], ["simulate", "dw4"], ["run", foreign / "config.toml"],
                        ["umbrella", "alanine_dipeptide-classical"]):
            said = call(*command, "-o", foreign, *sets(["train.steps=3"]), code=2).stderr
            self.assertIn("is no folder of equibolt's", said)
        self.assertIn("no folder of an evaluation", call("evaluate", run, "-o", foreign, code=2).stderr)
        self.assertIn("no folder of an evaluation", call("evaluate", run, "-o", run, code=2).stderr)
        self.assertEqual(before, {path: path.read_bytes() for path in foreign.rglob("*") if path.is_file()})

    def test_partial_files_of_dead_writers_go_and_all_others_stay(self):
        run = self.finished_run("run")
        mine = ["first.partial.npz", "x.npz.12-3.partial", "samples.npz.1x-3.partial", "data/samples.npz.99999999-3.partial"]
        dead = ["samples.npz.999999999-3.partial", "model.safetensors.999999998-0.partial.aB3xYz",
                "checkpoints/step-000000000020.npz.999999999-1.partial"]
        alive = [f"config.toml.{os.getpid()}-0.partial"]
        for name in mine + dead + alive:
            (run / name).write_text(name)
        call("run", "dw4", "-o", run, "--redo", "evaluation", *sets(SMALL + ["evaluate.test_samples=50"]))
        for name in mine + alive:
            self.assertTrue((run / name).exists(), name)
        for name in dead:
            self.assertFalse((run / name).exists(), name)

    def test_paths_are_relative_to_the_configs_folder(self):
        frames = np.load(self.finished_run("run") / "data" / "train.npz")["x"]
        home, elsewhere = self.path / "home", self.path / "elsewhere"
        home.mkdir(), elsewhere.mkdir()
        np.save(home / "frames.npy", frames[:200])
        (home / "my.toml").write_text("[system]\nkind = \"double_well\"\n[data]\ntrain = \"frames.npy\"\n[train]\nsteps = 5\n"
                                      "[evaluate]\nsamples = 20\n[flow]\nsteps = 3\n[network]\nhidden = 8\nlayers = 2\n")
        call("run", "../home/my.toml", "-o", "out", cwd=elsewhere)
        call("sample", "elsewhere/out", "-n", 3, "-o", "s.npz", cwd=self.path)
        (home / "frames.npy").rename(elsewhere / "frames.npy")
        said = call("run", "../home/my.toml", "-o", "other", cwd=elsewhere, code=2).stderr
        self.assertIn("relative to the config's folder", said)
        # Where a file lies does not matter, what is in it does.
        same = ["run", "../home/my.toml", "-o", "out", "--set", "data.train=frames.npy"]
        call(*same, cwd=elsewhere)
        np.save(elsewhere / "frames.npy", frames[1:201])
        self.assertIn("data.train", call(*same, cwd=elsewhere, code=2).stderr)

    @unittest.skipIf(SANITIZED, "a preloaded library has to come before the sanitizer's")
    def test_a_file_system_without_locks_has_an_exclusive_file_instead(self):
        (self.path / "flock.c").write_text("#include <errno.h>\nint flock(int f, int o) { (void)f; (void)o; errno = ENOLCK; return -1; }\n")
        library = self.path / "flock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, self.path / "flock.c"], check=True)

        def preloaded(code=0):
            done = subprocess.run([PROGRAM, "run", "dw4", "-o", self.path / "run", *sets(SMALL)], capture_output=True, text=True,
                                  env={**os.environ, "LD_PRELOAD": str(library)}, timeout=300)
            self.assertEqual(done.returncode, code, done.stderr)
            return done.stderr

        owner = self.path / "run" / "lock.owner"
        (self.path / "run").mkdir()
        owner.write_text("another-host 17\n")
        self.assertIn("process 17 on another-host", preloaded(code=2))
        owner.write_text(f"{socket.gethostname()} 999999999\n")
        said = preloaded()
        self.assertIn("is dead: taken over", said)
        self.assertIn("has no locks", said)
        self.assertFalse(owner.exists())

    def test_keys_without_effect_are_named(self):
        said = call("run", "dw4", "-o", self.path / "run", "--dry-run", *sets(SMALL + ["flow.divergence_tolerance=0.01"])).stderr
        self.assertIn("flow.divergence_tolerance has no effect", said)
        call("init", "dw4", "-o", self.path / "init.toml")
        said = call("run", self.path / "init.toml", "-o", self.path / "run", "--dry-run", *sets(SMALL)).stderr
        self.assertNotIn("has no effect", said)

    def test_texts_of_every_kind_are_read_again(self):
        text = "\"phi\\t1\\n2 \\\"quoted\\\" back\\\\slash \\u00e4\\u0001\""
        (self.path / "c.toml").write_text(f"[system]\nkind = \"double_well\"\n[train]\nsteps = 1\n[network]\ninit_from = {text}\n")
        first = call("inspect", self.path / "c.toml").stdout.split("\n", 1)[1]
        self.assertIn("quoted", first)
        (self.path / "d.toml").write_text(first)
        self.assertEqual(first, call("inspect", self.path / "d.toml").stdout.split("\n", 1)[1])


class SampleInParts(Workplace):
    MODEL = ROOT / "models" / "dw4.safetensors"
    FLOW = sets(["flow.steps=5", "flow.divergence_nodes=5"])

    def sample(self, count, name, *more, code=0):
        return call("sample", self.MODEL, "-n", count, "-o", self.path / name, *self.FLOW, *more, code=code)

    def test_a_killed_and_a_stopped_one_go_on_to_the_same_bytes(self):
        parts = self.path / "pieces.npz.parts"

        def interrupted(count):
            """Whether both signals could be sent before the command's end."""
            command = ["sample", self.MODEL, "-n", count, "-o", self.path / "pieces.npz", *self.FLOW,
                       "--set", "checkpoint_seconds=1e-9", "--set", "threads=1"]
            for blow in (signal.SIGKILL, signal.SIGTERM):
                before = len(list(parts.glob("*.npz")))
                process = caught(command, lambda: len(list(parts.glob("*.npz"))) > before)
                if not process:
                    return False
                code, said = end(process, blow)
                self.assertEqual(code, 75 if blow == signal.SIGTERM else -signal.SIGKILL, said)
                self.assertFalse((self.path / "pieces.npz").exists())
            return True

        for count in (2000, 6000, 60000):  # more where the machine is done before it can be halted
            if interrupted(count):
                break
            (self.path / "pieces.npz").unlink()
        else:
            self.fail("no sampling was long enough to be halted")
        self.sample(count, "whole.npz")
        other = call("sample", self.MODEL, "-n", str(count), "-o", self.path / "pieces.npz", "--seed", 9, *self.FLOW, code=2)
        self.assertIn("seed: 1 there, 9 now", other.stderr)
        self.sample(count, "pieces.npz")
        self.assertFalse(parts.exists())
        self.assertEqual((self.path / "whole.npz").read_bytes(), (self.path / "pieces.npz").read_bytes())
        self.assertIn("already", self.sample(count, "pieces.npz").stderr)
        self.assertIn("more than", self.sample(count - 1, "pieces.npz", code=2).stderr)
        # A longer file goes on from a shorter one.
        self.sample(count // 2, "longer.npz")
        self.sample(count, "longer.npz")
        self.assertEqual((self.path / "whole.npz").read_bytes(), (self.path / "longer.npz").read_bytes())

    @unittest.skipIf(SANITIZED, "sanitizers keep freed memory")
    def test_memory_is_flat_and_the_first_samples_are_those_of_fewer(self):
        peaks = [peak_kilobytes("sample", self.MODEL, "-n", count, "-o", self.path / f"{count}.npz", *self.FLOW, "--set",
                                "flow.divergence_nodes=2", "--set", "flow.method=midpoint") for count in (20000, 200000)]
        self.assertLess(peaks[1] - peaks[0], 30000, "kB")  # 200 000 in memory take 80 MB and more
        few, more = (np.load(self.path / f"{count}.npz") for count in (20000, 200000))
        for name in set(few.files) - {"about", "format_version"}:
            np.testing.assert_array_equal(few[name], more[name][:20000], name)

    def test_refined_densities_are_those_of_fewer_and_their_errors_are_measured(self):
        flow = sets(['flow.method="dopri5"', "flow.divergence_nodes=0", "flow.divergence_tolerance=0.02"])
        for count in (100, 1000):
            self.sample(count, f"{count}.npz", *flow)
        few, more = (np.load(self.path / f"{count}.npz") for count in (100, 1000))
        for name in set(few.files) - {"about", "format_version"}:
            np.testing.assert_array_equal(few[name], more[name][:100], name)
        self.assertGreater(few["divergences"].max(), few["divergences"].min())
        coarse, fine = json.loads(call("densities", self.MODEL, "-n", 10, "--json", "--flow", "method=rk4,steps=5", "--flow",
                                       "method=rk4,steps=20").stdout)
        self.assertEqual((coarse["divergences"], fine["divergences"], fine["failed"]), (20, 80, 0))
        self.assertLess(0, fine["largest"])
        self.assertLess(10 * fine["median"], coarse["median"])
        fast = json.loads(call("densities", self.MODEL, "-n", 10, "--json", "--float32-reference", "--flow", "method=rk4,steps=5").stdout)[0]
        self.assertAlmostEqual(fast["median"], coarse["median"], delta=0.02 * coarse["median"])
        backwards = call("densities", self.MODEL, "-n", 5, "--backwards", "--float64-divergences", "--flow", "steps=20").stdout
        self.assertLess(float(backwards.splitlines()[1].split()[4]), 0.02)
        self.assertIn("flow.stepz", call("densities", self.MODEL, "--flow", "stepz=20", code=2).stderr)
        self.assertIn("noise", self.sample(9, "noisy.npz", *sets(['flow.method="dopri5"', "flow.divergence_nodes=0",
                                                                     "flow.divergence_probes=2"]), code=2).stderr)


class Network(Workplace):
    def test_imported_network_agrees_with_the_oracle(self):
        for name in ("egnn_tiny", "egnn_one_layer"):
            golden = np.load(GOLDEN / f"{name}.npz")
            model, out = self.path / "model.safetensors", self.path / "out.npz"
            call("import", GOLDEN / f"{name}.npz", "-o", model)
            np.savez(self.path / "in.npz", x=golden["x"], t=golden["t"])
            call("field", model, "--input", self.path / "in.npz", "-o", out)
            field = np.load(out)
            for ours, theirs in ((field["v"], golden["v"]), (field["divergence"], golden["divergence"])):
                self.assertLessEqual(np.linalg.norm(ours - theirs), 1e-5 * np.linalg.norm(theirs))

    def test_import_names_what_does_not_fit(self):
        arrays = dict(np.load(GOLDEN / "egnn_tiny.npz"))
        missing = {k: v for k, v in arrays.items() if k != "weight.gcl_0.att_mlp.0.bias"}
        np.savez(self.path / "missing.npz", **missing)
        done = call("import", self.path / "missing.npz", "-o", self.path / "m.safetensors", code=3)
        self.assertIn("gcl_0.att_mlp.0.bias", done.stderr)
        self.assertFalse((self.path / "m.safetensors").exists())


DOCTOR = call("doctor").stdout


@unittest.skipIf("not built in" in DOCTOR, "without OpenMM or xtb")
class Molecules(Workplace):
    SMALL = sets(["simulate.samples=80", "simulate.chains=4", "simulate.rungs=2", "simulate.burn_in=10",
                  "simulate.pilot=100", "simulate.leapfrog_steps=5"])
    FEW = sets(["relax.steps=3", "relax.bias=phi 150 1 10", "system.solvent=", "threads=2"])

    def simulated(self):
        call("simulate", "alanine_dipeptide-classical", "-o", self.path / "run", "-q", *self.SMALL)
        return self.path / "run" / "data" / "train.npz"

    def test_from_classical_frames_to_relaxed_ones(self):
        frames = self.simulated()
        summary = json.loads((self.path / "run" / "simulation.json").read_text())
        self.assertEqual(set(summary["dihedrals"]), {"phi", "psi", "state"})
        self.assertAlmostEqual(summary["ladder"]["lambda"][-1], 300 / 650)

        relaxed, whole = self.path / "relaxed.npz", self.path / "whole.npz"
        for n in (2, 4):
            call("relax", "alanine_dipeptide", "--data", frames, "-o", relaxed, "-n", n, *self.FEW)
        call("relax", "alanine_dipeptide", "--data", frames, "-o", whole, "-n", 4, "--set", "threads=1", *self.FEW[:-2])
        self.assertEqual(relaxed.read_bytes(), whole.read_bytes())
        with np.load(whole) as arrays:
            self.assertEqual(arrays["x"].shape, (4, 22, 3))
            self.assertTrue(np.all(np.isfinite(arrays["energy"])))
            moved = np.abs(arrays["x"] - np.load(frames)["x"][arrays["frame"]]).max()
        self.assertTrue(0.005 < moved < 0.5, moved)
        other_seed = ["relax", "alanine_dipeptide", "--data", frames, "-o", whole, *self.FEW, "--set", "seed=2"]
        for dry in ([], ["--dry-run"]):
            refused = call(*other_seed, *dry, code=2)
            self.assertIn("was made with other settings:\n  seed: 1 there, 2 now", refused.stderr)
        for n, expected in ((4, "done, 4 trajectories"), (9, "resumes from 4 of 9 trajectories")):
            told = call("relax", "alanine_dipeptide", "--data", frames, "-o", whole, "-n", n, "--dry-run", *self.FEW).stdout
            self.assertEqual(told, f"{whole}: {expected}\n")
        self.assertEqual(relaxed.read_bytes(), whole.read_bytes())
        call("relax", "alanine_dipeptide", "--data", frames, "-o", self.path / "no" / "x.npz", "--dry-run", *self.FEW, code=4)

        told = call("export", whole, "--structure", "alanine_dipeptide", "-o", self.path / "x.pdb").stdout
        self.assertIn("4 configurations: 4 with the structure's bonds and chirality", told)
        self.assertNotIn("another order", told)
        self.assertEqual((self.path / "x.pdb").read_text().count("MODEL"), 4)
        with np.load(whole) as arrays:
            np.save(self.path / "mirror.npy", -arrays["x"])
            x = arrays["x"]

        # Atoms of one element in any order are found again by their bonds.
        atoms = [line for line in (self.path / "x.pdb").read_text().splitlines() if line.startswith("ATOM")][:22]
        elements = np.array([line[76:78].strip() for line in atoms])
        order, random = np.arange(22), np.random.default_rng(1)
        for element in set(elements):
            order[elements == element] = random.permutation(order[elements == element])
        np.save(self.path / "permuted.npy", x[:, order])
        told = call("export", self.path / "permuted.npy", "--structure", "alanine_dipeptide", "-o",
                    self.path / "permuted.pdb").stdout
        self.assertIn("4 configurations: 4 with the structure's bonds and chirality", told)
        self.assertIn("4 configurations had interchangeable atoms in another order", told)
        backbone = {(line[22:26].strip(), line[12:16].strip()): np.array([float(line[k:k + 8]) for k in (30, 38, 46)])
                    for line in (self.path / "permuted.pdb").read_text().splitlines()[:23] if line.startswith("ATOM")}
        n_ca = np.linalg.norm(backbone["2", "N"] - backbone["2", "CA"])
        self.assertTrue(1.3 < n_ca < 1.6, n_ca)
        told = call("export", self.path / "mirror.npy", "--structure", "alanine_dipeptide", "--mirror").stdout
        self.assertIn("4 its mirror image (reflected)", told)

    def test_states_are_written_when_they_are_asked_for(self):
        asked_for_a_state(["relax", "alanine_dipeptide-classical", "--data", self.simulated(), "-o", self.path / "relaxed.npz", "-n",
                           100000000, "--set", "relax.steps=2"], self.path / "relaxed.npz.lock", (self.path, "relaxed.npz"))
        folder = self.path / "umbrella"
        asked_for_a_state(["umbrella", "alanine_dipeptide-classical", "-o", folder, *sets(["umbrella.windows=4",
                           "umbrella.relax_steps=100000000"])], folder / "umbrella", (folder / "umbrella", "block-*.npz"))

    def stamps(self, folder):
        """When each file of a folder was written."""
        return {path: path.stat().st_mtime_ns for path in (self.path / folder).rglob("*") if path.is_file()}

    def test_umbrella_resumes(self):
        options = [*sets(["umbrella.windows=6", "umbrella.stiffness=10", "umbrella.relax_steps=50", "umbrella.record_every=5",
                          "simulate.timestep_fs=1"])]

        def umbrella(folder, steps, *more, code=0):
            return call("umbrella", "alanine_dipeptide-classical", "-o", self.path / folder, *options, *more, "--set",
                        f"umbrella.steps={steps}", "--set", "umbrella.discard=0.05", code=code)
        told = umbrella("a", 215, "--dry-run").stdout
        self.assertEqual(told, f"{self.path / 'a'}: new, 43 blocks in 6 windows to do\n")
        self.assertFalse((self.path / "a").exists())
        umbrella("a", 215)
        with (self.path / "a" / "config.toml").open("a") as config:
            config.write("# a note of mine\n")
        before = self.stamps("a")
        self.assertEqual(umbrella("a", 215, "--dry-run").stdout, f"{self.path / 'a'}: done, 43 blocks in 6 windows\n")
        self.assertIn("free energy of", umbrella("a", 215).stdout)
        told = umbrella("a", 235, "--dry-run").stdout
        self.assertIn("resumes from 43 of 47 blocks in 6 windows\nmoved to previous/: config.toml", told)
        for dry in ([], ["--dry-run"]):
            refused = umbrella("a", 235, "--set", "umbrella.stiffness=11", *dry, code=2).stderr
            self.assertIn("was made with other settings:\n  umbrella.stiffness: 10.0 there, 11.0 now", refused)
        self.assertEqual(before, self.stamps("a"))
        umbrella("a", 235)
        umbrella("b", 235)
        self.assertIn("a note of mine", (self.path / "a" / "previous" / "1" / "config.toml").read_text())
        self.assertEqual((self.path / "a" / "config.toml").read_text(), (self.path / "b" / "config.toml").read_text())
        self.assertIn("0.05", (self.path / "a" / "config.toml").read_text())
        a, b = (np.load(self.path / folder / "umbrella.npz")["angles"] for folder in "ab")
        self.assertEqual(a.shape, (47, 6))
        self.assertTrue(np.array_equal(a, b))
        result = json.loads((self.path / "a" / "umbrella.json").read_text())
        self.assertEqual(len(result["profile"]["rows"]), 72)

    def test_umbrella_by_a_surrogate(self):
        few = sets(["system.solvent=", "umbrella.windows=4", "umbrella.stiffness=5", "umbrella.relax_steps=20",
                    "umbrella.record_every=6", "surrogate.leapfrog_steps=3", "surrogate.samples=160"])
        made = {}
        for name, rounds in (("a", (1, 2)), ("b", (2,))):
            for n in rounds:
                command = ["surrogate", "alanine_dipeptide", "-o", self.path / f"{name}.npz", *few, *sets(
                    [f"surrogate.rounds={n}", f"threads={1 if name == 'b' else 2}"])]
                expected = f"resumes from 1 of {n} rounds" if (name, n) == ("a", 2) else f"new, {n} rounds to do"
                self.assertEqual(call(*command, "--dry-run").stdout, f"{self.path / name}.npz: {expected}\n")
                made[name] = call(*command).stdout
                written = self.stamps("")
                self.assertEqual(call(*command, "--dry-run").stdout, f"{self.path / name}.npz: done, {n} rounds\n")
                self.assertEqual(call(*command).stdout, made[name])
                self.assertEqual(written, self.stamps(""))
        self.assertEqual((self.path / "a.npz").read_bytes(), (self.path / "b.npz").read_bytes())
        rows = [line.split() for line in made["b"].splitlines()[1:]]
        self.assertEqual([row[:3] for row in rows], [["1", "160", "0"], ["2", "320", "0"]])
        self.assertLess(float(rows[1][3]), float(rows[0][3]), "the correction predicts what it was not fitted to")

        by_surrogate = [*few, *sets([f"umbrella.surrogate={self.path / 'a.npz'}", "umbrella.discard=0"])]
        for steps, folder in ((246, "u"), (258, "u"), (258, "v")):
            call("umbrella", "alanine_dipeptide", "-o", self.path / folder, *by_surrogate, *sets([f"umbrella.steps={steps}"]))
        u, v = (np.load(self.path / folder / "umbrella.npz")["angles"] for folder in "uv")
        self.assertEqual(u.shape, (43, 4))
        self.assertTrue(np.array_equal(u, v))
        result = json.loads((self.path / "u" / "umbrella.json").read_text())["surrogate"]
        self.assertTrue(all(0 < p <= 1 for p in result["acceptance"] + result["trajectory_acceptance"]), result)

        refused = call("umbrella", "alanine_dipeptide", "-o", self.path / "w", *by_surrogate, *sets(
            ["umbrella.steps=246", "system.method=gfn1"]), code=2)
        self.assertRegex(refused.stderr, "the energy that it is a surrogate of.*was made with other settings:\n  system.method: ")
        self.assertFalse((self.path / "w").exists())
        for dry in ([], ["--dry-run"]):
            refused = call("surrogate", "alanine_dipeptide", "-o", self.path / "a.npz", *few, "--set", "seed=2", *dry, code=2)
            self.assertIn("was made with other settings:\n  seed: 1 there, 2 now", refused.stderr)
            refused = call("surrogate", "alanine_dipeptide", "-o", self.path / "c.npz", *few, "--set", "surrogate.energy=lj13", *dry,
                           code=2)
            self.assertIn("same molecule", refused.stderr)
        # The cheaper energy is known by its content.
        cheap = self.path / "cheap.toml"
        text = (ROOT / "presets" / "alanine_dipeptide-classical.toml").read_text()
        third = ["surrogate", "alanine_dipeptide", "-o", self.path / "a.npz", *few,
                 *sets([f"surrogate.energy={cheap}", "surrogate.rounds=3"])]
        cheap.write_text(text)
        self.assertIn("resumes from 2 of 3 rounds", call(*third, "--dry-run").stdout)
        cheap.write_text(text.replace('types = "symmetry"', 'types = "backbone"'))  # which changes no energy
        self.assertIn("resumes from 2 of 3 rounds", call(*third, "--dry-run").stdout)
        other = self.path / "other.xml"
        other.write_text((ROOT / "systems" / "alanine_dipeptide.xml").read_text() + "\n")
        cheap.write_text(text.replace('system = "alanine_dipeptide"', f'system = "{other}"'))
        for dry in ([], ["--dry-run"]):
            refused = call(*third, *dry, code=2).stderr
            self.assertRegex(refused, "its cheaper energy, surrogate.energy.*was made with other settings:\n  "
                                      "content of system.system: ")
        self.simulates_by_a_surrogate()
        for source in ("a.npz", "u"):
            self.assertIn("urrogate" if source == "a.npz" else "umbrella", call("inspect", self.path / source).stdout)

    def simulates_by_a_surrogate(self):
        """Samples of the costly energy by exchange with the ladder of the surrogate a.npz."""
        few = sets(["system.solvent=", f"simulate.surrogate={self.path / 'a.npz'}", "simulate.mover=langevin",
                    "simulate.path=temperature", "simulate.rungs=2", "simulate.lowest_beta=0.8", "simulate.chains=4",
                    "simulate.leapfrog_steps=5", "simulate.burn_in=32", "simulate.pilot=100", "simulate.thinning=1"])
        simulate = ["simulate", "alanine_dipeptide", *few]
        for samples, folder in ((400, "s"), (400, "t")):
            call(*simulate, "-o", self.path / folder, *sets([f"simulate.samples={samples}", f"threads={1 + (folder == 't')}"]))
        files = [self.path / folder / "data" / "train.npz" for folder in "st"]
        self.assertEqual(files[0].read_bytes(), files[1].read_bytes())
        told = json.loads((self.path / "s" / "simulation.json").read_text())["surrogate"]
        self.assertEqual(told["failed"], 0)
        self.assertGreater(told["acceptance"], 0.02)
        self.assertLessEqual(told["evaluations"], 4 * (2 + 100 + 100))
        self.assertTrue(np.isfinite(told["log_z_ratio"]["value"]))
        data = np.load(files[0])
        self.assertEqual(data["gradient"].shape, data["x"].shape)
        written = self.stamps("s/data")
        call(*simulate, "-o", self.path / "s", *sets(["simulate.samples=400", f"simulate.surrogate={self.path / 'b.npz'}"]))
        self.assertEqual(written, self.stamps("s/data"), "the surrogate's content is the same")
        refused = call(*simulate, "-o", self.path / "x", *sets(["simulate.samples=40", "system.method=gfn1"]), code=2)
        self.assertRegex(refused.stderr, "the energy that it is a surrogate of.*was made with other settings:\n  system.method: ")
        self.assertFalse((self.path / "x").exists())

    def test_a_bias_is_taken_off_where_it_must_be(self):
        """Samples are of U + b, training takes them so, and all that is of U weighs them."""
        bias = ["--set", "simulate.bias=phi 60 1 3"]
        call("simulate", "alanine_dipeptide-classical", "-o", self.path / "b", "-q", *self.SMALL, *bias)
        data = np.load(self.path / "b" / "data" / "train.npz")
        self.assertEqual(str(data["bias_is"].tobytes().decode()), "phi 60 1 3")
        self.assertTrue((data["bias"] < 0).all() and data["bias"].min() > -np.log(1 + 60 * 3))
        told = json.loads((self.path / "b" / "simulation.json").read_text())
        self.assertEqual(told["bias"]["is"], "phi 60 1 3")
        self.assertLess(told["bias"]["effective_share"], 1)
        weights = np.concatenate([np.exp(np.load(self.path / "b" / "data" / f"{part}.npz")["bias"])
                                  for part in ("train", "validation", "test")])
        energy = np.concatenate([np.load(self.path / "b" / "data" / f"{part}.npz")["energy"]
                                 for part in ("train", "validation", "test")])
        self.assertAlmostEqual(told["energy_mean"]["value"], np.average(energy, weights=weights), places=6)
        analysed = json.loads(call("analyze", self.path / "b", "--observable", "energy", "--json", "-").stdout)
        of_data, = [s for s in analysed["observables"][0]["sets"] if s["set"].endswith("data")]
        self.assertAlmostEqual(of_data["mean"], np.average(energy, weights=weights), places=6)
        # Files say themselves what bias they have; those of one training have the same.
        train = ["run", "alanine_dipeptide-classical", "-o", self.path / "r", "-q", *sets([
            f"data.{part}={self.path / 'b' / 'data' / part}.npz" for part in ("train", "validation", "test")] + [
            "network.hidden=8", "network.layers=1", "train.steps=2", "train.batch=4", "finetune.steps=1", "finetune.batch=2",
            "finetune.flow_steps=2", "evaluate.samples=8", "evaluate.test_samples=8", "flow.steps=2"])]
        np.savez(self.path / "plain.npz", x=data["x"][:20])
        refused = call(*train, "--set", f"data.validation={self.path / 'plain.npz'}", code=2).stderr
        self.assertIn('plain.npz has no bias, and the training data have the bias "phi 60 1 3"', refused)
        call(*train)
        kept = np.load(self.path / "r" / "test_densities.npz")["x"]
        test = np.load(self.path / "b" / "data" / "test.npz")
        self.assertLessEqual(len(kept), len(test["x"]))
        refused = call(*train[:3], self.path / "q", *train[4:], *bias, "--set", "simulate.path=prior", "--set", "data.train=",
                       "--set", "simulate.mover=hmc", code=2).stderr
        self.assertIn("simulate.bias: a ladder to the prior", refused)

    def test_classical_energies_with_types_of_elements_are_refused(self):
        frames = self.simulated()
        refused = call("run", "alanine_dipeptide-classical", "-o", self.path / "refused", "-q", "--set",
                       f"data.train={frames}", "--set", "system.types=backbone", code=2)
        self.assertIn("not invariant under a permutation of particles of the same type", refused.stderr)


if __name__ == "__main__":
    tests_run.main()
