//! Finding checkpoints, telling their steps, grouping them by network.

use kymograph_runs::{RunsError, find_checkpoints, step_from_path};
use std::fs;
use std::path::{Path, PathBuf};

fn put(folder: &Path, fixture: &str, names: &[&str]) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/checkpoints").join(fixture);
    for name in names {
        let to = folder.join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(&from, to).unwrap();
    }
}

fn found(paths: &[PathBuf]) -> Vec<(String, Vec<u64>)> {
    let series = find_checkpoints(paths).unwrap();
    series.into_iter().map(|s| (s.network, s.checkpoints.into_iter().map(|(step, _)| step).collect())).collect()
}

#[test]
fn steps_are_told_by_names() {
    let step = |name: &str| step_from_path(Path::new(name));
    assert_eq!(step("cnn_deep_00100.pt"), Some(100));
    assert_eq!(step("step-100.safetensors"), Some(100));
    assert_eq!(step("step-00000100.safetensors"), Some(100));
    assert_eq!(step("checkpoint-100.pt"), Some(100));
    assert_eq!(step("checkpoint_step_00100.pt"), Some(100));
    assert_eq!(step("epoch3.pt"), Some(3));
    assert_eq!(step("epoch=3-step=800.ckpt"), Some(800));
    assert_eq!(step("global_step1200.pt"), Some(1200));
    assert_eq!(step("cnn_step_100_seed1.pt"), Some(100));
    assert_eq!(step("checkpoint-200/model.safetensors"), Some(200));
    assert_eq!(step("checkpoint-200/cnn_7.pt"), Some(7));
    assert_eq!(step("S5_MLP_seed1.pt"), None);
    assert_eq!(step("model.pt"), None);
    assert_eq!(step("run_3/model.pt"), None, "a folder's number needs a step word");
    assert_eq!(step("model_99999999999999999999999.pt"), None);
    assert_eq!(step(""), None);
}

#[test]
fn checkpoints_are_grouped_by_network_in_the_order_of_steps() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    put(root, "training.pt", &["cnn_02000.pt", "cnn_00100.pt", "cnn_01000.pt"]);
    put(root, "parts.pt", &["mlp_00100.pth", "mlp_00200.pth"]);
    put(root, "single.pt", &["lonely/model.pt", ".hidden_1.pt"]);
    put(
        root,
        "numpy_numbers.pt",
        &["hf/checkpoint-10/model.pt", "hf/checkpoint-9/model.pt", "hf/checkpoint-9/optimizer.pt"],
    );
    fs::write(root.join("notes.txt"), "no checkpoint").unwrap();
    fs::write(root.join("data.bin"), "no checkpoint either").unwrap();
    fs::write(root.join("cnn_03000.pt.tmp"), "half").unwrap();
    let expected = vec![
        ("cnn".to_string(), vec![100, 1000, 2000]),
        ("hf".to_string(), vec![9, 10]),
        ("lonely".to_string(), vec![0]),
        ("mlp".to_string(), vec![100, 200]),
    ];
    assert_eq!(found(&[root.to_path_buf()]), expected);
    let one = found(&[root.join("cnn_00100.pt"), root.join("cnn_00100.pt")]);
    assert_eq!(one, [("cnn".to_string(), vec![100])]);
    put(root, "single.pt", &["other/cnn_00001.pt"]);
    let names: Vec<String> = found(&[root.to_path_buf()]).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.iter().filter(|name| name.ends_with("cnn")).count(), 2, "{names:?}");
    assert!(names.contains(&"other_cnn".to_string()), "{names:?}");
}

#[test]
fn a_step_inside_the_file_serves_when_its_name_tells_none() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "training.pt", &["cnn.pt"]);
    assert_eq!(found(&[folder.path().to_path_buf()]), [("cnn".to_string(), vec![1200])]);
}

#[test]
fn what_is_missing_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nowhere");
    assert!(matches!(find_checkpoints(&[&missing]), Err(RunsError::NotFound { path }) if path == missing));
    let error = find_checkpoints(&[folder.path()]).unwrap_err();
    assert!(matches!(error, RunsError::NoCheckpoint { .. }));
    assert!(error.to_string().contains(".safetensors") && error.to_string().contains(".pt"), "{error}");
}

#[test]
fn checkpoints_of_different_networks_in_one_series_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "parts.pt", &["net_1.pt"]);
    put(folder.path(), "single.pt", &["net_2.pt"]);
    let error = find_checkpoints(&[folder.path()]).unwrap_err();
    assert!(matches!(error, RunsError::TensorsDiffer { .. }));
    let message = error.to_string();
    assert!(message.contains("net_1.pt") && message.contains("net_2.pt") && message.contains('`'), "{message}");

    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "parameters.pt", &["net_1.pt"]);
    write_weights(&folder.path().join("net_2.safetensors"), &[("weight", &[2, 4]), ("bias", &[2])]);
    match find_checkpoints(&[folder.path()]).unwrap_err() {
        RunsError::ShapeDiffers { tensor, path, shape, first_shape, .. } => {
            assert_eq!((tensor.as_str(), shape, first_shape), ("weight", vec![2, 4], vec![2, 3]));
            assert!(path.ends_with("net_2.safetensors"));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn the_same_step_twice_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "parts.pt", &["net_1.pt", "net_01.pt"]);
    let message = find_checkpoints(&[folder.path()]).unwrap_err().to_string();
    assert!(message.contains("net_1.pt") && message.contains("net_01.pt") && message.contains("step 1"), "{message}");
}

#[test]
fn a_checkpoint_in_parts_is_not_taken_for_a_series() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "parts.pt", &["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"]);
    let message = find_checkpoints(&[folder.path()]).unwrap_err().to_string();
    assert!(message.contains("part 00001") && message.contains("one file"), "{message}");
}

#[test]
fn a_folder_with_a_hostile_file_is_refused_by_that_file() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "parts.pt", &["net_1.pt"]);
    put(folder.path(), "malicious.pt", &["net_2.pt"]);
    let message = find_checkpoints(&[folder.path()]).unwrap_err().to_string();
    assert!(message.contains("net_2.pt") && message.contains("posix.system"), "{message}");
}

fn write_weights(path: &Path, tensors: &[(&str, &[usize])]) {
    use safetensors::tensor::{Dtype, TensorView, serialize};
    let zeros = [0u8; 256];
    let view = |shape: &&[usize]| {
        let size = shape.iter().product::<usize>() * 4;
        TensorView::new(Dtype::F32, shape.to_vec(), &zeros[..size]).unwrap()
    };
    let bytes = serialize(tensors.iter().map(|(name, shape)| (*name, view(shape))), None).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn the_published_checkpoints_are_one_series() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    if !folder.exists() {
        println!("skipped: ../shared/data is not there");
        return;
    }
    assert_eq!(found(&[folder.join("ndt")]), [("cnn_deep".to_string(), vec![100, 1000, 2000])]);
    let networks: Vec<String> = found(&[folder.join("rep-theory")]).into_iter().map(|(name, _)| name).collect();
    let wanted = ["A5_MLP_seed1", "C113_MLP_seed1", "D59_MLP_seed1", "S5_MLP_seed1", "S5_MLP_seed2", "S5_T_seed1"];
    assert_eq!(networks, wanted);
}
