//! Colours that colour-blind readers tell apart: Okabe–Ito for categories, viridis for amounts, blue–white–orange about
//! a centre.

use super::Marker;
use crate::figure::{ColourMap, ColourScale};
use crate::number;

/// An RGB colour.
pub(crate) type Rgb = [u8; 3];

/// Grey of cells that were not measured, in rasters (vector cells are hatched).
pub(crate) const MISSING: Rgb = [0xd9, 0xd9, 0xd9];

/// Okabe and Ito's colours without yellow (too pale on white) and black (the colour of text and thresholds).
const CATEGORIES: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];
const DASHES: [&str; 4] = ["", "5 1.8", "1.6 1.6", "6 1.6 1.6 1.6"];
const MARKERS: [Marker; 6] =
    [Marker::Circle, Marker::Square, Marker::Triangle, Marker::Diamond, Marker::Cross, Marker::TriangleDown];

/// Colour, dash and marker of the `index`-th category: all three change, so that none alone must be told apart.
pub(crate) fn category(index: usize) -> (&'static str, &'static str, Marker) {
    let round = index / CATEGORIES.len();
    (CATEGORIES[index % 6], DASHES[(index + round) % 4], MARKERS[(index + round) % 6])
}

/// Petroff's ten colours for small marks, which colour-blind readers tell apart (Petroff 2021, arXiv 2107.02270).
const POINTS: [&str; 10] =
    ["#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"];

/// Colour and marker of the points of the `index`-th class; the marker changes when the colours come round.
pub(crate) fn point(index: usize) -> (&'static str, Marker) {
    (POINTS[index % POINTS.len()], MARKERS[index / POINTS.len() % MARKERS.len()])
}

/// Dashes of thresholds and marks.
pub(crate) fn threshold_dash(index: usize) -> &'static str {
    ["4 2.5", "1.5 2", "7 2 1.5 2", "9 3"][index % 4]
}

/// A colour as `#rrggbb`.
pub(crate) fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Black or white, whichever reads better on the colour (WCAG contrast).
pub(crate) fn text_on(rgb: Rgb) -> &'static str {
    let linear = |c: u8| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    let luminance = 0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2]);
    if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 { "#ffffff" } else { "#111111" }
}

/// A colour scale over known ends.
pub(crate) struct Colours {
    pub(crate) low: f64,
    pub(crate) high: f64,
    map: ColourMap,
    /// Whether values lie beyond the ends.
    pub(crate) below: bool,
    pub(crate) above: bool,
}

impl Colours {
    /// Ends from the scale, or from the data: a diverging scale is equally long on both sides of its centre.
    pub(crate) fn fit(scale: &ColourScale, values: impl Iterator<Item = f64>) -> Colours {
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for v in values {
            least = least.min(v);
            most = most.max(v);
        }
        if least > most {
            (least, most) = (0.0, 1.0);
        }
        let [mut low, mut high] = match (scale.range, scale.map) {
            (Some([a, b]), _) => [a.min(b), a.max(b)],
            (None, ColourMap::Diverging { centre }) => {
                let reach = (most - centre).abs().max((least - centre).abs());
                [centre - reach, centre + reach]
            }
            (None, ColourMap::Sequential) => [least, most],
            (None, ColourMap::Categories(names)) => [-0.5, names.len() as f64 - 0.5],
        };
        if high - low <= high.abs().max(low.abs()) * 1e-9 {
            let room = if high == 0.0 { 1.0 } else { high.abs() * 0.1 };
            (low, high) = (low - room, high + room);
        }
        Colours { low, high, map: scale.map, below: least < low, above: most > high }
    }

    pub(crate) fn at(&self, value: f64) -> Rgb {
        match self.map {
            ColourMap::Sequential => {
                let t = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
                colorous::VIRIDIS.eval_continuous(t).as_array()
            }
            ColourMap::Categories(names) => {
                let last = names.len().saturating_sub(1);
                names.get((value.round().max(0.0) as usize).min(last)).map_or(MISSING, |(_, rgb)| *rgb)
            }
            ColourMap::Diverging { centre } => {
                let centre = centre.clamp(self.low, self.high);
                let t = if value < centre {
                    -((centre - value) / (centre - self.low))
                } else if value > centre {
                    (value - centre) / (self.high - centre)
                } else {
                    0.0
                };
                diverging(t)
            }
        }
    }

