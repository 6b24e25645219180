//! Features that share dimensions: the study's networks trained, read back, measured and shown.

mod digit_figures;
mod digit_rows;
mod page;
mod recorded;
mod tables;
mod toy_figures;
mod toy_rows;

use std::cell::OnceCell;
use std::collections::BTreeMap;

use kymograph_findings::{
    Finding, FindingsError, Gathering, Judging, Plan, Predictions, RunKey, Subject, gather, judge,
};
use kymograph_report::write_report;
use kymograph_runs::{Experiment, Run, image_data};
use kymograph_studies::superposition::{
    AutoencoderTraining, ClassifierTraining, Digits, Part, Settings, Squeeze, ToyTraining, Units, sweeps, units,
};
use kymograph_studies::{Progress, Study, StudyError, StudyFile};
use serde_json::json;

use super::activations::{self, Replays};
use super::derive::Derived;
use super::published::Published;
use super::stating::Stating;
use super::study::{Asked, record};
use super::{Event, Listener};
use crate::error::KymographError;
use recorded::Recorded;

/// What stands in `array` where a number is about the whole network.
const WHOLE: &str = "network";

/// Trains what was asked for, and derives the report.
pub(super) fn run(asked: &Asked<'_>, listener: Listener<'_>) -> Result<Derived, KymographError> {
    let Asked { request, study, file, choice } = asked;
    let settings = Settings::read(study, file, *choice)?;
    Plan::from_toml(study.plan, "the study's plan.toml")?;
    Predictions::from_toml(study.predictions, "the study's predictions.toml")?;
    let seeds = request.seeds.clone().unwrap_or_else(|| (0..settings.seeds).collect());
    let digits = match settings.parts.contains(&Part::Digits) {
        true => Some(Digits::from(image_data(&settings.data, request.data_dir.as_deref())?)),
        false => None,
    };
    let note = digits.as_ref().map_or("features drawn at random", |digits| digits.note.as_str());
    let experiment = asked.experiment(&json!(settings), note)?;
    if let Some(digits) = &digits {
        for &seed in &seeds {
            train_on_digits(asked, &experiment, (&settings, digits), seed, listener)?;
        }
    }
    if settings.parts.contains(&Part::Toys) {
        for sweep in sweeps(&settings) {
            let most = if sweep.large { settings.large_seeds } else { settings.toy_seeds } as usize;
            for &seed in seeds.iter().take(most) {
                let training = ToyTraining { study: study.name, sweep: &sweep, seed, settings: &settings };
                let key = RunKey { network: sweep.name.to_owned(), seed: Some(seed), control: None };
                let train =
                    &|recorder, saved, progress: &mut dyn FnMut(Progress<'_>)| training.run(recorder, saved, progress);
                record((&experiment, request), &key, &training.manifest()?, train, listener)?;
            }
        }
    }
    derive_study(&experiment, study, listener)
}

/// The classifier of one seed, and the autoencoders of its hidden units, which are computed only where one is trained.
fn train_on_digits(
    asked: &Asked<'_>,
    experiment: &Experiment,
    (settings, digits): (&Settings, &Digits),
    seed: u64,
    listener: Listener<'_>,
) -> Result<(), KymographError> {
    let study = asked.study.name;
    let training = ClassifierTraining { study, digits, seed, settings };
    let key = RunKey { network: ClassifierTraining::NAME.to_owned(), seed: Some(seed), control: None };
    let train = &|recorder, saved, progress: &mut dyn FnMut(Progress<'_>)| training.run(recorder, saved, progress);
    record((experiment, asked.request), &key, &training.manifest()?, train, listener)?;
    let folder = experiment.run_folder(ClassifierTraining::NAME, seed, None);
    let found: OnceCell<Units> = OnceCell::new();
    let units = || -> Result<&Units, StudyError> {
        if let Some(units) = found.get() {
            return Ok(units);
        }
        let run = Run::open(&folder)?;
        let last = run.steps().last().copied().unwrap_or(0);
        let computed = units(digits, &run.checkpoint(last)?.state_f32()?)?;
        Ok(found.get_or_init(|| computed))
    };
    for squeeze in Squeeze::of(settings) {
        let training = AutoencoderTraining { study, squeeze, note: &digits.note, seed, settings };
        let key = RunKey { network: squeeze.network().to_owned(), seed: Some(seed), control: None };
        let train = &|recorder, saved, progress: &mut dyn FnMut(Progress<'_>)| {
            training.run(units()?, recorder, saved, progress)
        };
        record((experiment, asked.request), &key, &training.manifest()?, train, listener)?;
    }
    Ok(())
}

/// Derives everything from what an experiment recorded.
pub(super) fn derive_study(
    experiment: &Experiment,
    study: &Study,
    listener: Listener<'_>,
) -> Result<Derived, KymographError> {
    let file = StudyFile::read(study)?;
    let plan = Plan::from_toml(study.plan, "the study's plan.toml")?;
    let predictions = Predictions::from_toml(study.predictions, "the study's predictions.toml")?;
    let recorded = Recorded::read(experiment, listener)?;
    let findings = measured(experiment, &recorded, &plan, listener)?;
    let stating = Stating::of(experiment, study, experiment.runs()?.iter().map(|entry| entry.key.seed));
    let (repeat, remedy) = (stating.repeat(), stating.remedy(stating.seeds.0 + 39));
    let names = recorded.step_names();
    let judging = Judging { step_names: &names, stated: stating.stated, repeat: &repeat, remedy: Some(&remedy) };
    let verdicts = judge(&predictions, &findings, &judging);
    listener(Event::Drawing);
    // Numbers published for one set of settings are shown beside runs of those settings only.
    let as_published = {
        let default = Settings::read(study, &file, kymograph_studies::Choice::default())?;
        let same = |s: &Settings| {
            let of = |s: &Settings| {
                (s.batch_size, s.epoch_images, s.classifier_epochs, s.autoencoder_epochs, s.data.clone())
            };
            of(s) == of(&default)
                && s.classifier_learning_rate == default.classifier_learning_rate
                && s.autoencoder_learning_rate == default.autoencoder_learning_rate
        };
        recorded.settings.as_ref().is_some_and(same)
    };
    let published = if as_published { Published::read(study.published)? } else { Published::none() };
    let report = page::Report { experiment, recorded: &recorded, findings: &findings, verdicts: &verdicts, published };
    let page = report.build(&file, repeat.clone())?;
    let files = write_report(&experiment.derived_folder()?, &page)?;
    Ok(Derived::of(experiment, files, findings, verdicts))
}

/// The rows of an experiment and the names of its steps, for `kymograph judge`.
pub(super) fn findings_of_experiment(
    experiment: &Experiment,
    plan: &Plan,
    listener: Listener<'_>,
) -> Result<(Vec<Finding>, BTreeMap<String, u64>), KymographError> {
    let recorded = Recorded::read(experiment, listener)?;
    Ok((measured(experiment, &recorded, plan, listener)?, recorded.step_names()))
}

/// The study's own rows, and the plan's on trajectories.
fn measured(
    experiment: &Experiment,
    recorded: &Recorded,
    plan: &Plan,
    listener: Listener<'_>,
) -> Result<Vec<Finding>, KymographError> {
    let mut findings = Vec::new();
    let total = recorded.squeezed.len() + recorded.toys.len();
    let mut done = 0;
    let mut told = || {
        done += 1;
        listener(Event::Measuring(done, total));
    };
    findings.extend(digit_rows::of_classifiers(recorded));
    for run in &recorded.squeezed {
        findings.extend(digit_rows::rows(run, recorded)?);
        told();
    }
    for run in &recorded.toys {
        findings.extend(toy_rows::rows(run)?);
        told();
    }
    let subjects: Vec<Subject> = recorded.toys.iter().map(toy_rows::subject).collect::<Result<_, KymographError>>()?;
    let gathered = gather(&Gathering {
        plan,
        origin: "the study's plan.toml",
        subjects: &subjects,
        step_names: &recorded.step_names(),
        cache: Some(&experiment.derived_folder()?.join("cache")),
        again: &|key, step, array| activations::again(&Replays::new(), key, step, array),
        progress: &|_, _| {},
    });
    match gathered {
        Ok(rows) => findings.extend(rows),
        // The sweep that the plan looks at need not be among those that were trained.
        Err(FindingsError::NothingToMeasure { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(findings)
}

/// A row, with what all rows of this study share. A number that is not finite was not measured.
fn row(key: &RunKey, measure: &str, array: &str, step: u64, value: f64, n: usize) -> Finding {
    let finite = value.is_finite().then_some(value);
    Finding {
        measure: measure.to_owned(),
        options: BTreeMap::new(),
        run: key.clone(),
        array: array.to_owned(),
        other_array: None,
        steps: vec![step],
        value: finite,
        interval: None,
        nulls: Vec::new(),
        ceiling: None,
        parts: BTreeMap::new(),
        n: Some(n),
        notes: if finite.is_some() { Vec::new() } else { vec![format!("the number came out as {value}")] },
        version: 1,
    }
}
