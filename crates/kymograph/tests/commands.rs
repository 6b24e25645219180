//! The commands that work on what was recorded already: `judge`, `capture`, `export`, and a report whose plan is gone.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use kymograph::runs::{Checkpoint, NpyArray, NpyWriter, read_npy};
use serde_json::Value;

use support::{fails, path, run, succeeds, text};

#[track_caller]
fn json(args: &[&str]) -> Value {
    serde_json::from_slice(&succeeds(&[args, &["--json"]].concat()).stdout).expect("JSON")
}

/// One small study for all tests here, two seeds of an MLP, which none of them changes.
fn study() -> &'static Path {
    static STUDY: OnceLock<PathBuf> = OnceLock::new();
    STUDY.get_or_init(|| {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("commands-study");
        let _ = fs::remove_dir_all(&out);
        let small = ["--set", "steps=40", "--set", "probe_examples=50", "--set", "networks=mlp", "--set", "controls="];
        succeeds(
            &[&["run", "phases", "--quick", "--quiet", "--seeds", "0..1", "--out", path(&out)][..], &small].concat(),
        );
        out
    })
}

fn predictions(folder: &Path, name: &str, decision: &str) -> String {
    let file = folder.join(name);
    let content = format!(
        r#"[[verdict]]
title = "Does the first layer move?"
hypotheses = {{ M = "It moves." }}
[[verdict.prediction]]
name = "moves"
hypothesis = "M"
text = "It moves."
of = {{ measure = "same_index_cosine", network = "*", arrays = "fc1.weight", steps = ["first", "last"] }}
{decision}
min_seeds = 2
[[verdict.prediction]]
name = "elsewhere"
hypothesis = "M"
text = "Of a layer that is not there."
of = {{ measure = "same_index_cosine", network = "*", arrays = "fc9.weight", steps = ["first", "last"] }}
{decision}
"#
    );
    fs::write(&file, content).expect("a file");
    path(&file).to_owned()
}

const PLAN: &str = "[[measure]]\nname = \"same_index_cosine\"\nsteps = [[\"first\", \"last\"]]\n";

#[test]
fn predictions_are_judged_afterwards_and_the_exit_code_says_when_one_was_refuted() {
    let folder = tempfile::tempdir().expect("a folder");
    let held = predictions(folder.path(), "held.toml", "below = 1.0");
    let refuted = predictions(folder.path(), "refuted.toml", "above = 1.0");
    let plan = folder.path().join("plan.toml");
    fs::write(&plan, PLAN).expect("a plan");
    let judge = ["judge", path(study()), "--plan", path(&plan), "--predictions"];
    let verdicts = json(&[&judge[..], &[&held]].concat());
    let verdict = &verdicts["verdicts"][0];
    assert_eq!((&verdict["stated"], &verdict["predictions"][0]["judgement"]), (&"afterwards".into(), &"held".into()));
    assert_eq!(verdict["predictions"][1]["judgement"], "not_measured");
    // The estimate is the mean over both seeds of the rows it names.
    let rows = verdict["predictions"][0]["rows"].as_array().expect("rows");
    let values: Vec<f64> = rows
        .iter()
        .map(|row| &verdicts["findings"][row.as_u64().expect("an index") as usize])
        .inspect(|finding| assert_eq!(finding["array"], "fc1.weight"))
        .map(|finding| finding["value"].as_f64().expect("a number"))
        .collect();
    let estimate = verdict["predictions"][0]["estimate"].as_f64().expect("a number");
    assert_eq!(values.len(), 2);
    assert!((values.iter().sum::<f64>() / 2.0 - estimate).abs() < 1e-12);
    assert_eq!(run(&[&judge[..], &[&refuted, "--quiet"]].concat()).status.code(), Some(0));
    assert_eq!(run(&[&judge[..], &[&refuted, "--quiet", "--check"]].concat()).status.code(), Some(3));
    assert_eq!(run(&[&judge[..], &[&held, "--quiet", "--check"]].concat()).status.code(), Some(0));
    let said = text(&succeeds(&[&judge[..], &[&refuted]].concat()).stdout);
    assert!(said.contains("refuted") && said.contains("stated afterwards"), "{said}");
    // The two runs by themselves give the same estimate as their experiment.
    let seed = |seed: &str| study().join("runs/mlp").join(seed);
    let (one, other) = (seed("seed-0"), seed("seed-1"));
    let apart = json(&["judge", path(&one), path(&other), "--plan", path(&plan), "--predictions", &held]);
    assert_eq!(apart["verdicts"][0]["predictions"][0]["estimate"], verdict["predictions"][0]["estimate"]);
    fails(&["judge", path(&one), path(&one), "--predictions", &held], 2, &["mlp/seed-0", "twice"]);
    fails(&["judge", path(study()), "--predictions", "nowhere.toml"], 1, &["nowhere.toml"]);
    fails(&["judge", path(study())], 2, &["--predictions"]);
    fails(&["judge", path(study()), "--predictions", path(&plan)], 2, &["plan.toml", "predictions"]);
    fails(&["judge", "nowhere", "--predictions", &held], 1, &["nowhere"]);
}

