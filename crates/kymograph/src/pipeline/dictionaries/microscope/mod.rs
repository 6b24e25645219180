//! The microscope: dictionaries on the activations of a transformer of `phases`, beside the toy data of the study.

mod distributions;
mod figures;
mod fits;
mod latents;
mod look;
mod over_steps;
mod pages;
mod show;

use std::collections::BTreeMap;
use std::path::Path;

use kymograph_findings::{Finding, RunKey};
use kymograph_runs::{Experiment, Run, image_data};
use kymograph_studies::Progress;
use kymograph_studies::classification::{Data, Training};
use kymograph_studies::dictionaries::{MICROSCOPE, Microscope, Settings};

use super::super::study::{Asked, record};
use super::super::{Event, Listener};
use crate::error::KymographError;
use fits::Fits;
use look::Look;

pub(super) use show::show;

/// A transformer to be trained, with its data.
pub(super) struct Prepared(Option<(Microscope, Data)>);

/// Reads the data, or looks at the run that is named, before any folder is made.
pub(super) fn prepare(asked: &Asked<'_>, settings: &Settings) -> Result<Prepared, KymographError> {
    if !settings.phases_run.is_empty() {
        Look::check(Path::new(&settings.phases_run))?;
    }
    let Some(mut microscope) = Microscope::of(settings)? else { return Ok(Prepared(None)) };
    let data = microscope.data(image_data(&microscope.settings.data, asked.request.data_dir.as_deref())?);
    microscope.spec.input = data.train.shape();
    Ok(Prepared(Some((microscope, data))))
}

impl Prepared {
    /// Trains what was prepared into the experiment.
    pub(super) fn train(
        &self,
        asked: &Asked<'_>,
        (settings, seeds): (&Settings, &[u64]),
        experiment: &Experiment,
        listener: Listener<'_>,
    ) -> Result<(), KymographError> {
        let Some((microscope, data)) = &self.0 else { return Ok(()) };
        for &seed in seeds.iter().take(settings.microscope_seeds as usize) {
            let training = Training {
                study: asked.study.name,
                spec: &microscope.spec,
                seed,
                settings: &microscope.settings,
                data,
                control: None,
            };
            let key = RunKey { network: MICROSCOPE.to_owned(), seed: Some(seed), control: None };
            let train =
                &|recorder, saved, progress: &mut dyn FnMut(Progress<'_>)| training.run(recorder, saved, progress);
            record((experiment, asked.request), &key, &training.manifest()?, train, listener)?;
        }
        Ok(())
    }
}

/// What was seen: the rows, and what pages and figures are drawn from.
pub(super) struct Taken {
    /// Rows of evidence.
    pub(super) rows: Vec<Finding>,
    /// `network_first`, `network_early`, `network_mid`, `network_last`.
    pub(super) step_names: BTreeMap<String, u64>,
    looks: Vec<(Look, Vec<Fits>)>,
}

/// Looks at every transformer of an experiment, or at the run that its settings name; nothing where there is none.
pub(super) fn take(
    experiment: &Experiment,
    settings: &Settings,
    listener: Listener<'_>,
) -> Result<Taken, KymographError> {
    let mut taken = Taken { rows: Vec::new(), step_names: BTreeMap::new(), looks: Vec::new() };
    let mut runs = Vec::new();
    if settings.phases_run.is_empty() {
        for entry in experiment.runs()?.into_iter().filter(|entry| entry.key.network == MICROSCOPE) {
            let run = Run::open(&entry.folder)?;
            if run.is_finished() {
                runs.push((entry.key.seed, run));
            } else {
                let text = format!("{} is not finished and is left out; --resume finishes it", entry.key);
                listener(Event::Warning(text));
            }
        }
    } else {
        match Look::check(Path::new(&settings.phases_run)) {
            Ok(run) => runs.push((run.manifest().seed.unwrap_or(0), run)),
            Err(error) => listener(Event::Warning(format!("the microscope is left out: {error}"))),
        }
    }
    runs.sort_by_key(|(seed, _)| *seed);
    let total = runs.len() * 4;
    for (done, (seed, run)) in runs.into_iter().enumerate() {
        let at = |part: usize| listener(Event::Measuring(done * 4 + part, total));
        at(0);
        let look = Look::at(&run, seed, settings)?;
        taken.step_names.extend(look.step_names());
        taken.rows.extend(distributions::rows(&look)?);
        at(1);
        let fits = fits::all(&look, settings)?;
        at(2);
        taken.rows.extend(fits::rows(&look, &fits)?);
        at(3);
        taken.rows.extend(over_steps::rows(&look, &fits)?);
        at(4);
        taken.looks.push((look, fits));
    }
    Ok(taken)
}
