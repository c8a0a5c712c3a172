//! Every command line of the book is read by the program's own parser.

use clap::error::ErrorKind;

use super::super::Known;
use super::pages;
use crate::cli::Command;
use crate::commands::kind::{self, Called, Work};
use crate::config::Source;

/// The words of a line as a shell has them; a comment ends it.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for char in line.chars() {
        match (quote, char) {
            (None, '#') if word.is_none() => break,
            (None, '\'' | '"') => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (Some(open), char) if open == char => quote = None,
            (None, ' ') => words.extend(word.take()),
            (_, char) => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}

/// A line that calls headlight, without what it is called by.
fn call(line: &str) -> Option<Vec<String>> {
    let line = line.trim().trim_start_matches("$ ");
    let rest = line.strip_prefix("headlight ").or_else(|| line.strip_prefix("cargo run --release -- "))?;
    let until = words(rest).into_iter().take_while(|word| !["|", ">", "&&"].contains(&word.as_str()));
    Some(until.collect())
}

#[test]
fn every_command_of_the_book_is_one() {
    let known = Known::new();
    let mut checked = 0;
    for page in pages() {
        let blocks = page.blocks("sh");
        let spans = page.spans();
        let lines = blocks.iter().flat_map(|block| block.lines()).chain(spans.iter().map(String::as_str));
        for line in lines {
            let Some(words) = call(line) else { continue };
            // A command by its name alone.
            if let [name] = &words[..]
                && kind::command().find_subcommand(name).is_some()
            {
                continue;
            }
            let place = format!("{}: {line}", page.path.display());
            let parsed = match kind::called_from(["headlight".to_owned()].into_iter().chain(words)) {
                Ok(Called { work: Work::Command(command), .. }) => command,
                Ok(Called { work: Work::Kind(..), .. }) => {
                    checked += 1;
                    continue;
                }
                Err(error) => {
                    assert!(
                        matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion),
                        "{place}: {error}"
                    );
                    continue;
                }
            };
            checked += 1;
            // Files are the reader's own, other names have to be there.
            let is_name = |config: &&String| !config.ends_with(".toml") && config.as_str() != "CONFIG";
            let configs = match parsed {
                Command::Run(args) => args.configs,
                Command::Show(args) => args.config.into_iter().collect(),
                Command::Explain(args) => {
                    let name = args.name.join(" ");
                    let is_placeholder = name.is_empty() || name.chars().all(char::is_uppercase);
                    assert!(is_placeholder || !known.answers(&name).is_empty(), "{place}");
                    continue;
                }
                _ => continue,
            };
            for config in configs.iter().filter(is_name) {
                assert!(Source::find(config).is_ok(), "{place}: there is no config {config}");
            }
        }
    }
    assert!(checked > 60, "{checked} commands were found");
}

#[test]
fn lines_are_read_as_a_shell_does() {
    for (line, expected) in [
        ("headlight show --defaults   # every key", &["show", "--defaults"][..]),
        ("headlight run a --set 'corpus.files=[\"b c\"]'", &["run", "a", "--set", "corpus.files=[\"b c\"]"]),
        ("$ headlight store ls | head", &["store", "ls"]),
        ("cargo run --release -- run x.toml", &["run", "x.toml"]),
    ] {
        assert_eq!(call(line).unwrap(), expected, "{line}");
    }
    assert!(call("cargo test").is_none() && call("headlight").is_none());
}
