//! Arrays that do not fit, do not vary or are not finite: an error that says where, never a NaN.

use kymograph_measures::groups::circuit::notebook::{
    clusters_before_relu, embedding_losses, logit_cosines, logit_fit, notebook_unembedding_map,
};
use kymograph_measures::groups::circuit::rival::{Layer, correlation_within, coset_homes, pair_power};
use kymograph_measures::groups::circuit::{
    Ablation, Base, Circuit, Coordinate, Pairing, Pairs, ablated_losses, disagreement, nulls, summary, tables,
};
use kymograph_measures::groups::{Group, subgroups};
use ndarray::{Array2, array};

use crate::support::Small;

/// What is said of a circuit that has no summary.
fn refused(circuit: &Circuit<'_, f64>, small: &Small) -> String {
    summary(circuit, &small.irreps, &[]).expect_err("it has no summary").to_string()
}

#[test]
fn shapes_that_do_not_fit_the_group_are_named() {
    let small = Small::random("S3", 4, 1);
    let short = Array2::<f64>::ones((5, 4));
    let errors = small.ask(|circuit| {
        [
            ("embed_x", refused(&Circuit { embed_x: short.view(), ..*circuit }, &small)),
            ("embed_y", refused(&Circuit { embed_y: short.view(), ..*circuit }, &small)),
            ("unembed", refused(&Circuit { unembed: short.t(), ..*circuit }, &small)),
        ]
    });
    for (name, error) in errors {
        assert!(error.contains(name) && error.contains('5') && error.contains('6'), "{error}");
    }
    small.ask(|circuit| {
        let error = refused(&Circuit { train: Some(&[true; 35]), ..*circuit }, &small);
        assert!(error.contains("train") && error.contains("35"), "{error}");
        let error = refused(&Circuit { train: Some(&[false; 36]), ..*circuit }, &small);
        assert!(error.contains("training pairs"), "{error}");
        let error = refused(&Circuit { squared_weights: Some(f64::NAN), ..*circuit }, &small);
        assert!(error.contains("squared_weights"), "{error}");
        let wide = |_: usize, hidden: &mut Array2<f64>, _: &mut Array2<f64>| *hidden = Array2::zeros((6, 5));
        let error = refused(&Circuit { block: &wide, ..*circuit }, &small);
        assert!(error.contains("hidden"), "{error}");
    });
}

#[test]
fn entries_that_are_not_finite_are_found() {
    for value in [f64::NAN, f64::INFINITY] {
        let mut small = Small::random("S3", 4, 1);
        small.y[[2, 3]] = value;
        let error = small.ask(|circuit| refused(circuit, &small));
        assert!(error.contains("embed_y") && error.contains("row 2, column 3"), "{error}");
        let small = Small::random("S3", 4, 1);
        let block = move |a: usize, _: &mut Array2<f64>, logits: &mut Array2<f64>| {
            if a == 4 {
                logits[[1, 2]] = value;
            }
        };
        let error = small.ask(|circuit| refused(&Circuit { block: &block, ..*circuit }, &small));
        assert!(error.contains("logits") && error.contains("[4, 1, 2]"), "{error}");
    }
}

#[test]
fn what_does_not_vary_has_no_number() {
    let small = Small::random("S3", 4, 1);
    let none = Array2::<f64>::zeros((6, 4));
    small.ask(|circuit| {
        for error in [
            refused(&Circuit { embed_x: none.view(), ..*circuit }, &small),
            refused(&Circuit { embed_y: none.view(), ..*circuit }, &small),
            refused(&Circuit { unembed: none.t(), ..*circuit }, &small),
        ] {
            assert!(error.contains("zero"), "{error}");
        }
        let still = |_: usize, hidden: &mut Array2<f64>, logits: &mut Array2<f64>| {
            hidden.fill(2.0);
            logits.assign(&Array2::eye(6));
        };
        let mute = |a: usize, hidden: &mut Array2<f64>, logits: &mut Array2<f64>| {
            hidden.fill(a as f64);
            logits.fill(3.0);
        };
        let (hidden, logits) = (
            refused(&Circuit { block: &still, ..*circuit }, &small),
            refused(&Circuit { block: &mute, ..*circuit }, &small),
        );
        assert!(hidden.contains("hidden") && hidden.contains("the same for every pair"), "{hidden}");
        assert!(logits.contains("logits") && logits.contains("the same for every element"), "{logits}");
        let silent = |_: usize, hidden: &mut Array2<f64>, logits: &mut Array2<f64>| {
            hidden.fill(0.0);
            logits.fill(0.0);
        };
        let circuit = Circuit { block: &silent, ..*circuit };
        let found = tables(&circuit).expect("zeros are numbers");
        assert!(logit_fit(&small.group, &found, &small.irreps, &[]).is_err());
        assert!(logit_cosines(&small.group, &found, &small.irreps).is_err());
        assert!(pair_power(&circuit, &small.irreps, Layer::Hidden).is_err());
        assert!(notebook_unembedding_map(&circuit, &found, &small.irreps[1], &small.irreps[2]).is_err());
    });
}

