//! Which step of which training a checkpoint is: what the names of folders and models say of it, and patterns that find
//! the folders of a training.
//!
//! Hubs and trainers write it in many ways: `training/step-1000`, `checkpoint-500`, `EleutherAI/pythia-70m@step143000`,
//! `google/multiberts-seed_3-step_20k`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

/// A checkpoint by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name without step and seed, `*` in their places: the same for all checkpoints of a training and its repetitions.
    pub training: String,
    /// The step of the training, where the name tells.
    pub step: Option<u64>,
    /// The training's seed, where the name tells.
    pub seed: Option<u64>,
}

/// Words before the number of a step.
const STEP: &[&str] = &["step", "checkpoint", "ckpt"];

impl Checkpoint {
    /// What a folder or a model's name says.
    ///
    /// # Errors
    /// When it speaks of a step or a seed that is no whole number.
    pub fn of(name: &str) -> Result<Self> {
        let (training, step) = taken(name, STEP)?;
        let (training, seed) = taken(&training, &["seed"])?;
        Ok(Self { training, step, seed })
    }

    /// What a folder says that a pattern found: without a word for it, the last number of its name is the step.
    ///
    /// # Errors
    /// When there is no number.
    pub fn of_found(folder: &str) -> Result<Self> {
        let checkpoint = Self::of(folder)?;
        if checkpoint.step.is_some() {
            return Ok(checkpoint);
        }
        let start = folder.rfind('/').map_or(0, |at| at + 1);
        let last = folder[start..].rfind(|char: char| char.is_ascii_digit()).map(|at| start + at);
        let Some(last) = last.filter(|_| checkpoint.seed.is_none() || !checkpoint.training[start..].contains('*'))
        else {
            bail!(
                "{folder} has no number of a step, by which the folders of a training are ordered: call them step-0, step-1000, \
                 …, or list the folders one by one"
            );
        };
        let first = folder[..=last].rfind(|char: char| !char.is_ascii_digit()).map_or(0, |at| at + 1);
        let step = number(&folder[first..=last]).with_context(|| format!("the step of {folder}"))?;
        let training = format!("{}*{}", &folder[..first], &folder[last + 1..]);
        Ok(Self { training, step: Some(step), ..checkpoint })
    }
}

/// The name with `*` for the number that stands last behind one of `words`, and that number.
fn taken(name: &str, words: &[&str]) -> Result<(String, Option<u64>)> {
    let lower = name.to_ascii_lowercase();
    let mut found = None;
    for word in words {
        for (at, _) in lower.match_indices(word) {
            // Footsteps are none.
            let begins = !lower[..at].ends_with(|char: char| char.is_ascii_alphabetic());
            let behind = at + word.len();
            let from = behind + usize::from(lower[behind..].starts_with(['-', '_', '=', '.']));
            let length = lower[from..].find(|char: char| !char.is_ascii_alphanumeric()).unwrap_or(lower.len() - from);
            // `steps`, `checkpoints/` and a bare `checkpoint` speak of none in particular.
            let speaks = length > 0 && (from > behind || lower[from..].starts_with(|char: char| char.is_ascii_digit()));
            if begins && speaks && found.is_none_or(|(last, _)| from > last) {
                found = Some((from, length));
            }
        }
    }
    let Some((from, length)) = found else { return Ok((name.to_owned(), None)) };
    let written = &name[from..from + length];
    let value = number(written)
        .with_context(|| format!("{name} names the {} {written:?}, which is no whole number", words[0]))?;
    Ok((format!("{}*{}", &name[..from], &name[from + length..]), Some(value)))
}

/// `1000`, `20k`, `1M`.
fn number(text: &str) -> Result<u64> {
    let (digits, factor) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 1_000),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 1_000_000),
        _ => (text, 1),
    };
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    ensure!(plain, "{text:?} is not written as 1000 or 20k");
    let value = digits.parse::<u64>().ok().and_then(|value| value.checked_mul(factor));
    value.filter(|value| i64::try_from(*value).is_ok()).with_context(|| format!("{text} is too large a number"))
}

/// Whether a path is a pattern: `*` stands for any part of a name, `?` for one character.
pub fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?'])
}

