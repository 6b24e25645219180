//! One layer of each kind, from its options and the shape before it.

use kymograph_linalg::Real;

use super::LARGEST;
use crate::kernels::{Aligned, Windows};
use crate::layers::{Conv, Dropout, Embedding, Layer, LayerNorm, Linear, Norm, Pool, Positions, Shape};
use crate::spec::{Extent, LayerKind};
use crate::state::{Arrangement, Init, Layout};

/// Whole numbers up to here are exact in f32.
const LARGEST_TOKEN: usize = 1 << 24;

/// The layer with index `at`, and the shape it gives.
pub(super) fn layer<T: Real>(
    name: &str,
    kind: &LayerKind,
    shape: Shape,
    at: usize,
    layout: &mut Layout,
) -> Result<(Layer<T>, Shape), String> {
    let vector = |what: &str| match shape {
        Shape::Vector { features } => Ok(features),
        _ => Err(format!("{what} takes vectors and gets {}; put a flatten layer before it", shape.described())),
    };
    let rows = |what: &str| match shape {
        Shape::Vector { features } | Shape::Tokens { features, .. } => Ok(features),
        _ => {
            Err(format!("{what} takes vectors or tokens and gets {}; put a flatten layer before it", shape.described()))
        }
    };
    let image = |what: &str| match shape {
        Shape::Image { channels, height, width } => Ok((channels, height, width)),
        _ => Err(format!("{what} takes images and gets {}", shape.described())),
    };
    let tokens = |what: &str| match shape {
        Shape::Tokens { tokens, features } => Ok((tokens, features)),
        _ => Err(format!("{what} takes tokens and gets {}", shape.described())),
    };
    Ok(match *kind {
        LayerKind::Linear { out_features, bias } => {
            let inputs = rows("a linear layer")?;
            check_size("out_features", out_features)?;
            let bias = bias.then(|| (format!("{name}.bias"), fan_in(inputs)));
            let layer = linear(layout, inputs, out_features, (format!("{name}.weight"), fan_in(inputs)), bias);
            (layer, shape.with_features(out_features))
        }
        LayerKind::Conv2d { out_channels, kernel_size, stride, padding, bias } => {
            let (channels, height, width) = image("a convolution")?;
            check_size("out_channels", out_channels)?;
            let [out_height, out_width] = output_size([height, width], kernel_size, stride, padding)?;
            let [kh, kw] = kernel_size.pair();
            let init = fan_in(channels.saturating_mul(kh).saturating_mul(kw));
            let weight = layout.add(
                format!("{name}.weight"),
                vec![out_channels, channels, kh, kw],
                Arrangement::Filters { outputs: out_channels, inputs: channels, places: kh.saturating_mul(kw) },
                init,
            );
            let bias = bias.then(|| layout.add(format!("{name}.bias"), vec![out_channels], Arrangement::Plain, init));
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
        LayerKind::Abs => (Layer::Abs, shape),
        LayerKind::Tanh => (Layer::Tanh, shape),
        LayerKind::Sigmoid => (Layer::Sigmoid, shape),
        LayerKind::Gelu { approximate } => (Layer::Gelu(approximate), shape),
        LayerKind::Silu => (Layer::Silu, shape),
        LayerKind::Softmax => {
            rows("softmax")?;
            (Layer::Softmax, shape)
        }
        LayerKind::Flatten => (Layer::Flatten, Shape::Vector { features: shape.len() }),
        LayerKind::Dropout { p } => {
            check_probability("p", p)?;
            (Layer::Dropout(Dropout::new(name, p, shape.len())), shape)
        }
        LayerKind::LayerNorm { eps } => {
            let features = rows("layer_norm")?;
            check_eps(eps)?;
            let weight = layout.add(format!("{name}.weight"), vec![features], Arrangement::Plain, Init::One);
            let bias = layout.add(format!("{name}.bias"), vec![features], Arrangement::Plain, Init::Zero);
            (Layer::LayerNorm(LayerNorm { features, eps, weight, bias }), shape)
        }
        LayerKind::Patches { size } => {
            if !matches!(shape, Shape::Vector { .. } | Shape::Image { .. }) {
                return Err(format!("patches are cut from vectors or images and this gets {}", shape.described()));
            }
            check_size("size", size)?;
            if !shape.len().is_multiple_of(size) {
                return Err(format!("size = {size} must divide the {} numbers of an example", shape.len()));
            }
            (Layer::Flatten, Shape::Tokens { tokens: shape.len() / size, features: size })
        }
        LayerKind::Embedding { num_embeddings, embedding_dim } => {
            let tokens = vector("an embedding")?;
            if at != 0 {
                return Err("an embedding takes whole numbers, so it must be the network's first layer".into());
            }
            check_size("embedding_dim", embedding_dim)?;
            if num_embeddings == 0 || num_embeddings > LARGEST_TOKEN {
                return Err(format!("num_embeddings = {num_embeddings} must be between 1 and 2²⁴"));
            }
            let shape = vec![num_embeddings, embedding_dim];
            let weight = layout.add(format!("{name}.weight"), shape, Arrangement::Plain, Init::Normal);
            let layer = Embedding { vocabulary: num_embeddings, features: embedding_dim, weight };
            (Layer::Embedding(layer), Shape::Tokens { tokens, features: embedding_dim })
        }
        LayerKind::Positions => {
            let (tokens, features) = tokens("a table of positions")?;
            let table = layout.add(name.to_owned(), vec![tokens, features], Arrangement::Plain, Init::Normal);
            (Layer::Positions(Positions { table }), shape)
        }
        LayerKind::MeanTokens => {
            let (_, features) = tokens("a mean over tokens")?;
            (Layer::MeanTokens, Shape::Vector { features })
        }
        LayerKind::MultiheadAttention { .. } | LayerKind::Residual { .. } => {
            return Err("it consists of several layers".into());
        }
    })
}

/// PyTorch's range for the weights and biases of linear layers and convolutions (`torch.nn.init.kaiming_uniform_` with
/// a = √5): ±1/√(inputs of an output unit).
pub(super) fn fan_in(inputs: usize) -> Init {
    Init::Uniform(1.0 / (inputs as f64).sqrt())
}

/// A linear layer whose tensors have these names and start so.
pub(super) fn linear<T: Real>(
    layout: &mut Layout,
    inputs: usize,
    outputs: usize,
    (weight, init): (String, Init),
    bias: Option<(String, Init)>,
) -> Layer<T> {
    let weight = layout.add(weight, vec![outputs, inputs], Arrangement::Linear { outputs, inputs }, init);
    let bias = bias.map(|(bias, init)| layout.add(bias, vec![outputs], Arrangement::Plain, init));
    Layer::Linear(Linear {
        inputs,
        outputs,
        weight,
        bias,
        forward_weight: Aligned::default(),
        backward_weight: Aligned::default(),
    })
}

pub(super) fn check_probability(option: &str, p: f64) -> Result<(), String> {
    if (0.0..1.0).contains(&p) {
        return Ok(());
    }
    Err(format!("the probability {option} = {p} must be at least 0 and below 1"))
}

fn check_eps(eps: f64) -> Result<(), String> {
    if eps > 0.0 && eps.is_finite() {
        return Ok(());
    }
    Err(format!("eps = {eps} must be positive"))
}

fn norm<T: Real>(name: &str, units: usize, eps: f64, momentum: f64, layout: &mut Layout) -> Result<Layer<T>, String> {
    check_eps(eps)?;
    if !(0.0..=1.0).contains(&momentum) {
        return Err(format!("momentum = {momentum} must be between 0 and 1"));
    }
    Ok(Layer::Norm(Norm {
        units,
        eps,
        momentum,
        weight: layout.add(format!("{name}.weight"), vec![units], Arrangement::Plain, Init::One),
        bias: layout.add(format!("{name}.bias"), vec![units], Arrangement::Plain, Init::Zero),
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
