//! What probes over all heads reach, and which heads they use.

use std::collections::{BTreeMap, BTreeSet};

use super::all::probe_sheets;
use super::numbers::of_attention;
use super::sheets::worth_sheet;
use crate::format::percent;
use crate::html::plots::{Colours, Grid, HeadMap, Line, Panel, Point};
use crate::html::section::Section;
use crate::kinds::shared::{distinct, of_heads};
use crate::kinds::structural::mean_and_range;
use crate::run::ModelSummary;
use crate::sheet::{Sheet, isolated};
use crate::tables::{Decoding, ProbeGroup, ProbeScore};

/// Scores, and what is left of them without heads or layers.
pub(crate) fn probes(rows: &[ProbeScore], model: &ModelSummary, treebank: &str) -> Option<Section> {
    let rows: Vec<ProbeScore> = of_attention(rows).cloned().collect();
    let rows = rows.as_slice();
    if !rows.iter().any(|row| row.group.is_none()) {
        return None;
    }
    let introduction = "Probes read the attention of all heads together and are trained; bars are what they reach, lines \
                        their intervals, or with several trainings their range.";
    let panels = [(ProbeGroup::WithoutLayer, "Without one layer"), (ProbeGroup::OnlyLayer, "With one layer only")];
    let panels = panels.into_iter().filter_map(|(group, title)| layers(rows, group, title)).collect();
    let maps = [true, false].into_iter().flat_map(|without| maps(rows, without, model)).collect();
    let grid = Grid { id: "probe-heads", title: "Heads that probes use", choose: "Probe", maps };
    let [(_, attachment), (others_title, others)] = probe_sheets(rows);
    let worth = worth_sheet(treebank, rows).map(|sheet| format!("<div class=\"scroll\">{}</div>\n", sheet.to_html()));
    let section = Section::new("probes", "Probes", introduction)
        .html(FRAME)
        .html(&worth.unwrap_or_default())
        .details("All probes and decodings", &attachment)
        .details("By relation", &by_group(rows, ProbeGroup::Relation, "relation"))
        .details("By length of the dependency", &by_group(rows, ProbeGroup::Length, "words apart"))
        .details(others_title, &others)
        .panels("Layers that probes use", panels)
        .grid(grid);
    Some(section)
}

const FRAME: &str = "<div class=\"toolbar\"><label>Measure<select id=\"probe-measure\"></select></label></div>\n\
<div class=\"plot\" id=\"probe-plot\" role=\"img\" aria-label=\"Scores of probes\"></div>\n";

/// The rows about heads or layers taken away, by probe and by what is left or missing; the values of several seeds.
fn ablated(rows: &[ProbeScore], group: ProbeGroup) -> BTreeMap<&str, BTreeMap<&str, Vec<&ProbeScore>>> {
    let mut probes: BTreeMap<&str, BTreeMap<&str, Vec<&ProbeScore>>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.group == Some(group) && row.measure == "uas") {
        let value = row.group_value.as_deref().unwrap_or_default();
        probes.entry(&row.probe).or_default().entry(value).or_default().push(row);
    }
    probes
}

/// The UAS of a probe with all heads, by the decoding that ablations have.
fn whole(rows: &[ProbeScore], probe: &str) -> Option<f64> {
    let of_probe = |row: &&ProbeScore| row.probe == probe && row.group.is_none() && row.measure == "uas";
    let argmax = rows.iter().filter(of_probe).filter(|row| row.decoding == Some(Decoding::Argmax));
    let argmax: Vec<&ProbeScore> = argmax.collect();
    (!argmax.is_empty()).then(|| mean_and_range(&argmax).0)
}

