"""headlight for Python: attention of a checkpoint, tables of a run, attention stores.

    import headlight

    model = headlight.Model("data/model")
    maps = model.attention(["trees", "on", "a", "mat"])     # [layer, head, from, to]
    tables = headlight.read_run("runs/quickstart")          # {"best_heads": polars.DataFrame, …}
    store = headlight.read_store("~/.cache/headlight/attention/…")

Runs are made by the command `headlight`. Whatever headlight refuses is a `HeadlightError` with its words.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy

from . import _headlight
from ._headlight import HeadlightError, __version__

__all__ = ["HeadlightError", "Model", "Store", "read_run", "read_store", "__version__"]


def _array(buffer):
    data, shape = buffer
    return numpy.frombuffer(data, dtype=numpy.float32).reshape(shape)


def _path(path):
    return Path(os.path.expanduser(path))


class Model:
    """A checkpoint folder made ready, on the processor in exact 32-bit floats."""

    def __init__(self, path, *, threads=None, max_pieces=512):
        self._model = _headlight.Model(_path(path), threads, max_pieces)
        for warning in self._model.warnings:
            warnings.warn(warning, stacklevel=2)

    @property
    def layers(self):
        """Layers of heads."""
        return self._model.layers

    @property
    def heads(self):
        """Heads of a layer."""
        return self._model.heads

    @property
    def frame(self):
        """The names of the special pieces before the words and of those after."""
        before, after = self._model.frame
        return tuple(before), tuple(after)

    def attention(self, words, *, specials=True):
        """Attention of every head between the words of a sentence: an array `[layer, head, from, to]`, whose rows sum to 1.

        To a word of several pieces goes the attention to all of them, from it the mean of theirs. The positions are the special
        pieces before the words, the words, those after (see `frame`); with `specials=False` the words alone, as they are, so
        that rows sum to less than 1. Heads count from 0 here: head 8-10 is `[7, 9]`.
        """
        return self.attentions([words], specials=specials)[0]

    def attentions(self, sentences, *, specials=True):
        """The same of many sentences, several at a time."""
        sentences = list(sentences)
        for words in sentences:
            if isinstance(words, str):
                raise TypeError("a sentence is a list of words, not a string")
        maps = [_array(buffer) for buffer in self._model.attention([list(words) for words in sentences])]
        return maps if specials else [self._inner(weights) for weights in maps]

    def piece_attention(self, words):
        """The ids of a sentence's pieces and the attention between them: `(ids, [layer, head, from, to])`."""
        ids, buffer = self._model.piece_attention(list(words))
        return ids, _array(buffer)

    def _inner(self, weights):
        before, after = self.frame
        words = slice(len(before), weights.shape[-1] - len(after))
        return weights[:, :, words, words]


class Store:
    """The word attention of a split, as runs keep it in the cache. Its bytes are compared with their checksums once."""

    def __init__(self, path):
        self._store = _headlight.Store(_path(path))

    @property
    def frame(self):
        """The names of the special pieces before the words and of those after."""
        before, after = self._store.frame
        return tuple(before), tuple(after)

    def __len__(self):
        return len(self._store)

    def __getitem__(self, sentence):
        """The attention of a sentence, `[layer, head, from, to]`; None of one that was skipped."""
        at = sentence + len(self) if sentence < 0 else sentence
        if at < 0:
            raise IndexError(f"sentence {sentence} of {len(self)}")
        buffer = self._store.read(at)
        return None if buffer is None else _array(buffer)

    def __iter__(self):
        return (self[sentence] for sentence in range(len(self)))


def read_store(path):
    """The attention store in this folder; see `headlight store ls` for folders."""
    return Store(path)


def read_run(path, backend="polars"):
    """All tables of a run directory, by name, as frames of polars or pandas. docs/tables.md says what columns mean.

    What was changed in the directory since the run wrote it is warned of; what is damaged is refused.
    """
    if backend not in ("polars", "pandas"):
        raise ValueError(f'backend is "polars" or "pandas", not {backend!r}')
    folder = _path(path)
    tables, changed = _headlight.tables_of_run(folder)
    for warning in changed:
        warnings.warn(f"{folder}: {warning}", stacklevel=2)
    frames = __import__(backend)
    return {table: frames.read_parquet(folder / f"{table}.parquet") for table in tables}
