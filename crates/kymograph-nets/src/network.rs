//! The network: built from a specification, run forward and back, trained step by step.

use std::sync::Arc;

use kymograph_linalg::Real;
use ndarray::{ArrayD, ArrayViewD};
use rand::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::engine::{Chunk, Pass, Workspace};
use crate::error::NetsError;
use crate::hooks::{self, HookPoint};
use crate::kernels::{KernelPath, Kernels};
use crate::layers::{self, Built, Layer, Shape};
use crate::loss::{Target, check_finite, check_labels, cross_entropy_rows, squares};
use crate::optim::Optimiser;
use crate::spec::NetworkSpec;
use crate::state::{Layout, matched};
use crate::{init, state};

/// Gradients are summed over the chunks in blocks of this many numbers.
const BLOCK: usize = 4096;
/// Examples that go through together where nothing needs the whole batch.
pub(crate) const BLOCK_EXAMPLES: usize = 256;

/// How layers behave that differ between training and use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Batch normalisation uses the batch's statistics, dropout drops.
    Train,
    /// Batch normalisation uses the running statistics, dropout does nothing.
    Eval,
}

/// What a training step tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepStats {
    /// Loss of the batch before the step, averaged over its examples.
    pub loss: f64,
    /// Euclidean norm of the gradient of all parameters.
    pub gradient_norm: f64,
    /// Examples whose largest output was their label's (the first of equals); `None` without labels.
    pub correct: Option<usize>,
}

/// A network of `T` (`f32` or `f64`) whose insides are open.
///
/// ```
/// use kymograph_linalg::random;
/// use kymograph_nets::{LayerSpec, Mode, Network, NetworkSpec, Optimiser, OptimiserSpec};
/// use ndarray::{ArrayD, IxDyn};
///
/// let spec = NetworkSpec {
///     name: "mlp".into(),
///     input: vec![4],
///     layers: vec![LayerSpec::linear("fc1", 8), LayerSpec::relu("relu1"), LayerSpec::linear("fc2", 2)],
/// };
/// let mut net = Network::<f32>::new(&spec, &mut random::stream(0, "init"))?;
/// let mut adam = Optimiser::new(OptimiserSpec::adam(1e-2), &net)?;
/// let x = ArrayD::from_shape_fn(IxDyn(&[6, 4]), |i| (i[0] * i[1]) as f32 / 10.0);
/// let labels = vec![0, 1, 0, 1, 0, 1];
/// let first = net.train_step(x.view(), &labels, &mut adam)?;
/// let hidden = net.capture(x.view(), &["relu1"])?;
/// assert_eq!(hidden["relu1"].shape(), [6, 8]);
/// assert!(first.loss > 0.0 && first.gradient_norm > 0.0);
/// # Ok::<(), kymograph_nets::NetsError>(())
/// ```
#[derive(Clone)]
pub struct Network<T> {
    pub(crate) spec: NetworkSpec,
    pub(crate) layers: Vec<Layer<T>>,
    pub(crate) shapes: Vec<Shape>,
    layout: Arc<Layout>,
    parameters: Vec<T>,
    gradients: Vec<T>,
    kernels: Kernels<T>,
    dropout_seed: u64,
    step: u64,
    workspace: Option<Workspace<T>>,
    /// The mode of the forward pass the workspace holds.
    forward_mode: Option<Mode>,
}

impl<T: Real> std::fmt::Debug for Network<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network")
            .field("name", &self.spec.name)
            .field("layers", &self.layers.len())
            .field("parameters", &self.parameters.len())
            .field("kernels", &self.kernels.path())
            .finish_non_exhaustive()
    }
}

