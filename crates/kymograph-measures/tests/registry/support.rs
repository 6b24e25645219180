//! Arrays in general position for every measure of the registry, and the changes that a measure declares.

use kymograph_linalg::{qr, random};
use kymograph_measures::{Array, Change, Kind, Measure, Reading, Side, Transform};
use ndarray::{Array1, Array2, Array4, ArrayD, Axis};

/// The usual shape of a sample.
pub(crate) const ROWS: usize = 24;
pub(crate) const COLUMNS: usize = 7;

/// An array that a test owns.
#[derive(Clone, Debug)]
pub(crate) enum Owned {
    Real(Array2<f64>),
    Single(Array2<f32>),
    Labels(Array1<i64>),
    /// A pattern or a series: not two axes.
    Other(ArrayD<f64>),
    OtherSingle(ArrayD<f32>),
}

impl Owned {
    pub(crate) fn view(&self) -> Array<'_> {
        match self {
            Self::Real(x) => x.view().into(),
            Self::Single(x) => x.view().into(),
            Self::Labels(x) => x.view().into(),
            Self::Other(x) => Array::F64(x.view()),
            Self::OtherSingle(x) => Array::F32(x.view()),
        }
    }
}

pub(crate) fn apply(measure: &Measure, arrays: &[Owned]) -> Result<Reading, String> {
    let views: Vec<Array<'_>> = arrays.iter().map(Owned::view).collect();
    // A few k-means seeds do what a hundred do.
    let fewer = measure.options.iter().filter(|option| option.name == "seeds").map(|option| (option.name, "5"));
    let options = measure.options(fewer).map_err(|error| error.to_string())?;
    measure.apply(&views, &options).map_err(|error| error.to_string())
}

pub(crate) fn value(measure: &Measure, arrays: &[Owned]) -> f64 {
    apply(measure, arrays).unwrap_or_else(|error| panic!("{}: {error}", measure.name)).value
}

/// Arrays of a shape, related as the measure expects: the second follows the first, labels follow the rows, and what
/// goes into the neuron counts has passed a ReLU and has a dead unit. Patterns have so many examples and keys, series four
/// times so many steps.
pub(crate) fn sample(measure: &Measure, rows: usize, columns: usize, seed: u64) -> Vec<Owned> {
    let mut rng = random::stream(seed, "sample");
    match measure.inputs[0].axes.len() {
        1 if measure.inputs[0].kind == Kind::Real => return vec![Owned::Other(series(&mut rng, 4 * rows).into_dyn())],
        1 => {
            let x = Array1::from_shape_fn(rows, |row| (row % 3) as i64 - 1);
            let y = x.mapv(|label| if random::uniform(&mut rng) < 0.3 { label + 5 } else { label / 2 });
            return vec![Owned::Labels(x), Owned::Labels(y)];
        }
        4 => return vec![Owned::Other(pattern(&mut rng, rows, columns).into_dyn())],
        _ => {}
    }
    let mut x: Array2<f64> = random::normal_matrix(&mut rng, rows, columns);
    let labels = Array1::from_shape_fn(rows, |row| (row % 3) as i64 - 1);
    for (mut row, label) in x.outer_iter_mut().zip(&labels) {
        row[0] += 1.5 * *label as f64;
    }
    if ["activation_sparsity", "dead_units"].contains(&measure.name) {
        x.mapv_inplace(|value| value.max(0.0));
        x.column_mut(1).fill(0.0);
    }
    let mut arrays = vec![Owned::Real(x.clone())];
    for input in &measure.inputs[1..] {
        arrays.push(match input.kind {
            Kind::Labels => Owned::Labels(labels.clone()),
            Kind::Real => {
                let noise: Array2<f64> = random::normal_matrix(&mut rng, rows, columns);
                Owned::Real(&x * 0.8 + noise)
            }
        });
    }
    arrays
}

