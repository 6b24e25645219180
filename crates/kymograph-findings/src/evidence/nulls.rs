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
    /// The arrays' steps; none for arrays that stand in for others.
    pub(super) steps: &'a [u64],
}

impl Inputs<'_> {
    /// Whether it is two arrays and nothing else.
    fn is_pair(&self) -> bool {
        self.arrays.len() == 2 && self.labels.is_none()
    }

    /// In the order in which the measure takes them.
    pub(super) fn views(&self, measure: &Measure) -> Vec<Array<'_>> {
        let mut views: Vec<Array<'_>> = self.arrays.iter().map(|s| s.view(measure.inputs[0].axes.len())).collect();
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
pub(super) fn draw(kind: &NullKind, draws: usize, row: &Observed<'_>) -> Result<Null, String> {
    let values = match kind {
        NullKind::Untrained => untrained(row),
        NullKind::OtherSeed => other_seeds(row),
        NullKind::Control(name) => control(name, row),
        NullKind::PermutedExamples | NullKind::PermutedUnits if row.inputs.is_pair() => in_orders(kind, draws, row),
        _ => (0..draws).map(|draw| drawn(kind, draw, row)).collect(),
    };
    values
        .and_then(|values| summarise(kind.name(), &values, row.value).map_err(|e| e.to_string()))
        .map_err(|reason| format!("null `{}` not measured: {reason}", kind.name()))
}

/// The value between the later array and the same array in this seed's run of the control.
pub(super) fn ceiling(kind: &NullKind, steps: &[u64], row: &Observed<'_>) -> Result<Null, String> {
    let missing = |reason: &str| format!("ceiling `{}` not measured: {reason}", kind.name());
    let NullKind::Control(name) = kind else { return Err(missing("it is no control")) };
    let (Some(step), Some(own)) = (steps.last(), row.inputs.arrays.last()) else {
        return Err(missing("the row has no arrays"));
    };
    let runs = row.column.controls.get(name).map(Vec::as_slice).unwrap_or_default();
    let same_seed = runs.iter().find(|(seed, _)| *seed == row.column.seed);
    let other = same_seed.and_then(|(_, run)| run.get(step)).ok_or_else(|| missing("the control was not run"))?;
    let value = evaluate(row, vec![own, other], row.inputs.labels.clone()).map_err(|e| missing(&e))?;
    Ok(Null { kind: kind.name(), mean: value, interval: [value, value], n: 1, p: None })
}

fn evaluate(row: &Observed<'_>, arrays: Vec<&Sourced>, labels: Option<Array1<i64>>) -> Result<f64, String> {
    let inputs = Inputs { arrays, labels, steps: &[] };
    row.measure.apply(&inputs.views(row.measure), row.options).map(|r| r.value).map_err(|e| e.to_string())
}

fn untrained(row: &Observed<'_>) -> Result<Vec<f64>, String> {
    if row.column.untrained_is_own && row.inputs.steps.contains(&0) {
        return Err("this is the only untrained network there is".to_owned());
    }
    if row.column.untrained.is_empty() {
        return Err("no checkpoint at step 0".to_owned());
    }
    let replaced = |source| {
        let mut arrays = row.inputs.arrays.clone();
        arrays[0] = source;
        evaluate(row, arrays, row.inputs.labels.clone())
    };
    row.column.untrained.iter().map(replaced).collect()
}

fn other_seeds(row: &Observed<'_>) -> Result<Vec<f64>, String> {
    let [first, _] = row.inputs.arrays.as_slice() else { return Err("the row has not two arrays".to_owned()) };
    let later = row.inputs.steps.last().copied().unwrap_or_default();
    let others: Vec<&Sourced> = row.column.sisters.iter().filter_map(|sister| sister.get(&later)).collect();
    if others.is_empty() {
        return Err("there is no other seed".to_owned());
    }
    others.into_iter().map(|other| evaluate(row, vec![first, other], row.inputs.labels.clone())).collect()
}

fn control(name: &str, row: &Observed<'_>) -> Result<Vec<f64>, String> {
    let runs = row.column.controls.get(name).map(Vec::as_slice).unwrap_or_default();
    let whole = runs.iter().filter_map(|(_, run)| row.inputs.steps.iter().map(|step| run.get(step)).collect());
    let arrays: Vec<Vec<&Sourced>> = whole.collect();
    if arrays.is_empty() {
        return Err("the control was not run".to_owned());
    }
    arrays.into_iter().map(|arrays| evaluate(row, arrays, row.inputs.labels.clone())).collect()
}

