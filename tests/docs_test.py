#!/usr/bin/env python3
"""The documentation, word for word: what README.md and docs/*.md say to type is typed, in a scratch folder laid out as a clone.

Usage: docs_test.py BUILD_FOLDER [PAGE...] [--print]

In these pages
- ```sh blocks are commands; those of a page run in one shell, in order;
- an ```output block is what the sh block before it prints, line by line, as far as the shortened commands can print it:
  whole numbers of one digit, and digits within words, are exact (4 particles, lj13); another whole number
  stands for any whole number, and one with a decimal point or exponent for any number; … stands for any text, and lines
  between may be left out;
- ```cpp, ```cmake, ```toml and ```python blocks are files, named by the last `name` of a paragraph that ends in a colon;
- ```text is anything else.
A comment `<!-- test: WHAT; WHAT -->` before a block makes it short, or says what else is special; a reader does not see it:
  run KEY=VALUE ...        overrides of the commands run and simulate in this block (SMALL holds for all)
  sample KEY=VALUE ...     the same for sample and evaluate
  replace A with B         in the text of this block
  exit CODE                the block ends with this exit code
  skip REASON              not run
Besides, links have to lead somewhere; commands, flags, config keys, files and tests named in `code` have to exist, and
the messages in docs/errors.md have to be the source's, under the exit code that they are thrown with; the exit codes in
docs/exit-codes.md have to be those of include/equibolt/error.h. tests/docs_rules_test.py tests these rules themselves.
"""
import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SMALL = {
    "run": ["simulate.samples=2000", "simulate.burn_in=200", "simulate.pilot=200", "train.steps=60", "train.minutes=0",
            "train.batch=32", "train.log_every=20", "train.checkpoint_every=20", "evaluate.samples=200",
            "evaluate.test_samples=50", "simulate.chains=8", "flow.steps=4", "flow.divergence_nodes=4",
            "finetune.batch=2", "finetune.flow_steps=2", "finetune.validation_batches=1"],
    "sample": ["flow.steps=4", "flow.divergence_nodes=4"],
    "transport": [],
}
ALIKE = {"simulate": "run", "evaluate": "sample"}  # take the overrides of
FILES = {"cpp", "cmake", "toml", "python"}
LANGUAGES = FILES | {"sh", "output", "text"}
SECONDS = 1800  # of a page: against what hangs, not a measure of speed


class Wrong(Exception):
    pass


@dataclasses.dataclass
class Block:
    line: int
    language: str
    text: str
    before: str  # the paragraph
    options: dict


def options_of(comment, where):
    options = {"replace": [], "settings": {}}
    for part in filter(None, (part.strip() for part in comment.split(";"))):
        word, _, rest = part.partition(" ")
        if word == "replace" and " with " in rest:
            options["replace"].append(rest.split(" with ", 1))
        elif word in SMALL:
            options["settings"][word] = rest.split()
        elif word == "exit":
            options["exit"] = int(rest)
        elif word == "skip" and len(rest) > 10:
            options["skip"] = rest
        else:
            raise Wrong(f"{where}: unknown test comment '{part}'")
    return options


def blocks_of(page):
    """The fenced blocks of a page."""
    blocks, paragraph, options, opened = [], [], options_of("", page), None
    for number, line in enumerate(page.read_text().splitlines(), 1):
        where = f"{page.relative_to(ROOT)}:{number}"
        comment = re.fullmatch(r"<!-- test: (.*) -->", line)
        if opened:
            if line == "```":
                opened.text += "\n"
                blocks.append(opened)
                opened, paragraph, options = None, [], options_of("", page)
            else:
                opened.text += ("\n" if opened.text else "") + line
        elif line.startswith("```"):
            opened = Block(number, line[3:], "", " ".join(paragraph), options)
            if opened.language not in LANGUAGES:
                raise Wrong(f"{where}: a block of '{opened.language}', expected one of {sorted(LANGUAGES)}")
        elif comment:
            options = options_of(comment[1], where)
        elif line.startswith("    ") and not paragraph:
            raise Wrong(f"{where}: an indented block, which nothing tests: expected ```")
        elif line:
            paragraph.append(line)
        elif paragraph and paragraph[-1].endswith(":"):
            pass  # the blank line between "…:" and the block
        else:
            paragraph = []
    if opened:
        raise Wrong(f"{page.name}:{opened.line}: the block does not end")
    return blocks


