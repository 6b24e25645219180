//! A run's recorded gradients as columns over steps, and as means over stretches of steps.

use kymograph_findings::RunKey;
use kymograph_runs::{Run, Table};
use serde_json::{Value, json};

use crate::error::KymographError;

/// What was recorded of one run.
pub(super) struct History {
    pub(super) key: RunKey,
    pub(super) run: Run,
    /// All parameters, at every step.
    pub(super) total: Table,
    /// The same minibatch before and after the step, where it was taken.
    second: Option<Table>,
    /// Each layer by its parameter's name, with how many it has.
    pub(super) layers: Vec<(String, f64, Table)>,
    /// Parameters in all.
    pub(super) parameters: f64,
    /// Minibatches in an epoch.
    pub(super) per_epoch: u64,
    /// Whether these are the published data.
    pub(super) is_cifar: bool,
}

/// Values over steps.
pub(super) type Points = (Vec<u64>, Vec<f64>);

impl History {
    /// `None` for a run whose gradients were not followed.
    pub(super) fn read(key: &RunKey, run: &Run) -> Result<Option<Self>, KymographError> {
        let about = &run.manifest().settings;
        if !about["study"]["dynamics"].as_bool().unwrap_or(false) {
            return Ok(None);
        }
        let total = run.series("dynamics")?;
        let seldom = about["study"]["second_pass_every"].as_u64().unwrap_or(0);
        let measured = seldom > 0 && total.steps.iter().any(|step| step.is_multiple_of(seldom));
        let second = measured.then(|| run.series("dynamics-second")).transpose()?;
        let mut layers = Vec::new();
        for layer in about["layers"].as_array().into_iter().flatten() {
            let (Some(name), Some(size)) = (layer[0].as_str(), layer[1].as_f64()) else { continue };
            let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '-' };
            let table = run.series(&format!("dynamics-{}", name.chars().map(plain).collect::<String>()))?;
            layers.push((name.to_owned(), size, table));
        }
        Ok(Some(Self {
            key: key.clone(),
            run: run.clone(),
            total,
            second,
            parameters: layers.iter().map(|(_, size, _)| size).sum(),
            layers,
            per_epoch: about["steps_per_epoch"].as_u64().unwrap_or(1).max(1),
            is_cifar: about["data"].as_str().is_some_and(|note| note.starts_with("CIFAR-10")),
        }))
    }

    /// The run in a legend.
    pub(super) fn label(&self) -> String {
        format!("seed {}", self.key.seed.unwrap_or(0))
    }

    /// The sum of a column over the steps after `from` and up to `to`, and how many there are.
    pub(super) fn sum(&self, column: &str, from: u64, to: u64) -> Option<(f64, usize)> {
        let table = match column.ends_with("true_minima") || column.ends_with("true_maxima") {
            true => self.second.as_ref()?,
            false => &self.total,
        };
        sum(table, column, from, to)
    }

    /// Two columns' sums over a stretch of steps, one over the other.
    pub(super) fn ratio(&self, numerator: &str, denominator: &str, from: u64, to: u64) -> Option<f64> {
        let (above, below) = (self.sum(numerator, from, to)?.0, self.sum(denominator, from, to)?.0);
        (below > 0.0).then_some(above / below)
    }

    /// The mean of a column over a stretch of steps, weighted by another.
    pub(super) fn weighted(&self, column: &str, weight: &str, from: u64, to: u64) -> Option<f64> {
        let (steps, values) = self.total.column(column)?;
        let (at, weights) = self.total.column(weight)?;
        let (mut above, mut below) = (0.0, 0.0);
        for (step, value) in steps.into_iter().zip(values).filter(|(step, _)| *step > from && *step <= to) {
            if let Ok(place) = at.binary_search(&step) {
                above += value * weights[place];
                below += weights[place];
            }
        }
        (below > 0.0).then_some(above / below)
    }

    /// The last step.
    pub(super) fn last(&self) -> u64 {
        self.total.steps.last().copied().unwrap_or(0)
    }

    /// The epochs that are whole, as stretches of steps, counted from 0; of a run shorter than that, none.
    pub(super) fn epochs(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        (0..self.last() / self.per_epoch).map(|epoch| (epoch, epoch * self.per_epoch, (epoch + 1) * self.per_epoch))
    }

    /// One number an epoch.
    pub(super) fn by_epoch(&self, of: impl Fn(u64, u64) -> Option<f64>) -> Points {
        self.epochs().filter_map(|(epoch, from, to)| Some((epoch, of(from, to)?))).unzip()
    }

    /// Everything recorded at every step, for other programs.
    pub(super) fn export(&self) -> Value {
        // A step at which a column was not recorded has null there.
        let columns = |table: &Table| {
            let finite = |values: &[f64]| values.iter().map(|v| v.is_finite().then_some(*v)).collect::<Vec<_>>();
            let named = table.columns.iter().map(|(name, values)| (name.clone(), json!(finite(values))));
            json!({ "steps": table.steps, "columns": Value::Object(named.collect()) })
        };
        let layers = self
            .layers
            .iter()
            .map(|(name, size, table)| (name.clone(), json!({ "parameters": size, "series": columns(table) })));
        json!({
            "format_version": 1,
            "network": self.key.network,
            "seed": self.key.seed,
            "control": self.key.control,
            "parameters": self.parameters,
            "steps_per_epoch": self.per_epoch,
            "total": columns(&self.total),
            "same_minibatch": self.second.as_ref().map(columns),
            "layers": Value::Object(layers.collect()),
        })
    }
}

/// The sum of a column over the steps after `from` and up to `to`.
pub(super) fn sum(table: &Table, column: &str, from: u64, to: u64) -> Option<(f64, usize)> {
    let (steps, values) = table.column(column)?;
    let inside: Vec<f64> =
        steps.into_iter().zip(values).filter(|(step, _)| *step > from && *step <= to).map(|(_, v)| v).collect();
    (!inside.is_empty()).then(|| (inside.iter().sum(), inside.len()))
}
