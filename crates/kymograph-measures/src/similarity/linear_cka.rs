//! Centred kernel alignment with the linear kernel, as first published (biased).

use kymograph_linalg::Real;
use ndarray::ArrayView2;

use super::inner_products::{Entries, InnerProducts, Pair, few_examples};
use crate::registry::with_pair;
use crate::{Change, Direction, Family, Input, Measure, MeasureError, Reading, Transform, check};

pub(crate) static MEASURE: Measure = Measure {
    name: "linear_cka",
    family: Family::Similarity,
    summary: "Do two representations place the same examples alike, up to rotation and scale?",
    inputs: &[Input::activations("x"), Input::activations("y")],
    options: &[],
    range: (0.0, 1.0),
    ends: "1: one is the other up to rotation, scale and shift; 0: no linear relation (reached only with far more examples than features).",
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
    misleads: "Biased upward: independent noise scores near 1 when features outnumber examples. Use `debiased_linear_cka`. A few directions of large variance, or a few outlying examples, decide it.",
    references: &[
        "Kornblith, Norouzi, Lee & Hinton 2019, Similarity of neural network representations revisited (arXiv:1905.00414), eq. 5 and section 3",
        "Davari et al. 2022, Reliability of CKA as a similarity measure (arXiv:2210.16156)",
    ],
    version: 1,
    evaluate: |arrays, _| {
        let value = with_pair!(&MEASURE, arrays, |x, y| linear_cka(x, y))?;
        let note = few_examples(arrays, "the value is biased upward; use debiased_linear_cka");
        Ok(note.into_iter().fold(Reading::of(value), Reading::with_note))
    },
};

/// **Do two representations place the same examples alike, up to rotation and scale?**
///
/// `‖YᵀX‖²_F / (‖XᵀX‖_F ‖YᵀY‖_F)` of the column-centred arrays; `x` is `[example, feature]`, `y` is `[example, other
/// feature]`, rows being the same examples. In [0, 1]: 1 when one is the other up to rotation, scale and shift; 0 when
/// no feature of one is linearly related to one of the other.
///
/// Unchanged by an orthogonal rotation, a factor, a shift or a sign of either side, and by reordering examples
/// jointly; changed by a factor per feature.
///
/// **Misleads**: it is biased upward, and independent noise scores near 1 when features outnumber examples
/// ([`super::debiased_linear_cka()`] does not); a few directions of large variance, or a few outlying examples, decide
/// it.
///
/// # Errors
/// Numbers of examples that differ, empty or not finite input, or a side that does not vary over examples. Cost:
/// examples × features², or examples² × features where that is less.
///
/// References: Kornblith et al. 2019 (arXiv:1905.00414), eq. 5; Davari et al. 2022 (arXiv:2210.16156).
///
/// ```
/// use ndarray::array;
/// let x = array![[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]];
/// let turned = array![[0.0, 5.0], [-5.0, 0.0], [5.0, -5.0]];
/// let cka = kymograph_measures::similarity::linear_cka(x.view(), turned.view())?;
/// assert!((cka - 1.0).abs() < 1e-15);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn linear_cka<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>) -> Result<f64, MeasureError> {
    value(&Pair::new(x, y, Entries::All)?.products(None))
}

/// [`linear_cka()`] with example i of `x` beside example `order[i]` of `y`, for each of the orders.
pub(super) fn linear_cka_in_orders<T: Real>(
    x: ArrayView2<'_, T>,
    y: ArrayView2<'_, T>,
    orders: &[Vec<usize>],
) -> Result<Vec<f64>, MeasureError> {
    let pair = Pair::new(x, y, Entries::All)?;
    orders.iter().map(|order| value(&pair.products(Some(order)))).collect()
}

fn value(products: &InnerProducts) -> Result<f64, MeasureError> {
    let value = products.xy / (products.xx.sqrt() * products.yy.sqrt());
    // Rounding may pass 1, which Cauchy and Schwarz do not allow.
    check::number(MEASURE.name, value).map(|value| value.clamp(0.0, 1.0))
}
