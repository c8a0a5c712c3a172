#!/bin/sh
# What every head predicts, on one GPU: headlight beside transformers (benches/peers/gpu.py), the same machine, one after the
# other, in every precision, for a model as given and for a random one of BERT-base's shape.
#
#     sh benches/gpu.sh MODEL_FOLDER SMALL.conllu LARGE.conllu [FEATURES]
#
# FEATURES is `cuda` (the default) or `cuda-fusion`; with HEADLIGHT=PATH, that binary runs instead of one built here. Needs a
# CUDA toolkit's headers and NVRTC, and a Python with torch 2.15.0 (CUDA) and transformers 5.24.0. headlight runs twice: the first run compiles kernels and keeps them in
# the cache; the second, which encodes again, is the figure. Of it, `encode evaluate` on the large file is what round 1 and later of
# gpu.py are, with reading, tokenizing (gpu.py prints its own) and writing predictions on top; `encode select` on the small
# file comes second in the run, so that the first pays for starting up. The time of the encoder splits by worker: `kernels` is
# waiting for the GPU, `queue` telling it what to do.
set -eu

model=$(realpath "$1") small=$(realpath "$2") large=$(realpath "$3") features=${4:-cuda}
cd "$(dirname "$0")/.."
out=${TMPDIR:-/tmp}/headlight-gpu
base=$out/bert-base-shape
mkdir -p "$base"
headlight=${HEADLIGHT:-}
if [ -z "$headlight" ]; then
    cargo build --release --features "$features"
    headlight=target/release/headlight
fi
nvidia-smi --query-gpu=name,driver_version,clocks.max.sm --format=csv,noheader

if [ ! -e "$base/model.safetensors" ]; then
    python3 - "$model" "$base" <<'PYTHON'
import sys
import torch
from transformers import AutoTokenizer, BertConfig, BertModel

model, base = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(model)
tokenizer.save_pretrained(base)
torch.manual_seed(5)
config = BertConfig(vocab_size=len(tokenizer), initializer_range=0.04)
BertModel(config, add_pooling_layer=False).save_pretrained(base, safe_serialization=True)
PYTHON
fi

export XDG_CACHE_HOME="$out/cache"
headlight() {
    # Compiled kernels stay; nothing that was encoded does.
    find "$XDG_CACHE_HOME/headlight" -mindepth 1 -maxdepth 1 ! -name kernels -exec rm -rf {} + 2>/dev/null || true
    "$headlight" run "$out/gpu.toml" --out "$out/runs" --force -vv \
        --set "name=$1" --set "model.path=$2" --set model.device=cuda --set "model.precision=$3" 2>"$out/$1.log"
}

cat >"$out/gpu.toml" <<TOML
name = "gpu"
[model]
path = "$model"
[treebank]
evaluate = ["$large"]
select = ["$small"]
[[experiment]]
kind = "heads"
null_models = 0
TOML

for folder in "$model" "$base"; do
    for precision in f32 f16 bf16; do
        name=$(basename "$folder")-$precision-$features
        echo "== headlight $name"
        headlight "$name" "$folder" "$precision" >/dev/null
        headlight "$name" "$folder" "$precision" >/dev/null
        grep "time of the encoder" "$out/$name.log"
        python3 - "$out/runs/$name" <<'PYTHON'
import json
import sys

folder = sys.argv[1]
manifest = json.load(open(f"{folder}/manifest.json"))
report = json.load(open(f"{folder}/report.json"))
sentences = {split["split"]: split["sentences"] for split in report["treebank"]["splits"]}
print(manifest["machine"]["accelerator"], f"{manifest['seconds']:.2f} s in all")
for stage in manifest["stages"]:
    split = sentences.get(stage["name"].removeprefix("encode "))
    speed = f", {split / stage['seconds']:.0f} sentences/s" if split else ""
    print(f"{stage['name']}: {stage['seconds']:.3f} s{speed}")
rounding = report["experiments"][0]["facts"]["rounding"]
share = 100 * rounding["different"] / rounding["predictions"]
print(f"{rounding['different']} of {rounding['predictions']} predictions ({share:.3f} %) differ from exact f32")
PYTHON
    done
    echo "== transformers $(basename "$folder")"
    python3 benches/peers/gpu.py "$folder" "$large" f32,tf32,f16,bf16
done
