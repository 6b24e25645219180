//! Figures of few numbers: histograms with marked values, and estimates with their intervals.

use super::{Axis, Threshold};

/// Distributions over seeds or draws, with marked values.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Histogram {
    /// The quantity.
    pub x: Axis,
    /// Label of the vertical axis, such as `k-means seeds`.
    pub count_label: String,
    /// Number of bins over the shared range; the square root of the largest panel's count (at least 8) when `None`.
    pub bins: Option<usize>,
    /// Whether the panels share their horizontal range.
    pub shared_x: bool,
    /// The panels.
    pub panels: Vec<HistogramPanel>,
}

/// One distribution.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct HistogramPanel {
    /// Title above.
    pub title: String,
    /// The values counted.
    pub values: Vec<f64>,
    /// Values marked by a vertical line.
    pub marks: Vec<Mark>,
}

/// A marked value. Marks of equal label look alike in every panel.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Mark {
    /// Where.
    pub value: f64,
    /// Name in the legend, such as `published`.
    pub label: String,
}

/// Estimates with intervals, a row each, in panels that have their own axis each (one panel a quantity).
#[derive(Clone, Debug, PartialEq, Default)]
pub struct DotInterval {
    /// What the interval is, for the legend: `95 % interval over seeds`.
    pub interval_label: String,
    /// What the grey bar is, for the legend: `null, central 95 %`.
    pub null_label: String,
    /// The panels.
    pub panels: Vec<DotPanel>,
}

/// Rows that share an axis.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct DotPanel {
    /// Title above.
    pub title: String,
    /// The axis.
    pub x: Axis,
    /// Dashed vertical lines through all rows.
    pub thresholds: Vec<Threshold>,
    /// The rows, from the top.
    pub rows: Vec<DotRow>,
}

/// One estimate.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct DotRow {
    /// Name at the left.
    pub label: String,
    /// The estimate; `None` was not measured, which the row then says.
    pub estimate: Option<f64>,
    /// Its interval.
    pub interval: Option<[f64; 2]>,
    /// Interval of its null.
    pub null: Option<[f64; 2]>,
    /// Single values behind the estimate, such as one a seed.
    pub values: Vec<f64>,
    /// Thresholds of this row alone, drawn as short dashed ticks.
    pub thresholds: Vec<f64>,
    /// Word at the right, such as `held`.
    pub status: String,
}
