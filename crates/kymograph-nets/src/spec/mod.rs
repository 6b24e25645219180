//! A network written down: its input and a list of named layers.

mod encoder;
mod kind;
mod layers;

use serde::{Deserialize, Serialize};

pub use encoder::TransformerEncoder;
pub use kind::{Extent, Gelu, LayerKind};

/// A network as data: what `run.json` holds and what [`crate::Network::new`] builds.
///
/// ```
/// use kymograph_nets::{LayerSpec, NetworkSpec};
/// let spec = NetworkSpec {
///     name: "mlp".into(),
///     input: vec![1, 28, 28],
///     layers: vec![
///         LayerSpec::flatten("flatten"),
///         LayerSpec::linear("fc1", 32),
///         LayerSpec::relu("relu1"),
///         LayerSpec::linear("fc2", 10),
///     ],
/// };
/// let text = serde_json::to_string(&spec).unwrap();
/// assert_eq!(serde_json::from_str::<NetworkSpec>(&text).unwrap(), spec);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// Name of the network, such as `cnn`.
    pub name: String,
    /// Shape of one example: `[features]`, `[tokens, features]` or `[channels, height, width]`. Of a network that begins
    /// with an [`LayerKind::Embedding`] it is `[tokens]`, and the numbers are whole.
    pub input: Vec<usize>,
    /// The layers, first to last.
    pub layers: Vec<LayerSpec>,
}

/// One named layer. Its name is its hook point and the prefix of its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerSpec {
    /// Name, unique in the network, those inside residual blocks included.
    pub name: String,
    /// Name of an earlier layer with the same tensors whose initial weights this one takes over instead of drawing its
    /// own, as `torch.nn.TransformerEncoder` does with copies of its first layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_as: Option<String>,
    /// What the layer does.
    #[serde(flatten)]
    pub kind: LayerKind,
}
