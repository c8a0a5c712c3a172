"""What kinds of experiments compute, as a script with PyTorch, transformers, numpy and scipy computes it: the peer of
`benches/kinds.py`, which runs both and compares their numbers.

    python benches/peers/kinds.py KIND MODEL EVALUATED.conllu TRAIN.conllu SENTENCES OUT.json

Nothing is shared with headlight. The kinds `heads` and `pairs` have scripts of their own, `heads.py` and `blimp.py`; `coreference` is
in `coreference.py`.
"""

import json
import sys

import numpy as np
import torch

import encoded
from coreference import coreference
from encoded import by_head, names

EPOCHS, RANK, LAYER = 5, 64, 4


def surface(folder, treebank, _, most):
    """Where heads look, means over sentences."""
    model = encoded.encoder(folder)
    tokenizer, examples = encoded.read(folder, treebank, most)
    marks = torch.tensor(tokenizer.convert_tokens_to_ids([".", ","]))
    sums, counts = {}, {}
    with torch.inference_mode():
        for batch in encoded.batches(examples):
            weights = encoded.attention(model, batch) * batch.mask[:, None, :, None]
            lengths = torch.tensor(batch.lengths)
            rows = torch.arange(len(lengths))
            of = lengths[:, None].float()
            to_sep = weights[rows, :, :, lengths - 1]
            sep_sep = to_sep[rows, :, lengths - 1]
            punctuation = torch.isin(batch.ids, marks)[:, None, None].float()
            entropy = -torch.xlogy(weights, weights).sum(-1)
            marked = punctuation[:, 0, 0].sum(-1) > 0
            everywhere = torch.ones_like(marked)
            for name, value, counted in (
                ("prev", weights.diagonal(-1, 2, 3).sum(-1) / (of - 1), everywhere),
                ("next", weights.diagonal(1, 2, 3).sum(-1) / (of - 1), everywhere),
                ("self", weights.diagonal(0, 2, 3).sum(-1) / of, everywhere),
                ("cls", weights[..., 0].sum(-1) / of, everywhere),
                ("sep", to_sep.sum(-1) / of, everywhere),
                ("sep_sep", sep_sep, everywhere),
                ("rest_sep", (to_sep.sum(-1) - sep_sep) / (of - 1), everywhere),
                ("punct", (weights * punctuation).sum((-1, -2)) / of, marked),
                ("entropy", entropy.sum(-1) / of, everywhere),
                ("entropy_cls", entropy[..., 0], everywhere),
            ):
                sums[name] = sums.get(name, 0) + value[counted].double().sum(0)
                counts[name] = counts.get(name, 0) + int(counted.sum())
    return {name: by_head(model, (sums[name] / counts[name]).tolist()) for name in sums}


