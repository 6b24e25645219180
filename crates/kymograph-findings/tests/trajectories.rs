//! Recorded series as trajectories: detectors on what a run wrote down at every step.

use std::collections::BTreeMap;

use kymograph_findings::{Finding, FindingsError, Gathering, Plan, RunKey, Subject, gather};

/// A run that recorded nothing but a series: levels 3 and 1 with a little noise, the later from the 40th value on.
fn subject(seed: u64, control: Option<&str>, missing: bool) -> Subject {
    let value = |i: u64| if i < 40 { 3.0 } else { 1.0 } + 0.02 * ((i * (7 + seed) * 13) % 11) as f64;
    let mut loss: BTreeMap<u64, f64> = (0..80).map(|i| (5 * (i + 1), value(i))).collect();
    if missing {
        loss.insert(200, f64::NAN);
    }
    Subject {
        key: RunKey { network: "net".to_owned(), seed: Some(seed), control: control.map(ToOwned::to_owned) },
        parameters: BTreeMap::new(),
        activations: BTreeMap::new(),
        labels: None,
        series: [("minibatch.loss".to_owned(), loss)].into(),
    }
}

fn all(text: &str, subjects: &[Subject]) -> Result<Vec<Finding>, FindingsError> {
    gather(&Gathering {
        plan: &Plan::from_toml(text, "test")?,
        origin: "test",
        subjects,
        step_names: &BTreeMap::new(),
        cache: None,
        again: &|_, _, _| Err("everything is kept".to_owned()),
        progress: &|_, _| (),
    })
}

fn plan(name: &str, rest: &str) -> String {
    format!("[[trajectory]]\nname = \"{name}\"\n{rest}")
}

#[test]
fn detectors_find_the_jump_of_a_recorded_series_and_name_its_step() {
    let subjects = [subject(0, None, false), subject(0, Some("other_order"), false), subject(1, None, true)];
    let nulls = "arrays = [\"*.loss\"]\nnulls = [\"permuted_steps\", \"smooth_interpolation\"]\ndraws = 20\n";
    let text = plan("pelt_change_points", nulls) + &plan("rolling_z_score_jumps", nulls);
    let rows = all(&text, &subjects).expect("gathers");
    assert_eq!(rows.len(), 4, "two detectors on two main runs, and none on the control");
    for row in rows.iter().filter(|row| row.run.seed == Some(0)) {
        assert_eq!((row.value, row.n, row.steps.as_slice()), (Some(1.0), Some(80), &[5, 400][..]), "{row:?}");
        assert_eq!((row.array.as_str(), row.other_array.as_deref()), ("minibatch.loss", None));
        assert_eq!(row.options["series"], "as recorded");
        // The 40th value, counted from 0, was recorded at step 205.
        assert_eq!(
            (row.parts["positions"].as_slice(), row.parts["position_steps"].as_slice()),
            (&[40.0][..], &[205.0][..])
        );
        assert!(!row.parts.contains_key("series"), "the run holds it already");
        let [permuted, smooth] = row.nulls.as_slice() else { panic!("two nulls: {row:?}") };
        assert!(permuted.interval[0] <= permuted.mean && smooth.mean < 1.0, "{row:?}");
    }
    for row in rows.iter().filter(|row| row.run.seed == Some(1)) {
        assert!(row.value.is_none() && row.notes[0].contains("minibatch.loss was not measured at step 200"), "{row:?}");
    }
    assert_eq!(all(&text, &subjects).expect("gathers"), rows, "the same draws every time");
}

#[test]
fn plans_say_where_a_series_comes_from() {
    for (rest, word) in [
        ("steps = \"to_last\"", "its own steps"),
        ("of = \"weight_std\"", "`steps` says which rows"),
        ("of = \"weight_std\"\nsteps = \"each\"", "no [[measure]] `weight_std`"),
    ] {
        let message = Plan::from_toml(&plan("pelt_change_points", rest), "test").expect_err(rest).to_string();
        assert!(message.contains(word), "{rest}: {message}");
    }
    let nothing = all(&plan("pelt_change_points", "arrays = [\"gradient\"]"), &[subject(0, None, false)]);
    assert!(matches!(nothing, Err(FindingsError::NothingToMeasure { .. })), "{nothing:?}");
}
