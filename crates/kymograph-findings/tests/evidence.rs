//! Plans computed on runs made by hand: values, nulls, notes, and the cache.

use std::collections::BTreeMap;
use std::path::Path;

use kymograph_findings::{Activations, Finding, FindingsError, Gathering, Plan, RunKey, Subject, gather};
use kymograph_runs::{Capture, Manifest, Recorder, Run, write_captures};
use ndarray::{Array2, ArrayD};
use serde_json::Value;

/// The run recorded in a folder, as evidence sees it.
fn finished(recorder: Recorder, folder: &Path, seed: u64) -> Subject {
    recorder.finish().expect("finished");
    let run = Run::open(folder).expect("opens");
    let files = run.steps().iter().map(|&s| (s, run.checkpoint(s).expect("there").path().to_path_buf())).collect();
    Subject {
        key: RunKey { network: "net".to_owned(), seed: Some(seed), control: None },
        parameters: files,
        activations: BTreeMap::new(),
        labels: None,
        series: BTreeMap::new(),
    }
}

/// A run of three checkpoints: unit i of step s is the i-th axis turned a little towards the next.
fn run(folder: &Path, seed: u64, poison: bool) -> Subject {
    let mut recorder =
        Recorder::create(folder, &Manifest::new("test", Value::Null, Value::Null, Some(seed))).expect("a new run");
    for (step, angle) in [(0_u64, 0.0_f32), (1, 0.1), (2, 0.3)] {
        let mut weight = Array2::<f32>::zeros((6, 8));
        for i in 0..6 {
            weight[[i, i]] = angle.cos();
            weight[[i, i + 1]] = angle.sin();
        }
        if poison && step == 1 {
            weight[[2, 3]] = f32::NAN;
        }
        let tensors: Vec<(String, ArrayD<f32>)> =
            vec![("fc.weight".to_owned(), weight.into_dyn()), ("fc.bias".to_owned(), ArrayD::zeros(vec![6]))];
        recorder.checkpoint(step, &tensors, &[], &Value::Null).expect("written");
    }
    finished(recorder, folder, seed)
}

fn all(plan: &str, subjects: &[Subject], cache: Option<&Path>) -> Result<Vec<Finding>, FindingsError> {
    gather(&Gathering {
        plan: &Plan::from_toml(plan, "test")?,
        origin: "test",
        subjects,
        step_names: &[("early".to_owned(), 1), ("late".to_owned(), 2)].into(),
        cache,
        again: &|_, _, _| Err("everything is kept".to_owned()),
        progress: &|_, _| (),
    })
}

const PLAN: &str = r#"
[[measure]]
name = "same_index_cosine"
steps = "all_pairs"
nulls = ["permuted_units", "random_walk"]

[[measure]]
name = "weight_std"
steps = "each"
nulls = ["untrained"]

[[measure]]
name = "stable_rank"
steps = ["early", 7]
nulls = ["shuffled_columns"]
draws = 20
"#;

#[test]
fn rows_have_values_nulls_and_reasons() {
    let folder = tempfile::tempdir().expect("a folder");
    let subjects = [run(&folder.path().join("a"), 0, false), run(&folder.path().join("b"), 1, false)];
    let rows = all(PLAN, &subjects, None).expect("gathers");
    assert_eq!(rows.len(), 2 * (3 + 3 + 2));
    let pair = |a: u64, b: u64| {
        rows.iter().find(|f| f.measure == "same_index_cosine" && f.steps == [a, b]).expect("the plan asks for it")
    };
    for (a, b, angle) in [(0, 1, 0.1_f64), (1, 2, 0.2), (0, 2, 0.3)] {
        let row = pair(a, b);
        assert!((row.value.expect("measured") - angle.cos()).abs() < 1e-6, "{row:?}");
        assert_eq!((row.array.as_str(), row.n), ("fc.weight", Some(6)));
        let [permuted, walk] = row.nulls.as_slice() else { panic!("two nulls were asked for: {row:?}") };
        assert_eq!((permuted.kind.as_str(), permuted.n), ("permuted_units", 100));
        assert!(permuted.mean < 0.5 && permuted.p.expect("enough draws") < 0.05, "{permuted:?}");
        assert!(walk.interval[0] <= walk.mean && walk.mean <= walk.interval[1] && walk.mean < 1.0, "{walk:?}");
    }
    let own = rows.iter().find(|f| f.measure == "weight_std" && f.steps == [2]).expect("the plan asks for it");
    assert_eq!(own.nulls[0].n, 1, "one sister seed has a step 0");
    let missing = rows.iter().find(|f| f.measure == "stable_rank" && f.value.is_none()).expect("step 7 is not there");
    assert!(missing.notes[0].contains("no checkpoint at step 7"), "{missing:?}");
}

