"""Whether heads find antecedents (Clark et al. 2019, section 4.3), and three rules beside them, with PyTorch: one of the kinds of
`kinds.py`. Windows are whole sentences of a document, as many as fit; candidates are the head words of the mentions to the left.
"""

import torch

import encoded
from treebank import documents

DIRECTIONS = ("dep_to_gov", "gov_to_dep")
MENTIONS = ("all", "pronoun", "proper", "nominal")
RULES = ("nearest", "head_match", "sieves")


def coreference(folder, treebank, _, most):
    """Of each kind of mention, how many there are with an antecedent in their window, and for how many each head, in both
    directions, and each rule find one."""
    model = encoded.encoder(folder)
    examples, asked_of = windows(folder, treebank, most)
    correct = {(kind, direction): 0 for kind in MENTIONS for direction in DIRECTIONS}
    counts = {name: dict.fromkeys(MENTIONS, 0) for name in ("total", *RULES)}
    with torch.inference_mode():
        for batch in encoded.batches(examples):
            merged = batch.merged(encoded.attention(model, batch))
            for weights, window in zip(merged, batch.rows):
                asked = asked_of[window]
                if not asked:
                    continue
                candidates, right = torch.zeros(2, len(asked), weights.shape[-1], dtype=torch.bool)
                for row, (mention, before) in enumerate(asked):
                    candidates[row, [other.head for other in before]] = True
                    right[row, [other.head for other in before if other.entity == mention.entity]] = True
                    chosen = {rule: other and other.entity == mention.entity for rule, other in by_rules(mention, before).items()}
                    for name, value in {"total": True, **chosen}.items():
                        for kind in ("all", mention.kind):
                            counts[name][kind] += bool(value)
                own = [mention.head for mention, _ in asked]
                kinds = {kind: torch.tensor([kind in ("all", mention.kind) for mention, _ in asked]) for kind in MENTIONS}
                for direction, of_mentions in zip(DIRECTIONS, (weights[:, own], weights[:, :, own].transpose(1, 2))):
                    chosen = of_mentions.masked_fill(~candidates, -1).argmax(-1)
                    hits = right.expand(len(weights), -1, -1).gather(2, chosen[..., None])[..., 0]
                    for kind, of_kind in kinds.items():
                        correct[kind, direction] += (hits & of_kind).sum(1)
    heads = {f"{kind} {direction}": encoded.by_head(model, hits.tolist())
             for (kind, direction), hits in correct.items() if counts["total"][kind]}
    return {**heads, **{name: {kind: of[kind] for kind in MENTIONS if counts["total"][kind]} for name, of in counts.items()}}


def windows(folder, treebank, most):
    """Windows as `encoded.read` gives sentences; and of each the mentions that have an antecedent in it, each with the mentions to
    its left, the nearest first."""
    tokenizer = encoded.AutoTokenizer.from_pretrained(folder)
    room = encoded.LIMIT - 2
    found = []
    for document in documents(treebank, most):
        goes_on = False
        for forms, mentions in document:
            said = tokenizer(forms, is_split_into_words=True, add_special_tokens=False)
            pieces, of_pieces = said["input_ids"], said.word_ids()
            if len(pieces) > room:
                goes_on = False
                continue
            if not goes_on or len(found[-1][0]) + len(pieces) > room:
                found.append(([], [], [], []))
            goes_on = True
            ids, word_ids, words, inside = found[-1]
            inside += [mention._replace(head=len(words) + mention.head) for mention in mentions]
            word_ids += [len(words) + word for word in of_pieces]
            ids += pieces
            words += forms
    examples = [(number, [tokenizer.cls_token_id, *ids, tokenizer.sep_token_id], [None, *word_ids, None], words)
                for number, (ids, word_ids, words, _) in enumerate(found)]
    return examples, [anaphoric(sorted(mentions, key=lambda mention: mention.head)) for *_, mentions in found]


def anaphoric(mentions):
    asked = []
    for place, mention in enumerate(mentions):
        before = [other for other in reversed(mentions[:place]) if other.head < mention.head]
        if any(other.entity == mention.entity for other in before):
            asked.append((mention, before))
    return asked


def by_rules(mention, before):
    """The nearest mention; the nearest with the same head word; the nearest that goes through the first sieve that any goes through:
    the same words, the same head word, agreement, all."""
    def nearest(fits):
        return next(filter(fits, before), None)

    def agrees(other):
        return all(a is None or b is None or a == b for a, b in zip(mention.agreement, other.agreement))

    same_text = nearest(lambda other: other.text == mention.text)
    same_form = nearest(lambda other: other.form == mention.form)
    return {"nearest": before[0], "head_match": same_form, "sieves": same_text or same_form or nearest(agrees) or before[0]}
