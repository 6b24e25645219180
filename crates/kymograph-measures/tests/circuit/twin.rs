//! Everything again by its published definition, on |G|² × d² matrices with a full QR.

use std::collections::BTreeMap;

use kymograph_linalg::qr;
use kymograph_measures::groups::Irrep;
use kymograph_measures::groups::circuit::notebook::{
    ablation_losses, cluster_fractions, clusters_after_relu, clusters_before_relu, column_deviations, embedding_losses,
    logit_cosines, logit_fit,
};
use kymograph_measures::groups::circuit::{Pairing, summary, tables};
use ndarray::{Array1, Array2, Axis, concatenate, s};

use crate::support::{Small, close, dense, loss};

/// The entries of ρ at each pair's element: pair × d², made orthonormal.
fn frame(irrep: &Irrep, at: impl Fn(usize) -> usize, rows: usize) -> Array2<f64> {
    let d = irrep.degree;
    let entries = Array2::from_shape_fn((rows, d * d), |(row, e)| irrep.matrices[[at(row), e / d, e % d]]);
    qr(entries.view()).expect("finite").q
}

fn share(q: &Array2<f64>, x: &Array2<f64>) -> f64 {
    q.t().dot(x).iter().map(|c| c * c).sum::<f64>() / x.iter().map(|v| v * v).sum::<f64>()
}

/// The published code's numbers, from cubes and full matrices.
fn published(small: &Small, key: &[String]) -> BTreeMap<String, f64> {
    let order = small.group.order();
    let products = small.products();
    let hidden = small.hidden();
    let logits = hidden.dot(&small.unembed);
    let train = |pair: usize| small.train[pair];
    let mut m = BTreeMap::new();
    let mut put = |name: String, value: f64| assert!(m.insert(name, value).is_none());
    put("train_loss".into(), loss(&logits, &products, train));
    put("test_loss".into(), loss(&logits, &products, |pair| !train(pair)));
    put("all_loss".into(), loss(&logits, &products, |_| true));
    let centred = &logits - &logits.mean_axis(Axis(1)).expect("rows").insert_axis(Axis(1));
    let norm = centred.iter().map(|x| x * x).sum::<f64>().sqrt();
    let still = &hidden - &hidden.mean_axis(Axis(0)).expect("rows");
    let (mut key_logits, mut key_hidden) = (Array2::zeros(logits.raw_dim()), Array2::<f64>::zeros(hidden.raw_dim()));
    let mut explained = 0.0;
    for irrep in &small.irreps {
        let r = &irrep.name;
        let is_key = key.contains(r);
        if r != "trivial" {
            let cube = Array2::from_shape_fn(logits.dim(), |(pair, c)| {
                irrep.character[small.group.product(products[pair], small.group.inverse(c))]
            });
            let size = cube.iter().map(|x| x * x).sum::<f64>().sqrt();
            let similarity = (&cube * &centred).sum() / (size * norm);
            let part = &cube * (similarity * norm / size);
            put(format!("logit_{r}_rep_trace_similarity"), similarity);
            put(format!("logit_excluded_loss_{r}_rep"), loss(&(&centred - &part), &products, train));
            put(format!("logit_restricted_loss_{r}_rep"), loss(&part, &products, |_| true));
            explained += similarity * similarity;
            if is_key {
                key_logits += &part;
            }
        }
        let own = frame(irrep, |g| g, order);
        put(format!("percent_x_embed_{r}_rep"), share(&own, &small.x));
        put(format!("percent_y_embed_{r}_rep"), share(&own, &small.y));
        put(format!("percent_unembed_{r}_rep"), share(&own, &small.unembed.t().to_owned()));
        let frames = [
            ("x", frame(irrep, |pair| pair / order, order * order)),
            ("y", frame(irrep, |pair| pair % order, order * order)),
            ("xy", frame(irrep, |pair| products[pair], order * order)),
        ];
        let shares = frames.each_ref().map(|(_, q)| share(q, &still));
        for ((name, _), share) in frames.iter().zip(shares) {
            put(format!("percent_hidden_{name}_{r}_rep"), share);
        }
        put(format!("total_percent_hidden_{r}_rep"), shares.iter().sum());
        let q = &frames[2].1;
        put(format!("percent_hidden_{r}_rep"), share(q, &hidden));
        let part = q.dot(&q.t().dot(&hidden));
        put(format!("hidden_excluded_loss_{r}_rep"), loss(&(&hidden - &part).dot(&small.unembed), &products, train));
        put(format!("hidden_restricted_loss_{r}_rep"), loss(&part.dot(&small.unembed), &products, |_| true));
        if is_key {
            key_hidden += &part;
        }
    }
    put("percent_logits_explained".into(), explained);
    put("total_logit_excluded_loss".into(), loss(&(&centred - &key_logits), &products, train));
    put("total_logit_restricted_loss".into(), loss(&key_logits, &products, |_| true));
    put("total_hidden_excluded_loss".into(), loss(&(&hidden - &key_hidden).dot(&small.unembed), &products, train));
    put("total_hidden_restricted_loss".into(), loss(&key_hidden.dot(&small.unembed), &products, |_| true));
    m
}

