//! Checkpoints in parts and arrays of NumPy, against values which Python wrote beside them
//! (`tests/reference/make_parts.py`), and the same files changed to do harm.

use kymograph_runs::{Checkpoint, CheckpointFormat, NpyWriter, RunsError, find_checkpoints};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

const INDEX: &str = "model.safetensors.index.json";
const SHARDS: [&str; 2] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/parts").join(name)
}

/// A copy of the checkpoint in parts whose index was changed.
fn changed(change: impl Fn(&mut Value)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for shard in SHARDS {
        fs::copy(fixture(shard), folder.path().join(shard)).unwrap();
    }
    let mut index: Value = serde_json::from_slice(&fs::read(fixture(INDEX)).unwrap()).unwrap();
    change(&mut index);
    fs::write(folder.path().join(INDEX), index.to_string()).unwrap();
    folder
}

fn refused(folder: &tempfile::TempDir) -> String {
    Checkpoint::open(folder.path().join(INDEX)).unwrap_err().to_string()
}

fn read_everything(path: &Path) -> Result<usize, RunsError> {
    let checkpoint = Checkpoint::open(path)?;
    let mut read = 0;
    for info in checkpoint.tensors() {
        let values = checkpoint.read_f64(&info.name)?;
        assert_eq!(values.shape(), info.shape);
        read += values.len();
    }
    Ok(read)
}

#[test]
fn every_fixture_holds_what_numpy_wrote() {
    let expected: Value = serde_json::from_slice(&fs::read(fixture("expected.json")).unwrap()).unwrap();
    let mut compared = 0;
    for (file, tensors) in expected.as_object().unwrap() {
        let checkpoint = Checkpoint::open(fixture(file)).unwrap();
        let names: Vec<&str> = checkpoint.tensors().iter().map(|info| info.name.as_str()).collect();
        let wanted: Vec<&str> = tensors.as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
        assert_eq!(names, wanted, "{file}");
        for (tensor, info) in tensors.as_array().unwrap().iter().zip(checkpoint.tensors()) {
            assert_eq!(json!(info.shape), tensor["shape"], "{file} {}", info.name);
            let dtype =
                tensor["dtype"].as_str().unwrap().replace("float", "f").replace("uint", "u").replace("int", "i");
            assert_eq!(info.dtype.to_string(), dtype, "{file} {}", info.name);
            let values = tensor["values"].as_array().unwrap().iter().map(|v| v.as_str().unwrap().parse().unwrap());
            let read = checkpoint.read_f64(&info.name).unwrap();
            assert_eq!(
                read.iter().copied().collect::<Vec<f64>>(),
                values.collect::<Vec<f64>>(),
                "{file} {}",
                info.name
            );
            compared += 1;
        }
    }
    assert!(compared > 30, "only {compared} tensors compared");
}

#[test]
fn single_numbers_are_metadata_and_what_is_no_number_is_listed_apart() {
    for name in ["stored.npz", "deflated.npz"] {
        let checkpoint = Checkpoint::open(fixture(name)).unwrap();
        assert_eq!(checkpoint.format(), CheckpointFormat::Npz);
        assert_eq!(checkpoint.step(), Some(640));
        assert_eq!(checkpoint.metadata()["loss"], 0.25);
        let others: Vec<String> =
            checkpoint.other_tensors().iter().map(|o| format!("{} {}", o.name, o.dtype)).collect();
        assert_eq!(others, ["name text", "phase complex numbers"]);
        let error = checkpoint.read_f32("name").unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("`name`") && error.contains("text"), "{error}");
    }
    assert_eq!(Checkpoint::open(fixture("weights_00100.npy")).unwrap().step(), Some(100));
}

#[test]
fn python_objects_are_never_read() {
    let checkpoint = Checkpoint::open(fixture("objects.npz")).unwrap();
    let error = checkpoint.read_f32("config").unwrap_err().to_string();
    assert!(error.contains("`config`") && error.contains("Python objects"), "{error}");
    for (name, word) in [
        ("objects.npy", "Python objects"),
        ("only_objects.npz", "Python objects"),
        ("big_endian.npy", "byte order"),
        ("structure.npy", "structures"),
    ] {
        let error = Checkpoint::open(fixture(name)).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(word) && error.contains("numpy.save"), "{error}");
    }
}

