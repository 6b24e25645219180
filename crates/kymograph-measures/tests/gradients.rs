//! The dynamics of gradients: cases by hand, a slow literal twin of the definitions, invariances, theory, interruptions and
//! hostile input.

use kymograph_linalg::random::stream;
use kymograph_measures::gradients::{
    DynamicsOptions, GradientDynamics, GradientError, Measured, Scope, SetCounts, Threshold, signs,
};
use rand::RngExt;

fn layers(sizes: &[usize]) -> Vec<(String, std::ops::Range<usize>)> {
    let mut start = 0;
    let named = sizes.iter().enumerate().map(|(layer, size)| {
        start += size;
        (format!("layer{layer}"), start - size..start)
    });
    named.collect()
}

fn one_threshold(threshold: Threshold) -> DynamicsOptions {
    DynamicsOptions { thresholds: vec![threshold], persistence: 0, lags: vec![1, 2], ..DynamicsOptions::default() }
}

fn value(row: &[(String, f64)], name: &str) -> f64 {
    row.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no `{name}` in {row:?}")).1
}

/// Weights and gradients that visit every case: exact zeros that last, tiny ones that flip, large ones, and weights at rest.
fn trajectory(parameters: usize, steps: usize, seed: u64) -> Vec<[Vec<f32>; 3]> {
    let rng = &mut stream(seed, "gradients");
    let mut weights: Vec<f32> = (0..parameters).map(|_| rng.random_range(-1.0..1.0)).collect();
    let mut steps_taken = Vec::new();
    for step in 0..steps {
        let gradient: Vec<f32> = (0..parameters)
            .map(|i| match (i * 7 + step / 3) % 5 {
                0 => 0.0,
                1 => rng.random_range(-2e-5..2e-5),
                2 => rng.random_range(-2e-7..2e-7),
                3 => rng.random_range(-0.5..0.5),
                _ => 1e-6 + rng.random_range(-1e-6..1e-6),
            })
            .collect();
        for (weight, gradient) in weights.iter_mut().zip(&gradient) {
            *weight -= 0.1 * gradient + if *gradient == 0.0 { 0.0 } else { rng.random_range(-1e-3..1e-3) };
        }
        let second = gradient.iter().map(|g| g + rng.random_range(-1e-6..1e-6)).collect();
        steps_taken.push([weights.clone(), gradient, second]);
    }
    steps_taken
}

/// The definitions, one parameter after the other, from whole histories.
struct Twin<'a> {
    steps: &'a [[Vec<f32>; 3]],
    decay: f32,
}

