//! Checkpoints of PyTorch, NumPy arrays and safetensors, against values which Python wrote beside them
//! (`tests/reference/make_checkpoints.py`), and against published files where those are at hand.

use kymograph_runs::{Checkpoint, CheckpointFormat, Dtype, NpyArray, NpyWriter, RunsError, read_npy};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/checkpoints").join(name)
}

fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(fixture("expected.json")).unwrap()).unwrap()
}

fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(|value| value.as_str().unwrap().parse().unwrap()).collect()
}

fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: ../shared/data is not there");
    None
}

fn open(name: &str) -> Checkpoint {
    Checkpoint::open(fixture(name)).unwrap()
}

#[test]
fn every_fixture_holds_what_python_wrote() {
    let expected = expected();
    let mut compared = 0;
    for (file, about) in expected.as_object().unwrap().iter().filter(|(name, _)| !name.ends_with(".npy")) {
        let checkpoint = open(file);
        let tensors = about["tensors"].as_array().unwrap();
        let names: Vec<&str> = checkpoint.tensors().iter().map(|info| info.name.as_str()).collect();
        let wanted: Vec<&str> = tensors.iter().map(|tensor| tensor["name"].as_str().unwrap()).collect();
        if file.ends_with("safetensors") {
            // The format's own writer orders tensors by type.
            assert_eq!(names.len(), wanted.len());
        } else {
            assert_eq!(names, wanted, "{file}");
        }
        for tensor in tensors {
            let name = tensor["name"].as_str().unwrap();
            let info = checkpoint.tensors().iter().find(|info| info.name == name).unwrap();
            assert_eq!(serde_json::json!(info.shape), tensor["shape"], "{file} {name}");
            assert_eq!(info.dtype.to_string(), tensor["dtype"], "{file} {name}");
            let values = numbers(&tensor["values"]);
            let read = checkpoint.read_f64(name).unwrap();
            assert_eq!(read.shape(), info.shape, "{file} {name}");
            assert_eq!(read.iter().copied().collect::<Vec<_>>(), values, "{file} {name}");
            if let Ok(single) = checkpoint.read_f32(name) {
                let rounded: Vec<f32> = values.iter().map(|&value| value as f32).collect();
                assert_eq!(single.into_iter().collect::<Vec<_>>(), rounded, "{file} {name}");
            } else {
                assert!(name == "long" || name == "longs", "{file} {name} should fit f32");
            }
            match checkpoint.read_i64(name) {
                Ok(whole) => {
                    assert!(!info.dtype.is_float());
                    assert_eq!(whole.iter().map(|&value| value as f64).collect::<Vec<_>>(), values);
                }
                Err(error) => assert!(info.dtype.is_float(), "{error}"),
            }
            compared += 1;
        }
    }
    assert!(compared > 100, "only {compared} tensors compared");
}

#[test]
fn formats_are_told_apart_by_content() {
    assert_eq!(open("kinds_zip.pt").format(), CheckpointFormat::Torch);
    assert_eq!(open("kinds_legacy.pt").format(), CheckpointFormat::TorchLegacy);
    assert_eq!(open("kinds.safetensors").format(), CheckpointFormat::Safetensors);
    let folder = tempfile::tempdir().unwrap();
    let renamed = folder.path().join("renamed.bin");
    std::fs::copy(fixture("kinds.safetensors"), &renamed).unwrap();
    assert_eq!(Checkpoint::open(&renamed).unwrap().format(), CheckpointFormat::Safetensors);
}

#[test]
fn the_archive_with_empty_padding_is_the_kind_some_readers_refuse() {
    let bytes = std::fs::read(fixture("checkpoint_step_00100.pt")).unwrap();
    // Bytes 28 and 29 of a local header give the length of its extra field: 4, a field without content.
    assert_eq!(bytes[28..30], [4, 0]);
    assert_eq!(open("checkpoint_step_00100.pt").step(), Some(100));
}

#[test]
fn a_training_checkpoint_is_taken_apart() {
    let checkpoint = open("training.pt");
    assert_eq!(checkpoint.step(), Some(1200), "step before epoch");
    assert_eq!(checkpoint.metadata()["loss"], 0.25);
    assert_eq!(checkpoint.metadata()["epoch"], 3);
    assert_eq!(checkpoint.metadata()["name"], "cnn");
    assert_eq!(checkpoint.metadata()["diverged"], "NaN");
    assert_eq!(checkpoint.metadata()["optimizer_state_dict.param_groups.0.lr"], 0.001);
    let moment = "optimizer_state_dict.state.0.exp_avg";
    assert!(checkpoint.other_tensors().iter().any(|info| info.name == moment && info.shape == [2, 1, 3, 3]));
    assert_eq!(checkpoint.read_f32(moment).unwrap().shape(), [2, 1, 3, 3]);
    assert!(checkpoint.tensors().iter().all(|info| !info.name.contains("exp_avg")));
    assert!(checkpoint.tensors().iter().any(|info| info.name == "conv.weight"), "module. is removed");
    assert_eq!(open("compiled.bin").step(), Some(77));
    assert_eq!(open("nested.pt").step(), Some(9));
    assert_eq!(open("kinds.safetensors").step(), Some(640));
    assert_eq!(open("kinds_zip.pt").step(), None);
}

