//! From numbers to positions, and the ticks between. Ticks are whole multiples of a round step, so their labels are
//! exact.

use crate::figure::AxisScale;
use crate::number;

/// A scale over a range that is never empty.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scale {
    kind: AxisScale,
    low: f64,
    high: f64,
}

/// A tick: where, and its label (empty for minor ticks).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub(crate) value: f64,
    pub(crate) label: String,
}

impl Tick {
    pub(crate) fn is_major(&self) -> bool {
        !self.label.is_empty()
    }
}

impl Scale {
    /// A scale that holds all values and the fixed range; an interval of no length is widened about its value.
    pub(crate) fn fit(kind: AxisScale, values: impl IntoIterator<Item = f64>, range: Option<[f64; 2]>) -> Scale {
        let (mut low, mut high) = match range {
            Some([a, b]) => (a.min(b), a.max(b)),
            None => (f64::INFINITY, f64::NEG_INFINITY),
        };
        for v in values {
            low = low.min(v);
            high = high.max(v);
        }
        if low > high {
            (low, high) = if kind == AxisScale::Log { (0.1, 10.0) } else { (0.0, 1.0) };
        }
        if kind == AxisScale::Log && low <= 0.0 {
            low = f64::MIN_POSITIVE;
            high = high.max(1.0);
        }
        let middle = (low.abs() + high.abs()) / 2.0;
        if high - low <= middle * 1e-9 {
            match kind {
                AxisScale::Log => (low, high) = (low / 2.0, high * 2.0),
                AxisScale::SymlogFromZero => (low, high) = (0.0, high.max(1.0)),
                AxisScale::Linear => {
                    let room = if middle == 0.0 { 1.0 } else { middle * 0.1 };
                    (low, high) = (low - room, high + room);
                }
            }
        }
        Scale { kind, low, high }
    }

    /// The same range with a share of its length added at both ends, but never across a natural end: 0 stays 0 for
    /// values that are never negative, and 1 stays 1 for values that end there exactly.
    pub(crate) fn padded(mut self, share: f64) -> Scale {
        match self.kind {
            AxisScale::Linear => {
                let room = (self.high - self.low) * share;
                if self.low != 0.0 {
                    self.low = if self.low > 0.0 { (self.low - room).max(0.0) } else { self.low - room };
                }
                self.high += room;
            }
            AxisScale::Log => {
                let ratio = (self.high / self.low).powf(share);
                self.low /= ratio;
                self.high *= ratio;
            }
            AxisScale::SymlogFromZero => {}
        }
        self
    }

    /// The same range with a share of its length added at both ends, whatever they are.
    pub(crate) fn widened(mut self, share: f64) -> Scale {
        if self.kind == AxisScale::Linear {
            let room = (self.high - self.low) * share;
            (self.low, self.high) = (self.low - room, self.high + room);
            return self;
        }
        self.padded(share)
    }

    /// Share of the way from the low end to the high end; within 0..=1 for values in the range.
    pub(crate) fn position(&self, value: f64) -> f64 {
        let (v, a, b) = (self.warp(value), self.warp(self.low), self.warp(self.high));
        (v - a) / (b - a)
    }

    pub(crate) fn ends(&self) -> [f64; 2] {
        [self.low, self.high]
    }

    fn warp(&self, v: f64) -> f64 {
        match self.kind {
            AxisScale::Linear => v,
            AxisScale::Log => v.max(f64::MIN_POSITIVE).log10(),
            AxisScale::SymlogFromZero => {
                if v <= 1.0 {
                    v
                } else {
                    1.0 + v.log2()
                }
            }
        }
    }

    /// Ticks in ascending order, at most about `wanted` labelled ones.
    pub(crate) fn ticks(&self, wanted: usize) -> Vec<Tick> {
        let wanted = wanted.max(2);
        match self.kind {
            AxisScale::Linear => linear_ticks(self.low, self.high, wanted),
            AxisScale::Log => {
                if (self.high / self.low).log10() < 1.0 {
                    return linear_ticks(self.low, self.high, wanted);
                }
                decade_ticks(self.low, self.high, wanted)
            }
            AxisScale::SymlogFromZero => {
                if self.high <= 4.0 {
                    return linear_ticks(self.low, self.high, wanted.min(5));
                }
                let mut ticks = Vec::new();
                if self.low <= 0.0 {
                    ticks.push(Tick { value: 0.0, label: "0".into() });
                }
                ticks.extend(decade_ticks(self.low.max(1.0), self.high, wanted.saturating_sub(1).max(2)));
                ticks
            }
        }
    }
}

