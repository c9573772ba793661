"""Compares equibolt with PyTorch and JAX: bench/compare --help, docs/performance.md."""

import argparse
import datetime
import glob
import json
import os
import pathlib
import subprocess
import sys
import time

from check import check_golden
from contenders import ContenderError, Contenders
from measure import measure
from network_file import particles, write_random
from report import report

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OPERATIONS = ("velocity", "loss_gradient", "divergence")
STOPPED, WRONG = 75, 5  # exit codes (docs/exit-codes.md)
LARGE = 13  # particles, up to which all are checked against the golden networks


def arguments():
    parser = argparse.ArgumentParser(prog="bench/compare", description=__doc__)
    names = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--cases", type=names, default=["A", "B", "C", "M"], help="A,B,C,M")
    parser.add_argument("--operations", type=names, default=list(OPERATIONS), help=",".join(OPERATIONS))
    parser.add_argument("--contenders", type=names, default=["equibolt", "plain", "torch", "jax"])
    parser.add_argument("--threads", type=lambda text: sorted(map(int, text.split(","))), default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5, help="turns of all contenders")
    parser.add_argument("--seconds", type=float, default=0.3, help="of calls in each turn, at least one call")
    parser.add_argument("--stage", choices=["check", "screen", "measure"], default="measure",
                        help="stop after this: networks checked; the best form of each found; measured")  # fmt: skip
    parser.add_argument("--minutes", type=float, default=float("inf"),
                        help="begin no cell after so many; exit code 75, and the same command goes on")  # fmt: skip
    parser.add_argument("-o", "--output", type=pathlib.Path, help="result (default build/compare/COMMIT.json)")
    parser.add_argument("--forms-from", type=pathlib.Path,
                        help="take the best forms from this result, do not screen; for cases that it lacks, those of C or A")  # fmt: skip
    parser.add_argument("--worker", type=pathlib.Path, default=ROOT / "build/release/bench/compare_worker")
    parser.add_argument("--peer", type=pathlib.Path, default=ROOT / "../shared/peers/egnn_torch.py",
                        help="another plain network in PyTorch, used where the file exists")  # fmt: skip
    parser.add_argument("--report", type=pathlib.Path, nargs="+", metavar="FILE", help="only print the tables of these")
    options = parser.parse_args()
    for chosen, known in ((options.operations, OPERATIONS),):
        if unknown := set(chosen) - set(known):
            parser.error(f"no operation {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if options.contenders[0] != "equibolt":
        parser.error("the first contender has to be equibolt, which the others are compared with")
    return options


def commit():
    git = lambda *words: subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True).stdout.strip()  # noqa: E731
    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")


def processor():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), "unknown")


def save(result, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(result, indent=1) + "\n")
    os.replace(beside, path)


def log(line):
    """One line of progress about what check.py or measure.py have done."""
    words = [str(line[key]) for key in ("case", "contender", "form", "operation", "network") if key in line]
    if "threads" in line:
        words.append(f"on {line['threads']}")
    if "errors" in line:
        words.append("ok:" if line["ok"] else "WRONG:")
        words.append(", ".join(f"{kind} {error:.1e}" for kind, error in line["errors"].items()))
    if "rate" in line:
        words.append(f"{line['rate']:.4g}/s")
    if "round" in line:
        words.append(f"round {line['round']}")
    if "error" in line:
        words.append(line["error"].splitlines()[0])
    print(*words, file=sys.stderr, flush=True)


def start(options, path):
    """The result so far, or a new one."""
    settings = {"threads": options.threads, "rounds": options.rounds, "seconds": options.seconds}
    if path.exists():
        result = json.loads(path.read_text())
        for name, now in (("commit", commit()), ("settings", settings)):
            if result[name] != now:
                sys.exit(f"{path}: {name} is {result[name]}, now {now}; choose another --output")
        return result
    return {
        "command": "bench/compare " + " ".join(sys.argv[1:]),
        "commit": commit(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="minutes"),
        "machine": {"processor": processor(), "processors": len(os.sched_getaffinity(0))},
        "settings": settings,
        "versions": {},
        "golden": {},
        "cells": {},
    }


