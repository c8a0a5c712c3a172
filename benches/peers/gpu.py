"""What every head predicts for every word of a treebank with PyTorch and transformers on a GPU, as a careful user would
write it: eager attention, batches of similar length by number of pieces, merging to words and argmax on the GPU, one copy
of small integers back per batch.

    python benches/peers/gpu.py MODEL_FOLDER TREEBANK.conllu f32,tf32,f16,bf16 [--rounds N] [--pieces N]

Pinned: torch==2.15.0, transformers==5.24.0. Prints, for each precision and each round over the treebank: seconds from token
ids to predictions on the host, of which in the model and in merging and argmax, sentences and pieces a second; the first round
warms up. Also the share of predictions that differ from f32, and with them what the precision costs. With sdpa, transformers
hands over no attention, which is said; the time of its model without attention is printed as a floor that no way of keeping
attention has. The same with headlight: `device = "cuda"`; benches/gpu.sh runs both.
"""

import argparse
import sys
import time

import torch
import transformers
from transformers import AutoModel, AutoTokenizer

from treebank import forms

LIMIT = 128


def batches(examples, pieces):
    """Examples are sorted by length; a batch has at most so many pieces, padding included."""
    batch = []
    for example in examples:
        if batch and (len(batch) + 1) * len(example[0]) > pieces:
            yield batch
            batch = []
        batch.append(example)
    if batch:
        yield batch


def predict(model, batch, device):
    """Row and column argmax of the word-level maps, [2, batch, layer * head, word] on the host; seconds in the model."""
    pieces = max(len(ids) for ids, _, _ in batch)
    words = max(count for _, _, count in batch)
    ids = torch.zeros(len(batch), pieces, dtype=torch.long)
    mask = torch.zeros(len(batch), pieces, dtype=torch.long)
    to_words = torch.zeros(len(batch), words, pieces)
    lengths = torch.tensor([count for _, _, count in batch])
    for row, (row_ids, word_ids, _) in enumerate(batch):
        ids[row, : len(row_ids)] = torch.tensor(row_ids)
        mask[row, : len(row_ids)] = 1
        places = [(word, piece) for piece, word in enumerate(word_ids) if word is not None]
        of_word, of_piece = torch.tensor(places).T
        to_words[row, of_word, of_piece] = 1
    move = lambda tensor: tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor
    ids, mask, to_words, lengths = map(move, (ids, mask, to_words, lengths))
    begun = time.perf_counter()
    attentions = model(input_ids=ids, attention_mask=mask, output_attentions=True).attentions
    synchronize(device)
    in_model = time.perf_counter() - begun
    means = (to_words / to_words.sum(-1, keepdim=True).clamp(min=1))[:, None]
    to_pieces = to_words.transpose(1, 2)[:, None]
    absent = torch.arange(words, device=device)[None] >= lengths[:, None]
    excluded = absent[:, None, :] | absent[:, :, None] | torch.eye(words, dtype=torch.bool, device=device)[None]
    rows, columns = [], []
    for attention in attentions:
        # Sums of rounded weights would be rounded again; in f32 only what the model rounded is.
        merged = (means @ attention.float() @ to_pieces).masked_fill_(excluded[:, None], -1)
        rows.append(merged.argmax(-1).to(torch.int16))
        columns.append(merged.argmax(-2).to(torch.int16))
    return torch.stack([torch.cat(rows, 1), torch.cat(columns, 1)]).cpu(), in_model


def synchronize(device):
    if device.type == "cuda":
        torch.cuda.synchronize()


def run(model, examples, pieces, device):
    """All predictions, and seconds: of everything, and of the model."""
    synchronize(device)
    begun = time.perf_counter()
    in_model, predicted = 0.0, []
    with torch.inference_mode():
        for batch in batches(examples, pieces):
            places, seconds = predict(model, batch, device)
            in_model += seconds
            predicted.extend(places[:, row, :, : batch[row][2]] for row in range(len(batch)))
    return predicted, time.perf_counter() - begun, in_model


