"""The package against Rust's numbers, transformers' numbers, and what it has to refuse.

Runs and stores are made by the command `headlight`: `HEADLIGHT`, or what stands in `target/debug` or PATH. What is not there is said.
"""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
import warnings
from pathlib import Path

import numpy

import headlight

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE = REPOSITORY / "data" / "model"
TINY = REPOSITORY / "crates" / "headlight-bert" / "tests" / "fixtures" / "tiny-bert"
MINILM = REPOSITORY.parent / "shared" / "data" / "minilm-l6"


def command():
    """The command, or a word on its absence."""
    built = REPOSITORY / "target" / "debug" / "headlight"
    found = os.environ.get("HEADLIGHT") or (built if built.is_file() else shutil.which("headlight"))
    if not found:
        raise unittest.SkipTest("not run: there is no command headlight")
    return str(found)


class Attention(unittest.TestCase):
    def test_axes_are_layer_head_from_to(self):
        model = headlight.Model(TINY)
        maps = model.attention(["trees", "on", "a", "mat"])
        self.assertEqual((maps.shape, maps.dtype), ((model.layers, model.heads, 6, 6), numpy.float32))
        self.assertEqual(model.frame, (("[CLS]",), ("[SEP]",)))
        numpy.testing.assert_allclose(maps.sum(-1), 1, atol=1e-5)
        inner = model.attention(["trees", "on", "a", "mat"], specials=False)
        numpy.testing.assert_array_equal(inner, maps[:, :, 1:5, 1:5])

    def test_words_are_merged_pieces(self):
        model = headlight.Model(TINY)
        ids, pieces = model.piece_attention(["trees", "on", "a", "mat"])
        self.assertEqual((len(ids), pieces.shape[-1]), (7, 7))  # [CLS] tree ##s on a mat [SEP]
        merged = numpy.concatenate([pieces[:, :, :1], pieces[:, :, 1:3].mean(2, keepdims=True), pieces[:, :, 3:]], 2)
        merged = numpy.concatenate([merged[..., :1], merged[..., 1:3].sum(-1, keepdims=True), merged[..., 3:]], 3)
        numpy.testing.assert_allclose(model.attention(["trees", "on", "a", "mat"]), merged, atol=1e-6)

    def test_many_sentences_are_each_as_alone_with_any_number_of_threads(self):
        sentences = [["on", "a", "mat"], ["trees"], ["a", "mat", "on", "trees"]] * 7
        alone = headlight.Model(TINY, threads=1)
        together = headlight.Model(TINY, threads=2).attentions(sentences)
        for words, maps in zip(sentences, together, strict=True):
            numpy.testing.assert_array_equal(maps, alone.attention(words))

    def test_as_the_golden_of_the_rust_tests(self):
        """What PyTorch computes with the tiny model; see `tiny_bert.py` beside it."""
        try:
            from safetensors.numpy import load_file
        except ImportError as error:
            self.skipTest(f"not run: {error}")
        golden = load_file(TINY.with_name("tiny-bert-golden.safetensors"))
        model = headlight.Model(TINY)
        for number, sentence in enumerate(["the old cat sat on a mat .", "her dog was reading that book", "trees !"]):
            ids, maps = model.piece_attention(sentence.split())
            self.assertEqual(ids, golden[f"ids.{number}"].tolist())
            numpy.testing.assert_allclose(maps.reshape(9, len(ids), len(ids)), golden[f"attention.{number}"], atol=1e-5)

    def test_as_transformers(self):
        if not MINILM.is_dir():
            self.skipTest(f"not run: {MINILM} is absent")
        try:
            import torch
            from transformers import AutoModel
        except ImportError as error:
            self.skipTest(f"not run: {error}")
        words = "The quick brown foxes jumped over dependency treebanks unhesitatingly .".split()
        ids, maps = headlight.Model(MINILM).piece_attention(words)
        with torch.no_grad():
            peer = AutoModel.from_pretrained(MINILM, attn_implementation="eager")
            theirs = torch.stack(peer(torch.tensor([ids]), output_attentions=True).attentions)[:, 0].numpy()
        numpy.testing.assert_allclose(maps, theirs, atol=2e-5)

    def test_what_is_refused_says_why(self):
        with self.assertRaisesRegex(headlight.HeadlightError, "config.json"):
            headlight.Model("/nowhere")
        model = headlight.Model(TINY)
        with self.assertRaisesRegex(headlight.HeadlightError, "^no words$"):
            model.attention([])
        with self.assertRaisesRegex(headlight.HeadlightError, "^sentence 2: 7 pieces, limit 5$"):
            headlight.Model(TINY, max_pieces=5).attentions([["on"], ["trees", "on", "a", "mat"]])
        with self.assertRaisesRegex(TypeError, "a list of words"):
            model.attention("trees on a mat")


