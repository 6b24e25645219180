//! Ridge regression to one-hot targets on every training part, and what it names the examples held out.

use kymograph_linalg::{Real, column_gram, cross_column_gram, gram, matmul, parallel};
use ndarray::{Array1, ArrayView1, ArrayView2, Axis, concatenate, s};

use super::cholesky;
use super::folds::Folds;
use crate::MeasureError;

/// The class named for every example of each of `tests` by the probe that was trained on the other folds of `z`. All are
/// `[example, feature]`, `one_hot` is `[example, class]`, examples in fold order; so are the answers, one list per test.
pub(super) fn named<T: Real>(
    measure: &'static str,
    z: ArrayView2<'_, T>,
    tests: &[ArrayView2<'_, T>],
    one_hot: ArrayView2<'_, T>,
    folds: &Folds,
    penalty: f64,
) -> Result<Vec<Vec<usize>>, MeasureError> {
    let solve = if z.ncols() <= fewest(folds) { primal } else { dual };
    solve(z, tests, one_hot, folds, penalty).ok_or(MeasureError::Kernel {
        measure,
        message: "the ridge system is singular to working precision; raise `penalty`".to_string(),
    })
}

/// Says when the training part could be fitted exactly.
pub(super) fn few_examples(features: usize, folds: &Folds) -> Option<String> {
    let fewest = fewest(folds);
    (fewest < features).then(|| {
        format!(
            "{fewest} training examples for {features} features: the training part can be fitted exactly, whatever the labels"
        )
    })
}

fn fewest(folds: &Folds) -> usize {
    (0..folds.count()).map(|fold| folds.training(fold)).min().unwrap_or(0)
}

/// The class named for every example of each of `tests` (in fold order) by the probe that was trained on the other folds of
/// `z`, from features × features systems. Sums over a training part are those over everything less those over the
/// held-out part.
fn primal<T: Real>(
    z: ArrayView2<'_, T>,
    tests: &[ArrayView2<'_, T>],
    one_hot: ArrayView2<'_, T>,
    folds: &Folds,
    penalty: f64,
) -> Option<Vec<Vec<usize>>> {
    let (squares, cross) = (column_gram(z), cross_column_gram(z, one_hot));
    let (sums, counts) = (column_sums(z), column_sums(one_hot));
    let of_fold = |fold: usize| {
        let held_out = folds.range(fold);
        let test = z.slice(s![held_out.clone(), ..]);
        let test_classes = one_hot.slice(s![held_out.clone(), ..]);
        let n = folds.training(fold) as f64;
        let mean = (&sums - &column_sums(test)) / n;
        let share = (&counts - &column_sums(test_classes)) / n;
        let mut system = &squares - &column_gram(test);
        let mut target = &cross - &cross_column_gram(test, test_classes);
        for (i, mut row) in system.outer_iter_mut().enumerate() {
            row.scaled_add(-n * mean[i], &mean);
        }
        for (i, mut row) in target.outer_iter_mut().enumerate() {
            row.scaled_add(-n * mean[i], &share);
        }
        let total = squares.diag();
        let inverse: Array1<f64> = (0..z.ncols())
            .map(|feature| inverse_spread::<T>(system[[feature, feature]] / n, total[feature] / z.nrows() as f64))
            .collect();
        for (i, mut row) in system.outer_iter_mut().enumerate() {
            row.iter_mut().zip(&inverse).for_each(|(value, other)| *value *= inverse[i] * other);
            row[i] += n * penalty;
        }
        for (mut row, inverse) in target.outer_iter_mut().zip(&inverse) {
            row.mapv_inplace(|value| value * inverse);
        }
        let mut weights = cholesky::solve(system, target)?;
        for (mut row, inverse) in weights.outer_iter_mut().zip(&inverse) {
            row.mapv_inplace(|value| value * inverse);
        }
        let offset = &share - &mean.dot(&weights);
        let of_test = |test: &ArrayView2<'_, T>| {
            let test = test.slice(s![held_out.clone(), ..]).mapv(Real::to_f64);
            let outputs = matmul(test.view(), weights.view());
            outputs.outer_iter().map(|row| largest(&row, &offset)).collect::<Vec<usize>>()
        };
        Some(tests.iter().map(of_test).collect::<Vec<_>>())
    };
    parallel::map_indices(folds.count(), of_fold).into_iter().collect::<Option<Vec<_>>>().map(by_test)
}

/// The same from examples × examples systems, for more features than examples.
fn dual<T: Real>(
    z: ArrayView2<'_, T>,
    tests: &[ArrayView2<'_, T>],
    one_hot: ArrayView2<'_, T>,
    folds: &Folds,
    penalty: f64,
) -> Option<Vec<Vec<usize>>> {
    let total = column_squares(z);
    let of_fold = |fold: usize| {
        let held_out = folds.range(fold);
        let training = |a: ArrayView2<'_, T>| {
            let (before, after) = (a.slice(s![..held_out.start, ..]), a.slice(s![held_out.end.., ..]));
            concatenate(Axis(0), &[before, after]).ok()
        };
        let (train, train_classes) = (training(z)?, training(one_hot)?);
        let n = train.nrows() as f64;
        let (mean, share) = (column_sums(train.view()) / n, column_sums(train_classes.view()) / n);
        let spread = column_squares(train.view()) / n - &mean * &mean;
        let inverse: Vec<f64> = spread
            .iter()
            .zip(&total)
            .map(|(spread, total)| inverse_spread::<T>(*spread, total / z.nrows() as f64))
            .collect();
        let standardised = |a: ArrayView2<'_, T>| {
            let mut a = a.to_owned();
            for mut row in a.outer_iter_mut() {
                for ((value, mean), inverse) in row.iter_mut().zip(&mean).zip(&inverse) {
                    *value = T::from_f64((value.to_f64() - mean) * inverse);
                }
            }
            a
        };
        let train = standardised(train.view());
        let mut system = gram(train.view()).mapv(Real::to_f64);
        system.diag_mut().mapv_inplace(|value| value + n * penalty);
        let mut target = train_classes.mapv(Real::to_f64);
        for mut row in target.outer_iter_mut() {
            row -= &share;
        }
        let weights = cholesky::solve(system, target)?;
        let of_test = |test: &ArrayView2<'_, T>| {
            let test = standardised(test.slice(s![held_out.clone(), ..]));
            let products = matmul(test.view(), train.t()).mapv(Real::to_f64);
            let outputs = matmul(products.view(), weights.view());
            outputs.outer_iter().map(|row| largest(&row, &share)).collect::<Vec<usize>>()
        };
        Some(tests.iter().map(of_test).collect::<Vec<_>>())
    };
    parallel::map_indices(folds.count(), of_fold).into_iter().collect::<Option<Vec<_>>>().map(by_test)
}

