//! The tree of one sentence: the treebank's arcs above its words, a predictor's below.

use headlight_treebank::{Governor, Sentence};

use super::colours::{BLUE, Colour, VERMILION};
use super::drawing::{Anchor, At, Drawing, FONT_SIZE, text_width};
use crate::script::runs_right_to_left;
use crate::tree_figure::SentenceTree;

/// What an arc takes of height for each arc that it spans.
const LEVEL: f64 = 11.0;

/// Between words.
const GAP: f64 = 9.0;

/// Room for the note below.
const NARROWEST: f64 = 160.0;

/// As wide as its words: where that is more than `column`, the page is the wider.
pub(super) fn tree(tree: &SentenceTree, column: f64) -> Drawing {
    let SentenceTree { sentence, granularity, predictor, predicted } = tree;
    let forms: Vec<&str> = sentence.forms();
    let relations: Vec<&str> = sentence.words().iter().map(|word| word.relation.name(*granularity)).collect();
    // A label lies above the arc of its word, which may be no longer than the way to the next one.
    let widths: Vec<f64> = forms
        .iter()
        .zip(&relations)
        .map(|(form, relation)| text_width(form).max(0.86 * text_width(relation)).max(8.0))
        .collect();
    // Between neighbours that an arc joins there is room for its label.
    let is_joined =
        |at: usize, other: usize| sentence.words()[at].governor.word().is_some_and(|it| it.index() == other);
    let gap = |at: usize| {
        let label = match at + 1 < forms.len() {
            true if is_joined(at, at + 1) => text_width(relations[at]),
            true if is_joined(at + 1, at) => text_width(relations[at + 1]),
            _ => 0.0,
        };
        let between = widths[at] / 2.0 + widths.get(at + 1).map_or(0.0, |width| width / 2.0);
        GAP.max(label + 6.0 - between)
    };
    let whole = widths.iter().sum::<f64>() + GAP + (0..forms.len()).map(gap).sum::<f64>();
    let width = whole.max(column.min(NARROWEST));
    let right_to_left = runs_right_to_left(forms.iter().copied());
    let mut centres = Vec::new();
    let mut x = GAP;
    for (at, width) in widths.iter().enumerate() {
        centres.push(x + width / 2.0);
        x += width + gap(at);
    }
    if right_to_left {
        centres.iter_mut().for_each(|centre| *centre = width - *centre);
    }
    let above: Vec<Option<Governor>> = sentence.words().iter().map(|word| Some(word.governor)).collect();
    let (up, down) = (levels(&above), levels(predicted));
    let [highest, lowest] = [&up, &down].map(|levels| levels.iter().copied().max().unwrap_or(0));
    let top = 6.0 + LEVEL * (f64::from(highest) + 1.0) + FONT_SIZE;
    let base = top + FONT_SIZE + 4.0;
    let mut drawing = Drawing { width, ..Drawing::default() };
    for (at, governor) in above.iter().enumerate() {
        let arc = Arc { centres: &centres, end: top, grows: -1.0, colour: Colour::SOFT, is_dashed: false };
        let (apex, y) = arc.draw(&mut drawing, at, *governor, level(&up, at, highest));
        drawing.text((apex, y - FONT_SIZE * 0.55), Anchor::Middle, relations[at], Colour::INK);
    }
    for (form, centre) in forms.iter().zip(&centres) {
        drawing.text((*centre, top + FONT_SIZE * 0.75 + 1.0), Anchor::Middle, form, Colour::INK);
    }
    for (at, governor) in predicted.iter().enumerate().filter(|(_, governor)| governor.is_some()) {
        let agrees = *governor == above[at];
        let colour = if agrees { BLUE } else { VERMILION };
        let arc = Arc { centres: &centres, end: base, grows: 1.0, colour, is_dashed: !agrees };
        arc.draw(&mut drawing, at, *governor, level(&down, at, lowest));
    }
    drawing.height = base + LEVEL * (f64::from(lowest) + 2.0);
    drawing.foot(&note(sentence, predictor, predicted));
    drawing
}

/// What the arcs are, and how many of them agree.
fn note(sentence: &Sentence, predictor: &str, predicted: &[Option<Governor>]) -> String {
    let governed = sentence.words().iter().zip(predicted).filter(|(word, _)| word.governor != Governor::Root);
    let (right, all) = governed.fold((0, 0), |(right, all), (word, predicted)| {
        (right + usize::from(*predicted == Some(word.governor)), all + 1)
    });
    format!(
        "Above: the treebank's. Below: {}, solid where the two agree: {right} of {all} governors of {}.",
        predictor.replace('_', " "),
        sentence.sent_id()
    )
}

/// How high each word's arc stands: above all arcs that it spans. Of the root, and of a word without an arc, 0.
fn levels(governors: &[Option<Governor>]) -> Vec<u32> {
    let span = |at: usize| match governors[at] {
        Some(Governor::Word(governor)) => Some((at.min(governor.index()), at.max(governor.index()))),
        _ => None,
    };
    let mut levels = vec![0; governors.len()];
    let mut arcs: Vec<(usize, (usize, usize))> = (0..governors.len()).filter_map(|at| Some((at, span(at)?))).collect();
    arcs.sort_by_key(|(_, (from, to))| to - from);
    for (number, (at, (from, to))) in arcs.iter().enumerate() {
        let under = arcs[..number].iter().filter(|(_, other)| other.0 < *to && other.1 > *from);
        levels[*at] = 1 + under.map(|(other, _)| levels[*other]).max().unwrap_or(0);
    }
    levels
}

/// The level of a word's arc; that of the root stands above all others.
fn level(levels: &[u32], at: usize, highest: u32) -> u32 {
    if levels[at] == 0 { highest + 1 } else { levels[at] }
}

/// How an arc is drawn.
struct Arc<'a> {
    centres: &'a [f64],
    /// Where arcs end.
    end: f64,
    /// Upwards, −1, or downwards, 1.
    grows: f64,
    colour: Colour,
    is_dashed: bool,
}

impl Arc<'_> {
    /// From the governor to the word, with an arrow at the word; returns the middle of its far side.
    fn draw(&self, drawing: &mut Drawing, at: usize, governor: Option<Governor>, level: u32) -> At {
        let x = self.centres[at];
        let tip = (x, self.end);
        let far = |level: f64| self.end + self.grows * LEVEL * level;
        let mut line = |points: &[At]| match self.is_dashed {
            true => drawing.dashed(points, self.colour, 0.8),
            false => drawing.line(points, self.colour, 0.8),
        };
        let apex = match governor {
            Some(Governor::Word(governor)) => {
                let other = self.centres[governor.index()];
                // Arcs that leave a word stand beside those that end there.
                let start = other + 3.0 * (x - other).signum();
                let y = far(f64::from(level.max(1)));
                let round = (0.25 * (x - start).abs()).min(5.0) * (x - start).signum();
                line(&[
                    (start, self.end),
                    (start, y - self.grows * round.abs()),
                    (start + round, y),
                    (x - round, y),
                    (x, y - self.grows * round.abs()),
                    tip,
                ]);
                (f64::midpoint(start, x), y)
            }
            _ => {
                let y = far(f64::from(level));
                line(&[(x, y), tip]);
                (x, y)
            }
        };
        let back = self.end + self.grows * 3.6;
        drawing.area(vec![tip, (x - 1.9, back), (x + 1.9, back)], self.colour);
        apex
    }
}
