//! Toy models: gradients against differences, examples against the laws they are drawn from, bits against threads.

mod support;

use kymograph_nets::{
    NetsError, OptimiserSpec, Pairing, Schedule, ToyFeatures, ToyInstance, ToyModels, ToySpec, toy_gradient,
};
use ndarray::Array2;
use support::normal;

fn specs() -> Vec<ToySpec> {
    vec![
        ToySpec::relu_output(5, 2),
        ToySpec::linear(7, 3),
        ToySpec::relu_hidden(6, 5),
        ToySpec::absolute_value(5, 9),
        ToySpec::tanh_autoencoder(11, 2, false),
        ToySpec::tanh_autoencoder(6, 3, true),
    ]
}

/// Numbers without a law, `count` of them.
fn numbers(seed: u64, count: usize) -> Vec<f64> {
    normal::<f64>(seed, &[count]).into_iter().collect()
}

#[test]
fn gradients_are_difference_quotients() {
    for spec in specs() {
        for examples in [1, 37, 300] {
            let parameters: Vec<f64> = numbers(1, spec.parameters()).into_iter().map(|v| 0.5 * v).collect();
            let importance: Vec<f64> = (0..spec.features).map(|i| 0.9f64.powi(i as i32)).collect();
            let x = Array2::from_shape_vec((examples, spec.features), numbers(2, examples * spec.features)).unwrap();
            let at = |parameters: &[f64]| toy_gradient(&spec, parameters, &importance, x.view()).unwrap();
            let (loss, gradient) = at(&parameters);
            assert!((loss - literal_loss(&spec, &parameters, &importance, &x)).abs() < 1e-12 * (1.0 + loss));
            for (index, &analytic) in gradient.iter().enumerate() {
                let ends = [1e-5, -1e-5].map(|step| {
                    let mut moved = parameters.clone();
                    moved[index] += step;
                    at(&moved).0
                });
                let numeric = (ends[0] - ends[1]) / 2e-5;
                assert!(
                    (analytic - numeric).abs() < 1e-8 * (1.0 + analytic.abs()),
                    "{spec:?} {index}: {analytic} {numeric}"
                );
            }
            let narrow = |values: &[f64]| values.iter().map(|&v| v as f32).collect::<Vec<_>>();
            let (loss_32, gradient_32) =
                toy_gradient(&spec, &narrow(&parameters), &narrow(&importance), x.mapv(|v| v as f32).view()).unwrap();
            assert!((loss - loss_32).abs() < 1e-5 * (1.0 + loss));
            for (wide, narrow) in gradient.iter().zip(gradient_32) {
                assert!((wide - f64::from(narrow)).abs() < 2e-5 * (1.0 + wide.abs()), "{spec:?}: {wide} {narrow}");
            }
        }
    }
}

/// The model as its formula says, one number after the other.
fn literal_loss(spec: &ToySpec, parameters: &[f64], importance: &[f64], x: &Array2<f64>) -> f64 {
    use kymograph_nets::ToyActivation::{Identity, Relu, Tanh, TanhRelu};
    let (n, m) = (spec.features, spec.hidden);
    let bend = |activation, v: f64| match activation {
        Identity => v,
        Relu => v.max(0.0),
        Tanh => v.tanh(),
        TanhRelu => v.tanh().max(0.0),
    };
    let encoder = |k: usize, i: usize| parameters[k * n + i];
    let after = if spec.tied { m * n } else { 2 * m * n };
    let decoder = |i: usize, k: usize| if spec.tied { encoder(k, i) } else { parameters[m * n + i * m + k] };
    let (code_bias, output_bias) = match spec.encoder_bias {
        true => (parameters[after..after + m].to_vec(), &parameters[after + m..]),
        false => (vec![0.0; m], &parameters[after..]),
    };
    let mut total = 0.0;
    for row in x.rows() {
        let code: Vec<f64> = (0..m)
            .map(|k| bend(spec.hidden_activation, code_bias[k] + (0..n).map(|i| encoder(k, i) * row[i]).sum::<f64>()))
            .collect();
        for i in 0..n {
            let sum: f64 = output_bias[i] + (0..m).map(|k| decoder(i, k) * code[k]).sum::<f64>();
            let target = if spec.absolute { row[i].abs() } else { row[i] };
            total += importance[i] * (bend(spec.output_activation, sum) - target).powi(2);
        }
    }
    total / (x.nrows() * n) as f64
}

