//! What of an answer is the code's affine map and what the point: images through the maps of other images' codes.

use kymograph_findings::{Finding, Null};
use kymograph_linalg::parallel::map_blocks;
use kymograph_linalg::random::{below, permutation, stream, stream_at};
use ndarray::{ArrayView2, Axis};

use super::look::{Look, distance, largest};
use crate::error::KymographError;

/// Images that take part, and those of a large network; nearest codes are found among them.
const IMAGES: usize = 400;
const FEWER: usize = 100;
/// Centres whose maps serve the nearest images.
const CENTRES: [usize; 4] = [10, 30, 100, 200];

pub(super) fn rows(look: &Look<'_>) -> Result<Vec<Finding>, KymographError> {
    let n = if look.small { IMAGES } else { FEWER }.min(look.probe.len());
    let x = look.probe.x.select(Axis(0), &(0..n).collect::<Vec<_>>());
    let labels = &look.probe.labels[..n];
    let polytopes = &look.polytopes;
    let gates = polytopes.gates(x.view())?;
    let codes = polytopes.codes(x.view())?;
    let mut classes: Vec<i64> = labels.to_vec();
    classes.sort_unstable();
    classes.dedup();
    let chance = 1.0 / classes.len() as f64;
    let drawn = |at: usize, fits: &dyn Fn(usize) -> bool| {
        let some: Vec<usize> = (0..n).filter(|&other| other != at && fits(other)).collect();
        let rng = &mut stream_at(0, "polytopes: whose map", at as u64);
        if some.is_empty() { at } else { some[below(rng, some.len())] }
    };
    let nearest = map_blocks(n, 16, |range| {
        let of = |at: usize| (0..n).filter(|&o| o != at).min_by_key(|&o| codes.distance(at, o)).unwrap_or(at);
        range.map(of).collect::<Vec<usize>>()
    })
    .concat();
    let all: Vec<(&str, Vec<usize>)> = vec![
        ("own", (0..n).collect()),
        ("same class", (0..n).map(|at| drawn(at, &|o| labels[o] == labels[at])).collect()),
        ("other class", (0..n).map(|at| drawn(at, &|o| labels[o] != labels[at])).collect()),
        ("nearest code", nearest),
    ];
    let mut rows = Vec::new();
    let mut accuracy_of_others = None;
    for (owner, of) in &all {
        let answers = answers(polytopes.outputs_with(x.view(), &gates, of)?.view());
        let right = |whose: &dyn Fn(usize) -> i64| -> Vec<f64> {
            (0..n).map(|at| f64::from(u8::from(answers[at] == whose(at)))).collect()
        };
        let mut row = look.mean_row("map_accuracy", "all layers", &[("map_of", owner)], &right(&|at| labels[at]));
        row.nulls.push(Null::exact("a_class_at_random", chance));
        if *owner == "other class" {
            accuracy_of_others = row.value;
        }
        rows.push(row);
        let mut row = look.mean_row("map_owner_rate", "all layers", &[("map_of", owner)], &right(&|at| labels[of[at]]));
        row.nulls.push(Null::exact("a_class_at_random", chance));
        rows.push(row);
    }
    if let Some(others) = accuracy_of_others {
        for row in rows.iter_mut().filter(|r| r.measure == "map_accuracy") {
            row.nulls.push(Null::exact("map_of_another_class", others));
        }
    }
    // One map a class: that of its mean code.
    let mut right = vec![0.0; n];
    for class in &classes {
        let members: Vec<usize> = (0..n).filter(|&at| labels[at] == *class).collect();
        let mean = gates.select(&members).mean();
        let points = x.select(Axis(0), &members);
        let found = answers(polytopes.outputs_with(points.view(), &mean, &vec![0; members.len()])?.view());
        members.iter().zip(found).for_each(|(&at, answer)| right[at] = f64::from(u8::from(answer == labels[at])));
    }
    let mut row = look.mean_row("map_accuracy", "all layers", &[("map_of", "mean code of the class")], &right);
    row.nulls.push(Null::exact("a_class_at_random", chance));
    rows.push(row);
    if look.small {
        rows.extend(centres(look)?);
    }
    Ok(rows)
}

/// The rival: the map of the nearest of some images, in pixels, in place of that of one's own code.
fn centres(look: &Look<'_>) -> Result<Vec<Finding>, KymographError> {
    let n = look.probe.len();
    let order = permutation(&mut stream(0, "polytopes: centres"), n);
    let (held, tested) = order.split_at(n / 2);
    let tested = &tested[..tested.len().min(IMAGES)];
    let x = look.probe.x.select(Axis(0), tested);
    let mut rows = Vec::new();
    for count in CENTRES.into_iter().filter(|count| *count <= held.len()) {
        let centres = look.probe.x.select(Axis(0), &held[..count]);
        let gates = look.polytopes.gates(centres.view())?;
        let nearest: Vec<usize> = map_blocks(x.nrows(), 16, |range| {
            let of = |at: usize| {
                let far = |c: &usize| distance(x.row(at), centres.row(*c));
                (0..count).min_by(|a, b| far(a).total_cmp(&far(b))).unwrap_or(0)
            };
            range.map(of).collect::<Vec<_>>()
        })
        .concat();
        let found = answers(look.polytopes.outputs_with(x.view(), &gates, &nearest)?.view());
        let right = |answer: &dyn Fn(usize) -> i64| -> Vec<f64> {
            (0..tested.len()).map(|at| f64::from(u8::from(answer(at) == look.probe.labels[tested[at]]))).collect()
        };
        let text = count.to_string();
        let mut row = look.mean_row("centres_accuracy", "input", &[("centres", &text)], &right(&|at| found[at]));
        let label_alone = right(&|at| look.probe.labels[held[nearest[at]]]);
        row.nulls.push(Null::exact("label_of_the_nearest_centre", super::super::page::mean_of(&label_alone)));
        rows.push(row);
    }
    Ok(rows)
}

fn answers(outputs: ArrayView2<'_, f64>) -> Vec<i64> {
    outputs.outer_iter().map(|row| largest(row) as i64).collect()
}
