//! The colour bar at the right of heat maps and image grids.

use super::{Frame, MEDIUM, SMALL};
use crate::figure::{ColourMap, ColourScale};
use crate::number;
use crate::scale::Scale;
use crate::svg::colour::{self, Colours};
use crate::svg::{Anchor, Fill, Stroke, Svg, TextStyle, text};

const BAR: f64 = 9.0;
const STEPS: usize = 64;

/// Width the bar needs with its ticks and label.
pub(super) fn room(colours: &Colours, scale: &ColourScale) -> f64 {
    let widest = ticks(colours, scale, 110.0).1.iter().map(|(_, l)| text::width(l, SMALL, false)).fold(0.0, f64::max);
    let label = if scale.label.is_empty() { 0.0 } else { MEDIUM + 5.0 };
    12.0 + BAR + 5.0 + widest + label
}

/// Draws the bar at the right of everything, beside `body`, and returns the y below it.
pub(super) fn draw(svg: &mut Svg, colours: &Colours, scale: &ColourScale, body: &Frame) -> f64 {
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
    let (axis, ticks) = ticks(colours, scale, height);
    let mut widest: f64 = 0.0;
    for (value, label) in &ticks {
        let ty = y + height - axis.position(*value) * height;
        svg.line((x + BAR, ty), (x + BAR + 3.0, ty), Stroke::axis());
        svg.text(x + BAR + 5.0, ty + SMALL * 0.35, label, TextStyle::ink(SMALL, Anchor::Start));
        widest = widest.max(text::width(label, SMALL, false));
    }
    let mut bottom = y + height + SMALL;
    if !scale.label.is_empty() {
        let label = text::fit(&scale.label, MEDIUM, false, body.h.max(190.0));
        let style = TextStyle::ink(MEDIUM, Anchor::Middle).rotated(-90.0);
        let half = text::width(&label, MEDIUM, false) / 2.0;
        let middle = y + (height / 2.0).max(half);
        svg.text(x + BAR + 5.0 + widest + MEDIUM + 2.0, middle, &label, style);
        bottom = bottom.max(middle + half);
    }
    bottom
}

/// The bar's scale and labelled ticks; where values lie beyond an end, that end's tick says `≤` or `≥`.
fn ticks(colours: &Colours, colour: &ColourScale, height: f64) -> (Scale, Vec<(f64, String)>) {
    let ends = [colours.low, colours.high];
    if let ColourMap::Categories(names) = colour.map {
        let named = names.iter().enumerate().map(|(code, (name, _))| (code as f64, (*name).to_owned())).collect();
        return (Scale::fit(crate::figure::AxisScale::Linear, ends, Some(ends)), named);
    }
    let scale = Scale::fit(crate::figure::AxisScale::Linear, ends, None);
    let mut ticks: Vec<(f64, String)> =
        scale.ticks(((height / 20.0) as usize).clamp(3, 7)).into_iter().map(|t| (t.value, t.label)).collect();
    // An end beyond which values lie needs a tick of its own to say so.
    let span = colours.high - colours.low;
    for (end, high) in [(colours.low, false), (colours.high, true)] {
        let sign = colours.describe_end(high);
        if sign.is_empty() {
            continue;
        }
        let at_end = ticks.iter().find(|(v, _)| (v - end).abs() < span * 1e-6).map(|(_, l)| l.clone());
        let label = at_end.unwrap_or_else(|| number::format_value(end, 2));
        ticks.retain(|(v, _)| (v - end).abs() > span * 0.1);
        ticks.push((end, format!("{sign}{label}")));
    }
    (scale, ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_that_cut_values_off_say_so() {
        let colours = |range, values: [f64; 2]| {
            let scale = ColourScale { range: Some(range), ..ColourScale::default() };
            Colours::fit(&scale, values.into_iter())
        };
        let labels =
            |c: &Colours| ticks(c, &ColourScale::default(), 110.0).1.into_iter().map(|(_, l)| l).collect::<Vec<_>>();
        assert!(labels(&colours([0.0, 1.0], [-0.5, 0.5])).contains(&"≤0".to_string()));
        assert!(labels(&colours([0.0, 0.93], [0.0, 2.0])).contains(&"≥0.93".to_string()));
        assert!(labels(&colours([0.0, 1.0], [0.0, 1.0])).iter().all(|l| !l.contains(['≤', '≥'])));
    }
}