def worst(lines):
    """The largest error of each kind; NaN before all others."""
    out = {}
    for line in lines:
        for kind, error in line.get("errors", {}).items():
            if not error <= out.get(kind, 0):
                out[kind] = error
    return out


def check(contenders, options, result, path):
    """All contenders against the golden networks, save the large ones, for which only equibolt is compiled already:
    measure() checks the others there. Returns who is wrong where."""
    found = [*glob.glob(str(ROOT / "../shared/oracle/egnn_*.npz")), *glob.glob(str(ROOT / "tests/golden/egnn_*.npz"))]
    networks = sorted({os.path.basename(network): network for network in found}.values())
    for operation in options.operations:
        for name in contenders.names:
            key = f"{name}/{operation}"
            if result["golden"].get(key, {}).get("ok"):
                continue
            those = [network for network in networks if name == "equibolt" or particles(network) <= LARGE]
            lines = check_golden(contenders, name, operation, those, log)
            result["golden"][key] = {
                "ok": all(line["ok"] for line in lines),
                "networks": len(those),
                "forms": sorted({line["form"] for line in lines}),
                "worst": worst([line for line in lines if "bf16" not in line["form"]]),
                "worst_bf16": worst([line for line in lines if "bf16" in line["form"]]),
                "failed": [line for line in lines if not line["ok"]],
            }
            save(result, path)
    return [key for key, entry in result["golden"].items() if not entry["ok"]]


def main():
    options = arguments()
    if options.report:
        print(report([json.loads(path.read_text()) for path in options.report]))
        return 0
    begin = time.monotonic()
    path = options.output or ROOT / f"build/compare/{commit()}.json"
    result = start(options, path)
    cache = ROOT / "build/compare"
    cache.mkdir(parents=True, exist_ok=True)
    peer = str(options.peer.resolve()) if options.peer.exists() else None
    contenders = Contenders(options.contenders, options.threads, str(options.worker), peer, str(cache))
    try:
        for name in contenders.names:
            result["versions"] |= contenders.any_process(name).ask(do="versions")
        result["plain_is"] = "peers/egnn_torch.py" if peer else "bench/comparison/network_torch.py"
        own = contenders.any_process("equibolt")
        cases = {case["name"]: case for case in own.ask(do="cases")["cases"]}
        if unknown := set(options.cases) - set(cases):
            sys.exit(f"no case {', '.join(sorted(unknown))}; there are {', '.join(cases)}")
        wrong = check(contenders, options, result, path)
        save(result, path)
        if wrong:
            print(f"{path}: not the same from the same weights: {', '.join(wrong)}", file=sys.stderr)
            return WRONG
        forms = json.loads(options.forms_from.read_text())["cells"] if options.forms_from else {}
        settings = result["settings"] | {"stage": options.stage}
        for name in options.cases if options.stage != "check" else []:
            network = str(cache / f"case_{name}.npz")
            write_random(network, cases[name])
            result.setdefault("backend", own.ask(do="work", network=network)["backend"])
            for operation in options.operations:
                key = f"{name}/{operation}"
                cell = result["cells"].setdefault(key, {})
                if "rates" in cell:
                    continue
                if time.monotonic() - begin > 60 * options.minutes:
                    print(f"stopped before {key}; the same command goes on", file=sys.stderr)
                    return STOPPED
                for source in (key, f"C/{operation}", f"A/{operation}"):
                    if "screened" not in cell and "screened" in forms.get(source, {}):
                        cell |= {"screened": forms[source]["screened"], "screened_for": source}
                if not measure(contenders, cases[name], operation, network, settings, cell, log, lambda: save(result, path)):
                    print(f"{path}: not the same from the same weights: {key}", file=sys.stderr)
                    return WRONG
    except ContenderError as error:
        print(error, file=sys.stderr)
        return WRONG
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        return STOPPED
    finally:
        contenders.stop()
    if options.stage == "measure":
        print(report([result]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
