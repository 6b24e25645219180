//! A network of pairs: its parameters, in and out under the published names, and the tables they stand for.

use std::sync::Arc;

use kymograph_linalg::{Real, matmul};
use ndarray::{Array2, ArrayD, ArrayView2, aview2, s};
use rand::Rng;

use super::spec::{PairArchitecture, PairSpec};
use super::train::Workspace;
use crate::error::NetsError;
use crate::init::{self, InitialWeights};
use crate::kernels::{KernelPath, Kernels};
use crate::optim::{Optimiser, OptimiserSpec};
use crate::state::{Layout, matched};

/// A network of `T` (`f32` or `f64`) that composes two elements of a group.
///
/// ```
/// use kymograph_linalg::random;
/// use kymograph_nets::{LossPrecision, OptimiserSpec, PairArchitecture, PairNetwork, PairSet, PairSpec};
///
/// let order = 5;
/// let table: Vec<u32> = (0..25).map(|at| (at / 5 + at % 5) % 5).collect();
/// let spec = PairSpec { order, architecture: PairArchitecture::Mlp { embed: 8, hidden: 16, bias: false } };
/// let mut net = PairNetwork::<f32>::new(&spec, &mut random::stream(0, "init"))?;
/// let mut adam = net.optimiser(OptimiserSpec::adamw(1e-2))?;
/// let all = PairSet::all(&table, order)?;
/// let before = net.evaluate(&all, LossPrecision::Double)?;
/// for _ in 0..50 {
///     net.train_step(&all, LossPrecision::Double, &mut adam)?;
/// }
/// assert!(net.evaluate(&all, LossPrecision::Double)?.loss < before.loss);
/// assert_eq!(net.embeddings().0.dim(), (5, 16));
/// # Ok::<(), kymograph_nets::NetsError>(())
/// ```
#[derive(Clone)]
pub struct PairNetwork<T> {
    pub(super) spec: PairSpec,
    pub(super) layout: Arc<Layout>,
    pub(super) parameters: Vec<T>,
    pub(super) gradients: Vec<T>,
    pub(super) kernels: Kernels<T>,
    pub(super) workspace: Option<Workspace<T>>,
}

impl<T: Real> std::fmt::Debug for PairNetwork<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PairNetwork")
            .field("spec", &self.spec)
            .field("parameters", &self.parameters.len())
            .field("kernels", &self.kernels.path())
            .finish_non_exhaustive()
    }
}

impl<T: Real> PairNetwork<T> {
    /// A network with the published initial weights (see [`PairArchitecture`]), drawn from `rng` tensor by tensor in the
    /// order of [`PairNetwork::state_dict`]. The distribution is the published one; the numbers are not.
    ///
    /// # Errors
    /// A group or width of no element, or one too big.
    pub fn new<R: Rng + ?Sized>(spec: &PairSpec, rng: &mut R) -> Result<Self, NetsError> {
        spec.check()?;
        let layout = spec.layout();
        let parameters = init::draw(&layout, InitialWeights::PyTorch, rng);
        Self::of(spec, layout, parameters)
    }

    fn of(spec: &PairSpec, layout: Layout, parameters: Vec<T>) -> Result<Self, NetsError> {
        let kernels = Kernels::new(KernelPath::best()).ok_or(NetsError::KernelPath { path: KernelPath::best() })?;
        Ok(Self {
            spec: spec.clone(),
            gradients: vec![T::ZERO; layout.len],
            layout: Arc::new(layout),
            parameters,
            kernels,
            workspace: None,
        })
    }

    /// The network of a released state dict for a group of `order` elements: `W_x`, `W_y`, `W`, `W_U` (and `b`, `b_U`) for
    /// the MLP; TransformerLens' names for the transformer, whose buffers (`mask`, `IGNORE`), copies of `W_E` (`x_embed`,
    /// `y_embed`) and zero biases are accepted and dropped. The widths are those of the tensors.
    ///
    /// The three tensors `W_x`, `W_y`, `W_U` alone may be [`PairArchitecture::Sum`] or [`PairArchitecture::Bilinear`]:
    /// make that network with [`PairNetwork::new`] and use [`PairNetwork::load_state_dict`].
    ///
    /// # Errors
    /// A tensor that is missing, strange, not finite or of a shape that does not fit the group; a bias of the
    /// transformer that is not zero.
    pub fn from_state(state: &[(String, ArrayD<T>)], order: usize) -> Result<Self, NetsError> {
        let spec = PairSpec { order, architecture: architecture_of(state)? };
        spec.check()?;
        let layout = spec.layout();
        let parameters = vec![T::ZERO; layout.len];
        let mut network = Self::of(&spec, layout, parameters)?;
        network.load_state_dict(&without_extras(&spec, state)?)?;
        Ok(network)
    }

