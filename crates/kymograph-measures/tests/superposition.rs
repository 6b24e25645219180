//! Numbers about directions in fewer dimensions: cases worked by hand, literal twins, invariances, and tests of angles
//! against simulation.

use std::f64::consts::{PI, TAU};

use kymograph_linalg::random::{normal_matrix, permutation, stream, stream_at, uniform};
use kymograph_measures::superposition::{
    Interference, Shape, Shapes, angles, arrangement, arrangement_of, dimensionality, dimensions_per_feature,
    feature_norms, find_quantity, interference, kuiper_test, published_importance, quantities, random_directions,
    rank_correlation, rayleigh_test, represented, resultant, top_share_in_corner,
};
use ndarray::{Array2, array, s};

/// Columns in a plane at these angles in degrees.
fn plane(degrees: &[f64]) -> Array2<f64> {
    Array2::from_shape_fn((2, degrees.len()), |(k, i)| {
        let angle = degrees[i].to_radians();
        if k == 0 { angle.cos() } else { angle.sin() }
    })
}

fn polygon(corners: usize) -> Array2<f64> {
    plane(&(0..corners).map(|i| 360.0 * i as f64 / corners as f64).collect::<Vec<_>>())
}

fn names(w: &Array2<f64>) -> String {
    Shapes::of(&arrangement(w.view()).unwrap()).to_string()
}

#[test]
fn figures_have_the_dimensionality_that_is_published_for_them() {
    let tetrahedron = array![[1.0, 1.0, -1.0, -1.0], [1.0, -1.0, 1.0, -1.0], [1.0, -1.0, -1.0, 1.0]];
    for (w, expected) in [
        (polygon(1), 1.0),
        (plane(&[30.0, 210.0]), 0.5),
        (polygon(3), 2.0 / 3.0),
        (polygon(5), 0.4),
        (plane(&[10.0, 100.0, 190.0, 280.0]), 0.5),
        (tetrahedron, 0.75),
        (antiprism(), 0.375),
    ] {
        for d in dimensionality(w.view()).unwrap() {
            assert!((d - expected).abs() < 1e-12, "{d} {expected}");
        }
    }
}

fn antiprism() -> Array2<f64> {
    let (height, radius) = ((1.0f64 / 3.0).sqrt(), (2.0f64 / 3.0).sqrt());
    Array2::from_shape_fn((3, 8), |(k, i)| {
        let turn = PI / 2.0 * (i % 4) as f64 + if i < 4 { 0.0 } else { PI / 4.0 };
        [radius * turn.cos(), radius * turn.sin(), if i < 4 { height } else { -height }][k]
    })
}

#[test]
fn figures_are_recognised() {
    assert_eq!(names(&polygon(1)), "single");
    assert_eq!(names(&plane(&[0.0, 90.0])), "2 × single");
    assert_eq!(names(&plane(&[40.0, 220.0])), "antipodal pair");
    assert_eq!(names(&plane(&[40.0, 220.0, 131.0])), "single + antipodal pair");
    assert_eq!(names(&plane(&[0.0, 90.0, 180.0, 270.0])), "2 × antipodal pair");
    assert_eq!(names(&polygon(3)), "triangle");
    assert_eq!(names(&polygon(5)), "pentagon");
    assert_eq!(names(&polygon(7)), "7-gon");
    assert_eq!(names(&plane(&[0.0, 30.0, 77.0])), "irregular figure of 3");
    assert_eq!(names(&antiprism()), "square antiprism");
    let tetrahedron = array![[1.0, 1.0, -1.0, -1.0], [1.0, -1.0, 1.0, -1.0], [1.0, -1.0, -1.0, 1.0]];
    assert_eq!(names(&tetrahedron), "tetrahedron");
    // Two figures in orthogonal planes, and a feature that is dropped.
    let mut both = Array2::zeros((4, 9));
    both.slice_mut(s![..2, ..5]).assign(&polygon(5));
    both.slice_mut(s![2.., 5..8]).assign(&polygon(3));
    both[[0, 8]] = 0.4;
    assert_eq!(names(&both), "triangle + pentagon");
    assert_eq!(represented(both.view()).unwrap(), (0..8).collect::<Vec<_>>());
    let components = arrangement(both.view()).unwrap();
    assert_eq!(components[1].features, [5, 6, 7]);
    assert!(components.iter().all(|c| c.deviation < 1e-4));
    let shapes = Shapes::of(&components);
    assert_eq!((shapes.count(Shape::Pentagon), shapes.count(Shape::Single)), (1, 0));
    assert_eq!(names(&Array2::<f64>::zeros((2, 3))), "nothing");
}

