//! The insides of transformers: what stands at their hook points, what changing it does, and the gradients there.

mod support;

use std::collections::BTreeMap;

use kymograph_nets::{Edit, Intervention, LayerKind, Mode, Network, TransformerEncoder, cross_entropy};
use ndarray::{ArrayD, Axis, Ix3, Ix4, IxDyn, Slice, arr0};
use support::{assert_near, init, labels, normal, transformer};

const TOKENS: usize = 4;
const HEADS: usize = 2;
const WIDTH: usize = 3;

fn encoder(norm_first: bool, causal: bool) -> TransformerEncoder {
    TransformerEncoder {
        num_layers: 2,
        d_model: HEADS * WIDTH,
        nhead: HEADS,
        dim_feedforward: 5,
        dropout: 0.0,
        activation: LayerKind::Silu,
        norm_first,
        causal,
        copies: false,
        ..TransformerEncoder::default()
    }
}

fn net(norm_first: bool, causal: bool) -> Network<f64> {
    Network::new(&transformer(4, 4, 3, &encoder(norm_first, causal)), &mut init(5)).unwrap()
}

fn x(examples: usize) -> ArrayD<f64> {
    normal(3, &[examples, 1, 4, 4])
}

fn at<'a>(captured: &'a BTreeMap<String, ArrayD<f64>>, name: &str) -> &'a ArrayD<f64> {
    &captured[name]
}

fn change(hook: &str, edit: Edit<f64>, units: Option<Vec<usize>>) -> [Intervention<f64>; 1] {
    [Intervention { hook: hook.into(), edit, units }]
}

#[test]
fn hook_points_have_names_and_shapes() {
    let points = net(false, false).hook_points();
    let shape = |name: &str| points.iter().find(|p| p.name == name).map(|p| p.shape.clone());
    let d = HEADS * WIDTH;
    for block in 0..2 {
        for (name, wanted) in [
            ("hook_resid_pre", vec![TOKENS, d]),
            ("attn.hook_q", vec![TOKENS, HEADS, WIDTH]),
            ("attn.hook_k", vec![TOKENS, HEADS, WIDTH]),
            ("attn.hook_v", vec![TOKENS, HEADS, WIDTH]),
            ("attn.hook_pattern", vec![HEADS, TOKENS, TOKENS]),
            ("attn.hook_z", vec![TOKENS, HEADS, WIDTH]),
            ("hook_attn_out", vec![TOKENS, d]),
            ("hook_resid_mid", vec![TOKENS, d]),
            ("mlp.hook_pre", vec![TOKENS, 5]),
            ("mlp.hook_post", vec![TOKENS, 5]),
            ("hook_mlp_out", vec![TOKENS, d]),
            ("hook_resid_post", vec![TOKENS, d]),
        ] {
            assert_eq!(shape(&format!("blocks.{block}.{name}")), Some(wanted), "{name}");
        }
    }
    assert_eq!(shape("transformer.layers.1.norm2"), Some(vec![TOKENS, d]));
    assert_eq!(shape("transformer.layers.0.self_attn"), Some(vec![TOKENS, d]));
    assert_eq!(shape("mean"), Some(vec![d]));
    assert_eq!((points[0].name.as_str(), points.last().unwrap().name.as_str()), ("input", "fc"));
}

