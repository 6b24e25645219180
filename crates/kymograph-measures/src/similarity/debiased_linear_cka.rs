//! Centred kernel alignment with the linear kernel and unbiased sums, near 0 for independent noise.

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::inner_products::{Entries, InnerProducts, Pair, dot, few_examples};
use crate::registry::with_pair;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "debiased_linear_cka",
    family: Family::Similarity,
    summary: "Do two representations place the same examples alike, up to rotation and scale, beyond what noise would?",
    inputs: &[Input::activations("x"), Input::activations("y")],
    options: &[],
    range: (-1.0, 1.0),
    ends: "1: one is the other up to rotation, scale and shift; 0: as alike as independent noise; below 0 by chance, or where one places together what the other places apart.",
    unit: "",
    direction: Direction::MoreAlike,
    symmetric: true,
    unchanged_by: &[
        Transform::joint(Change::PermuteRows),
        Transform::first(Change::PermuteColumns),
        Transform::first(Change::RotateColumns),
        Transform::first(Change::Scale),
        Transform::first(Change::Translate),
        Transform::first(Change::FlipSign),
    ],
    changed_by: &[
        Transform::first(Change::PermuteRows),
        Transform::first(Change::ScaleColumns),
        Transform::first(Change::ScaleRows),
        Transform::joint(Change::FlipRowSigns),
    ],
    cost: "examples × features², or examples² × features where that is less",
    misleads: "The sums are unbiased, their ratio is so only for many examples. A few directions of large variance, or a few outlying examples, decide it; the same labels alone make two unrelated networks alike.",
    references: &[
        "Song, Smola, Gretton, Bedo & Borgwardt 2012, Feature selection via dependence maximization (JMLR 13), eq. 5: unbiased HSIC",
        "Nguyen, Raghu & Kornblith 2021, Do wide and deep networks learn the same things? (arXiv:2010.15327), eq. 3",
        "Székely & Rizzo 2014, Partial distance correlation with methods for dissimilarities (arXiv:1310.2926), section 2: the U-centred inner product, hence |value| ≤ 1",
    ],
    version: 1,
    evaluate: |arrays, _| {
        let value = with_pair!(&MEASURE, arrays, |x, y| debiased_linear_cka(x, y))?;
        let note = few_examples(arrays, "the value scatters widely over draws of examples");
        Ok(note.into_iter().fold(Reading::of(value), Reading::with_note))
    },
};

/// **Do two representations place the same examples alike, up to rotation and scale, beyond what noise would?**
///
/// With `K = XXᵀ` and `L = YYᵀ` of the arrays, both with their diagonals set to zero, and n examples,
///
/// `HSIC₁(K, L) = [tr(KL) + (1ᵀK1)(1ᵀL1)/((n−1)(n−2)) − 2/(n−2)·1ᵀKL1] / (n(n−3))`,
///
/// and the value is `HSIC₁(K, L) / √(HSIC₁(K, K)·HSIC₁(L, L))`. `x` is `[example, feature]`, `y` is `[example, other
/// feature]`, rows being the same examples. In [−1, 1]: 1 when one is the other up to rotation, scale and shift; 0 on
/// average for independent noise, so slightly negative values are common.
///
/// Unchanged by an orthogonal rotation, a factor, a shift or a sign of either side, and by reordering examples
/// jointly; changed by a factor per feature.
///
/// **Misleads**: the sums are unbiased, their ratio is so only for many examples; a few directions of large variance, or
/// a few outlying examples, decide it.
///
/// # Errors
/// Numbers of examples that differ, fewer than 4 of them, empty or not finite input, or a side in which all pairs of
/// examples are equally far apart (0/0). Cost: examples × features², or examples² × features where that is less: since
/// shifts change nothing, the arrays are centred, rows of K then sum to 0 with their diagonals, and every term above
/// follows from `‖XᵀY‖²_F` and the diagonals.
///
/// References: Song et al. 2012 (JMLR 13), eq. 5; Nguyen et al. 2021 (arXiv:2010.15327), eq. 3.
///
/// ```
/// use ndarray::Array2;
/// let x = Array2::from_shape_fn((50, 3), |(i, j)| ((i * (7 + 5 * j)) % 11) as f64);
/// let twice = x.mapv(|value| 1.0 - 2.0 * value);
/// let cka = kymograph_measures::similarity::debiased_linear_cka(x.view(), twice.view())?;
/// assert!((cka - 1.0).abs() < 1e-13);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn debiased_linear_cka<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Result<f64, MeasureError> {
    let pair = pair(x, y)?;
    value::<T>(&pair.products(None))
}

/// [`debiased_linear_cka()`] with example i of `x` beside example `order[i]` of `y`, for each of the orders.
pub(super) fn debiased_linear_cka_in_orders<T: Real>(
    x: ArrayView2<'_, T>,
    y: ArrayView2<'_, T>,
    orders: &[Vec<usize>],
) -> Result<Vec<f64>, MeasureError> {
    let pair = pair(x, y)?;
    orders.iter().map(|order| value::<T>(&pair.products(Some(order)))).collect()
}

fn pair<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Result<Pair<T>, MeasureError> {
    let pair = Pair::new(x, y, Entries::OffDiagonal)?;
    check::rows_at_least("x", pair.examples(), 4, "debiased CKA")?;
    Ok(pair)
}