class Runs(unittest.TestCase):
    """A run of the quickstart with its stored attention."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        config = cls.folder / "probe.toml"
        config.write_text(
            f'name = "small"\n[model]\npath = "{SAMPLE}"\n[treebank]\n'
            + "".join(f'{split} = ["{REPOSITORY}/data/sample/{file}"]\n' for split, file in SPLITS.items())
            + '[probe]\nepochs = 1\nseeds = [1]\n[[experiment]]\nkind = "heads"\nnull_models = 0\n[[experiment]]\nkind = "probe"\n'
        )
        cls.cache = cls.folder / "cache"
        environment = {**os.environ, "XDG_CACHE_HOME": str(cls.cache)}
        arguments = [command(), "--quiet", "run", str(config), "--out", str(cls.folder / "runs")]
        done = subprocess.run(arguments, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(done.stderr)
        cls.run_folder = cls.folder / "runs" / "small"

    def test_tables_are_frames_of_either_kind(self):
        tables = headlight.read_run(self.run_folder)
        report = json.loads((self.run_folder / "report.json").read_text())
        named = {table for experiment in report["experiments"] for table in experiment["tables"]}
        self.assertEqual(set(tables), named)
        best = tables["best_heads"]
        self.assertEqual(best.height, len(best["relation"].unique()))
        try:
            import pandas  # noqa: F401
        except ImportError:
            self.skipTest("not run: no pandas")
        frame = headlight.read_run(self.run_folder, "pandas")["best_heads"]
        self.assertEqual(list(frame.columns), best.columns)
        self.assertEqual(frame["total"].tolist(), best["total"].to_list())

    def test_stored_attention_is_that_of_the_model(self):
        folders = [index.parent for index in self.cache.rglob("index.json") if "attention" in index.parts]
        folders = [folder for folder in folders if (folder / "index.json").is_file()]
        self.assertTrue(folders)
        model = headlight.Model(SAMPLE)
        matched = 0
        for folder in folders:
            store = headlight.read_store(folder)
            self.assertEqual(store.frame, model.frame)
            first = next(weights for weights in store if weights is not None)
            numpy.testing.assert_allclose(first.sum(-1), 1, atol=2e-3)
            words = [words for words in words_of(REPOSITORY / "data" / "sample" / SPLITS["evaluate"])]
            if len(words) == len(store):
                matched += 1
                for at in (0, 1, -1):
                    numpy.testing.assert_allclose(store[at], model.attention(words[at]), atol=2e-3)
            with self.assertRaises(IndexError):
                store[len(store)]
        self.assertEqual(matched, 1)

    def test_changes_are_warned_of_and_damage_is_refused(self):
        copy = self.folder / "changed"
        shutil.copytree(self.run_folder, copy)
        report = copy / "report.json"
        report.write_text(report.read_text() + "\n")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            headlight.read_run(copy)
        self.assertIn("report.json", str(caught[0].message))
        (copy / "manifest.json").unlink()
        with self.assertRaisesRegex(headlight.HeadlightError, "manifest.json"):
            headlight.read_run(copy)
        # The command says the same.
        done = subprocess.run([command(), "report", str(copy)], capture_output=True, text=True)
        with self.assertRaises(headlight.HeadlightError) as refused:
            headlight.read_run(copy)
        self.assertIn(str(refused.exception), done.stderr)
        with self.assertRaisesRegex(ValueError, "polars"):
            headlight.read_run(self.run_folder, "arrow")


SPLITS = {"train": "en_sample-select.conllu", "select": "en_sample-select.conllu", "evaluate": "en_sample-evaluate.conllu"}


def words_of(path):
    """The words of each sentence of a CoNLL-U file."""
    sentences = path.read_text(encoding="utf-8").strip().split("\n\n")
    lines = lambda sentence: [line.split("\t") for line in sentence.split("\n") if not line.startswith("#")]
    return [[columns[1] for columns in lines(sentence) if columns[0].isdigit()] for sentence in sentences]


class Notebook(unittest.TestCase):
    def test_it_runs(self):
        try:
            import matplotlib  # noqa: F401
            import nbformat
            from nbclient import NotebookClient
        except ImportError as error:
            self.skipTest(f"not run: {error}")
        notebook = nbformat.read(REPOSITORY / "python" / "notebooks" / "figure5.ipynb", as_version=4)
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        os.environ.update(HEADLIGHT=command(), MODEL=str(SAMPLE))
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": folder}}).execute()
        outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
        kinds = [kind for output in outputs for kind in output.get("data", {})]
        self.assertIn("image/png", kinds)
        self.assertTrue(any("det" in json.dumps(output) for output in outputs))


if __name__ == "__main__":
    unittest.main()
