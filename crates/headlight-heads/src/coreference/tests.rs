use headlight_attention::{AttentionHead, Frame, HeadGrid};
use headlight_treebank::coreference::{Documents, HeadRule};
use headlight_treebank::{Format, Reader};

use super::*;

const GRID: HeadGrid = HeadGrid { layers: 1, heads: 1 };
const HEAD: AttentionHead = AttentionHead { layer: 0, index: 0 };

/// Two sentences: `Ann saw a dog . She fed the dog .` and `It barked .`; entities ann, dog, and a singleton food.
fn pond() -> Document {
    let word = |id: usize, form: &str, upos: &str, features: &str, entity: &str| {
        let (governor, relation) = if id == 1 { (0, "root") } else { (1, "dep") };
        let entity = if entity.is_empty() { "_".to_owned() } else { format!("Entity={entity}") };
        format!("{id}\t{form}\t_\t{upos}\t_\t{features}\t{governor}\t{relation}\t_\t{entity}\n")
    };
    let sentences: [&[(&str, &str, &str, &str)]; 3] = [
        &[
            ("Ann", "PROPN", "Number=Sing", "(ann)"),
            ("saw", "VERB", "_", ""),
            ("dogs", "NOUN", "Number=Plur", "(dogs)"),
        ],
        &[
            ("She", "PRON", "Gender=Fem|Number=Sing|Person=3", "(ann)"),
            ("fed", "VERB", "_", ""),
            ("food", "NOUN", "Number=Sing", "(food)"),
            ("dogs", "NOUN", "Number=Plur", "(dogs)"),
        ],
        &[("They", "PRON", "Number=Plur|Person=3", "(dogs)"), ("ate", "VERB", "_", "")],
    ];
    let sentence = |words: &&[(&str, &str, &str, &str)]| {
        let lines =
            words.iter().zip(1..).map(|((form, upos, features, entity), id)| word(id, form, upos, features, entity));
        lines.collect::<String>() + "\n"
    };
    let text: String = sentences.iter().map(sentence).collect();
    let text = format!("# newdoc id = pond\n# global.Entity = eid\n{text}");
    let reader = Reader::new(std::io::Cursor::new(text), "pond.conllu", Format::Conllu).unwrap();
    Documents::new(reader, HeadRule::default()).next().unwrap().unwrap()
}

/// Attention over nine words in which the listed pairs, from and to by word, have the highest weights of their rows.
fn attention(pairs: &[(usize, usize)]) -> WordAttention {
    let mut weights = vec![0.01; 11 * 11];
    pairs.iter().for_each(|(from, to)| weights[(from + 1) * 11 + to + 1] = 0.5);
    WordAttention::new(GRID, &Frame::bert(), 9, weights).unwrap()
}

fn counts(counts: &CoreferenceCounts, predictor: AntecedentPredictor) -> [(u32, u32); 4] {
    MentionGroup::ALL.map(|group| (counts.correct(group, predictor), counts.total(group)))
}

#[test]
fn windows_hold_whole_sentences() {
    let check = |pieces: &[usize], limit, expected: &[(usize, usize)]| {
        let found: Vec<_> =
            windows(pieces, limit, &Frame::bert()).into_iter().map(|window| (window.start, window.end)).collect();
        assert_eq!(found, expected, "{pieces:?} {limit}");
    };
    check(&[3, 3, 3], 11, &[(0, 3)]);
    check(&[3, 3, 3], 10, &[(0, 2), (2, 3)]);
    check(&[3, 9, 3, 3], 10, &[(0, 1), (2, 4)]);
    check(&[3, 8, 3], 10, &[(0, 1), (1, 2), (2, 3)]);
    check(&[], 10, &[]);
    check(&[1], 1, &[]);
    // Without special pieces there is room for two more.
    assert_eq!(windows(&[3, 3, 3], 9, &Frame::none()).len(), 1);
}

