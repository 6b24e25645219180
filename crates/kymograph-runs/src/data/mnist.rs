//! MNIST: the published files where there are any, else the 10,000 images packed into the program.

use super::idx;
use crate::RunsError;
use ndarray::{Array4, Axis};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Images with their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageSet {
    /// Grey levels 0 to 255: image × channel × row × column.
    pub images: Array4<u8>,
    /// The class of each image.
    pub labels: Vec<u8>,
    /// The set's name, such as `mnist train`.
    pub name: String,
    /// What a report should say about it.
    pub note: String,
}

impl ImageSet {
    /// How many images there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}

/// Images for training and images held out.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// For training.
    pub train: ImageSet,
    /// Held out.
    pub test: ImageSet,
    /// What data these are, in one sentence for the report.
    pub note: String,
}

const IMAGES: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../third_party/mnist/t10k-images-idx3-ubyte.gz"));
const LABELS: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../third_party/mnist/t10k-labels-idx1-ubyte.gz"));

/// Of the packed images, how many are for training.
const PACKED_TRAIN: usize = 8_000;

/// MNIST from `data_dir` or its folder `mnist` (the four published IDX files, plain or .gz); without a `data_dir`, the
/// packed images.
///
/// # Errors
/// [`RunsError::BadData`] when a folder is given and a file is missing there, is not as published, or its images and
/// labels differ in number.
pub fn mnist(data_dir: Option<&Path>) -> Result<Split, RunsError> {
    let Some(given) = data_dir else {
        return packed_mnist();
    };
    let found = [given.to_path_buf(), given.join("mnist")]
        .into_iter()
        .find(|folder| find(folder, "train-images", "idx3").is_some());
    let Some(folder) = found else {
        return Err(RunsError::BadData {
            path: given.to_path_buf(),
            reason: "neither it nor its folder `mnist` holds train-images-idx3-ubyte(.gz)".into(),
            remedy: "point --data-dir to MNIST's four IDX files, or leave it out to use the packed 10,000 images",
        });
    };
    let load = |part: &str, name: &str| -> Result<ImageSet, RunsError> {
        let file = |kind: &str, axes: &str| {
            find(&folder, &format!("{part}-{kind}"), axes).ok_or_else(|| RunsError::BadData {
                path: folder.clone(),
                reason: format!("it has no {part}-{kind}-{axes}-ubyte(.gz)"),
                remedy: "put MNIST's four IDX files there",
            })
        };
        let (images, labels) = (file("images", "idx3")?, file("labels", "idx1")?);
        image_set(&images, idx::read_idx_images(&images)?, idx::read_idx_labels(&labels)?, name)
    };
    let (mut train, mut test) = (load("train", "mnist train")?, load("t10k", "mnist test")?);
    let note = format!("MNIST as published: {} images for training, {} held out.", train.len(), test.len());
    train.note = note.clone();
    test.note = note.clone();
    Ok(Split { train, test, note })
}

/// The packed 10,000 images of MNIST's test split: 8,000 for training and 2,000 held out.
///
/// Which is which follows the SHA-256 of each image's index, because the file is not in random order: its first half
/// was drawn from cleaner writers than its second. The order within each part is shuffled by the same rule, so that
/// any beginning of a part is a fair sample of it. Accuracies are therefore not comparable with published ones, which
/// train on the 60,000 images that are not packed.
///
/// # Errors
/// None in practice: the packed files are read as any IDX file is.
pub fn packed_mnist() -> Result<Split, RunsError> {
    let place = Path::new("packed MNIST");
    let all = image_set(place, idx::images(IMAGES, place)?, idx::labels(LABELS, place)?, "mnist-packed")?;
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_cached_key(|&index| Sha256::digest((index as u64).to_le_bytes()));
    let note = format!(
        "the {} images of MNIST's test split that are packed into the program: {PACKED_TRAIN} for training, {} held \
         out; accuracies are not those of full MNIST (--data-dir).",
        all.len(),
        all.len() - PACKED_TRAIN
    );
    let part = |chosen: &[usize], name: &str| ImageSet {
        images: all.images.select(Axis(0), chosen),
        labels: chosen.iter().map(|&index| all.labels[index]).collect(),
        name: name.into(),
        note: note.clone(),
    };
    let train = part(&order[..PACKED_TRAIN], "mnist-packed train");
    let test = part(&order[PACKED_TRAIN..], "mnist-packed held out");
    Ok(Split { train, test, note })
}

fn image_set(path: &Path, images: ndarray::Array3<u8>, labels: Vec<u8>, name: &str) -> Result<ImageSet, RunsError> {
    if images.len_of(Axis(0)) != labels.len() {
        let reason = format!("there are {} images and {} labels", images.len_of(Axis(0)), labels.len());
        return Err(idx::bad(path, reason));
    }
    if let Some(position) = labels.iter().position(|&label| label > 9) {
        return Err(idx::bad(path, format!("label {} of image {position} is not a digit", labels[position])));
    }
    Ok(ImageSet { images: images.insert_axis(Axis(1)), labels, name: name.into(), note: String::new() })
}

/// The file of this name, in the spellings it is found under.
fn find(folder: &Path, stem: &str, axes: &str) -> Option<PathBuf> {
    ["-", "."]
        .iter()
        .flat_map(|separator| ["", ".gz"].map(|ending| folder.join(format!("{stem}{separator}{axes}-ubyte{ending}"))))
        .find(|path| path.is_file())
}