#[test]
fn a_studys_own_predictions_stay_stated_beforehand() {
    let judged = json(&["judge", path(study()), "--predictions", "phases"]);
    let verdicts = judged["verdicts"].as_array().expect("verdicts");
    assert!(!verdicts.is_empty() && verdicts.iter().all(|verdict| verdict["stated"] == "beforehand"));
    let summary = fs::read_to_string(study().join("derived/findings.json")).expect("findings of the run");
    let before: Vec<Value> = serde_json::from_str(&summary).expect("JSON");
    for finding in judged["findings"].as_array().expect("findings") {
        assert!(before.contains(finding), "the rows are those of the run: {finding}");
    }
    let loose = study().join("runs/mlp/seed-0/checkpoints");
    let judged = json(&["judge", path(&loose), "--predictions", "phases"]);
    assert_eq!(judged["verdicts"][0]["stated"], "afterwards");
}

#[test]
fn a_report_is_derived_again_when_its_plan_and_predictions_are_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let held = predictions(folder.path(), "held.toml", "below = 1.0");
    let plan = folder.path().join("plan.toml");
    fs::write(&plan, PLAN).expect("a plan");
    let (checkpoints, out) = (study().join("runs/mlp/seed-0/checkpoints"), folder.path().join("out"));
    let analyze = ["analyze", path(&checkpoints), "--plan", path(&plan), "--predictions", &held, "--out", path(&out)];
    succeeds(&[&analyze[..], &["--quiet"]].concat());
    let findings = fs::read(out.join("derived/findings.json")).expect("findings");
    fs::remove_file(&plan).expect("removed");
    fs::write(&held, "changed").expect("a file");
    fs::remove_dir_all(out.join("derived")).expect("derived/ may be deleted");
    let again = json(&["report", path(&out)]);
    assert_eq!(again["verdicts"][0]["title"], "Does the first layer move?");
    assert!(fs::read(out.join("derived/findings.json")).expect("findings") == findings);
    fails(&analyze, 1, &["plan.toml"]);
    let other = predictions(folder.path(), "other.toml", "above = 1.0");
    let judged = json(&["judge", path(&out), "--predictions", &other]);
    assert_eq!(
        judged["findings"].as_array().map(Vec::len),
        serde_json::from_slice::<Vec<Value>>(&findings).ok().map(|f| f.len())
    );
}

fn images(folder: &Path, examples: usize) -> (PathBuf, Vec<f32>) {
    let file = folder.join(format!("x{examples}.npy"));
    let values: Vec<f32> = (0..examples * 784).map(|i| ((i * 37) % 101) as f32 / 101.0 - 0.5).collect();
    let mut writer = NpyWriter::create(&file, &[examples, 1, 28, 28]).expect("a file");
    writer.append(&values).expect("written");
    writer.finish().expect("finished");
    (file, values)
}

fn real(file: &Path) -> ndarray::ArrayD<f32> {
    match read_npy(file).expect("an array") {
        NpyArray::F32(array) => array,
        other => panic!("{other:?}"),
    }
}

