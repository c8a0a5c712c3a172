"""Every kind of experiment beside a script in Python that computes the same (`peers/kinds.py`, `heads.py`, `blimp.py`), as whole
processes, in turn, on one thread each. And whether both come to the same numbers.

    cargo build --release
    python benches/kinds.py MINILM DEV.conllu TRAIN.conllu [--masked MODEL] [--pairs BLIMP.tsv.gz] [--coreference GUM.conllu]
        [--binary target/release/headlight] [--kinds trees importance …] [--runs 3] [--threads 1]

MODEL is a folder with a masked-language-model head (importance, pruning, pairs; without it they are left out, and pairs
without BLiMP's file), GUM a treebank with entities (`Entity=` in MISC; without it coreference is left out). Where a script would
run for minutes, both take the first sentences alone; how many is printed. Trained probes begin and go elsewhere in either, so their
scores are compared, not their weights.

Prints wall seconds and seconds of the processor, of the script also without what importing PyTorch and transformers takes: on a
machine that does other work too, the second are the ones to compare.
What the definition leaves open is set to what the script does: no null models, every piece hidden that can be
(`hidden = 1`), since what is drawn is not the same in two programs.

Pinned: torch==2.15.0 (CPU), transformers==5.24.0, numpy==2.4.6, scipy==1.17.1.
"""

import argparse
import csv
import gzip
import json
import os
import re
import statistics
import sys
import tempfile
from pathlib import Path

from side_by_side import measured

HERE = Path(__file__).parent

# Of each kind: keys, sentences of which both take the first (0: all).
KINDS = {
    "heads": ('selection = "same"\nnull_models = 0', 0),
    "surface": ("", 0),
    "clusters": ("", 500),
    "trees": ('selection = "same"', 300),
    "coreference": ('selection = "same"', 0),
    "ensembles": ('selection = "same"\nrelations = []', 0),
    "probe": ('probes = ["attention"]\nregime = "clark2019"', 0),
    "structural": ('find = ["distance"]\nlayers = [4]\nepochs = 5', 0),
    "importance": ("hidden = 1.0", 500),
    "pruning": ('measure = "masked-lm"\norders = ["random"]\ndraws = 1\nsteps = 1\nhidden = 1.0\nsequences = 1000', 200),
    "pairs": ("", 0),
}
# What of coreference no model has a say in.
RULES = ("total", "nearest", "head_match", "sieves")
MASKED = ("importance", "pruning", "pairs")
TRAINED = ("probe", "structural")
# Every so many of BLiMP's pairs.
EVERY = 67
# What each script imports before it begins.
IMPORTS = "import torch; from transformers import AutoTokenizer, BertForMaskedLM, BertModel"

CONFIG = """
name = "bench"
threads = {threads}
[model]
path = "{model}"
[treebank]
name = "bench"
{splits}
max_sentences = {sentences}
[[experiment]]
kind = "{kind}"
{keys}
"""


