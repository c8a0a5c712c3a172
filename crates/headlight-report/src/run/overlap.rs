//! Sentences that stand more than once: in two splits, or twice in one. By their words, since words are what a model
//! sees, and not by names or files, which copies do not share.

use serde::{Deserialize, Serialize};

use super::{SplitSummary, TreebankSummary};
use crate::format::{count, percent};

/// From this share of a split's words on, what it shares is more than the short sentences that any two texts have in
/// common (`Thank you .`): 0.6 % of UD English EWT's dev stand in its train.
const MUCH: f64 = 0.01;

/// Sentences of one split that stand in another one too, word for word, upper and lower case alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// The split whose sentences are counted.
    pub split: String,
    /// The split in which they stand too.
    pub with: String,
    /// How many do; of how many says [`SplitSummary::sentences`].
    pub sentences: u64,
    /// Their words.
    pub words: u64,
}

/// Sentences of a split that say again what an earlier one says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeated {
    /// Sentences whose words are those of an earlier one, upper and lower case alike.
    pub sentences: u64,
    /// Their words.
    pub words: u64,
    /// Sentences whose `sent_id` an earlier one has.
    pub names: u64,
}

impl TreebankSummary {
    /// What two splits share; `None` where nobody looked: one of them was not read, or the run is of an earlier version.
    pub fn overlap(&self, split: &str, with: &str) -> Option<&Overlap> {
        self.overlaps.iter().find(|overlap| overlap.split == split && overlap.with == with)
    }

    /// How the sentences that something was chosen on or learnt from (`select`, `train`) stand to those that it is scored
    /// on: completes "Heads were chosen …". "On other sentences" is said only where it was found to be so.
    pub fn beside_evaluated(&self, with: &str) -> String {
        let name = called(with);
        let Some((overlap, evaluated)) = self.overlap("evaluate", with).zip(self.split("evaluate")) else {
            return format!("on the {name} split");
        };
        match overlap.sentences {
            0 => "on other sentences than they are scored on".to_owned(),
            all if all == evaluated.sentences => {
                format!("on the sentences that they are scored on, which all stand in the {name} split too")
            }
            1 => format!("on the {name} split, where {} stands too", part_of(overlap, evaluated)),
            _ => format!("on the {name} split, where {} stand too", part_of(overlap, evaluated)),
        }
    }

    /// Whether so much of a split stands in another that what was chosen there is not chosen elsewhere.
    pub fn shares_much(&self, split: &str, with: &str) -> bool {
        self.overlap(split, with)
            .zip(self.split(split))
            .is_some_and(|(overlap, split)| overlap.sentences > 0 && is_much(overlap.words, split))
    }

    /// What a reader must know of sentences that stand more than once, the gravest first.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<(bool, String)> = Vec::new();
        for overlap in self.overlaps.iter().filter(|overlap| overlap.sentences > 0) {
            let Some(split) = self.split(&overlap.split) else { continue };
            let name = called(&overlap.with);
            let what = if overlap.with == "train" { "learnt" } else { "chosen" };
            let much = is_much(overlap.words, split);
            let stand = if overlap.sentences == 1 { "stands" } else { "stand" };
            let verdict = match (much, overlap.split.as_str()) {
                (true, "evaluate") => {
                    format!(": optimistic, since what is {what} there is scored on sentences that it was {what} from")
                }
                (true, _) => format!(": what is {what} there knows sentences that it is then measured on"),
                (false, _) => String::new(),
            };
            warnings.push((
                much,
                format!(
                    "{} {stand} in the {name} split too, word for word{verdict}",
                    capital(&part_of(overlap, split))
                ),
            ));
        }
        for split in &self.splits {
            let Repeated { sentences, words, names } = split.repeated;
            if sentences > 0 {
                let much = is_much(words, split);
                let verdict = if much { ": intervals and tests take copies for so many sentences more" } else { "" };
                let repeat = if sentences == 1 { "repeats" } else { "repeat" };
                let share = shares(sentences, words, split);
                warnings.push((much, format!("{share} {repeat} an earlier one word for word{verdict}")));
            }
            if split.repaired > 0 {
                warnings.push((
                    true,
                    format!(
                        "{} of the {} {} sentences have several roots in the treebank: all but the first hang from it",
                        count(split.repaired),
                        count(split.sentences),
                        adjective(&split.split)
                    ),
                ));
            }
            if names > 0 {
                warnings.push((
                    false,
                    format!(
                        "{} of the {} {} sentences {} a sent_id that an earlier one has: tables cannot tell them apart",
                        count(names),
                        count(split.sentences),
                        adjective(&split.split),
                        if names == 1 { "has" } else { "have" }
                    ),
                ));
            }
        }
        warnings.sort_by_key(|(much, _)| !much);
        warnings.into_iter().map(|(_, warning)| warning).collect()
    }

    fn split(&self, name: &str) -> Option<&SplitSummary> {
        self.splits.iter().find(|split| split.split == name)
    }
}

