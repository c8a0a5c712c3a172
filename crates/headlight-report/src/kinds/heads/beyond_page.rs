//! Beyond position and the peak, and null models.

use super::beyond::{BeyondPosition, attention_sheet, beyond_position, beyond_position_sheet};
use super::null_models::{draws, models, null_models_sheet, summed};
use crate::assess::Family;
use crate::format::{count, percent, points};
use crate::html::plots::{Line, Panel, Point};
use crate::html::section::Section;
use crate::html::strips::{Align, Column, Order, Strip, interval, legend, number, strip, table, text};
use crate::kinds::shared::{FEW_WORDS, row_start, share};
use crate::sheet::escape_html;
use crate::tables::{BestHead, BestHeadLength, HeadAttention, NullModel};

/// Most relations whose curves are drawn.
const CURVES: usize = 6;

/// A point of a curve rests on at least so many words.
const LEAST: u64 = 10;

/// Accuracy by length of the dependency, where baselines are wrong, and attention beyond the peak.
pub(crate) fn beyond(lengths: &[BestHeadLength], best: &[BestHead], attention: &[HeadAttention]) -> Option<Section> {
    let sums = beyond_position(lengths);
    let attention = attention_sheet(best, attention);
    if sums.is_empty() && attention.groups.iter().all(Vec::is_empty) {
        return None;
    }
    let introduction = format!(
        "A baseline that knows positions alone is right at one distance and wrong at all others. The chosen head of a \
         relation beside it, by the position of the governor minus that of the dependent; points of fewer than {LEAST} words \
         are left out, and the outermost points hold everything longer. Below: how often the head is right where the \
         baseline is wrong."
    );
    let section = Section::new("beyond", "Beyond position", introduction).panels("", panels(lengths, &sums));
    let with_beyond: Vec<_> = sums.iter().filter(|(_, sum)| sum.beyond() > 0).collect();
    let groups: Vec<String> = Family::groups(with_beyond, |(relation, _)| relation)
        .into_iter()
        .map(|group| group.into_iter().map(|(relation, sum)| line(relation, sum)).collect())
        .collect();
    let shown = format!(
        "{}{}",
        legend("the head where the baseline is wrong", Some("the head on all words")),
        table(&format!("data-rare=\"{FEW_WORDS}\""), &COLUMNS, &groups, true)
    );
    let section = if sums.is_empty() { section } else { section.html(&shown) };
    Some(
        section
            .details("Near and far dependencies", &beyond_position_sheet(lengths))
            .details("Attention on governors", &attention),
    )
}

const COLUMNS: [Column; 5] = [
    Column("relation", Align::Text, Order::Fixed),
    Column("0 – 100 %", Align::Drawing, Order::Fixed),
    Column("baseline wrong", Align::Number, Order::Fixed),
    Column("all words", Align::Number, Order::Fixed),
    Column("words it is wrong about", Align::Number, Order::Fixed),
];

fn line(relation: &str, sum: &BeyondPosition) -> String {
    let (beyond, all) = (share(sum.correct_beyond(), sum.beyond()), share(sum.correct, sum.total));
    let drawing = Strip { share: beyond, interval: None, reference: Some(all) };
    [
        format!("{}>{}<td class=\"number drawing\">{}</td>", row_start(sum.total), text(relation), drawing.to_html()),
        number(beyond, "", &percent(beyond)),
        number(all, "", &percent(all)),
        number(sum.beyond() as f64, "", &format!("{} of {}", count(sum.beyond()), count(sum.total))),
        "</tr>\n".to_owned(),
    ]
    .concat()
}

/// Curves of the relations for which the head finds most beyond its baseline, after that over all words.
fn panels(rows: &[BestHeadLength], sums: &[(&str, BeyondPosition)]) -> Vec<Panel> {
    let all = sums.iter().filter(|(relation, _)| *relation == "all-nopunct-noroot");
    let mut relations: Vec<_> =
        sums.iter().filter(|(relation, sum)| Family::of(relation) == Family::Relations && sum.total >= LEAST).collect();
    relations.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.correct_beyond()));
    all.chain(relations.into_iter().take(CURVES - 1)).filter_map(|(relation, _)| panel(rows, relation)).collect()
}

fn panel(rows: &[BestHeadLength], relation: &str) -> Option<Panel> {
    let of_relation: Vec<&BestHeadLength> =
        rows.iter().filter(|row| row.relation == relation && row.total >= LEAST).collect();
    let curve = |name: &str, correct: fn(&BestHeadLength) -> u64, reference| {
        let point = |row: &&BestHeadLength| {
            let longer = if row.and_longer { ", and longer" } else { "" };
            let note = format!("{} of {} words{longer}", count(correct(row)), count(row.total));
            Point { note, ..Point::new(row.length, 100.0 * share(correct(row), row.total)) }
        };
        Line { reference, ..Line::new(name, of_relation.iter().map(point)) }
    };
    (of_relation.len() > 1).then(|| Panel {
        id: format!("lengths-{}", relation.replace([':', '+'], "-")),
        title: relation.to_owned(),
        x: "governor minus dependent",
        y: "found in %".to_owned(),
        dots: Vec::new(),
        rings: Vec::new(),
        lines: vec![
            curve("chosen head", |row| row.correct, false),
            curve("best baseline", |row| row.baseline_correct, true),
        ],
    })
}

/// The trained model's best heads beside those of random weights.
pub(crate) fn null_models(rows: &[NullModel]) -> Option<Section> {
    let sheet = null_models_sheet(rows, usize::MAX)?;
    let introduction = format!(
        "What choosing the best of all heads finds where nothing was learned: the same choice in {} with the same \
         embeddings and all other weights drawn at random, on the same words. The interval of the difference is paired, for \
         these draws; their spread is shown beside their mean.",
        models(draws(rows))
    );
    let mut together: Vec<&NullModel> = summed(rows).collect();
    together.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.relation.cmp(&b.relation)));
    let groups: Vec<String> = Family::groups(together, |row| &row.relation)
        .into_iter()
        .map(|group| group.into_iter().map(null_line).collect())
        .collect();
    let shown = format!(
        "{}{}{}",
        legend("best head of the trained model", Some("mean of random weights")),
        table(&format!("data-rare=\"{FEW_WORDS}\""), &NULL_COLUMNS, &groups, true),
        sheet.notes.iter().map(|note| format!("<p class=\"note\">{}</p>\n", escape_html(note))).collect::<String>()
    );
    Some(Section::new("null-models", "Null models", introduction).html(&shown))
}

const NULL_COLUMNS: [Column; 6] = [
    Column("relation", Align::Text, Order::Fixed),
    Column("words", Align::Number, Order::Fixed),
    Column("0 – 100 %", Align::Drawing, Order::Fixed),
    Column("trained", Align::Number, Order::Fixed),
    Column("random", Align::Number, Order::Fixed),
    Column("difference", Align::Number, Order::Fixed),
];

fn null_line(row: &NullModel) -> String {
    let spread = interval(Some((row.lowest, row.highest)), percent);
    let ends = interval(row.ci_low.zip(row.ci_high), points);
    [
        format!("{}>{}", row_start(row.total), text(&row.relation)),
        number(row.total as f64, "", &count(row.total)),
        strip(Strip { share: row.trained_accuracy, interval: None, reference: Some(row.accuracy) }),
        number(row.accuracy, "", &format!("{} <small>{spread}</small>", percent(row.accuracy))),
        number(row.difference, "", &format!("{} <small>{ends}</small>", points(row.difference))),
        "</tr>\n".to_owned(),
    ]
    .concat()
}
