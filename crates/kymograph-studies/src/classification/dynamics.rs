//! What gradients do at every step of a training, recorded: series of near-zero sets, flips and angles, rows of signs, the
//! gradients themselves from time to time, and a second look at the same minibatch.

use kymograph_measures::gradients::{DynamicsOptions, GradientDynamics, SavedDynamics, Scope, signs};
use kymograph_nets::{Mode, Network};
use kymograph_runs::{Capture, Recorder, SavedState};
use ndarray::{ArrayD, ArrayViewD, IxDyn};
use serde_json::{Value, json};

use super::settings::Settings;
use crate::error::StudyError;

/// What state tensors are called in checkpoints, beside the optimiser's.
const PREFIX: &str = "dynamics.";
/// Band of the map of signs, as published.
pub const SIGN_BAND: f32 = 1e-5;

/// Follows the gradients of one training, and records what they do.
pub struct Followed {
    settings: Settings,
    dynamics: GradientDynamics,
    /// Series of each layer.
    tables: Vec<String>,
    about: Value,
    packed: Vec<u8>,
}

impl Followed {
    /// `None` where the settings do not ask for it.
    ///
    /// # Errors
    /// Never for a network of ours, whose layers follow each other without a gap.
    pub fn new(settings: &Settings, network: &Network<f32>) -> Result<Option<Self>, StudyError> {
        if !settings.dynamics {
            return Ok(None);
        }
        let layers = network.parameter_ranges();
        let dynamics = GradientDynamics::new(&layers, DynamicsOptions::default())?;
        let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '-' };
        let tables = layers.iter().map(|(name, _)| format!("dynamics-{}", name.chars().map(plain).collect::<String>()));
        let tables = tables.collect();
        let ranges: Vec<Value> = layers.iter().map(|(name, at)| json!([name, at.start, at.end])).collect();
        let about = json!({
            "codes": ["outside", "negative", "positive", "zero"],
            "threshold": SIGN_BAND,
            "layers": ranges,
        });
        Ok(Some(Self { settings: settings.clone(), dynamics, tables, about, packed: Vec::new() }))
    }

    /// Goes on from a checkpoint, whose weights the network holds already.
    pub(super) fn load(&mut self, saved: &SavedState, network: &Network<f32>) -> Result<(), StudyError> {
        let state = &saved.state["dynamics"];
        let squares = state["squares"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
        let of = |name: &'static str| {
            let tensor = saved.optimiser.iter().find(|(found, _)| found.strip_prefix(PREFIX) == Some(name));
            Some((name, tensor?.1.iter().copied().collect()))
        };
        let arrays = self.dynamics.save().arrays.into_iter().filter_map(|(name, _)| of(name)).collect();
        let saved = SavedDynamics { steps: state["steps"].as_u64().unwrap_or(0), squares, arrays };
        if saved.steps > 0 {
            self.dynamics.load(&saved, network.flat_parameters())?;
        }
        Ok(())
    }

    /// The state for a checkpoint: arrays that stand beside the optimiser's, and numbers.
    pub(super) fn save(&self) -> (Vec<(String, ArrayD<f32>)>, Value) {
        let saved = self.dynamics.save();
        let tensor = |(name, values): (&str, Vec<f32>)| {
            let shape = IxDyn(&[values.len()]);
            (format!("{PREFIX}{name}"), ArrayD::from_shape_vec(shape, values).unwrap_or_default())
        };
        let numbers = json!({ "dynamics": { "steps": saved.steps, "squares": saved.squares } });
        (saved.arrays.into_iter().map(tensor).collect(), numbers)
    }

    /// Records the step that was just taken on this minibatch.
    ///
    /// # Errors
    /// [`StudyError`] when a gradient is no finite number, and when the run folder cannot be written.
    pub fn step(
        &mut self,
        recorder: &mut Recorder,
        network: &Network<f32>,
        step: u64,
        images: ArrayViewD<'_, f32>,
        labels: &[usize],
    ) -> Result<(), StudyError> {
        let due = |every: u64| every > 0 && step.is_multiple_of(every);
        let second = due(self.settings.second_pass_every)
            .then(|| network.flat_gradient_at(images, labels, Mode::Train))
            .transpose()?;
        let (weights, gradients) = (network.flat_parameters(), network.flat_gradients());
        self.dynamics.observe(weights, gradients, second.as_deref())?;
        let total = self.dynamics.row(Scope::Total)?;
        // What is seldom measured has a table of its own, or most rows of the other would be half empty.
        let seldom = |name: &str| name.ends_with("true_minima") || name.ends_with("true_maxima");
        write(recorder, "dynamics", step, &total, |name| !seldom(name))?;
        if second.is_some() {
            write(recorder, "dynamics-second", step, &total, seldom)?;
        }
        for (layer, table) in self.tables.iter().enumerate() {
            write(recorder, table, step, &self.dynamics.row(Scope::Layer(layer))?, |name| !seldom(name))?;
        }
        if due(self.settings.signs_every) {
            self.packed.clear();
            signs::pack(gradients, SIGN_BAND, &mut self.packed)?;
            recorder.map_row("gradient-signs", step, gradients.len(), &self.packed, &self.about)?;
        }
        if due(self.settings.gradients_every) {
            let rule = "gradient of the minibatch's mean loss".to_owned();
            let captures: Vec<Capture> = network
                .gradients()
                .into_iter()
                .map(|(name, values)| Capture { name, rule: rule.clone(), values })
                .collect();
            recorder.gradients(step, &captures)?;
        }
        Ok(())
    }
}

/// The optimiser's tensors of a checkpoint, without ours.
pub(super) fn of_optimiser(saved: &SavedState) -> Vec<(String, ArrayD<f32>)> {
    saved.optimiser.iter().filter(|(name, _)| !name.starts_with(PREFIX)).cloned().collect()
}

fn write(
    recorder: &mut Recorder,
    table: &str,
    step: u64,
    row: &[(String, f64)],
    wanted: impl Fn(&str) -> bool,
) -> Result<(), StudyError> {
    let row: Vec<(&str, f64)> =
        row.iter().map(|(name, value)| (name.as_str(), *value)).filter(|(name, _)| wanted(name)).collect();
    Ok(recorder.series(table, step, &row)?)
}
