"""A world of its own for a binary: a folder, a cache, and nothing of this machine's settings. What the attacks share."""

import hashlib
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "http://127.0.0.1:9"

# What a page says of when it was made and how long that took.
WHEN = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|(?:in|took)?[ >]*\d+\.\d s\b(?: on \d+ threads?)?|peak memory[^.<|]*")
# The folder of a world, which pages name where they name files: of the one that the run was made in, or another.
SCRATCH = "headlight-faults-"
WORLD = re.compile(rb"/[^\s\"<>]*/" + SCRATCH.encode() + rb"[^/]+/[\w-]+")


class World:
    def __init__(self, options, name):
        self.options = options
        self.folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=options.scratch))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self, more=None):
        kept = {k: v for k, v in os.environ.items() if not re.match("HF_|HEADLIGHT_|PIP_|RUST_|XDG_|HOME$", k)}
        kept.update(HOME=str(self.folder / "home"), XDG_CACHE_HOME=str(self.folder / "cache"), HF_ENDPOINT=NOWHERE,
                    HEADLIGHT_UD_ENDPOINT=NOWHERE, HEADLIGHT_UD_ARCHIVE=NOWHERE, PIP_INDEX_URL=NOWHERE)
        return {**kept, **(more or {})}

    def start(self, *arguments, env=None, limits=None, before=(), **more):
        def limit():
            # Whoever starts this may ignore signals, as `nohup` does; the child is not to inherit that.
            for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(each, signal.SIG_DFL)
            for what, most in (limits or {}).items():
                resource.setrlimit(what, (most, most))
        return subprocess.Popen([*before, self.options.headlight, *map(str, arguments)], cwd=self.folder,
                                env=self.environment(env), preexec_fn=limit, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

    def run(self, *arguments, timeout=120, **more):
        return Ended.of(self.start(*arguments, **more), timeout)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def path(self, name):
        return self.folder / name


class Ended:
    """How a call ended."""

    def __init__(self, code, out, err, seconds, hung=False):
        self.code, self.out, self.err, self.seconds, self.hung = code, out, err, seconds, hung

    @classmethod
    def of(cls, process, timeout):
        begun = time.monotonic()
        try:
            out, err = process.communicate(timeout=timeout)
            hung = False
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            hung = True
        return cls(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"),
                   time.monotonic() - begun, hung)

    def is_orderly(self):
        """No hang, no panic, no abort: a result, or one line that says what is wrong."""
        if self.hung or "panicked" in self.err or self.code not in (0, 1, 2):
            return False
        return self.code == 0 or any(line.startswith("error: ") for line in self.err.splitlines())

    def last(self):
        lines = [line for line in self.err.splitlines() if line.strip()]
        return f"exit {self.code}{', hung' if self.hung else ''}: {lines[-1][:300] if lines else ''}"


def undisturbed(options, text):
    """The results of a run that nobody disturbs, and how long it takes."""
    with World(options, "whole") as world:
        world.write("it.toml", text)
        ended = world.run("run", "it.toml", timeout=900)
        assert ended.code == 0, ended.err
        return results(world.path("runs/it")), ended.seconds


def results(run):
    """Every file of a run but the manifest, by name; pages without when they were made, and where in the world."""
    found = {}
    for path in sorted(run.rglob("*")):
        name = str(path.relative_to(run))
        if path.is_file() and name not in ("manifest.json", "config.toml"):
            content = path.read_bytes()
            found[name] = WORLD.sub(b"", WHEN.sub(b"", content)) if name.startswith("report.") else content
    return found


def differences(found, expected):
    return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))


def leftovers(world):
    """What no finished run has a use for."""
    runs = world.path("runs")
    found = [str(path.relative_to(world.folder)) for path in runs.iterdir() if path.name.startswith(".")
             or path.name.endswith(".partial")] if runs.is_dir() else []
    for path in world.folder.rglob("*"):
        name = path.name
        if name.endswith((".writing", ".part")) or re.search(r"\.\d+\.partial$", name) or name == "lock":
            found.append(str(path.relative_to(world.folder)))
    return found


class Tally:
    """What was tried of an attack, and what did not hold."""

    def __init__(self, attack):
        self.attack, self.tried, self.kinds, self.failed = attack, 0, {}, []
        self.turn = threading.Lock()

    def count(self, kind, failure=None):
        with self.turn:
            self.tried += 1
            self.kinds[kind] = self.kinds.get(kind, 0) + 1
            if failure:
                self.failed.append(failure)

    def line(self):
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.kinds.items()))
        return f"| {self.attack} | {self.tried} | {self.tried - len(self.failed)} | {len(self.failed)} | {kinds} |"


def side_by_side(options, work, items):
    """Does work for each item; the number of processes at a time is an option."""
    with ThreadPoolExecutor(options.jobs) as pool:
        for done in pool.map(work, items):
            if isinstance(done, Exception):
                raise done


def snapshot(source, place):
    """Copies a folder; files are linked, since attacks replace them and never write into them."""
    shutil.copytree(source, place, copy_function=os.link, symlinks=True)


def replace(path, content):
    """Gives a file another content without touching what links share."""
    beside = path.with_name(path.name + ".attack")
    beside.write_bytes(content)
    os.replace(beside, path)


def changes(options, content, seed, bytes_wanted, cuts_wanted):
    """Single-byte changes and truncations of a file, spread over it and over its edges: (what, content)."""
    draw = random.Random(f"{options.seed} {seed}")
    size = len(content)
    made = []
    for number in range(bytes_wanted):
        # A third in the first and last kilobyte, where headers and footers lie.
        at = draw.choice([draw.randrange(min(size, 1024)), size - 1 - draw.randrange(min(size, 1024))]) \
            if number % 3 == 0 else draw.randrange(size)
        to = draw.choice([content[at] ^ (1 << draw.randrange(8)), draw.randrange(256), 0, 255])
        to = to if to != content[at] else content[at] ^ 0x80
        made.append((f"byte {at} = {to}", content[:at] + bytes([to]) + content[at + 1:]))
    for number in range(cuts_wanted):
        at = draw.randrange(size) if number else 0
        made.append((f"cut at {at}", content[:at]))
    return made


def config(options, experiment, keys="", treebank=None, train=None, sentences=0, model=None):
    treebank = treebank or options.treebank
    return (f"threads = {options.threads}\n[model]\npath = {json.dumps(str(model or options.model))}\n[treebank]\n"
            f"name = \"faults\"\nmax_sentences = {sentences}\ntrain = [{json.dumps(str(train or treebank))}]\n"
            f"evaluate = [{json.dumps(str(treebank))}]\n{keys}\n[[experiment]]\n{experiment}\n")


def hashed(content):
    return hashlib.sha256(content).hexdigest()[:12]
