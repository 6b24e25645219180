//! The study's runs, and the activations of their layers.

use kymograph_findings::{Finding, Subject};
use kymograph_studies::squeeze::SWEEP;
use ndarray::{Array2, Ix2};

use super::super::activations;
use super::super::derive::Derivation;
use super::super::page::networks;
use crate::error::KymographError;

/// The networks that are looked at layer by layer.
pub(super) fn published(derivation: &Derivation<'_>) -> Vec<String> {
    networks(derivation).into_iter().filter(|name| name.starts_with('v')).collect()
}

/// The networks of the sweep that were run, narrowest first, with their s as text.
pub(super) fn swept(derivation: &Derivation<'_>) -> Vec<(&'static str, String)> {
    let run = networks(derivation);
    let of = |(s, names): &(&'static str, &[&str])| {
        let name = names.iter().find(|name| run.iter().any(|run| run == **name))?;
        Some((*s, (*name).to_owned()))
    };
    SWEEP.iter().filter_map(of).collect()
}

/// The main runs of a network, in the order of their seeds.
pub(super) fn runs<'a>(network: &str, derivation: &Derivation<'a>) -> Vec<&'a Subject> {
    let mut runs: Vec<&Subject> =
        derivation.subjects.iter().filter(|s| s.key.network == network && s.key.control.is_none()).collect();
    runs.sort_by_key(|run| run.key.seed);
    runs
}

/// The step called `late`.
pub(super) fn late(derivation: &Derivation<'_>) -> u64 {
    derivation.step_names.get("late").copied().unwrap_or_default()
}

/// The outputs of ReLUs that were taken of a run, in the network's order.
pub(super) fn relus(run: &Subject) -> Result<Vec<String>, KymographError> {
    let Some(activations) = run.activations.values().next() else { return Ok(Vec::new()) };
    let names = activations::arrays(activations)?.into_iter().map(|(name, _)| name);
    Ok(names.filter(|name| name.ends_with("relu")).collect())
}

/// A layer's activations on the probe, example × unit; nothing where they were not taken.
pub(super) fn activations_of(
    derivation: &Derivation<'_>,
    run: &Subject,
    step: u64,
    layer: &str,
) -> Result<Option<Array2<f32>>, KymographError> {
    let Some(taken) = run.activations.get(&step) else { return Ok(None) };
    if !activations::arrays(taken)?.iter().any(|(name, _)| name == layer) {
        return Ok(None);
    }
    let values = activations::read(derivation.replays, &run.key, step, taken, layer)?;
    Ok(values.into_dimensionality::<Ix2>().ok())
}

/// The findings of a measure on a network's main runs at one step; where it can be centred, those about the mean.
pub(super) fn rows<'f>(
    findings: &'f [Finding],
    (measure, network, array): (&str, &str, &str),
    step: u64,
) -> Vec<&'f Finding> {
    let fits = |f: &&Finding| {
        f.measure == measure
            && f.run.network == network
            && f.run.control.is_none()
            && f.array == array
            && f.steps == [step]
            && f.options.get("centre").is_none_or(|centre| centre == "true")
    };
    findings.iter().filter(fits).collect()
}
