//! Kinds as commands of their own, `headlight heads --model M --treebank T`: a config is made of the arguments, printed, and
//! run as a file would be. The commands are made of what `configs/base.toml` says of each kind's keys, so that a new kind is
//! a new command.

mod config;

use std::ffi::OsString;

use anyhow::{Result, anyhow};
use clap::{Arg, ArgMatches, Args, Command, CommandFactory, FromArgMatches};

use super::{Usage, config::resolve, run::run_all};
use crate::cli::{Cli, KindArgs, Verbosity, output};
use crate::config::{Described, DescribedKey, Section, Source, described};
use crate::kinds::Experiment;
use config::Given;

/// What was called, with what holds for every command.
pub struct Called {
    /// How much is told.
    pub verbosity: Verbosity,
    /// Whether nothing may be fetched.
    pub offline: bool,
    /// The command.
    pub work: Work,
}

/// A command of the binary, or one that a kind makes.
pub enum Work {
    /// One that stands in `cli`.
    Command(crate::cli::Command),
    /// One of a kind, with its arguments.
    Kind(&'static str, ArgMatches),
}

/// The whole command line: the commands that stand in `cli`, and one for each kind.
pub fn command() -> Command {
    let tables = described();
    let kinds = Experiment::KINDS.iter().filter_map(|kind| Some(of_kind(kind, find(&tables, kind)?)));
    Cli::command().subcommands(kinds)
}

/// What the arguments of this process call.
///
/// # Errors
/// clap's own: wrong arguments, and help that was asked for.
pub fn called() -> Result<Called, clap::Error> {
    called_from(std::env::args_os())
}

/// The same of other arguments, the first of which is the program's name.
pub fn called_from<T: Into<OsString> + Clone>(arguments: impl IntoIterator<Item = T>) -> Result<Called, clap::Error> {
    let matches = command().try_get_matches_from(arguments)?;
    if let Some((name, of_kind)) = matches.subcommand()
        && let Some(kind) = Experiment::KINDS.iter().find(|kind| **kind == name)
    {
        let verbosity = Verbosity::from_arg_matches(of_kind)?;
        let offline = of_kind.get_flag("offline");
        return Ok(Called { verbosity, offline, work: Work::Kind(kind, of_kind.clone()) });
    }
    let Cli { command, verbosity, offline } = Cli::from_arg_matches(&matches)?;
    Ok(Called { verbosity, offline, work: Work::Command(command) })
}

/// Runs a kind as its arguments say.
pub fn run(kind: &'static str, matches: &ArgMatches) -> Result<()> {
    let args = KindArgs::from_arg_matches(matches).map_err(|error| Usage(anyhow!("{error}")))?;
    let tables = described();
    let keys = find(&tables, kind).map_or(&[][..], |table| &table.keys);
    let own: Vec<(&DescribedKey, &str)> =
        keys.iter().filter_map(|key| Some((key, matches.get_one::<String>(&key.name)?.as_str()))).collect();
    let Given { name, text } = config::of(kind, &args, &own).map_err(Usage)?;
    output::print(&text)?;
    if args.show {
        return Ok(());
    }
    let configs = resolve(&Source::Given(name, text), &[]).map_err(Usage)?;
    run_all(vec![configs], &args.out, args.force)
}

fn find<'a>(tables: &'a [Described], kind: &str) -> Option<&'a Described> {
    tables.iter().find(|table| table.name == kind)
}

/// The command of a kind: what all have, and its own keys.
fn of_kind(kind: &'static str, table: &Described) -> Command {
    let about = format!("Without a config: {}", about(kind, table));
    let command = KindArgs::augment_args(Command::new(kind).about(about));
    table.keys.iter().fold(command.next_help_heading("Keys of the kind"), |command, key| command.arg(of_key(key)))
}

fn of_key(key: &DescribedKey) -> Arg {
    let help = format!("{}; default: {}", key.meaning.join(" "), key.default);
    let long = key.last().replace('_', "-");
    let arg = Arg::new(key.name.clone()).long(long.clone()).value_name("VALUE").help(help).allow_hyphen_values(true);
    let arg = if long == key.last() { arg } else { arg.alias(key.last().to_owned()) };
    match key.default.as_str() {
        "true" | "false" => arg.num_args(0..=1).default_missing_value("true").require_equals(true),
        _ => arg,
    }
}

/// What base.toml says of a kind, up to where it begins to explain.
fn about(kind: &str, table: &Described) -> String {
    let text = table.text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim).collect::<Vec<_>>().join(" ");
    let start = format!("kind = \"{kind}\": ");
    let text = text.split_once(&start).map_or("", |(_, rest)| rest);
    let ends = [". ", "; ", ": ", " (", "? "].iter().filter_map(|end| text.find(end));
    text[..ends.min().unwrap_or(text.len())].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_command_that_clap_accepts_and_that_says_what_it_is() {
        command().debug_assert();
        let tables = described();
        for kind in Experiment::KINDS {
            let about = about(kind, find(&tables, kind).unwrap_or_else(|| panic!("{kind} has a table in base.toml")));
            assert!(about.len() > 10 && about.len() < 160, "{kind}: {about}");
        }
    }
}
