//! What was found, as rows, findings and warnings.

use std::collections::BTreeMap;

use anyhow::Result;
use headlight_report::pairs::{INTACT, RANDOM, measure};
use headlight_report::run::SplitSummary;
use headlight_report::tables::{
    ComparingKind, Difference, MaskedHeads, PairAccuracy, PairLevel, PairMasking, PairScore,
};
use headlight_report::{Compared, differences as compare};
use headlight_stats::{Bootstrap, Counts, Interval, Pair as CountPair, Unit};

use super::Pairs;
use super::work::{Found, MaskedPass};
use crate::sources::pairs::{Pairs as PairFiles, Paradigm};

/// The levels that tables have, the largest first.
const LEVELS: [PairLevel; 4] = [PairLevel::Whole, PairLevel::Field, PairLevel::Phenomenon, PairLevel::Paradigm];

/// The name of a paradigm's group at a level; `None` of the whole, and where the file gives no field.
fn group(paradigm: &Paradigm, level: PairLevel) -> Option<&str> {
    match level {
        PairLevel::Whole => None,
        PairLevel::Field => Some(paradigm.field.as_str()).filter(|field| !field.is_empty()),
        PairLevel::Phenomenon => Some(&paradigm.phenomenon),
        PairLevel::Paradigm => Some(&paradigm.name),
    }
}

/// Some pairs that are counted together: their places in a list.
struct Group<'a> {
    level: PairLevel,
    name: Option<&'a str>,
    places: Vec<usize>,
}

/// The groups of all levels; `paradigms` are those of the pairs, in order.
fn groups<'a>(files: &'a PairFiles, paradigms: &[usize]) -> Vec<Group<'a>> {
    let mut groups = Vec::new();
    for level in LEVELS {
        let first = groups.len();
        let mut known: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        for (place, &paradigm) in paradigms.iter().enumerate() {
            let name = group(&files.paradigms[paradigm], level);
            if name.is_none() && level != PairLevel::Whole {
                continue;
            }
            let at = *known.entry(name).or_insert_with(|| {
                groups.push(Group { level, name, places: Vec::new() });
                groups.len() - 1
            });
            groups[at].places.push(place);
        }
        groups[first..].sort_by_key(|group| group.name);
    }
    groups
}

/// Whether a pair is right: a tie is not.
fn right([good, bad]: [f64; 2]) -> bool {
    good > bad
}

fn counts(correct: impl Iterator<Item = bool>) -> Vec<Counts> {
    correct.map(|correct| Counts { correct: u32::from(correct), total: 1 }).collect()
}

/// Correct pairs and ties of some places.
fn sums(scores: &[[f64; 2]], places: &[usize]) -> (u64, u64) {
    let of = |is: &dyn Fn([f64; 2]) -> bool| places.iter().filter(|&&place| is(scores[place])).count() as u64;
    (of(&right), of(&|[good, bad]| good == bad))
}

/// The rows of `pairs`.
///
/// # Errors
/// None that a caller could cause.
pub fn accuracies(files: &PairFiles, found: &Found, bootstrap: &Bootstrap) -> Result<Vec<PairAccuracy>> {
    let scores: Vec<[f64; 2]> = found.scored.iter().map(|scored| [scored.good, scored.bad]).collect();
    let paradigms: Vec<usize> = found.scored.iter().map(|scored| files.pairs[scored.pair].paradigm).collect();
    let row = |group: &Group<'_>| -> Result<PairAccuracy> {
        let Group { level, name, places } = group;
        let (correct, ties) = sums(&scores, places);
        let of_group = counts(places.iter().map(|&place| right(scores[place])));
        let interval = bootstrap.intervals(&[&of_group])?.into_iter().flatten().next();
        let of_paradigms = by_paradigm(places.iter().map(|&place| paradigms[place]));
        let several = of_paradigms.len() > 1;
        let mean = |times: &[u32]| mean_of_paradigms(&of_paradigms, &of_group, times);
        let macro_interval = if several { bootstrap.statistic(places.len(), mean) } else { None };
        Ok(PairAccuracy {
            pairs: files.name.clone(),
            score: found.score,
            level: *level,
            group: name.map(ToOwned::to_owned),
            paradigms: of_paradigms.len() as u64,
            correct,
            ties,
            total: places.len() as u64,
            ci_low: interval.map(|it| it.low),
            ci_high: interval.map(|it| it.high),
            macro_mean: several.then(|| mean(&vec![1; places.len()])),
            macro_ci_low: macro_interval.map(|it| it.low),
            macro_ci_high: macro_interval.map(|it| it.high),
        })
    };
    groups(files, &paradigms).iter().map(row).collect()
}

