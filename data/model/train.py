"""Makes the sample model: a small BERT whose attention heads are taught by MiniLM-L6's, with a masked-LM head.

    python train.py --teacher MINILM_FOLDER --prose prose.txt.gz --work FOLDER --steps 12000 --device cuda

`--work` keeps the state (every 1,000 steps) and the log; a call goes on where the last one stopped: what a step does depends on its
number and the seed alone (on a processor to the same weights; on a GPU, sums of gradients have no fixed order). The learning rate is constant after a warm-up and falls to zero over the last half of
`--steps`, so that training can be lengthened before it is ended. Then `--work`/model holds the checkpoint in f16.

`--checkpoints 0,100,200` also keeps the model at these steps, in `--work`/checkpoints/step-N.

Three steps of four lower the Kullback-Leibler divergence of each of the 4 x 12 heads from the teacher's (its layers 1, 2, 3
and 5), row by row; the fourth the masked-LM loss. The teacher reads a batch once for two steps.
Needs torch, transformers, tokenizers, numpy. One thread: two threads on a busy machine are slower.
"""

import argparse
import collections
import gzip
import json
import os
import time

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import BertWordPieceTokenizer
from transformers import AutoModel, BertConfig, BertForMaskedLM

LAYERS, HEADS, HIDDEN, VOCABULARY, POSITIONS = 4, 12, 192, 11000, 128
# Pieces that the prose has most; the others are the first of BERT's vocabulary, which stands in the order of its own text, so
# that words of later years are whole as well.
OF_PROSE = 6000
# The teacher's layers, counted from 0, that teach the student's: those with its syntactic heads, 2 and 3, stand as deep in both.
TAUGHT_BY = [0, 1, 2, 4]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, UNK, CLS, SEP, MASK = range(5)
# Pieces of a batch, and batches that the teacher reads ahead.
BATCH, GROUP = 8192, 50
# Heads of the teacher, counted from 0, that count so many times as much while the rate falls: 3-1 and 3-9, which find objects,
# subjects and determiners.
EMPHASIS = {(2, 0): 5.0, (2, 8): 5.0}
SEED, RATE, WARM_UP, FALL = 1, 2e-3, 200, 0.5
# Steps between two states on disk: whole groups, each batch of which is used twice.
KEEP = 20 * GROUP


def tokens(teacher, prose, work):
    """The prose in pieces of the student, where its lines begin, and the student's pieces as the teacher numbers them."""
    kept = os.path.join(work, "tokens.npz")
    vocabulary = os.path.join(work, "vocab.txt")
    if not os.path.exists(kept):
        lines = [line.strip() for line in gzip.open(prose, "rt", encoding="utf-8") if line.strip()]
        whole = [line.rstrip("\n") for line in open(os.path.join(teacher, "vocab.txt"), encoding="utf-8")]
        tokenizer = BertWordPieceTokenizer(os.path.join(teacher, "vocab.txt"), lowercase=True)
        counted = collections.Counter()
        for at in range(0, len(lines), 5000):
            for encoded in tokenizer.encode_batch(lines[at : at + 5000], add_special_tokens=False):
                counted.update(encoded.ids)
        special = [whole.index(piece) for piece in SPECIAL]
        # Single characters of Latin scripts, so that no word of them is unknown.
        characters = {at for at, piece in enumerate(whole) if len(piece.removeprefix("##")) == 1 and ord(piece[-1]) < 0x250}
        ids = special + sorted(characters - set(special))
        ids += [at for at, _ in counted.most_common() if at not in set(ids)][: OF_PROSE - len(ids)]
        # Before "the" stand pieces of one character and unused ones.
        ids += [at for at in range(whole.index("the"), len(whole)) if at not in set(ids)][: VOCABULARY - len(ids)]
        with open(vocabulary, "w", encoding="utf-8") as file:
            file.write("\n".join(whole[at] for at in ids) + "\n")
        tokenizer = BertWordPieceTokenizer(vocabulary, lowercase=True)
        encoded = []
        for at in range(0, len(lines), 5000):
            encoded += [it.ids for it in tokenizer.encode_batch(lines[at : at + 5000], add_special_tokens=False)]
        flat = np.concatenate([np.array(it, np.uint16) for it in encoded])
        begins = np.concatenate([[0], np.cumsum([len(it) for it in encoded])])
        np.savez(kept, flat=flat, begins=begins, ids=np.array(ids))
    data = np.load(kept)
    pieces = [line.rstrip("\n") for line in open(vocabulary, encoding="utf-8")]
    return data["flat"], sentences(data["flat"], data["begins"], pieces), torch.from_numpy(data["ids"])


