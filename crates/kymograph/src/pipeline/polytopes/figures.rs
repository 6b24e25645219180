//! The study's figures.

use kymograph_findings::Finding;
use kymograph_report::{
    Axis, AxisScale, CurvePanel, Curves, DotInterval, DotPanel, DotRow, Figure, FigureKind, Histogram, HistogramPanel,
    Mark, NullBand, Section, Series, Threshold, Width,
};

use super::super::derive::Derivation;
use super::super::page::{mean_of, networks};
use super::super::sections::place;
use super::clusters::{CODE, COMPONENTS_OF, DICTIONARY_OF};
use super::density::{BINS, REACH};
use super::tables::{CENTRES, MAPS, METHODS, late, of, option, seeds};
use super::validity::RANDOM;

/// What holds for all networks.
pub(super) fn boundaries(derivation: &Derivation<'_>, rows: &[Finding]) -> Section {
    let mut section = Section { title: "Boundaries between images".to_owned(), ..Section::default() };
    place(
        &mut section,
        "boundary-density",
        ways(derivation, rows),
        "Boundaries crossed on the way between two images for each unit of length, at the last step: within a class, to an \
         image of another class as far away (the one whose distance is nearest to that of the pair within the class), in a random \
         direction just as far, to an augmentation of the image, and in a random direction as far as that. Counts are exact; for \
         GELU and tanh, which have no boundaries, the total variation of the soft code stands in their place. Grey: the \
         same network before training. More boundaries would follow from more units alone, so networks are to be compared \
         with themselves.",
    );
    place(
        &mut section,
        "boundary-ratio",
        ratios(derivation, rows),
        "Density between classes over density within, pairs matched in length, over training: at the pixels and behind each \
         layer. 1: boundaries know nothing of classes. Grey: pairs exchanged at random, which is the null of this ratio on the \
         trained networks. Lines of the control learned labels dealt out at random.",
    );
    section
}

/// The mean over main runs and the range of the null of a kind.
fn null_of(found: &[&Finding], kind: &str) -> Option<[f64; 2]> {
    let nulls: Vec<_> = found.iter().filter_map(|f| f.nulls.iter().find(|n| n.kind == kind)).collect();
    let mean = |end: usize| mean_of(&nulls.iter().map(|n| n.interval[end]).collect::<Vec<_>>());
    (!nulls.is_empty()).then(|| [mean(0), mean(1)])
}

fn dot(label: &str, found: &[&Finding], null: &str) -> Option<DotRow> {
    let values: Vec<f64> = found.iter().filter_map(|f| f.value).collect();
    if values.is_empty() {
        return None;
    }
    let interval = match values.len() {
        1 => found[0].interval,
        _ => seeds(&values),
    };
    Some(DotRow {
        label: label.to_owned(),
        estimate: Some(mean_of(&values)),
        interval,
        null: null_of(found, null),
        values: if values.len() > 1 { values } else { Vec::new() },
        ..DotRow::default()
    })
}

fn dots(title: &str, interval: &str, null: &str, panels: Vec<DotPanel>, note: &str) -> Option<Figure> {
    let panels: Vec<DotPanel> = panels.into_iter().filter(|panel| !panel.rows.is_empty()).collect();
    let kind = DotInterval { interval_label: interval.to_owned(), null_label: null.to_owned(), panels };
    (!kind.panels.is_empty()).then(|| Figure {
        title: title.to_owned(),
        note: note.to_owned(),
        width: Width::Double,
        kind: FigureKind::DotInterval(kind),
    })
}

const NOTE: &str = "Numbers: ways, two an image, on which the answer changes. A random move of factor f is as long as |f − 1| times the layer.";
const INTERVAL: &str = "95 % over seeds, or over pairs and images of one seed";

fn ways(derivation: &Derivation<'_>, rows: &[Finding]) -> Option<Figure> {
    let step = late(derivation);
    let panels = networks(derivation).into_iter().map(|network| {
        let kinds = ["same class", "other class", "random direction", "augmented", "random, as far as augmented"];
        let row = |kind: &&str| {
            let hard = of(rows, "boundary_density", &network, step, "input", &[("pairs", kind), ("path", "straight")]);
            let soft = of(rows, "soft_code_density", &network, step, "input", &[("pairs", kind)]);
            dot(kind, &[hard, soft].concat(), "untrained")
        };
        DotPanel {
            title: network.clone(),
            x: Axis::linear("for each unit of length"),
            thresholds: Vec::new(),
            rows: kinds.iter().filter_map(row).collect(),
        }
    });
    dots(
        "Boundaries between images",
        INTERVAL,
        "before training",
        panels.collect(),
        "Length in units of the network's input.",
    )
}