/// Attention of three heads and four queries, one head sharper than the next.
pub(crate) fn pattern(rng: &mut impl rand::Rng, examples: usize, keys: usize) -> Array4<f64> {
    let mut pattern = Array4::from_shape_simple_fn((examples, 3, 4, keys), || random::normal(rng));
    for ((_, head, query, key), value) in pattern.indexed_iter_mut() {
        *value = ((1.0 + head as f64) * (*value + if key == (query + head) % keys { 1.0 } else { 0.0 })).exp();
    }
    for mut row in pattern.lanes_mut(Axis(3)) {
        let sum = row.sum();
        row /= sum;
    }
    pattern
}

/// Three levels and noise.
fn series(rng: &mut impl rand::Rng, steps: usize) -> Array1<f64> {
    Array1::from_shape_fn(steps, |step| [1.0, 9.0, 5.0][3 * step / steps] + 0.4 * random::normal(rng))
}

pub(crate) fn transformed(arrays: &[Owned], transform: Transform) -> Vec<Owned> {
    let change = |(place, array): (usize, &Owned)| {
        if transform.side == Side::First && place > 0 { array.clone() } else { changed(array, transform.change) }
    };
    arrays.iter().enumerate().map(change).collect()
}

/// Draws are the same for every array of a shape, so that one change can be done to several.
fn changed(array: &Owned, change: Change) -> Owned {
    let mut rng = random::stream(11, "change");
    let x = match array {
        Owned::Real(x) => x,
        Owned::Single(_) | Owned::OtherSingle(_) => unreachable!("changes are done in f64"),
        Owned::Other(x) => return Owned::Other(other_changed(x, change)),
        Owned::Labels(labels) => {
            return Owned::Labels(match change {
                Change::PermuteRows => labels.select(Axis(0), &random::permutation(&mut rng, labels.len())),
                Change::RenameLabels => labels.mapv(|label| (label * 7 + 10) % 11),
                _ => labels.clone(),
            });
        }
    };
    let (rows, columns) = x.dim();
    let mut x = x.clone();
    match change {
        Change::PermuteRows => x = x.select(Axis(0), &random::permutation(&mut rng, rows)),
        Change::PermuteColumns => x = x.select(Axis(1), &random::permutation(&mut rng, columns)),
        Change::RotateColumns => {
            let gaussian: Array2<f64> = random::normal_matrix(&mut rng, columns, columns);
            x = x.dot(&qr(gaussian.view()).expect("finite").q);
        }
        Change::Scale => x *= 3.7,
        Change::ScaleRows => {
            for mut row in x.outer_iter_mut() {
                row *= random::normal(&mut rng).exp();
            }
        }
        Change::ScaleColumns => {
            for mut column in x.axis_iter_mut(Axis(1)) {
                column *= (1.5 * random::normal(&mut rng)).exp();
            }
        }
        Change::Translate => {
            x = x + random::normal_matrix::<f64, _>(&mut rng, 1, columns).mapv(|v| 3.0 + v);
        }
        Change::FlipSign => x *= -1.0,
        Change::FlipRowSigns => {
            for mut row in x.outer_iter_mut().step_by(3) {
                row *= -1.0;
            }
        }
        Change::RenameLabels
        | Change::PermuteHeads
        | Change::PermuteQueries
        | Change::PermuteKeys
        | Change::PermuteKeysByHead => {}
    }
    Owned::Real(x)
}

fn other_changed(x: &ArrayD<f64>, change: Change) -> ArrayD<f64> {
    let mut rng = random::stream(11, "change");
    let mut order = |axis: usize| random::permutation(&mut rng, x.len_of(Axis(axis)));
    let axis = match change {
        Change::PermuteRows => 0,
        Change::PermuteHeads => 1,
        Change::PermuteQueries => 2,
        Change::PermuteKeys => 3,
        Change::PermuteKeysByHead => {
            let mut out = x.clone();
            for (head, mut of_head) in out.axis_iter_mut(Axis(1)).enumerate() {
                of_head.assign(&x.index_axis(Axis(1), head).select(Axis(2), &order(3)));
            }
            return out;
        }
        Change::Scale => return x * 3.7,
        Change::Translate => return x + 2.5,
        Change::FlipSign => return -x,
        _ => unreachable!("not a change of patterns or series"),
    };
    x.select(Axis(axis), &order(axis))
}
