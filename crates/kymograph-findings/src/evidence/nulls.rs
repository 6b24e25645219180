//! Drawing nulls: arrays in which there is nothing to find, of the same shape as those that were measured.

use kymograph_linalg::random::{permutation, stream_at};
use kymograph_linalg::statistics::{Tail, mean, permutation_p_value, quantile};
use kymograph_linalg::{LinalgError, Real};
use kymograph_measures::{Array, Measure, Options};
use ndarray::{Array1, Array2, Axis};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use super::arrays::{Column, Matrix, Sourced};
use crate::finding::Null;
use crate::plan::NullKind;

/// Fewer draws cannot reach a p-value of .05.
const FEWEST_FOR_P: usize = 19;

/// The real inputs of a row, and its labels where the measure wants them.
pub(super) struct Inputs<'a> {
    pub(super) arrays: Vec<&'a Sourced>,
    pub(super) labels: Option<Array1<i64>>,
    /// Whether one of the arrays is of the run's own step 0.
    pub(super) from_step_0: bool,
}

impl Inputs<'_> {
    pub(super) fn views(&self) -> Vec<Array<'_>> {
        let mut views: Vec<Array<'_>> = self.arrays.iter().map(|s| s.matrix.view()).collect();
        views.extend(self.labels.as_ref().map(|l| Array::Labels(l.view())));
        views
    }
}

/// A row that was measured, for which nulls are to be drawn.
pub(super) struct Observed<'a> {
    pub(super) measure: &'a Measure,
    pub(super) options: &'a Options,
    pub(super) inputs: &'a Inputs<'a>,
    pub(super) column: &'a Column<'a>,
    pub(super) value: f64,
    pub(super) seed: u64,
}

/// Draws one null; an `Err` is a note that says why there is none.
pub(super) fn draw(kind: NullKind, draws: usize, row: &Observed<'_>) -> Result<Null, String> {
    let Observed { measure, options, inputs, column, value: observed, seed } = *row;
    let evaluate = |views: &[Array<'_>]| measure.apply(views, options).map(|r| r.value).map_err(|e| e.to_string());
    let mut values = Vec::new();
    if kind == NullKind::Untrained {
        if column.untrained_is_own && inputs.from_step_0 {
            return Err("null `untrained` not measured: this is the only untrained network there is".to_owned());
        }
        if column.untrained.is_empty() {
            return Err("null `untrained` not measured: no checkpoint at step 0".to_owned());
        }
        for source in &column.untrained {
            let mut arrays = inputs.arrays.clone();
            arrays[0] = source;
            let replaced = Inputs { arrays, labels: inputs.labels.clone(), from_step_0: false };
            values.push(evaluate(&replaced.views()).map_err(|e| format!("null `untrained` not measured: {e}"))?);
        }
    } else {
        for draw in 0..draws {
            let mut rng = stream_at(seed, kind.name(), draw as u64);
            let value = match (kind, inputs.arrays.as_slice(), &inputs.labels) {
                (NullKind::PermutedExamples, [x], Some(labels)) => {
                    let order = permutation(&mut rng, labels.len());
                    let shuffled = labels.select(Axis(0), &order);
                    evaluate(&[x.matrix.view(), Array::Labels(shuffled.view())])
                }
                (_, [x], _) => evaluate(&[shuffled_columns(&x.matrix, &mut rng).view()]),
                (NullKind::RandomWalk, [x, y], _) => {
                    evaluate(&[x.matrix.view(), random_walk(&x.matrix, &y.matrix, &mut rng)?.view()])
                }
                (_, [x, y], _) => evaluate(&[x.matrix.view(), permuted_rows(&y.matrix, &mut rng).view()]),
                _ => Err("has no inputs".to_owned()),
            };
            values.push(value.map_err(|e| format!("null `{}` not measured: {e}", kind.name()))?);
        }
    }
    summarise(kind, &values, observed).map_err(|e| format!("null `{}` not measured: {e}", kind.name()))
}

fn summarise(kind: NullKind, values: &[f64], observed: f64) -> Result<Null, LinalgError> {
    let mean = mean(values)?;
    // Draws that differ from the observation by rounding alone are ties: a null the measure does not feel gets p = 1.
    let tie = 1e-9 * observed.abs().max(mean.abs());
    let snapped = |v: f64| if (v - observed).abs() <= tie { observed } else { v };
    let centred: Vec<f64> = values.iter().map(|&v| snapped(v) - mean).collect();
    let p = permutation_p_value(observed - mean, &centred, Tail::TwoSided)?;
    Ok(Null {
        kind: kind.name().to_owned(),
        mean,
        interval: [quantile(values, 0.025)?, quantile(values, 0.975)?],
        n: values.len(),
        p: (values.len() >= FEWEST_FOR_P).then_some(p),
    })
}

fn permuted_rows(matrix: &Matrix, rng: &mut impl Rng) -> Matrix {
    let order = permutation(rng, matrix.rows());
    match matrix {
        Matrix::F32(m) => Matrix::F32(m.select(Axis(0), &order)),
        Matrix::F64(m) => Matrix::F64(m.select(Axis(0), &order)),
    }
}

fn shuffled_columns(matrix: &Matrix, rng: &mut impl Rng) -> Matrix {
    fn shuffle<T: Real>(m: &Array2<T>, rng: &mut impl Rng) -> Array2<T> {
        let mut out = m.clone();
        for mut column in out.columns_mut() {
            let order = permutation(rng, column.len());
            let original = column.to_owned();
            for (slot, &from) in column.iter_mut().zip(&order) {
                *slot = original[from];
            }
        }
        out
    }
    match matrix {
        Matrix::F32(m) => Matrix::F32(shuffle(m, rng)),
        Matrix::F64(m) => Matrix::F64(shuffle(m, rng)),
    }
}

/// The first array after a step of the observed length in a random direction.
fn random_walk(from: &Matrix, to: &Matrix, rng: &mut impl Rng) -> Result<Matrix, String> {
    fn walk<T: Real>(from: &Array2<T>, to: &Array2<T>, rng: &mut impl Rng) -> Result<Array2<T>, String> {
        if from.dim() != to.dim() {
            return Err(format!("the two arrays have shapes {:?} and {:?}", from.dim(), to.dim()));
        }
        let squared = |total: f64, v: f64| total + v * v;
        let length = from.iter().zip(to).map(|(a, b)| b.to_f64() - a.to_f64()).fold(0.0, squared).sqrt();
        let noise: Vec<f64> = (0..from.len()).map(|_| StandardNormal.sample(rng)).collect();
        let scale = length / noise.iter().copied().fold(0.0, squared).sqrt().max(f64::MIN_POSITIVE);
        let mut out = from.clone();
        for (slot, z) in out.iter_mut().zip(&noise) {
            *slot = T::from_f64(slot.to_f64() + scale * z);
        }
        Ok(out)
    }
    match (from, to) {
        (Matrix::F32(a), Matrix::F32(b)) => walk(a, b, rng).map(Matrix::F32),
        (Matrix::F64(a), Matrix::F64(b)) => walk(a, b, rng).map(Matrix::F64),
        _ => Err("the two arrays are stored in different precisions".to_owned()),
    }
}
