//! `--engine slurm`: an array of jobs that encode, and a job that waits for all of them and computes statistics.
//!
//! What is in the queue is asked of Slurm, by the folder that every job has as its comment; what is encoded, of the marks that
//! jobs leave in `done/`. So a call that was killed, or came after some jobs failed, is repeated and submits what is lacking.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::{CONFIG, Submission, put, text};
use crate::cli::progress::say;

/// Most jobs of one array: Slurm's `MaxArraySize` is 1001 where nobody changed it.
const MOST_ELEMENTS: usize = 1000;

const ENCODE: &str = "encode.sbatch";
const RUN: &str = "run.sbatch";
const DONE: &str = "done";
const LOGS: &str = "logs";

/// Writes the jobs of a submission; with `go` submits what is neither done nor in the queue.
pub(super) fn submit(submission: &Submission, go: bool) -> Result<()> {
    let folder = submission.folder();
    // Jobs in the queue read these files, whoever asks for others now.
    let queue = Queue::of(&text(&folder)?);
    let queue = if go { queue? } else { queue.unwrap_or_default() };
    let goes_on = submission.goes_on("slurm")?;
    ensure!(
        goes_on || queue.is_empty(),
        "{} holds other jobs, of which {queue} in the queue: `scancel` what is there first, or wait",
        folder.display()
    );
    let failed = || format!("cannot write {}", folder.display());
    if !goes_on {
        if folder.join(DONE).is_dir() {
            fs::remove_dir_all(folder.join(DONE)).with_context(failed)?;
        }
        submission.claim("slurm")?;
    }
    for name in [DONE, LOGS] {
        fs::create_dir_all(folder.join(name)).with_context(failed)?;
    }
    put(&folder.join(ENCODE), &encode_script(submission)?)?;
    put(&folder.join(RUN), &run_script(submission)?)?;
    let left = left(&folder, submission.elements());
    say(&format!(
        "{}: {ENCODE}, {} of {} jobs to do ({} shards of {} runs), and {RUN}, which follows them; logs go to {LOGS}/ there",
        folder.display(),
        left.len(),
        submission.elements(),
        submission.shards,
        submission.configs.len()
    ));
    if !go {
        say("nothing is submitted; --go submits them");
        return Ok(());
    }
    let arrays = match queue.arrays.is_empty() {
        false => {
            say(&format!("the array is in the queue already: {}", joined(&queue.arrays, ", ")));
            queue.arrays.clone()
        }
        true => arrays(&left).iter().map(|array| array.submit(&folder)).collect::<Result<_>>()?,
    };
    if !queue.runs.is_empty() {
        say(&format!("the job that follows is in the queue already: {}", joined(&queue.runs, ", ")));
        return Ok(());
    }
    let mut follow = vec!["--kill-on-invalid-dep=yes".to_owned()];
    if !arrays.is_empty() {
        follow.insert(0, format!("--dependency=afterok:{}", joined(&arrays, ":")));
    }
    let run = sbatch(&follow, &folder.join(RUN), &[])?;
    match arrays.is_empty() {
        true => say(&format!("all is encoded; submitted job {run}, which runs the statistics")),
        false => say(&format!("submitted array {} and job {run}, which follows it", joined(&arrays, ", "))),
    }
    Ok(())
}

/// The elements that are not marked as done.
fn left(folder: &Path, elements: usize) -> Vec<usize> {
    let marks = fs::read_dir(folder.join(DONE)).into_iter().flatten().flatten();
    let done: BTreeSet<usize> = marks.filter_map(|mark| mark.file_name().to_str()?.parse().ok()).collect();
    (0..elements).filter(|element| !done.contains(element)).collect()
}

/// One array: elements are numbered from its first on.
#[derive(Debug, PartialEq)]
struct Array {
    first: usize,
    numbers: Vec<usize>,
}

