//! Forward and backward pass of a toy model over a tile of examples: features in rows, examples along the registers, so
//! that a model of five features and two hidden units fills them as well as one of a hundred.

use kymograph_linalg::Real;

use super::lanes::Lanes;
use super::table::Kernels;

/// Examples in a tile.
pub(crate) const TILE: usize = 256;
/// Columns come in multiples of this: two registers of the widest path.
pub(crate) const COLUMNS: usize = 32;

/// What becomes of a sum, and how its slope follows from the result alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    Identity,
    Relu,
    Tanh,
    TanhRelu,
}

/// A matrix read with strides, so that a tied decoder is the encoder read the other way round.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    pub(crate) values: &'a [T],
    pub(crate) row: usize,
    pub(crate) column: usize,
}

/// A toy model and what it is asked for.
pub(crate) struct ToyPass<'a, T> {
    pub(crate) features: usize,
    pub(crate) hidden: usize,
    /// hidden × feature.
    pub(crate) encoder: Matrix<'a, T>,
    /// feature × hidden.
    pub(crate) decoder: Matrix<'a, T>,
    /// Empty for none.
    pub(crate) encoder_bias: &'a [T],
    pub(crate) decoder_bias: &'a [T],
    pub(crate) curves: [Curve; 2],
    /// Is |x| the target instead of x?
    pub(crate) absolute: bool,
    /// The weight of each feature's squared error.
    pub(crate) importance: &'a [T],
}

/// Examples: `feature × TILE`, of which the first `columns` count, each as often as its share says.
pub(crate) struct ToyTile<'a, T> {
    pub(crate) input: &'a [T],
    pub(crate) target: &'a [T],
    pub(crate) share: &'a [T],
    pub(crate) columns: usize,
}

/// What a pass leaves behind: `unit × TILE` each. After a backward pass the outputs are the slopes before their curve.
pub(crate) struct ToySpace<T> {
    pub(crate) codes: Vec<T>,
    pub(crate) outputs: Vec<T>,
    slopes: Vec<T>,
}

impl<T: Real> ToySpace<T> {
    pub(crate) fn new(features: usize, hidden: usize) -> Self {
        let zeros = |rows: usize| vec![T::ZERO; rows * TILE];
        Self { codes: zeros(hidden), outputs: zeros(features), slopes: zeros(hidden) }
    }
}

/// Where the gradient goes, in the encoder's and the decoder's own strides; with tied weights they are added afterwards.
pub(crate) struct ToySlopes<'a, T> {
    pub(crate) encoder: &'a mut [T],
    pub(crate) decoder: &'a mut [T],
    pub(crate) encoder_bias: &'a mut [T],
    pub(crate) decoder_bias: &'a mut [T],
}

impl<T: Real> Kernels<T> {
    /// See [`pass`].
    ///
    /// # Panics
    /// When an operand is shorter than the pass reaches.
    pub(crate) fn toy(
        &self,
        p: &ToyPass<'_, T>,
        tile: &ToyTile<'_, T>,
        space: &mut ToySpace<T>,
        slopes: Option<&mut ToySlopes<'_, T>>,
    ) -> f64 {
        let (n, m) = (p.features, p.hidden);
        let reach = |matrix: &Matrix<'_, T>, rows: usize, columns: usize| {
            rows.saturating_sub(1) * matrix.row + columns.saturating_sub(1) * matrix.column + 1
        };
        let (encoder, decoder) = (reach(&p.encoder, m, n), reach(&p.decoder, n, m));
        assert!(n > 0 && m > 0 && p.importance.len() == n && p.decoder_bias.len() == n);
        assert!(p.encoder.values.len() >= encoder && p.decoder.values.len() >= decoder);
        assert!(p.encoder_bias.is_empty() || p.encoder_bias.len() == m);
        assert!(tile.columns <= TILE && tile.columns.is_multiple_of(COLUMNS) && tile.share.len() == TILE);
        assert!(tile.input.len() >= n * TILE && tile.target.len() >= n * TILE);
        assert!(space.codes.len() == m * TILE && space.slopes.len() == m * TILE && space.outputs.len() == n * TILE);
        if let Some(slopes) = &slopes {
            assert!(slopes.encoder.len() >= encoder && slopes.decoder.len() >= decoder);
            assert!(slopes.decoder_bias.len() == n);
        }
        // SAFETY: the table is of a path that the machine supports, and every extent has just been checked.
        unsafe { (self.toy)(p, tile, space, slopes) }
    }
}

