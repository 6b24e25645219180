//! What only one study of classifiers shows: rows, figures and tables beside those that all of them share.

use std::path::Path;

use kymograph_findings::Finding;
use kymograph_report::Page;

use super::derive::Derivation;
use super::{Listener, optimization, polytopes, signals, squeeze};
use crate::error::KymographError;

/// What a study took beyond its plan.
pub(super) enum Own {
    Nothing,
    Signals(Box<signals::Taken>),
    Optimization(Box<optimization::Taken>),
    Squeeze(Box<squeeze::Taken>),
    Polytopes(Box<polytopes::Taken>),
}

impl Own {
    /// Takes what the experiment's study asks for, and writes its files into the folder of what is derived.
    pub(super) fn take(
        derivation: &Derivation<'_>,
        folder: &Path,
        listener: Listener<'_>,
    ) -> Result<Self, KymographError> {
        Ok(match derivation.experiment.manifest().study.as_str() {
            "signals" => Self::Signals(Box::new(signals::take(derivation, folder, listener)?)),
            "optimization" => Self::Optimization(Box::new(optimization::take(derivation, folder)?)),
            "squeeze" => Self::Squeeze(Box::new(squeeze::take(derivation, folder, listener)?)),
            "polytopes" => Self::Polytopes(Box::new(polytopes::take(derivation, folder, listener)?)),
            _ => Self::Nothing,
        })
    }

    /// Rows of evidence beside the plan's.
    pub(super) fn rows(&self) -> Vec<Finding> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Signals(taken) => taken.rows(),
            Self::Optimization(taken) => taken.rows(),
            Self::Squeeze(taken) => taken.rows(),
            Self::Polytopes(taken) => taken.rows(),
        }
    }

    /// Adds figures and tables to the page.
    pub(super) fn show(&self, page: &mut Page, derivation: &Derivation<'_>) -> Result<(), KymographError> {
        match self {
            Self::Nothing => Ok(()),
            Self::Signals(taken) => taken.show(page, derivation),
            Self::Optimization(taken) => taken.show(page),
            Self::Squeeze(taken) => taken.show(page, derivation),
            Self::Polytopes(taken) => {
                taken.show(page, derivation);
                Ok(())
            }
        }
    }
}
