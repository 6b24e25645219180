//! MNIST, packed and published, and IDX files that are not as they should be.

use flate2::Compression;
use flate2::write::GzEncoder;
use kymograph_runs::{
    RunsError, datasets, fashion_mnist, formats, image_data, mnist, packed_mnist, read_idx_images, read_idx_labels,
};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;

fn idx(magic: u32, sizes: &[u32], data: usize) -> Vec<u8> {
    let mut bytes = magic.to_be_bytes().to_vec();
    sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
    bytes.extend((0..data).map(|value| (value % 10) as u8));
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_packed_images_are_split_in_two_without_overlap_and_in_random_order() {
    let split = packed_mnist().unwrap();
    assert_eq!(split.train.images.dim(), (8_000, 1, 28, 28));
    assert_eq!(split.test.images.dim(), (2_000, 1, 28, 28));
    assert!(split.note.contains("8000") && split.note.contains("2000"), "{}", split.note);
    let image = |set: &kymograph_runs::ImageSet, index: usize| -> Vec<u8> {
        set.images.index_axis(ndarray::Axis(0), index).iter().copied().collect()
    };
    let train: BTreeSet<Vec<u8>> = (0..8_000).map(|index| image(&split.train, index)).collect();
    assert_eq!(train.len(), 8_000, "no image twice");
    assert!((0..2_000).all(|index| !train.contains(&image(&split.test, index))));
    // The published counts of each digit, both parts together.
    let mut counts = [0; 10];
    split.train.labels.iter().chain(&split.test.labels).for_each(|&label| counts[label as usize] += 1);
    assert_eq!(counts, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    // Each digit's share held out is a fifth; 60 is above four standard deviations of a random choice.
    for digit in 0..10u8 {
        let held_out = split.test.labels.iter().filter(|&&label| label == digit).count() as i64;
        assert!((held_out - counts[digit as usize] / 5).abs() < 60, "digit {digit}: {held_out}");
    }
}

#[test]
fn the_split_is_the_same_for_ever() {
    let split = packed_mnist().unwrap();
    assert_eq!(split.train.labels[..10], TRAIN_LABELS);
    assert_eq!(split.test.labels[..10], TEST_LABELS);
    assert_eq!(packed_mnist().unwrap(), split);
    assert_eq!(mnist(None).unwrap(), split);
}

#[test]
fn files_are_found_plain_or_gzipped_in_the_folder_or_its_mnist() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("mnist");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("train-images-idx3-ubyte.gz"), gzip(&idx(0x803, &[3, 2, 2], 12))).unwrap();
    fs::write(inner.join("train-labels-idx1-ubyte"), idx(0x801, &[3], 3)).unwrap();
    fs::write(inner.join("t10k-images.idx3-ubyte"), idx(0x803, &[2, 2, 2], 8)).unwrap();
    let error = mnist(Some(folder.path())).unwrap_err().to_string();
    assert!(error.contains("t10k-labels-idx1-ubyte"), "{error}");
    fs::write(inner.join("t10k-labels-idx1-ubyte.gz"), gzip(&idx(0x801, &[2], 2))).unwrap();
    for given in [folder.path(), &inner] {
        let split = mnist(Some(given)).unwrap();
        assert_eq!(split.train.images.dim(), (3, 1, 2, 2));
        assert_eq!(split.train.images[[1, 0, 0, 1]], 5);
        assert_eq!(split.train.labels, [0, 1, 2]);
        assert_eq!(split.test.len(), 2);
        assert!(split.note.contains("3 images") && !split.test.is_empty());
    }
    fs::write(inner.join("t10k-labels-idx1-ubyte.gz"), gzip(&idx(0x801, &[3], 3))).unwrap();
    let error = mnist(Some(folder.path())).unwrap_err().to_string();
    assert!(error.contains("2 images and 3 labels"), "{error}");
    let mut labels = idx(0x801, &[2], 2);
    labels[9] = 10;
    fs::write(inner.join("t10k-labels-idx1-ubyte.gz"), gzip(&labels)).unwrap();
    let error = mnist(Some(folder.path())).unwrap_err().to_string();
    assert!(error.contains("label 10 of image 1"), "{error}");
    let error = mnist(Some(Path::new("/nowhere"))).unwrap_err();
    assert!(matches!(error, RunsError::BadData { .. }) && error.to_string().contains("/nowhere"), "{error}");
}

#[test]
fn files_that_are_not_as_published_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("images");
    for (bytes, wanted) in [
        (idx(0x801, &[3], 3), "magic number is 0x00000801"),
        (idx(0x803, &[3, 2, 2], 11), "need 12 bytes, and it has only 11"),
        (idx(0x803, &[3, 2, 2], 13), "has more"),
        (idx(0x803, &[u32::MAX, u32::MAX, u32::MAX], 8), "claims sizes"),
        (idx(0x803, &[1 << 20, 1 << 20, 1], 8), "claims sizes"),
        (idx(0x803, &[3], 0), "cut off"),
        (Vec::new(), "cut off"),
        (b"\x1f\x8bnot gzip".to_vec(), "cut off or not gzip"),
    ] {
        for zipped in [false, true] {
            let bytes = if zipped { gzip(&bytes) } else { bytes.clone() };
            fs::write(&path, &bytes).unwrap();
            let error = read_idx_images(&path).unwrap_err().to_string();
            assert!(error.contains(wanted) || zipped, "{wanted}: {error}");
            assert!(error.contains("images"), "{error}");
        }
    }
    let whole = gzip(&idx(0x801, &[3000], 3000));
    for length in 0..whole.len() - 8 {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(read_idx_labels(&path).is_err(), "cut at {length}");
    }
    assert!(matches!(read_idx_labels(folder.path().join("none")), Err(RunsError::NotFound { .. })));
}

