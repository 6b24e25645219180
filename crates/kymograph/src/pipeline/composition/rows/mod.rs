//! What was measured of a network that composes group elements, as findings with their nulls.

mod columns;
mod interventions;
mod learning;
mod notebook;
mod rival;

use std::collections::BTreeMap;

use kymograph_findings::{Finding, Null};
use kymograph_linalg::Real;
use kymograph_measures::groups::circuit::tables;
use kymograph_nets::PairNetwork;

use super::numbers::{Numbers, Placed, place, with_circuit};
use super::subject::Composer;
use crate::error::KymographError;

/// What stands in `array` where a number is about the whole network.
pub(super) const WHOLE: &str = "network";

/// Rows of one run at its last checkpoint.
pub(super) struct Rows<'a> {
    composer: &'a Composer,
    numbers: &'a Numbers,
    step: u64,
    draws: usize,
    findings: Vec<Finding>,
}

/// Every row of a run. `draws` is the number of draws of a drawn null.
pub(super) fn rows(composer: &Composer, numbers: &Numbers, draws: usize) -> Result<Vec<Finding>, KymographError> {
    let Some((step, path)) = composer.last() else {
        return Ok(Vec::new());
    };
    let mut rows = Rows { composer, numbers, step, draws, findings: Vec::new() };
    rows.learning();
    match place(composer, path)? {
        Placed::Narrow(network) => rows.of_network(&network)?,
        Placed::Wide(network) => rows.of_network(&network)?,
    }
    Ok(rows.findings)
}

impl Rows<'_> {
    fn of_network<T: Real>(&mut self, network: &PairNetwork<T>) -> Result<(), KymographError> {
        self.interventions(network)?;
        with_circuit(self.composer, network, |circuit| {
            let tables = tables(circuit)?;
            self.columns(circuit, &tables, network)?;
            self.notebook(circuit, &tables, network)?;
            self.rival(circuit)
        })
    }

    /// A number, about a representation or another part of the network. One that is not finite was not measured.
    fn add(&mut self, measure: &str, array: &str, value: f64) -> &mut Finding {
        let finite = value.is_finite().then_some(value);
        self.findings.push(Finding {
            measure: measure.to_owned(),
            options: BTreeMap::new(),
            run: self.composer.key.clone(),
            array: array.to_owned(),
            other_array: None,
            steps: vec![self.step],
            value: finite,
            interval: None,
            nulls: Vec::new(),
            ceiling: None,
            parts: BTreeMap::new(),
            n: Some(self.composer.group.order()),
            notes: if finite.is_some() { Vec::new() } else { vec![format!("the number came out as {value}")] },
            version: 1,
        });
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }
}

/// A null of theory.
fn exact(kind: &str, value: f64) -> Vec<Null> {
    vec![Null::exact(kind, value)]
}
