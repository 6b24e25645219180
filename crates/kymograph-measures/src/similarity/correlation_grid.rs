//! Mean correlations of every two of many layers at once.

use std::ops::Range;

use kymograph_linalg::{Real, matmul_into_sequential};
use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;

use super::correlations::{CorrelationMeans, Sums};
use super::standardise::standardise;
use crate::{MeasureError, check};

/// Units whose correlations with all later layers are one piece of work.
const BLOCK: usize = 64;

/// The correlations of every two layers on the same examples, as means.
#[derive(Clone, Debug, PartialEq)]
pub struct CorrelationGrid {
    layers: usize,
    /// i ≤ j, row by row.
    means: Vec<CorrelationMeans>,
    within: Vec<Option<CorrelationMeans>>,
    constant: Vec<usize>,
}

impl CorrelationGrid {
    /// Over all pairs of a unit of layer `i` and a unit of layer `j`; for i = j each unit with itself among them.
    ///
    /// # Panics
    /// If there are no such layers.
    #[must_use]
    pub fn means(&self, i: usize, j: usize) -> CorrelationMeans {
        let (i, j) = (i.min(j), i.max(j));
        self.means[i * self.layers - i * (i + 1) / 2 + j]
    }

    /// Over the pairs of different units of layer `i`; `None` for a layer with fewer than two units that vary.
    ///
    /// # Panics
    /// If there is no such layer.
    #[must_use]
    pub fn within(&self, i: usize) -> Option<CorrelationMeans> {
        self.within[i]
    }

    /// How many units of each layer are constant over the examples, and so left out.
    #[must_use]
    pub fn constant_units(&self) -> &[usize] {
        &self.constant
    }
}

/// The sums of some units' correlations with the units of each of some layers, of which the first is their own.
fn of_units<T: Real>(all: ArrayView2<'_, T>, units: Range<usize>, layers: &[Range<usize>]) -> Vec<Sums> {
    let start = layers[0].start;
    let others = all.slice(s![.., start..]);
    let mut r = Array2::zeros((units.len(), others.ncols()));
    matmul_into_sequential(T::ONE, all.slice(s![.., units.clone()]).t(), others, T::ZERO, r.view_mut());
    let mut found: Vec<Sums> =
        layers.iter().map(|layer| Sums::of(r.slice(s![.., layer.start - start..layer.end - start]))).collect();
    found[0].diagonal = units.clone().zip(r.outer_iter()).map(|(unit, row)| row[unit - start].to_f64()).sum();
    found
}

