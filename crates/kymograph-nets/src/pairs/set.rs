//! Pairs of elements with their products: what a network is trained or tested on.

use crate::error::NetsError;

/// Some pairs (a, b) of a group's elements and their products ab, sorted by a and then b.
///
/// The loss of a set does not depend on an order, and sorted pairs use the same rows of the tables one after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairSet {
    order: usize,
    pub(super) left: Vec<u32>,
    pub(super) right: Vec<u32>,
    pub(super) products: Vec<u32>,
}

impl PairSet {
    /// The pairs `indices` of a group: index `a · order + b` stands for (a, b), whose product the `table` holds at that
    /// place. (The published split is the first `⌊fraction · order²⌋` of
    /// [`kymograph_linalg::random::torch_permutation`] of `order²`.)
    ///
    /// # Errors
    /// A table whose length is not the square of `order`, a product that is no element, an index beyond the table, no
    /// index. Whether the table is a group's is not asked.
    pub fn new(table: &[u32], order: usize, indices: &[usize]) -> Result<Self, NetsError> {
        if order.checked_mul(order) != Some(table.len()) {
            return Err(NetsError::Shape {
                what: "the table of products".into(),
                expected: format!("[order · order] for the order {order}"),
                found: vec![table.len()],
            });
        }
        if let Some(at) = table.iter().position(|&product| product as usize >= order) {
            return Err(NetsError::Label { example: at, label: table[at] as usize, classes: order });
        }
        if indices.is_empty() {
            return Err(NetsError::EmptyBatch { what: "the set of pairs".into() });
        }
        if let Some(&index) = indices.iter().find(|&&index| index >= table.len()) {
            return Err(NetsError::Value {
                option: "the index of a pair".into(),
                value: index as f64,
                range: format!("below {}, the square of the group's order", table.len()),
            });
        }
        let mut sorted = indices.to_vec();
        sorted.sort_unstable();
        Ok(Self {
            order,
            left: sorted.iter().map(|&at| (at / order) as u32).collect(),
            right: sorted.iter().map(|&at| (at % order) as u32).collect(),
            products: sorted.iter().map(|&at| table[at]).collect(),
        })
    }

    /// All pairs of a group.
    ///
    /// # Errors
    /// As [`PairSet::new`].
    pub fn all(table: &[u32], order: usize) -> Result<Self, NetsError> {
        Self::new(table, order, &(0..table.len()).collect::<Vec<_>>())
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.products.len()
    }

    /// Never: a set holds at least one pair.
    pub fn is_empty(&self) -> bool {
        self.products.is_empty()
    }

    /// Elements of the group.
    pub fn order(&self) -> usize {
        self.order
    }
}
