//! From a specification to layers: sizes follow from layer to layer, parameters get their names and places.

use std::collections::HashSet;

use kymograph_linalg::Real;

use super::{Conv, Dropout, Layer, Linear, Norm, Pool, Shape};
use crate::error::NetsError;
use crate::kernels::{Aligned, Windows};
use crate::spec::{Extent, LayerKind, NetworkSpec};
use crate::state::{Arrangement, Layout};

/// Sizes beyond this are taken for a mistake; products of two of them still fit.
const LARGEST: usize = 1 << 28;

/// The layers, the shape before the first and after each, and where the parameters lie.
pub(crate) struct Built<T> {
    pub(crate) layers: Vec<Layer<T>>,
    pub(crate) shapes: Vec<Shape>,
    pub(crate) layout: Layout,
}

pub(crate) fn build<T: Real>(spec: &NetworkSpec) -> Result<Built<T>, NetsError> {
    let error =
        |layer: &str, reason: String| NetsError::Spec { network: spec.name.clone(), layer: layer.to_owned(), reason };
    let mut shape = match *spec.input.as_slice() {
        [features] => Shape::Vector { features },
        [channels, height, width] => Shape::Image { channels, height, width },
        _ => {
            return Err(error(
                "input",
                format!("{:?} is neither [features] nor [channels, height, width]", spec.input),
            ));
        }
    };
    if spec.input.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).is_none_or(|n| n == 0 || n > LARGEST) {
        return Err(error("input", format!("the sizes {:?} do not multiply to between 1 and 2²⁸", spec.input)));
    }
    if spec.layers.is_empty() {
        return Err(error("layers", "the network has no layer; give at least one".into()));
    }
    let mut names = HashSet::from(["input"]);
    let mut built = Built { layers: Vec::new(), shapes: vec![shape], layout: Layout::default() };
    for layer in &spec.layers {
        let error = |reason: String| error(&layer.name, reason);
        if layer.name.is_empty() || layer.name.ends_with(".grad") {
            return Err(error("a layer's name must not be empty or end in `.grad`".into()));
        }
        if !names.insert(&layer.name) {
            return Err(error(
                "the name is taken; hook points need different ones (`input` is the network's input)".into(),
            ));
        }
        let (ready, next) = layer_of(&layer.name, &layer.kind, shape, &mut built.layout).map_err(error)?;
        if next.len() == 0 || next.len() > LARGEST || built.layout.len > LARGEST {
            return Err(error(format!(
                "its output would have the shape {:?} and the network {} parameters; sizes must be between 1 and 2²⁸",
                next.dims(),
                built.layout.len
            )));
        }
        shape = next;
        built.layers.push(ready);
        built.shapes.push(shape);
    }
    Ok(built)
}

