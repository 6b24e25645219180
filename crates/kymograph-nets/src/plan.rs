//! Which layers run as one: a convolution or linear layer takes the ReLU behind it along, and a convolution the pooling
//! behind that, so that what lies between never leaves the cache.

use kymograph_linalg::Real;

use crate::layers::Layer;

/// One or more layers run together, `first` to `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Op {
    pub(crate) first: usize,
    pub(crate) last: usize,
    /// Is a ReLU taken along?
    pub(crate) rectify: bool,
    /// The pooling layer taken along.
    pub(crate) pool: Option<usize>,
    /// Is the weight's gradient taken of the whole batch at once, when all chunks have gone back?
    pub(crate) late: bool,
}

/// The operations of a network; one per layer unless `fused`.
pub(crate) fn plan<T: Real>(layers: &[Layer<T>], fused: bool) -> Vec<Op> {
    // What a later layer reads must stay.
    let read: Vec<usize> = layers.iter().filter_map(Layer::also_reads).collect();
    let free = |op: &Op| !read.contains(&(op.last + 1));
    let mut ops = Vec::new();
    let mut at = 0;
    while at < layers.len() {
        let mut op = Op { first: at, last: at, rectify: false, pool: None, late: false };
        if fused && matches!(layers[at], Layer::Conv(_) | Layer::Linear(_)) {
            if let (true, Some(Layer::Relu)) = (free(&op), layers.get(op.last + 1)) {
                op.rectify = true;
                op.last += 1;
            }
            if let (true, Layer::Conv(_), Some(Layer::Pool(_))) = (free(&op), &layers[at], layers.get(op.last + 1)) {
                op.last += 1;
                op.pool = Some(op.last);
            }
        }
        at = op.last + 1;
        ops.push(op);
    }
    ops
}
