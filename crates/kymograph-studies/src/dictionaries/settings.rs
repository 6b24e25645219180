//! Settings of the study.

use serde::{Deserialize, Deserializer, Serialize};

use super::data::{Correlation, Directions, Redraw, Scale, Uniforms};
use crate::error::StudyError;
use crate::file::{Choice, StudyFile, refuse};
use crate::study::Study;

/// Settings of the study `dictionaries`. Every field can be set by `--set key=value`; lists are separated by commas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Width of the activations.
    pub width: usize,
    /// True features.
    pub features: usize,
    /// Features present in an example, on average.
    pub active: f64,
    /// Each feature's probability is this times that of the one before it.
    pub decay: f64,
    /// How features' frequencies are correlated.
    pub correlation: Correlation,
    /// How often they are drawn.
    pub redraw: Redraw,
    /// How coefficients are drawn.
    pub codes: Uniforms,
    /// Where the size of a present feature comes from.
    #[serde(default)]
    pub scale: Scale,
    /// Which directions features have.
    #[serde(default)]
    pub directions: Directions,
    /// Steps of the toy model whose encoder gives the directions, where one does.
    #[serde(default)]
    pub toy_steps: u64,
    /// Are probabilities rescaled after the decay, so that `active` features are present on average?
    pub rescale: bool,
    /// Deviation of normal noise on every activation.
    pub noise: f64,
    /// Penalties of the sweep, as the report states them: the weight that matters is penalty × width / size.
    #[serde(deserialize_with = "numbers")]
    pub alphas: Vec<f64>,
    /// Dictionary sizes of the sweep.
    #[serde(deserialize_with = "numbers")]
    pub sizes: Vec<f64>,
    /// First weights that are compared; see the study's README.
    pub starts: Vec<String>,
    /// The penalty and the size at which they are, per true feature, as `penalty × width / size` in the sweep's terms.
    pub start_alpha: f64,
    /// True features per dimension of further data.
    #[serde(deserialize_with = "numbers")]
    pub ratios: Vec<f64>,
    /// Features present in an example of further data.
    #[serde(deserialize_with = "numbers")]
    pub actives: Vec<f64>,
    /// Width of the activations of that further data.
    pub ratio_width: usize,
    /// Penalties of the dictionaries trained on it, the size being twice the number of true features.
    #[serde(deserialize_with = "numbers")]
    pub ratio_alphas: Vec<f64>,
    /// The size of the sweep whose dictionaries are trained once more, from other first weights; none where it is no size of the
    /// sweep.
    #[serde(default)]
    pub again_size: usize,
    /// The penalties at which they are, of those that are the sweep's; all of them where none is named.
    #[serde(default, deserialize_with = "numbers")]
    pub again_alphas: Vec<f64>,
    /// Further data with other features; see the study's README.
    #[serde(default)]
    pub further: Vec<String>,
    /// True features a dimension of it, in `ratio_width` dimensions.
    #[serde(default)]
    pub further_ratio: f64,
    /// Number of seeds, from 0, where none are named.
    pub seeds: u64,
    /// Optimisation steps, each on fresh examples.
    pub steps: u64,
    /// Examples of a step.
    pub batch: usize,
    /// Adam's learning rate.
    pub learning_rate: f64,
    /// Examples on which codes are measured.
    pub held_out: usize,
    /// Optimisation steps of the transformer of `phases` under the microscope; 0 leaves it out.
    #[serde(default)]
    pub microscope_steps: u64,
    /// The folder of a run of a transformer, of `phases` for one, to be looked at instead of training one; empty for none.
    #[serde(default)]
    pub phases_run: String,
    /// Of the seeds, the first so many have a transformer.
    #[serde(default)]
    pub microscope_seeds: u64,
    /// Held-out images whose activations are taken: dictionaries are fitted on one half and measured on the other.
    #[serde(default)]
    pub microscope_images: usize,
    /// Latents that a token may use; the one in the middle is the standard one.
    #[serde(default, deserialize_with = "numbers")]
    pub microscope_ks: Vec<f64>,
    /// Optimisation steps of a dictionary of activations.
    #[serde(default)]
    pub microscope_fit_steps: u64,
    /// Latents of each place that have a page.
    #[serde(default)]
    pub microscope_pages: usize,
}

/// Numbers, also where `--set` gave them as words.
fn numbers<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Entry {
        Number(f64),
        Word(String),
    }
    let entries = Vec::<Entry>::deserialize(from)?;
    entries
        .into_iter()
        .map(|entry| match entry {
            Entry::Number(number) => Ok(number),
            Entry::Word(word) => {
                word.parse().map_err(|_| serde::de::Error::custom(format!("`{word}` is not a number")))
            }
        })
        .collect()
}

