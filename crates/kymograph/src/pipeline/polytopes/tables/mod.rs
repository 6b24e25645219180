//! The study's tables, and how its rows are found.

mod maps;

use kymograph_findings::Finding;
use kymograph_linalg::statistics::t_interval;
use kymograph_report::{SummaryTable, format_interval, format_value};

use super::super::derive::Derivation;
use super::super::page::{mean_of, networks};
use super::validity::RANDOM;

/// Ways to find clusters.
pub(super) const METHODS: [&str; 3] = ["hdbscan", "k-means, as many", "k-means, k = 10"];

/// How the maps of centres are made, and how that is called in short.
pub(super) const MAPS: [(&str, &str); 2] =
    [("least squares", "least squares"), ("the network's at the centre", "the network's")];
/// Numbers of centres.
pub(super) const CENTRES: [&str; 4] = ["1", "10", "30", "100"];

/// The step called `late`.
pub(super) fn late(derivation: &Derivation<'_>) -> u64 {
    derivation.step_names.get("late").copied().unwrap_or_default()
}

pub(super) fn option<'f>(finding: &'f Finding, name: &str) -> Option<&'f str> {
    finding.options.get(name).map(String::as_str)
}

/// The rows of a quantity in a network's main runs at a step.
pub(super) fn of<'f>(
    rows: &'f [Finding],
    measure: &str,
    network: &str,
    step: u64,
    array: &str,
    options: &[(&str, &str)],
) -> Vec<&'f Finding> {
    let fits = |f: &&Finding| {
        f.measure == measure
            && f.run.network == network
            && f.run.control.is_none()
            && f.steps == [step]
            && f.array == array
            && options.iter().all(|(name, value)| option(f, name) == Some(*value))
    };
    rows.iter().filter(fits).collect()
}

/// Student's interval of a mean over seeds.
pub(super) fn seeds(values: &[f64]) -> Option<[f64; 2]> {
    if values.len() < 2 {
        return None;
    }
    t_interval(values, 0.95).ok().map(|interval| [interval.low, interval.high])
}

fn cell(found: &[&Finding]) -> String {
    let values: Vec<f64> = found.iter().filter_map(|f| f.value).collect();
    match (values.is_empty(), seeds(&values)) {
        (true, _) => String::new(),
        (_, Some(interval)) => format!("{} {}", format_value(mean_of(&values), 3), format_interval(interval, 3)),
        (_, None) => format_value(mean_of(&values), 3),
    }
}

fn part(found: &[&Finding], name: &str) -> String {
    part_at(found, name, 0)
}

fn part_at(found: &[&Finding], name: &str, at: usize) -> String {
    let values: Vec<f64> = found.iter().filter_map(|f| f.parts.get(name)?.get(at).copied()).collect();
    if values.is_empty() { String::new() } else { format_value(mean_of(&values), 3) }
}

fn null(found: &[&Finding], kind: &str) -> String {
    let values: Vec<f64> =
        found.iter().filter_map(|f| f.nulls.iter().find(|n| n.kind == kind).map(|n| n.mean)).collect();
    if values.is_empty() { String::new() } else { format_value(mean_of(&values), 3) }
}

fn table(title: &str, caption: &str, heads: &[&str], rows: Vec<Vec<String>>) -> Option<SummaryTable> {
    (!rows.is_empty()).then(|| SummaryTable {
        title: title.to_owned(),
        caption: caption.to_owned(),
        columns: heads.iter().map(|h| (*h).to_owned()).collect(),
        rows,
    })
}

pub(super) fn all(derivation: &Derivation<'_>, rows: &[Finding]) -> Vec<SummaryTable> {
    let step = late(derivation);
    let tables = [
        densities(derivation, rows, step),
        codes(derivation, rows),
        adversarial(derivation, rows, step),
        regions(derivation, rows),
        survival(derivation, rows, step),
        clusters(derivation, rows, step),
        directions(derivation, rows, step),
        maps::centres(derivation, rows, step),
        maps::rivals(derivation, rows, step),
        maps::flips(derivation, rows, step),
        maps::linearisation(derivation, rows),
    ];
    tables.into_iter().flatten().collect()
}

/// Arrays for which a network has rows of a measure, in their order.
fn arrays(rows: &[Finding], measure: &str, network: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for f in rows.iter().filter(|f| f.measure == measure && f.run.network == network) {
        if !found.contains(&f.array) {
            found.push(f.array.clone());
        }
    }
    found
}

