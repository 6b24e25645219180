//! Degenerate and wrong arrays give a number or an error that names the place, never NaN.

use kymograph_measures::{Array, Change, Input, Kind, MeasureError, Transform, all};
use ndarray::{Array1, Array2, Array3, ArrayD, s};

use crate::support::{COLUMNS, Owned, ROWS, apply, sample, value};

/// With one array replaced by a hostile one, a measure must give a finite number or an error in words.
#[test]
fn degenerate_arrays_give_a_number_or_a_reason() {
    type Spoil = (&'static str, fn(&mut Array2<f64>));
    let spoils: [Spoil; 12] = [
        ("one row", |x| *x = x.slice(s![..1, ..]).to_owned()),
        ("two rows", |x| *x = x.slice(s![..2, ..]).to_owned()),
        ("three rows", |x| *x = x.slice(s![..3, ..]).to_owned()),
        ("one column", |x| *x = x.slice(s![.., ..1]).to_owned()),
        ("a constant column", |x| x.column_mut(2).fill(0.1)),
        ("constant columns", |x| x.columns_mut().into_iter().for_each(|mut c| c.fill(0.1))),
        ("a zero row", |x| x.row_mut(3).fill(0.0)),
        ("all zero", |x| x.fill(0.0)),
        ("equal rows", |x| {
            let row = x.row(0).to_owned();
            x.outer_iter_mut().for_each(|mut other| other.assign(&row));
        }),
        ("huge entries", |x| *x *= 1e300),
        ("tiny entries", |x| *x *= 1e-300),
        ("denormal entries", |x| *x *= 1e-310),
    ];
    for measure in all() {
        for (what, spoil) in spoils {
            for which in 0..3 {
                let mut arrays = sample(measure, ROWS, COLUMNS, 12);
                for (place, array) in arrays.iter_mut().enumerate() {
                    match array {
                        Owned::Real(x) if which == 2 || which == place => spoil(x),
                        Owned::Labels(labels) if which == 2 && what.contains("row") => {
                            let kept = match what {
                                "one row" => 1,
                                "two rows" => 2,
                                "three rows" => 3,
                                _ => labels.len(),
                            };
                            *labels = labels.slice(s![..kept]).to_owned();
                        }
                        _ => {}
                    }
                }
                match apply(measure, &arrays) {
                    Ok(reading) => {
                        let (low, high) = measure.range;
                        assert!((low..=high).contains(&reading.value), "{} of {what}: {}", measure.name, reading.value);
                        let mut numbers = reading.parts.iter().flat_map(|part| &part.values);
                        assert!(numbers.all(|v| v.is_finite()), "{} of {what}: {reading:?}", measure.name);
                    }
                    Err(message) => assert!(message.len() > 20, "{} of {what}: {message}", measure.name),
                }
            }
        }
    }
}

#[test]
fn scale_alone_never_decides_between_a_number_and_an_error() {
    for measure in all() {
        if !measure.unchanged_by.iter().any(|t| *t == Transform::joint(Change::Scale)) {
            continue;
        }
        let arrays = sample(measure, ROWS, COLUMNS, 13);
        let before = value(measure, &arrays);
        for exponent in [-900, -300, 300, 900] {
            let scaled: Vec<Owned> = arrays
                .iter()
                .map(|array| match array {
                    Owned::Real(x) => Owned::Real(x * 2.0_f64.powi(exponent)),
                    Owned::Other(x) => Owned::Other(x * 2.0_f64.powi(exponent)),
                    other => other.clone(),
                })
                .collect();
            match apply(measure, &scaled) {
                Ok(reading) => {
                    assert!((reading.value - before).abs() < 1e-10 * before.abs().max(1.0), "{}", measure.name)
                }
                // A part in the units of the input (an inertia) may leave the range of f64; the error says so.
                Err(message) => assert!(message.contains("rescale"), "{}: {message}", measure.name),
            }
        }
    }
}

#[test]
fn entries_that_are_not_finite_are_named() {
    for measure in all() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for place in 0..measure.inputs.len() {
                let mut arrays = sample(measure, ROWS, COLUMNS, 14);
                let Owned::Real(x) = &mut arrays[place] else { continue };
                x[[5, 3]] = bad;
                let views: Vec<Array<'_>> = arrays.iter().map(Owned::view).collect();
                let error = measure.apply(&views, &measure.options([]).unwrap()).unwrap_err();
                let input = measure.inputs[place].name;
                assert!(
                    matches!(error, MeasureError::NotFinite { input: named, row: 5, column: 3, .. } if named == input),
                    "{}: {error}",
                    measure.name
                );
                assert!(error.to_string().contains(input));
            }
        }
    }
}

