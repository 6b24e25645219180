//! Files made or changed to do harm: every one is an error or a readable checkpoint, never a panic, never much memory.

use kymograph_runs::{Checkpoint, RunsError, read_idx_images, read_npy};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/checkpoints").join(name)
}

/// Opens a file and reads all there is; what cannot be read is an error that names the file.
fn read_everything(path: &Path) -> Result<usize, RunsError> {
    let checkpoint = Checkpoint::open(path)?;
    let mut read = 0;
    for info in checkpoint.tensors().iter().chain(checkpoint.other_tensors()) {
        if let Ok(values) = checkpoint.read_f64(&info.name) {
            assert_eq!(values.shape(), info.shape);
            read += values.len();
        }
    }
    Ok(read)
}

fn write(folder: &tempfile::TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("file.pt");
    // Truncating a file makes some file systems flush it, which thousands of them do not forgive.
    let _ = fs::remove_file(&path);
    fs::write(&path, bytes).unwrap();
    path
}

const FILES: [&str; 5] =
    ["training.pt", "kinds_legacy.pt", "kinds_protocol4.pth", "kinds.safetensors", "numpy_numbers.pt"];

fn cut(name: &str, lengths: impl Iterator<Item = usize>) {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(fixture(name)).unwrap();
    for length in lengths.take_while(|&length| length < whole.len()) {
        let path = write(&folder, &whole[..length]);
        let error = read_everything(&path).expect_err(&format!("{name} cut at {length}"));
        assert!(error.to_string().contains("file.pt"), "{error}");
    }
}

#[test]
fn a_file_cut_off_is_an_error_that_names_it() {
    for name in FILES {
        cut(name, (0..64).chain((64..).step_by(29)));
    }
}

#[test]
#[ignore = "slow: opens 25,000 files"]
fn a_file_cut_at_any_byte_is_an_error_that_names_it() {
    for name in FILES {
        cut(name, 0..);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_file_never_panics(
        file in 0..FILES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        lengthen in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = fs::read(fixture(FILES[file])).unwrap();
        for (index, value) in changes {
            let position = index.index(bytes.len());
            bytes[position] = value;
        }
        bytes.extend(lengthen);
        let _ = read_everything(&write(&folder, &bytes));
    }

    #[test]
    fn changed_pickles_never_panic(
        changes in prop::collection::vec((0usize..1000, any::<u8>()), 1..6),
    ) {
        // The legacy stream has its pickles in the open, without a zip directory around them.
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = fs::read(fixture("kinds_legacy.pt")).unwrap();
        for (position, value) in changes {
            bytes[position + 20] = value;
        }
        let _ = read_everything(&write(&folder, &bytes));
    }

    #[test]
    fn a_safetensors_header_of_any_text_never_panics(header in "[ -~]{0,80}", tail in 0usize..40) {
        let folder = tempfile::tempdir().unwrap();
        let header = format!("{{{header}");
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(vec![0; tail]);
        let _ = read_everything(&write(&folder, &bytes));
    }

    #[test]
    fn changed_arrays_and_images_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = fs::read(fixture("fortran.npy")).unwrap();
        let mut images = vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8];
        for (index, value) in changes {
            let (one, other) = (index.index(bytes.len()), index.index(images.len()));
            bytes[one] = value;
            images[other] = value;
        }
        let _ = read_npy(write(&folder, &bytes));
        let _ = read_idx_images(write(&folder, &images));
    }
}

