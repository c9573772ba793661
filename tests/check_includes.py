#!/usr/bin/env python3
"""The rooms of src/ include one another in one direction only: what each may include is stated in its
equibolt_room(... USES ...), directly or through the rooms named there."""
import pathlib
import re
import sys

src = pathlib.Path(__file__).resolve().parent.parent / "src"
rooms = {path.name for path in src.iterdir() if path.is_dir()}
uses = {}
for room in rooms:
    text = (src / room / "CMakeLists.txt").read_text()
    named = re.search(r"equibolt_room\(\w+ USES ([^)]*?)(?:TEST_USES[^)]*)?\)", text)
    uses[room] = rooms & set((named[1] if named else text).split())


def reachable(room):
    found, todo = {room}, [room]
    while todo:
        for other in uses[todo.pop()] - found:
            found.add(other)
            todo.append(other)
    return found


wrong = []
for room in rooms - {"cli"}:
    if any(room in reachable(other) for other in uses[room]):
        wrong.append(f"{room}: uses itself through another room")
    allowed = reachable(room)
    for path in sorted((src / room).rglob("*.*")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            include = re.match(r'#include "(\w+)/', line)
            if include and include[1] in rooms - allowed and not path.stem.endswith(("_test", "_bench")):
                wrong.append(f"{path.relative_to(src)}:{number}: {room} may not include {include[1]}")
print("\n".join(wrong) or f"{len(rooms)} rooms, includes run one way")
sys.exit(bool(wrong))
