//! How far is a trained network from its linearisation about where it started?

use kymograph_linalg::{Real, parallel};
use ndarray::{Array2, ArrayView2, Axis, Slice};

use super::rows::{Rows, affine};
use super::step::{Gate, GateKind, Step};
use super::{BLOCK, Polytopes};
use crate::error::NetsError;
use crate::network::Network;

/// Outputs, and how they change as the parameters move.
#[derive(Clone, Debug, PartialEq)]
pub struct Tangent {
    /// f(θ), `[sample, output]`.
    pub outputs: Array2<f64>,
    /// J(θ) v, `[sample, output]`: the derivative of the outputs with respect to all parameters, applied to a direction.
    pub derivative: Array2<f64>,
}

/// The outputs f(θ) of a network and their derivative J(θ) v along a direction v of its parameters, so that
/// `f(θ) + J(θ)(θ′ − θ)` can be laid beside f(θ′). The direction comes as a network of the same layers whose parameters are v.
///
/// Forward, layer by layer, exact in f64; ReLU, |x| and max-pooling have the derivative of the side they are on.
/// Points are `[sample, feature]` in PyTorch's order.
///
/// # Errors
/// As [`Polytopes::new`] and [`Polytopes::outputs`]; a direction of other layers; batch normalisation, whose running
/// statistics are no parameters.
pub fn tangent<T: Real>(
    network: &Network<T>,
    direction: &Network<T>,
    x: ArrayView2<'_, f64>,
) -> Result<Tangent, NetsError> {
    if network.spec().layers != direction.spec().layers || network.spec().input != direction.spec().input {
        return Err(NetsError::OtherNetwork {
            expected: network.parameter_count(),
            found: direction.parameter_count(),
        });
    }
    let (at, along) = (Polytopes::new(network, "input")?, Polytopes::new(direction, "input")?);
    at.check(x)?;
    if let Some(place) = at.steps.iter().position(|step| matches!(step, Step::Scale { .. })) {
        return Err(NetsError::NoCode {
            layer: network.labels[place].clone(),
            kind: "batch normalisation, whose running statistics are no parameters".into(),
            remedy: "linearise a network without it".into(),
        });
    }
    let blocks = parallel::map_blocks(x.nrows(), BLOCK, |range| {
        let values = at.inward(x.slice_axis(Axis(0), Slice::from(range)));
        let mut slopes = Rows { values: Array2::zeros(values.dim()), group: 1, constant: false };
        let mut rows = Rows::points(values);
        let mut kept: [Vec<Option<Array2<f64>>>; 2] = [vec![None; at.steps.len()], vec![None; at.steps.len()]];
        for (place, (step, moved)) in at.steps.iter().zip(&along.steps).enumerate() {
            if at.read_again[place] {
                kept[0][place] = Some(rows.values.clone());
                kept[1][place] = Some(slopes.values.clone());
            }
            match step {
                Step::Gate(gate) => {
                    slopes.values = through(gate, &rows.values, &slopes.values);
                    let state = gate.state(&rows.values);
                    rows = gate.apply(&state, rows, |sample| sample);
                }
                Step::Linear { .. } | Step::Conv(_) => {
                    // (W + εV)(h + εs) + b + εc, to first order in ε: V h + c joins W s.
                    let parameters = affine(moved, rows.clone(), &[]);
                    slopes = affine(step, slopes, &kept[1]);
                    slopes.values += &parameters.values;
                    rows = affine(step, rows, &kept[0]);
                }
                Step::Shift(_) => {
                    let moved = affine(moved, Rows::points(Array2::zeros(rows.values.dim())), &[]);
                    slopes.values += &moved.values;
                    rows = affine(step, rows, &kept[0]);
                }
                _ => {
                    slopes = affine(step, slopes, &kept[1]);
                    rows = affine(step, rows, &kept[0]);
                }
            }
        }
        (at.outward(rows.values), at.outward(slopes.values))
    });
    let (outputs, derivative): (Vec<_>, Vec<_>) = blocks.into_iter().unzip();
    let joined = |parts: &[Array2<f64>]| {
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        ndarray::concatenate(Axis(0), &views).unwrap_or_default()
    };
    Ok(Tangent { outputs: joined(&outputs), derivative: joined(&derivative) })
}

/// Slopes through a layer with a code, whose inputs are `x`.
fn through(gate: &Gate, x: &Array2<f64>, slopes: &Array2<f64>) -> Array2<f64> {
    let state = gate.state(x);
    let rows = Rows { values: slopes.clone(), group: 1, constant: false };
    match &gate.kind {
        GateKind::Relu | GateKind::Abs | GateKind::Pool(_) => gate.apply(&state, rows, |sample| sample).values,
        kind => {
            let mut out = slopes.clone();
            for ((x, mut out), slopes) in x.outer_iter().zip(out.outer_iter_mut()).zip(slopes.outer_iter()) {
                let (Some(x), Some(out), Some(slopes)) = (x.to_slice(), out.as_slice_mut(), slopes.to_slice()) else {
                    continue;
                };
                let mut y = vec![0.0; x.len()];
                let mut derivative = vec![0.0; x.len()];
                match kind {
                    GateKind::Gelu(form) => crate::layers::gelu(*form, x, &mut derivative, &mut y),
                    GateKind::Silu => crate::layers::silu(x, &mut derivative, &mut y),
                    GateKind::Softmax(features) => {
                        crate::layers::softmax(*features, x, &mut y);
                        crate::layers::softmax_gradient(*features, &y, out);
                        continue;
                    }
                    _ => {
                        kind.elements(x, &mut y);
                        // tanh is 2σ(2x) − 1.
                        let factor = if matches!(kind, GateKind::Tanh) { 4.0 } else { 1.0 };
                        derivative.iter_mut().zip(&y).for_each(|(d, q)| *d = factor * q * (1.0 - q));
                    }
                }
                out.iter_mut().zip(slopes).zip(&derivative).for_each(|((out, s), d)| *out = s * d);
            }
            out
        }
    }
}
