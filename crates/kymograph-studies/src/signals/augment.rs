//! Augmentations of grey images: eight kinds, each drawn from a stream of its own.

use kymograph_linalg::random::{normal, stream_at, uniform};
use ndarray::{Array2, ArrayView2};

/// A way to change an image and not what it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Augmentation {
    /// Turned about the centre, by up to 30°.
    Rotation,
    /// Moved by up to an eighth of the side along each axis.
    Shift,
    /// Made larger or smaller about the centre, by up to a quarter.
    Scale,
    /// Sheared along the rows, by up to 20°.
    Shear,
    /// Normal noise added, of a deviation between .05 and .3 of the full range.
    Noise,
    /// Blurred by a normal kernel of a deviation between .5 and 1.5 pixels.
    Blur,
    /// A rectangle made black, of sides between an eighth and three eighths of the image's.
    Erase,
    /// Contrast about the mean times a factor between .4 and 1.6.
    Contrast,
}

impl Augmentation {
    /// All kinds, in the order in which they take turns.
    pub const ALL: [Self; 8] =
        [Self::Rotation, Self::Shift, Self::Scale, Self::Shear, Self::Noise, Self::Blur, Self::Erase, Self::Contrast];

    /// The kind of the augmentation of this number, counted from 0.
    #[must_use]
    pub fn of(number: usize) -> Self {
        Self::ALL[number % Self::ALL.len()]
    }

    /// In a word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rotation => "rotation",
            Self::Shift => "shift",
            Self::Scale => "scale",
            Self::Shear => "shear",
            Self::Noise => "noise",
            Self::Blur => "blur",
            Self::Erase => "erase",
            Self::Contrast => "contrast",
        }
    }
}

/// The augmentation of this number of an image, `[row, column]`, of grey levels from 0, black, to 1. What comes from beyond the
/// image is black, and what leaves the range is clipped.
///
/// It depends on the seed, the image's number and the augmentation's, and on no other draw.
#[must_use]
pub fn augmented(image: ArrayView2<'_, f32>, seed: u64, of_image: usize, number: usize) -> Array2<f32> {
    let mut rng = stream_at(seed, &format!("augment image {of_image}"), number as u64);
    let mut between = |low: f64, high: f64| low + (high - low) * uniform(&mut rng);
    let (rows, columns) = image.dim();
    let side = rows.max(columns) as f64;
    let out = match Augmentation::of(number) {
        Augmentation::Rotation => {
            let (sin, cos) = between(-30.0, 30.0_f64).to_radians().sin_cos();
            warped(image, [cos, -sin, sin, cos], [0.0; 2])
        }
        Augmentation::Shift => {
            let reach = side / 8.0;
            warped(image, [1.0, 0.0, 0.0, 1.0], [between(-reach, reach), between(-reach, reach)])
        }
        Augmentation::Scale => {
            let factor = 1.0 / between(0.75, 1.25);
            warped(image, [factor, 0.0, 0.0, factor], [0.0; 2])
        }
        Augmentation::Shear => warped(image, [1.0, 0.0, between(-20.0, 20.0_f64).to_radians().tan(), 1.0], [0.0; 2]),
        Augmentation::Noise => {
            let deviation = between(0.05, 0.3);
            image.mapv(|v| v + (deviation * normal(&mut rng)) as f32)
        }
        Augmentation::Blur => {
            let kernel = normal_kernel(between(0.5, 1.5));
            let across = convolved(image, &kernel);
            convolved(across.t(), &kernel).reversed_axes()
        }
        Augmentation::Erase => {
            let height = (rows as f64 * between(0.125, 0.375)).round() as usize;
            let width = (columns as f64 * between(0.125, 0.375)).round() as usize;
            let top = between(0.0, (rows - height + 1) as f64) as usize;
            let left = between(0.0, (columns - width + 1) as f64) as usize;
            let mut out = image.to_owned();
            out.slice_mut(ndarray::s![top..top + height, left..left + width]).fill(0.0);
            out
        }
        Augmentation::Contrast => {
            let factor = between(0.4, 1.6) as f32;
            let mean = image.mean().unwrap_or(0.0);
            image.mapv(|v| mean + factor * (v - mean))
        }
    };
    out.mapv(|v| v.clamp(0.0, 1.0))
}

