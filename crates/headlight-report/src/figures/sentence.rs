//! Figure 5: the attention of one head in one sentence; attending words at the left, attended ones at the right, and the other
//! way round where the script runs from right to left.

use std::collections::BTreeSet;

use headlight_attention::{AttentionHead, Frame, HeadGrid};

use super::colours::{BLUE, Colour, VERMILION};
use super::drawing::{Anchor, Drawing, bold_width, fitted};
use super::{FigureError, nothing_to_draw};
use crate::assess::Chosen;
use crate::explorer::{Explorer, ExplorerSentence};
use crate::run::RunDirectory;
use crate::script::runs_right_to_left;
use crate::tables::{BestHead, Direction};

/// The height of a word.
const ROW: f64 = 11.0;

/// Lighter lines are not drawn.
const LEAST_WEIGHT: f64 = 0.04;

/// The attention of `head`, or of the best head for `relation`, or for the relation of the sentence that has the largest
/// gain over its baseline; the relation's dependents stand out.
pub(super) fn sentence(
    run: &RunDirectory,
    sent_id: &str,
    head: Option<AttentionHead>,
    relation: Option<&str>,
    column: f64,
) -> Result<Drawing, FigureError> {
    let Some(explorer) = Explorer::read(run)? else {
        return Err(nothing_to_draw(run, "heads"));
    };
    let Some(sentence) = explorer.sentences.iter().find(|sentence| sentence.sent_id == sent_id) else {
        let ids: Vec<&str> = explorer.sentences.iter().take(5).map(|sentence| sentence.sent_id.as_str()).collect();
        let known = format!("{} sentences, such as {}", explorer.sentences.len(), ids.join(", "));
        return Err(FigureError::UnknownSentence { sent_id: sent_id.to_owned(), known });
    };
    let best: Vec<BestHead> = run.table_or_empty()?;
    let row = best_row(sentence, &best, relation)?;
    let relation = relation.or(row.map(|row| row.relation.as_str())).unwrap_or("");
    let chosen = row.and_then(|row| row.chosen().into_iter().next());
    let direction = chosen.as_ref().map_or(Direction::DependentToGovernor, |chosen| chosen.direction);
    let of_row = |chosen: Chosen| AttentionHead { layer: chosen.layer as usize - 1, index: chosen.head as usize - 1 };
    let head = head.or(chosen.map(of_row)).unwrap_or(AttentionHead { layer: 0, index: 0 });
    let grid = HeadGrid { layers: explorer.layers, heads: explorer.heads };
    if head.layer >= grid.layers || head.index >= grid.heads {
        return Err(FigureError::UnknownHead { head, layers: grid.layers, heads: grid.heads });
    }
    Ok(draw((sentence, &explorer.frame), head, grid.number(head), direction, relation, column))
}

/// The row of `relation`, or of the relation in the sentence with the largest gain.
fn best_row<'a>(
    sentence: &ExplorerSentence,
    best: &'a [BestHead],
    relation: Option<&str>,
) -> Result<Option<&'a BestHead>, FigureError> {
    let in_sentence = |name: &str| sentence.words.iter().any(|word| word.governor > 0 && word.relation == name);
    if let Some(relation) = relation {
        if !in_sentence(relation) {
            let known: BTreeSet<&str> = sentence.words.iter().map(|word| word.relation.as_str()).collect();
            let known = known.into_iter().filter(|name| in_sentence(name)).collect::<Vec<_>>().join(", ");
            return Err(FigureError::UnknownRelation { relation: relation.to_owned(), known });
        }
        return Ok(best.iter().find(|row| row.relation == relation));
    }
    let gain = |row: &&BestHead| row.accuracy - row.baseline_accuracy;
    let rows = best
        .iter()
        .filter(|row| in_sentence(&row.relation) && row.chosen().iter().all(|it| it.layer > 0 && it.head > 0));
    // Punctuation has no syntax worth a figure, unless there is nothing else.
    let telling: Vec<&BestHead> = rows.clone().filter(|row| row.relation != "punct").collect();
    let rows = if telling.is_empty() { rows.collect() } else { telling }.into_iter();
    Ok(rows.max_by(|a, b| gain(a).total_cmp(&gain(b))))
}

