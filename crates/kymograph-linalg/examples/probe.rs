//! Probe.
use kymograph_linalg::*;
use ndarray::Array2;
use std::time::Instant;
fn run<T: Real>(label: &str, m: usize, n: usize, k: usize) {
    let mut rng = random::stream(0, "bench");
    for form in ["NN", "TN", "NT", "TT"] {
        let a: Array2<T> = if &form[..1] == "N" { random::normal_matrix(&mut rng, m, k) } else { random::normal_matrix(&mut rng, k, m) };
        let b: Array2<T> = if &form[1..] == "N" { random::normal_matrix(&mut rng, k, n) } else { random::normal_matrix(&mut rng, n, k) };
        let av = if &form[..1] == "N" { a.view() } else { a.t() };
        let bv = if &form[1..] == "N" { b.view() } else { b.t() };
        let mut c = Array2::<T>::zeros((m, n));
        let flops = 2.0 * (m * n * k) as f64;
        let reps = ((2e8 / flops) as usize).clamp(1, 20000);
        let mut best = [f64::INFINITY; 4];
        for _ in 0..7 {
            for which in 0..4 {
                let t = Instant::now();
                for _ in 0..reps {
                    match which {
                        0 => matmul_into_by(Kernel::Faer, T::ONE, av, bv, T::ZERO, c.view_mut()),
                        1 => matmul_into_by(Kernel::Gemm, T::ONE, av, bv, T::ZERO, c.view_mut()),
                        2 => { let p = av.as_standard_layout(); matmul_into_by(Kernel::Faer, T::ONE, p.view(), bv, T::ZERO, c.view_mut()) }
                        _ => matmul_into(T::ONE, av, bv, T::ZERO, c.view_mut()),
                    }
                }
                best[which] = best[which].min(t.elapsed().as_secs_f64() / reps as f64);
            }
        }
        println!("{label} {m}x{n}x{k} {form}: faer {:6.1} gemm {:6.1} pack+faer {:6.1} | two threads {:6.1} GFLOP/s", flops / best[0] / 1e9, flops / best[1] / 1e9, flops / best[2] / 1e9, flops / best[3] / 1e9);
    }
}
fn main() {
    let shapes = [(8, 8, 8), (32, 32, 32), (64, 64, 64), (450, 120, 128), (7200, 120, 128), (128, 120, 7200), (128, 256, 784), (256, 784, 128), (128, 784, 256), (8192, 32, 288), (288, 32, 8192), (512, 512, 512), (1024, 1024, 1024), (1, 1024, 1024), (1024, 1, 1024), (64, 10, 512)];
    for &(m, n, k) in &shapes { run::<f32>("f32", m, n, k); }
    for &(m, n, k) in &[(64, 64, 64), (512, 512, 512), (128, 120, 7200)] { run::<f64>("f64", m, n, k); }
}
