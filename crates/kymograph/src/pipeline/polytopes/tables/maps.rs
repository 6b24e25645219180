//! Tables of affine maps: those of centres, what one flip changes, and the linearisation about the start.

use kymograph_findings::Finding;
use kymograph_report::SummaryTable;

use super::super::super::derive::Derivation;
use super::super::super::page::networks;
use super::{CENTRES, MAPS, arrays, cell, null, of, part, table};

pub(super) fn centres(derivation: &Derivation<'_>, rows: &[Finding], step: u64) -> Option<SummaryTable> {
    let mut lines = Vec::new();
    for network in networks(derivation) {
        for centres in ["10", "30", "100", "200"] {
            let found = of(rows, "centres_accuracy", &network, step, "input", &[("centres", centres)]);
            if !found.is_empty() {
                lines.push(vec![
                    network.clone(),
                    centres.to_owned(),
                    cell(&found),
                    null(&found, "label_of_the_nearest_centre"),
                    null(&found, "untrained"),
                ]);
            }
        }
    }
    table(
        "N centres with N affine maps",
        "The rival of a code: held-out images take the affine map of the nearest of N other images, in pixels. Beside it the plain label of that image, \
         which is what the nearest neighbour knows without any map. At the last step.",
        &["network", "centres", "accuracy", "label of the nearest centre", "untrained"],
        lines,
    )
}

pub(super) fn rivals(derivation: &Derivation<'_>, rows: &[Finding], step: u64) -> Option<SummaryTable> {
    let mut lines = Vec::new();
    for network in networks(derivation) {
        for centres in CENTRES {
            for (maps, short) in MAPS {
                let options = [("centres", centres), ("maps", maps)];
                let right = of(rows, "affine_maps_accuracy", &network, step, "input", &options);
                let alike = of(rows, "affine_maps_agreement", &network, step, "input", &options);
                if right.is_empty() {
                    continue;
                }
                lines.push(vec![
                    network.clone(),
                    centres.to_owned(),
                    short.to_owned(),
                    cell(&right),
                    null(&right, "random_partition"),
                    cell(&alike),
                    null(&alike, "random_partition"),
                    null(&right, "the_network_itself"),
                ]);
            }
        }
    }
    table(
        "N centres: fitted maps and the network's own",
        "Half of the images and five augmentations of each are cut into k-means cells in pixels; the other half is answered by the affine map of the nearest \
         centre: fitted to the network's outputs by least squares (ridge: a tenth of the cell's mean squared distance from its mean), or the network's own at \
         the centre. Beside least squares the same in cells of the same sizes dealt out at random. One centre: a single affine map. At the last step.",
        &["network", "centres", "maps", "accuracy", "random cells", "as the network", "random cells", "the network"],
        lines,
    )
}

pub(super) fn flips(derivation: &Derivation<'_>, rows: &[Finding], step: u64) -> Option<SummaryTable> {
    let mut lines = Vec::new();
    for network in networks(derivation) {
        for array in arrays(rows, "flip_change", &network) {
            let found = of(rows, "flip_change", &network, step, &array, &[]);
            if found.iter().any(|f| f.value.is_some()) {
                lines.push(vec![
                    network.clone(),
                    array.clone(),
                    cell(&found),
                    null(&found, "untrained"),
                    part(&found, "distance"),
                ]);
            }
        }
    }
    table(
        "Change of the affine map with one flip",
        "Frobenius norm of the rank-one change over that of the map, mean over a layer's units and 40 images; the last line of a network is of the unit \
         whose boundary is nearest to the image, with its distance. Across the boundary itself the output does not change.",
        &["network", "layer", "change, relative", "untrained", "distance"],
        lines,
    )
}

pub(super) fn linearisation(derivation: &Derivation<'_>, rows: &[Finding]) -> Option<SummaryTable> {
    let mut lines = Vec::new();
    let mut steps: Vec<u64> =
        rows.iter().filter(|f| f.measure == "linearisation_error").flat_map(|f| f.steps.clone()).collect();
    steps.sort_unstable();
    steps.dedup();
    for network in networks(derivation) {
        for &step in &steps {
            let at = |form: &str| of(rows, "linearisation_error", &network, step, "all parameters", &[("form", form)]);
            let (taylor, bare) = (at("f0 + J (theta - theta0)"), at("J theta"));
            if !taylor.is_empty() {
                lines.push(vec![
                    network.clone(),
                    step.to_string(),
                    cell(&taylor),
                    cell(&bare),
                    part(&taylor, "size_of_f0_over_f"),
                    part(&taylor, "size_of_theta0_over_theta"),
                    part(&taylor, "size_of_move_over_theta0"),
                ]);
            }
        }
    }
    table(
        "Linear in the parameters?",
        "Outputs of the trained network beside its linearisation about the start: distance of f(θ₀) + J(θ₀)(θ − θ₀), and of J(θ₀)θ, from f(θ), over the distance \
         that the outputs moved, |f(θ) − f(θ₀)|. 1 is what saying that nothing moved would give. J(θ₀)θ needs |f(θ₀)| and |θ₀| to be near zero: the \
         last columns say how far that is so.",
        &["network", "step", "f₀ + J(θ − θ₀)", "Jθ", "|f₀|/|f|", "|θ₀|/|θ|", "|θ − θ₀|/|θ₀|"],
        lines,
    )
}
