#!/usr/bin/env python3
"""Disturbs small runs in every way that a machine can, and resumes them: the end has to be the same bytes as undisturbed.

Usage: campaign.py PROGRAM INTERPOSER [--long] [--pipelines NAME...] [--parts kills|calls|disk...] [--json FILE]
       campaign.py PROGRAM INTERPOSER --one PIPELINE COMMAND CALL NUMBER      one call, and what it leads to

- kills: SIGKILL at random times, over all commands of the pipelines in pipelines.py;
- calls: each open, write, fsync, close, rename, unlink, mkdir, truncate of a file in the folder, the creation of each thread,
  and allocations, made to fail once by the preloaded library INTERPOSER (interpose.cc);
- disk: the disk is full at many levels: a small tmpfs where it can be mounted, else by INTERPOSER.

After a failure the program has to end with exit code 4 (or 5 for memory) and a message, and must have damaged no finished file;
the same command typed again has to end as if nothing had happened. Without --long a random part of the cases is tried.
"""
import argparse
import collections
import concurrent.futures
import ctypes
import errno
import json
import os
import pathlib
import platform
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import pipelines  # noqa: E402
import run_contents  # noqa: E402

SECONDS = 300
ERRNO = {"open": "EMFILE", "write": "ENOSPC", "fsync": "EIO", "close": "EIO", "rename": "EIO", "unlink": "EACCES", "mkdir": "ENOSPC",
         "truncate": "EIO", "thread": "EAGAIN", "malloc": "ENOMEM", "malloc_saving": "ENOMEM"}
MEMORY = ("malloc", "malloc_saving")
MEMORY_CODES = (5, 4)
# Libraries in which a failing allocation ends otherwise; no file is the worse for it. The destructor of nlohmann::json allocates,
# so that the program ends at once, as xtb ends it; libzip takes a file that it has no memory to read for none of its own.
LIBRARIES_OUT_OF_MEMORY = {-6: "std::bad_alloc", 1: "Error allocating", 3: "Not a zip archive"}
# How many of each kind of call are tried: in the short form, in the long one; None: all.
CALLS = {"malloc": (3, 100), "malloc_saving": (2, 100)}
OTHER_CALLS = (1, None)
KILLS = (6, 200)
LEVELS = (5, 50)


GROWING = ("surrogate.npz", "relaxed.npz", "run.json", ".jsonl")  # the same command adds to them


class Wrong(Exception):
    pass


