//! Codes on the probe, and how much the affine map changes when one unit flips.

use kymograph_findings::{Finding, Null};
use kymograph_linalg::random::{permutation, stream_at};
use kymograph_nets::Codes;

use super::super::page::mean_of;
use super::look::{Look, against};
use crate::error::KymographError;

const DRAWS: usize = 20;
/// Images at which maps are taken.
const MAPS: usize = 40;

/// Different codes, of every layer and of all; with each unit's states dealt out over the images as null.
pub(super) fn rows(look: &Look<'_>) -> Result<Vec<Finding>, KymographError> {
    let codes = look.codes()?;
    let mut rows = Vec::new();
    for (layer, coded) in codes.layers().iter().enumerate() {
        rows.push(distinct(look, &codes.layer(layer), &coded.name));
    }
    rows.push(distinct(look, &codes, "all layers"));
    Ok(rows)
}

fn distinct(look: &Look<'_>, codes: &Codes, array: &str) -> Finding {
    let (numbers, different) = codes.numbered();
    let mut row = look.row("distinct_codes", array, &[]);
    row.value = Some(different as f64);
    row.n = Some(codes.samples());
    let labels = &look.probe.labels;
    let classes = labels.iter().max().map_or(0, |m| usize::try_from(*m).unwrap_or(0) + 1);
    let mut of_class: Vec<std::collections::BTreeSet<usize>> = vec![Default::default(); classes];
    let mut classes_of = vec![std::collections::BTreeSet::new(); different];
    for (number, label) in numbers.iter().zip(labels) {
        of_class[usize::try_from(*label).unwrap_or(0)].insert(*number);
        classes_of[*number].insert(*label);
    }
    row.parts.insert("by_class".to_owned(), of_class.iter().map(|codes| codes.len() as f64).collect());
    let shared = numbers.iter().filter(|number| classes_of[**number].len() > 1).count() as f64;
    row.parts.insert("images_with_a_code_of_several_classes".to_owned(), vec![shared]);
    // Dealing states out is of one word where a layer is of at most 64 units of two states.
    if codes.layers().iter().all(|layer| layer.states == 2 && layer.elements <= 64) && codes.layers().len() == 1 {
        let draws: Vec<f64> = (0..DRAWS).map(|draw| dealt(codes, draw) as f64).collect();
        return against(row, "units_permuted", &draws);
    }
    row.nulls.push(Null::exact("every_image_its_own", codes.samples() as f64));
    row
}

/// Different codes when each unit's states go to other images, unit by unit.
fn dealt(codes: &Codes, draw: usize) -> usize {
    let n = codes.samples();
    let mut words = vec![0_u64; n];
    for unit in 0..codes.layers()[0].elements {
        let order = permutation(&mut stream_at(0, &format!("dealt states of unit {unit}"), draw as u64), n);
        for (word, from) in words.iter_mut().zip(order) {
            *word |= u64::from(codes.state(from, 0, unit)) << unit;
        }
    }
    words.sort_unstable();
    words.dedup();
    words.len()
}

/// How much the affine map changes with one flip, of all units and of the one whose boundary is nearest.
pub(super) fn flips(look: &Look<'_>) -> Result<Vec<Finding>, KymographError> {
    if !look.exact {
        return Ok(Vec::new());
    }
    let count = MAPS.min(look.probe.len());
    let found = kymograph_linalg::parallel::map_indices(count, |at| look.polytopes.flips(look.probe.x.row(at)));
    let found = found.into_iter().collect::<Result<Vec<_>, _>>()?;
    let layers = look.polytopes.code_layers();
    let mut rows = Vec::new();
    for (layer, coded) in layers.iter().enumerate() {
        let of = |flips: &Vec<kymograph_nets::Flip>| {
            let values: Vec<f64> = flips.iter().filter(|f| f.layer == layer).filter_map(|f| f.relative).collect();
            (!values.is_empty()).then(|| mean_of(&values))
        };
        let values: Vec<f64> = found.iter().filter_map(of).collect();
        rows.push(look.mean_row("flip_change", &coded.name, &[("unit", "all")], &values));
    }
    let nearest = |flips: &Vec<kymograph_nets::Flip>| {
        let near = flips.iter().filter_map(|f| Some((f.distance?, f.relative?)));
        near.min_by(|a, b| a.0.total_cmp(&b.0))
    };
    let near: Vec<(f64, f64)> = found.iter().filter_map(nearest).collect();
    let changes: Vec<f64> = near.iter().map(|(_, change)| *change).collect();
    let mut row = look.mean_row("flip_change", "nearest boundary", &[("unit", "nearest")], &changes);
    if !near.is_empty() {
        row.parts.insert("distance".to_owned(), vec![mean_of(&near.iter().map(|(d, _)| *d).collect::<Vec<_>>())]);
    }
    rows.push(row);
    Ok(rows)
}
