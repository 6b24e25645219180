//! Solution of a symmetric positive definite system, by blocks so that most of the work is matrix products.

use kymograph_linalg::matmul_into;
use ndarray::{Array2, ArrayViewMut2, s};

/// Columns eliminated at once.
const BLOCK: usize = 64;
/// Columns of the remainder updated at once; what lies above the diagonal outside its band is not computed.
const BAND: usize = 256;

/// `a⁻¹·b` for a symmetric positive definite `a`, of which only the lower half is read; `None` when it is not positive
/// definite to working precision.
pub(super) fn solve(a: Array2<f64>, b: Array2<f64>) -> Option<Array2<f64>> {
    let (n, targets) = b.dim();
    // With bᵀ as further rows below a, the elimination solves for the lower triangle on its way.
    let mut work = Array2::zeros((n + targets, n));
    work.slice_mut(s![..n, ..]).assign(&a);
    work.slice_mut(s![n.., ..]).assign(&b.t());
    for start in (0..n).step_by(BLOCK) {
        let end = (start + BLOCK).min(n);
        factor(&mut work.slice_mut(s![start..end, start..end]))?;
        let corner = work.slice(s![start..end, start..end]).to_owned();
        // Each row of the panel solves row · cornerᵀ = row.
        for mut row in work.slice_mut(s![end.., start..end]).outer_iter_mut() {
            for (j, pivots) in corner.outer_iter().enumerate() {
                let sum = row.slice(s![..j]).dot(&pivots.slice(s![..j]));
                row[j] = (row[j] - sum) / pivots[j];
            }
        }
        let panel = work.slice(s![end.., start..end]).to_owned();
        for band in (end..n).step_by(BAND) {
            let stop = (band + BAND).min(n);
            let (rows, columns) = (panel.slice(s![band - end.., ..]), panel.slice(s![band - end..stop - end, ..]));
            matmul_into(-1.0, rows, columns.t(), 1.0, work.slice_mut(s![band.., band..stop]));
        }
    }
    let mut x = work.slice(s![n.., ..]).t().to_owned();
    for start in (0..n).step_by(BLOCK).rev() {
        let end = (start + BLOCK).min(n);
        for i in (start..end).rev() {
            let pivot = work[[i, i]];
            x.row_mut(i).mapv_inplace(|value| value / pivot);
            for k in start..i {
                let (mut above, row) = x.multi_slice_mut((s![k, ..], s![i, ..]));
                above.scaled_add(-work[[i, k]], &row);
            }
        }
        let (above, block) = x.multi_slice_mut((s![..start, ..], s![start..end, ..]));
        matmul_into(-1.0, work.slice(s![start..end, ..start]).t(), block.view(), 1.0, above);
    }
    Some(x)
}

fn factor(a: &mut ArrayViewMut2<'_, f64>) -> Option<()> {
    for j in 0..a.nrows() {
        let sum: f64 = (0..j).map(|k| a[[j, k]] * a[[j, k]]).sum();
        let pivot = a[[j, j]] - sum;
        if !(pivot > 0.0 && pivot.is_finite()) {
            return None;
        }
        a[[j, j]] = pivot.sqrt();
        for i in j + 1..a.nrows() {
            let sum: f64 = (0..j).map(|k| a[[i, k]] * a[[j, k]]).sum();
            a[[i, j]] = (a[[i, j]] - sum) / a[[j, j]];
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kymograph_linalg::{matmul, matmul_nt, random, tolerance};

    #[test]
    fn solves_systems_of_every_block_shape() {
        let mut rng = random::stream(1, "test");
        for n in [1, 2, 63, 64, 65, 130, 200] {
            let root: Array2<f64> = random::normal_matrix(&mut rng, n, n + 5);
            let a = matmul_nt(root.view(), root.view()) + Array2::<f64>::eye(n) * n as f64;
            let x: Array2<f64> = random::normal_matrix(&mut rng, n, 3);
            let b = matmul(a.view(), x.view());
            let found = solve(a, b).unwrap();
            let far = tolerance::largest_difference(found.view(), x.view());
            assert!(far < 1e-15 * 100.0 * n as f64, "{n}: {far}");
        }
    }

    #[test]
    fn refuses_what_is_not_positive_definite() {
        assert!(solve(ndarray::array![[1.0, 2.0], [2.0, 1.0]], Array2::zeros((2, 1))).is_none());
        assert!(solve(Array2::zeros((3, 3)), Array2::zeros((3, 1))).is_none());
    }
}