def sentences(flat, lines, pieces):
    """Where sentences begin: at lines, and behind a full stop with the quotation mark that may follow it."""
    begins = np.zeros(len(flat) + 1, bool)
    begins[lines[:-1]] = True
    behind = np.flatnonzero(np.isin(flat, [pieces.index(mark) for mark in ".!?"])) + 1
    quoted = (behind < len(flat)) & (flat[np.minimum(behind, len(flat) - 1)] == pieces.index('"'))
    behind = np.where(quoted, behind + 1, behind)
    begins[behind[behind < len(flat)]] = True
    return np.flatnonzero(begins[:-1])


def batch(flat, starts, random, device):
    """Pieces `[sequence, position]` and which are real: one sentence each, or as many as fit."""
    longest = int(random.choice([24, 40, 64], p=[0.4, 0.4, 0.2]))
    ids, lengths = np.zeros((BATCH // longest, longest), np.int64), []
    for row in ids:
        while True:
            at = random.integers(0, len(starts) - 1)
            last = at + 1
            if random.random() < 0.4:
                while last + 1 < len(starts) and starts[last + 1] - starts[at] <= longest - 2:
                    last += 1
            taken = flat[starts[at] : min(starts[last], starts[at] + longest - 2)]
            if len(taken) >= 4:
                break
        row[: len(taken) + 2] = [CLS, *taken, SEP]
        lengths.append(len(taken) + 2)
    width = max(lengths)
    real = np.arange(width)[None] < np.array(lengths)[:, None]
    return torch.from_numpy(ids[:, :width]).to(device), torch.from_numpy(real).to(device)


def new_student(teacher, ids):
    """A student whose embeddings are the teacher's, on the directions in which those differ most."""
    torch.manual_seed(SEED)
    student = BertForMaskedLM(
        BertConfig(
            vocab_size=len(ids), hidden_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
            intermediate_size=4 * HIDDEN, max_position_embeddings=POSITIONS, hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0, attn_implementation="eager",
        )
    )
    with torch.no_grad():
        words = teacher.embeddings.word_embeddings.weight[ids]
        directions = torch.pca_lowrank(words, q=HIDDEN)[2]
        student.bert.embeddings.word_embeddings.weight.copy_(words @ directions)
        positions = teacher.embeddings.position_embeddings.weight[:POSITIONS]
        student.bert.embeddings.position_embeddings.weight.copy_(positions @ directions)
    return student


def divergence(student, ids, real, maps, weights):
    """The mean divergence of a head's row from the teacher's, by `weights` `[layer, head]`, summed over layers."""
    said = student.bert(ids, attention_mask=real.long(), output_attentions=True).attentions
    rows = real[:, None].float()
    total = 0
    for taught, wanted, weight in zip(said, maps, weights):
        difference = (wanted * (torch.log(wanted + 1e-9) - torch.log(taught + 1e-9))).sum(-1)
        total = total + (difference * rows * weight[:, None]).sum() / (rows.sum() * weight.sum())
    return total


def masked_loss(student, ids, real):
    """BERT's loss with a fifth of the pieces hidden: 80 % behind [MASK], 10 % behind another piece."""
    hidden = (torch.rand(ids.shape, device=ids.device) < 0.2) & real & (ids > MASK)
    seen, kind = ids.clone(), torch.rand(ids.shape, device=ids.device)
    seen[hidden & (kind < 0.8)] = MASK
    others = hidden & (kind >= 0.9)
    seen[others] = torch.randint(MASK + 1, VOCABULARY, (int(others.sum()),), device=ids.device)
    states = student.bert(seen, attention_mask=real.long()).last_hidden_state[hidden]
    return torch.nn.functional.cross_entropy(student.cls(states), ids[hidden])


def main():
    parser = argparse.ArgumentParser()
    for name in ["teacher", "prose", "work"]:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--checkpoints", default="", help="steps, by commas, whose model is kept")
    parser.add_argument("--device", default="cpu", help="cpu (one thread) or cuda")
    parser.add_argument("--until", type=int, default=None, help="stop at this step, before the learning rate falls")
    asked = parser.parse_args()
    os.makedirs(asked.work, exist_ok=True)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    teacher = AutoModel.from_pretrained(asked.teacher, attn_implementation="eager").eval()
    teacher.encoder.layer = teacher.encoder.layer[: max(TAUGHT_BY) + 1]
    device = torch.device(asked.device)
    flat, starts, ids_of_teacher = tokens(asked.teacher, asked.prose, asked.work)
    student = new_student(teacher, ids_of_teacher).train().to(device)
    teacher, ids_of_teacher = teacher.to(device), ids_of_teacher.to(device)
    optimizer = torch.optim.AdamW(student.parameters(), lr=RATE, weight_decay=0.01, betas=(0.9, 0.98), fused=True)
    state, log = os.path.join(asked.work, "state.pt"), open(os.path.join(asked.work, "log.txt"), "a")
    step = seen = 0
    if os.path.exists(state):
        kept = torch.load(state, map_location=device)
        student.load_state_dict(kept["student"]), optimizer.load_state_dict(kept["optimizer"])
        step, seen = kept["step"], kept["seen"]
    print(f"from step {step} of {asked.steps}: {len(flat)} pieces, {len(starts)} sentences", file=log, flush=True)
    divergences, losses, clock = [], [], time.time()
    checkpoints = {int(number) for number in asked.checkpoints.split(",") if number}
    if step == 0 and 0 in checkpoints:
        write(student, asked.work, "checkpoints/step-0")
    falls = asked.steps - int(FALL * asked.steps)
    even = torch.ones(LAYERS, HEADS, device=device)
    emphasis = torch.tensor([[EMPHASIS.get((at, head), 1.0) for head in range(HEADS)] for at in TAUGHT_BY], device=device)
    read = []
    while step < min(asked.steps, asked.until or asked.steps):
        if step % (2 * GROUP) == 0:
            random = np.random.default_rng([SEED, step])
            read = [batch(flat, starts, random, device) for _ in range(GROUP)]
            order = np.concatenate([random.permutation(GROUP), random.permutation(GROUP)])
            maps, sizes = {}, [int(real.sum()) for _, real in read]
        rate = RATE * min(1, (step + 1) / WARM_UP) * min(1, (asked.steps - step) / (asked.steps - falls))
        for group in optimizer.param_groups:
            group["lr"] = rate
        torch.manual_seed(SEED + step)
        place = int(order[step % (2 * GROUP)])
        ids, real = read[place]
        if step % 4 < 3:
            if place not in maps:
                with torch.no_grad():
                    said = teacher(ids_of_teacher[ids], attention_mask=real.long(), output_attentions=True).attentions
                    maps[place] = [said[layer] for layer in TAUGHT_BY]
            loss = divergence(student, ids, real, maps[place], emphasis if step >= falls else even)
            divergences.append(loss.detach() / LAYERS)
        else:
            loss = masked_loss(student, ids, real)
            losses.append(loss.detach())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step, seen = step + 1, seen + sizes[place]
        if step % 100 == 0:
            means = [torch.stack(values).mean().item() for values in (divergences, losses)]
            said = f"step {step} pieces {seen} divergence {means[0]:.4f} loss {means[1]:.3f} rate {rate:.5f}"
            print(f"{said} seconds {time.time() - clock:.0f}", file=log, flush=True)
            divergences, losses, clock = [], [], time.time()
        if step in checkpoints:
            write(student, asked.work, f"checkpoints/step-{step}")
        if step % KEEP == 0 or step == asked.steps:
            kept = {"student": student.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "seen": seen}
            torch.save(kept, state + ".partial")
            os.replace(state + ".partial", state)
            write(student, asked.work, "model")


def write(student, work, name):
    """The checkpoint in f16, as the repository has it."""
    folder = os.path.join(work, name)
    student.save_pretrained(folder)
    weights = os.path.join(folder, "model.safetensors")
    save_file({name: value.half() for name, value in load_file(weights).items()}, weights, {"format": "pt"})
    with open(os.path.join(work, "vocab.txt"), encoding="utf-8") as pieces, open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8") as file:
        file.write(pieces.read())
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as file:
        json.dump({"do_lower_case": True, "model_max_length": POSITIONS, "tokenizer_class": "BertTokenizer"}, file)


if __name__ == "__main__":
    main()
