//! What can be said of a training's gradients, by the names that findings and predictions use.

/// A number about the gradients of a run around a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GradientQuantity {
    /// Its name in findings, predictions and pages.
    pub name: &'static str,
    /// The question it answers, and its unit.
    pub summary: &'static str,
}

const fn q(name: &'static str, summary: &'static str) -> GradientQuantity {
    GradientQuantity { name, summary }
}

static QUANTITIES: &[GradientQuantity] = &[
    q("near_zero_share", "share of all parameters whose gradient lies within a threshold, exact zeros included"),
    q("exact_zero_share", "share of all parameters whose gradient is exactly zero"),
    q("near_zero_nonexact_share", "share of all parameters within a threshold and not exactly zero"),
    q("released_fraction", "share of the gradients near zero at one step that have left by the next"),
    q("flip_fraction", "share of the retained that change sign, exact zeros among the retained, as published"),
    q("flip_fraction_nonzero", "share of the retained that change sign, of those not exactly zero"),
    q("flip_fraction_all", "share of all gradients not exactly zero that change sign"),
    q(
        "coin_flip_fraction",
        "share that would change sign if minibatches were independent, from the running signal-to-noise",
    ),
    q(
        "flips_against_exact_zeros",
        "correlation over epochs of the published flip fraction with the retained's exact-zero share",
    ),
    q("retained_weight_change", "mean |Δw| of the retained that do not change sign, as published"),
    q("mean_weight_change", "mean |Δw| of all parameters"),
    q("weight_change_growth", "the same over that of the first epochs after the first"),
    q("gradient_angle", "angle between the gradients of neighbouring steps, degrees"),
    q("published_minimum_share", "share of minima by the secant of the step after, as published"),
    q("aligned_minimum_share", "share of minima by the secant of the step between, on different minibatches"),
    q("true_minimum_share", "share of parameters whose gradient rises along its step on the same minibatch"),
    q("zero_set_persistence", "share of the near-zero set that is in it again, by lag in steps"),
    q("exact_zero_persistence", "share of the exact zeros that are exactly zero again, by lag in steps"),
];

/// Every quantity.
pub fn quantities() -> &'static [GradientQuantity] {
    QUANTITIES
}

/// The quantity of this name.
pub fn find_quantity(name: &str) -> Option<&'static GradientQuantity> {
    QUANTITIES.iter().find(|quantity| quantity.name == name)
}
