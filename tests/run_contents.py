"""What a run or another command leaves on the disk, for byte-for-byte comparison; only what depends on the time of day, on
durations or on the history of calls is left out."""
import io
import json
import re
import struct

import numpy as np

IGNORED = ("lock", "history.jsonl")
IGNORED_SUFFIX = ".lock"  # an output's lock stays where it cannot be removed, and locks nothing then
TIMES = ("seconds", "samples_per_second", "waiting")
PROVENANCE = ("training", "finetuning")  # metadata of networks that holds durations


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(entry) for key, entry in value.items() if key not in TIMES}
    return [without_times(entry) for entry in value] if isinstance(value, list) else value


def without_folders(text):
    """Configs hold absolute paths; where a run lies is none of its results."""
    return re.sub(r"(?:/[\w.+-]+)+/(?=[\w.+-]+\.(?:npz|npy|xml|pdb|toml|safetensors))", "", text)


def content_of(path):
    content = path.read_bytes()
    try:
        if path.suffix == ".jsonl":
            return [without_times(json.loads(line)) for line in content.splitlines()]
        if path.suffix == ".json":
            entries = without_times(json.loads(without_folders(content.decode())))
            entries.pop("config_hash", None)  # of a text with such paths
            return entries
        if path.suffix == ".toml":
            return without_folders(content.decode())
        if path.suffix == ".safetensors":
            length, = struct.unpack("<Q", content[:8])
            header = json.loads(content[8:8 + length])
            for key in PROVENANCE:
                header["__metadata__"].pop(key, None)
            return without_folders(json.dumps(header)), content[8 + length:]
        if "checkpoints" in path.parent.name and path.suffix == ".npz":
            arrays = dict(np.load(io.BytesIO(content)))
            del arrays["metrics_bytes"]  # times have digits
            arrays["sums"] = arrays["sums"][1:4]  # the others are times
            return {key: array.tobytes() for key, array in arrays.items()}
    except Exception as damage:  # a file that cannot be read is like no other
        return f"damaged: {damage}", content
    return content


def is_older_state(path):
    """Whether a newer one lies beside it: when states in between were saved depends on the time that they took."""
    number = re.fullmatch(r"([a-z]+-)\d+\.npz", path.name)
    return bool(number) and path != max(path.parent.glob(f"{number[1]}*.npz"))


def contents(folder):
    """By file name, relative to the folder."""
    return {str(path.relative_to(folder)): content_of(path) for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name not in IGNORED and path.suffix != IGNORED_SUFFIX and not is_older_state(path)}


def differences(found, expected):
    """What is wrong, in words; empty where nothing is."""
    wrong = [f"{name} is missing" for name in sorted(expected.keys() - found.keys())]
    wrong += [f"{name} is there but should not be" for name in sorted(found.keys() - expected.keys())]
    return wrong + [f"{name} differs" for name in expected if name in found and found[name] != expected[name]]
