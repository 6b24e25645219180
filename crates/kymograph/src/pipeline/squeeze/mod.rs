//! What the study `squeeze` shows beyond what every study does: the sweep over widths, dimensions by depth, spectra beside
//! noise, heat maps, embeddings, and its tables.

mod clouds;
mod depth;
mod embeddings;
mod heat_maps;
mod layers;
mod spectra;
mod sweep;
mod tables;

use std::path::{Path, PathBuf};

use kymograph_findings::Finding;
use kymograph_report::Page;

use super::Listener;
use super::derive::Derivation;
use crate::error::KymographError;

/// Layouts of the layers, and how far they keep what is there.
pub(super) struct Taken {
    rows: Vec<Finding>,
    layouts: Vec<embeddings::Layout>,
    folder: PathBuf,
}

/// Lays out the layers into files below the folder of what is derived, or takes the layouts that are there.
pub(super) fn take(
    derivation: &Derivation<'_>,
    folder: &Path,
    listener: Listener<'_>,
) -> Result<Taken, KymographError> {
    let folder = folder.join("embeddings");
    let (layouts, rows) = embeddings::take(derivation, &folder, listener)?;
    Ok(Taken { rows, layouts, folder })
}

impl Taken {
    /// How far each layout keeps the layer's neighbours.
    pub(super) fn rows(&self) -> Vec<Finding> {
        self.rows.clone()
    }

    /// Puts the study's figures behind the verdicts, and its tables behind the usual ones.
    pub(super) fn show(&self, page: &mut Page, derivation: &Derivation<'_>) -> Result<(), KymographError> {
        let findings = &page.findings;
        let mut sections = vec![sweep::section(derivation), depth::section(derivation, findings)?];
        for network in layers::published(derivation) {
            sections.push(clouds::section(&network, derivation, &self.layouts, &self.folder)?);
            sections.push(spectra::section(&network, derivation, findings)?);
            sections.push(heat_maps::section(&network, derivation)?);
        }
        sections.retain(|section| !section.figures.is_empty());
        let tables = [
            sweep::table(derivation),
            tables::ranks(derivation, findings),
            tables::layouts(derivation, findings),
            tables::published_spectra(derivation, findings)?,
        ];
        let behind = page.sections.len().min(1);
        drop(page.sections.splice(behind..behind, sections));
        page.tables.extend(tables.into_iter().flatten());
        Ok(())
    }
}
