//! Share of what a place inside a network is worth to its loss that a reconstruction of it keeps.

use crate::MeasureError;

/// Of the loss: an ablation that costs less has nothing to recover.
const LEAST_WORTH: f64 = 0.01;

/// **How much of what a place is worth to a network does a reconstruction keep?**
///
/// `(ablated − rebuilt) / (ablated − clean)` of three losses on the same examples: `clean`, the network as it is; `rebuilt`,
/// with the activations of a place replaced by their reconstruction; `ablated`, with them replaced by zeros, or by their mean,
/// which must be said beside the number. 1 where nothing is lost, 0 where the reconstruction is as bad as the ablation, below
/// 0 where it is worse, above 1 where it happens to lower the loss.
///
/// Unchanged by a positive factor of all three.
///
/// **Misleads**: an ablation that breaks the network makes any reconstruction look good, and zeros are farther from what the
/// network knows than the mean is; a network that can do without the place has nothing to recover.
///
/// # Errors
/// A loss that is not finite, and an ablation that raises the loss by less than a hundredth of it: there is next to nothing to
/// recover, and the share of it would be noise.
///
/// Reference: Rajamanoharan et al. 2024, Improving dictionary learning with gated sparse autoencoders (arXiv:2404.16014),
/// section 3.1; there with zeros.
///
/// ```
/// use kymograph_measures::dictionaries::loss_recovered;
/// assert_eq!(loss_recovered(0.5, 1.0, 2.5)?, 0.75);
/// assert!(loss_recovered(2.5, 1.0, 2.5).is_err());
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn loss_recovered(clean: f64, rebuilt: f64, ablated: f64) -> Result<f64, MeasureError> {
    for (input, value) in [("clean", clean), ("rebuilt", rebuilt), ("ablated", ablated)] {
        if !value.is_finite() {
            return Err(MeasureError::NotFinite { input, row: 0, column: 0, value });
        }
    }
    let worth = ablated - clean;
    if worth <= LEAST_WORTH * clean.abs() {
        let what = "it raises the loss by less than a hundredth of it, and there is nothing to recover";
        return Err(MeasureError::NoVariation { input: "ablated", what });
    }
    crate::check::number("loss_recovered", (ablated - rebuilt) / worth)
}
