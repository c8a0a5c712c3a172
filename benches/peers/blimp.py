"""Scores minimal pairs with transformers and counts by phenomenon, beside `kind = "pairs"`.

    python blimp.py MODEL BLIMP.tsv.gz OUT.tsv [EVERY [RUN]]     # torch 2, transformers; one thread

MODEL is a folder with a masked-language model, EVERY scores each so many-th pair only (1: all). OUT gets a line for each pair:
number of its line, phenomenon, both pseudo-log-likelihoods (within_word_l2r). RUN is the folder of a finished run of
`kind = "pairs"` on the same file: every score is compared, and so are the accuracies of the pairs that both have scored.

Pieces are hidden one by one as the definition says; masked copies of one length go together, and the logits are taken where
the piece is hidden. Nothing is shared with headlight.
"""

import csv
import gzip
import sys
import time
from collections import defaultdict
from pathlib import Path

import torch
from transformers import AutoTokenizer, BertForMaskedLM

TOGETHER = 512


def copies(ids, words, mask):
    """Each masked copy of a sentence, with the position that is guessed."""
    for position, word in enumerate(words):
        if word is None:
            continue
        hidden = list(ids)
        for later in range(position, len(ids)):
            if words[later] == word:
                hidden[later] = mask
        yield hidden, position, ids[position]


def scores(model, tokenizer, texts):
    sums = [0.0] * len(texts)
    by_length = defaultdict(list)
    for number, text in enumerate(texts):
        encoding = tokenizer(text)
        ids = encoding["input_ids"]
        for hidden, position, piece in copies(ids, encoding.word_ids(), tokenizer.mask_token_id):
            by_length[len(ids)].append((number, hidden, position, piece))
    for of_length in by_length.values():
        for first in range(0, len(of_length), TOGETHER):
            numbers, hidden, positions, pieces = zip(*of_length[first:first + TOGETHER])
            states = model.bert(torch.tensor(hidden)).last_hidden_state
            rows = torch.arange(len(numbers))
            logits = model.cls(states[rows, torch.tensor(positions)]).double()
            found = torch.log_softmax(logits, 1)[rows, torch.tensor(pieces)]
            for number, value in zip(numbers, found.tolist()):
                sums[number] += value
    return sums


def read(path):
    with gzip.open(path, "rt") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def compare(found, run):
    """Differences of scores and accuracies to those of a finished run, over the pairs of both."""
    with open(Path(run) / "pair_scores.csv", newline="") as lines:
        theirs = {int(row["line"]): row for row in csv.DictReader(lines)}
    both = [(row, theirs[line]) for line, row in found.items() if line in theirs]
    largest, differ = 0.0, 0
    counts = defaultdict(lambda: [0, 0, 0])
    for (phenomenon, good, bad), row in both:
        largest = max(largest, abs(good - float(row["good_score"])), abs(bad - float(row["bad_score"])))
        differ += (good > bad) != (row["correct"] == "true")
        for group in ("all", phenomenon):
            count = counts[group]
            count[0] += good > bad
            count[1] += row["correct"] == "true"
            count[2] += 1
    print(f"{len(both)} pairs of both; largest difference {largest:.2e} nats a sentence; {differ} pairs decided otherwise")
    for group, (ours, others, total) in counts.items():
        print(f"{group:32} transformers {100 * ours / total:6.2f}  headlight {100 * others / total:6.2f}  of {total}")


def main():
    folder, blimp, out = sys.argv[1:4]
    every = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    torch.set_num_threads(1)
    model = BertForMaskedLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    # Line 1 names the columns.
    pairs = [(line, row) for line, row in enumerate(read(blimp), 2) if (line - 2) % every == 0]
    found, began = {}, time.time()
    with open(out, "w") as file, torch.no_grad():
        for first in range(0, len(pairs), 256):
            some = pairs[first:first + 256]
            values = scores(model, tokenizer, [row[side] for _, row in some for side in ("good", "bad")])
            for (line, row), good, bad in zip(some, values[::2], values[1::2]):
                found[line] = (row["phenomenon"], good, bad)
                print(line, row["phenomenon"], good, bad, sep="\t", file=file, flush=True)
    print(f"{len(pairs)} pairs in {time.time() - began:.0f} s")
    if len(sys.argv) > 5:
        compare(found, sys.argv[5])


if __name__ == "__main__":
    main()