fn layer_of<T: Real>(
    name: &str,
    kind: &LayerKind,
    shape: Shape,
    layout: &mut Layout,
) -> Result<(Layer<T>, Shape), String> {
    let vector = |what: &str| match shape {
        Shape::Vector { features } => Ok(features),
        Shape::Image { .. } => {
            Err(format!("{what} takes vectors and gets images {:?}; put a flatten layer before it", shape.dims()))
        }
    };
    let image = |what: &str| match shape {
        Shape::Image { channels, height, width } => Ok((channels, height, width)),
        Shape::Vector { .. } => Err(format!("{what} takes images and gets vectors of {} numbers", shape.len())),
    };
    Ok(match *kind {
        LayerKind::Linear { out_features, bias } => {
            let inputs = vector("a linear layer")?;
            check_size("out_features", out_features)?;
            let weight = layout.add(
                name,
                "weight",
                vec![out_features, inputs],
                Arrangement::Linear { outputs: out_features, inputs },
            );
            let bias = bias.then(|| layout.add(name, "bias", vec![out_features], Arrangement::Plain));
            let linear = Linear {
                inputs,
                outputs: out_features,
                weight,
                bias,
                forward_weight: Aligned::default(),
                backward_weight: Aligned::default(),
            };
            (Layer::Linear(linear), Shape::Vector { features: out_features })
        }
        LayerKind::Conv2d { out_channels, kernel_size, stride, padding, bias } => {
            let (channels, height, width) = image("a convolution")?;
            check_size("out_channels", out_channels)?;
            let [out_height, out_width] = output_size([height, width], kernel_size, stride, padding)?;
            let [kh, kw] = kernel_size.pair();
            let weight = layout.add(
                name,
                "weight",
                vec![out_channels, channels, kh, kw],
                Arrangement::Filters { outputs: out_channels, inputs: channels, places: kh * kw },
            );
            let bias = bias.then(|| layout.add(name, "bias", vec![out_channels], Arrangement::Plain));
            let conv = Conv {
                channels,
                height,
                width,
                out_channels,
                out_height,
                out_width,
                kernel: [kh, kw],
                stride: stride.pair(),
                padding: padding.pair(),
                weight,
                bias,
                forward_filters: Aligned::default(),
                backward_filters: Aligned::default(),
            };
            (Layer::Conv(conv), Shape::Image { channels: out_channels, height: out_height, width: out_width })
        }
        LayerKind::MaxPool2d { kernel_size, stride, padding } => {
            let (channels, height, width) = image("max-pooling")?;
            let stride = stride.unwrap_or(kernel_size);
            if 2 * padding.height > kernel_size.height || 2 * padding.width > kernel_size.width {
                return Err("padding must be at most half the window".into());
            }
            let [out_height, out_width] = output_size([height, width], kernel_size, stride, padding)?;
            let windows = Windows {
                channels,
                height,
                width,
                out_height,
                out_width,
                kernel: kernel_size.pair(),
                stride: stride.pair(),
                padding: padding.pair(),
            };
            (Layer::Pool(Pool { windows }), Shape::Image { channels, height: out_height, width: out_width })
        }
        LayerKind::BatchNorm1d { eps, momentum } => {
            let units = vector("batch_norm1d")?;
            (norm(name, units, eps, momentum, layout)?, shape)
        }
        LayerKind::BatchNorm2d { eps, momentum } => {
            let (units, ..) = image("batch_norm2d")?;
            (norm(name, units, eps, momentum, layout)?, shape)
        }
        LayerKind::Relu => (Layer::Relu, shape),
        LayerKind::Tanh => (Layer::Tanh, shape),
        LayerKind::Softmax => {
            vector("softmax")?;
            (Layer::Softmax, shape)
        }
        LayerKind::Flatten => (Layer::Flatten, Shape::Vector { features: shape.len() }),
        LayerKind::Dropout { p } => {
            if !(0.0..1.0).contains(&p) {
                return Err(format!("the probability p = {p} must be at least 0 and below 1"));
            }
            (Layer::Dropout(Dropout::new(name, p, shape.len())), shape)
        }
        ref other => return Err(format!("{other:?} cannot be built here")),
    })
}

fn norm<T: Real>(name: &str, units: usize, eps: f64, momentum: f64, layout: &mut Layout) -> Result<Layer<T>, String> {
    if !(eps > 0.0 && eps.is_finite()) {
        return Err(format!("eps = {eps} must be positive"));
    }
    if !(0.0..=1.0).contains(&momentum) {
        return Err(format!("momentum = {momentum} must be between 0 and 1"));
    }
    Ok(Layer::Norm(Norm {
        units,
        eps,
        momentum,
        weight: layout.add(name, "weight", vec![units], Arrangement::Plain),
        bias: layout.add(name, "bias", vec![units], Arrangement::Plain),
        running_mean: vec![T::ZERO; units],
        running_var: vec![T::ONE; units],
        batches: 0,
    }))
}

fn check_size(option: &str, size: usize) -> Result<(), String> {
    if size == 0 || size > LARGEST {
        return Err(format!("{option} = {size} must be between 1 and 2²⁸"));
    }
    Ok(())
}

fn output_size(size: [usize; 2], kernel: Extent, stride: Extent, padding: Extent) -> Result<[usize; 2], String> {
    let mut out = [0; 2];
    for axis in 0..2 {
        let (kernel, stride, padding) = (kernel.pair()[axis], stride.pair()[axis], padding.pair()[axis]);
        check_size("kernel_size", kernel)?;
        check_size("stride", stride)?;
        if padding > LARGEST {
            return Err(format!("padding = {padding} must be at most 2²⁸"));
        }
        let padded = size[axis] + 2 * padding;
        if kernel > padded {
            return Err(format!("the window of {kernel} does not fit into {padded} ({} with its padding)", size[axis]));
        }
        out[axis] = (padded - kernel) / stride + 1;
    }
    Ok(out)
}