#[test]
fn baselines_choose_by_position_words_and_agreement() {
    let window = Window::new(&pond(), 0..3, &CoreferenceOptions::default());
    assert_eq!((window.words(), window.anaphoric()), (9, 3));
    let scores = window.score(&attention(&[]));
    // She: the nearest is `dogs`; only agreement finds Ann. dogs: the nearest is `food`. They: the nearest is `dogs`.
    assert_eq!(counts(&scores, AntecedentPredictor::Nearest), [(1, 3), (1, 2), (0, 0), (0, 1)]);
    assert_eq!(counts(&scores, AntecedentPredictor::HeadMatch), [(1, 3), (0, 2), (0, 0), (1, 1)]);
    assert_eq!(counts(&scores, AntecedentPredictor::Sieves), [(3, 3), (2, 2), (0, 0), (1, 1)]);
}

#[test]
fn a_head_is_right_where_it_points_to_an_antecedent() {
    let [forward, backward] = Direction::BOTH.map(|direction| AntecedentPredictor::Head { direction, head: HEAD });
    let check =
        |sentences: Range<usize>, options: CoreferenceOptions, pairs: &[(usize, usize)], expected: [(u32, u32); 2]| {
            let window = Window::new(&pond(), sentences, &options);
            let scores = window.score(&attention(pairs));
            let all = [forward, backward].map(|predictor| counts(&scores, predictor)[0]);
            assert_eq!(all, expected, "{options:?} {pairs:?}");
        };
    let default = CoreferenceOptions::default();
    // Without any preference the first candidate, Ann, wins: right for She only.
    check(0..3, default, &[], [(1, 3), (1, 3)]);
    // dogs (6) and They (7) attend to the first dogs (2).
    check(0..3, default, &[(6, 2), (7, 2)], [(3, 3), (1, 3)]);
    // In the other direction the antecedent attends.
    check(0..3, default, &[(2, 6), (2, 7)], [(1, 3), (3, 3)]);
    // Words that are no mentions, and mentions on the right, are no candidates by default, and never right.
    check(0..3, default, &[(3, 1), (3, 6)], [(1, 3), (1, 3)]);
    let mentions = CoreferenceOptions { candidates: Candidates::Mentions, ..default };
    check(0..3, mentions, &[(3, 1), (3, 6)], [(0, 3), (1, 3)]);
    check(0..3, CoreferenceOptions { candidates: Candidates::Words, ..default }, &[(3, 1)], [(0, 3), (1, 3)]);
}

#[test]
fn singletons_are_mentions_unless_left_out() {
    let mentions = |singletons| {
        let options = CoreferenceOptions { singletons, ..CoreferenceOptions::default() };
        let window = Window::new(&pond(), 0..3, &options);
        (window.mentions.len(), window.anaphoric())
    };
    assert_eq!((mentions(true), mentions(false)), ((6, 3), (5, 3)));
}

#[test]
fn antecedents_outside_the_window_do_not_count() {
    let window = Window::new(&pond(), 1..3, &CoreferenceOptions::default());
    assert_eq!((window.words(), window.anaphoric()), (6, 1));
    let empty = Window::new(&pond(), 2..3, &CoreferenceOptions::default());
    assert_eq!(empty.anaphoric(), 0);
}

#[test]
fn counts_add_up_by_document() {
    let window = Window::new(&pond(), 0..3, &CoreferenceOptions::default());
    let counts = window.score(&attention(&[(6, 2)]));
    let mut scores = CoreferenceScores::new(GRID);
    [(0, "a"), (0, "a"), (1, "b"), (2, "b")].iter().for_each(|(number, id)| scores.add(*number, id, &counts));
    let totals: Vec<(&str, u32)> =
        scores.documents().map(|(id, counts)| (id, counts.total(MentionGroup::All))).collect();
    // Documents of one name are two.
    assert_eq!(totals, [("a", 6), ("b", 3), ("b", 3)]);
    let sum = scores.sum(|id| id == "a");
    let mut twice = counts.clone();
    twice.merge(&counts);
    assert_eq!(sum, twice);
    assert_eq!(sum.best(MentionGroup::All), Some((Direction::DependentToGovernor, HEAD)));
    assert_eq!(sum.best(MentionGroup::Type(MentionType::Proper)), None);
}
