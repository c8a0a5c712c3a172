#!/bin/sh
# Good files of each target into corpus/, to begin from.
set -eu
cd "$(dirname "$0")"
fixtures=../crates/headlight-bert/tests/fixtures
put() { mkdir -p "corpus/$1"; cat > "corpus/$1/$2"; }
mkdir -p corpus/conllu
awk -v RS= 'NR <= 40 { file = "corpus/conllu/" NR; print $0 "\n" > file; close(file) }' ../data/sample/en_sample-coref.conllu
mkdir -p corpus/conllx && for file in corpus/conllu/[0-9] corpus/conllu/[0-9][0-9]; do grep -P '^\d+\t' "$file" | put conllx "$(basename "$file")"; done
printf '#begin document (d); part 000\nd 0 0 Mary NNP (TOP* - - - s * (1)\nd 0 1 herself PRP *) - - - s * (1)\n\n#end document\n' | put conll2012 1
printf '(e1-person-1- e1) (e2-place-2-(e3-thing-1-) e3)e2)' | put entities 1
grep -o 'Entity=[^|]*' ../data/sample/en_sample-coref.conllu | sed 's/Entity=//' | head -40 | tr '\n' ' ' | put entities 2
printf '\0the 0.5 1 -2\nof 1e3 0 0.25\n' | put vectors text
printf '\0002 2\nthe 1 2\nof 3 4\n' | put vectors header
printf '\0011 1\nthe \0\0\200\077\n' | put vectors binary
put safetensors 1 < $fixtures/tiny-bert/model.safetensors
head -c $((8 + $(od -An -t u8 -N 8 $fixtures/tiny-bert/model.safetensors))) $fixtures/tiny-bert/model.safetensors | put safetensors header
for file in $fixtures/pytorch/*.bin; do
    put pytorch "$(basename "$file")" < "$file"
    if unzip -q -p "$file" '*/data.pkl' > corpus/pickle 2> corpus/said; then put pytorch "$(basename "$file" .bin).pkl" < corpus/pickle; fi
done
rm -f corpus/pickle corpus/said
for file in $fixtures/families/*/config.json $fixtures/tiny-bert/config.json; do put config_json "$(basename "$(dirname "$file")")" < "$file"; done
grep '^# text = ' ../data/sample/en_sample-coref.conllu | cut -c10- | head -40 | while IFS= read -r text; do printf '%s' "$text" | put tokenizer "$(printf '%s' "$text" | cksum | cut -d' ' -f1)"; done
for file in ../configs/*.toml ../configs/*/*.toml; do put config "$(basename "$file")" < "$file"; done
printf '[sweep]\nseed = [1, 2]\n[model]\nname = "minilm-l6"\n[treebank]\nevaluate = ["a.conllu"]\n[[experiment]]\nkind = "heads"\nselection = "same"\n\0name=x\0experiment.0.lengths=3' | put config sweep
for table in 0 1 2 3 4 5 377; do for format in 0 1 2 3 4 5; do
    { printf "P\\00$format\\$table\\00$((format % 4))"; awk -v s=$((2 * format + 7)) 'BEGIN { for (i = 0; i < 300; i++) printf "%c", i * s % 127 }'; } | put comparison $table-$format
done; done
# Tables and a report need a binary, HEADLIGHT=…, that makes a small run.
headlight=${HEADLIGHT:-../target/debug/headlight}
if [ -x "$headlight" ]; then
    scratch=$(mktemp -d)
    printf '[model]\npath = "%s"\n[treebank]\nevaluate = ["sample:evaluate"]\nmax_sentences = 3\n[[experiment]]\nkind = "heads"\nselection = "same"\nnull_models = 0\n' \
        "$PWD/$fixtures/tiny-bert" > "$scratch/it.toml"
    XDG_CACHE_HOME=$scratch/cache "$headlight" --quiet run "$scratch/it.toml" --out "$scratch/runs" > "$scratch/said"
    for table in '\000head_scores' '\001best_heads' '\002predictions'; do
        { printf "$(printf %.4s "$table")"; cat "$scratch/runs/it/${table#????}.parquet"; } | put tables "${table#????}"
    done
    put report_json 1 < "$scratch/runs/it/report.json"
    rm -r "$scratch"
fi
