//! Small networks whose insides are open: layers, losses, optimisers, hook points, interventions.
//!
//! A network is a list of layers built from a [`NetworkSpec`]; each layer has a written-out forward and backward pass,
//! so there is no tape to look through. Values and gradients match PyTorch's, weights come and go under PyTorch's names
//! and in its layouts, and the same seed gives the same bits for any number of threads on the same [`KernelPath`].

mod capture;
mod check;
pub mod dictionaries;
mod engine;
mod error;
mod example_gradients;
mod hooks;
mod init;
mod intervene;
mod kernels;
mod layers;
mod loss;
mod network;
mod optim;
mod pairs;
mod patched;
mod plan;
mod polytopes;
mod reduce;
mod schedule;
mod spec;
mod state;
mod toys;
mod train;
mod weights;
mod workspace;

pub use capture::GradientCapture;
pub use error::NetsError;
pub use example_gradients::{ExampleGradientNorms, ExampleGradients};
pub use hooks::HookPoint;
pub use init::InitialWeights;
pub use intervene::{Edit, Intervention};
pub use kernels::{CpuFeatures, KernelPath, cpu_features};
pub use loss::{Loss, Target, cross_entropy, mse};
pub use network::{Mode, Network};
pub use optim::{Optimiser, OptimiserSpec};
pub use pairs::{LossPrecision, PairArchitecture, PairEdit, PairNetwork, PairSet, PairSpec, PairStats, PairView};
pub use polytopes::{
    AffineMap, CodeLayer, Codes, Crossings, Curve, Flip, Gates, Plane, Polytopes, Region, Tangent, tangent,
};
pub use schedule::Schedule;
pub use spec::{Extent, Gelu, LayerKind, LayerSpec, NetworkSpec, TransformerEncoder};
pub use toys::{
    Ablations, Pairing, ToyActivation, ToyFeatures, ToyInit, ToyInstance, ToyModels, ToySpec, toy_gradient,
};
pub use train::StepStats;
