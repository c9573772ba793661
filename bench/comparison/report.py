"""Tables of one or more result files, in Markdown."""

from measure import median, precision

CONTENDERS = ("plain", "torch", "jax")
OPERATIONS = {"velocity": "velocity", "loss_gradient": "loss and gradient", "divergence": "velocity and divergence"}


def spread(values):
    """Half the range, relative to the median."""
    return (max(values) - min(values)) / 2 / median(values)


def fastest(cell, contender, kind=None, threads=None):
    """The entry with the highest median: of one precision and number of threads, or of any."""
    entries = [
        entry
        for entry in cell.get("rates", [])
        if entry["contender"] == contender
        and kind in (None, precision(entry["form"]))
        and threads in (None, entry["threads"])
    ]
    return max(entries, key=lambda entry: median(entry["samples_per_second"]), default=None)


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def shown(entry, form=True):
    if entry is None:
        return "–"
    values = entry["samples_per_second"]
    text = f"{number(median(values))} ± {100 * spread(values):.0f} %"
    return f"{text} ({entry['form']})" if form else text


def ratio(ours, theirs):
    if ours is None or theirs is None:
        return "–"
    return number(median(ours["samples_per_second"]) / median(theirs["samples_per_second"]))


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def cells(result):
    for name, cell in result["cells"].items():
        if "rates" in cell:
            case, operation = name.split("/")
            yield case, operation, cell


def forms_of(cell):
    return sorted({entry["form"] for entry in cell["rates"] if entry["contender"] == "equibolt"}, reverse=True)


def own_speed(result):
    """equibolt at each number of threads: rate, GFLOP/s of the needed products, and fraction of the peak."""
    rows = []
    for case, operation, cell in cells(result):
        for form in forms_of(cell):
            for entry in cell["rates"]:
                if (entry["contender"], entry["form"]) != ("equibolt", form):
                    continue
                peaks = cell["peaks"][str(entry["threads"])]
                peak = peaks["bf16_gflops" if precision(form) == "bf16" else "fp32_gflops"]
                gflops = 1e-9 * median(entry["samples_per_second"]) * cell["work"]["needed"]
                written = 1e-9 * median(entry["samples_per_second"]) * cell["work"]["written"]
                rows.append([
                    case, OPERATIONS[operation], form, str(entry["threads"]), shown(entry, form=False),
                    number(gflops), f"{100 * gflops / peak:.0f} % of {number(peak)}" if peak else "–", number(written),
                ])  # fmt: skip
    head = ["case", "operation", "precision", "threads", "samples/s", "GFLOP/s", "of the peak", "GFLOP/s as written"]
    return table(head, rows)


def against(result, threads):
    """Ratios to the best form of each contender: on so many threads each, or (None) each at its best number."""
    rows = []
    for case, operation, cell in cells(result):
        for form in forms_of(cell):
            kind = precision(form)
            ours = max(
                (e for e in cell["rates"] if (e["contender"], e["form"]) == ("equibolt", form) and threads in (None, e["threads"])),
                key=lambda e: median(e["samples_per_second"]),
            )
            # What runs in bfloat16 is compared with the best of any precision.
            others = [fastest(cell, name, "fp32" if kind == "fp32" else None, threads) for name in CONTENDERS]
            rows.append([case, OPERATIONS[operation], form, shown(ours, form=False)])
            for entry in others:
                where = "" if threads or entry is None else f", {entry['threads']} threads"
                rows[-1] += [shown(entry).replace(")", where + ")"), ratio(ours, entry)]
    head = ["case", "operation", "precision", "equibolt"]
    for name in CONTENDERS:
        head += [name, "ratio"]
    return table(head, rows)


def agreement(results):
    """How far equibolt's medians and ratios of several runs lie apart: largest over smallest, less 1."""
    rows = []
    for case, operation, cell in cells(results[0]):
        for form in forms_of(cell):
            for threads in sorted({e["threads"] for e in cell["rates"] if (e["contender"], e["form"]) == ("equibolt", form)}):
                ours, ratios = [], {name: [] for name in CONTENDERS}
                for result in results:
                    other = result["cells"].get(f"{case}/{operation}", {})
                    own = [e for e in other.get("rates", []) if (e["contender"], e["form"], e["threads"]) == ("equibolt", form, threads)]
                    if not own:
                        continue
                    ours.append(median(own[0]["samples_per_second"]))
                    for name in CONTENDERS:
                        entry = fastest(other, name, "fp32" if precision(form) == "fp32" else None, threads)
                        if entry is not None:
                            ratios[name].append(ours[-1] / median(entry["samples_per_second"]))
                row = [case, OPERATIONS[operation], form, str(threads), " / ".join(map(number, ours)), apart(ours)]
                for name in CONTENDERS:
                    row += [" / ".join(map(number, ratios[name])) or "–", apart(ratios[name])]
                rows.append(row)
    head = ["case", "operation", "precision", "threads", "samples/s", "apart"]
    for name in CONTENDERS:
        head += [f"ratio to {name}", "apart"]
    return table(head, rows)


def apart(values):
    return f"{100 * (max(values) / min(values) - 1):.0f} %" if len(values) > 1 else "–"


def machine(result):
    peaks = {}
    for _, _, cell in cells(result):
        for threads, found in cell["peaks"].items():
            for key, value in found.items():
                peaks.setdefault(threads, {}).setdefault(key, []).append(value)
    text = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    lines = [f"{result['machine']['processor']}, {result['machine']['processors']} processors; {result['backend']}; {text}; commit {result['commit']}"]
    for threads, found in peaks.items():
        low_high = ", ".join(f"{key} {number(min(v))} … {number(max(v))}" for key, v in found.items())
        lines.append(f"peaks, {threads} thread{'s' if threads != '1' else ''}: {low_high}")
    return "\n".join(lines)


def report(results):
    first = results[0]
    parts = [machine(first), "Alone:", own_speed(first)]
    for threads in first["settings"]["threads"]:
        parts += [f"Against the best form of each, {threads} thread{'s' if threads > 1 else ''}:", against(first, threads)]
    if len(first["settings"]["threads"]) > 1:
        parts += ["Each at its best number of threads:", against(first, None)]
    if len(results) > 1:
        parts += [f"Agreement of {len(results)} runs:", agreement(results)]
    return "\n\n".join(parts)
