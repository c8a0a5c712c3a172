"""Time and memory of statistics against words: a table, and the figure `docs/images/corpus.svg`.

    python benches/corpus.py TRAIN.conllu FOLDER [--binary target/release/headlight] [--millions 1 3 10 30 100]

Kind "heads" of the tiny random model of the tests (3 layers x 3 heads) on a treebank that is read over and over, so that every word
has a prediction and encoding is the least part; 18 predictors, 2,000 resamples and flips. FOLDER takes 90 bytes a word while a run
lasts. Sentences repeat, so that what is kept to find repeated ones does not grow: `--distinct` numbers the words of each copy. Pinned: matplotlib==3.11.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "crates/headlight-bert/tests/fixtures/tiny-bert"


def words(path):
    return sum(re.match(rb"\d+\t", line) is not None for line in open(path, "rb"))


def copy(source, target, number, distinct):
    with open(source, "rb") as lines, open(target, "wb") as out:
        # Files of the same bytes are refused.
        out.write(b"# copy = %d\n" % number)
        if not distinct:
            shutil.copyfileobj(lines, out)
        for line in lines:
            fields = line.split(b"\t")
            if len(fields) == 10:
                fields[1] += b"%d" % number
                line = b"\t".join(fields)
            elif line.startswith(b"# sent_id = "):
                line = line.rstrip() + b"-%d\n" % number
            out.write(line)


def measure(args, millions, of_source):
    folder = args.folder / "work"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "parts").mkdir(parents=True)
    parts = [folder / f"parts/part{number}.conllu" for number in range(max(1, round(millions * 1e6 / of_source)))]
    for number, part in enumerate(parts):
        copy(args.treebank.resolve(), part, number, args.distinct)
    files = ",\n".join(json.dumps(str(part.resolve())) for part in parts)
    (folder / "it.toml").write_text(
        f'name = "it"\n[model]\npath = {json.dumps(str(MODEL.resolve()))}\n[treebank]\nselect = ["sample:select"]\nevaluate = [{files}]\n'
        '[[experiment]]\nkind = "heads"\nnull_models = 0\npredictions = false\n'
    )
    call = [args.binary, "--quiet", "run", folder / "it.toml", "--out", folder / "runs"]
    subprocess.run(call, check=True, stdout=subprocess.DEVNULL, env=dict(os.environ, XDG_CACHE_HOME=str(folder / "cache")))
    manifest = json.loads((folder / "runs/it/manifest.json").read_text())
    report = json.loads((folder / "runs/it/report.json").read_text())
    split = next(split for split in report["treebank"]["splits"] if split["split"] == "evaluate")
    stages = {}
    for stage in manifest["stages"]:
        stages[stage["name"]] = stages.get(stage["name"], 0) + stage["seconds"]
    row = {
        "words": split["words"],
        "sentences": split["sentences"],
        "statistics": stages["score heads"],
        "encode": stages["encode evaluate"],
        "whole": manifest["seconds"],
        "memory": manifest["peak_memory_bytes"],
        "load": os.getloadavg()[0],
    }
    shutil.rmtree(folder)
    print(
        f"| {row['words'] / 1e6:.2f} | {row['sentences']:,} | {row['statistics']:.1f} | {1e6 * row['statistics'] / row['words']:.2f} | "
        f"{row['encode']:.1f} | {row['whole']:.1f} | {row['memory'] / 1e6:.0f} | {row['load']:.1f} |",
        flush=True,
    )
    return row


def draw(rows, out):
    figure, axes = plt.subplots(1, 2, figsize=(8, 2.9), constrained_layout=True)
    million = [row["words"] / 1e6 for row in rows]
    for axis, values, label in (
        (axes[0], [row["statistics"] for row in rows], "seconds of statistics"),
        (axes[1], [row["memory"] / 1e6 for row in rows], "peak memory of the run, MB"),
    ):
        axis.plot(million, values, "o-", color="#0072b2")
        axis.set_xlabel("million words")
        axis.set_ylabel(label)
        axis.set_ylim(0, 1.1 * max(values))
        axis.set_xlim(left=0)
        axis.spines[["top", "right"]].set_visible(False)
    plt.rcParams["svg.hashsalt"] = "headlight"
    figure.savefig(out, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("treebank", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--binary", default="target/release/headlight")
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 3, 10, 30, 100])
    parser.add_argument("--distinct", action="store_true")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/images/corpus.svg")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    of_source = words(args.treebank)
    print("| million words | sentences | statistics, s | µs a word | encoding, s | whole run, s | peak memory, MB | load |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    rows = [measure(args, millions, of_source) for millions in args.millions]
    draw(rows, args.out)


if __name__ == "__main__":
    main()
