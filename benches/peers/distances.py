"""Jensen–Shannon distances between all pairs of heads in numpy, one segment: as the released script of Clark et al. (2019) takes
them, and as one would write them today, each pair once with shared entropies.

    OMP_NUM_THREADS=1 python benches/peers/distances.py [LAYERS HEADS PIECES]

The released script goes over all ordered pairs, head by head, and mixes each map with a little of the uniform one, anew for each
head. It reads maps that its extraction has stored as float16, and numpy stays in float16; both are measured, and float32.

Pinned: numpy==2.4.6. The same with headlight: `cargo bench --bench distances`.
"""

import sys
import time

import numpy as np

layers, heads, pieces = map(int, sys.argv[1:]) if len(sys.argv) > 1 else (12, 12, 128)
count = layers * heads
random = np.random.default_rng(1)
logits = random.uniform(0, 4, size=(count, pieces, pieces)).astype(np.float32)
weights = np.exp(logits)
weights /= weights.sum(-1, keepdims=True)


def entropy(p):
    return -(p * np.log(p)).sum(-1)


def released(weights, uniform=0.001):
    """Each head against all heads, all smoothed for each."""
    smooth = lambda maps: uniform / maps.shape[1] + maps * (1 - uniform)
    distances = np.zeros((count, count))
    for head in range(count):
        p, q = smooth(weights[head][None]), smooth(weights)
        middle = (p + q) / 2
        divergence = (-p * np.log(middle / p) - q * np.log(middle / q)) / 2
        distances[head] = divergence.sum(-1).sum(-1)
    return distances


def shared(weights):
    """Each pair once; a head's entropy once."""
    alone = entropy(weights).sum(-1)
    distances = np.zeros((count, count))
    for head in range(count - 1):
        later = weights[head + 1 :]
        together = entropy((weights[head] + later) / 2).sum(-1)
        distances[head, head + 1 :] = together - (alone[head] + alone[head + 1 :]) / 2
    return distances + distances.T


for formulation, kind, runs in ((released, np.float16, 1), (released, np.float32, 3), (shared, np.float32, 3)):
    maps = weights.astype(kind)
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        found = formulation(maps)
        times.append(time.perf_counter() - begun)
    print(
        f"{formulation.__name__}, {np.dtype(kind).name}: {min(times) * 1e3:.0f} ms a segment (best of {runs}), "
        f"D(0, 1) = {found[0, 1]:.4f}"
    )
