"""Time and memory of a run against the number of sentences, against their length, with null models, and with models of other
families: tables, and a figure.

    cargo build --release
    python benches/growth.py MODEL_FOLDER TRAIN.conllu [--measure sentences lengths null-models families]
        [--binary target/release/headlight] [--runs 3] [--most 0] [--out benches/growth.svg]

Kind "heads", chosen on the sentences themselves, without null models where nothing else is said. Each run begins with an empty
cache; medians. The other families are of MiniLM-L6's shape (6 layers of 12 heads, 384 units), with random weights and the model's
own tokenizer: what differs is the architecture. `--most` leaves out sizes with more sentences.

Pinned: matplotlib==3.11; for families torch==2.15.0 (CPU), transformers==5.24.0.
"""

import argparse
import multiprocessing
import os
import shutil
import statistics
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from side_by_side import headlight

SIZES = [250, 500, 1000, 2000, 4000, 8000, 12544]
# Of what is compared at every size.
SHORTER = [250, 1000, 2000]
# Words of a sentence, from and to; as many sentences of each.
LENGTHS = [(3, 7), (8, 12), (18, 22), (28, 32), (38, 42), (48, 62)]
SENTENCES = 250
NULL_MODELS = [0, 1, 3]
FAMILIES = ["GPT-2", "ModernBERT", "DeBERTa-v3"]
# Apart for eyes that see fewer colours, and by marks.
LINES = [("#0072b2", "o"), ("#d55e00", "s"), ("#009e73", "^"), ("#cc79a7", "D")]


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


