"""headlight beside the PyTorch script that does the same job (`peers/heads.py`), as whole processes, in turn.

    cargo build --release
    python benches/side_by_side.py MINILM_FOLDER TREEBANK.conllu [--binary target/release/headlight] [--runs 5] [--base]

The job: attention of every head, merged to words, scored on every relation in both directions. `--base` also makes a
checkpoint of BERT-base's shape with random weights and runs it. Prints, for each figure, the median of each side and the
median of the ratios of neighbouring runs, which a machine whose speed drifts disturbs less than it does the medians.

Pinned: torch==2.15.0 (CPU), transformers==5.24.0.
"""

import argparse
import json
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent

CONFIG = """
name = "bench"
[model]
path = "{model}"
[treebank]
evaluate = ["{treebank}"]
[heads]
selection = "same"
null_models = {null_models}
[[experiment]]
kind = "heads"
"""


def measured(command, **environment):
    """Runs a command with an empty cache; its output, wall seconds and what the system says that it used."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "XDG_CACHE_HOME": cache, **environment}
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE, env=environment)
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        if status != 0:
            sys.exit(f"failed: {' '.join(map(str, command))}\n{errors.decode()[-2000:]}")
        output.seek(0)
        return output.read(), wall, usage


def headlight(binary, model, treebank, folder, null_models=0):
    config = folder / "bench.toml"
    config.write_text(CONFIG.format(model=model, treebank=treebank, null_models=null_models))
    _, wall, usage = measured([binary, "-q", "run", config, "--out", folder, "--force"])
    stages = json.loads((folder / "bench" / "manifest.json").read_text())["stages"]
    encode = sum(stage["seconds"] for stage in stages if stage["name"].startswith("encode"))
    # The encoder's stage holds reading, tokenizing, merging and predicting too: they go on beside the model.
    return {"whole process, s": wall, "encode to predictions, s": encode, "memory, MB": usage.ru_maxrss / 1000}


def script(model, treebank):
    output, wall, usage = measured([sys.executable, HERE / "peers" / "heads.py", model, treebank])
    number = lambda pattern: float(re.search(pattern, output)[1])
    return {
        "whole process, s": wall,
        "without imports, s": number(r"without imports ([\d.]+)"),
        "model, s": number(r"model ([\d.]+)"),
        "memory, MB": usage.ru_maxrss / 1000,
    }


def base(minilm, folder):
    """A checkpoint of BERT-base's shape with random weights and MiniLM's vocabulary."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    torch.manual_seed(1)
    tokenizer = AutoTokenizer.from_pretrained(minilm)
    model = BertModel(BertConfig(vocab_size=len(tokenizer)), add_pooling_layer=False)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def compare(name, binary, model, treebank, runs, folder):
    headlight(binary, model, treebank, folder)
    script(model, treebank)
    pairs = [(headlight(binary, model, treebank, folder), script(model, treebank)) for _ in range(runs)]
    ours, theirs = zip(*pairs)
    print(f"\n{name}, {runs} runs of each in turn; load {os.getloadavg()[0]:.1f}")
    for side, rows in (("headlight", ours), ("script", theirs)):
        for figure in rows[0]:
            values = [row[figure] for row in rows]
            print(f"  {side:9} {figure:24} median {statistics.median(values):8.2f}  "
                  f"({min(values):.2f} to {max(values):.2f})")
    for a, b in (
        ("whole process, s", "whole process, s"),
        ("whole process, s", "without imports, s"),
        ("encode to predictions, s", "model, s"),
        ("memory, MB", "memory, MB"),
    ):
        ratios = [row[a] / other[b] for row, other in pairs]
        print(f"  ratio     {a} / {b}: {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("treebank")
    parser.add_argument("--binary", default="target/release/headlight")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--base", action="store_true")
    args = parser.parse_args()
    binary, model, treebank = (Path(path).resolve() for path in (args.binary, args.model, args.treebank))
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        compare("MiniLM-L6", binary, model, treebank, args.runs, folder)
        if args.base:
            checkpoint = folder / "base"
            # In a process of its own: the peak memory of what a large process starts begins with its own.
            making = multiprocessing.get_context("spawn").Process(target=base, args=(model, checkpoint))
            making.start()
            making.join()
            compare("BERT-base shape", binary, checkpoint, treebank, args.runs, folder)


if __name__ == "__main__":
    main()