/// The importance-weighted squared error of a tile, with its gradient added to `slopes` where one is wanted.
///
/// # Safety
/// The lane's instruction set must be there. `Kernels::toy` has checked every extent.
#[inline(always)]
pub(super) unsafe fn pass<L: Lanes>(
    p: &ToyPass<'_, L::Number>,
    tile: &ToyTile<'_, L::Number>,
    space: &mut ToySpace<L::Number>,
    slopes: Option<&mut ToySlopes<'_, L::Number>>,
) -> f64 {
    let (n, m, columns) = (p.features, p.hidden, tile.columns);
    // SAFETY: all operands are `rows × TILE`, as the caller has checked.
    unsafe {
        product::<L>(p.encoder, [m, n], p.encoder_bias, tile.input, &mut space.codes, columns);
        bend(p.curves[0], &mut space.codes, columns);
        product::<L>(p.decoder, [n, m], p.decoder_bias, &space.codes, &mut space.outputs, columns);
    }
    bend(p.curves[1], &mut space.outputs, columns);
    let Some(slopes) = slopes else {
        let mut loss = 0.0;
        for (i, outputs) in space.outputs.chunks_exact(TILE).take(n).enumerate() {
            let target = &tile.target[i * TILE..][..columns];
            loss += error(p.importance[i], p.absolute, &outputs[..columns], target, &tile.share[..columns]);
        }
        return loss;
    };
    let mut loss = 0.0;
    for (i, outputs) in space.outputs.chunks_exact_mut(TILE).take(n).enumerate() {
        let (outputs, target) = (&mut outputs[..columns], &tile.target[i * TILE..][..columns]);
        let share = &tile.share[..columns];
        loss += error(p.importance[i], p.absolute, outputs, target, share);
        error_slopes(p.importance[i], p.absolute, p.curves[1], outputs, target, share);
        slopes.decoder_bias[i] += sum(outputs);
    }
    // SAFETY: as above; the gradients have the matrices' extents.
    unsafe {
        outer::<L>(&space.outputs, &space.codes, [n, m], slopes.decoder, [p.decoder.row, p.decoder.column], columns);
        let turned = Matrix { values: p.decoder.values, row: p.decoder.column, column: p.decoder.row };
        product::<L>(turned, [m, n], &[], &space.outputs, &mut space.slopes, columns);
    }
    for (k, back) in space.slopes.chunks_exact_mut(TILE).take(m).enumerate() {
        let (back, codes) = (&mut back[..columns], &space.codes[k * TILE..][..columns]);
        match p.curves[0] {
            Curve::Identity => {}
            Curve::Relu => back
                .iter_mut()
                .zip(codes)
                .for_each(|(s, &h)| *s = if h > L::Number::ZERO { *s } else { L::Number::ZERO }),
            Curve::Tanh => back.iter_mut().zip(codes).for_each(|(s, &h)| *s *= L::Number::ONE - h * h),
            Curve::TanhRelu => back.iter_mut().zip(codes).for_each(|(s, &h)| {
                let open = *s * (L::Number::ONE - h * h);
                *s = if h > L::Number::ZERO { open } else { L::Number::ZERO };
            }),
        }
        if let Some(bias) = slopes.encoder_bias.get_mut(k) {
            *bias += sum(back);
        }
    }
    // SAFETY: as above.
    unsafe {
        outer::<L>(&space.slopes, tile.input, [m, n], slopes.encoder, [p.encoder.row, p.encoder.column], columns);
    }
    loss
}

/// Sixteen partial sums at a time.
#[inline(always)]
fn sum<T: Real>(values: &[T]) -> T {
    let mut partial = [T::ZERO; 16];
    for block in values.chunks_exact(16) {
        for (sum, &value) in partial.iter_mut().zip(block) {
            *sum += value;
        }
    }
    partial.into_iter().sum()
}

#[inline(always)]
fn wanted<T: Real>(absolute: bool, target: T) -> T {
    if absolute { target.abs() } else { target }
}

