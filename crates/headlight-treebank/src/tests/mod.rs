//! Tests of the crate as its callers see it.

mod attachment;
mod check;
mod coreference;
mod data;
mod graphs;
mod open;
mod properties;
mod read;
mod shared;
mod write;

use std::io::Cursor;

use crate::{Format, ReadError, Reader, Sentence};

/// Reads `text` as the file `test.conllu`.
fn read_all(text: &(impl AsRef<[u8]> + ?Sized), format: Format) -> Vec<Result<Sentence, ReadError>> {
    Reader::new(Cursor::new(text.as_ref().to_vec()), "test.conllu", format).expect("memory can be read").collect()
}

/// Reads `text` likewise, with or without trees.
fn read_words(text: &(impl AsRef<[u8]> + ?Sized), format: Format) -> Vec<Result<Sentence, ReadError>> {
    let reader = Reader::new(Cursor::new(text.as_ref().to_vec()), "test.conllu", format).expect("memory can be read");
    reader.with_optional_trees().collect()
}

/// Reads `text` as CoNLL-U, where every sentence is right.
fn sentences(text: &str) -> Vec<Sentence> {
    read_all(text, Format::Conllu).into_iter().collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{error}"))
}

/// CoNLL-U of one sentence from `form head relation` triples.
fn conllu(words: &[(&str, &str, &str)]) -> String {
    let line = |(index, (form, head, relation)): (usize, &(&str, &str, &str))| {
        format!("{}\t{form}\t_\t_\t_\t_\t{head}\t{relation}\t_\t_\n", index + 1)
    };
    words.iter().enumerate().map(line).collect::<String>() + "\n"
}
