//! Rows and options that have no layout, or barely one.

use kymograph_linalg::random;
use kymograph_measures::MeasureError;
use kymograph_measures::embeddings::{TsneMethod, TsneOptions, UmapOptions, start_from, tsne, umap};
use ndarray::{Array2, Axis, concatenate, s};

fn rows(n: usize) -> Array2<f64> {
    random::normal_matrix(&mut random::stream(1, "test"), n, 4)
}

fn brief() -> TsneOptions<'static> {
    TsneOptions { perplexity: 3.0, early_iterations: 20, iterations: 20, ..Default::default() }
}

fn few() -> UmapOptions<'static> {
    UmapOptions { n_neighbors: 4, epochs: Some(20), ..Default::default() }
}

#[test]
fn degenerate_rows_give_a_layout_or_a_reason() {
    let x = rows(30);
    let mut constant = x.clone();
    constant.column_mut(1).fill(0.1);
    let copies = concatenate![Axis(0), x, x, x, x];
    let two_places = Array2::from_shape_fn((40, 3), |(row, _)| (row % 2) as f64);
    for (what, x) in [
        ("a constant column", constant),
        ("one column", x.slice(s![.., ..1]).to_owned()),
        ("four copies of every row", copies),
        ("two places", two_places),
        ("huge entries", &x * 1e300),
        ("tiny entries", &x * 1e-300),
        ("far from the origin", &x + 1e8),
        ("as few rows as there can be", x.slice(s![..10, ..]).to_owned()),
    ] {
        for method in [TsneMethod::Exact, TsneMethod::Near, TsneMethod::Interpolated] {
            let layout = tsne(x.view(), &TsneOptions { method, ..brief() }).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert!(layout.embedding.iter().all(|value| value.is_finite()), "{what}");
            assert!(layout.kl_divergence.is_finite() && layout.kl_divergence >= 0.0, "{what}");
        }
        let layout = umap(x.view(), &few()).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(layout.embedding.iter().all(|value| value.is_finite()), "{what}");
    }
    let same = Array2::from_elem((30, 3), 0.1);
    assert!(matches!(tsne(same.view(), &brief()), Err(MeasureError::NoVariation { input: "x", .. })));
    assert!(matches!(umap(same.view(), &few()), Err(MeasureError::NoVariation { input: "x", .. })));
    for n in [1, 2] {
        assert!(matches!(tsne(rows(n).view(), &brief()), Err(MeasureError::TooFewRows { .. })));
        assert!(matches!(umap(rows(n).view(), &few()), Err(MeasureError::TooFewRows { .. })));
    }
    for shape in [(0, 3), (5, 0)] {
        assert!(matches!(tsne(Array2::<f32>::zeros(shape).view(), &brief()), Err(MeasureError::Empty { .. })));
        assert!(matches!(umap(Array2::<f32>::zeros(shape).view(), &few()), Err(MeasureError::Empty { .. })));
    }
    let mut broken = x.clone();
    broken[[7, 2]] = f64::INFINITY;
    assert!(matches!(tsne(broken.view(), &brief()), Err(MeasureError::NotFinite { row: 7, column: 2, .. })));
    assert!(matches!(umap(broken.view(), &few()), Err(MeasureError::NotFinite { row: 7, column: 2, .. })));
}

#[test]
fn a_perplexity_beyond_a_third_of_the_rows_is_refused_with_the_largest_that_will_do() {
    let x = rows(30);
    let error = tsne(x.view(), &TsneOptions::default()).unwrap_err().to_string();
    assert!(error.contains("perplexity") && error.contains("9.67"), "{error}");
    assert!(tsne(x.view(), &TsneOptions { perplexity: 29.0 / 3.0, ..brief() }).is_ok());
}

#[test]
fn options_outside_their_range_are_named() {
    let x = rows(30);
    let tsne_says = |name: &str, change: &dyn Fn(&mut TsneOptions<'_>)| {
        let mut options = brief();
        change(&mut options);
        let error = tsne(x.view(), &options).unwrap_err().to_string();
        assert!(error.contains(name), "{name}: {error}");
    };
    for bad in [0.5, 0.0, -3.0, f64::NAN, f64::INFINITY] {
        tsne_says("perplexity", &|options| options.perplexity = bad);
        tsne_says("early_exaggeration", &|options| options.early_exaggeration = bad);
    }
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        tsne_says("learning_rate", &|options| options.learning_rate = Some(bad));
    }
    for bad in [1.0, -0.1, f64::NAN] {
        tsne_says("momentum", &|options| options.momentum = bad);
        tsne_says("early_momentum", &|options| options.early_momentum = bad);
    }
    // Whatever is allowed stays finite.
    let wild = TsneOptions { learning_rate: Some(1e12), early_exaggeration: 1e6, ..brief() };
    for method in [TsneMethod::Exact, TsneMethod::Near, TsneMethod::Interpolated] {
        assert!(tsne(x.view(), &TsneOptions { method, ..wild.clone() }).is_ok());
    }
    let umap_says = |name: &str, change: &dyn Fn(&mut UmapOptions<'_>)| {
        let mut options = few();
        change(&mut options);
        let error = umap(x.view(), &options).unwrap_err().to_string();
        assert!(error.contains(name), "{name}: {error}");
    };
    for bad in [0, 1, 31] {
        umap_says("n_neighbors", &|options| options.n_neighbors = bad);
    }
    for bad in [-1.0, f64::NAN, 2000.0] {
        umap_says("min_dist", &|options| options.min_dist = bad);
        umap_says("spread", &|options| options.spread = bad);
        umap_says("learning_rate", &|options| options.learning_rate = bad);
        umap_says("repulsion", &|options| options.repulsion = bad);
    }
    umap_says("epochs", &|options| options.epochs = Some(0));
    umap_says("negative_samples", &|options| options.negative_samples = 5000);
    let wild = UmapOptions { learning_rate: 1e3, repulsion: 1e3, n_neighbors: 30, ..few() };
    assert!(umap(x.view(), &wild).expect("a layout").embedding.iter().all(|value| value.is_finite()));
}

#[test]
fn starts_of_another_shape_or_without_variation_are_refused() {
    let x = rows(30);
    let mut far = Array2::zeros((30, 2));
    far[[3, 1]] = 1e9;
    let mut broken = Array2::zeros((30, 2));
    broken[[3, 1]] = f64::NAN;
    for (start, word) in [
        (Array2::zeros((29, 2)), "29"),
        (Array2::ones((30, 3)), "columns"),
        (Array2::from_elem((30, 2), 0.3), "one place"),
        (far, "million"),
        (broken, "row 3, column 1"),
    ] {
        let by_tsne = tsne(x.view(), &TsneOptions { initial: Some(start.view()), ..brief() }).unwrap_err().to_string();
        let by_umap = umap(x.view(), &UmapOptions { initial: Some(start.view()), ..few() }).unwrap_err().to_string();
        for error in [by_tsne, by_umap] {
            assert!(error.contains("initial") && error.contains(word), "{error}");
        }
    }
    let nothing = start_from(Array2::ones((5, 2)).view(), 1e-4);
    assert!(nothing.iter().all(|value| *value == 0.0));
}
