#!/usr/bin/env python3
"""Attacks on a headlight binary, from outside: kills, signals, damaged files, hostile surroundings.

    python3 tests/faults/run.py                                   # a few of each, on the tests' tiny model
    python3 tests/faults/run.py --whole --model DIR --treebank FILE.conllu

Prints a line for each attack, what did not hold behind it, and ends with 1 where anything did not. Needs nothing but Python;
as root on Linux it also mounts disks that are full (in a mount namespace of its own).
"""

import argparse
import itertools
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path

import corruption
import kills
import signals
import surroundings
from world import ROOT, SCRATCH

ATTACKS = {"kills": kills, "signals": signals, "corruption": corruption, "surroundings": surroundings}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tiny = ROOT / "crates/headlight-bert/tests/fixtures/tiny-bert"
    parser.add_argument("--headlight", default=ROOT / "target/debug/headlight", type=Path)
    parser.add_argument("--model", default=tiny, type=Path, help="of kills, signals and surroundings")
    parser.add_argument("--small-model", default=tiny, type=Path, help="whose files are damaged, and runs are of hundreds")
    parser.add_argument("--treebank", default=ROOT / "data/sample/en_sample-evaluate.conllu", type=Path)
    parser.add_argument("--sentences", default=0, type=int, help="of the treebank; 0: all")
    parser.add_argument("--only", nargs="+", choices=ATTACKS, default=list(ATTACKS))
    parser.add_argument("--parts", nargs="+", help="of corruption: probes, tables, cache, checkpoints, interrupted; "
                        "of surroundings: full_disk, no_permission, little, vanishing, no_places, clock, two_at_once")
    parser.add_argument("--whole", action="store_true", help="as many of each as docs/reliability.md reports")
    parser.add_argument("--kills", type=int)
    parser.add_argument("--signals", type=int)
    parser.add_argument("--bytes", type=int)
    parser.add_argument("--cuts", type=int)
    parser.add_argument("--surroundings", type=int)
    parser.add_argument("--jobs", default=1, type=int, help="processes at a time")
    parser.add_argument("--threads", default=1, type=int)
    parser.add_argument("--seed", default=1, type=int)
    options = parser.parse_args()
    amounts = {"kills": (50, 3), "signals": (21, 3), "bytes": (1000, 12), "cuts": (100, 4), "surroundings": (20, 4)}
    for name, (whole, few) in amounts.items():
        if getattr(options, name) is None:
            setattr(options, name, whole if options.whole else few)
    for name in ("headlight", "model", "small_model", "treebank"):
        setattr(options, name, getattr(options, name).resolve(strict=True))
    return options


def main():
    options = arguments()
    options.scratch = tempfile.mkdtemp(prefix=SCRATCH)
    failed, begun = [], time.monotonic()
    print(f"{platform.machine()}, {platform.system()} {platform.release()}, seed {options.seed}, model {options.model.name}")
    print("| attack | tried | held | failed | of them |\n|---|---:|---:|---:|---|", flush=True)
    try:
        for tally in itertools.chain.from_iterable(ATTACKS[name].attack(options) for name in options.only):
            print(tally.line(), flush=True)
            for failure in tally.failed[:40]:
                print(f"  FAILED {failure}", flush=True)
            failed += tally.failed
    finally:
        shutil.rmtree(options.scratch, ignore_errors=True)
    print(f"{len(failed)} failures in {time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