/// Fold by fold and test by test, as one list for each test.
fn by_test(folds: Vec<Vec<Vec<usize>>>) -> Vec<Vec<usize>> {
    let tests = folds.first().map_or(0, Vec::len);
    (0..tests).map(|test| folds.iter().flat_map(|fold| fold[test].iter().copied()).collect()).collect()
}

/// One over the spread of a feature in the training part, or 0 for one that is constant there up to rounding: it then
/// says nothing.
fn inverse_spread<T: Real>(variance: f64, overall: f64) -> f64 {
    if variance > 1e2 * T::EPSILON.to_f64() * overall { 1.0 / variance.sqrt() } else { 0.0 }
}

fn largest(outputs: &ArrayView1<'_, f64>, offset: &Array1<f64>) -> usize {
    let mut best = (f64::NEG_INFINITY, 0);
    for (class, (output, offset)) in outputs.iter().zip(offset).enumerate() {
        if output + offset > best.0 {
            best = (output + offset, class);
        }
    }
    best.1
}

fn column_sums<T: Real>(a: ArrayView2<'_, T>) -> Array1<f64> {
    let mut sums = Array1::zeros(a.ncols());
    for row in a.outer_iter() {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value.to_f64());
    }
    sums
}

fn column_squares<T: Real>(a: ArrayView2<'_, T>) -> Array1<f64> {
    let mut sums = Array1::zeros(a.ncols());
    for row in a.outer_iter() {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value.to_f64().powi(2));
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::super::folds::Classes;
    use super::*;
    use crate::similarity::centred;
    use kymograph_linalg::random;
    use ndarray::Array2;

    #[test]
    fn both_forms_name_the_same_classes() {
        let mut rng = random::stream(2, "test");
        for (n, p, classes) in [(60, 5, 3), (50, 30, 2), (40, 45, 4)] {
            let labels = Array1::from_shape_fn(n, |i| (i % classes) as i64 * 3);
            let mut z: Array2<f64> = random::normal_matrix(&mut rng, n, p);
            for (mut row, label) in z.outer_iter_mut().zip(&labels) {
                row[0] += *label as f64 / 3.0;
            }
            let z = centred("x", z.view()).unwrap();
            let known = Classes::of(labels.view()).unwrap();
            let folds = Folds::deal("test", &known, 5, 0).unwrap();
            let (z, one_hot) = (z.select(Axis(0), &folds.order), known.one_hot::<f64>(&folds.order));
            let one = primal(z.view(), &[z.view()], one_hot.view(), &folds, 0.1).unwrap();
            let other = dual(z.view(), &[z.view()], one_hot.view(), &folds, 0.1).unwrap();
            assert_eq!(one, other, "{n} {p}");
        }
    }
}
