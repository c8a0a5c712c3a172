"""SIGINT, SIGTERM and SIGHUP at random moments of every kind: an end within two seconds that says how to go on, 130, 143 or
129; and the run that goes on equals one that nobody disturbed, pages and explorer included."""

import http.server
import random
import signal
import threading
import time

from kills import HEADS, PROBE, PRUNING, STRUCTURAL
from world import Ended, Tally, World, config, differences, leftovers, results, side_by_side, undisturbed

SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
MOST = 2.0
JOBS = {
    "heads, many resamples": HEADS.replace("resamples = 1000", "resamples = 20000"),
    "probe": PROBE.replace("epochs = 3", "epochs = 12"),
    "structural": STRUCTURAL.replace("epochs = 3", "epochs = 12"),
    "clusters": "kind = \"clusters\"\nclusters = 3\nstarts = 40\niterations = 100000",
    "pruning, greedy rounds": PRUNING.replace("greedy_steps = 2", "greedy_steps = 3"),
    "surface, trees, ensembles": "kind = \"surface\"\n[[experiment]]\nkind = \"trees\"\nselection = \"same\"\nresamples = 5000\n"
                                 "[[experiment]]\nkind = \"ensembles\"\nselection = \"same\"\nmin_total = 10\nresamples = 5000",
}


def attack(options):
    for name, experiment in JOBS.items():
        yield of_runs(options, name, experiment)
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


def of_runs(options, name, experiment):
    tally = Tally(f"signals: {name}")
    text = config(options, experiment, sentences=options.sentences)
    expected, seconds = undisturbed(options, text)
    slowest = [0.0]

    def one(number):
        draw = random.Random(f"{options.seed} {name} {number}")
        sent = list(SIGNALS)[number % 3]
        with World(options, "signal") as world:
            world.write("it.toml", text)
            process = world.start("run", "it.toml")
            # Its handlers stand when the first file does.
            while not world.path("runs/it.partial/config.toml").exists() and process.poll() is None:
                time.sleep(0.002)
            time.sleep(draw.uniform(0, 0.8 * seconds))
            if process.poll() is not None:
                process.communicate()
                return tally.count("ended before")
            ended, took = end(process, sent)
            if ended.code == 0:
                return tally.count("ended before")
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
