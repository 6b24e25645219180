//! A transformer at few steps of its training, and what stands at two places inside it on held-out images.

use std::collections::BTreeMap;
use std::path::Path;

use kymograph_findings::{Finding, RunKey};
use kymograph_nets::{Edit, Intervention, Network, NetworkSpec};
use kymograph_runs::Run;
use kymograph_studies::dictionaries::{MICROSCOPE, Settings, Synthetic};
use ndarray::{Array2, ArrayD, ArrayView2, ArrayViewD, Axis, Slice, s};

use super::super::super::capture::Replay;
use super::super::rows::row;
use crate::error::KymographError;

/// Held-out images on which losses are taken, at most.
const LOSS_IMAGES: usize = 400;
/// Examples of the toy data, at most as many as there are tokens.
const TOY: usize = 25_600;

/// The toy data of the study, as a place.
pub(super) const TOY_DATA: &str = "toy";
/// The hidden layer of the MLP of the middle block, after its ReLU.
pub(super) const MLP: &str = "mlp";
/// The residual stream that enters the middle block.
pub(super) const RESIDUAL: &str = "residual";

/// Activations of one kind, a row a token (or an example of the toy data); the first half is fitted, the second measured.
pub(super) struct Place {
    pub(super) name: &'static str,
    /// The hook point; none for the toy data.
    pub(super) hook: Option<String>,
    /// Rows of an image.
    pub(super) tokens: usize,
    /// Rows that are fitted.
    half: usize,
    /// The activations at each step that is looked at; of the toy data once.
    at: Vec<Array2<f32>>,
    /// Latents that a row may use in the standard dictionary.
    pub(super) k: usize,
}

impl Place {
    pub(super) fn width(&self) -> usize {
        self.at[0].ncols()
    }

    /// Latents of its dictionaries: four times the width up to 1024, and twice at least.
    pub(super) fn latents(&self) -> usize {
        (4 * self.width()).min(1024).max(2 * self.width())
    }

    /// Steps at which it is looked at.
    pub(super) fn steps(&self) -> usize {
        self.at.len()
    }

    pub(super) fn last(&self) -> usize {
        self.at.len() - 1
    }

    pub(super) fn fitted(&self, step: usize) -> ArrayView2<'_, f32> {
        self.at[step].slice(s![..self.half, ..])
    }

    pub(super) fn measured(&self, step: usize) -> ArrayView2<'_, f32> {
        self.at[step].slice(s![self.half.., ..])
    }
}

/// One transformer.
pub(super) struct Look {
    pub(super) key: RunKey,
    pub(super) seed: u64,
    /// First, early, middle and last, or as many of them as differ.
    pub(super) steps: Vec<u64>,
    pub(super) networks: Vec<Network<f32>>,
    images: ArrayD<f32>,
    labels: Vec<usize>,
    /// Images that are fitted.
    pub(super) half: usize,
    /// The two places, and the toy data.
    pub(super) places: Vec<Place>,
}

impl Look {
    /// Opens a run that can be looked at.
    ///
    /// # Errors
    /// [`KymographError::Argument`] that says what is missing: a network that can be run here with the places, a probe with
    /// labels, two recorded steps.
    pub(super) fn check(folder: &Path) -> Result<Run, KymographError> {
        let refuse = |detail: &str| KymographError::Argument {
            argument: format!("phases_run = {}", folder.display()),
            detail: detail.to_owned(),
        };
        let run = Run::open(folder)?;
        if !run.is_finished() {
            return Err(refuse("the run is not finished; --resume finishes it"));
        }
        let spec = serde_json::from_value::<NetworkSpec>(run.manifest().network.clone());
        let spec = spec.map_err(|_| refuse("holds no network that can be run here; give a run of `phases`"))?;
        hooks(&spec).map_err(|detail| refuse(&detail))?;
        let probe = run.probe()?;
        let labels = probe.map_or_else(Vec::new, |probe| probe.labels);
        if let Some(label) = labels.iter().find(|label| !(0..1000).contains(*label)) {
            return Err(refuse(&format!("its probe has the label {label}; classes are counted from 0")));
        }
        if labels.len() < 64 {
            return Err(refuse("its probe needs at least 64 examples with labels; record it with more probe_examples"));
        }
        if run.steps().len() < 2 {
            return Err(refuse("needs checkpoints of at least two steps"));
        }
        Ok(run)
    }