/// Everything between the hook points worked out again, sum by sum.
fn follow(norm_first: bool, causal: bool) {
    let net = net(norm_first, causal);
    let names: Vec<String> = net.hook_points().into_iter().map(|p| p.name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // More examples than go through at once.
    let x = x(300);
    let captured = net.capture(x.view(), &names).unwrap();
    assert_eq!(captured["fc"], net.predict(x.view()).unwrap());
    let state: BTreeMap<String, ArrayD<f64>> = net.state_dict().into_iter().collect();
    for block in 0..2 {
        let get = |name: &str| at(&captured, &format!("blocks.{block}.{name}"));
        let four = |name: &str| get(name).view().into_dimensionality::<Ix4>().unwrap();
        let layer = format!("transformer.layers.{block}");
        let own = |name: &str| at(&captured, &format!("{layer}.{name}"));
        let tensor = |name: &str| &state[&format!("{layer}.{name}")];
        // Queries, keys and values are thirds of one projection of what goes in.
        let input = if norm_first { own("norm1") } else { get("hook_resid_pre") };
        let weight = tensor("self_attn.in_proj_weight");
        for (third, name) in ["attn.hook_q", "attn.hook_k", "attn.hook_v"].into_iter().enumerate() {
            for ((e, t, h, f), &found) in four(name).indexed_iter() {
                let row = third * HEADS * WIDTH + h * WIDTH + f;
                let sum: f64 = (0..HEADS * WIDTH).map(|i| weight[[row, i]] * input[[e, t, i]]).sum();
                assert!((found - sum - tensor("self_attn.in_proj_bias")[[row]]).abs() < 1e-13);
            }
        }
        let (q, k, v) = (four("attn.hook_q"), four("attn.hook_k"), four("attn.hook_v"));
        let (pattern, z) = (four("attn.hook_pattern"), four("attn.hook_z"));
        for ((e, h, query, key), &found) in pattern.indexed_iter() {
            let score = |key: usize| {
                let dot: f64 = (0..WIDTH).map(|f| q[[e, query, h, f]] * k[[e, key, h, f]]).sum();
                if causal && key > query { 0.0 } else { (dot / (WIDTH as f64).sqrt()).exp() }
            };
            let total: f64 = (0..TOKENS).map(score).sum();
            assert!((found - score(key) / total).abs() < 1e-14);
        }
        for ((e, t, h, f), &found) in z.indexed_iter() {
            let sum: f64 = (0..TOKENS).map(|key| pattern[[e, h, t, key]] * v[[e, key, h, f]]).sum();
            assert!((found - sum).abs() < 1e-14);
        }
        assert_near("mid", get("hook_resid_mid"), &(get("hook_resid_pre") + get("hook_attn_out")), 1e-15);
        let between = if norm_first { get("hook_resid_mid") } else { own("norm1") };
        assert_near("post", get("hook_resid_post"), &(between + get("hook_mlp_out")), 1e-15);
        assert_near("mlp", get("mlp.hook_post"), &get("mlp.hook_pre").mapv(|v| v / (1.0 + (-v).exp())), 1e-15);
        assert_eq!(get("mlp.hook_pre"), own("linear1"));
        assert_eq!(get("hook_attn_out"), own("self_attn"));
    }
    let last = if norm_first { "blocks.1.hook_resid_post" } else { "transformer.layers.1.norm2" };
    assert_near("mean", &captured["mean"], &captured[last].mean_axis(Axis(1)).unwrap(), 1e-15);
}

#[test]
fn what_stands_at_hook_points_follows_from_what_stands_before() {
    follow(false, false);
    follow(true, true);
}

#[test]
fn heads_and_patterns_can_be_changed() {
    let net = net(false, false);
    let x = x(300);
    let with = |edits: &[Intervention<f64>], name: &str| {
        net.capture_with(x.view(), Mode::Eval, &[name], edits).unwrap().pop_first().unwrap().1
    };
    // Ablating a head is the same as dropping its columns from the output's projection.
    let mut state = net.state_dict();
    let weight = state.iter_mut().find(|(name, _)| name == "transformer.layers.1.self_attn.out_proj.weight").unwrap();
    weight.1.slice_axis_mut(Axis(1), Slice::from(WIDTH..2 * WIDTH)).fill(0.0);
    let mut cut = net.clone();
    cut.load_state_dict(&state).unwrap();
    let edits = change("blocks.1.attn.hook_z", Edit::Zero, Some(vec![1]));
    assert_near("a head", &with(&edits, "fc"), &cut.predict(x.view()).unwrap(), 1e-14);
    // Without queries every key is looked at alike, and z is the mean value.
    let edits = change("blocks.0.attn.hook_q", Edit::Zero, None);
    let pattern = with(&edits, "blocks.0.attn.hook_pattern");
    assert!(pattern.iter().all(|&p| (p - 0.25).abs() < 1e-15));
    let mean = with(&edits, "blocks.0.attn.hook_v").mean_axis(Axis(1)).unwrap();
    let z = with(&edits, "blocks.0.attn.hook_z");
    assert_near("z", &z.index_axis(Axis(1), 2).to_owned(), &mean, 1e-15);
    // The same by a pattern put in place, for one head only.
    let edits = change("blocks.0.attn.hook_pattern", Edit::Replace(arr0(0.25).into_dyn()), Some(vec![0]));
    let changed = with(&edits, "blocks.0.attn.hook_z");
    let plain = net.capture(x.view(), &["blocks.0.attn.hook_z"]).unwrap().pop_first().unwrap().1;
    let mean = net.capture(x.view(), &["blocks.0.attn.hook_v"]).unwrap().pop_first().unwrap().1;
    let mean = mean.mean_axis(Axis(1)).unwrap();
    for token in 0..TOKENS {
        let of = |z: &ArrayD<f64>, head| z.index_axis(Axis(1), token).index_axis(Axis(1), head).to_owned();
        assert_near("head 0", &of(&changed, 0), &mean.index_axis(Axis(1), 0).to_owned(), 1e-15);
        assert_eq!(of(&changed, 1), of(&plain, 1));
    }
    // What is added to the residual stream reaches both the block and the sum behind it.
    let edits = change("blocks.1.hook_resid_pre", Edit::Add(arr0(0.5).into_dyn()), None);
    let mid = with(&edits, "blocks.1.hook_resid_mid");
    let sum = with(&edits, "blocks.1.hook_resid_pre") + with(&edits, "blocks.1.hook_attn_out");
    assert_near("the sum", &mid, &sum, 1e-15);
    // The mean over examples of each head's values.
    let edits = change("blocks.1.attn.hook_v", Edit::MeanAblate, Some(vec![1]));
    let changed = with(&edits, "blocks.1.attn.hook_v");
    let plain = net.capture(x.view(), &["blocks.1.attn.hook_v"]).unwrap().pop_first().unwrap().1;
    let (first, last) = (changed.index_axis(Axis(0), 0), changed.index_axis(Axis(0), 299));
    assert_eq!(first.index_axis(Axis(1), 1), last.index_axis(Axis(1), 1));
    assert_eq!(first.index_axis(Axis(1), 0), plain.index_axis(Axis(0), 0).index_axis(Axis(1), 0));
    let wanted = plain.mean_axis(Axis(0)).unwrap().index_axis(Axis(1), 1).to_owned();
    assert_near("the mean", &first.index_axis(Axis(1), 1).to_owned(), &wanted, 1e-14);
    // Arrays of all examples are told apart by head too.
    let same = change("blocks.0.attn.hook_k", Edit::Replace(plain_of(&net, &x, "blocks.0.attn.hook_k")), None);
    assert_eq!(with(&same, "fc"), net.predict(x.view()).unwrap());
}

fn plain_of(net: &Network<f64>, x: &ArrayD<f64>, name: &str) -> ArrayD<f64> {
    net.capture(x.view(), &[name]).unwrap().pop_first().unwrap().1
}

#[test]
fn gradients_at_hook_points_are_slopes_of_interventions() {
    const STEP: f64 = 1e-5;
    for (norm_first, causal) in [(false, false), (true, true)] {
        let net = net(norm_first, causal);
        let (x, labels) = (x(1), labels(1, 1, 3));
        // `pos_encoder.grad` is the table's; its output is `blocks.0.hook_resid_pre` too.
        let points: Vec<_> = net.hook_points().into_iter().filter(|p| p.name != "pos_encoder").collect();
        let names: Vec<String> = points.iter().map(|p| format!("{}.grad", p.name)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let gradients = net.capture_with_gradients(x.view(), &labels, Mode::Eval, &names).unwrap().arrays;
        for point in points {
            let gradient = &gradients[&format!("{}.grad", point.name)];
            let shape = [&[1], point.shape.as_slice()].concat();
            assert_eq!(gradient.shape(), shape);
            for (index, &analytic) in gradient.indexed_iter() {
                let loss = |step: f64| {
                    let mut change = ArrayD::zeros(IxDyn(&shape));
                    change[&index] = step;
                    let edit = Intervention { hook: point.name.clone(), edit: Edit::Add(change), units: None };
                    let logits = net.forward_with(x.view(), Mode::Eval, &[edit]).unwrap();
                    cross_entropy(logits.into_dimensionality().unwrap().view(), &labels).unwrap().value
                };
                let numeric = (loss(STEP) - loss(-STEP)) / (2.0 * STEP);
                assert!((analytic - numeric).abs() < 1e-8, "{} {index:?}: {analytic}, {numeric}", point.name);
            }
        }
    }
}

#[test]
fn later_tokens_are_not_seen() {
    let net = net(true, true);
    let x = x(3);
    let mut other = x.clone();
    // The last of four tokens is the last row of the image.
    other.slice_axis_mut(Axis(2), Slice::from(3..)).mapv_inplace(|v| v + 1.0);
    let stream = |x: &ArrayD<f64>| {
        let stream = plain_of(&net, x, "blocks.1.hook_resid_post");
        stream.into_dimensionality::<Ix3>().unwrap()
    };
    let (before, after) = (stream(&x), stream(&other));
    let tokens = |s: &ndarray::Array3<f64>, t: std::ops::Range<usize>| s.slice_axis(Axis(1), t.into()).to_owned();
    assert_eq!(tokens(&before, 0..3), tokens(&after, 0..3));
    assert_ne!(tokens(&before, 3..4), tokens(&after, 3..4));
}

#[test]
fn a_place_replaced_by_itself_keeps_the_loss_and_by_another_examples_values_takes_its_answer() {
    for norm_first in [false, true] {
        let net = net(norm_first, false);
        // More examples than go through at once.
        let (x, labels) = (x(300), labels(9, 300, 3));
        let near = |a: f64, b: f64, what: &str| assert!((a - b).abs() < 1e-12, "{what}: {a} {b}");
        let clean = net.loss_with(x.view(), &labels, &[]).unwrap();
        let logits = net.predict(x.view()).unwrap().into_dimensionality::<ndarray::Ix2>().unwrap();
        near(clean, cross_entropy(logits.view(), &labels).unwrap().value, "the loss of the logits");
        for hook in ["blocks.1.hook_resid_pre", "blocks.1.mlp.hook_post"] {
            let values = net.capture(x.view(), &[hook]).unwrap().remove(hook).unwrap();
            let same = change(hook, Edit::Replace(values.clone()), None);
            near(net.loss_with(x.view(), &labels, &same).unwrap(), clean, hook);
            let zero = net.loss_with(x.view(), &labels, &change(hook, Edit::Zero, None)).unwrap();
            assert!((zero - clean).abs() > 1e-6, "{hook} is not read");
        }
        // What enters the second block is all that is known of an image: the first example's values give its answers.
        let hook = "blocks.1.hook_resid_pre";
        let values = net.capture(x.view(), &[hook]).unwrap().remove(hook).unwrap();
        let first = values.index_axis(Axis(0), 0).to_owned();
        let loss = net.loss_with(x.view(), &labels, &change(hook, Edit::Replace(first), None)).unwrap();
        let row = logits.row(0).to_owned();
        let expected =
            labels.iter().map(|&label| row.mapv(f64::exp).sum().ln() - row[label]).sum::<f64>() / labels.len() as f64;
        near(loss, expected, "the first example's answers");
        assert!(net.loss_with(x.view(), &labels[..5], &[]).is_err());
    }
}