    /// What the network was built from.
    pub fn spec(&self) -> &PairSpec {
        &self.spec
    }

    /// Numbers that are trained.
    pub fn parameter_count(&self) -> usize {
        self.layout.len
    }

    /// The parameters under their published names, in their published layouts.
    pub fn state_dict(&self) -> Vec<(String, ArrayD<T>)> {
        self.layout.export(&self.parameters, "")
    }

    /// Takes parameters in, as [`PairNetwork::state_dict`] gave them.
    ///
    /// # Errors
    /// A tensor is missing, strange, of another shape or not finite; the network stays as it was.
    pub fn load_state_dict(&mut self, state: &[(String, ArrayD<T>)]) -> Result<(), NetsError> {
        for parameter in &self.layout.parameters {
            if let Some((name, tensor)) = state.iter().find(|(name, _)| *name == parameter.name)
                && tensor.shape() != parameter.shape
            {
                return Err(NetsError::GroupShape {
                    name: name.clone(),
                    expected: parameter.shape.clone(),
                    found: tensor.shape().to_vec(),
                    order: self.spec.order,
                });
            }
        }
        let wanted: Vec<_> = self.layout.parameters.iter().map(|p| (p.name.clone(), p.shape.clone())).collect();
        let tensors = matched(&wanted, state)?;
        for (parameter, tensor) in self.layout.parameters.iter().zip(tensors) {
            parameter.import(tensor.iter().copied(), &mut self.parameters);
        }
        Ok(())
    }

    /// The same network in the other number type, each parameter rounded to the nearest.
    ///
    /// # Errors
    /// This machine has no kernels for the type.
    pub fn cast<U: Real>(&self) -> Result<PairNetwork<U>, NetsError> {
        let parameters = self.parameters.iter().map(|x| U::from_f64(x.to_f64())).collect();
        PairNetwork::of(&self.spec, self.spec.layout(), parameters)
    }

    /// A hash (FNV-1a, 64 bits) of the bits of all parameters in their order.
    pub fn weight_hash(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        for x in &self.parameters {
            for byte in x.to_bits_u64().to_le_bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        hash
    }

    /// An optimiser at step 0 for this network. Weight decay acts on the parameters (for the MLP on the factors `W_x`,
    /// `W_y` and `W`, not on the tables they make).
    ///
    /// # Errors
    /// An option out of its range.
    pub fn optimiser(&self, spec: OptimiserSpec) -> Result<Optimiser<T>, NetsError> {
        Optimiser::for_layout(spec, Arc::clone(&self.layout))
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
        self.workspace = None;
        Ok(())
    }

    /// A parameter by its place in the layout, as rows of its last axis.
    pub(super) fn matrix(&self, at: usize) -> ArrayView2<'_, T> {
        let parameter = &self.layout.parameters[at];
        let columns = parameter.shape.last().copied().unwrap_or(1);
        let values = &self.parameters[parameter.range.clone()];
        // A parameter holds as many numbers as its shape.
        ArrayView2::from_shape((values.len() / columns, columns), values).unwrap_or_else(|_| aview2::<T, 0>(&[]))
    }

    /// What does an element add to the neurons as the left and as the right factor? Two tables, element × hidden (the
    /// "total embeddings"): `W_x W[:d]` and `W_y W[d:]` of the MLP without its bias, `W_x` and `W_y` where there is no
    /// `W`; of the transformer `W_E` without "=" for both, element × model, since attention mixes what follows.
    pub fn embeddings(&self) -> (Array2<T>, Array2<T>) {
        match self.spec.architecture {
            PairArchitecture::Mlp { embed, .. } => {
                let w = self.matrix(2);
                (matmul(self.matrix(0), w.slice(s![..embed, ..])), matmul(self.matrix(1), w.slice(s![embed.., ..])))
            }
            PairArchitecture::Sum { .. } | PairArchitecture::Bilinear { .. } => {
                (self.matrix(0).to_owned(), self.matrix(1).to_owned())
            }
            PairArchitecture::Transformer { .. } => {
                let elements = self.matrix(0).slice(s![..self.spec.order, ..]).to_owned();
                (elements.clone(), elements)
            }
        }
    }

