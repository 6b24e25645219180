//! The smooth monotone curves that are weighed against levels: I-splines with few knots, and one saturating exponential.

/// Inner knots of the splines.
const KNOTS: usize = 3;
/// Quadratic M-splines integrate to cubic I-splines.
const ORDER: usize = 3;
/// Basis curves that rise from 0 to 1.
const CURVES: usize = KNOTS + ORDER;

/// A fitted curve.
pub(super) struct Curve {
    pub(super) fitted: Vec<f64>,
    /// Sum of squared deviations.
    pub(super) deviation: f64,
    /// Fitted numbers, the level among them and the noise not.
    pub(super) parameters: usize,
}

/// The curve of least `score(deviation, parameters)` among the constant, every monotone combination of a few basis curves,
/// and the exponentials.
pub(super) fn best(values: &[f64], score: impl Fn(f64, usize) -> f64) -> Curve {
    let n = values.len();
    let mean = values.iter().sum::<f64>() / n as f64;
    let constant = Curve {
        fitted: vec![mean; n],
        deviation: values.iter().map(|value| (value - mean).powi(2)).sum(),
        parameters: 1,
    };
    let splines = splines(n);
    let mut best = constant;
    let mut consider = |curves: &[&[f64]], further: usize| {
        if let Some(found) = least_squares(values, curves, further)
            && score(found.deviation, found.parameters) < score(best.deviation, best.parameters)
        {
            best = found;
        }
    };
    for subset in 1..1_usize << CURVES {
        let chosen: Vec<&[f64]> =
            (0..CURVES).filter(|curve| subset >> curve & 1 == 1).map(|curve| splines[curve].as_slice()).collect();
        consider(&chosen, 0);
    }
    // Time constants from the whole series down to two steps.
    let mut constant = n as f64;
    while constant >= 2.0 {
        let falling: Vec<f64> = (0..n).map(|step| (-(step as f64) / constant).exp()).collect();
        consider(&[&falling], 1);
        constant /= 2.0_f64.sqrt();
    }
    best
}

/// The I-splines at n evenly spaced places, each rising from 0 to 1 (Ramsay 1988, section 3).
fn splines(n: usize) -> Vec<Vec<f64>> {
    // One order higher, sums of B-splines from the right are the integrals of the M-splines.
    let order = ORDER + 1;
    let mut knots = vec![0.0; order];
    knots.extend((1..=KNOTS).map(|knot| knot as f64 / (KNOTS + 1) as f64));
    knots.extend(vec![1.0; order]);
    let mut curves = vec![vec![0.0; n]; CURVES];
    for step in 0..n {
        let place = step as f64 / (n - 1).max(1) as f64;
        let values = b_splines(&knots, order, place);
        for (first, curve) in curves.iter_mut().enumerate() {
            curve[step] = values[first + 1..].iter().sum();
        }
    }
    curves
}

/// All B-splines of an order at one place (de Boor's recursion).
fn b_splines(knots: &[f64], order: usize, place: f64) -> Vec<f64> {
    let spans = knots.len() - 1;
    // The last span that is not empty holds the right end.
    let last = (0..spans).rev().find(|&span| knots[span] < knots[span + 1]).unwrap_or(0);
    let within = (0..spans).rev().find(|&span| knots[span] <= place && place < knots[span + 1]).unwrap_or(last);
    let mut values: Vec<f64> = (0..spans).map(|span| if span == within { 1.0 } else { 0.0 }).collect();
    for degree in 1..order {
        for i in 0..spans - degree {
            let share = |from: f64, to: f64| if to > from { (place - from) / (to - from) } else { 0.0 };
            let rising = share(knots[i], knots[i + degree]) * values[i];
            let (from, to) = (knots[i + 1], knots[i + degree + 1]);
            let falling = if to > from { (to - place) / (to - from) * values[i + 1] } else { 0.0 };
            values[i] = rising + falling;
        }
    }
    values.truncate(spans + 1 - order);
    values
}