fn ratios(derivation: &Derivation<'_>, rows: &[Finding]) -> Option<Figure> {
    let mut panels = Vec::new();
    for network in networks(derivation) {
        let mut panel = CurvePanel { title: network.clone(), ..CurvePanel::default() };
        let mut band = NullBand { label: "pairs exchanged".to_owned(), ..NullBand::default() };
        for measure in ["boundary_density_ratio", "soft_code_density_ratio"] {
            let fits = |f: &&Finding| {
                f.measure == measure && f.run.network == network && option(f, "path").is_none_or(|p| p == "straight")
            };
            let all: Vec<&Finding> = rows.iter().filter(fits).collect();
            let mut keys: Vec<(Option<String>, String)> = Vec::new();
            for f in &all {
                let key = (f.run.control.clone(), f.array.clone());
                if !keys.contains(&key) && (key.0.is_none() || key.1 == "input") {
                    keys.push(key);
                }
            }
            for (control, array) in keys {
                let own = |f: &&&Finding| f.run.control == control && f.array == array;
                let mut steps: Vec<u64> = all.iter().filter(own).flat_map(|f| f.steps.clone()).collect();
                steps.sort_unstable();
                steps.dedup();
                let at = |step: u64| -> Vec<&Finding> {
                    all.iter().filter(own).filter(|f| f.steps == [step]).copied().collect()
                };
                let values = |step: u64| at(step).iter().filter_map(|f| f.value).collect::<Vec<f64>>();
                let label = match &control {
                    Some(control) => format!("{array}, {}", control.replace('_', " ")),
                    None => array.clone(),
                };
                panel.series.push(Series {
                    label,
                    x: steps.iter().map(|s| *s as f64).collect(),
                    y: steps.iter().map(|&s| Some(values(s)).filter(|v| !v.is_empty()).map(|v| mean_of(&v))).collect(),
                    band: steps.iter().map(|&s| seeds(&values(s))).collect(),
                    ..Series::default()
                });
                if control.is_none() && array == "input" {
                    for &step in &steps {
                        let Some(ends) = null_of(&at(step), "pairs_exchanged") else { continue };
                        band.x.push(step as f64);
                        band.mean.push(0.5 * (ends[0] + ends[1]));
                        band.interval.push(ends);
                    }
                }
            }
        }
        panel.null = Some(band).filter(|band| !band.x.is_empty());
        panel.thresholds.push(Threshold { value: 1.0, label: "as many".to_owned() });
        if panel.series.iter().any(|s| s.y.iter().any(Option::is_some)) {
            panels.push(panel);
        }
    }
    let steps = rows.iter().flat_map(|f| f.steps.clone());
    let kind = Curves { x: Axis::steps(steps), y: Axis::linear("between over within"), shared_y: true, panels };
    (!kind.panels.is_empty()).then(|| Figure {
        title: "Boundaries between classes over boundaries within".to_owned(),
        note: "Mean over seeds with its 95 % t-interval where there are several.".to_owned(),
        width: Width::Double,
        kind: FigureKind::Curves(kind),
    })
}

