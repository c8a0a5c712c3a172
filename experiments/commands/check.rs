//! `headlight check`

use std::fmt::Write as _;

use anyhow::{Result, bail};
use headlight_treebank::Format;

use crate::cli::output;
use crate::cli::{CheckArgs, FileFormat};

/// Prints every problem of every file as `file:line: …`; fails when there is any.
pub fn check(args: &CheckArgs) -> Result<()> {
    let format = match args.format {
        FileFormat::Auto => None,
        FileFormat::Conllu => Some(Format::Conllu),
        FileFormat::Conllx => Some(Format::Conllx),
        FileFormat::Conll2012 => Some(Format::Conll2012),
        FileFormat::HeadRelation => Some(Format::HeadRelation),
    };
    let mut problems = 0;
    for file in &args.files {
        let checked = headlight_treebank::check(file, format)?;
        let mut text = String::new();
        for problem in &checked.problems {
            writeln!(text, "{}:{problem}", file.display())?;
        }
        let count = checked.problems.len();
        let found = if count == 0 { "no problem".to_owned() } else { format!("{count} problem(s)") };
        writeln!(text, "{}: {} sentences, {} words, {found}", file.display(), checked.sentences, checked.words)?;
        output::print(&text)?;
        problems += count;
    }
    match problems {
        0 => Ok(()),
        _ => bail!("{problems} problem(s) found"),
    }
}
