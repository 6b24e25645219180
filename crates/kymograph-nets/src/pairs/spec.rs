//! A network of pairs written down, and the parameters it has.

use serde::{Deserialize, Serialize};

use crate::error::NetsError;
use crate::state::{Arrangement, Init, Layout};

/// How logits over ab come from a pair (a, b). Names and layouts of the parameters are those of the published code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PairArchitecture {
    /// `relu([W_x[a], W_y[b]] W) W_U` (`OneLayerMLP`), with biases `b` and `b_U` if asked.
    ///
    /// `W_x`, `W_y`: element × embed; `W`: 2·embed × hidden; `W_U`: hidden × element. Started normal with deviations
    /// 1/√embed, 1/√embed, 1/√(2·embed), 1/√hidden; biases zero.
    Mlp {
        /// Width of each element's embedding.
        embed: usize,
        /// Hidden neurons.
        hidden: usize,
        /// Add a bias to the neurons and to the logits.
        #[serde(default)]
        bias: bool,
    },
    /// `relu(W_x[a] + W_y[b]) W_U` (`BetterOneLayerMLP`): the tables themselves are trained.
    ///
    /// `W_x`, `W_y`: element × hidden; `W_U`: hidden × element. Started normal with deviation 1/√hidden.
    Sum {
        /// Hidden neurons.
        hidden: usize,
    },
    /// `(W_x[a] ∘ W_y[b]) W_U` (`BilinearNet`), otherwise as [`PairArchitecture::Sum`].
    Bilinear {
        /// Width of the product.
        hidden: usize,
    },
    /// One layer of attention and one MLP on the tokens a, b, "=" without normalisation, biases frozen at zero
    /// (TransformerLens' `HookedTransformer`); the logits are those of the last token.
    ///
    /// `embed.W_E`: (element or "=") × model; `pos_embed.W_pos`: 3 × model; `blocks.0.attn.W_Q`, `…W_K`, `…W_V`: head ×
    /// model × inner, `…W_O`: head × inner × model; `blocks.0.mlp.W_in`: model × neuron, `…W_out`: neuron × model;
    /// `unembed.W_U`: model × element. All started normal with deviation 0.8/√model.
    Transformer {
        /// Width of the residual stream.
        d_model: usize,
        /// Attention heads.
        heads: usize,
        /// Width of a head.
        d_head: usize,
        /// Neurons of the MLP.
        d_mlp: usize,
    },
}

/// A network that composes two of `order` elements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairSpec {
    /// Elements of the group, |G|.
    pub order: usize,
    /// What lies between the pair and the logits.
    pub architecture: PairArchitecture,
}

/// No table of the network has more numbers than this.
const LARGEST_TABLE: usize = 1 << 28;

impl PairSpec {
    /// The published MLP: embeddings of 256, 128 neurons, no biases (Chughtai, Chan and Nanda 2023, section 3).
    pub fn mlp(order: usize) -> Self {
        Self { order, architecture: PairArchitecture::Mlp { embed: 256, hidden: 128, bias: false } }
    }

    /// The published transformer: width 128, four heads of 32, 512 neurons (as [`PairSpec::mlp`]).
    pub fn transformer(order: usize) -> Self {
        Self { order, architecture: PairArchitecture::Transformer { d_model: 128, heads: 4, d_head: 32, d_mlp: 512 } }
    }

    pub(super) fn check(&self) -> Result<(), NetsError> {
        let widths: Vec<(&str, usize)> = match self.architecture {
            PairArchitecture::Mlp { embed, hidden, .. } => vec![("embed", embed), ("hidden", hidden)],
            PairArchitecture::Sum { hidden } | PairArchitecture::Bilinear { hidden } => vec![("hidden", hidden)],
            PairArchitecture::Transformer { d_model, heads, d_head, d_mlp } => {
                vec![("d_model", d_model), ("heads", heads), ("d_head", d_head), ("d_mlp", d_mlp)]
            }
        };
        let all = || std::iter::once(("order", self.order)).chain(widths.iter().copied());
        if let Some((option, value)) = all().find(|&(_, value)| value == 0 || value > 1 << 20) {
            return Err(self.refusal(option, format!("is {value}; it must be between 1 and 2^20")));
        }
        let largest = all().map(|(_, value)| value).max().unwrap_or(1);
        let size = self.layout().parameters.iter().map(|p| p.range.len()).max().unwrap_or(0);
        if size.max(largest.saturating_mul(self.order)) > LARGEST_TABLE {
            return Err(self.refusal("order", "and the widths make a table of more than 2^28 numbers".into()));
        }
        Ok(())
    }

    pub(super) fn refusal(&self, layer: &str, reason: String) -> NetsError {
        NetsError::Spec { network: self.name().into(), layer: layer.into(), reason }
    }

    pub(super) fn name(&self) -> &'static str {
        match self.architecture {
            PairArchitecture::Mlp { .. } => "mlp",
            PairArchitecture::Sum { .. } => "sum",
            PairArchitecture::Bilinear { .. } => "bilinear",
            PairArchitecture::Transformer { .. } => "transformer",
        }
    }

    /// The neurons whose activations a pair has.
    pub fn hidden(&self) -> usize {
        match self.architecture {
            PairArchitecture::Mlp { hidden, .. }
            | PairArchitecture::Sum { hidden }
            | PairArchitecture::Bilinear { hidden } => hidden,
            PairArchitecture::Transformer { d_mlp, .. } => d_mlp,
        }
    }

    pub(super) fn layout(&self) -> Layout {
        let n = self.order;
        let mut layout = Layout::default();
        let mut add = |name: &str, shape: &[usize], deviation: f64| {
            let init = if deviation == 0.0 { Init::Zero } else { Init::Scaled(deviation) };
            layout.add(name.to_owned(), shape.to_vec(), Arrangement::Plain, init);
        };
        let root = |width: usize| 1.0 / (width as f64).sqrt();
        match self.architecture {
            PairArchitecture::Mlp { embed, hidden, bias } => {
                add("W_x", &[n, embed], root(embed));
                add("W_y", &[n, embed], root(embed));
                add("W", &[2 * embed, hidden], root(2 * embed));
                add("W_U", &[hidden, n], root(hidden));
                if bias {
                    add("b", &[hidden], 0.0);
                    add("b_U", &[n], 0.0);
                }
            }
            PairArchitecture::Sum { hidden } | PairArchitecture::Bilinear { hidden } => {
                add("W_x", &[n, hidden], root(hidden));
                add("W_y", &[n, hidden], root(hidden));
                add("W_U", &[hidden, n], root(hidden));
            }
            PairArchitecture::Transformer { d_model, heads, d_head, d_mlp } => {
                let deviation = 0.8 * root(d_model);
                add("embed.W_E", &[n + 1, d_model], deviation);
                add("pos_embed.W_pos", &[3, d_model], deviation);
                for part in ["W_Q", "W_K", "W_V"] {
                    add(&format!("blocks.0.attn.{part}"), &[heads, d_model, d_head], deviation);
                }
                add("blocks.0.attn.W_O", &[heads, d_head, d_model], deviation);
                add("blocks.0.mlp.W_in", &[d_model, d_mlp], deviation);
                add("blocks.0.mlp.W_out", &[d_mlp, d_model], deviation);
                add("unembed.W_U", &[d_model, n], deviation);
            }
        }
        layout
    }
}
