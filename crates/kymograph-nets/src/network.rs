//! The network: built from a specification, run forward and back, trained step by step.

use std::sync::Arc;

use kymograph_linalg::Real;
use ndarray::{ArrayD, ArrayViewD};
use rand::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::engine::Pass;
use crate::error::NetsError;
use crate::hooks::{self, Hook, HookPoint};
use crate::init::{self, InitialWeights};
use crate::kernels::{KernelPath, Kernels};
use crate::layers::{self, Built, Layer, Shape};
use crate::loss::check_finite;
use crate::spec::NetworkSpec;
use crate::state::Layout;
use crate::workspace::{Chunk, Workspace};

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
    pub(crate) labels: Vec<String>,
    pub(crate) shapes: Vec<Shape>,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) layout: Arc<Layout>,
    pub(crate) parameters: Vec<T>,
    pub(crate) gradients: Vec<T>,
    pub(crate) kernels: Kernels<T>,
    dropout_seed: u64,
    pub(crate) step: u64,
    pub(crate) workspace: Option<Workspace<T>>,
    /// The mode of the forward pass the workspace holds.
    pub(crate) forward_mode: Option<Mode>,
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
        Self::starting(spec, InitialWeights::PyTorch, rng)
    }

    /// The same with the initial weights of another library.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn starting<R: Rng + ?Sized>(
        spec: &NetworkSpec,
        weights: InitialWeights,
        rng: &mut R,
    ) -> Result<Self, NetsError> {
        let Built { layers, labels, shapes, layout, hooks } = layers::build(spec)?;
        let parameters = init::draw(&layout, weights, rng);
        let kernels = Kernels::new(KernelPath::best()).ok_or(NetsError::KernelPath { path: KernelPath::best() })?;
        let mut network = Self {
            spec: spec.clone(),
            layers,
            labels,
            shapes,
            hooks,
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

    /// The places that can be read and changed: `input`, and each layer's output under the layer's name. The gradient of
    /// the loss there has the name with `.grad` behind it, that of a parameter `layer.weight.grad`.
    ///
    /// The insides of attentions, counted from 0 in the order of the layers, have TransformerLens' names, and so have
    /// the places round them where each attention stands in a residual block of its own:
    ///
    /// | name | what | shape of one example |
    /// |---|---|---|
    /// | `blocks.0.hook_resid_pre` | input of the residual block with the attention | (token, feature) |
    /// | `blocks.0.attn.hook_q`, `…hook_k`, `…hook_v` | queries, keys and values | (token, head, feature) |
    /// | `blocks.0.attn.hook_pattern` | attention after the softmax, before dropout | (head, query, key) |
    /// | `blocks.0.attn.hook_z` | values mixed by the patterns, before the output's projection | (token, head, feature) |
    /// | `blocks.0.hook_attn_out` | what the attention adds | (token, feature) |
    /// | `blocks.0.hook_resid_mid` | the sum, in a post-norm network before its normalisation | (token, feature) |
    /// | `blocks.0.mlp.hook_pre`, `…hook_post` | first linear layer of the next residual block; the activation behind it | (token, feature) |
    /// | `blocks.0.hook_mlp_out` | what that block adds | (token, feature) |
    /// | `blocks.0.hook_resid_post` | the sum, in a post-norm network before its normalisation | (token, feature) |
    ///
    /// Several names may stand for one place. A table of positions has its layer's name, whose `.grad` is the table's; the
    /// gradient of the output is found under the place's other name.
    pub fn hook_points(&self) -> Vec<HookPoint> {
        hooks::hook_points(&self.hooks)
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
    /// the gradient with respect to the input (zeros if that is whole numbers). [`Network::gradients`] has those of the parameters.
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
            layers::inward(shape, from, &mut chunk.slopes);
        });
        self.reduce(workspace);
        self.check_gradients()?;
        let mut input = Vec::new();
        hooks::append_kept(workspace, &Hook::whole(0, self.shapes[0]), &mut input);
        workspace.keep[0] = false;
        Ok(hooks::examples(self.shapes[0], input))
    }

    /// Gradients of the parameters from the last [`Network::backward`] or [`Network::train_step`], named and laid out as
    /// the parameters; zeros before.
    pub fn gradients(&self) -> Vec<(String, ArrayD<T>)> {
        self.layout.export(&self.gradients, "")
    }

    /// All parameters as one flat vector, in the network's own order: tensor after tensor ([`Network::parameter_ranges`]),
    /// within a tensor not PyTorch's order where the kernels want another.
    pub fn flat_parameters(&self) -> &[T] {
        &self.parameters
    }

    /// The gradients of [`Network::gradients`] as one flat vector, in the order of [`Network::flat_parameters`].
    pub fn flat_gradients(&self) -> &[T] {
        &self.gradients
    }

    /// Where each parameter tensor lies in the flat vectors.
    pub fn parameter_ranges(&self) -> Vec<(String, std::ops::Range<usize>)> {
        self.layout.parameters.iter().map(|p| (p.name.clone(), p.range.clone())).collect()
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

    pub(crate) fn take_workspace(&mut self, batch: usize) -> Workspace<T> {
        match self.workspace.take() {
            Some(mut workspace) if workspace.batch == batch => {
                workspace.chunks.iter_mut().for_each(|chunk| chunk.finite = true);
                workspace
            }
            _ => Workspace::new(&self.layers, &self.shapes, batch, true),
        }
    }

    fn output(&self, workspace: &Workspace<T>) -> ArrayD<T> {
        let mut values = Vec::new();
        hooks::append_values(workspace, &Hook::whole(self.layers.len(), self.output_shape()), &mut values);
        hooks::examples(self.output_shape(), values)
    }

    pub(crate) fn pack(&mut self) {
        let (kernels, parameters) = (&self.kernels, &self.parameters);
        self.layers.par_iter_mut().with_max_len(1).for_each(|layer| layer.pack(kernels, parameters));
    }
}

/// Puts a chunk's examples in place, image by image in the inner order.
pub(crate) fn fill<T: Real>(pass: &Pass<'_, T>, chunk: &mut Chunk<T>, input: &[T]) {
    let shape = pass.shapes[0];
    let from = &input[chunk.first * shape.len()..][..chunk.len * shape.len()];
    chunk.finite = if layers::stored_alike(shape) {
        pass.kernels.copy_finite(from, &mut chunk.values[0])
    } else {
        layers::inward(shape, from, &mut chunk.values[0]);
        pass.kernels.all_finite(&chunk.values[0])
    };
}
