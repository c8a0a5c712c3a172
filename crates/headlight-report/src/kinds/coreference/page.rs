//! Whether heads attend from a mention to its antecedent.

use super::{coreference_sheet, way};
use crate::format::count;
use crate::html::plots::{Grid, HeadMap};
use crate::html::section::Section;
use crate::html::strips::{Align, Column, Order, Strip, legend, number, strip, table, text};
use crate::kinds::shared::{distinct, head_name, of_heads, share, source};
use crate::run::ModelSummary;
use crate::tables::{AntecedentPredictor, Coreference, CoreferenceHead, Direction, MentionType, Split};

/// The chosen head beside the baselines, by type of mention, and how all heads do.
pub(crate) fn coreference(rows: &[Coreference], heads: &[CoreferenceHead], model: &ModelSummary) -> Option<Section> {
    if rows.is_empty() && heads.is_empty() {
        return None;
    }
    let introduction = "For how many mentions an antecedent is found, of those that have one in their window: by the \
                        attention of the chosen head between the head words of mentions, and by rules that read no \
                        attention. The head was chosen on all types of mentions together; in the heat map it has the dotted \
                        frame. mention→antecedent: of the candidates the one that the mention attends to most; \
                        antecedent→mention: the one that attends to the mention most.";
    let types = distinct(rows.iter().map(|row| row.mention_type));
    let groups: Vec<String> = types.into_iter().map(|of_type| group(rows, of_type)).collect();
    let shown = format!(
        "{}{}",
        legend("found by attention, with interval; hollow: by rules", None),
        table("class=\"predictors\"", &COLUMNS, &groups, false)
    );
    let grid = Grid { id: "coreference-heads", title: "All heads", choose: "Mentions", maps: maps(rows, heads, model) };
    let section = Section::new("coreference", "Coreference", introduction)
        .html(&source("Documents", "mentions", rows.iter().map(|row| (row.corpus.as_str(), row.total))))
        .html(&shown)
        .grid(grid);
    Some(section.details("As plain numbers", &coreference_sheet(rows)))
}

const COLUMNS: [Column; 6] = [
    Column("mentions", Align::Text, Order::Fixed),
    Column("found by", Align::Text, Order::Fixed),
    Column("head", Align::Text, Order::Fixed),
    Column("0 – 100 %", Align::Drawing, Order::Fixed),
    Column("found, %", Align::Number, Order::Fixed),
    Column("of", Align::Number, Order::Fixed),
];

/// The predictors for one type of mention, attention first.
fn group(rows: &[Coreference], mention_type: MentionType) -> String {
    let mut rows: Vec<&Coreference> = rows.iter().filter(|row| row.mention_type == mention_type).collect();
    rows.sort_by_key(|row| row.predictor != AntecedentPredictor::Head);
    let line = |(number_of_row, row): (usize, &&Coreference)| {
        let head = row.predictor == AntecedentPredictor::Head;
        let found = match row.predictor {
            AntecedentPredictor::Head => format!("attention, {}", row.direction.map_or("", way)),
            AntecedentPredictor::Nearest => "the nearest mention".to_owned(),
            AntecedentPredictor::HeadMatch => "the same head word".to_owned(),
            AntecedentPredictor::Sieves => "four sieves".to_owned(),
        };
        let mentions = match number_of_row {
            0 => format!("<th scope=\"row\">{}</th>", crate::sheet::escape_html(mention_type.name())),
            _ => "<td></td>".to_owned(),
        };
        [
            format!("<tr{}>", if head { " class=\"ours\"" } else { "" }),
            mentions,
            text(found.trim_end_matches(", ")),
            text(&if head { head_name(row.layer_index, row.head_index) } else { String::new() }),
            strip(Strip {
                share: share(row.correct, row.total),
                interval: row.ci_low.zip(row.ci_high),
                reference: None,
            }),
            number(row.total as f64, "", &count(row.total)),
            "</tr>\n".to_owned(),
        ]
        .concat()
    };
    rows.iter().enumerate().map(line).collect()
}

/// A map for each type of mention and direction.
fn maps(rows: &[Coreference], heads: &[CoreferenceHead], model: &ModelSummary) -> Vec<HeadMap> {
    let evaluated: Vec<&CoreferenceHead> = heads.iter().filter(|row| row.split == Split::Evaluate).collect();
    let chosen = rows.iter().find(|row| row.predictor == AntecedentPredictor::Head);
    let map = |mention_type: MentionType, direction: Direction| {
        let of_map = |row: &&&CoreferenceHead| row.mention_type == mention_type && row.direction == direction;
        let scored: Vec<&&CoreferenceHead> = evaluated.iter().filter(of_map).collect();
        let of_head = |layer, head| {
            let row = scored.iter().find(|row| (row.layer_index, row.head_index) == (layer, head))?;
            Some((row.correct, row.total))
        };
        let title = format!("{mention_type}, {}", way(direction));
        let map = HeadMap::shares(title, "% found", &of_heads(model, of_head));
        let chosen = chosen.filter(|row| row.direction == Some(direction));
        (!scored.is_empty())
            .then(|| HeadMap { chosen: chosen.and_then(|row| row.layer_index.zip(row.head_index)), ..map })
    };
    let types = distinct(evaluated.iter().map(|row| row.mention_type));
    let directions = match chosen.and_then(|row| row.direction) {
        // The direction of the chosen head comes first, so that it is what the page opens with.
        Some(Direction::GovernorToDependent) => [Direction::GovernorToDependent, Direction::DependentToGovernor],
        _ => [Direction::DependentToGovernor, Direction::GovernorToDependent],
    };
    types.into_iter().flat_map(|of_type| directions.map(|direction| map(of_type, direction))).flatten().collect()
}
