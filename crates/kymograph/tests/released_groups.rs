//! The released networks of Chughtai et al. 2023: every published summary metric against ours.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kymograph::runs::Checkpoint;
use kymograph_linalg::random;
use kymograph_measures::groups::circuit::notebook::{
    ablation_losses, cluster_fractions, clusters_after_relu, clusters_before_relu, logit_cosines, logit_fit,
    notebook_unembedding_map, unembedding_map,
};
use kymograph_measures::groups::circuit::nulls::{matched_spectrum, permuted_elements, random_ablations};
use kymograph_measures::groups::circuit::rival::{
    CosetHome, CosetSide, Layer, correlation_within, coset_homes, energy_by_subgroup, pair_power,
};
use kymograph_measures::groups::circuit::{Circuit, Pairs, disagreement, summary, tables};
use kymograph_measures::groups::{
    Group, Irrep, conjugacy_classes, left_cosets, published_irreps, published_wrong_a5_irreps, right_cosets, subgroups,
};
use kymograph_nets::PairNetwork;
use ndarray::{Array2, ArrayD, Axis};

/// Where the released networks may lie.
fn released(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/rep-theory").join(name);
    folder.exists().then_some(folder)
}

struct Released {
    config: serde_json::Value,
    published: BTreeMap<String, f64>,
    key: Vec<String>,
    weights: Vec<(String, ArrayD<f32>)>,
}

fn open(folder: &Path) -> Released {
    let bytes = |name: &str| std::fs::read(folder.join(name)).expect("a file beside the network");
    let checkpoint = Checkpoint::open(folder.join("model.pt")).expect("a checkpoint");
    Released {
        config: serde_json::from_slice(&bytes("cfg.json")).expect("JSON"),
        published: serde_json::from_slice(&bytes("summary_metrics.json")).expect("a number for each name"),
        key: String::from_utf8(bytes("key_reps.txt")).expect("text").split_whitespace().map(str::to_owned).collect(),
        weights: checkpoint.state_f32().expect("its tensors"),
    }
}

impl Released {
    /// What PyTorch's generator made of the seed.
    fn train(&self, order: usize) -> Vec<bool> {
        let number = |name: &str| self.config[name].as_f64().expect("a number");
        let pairs = order * order;
        let mut train = vec![false; pairs];
        let count = (number("frac_train") * pairs as f64) as usize;
        random::torch_permutation(number("seed") as u64, pairs)[..count].iter().for_each(|&pair| train[pair] = true);
        train
    }

    fn is_transformer(&self) -> bool {
        self.config["model"] == "Transformer"
    }