#[test]
fn an_index_that_contradicts_its_files_is_refused_by_file_and_tensor() {
    let map = |index: &mut Value, tensor: &str, file: &str| index["weight_map"][tensor] = file.into();
    let outside = tempfile::tempdir().unwrap();
    fs::copy(fixture(SHARDS[1]), outside.path().join("secret.safetensors")).unwrap();
    let absolute = outside.path().join("secret.safetensors").display().to_string();
    for elsewhere in ["../model-00002-of-00002.safetensors", "a/b", "..", ".", "", "a\\b", INDEX, &absolute] {
        let error = refused(&changed(|index| map(index, "module.head.weight", elsewhere)));
        assert!(error.contains("module.head.weight") && error.contains("same folder"), "{elsewhere}: {error}");
    }
    let folder = changed(|_| {});
    fs::remove_file(folder.path().join(SHARDS[1])).unwrap();
    let error = refused(&folder);
    assert!(error.contains(SHARDS[1]) && error.contains("head.weight") && error.contains("not there"), "{error}");
    let error = refused(&changed(|index| map(index, "module.extra", SHARDS[0])));
    assert!(error.contains(SHARDS[0]) && error.contains("`module.extra` is not here"), "{error}");
    let error = refused(&changed(|index| map(index, "module.norm.bias", SHARDS[1])));
    assert!(error.contains(SHARDS[0]) && error.contains(SHARDS[1]) && error.contains("norm.bias"), "{error}");
    let error =
        refused(&changed(|index| drop(index["weight_map"].as_object_mut().unwrap().remove("module.norm.bias"))));
    assert!(error.contains(SHARDS[0]) && error.contains("`module.norm.bias` is here and not in the list"), "{error}");
    let twice = changed(|_| {});
    let text = format!(r#"{{"weight_map": {{"a": "{0}", "a": "{0}"}}}}"#, SHARDS[0]);
    fs::write(twice.path().join(INDEX), text).unwrap();
    let error = refused(&twice);
    assert!(error.contains(INDEX) && error.contains("two tensors called `a`"), "{error}");
    let both = changed(|_| {});
    fs::copy(fixture(SHARDS[0]), both.path().join(SHARDS[1])).unwrap();
    let error = refused(&both);
    assert!(error.contains(SHARDS[1]) && error.contains("is here and"), "{error}");
    for text in
        ["{", "{}", r#"{"weight_map": 3}"#, r#"{"weight_map": {}}"#, r#"{"weight_map": {"a": 1}}"#, "{\"x\":   {}}"]
    {
        fs::write(folder.path().join(INDEX), text).unwrap();
        let error = refused(&folder);
        assert!(error.contains(INDEX), "{text}: {error}");
    }
}

#[test]
fn a_tensor_of_a_part_that_cannot_be_read_names_the_part() {
    let folder = changed(|_| {});
    let checkpoint = Checkpoint::open(folder.path().join(INDEX)).unwrap();
    assert_eq!(checkpoint.format(), CheckpointFormat::Sharded);
    let before = checkpoint.content_hash().unwrap();
    let bytes = fs::read(folder.path().join(SHARDS[1])).unwrap();
    fs::write(folder.path().join(SHARDS[1]), &bytes[..bytes.len() - 1]).unwrap();
    let error = checkpoint.read_f32("head.weight").unwrap_err().to_string();
    assert!(error.contains(SHARDS[1]), "{error}");
    assert!(checkpoint.read_f32("embed.weight").is_ok());
    let error = refused(&folder);
    assert!(error.contains(SHARDS[1]) && error.contains("head.weight"), "{error}");
    let mut other = bytes;
    *other.last_mut().unwrap() ^= 1;
    fs::write(folder.path().join(SHARDS[1]), other).unwrap();
    let after = Checkpoint::open(folder.path().join(INDEX)).unwrap().content_hash().unwrap();
    assert_ne!(before, after, "the hash covers every part");
}

#[test]
fn parts_are_found_by_their_index_and_arrays_where_nothing_else_is() {
    let root = tempfile::tempdir().unwrap();
    for step in ["checkpoint-100", "checkpoint-200"] {
        fs::create_dir_all(root.path().join("bert").join(step)).unwrap();
        for name in SHARDS.into_iter().chain([INDEX]) {
            fs::copy(fixture(name), root.path().join("bert").join(step).join(name)).unwrap();
        }
    }
    let arrays = root.path().join("arrays");
    fs::create_dir(&arrays).unwrap();
    for name in ["w_00001.npz", "w_00002.npz"] {
        fs::copy(fixture("deflated.npz"), arrays.join(name)).unwrap();
    }
    let found = |path: &Path| -> Vec<(String, Vec<u64>)> {
        let series = find_checkpoints(&[path]).unwrap();
        series.into_iter().map(|s| (s.network, s.checkpoints.into_iter().map(|(step, _)| step).collect())).collect()
    };
    assert_eq!(found(root.path()), [("bert".to_string(), vec![100, 200])]);
    assert_eq!(found(&arrays), [("w".to_string(), vec![1, 2])]);
    let lonely = root.path().join("bert/checkpoint-100").join(SHARDS[0]);
    let error = find_checkpoints(&[lonely]).unwrap_err().to_string();
    assert!(error.contains("part 00001") && error.contains("index.json"), "{error}");
}

#[test]
fn arrays_cut_off_anywhere_are_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["deflated.npz", "stored.npz", "weights_00100.npy", "objects.npz"] {
        let whole = fs::read(fixture(name)).unwrap();
        let path = folder.path().join(name);
        // The zip directory lies at the end: without its last bytes nothing is found. Every cut of the small files.
        let step = if whole.len() > 5000 { 7 } else { 1 };
        for length in (0..whole.len()).step_by(step) {
            let _ = fs::remove_file(&path);
            fs::write(&path, &whole[..length]).unwrap();
            let error = read_everything(&path).expect_err(&format!("{name} cut at {length}")).to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}

/// A zip file of one entry: its name, its method, its content as it lies there, and the size and check sum it claims.
fn zip(name: &str, method: u8, content: &[u8], claimed: u32, crc: u32) -> Vec<u8> {
    let sizes = [crc, content.len() as u32, claimed].map(u32::to_le_bytes).concat();
    let length = (name.len() as u16).to_le_bytes();
    let shared = [&[20, 0, 0, 0, method, 0, 0, 0, 0, 0][..], &sizes, &length, &[0, 0]].concat();
    let local = [&b"PK\x03\x04"[..], &shared, name.as_bytes(), content].concat();
    let central = [&b"PK\x01\x02\x14\0"[..], &shared, &[0; 14], name.as_bytes()].concat();
    let (at, size) = ((local.len() as u32).to_le_bytes(), (central.len() as u32).to_le_bytes());
    [&local[..], &central, b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &size, &at, &[0, 0]].concat()
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn npy(shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = (header.len() as u16).to_le_bytes();
    [&b"\x93NUMPY\x01\x00"[..], &length, header.as_bytes(), data].concat()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn entries_that_lie_about_their_size_are_refused_before_memory_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    let open = |bytes: Vec<u8>| {
        let _ = fs::remove_file(&path);
        fs::write(&path, bytes).unwrap();
        read_everything(&path)
    };
    let whole = npy("(2,)", &[0; 8]);
    let huge = npy("(1000000000,)", &[0; 8]);
    let long = npy("(1000,)", &[0; 4000]);
    let size = whole.len() as u32;
    let (sum, packed) = (crc(&whole), deflate(&whole));
    for (case, bytes) in [
        ("another check sum", zip("w.npy", 8, &packed, size, sum ^ 1)),
        ("claims more", zip("w.npy", 8, &packed, size + 1, sum)),
        ("claims less", zip("w.npy", 8, &deflate(&long), size, crc(&long))),
        ("claims 4 GB", zip("w.npy", 8, &deflate(&huge), 4_000_000_000 + (huge.len() - 8) as u32, crc(&huge))),
        ("shape beyond the entry", zip("w.npy", 0, &huge, huge.len() as u32, crc(&huge))),
        ("stored and shorter", zip("w.npy", 0, &whole, size + 4, sum)),
        ("no header", zip("w.npy", 0, b"hello", 5, crc(b"hello"))),
        ("empty", zip("w.npy", 0, b"", 0, 0)),
        ("not deflated", zip("w.npy", 8, &whole, size, sum)),
        ("another method", zip("w.npy", 12, &whole, size, sum)),
        ("no array", zip("w.txt", 0, &whole, size, sum)),
        ("a folder", zip("../w.npy/", 0, &[], 0, 0)),
    ] {
        let error = open(bytes).expect_err(case).to_string();
        assert!(error.contains("x.npz"), "{case}: {error}");
    }
    assert_eq!(open(zip("w.npy", 8, &packed, size, sum)).unwrap(), 2, "the files here are otherwise as they should be");
    let mut stored = zip("w.npy", 0, &whole, size, sum);
    assert_eq!(open(stored.clone()).unwrap(), 2);
    stored.truncate(stored.len() - 1);
    assert!(open(stored).is_err());
}

#[test]
fn a_mask_is_no_weight_and_a_diverged_weight_is_no_mask() {
    let folder = tempfile::tempdir().unwrap();
    let low = f32::NEG_INFINITY;
    for (case, values, is_mask, is_refused) in [
        ("causal", [0.0, low, 0.0, 0.0], true, false),
        ("of ones", [1.0, low, low, 1.0], true, false),
        ("weights", [0.1, 0.2, 0.3, 0.4], false, false),
        ("equal", [0.0; 4], false, false),
        ("diverged", [0.1, low, 0.3, 0.4], false, true),
        ("all infinite", [low; 4], false, true),
        ("upwards", [0.0, f32::INFINITY, 0.0, 0.0], false, true),
        ("both", [0.0, low, f32::INFINITY, 0.0], false, true),
        ("NaN", [0.0, low, f32::NAN, 0.0], false, true),
        ("NaN first", [f32::NAN, low, f32::NAN, low], false, true),
    ] {
        let path = folder.path().join(format!("{}.npy", case.replace(' ', "-")));
        let mut writer = NpyWriter::create(&path, &[2, 2]).unwrap();
        writer.append(&values).unwrap();
        writer.finish().unwrap();
        let checkpoint = Checkpoint::open(&path).unwrap();
        assert_eq!(checkpoint.is_mask("array").unwrap(), is_mask, "{case}");
        assert!(!checkpoint.is_mask("another").unwrap());
        match checkpoint.check_finite() {
            Ok(()) => assert!(!is_refused, "{case}"),
            Err(error) => assert!(is_refused && matches!(error, RunsError::NonFinite { .. }), "{case}: {error}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_arrays_never_panic(
        file in 0..4usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..10),
        cut in any::<prop::sample::Index>(),
    ) {
        let name = ["stored.npz", "deflated.npz", "objects.npz", "weights_00100.npy"][file];
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = fs::read(fixture(name)).unwrap();
        for (index, value) in changes {
            let position = index.index(bytes.len());
            bytes[position] = value;
        }
        if cut.index(4) == 0 {
            bytes.truncate(cut.index(bytes.len()));
        }
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let _ = read_everything(&path);
    }

    #[test]
    fn a_changed_index_never_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let folder = changed(|_| {});
        let path = folder.path().join(INDEX);
        let mut bytes = fs::read(&path).unwrap();
        for (index, value) in changes {
            let position = index.index(bytes.len());
            bytes[position] = value;
        }
        fs::write(&path, bytes).unwrap();
        let _ = read_everything(&path);
    }
}
