"""The contenders: a process for each number of threads, which answers requests.

A request and its answer are JSON objects, one a line:

    {"do": "forms"}                                   -> {operation: [form, ...]}
    {"do": "versions"}                                -> {name: text}
    {"do": "check", "network": FILE, "operation": O, "form": F, "batch": B, "output": NPZ} -> {}
    {"do": "time", "network": ..., "operation": ..., "form": ..., "batch": ..., "seconds": S}
                                                      -> {"times": [seconds of each call]}

`check` writes v, divergence, loss and grad_loss.* as far as they belong to the operation. compare_worker answers
also {"do": "cases"}, {"do": "peaks"} and {"do": "work", "network": FILE}. A request that cannot be done is
answered by {"error": TEXT}.
"""

import json
import os
import signal
import subprocess
import sys


class ContenderError(Exception):
    pass


def processors(threads):
    """Those that a contender with so many threads may use: the same for all, since not all libraries can be told
    their number of threads."""
    available = sorted(os.sched_getaffinity(0))
    if threads > len(available):
        raise ContenderError(f"{threads} threads wanted, the machine has {len(available)} processors")
    return available[-threads:]


class Process:
    """A contender's process with a number of threads; started when it is first asked."""

    def __init__(self, command, threads, environment):
        self.command, self.threads, self.environment = command, threads, environment
        self.process = None

    def begin(self):
        os.sched_setaffinity(0, processors(self.threads))
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program that asks

    def ask(self, **request):
        if self.process is None:
            self.process = subprocess.Popen(
                [*self.command[:-1], str(self.threads), *self.command[-1]],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | self.environment | {"OMP_NUM_THREADS": str(self.threads)},
                preexec_fn=self.begin,
            )
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            status = self.process.wait()
            self.process = None
            raise ContenderError(f"{' '.join(self.command[:-1])} ended with status {status} at {request}")
        answer = json.loads(line)
        if "error" in answer:
            raise ContenderError(answer["error"])
        return answer

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class Contenders:
    """By name: `equibolt`, this project; `plain` and `torch`, which share a process; `jax`."""

    def __init__(self, names, threads, worker, peer, cache):
        here = os.path.dirname(__file__)
        python = sys.executable
        commands = {
            "equibolt": [worker, []],
            "torch": [python, os.path.join(here, "worker_torch.py"), [peer] if peer else []],
            "jax": [python, os.path.join(here, "worker_jax.py"), []],
        }
        environment = {
            "TORCHINDUCTOR_CACHE_DIR": os.path.join(cache, "inductor"),
            "JAX_COMPILATION_CACHE_DIR": os.path.join(cache, "jax"),
            "JAX_PLATFORMS": "cpu",
            "CUDA_VISIBLE_DEVICES": "",
        }
        self.names = names
        self.processes = {}
        for name in names:
            program = "torch" if name == "plain" else name
            if program not in commands:
                raise ContenderError(f"no contender '{name}'; there are equibolt, plain, torch, jax")
            for count in threads:
                if (program, count) not in self.processes:
                    self.processes[program, count] = Process(commands[program], count, environment)

    def process(self, name, threads):
        return self.processes["torch" if name == "plain" else name, threads]

    def any_process(self, name):
        return next(self.process(name, threads) for _, threads in self.processes)

    def forms(self, name, operation):
        """`plain` has the form that the worker of torch calls "peer", `torch` all others."""
        forms = self.any_process(name).ask(do="forms")[operation]
        if name == "plain":
            return [form for form in forms if form == "peer"]
        return [form for form in forms if form != "peer"]

    def stop(self):
        for process in self.processes.values():
            process.stop()
