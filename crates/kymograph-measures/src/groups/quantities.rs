//! What can be said of a network that composes group elements, by the names that findings and predictions use.

/// A number about such a network, or about one representation in it.
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
    q("train_loss", "cross-entropy on the pairs trained on, nats"),
    q("test_loss", "cross-entropy on all other pairs, nats"),
    q("all_loss", "cross-entropy on all pairs, nats"),
    q("train_acc", "share of the pairs trained on that are composed rightly"),
    q("test_acc", "share of all other pairs that are composed rightly"),
    q("sum_of_squared_weights", "sum of the squares of all weights"),
    q("logit_trace_similarity", "cosine of the logits, centred pair by pair, with χ(abc⁻¹)"),
    q("percent_logits_explained", "sum of squared trace similarities over all representations"),
    q("percent_x_embed", "share of the left embedding's squares in a representation"),
    q("percent_y_embed", "share of the right embedding's squares in a representation"),
    q("percent_unembed", "share of the unembedding's squares in a representation"),
    q("percent_hidden_x", "share of the hidden layer's variance in ρ(a)"),
    q("percent_hidden_y", "share of the hidden layer's variance in ρ(b)"),
    q("percent_hidden_xy", "share of the hidden layer's variance in ρ(ab)"),
    q("percent_hidden", "share of the hidden layer's squares in ρ(ab), not centred"),
    q("total_percent_hidden", "sum of the shares in ρ(a), ρ(b) and ρ(ab)"),
    q("percent_x_embed_explained", "share of the left embedding in the key representations"),
    q("percent_y_embed_explained", "share of the right embedding in the key representations"),
    q("percent_unembed_explained", "share of the unembedding in the key representations"),
    q("percent_hidden_explained", "share of the hidden layer in ρ(a), ρ(b), ρ(ab) of the key representations"),
    q("percent_hidden_xy_explained", "share of the hidden layer in ρ(ab) of the key representations"),
    q("hidden_excluded_loss", "loss on training pairs without ρ(ab) in the hidden layer, nats"),
    q("hidden_restricted_loss", "loss on all pairs with nothing but ρ(ab) in the hidden layer, nats"),
    q("logit_excluded_loss", "loss on training pairs without a character in the logits, nats"),
    q("logit_restricted_loss", "loss on all pairs with nothing but a character in the logits, nats"),
    q("total_hidden_excluded_loss", "the same without all key representations, nats"),
    q("total_hidden_restricted_loss", "the same with all key representations, nats"),
    q("total_logit_excluded_loss", "the same without all key characters, nats"),
    q("total_logit_restricted_loss", "the same with all key characters, nats"),
    q("test_loss_restricted_loss_ratio", "test loss over total hidden restricted loss"),
    q("percent_std_x_embed", "standard deviation of a representation's share over its functions, left embedding"),
    q("percent_std_y_embed", "the same of the right embedding"),
    q("percent_std_unembed", "the same of the unembedding"),
    q("percent_std_hidden", "the same of the hidden layer, ρ(ab)"),
    q("fraction_sum_error", "distance from 1 of the sum of shares over all representations"),
    q("key_representation", "1 where the final trace similarity is above .05, else 0"),
    q("key_representations", "number of such representations"),
    q("learned_first", "1 for the representation whose trace similarity first passes .05, else 0"),
    q("learned_at_step", "first recorded step at which the trace similarity is above .05"),
    q(
        "distance_to_published_family",
        "distance of the logits' explained variance from .59 or .85, the nearer; runs with sign and standard only",
    ),
    q("sign_cube_loss", "loss of the sign character alone as logits, nats"),
    q("centred_logit_cosine", "cosine of a character's cube with the logits less their mean"),
    q("uncentred_logit_cosine", "cosine of a character's cube with the logits as they are"),
    q("mean_row_logit_cosine", "mean over pairs of the cosine of a character's row with the pair's centred logits"),
    q("ols_coefficient", "coefficient of a character in the least-squares fit of the logits"),
    q("ols_r_squared", "share of the logits' variance that the fit explains"),
    q("ols_uncentred_r_squared", "share of the squared logits that the fit explains, constant included"),
    q("ols_norm_ratio", "norm of the fit over norm of the logits"),
    q("ols_loss", "loss of the fit on all pairs, nats"),
    q("embedding_excluded_loss", "loss on all pairs without a representation in both embeddings, nats"),
    q("embedding_restricted_loss", "loss on all pairs with the key representations alone in both embeddings, nats"),
    q("ablated_x_loss", "loss on all pairs without ρ(a) in the hidden layer, nats"),
    q("ablated_y_loss", "loss on all pairs without ρ(b) in the hidden layer, nats"),
    q("ablated_xy_loss", "loss on all pairs without ρ(ab) in the hidden layer, nats"),
    q("rho_ab_cosine", "cosine of the hidden layer's ρ(ab) part, in the basis of ρ, with ρ(ab)"),
    q("unembedding_map_cosine", "cosine of the unembedding in the basis of ρ with the map tr ρ(ab)ρ(c⁻¹) needs"),
    q("neurons_in_cluster", "neurons whose embeddings lie in a representation, threshold 1"),
    q("neurons_in_cluster_after_relu", "neurons whose activations lie in a representation, threshold 100"),
    q("cluster_fraction_x", "share of a cluster's squares in ρ(a)"),
    q("cluster_fraction_y", "share of a cluster's squares in ρ(b)"),
    q("cluster_fraction_xy", "share of a cluster's squares in ρ(ab)"),
    q("cluster_fraction_trivial", "share of a cluster's squares in its mean"),
    q("cluster_fraction_sum", "sum of the four shares of a cluster"),
    q("uncentred_fraction_x", "share of all neurons' squares in ρ(a)"),
    q("uncentred_fraction_y", "share of all neurons' squares in ρ(b)"),
    q("uncentred_fraction_xy", "share of all neurons' squares in ρ(ab)"),
    q("uncentred_fraction_trivial", "share of all neurons' squares in their mean"),
    q("uncentred_fraction_sum", "sum of the four shares of all neurons"),
    q("intervention_accuracy", "share of all pairs composed rightly after an intervention"),
    q("intervention_loss", "loss on all pairs after an intervention, nats"),
    q("swapped_embeddings_accuracy", "share of all pairs composed rightly with left and right embeddings swapped"),
    q("absolute_value_accuracy", "share of all pairs composed rightly with |x| in place of ReLU"),
    q("absolute_value_log10_loss_ratio", "logarithm of the loss with |x| over that with ReLU"),
    q("median_coset_alignment", "median over neurons of the largest share of variance between cosets of one subgroup"),
    q("coset_aligned_energy", "share of energy in neurons with such a share of .9 or more"),
    q("neurons_concentrated_on_cosets", "share of neurons with a smallest coset concentration below 1"),
    q("coset_energy_by_subgroup", "share of energy in neurons aligned with cosets of a kind of subgroup"),
    q("neurons_with_a_coset", "neurons aligned with the cosets of a subgroup by .9 or more"),
    q("unembedding_correlation_within", "mean correlation of unembedding weights within cosets or conjugacy classes"),
    q("hidden_pair_power", "share of the hidden layer's squares in ρ of the left and σ of the right element"),
    q("logit_pair_power", "share of the logits' squares in ρ of the left and σ of the right element"),
];

/// Every quantity.
pub fn quantities() -> &'static [Quantity] {
    QUANTITIES
}

/// The quantity of this name.
pub fn find_quantity(name: &str) -> Option<&'static Quantity> {
    QUANTITIES.iter().find(|quantity| quantity.name == name)
}
