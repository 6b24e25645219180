//! The page's drawing operators, from the shapes that figures are made of.

use std::fmt::Write as _;

use resvg::tiny_skia::{PathSegment, Transform};
use resvg::usvg::{self, Fill, Group, Image, ImageKind, ImageRendering, LineCap, LineJoin, Node, Paint, Path, Stroke};

/// Pixels up to which an image is drawn as rectangles, which no viewer blurs.
const MOST_RECTANGLES: usize = 4096;
/// Width of the line about cells that touch, or viewers leave hair lines between them.
const OVERLAP: f32 = 0.25;

/// What a page holds.
#[derive(Default)]
pub(super) struct Content {
    pub(super) drawn: String,
    pub(super) images: Vec<Pixels>,
    /// Opacities used, as graphics states.
    pub(super) opacities: Vec<f32>,
}

/// An image without transparency.
pub(super) struct Pixels {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) rgb: Vec<u8>,
}

/// A number to a thousandth, far below what a printer resolves.
pub(super) fn number(value: f32) -> String {
    shortest(format!("{value:.3}"))
}

/// Factors of transforms need more digits than places on the page.
fn factor(value: f32) -> String {
    shortest(format!("{value:.6}"))
}

fn shortest(text: String) -> String {
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

pub(super) fn of(tree: &usvg::Tree, scale: f32) -> Result<Content, String> {
    let mut content = Content::default();
    let (k, height) = (number(scale), number(tree.size().height() * scale));
    let _ = writeln!(content.drawn, "{k} 0 0 -{k} 0 {height} cm");
    content.group(tree.root(), 1.0)?;
    Ok(content)
}

fn rgb(colour: usvg::Color) -> String {
    let part = |c: u8| number(f32::from(c) / 255.0);
    format!("{} {} {}", part(colour.red), part(colour.green), part(colour.blue))
}

fn outline(path: &Path) -> String {
    let mut out = String::new();
    let mut last = (0.0, 0.0);
    let pair = |x: f32, y: f32| format!("{} {}", number(x), number(y));
    for segment in path.data().segments() {
        let _ = match segment {
            PathSegment::MoveTo(p) => writeln!(out, "{} m", pair(p.x, p.y)),
            PathSegment::LineTo(p) => writeln!(out, "{} l", pair(p.x, p.y)),
            PathSegment::QuadTo(c, p) => {
                // PDF knows cubic curves only.
                let to = |from: f32, control: f32| from + (control - from) * 2.0 / 3.0;
                let (a, b) = (pair(to(last.0, c.x), to(last.1, c.y)), pair(to(p.x, c.x), to(p.y, c.y)));
                writeln!(out, "{a} {b} {} c", pair(p.x, p.y))
            }
            PathSegment::CubicTo(a, b, p) => {
                writeln!(out, "{} {} {} c", pair(a.x, a.y), pair(b.x, b.y), pair(p.x, p.y))
            }
            PathSegment::Close => writeln!(out, "h"),
        };
        if let PathSegment::MoveTo(p)
        | PathSegment::LineTo(p)
        | PathSegment::QuadTo(_, p)
        | PathSegment::CubicTo(_, _, p) = segment
        {
            last = (p.x, p.y);
        }
    }
    out
}

impl Content {
    fn line(&mut self, text: &str) {
        self.drawn.push_str(text);
        self.drawn.push('\n');
    }

    /// What `draw` writes, under a transform and an opacity that end with it.
    fn within(
        &mut self,
        transform: Transform,
        opacity: f32,
        draw: impl FnOnce(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        self.line("q");
        if !transform.is_identity() {
            let t = [transform.sx, transform.ky, transform.kx, transform.sy, transform.tx, transform.ty];
            let t: Vec<String> = t.into_iter().map(factor).collect();
            self.line(&format!("{} cm", t.join(" ")));
        }
        if opacity < 1.0 {
            let state = self.opacities.iter().position(|o| *o == opacity).unwrap_or_else(|| {
                self.opacities.push(opacity);
                self.opacities.len() - 1
            });
            self.line(&format!("/G{state} gs"));
        }
        draw(self)?;
        self.line("Q");
        Ok(())
    }

    /// Opacity passes to the shapes: figures group single shapes only.
    fn group(&mut self, group: &Group, opacity: f32) -> Result<(), String> {
        if group.clip_path().is_some() || group.mask().is_some() || !group.filters().is_empty() {
            return Err("clips, masks and filters cannot be written to PDF".into());
        }
        let opacity = opacity * group.opacity().get();
        for node in group.children() {
            match node {
                Node::Group(inner) => self.group(inner, opacity)?,
                Node::Text(text) => self.group(text.flattened(), opacity)?,
                Node::Path(path) if path.is_visible() => self.path(path, opacity)?,
                Node::Image(image) if image.is_visible() => self.image(image, opacity)?,
                Node::Path(_) | Node::Image(_) => {}
            }
        }
        Ok(())
    }

    fn path(&mut self, path: &Path, opacity: f32) -> Result<(), String> {
        let at = path.abs_transform();
        if let Some(fill) = path.fill() {
            self.within(at, opacity * fill.opacity().get(), |c| c.filled(path, fill))?;
        }
        if let Some(stroke) = path.stroke() {
            self.within(at, opacity * stroke.opacity().get(), |c| c.stroked(path, stroke))?;
        }
        Ok(())
    }

    fn filled(&mut self, path: &Path, fill: &Fill) -> Result<(), String> {
        let outline = outline(path);
        let rule = if fill.rule() == usvg::FillRule::EvenOdd { "*" } else { "" };
        match fill.paint() {
            Paint::Color(colour) => {
                let colour = rgb(*colour);
                let crisp = path.rendering_mode() == usvg::ShapeRendering::CrispEdges && path.stroke().is_none();
                let about = if crisp { format!("{colour} RG\n{OVERLAP} w\n") } else { String::new() };
                let paint = if crisp { "B" } else { "f" };
                self.drawn.push_str(&format!("{colour} rg\n{about}{outline}{paint}{rule}\n"));
                Ok(())
            }
            Paint::Pattern(pattern) => {
                self.drawn.push_str(&format!("{outline}W{rule} n\n"));
                self.tiled(path, pattern)
            }
            Paint::LinearGradient(_) | Paint::RadialGradient(_) => Err("gradients cannot be written to PDF".into()),
        }
    }

    /// Repeats a pattern's tile over the clipped shape.
    fn tiled(&mut self, path: &Path, pattern: &usvg::Pattern) -> Result<(), String> {
        if !pattern.transform().is_identity() {
            return Err("patterns that are turned or scaled cannot be written to PDF".into());
        }
        let (tile, shape) = (pattern.rect(), path.data().bounds());
        let range = |from: f32, to: f32, start: f32, step: f32| {
            ((from - start) / step).floor() as i64..=((to - start) / step).ceil() as i64
        };
        for row in range(shape.top(), shape.bottom(), tile.y(), tile.height()) {
            for column in range(shape.left(), shape.right(), tile.x(), tile.width()) {
                let (x, y) = (tile.x() + column as f32 * tile.width(), tile.y() + row as f32 * tile.height());
                self.within(Transform::from_translate(x, y), 1.0, |c| c.group(pattern.root(), 1.0))?;
            }
        }
        Ok(())
    }

    fn stroked(&mut self, path: &Path, stroke: &Stroke) -> Result<(), String> {
        let Paint::Color(colour) = stroke.paint() else {
            return Err("lines of more than one colour cannot be written to PDF".into());
        };
        let dashes: Vec<String> = stroke.dasharray().unwrap_or_default().iter().map(|d| number(*d)).collect();
        let cap = match stroke.linecap() {
            LineCap::Butt => 0,
            LineCap::Round => 1,
            LineCap::Square => 2,
        };
        let join = match stroke.linejoin() {
            LineJoin::Miter | LineJoin::MiterClip => 0,
            LineJoin::Round => 1,
            LineJoin::Bevel => 2,
        };
        self.drawn.push_str(&format!(
            "{} RG\n{} w\n{cap} J\n{join} j\n{} M\n[{}] {} d\n{}S\n",
            rgb(*colour),
            number(stroke.width().get()),
            number(stroke.miterlimit().get()),
            dashes.join(" "),
            number(stroke.dashoffset()),
            outline(path)
        ));
        Ok(())
    }

    fn image(&mut self, image: &Image, opacity: f32) -> Result<(), String> {
        let ImageKind::PNG(bytes) = image.kind() else {
            return Err("only PNG images can be written to PDF".into());
        };
        let pixels = decoded(bytes)?;
        let (width, height) = (image.size().width(), image.size().height());
        let smooth = matches!(image.rendering_mode(), ImageRendering::OptimizeQuality | ImageRendering::Smooth);
        if !smooth && pixels.width * pixels.height <= MOST_RECTANGLES {
            let cell = (width / pixels.width as f32, height / pixels.height as f32);
            return self.within(image.abs_transform(), opacity, |c| {
                c.rectangles(&pixels, cell);
                Ok(())
            });
        }
        let name = self.images.len();
        self.images.push(pixels);
        // An image fills the unit square, with its first row on top.
        let place = image.abs_transform().pre_concat(Transform::from_row(width, 0.0, 0.0, -height, 0.0, height));
        self.within(place, opacity, |c| {
            c.line(&format!("/I{name} Do"));
            Ok(())
        })
    }

    /// Each run of equal pixels as a rectangle that reaches a little under its neighbours.
    fn rectangles(&mut self, pixels: &Pixels, (w, h): (f32, f32)) {
        for (y, row) in pixels.rgb.chunks(3 * pixels.width).enumerate() {
            let mut x = 0;
            for run in row.chunks(3).collect::<Vec<_>>().chunk_by(|a, b| a == b) {
                let colour = usvg::Color::new_rgb(run[0][0], run[0][1], run[0][2]);
                let more = |last: bool| if last { 0.0 } else { OVERLAP };
                let wide = run.len() as f32 * w + more(x + run.len() == pixels.width);
                let high = h + more(y + 1 == pixels.height);
                let at = [x as f32 * w, y as f32 * h, wide, high].map(number);
                self.line(&format!("{} rg\n{} re f", rgb(colour), at.join(" ")));
                x += run.len();
            }
        }
    }
}

fn decoded(bytes: &[u8]) -> Result<Pixels, String> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|e| e.to_string())?;
    let mut rgb = vec![0; reader.output_buffer_size().ok_or("an image is too large")?];
    let info = reader.next_frame(&mut rgb).map_err(|e| e.to_string())?;
    if info.color_type != png::ColorType::Rgb {
        return Err("only images of three colours without transparency can be written to PDF".into());
    }
    rgb.truncate(info.buffer_size());
    Ok(Pixels { width: info.width as usize, height: info.height as usize, rgb })
}
