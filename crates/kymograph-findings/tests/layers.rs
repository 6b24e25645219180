//! Layers compared with layers at one step: which rows a plan gives, what they hold, and that nothing takes them for others.

use std::collections::BTreeMap;
use std::path::Path;

use kymograph_findings::{
    Activations, Finding, Gathering, Judgement, Judging, Plan, Predictions, RunKey, Stated, Subject, gather, judge,
};
use kymograph_measures::similarity::debiased_linear_cka;
use kymograph_runs::{Capture, write_captures};
use ndarray::{Array2, Axis, concatenate};

const EXAMPLES: usize = 40;

fn names() -> BTreeMap<String, u64> {
    [("early".to_owned(), 1), ("late".to_owned(), 5)].into()
}

/// Layers of 3, 3 and 5 features: the second is the first turned, moved and doubled, the third has nothing to do with it.
fn layers(step: u64) -> [Array2<f32>; 3] {
    let value =
        |i: usize, j: usize, seed: usize| ((i * 37 + j * 53 + seed * 19 + i * i * (j + 3)) % 101) as f32 / 101.0;
    let first = Array2::from_shape_fn((EXAMPLES, 3), |(i, j)| value(i, j, step as usize));
    let columns = [first.column(1), first.column(2), first.column(0)].map(|c| c.insert_axis(Axis(1)));
    let second = concatenate(Axis(1), &columns).expect("as many rows") * -2.0 + 7.0;
    [first, second, Array2::from_shape_fn((EXAMPLES, 5), |(i, j)| value(i * 3 + 1, j, 50))]
}

fn subject(folder: &Path, seed: u64) -> Subject {
    let mut activations = BTreeMap::new();
    for step in [0, 1, 5] {
        let named = ["relu1", "relu2", "fc"].into_iter().zip(layers(step + seed));
        let captures: Vec<Capture> = named
            .map(|(name, values)| Capture {
                name: name.to_owned(),
                rule: "example × unit".to_owned(),
                values: values.into_dyn(),
            })
            .collect();
        let path = folder.join(format!("step-{step:08}.safetensors"));
        write_captures(&path, step, &captures).expect("written");
        activations.insert(step, Activations::File(path));
    }
    Subject {
        key: RunKey { network: "net".to_owned(), seed: Some(seed), control: None },
        parameters: BTreeMap::new(),
        activations,
        labels: Some((0..EXAMPLES as i64).map(|i| i % 2).collect()),
        series: BTreeMap::new(),
    }
}

fn all(plan: &str, subjects: &[Subject]) -> Vec<Finding> {
    gather(&Gathering {
        plan: &Plan::from_toml(plan, "test").expect("a plan"),
        origin: "test",
        subjects,
        step_names: &names(),
        cache: None,
        again: &|_, _, _| Err("everything is kept".to_owned()),
        progress: &|_, _| (),
    })
    .expect("gathers")
}

const PLAN: &str = r#"
[[measure]]
name = "debiased_linear_cka"
on = "activations"
pairs = "layers"
steps = ["early", "late"]
nulls = ["permuted_examples"]

[[measure]]
name = "debiased_linear_cka"
on = "activations"
steps = "all_pairs"

[[measure]]
name = "linear_probe_accuracy"
on = "activations"
arrays = ["relu1"]
steps = ["late"]
"#;

#[test]
fn every_two_layers_are_compared_at_each_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = all(PLAN, &[subject(folder.path(), 0)]);
    let pairs: Vec<&Finding> = rows.iter().filter(|f| f.other_layer().is_some()).collect();
    let expected = [("relu1", "relu2"), ("relu1", "fc"), ("relu2", "fc")];
    assert_eq!(pairs.len(), 2 * expected.len(), "and labels are no layer");
    for (pair, (name, other)) in pairs.chunks(2).zip(expected) {
        for (row, step) in pair.iter().zip([1, 5]) {
            assert_eq!((row.array.as_str(), row.other_layer(), row.steps.as_slice()), (name, Some(other), &[step][..]));
            let [first, second, third] = layers(step);
            let of = |name| match name {
                "relu1" => first.view(),
                "relu2" => second.view(),
                _ => third.view(),
            };
            let alone = debiased_linear_cka(of(name), of(other)).expect("measured");
            assert_eq!(row.value, Some(alone), "{row:?}");
            assert_eq!(row.n, Some(EXAMPLES));
            let null = row.null().expect("asked for");
            // Turned, moved and doubled is the same to CKA; an unrelated layer is not told from one in random order.
            let beyond = alone > null.interval[1];
            assert_eq!(beyond, other == "relu2", "{row:?}");
            assert!(other != "relu2" || (alone - 1.0).abs() < 1e-5, "{alone}");
        }
    }
}