/// The rows of the later array in random orders.
fn in_orders(kind: &NullKind, draws: usize, row: &Observed<'_>) -> Result<Vec<f64>, String> {
    let [x, y] = row.inputs.arrays.as_slice() else { return Err("the row has not two arrays".to_owned()) };
    let order = |draw| permutation(&mut stream_at(row.seed, &kind.name(), draw as u64), y.matrix.rows());
    let orders: Vec<Vec<usize>> = (0..draws).map(order).collect();
    let values = row.measure.apply_in_orders([x.matrix.view(), y.matrix.view()], row.options, &orders);
    values.map_err(|e| e.to_string())
}

fn drawn(kind: &NullKind, draw: usize, row: &Observed<'_>) -> Result<f64, String> {
    let mut rng = stream_at(row.seed, &kind.name(), draw as u64);
    let labels = &row.inputs.labels;
    match (kind, row.inputs.arrays.as_slice()) {
        (NullKind::PermutedExamples, arrays) if labels.is_some() => {
            let shuffled = labels.as_ref().map(|labels| {
                let order = permutation(&mut rng, labels.len());
                labels.select(Axis(0), &order)
            });
            with_labels(row, arrays.iter().map(|s| s.matrix.view()).collect(), &shuffled)
        }
        (NullKind::PermutedKeys, [x]) => {
            let permuted = permuted_keys(x, &mut rng)?;
            with_labels(row, vec![x.shaped(&permuted, 4)], labels)
        }
        (_, [x]) => with_labels(row, vec![shuffled_columns(&x.matrix, &mut rng).view()], labels),
        (NullKind::RandomWalk, [x, y]) => {
            with_labels(row, vec![x.matrix.view(), random_walk(&x.matrix, &y.matrix, &mut rng)?.view()], labels)
        }
        _ => Err("the row has no inputs".to_owned()),
    }
}

/// The value of other arrays, with these labels where the row has some.
fn with_labels<'v>(
    row: &Observed<'_>,
    mut views: Vec<Array<'v>>,
    labels: &'v Option<Array1<i64>>,
) -> Result<f64, String> {
    views.extend(labels.as_ref().map(|labels| Array::Labels(labels.view())));
    row.measure.apply(&views, row.options).map(|r| r.value).map_err(|e| e.to_string())
}

/// The draws in a row's terms: their mean, central interval and the p-value of what was observed.
pub(crate) fn summarise(kind: String, values: &[f64], observed: f64) -> Result<Null, LinalgError> {
    let mean = mean(values)?;
    // Draws that differ from the observation by rounding alone are ties: a null the measure does not feel gets p = 1.
    let tie = 1e-9 * observed.abs().max(mean.abs());
    let snapped = |v: f64| if (v - observed).abs() <= tie { observed } else { v };
    let centred: Vec<f64> = values.iter().map(|&v| snapped(v) - mean).collect();
    let p = permutation_p_value(observed - mean, &centred, Tail::TwoSided)?;
    Ok(Null {
        kind,
        mean,
        interval: [quantile(values, 0.025)?, quantile(values, 0.975)?],
        n: values.len(),
        p: (values.len() >= FEWEST_FOR_P).then_some(p),
    })
}

/// Attention with the keys of every head in an order of its own, the same for all examples and queries.
fn permuted_keys(pattern: &Sourced, rng: &mut impl Rng) -> Result<Matrix, String> {
    let [_, heads, queries, keys] = pattern.shape[..] else { return Err("the array is not a pattern".to_owned()) };
    let mut columns = Vec::with_capacity(heads * queries * keys);
    for head in 0..heads {
        let order = permutation(rng, keys);
        for query in 0..queries {
            columns.extend(order.iter().map(|key| (head * queries + query) * keys + key));
        }
    }
    Ok(match &pattern.matrix {
        Matrix::F32(m) => Matrix::F32(m.select(Axis(1), &columns).as_standard_layout().into_owned()),
        Matrix::F64(m) => Matrix::F64(m.select(Axis(1), &columns).as_standard_layout().into_owned()),
    })
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
