//! CIFAR-10's binary batches, and the packed digits in their shape where there are none.

use super::mnist::{ImageSet, Split, packed_mnist};
use crate::RunsError;
use ndarray::{Array4, Axis, Slice};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

const SIDE: usize = 32;
const PIXELS: usize = 3 * SIDE * SIDE;
/// A label, then the image's red, green and blue planes.
const RECORD: usize = 1 + PIXELS;
/// Images in a published file.
const MOST: usize = 10_000;
const CLASSES: u8 = 10;
const PUBLISHED_TRAIN: usize = 50_000;
const REMEDY: &str = "point --data-dir to the folder with data_batch_1.bin … data_batch_5.bin and test_batch.bin of CIFAR-10's binary \
                      version, or to one that holds it as cifar-10-batches-bin";

/// CIFAR-10 from `data_dir` or its folder `cifar-10-batches-bin`: as many of the five training batches as are there, and the
/// test batch. Without a `data_dir`, the packed digits, widened to 32 × 32 pixels and three equal channels, so that the
/// same networks learn them; the note says so. Pixels are scaled to 0..1 and not centred.
///
/// # Errors
/// [`RunsError::BadData`] when a folder is given and a file is missing there, is no whole number of images, or holds a label that is no class.
pub fn cifar10(data_dir: Option<&Path>) -> Result<Split, RunsError> {
    let Some(given) = data_dir else {
        return digits();
    };
    let places = [given.join("cifar-10-batches-bin"), given.to_path_buf()];
    let Some(folder) = places.into_iter().find(|folder| batch(folder, 1).is_file()) else {
        let reason = "neither it nor its folder `cifar-10-batches-bin` holds data_batch_1.bin".to_owned();
        return Err(RunsError::BadData { path: given.to_path_buf(), reason, remedy: REMEDY });
    };
    let files: Vec<PathBuf> = (1..=5).map(|number| batch(&folder, number)).filter(|path| path.is_file()).collect();
    let train = read(&files, "cifar-10 train")?;
    let test = read(&[folder.join("test_batch.bin")], "cifar-10 test")?;
    let part = match train.len() {
        PUBLISHED_TRAIN => String::new(),
        n => format!(" ({n} of the published {PUBLISHED_TRAIN}: accuracies are not those of all)"),
    };
    let note = format!("CIFAR-10: {} images for training{part}, {} held out.", train.len(), test.len());
    let noted = |set: ImageSet| ImageSet { note: note.clone(), ..set };
    Ok(Split { train: noted(train), test: noted(test), note })
}

fn batch(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("data_batch_{number}.bin"))
}

fn read(files: &[PathBuf], name: &str) -> Result<ImageSet, RunsError> {
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for path in files {
        let bad = |reason: String| RunsError::BadData { path: path.clone(), reason, remedy: REMEDY };
        let length = match path.metadata() {
            Ok(about) => about.len(),
            Err(_) => return Err(bad("it is missing".to_owned())),
        };
        // Checked before memory is taken, and again by what is read.
        if length == 0 || !length.is_multiple_of(RECORD as u64) || length > (MOST * RECORD) as u64 {
            return Err(bad(format!(
                "it has {length} bytes, and a batch has {RECORD} for each of at most {MOST} images"
            )));
        }
        let mut bytes = Vec::with_capacity(length as usize);
        let file = File::open(path).map_err(RunsError::io("read", path))?;
        file.take(length).read_to_end(&mut bytes).map_err(RunsError::io("read", path))?;
        if bytes.len() as u64 != length {
            return Err(bad(format!("it ends after {} of {length} bytes", bytes.len())));
        }
        for (image, record) in bytes.chunks_exact(RECORD).enumerate() {
            let label = record[0];
            if label >= CLASSES {
                return Err(bad(format!("label {label} of image {image} is not one of ten classes")));
            }
            labels.push(label);
            pixels.extend_from_slice(&record[1..]);
        }
    }
    let images = Array4::from_shape_vec((labels.len(), 3, SIDE, SIDE), pixels).unwrap_or_default();
    Ok(ImageSet { images, labels, name: name.into(), note: String::new(), grey: [0.0, 1.0] })
}

/// The packed digits in the middle of 32 × 32 pixels, the same in three channels.
fn digits() -> Result<Split, RunsError> {
    let Split { train, test, .. } = packed_mnist()?;
    let note = format!(
        "no CIFAR-10 (--data-dir names a folder with cifar-10-batches-bin), so instead of it digits: {} images of MNIST's test \
         split that are packed into the program for training and {} held out, with a margin to 32 × 32 pixels and the same in \
         all three channels. Numbers published for CIFAR-10 are not to be expected.",
        train.len(),
        test.len()
    );
    let widened = |set: ImageSet| {
        let (n, _, rows, columns) = set.images.dim();
        let (top, left) = ((SIDE - rows) / 2, (SIDE - columns) / 2);
        let mut images = Array4::zeros((n, 3, SIDE, SIDE));
        let mut rows_inside = images.slice_axis_mut(Axis(2), Slice::from(top..top + rows));
        // One channel goes to all three.
        rows_inside.slice_axis_mut(Axis(3), Slice::from(left..left + columns)).assign(&set.images);
        ImageSet { images, note: note.clone(), grey: [0.0, 1.0], ..set }
    };
    Ok(Split { train: widened(train), test: widened(test), note })
}