#[test]
fn very_large_and_very_small_weights_give_numbers_or_say_why() {
    for scale in [1e-200, 1e-30, 1e3, 1e60, 1e200, 1e300] {
        let mut small = Small::random("S3", 4, 2);
        small.x *= scale;
        small.y *= scale;
        if let Ok(columns) = small.ask(|circuit| summary(circuit, &small.irreps, &["sign".to_owned()])) {
            assert!(columns.values().all(|value| value.is_finite()), "{scale:e} {columns:?}");
        }
    }
}

#[test]
fn names_and_options_are_checked() {
    let small = Small::random("S3", 4, 1);
    small.ask(|circuit| {
        let key = ["standart".to_owned()];
        let error = summary(circuit, &small.irreps, &key).expect_err("no such representation").to_string();
        assert!(error.contains("standart") && error.contains("standard"), "{error}");
        assert!(embedding_losses(circuit, Pairing::Relu, &small.irreps, &key).is_err());
        let other = Small::random("C5", 2, 1);
        assert!(summary(circuit, &other.irreps, &[]).is_err(), "another group's representations");
        let found = tables(circuit).expect("tables");
        for functions in [0, 6] {
            assert!(nulls::random_ablations(circuit, &found, functions, Pairs::All, 1, 0).is_err());
        }
        let ablation =
            |table: Array2<f64>| Ablation { table, by: Coordinate::Product, base: Base::Logits, pairs: Pairs::All };
        assert!(ablated_losses(circuit, &[ablation(Array2::zeros((6, 5)))]).is_err());
        assert!(ablated_losses(circuit, &[ablation(Array2::from_elem((6, 6), f64::NAN))]).is_err());
        assert_eq!(ablated_losses(circuit, &[]), Ok(Vec::new()));
        let narrow = Array2::<f64>::ones((6, 3));
        let apart = Circuit { embed_x: narrow.view(), embed_y: narrow.view(), ..*circuit };
        assert!(clusters_before_relu(&apart, &small.irreps, 1.0).is_err(), "three columns, four neurons");
    });
    let own = subgroups(&small.group).expect("its subgroups");
    assert!(coset_homes(&small.group, small.x.view(), &own[..1]).is_err(), "the trivial subgroup alone");
    let others = subgroups(&Group::named("C9").expect("a group")).expect("its subgroups");
    assert!(coset_homes(&small.group, small.x.view(), &others).is_err(), "another group's subgroups");
    assert!(correlation_within(array![1.0, 2.0].view(), &[0]).is_err());
    assert!(correlation_within(array![1.0, f64::NAN].view(), &[0, 0]).is_err());
    assert_eq!(correlation_within(array![2.0, 2.0].view(), &[0, 0]), Ok(None));
}

#[test]
fn disagreements_are_few_and_named() {
    let none = |group, transformer, wrong, column| disagreement(group, transformer, wrong, column).is_none();
    assert!(none("S5", false, false, "total_hidden_excluded_loss"));
    assert!(none("S5", false, false, "sum_of_squared_weights"));
    assert!(!none("S5", true, false, "sum_of_squared_weights"));
    assert!(none("C113", false, false, "percent_x_embed_freq_3_rep"));
    assert!(none("C113", false, false, "logit_excluded_loss_freq_3_rep"));
    assert!(!none("C113", false, false, "hidden_excluded_loss_freq_3_rep"));
    assert!(none("C2xC3", false, false, "hidden_excluded_loss_freq_3_rep"));
    assert!(none("A5", false, true, "percent_x_embed_a5_3d_a_rep"));
    assert!(!none("A5", false, false, "percent_x_embed_a5_3d_a_rep"));
    assert!(!none("A5", false, false, "logit_a5_3d_b_rep_trace_similarity"));
    assert!(none("A5", false, false, "percent_x_embed_standard_rep"));
    assert!(!none("S6", false, false, "test_loss"));
}