/// The mean correlations of every two of some layers, each `[example, unit]`, rows being the same examples, and of every
/// layer with itself: each layer is standardised once, and a block of its units meets all later layers in one product.
///
/// # Errors
/// Numbers of examples that differ or fewer than 2, empty or not finite input, or a layer in which no unit varies. Cost:
/// examples × (units of all layers)².
///
/// ```
/// use ndarray::array;
/// let x = array![[0.0, 1.0], [1.0, -1.0], [2.0, 1.0]];
/// let y = array![[5.0], [4.0], [3.0]];
/// let grid = kymograph_measures::similarity::correlation_grid(&[x.view(), y.view()])?;
/// // The correlations of y with the two columns of x are −1 and 0.
/// assert!((grid.means(0, 1).signed + 0.5).abs() < 1e-15 && grid.means(0, 1).clipped < 1e-15);
/// assert!((grid.means(1, 1).signed - 1.0).abs() < 1e-15);
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
pub fn correlation_grid<T: Real>(layers: &[ArrayView2<'_, T>]) -> Result<CorrelationGrid, MeasureError> {
    let Some(first) = layers.first() else {
        return Err(MeasureError::Empty { input: "layers", rows: 0, columns: 0 });
    };
    for layer in layers {
        check::same_size("examples", ("the first layer", first.nrows()), ("another layer", layer.nrows()))?;
    }
    let mut ends = Vec::with_capacity(layers.len());
    let mut width = 0;
    for layer in layers {
        ends.push(width..width + layer.ncols());
        width += layer.ncols();
    }
    // Side by side, so that a layer meets all later ones in one product.
    let mut all = Array2::<T>::zeros((first.nrows(), width));
    let mut rest = all.view_mut();
    let mut places = Vec::with_capacity(layers.len());
    for layer in layers {
        let (place, others) = rest.split_at(Axis(1), layer.ncols());
        places.push((*layer, place));
        rest = others;
    }
    let constant: Vec<Result<usize, MeasureError>> =
        places.into_par_iter().map(|(layer, place)| standardise("layers", layer, place)).collect();
    let constant = constant.into_iter().collect::<Result<Vec<usize>, MeasureError>>()?;
    let varying = |i: usize| (layers[i].ncols() - constant[i]) as f64;
    let blocks: Vec<(usize, Range<usize>)> = ends
        .iter()
        .enumerate()
        .flat_map(|(i, own)| {
            let end = own.end;
            own.clone().step_by(BLOCK).map(move |first| (i, first..(first + BLOCK).min(end)))
        })
        .collect();
    let found: Vec<Vec<Sums>> =
        blocks.par_iter().map(|(i, units)| of_units(all.view(), units.clone(), &ends[*i..])).collect();
    let mut means = Vec::with_capacity(layers.len() * (layers.len() + 1) / 2);
    let mut within = Vec::with_capacity(layers.len());
    for i in 0..layers.len() {
        let mut total = vec![Sums::default(); layers.len() - i];
        for (_, sums) in blocks.iter().zip(&found).filter(|((layer, _), _)| *layer == i) {
            total.iter_mut().zip(sums).for_each(|(total, sums)| total.add(sums));
        }
        within.push(total[0].off_diagonal(varying(i)));
        means.extend(total.iter().zip(i..).map(|(sums, j)| sums.means(varying(i) * varying(j))));
    }
    Ok(CorrelationGrid { layers: layers.len(), means, within, constant })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kymograph_linalg::random;

    /// Pearson's r of two columns, as written.
    fn literal(x: &[f64], y: &[f64]) -> f64 {
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let (mx, my) = (mean(x), mean(y));
        let cov: f64 = x.iter().zip(y).map(|(a, b)| (a - mx) * (b - my)).sum();
        let var = |v: &[f64], m: f64| v.iter().map(|a| (a - m).powi(2)).sum::<f64>();
        cov / (var(x, mx) * var(y, my)).sqrt()
    }

    #[test]
    fn the_grid_is_the_mean_of_every_r_as_written() {
        let mut rng = random::stream(5, "test");
        let shared: Array2<f64> = random::normal_matrix(&mut rng, 40, 3);
        let layers: Vec<Array2<f64>> = [3, 5, 2]
            .map(|width| {
                let own: Array2<f64> = random::normal_matrix(&mut rng, 40, width);
                shared.dot(&random::normal_matrix::<f64, _>(&mut rng, 3, width)) + own + 2.0
            })
            .into();
        let views: Vec<_> = layers.iter().map(|layer| layer.view()).collect();
        let grid = correlation_grid(&views).unwrap();
        let narrow: Vec<Array2<f32>> = layers.iter().map(|layer| layer.mapv(|v| v as f32)).collect();
        let single = correlation_grid(&narrow.iter().map(|layer| layer.view()).collect::<Vec<_>>()).unwrap();
        for i in 0..3 {
            for j in 0..3 {
                let (mut every, mut others) = (Vec::new(), Vec::new());
                for (a, x) in layers[i].columns().into_iter().enumerate() {
                    for (b, y) in layers[j].columns().into_iter().enumerate() {
                        let r = literal(&x.to_vec(), &y.to_vec());
                        every.push(r);
                        if a != b {
                            others.push(r);
                        }
                    }
                }
                let mean =
                    |of: &dyn Fn(f64) -> f64, all: &[f64]| all.iter().map(|r| of(*r)).sum::<f64>() / all.len() as f64;
                let same = |found: CorrelationMeans, all: &[f64], tolerance: f64| {
                    assert!((found.signed - mean(&|r| r, all)).abs() < tolerance, "{i} {j}");
                    assert!((found.absolute - mean(&f64::abs, all)).abs() < tolerance, "{i} {j}");
                    assert!((found.clipped - mean(&|r| r.max(0.0), all)).abs() < tolerance, "{i} {j}");
                };
                same(grid.means(i, j), &every, 1e-13);
                same(single.means(i, j), &every, 1e-6);
                if i == j {
                    same(grid.within(i).unwrap(), &others, 1e-13);
                }
            }
        }
    }

    #[test]
    fn constant_units_are_left_out_and_counted() {
        let mut x: Array2<f32> = random::normal_matrix(&mut random::stream(2, "test"), 30, 3);
        let y: Array2<f32> = random::normal_matrix(&mut random::stream(3, "test"), 30, 2);
        let without = correlation_grid(&[x.slice(s![.., ..2]), y.view()]).unwrap();
        x.column_mut(2).fill(0.1);
        let with = correlation_grid(&[x.view(), y.view()]).unwrap();
        assert_eq!((with.constant_units(), with.means(0, 1)), (&[1, 0][..], without.means(0, 1)));
        assert_eq!(with.within(0), without.within(0));
        let one = correlation_grid(&[x.slice(s![.., 1..])]).unwrap();
        assert_eq!(one.within(0), None);
        assert!(correlation_grid::<f32>(&[x.slice(s![.., 2..])]).is_err() && correlation_grid::<f32>(&[]).is_err());
    }
}
