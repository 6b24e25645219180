//! The study's page.

use std::collections::BTreeMap;

use kymograph_findings::{Finding, Verdict};
use kymograph_report::{Page, PageKind, Section};
use kymograph_runs::Experiment;
use kymograph_studies::StudyFile;

use super::super::published::Published;
use super::super::sections;
use super::recorded::Recorded;
use super::{digit_figures, tables, toy_figures};
use crate::error::KymographError;

/// Everything a report is made of.
pub(super) struct Report<'a> {
    pub(super) experiment: &'a Experiment,
    pub(super) recorded: &'a Recorded,
    pub(super) findings: &'a [Finding],
    pub(super) verdicts: &'a [Verdict],
    pub(super) published: Published,
}

impl Report<'_> {
    pub(super) fn build(&self, file: &StudyFile, repeat: String) -> Result<Page, KymographError> {
        let mut all: Vec<Section> = vec![sections::judged(self.verdicts, self.findings)];
        all.extend(digit_figures::sections(self)?);
        all.extend(toy_figures::sections(self)?);
        all.retain(|section| !section.figures.is_empty());
        Ok(Page {
            title: file.title.clone(),
            subtitle: file.question.clone(),
            kind: PageKind::Study,
            verdicts: self.verdicts.to_vec(),
            findings: self.findings.to_vec(),
            sections: all,
            tables: tables::all(self),
            facts: self.facts(),
            warnings: self.warnings(),
            repeat,
            commands: BTreeMap::new(),
        })
    }

    /// Every finding of a measure in a network, at one step if one is given.
    pub(super) fn of<'a>(
        &'a self,
        network: &'a str,
        measure: &'a str,
        step: Option<u64>,
    ) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(move |f| {
            f.run.network == network
                && f.measure == measure
                && step.is_none_or(|step| f.steps.as_slice() == [step].as_slice())
        })
    }

    pub(super) fn last_epoch(&self) -> Option<u64> {
        self.recorded.step_names().get("last_epoch").copied()
    }

    fn facts(&self) -> Vec<(String, String)> {
        let manifest = self.experiment.manifest();
        let mut facts = vec![
            ("Data".to_owned(), manifest.settings["data"].as_str().unwrap_or_default().to_owned()),
            ("Settings".to_owned(), manifest.settings["study"].to_string()),
        ];
        let recorded = self.recorded;
        let runs = recorded.classifiers.len() + recorded.squeezed.len() + recorded.toys.len();
        let models: usize = recorded.toys.iter().map(|toy| toy.cells.len()).sum();
        facts.push(("Runs".to_owned(), format!("{runs}, of which the sweeps hold {models} toy models")));
        facts.push((
            "Steps".to_owned(),
            "epochs for classifier and autoencoders, optimisation steps for toy models".to_owned(),
        ));
        if let Some(hash) = &manifest.predictions_hash {
            facts.push(("SHA-256 of the predictions".to_owned(), hash.clone()));
        }
        facts.push(("Measured by".to_owned(), kymograph_runs::software()));
        facts
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let recorded = self.recorded;
        if !recorded.squeezed.is_empty() {
            warnings.push(
                "Importance is what setting a unit to 0 adds to the autoencoder's own loss. A unit with a large encoder \
                 column moves the code more, so norm and importance are coupled by construction; the row that compares \
                 norms with the units' variance is not."
                    .to_owned(),
            );
            if self.experiment.manifest().settings["data_dir"].is_null() {
                warnings.push(
                    "The packed 8,000 images are gone through several times an epoch, so that an epoch has as many steps \
                     as with all 60,000: the classifier sees each image more often than the published one did, and its \
                     accuracy is on 2,000 images that it never saw."
                        .to_owned(),
                );
            }
        }
        if recorded.classifiers.len() == 1 || (recorded.classifiers.is_empty() && recorded.toys.len() < 2) {
            warnings.push("One seed. Nothing here says how much another one would differ.".to_owned());
        }
        warnings
    }
}
