//! Many instances of one toy model, trained side by side.

use kymograph_linalg::random::{ChaCha8Rng, stream};
use ndarray::{Array1, Array2, ArrayD, ArrayView2, IxDyn};
use rayon::prelude::*;

use super::draw::{Batch, ToyFeatures};
use super::gradient::{Scratch, Tiles, learn, pass};
use super::spec::ToySpec;
use crate::error::NetsError;
use crate::kernels::{AdamStep, KernelPath, Kernels};
use crate::optim::OptimiserSpec;
use crate::state::matched;

/// What one instance learns from, and how it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct ToyInstance {
    /// The weight of each feature's squared error.
    pub importance: Vec<f64>,
    /// What its features are like.
    pub features: ToyFeatures,
    /// Seed of its initial weights and of its examples.
    pub seed: u64,
}

/// Weights, moments and the stream of one instance.
struct One {
    given: ToyInstance,
    parameters: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
    stream: ChaCha8Rng,
    steps: u64,
}

/// Instances of one model that differ in importance, sparsity and seed.
///
/// ```
/// use kymograph_nets::{OptimiserSpec, ToyFeatures, ToyInstance, ToyModels, ToySpec};
/// let instance = ToyInstance { importance: vec![1.0; 5], features: ToyFeatures::independent(0.1), seed: 0 };
/// let mut models = ToyModels::new(ToySpec::relu_output(5, 2), vec![instance], OptimiserSpec::adam(1e-3), 1024)?;
/// let losses = models.train(10)?;
/// assert_eq!((losses.len(), models.encoder(0).dim()), (1, (2, 5)));
/// # Ok::<(), kymograph_nets::NetsError>(())
/// ```
pub struct ToyModels {
    spec: ToySpec,
    optimiser: OptimiserSpec,
    batch: usize,
    kernels: Kernels<f32>,
    instances: Vec<One>,
}

/// Buffers of a thread.
struct Desk {
    batch: Batch,
    scratch: Scratch<f32>,
    importance: Vec<f32>,
}

impl ToyModels {
    /// Instances at step 0. `batch` examples make a step.
    ///
    /// # Errors
    /// [`NetsError::Value`] for an option out of its range, another optimiser than Adam, or no instance;
    /// [`NetsError::Shape`] for importances that are not one a feature.
    pub fn new(
        spec: ToySpec,
        instances: Vec<ToyInstance>,
        optimiser: OptimiserSpec,
        batch: usize,
    ) -> Result<Self, NetsError> {
        spec.check()?;
        optimiser.check()?;
        let value = |option: &str, value: f64, range: &str| {
            Err(NetsError::Value { option: format!("toy model option `{option}`"), value, range: range.into() })
        };
        if !matches!(optimiser, OptimiserSpec::Adam { .. } | OptimiserSpec::AdamW { .. }) {
            return value("optimiser", optimiser.learning_rate(), "Adam's");
        }
        if batch == 0 || batch > 1 << 20 {
            return value("batch", batch as f64, "from 1 to 1,048,576");
        }
        if instances.is_empty() {
            return value("instances", 0.0, "at least 1");
        }
        for instance in &instances {
            instance.features.check(spec.features)?;
            if instance.importance.len() != spec.features {
                let expected = format!("[{} features]", spec.features);
                let found = vec![instance.importance.len()];
                return Err(NetsError::Shape { what: "the importances of an instance".into(), expected, found });
            }
            if let Some(&bad) = instance.importance.iter().find(|i| !(i.is_finite() && **i >= 0.0)) {
                return value("importance", bad, "at least 0 and finite");
            }
        }
        let path = KernelPath::best();
        let kernels = Kernels::new(path).ok_or(NetsError::KernelPath { path })?;
        let zeros = vec![0.0; spec.parameters()];
        let begin = |given: ToyInstance| One {
            parameters: spec.start(&mut stream(given.seed, "toy init")),
            first: zeros.clone(),
            second: zeros.clone(),
            stream: stream(given.seed, "toy examples"),
            steps: 0,
            given,
        };
        let instances = instances.into_iter().map(begin).collect();
        Ok(Self { optimiser, batch, kernels, instances, spec })
    }

