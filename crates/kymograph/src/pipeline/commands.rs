//! The commands that take single findings again: `kymograph measure` on the checkpoints they were taken from.

use std::collections::BTreeMap;

use kymograph_findings::{Finding, Subject};
use kymograph_measures as measures;
use kymograph_runs::Checkpoint;

use super::derive::Derivation;
use super::quoted;
use crate::error::KymographError;

/// By the finding's number. Findings on activations are left out, since they need a forward pass first, and so are those
/// on tensors that `kymograph measure` would not read as the same matrix.
pub(super) fn all(
    derivation: &Derivation<'_>,
    findings: &[Finding],
) -> Result<BTreeMap<usize, String>, KymographError> {
    let mut shapes: Vec<BTreeMap<String, Vec<usize>>> = Vec::new();
    for subject in derivation.subjects {
        let Some(path) = subject.parameters.values().next() else {
            shapes.push(BTreeMap::new());
            continue;
        };
        let checkpoint = Checkpoint::open(path)?;
        shapes.push(checkpoint.tensors().iter().map(|t| (t.name.clone(), t.shape.clone())).collect());
    }
    let command = |finding: &Finding| {
        let at = derivation.subjects.iter().position(|s| s.key == finding.run)?;
        let shape = shapes[at].get(&finding.array)?;
        one(derivation, &derivation.subjects[at], shape, finding)
    };
    Ok(findings.iter().enumerate().filter_map(|(i, f)| Some((i, command(f)?))).collect())
}

fn one(derivation: &Derivation<'_>, subject: &Subject, shape: &[usize], finding: &Finding) -> Option<String> {
    finding.value?;
    let measure = measures::find(&finding.measure).ok()?;
    let flat = |input: &measures::Input| shape.len() == 2 || input.axes.first() == Some(&"unit");
    if finding.other_array.is_some() || measure.inputs.len() != finding.steps.len() || !measure.inputs.iter().all(flat)
    {
        return None;
    }
    let mut command = format!("kymograph measure {}", finding.measure);
    for step in &finding.steps {
        let path = subject.parameters.get(step)?;
        // Relative to the experiment's folder, so that the folder may be moved.
        let path = path.strip_prefix(derivation.experiment.folder()).unwrap_or(path);
        command.push_str(&format!(" {}", quoted(&format!("{}:{}", path.display(), finding.array))));
    }
    for (key, value) in &finding.options {
        command.push_str(&format!(" --set {}", quoted(&format!("{key}={value}"))));
    }
    Some(command)
}