fn instances(count: u64, n: usize) -> Vec<ToyInstance> {
    let importance = vec![1.0; n];
    let one = |seed: u64| {
        let features = ToyFeatures::independent([1.0, 0.3, 0.1, 0.02][(seed % 4) as usize]);
        ToyInstance { importance: importance.clone(), features, seed }
    };
    (0..count).map(one).collect()
}

fn trained(threads: usize, spec: &ToySpec, given: Vec<ToyInstance>, steps: u64) -> Vec<(String, ndarray::ArrayD<f32>)> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let mut models = ToyModels::new(spec.clone(), given, OptimiserSpec::adam(1e-3), 300).unwrap();
        models.train(steps).unwrap();
        models.state_dict()
    })
}

#[test]
fn an_instance_has_the_same_bits_for_any_threads_and_in_any_company() {
    for spec in [ToySpec::relu_output(6, 2), ToySpec::relu_hidden(5, 3), ToySpec::tanh_autoencoder(6, 2, false)] {
        let all = instances(7, spec.features);
        let one = trained(1, &spec, all.clone(), 40);
        for threads in [2, 3] {
            assert_eq!(one, trained(threads, &spec, all.clone(), 40));
        }
        let alone = trained(1, &spec, vec![all[5].clone()], 40);
        for ((name, together), (_, alone)) in one.iter().zip(&alone) {
            let row = together.index_axis(ndarray::Axis(0), 5);
            assert_eq!(row, alone.index_axis(ndarray::Axis(0), 0), "{name}");
        }
    }
}

#[test]
fn training_goes_on_to_the_same_bits() {
    let adam = OptimiserSpec::Adam {
        lr: 1e-3,
        betas: [0.9, 0.999],
        eps: 1e-8,
        weight_decay: 0.0,
        schedule: Schedule::Linear { steps: 100, lowest: 0.1 },
    };
    let new = || ToyModels::new(ToySpec::absolute_value(5, 8), instances(3, 5), adam.clone(), 128).unwrap();
    let mut whole = new();
    whole.train(30).unwrap();
    let mut first = new();
    first.train(11).unwrap();
    let mut second = new();
    second.load(11, &first.state_dict(), &first.optimiser_state()).unwrap();
    second.train(19).unwrap();
    assert_eq!(whole.state_dict(), second.state_dict());
    assert_eq!(whole.optimiser_state(), second.optimiser_state());
    assert_eq!((whole.steps(2), second.steps(2)), (30, 30));
}

/// With weights of zero the loss at the first step is the mean square of what was drawn, in closed form.
#[test]
fn examples_follow_their_law() {
    for pairing in [Pairing::Independent, Pairing::Correlated, Pairing::Anticorrelated] {
        for probability in [0.5, 0.2, 0.08, 0.04, 0.01] {
            for signed in [false, true] {
                let features = ToyFeatures { probability, signed, pairing };
                let instance = ToyInstance { importance: vec![1.0; 6], features, seed: 3 };
                let adam = OptimiserSpec::adam(0.0);
                let mut models = ToyModels::new(ToySpec::linear(6, 1), vec![instance], adam, 4096).unwrap();
                let zeros: Vec<_> = models.state_dict().into_iter().map(|(n, t)| (n, t * 0.0)).collect();
                let moments = models.optimiser_state();
                models.load(0, &zeros, &moments).unwrap();
                let mean_square = models.train(40).unwrap()[0];
                // E x² = p / 3 in both ranges; 6 × 4096 × 40 numbers of variance p / 5 − p² / 9, pairs counted once.
                let deviation = ((probability / 5.0) / (3.0 * 4096.0 * 40.0)).sqrt();
                assert!((mean_square - probability / 3.0).abs() < 5.0 * deviation, "{features:?}: {mean_square}");
            }
        }
    }
}