/// Each pixel takes the grey level found at `map · (place − centre) + centre + shift` (row, column), between pixels
/// bilinearly.
fn warped(image: ArrayView2<'_, f32>, map: [f64; 4], shift: [f64; 2]) -> Array2<f32> {
    let (rows, columns) = image.dim();
    let centre = [(rows as f64 - 1.0) / 2.0, (columns as f64 - 1.0) / 2.0];
    let at = |row: i64, column: i64| {
        let place = [usize::try_from(row).ok(), usize::try_from(column).ok()];
        match place {
            [Some(row), Some(column)] => image.get([row, column]).copied().unwrap_or(0.0),
            _ => 0.0,
        }
    };
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        let (y, x) = (row as f64 - centre[0], column as f64 - centre[1]);
        let y_from = map[0] * y + map[1] * x + centre[0] + shift[0];
        let x_from = map[2] * y + map[3] * x + centre[1] + shift[1];
        let (top, left) = (y_from.floor(), x_from.floor());
        let (dy, dx) = ((y_from - top) as f32, (x_from - left) as f32);
        let (top, left) = (top as i64, left as i64);
        (1.0 - dy) * ((1.0 - dx) * at(top, left) + dx * at(top, left + 1))
            + dy * ((1.0 - dx) * at(top + 1, left) + dx * at(top + 1, left + 1))
    })
}

/// Weights at distances −r … r that sum to one, r being three deviations.
fn normal_kernel(deviation: f64) -> Vec<f32> {
    let reach = (3.0 * deviation).ceil() as i64;
    let weights: Vec<f64> = (-reach..=reach).map(|d| (-0.5 * (d as f64 / deviation).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| (w / sum) as f32).collect()
}

/// Along rows; what lies beyond the image is black.
fn convolved(image: ArrayView2<'_, f32>, kernel: &[f32]) -> Array2<f32> {
    let reach = kernel.len() / 2;
    Array2::from_shape_fn(image.dim(), |(row, column)| {
        let near = kernel.iter().enumerate().filter_map(|(i, weight)| {
            let from = (column + i).checked_sub(reach)?;
            Some(weight * image.get([row, from])?)
        });
        near.sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cross(side: usize) -> Array2<f32> {
        let mid = side / 2;
        Array2::from_shape_fn((side, side), |(i, j)| if i.abs_diff(mid) < 2 || j.abs_diff(mid) < 2 { 0.8 } else { 0.1 })
    }

    #[test]
    fn warping_is_what_its_map_says() {
        let image = Array2::from_shape_fn((5, 5), |(i, j)| (i * 5 + j) as f32);
        assert_eq!(warped(image.view(), [1.0, 0.0, 0.0, 1.0], [0.0; 2]), image);
        // A quarter turn about the centre, exactly.
        let turned = warped(image.view(), [0.0, -1.0, 1.0, 0.0], [0.0; 2]);
        assert_eq!(turned, Array2::from_shape_fn((5, 5), |(i, j)| image[[4 - j, i]]));
        let moved = warped(image.view(), [1.0, 0.0, 0.0, 1.0], [1.0, 0.0]);
        assert_eq!(moved.row(0), image.row(1));
        assert!(moved.row(4).iter().all(|v| *v == 0.0), "beyond the image is black");
        let half = warped(image.view(), [1.0, 0.0, 0.0, 1.0], [0.0, 0.5]);
        assert_eq!(half[[2, 1]], (image[[2, 1]] + image[[2, 2]]) / 2.0);
    }

    #[test]
    fn a_blur_keeps_the_light_and_an_erasure_takes_some() {
        let mut point = Array2::<f32>::zeros((21, 21));
        point[[10, 10]] = 1.0;
        let blurred = convolved(convolved(point.view(), &normal_kernel(1.5)).t(), &normal_kernel(1.5));
        assert!((blurred.sum() - 1.0).abs() < 1e-5 && blurred[[10, 10]] < 0.1);
        let image = cross(28);
        let erased = augmented(image.view(), 1, 0, 6);
        let changed: Vec<_> = erased.iter().zip(&image).filter(|(a, b)| a != b).collect();
        assert!(!changed.is_empty() && changed.iter().all(|(a, _)| **a == 0.0));
    }

    #[test]
    fn each_draw_stands_alone_and_stays_in_range() {
        let image = cross(28);
        for number in 0..64 {
            let one = augmented(image.view(), 5, 3, number);
            assert_eq!(one, augmented(image.view(), 5, 3, number));
            assert!(one.iter().all(|v| (0.0..=1.0).contains(v)));
            assert!(one != image, "{}", Augmentation::of(number).name());
            assert!(one != augmented(image.view(), 5, 4, number) && one != augmented(image.view(), 6, 3, number));
        }
        assert_eq!((0..300).filter(|n| Augmentation::of(*n) == Augmentation::Noise).count(), 37);
    }
}