/// The folders that fit a pattern, in the order of their steps.
///
/// # Errors
/// When there are none, a folder cannot be read, or one has no step.
pub fn find(pattern: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let part = part.as_os_str();
        found = match part.to_str().filter(|part| is_pattern(part)) {
            Some(pattern) => found.iter().map(|folder| fitting(folder, pattern)).collect::<Result<Vec<_>>>()?.concat(),
            None => found.into_iter().map(|folder| folder.join(part)).filter(|path| path.exists()).collect(),
        };
    }
    found.retain(|path| path.is_dir());
    ensure!(!found.is_empty(), "no folder fits the pattern {}", pattern.display());
    let step = |path: PathBuf| Ok((Checkpoint::of_found(&path.to_string_lossy())?, path));
    let mut steps = found.into_iter().map(step).collect::<Result<Vec<_>>>()?;
    steps.sort_by(|(a, in_a), (b, in_b)| (&a.training, a.seed, a.step, in_a).cmp(&(&b.training, b.seed, b.step, in_b)));
    Ok(steps.into_iter().map(|(_, path)| path).collect())
}

/// What of a folder fits one part of a pattern.
fn fitting(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>> {
    let place = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if !place.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(place).with_context(|| format!("cannot read {}", place.display()))?;
    let names = entries.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>();
    let names = names.with_context(|| format!("cannot read {}", place.display()))?;
    let fits = |name: &std::ffi::OsString| {
        name.to_str().is_some_and(|name| (!name.starts_with('.') || pattern.starts_with('.')) && fits(pattern, name))
    };
    Ok(names.into_iter().filter(fits).map(|name| folder.join(name)).collect())
}

/// Whether a name is what a pattern says.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // Where the last star stood, and how much of the name it has taken.
    let (mut at, mut seen, mut star) = (0, 0, None);
    while seen < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(&char) if char == '?' || char == name[seen] => (at, seen) = (at + 1, seen + 1),
            _ => match &mut star {
                Some((place, taken)) => {
                    *taken += 1;
                    (at, seen) = (*place + 1, *taken);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|char| *char == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_step_and_seed() {
        let check = |name: &str, training: &str, step: Option<u64>, seed: Option<u64>| {
            let expected = Checkpoint { training: training.to_owned(), step, seed };
            assert_eq!(Checkpoint::of(name).unwrap(), expected, "{name}");
        };
        check("training/step-1000", "training/step-*", Some(1000), None);
        check("EleutherAI/pythia-70m@step143000", "EleutherAI/pythia-70m@step*", Some(143_000), None);
        check("google/multiberts-seed_3-step_20k", "google/multiberts-seed_*-step_*", Some(20_000), Some(3));
        check("google/multiberts-seed_3", "google/multiberts-seed_*", None, Some(3));
        check("out/checkpoint-500", "out/checkpoint-*", Some(500), None);
        check("checkpoints/step-2/step-30", "checkpoints/step-2/step-*", Some(30), None);
        check("minilm-l6", "minilm-l6", None, None);
        check("models/footstep-5/steps/checkpoint", "models/footstep-5/steps/checkpoint", None, None);
    }

    #[test]
    fn steps_that_are_no_numbers_are_refused() {
        let error = |name: &str| format!("{:#}", Checkpoint::of(name).unwrap_err());
        assert!(
            error("training/step-final").starts_with("training/step-final names the step \"final\", which is no whole")
        );
        for name in ["a/step-1e5", "a/seed-x", "a/step-99999999999999999999", "a/step-9223372036854775807k"] {
            assert!(error(name).starts_with(name), "{name}");
        }
        let found = |name: &str| Checkpoint::of_found(name).map(|it| (it.training, it.step));
        assert_eq!(found("a1/b20c").unwrap(), ("a1/b*c".to_owned(), Some(20)));
        for name in ["a1/last", "a1/seed-3"] {
            let error = found(name).unwrap_err().to_string();
            assert!(error.contains("has no number of a step"), "{error}");
        }
    }

    #[test]
    fn patterns_find_folders_in_the_order_of_steps() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a/step-1000", "a/step-200", "a/step-30", "b/step-5", "a/other"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("a/step-7.zip"), "").unwrap();
        let names = |pattern: &str| -> Result<Vec<String>> {
            let found = find(&folder.path().join(pattern))?;
            Ok(found.iter().map(|it| it.strip_prefix(folder.path()).unwrap().display().to_string()).collect())
        };
        assert_eq!(names("a/step-*").unwrap(), ["a/step-30", "a/step-200", "a/step-1000"]);
        assert_eq!(names("?/step-*").unwrap(), ["a/step-30", "a/step-200", "a/step-1000", "b/step-5"]);
        assert_eq!(names("*/s*-*0*0").unwrap(), ["a/step-200", "a/step-1000"]);
        for (pattern, expected) in [
            ("a/stop-*", "no folder fits the pattern"),
            ("absent/step-*", "no folder fits the pattern"),
            ("a/*", "a/other has no number of a step"),
        ] {
            let error = names(pattern).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
