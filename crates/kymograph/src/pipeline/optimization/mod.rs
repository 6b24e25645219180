//! What the study `optimization` shows: gradients near zero from one step to the next, over steps, over epochs and as a map of
//! signs, each beside what exact zeros, noise and the optimiser would make of it.

mod curves;
mod epochs;
mod history;
mod maps;
mod rows;
mod tables;

use std::path::Path;

use kymograph_findings::Finding;
use kymograph_report::{Page, Section};
use kymograph_runs::write_whole;
use serde_json::json;

use super::derive::Derivation;
use super::published::Published;
use crate::error::KymographError;
use history::History;

/// Folder of the exported histories below what is derived.
const EXPORTS: &str = "gradient_dynamics";

/// What was recorded of every run's gradients, and the rows it makes.
pub(super) struct Taken {
    histories: Vec<History>,
    rows: Vec<Finding>,
    published: Published,
}

/// Reads every run's series, and writes them as JSON.
pub(super) fn take(derivation: &Derivation<'_>, folder: &Path) -> Result<Taken, KymographError> {
    let mut histories = Vec::new();
    for (subject, run) in derivation.subjects.iter().zip(derivation.runs) {
        histories.extend(History::read(&subject.key, run)?);
    }
    let exports = folder.join(EXPORTS);
    std::fs::create_dir_all(&exports).map_err(KymographError::file(&exports))?;
    for history in &histories {
        let path = exports.join(format!("{}.json", history.key.to_string().replace('/', "-")));
        let mut text = json!(history.export()).to_string();
        text.push('\n');
        write_whole(&path, text.as_bytes())?;
    }
    let rows = histories.iter().flat_map(|history| rows::of(history, derivation.step_names)).collect();
    let published = Published::read(kymograph_studies::optimization::STUDY.published)?;
    Ok(Taken { histories, rows, published })
}

impl Taken {
    /// Rows of evidence beside the plan's.
    pub(super) fn rows(&self) -> Vec<Finding> {
        self.rows.clone()
    }

    /// Adds figures and tables to the page.
    pub(super) fn show(&self, page: &mut Page) -> Result<(), KymographError> {
        let mut networks: Vec<&str> = self.histories.iter().map(|h| h.key.network.as_str()).collect();
        networks.dedup();
        let mut sections = Vec::new();
        for network in networks {
            let of: Vec<&History> =
                self.histories.iter().filter(|h| h.key.network == network && h.key.control.is_none()).collect();
            let (Some(first), false) = (of.first(), of.is_empty()) else { continue };
            sections.push(epochs::section(network, &of, &self.published));
            sections.push(curves::section(network, &of));
            sections.push(maps::section(network, first)?);
        }
        sections.retain(|section: &Section| !section.figures.is_empty());
        // Behind the verdicts and the losses, before what all studies show.
        let at = page.sections.len().min(2);
        page.sections.splice(at..at, sections);
        page.tables.extend(tables::all(&self.histories, &self.rows, &self.published));
        Ok(())
    }
}