#[test]
fn empty_arrays_and_wrong_axes_are_named() {
    for measure in all() {
        for place in 0..measure.inputs.len() {
            let input = measure.inputs[place];
            if !input.is_matrix() {
                continue;
            }
            for shape in [(0, COLUMNS), (ROWS, 0), (0, 0)] {
                let mut arrays = sample(measure, ROWS, COLUMNS, 15);
                arrays[place] = Owned::Real(Array2::zeros(shape));
                let message = apply(measure, &arrays).unwrap_err();
                assert!(message.contains(input.name), "{}: {message}", measure.name);
            }
            let arrays = sample(measure, ROWS, COLUMNS, 15);
            let mut views: Vec<Array<'_>> = arrays.iter().map(Owned::view).collect();
            let cube: ArrayD<f64> = Array3::zeros((2, 3, 4)).into_dyn();
            views[place] = Array::F64(cube.view());
            let error = measure.apply(&views, &measure.options([]).unwrap()).unwrap_err();
            assert!(matches!(error, MeasureError::WrongAxes { .. }), "{}: {error}", measure.name);
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_both_named() {
    for measure in all().iter().filter(|measure| measure.inputs.len() == 2) {
        let mut arrays = sample(measure, ROWS, COLUMNS, 16);
        // The matching is defined for different numbers of units, and the alignments for different features.
        let cut = match (&mut arrays[1], measure.name) {
            (Owned::Labels(labels), _) => {
                *labels = labels.slice(s![1..]).to_owned();
                (ROWS, ROWS - 1)
            }
            (Owned::Real(y), "matched_cosine" | "mean_max_cosine" | "share_recovered") => {
                *y = y.slice(s![.., 1..]).to_owned();
                (COLUMNS, COLUMNS - 1)
            }
            (Owned::Real(y), _) => {
                *y = y.slice(s![1.., ..]).to_owned();
                (ROWS, ROWS - 1)
            }
            _ => unreachable!("pairs are matrices or labels, in f64"),
        };
        let message = apply(measure, &arrays).unwrap_err();
        let named = measure.inputs.iter().all(|input| message.contains(&format!("`{}`", input.name)));
        let sized = [cut.0, cut.1].iter().all(|size| message.contains(&size.to_string()));
        assert!(named && sized, "{}: {message}", measure.name);
    }
}

#[test]
fn wrong_numbers_and_kinds_of_arrays_are_refused() {
    let labels: Array1<i64> = Array1::zeros(ROWS);
    let numbers: Array1<f64> = Array1::zeros(ROWS);
    for measure in all() {
        let options = measure.options([]).unwrap();
        let none = measure.apply(&[], &options).unwrap_err();
        assert!(matches!(none, MeasureError::WrongInputCount { given: 0, .. }), "{}: {none}", measure.name);
        let other = |input: &Input| match input.kind {
            Kind::Real => Array::from(labels.view()),
            Kind::Labels => Array::from(numbers.view()),
        };
        let views: Vec<Array<'_>> = measure.inputs.iter().map(other).collect();
        let wrong = measure.apply(&views, &options).unwrap_err();
        assert!(matches!(wrong, MeasureError::WrongKind { .. }), "{}: {wrong}", measure.name);
    }
}
