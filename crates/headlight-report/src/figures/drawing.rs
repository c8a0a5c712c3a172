//! A drawing before it becomes SVG or PNG: marks in points (1/72 inch), the origin at the top left.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Once;

use plotters::prelude::{BitMapBackend, DrawingBackend, IntoDrawingArea, PathElement, Polygon, RGBAColor, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{
    Color as _, FontDesc, FontFamily, FontStyle, FontTransform, ShapeStyle, TextStyle, register_font,
};

use super::FigureError;
use super::colours::Colour;
use super::pdf::has_glyph;
use crate::script::visual;

/// The size of all text before the drawing is scaled.
pub(super) const FONT_SIZE: f64 = 8.0;

/// Pixels, or units of the SVG's view box, in a point: 384 a inch.
const SCALE: f64 = 384.0 / 72.0;

/// A font name with substitutes of about the same width, for SVG; PNG has DejaVu Sans, which lies in the binary.
const FONT: FontFamily<'static> = FontFamily::Name("DejaVu Sans, Verdana, Arial, sans-serif");

/// What the two backends of plotters make of text.
#[derive(Clone, Copy)]
struct Backend {
    /// What a font's size means, in ems.
    size: f64,
    /// How far below the point asked for, in points, the middle of a text must be put to be there.
    below: f64,
    /// Whether whoever draws its text knows of scripts that run from right to left.
    shapes: bool,
}

const SVG: Backend = Backend { size: 1.24, below: 0.4, shapes: true };

/// The size is DejaVu's height from the lowest to the highest glyph.
const PNG: Backend = Backend { size: 1.164, below: 1.9, shapes: false };

/// A figure's marks, in the order in which they are drawn.
#[derive(Debug, Default)]
pub(super) struct Drawing {
    pub width: f64,
    pub height: f64,
    pub marks: Vec<Mark>,
}

/// A point, to the right and down.
pub(super) type At = (f64, f64);

/// One thing drawn.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mark {
    /// A line through points; `dashes` of that length where it is not 0.
    Line { points: Vec<At>, colour: Colour, width: f64, dashes: f64 },
    /// A filled polygon.
    Area { points: Vec<At>, colour: Colour },
    /// A line of text.
    Text { at: At, text: String, anchor: Anchor, colour: Colour, bold: bool, upwards: bool },
}

