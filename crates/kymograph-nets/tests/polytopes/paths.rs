use kymograph_nets::Curve;
use ndarray::{Array1, Array2, ArrayView1};

use super::{asked, from_input, hard_networks, points};

fn along(curve: Curve, a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>, count: usize) -> Array2<f64> {
    let mut x = Array2::zeros((count + 1, a.len()));
    for (at, mut row) in x.outer_iter_mut().enumerate() {
        row.assign(&point(curve, a, b, at as f64 / count as f64));
    }
    x
}

/// Changes between neighbouring samples of a dense path.
fn counted(codes: &[Vec<u32>]) -> usize {
    codes.windows(2).map(|pair| pair[0].iter().zip(&pair[1]).filter(|(a, b)| a != b).count()).sum()
}

#[test]
fn counts_are_those_of_dense_sampling() {
    for (name, net) in hard_networks() {
        let polytopes = from_input(&net);
        let x = points(&net, 1, 4) * 2.0;
        for curve in [Curve::Segment, Curve::Arc] {
            for (a, b) in [(0, 1), (2, 3)] {
                let found = polytopes.crossings(x.row(a), x.row(b), curve).unwrap();
                // Two flips of a unit between two samples would be missed; at this density there are none.
                let samples = along(curve, x.row(a), x.row(b), 12_000);
                let codes = asked(&net, &samples);
                assert_eq!(found.total(), counted(&codes), "{name} {curve:?}");
                assert!(found.total() > 0, "{name}");
                let ends = codes[0].iter().zip(codes.last().unwrap()).filter(|(a, b)| a != b).count();
                assert_eq!(found.hamming.iter().sum::<usize>(), ends, "{name} {curve:?}");
                assert!(found.counts.iter().zip(&found.hamming).all(|(count, ends)| count >= ends));
                assert_eq!(found.places.len(), found.total());
                assert!(found.places.windows(2).all(|pair| pair[0].0 <= pair[1].0));
                let outputs = polytopes.outputs(samples.view()).unwrap();
                let largest = |row: ArrayView1<'_, f64>| {
                    let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    row.iter().position(|v| *v == most).unwrap()
                };
                let mut answers: Vec<(f64, usize)> = Vec::new();
                for (at, row) in outputs.outer_iter().enumerate() {
                    let now = largest(row);
                    if answers.last().is_none_or(|(_, last)| *last != now) {
                        answers.push((at as f64 / 12_000.0, now));
                    }
                }
                assert_eq!(answers.len(), found.answers.len(), "{name} {curve:?}");
                for (seen, exact) in answers.iter().zip(&found.answers) {
                    assert_eq!(seen.1, exact.1, "{name}");
                    assert!((seen.0 - exact.0).abs() < 1.01 / 12_000.0, "{name}: {seen:?} {exact:?}");
                }
                let steps = outputs.outer_iter().zip(outputs.outer_iter().skip(1));
                let length: f64 = steps.map(|(a, b)| (&b - &a).mapv(|v| v * v).sum().sqrt()).sum();
                assert!((found.output_length / length - 1.0).abs() < 2e-3, "{name} {curve:?}");
            }
        }
    }
}

/// Every place at which a crossing is said to be has different codes on its two sides.
#[test]
fn each_crossing_is_where_it_is_said_to_be() {
    for (name, net) in hard_networks() {
        let polytopes = from_input(&net);
        let x = points(&net, 2, 2) * 2.0;
        for curve in [Curve::Segment, Curve::Arc] {
            let found = polytopes.crossings(x.row(0), x.row(1), curve).unwrap();
            for pair in found.places.windows(3).filter(|p| p[1].0 - p[0].0 > 1e-6 && p[2].0 - p[1].0 > 1e-6) {
                let (t, layer) = pair[1];
                let mut ends = Array2::zeros((2, x.ncols()));
                for (mut end, t) in ends.outer_iter_mut().zip([t - 1e-7, t + 1e-7]) {
                    end.assign(&point(curve, x.row(0), x.row(1), t));
                }
                let codes = polytopes.codes(ends.view()).unwrap();
                assert_eq!(codes.layer(layer).distance(0, 1), 1, "{name} {curve:?} at {t}");
            }
        }
    }
}

fn point(curve: Curve, a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>, t: f64) -> Array1<f64> {
    if curve == Curve::Segment {
        return &a * (1.0 - t) + &b * t;
    }
    let radius = a.dot(&a).sqrt();
    let first = &a / radius;
    let across = &b - &(&first * first.dot(&b));
    let second = &across / across.dot(&across).sqrt();
    let angle = across.dot(&second).atan2(b.dot(&first)) * t;
    (&first * angle.cos() + &second * angle.sin()) * radius
}

#[test]
fn segments_add_up_and_may_be_walked_backwards() {
    for (name, net) in hard_networks() {
        let polytopes = from_input(&net);
        let x = points(&net, 3, 2) * 3.0;
        let whole = polytopes.crossings(x.row(0), x.row(1), Curve::Segment).unwrap();
        let back = polytopes.crossings(x.row(1), x.row(0), Curve::Segment).unwrap();
        assert_eq!(whole.counts, back.counts, "{name}");
        for share in [0.1, 0.37, 0.5, 0.93] {
            let between = &x.row(0) * (1.0 - share) + &x.row(1) * share;
            let first = polytopes.crossings(x.row(0), between.view(), Curve::Segment).unwrap();
            let second = polytopes.crossings(between.view(), x.row(1), Curve::Segment).unwrap();
            let sum: Vec<usize> = first.counts.iter().zip(&second.counts).map(|(a, b)| a + b).collect();
            assert_eq!(sum, whole.counts, "{name} at {share}");
            assert!((first.length + second.length - whole.length).abs() < 1e-9);
            assert!((first.output_length + second.output_length - whole.output_length).abs() < 1e-9);
        }
    }
}

/// Units of a first layer without bias flip on half circles: along a full half turn each flips once.
#[test]
fn half_a_turn_flips_every_unit_of_a_first_layer_without_bias() {
    let layers = vec![
        kymograph_nets::LayerSpec::new("fc", kymograph_nets::LayerKind::Linear { out_features: 40, bias: false }),
        kymograph_nets::LayerSpec::relu("relu"),
    ];
    let net = super::grown(&[6], layers);
    let polytopes = from_input(&net);
    let x = points(&net, 4, 2);
    let opposite = -&x.row(0) + &(&x.row(1) * 1e-6);
    let found = polytopes.crossings(x.row(0), opposite.view(), Curve::Arc).unwrap();
    assert_eq!(found.counts, [40]);
}
