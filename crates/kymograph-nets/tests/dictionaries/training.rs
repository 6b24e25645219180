//! Training: the same bits for any number of threads and after resuming; dead latents; what is chosen.

use kymograph_linalg::random;
use kymograph_nets::OptimiserSpec;
use kymograph_nets::dictionaries::{
    Auxiliary, Codes, DecoderNorm, Dictionary, DictionarySpec, EncoderStart, Start, Variant, principal_directions,
    singular_directions, unit_directions,
};
use ndarray::{Array2, Axis, s};

fn variants(latents: usize) -> Vec<Variant> {
    vec![
        Variant::Relu { l1: 0.5 },
        Variant::TopK { k: 4 },
        Variant::BatchTopK { k: 4 },
        Variant::JumpRelu { l0: 0.1, bandwidth: 0.1, threshold: 0.1 },
        Variant::Gated { l1: 0.5 },
        Variant::Matryoshka { k: 4, sizes: vec![latents / 4, latents] },
    ]
}

/// Examples made of few of `features` directions.
fn data(examples: usize, width: usize, features: usize) -> Array2<f32> {
    let directions: Array2<f32> = random::normal_matrix(&mut random::stream(0, "directions"), features, width);
    let rng = &mut random::stream(0, "examples");
    let mut x = Array2::zeros((examples, width));
    for mut row in x.outer_iter_mut() {
        for _ in 0..2 {
            let feature = directions.row(random::below(rng, features));
            row.scaled_add(random::uniform(rng) as f32 / (width as f32).sqrt(), &feature);
        }
    }
    x
}

fn trained(spec: &DictionarySpec, x: &Array2<f32>, steps: usize) -> Vec<(String, Vec<u32>)> {
    let mut dictionary = Dictionary::<f32>::new(spec).unwrap();
    dictionary.initialise(&Start::Orthogonal, EncoderStart::Uniform, 1).unwrap();
    let mut adam = dictionary.optimiser(OptimiserSpec::adam(1e-2)).unwrap();
    for _ in 0..steps {
        dictionary.train_step(x.view(), None, &mut adam).unwrap();
    }
    bits(&dictionary)
}

fn bits(dictionary: &Dictionary<f32>) -> Vec<(String, Vec<u32>)> {
    let state = dictionary.state().into_iter();
    state.map(|(name, values)| (name, values.iter().map(|v| v.to_bits()).collect())).collect()
}

#[test]
fn the_same_bits_for_one_two_and_three_threads() {
    let x = data(600, 24, 40);
    for variant in variants(96) {
        let auxiliary =
            matches!(variant, Variant::TopK { .. }).then_some(Auxiliary { latents: 8, weight: 0.03, dead_after: 2 });
        let spec = DictionarySpec { auxiliary, ..DictionarySpec::autoencoder(24, 96, variant) };
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| trained(&spec, &x, 6))
        };
        let one = with(1);
        assert!(one == with(2) && one == with(3), "{spec:?}");
    }
}

#[test]
fn resumes_to_the_same_bits() {
    let x = data(200, 16, 30);
    for variant in variants(32) {
        let spec = DictionarySpec::autoencoder(16, 32, variant);
        let mut straight = Dictionary::<f32>::new(&spec).unwrap();
        straight.initialise(&Start::Random, EncoderStart::Decoder, 1).unwrap();
        let mut adam = straight.optimiser(OptimiserSpec::adam(1e-2)).unwrap();
        let mut resumed = Dictionary::<f32>::new(&spec).unwrap();
        let mut other = resumed.optimiser(OptimiserSpec::adam(1e-2)).unwrap();
        for step in 0..10 {
            straight.train_step(x.view(), None, &mut adam).unwrap();
            if step == 4 {
                resumed.load_state(&straight.state()).unwrap();
                other.load_state(adam.steps(), &adam.state()).unwrap();
            } else if step > 4 {
                resumed.train_step(x.view(), None, &mut other).unwrap();
            }
        }
        assert_eq!(bits(&straight), bits(&resumed), "{spec:?}");
    }
}

