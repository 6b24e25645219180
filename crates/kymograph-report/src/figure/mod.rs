//! Figures as data: what is to be shown, before any drawing. A figure is checked once, by [`Figure::check`], and every
//! writer (SVG, PNG, CSV) starts there.

mod check;
mod curves;
mod grids;
mod marks;
mod scatter;

pub use curves::{CurvePanel, Curves, NullBand, Series, Threshold};
pub use grids::{ColourMap, ColourScale, HeatMap, HeatPanel, Image, ImageGrid, PrintValues};
pub use marks::{DotInterval, DotPanel, DotRow, Histogram, HistogramPanel, Mark};
pub use scatter::{Scatter, ScatterPanel};

/// Width at print size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Width {
    /// One column of a paper, 90 mm.
    Single,
    /// Both columns, 180 mm.
    #[default]
    Double,
}

impl Width {
    /// Width in CSS pixels (96 to the inch).
    #[must_use]
    pub fn pixels(self) -> f64 {
        match self {
            Width::Single => 340.0,
            Width::Double => 680.0,
        }
    }
}

/// How a number becomes a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AxisScale {
    /// Equal differences are equally long.
    #[default]
    Linear,
    /// Equal ratios are equally long; only positive numbers.
    Log,
    /// Linear from 0 to 1 and logarithmic above, one doubling as long as the way from 0 to 1: for steps 0, 1, 2, 4 …
    /// Only numbers from 0 up.
    SymlogFromZero,
}

/// An axis: its label with the unit, its scale, and its range where it is fixed.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Axis {
    /// Label, with the unit: `angular speed (rad per step)`.
    pub label: String,
    /// The scale.
    pub scale: AxisScale,
    /// Fixed ends; found from the data when `None`. Data beyond fixed ends widen them.
    pub range: Option<[f64; 2]>,
}

impl Axis {
    /// A linear axis that fits the data.
    #[must_use]
    pub fn linear(label: impl Into<String>) -> Self {
        Axis { label: label.into(), scale: AxisScale::Linear, range: None }
    }

    /// An axis over training steps: [`AxisScale::SymlogFromZero`] when the steps start at 0 and span more than two
    /// decades, logarithmic when they are positive and span more than one, else linear.
    #[must_use]
    pub fn steps(steps: impl IntoIterator<Item = u64>) -> Self {
        let mut steps: Vec<u64> = steps.into_iter().collect();
        steps.sort_unstable();
        steps.dedup();
        let last = steps.last().copied().unwrap_or(0) as f64;
        let first_positive = steps.iter().copied().find(|s| *s > 0).unwrap_or(1) as f64;
        let evenly = steps.len() > 3 && steps.windows(3).all(|w| w[2] - w[1] == w[1] - w[0]);
        let scale = if evenly {
            AxisScale::Linear
        } else if steps.first() == Some(&0) {
            if last >= 100.0 && steps.len() > 3 { AxisScale::SymlogFromZero } else { AxisScale::Linear }
        } else if last / first_positive >= 10.0 {
            AxisScale::Log
        } else {
            AxisScale::Linear
        };
        Axis { label: "step".into(), scale, range: None }
    }
}

/// A figure: what it shows, and the line below it that says what intervals and bands mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Title drawn above; may be empty.
    pub title: String,
    /// Line drawn below: n, what the band and the grey null are.
    pub note: String,
    /// Print width.
    pub width: Width,
    /// What is drawn.
    pub kind: FigureKind,
}

/// The kinds of figure.
#[derive(Clone, Debug, PartialEq)]
pub enum FigureKind {
    /// Curves over steps, as small multiples.
    Curves(Curves),
    /// Coloured matrices with one colour bar.
    HeatMap(HeatMap),
    /// Distributions with marked values.
    Histogram(Histogram),
    /// Small images in rows and columns with one colour bar.
    ImageGrid(ImageGrid),
    /// Estimates with intervals, a row each.
    DotInterval(DotInterval),
    /// Points in the plane, coloured by class.
    Scatter(Scatter),
}
