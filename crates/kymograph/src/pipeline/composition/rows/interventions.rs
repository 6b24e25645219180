//! Interventions: what is left of the network when one mechanism is changed and nothing trained again.

use kymograph_linalg::Real;
use kymograph_nets::{NetsError, PairEdit, PairNetwork, PairSet};

use super::{Rows, WHOLE, exact};
use crate::error::KymographError;

impl Rows<'_> {
    pub(super) fn interventions<T: Real>(&mut self, network: &PairNetwork<T>) -> Result<(), KymographError> {
        let group = &self.composer.group;
        let all = PairSet::all(group.products(), group.order())?;
        let chance = 1.0 / group.order() as f64;
        let noise = |mean: f64, deviation: f64| PairEdit::Noise { mean, deviation, seed: 0 };
        let edits: [(&str, Vec<PairEdit>); 10] = [
            ("none", vec![]),
            ("embeddings swapped", vec![PairEdit::SwapEmbeddings]),
            ("both signs flipped", vec![PairEdit::NegateLeft, PairEdit::NegateRight]),
            ("left sign flipped", vec![PairEdit::NegateLeft]),
            ("right sign flipped", vec![PairEdit::NegateRight]),
            ("noise N(0, 0.1)", vec![noise(0.0, 0.1)]),
            ("noise N(0, 1)", vec![noise(0.0, 1.0)]),
            ("absolute value for ReLU", vec![PairEdit::Absolute]),
            ("noise N(1, 1)", vec![noise(1.0, 1.0)]),
            ("noise N(-1, 1)", vec![noise(-1.0, 1.0)]),
        ];
        let mut base = None;
        for (name, edits) in edits {
            let view = match network.edited_view(&edits) {
                Ok(view) => view,
                // An architecture without the mechanism has no such row.
                Err(NetsError::Spec { .. }) => continue,
                Err(other) => return Err(other.into()),
            };
            let stats = view.evaluate(&all)?;
            self.add("intervention_accuracy", name, stats.accuracy).nulls = exact("chance", chance);
            let uniform = (group.order() as f64).ln();
            self.add("intervention_loss", name, stats.loss).nulls = exact("uniform_logits", uniform);
            match name {
                "none" => base = Some(stats.loss),
                "embeddings swapped" => {
                    self.add("swapped_embeddings_accuracy", WHOLE, stats.accuracy).nulls = exact("chance", chance);
                }
                "absolute value for ReLU" => {
                    self.add("absolute_value_accuracy", WHOLE, stats.accuracy).nulls = exact("chance", chance);
                    let ratio = base.map_or(f64::NAN, |base| (stats.loss / base).log10());
                    self.add("absolute_value_log10_loss_ratio", WHOLE, ratio).nulls = exact("no_change", 0.0);
                }
                _ => {}
            }
        }
        Ok(())
    }
}
