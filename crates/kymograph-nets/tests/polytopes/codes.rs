use kymograph_linalg::random;
use kymograph_nets::{LayerSpec, Network};
use ndarray::{Array2, Axis};

use super::{asked, from_input, hard_networks, points, shaped, soft_networks, support};

#[test]
fn codes_are_the_states_that_the_network_tells() {
    for (name, net) in hard_networks() {
        let x = points(&net, 1, 40);
        let wanted = asked(&net, &x);
        let polytopes = from_input(&net);
        let codes = polytopes.codes(x.view()).unwrap();
        assert_eq!(codes.layers(), polytopes.code_layers(), "{name}");
        for (sample, wanted) in wanted.iter().enumerate() {
            let layers = codes.layers().iter().enumerate();
            let found: Vec<u32> = layers
                .flat_map(|(l, layer)| (0..layer.elements).map(move |e| (l, e)))
                .map(|(l, e)| codes.state(sample, l, e))
                .collect();
            assert_eq!(&found, wanted, "{name}, sample {sample}");
        }
        let differ = |a: usize, b: usize| wanted[a].iter().zip(&wanted[b]).filter(|(a, b)| a != b).count();
        for (a, b) in [(0, 1), (7, 20), (39, 39)] {
            assert_eq!(codes.distance(a, b), differ(a, b), "{name}");
        }
        let fast = net.codes(shaped(&net, x.view()).view()).unwrap();
        assert_eq!(fast, codes, "{name}: through the kernels");
        let parts: usize = (0..codes.layers().len()).map(|l| codes.layer(l).distance(3, 4)).sum();
        assert_eq!(parts, codes.distance(3, 4), "{name}: layer by layer");
        // A choice that differs is two columns that do.
        let matrix = codes.matrix();
        let columns = |layer: usize| if codes.layers()[layer].states == 2 { 1 } else { 2 };
        let wanted: usize = (0..codes.layers().len()).map(|l| columns(l) * codes.layer(l).distance(3, 4)).sum();
        assert_eq!((&matrix.row(3) - &matrix.row(4)).mapv(f32::abs).sum() as usize, wanted, "{name}");
    }
}

#[test]
fn smooth_activations_have_the_code_of_their_signs_too() {
    for (name, net) in soft_networks() {
        let x = points(&net, 2, 30);
        let codes = from_input(&net).codes(x.view()).unwrap();
        assert_eq!(net.codes(shaped(&net, x.view()).view()).unwrap(), codes, "{name}");
        let z = &net.capture(shaped(&net, x.view()).view(), &["fc1", "fc2", "fc3"]).unwrap();
        for sample in 0..30 {
            let of = |hook: &str| z[hook].index_axis(Axis(0), sample).iter().copied().collect::<Vec<f64>>();
            for unit in 0..6 {
                assert_eq!(codes.state(sample, 1, unit) == 1, of("fc2")[unit] > 0.0, "{name}");
            }
            let last = of("fc3");
            assert!(last.iter().all(|v| *v <= last[codes.state(sample, 2, 0) as usize]), "{name}: softmax");
            if name != "softmax" {
                (0..7).for_each(|unit| assert_eq!(codes.state(sample, 0, unit) == 1, of("fc1")[unit] > 0.0, "{name}"));
            }
        }
    }
}

#[test]
fn numbering_tells_equal_codes() {
    let net = &hard_networks()[0].1;
    let x = points(net, 3, 6).select(Axis(0), &[0, 1, 0, 2, 1, 3]);
    let codes = from_input(net).codes(x.view()).unwrap();
    let (numbers, different) = codes.numbered();
    assert_eq!((numbers[0], numbers[1], numbers[2], numbers[4]), (0, 1, 0, 1));
    assert_eq!(different, numbers.iter().max().unwrap() + 1);
}

/// Widths that are no multiple of 64, more examples than a block, and any number of threads.
#[test]
fn packing_is_the_same_for_any_number_of_threads_and_width() {
    let mut layers = Vec::new();
    for (at, width) in [70, 64, 3].into_iter().enumerate() {
        layers.push(LayerSpec::linear(format!("fc{at}"), width));
        layers.push(LayerSpec::relu(format!("relu{at}")));
    }
    let net: Network<f32> = support::network(&[9], layers);
    let x: Array2<f32> = random::normal_matrix(&mut random::stream(4, "points"), 1500, 9);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| net.codes(x.view().into_dyn()).unwrap())
    };
    let one = with(1);
    assert_eq!((one.words().dim(), one.layers()[2].first), ((1500, 3), 134));
    assert!([2, 3].into_iter().all(|threads| with(threads) == one));
    let values = net.capture(x.view().into_dyn(), &["relu0", "relu1", "relu2"]).unwrap();
    for sample in [0, 511, 512, 1499] {
        for (layer, width) in [70, 64, 3].into_iter().enumerate() {
            let of = &values[&format!("relu{layer}")];
            (0..width).for_each(|u| assert_eq!(one.state(sample, layer, u) == 1, of[[sample, u]] > 0.0));
        }
    }
}
