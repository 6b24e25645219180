//! Legends: keys in rows under the title.

use super::{MARGIN, SMALL};
use crate::svg::{Anchor, Fill, Marker, Stroke, Svg, TextStyle, text};

/// The picture beside a legend's text.
pub(crate) enum Key {
    Line { colour: &'static str, dash: &'static str, marker: Marker },
    Null,
    NullBar,
    Threshold { dash: &'static str },
    Mark { colour: &'static str, dash: &'static str },
    Interval { colour: &'static str },
    Dot { colour: &'static str },
    Point { colour: &'static str, marker: Marker },
    Single { colour: &'static str },
    Hatched,
}

const KEY: f64 = 22.0;
const GAP: f64 = 14.0;
const ROW: f64 = 14.0;

/// Draws the keys in rows and returns the y below them.
pub(crate) fn draw(svg: &mut Svg, entries: &[(Key, String)], y: f64) -> f64 {
    if entries.is_empty() {
        return y;
    }
    let right = svg.width() - MARGIN;
    let (mut x, mut top) = (MARGIN, y);
    for (key, label) in entries {
        let label = text::fit(label, SMALL, false, right - MARGIN - KEY - 5.0);
        let width = KEY + 5.0 + text::width(&label, SMALL, false);
        if x > MARGIN && x + width > right {
            x = MARGIN;
            top += ROW;
        }
        draw_key(svg, key, x, top + ROW / 2.0);
        svg.text(x + KEY + 5.0, top + ROW / 2.0 + SMALL * 0.35, &label, TextStyle::ink(SMALL, Anchor::Start));
        x += width + GAP;
    }
    top + ROW + 4.0
}

fn draw_key(svg: &mut Svg, key: &Key, x: f64, middle: f64) {
    let (from, to, centre) = ((x, middle), (x + KEY, middle), x + KEY / 2.0);
    match key {
        Key::Line { colour, dash, marker } => {
            svg.line(from, to, Stroke { dash, ..Stroke::new(colour, 1.5) });
            svg.marker(*marker, centre, middle, 2.3, colour);
        }
        Key::Null => {
            svg.rect(x, middle - 4.0, KEY, 8.0, Fill::null());
            svg.line(from, to, null_mean());
        }
        Key::NullBar => svg.rect(x, middle - 4.0, KEY, 8.0, Fill::null()),
        Key::Threshold { dash } => svg.line(from, to, Stroke::threshold(dash)),
        Key::Mark { colour, dash } => {
            svg.line((centre, middle - 5.5), (centre, middle + 5.5), Stroke { dash, ..Stroke::new(colour, 1.8) });
        }
        Key::Interval { colour } => {
            svg.line(from, to, Stroke::new(colour, 1.6));
            svg.marker(Marker::Circle, centre, middle, 3.0, colour);
        }
        Key::Dot { colour } => svg.marker(Marker::Circle, centre, middle, 3.0, colour),
        Key::Point { colour, marker } => svg.marker(*marker, centre, middle, 3.0, colour),
        Key::Single { colour } => {
            for part in [0.25, 0.5, 0.75] {
                svg.line(
                    (x + KEY * part, middle - 3.5),
                    (x + KEY * part, middle + 3.5),
                    Stroke { opacity: 0.7, ..Stroke::new(colour, 0.9) },
                );
            }
        }
        Key::Hatched => svg.hatched(x, middle - 5.0, KEY, 10.0),
    }
}

/// The line of a null's mean.
pub(crate) fn null_mean() -> Stroke<'static> {
    Stroke { class: "nullmean", ..Stroke::new("#8a8a8a", 0.9) }
}
