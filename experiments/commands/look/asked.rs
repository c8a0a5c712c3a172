//! What the arguments of `headlight look` mean: which of them is the model, and which the sentence.

use std::io::{IsTerminal, stdin};
use std::path::Path;

use anyhow::{Result, anyhow, bail};
use headlight_treebank::{Format, Sentence};

use crate::cli::LookArgs;
use crate::cli::nearest::nearest;
use crate::commands::Usage;
use crate::commands::input::Input;
use crate::sources::fetch;

/// What is looked at.
pub struct Asked {
    /// The model, as a folder or a name; `None` where none is named.
    pub model: Option<String>,
    /// The sentences.
    pub text: Text,
    /// What stands beside.
    pub beside: Option<Beside>,
}

/// What stands beside the sentences.
pub enum Beside {
    /// The same sentences of another model.
    Model(String),
    /// Other sentences of the same model.
    Text(Text),
}

/// Sentences, and how they came to have words.
pub struct Text {
    /// Where they can be read.
    pub input: Input,
    /// The sentences.
    pub sentences: Vec<Sentence>,
    /// Whether words were found by white space and punctuation.
    pub is_split_here: bool,
}

impl Asked {
    /// Reads the arguments and the sentences that they name.
    pub fn of(args: &LookArgs) -> Result<Self> {
        let (model, text) = parted(&args.what).map_err(Usage)?;
        let beside = args.beside.as_deref().map(|beside| match is_model(beside) || is_id(beside) {
            true => Ok::<_, anyhow::Error>(Beside::Model(beside.to_owned())),
            false => Ok(Beside::Text(Text::read(beside, args)?)),
        });
        let asked = Self { model, text: Text::read(&text, args)?, beside: beside.transpose()? };
        if let Some(Beside::Text(other)) = &asked.beside {
            let (one, two) = (asked.text.sentences.len(), other.sentences.len());
            if one != two {
                let wrong =
                    anyhow!("--beside has {two} sentences, and {one} are looked at: they stand beside each other");
                return Err(Usage(wrong).into());
            }
        }
        Ok(asked)
    }
}

/// The model, where one is named, and the sentence: a text, a file, or `-`.
fn parted(what: &[String]) -> Result<(Option<String>, String)> {
    let piped = |model: Option<String>| match stdin().is_terminal() {
        true => {
            Err(anyhow!("no sentence: headlight look \"A sentence.\", a file of sentences, or - for standard input"))
        }
        false => Ok((model, "-".to_owned())),
    };
    match what {
        [] => piped(None),
        [model] if is_model(model) => piped(Some(model.clone())),
        [text] => Ok((None, text.clone())),
        [model, text] => Ok((Some(model.clone()), text.clone())),
        _ => bail!("more than a model and a sentence: put the sentence in quotes"),
    }
}

/// Whether an argument is a model and nothing else: a name of `headlight models`, or a folder.
fn is_model(argument: &str) -> bool {
    Path::new(argument).is_dir() || fetch::MODELS.iter().any(|model| model.name == argument || model.id == argument)
}

/// Whether it could be a model of the Hub, `owner/name`, and is no file.
fn is_id(argument: &str) -> bool {
    !Path::new(argument).exists() && fetch::is_unproven(argument)
}

impl Text {
    fn read(argument: &str, args: &LookArgs) -> Result<Self> {
        let is_file = argument == "-" || Path::new(argument).is_file();
        let input = match is_file {
            true => Input::open(argument, args.format)?.with_trees(),
            false => Input::of_text(refuse_slips(argument)?)?,
        };
        let is_split_here = input.format == Format::PlainText && !args.words;
        let input = if args.words { input.pre_split()? } else { input };
        let sentences = input.sentences()?.collect::<Result<Vec<Sentence>, _>>()?;
        if sentences.is_empty() {
            let place = if is_file { input.name.display().to_string() } else { "the text".to_owned() };
            return Err(Usage(anyhow!("{place} has no sentence to look at")).into());
        }
        Ok(Self { input, sentences, is_split_here })
    }
}

/// A single word that looks like the name of a file or a model that is not there is no sentence.
fn refuse_slips(argument: &str) -> Result<&str> {
    let one_word = !argument.trim().contains(char::is_whitespace);
    let ending = Path::new(argument).extension().and_then(|ending| ending.to_str());
    if one_word && ending.is_some_and(|ending| ["txt", "conllu", "conllx", "conll", "gz"].contains(&ending)) {
        return Err(Usage(anyhow!("there is no file {argument}")).into());
    }
    let names = fetch::MODELS.iter().map(|model| model.name.as_ref());
    match nearest(argument, names).filter(|_| one_word && argument.contains('-')) {
        Some(near) => Err(Usage(anyhow!("{argument} is no model; did you mean {near}?")).into()),
        None => Ok(argument),
    }
}
