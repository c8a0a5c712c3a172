"""SIGINT, SIGTERM and SIGHUP at random moments of every kind: an end within two seconds that says how to go on, 130, 143 or
129; and the run that goes on equals one that nobody disturbed, pages and explorer included."""

import http.server
import random
import signal
import threading
import time
from pathlib import Path

from kills import HEADS, PROBE, PRUNING, STRUCTURAL
from world import Ended, Tally, World, config, differences, leftovers, results, side_by_side, undisturbed

SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
MOST = 2.0

# What is done for seconds, also by an optimised binary with the tests' tiny model: of so many copies of the treebank.
JOBS = {
    "heads, statistics": (HEADS.replace("resamples = 1000", "resamples = 200000"), 1),
    "probe": (PROBE.replace("epochs = 3", f"epochs = 12\nseeds = {list(range(250))}"), 1),
    "structural": (STRUCTURAL.replace("epochs = 3", f"epochs = 12\nseeds = {list(range(60))}"), 1),
    "clusters, embedding": ("kind = \"clusters\"\nclusters = 3\nstarts = 10000\niterations = 100000", 1),
    "pruning, greedy rounds": (PRUNING.replace("steps = 3", "steps = 8").replace("greedy_steps = 2", "greedy_steps = 8")
                               .replace("sequences = 10", "sequences = 3000"), 25),
    "surface, trees, ensembles": ("kind = \"surface\"\n[[experiment]]\nkind = \"trees\"\nselection = \"same\"\nresamples = 100000\n"
                                  "[[experiment]]\nkind = \"ensembles\"\nselection = \"same\"\nmin_total = 10\nresamples = 100000", 1),
}


def attack(options):
    for name, (experiment, times) in JOBS.items():
        yield of_runs(options, name, experiment, times)
    yield of_downloads(options)


def end(process, sent):
    """Sends a signal; how the process ended, and how long that took."""
    begun = time.monotonic()
    process.send_signal(sent)
    ended = Ended.of(process, 30)
    return ended, time.monotonic() - begun


def judge(ended, took, sent):
    if ended.hung or took > MOST:
        return f"{signal.Signals(sent).name}: ended after {took:.1f} s"
    if ended.code != SIGNALS[sent]:
        return f"{signal.Signals(sent).name}: {ended.last()}"
    if "the same command goes on from there" not in ended.err:
        return f"says nothing of how to go on: {ended.err[-200:]}"
    return None


def of_runs(options, name, experiment, times):
    tally = Tally(f"signals: {name}")
    many = Path(options.scratch) / f"{times}-times.conllu"
    many.write_text(options.treebank.read_text() * times)
    text = config(options, experiment, sentences=options.sentences * times, treebank=many)
    expected, seconds = undisturbed(options, text)
    slowest = [0.0]

    def one(number):
        draw = random.Random(f"{options.seed} {name} {number}")
        sent = list(SIGNALS)[number % 3]
        # One that comes too late is none: the next comes earlier.
        for most in (0.8, 0.4, 0.2, 0.1, 0.0):
            with World(options, "signal") as world:
                world.write("it.toml", text)
                process = world.start("run", "it.toml")
                # Its handlers stand when the first file does.
                while not world.path("runs/it.partial/config.toml").exists() and process.poll() is None:
                    time.sleep(0.002)
                time.sleep(draw.uniform(0, most * seconds))
                if process.poll() is not None:
                    process.communicate()
                    continue
                ended, took = end(process, sent)
                if ended.code != 0:
                    return judged(number, world, sent, ended, took)
        return tally.count("none in time", f"{name} {number}: ended before the signal, five times")

    def judged(number, world, sent, ended, took):
        slowest[0] = max(slowest[0], took)
        failure = judge(ended, took, sent)
        if failure is None:
            resumed = world.run("run", "it.toml", timeout=900)
            if resumed.code != 0:
                failure = resumed.last()
            else:
                differ = differences(results(world.path("runs/it")), expected) + leftovers(world)
                failure = f"differ: {differ}" if differ else None
        return tally.count(signal.Signals(sent).name, failure and f"{name} {number}: {failure}")

    side_by_side(options, one, range(options.signals))
    tally.attack += f" (slowest end {slowest[0]:.2f} s)"
    return tally


class Slow(http.server.BaseHTTPRequestHandler):
    """Sends a file of which there is no end in sight."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(50 << 20))
        self.end_headers()
        try:
            while True:
                self.wfile.write(b" " * 20_000)
                time.sleep(0.1)
        except OSError:
            pass

    def log_message(self, *_):
        pass


def of_downloads(options):
    tally = Tally("signals: a download")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    where = f"http://127.0.0.1:{server.server_port}"
    for number in range(max(3, options.signals // 3)):
        sent = list(SIGNALS)[number % 3]
        with World(options, "download") as world:
            process = world.start("fetch", "somebody/model", env={"HF_ENDPOINT": where})
            time.sleep(0.5 + 0.1 * number)
            failure = judge(*end(process, sent), sent)
            tally.count(signal.Signals(sent).name, failure)
    server.shutdown()
    return tally
