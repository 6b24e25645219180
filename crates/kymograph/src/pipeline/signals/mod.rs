//! What the study `signals` shows beyond its plan: correlations between layers as published and as they should be taken, and
//! how invariant layers are to augmentations.

mod augmentation;
mod correlations;
mod maps;
mod over_steps;

use std::path::Path;

use kymograph_findings::Finding;
use kymograph_report::{Page, Section};

use super::derive::Derivation;
use super::page::networks;
use super::{Event, Listener};
use crate::error::KymographError;

/// Everything that needs the networks.
pub(super) struct Taken {
    correlations: Vec<correlations::RunMeans>,
    augmented: Option<augmentation::Augmented>,
}

pub(super) fn take(
    derivation: &Derivation<'_>,
    folder: &Path,
    listener: Listener<'_>,
) -> Result<Taken, KymographError> {
    let correlations = correlations::take(derivation)?;
    correlations::write(folder, &correlations)?;
    let images = setting(derivation, "augmented_images");
    let augmentations = setting(derivation, "augmentations");
    let augmented = match images.min(augmentations) {
        0 => None,
        _ => {
            let cache = folder.join("cache").join("augmentations.json");
            augmentation::take(derivation, images, augmentations, &cache, &|done, all| {
                listener(Event::Capturing(done, all));
            })?
        }
    };
    Ok(Taken { correlations, augmented })
}

/// A count among the study's settings; 0 where they do not name it.
fn setting(derivation: &Derivation<'_>, name: &str) -> usize {
    let settings = &derivation.experiment.manifest().settings["study"];
    settings[name].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
}

impl Taken {
    pub(super) fn rows(&self) -> Vec<Finding> {
        self.augmented.as_ref().map_or_else(Vec::new, |augmented| augmented.rows.clone())
    }

    pub(super) fn show(&self, page: &mut Page, derivation: &Derivation<'_>) -> Result<(), KymographError> {
        let mut sections = Vec::new();
        for network in networks(derivation) {
            let mut section = Section { title: format!("{network}: correlations between units"), ..Section::default() };
            over_steps::correlations(&mut section, &network, &page.findings, derivation);
            maps::correlations(&mut section, &network, derivation)?;
            sections.push(section);
            if let Some(augmented) = &self.augmented {
                let mut section = Section { title: format!("{network}: augmentations"), ..Section::default() };
                over_steps::augmentations(&mut section, &network, augmented);
                maps::augmentations(&mut section, &network, augmented, derivation)?;
                sections.push(section);
            }
        }
        sections.retain(|section| !section.figures.is_empty());
        // Behind the verdicts and the training, before what all studies show.
        let at = page.sections.len().min(2);
        page.sections.splice(at..at, sections);
        let tables = [
            correlations::published(&self.correlations)?,
            over_steps::redundancy(&page.findings, derivation),
            over_steps::other_seeds(&page.findings, derivation),
        ];
        let kinds = self.augmented.as_ref().and_then(|augmented| augmented.by_kind(derivation));
        let at = page.tables.len().min(1);
        page.tables.splice(at..at, tables.into_iter().chain([kinds]).flatten());
        Ok(())
    }
}
