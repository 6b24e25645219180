//! The dictionary that a request describes.

use std::path::Path;

use kymograph_nets::dictionaries::{Auxiliary, DecoderNorm, Dictionary, DictionarySpec, LossScale, Variant};

use super::argument;
use super::request::{SaeRequest, SaeVariant};
use super::source::Source;
use crate::error::KymographError;

pub(super) fn spec(
    request: &SaeRequest,
    source: &Source,
    targets: Option<&Source>,
    given: Option<&Dictionary<f32>>,
) -> Result<DictionarySpec, KymographError> {
    let outputs = targets.map_or(source.width, |targets| targets.width);
    if let Some(given) = given {
        let spec = given.spec();
        let from = request.from.as_deref().unwrap_or(Path::new("")).display().to_string();
        for (array, found, needed) in [(&request.activations, source.width, spec.inputs)]
            .into_iter()
            .chain(request.targets.iter().map(|targets| (targets, outputs, spec.outputs)))
        {
            if found != needed {
                let detail = format!(
                    "has {found} features, and the dictionary in {from} takes {needed}: it is of another layer"
                );
                return Err(argument(array, &detail));
            }
        }
        if request.latents.is_some_and(|latents| latents != spec.latents) {
            return Err(argument("--latents", &format!("the dictionary in {from} has {}", spec.latents)));
        }
        if targets.is_none() && spec.outputs != spec.inputs {
            return Err(argument("--targets", &format!("the dictionary in {from} rebuilds another array: name it")));
        }
        // Rows keep their norms, or the dictionary would be another one.
        let mut spec = spec.clone();
        match (&mut spec.variant, request.penalty) {
            (Variant::Relu { l1 } | Variant::Gated { l1 }, penalty) => *l1 = penalty,
            (Variant::JumpRelu { l0, .. }, penalty) => *l0 = penalty,
            _ => {}
        }
        return Ok(spec);
    }
    let latents = request.latents.ok_or_else(|| argument("--latents", "say how many latents the dictionary has"))?;
    let (k, penalty) = (request.k, request.penalty);
    let variant = match request.variant {
        SaeVariant::Relu => Variant::Relu { l1: penalty },
        SaeVariant::TopK => Variant::TopK { k },
        SaeVariant::BatchTopK => Variant::BatchTopK { k },
        SaeVariant::JumpRelu => Variant::JumpRelu { l0: penalty, bandwidth: 0.001, threshold: 0.001 },
        SaeVariant::Gated => Variant::Gated { l1: penalty },
        SaeVariant::Matryoshka => {
            let mut sizes: Vec<usize> = [32, 16, 8, 4, 2, 1].iter().map(|part| latents / part).collect();
            sizes.retain(|size| *size > 0);
            sizes.dedup();
            Variant::Matryoshka { k, sizes }
        }
    };
    let auxiliary = (request.dead_after > 0).then(|| Auxiliary {
        latents: (source.width / 2).clamp(1, latents),
        weight: 1.0 / 32.0,
        dead_after: request.dead_after,
    });
    let spec = DictionarySpec {
        outputs,
        centred: outputs == source.width && targets.is_none(),
        tied: request.tied,
        norm: DecoderNorm::Projected,
        scale: LossScale::Sum,
        ..DictionarySpec::autoencoder(source.width, latents, variant)
    };
    Ok(DictionarySpec { auxiliary: auxiliary.filter(|_| spec.k().is_some()), ..spec })
}
