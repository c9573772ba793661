"""One cell of the comparison: an operation of a case, by all contenders."""

from check import check_case
from contenders import ContenderError

CLOSE = 1.25  # forms within this factor of the best are measured too


def batch_of(case, operation):
    """Samples per call."""
    return case["divergence_batch" if operation == "divergence" else "batch"]


def precision(form):
    """What a form is compared with: "fp32" or "bf16"."""
    return "bf16" if "bf16" in form else "fp32"


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def rate(process, request, batch, seconds):
    """Samples per second: the median of calls for so many seconds, at least one."""
    return batch / median(process.ask(do="time", seconds=seconds, **request)["times"])


def best(screened, threads):
    """Of each contender and precision the forms that may be its fastest, at most two; of equibolt all."""
    out = []
    groups = {}
    for line in screened:
        if line["threads"] == threads and "rate" in line:
            groups.setdefault((line["contender"], precision(line["form"])), []).append(line)
    for (contender, _), lines in groups.items():
        lines.sort(key=lambda line: -line["rate"])
        close = [line for line in lines if line["rate"] * CLOSE >= lines[0]["rate"]]
        out += lines if contender == "equibolt" else close[:2]
    return [(line["contender"], line["form"]) for line in out]


def screen(contenders, operation, request, batch, threads, seconds, lines, log, save):
    """Adds to `lines` every form once on the least number of threads, then the best on the others. A form that
    fails is reported with its error. Lines that are there are kept."""

    def add(name, form, count):
        line = {"contender": name, "form": form, "threads": count}
        if any(line.items() <= there.items() for there in lines):
            return
        try:
            process = contenders.process(name, count)
            line["rate"] = rate(process, request | {"form": form}, batch, seconds)
        except ContenderError as error:
            line["error"] = str(error)
        log(line)
        lines.append(line)
        save()

    for name in contenders.names:
        for form in contenders.forms(name, operation):
            add(name, form, threads[0])
    for count in threads[1:]:
        for name, form in best(lines, threads[0]):
            add(name, form, count)


def measure(contenders, case, operation, network, settings, cell, log, save):
    """Fills `cell`, whose parts that are there already are kept."""
    batch = batch_of(case, operation)
    threads = settings["threads"]
    request = {"network": network, "operation": operation, "batch": batch}
    cell["batch"] = batch
    lines = cell.setdefault("screened", [])
    screen(contenders, operation, request, batch, threads, settings["seconds"], lines, log, save)
    chosen = [(name, form, count) for count in threads for name, form in best(cell["screened"], count)]
    if "checks" not in cell:
        cell["checks"] = check_case(contenders, case["name"], operation, network, chosen, batch, log)
        save()
    wrong = [line for line in cell["checks"] if not line["ok"]]
    if wrong or "rates" in cell or settings["stage"] != "measure":
        return not wrong
    equibolt = contenders.names[0]
    cell["work"] = contenders.any_process(equibolt).ask(do="work", network=network)[operation]
    rates = {key: [] for key in chosen}
    peaks = {count: [] for count in threads}
    for repeat in range(settings["rounds"]):
        for count in threads:
            peaks[count].append(contenders.process(equibolt, count).ask(do="peaks"))
        turn = repeat % len(chosen)
        for name, form, count in chosen[turn:] + chosen[:turn]:
            process = contenders.process(name, count)
            rates[name, form, count].append(rate(process, request | {"form": form}, batch, settings["seconds"]))
        log({"case": case["name"], "operation": operation, "round": repeat + 1})
    cell["peaks"] = {str(count): {key: max(peak[key] for peak in found) for key in found[0]} for count, found in peaks.items()}
    cell["rates"] = [
        {"contender": name, "form": form, "threads": count, "samples_per_second": values}
        for (name, form, count), values in rates.items()
    ]
    save()
    return True
