//! Networks of pairs against PyTorch (`tests/reference/make_pair_fixtures.py`): logits, loss, gradients, training.

mod support;

use kymograph_linalg::Real;
use kymograph_nets::{KernelPath, LossPrecision, PairArchitecture, PairNetwork, PairSet, PairSpec};
use ndarray::{Array2, Axis, Ix2, s};
use support::assert_near;
use support::pairs::{PairCase, PairFixtures, network};

fn loaded<T: Real>(fixtures: &PairFixtures, case: &PairCase, path: KernelPath) -> PairNetwork<T> {
    let mut net = network::<T>(&case.spec, 0);
    net.load_state_dict(&fixtures.tensors.under(&format!("{}/before/", case.name))).unwrap();
    net.set_kernel_path(path).unwrap();
    net
}

fn run<T: Real>(tolerance: f64, training: f64, precisions: &[LossPrecision]) {
    let fixtures = PairFixtures::load();
    assert_eq!(fixtures.cases.len(), 7);
    for path in KernelPath::ALL.into_iter().filter(|path| path.is_supported()) {
        for case in &fixtures.cases {
            for &precision in precisions {
                one::<T>(&fixtures, case, path, precision, (tolerance, training));
            }
        }
    }
}

fn one<T: Real>(
    fixtures: &PairFixtures,
    case: &PairCase,
    path: KernelPath,
    precision: LossPrecision,
    (tolerance, training): (f64, f64),
) {
    let name = format!("{} {path} {precision:?}", case.name);
    let mut net = loaded::<T>(fixtures, case, path);
    let set = PairSet::new(&fixtures.table, 6, &case.pairs).unwrap();

    let view = net.view();
    let wanted = fixtures.tensors.get::<f64>(&format!("{}/logits", case.name));
    let (mut hidden, mut logits) = (Array2::zeros((6, net.spec().hidden())), Array2::zeros((6, 6)));
    for a in 0..6 {
        view.block(a, &mut hidden, &mut logits).unwrap();
        let wanted = wanted.slice(s![a * 6..(a + 1) * 6, ..]).to_owned().into_dyn();
        assert_near(&format!("{name}: logits of {a}"), &logits.clone().into_dyn(), &wanted, tolerance);
    }

    let stats = net.evaluate(&set, precision).unwrap();
    let answers = wanted.into_dimensionality::<Ix2>().unwrap();
    let right = case.pairs.iter().filter(|&&pair| {
        let row = answers.index_axis(Axis(0), pair);
        row.iter().all(|&x| x <= row[fixtures.table[pair] as usize])
    });
    assert_eq!(stats.accuracy, right.count() as f64 / case.pairs.len() as f64, "{name}");
    let again = net.loss_and_gradients(&set, precision).unwrap();
    assert_eq!(again, stats, "{name}");
    assert!(
        (stats.loss - case.losses[0]).abs() <= tolerance * case.losses[0],
        "{name}: {} {}",
        stats.loss,
        case.losses[0]
    );
    for (tensor, gradient) in net.gradients() {
        let wanted = fixtures.tensors.get::<f64>(&format!("{}/gradient/{tensor}", case.name));
        assert_near(&format!("{name}: gradient of {tensor}"), &gradient, &wanted, tolerance);
    }

    let mut optimiser = net.optimiser(case.optimiser.clone()).unwrap();
    for &loss in &case.losses {
        let stats = net.train_step(&set, precision, &mut optimiser).unwrap();
        assert!((stats.loss - loss).abs() <= training * loss, "{name}: loss {}, PyTorch {loss}", stats.loss);
    }
    for (tensor, value) in net.state_dict() {
        let wanted = fixtures.tensors.get::<f64>(&format!("{}/after/{tensor}", case.name));
        assert_near(&format!("{name}: {tensor} after training"), &value, &wanted, training);
    }
}

#[test]
fn networks_match_in_f64() {
    run::<f64>(1e-10, 1e-10, &[LossPrecision::Weights, LossPrecision::Double]);
}

