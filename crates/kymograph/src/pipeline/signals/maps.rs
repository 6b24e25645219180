//! Pictures of the first run: correlations unit by unit and sample by sample, and the augmentations themselves.

use kymograph_findings::Subject;
use kymograph_measures::similarity::correlations as correlate;
use kymograph_nets::Mode;
use kymograph_report::{
    ColourMap, ColourScale, Figure, FigureKind, HeatMap, HeatPanel, Image, ImageGrid, PrintValues, Section, Width,
    grouped,
};
use kymograph_studies::signals::LAYERS;
use kymograph_studies::signals::augment::Augmentation;
use ndarray::{Array2, ArrayView2};

use super::super::capture::Replay;
use super::super::derive::Derivation;
use super::super::sections::place;
use super::augmentation::Augmented;
use super::correlations::layers;
use crate::error::KymographError;

/// Rows and columns of each picture in the grid of all layers.
const CELL: usize = 32;
/// Images beside one another.
const SAMPLES: usize = 10;
/// The first and the last layer, of which single correlations are drawn.
const ENDS: [usize; 2] = [0, LAYERS.len() - 1];

/// The network's first main run that can be replayed.
fn replay<'d>(network: &str, derivation: &'d Derivation<'_>) -> Option<&'d Replay> {
    let main = |s: &&Subject| s.key.network == network && s.key.control.is_none();
    derivation.replays.get(&derivation.subjects.iter().find(main)?.key)
}

pub(super) fn correlations(
    section: &mut Section,
    network: &str,
    derivation: &Derivation<'_>,
) -> Result<(), KymographError> {
    let Some(replay) = replay(network, derivation) else { return Ok(()) };
    let (Some(inputs), [first, .., last]) = (replay.inputs()?, replay.recorded()) else { return Ok(()) };
    let mut within = Vec::new();
    for (when, step) in [("first", *first), ("last", *last)] {
        let arrays = layers(&replay.network(step)?, inputs.view(), Mode::Eval)?;
        let mut cells: Vec<Vec<Option<Array2<f32>>>> = vec![vec![None; arrays.len()]; arrays.len()];
        for (i, x) in arrays.iter().enumerate() {
            for (j, y) in arrays.iter().enumerate().skip(i) {
                // A layer that does not vary has no correlations.
                cells[i][j] = correlate(x.view(), y.view()).ok();
            }
        }
        for (kind, range) in [("clipped", [0.0, 1.0]), ("signed", [-1.0, 1.0])] {
            let caption = format!(
                "Correlations over the probe between units of every two layers (i ≤ j) of the first run at step {}. {} Each \
                 picture shows {CELL} × {CELL} of its cells, of units at equal distances; narrower layers are stretched. Panels \
                 of a linear layer and the normalisation behind it are the same by construction.",
                grouped(step),
                match kind {
                    "clipped" => "Colours from 0 to 1 as published: whatever is negative looks like 0.",
                    _ => "Colours from −1 to 1: what the published colours hide.",
                }
            );
            let title = format!("{network}: correlations between layers, {kind}, step {}", grouped(step));
            place(
                section,
                &format!("{network}-correlation-grid-{kind}-{when}"),
                Some(grid(title, &cells, range)),
                &caption,
            );
        }
        for at in ENDS {
            if let Some(r) = cells.get(at).and_then(|row| row.get(at)?.as_ref()) {
                let names: Vec<String> = (0..r.nrows()).map(|unit| unit.to_string()).collect();
                within.push(panel(format!("{}, step {}", LAYERS[at], grouped(step)), r.view(), names));
            }
        }
    }
    let figure = heat_map(format!("{network}: correlations between the units of a layer"), "unit", within);
    let caption = "Feature × feature: correlations over the probe between the units of the first and of the last layer, of the first \
                   run before and after training.";
    place(section, &format!("{network}-feature-feature"), figure, caption);
    Ok(())
}

fn grid(title: String, cells: &[Vec<Option<Array2<f32>>>], [low, high]: [f64; 2]) -> Figure {
    let names: Vec<String> = LAYERS.iter().map(|layer| (*layer).to_owned()).collect();
    let centred = low < 0.0;
    let picture = |r: &Array2<f32>| {
        let from = |place: usize, units: usize| place * units / CELL;
        let value =
            |at: usize| r[[from(at / CELL, r.nrows()), from(at % CELL, r.ncols())]].clamp(low as f32, high as f32);
        Image { height: CELL, width: CELL, values: (0..CELL * CELL).map(value).collect() }
    };
    Figure {
        title,
        note: "1 seed. Hatched: the same pairs the other way round.".to_owned(),
        width: Width::Double,
        kind: FigureKind::ImageGrid(ImageGrid {
            row_axis: "layer i".to_owned(),
            column_axis: "layer j".to_owned(),
            rows: names.clone(),
            columns: names,
            cells: cells.iter().map(|row| row.iter().map(|r| r.as_ref().map(&picture)).collect()).collect(),
            colour: ColourScale {
                label: if centred { "r" } else { "max(0, r)" }.to_owned(),
                range: Some([low, high]),
                map: if centred { ColourMap::Diverging { centre: 0.0 } } else { ColourMap::Sequential },
            },
        }),
    }
}