/// Of arrays in the precision of `T`.
fn value<T: Real>(products: &InnerProducts) -> Result<f64, MeasureError> {
    let (k, l) = (&products.x_diagonal, &products.y_diagonal);
    let n = k.len() as f64;
    // 1ᵀK1 = −tr K and 1ᵀKL1 = Σ kᵢlᵢ, because centred rows sum to 0 once the diagonal is added. The factor 1/(n(n−3))
    // cancels in the ratio.
    let hsic = |off_diagonal: f64, k: &[f64], l: &[f64]| {
        off_diagonal + k.iter().sum::<f64>() * l.iter().sum::<f64>() / ((n - 1.0) * (n - 2.0))
            - 2.0 / (n - 2.0) * dot(k, l)
    };
    let (xx, yy) = (hsic(products.xx, k, k), hsic(products.yy, l, l));
    for (input, own, size) in [("x", xx, products.xx + dot(k, k)), ("y", yy, products.yy + dot(l, l))] {
        if own <= 1e3 * T::EPSILON.to_f64() * size {
            return Err(MeasureError::NoVariation { input, what: "all pairs of examples are equally far apart" });
        }
    }
    let value = hsic(products.xy, k, l) / (xx.sqrt() * yy.sqrt());
    // Rounding may pass ±1, which Cauchy and Schwarz do not allow for U-centred matrices.
    check::number(MEASURE.name, value).map(|value| value.clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::super::inner_products::{Form, centred};
    use super::*;
    use kymograph_linalg::random;
    use ndarray::Array2;

    /// The formula as it is written, n × n.
    fn literal(x: &Array2<f64>, y: &Array2<f64>) -> f64 {
        let n = x.nrows();
        let gram = |a: &Array2<f64>| {
            Array2::from_shape_fn((n, n), |(i, j)| if i == j { 0.0 } else { a.row(i).dot(&a.row(j)) })
        };
        let hsic = |k: &Array2<f64>, l: &Array2<f64>| {
            let (kl, m) = (k.dot(l), n as f64);
            let trace: f64 = kl.diag().sum();
            (trace + k.sum() * l.sum() / ((m - 1.0) * (m - 2.0)) - 2.0 / (m - 2.0) * kl.sum()) / (m * (m - 3.0))
        };
        let (k, l) = (gram(x), gram(y));
        hsic(&k, &l) / (hsic(&k, &k) * hsic(&l, &l)).sqrt()
    }

    #[test]
    fn equals_the_formula_as_written() {
        let mut rng = random::stream(3, "test");
        for (n, p, q) in [(4, 1, 1), (5, 3, 2), (30, 4, 7), (12, 40, 3), (9, 25, 60), (80, 5, 5)] {
            let x: Array2<f64> = random::normal_matrix(&mut rng, n, p);
            let y = random::normal_matrix::<f64, _>(&mut rng, n, q) + x.column(0).insert_axis(ndarray::Axis(1)) + 0.5;
            let expected = literal(&x, &y);
            let found = debiased_linear_cka(x.view(), y.view()).unwrap();
            assert!((found - expected).abs() < 1e-12 * (n * n) as f64, "{n} {p} {q}: {found} {expected}");
        }
    }

    #[test]
    fn both_forms_of_the_sums_agree_in_any_order() {
        let mut rng = random::stream(4, "test");
        for (n, p, q) in [(6, 3, 2), (20, 31, 7), (40, 8, 90)] {
            let x = centred("x", random::normal_matrix::<f64, _>(&mut rng, n, p).view()).unwrap();
            let y = centred("y", random::normal_matrix::<f64, _>(&mut rng, n, q).view()).unwrap();
            let order = random::permutation(&mut rng, n);
            let other = y.select(ndarray::Axis(0), &order);
            for entries in [Entries::All, Entries::OffDiagonal] {
                let products = |form, y: &Array2<f64>, order: Option<&[usize]>| {
                    Pair::by(form, x.clone(), y.clone(), entries).products(order)
                };
                let selected = products(Form::ColumnGrams, &other, None);
                for (form, y, order) in [
                    (Form::RowGrams, &other, None),
                    (Form::RowGrams, &y, Some(&order[..])),
                    (Form::ColumnGrams, &y, Some(&order[..])),
                ] {
                    let found = products(form, y, order);
                    assert_eq!(found.y_diagonal, selected.y_diagonal);
                    for (a, b) in [(found.xx, selected.xx), (found.xy, selected.xy), (found.yy, selected.yy)] {
                        assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0) * (n + p + q) as f64, "{a} {b}");
                    }
                }
            }
        }
    }

    #[test]
    fn independent_noise_is_near_zero_where_the_biased_form_is_not() {
        let mut rng = random::stream(5, "test");
        let draws = 40;
        let (mut debiased, mut biased) = (0.0, 0.0);
        for _ in 0..draws {
            let x: Array2<f64> = random::normal_matrix(&mut rng, 40, 60);
            let y: Array2<f64> = random::normal_matrix(&mut rng, 40, 60);
            debiased += debiased_linear_cka(x.view(), y.view()).unwrap() / f64::from(draws);
            biased += super::super::linear_cka(x.view(), y.view()).unwrap() / f64::from(draws);
        }
        // One draw's standard deviation is about √2/n = .036, so the mean's is .006: the band is five of those.
        assert!(debiased.abs() < 0.03, "{debiased}");
        assert!(biased > 0.5, "{biased}");
    }

    #[test]
    fn equally_distant_examples_have_no_alignment() {
        let x = Array2::<f64>::eye(6);
        let y = Array2::from_shape_fn((6, 2), |(i, j)| (i * i + j) as f64);
        let error = debiased_linear_cka(x.view(), y.view()).unwrap_err();
        assert!(matches!(error, MeasureError::NoVariation { input: "x", .. }), "{error}");
        assert!(debiased_linear_cka(y.view(), x.view()).is_err());
    }
}