/// A legacy stream around one pickle, with one storage `0` of eight bytes.
fn stream(pickle: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.".to_vec();
    bytes.extend(b"\x80\x02M\xe9\x03.");
    bytes.extend(b"\x80\x02}.");
    bytes.extend(b"\x80\x02");
    bytes.extend(pickle);
    bytes.extend(b".\x80\x02]X\x01\x00\x00\x000a.");
    bytes.extend(2u64.to_le_bytes());
    bytes.extend([1.0f32, 2.0].iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// A tensor `w` with these values on the stack: offset, shape, strides (as pickle code).
fn tensor(elements: &[u8], offset: &[u8], shape: &[u8], strides: &[u8]) -> Vec<u8> {
    let mut code =
        b"}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
            .to_vec();
    code.extend(b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpu");
    code.extend(elements);
    code.extend(b"NtQ");
    for part in [offset, shape, strides] {
        code.extend(part);
    }
    code.extend(b"\x89}tRs");
    code
}

fn long(value: i64) -> Vec<u8> {
    [&b"\x8a\x08"[..], &value.to_le_bytes()].concat()
}

fn tuple(values: &[i64]) -> Vec<u8> {
    [&b"("[..], &values.iter().flat_map(|&value| long(value)).collect::<Vec<u8>>(), b"t"].concat()
}

#[test]
fn tensors_that_lie_about_their_place_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let open = |elements: i64, offset: i64, shape: &[i64], strides: &[i64]| {
        let code = tensor(&long(elements), &long(offset), &tuple(shape), &tuple(strides));
        Checkpoint::open(write(&folder, &stream(&code)))
    };
    let good = open(2, 0, &[2], &[1]).unwrap();
    assert_eq!(good.read_f32("w").unwrap().into_raw_vec_and_offset().0, [1.0, 2.0]);
    assert_eq!(open(2, 1, &[1], &[1]).unwrap().read_f32("w").unwrap()[[0]], 2.0);
    assert_eq!(open(2, 0, &[0, 5], &[5, 1]).unwrap().read_f32("w").unwrap().len(), 0);
    let huge = i64::MAX;
    for (elements, offset, shape, strides) in [
        (2, 1, &[2][..], &[1][..]),
        (2, 0, &[3], &[1]),
        (2, 0, &[2], &[2]),
        (3, 0, &[2], &[1]),
        (huge, 0, &[2], &[1]),
        (2, huge, &[1], &[1]),
        (2, 0, &[huge], &[1]),
        (2, 0, &[huge], &[0]),
        (2, 0, &[huge, huge], &[0, 0]),
        (2, 0, &[1 << 32, 1 << 32], &[1, 1]),
        (2, 0, &[0, huge, huge], &[1, 1, 1]),
        (2, 0, &[2], &[huge]),
        (2, 0, &[1 << 20, 1 << 20], &[0, 0]),
        (2, 0, &[2], &[1, 1]),
        (2, 0, &[-2], &[1]),
        (2, 0, &[2], &[-1]),
        (2, -1, &[2], &[1]),
        (2, 0, &[1; 65], &[1; 65]),
    ] {
        let error = open(elements, offset, shape, strides).unwrap_err();
        let named = matches!(&error, RunsError::BadTensor { tensor, .. } if tensor == "w");
        let refused = matches!(error, RunsError::Damaged { .. });
        assert!(named || refused, "{elements} {offset} {shape:?} {strides:?}: {error}");
    }
}

#[test]
fn a_part_of_a_storage_begins_where_old_files_say() {
    let folder = tempfile::tempdir().unwrap();
    let open = |offset: i64, elements: i64| {
        let part = [&b"(X\x01\x00\x00\x00v"[..], &long(offset), &long(elements), b"t"].concat();
        let whole = tensor(&long(2), &long(0), &tuple(&[1]), &tuple(&[1]));
        let none = whole.windows(3).position(|code| code == b"NtQ").unwrap();
        let code = [&whole[..none], &part, &whole[none + 1..]].concat();
        Checkpoint::open(write(&folder, &stream(&code)))
    };
    assert_eq!(open(0, 2).unwrap().read_f32("w").unwrap()[[0]], 1.0);
    assert_eq!(open(1, 1).unwrap().read_f32("w").unwrap()[[0]], 2.0);
    for (offset, elements) in [(2, 1), (1, 2), (1, 0), (i64::MAX, 1), (1, i64::MAX), (-1, 1)] {
        assert!(open(offset, elements).is_err(), "{offset} {elements}");
    }
}

#[test]
fn the_oldest_form_a_tar_file_is_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let mut header = vec![0; 512];
    header[..8].copy_from_slice(b"sys_info");
    header[257..262].copy_from_slice(b"ustar");
    let error = Checkpoint::open(write(&folder, &header)).unwrap_err().to_string();
    assert!(error.contains("tar file") && error.contains("torch.save(model.state_dict()"), "{error}");
}

#[test]
fn pickles_that_want_memory_or_time_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut cases: Vec<(&str, Vec<u8>)> = vec![
        ("deep tuples", [&b")"[..], &b"\x85".repeat(3_000_000)].concat()),
        ("marks", b"(".repeat(3_000_000)),
        ("a long list", [&b"]"[..], &b"Na".repeat(8_000_000)].concat()),
        ("too many values", b"N0".repeat(5_000_000)),
        ("a text of 4 GB", b"X\xff\xff\xff\xffabc".to_vec()),
        ("bytes of 2^63", b"\x8e\x00\x00\x00\x00\x00\x00\x00\x80".to_vec()),
        ("a number of 2 GB", b"\x8b\xff\xff\xff\x7f".to_vec()),
        ("a far memo", b"Nr\xff\xff\xff\xffj\xfe\xff\xff\xff".to_vec()),
        ("nothing to pop", b"0".to_vec()),
        ("nothing to call", b"R".to_vec()),
        ("a call of a number", b"K\x01)R".to_vec()),
        ("a reference to nothing", b")Q".to_vec()),
        ("text for a list", b"X\x01\x00\x00\x00aNa".to_vec()),
        ("an odd dictionary", b"}(Nu".to_vec()),
        ("more than there is", b"\x87".to_vec()),
        ("below the mark", b"N(\x85".to_vec()),
        ("an extension", b"\x82\x01".to_vec()),
        ("an instance", b"(i".to_vec()),
    ];
    // A dictionary that holds itself, and thirty that each hold the next one twice.
    cases.push(("a dictionary in itself", b"}q\x00X\x01\x00\x00\x00ah\x00s".to_vec()));
    let mut doubled = b"}q\x00".to_vec();
    for level in 0..30u8 {
        doubled.extend([b'0', b'}', b'q', level + 1]);
        for key in [b'a', b'b'] {
            doubled.extend([b'X', 1, 0, 0, 0, key, b'h', level, b's']);
        }
    }
    cases.push(("doubled dictionaries", doubled));
    for (name, code) in cases {
        let error = Checkpoint::open(write(&folder, &stream(&code))).expect_err(name);
        let expected = matches!(error, RunsError::Damaged { .. } | RunsError::Unsupported { .. });
        assert!(expected, "{name}: {error}");
    }
}

