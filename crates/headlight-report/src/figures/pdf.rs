//! A drawing as PDF: one page of its size, text as text in the two faces of DejaVu Sans, of which the page carries the glyphs
//! that it shows.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::types::{CidFontType, FontFlags, LineCapStyle, LineJoinStyle, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str};
use subsetter::GlyphRemapper;
use ttf_parser::Face;

use super::FigureError;
use super::colours::Colour;
use super::drawing::{Anchor, Drawing, FONT_SIZE, Mark};
use crate::script::visual;

/// How far the base line lies below the middle of a text, in ems.
const BELOW: f64 = 0.36;

const SYSTEM: SystemInfo<'static> = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// One face, and the glyphs of it that the page shows.
struct Font {
    data: &'static [u8],
    face: Face<'static>,
    name: &'static str,
    glyphs: GlyphRemapper,
    /// By new glyph: its width in thousandths of an em, and a character that it stands for.
    shown: BTreeMap<u16, (f32, char)>,
}

impl Font {
    fn new(data: &'static [u8], name: &'static str) -> Result<Self, FigureError> {
        let face = Face::parse(data, 0).map_err(|error| FigureError::Drawing(error.to_string()))?;
        Ok(Self { data, face, name, glyphs: GlyphRemapper::new(), shown: BTreeMap::new() })
    }

    /// The glyphs of a text, two bytes each, and its width in ems.
    fn set(&mut self, text: &str) -> (Vec<u8>, f64) {
        let em = f32::from(self.face.units_per_em());
        let (mut bytes, mut width) = (Vec::new(), 0.0);
        for character in text.chars() {
            let glyph = self.face.glyph_index(character).unwrap_or_default();
            let advance = 1000.0 * f32::from(self.face.glyph_hor_advance(glyph).unwrap_or(0)) / em;
            let new = self.glyphs.remap(glyph.0);
            self.shown.insert(new, (advance, character));
            bytes.extend(new.to_be_bytes());
            width += f64::from(advance) / 1000.0;
        }
        (bytes, width)
    }

    fn write(&self, pdf: &mut Pdf, first: i32) -> Result<(), FigureError> {
        let [font, cid, descriptor, cmap, file] = refs(first);
        let subset = subsetter::subset(self.data, 0, &self.glyphs);
        let subset = subset.map_err(|error| FigureError::Drawing(error.to_string()))?;
        // Six letters tell that it is a part of the font.
        let name = format!("HEADLT+{}", self.name);
        let name = Name(name.as_bytes());
        pdf.type0_font(font)
            .base_font(name)
            .encoding_predefined(Name(b"Identity-H"))
            .descendant_font(cid)
            .to_unicode(cmap);
        let mut of_cid = pdf.cid_font(cid);
        of_cid.subtype(CidFontType::Type2).base_font(name).system_info(SYSTEM).font_descriptor(descriptor);
        of_cid.default_width(0.0).cid_to_gid_map_predefined(Name(b"Identity"));
        let widths = (0..self.glyphs.num_gids()).map(|glyph| self.shown.get(&glyph).map_or(0.0, |(width, _)| *width));
        of_cid.widths().consecutive(0, widths);
        of_cid.finish();
        let thousandths = |units: i16| 1000.0 * f32::from(units) / f32::from(self.face.units_per_em());
        let bounds = self.face.global_bounding_box();
        let bounds = [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max].map(thousandths);
        pdf.font_descriptor(descriptor)
            .name(name)
            .flags(FontFlags::SYMBOLIC)
            .bbox(Rect::new(bounds[0], bounds[1], bounds[2], bounds[3]))
            .italic_angle(0.0)
            .ascent(thousandths(self.face.ascender()))
            .descent(thousandths(self.face.descender()))
            .cap_height(thousandths(self.face.capital_height().unwrap_or(self.face.ascender())))
            .stem_v(80.0)
            .font_file2(file);
        let mut characters = UnicodeCmap::new(Name(b"Characters"), SYSTEM);
        self.shown.iter().for_each(|(glyph, (_, character))| characters.pair(*glyph, *character));
        pdf.cmap(cmap, &characters.finish());
        let packed = packed(&subset)?;
        let mut stream = pdf.stream(file, &packed);
        stream.filter(Filter::FlateDecode);
        stream.pair(Name(b"Length1"), i32::try_from(subset.len()).unwrap_or(i32::MAX));
        Ok(())
    }
}

/// Numbers of objects that follow each other.
fn refs<const N: usize>(first: i32) -> [Ref; N] {
    let mut next = first;
    [(); N].map(|()| {
        next += 1;
        Ref::new(next - 1)
    })
}

fn packed(bytes: &[u8]) -> Result<Vec<u8>, FigureError> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    packed.map_err(|error| FigureError::Drawing(error.to_string()))
}

