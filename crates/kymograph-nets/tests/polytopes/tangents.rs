use kymograph_linalg::random;
use kymograph_nets::{LayerSpec, Network, tangent};
use ndarray::ArrayD;

use super::{grown, hard_networks, points, shaped, soft_networks};

fn moved(net: &Network<f64>, direction: &[(String, ArrayD<f64>)], step: f64) -> Network<f64> {
    let mut moved = net.clone();
    let state: Vec<_> =
        net.state_dict().into_iter().zip(direction).map(|((name, at), (_, v))| (name, at + v * step)).collect();
    moved.load_state_dict(&state).unwrap();
    moved
}

#[test]
fn derivatives_along_a_direction_are_difference_quotients() {
    for (name, net) in hard_networks().into_iter().chain(soft_networks()) {
        let mut rng = random::stream(3, "direction");
        let normed = net.state_dict().iter().any(|(name, _)| name.ends_with("running_var"));
        let x = points(&net, 1, 7);
        if normed {
            assert!(tangent(&net, &net, x.view()).unwrap_err().to_string().contains("`norm`"), "{name}");
            continue;
        }
        let direction: Vec<(String, ArrayD<f64>)> =
            net.state_dict().into_iter().map(|(n, t)| (n, t.mapv(|_| random::normal(&mut rng)))).collect();
        let mut along = net.clone();
        along.load_state_dict(&direction).unwrap();
        let found = tangent(&net, &along, x.view()).unwrap();
        let at = |step: f64| moved(&net, &direction, step).predict(shaped(&net, x.view()).view()).unwrap();
        let slopes = (at(1e-6) - at(-1e-6)) / 2e-6;
        let off = slopes.iter().zip(&found.derivative).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
        assert!(off < 1e-6, "{name}: {off}");
        assert!(at(0.0).iter().zip(&found.outputs).all(|(a, b)| (a - b).abs() < 1e-10), "{name}");
    }
}

/// A network without biases is homogeneous of as many degrees as it has linear layers: J(θ) θ is f(θ) so many times (Euler).
#[test]
fn along_itself_a_homogeneous_network_gives_its_depth_times_itself() {
    let linear = |name: &str, out_features| {
        LayerSpec::new(name, kymograph_nets::LayerKind::Linear { out_features, bias: false })
    };
    let layers = vec![linear("a", 9), LayerSpec::relu("ra"), linear("b", 8), LayerSpec::abs("rb"), linear("c", 3)];
    let net = grown(&[5], layers);
    let x = points(&net, 2, 6);
    let found = tangent(&net, &net, x.view()).unwrap();
    assert!(found.outputs.iter().zip(&found.derivative).all(|(f, d)| (3.0 * f - d).abs() < 1e-10));
}

#[test]
fn a_direction_of_other_layers_is_refused() {
    let (relu, abs) = (&hard_networks()[0].1, &hard_networks()[1].1);
    assert!(tangent(relu, abs, points(relu, 1, 2).view()).is_err());
}
