"""The words of a CoNLL-U file, for the scripts beside it."""


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
