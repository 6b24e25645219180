use kymograph_nets::{LayerSpec, Polytopes};
use ndarray::{Array2, Axis};

use super::{from_input, grown, hard_networks, points, shaped, soft_networks};

/// In f64, relative to the size of the outputs.
const EXACT: f64 = 1e-10;

#[test]
fn outputs_are_the_networks_and_a_x_plus_b() {
    for (name, net) in hard_networks().into_iter().chain(soft_networks()) {
        let x = points(&net, 1, 9);
        let polytopes = from_input(&net);
        let wanted = net.predict(shaped(&net, x.view()).view()).unwrap();
        let outputs = polytopes.outputs(x.view()).unwrap();
        for (sample, x) in x.outer_iter().enumerate() {
            let map = polytopes.affine_map(x).unwrap();
            let size = 1.0 + map.matrix.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
            for (output, value) in map.at(x).iter().enumerate() {
                assert!((value - wanted[[sample, output]]).abs() < EXACT * size, "{name}: A x + b");
                assert!((outputs[[sample, output]] - wanted[[sample, output]]).abs() < EXACT * size, "{name}");
            }
        }
    }
}

/// Of a piecewise linear network the matrix is the derivative.
#[test]
fn the_matrix_is_the_derivative_inside_a_polytope() {
    for (name, net) in hard_networks() {
        let x = points(&net, 2, 1);
        let map = from_input(&net).affine_map(x.row(0)).unwrap();
        for input in 0..x.ncols() {
            let mut ends = Array2::zeros((2, x.ncols()));
            ends.outer_iter_mut().for_each(|mut end| end.assign(&x.row(0)));
            ends[[0, input]] += 1e-6;
            ends[[1, input]] -= 1e-6;
            let outputs = net.predict(shaped(&net, ends.view()).view()).unwrap();
            for output in 0..3 {
                let slope = (outputs[[0, output]] - outputs[[1, output]]) / 2e-6;
                assert!((slope - map.matrix[[output, input]]).abs() < 1e-6, "{name} {output} {input}");
            }
        }
    }
}

#[test]
fn it_starts_at_any_layer() {
    for (name, net) in hard_networks() {
        let x = points(&net, 3, 4);
        let wanted = net.predict(shaped(&net, x.view()).view()).unwrap();
        for hook in net.hook_points().into_iter().filter(|hook| !["r1", "ra", "r2"].contains(&hook.name.as_str())) {
            let values = net.capture(shaped(&net, x.view()).view(), &[&hook.name]).unwrap().remove(&hook.name).unwrap();
            let flat = values.to_shape((4, values.len() / 4)).unwrap();
            let polytopes = Polytopes::new(&net, &hook.name).unwrap();
            let found = polytopes.outputs(flat.view()).unwrap();
            assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < EXACT), "{name} from {}", hook.name);
            let map = polytopes.affine_map(flat.row(0)).unwrap();
            assert!((map.at(flat.row(0)) - found.row(0)).iter().all(|d| d.abs() < EXACT), "{name} {}", hook.name);
        }
    }
}

#[test]
fn gates_of_another_point_apply_its_affine_map() {
    for (name, net) in hard_networks().into_iter().chain(soft_networks()) {
        let x = points(&net, 4, 5);
        let polytopes = from_input(&net);
        let gates = polytopes.gates(x.view()).unwrap();
        let of = [3, 1, 4, 4, 0];
        let found = polytopes.outputs_with(x.view(), &gates, &of).unwrap();
        for (point, &sample) in of.iter().enumerate() {
            let map = polytopes.affine_map(x.row(sample)).unwrap();
            assert!((map.at(x.row(point)) - found.row(point)).iter().all(|d| d.abs() < EXACT), "{name}");
        }
        let own = polytopes.outputs_with(x.view(), &gates, &[0, 1, 2, 3, 4]).unwrap();
        assert_eq!(own, polytopes.outputs(x.view()).unwrap(), "{name}: its own gates");
    }
}

#[test]
fn a_flip_changes_the_map_by_rank_one() {
    for (name, net) in hard_networks() {
        let x = points(&net, 5, 1);
        let polytopes = from_input(&net);
        let map = polytopes.affine_map(x.row(0)).unwrap();
        let whole = map.matrix.mapv(|v| v * v).sum().sqrt();
        let flips = polytopes.flips(x.row(0)).unwrap();
        assert!(!flips.is_empty(), "{name}");
        for flip in flips {
            let other = polytopes.flipped_map(x.row(0), flip.layer, flip.unit).unwrap();
            let change = &other.matrix - &map.matrix;
            let size = change.mapv(|v| v * v).sum().sqrt();
            assert!((size - flip.change).abs() < EXACT * (1.0 + size), "{name} {flip:?}: {size}");
            assert!((flip.relative.unwrap() - size / whole).abs() < EXACT * (1.0 + size / whole), "{name}");
            // All two by two minors of a matrix of rank one are zero.
            for (i, j) in [(0, 1), (0, 2), (1, 2)] {
                for k in 1..change.ncols() {
                    let minor = change[[i, 0]] * change[[j, k]] - change[[i, k]] * change[[j, 0]];
                    assert!(minor.abs() < EXACT * (1.0 + size * size), "{name} {flip:?}");
                }
            }
        }
    }
}

/// The nearest plane is the nearest boundary: nothing flips before it, and its unit does behind it.
#[test]
fn the_nearest_boundary_is_where_it_is_said_to_be() {
    let layers = vec![
        LayerSpec::linear("fc0", 8),
        LayerSpec::relu("act0"),
        LayerSpec::linear("fc1", 7),
        LayerSpec::relu("act1"),
        LayerSpec::linear("out", 3),
    ];
    let net = grown(&[5], layers);
    let polytopes = from_input(&net);
    for seed in 0..10 {
        let x = points(&net, 20 + seed, 1);
        let flips = polytopes.flips(x.row(0)).unwrap();
        let nearest = flips.iter().min_by(|a, b| a.distance.unwrap().total_cmp(&b.distance.unwrap())).unwrap();
        let distance = nearest.distance.unwrap();
        let z = ["fc0", "fc1"][nearest.layer];
        let upstream = Polytopes::between(&net, "input", z).unwrap();
        let map = upstream.affine_map(x.row(0)).unwrap();
        let row = map.matrix.row(nearest.unit);
        let value = map.at(x.row(0))[nearest.unit];
        let step = &row * (-value / row.dot(&row));
        assert!((step.dot(&step).sqrt() - distance).abs() < 1e-12);
        let mut ends = Array2::zeros((3, 5));
        for (mut end, factor) in ends.axis_iter_mut(Axis(0)).zip([0.0, 0.999, 1.001]) {
            end.assign(&(&x.row(0) + &(&step * factor)));
        }
        let codes = polytopes.codes(ends.view()).unwrap();
        assert_eq!((codes.distance(0, 1), codes.distance(0, 2)), (0, 1), "seed {seed}");
    }
}
