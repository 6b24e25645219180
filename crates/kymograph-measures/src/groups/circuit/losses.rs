//! Cross-entropy where the loss is a tiny number: 1e-12 must not drown in the rounding of 1.

use std::f64::consts::E;

use ndarray::{Array1, ArrayView1, ArrayView2};

/// −ln softmax(logits)[target], with the digits of the smallest losses kept.
pub(super) fn cross_entropy(logits: ArrayView1<'_, f64>, target: usize) -> f64 {
    let top = logits.iter().fold(f64::NEG_INFINITY, |top, &x| top.max(x));
    let others: f64 = logits.iter().enumerate().filter(|(at, _)| *at != target).map(|(_, &x)| (x - top).exp()).sum();
    from_others(others.ln(), logits[target] - top)
}

/// The loss from the logarithm of Σ exp(z_c) over all answers but the right one, and the right one's z.
pub(super) fn from_others(ln_others: f64, right: f64) -> f64 {
    let u = ln_others - right;
    u.max(0.0) + (-u.abs()).exp().ln_1p()
}

/// What is the loss over all pairs when the logits of a pair are a function of its product alone?
///
/// Axes: `table` is product × element. Every product stands for |G| pairs, so the loss is the mean over its rows, whose
/// right answer is the row's own element. Nats.
pub fn logit_table_loss(table: ArrayView2<'_, f64>) -> f64 {
    let losses: Array1<f64> = table.outer_iter().enumerate().map(|(g, row)| cross_entropy(row, g)).collect();
    losses.sum() / losses.len().max(1) as f64
}

/// The loss of the character of one sign representation alone as logits, on a group of `order` elements, half of them
/// even: ln((|G|/2)(e + 1/e)) − 1.
///
/// On S5 4.2213: what the published notebook prints as its "baseline loss", since its variable `logits` had been
/// overwritten by the last cube of a loop. The network's own loss was 8e-7.
pub fn one_cube_loss(order: usize) -> f64 {
    (order as f64 / 2.0 * (E + 1.0 / E)).ln() - 1.0
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn small_losses_keep_their_digits() {
        // ln(1 + e^-40) = e^-40 to all digits, where 1 + e^-40 rounds to 1.
        let loss = cross_entropy(array![40.0, 0.0].view(), 0);
        assert!((loss / (-40f64).exp() - 1.0).abs() < 1e-14, "{loss:e}");
        let loss = cross_entropy(array![40.0, 0.0].view(), 1);
        assert!((loss - 40.0).abs() < 1e-14);
        assert!((cross_entropy(array![3.0, 3.0, 3.0].view(), 1) - 3f64.ln()).abs() < 1e-15);
        assert_eq!(cross_entropy(array![5.0].view(), 0), 0.0);
        assert_eq!(cross_entropy(array![1e4, 0.0, -1e4].view(), 0), 0.0);
        assert_eq!(cross_entropy(array![1e4, 0.0, -1e4].view(), 2), 2e4);
    }

    #[test]
    fn the_notebooks_baseline_is_a_closed_form() {
        let signs: Vec<f64> = (0..120).map(|g| if g < 60 { 1.0 } else { -1.0 }).collect();
        let cube = Array2::from_shape_fn((120, 120), |(g, c)| signs[g] * signs[c]);
        assert!((logit_table_loss(cube.view()) - one_cube_loss(120)).abs() < 1e-12);
        assert!((one_cube_loss(120) - 4.22127).abs() < 1e-4);
    }
}
