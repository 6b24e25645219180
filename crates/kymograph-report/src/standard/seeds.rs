//! Mean and 95 % t-interval over seeds, for bands and tables. Verdicts bring their own intervals.

/// Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom.
const T_975: [f64; 30] = [
    12.706_205, 4.302_653, 3.182_446, 2.776_445, 2.570_582, 2.446_912, 2.364_624, 2.306_004, 2.262_157, 2.228_139,
    2.200_985, 2.178_813, 2.160_369, 2.144_787, 2.131_450, 2.119_905, 2.109_816, 2.100_922, 2.093_024, 2.085_963,
    2.079_614, 2.073_873, 2.068_658, 2.063_899, 2.059_539, 2.055_529, 2.051_831, 2.048_407, 2.045_230, 2.042_272,
];

fn t_975(degrees: usize) -> f64 {
    if let Some(t) = degrees.checked_sub(1).and_then(|i| T_975.get(i)) {
        return *t;
    }
    // Cornish and Fisher's expansion about the normal quantile; right to 1e-5 beyond 30 degrees of freedom.
    let (z, d) = (1.959_963_985_f64, degrees as f64);
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + first / d + second / d.powi(2) + third / d.powi(3)
}

pub(super) fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() { None } else { Some(values.iter().sum::<f64>() / values.len() as f64) }
}

/// The 95 % t-interval of the mean; `None` for fewer than two values.
pub(super) fn t_interval(values: &[f64]) -> Option<[f64; 2]> {
    if values.len() < 2 {
        return None;
    }
    let n = values.len() as f64;
    let mean = mean(values)?;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half = t_975(values.len() - 1) * (variance / n).sqrt();
    Some([mean - half, mean + half])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_by_hand() {
        // 1, 2, 3: mean 2, s = 1, t(2) = 4.302653, half width t/√3.
        let [low, high] = t_interval(&[1.0, 2.0, 3.0]).unwrap();
        assert!((high - 2.0 - 4.302_653 / 3f64.sqrt()).abs() < 1e-9 && (low + high - 4.0).abs() < 1e-12);
        assert_eq!(t_interval(&[1.0]), None);
        assert_eq!(t_interval(&[2.0, 2.0]), Some([2.0, 2.0]));
        assert_eq!(mean(&[]), None);
    }

    #[test]
    fn the_expansion_continues_the_table() {
        assert!((t_975(31) - 2.039_513).abs() < 2e-5);
        assert!((t_975(60) - 2.000_298).abs() < 2e-5);
        assert!((t_975(1_000_000) - 1.959_966).abs() < 2e-6);
    }
}