    fn ask<R>(&self, group: &Group, question: impl FnOnce(&Circuit<'_, f32>) -> R) -> R {
        let network = PairNetwork::from_state(&self.weights, group.order()).expect("a network of this group");
        let ((x, y), unembed, view) = (network.embeddings(), network.unembedding(), network.view());
        let block = |a: usize, hidden: &mut Array2<f32>, logits: &mut Array2<f32>| {
            view.block(a, hidden, logits).expect("a left element");
        };
        let squares = |w: &ArrayD<f32>| w.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>();
        question(&Circuit {
            group,
            embed_x: x.view(),
            embed_y: y.view(),
            unembed: unembed.view(),
            block: &block,
            residual: self.is_transformer(),
            train: Some(&self.train(group.order())),
            squared_weights: Some(network.state_dict().iter().map(|(_, w)| squares(w)).sum()),
        })
    }
}

/// Every published column within 1e-3 of itself or 2e-8, but for those said to disagree; the columns that disagree.
fn agree(name: &str, group: &str, irreps: Option<Vec<Irrep>>) -> Option<(BTreeMap<String, f64>, Vec<String>)> {
    let Some(folder) = released(name) else {
        println!("skipped: ../shared/data/rep-theory/{name} is not here");
        return None;
    };
    let released = open(&folder);
    let wrong = irreps.is_some();
    let group = Group::named(group).expect("a group");
    let irreps = irreps.unwrap_or_else(|| published_irreps(&group).expect("its representations"));
    let ours = released.ask(&group, |circuit| summary(circuit, &irreps, &released.key)).expect("a summary");
    let transformer = released.is_transformer();
    let mut apart = Vec::new();
    for (column, &published) in released.published.iter().filter(|(column, _)| *column != "epoch") {
        if disagreement(group.name(), transformer, wrong, column).is_some() {
            apart.push(column.clone());
            continue;
        }
        let found = *ours.get(column).unwrap_or_else(|| panic!("{name}: no {column}"));
        let difference = (found - published).abs();
        assert!(
            difference <= 1e-3 * published.abs() || difference <= 2e-8,
            "{name} {column}: {found:e} and published {published:e}"
        );
    }
    Some((ours, apart))
}

#[test]
fn s5_agrees_in_every_column() {
    for name in ["S5_MLP_seed1", "S5_MLP_seed2"] {
        if let Some((ours, apart)) = agree(name, "S5", None) {
            assert!(apart.len() == 4 && apart.iter().all(|column| column.ends_with("trivial_rep")), "{apart:?}");
            sums_to_one(&ours, &published_irreps(&Group::named("S5").expect("S5")).expect("irreps"));
        }
    }
}

#[test]
fn a_dihedral_group_agrees_in_every_column() {
    if let Some((ours, apart)) = agree("D59_MLP_seed1", "D59", None) {
        assert_eq!(apart.len(), 4, "{apart:?}");
        sums_to_one(&ours, &published_irreps(&Group::named("D59").expect("D59")).expect("irreps"));
    }
}

#[test]
fn a_cyclic_group_agrees_outside_its_hidden_layer() {
    if let Some((ours, apart)) = agree("C113_MLP_seed1", "C113", None) {
        // Six columns for each of 56 frequencies, five sums, and the trivial part.
        assert_eq!(apart.len(), 6 * 56 + 5 + 4, "{apart:?}");
        assert!(ours["total_hidden_restricted_loss"] < 1e-4, "the right subspace carries the answer");
        sums_to_one(&ours, &published_irreps(&Group::named("C113").expect("C113")).expect("irreps"));
    }
}

#[test]
fn a_transformer_agrees_in_every_column_but_its_weights() {
    if let Some((_, apart)) = agree("S5_T_seed1", "S5", None) {
        assert_eq!(apart.len(), 5, "{apart:?}");
        assert!(apart.contains(&"sum_of_squared_weights".to_owned()));
    }
}

#[test]
fn a5_agrees_with_the_wrong_matrices_and_sums_to_one_with_the_right() {
    let group = Group::named("A5").expect("A5");
    let wrong = published_wrong_a5_irreps(&group).expect("the published matrices");
    if let Some((_, apart)) = agree("A5_MLP_seed1", "A5", Some(wrong)) {
        assert_eq!(apart.len(), 4, "{apart:?}");
        let (ours, apart) = agree("A5_MLP_seed1", "A5", None).expect("it is here");
        assert!(apart.contains(&"percent_x_embed_a5_3d_a_rep".to_owned()));
        sums_to_one(&ours, &published_irreps(&group).expect("irreps"));
    }
}

/// The last row of the published metrics.csv, whose hidden fractions are not centred.
#[test]
fn the_older_columns_agree() {
    let Some((ours, _)) = agree("S5_MLP_seed2", "S5", None) else { return };
    for (irrep, published) in
        [("trivial", 0.30895376), ("sign", 0.017376337), ("standard", 0.07223548), ("s5_5d_b", 0.00010591935)]
    {
        let found = ours[&format!("percent_hidden_{irrep}_rep")];
        assert!((found / published - 1.0).abs() < 1e-3, "{irrep}: {found} and published {published}");
    }
}

/// The paper's mainline network with its group and representations, where it is here.
fn mainline() -> Option<(Released, Group, Vec<Irrep>)> {
    let Some(folder) = released("S5_MLP_seed2") else {
        println!("skipped: ../shared/data/rep-theory is not here");
        return None;
    };
    let group = Group::named("S5").expect("S5");
    let irreps = published_irreps(&group).expect("irreps");
    Some((open(&folder), group, irreps))
}

/// What the notebook shows, on a network of the same kind whose key representations are sign and standard.
#[test]
fn the_notebook_on_a_released_network() {
    let Some((released, group, irreps)) = mainline() else { return };
    released.ask(&group, |circuit| {
        let found = tables(circuit).expect("tables");
        let before = clusters_before_relu(circuit, &irreps, 1.0).expect("clusters");
        let after = clusters_after_relu(&found, &irreps, 100.0).expect("clusters");
        println!("off {:?}, sign {:?}, standard {}", before.off.len(), before.of("sign"), before.of("standard").len());
        assert_eq!(before.off, after.off, "what is off before the rectifier is off behind it");
        assert!(
            before.mixed.is_empty() && before.unaccounted.is_empty() && before.on_one_side.is_empty(),
            "{before:?}"
        );
        assert_eq!(before.off.len() + before.of("sign").len() + before.of("standard").len(), 128);
        for fractions in cluster_fractions(&found, &irreps, &before).expect("fractions") {
            let Some(cluster) = fractions.cluster else { continue };
            println!("{} {cluster:?}", fractions.irrep);
            if fractions.irrep == "sign" {
                for value in [cluster.x, cluster.y, cluster.xy, cluster.trivial] {
                    assert!((value - 0.25).abs() < 1e-3, "a sign neuron is a quarter each: {cluster:?}");
                }
            } else {
                assert!(cluster.sum > 0.9 && cluster.sum < 1.0 && cluster.xy < 0.1, "{cluster:?}");
            }
        }
        let losses = ablation_losses(circuit, &found, &irreps).expect("losses");
        println!("{losses:?}");
        let of = |name: &str| losses.iter().find(|l| l.irrep == name).expect("a representation");
        assert!(of("standard").xy > 5.0 && of("sign").xy > 1e-4 && of("sign").xy < 1e-2);
        for loss in &losses {
            let others = if ["standard", "sign"].contains(&&loss.irrep[..]) { 0.0 } else { loss.xy };
            assert!(loss.x < 1e-5 && loss.y < 1e-5 && others < 1e-5, "only ρ(ab) of the key ones matters: {loss:?}");
        }
        let null = random_ablations(circuit, &found, 16, Pairs::All, 8, 1).expect("losses");
        println!("sixteen random functions of ab: {null:?}");
        assert!(null.iter().all(|loss| *loss < of("standard").xy));
        let key = ["standard".to_owned(), "sign".to_owned()];
        let fit = logit_fit(&group, &found, &irreps, &key).expect("a fit");
        println!("{fit:?}");
        assert!((fit.published_norm_ratio.powi(2) - fit.uncentred_r_squared).abs() < 1e-9);
        for cosines in logit_cosines(&group, &found, &irreps).expect("cosines") {
            println!("{cosines:?}");
            assert!(
                (cosines.centred_by_pair - cosines.mean_of_rows).abs() < 0.01,
                "both published definitions are near"
            );
        }
        let map = unembedding_map(circuit, &found, &irreps[2]).expect("a map");
        let mistaken = notebook_unembedding_map(circuit, &found, &irreps[1], &irreps[2]).expect("a map");
        println!("unembedding in the basis of standard: {}, as the notebook has it {mistaken:?}", map.cosine);
        assert!(map.cosine > 0.9);
        assert_eq!(mistaken, ([1, 16], 0.0));
    });
}

/// Stander's account of the same network: neurons are constant on cosets, and nothing random is.
#[test]
fn the_rival_account_of_a_released_network() {
    let Some((released, group, irreps)) = mainline() else { return };
    let subgroups = subgroups(&group).expect("subgroups");
    assert_eq!(subgroups.len(), 156);
    released.ask(&group, |circuit| {
        let before = clusters_before_relu(circuit, &irreps, 1.0).expect("clusters");
        let active: Vec<usize> = (0..128).filter(|neuron| !before.off.contains(neuron)).collect();
        for (side, embed, cosets) in [("x", circuit.embed_x, CosetSide::Right), ("y", circuit.embed_y, CosetSide::Left)]
        {
            let functions = embed.mapv(f64::from).select(Axis(1), &active);
            let homes = coset_homes(&group, functions.view(), &subgroups).expect("homes");
            let shares = energy_by_subgroup(&homes);
            let mut by_structure = BTreeMap::<&str, f64>::new();
            for (subgroup, share) in &shares {
                *by_structure.entry(&subgroups[*subgroup].structure).or_default() += share;
            }
            println!("{side}: {by_structure:?}");
            let aligned: f64 = shares.iter().map(|(_, share)| share).sum();
            assert!(aligned > 0.9, "{side}: {aligned}");
            assert!(by_structure["S4"] > 0.5 && by_structure.contains_key("A5"), "{by_structure:?}");
            let least = |homes: &[Option<CosetHome>]| {
                let mut all: Vec<f64> = homes.iter().flatten().map(|home| home.concentration).collect();
                all.sort_by(f64::total_cmp);
                all[all.len() / 2]
            };
            // Cosets of a normal subgroup have no side.
            let sided =
                |home: &&CosetHome| home.subgroup_alignment >= 0.9 && subgroups[home.subgroup].structure == "S4";
            assert!(homes.iter().flatten().filter(sided).all(|home| home.side == cosets), "{side}");
            // The unembedding of a neuron treats the cosets of its embedding alike, and conjugacy classes not.
            let (mut at_home, mut classes) = (Vec::new(), vec![0; group.order()]);
            for (label, class) in conjugacy_classes(&group).iter().enumerate() {
                class.iter().for_each(|&element| classes[element] = label);
            }
            let mut by_class = Vec::new();
            for (home, &neuron) in homes.iter().zip(&active) {
                let Some(home) = home.filter(|home| home.subgroup_alignment >= 0.9) else { continue };
                let labels = match home.side {
                    CosetSide::Left => left_cosets(&group, &subgroups[home.subgroup]),
                    CosetSide::Right => right_cosets(&group, &subgroups[home.subgroup]),
                };
                let row = circuit.unembed.row(neuron).mapv(f64::from);
                let within =
                    |labels: &[usize]| correlation_within(row.view(), labels).expect("finite").expect("it varies");
                at_home.push(within(&labels.expect("cosets")).within);
                by_class.push(within(&classes).within);
            }
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            println!("{side}: unembedding {:.3} within cosets, {:.3} within classes", mean(&at_home), mean(&by_class));
            assert!(mean(&at_home) > 0.9 && mean(&by_class).abs() < 0.2);
            for draw in 0..3 {
                let dealt = permuted_elements(functions.view(), 1, draw);
                let drawn = matched_spectrum(functions.view(), &irreps, 1, draw).expect("functions");
                for (name, null) in [("permuted", dealt), ("matched", drawn)] {
                    let null = coset_homes(&group, null.view(), &subgroups).expect("homes");
                    println!("{side}: concentration {:.2e}, {name} {:.2e}", least(&homes), least(&null));
                    assert!(least(&homes) < 0.01 * least(&null), "{name}");
                }
            }
        }
        for layer in [Layer::Hidden, Layer::Logits] {
            let power = pair_power(circuit, &irreps, layer).expect("power");
            println!("{layer:?} {:.4} rest {:.1e}", power.shares, power.rest);
            assert!(power.rest.abs() < 1e-9);
            assert!(power.shares[[2, 2]] > 0.1, "standard × standard");
        }
    });
}

fn sums_to_one(columns: &BTreeMap<String, f64>, irreps: &[Irrep]) {
    for each in ["percent_x_embed", "percent_y_embed", "percent_unembed"] {
        let sum: f64 = irreps.iter().map(|irrep| columns[&format!("{each}_{}_rep", irrep.name)]).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{each}: {sum}");
    }
}