    /// The model.
    #[must_use]
    pub fn spec(&self) -> &ToySpec {
        &self.spec
    }

    /// How many instances there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.instances.len()
    }

    /// Whether there is none, which [`ToyModels::new`] refuses.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty()
    }

    /// Steps that an instance has taken.
    #[must_use]
    pub fn steps(&self, instance: usize) -> u64 {
        self.instances[instance].steps
    }

    /// Takes `steps` steps with every instance, each on examples of its own; returns each one's mean loss over them.
    ///
    /// # Errors
    /// [`NetsError::NotFinite`] when a loss stops being a number.
    pub fn train(&mut self, steps: u64) -> Result<Vec<f64>, NetsError> {
        let (spec, optimiser, batch, kernels) = (&self.spec, &self.optimiser, self.batch, &self.kernels);
        let desk = || Desk { batch: Batch::default(), scratch: Scratch::new(spec), importance: Vec::new() };
        self.instances
            .par_iter_mut()
            .enumerate()
            .map_init(desk, |desk, (index, one)| {
                let mut sum = 0.0;
                one.scaled(&mut desk.importance, batch);
                for _ in 0..steps {
                    one.draw(&mut desk.batch, spec, batch);
                    let loss = one.step(kernels, spec, optimiser, desk);
                    check(loss, index)?;
                    sum += loss;
                }
                Ok(sum / steps.max(1) as f64)
            })
            .collect()
    }

    /// Steps of one instance on rows of `data` (example × feature), one for each batch of row numbers. Returns the loss
    /// before each step.
    ///
    /// # Errors
    /// [`NetsError::Shape`] for data of another width or not in row order, [`NetsError::EmptyBatch`] without a row,
    /// [`NetsError::NotFinite`] when the loss stops being a number.
    pub fn train_on<'a>(
        &mut self,
        instance: usize,
        data: ArrayView2<'_, f32>,
        batches: impl IntoIterator<Item = &'a [usize]>,
    ) -> Result<Vec<f64>, NetsError> {
        let flat = rows_of(&self.spec, &data)?;
        let n = self.spec.features;
        let mut desk = Desk { batch: Batch::default(), scratch: Scratch::new(&self.spec), importance: Vec::new() };
        let one = &mut self.instances[instance];
        let mut losses = Vec::new();
        for rows in batches {
            if rows.is_empty() {
                return Err(NetsError::EmptyBatch { what: "the batch of the toy model".into() });
            }
            if let Some(&row) = rows.iter().find(|row| **row >= data.nrows()) {
                let expected = format!("more than {row} rows");
                let found = data.shape().to_vec();
                return Err(NetsError::Shape { what: "the data of the toy model".into(), expected, found });
            }
            one.scaled(&mut desk.importance, rows.len());
            desk.batch.fill(n, rows.iter().map(|&row| &flat[row * n..][..n]));
            let loss = one.step(&self.kernels, &self.spec, &self.optimiser, &mut desk);
            check(loss, instance)?;
            losses.push(loss);
        }
        Ok(losses)
    }

    /// Each instance's mean loss on `examples` examples that it is not trained on; the same ones for the same seed.
    #[must_use]
    pub fn held_out_losses(&self, examples: usize) -> Vec<f64> {
        let spec = &self.spec;
        let desk = || (Batch::default(), Scratch::<f32>::new(spec));
        self.instances
            .par_iter()
            .map_init(desk, |(batch, scratch), one| {
                let mut importance = Vec::new();
                one.scaled(&mut importance, examples.max(1));
                batch.draw(
                    &mut stream(one.given.seed, "toy held out"),
                    &one.given.features,
                    spec.features,
                    examples.max(1),
                );
                let model = pass(spec, &one.parameters, &importance);
                let tiles = Tiles { values: &batch.values, share: &batch.share, columns: batch.columns };
                tiles.each(spec.features).map(|tile| self.kernels.toy(&model, &tile, &mut scratch.space, None)).sum()
            })
            .collect()
    }

    /// Mean squared error of one instance's reconstruction of `data` (example × feature), all features alike.
    ///
    /// # Errors
    /// As [`ToyModels::train_on`].
    pub fn mean_squared_error(&self, instance: usize, data: ArrayView2<'_, f32>) -> Result<f64, NetsError> {
        Ok(super::ablation::losses(&self.kernels, &self.spec, &self.instances[instance].parameters, &data, false)?.loss)
    }

    /// Mean squared error of one instance on `data` (example × feature), and that with each feature set to zero before the
    /// encoder while the target stays.
    ///
    /// # Errors
    /// As [`ToyModels::train_on`].
    pub fn ablations(&self, instance: usize, data: ArrayView2<'_, f32>) -> Result<super::Ablations, NetsError> {
        super::ablation::losses(&self.kernels, &self.spec, &self.instances[instance].parameters, &data, true)
    }

    /// The encoder of an instance: hidden × feature.
    #[must_use]
    pub fn encoder(&self, instance: usize) -> Array2<f32> {
        let (n, m) = (self.spec.features, self.spec.hidden);
        let values = &self.instances[instance].parameters[self.spec.ranges()[0].clone()];
        Array2::from_shape_fn((m, n), |(k, i)| values[k * n + i])
    }

    /// The decoder of an instance: feature × hidden, the encoder transposed where they are tied.
    #[must_use]
    pub fn decoder(&self, instance: usize) -> Array2<f32> {
        if self.spec.tied {
            return self.encoder(instance).reversed_axes();
        }
        let m = self.spec.hidden;
        let values = &self.instances[instance].parameters[self.spec.ranges()[1].clone()];
        Array2::from_shape_fn((self.spec.features, m), |(i, k)| values[i * m + k])
    }

    /// The encoder's bias of an instance; zeros where the model has none.
    #[must_use]
    pub fn encoder_bias(&self, instance: usize) -> Array1<f32> {
        let values = &self.instances[instance].parameters[self.spec.ranges()[2].clone()];
        Array1::from_shape_fn(self.spec.hidden, |k| values.get(k).copied().unwrap_or(0.0))
    }

    /// All weights, stacked along a first axis of instances: `encoder` (hidden × feature), `decoder` (feature × hidden,
    /// unless tied), `encoder_bias` (if there is one), `decoder_bias`.
    #[must_use]
    pub fn state_dict(&self) -> Vec<(String, ArrayD<f32>)> {
        self.stacked("", |one| &one.parameters)
    }

    /// Adam's moments, as [`ToyModels::state_dict`], with PyTorch's endings.
    #[must_use]
    pub fn optimiser_state(&self) -> Vec<(String, ArrayD<f32>)> {
        let mut state = self.stacked(".exp_avg", |one| &one.first);
        state.extend(self.stacked(".exp_avg_sq", |one| &one.second));
        state
    }

    /// Takes weights and moments back in; training goes on to the same bits.
    ///
    /// # Errors
    /// A tensor is missing, strange, of another shape or not finite; nothing has changed then.
    pub fn load(
        &mut self,
        steps: u64,
        weights: &[(String, ArrayD<f32>)],
        moments: &[(String, ArrayD<f32>)],
    ) -> Result<(), NetsError> {
        let wanted: Vec<Vec<(String, Vec<usize>)>> =
            ["", ".exp_avg", ".exp_avg_sq"].iter().map(|ending| self.names(ending)).collect();
        let moments_wanted: Vec<_> = wanted[1].iter().chain(&wanted[2]).cloned().collect();
        let weights = matched(&wanted[0], weights)?;
        let moments = matched(&moments_wanted, moments)?;
        let (first, second) = moments.split_at(wanted[1].len());
        let ranges: Vec<_> = self.spec.ranges().into_iter().filter(|range| !range.is_empty()).collect();
        for (index, one) in self.instances.iter_mut().enumerate() {
            for (to, from) in [(&mut one.parameters, &weights[..]), (&mut one.first, first), (&mut one.second, second)]
            {
                for (range, tensor) in ranges.iter().zip(from) {
                    let values = tensor.iter().skip(index * range.len());
                    to[range.clone()].iter_mut().zip(values).for_each(|(to, &from)| *to = from);
                }
            }
            one.steps = steps;
        }
        Ok(())
    }

    fn names(&self, ending: &str) -> Vec<(String, Vec<usize>)> {
        let there = self.spec.tensors().into_iter().zip(self.spec.ranges()).filter(|(_, range)| !range.is_empty());
        there
            .map(|((name, shape), _)| {
                (format!("{name}{ending}"), std::iter::once(self.instances.len()).chain(shape).collect())
            })
            .collect()
    }

    fn stacked(&self, ending: &str, part: impl Fn(&One) -> &Vec<f32>) -> Vec<(String, ArrayD<f32>)> {
        let ranges = self.spec.ranges().into_iter().filter(|range| !range.is_empty());
        self.names(ending)
            .into_iter()
            .zip(ranges)
            .map(|((name, shape), range)| {
                let values: Vec<f32> =
                    self.instances.iter().flat_map(|one| part(one)[range.clone()].iter().copied()).collect();
                (name, ArrayD::from_shape_vec(IxDyn(&shape), values).unwrap_or_default())
            })
            .collect()
    }
}