    /// Takes the activations of a run that [`Look::check`] let through.
    pub(super) fn at(run: &Run, seed: u64, settings: &Settings) -> Result<Self, KymographError> {
        let refuse = |detail: String| KymographError::Argument { argument: run.folder().display().to_string(), detail };
        let replay = Replay::of(run, &|_| true)?.ok_or_else(|| refuse("holds no network or no probe".into()))?;
        let images = replay.inputs()?.ok_or_else(|| refuse("holds no probe".into()))?;
        let labels = run.probe()?.map(|probe| probe.labels).unwrap_or_default();
        let labels: Vec<usize> = labels.into_iter().map(|label| usize::try_from(label).unwrap_or(usize::MAX)).collect();
        let count = settings.microscope_images.min(images.len_of(Axis(0))).min(labels.len()) / 2 * 2;
        let images = images.slice_axis(Axis(0), Slice::from(..count)).to_owned();
        let labels = labels[..count].to_vec();
        let steps = chosen(replay.recorded());
        let networks = steps.iter().map(|&step| replay.network(step)).collect::<Result<Vec<_>, _>>()?;
        let hooks = hooks(networks[0].spec()).map_err(refuse)?;
        let ks = &settings.microscope_ks;
        let standard = ks[ks.len() / 2] as usize;
        let mut places = Vec::new();
        for (name, hook) in [MLP, RESIDUAL].into_iter().zip(&hooks) {
            let mut at = Vec::new();
            let mut tokens = 1;
            for network in &networks {
                let values = network.capture(images.view(), &[hook])?.remove(hook).unwrap_or_default();
                let &[n, of_image, width] = values.shape() else {
                    return Err(refuse(format!("`{hook}` holds no tokens")));
                };
                tokens = of_image;
                let rows = values.into_shape_with_order((n * of_image, width));
                at.push(rows.map_err(kymograph_studies::StudyError::Shape)?);
            }
            let k = standard.min(at[0].ncols());
            places.push(Place { name, hook: Some(hook.clone()), tokens, half: count / 2 * tokens, at, k });
        }
        let rows = (count * places[0].tokens).min(TOY) / 2 * 2;
        let toy = Synthetic::new(settings, seed)?.apart("microscope", rows).x;
        let k = (settings.active.round() as usize).clamp(1, settings.width);
        places.push(Place { name: TOY_DATA, hook: None, tokens: 1, half: rows / 2, at: vec![toy], k });
        let key = RunKey { network: MICROSCOPE.to_owned(), seed: Some(seed), control: None };
        Ok(Self { key, seed, steps, networks, images, labels, half: count / 2, places })
    }

    /// The names of its steps in predictions.
    pub(super) fn step_names(&self) -> BTreeMap<String, u64> {
        let names = ["network_first", "network_early", "network_mid", "network_last"];
        let of = |at: usize| if at == 3 { self.steps.last() } else { self.steps.get(at) };
        names.iter().enumerate().filter_map(|(at, name)| Some(((*name).to_owned(), *of(at)?))).collect()
    }

    /// The step at which a place is looked at; the toy data stand at the last.
    pub(super) fn step(&self, place: &Place, at: usize) -> u64 {
        let steps = if place.hook.is_some() { &self.steps[..] } else { &self.steps[self.steps.len() - 1..] };
        steps[at.min(steps.len() - 1)]
    }

