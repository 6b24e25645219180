//! The accumulator that is handed every step's weights and gradients.

mod counts;
mod kernel;
mod parts;
mod within;

use std::ops::Range;

use kymograph_linalg::{Wide, widest};
use rayon::prelude::*;

use super::options::MOST_THRESHOLDS;
use super::{DynamicsOptions, GradientError, Threshold};
use counts::Seen;
pub use counts::{Measured, SetCounts};
use kernel::{STRETCH, Scratch};
use parts::{Part, State};
use within::{SetLanes, Within};

/// Steps after which the running averages make a signal-to-noise ratio.
const AVERAGED: u64 = 10;

/// Whose numbers are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All parameters, gradients and their running averages.
    Total,
    /// One layer, counted from 0, without the running averages.
    Layer(usize),
}

/// The state of [`GradientDynamics`] as arrays of `f32` and whole numbers, each of which survives a file bit for bit.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedDynamics {
    /// Steps observed.
    pub steps: u64,
    /// Bits of each layer's sum of squared gradients.
    pub squares: Vec<u64>,
    /// Named arrays, one number a parameter each.
    pub arrays: Vec<(&'static str, Vec<f32>)>,
}

/// What do gradients near zero do from one step to the next, and what do weights do meanwhile?
///
/// After every optimisation step hand it all weights (as they are now) and the gradients that led there, as flat vectors
/// in one order. It keeps per layer and in total, for every threshold and both for the gradients and for their running
/// averages x̄ ← decay·x̄ + (1 − decay)·x: how many are near zero (exact zeros apart), released, retained, flipped; the
/// chance of a flip if minibatches were independent draws; the weights' change on the retained; minima and maxima by the
/// secant; and of all parameters the angle between neighbouring gradients, norms, and how long zeros last.
///
/// With g₁, g₂ the previous and present gradient, w₀, w₁, w₂ the weights before the previous, before and after the
/// present step: *zero before* |g₁| ≤ τ, *zero* |g₂| ≤ τ, *retained* both, *released* zero before and not retained,
/// *flipped* retained and of opposite sign. A pair needs two steps, so the first observation has no numbers of pairs.
/// The chance of a flip is 2Φ(s)(1 − Φ(s)) with s the signal-to-noise ratio, from the running mean and mean square and
/// corrected for the few steps they rest on; it is told from the eleventh step on.
///
/// Absolute thresholds count exact zeros as near zero, and a zero can never flip: published flip fractions over all
/// retained are mirror images of the share of exact zeros. Near .5 flips say that the gradient is noise, not that it
/// oscillates. Gradients shrink as training goes on and as batches grow: compare with the relative thresholds. Published minima use
/// the step taken *after* the second gradient was measured; hand over `same_minibatch` for the right ones.
///
/// Cost: one pass over memory, 24 bytes of state a parameter read and written and 8 bytes of input read. Sums of up to 512 terms
/// are in 32 bits and longer ones in 64, in an order that does not depend on the number of threads. Averages below 1e-18 are zero.
///
/// Source: optimization-insight (github ai-vis-theory/nn-0); the coin-flip null, exact zeros apart, relative thresholds,
/// persistence and the right secant are ours.
///
/// ```
/// use kymograph_measures::gradients::{DynamicsOptions, GradientDynamics, Scope};
/// let mut dynamics = GradientDynamics::new(&[("w".into(), 0..3)], DynamicsOptions::default())?;
/// dynamics.observe(&[1.0, 2.0, 3.0], &[1e-6, 0.0, 0.5], None)?;
/// dynamics.observe(&[1.0, 2.0, 2.9], &[-1e-6, 0.0, 0.4], None)?;
/// let set = &dynamics.measured(Scope::Total)?.raw[1];
/// assert_eq!((set.retained, set.nonzero, set.flipped), (2, 1, 1));
/// # Ok::<(), kymograph_measures::gradients::GradientError>(())
/// ```
#[derive(Clone, Debug)]
pub struct GradientDynamics {
    layers: Vec<(String, Range<usize>)>,
    options: DynamicsOptions,
    state: State,
    steps: u64,
    second: bool,
    poisoned: bool,
    measured: Vec<Measured>,
    total: Measured,
}

impl GradientDynamics {
    /// Follows a flat vector whose layers are named ranges of it, one after the other.
    ///
    /// # Errors
    /// [`GradientError::Threshold`] for a threshold that is not positive, [`GradientError::Option`], and
    /// [`GradientError::Layer`] for ranges with a gap.
    pub fn new(layers: &[(String, Range<usize>)], options: DynamicsOptions) -> Result<Self, GradientError> {
        options.check()?;
        let mut expected = 0;
        for (layer, Range { start, end }) in layers {
            if *start != expected || end <= start {
                let (layer, start, end) = (layer.clone(), *start, *end);
                return Err(GradientError::Layer { layer, start, end, expected });
            }
            expected = *end;
        }
        if layers.is_empty() {
            return Err(GradientError::NoLayers);
        }
        let empty = Measured::empty(&options);
        Ok(Self {
            layers: layers.to_vec(),
            state: State::zeros(expected),
            steps: 0,
            second: false,
            poisoned: false,
            measured: vec![empty.clone(); layers.len()],
            total: empty,
            options,
        })
    }

