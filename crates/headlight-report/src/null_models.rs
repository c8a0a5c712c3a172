//! Null models: what the same choice among as many heads finds in models with random weights (METHOD §2).

use headlight_stats::{Bootstrap, Counts, Pair, StatsError, Unit, holm_by_family, sign_flip_test};

use crate::assess::{Family, is_between_words};
use crate::tables::{Direction, NullModel};

/// The best heads of one relation: the trained model's, and that of each random one.
#[derive(Clone, Debug)]
pub struct NullChoices {
    /// The relation or aggregate.
    pub relation: String,
    /// Counts of the trained model's head, by unit.
    pub trained: Vec<Counts>,
    /// The random models'.
    pub draws: Vec<NullChoice>,
}

/// The best head of one relation in a model with random weights.
#[derive(Clone, Debug)]
pub struct NullChoice {
    /// The seed of the model's weights.
    pub seed: u64,
    /// Layer and head, counted from 1, and who attends; `None` where folds chose different ones.
    pub head: Option<(u32, u32, Direction)>,
    /// Its counts, by unit.
    pub counts: Vec<Counts>,
}

/// A relation, the draw that stands beside its trained head (`None` for all together), and the counts of both.
type Paired<'a> = (&'a NullChoices, Option<&'a NullChoice>, [Vec<Counts>; 2]);

/// The rows of table `null_models`: each draw beside the trained head, then all draws together. Relations without a word
/// are left out. `tested` says whether p-values mean anything: not where heads were chosen on the words they are scored on.
///
/// # Errors
/// [`StatsError::DifferentSentences`] where counts are not all of the same number of units.
pub fn null_models(
    choices: &[NullChoices],
    unit: Unit,
    bootstrap: &Bootstrap,
    tested: bool,
) -> Result<Vec<NullModel>, StatsError> {
    let (mut rows, mut differs) = (Vec::new(), Vec::new());
    let draws = choices.iter().map(|choice| choice.draws.len()).max().unwrap_or(0);
    for draw in (0..draws).map(Some).chain([None]) {
        let pairs: Vec<Paired<'_>> = choices
            .iter()
            .filter(|choice| Counts::sum(&choice.trained).1 > 0 && !choice.draws.is_empty())
            .filter_map(|choice| match draw {
                Some(draw) => {
                    let random = choice.draws.get(draw)?;
                    Some((choice, Some(random), [choice.trained.clone(), random.counts.clone()]))
                }
                None => Some((choice, None, together(choice)?)),
            })
            .collect();
        let compared: Vec<Pair<'_>> = pairs.iter().map(|(.., [a, b])| Pair { a, b }).collect();
        let intervals = bootstrap.paired(&compared)?;
        differs.extend(compared.iter().map(Pair::differs));
        for (((choice, random, _), pair), intervals) in pairs.iter().zip(&compared).zip(intervals) {
            let (correct, total) = Counts::sum(pair.b);
            let interval = intervals.map(|intervals| intervals.difference);
            let of_draws = choice.draws.iter().map(|random| share(&random.counts));
            let (accuracy, trained_accuracy) = (share(pair.b), share(pair.a));
            let head = random.and_then(|random| random.head);
            rows.push(NullModel {
                relation: choice.relation.clone(),
                draw: draw.map(|draw| draw as u32 + 1),
                seed: random.and_then(|random| i64::try_from(random.seed).ok()),
                layer: head.map(|(layer, ..)| layer),
                head: head.map(|(_, head, _)| head),
                direction: head.map(|(.., direction)| direction),
                correct,
                total,
                accuracy,
                lowest: of_draws.clone().fold(accuracy, f64::min),
                highest: of_draws.fold(accuracy, f64::max),
                trained_accuracy,
                difference: trained_accuracy - accuracy,
                ci_low: interval.map(|interval| interval.low),
                ci_high: interval.map(|interval| interval.high),
                p_value: if tested && is_between_words(&choice.relation) { Some(sign_flip_test(*pair)?) } else { None },
                p_adjusted: None,
                unit,
                units: pair.a.len() as u64,
            });
        }
    }
    let family = |row: &NullModel| (row.draw, Family::of(&row.relation));
    let tests = rows.iter().zip(differs).map(|(row, differs)| (row.p_value, differs, family(row)));
    let adjusted = holm_by_family(&tests.collect::<Vec<_>>());
    rows.iter_mut().zip(adjusted).for_each(|(row, p)| row.p_adjusted = p);
    Ok(rows)
}