def file_name(block, where):
    names = re.findall(r"`([\w./-]+\.\w+)`", block.before)
    if not block.before.endswith(":") or not names:
        raise Wrong(f"{where}: the paragraph before a {block.language} block names no file `…`: … and ends in a colon")
    return names[-1]


def clone(folder, build):
    """What a clone looks like after quickstart.sh has built; its program is this build's, which is given the overrides."""
    here = folder / "equibolt"
    (here / "build" / "release").mkdir(parents=True)
    (here / "scripts").mkdir()
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    tops = {name.split("/")[0] for name in tracked} or {path.name for path in ROOT.iterdir()}
    for name in tops - {"scripts", "quickstart.sh", "build", ".git"}:
        (here / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "quickstart.sh", here)
    for script in (ROOT / "scripts").iterdir():
        (here / "scripts" / script.name).symlink_to(script)
    for name in ("build.sh", "install-packages.sh"):  # it is built, with what it needs
        (here / "scripts" / name).unlink()
        (here / "scripts" / name).write_text("#!/bin/sh\n")
        (here / "scripts" / name).chmod(0o755)
    release = here / "build" / "release"
    (release / "cmake_install.cmake").symlink_to(build / "cmake_install.cmake")
    program = release / "equibolt"
    program.write_text("#!/bin/bash\n"
                       "settings=\n"
                       "for word in \"$@\"; do case $word in\n"
                       "  run|simulate) settings=$SETTINGS_run; break;; sample|evaluate) settings=$SETTINGS_sample; break;;\n"
                       "  transport) settings=$SETTINGS_transport; break;; --*|text|json) ;; *) break;;\n"
                       "esac; done\n"
                       f"exec {shlex.quote(str(build / 'equibolt'))} \"$@\" $settings\n")
    program.chmod(0o755)
    (folder / "bin").mkdir()
    python = folder / "bin" / "python3"  # the one that has numpy
    python.write_text(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} \"$@\"\n")
    python.chmod(0o755)
    return here


NUMBER = re.compile(r"(?<![\w.])[-−+]?\d+(\.\d+)?(e[-+]?\d+)?(?![\w]|\.\d)")


def pattern_of(line):
    """Of an output line: its spaces may be wider, its larger numbers others, and … is anything."""
    pattern, at = "", 0
    line = " ".join(line.split())
    exit_code = re.compile(r"exit code $")
    for number in NUMBER.finditer(line):
        pattern += re.escape(line[at:number.start()])
        at = number.end()
        if number[1] or number[2]:
            pattern += r"[-−+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
        elif len(number[0].lstrip("-−+")) > 1 and not exit_code.search(line[:number.start()]):
            pattern += r"[-−+]?\d+"
        else:
            pattern += re.escape(number[0]) + r"(?![\w]|\.\d)"
    return (pattern + re.escape(line[at:])).replace("…", ".*")


def check_output(expected, found, where):
    lines = iter([" ".join(line.split()) for line in found.splitlines()])
    for line in filter(str.strip, expected.splitlines()):
        if not any(re.fullmatch(pattern_of(line), candidate) for candidate in lines):
            raise Wrong(f"{where}: the output has no line like '{line}' (after those before it):\n{found}")


def as_if_known(found):
    """A shortened run leaves numbers unknown that the page has: an error bar, a p-value."""
    found = re.sub(r"(?<= )(?:inf|nan)\b", "0.0", found.replace("(no error bar)", "± 0.0"))
    return re.sub(r"^(\w+_p +)-$", r"\g<1>0.0", found, flags=re.MULTILINE)


def script_of(page, blocks, outputs):
    """One shell script of a page's blocks; the output of block k goes to outputs/k."""
    lines = ["set -euo pipefail"]
    for k, block in enumerate(blocks):
        where = f"{page.relative_to(ROOT)}:{block.line}"
        text = block.text
        for old, new in block.options["replace"]:
            if old not in text:
                raise Wrong(f"{where}: '{old}' to be replaced is not there")
            text = text.replace(old, new)
        if "skip" in block.options:
            continue
        lines.append(f"exec >{outputs / str(k)} 2>&1")
        if block.language in FILES:
            name = file_name(block, where)
            later = " ".join(other.text for other in blocks[k + 1:])
            if pathlib.Path(name).name not in later and not (name.endswith("CMakeLists.txt") and "cmake " in later):
                raise Wrong(f"{where}: nothing later on the page uses `{name}`")
            stored = outputs / f"{k}.file"
            stored.write_text(text)
            lines.append(f"mkdir -p {shlex.quote(str(pathlib.Path(name).parent))} && cp {stored} {shlex.quote(name)}")
        elif block.language == "sh":
            for command, settings in SMALL.items():
                words = " ".join("--set " + setting for setting in settings + block.options["settings"].get(command, []))
                lines.append(f"export SETTINGS_{command}={shlex.quote(words)}")
            if "exit" in block.options:
                lines.append(f"set +e\n( set -e\n{text})\nended=$?\nset -e\n[ $ended = {block.options['exit']} ] || "
                             f"{{ echo exit code $ended, expected {block.options['exit']}; exit 99; }}")
            else:
                lines.append(text)
    return "\n".join(lines) + "\n"


