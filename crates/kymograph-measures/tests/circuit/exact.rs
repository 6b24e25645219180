//! A network on C3 that is its one frequency, worked by hand, and the nulls' closed forms.

use std::f64::consts::TAU;

use kymograph_measures::groups::circuit::notebook::{change_of_basis, logit_cosines, logit_fit, unembedding_map};
use kymograph_measures::groups::circuit::nulls::{one_hot_logits, random_share};
use kymograph_measures::groups::circuit::{Circuit, key_by_similarity, summary_of, tables};
use kymograph_measures::groups::{Group, Irrep, irreps};
use ndarray::{Array2, array};

use crate::support::close;

/// hidden = (cos, sin)(2π(a + b)/3), logits = 4 cos(2π(a + b − c)/3) = 2χ.
fn c3<R>(question: impl FnOnce(&Circuit<'_, f64>, &[Irrep]) -> R) -> R {
    let group = Group::named("C3").expect("a group");
    let irreps = irreps(&group).expect("its representations");
    let angle = |g: usize| TAU * g as f64 / 3.0;
    let wave = Array2::from_shape_fn((3, 2), |(g, n)| if n == 0 { angle(g).cos() } else { angle(g).sin() });
    let unembed = wave.t().mapv(|x| 4.0 * x);
    let block = |a: usize, hidden: &mut Array2<f64>, logits: &mut Array2<f64>| {
        for b in 0..3 {
            hidden.row_mut(b).assign(&wave.row((a + b) % 3));
        }
        logits.assign(&hidden.dot(&unembed));
    };
    question(
        &Circuit {
            group: &group,
            embed_x: wave.view(),
            embed_y: wave.view(),
            unembed: unembed.view(),
            block: &block,
            residual: false,
            train: None,
            squared_weights: None,
        },
        &irreps,
    )
}

#[test]
fn one_frequency_is_all_there_is() {
    c3(|circuit, irreps| {
        let tables = tables(circuit).expect("tables");
        let key = key_by_similarity(circuit.group, &tables, irreps, 0.005).expect("key representations");
        assert_eq!(key, ["freq_1"]);
        let columns = summary_of(circuit, &tables, irreps, &key).expect("a summary");
        let right = (1.0 + 2.0 * (-6f64).exp()).ln();
        for (name, expected) in [
            ("train_loss", right),
            ("all_loss", right),
            ("train_acc", 1.0),
            ("logit_freq_1_rep_trace_similarity", 1.0),
            ("logit_restricted_loss_freq_1_rep", right),
            ("logit_excluded_loss_freq_1_rep", 3f64.ln()),
            ("percent_x_embed_freq_1_rep", 1.0),
            ("percent_y_embed_trivial_rep", 0.0),
            ("percent_unembed_freq_1_rep", 1.0),
            ("percent_hidden_x_freq_1_rep", 0.0),
            ("percent_hidden_y_freq_1_rep", 0.0),
            ("percent_hidden_xy_freq_1_rep", 1.0),
            ("total_percent_hidden_freq_1_rep", 1.0),
            ("percent_hidden_freq_1_rep", 1.0),
            ("hidden_excluded_loss_freq_1_rep", 3f64.ln()),
            ("hidden_excluded_loss_trivial_rep", right),
            ("hidden_restricted_loss_trivial_rep", 3f64.ln()),
            ("hidden_restricted_loss_freq_1_rep", right),
            ("total_hidden_restricted_loss", right),
            ("total_logit_excluded_loss", 3f64.ln()),
            ("percent_logits_explained", 1.0),
            ("percent_hidden_explained", 1.0),
            ("percent_unembed_explained", 1.0),
        ] {
            close(columns[name], expected, name);
        }
        for absent in ["test_loss", "test_acc", "sum_of_squared_weights", "test_loss_restricted_loss_ratio"] {
            assert!(!columns.contains_key(absent), "{absent} is not known");
        }
        assert!(!columns.contains_key("logit_trivial_rep_trace_similarity"));
    });
}

#[test]
fn the_fit_finds_the_coefficients() {
    c3(|circuit, irreps| {
        let tables = tables(circuit).expect("tables");
        let fit = logit_fit(circuit.group, &tables, irreps, &["freq_1".to_owned()]).expect("a fit");
        close(fit.coefficients[0].1, 2.0, "coefficient");
        close(fit.constant, 0.0, "constant");
        for (value, what) in
            [(fit.r_squared, "R²"), (fit.uncentred_r_squared, "uncentred R²"), (fit.published_norm_ratio, "ratio")]
        {
            close(value, 1.0, what);
        }
        close(fit.fit_loss, fit.network_loss, "loss");
        for cosines in logit_cosines(circuit.group, &tables, irreps).expect("cosines") {
            let expected = if cosines.irrep == "trivial" { 0.0 } else { 1.0 };
            for value in [cosines.centred_by_pair, cosines.centred, cosines.uncentred, cosines.mean_of_rows] {
                close(value, expected, &cosines.irrep);
            }
        }
    });
}

#[test]
fn the_bases_meet() {
    c3(|circuit, irreps| {
        let tables = tables(circuit).expect("tables");
        let basis = change_of_basis(&tables, &irreps[1]).expect("a basis");
        close(basis.cosine, 1.0, "hidden and ρ(ab)");
        assert_eq!((basis.matrix.dim(), basis.projected.dim()), ((4, 2), (3, 4)));
        close(unembedding_map(circuit, &tables, &irreps[1]).expect("a map").cosine, 1.0, "unembedding");
        let nothing = change_of_basis(&tables, &irreps[0]).expect_err("nothing is constant");
        assert!(nothing.to_string().contains("hidden"), "{nothing}");
    });
}

#[test]
fn answers_alone_resemble_characters() {
    for name in ["C3", "C8", "D5", "S4", "A5", "C2xC3"] {
        let group = Group::named(name).expect("a group");
        let irreps = irreps(&group).expect("its representations");
        let order = group.order();
        let eye = Array2::<f64>::eye(order);
        let block = |a: usize, hidden: &mut Array2<f64>, logits: &mut Array2<f64>| {
            for b in 0..order {
                logits.row_mut(b).assign(&eye.row(group.product(a, b)));
            }
            hidden.assign(logits);
        };
        let circuit = Circuit {
            group: &group,
            embed_x: eye.view(),
            embed_y: eye.view(),
            unembed: eye.view(),
            block: &block,
            residual: false,
            train: None,
            squared_weights: None,
        };
        let all: Vec<String> = irreps.iter().skip(1).map(|irrep| irrep.name.clone()).collect();
        let tables = tables(&circuit).expect("tables");
        let columns = summary_of(&circuit, &tables, &irreps, &all).expect("a summary");
        let null = one_hot_logits(&group, &irreps, &all).expect("the null");
        close(null.explained, 1.0, "all characters together");
        close(columns["percent_logits_explained"], 1.0, "all characters together");
        for (name, similarity) in &null.similarities {
            close(columns[&format!("logit_{name}_rep_trace_similarity")], *similarity, name);
        }
        for irrep in &irreps {
            // The identity as embedding has an equal share of every function.
            close(columns[&format!("percent_x_embed_{}_rep", irrep.name)], random_share(irrep), &irrep.name);
        }
    }
    let s5 = Group::named("S5").expect("a group");
    let null = one_hot_logits(&s5, &irreps(&s5).expect("irreps"), &["sign".to_owned(), "standard".to_owned()]);
    let null = null.expect("the null");
    close(null.explained, 17.0 / 119.0, "studies: 14.3 %");
    let standard = null.similarities.iter().find(|(name, _)| name == "standard").expect("standard").1;
    close(standard, 4.0 / 119f64.sqrt(), "d/√(|G| − 1)");
}

#[test]
fn pairs_not_trained_on_are_the_test() {
    let train: Vec<bool> = [true, false, false, true, true, true, true, true, true].to_vec();
    c3(|circuit, irreps| {
        let wrong = array![[9.0, 0.0, 0.0], [0.0, 0.0, 9.0], [9.0, 0.0, 0.0]];
        let block = |a: usize, hidden: &mut Array2<f64>, logits: &mut Array2<f64>| {
            (circuit.block)(a, hidden, logits);
            if a == 0 {
                logits.assign(&wrong);
            }
        };
        let circuit = Circuit { block: &block, residual: true, train: Some(&train), ..*circuit };
        let columns = summary_of(&circuit, &tables(&circuit).expect("tables"), irreps, &[]).expect("a summary");
        close(columns["test_acc"], 0.0, "both answers are wrong");
        close(columns["test_loss"], (9f64.exp() + 2.0).ln(), "test loss");
        close(columns["train_acc"], 1.0, "the rest is right");
        let right = 6.0 * (1.0 + 2.0 * (-6f64).exp()).ln() + (1.0 + 2.0 * (-9f64).exp()).ln();
        close(columns["train_loss"], right / 7.0, "train loss");
        close(columns["hidden_excluded_loss_freq_1_rep"], 3f64.ln(), "the hidden layer alone");
    });
}