/// The main runs of two seeds and a control of the first, which goes the same way.
fn with_control(folder: &Path) -> Vec<Subject> {
    let mut subjects = vec![run(&folder.join("a"), 0, false), run(&folder.join("b"), 1, false)];
    let mut control = run(&folder.join("c"), 0, false);
    control.key.control = Some("other_order".to_owned());
    subjects.push(control);
    for subject in &mut subjects {
        subject.series.insert("held_out.loss".to_owned(), [(0, 2.0), (1, 0.5), (2, 0.25)].into());
    }
    subjects
}

#[test]
fn other_runs_stand_beside_a_row_as_null_and_as_ceiling() {
    let folder = tempfile::tempdir().expect("a folder");
    let subjects = with_control(folder.path());
    let plan = |rest: &str| format!("[[measure]]\nname = \"same_index_cosine\"\nsteps = [[0, \"late\"]]\n{rest}");
    let text = plan("nulls = [\"other_seed\", \"control:other_order\"]\nceiling = \"control:other_order\"");
    let rows = all(&text, &subjects, None).expect("gathers");
    assert_eq!(rows.len(), 2, "controls are measured only where the plan says so");
    let turned = 0.3_f64.cos();
    let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
    let [other, control] = rows[0].nulls.as_slice() else { panic!("two nulls were asked for: {:?}", rows[0]) };
    assert!((other.kind.as_str(), other.n) == ("other_seed", 1) && near(other.mean, turned), "{other:?}");
    assert!(control.kind == "control:other_order" && near(control.mean, turned), "{control:?}");
    let ceiling = rows[0].ceiling.as_ref().expect("the control has this seed");
    assert!(near(ceiling.mean, 1.0), "{ceiling:?}");
    assert!(
        rows[1].ceiling.is_none() && rows[1].notes.iter().any(|n| n.contains("control was not run")),
        "{:?}",
        rows[1]
    );
    let rows = all(&plan("controls = [\"other_order\"]"), &subjects, None).expect("gathers");
    assert_eq!(rows.iter().filter(|f| f.run.control.is_some()).count(), 1);
    for (null, word) in [("ceiling = \"random_walk\"", "control:NAME"), ("nulls = [\"control:\"]", "there is no null")]
    {
        let message = Plan::from_toml(&plan(null), "test").expect_err(null).to_string();
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn a_series_is_measured_like_any_other_array() {
    let folder = tempfile::tempdir().expect("a folder");
    let subjects = with_control(folder.path());
    let text = "[[measure]]\nname = \"relative_displacement\"\non = \"series\"\narrays = [\"*.loss\"]\n\
                steps = \"from_first\"";
    let rows = all(text, &subjects, None).expect("gathers");
    let values: Vec<(&str, u64, f64)> =
        rows.iter().map(|f| (f.array.as_str(), f.steps[1], f.value.expect("measured"))).collect();
    assert_eq!(values[..2], [("held_out.loss", 1, 0.75), ("held_out.loss", 2, 0.875)]);
}

#[test]
fn the_cache_gives_the_same_rows_and_survives_a_cut_tail() {
    let folder = tempfile::tempdir().expect("a folder");
    let subjects = [run(&folder.path().join("a"), 0, false)];
    let cache = folder.path().join("cache");
    let first = all(PLAN, &subjects, Some(&cache)).expect("gathers");
    let file = cache.join("evidence.jsonl");
    let bytes = std::fs::read(&file).expect("the cache was written");
    assert_eq!(all(PLAN, &subjects, Some(&cache)).expect("gathers"), first);
    assert_eq!(std::fs::read(&file).expect("still there"), bytes, "nothing was computed twice");
    std::fs::write(&file, &bytes[..bytes.len() - 40]).expect("cut");
    assert_eq!(all(PLAN, &subjects, Some(&cache)).expect("gathers"), first);
    assert_eq!(all(PLAN, &subjects, None).expect("gathers"), first, "with and without a cache");
}

#[test]
fn rows_do_not_depend_on_threads_or_on_the_rest_of_the_plan() {
    let folder = tempfile::tempdir().expect("a folder");
    let subjects = [run(&folder.path().join("a"), 0, false)];
    let alone = PLAN.split("\n\n").next().expect("the first measure");
    let whole = all(PLAN, &subjects, None).expect("gathers");
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let rows = pool.install(|| all(alone, &subjects, None)).expect("gathers");
        assert_eq!(rows, whole[..rows.len()]);
    }
}

#[test]
fn a_mask_is_not_measured_and_its_rows_say_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = Manifest::new("test", Value::Null, Value::Null, Some(0));
    let mut recorder = Recorder::create(folder.path(), &manifest).expect("a new run");
    for step in 0..3_u64 {
        let mask = Array2::from_shape_fn((4, 4), |(i, j)| if j > i { f32::NEG_INFINITY } else { 0.0 });
        let weight = Array2::from_shape_fn((4, 4), |(i, j)| (i * 4 + j) as f32 + step as f32);
        let tensors = vec![("mask".to_owned(), mask.into_dyn()), ("weight".to_owned(), weight.into_dyn())];
        recorder.checkpoint(step, &tensors, &[], &Value::Null).expect("written");
    }
    recorder.finish().expect("finished");
    let run = Run::open(folder.path()).expect("opens");
    let files = run.steps().iter().map(|&s| (s, run.checkpoint(s).expect("there").path().to_path_buf())).collect();
    let key = RunKey { network: "net".to_owned(), seed: Some(0), control: None };
    let subject =
        Subject { key, parameters: files, activations: BTreeMap::new(), labels: None, series: BTreeMap::new() };
    let rows = all(PLAN, &[subject], None).expect("a mask is no error");
    let (masks, weights): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.array == "mask");
    assert!(!masks.is_empty() && weights.iter().any(|row| row.value.is_some()));
    for row in masks {
        let note = row.notes.first().expect("a reason");
        assert!(row.value.is_none() && note.contains("`mask`") && note.contains("step-00000000"), "{note}");
    }
}