def clusters(folder, treebank, _, most):
    """Jensen-Shannon divergences between all heads, summed over rows, their embedding and their hierarchy."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    model = encoded.encoder(folder)
    _, examples = encoded.read(folder, treebank, most)
    heads = len(names(model))
    own, both, rows = torch.zeros(heads).double(), torch.zeros(heads, heads).double(), 0
    with torch.inference_mode():
        for batch in encoded.batches(examples):
            weights = encoded.attention(model, batch) * batch.mask[:, None, :, None]
            rows += sum(batch.lengths)
            own -= torch.xlogy(weights, weights).sum((0, 2, 3)).double()
            for head in range(heads - 1):
                middle = (weights[:, head : head + 1] + weights[:, head + 1 :]) / 2
                both[head, head + 1 :] -= torch.xlogy(middle, middle).sum((0, 2, 3)).double()
    both += both.T.clone()
    divergence = (both - (own[:, None] + own) / 2).fill_diagonal_(0).numpy()
    distance = np.sqrt(divergence.clip(0) / rows)
    stress, points = min((smacof(distance, seed) for seed in range(8)), key=lambda it: it[0])
    cut = fcluster(linkage(squareform(distance, checks=False), "average"), 8, "maxclust")
    assert points.shape == (heads, 2) and len(set(cut)) <= 8
    return {"js_sum": {f"{a} {b}": divergence[a, b] for a in range(heads) for b in range(a + 1, heads)}}


def smacof(distance, seed, most=1000, enough=1e-6):
    """Metric multidimensional scaling in the plane by majorisation: (stress, points)."""
    count = len(distance)
    points = np.random.default_rng(seed).standard_normal((count, 2))
    before = np.inf
    for _ in range(most):
        found = np.sqrt(((points[:, None] - points) ** 2).sum(-1))
        stress = ((found - distance) ** 2).sum() / 2
        if before - stress < enough * stress:
            break
        before = stress
        ratio = -np.divide(distance, found, out=np.zeros_like(found), where=found > 0)
        np.fill_diagonal(ratio, -ratio.sum(1))
        points = ratio @ points / count
    return stress, points


def trees(folder, treebank, _, most):
    """The undirected spanning tree and both arborescences from the given root, of every head."""
    model = encoded.encoder(folder)
    _, examples = encoded.read(folder, treebank, most)
    heads = len(names(model))
    correct = {tree: np.zeros(heads, int) for tree in ("undirected", "dep_to_gov", "gov_to_dep")}
    for words, weights in encoded.maps(model, examples):
        weights = weights.numpy()
        governors = np.array([governor for _, governor, _ in words]) - 1
        kept = np.array([relation != "punct" for _, _, relation in words])
        counted = np.flatnonzero(kept & (governors >= 0))
        places = np.flatnonzero(kept)
        gold = {frozenset((word, governors[word])) for word in counted}
        for head in range(heads):
            of_head = weights[head]
            if len(places) > 1:
                both = (of_head + of_head.T)[np.ix_(places, places)]
                correct["undirected"][head] += sum(
                    frozenset((places[a], places[b])) in gold for a, b in spanning_tree(both)
                )
            for tree, scores in (("dep_to_gov", of_head), ("gov_to_dep", of_head.T)):
                found = rooted(scores, int(np.flatnonzero(governors < 0)[0]))
                correct[tree][head] += (found[counted] == governors[counted]).sum()
    return {tree: by_head(model, counts.tolist()) for tree, counts in correct.items()}


def spanning_tree(weights):
    from scipy.sparse.csgraph import minimum_spanning_tree

    # No cost may be 0, which is no edge there.
    costs = np.triu(weights.max() + 1 - weights, 1)
    found = minimum_spanning_tree(costs).tocoo()
    return zip(found.row, found.col)


def rooted(scores, root):
    """Governors, -1 of the root, of the maximum arborescence [dependent, governor] from the root."""
    words = len(scores)
    whole = np.full((words + 1, words + 1), -np.inf)
    whole[1:, 1:] = scores
    whole[root + 1, 1:] = -np.inf
    whole[root + 1, 0] = 0
    np.fill_diagonal(whole, -np.inf)
    return chu_liu_edmonds(whole)[1:] - 1


def chu_liu_edmonds(scores):
    """The governor of each node, 0 being the root; `scores` [dependent, governor]. As parsers in Python have it."""
    scores = scores.copy()
    scores[0] = -np.inf
    scores[0, 0] = 0
    tree = scores.argmax(1)
    cycle = cycle_of(tree)
    if cycle is None:
        return tree
    inside, outside = np.flatnonzero(cycle), np.flatnonzero(~cycle)
    cycle_scores = scores[inside, tree[inside]]
    into = scores[np.ix_(inside, outside)] - cycle_scores[:, None]
    out = scores[np.ix_(outside, inside)]
    enters, leaves = into.argmax(0), out.argmax(1)
    small = np.full((len(outside) + 1, len(outside) + 1), -np.inf)
    small[:-1, :-1] = scores[np.ix_(outside, outside)]
    small[-1, :-1] = into.max(0)
    small[:-1, -1] = out.max(1)
    small_tree = chu_liu_edmonds(small)
    whole = tree.copy()
    for place, node in enumerate(outside):
        governor = small_tree[place]
        whole[node] = inside[leaves[place]] if governor == len(outside) else outside[governor]
    governor = small_tree[-1]
    whole[inside[enters[governor]]] = outside[governor]
    return whole


def cycle_of(tree):
    seen = np.zeros(len(tree), int)
    for start in range(1, len(tree)):
        at = start
        while at and not seen[at]:
            seen[at] = start
            at = tree[at]
        if at and seen[at] == start:
            cycle = np.zeros(len(tree), bool)
            while not cycle[at]:
                cycle[at] = True
                at = tree[at]
            return cycle
    return None


def ensembles(folder, treebank, _, most):
    """Greedy ensembles of at most four heads for each relation with 50 arcs, in both directions."""
    model = encoded.encoder(folder)
    _, examples = encoded.read(folder, treebank, most)
    rows = {}
    for words, weights in encoded.maps(model, examples):
        weights = weights.clone()
        weights.diagonal(dim1=1, dim2=2).fill_(-1e9)
        for word, (_, governor, relation) in enumerate(words):
            if governor:
                for direction, start, end in (("dep_to_gov", word, governor - 1), ("gov_to_dep", governor - 1, word)):
                    rows.setdefault(f"{relation} {direction}", []).append((weights[:, start].clone(), end))
    found = {}
    for key, arcs in rows.items():
        if len(arcs) < 50:
            continue
        longest = max(row.shape[1] for row, _ in arcs)
        of_arcs = torch.full((len(arcs), len(names(model)), longest), -1e9)
        for place, (row, _) in enumerate(arcs):
            of_arcs[place, :, : row.shape[1]] = row
        ends = torch.tensor([end for _, end in arcs])[:, None]
        gathered, best, heads = 0, 0, []
        while len(heads) < 4:
            correct = ((gathered + of_arcs).argmax(-1) == ends).sum(0)
            correct[heads] = -1
            head = int(correct.argmax())
            if correct[head] <= best:
                break
            best = int(correct[head])
            heads.append(head)
            gathered = gathered + of_arcs[:, head : head + 1]
        found[key] = best
    return {"selected_correct": found}


def masked_model(folder):
    from transformers import BertForMaskedLM

    # The checkpoint may keep its weights in f16.
    return BertForMaskedLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()


def hidden(batch, tokenizer):
    """Every piece but [CLS] and [SEP] behind [MASK]: the pieces, their places, and what is to be guessed."""
    guessed = batch.mask.bool().clone()
    guessed[:, 0] = False
    guessed[range(len(batch.lengths)), torch.tensor(batch.lengths) - 1] = False
    return torch.where(guessed, tokenizer.mask_token_id, batch.ids), guessed


def losses(logits, batch, guessed):
    """The mean loss of each sentence over its hidden pieces."""
    each = torch.nn.functional.cross_entropy(logits.transpose(1, 2), batch.ids, reduction="none")
    return (each * guessed).sum(1) / guessed.sum(1)


def importance(folder, treebank, _, most):
    """Mean absolute gradients of the loss: of attention to [SEP] and to the rest, and of gates on heads."""
    model = masked_model(folder)
    tokenizer, examples = encoded.read(folder, treebank, most)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    # Something has to ask for a gradient, so that the first layer's attention has one.
    model.bert.embeddings.LayerNorm.bias.requires_grad_(True)
    sums = {name: 0 for name in ("gradient_sep", "gradient_rest", "gate")}
    loss_sum = 0.0
    for batch in encoded.batches(examples):
        ids, guessed = hidden(batch, tokenizer)
        said = model(input_ids=ids, attention_mask=batch.mask, output_attentions=True)
        for weights in said.attentions:
            weights.retain_grad()
        loss = losses(said.logits, batch, guessed)
        loss.sum().backward()
        loss_sum += float(loss.detach().double().sum())
        weights = torch.cat([weights.detach() for weights in said.attentions], 1)
        gradients = torch.cat([weights.grad for weights in said.attentions], 1)
        valid = batch.mask[:, None, :, None] * batch.mask[:, None, None]
        lengths = torch.tensor(batch.lengths)
        rows = torch.arange(len(lengths))
        sizes = (gradients.abs() * valid).sum(2)
        to_sep = sizes[rows, :, lengths - 1]
        of = lengths[:, None].float()
        sums["gradient_sep"] += (to_sep / of).double().sum(0)
        sums["gradient_rest"] += ((sizes.sum(-1) - to_sep) / of / (of - 1)).double().sum(0)
        sums["gate"] += (weights * gradients * valid).sum((2, 3)).abs().double().sum(0)
    count = len(examples)
    return {name: by_head(model, (sum / count).tolist()) for name, sum in sums.items()}


def pruning(folder, treebank, _, most):
    """The loss of every other sentence with each head masked alone."""
    model = masked_model(folder)
    tokenizer, examples = encoded.read(folder, treebank, most)
    examples = examples[::2]
    width = model.config.hidden_size // model.config.num_attention_heads

    def mean_loss():
        total = 0.0
        for batch in encoded.batches(examples):
            ids, guessed = hidden(batch, tokenizer)
            total += float(losses(model(input_ids=ids, attention_mask=batch.mask).logits, batch, guessed).double().sum())
        return total / len(examples)

    def masked(layer, head):
        def zero(_, inputs):
            states = inputs[0].clone()
            states[..., head * width : (head + 1) * width] = 0
            return (states,)

        hook = model.bert.encoder.layer[layer].attention.output.dense.register_forward_pre_hook(zero)
        loss = mean_loss()
        hook.remove()
        return loss

    with torch.inference_mode():
        return {"intact": {"all": mean_loss()}, "value": by_head(model, [masked(*name) for name in names(model)])}


def structural(folder, treebank, train, most):
    """A distance probe of one layer (Hewitt & Manning 2019): UUAS."""
    model = encoded.encoder(folder)

    def states(path):
        with torch.no_grad():
            for batch in encoded.batches(encoded.read(folder, path, most)[1]):
                said = model(input_ids=batch.ids, attention_mask=batch.mask, output_hidden_states=True)
                merged = batch.means @ said.hidden_states[LAYER]
                for row, words in enumerate(batch.words):
                    yield words, merged[row, : len(words)].clone()

    def distances(words):
        n = len(words)
        found = np.full((n, n), n, np.float32)
        np.fill_diagonal(found, 0)
        for word, (_, governor, _) in enumerate(words):
            if governor:
                found[word, governor - 1] = found[governor - 1, word] = 1
        for via in range(n):
            found = np.minimum(found, found[:, via : via + 1] + found[via])
        return torch.from_numpy(found)

    learned = [(states, distances(words)) for words, states in states(train)]
    torch.manual_seed(1)
    probe = torch.nn.Parameter(torch.rand(model.config.hidden_size, RANK) * 0.1 - 0.05)
    optimiser = torch.optim.Adam([probe], lr=0.001)
    for _ in range(EPOCHS):
        order = torch.randperm(len(learned)).tolist()
        for first in range(0, len(order), 20):
            some = [learned[place] for place in order[first : first + 20]]
            longest = max(len(states) for states, _ in some)
            padded = torch.nn.utils.rnn.pad_sequence([states for states, _ in some], batch_first=True)
            gold = torch.full((len(some), longest, longest), -1.0)
            for row, (_, distances_of) in enumerate(some):
                gold[row, : len(distances_of), : len(distances_of)] = distances_of
            points = padded @ probe
            found = ((points[:, :, None] - points[:, None]) ** 2).sum(-1)
            wrong = ((found - gold).abs() * (gold >= 0)).sum((1, 2))
            loss = (wrong / torch.tensor([len(states) ** 2 for states, _ in some])).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    right = total = 0
    with torch.inference_mode():
        for words, of_words in states(treebank):
            governors = [governor - 1 for _, governor, _ in words]
            places = [word for word, (_, _, relation) in enumerate(words) if relation != "punct"]
            gold = {frozenset((word, governors[word])) for word in places if governors[word] >= 0}
            total += len(gold)
            if len(places) > 1:
                points = of_words[places] @ probe
                found = -((points[:, None] - points) ** 2).sum(-1).numpy()
                right += sum(frozenset((places[a], places[b])) in gold for a, b in spanning_tree(found))
    return {"per cent": {"uuas": 100 * right / total}}


def probe(folder, treebank, train, most):
    """The attention-only probe of Clark et al., one epoch sentence by sentence: UAS without punctuation."""
    model = encoded.encoder(folder)
    heads = len(names(model))
    torch.manual_seed(1)
    ahead, back = (torch.nn.Parameter(torch.zeros(heads)) for _ in range(2))
    root = torch.nn.Parameter(torch.ones(2))
    optimiser = torch.optim.Adam([ahead, back, root], lr=0.002)

    def logits(weights):
        n = weights.shape[-1] - 2
        pairs = torch.einsum("k,kij->ij", ahead, weights) + torch.einsum("k,kji->ij", back, weights)
        words = pairs[1:-1]
        of_words = words[:, 1:-1].masked_fill(torch.eye(n, dtype=torch.bool), -torch.inf)
        return torch.cat([of_words, root[0] * words[:, :1] + root[1] * words[:, -1:]], 1)

    def gold(words):
        return torch.tensor([governor - 1 if governor else len(words) for _, governor, _ in words])

    learned = [(weights.clone(), gold(words)) for words, weights in
               encoded.maps(model, encoded.read(folder, train, most)[1], words_only=False)]
    for place in torch.randperm(len(learned)).tolist():
        weights, governors = learned[place]
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(logits(weights), governors, reduction="sum").backward()
        optimiser.step()
    right = total = 0
    for words, weights in encoded.maps(model, encoded.read(folder, treebank, most)[1], words_only=False):
        with torch.inference_mode():
            kept = torch.tensor([relation != "punct" for _, _, relation in words])
            right += int(((logits(weights).argmax(1) == gold(words)) & kept).sum())
            total += int(kept.sum())
    return {"per cent": {"uas": 100 * right / total}}


def main():
    kind, folder, treebank, train, most, output = sys.argv[1:]
    made = globals()[kind](folder, treebank, train, int(most))
    with open(output, "w") as file:
        json.dump(made, file)


if __name__ == "__main__":
    main()
