//! A network that composes group elements, as files: its checkpoints, its group, and what was published of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kymograph_findings::RunKey;
use kymograph_findings::plan::{PlannedComposition, PlannedSplit};
use kymograph_measures::groups::Group;
use kymograph_nets::PairSpec;
use kymograph_runs::{Run, RunsError, Table, read_series};
use kymograph_studies::composition::{Precision, Settings, group, split};
use serde::Deserialize;

use crate::error::KymographError;

/// One run's checkpoints, and what is needed to put them in place.
pub(super) struct Composer {
    pub(super) key: RunKey,
    pub(super) group: Group,
    pub(super) checkpoints: BTreeMap<u64, PathBuf>,
    /// Our own runs know their network; a released state dict tells it by its tensors.
    pub(super) spec: Option<PairSpec>,
    /// Were its weights trained in 64 bits?
    pub(super) wide: bool,
    /// Which pairs `a · order + b` were trained on, where that is known.
    pub(super) train: Option<Vec<bool>>,
    /// Key representations that were fixed beforehand.
    pub(super) fixed_key: Vec<String>,
    /// Numbers published for its last checkpoint, by column.
    pub(super) published: BTreeMap<String, f64>,
    /// What another program logged of it over training.
    pub(super) logged: Option<Table>,
}

impl Composer {
    /// A run recorded by this program.
    pub(super) fn recorded(key: RunKey, run: &Run) -> Result<Self, KymographError> {
        let bad = |reason: String| RunsError::BadManifest { path: run.folder().join("run.json"), reason };
        let manifest = run.manifest();
        let settings: Settings =
            serde_json::from_value(manifest.settings["study"].clone()).map_err(|e| bad(e.to_string()))?;
        let spec: PairSpec =
            serde_json::from_value(manifest.network["pairs"].clone()).map_err(|e| bad(e.to_string()))?;
        let group = group(&settings.group)?;
        if group.order() != spec.order {
            return Err(bad(format!("the group {} has another order than its network", settings.group)).into());
        }
        let checkpoints = run
            .steps()
            .iter()
            .map(|&step| Ok((step, run.checkpoint(step)?.path().to_path_buf())))
            .collect::<Result<_, KymographError>>()?;
        let seed = manifest.seed.unwrap_or(0);
        Ok(Self {
            train: Some(trained(group.order(), PlannedSplit { seed, fraction: settings.fraction })),
            key,
            group,
            checkpoints,
            spec: Some(spec),
            wide: settings.precision == Precision::F64,
            fixed_key: settings.key,
            published: BTreeMap::new(),
            logged: None,
        })
    }

    /// Checkpoints made elsewhere. Beside them may lie `cfg.json` with group, share and seed, `key_reps.txt`,
    /// `summary_metrics.json` with published numbers, and `metrics.csv` or `metrics.csv.gz` with those over training.
    pub(super) fn foreign(
        key: RunKey,
        checkpoints: BTreeMap<u64, PathBuf>,
        plan: &PlannedComposition,
    ) -> Result<Self, KymographError> {
        let folder = checkpoints.values().next().and_then(|path| path.parent()).unwrap_or(Path::new(".")).to_path_buf();
        // A run of this program that is analysed by its path still knows its network and its split.
        if let Some(run) =
            folder.parent().filter(|run| folder.ends_with("checkpoints") && run.join("run.json").is_file())
        {
            let run = Run::open(run)?;
            if run.manifest().network["pairs"].is_object() {
                return Self::recorded(key, &run);
            }
        }
        let config = read_json::<Config>(&folder.join("cfg.json"))?;
        let name = plan.group.clone().or_else(|| config.as_ref().and_then(Config::group_name));
        let Some(name) = name else {
            let first = checkpoints.into_values().next().unwrap_or_default();
            return Err(KymographError::Argument {
                argument: first.display().to_string(),
                detail:
                    "nothing tells which group it composes; put a cfg.json beside it, or name the group in a plan: \
                         [composition] group = \"S5\""
                        .to_owned(),
            });
        };
        let group = group(&name)?;
        let of_config = config.and_then(|c| Some(PlannedSplit { seed: c.seed?, fraction: c.frac_train? }));
        let key_file = std::fs::read_to_string(folder.join("key_reps.txt")).unwrap_or_default();
        let mut fixed_key = plan.key.clone();
        if fixed_key.is_empty() {
            fixed_key = key_file.lines().map(str::trim).filter(|l| !l.is_empty()).map(ToOwned::to_owned).collect();
        }
        let history = ["metrics.csv", "metrics.csv.gz", "history.csv"].map(|name| folder.join(name));
        let logged = history.iter().find(|path| path.is_file()).map(read_series).transpose()?;
        let published = read_json::<BTreeMap<String, serde_json::Value>>(&folder.join("summary_metrics.json"))?;
        Ok(Self {
            key,
            checkpoints,
            spec: None,
            wide: false,
            train: plan.split.or(of_config).map(|split| trained(group.order(), split)),
            group,
            fixed_key,
            published: published
                .into_iter()
                .flatten()
                .filter_map(|(name, value)| Some((name, value.as_f64()?)))
                .collect(),
            logged,
        })
    }

    /// The checkpoint that is looked at most closely.
    pub(super) fn last(&self) -> Option<(u64, &PathBuf)> {
        self.checkpoints.iter().next_back().map(|(step, path)| (*step, path))
    }
}

fn trained(order: usize, planned: PlannedSplit) -> Vec<bool> {
    let (pairs, count) = split(order, planned.fraction.clamp(0.0, 1.0), planned.seed);
    let mut train = vec![false; order * order];
    for &pair in &pairs[..count.min(pairs.len())] {
        train[pair] = true;
    }
    train
}

/// `cfg.json` of the released models, and of the notebook's run.
#[derive(Deserialize)]
struct Config {
    #[serde(alias = "group_type")]
    group: Option<String>,
    #[serde(alias = "group_param")]
    group_parameter: Option<u64>,
    frac_train: Option<f64>,
    seed: Option<u64>,
}

impl Config {
    /// `SymmetricGroup` and 5 are S5; a name such as S5 is taken as it is.
    fn group_name(&self) -> Option<String> {
        let class = self.group.as_deref()?;
        let class = class.rsplit('.').next().unwrap_or(class);
        let Some(index) = self.group_parameter else {
            return Some(class.to_owned());
        };
        let letter = match class {
            "SymmetricGroup" => "S",
            "AlternatingGroup" => "A",
            "CyclicGroup" => "C",
            "DihedralGroup" => "D",
            _ => return Some(class.to_owned()),
        };
        Some(format!("{letter}{index}"))
    }
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, KymographError> {
    if !path.is_file() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path).map_err(KymographError::file(path))?;
    let bad = |e: serde_json::Error| RunsError::BadData {
        path: path.to_owned(),
        reason: e.to_string(),
        remedy: "mend it or take it away",
    };
    Ok(Some(serde_json::from_str(&text).map_err(bad)?))
}
