//! A study: its texts, what its networks learn, and the list of all studies.

use crate::error::StudyError;
use crate::file::StudyFile;
use crate::{dictionaries, groups, optimization, phases, polytopes, signals, squeeze, superposition};

/// A built-in study. Everything about it that is text lies in its folder.
pub struct Study {
    /// Name on the command line.
    pub name: &'static str,
    /// `study.toml`.
    pub study: &'static str,
    /// `plan.toml`.
    pub plan: &'static str,
    /// `predictions.toml`.
    pub predictions: &'static str,
    /// Figures published elsewhere that its report shows beside its own, as TOML.
    pub published: &'static str,
    /// What its networks learn.
    pub task: Task,
}

/// What the networks of a study learn, and so how they are trained and measured.
pub enum Task {
    /// The class of an image, by minibatches.
    Classification(Classification),
    /// The product of two elements of a finite group, by the whole batch.
    Composition,
    /// To give back many features from few dimensions.
    Superposition,
    /// To rebuild activations of few directions, on examples made as they are needed.
    Dictionaries,
}

/// The networks of a study of classifiers.
pub struct Classification {
    /// The networks it can train.
    pub networks: &'static [&'static str],
    /// The spec of one of them.
    pub network: fn(&str) -> Option<kymograph_nets::NetworkSpec>,
}

impl Study {
    /// The question it asks, in a sentence.
    #[must_use]
    pub fn question(&self) -> String {
        StudyFile::read(self).map(|file| file.question).unwrap_or_default()
    }
}

static STUDIES: &[&Study] = &[
    &phases::STUDY,
    &groups::STUDY,
    &signals::STUDY,
    &optimization::STUDY,
    &squeeze::STUDY,
    &superposition::STUDY,
    &dictionaries::STUDY,
    &polytopes::STUDY,
];

/// Every study.
#[must_use]
pub fn all() -> &'static [&'static Study] {
    STUDIES
}

/// The study of this name.
///
/// # Errors
/// [`StudyError::Unknown`] with the names there are.
pub fn find(name: &str) -> Result<&'static Study, StudyError> {
    all().iter().copied().find(|s| s.name == name).ok_or_else(|| StudyError::Unknown {
        name: name.to_owned(),
        known: all().iter().map(|s| s.name).collect::<Vec<_>>().join(", "),
    })
}
