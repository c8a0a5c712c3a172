//! Control tasks (Hewitt & Liang 2019): a probe that also learns random governors says little about attention.

use headlight_treebank::{Count, Governor, WordIdx};

/// Governors by a random rule for each word type: whatever its sentence, a word always hangs from ROOT, from the first
/// word or from the last word, as a hash of `seed` and its form decides, each with probability 1/3. Where that is the
/// word itself, it hangs from ROOT.
///
/// This is the control task of Hewitt & Liang (2019, §2.2) for dependency edges, with ROOT in place of their "attaches
/// to itself", since a word is no candidate of its own here. A form keeps its rule in every split.
pub fn control_governors(forms: &[&str], seed: u64) -> Vec<Governor> {
    let last = forms.len().saturating_sub(1);
    let rule = |(at, form): (usize, &&str)| {
        let target = match hash(form, seed) % 3 {
            0 => return Governor::Root,
            1 => 0,
            _ => last,
        };
        if target == at { Governor::Root } else { Governor::Word(WordIdx::new(target)) }
    };
    forms.iter().enumerate().map(rule).collect()
}

/// Labels by a random rule for each word type: whatever its sentence, a word always has the same, which a hash of `seed` and
/// its form draws from the labels' frequencies (Hewitt & Liang 2019, §2.1: the control task of labels). Empty frequencies
/// give label 0.
pub fn control_labels(forms: &[&str], frequencies: &[u64], seed: u64) -> Vec<u32> {
    let all: u64 = frequencies.iter().sum();
    let label = |form: &&str| {
        let mut left = hash(form, seed) % all.max(1);
        let found = frequencies.iter().position(|&frequency| {
            let is_here = left < frequency;
            left = left.saturating_sub(frequency);
            is_here
        });
        found.unwrap_or(0) as u32
    };
    forms.iter().map(label).collect()
}

/// A probe's accuracy on its task beside that on the control task, and their difference.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Selectivity {
    /// Words with the right governor on the task.
    pub task: Count,
    /// Words with the right governor on the control task, for a probe trained on it.
    pub control: Count,
}

impl Selectivity {
    /// Accuracy on the task minus accuracy on the control task; `None` where nothing was counted.
    pub fn value(&self) -> Option<f64> {
        Some(self.task.ratio()? - self.control.ratio()?)
    }
}

/// The same on every machine and in every version, unlike the standard library's hasher: FNV-1a, then the finisher of
/// SplitMix64, without which the last letter would decide too much.
fn hash(form: &str, seed: u64) -> u64 {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = seed.to_le_bytes().into_iter().chain(form.bytes()).fold(0xcbf2_9ce4_8422_2325, fold);
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_a_type_are_drawn_by_frequency() {
        let forms: Vec<String> = (0..4000).map(|number| format!("word{number}")).collect();
        let forms: Vec<&str> = forms.iter().map(String::as_str).collect();
        let labels = control_labels(&forms, &[1, 0, 3], 7);
        assert_eq!(labels, control_labels(&forms, &[1, 0, 3], 7));
        assert_ne!(labels, control_labels(&forms, &[1, 0, 3], 8));
        let share = |label| labels.iter().filter(|it| **it == label).count() as f64 / 4000.0;
        assert!((share(0) - 0.25).abs() < 0.03 && share(1) == 0.0 && (share(2) - 0.75).abs() < 0.03);
        assert_eq!(control_labels(&["a"], &[], 1), [0]);
    }

    #[test]
    fn a_type_keeps_its_rule_and_the_three_rules_are_equally_frequent() {
        let mut counts = [0; 3];
        for number in 0..3000 {
            let word = format!("word{number}");
            let governors = control_governors(&["first", &word, "between", &word, "last"], 5);
            assert_eq!(governors[1], governors[3]);
            let rule = match governors[1] {
                Governor::Root => 0,
                Governor::Word(word) if word.index() == 0 => 1,
                Governor::Word(word) => {
                    assert_eq!(word.index(), 4);
                    2
                }
            };
            counts[rule] += 1;
        }
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
    }

    #[test]
    fn no_word_hangs_from_itself() {
        for seed in 0..20 {
            assert_eq!(control_governors(&["alone"], seed), [Governor::Root]);
            let governors = control_governors(&["a", "b"], seed);
            assert!(governors[0] != Governor::Word(WordIdx::new(0)) && governors[1] != Governor::Word(WordIdx::new(1)));
        }
    }

    #[test]
    fn seeds_make_different_tasks() {
        let forms: Vec<String> = (0..50).map(|number| format!("w{number}")).collect();
        let forms: Vec<&str> = forms.iter().map(String::as_str).collect();
        assert_ne!(control_governors(&forms, 1), control_governors(&forms, 2));
    }

    #[test]
    fn selectivity_is_the_difference_of_accuracies() {
        let selectivity =
            Selectivity { task: Count { correct: 7, total: 10 }, control: Count { correct: 1, total: 4 } };
        assert!((selectivity.value().unwrap() - 0.45).abs() < 1e-12);
    }
}
