//! Optimisers with PyTorch's semantics and defaults.

mod spec;

use std::sync::Arc;

use kymograph_linalg::Real;
use ndarray::ArrayD;
use rayon::prelude::*;

pub use spec::OptimiserSpec;

use crate::error::NetsError;
use crate::kernels::{AdamStep, Kernels, SgdStep};
use crate::network::Network;
use crate::state::{Layout, matched};

/// Parameters are updated in blocks of this many numbers.
const BLOCK: usize = 4096;

/// An optimiser and its state for one network.
///
/// State goes out by [`Optimiser::state`] and in by [`Optimiser::load_state`]; with the network's own state a run
/// resumes to the same bits.
#[derive(Clone, Debug)]
pub struct Optimiser<T> {
    spec: OptimiserSpec,
    steps: u64,
    layout: Arc<Layout>,
    slots: Vec<Vec<T>>,
}

impl<T: Real> Optimiser<T> {
    /// An optimiser at step 0 for the parameters of `network`.
    ///
    /// # Errors
    /// An option out of its range.
    pub fn new(spec: OptimiserSpec, network: &Network<T>) -> Result<Self, NetsError> {
        Self::for_layout(spec, network.layout())
    }

    pub(crate) fn for_layout(spec: OptimiserSpec, layout: Arc<Layout>) -> Result<Self, NetsError> {
        spec.check()?;
        let slots = vec![vec![T::ZERO; layout.len]; spec.slots().len()];
        Ok(Self { spec, steps: 0, layout, slots })
    }

    /// What the optimiser was made from.
    pub fn spec(&self) -> &OptimiserSpec {
        &self.spec
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The learning rate of the next step.
    pub fn learning_rate(&self) -> f64 {
        self.spec.learning_rate() * self.spec.schedule().factor(self.steps)
    }

    /// One step with the gradients `network` holds from its last backward pass ([`Network::backward`]).
    /// [`Network::train_step`] does this by itself.
    ///
    /// # Errors
    /// A network of other parameters; gradients that are not finite (the weights stay as they were).
    pub fn step(&mut self, network: &mut Network<T>) -> Result<(), NetsError> {
        self.check_network(&network.layout())?;
        network.check_gradients()?;
        network.update(self);
        Ok(())
    }

    /// The state as named arrays: for each parameter tensor `name.exp_avg` and `name.exp_avg_sq` (Adam, AdamW) or
    /// `name.momentum_buffer` (SGD with momentum), in PyTorch's layouts. [`Optimiser::steps`] belongs to it.
    pub fn state(&self) -> Vec<(String, ArrayD<T>)> {
        self.spec
            .slots()
            .iter()
            .zip(&self.slots)
            .flat_map(|(slot, values)| self.layout.export(values, &format!(".{slot}")))
            .collect()
    }

    /// Takes a state back in, as [`Optimiser::state`] and [`Optimiser::steps`] gave it.
    ///
    /// # Errors
    /// A tensor is missing, strange, of another shape or not finite; the state stays as it was.
    pub fn load_state(&mut self, steps: u64, state: &[(String, ArrayD<T>)]) -> Result<(), NetsError> {
        let wanted: Vec<(String, Vec<usize>)> = self
            .spec
            .slots()
            .iter()
            .flat_map(|slot| {
                self.layout.parameters.iter().map(move |p| (format!("{}.{slot}", p.name), p.shape.clone()))
            })
            .collect();
        let tensors = matched(&wanted, state)?;
        for (values, tensors) in self.slots.iter_mut().zip(tensors.chunks(self.layout.parameters.len().max(1))) {
            for (parameter, tensor) in self.layout.parameters.iter().zip(tensors) {
                parameter.import(tensor.iter().copied(), values);
            }
        }
        self.steps = steps;
        Ok(())
    }

    /// Forgets what was gathered about some parameters, as if the next gradient were their first. The number of steps stays.
    pub(crate) fn forget(&mut self, places: std::ops::Range<usize>) {
        for slot in &mut self.slots {
            slot[places.clone()].fill(T::ZERO);
        }
    }

    pub(crate) fn check_network(&self, layout: &Layout) -> Result<(), NetsError> {
        if *self.layout != *layout {
            return Err(NetsError::OtherNetwork { expected: self.layout.len, found: layout.len });
        }
        Ok(())
    }

    /// Moves `weights` by one step along `gradient`.
    pub(crate) fn update(&mut self, kernels: &Kernels<T>, weights: &mut [T], gradient: &[T]) {
        let rate = self.learning_rate();
        self.steps += 1;
        let number = T::from_f64;
        match self.spec {
            OptimiserSpec::Sgd { momentum, dampening, weight_decay, nesterov, .. } => {
                let step = SgdStep {
                    rate: number(rate),
                    momentum: number(momentum),
                    intake: if self.steps == 1 { T::ONE } else { number(1.0 - dampening) },
                    weight_decay: number(weight_decay),
                    nesterov,
                };
                match self.slots.as_mut_slice() {
                    [velocity] => weights
                        .par_chunks_mut(BLOCK)
                        .zip(gradient.par_chunks(BLOCK))
                        .zip(velocity.par_chunks_mut(BLOCK))
                        .for_each(|((w, g), v)| kernels.sgd(w, g, v, &step)),
                    _ => weights
                        .par_chunks_mut(BLOCK)
                        .zip(gradient.par_chunks(BLOCK))
                        .for_each(|(w, g)| kernels.sgd(w, g, &mut [], &step)),
                }
            }
            OptimiserSpec::Adam { .. } | OptimiserSpec::AdamW { .. } => {
                let step = AdamStep::of(&self.spec, self.steps - 1);
                if let (Some(step), [first, second]) = (step, self.slots.as_mut_slice()) {
                    weights
                        .par_chunks_mut(BLOCK)
                        .zip(gradient.par_chunks(BLOCK))
                        .zip(first.par_chunks_mut(BLOCK))
                        .zip(second.par_chunks_mut(BLOCK))
                        .for_each(|(((w, g), m), v)| kernels.adam(w, g, m, v, &step));
                }
            }
        }
    }
}

impl<T: Real> AdamStep<T> {
    /// The numbers of the step after `steps` steps of Adam or AdamW; `None` for another optimiser.
    pub(crate) fn of(spec: &OptimiserSpec, steps: u64) -> Option<Self> {
        let (OptimiserSpec::Adam { betas: [b1, b2], eps, weight_decay, .. }
        | OptimiserSpec::AdamW { betas: [b1, b2], eps, weight_decay, .. }) = *spec
        else {
            return None;
        };
        let decoupled = matches!(spec, OptimiserSpec::AdamW { .. });
        let rate = spec.learning_rate() * spec.schedule().factor(steps);
        let t = (steps + 1).min(i32::MAX as u64) as i32;
        let number = T::from_f64;
        Some(Self {
            step_size: number(rate / (1.0 - b1.powi(t))),
            first_rate: number(1.0 - b1),
            second_decay: number(b2),
            second_rate: number(1.0 - b2),
            second_correction: number(1.0 / (1.0 - b2.powi(t)).sqrt()),
            epsilon: number(eps),
            coupled_decay: number(if decoupled { 0.0 } else { weight_decay }),
            shrink: number(if decoupled { 1.0 - rate * weight_decay } else { 1.0 }),
        })
    }
}
