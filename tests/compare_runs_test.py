#!/usr/bin/env python3
"""`equibolt compare`: how runs are grouped, their means and deviations, what is written, refused and drawn.

Usage: compare_runs_test.py PROGRAM [unittest arguments]
"""
import csv
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np

import tests_run

PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve()
SMALL = ["simulate.samples=2000", "simulate.chains=8", "simulate.burn_in=200", "simulate.pilot=200", "train.steps=60",
         "train.batch=32", "train.log_every=20", "evaluate.samples=400", "evaluate.test_samples=100", "network.hidden=8",
         "network.layers=2", "flow.steps=5", "flow.divergence_nodes=5"]


def call(*arguments, code=0, folder=None):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300, cwd=folder)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: exit code {done.returncode}, expected {code}\n{done.stderr}{done.stdout}")
    return done


def run(folder, preset, *settings, command="run"):
    words = [word for setting in [*SMALL, *settings] for word in ("--set", setting)]
    call(command, preset, "-o", folder, "-q", *words)


class Compare(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.path = pathlib.Path(cls.folder.name)
        for seed in (1, 2):
            run(cls.path / f"ot-{seed}", "dw4", f"seed={seed}", "train.coupling=ot")
        run(cls.path / "aligned", "dw4", "train.coupling=aligned", "finetune.steps=3", "finetune.batch=4",
            "finetune.log_every=1", "finetune.validation_batches=1", "finetune.flow_steps=2")
        run(cls.path / "begun", "dw4", "train.coupling=independent", command="simulate")

    def compare(self, *arguments, code=0):
        return call("compare", *arguments, code=code, folder=self.path)

    def json(self, *runs):
        return json.loads(self.compare(*runs, "--json", "-", "-q").stdout)

    def evaluation(self, run):
        return json.loads((self.path / run / "evaluation.json").read_text())

    def test_seeds_are_one_group_with_mean_and_deviation(self):
        system, = self.json("ot-1", "aligned", "ot-2")["systems"]
        both, one = system["groups"]
        self.assertEqual(both["label"], "ot-1, ot-2")
        self.assertEqual([r["seed"] for r in both["runs"]], [1, 2])
        for name, pointer in (("nll", ["nll"]), ("ess", ["ess"]), ("energy_w2", ["metrics", "energy_w2", "samples"])):
            values = []
            for folder in ("ot-1", "ot-2"):
                value = self.evaluation(folder)
                for key in pointer:
                    value = value[key]
                values.append(value)
            self.assertAlmostEqual(both["values"][name]["value"], np.mean(values), 12)
            self.assertAlmostEqual(both["values"][name]["deviation"], np.std(values, ddof=1), 12)
            self.assertEqual(both["values"][name]["runs"], 2)
            self.assertNotIn("error", both["values"][name])
        self.assertEqual(one["values"]["nll"]["value"], self.evaluation("aligned")["nll"])
        self.assertEqual(one["values"]["nll"]["error"], self.evaluation("aligned")["nll_error"])
        self.assertNotIn("deviation", one["values"]["nll"])
        self.assertEqual(both["settings"]["train.coupling"], '"ot"')
        self.assertEqual(one["settings"]["train.coupling"], '"aligned"')
        self.assertIn("finetune.steps", one["settings"])
        self.assertNotIn("seed", one["settings"])
        self.assertNotIn("train.steps", one["settings"])

    def test_costs_count_energies_by_stage(self):
        group, = self.json("aligned")["systems"][0]["groups"]
        costs = {cost["stage"]: cost for cost in group["runs"][0]["costs"]}
        simulation = json.loads((self.path / "aligned" / "simulation.json").read_text())
        config = call("inspect", self.path / "aligned" / "config.toml").stdout
        rungs, leapfrog = (int(line.split("=")[1]) for key in ("rungs", "leapfrog_steps")
                           for line in config.splitlines() if line.startswith(f"{key} ="))
        self.assertEqual(costs["simulation"]["gradients"], simulation["iterations"] * 8 * ((rungs - 1) * leapfrog + 1))
        self.assertEqual(costs["training"]["energies"], 0)
        self.assertEqual(costs["finetuning"]["gradients"], 4 * (3 + 3 + 2))  # three steps and lines, two at the end
        self.assertEqual(costs["evaluation"], {**costs["evaluation"], "energies": 500, "gradients": 0})
        self.assertTrue(all(cost["seconds"] > 0 for cost in costs.values()))
        self.assertEqual(group["values"]["energies"]["value"], sum(cost["energies"] for cost in costs.values()))

    def test_what_is_known_and_published_stands_beside_it(self):
        system, = self.json("ot-1")["systems"]
        self.assertEqual(system["known"]["log_z"]["value"], 24.153601)
        self.assertTrue(all(result["source"] for result in system["published"]))
        text = self.compare("ot-1").stdout
        self.assertIn("known, by quadrature", text)
        for result in system["published"]:
            self.assertIn(result["source"], text)
        self.assertIn("91.24 ± 0.54", text)

    def test_systems_have_tables_of_their_own(self):
        run(self.path / "other", "dw4", "system.d0=3.5")
        self.addCleanup(shutil.rmtree, self.path / "other")
        first, second = self.json("ot-1", "other")["systems"]
        self.assertEqual(second["published"], [])
        self.assertEqual([len(first["groups"]), len(second["groups"])], [1, 1])
        page = self.path / "two"
        self.compare("ot-1", "other", "--figures", page)
        self.assertTrue((page / "1-energies.svg").exists() and (page / "2-energies.svg").exists())

    def test_what_casts_doubt_comes_first(self):
        text = self.compare("begun", "ot-1").stdout
        self.assertIn("warning: begun has not been evaluated yet", text)
        self.assertLess(text.index("warning: begun"), text.index("KL(μ‖p)"))
        row, = (line for line in text.splitlines() if line.startswith("  NLL "))
        self.assertEqual(row.split()[1], "–")

    def test_files(self):
        page, tables, numbers = self.path / "page", self.path / "tables", self.path / "numbers.json"
        runs = ["ot-1", "ot-2", "aligned"]
        outputs = ["--figures", page, "--csv", tables, "--json", numbers]
        self.compare(*runs, *outputs)
        written = json.loads(numbers.read_text())
        self.assertEqual(written, json.loads((page / "comparison.json").read_text()))
        rows = list(csv.DictReader((tables / "values.csv").read_text().splitlines()))
        row, = (row for row in rows if row["group"] == "aligned" and row["quantity"] == "kl")
        self.assertAlmostEqual(float(row["value"]), self.evaluation("aligned")["kl"], 6)
        self.assertTrue(list(csv.DictReader((tables / "published.csv").read_text().splitlines())))
        costs = list(csv.DictReader((tables / "costs.csv").read_text().splitlines()))
        self.assertEqual({row["run"] for row in costs}, set(runs))
        for figure in ("energies", "distances", "log_weights", "ess", "path_lengths", "loss", "transport_cost",
                       "divergence", "integration"):
            self.assertTrue((page / f"{figure}.svg").exists(), figure)
        html = (page / "index.html").read_text()
        self.assertEqual(html.count("<figure>"), 9)
        self.assertNotIn("No data for", html)
        self.compare(*runs, *outputs)  # the same again
        for output in (["--figures", page], ["--csv", tables], ["--json", numbers]):
            self.assertIn("is there already", self.compare("ot-1", *output, code=2).stderr)
        self.assertFalse(list(self.path.glob("**/comparison.json.lock")))

    def test_runs_without_validation_data_and_of_strange_names_have_figures(self):
        strange = self.path / "it's a `touch pwned` \"DATA\" $x"
        data = self.path / "ot-1" / "data"
        run(strange, "dw4", f"data.train={data / 'train.npz'}", f"data.test={data / 'test.npz'}")
        self.addCleanup(shutil.rmtree, strange)
        page = self.path / "strange"
        self.compare(strange, "--figures", page)
        self.assertIn("No data for: Validation loss", (page / "index.html").read_text())
        self.assertFalse(list(self.path.rglob("pwned")))
        self.assertIn("DATA", (page / "energies.svg").read_text())

    def test_a_damaged_evaluation_is_named(self):
        broken = self.path / "broken"
        shutil.copytree(self.path / "ot-1", broken)
        self.addCleanup(shutil.rmtree, broken)
        for text in ("[]", '{"warnings": [3]}', '{"weights_trusted": false, "verdict": 3}'):
            (broken / "evaluation.json").write_text(text)
            self.assertIn("broken", self.compare("broken", code=3).stderr)
        (broken / "evaluation.json").write_text('{"energy_histogram": {}}')
        self.assertIn("is damaged", self.compare("broken", "--figures", self.path / "of-broken", code=3).stderr)

    def test_the_same_seed_is_no_repetition(self):
        again = self.path / "again"
        shutil.copytree(self.path / "ot-1", again)
        self.addCleanup(shutil.rmtree, again)
        self.assertIn("ot-1 and again have the same seed", self.compare("ot-1", "again").stdout)

    def test_refusals(self):
        self.assertIn("is named twice", self.compare("ot-1", "ot-1", code=2).stderr)
        self.assertIn("is named twice", self.compare("ot-1", "./ot-1/", code=2).stderr)
        self.assertIn("there is no such folder", self.compare("nowhere", code=4).stderr)
        (self.path / "foreign").mkdir(exist_ok=True)
        self.assertIn("is not the folder of a run", self.compare("foreign", code=2).stderr)


if __name__ == "__main__":
    tests_run.main()
