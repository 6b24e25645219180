//! Networks of pairs against literal formulas, finite differences, and themselves on other threads and paths.

mod support;

use kymograph_linalg::Real;
use kymograph_nets::{
    KernelPath, LossPrecision, OptimiserSpec, PairArchitecture, PairEdit, PairNetwork, PairSet, PairSpec,
};
use ndarray::{Array2, ArrayD};
use support::pairs::{cyclic, dihedral, network, specs};

type State<T> = Vec<(String, ArrayD<T>)>;

fn optimiser() -> OptimiserSpec {
    OptimiserSpec::adamw(1e-2)
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let table = dihedral(3);
    let set = PairSet::new(&table, 6, &[0, 3, 7, 8, 13, 20, 22, 29, 31, 35]).unwrap();
    for spec in specs(6) {
        let mut net = network::<f64>(&spec, 4);
        net.loss_and_gradients(&set, LossPrecision::Weights).unwrap();
        let gradients = net.gradients();
        let state = net.state_dict();
        let mut moved = net.clone();
        let step = 1e-5;
        for (tensor, (name, gradient)) in gradients.iter().enumerate() {
            // Every seventh number, and the last.
            for at in (0..gradient.len()).step_by(7).chain([gradient.len() - 1]) {
                let mut loss_at = |offset: f64| {
                    let mut state = state.clone();
                    *state[tensor].1.iter_mut().nth(at).unwrap() += offset;
                    moved.load_state_dict(&state).unwrap();
                    moved.evaluate(&set, LossPrecision::Weights).unwrap().loss
                };
                let slope = (loss_at(step) - loss_at(-step)) / (2.0 * step);
                let found = *gradient.iter().nth(at).unwrap();
                assert!((slope - found).abs() < 1e-8, "{spec:?} {name} {at}: {found}, differences {slope}");
            }
        }
        assert!(gradients.iter().all(|(_, g)| g.iter().any(|&x| x != 0.0)), "{spec:?}");
    }
}

fn tensor<'a, T>(state: &'a State<T>, name: &str) -> &'a ArrayD<T> {
    &state.iter().find(|(known, _)| known == name).unwrap().1
}

/// Hidden activations and logits of one pair, from the formula with the concatenated embeddings.
fn literal(net: &PairNetwork<f64>, a: usize, b: usize, edit: Option<PairEdit>) -> (Vec<f64>, Vec<f64>) {
    let state = net.state_dict();
    let (x, y, u) = (tensor(&state, "W_x"), tensor(&state, "W_y"), tensor(&state, "W_U"));
    let (mut left, mut right) = (x, y);
    if edit == Some(PairEdit::SwapEmbeddings) {
        std::mem::swap(&mut left, &mut right);
    }
    let hidden = net.spec().hidden();
    let sides: Vec<[f64; 2]> = match net.spec().architecture {
        PairArchitecture::Mlp { embed, .. } => {
            let w = tensor(&state, "W");
            let side = |row: &ArrayD<f64>, at: usize, offset: usize, k: usize| -> f64 {
                (0..embed).map(|i| row[[at, i]] * w[[offset + i, k]]).sum()
            };
            (0..hidden)
                .map(|k| match edit {
                    Some(PairEdit::SwapTables) => [side(right, a, embed, k), side(left, b, 0, k)],
                    _ => [side(left, a, 0, k), side(right, b, embed, k)],
                })
                .collect()
        }
        _ => (0..hidden)
            .map(|k| match edit {
                Some(PairEdit::SwapTables) => [right[[a, k]], left[[b, k]]],
                _ => [left[[a, k]], right[[b, k]]],
            })
            .collect(),
    };
    let bias = |name: &str, at: usize| state.iter().find(|(known, _)| known == name).map_or(0.0, |(_, t)| t[[at]]);
    let neurons: Vec<f64> = sides
        .iter()
        .enumerate()
        .map(|(k, &[l, r])| {
            let l = if edit == Some(PairEdit::NegateLeft) { -l } else { l };
            let r = if edit == Some(PairEdit::NegateRight) { -r } else { r };
            let pre = l + r + bias("b", k);
            match (&net.spec().architecture, edit) {
                (PairArchitecture::Bilinear { .. }, _) => l * r,
                (_, Some(PairEdit::Absolute)) => pre.abs(),
                _ => pre.max(0.0),
            }
        })
        .collect();
    let logits = (0..net.spec().order)
        .map(|c| neurons.iter().enumerate().map(|(k, h)| h * u[[k, c]]).sum::<f64>() + bias("b_U", c))
        .collect();
    (neurons, logits)
}