/// A level plus the curves, all weighted with one sign: `None` when they cannot be told apart or the best weights are of
/// both signs. The best monotone fit is among the fits of all subsets, each without that condition.
fn least_squares(values: &[f64], curves: &[&[f64]], further: usize) -> Option<Curve> {
    let (n, p) = (values.len(), curves.len());
    let mean = |list: &[f64]| list.iter().sum::<f64>() / n as f64;
    let level = mean(values);
    let centred: Vec<Vec<f64>> = curves
        .iter()
        .map(|curve| {
            let own = mean(curve);
            curve.iter().map(|value| value - own).collect()
        })
        .collect();
    // Modified Gram and Schmidt, which keeps the digits that normal equations would lose.
    let mut frame: Vec<Vec<f64>> = Vec::with_capacity(p);
    let mut upper = vec![vec![0.0; p]; p];
    let mut rest: Vec<f64> = values.iter().map(|value| value - level).collect();
    let mut target = vec![0.0; p];
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for (column, curve) in centred.iter().enumerate() {
        let size = dot(curve, curve).sqrt();
        let mut own = curve.clone();
        for (row, earlier) in frame.iter().enumerate() {
            let share = dot(earlier, &own);
            upper[row][column] = share;
            own.iter_mut().zip(earlier).for_each(|(value, other)| *value -= share * other);
        }
        let length = dot(&own, &own).sqrt();
        if length <= 1e-9 * size || length == 0.0 {
            return None;
        }
        own.iter_mut().for_each(|value| *value /= length);
        upper[column][column] = length;
        target[column] = dot(&own, &rest);
        rest.iter_mut().zip(&own).for_each(|(value, other)| *value -= target[column] * other);
        frame.push(own);
    }
    let mut weights = target;
    for row in (0..p).rev() {
        for column in row + 1..p {
            weights[row] -= upper[row][column] * weights[column];
        }
        weights[row] /= upper[row][row];
    }
    let one_sign = weights.iter().all(|weight| *weight > 0.0) || weights.iter().all(|weight| *weight < 0.0);
    one_sign.then(|| Curve {
        fitted: values.iter().zip(&rest).map(|(value, rest)| value - rest).collect(),
        deviation: dot(&rest, &rest),
        parameters: 1 + p + further,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splines_rise_from_zero_to_one() {
        let curves = splines(41);
        assert_eq!(curves.len(), CURVES);
        for curve in &curves {
            assert!(curve[0].abs() < 1e-14 && (curve[40] - 1.0).abs() < 1e-14);
            assert!(curve.windows(2).all(|pair| pair[1] >= pair[0] - 1e-14));
        }
        // The first rises within one knot spacing as 1 − (1 − 4x)³, which its M-spline 12(1 − 4x)² integrates to.
        for (step, value) in curves[0].iter().enumerate() {
            let place = step as f64 / 40.0;
            let expected = if place < 0.25 { 1.0 - (1.0 - 4.0 * place).powi(3) } else { 1.0 };
            assert!((value - expected).abs() < 1e-13, "{place}: {value} {expected}");
        }
    }

    #[test]
    fn a_line_and_an_exponential_are_fitted_exactly() {
        let score = |deviation: f64, parameters: usize| deviation + 1e-12 * parameters as f64;
        let line: Vec<f64> = (0..30).map(|step| 5.0 - 0.1 * f64::from(step)).collect();
        let curve = best(&line, score);
        assert!(curve.deviation < 1e-20 && curve.fitted.iter().zip(&line).all(|(a, b)| (a - b).abs() < 1e-9));
        let constant = 30.0 / 2.0_f64.powf(1.5);
        let decay: Vec<f64> = (0..30).map(|step| 2.0 + 3.0 * (-f64::from(step) / constant).exp()).collect();
        let curve = best(&decay, score);
        assert!(curve.deviation < 1e-20 && curve.parameters == 3, "{}", curve.deviation);
    }

    /// No combination of rising curves deviates less than the best one: the least of all subsets is the constrained least.
    #[test]
    fn no_monotone_combination_does_better() {
        let mut rng = kymograph_linalg::random::stream(7, "test");
        let values: Vec<f64> =
            (0..25).map(|step| f64::from(step / 9) + kymograph_linalg::random::normal(&mut rng)).collect();
        let least = best(&values, |deviation, _| deviation);
        let curves = splines(25);
        for _ in 0..20_000 {
            let weights: Vec<f64> =
                curves.iter().map(|_| kymograph_linalg::random::normal(&mut rng).max(0.0)).collect();
            let curve =
                |step: usize| curves.iter().zip(&weights).map(|(curve, weight)| weight * curve[step]).sum::<f64>();
            let rest: Vec<f64> = values.iter().enumerate().map(|(step, value)| value - curve(step)).collect();
            let mean = rest.iter().sum::<f64>() / 25.0;
            assert!(rest.iter().map(|rest| (rest - mean).powi(2)).sum::<f64>() >= least.deviation);
        }
    }
}
