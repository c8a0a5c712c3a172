//! Heads that a config names, for kinds that mask some: one by one (`heads = ["3-9", "3-1"]`), or as the best for relations
//! (`relations = ["det", "obj"]`), chosen on `select` by the rule of `kind = "heads"`.

use anyhow::{Context, Result, bail, ensure};
use headlight_attention::{AttentionHead, HeadGrid};
use headlight_heads::{Direction, Group, HeadScores, Relations};
use headlight_report::facts::RankedHeads;

use super::predictions::{Predictions, Rows};
use super::repeated;
use crate::config::{Settings, Split};
use crate::run::{Ask, Run, Stream};

/// The keys by which a kind names heads.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// The section of the kind.
    pub section: &'static str,
    /// `heads`
    pub heads: &'a [String],
    /// `relations`
    pub relations: &'a [String],
    /// `most_heads`: of relations.
    pub most_heads: usize,
}

/// The heads that were named.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Named {
    /// In the order in which they are masked.
    pub heads: Vec<AttentionHead>,
    /// How heads follow each relation, where relations were named.
    pub rankings: Vec<Ranking>,
}

impl Names<'_> {
    /// Whether none is named.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty() && self.relations.is_empty()
    }

    /// Checks the keys, alone and together with the rest of the config.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check(&self, config: &Settings) -> Result<()> {
        listed("heads", self.heads)?;
        ensure!(
            self.heads.is_empty() || self.relations.is_empty(),
            "`heads` and `relations` both say which heads are masked: give one of them"
        );
        if let Some(relation) = repeated(self.relations) {
            bail!("`relations` names {relation:?} twice");
        }
        if !self.relations.is_empty() {
            check_of_heads(&format!("{}.relations", self.section), config)?;
            ensure!(self.most_heads > 0, "`most_heads` is 0; of `relations` at least one head is masked");
            config.treebank.required_files(Split::Select, &format!("`{}.relations`", self.section))?;
        }
        Ok(())
    }

    /// What has to be read before heads are ranked.
    pub fn asks(&self, run: &Run) -> Option<Ask> {
        (!self.relations.is_empty()).then(|| Box::new(ranked(run)) as Ask)
    }

    /// The heads of the run's model that they name.
    ///
    /// # Errors
    /// A head that the model has not; a relation without a word in `select`.
    pub fn choose(&self, run: &mut Run) -> Result<Named> {
        let grid = run.model()?.model.spec().grid;
        let rankings = if self.relations.is_empty() { Vec::new() } else { rank(run, "relations", self.relations)? };
        let heads = match rankings.is_empty() {
            true => listed("heads", self.heads)?,
            false => in_turn(&rankings, self.most_heads),
        };
        check_exist("heads", &heads, grid)?;
        Ok(Named { heads, rankings })
    }
}

impl Named {
    /// As many other heads of the same layers, by draw.
    ///
    /// # Errors
    /// Where a layer has not as many others.
    pub fn beside(&self, run: &mut Run, draws: u32) -> Result<Vec<Vec<AttentionHead>>> {
        let (grid, seed) = (run.model()?.model.spec().grid, run.settings().seed);
        let draws = if self.heads.is_empty() { 0 } else { draws };
        (0..draws).map(|draw| others_of_their_layers(&self.heads, grid, seed, draw)).collect()
    }

    /// The best heads of each relation, for facts.
    pub fn ranked(&self) -> Vec<RankedHeads> {
        let ranked = |ranking: &Ranking| {
            let best = &ranking.heads[..self.heads.len().min(ranking.heads.len())];
            RankedHeads {
                relation: ranking.relation.clone(),
                heads: best.iter().map(|(head, _)| head.to_string()).collect(),
                correct: best.iter().map(|(_, correct)| *correct).collect(),
                words: ranking.words,
                sentences: ranking.sentences,
            }
        };
        self.rankings.iter().map(ranked).collect()
    }
}

/// The heads of a list, `layer-head` counted from 1.
///
/// # Errors
/// A name that is none, or stands in the list twice; names the key.
fn listed(key: &str, names: &[String]) -> Result<Vec<AttentionHead>> {
    let head = |name: &String| {
        let number = |text: &str| text.parse::<usize>().ok().filter(|number| *number > 0);
        let place = name.split_once('-').and_then(|(layer, head)| number(layer).zip(number(head)));
        let (layer, head) = place.with_context(|| {
            format!("`{key}` names {name:?}, which is no head: write layer-head counted from 1, such as \"3-9\"")
        })?;
        Ok(AttentionHead { layer: layer - 1, index: head - 1 })
    };
    let heads: Vec<AttentionHead> = names.iter().map(head).collect::<Result<_>>()?;
    if let Some(twice) = repeated(&heads) {
        bail!("`{key}` names head {twice} twice");
    }
    Ok(heads)
}

