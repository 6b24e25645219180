//! The columns of the published summary at the last checkpoint, beside untrained networks and what theory says.

use std::collections::BTreeMap;

use kymograph_findings::Null;
use kymograph_linalg::Real;
use kymograph_linalg::random::stream_at;
use kymograph_measures::groups::circuit::nulls::{one_hot_logits, random_ablations, random_share};
use kymograph_measures::groups::circuit::{Circuit, Pairs, Tables, shares, summary};
use kymograph_measures::groups::irreps;
use kymograph_nets::PairNetwork;

use super::super::numbers::with_circuit;
use super::{Rows, WHOLE, exact};
use crate::error::KymographError;

impl Rows<'_> {
    pub(super) fn columns<T: Real>(
        &mut self,
        circuit: &Circuit<'_, T>,
        tables: &Tables,
        network: &PairNetwork<T>,
    ) -> Result<(), KymographError> {
        let Some(columns) = self.numbers.last() else {
            return Ok(());
        };
        let (irreps, key) = (&self.numbers.irreps, &self.numbers.key);
        let untrained = untrained(self, network)?;
        let one_hot = one_hot_logits(&self.composer.group, irreps, key)?;
        let excluded = self.losses_without_random_functions(circuit, tables, Pairs::Train)?;
        for (column, &value) in columns {
            let (measure, array) = self.named(column);
            let mut nulls = Vec::new();
            let irrep = irreps.iter().find(|irrep| irrep.name == array);
            match (measure.as_str(), irrep) {
                ("logit_trace_similarity", Some(irrep)) => {
                    let of = one_hot.similarities.iter().find(|(name, _)| *name == irrep.name);
                    nulls.extend(of.map(|(_, similarity)| Null::exact("one_hot_logits", *similarity)));
                }
                ("percent_logits_explained", _) => nulls.push(Null::exact("one_hot_logits", one_hot.explained)),
                ("percent_x_embed" | "percent_y_embed" | "percent_unembed", Some(irrep)) => {
                    nulls.push(Null::exact("random_table", random_share(irrep)));
                }
                ("hidden_excluded_loss", Some(irrep)) => {
                    let draws = excluded.get(&irrep.span.ncols());
                    nulls.extend(draws.and_then(|draws| Null::of_draws("random_functions_of_ab", draws, value)));
                }
                _ => {}
            }
            let drawn: Vec<f64> = untrained.iter().filter_map(|columns| columns.get(column).copied()).collect();
            nulls.extend(Null::of_draws("untrained", &drawn, value));
            self.add(&measure, &array, value).nulls = nulls;
        }
        self.fraction_sums(circuit)
    }

    /// Losses after as many random functions of ab were taken away as each representation has, by their number.
    pub(super) fn losses_without_random_functions<T: Real>(
        &self,
        circuit: &Circuit<'_, T>,
        tables: &Tables,
        pairs: Pairs,
    ) -> Result<BTreeMap<usize, Vec<f64>>, KymographError> {
        let mut by_size: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for irrep in &self.numbers.irreps {
            let functions = irrep.span.ncols();
            if functions + 1 < circuit.group.order() && !by_size.contains_key(&functions) {
                by_size.insert(functions, random_ablations(circuit, tables, functions, pairs, self.draws, 0)?);
            }
        }
        Ok(by_size)
    }

    /// The measure and the representation that a published column's name stands for.
    fn named(&self, column: &str) -> (String, String) {
        let mut names: Vec<&str> = self.numbers.irreps.iter().map(|irrep| irrep.name.as_str()).collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        for name in names {
            if column == format!("logit_{name}_rep_trace_similarity") {
                return ("logit_trace_similarity".to_owned(), name.to_owned());
            }
            if let Some(measure) = column.strip_suffix(&format!("_{name}_rep")) {
                return (measure.to_owned(), name.to_owned());
            }
        }
        (column.to_owned(), WHOLE.to_owned())
    }

    /// How far the fractions over all representations, not only the published ones, are from 1.
    fn fraction_sums<T: Real>(&mut self, circuit: &Circuit<'_, T>) -> Result<(), KymographError> {
        let group = &self.composer.group;
        let all = irreps(group)
            .map_err(|reason| kymograph_studies::StudyError::Group { name: group.name().to_owned(), reason })?;
        for (part, input, table) in [
            ("x_embed", "embed_x", circuit.embed_x),
            ("y_embed", "embed_y", circuit.embed_y),
            ("unembed", "unembed", circuit.unembed.reversed_axes()),
        ] {
            let sum: f64 = shares(input, table.mapv(Real::to_f64).view(), &all)?.into_iter().sum();
            self.add("fraction_sum_error", part, (sum - 1.0).abs()).nulls = exact("complete", 0.0);
        }
        Ok(())
    }
}

/// The columns of untrained networks of the same kind, as many as draws.
fn untrained<T: Real>(rows: &Rows<'_>, network: &PairNetwork<T>) -> Result<Vec<BTreeMap<String, f64>>, KymographError> {
    let (irreps, key) = (&rows.numbers.irreps, &rows.numbers.key);
    let draw = |index: usize| {
        let network = PairNetwork::<f32>::new(network.spec(), &mut stream_at(0, "null: untrained", index as u64))?;
        Ok(with_circuit(rows.composer, &network, |circuit| summary(circuit, irreps, key))?)
    };
    (0..rows.draws).map(draw).collect()
}