/// Places in a group by paradigm.
fn by_paradigm(paradigms: impl Iterator<Item = usize>) -> Vec<Vec<usize>> {
    let mut places: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    paradigms.enumerate().for_each(|(place, paradigm)| places.entry(paradigm).or_default().push(place));
    places.into_values().collect()
}

/// The mean of the paradigms' accuracies, each pair so many `times` in its paradigm; paradigms that a resample leaves out
/// have no say.
fn mean_of_paradigms(paradigms: &[Vec<usize>], pairs: &[Counts], times: &[u32]) -> f64 {
    let accuracy = |places: &Vec<usize>| {
        let sum = |value: &dyn Fn(usize) -> u32| places.iter().map(|&at| u64::from(times[at] * value(at))).sum::<u64>();
        let (correct, total) = (sum(&|at| pairs[at].correct), sum(&|at| pairs[at].total));
        (total > 0).then(|| correct as f64 / total as f64)
    };
    let accuracies: Vec<f64> = paradigms.iter().filter_map(accuracy).collect();
    accuracies.iter().sum::<f64>() / accuracies.len() as f64
}

/// The rows of `pair_scores`.
pub fn scores<'a>(files: &'a PairFiles, found: &'a Found) -> impl Iterator<Item = PairScore> + 'a {
    found.scored.iter().map(|scored| {
        let pair = &files.pairs[scored.pair];
        let paradigm = &files.paradigms[pair.paradigm];
        let path = Pairs::file(files, pair.file);
        PairScore {
            pairs: files.name.clone(),
            file: path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            line: pair.line as u64,
            paradigm: paradigm.name.clone(),
            phenomenon: paradigm.phenomenon.clone(),
            field: Some(paradigm.field.clone()).filter(|field| !field.is_empty()),
            good: pair.good.clone(),
            bad: pair.bad.clone(),
            good_score: scored.good,
            bad_score: scored.bad,
            correct: right([scored.good, scored.bad]),
        }
    })
}

/// The sample that heads are masked on: the scores of the intact model, and the groups.
fn sample<'a>(files: &'a PairFiles, found: &Found) -> (Vec<[f64; 2]>, Vec<Group<'a>>) {
    let scores = found.sample.iter().map(|&at| [found.scored[at].good, found.scored[at].bad]).collect();
    let paradigms: Vec<usize> = found.sample.iter().map(|&at| files.pairs[found.scored[at].pair].paradigm).collect();
    (scores, groups(files, &paradigms))
}

/// The rows of `pairs_masked`; none where no head is masked.
///
/// # Errors
/// None that a caller could cause.
pub fn masked(keys: &Pairs, files: &PairFiles, found: &Found, bootstrap: &Bootstrap) -> Result<Vec<PairMasking>> {
    if found.masked.is_empty() {
        return Ok(Vec::new());
    }
    let (intact, groups) = sample(files, found);
    let pass = MaskedPass { draw: None, step: 0, heads: Vec::new(), scores: intact.clone() };
    let mut rows = Vec::new();
    for pass in [&pass].into_iter().chain(&found.masked) {
        let masked = match (pass.step, pass.draw) {
            (0, _) => MaskedHeads::None,
            (_, None) => MaskedHeads::Chosen,
            (_, Some(_)) => MaskedHeads::Random,
        };
        for Group { level, name, places } in &groups {
            let (correct, ties) = sums(&pass.scores, places);
            let of = |scores: &[[f64; 2]]| counts(places.iter().map(|&place| right(scores[place])));
            let (a, b) = (of(&pass.scores), of(&intact));
            let interval: Option<Interval> = match masked {
                MaskedHeads::None => None,
                _ => bootstrap
                    .paired(&[CountPair { a: &a, b: &b }])?
                    .into_iter()
                    .flatten()
                    .next()
                    .map(|it| it.difference),
            };
            rows.push(PairMasking {
                pairs: files.name.clone(),
                score: found.score,
                masking: keys.masking.into(),
                masked,
                draw: pass.draw,
                step: pass.step as u32,
                heads: names(&pass.heads),
                level: *level,
                group: name.map(ToOwned::to_owned),
                correct,
                ties,
                total: places.len() as u64,
                ci_low: interval.map(|it| it.low),
                ci_high: interval.map(|it| it.high),
            });
        }
    }
    Ok(rows)
}

