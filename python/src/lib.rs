//! headlight for Python: the compiled half of the package `headlight`, whose other half, in Python, makes arrays and frames of
//! what comes from here. Absent on purpose: configs, experiments, statistics. Runs are made by the command `headlight`.
//!
//! Errors are `HeadlightError`s with the words of the libraries, causes behind a colon as the command prints them.

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use headlight_attention::store;
use headlight_attention::{Frame, MergeRule, WordAttention};
use headlight_bert::{Level, LoadOptions, Pieces, Request};
use headlight_report::run::RunDirectory;
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyIndexError};
use pyo3::prelude::*;
use pyo3::types::PyByteArray;

create_exception!(_headlight, HeadlightError, PyException, "What headlight refuses or cannot do, in its own words.");

/// An array of 32-bit floats, row-major, and its shape.
type Array = (Py<PyByteArray>, Vec<usize>);

/// The names of the special pieces before the words and of those after.
type FrameNames = (Vec<String>, Vec<String>);

fn refuse(error: &dyn Error) -> PyErr {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        // A transparent error has the words of its cause.
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    HeadlightError::new_err(text)
}

fn names(frame: &Frame) -> FrameNames {
    (frame.before().to_vec(), frame.after().to_vec())
}

fn array(py: Python<'_>, weights: &[f32], shape: Vec<usize>) -> Array {
    let bytes: Vec<u8> = weights.iter().flat_map(|weight| weight.to_ne_bytes()).collect();
    (PyByteArray::new(py, &bytes).unbind(), shape)
}

fn word_array(py: Python<'_>, attention: &WordAttention) -> Array {
    let grid = attention.grid();
    array(py, attention.weights(), vec![grid.layers, grid.heads, attention.positions(), attention.positions()])
}

/// A checkpoint folder made ready.
#[pyclass(frozen)]
struct Model {
    model: headlight_bert::Model,
    max_pieces: usize,
}

#[pymethods]
impl Model {
    #[new]
    #[pyo3(signature = (path, threads, max_pieces))]
    fn load(py: Python<'_>, path: PathBuf, threads: Option<NonZeroUsize>, max_pieces: usize) -> PyResult<Self> {
        let options = LoadOptions { threads, ..LoadOptions::default() };
        let model = py.detach(|| headlight_bert::Model::load(&path, &options)).map_err(|error| refuse(&error))?;
        Ok(Self { model, max_pieces })
    }

    #[getter]
    fn layers(&self) -> usize {
        self.model.spec().grid.layers
    }

    #[getter]
    fn heads(&self) -> usize {
        self.model.spec().grid.heads
    }

    #[getter]
    fn frame(&self) -> FrameNames {
        names(self.model.tokenizer().frame())
    }

    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.model.warnings().to_vec()
    }

    /// Word attention of each sentence; as many encoded at a time as there are threads.
    fn attention(&self, py: Python<'_>, sentences: Vec<Vec<String>>) -> PyResult<Vec<Array>> {
        let pieces = self.pieces(&sentences)?;
        let request = Request { attention: Some(Level::Words(MergeRule::Mean)), ..Request::default() };
        let mut maps: Vec<WordAttention> = Vec::with_capacity(pieces.len());
        let inputs = pieces.into_iter().map(|pieces| Ok::<_, std::convert::Infallible>(((), pieces)));
        let encoded = py.detach(|| {
            let words = |(), _: &Pieces, encoded: headlight_bert::Encoded| encoded.words;
            self.model.stream(inputs, &request, words, |some| {
                maps.extend(some);
                Ok(())
            })
        });
        encoded.map_err(|error| refuse(&error))?;
        Ok(maps.iter().map(|attention| word_array(py, attention)).collect())
    }

    /// The pieces of a sentence, and the attention between them.
    fn piece_attention(&self, py: Python<'_>, words: Vec<String>) -> PyResult<(Vec<u32>, Array)> {
        let pieces = self.pieces(&[words])?.remove(0);
        let request = Request { attention: Some(Level::Pieces), ..Request::default() };
        let encoded = py.detach(|| self.model.encode(&pieces, &request)).map_err(|error| refuse(&error))?;
        let maps = encoded.maps.ok_or_else(|| HeadlightError::new_err("the model gave no attention"))?;
        let (grid, positions) = (maps.grid(), maps.positions());
        let shape = vec![grid.layers, grid.heads, positions, positions];
        Ok((pieces.ids.clone(), array(py, maps.weights(), shape)))
    }
}

impl Model {
    fn pieces(&self, sentences: &[Vec<String>]) -> PyResult<Vec<Pieces>> {
        let of_sentence = |(at, words): (usize, &Vec<String>)| {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let pieces = self.model.tokenizer().words(&words, self.max_pieces);
            let named = if sentences.len() == 1 { String::new() } else { format!("sentence {}: ", at + 1) };
            pieces.map_err(|skip| HeadlightError::new_err(format!("{named}{skip}")))
        };
        sentences.iter().enumerate().map(of_sentence).collect()
    }
}

/// Word attention of a split on disk.
#[pyclass(frozen)]
struct Store {
    store: store::Store,
}

#[pymethods]
impl Store {
    #[new]
    fn open(path: PathBuf) -> PyResult<Self> {
        Ok(Self { store: store::Store::at(&path).map_err(|error| refuse(&error))? })
    }

    fn __len__(&self) -> usize {
        self.store.len()
    }

    #[getter]
    fn frame(&self) -> FrameNames {
        names(self.store.frame())
    }

    /// The attention of a sentence; nothing of one that was skipped.
    fn read(&self, py: Python<'_>, sentence: usize) -> PyResult<Option<Array>> {
        if sentence >= self.store.len() {
            return Err(PyIndexError::new_err(format!("sentence {sentence} of {}", self.store.len())));
        }
        Ok(self.store.word_attention(sentence).map(|attention| word_array(py, &attention)))
    }
}

/// The tables of a run, and what of its files has changed since it was written.
#[pyfunction]
fn tables_of_run(path: PathBuf) -> PyResult<(Vec<String>, Vec<String>)> {
    let run = RunDirectory::open(&path).map_err(|error| refuse(&error))?;
    let mut tables: Vec<String> = Vec::new();
    for table in run.report().experiments.iter().flat_map(|experiment| &experiment.tables) {
        if !tables.iter().any(|known| known == table) {
            tables.push(table.clone());
        }
    }
    Ok((tables, run.changed().to_vec()))
}

#[pymodule]
fn _headlight(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("HeadlightError", module.py().get_type::<HeadlightError>())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<Model>()?;
    module.add_class::<Store>()?;
    module.add_function(wrap_pyfunction!(tables_of_run, module)?)
}