impl<T: Real> Network<T> {
    /// A network with PyTorch's default initial weights, drawn from `rng` layer by layer (weight, then bias, in
    /// PyTorch's element order); the dropout seed is drawn last.
    ///
    /// # Errors
    /// A layer that does not fit what comes before it, or an option out of its range: [`NetsError::Spec`] names it.
    pub fn new<R: Rng + ?Sized>(spec: &NetworkSpec, rng: &mut R) -> Result<Self, NetsError> {
        let Built { layers, shapes, layout } = layers::build(spec)?;
        let parameters = init::draw(&layout, rng);
        let kernels = Kernels::new(KernelPath::best()).ok_or(NetsError::KernelPath { path: KernelPath::best() })?;
        let mut network = Self {
            spec: spec.clone(),
            layers,
            shapes,
            gradients: vec![T::ZERO; layout.len],
            layout: Arc::new(layout),
            parameters,
            kernels,
            dropout_seed: rng.next_u64(),
            step: 0,
            workspace: None,
            forward_mode: None,
        };
        network.pack();
        Ok(network)
    }

    /// What the network was built from.
    pub fn spec(&self) -> &NetworkSpec {
        &self.spec
    }

    /// Numbers that are trained.
    pub fn parameter_count(&self) -> usize {
        self.layout.len
    }

    /// The places that can be read and changed: `input`, then each layer's output under the layer's name. The gradient
    /// of the loss there has the name with `.grad` behind it, that of a parameter `layer.weight.grad`.
    pub fn hook_points(&self) -> Vec<HookPoint> {
        hooks::hook_points(&self.spec, &self.shapes)
    }

    /// The kernels in use.
    pub fn kernel_path(&self) -> KernelPath {
        self.kernels.path()
    }

    /// Uses other kernels than the fastest; results differ in the last bits.
    ///
    /// # Errors
    /// The machine cannot run them.
    pub fn set_kernel_path(&mut self, path: KernelPath) -> Result<(), NetsError> {
        self.kernels = Kernels::new(path).ok_or(NetsError::KernelPath { path })?;
        self.pack();
        Ok(())
    }

    /// The step that dropout masks of the next pass in [`Mode::Train`] belong to. [`Network::train_step`] sets it to the
    /// optimiser's step; set it yourself before [`Network::forward`] where dropout is used.
    pub fn set_step(&mut self, step: u64) {
        self.step = step;
    }

    /// The outputs for a batch, kept for [`Network::backward`]. `x` is (example, …) with the input's shape; images come
    /// and go as (example, channel, row, column). In [`Mode::Train`] the running statistics move.
    ///
    /// # Errors
    /// Another shape, no example, batch normalisation of a single number, or a number that is not finite (the error
    /// names the input's place or the layer).
    pub fn forward(&mut self, x: ArrayViewD<'_, T>, mode: Mode) -> Result<ArrayD<T>, NetsError> {
        let batch = self.check_input(&x, mode)?;
        let mut workspace = self.take_workspace(batch);
        self.forward_mode = None;
        let standard = x.as_standard_layout();
        let input = standard.as_slice().unwrap_or_default();
        let pass = self.pass(mode);
        workspace.each(|chunk| fill(&pass, chunk, input));
        let ops = 0..workspace.ops.len();
        pass.forward(&mut workspace, ops);
        let output = self.output(&workspace);
        if output.iter().any(|x| !x.is_finite()) || workspace.chunks.iter().any(|c| !c.finite) {
            return Err(self.diagnose(x, mode));
        }
        if mode == Mode::Train {
            self.update_running(&workspace);
        }
        self.workspace = Some(workspace);
        self.forward_mode = Some(mode);
        Ok(output)
    }