fn draw(
    (sentence, frame): (&ExplorerSentence, &Frame),
    head: AttentionHead,
    number: usize,
    direction: Direction,
    relation: &str,
    column: f64,
) -> Drawing {
    let n = sentence.words.len();
    let forms = sentence.words.iter().map(|word| word.form.as_str());
    let [before, after] = [frame.before(), frame.after()].map(|pieces| pieces.iter().map(String::as_str));
    let names = before.chain(forms).chain(after);
    let names: Vec<String> = names.map(|name| fitted(name, column / 3.0)).collect();
    let widest = names.iter().map(|name| bold_width(name)).fold(0.0, f64::max);
    let sides = [(widest + 6.0, Anchor::End, -3.0), (column - widest - 6.0, Anchor::Start, 3.0)];
    let right_to_left = runs_right_to_left(sentence.words.iter().map(|word| word.form.as_str()));
    let [attending, attended] = if right_to_left { [sides[1], sides[0]] } else { sides };
    let top = 24.0;
    let y = |position: usize| top + ROW * position as f64;
    let mut drawing = Drawing { width: column, height: y(frame.positions(n)), marks: Vec::new() };
    let title = format!("head {head}, {}, {relation}", direction.arrow());
    let title = fitted(title.trim_end_matches(", "), column);
    drawing.bold((column / 2.0, 7.0), Anchor::Middle, &title, Colour::INK);

    let size = frame.positions(n);
    let weight = |from: usize, to: usize| {
        f64::from(sentence.weights[(number * size + from) * size + to]) / 255.0 * f64::from(sentence.scale)
    };
    for from in frame.words(n) {
        for to in 0..size {
            let value = weight(from, to).min(1.0);
            if value >= LEAST_WEIGHT {
                drawing.line(
                    &[(attending.0, y(from)), (attended.0, y(to))],
                    Colour::SOFT.opacity(0.75 * value),
                    0.4 + 2.0 * value,
                );
            }
        }
    }
    let picks = &sentence.picks[(2 * number + usize::from(direction == Direction::GovernorToDependent)) * n..][..n];
    // The word before it that a word attends to most: its pick, or where that stands behind it the heaviest as drawn.
    let earlier = |later: usize| match usize::from(picks[later]) {
        pick if pick < later => Some(pick),
        _ => {
            let weight = |to: usize| weight(frame.position(later), frame.position(to));
            (0..later).rev().max_by(|a, b| weight(*a).total_cmp(&weight(*b)))
        }
    };
    let wanted = |at: usize| sentence.words[at].governor > 0 && sentence.words[at].relation == relation;
    for at in (0..n).filter(|&at| wanted(at)) {
        let Some(governor) = sentence.words[at].governor.checked_sub(1) else { continue };
        let (from, to) = match direction {
            Direction::DependentToGovernor => (at, usize::from(picks[at])),
            Direction::GovernorToDependent => (usize::from(picks[at]), at),
            Direction::LaterToEarlier => (at.max(governor), earlier(at.max(governor)).unwrap_or(n)),
        };
        if from.max(to) >= n {
            continue;
        }
        let is_found = [(at, governor), (governor, at)].contains(&(from, to));
        let (from, to) = (frame.position(from), frame.position(to));
        let line = [(attending.0, y(from)), (attended.0, y(to))];
        let width = 0.9 + 2.0 * weight(from, to).min(1.0);
        if is_found {
            drawing.line(&line, BLUE, width);
        } else {
            drawing.dashed(&line, VERMILION, width);
        }
    }
    // The relation's dependents stand on the side that the direction gives them.
    for (position, name) in names.iter().enumerate() {
        let word = frame.words(n).position(|word| word == position);
        let (stands_out, special) = (word.is_some_and(wanted), word.is_none());
        let place = |(x, anchor, beside): (f64, Anchor, f64)| ((x + beside, y(position)), anchor);
        let ((at_from, from), (at_to, to)) = (place(attending), place(attended));
        let colour = if special { Colour::SOFT } else { Colour::INK };
        match (stands_out, direction) {
            (true, Direction::DependentToGovernor | Direction::LaterToEarlier) => {
                drawing.bold(at_from, from, name, Colour::INK);
            }
            _ if special => {}
            _ => drawing.text(at_from, from, name, colour),
        }
        match (stands_out, direction) {
            (true, Direction::GovernorToDependent) => drawing.bold(at_to, to, name, Colour::INK),
            _ => drawing.text(at_to, to, name, colour),
        }
    }
    drawing
}
