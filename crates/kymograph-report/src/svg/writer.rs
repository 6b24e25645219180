//! Writes SVG elements into one string. Every text and attribute passes through [`escape`].

use std::fmt::Write as _;

use super::markup::{escape, num, raised};
use super::style::{Anchor, Fill, Marker, Stroke, TextStyle};
use super::text;

/// An SVG being written.
pub(crate) struct Svg {
    body: String,
    defs: String,
    width: f64,
    height: f64,
    id: String,
}

impl Svg {
    /// An empty drawing. `id` keeps the ids inside apart from those of other drawings on the same page.
    pub(crate) fn new(width: f64, id: &str) -> Self {
        Svg { body: String::new(), defs: String::new(), width, height: 0.0, id: id.to_string() }
    }

    pub(crate) fn width(&self) -> f64 {
        self.width
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: Stroke<'_>) {
        let _ = write!(
            self.body,
            r#"<line x1="{}" y1="{}" x2="{}" y2="{}"{}/>"#,
            num(from.0),
            num(from.1),
            num(to.0),
            num(to.1),
            stroke_attributes(stroke)
        );
        self.body.push('\n');
    }

    pub(crate) fn polyline(&mut self, points: &[(f64, f64)], stroke: Stroke<'_>) {
        let _ = write!(
            self.body,
            r#"<polyline points="{}" fill="none" stroke-linejoin="round"{}/>"#,
            point_list(points),
            stroke_attributes(stroke)
        );
        self.body.push('\n');
    }