#[test]
fn every_column_is_the_published_definition() {
    for (name, key) in [("S3", &["standard"][..]), ("S4", &["sign", "standard"]), ("D5", &["freq_1", "freq_2"])] {
        // A hundredfold unembedding takes the losses beyond the range that exponentials multiply in.
        for scale in [0.3, 1.0, 100.0] {
            let mut small = Small::random(name, 6, 3);
            small.unembed *= scale;
            let key: Vec<String> = key.iter().map(|&name| name.to_owned()).collect();
            let ours = small.ask(|circuit| summary(circuit, &small.irreps, &key)).expect("a summary");
            let twin = published(&small, &key);
            for (column, expected) in &twin {
                close(ours[column], *expected, &format!("{name} ×{scale} {column}"));
            }
            close(
                ours["test_loss_restricted_loss_ratio"],
                twin["test_loss"] / twin["total_hidden_restricted_loss"],
                "ratio",
            );
            close(ours["sum_of_squared_weights"], 7.0, "as it was given");
            for (total, each) in [("percent_hidden", "total_percent_hidden"), ("percent_y_embed", "percent_y_embed")] {
                let sum = key.iter().map(|r| twin[&format!("{each}_{r}_rep")]).sum();
                close(ours[&format!("{total}_explained")], sum, total);
            }
            let others = ["train_acc", "test_acc", "sum_of_squared_weights", "test_loss_restricted_loss_ratio"];
            assert_eq!(ours.len(), twin.len() + others.len() + 5, "no column that nothing checks");
        }
    }
}

#[test]
fn ablations_take_projections_away() {
    let small = Small::random("S3", 5, 8);
    let order = 6;
    let (hidden, products) = (small.hidden(), small.products());
    let ours = small.ask(|circuit| ablation_losses(circuit, &tables(circuit).expect("tables"), &small.irreps));
    for found in ours.expect("losses") {
        let irrep = small.irreps.iter().find(|irrep| irrep.name == found.irrep).expect("its representation");
        let without = |at: &dyn Fn(usize) -> usize| {
            let q = frame(irrep, at, order * order);
            loss(&(&hidden - &q.dot(&q.t().dot(&hidden))).dot(&small.unembed), &products, |_| true)
        };
        close(found.x, without(&|pair| pair / order), "ρ(a)");
        close(found.y, without(&|pair| pair % order), "ρ(b)");
        close(found.xy, without(&|pair| products[pair]), "ρ(ab)");
    }
    let key = ["standard".to_owned(), "sign".to_owned()];
    let ours = small.ask(|circuit| embedding_losses(circuit, Pairing::Relu, &small.irreps, &key)).expect("losses");
    let q: Vec<Array2<f64>> = small.irreps.iter().map(|irrep| frame(irrep, |g| g, order)).collect();
    let part = |i: usize, x: &Array2<f64>| q[i].dot(&q[i].t().dot(x));
    let of = |x: &Array2<f64>, y: &Array2<f64>| loss(&dense(x, y).dot(&small.unembed), &products, |_| true);
    for (i, (name, found)) in ours.excluded.iter().enumerate() {
        assert_eq!(name, &small.irreps[i].name);
        close(*found, of(&(&small.x - &part(i, &small.x)), &(&small.y - &part(i, &small.y))), name);
    }
    let (x, y) = (part(1, &small.x) + part(2, &small.x), part(1, &small.y) + part(2, &small.y));
    close(ours.restricted, of(&x, &y), "restricted");
    close(ours.total_excluded, of(&(&small.x - &x), &(&small.y - &y)), "excluded");
}

