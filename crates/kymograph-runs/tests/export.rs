//! Exported checkpoints: read back by our own importers and by the format's own crate, looked at byte by byte, and (where
//! there is a Python with torch) loaded by `torch.load(weights_only=True)`.

use kymograph_runs::{Checkpoint, CheckpointFormat, ExportFormat, RunsError, export};
use std::fs;
use std::path::{Path, PathBuf};

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

const SOURCES: &[&str] = &[
    "checkpoints/kinds_zip.pt",
    "checkpoints/kinds_legacy.pt",
    "checkpoints/kinds.safetensors",
    "checkpoints/unsigned.pt",
    "checkpoints/training.pt",
    "checkpoints/not_finite.pt",
    "parts/model.safetensors.index.json",
    "parts/deflated.npz",
    "parts/weights_00100.npy",
];

fn written(source: &str, format: ExportFormat, folder: &Path) -> (Checkpoint, PathBuf) {
    let checkpoint = Checkpoint::open(reference(source)).unwrap();
    let path = folder.join(format!("{}.{}", source.replace('/', "_"), format.ending()));
    export(&checkpoint, format, &path, false).unwrap();
    (checkpoint, path)
}

#[test]
fn what_is_exported_reads_back_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for source in SOURCES {
        for format in [ExportFormat::Safetensors, ExportFormat::Torch] {
            let (original, path) = written(source, format, folder.path());
            let copy = Checkpoint::open(&path).unwrap();
            let kinds = [CheckpointFormat::Safetensors, CheckpointFormat::Torch];
            assert_eq!(copy.format(), kinds[usize::from(format == ExportFormat::Torch)]);
            let sorted = |checkpoint: &Checkpoint| {
                let mut tensors: Vec<_> = checkpoint.tensors().to_vec();
                tensors.sort_by(|a, b| a.name.cmp(&b.name));
                tensors
            };
            assert_eq!(sorted(&original), sorted(&copy), "{source}");
            assert!(copy.other_tensors().is_empty());
            for info in original.tensors() {
                let bits = |c: &Checkpoint| c.read_f64(&info.name).unwrap().mapv(f64::to_bits);
                assert_eq!(bits(&original), bits(&copy), "{source} {}", info.name);
            }
            if format == ExportFormat::Torch {
                assert_eq!(original.tensors(), copy.tensors(), "a state dict keeps its order");
            } else if original.step().is_some() {
                assert_eq!(copy.step(), original.step(), "{source}");
            }
        }
    }
}

#[test]
fn the_same_tensors_give_the_same_bytes() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for format in [ExportFormat::Safetensors, ExportFormat::Torch] {
        let (_, first) = written("checkpoints/kinds_zip.pt", format, one.path());
        let (_, second) = written("checkpoints/kinds_legacy.pt", format, other.path());
        assert!(fs::read(first).unwrap() == fs::read(second).unwrap(), "{format:?}");
    }
}