fn linear_ticks(low: f64, high: f64, wanted: usize) -> Vec<Tick> {
    // The finest round step that gives no more labels than wanted.
    let rough = (high - low) / wanted as f64;
    let mut exponent = rough.log10().floor() as i32;
    let mut mantissa = 1;
    while tick_count(low, high, mantissa, exponent) > wanted {
        (mantissa, exponent) = match mantissa {
            1 => (2, exponent),
            2 => (5, exponent),
            _ => (1, exponent + 1),
        };
    }
    let largest = low.abs().max(high.abs());
    let plain = (1e-3..1e6).contains(&largest) && exponent > -7;
    let [first, last] = tick_range(low, high, mantissa, exponent);
    (first..=last)
        .map(|k| {
            let value = at(k * mantissa, exponent);
            let label = if k == 0 {
                "0".to_string()
            } else if plain {
                number::fixed(value, exponent.min(0).unsigned_abs() as usize)
            } else {
                number::format_value(value, (largest.log10().floor() as i32 - exponent + 1).clamp(1, 6) as usize)
            };
            Tick { value, label }
        })
        .collect()
}

/// `k·10^exponent` without the rounding of a repeated product: dividing by a power of ten is exact to the last bit.
fn at(k: i64, exponent: i32) -> f64 {
    if exponent < 0 { k as f64 / 10f64.powi(-exponent) } else { k as f64 * 10f64.powi(exponent) }
}

fn tick_range(low: f64, high: f64, mantissa: i64, exponent: i32) -> [i64; 2] {
    let step = at(mantissa, exponent);
    let slack = 1e-9;
    [(low / step - slack).ceil() as i64, (high / step + slack).floor() as i64]
}

fn tick_count(low: f64, high: f64, mantissa: i64, exponent: i32) -> usize {
    let [first, last] = tick_range(low, high, mantissa, exponent);
    usize::try_from(last - first + 1).unwrap_or(0)
}

/// Powers of ten labelled, thinned when there are too many; multiples between as minor ticks, and labelled (2, 5) when
/// there would be fewer than two labels otherwise.
fn decade_ticks(low: f64, high: f64, wanted: usize) -> Vec<Tick> {
    let first = low.log10().floor() as i32;
    let last = high.log10().ceil() as i32;
    let inside = |v: f64| v >= low * (1.0 - 1e-9) && v <= high * (1.0 + 1e-9);
    let decades = (first..=last).filter(|e| inside(at(1, *e))).count();
    let stride = decades.div_ceil(wanted).max(1) as i32;
    let between: &[i64] = if decades * 3 <= wanted { &[2, 5] } else { &[] };
    let mut ticks = Vec::new();
    for exponent in first..=last {
        for digit in 1..10 {
            let value = at(digit, exponent);
            if !inside(value) {
                continue;
            }
            let labelled = if digit == 1 { exponent.rem_euclid(stride) == 0 } else { between.contains(&digit) };
            if labelled {
                ticks.push(Tick { value, label: decade_label(value, digit, exponent) });
            } else if stride == 1 || digit == 1 {
                ticks.push(Tick { value, label: String::new() });
            }
        }
    }
    ticks
}

fn decade_label(value: f64, digit: i64, exponent: i32) -> String {
    match exponent {
        -3..0 => number::fixed(value, exponent.unsigned_abs() as usize),
        0..5 => number::grouped(value.round() as u64),
        _ if digit == 1 => number::power_of_ten(exponent),
        _ => format!("{digit}×{}", number::power_of_ten(exponent)),
    }
}

#[cfg(test)]
#[path = "scale_tests.rs"]
mod tests;