    pub(crate) fn polygon(&mut self, points: &[(f64, f64)], fill: Fill<'_>) {
        let _ = write!(self.body, r#"<polygon points="{}"{}/>"#, point_list(points), fill_attributes(fill));
        self.body.push('\n');
    }

    pub(crate) fn rect(&mut self, x: f64, y: f64, w: f64, h: f64, fill: Fill<'_>) {
        let _ = write!(
            self.body,
            r#"<rect x="{}" y="{}" width="{}" height="{}"{}/>"#,
            num(x),
            num(y),
            num(w.max(0.0)),
            num(h.max(0.0)),
            fill_attributes(fill)
        );
        self.body.push('\n');
    }

    pub(crate) fn frame(&mut self, x: f64, y: f64, w: f64, h: f64, stroke: Stroke<'_>) {
        let _ = write!(
            self.body,
            r#"<rect x="{}" y="{}" width="{}" height="{}" fill="none"{}/>"#,
            num(x),
            num(y),
            num(w.max(0.0)),
            num(h.max(0.0)),
            stroke_attributes(stroke)
        );
        self.body.push('\n');
    }

    /// A cell of a heat map with a tooltip.
    pub(crate) fn cell(&mut self, x: f64, y: f64, w: f64, h: f64, colour: &str, tooltip: &str) {
        let _ = writeln!(
            self.body,
            r#"<rect x="{}" y="{}" width="{}" height="{}" fill="{colour}" shape-rendering="crispEdges"><title>{}</title></rect>"#,
            num(x),
            num(y),
            num(w),
            num(h),
            escape(tooltip)
        );
    }

    /// A hatched area for what was not measured.
    pub(crate) fn hatched(&mut self, x: f64, y: f64, w: f64, h: f64) {
        let id = format!("{}-hatch", self.id);
        if !self.defs.contains(&format!("\"{id}\"")) {
            let _ = write!(
                self.defs,
                r##"<pattern id="{id}" width="4" height="4" patternUnits="userSpaceOnUse"><rect width="4" height="4" fill="#efefef"/><path d="M-1,1 L1,-1 M0,4 L4,0 M3,5 L5,3" stroke="#a8a8a8" stroke-width="0.7"/></pattern>"##
            );
        }
        let _ = writeln!(
            self.body,
            r##"<rect x="{}" y="{}" width="{}" height="{}" fill="url(#{id})"/>"##,
            num(x),
            num(y),
            num(w),
            num(h)
        );
    }

    pub(crate) fn text(&mut self, x: f64, y: f64, content: &str, style: TextStyle<'_>) {
        let anchor = match style.anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        let weight = if style.bold { r#" font-weight="700""# } else { "" };
        let class = if style.class.is_empty() { String::new() } else { format!(r#" class="{}""#, style.class) };
        let rotate = if style.rotate == 0.0 {
            String::new()
        } else {
            format!(r#" transform="rotate({} {} {})""#, num(style.rotate), num(x), num(y))
        };
        let _ = writeln!(
            self.body,
            r#"<text x="{}" y="{}" font-size="{}" fill="{}"{class}{anchor}{weight}{rotate}>{}</text>"#,
            num(x),
            num(y),
            num(style.size),
            style.colour,
            raised(content, style.size)
        );
    }

    pub(crate) fn marker(&mut self, marker: Marker, x: f64, y: f64, r: f64, colour: &str) {
        let fill = Fill::new(colour, 1.0);
        match marker {
            Marker::Circle => {
                let _ =
                    writeln!(self.body, r#"<circle cx="{}" cy="{}" r="{}" fill="{colour}"/>"#, num(x), num(y), num(r));
            }
            Marker::Square => self.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8, fill),
            Marker::Triangle => {
                self.polygon(&[(x, y - r * 1.25), (x + r * 1.15, y + r * 0.8), (x - r * 1.15, y + r * 0.8)], fill);
            }
            Marker::TriangleDown => {
                self.polygon(&[(x, y + r * 1.25), (x + r * 1.15, y - r * 0.8), (x - r * 1.15, y - r * 0.8)], fill);
            }
            Marker::Diamond => {
                let r = r * 1.3;
                self.polygon(&[(x, y - r), (x + r, y), (x, y + r), (x - r, y)], fill);
            }
            Marker::Cross => {
                let stroke = Stroke::new(colour, r * 0.6);
                self.line((x - r, y - r), (x + r, y + r), stroke);
                self.line((x - r, y + r), (x + r, y - r), stroke);
            }
        }
    }

    /// Many small discs of one colour as a single path, which is a tenth as long as that many circles.
    pub(crate) fn dots(&mut self, points: &[(f64, f64)], radius: f64, colour: &str) {
        let mut path = String::with_capacity(points.len() * 16);
        for (x, y) in points {
            let _ = write!(path, "M{} {}h0", num(*x), num(*y));
        }
        let _ = writeln!(
            self.body,
            r#"<path d="{path}" fill="none" stroke="{colour}" stroke-width="{}" stroke-linecap="round"/>"#,
            num(2.0 * radius)
        );
    }

    /// An embedded raster; `sharp` keeps enlarged pixels square.
    pub(crate) fn image(&mut self, x: f64, y: f64, w: f64, h: f64, data_uri: &str, sharp: bool) {
        let style = if sharp { r#" style="image-rendering:pixelated""# } else { "" };
        let _ = writeln!(
            self.body,
            r#"<image x="{}" y="{}" width="{}" height="{}" preserveAspectRatio="none"{style} href="{data_uri}"/>"#,
            num(x),
            num(y),
            num(w),
            num(h)
        );
    }

    /// The finished document, as high as given.
    pub(crate) fn finish(mut self, height: f64, title: &str) -> String {
        self.height = height.ceil();
        let defs = if self.defs.is_empty() { String::new() } else { format!("<defs>{}</defs>\n", self.defs) };
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"figure\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
             font-family=\"{font}\" role=\"img\" aria-label=\"{title}\">\n\
             {defs}<rect class=\"paper\" width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>\n{body}</svg>\n",
            w = num(self.width),
            h = num(self.height),
            font = text::FAMILY,
            title = escape(title),
            body = self.body,
        )
    }
}

fn point_list(points: &[(f64, f64)]) -> String {
    let mut out = String::with_capacity(points.len() * 12);
    for (i, (x, y)) in points.iter().enumerate() {
        if i > 0 {
            out.push(' ');
        }
        let _ = write!(out, "{},{}", num(*x), num(*y));
    }
    out
}

fn stroke_attributes(stroke: Stroke<'_>) -> String {
    let mut out = String::new();
    if !stroke.class.is_empty() {
        let _ = write!(out, r#" class="{}""#, stroke.class);
    }
    let _ = write!(out, r#" stroke="{}" stroke-width="{}""#, stroke.colour, num(stroke.width));
    if !stroke.dash.is_empty() {
        let _ = write!(out, r#" stroke-dasharray="{}""#, stroke.dash);
    }
    if stroke.opacity < 1.0 {
        let _ = write!(out, r#" stroke-opacity="{}""#, num(stroke.opacity));
    }
    out
}

fn fill_attributes(fill: Fill<'_>) -> String {
    let mut out = String::new();
    if !fill.class.is_empty() {
        let _ = write!(out, r#" class="{}""#, fill.class);
    }
    let _ = write!(out, r#" fill="{}""#, fill.colour);
    if fill.opacity < 1.0 {
        let _ = write!(out, r#" fill-opacity="{}""#, num(fill.opacity));
    }
    out
}