#[test]
fn a_nan_names_file_tensor_and_index() {
    let folder = tempfile::tempdir().expect("a folder");
    let subjects = [run(&folder.path().join("a"), 0, true)];
    let message = all(PLAN, &subjects, None).expect_err("a weight is NaN").to_string();
    for word in ["step-00000001.safetensors", "fc.weight", "NaN", "index 19", "--plan"] {
        assert!(message.contains(word), "{word}: {message}");
    }
}

#[test]
fn plans_are_checked_on_reading() {
    for (text, word) in [
        ("[[measure]]\nname = \"nothing\"\nsteps = \"each\"", "number 1"),
        ("[[measure]]\nname = \"weight_std\"\nsteps = \"to_last\"", "one step at a time"),
        ("[[measure]]\nname = \"linear_cka\"\nsteps = \"each\"", "compares two steps"),
        ("[[measure]]\nname = \"weight_std\"\nsteps = \"each\"\nnulls = [\"random_walk\"]", "random_walk"),
        ("[[measure]]\nname = \"weight_std\"\nsteps = \"each\"\noptions = { sigma = 2 }", "sigma"),
        ("[[measure]]\nname = \"weight_std\"\nsteps = \"each\"\ncolour = 1", "line 4"),
        ("[[measure]]\nname = \"weight_std\"\nsteps = \"sometimes\"", "line 3"),
        ("[[measure]]\nname = \"weight_std\"\nsteps = \"each\"\narrays = [\"a[\"]", "glob"),
    ] {
        let message = Plan::from_toml(text, "plan.toml").expect_err(text).to_string();
        assert!(message.contains(word) && message.contains("plan.toml"), "{text}: {message}");
    }
}

#[test]
fn a_plan_that_matches_nothing_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let subjects = [run(&folder.path().join("a"), 0, false)];
    let text = "[[measure]]\nname = \"weight_std\"\nsteps = \"each\"\narrays = [\"conv*\"]";
    let message = all(text, &subjects, None).expect_err("nothing is called conv").to_string();
    assert!(message.contains("net/seed-0") && message.contains("inspect"), "{message}");
}

