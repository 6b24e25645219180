//! What can be said of networks that squeeze features into fewer dimensions, by the names that findings and predictions use.

/// A number about such a network, or about one instance of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// Its name in findings, predictions and pages.
    pub name: &'static str,
    /// The question it answers, and its unit.
    pub summary: &'static str,
}

const fn q(name: &'static str, summary: &'static str) -> Quantity {
    Quantity { name, summary }
}

static QUANTITIES: &[Quantity] = &[
    q("features_represented", "features whose norm is above one half"),
    q("squared_norm", "sum of the squared norms of all features"),
    q("dimensions_per_feature", "hidden units over the sum of squared norms"),
    q("mean_dimensionality", "mean dimensionality of the features represented"),
    q("top_features_orthogonal", "1 where the m most important features alone are represented, orthogonally; else 0"),
    q("antipodal_pairs", "antipodal pairs that are orthogonal to everything else"),
    q("pentagons", "pentagons among the features represented"),
    q(
        "share_in_regular_figures",
        "share of the represented features in a pair, triangle, tetrahedron, pentagon or antiprism",
    ),
    q("held_out_loss", "importance-weighted mean squared error on examples not trained on"),
    q("pair_cosine", "mean cosine of the directions of the two features of a pair"),
    q("pair_alignment", "mean absolute cosine of the directions of the two features of a pair"),
    q("other_cosine", "mean absolute cosine of the directions of features of different pairs"),
    q("features_per_neuron", "mean participation number of features in a neuron's incoming weights"),
    q("neurons_for_one_feature", "share of neurons with nine tenths of their squared incoming weights on one feature"),
    q("extra_feature_norm", "norm of the last feature"),
    q("agreement_with_cheapest_solution", "share of cells in the phase of the cheapest of three hand-made solutions"),
    q("learning_jumps", "change points in the loss of a run, by its logarithm"),
    q("loss_of_last_minibatch", "mean squared error on the last minibatch of an epoch"),
    q("accuracy", "share of held-out images classified rightly"),
    q("training_error", "mean squared error of the reconstruction of the training images' units"),
    q("test_error", "mean squared error of the reconstruction of the held-out images' units"),
    q("r_squared", "1 − test error over that of predicting the training mean"),
    q("unit_sparsity", "share of images on which a unit is exactly 0, mean over units"),
    q("norm_by_importance", "rank correlation of ‖W_i‖ with importance over units"),
    q("diagonal_by_importance", "rank correlation of the diagonal of decoder × encoder with importance over units"),
    q("bias_by_importance", "rank correlation of the decoder's bias with importance over units"),
    q("norm_by_variance", "rank correlation of ‖W_i‖ with the variance of the unit"),
    q(
        "top_entries_in_corner",
        "share of the top 1 % of decoder × encoder in the corner of the five most important units",
    ),
    q("two_axes", "resultant length of four times the angle of the drawn arrows, weighted by importance"),
    q("two_axes_without_offset", "the same after the common offset is taken from the arrows"),
    q("one_way", "resultant length of the angle of the drawn arrows, weighted by importance"),
    q("one_way_without_offset", "the same after the common offset is taken from the arrows"),
    q("column_two_axes", "resultant length of four times the angle of the encoder's columns"),
    q("column_antipodality", "resultant length of twice the angle of the encoder's columns"),
    q("column_kuiper_p", "p-value of Kuiper's test of the angles of the encoder's columns"),
    q("column_rayleigh_p", "p-value of Rayleigh's test of twice the angles of the encoder's columns"),
    q("directions_turned", "mean change of the arrows' angle since the epoch before, weighted by importance, degrees"),
    q("encoder_interference", "mean over units of the sum of squared products with the other columns of the encoder"),
    q("encoder_interference_cosine", "the same of cosines"),
    q("decoder_interference", "mean over units of the sum of squared products with the other rows of the decoder"),
    q("decoder_interference_cosine", "the same of cosines"),
];

/// All of them.
#[must_use]
pub fn quantities() -> &'static [Quantity] {
    QUANTITIES
}

/// The quantity of this name.
#[must_use]
pub fn find_quantity(name: &str) -> Option<&'static Quantity> {
    quantities().iter().find(|quantity| quantity.name == name)
}