impl One {
    /// The weight of each squared error in the mean over examples and features.
    fn scaled(&self, to: &mut Vec<f32>, examples: usize) {
        let count = (examples * self.given.importance.len()) as f64;
        to.clear();
        to.extend(self.given.importance.iter().map(|i| (i / count) as f32));
    }

    /// The examples of the next step, which follow from seed and step alone.
    fn draw(&mut self, batch: &mut Batch, spec: &ToySpec, examples: usize) {
        self.stream.set_stream(self.steps);
        self.stream.set_word_pos(0);
        batch.draw(&mut self.stream, &self.given.features, spec.features, examples);
    }

    /// One step; none where the loss is not a number.
    fn step(&mut self, kernels: &Kernels<f32>, spec: &ToySpec, optimiser: &OptimiserSpec, desk: &mut Desk) -> f64 {
        let tiles = Tiles { values: &desk.batch.values, share: &desk.batch.share, columns: desk.batch.columns };
        let loss = learn(kernels, spec, (&self.parameters, &desk.importance), &tiles, &mut desk.scratch);
        if !loss.is_finite() {
            return loss;
        }
        if let Some(step) = AdamStep::of(optimiser, self.steps) {
            kernels.adam(&mut self.parameters, &desk.scratch.gradient, &mut self.first, &mut self.second, &step);
        }
        self.steps += 1;
        loss
    }
}

/// The rows of an array in one piece of memory.
pub(super) fn rows_of<'a>(spec: &ToySpec, data: &'a ArrayView2<'_, f32>) -> Result<&'a [f32], NetsError> {
    match data.to_slice().or(data.as_slice()) {
        Some(flat) if data.ncols() == spec.features => Ok(flat),
        _ => Err(NetsError::Shape {
            what: "the data of the toy model".into(),
            expected: format!("[examples, {} features] in row order", spec.features),
            found: data.shape().to_vec(),
        }),
    }
}

fn check(loss: f64, instance: usize) -> Result<(), NetsError> {
    if loss.is_finite() {
        return Ok(());
    }
    Err(NetsError::NotFinite {
        what: "the loss of a toy model".into(),
        position: format!("instance {instance}"),
        remedy: "try a smaller learning rate".into(),
    })
}
