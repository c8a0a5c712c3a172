"""Encoding on many machines, simulated from measured times: how long until all shards are done, with stragglers and failures,
and where the time goes.

    python benches/scale.py measure HEADLIGHT CONFIG --shards 32 --out times.json    # seconds of each shard, one after the other
    python benches/scale.py simulate benches/scale.json [--of wall] [--words 1e9] [--cost 300] [--machines 100] [--shards 100 400 1600]

`measure` calls `headlight encode CONFIG --shard k/n` in an empty cache for each k. `simulate` draws each shard's time as its words
times the cost of a word times a measured ratio to the mean; machines fail at a constant rate, what a shard had encoded is kept, and it goes on
where it stopped (column lost: or it begins anew). Standard library only; the same seed gives the same table. `scale.json` has the times
that docs/scale.md rests on: 32 parts of as many sentences of UD English EWT's train, MiniLM-L6, kind "surface", by `headlight run`.
"""

import argparse
import heapq
import json
import os
import random
import resource
import statistics
import subprocess
import tempfile
import time

DRAWS = 200


def measure(args):
    user, wall = [], []
    for number in range(1, args.shards + 1):
        with tempfile.TemporaryDirectory() as cache:
            call = [args.headlight, "--quiet", "encode", args.config, "--shard", f"{number}/{args.shards}", *args.arguments]
            start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            subprocess.run(call, check=True, env=dict(os.environ, XDG_CACHE_HOME=cache))
            wall.append(time.perf_counter() - start)
            user.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
    load = os.getloadavg()[0]
    json.dump({"user": user, "wall": wall, "load": load, "date": time.strftime("%Y-%m-%d")}, open(args.out, "w"))
    for name, seconds in (("user", user), ("wall", wall)):
        print(f"{name}: {len(seconds)} shards, mean {statistics.mean(seconds):.2f} s, sd {statistics.stdev(seconds):.2f} s, load {load:.1f}")


def makespan(draw, ratios, machines, shards, work, start, rate, lost):
    """Hours until the last shard is done; every machine takes the next shard when it is free. `work`: hours of a shard, `start`:
    hours before it encodes, `rate`: failures an hour and machine."""
    free = [0.0] * machines
    heapq.heapify(free)
    ends, failures, redone = [], 0, 0.0
    for _ in range(shards):
        at, left = heapq.heappop(free), work * draw.choice(ratios)
        while True:
            fails = draw.expovariate(rate) if rate else float("inf")
            if fails >= start + left:
                at += start + left
                break
            failures += 1
            done = max(0.0, fails - start)
            redone += done if lost else 0.0
            left -= 0.0 if lost else done
            at += fails
        ends.append(at)
        heapq.heappush(free, at)
    ends.sort()
    return ends[-1], ends[int(0.95 * len(ends)) - 1], failures, redone


def simulate(args):
    measured = json.load(open(args.times))[args.of]
    ratios = [second / statistics.mean(measured) for second in measured]
    total = args.words / 1e6 * args.cost / 3600
    print(f"{args.words:.3g} words at {args.cost:g} s per million words: {total:.1f} hours on one machine; {args.machines} machines: "
          f"{60 * total / args.machines:.1f} min at the best; times of shards vary by {100 * statistics.pstdev(ratios):.0f} % (sd), "
          f"the slowest takes {max(ratios):.2f} of the mean")
    print("shards | failures/machine-h | lost | median min | 95 % min | over the best | last 5 % of shards, share of the time | failures")
    for rate in args.rates:
        for shards in args.shards:
            for lost in ([False] if rate == 0 else [False, True]):
                draw = random.Random(1)
                runs = [makespan(draw, ratios, args.machines, shards, total / shards, args.start / 3600, rate, lost) for _ in range(DRAWS)]
                spans = sorted(run[0] for run in runs)
                median, late = statistics.median(spans), spans[int(0.95 * DRAWS)]
                tail = statistics.mean((run[0] - run[1]) / run[0] for run in runs)
                failures = statistics.mean(run[2] for run in runs)
                print(f"{shards} | {rate:g} | {'yes' if lost else 'no'} | {60 * median:.1f} | {60 * late:.1f} | "
                      f"{median / (total / args.machines):.2f} | {tail:.2f} | {failures:.1f}")


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    measuring = commands.add_parser("measure")
    measuring.add_argument("headlight")
    measuring.add_argument("config")
    measuring.add_argument("--shards", type=int, default=24)
    measuring.add_argument("--out", default="times.json")
    measuring.add_argument("arguments", nargs="*", help="more arguments of headlight encode")
    measuring.set_defaults(call=measure)
    simulating = commands.add_parser("simulate")
    simulating.add_argument("times")
    simulating.add_argument("--of", choices=["user", "wall"], default="user", help="times of an undisturbed machine, or of a shared one")
    simulating.add_argument("--words", type=float, default=1e9)
    simulating.add_argument("--cost", type=float, default=300.0, help="seconds of one machine per million words")
    simulating.add_argument("--machines", type=int, default=100)
    simulating.add_argument("--shards", type=int, nargs="+", default=[100, 400, 1600])
    simulating.add_argument("--start", type=float, default=5.0, help="seconds before a shard encodes: the model, the files before its part")
    simulating.add_argument("--rates", type=float, nargs="+", default=[0, 2e-5, 0.05], help="failures per machine and hour")
    simulating.set_defaults(call=simulate)
    args = parser.parse_args()
    args.call(args)


if __name__ == "__main__":
    main()
