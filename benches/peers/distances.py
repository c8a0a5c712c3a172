"""Jensen–Shannon distances between all pairs of heads in numpy, one segment: the released formulation (all ordered pairs,
row by row of heads) and the symmetric one with shared entropies.

    python benches/peers/distances.py [LAYERS HEADS PIECES]

Pinned: numpy==2.5. The same with headlight: `cargo bench --bench distances`.
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


def released(weights):
    """Each head against all heads; every entropy anew."""
    distances = np.zeros((count, count))
    for head in range(count):
        p = weights[head][None]
        middle = (p + weights) / 2
        divergence = ((p * np.log(p / middle)).sum(-1) + (weights * np.log(weights / middle)).sum(-1)) / 2
        distances[head] = divergence.sum(-1)
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


for formulation in (released, shared):
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        found = formulation(weights)
        times.append(time.perf_counter() - begun)
    print(f"{formulation.__name__}: {min(times) * 1e3:.0f} ms a segment (best of 3), D(0, 1) = {found[0, 1]:.4f}")
