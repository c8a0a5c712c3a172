//! A frame with ticks, and what is drawn within it.

use super::colours::Colour;
use super::drawing::{Anchor, At, Drawing, FONT_SIZE};

/// A rectangle of the drawing that stands for ranges of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axes {
    /// Left and right edge, in points.
    pub across: (f64, f64),
    /// Top and bottom edge, in points.
    pub down: (f64, f64),
    /// What the left and right edges stand for.
    pub x: (f64, f64),
    /// What the bottom and top edges stand for.
    pub y: (f64, f64),
}

impl Axes {
    /// Where a pair of numbers lies.
    pub(super) fn at(&self, x: f64, y: f64) -> At {
        let along =
            |(from, to): (f64, f64), (low, high): (f64, f64), at: f64| from + (to - from) * (at - low) / (high - low);
        (along(self.across, self.x, x), along((self.down.1, self.down.0), self.y, y))
    }

    /// Draws grid lines with their numbers at the left, a base line and ticks with whole numbers below.
    pub(super) fn draw(&self, drawing: &mut Drawing, x_ticks: &[u32], y_ticks: &[f64]) {
        self.draw_numbers(drawing, &x_ticks.iter().map(|tick| f64::from(*tick)).collect::<Vec<_>>(), y_ticks);
    }

    /// The same with any numbers below.
    pub(super) fn draw_numbers(&self, drawing: &mut Drawing, x_ticks: &[f64], y_ticks: &[f64]) {
        for &tick in y_ticks {
            let (left, y) = self.at(self.x.0, tick);
            drawing.line(&[(left, y), (self.across.1, y)], Colour::GRID, 0.5);
            drawing.text((left - 4.0, y), Anchor::End, &number(tick, y_ticks), Colour::SOFT);
        }
        let base = self.down.1;
        drawing.line(&[(self.across.0, base), (self.across.1, base)], Colour::SOFT, 0.6);
        for &tick in x_ticks {
            let (x, _) = self.at(tick, self.y.0);
            drawing.line(&[(x, base), (x, base + 2.5)], Colour::SOFT, 0.6);
            drawing.text((x, base + 3.0 + FONT_SIZE * 0.7), Anchor::Middle, &number(tick, x_ticks), Colour::SOFT);
        }
    }

    /// Writes what the axes mean: below and, upwards, at the left.
    pub(super) fn titles(&self, drawing: &mut Drawing, x: &str, y: &str, left: f64) {
        let middle = |(from, to): (f64, f64)| f64::midpoint(from, to);
        drawing.text((middle(self.across), self.down.1 + 6.0 + FONT_SIZE * 1.7), Anchor::Middle, x, Colour::INK);
        drawing.upwards((left, middle(self.down)), y, Colour::INK);
    }
}

/// Layers 1 to `layers` with ticks that have room.
pub(super) fn layer_ticks(layers: u32) -> Vec<u32> {
    // Three digits take more room.
    let most = if layers >= 100 { 8 } else { 12 };
    let step = layers.div_ceil(most).max(1);
    (1..=layers).filter(|layer| layer % step == 0 || step == 1).collect()
}

/// Round numbers from 0 to at least `most`, at most six of them.
pub(super) fn ticks_up_to(most: f64) -> Vec<f64> {
    let most = most.max(1e-9);
    let step = step_of(most);
    (0..).map(|number| f64::from(number) * step).take_while(|tick| *tick < most + step * 0.999).collect()
}

/// A round step of which at most five make so much.
fn step_of(most: f64) -> f64 {
    let rough = most.max(1e-9) / 5.0;
    let power = 10_f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough).unwrap_or(rough)
}

/// Round numbers from at most `low` to at least `high`, 0 among them where it lies between.
pub(super) fn ticks_between(low: f64, high: f64) -> Vec<f64> {
    if low >= 0.0 {
        return ticks_up_to(high);
    }
    let step = step_of(high.max(0.0) - low);
    let from = (low / step).floor() as i64;
    let to = (high.max(0.0) / step).ceil() as i64;
    (from..=to).map(|number| number as f64 * step).collect()
}

/// A tick as it is written, with as many decimals as its neighbours.
pub(super) fn number(tick: f64, ticks: &[f64]) -> String {
    let decimals = decimals(ticks);
    format!("{:.decimals$}", if tick.abs() < 1e-12 { 0.0 } else { tick }).replace('-', "−")
}