impl Twin<'_> {
    /// Running averages of gradient, weight and squared gradient of a parameter up to a step.
    fn averages(&self, step: usize, i: usize) -> [f32; 3] {
        let first = &self.steps[0];
        let mut mean = [first[1][i], first[0][i], first[1][i] * first[1][i]];
        for [weights, gradients, _] in &self.steps[..=step] {
            for (mean, new) in mean.iter_mut().zip([gradients[i], weights[i], gradients[i] * gradients[i]]) {
                *mean = self.decay * *mean + (1.0 - self.decay) * new;
            }
        }
        mean
    }

    fn chance(&self, step: usize, i: usize) -> f64 {
        let [mean, _, square] = self.averages(step - 1, i).map(f64::from);
        let scatter = (1.0 - f64::from(self.decay)) / (1.0 + f64::from(self.decay));
        let variance = (square - mean * mean) / (1.0 - scatter);
        let signal = (mean * mean - scatter * variance).max(0.0);
        let snr = (signal / variance.max(1e-36)).min(80.0).sqrt();
        // Φ by its integral, Simpson's rule.
        let n = 2000;
        let h = snr / f64::from(n);
        let at = |k: i32| (-0.5 * (h * f64::from(k)).powi(2)).exp();
        let inner: f64 = (1..n).map(|k| at(k) * if k % 2 == 1 { 4.0 } else { 2.0 }).sum();
        let phi = 0.5 + (at(0) + inner + at(n)) * h / 3.0 / (2.0 * std::f64::consts::PI).sqrt();
        2.0 * phi * (1.0 - phi)
    }

    fn set(&self, step: usize, range: std::ops::Range<usize>, tau: f32, averaged: bool) -> SetCounts {
        let mut set = SetCounts::default();
        for i in range {
            let pick = |step: usize| match averaged {
                true => [self.averages(step, i)[1], self.averages(step, i)[0]],
                false => [self.steps[step][0][i], self.steps[step][1][i]],
            };
            let ([w1, g1], [w2, g2]) = (pick(step - 1), pick(step));
            let (near1, near2) = (g1.abs() <= tau, g2.abs() <= tau);
            set.zero_before += u64::from(near1);
            set.zero += u64::from(near2);
            if !(near1 && near2) {
                continue;
            }
            let flipped = f64::from(g1) * f64::from(g2) < 0.0;
            set.retained += 1;
            set.flipped += u64::from(flipped);
            set.nonzero += u64::from(g1 != 0.0 && g2 != 0.0);
            let sign = |a: f32, b: f32| if a == 0.0 || b == 0.0 { 0.0 } else { a.signum() * b.signum() };
            if flipped {
                let published = sign(w2 - w1, g2 - g1);
                set.minima += u64::from(published > 0.0);
                set.maxima += u64::from(published < 0.0);
            }
            set.change += f64::from((w2 - w1).abs());
            set.unflipped_change += if flipped { 0.0 } else { f64::from((w2 - w1).abs()) };
            set.weight += f64::from(w2);
            set.gradient += f64::from(g2);
            if averaged {
                continue;
            }
            set.chance += if g1 != 0.0 && g2 != 0.0 { self.chance(step, i) } else { 0.0 };
            if flipped {
                let before = if step > 1 { w1 - self.steps[step - 2][0][i] } else { 0.0 };
                let aligned = sign(before, g2 - g1);
                set.aligned_minima += u64::from(aligned > 0.0);
                set.aligned_maxima += u64::from(aligned < 0.0);
                let right = sign(w2 - w1, self.steps[step][2][i] - g2);
                set.true_minima += u64::from(right > 0.0);
                set.true_maxima += u64::from(right < 0.0);
            }
        }
        set
    }
}

fn close(a: f64, b: f64, scale: f64, what: &str) {
    assert!((a - b).abs() <= scale, "{what}: {a} and {b}");
}

fn same_set(ours: &SetCounts, twin: &SetCounts, averaged: bool, what: &str) {
    let counts = |s: &SetCounts| [s.zero_before, s.zero, s.retained, s.flipped, s.nonzero, s.minima, s.maxima];
    assert_eq!(counts(ours), counts(twin), "{what}");
    let n = twin.retained as f64;
    close(ours.change, twin.change, 1e-6 * (twin.change + 1e-30), what);
    close(ours.unflipped_change, twin.unflipped_change, 1e-6 * (twin.change + 1e-30), what);
    close(ours.weight, twin.weight, 1e-5 * n, what);
    close(ours.gradient, twin.gradient, 1e-10 * n, what);
    if !averaged {
        let more = |s: &SetCounts| [s.aligned_minima, s.aligned_maxima, s.true_minima, s.true_maxima];
        assert_eq!(more(ours), more(twin), "{what}");
        close(ours.chance, twin.chance, 5e-4 * n + 1e-9, what);
    }
}

