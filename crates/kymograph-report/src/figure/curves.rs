//! Curves over steps: one panel a layer or a quantity, with bands over seeds, the null behind and thresholds.

use super::Axis;

/// Small multiples of curves that share their horizontal axis.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Curves {
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Whether all panels use one vertical range, so that heights compare across panels.
    pub shared_y: bool,
    /// The panels, in reading order. Series of equal label look alike in every panel and stand in the legend once.
    pub panels: Vec<CurvePanel>,
}

/// One panel.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct CurvePanel {
    /// Title above the panel, such as the layer's name.
    pub title: String,
    /// The curves.
    pub series: Vec<Series>,
    /// What noise gives, drawn grey behind everything.
    pub null: Option<NullBand>,
    /// Dashed horizontal lines.
    pub thresholds: Vec<Threshold>,
}

/// One curve.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Series {
    /// Name in the legend.
    pub label: String,
    /// Horizontal positions, ascending.
    pub x: Vec<f64>,
    /// Heights; `None` breaks the line.
    pub y: Vec<Option<f64>>,
    /// Interval about each height, such as a 95 % interval over seeds; empty when there is none.
    pub band: Vec<Option<[f64; 2]>>,
    /// One thin line a seed, each with its name and a height at every `x`.
    pub runs: Vec<(String, Vec<Option<f64>>)>,
}

/// The ribbon of a null.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct NullBand {
    /// Name in the legend, such as `null: permuted units`.
    pub label: String,
    /// Horizontal positions, ascending.
    pub x: Vec<f64>,
    /// Mean at each position.
    pub mean: Vec<f64>,
    /// Interval at each position.
    pub interval: Vec<[f64; 2]>,
}

/// A dashed line at a value.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Threshold {
    /// Where.
    pub value: f64,
    /// Name in the legend.
    pub label: String,
}