    pub(crate) fn describe_end(&self, high: bool) -> &'static str {
        match (high, self.below, self.above) {
            (false, true, _) => "≤",
            (true, _, true) => "≥",
            _ => "",
        }
    }
}

/// Blue (−1) through near-white (0) to orange-brown (1), both arms falling equally in lightness.
fn diverging(t: f64) -> Rgb {
    const BLUE: [Rgb; 4] = [[247, 247, 247], [158, 197, 226], [67, 139, 192], [8, 69, 126]];
    const ORANGE: [Rgb; 4] = [[247, 247, 247], [248, 190, 128], [217, 118, 28], [127, 59, 8]];
    let arm = if t < 0.0 { BLUE } else { ORANGE };
    let along = t.abs().clamp(0.0, 1.0) * 3.0;
    let i = (along as usize).min(2);
    let part = along - i as f64;
    let mix = |c: usize| {
        let v = f64::from(arm[i][c]) * (1.0 - part) + f64::from(arm[i + 1][c]) * part;
        v.round() as u8
    };
    [mix(0), mix(1), mix(2)]
}

/// A value for tooltips.
pub(crate) fn tooltip(row: &str, column: &str, value: f64) -> String {
    format!("{row}, {column}: {}", number::format_value(value, 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_centre_have_the_promised_colours() {
        let scale = ColourScale { label: String::new(), range: None, map: ColourMap::Diverging { centre: 0.0 } };
        let colours = Colours::fit(&scale, [-0.2, 1.0].into_iter());
        assert_eq!([colours.low, colours.high], [-1.0, 1.0]);
        assert_eq!(colours.at(0.0), [247, 247, 247]);
        assert_eq!(colours.at(1.0), [127, 59, 8]);
        assert_eq!(colours.at(-5.0), [8, 69, 126]);
        let scale = ColourScale::default();
        let colours = Colours::fit(&scale, [2.0, 4.0].into_iter());
        assert_eq!(colours.at(2.0), colorous::VIRIDIS.eval_continuous(0.0).as_array());
        assert_eq!(colours.at(4.0), colorous::VIRIDIS.eval_continuous(1.0).as_array());
    }

    #[test]
    fn each_code_has_its_own_colour() {
        let map = ColourMap::Categories(&[("none", [1, 1, 1]), ("some", [2, 2, 2]), ("all", [3, 3, 3])]);
        let colours = Colours::fit(&ColourScale { map, ..ColourScale::default() }, [0.0, 1.0].into_iter());
        assert_eq!([colours.low, colours.high], [-0.5, 2.5], "also of codes that do not occur");
        assert_eq!([-1.0, 0.0, 0.9, 2.0, 7.0].map(|v| colours.at(v)[0]), [1, 1, 2, 3, 3]);
    }

    #[test]
    fn clipped_ends_are_said() {
        let scale = ColourScale { range: Some([0.0, 1.0]), ..ColourScale::default() };
        let colours = Colours::fit(&scale, [-0.1, 0.5].into_iter());
        assert_eq!((colours.describe_end(false), colours.describe_end(true)), ("≤", ""));
    }

    #[test]
    fn equal_values_make_a_scale() {
        for v in [0.0, 3.0, -2.0] {
            let colours = Colours::fit(&ColourScale::default(), [v, v].into_iter());
            assert!(colours.low < v && v < colours.high);
        }
    }

    #[test]
    fn categories_differ_and_text_is_readable() {
        let looks: Vec<_> = (0..18).map(|i| format!("{:?}", category(i))).collect();
        for (i, a) in looks.iter().enumerate() {
            assert!(!looks[i + 1..].contains(a), "{a} twice");
        }
        assert_eq!(text_on([0, 0, 0]), "#ffffff");
        assert_eq!(text_on([255, 255, 200]), "#111111");
    }
}
