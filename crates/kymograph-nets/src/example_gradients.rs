//! Gradients of each example's own loss, from passes in which every example is a chunk by itself.

use std::collections::BTreeMap;

use kymograph_linalg::Real;
use ndarray::{ArrayD, ArrayViewD};
use rayon::prelude::*;

use crate::engine::Pass;
use crate::error::NetsError;
use crate::hooks;
use crate::layers::Layer;
use crate::loss::{Target, cross_entropy_rows, squares};
use crate::network::{Mode, Network, fill};
use crate::state::{Parameter, array};
use crate::workspace::{Chunk, Workspace};

/// Examples whose gradients are held at once.
const AT_ONCE: usize = 16;

/// Per example: its loss and the gradients of that loss.
#[derive(Clone, Debug)]
pub struct ExampleGradients<T> {
    /// The loss of each example.
    pub losses: Vec<f64>,
    /// (example, …) with the parameter's shape behind, by the names asked for.
    pub arrays: BTreeMap<String, ArrayD<T>>,
}

/// Per example: its loss and how long the gradients of that loss are.
#[derive(Clone, Debug, PartialEq)]
pub struct ExampleGradientNorms {
    /// The loss of each example.
    pub losses: Vec<f64>,
    /// Euclidean norms, one for each example, by the names asked for.
    pub norms: BTreeMap<String, Vec<f64>>,
}