#[test]
fn rows_between_layers_count_only_where_they_are_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let folders = [folder.path().join("a"), folder.path().join("b")];
    let subjects = [subject(&folders[0], 0), subject(&folders[1], 3)];
    let rows = all(PLAN, &subjects);
    let quantity = |name: &str, arrays: &str, more: &str| {
        format!(
            "[[verdict.prediction]]\nname = \"{name}\"\nhypothesis = \"A\"\ntext = \"t\"\nabove = 0.9\nmin_seeds = 2\nof = {{ \
             measure = \"debiased_linear_cka\", network = \"net\", arrays = \"{arrays}\", {more} }}\n"
        )
    };
    let text = [
        "[[verdict]]\ntitle = \"q\"\nhypotheses = { A = \"a\" }\n".to_owned(),
        quantity("alike", "relu2", "other_array = \"relu1\", steps = [\"late\"]"),
        quantity("unlike", "relu*", "other_array = \"fc\", steps = [\"late\"]"),
        quantity("over steps", "relu1", "steps = [\"early\", \"late\"]"),
        quantity("nothing", "relu1", "other_array = \"conv*\", steps = [\"late\"]"),
    ];
    let predictions = Predictions::from_toml(&text.concat(), "test").expect("predictions");
    let names = names();
    let judging = Judging { step_names: &names, stated: Stated::Beforehand, repeat: "", remedy: None };
    let verdict = judge(&predictions, &rows, &judging).remove(0);
    let [alike, unlike, over_steps, nothing] = verdict.predictions.as_slice() else { panic!("four predictions") };
    assert_eq!((alike.judgement, alike.rows.len(), alike.n_seeds), (Judgement::Held, 2, 2), "{alike:?}");
    assert!(alike.quantity.contains("relu2 and relu1"), "{}", alike.quantity);
    assert_eq!((unlike.judgement, unlike.rows.len()), (Judgement::Refuted, 4), "{unlike:?}");
    assert!(unlike.quantity.contains("mean over arrays"), "{}", unlike.quantity);
    assert!(over_steps.rows.iter().all(|&i| rows[i].steps == [1, 5]) && over_steps.rows.len() == 2, "{over_steps:?}");
    assert_eq!(nothing.judgement, Judgement::NotMeasured);
    for (more, word) in [
        ("steps = [\"late\"]", "2 entries"),
        ("other_array = \"fc\", steps = [\"early\", \"late\"]", "1 entries"),
        ("other_array = \"fc[\", steps = [\"late\"]", "glob"),
    ] {
        let text = format!("{}{}", text[0], quantity("x", "relu1", more));
        let message = Predictions::from_toml(&text, "test").expect_err(more).to_string();
        assert!(message.contains(word), "{more}: {message}");
    }
}

#[test]
fn plans_that_cannot_compare_layers_are_refused() {
    let plan = |name: &str, rest: &str| format!("[[measure]]\nname = \"{name}\"\npairs = \"layers\"\n{rest}");
    let on = "on = \"activations\"\n";
    for (text, word) in [
        (plan("debiased_linear_cka", "steps = \"each\""), "`on = \"activations\"`"),
        (plan("effective_dimension", &format!("{on}steps = \"each\"")), "takes one array"),
        (plan("debiased_linear_cka", &format!("{on}steps = \"to_last\"")), "one step at a time"),
        (plan("debiased_linear_cka", &format!("{on}steps = [[0, 1]]")), "one step at a time"),
        (plan("debiased_linear_cka", &format!("{on}steps = \"each\"\nnulls = [\"untrained\"]")), "cannot be drawn"),
        (plan("debiased_linear_cka", &format!("{on}steps = \"each\"\nceiling = \"control:a\"")), "between two steps"),
        (
            plan("debiased_linear_cka", &format!("{on}steps = \"each\"\n"))
                + "[[trajectory]]\nname = \"phase_comparison\"\nof = \"debiased_linear_cka\"\nsteps = \"each\"",
            "no [[measure]]",
        ),
    ] {
        let message = Plan::from_toml(&text, "test").expect_err(&text).to_string();
        assert!(message.contains(word), "{text}: {message}");
    }
}
