//! The data of a figure as a tidy table: one row a drawn number, with a header.

use crate::ReportError;
use crate::draw::histogram as draw_counts;
use crate::figure::{Curves, DotInterval, Figure, FigureKind, HeatMap, Histogram, ImageGrid, Scatter};

/// A table being written.
struct Table {
    out: String,
}

/// A cell of text: quoted where needed, and never a formula for a spreadsheet that opens it.
fn quoted(text: &str) -> String {
    let guarded =
        if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_string() };
    if guarded.contains([',', '"', '\n', '\r']) { format!("\"{}\"", guarded.replace('"', "\"\"")) } else { guarded }
}

/// A number with all its digits; nothing where there is none.
fn cell(value: Option<f64>) -> String {
    value.map(|v| format!("{v}")).unwrap_or_default()
}

impl Table {
    fn new(header: &str) -> Self {
        Table { out: format!("{header}\n") }
    }

    fn row(&mut self, texts: &[&str], numbers: &[Option<f64>]) {
        let cells: Vec<String> = texts.iter().map(|t| quoted(t)).chain(numbers.iter().map(|v| cell(*v))).collect();
        self.out.push_str(&cells.join(","));
        self.out.push('\n');
    }
}

/// The figure's data as CSV: everything drawn, with full precision, missing values as empty cells.
///
/// # Errors
/// Those of [`Figure::check`].
pub fn to_csv(figure: &Figure) -> Result<String, ReportError> {
    figure.check()?;
    let table = match &figure.kind {
        FigureKind::Curves(curves) => curve_rows(curves),
        FigureKind::HeatMap(map) => heat_map_rows(map),
        FigureKind::Histogram(histogram) => histogram_rows(histogram),
        FigureKind::ImageGrid(grid) => image_rows(grid),
        FigureKind::DotInterval(dots) => dot_rows(dots),
        FigureKind::Scatter(scatter) => scatter_rows(scatter),
    };
    Ok(table.out)
}

fn curve_rows(curves: &Curves) -> Table {
    let mut table = Table::new("panel,role,series,run,x,y,low,high");
    for panel in &curves.panels {
        for series in &panel.series {
            for (i, x) in series.x.iter().enumerate() {
                let band = series.band.get(i).copied().flatten();
                let numbers = [Some(*x), series.y[i], band.map(|b| b[0]), band.map(|b| b[1])];
                table.row(&[&panel.title, "series", &series.label, ""], &numbers);
            }
            for (run, values) in &series.runs {
                for (x, y) in series.x.iter().zip(values) {
                    table.row(&[&panel.title, "run", &series.label, run], &[Some(*x), *y, None, None]);
                }
            }
        }
        if let Some(null) = &panel.null {
            for ((x, mean), [low, high]) in null.x.iter().zip(&null.mean).zip(&null.interval) {
                let numbers = [Some(*x), Some(*mean), Some(*low), Some(*high)];
                table.row(&[&panel.title, "null", &null.label, ""], &numbers);
            }
        }
        for threshold in &panel.thresholds {
            let numbers = [None, Some(threshold.value), None, None];
            table.row(&[&panel.title, "threshold", &threshold.label, ""], &numbers);
        }
    }
    table
}

fn heat_map_rows(map: &HeatMap) -> Table {
    let mut table = Table::new("panel,row,column,value");
    for panel in &map.panels {
        for (row, values) in panel.rows.iter().zip(&panel.values) {
            for (column, value) in panel.columns.iter().zip(values) {
                table.row(&[&panel.title, row, column], &[*value]);
            }
        }
    }
    table
}

fn histogram_rows(histogram: &Histogram) -> Table {
    let mut table = Table::new("panel,role,label,value,bin_low,bin_high,count");
    let (ranges, bins) = draw_counts::binning(histogram);
    for (panel, range) in histogram.panels.iter().zip(ranges) {
        for value in &panel.values {
            table.row(&[&panel.title, "value", ""], &[Some(*value), None, None, None]);
        }
        for (b, count) in draw_counts::counts(&panel.values, range, bins).into_iter().enumerate() {
            let edge = |b| Some(draw_counts::edge(range, bins, b));
            table.row(&[&panel.title, "bin", ""], &[None, edge(b), edge(b + 1), Some(count as f64)]);
        }
        for mark in &panel.marks {
            table.row(&[&panel.title, "mark", &mark.label], &[Some(mark.value), None, None, None]);
        }
    }
    table
}

fn image_rows(grid: &ImageGrid) -> Table {
    let mut table = Table::new("row,column,y,x,value");
    for (row, cells) in grid.rows.iter().zip(&grid.cells) {
        for (column, image) in grid.columns.iter().zip(cells) {
            let Some(image) = image else {
                table.row(&[row, column], &[None, None, None]);
                continue;
            };
            for (i, value) in image.values.iter().enumerate() {
                let (y, x) = ((i / image.width) as f64, (i % image.width) as f64);
                // f32 is written by its own shortest form, not by the digits of its widening.
                let value = format!("{value}").parse().unwrap_or(f64::from(*value));
                table.row(&[row, column], &[Some(y), Some(x), Some(value)]);
            }
        }
    }
    table
}

fn dot_rows(dots: &DotInterval) -> Table {
    let mut table = Table::new("panel,role,row,value,low,high,null_low,null_high,status");
    for panel in &dots.panels {
        for row in &panel.rows {
            let ends = |i: Option<[f64; 2]>| (i.map(|v| v[0]), i.map(|v| v[1]));
            let ((low, high), (null_low, null_high)) = (ends(row.interval), ends(row.null));
            let numbers = [row.estimate, low, high, null_low, null_high];
            let numbers: Vec<String> = numbers.into_iter().map(cell).collect();
            let texts = [quoted(&panel.title), "estimate".into(), quoted(&row.label)];
            table.out.push_str(&format!("{},{},{}\n", texts.join(","), numbers.join(","), quoted(&row.status)));
            for (role, values) in [("one_seed", &row.values), ("threshold", &row.thresholds)] {
                for value in values {
                    table.row(&[&panel.title, role, &row.label], &[Some(*value), None, None, None, None, None]);
                }
            }
        }
        for threshold in &panel.thresholds {
            let numbers = [Some(threshold.value), None, None, None, None, None];
            table.row(&[&panel.title, "threshold", &threshold.label], &numbers);
        }
    }
    table
}

fn scatter_rows(scatter: &Scatter) -> Table {
    let mut table = Table::new("panel,class,name,x,y");
    for panel in &scatter.panels {
        for (i, ([x, y], class)) in panel.points.iter().zip(&panel.classes).enumerate() {
            let name = panel.names.get(i).map_or("", String::as_str);
            table.row(&[&panel.title, &scatter.classes[*class], name], &[Some(*x), Some(*y)]);
        }
    }
    table
}
