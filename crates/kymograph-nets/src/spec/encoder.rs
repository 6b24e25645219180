//! The layers of a transformer encoder under the names PyTorch gives their tensors.

use super::{LayerKind, LayerSpec};

/// The options of a transformer encoder (`torch.nn.TransformerEncoder` of `torch.nn.TransformerEncoderLayer`s); names and
/// defaults are PyTorch's.
///
/// ```
/// use kymograph_linalg::random;
/// use kymograph_nets::{LayerSpec, Network, NetworkSpec, TransformerEncoder};
///
/// let encoder = TransformerEncoder { num_layers: 2, d_model: 8, nhead: 2, dim_feedforward: 16, ..Default::default() };
/// let mut layers = vec![
///     LayerSpec::patches("patches", 4),
///     LayerSpec::linear("input_proj", 8),
///     LayerSpec::positions("pos_encoder"),
/// ];
/// layers.extend(encoder.layers("transformer"));
/// layers.extend([LayerSpec::mean_tokens("mean"), LayerSpec::linear("fc", 3)]);
/// let spec = NetworkSpec { name: "transformer".into(), input: vec![1, 4, 6], layers };
/// let net = Network::<f32>::new(&spec, &mut random::stream(0, "init"))?;
/// let names: Vec<String> = net.state_dict().into_iter().map(|(name, _)| name).collect();
/// assert!(names.contains(&"transformer.layers.1.self_attn.in_proj_weight".to_owned()));
/// # Ok::<(), kymograph_nets::NetsError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TransformerEncoder {
    /// Encoder layers, each attention and two linear layers.
    pub num_layers: usize,
    /// Features of a token.
    pub d_model: usize,
    /// Heads of each attention.
    pub nhead: usize,
    /// Features between the two linear layers.
    pub dim_feedforward: usize,
    /// Dropout on attention patterns, between the linear layers and on what is added to the tokens.
    pub dropout: f64,
    /// Between the two linear layers.
    pub activation: LayerKind,
    /// Added to the variance by the layer normalisations.
    pub layer_norm_eps: f64,
    /// Is what goes into attention and linear layers normalised ("pre-norm"), or what comes out of the additions
    /// ("post-norm")?
    pub norm_first: bool,
    /// Does a token see only itself and those before it?
    pub causal: bool,
    /// Do all layers start with the weights of the first, as PyTorch's encoder does? Otherwise each draws its own.
    pub copies: bool,
}

impl Default for TransformerEncoder {
    /// The defaults of `torch.nn.TransformerEncoderLayer`, with the sizes of Vaswani et al. 2017, table 3, base.
    fn default() -> Self {
        Self {
            num_layers: 6,
            d_model: 512,
            nhead: 8,
            dim_feedforward: 2048,
            dropout: 0.1,
            activation: LayerKind::Relu,
            layer_norm_eps: 1e-5,
            norm_first: false,
            causal: false,
            copies: true,
        }
    }
}

impl TransformerEncoder {
    /// The layers, for tokens of `d_model` features. With `prefix` the module's name in PyTorch, all tensors get the names
    /// a state dict has: `prefix.layers.0.self_attn.in_proj_weight`, `prefix.layers.0.linear1.weight`, …
    #[must_use]
    pub fn layers(&self, prefix: &str) -> Vec<LayerSpec> {
        (0..self.num_layers).flat_map(|layer| self.layer(prefix, layer)).collect()
    }

    fn layer(&self, prefix: &str, layer: usize) -> Vec<LayerSpec> {
        let full = |part: &str| format!("{prefix}.layers.{layer}.{part}");
        let weighted = |part: &str, kind: LayerKind| LayerSpec {
            name: full(part),
            starts_as: (self.copies && layer > 0).then(|| format!("{prefix}.layers.0.{part}")),
            kind,
        };
        let dropout =
            |part: &str| (self.dropout != 0.0).then(|| LayerSpec::dropout(full(part), self.dropout)).into_iter();
        let norm = |part: &str| weighted(part, LayerKind::LayerNorm { eps: self.layer_norm_eps });
        let linear = |part: &str, out_features| weighted(part, LayerKind::Linear { out_features, bias: true });
        let attention = LayerKind::MultiheadAttention {
            num_heads: self.nhead,
            dropout: self.dropout,
            bias: true,
            causal: self.causal,
        };
        let mut attended = vec![weighted("self_attn", attention)];
        attended.extend(dropout("dropout1"));
        let mut fed = vec![linear("linear1", self.dim_feedforward)];
        fed.push(LayerSpec::new(full("activation"), self.activation.clone()));
        fed.extend(dropout("dropout"));
        fed.push(linear("linear2", self.d_model));
        fed.extend(dropout("dropout2"));
        if self.norm_first {
            attended.insert(0, norm("norm1"));
            fed.insert(0, norm("norm2"));
            vec![LayerSpec::residual(full("residual1"), attended), LayerSpec::residual(full("residual2"), fed)]
        } else {
            vec![
                LayerSpec::residual(full("residual1"), attended),
                norm("norm1"),
                LayerSpec::residual(full("residual2"), fed),
                norm("norm2"),
            ]
        }
    }
}
