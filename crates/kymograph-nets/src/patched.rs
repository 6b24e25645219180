//! The loss of a classifier while values inside it are replaced.

use kymograph_linalg::Real;
use ndarray::{ArrayViewD, Ix2};

use crate::error::NetsError;
use crate::intervene::Intervention;
use crate::loss::{Target, cross_entropy};
use crate::network::{Mode, Network};

impl<T: Real> Network<T> {
    /// The mean cross-entropy (nats) of a batch in [`Mode::Eval`] while interventions change values on the way: with
    /// [`crate::Edit::Replace`], what the network makes of a reconstruction of a hook point. Without interventions it is the
    /// loss of the network as it is.
    ///
    /// # Errors
    /// Labels that do not fit, and those of [`Network::forward_with`].
    pub fn loss_with(
        &self,
        x: ArrayViewD<'_, T>,
        labels: &[usize],
        interventions: &[Intervention<T>],
    ) -> Result<f64, NetsError> {
        let batch = self.check_input(&x, Mode::Eval)?;
        self.check_target(&Target::Labels(labels), batch)?;
        let logits = self.forward_with(x, Mode::Eval, interventions)?;
        let found = logits.shape().to_vec();
        let rows = logits.into_dimensionality::<Ix2>();
        let rows = rows.map_err(|_| NetsError::Shape {
            what: "the network's output".into(),
            expected: "[example, class]".into(),
            found,
        })?;
        Ok(cross_entropy(rows.view(), labels)?.value)
    }
}
