//! Forward and backward through sparse codes: every product is taken entry by entry.

use kymograph_linalg::{Real, Wide, parallel, widest};
use rayon::prelude::*;

use super::codes::{ByLatent, Codes};
use super::model::Dictionary;
use super::step::{Batch, Found, Slopes, Space};
use super::vectors::{add_scaled, dot, squares};

/// Examples of one piece of the way forward. A constant, so that bits do not depend on threads.
const ROWS: usize = 64;
/// Latents of one piece of the way back.
const LATENTS: usize = 32;

impl<T: Real> Dictionary<T> {
    /// Loss and gradients of codes that were chosen before. `penalty` is what an entry of the codes costs.
    pub(super) fn sparse(
        &self,
        batch: &Batch<'_, T>,
        codes: &Codes<T>,
        auxiliary: Option<&Codes<T>>,
        penalty: f64,
        slopes: Slopes<'_, T>,
        space: &mut Space<T>,
    ) -> Found {
        let (examples, width) = (batch.examples(), self.spec.outputs);
        let prefixes = self.spec.prefixes();
        // A slope of the output for each prefix, and one for what the dead latents leave over.
        let layers = prefixes.len() + usize::from(auxiliary.is_some());
        space.errors.resize(examples * layers * width, T::ZERO);
        let rows = parallel::blocks(examples, ROWS);
        let targets = batch.targets.as_slice().unwrap_or_default();
        let forward: Vec<Forward<T>> = space.errors[..examples * layers * width]
            .par_chunks_mut(ROWS * layers * width)
            .zip(&rows)
            .map(|(errors, range)| {
                widest(Ahead {
                    dictionary: self,
                    targets,
                    examples,
                    codes,
                    auxiliary,
                    first: range.start,
                    layers,
                    errors,
                })
            })
            .collect();
        let errors = &space.errors[..examples * layers * width];
        let (mut found, mut through, mut through_dead) = (Found::default(), Vec::new(), Vec::new());
        let mut bias = vec![T::ZERO; width];
        for part in forward {
            found.error += part.error;
            found.loss += part.loss;
            through.extend(part.through);
            through_dead.extend(part.through_dead);
            add_scaled(&mut bias, T::ONE, &part.bias);
        }
        if let Some(output) = slopes.output_bias {
            output.copy_from_slice(&bias);
        }
        found.active = codes.latents.len();
        found.l1 = codes.values.iter().map(|v| v.to_f64()).sum();
        found.loss += penalty * found.l1;
        let by_latent = ByLatent::of(codes);
        let by_dead = auxiliary.map(ByLatent::of);
        found.used = by_latent.starts.windows(2).map(|pair| pair[1] > pair[0]).collect();
        let inputs = batch.inputs.as_slice().unwrap_or_default();
        let back = |first: usize, decoder: &mut [T], encoder: Option<&mut [T]>, bias: &mut [T]| {
            let mut entries = vec![Entries {
                codes,
                by_latent: &by_latent,
                through: &through,
                penalty: T::from_f64(penalty),
                layer: None,
            }];
            if let (Some(codes), Some(by_latent)) = (auxiliary, &by_dead) {
                let layer = Some(prefixes.len());
                entries.push(Entries { codes, by_latent, through: &through_dead, penalty: T::ZERO, layer });
            }
            let inputs = (inputs, self.spec.inputs);
            widest(Back { entries, prefixes, errors, layers, width, inputs, first, decoder, encoder, bias });
        };
        let decoders = slopes.decoder.par_chunks_mut(LATENTS * width);
        let biases = slopes.bias.par_chunks_mut(LATENTS);
        match slopes.encoder {
            Some(encoder) => decoders
                .zip(biases)
                .zip(encoder.par_chunks_mut(LATENTS * self.spec.inputs))
                .enumerate()
                .for_each(|(at, ((decoder, bias), encoder))| back(at * LATENTS, decoder, Some(encoder), bias)),
            None => decoders
                .zip(biases)
                .enumerate()
                .for_each(|(at, (decoder, bias))| back(at * LATENTS, decoder, None, bias)),
        }
        found
    }
}

/// What some examples gave.
struct Forward<T> {
    error: f64,
    loss: f64,
    /// The slope of every entry of the codes.
    through: Vec<T>,
    through_dead: Vec<T>,
    /// The summed slopes of the output.
    bias: Vec<T>,
}

/// Outputs, errors and their slopes, and the slopes of the codes, for some examples.
struct Ahead<'a, T> {
    dictionary: &'a Dictionary<T>,
    /// example × output, of the whole batch.
    targets: &'a [T],
    examples: usize,
    codes: &'a Codes<T>,
    auxiliary: Option<&'a Codes<T>>,
    first: usize,
    layers: usize,
    /// example × layer × output: what comes out are slopes.
    errors: &'a mut [T],
}