#[test]
fn numpy_numbers_are_metadata() {
    let checkpoint = open("numpy_numbers.pt");
    let metadata = checkpoint.metadata();
    assert_eq!(metadata["epoch"], 4);
    assert_eq!(metadata["loss"], 0.125);
    assert_eq!(metadata["flag"], true);
    assert_eq!(metadata["rate"], 0.5);
    assert_eq!(metadata["size.1"], 3);
    assert_eq!(metadata["seen.a"], 2);
    assert_eq!(checkpoint.step(), Some(4));
}

#[test]
fn a_pickle_that_wants_to_run_code_is_refused_by_name() {
    for name in ["malicious.pt", "malicious_legacy.pt", "malicious_pickle.pt", "malicious_pickle4.pt"] {
        let error = Checkpoint::open(fixture(name)).unwrap_err();
        let RunsError::ForbiddenGlobal { path, global } = &error else { panic!("{name}: {error}") };
        assert_eq!((path, global.as_str()), (&fixture(name), "posix.system"));
        let message = error.to_string();
        assert!(message.contains(name) && message.contains("torch.save(model.state_dict()"), "{message}");
    }
    assert!(!Path::new("kymograph-was-here").exists(), "something was executed");
}

#[test]
fn other_pickles_are_refused_by_name() {
    for (name, wanted) in [("whole_module.pt", "torch.nn.modules.linear.Linear"), ("sparse.pt", "_rebuild_sparse")] {
        match Checkpoint::open(fixture(name)).unwrap_err() {
            RunsError::ForbiddenGlobal { global, .. } => {
                assert!(global.contains(wanted), "{name}: {global}")
            }
            other => panic!("{name}: {other}"),
        }
    }
}

#[test]
fn weights_that_are_not_finite_are_named() {
    let checkpoint = open("not_finite.pt");
    assert!(checkpoint.read_f32("fc.weight").unwrap()[[1, 0]].is_nan(), "they can be read");
    match checkpoint.check_finite().unwrap_err() {
        RunsError::NonFinite { path, tensor, index, value } => {
            assert_eq!((path, tensor.as_str(), index), (fixture("not_finite.pt"), "fc.weight", vec![1, 0]));
            assert!(value.is_nan());
        }
        other => panic!("{other}"),
    }
    open("training.pt").check_finite().unwrap();
}

#[test]
fn a_tensor_that_is_not_there_is_an_error_with_the_names_there_are() {
    let error = open("parts.pt").read_f32("fc.weight").unwrap_err().to_string();
    assert!(error.contains("parts.pt") && error.contains("`fc.weight`") && error.contains("encoder.w"), "{error}");
}

#[test]
fn what_is_no_checkpoint_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pt");
    assert!(matches!(Checkpoint::open(&path), Err(RunsError::NotFound { .. })));
    assert!(matches!(Checkpoint::open(folder.path()), Err(RunsError::Unsupported { .. })));
    for content in
        [&b""[..], b"hello", b"x", b"cabc", b"(", b"\x80", b"PK", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"]
    {
        std::fs::write(&path, content).unwrap();
        let error = Checkpoint::open(&path).unwrap_err();
        assert!(matches!(error, RunsError::Unsupported { .. } | RunsError::Damaged { .. }), "{content:?}: {error}");
        assert!(error.to_string().contains("a.pt"));
    }
}

#[test]
fn the_same_content_has_the_same_hash() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("other.pt");
    std::fs::copy(fixture("single.pt"), &copy).unwrap();
    let hash = Checkpoint::open(&copy).unwrap().content_hash().unwrap();
    assert_eq!(hash.len(), 64);
    assert_eq!(hash, open("single.pt").content_hash().unwrap());
    assert_ne!(hash, open("parts.pt").content_hash().unwrap());
}

#[test]
fn arrays_of_numpy() {
    let expected = expected();
    for (name, about) in expected.as_object().unwrap().iter().filter(|(name, _)| name.ends_with(".npy")) {
        let (shape, values): (Vec<usize>, Vec<f64>) = match read_npy(fixture(name)).unwrap() {
            NpyArray::F32(array) => (array.shape().to_vec(), array.iter().map(|&value| value.into()).collect()),
            NpyArray::F64(array) => (array.shape().to_vec(), array.iter().copied().collect()),
            NpyArray::I64(array) => (array.shape().to_vec(), array.iter().map(|&value| value as f64).collect()),
        };
        assert_eq!(serde_json::json!(shape), about["shape"], "{name}");
        assert_eq!(values, numbers(&about["values"]), "{name}");
    }
    let error = read_npy(fixture("complex.npy")).unwrap_err().to_string();
    assert!(error.contains("complex.npy") && error.contains("c16"), "{error}");
    let error = read_npy(fixture("single.pt")).unwrap_err().to_string();
    assert!(error.contains("single.pt") && error.contains("no .npy"), "{error}");
}