class Campaign:
    def __init__(self, options, scratch):
        self.program, self.interposer = options.program.resolve(), options.interposer.resolve()
        self.long, self.scratch, self.chance = options.long, scratch, random.Random(options.seed)
        self.failures, self.started = [], time.monotonic()
        # For each pipeline, the folder before each command and after the last, and how long each takes.
        self.before, self.expected, self.seconds, self.counts = {}, {}, {}, {}

    def size(self, short_and_long):
        return short_and_long[1 if self.long else 0]

    def call(self, command, folder, **faults):
        """Exit code and standard error. `faults`: FAULT_... variables."""
        environment = dict(os.environ)
        if faults:
            environment |= {"LD_PRELOAD": str(self.interposer), "FAULT_FOLDER": str(folder.resolve()),
                            **{f"FAULT_{name.upper()}": str(value) for name, value in faults.items()}}
        done = subprocess.run([self.program, *command], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=SECONDS)
        return done.returncode, done.stderr.decode(errors="replace").strip()

    def whole(self, command, folder):
        code, said = self.call(command, folder)
        if code != 0:
            raise Wrong(f"typed again without a fault, it ends with {code}: {said}")

    def undisturbed(self, name):
        """Runs a pipeline, keeps the folder before each command, and counts the calls that can fail."""
        commands = pipelines.PIPELINES[name]
        folder = self.scratch / "undisturbed" / name
        folder.mkdir(parents=True, exist_ok=True)
        self.before[name], self.seconds[name], self.counts[name], self.expected[name] = {}, {}, {}, {}
        for step, command in commands.items():
            kept = self.scratch / "before" / name / step
            shutil.copytree(folder, kept)
            self.before[name][step] = kept
            counts = self.scratch / "counts.json"
            begun = time.monotonic()
            code, said = self.call(command, folder, counts=counts)
            if code != 0:
                sys.exit(f"{pipelines.text_of(command)}\nends with {code} undisturbed: {said}")
            self.seconds[name][step] = time.monotonic() - begun
            self.counts[name][step] = json.loads(counts.read_text())
            self.expected[name][step] = run_contents.contents(folder)

    def kill_one_pipeline(self, name, kills, chance, index):
        """Runs a pipeline with SIGKILL at random times, at most `kills`; returns how many hit, by command."""
        folder = self.scratch / f"kills-{name}-{index}"
        folder.mkdir()
        hit = collections.Counter()
        steps = pipelines.PIPELINES[name]
        for step, command in steps.items():
            mine = -(-(kills - hit.total()) // (len(steps) - list(steps).index(step)))  # spread over the commands left
            tries = 0
            while hit[step] < mine and tries < 4 * mine:
                tries += 1
                process = subprocess.Popen([self.program, *command], cwd=folder, stdin=subprocess.DEVNULL,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                try:
                    said = process.communicate(timeout=chance.uniform(0, 0.9 * self.seconds[name][step]))[1]
                    if process.returncode != 0:
                        raise Wrong(f"after {dict(hit)} kills it ends with {process.returncode}: {said.decode()}")
                    break
                except subprocess.TimeoutExpired:
                    process.kill()
                    said = process.communicate()[1].decode()
                    hit[step] += process.returncode == -9
                    if "left aside" in said:
                        raise Wrong(f"a kill has damaged a state: {said}") from None
            self.whole(command, folder)
        wrong = run_contents.differences(run_contents.contents(folder), self.expected[name][step])
        if wrong:
            raise Wrong(f"after {dict(hit)} kills: {'; '.join(wrong)}")
        shutil.rmtree(folder)
        return hit

    def damage(self, folder, name, step):
        """What a command that failed has done to files that were finished before, or that it calls finished."""
        before = run_contents.contents(self.before[name][step])
        expected = self.expected[name][step]
        wrong = []
        for path, content in run_contents.contents(folder).items():
            if ".partial" in path or path.endswith(GROWING):  # the former are to be removed
                continue
            if path in expected and content not in (expected[path], before.get(path, expected[path])):
                wrong.append(f"{path} is neither the old nor the new one")
        kept = {path for path, content in before.items() if expected.get(path) == content and not path.endswith(".jsonl")}
        return wrong + [f"{path} is gone" for path in kept if not (folder / path).exists()]

    def judge(self, folder, name, step, code, said, codes):
        """After a failure: the exit code, the message, the files; then the command again."""
        by_library = codes == MEMORY_CODES and code in LIBRARIES_OUT_OF_MEMORY and LIBRARIES_OUT_OF_MEMORY[code] in said
        if code not in (0, *codes) and not by_library:
            raise Wrong(f"exit code {code}, expected {' or '.join(map(str, codes))}: {said}")
        if code != 0 and not by_library and (not re.search(r"^equibolt: \S", said, re.MULTILINE) or "internal error" in said):
            raise Wrong(f"an unclear message: {said or '(none)'}")
        if wrong := self.damage(folder, name, step):
            raise Wrong(f"exit code {code} ({said}), and {'; '.join(wrong)}")
        if code != 0 or "no longer needed" in said:  # what cannot be removed is left to the next call
            self.whole(pipelines.PIPELINES[name][step], folder)
        if wrong := run_contents.differences(run_contents.contents(folder), self.expected[name][step]):
            raise Wrong(f"exit code {code} ({said}); at the end {'; '.join(wrong)}")

    def fail_one_call(self, name, step, call, number):
        """Lets one call fail; returns the exit code."""
        folder = self.scratch / f"{name}-{step}-{call}-{number}"
        shutil.copytree(self.before[name][step], folder)
        code, said = self.call(pipelines.PIPELINES[name][step], folder, call=call, number=number,
                               errno=getattr(errno, ERRNO[call]))
        # A thread that cannot be made is a limit on processes or memory.
        self.judge(folder, name, step, code, said, {"thread": (2, 4, 5)}.get(call, MEMORY_CODES if call in MEMORY else (4,)))
        shutil.rmtree(folder)
        return code

    def fill_disk(self, name, level, levels):
        """Runs a pipeline on a disk that is full at a level; returns how many commands met that."""
        folder = self.scratch / f"disk-{name}-{level}"
        folder.mkdir()
        peak = 1.2 * sum(path.stat().st_size for path in self.before[name].values() for path in path.rglob("*") if path.is_file())
        peak = max(peak, 1.5 * sum(p.stat().st_size for p in (self.scratch / "undisturbed" / name).rglob("*") if p.is_file()))
        size = max(4096, int(peak * level / levels))
        mounted = mount(folder, size)
        met = 0
        try:
            for step, command in pipelines.PIPELINES[name].items():
                before = self.before[name][step]
                left = {} if mounted else {"bytes": max(0, size - folder_size(folder))}
                code, said = self.call(command, folder, **left)
                met += code != 0
                if mounted and code != 0:
                    mount(folder, int(4 * peak), again=True)
                self.judge(folder, name, step, code, said, (4,))
                if mounted and code != 0:
                    mount(folder, max(size, folder_size(folder) + 4096), again=True)
                del before
        finally:
            if mounted:
                libc.umount2(str(folder).encode(), 2)
        shutil.rmtree(folder)
        return met

    def several(self, kind, cases, function):
        """function(*case) for all cases, as many at a time as there are cores; failures are kept. The results, in order."""
        results = []
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            futures = [(case, pool.submit(function, *case)) for case in cases]
            for case, future in futures:
                try:
                    results.append(future.result())
                except (Wrong, subprocess.TimeoutExpired) as wrong:
                    results.append(None)
                    self.failures.append(f"{kind} {' '.join(str(word) for word in case if not isinstance(word, random.Random))}: {wrong}")
        return results

    def kills(self):
        wanted = self.size(KILLS)
        per_round = 4
        names = list(self.before)
        cases = [(names[k % len(names)], min(per_round, wanted - k * per_round), random.Random(self.chance.random()), k)
                 for k in range(-(-wanted // per_round))]
        total = collections.Counter()
        for case, hit in zip(cases, self.several("kills", cases, self.kill_one_pipeline)):
            total.update({f"{case[0]} {step}": count for step, count in (hit or {}).items()})
        return {"kills": total.total(), "by_command": dict(total), "pipelines": len(cases)}

    def calls(self):
        cases = []
        for name, steps in self.counts.items():
            for call in ERRNO:
                every = [(name, step, call, number) for step in steps for number in range(1, steps[step][call] + 1)]
                wanted = self.size(CALLS.get(call, OTHER_CALLS))
                cases += every if wanted is None else self.chance.sample(every, min(wanted, len(every)))
        results = self.several("call", cases, self.fail_one_call)
        table = {}
        for call in ERRNO:
            codes = collections.Counter(str(code) for case, code in zip(cases, results) if case[2] == call and code is not None)
            table[call] = {"there": sum(counts[call] for steps in self.counts.values() for counts in steps.values()),
                           "failed": sum(case[2] == call for case in cases), "exit_codes": dict(sorted(codes.items()))}
        return table

    def disk(self):
        levels = self.size(LEVELS)
        cases = [(name, level, levels) for name in self.before for level in range(1, levels + 1)]
        results = self.several("disk", cases, self.fill_disk)
        return {"levels": len(cases), "commands_that_met_a_full_disk": sum(result or 0 for result in results),
                "by": "tmpfs" if can_mount(self.scratch) else "interposer"}


libc = ctypes.CDLL(None, use_errno=True)


def mount(folder, size, again=False):
    """A tmpfs of `size` bytes, or the one that is there with another size; False where that is not permitted."""
    return libc.mount(b"tmpfs", str(folder).encode(), b"tmpfs", 32 if again else 0, f"size={size}".encode()) == 0


def can_mount(scratch):
    folder = scratch / "try"
    folder.mkdir(exist_ok=True)
    if not mount(folder, 65536):
        return False
    libc.umount2(str(folder).encode(), 2)
    return True


def folder_size(folder):
    return sum(4096 * -(-path.stat().st_size // 4096) for path in folder.rglob("*") if path.is_file())


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return f"{model[1] if model else platform.machine()}, {len(os.sched_getaffinity(0))} cores, Linux {platform.release()}"


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program", type=pathlib.Path)
    arguments.add_argument("interposer", type=pathlib.Path)
    arguments.add_argument("--long", action="store_true")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--pipelines", nargs="*", default=list(pipelines.PIPELINES))
    arguments.add_argument("--parts", nargs="*", default=["kills", "calls", "disk"])
    arguments.add_argument("--one", nargs=4, metavar=("PIPELINE", "COMMAND", "CALL", "NUMBER"))
    arguments.add_argument("--scratch", type=pathlib.Path, help="folder for what the runs write; else a temporary one")
    arguments.add_argument("--json", type=pathlib.Path)
    options = arguments.parse_args()
    doctor = subprocess.run([options.program, "doctor"], capture_output=True, text=True).stdout
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        campaign = Campaign(options, pathlib.Path(scratch).resolve())
        names = [options.one[0]] if options.one else options.pipelines
        absent = [name for name in names if name != "particles" and "not built in" in doctor]
        for name in names:
            if name not in absent:
                campaign.undisturbed(name)
        if options.one:
            name, step, call, number = options.one
            print(json.dumps(campaign.counts[name][step]))
            print(f"exit code {campaign.fail_one_call(name, step, call, int(number))}, resumed, the same at the end")
            return 0
        result = {part: getattr(campaign, part)() for part in options.parts}
        result["seconds_undisturbed"] = {name: {step: round(s, 2) for step, s in steps.items()}
                                         for name, steps in campaign.seconds.items()}
    commit = re.search(r"commit \w+", doctor)
    result |= {"not_tried": absent, "failures": campaign.failures, "seconds": round(time.monotonic() - campaign.started),
               "command": " ".join(["tests/faults/campaign.py PROGRAM INTERPOSER", *sys.argv[3:]]),
               "commit": commit[0] if commit else "", "machine": machine()}
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 1 if campaign.failures else 0


if __name__ == "__main__":
    sys.exit(main())
