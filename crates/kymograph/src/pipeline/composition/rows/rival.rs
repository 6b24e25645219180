//! The rival account: neurons as functions on cosets of subgroups, and the whole of the hidden layer over pairs.

use std::collections::BTreeMap;

use kymograph_findings::Null;
use kymograph_linalg::Real;
use kymograph_measures::groups::circuit::Circuit;
use kymograph_measures::groups::circuit::nulls::{matched_spectrum, permuted_elements};
use kymograph_measures::groups::circuit::rival::{
    CosetHome, CosetSide, Layer, correlation_within, coset_homes, energy_by_subgroup, pair_power,
};
use kymograph_measures::groups::{
    Group, GroupError, Subgroup, conjugacy_classes, irreps, left_cosets, right_cosets, subgroups,
};
use kymograph_studies::StudyError;
use ndarray::{Array2, ArrayView2};

use super::{Rows, WHOLE};
use crate::error::KymographError;

/// Alignment from which a neuron counts as constant on cosets.
const ALIGNED: f64 = 0.9;
/// Draws of the nulls of coset measures, each of which goes through all subgroups.
const MOST_DRAWS: usize = 5;
/// Groups up to this order have the power of their hidden layer over all pairs of representations.
const MOST_FOR_POWER: usize = 120;
/// Shares of power below this have no row.
const LEAST_SHARE: f64 = 0.005;

