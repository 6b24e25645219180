//! CIFAR-10's binary batches: read as published, replaced by digits where there are none, refused when they are something else.

use std::fs;
use std::path::Path;

use kymograph_runs::{cifar10, image_data};

/// Images whose first pixels of each channel tell their number.
fn batch(path: &Path, images: usize, first: u8) {
    let mut bytes = Vec::new();
    for image in 0..images {
        bytes.push(((image + usize::from(first)) % 10) as u8);
        for channel in 0..3u8 {
            let mut plane = vec![0; 1024];
            plane[0] = first + image as u8;
            plane[33] = 100 + channel;
            bytes.extend(plane);
        }
    }
    fs::write(path, bytes).expect("a file");
}

#[test]
fn batches_are_read_as_published() {
    let folder = tempfile::tempdir().expect("a folder");
    let inner = folder.path().join("cifar-10-batches-bin");
    fs::create_dir(&inner).expect("a folder");
    batch(&inner.join("data_batch_1.bin"), 3, 0);
    batch(&inner.join("data_batch_3.bin"), 2, 50);
    batch(&inner.join("test_batch.bin"), 1, 7);
    for given in [folder.path(), &inner] {
        let split = cifar10(Some(given)).expect("it reads");
        assert_eq!(split.train.images.dim(), (5, 3, 32, 32));
        assert_eq!(split.train.labels, [0, 1, 2, 0, 1]);
        assert_eq!(split.test.labels, [7]);
        assert_eq!(split.train.images[[3, 2, 0, 0]], 50);
        assert_eq!((0..3).map(|c| split.train.images[[4, c, 1, 1]]).collect::<Vec<_>>(), [100, 101, 102]);
        assert!(split.note.contains("5 images") && split.note.contains("of the published 50000"), "{}", split.note);
        assert_eq!(split.train.grey, [0.0, 1.0]);
    }
}

#[test]
fn without_a_folder_there_are_digits_and_the_note_says_so() {
    let split = image_data("cifar-10", None).expect("packed");
    assert_eq!(split.train.images.dim(), (8000, 3, 32, 32));
    assert!(split.note.contains("no CIFAR-10") && split.note.contains("digits"), "{}", split.note);
    let image = split.train.images.outer_iter().next().expect("an image");
    let digits = image_data("mnist", None).expect("packed").train.images;
    for channel in image.outer_iter() {
        assert_eq!(channel, image.outer_iter().next().expect("a channel"));
        assert_eq!(channel[[2 + 14, 2 + 14]], digits[[0, 0, 14, 14]]);
        assert!(channel.row(0).iter().chain(channel.column(31)).all(|pixel| *pixel == 0), "a margin");
        let sum = |values: ndarray::ArrayView2<'_, u8>| values.iter().map(|v| u64::from(*v)).sum::<u64>();
        assert_eq!(sum(channel), sum(digits.slice(ndarray::s![0, 0, .., ..])));
    }
}

#[test]
fn other_files_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |words: &[&str]| {
        let error = cifar10(Some(folder.path())).expect_err("it is refused").to_string();
        for word in words {
            assert!(error.contains(word), "{error} should say `{word}`");
        }
    };
    refused(&["data_batch_1.bin", "cifar-10-batches-bin", "--data-dir"]);
    let first = folder.path().join("data_batch_1.bin");
    batch(&first, 2, 0);
    refused(&["test_batch.bin", "missing"]);
    batch(&folder.path().join("test_batch.bin"), 1, 0);
    assert!(cifar10(Some(folder.path())).is_ok());
    let whole = fs::read(&first).expect("a file");
    for length in [0, 1, 3072, 3074, 6145] {
        fs::write(&first, &whole[..length]).expect("a file");
        refused(&["data_batch_1.bin", &format!("{length} bytes"), "3073"]);
    }
    let mut wrong = whole.clone();
    wrong[3073] = 10;
    fs::write(&first, &wrong).expect("a file");
    refused(&["label 10 of image 1"]);
    // A sparse file of a size no batch has takes no memory.
    fs::File::create(&first).and_then(|file| file.set_len(3073 * 10_001)).expect("a file");
    refused(&["30733073 bytes", "at most 10000"]);
}

#[test]
fn the_published_files() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !data.join("cifar-10-batches-bin").exists() {
        println!("skipped: no CIFAR-10 in ../shared/data");
        return;
    }
    let split = cifar10(Some(&data)).expect("it reads");
    assert_eq!((split.train.len(), split.test.len()), (20_000, 10_000));
    for set in [&split.train, &split.test] {
        let mut counts = [0; 10];
        set.labels.iter().for_each(|label| counts[usize::from(*label)] += 1);
        assert!(counts.iter().all(|n| *n > set.len() / 12), "ten classes of about equal size: {counts:?}");
    }
}
