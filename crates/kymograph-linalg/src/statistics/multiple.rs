//! Correction for many tests at once.

use crate::LinalgError;

/// Which tests stay significant when many are made? P values adjusted so that calling those below q significant keeps the
/// expected share of false calls below q (Benjamini and Hochberg 1995, 10.1111/j.2517-6161.1995.tb02031.x).
///
/// In the order given; each at least its own p and at most 1. Valid for independent or positively dependent tests. An
/// empty list gives an empty list.
///
/// # Errors
/// A p value outside [0, 1].
///
/// ```
/// let adjusted = kymograph_linalg::statistics::benjamini_hochberg(&[0.01, 0.5, 0.02]).unwrap();
/// assert_eq!(adjusted, vec![0.03, 0.5, 0.03]);
/// ```
pub fn benjamini_hochberg(p: &[f64]) -> Result<Vec<f64>, LinalgError> {
    if let Some(&value) = p.iter().find(|value| !(0.0..=1.0).contains(*value)) {
        return Err(LinalgError::Domain { name: "a p value", value, range: "[0, 1]" });
    }
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&i, &j| p[i].total_cmp(&p[j]));
    let mut adjusted = vec![0.0; p.len()];
    let mut smallest: f64 = 1.0;
    for (rank, &index) in order.iter().enumerate().rev() {
        // The ratio first: it is exactly 1 at the last rank, so nothing rounds below its own p.
        smallest = smallest.min(p[index] * (p.len() as f64 / (rank + 1) as f64));
        adjusted[index] = smallest;
    }
    Ok(adjusted)
}
