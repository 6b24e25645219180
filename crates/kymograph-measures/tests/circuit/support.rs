//! Small networks on small groups, and the dense arithmetic of the literal twin.

use kymograph_linalg::random::{normal_matrix, stream};
use kymograph_measures::groups::circuit::{Circuit, Pairing, paired_block};
use kymograph_measures::groups::{Group, Irrep, irreps};
use ndarray::Array2;

pub(crate) struct Small {
    pub(crate) group: Group,
    pub(crate) irreps: Vec<Irrep>,
    pub(crate) x: Array2<f64>,
    pub(crate) y: Array2<f64>,
    pub(crate) unembed: Array2<f64>,
    pub(crate) train: Vec<bool>,
}

impl Small {
    /// A random network of one layer, whose logits are large enough for the losses to differ.
    pub(crate) fn random(name: &str, width: usize, seed: u64) -> Self {
        let group = Group::named(name).expect("a group");
        let order = group.order();
        let mut stream = stream(seed, "test");
        let x = normal_matrix(&mut stream, order, width);
        let y = normal_matrix(&mut stream, order, width);
        let unembed = normal_matrix(&mut stream, width, order);
        let train = (0..order * order).map(|pair| pair * 7 % 5 < 3).collect();
        Small { irreps: irreps(&group).expect("its representations"), group, x, y, unembed, train }
    }

    /// Asks something of the network.
    pub(crate) fn ask<R>(&self, question: impl FnOnce(&Circuit<'_, f64>) -> R) -> R {
        let block = paired_block(self.x.view(), self.y.view(), self.unembed.view(), Pairing::Relu);
        question(&Circuit {
            group: &self.group,
            embed_x: self.x.view(),
            embed_y: self.y.view(),
            unembed: self.unembed.view(),
            block: &block,
            residual: false,
            train: Some(&self.train),
            squared_weights: Some(7.0),
        })
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.irreps.iter().map(|irrep| irrep.name.clone()).collect()
    }

    /// Hidden layer over all pairs: pair × neuron.
    pub(crate) fn hidden(&self) -> Array2<f64> {
        dense(&self.x, &self.y)
    }

    /// The product of each pair.
    pub(crate) fn products(&self) -> Vec<usize> {
        self.group.products().iter().map(|&g| g as usize).collect()
    }
}

pub(crate) fn dense(x: &Array2<f64>, y: &Array2<f64>) -> Array2<f64> {
    let order = x.nrows();
    Array2::from_shape_fn((order * order, x.ncols()), |(pair, n)| {
        (x[[pair / order, n]] + y[[pair % order, n]]).max(0.0)
    })
}

/// Mean cross-entropy by its definition.
pub(crate) fn loss(logits: &Array2<f64>, labels: &[usize], chosen: impl Fn(usize) -> bool) -> f64 {
    let mut losses = Vec::new();
    for (row, (logits, &label)) in logits.outer_iter().zip(labels).enumerate() {
        if chosen(row) {
            let top = logits.iter().fold(f64::NEG_INFINITY, |t, &x| t.max(x));
            let sum: f64 = logits.iter().map(|x| (x - top).exp()).sum();
            losses.push(top + sum.ln() - logits[label]);
        }
    }
    losses.iter().sum::<f64>() / losses.len() as f64
}

pub(crate) fn close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-9 * (1.0 + expected.abs()), "{what}: {found:e}, expected {expected:e}");
}