/// The trained head as often as there are draws, and all draws, by unit; `None` where they are of different units.
fn together(choice: &NullChoices) -> Option<[Vec<Counts>; 2]> {
    let draws = choice.draws.len() as u32;
    let trained = choice.trained.iter();
    let trained = trained.map(|it| Counts { correct: draws * it.correct, total: draws * it.total }).collect();
    let mut random = vec![Counts::default(); choice.trained.len()];
    for draw in &choice.draws {
        if draw.counts.len() != random.len() {
            return None;
        }
        for (sum, more) in random.iter_mut().zip(&draw.counts) {
            sum.correct += more.correct;
            sum.total += more.total;
        }
    }
    Some([trained, random])
}

fn share(counts: &[Counts]) -> f64 {
    let (correct, total) = Counts::sum(counts);
    if total == 0 { 0.0 } else { correct as f64 / total as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::heads::{null_models_finding, null_models_sheet};

    fn counts(correct: &[u32]) -> Vec<Counts> {
        correct.iter().map(|&correct| Counts { correct, total: 2 }).collect()
    }

    fn choices(relation: &str) -> NullChoices {
        let head = Some((2, 3, Direction::DependentToGovernor));
        let draw = |seed, correct: &[u32]| NullChoice { seed, head, counts: counts(correct) };
        NullChoices {
            relation: relation.into(),
            trained: counts(&[2; 6]),
            draws: vec![draw(7, &[1; 6]), draw(8, &[0; 6]), draw(9, &[2, 2, 2, 1, 1, 1])],
        }
    }

    #[test]
    fn each_draw_and_all_together_stand_beside_the_trained_head() {
        let rows = null_models(&[choices("obj")], Unit::Sentence, &Bootstrap::default(), true).unwrap();
        let seen: Vec<_> =
            rows.iter().map(|row| (row.draw, row.seed, row.correct, row.total, row.difference)).collect();
        assert_eq!(
            seen,
            [
                (Some(1), Some(7), 6, 12, 0.5),
                (Some(2), Some(8), 0, 12, 1.0),
                (Some(3), Some(9), 9, 12, 0.25),
                (None, None, 15, 36, 1.0 - 15.0 / 36.0)
            ]
        );
        let all = &rows[3];
        assert_eq!(
            (all.lowest, all.highest, all.layer, rows[0].layer, rows[0].head),
            (0.0, 0.75, None, Some(2), Some(3))
        );
        // Six sentences that all speak for the trained head: two of 64 sign patterns are as extreme.
        assert_eq!((all.p_value, rows[0].p_value), (Some(1.0 / 32.0), Some(1.0 / 32.0)));
        assert!(all.ci_low.unwrap() > 0.5 && all.ci_low < all.ci_high);
    }

    #[test]
    fn what_was_chosen_on_the_same_words_is_not_tested_and_the_root_never() {
        let bootstrap = Bootstrap::default();
        let rows = null_models(&[choices("obj")], Unit::Sentence, &bootstrap, false).unwrap();
        assert!(rows.iter().all(|row| row.p_value.is_none() && row.ci_low.is_some()));
        let rows = null_models(&[choices("root")], Unit::Sentence, &bootstrap, true).unwrap();
        assert!(rows.iter().all(|row| row.p_value.is_none()));
        assert_eq!(null_models_sheet(&rows, 9), None);
        assert_eq!(null_models_finding(&rows), None);
    }

    #[test]
    fn the_table_reads_in_80_columns() {
        let choices = ["all-nopunct", "det", "obj", "nmod:unmarked"].map(choices);
        let rows = null_models(&choices, Unit::Sentence, &Bootstrap::default(), true).unwrap();
        let text = null_models_sheet(&rows, 2).unwrap().to_text(80);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text, @r"
        Best heads beside those of random weights

        relation       words  trained  random     range  difference  interval
        ─────────────  ─────  ───────  ──────  ────────  ──────────  ─────────────
        all-nopunct       36    100.0    41.7  0.0–75.0  +58.3 *     +52.8 – +63.9
        ─────────────  ─────  ───────  ──────  ────────  ──────────  ─────────────
        det               36    100.0    41.7  0.0–75.0  +58.3       +52.8 – +63.9
        nmod:unmarked     36    100.0    41.7  0.0–75.0  +58.3       +52.8 – +63.9

        Null models: 3 models with the same embeddings and all other weights drawn at
        random. In each the best head was chosen as in the trained one, among as many
        candidates. Random: their mean accuracy, and the lowest and highest of them.
        Accuracies in %, on the same words.
        Difference in points, trained minus random; paired bootstrap interval and exact
        sign-flip test over 6 sentences, for these draws. Holm-corrected over relations:
        * p < 0.05, ** p < 0.01, *** p < 0.001.
        Table null_models has the rarer relations, too: 1 more.
        ");
        insta::assert_snapshot!(
            null_models_finding(&rows).unwrap(),
            @"For 3 of 3 relations the best head is right more often than the best heads of 3 models with random weights, chosen in the same way (interval of the paired difference above 0, not corrected for the number of relations)."
        );
    }
}