def run_page(page, build, show):
    blocks = blocks_of(page)
    commands = [block for block in blocks if block.language == "sh" and "skip" not in block.options]
    files = [block for block in blocks if block.language in FILES]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        outputs = folder / "outputs"
        outputs.mkdir()
        script = folder / "page.sh"
        script.write_text(script_of(page, blocks, outputs))
        if commands or files:
            environment = {**os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8",
                           "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
            done = subprocess.run(["bash", script], cwd=clone(folder, build), env=environment, timeout=SECONDS,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode != 0:
                last = max((int(path.name) for path in outputs.iterdir() if path.name.isdigit()), default=0)
                raise Wrong(f"{page.relative_to(ROOT)}:{blocks[last].line}: exit code {done.returncode}\n"
                            f"{blocks[last].text}{(outputs / str(last)).read_text()}{done.stderr}")
        for k, block in enumerate(blocks):
            if show and block.language == "sh" and (outputs / str(k)).exists():
                print(f"--- {page.name}:{block.line}\n{block.text}--- prints\n{(outputs / str(k)).read_text()}")
            if block.language != "output":
                continue
            where = f"{page.relative_to(ROOT)}:{block.line}"
            if k == 0 or blocks[k - 1].language != "sh":
                raise Wrong(f"{where}: an output block without an sh block before it")
            if "skip" not in blocks[k - 1].options:
                check_output(block.text, as_if_known((outputs / str(k - 1)).read_text()), where)
    skipped = [f"{page.name}:{block.line}: {block.options['skip']}" for block in blocks if "skip" in block.options]
    return len(commands), len(files), skipped, time.monotonic() - begun


def text_without_blocks(page):
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchor_of(heading):
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).strip().replace(" ", "-")


def check_links(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", text_without_blocks(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            raise Wrong(f"{page.relative_to(ROOT)}: the link {target} leads nowhere")
        if anchor and anchor not in map(anchor_of, re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)):
            raise Wrong(f"{page.relative_to(ROOT)}: {target}: {file.name} has no such heading")


KINDS = {"UsageError": 2, "DataError": 3, "IoError": 4, "NumericalError": 5, "Stopped": 75}


def message_of(literals):
    """Of string literals that stand side by side; what is put in is …"""
    text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals))
    return re.sub(r"\{[^{}]*\}", "…", text.replace('\\"', '"').replace("\\n", " "))


class Names:
    """What exists: commands with their flags, config keys, tests, messages."""

    def __init__(self, program):
        def told(*arguments):
            return subprocess.run([program, *arguments], capture_output=True, text=True, check=True).stdout
        flags = re.compile(r"(?<![\w-])--?[a-z][\w-]*")
        listed = told("--help").split("Commands:")[1]
        self.flags = {command: set(flags.findall(told(command, "--help"))) | {"--log-format", "--help"}
                      for command in re.findall(r"^  (\w+)", listed, re.MULTILINE)}
        self.keys = set(re.findall(r"^\| `([\w.]+)`", told("reference", "config"), re.MULTILINE))
        self.sections = {key.split(".")[0] for key in self.keys if "." in key}
        sources = [path.read_text() for folder in ("src", "tests", "include") for path in (ROOT / folder).rglob("*")
                   if path.suffix in (".h", ".cc", ".py")]
        self.tests = {name for text in sources for name in re.findall(r"^\w*TEST\w*\(\w+, (\w+)\)", text, re.MULTILINE)}
        # Literals that stand side by side are one; what is put in is …
        self.messages = [message_of(literals)
                         for text in sources for literals in re.findall(r'(?:"(?:[^"\\\n]|\\.)*"\s*)+', text)]
        self.thrown = {}  # message: exit codes that it is thrown with
        for text in sources:
            for kind, literals in re.findall(r'throw (\w+)\(\s*((?:"(?:[^"\\\n]|\\.)*"\s*)+)', text):
                if kind in KINDS:
                    self.thrown.setdefault(message_of(literals), set()).add(KINDS[kind])


