//! The microscope's network: the transformer of the study `phases`, on the same data, recorded at few steps.

use kymograph_nets::NetworkSpec;
use kymograph_runs::Split;

use super::settings::Settings;
use crate::classification::{self, Checkpoints, Data, Inputs};
use crate::error::StudyError;
use crate::file::{Choice, StudyFile, refuse};
use crate::phases;

/// The network's name in run folders and results, as in `phases`.
pub const MICROSCOPE: &str = "transformer";

/// What is trained to be looked at.
pub struct Microscope {
    /// The transformer of `phases`.
    pub spec: NetworkSpec,
    /// How it is trained: as there, without controls, with checkpoints at the named steps alone.
    pub settings: classification::Settings,
}

impl Microscope {
    /// What the settings ask for; `None` where they leave the microscope out or name a run that is there.
    ///
    /// # Errors
    /// [`StudyError::Setting`] when so few steps cannot be told apart.
    pub fn of(settings: &Settings) -> Result<Option<Self>, StudyError> {
        if settings.microscope_steps == 0 || !settings.phases_run.is_empty() {
            return Ok(None);
        }
        let set = |key: &str, value: String| (key.to_owned(), value);
        let choice = [
            set("networks", MICROSCOPE.to_owned()),
            set("seeds", "1".to_owned()),
            set("controls", String::new()),
            set("steps", settings.microscope_steps.to_string()),
            set("probe_examples", settings.microscope_images.to_string()),
        ];
        let file = StudyFile::read(&phases::STUDY)?;
        let choice = Choice { recipe: None, quick: false, set: &choice };
        let read = classification::Settings::read(&phases::STUDY, &file, &[MICROSCOPE], choice);
        let read = read.map_err(|error| match error {
            StudyError::Setting { setting, detail, .. } => {
                let detail = format!("{}: {detail} (`{setting}` of the study `phases`)", settings.microscope_steps);
                refuse(&super::STUDY, "microscope_steps", detail)
            }
            other => other,
        })?;
        let none = || refuse(&super::STUDY, "microscope_steps", format!("`phases` has no network `{MICROSCOPE}`"));
        let spec = phases::network(MICROSCOPE).ok_or_else(none)?;
        Ok(Some(Self { spec, settings: classification::Settings { checkpoints: Checkpoints::Named, ..read } }))
    }

    /// The data of `phases`; of the held-out images only those that are looked at, so that scores cost no more than they must.
    #[must_use]
    pub fn data(&self, mut split: Split) -> Data {
        let most = self.settings.probe_examples.min(split.test.len());
        split.test.images = split.test.images.slice_move(ndarray::s![..most, .., .., ..]);
        split.test.labels.truncate(most);
        Data::of(&split, Inputs::default())
    }
}

/// What the settings of the microscope may be.
pub(super) fn check(settings: &Settings) -> Result<(), (&'static str, String)> {
    if settings.microscope_steps == 0 && settings.phases_run.is_empty() {
        return Ok(());
    }
    if settings.microscope_images < 64 {
        return Err(("microscope_images", "must be at least 64: one half is fitted, the other measured".into()));
    }
    let ks = &settings.microscope_ks;
    let whole = ks.iter().all(|k| k.fract() == 0.0 && (1.0..=128.0).contains(k));
    if ks.is_empty() || !whole || !ks.windows(2).all(|pair| pair[0] < pair[1]) {
        return Err(("microscope_ks", "must be ascending whole numbers from 1 to 128".into()));
    }
    for (key, value) in
        [("microscope_seeds", settings.microscope_seeds), ("microscope_fit_steps", settings.microscope_fit_steps)]
    {
        if value == 0 {
            return Err((key, "must be at least 1".into()));
        }
    }
    if settings.microscope_pages > 512 {
        return Err(("microscope_pages", "must be at most 512 latents a place".into()));
    }
    Ok(())
}