/// What is shown of each network.
pub(super) fn of_network(
    network: &str,
    derivation: &Derivation<'_>,
    rows: &[Finding],
    planes: &[(String, String, Figure)],
) -> Section {
    let mut section = Section { title: format!("{network}: regions, codes and maps"), ..Section::default() };
    for (_, from, figure) in planes.iter().filter(|(of, ..)| of == network) {
        let name = format!("{network}-plane-{from}");
        let caption = format!(
            "The plane of {from} through three images of different classes, of the first run at the last step: where each layer's \
             code changes from pixel to pixel, and where the answer does. Boundaries of a deeper layer bend at those before. \
             With smooth activations the lines are where inputs of units are zero and nothing else happens there."
        );
        place(&mut section, &name, Some(figure.clone()), &caption);
    }
    place(
        &mut section,
        &format!("{network}-exchange"),
        exchange(network, derivation, rows),
        "How much of the answer is the code: images pass through the affine map of another image's code (its own, of a random \
         image of the same class, of the image with the nearest code, of the mean code of its class, of an image of another class), \
         and are judged by their own label and by the label of the image whose map it is. Where a foreign map answers with its \
         owner's label, the code decided. Maps of the image's own class are chosen by its label, and may do better than its own. Dashed: a class at random. Grey: before training.",
    );
    place(
        &mut section,
        &format!("{network}-rivals"),
        rivals(network, derivation, rows),
        "Could N centres with N affine maps stand for the network? k-means centres in pixels, fitted on half of the images and five augmentations of \
         each, and the other half answered by the map of the nearest centre: by least squares on the network's outputs (ridge of a tenth of the cell's mean \
         squared distance from its mean), and by the network's own affine map at the centre. One centre is a single affine map. Grey: the same \
         least squares in cells of the same sizes dealt out at random.",
    );
    place(
        &mut section,
        &format!("{network}-scaling"),
        scaling(network, derivation, rows),
        "Factors at which the answer changes when a layer's activations are scaled from 1 to ¼ and from 1 to 4 (first run, last step, \
         images whose answer changes at all), beside moves in a random direction that are as long. A change under scaling alone \
         says that the direction is read alike over a limited range only; the random moves say how much of that is any \
         move of such a size.",
    );
    place(
        &mut section,
        &format!("{network}-radius"),
        radius(network, derivation, rows),
        "Boundaries along rays from the origin of the scaled pixels (an even grey, the mean of all pixels) for each unit of length, \
         against the distance in units of the images' median norm: rays through images and in random directions, before \
         and after training. Far out no new boundary comes: every unit's plane lies at a finite distance.",
    );
    place(
        &mut section,
        &format!("{network}-purity"),
        purity(network, derivation, rows),
        "Do clusters hold one class? Information that clusters give of the class, in bits (of log₂ 10 = 3.3), by layer: HDBSCAN on \
         activations, codes, ten principal components and the codes of a sparse autoencoder, and k-means with as many groups and with ten. Grey: groups of the \
         same sizes dealt out at random. HDBSCAN speaks of the examples it assigns alone, whose share stands in the table below, \
         while k-means has to place all.",
    );
    section
}

fn exchange(network: &str, derivation: &Derivation<'_>, rows: &[Finding]) -> Option<Figure> {
    let step = late(derivation);
    let owners = ["own", "same class", "nearest code", "mean code of the class", "other class"];
    let panel = |measure: &str, title: &str| DotPanel {
        title: title.to_owned(),
        x: Axis { range: Some([0.0, 1.0]), ..Axis::linear("share of images") },
        thresholds: vec![Threshold { value: 0.1, label: "a class at random".to_owned() }],
        rows: owners
            .iter()
            .filter_map(|owner| {
                dot(owner, &of(rows, measure, network, step, "all layers", &[("map_of", owner)]), "untrained")
            })
            .collect(),
    };
    let panels =
        vec![panel("map_accuracy", "the image's own label"), panel("map_owner_rate", "label of the map's owner")];
    dots(&format!("{network}: whose map?"), INTERVAL, "before training", panels, "At the last step.")
}

fn rivals(network: &str, derivation: &Derivation<'_>, rows: &[Finding]) -> Option<Figure> {
    let step = late(derivation);
    let panel = |measure: &str, title: &str| {
        let mut found = Vec::new();
        for (maps, short) in MAPS {
            for centres in CENTRES {
                let own = of(rows, measure, network, step, "input", &[("centres", centres), ("maps", maps)]);
                found.extend(dot(&format!("{short}, {centres}"), &own, "random_partition"));
            }
        }
        DotPanel {
            title: title.to_owned(),
            x: Axis { range: Some([0.0, 1.0]), ..Axis::linear("share of images") },
            thresholds: Vec::new(),
            rows: found,
        }
    };
    let panels = vec![
        panel("affine_maps_accuracy", "the image's own label"),
        panel("affine_maps_agreement", "the network's answer"),
    ];
    let title = format!("{network}: N centres with N affine maps");
    dots(&title, INTERVAL, "random cells", panels, "Maps and number of centres, at the last step.")
}