/// The drawing as a file, everything `scale` times as large.
pub(super) fn to_pdf(drawing: &Drawing, scale: f64) -> Result<Vec<u8>, FigureError> {
    let mut fonts =
        [Font::new(dejavu::sans::regular(), "DejaVuSans")?, Font::new(dejavu::sans::bold(), "DejaVuSans-Bold")?];
    let mut page = Page { content: Content::new(), height: drawing.height, opacities: Vec::new() };
    page.content.transform([scale as f32, 0.0, 0.0, scale as f32, 0.0, 0.0]);
    page.content.set_line_cap(LineCapStyle::ButtCap).set_line_join(LineJoinStyle::RoundJoin);
    for mark in &drawing.marks {
        page.mark(mark, &mut fonts);
    }
    let mut pdf = Pdf::new();
    let [catalog, pages, page_ref, content, info] = refs(1);
    pdf.catalog(catalog).pages(pages);
    pdf.document_info(info).producer(pdf_writer::TextStr("headlight"));
    pdf.pages(pages).kids([page_ref]).count(1);
    let (font_refs, states) = ([6, 11], 16);
    let mut of_page = pdf.page(page_ref);
    let size = [drawing.width, drawing.height].map(|points| (points * scale) as f32);
    of_page.media_box(Rect::new(0.0, 0.0, size[0], size[1])).parent(pages).contents(content);
    let mut resources = of_page.resources();
    let mut of_fonts = resources.fonts();
    for (at, first) in font_refs.iter().enumerate() {
        of_fonts.pair(Name(format!("F{at}").as_bytes()), Ref::new(*first));
    }
    of_fonts.finish();
    let mut of_states = resources.ext_g_states();
    for at in 0..page.opacities.len() {
        of_states.pair(Name(format!("G{at}").as_bytes()), Ref::new(states + at as i32));
    }
    of_states.finish();
    resources.finish();
    of_page.finish();
    for (at, opacity) in page.opacities.iter().enumerate() {
        let share = f32::from(*opacity) / 255.0;
        pdf.ext_graphics(Ref::new(states + at as i32)).non_stroking_alpha(share).stroking_alpha(share);
    }
    let drawn = packed(&page.content.finish())?;
    pdf.stream(content, &drawn).filter(Filter::FlateDecode);
    for (font, first) in fonts.iter().zip(font_refs) {
        font.write(&mut pdf, first)?;
    }
    Ok(pdf.finish())
}

/// The page in work; y grows upwards on it.
struct Page {
    content: Content,
    height: f64,
    /// Those that occur, in 255ths; each is a state of its number.
    opacities: Vec<u8>,
}

impl Page {
    fn mark(&mut self, mark: &Mark, fonts: &mut [Font; 2]) {
        match mark {
            Mark::Line { points, colour, width, dashes } => {
                self.opacity(*colour);
                let [red, green, blue] = parts(*colour);
                self.content.set_stroke_rgb(red, green, blue).set_line_width(*width as f32);
                let dashes: &[f32] = if *dashes > 0.0 { &[*dashes as f32] } else { &[] };
                self.content.set_dash_pattern(dashes.iter().copied(), 0.0);
                self.path(points);
                self.content.stroke();
            }
            Mark::Area { points, colour } => {
                self.opacity(*colour);
                let [red, green, blue] = parts(*colour);
                self.content.set_fill_rgb(red, green, blue);
                self.path(points);
                self.content.close_path().fill_nonzero();
            }
            Mark::Text { at, text, anchor, colour, bold, upwards } => {
                self.opacity(*colour);
                let [red, green, blue] = parts(*colour);
                let (glyphs, ems) = fonts[usize::from(*bold)].set(&visual(text));
                let back = FONT_SIZE
                    * ems
                    * match anchor {
                        Anchor::Start => 0.0,
                        Anchor::Middle => 0.5,
                        Anchor::End => 1.0,
                    };
                let (x, y) = (at.0, self.height - at.1);
                let below = BELOW * FONT_SIZE;
                let matrix = match upwards {
                    false => [1.0, 0.0, 0.0, 1.0, x - back, y - below],
                    true => [0.0, 1.0, -1.0, 0.0, x + below, y - back],
                };
                self.content.begin_text().set_fill_rgb(red, green, blue);
                self.content.set_font(Name(format!("F{}", u8::from(*bold)).as_bytes()), FONT_SIZE as f32);
                self.content.set_text_matrix(matrix.map(|part| part as f32)).show(Str(&glyphs)).end_text();
            }
        }
    }

    fn path(&mut self, points: &[(f64, f64)]) {
        for (at, (x, y)) in points.iter().enumerate() {
            let (x, y) = (*x as f32, (self.height - y) as f32);
            match at {
                0 => self.content.move_to(x, y),
                _ => self.content.line_to(x, y),
            };
        }
    }

    fn opacity(&mut self, colour: Colour) {
        let opacity = (255.0 * colour.opacity.clamp(0.0, 1.0)).round() as u8;
        let at = self.opacities.iter().position(|known| *known == opacity).unwrap_or_else(|| {
            self.opacities.push(opacity);
            self.opacities.len() - 1
        });
        self.content.set_parameters(Name(format!("G{at}").as_bytes()));
    }
}

fn parts(colour: Colour) -> [f32; 3] {
    colour.rgb.map(|part| f32::from(part) / 255.0)
}

/// Whether the fonts of PNG and PDF have a glyph.
pub(super) fn has_glyph(character: char) -> bool {
    static FACE: LazyLock<Option<Face<'static>>> = LazyLock::new(|| Face::parse(dejavu::sans::regular(), 0).ok());
    FACE.as_ref().is_none_or(|face| face.glyph_index(character).is_some())
}

/// The characters of these texts that they have none for.
pub(super) fn without_glyph<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<char> {
    let mut missing: Vec<char> = Vec::new();
    for character in texts.flat_map(|text| visual(text).chars().collect::<Vec<_>>()) {
        if !has_glyph(character) && !character.is_control() && !missing.contains(&character) {
            missing.push(character);
        }
    }
    missing
}
