//! Does the input fit, and if numbers are not finite, where did that begin?

use kymograph_linalg::Real;
use ndarray::ArrayViewD;

use crate::error::NetsError;
use crate::hooks::{self, Hook};
use crate::layers::{Embedding, Layer, Shape};
use crate::loss::{Target, check_finite, check_labels};
use crate::network::{Mode, Network, fill};
use crate::workspace::Workspace;

impl<T: Real> Network<T> {
    /// Number of examples of an input of the right shape.
    pub(crate) fn check_input(&self, x: &ArrayViewD<'_, T>, mode: Mode) -> Result<usize, NetsError> {
        let wanted = self.shapes[0].dims();
        if x.ndim() != wanted.len() + 1 || x.shape()[1..] != wanted {
            return Err(NetsError::Shape {
                what: format!("the input of network `{}`", self.spec.name),
                expected: format!("[examples, {}]", wanted.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
                found: x.shape().to_vec(),
            });
        }
        let batch = x.shape()[0];
        if batch == 0 {
            return Err(NetsError::EmptyBatch { what: format!("the input of network `{}`", self.spec.name) });
        }
        if mode == Mode::Train {
            for ((layer, shape), label) in self.layers.iter().zip(&self.shapes).zip(&self.labels) {
                if matches!(layer, Layer::Norm(_)) && batch * shape.positions() < 2 {
                    return Err(NetsError::OneExample { layer: label.clone() });
                }
            }
        }
        if let Some(embedding) = self.embedding() {
            let wrong = x.indexed_iter().find(|&(_, &x)| x.is_finite() && embedding.token(x).is_none());
            if let Some((index, value)) = wrong {
                return Err(NetsError::Token {
                    what: format!("the input of network `{}`", self.spec.name),
                    position: format!("{:?}", ndarray::Dimension::slice(&index)),
                    value: value.to_f64(),
                    vocabulary: embedding.vocabulary,
                });
            }
        }
        Ok(batch)
    }

    /// The table the network begins with, whose input is whole numbers.
    pub(crate) fn embedding(&self) -> Option<&Embedding> {
        match self.layers.first() {
            Some(Layer::Embedding(embedding)) => Some(embedding),
            _ => None,
        }
    }

    pub(crate) fn check_target(&self, target: &Target<'_, T>, batch: usize) -> Result<(), NetsError> {
        let Shape::Vector { features } = self.output_shape() else {
            return Err(NetsError::Shape {
                what: format!("the output of network `{}`", self.spec.name),
                expected: "vectors for a loss; end the network with a flatten layer or a mean over tokens".into(),
                found: self.output_shape().dims(),
            });
        };
        match target {
            Target::Labels(labels) => check_labels(labels, batch, features),
            Target::Values(values) if values.shape() != [batch, features] => Err(NetsError::Shape {
                what: "the target".into(),
                expected: format!("[{batch}, {features}]"),
                found: values.shape().to_vec(),
            }),
            Target::Values(values) => check_finite("the target", values.view()),
        }
    }

    /// An error if a gradient is not finite; it names the parameter.
    pub(crate) fn check_gradients(&self) -> Result<(), NetsError> {
        if self.kernels.all_finite(&self.gradients) {
            return Ok(());
        }
        self.layout
            .export(&self.gradients, "")
            .into_iter()
            .try_for_each(|(name, gradient)| check_finite(&format!("the gradient of `{name}`"), gradient.view()))
    }

    /// Where a pass that gave something not finite went wrong: the first of input, weights, layers' outputs, loss.
    pub(crate) fn diagnose(&self, x: ArrayViewD<'_, T>, mode: Mode) -> NetsError {
        if let Err(error) = check_finite(&format!("the input of network `{}`", self.spec.name), x.view()) {
            return error;
        }
        let not_finite = |what: String, position: String| {
            NetsError::NotFinite {
            what,
            position,
            remedy: "the numbers outgrew their type; lower the learning rate, scale the input, or take an earlier checkpoint"
                .into(),
        }
        };
        let mut workspace = Workspace::new(&self.layers, &self.shapes, x.shape()[0], false);
        let standard = x.as_standard_layout();
        let input = standard.as_slice().unwrap_or_default();
        let pass = self.pass(mode);
        workspace.each(|chunk| fill(&pass, chunk, input));
        let ops = 0..workspace.ops.len();
        pass.forward(&mut workspace, ops);
        for (layer, label) in self.labels.iter().enumerate() {
            let mut values = Vec::new();
            let hook = Hook::whole(layer + 1, self.shapes[layer + 1]);
            hooks::append_values(&workspace, &hook, &mut values);
            let values = hooks::examples(hook.shape, values);
            if let Some((index, _)) = values.indexed_iter().find(|(_, v)| !v.is_finite()) {
                let position = format!("{:?}", ndarray::Dimension::slice(&index));
                return not_finite(format!("the output of layer `{label}`"), position);
            }
        }
        not_finite("the loss".into(), "the batch".into())
    }
}
