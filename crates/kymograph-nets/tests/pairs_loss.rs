//! The softmax of networks of pairs, whose exponential function is their own, against the standard library's.

mod support;

use kymograph_linalg::Real;
use kymograph_nets::{KernelPath, LossPrecision, PairArchitecture, PairNetwork, PairSet, PairSpec};
use ndarray::{Array2, ArrayD};
use support::pairs::{cyclic, network};

/// A network of as many elements as there are logits, whose pair (0, 0) has those logits: the gradient of its row of
/// `W_U` is that of the loss. The pair's answer is element 0.
fn with_logits<T: Real>(logits: &[f64], path: KernelPath) -> PairNetwork<T> {
    let n = logits.len();
    let mut net = network::<T>(&PairSpec { order: n, architecture: PairArchitecture::Sum { hidden: 1 } }, 0);
    let ones = Array2::from_elem((n, 1), T::from_f64(0.5)).into_dyn();
    let row = Array2::from_shape_fn((1, n), |(_, class)| T::from_f64(logits[class])).into_dyn();
    net.load_state_dict(&[("W_x".into(), ones.clone()), ("W_y".into(), ones), ("W_U".into(), row)]).unwrap();
    net.set_kernel_path(path).unwrap();
    net
}

fn loss_and_slopes<T: Real>(logits: &[f64], path: KernelPath, precision: LossPrecision) -> (f64, ArrayD<T>) {
    let n = logits.len();
    let mut net = with_logits::<T>(logits, path);
    let set = PairSet::new(&cyclic(n), n, &[0]).unwrap();
    let loss = net.loss_and_gradients(&set, precision).unwrap().loss;
    (loss, net.gradients().swap_remove(2).1)
}

/// Largest relative error of eˣ, read off the softmax of (0, x): its second number over its first.
fn worst_exponential<T: Real>(lowest: f64, path: KernelPath, precision: LossPrecision) -> f64 {
    let mut worst = 0.0f64;
    for i in 0..1500 {
        // Dense near zero, where most of a network's logits are, and down to the lowest.
        let x = T::from_f64(-lowest.abs() * (f64::from(i) / 1500.0).powi(3)).to_f64();
        let (_, slopes) = loss_and_slopes::<T>(&[0.0, x], path, precision);
        let truth = x.exp() / (1.0 + x.exp());
        worst = worst.max((slopes[[0, 1]].to_f64() / truth - 1.0).abs());
    }
    worst
}

#[test]
fn the_exponential_is_accurate_to_its_last_places() {
    for path in KernelPath::ALL.into_iter().filter(|path| path.is_supported()) {
        // Of these errors two roundings are those of the sum and the quotient.
        let narrow = worst_exponential::<f32>(-87.0, path, LossPrecision::Weights);
        assert!(narrow < 3.0 * f64::from(f32::EPSILON), "{path} f32: {narrow:e}");
        let rounded = worst_exponential::<f32>(-87.0, path, LossPrecision::Double);
        assert!(rounded < 0.51 * f64::from(f32::EPSILON), "{path} f64, rounded to f32: {rounded:e}");
        let wide = worst_exponential::<f64>(-708.0, path, LossPrecision::Weights);
        assert!(wide < 3.0 * f64::EPSILON, "{path} f64: {wide:e}");
    }
}

#[test]
fn far_below_the_largest_logit_nothing_is_left() {
    for path in KernelPath::ALL.into_iter().filter(|path| path.is_supported()) {
        let (loss, slopes) = loss_and_slopes::<f32>(&[3.0, -1e30, -90.0], path, LossPrecision::Weights);
        assert_eq!((loss, slopes[[0, 0]], slopes[[0, 1]], slopes[[0, 2]]), (0.0, 0.0, 0.0, 0.0));
        let (loss, slopes) = loss_and_slopes::<f64>(&[-1e100, 5.0], path, LossPrecision::Weights);
        assert_eq!((loss, slopes[[0, 0]], slopes[[0, 1]]), (1e100, -1.0, 1.0));
    }
}

#[test]
fn rows_of_every_length_give_the_literal_softmax() {
    // Every remainder of the vectors' lengths, with the answer first, so that the first element's loss is checked.
    for n in 1..=50 {
        let logits: Vec<f64> = (0..n).map(|class| f64::from(((class * 37 + 11) % 29) as f32) / 4.0 - 3.0).collect();
        let total: f64 = logits.iter().map(|x| x.exp()).sum();
        for path in KernelPath::ALL.into_iter().filter(|path| path.is_supported()) {
            let (loss, slopes) = loss_and_slopes::<f64>(&logits, path, LossPrecision::Weights);
            assert!((loss - (total.ln() - logits[0])).abs() < 1e-14 * total.ln().abs().max(10.0), "{path}, {n}");
            for (class, x) in logits.iter().enumerate() {
                let wanted = x.exp() / total - f64::from(u8::from(class == 0));
                assert!((slopes[[0, class]] - wanted).abs() < 1e-15, "{path}, {n} classes, {class}");
            }
        }
    }
}

#[test]
fn of_equal_logits_the_first_counts() {
    let accuracy = |logits: &[f64]| {
        let n = logits.len();
        let set = PairSet::new(&cyclic(n), n, &[0]).unwrap();
        with_logits::<f32>(logits, KernelPath::best()).evaluate(&set, LossPrecision::Double).unwrap().accuracy
    };
    assert_eq!(accuracy(&[1.0, 1.0]), 1.0);
    assert_eq!(accuracy(&[1.0, 1.5]), 0.0);
    let n = 20;
    for pair in [0, 7, 19] {
        // Every pair (a, b) of this network has the same logits, so the answer of (pair, 0) is `pair`.
        let mut logits = vec![0.0; n];
        logits[7] = 2.0;
        logits[9] = 2.0;
        let net = with_logits::<f32>(&logits, KernelPath::best());
        let set = PairSet::new(&cyclic(n), n, &[pair * n]).unwrap();
        let accuracy = net.evaluate(&set, LossPrecision::Double).unwrap().accuracy;
        assert_eq!(accuracy, f64::from(u8::from(pair == 7)), "{pair}");
    }
}