#[test]
fn a_file_that_unpacks_to_more_than_it_says_is_refused_before_it_fills_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.gz");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&idx(0x801, &[10], 10)).unwrap();
    (0..64).for_each(|_| encoder.write_all(&vec![0; 1 << 20]).unwrap());
    fs::write(&path, encoder.finish().unwrap()).unwrap();
    assert!(read_idx_labels(&path).unwrap_err().to_string().contains("more"));
}

#[test]
fn the_published_files() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    if !folder.exists() {
        println!("skipped: ../shared/data is not there");
        return;
    }
    let split = mnist(Some(folder)).unwrap();
    assert_eq!(split.train.images.dim(), (60_000, 1, 28, 28));
    assert_eq!(split.test.images.dim(), (10_000, 1, 28, 28));
    assert_eq!(split.train.labels[..5], [5, 0, 4, 1, 9]);
    assert_eq!(split.test.labels[..5], [7, 2, 1, 0, 4]);
    // The published normalisation constants of the training images.
    let mean = split.train.images.iter().map(|&value| f64::from(value) / 255.0).sum::<f64>() / 47_040_000.0;
    assert!((mean - 0.1307).abs() < 5e-5, "{mean}");
}

#[test]
fn what_can_be_read_is_listed_with_a_line_each() {
    for listed in formats().iter().chain(datasets()) {
        assert!(!listed.name.is_empty() && listed.summary.len() > 10 && !listed.summary.contains('\n'));
    }
}

/// Computed apart from this program, with Python's hashlib, by the documented rule.
const TRAIN_LABELS: [u8; 10] = [4, 2, 0, 0, 7, 6, 2, 0, 5, 8];
const TEST_LABELS: [u8; 10] = [5, 0, 1, 9, 6, 2, 8, 3, 7, 8];

/// Four IDX files of a few images whose first training labels are these.
fn published(folder: &Path, labels: [u8; 10]) {
    fs::create_dir_all(folder).unwrap();
    let mut train = idx(0x801, &[10], 10);
    train[8..].copy_from_slice(&labels);
    fs::write(folder.join("train-images-idx3-ubyte.gz"), gzip(&idx(0x803, &[10, 2, 2], 40))).unwrap();
    fs::write(folder.join("train-labels-idx1-ubyte.gz"), gzip(&train)).unwrap();
    fs::write(folder.join("t10k-images-idx3-ubyte"), idx(0x803, &[2, 2, 2], 8)).unwrap();
    fs::write(folder.join("t10k-labels-idx1-ubyte"), idx(0x801, &[2], 2)).unwrap();
}

const DIGITS: [u8; 10] = [5, 0, 4, 1, 9, 2, 1, 3, 1, 4];
const CLOTHES: [u8; 10] = [9, 0, 0, 3, 0, 2, 7, 2, 5, 5];

#[test]
fn fashion_mnist_is_told_apart_from_mnist_though_its_files_have_the_same_names() {
    let folder = tempfile::tempdir().unwrap();
    for place in ["", "fashion-mnist", "FashionMNIST/raw"] {
        let root = folder.path().join(format!("root-{}", place.len()));
        published(&root.join(place), CLOTHES);
        let split = image_data("fashion-mnist", Some(&root)).unwrap();
        assert_eq!(
            (split.train.name.as_str(), split.test.name.as_str()),
            ("fashion-mnist train", "fashion-mnist test")
        );
        assert!(split.note.starts_with("Fashion-MNIST as published: 10 images"), "{}", split.note);
        assert_eq!((split.train.labels.as_slice(), split.train.grey), (&CLOTHES[..], [0.2860, 0.3530]));
        let error = mnist(Some(&root)).unwrap_err().to_string();
        let said = if place.is_empty() { "those of Fashion-MNIST, not of MNIST" } else { "neither it nor its folder" };
        assert!(error.contains(said), "{error}");
    }
    let both = folder.path().join("both");
    published(&both.join("mnist"), DIGITS);
    published(&both.join("fashion-mnist"), CLOTHES);
    assert_eq!(image_data("mnist", Some(&both)).unwrap().train.labels, DIGITS);
    assert_eq!(image_data("fashion-mnist", Some(&both)).unwrap().train.labels, CLOTHES);
    let error = fashion_mnist(Some(&both.join("mnist"))).unwrap_err().to_string();
    assert!(error.contains("those of MNIST, not of Fashion-MNIST") && error.contains("--data-dir"), "{error}");
    let error = fashion_mnist(None).unwrap_err().to_string();
    assert!(error.contains("not packed") && error.contains("--data-dir"), "{error}");
    assert_eq!(image_data("mnist", None).unwrap(), packed_mnist().unwrap());
    let error = image_data("imagenet", None).unwrap_err().to_string();
    assert!(error.contains("imagenet") && error.contains("fashion-mnist"), "{error}");
    assert!(datasets().iter().any(|set| set.name == "fashion-mnist"));
}
