//! How the model read the words of a split: counted while they pass, shown beside them, warned of where it is much.

use headlight_bert::{Legibility, Pieces, SpecialPieces};
use headlight_report::format::{count, percent};
use headlight_report::run::{Reading, SplitSummary, UnreadWords};
use headlight_treebank::Sentence;

/// From this share of a split's words on, words that the model cannot make out are warned of. English text has next to
/// none of them, and what single words do to accuracy is far below the width of its interval.
const MANY: f64 = 0.05;

/// So many sentences that could not be aligned stand in the warning.
const SHOWN: usize = 5;

/// The reasons for which a model cannot make out words, each with their number.
fn reasons(reading: &Reading) -> [(&'static str, u64); 3] {
    [
        ("unknown to the model", reading.unknown_words),
        ("same pieces as the word before", reading.shared_words),
        ("form withheld (_)", reading.blank_words),
    ]
}

/// Counts the words of a sentence, of which the model sees these pieces.
pub(super) fn add_sentence(reading: &mut Reading, sentence: &Sentence, pieces: &Pieces, special: SpecialPieces) {
    add_pieces(reading, pieces, special);
    reading.blank_words += sentence.forms().iter().filter(|form| **form == "_").count() as u64;
}

/// Counts the words that these pieces make.
pub(super) fn add_pieces(reading: &mut Reading, pieces: &Pieces, special: SpecialPieces) {
    let Legibility { unknown, unpieced, shared, .. } = pieces.legibility(special);
    reading.pieces += (pieces.len() - pieces.alignment.frame().specials()) as u64;
    reading.unknown_words += unknown as u64;
    reading.unpieced_words += unpieced as u64;
    reading.shared_words += shared as u64;
}

/// The words of a split that the model cannot make out, for the manifest.
pub(super) fn unread(split: &SplitSummary) -> impl Iterator<Item = UnreadWords> {
    let of =
        |(reason, words): (&str, u64)| UnreadWords { split: split.split.clone(), reason: reason.to_owned(), words };
    reasons(&split.reading).into_iter().filter(|(_, words)| *words > 0).map(of)
}

/// What a reader must know about the words of a split before trusting the numbers.
pub(super) fn warnings(split: &SplitSummary) -> Vec<String> {
    let Reading { unknown_words, unpieced_words, shared_words, blank_words, .. } = split.reading;
    let many = |words: u64| words as f64 >= MANY * split.words as f64 && words > 0;
    let of_all = |words: u64| {
        let share = percent(words as f64 / split.words as f64);
        format!("{}: {share} % of the words ({} of {})", split.split, count(words), count(split.words))
    };
    let mut warnings = Vec::new();
    if many(unknown_words) {
        let unpieced = match unpieced_words {
            0 => String::new(),
            some => format!(", {} of them without any character that it reads", count(some)),
        };
        warnings.push(format!(
            "{} are nothing but the unknown piece to the model{unpieced}: it sees where they stand and not what they are. Is \
             its vocabulary that of the language?",
            of_all(unknown_words)
        ));
    }
    if many(shared_words) {
        warnings.push(format!(
            "{} have the same pieces as the word before, so that no head can tell the two apart; input = \"words\" gives \
             each word pieces of its own",
            of_all(shared_words)
        ));
    }
    if !split.unaligned.is_empty() {
        let shown: Vec<String> =
            split.unaligned.iter().take(SHOWN).map(|it| format!("{} ({})", it.sent_id, it.problem)).collect();
        let others = if split.unaligned.len() > SHOWN { "; report.json lists more" } else { "" };
        warnings.push(format!(
            "{}: words and pieces do not lie side by side in {}{others}",
            split.split,
            shown.join(", ")
        ));
    }
    if many(blank_words) {
        warnings.push(format!(
            "{} are `_`: the treebank comes without its text, and what heads do with it says nothing about language",
            of_all(blank_words)
        ));
    }
    warnings
}
