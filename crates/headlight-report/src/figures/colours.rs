//! Colours that colour-blind people tell apart and that survive a grey printer.

/// A colour with its opacity, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Colour {
    pub rgb: [u8; 3],
    pub opacity: f64,
}

impl Colour {
    pub(super) const INK: Colour = Colour::new(0x1b2530);
    pub(super) const SOFT: Colour = Colour::new(0x5b6673);
    pub(super) const GRID: Colour = Colour::new(0xe3e3e3);
    pub(super) const WHITE: Colour = Colour::new(0xffffff);

    /// From `0xRRGGBB`, opaque.
    pub(super) const fn new(rgb: u32) -> Self {
        let [_, red, green, blue] = rgb.to_be_bytes();
        Self { rgb: [red, green, blue], opacity: 1.0 }
    }

    pub(super) const fn opacity(self, opacity: f64) -> Self {
        Self { opacity, ..self }
    }
}

/// The palette of Okabe and Ito (2008), without its black and its yellow, which is too light for marks on white.
pub(super) const PALETTE: [Colour; 6] = [
    Colour::new(0x0072b2),
    Colour::new(0xe69f00),
    Colour::new(0x009e73),
    Colour::new(0xd55e00),
    Colour::new(0xcc79a7),
    Colour::new(0x56b4e9),
];

/// Blue of [`PALETTE`]: heads, and what is right.
pub(super) const BLUE: Colour = PALETTE[0];

/// Vermilion of [`PALETTE`]: baselines, and what is wrong.
pub(super) const VERMILION: Colour = PALETTE[3];

/// Viridis (van der Walt and Smith 2015) at `share` from 0, dark, to 1, light.
pub(super) fn viridis(share: f64) -> Colour {
    const STOPS: [u32; 10] =
        [0x440154, 0x482878, 0x3e4989, 0x31688e, 0x26828e, 0x1f9e89, 0x35b779, 0x6ece58, 0xb5de2b, 0xfde725];
    let place = share.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let below = (place as usize).min(STOPS.len() - 2);
    let (from, to) = (Colour::new(STOPS[below]).rgb, Colour::new(STOPS[below + 1]).rgb);
    let mix =
        |at: usize| (f64::from(from[at]) + (f64::from(to[at]) - f64::from(from[at])) * (place - below as f64)).round();
    Colour { rgb: [mix(0) as u8, mix(1) as u8, mix(2) as u8], opacity: 1.0 }
}

/// From blue at 0 over white to vermilion at 1.
pub(super) fn diverging(share: f64) -> Colour {
    let share = share.clamp(0.0, 1.0);
    let (end, part) = if share < 0.5 { (BLUE, 1.0 - 2.0 * share) } else { (VERMILION, 2.0 * share - 1.0) };
    let mix = |at: usize| (255.0 + (f64::from(end.rgb[at]) - 255.0) * part).round() as u8;
    Colour { rgb: [mix(0), mix(1), mix(2)], opacity: 1.0 }
}

/// The same from vermilion at 0 to blue at 1.
pub(super) fn diverging_down(share: f64) -> Colour {
    diverging(1.0 - share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viridis_goes_from_dark_violet_to_yellow() {
        assert_eq!([viridis(0.0), viridis(1.0), viridis(7.0)], [0x440154, 0xfde725, 0xfde725].map(Colour::new));
        let light = |share: f64| viridis(share).rgb.iter().map(|&part| u32::from(part)).sum::<u32>();
        assert!((0..10).all(|step| light(f64::from(step) / 10.0) < light(f64::from(step + 1) / 10.0)));
    }
}