    /// Parameters followed.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.state.len()
    }

    /// The layers' names and ranges.
    #[must_use]
    pub fn layers(&self) -> &[(String, Range<usize>)] {
        &self.layers
    }

    /// Steps observed.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Takes a step in: all weights after it, the gradients that led there, and where there is one the gradient of the same
    /// minibatch at the new weights.
    ///
    /// # Errors
    /// [`GradientError::Length`]; [`GradientError::NotFinite`] with layer and place, after which
    /// [`GradientError::Poisoned`] answers every further step.
    pub fn observe(
        &mut self,
        weights: &[f32],
        gradients: &[f32],
        same_minibatch: Option<&[f32]>,
    ) -> Result<(), GradientError> {
        if self.poisoned {
            return Err(GradientError::Poisoned);
        }
        let expected = self.state.len();
        let given = [
            ("the weights", Some(weights)),
            ("the gradient", Some(gradients)),
            ("the second gradient", same_minibatch),
        ];
        for (what, values) in given {
            if let Some(found) = values.map(<[f32]>::len).filter(|found| *found != expected) {
                return Err(GradientError::Length { what, found, expected });
            }
        }
        if self.steps == 0 {
            self.state.begin(weights, gradients);
        }
        let thresholds = self.thresholds();
        let options = &self.options;
        let parts = self.state.parts(&self.layers, weights, gradients, same_minibatch);
        let found: Vec<(usize, Option<Measured>)> = parts
            .into_par_iter()
            .with_max_len(1)
            .map(|part| (part.layer, widest(Pass { part, thresholds: &thresholds, options })))
            .collect();
        if found.iter().any(|(_, measured)| measured.is_none()) {
            self.poisoned = true;
            return Err(self.first_not_finite(weights, gradients, same_minibatch));
        }
        let mut measured: Vec<Measured> = self.measured.iter().map(|_| Measured::empty(&self.options)).collect();
        for (layer, part) in &found {
            if let Some(part) = part {
                measured[*layer].add(part);
            }
        }
        let mut total = Measured::empty(&self.options);
        for (measured, before) in measured.iter_mut().zip(&self.measured) {
            measured.squares_before = before.squares;
            total.add(measured);
        }
        (self.measured, self.total) = (measured, total);
        self.steps += 1;
        self.second = same_minibatch.is_some();
        Ok(())
    }

    /// What the last step showed.
    ///
    /// # Errors
    /// [`GradientError::Option`] for a layer that is not there.
    pub fn measured(&self, scope: Scope) -> Result<&Measured, GradientError> {
        match scope {
            Scope::Total => Ok(&self.total),
            Scope::Layer(layer) => {
                let wanted = "below the number of layers";
                self.measured.get(layer).ok_or(GradientError::Option { option: "layer", value: layer as f64, wanted })
            }
        }
    }

    /// What the last step showed, as named numbers for a series: counts, fractions, means, degrees and norms. Names are
    /// `exact_zeros`, `angle`, …, and behind a threshold's name (`abs1e-5.`, `rel1e-2.`, of averages `ema.abs1e-5.`) `zero`,
    /// `released_fraction`, …
    ///
    /// # Errors
    /// As [`GradientDynamics::measured`].
    pub fn row(&self, scope: Scope) -> Result<Vec<(String, f64)>, GradientError> {
        let seen =
            Seen { steps: self.steps, pair: self.steps > 1, averaged: self.steps > AVERAGED, second: self.second };
        Ok(self.measured(scope)?.columns(&self.options, &seen, scope == Scope::Total))
    }

    /// The last step as JSON: `steps`, `parameters`, `total` and `layers`, each with the names of [`GradientDynamics::row`].
    ///
    /// # Errors
    /// Never in practice; as [`GradientDynamics::row`].
    pub fn to_json(&self) -> Result<String, GradientError> {
        // Names hold nothing but the caller's layer names, and numbers are finite.
        let quoted = |name: &str| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
        let object = |row: Vec<(String, f64)>| {
            let entries: Vec<String> = row.iter().map(|(name, value)| format!("{}:{value}", quoted(name))).collect();
            format!("{{{}}}", entries.join(","))
        };
        let mut layers = Vec::new();
        for (layer, (name, _)) in self.layers.iter().enumerate() {
            layers.push(format!("{}:{}", quoted(name), object(self.row(Scope::Layer(layer))?)));
        }
        Ok(format!(
            "{{\"steps\":{},\"parameters\":{},\"total\":{},\"layers\":{{{}}}}}",
            self.steps,
            self.parameters(),
            object(self.row(Scope::Total)?),
            layers.join(",")
        ))
    }

    /// The state, to go on from later; weights are not part of it, since whoever goes on has them.
    #[must_use]
    pub fn save(&self) -> SavedDynamics {
        let squares = self.measured.iter().map(|measured| measured.squares.to_bits()).collect();
        SavedDynamics { steps: self.steps, squares, arrays: self.state.save() }
    }

    /// Goes on from a saved state: from here the same steps give the same bits as without the interruption.
    ///
    /// # Errors
    /// [`GradientError::State`] when arrays are missing, of another length or not finite.
    pub fn load(&mut self, saved: &SavedDynamics, weights: &[f32]) -> Result<(), GradientError> {
        if saved.squares.len() != self.layers.len() {
            let detail = format!("has {} layers, and there are {}", saved.squares.len(), self.layers.len());
            return Err(GradientError::State { detail });
        }
        let state = State::load(self.state.len(), saved, weights)?;
        (self.state, self.steps, self.second, self.poisoned) = (state, saved.steps, false, false);
        self.total = Measured::empty(&self.options);
        for (measured, squares) in self.measured.iter_mut().zip(&saved.squares) {
            *measured = Measured { squares: f64::from_bits(*squares), ..Measured::empty(&self.options) };
        }
        Ok(())
    }

    /// Each layer's thresholds as sizes of gradients.
    fn thresholds(&self) -> Vec<Vec<f32>> {
        let of_layer = |(layer, (_, range)): (usize, &(String, Range<usize>))| {
            let rms = (self.measured[layer].squares / range.len() as f64).sqrt();
            let size = |threshold: &Threshold| match threshold {
                Threshold::Absolute(size) => *size,
                Threshold::Relative(share) => (f64::from(*share) * rms).min(f64::from(f32::MAX)) as f32,
            };
            self.options.thresholds.iter().map(size).collect()
        };
        self.layers.iter().enumerate().map(of_layer).collect()
    }

    fn first_not_finite(&self, weights: &[f32], gradients: &[f32], second: Option<&[f32]>) -> GradientError {
        let given = [("the weight", Some(weights)), ("the gradient", Some(gradients)), ("the second gradient", second)];
        for (what, values) in given {
            let values = values.unwrap_or_default();
            if let Some(at) = values.iter().position(|value| !kernel::all_usable(&[*value])) {
                let layer = self.layers.iter().find(|(_, range)| range.contains(&at));
                let (name, start) = layer.map_or((String::new(), 0), |(name, range)| (name.clone(), range.start));
                return GradientError::NotFinite { what, layer: name, index: at - start, value: values[at] };
            }
        }
        GradientError::Poisoned
    }
}