fn scaling(network: &str, derivation: &Derivation<'_>, rows: &[Finding]) -> Option<Figure> {
    let step = late(derivation);
    let mut panels = Vec::new();
    let fits = |f: &&Finding| {
        f.measure == "scale_survival"
            && f.run.network == network
            && f.run.control.is_none()
            && f.steps == [step]
            && option(f, "units") == Some("all")
            && !f.array.starts_with(RANDOM)
    };
    let first = rows.iter().filter(fits).filter_map(|f| f.run.seed).min();
    for row in rows.iter().filter(fits).filter(|f| f.run.seed == first) {
        for (title, ends) in [("scaled", ["down", "up"]), ("random", ["random_down", "random_up"])] {
            let factors: Vec<f64> = ends.iter().filter_map(|end| row.parts.get(*end)).flatten().copied().collect();
            if factors.is_empty() {
                continue;
            }
            panels.push(HistogramPanel {
                title: format!("{} {title}: {}", row.array, factors.len()),
                values: factors.into_iter().map(f64::log2).collect(),
                marks: vec![Mark { value: 0.0, label: "not scaled".to_owned() }],
            });
        }
    }
    let kind = Histogram {
        x: Axis { range: Some([-2.0, 2.0]), ..Axis::linear("log2 of the factor at which the answer changes") },
        count_label: "images".to_owned(),
        bins: Some(24),
        shared_x: true,
        panels,
    };
    (!kind.panels.is_empty()).then(|| Figure {
        title: format!("{network}: range of validity of a layer's directions"),
        note: NOTE.to_owned(),
        width: Width::Double,
        kind: FigureKind::Histogram(kind),
    })
}

fn radius(network: &str, derivation: &Derivation<'_>, rows: &[Finding]) -> Option<Figure> {
    let mut panels = Vec::new();
    for kind in ["images", "random directions"] {
        let mut panel = CurvePanel { title: format!("rays: {kind}"), ..CurvePanel::default() };
        for (name, step) in [("before training", 0), ("last step", late(derivation))] {
            let found = of(rows, "radial_density", network, step, "input", &[("rays", kind)]);
            let profiles: Vec<&Vec<f64>> = found.iter().filter_map(|f| f.parts.get("profile")).collect();
            if profiles.is_empty() {
                continue;
            }
            let mean = |bin: usize| mean_of(&profiles.iter().filter_map(|p| p.get(bin).copied()).collect::<Vec<_>>());
            panel.series.push(Series {
                label: name.to_owned(),
                x: (0..BINS).map(|bin| REACH * (bin as f64 + 0.5) / BINS as f64).collect(),
                y: (0..BINS).map(|bin| Some(mean(bin))).collect(),
                ..Series::default()
            });
        }
        panels.push(panel);
    }
    panels.retain(|panel| !panel.series.is_empty());
    let x = Axis { scale: AxisScale::Linear, ..Axis::linear("distance from the origin, in median norms of images") };
    let kind = Curves { x, y: Axis::linear("boundaries for each unit of length"), shared_y: true, panels };
    (!kind.panels.is_empty()).then(|| Figure {
        title: format!("{network}: boundaries by distance from the origin"),
        note: "Mean over rays and seeds.".to_owned(),
        width: Width::Double,
        kind: FigureKind::Curves(kind),
    })
}

fn purity(network: &str, derivation: &Derivation<'_>, rows: &[Finding]) -> Option<Figure> {
    let step = late(derivation);
    let mut layers: Vec<&str> = Vec::new();
    for f in rows.iter().filter(|f| f.measure == "direction_purity" && f.run.network == network) {
        if !layers.contains(&f.array.as_str()) {
            layers.push(&f.array);
        }
    }
    let panels = layers.into_iter().map(|layer| {
        let mut found = Vec::new();
        for (before, short) in
            [("", "activations"), (CODE, "code"), (COMPONENTS_OF, "components"), (DICTIONARY_OF, "dictionary")]
        {
            for method in METHODS {
                let array = format!("{before}{layer}");
                let own = of(rows, "cluster_information", network, step, &array, &[("method", method)]);
                found.extend(dot(&format!("{short}: {method}"), &own, "same_sizes_shuffled"));
            }
        }
        DotPanel {
            title: layer.to_owned(),
            x: Axis { range: Some([0.0, 3.4]), ..Axis::linear("bits") },
            thresholds: Vec::new(),
            rows: found,
        }
    });
    dots(
        &format!("{network}: classes in clusters"),
        INTERVAL,
        "same sizes, shuffled",
        panels.collect(),
        "At the last step, on the probe.",
    )
}