    /// The outputs for a batch in [`Mode::Eval`], in blocks, keeping nothing.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn predict(&self, x: ArrayViewD<'_, T>) -> Result<ArrayD<T>, NetsError> {
        self.forward_with(x, Mode::Eval, &[])
    }

    /// Goes back through the last [`Network::forward`] from the gradient of a loss with respect to its output; returns
    /// the gradient with respect to the input. [`Network::gradients`] has those of the parameters.
    ///
    /// # Errors
    /// No forward pass, another shape than the output's, a number that is not finite.
    pub fn backward(&mut self, gradient: ArrayViewD<'_, T>) -> Result<ArrayD<T>, NetsError> {
        let mode = self.forward_mode.ok_or(NetsError::NoForward)?;
        let mut workspace = self.workspace.take().ok_or(NetsError::NoForward)?;
        let result = self.backward_through(&mut workspace, gradient, mode);
        self.workspace = Some(workspace);
        result
    }

    fn backward_through(
        &mut self,
        workspace: &mut Workspace<T>,
        gradient: ArrayViewD<'_, T>,
        mode: Mode,
    ) -> Result<ArrayD<T>, NetsError> {
        let shape = self.output_shape();
        let mut expected = vec![workspace.batch];
        expected.extend(shape.dims());
        if gradient.shape() != expected {
            return Err(NetsError::Shape {
                what: "the gradient of the output".into(),
                expected: format!("{expected:?}"),
                found: gradient.shape().to_vec(),
            });
        }
        check_finite("the gradient of the output", gradient.view())?;
        let standard = gradient.as_standard_layout();
        let slopes = standard.as_slice().unwrap_or_default();
        workspace.keep.fill(false);
        workspace.keep[0] = true;
        let pass = Pass { all_gradients: true, ..self.pass(mode) };
        pass.backward(workspace, |chunk| {
            chunk.gradients.set_len(self.layout.len);
            chunk.slopes.set_len(chunk.len * shape.len());
            let from = &slopes[chunk.first * shape.len()..][..chunk.slopes.len()];
            layers::unflatten(shape.units(), shape.positions(), from, &mut chunk.slopes);
        });
        self.reduce(workspace);
        self.check_gradients()?;
        let mut input = Vec::new();
        hooks::append_kept(workspace, &self.shapes, 0, &mut input);
        workspace.keep[0] = false;
        Ok(hooks::examples(self.shapes[0], input))
    }

    /// One step of training in [`Mode::Train`]: forward, loss, backward, gradient norm, optimiser. `target` is a slice of
    /// labels (cross-entropy) or a view of wanted outputs (mean squared error); the output must be a vector.
    ///
    /// # Errors
    /// As [`Network::forward`]; labels that do not fit; another network's optimiser; a loss or gradient that is not
    /// finite (the error names where it began). After an error nothing has changed.
    pub fn train_step<'a>(
        &mut self,
        x: ArrayViewD<'_, T>,
        target: impl Into<Target<'a, T>>,
        optimiser: &mut Optimiser<T>,
    ) -> Result<StepStats, NetsError> {
        let target = target.into();
        // Inside the pool at once, so that the parallel loops of a step wake its threads a single time.
        rayon::scope(|_| self.train_step_in_pool(x, &target, optimiser))
    }

    fn train_step_in_pool(
        &mut self,
        x: ArrayViewD<'_, T>,
        target: &Target<'_, T>,
        optimiser: &mut Optimiser<T>,
    ) -> Result<StepStats, NetsError> {
        optimiser.check_network(&self.layout)?;
        let batch = self.check_input(&x, Mode::Train)?;
        self.check_target(target, batch)?;
        self.step = optimiser.steps();
        let mut workspace = self.take_workspace(batch);
        self.forward_mode = None;
        workspace.keep.fill(false);
        let pass = self.pass(Mode::Train);
        let (loss, right) = self.run_with_loss(&pass, &mut workspace, &x, target);
        if !loss.is_finite() || workspace.chunks.iter().any(|c| !c.finite) {
            return Err(self.diagnose(x, Mode::Train));
        }
        let norm = self.reduce(&workspace).sqrt();
        if !norm.is_finite() {
            self.check_gradients()?;
        }
        self.update_running(&workspace);
        self.workspace = Some(workspace);
        self.update(optimiser);
        Ok(StepStats { loss, gradient_norm: norm, correct: matches!(target, Target::Labels(_)).then_some(right) })
    }

    /// Forward, loss and backward; the loss is averaged, the gradients stay in the chunks.
    pub(crate) fn run_with_loss(
        &self,
        pass: &Pass<'_, T>,
        workspace: &mut Workspace<T>,
        x: &ArrayViewD<'_, T>,
        target: &Target<'_, T>,
    ) -> (f64, usize) {
        let standard = x.as_standard_layout();
        let input = standard.as_slice().unwrap_or_default();
        let wanted = match target {
            Target::Values(values) => Some(values.as_standard_layout()),
            Target::Labels(_) => None,
        };
        let wanted = wanted.as_ref().and_then(|values| values.as_slice()).unwrap_or_default();
        let outputs = self.output_shape().len();
        let batch = workspace.batch;
        pass.forward_backward(
            workspace,
            |chunk| fill(pass, chunk, input),
            |chunk| {
                chunk.gradients.set_len(self.layout.len);
                chunk.slopes.set_len(chunk.len * outputs);
                let Some(output) = chunk.values.last() else { return };
                let range = chunk.first..chunk.first + chunk.len;
                match target {
                    Target::Labels(labels) => {
                        (chunk.loss, chunk.right) =
                            cross_entropy_rows(output, outputs, &labels[range], batch, &mut chunk.slopes);
                    }
                    Target::Values(_) => {
                        let wanted = &wanted[range.start * outputs..range.end * outputs];
                        chunk.loss = squares(output, wanted, batch * outputs, &mut chunk.slopes);
                    }
                }
            },
        );
        let sum: f64 = workspace.chunks.iter().map(|chunk| chunk.loss).sum();
        let right = workspace.chunks.iter().map(|chunk| chunk.right).sum();
        let count = match target {
            Target::Labels(_) => batch,
            Target::Values(_) => batch * outputs,
        };
        (sum / count as f64, right)
    }

    /// Gradients of the parameters from the last [`Network::backward`] or [`Network::train_step`], named and laid out as
    /// the parameters; zeros before.
    pub fn gradients(&self) -> Vec<(String, ArrayD<T>)> {
        self.layout.export(&self.gradients, "")
    }

    /// Parameters and running statistics under PyTorch's names and in its layouts and order: `layer.weight`,
    /// `layer.bias`, `layer.running_mean`, `layer.running_var`, `layer.num_batches_tracked`.
    pub fn state_dict(&self) -> Vec<(String, ArrayD<T>)> {
        let mut dict = self.layout.export(&self.parameters, "");
        for (name, shape, values) in self.statistics() {
            let prefix = name.rsplit_once('.').map_or("", |(layer, _)| layer);
            let after =
                dict.iter().rposition(|(known, _)| known.rsplit_once('.').is_some_and(|(layer, _)| layer == prefix));
            dict.insert(after.map_or(dict.len(), |at| at + 1), (name, state::array(&shape, values)));
        }
        dict
    }

    /// Takes weights and running statistics in, under the names and in the layouts of [`Network::state_dict`].
    ///
    /// # Errors
    /// A tensor is missing, strange, of another shape, or not finite: the error names it and its layer, and the network
    /// stays as it was.
    pub fn load_state_dict(&mut self, dict: &[(String, ArrayD<T>)]) -> Result<(), NetsError> {
        let parameters = self.layout.parameters.iter().map(|p| (p.name.clone(), p.shape.clone()));
        let statistics = self.statistics().into_iter().map(|(name, shape, _)| (name, shape));
        let wanted: Vec<_> = parameters.chain(statistics).collect();
        let tensors = matched(&wanted, dict)?;
        if let Some(((name, _), _)) = wanted
            .iter()
            .zip(&tensors)
            .find(|((name, _), t)| name.ends_with(".running_var") && t.iter().any(|&v| v < T::ZERO))
        {
            return Err(NetsError::Value {
                option: format!("a number of tensor `{name}`"),
                value: -1.0,
                range: "a variance, so not negative".into(),
            });
        }
        let layout = Arc::clone(&self.layout);
        let (weights, statistics) = tensors.split_at(layout.parameters.len());
        for (parameter, tensor) in layout.parameters.iter().zip(weights) {
            parameter.import(tensor.iter().copied(), &mut self.parameters);
        }
        let norms = self.layers.iter_mut().filter_map(|layer| match layer {
            Layer::Norm(norm) => Some(norm),
            _ => None,
        });
        for (norm, tensors) in norms.zip(statistics.chunks_exact(3)) {
            norm.running_mean = tensors[0].iter().copied().collect();
            norm.running_var = tensors[1].iter().copied().collect();
            norm.batches = tensors[2].iter().map(|x| x.to_f64() as u64).sum();
        }
        self.forward_mode = None;
        self.pack();
        Ok(())
    }

    /// A hash (FNV-1a, 64 bits) of the bits of all weights and running statistics, to tell whether two networks are the
    /// same to the last bit. It depends on the order and names of [`Network::state_dict`] and on nothing else.
    pub fn weight_hash(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        let mut eat = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        for (name, tensor) in self.state_dict() {
            name.bytes().for_each(&mut eat);
            for x in &tensor {
                x.to_bits_u64().to_le_bytes().into_iter().for_each(&mut eat);
            }
        }
        hash
    }

    fn statistics(&self) -> Vec<(String, Vec<usize>, Vec<T>)> {
        let mut statistics = Vec::new();
        for (layer, spec) in self.layers.iter().zip(&self.spec.layers) {
            if let Layer::Norm(norm) = layer {
                let name = |part: &str| format!("{}.{part}", spec.name);
                statistics.push((name("running_mean"), vec![norm.units], norm.running_mean.clone()));
                statistics.push((name("running_var"), vec![norm.units], norm.running_var.clone()));
                let batches = T::from_f64(norm.batches as f64);
                statistics.push((name("num_batches_tracked"), vec![], vec![batches]));
            }
        }
        statistics
    }

    pub(crate) fn layout(&self) -> Arc<Layout> {
        Arc::clone(&self.layout)
    }

    pub(crate) fn output_shape(&self) -> Shape {
        self.shapes[self.layers.len()]
    }

    pub(crate) fn pass(&self, mode: Mode) -> Pass<'_, T> {
        Pass {
            kernels: &self.kernels,
            layers: &self.layers,
            shapes: &self.shapes,
            parameters: &self.parameters,
            train: mode == Mode::Train,
            dropout_seed: self.dropout_seed,
            step: self.step,
            all_gradients: false,
        }
    }

    fn take_workspace(&mut self, batch: usize) -> Workspace<T> {
        match self.workspace.take() {
            Some(mut workspace) if workspace.batch == batch => {
                workspace.chunks.iter_mut().for_each(|chunk| chunk.finite = true);
                workspace
            }
            _ => Workspace::new(&self.layers, &self.shapes, batch, true),
        }
    }

    /// Number of examples of an input of the right shape.
    pub(crate) fn check_input(&self, x: &ArrayViewD<'_, T>, mode: Mode) -> Result<usize, NetsError> {
        let wanted = self.shapes[0].dims();
        if x.ndim() != wanted.len() + 1 || x.shape()[1..] != wanted {
            return Err(NetsError::Shape {
                what: format!("the input of network `{}`", self.spec.name),
                expected: format!("[examples, {}]", wanted.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
                found: x.shape().to_vec(),
            });
        }
        let batch = x.shape()[0];
        if batch == 0 {
            return Err(NetsError::EmptyBatch { what: format!("the input of network `{}`", self.spec.name) });
        }
        if mode == Mode::Train {
            for ((layer, shape), spec) in self.layers.iter().zip(&self.shapes).zip(&self.spec.layers) {
                if matches!(layer, Layer::Norm(_)) && batch * shape.positions() < 2 {
                    return Err(NetsError::OneExample { layer: spec.name.clone() });
                }
            }
        }
        Ok(batch)
    }

    pub(crate) fn check_target(&self, target: &Target<'_, T>, batch: usize) -> Result<(), NetsError> {
        let Shape::Vector { features } = self.output_shape() else {
            return Err(NetsError::Shape {
                what: format!("the output of network `{}`", self.spec.name),
                expected: "vectors for a loss; end the network with a flatten layer".into(),
                found: self.output_shape().dims(),
            });
        };
        match target {
            Target::Labels(labels) => check_labels(labels, batch, features),
            Target::Values(values) if values.shape() != [batch, features] => Err(NetsError::Shape {
                what: "the target".into(),
                expected: format!("[{batch}, {features}]"),
                found: values.shape().to_vec(),
            }),
            Target::Values(values) => check_finite("the target", values.view()),
        }
    }

    fn output(&self, workspace: &Workspace<T>) -> ArrayD<T> {
        let mut values = Vec::new();
        hooks::append_values(workspace, &self.shapes, self.layers.len(), &mut values);
        hooks::examples(self.output_shape(), values)
    }

    fn update_running(&mut self, workspace: &Workspace<T>) {
        for (layer, totals) in self.layers.iter_mut().zip(&workspace.totals) {
            if let Layer::Norm(norm) = layer {
                norm.update_running(totals);
            }
        }
    }

    /// Sums the chunks' gradients; returns the sum of squares.
    pub(crate) fn reduce(&mut self, workspace: &Workspace<T>) -> f64 {
        let kernels = &self.kernels;
        let squares: Vec<f64> = self
            .gradients
            .par_chunks_mut(BLOCK)
            .enumerate()
            .map(|(block, total)| {
                let range = block * BLOCK..block * BLOCK + total.len();
                let chunks: Vec<&[T]> = workspace.chunks.iter().map(|chunk| &chunk.gradients[range.clone()]).collect();
                kernels.sum_chunks(total, &chunks)
            })
            .collect();
        squares.iter().sum()
    }

    /// Moves the weights by the gradients held.
    pub(crate) fn update(&mut self, optimiser: &mut Optimiser<T>) {
        optimiser.update(&self.kernels, &mut self.parameters, &self.gradients);
        self.pack();
    }

    fn pack(&mut self) {
        let (kernels, parameters) = (&self.kernels, &self.parameters);
        self.layers.par_iter_mut().with_max_len(1).for_each(|layer| layer.pack(kernels, parameters));
    }

    /// An error if a gradient is not finite; it names the parameter.
    pub(crate) fn check_gradients(&self) -> Result<(), NetsError> {
        if self.kernels.all_finite(&self.gradients) {
            return Ok(());
        }
        self.layout
            .export(&self.gradients, "")
            .into_iter()
            .try_for_each(|(name, gradient)| check_finite(&format!("the gradient of `{name}`"), gradient.view()))
    }

    /// Where a pass that gave something not finite went wrong: the first of input, weights, layers' outputs, loss.
    pub(crate) fn diagnose(&self, x: ArrayViewD<'_, T>, mode: Mode) -> NetsError {
        if let Err(error) = check_finite(&format!("the input of network `{}`", self.spec.name), x.view()) {
            return error;
        }
        let not_finite = |what: String, position: String| {
            NetsError::NotFinite {
            what,
            position,
            remedy: "the numbers outgrew their type; lower the learning rate, scale the input, or take an earlier checkpoint"
                .into(),
        }
        };
        let mut workspace = Workspace::new(&self.layers, &self.shapes, x.shape()[0], false);
        let standard = x.as_standard_layout();
        let input = standard.as_slice().unwrap_or_default();
        let pass = self.pass(mode);
        workspace.each(|chunk| fill(&pass, chunk, input));
        let ops = 0..workspace.ops.len();
        pass.forward(&mut workspace, ops);
        for (layer, spec) in self.spec.layers.iter().enumerate() {
            let mut values = Vec::new();
            hooks::append_values(&workspace, &self.shapes, layer + 1, &mut values);
            let values = hooks::examples(self.shapes[layer + 1], values);
            if let Some((index, _)) = values.indexed_iter().find(|(_, v)| !v.is_finite()) {
                let position = format!("{:?}", ndarray::Dimension::slice(&index));
                return not_finite(format!("the output of layer `{}`", spec.name), position);
            }
        }
        not_finite("the loss".into(), "the batch".into())
    }
}

/// Puts a chunk's examples in place, image by image in the inner order.
pub(crate) fn fill<T: Real>(pass: &Pass<'_, T>, chunk: &mut Chunk<T>, input: &[T]) {
    let shape = pass.shapes[0];
    let from = &input[chunk.first * shape.len()..][..chunk.len * shape.len()];
    chunk.finite = pass.kernels.all_finite(from);
    layers::unflatten(shape.units(), shape.positions(), from, &mut chunk.values[0]);
}
