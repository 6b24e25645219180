//! What must not change the numbers: the basis of ρ, the numbering of the elements, the threads; and what must.

use std::collections::BTreeMap;

use kymograph_linalg::qr;
use kymograph_linalg::random::{normal_matrix, permutation, stream};
use kymograph_measures::groups::circuit::notebook::{ablation_losses, change_of_basis, unembedding_map};
use kymograph_measures::groups::circuit::rival::{Layer, coset_homes, pair_power};
use kymograph_measures::groups::circuit::{Circuit, Pairing, Pairs, nulls, paired_block, summary, tables};
use kymograph_measures::groups::{Group, Irrep, subgroups};
use ndarray::{Array2, Axis};

use crate::support::{Small, close};

fn same(found: &BTreeMap<String, f64>, expected: &BTreeMap<String, f64>) {
    assert!(found.keys().eq(expected.keys()));
    for (column, value) in expected {
        close(found[column], *value, column);
    }
}

/// The representation in another orthonormal basis, and its span in another orthonormal basis of its own.
fn turned(irrep: &Irrep) -> Irrep {
    let mut stream = stream(5, &irrep.name);
    let mut rotation = |n: usize| qr(normal_matrix::<f64, _>(&mut stream, n, n).view()).expect("finite").q;
    let (basis, mixed) = (rotation(irrep.degree), rotation(irrep.span.ncols()));
    let mut changed = irrep.clone();
    for mut matrix in changed.matrices.axis_iter_mut(Axis(0)) {
        let to = basis.dot(&matrix).dot(&basis.t());
        matrix.assign(&to);
    }
    changed.span = irrep.span.dot(&mixed);
    changed
}

#[test]
fn the_basis_of_a_representation_does_not_matter() {
    for name in ["S4", "C7"] {
        let mut small = Small::random(name, 5, 1);
        let key = small.names().split_off(2);
        let expected = small.ask(|circuit| summary(circuit, &small.irreps, &key)).expect("a summary");
        small.irreps = small.irreps.iter().map(turned).collect();
        same(&small.ask(|circuit| summary(circuit, &small.irreps, &key)).expect("a summary"), &expected);
    }
}

#[test]
fn the_numbering_of_the_elements_does_not_matter() {
    // Wide enough that no pair silences every neuron: among equal logits the first counts, and numbering decides.
    let small = Small::random("S4", 20, 2);
    let order = 24;
    let to = permutation(&mut stream(1, "relabel"), order);
    let mut from = vec![0; order];
    to.iter().enumerate().for_each(|(old, &new)| from[new] = old);
    let table = Array2::from_shape_fn((order, order), |(a, b)| to[small.group.product(from[a], from[b])] as i64);
    let rows = |x: &Array2<f64>| x.select(Axis(0), &from);
    let irreps = small.irreps.iter().map(|irrep| Irrep {
        matrices: irrep.matrices.select(Axis(0), &from),
        character: irrep.character.select(Axis(0), &from),
        span: rows(&irrep.span),
        ..irrep.clone()
    });
    let other = Small {
        group: Group::from_table("S4 again", table.view()).expect("a group"),
        irreps: irreps.collect(),
        x: rows(&small.x),
        y: rows(&small.y),
        unembed: small.unembed.select(Axis(1), &from),
        train: (0..order * order).map(|pair| small.train[from[pair / order] * order + from[pair % order]]).collect(),
    };
    let key = vec!["standard".to_owned()];
    let expected = small.ask(|circuit| summary(circuit, &small.irreps, &key)).expect("a summary");
    same(&other.ask(|circuit| summary(circuit, &other.irreps, &key)).expect("a summary"), &expected);
    // Numbered anew without its arrays, the network is another one.
    let moved = Small { x: small.x.clone(), ..other };
    let changed = moved.ask(|circuit| summary(circuit, &moved.irreps, &key)).expect("a summary");
    assert!((changed["percent_x_embed_standard_rep"] - expected["percent_x_embed_standard_rep"]).abs() > 1e-3);
}

