"""The loop of a contender's process: requests and answers are JSON objects, one a line (contenders.py)."""

import json
import os
import sys
import time

import numpy as np

from network_file import NetworkFile


def serve(forms, prepare, versions):
    """Answers requests until the input ends.

    forms: {operation: [name, ...]}; those whose name begins with "compiled" take long to prepare.
    prepare(network, operation, form) -> (call, results): call() does the operation once, to its end;
    results() are its arrays by name.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints is no answer
    ready = {}

    def answer(request):
        if request["do"] == "forms":
            return forms
        if request["do"] == "versions":
            return versions
        key = tuple(request.get(name) for name in ("network", "operation", "form", "batch"))
        if key not in ready:
            ready.clear()  # one at a time: the larger networks take much memory
            call, results = prepare(NetworkFile(key[0], key[3] or 0), key[1], key[2])
            call()  # compiles, where that is due
            ready[key] = call, results
        call, results = ready[key]
        if request["do"] == "check":
            call()
            np.savez(request["output"], **{name: np.asarray(value) for name, value in results().items()})
            return {}
        if request["do"] == "time":
            times = []
            start = time.perf_counter()
            while True:
                before = time.perf_counter()
                call()
                after = time.perf_counter()
                times.append(after - before)
                if after - start >= request["seconds"]:
                    return {"times": times}
        raise ValueError(f"no request {request['do']!r}")

    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Exception as error:  # a form that fails is reported, not hidden
            reply = {"error": f"{type(error).__name__}: {str(error)[:300]}"}
        answers.write(json.dumps(reply) + "\n")
