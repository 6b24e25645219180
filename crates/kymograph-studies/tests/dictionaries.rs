//! The toy data of the study `dictionaries`: what the recipe says they are, and what each setting changes.

use kymograph_studies::dictionaries::{Correlation, Redraw, STUDY, Settings, Synthetic, Uniforms, networks};
use kymograph_studies::{Choice, StudyFile};

fn settings() -> Settings {
    let file = StudyFile::read(&STUDY).unwrap();
    let settings = Settings::read(&STUDY, &file, Choice::default()).unwrap();
    Settings { width: 24, features: 64, active: 4.0, decay: 0.97, ..settings }
}

/// Mean number of features present, and how often each is.
fn frequencies(settings: &Settings, examples: usize) -> (f64, Vec<f64>) {
    let data = Synthetic::new(settings, 3).unwrap();
    let made = data.apart("test", examples);
    let mut counts = vec![0.0; settings.features];
    made.codes.latents.iter().for_each(|feature| counts[*feature as usize] += 1.0 / examples as f64);
    (made.codes.l0(), counts)
}

#[test]
fn examples_are_sums_of_their_features() {
    let settings = settings();
    let data = Synthetic::new(&settings, 3).unwrap();
    for row in data.features().outer_iter() {
        assert!((row.dot(&row) - 1.0).abs() < 1e-5);
    }
    let batch = data.batch(7);
    assert_eq!(batch.x.dim(), (settings.batch, settings.width));
    let again = batch.codes.to_dense().dot(&data.features());
    assert!((&again - &batch.x).iter().all(|v| v.abs() < 1e-5));
    assert!((0..settings.batch).all(|example| !batch.codes.row(example).0.is_empty()));
    assert!(batch.codes.values.iter().all(|value| *value > 0.0 && *value <= 1.0));
    // The same batch again, and another one.
    assert!(data.batch(7).x == batch.x && data.batch(8).x != batch.x);
    assert!(Synthetic::new(&settings, 4).unwrap().features() != data.features());
}

#[test]
fn as_many_features_are_present_as_the_settings_say() {
    for correlation in
        [Correlation::None, Correlation::ShiftedUniform, Correlation::NormalGram, Correlation::NormalMixing]
    {
        for redraw in [Redraw::Batch, Redraw::Dataset, Redraw::Sample] {
            let settings = Settings { correlation, redraw, ..settings() };
            let (l0, counts) = frequencies(&settings, 20_000);
            // Probabilities that would be above 1 are cut, and empty examples get one feature.
            assert!((l0 - 4.0).abs() < 0.35, "{correlation:?} {redraw:?}: {l0}");
            let (common, rare): (f64, f64) = (counts[..16].iter().sum(), counts[48..].iter().sum());
            assert!(common > 2.0 * rare, "{correlation:?} {redraw:?}: {common} {rare}");
        }
    }
}

#[test]
fn without_correlation_frequencies_fall_geometrically() {
    let settings = Settings { correlation: Correlation::None, active: 3.0, ..settings() };
    let (_, counts) = frequencies(&settings, 200_000);
    // Empty examples add as much to each.
    let empty = counts.iter().sum::<f64>() - 3.0;
    for (feature, count) in counts.iter().enumerate() {
        let sum = (1.0 - 0.97f64.powi(64)) / 0.03;
        let expected = 3.0 * 0.97f64.powi(feature as i32) / sum + empty / 64.0;
        assert!((count - expected).abs() < 5.0 * (expected / 200_000.0).sqrt(), "{feature}: {count} {expected}");
    }
    let settings = Settings { rescale: false, ..settings };
    let expected = 3.0 / 64.0 * (1.0 - 0.97f64.powi(64)) / 0.03;
    let (l0, _) = frequencies(&settings, 50_000);
    // Less the empty examples' own.
    assert!(l0 < 3.0 && l0 > expected, "{l0} {expected}");
}

#[test]
fn a_product_of_two_uniform_numbers_is_smaller() {
    let mean = |codes| {
        let settings = Settings { codes, ..settings() };
        let made = Synthetic::new(&settings, 3).unwrap().apart("test", 20_000);
        made.codes.values.iter().map(|v| f64::from(*v)).sum::<f64>() / made.codes.values.len() as f64
    };
    // Empty examples' ones lift both a little.
    assert!((mean(Uniforms::One) - 0.5).abs() < 0.02);
    assert!((mean(Uniforms::Product) - 0.25).abs() < 0.03);
}

#[test]
fn only_a_draw_an_example_makes_features_occur_together() {
    // Mean distance of the share of examples that hold two features from what independence gives.
    let excess = |redraw| {
        // Half of them present, so that hardly an example is empty and gets one at random.
        let small = Settings { features: 8, width: 8, active: 4.0, decay: 1.0, ..settings() };
        let settings = Settings { redraw, correlation: Correlation::NormalMixing, ..small };
        let made = Synthetic::new(&settings, 3).unwrap().apart("test", 20_000);
        let dense = made.codes.to_dense().mapv(|v| f64::from(u8::from(v > 0.0)));
        let means = dense.mean_axis(ndarray::Axis(0)).unwrap();
        let pairs = dense.t().dot(&dense) / 20_000.0;
        let distances = (0..8).flat_map(|i| (0..i).map(move |j| (i, j)));
        distances.map(|(i, j)| (pairs[[i, j]] - means[i] * means[j]).abs()).sum::<f64>() / 28.0
    };
    let (sample, dataset) = (excess(Redraw::Sample), excess(Redraw::Dataset));
    assert!(sample > 2.0 * dataset, "{sample} {dataset}");
}

#[test]
fn settings_are_checked_and_lists_can_be_set() {
    let file = StudyFile::read(&STUDY).unwrap();
    let read = |set: &[(&str, &str)]| {
        let set: Vec<(String, String)> = set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Settings::read(&STUDY, &file, Choice { set: &set, ..Choice::default() })
    };
    let settings = read(&[("alphas", "0.1, 1"), ("sizes", "64,128"), ("redraw", "sample")]).unwrap();
    assert_eq!((settings.alphas, settings.sizes, settings.redraw), (vec![0.1, 1.0], vec![64.0, 128.0], Redraw::Sample));
    for set in [
        [("alphas", "1,0.1")],
        [("sizes", "64")],
        [("sizes", "64.5,128")],
        [("starts", "magic")],
        [("active", "400")],
        [("held_out", "3")],
        [("decay", "1.5")],
        [("codes", "three")],
        [("ratios", "1000000")],
        [("alphas", "x")],
    ] {
        assert!(read(&set).is_err(), "{set:?}");
    }
    for choice in [Choice { quick: true, ..Choice::default() }, Choice { recipe: Some("report"), ..Choice::default() }]
    {
        let settings = Settings::read(&STUDY, &file, choice).unwrap();
        let networks = networks(&settings);
        let names: std::collections::BTreeSet<_> = networks.iter().map(|network| &network.name).collect();
        assert_eq!(names.len(), networks.len());
        assert_eq!(networks[0].members.len(), settings.sizes.len());
    }
}