impl Rows<'_> {
    pub(super) fn rival<T: Real>(&mut self, circuit: &Circuit<'_, T>) -> Result<(), KymographError> {
        let group = circuit.group;
        let of_group = |reason: GroupError| StudyError::Group { name: group.name().to_owned(), reason };
        // Where embeddings are not the neurons' own, as in a transformer, nothing says what a neuron sees of one side.
        if circuit.embed_x.ncols() == circuit.width() && !circuit.residual {
            match subgroups(group) {
                Ok(found) => self.cosets(circuit, &found)?,
                Err(GroupError::TooManySubgroups { .. } | GroupError::TooBig { .. }) => {}
                Err(other) => return Err(of_group(other).into()),
            }
        }
        if group.order() <= MOST_FOR_POWER {
            let all = irreps(group).map_err(of_group)?;
            for (layer, measure) in [(Layer::Hidden, "hidden_pair_power"), (Layer::Logits, "logit_pair_power")] {
                let power = pair_power(circuit, &all, layer)?;
                for ((a, b), &share) in power.shares.indexed_iter().filter(|(_, share)| **share > LEAST_SHARE) {
                    let row = self.add(measure, &all[a].name, share);
                    row.other_array = Some(all[b].name.clone());
                }
            }
        }
        Ok(())
    }

    fn cosets<T: Real>(&mut self, circuit: &Circuit<'_, T>, subgroups: &[Subgroup]) -> Result<(), KymographError> {
        let group = circuit.group;
        // Cosets of the whole group are one and those of the trivial subgroup single elements: they say nothing.
        let proper: Vec<Subgroup> =
            subgroups.iter().filter(|s| s.order > 1 && s.order < group.order()).cloned().collect();
        if proper.is_empty() {
            return Ok(());
        }
        let all = irreps(group).map_err(|reason| StudyError::Group { name: group.name().to_owned(), reason })?;
        let draws = self.draws.min(MOST_DRAWS);
        for (side, functions) in [("left", circuit.embed_x), ("right", circuit.embed_y)] {
            let functions = functions.mapv(Real::to_f64);
            let homes = coset_homes(group, functions.view(), &proper)?;
            let found = Alignment::of(&homes);
            let mut drawn: Vec<(&str, Vec<Alignment>)> = Vec::new();
            for kind in ["permuted_elements", "matched_spectrum"] {
                let draw = |index: usize| -> Result<Alignment, KymographError> {
                    let null: Array2<f64> = match kind {
                        "permuted_elements" => permuted_elements(functions.view(), 0, index as u64),
                        _ => matched_spectrum(functions.view(), &all, 0, index as u64)?,
                    };
                    Ok(Alignment::of(&coset_homes(group, null.view(), &proper)?))
                };
                drawn.push((kind, (0..draws).map(draw).collect::<Result<_, _>>()?));
            }
            let rows: [(&str, Reading); 3] = [
                ("median_coset_alignment", |a| a.median),
                ("coset_aligned_energy", |a| a.energy),
                ("neurons_concentrated_on_cosets", |a| a.concentrated),
            ];
            for (measure, value) in rows {
                let nulls = drawn.iter().filter_map(|(kind, draws)| {
                    let values: Vec<f64> = draws.iter().map(value).collect();
                    Null::of_draws(*kind, &values, value(&found))
                });
                let nulls: Vec<Null> = nulls.collect();
                let row = self.add(measure, side, value(&found));
                row.nulls = nulls;
            }
            let mut by_kind: BTreeMap<&str, f64> = BTreeMap::new();
            for (subgroup, share) in energy_by_subgroup(&homes) {
                *by_kind.entry(proper[subgroup].structure.as_str()).or_default() += share;
            }
            for (kind, share) in by_kind {
                self.add("coset_energy_by_subgroup", &format!("{side} {kind}"), share);
            }
            if side == "left" {
                self.unembedding(circuit.unembed.mapv(Real::to_f64).view(), group, &proper, &homes)?;
            }
        }
        Ok(())
    }

    /// Whether elements of one coset of a neuron's own subgroup get like weights from it, beside conjugacy classes.
    fn unembedding(
        &mut self,
        unembed: ArrayView2<'_, f64>,
        group: &Group,
        subgroups: &[Subgroup],
        homes: &[Option<CosetHome>],
    ) -> Result<(), KymographError> {
        let of_group = |reason: GroupError| StudyError::Group { name: group.name().to_owned(), reason };
        let mut class_of = vec![0; group.order()];
        for (class, members) in conjugacy_classes(group).iter().enumerate() {
            members.iter().for_each(|&element| class_of[element] = class);
        }
        let (mut cosets, mut classes, mut baseline) = (Vec::new(), Vec::new(), Vec::new());
        for (weights, home) in unembed.outer_iter().zip(homes) {
            let Some(home) = home.filter(|home| home.subgroup_alignment >= ALIGNED) else {
                continue;
            };
            // What a neuron sees of the left element by one side's cosets, it says of the product by the other's.
            let labels = match home.side {
                CosetSide::Left => left_cosets(group, &subgroups[home.subgroup]).map_err(of_group)?,
                CosetSide::Right => right_cosets(group, &subgroups[home.subgroup]).map_err(of_group)?,
            };
            if let Some(found) = correlation_within(weights, &labels)? {
                cosets.push(found.within);
                baseline.push(found.baseline);
            }
            if let Some(found) = correlation_within(weights, &class_of)? {
                classes.push(found.within);
            }
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        for (name, values) in [("cosets", &cosets), ("conjugacy classes", &classes)] {
            if !values.is_empty() {
                let row = self.add("unembedding_correlation_within", name, mean(values));
                row.nulls = super::exact("any_two_elements", mean(&baseline));
                row.n = Some(values.len());
            }
        }
        self.add("neurons_with_a_coset", WHOLE, cosets.len() as f64);
        Ok(())
    }
}

/// One number of an alignment.
type Reading = fn(&Alignment) -> f64;

/// How the neurons of one side respect cosets.
struct Alignment {
    /// Median over neurons of the best alignment.
    median: f64,
    /// Share of the energy in neurons aligned by .9 or more.
    energy: f64,
    /// Share of the neurons whose smallest concentration is below 1.
    concentrated: f64,
}

impl Alignment {
    fn of(homes: &[Option<CosetHome>]) -> Self {
        let known: Vec<&CosetHome> = homes.iter().flatten().collect();
        let mut alignments: Vec<f64> = known.iter().map(|home| home.alignment).collect();
        alignments.sort_by(f64::total_cmp);
        let all: f64 = known.iter().map(|home| home.energy).sum();
        let aligned: f64 = known.iter().filter(|home| home.alignment >= ALIGNED).map(|home| home.energy).sum();
        let below = known.iter().filter(|home| home.concentration < 1.0).count();
        Self {
            median: alignments.get(alignments.len() / 2).copied().unwrap_or(f64::NAN),
            energy: aligned / all,
            concentrated: below as f64 / known.len() as f64,
        }
    }
}
