//! Repulsion and divergence over all pairs of rows.

use kymograph_linalg::parallel;

use super::affinities::Affinities;

/// Rows in one piece of work.
const BLOCK: usize = 32;
/// Sums taken side by side.
const LANES: usize = 4;

/// `Σⱼ (yᵢ − yⱼ)/(1 + |yᵢ − yⱼ|²)²` for every i into `forces`, and `Σ_{i≠j} 1/(1 + |yᵢ − yⱼ|²)`.
pub(super) fn repulsion(places: &[[f64; 2]], forces: &mut [[f64; 2]]) -> f64 {
    let axis = |axis: usize| -> Vec<f64> { places.iter().map(|place| place[axis]).collect() };
    let (xs, ys) = (axis(0), axis(1));
    let rows = parallel::map_blocks(places.len(), BLOCK, |rows| {
        rows.map(|row| from_all(places[row], &xs, &ys)).collect::<Vec<_>>()
    });
    let mut sum = 0.0;
    for (force, [x, y, near]) in forces.iter_mut().zip(rows.into_iter().flatten()) {
        *force = [x, y];
        // All but the row itself.
        sum += near - 1.0;
    }
    sum
}

fn from_all([x, y]: [f64; 2], xs: &[f64], ys: &[f64]) -> [f64; 3] {
    let (mut fx, mut fy, mut near) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    let whole = xs.len() - xs.len() % LANES;
    for (xs, ys) in xs[..whole].chunks_exact(LANES).zip(ys[..whole].chunks_exact(LANES)) {
        for lane in 0..LANES {
            let (dx, dy) = (x - xs[lane], y - ys[lane]);
            let q = 1.0 / (1.0 + dx * dx + dy * dy);
            near[lane] += q;
            fx[lane] += q * q * dx;
            fy[lane] += q * q * dy;
        }
    }
    for (other_x, other_y) in xs[whole..].iter().zip(&ys[whole..]) {
        let (dx, dy) = (x - other_x, y - other_y);
        let q = 1.0 / (1.0 + dx * dx + dy * dy);
        near[0] += q;
        fx[0] += q * q * dx;
        fy[0] += q * q * dy;
    }
    [fx.iter().sum(), fy.iter().sum(), near.iter().sum()]
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
