//! The toy data of the study `dictionaries`: what the recipe says they are, and what each setting changes.

use kymograph_studies::dictionaries::{
    AGAIN, Correlation, Directions, Redraw, STUDY, Scale, Settings, Synthetic, UNREPRESENTED, Uniforms, networks,
};
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
fn sizes_may_lie_in_the_features() {
    let settings = Settings { scale: Scale::Features, ..settings() };
    let data = Synthetic::new(&settings, 3).unwrap();
    let made = data.apart("test", 4000);
    let lengths = data.lengths();
    assert!(made.codes.latents.iter().zip(&made.codes.values).all(|(f, value)| *value == lengths[*f as usize]));
    let mean = lengths.iter().sum::<f32>() / lengths.len() as f32;
    assert!((mean - 0.5).abs() < 0.12 && lengths.iter().all(|length| (0.0..1.0).contains(length)), "{mean}");
    let again = made.codes.to_dense().dot(&data.features());
    assert!((&again - &made.x).iter().all(|v| v.abs() < 1e-5));
    // The same features are present in the same directions; only their sizes are others.
    let plain = Settings { scale: Scale::Codes, ..settings.clone() };
    let other = Synthetic::new(&plain, 3).unwrap();
    assert!(other.features() == data.features() && other.lengths().iter().all(|length| *length == 1.0));
    assert!(Synthetic::new(&settings, 3).unwrap().lengths() == lengths);
}

#[test]
fn a_toy_model_lays_features_out() {
    let small =
        Settings { width: 6, features: 18, active: 1.0, decay: 1.0, correlation: Correlation::None, ..settings() };
    let settings = Settings { directions: Directions::ToyModel, toy_steps: 3000, ..small.clone() };
    let data = Synthetic::new(&settings, 3).unwrap();
    let toy = data.toy().expect("a toy model");
    assert_eq!((toy.encoder.dim(), toy.bias.len()), ((6, 18), 18));
    let kept = data.lengths().iter().filter(|length| f64::from(**length) >= UNREPRESENTED).count();
    // More than dimensions: superposition. And a loss below that of representing as many as dimensions.
    assert!(kept > 6, "{:?}", data.lengths());
    let made = data.apart("test", 4000);
    let mut codes = made.codes.to_dense();
    codes
        .axis_iter_mut(ndarray::Axis(1))
        .zip(data.lengths())
        .for_each(|(mut c, l)| c.mapv_inplace(|v| v / l.max(1e-9)));
    assert!((&codes.dot(&toy.encoder.t()) - &made.x).iter().all(|v| v.abs() < 1e-4));
    let (own, zero) = (toy.loss(codes.view(), made.x.view()), toy.loss(codes.view(), (&made.x * 0.0).view()));
    assert!(own < 0.5 * zero, "{own} {zero}");
    // The same loss entry by entry.
    let mut sum = 0.0;
    for example in 0..4000 {
        for feature in 0..18 {
            let hidden: f32 = (0..6).map(|k| made.x[[example, k]] * toy.encoder[[k, feature]]).sum();
            sum += f64::from(codes[[example, feature]] - (hidden + toy.bias[feature]).max(0.0)).powi(2);
        }
    }
    assert!((sum / (4000.0 * 18.0) - own).abs() < 1e-6 * own.max(1e-3), "{sum} {own}");
    // What a checkpoint holds is taken as it is; without it the data cannot be made again.
    let tensors = [
        ("toy.encoder".to_owned(), (&toy.encoder * 2.0).into_dyn()),
        ("toy.decoder_bias".to_owned(), toy.bias.clone().into_dyn()),
    ];
    let read = Synthetic::of_run(&settings, 3, &tensors).unwrap();
    assert!(read.lengths().iter().zip(data.lengths()).all(|(a, b)| (a - 2.0 * b).abs() < 1e-6));
    assert!(Synthetic::of_run(&settings, 3, &tensors[..1]).is_err());
    assert!(Synthetic::of_run(&Settings { width: 5, ..settings.clone() }, 3, &tensors).is_err());
    assert!(Synthetic::of_run(&small, 3, &[]).unwrap().toy().is_none());
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
    // What is trained again are penalties of the sweep, whatever these are.
    for (set, expected) in [(&[][..], 3), (&[("alphas", "0.1,1,7")], 2), (&[("again_alphas", "")], 5)] {
        let networks = networks(&read(set).unwrap());
        let again = networks.iter().find(|network| network.name == AGAIN).unwrap();
        assert_eq!(again.members.len(), expected, "{set:?}");
    }
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
        [("scale", "lengths")],
        [("directions", "magic")],
        [("further", "magic")],
        [("further_ratio", "1000")],
        [("toy_steps", "0")],
    ] {
        assert!(read(&set).is_err(), "{set:?}");
    }
    assert!(read(&[("scale", "features"), ("directions", "toy_model")]).is_err());
    assert!(read(&[("directions", "toy_model"), ("features", "5000")]).is_err());
    for choice in [Choice { quick: true, ..Choice::default() }, Choice { recipe: Some("report"), ..Choice::default() }]
    {
        let settings = Settings::read(&STUDY, &file, choice).unwrap();
        let networks = networks(&settings);
        let names: std::collections::BTreeSet<_> = networks.iter().map(|network| &network.name).collect();
        assert_eq!(names.len(), networks.len());
        assert_eq!(networks[0].members.len(), settings.sizes.len());
    }
}