/// Checks that a model has the heads.
///
/// # Errors
/// The first that it has not.
fn check_exist(key: &str, heads: &[AttentionHead], grid: HeadGrid) -> Result<()> {
    if let Some(head) = heads.iter().find(|head| head.layer >= grid.layers || head.index >= grid.heads) {
        bail!("`{key}` names head {head}, but the model has {} layers of {} heads", grid.layers, grid.heads);
    }
    Ok(())
}

/// The heads of a model in the order of how well they follow a relation on `select`.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// The relation.
    pub relation: String,
    /// All heads, the best first, each by the direction in which it is right more often, with the words that it is right
    /// about. Of equals dependent→governor first, then the lower head.
    pub heads: Vec<(AttentionHead, u64)>,
    /// Words of the relation.
    pub words: u64,
    /// Sentences that heads were counted on.
    pub sentences: u64,
}

/// What heads are ranked by: their predictions for `select`, as `kind = "heads"` makes them.
fn ranked(run: &Run) -> Predictions {
    Predictions::new(run, Stream::Trees(Split::Select), Rows::Raw)
}

/// Checks that relations can choose heads: that there are maps of heads.
///
/// # Errors
/// Where heads are summed; names the key.
fn check_of_heads(key: &str, config: &Settings) -> Result<()> {
    ensure!(
        !config.model.attention_kind().is_of_layers(),
        "`{key}` names relations whose best heads are to be masked, but `model.attention` = \"{}\" sums the heads of a layer, so \
         that there is no best one: choose heads by \"weights\" or \"norms\", or list them",
        config.model.attention
    );
    Ok(())
}

/// Ranks heads for relations, each by its name in the treebank's granularity, and for paths of them, such as `obl+case`.
///
/// # Errors
/// A relation without a word; whatever stops the pass over `select`.
fn rank(run: &mut Run, key: &str, relations: &[String]) -> Result<Vec<Ranking>> {
    check_of_heads(key, run.settings())?;
    let predictions = ranked(run).read(run)?;
    run.books(Stream::Trees(Split::Select))?;
    let paths = relations.iter().map(String::as_str).filter(|relation| relation.contains('+'));
    let counted = Relations::from(run.settings().treebank.granularity()).with_paths(paths);
    let mut scores = HeadScores::new(predictions.grid(), counted.with_context(|| format!("`{key}`"))?);
    for (number, sentence) in run.sentences(Split::Select)?.enumerate() {
        let sentence = sentence?;
        ensure!(number < predictions.len(), "the treebank changed while it was read");
        if let Some(predicted) = predictions.sentence(number)? {
            scores.observe(&sentence, &predicted)?;
        }
    }
    relations.iter().map(|relation| ranking(&scores, key, relation)).collect()
}

fn ranking(scores: &HeadScores, key: &str, relation: &str) -> Result<Ranking> {
    let group = scores.groups().find(|group| group.name() == relation).cloned();
    let group = group.with_context(|| {
        let known = scores.groups().filter(|group| matches!(group, Group::Relation(_))).map(Group::name);
        format!(
            "`{key}` names {relation:?}, of which `treebank.select` has no word; it has {}",
            known.collect::<Vec<_>>().join(", ")
        )
    })?;
    let mut predictors: Vec<(Direction, AttentionHead)> = Direction::BOTH
        .into_iter()
        .flat_map(|direction| scores.grid().iter().map(move |head| (direction, head)))
        .collect();
    predictors.sort_by_key(|(direction, head)| std::cmp::Reverse(scores.correct(&group, *direction, *head)));
    let mut heads: Vec<(AttentionHead, u64)> = Vec::new();
    for (direction, head) in predictors {
        if !heads.iter().any(|(known, _)| *known == head) {
            heads.push((head, scores.correct(&group, direction, head)));
        }
    }
    Ok(Ranking { relation: relation.to_owned(), heads, words: scores.total(&group), sentences: scores.sentences() })
}

