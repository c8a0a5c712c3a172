"""Attention of every head over a treebank with PyTorch and transformers, as a user would write it: eager attention,
batches of 32 sorted by length. Prints seconds for imports, loading, tokenizing and the model.

    python benches/peers/encode.py MODEL_FOLDER TREEBANK.conllu [--random LAYERS HEADS HIDDEN]

Pinned: torch==2.15.0 (CPU), transformers==5.24.0. The same with headlight: `cargo bench --bench encode` for one chunk,
`headlight run` for the whole.
"""

import sys
import time

start = time.perf_counter()
import torch
from transformers import AutoTokenizer, BertConfig, BertModel

from treebank import forms

imported = time.perf_counter()
BATCH = 32
LIMIT = 128

folder, treebank, *shape = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(folder)
if shape:
    layers, heads, hidden = map(int, shape[1:])
    config = BertConfig(
        vocab_size=len(tokenizer),
        num_hidden_layers=layers,
        num_attention_heads=heads,
        hidden_size=hidden,
        intermediate_size=4 * hidden,
        attn_implementation="eager",
    )
    model = BertModel(config, add_pooling_layer=False).eval()
else:
    model = BertModel.from_pretrained(folder, attn_implementation="eager", add_pooling_layer=False).eval()
loaded = time.perf_counter()

ids = [tokenizer(words, is_split_into_words=True)["input_ids"] for words in forms(treebank)]
ids = sorted((row for row in ids if len(row) <= LIMIT), key=len)
tokenized = time.perf_counter()

checksum = 0.0
with torch.inference_mode():
    for first in range(0, len(ids), BATCH):
        rows = ids[first : first + BATCH]
        longest = max(map(len, rows))
        input_ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
        attentions = model(input_ids=input_ids, attention_mask=mask, output_attentions=True).attentions
        checksum += float(torch.stack(attentions)[:, :, :, 0, 0].sum())
encoded = time.perf_counter()

print(f"{len(ids)} sentences, {sum(map(len, ids))} pieces, {torch.get_num_threads()} threads, checksum {checksum:.2f}")
print(f"import {imported - start:.2f} s, load {loaded - imported:.2f} s, tokenize {tokenized - loaded:.2f} s, "
      f"model {encoded - tokenized:.2f} s")
