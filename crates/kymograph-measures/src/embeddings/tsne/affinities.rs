//! How strongly t-SNE holds two rows together.

use kymograph_linalg::{Neighbours, parallel};

/// Rows whose bandwidths are found in one piece of work.
const BLOCK: usize = 256;
/// How near the entropy comes to that of the perplexity, in nats.
const ENTROPY: f64 = 1e-7;

/// Symmetric affinities that sum to 1, row after row.
#[derive(Clone, Debug)]
pub(super) struct Affinities {
    /// Where each row begins, and the end.
    pub(super) starts: Vec<usize>,
    /// The other row, rising within a row.
    pub(super) others: Vec<u32>,
    /// p.
    pub(super) values: Vec<f32>,
}

impl Affinities {
    /// `p_ij = (p_j|i + p_i|j)/2n` with `p_j|i ∝ exp(−βᵢ·d²ᵢⱼ)` over the neighbours of i, βᵢ such that the perplexity of
    /// row i is the one wanted (van der Maaten & Hinton 2008, eq. 1 and section 3.1).
    pub(super) fn of(neighbours: &Neighbours, perplexity: f64) -> Self {
        let (n, k) = neighbours.indices.dim();
        let conditional: Vec<f64> = parallel::map_blocks(n, BLOCK, |rows| {
            rows.flat_map(|row| conditional(neighbours.squared_distances.row(row).to_vec(), perplexity))
                .collect::<Vec<f64>>()
        })
        .into_iter()
        .flatten()
        .collect();
        let half = 0.5 / n as f64;
        let mut pairs: Vec<Vec<(u32, f64)>> = vec![Vec::with_capacity(2 * k); n];
        for (place, (&other, &p)) in neighbours.indices.iter().zip(&conditional).enumerate() {
            let row = place / k;
            pairs[row].push((other, p * half));
            pairs[other as usize].push((row as u32, p * half));
        }
        let merged =
            parallel::map_blocks(n, BLOCK, |rows| rows.map(|row| merge(pairs[row].clone())).collect::<Vec<_>>());
        let mut found = Self { starts: vec![0], others: Vec::new(), values: Vec::new() };
        for row in merged.into_iter().flatten() {
            found.others.extend(row.iter().map(|(other, _)| other));
            found.values.extend(row.iter().map(|(_, p)| *p as f32));
            found.starts.push(found.others.len());
        }
        found
    }

    /// The other rows and p of one row.
    #[inline]
    pub(super) fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let range = self.starts[row]..self.starts[row + 1];
        (&self.others[range.clone()], &self.values[range])
    }
}

/// Sorted by the other row, both directions of a pair added.
fn merge(mut pairs: Vec<(u32, f64)>) -> Vec<(u32, f64)> {
    pairs.sort_by_key(|(other, _)| *other);
    let mut merged: Vec<(u32, f64)> = Vec::with_capacity(pairs.len());
    for (other, p) in pairs {
        match merged.last_mut() {
            Some(last) if last.0 == other => last.1 += p,
            _ => merged.push((other, p)),
        }
    }
    merged
}

/// A row's conditional probabilities. Where many neighbours are equally near, the perplexity wanted may lie below what
/// any bandwidth gives; they then share alike.
fn conditional(mut squared: Vec<f64>, perplexity: f64) -> Vec<f64> {
    let nearest = squared.iter().copied().fold(f64::INFINITY, f64::min);
    squared.iter_mut().for_each(|value| *value -= nearest);
    let wanted = perplexity.ln();
    let mean = squared.iter().sum::<f64>() / squared.len() as f64;
    if mean == 0.0 {
        return vec![1.0 / squared.len() as f64; squared.len()];
    }
    let mut p = vec![0.0; squared.len()];
    // The logarithm of β, with the two ends between which it lies.
    let (mut at, mut low, mut high) = (-mean.ln(), f64::NEG_INFINITY, f64::INFINITY);
    for _ in 0..200 {
        let beta = at.exp();
        let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
        for (p, &squared) in p.iter_mut().zip(&squared) {
            *p = (-beta * squared).exp();
            sum += *p;
            first += *p * squared;
            second += *p * squared * squared;
        }
        p.iter_mut().for_each(|p| *p /= sum);
        let (mean, of_squares) = (first / sum, second / sum);
        let above = sum.ln() + beta * mean - wanted;
        if above.abs() < ENTROPY {
            break;
        }
        if above > 0.0 {
            low = at
        } else {
            high = at
        }
        // Newton on the entropy as a function of ln β, within the ends.
        let slope = beta * beta * (of_squares - mean * mean);
        let newton = at + (above / slope).clamp(-4.0, 4.0);
        at = match (newton > low && newton < high, low.is_finite() && high.is_finite()) {
            (true, _) => newton,
            (false, true) => 0.5 * (low + high),
            (false, false) => at + 2.0 * above.signum(),
        };
        if !(-700.0..=700.0).contains(&at) {
            break;
        }
    }
    p
}