#[test]
fn activations_of_a_recorded_network_are_those_of_its_weights() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, inputs) = images(folder.path(), 300);
    let (run_folder, out) = (study().join("runs/mlp/seed-0"), folder.path().join("a"));
    let capture = ["capture", path(&run_folder), "--data", path(&data), "--out", path(&out)];
    let captured = json(&capture);
    let arrays = captured["arrays"].as_array().expect("arrays");
    assert!(captured["checkpoint"].as_str().expect("a file").ends_with("step-00000040.safetensors"));
    assert_eq!((&arrays[0]["hook"], &arrays[0]["shape"]), (&"input".into(), &serde_json::json!([300, 1, 28, 28])));
    assert_eq!(real(&out.join("input.npy")).as_slice(), Some(&inputs[..]));
    // The first layer worked out by hand, in the second batch of examples too.
    let file = captured["checkpoint"].as_str().expect("a file");
    let checkpoint = Checkpoint::open(file).expect("a checkpoint");
    let (weight, bias) = (checkpoint.read_f64("fc1.weight").expect("it"), checkpoint.read_f64("fc1.bias").expect("it"));
    let first = real(&out.join("fc1.npy"));
    assert_eq!(first.shape(), [300, bias.len()]);
    for example in [0, 249, 250, 299] {
        for unit in [0, bias.len() - 1] {
            let sum: f64 = (0..784).map(|i| weight[[unit, i]] * f64::from(inputs[example * 784 + i])).sum();
            let difference = f64::from(first[[example, unit]]) - (sum + bias[unit]);
            assert!(difference.abs() < 1e-4, "example {example}, unit {unit}: {difference}");
        }
    }
    fails(&capture, 1, &["input.npy", "--force"]);
    let one = folder.path().join("one");
    let early = run_folder.join("checkpoints/step-00000000.safetensors");
    let part = json(&["capture", path(&early), "--data", path(&data), "--hook", "fc1", "--out", path(&one)]);
    assert_eq!((part["arrays"].as_array().map(Vec::len), fs::read_dir(&one).expect("a folder").count()), (Some(1), 1));
    assert_ne!(real(&one.join("fc1.npy")), first, "another checkpoint");
    succeeds(&["capture", path(&run_folder), "--data", path(&data), "--hook", "fc1", "--out", path(&one), "--force"]);
    assert_eq!(real(&one.join("fc1.npy")), first);
}

#[test]
fn what_cannot_be_captured_says_why_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, _) = images(folder.path(), 2);
    let out = folder.path().join("out");
    let model = study().join("runs/mlp/seed-0");
    let with = |model: &Path, data: &Path, more: &[&str]| {
        let args = ["capture", path(model), "--data", path(data), "--out", path(&out)];
        [&args[..], more].concat().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let refused = |args: Vec<String>, code: i32, words: &[&str]| {
        fails(&args.iter().map(String::as_str).collect::<Vec<_>>(), code, words);
        assert!(!out.exists(), "nothing is written when nothing was done");
    };
    refused(with(&model, &data, &["--hook", "conv7"]), 2, &["conv7", "input", "fc1"]);
    refused(with(&folder.path().join("nowhere"), &data, &[]), 1, &["nowhere"]);
    refused(with(study(), &data, &[]), 2, &["runs/NETWORK/seed-N"]);
    refused(with(&model, &folder.path().join("no.npy"), &[]), 1, &["no.npy"]);
    let foreign = folder.path().join("step-1.safetensors");
    fs::copy(model.join("checkpoints/step-00000001.safetensors"), &foreign).expect("a copy");
    refused(with(&foreign, &data, &[]), 2, &["step-1.safetensors", "run.json"]);
    for (name, shape, value) in [
        ("flat", &[2, 784][..], 0.0),
        ("none", &[0, 1, 28, 28], 0.0),
        ("single", &[], 0.0),
        ("nan", &[2, 1, 28, 28], f32::NAN),
    ] {
        let file = folder.path().join(format!("{name}.npy"));
        let mut writer = NpyWriter::create(&file, shape).expect("a file");
        writer.append(&vec![value; shape.iter().product()]).expect("written");
        writer.finish().expect("finished");
        refused(with(&model, &file, &[]), 1, &["network"]);
    }
    let inside = model.join("activations");
    fails(&["capture", path(&model), "--data", path(&data), "--out", path(&inside)], 1, &["seed-0", "--out"]);
    assert!(!inside.exists(), "nothing is added to a run");
}

