//! Weights as grey pictures: zero is mid-grey, the largest absolute weight black or white.

use ndarray::{ArrayViewD, Axis, Ix2, Ix4};

/// Filters drawn of one layer.
const MOST_FILTERS: usize = 64;
/// Filters abreast.
const ABREAST: usize = 8;
/// Rows and columns beyond which a matrix stays a histogram.
const LARGEST: usize = 1024;

/// Height and width of the picture, and the picture as PNG. A matrix is drawn whole, filters by their first channel; nothing
/// for other arrays.
pub(super) fn of_weights(values: &ArrayViewD<'_, f32>) -> Option<([usize; 2], Vec<u8>)> {
    let largest = values.iter().filter(|v| v.is_finite()).fold(0.0_f32, |most, v| most.max(v.abs()));
    let scale = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    let grey = |value: f32| (128.0 + value * scale) as u8;
    if let Ok(matrix) = values.view().into_dimensionality::<Ix2>() {
        let [height, width] = [matrix.nrows(), matrix.ncols()];
        if height.min(width) < 2 || height.max(width) > LARGEST {
            return None;
        }
        return Some(([height, width], png(height, width, &matrix.iter().map(|v| grey(*v)).collect::<Vec<_>>())?));
    }
    let filters = values.view().into_dimensionality::<Ix4>().ok()?;
    let (count, _, h, w) = filters.dim();
    let count = count.min(MOST_FILTERS);
    if count == 0 || filters.is_empty() || h.max(w) > LARGEST / ABREAST {
        return None;
    }
    let (columns, rows) = (count.min(ABREAST), count.div_ceil(ABREAST));
    let (height, width) = (rows * (h + 1) - 1, columns * (w + 1) - 1);
    let mut pixels = vec![255; height * width];
    for (i, filter) in filters.axis_iter(Axis(0)).take(count).enumerate() {
        let (top, left) = (i / ABREAST * (h + 1), i % ABREAST * (w + 1));
        for ((y, x), value) in filter.index_axis(Axis(0), 0).indexed_iter() {
            pixels[(top + y) * width + left + x] = grey(*value);
        }
    }
    Some(([height, width], png(height, width, &pixels)?))
}

fn png(height: usize, width: usize, pixels: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().and_then(|mut writer| writer.write_image_data(pixels)).ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{ArrayD, IxDyn};

    fn pixels(values: Vec<f32>, shape: &[usize]) -> Option<([usize; 2], Vec<u8>)> {
        let array = ArrayD::from_shape_vec(IxDyn(shape), values).unwrap();
        let (size, bytes) = of_weights(&array.view())?;
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut out = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut out).unwrap();
        Some((size, out))
    }

    #[test]
    fn zero_is_grey_and_filters_stand_apart() {
        assert_eq!(pixels(vec![0.0, 2.0, -2.0, 1.0], &[2, 2]), Some(([2, 2], vec![128, 255, 1, 191])));
        let two = pixels(vec![1.0, -1.0], &[2, 1, 1, 1]);
        assert_eq!(two, Some(([1, 3], vec![255, 255, 1])));
        let nine = pixels(vec![0.0; 9], &[9, 1, 1, 1]).unwrap();
        assert_eq!(nine.0, [3, 15]);
    }

    #[test]
    fn what_makes_no_picture_is_left_out_and_nan_does_no_harm() {
        for shape in [&[3][..], &[1, 3], &[0, 4], &[3, 1, 0, 5], &[1, 1, 3]] {
            assert_eq!(pixels(vec![1.0; shape.iter().product()], shape), None, "{shape:?}");
        }
        assert_eq!(pixels(vec![f32::NAN, 1.0, f32::INFINITY, 0.0], &[2, 2]).unwrap().1[3], 128);
    }
}
