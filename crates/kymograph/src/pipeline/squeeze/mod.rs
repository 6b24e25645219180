//! What the study `squeeze` shows beyond what every study does: the sweep over widths, dimensions by depth, spectra beside
//! noise, heat maps, embeddings, and its tables.

mod depth;
mod heat_maps;
mod layers;
mod spectra;
mod sweep;
mod tables;

use kymograph_findings::Finding;
use kymograph_report::{Section, SummaryTable};

use super::derive::Derivation;
use crate::error::KymographError;

/// The study's name.
pub(super) const STUDY: &str = "squeeze";

/// Its figures, before the usual ones.
pub(super) fn sections(derivation: &Derivation<'_>, findings: &[Finding]) -> Result<Vec<Section>, KymographError> {
    let mut sections = vec![sweep::section(derivation), depth::section(derivation, findings)?];
    for network in layers::published(derivation) {
        sections.push(spectra::section(&network, derivation, findings)?);
        sections.push(heat_maps::section(&network, derivation)?);
    }
    Ok(sections)
}

/// Its tables, before the usual ones.
pub(super) fn tables(derivation: &Derivation<'_>, findings: &[Finding]) -> Result<Vec<SummaryTable>, KymographError> {
    let all = [
        sweep::table(derivation),
        tables::ranks(derivation, findings),
        tables::published_spectra(derivation, findings)?,
    ];
    Ok(all.into_iter().flatten().collect())
}