#[test]
fn checkpoints_are_exported_in_both_formats_under_their_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let run_folder = study().join("runs/mlp/seed-0");
    let (torch, back) = (folder.path().join("torch"), folder.path().join("back"));
    let files = json(&["export", path(&run_folder), "--format", "torch", "--out", path(&torch)]);
    let steps = fs::read_dir(run_folder.join("checkpoints")).expect("a folder").count();
    assert_eq!(files["files"].as_array().map(Vec::len), Some(steps));
    let exported = torch.join("step-00000040.pt");
    let again = ["export", path(&exported), "--format", "safetensors", "--out", path(&back)];
    succeeds(&again);
    let copy = Checkpoint::open(back.join("step-00000040.safetensors")).expect("a checkpoint");
    let original = Checkpoint::open(run_folder.join("checkpoints/step-00000040.safetensors")).expect("a checkpoint");
    assert_eq!(copy.tensors(), original.tensors());
    for info in original.tensors() {
        assert_eq!(copy.read_f32(&info.name).expect("it"), original.read_f32(&info.name).expect("it"), "{}", info.name);
    }
    assert!(original.other_tensors().len() > copy.other_tensors().len(), "the optimiser's state stays behind");
    fails(&again, 1, &["step-00000040.safetensors", "--force"]);
    succeeds(&[&again[..], &["--force"]].concat());
    let other = study().join("runs/mlp/seed-1");
    let both = ["export", path(&run_folder), path(&other), "--format", "torch", "--out", path(&back)];
    fails(&both, 2, &["step-00000000", "both be written", "--out"]);
    let inside = run_folder.join("checkpoints");
    fails(&["export", path(&exported), "--format", "torch", "--out", path(&inside)], 1, &["seed-0", "--out"]);
    fails(&["export", path(&exported), "--format", "onnx"], 2, &["onnx", "safetensors"]);
    fails(&["export", path(&exported)], 2, &["--format"]);
    let hostile = folder.path().join("bad.pt");
    fs::write(&hostile, b"not a checkpoint").expect("a file");
    fails(&["export", path(&hostile), "--format", "torch", "--out", path(&folder.path().join("n"))], 1, &["bad.pt"]);
    assert!(!folder.path().join("n").exists());
}

#[test]
fn a_refused_array_is_named_by_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("lonely.npy");
    let mut writer = NpyWriter::create(&file, &[1, 7]).expect("a file");
    writer.append(&[0.5; 7]).expect("written");
    writer.finish().expect("finished");
    fails(&["measure", "linear_cka", path(&file), path(&file)], 1, &["lonely.npy", "a single row", "at least two"]);
}

#[test]
fn a_prediction_on_a_trajectory_takes_the_rows_the_trajectory_is_made_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("phases.toml");
    let content = r#"[[verdict]]
