//! Predictions judged on findings made by hand.

use std::collections::BTreeMap;

use kymograph_findings::{Finding, Judgement, Judging, Null, Outcome, Predictions, RunKey, Stated, adjusted_p, judge};

fn finding(seed: u64, steps: &[u64], value: Option<f64>) -> Finding {
    Finding {
        measure: "same_index_cosine".to_owned(),
        options: BTreeMap::new(),
        run: RunKey { network: "cnn".to_owned(), seed: Some(seed), control: None },
        array: "conv1.weight".to_owned(),
        other_array: None,
        steps: steps.to_vec(),
        value,
        interval: None,
        nulls: vec![Null {
            kind: "permuted_units".to_owned(),
            mean: 0.02,
            interval: [-0.1, 0.1],
            n: 40,
            p: Some(0.02),
        }],
        ceiling: None,
        parts: BTreeMap::new(),
        n: Some(32),
        notes: vec!["not measured: told so".to_owned()],
        version: 1,
    }
}

fn file(a: &str, b: &str) -> Predictions {
    let prediction = |letter: &str, decision: &str| {
        format!(
            "[[verdict.prediction]]\nname = \"{letter}\"\nhypothesis = \"{letter}\"\ntext = \"t\"\nof = {{ measure = \
             \"same_index_cosine\", network = \"cnn*\", arrays = \"conv1.*\", steps = [\"early\", \"late\"] }}\n{decision}\n"
        )
    };
    let text = format!(
        "[[verdict]]\ntitle = \"q\"\nhypotheses = {{ A = \"a\", B = \"b\" }}\n{}{}",
        prediction("A", a),
        prediction("B", b)
    );
    Predictions::from_toml(&text, "test").expect("the text is right")
}

fn names() -> BTreeMap<String, u64> {
    [("early".to_owned(), 1), ("late".to_owned(), 2)].into()
}

fn verdict(predictions: &Predictions, findings: &[Finding]) -> kymograph_findings::Verdict {
    let names = names();
    let judging =
        Judging { step_names: &names, stated: Stated::Beforehand, repeat: "again", remedy: Some("more seeds") };
    judge(predictions, findings, &judging).remove(0)
}

fn runs(values: &[f64]) -> Vec<Finding> {
    (0..).zip(values).map(|(seed, v)| finding(seed, &[1, 2], Some(*v))).collect()
}

#[test]
fn one_hypothesis_holds_and_the_other_is_refuted() {
    let v = verdict(&file("below = 0.5", "above = 0.7"), &runs(&[0.80, 0.82, 0.78, 0.81, 0.79]));
    assert_eq!(v.outcome, Outcome::Hypothesis("B".to_owned()));
    assert_eq!(v.predictions[0].judgement, Judgement::Refuted);
    let b = &v.predictions[1];
    assert_eq!((b.judgement, b.n_seeds, b.rows.as_slice()), (Judgement::Held, 5, [0, 1, 2, 3, 4].as_slice()));
    // Mean .8, standard deviation √.00025; t(4 degrees, .975) = 2.776445.
    let half = 2.776_445_105 * (0.000_25_f64).sqrt() / 5.0_f64.sqrt();
    let [low, high] = b.interval.expect("five seeds give an interval");
    assert!((b.estimate.expect("an estimate") - 0.8).abs() < 1e-12);
    assert!((low - (0.8 - half)).abs() < 1e-8 && (high - (0.8 + half)).abs() < 1e-8, "{low} {high}");
    assert!((b.null.as_ref().expect("the rows have nulls").mean - 0.02).abs() < 1e-15);
    assert_eq!(v.remedy, None);
}

#[test]
fn in_the_gap_between_both_thresholds_neither_stands() {
    let v = verdict(&file("below = 0.5", "above = 0.7"), &runs(&[0.60, 0.61, 0.59, 0.60, 0.61]));
    assert_eq!(v.outcome, Outcome::Neither);
}

#[test]
fn too_few_seeds_decide_nothing_and_say_what_would() {
    let v = verdict(&file("below = 0.5", "above = 0.7"), &runs(&[0.80, 0.82, 0.78, 0.81]));
    assert_eq!(v.outcome, Outcome::Undecided);
    assert_eq!(v.remedy.as_deref(), Some("more seeds"));
    assert!(v.predictions.iter().all(|p| p.judgement == Judgement::Undecided));
    assert!(v.predictions[1].reason.contains("4 of the 5 seeds"), "{}", v.predictions[1].reason);
}

#[test]
fn an_interval_across_the_threshold_is_undecided() {
    let v = verdict(&file("below = 0.5", "above = 0.7"), &runs(&[0.60, 0.80, 0.65, 0.75, 0.72]));
    assert_eq!(v.predictions[1].judgement, Judgement::Undecided);
    assert_eq!(v.predictions[0].judgement, Judgement::Refuted);
    assert_eq!(v.outcome, Outcome::Undecided);
}