#[inline(always)]
fn error<T: Real>(importance: T, absolute: bool, outputs: &[T], target: &[T], share: &[T]) -> f64 {
    let mut partial = [T::ZERO; 16];
    let blocks = outputs.chunks_exact(16).zip(target.chunks_exact(16)).zip(share.chunks_exact(16));
    for ((y, t), w) in blocks {
        for (((sum, &y), &t), &w) in partial.iter_mut().zip(y).zip(t).zip(w) {
            let e = y - wanted(absolute, t);
            *sum += w * e * e;
        }
    }
    let total: f64 = partial.iter().map(|v| v.to_f64()).sum();
    total * importance.to_f64()
}

/// Puts the slopes of the error before the output's curve in place of the outputs.
#[inline(always)]
fn error_slopes<T: Real>(importance: T, absolute: bool, curve: Curve, outputs: &mut [T], target: &[T], share: &[T]) {
    let twice = importance + importance;
    let rows = outputs.iter_mut().zip(target).zip(share);
    match curve {
        Curve::Identity => rows.for_each(|((y, &t), &w)| *y = twice * w * (*y - wanted(absolute, t))),
        Curve::Relu => rows.for_each(|((y, &t), &w)| {
            let slope = twice * w * (*y - wanted(absolute, t));
            *y = if *y > T::ZERO { slope } else { T::ZERO };
        }),
        Curve::Tanh => rows.for_each(|((y, &t), &w)| {
            *y = twice * w * (*y - wanted(absolute, t)) * (T::ONE - *y * *y);
        }),
        Curve::TanhRelu => rows.for_each(|((y, &t), &w)| {
            let slope = twice * w * (*y - wanted(absolute, t)) * (T::ONE - *y * *y);
            *y = if *y > T::ZERO { slope } else { T::ZERO };
        }),
    }
}

#[inline(always)]
fn bend<T: Real>(curve: Curve, rows: &mut [T], columns: usize) {
    for row in rows.chunks_exact_mut(TILE) {
        let row = &mut row[..columns];
        match curve {
            Curve::Identity => {}
            Curve::Relu => row.iter_mut().for_each(|x| *x = if *x > T::ZERO { *x } else { T::ZERO }),
            Curve::Tanh => row.iter_mut().for_each(|x| *x = tanh(*x)),
            Curve::TanhRelu => row.iter_mut().for_each(|x| {
                let y = tanh(*x);
                *x = if y > T::ZERO { y } else { T::ZERO };
            }),
        }
    }
}

/// tanh; in 32 bits by the exponential, right to 2e-7, without a branch.
#[inline(always)]
fn tanh<T: Real>(x: T) -> T {
    if size_of::<T>() == 4 { T::from_f64(f64::from(tanh_32(x.to_f64() as f32))) } else { x.tanh() }
}

/// `(1 − t) / (1 + t)` with `t = exp(−2|x|) = 2ⁿ · 2ᶠ`, f within half of zero, 2ᶠ by its Taylor series.
#[inline(always)]
fn tanh_32(x: f32) -> f32 {
    // Adding it rounds to a whole number, which is then found in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    const LN_2: f32 = std::f32::consts::LN_2;
    const SERIES: [f32; 7] = {
        let mut series = [1.0f32; 7];
        let (mut k, mut term) = (1, 1.0f32);
        while k <= 7 {
            term *= LN_2 / k as f32;
            series[k - 1] = term;
            k += 1;
        }
        series
    };
    let size = if x.abs() < 9.0 { x.abs() } else { 9.0 };
    let exponent = size * (-2.0 * std::f32::consts::LOG2_E);
    let shifted = exponent + ROUND;
    let f = exponent - (shifted - ROUND);
    let mut power = SERIES[6];
    for k in (0..6).rev() {
        power = power * f + SERIES[k];
    }
    power = power * f + 1.0;
    let t = power * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    let y = ((1.0 - t) / (1.0 + t)).copysign(x);
    if x.is_nan() { x } else { y }
}

/// `out[r] = Σ_d a[r, d] · x[d] + bias[r]` for rows of examples.
///
/// # Safety
/// `x` holds `depth` and `out` `rows` rows of `TILE` numbers, `a` all its entries; `columns` is a multiple of `COLUMNS`.
#[inline(always)]
unsafe fn product<L: Lanes>(
    a: Matrix<'_, L::Number>,
    [rows, depth]: [usize; 2],
    bias: &[L::Number],
    x: &[L::Number],
    out: &mut [L::Number],
    columns: usize,
) {
    let mut r = 0;
    // SAFETY: passed on.
    unsafe {
        while r + 4 <= rows {
            product_rows::<L, 4>(a, r, depth, bias, x, out, columns);
            r += 4;
        }
        while r + 2 <= rows {
            product_rows::<L, 2>(a, r, depth, bias, x, out, columns);
            r += 2;
        }
        if r < rows {
            product_rows::<L, 1>(a, r, depth, bias, x, out, columns);
        }
    }
}

