//! What is looked at in somebody else's arrays before anything is written: numbers, places that a plan names, labels.

use std::path::Path;

use kymograph_findings::{Plan, Subject};
use kymograph_runs::Checkpoint;

use crate::error::KymographError;

/// The labels asked for, flattened where there is one a token.
pub(super) fn labels_of(given: Option<&str>) -> Result<Option<Vec<i64>>, KymographError> {
    let Some(given) = given else { return Ok(None) };
    let refuse = |detail: &str| KymographError::Argument { argument: given.to_owned(), detail: detail.to_owned() };
    let (file, tensor) = match given.rsplit_once(':') {
        Some((file, tensor)) if !Path::new(given).exists() => (file, tensor),
        _ => (given, "array"),
    };
    let labels = Checkpoint::open(file)?;
    let info = labels.tensors().iter().chain(labels.other_tensors()).find(|info| info.name == tensor);
    match info {
        Some(info) if info.dtype.is_float() => {
            Err(refuse("holds real numbers; labels are whole numbers (numpy: labels.astype(numpy.int64))"))
        }
        _ => Ok(Some(labels.read_i64(tensor)?.iter().copied().collect())),
    }
}

/// Tokens and places that the plan names must be in the arrays.
pub(super) fn check_places(plan: &Plan, origin: &str, subjects: &[Subject]) -> Result<(), KymographError> {
    for subject in subjects {
        let Some(path) = subject.parameters.values().next() else { continue };
        for tensor in Checkpoint::open(path)?.tensors() {
            plan.check_places(origin, &subject.key, &tensor.name, &tensor.shape)?;
        }
    }
    Ok(())
}

/// NaN and infinities are refused.
pub(super) fn check_finite(subjects: &[Subject]) -> Result<(), KymographError> {
    for path in subjects.iter().flat_map(|subject| subject.parameters.values()) {
        Checkpoint::open(path)?.check_finite()?;
    }
    Ok(())
}
