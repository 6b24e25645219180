//! The released networks that compose group elements (Chughtai, Chan and Nanda 2023), where `../shared/data` has them: they
//! load, their published losses come back on the published split, and published interventions do what was published.

use std::path::PathBuf;

use kymograph_linalg::random::torch_permutation;
use kymograph_measures::groups::Group;
use kymograph_nets::{LossPrecision, NetsError, PairEdit, PairNetwork, PairSet};
use kymograph_runs::Checkpoint;
use serde_json::Value;

struct Released {
    name: &'static str,
    group: Group,
    network: PairNetwork<f32>,
    config: Value,
    summary: Value,
}

fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/rep-theory"));
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: ../shared/data/rep-theory is not there");
    None
}

fn released(name: &'static str, group: &str) -> Option<Released> {
    let folder = folder()?.join(name);
    let json = |file: &str| serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap();
    let group = Group::named(group).unwrap();
    let state = Checkpoint::open(folder.join("model.pt")).unwrap().state_f32().unwrap();
    let network = PairNetwork::from_state(&state, group.order()).unwrap();
    Some(Released { name, group, network, config: json("cfg.json"), summary: json("summary_metrics.json") })
}

const ALL: [(&str, &str); 6] = [
    ("C113_MLP_seed1", "C113"),
    ("D59_MLP_seed1", "D59"),
    ("S5_MLP_seed1", "S5"),
    ("S5_MLP_seed2", "S5"),
    ("A5_MLP_seed1", "A5"),
    ("S5_T_seed1", "S5"),
];

#[test]
fn published_losses_come_back_on_the_published_split() {
    for (name, group) in ALL {
        let Some(Released { group, network, config, summary, .. }) = released(name, group) else { return };
        let (table, order) = (group.products(), group.order());
        let shuffled = torch_permutation(config["seed"].as_u64().unwrap(), table.len());
        let (train, test) = shuffled.split_at((config["frac_train"].as_f64().unwrap() * table.len() as f64) as usize);
        for (key, pairs) in [("train", train), ("test", test), ("all", &shuffled)] {
            let set = PairSet::new(table, order, pairs).unwrap();
            let stats = network.evaluate(&set, LossPrecision::Double).unwrap();
            assert_eq!(stats.accuracy, 1.0, "{name} {key}");
            let published = summary[format!("{key}_loss")].as_f64().unwrap();
            let off = (stats.loss - published).abs();
            assert!(off <= 1e-3 * published || off <= 2e-8, "{name} {key}: {}, published {published}", stats.loss);
        }
    }
}

#[test]
fn the_split_tells_the_training_pairs_from_the_others() {
    // Losses of training and held-out pairs differ by two orders of magnitude, and by none after another shuffle.
    let Some(Released { name, group, network, .. }) = released("A5_MLP_seed1", "A5") else { return };
    let loss = |pairs: &[usize]| {
        let set = PairSet::new(group.products(), group.order(), pairs).unwrap();
        network.evaluate(&set, LossPrecision::Double).unwrap().loss
    };
    let ratio = |seed| {
        let shuffled = torch_permutation(seed, group.products().len());
        let (train, test) = shuffled.split_at(shuffled.len() / 2);
        loss(test) / loss(train)
    };
    assert!(ratio(1) > 50.0, "{name}: {}", ratio(1));
    assert!((0.5..2.0).contains(&ratio(2)), "{name}: {}", ratio(2));
}

#[test]
fn interventions_on_s5_do_what_was_published() {
    for name in ["S5_MLP_seed1", "S5_MLP_seed2"] {
        let Some(Released { group, network, .. }) = released(name, "S5") else { return };
        let all = PairSet::all(group.products(), group.order()).unwrap();
        let with = |edits: &[PairEdit]| network.edited_view(edits).unwrap().evaluate(&all).unwrap();
        let base = with(&[]);
        assert_eq!(base.accuracy, 1.0);

        let swapped = with(&[PairEdit::SwapEmbeddings]);
        assert!(swapped.accuracy < 0.05 && (4.0..7.0).contains(&swapped.loss), "{name}: {swapped:?}");
        let tables = with(&[PairEdit::SwapTables]);
        assert!(tables.accuracy < 0.1 && tables.loss > 20.0, "{name}: {tables:?}");
        let both = with(&[PairEdit::NegateLeft, PairEdit::NegateRight]);
        assert!(both.accuracy == 1.0 && both.loss < 2.0 * base.loss, "{name}: {both:?}");
        for one in [PairEdit::NegateLeft, PairEdit::NegateRight] {
            let one = with(&[one]);
            assert!(one.accuracy < 0.01 && one.loss > 20.0, "{name}: {one:?}");
        }
        let absolute = with(&[PairEdit::Absolute]);
        assert!(absolute.accuracy == 1.0 && absolute.loss < 1e-4 * base.loss, "{name}: {absolute:?}");
        let noise = |mean, deviation| with(&[PairEdit::Noise { mean, deviation, seed: 0 }]);
        assert!(noise(0.0, 0.1).accuracy == 1.0 && noise(0.0, 0.1).loss < 2.0 * base.loss);
        assert!(noise(0.0, 1.0).accuracy > 0.97 && noise(0.0, 1.0).loss < 0.1);
        assert!(noise(-1.0, 1.0).accuracy > 0.97, "lower neurons do less harm than higher ones");
        assert!(noise(1.0, 1.0).accuracy < noise(-1.0, 1.0).accuracy);
    }
}

#[test]
fn a_group_the_network_was_not_trained_on_is_an_error() {
    let Some(folder) = folder() else { return };
    for (name, tensor) in [("S5_MLP_seed1", "W_x"), ("S5_T_seed1", "embed.W_E")] {
        let state = Checkpoint::open(folder.join(name).join("model.pt")).unwrap().state_f32().unwrap();
        let error = PairNetwork::from_state(&state, 118).unwrap_err();
        assert!(matches!(&error, NetsError::GroupShape { name, order: 118, .. } if name == tensor), "{error}");
    }
}
