//! The representations of cyclic and dihedral groups: turns of the plane, and reflections.

use std::f64::consts::TAU;

use ndarray::{Array2, Array3};

use super::super::{Irrep, RealType};

pub(super) fn cyclic(n: usize) -> Result<Vec<Irrep>, String> {
    let mut found = vec![line("trivial", n, |_| 1.0)?];
    if n.is_multiple_of(2) {
        found.push(line("sign", n, alternating)?);
    }
    for k in 1..n.div_ceil(2) {
        let matrices = Array3::from_shape_fn((n, 2, 2), |(g, i, j)| turn(n, k * g)[i][j]);
        // The other two entries repeat these.
        let scale = (2.0 / n as f64).sqrt();
        let span = Array2::from_shape_fn((n, 2), |(g, column)| scale * matrices[[g, 0, column]]);
        found.push(Irrep::with_span(&format!("freq_{k}"), RealType::Complex, matrices, span));
    }
    Ok(found)
}

pub(super) fn dihedral(n: usize) -> Result<Vec<Irrep>, String> {
    let side = |g: usize| if g < n { 1.0 } else { -1.0 };
    let mut found = vec![line("trivial", 2 * n, |_| 1.0)?, line("sign", 2 * n, side)?];
    if n.is_multiple_of(2) {
        found.push(line(&format!("d{n}_1d_a"), 2 * n, |g| alternating(g % n))?);
        found.push(line(&format!("d{n}_1d_b"), 2 * n, |g| alternating(g % n) * side(g))?);
    }
    for k in 1..n.div_ceil(2) {
        let matrices = Array3::from_shape_fn((2 * n, 2, 2), |(g, i, j)| {
            turn(n, k * (g % n))[i][j] * if g >= n && j == 1 { -1.0 } else { 1.0 }
        });
        found.push(Irrep::of(&format!("freq_{k}"), RealType::Real, matrices).map_err(|error| error.to_string())?);
    }
    Ok(found)
}

fn alternating(g: usize) -> f64 {
    if g.is_multiple_of(2) { 1.0 } else { -1.0 }
}

fn line(name: &str, order: usize, value: impl Fn(usize) -> f64) -> Result<Irrep, String> {
    let matrices = Array3::from_shape_fn((order, 1, 1), |(g, _, _)| value(g));
    Irrep::of(name, RealType::Real, matrices).map_err(|error| error.to_string())
}

/// The turn by `steps` of `n` to the full circle.
fn turn(n: usize, steps: usize) -> [[f64; 2]; 2] {
    let (sin, cos) = (TAU * (steps % n) as f64 / n as f64).sin_cos();
    [[cos, -sin], [sin, cos]]
}
