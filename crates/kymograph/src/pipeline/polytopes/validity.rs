//! Over which range of scales is a layer's direction read alike: the factors from ¼ to 4 at which the answer changes when a whole
//! layer or half of its units is scaled, beside moves of equal length in random directions.

use kymograph_findings::Finding;
use kymograph_linalg::parallel::map_indices;
use kymograph_linalg::random::{sample, stream};
use kymograph_nets::{Curve, Polytopes};
use ndarray::{Array1, Array2, ArrayView1};

use super::look::{Look, direction, largest};
use crate::error::KymographError;

/// The factors looked at.
const ENDS: [f64; 2] = [0.25, 4.0];
/// Points of a way whose answers are looked at before bisecting, where ways are not followed exactly.
const GRID: usize = 32;
const HALVINGS: usize = 24;
const IMAGES: usize = 100;
/// What stands before a layer's name where its activations were moved at random.
pub(super) const RANDOM: &str = "random moves of ";

pub(super) fn rows(look: &Look<'_>, place: &str) -> Result<Vec<Finding>, KymographError> {
    let points = look.at(place)?;
    let polytopes = look.from(place)?;
    let count = IMAGES.min(points.nrows());
    let width = points.ncols();
    let mut rows = Vec::new();
    let half = sample(&mut stream(0, &format!("polytopes: half of {place}")), width, width / 2);
    let mut some = vec![false; width];
    half.into_iter().for_each(|unit| some[unit] = true);
    for (units, scaled) in [("all", vec![true; width]), ("half", some)] {
        let of = |at: usize| -> Result<[Option<f64>; 4], KymographError> {
            let from = points.row(at);
            let mut ends = [None; 4];
            for (side, factor) in ENDS.into_iter().enumerate() {
                let to: Array1<f64> =
                    from.iter().zip(&scaled).map(|(x, scaled)| if *scaled { factor * x } else { *x }).collect();
                let moved = &to - &from;
                let length = moved.dot(&moved).sqrt();
                let random = &from + &(direction(width, &format!("polytopes: moves at {place} {side}"), at) * length);
                for (kind, end) in [to.view(), random.view()].into_iter().enumerate() {
                    // From the share of the way to the factor that moves as far.
                    let changed = first_change(&polytopes, look.exact, from, end)?;
                    ends[side + 2 * kind] = changed.map(|share| 1.0 + share * (factor - 1.0));
                }
            }
            Ok(ends)
        };
        let found = map_indices(count, of).into_iter().collect::<Result<Vec<_>, _>>()?;
        let survives = |first: usize| -> Vec<f64> {
            found.iter().map(|e| f64::from(u8::from(e[first].is_none() && e[first + 1].is_none()))).collect()
        };
        let mut row = look.mean_row("scale_survival", place, &[("units", units)], &survives(0));
        let control = super::super::page::mean_of(&survives(2));
        row.nulls.push(kymograph_findings::Null::exact("random_direction_as_far", control));
        for (name, at) in [("down", 0), ("up", 1), ("random_down", 2), ("random_up", 3)] {
            row.parts.insert(name.to_owned(), found.iter().filter_map(|ends| ends[at]).collect());
        }
        row.notes.push(match look.exact {
            true => "factors at which the answer changes are exact".to_owned(),
            false => format!(
                "factors by {GRID} steps and bisection: an answer that changes and comes back between two is missed"
            ),
        });
        rows.push(row);
        let moves = format!("{RANDOM}{place}");
        rows.push(look.mean_row("scale_survival", &moves, &[("units", units)], &survives(2)));
    }
    Ok(rows)
}

/// The share of the way at which the answer is first another; `None` where it stays.
fn first_change(
    polytopes: &Polytopes,
    exact: bool,
    from: ArrayView1<'_, f64>,
    to: ArrayView1<'_, f64>,
) -> Result<Option<f64>, KymographError> {
    if exact || polytopes.code_layers().is_empty() {
        let found = polytopes.crossings(from, to, Curve::Segment)?;
        return Ok(found.answers.get(1).map(|(place, _)| *place));
    }
    let at = |shares: &[f64]| -> Result<Vec<usize>, KymographError> {
        let x = Array2::from_shape_fn((shares.len(), from.len()), |(i, j)| from[j] + shares[i] * (to[j] - from[j]));
        Ok(polytopes.outputs(x.view())?.outer_iter().map(largest).collect())
    };
    let grid: Vec<f64> = (0..=GRID).map(|i| i as f64 / GRID as f64).collect();
    let answers = at(&grid)?;
    let Some(first) = answers.iter().position(|answer| *answer != answers[0]) else { return Ok(None) };
    let (mut low, mut high) = (grid[first - 1], grid[first]);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if at(&[middle])?[0] == answers[0] {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(Some(high))
}