#[test]
fn fractions_over_all_representations_sum_to_one() {
    for name in ["S4", "C7", "C8", "D6", "A4", "A5"] {
        let small = Small::random(name, 4, 6);
        let columns = small.ask(|circuit| summary(circuit, &small.irreps, &[])).expect("a summary");
        for each in ["percent_x_embed", "percent_y_embed", "percent_unembed"] {
            let sum: f64 = small.names().iter().map(|r| columns[&format!("{each}_{r}_rep")]).sum();
            close(sum, 1.0, &format!("{name} {each}"));
        }
        let power = small.ask(|circuit| pair_power(circuit, &small.irreps, Layer::Hidden)).expect("power");
        close(power.shares.sum(), 1.0, name);
        close(power.rest, 0.0, name);
    }
}

#[test]
fn the_right_network_is_its_own_basis() {
    // hidden = the functions that span ρ, at ab; logits = Σ ρ(ab)_ij ρ(c)_ij = tr ρ(ab)ρ(c⁻¹).
    for (name, at) in [("S4", 4), ("C7", 2), ("A4", 1), ("A5", 3)] {
        let small = Small::random(name, 4, 6);
        let (group, irrep) = (&small.group, &small.irreps[at]);
        let unembed = irrep.span.t().to_owned();
        let block = |a: usize, hidden: &mut Array2<f64>, logits: &mut Array2<f64>| {
            for b in 0..group.order() {
                hidden.row_mut(b).assign(&irrep.span.row(group.product(a, b)));
            }
            logits.assign(&hidden.dot(&unembed));
        };
        let circuit = Circuit {
            group,
            embed_x: irrep.span.view(),
            embed_y: irrep.span.view(),
            unembed: unembed.view(),
            block: &block,
            residual: false,
            train: None,
            squared_weights: None,
        };
        let found = tables(&circuit).expect("tables");
        close(change_of_basis(&found, irrep).expect("a basis").cosine, 1.0, name);
        close(unembedding_map(&circuit, &found, irrep).expect("a map").cosine, 1.0, name);
        let columns = summary(&circuit, &small.irreps, &[]).expect("a summary");
        close(columns[&format!("logit_{}_rep_trace_similarity", irrep.name)], 1.0, name);
        close(columns[&format!("percent_hidden_xy_{}_rep", irrep.name)], 1.0, name);
    }
}

#[test]
fn the_bits_do_not_depend_on_the_threads() {
    let small = Small::random("D15", 9, 7);
    let (x, y, u) = (small.x.mapv(|v| v as f32), small.y.mapv(|v| v as f32), small.unembed.mapv(|v| v as f32));
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            let block = paired_block(x.view(), y.view(), u.view(), Pairing::Absolute);
            let circuit = Circuit {
                group: &small.group,
                embed_x: x.view(),
                embed_y: y.view(),
                unembed: u.view(),
                block: &block,
                residual: true,
                train: Some(&small.train),
                squared_weights: None,
            };
            let found = tables(&circuit).expect("tables");
            let key = [small.irreps[2].name.clone()];
            let mut numbers: Vec<f64> =
                summary(&circuit, &small.irreps, &key).expect("a summary").into_values().collect();
            let losses = ablation_losses(&circuit, &found, &small.irreps).expect("losses");
            numbers.extend(losses.iter().flat_map(|l| [l.x, l.y, l.xy]));
            numbers.extend(nulls::random_ablations(&circuit, &found, 4, Pairs::All, 3, 1).expect("losses"));
            let power = pair_power(&circuit, &small.irreps, Layer::Logits).expect("power");
            numbers.extend(power.shares);
            let subgroups = subgroups(&small.group).expect("its subgroups");
            let homes = coset_homes(&small.group, small.x.view(), &subgroups).expect("homes");
            numbers.extend(homes.iter().flatten().flat_map(|home| [home.concentration, home.alignment]));
            (found, numbers.into_iter().map(f64::to_bits).collect::<Vec<_>>())
        })
    };
    let one = run(1);
    assert!(one == run(2) && one == run(3));
}