    /// How do the neurons speak for each element? Hidden × element: `W_U`, of the transformer `W_out W_U`.
    pub fn unembedding(&self) -> Array2<T> {
        match self.spec.architecture {
            PairArchitecture::Mlp { .. } => self.matrix(3).to_owned(),
            PairArchitecture::Sum { .. } | PairArchitecture::Bilinear { .. } => self.matrix(2).to_owned(),
            PairArchitecture::Transformer { .. } => matmul(self.matrix(7), self.matrix(8)),
        }
    }
}

/// The architecture whose names and widths a state has.
fn architecture_of<T: Real>(state: &[(String, ArrayD<T>)]) -> Result<PairArchitecture, NetsError> {
    let names = || state.iter().map(|(name, _)| name.clone()).collect();
    let find = |name: &str, axes: usize| -> Result<Option<&[usize]>, NetsError> {
        let Some((_, tensor)) = state.iter().find(|(known, _)| known == name) else { return Ok(None) };
        if tensor.ndim() != axes {
            return Err(NetsError::Shape {
                what: format!("tensor `{name}`"),
                expected: format!("{axes} axes"),
                found: tensor.shape().to_vec(),
            });
        }
        Ok(Some(tensor.shape()))
    };
    let missing = |name: &str| NetsError::MissingTensor { name: name.to_owned(), found: names() };
    if let Some(w_q) = find("blocks.0.attn.W_Q", 3)? {
        let w_in = find("blocks.0.mlp.W_in", 2)?.ok_or_else(|| missing("blocks.0.mlp.W_in"))?;
        let [heads, d_model, d_head] = [w_q[0], w_q[1], w_q[2]];
        return Ok(PairArchitecture::Transformer { d_model, heads, d_head, d_mlp: w_in[1] });
    }
    let w_x = find("W_x", 2)?.ok_or_else(|| missing("W_x"))?;
    match find("W", 2)? {
        Some(w) => {
            let bias = find("b", 1)?.is_some() || find("b_U", 1)?.is_some();
            Ok(PairArchitecture::Mlp { embed: w_x[1], hidden: w[1], bias })
        }
        None => Err(NetsError::Spec {
            network: "mlp".into(),
            layer: "W".into(),
            reason:
                "the state has no tensor `W`; a network of W_x, W_y and W_U alone may be a sum or a bilinear one: make \
                     it with PairNetwork::new and use load_state_dict"
                    .into(),
        }),
    }
}

/// A released transformer's state without what is not trained; other states as they are.
fn without_extras<T: Real>(
    spec: &PairSpec,
    state: &[(String, ArrayD<T>)],
) -> Result<Vec<(String, ArrayD<T>)>, NetsError> {
    let is_transformer = matches!(spec.architecture, PairArchitecture::Transformer { .. });
    let table = state.iter().find(|(name, _)| name == "embed.W_E").map(|(_, tensor)| tensor);
    let mut kept = Vec::new();
    for (name, tensor) in state {
        let last = name.rsplit('.').next().unwrap_or(name);
        if is_transformer && matches!(last, "mask" | "IGNORE") {
            continue;
        }
        if is_transformer && matches!(last, "x_embed" | "y_embed") {
            if Some(tensor) != table {
                let reason = "is not the same as embed.W_E, and this network has one table for both sides".into();
                return Err(spec.refusal(name, reason));
            }
            continue;
        }
        if is_transformer && last.starts_with("b_") {
            if tensor.iter().any(|&x| x != T::ZERO) {
                let reason = "is not zero; the biases of this network are frozen at zero, so the model is another one";
                return Err(spec.refusal(name, reason.into()));
            }
            continue;
        }
        kept.push((name.clone(), tensor.clone()));
    }
    Ok(kept)
}
