//! Where the published numbers cannot be the same as right ones, and why.

/// A published column that another definition, or a mistake, keeps from agreeing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// Why the published number differs.
    pub reason: &'static str,
    /// What stands here instead.
    pub instead: &'static str,
}

const CYCLIC_HIDDEN: Disagreement = Disagreement {
    reason: "the four entries of a rotation span two functions, and the published code takes the QR of all four columns over pairs: two columns of its basis are rounding noise, with some of the hidden layer in them",
    instead: "the two functions that the entries span",
};
const SQUARED_WEIGHTS: Disagreement = Disagreement {
    reason: "the published code sums parameters whose name holds `weight`, and none of the transformer's does: it is 0",
    instead: "the sum over all weights",
};
const WRONG_MATRICES: Disagreement = Disagreement {
    reason: "the published 5-cycle turns by 61.9 degrees in place of 72, so that a5_3d_a and a5_3d_b are no representations and share functions with the others",
    instead: "the two icosahedral representations",
};
const CHUNKED_LOSS: Disagreement = Disagreement {
    reason: "above 15,000 pairs the published loss adds the means of eight or nine chunks without dividing by their number",
    instead: "the mean over the pairs",
};
const ROUNDING: Disagreement = Disagreement {
    reason: "the hidden layer is centred, so nothing of it is constant: the published number is the rounding of 32-bit sums",
    instead: "zero but for the rounding of 64-bit sums",
};

/// Why must a column of the published `summary_metrics.json` not be expected to agree? `None` where it must.
///
/// `group` is a group's name (`S5`, `C113`, `A5`), `transformer` says which architecture the numbers are of,
/// `wrong_matrices` whether the published matrices of A5 were used, with which A5 agrees.
pub fn disagreement(group: &str, transformer: bool, wrong_matrices: bool, column: &str) -> Option<Disagreement> {
    let hidden = column.contains("hidden_");
    let about = |name: &str| column.contains(&format!("_{name}_rep"));
    if column == "sum_of_squared_weights" && transformer {
        return Some(SQUARED_WEIGHTS);
    }
    if hidden && column.contains("percent") && about("trivial") {
        return Some(ROUNDING);
    }
    let cyclic = group.strip_prefix('C').is_some_and(|n| n.parse::<usize>().is_ok());
    if cyclic
        && (hidden && (column.contains("freq_") || !column.ends_with("_rep"))
            || column == "test_loss_restricted_loss_ratio")
    {
        return Some(CYCLIC_HIDDEN);
    }
    if group == "S6" && (column.contains("loss")) && column != "test_loss_restricted_loss_ratio" {
        return Some(CHUNKED_LOSS);
    }
    let sums =
        column.starts_with("total_") || column.ends_with("_explained") || column == "test_loss_restricted_loss_ratio";
    if group == "A5" && !wrong_matrices && (about("a5_3d_a") || about("a5_3d_b") || sums) {
        return Some(WRONG_MATRICES);
    }
    None
}
