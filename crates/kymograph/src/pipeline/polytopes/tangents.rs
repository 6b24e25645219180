//! Is a trained network a linear function of its parameters about where it started? f(θ) beside f(θ₀) + J(θ₀)(θ − θ₀), and
//! beside J(θ₀) θ, which needs f(θ₀) and θ₀ to be near zero.

use kymograph_findings::{Finding, Null};
use kymograph_nets::{NetsError, Network, tangent};
use ndarray::{Array2, Axis};

use super::look::Look;
use crate::error::KymographError;

const IMAGES: usize = 300;
/// Those of a large network.
const FEWER: usize = 40;

pub(super) fn rows(look: &Look<'_>, start: &Network<f32>) -> Result<Vec<Finding>, KymographError> {
    let n = if look.small { IMAGES } else { FEWER }.min(look.probe.len());
    let x = look.probe.x.select(Axis(0), &(0..n).collect::<Vec<_>>());
    let mut moved = start.clone();
    let state = start.state_dict().into_iter().zip(look.network.state_dict());
    let apart: Vec<_> = state.map(|((name, from), (_, to))| (name, to - from)).collect();
    moved.load_state_dict(&apart)?;
    let taylor = match tangent(start, &moved, x.view()) {
        Ok(taylor) => taylor,
        // Running statistics are no parameters.
        Err(NetsError::NoCode { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let whole = tangent(start, look.network, x.view())?.derivative;
    let found = look.polytopes.outputs(x.view())?;
    let size = |a: &Array2<f64>| a.iter().map(|v| v * v).sum::<f64>().sqrt();
    let norm = |net: &Network<f32>| net.flat_parameters().iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    let change = size(&(&found - &taylor.outputs));
    let mut rows = Vec::new();
    for (form, predicted) in
        [("f0 + J (theta - theta0)", &taylor.outputs + &taylor.derivative), ("J theta", whole.clone())]
    {
        let mut row = look.row("linearisation_error", "all parameters", &[("form", form)]);
        row.n = Some(n);
        if change > 0.0 {
            row.value = Some(size(&(&found - &predicted)) / change);
            // The prediction that nothing changes is off by the whole change.
            row.nulls.push(Null::exact("f0", 1.0));
        } else {
            row.notes.push("not measured: the network has not moved".to_owned());
        }
        for (name, value) in [
            ("size_of_f0_over_f", size(&taylor.outputs) / size(&found).max(f64::MIN_POSITIVE)),
            ("size_of_theta0_over_theta", norm(start) / norm(look.network).max(f64::MIN_POSITIVE)),
            ("size_of_move_over_theta0", norm(&moved) / norm(start).max(f64::MIN_POSITIVE)),
        ] {
            row.parts.insert(name.to_owned(), vec![value]);
        }
        let answers = |outputs: &Array2<f64>| outputs.outer_iter().map(super::look::largest).collect::<Vec<_>>();
        let right = answers(&predicted).iter().zip(&look.probe.labels).filter(|(a, l)| **a as i64 == **l).count();
        row.parts.insert("accuracy".to_owned(), vec![right as f64 / n as f64]);
        rows.push(row);
    }
    Ok(rows)
}
