//! The rows that k-means works on, and one of its starts.

use std::collections::HashSet;

use kymograph_linalg::{Real, matmul_into_sequential, random, squared_distances};
use ndarray::{Array2, ArrayView2, Axis};

use super::KMeansOptions;
use super::kmeans::Fit;
use crate::{MeasureError, check};

/// Up to this many rows, their squared distances from each other are held (32 MB) and centres are never formed.
const TABLE: usize = 2048;
/// Two neighbours, each nearest to the other, lower the potential exactly alike: rounding must not choose between them.
const TIE: f64 = 1e-9;
/// The label of a row that belongs to no cluster yet.
const NONE: usize = usize::MAX;

/// Rows about their mean, in units in which no square overflows.
pub(crate) struct Points {
    input: &'static str,
    rows: Array2<f64>,
    mean: Vec<f64>,
    scale: f64,
    table: Option<Array2<f64>>,
}

impl Points {
    pub(crate) fn new<T: Real>(input: &'static str, x: ArrayView2<'_, T>) -> Result<Self, MeasureError> {
        check::matrix(input, x)?;
        let scale = check::binary_scale(x.iter());
        let mut rows = Array2::from_shape_fn(x.dim(), |place| x[place].to_f64() / scale);
        let n = rows.nrows() as f64;
        let mean: Vec<f64> = rows.sum_axis(Axis(0)).iter().map(|sum| sum / n).collect();
        for mut row in rows.outer_iter_mut() {
            row.iter_mut().zip(&mean).for_each(|(value, mean)| *value -= mean);
        }
        Ok(Self { input, rows, mean, scale, table: None })
    }

    /// Makes ready for fits, and says what is wrong with the options.
    pub(super) fn prepare(&mut self, measure: &'static str, options: &KMeansOptions) -> Result<(), MeasureError> {
        let bad = |option, value: usize, expected: String| {
            Err(MeasureError::BadOption { measure, option, value: value.to_string(), expected })
        };
        let n = self.rows.nrows();
        if options.k == 0 || options.k > n {
            return bad("k", options.k, format!("from 1 to the number of rows, {n}"));
        }
        if options.n_init == 0 {
            return bad("n_init", 0, "at least 1".to_string());
        }
        if options.max_iterations == 0 {
            return bad("max_iterations", 0, "at least 1".to_string());
        }
        let distinct = self.distinct(options.k);
        if distinct < options.k {
            return Err(MeasureError::TooFewDistinctRows { input: self.input, distinct, k: options.k });
        }
        if n <= TABLE {
            self.hold_distances(measure)?;
        }
        Ok(())
    }

    pub(super) fn hold_distances(&mut self, measure: &'static str) -> Result<(), MeasureError> {
        let table = squared_distances(self.rows.view(), self.rows.view()).map_err(check::kernel(measure))?;
        self.table = Some(table);
        Ok(())
    }

