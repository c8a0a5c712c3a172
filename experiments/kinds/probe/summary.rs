//! Probe scores for people: a table in 80 columns, and findings in sentences.

use headlight_report::format::percent;
use headlight_report::sheet::{Sheet, SheetCell};
use headlight_report::tables::ProbeScore;

use super::keys::Variant;
use super::scores::UAS;

/// One row per probe, its decodings side by side, means over seeds.
pub fn sheet(treebank: &str, rows: &[ProbeScore]) -> Sheet {
    let columns = ["<probe", ">UAS", ">interval", ">trees", ">+punct", ">UUAS", ">root"];
    let mut sheet = Sheet::new(format!("Probes on {treebank}"), &columns);
    let row = |probe: &str| -> Vec<SheetCell> {
        // A baseline has one prediction, and it is a tree.
        let baseline = rows.iter().any(|row| is(row, probe, None, UAS));
        let of = |decoding, measure| Mean::of(rows, probe, if baseline { None } else { Some(decoding) }, measure);
        let argmax = rows.iter().find(|row| is(row, probe, if baseline { None } else { Some("argmax") }, UAS));
        let interval = argmax.and_then(|row| row.ci_low.zip(row.ci_high));
        let spread = |mean: Option<Mean>| mean.map_or_else(String::new, |mean| mean.to_string()).into();
        let plain = |mean: Option<Mean>| mean.map_or_else(String::new, |mean| percent(mean.mean)).into();
        vec![
            spoken(probe).into(),
            spread(of("argmax", UAS)),
            interval.map_or_else(String::new, |(low, high)| format!("{}–{}", percent(low), percent(high))).into(),
            spread(of("tree", UAS)),
            plain(of("tree", "uas_with_punct")),
            plain(of("mst", "uuas")),
            plain(of("tree", "root_accuracy")),
        ]
    };
    sheet.groups.push(probes(rows).into_iter().map(row).collect());
    sheet.notes.push(
        "In %. UAS: each word for itself, punctuation excluded, with its interval over sentences; trees: the same \
         decoded to trees; +punct: of all words; UUAS: undirected spanning tree; root: of the trees. ±: standard \
         deviation over seeds; the interval is of the first."
            .to_owned(),
    );
    sheet
}

/// The findings, the best probe first.
pub fn findings(rows: &[ProbeScore]) -> Vec<String> {
    let argmax = |probe| Some((probe, Mean::of(rows, probe, Some("argmax"), UAS)?));
    let mut probes: Vec<(&str, Mean)> = probes(rows).into_iter().filter_map(argmax).collect();
    probes.sort_by(|a, b| b.1.mean.total_cmp(&a.1.mean));
    let baseline = Mean::of(rows, "right_branching", None, UAS);
    let finding = |(probe, mean): (&str, Mean)| {
        let tree = Mean::of(rows, probe, Some("tree"), UAS);
        let tree = tree.map_or_else(String::new, |tree| format!(", {tree} % decoded to trees"));
        let above = baseline.map_or_else(String::new, |baseline| format!("; right-branching has {baseline} %"));
        format!("The probe {} reaches {mean} % UAS without punctuation{tree}{above}.", spoken(probe))
    };
    probes.into_iter().map(finding).collect()
}

/// The probes, in the order of the rows.
fn probes(rows: &[ProbeScore]) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for row in rows.iter().filter(|row| row.group.is_none() && row.measure == UAS) {
        if !found.contains(&row.probe.as_str()) {
            found.push(&row.probe);
        }
    }
    found
}

/// A probe as configs write it, with its label: `attention_words-shifted` is `attention+words shifted`.
fn spoken(probe: &str) -> String {
    let (name, label) = probe.split_once('-').unwrap_or((probe, ""));
    let variant = Variant::ALL.into_iter().find(|variant| variant.name() == name);
    let name = variant.map_or_else(|| name.to_owned(), |variant| variant.to_string());
    format!("{name} {label}").trim_end().to_owned()
}

fn is(row: &ProbeScore, probe: &str, decoding: Option<&str>, measure: &str) -> bool {
    row.group.is_none() && row.probe == probe && row.decoding.as_deref() == decoding && row.measure == measure
}

/// A share over seeds.
#[derive(Clone, Copy)]
struct Mean {
    mean: f64,
    deviation: Option<f64>,
}

impl Mean {
    fn of(rows: &[ProbeScore], probe: &str, decoding: Option<&str>, measure: &str) -> Option<Self> {
        let values: Vec<f64> =
            rows.iter().filter(|row| is(row, probe, decoding, measure)).map(|row| row.value).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt());
        (!values.is_empty()).then_some(Self { mean, deviation })
    }
}

/// In per cent: `54.8`, or `54.8 ±0.1`.
impl std::fmt::Display for Mean {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&percent(self.mean))?;
        match self.deviation {
            Some(deviation) => write!(f, " ±{}", percent(deviation)),
            None => Ok(()),
        }
    }
}
