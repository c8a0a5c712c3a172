//! What the page's two general plots are drawn from, by `assets/plots.js`: curves, and a value of every head.

use serde::Serialize;

use crate::format::{count, percent};
use crate::sheet::escape_html;

/// A figure of curves over layers, steps or lengths.
#[derive(Debug, Serialize)]
pub(crate) struct Panel {
    pub id: String,
    pub title: String,
    /// Titles of the axes, with units.
    pub x: &'static str,
    pub y: String,
    /// Single values: x, y, what they belong to.
    pub dots: Vec<(f64, f64, String)>,
    /// Points of the curves that stand out, likewise.
    pub rings: Vec<(f64, f64, String)>,
    pub lines: Vec<Line>,
}

/// A curve of a [`Panel`].
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    /// What the legend calls it.
    pub name: String,
    pub points: Vec<Point>,
    /// Whether it is there to be compared with.
    pub reference: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Point {
    pub x: f64,
    pub y: f64,
    pub interval: Option<(f64, f64)>,
    /// What else is to be said about it.
    pub note: String,
}

impl Point {
    pub(crate) fn new(x: impl Into<f64>, y: f64) -> Self {
        Self { x: x.into(), y, interval: None, note: String::new() }
    }

    /// With an error to either side.
    pub(crate) fn with_error(self, error: Option<f64>) -> Self {
        Self { interval: error.map(|error| (self.y - error, self.y + error)), ..self }
    }
}

impl Line {
    pub(crate) fn new(name: impl Into<String>, points: impl IntoIterator<Item = Point>) -> Self {
        Self { name: name.into(), points: points.into_iter().collect(), reference: false }
    }

    /// The same height everywhere between two places.
    pub(crate) fn level(name: impl Into<String>, [from, to]: [f64; 2], height: f64) -> Self {
        Self { reference: true, ..Self::new(name, [Point::new(from, height), Point::new(to, height)]) }
    }
}

/// The places of panels.
pub(crate) fn panel_frames(panels: &[Panel]) -> String {
    let frame = |panel: &Panel| {
        let (id, title) = (escape_html(&panel.id), escape_html(&panel.title));
        let label = escape_html(&format!("{}: {} by {}", panel.title, panel.y, panel.x));
        format!(
            "<figure><figcaption>{title}</figcaption><div class=\"plot\" id=\"{id}\" role=\"img\" \
             aria-label=\"{label}\"></div></figure>\n"
        )
    };
    format!("<div class=\"panels\">\n{}</div>\n", panels.iter().map(frame).collect::<String>())
}

/// Heat maps of all heads, one shown at a time.
#[derive(Debug, Serialize)]
pub(crate) struct Grid {
    pub id: &'static str,
    /// What the maps are about.
    #[serde(skip)]
    pub title: &'static str,
    /// What the box is called that chooses among them.
    #[serde(skip)]
    pub choose: &'static str,
    pub maps: Vec<HeadMap>,
}

/// One value of every head.
#[derive(Debug, Serialize)]
pub(crate) struct HeadMap {
    pub title: String,
    /// What the numbers in the cells are, with their unit.
    pub unit: String,
    pub colours: Colours,
    /// By head, layer by layer, in `unit`; nothing where a head has none.
    pub values: Vec<Option<f64>>,
    /// The values as cells show them.
    pub labels: Vec<String>,
    /// And as sentences say them.
    pub texts: Vec<String>,
    /// The head that the run chose by such values, layer and index.
    pub chosen: Option<(u32, u32)>,
}

/// How values become colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Colours {
    /// From 0 up.
    Amount,
    /// Around 0; what lies above does harm.
    HarmAbove,
    /// Around 0; what lies below does harm.
    HarmBelow,
}

impl HeadMap {
    /// Shares in per cent, from counts: correct ones and all.
    pub(crate) fn shares(title: impl Into<String>, unit: &str, counts: &[Option<(u64, u64)>]) -> Self {
        let share = |&(correct, total): &(u64, u64)| correct as f64 / total as f64;
        let counts: Vec<_> = counts.iter().map(|counts| counts.filter(|&(_, total)| total > 0)).collect();
        let text = |counts: &Option<(u64, u64)>| match counts {
            Some((correct, total)) => {
                format!("{} of {}: {} %", count(*correct), count(*total), percent(share(&(*correct, *total))))
            }
            None => "no count".to_owned(),
        };
        Self {
            title: title.into(),
            unit: unit.to_owned(),
            colours: Colours::Amount,
            values: counts.iter().map(|counts| counts.as_ref().map(|counts| 100.0 * share(counts))).collect(),
            labels: counts
                .iter()
                .map(|it| it.as_ref().map_or_else(String::new, |it| format!("{:.0}", 100.0 * share(it))))
                .collect(),
            texts: counts.iter().map(text).collect(),
            chosen: None,
        }
    }

