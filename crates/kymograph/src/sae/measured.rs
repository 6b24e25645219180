//! What a dictionary says of a sample of the activations.

use std::path::Path;

use kymograph_linalg::{covariance, eigenvalues};
use kymograph_measures::dictionaries::{duplicate_directions, variance_explained};
use kymograph_nets::dictionaries::Dictionary;
use kymograph_runs::{NpyWriter, write_whole};
use kymograph_studies::StudyError;
use serde_json::{Value, json};

use super::request::FittedSae;
use super::train::Fit;
use super::{DENSITY, SAMPLE, SUMMARY, folder};
use crate::error::KymographError;

impl Fit<'_> {
    /// Numbers on a sample of the activations, also as `summary.json` and `density.npy` in the folder.
    pub(super) fn measured(&self, folder: &Path, dictionary: &Dictionary<f32>) -> Result<FittedSae, KymographError> {
        let x = self.source.spread(SAMPLE)?;
        let y = self.targets.map(|targets| targets.spread(SAMPLE)).transpose()?;
        let y = y.as_ref().unwrap_or(&x);
        let codes = dictionary.encode(x.view())?;
        let rebuilt = dictionary.decode(&codes);
        let density = folder::density(&codes);
        let mut notes = Vec::new();
        let mut numbers = vec![
            ("examples", x.nrows() as f64),
            ("l0", codes.l0()),
            ("latents_unused", density.iter().filter(|share| **share == 0.0).count() as f64),
        ];
        match variance_explained(y.view(), rebuilt.view()) {
            Ok(reading) => numbers.push(("variance_explained", reading.value)),
            Err(error) => notes.push(format!("the variance explained cannot be taken: {error}")),
        }
        if y.nrows() > 1 && y.ncols() <= 4096 {
            let values = covariance(y.view()).and_then(|c| eigenvalues(c.view())).map_err(StudyError::from)?;
            let (total, count) = (values.iter().sum::<f64>(), codes.l0().round() as usize);
            if total > 0.0 {
                let share = values.iter().take(count).sum::<f64>() / total;
                numbers.push(("variance_explained_by_as_many_principal_components", share));
            }
        }
        if self.spec.latents > 1 {
            numbers.push(("duplicate_share", duplicate_directions(dictionary.decoder(), 0.9)?.value));
        }
        if folder::architecture(self.spec, self.transcoder()).is_none() {
            notes.push(
                "SAELens has no such transcoder, so cfg.json and sae_weights.safetensors were not written".into(),
            );
        }
        if x.nrows() < self.source.rows {
            notes.push(format!("measured on {} of {} examples, spread evenly", x.nrows(), self.source.rows));
        }
        let summary: Value = numbers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        write_whole(&folder.join(SUMMARY), serde_json::to_string_pretty(&summary).unwrap_or_default().as_bytes())?;
        let mut writer = NpyWriter::create(folder.join(DENSITY), &[density.len()])?;
        writer.append(&density)?;
        writer.finish()?;
        Ok(FittedSae { folder: folder.to_path_buf(), spec: self.spec.clone(), numbers, notes })
    }
}
