"""The page of a collection of 1,000 runs: bytes, seconds to collect, seconds to open. Made of copies of one real run, under 40
names of models and 25 of treebanks, with other numbers in each.

    python benches/collection.py RUN FOLDER [--binary target/release/headlight] [--runs 1000] [--browser chromium]

Leaves FOLDER/runs and FOLDER/tables. Pinned: polars==2.1.
"""

import argparse
import hashlib
import json
import random
import shutil
import subprocess
import time
from pathlib import Path

import polars

TABLES = ["best_heads", "probe_scores", "pairs"]


def sealed(value):
    """A manifest with its own checksum, as headlight writes it."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    blank = text.removesuffix("}").rstrip() + ',\n  "sha256": "' + 64 * "0" + '"\n}\n'
    digits = hashlib.sha256(blank.encode()).hexdigest()
    before, after = blank.rsplit(64 * "0", 1)
    return before + digits + after


def varied(table, seed):
    """Other numbers of the same kind."""
    draws = random.Random(seed)
    if "accuracy" in table.columns:
        total = table["total"].to_list()
        correct = [min(t, max(0, int(c * draws.uniform(0.7, 1.2)))) for c, t in zip(table["correct"], total)]
        accuracy = [c / t if t else 0.0 for c, t in zip(correct, total)]
        moved = [a - b for a, b in zip(accuracy, table["accuracy"])]
        ends = {end: [e and min(1.0, max(0.0, e + m)) for e, m in zip(table[end], moved)] for end in ("ci_low", "ci_high")}
        table = table.with_columns(
            polars.Series("correct", correct), polars.Series("accuracy", accuracy), *(polars.Series(k, v) for k, v in ends.items())
        )
    if "value" in table.columns:
        table = table.with_columns(polars.col("value") * draws.uniform(0.7, 1.1))
    return table


def run(source, folder, number):
    model, treebank = f"model-{number % 40:02}", f"UD_Language{number // 40 % 25:02}-Treebank"
    seed = 1 + number // 1000
    name = f"{model}-{treebank}-{seed}"
    place = folder / name
    place.mkdir(parents=True)
    report = json.loads((source / "report.json").read_text())
    report["name"], report["model"]["name"], report["treebank"]["name"] = name, model, treebank
    for experiment in report["experiments"]:
        experiment["tables"] = [table for table in experiment["tables"] if table in TABLES]
    (place / "report.json").write_text(json.dumps(report, indent=2))
    config = (source / "config.toml").read_text().replace("seed = 1\n", f"seed = {seed}\n", 1)
    config = config.replace("max_sentences = ", f"max_sentences = {100 * (1 + number % 7)} # ", 1)
    (place / "config.toml").write_text(f"# {name}\n{config}")
    (place / "report.html").write_text("")
    for table in TABLES:
        if (source / f"{table}.parquet").exists():
            varied(polars.read_parquet(source / f"{table}.parquet"), number).write_parquet(place / f"{table}.parquet", compression="snappy")
    manifest = json.loads((source / "manifest.json").read_text())
    manifest.pop("sha256")
    manifest["seed"] = seed
    files = sorted(path for path in place.iterdir() if path.name != "report.html")
    manifest["files"] = [
        {"path": path.name, "bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()} for path in files
    ]
    (place / "manifest.json").write_text(sealed(manifest))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--binary", default="target/release/headlight")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--browser", default="chromium")
    args = parser.parse_args()
    shutil.rmtree(args.folder / "tables", ignore_errors=True)
    shutil.rmtree(args.folder / "runs", ignore_errors=True)
    for number in range(args.runs):
        run(args.run, args.folder / "runs", number)
    for call in ("first call", "second call, nothing new"):
        start = time.perf_counter()
        subprocess.run([args.binary, "--quiet", "collect", args.folder / "runs", "--out", args.folder / "tables"], check=True)
        print(f"{call}: {time.perf_counter() - start:.1f} s")
    page = args.folder / "tables/report.html"
    print(f"page of {args.runs} runs: {page.stat().st_size / 1e6:.2f} MB")
    files = [path for path in (args.folder / "tables").rglob("*.parquet")]
    print(f"{len(files)} Parquet files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--window-size=1300,2200"]
    for opened in (page, None):
        target = page.resolve().as_uri() if opened else "about:blank"
        start = time.perf_counter()
        dom = subprocess.run([args.browser, *flags, "--dump-dom", target], check=True, capture_output=True, text=True).stdout
        print(f"browser, from start to the drawn {'page' if opened else 'blank page'}: {time.perf_counter() - start:.1f} s")
        if opened and 'data-drawn="yes"' not in dom:
            raise SystemExit("the page was not drawn")
    shot = args.folder / "page.png"
    subprocess.run([args.browser, *flags, f"--screenshot={shot}", page.resolve().as_uri()], check=True, capture_output=True)
    print(shot)


main()
