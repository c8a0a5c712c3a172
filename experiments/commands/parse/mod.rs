//! `headlight parse`: dependency trees by a trained probe.

pub mod parser;

use anyhow::{Context, Result};
use headlight_probe::right_branching;
use headlight_treebank::{Governor, Sentence, reattach, write_conllu};

use super::input::Input;
use crate::cli::{ParseArgs, output};
use parser::{Parser, ParserArgs};

/// Sentences read, parsed and written at a time.
const CHUNK: usize = 256;

/// Parses a file, or standard input, and prints CoNLL-U.
pub fn parse(args: &ParseArgs) -> Result<()> {
    let input = Input::open(&args.file, args.format)?;
    let named = ParserArgs {
        run: &args.probe,
        name: args.name.as_deref(),
        model: args.model.as_deref(),
        vectors: args.vectors.as_deref(),
    };
    let parser = Parser::load(&named, &input)?;
    let (mut sentences, mut unparsed) = (input.sentences()?, 0);
    loop {
        let chunk = sentences.by_ref().take(CHUNK).collect::<Result<Vec<Sentence>, _>>()?;
        if chunk.is_empty() {
            break;
        }
        let mut text = Vec::new();
        for (sentence, governors) in chunk.iter().zip(parser.governors(&chunk)?) {
            unparsed += usize::from(governors.is_none());
            write_conllu(&tree(sentence, governors)?, &mut text)?;
        }
        output::print_data(&String::from_utf8(text)?)?;
    }
    if unparsed > 0 {
        tracing::warn!("{unparsed} sentences are too long for the model; each got a right-branching tree");
    }
    Ok(())
}

/// The sentence with a predicted tree, and with the comments that CoNLL-U wants.
fn tree(sentence: &Sentence, governors: Option<Vec<Governor>>) -> Result<Sentence> {
    let mut parts = sentence.clone().into_parts();
    let has = |parts: &headlight_treebank::SentenceParts, name: &str| {
        parts.comments.iter().any(|comment| comment.trim_start_matches(['#', ' ']).starts_with(name))
    };
    if !has(&parts, "sent_id") {
        parts.comments.push(format!("# sent_id = {}", parts.sent_id));
    }
    if let (Some(text), false) = (parts.text.clone(), has(&parts, "text")) {
        parts.comments.push(format!("# text = {text}"));
    }
    if governors.is_none() {
        parts.comments.push("# headlight = too long for the model, right-branching".to_owned());
    }
    let sentence = Sentence::new(parts).context("comments do not change the tree")?;
    let governors = governors.unwrap_or_else(|| right_branching(sentence.len()));
    Ok(reattach(&sentence, &governors, None)?)
}