    /// The images that are measured and not fitted, with their classes.
    pub(super) fn measured(&self) -> (ArrayViewD<'_, f32>, &[usize]) {
        (self.images.slice_axis(Axis(0), Slice::from(self.half..)), &self.labels[self.half..])
    }

    /// The loss at a step with a place's activations as `values` makes them of the first so many measured images; as it is
    /// without.
    pub(super) fn loss(&self, at: usize, place: &Place, edit: Option<Edit<f32>>) -> Result<f64, KymographError> {
        let (images, labels) = self.measured();
        let count = self.loss_images();
        let images = images.slice_axis(Axis(0), Slice::from(..count));
        let (Some(hook), Some(edit)) = (place.hook.clone(), edit) else {
            return Ok(self.networks[at].loss_with(images, &labels[..count], &[])?);
        };
        let changes = [Intervention { hook, edit, units: None }];
        Ok(self.networks[at].loss_with(images, &labels[..count], &changes)?)
    }

    /// Images on which losses are taken.
    pub(super) fn loss_images(&self) -> usize {
        (self.labels.len() - self.half).min(LOSS_IMAGES)
    }

    /// A reconstruction of a place's measured rows, to be put in its place.
    pub(super) fn replacement(&self, place: &Place, rebuilt: ArrayView2<'_, f32>) -> Edit<f32> {
        let count = self.loss_images();
        let rows = rebuilt.slice(s![..count * place.tokens, ..]).as_standard_layout().into_owned();
        let shape = vec![count, place.tokens, place.width()];
        Edit::Replace(ArrayD::from_shape_vec(shape, rows.into_raw_vec_and_offset().0).unwrap_or_default())
    }

    /// A row about this transformer.
    pub(super) fn row(&self, measure: &str, array: &str, step: u64, value: Option<f64>, n: usize) -> Finding {
        row(&self.key, step, measure, array, value, n)
    }
}

/// The hook points of the two places, in the middle block.
fn hooks(spec: &NetworkSpec) -> Result<Vec<String>, String> {
    let rng = &mut kymograph_linalg::random::stream(0, "replaced by the checkpoint");
    let points = Network::<f32>::new(spec, rng).map_err(|error| error.to_string())?.hook_points();
    let blocks =
        (0..).take_while(|block| points.iter().any(|p| p.name == format!("blocks.{block}.hook_resid_pre"))).count();
    let wanted = [format!("blocks.{}.mlp.hook_post", blocks / 2), format!("blocks.{}.hook_resid_pre", blocks / 2)];
    for name in &wanted {
        if !points.iter().any(|point| point.name == *name && point.shape.len() == 2) {
            return Err(format!("network `{}` has no hook point `{name}` of tokens; give a transformer", spec.name));
        }
    }
    Ok(wanted.into())
}

/// Of the recorded steps: the first, those nearest to a twentieth and to a half of the last, and the last.
fn chosen(recorded: &[u64]) -> Vec<u64> {
    let (first, last) = (recorded.first().copied().unwrap_or(0), recorded.last().copied().unwrap_or(0));
    let nearest = |share: f64| {
        let wanted = share * last as f64;
        let off = |step: &u64| (*step as f64 - wanted).abs();
        recorded.iter().copied().min_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or(last)
    };
    let mut steps = vec![first, nearest(0.05), nearest(0.5), last];
    steps.sort_unstable();
    steps.dedup();
    steps
}

#[cfg(test)]
mod tests {
    use super::chosen;

    #[test]
    fn four_steps_are_chosen_of_many_and_all_of_few() {
        let phases = [0, 1, 2, 4, 8, 16, 32, 64, 100, 128, 256, 512, 1000, 1024, 2000];
        assert_eq!(chosen(&phases), [0, 100, 1000, 2000]);
        assert_eq!(chosen(&[0, 2, 20, 40]), [0, 2, 20, 40]);
        assert_eq!(chosen(&[5, 7]), [5, 7]);
    }
}
