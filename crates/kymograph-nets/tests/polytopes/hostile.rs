use kymograph_nets::{Curve, LayerSpec, Network, Plane, Polytopes, TransformerEncoder};
use ndarray::{Array2, array};

use super::{from_input, hard_networks, points, soft_networks, support};

fn says<T>(result: Result<T, kymograph_nets::NetsError>, words: &[&str]) {
    let message = result.err().expect("an error").to_string();
    assert!(words.iter().all(|word| message.contains(word)), "{message}");
}

#[test]
fn layers_without_a_code_are_named() {
    let net = |layers| support::network::<f32>(&[4], layers);
    let dropped = net(vec![LayerSpec::linear("fc", 3), LayerSpec::dropout("drop", 0.5), LayerSpec::relu("relu")]);
    says(Polytopes::new(&dropped, "input"), &["`drop`", "dropout", "without it"]);
    says(dropped.codes(Array2::zeros((2, 4)).view().into_dyn()), &["`drop`"]);
    let normed = net(vec![LayerSpec::linear("fc", 3), LayerSpec::layer_norm("norm"), LayerSpec::relu("relu")]);
    says(Polytopes::new(&normed, "input"), &["`norm`", "layer normalisation"]);
    assert!(Polytopes::new(&normed, "norm").is_ok() && Polytopes::between(&normed, "input", "fc").is_ok());
    let encoder = TransformerEncoder { num_layers: 1, d_model: 8, nhead: 2, ..TransformerEncoder::default() };
    let spec = support::transformer(8, 16, 3, &encoder);
    let transformer = Network::<f32>::new(&spec, &mut support::init(0)).unwrap();
    says(Polytopes::new(&transformer, "input"), &["attention"]);
    says(Polytopes::new(&transformer, "blocks.0.attn.hook_q"), &["hook_q"]);
    says(Polytopes::new(&transformer, "nowhere"), &["nowhere", "there are"]);
    let embedded = support::network::<f32>(&[4], vec![LayerSpec::embedding("table", 9, 3), LayerSpec::relu("relu")]);
    says(Polytopes::new(&embedded, "input"), &["`table`"]);
    let (_, residual) = &hard_networks()[2];
    says(Polytopes::new(residual, "ra"), &["`block`", "before the block"]);
    says(Polytopes::between(residual, "out", "fc"), &["`out`", "before the end"]);
}

#[test]
fn smooth_layers_have_no_boundaries_and_say_so() {
    let (_, net) = &soft_networks()[0];
    let x = points(net, 1, 3);
    let polytopes = from_input(net);
    says(polytopes.crossings(x.row(0), x.row(1), Curve::Segment), &["`act1`", "no spline code", "soft codes"]);
    let plane = Plane::through([x.row(0), x.row(1), x.row(2)]).unwrap();
    says(polytopes.regions(&plane, [[0.0, 1.0], [0.0, 1.0]]), &["`act1`"]);
    let (_, images) = &hard_networks()[3];
    let x = points(images, 1, 3);
    let plane = Plane::through([x.row(0), x.row(1), x.row(2)]).unwrap();
    says(from_input(images).regions(&plane, [[0.0, 1.0], [0.0, 1.0]]), &["`pool1`", "max-pooling"]);
}

#[test]
fn bad_points_are_refused() {
    let (_, net) = &hard_networks()[0];
    let polytopes = from_input(net);
    let mut x = points(net, 1, 2);
    says(polytopes.outputs(Array2::zeros((2, 4)).view()), &["[samples, 5]", "[2, 4]"]);
    says(polytopes.gates(Array2::zeros((0, 5)).view()), &["no example"]);
    let gates = polytopes.gates(x.view()).unwrap();
    says(polytopes.outputs_with(x.view(), &gates, &[0]), &["[2]"]);
    says(polytopes.outputs_with(x.view(), &gates, &[0, 2]), &["no unit 2"]);
    says(polytopes.flipped_map(x.row(0), 0, 8), &["8 units"]);
    says(polytopes.flipped_map(x.row(0), 9, 0), &["9"]);
    let zero = ndarray::Array1::zeros(5);
    says(polytopes.crossings(x.row(0), (&x.row(0) * -2.0).view(), Curve::Arc), &["parallel"]);
    says(polytopes.crossings(zero.view(), x.row(0), Curve::Arc), &["origin"]);
    assert_eq!(polytopes.crossings(x.row(0), x.row(0), Curve::Segment).unwrap().total(), 0);
    let line = [array![0.0, 0.0, 0.0, 0.0, 1.0], array![0.0, 0.0, 0.0, 0.0, 2.0], array![0.0, 0.0, 0.0, 0.0, 5.0]];
    says(Plane::through([line[0].view(), line[1].view(), line[2].view()]), &["line"]);
    let plane = Plane::through([x.row(0), x.row(1), zero.view()]).unwrap();
    says(polytopes.regions(&plane, [[1.0, 1.0], [0.0, 1.0]]), &["rectangle"]);
    says(polytopes.picture(&plane, &[], &[1.0]), &["grid"]);
    x[[1, 2]] = f64::NAN;
    says(polytopes.outputs(x.view()), &["[1, 2]"]);
    says(polytopes.crossings(x.row(0), x.row(1), Curve::Segment), &["not finite"]);
}
