//! One pass over a network's activations: the sums from which almost everything about its circuit follows.

use std::ops::Range;

use kymograph_linalg::{Real, parallel};
use ndarray::{Array1, Array2, s};

use super::Circuit;
use super::losses::from_others;
use crate::MeasureError;

/// Pieces into which the left elements are cut; sums are added piece by piece, so it decides the last bits.
pub(super) const PIECES: usize = 16;

/// Loss and accuracy over some of the pairs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// How many pairs.
    pub pairs: usize,
    /// Mean cross-entropy, nats.
    pub loss: f64,
    /// Share of pairs whose largest logit (the first of equals) is the product.
    pub accuracy: f64,
}

/// Sums of a network's activations over all pairs (a, b) of elements, by left element, right element and product.
#[derive(Clone, Debug, PartialEq)]
pub struct Tables {
    /// Σ_b hidden(a, b): left element × neuron.
    pub hidden_by_left: Array2<f64>,
    /// Σ_a hidden(a, b): right element × neuron.
    pub hidden_by_right: Array2<f64>,
    /// Σ_{ab = g} hidden(a, b): product × neuron.
    pub hidden_by_product: Array2<f64>,
    /// Σ hidden² of each neuron.
    pub hidden_squares: Array1<f64>,
    /// Σ_{ab = g} logits(a, b): product × element.
    pub logits_by_product: Array2<f64>,
    /// The same of logits centred over the elements and scaled to norm one pair by pair; pairs whose logits are all
    /// equal add nothing.
    pub unit_logits_by_product: Array2<f64>,
    /// Σ_{ab = g} of the pair's mean logit.
    pub mean_logit_by_product: Array1<f64>,
    /// Σ logits².
    pub logit_squares: f64,
    /// Σ (logits − the pair's mean logit)².
    pub centred_logit_squares: f64,
    /// Over the pairs that were trained on.
    pub train: Score,
    /// Over the others, if there are any.
    pub test: Option<Score>,
    /// Over all pairs.
    pub all: Score,
}

impl Tables {
    /// Number of elements of the group.
    pub fn order(&self) -> usize {
        self.hidden_by_left.nrows()
    }

    /// Mean of each neuron over all pairs.
    pub fn hidden_means(&self) -> Array1<f64> {
        let pairs = (self.order() * self.order()) as f64;
        self.hidden_by_left.sum_axis(ndarray::Axis(0)) / pairs
    }

    /// Σ over the pairs with product g of the logits less the pair's mean logit: product × element.
    pub fn centred_logits_by_product(&self) -> Array2<f64> {
        let means = self.mean_logit_by_product.view().insert_axis(ndarray::Axis(1));
        &self.logits_by_product - &means
    }
}

/// What do the activations sum to, by left element, right element and product, and how well does the network do?
///
/// Cost: |G|² (h + |G|) additions beside the activations themselves. The same bits for any number of threads.
///
/// # Errors
/// Shapes that do not fit the group, no training pair, an entry of weights, hidden layer or logits that is not finite.
pub fn tables<T: Real>(circuit: &Circuit<'_, T>) -> Result<Tables, MeasureError> {
    circuit.check()?;
    let order = circuit.group.order();
    let ranges = parallel::ranges(order, PIECES);
    let parts = parallel::map_indices(ranges.len(), |piece| part(circuit, ranges[piece].clone()));
    let mut sum = Part::new(order, order, circuit.width());
    for (part, range) in parts.into_iter().zip(ranges) {
        sum.add(&part?, range);
    }
    let pairs = |counts: &Counts| {
        let n = counts.pairs as f64;
        Score { pairs: counts.pairs, loss: counts.loss / n, accuracy: counts.right as f64 / n }
    };
    let all = Counts {
        pairs: sum.train.pairs + sum.test.pairs,
        loss: sum.train.loss + sum.test.loss,
        right: sum.train.right + sum.test.right,
    };
    let finite = sum.squares.sum() + sum.logit_squares + all.loss;
    if !finite.is_finite() {
        return Err(MeasureError::Overflow { measure: "circuit tables", value: finite });
    }
    Ok(Tables {
        hidden_by_left: sum.left,
        hidden_by_right: sum.right,
        hidden_by_product: sum.product,
        hidden_squares: sum.squares,
        logits_by_product: sum.logits,
        unit_logits_by_product: sum.units,
        mean_logit_by_product: sum.means,
        logit_squares: sum.logit_squares,
        centred_logit_squares: sum.centred_squares,
        train: pairs(&sum.train),
        test: (sum.test.pairs > 0).then(|| pairs(&sum.test)),
        all: pairs(&all),
    })
}

#[derive(Clone, Copy, Default)]
struct Counts {
    pairs: usize,
    loss: f64,
    right: usize,
}

impl Counts {
    fn add(&mut self, other: &Counts) {
        self.pairs += other.pairs;
        self.loss += other.loss;
        self.right += other.right;
    }
}

/// The sums over some left elements; `left` holds their rows only.
struct Part {
    left: Array2<f64>,
    right: Array2<f64>,
    product: Array2<f64>,
    squares: Array1<f64>,
    logits: Array2<f64>,
    units: Array2<f64>,
    means: Array1<f64>,
    logit_squares: f64,
    centred_squares: f64,
    train: Counts,
    test: Counts,
}