#[test]
fn the_archive_is_laid_out_as_pytorch_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let (original, path) = written("checkpoints/kinds_zip.pt", ExportFormat::Torch, folder.path());
    let bytes = fs::read(path).unwrap();
    let word = |at: usize, size: usize| (0..size).fold(0usize, |sum, i| sum | usize::from(bytes[at + i]) << (8 * i));
    let end = bytes.len() - 22;
    assert_eq!(&bytes[end..end + 4], b"PK\x05\x06");
    let (count, mut at) = (word(end + 10, 2), word(end + 16, 4));
    assert_eq!(at + word(end + 12, 4), end, "the directory ends where its end begins");
    let mut names = Vec::new();
    for _ in 0..count {
        assert_eq!(&bytes[at..at + 4], b"PK\x01\x02");
        let (size, local) = (word(at + 24, 4), word(at + 42, 4));
        let name = String::from_utf8(bytes[at + 46..at + 46 + word(at + 28, 2)].to_vec()).unwrap();
        assert_eq!((&bytes[local..local + 4], word(local + 8, 2), word(local + 22, 4)), (&b"PK\x03\x04"[..], 0, size));
        let start = local + 30 + word(local + 26, 2) + word(local + 28, 2);
        assert_eq!(start % 64, 0, "{name} begins at a multiple of 64 bytes");
        let mut crc = flate2::Crc::new();
        crc.update(&bytes[start..start + size]);
        assert_eq!((crc.sum() as usize, word(local + 14, 4)), (word(at + 16, 4), word(at + 16, 4)), "{name}");
        if let Some(key) = name.strip_prefix("archive/data/") {
            let info = &original.tensors()[key.parse::<usize>().unwrap()];
            assert_eq!(size, info.shape.iter().product::<usize>() * info.dtype.size(), "{name}");
        }
        at += 46 + word(at + 28, 2) + word(at + 30, 2) + word(at + 32, 2);
        names.push(name);
    }
    assert_eq!(at, end);
    assert_eq!(names.len(), original.tensors().len() + 3);
    let parts = ["archive/data.pkl", "archive/byteorder", "archive/version", "archive/data/0"];
    assert!(parts.iter().all(|part| names.iter().any(|name| name == part)), "{names:?}");
}

#[test]
fn safetensors_own_crate_reads_what_was_exported() {
    let folder = tempfile::tempdir().unwrap();
    let (original, path) = written("checkpoints/kinds_zip.pt", ExportFormat::Safetensors, folder.path());
    let bytes = fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.len(), original.tensors().len());
    let values = original.read_f32("conv1.weight").unwrap();
    let view = file.tensor("conv1.weight").unwrap();
    assert_eq!(view.shape(), values.shape());
    let expected: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(view.data(), expected);
    for (name, view) in file.tensors() {
        let from = view.data().as_ptr() as usize - bytes.as_ptr() as usize;
        let size = original.tensors().iter().find(|info| info.name == name).unwrap().dtype.size();
        assert_eq!(from % size, 0, "{name} is aligned to its type");
    }
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(header.metadata().as_ref().unwrap()["format"], "pt");
}

#[test]
fn nothing_is_overwritten_unasked_and_nothing_half_written_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pt");
    fs::write(&path, "mine").unwrap();
    let checkpoint = Checkpoint::open(reference("checkpoints/single.pt")).unwrap();
    let error = export(&checkpoint, ExportFormat::Torch, &path, false).unwrap_err();
    assert!(matches!(error, RunsError::Exists { .. }) && error.to_string().contains("--force"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"mine");
    export(&checkpoint, ExportFormat::Torch, &path, true).unwrap();
    assert!(Checkpoint::open(&path).is_ok());
    // A source that is cut off while it is being copied.
    let source = folder.path().join("source.pt");
    let bytes = fs::read(reference("checkpoints/training.pt")).unwrap();
    fs::write(&source, &bytes).unwrap();
    let checkpoint = Checkpoint::open(&source).unwrap();
    fs::write(&source, &bytes[..2000]).unwrap();
    let out = folder.path().join("out.pt");
    let error = export(&checkpoint, ExportFormat::Torch, &out, false).unwrap_err().to_string();
    assert!(error.contains("source.pt"), "{error}");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
#[ignore = "slow: starts a Python with torch, named by KYMOGRAPH_TORCH_PYTHON"]
fn torch_loads_what_was_exported() {
    let Some(python) = std::env::var_os("KYMOGRAPH_TORCH_PYTHON") else {
        println!("skipped: KYMOGRAPH_TORCH_PYTHON names no Python with torch");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(python);
    command.arg(reference("check_export.py"));
    for source in SOURCES.iter().filter(|source| source.ends_with(".pt")) {
        for format in [ExportFormat::Safetensors, ExportFormat::Torch] {
            command.arg(written(source, format, folder.path()).1).arg(reference(source));
        }
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("10 files hold the same tensors"), "{said}");
}