/// A look at one part of a layer; `None` where something is no usable number.
struct Pass<'a> {
    part: Part<'a>,
    thresholds: &'a [Vec<f32>],
    options: &'a DynamicsOptions,
}

impl Wide for Pass<'_> {
    type Output = Option<Measured>;

    #[inline(always)]
    fn run(self) -> Option<Measured> {
        let Self { part, thresholds, options } = self;
        let mut out = Measured { parameters: part.g.len() as u64, ..Measured::empty(options) };
        let Part { layer, g, w, second, old_g, old_w, mean_g, mean_w, squares, history } = part;
        let thresholds = &thresholds[layer];
        if !(kernel::all_usable(g) && kernel::all_usable(w) && second.is_none_or(kernel::all_usable)) {
            return None;
        }
        let mut s = Scratch::new();
        let mut all = SetLanes::default();
        let mut raw = [Within::default(); MOST_THRESHOLDS];
        let mut averaged = raw;
        for start in (0..g.len()).step_by(STRETCH) {
            let at = start..(start + STRETCH).min(g.len());
            let (g, w, second) = (&g[at.clone()], &w[at.clone()], second.map(|second| &second[at.clone()]));
            let (old_g, old_w) = (&mut old_g[at.clone()], &mut old_w[at.clone()]);
            let (mean_g, mean_w) = (&mut mean_g[at.clone()], &mut mean_w[at.clone()]);
            let (squares, history) = (&mut squares[at.clone()], &mut history[at]);
            s.end_at(g.len());
            kernel::products(old_g, g, old_w, w, &mut all);
            kernel::true_secants(&mut s, g, w, old_w, second);
            kernel::compare(&mut s, g, w, old_g, old_w, history, thresholds[options.persistence]);
            kernel::chances(&mut s, g, mean_g, squares, options.decay);
            kernel::all_parameters(&s, history, &options.lags, &mut out, &mut all);
            for (threshold, set) in thresholds.iter().zip(&mut raw) {
                set.add(&s, *threshold);
            }
            out.exact_zero_averages += kernel::average(&mut s, g, w, mean_g, mean_w, options.decay);
            for (threshold, set) in thresholds.iter().zip(&mut averaged) {
                set.add(&s, *threshold);
            }
        }
        kernel::finish_all(&all, &mut out);
        out.raw.iter_mut().zip(&raw).for_each(|(set, lanes)| lanes.finish(set));
        out.averaged.iter_mut().zip(&averaged).for_each(|(set, lanes)| lanes.finish(set));
        Some(out)
    }
}
