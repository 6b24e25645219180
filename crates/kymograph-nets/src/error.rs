//! What can be wrong with a network, its input or its weights.

use thiserror::Error;

/// An error of this crate: what was wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum NetsError {
    /// A layer of a specification cannot be built.
    #[error("network `{network}`, layer `{layer}`: {reason}")]
    Spec {
        /// Name of the network.
        network: String,
        /// Name of the layer, or of the field outside any layer.
        layer: String,
        /// What is wrong and how to right it.
        reason: String,
    },
    /// An array has another shape than it needs.
    #[error("{what} has shape {found:?}, expected {expected}")]
    Shape {
        /// Which array.
        what: String,
        /// The shape it needs, axes named.
        expected: String,
        /// The shape it has.
        found: Vec<usize>,
    },
    /// A batch holds no example.
    #[error("{what} holds no example; give at least one")]
    EmptyBatch {
        /// Which array.
        what: String,
    },
    /// Batch normalisation cannot train on so few numbers.
    #[error(
        "layer `{layer}` has one number per channel in this batch, which has no variance; train on more examples or use Mode::Eval"
    )]
    OneExample {
        /// Name of the batch normalisation layer.
        layer: String,
    },
    /// Batch normalisation mixes the examples of a batch.
    #[error(
        "layer `{layer}` normalises over the batch while training, so no example has a gradient of its own; use Mode::Eval"
    )]
    NoExampleGradient {
        /// Name of the batch normalisation layer.
        layer: String,
    },
    /// NaN or an infinity came in, or came out.
    #[error("{what} is not finite at {position}; {remedy}")]
    NotFinite {
        /// Which array: the input, a weight, or a layer's output.
        what: String,
        /// Where in it, as an index per axis.
        position: String,
        /// What to look at.
        remedy: String,
    },
    /// A layer has no spline code.
    #[error("layer `{layer}` has no spline code, being {kind}; {remedy}")]
    NoCode {
        /// Name of the layer.
        layer: String,
        /// What it is.
        kind: String,
        /// What to do.
        remedy: String,
    },
    /// A path or a plane falls into more pieces than memory is taken for.
    #[error("layer `{layer}`: {pieces} pieces would take too much memory; {remedy}")]
    TooManyPieces {
        /// Name of the layer.
        layer: String,
        /// How many pieces there would be.
        pieces: usize,
        /// What to do.
        remedy: String,
    },
    /// A label names no class.
    #[error("label {label} of example {example} is not below the number of outputs, {classes}")]
    Label {
        /// Index of the example.
        example: usize,
        /// Its label.
        label: usize,
        /// Number of outputs.
        classes: usize,
    },
    /// An embedding's input is not a whole number of its table.
    #[error(
        "{what} holds {value} at {position}, which is no whole number from 0 to below the size of the table, {vocabulary}"
    )]
    Token {
        /// Which array.
        what: String,
        /// Where in it, as an index per axis.
        position: String,
        /// The number there.
        value: f64,
        /// Rows of the embedding's table.
        vocabulary: usize,
    },
    /// There is no hook point of this name.
    #[error("there is no hook point `{name}`; there are: {}", known.join(", "))]
    UnknownHook {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A unit number is too large for its hook point.
    #[error("hook point `{hook}` has {units} units, so there is no unit {unit}")]
    UnknownUnit {
        /// Name of the hook point.
        hook: String,
        /// The unit asked for.
        unit: usize,
        /// How many there are.
        units: usize,
    },
    /// A tensor of a state has another shape than the network's.
    #[error("tensor `{name}` has shape {found:?}, the network needs {expected:?}")]
    TensorShape {
        /// Name of the tensor.
        name: String,
        /// The network's shape.
        expected: Vec<usize>,
        /// The tensor's shape.
        found: Vec<usize>,
    },
    /// A tensor of a network of pairs does not fit the group.
    #[error(
        "tensor `{name}` has shape {found:?}, which does not fit a group of {order} elements: expected {expected:?}; name the group the network was trained on"
    )]
    GroupShape {
        /// Name of the tensor.
        name: String,
        /// The shape for the group.
        expected: Vec<usize>,
        /// The tensor's shape.
        found: Vec<usize>,
        /// Elements of the group.
        order: usize,
    },
    /// A state lacks a tensor.
    #[error("tensor `{name}` is missing; the state holds: {}", found.join(", "))]
    MissingTensor {
        /// Name of the tensor.
        name: String,
        /// The names that are there.
        found: Vec<String>,
    },
    /// A state holds a tensor that the network does not have, or holds it twice.
    #[error("tensor `{name}` does not belong to the network or comes twice; the network has: {}", known.join(", "))]
    UnexpectedTensor {
        /// Name of the tensor.
        name: String,
        /// The network's tensors.
        known: Vec<String>,
    },
    /// An option's value is out of its range.
    #[error("{option} is {value}; it must be {range}")]
    Value {
        /// Name of the option.
        option: String,
        /// Its value.
        value: f64,
        /// What it may be.
        range: String,
    },
    /// The machine lacks the instruction set asked for.
    #[error("this machine cannot run the {path} kernels; use KernelPath::best()")]
    KernelPath {
        /// The path asked for.
        path: crate::KernelPath,
    },
    /// `backward` was called before `forward`.
    #[error("there is no forward pass to go back through; call `forward` first")]
    NoForward,
    /// An optimiser was made for a network of other parameters.
    #[error(
        "the optimiser holds state for {expected} parameters and the network has {found}; make one for this network"
    )]
    OtherNetwork {
        /// Parameters the optimiser knows.
        expected: usize,
        /// Parameters the network has.
        found: usize,
    },
}
