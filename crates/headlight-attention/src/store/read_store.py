"""Reads headlight's attention store, with numpy and safetensors.

`python read_store.py FOLDER` writes the weights of all its sentences to standard output, as float32.
"""

import json
import sys
from pathlib import Path

from safetensors import safe_open


def sentences(folder):
    """Yields each sentence's weights [layer, head, from, to], or None for one that was skipped."""
    index = json.loads((Path(folder) / "index.json").read_text())
    specials = len(index["frame"]["before"]) + len(index["frame"]["after"])
    for shard in index["shards"]:
        with safe_open(Path(folder) / shard["file"], "numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        starts, row_starts = tensors["starts"], tensors.get("row_starts")
        for i, positions in enumerate(tensors["words"] + specials):
            if starts[i] == starts[i + 1]:
                yield None
                continue
            rows = tensors["weights"][starts[i] : starts[i + 1]].astype("float32").reshape(-1, positions)
            if row_starts is not None:
                rows = rows * tensors["scales"][row_starts[i] : row_starts[i + 1], None]
            yield rows.reshape(index["layers"], index["heads"], positions, positions)


if __name__ == "__main__":
    for weights in sentences(sys.argv[1]):
        if weights is not None:
            sys.stdout.buffer.write(weights.tobytes())
