//! Ticks and positions, exactly.

use super::*;

fn labels(kind: AxisScale, low: f64, high: f64, wanted: usize) -> Vec<String> {
    let scale = Scale::fit(kind, [low, high], None);
    scale.ticks(wanted).into_iter().filter(Tick::is_major).map(|t| t.label).collect()
}

#[test]
fn linear_ticks_are_round_and_written_exactly() {
    assert_eq!(labels(AxisScale::Linear, 0.0, 1.0, 6), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    assert_eq!(labels(AxisScale::Linear, 0.0, 0.4, 5), ["0", "0.1", "0.2", "0.3", "0.4"]);
    assert_eq!(labels(AxisScale::Linear, -1.0, 1.0, 5), ["−1.0", "−0.5", "0", "0.5", "1.0"]);
    assert_eq!(labels(AxisScale::Linear, 0.0, 2000.0, 5), ["0", "500", "1000", "1500", "2000"]);
    assert_eq!(labels(AxisScale::Linear, 0.981, 0.999, 5), ["0.985", "0.990", "0.995"]);
    assert_eq!(labels(AxisScale::Linear, 0.0, 3e-5, 4), ["0", "1×10⁻⁵", "2×10⁻⁵", "3×10⁻⁵"]);
    assert_eq!(labels(AxisScale::Linear, 0.0, 4e6, 5), ["0", "1×10⁶", "2×10⁶", "3×10⁶", "4×10⁶"]);
}

#[test]
fn tick_values_have_no_rounding_tail() {
    let scale = Scale::fit(AxisScale::Linear, [0.0, 1.0], None);
    let values: Vec<f64> = scale.ticks(11).into_iter().map(|t| t.value).collect();
    assert_eq!(values, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]);
}

#[test]
fn never_more_labels_than_wanted_and_all_inside() {
    for wanted in 2..9 {
        for (low, high) in [(0.0, 0.37), (-3.0, 11.0), (1e-9, 1.7e-9), (12345.0, 12346.5), (-0.02, 0.0)] {
            let scale = Scale::fit(AxisScale::Linear, [low, high], None);
            let ticks = scale.ticks(wanted);
            assert!(ticks.len() <= wanted, "{wanted} {low} {high} {ticks:?}");
            assert!(ticks.iter().all(|t| (-1e-6..=1.0 + 1e-6).contains(&scale.position(t.value))));
        }
    }
}

#[test]
fn steps_from_zero_are_evenly_spaced_by_doubling() {
    let scale = Scale::fit(AxisScale::SymlogFromZero, [0.0, 2048.0], None);
    for (i, step) in [0.0, 1.0, 2.0, 4.0, 8.0, 1024.0, 2048.0].into_iter().zip([0, 1, 2, 3, 4, 11, 12]) {
        assert!((scale.position(i) - f64::from(step) / 12.0).abs() < 1e-12);
    }
    assert_eq!(labels(AxisScale::SymlogFromZero, 0.0, 2000.0, 6), ["0", "1", "10", "100", "1000"]);
    assert_eq!(labels(AxisScale::SymlogFromZero, 0.0, 0.0, 6).first().map(String::as_str), Some("0"));
}

#[test]
fn logarithmic_ticks() {
    assert_eq!(labels(AxisScale::Log, 0.01, 100.0, 6), ["0.01", "0.1", "1", "10", "100"]);
    assert_eq!(labels(AxisScale::Log, 100.0, 2000.0, 6), ["100", "200", "500", "1000", "2000"]);
    assert_eq!(labels(AxisScale::Log, 1e-8, 1e4, 5).len(), 4);
    assert_eq!(labels(AxisScale::Log, 1e6, 1e8, 4), ["10⁶", "10⁷", "10⁸"]);
    let scale = Scale::fit(AxisScale::Log, [0.01, 100.0], None);
    assert!((scale.position(1.0) - 0.5).abs() < 1e-12);
}

#[test]
fn equal_values_and_no_values_still_make_a_range() {
    for value in [0.0, 0.5, -3.0, 1e300, 1e-300] {
        let scale = Scale::fit(AxisScale::Linear, [value, value], None);
        assert!((scale.position(value) - 0.5).abs() < 1e-6, "{value}");
        assert!(!scale.ticks(5).is_empty());
    }
    assert_eq!(Scale::fit(AxisScale::Linear, [], None).ends(), [0.0, 1.0]);
    assert!((Scale::fit(AxisScale::Log, [3.0, 3.0], None).position(3.0) - 0.5).abs() < 1e-12);
}

#[test]
fn padding_never_crosses_zero() {
    assert_eq!(Scale::fit(AxisScale::Linear, [0.0, 10.0], None).padded(0.05).ends(), [0.0, 10.5]);
    assert_eq!(Scale::fit(AxisScale::Linear, [0.1, 10.1], None).padded(0.05).ends(), [0.0, 10.6]);
}
