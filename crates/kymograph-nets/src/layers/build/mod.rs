//! From a specification to layers: the list with its residual blocks and attentions is laid out flat, sizes follow from
//! layer to layer, parameters and hook points get their names and places.

mod kinds;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use kymograph_linalg::Real;

use super::{Attention, Dropout, Layer, Shape};
use crate::error::NetsError;
use crate::hooks::{Hook, Part};
use crate::spec::{LayerKind, LayerSpec, NetworkSpec};
use crate::state::{Init, Layout};

/// Sizes beyond this are taken for a mistake; products of two of them still fit.
const LARGEST: usize = 1 << 28;
/// Residual blocks inside residual blocks.
const DEEPEST: usize = 16;

/// The layers, the shape before the first and after each, where the parameters lie, and which places have names.
pub(crate) struct Built<T> {
    pub(crate) layers: Vec<Layer<T>>,
    /// What errors call each layer.
    pub(crate) labels: Vec<String>,
    pub(crate) shapes: Vec<Shape>,
    pub(crate) layout: Layout,
    pub(crate) hooks: Vec<Hook>,
}

struct Builder<'a, T> {
    spec: &'a NetworkSpec,
    built: Built<T>,
    /// Names of layers and hook points.
    names: HashSet<String>,
    /// Which parameters a layer has.
    tensors: HashMap<String, Range<usize>>,
    /// Attentions so far, by which blocks are numbered.
    attentions: usize,
    /// The block whose second residual block is still to come.
    open: Option<usize>,
}

pub(crate) fn build<T: Real>(spec: &NetworkSpec) -> Result<Built<T>, NetsError> {
    let error = |layer: &str, reason: String| spec_error(spec, layer, reason);
    let shape = match *spec.input.as_slice() {
        [features] => Shape::Vector { features },
        [tokens, features] => Shape::Tokens { tokens, features },
        [channels, height, width] => Shape::Image { channels, height, width },
        _ => {
            return Err(error(
                "input",
                format!("{:?} is neither [features] nor [tokens, features] nor [channels, height, width]", spec.input),
            ));
        }
    };
    if spec.input.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).is_none_or(|n| n == 0 || n > LARGEST) {
        return Err(error("input", format!("the sizes {:?} do not multiply to between 1 and 2²⁸", spec.input)));
    }
    if spec.layers.is_empty() {
        return Err(error("layers", "the network has no layer; give at least one".into()));
    }
    let mut builder = Builder {
        spec,
        built: Built {
            layers: Vec::new(),
            labels: Vec::new(),
            shapes: vec![shape],
            layout: Layout::default(),
            hooks: Vec::new(),
        },
        names: HashSet::new(),
        tensors: HashMap::new(),
        attentions: 0,
        open: None,
    };
    builder.hook("input".into(), 0, None, shape)?;
    builder.add_layers(&spec.layers, 0)?;
    let mut built = builder.built;
    built.hooks.sort_by_key(|hook| hook.place);
    Ok(built)
}

fn spec_error(spec: &NetworkSpec, layer: &str, reason: String) -> NetsError {
    NetsError::Spec { network: spec.name.clone(), layer: layer.to_owned(), reason }
}