fn densities(derivation: &Derivation<'_>, rows: &[Finding], step: u64) -> Option<SummaryTable> {
    let mut lines = Vec::new();
    for network in networks(derivation) {
        for array in arrays(rows, "boundary_density", &network) {
            for path in ["straight", "arc"] {
                let at = |kind: &str| {
                    of(rows, "boundary_density", &network, step, &array, &[("pairs", kind), ("path", path)])
                };
                let own = of(rows, "boundary_density_ratio", &network, step, &array, &[("path", path)]);
                if own.is_empty() {
                    continue;
                }
                lines.push(vec![
                    network.clone(),
                    array.clone(),
                    path.to_owned(),
                    cell(&at("same class")),
                    cell(&at("other class")),
                    cell(&at("random direction")),
                    cell(&own),
                    null(&own, "pairs_exchanged"),
                    null(&own, "untrained"),
                    null(&own, "control:shuffled_labels"),
                    part(&at("other class"), "ends_differ"),
                ]);
            }
        }
    }
    let heads = [
        "network",
        "from",
        "path",
        "same class",
        "other class",
        "random direction",
        "other over same",
        "pairs exchanged",
        "untrained",
        "shuffled labels",
        "seen by the ends' codes",
    ];
    table(
        "Boundaries between images",
        "Exact crossings for each unit of length at the place the path lies in, at the last step: mean over seeds with its 95 % \
         t-interval. Pairs are matched in length. The last column is the number of units whose state differs at the two ends over the \
         number of crossings: what it lacks to 1 are units that flip and flip back, which a comparison of codes cannot see.",
        &heads,
        lines,
    )
}

fn codes(derivation: &Derivation<'_>, rows: &[Finding]) -> Option<SummaryTable> {
    let mut names: Vec<(&String, &u64)> = derivation.step_names.iter().filter(|(n, _)| *n != "last").collect();
    names.sort_by_key(|(_, step)| **step);
    let mut lines = Vec::new();
    for network in networks(derivation) {
        for array in arrays(rows, "distinct_codes", &network) {
            let mut line = vec![network.clone(), array.clone()];
            line.extend(names.iter().map(|(_, step)| cell(&of(rows, "distinct_codes", &network, **step, &array, &[]))));
            let last = of(rows, "distinct_codes", &network, late(derivation), &array, &[]);
            line.push([null(&last, "units_permuted"), null(&last, "every_image_its_own")].concat());
            line.push(part(&last, "images_with_a_code_of_several_classes"));
            lines.push(line);
        }
    }
    let mut heads: Vec<String> = ["network", "code of"].map(ToOwned::to_owned).to_vec();
    heads.extend(names.iter().map(|(name, step)| format!("{name} ({step})")));
    heads.extend(["null", "images whose code other classes share"].map(ToOwned::to_owned));
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    table(
        "Different codes on the probe",
        "Over training, mean over seeds. Null: each unit's states dealt out over the images, which keeps how often it is on; for larger layers \
         and for all layers together the number of images. Where every image has a code of its own, codes name images and \
         no class.",
        &heads,
        lines,
    )
}

fn regions(derivation: &Derivation<'_>, rows: &[Finding]) -> Option<SummaryTable> {
    let mut lines = Vec::new();
    for network in networks(derivation) {
        for array in arrays(rows, "slice_regions", &network) {
            for window in ["picture", "wide"] {
                let at = |step: u64| of(rows, "slice_regions", &network, step, &array, &[("window", window)]);
                let (start, last) = (at(0), at(late(derivation)));
                if last.is_empty() {
                    continue;
                }
                lines.push(vec![
                    network.clone(),
                    array.clone(),
                    window.to_owned(),
                    part(&last, "units"),
                    part(&start, "regions"),
                    part(&last, "regions"),
                    cell(&start),
                    cell(&last),
                ]);
            }
        }
    }
    table(
        "Regions of a plane",
        "Regions of the plane through three images of different classes, at the pixels and behind each layer, cut exactly; and over half the square of the \
         number of units behind the place, to which Hanin and Rolnick (2019, arXiv 1906.00904) bound their expected number at random weights. `wide` is \
         a square a hundred times as wide as the images lie apart, beyond which few boundaries cross.",
        &["network", "from", "window", "units", "regions before", "after training", "over units²/2 before", "after"],
        lines,
    )
}