    /// Numbers of any size, with their standard errors where there are any.
    pub(crate) fn numbers(
        title: impl Into<String>,
        unit: &str,
        colours: Colours,
        numbers: &[Option<(f64, Option<f64>)>],
    ) -> Self {
        let scale = Scale::of(numbers.iter().flatten().map(|(number, _)| *number));
        let unit = format!("{}{unit}", scale.prefix());
        let show = |value: f64| if colours == Colours::Amount { scale.show(value) } else { scale.signed(value) };
        let text = |number: &Option<(f64, Option<f64>)>| match number {
            Some((number, error)) => {
                let error = error.map(|error| format!(" ± {}", scale.show(error))).unwrap_or_default();
                let unit = if scale.power == 0 { unit.clone() } else { format!("({unit})") };
                format!("{}{error} {unit}", show(*number)).trim_end().to_owned()
            }
            None => "no number".to_owned(),
        };
        Self {
            title: title.into(),
            colours,
            values: numbers.iter().map(|number| number.map(|(number, _)| scale.of_unit(number))).collect(),
            labels: numbers.iter().map(|number| number.map_or_else(String::new, |(number, _)| show(number))).collect(),
            texts: numbers.iter().map(text).collect(),
            unit,
            chosen: None,
        }
    }
}

/// A power of a thousand in which numbers are short.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Scale {
    /// Of ten.
    power: i32,
    decimals: usize,
}

impl Scale {
    fn of(numbers: impl Iterator<Item = f64>) -> Self {
        let largest = numbers.map(f64::abs).filter(|number| number.is_finite()).fold(0.0, f64::max);
        let digits = if largest > 0.0 { largest.log10().floor() as i32 } else { 0 };
        let power = if digits >= 0 { 0 } else { digits.div_euclid(3) * 3 };
        Self { power, decimals: (2 - (digits - power)).clamp(0, 2) as usize }
    }

    /// What stands before the unit: `10⁻³ `, or nothing.
    fn prefix(self) -> String {
        let raised = |digit: char| digit.to_digit(10).and_then(|digit| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(digit as usize));
        match self.power {
            0 => String::new(),
            power => format!("10⁻{} ", power.abs().to_string().chars().filter_map(raised).collect::<String>()),
        }
    }

    fn of_unit(self, number: f64) -> f64 {
        number * 10_f64.powi(-self.power)
    }

    fn show(self, number: f64) -> String {
        format!("{:.*}", self.decimals, self.of_unit(number)).replace('-', "−")
    }

    fn signed(self, number: f64) -> String {
        let shown = self.show(number);
        if number > 0.0 { format!("+{shown}") } else { shown }
    }
}

/// The place of a heat map of heads with its boxes, each its id and title.
pub(crate) fn grid_frame(id: &str, title: &str, boxes: &[(&str, &str)]) -> String {
    let select = |(id, title): &(&str, &str)| format!("<label>{title}<select id=\"{id}\"></select></label>");
    format!(
        "<div class=\"toolbar\">{}</div>\n<p class=\"readout\" id=\"{id}-readout\" aria-live=\"polite\"></p>\n\
         <div class=\"plot\" id=\"{id}\" tabindex=\"0\" role=\"application\" aria-describedby=\"{id}-readout\" \
         aria-label=\"{title}: heat map of layers and heads; arrow keys choose a head\"></div>\n",
        boxes.iter().map(select).collect::<String>()
    )
}

impl Grid {
    pub(crate) fn frame(&self) -> String {
        let Self { id, title, choose, .. } = self;
        format!("<h3>{title}</h3>\n{}", grid_frame(id, title, &[(&format!("{id}-map"), choose)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_in_their_unit() {
        let check = |numbers: &[f64], expected: &str| {
            let numbers: Vec<_> = numbers.iter().map(|&number| Some((number, None))).collect();
            let map = HeadMap::numbers("", "nats", Colours::HarmAbove, &numbers);
            assert_eq!(format!("{} {}", map.labels.join(" "), map.unit), expected);
        };
        check(&[0.0], "0.00 nats");
        check(&[2.5, -0.004], "+2.50 −0.00 nats");
        check(&[0.25, -0.0123], "+250 −12 10⁻³ nats");
        check(&[0.0321, 0.0], "+32.1 0.0 10⁻³ nats");
        check(&[1.5e-7], "+150 10⁻⁹ nats");
        check(&[1234.0], "+1234 nats");
    }

    #[test]
    fn what_is_missing_is_said_to_be() {
        let map = HeadMap::shares("all", "%", &[Some((1, 8)), Some((0, 0)), None]);
        assert_eq!(map.values, [Some(12.5), None, None]);
        assert_eq!(map.texts, ["1 of 8: 12.5 %", "no count", "no count"]);
        let map = HeadMap::numbers("gate", "nats", Colours::Amount, &[Some((2.0, Some(0.5))), None]);
        assert_eq!(map.texts, ["2.00 ± 0.50 nats", "no number"]);
        let map = HeadMap::numbers("gate", "nats", Colours::Amount, &[Some((0.02, Some(0.005)))]);
        assert_eq!(map.texts, ["20.0 ± 5.0 (10⁻³ nats)"]);
    }
}
