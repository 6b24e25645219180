//! How much a feature matters to a reconstruction, and what goes with it.

use kymograph_linalg::Real;
use ndarray::{ArrayView1, ArrayView2, Axis};

use crate::{MeasureError, check};

/// Importance as the notebook of the study computes it: what each ablation adds to the loss, divided by the sum over
/// features, then stretched so that the smallest is 0 and the largest 1. All 0 where all additions are equal.
///
/// **Misleads**: the stretch makes the least important feature 0 and the most important 1 in any network; losses are not
/// additive, and where some additions are negative the sum means nothing.
///
/// # Errors
/// No features, or additions that are not finite.
///
/// ```
/// use kymograph_measures::superposition::published_importance;
/// assert_eq!(published_importance(&[1.0, 3.0, 2.0])?, [0.0, 1.0, 0.5]);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn published_importance(added: &[f64]) -> Result<Vec<f64>, MeasureError> {
    check::matrix("added", ArrayView1::from(added).insert_axis(Axis(0)))?;
    let low = added.iter().copied().fold(f64::INFINITY, f64::min);
    let high = added.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Dividing by the sum first changes nothing but the sign, which a negative sum would turn.
    let sign = if added.iter().sum::<f64>() < 0.0 { -1.0 } else { 1.0 };
    let (from, to) = if sign < 0.0 { (high, low) } else { (low, high) };
    if from == to {
        return Ok(vec![0.0; added.len()]);
    }
    Ok(added.iter().map(|a| (a - from) / (to - from)).collect())
}

/// **Does one quantity rise with another?** Spearman's rank correlation, ties at their mean rank; `None` where one of the two
/// is constant or there are fewer than three pairs.
///
/// # Errors
/// Lists of different lengths, or numbers that are not finite.
///
/// ```
/// use kymograph_measures::superposition::rank_correlation;
/// assert_eq!(rank_correlation(&[1.0, 2.0, 5.0], &[0.1, 0.4, 0.9])?, Some(1.0));
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn rank_correlation(a: &[f64], b: &[f64]) -> Result<Option<f64>, MeasureError> {
    for (input, values) in [("a", a), ("b", b)] {
        if let Some((column, &value)) = values.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(MeasureError::NotFinite { input, row: 0, column, value });
        }
    }
    if a.len() != b.len() {
        return Err(MeasureError::BadOption {
            measure: "rank_correlation",
            option: "b",
            value: format!("{} numbers", b.len()),
            expected: format!("as many as the other list, {}", a.len()),
        });
    }
    if a.len() < 3 {
        return Ok(None);
    }
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(&b) {
        ab += (x - mean) * (y - mean);
        aa += (x - mean).powi(2);
        bb += (y - mean).powi(2);
    }
    Ok((aa > 0.0 && bb > 0.0).then(|| (ab / (aa * bb).sqrt()).clamp(-1.0, 1.0)))
}

/// Ranks from 0, ties at their mean.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    while first < order.len() {
        let same = order[first..].iter().take_while(|&&i| values[i] == values[order[first]]).count();
        let rank = first as f64 + (same as f64 - 1.0) / 2.0;
        order[first..first + same].iter().for_each(|&i| ranks[i] = rank);
        first += same;
    }
    ranks
}

/// **Do the largest entries of a square matrix lie in its top left corner?** The share of its `count` largest entries (the
/// first in reading order of equals) that lie in the first `corner` rows and columns. Entries in random places give
/// `corner² / n²`.
///
/// # Errors
/// Empty or not finite input; a count of 0 or beyond the entries, a corner beyond the matrix.
pub fn top_share_in_corner<T: Real>(x: ArrayView2<'_, T>, count: usize, corner: usize) -> Result<f64, MeasureError> {
    check::matrix("x", x)?;
    for (option, given, most) in [("count", count, x.len()), ("corner", corner, x.nrows().min(x.ncols()))] {
        if given == 0 || given > most {
            return Err(MeasureError::BadOption {
                measure: "top_share_in_corner",
                option,
                value: given.to_string(),
                expected: format!("from 1 to {most}"),
            });
        }
    }
    let mut entries: Vec<((usize, usize), f64)> = x.indexed_iter().map(|(at, v)| (at, v.to_f64())).collect();
    entries.sort_by(|a, b| b.1.total_cmp(&a.1));
    let inside = entries.iter().take(count).filter(|((row, column), _)| *row < corner && *column < corner).count();
    Ok(inside as f64 / count as f64)
}
