//! How images become the numbers that a network takes: their size, their channels and their scale.

use kymograph_runs::ImageSet;
use ndarray::{Array2, Array4, ArrayView2, ArrayView4, Axis, s};
use serde::{Deserialize, Serialize};

/// Mean and deviation of ImageNet's red, green and blue, in units of the full range, by which published code scales images
/// of any kind.
const IMAGENET: [[f32; 2]; 3] = [[0.485, 0.229], [0.456, 0.224], [0.406, 0.225]];
/// Rows and columns of enlarged images.
const SIDE: usize = 32;

/// How images become inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inputs {
    /// As they are, centred and scaled by mean and deviation of the published training images.
    #[default]
    Mnist,
    /// Enlarged to 32 × 32, the grey level in each of three channels, centred and scaled by ImageNet's: 3072 numbers. As
    /// torchvision's `Resize(32)`, `ToTensor` and `Normalize` on images converted to RGB.
    Rgb32,
}

impl Inputs {
    /// Whether these are the inputs of runs whose settings do not name any.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Images as a network takes them, with their labels. They are held as bytes, and become numbers a batch at a time.
pub struct Examples {
    /// example × channel × row × column; one channel stands for all where the network takes more.
    pixels: Array4<u8>,
    /// What each grey level becomes, for each channel that the network takes.
    levels: Vec<[f32; 256]>,
    /// One class an example.
    pub labels: Vec<usize>,
}

impl Examples {
    /// The images of a set under a rule.
    #[must_use]
    pub fn of(set: &ImageSet, inputs: Inputs) -> Self {
        let channels = set.images.len_of(Axis(1));
        let (pixels, scales) = match inputs {
            Inputs::Mnist => (set.images.clone(), vec![set.grey; channels]),
            Inputs::Rgb32 => (resized(set.images.view(), SIDE, SIDE), IMAGENET.to_vec()),
        };
        Self {
            pixels,
            levels: scales.into_iter().map(levels).collect(),
            labels: set.labels.iter().map(|&label| usize::from(label)).collect(),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Channels, rows and columns of one, as a network takes it.
    #[must_use]
    pub fn shape(&self) -> Vec<usize> {
        let (_, _, rows, columns) = self.pixels.dim();
        vec![self.levels.len(), rows, columns]
    }

    /// The images at these places: example × channel × row × column, scaled.
    #[must_use]
    pub fn batch(&self, places: &[usize]) -> Array4<f32> {
        let (_, stored, rows, columns) = self.pixels.dim();
        let size = rows * columns;
        let mut values = Vec::with_capacity(places.len() * self.levels.len() * size);
        for &place in places {
            for (channel, levels) in self.levels.iter().enumerate() {
                let pixels = self.pixels.slice(s![place, channel.min(stored - 1), .., ..]);
                values.extend(pixels.iter().map(|&pixel| levels[usize::from(pixel)]));
            }
        }
        let shape = (places.len(), self.levels.len(), rows, columns);
        Array4::from_shape_vec(shape, values).unwrap_or_else(|_| Array4::zeros(shape))
    }

    /// The first `n` of them, or all where there are fewer.
    #[must_use]
    pub fn first(&self, n: usize) -> (Array4<f32>, &[usize]) {
        let n = n.min(self.len());
        (self.batch(&(0..n).collect::<Vec<_>>()), &self.labels[..n])
    }
}

/// Each grey level scaled to 0..1, less the mean, over the deviation.
fn levels([mean, deviation]: [f32; 2]) -> [f32; 256] {
    std::array::from_fn(|pixel| (pixel as f32 / 255.0 - mean) / deviation)
}

/// Images of another size, as Pillow 13's `Image.resize` with `BILINEAR` makes them of 8-bit images: rows first, then
/// columns, each rounded to bytes. A pixel's weights are a triangle about its centre, one input pixel wide to either side
/// and wider where the image shrinks, which is what torchvision calls antialiasing.
#[must_use]
pub fn resized(images: ArrayView4<'_, u8>, height: usize, width: usize) -> Array4<u8> {
    let (n, channels, from_height, from_width) = images.dim();
    let across = weights(from_width, width);
    let down = weights(from_height, height);
    let mut out = Array4::zeros((n, channels, height, width));
    for (from, mut to) in images.outer_iter().zip(out.outer_iter_mut()) {
        for (from, mut to) in from.outer_iter().zip(to.outer_iter_mut()) {
            let turned = along_rows(along_rows(from, &across).t(), &down);
            to.assign(&turned.t());
        }
    }
    out
}

/// Bits behind the point of a weight.
const PRECISION: u32 = 32 - 8 - 2;

/// For each pixel of the result, the first pixel it is made of, and the weights from there on.
fn weights(from: usize, to: usize) -> Vec<(usize, Vec<i32>)> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    let one = |pixel: usize| {
        let centre = (pixel as f64 + 0.5) * scale;
        let first = (centre - reach + 0.5).max(0.0) as usize;
        let end = ((centre + reach + 0.5) as usize).min(from);
        let triangle = |at: usize| (1.0 - ((at as f64 - centre + 0.5) / reach).abs()).max(0.0);
        let raw: Vec<f64> = (first..end).map(triangle).collect();
        let sum: f64 = raw.iter().sum();
        (first, raw.iter().map(|w| (0.5 + w / sum * f64::from(1_u32 << PRECISION)) as i32).collect())
    };
    (0..to).map(one).collect()
}

fn along_rows(image: ArrayView2<'_, u8>, weights: &[(usize, Vec<i32>)]) -> Array2<u8> {
    Array2::from_shape_fn((image.nrows(), weights.len()), |(row, column)| {
        let (first, weights) = &weights[column];
        let start = 1_i32 << (PRECISION - 1);
        let sum = weights.iter().enumerate().fold(start, |sum, (i, w)| sum + w * i32::from(image[[row, first + i]]));
        (sum >> PRECISION).clamp(0, 255) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENLARGED: [u8; 30] = [
        0, 46, 106, 167, 100, 17, 15, 63, 127, 191, 128, 47, 37, 89, 158, 228, 169, 93, 59, 115, 164, 136, 134, 139,
        74, 133, 168, 75, 111, 169,
    ];
    const REDUCED: [u8; 6] = [109, 117, 135, 115, 139, 165];

    fn set(images: Array4<u8>) -> ImageSet {
        let labels = vec![0; images.len_of(Axis(0))];
        ImageSet { images, labels, name: String::new(), note: String::new(), grey: [0.1307, 0.3081] }
    }

    /// `Image.fromarray(a).resize((w, h), Image.BILINEAR)` of Pillow 13.0.0 for a[i, j] = (37·i + 91·j + 13·i·j) mod 256.
    #[test]
    fn resizing_gives_pillows_bytes() {
        let image = |h: usize, w: usize| {
            Array4::from_shape_fn((1, 1, h, w), |(_, _, i, j)| ((37 * i + 91 * j + 13 * i * j) % 256) as u8)
        };
        let larger = resized(image(3, 4).view(), 5, 6);
        assert_eq!(larger.iter().copied().collect::<Vec<_>>(), ENLARGED);
        let smaller = resized(image(5, 7).view(), 3, 2);
        assert_eq!(smaller.iter().copied().collect::<Vec<_>>(), REDUCED);
        assert_eq!(resized(image(6, 6).view(), 6, 6), image(6, 6));
        let digit = resized(image(28, 28).view(), 32, 32);
        let sum = digit.iter().zip(1_u64..).map(|(&p, i)| u64::from(p) * i).sum::<u64>();
        assert_eq!(sum, 67_826_628);
    }

    #[test]
    fn three_channels_hold_one_grey_level_under_three_scales() {
        let images = Array4::from_shape_fn((2, 1, 28, 28), |(n, _, i, j)| ((n + i * 9 + j * 5) % 256) as u8);
        let set = set(images.clone());
        let rgb = Examples::of(&set, Inputs::Rgb32);
        let batch = rgb.batch(&[1]);
        assert_eq!((batch.dim(), rgb.shape()), ((1, 3, 32, 32), vec![3, 32, 32]));
        let grey = resized(images.view(), 32, 32);
        for (channel, [mean, deviation]) in IMAGENET.into_iter().enumerate() {
            let expected = (f32::from(grey[[1, 0, 7, 9]]) / 255.0 - mean) / deviation;
            assert_eq!(batch[[0, channel, 7, 9]], expected);
        }
        let plain = Examples::of(&set, Inputs::Mnist);
        let (first, labels) = plain.first(9);
        assert_eq!((first.dim(), labels.len()), ((2, 1, 28, 28), 2));
        assert_eq!(first[[1, 0, 3, 4]], (f32::from(images[[1, 0, 3, 4]]) / 255.0 - 0.1307) / 0.3081);
    }
}
