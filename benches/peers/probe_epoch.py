"""One epoch of probe training in PyTorch on the CPU: the peer of `cargo bench --bench probe_epoch`.

    python benches/peers/probe_epoch.py [--sentences 2000] [--threads 2]

Same probes, same sentence lengths, same optimiser (Adam 0.002, loss summed over words) as the bench; the attention is
random f16, kept in memory and widened to f32 as each sentence or batch is used. Word weights are factored as ours are.
Prints sentences per second, sentence by sentence and in batches of 32 sentences of like length.
"""

import argparse
import time

import numpy as np
import torch

HEADS, WIDTH = 72, 50
# The 20-quantiles of sentence length in UD English EWT, about; the bench has the same table.
LENGTHS = [1, 2, 4, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 20, 22, 25, 28, 32, 38, 50]


def treebank(sentences, seed=1):
    random = np.random.default_rng(seed)
    out = []
    for i in range(sentences):
        n = LENGTHS[i % len(LENGTHS)]
        attention = random.random((HEADS, n + 2, n + 2), dtype=np.float32)
        attention /= attention.sum(-1, keepdims=True)
        # Governor n is ROOT; no word is its own.
        governors = np.array([g if g != j else n for j, g in enumerate(random.integers(0, n, n))])
        vectors = random.standard_normal((n, WIDTH), dtype=np.float32)
        out.append((torch.from_numpy(attention.astype(np.float16)), torch.from_numpy(governors), torch.from_numpy(vectors)))
    return out


class Probe(torch.nn.Module):
    """logit(i, j) = sum_k w_k a^k_ij + u_k a^k_ji; ROOT's by two scalars on [CLS] and [SEP]."""

    def __init__(self, words):
        super().__init__()
        self.heads = torch.nn.Parameter(torch.randn(2, HEADS) * 0.1)
        self.root = torch.nn.Parameter(torch.ones(2))
        self.words = torch.nn.Parameter(torch.randn(WIDTH, 4 * HEADS) * 0.1) if words else None

    def forward(self, attention, vectors):
        """attention [batch, head, from, to], vectors [batch, position, width] -> logits [batch, dependent, candidate]."""
        w, u = self.heads
        if self.words is None:
            forward = torch.einsum("k,bkij->bij", w, attention)
            backward = torch.einsum("k,bkij->bij", u, attention)
        else:
            governor_w, governor_u, dependent_w, dependent_u = (vectors @ self.words).transpose(1, 2).chunk(4, 1)
            weights = governor_w.unsqueeze(3) + dependent_w.unsqueeze(2) + w[:, None, None]
            forward = (attention * weights).sum(1)
            weights = dependent_u.unsqueeze(3) + governor_u.unsqueeze(2) + u[:, None, None]
            backward = (attention * weights).sum(1)
        return forward.transpose(1, 2) + backward

    def loss(self, pairs, governors, lengths):
        """pairs [batch, position, position] as dependent, governor; governors are padded with -100."""
        batch, n = governors.shape
        sep = (lengths + 1).view(-1, 1, 1).expand(batch, n, 1)
        words = pairs[:, 1 : n + 1]
        root = self.root[0] * words[:, :, :1] + self.root[1] * words.gather(2, sep)
        logits = torch.cat([words[:, :, 1 : n + 1], root], 2)
        at = torch.arange(n + 1)
        beyond = (at.view(1, 1, -1) >= lengths.view(-1, 1, 1)) & (at < n)
        own = torch.eye(n, n + 1, dtype=torch.bool)
        logits = logits.masked_fill(beyond | own, float("-inf"))
        return torch.nn.functional.cross_entropy(
            logits.reshape(-1, n + 1), governors.reshape(-1), reduction="sum", ignore_index=-100
        )


def batch_of(sentences):
    n = max(len(governors) for _, governors, _ in sentences)
    attention = torch.zeros(len(sentences), HEADS, n + 2, n + 2)
    vectors = torch.zeros(len(sentences), n + 2, WIDTH)
    governors = torch.full((len(sentences), n), -100)
    lengths = torch.tensor([len(g) for _, g, _ in sentences])
    for row, (a, g, v) in enumerate(sentences):
        m = len(g)
        attention[row, :, : m + 2, : m + 2] = a
        vectors[row, 1 : m + 1] = v
        governors[row, :m] = torch.where(g == m, n, g)
    return attention, vectors, governors, lengths


def epoch(data, words, batch):
    torch.manual_seed(1)
    probe = Probe(words)
    optimiser = torch.optim.Adam(probe.parameters(), lr=0.002)
    order = sorted(range(len(data)), key=lambda i: len(data[i][1])) if batch > 1 else list(range(len(data)))
    start = time.perf_counter()
    for first in range(0, len(order), batch):
        attention, vectors, governors, lengths = batch_of([data[i] for i in order[first : first + batch]])
        optimiser.zero_grad()
        probe.loss(probe(attention, vectors), governors, lengths).backward()
        optimiser.step()
    return len(data) / (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sentences", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    data = treebank(args.sentences)
    for words in (False, True):
        for batch in (1, 32):
            epoch(data[:200], words, batch)
            rates = sorted(epoch(data, words, batch) for _ in range(3))
            name = "attention+words" if words else "attention"
            print(f"{name}, batches of {batch}: {rates[-1]:.0f} sentences/s (best of 3; worst {rates[0]:.0f})", flush=True)


if __name__ == "__main__":
    main()
