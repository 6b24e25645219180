//! The list of all measures and the words in which each one is described.

mod array;
mod measure;
mod options;
mod transform;

pub use array::{Array, Input, Kind};
pub(crate) use array::{matrix, with_axes, with_one, with_pair};
pub use measure::{Direction, Family, Measure, Part, Reading};
pub use options::{OptionSpec, Options, Setting, Value};
pub use transform::{Change, Side, Transform};

use crate::MeasureError;
use std::sync::LazyLock;

static ALL: LazyLock<Vec<&'static Measure>> = LazyLock::new(|| {
    [
        crate::similarity::MEASURES,
        crate::clusters::MEASURES,
        crate::filters::MEASURES,
        crate::neurons::MEASURES,
        crate::spectra::MEASURES,
        crate::probes::MEASURES,
        crate::predictions::MEASURES,
        crate::attention::MEASURES,
        crate::changepoints::MEASURES,
        crate::embeddings::MEASURES,
        crate::dictionaries::MEASURES,
    ]
    .concat()
});

/// Every measure, family by family.
pub fn all() -> &'static [&'static Measure] {
    &ALL
}

/// The measure of this name.
///
/// # Errors
/// [`MeasureError::UnknownMeasure`], with the names that look most like it.
pub fn find(name: &str) -> Result<&'static Measure, MeasureError> {
    if let Some(measure) = all().iter().find(|measure| measure.name == name) {
        return Ok(measure);
    }
    let wanted = name.to_lowercase().replace(['-', ' '], "_");
    let mut scored: Vec<(usize, &'static str)> = all()
        .iter()
        .map(|measure| {
            let within = wanted.len() >= 3 && (measure.name.contains(&wanted) || wanted.contains(measure.name));
            (if within { 0 } else { edit_distance(&wanted, measure.name) }, measure.name)
        })
        .filter(|(distance, candidate)| *distance <= 2 + candidate.len() / 4)
        .collect();
    scored.sort();
    Err(MeasureError::UnknownMeasure {
        name: name.to_string(),
        nearest: scored.into_iter().take(3).map(|(_, candidate)| candidate).collect(),
    })
}

/// Levenshtein distance in characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replace = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