/// The arrays that so many elements make.
fn arrays(left: &[usize]) -> Vec<Array> {
    let mut arrays: Vec<Array> = Vec::new();
    for element in left {
        let first = element / MOST_ELEMENTS * MOST_ELEMENTS;
        match arrays.last_mut().filter(|array| array.first == first) {
            Some(array) => array.numbers.push(element - first),
            None => arrays.push(Array { first, numbers: vec![element - first] }),
        }
    }
    arrays
}

impl Array {
    /// `0-3,7`
    fn ranges(&self) -> String {
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        for &number in &self.numbers {
            match ranges.last_mut().filter(|(_, last)| last + 1 == number) {
                Some((_, last)) => *last = number,
                None => ranges.push((number, number)),
            }
        }
        let of = |(first, last): &(usize, usize)| {
            if first == last { first.to_string() } else { format!("{first}-{last}") }
        };
        ranges.iter().map(of).collect::<Vec<_>>().join(",")
    }

    fn submit(&self, folder: &Path) -> Result<String> {
        let mut options = vec![format!("--array={}", self.ranges())];
        if self.first > 0 {
            options
                .push(format!("--output={}", text(&folder.join(LOGS).join(format!("encode-{}+%a.log", self.first)))?));
        }
        sbatch(&options, &folder.join(ENCODE), &[self.first.to_string()])
    }
}

/// Submits a script; returns the number of the job.
fn sbatch(options: &[String], script: &Path, arguments: &[String]) -> Result<String> {
    let mut command = Command::new("sbatch");
    command.arg("--parsable").args(options).arg(script).args(arguments);
    let said = answer(command)?;
    let job = said.trim().split(';').next().unwrap_or_default().to_owned();
    ensure!(!job.is_empty(), "sbatch submitted {} and did not say as which job", script.display());
    Ok(job)
}

/// What a command of Slurm prints.
fn answer(mut command: Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| {
        format!("cannot call {name}: is this a machine of a Slurm cluster? Without --go jobs are only written")
    })?;
    if !output.status.success() {
        bail!("{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The jobs of a folder that are in the queue.
#[derive(Default)]
struct Queue {
    arrays: Vec<String>,
    runs: Vec<String>,
}

impl std::fmt::Display for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let jobs: Vec<String> = self.arrays.iter().chain(&self.runs).cloned().collect();
        let (name, are) = if jobs.len() == 1 { ("job", "is") } else { ("jobs", "are") };
        write!(f, "{name} {} {are}", joined(&jobs, ", "))
    }
}

impl Queue {
    fn of(folder: &str) -> Result<Self> {
        let mut command = Command::new("squeue");
        command.args(["--me", "--noheader", "--format=%F %k"]);
        let mut queue = Self::default();
        for line in answer(command)?.lines() {
            let Some((job, comment)) = line.split_once(' ') else { continue };
            let jobs = match comment.strip_prefix(folder) {
                Some("/encode") => &mut queue.arrays,
                Some("/run") => &mut queue.runs,
                _ => continue,
            };
            if !jobs.iter().any(|known| known == job) {
                jobs.push(job.to_owned());
            }
        }
        Ok(queue)
    }

    fn is_empty(&self) -> bool {
        self.arrays.is_empty() && self.runs.is_empty()
    }
}