/// Attention is measured as it is stored, a probe's transfer takes two steps and the labels, and what a plan cannot supply
/// is refused when the plan is read.
#[test]
fn patterns_and_transfers_are_measured_and_series_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut recorder =
        Recorder::create(folder.path(), &Manifest::new("test", Value::Null, Value::Null, Some(0))).expect("a new run");
    for step in [0_u64, 5] {
        // Head 0 looks at the first key, head 1 at the second, more so later.
        let sharp = 0.4 + 0.1 * step as f32;
        let pattern =
            ArrayD::from_shape_fn(
                vec![12, 2, 3, 4],
                |place| {
                    if place[1] == place[3] { sharp } else { (1.0 - sharp) / 3.0 }
                },
            );
        let x = ArrayD::from_shape_fn(vec![12, 2], |place| (place[0] % 2) as f32 + 0.01 * (place[0] * place[1]) as f32);
        let tensors = [("pattern".to_owned(), pattern), ("layer".to_owned(), x)];
        recorder.checkpoint(step, &tensors, &[], &Value::Null).expect("written");
    }
    recorder.finish().expect("finished");
    let run = Run::open(folder.path()).expect("opens");
    let file = |s: &u64| Activations::File(run.checkpoint(*s).expect("there").path().to_path_buf());
    let subject = Subject {
        key: RunKey { network: "net".to_owned(), seed: Some(0), control: None },
        parameters: BTreeMap::new(),
        activations: run.steps().iter().map(|s| (*s, file(s))).collect(),
        labels: Some((0..12).map(|i| i % 2).collect()),
        series: BTreeMap::new(),
    };
    let plan = r#"
[[measure]]
name = "head_specialisation"
on = "activations"
arrays = ["pattern"]
steps = "each"
nulls = ["permuted_keys", "untrained"]

[[measure]]
name = "attention_entropy"
on = "activations"
steps = [5]

[[measure]]
name = "probe_transfer"
on = "activations"
arrays = ["layer"]
steps = "consecutive"
nulls = ["permuted_examples", "random_walk"]
"#;
    let rows = all(plan, &[subject], None).expect("gathers");
    let of = |measure: &str, array: &str| rows.iter().filter(|r| r.measure == measure && r.array == array).collect();
    let heads: Vec<&Finding> = of("head_specialisation", "pattern");
    // Two rows that differ in two keys of a and (1 − a)/3: JSD = Σ over both of a ln(a/m) and b ln(b/m).
    let divergence = |a: f64| {
        let b = (1.0 - a) / 3.0;
        let m = (a + b) / 2.0;
        a * (a / m).ln() + b * (b / m).ln()
    };
    for (row, sharp) in heads.iter().zip([0.4, 0.9]) {
        assert!((row.value.expect("measured") - divergence(sharp)).abs() < 1e-6, "{row:?}");
        let null = &row.nulls[0];
        assert!(null.kind == "permuted_keys" && null.mean < row.value.unwrap() && row.interval.is_some(), "{null:?}");
    }
    let entropy: Vec<&Finding> = of("attention_entropy", "pattern");
    assert!(entropy[0].value.expect("measured") < 4.0_f64.ln());
    let flat: Vec<&Finding> = of("attention_entropy", "layer");
    assert!(flat[0].value.is_none() && flat[0].notes[0].contains("4 axes"), "{:?}", flat[0].notes);
    let transfer: Vec<&Finding> = of("probe_transfer", "layer");
    assert_eq!((transfer[0].value, transfer[0].steps.as_slice()), (Some(1.0), &[0, 5][..]));
    assert!(transfer[0].nulls.len() == 2 && transfer[0].nulls[0].mean < 0.9, "{:?}", transfer[0].nulls);

    let refused = |text: &str| Plan::from_toml(text, "test").unwrap_err().to_string();
    for (name, word) in [
        ("phase_comparison", "[[trajectory]]"),
        ("pelt_change_points", "[[trajectory]]"),
        ("adjusted_rand_index", "kymograph measure"),
    ] {
        let message = refused(&format!("[[measure]]\nname = \"{name}\"\nsteps = \"each\"\n"));
        assert!(message.contains(name) && message.contains(word), "{message}");
    }
    for (name, null) in [("attention_entropy", "permuted_keys"), ("head_correlation", "shuffled_columns")] {
        let message = refused(&format!("[[measure]]\nname = \"{name}\"\nsteps = \"each\"\nnulls = [\"{null}\"]\n"));
        assert!(message.contains(null) && message.contains("cannot be drawn"), "{message}");
    }
}

/// A run whose one weight turns by these angles, a step each.
fn turning(folder: &Path, seed: u64, angles: &[f32]) -> Subject {
    let mut recorder =
        Recorder::create(folder, &Manifest::new("test", Value::Null, Value::Null, Some(seed))).expect("a new run");
    for (step, angle) in (0..).zip(angles) {
        let weight = Array2::from_shape_fn((4, 2), |(_, j)| if j == 0 { angle.cos() } else { angle.sin() });
        let tensors = vec![("fc.weight".to_owned(), weight.into_dyn())];
        recorder.checkpoint(step, &tensors, &[], &Value::Null).expect("written");
    }
    finished(recorder, folder, seed)
}