def check_code(page, names):
    """What stands in `code`."""
    for code in re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", text_without_blocks(page)):
        code = " ".join(code.split())
        where = f"{page.relative_to(ROOT)}: `{code}`"
        command = re.match(r"equibolt (?:--log-format \w+ )?([a-z]\w*)(.*)", code)
        if command and command[1] not in names.flags:
            raise Wrong(f"{where}: no such command")
        if command and (unknown := set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", command[2])) - names.flags[command[1]]):
            raise Wrong(f"{where}: no such flag: {unknown}")
        for key in re.findall(r"(?<![\w./-])([a-z]\w*\.[a-z]\w*)(?![\w./*(]|\.\w)", code):
            if key.split(".")[0] in names.sections and key not in names.keys and "/" not in code:
                raise Wrong(f"{where}: no such config key: {key}")
        for path in re.findall(r"(?<![\w./-])((?:src|docs|tests|scripts|experiments|models|examples|presets|cmake|include)/"
                               r"[\w./-]*\w)", code):
            if not (ROOT / path).exists() and "NAME" not in code and "*" not in code:
                raise Wrong(f"{where}: no such file: {path}")
        test = re.fullmatch(r"[A-Z]\w+\.([A-Z]\w+)", code)
        if test and test[1] not in names.tests:
            raise Wrong(f"{where}: no such test")


def check_messages(page, names):
    """The first column of the catalogue, between its backticks, is what the program says, with the section's exit code."""
    section, quoted = None, 0
    for line in page.read_text().splitlines():
        if heading := re.match(r"## Exit code (\d+)", line):
            section = int(heading[1])
        elif line.startswith("#"):
            section = None
        if not (row := re.match(r"\| `([^`]+)` \|", line)):
            continue
        quoted += 1
        message = row[1].strip("… ")
        if not any(message in source for source in names.messages):
            raise Wrong(f"{page.name}: no source says '{row[1]}'")
        codes = set().union(*(codes for source, codes in names.thrown.items() if message in source))
        if section and codes and section not in codes:
            raise Wrong(f"{page.name}: '{row[1]}' stands under exit code {section}, but is thrown with {sorted(codes)}")
    return quoted


def check_exit_codes(page, header):
    """The first column of the table of exit codes is the enumeration in the header."""
    enumeration = re.search(r"enum class ExitCode[^{]*\{(.*?)\};", header, re.DOTALL)[1]
    expected = [int(code) for code in re.findall(r"^\s*\w+ = (\d+)", enumeration, re.MULTILINE)]
    found = [int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)]
    if found != expected:
        raise Wrong(f"exit-codes.md: {found}, but error.h has {expected}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("build", type=pathlib.Path)
    arguments.add_argument("pages", nargs="*", type=pathlib.Path)
    arguments.add_argument("--print", action="store_true", help="what the commands print")
    options = arguments.parse_args()
    build = options.build.resolve()
    pages = [path.resolve() for path in options.pages] or [
        ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    failures = []
    try:
        names = Names(build / "equibolt")
        for page in pages:
            try:
                check_links(page)
                check_code(page, names)
                if page.name == "exit-codes.md":
                    check_exit_codes(page.read_text(), (ROOT / "include" / "equibolt" / "error.h").read_text())
                if page.name == "errors.md":
                    print(f"errors.md: {check_messages(page, names)} messages")
            except Wrong as wrong:
                failures.append(str(wrong))
    except Wrong as wrong:
        failures.append(str(wrong))
    with concurrent.futures.ThreadPoolExecutor(max(1, (os.cpu_count() or 1))) as pool:
        for page, future in [(page, pool.submit(run_page, page, build, options.print)) for page in pages]:
            try:
                commands, files, skipped, seconds = future.result()
                print(f"{page.name}: {commands} blocks of commands, {files} files, {seconds:.0f} s",
                      *[f"not run: {reason}" for reason in skipped], sep="\n  ")
            except (Wrong, subprocess.TimeoutExpired) as wrong:
                failures.append(str(wrong))
    print("\n\n".join(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