/// So many heads, the best of each relation in turn, then the second best of each, and so on; none twice.
fn in_turn(rankings: &[Ranking], count: usize) -> Vec<AttentionHead> {
    let mut taken: Vec<AttentionHead> = Vec::new();
    let longest = rankings.iter().map(|ranking| ranking.heads.len()).max().unwrap_or(0);
    for place in 0..longest {
        for (head, _) in rankings.iter().filter_map(|ranking| ranking.heads.get(place)) {
            if taken.len() < count && !taken.contains(head) {
                taken.push(*head);
            }
        }
    }
    taken
}

/// For each of these heads another of its layer, drawn at random and none of them; no head twice.
///
/// # Errors
/// A layer that has not as many others.
fn others_of_their_layers(heads: &[AttentionHead], grid: HeadGrid, seed: u64, draw: u32) -> Result<Vec<AttentionHead>> {
    use rand::SeedableRng;
    use rand::seq::SliceRandom;

    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(u64::from(draw));
    let mut left: Vec<Vec<AttentionHead>> = Vec::with_capacity(grid.layers);
    for layer in 0..grid.layers {
        let others = (0..grid.heads).map(|index| AttentionHead { layer, index }).filter(|head| !heads.contains(head));
        let mut others: Vec<AttentionHead> = others.collect();
        others.shuffle(&mut random);
        left.push(others);
    }
    let other = |head: &AttentionHead| {
        left[head.layer].pop().with_context(|| {
            let masked = heads.iter().filter(|other| other.layer == head.layer).count();
            format!(
                "{masked} of the {} heads of layer {} are to be masked, and there are not as many others to draw at random \
                 beside them: mask fewer",
                grid.heads,
                head.layer + 1
            )
        })
    };
    heads.iter().map(other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: HeadGrid = HeadGrid { layers: 2, heads: 4 };

    fn head(layer: usize, index: usize) -> AttentionHead {
        AttentionHead { layer, index }
    }

    #[test]
    fn heads_are_named_from_one() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(listed("k.heads", &names(&["3-9", "1-1"])).unwrap(), [head(2, 8), head(0, 0)]);
        for (wrong, message) in [
            (&["3"][..], "`k.heads` names \"3\", which is no head"),
            (&["0-1"], "`k.heads` names \"0-1\", which is no head"),
            (&["a-1"], "`k.heads` names \"a-1\", which is no head"),
            (&["1-2", "1-2"], "`k.heads` names head 1-2 twice"),
        ] {
            let error = listed("k.heads", &names(wrong)).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
        check_exist("k.heads", &[head(1, 3)], GRID).unwrap();
        let error = check_exist("k.heads", &[head(2, 0)], GRID).unwrap_err().to_string();
        assert_eq!(error, "`k.heads` names head 3-1, but the model has 2 layers of 4 heads");
    }

    #[test]
    fn relations_take_turns() {
        let ranking = |relation: &str, heads: &[(usize, usize)]| Ranking {
            relation: relation.to_owned(),
            heads: heads.iter().map(|&(layer, index)| (head(layer, index), 1)).collect(),
            words: 1,
            sentences: 1,
        };
        let rankings = [ranking("det", &[(0, 1), (1, 0), (0, 0)]), ranking("obj", &[(0, 1), (1, 3), (1, 0)])];
        assert_eq!(in_turn(&rankings, 3), [head(0, 1), head(1, 0), head(1, 3)]);
        assert_eq!(in_turn(&rankings, 9), [head(0, 1), head(1, 0), head(1, 3), head(0, 0)]);
    }

    #[test]
    fn random_heads_are_others_of_the_same_layers() {
        let chosen = [head(0, 1), head(1, 0), head(1, 3)];
        let draws: Vec<Vec<AttentionHead>> =
            (0..20).map(|draw| others_of_their_layers(&chosen, GRID, 1, draw).unwrap()).collect();
        for drawn in &draws {
            assert_eq!(drawn.iter().map(|head| head.layer).collect::<Vec<_>>(), [0, 1, 1]);
            assert!(drawn.iter().all(|head| !chosen.contains(head)) && drawn[1] != drawn[2]);
        }
        assert!(draws.iter().any(|drawn| *drawn != draws[0]));
        assert_eq!(draws[3], others_of_their_layers(&chosen, GRID, 1, 3).unwrap());
        let error = others_of_their_layers(&[head(0, 0), head(0, 1), head(0, 2)], GRID, 1, 0).unwrap_err().to_string();
        assert!(error.starts_with("3 of the 4 heads of layer 1 are to be masked"), "{error}");
    }
}
