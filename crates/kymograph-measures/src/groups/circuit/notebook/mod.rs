//! What the published notebook shows beyond the summary, with its definitions where they differ, and without the checks
//! that stopped it when a network was not clean.

mod ablations;
mod basis;
mod fractions;
mod logits;
mod neurons;

pub use ablations::{AblationLosses, EmbeddingLosses, ablation_losses, embedding_losses};
pub use basis::{ChangeOfBasis, UnembeddingMap, change_of_basis, notebook_unembedding_map, unembedding_map};
pub use fractions::{ClusterFractions, PartFractions, cluster_fractions, column_deviations};
pub use logits::{LogitCosines, LogitFit, logit_cosines, logit_fit};
pub use neurons::{NeuronClusters, clusters_after_relu, clusters_before_relu};