const TRAJECTORY: &str = r#"
[[measure]]
name = "same_index_cosine"
steps = "all_pairs"

[[trajectory]]
name = "phase_comparison"
of = "same_index_cosine"
steps = "to_last"
nulls = ["permuted_steps", "smooth_interpolation"]
draws = 20
"#;

#[test]
fn a_trajectory_is_a_series_of_rows_and_tells_a_jump_from_a_curve() {
    let folder = tempfile::tempdir().expect("a folder");
    let wobble = |i: usize| 0.01 * ((i * 7) % 5) as f32;
    let jump: Vec<f32> = (0..24).map(|i| if i < 10 { 1.2 } else { 0.4 } + wobble(i)).collect();
    let curve: Vec<f32> = (0..24).map(|i| 1.2 * (-(i as f32) / 8.0).exp() + wobble(i)).collect();
    let subjects = [turning(&folder.path().join("a"), 0, &jump), turning(&folder.path().join("b"), 1, &curve)];
    let rows = all(TRAJECTORY, &subjects, None).expect("gathers");
    let phases: Vec<&Finding> = rows.iter().filter(|f| f.measure == "phase_comparison").collect();
    let [jumped, curved] = phases.as_slice() else { panic!("one trajectory a run: {phases:?}") };
    assert!(jumped.value.expect("measured") > 6.0 && curved.value.expect("measured") < -6.0, "{phases:?}");
    assert_eq!((jumped.steps.as_slice(), jumped.n), (&[0, 23][..], Some(23)));
    assert_eq!(jumped.parts["positions"], [10.0]);
    for (at, value) in jumped.parts["series"].iter().enumerate() {
        assert!((value - f64::from((jump[at] - jump[23]).cos())).abs() < 1e-6, "step {at}: {value}");
    }
    assert_eq!(jumped.other_array.as_deref(), Some("same index cosine to last"));
    let [permuted, smooth] = jumped.nulls.as_slice() else { panic!("two nulls were asked for: {jumped:?}") };
    assert!(permuted.interval[1] < jumped.value.expect("measured") && smooth.mean < 0.0, "{jumped:?}");
    assert_eq!(all(TRAJECTORY, &subjects, None).expect("gathers"), rows, "the same draws every time");
    for (wrong, word) in [
        ("of = \"weight_std\"\nsteps = \"each\"", "no [[measure]] `weight_std`"),
        ("of = \"same_index_cosine\"\nsteps = \"all_pairs\"", "makes no series"),
    ] {
        let text = TRAJECTORY.replace("of = \"same_index_cosine\"\nsteps = \"to_last\"", wrong);
        let message = Plan::from_toml(&text, "test").expect_err(wrong).to_string();
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn folded_weights_are_no_activations() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut subject = run(&folder.path().join("a"), 0, false);
    let capture = |name: &str| Capture {
        name: name.to_owned(),
        rule: String::new(),
        values: Array2::<f32>::from_shape_fn((5, 4), |(i, j)| ((i * i + 3 * j) % 7) as f32).into_dyn(),
    };
    let file = folder.path().join("step-1.safetensors");
    write_captures(&file, 1, &[capture("relu"), capture("fc.folded")]).expect("written");
    subject.activations = [(1, Activations::File(file))].into();
    for (on, array, word) in
        [("activations", "relu", "probe's activations"), ("folded", "fc.folded", "scale of the batch")]
    {
        let plan = format!("[[measure]]\nname = \"stable_rank\"\non = \"{on}\"\nsteps = \"each\"\n");
        let rows = all(&plan, std::slice::from_ref(&subject), None).expect("gathers");
        let [row] = rows.as_slice() else { panic!("one array is meant: {rows:?}") };
        assert_eq!((row.array.as_str(), row.n), (array, Some(5)));
        assert!(row.notes.iter().any(|note| note.contains(word)), "{row:?}");
        let plan = Plan::from_toml(&plan, "test").expect("a plan");
        assert!(plan.wants_activation(&subject.key, array));
        assert!(!plan.wants_activation(&subject.key, if on == "folded" { "relu" } else { "fc.folded" }));
    }
}
