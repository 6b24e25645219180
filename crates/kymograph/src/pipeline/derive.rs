//! From runs to report: evidence, verdicts, page.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kymograph_findings::{Finding, Gathering, Judging, Plan, Predictions, Stated, Subject, Verdict, gather, judge};
use kymograph_report::{ReportFiles, write_report};
use kymograph_runs::{Experiment, Run};

use super::activations::{self, Replays};
use super::own::Own;
use super::published::Published;
use super::{Event, Listener, networks, page};
use crate::error::KymographError;

/// Everything a report is derived from.
pub(super) struct Derivation<'a> {
    pub(super) experiment: &'a Experiment,
    pub(super) title: String,
    pub(super) question: String,
    pub(super) plan: &'a Plan,
    pub(super) origin: &'a str,
    pub(super) predictions: Option<&'a Predictions>,
    pub(super) subjects: &'a [Subject],
    /// Our own runs, in the order of `subjects`; none for an analysis of foreign checkpoints.
    pub(super) runs: &'a [Run],
    /// The runs whose activations can be taken again.
    pub(super) replays: &'a Replays,
    pub(super) step_names: &'a BTreeMap<String, u64>,
    pub(super) stated: Stated,
    pub(super) repeat: String,
    pub(super) remedy: Option<String>,
    pub(super) published: Published,
}

/// What was derived, and where it lies.
#[derive(Clone, Debug)]
pub struct Derived {
    /// The experiment folder.
    pub folder: PathBuf,
    /// The page.
    pub page: PathBuf,
    /// The verdict as text.
    pub summary: PathBuf,
    /// The figures as SVG; PNG and CSV lie beside them.
    pub figures: Vec<PathBuf>,
    /// Every row of evidence.
    pub findings: Vec<Finding>,
    /// What became of the predictions.
    pub verdicts: Vec<Verdict>,
}

impl Derived {
    /// Of a report as it was written.
    pub(super) fn of(
        experiment: &Experiment,
        files: ReportFiles,
        findings: Vec<Finding>,
        verdicts: Vec<Verdict>,
    ) -> Self {
        Self {
            folder: experiment.folder().to_path_buf(),
            page: files.page,
            summary: files.summary,
            figures: files.figures.into_iter().map(|f| f.svg).collect(),
            findings,
            verdicts,
        }
    }
}

pub(super) fn derive(derivation: &Derivation<'_>, listener: Listener<'_>) -> Result<Derived, KymographError> {
    let derived = derivation.experiment.derived_folder()?;
    let mut findings = gather(&Gathering {
        plan: derivation.plan,
        origin: derivation.origin,
        subjects: derivation.subjects,
        step_names: derivation.step_names,
        cache: Some(&derived.join("cache")),
        again: &|key, step, array| activations::again(derivation.replays, key, step, array),
        progress: &|done, all| listener(Event::Measuring(done, all)),
    })?;
    let own = Own::take(derivation, &derived, listener)?;
    findings.extend(own.rows());
    let verdicts = derivation.predictions.map_or_else(Vec::new, |predictions| {
        judge(
            predictions,
            &findings,
            &Judging {
                step_names: derivation.step_names,
                stated: derivation.stated,
                repeat: &derivation.repeat,
                remedy: derivation.remedy.as_deref(),
            },
        )
    });
    listener(Event::Drawing);
    let mut page = page::build(derivation, &findings, &verdicts)?;
    own.show(&mut page, derivation)?;
    let files = write_report(&derived, &page)?;
    networks::write(&derived, derivation, &findings, &verdicts)?;
    Ok(Derived::of(derivation.experiment, files, findings, verdicts))
}
