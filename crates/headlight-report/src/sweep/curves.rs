//! Results against the step of a training, as page and figure draw them.

use super::measures::{BEST_HEAD, LOSS, PAIRS};
use super::{Measured, Sweep, is_percentage};
use crate::html::plots::{Line, Point};
use crate::kinds::probe::{RIGHT_BRANCHING, probe_name};
use crate::sheet::isolated;

/// One result of a series, step by step.
pub(crate) struct Curve {
    /// What legends call it.
    pub name: String,
    pub points: Vec<CurvePoint>,
    /// Whether it is there to be compared with.
    is_reference: bool,
}

/// A result at a step, in per cent or nats.
pub(crate) struct CurvePoint {
    pub step: u64,
    pub value: f64,
    pub interval: Option<(f64, f64)>,
    note: String,
}

impl Sweep {
    /// The series that have several steps.
    pub fn series_with_steps(&self) -> Vec<&str> {
        self.series().into_iter().filter(|series| self.steps(series).iter().flatten().count() > 1).collect()
    }

    /// The frames of a series, each with the title of its upward axis.
    pub(crate) fn curves(&self, series: &str) -> Vec<(&'static str, Vec<Curve>)> {
        let frames = [
            ("best heads, %", self.relations(series)),
            ("probes, %", self.probes(series)),
            ("loss, nats per hidden piece", self.losses(series)),
            ("minimal pairs, %", self.pairs(series)),
        ];
        let curves = |results: Vec<Measured<'_>>| results.into_iter().map(|it| self.curve(series, it)).collect();
        frames.into_iter().filter(|(_, of)| !of.is_empty()).map(|(title, of)| (title, curves(of))).collect()
    }

    fn curve(&self, series: &str, result: Measured<'_>) -> Curve {
        let (measure, of) = result;
        let factor = if is_percentage(measure) { 100.0 } else { 1.0 };
        let point = |step: u64| {
            let found = self.value(series, Some(step), result)?;
            let note = match found.heads.as_slice() {
                [] => String::new(),
                [head] => format!("head {head}"),
                heads => format!("heads {}, of {} seeds", heads.join(", "), found.seeds),
            };
            let interval = found.interval.map(|(low, high)| (factor * low, factor * high));
            Some(CurvePoint { step, value: factor * found.value, interval, note })
        };
        let name = match measure {
            BEST_HEAD => isolated(of).into_owned(),
            LOSS => of.to_owned(),
            PAIRS => isolated(&of.replace('_', " ")).into_owned(),
            _ => format!("{}, {}", measure.to_uppercase(), isolated(&probe_name(of))),
        };
        let points = self.steps(series).into_iter().flatten().filter_map(point).collect();
        Curve { name, points, is_reference: of == RIGHT_BRANCHING }
    }
}

impl Curve {
    /// For a panel of the page.
    pub(super) fn line(&self) -> Line {
        let points = self.points.iter().map(|point| Point {
            interval: point.interval,
            note: point.note.clone(),
            ..Point::new(point.step as f64, point.value)
        });
        Line { reference: self.is_reference, ..Line::new(self.name.clone(), points) }
    }
}