def timed(command, threads):
    """What a command with an empty cache printed, wall seconds, seconds of the processor."""
    output, wall, usage = measured(list(map(str, command)), OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
    return output, wall, usage.ru_utime + usage.ru_stime


class Job:
    """One kind on one model and one text, by both programs."""

    def __init__(self, kind, args, folder):
        self.kind, self.folder, self.threads = kind, folder, args.threads
        self.model = args.masked if kind in MASKED else args.model
        self.evaluated, self.train, self.binary = args.evaluated, args.train, args.binary
        keys, self.sentences = KINDS[kind]
        if kind != "heads" and args.sentences:
            self.sentences = min(self.sentences or args.sentences, args.sentences)
        if kind == "coreference":
            self.evaluated = args.coreference
        splits = f'evaluate = ["{self.evaluated}"]'
        if kind in TRAINED:
            splits += f'\ntrain = ["{args.train}"]'
        if kind == "pairs":
            self.pairs = folder / "pairs.tsv.gz"
            some_pairs(args.pairs, self.pairs)
            keys, splits = f'files = ["{self.pairs}"]', ""
        self.config = folder / "bench.toml"
        self.config.write_text(CONFIG.format(threads=args.threads, model=self.model, splits=splits,
                                             sentences=self.sentences, kind=kind, keys=keys))

    def ours(self):
        _, wall, processor = timed([self.binary, "-q", "run", self.config, "--out", self.folder, "--force"], self.threads)
        return wall, processor

    def stages(self):
        stages = json.loads((self.folder / "bench" / "manifest.json").read_text())["stages"]
        return ", ".join(f"{stage['name']} {stage['seconds']:.2f}" for stage in stages if stage["seconds"] >= 0.005)

    def theirs(self):
        output = self.folder / "peer"
        if self.kind == "heads":
            command = ["heads.py", self.model, self.evaluated, output]
        elif self.kind == "pairs":
            # Its last argument has it compare; the time of that is none to speak of.
            command = ["blimp.py", self.model, self.pairs, output, 1, self.folder / "bench"]
        else:
            command = ["kinds.py", self.kind, self.model, self.evaluated, self.train, self.sentences, output]
        self.said, wall, processor = timed([sys.executable, HERE / "peers" / command[0], *command[1:]], self.threads)
        return wall, processor

    def table(self, name):
        with open(self.folder / "bench" / f"{name}.csv", newline="") as lines:
            return list(csv.DictReader(lines))

    def agreement(self):
        """What both say, how far they are apart, and whether that is as near as it has to be."""
        if self.kind == "pairs":
            apart = float(re.search(r"largest difference (\S+)", self.said)[1])
            decided = int(re.search(r"(\d+) pairs decided otherwise", self.said)[1])
            count = int(re.search(r"(\d+) pairs of both", self.said)[1])
            return f"scores of {count} pairs within {apart:.1e} nats, {decided} decided otherwise", apart < 1e-2
        theirs = json.loads((self.folder / "peer").read_text())
        ours = OURS[self.kind](self)
        if self.kind == "heads":
            theirs = {
                f"{relation} {direction}": {str(head): counts for head, counts in enumerate(of_direction)}
                for relation, both in theirs.items()
                for direction, of_direction in zip(("dep_to_gov", "gov_to_dep"), both)
            }
        missing = [(name, key) for name, numbers in theirs.items() for key in numbers if key not in ours.get(name, {})]
        if missing:
            return f"{len(missing)} numbers are missing, the first {missing[0]}", False
        if self.kind == "coreference" and (name := next((name for name in RULES if ours[name] != theirs[name]), None)):
            return f"{name} is {ours[name]} and {theirs[name]}, where nothing is rounded", False
        both = [(ours[name][key], value) for name, numbers in theirs.items() for key, value in numbers.items()]
        if self.kind in TRAINED:
            (found, value), = both
            return f"{found:.1f} and {value:.1f} per cent", abs(found - value) < 2
        if self.kind in ("heads", "trees", "ensembles", "coreference"):
            apart, of = sum(abs(a - b) for a, b in both), sum(b for _, b in both)
            return f"{len(both)} counts, {apart:.0f} of {of:.0f} counted otherwise", apart <= 1e-3 * of
        apart = max(abs(a - b) / max(abs(b), 1e-3) for a, b in both)
        return f"{len(both)} numbers within {apart:.1e} of each other, relatively (of less than 0.001: of that)", apart < 1e-2


def by_head(row):
    return f"{row['layer_index']} {row['head_index']}"


def collect(rows, name, key, value):
    found = {}
    for row in rows:
        found.setdefault(name(row), {})[key(row)] = float(row[value])
    return found


def of_heads(job):
    heads = max(int(row["head_index"]) for row in job.table("head_scores")) + 1
    number = lambda row: str(int(row["layer_index"]) * heads + int(row["head_index"]))
    return collect(job.table("head_scores"), lambda row: f"{row['relation']} {row['direction']}", number, "correct")


def of_clusters(job):
    rows = job.table("head_distances")
    heads = max(int(row["head_b_index"]) for row in rows) + 1
    number = lambda row, side: int(row[f"layer_{side}_index"]) * heads + int(row[f"head_{side}_index"])
    return collect(rows, lambda _: "js_sum", lambda row: f"{number(row, 'a')} {number(row, 'b')}", "js_sum")


def of_coreference(job):
    rows = job.table("coreference")
    rules = collect(rows, lambda row: row["predictor"], lambda row: row["mention_type"], "correct")
    total = collect(rows, lambda _: "total", lambda row: row["mention_type"], "total")
    heads = collect(job.table("coreference_heads"), lambda row: f"{row['mention_type']} {row['direction']}", by_head, "correct")
    return {**rules, **total, **heads}


def of_probe(job, measure):
    rows = [row for row in job.table("probe_scores") if row["measure"] == measure and row["decoding"] in ("", "argmax")
            and row["probe"] in ("attention", "structural_distance") and row["group"] in ("", "layer")]
    return {"per cent": {measure: 100 * float(rows[0]["value"])}}


def of_pruning(job):
    rows = job.table("ablation")
    return {**collect(rows, lambda _: "value", by_head, "value"), "intact": {"all": float(rows[0]["intact"])}}


OURS = {
    "heads": of_heads,
    "surface": lambda job: collect(job.table("surface"), lambda row: row["measure"], by_head, "value"),
    "clusters": of_clusters,
    "trees": lambda job: collect([row for row in job.table("head_trees") if row["predictor"] == "each_head"],
                                 lambda row: row["tree"], by_head, "correct"),
    "coreference": of_coreference,
    "ensembles": lambda job: collect(job.table("ensembles"), lambda _: "selected_correct",
                                     lambda row: f"{row['relation']} {row['direction']}", "selected_correct"),
    "probe": lambda job: of_probe(job, "uas"),
    "structural": lambda job: of_probe(job, "uuas"),
    "importance": lambda job: collect(job.table("importance"), lambda row: row["measure"], by_head, "value"),
    "pruning": of_pruning,
}


def some_pairs(path, to):
    with gzip.open(path, "rt", encoding="utf-8") as lines, gzip.open(to, "wt", encoding="utf-8") as out:
        out.writelines(line for number, line in enumerate(lines) if number == 0 or number % EVERY == 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("evaluated")
    parser.add_argument("train")
    parser.add_argument("--masked")
    parser.add_argument("--pairs")
    parser.add_argument("--coreference")
    parser.add_argument("--binary", default="target/release/headlight")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sentences", type=int, default=0, help="fewer than each kind takes")
    args = parser.parse_args()
    for name in ("model", "evaluated", "train", "masked", "pairs", "coreference", "binary"):
        if path := getattr(args, name):
            setattr(args, name, Path(path).resolve())
    agree = True
    for kind in args.kinds:
        if kind in MASKED and not args.masked or kind == "pairs" and not args.pairs:
            print(f"{kind}: left out, for it needs --masked" + (" and --pairs" if kind == "pairs" else ""))
            continue
        if kind == "coreference" and not args.coreference:
            print("coreference: left out, for it needs --coreference")
            continue
        with tempfile.TemporaryDirectory() as folder:
            job = Job(kind, args, Path(folder))
            both = [(job.ours(), job.theirs()) for _ in range(args.runs)]
            imported = timed([sys.executable, "-c", IMPORTS], args.threads)[1:]
            said, near = job.agreement()
            agree &= near
            of = f"first {job.sentences} sentences" if job.sentences else "all"
            print(f"\n{kind} ({of}), {args.runs} runs of each in turn, threads {args.threads}, load {os.getloadavg()[0]:.1f}")
            for place, what in enumerate(("wall, s", "processor, s")):
                ours, theirs = ([run[place] for run in side] for side in zip(*both))
                whole = [b / a for a, b in zip(ours, theirs)]
                without = [(b - imported[place]) / a for a, b in zip(ours, theirs)]
                print(f"  {what:13} headlight {statistics.median(ours):7.2f}  script {statistics.median(theirs):7.2f}"
                      f"  1 : {statistics.median(whole):.1f} ({min(whole):.1f} to {max(whole):.1f})"
                      f"; without its imports {statistics.median(theirs) - imported[place]:7.2f}"
                      f"  1 : {statistics.median(without):.1f}")
            print(f"  stages        {job.stages()}")
            print(f"  agreement     {said}: {'as near as rounding goes' if near else 'NOT THE SAME'}", flush=True)
    sys.exit(0 if agree else 1)


if __name__ == "__main__":
    main()