#[test]
fn stable_needs_the_whole_interval_inside_the_margin() {
    let close = verdict(&file("below = 0.5", "within = [0.75, 0.85]"), &runs(&[0.80, 0.81, 0.79, 0.80, 0.80]));
    assert_eq!(close.predictions[1].judgement, Judgement::Held);
    let wide = verdict(&file("below = 0.5", "within = [0.75, 0.85]"), &runs(&[0.70, 0.90, 0.80, 0.75, 0.85]));
    assert_eq!(wide.predictions[1].judgement, Judgement::Undecided);
}

#[test]
fn a_contrast_is_taken_within_each_seed() {
    let minus = "minus = { steps = [\"late\", \"early\"] }\nabove = 0.05";
    let mut findings = runs(&[0.5, 0.6, 0.7, 0.8, 0.9]);
    findings.extend((0..5).map(|s| finding(s, &[2, 1], Some(0.4 + 0.1 * s as f64 + 0.001 * (s % 2) as f64))));
    let v = verdict(&file("below = 0.0", minus), &findings);
    let b = &v.predictions[1];
    assert_eq!(b.judgement, Judgement::Held, "{b:?}");
    assert!((b.estimate.expect("an estimate") - (0.1 - 0.0004)).abs() < 1e-12);
    assert_eq!(b.rows.len(), 10);
}

#[test]
fn proportions_are_judged_by_wilson_intervals() {
    let rule = "above = 0.7\nstatistic = \"proportion\"\nshare = 0.5";
    let v = verdict(&file("below = 0.0", rule), &runs(&[0.8; 8]));
    let b = &v.predictions[1];
    assert_eq!((b.estimate, b.judgement), (Some(1.0), Judgement::Held));
    // Wilson's lower end for 8 of 8 is n / (n + z²) with z = 1.959964.
    let expected = 8.0 / (8.0 + 1.959_963_985_f64.powi(2));
    assert!((b.interval.expect("an interval")[0] - expected).abs() < 1e-9);
}

#[test]
fn rows_without_value_and_controls_are_not_counted() {
    let mut findings = vec![finding(0, &[1, 2], None)];
    let v = verdict(&file("below = 0.5", "above = 0.7"), &findings);
    assert_eq!(v.predictions[0].judgement, Judgement::NotMeasured);
    assert_eq!(v.predictions[0].reason, "not measured: told so");
    findings = runs(&[0.8; 5]);
    for f in &mut findings {
        f.run.control = Some("lr_zero".to_owned());
    }
    let v = verdict(&file("below = 0.5", "above = 0.7"), &findings);
    assert_eq!(v.outcome, Outcome::Undecided);
}

#[test]
fn predictions_files_are_checked_on_reading() {
    let base =
        "[[verdict]]\ntitle = \"q\"\nhypotheses = { A = \"a\" }\n[[verdict.prediction]]\nname = \"n\"\ntext = \"t\"\n";
    let of = |measure: &str, steps: &str| {
        format!("of = {{ measure = \"{measure}\", network = \"cnn\", arrays = \"*\", steps = {steps} }}\n")
    };
    let cosine = of("same_index_cosine", "[1, 2]");
    for (rest, word) in [
        (format!("hypothesis = \"A\"\n{cosine}"), "exactly one"),
        (format!("hypothesis = \"A\"\n{cosine}above = 1.0\nbelow = 0.0"), "exactly one"),
        (format!("hypothesis = \"C\"\n{cosine}above = 1.0"), "not among"),
        (format!("hypothesis = \"A\"\n{cosine}above = 1.0\ncolour = 3"), "line 10"),
        (format!("hypothesis = \"A\"\n{cosine}within = [1.0, 0.0]"), "lower end"),
        (format!("hypothesis = \"A\"\n{cosine}above = 1.0\nshare = 0.5"), "proportion"),
        (format!("hypothesis = \"A\"\n{}above = 1.0", of("same_index_cosine", "[1]")), "2 entries"),
        (format!("hypothesis = \"A\"\n{}above = 1.0", of("same_indx_cosine", "[1, 2]")), "same_index_cosine"),
        ("hypothesis = \"A\"\nabove = 1.0".to_owned(), "not_measured"),
    ] {
        let message = Predictions::from_toml(&format!("{base}{rest}\n"), "p.toml").expect_err(&rest).to_string();
        assert!(message.contains(word) && message.contains("p.toml"), "{rest}: {message}");
    }
}

fn one(of: &str, rest: &str) -> Predictions {
    let of = format!(
        "of = {{ measure = \"same_index_cosine\", network = \"cnn*\", arrays = \"conv1.*\", steps = [\"early\", \"late\"]{of} }}"
    );
    let text = format!(
        "[[verdict]]\ntitle = \"q\"\nhypotheses = {{ A = \"a\" }}\n[[verdict.prediction]]\nname = \"p\"\nhypothesis = \
         \"A\"\ntext = \"t\"\n{of}\n{rest}\n"
    );
    Predictions::from_toml(&text, "test").expect("the text is right")
}