#[test]
fn every_variant_learns_to_rebuild_with_few_latents() {
    let x = data(400, 16, 24);
    let mean = x.mean_axis(Axis(0)).unwrap();
    let variance = x.outer_iter().map(|row| (&row - &mean).mapv(|v| v * v).sum()).sum::<f32>() / 400.0;
    for variant in variants(48) {
        let variant = match variant {
            Variant::Relu { .. } => Variant::Relu { l1: 0.01 },
            Variant::Gated { .. } => Variant::Gated { l1: 0.01 },
            Variant::JumpRelu { .. } => Variant::JumpRelu { l0: 0.001, bandwidth: 0.01, threshold: 0.01 },
            other => other,
        };
        let spec = DictionarySpec::autoencoder(16, 48, variant);
        let mut dictionary = Dictionary::<f32>::new(&spec).unwrap();
        dictionary.initialise(&Start::Drawn(x.view()), EncoderStart::Decoder, 1).unwrap();
        let mut adam = dictionary.optimiser(OptimiserSpec::adam(3e-3)).unwrap();
        let mut last = dictionary.train_step(x.view(), None, &mut adam).unwrap();
        for _ in 0..400 {
            last = dictionary.train_step(x.view(), None, &mut adam).unwrap();
        }
        assert!(last.error < 0.2 * f64::from(variance), "{spec:?}: {} of {variance}", last.error);
        // What encode and decode give afterwards is what training saw, or nearly where a batch decided.
        let codes = dictionary.encode(x.view()).unwrap();
        let error = (dictionary.decode(&codes) - &x).mapv(|v| v * v).sum() / 400.0;
        assert!(f64::from(error) < 1.3 * last.error + 1e-6, "{spec:?}: {error} {}", last.error);
        for row in dictionary.decoder().outer_iter() {
            assert!((row.dot(&row) - 1.0).abs() < 1e-5);
        }
    }
}

#[test]
fn the_projected_gradient_has_nothing_along_a_row() {
    let x = data(50, 16, 24);
    let spec = DictionarySpec::autoencoder(16, 48, Variant::Relu { l1: 0.1 });
    let mut dictionary = Dictionary::<f32>::new(&spec).unwrap();
    dictionary.initialise(&Start::Random, EncoderStart::Uniform, 1).unwrap();
    let before = dictionary.decoder().to_owned();
    let mut adam = dictionary.optimiser(OptimiserSpec::adam(1e-2)).unwrap();
    dictionary.train_step(x.view(), None, &mut adam).unwrap();
    let gradients = dictionary.gradients();
    let (_, slope) = gradients.iter().find(|(name, _)| name == "W_dec").unwrap();
    let slope = slope.view().into_dimensionality::<ndarray::Ix2>().unwrap();
    for (slope, row) in slope.outer_iter().zip(before.outer_iter()) {
        assert!(slope.dot(&row).abs() < 1e-6 * (1.0 + slope.dot(&slope).sqrt()));
    }
}

#[test]
fn exactly_the_largest_are_kept_and_the_first_of_equals() {
    let latents = 200;
    let spec = DictionarySpec {
        centred: false,
        norm: DecoderNorm::Free,
        ..DictionarySpec::autoencoder(latents, latents, Variant::TopK { k: 7 })
    };
    let mut dictionary = Dictionary::<f64>::new(&spec).unwrap();
    // An encoder that hands its input on.
    dictionary
        .initialise(&Start::Noised { rows: Array2::eye(latents).view(), noise: 0.0 }, EncoderStart::Decoder, 0)
        .unwrap();
    let rng = &mut random::stream(0, "x");
    // Whole numbers, so that many are equal; rows with fewer than seven positive ones too.
    let mut x = Array2::from_shape_fn((300, latents), |_| random::below(rng, 12) as f64 - 5.0);
    x.slice_mut(s![100..110, 5..]).fill(-1.0);
    let codes: Codes<f64> = dictionary.encode(x.view()).unwrap();
    for example in 0..x.nrows() {
        let mut order: Vec<usize> = (0..latents).collect();
        order.sort_by(|&a, &b| x[[example, b]].total_cmp(&x[[example, a]]).then(a.cmp(&b)));
        let mut expected: Vec<u32> =
            order.iter().take(7).filter(|&&at| x[[example, at]] > 0.0).map(|&at| at as u32).collect();
        expected.sort_unstable();
        let (found, values) = codes.row(example);
        assert_eq!(found, expected, "row {example}");
        assert!(found.iter().zip(values).all(|(&at, &value)| value == x[[example, at as usize]]));
    }
}

