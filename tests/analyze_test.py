#!/usr/bin/env python3
"""`equibolt analyze` against numpy: means, histograms, free energies and errors; what it writes and refuses.

Usage: analyze_test.py PROGRAM [unittest arguments]
"""
import csv
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np

PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve()


def call(*arguments, code=0):
    done = subprocess.run([PROGRAM, "analyze", *map(str, arguments)], capture_output=True, text=True, timeout=300)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: exit code {done.returncode}, expected {code}\n{done.stderr}{done.stdout}")
    return done


def analysis(*arguments):
    return json.loads(call(*arguments, "--json", "-", "-q").stdout)


def pair_distances(x):
    i, j = np.triu_indices(x.shape[1], 1)
    return np.linalg.norm(x[:, i] - x[:, j], axis=-1)


def weighted(weights, values):
    """Σ w a / Σ w and its delta-method error."""
    w, n = weights / weights.sum(), len(values)
    mean = (w * values).sum()
    return mean, np.sqrt((w**2 * (values - mean)**2).sum() * n / (n - 1))


class Analysis(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        random = np.random.default_rng(1)
        cls.x = random.normal(size=(400, 4, 2)).astype(np.float32)
        cls.log_weight = -0.3 * (cls.x**2).sum((1, 2)).astype(np.float64)
        cls.energy = (cls.x**2).sum((1, 2)).astype(np.float64)
        # A sample that failed, without coordinates.
        cls.x[17], cls.log_weight[17], cls.energy[17] = np.nan, -np.inf, np.inf
        cls.about = json.dumps({"system.kind": '"double_well"', "system.particles": "4", "system.dim": "2"})

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        self.samples = self.path / "samples.npz"
        np.savez(self.samples, x=self.x, log_weight=self.log_weight, energy=self.energy, format_version=1,
                 about=np.frombuffer(self.about.encode(), np.uint8))

    def near(self, found, expected, tolerance=1e-6):
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=1e-12)

    def test_means_histograms_and_profiles_are_numpys(self):
        result = analysis(self.samples, "--observable", "gyration", "--observable", "r: distance 0 3",
                          "--observable", "distances", "--observable", "energy", "--bins", 12)
        self.assertEqual([set_["label"] for set_ in result["sets"]], ["flow", "reweighted"])
        self.assertEqual([set_["failed"] for set_ in result["sets"]], [1, 1])
        x, keep = self.x.astype(np.float64), np.isfinite(self.energy)
        weights = {"flow": keep.astype(float), "reweighted": np.exp(self.log_weight)}
        w = weights["reweighted"]
        self.near(result["sets"][1]["ess"], w.sum()**2 / (w**2).sum() / len(w))
        centred = x - x.mean(1, keepdims=True)
        values = {"gyration": np.sqrt((centred**2).sum((1, 2)) / 4), "r": np.linalg.norm(x[:, 0] - x[:, 3], axis=-1),
                  "distances": pair_distances(x), "energy": self.energy}
        self.assertEqual([o["name"] for o in result["observables"]], list(values))
        for observable in result["observables"]:
            value = values[observable["name"]].reshape(len(x), -1)
            value[~keep] = 0  # not looked at
            bins = observable["bins"]
            edges = np.linspace(bins["low"], bins["high"], bins["count"] + 1)
            width = edges[1] - edges[0]
            for set_ in observable["sets"]:
                w = weights[set_["set"]]
                mean, error = weighted(w, value.mean(1))
                self.near([set_["mean"], set_["mean_error"]], [mean, error])
                variance = (w / w.sum() * ((value - mean)**2).mean(1)).sum()
                self.near(set_["standard_deviation"], np.sqrt(variance))
                shares = [weighted(w, ((value >= low) & (value < low + width)).mean(1)) for low in edges[:-1]]
                share, error = np.array(shares).T
                self.near(set_["density"], share / width)
                self.near(set_["density_error"], error / width)
                self.near(set_["outside"], 1 - share.sum(), 1e-5)
                free_energy = np.array(set_["free_energy"], float)  # null: NaN
                self.near(np.exp(-free_energy[share > 0]), share[share > 0] / share.max())
                self.assertTrue(np.isnan(free_energy[share == 0]).all())
                self.near(np.array(set_["free_energy_error"], float)[share > 0], (error / np.where(share, share, 1))[share > 0])

    def test_states_and_maps(self):
        result = analysis(self.samples, "--observable", "a: distance 0 1", "--observable", "b: distance 2 3",
                          "--state", "a 0 1", "--state", "a 1 inf, b 0 2", "--map", "a", "b", "--map-bins", 6)
        a = np.linalg.norm(self.x[:, 0].astype(float) - self.x[:, 1], axis=-1)
        b = np.linalg.norm(self.x[:, 2].astype(float) - self.x[:, 3], axis=-1)
        w = np.exp(self.log_weight)
        for state, inside in zip(result["states"], [a < 1, (a > 1) & (b < 2)]):
            p, error = weighted(w, inside.astype(float))
            found = state["sets"][1]
            self.near([found["population"], found["population_error"]], [p, error])
            self.near([found["free_energy"], found["free_energy_error"]], [-np.log(p / (1 - p)), error / (p * (1 - p))])
        map_ = result["maps"][0]
        edges = [np.linspace(bins["low"], bins["high"], 7) for bins in (map_["first_bins"], map_["second_bins"])]
        keep = w > 0
        p = np.histogram2d(a[keep], b[keep], edges, weights=w[keep])[0]
        free_energy = np.array(map_["sets"][1]["free_energy"], float).reshape(6, 6)
        with np.errstate(divide="ignore"):
            expected = np.log(p.max() / p)
        self.near(free_energy[p > 0], expected[p > 0])
        self.assertTrue(np.isnan(free_energy[p == 0]).all())

    def test_correlated_data_have_larger_errors(self):
        random = np.random.default_rng(2)
        noise = random.normal(size=(4000, 3))
        for t in range(1, len(noise)):
            noise[t] = 0.9 * noise[t - 1] + np.sqrt(1 - 0.81) * noise[t]
        x = np.zeros((4000, 2, 3))
        x[:, 1] = noise + [5, 0, 0]
        np.savez(self.path / "data.npz", x=x, chain=np.repeat(np.arange(4), 1000))
        np.save(self.path / "shuffled.npy", x[random.permutation(4000)])
        result = analysis(self.path / "data.npz", self.path / "shuffled.npy", "--observable", "distance 0 1")
        self.assertEqual([set_["label"] for set_ in result["sets"]], ["data: data", "shuffled: data"])
        chains, shuffled = result["observables"][0]["sets"]
        self.near(chains["mean"], shuffled["mean"])
        # τ = (1 + 0.9) / (1 − 0.9) = 19.
        self.assertTrue(3 < chains["mean_error"] / shuffled["mean_error"] < 6)
        self.assertTrue(100 < chains["effective_samples"] < 450)

    def test_dihedrals_of_a_molecule_are_counted_by_hand(self):
        structure = np.loadtxt(
            [line[30:54] for line in (pathlib.Path(__file__).parent.parent / "systems/alanine_dipeptide.pdb")
             .read_text().splitlines() if line.startswith(("ATOM", "HETATM"))])
        random = np.random.default_rng(3)
        x = np.repeat(structure[None], 40, 0) + random.normal(scale=0.01, size=(40, 22, 3))
        x[:10] *= -1  # mirror images
        np.savez(self.path / "x.npz", x=x)
        command = [self.path / "x.npz", "--config", "alanine_dipeptide-classical", "--observable", "phi"]
        result = analysis(*command, "--keep-mirror-images")
        self.near(result["sets"][0]["identities"]["mirrored"], 0.25)
        density = result["observables"][0]["sets"][0]["density"]
        self.assertEqual(sum(p > 0 for p in density[:30]) > 0, sum(p > 0 for p in density[30:]) > 0)  # both signs
        mirrored = analysis(*command)
        self.near(mirrored["sets"][0]["identities"]["mirrored"], 0.25)  # still counted
        density = np.array(mirrored["observables"][0]["sets"][0]["density"])
        self.assertTrue((density[:30].sum() == 0) != (density[30:].sum() == 0))
        self.assertIn("25", call(*command).stdout)

    def test_outputs_are_not_overwritten_by_another_request(self):
        command = [self.samples, "--observable", "gyration", "-q"]
        file, tables = self.path / "a.json", self.path / "tables"
        for _ in range(2):  # the same request again is free to write
            call(*command, "--json", file, "--csv", tables)
        self.assertEqual(json.loads(file.read_text())["asked"]["observables"], ["gyration"])
        with open(tables / "gyration.csv") as lines:
            rows = list(csv.DictReader(lines))
        self.assertEqual(len(rows), 60)
        self.near(float(rows[30]["flow density"]), json.loads(file.read_text())["observables"][0]["sets"][0]["density"][30])
        before = file.read_bytes()
        for output in (["--json", file], ["--csv", tables], ["--figures", tables]):
            self.assertIn("not of this analysis", call(*command, "--bins", 7, *output, code=2).stderr)
        self.assertEqual(file.read_bytes(), before)
        (self.path / "mine").mkdir()
        (self.path / "mine" / "thesis.tex").touch()
        call(*command, "--figures", self.path / "mine", code=2)

    def test_figures_are_drawn(self):
        folder = self.path / "figures"
        call(self.samples, "--observable", "gyration", "--map", "gyration", "r: distance 0 1", "--figures", folder)
        for name in ("gyration.svg", "gyration-free-energy.svg", "map-gyration-r-reweighted.svg", "index.html"):
            self.assertGreater((folder / name).stat().st_size, 1000, name)

    def test_weights_that_cannot_be_trusted_have_no_error_bars(self):
        log_weight = np.where(np.arange(400) == 3, 60.0, 0.0)
        np.savez(self.samples, x=np.nan_to_num(self.x), log_weight=log_weight)
        result = analysis(self.samples, "--observable", "gyration")
        self.assertIn("no error bars", result["sets"][1]["warnings"][0])
        self.assertIsNone(result["observables"][0]["sets"][1]["mean_error"])
        self.assertIn("(no error bar)", call(self.samples, "--observable", "gyration").stdout)

    def test_what_is_refused(self):
        for words, code, message in (
                ([self.samples, "--observable", "phi"], 2, "no observable of that name"),
                ([self.samples, "--observable", "distance 0 4"], 2, "0 to 3"),
                ([self.samples, "--state", "gyration 1"], 2, "two numbers"),
                ([self.path / "none.npz"], 4, "no such file"),
                ([self.path], 2, "expected the folder of a run")):
            self.assertIn(message, call(*words, code=code).stderr)


if __name__ == "__main__":
    unittest.main(verbosity=1)
