//! Register tiles: products of strided rows with packed columns, and the weight gradients that go with them.
#![allow(unsafe_code)]

use super::lanes::Lanes;

/// Repeats a body for constant indices below a constant of at most 2, 7 or 12. The compiler keeps an array in registers
/// only if no variable ever indexes it, and it unrolls loops of this size too late to see that.
macro_rules! unroll {
    ($index:ident < $count:expr, 2, $body:block) => {
        unroll!(@ $index $count, $body, 0 1)
    };
    ($index:ident < $count:expr, 7, $body:block) => {
        unroll!(@ $index $count, $body, 0 1 2 3 4 5 6)
    };
    ($index:ident < $count:expr, 12, $body:block) => {
        unroll!(@ $index $count, $body, 0 1 2 3 4 5 6 7 8 9 10 11)
    };
    (@ $index:ident $count:expr, $body:block, $($value:literal)*) => {{
        $(if $value < $count {
            #[allow(non_upper_case_globals)]
            const $index: usize = $value;
            $body
        })*
    }};
}

/// `c = rows(a) · b (+ bias)`, rectified if asked.
///
/// The rows lie on a grid of `height × width`: row (y, x) starts at `a + y·a_outer + x·a_inner` and consists of
/// `segments` stretches of `segment_length` numbers, `segment_stride` apart. A convolution's rows are the windows of a
/// padded image, stretch by stretch; a linear layer's are its examples. `b` holds the columns in panels (see
/// [`super::pack`]). Output row (y, x) starts at `c + y·c_outer + x·c_inner`.
pub(super) struct Product<T> {
    pub(super) a: *const T,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) a_outer: usize,
    pub(super) a_inner: usize,
    pub(super) segments: usize,
    pub(super) segment_length: usize,
    pub(super) segment_stride: usize,
    pub(super) b: *const T,
    pub(super) columns: usize,
    /// Null for none.
    pub(super) bias: *const T,
    pub(super) rectify: bool,
    pub(super) c: *mut T,
    pub(super) c_outer: usize,
    pub(super) c_inner: usize,
}

/// Computes a [`Product`].
///
/// # Safety
/// The lane's instruction set is available; `a`, `b`, `bias` and `c` are valid for everything the product's grid,
/// strides and panels reach, and `c` overlaps none of them.
#[inline(always)]
pub(super) unsafe fn product<L: Lanes>(p: &Product<L::Number>) {
    let depth = p.segments * p.segment_length;
    let mut column = 0;
    while column < p.columns {
        let left = p.columns - column;
        // SAFETY: a panel starts every 2·WIDTH columns and holds `depth` rows; the rest is the caller's contract.
        unsafe {
            let panel = p.b.wrapping_add(column * depth);
            if left > L::WIDTH {
                product_panel::<L, 2>(p, panel, column, left.min(2 * L::WIDTH));
            } else {
                product_panel::<L, 1>(p, panel, column, left);
            }
        }
        column += 2 * L::WIDTH;
    }
}

/// One panel of columns, for all rows: pairs of grid lines cut into runs of nearly equal length.
#[inline(always)]
unsafe fn product_panel<L: Lanes, const V: usize>(
    p: &Product<L::Number>,
    panel: *const L::Number,
    column: usize,
    columns: usize,
) {
    let runs = p.width.div_ceil(L::RUN);
    let (length, longer) = (p.width / runs, p.width % runs);
    let mut y = 0;
    while y < p.height {
        let pair = y + 1 < p.height;
        let mut x = 0;
        for run in 0..runs {
            let rows = length + usize::from(run < longer);
            macro_rules! tile {
                ($rows:literal) => {
                    // SAFETY: rows x..x+rows of grid lines y (and y + 1 where there is one) lie on the grid.
                    unsafe {
                        if pair {
                            tile::<L, V, 2, $rows>(p, panel, column, columns, y, x)
                        } else {
                            tile::<L, V, 1, $rows>(p, panel, column, columns, y, x)
                        }
                    }
                };
            }
            // Runs longer than the lane's RUN do not occur; naming them anyway would only cost compile time.
            match rows {
                1 => tile!(1),
                2 => tile!(2),
                3 if L::RUN >= 3 => tile!(3),
                4 if L::RUN >= 4 => tile!(4),
                5 if L::RUN >= 5 => tile!(5),
                6 if L::RUN >= 6 => tile!(6),
                _ if L::RUN >= 7 => tile!(7),
                _ => unreachable!(),
            }
            x += rows;
        }
        y += 2;
    }
}

