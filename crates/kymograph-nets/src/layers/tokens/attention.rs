//! Self-attention between its projections: patterns from queries and keys, and values mixed by them.

use kymograph_linalg::Real;

use crate::kernels::{Aligned, Columns, Kernels, Rows, Strided};

/// Sizes of an attention, and the place where its queries, keys and values stand side by side.
#[derive(Clone, Copy)]
pub(crate) struct Attention {
    pub(crate) heads: usize,
    pub(crate) tokens: usize,
    /// Features of a head.
    pub(crate) width: usize,
    pub(crate) causal: bool,
    pub(crate) from: usize,
}

/// What of a token's projection is meant.
#[derive(Clone, Copy)]
enum Which {
    Query,
    Key,
    Value,
}

impl Attention {
    fn features(&self) -> usize {
        self.heads * self.width
    }

    /// Numbers of one example's queries, keys and values.
    fn projected(&self) -> usize {
        self.tokens * 3 * self.features()
    }

    fn mixed(&self) -> usize {
        self.tokens * self.features()
    }

    /// Where a head's first token starts in a buffer of an example's projections.
    fn start(&self, which: Which, head: usize) -> usize {
        which as usize * self.features() + head * self.width
    }

    /// A head's rows of projections, one a token.
    fn rows(&self) -> Rows {
        Rows::strided(self.tokens, self.width, 3 * self.features())
    }

    /// Packs a head's projections as the columns of a product: (feature, token).
    fn pack_tokens<T: Real>(&self, kernels: &Kernels<T>, from: &[T], packed: &mut Aligned<T>) {
        let stride = 3 * self.features();
        kernels.pack(self.width, self.tokens, packed, |feature, first, numbers| {
            for (number, &value) in numbers.iter_mut().zip(from[first * stride + feature..].iter().step_by(stride)) {
                *number = value;
            }
        });
    }

    /// The same as (token, feature).
    fn pack_features<T: Real>(&self, kernels: &Kernels<T>, from: &[T], packed: &mut Aligned<T>) {
        let stride = 3 * self.features();
        kernels.pack(self.tokens, self.width, packed, |token, first, numbers| {
            numbers.copy_from_slice(&from[token * stride + first..][..numbers.len()]);
        });
    }

    /// `softmax(q·kᵀ/√width)`, over the keys a query may see; zero for the others.
    pub(crate) fn patterns<T: Real>(
        &self,
        kernels: &Kernels<T>,
        projected: &[T],
        packed: &mut Aligned<T>,
        patterns: &mut [T],
    ) {
        let size = self.tokens * self.tokens;
        let scale = T::from_f64(1.0 / (self.width as f64).sqrt());
        let examples = projected.chunks_exact(self.projected());
        for (example, patterns) in examples.zip(patterns.chunks_exact_mut(self.heads * size)) {
            for (head, pattern) in patterns.chunks_exact_mut(size).enumerate() {
                self.pack_tokens(kernels, &example[self.start(Which::Key, head)..], packed);
                let columns = Columns { packed, count: self.tokens, bias: None, rectify: false };
                kernels.product(&example[self.start(Which::Query, head)..], &self.rows(), &columns, pattern);
                for (query, row) in pattern.chunks_exact_mut(self.tokens).enumerate() {
                    let (seen, hidden) = row.split_at_mut(if self.causal { query + 1 } else { self.tokens });
                    kernels.softmax(seen, scale);
                    hidden.fill(T::ZERO);
                }
            }
        }
    }