#[test]
fn arrays_are_written_as_numpy_writes_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inner/x.npy");
    let NpyArray::F32(array) = read_npy(fixture("float32.npy")).unwrap() else { panic!("another type") };
    let values = array.as_slice().unwrap();
    let mut writer = NpyWriter::create(&path, array.shape()).unwrap();
    writer.append(&values[..2]).unwrap();
    assert!(!path.exists(), "nothing is there before it is finished");
    writer.append(&values[2..]).unwrap();
    writer.finish().unwrap();
    assert!(std::fs::read(&path).unwrap() == std::fs::read(fixture("float32.npy")).unwrap());
    for shape in [&[][..], &[1], &[1, 1, 1]] {
        let mut writer = NpyWriter::create(&path, shape).unwrap();
        writer.append(&[2.5]).unwrap();
        writer.finish().unwrap();
        let NpyArray::F32(array) = read_npy(&path).unwrap() else { panic!("another type") };
        assert_eq!((array.shape(), array.first()), (shape, Some(&2.5)));
    }
    let mut short = NpyWriter::create(&path, &[3]).unwrap();
    short.append(&[1.0]).unwrap();
    let error = short.finish().unwrap_err().to_string();
    assert!(error.contains("1 numbers") && error.contains("[3]"), "{error}");
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing half-written stays");
}

#[test]
fn an_array_with_impossible_sizes_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    for shape in
        ["(1152921504606846976,)", "(4294967296, 4294967296)", "(3,)", "(1,)", "(0, 99999999999999999999)", "(-1,)"]
    {
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend([0; 8]);
        std::fs::write(&path, &bytes).unwrap();
        assert!(read_npy(&path).is_err(), "{shape}");
    }
}

#[test]
fn the_published_checkpoints_of_the_phases_study() {
    let Some(folder) = shared("ndt") else { return };
    let path = folder.join("cnn_deep_01000.pt");
    let checkpoint = Checkpoint::open(&path).unwrap();
    assert_eq!(checkpoint.step(), Some(1000));
    assert_eq!(checkpoint.metadata()["step"], 1000);
    let shapes: Vec<(&str, &[usize])> =
        checkpoint.tensors().iter().map(|info| (info.name.as_str(), &info.shape[..])).collect();
    let wanted: [(&str, &[usize]); 8] = [
        ("conv_layers.0.weight", &[32, 1, 3, 3]),
        ("conv_layers.0.bias", &[32]),
        ("conv_layers.3.weight", &[64, 32, 3, 3]),
        ("conv_layers.3.bias", &[64]),
        ("conv_layers.6.weight", &[128, 64, 3, 3]),
        ("conv_layers.6.bias", &[128]),
        ("fc.weight", &[10, 1152]),
        ("fc.bias", &[10]),
    ];
    assert_eq!(shapes, wanted);
    checkpoint.check_finite().unwrap();
    // The published mean cosine of the first layer's filters between steps 100 and 1000 is .98513.
    let read = |step: &str| {
        let checkpoint = Checkpoint::open(folder.join(format!("cnn_deep_{step}.pt"))).unwrap();
        checkpoint.read_f64("conv_layers.0.weight").unwrap().into_shape_with_order((32, 9)).unwrap()
    };
    let (early, late) = (read("00100"), read("01000"));
    let cosine = |a: ndarray::ArrayView1<f64>, b: ndarray::ArrayView1<f64>| a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt();
    let mean = early.rows().into_iter().zip(late.rows()).map(|(a, b)| cosine(a, b)).sum::<f64>() / 32.0;
    assert!((mean - 0.98513).abs() < 1e-5, "{mean}");
    let deviation = early.std(0.0) - 0.1976;
    assert!(deviation.abs() < 1e-4, "published weight standard deviation .1976, off by {deviation}");
}

#[test]
fn the_published_models_of_the_groups_study() {
    let Some(folder) = shared("rep-theory") else {
        return;
    };
    let mut models = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path().join("model.pt");
        let checkpoint = Checkpoint::open(&path).unwrap();
        checkpoint.check_finite().unwrap();
        assert_eq!(checkpoint.step(), None, "a seed is no step: {}", path.display());
        assert!(checkpoint.tensors().len() >= 4);
        models += 1;
        if path.to_string_lossy().contains("S5_T") {
            let flag = checkpoint.tensors().iter().find(|info| info.dtype == Dtype::Bool).unwrap();
            assert!(checkpoint.read_i64(&flag.name).unwrap().iter().all(|&value| value == 0 || value == 1));
        }
    }
    assert_eq!(models, 6);
}