/// # Safety
/// As [`product`]; `first + R` rows are there.
#[inline(always)]
unsafe fn product_rows<L: Lanes, const R: usize>(
    a: Matrix<'_, L::Number>,
    first: usize,
    depth: usize,
    bias: &[L::Number],
    x: &[L::Number],
    out: &mut [L::Number],
    columns: usize,
) {
    let mut at = 0;
    while at < columns {
        // SAFETY: two registers end at or before `columns`, which is at most TILE.
        unsafe {
            let mut sums = [[L::zero(); 2]; R];
            if !bias.is_empty() {
                for (r, sum) in sums.iter_mut().enumerate() {
                    *sum = [L::splat(bias[first + r]); 2];
                }
            }
            for d in 0..depth {
                let from = x.as_ptr().add(d * TILE + at);
                let (left, right) = (L::load(from), L::load(from.add(L::WIDTH)));
                for (r, sum) in sums.iter_mut().enumerate() {
                    let weight = L::splat(*a.values.get_unchecked((first + r) * a.row + d * a.column));
                    *sum = [L::multiply_add(weight, left, sum[0]), L::multiply_add(weight, right, sum[1])];
                }
            }
            for (r, sum) in sums.iter().enumerate() {
                let to = out.as_mut_ptr().add((first + r) * TILE + at);
                L::store(to, sum[0]);
                L::store(to.add(L::WIDTH), sum[1]);
            }
        }
        at += 2 * L::WIDTH;
    }
}

/// `gradient[r, c] += Σ_j left[r, j] · right[c, j]` over the columns.
///
/// # Safety
/// `left` holds `rows` and `right` `width` rows of `TILE` numbers; `columns` is a multiple of `COLUMNS`.
#[inline(always)]
unsafe fn outer<L: Lanes>(
    left: &[L::Number],
    right: &[L::Number],
    [rows, width]: [usize; 2],
    gradient: &mut [L::Number],
    strides: [usize; 2],
    columns: usize,
) {
    let mut r = 0;
    // SAFETY: passed on.
    unsafe {
        while r + 4 <= rows {
            outer_rows::<L, 4>(left, right, r, width, gradient, strides, columns);
            r += 4;
        }
        while r + 2 <= rows {
            outer_rows::<L, 2>(left, right, r, width, gradient, strides, columns);
            r += 2;
        }
        if r < rows {
            outer_rows::<L, 1>(left, right, r, width, gradient, strides, columns);
        }
    }
}

/// # Safety
/// As [`outer`]; `first + R` rows are there.
#[inline(always)]
unsafe fn outer_rows<L: Lanes, const R: usize>(
    left: &[L::Number],
    right: &[L::Number],
    first: usize,
    width: usize,
    gradient: &mut [L::Number],
    [row, column]: [usize; 2],
    columns: usize,
) {
    for c in 0..width {
        // SAFETY: two registers end at or before `columns`, which is at most TILE.
        let sums = unsafe {
            let mut sums = [[L::zero(); 2]; R];
            let mut at = 0;
            while at < columns {
                let from = right.as_ptr().add(c * TILE + at);
                let factor = [L::load(from), L::load(from.add(L::WIDTH))];
                for (r, sum) in sums.iter_mut().enumerate() {
                    let from = left.as_ptr().add((first + r) * TILE + at);
                    *sum = [
                        L::multiply_add(L::load(from), factor[0], sum[0]),
                        L::multiply_add(L::load(from.add(L::WIDTH)), factor[1], sum[1]),
                    ];
                }
                at += 2 * L::WIDTH;
            }
            sums
        };
        for (r, [low, high]) in sums.into_iter().enumerate() {
            let mut lanes = [L::Number::ZERO; 32];
            // SAFETY: a register holds at most 16 numbers.
            unsafe {
                L::store(lanes.as_mut_ptr(), low);
                L::store(lanes.as_mut_ptr().add(L::WIDTH), high);
            }
            gradient[(first + r) * row + c * column] += lanes.into_iter().take(2 * L::WIDTH).sum::<L::Number>();
        }
    }
}
