//! Replaying a run: its network at every checkpoint, on its probe, gives the activations at its hook points.

use std::collections::BTreeMap;

use kymograph_linalg::random::stream;
use kymograph_nets::{NetsError, Network, NetworkSpec};
use kymograph_runs::{Capture, Run};
use ndarray::{Array2, ArrayD, ArrayViewD, Axis, Slice, concatenate};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::folded::{Fold, folds};
use crate::error::KymographError;

/// Examples in one forward pass: bounds the memory that a wide convolution's output takes.
const BATCH: usize = 250;
/// Bumped when a rule by which activations are reduced changes, so that files made by the old one are not taken for it.
const REDUCTIONS: u32 = 1;
/// Examples of which attention patterns are kept whole.
const PATTERNS: usize = 256;
/// Examples of which every token is kept.
const POSITIONS: usize = 64;

/// A run that can be replayed, the hook points at which its activations are wanted, and the folded weights.
pub(super) struct Replay {
    run: Run,
    spec: NetworkSpec,
    probe: String,
    hooks: Vec<String>,
    folds: Vec<Fold>,
}

impl Replay {
    /// `None` for runs without a network, a probe or a wanted hook point.
    pub(super) fn of(run: &Run, wanted: &dyn Fn(&str) -> bool) -> Result<Option<Self>, KymographError> {
        let Ok(spec) = serde_json::from_value::<NetworkSpec>(run.manifest().network.clone()) else {
            return Ok(None);
        };
        let Some(probe) = run.probe()?.filter(|probe| !probe.arrays.is_empty()) else {
            return Ok(None);
        };
        let network = Network::<f32>::new(&spec, &mut stream(0, "replaced by the checkpoint"))?;
        let hooks: Vec<String> =
            network.hook_points().into_iter().map(|hook| hook.name).filter(|name| wanted(name)).collect();
        let folds: Vec<Fold> = folds(&spec).into_iter().filter(|fold| wanted(&fold.name)).collect();
        let some = !hooks.is_empty() || !folds.is_empty();
        Ok(some.then(|| Self { run: run.clone(), spec, probe: probe.hash, hooks, folds }))
    }

    /// What the activations of each step are known by.
    pub(super) fn addresses(&self) -> Result<BTreeMap<u64, String>, KymographError> {
        let folds = self.folds.iter().map(|fold| fold.name.as_str());
        let hooks: Vec<&str> = self.hooks.iter().map(String::as_str).chain(folds).collect();
        let of_step = |&step: &u64| {
            let checkpoint = self.run.checkpoint(step)?.content_hash()?;
            Ok((step, address(&checkpoint, &self.probe, &hooks)))
        };
        self.run.steps().iter().map(of_step).collect()
    }

    pub(super) fn steps(&self) -> usize {
        self.run.steps().len()
    }

    /// The activations of one step, all or of one hook point, and the folded weights behind them. Convolutions' outputs are
    /// reduced to their spatial means.
    pub(super) fn take(&self, step: u64, only: Option<&str>) -> Result<Vec<Capture>, KymographError> {
        let wanted = |name: &str| only.is_none_or(|only| only == name);
        let hooks: Vec<&str> = self.hooks.iter().map(String::as_str).filter(|hook| wanted(hook)).collect();
        let mut captures = match self.inputs()?.filter(|_| !hooks.is_empty()) {
            Some(inputs) => take(&self.network(step)?, &inputs, &hooks)?,
            None => Vec::new(),
        };
        let folds: Vec<&Fold> = self.folds.iter().filter(|fold| wanted(&fold.name)).collect();
        if !folds.is_empty() {
            let state = self.run.checkpoint(step)?.state_f32()?;
            captures.extend(folds.into_iter().filter_map(|fold| fold.take(&state)));
        }
        Ok(captures)
    }

    /// The steps that were recorded.
    pub(super) fn recorded(&self) -> &[u64] {
        self.run.steps()
    }

    /// The network as it was at a step.
    pub(super) fn network(&self, step: u64) -> Result<Network<f32>, KymographError> {
        let mut network = Network::<f32>::new(&self.spec, &mut stream(0, "replaced by the checkpoint"))?;
        network.load_state_dict(&self.run.checkpoint(step)?.state_f32()?)?;
        Ok(network)
    }

    /// The probe's examples.
    pub(super) fn inputs(&self) -> Result<Option<ArrayD<f32>>, KymographError> {
        Ok(self.run.probe()?.and_then(|probe| probe.arrays.into_iter().next()).map(|(_, inputs)| inputs))
    }
}