/// The first weights that can be compared.
pub(super) const STARTS: &[&str] =
    &["orthogonal", "random", "data", "singular_vectors", "unit_vectors", "principal", "frozen"];

/// The further data there are.
pub(super) const FURTHER: &[&str] = &["feature_lengths", "toy_model"];

impl Settings {
    /// The settings after what was asked for.
    ///
    /// # Errors
    /// [`StudyError::Setting`] for an unknown key or recipe, or a value of another type or out of range.
    pub fn read(study: &Study, file: &StudyFile, choice: Choice<'_>) -> Result<Self, StudyError> {
        let settings: Self = file.settings(study, choice)?;
        settings.check().map_err(|(key, detail)| refuse(study, key, detail))?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), (&'static str, String)> {
        let least_one = [
            ("width", self.width),
            ("features", self.features),
            ("batch", self.batch),
            ("ratio_width", self.ratio_width),
            ("steps", self.steps as usize),
            ("seeds", self.seeds as usize),
        ];
        if let Some((key, _)) = least_one.into_iter().find(|(_, n)| *n == 0) {
            return Err((key, "must be at least 1".into()));
        }
        if self.held_out < 512 {
            return Err(("held_out", "must be at least 512, or rare features are never seen".into()));
        }
        for (key, value) in [("width", self.width), ("features", self.features), ("ratio_width", self.ratio_width)] {
            if value > 16384 {
                return Err((
                    key,
                    "above 16384 is refused: a correlation matrix of that size would fill the memory".into(),
                ));
            }
        }
        if !(self.active > 0.0 && self.active <= self.features as f64 / 4.0) {
            return Err(("active", "must be above 0 and at most a quarter of the features".into()));
        }
        if !(self.decay > 0.0 && self.decay <= 1.0) {
            return Err(("decay", "must be above 0 and at most 1".into()));
        }
        for (key, value) in
            [("noise", self.noise), ("learning_rate", self.learning_rate), ("start_alpha", self.start_alpha)]
        {
            if !(value.is_finite() && value >= 0.0) {
                return Err((key, "must be a number of at least 0".into()));
            }
        }
        let lists = [
            ("alphas", &self.alphas, 0.0),
            ("ratio_alphas", &self.ratio_alphas, 0.0),
            ("again_alphas", &self.again_alphas, 0.0),
            ("sizes", &self.sizes, 1.0),
            ("ratios", &self.ratios, 0.5),
            ("actives", &self.actives, 0.5),
        ];
        for (key, list, least) in lists {
            let ascending = list.windows(2).all(|pair| pair[0] < pair[1]);
            if !ascending || list.iter().any(|v| !(v.is_finite() && *v >= least)) {
                return Err((key, format!("must be ascending numbers of at least {least}")));
            }
        }
        if self.alphas.is_empty() || self.sizes.len() < 2 {
            return Err(("sizes", "the sweep needs a penalty and two sizes".into()));
        }
        if self.sizes.iter().any(|size| size.fract() != 0.0 || *size > 65536.0) {
            return Err(("sizes", "must be whole numbers of at most 65536".into()));
        }
        if self.ratios.iter().any(|ratio| ratio * self.ratio_width as f64 > 16384.0) {
            return Err(("ratios", "ratio × ratio_width must be at most 16384 features".into()));
        }
        if self.actives.iter().any(|active| *active > self.ratio_width as f64) {
            return Err(("actives", "must be at most ratio_width".into()));
        }
        self.check_further()?;
        super::microscope::check(self)?;
        match self.starts.iter().find(|start| !STARTS.contains(&start.as_str())) {
            Some(other) => Err(("starts", format!("`{other}` is none of {}", STARTS.join(", ")))),
            None => Ok(()),
        }
    }
    /// What says where features come from, and what is trained on other ones.
    fn check_further(&self) -> Result<(), (&'static str, String)> {
        let toy = self.directions == Directions::ToyModel;
        if toy && self.scale == Scale::Features {
            return Err(("scale", "must be codes where a toy model gives features their lengths".into()));
        }
        if toy && self.features.max(self.width) > 4096 {
            return Err(("directions", "a toy model takes at most 4096 features and dimensions".into()));
        }
        if (toy || self.further.iter().any(|name| name == "toy_model")) && self.toy_steps == 0 {
            return Err(("toy_steps", "must be at least 1".into()));
        }
        if let Some(other) = self.further.iter().find(|name| !FURTHER.contains(&name.as_str())) {
            return Err(("further", format!("`{other}` is none of {}", FURTHER.join(", "))));
        }
        let features = self.further_ratio * self.ratio_width as f64;
        let possible = self.further_ratio >= 0.5 && features <= 4096.0;
        if !self.further.is_empty() && !possible {
            return Err(("further_ratio", "must be at least 0.5, and × ratio_width at most 4096 features".into()));
        }
        Ok(())
    }
}