fn layers(rows: &[ProbeScore], group: ProbeGroup, title: &str) -> Option<Panel> {
    let probes = ablated(rows, group);
    let mut lines = Vec::new();
    for (probe, layers) in &probes {
        let mut points: Vec<(f64, Point)> = Vec::new();
        for (layer, rows) in layers {
            let Ok(layer) = layer.parse::<f64>() else { continue };
            points.push((layer, Point::new(layer, 100.0 * mean_and_range(rows).0)));
        }
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let ends = points.first().zip(points.last()).map(|(first, last)| [first.0, last.0]);
        lines.push(Line::new(isolated(probe), points.into_iter().map(|(_, point)| point)));
        let all = ends.zip(whole(rows, probe));
        lines.extend(all.map(|(ends, uas)| Line::level(format!("{}, all layers", isolated(probe)), ends, 100.0 * uas)));
    }
    (!lines.is_empty()).then(|| Panel {
        id: format!("probe-{group}"),
        title: title.to_owned(),
        x: "layer",
        y: "UAS in %".to_owned(),
        dots: Vec::new(),
        rings: Vec::new(),
        lines,
    })
}

/// What is left of each probe `without` each head, or of that head alone.
fn maps(rows: &[ProbeScore], without: bool, model: &ModelSummary) -> Vec<HeadMap> {
    let group = if without { ProbeGroup::WithoutHead } else { ProbeGroup::OnlyHead };
    let map = |(probe, heads): (&str, BTreeMap<&str, Vec<&ProbeScore>>)| {
        let all = if without { whole(rows, probe)? } else { 0.0 };
        let of_head = |layer: u32, head: u32| {
            let rows = heads.get(format!("{}-{}", layer + 1, head + 1).as_str())?;
            Some((100.0 * (mean_and_range(rows).0 - all), None))
        };
        let (title, unit, colours) = match without {
            true => (format!("{} without one head", isolated(probe)), "points of UAS", Colours::HarmBelow),
            false => (format!("{} with one head only", isolated(probe)), "% UAS", Colours::Amount),
        };
        Some(HeadMap::numbers(title, unit, colours, &of_heads(model, of_head)))
    };
    ablated(rows, group).into_iter().filter_map(map).collect()
}

/// UAS by relation or by length: their values × probes, mean over seeds.
fn by_group(rows: &[ProbeScore], group: ProbeGroup, title: &str) -> Sheet {
    let of_group = rows.iter().filter(|row| row.group == Some(group) && row.measure == "uas");
    let of_group: Vec<&ProbeScore> = of_group.collect();
    let name = |row: &ProbeScore| {
        let decoding = row.decoding.map(|decoding| format!(", {decoding}")).unwrap_or_default();
        format!("{}{decoding}", isolated(&row.probe))
    };
    let names: Vec<String> = of_group.iter().map(|row| name(row)).collect();
    let probes = distinct(names.iter().map(String::as_str));
    let titles: Vec<String> = [format!("<{title}"), ">words".to_owned()]
        .into_iter()
        .chain(probes.iter().map(|it| format!(">{it}")))
        .collect();
    let mut sheet = Sheet::new("UAS without punctuation, in %", &titles.iter().map(String::as_str).collect::<Vec<_>>());
    let values: BTreeSet<&str> = of_group.iter().filter_map(|row| row.group_value.as_deref()).collect();
    let words = |value: &str| {
        of_group.iter().find(|row| row.group_value.as_deref() == Some(value)).and_then(|row| row.total).unwrap_or(0)
    };
    let mut values: Vec<&str> = values.into_iter().collect();
    if group == ProbeGroup::Relation {
        values.sort_by_key(|value| (std::cmp::Reverse(words(value)), *value));
    } else {
        let number =
            |value: &str| value.split(|c: char| !c.is_ascii_digit()).next().and_then(|it| it.parse::<u32>().ok());
        values.sort_by_key(|value| (number(value), *value));
    }
    let line = |value: &&str| {
        let cell = |probe: &&str| {
            let mine = |row: &&&ProbeScore| row.group_value.as_deref() == Some(*value) && name(row) == **probe;
            let rows: Vec<&ProbeScore> = of_group.iter().filter(mine).copied().collect();
            if rows.is_empty() { String::new() } else { percent(mean_and_range(&rows).0) }
        };
        let start = [(*value).to_owned(), crate::format::count(words(value))];
        start.into_iter().chain(probes.iter().map(cell)).map(Into::into).collect()
    };
    sheet.groups.push(values.iter().map(line).collect());
    sheet
}