fn adversarial(derivation: &Derivation<'_>, rows: &[Finding], step: u64) -> Option<SummaryTable> {
    let mut lines = Vec::new();
    for network in networks(derivation) {
        let found = of(rows, "adversarial_crossings", &network, step, "input", &[]);
        if !found.is_empty() {
            lines.push(vec![
                network.clone(),
                part_at(&found, "crossings", 0),
                part_at(&found, "crossings", 1),
                cell(&found),
                null(&found, "pairs_exchanged"),
                null(&found, "untrained"),
                null(&found, "control:shuffled_labels"),
                part_at(&found, "answers_changed", 0),
                part_at(&found, "answers_changed", 1),
            ]);
        }
    }
    let heads = [
        "network",
        "crossings, adversarial",
        "crossings, random",
        "adversarial over random",
        "exchanged",
        "untrained",
        "shuffled labels",
        "answer changes, adversarial",
        "random",
    ];
    table(
        "Towards adversarial images",
        "Boundaries crossed on the straight way from an image to the image with a tenth of the grey range added or taken at every pixel: by the sign of the \
         loss's gradient (FGSM), and by signs at random, which is as far. Null: the two exchanged image by image. At the last step, mean over seeds \
         with its 95 % t-interval.",
        &heads,
        lines,
    )
}

fn survival(derivation: &Derivation<'_>, rows: &[Finding], step: u64) -> Option<SummaryTable> {
    let mut lines = Vec::new();
    for network in networks(derivation) {
        for array in arrays(rows, "scale_survival", &network).into_iter().filter(|array| !array.starts_with(RANDOM)) {
            for units in ["all", "half"] {
                let found = of(rows, "scale_survival", &network, step, &array, &[("units", units)]);
                if !found.is_empty() {
                    lines.push(vec![
                        network.clone(),
                        array.clone(),
                        units.to_owned(),
                        cell(&found),
                        null(&found, "random_direction_as_far"),
                        null(&found, "untrained"),
                    ]);
                }
            }
        }
    }
    table(
        "Answers that survive scaling",
        "Share of images whose answer stays the same while a layer, or a random half of its units, is scaled by every factor from ¼ to 4; \
         beside it moves from the same activations that are as long, in random directions. At the last step, mean over seeds with its 95 % t-interval.",
        &["network", "layer", "units", "answer stays", "random moves", "untrained"],
        lines,
    )
}

fn clusters(derivation: &Derivation<'_>, rows: &[Finding], step: u64) -> Option<SummaryTable> {
    let mut lines = Vec::new();
    for network in networks(derivation) {
        for array in arrays(rows, "cluster_purity", &network) {
            for method in METHODS {
                let options = [("method", method)];
                let found = of(rows, "cluster_purity", &network, step, &array, &options);
                if found.iter().all(|f| f.value.is_none()) {
                    continue;
                }
                lines.push(vec![
                    network.clone(),
                    array.clone(),
                    method.to_owned(),
                    part(&found, "groups"),
                    part(&found, "assigned"),
                    cell(&found),
                    null(&found, "same_sizes_shuffled"),
                    cell(&of(rows, "cluster_information", &network, step, &array, &options)),
                ]);
            }
        }
    }
    table(
        "Classes in clusters",
        "Purity (share of the assigned examples that have their cluster's most frequent label) and mutual information with the label, in bits. \
         HDBSCAN leaves out what belongs to no cluster; k-means with as many groups places every example, which makes the two \
         comparable only beside the share assigned. At the last step, mean over seeds with its 95 % t-interval.",
        &["network", "of", "method", "groups", "assigned", "purity", "same sizes, shuffled", "information"],
        lines,
    )
}

fn directions(derivation: &Derivation<'_>, rows: &[Finding], step: u64) -> Option<SummaryTable> {
    let mut lines = Vec::new();
    for network in networks(derivation) {
        for array in arrays(rows, "direction_purity", &network) {
            for what in ["units", "principal components", "dictionary"] {
                let found = of(rows, "direction_purity", &network, step, &array, &[("of", what)]);
                if !found.is_empty() {
                    lines.push(vec![
                        network.clone(),
                        array.clone(),
                        what.to_owned(),
                        cell(&found),
                        null(&found, "labels_permuted"),
                        null(&found, "first_weights"),
                        null(&found, "untrained"),
                    ]);
                }
            }
        }
    }
    table(
        "Classes along single directions",
        "Share of the most frequent label among the 20 examples highest along each unit (all above its lowest value where these are fewer), each of the first ten principal components, and each latent \
         of a sparse autoencoder (twice as many latents as units, 8 of them an example, fitted on the same examples without labels), mean over \
         directions; labels in random order as null, and for the autoencoder its own first weights.",
        &["network", "layer", "directions", "purity", "labels permuted", "first weights", "untrained"],
        lines,
    )
}
