//! Weights and features as they are, as heat maps.

use kymograph_findings::Subject;
use kymograph_report::{
    ColourMap, ColourScale, Figure, FigureKind, HeatMap, HeatPanel, PrintValues, Section, Width, grouped,
};
use kymograph_runs::Checkpoint;
use ndarray::{Array2, ArrayView2, Ix2};

use super::super::derive::Derivation;
use super::super::sections::place;
use super::layers::{activations_of, late, relus, runs};
use crate::error::KymographError;

/// Rows and columns drawn at most; of larger arrays every so manieth.
const MOST_EXAMPLES: usize = 128;
const MOST: usize = 64;

pub(super) fn section(network: &str, derivation: &Derivation<'_>) -> Result<Section, KymographError> {
    let mut section = Section { title: format!("{network}: weights and features as they are"), ..Section::default() };
    let Some(run) = runs(network, derivation).into_iter().next() else { return Ok(section) };
    let caption = "Every weight of the first run at the last step, unit by input, as a share of its largest magnitude; those with \
                   more units than inputs lie on their side. Of large ones evenly spaced units and inputs are drawn.";
    place(&mut section, &format!("{network}-weight-maps"), weights(network, run, derivation)?, caption);
    let caption = "The outputs of every ReLU of the first run at the last step, unit by image, as a share of the layer's largest. \
                   Images are sorted by class, so that what a class has in common stands as a band; of wide layers evenly \
                   spaced units are drawn.";
    place(&mut section, &format!("{network}-feature-maps"), features(network, run, derivation)?, caption);
    Ok(section)
}

/// Evenly spaced places, `most` of them or all where there are fewer.
fn spaced(n: usize, most: usize) -> Vec<usize> {
    let count = n.min(most);
    (0..count).map(|i| i * n / count).collect()
}

/// The chosen rows and columns, with their names, over the largest magnitude of all.
fn panel(
    title: String,
    x: ArrayView2<'_, f32>,
    (rows, row_names): (&[usize], Vec<String>),
    (columns, column_names): (&[usize], Vec<String>),
) -> HeatPanel {
    let largest = x.iter().fold(0.0_f32, |largest, v| largest.max(v.abs()));
    let share = |value: f32| if largest > 0.0 { f64::from(value / largest) } else { 0.0 };
    let row = |row: &usize| columns.iter().map(|column| Some(share(x[[*row, *column]]))).collect();
    HeatPanel { title, rows: row_names, columns: column_names, values: rows.iter().map(row).collect() }
}

/// Counted from 1.
fn numbers(places: &[usize]) -> Vec<String> {
    places.iter().map(|place| grouped(*place as u64 + 1)).collect()
}

fn weights(network: &str, run: &Subject, derivation: &Derivation<'_>) -> Result<Option<Figure>, KymographError> {
    let Some(path) = run.parameters.get(&late(derivation)) else { return Ok(None) };
    let checkpoint = Checkpoint::open(path)?;
    let mut panels = Vec::new();
    for info in checkpoint.tensors().iter().filter(|info| info.shape.len() == 2) {
        let Ok(x) = checkpoint.read_f32(&info.name)?.into_dimensionality::<Ix2>() else { continue };
        let (units, inputs) = x.dim();
        // A narrow layer lies on its side, so that the page has room for all.
        let (x, turned) = if units > inputs { (x.t(), ", turned") } else { (x.view(), "") };
        let (rows, columns) = (spaced(x.nrows(), MOST), spaced(x.ncols(), MOST));
        let title = format!("{} ({units} × {inputs}{turned})", info.name.trim_end_matches(".weight"));
        panels.push(panel(title, x, (&rows, numbers(&rows)), (&columns, numbers(&columns))));
    }
    let colour = ColourScale {
        label: "weight / largest".to_owned(),
        range: Some([-1.0, 1.0]),
        map: ColourMap::Diverging { centre: 0.0 },
    };
    Ok(figure(format!("{network}: weights"), run, ("unit", "input"), panels, colour))
}

fn features(network: &str, run: &Subject, derivation: &Derivation<'_>) -> Result<Option<Figure>, KymographError> {
    let mut panels = Vec::new();
    for layer in relus(run)? {
        let Some(x) = activations_of(derivation, run, late(derivation), &layer)? else { continue };
        let (images, classes) = by_class(&x, run);
        let units = spaced(x.ncols(), MOST);
        let title = format!("{layer} ({} units)", x.ncols());
        panels.push(panel(title, x.t(), (&units, numbers(&units)), (&images, classes)));
    }
    let colour =
        ColourScale { label: "output / largest".to_owned(), range: Some([0.0, 1.0]), map: ColourMap::Sequential };
    Ok(figure(format!("{network}: features, images sorted by class"), run, ("unit", "image, by class"), panels, colour))
}

/// Some of the images, sorted by their classes, and those as names.
fn by_class(x: &Array2<f32>, run: &Subject) -> (Vec<usize>, Vec<String>) {
    let class = |row: usize| run.labels.as_ref().and_then(|labels| labels.get(row)).copied().unwrap_or_default();
    let mut rows: Vec<usize> = (0..x.nrows()).collect();
    rows.sort_by_key(|row| class(*row));
    let rows: Vec<usize> = spaced(rows.len(), MOST_EXAMPLES).into_iter().map(|at| rows[at]).collect();
    let names = rows.iter().map(|row| class(*row).to_string()).collect();
    (rows, names)
}

fn figure(
    title: String,
    run: &Subject,
    (row_axis, column_axis): (&str, &str),
    panels: Vec<HeatPanel>,
    colour: ColourScale,
) -> Option<Figure> {
    let map = HeatMap {
        row_axis: row_axis.to_owned(),
        column_axis: column_axis.to_owned(),
        colour,
        panels,
        print: PrintValues::Never,
        decimals: 2,
        square: true,
    };
    let some = !map.panels.is_empty();
    let note = format!("{}, last step.", run.key);
    some.then_some(Figure { title, note, width: Width::Double, kind: FigureKind::HeatMap(map) })
}
