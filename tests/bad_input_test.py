#!/usr/bin/env python3
"""The table of bad inputs: what is typed or read, the exit code, and what the message must say.

Usage: bad_input_test.py PROGRAM [--json FILE]

Every case also has to end within a time, by itself rather than by a signal, leave no file behind that it should not have
written, and take no more memory than the program takes anyway, twice the file's size and a little. Prints the number of
cases of each kind.
"""
import argparse
import collections
import io
import json
import os
import pathlib
import random
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import threading

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden"
SECONDS = 60
SLACK_KB = 24000  # of memory, above the program's own and twice the file's size
SMALL = ["simulate.samples=2000", "simulate.burn_in=200", "simulate.pilot=200", "train.steps=40", "train.batch=32",
         "train.log_every=20", "train.checkpoint_every=20", "evaluate.samples=200", "evaluate.test_samples=50",
         "network.hidden=4", "network.layers=1", "flow.steps=2", "threads=1"]


class Tester:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.counts, self.failures = collections.Counter(), []
        self.base_kb = self.call(["--version"])[2]
        self.sanitized = b"__asan_init" in program.read_bytes()

    def call(self, arguments, limit=None, output=subprocess.DEVNULL, error=None, seconds=SECONDS, program=None, user=None):
        """Exit code, standard error and peak memory in kB."""
        def prepare():
            if limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        said = tempfile.TemporaryFile()
        process = subprocess.Popen([program or self.program, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=error or said, cwd=self.folder, preexec_fn=prepare, user=user)
        watchdog = threading.Timer(seconds, process.kill)
        watchdog.start()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        watchdog.cancel()
        said.seek(0)
        return process.returncode, said.read().decode(), usage.ru_maxrss

    def case(self, kind, code, arguments, says, size=0, **how):
        """`size`: of the file that is read, in bytes; 0: its memory is not looked at."""
        self.counts[kind] += 1
        found, said, peak = self.call(arguments, **how)
        problems = []
        if found != code:
            problems.append(f"exit code {found}, expected {code}")
        for text in [says] if isinstance(says, str) else says:
            if text not in said:
                problems.append(f"does not say '{text}'")
        if size and not self.sanitized and peak > self.base_kb + 2 * size / 1024 + SLACK_KB:
            problems.append(f"took {peak} kB, {self.base_kb} kB without the file of {size} bytes")
        if problems:
            self.failures.append(f"{kind}: {' '.join(map(str, arguments))}\n  {'; '.join(problems)}\n  said: {said}")


def sets(settings):
    return [word for setting in settings for word in ("--set", setting)]


def npz(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def npy_with_header(header, data=b""):
    header = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def safetensors(header, data=b""):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(header)) + header + data


def command_line(t):
    for arguments, says in (
            ([], "--help"), (["runn", "dw4"], "did you mean 'run'?"), (["run"], "CONFIG"),
            (["run", "dw4", "--ouput", "x"], "did you mean '--output'?"), (["run", "dw5"], "the preset 'dw4'?"),
            (["run", "dw4", "--log-format", "xml"], "--log-format"), (["run", "dw4", "--max-hours", "0"], "--max-hours"),
            (["run", "dw4", "--max-hours", "soon"], "--max-hours"), (["sample", "m", "-o", "x.npz"], "--samples"),
            (["sample", "m", "-n", "0", "-o", "x.npz"], "--samples"), (["sample", "m", "-n", "-5", "-o", "x"], "--samples"),
            (["sample", "m", "-n", "1e99", "-o", "x"], "--samples"), (["sample", "m", "-n", "3"], "--output"),
            (["evaluate"], "RUN|MODEL"), (["init", "dw4", "-o", "taken.toml"], "taken.toml")):
        t.case("command line", 2, arguments, says)


def config_keys(t):
    for setting, says in (
            ("train.batch", "KEY=VALUE"), ("train.batch=0", ["train.batch", "an integer ≥ 1", "found 0"]),
            ("train.batch=-3", "train.batch"), ("train.batch=1.5", "train.batch"), ("train.batch=many", "train.batch"),
            ("train.batch=99999999999999999999", "train.batch"), ("train.bacth=3", "did you mean 'train.batch'?"),
            ("train.coupling=nearest", "equivariant_ot"), ("flow.atol=nan", "a number > 0"), ("flow.atol=-1", "flow.atol"),
            ("flow.atol=inf", "flow.atol"), ("flow.steps=0", "flow.steps"), ("system.trap=1", "unknown key 'system.trap'"),
            ("system.particles=0", "system.particles"), ("system.particles=1", "system.particles"),
            ("system.particles=-4", "system.particles"), ("system.kind=lj", "lennard_jones"),
            ("network.hidden=0", "network.hidden"), ("network.layers=0", "network.layers"),
            ("simulate.samples=0", "simulate.samples"), ("simulate.samples=10", "simulate.samples"),
            ("evaluate.samples=1", "evaluate.samples"), ("threads=-1", "threads"), ("seed=x", "seed"),
            ("checkpoint_seconds=0", "checkpoint_seconds"), ("train.ema=1", "train.ema"), ("train.ema=2", "train.ema")):
        t.case("config key", 2, ["run", "dw4", "-o", "never", "--set", setting], says)


def config_files(t):
    path = t.folder / "c.toml"
    for text, says in (
            ("[train\n", "c.toml:1"), ("[train]\nsteps = -1", ["c.toml:2", "train.steps"]), ("seed = 'x'", "found"),
            ("[system]\nkind = 'lj'", "lennard_jones"), ("seed = 1\nseed = 2", "c.toml:2"),
            ("", "train.steps or train.minutes"), ("train = 3", "train"), ("seed = [1]", "seed"),
            ("[train]\nbacth = 3", "c.toml:2: unknown key 'train.bacth'; did you mean 'train.batch'?"),
            ("[trian]\nbatch = 3", "train.batch"), ("seed = 1\n\xff", "c.toml"), ("\0", "c.toml")):
        path.write_bytes(text.encode("latin-1"))
        t.case("config file", 2, ["run", path, "-o", "never"], says)
    t.case("config file", 2, ["run", t.folder / "absent.toml"], ["absent.toml", "neither a file nor a preset"])
    t.case("config file", 4, ["run", t.folder], str(t.folder))


def coordinates(t):
    """Configurations for a run (dw4: 4 particles in 2 dimensions) and for the density of a model."""
    x = np.random.default_rng(1).normal(size=(64, 4, 2)) * 2
    x -= x.mean(1, keepdims=True)
    nan, infinite, coincident = x.copy(), x.copy(), x.copy()
    nan[5, 2, 1], infinite[63, 3, 0], coincident[7, 1] = np.nan, np.inf, coincident[7, 0]
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }"
    huge = npy_with_header(head % "(1000000000000, 4, 2)")
    contents = {
        "nan.npy": (npy(nan), "configuration 5, particle 2"), "infinite.npy": (npy(infinite), "configuration 63, particle 3"),
        "empty.npy": (b"", "empty.npy"), "none.npy": (npy(x[:0]), "no configurations"),
        "constant.npy": (npy(np.zeros((9, 4, 2))), "constant"), "same.npy": (npy(np.repeat(x[:1], 9, 0)), "same numbers"),
        "three_particles.npy": (npy(x[:, :3]), "4 particles"), "three_dimensions.npy": (npy(np.zeros((5, 4, 3))), "4 particles"),
        "flat.npy": (npy(x.reshape(-1)), "4 particles"), "wide.npy": (npy(x.reshape(32, 16)), "4 particles"),
        "integers.npy": (npy(np.ones((5, 4, 2), int)), "float32 or float64"), "complex.npy": (npy(x * 1j), "complex.npy"),
        "objects.npy": (npy(np.array([{}, {}])), "objects.npy"), "text.npy": (b"0 0 0 1\n", "not an npy file"),
        "huge.npy": (huge, "32000000000000"), "overflow.npy": (npy_with_header(head % "(9223372036854775807, 4, 2)"), "overflow.npy"),
        "negative.npy": (npy_with_header(head % "(-1, 4, 2)"), "negative.npy"),
        "no_shape.npy": (npy_with_header("{'descr': '<f4'}"), "header"), "no_end.npy": (npy_with_header("{'descr': "), "header"),
        "code.npy": (npy_with_header("__import__('os')"), "header"), "longer.npy": (npy(x) + b"\0", "longer.npy"),
        "header_only.npy": (b"\x93NUMPY\x01\x00\xff\xff{", "truncated"), "version.npy": (b"\x93NUMPY\x09\x00" + bytes(99), "version"),
        "no_x.npz": (npz(y=x), "'x'"), "empty.npz": (b"", "empty"), "not_zip.npz": (b"PK" + bytes(60), "not_zip.npz"),
        "wrong_in.npz": (npz(x=x[:, :3]), "4 particles"), "object_in.npz": (npz(x=np.array([{}])), "x"),
    }
    archive = bytearray(npz(x=x))
    archive[len(archive) // 3] ^= 1
    contents["flipped_bit.npz"] = (bytes(archive), "flipped_bit.npz")
    whole = {"cut.npy": npy(x.astype("f4")[:2]), "cut.npz": npz(x=x[:2])}
    model = ROOT / "models" / "dw4.safetensors"
    for name, (content, says) in contents.items():
        path = t.folder / name
        path.write_bytes(content)
        t.case("coordinates", 3, ["evaluate", model, "--data", path, "-n", 2], says, size=len(content))
    for name in ("nan.npy", "none.npy", "same.npy", "three_particles.npy", "huge.npy", "flipped_bit.npz"):
        t.case("training data", 3, ["run", "dw4", "-o", f"run_{name}", *sets(SMALL + [f"data.train={t.folder / name}"])], name)
    t.case("training data", 4, ["run", "dw4", "-o", "run_absent", *sets(SMALL + ["data.train=absent.npy"])], "absent.npy")
    (t.folder / "coincident.npy").write_bytes(npy(coincident))
    lj = ["run", "lj13", "-o", "run_coincident", *sets(SMALL + ["system.particles=4", "data.train=coincident3.npy"])]
    three = np.random.default_rng(2).normal(size=(64, 4, 3)) * 2
    three[:, 1] = three[:, 0]
    np.save(t.folder / "coincident3.npy", three)
    t.case("training data", 3, lj, ["none of the 64 configurations", "coincident3.npy"])
    for name, content in whole.items():  # every truncation is in the unit tests; here the program sees some
        for length in sorted(random.Random(3).sample(range(len(content)), 24)):
            (t.folder / name).write_bytes(content[:length])
            t.case("truncated coordinates", 3, ["evaluate", model, "--data", name, "-n", 2], name, size=length)
    large = t.folder / "large.npy"
    np.save(large, np.zeros((4000000, 5, 1), "f4"))
    t.case("coordinates", 3, ["evaluate", model, "--data", large, "-n", 2], "4 particles", size=large.stat().st_size)
    large.unlink()


def models(t):
    good = t.folder / "good.safetensors"
    t.call(["import", GOLDEN / "egnn_tiny.npz", "-o", good])
    content = good.read_bytes()
    length, = struct.unpack("<Q", content[:8])
    header, data = json.loads(content[8:8 + length]), content[8 + length:]
    first = next(name for name in header if name != "__metadata__")

    def changed(change):
        copy = json.loads(json.dumps(header))
        change(copy)
        return safetensors(copy, data)

    flipped = bytearray(content)
    flipped[8 + length:12 + length] = struct.pack("<f", np.nan)
    cases = {
        "empty": (b"", "bad.safetensors"), "text": (b"[system]\nkind = 3\n", "bad.safetensors"),
        "huge header": (struct.pack("<Q", 1 << 62) + content[8:], "header of 4611686018427387904 bytes"),
        "large header": (struct.pack("<Q", 12 << 20) + content[8:], "does not fit"),
        "no object": (safetensors(b"[1, 2]"), "no object"), "not json": (safetensors(b'{"a": '), "broken header"),
        "deep": (safetensors(b'{"a":' * 5000 + b"1" + b"}" * 5000), "bad.safetensors"),
        "no tensors": (safetensors({}), "not a model"), "nan": (bytes(flipped), "not finite"),
        "no metadata": (changed(lambda h: h.pop("__metadata__")), "not a model"),
        "other version": (changed(lambda h: h["__metadata__"].update({"equibolt.model": "9"})), "version '9'"),
        "missing": (changed(lambda h: h.pop(first)), "bad.safetensors"),
        "half": (changed(lambda h: h[first].update(dtype="F16")), "F32 or F64"),
        "shape": (changed(lambda h: h[first].update(shape=[1 << 40, 1 << 40])), first),
        "offsets": (changed(lambda h: h[first].update(data_offsets=[0, 1 << 50])), first),
        "gap": (changed(lambda h: h[first].update(data_offsets=[4, 8])), first),
        "not architecture": (changed(lambda h: h["__metadata__"].update({"equibolt.architecture": "{}"})), "architecture"),
        "no system": (content, "does not say which system"),
    }
    bad = t.folder / "bad.safetensors"
    for bytes_of, says in cases.values():
        bad.write_bytes(bytes_of)
        t.case("model", 3, ["evaluate", bad, "-n", 2], says, size=len(bytes_of))
    for size in sorted(random.Random(4).sample(range(len(content)), 40)):
        bad.write_bytes(content[:size])
        t.case("truncated model", 3, ["evaluate", bad, "-n", 2], "bad.safetensors", size=size)
    dw4 = ROOT / "models" / "dw4.safetensors"
    t.case("model", 2, ["sample", dw4, "-n", 2, "-o", "x.npz", "--set", "system.particles=5"], "particles")
    t.case("model", 4, ["evaluate", t.folder / "absent"], "absent")
    t.case("model", 4, ["sample", t.folder, "-n", 1, "-o", "x.npz"], "model.safetensors")

    golden = dict(np.load(GOLDEN / "egnn_tiny.npz"))
    weights = {k: v for k, v in golden.items() if k.startswith("weight.")}
    name = "weight.gcl_0.att_mlp.0.bias"
    for change, says in ((dict(types=golden["types"] + 7), "type"),
                         (dict(types=-1 - golden["types"]), "type"), ({name: None}, "gcl_0.att_mlp.0.bias"),
                         ({name: golden[name] * np.nan}, "finite"), ({name: np.zeros(99, "f4")}, "gcl_0.att_mlp.0.bias"),
                         (dict(types=None), "types"), (dict(dim=None), "dim"), (dict(dim=np.array(0)), "dim"),
                         (dict(dim=np.array([2, 2])), "scalar")):
        arrays = {**weights, "types": golden["types"], "dim": golden["dim"], **change}
        (t.folder / "in.npz").write_bytes(npz(**{k: v for k, v in arrays.items() if v is not None}))
        t.case("weights to import", 3, ["import", "in.npz", "-o", "m.safetensors"], says)
    x, time = golden["x"], golden["t"]
    for arrays, says in ((dict(x=x[:, :2], t=time), "3 particles"), (dict(x=x, t=time[:-1]), "one for each x"),
                         (dict(x=np.where(x == x[1, 2, 0], np.nan, x), t=time), "configuration 1, particle 2"),
                         (dict(x=x), "'t'"), (dict(x=x[:0], t=time[:0]), "no configurations"),
                         (dict(x=x, t=time * np.nan), "t")):
        (t.folder / "in.npz").write_bytes(npz(**arrays))
        t.case("coordinates", 3, ["field", good, "--input", "in.npz", "-o", "o.npz"], says)


def damaged_runs(t):
    """A run that was stopped in its training, whose files are then damaged."""
    run = t.folder / "run"
    settings = sets(SMALL + ["train.steps=100000", "train.minutes=0"])
    hours = 0.00005
    while hours < 0.5 and len(list(run.glob("checkpoints/*.npz"))) < 2:  # slow builds need longer to reach the training
        t.call(["run", "dw4", "-o", run, "--max-hours", hours, *settings], seconds=SECONDS + 3600 * hours)
        hours *= 3
    states = sorted(run.glob("checkpoints/*.npz"))
    if len(states) != 2:
        t.failures.append(f"run folder: {len(states)} checkpoints after {hours / 3} hours, expected 2")
        return
    kept = {path: path.read_bytes() for path in states + [run / "config.toml", run / "run.json", run / "simulation.json",
                                                            run / "data/train.npz"]}

    def damaged(name, content, code, says):
        (run / name).write_bytes(content)
        t.case("run folder", code, ["run", "dw4", "-o", run, "--max-hours", "0.000001", *settings], says)
        for path, before in kept.items():
            path.write_bytes(before)
        for path in set(run.glob("checkpoints/*")) - set(kept):
            path.unlink()

    newest = states[-1].name
    content = kept[states[-1]]
    for size in (0, 1, 100, len(content) // 2, len(content) - 1):
        damaged(f"checkpoints/{newest}", content[:size], 75, ["left aside", newest])
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 4
    damaged(f"checkpoints/{newest}", bytes(flipped), 75, ["left aside", newest])
    damaged(f"checkpoints/{newest}", npz(x=np.zeros(3)), 75, ["left aside", newest])
    for path in states:
        path.write_bytes(b"no state")
    damaged(f"checkpoints/{newest}", b"no state", 3, "none of the 2 saved states")
    # The record says what the run is; the config beside it is for reading, and kept where somebody has touched it.
    damaged("config.toml", b"[train", 75, ["config.toml was edited by hand", "previous/"])
    (run / "config.toml").write_bytes(b"[train")
    t.case("run folder", 2, ["report", run], "config.toml:1")
    damaged("run.json", b"{", 3, "run.json")
    damaged("run.json", b"{}", 3, "run.json")
    damaged("run.json", kept[run / "run.json"].replace(b'"format_version": 1', b'"format_version": 99'), 3, "use a newer equibolt")
    damaged("simulation.json", b"{", 3, "simulation.json")
    damaged("data/train.npz", kept[run / "data/train.npz"][:500], 3, "train.npz")
    t.case("run folder", 2, ["run", "dw4", "-o", run, *settings, "--set", "system.d0=3"], "system.d0: 4.0 there, 3.0 now")


def nowhere_to_write(t):
    dw4 = ROOT / "models" / "dw4.safetensors"
    sample = ["sample", dw4, "-n", 2000, "--set", "flow.steps=1", "-o"]
    t.case("full disk", 4, [*sample, "full.npz"], ["full.npz", "File too large"], limit=20000)
    if any(t.folder.glob("full.npz*.partial")) or (t.folder / "full.npz").exists():
        t.failures.append("full disk: half a file is left")
    t.case("full disk", 4, ["run", "dw4", "-o", "full", *sets(SMALL)], "File too large", limit=3000)
    t.case("full disk", 4, ["init", "dw4", "-o", "full.toml"], "File too large", limit=100)
    t.case("full disk", 4, ["import", GOLDEN / "egnn_tiny.npz", "-o", "full.st"], "File too large", limit=100)
    with open("/dev/full", "w") as full:
        t.case("full disk", 4, ["reference", "config"], "standard output", output=full)
        t.case("full disk", 2, ["runn"], [], error=full)
        t.case("full disk", 4, [*sample, "absent/x.npz"], [], error=full)
    (t.folder / "folder.npz").mkdir()
    t.case("no place", 4, [*sample, "folder.npz"], "not a regular file")
    (t.folder / "file").write_text("")
    t.case("no place", 4, ["run", "dw4", "-o", "file/run", *sets(SMALL)], "file/run")
    t.case("no place", 4, ["run", "dw4", "-o", "/proc/run", *sets(SMALL)], "/proc/run")
    t.case("no place", 4, ["import", GOLDEN / "egnn_tiny.npz", "-o", "absent/m.safetensors"], "absent")
    (t.folder / "locked").mkdir(mode=0o555)
    as_user = {}
    if os.geteuid() == 0:  # which may write everywhere; nobody may not
        t.folder.chmod(0o755)
        as_user = {"program": shutil.copy(t.program, t.folder / "equibolt"), "user": 65534}
    t.case("no place", 4, ["run", "dw4", "-o", "locked/run", *sets(SMALL)], "Permission denied", **as_user)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program", type=pathlib.Path)
    arguments.add_argument("--json", type=pathlib.Path)
    options = arguments.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp())
    try:
        t = Tester(options.program.resolve(), folder)
        (folder / "taken.toml").write_text("")
        for kind in (command_line, config_keys, config_files, coordinates, models, damaged_runs, nowhere_to_write):
            kind(t)
        if (folder / "never").exists():
            t.failures.append("a refused command has made a folder")
    finally:
        shutil.rmtree(folder)
    print("\n\n".join(t.failures))
    result = {"cases": t.counts.total(), "failures": len(t.failures), "by_kind": dict(t.counts)}
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 1 if t.failures else 0


if __name__ == "__main__":
    sys.exit(main())
