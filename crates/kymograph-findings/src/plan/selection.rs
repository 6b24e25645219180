//! Which places of an array of sequences or of images are its examples.

use kymograph_linalg::Real;
use ndarray::{Array2, ArrayD, ArrayView3, ArrayView4, Axis, Ix3, Ix4};
use serde::{Deserialize, Serialize};

/// Tokens taken of each sequence, and those at its beginning that are left out.
const TOKENS: usize = 6;
const LEFT_OUT: usize = 100;

/// Which places of an array of sequences or of images become the rows that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rows {
    /// `rows = "gpt2_tokens"`. Of an array `[sequence, token, feature]` six tokens of each sequence, evenly spaced, none of them
    /// among the first 100: token 100 + ⌊i (tokens − 100)/6⌋ for i = 0 … 5, sequence after sequence. What the authors of
    /// the polytope lens say they took of GPT2-small's 1024 tokens (Black et al. 2022, arXiv 2211.12312, comments).
    Gpt2Tokens,
    /// `rows = { position = [row, column] }`. Of an array `[image, channel, row, column]` the channels at one fixed place,
    /// one row an image, as they say of InceptionV1.
    Position([usize; 2]),
}

impl Rows {
    /// As a finding's option says it.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Gpt2Tokens => "gpt2_tokens".to_owned(),
            Self::Position([row, column]) => format!("position {row},{column}"),
        }
    }

    /// Axes of the arrays that it takes.
    #[must_use]
    pub fn axes(self) -> usize {
        match self {
            Self::Gpt2Tokens => 3,
            Self::Position(_) => 4,
        }
    }

    /// Whether it can take an array of this shape.
    ///
    /// # Errors
    /// What is wrong with the shape.
    pub fn check(self, shape: &[usize]) -> Result<(), String> {
        match (self, shape) {
            (Self::Gpt2Tokens, &[_, tokens, _]) if tokens >= LEFT_OUT + TOKENS => Ok(()),
            (Self::Gpt2Tokens, &[_, tokens, _]) => Err(format!(
                "has {tokens} tokens a sequence, and `rows = \"gpt2_tokens\"` takes {TOKENS} behind the first {LEFT_OUT}"
            )),
            (Self::Gpt2Tokens, _) => {
                Err(format!("has shape {shape:?}, and `rows = \"gpt2_tokens\"` takes [sequence, token, feature]"))
            }
            (Self::Position([row, column]), &[_, _, height, width]) if row < height && column < width => Ok(()),
            (Self::Position([row, column]), &[_, _, height, width]) => {
                Err(format!("has images of {height} × {width} places, and none at [{row}, {column}]"))
            }
            (Self::Position(_), _) => {
                Err(format!("has shape {shape:?}, and `rows = {{ position = … }}` takes [image, channel, row, column]"))
            }
        }
    }

    /// The rows of an array, `[sample, feature]`.
    ///
    /// # Errors
    /// As [`Rows::check`].
    pub fn of<T: Real>(self, array: ArrayD<T>) -> Result<Array2<T>, String> {
        self.check(array.shape())?;
        let shape = |_| "has another number of axes".to_owned();
        match self {
            Self::Gpt2Tokens => Ok(tokens(array.view().into_dimensionality::<Ix3>().map_err(shape)?)),
            Self::Position(at) => Ok(position(array.view().into_dimensionality::<Ix4>().map_err(shape)?, at)),
        }
    }

    /// Labels of the rows: as they are where there is one a row, and those of the taken tokens where there is one a token.
    #[must_use]
    pub fn labels(self, shape: &[usize], labels: &[i64]) -> Vec<i64> {
        match (self, shape) {
            (Self::Gpt2Tokens, &[sequences, count, _]) if labels.len() == sequences * count && count > TOKENS => {
                (0..sequences).flat_map(|of| places(count).map(move |at| labels[of * count + at])).collect()
            }
            _ => labels.to_vec(),
        }
    }
}

fn places(tokens: usize) -> impl Iterator<Item = usize> {
    (0..TOKENS).map(move |i| LEFT_OUT + i * (tokens - LEFT_OUT) / TOKENS)
}

fn tokens<T: Real>(x: ArrayView3<'_, T>) -> Array2<T> {
    let (sequences, count, width) = x.dim();
    let mut rows = Array2::zeros((sequences * TOKENS, width));
    for (at, mut row) in rows.outer_iter_mut().enumerate() {
        let place = LEFT_OUT + at % TOKENS * (count - LEFT_OUT) / TOKENS;
        row.assign(&x.index_axis(Axis(0), at / TOKENS).row(place));
    }
    rows
}

fn position<T: Real>(x: ArrayView4<'_, T>, [row, column]: [usize; 2]) -> Array2<T> {
    x.index_axis(Axis(3), column).index_axis(Axis(2), row).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_evenly_spaced_behind_the_first_hundred_and_sequences_follow_each_other() {
        let x = ArrayD::from_shape_fn(vec![2, 1024, 3], |at| (at[0] * 100_000 + at[1] * 10 + at[2]) as f64);
        let rows = Rows::Gpt2Tokens.of(x).unwrap();
        assert_eq!(rows.dim(), (12, 3));
        let taken: Vec<f64> = rows.column(0).iter().map(|v| v / 10.0).collect();
        assert_eq!(taken[..6], [100.0, 254.0, 408.0, 562.0, 716.0, 870.0]);
        assert_eq!(taken[6], 10_100.0);
        assert_eq!(rows[[7, 2]], 102_542.0);
        let labels: Vec<i64> = (0..2048).collect();
        let taken = Rows::Gpt2Tokens.labels(&[2, 1024, 3], &labels);
        assert_eq!((taken.len(), taken[1], taken[6]), (12, 254, 1124));
        assert_eq!(Rows::Gpt2Tokens.labels(&[2, 1024, 3], &[1, 2]), [1, 2]);
        // The shortest sequences have no choice.
        let short = ArrayD::from_shape_fn(vec![1, 106, 1], |at| at[1] as f32);
        assert_eq!(Rows::Gpt2Tokens.of(short).unwrap().column(0).to_vec(), [100.0, 101.0, 102.0, 103.0, 104.0, 105.0]);
        let error = Rows::Gpt2Tokens.of(ArrayD::<f32>::zeros(vec![1, 105, 1])).unwrap_err();
        assert!(error.contains("105 tokens"), "{error}");
        assert!(Rows::Gpt2Tokens.of(ArrayD::<f32>::zeros(vec![200, 3])).unwrap_err().contains("[200, 3]"));
    }

    #[test]
    fn a_place_gives_the_channels_of_every_image() {
        let x = ArrayD::from_shape_fn(vec![2, 3, 4, 5], |at| (at[0] * 1000 + at[1] * 100 + at[2] * 10 + at[3]) as f32);
        let rows = Rows::Position([2, 4]).of(x.clone()).unwrap();
        assert_eq!(rows, ndarray::array![[24.0, 124.0, 224.0], [1024.0, 1124.0, 1224.0]]);
        assert!(Rows::Position([4, 0]).of(x.clone()).unwrap_err().contains("4 × 5 places, and none at [4, 0]"));
        assert!(Rows::Position([0, 0]).of(x.remove_axis(Axis(0))).is_err());
    }
}
