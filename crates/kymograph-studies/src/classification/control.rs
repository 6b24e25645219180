//! Controls: the same training with one thing changed, to be laid beside the main run as null or ceiling.

use kymograph_linalg::random::{permutation, stream};
use serde::{Deserialize, Serialize};

/// What a control changes, as `study.toml` declares it. What it leaves out stays as in the main run of the same seed:
/// above all the initial weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Networks trained under it; all of the study's where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// Is it trained for the first seed only, because another would say the same?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first_seed_only: bool,
    /// Added to the seed of the order in which examples come.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub order_seed: u64,
    /// Are the training labels dealt out at random? Each class keeps its count, and nothing is left to learn but the
    /// examples themselves (Zhang et al. 2017, arXiv 1611.03530).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shuffle_labels: bool,
    /// Another learning rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// Is the loss taken with a second softmax, whatever the settings say?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub double_softmax: bool,
}

fn is_zero(offset: &u64) -> bool {
    *offset == 0
}

impl Control {
    /// Whether this network is trained under it.
    #[must_use]
    pub fn takes(&self, network: &str) -> bool {
        self.networks.is_empty() || self.networks.iter().any(|taken| taken == network)
    }

    /// The training labels under this control: a permutation of them that depends on the seed alone, where they are
    /// shuffled.
    #[must_use]
    pub fn labels(&self, labels: &[usize], seed: u64) -> Vec<usize> {
        if !self.shuffle_labels {
            return labels.to_vec();
        }
        permutation(&mut stream(seed, "shuffled labels"), labels.len()).into_iter().map(|from| labels[from]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffling_keeps_every_class_and_depends_on_the_seed() {
        let labels: Vec<usize> = (0..1000).map(|i| i % 10).collect();
        let control = Control { shuffle_labels: true, ..Control::default() };
        let mut shuffled = control.labels(&labels, 3);
        let same = shuffled.iter().zip(&labels).filter(|(a, b)| a == b).count();
        // Binomial with 1,000 draws of probability .1: mean 100, deviation 9.5.
        assert!((60..140).contains(&same), "{same} of 1000 labels stayed");
        assert_ne!(shuffled, control.labels(&labels, 4));
        assert_eq!(shuffled, control.labels(&labels, 3));
        let mut sorted = labels.clone();
        shuffled.sort_unstable();
        sorted.sort_unstable();
        assert_eq!(shuffled, sorted);
        assert_eq!(Control::default().labels(&labels, 3), labels);
    }
}