def without_attention(model, examples, pieces, device):
    """Seconds of the model when it keeps no attention."""
    synchronize(device)
    begun = time.perf_counter()
    with torch.inference_mode():
        for batch in batches(examples, pieces):
            longest = max(len(ids) for ids, _, _ in batch)
            ids, mask = torch.zeros(2, len(batch), longest, dtype=torch.long)
            for row, (row_ids, _, _) in enumerate(batch):
                ids[row, : len(row_ids)] = torch.tensor(row_ids)
                mask[row, : len(row_ids)] = 1
            model(input_ids=ids.to(device), attention_mask=mask.to(device))
    synchronize(device)
    return time.perf_counter() - begun


def load(folder, precision, device, attention="eager"):
    dtype = {"f16": torch.float16, "bf16": torch.bfloat16}.get(precision, torch.float32)
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    model = AutoModel.from_pretrained(folder, attn_implementation=attention)
    return model.to(device, dtype).eval()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder")
    arguments.add_argument("treebank")
    arguments.add_argument("precisions", help="some of f32, tf32, f16, bf16, by commas")
    arguments.add_argument("--rounds", type=int, default=4)
    arguments.add_argument("--pieces", type=int, default=8192, help="of a batch, padding included (default 8192)")
    arguments.add_argument("--cpu", action="store_true", help="run on the processor, to try the script")
    options = arguments.parse_args()
    if not options.cpu and not torch.cuda.is_available():
        sys.exit("no GPU; --cpu tries the script")
    device = torch.device("cpu" if options.cpu else "cuda")
    name = "cpu" if options.cpu else torch.cuda.get_device_name()
    print(f"{name}, torch {torch.__version__}, transformers {transformers.__version__}")

    tokenizer = AutoTokenizer.from_pretrained(options.folder)
    begun = time.perf_counter()
    examples = []
    for words in forms(options.treebank):
        encoded = tokenizer(words, is_split_into_words=True)
        if len(encoded["input_ids"]) <= LIMIT:
            examples.append((encoded["input_ids"], encoded.word_ids(), len(words)))
    examples.sort(key=lambda example: len(example[0]))
    pieces = sum(len(ids) for ids, _, _ in examples)
    print(f"tokenize: {time.perf_counter() - begun:.2f} s, {len(examples)} sentences, {pieces} pieces")

    exact = None
    for precision in options.precisions.split(","):
        model = load(options.folder, precision, device)
        for number in range(options.rounds):
            predicted, seconds, in_model = run(model, examples, options.pieces, device)
            speed = f"{len(examples) / seconds:.0f} sentences/s, {pieces / seconds:.0f} pieces/s"
            split = f"model {in_model:.3f} s, the rest {seconds - in_model:.3f} s"
            print(f"{precision} eager round {number}: {seconds:.3f} s, {speed}; {split}", flush=True)
        try:
            model = load(options.folder, precision, device, "sdpa")
        except ValueError as problem:
            print(f"{precision} sdpa:", str(problem).split(". ")[0])
        else:
            given = model(input_ids=torch.tensor([examples[-1][0]], device=device), output_attentions=True).attentions
            told = "gives no attention" if not given or given[0] is None else "gives attention"
            times = [without_attention(model, examples, options.pieces, device) for _ in range(options.rounds)]
            print(f"{precision} sdpa: {told}; the model without attention {min(times[1:] or times):.3f} s", flush=True)
        if precision == "f32":
            exact = predicted
        elif exact is not None:
            total = sum(places.numel() for places in exact)
            # A sentence of one word has nothing to predict.
            pairs = [(ours, theirs) for ours, theirs in zip(predicted, exact) if ours.shape[-1] > 1]
            different = sum(int((ours != theirs).sum()) for ours, theirs in pairs)
            print(f"{precision}: {different} of {total} predictions ({100 * different / total:.3f} %) differ from f32")


main()
