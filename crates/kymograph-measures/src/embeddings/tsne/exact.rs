//! Repulsion and divergence over all pairs of rows.

use std::ops::Range;

use kymograph_linalg::{Wide, parallel, widest};

use super::affinities::Affinities;

/// Rows in one piece of work.
const BLOCK: usize = 32;
/// Sums taken side by side.
const LANES: usize = 8;

/// `Σⱼ (yᵢ − yⱼ)/(1 + |yᵢ − yⱼ|²)²` for every i into `forces`, and `Σ_{i≠j} 1/(1 + |yᵢ − yⱼ|²)`.
pub(super) fn repulsion(places: &[[f64; 2]], forces: &mut [[f64; 2]]) -> f64 {
    let axis = |axis: usize| -> Vec<f64> { places.iter().map(|place| place[axis]).collect() };
    let (xs, ys) = (axis(0), axis(1));
    let (xs, ys) = (xs.as_slice(), ys.as_slice());
    let rows = parallel::map_blocks(places.len(), BLOCK, |rows| widest(FromAll { places, rows, xs, ys }));
    let mut sum = 0.0;
    for (force, [x, y, near]) in forces.iter_mut().zip(rows.into_iter().flatten()) {
        *force = [x, y];
        // All but the row itself.
        sum += near - 1.0;
    }
    sum
}

/// Both forces and the sum of similarities of some rows, from all rows.
struct FromAll<'a> {
    places: &'a [[f64; 2]],
    rows: Range<usize>,
    xs: &'a [f64],
    ys: &'a [f64],
}

impl Wide for FromAll<'_> {
    type Output = Vec<[f64; 3]>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        let mut found = Vec::with_capacity(self.rows.len());
        let (xs, left_xs) = self.xs.as_chunks::<LANES>();
        let (ys, left_ys) = self.ys.as_chunks::<LANES>();
        for [x, y] in &self.places[self.rows] {
            let mut sums = [[0.0; LANES]; 3];
            for (xs, ys) in xs.iter().zip(ys) {
                for lane in 0..LANES {
                    let [fx, fy, near] = force(x - xs[lane], y - ys[lane]);
                    sums[0][lane] += fx;
                    sums[1][lane] += fy;
                    sums[2][lane] += near;
                }
            }
            for (at, (other_x, other_y)) in left_xs.iter().zip(left_ys).enumerate() {
                let [fx, fy, near] = force(x - other_x, y - other_y);
                sums[0][at] += fx;
                sums[1][at] += fy;
                sums[2][at] += near;
            }
            found.push(sums.map(|lanes| lanes.iter().sum()));
        }
        found
    }
}

#[inline(always)]
fn force(dx: f64, dy: f64) -> [f64; 3] {
    let q = 1.0 / (1.0 + dx * dx + dy * dy);
    [q * q * dx, q * q * dy, q]
}

/// `Σ p ln(p/q)` with `q ∝ 1/(1 + |yᵢ − yⱼ|²)` over all pairs.
pub(super) fn divergence(affinities: &Affinities, places: &[[f64; 2]]) -> f64 {
    let mut forces = vec![[0.0; 2]; places.len()];
    let normaliser = repulsion(places, &mut forces);
    let of_pairs = parallel::sum_blocks(places.len(), BLOCK, |rows| {
        rows.map(|row| {
            let (others, values) = affinities.row(row);
            let term = |(&other, &p): (&u32, &f32)| {
                let (p, other) = (f64::from(p), places[other as usize]);
                let squared = (places[row][0] - other[0]).powi(2) + (places[row][1] - other[1]).powi(2);
                if p > 0.0 { p * (p.ln() + squared.ln_1p() + normaliser.ln()) } else { 0.0 }
            };
            others.iter().zip(values).map(term).sum::<f64>()
        })
        .sum()
    });
    of_pairs.max(0.0)
}

#[cfg(test)]
mod tests {
    use kymograph_linalg::{nearest_neighbours, random};
    use ndarray::Array2;

    use super::*;

    #[test]
    fn repulsion_and_divergence_equal_their_definitions() {
        let mut rng = random::stream(4, "test");
        let n = 61;
        let x: Array2<f64> = random::normal_matrix(&mut rng, n, 3);
        let places: Vec<[f64; 2]> =
            (0..n).map(|_| [3.0 * random::normal(&mut rng), random::normal(&mut rng)]).collect();
        let affinities = Affinities::of(&nearest_neighbours(x.view(), 20).unwrap(), 6.0);
        let near = |i: usize, j: usize| {
            let (a, b) = (places[i], places[j]);
            1.0 / (1.0 + (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2))
        };
        let mut forces = vec![[0.0; 2]; n];
        let sum = repulsion(&places, &mut forces);
        let mut literal = 0.0;
        for i in 0..n {
            let mut force = [0.0; 2];
            for j in (0..n).filter(|&j| j != i) {
                literal += near(i, j);
                for axis in 0..2 {
                    force[axis] += near(i, j).powi(2) * (places[i][axis] - places[j][axis]);
                }
            }
            assert!((0..2).all(|axis| (force[axis] - forces[i][axis]).abs() < 1e-12));
        }
        assert!((sum - literal).abs() < 1e-9);
        let mut kl = 0.0;
        for i in 0..n {
            let (others, values) = affinities.row(i);
            for (&j, &p) in others.iter().zip(values) {
                kl += f64::from(p) * (f64::from(p) / (near(i, j as usize) / literal)).ln();
            }
        }
        assert!((divergence(&affinities, &places) - kl).abs() < 1e-10);
    }
}