/// Which point of a text is placed; its middle in the other direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Drawing {
    pub(super) fn line(&mut self, points: &[At], colour: Colour, width: f64) {
        self.marks.push(Mark::Line { points: points.to_vec(), colour, width, dashes: 0.0 });
    }

    pub(super) fn dashed(&mut self, points: &[At], colour: Colour, width: f64) {
        self.marks.push(Mark::Line { points: points.to_vec(), colour, width, dashes: 3.0 });
    }

    pub(super) fn rectangle(&mut self, (left, top): At, (right, bottom): At, colour: Colour) {
        let points = vec![(left, top), (right, top), (right, bottom), (left, bottom)];
        self.marks.push(Mark::Area { points, colour });
    }

    pub(super) fn area(&mut self, points: Vec<At>, colour: Colour) {
        self.marks.push(Mark::Area { points, colour });
    }

    pub(super) fn text(&mut self, at: At, anchor: Anchor, text: &str, colour: Colour) {
        let text = text.to_owned();
        self.marks.push(Mark::Text { at, text, anchor, colour, bold: false, upwards: false });
    }

    pub(super) fn bold(&mut self, at: At, anchor: Anchor, text: &str, colour: Colour) {
        let text = text.to_owned();
        self.marks.push(Mark::Text { at, text, anchor, colour, bold: true, upwards: false });
    }

    pub(super) fn upwards(&mut self, at: At, text: &str, colour: Colour) {
        let (text, anchor) = (text.to_owned(), Anchor::Middle);
        self.marks.push(Mark::Text { at, text, anchor, colour, bold: false, upwards: true });
    }

    /// Below the drawing a note in soft colour, in as many lines as it needs.
    pub(super) fn foot(&mut self, note: &str) {
        self.height += 3.0;
        for line in wrapped(note, self.width - 4.0) {
            self.text((2.0, self.height + FONT_SIZE * 0.6), Anchor::Start, &line, Colour::SOFT);
            self.height += FONT_SIZE * 1.3;
        }
        self.height += 2.0;
    }

    /// All its texts.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.marks.iter().filter_map(|mark| if let Mark::Text { text, .. } = mark { Some(text.as_str()) } else { None })
    }

    /// The drawing as SVG, sized in inches, everything `scale` times as large.
    pub(super) fn to_svg(&self, scale: f64) -> Result<String, FigureError> {
        let (width, height) = self.pixels(1.0);
        let mut svg = String::new();
        self.render(SVGBackend::with_string(&mut svg, (width, height)), SVG, SCALE)?;
        let inches = [self.width, self.height].map(|points| scale * points / 72.0);
        let inches = format!("width=\"{:.3}in\" height=\"{:.3}in\" ", inches[0], inches[1]);
        Ok(svg.replacen(&format!("width=\"{width}\" height=\"{height}\" "), &inches, 1))
    }

    /// Writes the drawing as PNG, likewise; the path ends in `.png`.
    pub(super) fn write_png(&self, path: &Path, scale: f64) -> Result<(), FigureError> {
        let (width, height) = self.pixels(scale);
        let mut pixels = vec![0; 3 * width as usize * height as usize];
        self.render(BitMapBackend::with_buffer(&mut pixels, (width, height)), PNG, SCALE * scale)?;
        let write = || {
            let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), width, height);
            encoder.set_color(png::ColorType::Rgb);
            // Sized in inches, like the SVG: SCALE pixels a point, 72 points an inch.
            let pixels_a_metre = (72.0 * SCALE / 0.0254).round() as u32;
            let dimensions =
                png::PixelDimensions { xppu: pixels_a_metre, yppu: pixels_a_metre, unit: png::Unit::Meter };
            encoder.set_pixel_dims(Some(dimensions));
            let mut writer = encoder.write_header()?;
            writer.write_image_data(&pixels)?;
            writer.finish()
        };
        write().map_err(|error| FigureError::Io { path: path.to_owned(), source: error.into() })
    }

    fn pixels(&self, scale: f64) -> (u32, u32) {
        ((self.width * SCALE * scale).round() as u32, (self.height * SCALE * scale).round() as u32)
    }

    /// Draws on a sink of `unit` pixels a point.
    fn render<B: DrawingBackend>(&self, sink: B, backend: Backend, unit: f64) -> Result<(), FigureError> {
        register_fonts();
        let area = sink.into_drawing_area();
        let failed = |error: &dyn std::fmt::Display| FigureError::Drawing(error.to_string());
        area.fill(&RGBAColor(255, 255, 255, 1.0)).map_err(|error| failed(&error))?;
        for mark in &self.marks {
            let drawn = match mark {
                Mark::Line { points, colour, width, dashes } => {
                    let style = ShapeStyle { color: rgba(*colour), filled: false, stroke_width: stroke(*width, unit) };
                    let pieces = if *dashes > 0.0 { cut(points, *dashes) } else { vec![points.clone()] };
                    let mut paths = pieces.iter().map(|piece| PathElement::new(pixels_of(piece, unit), style));
                    paths.try_for_each(|path| area.draw(&path))
                }
                Mark::Area { points, colour } => {
                    area.draw(&Polygon::new(pixels_of(points, unit), rgba(*colour).filled()))
                }
                Mark::Text { at: (x, y), text, anchor, colour, bold, upwards } => {
                    let colour = rgba(*colour);
                    let font = font(if *bold { FontStyle::Bold } else { FontStyle::Normal }, backend, unit);
                    let (font, at) = match upwards {
                        true => (font.transform(FontTransform::Rotate270), (x + backend.below, *y)),
                        false => (font, (*x, y + backend.below)),
                    };
                    let style = TextStyle::from(font).color(&colour).pos(Pos::new(anchor.position(), VPos::Center));
                    let text = if backend.shapes { text.clone() } else { visual(text) };
                    area.draw_text(&text, &style, pixel(at, unit))
                }
            };
            drawn.map_err(|error| failed(&error))?;
        }
        area.present().map_err(|error| failed(&error))
    }
}

/// How wide a text is.
pub(super) fn text_width(text: &str) -> f64 {
    width(text, FontStyle::Normal)
}

/// How wide a text in bold is.
pub(super) fn bold_width(text: &str) -> f64 {
    width(text, FontStyle::Bold)
}

/// A text that is at most `most` wide in bold, which is the wider style: its end becomes `…` where it is not.
pub(super) fn fitted(text: &str, most: f64) -> String {
    cut_to(text, most, bold_width)
}

/// The same of a text that is not bold.
pub(super) fn fitted_plain(text: &str, most: f64) -> String {
    cut_to(text, most, text_width)
}

fn cut_to(text: &str, most: f64, width: fn(&str) -> f64) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut kept: Vec<char> = text.chars().collect();
    loop {
        kept.pop();
        let shorter: String = kept.iter().chain(['…'].iter()).collect();
        if kept.is_empty() || width(&shorter) <= most {
            return shorter;
        }
    }
}

