//! Jacobi rotations in f64: slow factorisations that always converge, used when the fast ones do not.

use ndarray::{Array2, ArrayViewMut1, Axis, s};

/// Rotations usually end within ten sweeps; quadratic convergence makes forty unreachable short of overflow.
const SWEEPS: usize = 40;

/// Turns the columns of `a` (rows ≥ columns) orthogonal in place and applies the same rotations to the columns of `v`:
/// one-sided Jacobi (Hestenes 1958; Demmel and Veselić 1992, 10.1137/0613074). Columns no longer than `floor` are
/// rounding and are left alone. Says whether it converged.
pub(super) fn orthogonalise(a: &mut Array2<f64>, v: &mut Array2<f64>, floor: f64) -> bool {
    let n = a.ncols();
    let tolerance = f64::EPSILON * (a.nrows() as f64).sqrt();
    for _ in 0..SWEEPS {
        let mut rotated = false;
        for p in 0..n {
            for q in p + 1..n {
                let (x, y) = (a.column(p), a.column(q));
                let (alpha, beta, gamma) = (x.dot(&x), y.dot(&y), x.dot(&y));
                if alpha.min(beta).sqrt() <= floor || gamma.abs() <= tolerance * (alpha * beta).sqrt() {
                    continue;
                }
                rotated = true;
                let (c, s) = rotation((beta - alpha) / (2.0 * gamma));
                rotate(a, p, q, c, s);
                rotate(v, p, q, c, s);
            }
        }
        if !rotated {
            return true;
        }
    }
    false
}

/// Makes the symmetric `a` diagonal in place and turns `v` (identity at first) into its eigenvectors, by cyclic Jacobi
/// (Golub and Van Loan, Matrix Computations, 8.5). Says whether it converged.
pub(super) fn diagonalise(a: &mut Array2<f64>, v: &mut Array2<f64>) -> bool {
    let n = a.nrows();
    let norm = a.iter().map(|x| x * x).sum::<f64>().sqrt();
    for _ in 0..SWEEPS {
        let mut off = 0.0;
        for p in 0..n {
            for q in p + 1..n {
                off += a[[p, q]] * a[[p, q]];
            }
        }
        if off.sqrt() <= f64::EPSILON * norm {
            return true;
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[[p, q]] == 0.0 {
                    continue;
                }
                let (c, s) = rotation((a[[q, q]] - a[[p, p]]) / (2.0 * a[[p, q]]));
                rotate(a, p, q, c, s);
                let (upper, lower) = a.view_mut().split_at(Axis(0), q);
                turn(upper.slice_move(s![p, ..]), lower.slice_move(s![0, ..]), c, s);
                (a[[p, q]], a[[q, p]]) = (0.0, 0.0);
                rotate(v, p, q, c, s);
            }
        }
    }
    false
}

/// Cosine and sine of the smaller angle whose rotation clears the entry with this ζ.
fn rotation(zeta: f64) -> (f64, f64) {
    let t = if zeta.abs() > 1e150 { 0.5 / zeta } else { zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt()) };
    let c = 1.0 / (1.0 + t * t).sqrt();
    (c, c * t)
}

/// Columns p and q become c·p − s·q and s·p + c·q.
fn rotate(a: &mut Array2<f64>, p: usize, q: usize, c: f64, s: f64) {
    let (left, right) = a.view_mut().split_at(Axis(1), q);
    turn(left.slice_move(s![.., p]), right.slice_move(s![.., 0]), c, s);
}

fn turn(mut x: ArrayViewMut1<'_, f64>, mut y: ArrayViewMut1<'_, f64>, c: f64, s: f64) {
    for (x, y) in x.iter_mut().zip(y.iter_mut()) {
        (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
    }
}