#[inline(always)]
unsafe fn tile<L: Lanes, const V: usize, const G: usize, const R: usize>(
    p: &Product<L::Number>,
    panel: *const L::Number,
    column: usize,
    columns: usize,
    y: usize,
    x: usize,
) {
    // SAFETY: `product`'s contract covers every address formed here: rows on the grid, their segments, the panel's
    // `segments · segment_length` rows of V registers, and `columns` numbers of bias and of each output row.
    unsafe {
        let full = columns == V * L::WIDTH;
        let last = columns - (V - 1) * L::WIDTH;
        let mut sums = [[[L::zero(); V]; R]; G];
        if !p.bias.is_null() {
            let bias = p.bias.wrapping_add(column);
            unroll!(v < V, 2, {
                let bias = if full || v + 1 < V {
                    L::load(bias.wrapping_add(v * L::WIDTH))
                } else {
                    L::load_partial(bias.wrapping_add(v * L::WIDTH), last)
                };
                unroll!(g < G, 2, { unroll!(r < R, 7, { sums[g][r][v] = bias }) });
            });
        }
        let mut b = panel;
        let stride = p.a_inner;
        let first = p.a.wrapping_add(y * p.a_outer + x * p.a_inner);
        for segment in 0..p.segments {
            let mut a0 = first.wrapping_add(segment * p.segment_stride);
            let mut a1 = if G == 2 { a0.wrapping_add(p.a_outer) } else { a0 };
            for _ in 0..p.segment_length {
                let mut weights = [L::zero(); V];
                unroll!(v < V, 2, { weights[v] = L::load(b.wrapping_add(v * L::WIDTH)) });
                unroll!(r < R, 7, {
                    let value = L::splat(*a0.wrapping_add(r * stride));
                    unroll!(v < V, 2, { sums[0][r][v] = L::multiply_add(value, weights[v], sums[0][r][v]) });
                });
                if G == 2 {
                    unroll!(r < R, 7, {
                        let value = L::splat(*a1.wrapping_add(r * stride));
                        unroll!(v < V, 2, {
                            sums[G - 1][r][v] = L::multiply_add(value, weights[v], sums[G - 1][r][v])
                        });
                    });
                }
                b = b.wrapping_add(V * L::WIDTH);
                a0 = L::opaque(a0.wrapping_add(1));
                a1 = L::opaque(a1.wrapping_add(1));
            }
        }
        if p.rectify {
            unroll!(g < G, 2, {
                unroll!(r < R, 7, { unroll!(v < V, 2, { sums[g][r][v] = L::rectify(sums[g][r][v]) }) })
            });
        }
        let c = p.c.wrapping_add(y * p.c_outer + x * p.c_inner + column);
        unroll!(g < G, 2, {
            unroll!(r < R, 7, {
                let c = c.wrapping_add(g * p.c_outer + r * p.c_inner);
                unroll!(v < V, 2, {
                    if full || v + 1 < V {
                        L::store(c.wrapping_add(v * L::WIDTH), sums[g][r][v]);
                    } else {
                        L::store_partial(c.wrapping_add(v * L::WIDTH), sums[g][r][v], last);
                    }
                });
            });
        });
    }
}

/// `out (+)= rows(a)ᵀ · dy`: for every number of a row, summed over the grid of `examples × height × width` rows.
///
/// Rows are as in [`Product`]; `dy` row (e, y, x) of `columns` numbers starts at
/// `dy + e·dy_example + y·dy_outer + x·dy_inner`. `out` is (segments · segment_length) × columns, rows `out_stride` apart.
pub(super) struct WeightGradient<T> {
    pub(super) a: *const T,
    pub(super) examples: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) a_example: usize,
    pub(super) a_outer: usize,
    pub(super) a_inner: usize,
    pub(super) segments: usize,
    pub(super) segment_length: usize,
    pub(super) segment_stride: usize,
    pub(super) dy: *const T,
    pub(super) dy_example: usize,
    pub(super) dy_outer: usize,
    pub(super) dy_inner: usize,
    pub(super) columns: usize,
    pub(super) out: *mut T,
    pub(super) out_stride: usize,
    /// Add to what `out` holds.
    pub(super) accumulate: bool,
}