impl<T: Real> Wide for Ahead<'_, T> {
    type Output = Forward<T>;

    #[inline(always)]
    fn run(mut self) -> Forward<T> {
        let spec = &self.dictionary.spec;
        let (width, prefixes) = (spec.outputs, spec.prefixes());
        let (scale, _) = spec.scales(self.examples);
        let decoder = self.dictionary.values("W_dec");
        let output_bias = self.dictionary.values("b_dec");
        let targets = self.targets;
        let mut part = Forward {
            error: 0.0,
            loss: 0.0,
            through: Vec::new(),
            through_dead: Vec::new(),
            bias: vec![T::ZERO; width],
        };
        let mut out = vec![T::ZERO; width];
        let mut left = vec![T::ZERO; width];
        for (at, errors) in std::mem::take(&mut self.errors).chunks_exact_mut(self.layers * width).enumerate() {
            let example = self.first + at;
            let target = &targets[example * width..(example + 1) * width];
            let (latents, values) = self.codes.row(example);
            if output_bias.is_empty() {
                out.fill(T::ZERO);
            } else {
                out.copy_from_slice(output_bias);
            }
            let mut next = 0;
            for (layer, &end) in prefixes.iter().enumerate() {
                while next < latents.len() && (latents[next] as usize) < end {
                    let row = latents[next] as usize * width;
                    add_scaled(&mut out, values[next], &decoder[row..row + width]);
                    next += 1;
                }
                let errors = &mut errors[layer * width..(layer + 1) * width];
                for ((error, &out), &target) in errors.iter_mut().zip(&out).zip(target) {
                    *error = out - target;
                }
                let squared = squares(errors);
                part.loss += scale * squared;
                if layer + 1 == prefixes.len() {
                    part.error += squared;
                    left.copy_from_slice(errors);
                }
                errors.iter_mut().for_each(|error| *error *= T::from_f64(2.0 * scale));
            }
            // A latent acts on its own prefix and on all longer ones.
            for layer in (1..prefixes.len()).rev() {
                let (shorter, longer) = errors.split_at_mut(layer * width);
                add_scaled(&mut shorter[(layer - 1) * width..], T::ONE, &longer[..width]);
            }
            add_scaled(&mut part.bias, T::ONE, &errors[..width]);
            let mut layer = 0;
            for &latent in latents {
                while latent as usize >= prefixes[layer] {
                    layer += 1;
                }
                let row = latent as usize * width;
                part.through.push(dot(&errors[layer * width..(layer + 1) * width], &decoder[row..row + width]));
            }
            if let (Some(codes), Some(auxiliary)) = (self.auxiliary, &spec.auxiliary) {
                let (latents, values) = codes.row(example);
                let errors = &mut errors[prefixes.len() * width..];
                // Dead latents rebuild what the others left over, which is the error with the other sign.
                errors.copy_from_slice(&left);
                for (&latent, &value) in latents.iter().zip(values) {
                    let row = latent as usize * width;
                    add_scaled(errors, value, &decoder[row..row + width]);
                }
                let weight = scale * auxiliary.weight;
                part.loss += weight * squares(errors);
                errors.iter_mut().for_each(|error| *error *= T::from_f64(2.0 * weight));
                for &latent in latents {
                    let row = latent as usize * width;
                    part.through_dead.push(dot(errors, &decoder[row..row + width]));
                }
            }
        }
        part
    }
}

/// Entries of codes by latent, with the slope of each.
struct Entries<'a, T> {
    codes: &'a Codes<T>,
    by_latent: &'a ByLatent,
    through: &'a [T],
    penalty: T,
    /// Whose slopes of the output count; the latent's own prefix where none is named.
    layer: Option<usize>,
}

/// The gradients of some latents: sums over the examples that use them, in order.
struct Back<'a, T> {
    entries: Vec<Entries<'a, T>>,
    prefixes: &'a [usize],
    errors: &'a [T],
    layers: usize,
    width: usize,
    inputs: (&'a [T], usize),
    first: usize,
    decoder: &'a mut [T],
    encoder: Option<&'a mut [T]>,
    bias: &'a mut [T],
}

impl<T: Real> Wide for Back<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let (inputs, input_width) = self.inputs;
        for at in 0..self.bias.len() {
            let latent = self.first + at;
            for entries in &self.entries {
                let layer = entries.layer.unwrap_or_else(|| self.prefixes.partition_point(|end| *end <= latent));
                for slot in entries.by_latent.starts[latent]..entries.by_latent.starts[latent + 1] {
                    let (place, example) =
                        (entries.by_latent.places[slot] as usize, entries.by_latent.examples[slot] as usize);
                    let error = (example * self.layers + layer) * self.width;
                    let row = &mut self.decoder[at * self.width..(at + 1) * self.width];
                    add_scaled(row, entries.codes.values[place], &self.errors[error..error + self.width]);
                    let slope = entries.through[place] + entries.penalty;
                    let input = &inputs[example * input_width..(example + 1) * input_width];
                    match &mut self.encoder {
                        Some(encoder) => {
                            add_scaled(&mut encoder[at * input_width..(at + 1) * input_width], slope, input);
                        }
                        None => add_scaled(&mut self.decoder[at * self.width..(at + 1) * self.width], slope, input),
                    }
                    self.bias[at] += slope;
                }
            }
        }
    }
}