title = "Levels?"
hypotheses = { A = "Levels." }
[[verdict.prediction]]
name = "levels"
hypothesis = "A"
text = "Levels."
of = { measure = "phase_comparison", network = "mlp", arrays = "fc1.weight", steps = ["first", "late"], options = { series = "same index cosine to last" } }
above = 6.0
"#;
    fs::write(&file, content).expect("a file");
    let judged = json(&["judge", path(study()), "--predictions", path(&file)]);
    let prediction = &judged["verdicts"][0]["predictions"][0];
    // So short a training has fewer than ten steps to tell levels from a curve by, which is what the row says.
    assert!(prediction["reason"].as_str().expect("a reason").contains("at least 10"), "{prediction}");
    let measures: std::collections::BTreeSet<&str> =
        judged["findings"].as_array().expect("rows").iter().filter_map(|row| row["measure"].as_str()).collect();
    // Both of the plan's trajectories, what they are made of, and nothing else.
    let expected = ["debiased_linear_cka", "phase_comparison", "same_index_cosine"];
    assert_eq!(measures.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn findings_stand_again_by_network_and_in_a_summary() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("copy");
    copy(study(), &out);
    fs::write(out.join("derived/networks/gone.json"), "{}").expect("a file of a network that is not there");
    succeeds(&["report", path(&out), "--quiet"]);
    let read = |name: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(out.join("derived").join(name)).expect("a file")).expect("JSON")
    };
    assert!(!out.join("derived/networks/gone.json").exists());
    let (findings, network, summary) = (read("findings.json"), read("networks/mlp.json"), read("summary.json"));
    let mut seen = std::collections::BTreeSet::new();
    for measure in network["measures"].as_array().expect("measures") {
        for row in measure["rows"].as_array().expect("rows") {
            let at: Vec<usize> =
                row["findings"].as_array().expect("numbers").iter().map(|n| n.as_u64().expect("it") as usize).collect();
            let mut values = Vec::new();
            for (place, &index) in at.iter().enumerate() {
                let finding = &findings[index];
                assert!(seen.insert(index), "each finding stands once");
                for (key, value) in
                    [("measure", &measure["measure"]), ("array", &row["array"]), ("steps", &row["steps"])]
                {
                    assert_eq!(&finding[key], value);
                }
                assert_eq!(finding["other_array"], row.get("other_array").cloned().unwrap_or(Value::Null));
                assert_eq!((&finding["run"]["seed"], &finding["value"]), (&row["seeds"][place], &row["values"][place]));
                assert_eq!(finding["nulls"].as_array().map(Vec::len), row["nulls"].as_array().map(Vec::len));
                assert_eq!(finding["nulls"][0]["p"], row["nulls"][0]["p"][place]);
                values.extend(finding["value"].as_f64());
            }
            let mean = row["mean"].as_f64();
            assert_eq!(mean.is_some(), !values.is_empty());
            let expected = values.iter().sum::<f64>() / values.len().max(1) as f64;
            assert!((mean.unwrap_or(0.0) - expected).abs() <= 1e-12 * expected.abs(), "{row}");
            assert!(
                row["values"].as_array().is_some_and(|v| v.iter().all(|v| !v.is_null())) || row["reason"].is_string()
            );
        }
    }
    assert_eq!(Some(seen.len()), findings.as_array().map(Vec::len), "every finding stands in its network's file");
    assert_eq!(summary["findings"]["rows"], seen.len());
    // The accuracy is the last one that each run recorded.
    let scores = &summary["networks"][0]["scores"]["held_out.accuracy"];
    assert_eq!(
        (&summary["networks"][0]["file"], &scores["seeds"]),
        (&"networks/mlp.json".into(), &serde_json::json!([0, 1]))
    );
    for seed in [0, 1] {
        let run = kymograph::runs::Run::open(out.join(format!("runs/mlp/seed-{seed}"))).expect("a run");
        let accuracy =
            run.series("held_out").expect("it").column("accuracy").and_then(|(_, values)| values.last().copied());
        assert_eq!(scores["values"][seed].as_f64(), accuracy);
    }
    let verdicts = summary["verdicts"].as_array().expect("verdicts");
    let judged = json(&["judge", path(&out), "--predictions", "phases"]);
    assert_eq!(Some(verdicts.len()), judged["verdicts"].as_array().map(Vec::len));
    for (short, whole) in verdicts.iter().zip(judged["verdicts"].as_array().expect("verdicts")) {
        assert_eq!((&short["title"], &short["stated_beforehand"]), (&whole["title"], &Value::Bool(true)));
        let predictions = |verdict: &Value| -> Vec<Value> {
            let all = verdict["predictions"].as_array().expect("predictions");
            all.iter().map(|p| serde_json::json!([p["name"], p["judgement"], p["estimate"]])).collect()
        };
        assert_eq!(predictions(short), predictions(whole));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("a copy");
        }
    }
}