#[test]
fn figures_stay_when_turned_reordered_and_scaled_one_by_one() {
    let w = polygon(5);
    let (sin, cos) = 0.7f64.sin_cos();
    let turned = array![[cos, -sin], [sin, cos]].dot(&w);
    assert_eq!(names(&turned), "pentagon");
    let order = permutation(&mut stream(1, "order"), 5);
    let mut changed = turned.select(ndarray::Axis(1), &order);
    for (i, mut column) in changed.columns_mut().into_iter().enumerate() {
        column *= 0.6 + 0.2 * i as f64;
    }
    assert_eq!(names(&changed), "pentagon");
    let same = |a: Vec<f64>, b: Vec<f64>| a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-12);
    assert!(same(dimensionality(w.view()).unwrap(), dimensionality(turned.view()).unwrap()));
    assert!(same(dimensionality(w.view()).unwrap(), dimensionality((&w * 1e200).view()).unwrap()));
    assert!(same(feature_norms(w.view()).unwrap(), feature_norms(turned.view()).unwrap()));
}

/// The tolerance is such that figures of more than two corners are rare among random directions, and the test knows how
/// often the others come by chance.
#[test]
fn random_directions_seldom_form_a_figure() {
    let rate = |corners: usize, hidden: usize, wanted: &str| {
        let draws = 4000;
        let hits = (0..draws).filter(|&draw| {
            let mut rng = stream_at(7, "directions", draw);
            let w = random_directions(&mut rng, hidden, corners);
            let all: Vec<usize> = (0..corners).collect();
            Shapes::of(&arrangement_of(w.view(), &all).unwrap()).to_string() == wanted
        });
        hits.count() as f64 / draws as f64
    };
    // Two directions in a plane: opposite within 8° of 180°, orthogonal within 12° of 90° to either side.
    assert!((rate(2, 2, "antipodal pair") - 8.0 / 180.0).abs() < 0.012);
    assert!((rate(2, 2, "2 × single") - 24.0 / 180.0).abs() < 0.02);
    assert!(rate(3, 2, "triangle") < 0.02);
    assert!(rate(4, 2, "2 × antipodal pair") < 0.01);
    assert!(rate(5, 2, "pentagon") < 0.002);
    assert!(rate(4, 3, "tetrahedron") < 0.02);
    assert!(rate(8, 3, "square antiprism") < 0.002);
}

#[test]
fn interference_and_dimensionality_are_their_formulas() {
    let w: Array2<f64> = normal_matrix(&mut stream(3, "weights"), 4, 7);
    let dot = |i: usize, j: usize| (0..4).map(|k| w[[k, i]] * w[[k, j]]).sum::<f64>();
    let norm = |i: usize| dot(i, i).sqrt();
    let others = |i: usize| (0..7).filter(move |&j| j != i);
    for i in 0..7 {
        let raw: f64 = others(i).map(|j| dot(i, j).powi(2)).sum();
        let own: f64 = others(i).map(|j| (dot(i, j) / norm(i)).powi(2)).sum();
        let cosine: f64 = others(i).map(|j| (dot(i, j) / norm(i) / norm(j)).powi(2)).sum();
        for (by, expected) in [(Interference::Raw, raw), (Interference::OwnNorm, own), (Interference::Cosine, cosine)] {
            assert!((interference(w.view(), by).unwrap()[i] - expected).abs() < 1e-10 * (1.0 + expected));
        }
        let d = norm(i).powi(2) / (own + norm(i).powi(2));
        assert!((dimensionality(w.view()).unwrap()[i] - d).abs() < 1e-12);
    }
    let total: f64 = (0..7).map(|i| dot(i, i)).sum();
    assert!((dimensions_per_feature(w.view()).unwrap().unwrap() - 4.0 / total).abs() < 1e-12);
    assert_eq!(dimensions_per_feature(Array2::<f64>::zeros((2, 2)).view()).unwrap(), None);
}

