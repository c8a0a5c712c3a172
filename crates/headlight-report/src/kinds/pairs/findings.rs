//! What minimal pairs say, in sentences.

use serde::{Deserialize, Serialize};

use super::super::differences::said;
use super::super::shared::{RankedHeads, share};
use super::{INTACT, RANDOM, measure};
use crate::format::{count, percent, points};
use crate::tables::{Difference, PairAccuracy, PairLevel};

/// What `kind = "pairs"` leaves beside its tables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Name of the pairs.
    pub pairs: String,
    /// Pairs in the files, those that are none left out.
    pub in_files: u64,
    /// Pairs that are drawn of each paradigm at most; 0: all.
    pub limit: u64,
    /// Pairs that were left out.
    pub skipped: Vec<SkippedPairs>,
    /// Pairs whose sentences are the same pieces to the model.
    pub alike: u64,
    /// The masked heads in order.
    pub masked_heads: Vec<String>,
    /// What a masked head does.
    pub masking: String,
    /// Pairs that heads were masked on.
    pub masked_on: u64,
    /// The random heads of each draw.
    pub draws: Vec<Vec<String>>,
    /// The best heads for relations, where those are masked.
    pub best_heads_on_select: Vec<RankedHeads>,
}

/// Pairs that were left out for one reason.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SkippedPairs {
    /// The reason.
    pub reason: String,
    /// How many.
    pub pairs: u64,
    /// File and line of the first.
    pub first: String,
}

/// The main results, each with what it rests on.
pub(super) fn findings(facts: &Facts, rows: &[PairAccuracy], differences: &[Difference]) -> Vec<String> {
    let of_model = whole(facts, rows).into_iter().chain(phenomena(rows));
    of_model.chain(masked(facts, differences)).chain(by_phenomenon(differences)).collect()
}

/// What a reader must know before trusting them.
pub(super) fn warnings(facts: &Facts, rows: &[PairAccuracy]) -> Vec<String> {
    let mut warnings = Vec::new();
    if !facts.skipped.is_empty() {
        let reason = |it: &SkippedPairs| format!("{} {} (first {})", count(it.pairs), it.reason, it.first);
        warnings.push(format!(
            "Pairs that were left out with both sentences, by reason: {}. They are in no accuracy.",
            facts.skipped.iter().map(reason).collect::<Vec<_>>().join(", ")
        ));
    }
    let scored: u64 = rows.iter().filter(|row| row.level == PairLevel::Whole).map(|row| row.total).sum();
    if facts.alike > 0 {
        warnings.push(format!(
            "The sentences of {} of {} pairs are the same pieces to the model (its vocabulary or its lower case makes them \
             so); they have one score and count as wrong.",
            count(facts.alike),
            count(scored)
        ));
    }
    let draws = facts.draws.len();
    if (1..5).contains(&draws) {
        warnings.push(format!(
            "The chosen heads stand beside {} of random ones; what hangs on the draw shows from 5 on.",
            if draws == 1 { "one draw".to_owned() } else { format!("{draws} draws") }
        ));
    }
    warnings
}

fn accuracy(row: &PairAccuracy) -> f64 {
    share(row.correct, row.total)
}

fn interval(ends: Option<(f64, f64)>) -> String {
    ends.map_or_else(String::new, |(low, high)| format!(" [{}, {}]", percent(low), percent(high)))
}

fn spelled(group: Option<&str>) -> String {
    group.unwrap_or_default().replace('_', " ")
}

fn whole(facts: &Facts, rows: &[PairAccuracy]) -> Option<String> {
    let whole = rows.iter().find(|row| row.level == PairLevel::Whole)?;
    let drawn = match facts.limit {
        0 => String::new(),
        limit => format!(", at most {} drawn of each paradigm by the seed", count(limit)),
    };
    let mean = whole.macro_mean.map_or_else(String::new, |mean| {
        let ends = interval(whole.macro_ci_low.zip(whole.macro_ci_high));
        format!("; the mean over {} paradigms is {} %{ends}", count(whole.paradigms), percent(mean))
    });
    Some(format!(
        "The model finds the acceptable sentence more likely in {} %{} of {} minimal pairs ({}{drawn}; by {}; a guess is right \
         in 50 %){mean}.",
        percent(accuracy(whole)),
        interval(whole.ci_low.zip(whole.ci_high)),
        count(whole.total),
        facts.pairs,
        whole.score.name(),
    ))
}

fn phenomena(rows: &[PairAccuracy]) -> Option<String> {
    let phenomena: Vec<&PairAccuracy> = rows.iter().filter(|row| row.level == PairLevel::Phenomenon).collect();
    let by_accuracy = |a: &&&PairAccuracy, b: &&&PairAccuracy| accuracy(a).total_cmp(&accuracy(b));
    let (best, worst) = phenomena.iter().max_by(by_accuracy).zip(phenomena.iter().min_by(by_accuracy))?;
    let of = |row: &PairAccuracy| {
        let ends = interval(row.ci_low.zip(row.ci_high));
        format!("{}, {} %{ends} of {}", spelled(row.group.as_deref()), percent(accuracy(row)), count(row.total))
    };
    let several = phenomena.len() > 1;
    several.then(|| format!("Of {} phenomena the best is {}, the worst {}.", phenomena.len(), of(best), of(worst)))
}

fn masked(facts: &Facts, differences: &[Difference]) -> Option<String> {
    let whole = |b: &str| differences.iter().find(|row| row.group.is_none() && row.b == b);
    let (intact, random) = whole(INTACT).zip(whole(RANDOM))?;
    let chosen = RankedHeads::chosen(&facts.best_heads_on_select);
    let heads = facts.masked_heads.len();
    let (heads, are) = if heads == 1 { ("1 head".to_owned(), "is") } else { (format!("{heads} heads"), "are") };
    Some(format!(
        "When {heads} {are} masked ({}: {chosen}; masking {}), {} % of the pairs stay right instead of {} %: {}. Beside as many \
         random heads of the same layers ({} draws, {} % right on average) that is {}. Heads were masked on {} pairs.",
        facts.masked_heads.join(" "),
        facts.masking,
        percent(intact.value_a),
        percent(intact.value_b),
        said(intact),
        facts.draws.len(),
        percent(random.value_b),
        said(random),
        count(facts.masked_on),
    ))
}

fn by_phenomenon(differences: &[Difference]) -> Option<String> {
    let of_phenomena = |row: &&Difference| row.measure == measure(PairLevel::Phenomenon) && row.b == RANDOM;
    let compared = differences.iter().filter(of_phenomena).count();
    let mut beyond: Vec<&Difference> =
        differences.iter().filter(of_phenomena).filter(|row| row.p_adjusted.is_some_and(|p| p < 0.05)).collect();
    beyond.sort_by(|a, b| a.difference.total_cmp(&b.difference));
    let list: Vec<String> =
        beyond.iter().map(|row| format!("{} ({})", spelled(row.group.as_deref()), points(row.difference))).collect();
    match (compared, list.is_empty()) {
        (0 | 1, _) => None,
        (_, true) => Some(format!(
            "In none of {compared} phenomena do the masked heads matter more or less than random ones (paired, Holm-corrected)."
        )),
        (_, false) => Some(format!(
            "In {} of {compared} phenomena the masked heads differ from random ones beyond chance (paired, Holm-corrected), in \
             points: {}.",
            list.len(),
            list.join(", ")
        )),
    }
}
