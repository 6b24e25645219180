//! A dictionary: its parameters, in and out under SAELens' names, and what it knows of how its latents are used.

use std::ops::Range;
use std::sync::Arc;

use kymograph_linalg::{Real, Wide, widest};
use ndarray::{ArrayD, ArrayView2, IxDyn};
use rayon::prelude::*;

use super::spec::{DecoderNorm, DictionarySpec};
use super::step::Space;
use super::vectors::squares;
use crate::error::NetsError;
use crate::kernels::{KernelPath, Kernels};
use crate::optim::{Optimiser, OptimiserSpec};
use crate::state::{Layout, matched};

/// A sparse autoencoder or transcoder of `T` (`f32` or `f64`).
///
/// ```
/// use kymograph_linalg::random;
/// use kymograph_nets::dictionaries::{Dictionary, DictionarySpec, EncoderStart, Start, Variant};
/// use kymograph_nets::OptimiserSpec;
///
/// let x = random::normal_matrix::<f32, _>(&mut random::stream(0, "data"), 64, 8);
/// let spec = DictionarySpec::autoencoder(8, 16, Variant::TopK { k: 3 });
/// let mut dictionary = Dictionary::<f32>::new(&spec)?;
/// dictionary.initialise(&Start::Random, EncoderStart::Decoder, 0)?;
/// let mut adam = dictionary.optimiser(OptimiserSpec::adam(1e-2))?;
/// let first = dictionary.train_step(x.view(), None, &mut adam)?;
/// for _ in 0..100 {
///     dictionary.train_step(x.view(), None, &mut adam)?;
/// }
/// let codes = dictionary.encode(x.view())?;
/// assert!(codes.l0() <= 3.0);
/// assert!(dictionary.train_step(x.view(), None, &mut adam)?.error < first.error);
/// # Ok::<(), kymograph_nets::NetsError>(())
/// ```
#[derive(Clone)]
pub struct Dictionary<T> {
    pub(super) spec: DictionarySpec,
    pub(super) layout: Arc<Layout>,
    pub(super) parameters: Vec<T>,
    pub(super) gradients: Vec<T>,
    pub(super) kernels: Kernels<T>,
    /// Steps since each latent was last used.
    pub(super) idle: Vec<T>,
    /// Least value a batch's codes hold, smoothed over steps: the threshold where no batch decides. Zero before training.
    pub(super) cutoff: T,
    pub(super) space: Space<T>,
}

impl<T: Real> std::fmt::Debug for Dictionary<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dictionary").field("spec", &self.spec).finish_non_exhaustive()
    }
}

impl<T: Real> Dictionary<T> {
    /// A dictionary whose weights are zero: give them by [`Dictionary::initialise`] or [`Dictionary::load_state`].
    ///
    /// # Errors
    /// [`NetsError::Value`] for a spec that describes none.
    pub fn new(spec: &DictionarySpec) -> Result<Self, NetsError> {
        spec.check()?;
        let kernels = Kernels::new(KernelPath::best()).ok_or(NetsError::KernelPath { path: KernelPath::best() })?;
        let layout = spec.layout();
        Ok(Self {
            spec: spec.clone(),
            parameters: vec![T::ZERO; layout.len],
            gradients: vec![T::ZERO; layout.len],
            layout: Arc::new(layout),
            kernels,
            idle: vec![T::ZERO; spec.latents],
            cutoff: T::ZERO,
            space: Space::default(),
        })
    }

    /// What it was built from.
    pub fn spec(&self) -> &DictionarySpec {
        &self.spec
    }

    /// An optimiser at step 0 for this dictionary.
    ///
    /// # Errors
    /// An option out of its range.
    pub fn optimiser(&self, spec: OptimiserSpec) -> Result<Optimiser<T>, NetsError> {
        Optimiser::for_layout(spec, Arc::clone(&self.layout))
    }

