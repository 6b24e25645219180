//! Patterns of attention and series: wrong axes, entries that are not finite, rows that are no distributions.

use kymograph_measures::{Array, Kind, Measure, MeasureError, Reading, all, find};
use ndarray::{Array1, Array2, Array4, ArrayD, Axis};

use crate::support::pattern;

fn try_on(measure: &Measure, x: &ArrayD<f64>) -> Result<Reading, MeasureError> {
    measure.apply(&[Array::F64(x.view())], &measure.options([]).unwrap())
}

fn of_axes(axes: usize) -> Vec<&'static Measure> {
    all().iter().copied().filter(|m| m.inputs[0].kind == Kind::Real && m.inputs[0].axes.len() == axes).collect()
}

fn some_pattern() -> Array4<f64> {
    pattern(&mut kymograph_linalg::random::stream(3, "sample"), 4, 5)
}

#[test]
fn patterns_must_be_distributions_and_the_row_is_named() {
    assert_eq!(of_axes(4).len(), 3);
    for measure in of_axes(4) {
        let good = some_pattern();
        assert!(try_on(measure, &good.clone().into_dyn()).is_ok());
        let spoilt = |change: fn(&mut f64)| {
            let mut x = good.clone();
            change(&mut x[[2, 1, 3, 4]]);
            try_on(measure, &x.into_dyn()).unwrap_err()
        };
        for change in [|v: &mut f64| *v += 0.1, |v: &mut f64| *v = -0.01] {
            let error = spoilt(change);
            let named = matches!(error, MeasureError::NotAttention { example: 2, head: 1, query: 3, .. });
            assert!(named && error.to_string().contains("softmax"), "{}: {error}", measure.name);
        }
        for change in [|v: &mut f64| *v = f64::NAN, |v: &mut f64| *v = f64::INFINITY] {
            let error = spoilt(change);
            assert!(matches!(error, MeasureError::NotFiniteAt { ref place, .. } if *place == [2, 1, 3, 4]), "{error}");
        }
        for shape in [vec![0, 3, 4, 5], vec![2, 0, 4, 5], vec![2, 3, 4, 0]] {
            assert!(matches!(try_on(measure, &ArrayD::zeros(shape)), Err(MeasureError::Empty { .. })));
        }
        let flat = try_on(measure, &Array2::<f64>::ones((3, 1)).into_dyn()).unwrap_err().to_string();
        assert!(flat.contains("4 axes [example, head, query, key]"), "{flat}");
        // Logits instead of attention.
        assert!(try_on(measure, &good.mapv(f64::ln).into_dyn()).is_err());
    }
}

/// One key, one head, uniform and one-hot attention: a number in range, or a reason.
#[test]
fn degenerate_patterns_give_a_number_or_a_reason() {
    let one_hot = Array4::from_shape_fn((2, 3, 4, 5), |(_, _, q, k)| if q == k { 1.0 } else { 0.0 });
    let single_precision = Array4::from_elem((2, 3, 4, 7), f64::from(1.0_f32 / 7.0));
    let uniform = Array4::from_elem((2, 3, 4, 5), 0.2);
    for x in [one_hot.clone(), uniform.clone(), single_precision, Array4::ones((2, 3, 4, 1))] {
        for measure in of_axes(4) {
            match try_on(measure, &x.clone().into_dyn()) {
                Ok(reading) => {
                    assert!((measure.range.0..=measure.range.1).contains(&reading.value), "{}", measure.name);
                }
                Err(error) => assert!(matches!(error, MeasureError::NoVariation { .. }), "{}: {error}", measure.name),
            }
        }
    }
    let read = |name: &str, x: &Array4<f64>| try_on(find(name).unwrap(), &x.clone().into_dyn());
    assert!((read("attention_entropy", &uniform).unwrap().value - 5.0_f64.ln()).abs() < 1e-14);
    assert_eq!(read("attention_entropy", &one_hot).unwrap().value, 0.0);
    assert!((read("head_correlation", &one_hot).unwrap().value - 1.0).abs() < 1e-14);
    assert_eq!(read("head_specialisation", &one_hot).unwrap().value, 0.0);
    assert!(matches!(read("head_correlation", &uniform), Err(MeasureError::NoVariation { .. })));
    for name in ["head_correlation", "head_specialisation"] {
        let single = some_pattern().select(Axis(1), &[1]);
        assert!(matches!(read(name, &single), Err(MeasureError::TooFew { found: 1, needed: 2, .. })));
    }
    // One uniform head among others is left out of the correlations by name.
    let mut mixed = some_pattern();
    mixed.index_axis_mut(Axis(1), 1).fill(0.2);
    let reading = read("head_correlation", &mixed).unwrap();
    assert_eq!((reading.part("left_out"), reading.part("pairs").unwrap().len()), (Some(&[1.0][..]), 1));
    assert!(reading.notes[0].contains("head 1"));
}

