//! What networks of pairs are given: states of every architecture, and bad ones, each with an error that names it.

mod support;

use kymograph_linalg::random;
use kymograph_nets::{
    LossPrecision, NetsError, OptimiserSpec, PairArchitecture, PairEdit, PairNetwork, PairSet, PairSpec,
};
use ndarray::{Array2, ArrayD, IxDyn};
use support::pairs::{cyclic, network, specs};

fn optimiser() -> OptimiserSpec {
    OptimiserSpec::adamw(1e-2)
}

#[test]
fn states_tell_their_architecture() {
    for spec in specs(9) {
        let net = network::<f32>(&spec, 2);
        let state = net.state_dict();
        match PairNetwork::from_state(&state, 9) {
            Ok(loaded) => {
                assert_eq!(loaded.spec(), &spec);
                assert_eq!(loaded.state_dict(), state);
                assert_eq!(loaded.weight_hash(), net.weight_hash());
            }
            Err(error) => {
                let alone =
                    matches!(spec.architecture, PairArchitecture::Sum { .. } | PairArchitecture::Bilinear { .. });
                assert!(alone && error.to_string().contains("load_state_dict"), "{spec:?}: {error}");
            }
        }
    }
}

#[test]
fn what_a_released_transformer_holds_beside_its_weights_is_checked() {
    let net = network::<f32>(&specs(4)[4], 2);
    let table = net.state_dict()[0].1.clone();
    let extra = |name: &str, value: ArrayD<f32>| {
        let mut state = net.state_dict();
        state.push((name.to_owned(), value));
        PairNetwork::from_state(&state, 4)
    };
    let zeros = |n: usize| ArrayD::<f32>::zeros(IxDyn(&[n]));
    assert!(extra("x_embed", table.clone()).is_ok());
    assert!(extra("blocks.0.mlp.b_in", zeros(23)).is_ok());
    assert!(extra("blocks.0.attn.IGNORE", ArrayD::from_elem(IxDyn(&[]), 1e5)).is_ok());
    assert!(extra("y_embed", &table + 1.0).unwrap_err().to_string().contains("y_embed"));
    assert!(extra("blocks.0.mlp.b_in", zeros(23) + 1.0).unwrap_err().to_string().contains("not zero"));
    assert!(extra("unembed.W_V", zeros(2)).unwrap_err().to_string().contains("unembed.W_V"));
}

#[test]
fn hostile_states_are_named() {
    let spec = &specs(6)[0];
    let net = network::<f32>(spec, 2);
    let changed = |name: &str, value: ArrayD<f32>| {
        let mut state = net.state_dict();
        state.retain(|(known, _)| known != name);
        state.push((name.to_owned(), value));
        PairNetwork::from_state(&state, 6).unwrap_err().to_string()
    };
    let error = PairNetwork::from_state(&net.state_dict(), 7).unwrap_err();
    assert!(matches!(&error, NetsError::GroupShape { order: 7, .. }), "{error}");
    assert!(error.to_string().contains("does not fit a group of 7 elements"));
    let mut holes = net.state_dict()[1].1.clone();
    holes[[2, 3]] = f32::NAN;
    let error = changed("W_y", holes);
    assert!(error.contains("W_y") && error.contains("[2, 3]"), "{error}");
    assert!(changed("W_y", ArrayD::zeros(IxDyn(&[6, 7]))).contains("W_y"));
    assert!(changed("W_x", ArrayD::zeros(IxDyn(&[36]))).contains("W_x"));
    assert!(changed("W", ArrayD::zeros(IxDyn(&[3, 0]))).contains("hidden"));
    assert!(changed("W_U", ArrayD::zeros(IxDyn(&[6, 19]))).contains("W_U"));
    assert!(changed("extra", ArrayD::zeros(IxDyn(&[1]))).contains("extra"));
    for missing in ["W_x", "W_y", "W", "W_U"] {
        let mut state = net.state_dict();
        state.retain(|(known, _)| known != missing);
        assert!(PairNetwork::from_state(&state, 6).unwrap_err().to_string().contains(missing));
    }
    assert!(PairNetwork::<f32>::from_state(&[], 6).is_err());
    let mut other = net.clone();
    let before = other.weight_hash();
    assert!(other.load_state_dict(&network::<f32>(&specs(6)[1], 2).state_dict()).is_err());
    assert_eq!(other.weight_hash(), before);
}

