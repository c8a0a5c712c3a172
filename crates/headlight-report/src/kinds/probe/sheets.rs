//! Probes as tables for people.

use super::numbers::{DECODING, Mean, headlines, is_baseline, of_attention, whole};
use crate::format::{count, percent};
use crate::sheet::{Sheet, SheetCell};
use crate::tables::{Decoding, ProbeScore};

/// One row per probe, its decodings side by side, means over trainings.
pub(super) fn probe_sheet(treebank: &str, rows: &[ProbeScore]) -> Sheet {
    let columns = ["<probe", ">words", ">UAS", ">interval", ">trees", ">+punct", ">UUAS", ">root"];
    let mut sheet = Sheet::new(format!("Probes on {treebank}"), &columns);
    let row = |probe: &str| -> Vec<SheetCell> {
        let of = |decoding, measure| Mean::of(whole(rows, probe, decoding, measure));
        let spread = |mean: Option<Mean>| mean.map_or_else(String::new, |mean| mean.percent()).into();
        let plain = |mean: Option<Mean>| mean.map_or_else(String::new, |mean| percent(mean.mean)).into();
        vec![
            probe.into(),
            words(rows, probe).into(),
            spread(of(DECODING, "uas")),
            interval(whole(rows, probe, DECODING, "uas").next(), percent).into(),
            spread(of(Decoding::Tree, "uas")),
            plain(of(Decoding::Tree, "uas_with_punct")),
            plain(of(Decoding::SpanningTree, "uuas")),
            plain(of(Decoding::Tree, "root_accuracy")),
        ]
    };
    sheet.groups.push(headlines(rows).into_iter().map(|headline| row(headline.probe)).collect());
    sheet.notes.push(
        "In %. UAS: each word for itself, punctuation excluded, with its interval over sentences or documents; trees: the \
         same decoded to trees; +punct: of all words; UUAS: undirected spanning tree; root: of the trees. ±: standard \
         deviation over seeds of training, or where said over draws of random weights; the interval is of the first \
         training."
            .to_owned(),
    );
    sheet
}

/// Words that a probe's UAS is of.
fn words(rows: &[ProbeScore], probe: &str) -> String {
    whole(rows, probe, DECODING, "uas").find_map(|row| row.total).map_or_else(String::new, count)
}

/// Selectivity and description length, where they were asked for: what the scores are worth.
pub(super) fn worth_sheet(treebank: &str, rows: &[ProbeScore]) -> Option<Sheet> {
    let columns = [
        "<probe",
        ">words",
        ">UAS",
        ">control task",
        ">selectivity",
        ">interval",
        ">bits",
        ">compression",
        ">interval",
    ];
    let mut sheet = Sheet::new(format!("What the scores of probes on {treebank} are worth"), &columns);
    let asked = |row: &ProbeScore| matches!(row.measure.as_str(), "selectivity" | "mdl_bits");
    of_attention(rows).find(|row| asked(row))?;
    let row = |probe: &str| -> Vec<SheetCell> {
        let of = |measure| Mean::of(whole(rows, probe, DECODING, measure));
        let text = |mean: Option<Mean>, show: &dyn Fn(Mean) -> String| mean.map_or_else(String::new, show);
        let first = |measure, show| interval(whole(rows, probe, DECODING, measure).next(), show);
        vec![
            probe.into(),
            words(rows, probe).into(),
            text(of("uas"), &|mean| percent(mean.mean)).into(),
            text(of("control_accuracy"), &|mean| mean.percent()).into(),
            text(of("selectivity"), &|mean| mean.points()).into(),
            first("selectivity", crate::format::points as fn(f64) -> String).into(),
            text(of("mdl_bits"), &|mean| count(mean.mean.round() as u64)).into(),
            text(of("mdl_compression"), &|mean| mean.show(compression)).into(),
            first("mdl_compression", compression).into(),
        ]
    };
    let trained = headlines(rows).into_iter().filter(|headline| !is_baseline(headline.probe));
    sheet.groups.push(trained.map(|headline| row(headline.probe)).collect());
    sheet.notes.push(
        "Control task: a random governor rule per word type, learned by a probe of the same form (Hewitt & Liang 2019); \
         selectivity: UAS minus that, in points; ± (draws): standard deviation over draws of the task. Bits: online code of \
         the governors of train (Voita & Titov 2020), whose compression is how many times shorter it is than the uniform \
         code. Intervals are over sentences or documents, given the trained probes, of the first training."
            .to_owned(),
    );
    Some(sheet)
}

/// How many times shorter a code is.
pub(super) fn compression(value: f64) -> String {
    format!("{value:.2}")
}

fn interval(row: Option<&ProbeScore>, show: fn(f64) -> String) -> String {
    let interval = row.and_then(|row| row.ci_low.zip(row.ci_high));
    interval.map_or_else(String::new, |(low, high)| format!("{}–{}", show(low), show(high)))
}