#[test]
fn networks_match_in_f32() {
    // Adam divides by the root of the second moment, which magnifies rounding where a gradient is near zero.
    run::<f32>(1e-5, 1e-4, &[LossPrecision::Weights, LossPrecision::Double]);
}

/// A network whose logits for pair i are row i of `W_U`: its 36 hidden rows are the unit vectors.
fn by_rows(fixtures: &PairFixtures) -> PairNetwork<f32> {
    let spec = PairSpec { order: 6, architecture: PairArchitecture::Sum { hidden: 36 } };
    let mut net = network::<f32>(&spec, 0);
    let one_hot = |shift: f32, holds: fn(usize, usize) -> bool| {
        Array2::from_shape_fn((6, 36), |(row, pair)| if holds(row, pair) { 1.0 } else { 0.0 } - shift).into_dyn()
    };
    let state = vec![
        ("W_x".to_owned(), one_hot(1.0, |row, pair| pair / 6 == row)),
        ("W_y".to_owned(), one_hot(0.0, |row, pair| pair % 6 == row)),
        ("W_U".to_owned(), fixtures.tensors.get("sure/logits")),
    ];
    net.load_state_dict(&state).unwrap();
    net
}

#[test]
fn a_sure_network_loses_its_labels_gradient_in_f32_as_in_pytorch() {
    let fixtures = PairFixtures::load();
    const STEP: f64 = 1.0 / (1u64 << 23) as f64;
    for path in KernelPath::ALL.into_iter().filter(|path| path.is_supported()) {
        let mut net = by_rows(&fixtures);
        net.set_kernel_path(path).unwrap();
        let losses = fixtures.tensors.get::<f64>("sure/f32/losses");
        let mut vanished = 0;
        for (pair, &label) in fixtures.table.iter().enumerate() {
            let one = PairSet::new(&fixtures.table, 6, &[pair]).unwrap();
            let loss = net.loss_and_gradients(&one, LossPrecision::Weights).unwrap().loss;
            // The order of the six terms of a sum may differ, by one unit in its last place.
            assert!((loss - losses[pair]).abs() <= STEP + 1e-6 * loss, "{path}, pair {pair}: {loss} {}", losses[pair]);
            if loss < 1e-6 {
                assert!((loss / STEP - (loss / STEP).round()).abs() < 1e-5, "{loss} is between two steps");
            }
            let gradient = &net.gradients()[2].1;
            let wanted = fixtures.tensors.get::<f64>("sure/f32/gradient");
            for class in 0..6 {
                let (found, wanted) = (f64::from(gradient[[pair, class]]), wanted[[pair, class]] * 36.0);
                let slack = if class == label as usize { STEP } else { 0.0 };
                assert!(
                    (found - wanted).abs() <= slack + 2e-6 * wanted.abs(),
                    "{path}, {pair}, {class}: {found} {wanted}"
                );
            }
            if loss == 0.0 {
                vanished += 1;
                assert_eq!(gradient[[pair, label as usize]], 0.0);
                assert!((0..6).any(|class| gradient[[pair, class]] > 0.0), "only the label's part vanishes");
            }
        }
        assert!(vanished >= 5, "{vanished} rows are sure to the last bit");

        // In f64 nothing vanishes.
        let all = PairSet::all(&fixtures.table, 6).unwrap();
        let stats = net.loss_and_gradients(&all, LossPrecision::Double).unwrap();
        let wanted = fixtures.tensors.get::<f64>("sure/f64/losses");
        assert!((stats.loss - wanted.mean().unwrap()).abs() < 1e-14);
        let wanted = fixtures.tensors.get::<f64>("sure/f64/gradient");
        for (found, wanted) in net.gradients()[2].1.iter().zip(&wanted) {
            // The label's part is p − 1, of which a few units of the last place of 1 are rounding.
            let off = (f64::from(*found) - wanted).abs();
            assert!(off <= 1e-7 * wanted.abs() + 4.0 * f64::EPSILON / 36.0 && *found != 0.0, "{found} {wanted}");
        }
    }
}
