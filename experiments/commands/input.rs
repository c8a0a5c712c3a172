//! Sentences that an argument of a command names.

use std::path::PathBuf;
use std::{fs, io};

use anyhow::{Context, Result, anyhow, ensure};
use headlight_treebank::{Format, Reader};
use tempfile::NamedTempFile;

use crate::cli::ParseFormat;

/// Sentences that an argument names: a file, standard input, or the text itself. They can be read twice.
pub struct Input {
    path: PathBuf,
    /// How errors and sentence names call it.
    pub name: PathBuf,
    /// How they are read.
    pub format: Format,
    _spooled: Option<NamedTempFile>,
}

impl Input {
    /// A file, or standard input where it is called `-`. Its trees are not looked at.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(file: &str, format: ParseFormat) -> Result<Self> {
        let spooled = (file == "-").then(|| spool(io::stdin().lock())).transpose()?;
        let path = spooled.as_ref().map_or_else(|| PathBuf::from(file), |file| file.path().to_owned());
        let name = PathBuf::from(if file == "-" { "stdin" } else { file });
        let format = match format {
            ParseFormat::Conllu => Format::UnparsedConllu,
            ParseFormat::Text => Format::PlainText,
            ParseFormat::Conllx => Format::UnparsedConllx,
            ParseFormat::Auto => Format::guess_unparsed(&path, &name)?,
        };
        Ok(Self { path, name, format, _spooled: spooled })
    }

    /// A text, one sentence a line.
    ///
    /// # Errors
    /// When it cannot be kept in a temporary file.
    pub fn of_text(text: &str) -> Result<Self> {
        let spooled = spool(text.as_bytes())?;
        Ok(Self {
            path: spooled.path().to_owned(),
            name: "text".into(),
            format: Format::PlainText,
            _spooled: Some(spooled),
        })
    }

    /// The same text, whose words are split already: white space is all that stands between them.
    ///
    /// # Errors
    /// When it is no plain text, or cannot be read.
    pub fn pre_split(self) -> Result<Self> {
        ensure!(
            self.format == Format::PlainText,
            "--words is for text: {} has its words one a line",
            self.name.display()
        );
        let text = fs::read(&self.path).with_context(|| format!("cannot read {}", self.name.display()))?;
        let text = String::from_utf8(text).map_err(|_| anyhow!("{} is not UTF-8 text", self.name.display()))?;
        let mut columns = String::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            for (number, word) in line.split_whitespace().enumerate() {
                columns.push_str(&format!("{}\t{word}{}\n", number + 1, "\t_".repeat(8)));
            }
            columns.push('\n');
        }
        let spooled = spool(columns.as_bytes())?;
        Ok(Self { path: spooled.path().to_owned(), format: Format::UnparsedConllu, _spooled: Some(spooled), ..self })
    }

    /// The same with the trees of a format that has them.
    #[must_use]
    pub fn with_trees(self) -> Self {
        let format = match self.format {
            Format::UnparsedConllu => Format::Conllu,
            Format::UnparsedConllx => Format::Conllx,
            other => other,
        };
        Self { format, ..self }
    }

    /// The sentences in order.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn sentences(&self) -> Result<Reader> {
        let file = fs::File::open(&self.path).with_context(|| format!("cannot read {}", self.name.display()))?;
        Ok(Reader::new(file, &self.name, self.format)?.with_optional_trees())
    }
}

fn spool(mut text: impl io::Read) -> Result<NamedTempFile> {
    let mut file = NamedTempFile::new().context("cannot keep the text in a temporary file")?;
    io::copy(&mut text, &mut file).context("cannot read standard input")?;
    Ok(file)
}
