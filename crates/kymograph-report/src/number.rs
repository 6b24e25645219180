//! Numbers as people read them: no `0.30000000004`, a true minus sign, powers of ten in superscript.

/// A number to about `digits` significant digits: `0.985`, `12.3`, `1234`, `3.2×10⁻⁵`.
///
/// Numbers from .001 up to a million are written plainly, and never with more digits before the point than they have.
/// Trailing zeros are kept, since they tell the precision.
#[must_use]
pub fn format_value(value: f64, digits: usize) -> String {
    let digits = digits.max(1);
    if !value.is_finite() {
        return "–".into();
    }
    if value == 0.0 {
        return "0".into();
    }
    let exponent = rounded_exponent(value, digits);
    if !(-3..6).contains(&exponent) {
        return scientific(value, digits, exponent);
    }
    if value.fract() == 0.0 {
        return minus(format!("{value:.0}"));
    }
    let decimals = (digits as i32 - 1 - exponent).clamp(0, 12) as usize;
    minus(format!("{value:.decimals$}"))
}

/// An interval as `[0.97, 0.99]`, both ends with the same decimals, enough to tell them apart.
#[must_use]
pub fn format_interval(interval: [f64; 2], digits: usize) -> String {
    let [low, high] = interval;
    if !(low.is_finite() && high.is_finite()) {
        return "–".into();
    }
    match shared_decimals(interval, digits) {
        Some(decimals) => format!("[{}, {}]", fixed(low, decimals), fixed(high, decimals)),
        None => format!("[{}, {}]", format_value(low, digits), format_value(high, digits)),
    }
}

/// A value and its interval, all three numbers with the same decimals: `0.02` and `[−0.70, 0.75]`.
pub(crate) fn format_with_interval(value: f64, interval: [f64; 2], digits: usize) -> (String, String) {
    let value = match shared_decimals(interval, digits) {
        Some(decimals) if value.is_finite() => fixed(value, decimals),
        _ => format_value(value, digits),
    };
    (value, format_interval(interval, digits))
}

/// Decimals that give the larger end `digits` digits and tell the ends apart; `None` where powers of ten read better.
fn shared_decimals([low, high]: [f64; 2], digits: usize) -> Option<usize> {
    let largest = low.abs().max(high.abs());
    if largest == 0.0 {
        return Some(0);
    }
    let exponent = largest.log10().floor() as i32;
    if !(-3..6).contains(&exponent) {
        return None;
    }
    let mut decimals = (digits as i32 - 1 - exponent).max(0);
    let width = (high - low).abs();
    if width > 0.0 {
        // A width of two units of the last decimal, or a little less by rounding, is told apart well enough.
        decimals = decimals.max((-(width / 1.9).log10().floor() as i32).min(decimals + 3));
    }
    Some(decimals.clamp(0, 9) as usize)
}

/// A number with a fixed number of decimals, a true minus sign, and no `−0.00`.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if text.starts_with('-') && text[1..].chars().all(|c| c == '0' || c == '.') {
        return text[1..].to_string();
    }
    minus(text)
}

/// A whole number with thin gaps between thousands from 10 000 up.
#[must_use]
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(c);
    }
    out
}

/// `10⁻³` and its kind.
pub(crate) fn power_of_ten(exponent: i32) -> String {
    format!("10{}", superscript(exponent))
}

fn superscript(n: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let mut out = String::new();
    if n < 0 {
        out.push('⁻');
    }
    for c in n.unsigned_abs().to_string().bytes() {
        out.push(DIGITS[usize::from(c - b'0')]);
    }
    out
}

fn scientific(value: f64, digits: usize, exponent: i32) -> String {
    // Splitting by text keeps subnormal numbers right, where dividing by a power of ten would overflow.
    let text = format!("{value:.*e}", digits - 1);
    let mantissa = text.split('e').next().unwrap_or("0").to_string();
    format!("{}×{}", minus(mantissa), power_of_ten(exponent))
}

/// The exponent after rounding to `digits`, so that 9.9996 counts as 10.00.
fn rounded_exponent(value: f64, digits: usize) -> i32 {
    let text = format!("{value:.*e}", digits - 1);
    text.split('e').nth(1).and_then(|e| e.parse().ok()).unwrap_or(0)
}

fn minus(text: String) -> String {
    match text.strip_prefix('-') {
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_people_write_them() {
        assert_eq!(format_value(0.1 + 0.2, 3), "0.300");
        assert_eq!(format_value(0.98513, 3), "0.985");
        assert_eq!(format_value(-0.98513, 2), "−0.99");
        assert_eq!(format_value(2000.0, 3), "2000");
        assert_eq!(format_value(1234.5678, 3), "1235");
        assert_eq!(format_value(0.0, 3), "0");
        assert_eq!(format_value(3.21e-5, 2), "3.2×10⁻⁵");
        assert_eq!(format_value(-1.5e9, 2), "−1.5×10⁹");
        assert_eq!(format_value(9.9996, 4), "10.00");
        assert_eq!(format_value(5e-324, 2), "4.9×10⁻³²⁴");
        assert_eq!(format_value(f64::NAN, 3), "–");
    }

    #[test]
    fn intervals_share_their_decimals_and_tell_their_ends_apart() {
        assert_eq!(format_interval([0.97, 0.991], 3), "[0.970, 0.991]");
        assert_eq!(format_interval([0.98512, 0.98514], 3), "[0.98512, 0.98514]");
        assert_eq!(format_with_interval(0.02, [-0.7, 0.75], 2), ("0.02".into(), "[−0.70, 0.75]".into()));
        assert_eq!(format_with_interval(3e-7, [1e-7, 5e-7], 2).1, "[1.0×10⁻⁷, 5.0×10⁻⁷]");
        assert_eq!(format_interval([-0.5, 0.5], 2), "[−0.50, 0.50]");
        assert_eq!(format_interval([0.0, 0.0], 2), "[0, 0]");
    }

    #[test]
    fn no_negative_zero_and_gaps_between_thousands() {
        assert_eq!(fixed(-0.0001, 2), "0.00");
        assert_eq!(fixed(-0.5, 1), "−0.5");
        assert_eq!(grouped(2000), "2000");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
