//! The colour bar at the right of heat maps and image grids.

use super::{Frame, MEDIUM, SMALL};
use crate::figure::ColourScale;
use crate::scale::Scale;
use crate::svg::colour::{self, Colours};
use crate::svg::{Anchor, Fill, Stroke, Svg, TextStyle, text};

const BAR: f64 = 9.0;
const STEPS: usize = 64;

/// Width the bar needs with its ticks and label.
pub(super) fn room(colours: &Colours, scale: &ColourScale) -> f64 {
    let widest = ticks(colours, 110.0).1.iter().map(|(_, l)| text::width(l, SMALL, false)).fold(0.0, f64::max);
    let label = if scale.label.is_empty() { 0.0 } else { MEDIUM + 5.0 };
    12.0 + BAR + 5.0 + widest + label
}

/// Draws the bar at the right of everything, beside `body`.
pub(super) fn draw(svg: &mut Svg, colours: &Colours, scale: &ColourScale, body: &Frame) {
    let height = body.h.clamp(50.0, 170.0);
    let (x, y) = (body.right() + 12.0, body.y);
    let part = height / STEPS as f64;
    for i in 0..STEPS {
        let t = (i as f64 + 0.5) / STEPS as f64;
        let value = colours.high - t * (colours.high - colours.low);
        // Each stripe overlaps the next, or renderers leave hair lines between them.
        let tall = if i + 1 == STEPS { part } else { part + 0.5 };
        svg.rect(x, y + part * i as f64, BAR, tall, Fill::new(&colour::hex(colours.at(value)), 1.0));
    }
    svg.frame(x, y, BAR, height, Stroke { width: 0.5, ..Stroke::axis() });
    let (axis, ticks) = ticks(colours, height);
    let mut widest: f64 = 0.0;
    for (value, label) in &ticks {
        let ty = y + height - axis.position(*value) * height;
        svg.line((x + BAR, ty), (x + BAR + 3.0, ty), Stroke::axis());
        svg.text(x + BAR + 5.0, ty + SMALL * 0.35, label, TextStyle::ink(SMALL, Anchor::Start));
        widest = widest.max(text::width(label, SMALL, false));
    }
    if !scale.label.is_empty() {
        let label = text::fit(&scale.label, MEDIUM, false, body.h.max(height).max(90.0));
        let style = TextStyle::ink(MEDIUM, Anchor::Middle).rotated(-90.0);
        let middle = y + (height / 2.0).max(text::width(&label, MEDIUM, false) / 2.0);
        svg.text(x + BAR + 5.0 + widest + MEDIUM + 2.0, middle, &label, style);
    }
}

/// The bar's scale and labelled ticks; where values lie beyond an end, that end's tick says `≤` or `≥`.
fn ticks(colours: &Colours, height: f64) -> (Scale, Vec<(f64, String)>) {
    let scale = Scale::fit(crate::figure::AxisScale::Linear, [colours.low, colours.high], None);
    let mut ticks: Vec<(f64, String)> =
        scale.ticks(((height / 20.0) as usize).clamp(3, 7)).into_iter().map(|t| (t.value, t.label)).collect();
    let near = (colours.high - colours.low) * 1e-6;
    for (value, label) in &mut ticks {
        if (*value - colours.low).abs() < near {
            *label = format!("{}{label}", colours.describe_end(false));
        } else if (*value - colours.high).abs() < near {
            *label = format!("{}{label}", colours.describe_end(true));
        }
    }
    (scale, ticks)
}
