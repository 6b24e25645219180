//! Full-batch training of networks of pairs: loss, gradients through the tables to the parameters, optimiser.

use kymograph_linalg::Real;
use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use super::network::PairNetwork;
use super::pass::{self, Chunk, Sizes, Task};
use super::set::PairSet;
use super::spec::PairSpec;
use super::tables::Tables;
use super::transformer::{self, Transformer};
use crate::error::NetsError;
use crate::kernels::Kernels;
use crate::optim::Optimiser;
use crate::state::Layout;
use crate::train::StepStats;

/// The number type in which logits become a loss and its gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossPrecision {
    /// That of the weights: with `f32` what `torch.nn.functional.cross_entropy` does, whose losses near 1e-7 are multiples
    /// of 2⁻²³ and whose gradients then lose the label's part before the others'.
    Weights,
    /// f64, the gradient of the logits rounded to the weights' type (the published training code).
    Double,
}

/// How well a network does on a set of pairs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairStats {
    /// Mean cross-entropy, in nats.
    pub loss: f64,
    /// Share of the pairs whose largest logit (the first of equals) is their product's, 0 to 1.
    pub accuracy: f64,
}

/// Everything a pass over sets of one size works in.
#[derive(Clone)]
pub(super) struct Workspace<T> {
    pairs: usize,
    model: Model<T>,
    chunks: Vec<Chunk<T>>,
    of_pass: Vec<T>,
}

#[derive(Clone)]
enum Model<T> {
    Tables(Tables<T>),
    Transformer(Transformer<T>),
}

impl<T: Real> Workspace<T> {
    fn new(spec: &PairSpec, pairs: usize, gradients: bool) -> Self {
        let (model, sizes): (Model<T>, Sizes) = match transformer::sizes_of(spec) {
            Some((heads, neurons)) => {
                (Model::Transformer(Transformer::new(heads, neurons)), Transformer::<T>::sizes(&heads, neurons))
            }
            None => (Model::Tables(Tables::new(spec)), Tables::<T>::sizes(spec)),
        };
        Self {
            pairs,
            model,
            chunks: pass::chunks(pairs, spec.order, &sizes, gradients),
            of_pass: vec![T::ZERO; if gradients { sizes.gradients } else { 0 }],
        }
    }

    fn run(
        &mut self,
        kernels: &Kernels<T>,
        spec: &PairSpec,
        (layout, parameters): (&Layout, &[T]),
        set: &PairSet,
        task: Task,
    ) -> (f64, usize) {
        match &mut self.model {
            Model::Tables(tables) => {
                tables.fill(kernels, spec, layout, parameters);
                pass::run(set, task, &mut self.chunks, |chunk, block| tables.block(kernels, spec, chunk, block))
            }
            Model::Transformer(net) => {
                net.fill(kernels, layout, parameters);
                pass::run(set, task, &mut self.chunks, |chunk, block| net.block(kernels, chunk, block))
            }
        }
    }
}

impl<T: Real> PairNetwork<T> {
    /// Loss and accuracy on a set of pairs.
    ///
    /// # Errors
    /// A set of another group's order; a loss that is not finite.
    pub fn evaluate(&self, set: &PairSet, precision: LossPrecision) -> Result<PairStats, NetsError> {
        self.check_set(set)?;
        let mut workspace = Workspace::new(&self.spec, set.len(), false);
        let task = Task { wide: precision == LossPrecision::Double, gradients: false };
        let weights = (&*self.layout, self.parameters.as_slice());
        let (loss, correct) = workspace.run(&self.kernels, &self.spec, weights, set, task);
        check_loss(loss)?;
        Ok(PairStats { loss, accuracy: correct as f64 / set.len() as f64 })
    }

    /// Loss and accuracy on a set of pairs, and the gradients of the loss: [`PairNetwork::gradients`].
    ///
    /// # Errors
    /// As [`PairNetwork::evaluate`]; a gradient that is not finite.
    pub fn loss_and_gradients(&mut self, set: &PairSet, precision: LossPrecision) -> Result<PairStats, NetsError> {
        rayon::scope(|_| self.go_back(set, precision)).map(|(stats, _)| stats)
    }

    /// Gradients of the parameters from the last [`PairNetwork::loss_and_gradients`] or [`PairNetwork::train_step`], named
    /// and laid out as the parameters; zeros before.
    pub fn gradients(&self) -> Vec<(String, ArrayD<T>)> {
        self.layout.export(&self.gradients, "")
    }

    /// One step of training on all pairs of a set: forward, loss, backward, gradient norm, optimiser. The statistics are
    /// those before the step.
    ///
    /// # Errors
    /// As [`PairNetwork::loss_and_gradients`]; another network's optimiser. After an error no weight has changed.
    pub fn train_step(
        &mut self,
        set: &PairSet,
        precision: LossPrecision,
        optimiser: &mut Optimiser<T>,
    ) -> Result<StepStats, NetsError> {
        optimiser.check_network(&self.layout)?;
        // Inside the pool at once, so that the parallel loops of a step wake its threads a single time.
        rayon::scope(|_| {
            let (stats, gradient_norm) = self.go_back(set, precision)?;
            optimiser.update(&self.kernels, &mut self.parameters, &self.gradients);
            let correct = (stats.accuracy * set.len() as f64).round() as usize;
            Ok(StepStats { loss: stats.loss, gradient_norm, correct: Some(correct) })
        })
    }

    fn go_back(&mut self, set: &PairSet, precision: LossPrecision) -> Result<(PairStats, f64), NetsError> {
        self.check_set(set)?;
        let mut workspace = match self.workspace.take() {
            Some(workspace) if workspace.pairs == set.len() => workspace,
            _ => Workspace::new(&self.spec, set.len(), true),
        };
        let kernels = self.kernels;
        let weights = (&*self.layout, self.parameters.as_slice());
        let task = Task { wide: precision == LossPrecision::Double, gradients: true };
        let (loss, correct) = workspace.run(&kernels, &self.spec, weights, set, task);
        check_loss(loss)?;
        let Workspace { model, chunks, of_pass, .. } = &mut workspace;
        pass::reduce(&kernels, chunks, of_pass);
        match model {
            Model::Tables(tables) => tables.backward(&kernels, &self.spec, weights, of_pass, &mut self.gradients),
            Model::Transformer(net) => net.backward(&kernels, weights, of_pass, &mut self.gradients),
        }
        self.workspace = Some(workspace);
        let norm = kernels.sum_of_squares(&self.gradients).sqrt();
        if !norm.is_finite() {
            return Err(not_finite("the gradient"));
        }
        Ok((PairStats { loss, accuracy: correct as f64 / set.len() as f64 }, norm))
    }

    pub(super) fn check_set(&self, set: &PairSet) -> Result<(), NetsError> {
        if set.order() == self.spec.order {
            return Ok(());
        }
        Err(NetsError::Shape {
            what: "the set of pairs".into(),
            expected: format!("pairs of the network's {} elements", self.spec.order),
            found: vec![set.order(), set.order()],
        })
    }
}

pub(super) fn check_loss(loss: f64) -> Result<(), NetsError> {
    if loss.is_finite() { Ok(()) } else { Err(not_finite("the loss")) }
}

fn not_finite(what: &str) -> NetsError {
    NetsError::NotFinite {
        what: what.into(),
        position: "the set of pairs".into(),
        remedy: "the numbers outgrew their type; lower the learning rate or take an earlier checkpoint".into(),
    }
}