fn names(heads: &[headlight_attention::AttentionHead]) -> String {
    heads.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// The chosen heads, all masked, beside the intact model and beside random heads, all draws together; by level.
///
/// # Errors
/// None that a caller could cause.
pub fn differences(files: &PairFiles, found: &Found, bootstrap: &Bootstrap) -> Result<Vec<Difference>> {
    let last = found.plan.named.heads.len();
    let all = |pass: &&MaskedPass| pass.step == last;
    let Some(chosen) = found.masked.iter().filter(all).find(|pass| pass.draw.is_none()) else { return Ok(Vec::new()) };
    let random: Vec<&MaskedPass> = found.masked.iter().filter(all).filter(|pass| pass.draw.is_some()).collect();
    let (intact, groups) = sample(files, found);
    let draws = random.len() as u32;
    // Of each pair, how many of so many draws are right; the chosen heads and the intact model are right in all or none.
    let same = |scores: &[[f64; 2]]| -> Vec<u32> { scores.iter().map(|it| draws * u32::from(right(*it))).collect() };
    let drawn = |place: usize| random.iter().filter(|pass| right(pass.scores[place])).count() as u32;
    let chosen_right = same(&chosen.scores);
    let others = [(INTACT, same(&intact)), (RANDOM, (0..intact.len()).map(drawn).collect())];
    let name = format!("masked {}", names(&found.plan.named.heads));
    let mut rows = Vec::new();
    for level in LEVELS {
        let of_level: Vec<&Group<'_>> = groups.iter().filter(|group| group.level == level).collect();
        // A level with one group says what the whole says.
        if level != PairLevel::Whole && of_level.len() < 2 {
            continue;
        }
        let within = |group: &Group<'_>, right: &[u32]| {
            let mut counts = vec![Counts::default(); right.len()];
            group.places.iter().for_each(|&at| counts[at] = Counts { correct: right[at], total: draws });
            counts
        };
        let material: Vec<(&str, &Group<'_>, Vec<Counts>, Vec<Counts>)> = others
            .iter()
            .flat_map(|(other, right)| {
                of_level.iter().map(|group| (*other, *group, within(group, &chosen_right), within(group, right)))
            })
            .collect();
        let compared: Vec<Compared<'_>> = material
            .iter()
            .map(|(other, group, a, b)| Compared { a: &name, b: other, group: group.name, counts: CountPair { a, b } })
            .collect();
        let mut of_level = compare(ComparingKind::Pairs, measure(level), &compared, Unit::Pair, bootstrap)?;
        for (row, (_, group, ..)) in of_level.iter_mut().zip(&material) {
            row.units = group.places.len() as u64;
        }
        rows.extend(of_level);
    }
    Ok(rows)
}

/// What was read of the pairs, for report and manifest.
pub fn summary(files: &PairFiles, found: &Found) -> SplitSummary {
    let name = |number: usize| {
        let path = Pairs::file(files, number);
        path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
    };
    SplitSummary {
        split: "pairs".to_owned(),
        files: (0..files.inputs.len()).map(name).collect(),
        sentences: 2 * found.scored.len() as u64,
        words: found.words,
        skipped: found.skipped.iter().map(|(reason, (pairs, _))| (reason.clone(), 2 * pairs)).collect(),
        reading: found.reading,
        ..SplitSummary::default()
    }
}