#[test]
fn a_case_by_hand() {
    let mut dynamics = GradientDynamics::new(&layers(&[4, 2]), one_threshold(Threshold::Absolute(1e-5))).unwrap();
    // Of layer0: stays zero, flips, is released, was never near zero. Of layer1: enters, keeps its sign.
    dynamics.observe(&[0.0; 6], &[0.0, 1e-6, 1e-6, 3.0, 1.0, 2e-6], None).unwrap();
    let first = dynamics.row(Scope::Total).unwrap();
    assert_eq!((value(&first, "exact_zeros"), value(&first, "abs1e-5.zero")), (1.0, 4.0));
    assert!(first.iter().all(|(name, _)| !name.contains("flip")), "one step makes no pair: {first:?}");
    let weights = [0.0, 0.5, 0.25, 1.0, 0.0, 0.125];
    dynamics.observe(&weights, &[0.0, -1e-6, 4.0, 0.0, 1e-6, 1e-6], Some(&[0.0, 1e-6, 5.0, -1.0, 1e-6, 0.0])).unwrap();
    let of = |row: &[(String, f64)], names: &[&str]| names.iter().map(|n| value(row, n)).collect::<Vec<_>>();
    let total = dynamics.row(Scope::Total).unwrap();
    let set = ["zero", "zero_nonexact", "released", "retained", "flipped", "retained_nonzero"];
    let named = set.map(|name| format!("abs1e-5.{name}"));
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    assert_eq!(of(&total, &named), [5.0, 3.0, 1.0, 3.0, 1.0, 2.0]);
    assert_eq!(of(&total, &["abs1e-5.flip_fraction", "abs1e-5.released_fraction"]), [1.0 / 3.0, 0.25]);
    // Of the retained, the one that flipped moved by .5 and another by .125.
    assert_eq!(of(&total, &["abs1e-5.weight_change", "abs1e-5.weight_change_unflipped"]), [0.625 / 3.0, 0.0625]);
    // w went up while g fell: a maximum by the published rule; on the same minibatch the gradient rose with it.
    assert_eq!(of(&total, &["abs1e-5.minima", "abs1e-5.maxima", "abs1e-5.true_minima"]), [0.0, 1.0, 1.0]);
    // Over all: parameters 1 and 2 rose along their step, 3 and 5 fell, 0 and 4 did not move.
    assert_eq!(of(&total, &["true_minima", "true_maxima"]), [2.0, 2.0]);
    assert_eq!(of(&total, &["persistence.lag1", "persistence.exact.lag1"]), [0.75, 1.0]);
    let norms = (9.0_f64 + 1.0 + 6e-12).sqrt() * (16.0_f64 + 3e-12).sqrt();
    let cosine = (1e-6 * 4.0 - 1e-12 + 1e-6 + 2e-12) / norms;
    close(value(&total, "angle"), cosine.acos().to_degrees(), 1e-6, "the angle");
    close(value(&total, "step_norm"), (0.25_f64 + 0.0625 + 1.0 + 0.015_625).sqrt(), 1e-12, "the step");
    let second = dynamics.row(Scope::Layer(1)).unwrap();
    assert_eq!(of(&second, &["exact_zeros", "abs1e-5.zero", "abs1e-5.retained"]), [0.0, 2.0, 1.0]);
    let json: serde_json::Value = serde_json::from_str(&dynamics.to_json().unwrap()).unwrap();
    assert_eq!(json["total"]["abs1e-5.retained"], 3.0);
    assert_eq!(json["layers"]["layer1"]["abs1e-5.retained"], 1.0);
}

#[test]
fn the_twin_agrees_at_every_step() {
    let sizes = [3, 700, 1031];
    let steps = trajectory(sizes.iter().sum(), 16, 5);
    let options = DynamicsOptions::default();
    let twin = Twin { steps: &steps, decay: options.decay };
    let mut dynamics = GradientDynamics::new(&layers(&sizes), options.clone()).unwrap();
    let mut rms = vec![0.0_f64; sizes.len()];
    let (mut flips, mut released) = (0, 0);
    for (step, [weights, gradients, second]) in steps.iter().enumerate() {
        dynamics.observe(weights, gradients, Some(second)).unwrap();
        let (mut expected, mut start) = (Measured::default(), 0);
        for (layer, &size) in sizes.iter().enumerate() {
            let range = start..start + size;
            start += size;
            let ours = dynamics.measured(Scope::Layer(layer)).unwrap();
            let squares: f64 = gradients[range.clone()].iter().map(|g| f64::from(*g).powi(2)).sum();
            close(ours.squares, squares, 1e-12 * squares, "squares");
            expected.exact_zeros += gradients[range.clone()].iter().filter(|g| **g == 0.0).count() as u64;
            if step == 3 || step == 12 || step == 15 {
                for (at, threshold) in options.thresholds.iter().enumerate() {
                    let tau = match threshold {
                        Threshold::Absolute(tau) => *tau,
                        Threshold::Relative(share) => (f64::from(*share) * rms[layer]) as f32,
                    };
                    for (averaged, sets) in [(false, &ours.raw), (true, &ours.averaged)] {
                        let what = format!("step {step}, layer {layer}, {}, averaged {averaged}", threshold.name());
                        let set = twin.set(step, range.clone(), tau, averaged);
                        flips += set.flipped;
                        released += set.zero_before - set.retained;
                        same_set(&sets[at], &set, averaged, &what);
                    }
                }
            }
            rms[layer] = (squares / size as f64).sqrt();
        }
        let total = dynamics.measured(Scope::Total).unwrap();
        assert_eq!(total.exact_zeros, expected.exact_zeros);
        if step > 12 {
            let in_set = |step: usize, i: usize| steps[step][1][i].abs() <= 1e-5;
            for (lag, found) in options.lags.iter().zip(&total.persistence) {
                let then = step - *lag as usize;
                let all = || 0..gradients.len();
                let near = all().filter(|&i| in_set(then, i)).count() as u64;
                let again = all().filter(|&i| in_set(then, i) && in_set(step, i)).count() as u64;
                let zero = |step: usize, i: usize| steps[step][1][i] == 0.0;
                let exact = all().filter(|&i| zero(then, i)).count() as u64;
                let exact_again = all().filter(|&i| zero(then, i) && zero(step, i)).count() as u64;
                assert_eq!(*found, [near, again, exact, exact_again], "lag {lag} at step {step}");
            }
        }
    }
    assert!(flips > 500 && released > 500, "the trajectory visits every case: {flips} flips, {released} released");
}

