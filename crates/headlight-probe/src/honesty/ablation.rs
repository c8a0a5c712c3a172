//! What a trained probe no longer knows without some heads: what it uses, which its weights do not show (METHOD §5).

use headlight_attention::AttentionHead;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::probe::Workspace;
use crate::stream::{check, stream};
use crate::{Evaluation, Examples, Probe, ScoreError};

/// Which heads are taken away at a time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ablation {
    /// Each head alone.
    Heads,
    /// All heads of a layer.
    Layers,
    /// All heads but one.
    AllButOneHead,
    /// All heads but those of one layer.
    AllButOneLayer,
}

impl Ablation {
    /// The sets of heads taken away from a probe, head by head or layer by layer.
    fn sets(self, probe: &Probe) -> Vec<Vec<AttentionHead>> {
        let grid = probe.spec().grid();
        let heads_where = |taken: &dyn Fn(AttentionHead) -> bool| grid.iter().filter(|head| taken(*head)).collect();
        match self {
            Ablation::Heads => grid.iter().map(|head| vec![head]).collect(),
            Ablation::Layers => (0..grid.layers).map(|layer| heads_where(&|head| head.layer == layer)).collect(),
            Ablation::AllButOneHead => grid.iter().map(|kept| heads_where(&|head| head != kept)).collect(),
            Ablation::AllButOneLayer => {
                (0..grid.layers).map(|layer| heads_where(&|head| head.layer != layer)).collect()
            }
        }
    }
}

/// What is left without some heads.
#[derive(Clone, PartialEq, Debug)]
pub struct Ablated {
    /// The heads taken away.
    pub heads: Vec<AttentionHead>,
    /// How good the probe is without them.
    pub evaluation: Evaluation,
}

/// Evaluates a probe without each set of heads, in one pass over the sentences, on the present rayon pool.
///
/// # Errors
/// [`ScoreError`].
pub fn ablate<E: Examples>(
    probe: &Probe,
    examples: &E,
    sentences: &[usize],
    ablation: Ablation,
) -> Result<Vec<Ablated>, ScoreError> {
    check(probe, examples)?;
    let (mut ablated, probes): (Vec<Ablated>, Vec<Probe>) = ablation
        .sets(probe)
        .into_iter()
        .map(|heads| {
            let without = probe.without_heads(heads.iter().copied());
            (Ablated { heads, evaluation: Evaluation::default() }, without)
        })
        .unzip();
    stream(probe.spec().reads_attention(), examples, sentences, |chunk| {
        let evaluations: Vec<Result<Vec<Evaluation>, ScoreError>> = (0..chunk.len())
            .into_par_iter()
            .map_init(Workspace::default, |workspace, place| {
                let input = chunk.input(place);
                let evaluate = |probe: &Probe| {
                    let scores = probe.score(&input, workspace);
                    let scores = scores.ok_or(ScoreError::NotFinite { sentence: chunk.sentence(place) })?;
                    Ok(Evaluation::of(input.words, &scores))
                };
                probes.iter().map(evaluate).collect()
            })
            .collect();
        for evaluations in evaluations {
            for (ablated, evaluation) in ablated.iter_mut().zip(evaluations?) {
                ablated.evaluation += evaluation;
            }
        }
        Ok::<(), ScoreError>(())
    })?;
    Ok(ablated)
}

#[cfg(test)]
mod tests {
    use headlight_attention::Frame;

    use super::*;
    use crate::train::tests::{GRID, TELLING, all, telling_treebank};
    use crate::{Hooks, ProbeForm, ProbeSpec, TrainOptions, evaluate, train};

    #[test]
    fn what_counts_is_the_head_that_tells() {
        let examples = telling_treebank(150, 1);
        let spec = ProbeSpec::new(ProbeForm::AttentionOnly, GRID, &Frame::bert(), 3);
        let options = TrainOptions { learning_rate: 0.02, epochs: 20, ..TrainOptions::until_best(1) };
        let probe = train(spec, &examples, &all(&examples), &options, Hooks::default()).unwrap().probe;
        let uas = |ablated: &Ablated| ablated.evaluation.uas.ratio().unwrap();
        let whole = evaluate(&probe, &examples, &all(&examples)).unwrap().uas.ratio().unwrap();

        let heads = ablate(&probe, &examples, &all(&examples), Ablation::Heads).unwrap();
        assert_eq!(heads.len(), GRID.len());
        for ablated in &heads {
            assert_eq!(uas(ablated) < whole - 0.3, ablated.heads == [TELLING], "{ablated:?}");
            let alone = evaluate(&probe.without_heads(ablated.heads.clone()), &examples, &all(&examples)).unwrap();
            assert_eq!(ablated.evaluation, alone);
        }
        let layers = ablate(&probe, &examples, &all(&examples), Ablation::Layers).unwrap();
        assert_eq!(layers.iter().map(|ablated| ablated.heads.len()).collect::<Vec<_>>(), [2, 2]);
        assert!(uas(&layers[TELLING.layer]) < uas(&layers[0]));
        let kept = ablate(&probe, &examples, &all(&examples), Ablation::AllButOneHead).unwrap();
        let best = kept.iter().max_by(|a, b| uas(a).total_cmp(&uas(b))).unwrap();
        assert!(best.heads.len() == 3 && !best.heads.contains(&TELLING), "{best:?}");
        let kept = ablate(&probe, &examples, &all(&examples), Ablation::AllButOneLayer).unwrap();
        assert!(uas(&kept[TELLING.layer]) > uas(&kept[0]));
    }
}
