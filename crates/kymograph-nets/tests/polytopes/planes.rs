use std::collections::HashSet;

use kymograph_nets::{LayerSpec, Plane};
use ndarray::Array2;

use super::{from_input, grown, hard_networks, points};

fn grid(from: f64, to: f64, count: usize) -> Vec<f64> {
    (0..count).map(|i| from + (to - from) * (i as f64 + 0.5) / count as f64).collect()
}

#[test]
fn the_plane_goes_through_its_points() {
    let net = &hard_networks()[0].1;
    let x = points(net, 1, 3);
    let plane = Plane::through([x.row(0), x.row(1), x.row(2)]).unwrap();
    assert!(plane.axes[0].dot(&plane.axes[1]).abs() < 1e-12);
    for row in x.outer_iter() {
        let [u, v] = plane.coordinates(row);
        let back = &plane.origin + &(&plane.axes[0] * u) + &plane.axes[1] * v;
        assert!((&back - &row).iter().all(|d| d.abs() < 1e-12));
    }
}

#[test]
fn pictures_show_the_codes_and_outputs_of_their_points() {
    for (name, net) in hard_networks() {
        let polytopes = from_input(&net);
        let x = points(&net, 2, 3);
        let plane = Plane::through([x.row(0), x.row(1), x.row(2)]).unwrap();
        let (u, v) = (grid(-3.0, 3.0, 23), grid(-2.0, 4.0, 29));
        let (codes, outputs) = polytopes.picture(&plane, &u, &v).unwrap();
        let mut all = Array2::zeros((u.len() * v.len(), x.ncols()));
        for (at, mut row) in all.outer_iter_mut().enumerate() {
            row.assign(&(&plane.origin + &(&plane.axes[0] * u[at % 23]) + &plane.axes[1] * v[at / 23]));
        }
        assert_eq!(codes, polytopes.codes(all.view()).unwrap(), "{name}");
        let wanted = polytopes.outputs(all.view()).unwrap();
        assert!(outputs.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-10), "{name}");
    }
}

/// Exact regions against a fine picture: they cover the rectangle once, no code is in the picture that has no region, and
/// nearly all regions larger than a few pixels are seen.
#[test]
fn regions_are_those_of_a_fine_picture() {
    for (name, net) in hard_networks().into_iter().filter(|(name, _)| *name != "images") {
        let polytopes = from_input(&net);
        let x = points(&net, 3, 3) * 2.0;
        let plane = Plane::through([x.row(0), x.row(1), x.row(2)]).unwrap();
        let regions = polytopes.regions(&plane, [[-2.0, 2.0], [-2.0, 2.0]]).unwrap();
        let area: f64 = regions.iter().map(|region| region.area()).sum();
        assert!((area - 16.0).abs() < 1e-9, "{name}: {area}");
        let side = 400;
        let ends = grid(-2.0, 2.0, side);
        let (codes, _) = polytopes.picture(&plane, &ends, &ends).unwrap();
        let (numbers, different) = codes.numbered();
        // |x| may give one code to several regions; every code that is seen has a region.
        let mut middles = Array2::zeros((regions.len(), x.ncols()));
        for (region, mut row) in regions.iter().zip(middles.outer_iter_mut()) {
            let n = region.corners.len() as f64;
            let [u, v] = region.corners.iter().fold([0.0; 2], |s, c| [s[0] + c[0] / n, s[1] + c[1] / n]);
            row.assign(&(&plane.origin + &(&plane.axes[0] * u) + &plane.axes[1] * v));
        }
        let middle_codes = polytopes.codes(middles.view()).unwrap();
        let known: HashSet<Vec<u64>> = middle_codes.words().outer_iter().map(|row| row.to_vec()).collect();
        let seen: HashSet<Vec<u64>> = codes.words().outer_iter().map(|row| row.to_vec()).collect();
        assert!(seen.is_subset(&known), "{name}");
        assert_eq!(seen.len(), different);
        let pixel = 16.0 / (side * side) as f64;
        let large: HashSet<Vec<u64>> = regions
            .iter()
            .zip(middle_codes.words().outer_iter())
            .filter(|(region, _)| region.area() > 60.0 * pixel)
            .map(|(_, code)| code.to_vec())
            .collect();
        let missed = large.difference(&seen).count();
        assert!(missed * 100 <= large.len(), "{name}: {missed} of {} large regions are not seen", large.len());
        assert_eq!(numbers.len(), side * side);
    }
}

/// n lines in general position cut the plane into 1 + n + n(n − 1)/2 regions.
#[test]
fn lines_in_general_position_give_the_known_number_of_regions() {
    for units in [1, 2, 5, 12] {
        let net = grown(&[2], vec![LayerSpec::linear("fc", units), LayerSpec::relu("relu")]);
        let plane =
            Plane { origin: ndarray::array![0.0, 0.0], axes: [ndarray::array![1.0, 0.0], ndarray::array![0.0, 1.0]] };
        let regions = from_input(&net).regions(&plane, [[-1e4, 1e4], [-1e4, 1e4]]).unwrap();
        assert_eq!(regions.len(), 1 + units + units * (units - 1) / 2);
    }
}