#[test]
fn the_fit_is_least_squares_over_all_logits() {
    let mut small = Small::random("S3", 5, 9);
    small.unembed += 0.7;
    let products = small.products();
    let logits = small.hidden().dot(&small.unembed);
    let flat = Array1::from_iter(logits.iter().copied());
    let cube = |irrep: &Irrep| {
        Array1::from_iter(
            logits
                .indexed_iter()
                .map(|((pair, c), _)| irrep.character[small.group.product(products[pair], small.group.inverse(c))]),
        )
    };
    let columns = [cube(&small.irreps[2]), cube(&small.irreps[1]), Array1::ones(flat.len())];
    let design = concatenate(Axis(1), &columns.each_ref().map(|c| c.view().insert_axis(Axis(1)))).expect("columns");
    let factor = qr(design.view()).expect("finite");
    let fitted = factor.q.dot(&factor.q.t().dot(&flat));
    let residual = &flat - &fitted;
    let key = [small.irreps[2].name.clone(), small.irreps[1].name.clone()];
    let (fit, cosines) = small.ask(|circuit| {
        let tables = tables(circuit).expect("tables");
        (
            logit_fit(&small.group, &tables, &small.irreps, &key).expect("a fit"),
            logit_cosines(&small.group, &tables, &small.irreps).expect("cosines"),
        )
    });
    let ours = &columns[0] * fit.coefficients[0].1 + &columns[1] * fit.coefficients[1].1 + fit.constant;
    close((&ours - &fitted).mapv(f64::abs).sum(), 0.0, "the fitted logits");
    let still = &flat - flat.mean().expect("logits");
    let squares = |x: &Array1<f64>| x.dot(x);
    close(fit.r_squared, 1.0 - squares(&residual) / squares(&still), "R²");
    close(fit.uncentred_r_squared, 1.0 - squares(&residual) / squares(&flat), "uncentred R²");
    close(fit.published_norm_ratio, (squares(&fitted) / squares(&flat)).sqrt(), "norm ratio");
    let square = fitted.into_shape_with_order(logits.raw_dim()).expect("as the logits");
    close(fit.fit_loss, loss(&square, &products, |_| true), "loss of the fit");
    let cosine = |x: &Array1<f64>, y: &Array1<f64>| x.dot(y) / (squares(x) * squares(y)).sqrt();
    for found in cosines {
        let irrep = small.irreps.iter().find(|irrep| irrep.name == found.irrep).expect("its representation");
        let cube = cube(irrep);
        close(found.centred, cosine(&still, &cube), "centred");
        close(found.uncentred, cosine(&flat, &cube), "uncentred");
        let rows = logits.outer_iter().enumerate().map(|(pair, row)| {
            let row = &row - row.mean().expect("a row");
            cosine(&row, &cube.slice(s![pair * 6..pair * 6 + 6]).to_owned())
        });
        close(found.mean_of_rows, rows.sum::<f64>() / 36.0, "mean of rows");
    }
}