#[test]
fn a_share_is_judged_seed_by_seed() {
    let mut findings = runs(&[0.2, 0.4, 0.6, 0.8, 1.0]);
    findings.extend((0..5).map(|seed| finding(seed, &[0, 2], Some([0.4, 0.8, 1.2, 1.6, 2.0][seed as usize]))));
    let judged = &verdict(&one(", relative_to = [0, \"late\"]", "above = 0.4"), &findings).predictions[0];
    assert_eq!(judged.per_seed, [0.5; 5]);
    assert_eq!((judged.judgement, judged.rows.len()), (Judgement::Held, 10));
    assert!(judged.quantity.contains("as a share of 0 → late") && judged.null.is_none(), "{judged:?}");
}

#[test]
fn a_control_is_judged_only_where_it_is_named() {
    let mut findings = runs(&[0.9; 5]);
    let mut shuffled = runs(&[0.1, 0.2, 0.3, 0.2, 0.1]);
    shuffled.iter_mut().for_each(|f| f.run.control = Some("shuffled_labels".to_owned()));
    findings.extend(shuffled);
    let main = &verdict(&one("", "above = 0.5"), &findings).predictions[0];
    assert_eq!((main.judgement, main.per_seed.as_slice()), (Judgement::Held, &[0.9; 5][..]));
    let contrast = one("", "minus = { control = \"shuffled_labels\" }\nabove = 0.5");
    let judged = &verdict(&contrast, &findings).predictions[0];
    assert!((judged.estimate.expect("five seeds") - 0.72).abs() < 1e-12, "{judged:?}");
    let null = judged.null.as_ref().expect("both have the same null");
    // Two independent nulls of half-widths .12 and .08.
    assert!(null.mean.abs() < 1e-12 && (null.interval[1] - 0.12_f64.hypot(0.08)).abs() < 1e-12, "{null:?}");
    assert!(judged.quantity.contains("under the control `shuffled_labels`"), "{}", judged.quantity);
}

#[test]
fn p_values_are_adjusted_within_the_list_they_are_shown_in() {
    let with = |measure: &str, control: Option<&str>, kind: &str, p: Option<f64>| {
        let mut row = finding(0, &[1, 2], Some(0.5));
        row.measure = measure.to_owned();
        row.run.control = control.map(ToOwned::to_owned);
        row.nulls = vec![Null { kind: kind.to_owned(), p, ..row.nulls[0].clone() }];
        row
    };
    let mut silent = with("a", None, "k", None);
    silent.nulls.clear();
    let rows = [
        with("a", None, "k", Some(0.01)),
        with("a", None, "k", Some(0.04)),
        with("a", None, "k", Some(0.03)),
        with("a", None, "k", None),
        silent,
        with("a", None, "other", Some(0.04)),
        with("a", Some("c"), "k", Some(0.02)),
        with("b", None, "k", Some(0.05)),
    ];
    // By hand: .01·3/1, .03·3/2 and .04·3/3, of which the second is not above the third.
    let expected = [Some(0.03), Some(0.04), Some(0.04), None, None, Some(0.04), Some(0.02), Some(0.05)];
    for (found, expected) in adjusted_p(&rows).iter().zip(expected) {
        assert_eq!(found.is_some(), expected.is_some());
        assert!((found.unwrap_or(0.0) - expected.unwrap_or(0.0)).abs() < 1e-12, "{found:?} and {expected:?}");
    }
    assert!(adjusted_p(&[]).is_empty());
}

#[test]
fn a_contrast_of_two_networks_pairs_their_seeds() {
    let minus = "minus = { network = \"mlp*\" }\nwithin = [0.09, 0.11]";
    let mut findings = runs(&[0.5, 0.6, 0.7, 0.8, 0.9]);
    for seed in (0..5).rev() {
        let mut other = finding(seed, &[1, 2], Some(0.4 + 0.1 * seed as f64));
        other.run.network = "mlp".to_owned();
        findings.push(other);
    }
    let b = verdict(&file("below = 0.0", minus), &findings).predictions.remove(1);
    assert_eq!((b.judgement, b.n_seeds, b.rows.len()), (Judgement::Held, 5, 10), "{b:?}");
    assert!((b.estimate.expect("an estimate") - 0.1).abs() < 1e-12);
    let mut third = finding(0, &[1, 2], Some(0.0));
    third.run.network = "mlp2".to_owned();
    findings.push(third);
    let b = verdict(&file("below = 0.0", minus), &findings).predictions.remove(1);
    assert_eq!(b.judgement, Judgement::NotMeasured);
    assert!(b.reason.contains("2 match"), "{}", b.reason);
}
