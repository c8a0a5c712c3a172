//! Minimal pairs: how often a model finds the acceptable sentence more likely, and what masked heads have to do with it.

mod findings;
mod page;

pub use findings::{Facts, SkippedPairs};

use super::shared::{ends, share};
use super::{Experiment, Kind};
use crate::explorer::Explorer;
use crate::format::{count, percent, points, stars};
use crate::html::section::Section;
use crate::run::{RunDirectory, RunError};
use crate::sheet::Sheet;
use crate::tables::{
    ComparedMeasure, ComparingKind, Difference, MaskedHeads, Masking, PairAccuracy, PairLevel, PairMasking,
    SentenceScore,
};

/// `kind = "pairs"`
pub(crate) struct Pairs;

impl Kind for Pairs {
    fn name(&self) -> &'static str {
        "pairs"
    }

    fn findings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        Ok(findings::findings(&of.facts()?, &of.rows()?, &of.differences()?))
    }

    fn warnings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        Ok(findings::warnings(&of.facts()?, &of.rows()?))
    }

    fn sheets(&self, of: &Experiment<'_>) -> Result<Vec<Sheet>, RunError> {
        let masked = pairs_masked_sheets(&of.rows()?, &of.differences()?);
        Ok([pairs_sheet(&of.rows()?)].into_iter().chain(masked).collect())
    }

    fn chapters(&self, run: &RunDirectory) -> Result<Vec<(&'static str, Sheet)>, RunError> {
        let differences: Vec<Difference> = run.table_or_empty()?;
        let masked = pairs_masked_sheets(&run.table_or_empty()?, &differences);
        let masked = masked.into_iter().map(|sheet| ("Minimal pairs without heads", sheet));
        Ok([("Minimal pairs", pairs_sheet(&run.table_or_empty()?))].into_iter().chain(masked).collect())
    }

    fn sections(&self, run: &RunDirectory, _: Option<&Explorer>) -> Result<Vec<Section>, RunError> {
        let (rows, masked, differences) = (run.table_or_empty()?, run.table_or_empty()?, run.table_or_empty()?);
        Ok(page::pairs(&rows, &masked, &differences).into_iter().collect())
    }
}

/// What `differences` calls the model with all heads at work.
pub const INTACT: &str = "intact";
/// What `differences` calls the model with random heads masked, all draws together.
pub const RANDOM: &str = "random heads masked";

/// What `differences` calls a comparison over pairs of this level.
pub fn measure(level: PairLevel) -> ComparedMeasure {
    match level {
        PairLevel::Whole => ComparedMeasure::Accuracy,
        PairLevel::Field => ComparedMeasure::AccuracyByField,
        PairLevel::Phenomenon => ComparedMeasure::AccuracyByPhenomenon,
        PairLevel::Paradigm => ComparedMeasure::AccuracyByParadigm,
    }
}

/// What a score is, in a sentence.
fn meaning(score: SentenceScore) -> &'static str {
    match score {
        SentenceScore::WithinWordL2r => {
            "Score: pseudo-log-likelihood, each piece guessed in its turn with the later pieces of its word hidden too \
             (within_word_l2r)."
        }
        SentenceScore::Original => {
            "Score: pseudo-log-likelihood, each piece guessed in its turn with all others in sight (original)."
        }
        SentenceScore::LogLikelihood => {
            "Score: log-likelihood of the sentence, each piece guessed from those before it."
        }
    }
}

/// Accuracy by field and phenomenon, and as a whole.
fn pairs_sheet(rows: &[PairAccuracy]) -> Sheet {
    let columns = ["<of", ">right", ">interval", ">by paradigm", ">pairs"];
    let mut sheet = Sheet::new("Minimal pairs whose acceptable sentence is more likely, in %", &columns);
    let line = |row: &PairAccuracy| {
        let cells = [
            row.group.clone().unwrap_or_else(|| "all".to_owned()).replace('_', " "),
            percent(share(row.correct, row.total)),
            ends(row.ci_low.zip(row.ci_high)),
            row.macro_mean.map_or_else(String::new, percent),
            count(row.total),
        ];
        cells.map(Into::into).into()
    };
    for level in [PairLevel::Phenomenon, PairLevel::Field, PairLevel::Whole] {
        let of_level: Vec<_> = rows.iter().filter(|row| row.level == level).map(line).collect();
        if !of_level.is_empty() {
            sheet.groups.push(of_level);
        }
    }
    let ties: u64 = rows.iter().filter(|row| row.level == PairLevel::Whole).map(|row| row.ties).sum();
    if let Some(row) = rows.first() {
        sheet.notes.push(format!(
            "{} Sentences of one score count as wrong ({} of these). Intervals: bootstrap over pairs. By paradigm: the mean of the \
             paradigms' accuracies, as BLiMP reports it.",
            meaning(row.score),
            count(ties)
        ));
    }
    sheet
}

/// A point of a curve of masked heads.
struct Masked<'a> {
    /// Heads masked.
    step: u32,
    /// The heads, where they were chosen.
    heads: &'a str,
    /// The share of pairs that are right, the mean of several draws.
    accuracy: f64,
    /// The lowest and the highest of several draws, or the ends of the interval.
    ends: Option<(f64, f64)>,
    /// How many draws.
    draws: usize,
}