/// Everything an activation file depends on, this program's version and how it reduces included, shortened for a file
/// name.
fn address(checkpoint: &str, probe: &str, hooks: &[&str]) -> String {
    let rules = format!("{REDUCTIONS} {PATTERNS} {POSITIONS}");
    let mut hash = Sha256::new();
    for part in [checkpoint, probe, env!("CARGO_PKG_VERSION"), &rules].iter().chain(hooks) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn take(network: &Network<f32>, inputs: &ArrayD<f32>, hooks: &[&str]) -> Result<Vec<Capture>, KymographError> {
    let mut taken: BTreeMap<String, Capture> = BTreeMap::new();
    for (rule, most) in [(Rule::Pattern, PATTERNS), (Rule::Positions, POSITIONS), (Rule::Mean, usize::MAX)] {
        let names: Vec<&str> = hooks.iter().copied().filter(|hook| Rule::of(hook) == rule).collect();
        if !names.is_empty() {
            let some = inputs.slice_axis(Axis(0), Slice::from(..inputs.len_of(Axis(0)).min(most)));
            taken.extend(
                take_by(rule, network, some, &names)?.into_iter().map(|capture| (capture.name.clone(), capture)),
            );
        }
    }
    Ok(hooks.iter().filter_map(|&name| taken.remove(name)).collect())
}

fn take_by(
    rule: Rule,
    network: &Network<f32>,
    inputs: ArrayViewD<'_, f32>,
    hooks: &[&str],
) -> Result<Vec<Capture>, KymographError> {
    let batches: Vec<_> = inputs.axis_chunks_iter(Axis(0), BATCH).collect();
    let reduced = batches
        .into_par_iter()
        .map(|batch| {
            let captured = network.capture(batch, hooks)?;
            Ok(captured.into_iter().map(|(name, values)| (name, rule.reduce(values))).collect::<BTreeMap<_, _>>())
        })
        .collect::<Result<Vec<_>, NetsError>>()?;
    let whole = hooks.iter().filter_map(|&name| {
        let parts: Vec<_> = reduced.iter().filter_map(|batch| batch.get(name)).collect();
        let views: Vec<_> = parts.iter().map(|(_, part)| part.view()).collect();
        let values = concatenate(Axis(0), &views).ok()?;
        Some(Capture { name: name.to_owned(), rule: parts.first()?.0.clone(), values })
    });
    Ok(whole.collect())
}

/// How the values at a hook point become one array with a row an example, or a row an example and position.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Attention patterns as they are, of the first examples.
    Pattern,
    /// Activations inside a transformer's linear layers: every token a row, of the first examples, because whether a unit
    /// is silent cannot be told from its mean over tokens.
    Positions,
    /// Vectors as they are, images and tokens as their mean over positions.
    Mean,
}

impl Rule {
    fn of(hook: &str) -> Self {
        if hook.ends_with(".hook_pattern") {
            Self::Pattern
        } else if hook.ends_with(".mlp.hook_post") {
            Self::Positions
        } else {
            Self::Mean
        }
    }

    fn reduce(self, values: ArrayD<f32>) -> (String, ArrayD<f32>) {
        match (self, values.shape()) {
            (Self::Pattern, _) => (format!("first {PATTERNS} examples × head × query × key"), values),
            (Self::Positions, &[n, tokens, units]) => {
                let rows = values.into_shape_with_order((n * tokens, units)).map(ndarray::Array2::into_dyn);
                (format!("first {POSITIONS} examples × token, unit"), rows.unwrap_or_default())
            }
            (_, &[_, _, _]) => ("mean over tokens".to_owned(), values.mean_axis(Axis(1)).unwrap_or_default()),
            _ => {
                let (rule, rows) = reduce(values);
                (rule.to_owned(), rows.into_dyn())
            }
        }
    }
}

/// Images to one number a channel, the mean over positions; vectors as they are.
fn reduce(values: ArrayD<f32>) -> (&'static str, Array2<f32>) {
    let shape = values.shape().to_vec();
    let (n, channels) = (shape[0], shape.get(1).copied().unwrap_or(1));
    let positions: usize = shape.iter().skip(2).product();
    let flat = values.as_standard_layout().into_owned().into_raw_vec_and_offset().0;
    if positions == 1 {
        let rows = Array2::from_shape_vec((n, channels), flat);
        return ("example × unit", rows.unwrap_or_else(|_| Array2::zeros((n, channels))));
    }
    let mean = |(i, c): (usize, usize)| {
        let from = (i * channels + c) * positions;
        let sum: f64 = flat[from..from + positions].iter().map(|&v| f64::from(v)).sum();
        (sum / positions as f64) as f32
    };
    ("spatial mean", Array2::from_shape_fn((n, channels), mean))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_point_taken_alone_has_the_bits_it_has_among_others() {
        let study = kymograph_studies::find("phases").unwrap();
        let kymograph_studies::Task::Classification(task) = &study.task else {
            panic!("this study classifies");
        };
        for name in task.networks {
            let spec = (task.network)(name).unwrap();
            let network = Network::<f32>::new(&spec, &mut stream(3, "init")).unwrap();
            let inputs =
                ArrayD::from_shape_fn(vec![7, 1, 28, 28], |i| ((i[0] * 31 + i[2] * 7 + i[3]) % 17) as f32 / 17.0);
            let hooks: Vec<String> = network.hook_points().into_iter().map(|hook| hook.name).collect();
            let hooks: Vec<&str> = hooks.iter().map(String::as_str).filter(|hook| *hook != "input").collect();
            let all = take(&network, &inputs, &hooks).unwrap();
            assert_eq!(all.len(), hooks.len());
            for capture in &all {
                let alone = take(&network, &inputs, &[&capture.name]).unwrap();
                assert_eq!((alone.len(), &alone[0].rule), (1, &capture.rule));
                assert!(alone[0].values == capture.values, "{name}, {}", capture.name);
            }
        }
    }
}