    /// The directions: latent × output.
    pub fn decoder(&self) -> ArrayView2<'_, T> {
        self.rows("W_dec", self.spec.outputs)
    }

    /// What each latent reads: latent × input; the decoder where they are tied.
    pub fn encoder(&self) -> ArrayView2<'_, T> {
        if self.spec.tied { self.decoder() } else { self.rows("W_enc", self.spec.inputs) }
    }

    /// Steps since each latent was last used.
    pub fn idle(&self) -> &[T] {
        &self.idle
    }

    /// The value above which a latent counts as active where a variant's own rule needs a whole batch
    /// ([`super::Variant::BatchTopK`], [`super::Variant::Matryoshka`]); zero before the first step.
    pub fn cutoff(&self) -> T {
        self.cutoff
    }

    /// The parameters under SAELens' names and in its layouts.
    pub fn weights(&self) -> Vec<(String, ArrayD<T>)> {
        self.layout.export(&self.parameters, "")
    }

    /// The gradients of the last [`Dictionary::gradient`] or [`Dictionary::train_step`], as [`Dictionary::weights`].
    pub fn gradients(&self) -> Vec<(String, ArrayD<T>)> {
        self.layout.export(&self.gradients, "")
    }

    /// Everything that training changes but the optimiser's state: the weights, `idle` and `cutoff`.
    pub fn state(&self) -> Vec<(String, ArrayD<T>)> {
        let mut state = self.weights();
        state.push(("idle".into(), crate::state::array(&[self.spec.latents], self.idle.clone())));
        state.push(("cutoff".into(), ArrayD::from_elem(IxDyn(&[1]), self.cutoff)));
        state
    }

    /// Takes a state in, as [`Dictionary::state`] gave it, or weights alone, as [`Dictionary::weights`] did.
    ///
    /// # Errors
    /// A tensor is missing, strange, of another shape or not finite; the dictionary stays as it was.
    pub fn load_state(&mut self, state: &[(String, ArrayD<T>)]) -> Result<(), NetsError> {
        let mut wanted: Vec<_> = self.layout.parameters.iter().map(|p| (p.name.clone(), p.shape.clone())).collect();
        if state.iter().any(|(name, _)| name == "idle" || name == "cutoff") {
            wanted.push(("idle".into(), vec![self.spec.latents]));
            wanted.push(("cutoff".into(), vec![1]));
        }
        let tensors = matched(&wanted, state)?;
        for (parameter, tensor) in self.layout.parameters.iter().zip(&tensors) {
            parameter.import(tensor.iter().copied(), &mut self.parameters);
        }
        if let [idle, cutoff] = tensors[self.layout.parameters.len()..] {
            self.idle = idle.iter().copied().collect();
            self.cutoff = cutoff.iter().next().copied().unwrap_or(T::ZERO);
        }
        Ok(())
    }

    /// Where a parameter lies.
    pub(super) fn range(&self, name: &str) -> Option<Range<usize>> {
        self.layout.parameters.iter().find(|p| p.name == name).map(|p| p.range.clone())
    }

    /// A parameter's numbers; none where the variant has no such parameter.
    pub(super) fn values(&self, name: &str) -> &[T] {
        self.range(name).map_or(&[], |range| &self.parameters[range])
    }

    fn rows(&self, name: &str, width: usize) -> ArrayView2<'_, T> {
        let values = self.values(name);
        let rows = ArrayView2::from_shape((values.len() / width.max(1), width), values);
        // A parameter holds as many numbers as its shape.
        rows.unwrap_or_else(|_| ndarray::aview2::<T, 0>(&[]))
    }

    /// Rescales the decoder's rows to norm 1, where the spec keeps them there. A row of zeros stays.
    pub(super) fn normalise(&mut self) {
        if self.spec.norm == DecoderNorm::Free {
            return;
        }
        let width = self.spec.outputs;
        let Some(range) = self.range("W_dec") else { return };
        self.parameters[range].par_chunks_mut(64 * width).for_each(|rows| {
            widest(Unit { rows, width });
        });
    }

    /// Takes out of the decoder's gradient what would only lengthen or shorten rows.
    pub(super) fn project(&mut self) {
        let width = self.spec.outputs;
        let Some(range) = self.range("W_dec") else { return };
        let rows = self.parameters[range.clone()].par_chunks(width);
        self.gradients[range].par_chunks_mut(width).with_min_len(64).zip(rows).for_each(|(slope, row)| {
            let along = super::vectors::dot(slope, row);
            super::vectors::add_scaled(slope, -along, row);
        });
    }
}

/// Rows of norm 1 in their place.
struct Unit<'a, T> {
    rows: &'a mut [T],
    width: usize,
}

impl<T: Real> Wide for Unit<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for row in self.rows.chunks_exact_mut(self.width) {
            let norm = squares(row).sqrt();
            if norm > 0.0 {
                let factor = T::from_f64(1.0 / norm);
                row.iter_mut().for_each(|value| *value *= factor);
            }
        }
    }
}