/// A text in lines that are at most `most` wide.
pub(super) fn wrapped(text: &str, most: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(&format!("{line} {word}")) <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| fitted_plain(line, most)).collect()
}

fn width(text: &str, style: FontStyle) -> f64 {
    register_fonts();
    // What the font lacks is drawn by other fonts in SVG, as wide as it is high where it is of East Asia.
    let visual = visual(text);
    let (known, lacking): (String, String) = visual.chars().partition(|character| has_glyph(*character));
    let width = font(style, PNG, SCALE).layout_box(&known);
    let width = width.map_or(0.0, |((left, _), (right, _))| f64::from(right - left) / SCALE);
    width + lacking.chars().count() as f64 * FONT_SIZE
}

impl Anchor {
    fn position(self) -> HPos {
        match self {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        }
    }
}

fn font(style: FontStyle, backend: Backend, unit: f64) -> FontDesc<'static> {
    FontDesc::new(FONT, FONT_SIZE * backend.size * unit, style)
}

fn register_fonts() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // The fonts are constants; should one be refused, text fails to draw and says so.
        let _ = register_font(FONT.as_str(), FontStyle::Normal, dejavu::sans::regular());
        let _ = register_font(FONT.as_str(), FontStyle::Bold, dejavu::sans::bold());
    });
}

fn rgba(Colour { rgb: [red, green, blue], opacity }: Colour) -> RGBAColor {
    RGBAColor(red, green, blue, opacity)
}

fn stroke(width: f64, unit: f64) -> u32 {
    (width * unit).round().max(1.0) as u32
}

fn pixel((x, y): At, unit: f64) -> (i32, i32) {
    ((x * unit).round() as i32, (y * unit).round() as i32)
}

fn pixels_of(points: &[At], unit: f64) -> Vec<(i32, i32)> {
    points.iter().map(|at| pixel(*at, unit)).collect()
}

/// The dashes of a line: pieces of `length` with gaps of `length`, along all its segments.
fn cut(points: &[At], length: f64) -> Vec<Vec<At>> {
    let mut pieces = Vec::new();
    let mut before = 0.0;
    for segment in points.windows(2) {
        let [(x0, y0), (x1, y1)] = [segment[0], segment[1]];
        let whole = (x1 - x0).hypot(y1 - y0);
        let along = |at: f64| (x0 + (x1 - x0) * at / whole, y0 + (y1 - y0) * at / whole);
        let mut start = -(before % (2.0 * length));
        while start < whole {
            let [from, to] = [start.max(0.0), (start + length).min(whole)];
            if to > from {
                pieces.push(vec![along(from), along(to)]);
            }
            start += 2.0 * length;
        }
        before += whole;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_go_on_round_corners() {
        let corner = [(0.0, 0.0), (4.0, 0.0), (4.0, 3.0)];
        let dashes = cut(&corner, 2.0);
        assert_eq!(dashes, [[(0.0, 0.0), (2.0, 0.0)], [(4.0, 0.0), (4.0, 2.0)]]);
    }

    #[test]
    fn text_is_as_wide_as_in_the_font() {
        // DejaVu Sans: the advance of a digit is 0.636 em.
        assert!((text_width("0000000000") - 10.0 * 0.636 * FONT_SIZE).abs() < 0.5, "{}", text_width("0000000000"));
    }

    #[test]
    fn texts_that_do_not_fit_end_in_dots() {
        assert_eq!(fitted("obj", 40.0), "obj");
        let short = fitted("https://example.org/a/long/way/down", 60.0);
        assert!(short.starts_with("https:") && short.ends_with('…') && bold_width(&short) <= 60.0, "{short}");
        assert_eq!(fitted("wide", 0.0), "…");
    }

    #[test]
    fn long_texts_become_lines() {
        let lines = wrapped("one two three four five", 40.0);
        assert!(lines.len() > 1 && lines.iter().all(|line| text_width(line) <= 40.0), "{lines:?}");
        assert_eq!((lines.join(" "), wrapped("", 40.0).len()), ("one two three four five".to_owned(), 0));
    }

    #[test]
    fn svg_is_sized_in_inches() {
        let mut drawing = Drawing { width: 237.6, height: 72.0, marks: Vec::new() };
        drawing.text((10.0, 10.0), Anchor::Start, "<a & b>", Colour::INK);
        let svg = drawing.to_svg(1.0).unwrap();
        assert!(svg.contains(r#"width="3.300in" height="1.000in" viewBox="0 0 1267 384""#), "{svg}");
        assert!(svg.contains("&lt;a &amp; b&gt;"), "{svg}");
    }
}
