//! Signs of gradients in two bits each: outside the band |g| ≤ τ, negative or positive within it, and exactly zero.

use super::GradientError;

/// Outside the band, |g| > τ: white in the published map.
pub const OUTSIDE: u8 = 0;
/// Within the band and negative: red.
pub const NEGATIVE: u8 = 1;
/// Within the band and positive: green.
pub const POSITIVE: u8 = 2;
/// Exactly zero, which the published map leaves black and its code counts as neither.
pub const ZERO: u8 = 3;

/// The code of one gradient.
#[must_use]
pub fn code(gradient: f32, threshold: f32) -> u8 {
    // NaN is outside every band.
    if gradient == 0.0 {
        ZERO
    } else if gradient.abs() <= threshold {
        if gradient < 0.0 { NEGATIVE } else { POSITIVE }
    } else {
        OUTSIDE
    }
}

/// The codes of all gradients, four a byte, the first in the lowest bits; unused bits of the last byte are 0. Appends to
/// `packed`, so that one buffer serves all steps.
///
/// # Errors
/// [`GradientError::Threshold`] when the threshold is not a positive number.
pub fn pack(gradients: &[f32], threshold: f32, packed: &mut Vec<u8>) -> Result<(), GradientError> {
    if !(threshold.is_finite() && threshold > 0.0) {
        return Err(GradientError::Threshold { value: threshold });
    }
    packed.extend(gradients.chunks(4).map(|four| {
        four.iter().enumerate().fold(0, |byte, (place, &gradient)| byte | code(gradient, threshold) << (2 * place))
    }));
    Ok(())
}

/// The code at a place of packed codes, `None` beyond their end.
///
/// ```
/// use kymograph_measures::gradients::signs;
/// let mut packed = Vec::new();
/// signs::pack(&[2.0, -1e-6, 1e-6, 0.0, -3.0], 1e-5, &mut packed)?;
/// assert_eq!(packed.len(), 2);
/// let codes: Vec<u8> = (0..5).filter_map(|place| signs::unpack(&packed, place)).collect();
/// assert_eq!(codes, [signs::OUTSIDE, signs::NEGATIVE, signs::POSITIVE, signs::ZERO, signs::OUTSIDE]);
/// # Ok::<(), kymograph_measures::gradients::GradientError>(())
/// ```
#[must_use]
pub fn unpack(packed: &[u8], place: usize) -> Option<u8> {
    packed.get(place / 4).map(|byte| byte >> (2 * (place % 4)) & 3)
}