impl Part {
    fn new(lefts: usize, order: usize, width: usize) -> Self {
        Part {
            left: Array2::zeros((lefts, width)),
            right: Array2::zeros((order, width)),
            product: Array2::zeros((order, width)),
            squares: Array1::zeros(width),
            logits: Array2::zeros((order, order)),
            units: Array2::zeros((order, order)),
            means: Array1::zeros(order),
            logit_squares: 0.0,
            centred_squares: 0.0,
            train: Counts::default(),
            test: Counts::default(),
        }
    }

    fn add(&mut self, other: &Part, lefts: Range<usize>) {
        self.left.slice_mut(s![lefts, ..]).assign(&other.left);
        self.right += &other.right;
        self.product += &other.product;
        self.squares += &other.squares;
        self.logits += &other.logits;
        self.units += &other.units;
        self.means += &other.means;
        self.logit_squares += other.logit_squares;
        self.centred_squares += other.centred_squares;
        self.train.add(&other.train);
        self.test.add(&other.test);
    }
}

fn part<T: Real>(circuit: &Circuit<'_, T>, lefts: Range<usize>) -> Result<Part, MeasureError> {
    let (order, width) = (circuit.group.order(), circuit.width());
    let mut part = Part::new(lefts.len(), order, width);
    let mut hidden = Array2::<T>::zeros((order, width));
    let mut logits = Array2::<T>::zeros((order, order));
    let (mut h, mut z) = (vec![0.0; width], vec![0.0; order]);
    for (at, a) in lefts.enumerate() {
        block(circuit, a, &mut hidden, &mut logits)?;
        for b in 0..order {
            let g = circuit.group.product(a, b);
            widen(&hidden, b, &mut h);
            for (to, x) in [(part.left.row_mut(at), &h), (part.right.row_mut(b), &h), (part.product.row_mut(g), &h)] {
                add(to, x, 1.0);
            }
            for (sum, x) in part.squares.iter_mut().zip(&h) {
                *sum += x * x;
            }
            widen(&logits, b, &mut z);
            add(part.logits.row_mut(g), &z, 1.0);
            let mean = sum(&z) / order as f64;
            part.means[g] += mean;
            part.logit_squares += dot(&z, &z);
            let (top, largest) = largest(&z);
            let counts = if circuit.trained(a * order + b) { &mut part.train } else { &mut part.test };
            counts.pairs += 1;
            counts.right += usize::from(top == g);
            z.iter_mut().for_each(|x| *x -= mean);
            let squares = dot(&z, &z);
            part.centred_squares += squares;
            if squares > 0.0 {
                add(part.units.row_mut(g), &z, squares.sqrt().recip());
            }
            let right = z[g] + mean - largest;
            z[g] = f64::NEG_INFINITY;
            z.iter_mut().for_each(|x| *x = (*x + mean - largest).exp());
            let others = sum(&z);
            counts.loss += from_others(others.ln(), right);
        }
    }
    Ok(part)
}

/// Asks for the activations of one left element and checks what comes.
pub(super) fn block<T: Real>(
    circuit: &Circuit<'_, T>,
    a: usize,
    hidden: &mut Array2<T>,
    logits: &mut Array2<T>,
) -> Result<(), MeasureError> {
    let shapes = (hidden.dim(), logits.dim());
    (circuit.block)(a, hidden, logits);
    for (input, array, shape) in [("hidden", &*hidden, shapes.0), ("logits", &*logits, shapes.1)] {
        if array.dim() != shape || !array.is_standard_layout() {
            let (first, second) = ("circuit", input);
            return Err(MeasureError::ShapeMismatch {
                axis: "entries of a block",
                first,
                first_size: shape.0 * shape.1,
                second,
                second_size: array.len(),
            });
        }
        // Without a way out of the loop it runs over whole registers.
        let clean = array.iter().fold(true, |clean, x| clean & x.is_finite());
        if let Some(((b, at), value)) = array.indexed_iter().find(|(_, x)| !clean && !x.is_finite()) {
            return Err(MeasureError::NotFiniteAt { input, place: vec![a, b, at], value: value.to_f64() });
        }
    }
    Ok(())
}

/// One row in f64.
pub(super) fn widen<T: Real>(array: &Array2<T>, row: usize, to: &mut [f64]) {
    for (to, from) in to.iter_mut().zip(array.row(row)) {
        *to = from.to_f64();
    }
}

fn add(mut to: ndarray::ArrayViewMut1<'_, f64>, x: &[f64], factor: f64) {
    for (to, x) in to.iter_mut().zip(x) {
        *to += factor * x;
    }
}

/// Σ x·y in eight sums side by side.
pub(super) fn dot(x: &[f64], y: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (xs, ys) = (x.chunks_exact(8), y.chunks_exact(8));
    let rest: f64 = xs.remainder().iter().zip(ys.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in xs.zip(ys) {
        for ((sum, x), y) in sums.iter_mut().zip(x).zip(y) {
            *sum += x * y;
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// Σ x, likewise.
fn sum(x: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let chunks = x.chunks_exact(8);
    let rest: f64 = chunks.remainder().iter().sum();
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, x)| *sum += x);
    }
    sums.iter().sum::<f64>() + rest
}

/// Place and value of the largest entry, the first of equals.
fn largest(values: &[f64]) -> (usize, f64) {
    values.iter().enumerate().fold((0, f64::NEG_INFINITY), |best, (at, &x)| if x > best.1 { (at, x) } else { best })
}
