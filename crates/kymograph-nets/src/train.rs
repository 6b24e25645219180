//! The training step: forward, loss, backward, gradient norm, optimiser.

use kymograph_linalg::Real;
use ndarray::ArrayViewD;

use crate::engine::Pass;
use crate::error::NetsError;
use crate::layers::Layer;
use crate::loss::{Target, cross_entropy_rows, squares};
use crate::network::{Mode, Network, fill};
use crate::optim::Optimiser;
use crate::workspace::Workspace;

/// What a training step tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepStats {
    /// Loss of the batch before the step, averaged over its examples.
    pub loss: f64,
    /// Euclidean norm of the gradient of all parameters.
    pub gradient_norm: f64,
    /// Examples whose largest output was their label's (the first of equals); `None` without labels.
    pub correct: Option<usize>,
}

impl<T: Real> Network<T> {
    /// One step of training in [`Mode::Train`]: forward, loss, backward, gradient norm, optimiser. `target` is a slice of
    /// labels (cross-entropy) or a view of wanted outputs (mean squared error); the output must be a vector.
    ///
    /// # Errors
    /// As [`Network::forward`]; labels that do not fit; another network's optimiser; a loss or gradient that is not
    /// finite (the error names where it began). After an error nothing has changed.
    pub fn train_step<'a>(
        &mut self,
        x: ArrayViewD<'_, T>,
        target: impl Into<Target<'a, T>>,
        optimiser: &mut Optimiser<T>,
    ) -> Result<StepStats, NetsError> {
        let target = target.into();
        // Inside the pool at once, so that the parallel loops of a step wake its threads a single time.
        rayon::scope(|_| self.train_step_in_pool(x, &target, optimiser))
    }

    fn train_step_in_pool(
        &mut self,
        x: ArrayViewD<'_, T>,
        target: &Target<'_, T>,
        optimiser: &mut Optimiser<T>,
    ) -> Result<StepStats, NetsError> {
        optimiser.check_network(&self.layout)?;
        let batch = self.check_input(&x, Mode::Train)?;
        self.check_target(target, batch)?;
        self.step = optimiser.steps();
        let mut workspace = self.take_workspace(batch);
        self.forward_mode = None;
        workspace.keep.fill(false);
        let pass = self.pass(Mode::Train);
        let (loss, right) = self.run_with_loss(&pass, &mut workspace, &x, target);
        if !loss.is_finite() || workspace.chunks.iter().any(|c| !c.finite) {
            return Err(self.diagnose(x, Mode::Train));
        }
        let norm = self.reduce(&workspace).sqrt();
        if !norm.is_finite() {
            self.check_gradients()?;
        }
        self.update_running(&workspace);
        self.workspace = Some(workspace);
        self.update(optimiser);
        Ok(StepStats { loss, gradient_norm: norm, correct: matches!(target, Target::Labels(_)).then_some(right) })
    }

    /// Forward, loss and backward; the loss is averaged, the gradients stay in the chunks.
    pub(crate) fn run_with_loss(
        &self,
        pass: &Pass<'_, T>,
        workspace: &mut Workspace<T>,
        x: &ArrayViewD<'_, T>,
        target: &Target<'_, T>,
    ) -> (f64, usize) {
        let standard = x.as_standard_layout();
        let input = standard.as_slice().unwrap_or_default();
        let wanted = match target {
            Target::Values(values) => Some(values.as_standard_layout()),
            Target::Labels(_) => None,
        };
        let wanted = wanted.as_ref().and_then(|values| values.as_slice()).unwrap_or_default();
        let outputs = self.output_shape().len();
        let batch = workspace.batch;
        pass.forward_backward(
            workspace,
            |chunk| fill(pass, chunk, input),
            |chunk| {
                chunk.gradients.set_len(self.layout.len);
                chunk.slopes.set_len(chunk.len * outputs);
                let Some(output) = chunk.values.last() else { return };
                let range = chunk.first..chunk.first + chunk.len;
                match target {
                    Target::Labels(labels) => {
                        (chunk.loss, chunk.right) =
                            cross_entropy_rows(output, outputs, &labels[range], batch, &mut chunk.slopes);
                    }
                    Target::Values(_) => {
                        let wanted = &wanted[range.start * outputs..range.end * outputs];
                        chunk.loss = squares(output, wanted, batch * outputs, &mut chunk.slopes);
                    }
                }
            },
        );
        let sum: f64 = workspace.chunks.iter().map(|chunk| chunk.loss).sum();
        let right = workspace.chunks.iter().map(|chunk| chunk.right).sum();
        let count = match target {
            Target::Labels(_) => batch,
            Target::Values(_) => batch * outputs,
        };
        (sum / count as f64, right)
    }

    pub(crate) fn update_running(&mut self, workspace: &Workspace<T>) {
        for (layer, totals) in self.layers.iter_mut().zip(&workspace.totals) {
            if let Layer::Norm(norm) = layer {
                norm.update_running(totals);
            }
        }
    }

    /// Moves the weights by the gradients held.
    pub(crate) fn update(&mut self, optimiser: &mut Optimiser<T>) {
        optimiser.update(&self.kernels, &mut self.parameters, &self.gradients);
        self.pack();
    }
}