    /// From the patterns' slopes, which are spoilt, to those of queries and keys; those of values become zero.
    pub(crate) fn patterns_gradient<T: Real>(
        &self,
        kernels: &Kernels<T>,
        projected: &[T],
        patterns: &[T],
        packed: &mut Aligned<T>,
        slopes: &mut [T],
        input_slopes: &mut [T],
    ) {
        let size = self.tokens * self.tokens;
        let stride = 3 * self.features();
        let scale = T::from_f64(1.0 / (self.width as f64).sqrt());
        for token in input_slopes.chunks_exact_mut(stride) {
            token[2 * self.features()..].fill(T::ZERO);
        }
        let examples = projected.chunks_exact(self.projected()).zip(patterns.chunks_exact(self.heads * size));
        let gradients = slopes.chunks_exact_mut(self.heads * size).zip(input_slopes.chunks_exact_mut(self.projected()));
        for ((example, patterns), (slopes, to)) in examples.zip(gradients) {
            let heads = patterns.chunks_exact(size).zip(slopes.chunks_exact_mut(size)).enumerate();
            for (head, (pattern, slopes)) in heads {
                for (p, g) in pattern.chunks_exact(self.tokens).zip(slopes.chunks_exact_mut(self.tokens)) {
                    kernels.softmax_gradient(p, g, scale);
                }
                let scores = Rows::dense(self.tokens, self.tokens);
                self.pack_features(kernels, &example[self.start(Which::Key, head)..], packed);
                let columns = Columns { packed, count: self.width, bias: None, rectify: false };
                let queries = Strided { values: &mut to[self.start(Which::Query, head)..], stride };
                kernels.product_to(slopes, &scores, &columns, queries);
                let queries = Strided { values: &example[self.start(Which::Query, head)..], stride };
                let keys = Strided { values: &mut to[self.start(Which::Key, head)..], stride };
                kernels.transposed_product(slopes, &scores, queries, self.width, keys, false);
            }
        }
    }

    /// Each head's values, summed by its patterns, side by side.
    pub(crate) fn mix<T: Real>(
        &self,
        kernels: &Kernels<T>,
        patterns: &[T],
        projected: &[T],
        packed: &mut Aligned<T>,
        mixed: &mut [T],
    ) {
        let size = self.tokens * self.tokens;
        let examples = projected.chunks_exact(self.projected()).zip(patterns.chunks_exact(self.heads * size));
        for ((example, patterns), mixed) in examples.zip(mixed.chunks_exact_mut(self.mixed())) {
            for (head, pattern) in patterns.chunks_exact(size).enumerate() {
                self.pack_features(kernels, &example[self.start(Which::Value, head)..], packed);
                let columns = Columns { packed, count: self.width, bias: None, rectify: false };
                let to = Strided { values: &mut mixed[head * self.width..], stride: self.features() };
                kernels.product_to(pattern, &Rows::dense(self.tokens, self.tokens), &columns, to);
            }
        }
    }

    /// The slopes of the patterns, and those of queries, keys (zero) and values.
    #[allow(clippy::too_many_arguments)] // two inputs and two gradients
    pub(crate) fn mix_gradient<T: Real>(
        &self,
        kernels: &Kernels<T>,
        patterns: &[T],
        projected: &[T],
        packed: &mut Aligned<T>,
        slopes: &[T],
        pattern_slopes: &mut [T],
        projected_slopes: &mut [T],
    ) {
        let size = self.tokens * self.tokens;
        let stride = 3 * self.features();
        for token in projected_slopes.chunks_exact_mut(stride) {
            token[..2 * self.features()].fill(T::ZERO);
        }
        let examples = projected.chunks_exact(self.projected()).zip(patterns.chunks_exact(self.heads * size));
        let gradients =
            pattern_slopes.chunks_exact_mut(self.heads * size).zip(projected_slopes.chunks_exact_mut(self.projected()));
        let all = examples.zip(slopes.chunks_exact(self.mixed())).zip(gradients);
        for (((example, patterns), slopes), (pattern_slopes, to)) in all {
            let heads = patterns.chunks_exact(size).zip(pattern_slopes.chunks_exact_mut(size)).enumerate();
            for (head, (pattern, pattern_slopes)) in heads {
                let slopes = &slopes[head * self.width..];
                self.pack_tokens(kernels, &example[self.start(Which::Value, head)..], packed);
                let columns = Columns { packed, count: self.tokens, bias: None, rectify: false };
                let rows = Rows::strided(self.tokens, self.width, self.features());
                kernels.product(slopes, &rows, &columns, pattern_slopes);
                let slopes = Strided { values: slopes, stride: self.features() };
                let values = Strided { values: &mut to[self.start(Which::Value, head)..], stride };
                let rows = Rows::dense(self.tokens, self.tokens);
                kernels.transposed_product(pattern, &rows, slopes, self.width, values, false);
            }
        }
    }
}