    pub(crate) fn rows(&self) -> ArrayView2<'_, f64> {
        self.rows.view()
    }

    /// Squared distances between all rows, if they are held.
    pub(super) fn table(&self) -> Option<ArrayView2<'_, f64>> {
        self.table.as_ref().map(|table| table.view())
    }

    /// How many rows are different, counting no further than `enough`.
    pub(crate) fn distinct(&self, enough: usize) -> usize {
        let mut seen = HashSet::new();
        for row in self.rows.outer_iter() {
            // −0 and 0 are the same place.
            seen.insert(row.iter().map(|value| (value + 0.0).to_bits()).collect::<Vec<u64>>());
            if seen.len() >= enough {
                break;
            }
        }
        seen.len()
    }

    pub(super) fn inertia_in_units(&self, inertia: f64) -> f64 {
        inertia * self.scale * self.scale
    }

    /// The mean of every cluster, in the units of the input.
    pub(super) fn centres_in_units(&self, labels: &[usize], k: usize) -> Array2<f64> {
        let mut centres = self.centres(labels, k);
        for mut centre in centres.outer_iter_mut() {
            centre.iter_mut().zip(&self.mean).for_each(|(value, mean)| *value = (*value + mean) * self.scale);
        }
        centres
    }

    /// One start: centres by k-means++, then Lloyd's iterations until no label changes.
    pub(super) fn fit(&self, options: &KMeansOptions, seed: u64, start: usize) -> Result<Fit, MeasureError> {
        let mut rng = random::stream_at(seed, "kmeans", start as u64);
        // At first every cluster is the one row chosen as its centre.
        let mut labels = vec![NONE; self.rows.nrows()];
        for (cluster, row) in self.starting_rows(options.k, &mut rng)?.into_iter().enumerate() {
            labels[row] = cluster;
        }
        let (mut iterations, mut converged) = (0, false);
        let mut distances = Array2::zeros((self.rows.nrows(), options.k));
        while iterations < options.max_iterations && !converged {
            iterations += 1;
            self.to_centres(&labels, &mut distances);
            let mut next: Vec<usize> = distances.outer_iter().map(|row| lowest(row.iter())).collect();
            fill_empty(&mut next, &distances);
            converged = next == labels;
            labels = next;
        }
        let centres = self.centres(&labels, options.k);
        let inertia =
            self.rows.outer_iter().zip(&labels).map(|(row, &c)| apart(row.iter(), centres.row(c).iter())).sum();
        Ok(Fit { labels, inertia, iterations, converged })
    }

    /// The rows that k-means++ chooses as first centres.
    fn starting_rows(&self, k: usize, rng: &mut impl rand::Rng) -> Result<Vec<usize>, MeasureError> {
        let candidates = 2 + (k as f64).ln() as usize;
        let mut chosen = vec![random::below(rng, self.rows.nrows())];
        let mut nearest = self.to_row(chosen[0]);
        while chosen.len() < k {
            let total: f64 = nearest.iter().sum();
            if total <= 0.0 {
                return Err(MeasureError::TooFewDistinctRows { input: self.input, distinct: chosen.len(), k });
            }
            let mut best: Option<(f64, usize, Vec<f64>)> = None;
            for _ in 0..candidates {
                let row = weighted(&nearest, random::uniform(rng) * total);
                let mut with = self.to_row(row);
                with.iter_mut().zip(&nearest).for_each(|(new, old)| *new = new.min(*old));
                let potential: f64 = with.iter().sum();
                if best.as_ref().is_none_or(|(least, ..)| potential < *least * (1.0 - TIE)) {
                    best = Some((potential, row, with));
                }
            }
            if let Some((_, row, with)) = best {
                chosen.push(row);
                nearest = with;
            }
        }
        Ok(chosen)
    }

    /// Squared distance of every row from one of them.
    fn to_row(&self, row: usize) -> Vec<f64> {
        match &self.table {
            Some(table) => table.row(row).to_vec(),
            None => {
                let to = self.rows.row(row);
                self.rows.outer_iter().map(|from| apart(from.iter(), to.iter())).collect()
            }
        }
    }

    /// Squared distance of every row from the mean of every cluster.
    fn to_centres(&self, labels: &[usize], distances: &mut Array2<f64>) {
        match &self.table {
            Some(table) => by_table(table, labels, distances),
            None => {
                let centres = self.centres(labels, distances.ncols());
                let norms: Vec<f64> = centres.outer_iter().map(|centre| centre.dot(&centre)).collect();
                matmul_into_sequential(-2.0, self.rows.view(), centres.t(), 0.0, distances.view_mut());
                for (mut to, row) in distances.outer_iter_mut().zip(self.rows.outer_iter()) {
                    let size = row.dot(&row);
                    to.iter_mut().zip(&norms).for_each(|(value, norm)| *value += norm + size);
                }
            }
        }
    }

    fn centres(&self, labels: &[usize], k: usize) -> Array2<f64> {
        let mut centres = Array2::<f64>::zeros((k, self.rows.ncols()));
        let mut sizes = vec![0.0; k];
        for (row, &label) in self.rows.outer_iter().zip(labels) {
            if label != NONE {
                sizes[label] += 1.0;
                let mut centre = centres.row_mut(label);
                centre += &row;
            }
        }
        for (mut centre, size) in centres.outer_iter_mut().zip(sizes) {
            centre.mapv_inplace(|value| value / f64::max(size, 1.0));
        }
        centres
    }
}

/// The squared distance from a mean without the mean: the mean squared distance from its members, less half of their
/// mean squared distance from each other.
fn by_table(table: &Array2<f64>, labels: &[usize], distances: &mut Array2<f64>) {
    let k = distances.ncols();
    let mut sizes = vec![0.0; k];
    labels.iter().filter(|label| **label != NONE).for_each(|&label| sizes[label] += 1.0);
    let mut within = vec![0.0; k];
    distances.fill(0.0);
    for ((mut sums, from), &own) in distances.outer_iter_mut().zip(table.outer_iter()).zip(labels) {
        for (distance, &label) in from.iter().zip(labels) {
            if label != NONE {
                sums[label] += distance;
            }
        }
        if own != NONE {
            within[own] += sums[own];
        }
    }
    let half: Vec<f64> = within.iter().zip(&sizes).map(|(sum, size)| sum / (2.0 * size * size)).collect();
    for mut sums in distances.outer_iter_mut() {
        for ((value, size), half) in sums.iter_mut().zip(&sizes).zip(&half) {
            *value = *value / size - half;
        }
    }
}

