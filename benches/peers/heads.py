"""The accuracy of every head on every relation with PyTorch and transformers, as a user would write it: eager attention,
batches of 32 sorted by length, merging and scoring vectorised over all heads.

    python benches/peers/heads.py MODEL_FOLDER TREEBANK.conllu [COUNTS.json]

Pinned: torch==2.15.0 (CPU), transformers==5.24.0. Prints seconds of each step; with a third argument writes the counts,
correct[relation][direction][head], to hold against `head_scores.csv`. The same with headlight: a run of kind "heads".
"""

import json
import sys
import time

start = time.perf_counter()
import torch
from transformers import AutoTokenizer, BertModel

from treebank import sentences

imported = time.perf_counter()
BATCH, LIMIT = 32, 128

folder, treebank, *output = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = BertModel.from_pretrained(folder, attn_implementation="eager", add_pooling_layer=False).eval()
loaded = time.perf_counter()

examples = []
for words in sentences(treebank):
    encoded = tokenizer([form for form, _, _ in words], is_split_into_words=True)
    if len(encoded["input_ids"]) <= LIMIT:
        examples.append((encoded["input_ids"], encoded.word_ids(), words))
examples.sort(key=lambda example: len(example[0]))
relations = sorted({relation for _, _, words in examples for _, _, relation in words})
number = {relation: index for index, relation in enumerate(relations)}
tokenized = time.perf_counter()

heads = model.config.num_hidden_layers * model.config.num_attention_heads
correct = torch.zeros(len(relations), 2, heads, dtype=torch.long)
in_model = 0.0
with torch.inference_mode():
    for first in range(0, len(examples), BATCH):
        batch = examples[first : first + BATCH]
        pieces = max(len(ids) for ids, _, _ in batch)
        words = max(len(words) for _, _, words in batch)
        ids = torch.zeros(len(batch), pieces, dtype=torch.long)
        mask = torch.zeros(len(batch), pieces, dtype=torch.long)
        to_words = torch.zeros(len(batch), words, pieces)
        gold = torch.zeros(len(batch), words, dtype=torch.long)
        relation = torch.full((len(batch), words), -1)
        for row, (row_ids, word_ids, row_words) in enumerate(batch):
            ids[row, : len(row_ids)] = torch.tensor(row_ids)
            mask[row, : len(row_ids)] = 1
            for piece, word in enumerate(word_ids):
                if word is not None:
                    to_words[row, word, piece] = 1
            gold[row, : len(row_words)] = torch.tensor([governor - 1 for _, governor, _ in row_words])
            relation[row, : len(row_words)] = torch.tensor([number[name] for _, _, name in row_words])
        begun = time.perf_counter()
        attentions = model(input_ids=ids, attention_mask=mask, output_attentions=True).attentions
        in_model += time.perf_counter() - begun
        weights = torch.cat(attentions, dim=1)  # [batch, head, from, to]
        means = to_words / to_words.sum(-1, keepdim=True).clamp(min=1)
        merged = means[:, None] @ weights @ to_words.transpose(1, 2)[:, None]
        absent = relation < 0
        merged.masked_fill_(absent[:, None, None, :] | absent[:, None, :, None], -1)
        merged.diagonal(dim1=-2, dim2=-1).fill_(-1)
        for direction, predicted in enumerate((merged.argmax(-1), merged.argmax(-2))):
            right = (predicted == gold[:, None]).long().transpose(1, 2)[~absent]
            correct[:, direction].index_add_(0, relation[~absent], right)
done = time.perf_counter()

print(f"sentences {len(examples)}")
print(f"import {imported - start:.2f} s, load {loaded - imported:.2f} s, tokenize {tokenized - loaded:.2f} s")
print(f"model {in_model:.2f} s, merge and score {done - tokenized - in_model:.2f} s")
print(f"script without imports {done - imported:.2f} s, with imports {done - start:.2f} s")
if output:
    json.dump({name: correct[index].tolist() for name, index in number.items()}, open(output[0], "w"))