/// Random directions in m dimensions: E cos² = 1/m.
#[test]
fn random_directions_interfere_as_theory_says() {
    let (m, n) = (20, 400);
    let w = random_directions(&mut stream(5, "directions"), m, n);
    assert!(feature_norms(w.view()).unwrap().iter().all(|norm| (norm - 1.0).abs() < 1e-12));
    let mean = interference(w.view(), Interference::Cosine).unwrap().iter().sum::<f64>() / n as f64;
    assert!((mean / ((n - 1) as f64 / m as f64) - 1.0).abs() < 0.02, "{mean}");
}

#[test]
fn resultants_see_one_way_one_axis_and_two_axes() {
    let weights = [1.0; 4];
    let one_way = [0.3; 4];
    let axis = [0.3, 0.3 + PI, 0.3, 0.3 + PI];
    let cross = [0.3, 0.3 + PI / 2.0, 0.3 + PI, 0.3 - PI / 2.0];
    let r = |angles: &[f64], fold| resultant(angles, &weights, fold).unwrap();
    assert!((r(&one_way, 1) - 1.0).abs() < 1e-12);
    assert!(r(&axis, 1) < 1e-12 && (r(&axis, 2) - 1.0).abs() < 1e-12);
    assert!(r(&cross, 1) < 1e-12 && r(&cross, 2) < 1e-12 && (r(&cross, 4) - 1.0).abs() < 1e-12);
    // A feature without weight does not count.
    assert!((resultant(&[0.0, 1.0], &[2.0, 0.0], 1).unwrap() - 1.0).abs() < 1e-12);
    assert_eq!(resultant(&[0.0, 1.0], &[0.0, 0.0], 1).unwrap(), 0.0);
    assert!(resultant(&[], &[], 1).is_err());
    assert!(resultant(&[0.0], &[-1.0], 1).is_err());
    assert!(resultant(&[0.0], &[1.0, 1.0], 1).is_err());
    assert!(resultant(&[f64::NAN], &[1.0], 1).is_err());
}

/// Among angles spread evenly a p-value below 5 % comes in 5 % of draws, for few and for many angles.
#[test]
fn tests_of_angles_hold_their_level() {
    for n in [12, 49] {
        let mut below = [0, 0, 0];
        let draws = 3000;
        for draw in 0..draws {
            let mut rng = stream_at(n as u64, "angles", draw);
            let angles: Vec<f64> = (0..n).map(|_| TAU * uniform(&mut rng) - PI).collect();
            below[0] += usize::from(rayleigh_test(&angles, 1).unwrap().p < 0.05);
            below[1] += usize::from(rayleigh_test(&angles, 2).unwrap().p < 0.05);
            below[2] += usize::from(kuiper_test(&angles, 1).unwrap().p < 0.05);
        }
        for hits in below {
            let rate = hits as f64 / draws as f64;
            assert!((rate - 0.05).abs() < 0.013, "{n}: {rate}");
        }
    }
    let axis: Vec<f64> = (0..40).map(|i| 0.4 + PI * (i % 2) as f64 + 0.02 * (i % 5) as f64).collect();
    assert!(rayleigh_test(&axis, 1).unwrap().p > 0.9 && rayleigh_test(&axis, 2).unwrap().p < 1e-10);
    assert!(kuiper_test(&axis, 1).unwrap().p < 1e-6);
    // Kuiper's statistic does not depend on where the circle is cut.
    let turned: Vec<f64> = axis.iter().map(|a| a + 2.1).collect();
    assert!((kuiper_test(&axis, 1).unwrap().statistic - kuiper_test(&turned, 1).unwrap().statistic).abs() < 1e-12);
    let even: Vec<f64> = (0..30).map(|i| TAU * i as f64 / 30.0).collect();
    assert!((kuiper_test(&even, 1).unwrap().statistic - 1.0 / 30.0).abs() < 1e-12);
}

