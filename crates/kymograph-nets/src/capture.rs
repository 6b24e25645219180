//! Captures: reading the values and gradients at hook points, with or without interventions.

use std::collections::BTreeMap;

use kymograph_linalg::Real;
use ndarray::{ArrayD, ArrayViewD, Axis, Slice};

use crate::engine::Pass;
use crate::error::NetsError;
use crate::hooks::{self, Hook};
use crate::intervene::{self, Intervention};
use crate::loss::Target;
use crate::network::{BLOCK_EXAMPLES, Mode, Network, fill};
use crate::workspace::Workspace;

/// Values and gradients at hook points, with the loss they belong to.
#[derive(Clone, Debug)]
pub struct GradientCapture<T> {
    /// Loss of the batch, averaged over its examples.
    pub loss: f64,
    /// The arrays by the names asked for.
    pub arrays: BTreeMap<String, ArrayD<T>>,
}

impl<T: Real> Network<T> {
    /// The values at hook points in [`Mode::Eval`]: (example, …) with the hook point's shape.
    ///
    /// # Errors
    /// An unknown name (the error lists the known ones), and those of [`Network::forward`].
    pub fn capture(&self, x: ArrayViewD<'_, T>, names: &[&str]) -> Result<BTreeMap<String, ArrayD<T>>, NetsError> {
        self.capture_with(x, Mode::Eval, names, &[])
    }

    /// The outputs for a batch while interventions change values on the way. Those at one hook point happen in the order
    /// given. In [`Mode::Train`] the batch's statistics and dropout are used, and nothing in the network changes.
    ///
    /// # Errors
    /// An unknown hook point or unit, an array of another shape, and those of [`Network::forward`].
    pub fn forward_with(
        &self,
        x: ArrayViewD<'_, T>,
        mode: Mode,
        interventions: &[Intervention<T>],
    ) -> Result<ArrayD<T>, NetsError> {
        let output = Hook::whole(self.layers.len(), self.output_shape());
        let mut arrays = self.run(x, mode, &[&output], interventions)?;
        Ok(arrays.swap_remove(0))
    }

    /// The values at hook points while interventions change values on the way; at a changed hook point, the changed ones.
    ///
    /// # Errors
    /// As [`Network::capture`] and [`Network::forward_with`].
    pub fn capture_with(
        &self,
        x: ArrayViewD<'_, T>,
        mode: Mode,
        names: &[&str],
        interventions: &[Intervention<T>],
    ) -> Result<BTreeMap<String, ArrayD<T>>, NetsError> {
        let wanted: Vec<&Hook> = names
            .iter()
            .map(|name| {
                hooks::find(&self.hooks, name).ok_or_else(|| hooks::unknown(&self.hooks, name, std::iter::empty()))
            })
            .collect::<Result<_, _>>()?;
        let arrays = self.run(x, mode, &wanted, interventions)?;
        Ok(names.iter().map(|&name| name.to_owned()).zip(arrays).collect())
    }

    /// The values at hook points; the whole batch at once where something needs it, in blocks otherwise.
    fn run(
        &self,
        x: ArrayViewD<'_, T>,
        mode: Mode,
        wanted: &[&Hook],
        interventions: &[Intervention<T>],
    ) -> Result<Vec<ArrayD<T>>, NetsError> {
        let examples = self.check_input(&x, mode)?;
        let ready = intervene::ready(&self.hooks, self.embedding(), examples, interventions)?;
        let whole = mode == Mode::Train || intervene::need_whole_batch(&ready);
        let block = if whole { examples } else { BLOCK_EXAMPLES };
        let last = self.layers.len();
        let fused = ready.is_empty() && wanted.iter().all(|hook| hook.place == last || hook.place == 0);
        let pass = self.pass(mode);
        let mut collected = vec![Vec::new(); wanted.len()];
        let mut kept: Option<Workspace<T>> = None;
        for start in (0..examples).step_by(block) {
            let part = x.slice_axis(Axis(0), Slice::from(start..(start + block).min(examples)));
            let batch = part.shape()[0];
            let mut workspace = kept
                .take()
                .filter(|workspace| workspace.batch == batch)
                .unwrap_or_else(|| Workspace::new(&self.layers, &self.shapes, batch, fused));
            let standard = part.as_standard_layout();
            let input = standard.as_slice().unwrap_or_default();
            workspace.each(|chunk| fill(&pass, chunk, input));
            if workspace.chunks.iter().any(|chunk| !chunk.finite) {
                return Err(self.diagnose(x, mode));
            }
            if ready.is_empty() {
                let ops = 0..workspace.ops.len();
                pass.forward(&mut workspace, ops);
            } else {
                self.forward_changing(&pass, &mut workspace, &ready, start);
            }
            for (values, hook) in collected.iter_mut().zip(wanted) {
                hooks::append_values(&workspace, hook, values);
            }
            if workspace.chunks.iter().any(|chunk| chunk.values[last].iter().any(|v| !v.is_finite())) {
                return Err(self.diagnose(x, mode));
            }
            kept = Some(workspace);
        }
        let arrays = collected.into_iter().zip(wanted).map(|(values, hook)| hooks::examples(hook.shape, values));
        Ok(arrays.collect())
    }

