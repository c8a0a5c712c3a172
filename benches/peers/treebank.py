"""The words of a CoNLL-U file, and the documents of one with entities, for the scripts beside it."""

import re
from typing import NamedTuple

BRACKET = re.compile(r"\(([^()]+)(\)?)|([^()]+)\)")


def sentences(path):
    """Sentences as lists of (form, governor, relation), words only."""
    words = []
    for line in open(path, encoding="utf-8"):
        columns = line.rstrip("\n").split("\t")
        if len(columns) == 10 and columns[0].isdigit():
            words.append((columns[1], int(columns[6]), columns[7]))
        elif len(columns) == 1 and not columns[0] and words:
            yield words
            words = []
    if words:
        yield words


def forms(path):
    """Sentences as lists of forms."""
    for words in sentences(path):
        yield [form for form, _, _ in words]


class Mention(NamedTuple):
    """A mention of an entity: where its head word stands in its sentence, and what rules may ask of it, in lower case."""

    entity: str
    head: int
    kind: str
    text: str
    form: str
    agreement: tuple


def documents(path, most=0):
    """Documents of the first `most` sentences: each its sentences, each of those its forms and its mentions (CorefUD's `Entity=`,
    mentions within a sentence)."""
    found, rows, place, left = [], [], None, most
    for line in open(path, encoding="utf-8"):
        columns = line.rstrip("\n").split("\t")
        if line.startswith("# newdoc"):
            found.append([])
        elif line.startswith("# global.Entity = "):
            place = line.split(" = ")[1].strip().split("-").index("minspan")
        elif len(columns) == 10 and columns[0].isdigit():
            rows.append(columns)
        elif len(columns) == 1 and not columns[0] and rows:
            found[-1].append(([columns[1] for columns in rows], mentions(rows, place)))
            rows = []
            left -= 1
            if left == 0:
                break
    return found


def mentions(rows, minspan):
    """The mentions of a sentence; `minspan` is the place among an opening bracket's attributes of what names its head."""
    opened, closed = {}, []
    for word, columns in enumerate(rows):
        said = "".join(value[7:] for value in columns[9].split("|") if value.startswith("Entity="))
        for opening, single, closing in BRACKET.findall(said):
            entity, *attributes = (opening or closing).split("-")
            if opening:
                opened.setdefault(entity, []).append((word, attributes[minspan - 1]))
            if single or closing:
                closed.append((entity, *opened[entity].pop(), word))
    closed.sort(key=lambda mention: (mention[1], -mention[3]))
    return [mention(rows, *of) for of in closed]


def mention(rows, entity, start, minspan, end):
    def depth(word):
        governor = int(rows[word][6])
        return 1 + depth(governor - 1) if governor else 0

    # Of the words that stand for it, the one nearest to the root.
    head = min((start + int(number) - 1 for number in minspan.split(",")), key=lambda word: (depth(word), word))
    features = dict(pair.split("=") for pair in rows[head][5].split("|") if "=" in pair)
    kind = {"PRON": "pronoun", "PROPN": "proper"}.get(rows[head][3], "nominal")
    person = features.get("Person", None if kind == "pronoun" else "3")
    text = " ".join(columns[1] for columns in rows[start : end + 1])
    return Mention(entity, head, kind, text.lower(), rows[head][1].lower(),
                   (features.get("Number"), features.get("Gender"), person))
