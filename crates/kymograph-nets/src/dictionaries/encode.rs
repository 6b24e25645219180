//! From examples to codes, and back.

use kymograph_linalg::{Real, parallel};
use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;

use super::codes::Codes;
use super::model::Dictionary;
use super::products::Packed;
use super::select::{Candidate, TopK, above, largest_of_batch};
use super::spec::Variant;
use super::vectors::add_scaled;
use crate::error::NetsError;
use crate::kernels::Strided;
use crate::loss::check_finite;

/// Examples whose pre-activations are worked out together. A constant, so that bits do not depend on threads.
pub(super) const ROWS: usize = 64;

/// What each of some examples could use.
type Rows<T> = Vec<Vec<Candidate<T>>>;

/// The codes of a batch in training.
pub(super) struct Encoded<T> {
    pub(super) codes: Codes<T>,
    /// The codes of dead latents by which the auxiliary loss rebuilds what is left over.
    pub(super) auxiliary: Option<Codes<T>>,
}

impl<T: Real> Dictionary<T> {
    /// The code of each example: `x` is example × input. Where training chooses latents over a whole batch, the
    /// [`Dictionary::cutoff`] decides here, so that an example's code does not depend on the others.
    ///
    /// # Errors
    /// Another width, or an entry that is not finite, with its row.
    pub fn encode(&self, x: ArrayView2<'_, T>) -> Result<Codes<T>, NetsError> {
        self.check(x, "the activations", self.spec.inputs)?;
        let width = self.spec.latents;
        let mut packed = Packed::default();
        self.pack_encoder(&mut packed);
        let rows = x.axis_chunks_iter(Axis(0), ROWS).into_par_iter();
        let blocks = rows.map_init(Vec::new, |pre, rows| {
            let rows = self.centred(rows);
            pre.resize(rows.nrows() * width, T::ZERO);
            self.pre_activations(rows.view(), &packed, false, Strided { values: pre, stride: width });
            self.activate(pre);
            Codes::of_dense(pre, width, width)
        });
        let blocks: Vec<_> = blocks.collect();
        Ok(joined(width, blocks))
    }

    /// What the codes stand for: example × output.
    ///
    /// # Panics
    /// When the codes are of a dictionary with more latents.
    pub fn decode(&self, codes: &Codes<T>) -> Array2<T> {
        let decoder = self.decoder();
        let bias = self.values("b_dec");
        let mut out = Array2::zeros((codes.examples(), self.spec.outputs));
        parallel::for_row_blocks_mut(out.view_mut(), ROWS, |first, mut rows| {
            for (at, mut row) in rows.outer_iter_mut().enumerate() {
                let Some(row) = row.as_slice_mut() else { continue };
                if !bias.is_empty() {
                    row.copy_from_slice(bias);
                }
                let (latents, values) = codes.row(first + at);
                for (&latent, &value) in latents.iter().zip(values) {
                    add_scaled(row, value, decoder.row(latent as usize).as_slice().unwrap_or_default());
                }
            }
        });
        out
    }

    /// The activations less the output bias, where the spec takes it off.
    pub(super) fn centred(&self, rows: ArrayView2<'_, T>) -> Array2<T> {
        let mut rows = rows.as_standard_layout().into_owned();
        if self.spec.centred {
            let bias = self.values("b_dec");
            for mut row in rows.outer_iter_mut() {
                row.iter_mut().zip(bias).for_each(|(value, &bias)| *value -= bias);
            }
        }
        rows
    }

    /// Pre-activations of whole examples become their codes, as after training.
    fn activate(&self, values: &mut [T]) {
        let width = self.spec.latents;
        match &self.spec.variant {
            Variant::Relu { .. } => values.iter_mut().for_each(|v| *v = v.max(T::ZERO)),
            Variant::TopK { k } => {
                let mut top = TopK::new(*k);
                for row in values.chunks_exact_mut(width) {
                    let mut codes = Codes::new(width);
                    top.row(row, &mut codes);
                    row.fill(T::ZERO);
                    for (&latent, &value) in codes.latents.iter().zip(&codes.values) {
                        row[latent as usize] = value;
                    }
                }
            }
            Variant::BatchTopK { .. } | Variant::Matryoshka { .. } => {
                let cutoff = self.cutoff;
                values.iter_mut().for_each(|v| *v = if *v > cutoff { *v } else { T::ZERO });
            }
            Variant::JumpRelu { .. } => {
                let thresholds = self.thresholds();
                for row in values.chunks_exact_mut(width) {
                    for (v, &threshold) in row.iter_mut().zip(&thresholds) {
                        *v = if *v > threshold { *v } else { T::ZERO };
                    }
                }
            }
            Variant::Gated { .. } => {
                for row in values.chunks_exact_mut(width) {
                    self.magnitudes(row);
                }
            }
        }
    }

