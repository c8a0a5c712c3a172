//! Null models: the same procedure on random re-initialisations of the model, beside the trained one (METHOD §2).

use anyhow::{Context, Result, ensure};
use headlight_heads::Evaluation;
use headlight_report::tables::NullModel;
use headlight_report::{NullChoice, NullChoices, RelationCounts, null_models};

use super::predictions::{Asked, predict_split};
use super::{Heads, tables};
use crate::cli::progress;
use crate::kinds::shared::bootstrap;
use crate::kinds::shared::selection::{Selection, Splits};
use crate::run::{Run, Units, fold};

/// Says before anything is encoded how many passes of the encoder null models add.
pub fn announce(keys: &Heads) {
    let splits = if keys.selection == Selection::Separate { "evaluate and select" } else { "evaluate" };
    let models = if keys.null_models == 1 { "1 model".to_owned() } else { format!("{} models", keys.null_models) };
    let passes = u64::from(keys.null_models) + 1;
    progress::say(&format!(
        "the encoder passes over {splits} {passes} times: for the model, and for {models} with random weights \
         (`heads.null_models`; 0 leaves them out)"
    ));
}

/// Chooses and scores heads in as many random models as the config asks for, and sets them beside the trained model's
/// `choices`.
///
/// `is_tested`: whether heads were chosen elsewhere than where they are scored, so that p-values keep their promise.
pub fn null_models_beside(
    keys: &Heads,
    run: &mut Run,
    units: &Units,
    trained: &[RelationCounts],
    is_tested: bool,
) -> Result<Vec<NullModel>> {
    let asked = Asked { explorer: false, attention: false, ..keys.asked(run)? };
    let mut null: Vec<NullChoices> = trained
        .iter()
        .map(|choice| NullChoices {
            relation: choice.relation.clone(),
            trained: choice.head_counts.clone(),
            draws: Vec::new(),
        })
        .collect();
    for draw in 0..keys.null_models as usize {
        let (seed, choices) = run.with_random_weights(draw, |run| {
            let splits = Splits::make(keys.selection, |split| predict_split(run, split, asked.clone()))?;
            let (selected, ..) = keys.choose(run, &splits)?;
            let mut evaluation = Evaluation::new(selected);
            let unit = units.unit();
            let mut counted = run.units();
            splits.evaluate.for_each(|sentence, predictions| {
                let number = counted.push(sentence);
                Ok(evaluation.observe_unit(number, sentence, fold(sentence, unit), predictions)?)
            })?;
            let seed = run.random_seed().context("the weights are random here")?;
            Ok((seed, tables::choices(&evaluation.finish(), units.len())))
        })?;
        ensure!(choices.len() == trained.len(), "random weights left other relations to choose heads for");
        for (null, choice) in null.iter_mut().zip(choices) {
            let mut heads = choice.chosen.iter().map(|chosen| (chosen.layer, chosen.head, chosen.direction));
            let first = heads.next();
            let head = first.filter(|first| heads.all(|head| head == *first));
            null.draws.push(NullChoice { seed, head, counts: choice.head_counts });
        }
    }
    let bootstrap = bootstrap(keys.resamples, keys.confidence, run);
    Ok(null_models(&null, units.unit(), &bootstrap, is_tested)?)
}