fn panel(title: String, r: ArrayView2<'_, f32>, names: Vec<String>) -> HeatPanel {
    let values = r.outer_iter().map(|row| row.iter().map(|v| Some(f64::from(*v))).collect()).collect();
    HeatPanel { title, rows: names.clone(), columns: names, values }
}

fn heat_map(title: String, axis: &str, panels: Vec<HeatPanel>) -> Option<Figure> {
    (!panels.is_empty()).then(|| Figure {
        title,
        note: "1 seed. White is no correlation.".to_owned(),
        width: Width::Double,
        kind: FigureKind::HeatMap(HeatMap {
            row_axis: axis.to_owned(),
            column_axis: axis.to_owned(),
            colour: ColourScale {
                label: "r".to_owned(),
                range: Some([-1.0, 1.0]),
                map: ColourMap::Diverging { centre: 0.0 },
            },
            panels,
            print: PrintValues::Never,
            decimals: 2,
            square: true,
        }),
    })
}

pub(super) fn augmentations(
    section: &mut Section,
    network: &str,
    augmented: &Augmented,
    derivation: &Derivation<'_>,
) -> Result<(), KymographError> {
    let caption = "Each kind of augmentation, drawn anew for every image; the first row are the images themselves. The same \
                   augmentations are taken of every run.";
    place(section, &format!("{network}-augmentations"), samples(augmented), caption);
    let Some(replay) = replay(network, derivation) else { return Ok(()) };
    let Some(&last) = replay.recorded().last() else { return Ok(()) };
    let batch = augmented.images.batch(0, augmented.augmentations);
    let arrays = layers(&replay.network(last)?, batch.view(), Mode::Eval)?;
    let mut order: Vec<usize> = (0..augmented.augmentations).collect();
    order.sort_by_key(|number| Augmentation::of(*number));
    let names: Vec<String> = order.iter().map(|number| Augmentation::of(*number).name().to_owned()).collect();
    let mut panels = Vec::new();
    for at in ENDS {
        let Some(x) = arrays.get(at) else { continue };
        let sorted = x.select(ndarray::Axis(0), &order);
        if let Ok(r) = correlate(sorted.t(), sorted.t()) {
            panels.push(panel(format!("{}, step {}", LAYERS[at], grouped(last)), r.view(), names.clone()));
        }
    }
    let figure =
        heat_map(format!("{network}: correlations between augmentations of one image"), "augmentation", panels);
    let caption = format!(
        "Sample × sample: correlations over units between the {} augmentations of one image, sorted by kind, in the first and the \
         last layer of the first run. At ten outputs of a softmax such a correlation says little more than whether two samples \
         are given the same class.",
        augmented.augmentations
    );
    place(section, &format!("{network}-sample-sample"), figure, &caption);
    Ok(())
}

fn samples(augmented: &Augmented) -> Option<Figure> {
    let count = SAMPLES.min(augmented.images.grey.len());
    let kinds = Augmentation::ALL.len();
    if count == 0 || augmented.augmentations < kinds {
        return None;
    }
    let image = |grey: &Array2<f32>| {
        Some(Image { height: grey.nrows(), width: grey.ncols(), values: grey.iter().copied().collect() })
    };
    let mut rows = vec!["none".to_owned()];
    let mut cells = vec![(0..count).map(|i| image(&augmented.images.grey[i])).collect::<Vec<_>>()];
    for (kind, of) in Augmentation::ALL.iter().enumerate() {
        rows.push(of.name().to_owned());
        cells.push((0..count).map(|i| image(&augmented.images.augmented(i, kind))).collect());
    }
    Some(Figure {
        title: "Augmentations".to_owned(),
        note: "Grey levels from 0 to 1.".to_owned(),
        width: Width::Double,
        kind: FigureKind::ImageGrid(ImageGrid {
            row_axis: String::new(),
            column_axis: "image of the probe".to_owned(),
            rows,
            columns: (0..count).map(|i| i.to_string()).collect(),
            cells,
            colour: ColourScale { label: "grey level".to_owned(), range: Some([0.0, 1.0]), map: ColourMap::Sequential },
        }),
    })
}
