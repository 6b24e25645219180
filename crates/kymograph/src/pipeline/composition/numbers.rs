//! The columns of the published summaries at every checkpoint, computed once and kept.

use std::collections::BTreeMap;
use std::path::Path;

use kymograph_linalg::Real;
use kymograph_linalg::random::stream;
use kymograph_measures::groups::circuit::{Circuit, key_by_similarity, summary_of, tables};
use kymograph_measures::groups::{Irrep, published_irreps, published_wrong_a5_irreps};
use kymograph_nets::{PairArchitecture, PairNetwork};
use kymograph_runs::{Checkpoint, Table, write_whole};
use ndarray::ArrayD;
use sha2::{Digest, Sha256};

use super::subject::Composer;
use crate::error::KymographError;

/// Raised when a column's number changes for the same checkpoint.
const VERSION: u32 = 1;
/// Final trace similarity above which a representation is key, as published.
pub(super) const KEY_SIMILARITY: f64 = 0.005;

/// A network at one checkpoint.
pub(super) enum Placed {
    Narrow(PairNetwork<f32>),
    Wide(PairNetwork<f64>),
}

/// Puts a checkpoint's weights into their network.
pub(super) fn place(composer: &Composer, path: &Path) -> Result<Placed, KymographError> {
    let checkpoint = Checkpoint::open(path)?;
    checkpoint.check_finite()?;
    if composer.wide {
        let state: Vec<(String, ArrayD<f64>)> = checkpoint
            .tensors()
            .iter()
            .map(|t| Ok((t.name.clone(), checkpoint.read_f64(&t.name)?)))
            .collect::<Result<_, KymographError>>()?;
        return Ok(Placed::Wide(network(composer, &state)?));
    }
    Ok(Placed::Narrow(network(composer, &checkpoint.state_f32()?)?))
}

fn network<T: Real>(composer: &Composer, state: &[(String, ArrayD<T>)]) -> Result<PairNetwork<T>, KymographError> {
    let network = match &composer.spec {
        Some(spec) => {
            let mut network = PairNetwork::new(spec, &mut stream(0, "replaced by the checkpoint"))?;
            network.load_state_dict(state)?;
            network
        }
        None => PairNetwork::from_state(state, composer.group.order())?,
    };
    Ok(network)
}