    fn forward_changing(
        &self,
        pass: &Pass<'_, T>,
        workspace: &mut Workspace<T>,
        ready: &[intervene::Ready<'_, T>],
        start: usize,
    ) {
        intervene::apply(ready, 0, start, workspace);
        for op in 0..workspace.ops.len() {
            pass.forward(workspace, op..op + 1);
            let place = workspace.ops[op].last + 1;
            intervene::apply(ready, place, start, workspace);
        }
    }

    /// Values (`conv1`), gradients of the loss with respect to them (`conv1.grad`, `input.grad`) and to parameters
    /// (`conv1.weight.grad`) for a batch. The loss is the mean over the batch (cross-entropy of labels, or mean squared
    /// error), so the gradient at one example is its own divided by the number of examples. Nothing in the network changes.
    ///
    /// # Errors
    /// An unknown name, and those of [`Network::train_step`].
    pub fn capture_with_gradients<'a>(
        &self,
        x: ArrayViewD<'_, T>,
        target: impl Into<Target<'a, T>>,
        mode: Mode,
        names: &[&str],
    ) -> Result<GradientCapture<T>, NetsError> {
        enum What<'a> {
            Value(&'a Hook),
            Slope(&'a Hook),
            Parameter(usize),
        }
        let target = target.into();
        let layout = self.layout();
        let wanted: Vec<What<'_>> = names
            .iter()
            .map(|name| {
                if let Some(hook) = hooks::find(&self.hooks, name) {
                    return Ok(What::Value(hook));
                }
                let base = name.strip_suffix(".grad");
                if let Some(index) = layout.parameters.iter().position(|p| Some(p.name.as_str()) == base) {
                    return Ok(What::Parameter(index));
                }
                base.and_then(|base| hooks::find(&self.hooks, base)).map(What::Slope).ok_or_else(|| {
                    let more = self.hook_points().into_iter().map(|h| h.name + ".grad");
                    let more = more.chain(layout.parameters.iter().map(|p| p.name.clone() + ".grad"));
                    hooks::unknown(&self.hooks, name, more)
                })
            })
            .collect::<Result<_, _>>()?;
        let batch = self.check_input(&x, mode)?;
        self.check_target(&target, batch)?;
        let mut workspace = Workspace::new(&self.layers, &self.shapes, batch, false);
        for what in &wanted {
            if let What::Slope(hook) = what {
                workspace.keep[hook.place] = true;
            }
        }
        let pass = Pass { all_gradients: true, ..self.pass(mode) };
        let (loss, _) = self.run_with_loss(&pass, &mut workspace, &x, &target);
        if !loss.is_finite() || workspace.chunks.iter().any(|chunk| !chunk.finite) {
            return Err(self.diagnose(x, mode));
        }
        let mut arrays = BTreeMap::new();
        for (name, what) in names.iter().zip(&wanted) {
            let mut values = Vec::new();
            let array = match *what {
                What::Value(hook) => {
                    hooks::append_values(&workspace, hook, &mut values);
                    hooks::examples(hook.shape, values)
                }
                What::Slope(hook) => {
                    hooks::append_kept(&workspace, hook, &mut values);
                    hooks::examples(hook.shape, values)
                }
                What::Parameter(index) => layout.parameters[index].export(&self.sum_gradients(&workspace)),
            };
            crate::loss::check_finite(&format!("`{name}`"), array.view())?;
            arrays.insert((*name).to_owned(), array);
        }
        Ok(GradientCapture { loss, arrays })
    }

    /// The gradient of the loss with respect to all parameters for a batch, in the order of [`Network::flat_parameters`].
    /// Nothing in the network changes, so a minibatch can be looked at again after a step.
    ///
    /// # Errors
    /// Those of [`Network::train_step`].
    pub fn flat_gradient_at<'a>(
        &self,
        x: ArrayViewD<'_, T>,
        target: impl Into<Target<'a, T>>,
        mode: Mode,
    ) -> Result<Vec<T>, NetsError> {
        let target = target.into();
        let batch = self.check_input(&x, mode)?;
        self.check_target(&target, batch)?;
        let mut workspace = Workspace::new(&self.layers, &self.shapes, batch, true);
        let (loss, _) = self.run_with_loss(&self.pass(mode), &mut workspace, &x, &target);
        if !loss.is_finite() || workspace.chunks.iter().any(|chunk| !chunk.finite) {
            return Err(self.diagnose(x, mode));
        }
        Ok(self.sum_gradients(&workspace))
    }

    fn sum_gradients(&self, workspace: &Workspace<T>) -> Vec<T> {
        let mut total = vec![T::ZERO; self.parameter_count()];
        self.total_gradient(workspace, &mut total);
        total
    }
}
