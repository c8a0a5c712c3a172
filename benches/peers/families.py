"""Models of published shapes with random weights: every head's counts with headlight beside those of PyTorch.

    cargo build --release
    python benches/peers/families.py target/release/headlight TREEBANK.conllu VOCAB.txt FOLDER [--sentences 200] [NAME …]

Makes each model in FOLDER, with a WordPiece vocabulary whatever its family (tokenizers are another matter), has headlight
count on the first sentences which words each head finds the governor of, counts them here as well, and removes the model.
A head predicts the other word with the most attention; where no other word gets any, it predicts nothing. Prints for each
model how many counts (relation, direction, head) agree, and the largest difference.

Weights are drawn with 0.04: with 0.1, the states of all pieces become one in deep layers (of ELECTRA-small's shape, columns
of the last layers differ by 1e-7), and which piece attends most is rounding, in PyTorch's f32 beside its f64 as well.

Pinned: torch==2.15.0 (CPU), transformers==5.24.0, polars for reading the table.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import polars
import torch
import transformers as t
from treebank import sentences

LIMIT = 128
CONFIG = """
name = "run"
[model]
path = "{model}"
[treebank]
evaluate = ["{treebank}"]
max_sentences = {sentences}
[heads]
selection = "same"
null_models = 0
[[experiment]]
kind = "heads"
"""


def bert_like(config, kind, vocabulary, **more):
    return kind(config(vocab_size=vocabulary, initializer_range=0.04, **more))


SHAPES = {
    "roberta-base": lambda v: bert_like(t.RobertaConfig, t.RobertaModel, v, max_position_embeddings=514, type_vocab_size=1),
    "distilbert-base": lambda v: bert_like(t.DistilBertConfig, t.DistilBertModel, v),
    "electra-small": lambda v: bert_like(
        t.ElectraConfig, t.ElectraModel, v, embedding_size=128, hidden_size=256, num_attention_heads=4, intermediate_size=1024
    ),
    "albert-base": lambda v: bert_like(
        t.AlbertConfig, t.AlbertModel, v, hidden_size=768, num_attention_heads=12, intermediate_size=3072
    ),
    "mpnet-base": lambda v: bert_like(t.MPNetConfig, t.MPNetModel, v, max_position_embeddings=514),
    "deberta-v3-small": lambda v: bert_like(
        t.DebertaV2Config, t.DebertaV2Model, v, hidden_size=768, num_hidden_layers=6, num_attention_heads=12,
        intermediate_size=3072, relative_attention=True, position_buckets=256, norm_rel_ebd="layer_norm", share_att_key=True,
        pos_att_type="p2c|c2p", position_biased_input=False,
    ),
    "modernbert-base": lambda v: bert_like(
        t.ModernBertConfig, t.ModernBertModel, v, pad_token_id=0, bos_token_id=2, eos_token_id=3, cls_token_id=2,
        sep_token_id=3,
    ),
    "gpt2": lambda v: bert_like(t.GPT2Config, t.GPT2Model, v, bos_token_id=2, eos_token_id=3),
    "pythia-160m": lambda v: bert_like(
        t.GPTNeoXConfig, t.GPTNeoXModel, v, hidden_size=768, num_hidden_layers=12, num_attention_heads=12,
        intermediate_size=3072, max_position_embeddings=2048,
    ),
    "smollm-135m": lambda v: bert_like(
        t.LlamaConfig, t.LlamaModel, v, hidden_size=576, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3,
        intermediate_size=1536,
    ),
}


def counts(folder, treebank, limit):
    """(relation, direction, layer, head) → words whose governor the head finds."""
    tokenizer = t.BertTokenizerFast.from_pretrained(folder)
    model = t.AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    found = Counter()
    for number, words in enumerate(sentences(treebank)):
        if number == limit:
            break
        encoded = tokenizer([form for form, _, _ in words], is_split_into_words=True)
        if len(encoded["input_ids"]) > LIMIT:
            continue
        with torch.inference_mode():
            layers = model(input_ids=torch.tensor([encoded["input_ids"]]), output_attentions=True).attentions
        to_words = torch.zeros(len(words), len(encoded["input_ids"]))
        for piece, word in enumerate(encoded.word_ids()):
            if word is not None:
                to_words[word, piece] = 1
        means = to_words / to_words.sum(-1, keepdim=True)
        for layer, weights in enumerate(layers):
            merged = means @ weights[0] @ to_words.T
            merged.diagonal(dim1=-2, dim2=-1).fill_(0)
            for direction, axis in (("dep_to_gov", -1), ("gov_to_dep", -2)):
                most, places = merged.max(axis)
                places[most <= 0] = -1
                for word, (_, governor, relation) in enumerate(words):
                    for head in range(len(places)):
                        key = (relation, direction, layer, head)
                        found[key] += int(governor > 0 and places[head, word].item() == governor - 1)
    return found


def of_headlight(binary, folder, treebank, limit):
    with tempfile.TemporaryDirectory() as out:
        config = Path(out) / "run.toml"
        config.write_text(CONFIG.format(model=folder, treebank=treebank, sentences=limit))
        subprocess.run([binary, "-q", "run", config, "--out", out], check=True, stdout=subprocess.DEVNULL)
        rows = polars.read_parquet(Path(out) / "run" / "head_scores.parquet")
    names = ["relation", "direction", "layer_index", "head_index", "correct"]
    return {tuple(key): correct for *key, correct in rows.select(names).iter_rows()}


def main():
    arguments = argparse.ArgumentParser()
    for name in ["binary", "treebank", "vocabulary", "folder"]:
        arguments.add_argument(name, type=Path)
    arguments.add_argument("names", nargs="*")
    arguments.add_argument("--sentences", type=int, default=200)
    options = arguments.parse_args()
    treebank = options.treebank.resolve()
    for name in options.names or SHAPES:
        folder = options.folder / name
        folder.mkdir(parents=True)
        pieces = options.vocabulary.read_text().split("\n")
        torch.manual_seed(5)
        model = SHAPES[name](len([piece for piece in pieces if piece]))
        with torch.no_grad():
            for parameter, values in model.named_parameters():
                if parameter.endswith("bias") or "norm" in parameter.lower() or "ln_" in parameter:
                    values.add_(torch.randn_like(values) * 0.1)
        model.save_pretrained(folder)
        del model
        shutil.copy(options.vocabulary, folder / "vocab.txt")
        (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True, "tokenizer_class": "BertTokenizer"}))
        theirs = counts(folder, treebank, options.sentences)
        ours = of_headlight(options.binary, folder.resolve(), treebank, options.sentences)
        shutil.rmtree(folder)
        missing = [key for key in theirs if key not in ours]
        if missing:
            sys.exit(f"{name}: headlight has no {missing[0]}")
        differences = [abs(ours[key] - count) for key, count in theirs.items()]
        equal = differences.count(0)
        print(f"{name}: {equal} of {len(differences)} counts equal, largest difference {max(differences)}", flush=True)


main()