#[test]
fn starts_are_what_they_say() {
    let x = data(30, 12, 20);
    let start = |start: &Start<'_, f32>, latents: usize| {
        let spec = DictionarySpec::autoencoder(12, latents, Variant::TopK { k: 1 });
        let mut dictionary = Dictionary::<f32>::new(&spec).unwrap();
        dictionary.initialise(start, EncoderStart::Decoder, 5).unwrap();
        assert_eq!(dictionary.decoder(), dictionary.encoder());
        dictionary.decoder().to_owned()
    };
    let few = start(&Start::Orthogonal, 7);
    assert!((few.dot(&few.t()) - Array2::<f32>::eye(7)).iter().all(|v| v.abs() < 1e-5));
    // Each row of norm 1 after rescaling, and no two alike.
    let many = start(&Start::Orthogonal, 20);
    assert!(many.outer_iter().all(|row| (row.dot(&row) - 1.0).abs() < 1e-5));
    let drawn = start(&Start::Drawn(x.view()), 30);
    for row in drawn.outer_iter() {
        assert!(x.outer_iter().any(|example| (example.dot(&row) - example.dot(&example).sqrt()).abs() < 1e-5));
    }
    let noised = start(&Start::Noised { rows: unit_directions(12).view(), noise: 0.1 }, 24);
    assert!(noised.outer_iter().enumerate().all(|(at, row)| row[at % 12] > 0.95));
    assert_ne!(noised.row(0), noised.row(12));
    let principal = principal_directions(x.view()).unwrap();
    let singular = singular_directions(x.t()).unwrap();
    for directions in [&principal, &singular] {
        assert!((directions.dot(&directions.t()) - Array2::<f32>::eye(12)).iter().all(|v| v.abs() < 1e-4));
    }
    let centred = &x - &x.mean_axis(Axis(0)).unwrap();
    let along = |row: usize| centred.dot(&principal.row(row)).mapv(|v| v * v).sum();
    assert!((1..12).all(|row| along(row) <= along(row - 1) * 1.0001));
}

#[test]
fn dead_latents_are_pointed_at_examples() {
    let x = data(100, 12, 20);
    let spec = DictionarySpec::autoencoder(12, 16, Variant::Relu { l1: 0.1 });
    let mut dictionary = Dictionary::<f32>::new(&spec).unwrap();
    dictionary.initialise(&Start::Random, EncoderStart::Decoder, 1).unwrap();
    let mut weights = dictionary.weights();
    for (name, values) in &mut weights {
        if name == "b_enc" {
            (3..6).for_each(|latent| values[[latent]] = -100.0);
        }
    }
    dictionary.load_state(&weights).unwrap();
    let mut adam = dictionary.optimiser(OptimiserSpec::adam(1e-3)).unwrap();
    for _ in 0..5 {
        dictionary.train_step(x.view(), None, &mut adam).unwrap();
    }
    assert_eq!(dictionary.unused_for(5), vec![3, 4, 5]);
    let rng = &mut random::stream(0, "resample");
    assert_eq!(dictionary.resample(x.view(), None, 5, &mut adam, rng).unwrap(), 3);
    assert!(dictionary.unused_for(5).is_empty());
    let offset = dictionary.weights().into_iter().find(|(name, _)| name == "b_dec").unwrap().1;
    let encoder = dictionary.encoder().to_owned();
    for latent in 3..6 {
        let row = dictionary.decoder().row(latent).to_owned();
        let pointed = x.outer_iter().any(|example| {
            let example = &example - &offset.view().into_dimensionality::<ndarray::Ix1>().unwrap();
            (example.dot(&row) - example.dot(&example).sqrt()).abs() < 1e-5
        });
        assert!(pointed && encoder.row(latent).dot(&row) > 0.0);
    }
    for (name, moment) in adam.state() {
        if name == "W_dec.exp_avg" {
            assert!(moment.slice(s![3..6, ..]).iter().all(|v| *v == 0.0) && moment.iter().any(|v| *v != 0.0));
        }
    }
    let codes = dictionary.encode(x.view()).unwrap().to_dense();
    assert!((3..6).all(|latent| codes.column(latent).iter().any(|v| *v > 0.0)));
}

#[test]
fn dead_latents_come_back_by_the_auxiliary_loss() {
    let x = data(400, 16, 60);
    let revived = |auxiliary: Option<Auxiliary>| {
        let spec = DictionarySpec { auxiliary, ..DictionarySpec::autoencoder(16, 64, Variant::TopK { k: 2 }) };
        let mut dictionary = Dictionary::<f32>::new(&spec).unwrap();
        dictionary.initialise(&Start::Random, EncoderStart::Decoder, 1).unwrap();
        // Half of the latents are too weak to be among the largest.
        let mut weights = dictionary.weights();
        for (name, values) in &mut weights {
            if name == "W_enc" {
                values.slice_axis_mut(Axis(1), (32..).into()).mapv_inplace(|v| 0.02 * v);
            }
        }
        dictionary.load_state(&weights).unwrap();
        let mut adam = dictionary.optimiser(OptimiserSpec::adam(3e-3)).unwrap();
        for _ in 0..400 {
            dictionary.train_step(x.view(), None, &mut adam).unwrap();
        }
        dictionary.idle()[32..].iter().filter(|idle| **idle < 20.0).count()
    };
    let without = revived(None);
    let with = revived(Some(Auxiliary { latents: 16, weight: 1.0, dead_after: 20 }));
    assert!(with > without + 5, "{with} {without}");
}