#[test]
fn hostile_specs_sets_and_arrays_are_refused() {
    let make = |order, architecture| {
        PairNetwork::<f32>::new(&PairSpec { order, architecture }, &mut random::stream(0, "init")).map(|_| ())
    };
    assert!(make(0, PairArchitecture::Sum { hidden: 4 }).is_err());
    assert!(make(4, PairArchitecture::Sum { hidden: 0 }).is_err());
    assert!(make(1 << 20, PairArchitecture::Sum { hidden: 1 << 19 }).unwrap_err().to_string().contains("numbers"));
    assert!(make(usize::MAX, PairArchitecture::Mlp { embed: usize::MAX, hidden: 1, bias: true }).is_err());
    assert!(make(4, PairArchitecture::Transformer { d_model: 4, heads: 0, d_head: 2, d_mlp: 2 }).is_err());

    let table = cyclic(5);
    assert!(PairSet::new(&table, 4, &[0]).is_err());
    assert!(PairSet::new(&table, usize::MAX, &[0]).is_err());
    assert!(PairSet::new(&table, 5, &[]).is_err());
    assert!(PairSet::new(&table, 5, &[25]).unwrap_err().to_string().contains("25"));
    let mut wrong = table.clone();
    wrong[3] = 5;
    assert!(PairSet::all(&wrong, 5).is_err());

    let mut net = network::<f32>(&specs(5)[0], 1);
    let set = PairSet::all(&cyclic(6), 6).unwrap();
    assert!(net.evaluate(&set, LossPrecision::Weights).is_err());
    assert!(net.view().evaluate(&set).is_err());
    let mut other = network::<f32>(&specs(5)[1], 1).optimiser(optimiser()).unwrap();
    let all = PairSet::all(&table, 5).unwrap();
    assert!(matches!(net.train_step(&all, LossPrecision::Weights, &mut other), Err(NetsError::OtherNetwork { .. })));
    let view = net.view();
    let (mut hidden, mut logits) = (Array2::zeros((5, 19)), Array2::zeros((5, 5)));
    assert!(view.block(5, &mut hidden, &mut logits).is_err());
    assert!(view.block(0, &mut logits.clone(), &mut logits).is_err());
    assert!(view.block(0, &mut hidden, &mut Array2::zeros((5, 4))).is_err());
    let noise = |mean, deviation| net.edited_view(&[PairEdit::Noise { mean, deviation, seed: 0 }]).map(|_| ());
    assert!(noise(0.0, -1.0).is_err() && noise(f64::NAN, 1.0).is_err() && noise(0.0, f64::INFINITY).is_err());
    let transformer = network::<f32>(&specs(5)[4], 1);
    assert!(transformer.edited_view(&[PairEdit::SwapEmbeddings]).is_err());
    assert!(transformer.edited_view(&[PairEdit::Absolute]).is_ok());
}

#[test]
fn numbers_that_outgrow_their_type_stop_the_step_and_change_nothing() {
    let all = PairSet::all(&cyclic(5), 5).unwrap();
    for spec in specs(5) {
        let mut net = network::<f32>(&spec, 1);
        let state = net.state_dict().into_iter().map(|(name, t)| (name, t * 1e30)).collect::<Vec<_>>();
        net.load_state_dict(&state).unwrap();
        let before = net.weight_hash();
        let mut adam = net.optimiser(optimiser()).unwrap();
        let error = net.train_step(&all, LossPrecision::Double, &mut adam).unwrap_err();
        assert!(error.to_string().contains("not finite"), "{spec:?}: {error}");
        assert_eq!((net.weight_hash(), adam.steps()), (before, 0));
    }
}
