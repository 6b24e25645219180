//! Checks a figure once, so that drawing code may rely on finite numbers and matching lengths.

use super::{AxisScale, ColourMap, Curves, DotInterval, Figure, FigureKind, HeatMap, Histogram, ImageGrid, Scatter};
use crate::ReportError;

/// The figure being checked, for error messages.
struct Checker<'a> {
    figure: &'a str,
}

impl Checker<'_> {
    fn empty(&self, what: &str) -> ReportError {
        ReportError::Empty { figure: self.figure.into(), what: what.into() }
    }

    fn finite(&self, value: f64, place: &str) -> Result<(), ReportError> {
        if value.is_finite() {
            Ok(())
        } else {
            Err(ReportError::NotFinite { figure: self.figure.into(), place: place.into(), value })
        }
    }

    fn all_finite(&self, values: impl IntoIterator<Item = f64>, place: &str) -> Result<(), ReportError> {
        values.into_iter().try_for_each(|v| self.finite(v, place))
    }

    fn length(&self, what: &str, found: usize, expected: usize, place: &str) -> Result<(), ReportError> {
        if found == expected {
            return Ok(());
        }
        Err(ReportError::Shape { figure: self.figure.into(), what: what.into(), expected, found, place: place.into() })
    }

    fn on_scale(&self, value: f64, scale: AxisScale, place: &str) -> Result<(), ReportError> {
        self.finite(value, place)?;
        let (fits, scale) = match scale {
            AxisScale::Linear => (true, "linear"),
            AxisScale::Log => (value > 0.0, "logarithmic"),
            AxisScale::SymlogFromZero => (value >= 0.0, "symlog-from-0"),
        };
        if fits {
            return Ok(());
        }
        Err(ReportError::OutsideScale { figure: self.figure.into(), place: place.into(), value, scale })
    }

    fn range(&self, range: Option<[f64; 2]>, place: &str) -> Result<(), ReportError> {
        self.all_finite(range.into_iter().flatten(), place)
    }

    fn curves(&self, curves: &Curves) -> Result<(), ReportError> {
        let mut drawn = 0;
        self.range(curves.x.range, "the x range")?;
        self.range(curves.y.range, "the y range")?;
        for panel in &curves.panels {
            for series in &panel.series {
                let place = format!("series '{}' of panel '{}'", series.label, panel.title);
                self.length("heights", series.y.len(), series.x.len(), &place)?;
                if !series.band.is_empty() {
                    self.length("intervals", series.band.len(), series.x.len(), &place)?;
                }
                series.x.iter().try_for_each(|x| self.on_scale(*x, curves.x.scale, &place))?;
                for y in series.y.iter().flatten() {
                    self.on_scale(*y, curves.y.scale, &place)?;
                    drawn += 1;
                }
                for end in series.band.iter().flatten().flatten() {
                    self.on_scale(*end, curves.y.scale, &format!("the band of {place}"))?;
                }
                for (run, values) in &series.runs {
                    let place = format!("run '{run}' of {place}");
                    self.length("heights", values.len(), series.x.len(), &place)?;
                    for y in values.iter().flatten() {
                        self.on_scale(*y, curves.y.scale, &place)?;
                        drawn += 1;
                    }
                }
            }
            if let Some(null) = &panel.null {
                let place = format!("the null of panel '{}'", panel.title);
                self.length("means", null.mean.len(), null.x.len(), &place)?;
                self.length("intervals", null.interval.len(), null.x.len(), &place)?;
                null.x.iter().try_for_each(|x| self.on_scale(*x, curves.x.scale, &place))?;
                for y in null.mean.iter().chain(null.interval.iter().flatten()) {
                    self.on_scale(*y, curves.y.scale, &place)?;
                }
            }
            for threshold in &panel.thresholds {
                self.on_scale(threshold.value, curves.y.scale, &format!("threshold '{}'", threshold.label))?;
            }
        }
        if drawn == 0 { Err(self.empty("no series has a value")) } else { Ok(()) }
    }

    fn colour(&self, colour: &super::ColourScale) -> Result<(), ReportError> {
        self.range(colour.range, "the colour range")?;
        match colour.map {
            ColourMap::Diverging { centre } => self.finite(centre, "the colour centre"),
            ColourMap::Categories([]) => Err(self.empty("no categories")),
            ColourMap::Sequential | ColourMap::Categories(_) => Ok(()),
        }
    }

    fn heat_map(&self, map: &HeatMap) -> Result<(), ReportError> {
        self.colour(&map.colour)?;
        let mut drawn = 0;
        for panel in &map.panels {
            let place = format!("panel '{}'", panel.title);
            self.length("rows of values", panel.values.len(), panel.rows.len(), &place)?;
            for (row, values) in panel.rows.iter().zip(&panel.values) {
                let place = format!("row '{row}' of {place}");
                self.length("values", values.len(), panel.columns.len(), &place)?;
                self.all_finite(values.iter().flatten().copied(), &place)?;
                drawn += values.iter().flatten().count();
            }
        }
        if drawn == 0 { Err(self.empty("no cell has a value")) } else { Ok(()) }
    }

    fn image_grid(&self, grid: &ImageGrid) -> Result<(), ReportError> {
        self.colour(&grid.colour)?;
        self.length("rows of cells", grid.cells.len(), grid.rows.len(), "the grid")?;
        let mut drawn = 0;
        for (row, cells) in grid.rows.iter().zip(&grid.cells) {
            let place = format!("row '{row}'");
            self.length("cells", cells.len(), grid.columns.len(), &place)?;
            for image in cells.iter().flatten() {
                self.length("pixels", image.values.len(), image.height * image.width, &place)?;
                self.all_finite(image.values.iter().map(|v| f64::from(*v)), &place)?;
                drawn += image.values.len();
            }
        }
        if drawn == 0 { Err(self.empty("no cell holds an image")) } else { Ok(()) }
    }

    fn histogram(&self, histogram: &Histogram) -> Result<(), ReportError> {
        self.range(histogram.x.range, "the x range")?;
        if histogram.bins == Some(0) {
            return Err(self.empty("0 bins"));
        }
        let mut drawn = 0;
        for panel in &histogram.panels {
            let place = format!("panel '{}'", panel.title);
            panel.values.iter().try_for_each(|v| self.on_scale(*v, histogram.x.scale, &place))?;
            for mark in &panel.marks {
                self.on_scale(mark.value, histogram.x.scale, &format!("mark '{}'", mark.label))?;
            }
            drawn += panel.values.len();
        }
        if drawn == 0 { Err(self.empty("no panel has a value")) } else { Ok(()) }
    }

    fn dots(&self, dots: &DotInterval) -> Result<(), ReportError> {
        let mut rows = 0;
        for panel in &dots.panels {
            self.range(panel.x.range, "the x range")?;
            for threshold in &panel.thresholds {
                self.on_scale(threshold.value, panel.x.scale, &format!("threshold '{}'", threshold.label))?;
            }
            for row in &panel.rows {
                let place = format!("row '{}' of panel '{}'", row.label, panel.title);
                let ends = row.interval.iter().chain(row.null.iter()).flatten();
                let singles = row.values.iter().chain(&row.thresholds).chain(row.estimate.iter());
                ends.chain(singles).try_for_each(|v| self.on_scale(*v, panel.x.scale, &place))?;
            }
            rows += panel.rows.len();
        }
        if rows == 0 { Err(self.empty("no rows")) } else { Ok(()) }
    }

    fn scatter(&self, scatter: &Scatter) -> Result<(), ReportError> {
        let mut drawn = 0;
        for panel in &scatter.panels {
            let place = format!("panel '{}'", panel.title);
            self.length("classes", panel.classes.len(), panel.points.len(), &place)?;
            if !panel.names.is_empty() {
                self.length("names", panel.names.len(), panel.points.len(), &place)?;
            }
            let unknown = panel.classes.iter().find(|class| **class >= scatter.classes.len());
            if let Some(class) = unknown {
                self.length("named classes", scatter.classes.len(), class + 1, &place)?;
            }
            self.all_finite(panel.points.iter().flatten().copied(), &place)?;
            self.all_finite(panel.range.iter().flatten().flatten().copied(), &place)?;
            drawn += panel.points.len();
        }
        if drawn == 0 { Err(self.empty("no panel has a point")) } else { Ok(()) }
    }
}

impl Figure {
    /// Whether the figure can be drawn: it holds something, all numbers are finite and fit their scales, and lists that
    /// belong together are equally long.
    ///
    /// # Errors
    /// [`ReportError::Empty`], [`ReportError::NotFinite`], [`ReportError::Shape`] or [`ReportError::OutsideScale`],
    /// naming the panel, series or row.
    pub fn check(&self) -> Result<(), ReportError> {
        let checker = Checker { figure: &self.title };
        match &self.kind {
            FigureKind::Curves(curves) => checker.curves(curves),
            FigureKind::HeatMap(map) => checker.heat_map(map),
            FigureKind::Histogram(histogram) => checker.histogram(histogram),
            FigureKind::ImageGrid(grid) => checker.image_grid(grid),
            FigureKind::DotInterval(dots) => checker.dots(dots),
            FigureKind::Scatter(scatter) => checker.scatter(scatter),
        }
    }
}