#[test]
fn bits_do_not_depend_on_threads_and_counts_not_on_order() {
    let sizes = [40_000, 5];
    let steps = trajectory(40_005, 3, 6);
    let run = |threads: usize, reverse: bool| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut dynamics = GradientDynamics::new(&layers(&sizes), DynamicsOptions::default()).unwrap();
        pool.install(|| {
            for step in &steps {
                let [w, g, s] = step.clone().map(|mut values| {
                    if reverse {
                        values[..40_000].reverse();
                    }
                    values
                });
                dynamics.observe(&w, &g, Some(&s)).unwrap();
            }
        });
        dynamics.measured(Scope::Total).unwrap().clone()
    };
    let one = run(1, false);
    assert_eq!(one, run(2, false));
    assert_eq!(one, run(3, false));
    let reversed = run(2, true);
    let counts = |m: &Measured| m.raw.iter().map(|s| [s.zero, s.retained, s.flipped, s.minima]).collect::<Vec<_>>();
    assert_eq!((one.flips, one.exact_zeros, counts(&one)), (reversed.flips, reversed.exact_zeros, counts(&reversed)));
    close(one.dot, reversed.dot, 1e-9 * one.squares, "the product");
}

/// Scaling gradients and absolute thresholds together by a power of two changes no count; relative thresholds need no help.
#[test]
fn scaling_gradients_changes_no_relative_count() {
    let steps = trajectory(3_000, 6, 7);
    let run = |scale: f32| {
        let mut dynamics = GradientDynamics::new(&layers(&[3_000]), one_threshold(Threshold::Relative(0.1))).unwrap();
        for [w, g, _] in &steps {
            let scaled: Vec<f32> = g.iter().map(|g| g * scale).collect();
            dynamics.observe(w, &scaled, None).unwrap();
        }
        dynamics.measured(Scope::Total).unwrap().clone()
    };
    let (plain, scaled) = (run(1.0), run(1024.0));
    assert!(plain.raw[0].retained > 100);
    assert_eq!(plain.raw[0].flipped, scaled.raw[0].flipped);
    assert_eq!(plain.raw[0].retained, scaled.raw[0].retained);
    close(plain.angle().unwrap(), scaled.angle().unwrap(), 1e-9, "the angle");
}

/// Independent normal gradients of known mean over deviation flip as often as theory says, and as the null predicts.
#[test]
fn the_coin_flip_null_is_what_independent_gradients_do() {
    let n = 20_000;
    let rng = &mut stream(11, "normal");
    let mut normal = || -> f32 { (0..12).map(|_| rng.random_range(-0.5_f32..0.5)).sum() };
    for (mean, theory) in [(0.0_f32, 0.5), (0.5, 0.426_6), (1.0, 0.266_97), (2.0, 0.044_466)] {
        let options = one_threshold(Threshold::Absolute(100.0));
        let mut dynamics = GradientDynamics::new(&layers(&[n]), options).unwrap();
        for _ in 0..40 {
            let gradient: Vec<f32> = (0..n).map(|_| mean + normal()).collect();
            dynamics.observe(&vec![0.0; n], &gradient, None).unwrap();
        }
        let row = dynamics.row(Scope::Total).unwrap();
        let (flips, chance) = (value(&row, "flips") / n as f64, value(&row, "coin_flip"));
        // Five standard errors of a share of 20,000.
        close(flips, theory, 5.0 * 0.5 / (n as f64).sqrt(), "observed flips");
        // The ratio rests on about 19 draws, so that single predictions scatter; their mean stays near.
        close(chance, theory, 0.04, "predicted flips");
        assert_eq!(value(&row, "flips"), value(&row, "abs1e2.flipped"));
    }
}

