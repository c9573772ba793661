#!/usr/bin/env python3
"""The report of a run at each of its stages: a page that stands alone, with every figure that can be had.

Usage: report_test.py PROGRAM [unittest arguments]
"""
import html.parser
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import tests_run

PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve()
SMALL = ["simulate.samples=2000", "simulate.chains=8", "simulate.burn_in=200", "simulate.pilot=200", "train.steps=60",
         "train.batch=32", "train.log_every=20", "evaluate.samples=400", "evaluate.test_samples=100", "network.hidden=8",
         "network.layers=2", "flow.steps=5", "flow.divergence_nodes=5"]
FIGURES = ["energies", "distances", "log_weights", "ess", "loss", "gradient", "transport_cost", "path_lengths", "path",
           "transport", "integration"]
VOID = {"meta", "img", "br"}


class Page(html.parser.HTMLParser):
    """Checks nesting, and collects images, text and whatever would be fetched from elsewhere."""

    def __init__(self, text):
        super().__init__()
        self.open, self.images, self.outside, self.text = [], [], [], []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "img":
            self.images.append(values)
        for key in ("src", "href"):
            if key in values and not values[key].startswith("data:"):
                self.outside.append(values[key])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.text.append(data)


def call(*arguments, code=0):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: exit code {done.returncode}, expected {code}\n{done.stderr}{done.stdout}")
    return done


DOCTOR = call("doctor").stdout


class Report(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.run_folder = pathlib.Path(folder.name) / "a run & more"
        self.settings = [word for setting in SMALL for word in ("--set", setting)]

    def report(self):
        told = call("report", self.run_folder).stdout
        self.assertEqual(told.strip(), str(self.run_folder / "report.html"))
        text = (self.run_folder / "report.html").read_text()
        page = Page(text)
        self.assertEqual(page.outside, [])
        self.assertNotIn("http", "".join(page.text))
        self.assertTrue(all(image["alt"] for image in page.images))
        return page, " ".join(page.text)

    def test_of_a_whole_run(self):
        call("run", "dw4", "-o", self.run_folder, *self.settings)
        before = {path: path.read_bytes() for path in self.run_folder.rglob("*") if path.is_file()}
        page, text = self.report()
        self.assertEqual(len(page.images), len(FIGURES))
        for name in FIGURES:
            for extension in ("dat", "gp", "svg"):
                self.assertTrue((self.run_folder / "figures" / f"{name}.{extension}").exists(), name)
        for what in ("a run & more: 4 particles", "by quadrature", "24.1536", "equivariant OT flow matching; Klein, Krämer, Noé 2023, first version, table 1, read", "88.71",
                     "R̂", "hidden = 8", "commit"):
            self.assertIn(what, text)
        self.assertNotIn('class="missing"', (self.run_folder / "report.html").read_text())
        for path, content in before.items():
            self.assertEqual(content, path.read_bytes(), path)
        subprocess.run(["gnuplot", "energies.gp"], cwd=self.run_folder / "figures", check=True)

    def test_of_the_stages_before(self):
        call("simulate", "dw4", "-o", self.run_folder, *self.settings)
        page, text = self.report()
        self.assertEqual(page.images, [])
        self.assertIn("Not done yet: training, samples, evaluation.", text)
        for empty in ("Results", "Weights", "Training", "Paths"):  # a section without content is left out
            self.assertNotRegex((self.run_folder / "report.html").read_text(), f"<h2[^>]*>{empty}")
        self.assertIn("by replica exchange with Hamiltonian Monte Carlo", text)
        call("run", "dw4", "-o", self.run_folder, *self.settings)
        for name in ("evaluation.json", "test_densities.npz"):
            (self.run_folder / name).unlink()
        page, text = self.report()
        self.assertEqual(len(page.images), 7)
        self.assertIn("Not done yet: evaluation.", text)
        self.assertNotIn("<h2>Results", (self.run_folder / "report.html").read_text())

    @unittest.skipIf(re.search("OpenMM +not built in", DOCTOR), "without OpenMM")
    def test_of_molecules(self):
        small = ["simulate.samples=80", "simulate.chains=4", "simulate.rungs=2", "simulate.burn_in=10", "simulate.pilot=100",
                 "simulate.leapfrog_steps=3", "umbrella.windows=5", "umbrella.steps=250", "umbrella.record_every=5",
                 "umbrella.relax_steps=30"]
        settings = [word for setting in small for word in ("--set", setting)]
        call("simulate", "alanine_dipeptide-classical", "-o", self.run_folder, *settings)
        page, text = self.report()
        self.assertEqual(len(page.images), 6)  # a series; histogram and profile of phi and psi; their map
        for what in ("Dihedrals of the data", "State phi 0 2: ΔF", "phi, psi", "phi 0 2", "error from the chains", "gyration radius, Å",
                     "one per iteration, by replica exchange with Langevin dynamics"):
            self.assertIn(what, text)
        frames = self.run_folder / "data" / "train.npz"
        self.run_folder = self.run_folder.parent / "umbrella"
        call("umbrella", "alanine_dipeptide-classical", "--data", frames, "-o", self.run_folder, *settings)
        page, text = self.report()
        self.assertEqual(len(page.images), 2)
        for what in ("Umbrella sampling", "MBAR", "least overlap", "commit"):
            self.assertIn(what, text)
        self.assertNotIn('class="missing"', (self.run_folder / "report.html").read_text())

    def test_of_no_run(self):
        self.assertIn("config.toml", call("report", self.run_folder.parent, code=4).stderr)


if __name__ == "__main__":
    tests_run.main()