#[test]
fn angles_are_those_of_the_columns() {
    let w = array![[1.0, 0.0, -2.0, 0.0], [0.0, 3.0, 0.0, 0.0]];
    assert_eq!(angles(w.view()).unwrap(), [0.0, PI / 2.0, PI]);
    assert!(angles(Array2::<f64>::ones((3, 2)).view()).is_err());
}

#[test]
fn importance_ranks_and_corners() {
    assert_eq!(published_importance(&[2.0, 2.0]).unwrap(), [0.0, 0.0]);
    // A negative sum turns the order, as it does in the notebook.
    assert_eq!(published_importance(&[-3.0, 1.0, -1.0]).unwrap(), [1.0, 0.0, 0.5]);
    assert_eq!(published_importance(&[0.0, 4.0, 1.0]).unwrap(), [0.0, 1.0, 0.25]);
    assert!(published_importance(&[]).is_err() && published_importance(&[f64::NAN]).is_err());
    assert_eq!(rank_correlation(&[1.0, 2.0, 3.0], &[9.0, 4.0, 1.0]).unwrap(), Some(-1.0));
    // scipy.stats.spearmanr([1, 2, 2, 4, 5], [3, 1, 4, 4, 2]), SciPy 1.
    let tied = rank_correlation(&[1.0, 2.0, 2.0, 4.0, 5.0], &[3.0, 1.0, 4.0, 4.0, 2.0]).unwrap().unwrap();
    assert!((tied - SPEARMAN).abs() < 1e-12, "{tied}");
    assert_eq!(rank_correlation(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]).unwrap(), None);
    assert_eq!(rank_correlation(&[1.0, 2.0], &[1.0, 2.0]).unwrap(), None);
    assert!(rank_correlation(&[1.0, 2.0, 3.0], &[1.0, 2.0]).is_err());
    assert!(rank_correlation(&[1.0, 2.0, f64::INFINITY], &[1.0, 2.0, 3.0]).is_err());
    let x = array![[9.0, 8.0, 0.0], [1.0, 7.0, 0.0], [0.0, 6.0, 0.0]];
    assert_eq!(top_share_in_corner(x.view(), 4, 2).unwrap(), 0.75);
    assert_eq!(top_share_in_corner(x.view(), 9, 3).unwrap(), 1.0);
    assert!(top_share_in_corner(x.view(), 0, 2).is_err() && top_share_in_corner(x.view(), 2, 4).is_err());
}

const SPEARMAN: f64 = -0.026315789473684213;

#[test]
fn what_is_not_a_number_is_refused() {
    let empty = Array2::<f64>::zeros((0, 3));
    let mut bad = Array2::<f64>::ones((2, 3));
    bad[[1, 2]] = f64::NAN;
    for w in [empty, bad] {
        assert!(feature_norms(w.view()).is_err() && dimensionality(w.view()).is_err());
        assert!(interference(w.view(), Interference::Cosine).is_err() && arrangement(w.view()).is_err());
        assert!(dimensions_per_feature(w.view()).is_err() && represented(w.view()).is_err());
    }
    assert!(interference(array![[1e200, 1e200]].view(), Interference::Raw).is_err());
    assert_eq!(dimensionality(array![[0.0, 1.0]].view()).unwrap(), [0.0, 1.0]);
}

#[test]
fn quantities_have_one_name_each() {
    for (index, quantity) in quantities().iter().enumerate() {
        assert_eq!(find_quantity(quantity.name), Some(&quantities()[index]));
        assert!(!quantity.summary.is_empty());
    }
    assert!(find_quantity("no such quantity").is_none());
}