#[test]
fn an_interruption_leaves_no_trace() {
    let steps = trajectory(2_000, 14, 8);
    let fresh = || GradientDynamics::new(&layers(&[1_500, 500]), DynamicsOptions::default()).unwrap();
    let mut whole = fresh();
    let mut saved = None;
    for (step, [w, g, s]) in steps.iter().enumerate() {
        whole.observe(w, g, Some(s)).unwrap();
        if step == 6 {
            saved = Some(whole.save());
        }
    }
    let mut again = fresh();
    again.load(&saved.unwrap(), &steps[6][0]).unwrap();
    for [w, g, s] in &steps[7..] {
        again.observe(w, g, Some(s)).unwrap();
    }
    assert_eq!(whole.measured(Scope::Total).unwrap(), again.measured(Scope::Total).unwrap());
    assert_eq!(whole.row(Scope::Layer(1)).unwrap(), again.row(Scope::Layer(1)).unwrap());
    let mut other = GradientDynamics::new(&layers(&[1_999]), DynamicsOptions::default()).unwrap();
    assert!(matches!(other.load(&whole.save(), &[0.0; 1_999]), Err(GradientError::State { .. })));
    let mut broken = whole.save();
    broken.arrays[4].1[7] = 0.5;
    assert!(matches!(again.load(&broken, &steps[6][0]), Err(GradientError::State { .. })));
    broken.arrays.remove(0);
    assert!(matches!(again.load(&broken, &steps[6][0]), Err(GradientError::State { .. })));
}

#[test]
fn hostile_input_gets_a_clear_error_and_never_nan() {
    for bad in [0.0, -1e-5, f32::NAN, f32::INFINITY] {
        let made = GradientDynamics::new(&layers(&[2]), one_threshold(Threshold::Absolute(bad)));
        assert!(matches!(made, Err(GradientError::Threshold { .. })), "{bad}");
        assert!(signs::pack(&[1.0], bad, &mut Vec::new()).is_err());
    }
    let default = DynamicsOptions::default;
    for options in [
        DynamicsOptions { thresholds: vec![], ..default() },
        DynamicsOptions { decay: 1.0, ..default() },
        DynamicsOptions { decay: f32::NAN, ..default() },
        DynamicsOptions { lags: vec![15], ..default() },
        DynamicsOptions { lags: vec![0], ..default() },
        DynamicsOptions { persistence: 9, ..default() },
    ] {
        assert!(GradientDynamics::new(&layers(&[2]), options.clone()).is_err(), "{options:?}");
    }
    assert!(GradientDynamics::new(&[], default()).is_err());
    assert!(GradientDynamics::new(&[("a".into(), 0..2), ("b".into(), 3..4)], default()).is_err());
    assert!(GradientDynamics::new(&[("a".into(), 0..0)], default()).is_err());
    let mut dynamics = GradientDynamics::new(&layers(&[2, 2]), default()).unwrap();
    let error = dynamics.observe(&[0.0; 4], &[0.0; 3], None).unwrap_err().to_string();
    assert!(error.contains("3 numbers") && error.contains('4'), "{error}");
    dynamics.observe(&[0.0; 4], &[1e-30, -1e-30, 1e17, -1e17], None).unwrap();
    dynamics.observe(&[1e17, -1e17, 0.0, 1e-38], &[-1e-45, 1e-45, -1e17, 1e17], None).unwrap();
    dynamics.observe(&[1e17, -1e17, 0.0, 1e-38], &[0.0; 4], Some(&[0.0; 4])).unwrap();
    for scope in [Scope::Total, Scope::Layer(0), Scope::Layer(1)] {
        assert!(dynamics.row(scope).unwrap().iter().all(|(_, v)| v.is_finite()));
    }
    assert!(dynamics.measured(Scope::Layer(2)).is_err());
    assert!(dynamics.measured(Scope::Total).unwrap().angle().is_none());
    let error = dynamics.observe(&[0.0; 4], &[0.0, 0.0, 0.0, f32::NAN], None).unwrap_err();
    assert_eq!(error.to_string().split(';').next(), Some("the gradient of `layer1` is NaN at its parameter 1"));
    assert_eq!(dynamics.observe(&[0.0; 4], &[0.0; 4], None), Err(GradientError::Poisoned));
}
