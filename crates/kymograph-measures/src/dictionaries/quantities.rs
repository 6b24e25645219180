//! What can be said of a dictionary, by the names that findings and predictions use.

/// A number about a dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DictionaryQuantity {
    /// Its name in findings, predictions and pages.
    pub name: &'static str,
    /// The question it answers, and its unit.
    pub summary: &'static str,
}

const fn q(name: &'static str, summary: &'static str) -> DictionaryQuantity {
    DictionaryQuantity { name, summary }
}

static QUANTITIES: &[DictionaryQuantity] = &[
    q("mmcs", "mean over true features of the cosine with the nearest learned direction"),
    q("mmcs_of_learned", "mean over learned directions of the cosine with the nearest true feature"),
    q("recall", "share of true features with a learned direction at cosine .9 or more"),
    q("precision", "share of learned directions with a true feature at cosine .9 or more"),
    q("precision_in_use", "the same over the learned directions that some example uses"),
    q("hungarian_cosine", "mean cosine after the best one-to-one matching of true features and learned directions"),
    q("duplicate_share", "share of learned directions with another at cosine .9 or more"),
    q("dead_latents", "learned directions that no held-out example uses"),
    q("dead_share", "the same as a share of all"),
    q("l0", "latents used an example, mean over held-out examples"),
    q("l1", "sum of an example's code, mean over held-out examples"),
    q("fvu", "share of the variance about the mean that is not explained, on held-out examples"),
    q("code_correlation", "correlation of learned with true codes, median over recovered features"),
    q("shrinkage_slope", "slope of learned on true codes, median over recovered features; 1 where nothing shrinks"),
    q("best_mmcs", "the largest mean maximal cosine over penalties, for dictionaries at least as large as the truth"),
    q("agreement_with_larger", "mean maximal cosine of a dictionary with the next larger one at the same penalty"),
    q("agreement_with_two_larger", "the same, mean over the next two larger"),
    q("loss", "what is minimised, on held-out examples"),
    q("share_of_zeros", "share of a place's activations that are exactly zero"),
    q("share_of_negatives", "share of a place's activations below zero"),
    q("active_units", "units of an example that are not zero, mean over examples (L0)"),
    q("unit_skewness", "skewness of a unit's activations, median over units that vary"),
    q("unit_excess_kurtosis", "excess kurtosis of a unit's activations about their mean, median over units that vary"),
    q("direction_excess_kurtosis", "the same of projections on random directions"),
    q("mean_norm_share", "norm of the mean activation over the root of the mean squared norm"),
    q("norm_variance_share", "one less the squared mean norm over the mean squared norm"),
    q("participation_share", "participation ratio of the spectrum of activations as a share of their width"),
    q("unit_correlation", "mean absolute correlation of two units of a place"),
    q("loss_recovered", "share of the rise of the loss under zeros that a reconstruction takes back"),
    q("loss_recovered_of_mean", "the same with the mean activation in place of zeros"),
    q("latent_density", "share of held-out tokens that use a latent, median over latents in use"),
    q(
        "agreement_of_first_weights",
        "mean cosine after matching of two dictionaries with other first weights, on the same data",
    ),
    q("mmcs_of_first_weights", "mean maximal cosine of the same two"),
    q("matched_over_steps", "mean cosine after matching of dictionaries fitted at two steps of a network's training"),
    q("mmcs_over_steps", "mean maximal cosine of the same two"),
    q(
        "read_back_variance_explained",
        "variance of an earlier step's activations that the last step's dictionary explains",
    ),
    q("read_back_correlation", "correlation of a latent's activity at an earlier step with that at the last, median"),
    q("class_information", "mutual information of a latent's firing in an image and the image's class, bits"),
    q("steps_to_mmcs", "first recorded step at which the mean maximal cosine is .9 or more"),
    q("steps_to_end", "first recorded step at which the mean maximal cosine is .9 of its last value or more"),
    q(
        "agreement_of_starts",
        "mean maximal cosine of a dictionary with the one that started orthogonal, on the same data",
    ),
    q(
        "penalty_gap",
        "decades between the penalty of the best agreement with the next larger one and that of the best MMCS",
    ),
    q("agreement_of_seeds", "mean cosine of two trainings of one dictionary after the best one-to-one matching"),
    q("share_agreed_of_seeds", "share of latents matched so at cosine .9 or more"),
    q("pw_mcc_of_seeds", "mean absolute cosine of two trainings after the one-to-one matching best for it (PW-MCC)"),
    q("unrepresented_features", "features that a toy model left out: columns of its encoder shorter than .1"),
    q("nearest_feature", "mean over true features of the cosine with the nearest other one"),
    q(
        "toy_loss_recovered",
        "share of a toy model's loss, against a hidden layer of zeros, that a rebuilt one recovers",
    ),
    q("chance_error", "distance of the MMCS of drawn random directions from what theory gives"),
];

/// Every quantity.
pub fn quantities() -> &'static [DictionaryQuantity] {
    QUANTITIES
}

/// The quantity of this name.
pub fn find_quantity(name: &str) -> Option<&'static DictionaryQuantity> {
    QUANTITIES.iter().find(|quantity| quantity.name == name)
}
