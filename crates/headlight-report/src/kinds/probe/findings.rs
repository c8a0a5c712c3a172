//! Probes in sentences.

use super::numbers::{DECODING, Headline, Mean, headlines, is_baseline, whole};
use super::sheets::compression;
use crate::format::points;
use crate::tables::{ComparedMeasure, Decoding, Difference, ProbeScore};

/// A sentence for each trained probe, in the order of the config: no best one is chosen on the sentences that they are
/// scored on. The numbers are those of [`headlines`].
pub(super) fn probe_findings(rows: &[ProbeScore], differences: &[Difference]) -> Vec<String> {
    let headlines = headlines(rows);
    let baseline = headlines.iter().find(|headline| is_baseline(headline.probe));
    let trained = headlines.iter().filter(|headline| !is_baseline(headline.probe));
    trained.map(|headline| finding(headline, baseline, rows, differences)).collect()
}

fn finding(
    headline: &Headline<'_>,
    baseline: Option<&Headline<'_>>,
    rows: &[ProbeScore],
    differences: &[Difference],
) -> String {
    let Headline { probe, uas } = headline;
    let of = |decoding, measure| Mean::of(whole(rows, probe, decoding, measure));
    let over = Some(uas.over()).filter(|over| !over.is_empty()).map(|over| format!(" ({over})")).unwrap_or_default();
    let tree = of(Decoding::Tree, "uas").map(|tree| format!(", {tree} % decoded to trees")).unwrap_or_default();
    let above = baseline.map(|baseline| {
        let name = format!("{probe} {DECODING}");
        let against = differences
            .iter()
            .find(|row| row.measure == ComparedMeasure::Uas && row.a == name && row.b == baseline.probe);
        let interval = against.and_then(|row| row.ci_low.zip(row.ci_high));
        let by = interval.map(|(low, high)| format!(", a difference of {} to {} points", points(low), points(high)));
        format!("; {} has {} %{}", baseline.probe, baseline.uas, by.unwrap_or_default())
    });
    let worth = of(DECODING, "selectivity").zip(of(DECODING, "control_accuracy")).map(|(selectivity, control)| {
        format!(
            " Its selectivity is {} points: the same probe reaches {control} % on control tasks.",
            selectivity.points()
        )
    });
    let code = of(DECODING, "mdl_compression").map(|of_code| {
        let times = of_code.show(compression);
        format!(" Its online code of the governors of train is {times} times shorter than the uniform one.")
    });
    format!(
        "The probe {probe} reaches {uas} % UAS without punctuation, each word for itself{over}{tree}{}.{}{}",
        above.unwrap_or_default(),
        worth.unwrap_or_default(),
        code.unwrap_or_default()
    )
}
