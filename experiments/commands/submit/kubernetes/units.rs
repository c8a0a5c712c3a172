//! Names, sizes and times as Kubernetes writes them; `[submit]` has them as Slurm does.

use anyhow::{Context, Result};

/// The longest part of a name that comes from the config: with what is added to it, and an index, it stays a host's name.
const LONGEST: usize = 30;

/// A name as Kubernetes takes it: letters, digits and hyphens.
pub(super) fn label(name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let label: String = name.chars().map(plain).collect();
    let mut parts: Vec<&str> = label.split('-').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        parts.push("run");
    }
    let mut label = parts.join("-");
    label.truncate(LONGEST);
    label.trim_end_matches('-').to_owned()
}

/// Memory: Slurm's `4G` is Kubernetes' `4Gi`, and a bare number is of mebibytes there.
///
/// # Errors
/// When it is not such a size.
pub(super) fn memory(text: &str) -> Result<String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "K" | "KB" => "Ki",
        "" | "M" | "MB" => "Mi",
        "G" | "GB" => "Gi",
        "T" | "TB" => "Ti",
        _ => "",
    };
    let is_number = digits.parse::<u64>().is_ok_and(|number| number > 0);
    (is_number && !unit.is_empty())
        .then(|| format!("{digits}{unit}"))
        .with_context(|| format!("`submit.memory` is {text:?}, which is no size such as \"4G\""))
}

/// Seconds of a time as Slurm writes them: `90` (minutes), `90:00`, `01:30:00`, `1-12`, `1-12:30`, `1-12:30:00`.
///
/// # Errors
/// When it is not such a time.
pub(super) fn seconds(text: &str) -> Result<i64> {
    let parse = || -> Option<i64> {
        let numbers = |text: &str| text.split(':').map(|it| it.parse::<u32>().ok()).collect::<Option<Vec<_>>>();
        let (days, of_day) = match text.split_once('-') {
            Some((days, rest)) => (days.parse::<u32>().ok()?, numbers(rest)?),
            None => (0, numbers(text)?),
        };
        let [hours, minutes, seconds] = match (text.contains('-'), of_day.as_slice()) {
            (false, &[minutes]) => [0, minutes, 0],
            (false, &[minutes, seconds]) => [0, minutes, seconds],
            (true, &[hours]) => [hours, 0, 0],
            (true, &[hours, minutes]) => [hours, minutes, 0],
            (_, &[hours, minutes, seconds]) => [hours, minutes, seconds],
            _ => return None,
        };
        let [days, hours, minutes, seconds] = [days, hours, minutes, seconds].map(i64::from);
        Some(((days * 24 + hours) * 60 + minutes) * 60 + seconds).filter(|seconds| *seconds > 0)
    };
    parse().with_context(|| format!("`submit.time` is {text:?}, which is no time such as \"04:00:00\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_labels() {
        for (name, expected) in [
            ("ewt", "ewt"),
            ("My Study_2: BERT & co.", "my-study-2-bert-co"),
            ("Ωμέγα", "run"),
            ("a-very-long-name-of-a-run-that-goes-on", "a-very-long-name-of-a-run-that"),
        ] {
            assert_eq!(label(name), expected);
        }
    }

    #[test]
    fn sizes_and_times_are_those_of_slurm() {
        for (text, expected) in [("4G", "4Gi"), ("512", "512Mi"), ("1500M", "1500Mi"), ("2T", "2Ti"), ("8gb", "8Gi")] {
            assert_eq!(memory(text).unwrap(), expected);
        }
        for wrong in ["", "G", "4X", "-1G", "0", "4.5G"] {
            assert!(memory(wrong).is_err(), "{wrong}");
        }
        let times = [("90", 5400), ("90:30", 5430), ("01:30:00", 5400), ("1-12", 129_600), ("1-12:30", 131_400)];
        for (text, expected) in times {
            assert_eq!(seconds(text).unwrap(), expected, "{text}");
        }
        for wrong in ["", "0", "soon", "1:2:3:4", "1-"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
