//! The transforms of t-SNE's kernels on a periodic grid.

use std::f64::consts::TAU;

use kymograph_linalg::{Fourier, LANES};
use rayon::prelude::*;

use super::field::{Work, lanes};

/// Transforms of 1/(1 + d²) and of d/(1 + d²)², divided by what spreading and reading with cubic splines multiply them by,
/// so that the two together interpolate. Planes are `[frequency along y][frequency along x]`, of which the second stops
/// at half of the length.
pub(super) struct Kernel {
    /// Distance of two nodes.
    pub(super) spacing: f64,
    /// Length of a row of the planes, a multiple of the lanes.
    pub(super) padded: usize,
    /// The potential's transform, twice where the frequency left out has the same.
    pub(super) potential: Vec<f32>,
    /// The imaginary part of the transform of the force along x.
    pub(super) along_x: Vec<f32>,
    /// The same along y.
    pub(super) along_y: Vec<f32>,
}

impl Kernel {
    pub(super) fn new(plan: &Fourier, length: usize, spacing: f64) -> Self {
        let half = length / 2;
        let padded = (half + 1).next_multiple_of(LANES);
        // The potential as real and the force along x as imaginary part: one is even along x, the other odd.
        let mut sampled = [vec![0.0; length * length], vec![0.0; length * length]];
        let [potential, force] = &mut sampled;
        let signed = |node: usize| spacing * (if node > half { node as f64 - length as f64 } else { node as f64 });
        let rows = potential.par_chunks_mut(length).zip(force.par_chunks_mut(length));
        rows.enumerate().for_each(|(x, (potential, force))| {
            let dx = signed(x);
            for (y, (potential, force)) in potential.iter_mut().zip(force).enumerate() {
                let q = 1.0 / (1.0 + dx * dx + signed(y).powi(2));
                *potential = q as f32;
                *force = if x == half { 0.0 } else { (dx * q * q) as f32 };
            }
        });
        let turned = columns(plan, length, &sampled);
        let [real, _] = columns(plan, length, &turned);
        let at = |x: usize, y: usize| f64::from(real[x * length + y]);
        let even = |x: usize, y: usize| 0.5 * (at(x, y) + at((length - x) % length, y));
        let odd = |x: usize, y: usize| 0.5 * (at((length - x) % length, y) - at(x, y));
        let spline: Vec<f64> = (0..length).map(|f| (2.0 + (TAU * f as f64 / length as f64).cos()) / 3.0).collect();
        let mut kernel = Self {
            spacing,
            padded,
            potential: vec![0.0; length * padded],
            along_x: vec![0.0; length * padded],
            along_y: vec![0.0; length * padded],
        };
        for y in 0..length {
            for x in 0..=half {
                let factor = 1.0 / (length as f64 * spline[x] * spline[y]).powi(2);
                let both = if x == 0 || x == half { 1.0 } else { 2.0 };
                let place = y * padded + x;
                kernel.potential[place] = (both * factor * even(x, y)) as f32;
                kernel.along_x[place] = (factor * odd(x, y)) as f32;
                kernel.along_y[place] = (factor * odd(y, x)) as f32;
            }
        }
        kernel
    }
}

/// Every column of a square transformed, as the rows of the result.
fn columns(plan: &Fourier, length: usize, [re, im]: &[Vec<f32>; 2]) -> [Vec<f32>; 2] {
    let mut out = [vec![0.0; length * length], vec![0.0; length * length]];
    let [out_re, out_im] = &mut out;
    let chunk = LANES * length;
    let chunks = out_re.par_chunks_mut(chunk).zip(out_im.par_chunks_mut(chunk));
    chunks.enumerate().for_each_init(
        || Work::new(length),
        |work, (block, (out_re, out_im))| {
            let (first, count) = (block * LANES, out_re.len() / length);
            for row in 0..length {
                let range = row * length + first..row * length + first + count;
                work.re[row] = lanes(&re[range.clone()]);
                work.im[row] = lanes(&im[range]);
            }
            plan.transform(&mut work.re, &mut work.im, &mut work.space);
            for lane in 0..count {
                for frequency in 0..length {
                    out_re[lane * length + frequency] = work.re[frequency].0[lane];
                    out_im[lane * length + frequency] = work.im[frequency].0[lane];
                }
            }
        },
    );
    out
}
