//! Young's orthogonal form of the representations of the symmetric groups.

use ndarray::Array2;

use super::super::families::Permutations;
use super::super::{Group, Irrep, RealType};
use super::extend::extend;

/// For 1 to 6 points: partitions and their names, the published ones first and in their order.
const PARTITIONS: [&[(&[usize], &str)]; 6] = [
    &[(&[1], "trivial")],
    &[(&[2], "trivial"), (&[1, 1], "sign")],
    &[(&[3], "trivial"), (&[1, 1, 1], "sign"), (&[2, 1], "standard")],
    &[
        (&[4], "trivial"),
        (&[1, 1, 1, 1], "sign"),
        (&[3, 1], "standard"),
        (&[2, 1, 1], "standard_sign"),
        (&[2, 2], "s4_2d"),
    ],
    &[
        (&[5], "trivial"),
        (&[1, 1, 1, 1, 1], "sign"),
        (&[4, 1], "standard"),
        (&[2, 1, 1, 1], "standard_sign"),
        (&[2, 2, 1], "s5_5d_a"),
        (&[3, 2], "s5_5d_b"),
        (&[3, 1, 1], "s5_6d"),
    ],
    &[
        (&[6], "trivial"),
        (&[1, 1, 1, 1, 1, 1], "sign"),
        (&[5, 1], "standard"),
        (&[2, 1, 1, 1, 1], "standard_sign"),
        (&[3, 3], "s6_5d_a"),
        (&[2, 2, 2], "s6_5d_b"),
        (&[4, 2], "s6_9d_a"),
        (&[2, 2, 1, 1], "s6_9d_b"),
        (&[4, 1, 1], "s6_10d_a"),
        (&[3, 1, 1, 1], "s6_10d_b"),
        (&[3, 2, 1], "s6_16d"),
    ],
];

/// How many of those of S6 the published code knows.
pub(super) const PUBLISHED_OF_S6: usize = 6;

pub(super) fn symmetric(group: &Group, permutations: &Permutations) -> Result<Vec<Irrep>, String> {
    let points = permutations.points();
    let neighbours: Vec<usize> = (0..points - 1)
        .map(|low| {
            let mut images: Vec<u8> = (0..points as u8).collect();
            images.swap(low, low + 1);
            permutations.find(&images).ok_or_else(|| format!("the exchange of {low} and {} is missing", low + 1))
        })
        .collect::<Result<_, _>>()?;
    PARTITIONS[points - 1]
        .iter()
        .map(|(partition, name)| {
            let tableaux = standard_tableaux(partition);
            let generators: Vec<(usize, Array2<f64>)> =
                neighbours.iter().enumerate().map(|(low, &element)| (element, exchange(&tableaux, low))).collect();
            let matrices = extend(group, &generators, tableaux.len());
            Irrep::of(name, RealType::Real, matrices).map_err(|error| error.to_string())
        })
        .collect()
}

/// Every standard tableau as the rows in which 0, 1, … stand.
fn standard_tableaux(partition: &[usize]) -> Vec<Vec<usize>> {
    let mut found: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..partition.iter().sum() {
        found = found
            .iter()
            .flat_map(|rows| {
                let length = |row: usize| rows.iter().filter(|&&other| other == row).count();
                (0..partition.len())
                    .filter(move |&row| length(row) < partition[row] && (row == 0 || length(row) < length(row - 1)))
                    .map(|row| rows.iter().copied().chain([row]).collect())
                    .collect::<Vec<_>>()
            })
            .collect();
    }
    found
}

/// The exchange of `low` and `low + 1`: 1/r on the diagonal, where r is the distance of their contents, and √(1 − 1/r²)
/// between a tableau and the one in which they have changed places.
fn exchange(tableaux: &[Vec<usize>], low: usize) -> Array2<f64> {
    let mut matrix = Array2::zeros((tableaux.len(), tableaux.len()));
    for (at, rows) in tableaux.iter().enumerate() {
        let content = |entry: usize| {
            let column = rows[..entry].iter().filter(|&&row| row == rows[entry]).count();
            column as f64 - rows[entry] as f64
        };
        let inverse = 1.0 / (content(low + 1) - content(low));
        matrix[[at, at]] = inverse;
        let mut other = rows.clone();
        other.swap(low, low + 1);
        // Within one row nothing changes, and within one column the result is not standard and not found.
        if let Some(to) = tableaux.iter().position(|tableau| *tableau == other).filter(|&to| to != at) {
            matrix[[to, at]] = (1.0 - inverse * inverse).sqrt();
        }
    }
    matrix
}