impl<T: Real> Network<T> {
    /// Where would each example alone move the weights: the gradients of its own loss with respect to parameters, by names
    /// such as `fc1.weight.grad`. Not divided by the number of examples: their mean is the batch's gradient.
    ///
    /// Exact for every layer, at the cost of a pass for each example and examples × parameters numbers of memory. In
    /// [`Mode::Train`] dropout drops what a training step on this batch would.
    ///
    /// # Errors
    /// An unknown name (the error lists the known ones), batch normalisation in [`Mode::Train`] (there an example has no
    /// gradient of its own), and those of [`Network::train_step`].
    pub fn example_gradients<'a>(
        &self,
        x: ArrayViewD<'_, T>,
        target: impl Into<Target<'a, T>>,
        mode: Mode,
        names: &[&str],
    ) -> Result<ExampleGradients<T>, NetsError> {
        let layout = self.layout();
        let wanted = self.parameters_named(&layout.parameters, names)?;
        let found = self.each_example(x, &target.into(), mode, |gradients| {
            wanted.iter().map(|parameter| parameter.export(gradients)).collect::<Vec<_>>()
        })?;
        let mut arrays = BTreeMap::new();
        for (index, (name, parameter)) in names.iter().zip(&wanted).enumerate() {
            let values: Vec<T> = found.iter().flat_map(|(_, gradients)| gradients[index].iter().copied()).collect();
            let shape: Vec<usize> = std::iter::once(found.len()).chain(parameter.shape.iter().copied()).collect();
            arrays.insert((*name).to_owned(), array(&shape, values));
        }
        Ok(ExampleGradients { losses: found.into_iter().map(|(loss, _)| loss).collect(), arrays })
    }

    /// How hard does each example alone pull at the weights: the Euclidean norms of [`Network::example_gradients`], summed
    /// in f64, without holding those.
    ///
    /// # Errors
    /// As [`Network::example_gradients`].
    pub fn example_gradient_norms<'a>(
        &self,
        x: ArrayViewD<'_, T>,
        target: impl Into<Target<'a, T>>,
        mode: Mode,
        names: &[&str],
    ) -> Result<ExampleGradientNorms, NetsError> {
        let layout = self.layout();
        let wanted = self.parameters_named(&layout.parameters, names)?;
        let found = self.each_example(x, &target.into(), mode, |gradients| {
            wanted.iter().map(|p| self.kernels.sum_of_squares(&gradients[p.range.clone()]).sqrt()).collect::<Vec<_>>()
        })?;
        let norms = names.iter().enumerate().map(|(index, name)| {
            ((*name).to_owned(), found.iter().map(|(_, norms)| norms[index]).collect::<Vec<f64>>())
        });
        Ok(ExampleGradientNorms { norms: norms.collect(), losses: found.iter().map(|(loss, _)| *loss).collect() })
    }

    fn parameters_named<'p>(
        &self,
        parameters: &'p [Parameter],
        names: &[&str],
    ) -> Result<Vec<&'p Parameter>, NetsError> {
        let find = |name: &str| {
            let base = name.strip_suffix(".grad")?;
            parameters.iter().find(|parameter| parameter.name == base)
        };
        names
            .iter()
            .map(|name| {
                let known = parameters.iter().map(|parameter| parameter.name.clone() + ".grad");
                find(name).ok_or_else(|| hooks::unknown(&[], name, known))
            })
            .collect()
    }

    /// Each example's loss and what `of` makes of its gradients of all parameters.
    fn each_example<R: Send>(
        &self,
        x: ArrayViewD<'_, T>,
        target: &Target<'_, T>,
        mode: Mode,
        of: impl Fn(&[T]) -> R + Sync,
    ) -> Result<Vec<(f64, R)>, NetsError> {
        let examples = self.check_input(&x, mode)?;
        self.check_target(target, examples)?;
        let norm = self.layers.iter().position(|layer| matches!(layer, Layer::Norm(_)));
        if let (Mode::Train, Some(layer)) = (mode, norm) {
            return Err(NetsError::NoExampleGradient { layer: self.labels[layer].clone() });
        }
        let standard = x.as_standard_layout();
        let input = standard.as_slice().unwrap_or_default();
        let pass = self.pass(mode);
        let mut found = Vec::with_capacity(examples);
        let mut kept: Option<Workspace<T>> = None;
        for start in (0..examples).step_by(AT_ONCE) {
            let count = AT_ONCE.min(examples - start);
            let mut workspace = kept.take().filter(|workspace| workspace.batch == count).unwrap_or_else(|| {
                Workspace::cut(&self.layers, &self.shapes, (0..count).map(|at| at..at + 1).collect(), true)
            });
            for (chunk, example) in workspace.chunks.iter_mut().zip(start..) {
                chunk.first = example;
            }
            self.pass_alone(&pass, &mut workspace, input, target);
            let block: Vec<(f64, R)> = workspace
                .chunks
                .par_iter()
                .with_max_len(1)
                .map(|chunk| {
                    let finite = chunk.finite && chunk.loss.is_finite() && self.kernels.all_finite(&chunk.gradients);
                    finite.then(|| (chunk.loss, of(&chunk.gradients)))
                })
                .collect::<Option<_>>()
                .ok_or_else(|| self.diagnose(x.view(), mode))?;
            found.extend(block);
            kept = Some(workspace);
        }
        Ok(found)
    }

    /// Forward and back with each chunk's loss its own.
    fn pass_alone(&self, pass: &Pass<'_, T>, workspace: &mut Workspace<T>, input: &[T], target: &Target<'_, T>) {
        let outputs = self.output_shape().len();
        let start = |chunk: &mut Chunk<T>| {
            chunk.gradients.set_len(self.layout.len);
            chunk.slopes.set_len(outputs);
            let Some(output) = chunk.values.last() else { return };
            match target {
                Target::Labels(labels) => {
                    let label = &labels[chunk.first..=chunk.first];
                    (chunk.loss, chunk.right) = cross_entropy_rows(output, outputs, label, 1, &mut chunk.slopes);
                }
                Target::Values(values) => {
                    let wanted: Vec<T> = values.index_axis(ndarray::Axis(0), chunk.first).iter().copied().collect();
                    chunk.loss = squares(output, &wanted, outputs, &mut chunk.slopes) / outputs as f64;
                }
            }
        };
        pass.forward_backward(workspace, |chunk| fill(pass, chunk, input), start);
    }
}