/// A cluster without rows takes the row farthest from its own centre, among clusters of two or more.
fn fill_empty(labels: &mut [usize], distances: &Array2<f64>) {
    let mut sizes = vec![0_usize; distances.ncols()];
    labels.iter().for_each(|&label| sizes[label] += 1);
    let mut moved = vec![false; labels.len()];
    for empty in 0..sizes.len() {
        if sizes[empty] > 0 {
            continue;
        }
        let mut farthest: Option<(f64, usize)> = None;
        for (row, &label) in labels.iter().enumerate() {
            let distance = distances[[row, label]];
            if sizes[label] >= 2 && !moved[row] && farthest.is_none_or(|(most, _)| distance > most) {
                farthest = Some((distance, row));
            }
        }
        if let Some((_, row)) = farthest {
            sizes[labels[row]] -= 1;
            sizes[empty] = 1;
            labels[row] = empty;
            moved[row] = true;
        }
    }
}

/// The place of the least value, the first of equals.
fn lowest<'a>(values: impl Iterator<Item = &'a f64>) -> usize {
    let mut best = (f64::INFINITY, 0);
    for (place, &value) in values.enumerate() {
        if value < best.0 {
            best = (value, place);
        }
    }
    best.1
}

fn apart<'a>(a: impl Iterator<Item = &'a f64>, b: impl Iterator<Item = &'a f64>) -> f64 {
    a.zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// The first place where the running sum of weights passes `level`; a place of weight 0 is never chosen.
fn weighted(weights: &[f64], level: f64) -> usize {
    let (mut sum, mut last) = (0.0, 0);
    for (place, &weight) in weights.iter().enumerate() {
        sum += weight;
        if weight > 0.0 {
            last = place;
            if sum > level {
                break;
            }
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_from_means_are_the_same_with_and_without_the_means() {
        let mut rng = random::stream(6, "test");
        let x: Array2<f64> = random::normal_matrix(&mut rng, 30, 4);
        let plain = Points::new("x", x.view()).unwrap();
        let mut held = Points::new("x", x.view()).unwrap();
        held.hold_distances("test").unwrap();
        let mut labels: Vec<usize> = (0..30).map(|row| row * row % 7 % 3).collect();
        labels[4] = NONE;
        let (mut one, mut other) = (Array2::zeros((30, 3)), Array2::zeros((30, 3)));
        plain.to_centres(&labels, &mut one);
        held.to_centres(&labels, &mut other);
        let centres = plain.centres(&labels, 3);
        for (place, &value) in one.indexed_iter() {
            let literal = apart(plain.rows.row(place.0).iter(), centres.row(place.1).iter());
            assert!((value - literal).abs() < 1e-13 && (other[place] - literal).abs() < 1e-13);
        }
        let options = KMeansOptions { k: 5, ..Default::default() };
        for start in 0..10 {
            let (a, b) = (plain.fit(&options, 1, start).unwrap(), held.fit(&options, 1, start).unwrap());
            assert_eq!((a.labels, a.iterations), (b.labels, b.iterations));
        }
    }

    #[test]
    fn an_emptied_cluster_takes_the_farthest_row_of_a_shared_one() {
        let distances = ndarray::array![[4.0, 9.0, 99.0], [1.0, 9.0, 99.0], [4.0, 9.0, 99.0], [50.0, 49.0, 99.0]];
        let mut labels = vec![0, 0, 0, 1];
        fill_empty(&mut labels, &distances);
        assert_eq!(labels, [2, 0, 0, 1], "row 3 is alone, rows 0 and 2 are equally far: the lower index goes");
    }

    #[test]
    fn a_row_at_distance_zero_is_never_drawn() {
        assert_eq!(weighted(&[0.0, 1.0, 0.0, 2.0], 0.0), 1);
        assert_eq!(weighted(&[0.0, 1.0, 0.0, 2.0], 1.0), 3);
        assert_eq!(weighted(&[0.0, 1.0, 2.0, 0.0], 3.5), 2, "rounding past the end stays on a weight");
    }
}
