//! Products of the shapes that the built-in studies meet, in their three forms, on one thread and on all.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use kymograph_linalg::{gram, matmul_into, matmul_into_sequential, random};
use ndarray::Array2;

/// Rows × columns × inner.
const SHAPES: [(usize, usize, usize); 8] = [
    (64, 64, 64),
    (128, 256, 784),
    (256, 784, 128),
    (7200, 120, 128),
    (128, 120, 7200),
    (8192, 32, 288),
    (512, 512, 512),
    (2048, 2048, 2048),
];

fn products(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("matmul f32");
    group.sample_size(10);
    for (m, n, k) in SHAPES {
        let mut rng = random::stream(0, "bench");
        let (a, at) =
            (random::normal_matrix::<f32, _>(&mut rng, m, k), random::normal_matrix::<f32, _>(&mut rng, k, m));
        let (b, bt) =
            (random::normal_matrix::<f32, _>(&mut rng, k, n), random::normal_matrix::<f32, _>(&mut rng, n, k));
        let mut c = Array2::zeros((m, n));
        group.throughput(Throughput::Elements(2 * (m * n * k) as u64));
        for (form, a, b) in [("nn", a.view(), b.view()), ("tn", at.t(), b.view()), ("nt", a.view(), bt.t())] {
            let shape = format!("{m}x{n}x{k}");
            group.bench_function(BenchmarkId::new(format!("{form} all threads"), &shape), |bench| {
                bench.iter(|| matmul_into(1.0, black_box(a), b, 0.0, c.view_mut()));
            });
            group.bench_function(BenchmarkId::new(format!("{form} one thread"), &shape), |bench| {
                bench.iter(|| matmul_into_sequential(1.0, black_box(a), b, 0.0, c.view_mut()));
            });
        }
    }
    group.finish();
}

fn symmetric(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gram f32");
    group.sample_size(10);
    for (rows, columns) in [(1024, 4096), (4096, 1024)] {
        let x = random::normal_matrix::<f32, _>(&mut random::stream(0, "bench"), rows, columns);
        group.bench_function(BenchmarkId::from_parameter(format!("{rows}x{columns}")), |bench| {
            bench.iter(|| gram(black_box(x.view())));
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    products(&mut criterion);
    symmetric(&mut criterion);
    criterion.final_summary();
}
