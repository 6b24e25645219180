//! Which dictionaries are trained on which data: each network of the study is a set of dictionaries that see the same examples.

use kymograph_nets::dictionaries::{DecoderNorm, DictionarySpec, LossScale, Variant};

use super::data::{Directions, Scale};
use super::settings::Settings;

/// The data of one run, and the dictionaries that are trained on them side by side.
#[derive(Clone, Debug)]
pub struct Network {
    /// Its name in run folders and results.
    pub name: String,
    /// The study's settings with those of the data changed.
    pub settings: Settings,
    /// The dictionaries.
    pub members: Vec<Member>,
}

/// One dictionary.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name in tensors, series and results.
    pub name: String,
    /// What it is.
    pub spec: DictionarySpec,
    /// Where it starts.
    pub start: MemberStart,
    /// The report's penalty.
    pub alpha: f64,
    /// Which first weights: 0 for those that dictionaries of a size share, others for independent ones.
    pub draw: u64,
}

/// First weights of a dictionary; the encoder starts as PyTorch's linear layers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberStart {
    /// Semi-orthogonal, as published.
    Orthogonal,
    /// Uniform on the sphere.
    Random,
    /// Examples of the data.
    Data,
    /// Noised left singular vectors of the matrix that makes activations of features.
    SingularVectors,
    /// Noised axes.
    UnitVectors,
    /// Noised principal directions of the data.
    Principal,
}

/// Norm of the noise about singular vectors, axes and principal directions.
pub(super) const NOISE: f64 = 0.5;

/// The dictionary of the report: ReLU and an L1 penalty, untied, no output bias, rows rescaled before every forward pass,
/// errors averaged over dimensions and penalties over latents.
fn recipe(width: usize, latents: usize, alpha: f64) -> DictionarySpec {
    DictionarySpec {
        output_bias: false,
        centred: false,
        norm: DecoderNorm::EveryForward,
        scale: LossScale::Mean,
        ..DictionarySpec::autoencoder(width, latents, Variant::Relu { l1: alpha })
    }
}

fn member(name: String, width: usize, latents: usize, alpha: f64) -> Member {
    Member { name, spec: recipe(width, latents, alpha), start: MemberStart::Orthogonal, alpha, draw: 0 }
}

/// A number to three significant digits, as names hold it: .1, .0178, 3.16.
fn short(value: f64) -> String {
    let decimals = if value > 0.0 { (2.0 - value.log10().floor()).clamp(0.0, 9.0) as usize } else { 0 };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The name of the network that trains every size of the sweep at a penalty.
#[must_use]
pub fn sweep_network(alpha: f64) -> String {
    format!("alpha-{}", short(alpha))
}

/// The network that trains dictionaries of the sweep once more from other first weights.
pub const AGAIN: &str = "again";

/// The name of a dictionary that is told from others of its network by its penalty.
#[must_use]
pub fn penalty_member(alpha: f64) -> String {
    format!("a{}", short(alpha))
}

/// Every network of the study, the sweep first.
#[must_use]
pub fn networks(settings: &Settings) -> Vec<Network> {
    let mut all = Vec::new();
    for &alpha in &settings.alphas {
        let sizes = settings.sizes.iter().map(|size| *size as usize);
        let members = sizes.map(|size| member(format!("n{size}"), settings.width, size, alpha)).collect();
        all.push(Network { name: sweep_network(alpha), settings: settings.clone(), members });
    }
    if !settings.starts.is_empty() {
        let of = |start: &String| {
            let latents = settings.features;
            let mut member = member(start.clone(), settings.width, latents, settings.start_alpha);
            member.start = match start.as_str() {
                "random" => MemberStart::Random,
                "data" => MemberStart::Data,
                "singular_vectors" => MemberStart::SingularVectors,
                "unit_vectors" => MemberStart::UnitVectors,
                "principal" => MemberStart::Principal,
                _ => MemberStart::Orthogonal,
            };
            if start == "frozen" {
                member.start = MemberStart::Random;
                member.spec.frozen = true;
            }
            member
        };
        let members = settings.starts.iter().map(of).collect();
        all.push(Network { name: "starts".into(), settings: settings.clone(), members });
    }
    if settings.sizes.contains(&(settings.again_size as f64)) {
        let again = |&alpha: &f64| {
            let member = member(penalty_member(alpha), settings.width, settings.again_size, alpha);
            Member { draw: 1, ..member }
        };
        let named = |alpha: &&f64| settings.again_alphas.is_empty() || settings.again_alphas.contains(alpha);
        let members = settings.alphas.iter().filter(named).map(again).collect();
        all.push(Network { name: AGAIN.into(), settings: settings.clone(), members });
    }
    let width = settings.ratio_width;
    let more = |name: String, features: usize, active: f64| {
        let members =
            settings.ratio_alphas.iter().map(|&alpha| member(penalty_member(alpha), width, 2 * features, alpha));
        let settings = Settings { width, features, active, ..settings.clone() };
        Network { name, settings, members: members.collect() }
    };
    let active = settings.active.min(width as f64);
    for &ratio in &settings.ratios {
        all.push(more(format!("ratio-{}", short(ratio)), (ratio * width as f64).round() as usize, active));
    }
    for &active in &settings.actives {
        all.push(more(format!("active-{}", short(active)), 4 * width, active));
    }
    for name in &settings.further {
        let features = (settings.further_ratio * width as f64).round() as usize;
        let mut network = more(name.clone(), features, active);
        match name.as_str() {
            "feature_lengths" => {
                (network.settings.directions, network.settings.scale) = (Directions::Random, Scale::Features)
            }
            _ => (network.settings.directions, network.settings.scale) = (Directions::ToyModel, Scale::Codes),
        }
        all.push(network);
    }
    all.retain(|network| !network.members.is_empty());
    all
}