/// Hands over the circuit of a network.
pub(super) fn with_circuit<T: Real, R>(
    composer: &Composer,
    network: &PairNetwork<T>,
    look: impl FnOnce(&Circuit<'_, T>) -> R,
) -> R {
    let (embed_x, embed_y) = network.embeddings();
    let unembed = network.unembedding();
    let view = network.view();
    // The arrays are made by the measures, in the shapes that the view asks for.
    let block = |a: usize, hidden: &mut _, logits: &mut _| {
        view.block(a, hidden, logits).expect("a circuit's arrays have the network's shapes");
    };
    let architecture = &network.spec().architecture;
    let residual =
        matches!(architecture, PairArchitecture::Transformer { .. } | PairArchitecture::Mlp { bias: true, .. });
    let squares = |(_, tensor): &(String, ArrayD<T>)| tensor.iter().map(|v| v.to_f64() * v.to_f64()).sum::<f64>();
    look(&Circuit {
        group: &composer.group,
        embed_x: embed_x.view(),
        embed_y: embed_y.view(),
        unembed: unembed.view(),
        block: &block,
        residual,
        train: composer.train.as_deref(),
        squared_weights: Some(network.state_dict().iter().map(squares).sum()),
    })
}

/// The columns of every checkpoint of a run, and its key representations.
pub(super) struct Numbers {
    pub(super) irreps: Vec<Irrep>,
    pub(super) key: Vec<String>,
    pub(super) by_step: BTreeMap<u64, BTreeMap<String, f64>>,
    /// For released networks of A5 the last checkpoint's columns with the published matrices, which are wrong.
    pub(super) published_wrong: Option<BTreeMap<String, f64>>,
}

impl Numbers {
    /// As a table of series: what another program logged where there is such a history, else what was computed here.
    pub(super) fn table(&self, composer: &Composer) -> Table {
        if let Some(logged) = composer.logged.as_ref().filter(|_| self.by_step.len() < 3) {
            return logged.clone();
        }
        let mut names: Vec<&String> = self.by_step.values().flat_map(BTreeMap::keys).collect();
        names.sort_unstable();
        names.dedup();
        let column = |name: &&String| {
            ((*name).clone(), self.by_step.values().map(|columns| columns.get(*name).copied()).collect())
        };
        Table::of("metrics", self.by_step.keys().copied().collect(), names.iter().map(column).collect())
    }

    /// The columns at the last checkpoint.
    pub(super) fn last(&self) -> Option<&BTreeMap<String, f64>> {
        self.by_step.values().next_back()
    }
}

/// Computes what is not in the cache. `done` is called after each checkpoint.
pub(super) fn numbers(
    composer: &Composer,
    cache: Option<&Path>,
    done: &mut dyn FnMut(),
) -> Result<Numbers, KymographError> {
    let irreps = published_irreps(&composer.group).map_err(|reason| of_group(composer, reason))?;
    let key = match (composer.fixed_key.is_empty(), composer.last()) {
        (true, Some((_, path))) => {
            let found = match place(composer, path)? {
                Placed::Narrow(network) => with_circuit(composer, &network, |c| key_of(c, &irreps)),
                Placed::Wide(network) => with_circuit(composer, &network, |c| key_of(c, &irreps)),
            };
            found?
        }
        _ => composer.fixed_key.clone(),
    };
    let mut by_step = BTreeMap::new();
    for (&step, path) in &composer.checkpoints {
        let address = address(composer, path, &key)?;
        let file = cache.map(|cache| cache.join(format!("{address}.json")));
        let kept = file.as_ref().and_then(|file| serde_json::from_slice(&std::fs::read(file).ok()?).ok());
        let columns: BTreeMap<String, f64> = match kept {
            Some(columns) => columns,
            None => {
                let columns = match place(composer, path)? {
                    Placed::Narrow(network) => with_circuit(composer, &network, |c| columns(c, &irreps, &key)),
                    Placed::Wide(network) => with_circuit(composer, &network, |c| columns(c, &irreps, &key)),
                }?;
                if let Some(file) = &file {
                    write_whole(file, &serde_json::to_vec(&columns).unwrap_or_default())?;
                }
                columns
            }
        };
        by_step.insert(step, columns);
        done();
    }
    let published_wrong = match composer.last() {
        Some((_, path)) if composer.group.name() == "A5" && !composer.published.is_empty() => {
            let wrong = published_wrong_a5_irreps(&composer.group).map_err(|reason| of_group(composer, reason))?;
            Some(match place(composer, path)? {
                Placed::Narrow(network) => with_circuit(composer, &network, |c| columns(c, &wrong, &key)),
                Placed::Wide(network) => with_circuit(composer, &network, |c| columns(c, &wrong, &key)),
            }?)
        }
        _ => None,
    };
    Ok(Numbers { irreps, key, by_step, published_wrong })
}

fn key_of<T: Real>(circuit: &Circuit<'_, T>, irreps: &[Irrep]) -> Result<Vec<String>, KymographError> {
    Ok(key_by_similarity(circuit.group, &tables(circuit)?, irreps, KEY_SIMILARITY)?)
}

fn columns<T: Real>(
    circuit: &Circuit<'_, T>,
    irreps: &[Irrep],
    key: &[String],
) -> Result<BTreeMap<String, f64>, KymographError> {
    Ok(summary_of(circuit, &tables(circuit)?, irreps, key)?)
}

fn of_group(composer: &Composer, reason: kymograph_measures::groups::GroupError) -> KymographError {
    kymograph_studies::StudyError::Group { name: composer.group.name().to_owned(), reason }.into()
}

/// Everything the columns depend on.
fn address(composer: &Composer, path: &Path, key: &[String]) -> Result<String, KymographError> {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(Checkpoint::open(path)?.content_hash()?.as_bytes());
    add(&VERSION.to_le_bytes());
    add(env!("CARGO_PKG_VERSION").as_bytes());
    composer.group.products().iter().for_each(|p| add(&p.to_le_bytes()));
    key.iter().for_each(|name| add(name.as_bytes()));
    for &trained in composer.train.iter().flatten() {
        add(&[u8::from(trained)]);
    }
    Ok(hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect())
}
