//! The fuzzy simplicial set: how surely two rows are neighbours.

use kymograph_linalg::{Neighbours, parallel};
use ndarray::ArrayView1;

/// Rows in one piece of work.
const BLOCK: usize = 256;
const TOLERANCE: f64 = 1e-5;
/// The least bandwidth, as a share of the mean distance.
const LEAST_BANDWIDTH: f64 = 1e-3;

/// Memberships, each pair in the rows of both.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Graph {
    /// For each row, the other rows, rising, and the membership, in (0, 1].
    pub(super) rows: Vec<Vec<(u32, f32)>>,
}

impl Graph {
    /// `w = u + v − u·v` of the memberships u and v that two rows have in each other's neighbourhoods (McInnes et al. 2018,
    /// algorithms 1 to 3). The neighbours do not count the row itself, which umap-learn does.
    pub(super) fn of(neighbours: &Neighbours) -> Self {
        let n = neighbours.indices.nrows();
        let distances = neighbours.squared_distances.mapv(f64::sqrt);
        // The row itself is a neighbour at distance 0.
        let mean = distances.sum() / (n * (distances.ncols() + 1)) as f64;
        let found = parallel::map_blocks(n, BLOCK, |rows| {
            rows.map(|row| memberships(distances.row(row), mean)).collect::<Vec<_>>()
        });
        let mut rows: Vec<Vec<(u32, f32)>> = vec![Vec::new(); n];
        for (row, memberships) in found.into_iter().flatten().enumerate() {
            for (&other, membership) in neighbours.indices.row(row).iter().zip(memberships) {
                rows[row].push((other, membership as f32));
                rows[other as usize].push((row as u32, membership as f32));
            }
        }
        for row in &mut rows {
            // Both directions of a pair come as two entries, which the sum does not tell apart.
            row.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            row.dedup_by(|later, kept| {
                let same = later.0 == kept.0;
                if same {
                    kept.1 = kept.1 + later.1 - kept.1 * later.1;
                }
                same
            });
            row.retain(|(_, membership)| *membership > 0.0);
        }
        Self { rows }
    }

    /// The largest membership.
    pub(super) fn largest(&self) -> f32 {
        self.rows.iter().flatten().fold(0.0, |most, (_, membership)| most.max(*membership))
    }
}

/// Of the neighbours of one row: 1 up to the nearest at a distance, falling from there so that they sum to log₂ of their
/// number, the row itself included.
fn memberships(distances: ArrayView1<'_, f64>, mean_of_all: f64) -> Vec<f64> {
    let count = distances.len() + 1;
    let wanted = (count as f64).log2();
    let nearest = distances.iter().copied().find(|distance| *distance > 0.0).unwrap_or(0.0);
    let beyond: Vec<f64> = distances.iter().map(|distance| (distance - nearest).max(0.0)).collect();
    let sum = |bandwidth: f64| beyond.iter().map(|distance| (-distance / bandwidth).exp()).sum::<f64>();
    let (mut low, mut high, mut bandwidth) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..64 {
        let found = sum(bandwidth);
        if (found - wanted).abs() < TOLERANCE {
            break;
        }
        if found > wanted {
            high = bandwidth
        } else {
            low = bandwidth
        }
        bandwidth = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * bandwidth };
    }
    let mean = if nearest > 0.0 { distances.sum() / count as f64 } else { mean_of_all };
    let bandwidth = bandwidth.max(LEAST_BANDWIDTH * mean);
    beyond.iter().map(|distance| if *distance > 0.0 { (-distance / bandwidth).exp() } else { 1.0 }).collect()
}

#[cfg(test)]
mod tests {
    use kymograph_linalg::{nearest_neighbours, random};
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn memberships_sum_to_the_logarithm_of_their_number() {
        let mut rng = random::stream(1, "test");
        for _ in 0..20 {
            let mut distances: Vec<f64> = (0..14).map(|_| 1.0 + random::uniform(&mut rng)).collect();
            distances.sort_by(f64::total_cmp);
            let found = memberships(ArrayView1::from(&distances), 1.0);
            assert!((found.iter().sum::<f64>() - 15f64.log2()).abs() < 1e-4);
            assert!(found[0] == 1.0 && found.windows(2).all(|pair| pair[0] >= pair[1]));
        }
        assert_eq!(memberships(array![0.0, 0.0, 0.0].view(), 0.0), [1.0; 3]);
        assert_eq!(memberships(array![2.0, 2.0].view(), 1.0), [1.0; 2]);
    }

    #[test]
    fn the_union_is_symmetric_and_literal() {
        let x: Array2<f64> = random::normal_matrix(&mut random::stream(2, "test"), 50, 3);
        let neighbours = nearest_neighbours(x.view(), 6).unwrap();
        let graph = Graph::of(&neighbours);
        let mut directed = Array2::<f64>::zeros((50, 50));
        for row in 0..50 {
            let distances = neighbours.squared_distances.row(row).mapv(f64::sqrt);
            for (&other, membership) in neighbours.indices.row(row).iter().zip(memberships(distances.view(), 1.0)) {
                directed[[row, other as usize]] = membership;
            }
        }
        for row in 0..50 {
            for other in 0..50 {
                let (u, v) = (directed[[row, other]], directed[[other, row]]);
                let found = graph.rows[row].iter().find(|(to, _)| *to as usize == other).map_or(0.0, |(_, w)| *w);
                assert!((f64::from(found) - (u + v - u * v)).abs() < 1e-6);
                let back = graph.rows[other].iter().find(|(to, _)| *to as usize == row).map_or(0.0, |(_, w)| *w);
                assert_eq!(found, back);
            }
        }
    }

    /// `umap.umap_.fuzzy_simplicial_set` of umap-learn 0.5.12, which works in f32 and stops its search at 10⁻⁵.
    #[test]
    fn memberships_are_those_of_umap_learn() {
        let reference: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/reference/embeddings.json")).unwrap();
        let row = |row: &serde_json::Value| -> Vec<f64> {
            row.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
        };
        let x: Vec<Vec<f64>> = reference["x"].as_array().unwrap().iter().map(row).collect();
        let x = Array2::from_shape_fn((x.len(), x[0].len()), |(i, j)| x[i][j]);
        let k = reference["n_neighbors"].as_u64().unwrap() as usize;
        let graph = Graph::of(&nearest_neighbours(x.view(), k - 1).unwrap());
        let expected: Vec<Vec<f64>> = reference["memberships"].as_array().unwrap().iter().map(row).collect();
        assert_eq!(expected.len(), graph.rows[..10].iter().map(Vec::len).sum::<usize>());
        for entry in expected {
            let found = graph.rows[entry[0] as usize].iter().find(|(other, _)| f64::from(*other) == entry[1]);
            assert!((f64::from(found.unwrap().1) - entry[2]).abs() < 1e-4, "{entry:?} {found:?}");
        }
    }
}