/// As many decimals as write the ticks in full: their steps are 1, 2 or 5 times a power of ten.
fn decimals(ticks: &[f64]) -> usize {
    let step = if let [first, second, ..] = ticks { second - first } else { 1.0 };
    (0..6).find(|&decimals| step * 10_f64.powi(decimals) > 0.999).unwrap_or(6) as usize
}

/// Shapes that differ where colours do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Circle,
    Square,
    Diamond,
    Triangle,
    Cross,
    Star,
}

/// As many shapes as the palette has colours.
pub(super) const SHAPES: [Shape; 6] =
    [Shape::Circle, Shape::Square, Shape::Diamond, Shape::Triangle, Shape::Cross, Shape::Star];

/// A marker of about `radius` at a point.
pub(super) fn marker(drawing: &mut Drawing, shape: Shape, (x, y): At, radius: f64, colour: Colour) {
    // Corners by angle in eighths of a turn, clockwise from the top, and distance.
    let polygon = |corners: &[(f64, f64)]| {
        let corner = |&(eighths, distance): &(f64, f64)| {
            let angle = eighths * std::f64::consts::FRAC_PI_4;
            (x + radius * distance * angle.sin(), y - radius * distance * angle.cos())
        };
        corners.iter().map(corner).collect::<Vec<_>>()
    };
    let corners: Vec<(f64, f64)> = match shape {
        Shape::Circle => (0..24).map(|corner| (f64::from(corner) / 3.0, 1.0)).collect(),
        Shape::Square => (0..4).map(|corner| (f64::from(2 * corner + 1), 1.25)).collect(),
        Shape::Diamond => (0..4).map(|corner| (f64::from(2 * corner), 1.3)).collect(),
        Shape::Triangle => (0..3).map(|corner| (f64::from(corner) * 8.0 / 3.0, 1.35)).collect(),
        Shape::Cross => (0..4)
            .flat_map(|arm| {
                [(-0.5, 1.25), (0.5, 1.25), (1.0, 0.55)].map(|(turn, far)| (f64::from(2 * arm) + turn, far))
            })
            .collect(),
        Shape::Star => {
            (0..10).map(|corner| (f64::from(corner) * 0.8, if corner % 2 == 0 { 1.45 } else { 0.65 })).collect()
        }
    };
    drawing.area(polygon(&corners), colour);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_the_top() {
        let check = |most: f64, expected: &[f64]| {
            let ticks = ticks_up_to(most);
            let close = ticks.len() == expected.len() && ticks.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9);
            assert!(close, "{most}: {ticks:?}");
        };
        check(0.93, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        check(0.8, &[0.0, 0.2, 0.4, 0.6, 0.8]);
        check(4.2, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        check(0.0, &[0.0, 2e-10, 4e-10, 6e-10, 8e-10, 1e-9]);
    }

    #[test]
    fn ticks_may_begin_below_nothing() {
        assert_eq!(ticks_between(-3.0, 7.0), [-4.0, -2.0, 0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(ticks_between(-9.0, -1.0), [-10.0, -8.0, -6.0, -4.0, -2.0, 0.0]);
        assert_eq!(ticks_between(1.0, 7.0), ticks_up_to(7.0));
        assert_eq!(number(-0.5, &[-0.5, 0.0]), "−0.5");
    }

    #[test]
    fn ticks_have_as_many_decimals_as_they_need() {
        let of = |step: f64| decimals(&[0.0, step, 2.0 * step]);
        assert_eq!([0.05, 0.2, 1.0, 20.0].map(of), [2, 1, 0, 0]);
        assert_eq!(decimals(&[0.0]), 0);
    }

    #[test]
    fn y_grows_upwards() {
        let axes = Axes { across: (10.0, 110.0), down: (0.0, 50.0), x: (0.0, 10.0), y: (0.0, 1.0) };
        assert_eq!(
            [axes.at(0.0, 0.0), axes.at(10.0, 1.0), axes.at(5.0, 0.5)],
            [(10.0, 50.0), (110.0, 0.0), (60.0, 25.0)]
        );
    }

    #[test]
    fn many_layers_have_fewer_ticks() {
        assert_eq!((layer_ticks(6).len(), layer_ticks(24).len(), layer_ticks(24)[0]), (6, 12, 2));
    }
}