#[test]
fn names_that_occur_twice_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let part = tensor(&long(2), &long(0), &tuple(&[2]), &tuple(&[1]));
    let twice = [&part[..], &part[1..]].concat();
    let error = Checkpoint::open(write(&folder, &stream(&twice))).unwrap_err().to_string();
    assert!(error.contains("two tensors called `w`"), "{error}");
    let header = r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#;
    let error = Checkpoint::open(write(&folder, &safetensors(header, 8))).unwrap_err().to_string();
    assert!(error.contains("two tensors called `w`"), "{error}");
}

fn safetensors(header: &str, data: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
}

#[test]
fn safetensors_headers_that_lie_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let entry = |dtype: &str, shape: &str, from: u64, to: u64| {
        format!(r#"{{"w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{from},{to}]}}}}"#)
    };
    let cases = [
        entry("F32", "[2]", 0, 4),
        entry("F32", "[2]", 4, 12),
        entry("F32", "[2]", 0, 16),
        entry("F32", "[1]", 0, 4),
        entry("F32", "[-2]", 0, 8),
        entry("F99", "[2]", 0, 8),
        entry("F32", "[4611686018427387904,4]", 0, 8),
        entry("F32", "[18446744073709551615]", 0, 8),
        entry("F32", "[2]", 8, 0),
        "{".into(),
        "[]".into(),
        r#"{"__metadata__":{"kymograph":"{"}}"#.into(),
        format!("{}{}", r#"{"a":"#.repeat(3000), "1"),
    ];
    for header in cases {
        assert!(Checkpoint::open(write(&folder, &safetensors(&header, 8))).is_err(), "{header}");
    }
    assert_eq!(read_everything(&write(&folder, &safetensors(&entry("F32", "[2]", 0, 8), 8))).unwrap(), 2);
    let mut giant = u64::MAX.to_le_bytes().to_vec();
    giant.extend(b"{}");
    let error = Checkpoint::open(write(&folder, &giant)).unwrap_err().to_string();
    assert!(error.contains("claims"), "{error}");
}

#[test]
fn zip_entries_that_are_compressed_doubled_or_elsewhere_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(fixture("single.pt")).unwrap();
    let places = |mark: &[u8]| -> Vec<usize> {
        (0..whole.len() - 4).filter(|&position| &whole[position..position + 4] == mark).collect()
    };
    let directory = places(b"PK\x01\x02");
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        Checkpoint::open(write(&folder, &bytes)).unwrap_err().to_string()
    };
    let compressed = changed(&|bytes| bytes[directory[0] + 10] = 8);
    assert!(compressed.contains("is compressed"), "{compressed}");
    let outside = changed(&|bytes| bytes[directory[0] + 23] = 0x7f);
    assert!(outside.contains("outside the file"), "{outside}");
    let shifted = changed(&|bytes| bytes[directory[0] + 44] = 0x7f);
    assert!(shifted.contains("file.pt"), "{shifted}");
    // `single/.data/serialization_id` and `single/data.pkl` differ; an entry renamed to another's name is a double.
    let names: Vec<String> = directory
        .iter()
        .map(|&at| {
            let length = u16::from_le_bytes([whole[at + 28], whole[at + 29]]) as usize;
            String::from_utf8_lossy(&whole[at + 46..at + 46 + length]).into_owned()
        })
        .collect();
    let [one, other] = ["single/version", "single/data/0"].map(|name| names.iter().position(|n| n == name));
    let (one, other) = (one.unwrap(), other.unwrap());
    let doubled = changed(&|bytes| {
        let (to, from) = (directory[one] + 46, directory[other] + 46);
        // `single/version` is one letter longer: its header is shortened to the other's length by a comment of one.
        let length = names[other].len();
        let name: Vec<u8> = bytes[from..from + length].to_vec();
        bytes[to..to + length].copy_from_slice(&name);
        bytes[directory[one] + 28] = length as u8;
        bytes[directory[one] + 32] = 1;
    });
    assert!(doubled.contains("two entries called"), "{doubled}");
}
