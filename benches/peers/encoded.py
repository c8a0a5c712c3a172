"""What the scripts beside it share: sentences in batches, and what a model says of them, with PyTorch and transformers.

Batches hold 32 sentences of like length, padded; everything after the model goes over all heads of a batch at once.
"""

import torch
from transformers import AutoTokenizer, BertModel

from treebank import sentences

BATCH, LIMIT = 32, 128


class Batch:
    """Sentences side by side; `rows` are their numbers in the file."""

    def __init__(self, examples, words_only=True):
        self.rows = [number for number, _, _, _ in examples]
        self.words = [words for _, _, _, words in examples]
        self.lengths = [len(ids) for _, ids, _, _ in examples]
        pieces, count = max(self.lengths), len(examples)
        specials = 0 if words_only else 2
        longest = max(len(words) for words in self.words) + specials
        self.ids = torch.zeros(count, pieces, dtype=torch.long)
        self.mask = torch.zeros(count, pieces, dtype=torch.long)
        self.to_words = torch.zeros(count, longest, pieces)
        for row, (_, ids, word_ids, words) in enumerate(examples):
            self.ids[row, : len(ids)] = torch.tensor(ids)
            self.mask[row, : len(ids)] = 1
            for piece, word in enumerate(word_ids):
                if word is not None:
                    self.to_words[row, word + specials // 2, piece] = 1
            if specials:
                self.to_words[row, 0, 0] = self.to_words[row, len(words) + 1, len(ids) - 1] = 1
        self.means = self.to_words / self.to_words.sum(-1, keepdim=True).clamp(min=1)

    def merged(self, weights):
        """[sentence, head, from, to] over words: sums over the pieces attended to, means over those that attend."""
        return self.means[:, None] @ weights @ self.to_words.transpose(1, 2)[:, None]


def encoder(folder):
    return BertModel.from_pretrained(folder, attn_implementation="eager", add_pooling_layer=False).eval()


def names(model):
    config = model.config
    return [(layer, head) for layer in range(config.num_hidden_layers) for head in range(config.num_attention_heads)]


def by_head(model, values):
    return {f"{layer} {head}": value for (layer, head), value in zip(names(model), values)}


def read(folder, treebank, most=0):
    """(number, pieces, word of each piece, words) of the first `most` sentences, those that are too long left out."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    examples = []
    for number, words in enumerate(sentences(treebank)):
        if most and number == most:
            break
        encoded = tokenizer([form for form, _, _ in words], is_split_into_words=True)
        if len(encoded["input_ids"]) <= LIMIT:
            examples.append((number, encoded["input_ids"], encoded.word_ids(), words))
    return tokenizer, examples


def batches(examples, words_only=True):
    by_length = sorted(examples, key=lambda example: len(example[1]))
    for first in range(0, len(by_length), BATCH):
        yield Batch(by_length[first : first + BATCH], words_only)


def attention(model, batch):
    """[sentence, layer * head, from, to] over pieces."""
    said = model(input_ids=batch.ids, attention_mask=batch.mask, output_attentions=True)
    return torch.cat(said.attentions, dim=1)


def maps(model, examples, words_only=True):
    """(words, map [head, from, to] over them) of each sentence, renormalised over its words where there are no others."""
    with torch.no_grad():
        for batch in batches(examples, words_only):
            merged = batch.merged(attention(model, batch))
            if words_only:
                merged = merged / merged.sum(-1, keepdim=True).clamp(min=1e-30)
            for row, words in enumerate(batch.words):
                n = len(words) + (0 if words_only else 2)
                yield words, merged[row, :, :n, :n]