def make(family, model, folder):
    """A checkpoint of a family with random weights."""
    import torch
    import transformers as t

    t.utils.logging.disable_progress_bar()
    torch.manual_seed(1)
    tokenizer = t.AutoTokenizer.from_pretrained(model)
    shape = {"vocab_size": len(tokenizer), "hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12}
    special = {"pad_token_id": tokenizer.pad_token_id, "bos_token_id": tokenizer.cls_token_id,
               "eos_token_id": tokenizer.sep_token_id}
    made = {
        "GPT-2": lambda: t.GPT2Model(t.GPT2Config(**shape, **special)),
        "ModernBERT": lambda: t.ModernBertModel(t.ModernBertConfig(
            **shape, **special, intermediate_size=576, cls_token_id=tokenizer.cls_token_id, sep_token_id=tokenizer.sep_token_id)),
        "DeBERTa-v3": lambda: t.DebertaV2Model(t.DebertaV2Config(
            **shape, intermediate_size=1536, relative_attention=True, position_buckets=256, norm_rel_ebd="layer_norm",
            share_att_key=True, pos_att_type="p2c|c2p", position_biased_input=False)),
    }
    made[family]().save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        if (model / file).exists():
            shutil.copy(model / file, folder)


class Bench:
    """What is measured with, and where."""

    def __init__(self, args, folder):
        self.binary, self.model = Path(args.binary).resolve(), Path(args.model).resolve()
        self.runs, self.most, self.folder = args.runs, args.most, folder
        self.everything = list(sentences(args.treebank))

    def measure(self, part, model=None, null_models=0):
        """Seconds and MB of a run on some sentences."""
        path = self.folder / "part.conllu"
        path.write_text("".join(part), encoding="utf-8")
        runs = [headlight(self.binary, model or self.model, path, self.folder, null_models) for _ in range(self.runs)]
        return [statistics.median(run[figure] for run in runs) for figure in ("whole process, s", "memory, MB")]

    def by_size(self, sizes, **what):
        """(sentences, seconds, MB) of the first so many, as they are measured."""
        for size in (size for size in sizes if size <= (self.most or size)):
            yield size, *self.measure(self.everything[:size], **what)


def of_sentences(bench):
    print("| sentences | seconds | peak memory, MB | ms a sentence |\n|---:|---:|---:|---:|")
    points = []
    for size, seconds, memory in bench.by_size(SIZES):
        points.append((size, seconds, memory))
        print(f"| {size:,} | {seconds:.2f} | {memory:.0f} | {1000 * seconds / size:.2f} |", flush=True)
    return "sentences", {"": points}


def of_lengths(bench):
    print(f"| words of a sentence | seconds for {SENTENCES} sentences | peak memory, MB | ms a word |\n|---:|---:|---:|---:|")
    points = []
    for low, high in LENGTHS:
        part = [sentence for sentence in bench.everything if low <= words(sentence) <= high][:SENTENCES]
        # Longest ones are rare: as many as there are, and the time scaled.
        share = SENTENCES / len(part)
        mean = statistics.mean(map(words, part))
        seconds, memory = bench.measure(part)
        points.append((mean, seconds * share, memory))
        print(f"| {low}–{high} (mean {mean:.1f}, {len(part)} sentences) | {seconds * share:.2f} | {memory:.0f} | "
              f"{1000 * seconds / len(part) / mean:.3f} |", flush=True)
    return f"words of a sentence ({SENTENCES} sentences)", {"": points}


def of_series(bench, label, series):
    """The table and the panel of several ways to run: names, and what each is measured with. Each is held to the first, which is
    its neighbour in time: the machine is not the same an hour later."""
    first, *others = series
    print(f"| sentences | {first}, s | MB |" + "".join(f" {name}, s | MB | times |" for name in others))
    print("|---:|---:|---:|" + "---:|---:|---:|" * len(others))
    points = {name: [] for name in series}
    for rows in zip(*(bench.by_size(SHORTER, **what) for what in series.values())):
        for name, row in zip(series, rows):
            points[name].append(row)
        (size, of_first, memory), *rest = rows
        print(f"| {size:,} | {of_first:.2f} | {memory:.0f} |"
              + "".join(f" {seconds:.2f} | {memory:.0f} | {seconds / of_first:.2f} |" for _, seconds, memory in rest), flush=True)
    return f"sentences, {label}", points


def of_null_models(bench):
    names = {0: "no null model", 1: "1 null model"}
    return of_series(bench, "null models",
                     {names.get(count, f"{count} null models"): {"null_models": count} for count in NULL_MODELS})


def of_families(bench):
    series = {"the model": {}}
    for family in FAMILIES:
        series[family] = {"model": bench.folder / family}
        # In a process of its own: the peak memory of what a large process starts begins with its own.
        making = multiprocessing.get_context("spawn").Process(target=make, args=(family, bench.model, series[family]["model"]))
        making.start()
        making.join()
        if making.exitcode:
            raise SystemExit(f"no checkpoint of {family} was made")
    return of_series(bench, "families", series)


MEASURES = {"sentences": of_sentences, "lengths": of_lengths, "null-models": of_null_models, "families": of_families}


def draw(panels, out):
    """Each panel seconds above memory, two panels beside each other."""
    deep = (len(panels) + 1) // 2
    figure, axes = plt.subplots(2 * deep, min(2, len(panels)), figsize=(4 * min(2, len(panels)), 5.2 * deep), squeeze=False,
                                constrained_layout=True)
    for number, (label, lines) in enumerate(panels):
        for row, (place, unit) in enumerate(((1, "seconds, whole process"), (2, "peak memory, MB"))):
            plot = axes[2 * (number // 2) + row][number % 2]
            for (name, points), (colour, mark) in zip(lines.items(), LINES):
                plot.plot([point[0] for point in points], [point[place] for point in points], "-", marker=mark, color=colour,
                          markersize=5, label=name)
            plot.set_xlabel(label)
            plot.set_ylabel(unit)
            plot.set_ylim(0, 1.1 * max(point[place] for points in lines.values() for point in points))
            plot.set_xlim(left=0)
            plot.xaxis.set_major_locator(MaxNLocator(6))
            plot.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            plot.spines[["top", "right"]].set_visible(False)
            # Below what memory begins with there is room.
            if unit == "peak memory, MB" and len(lines) > 1:
                plot.legend(frameon=False, loc="lower left")
    if len(panels) > 1 and len(panels) % 2:
        axes[-2][1].set_visible(False)
        axes[-1][1].set_visible(False)
    figure.align_ylabels()
    figure.get_layout_engine().set(wspace=0.06, hspace=0.04)
    plt.rcParams["svg.hashsalt"] = "headlight"
    figure.savefig(out, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("treebank")
    parser.add_argument("--measure", nargs="+", choices=MEASURES, default=["sentences", "lengths"])
    parser.add_argument("--binary", default="target/release/headlight")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--most", type=int, default=0, help="sentences, of sizes; 0: no limit")
    parser.add_argument("--out", default=Path(__file__).parent / "growth.svg")
    args = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}, {args.runs} runs of each")
    panels = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(args, Path(folder))
        for name in args.measure:
            print()
            panels.append(MEASURES[name](bench))
    draw(panels, args.out)


if __name__ == "__main__":
    main()