/// The curve of some masked heads over pairs of one group, a point for each step; step 0 is the intact model.
fn curve<'a>(rows: &'a [PairMasking], masked: MaskedHeads, level: PairLevel, group: Option<&str>) -> Vec<Masked<'a>> {
    let mine = |row: &&PairMasking| {
        row.level == level && row.group.as_deref() == group && [MaskedHeads::None, masked].contains(&row.masked)
    };
    let accuracy = |row: &PairMasking| share(row.correct, row.total);
    let intact = rows.iter().filter(mine).find(|row| row.step == 0).map(accuracy);
    let last = rows.iter().map(|row| row.step).max().unwrap_or(0);
    let point = |step: u32| {
        let of_step: Vec<&PairMasking> = rows.iter().filter(mine).filter(|row| row.step == step).collect();
        let first = *of_step.first()?;
        let values: Vec<f64> = of_step.iter().map(|row| accuracy(row)).collect();
        let range = (values.len() > 1).then(|| {
            values
                .iter()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)))
        });
        let interval =
            intact.zip(first.ci_low.zip(first.ci_high)).map(|(intact, (low, high))| (intact + low, intact + high));
        Some(Masked {
            step,
            heads: &first.heads,
            accuracy: values.iter().sum::<f64>() / values.len() as f64,
            ends: range.or(interval),
            draws: values.len(),
        })
    };
    (0..=last).filter_map(point).collect()
}

/// What masked heads do to the accuracy: the whole step by step, and each phenomenon with all of them masked.
fn pairs_masked_sheets(rows: &[PairMasking], differences: &[Difference]) -> Vec<Sheet> {
    let Some(row) = rows.first() else { return Vec::new() };
    let columns = ["<masked", "<heads", ">right", ">change", ">at random", ">lowest", ">highest"];
    let mut steps = Sheet::new("Minimal pairs with heads masked, right in %", &columns);
    let [chosen, random] =
        [MaskedHeads::Chosen, MaskedHeads::Random].map(|masked| curve(rows, masked, PairLevel::Whole, None));
    let intact = chosen.first().map_or(0.0, |point| point.accuracy);
    let line = |point: &Masked<'_>| {
        let beside = random.iter().find(|other| other.step == point.step && point.step > 0);
        let of = |value: Option<f64>| value.map_or_else(String::new, percent);
        let cells = [
            point.step.to_string(),
            point.heads.to_owned(),
            percent(point.accuracy),
            if point.step == 0 { String::new() } else { points(point.accuracy - intact) },
            of(beside.map(|beside| beside.accuracy)),
            of(beside.and_then(|beside| beside.ends).map(|ends| ends.0)),
            of(beside.and_then(|beside| beside.ends).map(|ends| ends.1)),
        ];
        cells.map(Into::into).into()
    };
    steps.groups.push(chosen.iter().map(line).collect());
    let draws = random.last().map_or(0, |point| point.draws);
    let pairs = rows.iter().find(|row| row.level == PairLevel::Whole).map_or(0, |row| row.total);
    steps.notes.push(format!(
        "{} Of {} pairs. Masked heads {}. At random: as many other heads of the same layers, {draws} draws.",
        meaning(row.score),
        count(pairs),
        match row.masking {
            Masking::Uniform => "attend to all positions alike",
            Masking::Zero => "do nothing",
        }
    ));
    let mut sheets = vec![steps];
    sheets.extend(by_phenomenon(rows, differences));
    sheets
}

/// Each phenomenon with all heads masked, beside the intact model and random heads; `None` where there is one phenomenon.
fn by_phenomenon(rows: &[PairMasking], differences: &[Difference]) -> Option<Sheet> {
    let last = rows.iter().map(|row| row.step).max()?;
    let of_last = rows.iter().filter(|row| row.masked == MaskedHeads::Chosen && row.step == last);
    let phenomena: Vec<&PairMasking> = of_last.filter(|row| row.level == PairLevel::Phenomenon).collect();
    if phenomena.len() < 2 {
        return None;
    }
    let columns = ["<phenomenon", ">intact", ">masked", ">random", ">gap", ">interval", "<"];
    let mut sheet = Sheet::new("What the masked heads are for, right in %", &columns);
    let line = |row: &PairMasking| {
        let group = row.group.as_deref();
        let at = |masked, step| {
            curve(rows, masked, PairLevel::Phenomenon, group).into_iter().find(|point| point.step == step)
        };
        let shown = |point: Option<Masked<'_>>| point.map_or_else(String::new, |point| percent(point.accuracy));
        let difference = differences.iter().find(|difference| {
            difference.experiment == ComparingKind::Pairs
                && difference.measure == measure(PairLevel::Phenomenon)
                && difference.group.as_deref() == group
                && difference.b == RANDOM
        });
        let interval = difference.and_then(|difference| difference.ci_low.zip(difference.ci_high));
        let cells = [
            group.unwrap_or_default().replace('_', " "),
            shown(at(MaskedHeads::Chosen, 0)),
            shown(at(MaskedHeads::Chosen, last)),
            shown(at(MaskedHeads::Random, last)),
            difference.map_or_else(String::new, |difference| points(difference.difference)),
            interval.map_or_else(String::new, |(low, high)| format!("[{}, {}]", points(low), points(high))),
            stars(difference.and_then(|difference| difference.p_adjusted)).to_owned(),
        ];
        cells.map(Into::into).into()
    };
    sheet.groups.push(phenomena.into_iter().map(line).collect());
    sheet.notes.push(format!(
        "{last} {} masked: {}. Random: as many others of the same layers, all draws together; gap: masked minus random, paired \
         over pairs. Holm-corrected over phenomena: * p < 0.05, ** p < 0.01, *** p < 0.001.",
        if last == 1 { "head" } else { "heads" },
        rows.iter().find(|row| row.masked == MaskedHeads::Chosen && row.step == last).map_or("", |row| &row.heads)
    ));
    Some(sheet)
}

#[cfg(test)]
mod tests;