impl<T: Real> Builder<'_, T> {
    fn add_layers(&mut self, layers: &[LayerSpec], depth: usize) -> Result<(), NetsError> {
        for layer in layers {
            self.add_layer(layer, depth).map_err(|reason| match reason {
                Reason::Here(reason) => spec_error(self.spec, &layer.name, reason),
                Reason::Within(error) => error,
            })?;
        }
        Ok(())
    }

    fn add_layer(&mut self, layer: &LayerSpec, depth: usize) -> Result<(), Reason> {
        let name = layer.name.as_str();
        if name.is_empty() || name.ends_with(".grad") {
            return Err("a layer's name must not be empty or end in `.grad`".to_owned().into());
        }
        let first = self.built.layout.parameters.len();
        match &layer.kind {
            LayerKind::Residual { layers } => self.residual(name, layers, depth)?,
            &LayerKind::MultiheadAttention { num_heads, dropout, bias, causal } => {
                self.attention(name, num_heads, dropout, bias, causal)?;
            }
            kind => {
                let at = self.built.layers.len();
                let (ready, next) = kinds::layer(name, kind, self.shape(), at, &mut self.built.layout)?;
                self.push(ready, next, name.to_owned())?;
                self.hook(name.to_owned(), at + 1, None, next)?;
            }
        }
        let parameters = first..self.built.layout.parameters.len();
        let (before, new) = self.built.layout.parameters.split_at(first);
        if let Some(twice) = new.iter().find(|new| before.iter().any(|known| known.name == new.name)) {
            return Err(format!("two tensors would be called `{}`", twice.name).into());
        }
        if let Some(source) = &layer.starts_as {
            self.copy(name, source, parameters.clone())?;
        }
        self.tensors.insert(name.to_owned(), parameters);
        Ok(())
    }

    fn shape(&self) -> Shape {
        self.built.shapes[self.built.layers.len()]
    }

    /// Appends a layer that gives `shape`.
    fn push(&mut self, layer: Layer<T>, shape: Shape, label: String) -> Result<(), String> {
        let built = &mut self.built;
        if shape.len() == 0 || shape.len() > LARGEST || built.layout.len > LARGEST {
            return Err(format!(
                "its output would have the shape {:?} and the network {} parameters; sizes must be between 1 and 2²⁸",
                shape.dims(),
                built.layout.len
            ));
        }
        built.layers.push(layer);
        built.shapes.push(shape);
        built.labels.push(label);
        Ok(())
    }

    fn hook(&mut self, name: String, place: usize, part: Option<Part>, shape: Shape) -> Result<(), NetsError> {
        if !self.names.insert(name.clone()) {
            let reason =
                "the name is taken; hook points need different ones (`input` is the network's input)".to_owned();
            return Err(spec_error(self.spec, &name, reason));
        }
        self.built.hooks.push(Hook { name, place, part, shape });
        Ok(())
    }

    /// A further name for all of a place.
    fn also(&mut self, name: String, place: usize) -> Result<(), NetsError> {
        self.hook(name, place, None, self.built.shapes[place])
    }

    /// The layers inside, then the sum of what went in and what came out.
    fn residual(&mut self, name: &str, layers: &[LayerSpec], depth: usize) -> Result<(), Reason> {
        if depth >= DEEPEST {
            return Err(format!("residual blocks are more than {DEEPEST} deep").into());
        }
        if layers.is_empty() {
            return Err("the residual block has no layer; give at least one".to_owned().into());
        }
        let (from, shape, attentions) = (self.built.layers.len(), self.shape(), self.attentions);
        self.add_layers(layers, depth + 1)?;
        let end = self.built.layers.len();
        if self.shape() != shape {
            return Err(format!(
                "the layers inside make {:?} of {:?}, so the two cannot be added",
                self.shape().dims(),
                shape.dims()
            )
            .into());
        }
        self.push(Layer::Add { from }, shape, name.to_owned())?;
        self.hook(name.to_owned(), end + 1, None, shape)?;
        if depth == 0 {
            self.block_hooks(from, end, attentions)?;
        }
        Ok(())
    }

    /// TransformerLens' names for a residual block from place `from`, whose sum is of what stands there and at `end`.
    fn block_hooks(&mut self, from: usize, end: usize, attentions: usize) -> Result<(), NetsError> {
        if self.attentions > attentions {
            let block = self.attentions - 1;
            self.open = Some(block);
            self.also(format!("blocks.{block}.hook_resid_pre"), from)?;
            self.also(format!("blocks.{block}.hook_attn_out"), end)?;
            return self.also(format!("blocks.{block}.hook_resid_mid"), end + 1);
        }
        let layers = &self.built.layers[from..end];
        let Some(linear) = layers.iter().position(|layer| matches!(layer, Layer::Linear(_))) else { return Ok(()) };
        let active = layers[linear..].iter().position(Layer::is_activation).map(|at| linear + at);
        let Some(block) = self.open.take() else { return Ok(()) };
        self.also(format!("blocks.{block}.mlp.hook_pre"), from + linear + 1)?;
        if let Some(active) = active {
            self.also(format!("blocks.{block}.mlp.hook_post"), from + active + 1)?;
        }
        self.also(format!("blocks.{block}.hook_mlp_out"), end)?;
        self.also(format!("blocks.{block}.hook_resid_post"), end + 1)
    }

    /// Projection to queries, keys and values, patterns, their dropout, the mixing of values, the output's projection.
    fn attention(&mut self, name: &str, heads: usize, dropout: f64, bias: bool, causal: bool) -> Result<(), Reason> {
        let Shape::Tokens { tokens, features } = self.shape() else {
            return Err(format!("attention takes tokens and gets {:?}", self.shape().dims()).into());
        };
        if heads == 0 || !features.is_multiple_of(heads) {
            return Err(format!("num_heads = {heads} must divide the {features} features of a token").into());
        }
        kinds::check_probability("dropout", dropout)?;
        let block = format!("blocks.{}.attn", self.attentions);
        self.attentions += 1;
        let width = features / heads;
        let layout = &mut self.built.layout;
        let (weight_name, bias_name) = (format!("{name}.in_proj_weight"), format!("{name}.in_proj_bias"));
        let xavier = Init::Uniform((6.0 / (4 * features) as f64).sqrt());
        let bias_in = bias.then_some((bias_name, Init::Zero));
        let projection = kinds::linear(layout, features, 3 * features, (weight_name, xavier), bias_in);
        let from = self.built.layers.len() + 1;
        self.push(projection, Shape::Tokens { tokens, features: 3 * features }, format!("{name}.in_proj"))?;
        let of_heads = Shape::Heads { tokens, heads, width };
        for (index, letter) in ["q", "k", "v"].into_iter().enumerate() {
            let part = Part { row: 3 * features, first: index * features, count: features };
            self.hook(format!("{block}.hook_{letter}"), from, Some(part), of_heads)?;
        }
        let attention = Attention { heads, tokens, width, causal, from };
        let patterns = Shape::Patterns { heads, tokens };
        self.push(Layer::Patterns(attention), patterns, format!("{name}.patterns"))?;
        self.hook(format!("{block}.hook_pattern"), from + 1, None, patterns)?;
        if dropout > 0.0 {
            let layer = Dropout::new(name, dropout, patterns.len());
            self.push(Layer::Dropout(layer), patterns, format!("{name}.dropout"))?;
        }
        self.push(Layer::Mix(attention), self.built.shapes[from - 1], format!("{name}.mix"))?;
        self.hook(format!("{block}.hook_z"), self.built.layers.len(), None, of_heads)?;
        let weight = (format!("{name}.out_proj.weight"), kinds::fan_in(features));
        let bias = bias.then(|| (format!("{name}.out_proj.bias"), Init::Zero));
        let projection = kinds::linear(&mut self.built.layout, features, features, weight, bias);
        self.push(projection, self.built.shapes[from - 1], name.to_owned())?;
        Ok(self.also(name.to_owned(), self.built.layers.len())?)
    }

    /// Lets the parameters of `name` start as those of an earlier layer.
    fn copy(&mut self, name: &str, source: &str, parameters: Range<usize>) -> Result<(), String> {
        let from = self
            .tensors
            .get(source)
            .filter(|from| !from.is_empty() && from.len() == parameters.len())
            .ok_or_else(|| format!("no earlier layer `{source}` has tensors that it could start as"))?;
        for (to, from) in parameters.zip(from.clone()) {
            let (copy, original) = (&self.built.layout.parameters[to], &self.built.layout.parameters[from]);
            if copy.shape != original.shape || copy.name.strip_prefix(name) != original.name.strip_prefix(source) {
                return Err(format!(
                    "its tensor `{}` {:?} cannot start as `{}` {:?}",
                    copy.name, copy.shape, original.name, original.shape
                ));
            }
            self.built.layout.parameters[to].init = Init::Same(from);
        }
        Ok(())
    }
}

/// Why a layer cannot be built: for a reason of its own, or of one inside it.
enum Reason {
    Here(String),
    Within(NetsError),
}

impl From<String> for Reason {
    fn from(reason: String) -> Self {
        Self::Here(reason)
    }
}

impl From<NetsError> for Reason {
    fn from(error: NetsError) -> Self {
        Self::Within(error)
    }
}
