"""Time and memory of a run against the number of sentences and against their length: tables, and the figure `growth.svg`.

    cargo build --release
    python benches/growth.py MODEL_FOLDER TRAIN.conllu [--binary target/release/headlight] [--out benches/growth.svg]

Kind "heads", chosen on the sentences themselves. Pinned: matplotlib==3.11.
"""

import argparse
import os
import statistics
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from side_by_side import headlight

SIZES = [250, 500, 1000, 2000, 4000, 8000, 12544]
# Words of a sentence, from and to; as many sentences of each.
LENGTHS = [(3, 7), (8, 12), (18, 22), (28, 32), (38, 42), (48, 62)]
SENTENCES = 250
RUNS = 3


def sentences(path):
    block = []
    for line in open(path, encoding="utf-8"):
        if line.strip():
            block.append(line)
        elif block:
            yield "".join(block) + "\n"
            block = []


def words(sentence):
    return sum(line.split("\t", 1)[0].isdigit() for line in sentence.splitlines())


def measure(binary, model, treebank, folder):
    runs = [headlight(binary, model, treebank, folder) for _ in range(RUNS)]
    return [statistics.median(run[figure] for run in runs) for figure in ("whole process, s", "memory, MB")]


def draw(by_size, by_length, out):
    figure, axes = plt.subplots(2, 2, figsize=(8, 5.2), constrained_layout=True)
    for column, (rows, label) in enumerate(((by_size, "sentences"), (by_length, f"words of a sentence ({SENTENCES} sentences)"))):
        for row, (place, unit) in enumerate(((1, "seconds, whole process"), (2, "peak memory, MB"))):
            plot = axes[row][column]
            plot.plot([point[0] for point in rows], [point[place] for point in rows], "o-", color="#0072b2")
            plot.set_xlabel(label)
            plot.set_ylabel(unit)
            plot.set_ylim(0, 1.1 * max(point[place] for point in rows))
            plot.set_xlim(left=0)
            plot.spines[["top", "right"]].set_visible(False)
    plt.rcParams["svg.hashsalt"] = "headlight"
    figure.savefig(out, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("treebank")
    parser.add_argument("--binary", default="target/release/headlight")
    parser.add_argument("--out", default=Path(__file__).parent / "growth.svg")
    args = parser.parse_args()
    binary, model = Path(args.binary).resolve(), Path(args.model).resolve()
    everything = list(sentences(args.treebank))

    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        path = folder / "part.conllu"

        def of(part):
            path.write_text("".join(part), encoding="utf-8")
            return measure(binary, model, path, folder)

        print(f"load {os.getloadavg()[0]:.1f}\n\n| sentences | seconds | peak memory, MB | ms a sentence |\n|---:|---:|---:|---:|")
        by_size = []
        for size in SIZES:
            seconds, memory = of(everything[:size])
            by_size.append((size, seconds, memory))
            print(f"| {size:,} | {seconds:.2f} | {memory:.0f} | {1000 * seconds / size:.2f} |", flush=True)
        print(f"\n| words of a sentence | seconds for {SENTENCES} sentences | peak memory, MB | ms a word |\n|---:|---:|---:|---:|")
        by_length = []
        for low, high in LENGTHS:
            part = [sentence for sentence in everything if low <= words(sentence) <= high][:SENTENCES]
            # Longest ones are rare: as many as there are, and the time scaled.
            share = SENTENCES / len(part)
            mean = statistics.mean(map(words, part))
            seconds, memory = of(part)
            by_length.append((mean, seconds * share, memory))
            print(f"| {low}–{high} (mean {mean:.1f}, {len(part)} sentences) | {seconds * share:.2f} | {memory:.0f} | "
                  f"{1000 * seconds / len(part) / mean:.3f} |", flush=True)

    draw(by_size, by_length, args.out)


if __name__ == "__main__":
    main()