#[test]
fn a_causal_mask_is_noted_with_its_own_maximum() {
    let mut x = some_pattern().select(Axis(3), &[0, 1, 2, 3]);
    for ((_, _, query, key), value) in x.indexed_iter_mut() {
        *value = if key > query { 0.0 } else { 1.0 / (query + 1) as f64 };
    }
    let reading = try_on(find("attention_entropy").unwrap(), &x.into_dyn()).unwrap();
    let most = (2.0_f64.ln() + 3.0_f64.ln() + 4.0_f64.ln()) / 4.0;
    assert!((reading.value - most).abs() < 1e-14);
    assert!(reading.notes[1].contains(&format!("{most:.2}")), "{:?}", reading.notes);
}

#[test]
fn hostile_series_give_a_number_or_a_reason() {
    assert_eq!(of_axes(1).len(), 3);
    let wave = |n: usize| Array1::from_shape_fn(n, |i| (i as f64).sin());
    for measure in of_axes(1) {
        for n in 0..12 {
            if let Err(error) = try_on(measure, &wave(n).into_dyn()) {
                assert!(matches!(error, MeasureError::Empty { .. } | MeasureError::TooFew { .. }), "{error}");
            }
        }
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut x = wave(60);
            x[7] = bad;
            let error = try_on(measure, &x.into_dyn()).unwrap_err();
            assert!(matches!(error, MeasureError::NotFiniteAt { ref place, .. } if *place == [7]), "{error}");
        }
        let step = |low: f64, high: f64| Array1::from_shape_fn(60, |i| if i < 30 { low } else { high }).into_dyn();
        for (low, high) in [(1e300, -1e300), (1e-300, 2e-300), (0.0, 5e-324), (1.0, 1.0 + 1e-12), (1e15, 1e15 + 1.0)] {
            let reading = try_on(measure, &step(low, high)).unwrap();
            assert!(reading.value > 0.0, "{} misses a noiseless jump {low} → {high}", measure.name);
            assert_eq!(reading.part("positions"), Some(&[30.0][..]));
        }
        for level in [0.0, 0.1, 1e300, -3.0] {
            assert_eq!(try_on(measure, &step(level, level)).unwrap().value, 0.0, "{} of a constant", measure.name);
        }
        let ramp = Array1::from_shape_fn(60, |i| 0.1 * i as f64).into_dyn();
        assert!(try_on(measure, &ramp).unwrap().value <= 0.0, "{} sees jumps in a ramp", measure.name);
        let error = try_on(measure, &Array2::<f64>::ones((30, 2)).into_dyn()).unwrap_err().to_string();
        assert!(error.contains("one axis [step] is needed"), "{error}");
    }
    let pelt = find("pelt_change_points").unwrap();
    let z = find("rolling_z_score_jumps").unwrap();
    for (measure, option, text) in [
        (pelt, "penalty", "0"),
        (pelt, "min_segment", "0"),
        (z, "threshold", "-1"),
        (z, "min_samples", "1"),
        (z, "window", "5"),
    ] {
        let options = measure.options([(option, text)]).unwrap();
        let error = measure.apply(&[Array::F64(wave(60).view().into_dyn())], &options).unwrap_err().to_string();
        assert!(error.contains(option), "{error}");
    }
}
