//! The report's section on attention: maps of every head over the steps, and how sharp and how different heads are.

use kymograph_findings::Finding;
use kymograph_report::standard::{PairAxis, Selection, attention_maps, curves_over_steps};
use kymograph_report::{Image, Section};
use ndarray::Axis;

use super::activations;
use super::derive::Derivation;
use super::sections::{place, place_frames};
use crate::error::KymographError;

/// Where attention patterns stand among the hook points.
const PATTERN: &str = ".attn.hook_pattern";

pub(super) fn section(
    network: &str,
    derivation: &Derivation<'_>,
    findings: &[Finding],
) -> Result<Section, KymographError> {
    let mut section = Section { title: format!("{network}: attention"), ..Section::default() };
    let steps = maps(network, derivation)?;
    let figure = attention_maps(&format!("{network}: mean attention"), &steps);
    let caption = "Attention of every head of the first run, mean over the first 256 probe examples. An even colour is attention \
                   to all tokens alike; stripes down are tokens that every query looks at.";
    place_frames(&mut section, &format!("{network}-attention"), figure, caption);
    for (measure, caption) in [
        (
            "attention_entropy",
            "Entropy of attention in nats, mean over heads, queries and examples; even attention to 16 tokens has ln 16 = \
             2.77, the most there can be. Grey: untrained networks.",
        ),
        (
            "head_correlation",
            "Correlation between the patterns of a layer's heads, mean over pairs. Grey: keys in random order, one order a \
             head.",
        ),
        (
            "head_specialisation",
            "Jensen–Shannon divergence between what two heads of a layer look at from the same query, mean over pairs. Grey: \
             keys in random order, one order a head.",
        ),
    ] {
        let figure = curves_over_steps(findings, &Selection::new(network, measure), PairAxis::Neighbours, None, &[]);
        place(&mut section, &format!("{network}-{measure}"), figure, caption);
    }
    Ok(section)
}

type Step = (u64, Vec<Vec<Image>>);

/// The mean pattern of every layer and head of the network's first run, by step.
fn maps(network: &str, derivation: &Derivation<'_>) -> Result<Vec<Step>, KymographError> {
    let main = |s: &&kymograph_findings::Subject| s.key.network == network && s.key.control.is_none();
    let Some(subject) = derivation.subjects.iter().find(main) else {
        return Ok(Vec::new());
    };
    let mut steps = Vec::new();
    for (step, activations) in &subject.activations {
        let mut names: Vec<String> = activations::arrays(activations)?
            .into_iter()
            .filter(|(name, shape)| name.ends_with(PATTERN) && shape.len() == 4)
            .map(|(name, _)| name)
            .collect();
        names.sort_by_key(|name| layer(name));
        let mut layers = Vec::new();
        for name in names {
            let pattern = activations::read(derivation.replays, &subject.key, *step, activations, &name)?;
            let Some(mean) = pattern.mean_axis(Axis(0)) else { continue };
            let image = |head: ndarray::ArrayViewD<'_, f32>| Image {
                height: head.len_of(Axis(0)),
                width: head.len_of(Axis(1)),
                values: head.iter().copied().collect(),
            };
            layers.push(mean.axis_iter(Axis(0)).map(image).collect());
        }
        if !layers.is_empty() {
            steps.push((*step, layers));
        }
    }
    Ok(steps)
}

/// The layer's number in `blocks.10.attn.hook_pattern`, which as text would stand before `blocks.2`.
fn layer(hook: &str) -> Option<usize> {
    hook.split('.').find_map(|part| part.parse().ok())
}

#[cfg(test)]
mod tests {
    #[test]
    fn layers_are_ordered_by_number() {
        let mut names = ["blocks.10.attn.hook_pattern", "blocks.2.attn.hook_pattern", "blocks.0.attn.hook_pattern"];
        names.sort_by_key(|name| super::layer(name));
        assert_eq!(names.map(|name| super::layer(name).unwrap()), [0, 2, 10]);
    }
}