#[test]
fn clusters_and_their_fractions() {
    let mut small = Small::random("S3", 6, 4);
    let sign = small.irreps[1].span.column(0).to_owned();
    let standard = small.irreps[2].span.column(0).to_owned();
    for x in [&mut small.x, &mut small.y] {
        x.column_mut(0).assign(&(&sign * 3.0));
        x.column_mut(1).assign(&(&standard * 3.0));
        x.column_mut(2).assign(&(&standard * 2.0 + &sign * 2.0));
        x.column_mut(3).fill(0.1);
        x.column_mut(4).fill(1.0);
    }
    small.y.column_mut(5).fill(0.0);
    small.x.column_mut(5).assign(&(&sign * 4.0));
    let (before, after, fractions, deviations) = small.ask(|circuit| {
        let tables = tables(circuit).expect("tables");
        let before = clusters_before_relu(circuit, &small.irreps, 1.0).expect("clusters");
        let after = clusters_after_relu(&tables, &small.irreps, 1.0).expect("clusters");
        let fractions = cluster_fractions(&tables, &small.irreps, &before).expect("fractions");
        (before, after, fractions, column_deviations(circuit, &tables, &small.irreps).expect("deviations"))
    });
    assert_eq!(before.off, [3]);
    assert_eq!(before.off_on_one_side, [5]);
    assert_eq!(before.of("sign"), [0, 2]);
    assert_eq!(before.of("standard"), [1, 2]);
    assert_eq!(before.mixed, [2]);
    assert_eq!(before.unaccounted, [4, 5]);
    assert_eq!(before.on_one_side, [("sign".to_owned(), vec![5])]);
    // 36 pairs of 0.2 squared are 1.44, above 1 and in no representation but the trivial one.
    assert!(after.unaccounted.contains(&3) && after.of("sign").contains(&0), "{after:?}");
    let hidden = small.hidden();
    let products = small.products();
    for found in &fractions {
        let irrep = small.irreps.iter().find(|irrep| irrep.name == found.irrep).expect("its representation");
        let chosen = hidden.select(Axis(1), before.of(&found.irrep));
        let parts = |x: &Array2<f64>| {
            [
                share(&frame(irrep, |pair| pair / 6, 36), x),
                share(&frame(irrep, |pair| pair % 6, 36), x),
                share(&frame(irrep, |pair| products[pair], 36), x),
                share(&Array2::from_elem((36, 1), 1.0 / 6.0), x),
            ]
        };
        for (found, x) in [(found.all, &hidden), (found.cluster, &chosen)] {
            let Some(found) = found else {
                assert!(x.is_empty());
                continue;
            };
            let expected = parts(x);
            for (value, expected) in [found.x, found.y, found.xy, found.trivial].into_iter().zip(expected) {
                close(value, expected, &irrep.name);
            }
            close(found.sum, expected.iter().sum(), "sum");
        }
    }
    // A sign neuron alone is a quarter each.
    let quarter = Small {
        x: small.x.slice(s![.., ..1]).to_owned(),
        y: small.y.slice(s![.., ..1]).to_owned(),
        unembed: small.unembed.slice(s![..1, ..]).to_owned(),
        ..small
    };
    let fractions = quarter.ask(|circuit| {
        let before = clusters_before_relu(circuit, &quarter.irreps, 1.0).expect("clusters");
        cluster_fractions(&tables(circuit).expect("tables"), &quarter.irreps, &before).expect("fractions")
    });
    let found = fractions[1].cluster.expect("the sign neuron");
    for value in [found.x, found.y, found.xy, found.trivial] {
        close(value, 0.25, "a quarter");
    }
    assert_eq!(deviations.len(), 4, "standard alone has more than one function: {deviations:?}");
    let coefficients = frame(&quarter.irreps[2], |pair| products[pair], 36).t().dot(&hidden);
    let shares = coefficients.map_axis(Axis(1), |row| row.dot(&row) / hidden.iter().map(|h| h * h).sum::<f64>());
    close(deviations["percent_std_hidden_standard_rep"], shares.std(1.0), "deviation over entries");
}