fn joined(jobs: &[String], with: &str) -> String {
    jobs.join(with)
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A text as one value of a line `#SBATCH`.
fn valued(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

/// What both scripts begin with.
fn head(submission: &Submission, job: &str, log: &str, what: &str) -> Result<String> {
    let (keys, folder) = (&submission.keys, submission.folder());
    let mut lines =
        vec!["#!/bin/bash".to_owned(), format!("# {what} Written by headlight {}.", env!("CARGO_PKG_VERSION"))];
    let mut option = |name: &str, value: &str| {
        if !value.is_empty() {
            lines.push(format!("#SBATCH --{name}={}", valued(value)));
        }
    };
    option("job-name", &format!("{}-{job}", submission.name));
    option("comment", &format!("{}/{job}", text(&folder)?));
    option("output", &text(&folder.join(LOGS).join(log))?);
    option("open-mode", "append");
    option("partition", &keys.partition);
    option("account", &keys.account);
    option("time", &keys.time);
    option("mem", &keys.memory);
    option("cpus-per-task", &keys.cpus.to_string());
    if keys.gpus > 0 {
        option("gres", &format!("gpu:{}", keys.gpus));
    }
    // Where a node fails, Slurm starts the job again; what was encoded is kept.
    lines.push("#SBATCH --requeue".to_owned());
    lines.extend(keys.options.iter().map(|option| format!("#SBATCH {option}")));
    lines.push(String::new());
    let here = text(&std::env::current_dir().context("cannot tell the working directory")?)?;
    lines.push(format!("cd {} || exit 1", quoted(&here)));
    lines.push(format!("export XDG_CACHE_HOME={}", quoted(&text(&Submission::cache_home()?)?)));
    lines.extend(keys.setup.iter().cloned());
    lines.push(format!("headlight={}", quoted(&Submission::headlight()?)));
    lines.push(format!("folder={}", quoted(&text(&folder)?)));
    let arguments: Vec<String> = submission.arguments.iter().map(|argument| quoted(argument)).collect();
    lines.push(format!("config=({})", arguments.join(" ")));
    lines.push(String::new());
    lines.push(format!("if ! \"$headlight\" show \"${{config[@]}}\" | cmp --silent - \"$folder\"/{CONFIG}; then"));
    lines
        .push("    echo \"error: the config is no longer the one that was submitted: submit it again\" >&2".to_owned());
    lines.push("    exit 2".to_owned());
    lines.push("fi".to_owned());
    Ok(lines.join("\n") + "\n")
}

/// The script of an element of the array. Its argument is the number of the array's first element.
fn encode_script(submission: &Submission) -> Result<String> {
    let what = format!("One shard of one run: element 0 to {}.", submission.elements() - 1);
    let head = head(submission, "encode", "encode-%a.log", &what)?;
    let (shards, retries) = (submission.shards, submission.keys.retries);
    Ok(format!(
        r#"{head}task=$((${{1:-0}} + SLURM_ARRAY_TASK_ID))
"$headlight" encode "${{config[@]}}" --shards {shards} --task "$task" --set threads="${{SLURM_CPUS_PER_TASK:-0}}"
code=$?
if [ "$code" -eq 0 ]; then
    touch "$folder/{DONE}/$task"
elif [ "$code" -ne 2 ] && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {retries} ]; then
    # This element alone is tried again; what it has encoded is kept.
    echo "exit code $code: tried again" >&2
    scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID" && sleep 60
fi
exit "$code"
"#
    ))
}

/// The script of the job that follows.
fn run_script(submission: &Submission) -> Result<String> {
    let head = head(submission, "run", "run.log", "Statistics over what the array has encoded.")?;
    let force = if submission.force { " --force" } else { "" };
    let out = quoted(&text(&submission.out)?);
    Ok(format!("{head}exec \"$headlight\" run \"${{config[@]}}\" --out {out}{force}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_becomes_arrays() {
        let array = |first, numbers: &[usize]| Array { first, numbers: numbers.to_vec() };
        assert_eq!(arrays(&[]), []);
        assert_eq!(arrays(&[0, 1, 2, 7]), [array(0, &[0, 1, 2, 7])]);
        assert_eq!(arrays(&[999, 1000, 2001]), [array(0, &[999]), array(1000, &[0]), array(2000, &[1])]);
        for (numbers, ranges) in [(&[0, 1, 2, 3, 7][..], "0-3,7"), (&[5], "5"), (&[1, 3, 4], "1,3-4")] {
            assert_eq!(array(0, numbers).ranges(), ranges);
        }
    }

    #[test]
    fn texts_are_one_word_each() {
        assert_eq!(quoted("it's a \"$HOME\""), r#"'it'\''s a "$HOME"'"#);
        assert_eq!(valued(r#"a "b" \c"#), r#""a \"b\" \\c""#);
    }
}