fn is_much(words: u64, split: &SplitSummary) -> bool {
    words as f64 >= MUCH * split.words as f64
}

/// What the split is for.
fn called(split: &str) -> &str {
    match split {
        "select" => "selection",
        "train" => "training",
        "evaluate" => "evaluation",
        other => other,
    }
}

fn adjective(split: &str) -> &str {
    match split {
        "evaluate" => "evaluated",
        other => called(other),
    }
}

/// `72 of the 2,001 evaluated sentences (3.6 %, with 0.6 % of the words)`, `all 24 evaluated sentences`.
fn part_of(overlap: &Overlap, split: &SplitSummary) -> String {
    if overlap.sentences == split.sentences {
        let sentences = if split.sentences == 1 { "sentence" } else { "sentences" };
        return format!("all {} {} {sentences}", count(split.sentences), adjective(&split.split));
    }
    shares(overlap.sentences, overlap.words, split)
}

fn shares(sentences: u64, words: u64, split: &SplitSummary) -> String {
    let share = |part: u64, whole: u64| percent(part as f64 / whole.max(1) as f64);
    format!(
        "{} of the {} {} sentences ({} %, with {} % of the words)",
        count(sentences),
        count(split.sentences),
        adjective(&split.split),
        share(sentences, split.sentences),
        share(words, split.words)
    )
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn treebank(overlaps: &[(&str, &str, u64, u64)], repeated: Repeated) -> TreebankSummary {
        let split = |name: &str, sentences, words, repeated| SplitSummary {
            split: name.into(),
            sentences,
            words,
            repeated,
            ..SplitSummary::default()
        };
        TreebankSummary {
            name: "en_ewt".into(),
            splits: vec![
                split("select", 12_544, 204_579, Repeated::default()),
                split("evaluate", 2001, 25_147, repeated),
            ],
            overlaps: overlaps
                .iter()
                .map(|&(split, with, sentences, words)| Overlap {
                    split: split.into(),
                    with: with.into(),
                    sentences,
                    words,
                })
                .collect(),
        }
    }

    #[test]
    fn other_sentences_are_claimed_only_where_they_are() {
        let of = |sentences, words| {
            treebank(&[("evaluate", "select", sentences, words)], Repeated::default()).beside_evaluated("select")
        };
        assert_eq!(of(0, 0), "on other sentences than they are scored on");
        assert_eq!(
            of(72, 146),
            "on the selection split, where 72 of the 2,001 evaluated sentences (3.6 %, with 0.6 % of the words) stand too"
        );
        assert_eq!(
            of(2001, 25_147),
            "on the sentences that they are scored on, which all stand in the selection split too"
        );
        assert_eq!(treebank(&[], Repeated::default()).beside_evaluated("train"), "on the training split");
    }

    #[test]
    fn what_stands_twice_is_a_warning_and_much_of_it_comes_first() {
        assert_eq!(treebank(&[("evaluate", "select", 0, 0)], Repeated::default()).warnings(), [""; 0]);
        let repeated = Repeated { sentences: 92, words: 251, names: 1 };
        let treebank = treebank(&[("evaluate", "select", 72, 146), ("evaluate", "train", 2001, 25_147)], repeated);
        assert_eq!(
            treebank.warnings(),
            [
                "All 2,001 evaluated sentences stand in the training split too, word for word: optimistic, since what is \
                 learnt there is scored on sentences that it was learnt from",
                "72 of the 2,001 evaluated sentences (3.6 %, with 0.6 % of the words) stand in the selection split too, \
                 word for word",
                "92 of the 2,001 evaluated sentences (4.6 %, with 1.0 % of the words) repeat an earlier one word for word",
                "1 of the 2,001 evaluated sentences has a sent_id that an earlier one has: tables cannot tell them apart",
            ]
        );
    }
}
