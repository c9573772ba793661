"""Which coupling? KL, ESS and path lengths on LJ13 after trainings of equal processor time.

    python3 bench/couplings.py measure EQUIBOLT RUN RATES.json        # processor seconds of a step, on a quiet machine
    python3 bench/couplings.py run EQUIBOLT RUN RATES.json OUT.jsonl [--seconds 90] [--seeds 1,2] [--runs FOLDER]
    python3 bench/couplings.py table OUT.jsonl                        # means over the seeds, in Markdown
    python3 bench/couplings.py plot OUT.jsonl FIGURE.svg

RUN is the folder of `equibolt simulate lj13`, whose data all trainings share. Each training has one thread for the
network and one for the pairs; its number of steps is what --seconds of processor time, both threads together, give by the
measured rates. Adam's rate is 1e-3 sqrt(B / 32) at first and falls linearly to zero. `run` adds a line of JSON for each
training and goes on where it was stopped; nothing else need be quiet while it runs.
"""

import argparse
import itertools
import json
import os
import pathlib
import resource
import subprocess

import numpy as np

COUPLINGS = ("independent", "ot", "aligned", "equivariant_ot")
BATCHES = (8, 32, 128)


def options(run, coupling, batch, steps, seed, samples, test_samples):
    values = {
        "threads": 1, "train.producers": 8, "seed": seed, "train.coupling": coupling, "train.batch": batch, "train.steps": steps,
        "train.optimizer": "adam", "train.clip": 0, "finetune.steps": 0,
        "train.learning_rate": 1e-3 * (batch / 32) ** 0.5, "train.schedule": "linear", "train.learning_rate_final": 0,
        "train.ema": 0.999, "train.log_every": max(1, steps // 20), "train.checkpoint_every": max(1, steps // 10),
        "flow.steps": 20, "flow.divergence_nodes": 16, "evaluate.samples": samples, "evaluate.test_samples": test_samples}
    for kind in ("train", "validation", "test"):
        values[f"data.{kind}"] = str(pathlib.Path(run).resolve() / "data" / f"{kind}.npz")
    # Files are made with absolute names; a TOML string has quotes.
    return [f"{key}={json.dumps(value)}" for key, value in values.items()]


def train(equibolt, folder, settings):
    """Runs the preset with these settings; returns the processor time in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([equibolt, "run", "lj13", "-q", "-o", folder, *itertools.chain(*(("--set", s) for s in settings))],
                   check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure(args):
    rates = {}
    for coupling, batch in itertools.product(COUPLINGS, BATCHES):
        seconds = []
        steps = (1, 1 + 24000 // batch)
        for n in steps:
            folder = f"{args.rates}.{coupling}.{batch}.{n}"
            seconds.append(train(args.equibolt, folder, options(args.run, coupling, batch, n, 1, 2, 2)))
            subprocess.run(["rm", "-r", folder], check=True)
        rates[f"{coupling} {batch}"] = (seconds[1] - seconds[0]) / (steps[1] - steps[0])
        print(coupling, batch, f"{1e6 * rates[f'{coupling} {batch}'] / batch:.1f} µs a sample", flush=True)
    pathlib.Path(args.rates).write_text(json.dumps(rates, indent=1) + "\n")


def result_of(args, folder, key):
    evaluation = json.loads((folder / "evaluation.json").read_text())
    test = np.load(folder / "test_densities.npz")
    simulation = json.loads((pathlib.Path(args.run) / "simulation.json").read_text())["log_z"]
    log_weight = test["log_weight"]
    last = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
    return key | {
        "kl": float(log_weight.mean()) - simulation["value"],
        "kl_error": float(np.hypot(log_weight.std() / len(log_weight) ** 0.5, simulation["error"])),
        **{name: evaluation[name] for name in ("ess", "ess_error", "n_samples", "n_test", "log_z", "log_z_error",
                                               "path_length", "path_displacement", "pareto_k")},
        **{name: last[name] for name in ("step", "loss", "validation_loss", "transport_cost")}}


def run(args):
    rates = json.loads(pathlib.Path(args.rates).read_text())
    out = pathlib.Path(args.out)
    done = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    for seed, batch, coupling in itertools.product(map(int, args.seeds.split(",")), BATCHES, COUPLINGS):
        key = {"coupling": coupling, "batch": batch, "seed": seed, "core_seconds": args.seconds}
        if any(key.items() <= line.items() for line in done):
            continue
        steps = round(args.seconds / rates[f"{coupling} {batch}"])
        folder = pathlib.Path(args.runs) / f"{coupling}-{batch}-{seed}-{args.seconds:g}"
        train(args.equibolt, str(folder), options(args.run, coupling, batch, steps, seed, 4000, 2000))
        with out.open("a") as file:
            file.write(json.dumps(result_of(args, folder, key)) + "\n")
            file.flush()
            os.fsync(file.fileno())


def over_seeds(values, digits):
    """Their mean, with its standard error where there are several."""
    text = f"{np.mean(values):.{digits}f}"
    return text if len(values) == 1 else f"{text} ± {np.std(values, ddof=1) / len(values) ** 0.5:.{digits}f}"


def table(args):
    lines = [json.loads(line) for line in pathlib.Path(args.out).read_text().splitlines()]
    print("| coupling | B | steps | KL of each seed | KL | ESS % of each seed | ESS % | arc path | end points |")
    print("|---|---|---|---|---|---|---|---|---|")
    for batch, coupling in itertools.product(BATCHES, COUPLINGS):
        of = sorted((line for line in lines if (line["batch"], line["coupling"]) == (batch, coupling)),
                    key=lambda line: line["seed"])
        if not of:
            continue
        kl, ess = [line["kl"] for line in of], [100 * line["ess"] for line in of]
        print(f"| {coupling} | {batch} | {of[0]['step']} | {', '.join(f'{value:.3f}' for value in kl)} | {over_seeds(kl, 3)} "
              f"| {', '.join(f'{value:.0f}' for value in ess)} | {over_seeds(ess, 0)} "
              f"| {over_seeds([line['path_length'] for line in of], 2)} "
              f"| {over_seeds([line['path_displacement'] for line in of], 2)} |")


def plot(args):
    lines = [json.loads(line) for line in pathlib.Path(args.out).read_text().splitlines()]
    script = ["set terminal svg size 720,300 font 'sans,11'", f"set output '{args.figure}'", "set multiplot layout 1,2",
              "set logscale x 2", "set xtics (8, 32, 128)", "set xrange [5:200]", "set xlabel 'batch B'", "set grid ytics"]
    for column, label, key in (("kl", "KL, kT", "set key top left opaque"), ("ess", "ESS", "unset key")):
        script += [key, f"set ylabel '{label}'"]
        curves = []
        for k, coupling in enumerate(COUPLINGS):
            script.append(f"${column}{k} << EOD")
            # Beside each other, so that the bars can be told apart.
            script += [f"{line['batch'] * 1.13 ** (k - 1.5 + 0.4 * (line['seed'] - 1.5))} {line[column]} {line[column + '_error']}"
                       for line in lines if line["coupling"] == coupling]
            script.append("EOD")
            title = coupling.replace("_", " ")
            curves.append(f"${column}{k} with yerrorbars pt 7 ps 0.6 lc {k + 1} title '{title}'")
        script.append("plot " + ", ".join(curves))
    subprocess.run(["gnuplot"], input="\n".join(script), text=True, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, function, arguments in (("measure", measure, ("equibolt", "run", "rates")),
                                      ("run", run, ("equibolt", "run", "rates", "out"))):
        command = commands.add_parser(name)
        for argument in arguments:
            command.add_argument(argument)
        command.set_defaults(function=function)
        if name == "run":
            command.add_argument("--seconds", type=float, default=90)
            command.add_argument("--seeds", default="1,2")
            command.add_argument("--runs", default="runs/couplings")
    command = commands.add_parser("table")
    command.add_argument("out")
    command.set_defaults(function=table)
    command = commands.add_parser("plot")
    command.add_argument("out")
    command.add_argument("figure")
    command.set_defaults(function=plot)
    args = parser.parse_args()
    args.function(args)


main()