#[cfg(test)]
mod tests {
    use kymograph_linalg::{nearest_neighbours, random};
    use ndarray::Array2;

    use super::*;

    #[test]
    fn every_row_has_the_perplexity_asked_for() {
        let mut rng = random::stream(1, "test");
        for scale in [1e-6, 1.0, 1e5] {
            for perplexity in [2.0, 5.0, 29.0] {
                let squared: Vec<f64> = (0..90).map(|_| scale * (1.0 + random::uniform(&mut rng)).powi(8)).collect();
                let p = conditional(squared, perplexity);
                let entropy: f64 = p.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
                assert!((entropy.exp() / perplexity - 1.0).abs() < 1e-6, "{scale} {perplexity}: {}", entropy.exp());
                assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn rows_that_are_equally_near_share_alike() {
        assert_eq!(conditional(vec![3.0; 6], 2.0), [1.0 / 6.0; 6]);
        let p = conditional([vec![0.0; 5], vec![7.0; 40]].concat(), 3.0);
        assert!(p[..5].iter().all(|p| (p - 0.2).abs() < 1e-9), "five copies are five neighbours: {p:?}");
    }

    #[test]
    fn affinities_are_symmetric_sum_to_one_and_equal_the_literal_ones() {
        let x: Array2<f64> = random::normal_matrix(&mut random::stream(2, "test"), 60, 4);
        let neighbours = nearest_neighbours(x.view(), 24).unwrap();
        let found = Affinities::of(&neighbours, 8.0);
        let mut dense = Array2::<f64>::zeros((60, 60));
        for row in 0..60 {
            let p = conditional(neighbours.squared_distances.row(row).to_vec(), 8.0);
            for (&other, p) in neighbours.indices.row(row).iter().zip(p) {
                dense[[row, other as usize]] += p / 120.0;
                dense[[other as usize, row]] += p / 120.0;
            }
        }
        let mut count = 0;
        for row in 0..60 {
            let (others, values) = found.row(row);
            assert!(others.windows(2).all(|pair| pair[0] < pair[1]));
            for (&other, &p) in others.iter().zip(values) {
                assert!((f64::from(p) - dense[[row, other as usize]]).abs() < 1e-9);
                count += 1;
            }
        }
        assert_eq!(count, dense.iter().filter(|p| **p > 0.0).count());
        assert!((dense.sum() - 1.0).abs() < 1e-12);
    }

    /// Affinities of openTSNE 1.0.4 (`tests/reference/make_embedding_reference.py`), whose entropies are right to 10⁻⁸.
    #[test]
    fn affinities_are_those_of_open_tsne() {
        let reference: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/reference/embeddings.json")).unwrap();
        let row = |row: &serde_json::Value| -> Vec<f64> {
            row.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
        };
        let x: Vec<Vec<f64>> = reference["x"].as_array().unwrap().iter().map(row).collect();
        let x = Array2::from_shape_fn((x.len(), x[0].len()), |(i, j)| x[i][j]);
        let perplexity = reference["perplexity"].as_f64().unwrap();
        let neighbours = nearest_neighbours(x.view(), (3.0 * perplexity) as usize).unwrap();
        let found = Affinities::of(&neighbours, perplexity);
        let expected: Vec<Vec<f64>> = reference["affinities"].as_array().unwrap().iter().map(row).collect();
        assert_eq!(expected.len(), found.starts[10]);
        for entry in expected {
            let (others, values) = found.row(entry[0] as usize);
            let place = others.iter().position(|other| f64::from(*other) == entry[1]).expect("the same neighbours");
            assert!((f64::from(values[place]) / entry[2] - 1.0).abs() < 1e-4, "{entry:?} {}", values[place]);
        }
    }
}