/// The best constant prediction and the best linear one tell means and joint moments of a pair apart.
#[test]
fn pairs_go_together_or_exclude_each_other() {
    // An error of (x₁ + x₂)² over the two: weights (1, 1)·(1, 1)ᵀ − … are read off a linear decoder by hand.
    let cross = |pairing, probability| {
        let features = ToyFeatures { probability, signed: false, pairing };
        let instance = ToyInstance { importance: vec![1.0; 2], features, seed: 8 };
        let mut models = ToyModels::new(ToySpec::linear(2, 1), vec![instance], OptimiserSpec::adam(0.0), 8192).unwrap();
        let moments = models.optimiser_state();
        let mut at = |w: [f32; 2]| {
            let state = vec![
                ("encoder".to_owned(), ndarray::Array3::from_shape_vec((1, 1, 2), w.to_vec()).unwrap().into_dyn()),
                ("decoder_bias".to_owned(), ndarray::array![[0.0f32, 0.0]].into_dyn()),
            ];
            models.load(0, &state, &moments).unwrap();
            models.train(60).unwrap()[0]
        };
        // With w = (1, 1): x' = x₁ + x₂ for both, so the errors are x₂ and x₁; with w = (1, −1) they are −x₂ and −x₁. With
        // w = (√½, √½) the error is (x₁ − x₂)/2 twice, up to its sign: mean (x₁ − x₂)² / 4.
        let half = std::f32::consts::FRAC_1_SQRT_2;
        let (apart, plain) = (at([half, half]), at([1.0, 1.0]));
        // mean x² = plain; mean of x₁x₂ = plain − 2 · apart.
        (plain, plain - 2.0 * apart)
    };
    for probability in [0.3, 0.05] {
        let (square, product) = cross(Pairing::Correlated, probability);
        assert!((square - probability / 3.0).abs() < 0.05 * probability, "{square}");
        assert!((product - probability / 4.0).abs() < 0.03 * probability, "{product}");
        let (_, product) = cross(Pairing::Anticorrelated, probability);
        assert!(product.abs() < 1e-6, "{product}");
        let (_, product) = cross(Pairing::Independent, probability);
        assert!((product - probability * probability / 4.0).abs() < 0.03 * probability, "{product}");
    }
}

#[test]
fn dense_features_keep_the_two_most_important_and_sparse_ones_make_a_pentagon() {
    // Importances far apart, so that the dense model need not tell like from like.
    let given = [(1.0, 0.4f64), (0.05, 0.9)].map(|(p, factor)| ToyInstance {
        importance: (0..5).map(|i| factor.powi(i)).collect(),
        features: ToyFeatures::independent(p),
        seed: 1,
    });
    let mut models =
        ToyModels::new(ToySpec::relu_output(5, 2), given.to_vec(), OptimiserSpec::adam(3e-3), 512).unwrap();
    let before = models.held_out_losses(4000);
    models.train(4000).unwrap();
    let after = models.held_out_losses(4000);
    assert!(after.iter().zip(&before).all(|(after, before)| after < before));
    let norms = |w: Array2<f32>| w.columns().into_iter().map(|c| c.dot(&c).sqrt()).collect::<Vec<_>>();
    let dense = norms(models.encoder(0));
    assert!(dense[0] > 0.9 && dense[1] > 0.9 && dense[2..].iter().all(|n| *n < 0.1), "{dense:?}");
    let sparse = norms(models.encoder(1));
    assert!(sparse.iter().all(|n| *n > 0.8), "{sparse:?}");
}

#[test]
fn ablating_a_feature_costs_what_the_formula_says() {
    let spec = ToySpec::tanh_autoencoder(5, 2, false);
    let models = ToyModels::new(spec.clone(), instances(1, 5), OptimiserSpec::adam(1e-3), 8).unwrap();
    let x = normal::<f32>(4, &[1500, 5]).mapv(f32::abs).into_dimensionality::<ndarray::Ix2>().unwrap();
    let parameters: Vec<f64> = models.state_dict().iter().flat_map(|(_, t)| t.iter().map(|v| f64::from(*v))).collect();
    let found = models.ablations(0, x.view()).unwrap();
    let ones = vec![1.0; 5];
    let wide = x.mapv(f64::from);
    assert!((found.loss - literal_loss(&spec, &parameters, &ones, &wide)).abs() < 1e-6);
    assert_eq!(models.mean_squared_error(0, x.view()).unwrap(), found.loss);
    for (feature, &without) in found.without.iter().enumerate() {
        let mut total = 0.0;
        for row in wide.rows() {
            let mut cut = row.to_owned();
            cut[feature] = 0.0;
            let output = literal_output(&spec, &parameters, cut.view());
            total += output.iter().zip(row).map(|(y, t)| (y - t).powi(2)).sum::<f64>();
        }
        assert!((without - total / 7500.0).abs() < 1e-6, "{feature}");
    }
}