/// Computes a [`WeightGradient`].
///
/// # Safety
/// As for [`product`], with `out` in the place of `c`.
#[inline(always)]
pub(super) unsafe fn weight_gradient<L: Lanes>(p: &WeightGradient<L::Number>) {
    let mut column = 0;
    while column < p.columns {
        let left = p.columns - column;
        // SAFETY: columns column..column+min(left, 2·WIDTH) exist; the rest is the caller's contract.
        unsafe {
            if left > L::WIDTH {
                gradient_panel::<L, 2>(p, column, left.min(2 * L::WIDTH));
            } else {
                gradient_panel::<L, 1>(p, column, left);
            }
        }
        column += 2 * L::WIDTH;
    }
}

#[inline(always)]
unsafe fn gradient_panel<L: Lanes, const V: usize>(p: &WeightGradient<L::Number>, column: usize, columns: usize) {
    for segment in 0..p.segments {
        let mut tap = 0;
        while tap < p.segment_length {
            let taps = (p.segment_length - tap).min(L::TAPS);
            macro_rules! taps {
                ($taps:literal) => {
                    // SAFETY: numbers tap..tap+taps of the segment exist.
                    unsafe { gradient_tile::<L, V, $taps>(p, column, columns, segment, tap) }
                };
            }
            match taps {
                1 => taps!(1),
                2 => taps!(2),
                3 => taps!(3),
                4 => taps!(4),
                5 if L::TAPS >= 5 => taps!(5),
                6 if L::TAPS >= 6 => taps!(6),
                7 if L::TAPS >= 7 => taps!(7),
                8 if L::TAPS >= 8 => taps!(8),
                9 if L::TAPS >= 9 => taps!(9),
                10 if L::TAPS >= 10 => taps!(10),
                11 if L::TAPS >= 11 => taps!(11),
                _ if L::TAPS >= 12 => taps!(12),
                _ => unreachable!(),
            }
            tap += taps;
        }
    }
}

#[inline(always)]
unsafe fn gradient_tile<L: Lanes, const V: usize, const K: usize>(
    p: &WeightGradient<L::Number>,
    column: usize,
    columns: usize,
    segment: usize,
    tap: usize,
) {
    // SAFETY: `weight_gradient`'s contract covers every address formed here.
    unsafe {
        let full = columns == V * L::WIDTH;
        let last = columns - (V - 1) * L::WIDTH;
        let out = p.out.wrapping_add((segment * p.segment_length + tap) * p.out_stride + column);
        let mut sums = [[L::zero(); V]; K];
        if p.accumulate {
            unroll!(k < K, 12, {
                unroll!(v < V, 2, {
                    let from = out.wrapping_add(k * p.out_stride + v * L::WIDTH);
                    sums[k][v] = if full || v + 1 < V { L::load(from) } else { L::load_partial(from, last) };
                });
            });
        }
        for example in 0..p.examples {
            for y in 0..p.height {
                let mut a = p.a.wrapping_add(example * p.a_example + y * p.a_outer + segment * p.segment_stride + tap);
                let mut dy = p.dy.wrapping_add(example * p.dy_example + y * p.dy_outer + column);
                for _ in 0..p.width {
                    let mut slopes = [L::zero(); V];
                    unroll!(v < V, 2, {
                        slopes[v] = if full || v + 1 < V {
                            L::load(dy.wrapping_add(v * L::WIDTH))
                        } else {
                            L::load_partial(dy.wrapping_add(v * L::WIDTH), last)
                        };
                    });
                    unroll!(k < K, 12, {
                        let value = L::splat(*a.wrapping_add(k));
                        unroll!(v < V, 2, { sums[k][v] = L::multiply_add(value, slopes[v], sums[k][v]) });
                    });
                    a = a.wrapping_add(p.a_inner);
                    dy = dy.wrapping_add(p.dy_inner);
                }
            }
        }
        unroll!(k < K, 12, {
            unroll!(v < V, 2, {
                let to = out.wrapping_add(k * p.out_stride + v * L::WIDTH);
                if full || v + 1 < V {
                    L::store(to, sums[k][v]);
                } else {
                    L::store_partial(to, sums[k][v], last);
                }
            });
        });
    }
}