#[test]
fn views_and_their_edits_are_the_literal_formulas() {
    let edits = [
        None,
        Some(PairEdit::SwapEmbeddings),
        Some(PairEdit::SwapTables),
        Some(PairEdit::NegateLeft),
        Some(PairEdit::NegateRight),
        Some(PairEdit::Absolute),
        Some(PairEdit::Noise { mean: 0.0, deviation: 0.0, seed: 1 }),
    ];
    for spec in specs(7).into_iter().take(4) {
        let net = network::<f64>(&spec, 9);
        for edit in edits {
            let bilinear = matches!(spec.architecture, PairArchitecture::Bilinear { .. });
            let view = match net.edited_view(edit.as_slice()) {
                Ok(view) => view,
                Err(error) => {
                    assert!(bilinear && error.to_string().contains("rectifier"), "{error}");
                    continue;
                }
            };
            let (mut hidden, mut logits) = (Array2::zeros((7, spec.hidden())), Array2::zeros((7, 7)));
            for a in 0..7 {
                view.block(a, &mut hidden, &mut logits).unwrap();
                for b in 0..7 {
                    let (h, l) = literal(&net, a, b, edit);
                    for (found, wanted) in hidden.row(b).iter().zip(h).chain(logits.row(b).iter().zip(l)) {
                        assert!((found - wanted).abs() < 1e-12, "{spec:?} {edit:?} ({a}, {b}): {found} {wanted}");
                    }
                }
            }
        }
    }
}

#[test]
fn embeddings_and_unembedding_make_the_logits() {
    for spec in specs(5).into_iter().filter(|spec| {
        matches!(spec.architecture, PairArchitecture::Sum { .. } | PairArchitecture::Mlp { bias: false, .. })
    }) {
        let net = network::<f64>(&spec, 2);
        let ((left, right), unembedding) = (net.embeddings(), net.unembedding());
        let (mut hidden, mut logits) = (Array2::zeros((5, spec.hidden())), Array2::zeros((5, 5)));
        net.view().block(3, &mut hidden, &mut logits).unwrap();
        let by_hand = (&right + &left.row(3)).mapv(|x| x.max(0.0)).dot(&unembedding);
        assert!((&by_hand - &logits).iter().all(|x| x.abs() < 1e-12));
    }
    let transformer = network::<f64>(&specs(5)[4], 2);
    let (left, right) = transformer.embeddings();
    assert_eq!((left.dim(), left == right), ((5, 12), true));
    assert_eq!(transformer.unembedding().dim(), (23, 5));
}

#[test]
fn noise_has_its_moments_and_its_seed() {
    let net = network::<f64>(&PairSpec { order: 12, architecture: PairArchitecture::Sum { hidden: 200 } }, 1);
    // Far above zero the rectifier changes nothing, so what differs is the noise.
    let hidden = |edits: &[PairEdit]| {
        let (mut hidden, mut logits) = (Array2::zeros((12, 200)), Array2::zeros((12, 12)));
        net.edited_view(edits).unwrap().block(5, &mut hidden, &mut logits).unwrap();
        hidden
    };
    let noise = |seed| hidden(&[PairEdit::Noise { mean: 1000.0, deviation: 2.0, seed }]);
    let (left, right) = net.embeddings();
    let difference = noise(3) - (&right + &left.row(5));
    let mean = difference.mean().unwrap();
    let deviation = difference.std(0.0);
    assert!((mean - 1000.0).abs() < 0.2 && (deviation - 2.0).abs() < 0.1, "{mean} {deviation}");
    assert_eq!(noise(3), noise(3));
    assert_ne!(noise(3), noise(4));
}

#[test]
fn a_views_statistics_are_the_networks() {
    let table = dihedral(5);
    for spec in specs(10) {
        let net = network::<f32>(&spec, 3);
        for set in [PairSet::all(&table, 10).unwrap(), PairSet::new(&table, 10, &[5, 17, 44, 45]).unwrap()] {
            let (by_view, by_pass) =
                (net.view().evaluate(&set).unwrap(), net.evaluate(&set, LossPrecision::Double).unwrap());
            assert_eq!(by_view.accuracy, by_pass.accuracy);
            assert!((by_view.loss - by_pass.loss).abs() < 1e-5 * by_pass.loss, "{by_view:?} {by_pass:?}");
        }
    }
}

fn hash_after<T: Real>(spec: &PairSpec, path: KernelPath, threads: usize, precision: LossPrecision) -> Vec<u64> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let table = cyclic(spec.order);
        let set = PairSet::new(&table, spec.order, &(0..table.len()).step_by(2).collect::<Vec<_>>()).unwrap();
        let mut net = network::<T>(spec, 3);
        net.set_kernel_path(path).unwrap();
        let mut adam = net.optimiser(optimiser()).unwrap();
        let mut bits = Vec::new();
        for _ in 0..4 {
            let stats = net.train_step(&set, precision, &mut adam).unwrap();
            bits.extend([stats.loss.to_bits(), stats.gradient_norm.to_bits()]);
        }
        bits.push(net.weight_hash());
        bits.push(net.view().evaluate(&set).unwrap().loss.to_bits());
        bits
    })
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    for spec in specs(37) {
        for path in KernelPath::ALL.into_iter().filter(|path| path.is_supported()) {
            for precision in [LossPrecision::Weights, LossPrecision::Double] {
                let one = hash_after::<f32>(&spec, path, 1, precision);
                assert_eq!(one, hash_after::<f32>(&spec, path, 2, precision), "{spec:?} {path}");
                assert_eq!(one, hash_after::<f32>(&spec, path, 3, precision), "{spec:?} {path}");
            }
        }
        let one = hash_after::<f64>(&spec, KernelPath::best(), 1, LossPrecision::Double);
        assert_eq!(one, hash_after::<f64>(&spec, KernelPath::best(), 3, LossPrecision::Double));
    }
}