    /// The threshold of each latent of [`Variant::JumpRelu`].
    pub fn thresholds(&self) -> Vec<T> {
        self.values("log_threshold").iter().map(|log| log.exp()).collect()
    }

    /// What a gated dictionary makes of an example's gate pre-activations.
    pub(super) fn magnitudes(&self, row: &mut [T]) {
        let [gate, scale, bias] = ["b_gate", "r_mag", "b_mag"].map(|name| self.values(name));
        for (((v, &gate), &scale), &bias) in row.iter_mut().zip(gate).zip(scale).zip(bias) {
            let magnitude = (*v - gate) * scale.exp() + bias;
            *v = if *v > T::ZERO { magnitude.max(T::ZERO) } else { T::ZERO };
        }
    }

    /// The codes of a batch in training, for the variants with `k`. `x` is centred.
    pub(super) fn encode_sparse(&self, x: ArrayView2<'_, T>, packed: &Packed<T>) -> Encoded<T> {
        let width = self.spec.latents;
        let dead = self.dead();
        let auxiliary = self.spec.auxiliary.filter(|_| !dead.is_empty());
        let of_dead = |pre: &[T]| {
            let mut codes = Codes::new(width);
            let Some(auxiliary) = auxiliary else { return codes };
            let mut top = TopK::new(auxiliary.latents.min(dead.len()));
            let mut found = Codes::new(dead.len());
            for row in pre.chunks_exact(width) {
                let alone: Vec<T> = dead.iter().map(|latent| row[*latent]).collect();
                top.row(&alone, &mut found);
            }
            codes.starts = found.starts;
            codes.latents = found.latents.iter().map(|at| dead[*at as usize] as u32).collect();
            codes.values = found.values;
            codes
        };
        let block = |rows: ArrayView2<'_, T>, pre: &mut Vec<T>| {
            pre.resize(rows.nrows() * width, T::ZERO);
            self.pre_activations(rows, packed, false, Strided { values: pre, stride: width });
        };
        let blocks = || x.axis_chunks_iter(Axis(0), ROWS).into_par_iter();
        if let Variant::TopK { k } = self.spec.variant {
            let blocks = blocks().map_init(Vec::new, |pre, rows| {
                block(rows, pre);
                let (mut top, mut codes) = (TopK::new(k), Codes::new(width));
                pre.chunks_exact(width).for_each(|row| top.row(row, &mut codes));
                (codes, of_dead(pre))
            });
            let blocks: Vec<_> = blocks.collect();
            let (codes, dead_codes): (Vec<_>, Vec<_>) = blocks.into_iter().unzip();
            return Encoded { codes: joined(width, codes), auxiliary: auxiliary.map(|_| joined(width, dead_codes)) };
        }
        let count = self.spec.k().unwrap_or(0) * x.nrows();
        // Most batches find enough above a bound well below the usual threshold; the result is that of no bound.
        let mut bound = self.cutoff * T::from_f64(0.5);
        loop {
            let blocks = blocks().map_init(Vec::new, |pre, rows| {
                block(rows, pre);
                let rows = pre.chunks_exact(width).map(|row| {
                    let mut found = Vec::new();
                    above(row, bound, &mut found);
                    found
                });
                (rows.collect(), of_dead(pre))
            });
            let blocks: Vec<(Rows<T>, Codes<T>)> = blocks.collect();
            let (rows, dead_codes): (Vec<_>, Vec<_>) = blocks.into_iter().unzip();
            let rows: Rows<T> = rows.into_iter().flatten().collect();
            if bound == T::ZERO || rows.iter().map(Vec::len).sum::<usize>() >= count {
                return Encoded {
                    codes: largest_of_batch(&rows, count, width),
                    auxiliary: auxiliary.map(|_| joined(width, dead_codes)),
                };
            }
            bound = T::ZERO;
        }
    }

    pub(super) fn check(&self, x: ArrayView2<'_, T>, what: &str, width: usize) -> Result<(), NetsError> {
        if x.ncols() != width {
            return Err(NetsError::Shape {
                what: what.into(),
                expected: format!("[examples, {width}]: the dictionary is of another layer or another network"),
                found: x.shape().to_vec(),
            });
        }
        if x.nrows() == 0 {
            return Err(NetsError::EmptyBatch { what: what.into() });
        }
        let finite = x.as_slice().is_some_and(|values| self.kernels.all_finite(values));
        if finite { Ok(()) } else { check_finite(what, x.slice(s![.., ..]).into_dyn()) }
    }
}

pub(super) fn joined<T: Real>(width: usize, blocks: impl IntoIterator<Item = Codes<T>>) -> Codes<T> {
    let mut codes = Codes::new(width);
    for block in blocks {
        codes.append(&block);
    }
    codes
}
