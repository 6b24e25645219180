//! MNIST and Fashion-MNIST: the published files where there are any, else MNIST's 10,000 images packed into the program.

use super::idx;
use crate::RunsError;
use ndarray::{Array4, Axis};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Images with their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageSet {
    /// Levels 0 to 255: image × channel × row × column.
    pub images: Array4<u8>,
    /// The class of each image.
    pub labels: Vec<u8>,
    /// The set's name, such as `mnist train`.
    pub name: String,
    /// What a report should say about it.
    pub note: String,
    /// Mean and standard deviation by which levels are centred and scaled, in units of the full range: those of the published
    /// training images, or 0 and 1.
    pub grey: [f32; 2],
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

/// A data set in MNIST's format, under file names that others of this format have too.
struct Published {
    name: &'static str,
    title: &'static str,
    /// Where it lies below a data folder, as its publishers and PyTorch's data sets put it. What holds only it comes first.
    folders: &'static [&'static str],
    /// The first labels of its training images, which tell it apart.
    labels: [u8; 10],
    grey: [f32; 2],
    missing: &'static str,
}

const MNIST: Published = Published {
    name: "mnist",
    title: "MNIST",
    folders: &["mnist", "MNIST/raw", ""],
    labels: [5, 0, 4, 1, 9, 2, 1, 3, 1, 4],
    grey: [0.1307, 0.3081],
    missing: "point --data-dir to MNIST's four IDX files, or leave it out to use the packed 10,000 images",
};

const FASHION: Published = Published {
    name: "fashion-mnist",
    title: "Fashion-MNIST",
    folders: &["fashion-mnist", "FashionMNIST/raw", ""],
    labels: [9, 0, 0, 3, 0, 2, 7, 2, 5, 5],
    grey: [0.2860, 0.3530],
    missing: "point --data-dir to Fashion-MNIST's four IDX files, or to a folder with them in fashion-mnist/ or \
              FashionMNIST/raw/",
};

/// The images of a data set by its name in [`crate::datasets`], `mnist`, `fashion-mnist` or `cifar-10`.
///
/// # Errors
/// As [`mnist`], [`fashion_mnist`] and [`super::cifar10`], and [`RunsError::BadData`] for another name.
pub fn image_data(name: &str, data_dir: Option<&Path>) -> Result<Split, RunsError> {
    match name {
        "mnist" => mnist(data_dir),
        "fashion-mnist" => fashion_mnist(data_dir),
        "cifar-10" => super::cifar10(data_dir),
        _ => Err(RunsError::BadData {
            path: name.into(),
            reason: "there is no data set of this name".into(),
            remedy: "take mnist, fashion-mnist or cifar-10",
        }),
    }
}

/// MNIST from `data_dir`, its folder `mnist` or `MNIST/raw` (the four published IDX files, plain or .gz); without a
/// `data_dir`, the packed images.
///
/// # Errors
/// [`RunsError::BadData`] when a folder is given and a file is missing there, is not as published, holds the images of
/// another data set, or its images and labels differ in number.
pub fn mnist(data_dir: Option<&Path>) -> Result<Split, RunsError> {
    match data_dir {
        None => packed_mnist(),
        Some(given) => load(&MNIST, given),
    }
}

/// Fashion-MNIST (ten kinds of clothing in MNIST's format) from `data_dir`, its folder `fashion-mnist` or
/// `FashionMNIST/raw`. Nothing of it is packed.
///
/// # Errors
/// As [`mnist`], and without a `data_dir`.
pub fn fashion_mnist(data_dir: Option<&Path>) -> Result<Split, RunsError> {
    let needed = || RunsError::BadData {
        path: FASHION.name.into(),
        reason: "it is not packed into the program".into(),
        remedy: FASHION.missing,
    };
    load(&FASHION, data_dir.ok_or_else(needed)?)
}

fn load(set: &Published, given: &Path) -> Result<Split, RunsError> {
    let places =
        set.folders.iter().map(|folder| if folder.is_empty() { given.to_path_buf() } else { given.join(folder) });
    let Some(folder) = places.into_iter().find(|folder| find(folder, "train-images", "idx3").is_some()) else {
        let below: Vec<String> = set.folders.iter().filter(|f| !f.is_empty()).map(|f| format!("`{f}`")).collect();
        return Err(RunsError::BadData {
            path: given.to_path_buf(),
            reason: format!("neither it nor its folder {} holds train-images-idx3-ubyte(.gz)", below.join(" or ")),
            remedy: set.missing,
        });
    };
    let read = |part: &str, name: &str| -> Result<ImageSet, RunsError> {
        let file = |kind: &str, axes: &str| {
            find(&folder, &format!("{part}-{kind}"), axes).ok_or_else(|| RunsError::BadData {
                path: folder.clone(),
                reason: format!("it has no {part}-{kind}-{axes}-ubyte(.gz)"),
                remedy: "put the four IDX files of the data set there",
            })
        };
        let (images, labels) = (file("images", "idx3")?, file("labels", "idx1")?);
        image_set(set, &images, idx::read_idx_images(&images)?, idx::read_idx_labels(&labels)?, name)
    };
    let train = read("train", &format!("{} train", set.name))?;
    if let Some(other) =
        [&MNIST, &FASHION].into_iter().find(|o| o.name != set.name && train.labels.starts_with(&o.labels))
    {
        return Err(RunsError::BadData {
            path: folder,
            reason: format!("its labels are those of {}, not of {}", other.title, set.title),
            remedy: set.missing,
        });
    }
    let test = read("t10k", &format!("{} test", set.name))?;
    let note = format!("{} as published: {} images for training, {} held out.", set.title, train.len(), test.len());
    let noted = |part: ImageSet| ImageSet { note: note.clone(), ..part };
    Ok(Split { train: noted(train), test: noted(test), note })
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
    let all = image_set(&MNIST, place, idx::images(IMAGES, place)?, idx::labels(LABELS, place)?, "mnist-packed")?;
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
        grey: all.grey,
    };
    let train = part(&order[..PACKED_TRAIN], "mnist-packed train");
    let test = part(&order[PACKED_TRAIN..], "mnist-packed held out");
    Ok(Split { train, test, note })
}

fn image_set(
    set: &Published,
    path: &Path,
    images: ndarray::Array3<u8>,
    labels: Vec<u8>,
    name: &str,
) -> Result<ImageSet, RunsError> {
    if images.len_of(Axis(0)) != labels.len() {
        let reason = format!("there are {} images and {} labels", images.len_of(Axis(0)), labels.len());
        return Err(idx::bad(path, reason));
    }
    if let Some(position) = labels.iter().position(|&label| label > 9) {
        return Err(idx::bad(
            path,
            format!("label {} of image {position} is not one of ten classes", labels[position]),
        ));
    }
    let images = images.insert_axis(Axis(1));
    Ok(ImageSet { images, labels, name: name.into(), note: String::new(), grey: set.grey })
}

/// The file of this name, in the spellings it is found under.
fn find(folder: &Path, stem: &str, axes: &str) -> Option<PathBuf> {
    ["-", "."]
        .iter()
        .flat_map(|separator| ["", ".gz"].map(|ending| folder.join(format!("{stem}{separator}{axes}-ubyte{ending}"))))
        .find(|path| path.is_file())
}
