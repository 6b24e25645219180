//! What layouts show where the truth is known, and that threads do not change them.

use kymograph_linalg::random;
use kymograph_measures::clusters::{KMeansSilhouetteOptions, kmeans_silhouette};
use kymograph_measures::embeddings::{
    TsneMethod, TsneOptions, UmapOptions, knn_label_purity, knn_preservation, pca, start_from, tsne, umap,
};
use ndarray::{Array1, Array2, ArrayView2};

const ROWS: usize = 180;
const GROUPS: usize = 6;

fn noise(seed: u64) -> Array2<f64> {
    random::normal_matrix(&mut random::stream(seed, "test"), ROWS, 8)
}

/// Groups whose centres lie twenty standard deviations apart.
fn blobs(seed: u64) -> (Array2<f64>, Array1<i64>) {
    let labels = Array1::from_shape_fn(ROWS, |row| (row % GROUPS) as i64);
    let mut x = noise(seed);
    for (mut row, label) in x.outer_iter_mut().zip(&labels) {
        row[*label as usize] += 20.0;
    }
    (x, labels)
}

fn brief(method: TsneMethod) -> TsneOptions<'static> {
    TsneOptions { perplexity: 12.0, early_iterations: 120, iterations: 180, method, ..Default::default() }
}

/// Every way of laying out.
fn layouts(x: ArrayView2<'_, f64>) -> Vec<(&'static str, Array2<f64>)> {
    let by_tsne = |method| tsne(x, &brief(method)).expect("a layout").embedding;
    let epochs = UmapOptions { epochs: Some(200), ..Default::default() };
    vec![
        ("tsne, exact", by_tsne(TsneMethod::Exact)),
        ("tsne, near", by_tsne(TsneMethod::Near)),
        ("tsne, interpolated", by_tsne(TsneMethod::Interpolated)),
        ("umap", umap(x, &epochs).expect("a layout").embedding),
    ]
}

/// How much a layout looks like groups, whoever draws them.
fn grouped(embedding: ArrayView2<'_, f64>) -> f64 {
    let options = KMeansSilhouetteOptions { k: GROUPS, seeds: 2, ..Default::default() };
    kmeans_silhouette(embedding, &options).expect("a number").value
}

/// Statement: groups twenty standard deviations apart stay pure to the last neighbour and make the layout fall into groups
/// (silhouette above .7); noise makes it fall into none (below .5, where a disc cut into six has about .35).
#[test]
fn groups_stay_apart_and_noise_is_not_grouped() {
    for seed in 0..2 {
        let (x, labels) = blobs(seed);
        for (name, embedding) in layouts(x.view()) {
            let purity = knn_label_purity(embedding.view(), labels.view(), 10).expect("a number").value;
            assert_eq!(purity, 1.0, "{name}, seed {seed}");
            let found = grouped(embedding.view());
            assert!(found > 0.7, "{name}, seed {seed}: {found}");
        }
        for (name, embedding) in layouts(noise(seed).view()) {
            let found = grouped(embedding.view());
            assert!(found < 0.5, "{name}, seed {seed}: {found}");
        }
    }
}

#[test]
fn neighbours_survive_better_than_in_the_first_two_components() {
    let (x, _) = blobs(3);
    let plane = pca(x.view(), 2).expect("components").scores;
    let kept = |y: &Array2<f64>| knn_preservation(x.view(), y.view(), 10).expect("a number").value;
    for (name, embedding) in layouts(x.view()) {
        assert!(kept(&embedding) > kept(&plane) + 0.02, "{name}: {} {}", kept(&embedding), kept(&plane));
    }
}

#[test]
fn the_grid_ends_where_the_sum_over_all_pairs_does() {
    let x = noise(4);
    let exact = tsne(x.view(), &brief(TsneMethod::Exact)).expect("a layout");
    let grid = tsne(x.view(), &brief(TsneMethod::Interpolated)).expect("a layout");
    assert_eq!((exact.method, grid.method), (TsneMethod::Exact, TsneMethod::Interpolated));
    // Affinities stop at three perplexities of neighbours there, which by itself lowers what can be reached.
    assert!(
        (grid.kl_divergence / exact.kl_divergence - 1.0).abs() < 0.15,
        "{} {}",
        grid.kl_divergence,
        exact.kl_divergence
    );
    let near = tsne(x.view(), &brief(TsneMethod::Near)).expect("a layout");
    assert!(
        (grid.kl_divergence / near.kl_divergence - 1.0).abs() < 0.05,
        "{} {}",
        grid.kl_divergence,
        near.kl_divergence
    );
    let auto = tsne(x.view(), &brief(TsneMethod::Auto)).expect("a layout");
    assert_eq!(auto, exact, "few rows are summed exactly");
}

#[test]
fn the_same_bits_for_any_number_of_threads_and_others_for_another_seed() {
    let (x, _) = blobs(5);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            let mut options = brief(TsneMethod::Exact);
            (options.early_iterations, options.iterations) = (20, 30);
            let exact = tsne(x.view(), &options).expect("a layout");
            options.method = TsneMethod::Near;
            let near = tsne(x.view(), &options).expect("a layout");
            options.method = TsneMethod::Interpolated;
            let grid = tsne(x.mapv(|value| value as f32).view(), &options).expect("a layout");
            let epochs = UmapOptions { epochs: Some(20), ..Default::default() };
            (exact, near, grid, umap(x.view(), &epochs).expect("a layout"))
        })
    };
    let one = run(1);
    for threads in [2, 3, 1] {
        assert!(one == run(threads), "{threads} threads");
    }
    let seeded = UmapOptions { epochs: Some(20), seed: 1, ..Default::default() };
    assert!(umap(x.view(), &seeded).expect("a layout") != one.3);
}

/// A layout started from the one before lies as that one does; without, the axes may be turned or exchanged.
#[test]
fn layouts_can_be_aligned_from_step_to_step() {
    let (x, _) = blobs(6);
    let first = tsne(x.view(), &brief(TsneMethod::Exact)).expect("a layout").embedding;
    let moved = &x + &(noise(7) * 0.3);
    let start = start_from(first.view(), 1e-4);
    let deviation = (start.column(0).mapv(|value| value * value).sum() / ROWS as f64).sqrt();
    assert!((deviation - 1e-4).abs() < 1e-12);
    let options = TsneOptions { initial: Some(start.view()), ..brief(TsneMethod::Exact) };
    let aligned = tsne(moved.view(), &options).expect("a layout").embedding;
    for axis in 0..2 {
        let (a, b) = (first.column(axis), aligned.column(axis));
        let cosine = a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt();
        assert!(cosine > 0.9, "axis {axis}: {cosine}");
    }
    let initial =
        UmapOptions { initial: Some(first.view()), epochs: Some(1), learning_rate: 1e-6, ..Default::default() };
    let near = umap(x.view(), &initial).expect("a layout").embedding;
    assert!(near.iter().zip(&first).all(|(a, b)| (a - b).abs() < 1e-2), "the start is used as it is");
}