#[test]
fn paths_agree_to_rounding() {
    let table = cyclic(37);
    let set = PairSet::new(&table, 37, &(0..1369).step_by(3).collect::<Vec<_>>()).unwrap();
    for spec in specs(37) {
        let gradients = |path| {
            let mut net = network::<f32>(&spec, 8);
            net.set_kernel_path(path).unwrap();
            net.loss_and_gradients(&set, LossPrecision::Double).unwrap();
            net.gradients()
        };
        let mut truth = network::<f32>(&spec, 8).cast::<f64>().unwrap();
        truth.loss_and_gradients(&set, LossPrecision::Double).unwrap();
        for path in KernelPath::ALL.into_iter().filter(|path| path.is_supported()) {
            for ((name, found), (_, wanted)) in gradients(path).iter().zip(truth.gradients()) {
                let size = wanted.iter().fold(0.0f64, |m, x| m.max(x.abs()));
                for (f, w) in found.iter().zip(&wanted) {
                    assert!((f64::from(*f) - w).abs() < 2e-5 * size, "{spec:?} {path} {name}: {f} {w}");
                }
            }
        }
    }
}

#[test]
fn a_run_resumes_to_the_same_bits() {
    let table = dihedral(4);
    let set = PairSet::new(&table, 8, &(0..64).step_by(2).collect::<Vec<_>>()).unwrap();
    for spec in specs(8) {
        let mut net = network::<f32>(&spec, 5);
        let mut adam = net.optimiser(optimiser()).unwrap();
        for _ in 0..5 {
            net.train_step(&set, LossPrecision::Weights, &mut adam).unwrap();
        }
        let (weights, moments, steps) = (net.state_dict(), adam.state(), adam.steps());
        let mut again = network::<f32>(&spec, 77);
        again.load_state_dict(&weights).unwrap();
        let mut second = again.optimiser(optimiser()).unwrap();
        second.load_state(steps, &moments).unwrap();
        for _ in 0..5 {
            net.train_step(&set, LossPrecision::Weights, &mut adam).unwrap();
            again.train_step(&set, LossPrecision::Weights, &mut second).unwrap();
        }
        assert_eq!(net.weight_hash(), again.weight_hash());
        assert_ne!(net.state_dict(), weights);
    }
}

#[test]
fn a_small_group_is_learned() {
    let table = dihedral(3);
    let set = PairSet::all(&table, 6).unwrap();
    for spec in specs(6) {
        let mut net = network::<f32>(&spec, 1);
        let mut adam = net.optimiser(OptimiserSpec::adam(2e-2)).unwrap();
        for _ in 0..400 {
            net.train_step(&set, LossPrecision::Double, &mut adam).unwrap();
        }
        let stats = net.evaluate(&set, LossPrecision::Double).unwrap();
        assert_eq!(stats.accuracy, 1.0, "{spec:?}");
        assert!(stats.loss < 0.05, "{spec:?} {stats:?}");
    }
}

#[test]
fn initial_weights_have_the_published_deviations() {
    let check = |spec: PairSpec, wanted: &[(&str, f64)]| {
        let state = network::<f64>(&spec, 6).state_dict();
        for &(name, deviation) in wanted {
            let values = tensor(&state, name);
            let count = values.len() as f64;
            let found = (values.iter().map(|x| x * x).sum::<f64>() / count).sqrt();
            // The deviation's own relative error is 1/√(2n); five of them.
            assert!((found / deviation - 1.0).abs() < 5.0 / (2.0 * count).sqrt(), "{name}: {found} {deviation}");
            assert!((values.sum() / count).abs() < 5.0 * deviation / count.sqrt(), "{name}");
        }
    };
    check(PairSpec::mlp(120), &[("W_x", 1.0 / 16.0), ("W_y", 1.0 / 16.0), ("W", 0.044_194_17), ("W_U", 0.088_388_35)]);
    let t = 0.8 / 128.0f64.sqrt();
    let names = ["embed.W_E", "pos_embed.W_pos", "blocks.0.attn.W_Q", "blocks.0.mlp.W_out", "unembed.W_U"];
    check(PairSpec::transformer(120), &names.map(|name| (name, t)));
    check(
        PairSpec { order: 50, architecture: PairArchitecture::Bilinear { hidden: 64 } },
        &[("W_x", 0.125), ("W_U", 0.125)],
    );
}
