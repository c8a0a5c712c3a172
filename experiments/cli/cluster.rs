//! Arguments of the commands for more than one machine.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

/// A part of a stream: which one, counted from 1, and of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    number: usize,
    count: usize,
}

impl Shard {
    /// Shard `number` of `count`, counted from 1.
    ///
    /// # Errors
    /// When there is none of that number.
    pub fn new(number: usize, count: usize) -> Result<Self, String> {
        match (1..=count).contains(&number) {
            true => Ok(Self { number, count }),
            false if count == 0 => Err("no stream has 0 shards: 1/4 is the first of four".to_owned()),
            false => Err(format!(
                "there is no shard {number} of {count}: they are counted from 1/{count} to {count}/{count}"
            )),
        }
    }

    /// All shards of `count`.
    pub fn all(count: usize) -> impl Iterator<Item = Self> {
        (1..=count).map(move |number| Self { number, count })
    }

    /// Which one, counted from 1.
    pub fn number(self) -> usize {
        self.number
    }

    /// Of how many.
    pub fn count(self) -> usize {
        self.count
    }

    /// Its share of so many inputs: the first and the one behind the last. The shards of a count follow each other without
    /// a gap, and none has more than one input more than another.
    pub fn of(self, inputs: usize) -> std::ops::Range<usize> {
        let until = |number: usize| (number as u128 * inputs as u128 / self.count as u128) as usize;
        until(self.number - 1)..until(self.number)
    }
}

/// `2/4`
impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
        let (number, count) = numbers.ok_or("a shard is one of so many, counted from 1: 2/4")?;
        Self::new(number, count)
    }
}

/// `headlight encode`
#[derive(Debug, Args)]
pub struct EncodeArgs {
    /// A config file, or the name of a config inside the binary, such as quickstart
    #[arg(value_name = "CONFIG")]
    pub config: String,
    /// Set a key of the config; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
    /// Encode this part of every stream, counted from 1: 2/4 is the second quarter. Default: all of it
    #[arg(long, value_name = "K/N")]
    pub shard: Option<Shard>,
    /// Encode for this run of a sweep, counted from 1 as `headlight plan` does. Default: for all of them
    #[arg(long, value_name = "I")]
    pub cell: Option<usize>,
    /// Encode what has this number, counted from 0, among the shards of all runs, as arrays of clusters count
    #[arg(long, value_name = "INDEX", requires = "shards", conflicts_with_all = ["shard", "cell"])]
    pub task: Option<usize>,
    /// Shards of each run, for --task
    #[arg(long, value_name = "N", requires = "task")]
    pub shards: Option<usize>,
}

/// `headlight plan`
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// A config file, or the name of a config inside the binary, such as quickstart
    #[arg(value_name = "CONFIG")]
    pub config: String,
    /// Set a key of the config; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
    /// Shards of each run; default: `submit.shards`
    #[arg(long, value_name = "N")]
    pub shards: Option<usize>,
    /// Inputs of each pass that are encoded for the estimate; 0: none, and no estimate
    #[arg(long, value_name = "COUNT", default_value_t = 64)]
    pub sample: usize,
}

/// `headlight submit`
#[derive(Debug, Args)]
pub struct SubmitArgs {
    /// A config file, or the name of a config inside the binary, such as quickstart
    #[arg(value_name = "CONFIG")]
    pub config: String,
    /// Set a key of the config; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
    /// What runs the jobs
    #[arg(long, value_enum, value_name = "ENGINE")]
    pub engine: Engine,
    /// Shards of each run; default: `submit.shards`
    #[arg(long, value_name = "N")]
    pub shards: Option<usize>,
    /// Partition of a Slurm cluster; default: `submit.partition`
    #[arg(long, value_name = "NAME")]
    pub partition: Option<String>,
    /// Folder that holds the run directories; scripts and logs go to NAME-submit there
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub out: PathBuf,
    /// Submit the jobs; without it they are only written
    #[arg(long)]
    pub go: bool,
    /// Replace the jobs of another config of this name, and run directories that exist
    #[arg(long)]
    pub force: bool,
}

/// `--engine` of `headlight submit`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// A Slurm cluster: an array of jobs, and one that depends on it
    Slurm,
    /// A Kubernetes cluster: an Indexed Job, and one that follows it
    Kubernetes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_follow_each_other_and_are_alike() {
        for count in [1, 2, 3, 7, 64] {
            for inputs in [0, 1, 6, 7, 60, 2001] {
                let ranges: Vec<_> = Shard::all(count).map(|shard| shard.of(inputs)).collect();
                assert!(ranges[0].start == 0 && ranges[count - 1].end == inputs);
                assert!(ranges.windows(2).all(|two| two[0].end == two[1].start));
                let (least, most) = (inputs / count, inputs.div_ceil(count));
                assert!(ranges.iter().all(|range| (least..=most).contains(&range.len())), "{ranges:?}");
            }
        }
    }

    #[test]
    fn a_shard_is_read_as_it_is_written() {
        assert_eq!("2/4".parse::<Shard>().map(|shard| shard.to_string()), Ok("2/4".to_owned()));
        for (text, said) in [
            ("0/4", "no shard 0 of 4"),
            ("5/4", "no shard 5 of 4"),
            ("1/0", "0 shards"),
            ("2", "2/4"),
            ("-1/4", "2/4"),
            ("a/b", "2/4"),
            ("1/4/2", "2/4"),
        ] {
            let error = text.parse::<Shard>().unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