fn literal_output(spec: &ToySpec, parameters: &[f64], row: ndarray::ArrayView1<'_, f64>) -> Vec<f64> {
    let (n, m) = (spec.features, spec.hidden);
    let code: Vec<f64> = (0..m)
        .map(|k| (parameters[2 * m * n + k] + (0..n).map(|i| parameters[k * n + i] * row[i]).sum::<f64>()).tanh())
        .collect();
    (0..n)
        .map(|i| parameters[2 * m * n + m + i] + (0..m).map(|k| parameters[m * n + i * m + k] * code[k]).sum::<f64>())
        .map(|sum: f64| sum.tanh().max(0.0))
        .collect()
}

#[test]
fn training_on_given_rows_learns_them() {
    let spec = ToySpec::tanh_autoencoder(6, 2, false);
    let mut models = ToyModels::new(spec, instances(1, 6), OptimiserSpec::adam(1e-2), 8).unwrap();
    let x = normal::<f32>(4, &[200, 6]).mapv(|v| 0.3 * v.abs()).into_dimensionality::<ndarray::Ix2>().unwrap();
    let before = models.mean_squared_error(0, x.view()).unwrap();
    let rows: Vec<usize> = (0..200).collect();
    let losses: Vec<f64> = (0..60).flat_map(|_| models.train_on(0, x.view(), rows.chunks(64)).unwrap()).collect();
    assert_eq!((losses.len(), models.steps(0)), (240, 240));
    assert!(models.mean_squared_error(0, x.view()).unwrap() < 0.5 * before);
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let new = |spec: ToySpec, given: Vec<ToyInstance>, adam, batch| ToyModels::new(spec, given, adam, batch).err();
    let adam = || OptimiserSpec::adam(1e-3);
    let spec = || ToySpec::relu_output(5, 2);
    assert!(matches!(new(spec(), vec![], adam(), 8), Some(NetsError::Value { .. })));
    assert!(matches!(new(spec(), instances(1, 4), adam(), 8), Some(NetsError::Shape { .. })));
    assert!(matches!(new(spec(), instances(1, 5), adam(), 0), Some(NetsError::Value { .. })));
    assert!(matches!(new(spec(), instances(1, 5), OptimiserSpec::sgd(1e-3), 8), Some(NetsError::Value { .. })));
    assert!(matches!(new(ToySpec::relu_output(0, 2), vec![], adam(), 8), Some(NetsError::Value { .. })));
    for (probability, pairing) in
        [(0.0, Pairing::Independent), (1.1, Pairing::Independent), (f64::NAN, Pairing::Correlated)]
    {
        let features = ToyFeatures { probability, signed: false, pairing };
        let given = ToyInstance { importance: vec![1.0; 5], features, seed: 0 };
        assert!(matches!(new(spec(), vec![given], adam(), 8), Some(NetsError::Value { .. })));
    }
    let paired = ToyFeatures { probability: 0.6, signed: false, pairing: Pairing::Anticorrelated };
    let given = |features, n: usize| vec![ToyInstance { importance: vec![1.0; n], features, seed: 0 }];
    assert!(new(ToySpec::relu_output(4, 2), given(paired, 4), adam(), 8).is_some());
    let paired = ToyFeatures { probability: 0.5, ..paired };
    assert!(new(ToySpec::relu_output(4, 2), given(paired, 4), adam(), 8).is_none());
    assert!(new(spec(), given(paired, 5), adam(), 8).is_some());
    let mut unbounded = instances(1, 5);
    unbounded[0].importance[2] = f64::INFINITY;
    assert!(new(spec(), unbounded, adam(), 8).is_some());

    let mut models = ToyModels::new(spec(), instances(1, 5), adam(), 8).unwrap();
    let narrow = Array2::<f32>::zeros((4, 3));
    assert!(matches!(models.train_on(0, narrow.view(), [&[0usize][..]]), Err(NetsError::Shape { .. })));
    let data = Array2::<f32>::zeros((4, 5));
    assert!(matches!(models.train_on(0, data.view(), [&[][..]]), Err(NetsError::EmptyBatch { .. })));
    assert!(matches!(models.train_on(0, data.view(), [&[9usize][..]]), Err(NetsError::Shape { .. })));
    let bad = Array2::from_elem((4, 5), f32::NAN);
    assert!(matches!(models.train_on(0, bad.view(), [&[1usize][..]]), Err(NetsError::NotFinite { .. })));
    assert!(models.load(1, &[], &[]).is_err());
}
