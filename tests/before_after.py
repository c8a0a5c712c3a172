"""Whether a change of the code changes a number: runs a config with two binaries and compares all that they leave.

    python tests/before_after.py OLD_BINARY NEW_BINARY CONFIG

Tables row by row and cell by cell, in order (added tables and columns are named, not counted); texts line by line. Needs polars.
Exits with 1 where a cell differs. `tests/whole_runs.rs` has a config of all kinds.
"""

import difflib
import os
import subprocess
import sys
import tempfile

import polars as pl


def run(binary, config, folder):
    environment = dict(os.environ, XDG_CACHE_HOME=os.path.join(folder, "cache"))
    command = [os.path.abspath(binary), "--quiet", "run", config, "--out", os.path.join(folder, "runs")]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    if ran.returncode:
        sys.exit(f"{binary}: {ran.stderr}")
    runs = os.path.join(folder, "runs")
    return {name: os.path.join(runs, name) for name in sorted(os.listdir(runs))}, ran.stdout


def differing_cells(name, before, after):
    gone = [column for column in before.columns if column not in after.columns]
    added = [column for column in after.columns if column not in before.columns]
    if added:
        print(f"{name}: new columns {added}")
    if gone or len(before) != len(after):
        print(f"{name}: columns gone {gone}, {len(before)} rows became {len(after)}")
        return 1
    differing = 0
    for column in before.columns:
        old, new = before[column], after[column]
        cells = old.ne_missing(new)
        if cells.any():
            at = cells.arg_max()
            differing += cells.sum()
            print(f"{name}.{column}: {cells.sum()} of {len(old)} cells differ, the first from {old[at]} to {new[at]}")
    return differing


def compare(before, after):
    differing = 0
    for name in sorted(set(os.listdir(before)) | set(os.listdir(after))):
        old, new = os.path.join(before, name), os.path.join(after, name)
        if not os.path.exists(old):
            print(f"{name}: new")
        elif not os.path.exists(new):
            print(f"{name}: gone")
            differing += 1
        elif name.endswith(".parquet"):
            differing += differing_cells(name, pl.read_parquet(old), pl.read_parquet(new))
        elif name.endswith((".md", ".conllu")):
            print_differences(name, open(old).read(), open(new).read())
    return differing


def print_differences(name, before, after):
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), f"{name} before", f"{name} after", "", "", 0, ""):
        print(line)


def main(old, new, config):
    with tempfile.TemporaryDirectory() as folder:
        (before, said_before), (after, said_after) = (
            run(binary, config, os.path.join(folder, name)) for name, binary in [("before", old), ("after", new)]
        )
        print_differences("standard output", said_before, said_after)
        if before.keys() != after.keys():
            sys.exit(f"runs {list(before)} became {list(after)}")
        differing = sum(compare(before[name], after[name]) for name in before)
    print(f"{differing} cells differ")
    sys.exit(differing > 0)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
