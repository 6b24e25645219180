//! `run.json`: what a run was made from, and whether it is finished.

use super::files::write_whole;
use crate::RunsError;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::path::Path;

/// The version of the folder format that is written here; older versions are read.
pub const FORMAT_VERSION: u32 = 1;

/// The manifest of a run, written before anything else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the folder format.
    pub format_version: u32,
    /// Where the run comes from, such as `study phases`.
    pub source: String,
    /// The network's spec, from which it can be built again; `null` for foreign runs whose architecture is unknown.
    pub network: Value,
    /// Everything that was set for this run: data, optimiser, schedule, number of steps.
    pub settings: Value,
    /// The seed, where there is one.
    pub seed: Option<u64>,
    /// The control this run is (`other_order`, `shuffled_labels`, …), if it is one.
    #[serde(default)]
    pub control: Option<String>,
    /// Program and version that recorded it.
    pub software: String,
    /// CPU features on which last bits may depend.
    pub cpu_features: Vec<String>,
    /// Names and shapes (per example) of what can be captured.
    #[serde(default)]
    pub hook_points: Vec<HookPoint>,
    /// SHA-256 of the probe's file, once there is a probe.
    #[serde(default)]
    pub probe_hash: Option<String>,
    /// Whether it is still being recorded.
    pub status: Status,
    /// When it was begun (UTC).
    pub created: String,
}

/// A place in a network where arrays can be captured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookPoint {
    /// The name, such as `conv1` or `conv1.grad`.
    pub name: String,
    /// The shape of one example's array there.
    pub shape: Vec<usize>,
}

/// Whether a run may still change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Being recorded, or killed before its end; it can be resumed.
    Recording,
    /// Complete; it is never changed again.
    Finished,
}

impl Manifest {
    /// A manifest for a run that begins now, by this program, on this machine.
    pub fn new(source: impl Into<String>, network: Value, settings: Value, seed: Option<u64>) -> Manifest {
        Manifest {
            format_version: FORMAT_VERSION,
            source: source.into(),
            network,
            settings,
            seed,
            control: None,
            software: software(),
            cpu_features: cpu_features(),
            hook_points: Vec::new(),
            probe_hash: None,
            status: Status::Recording,
            created: now(),
        }
    }

    pub(crate) fn read(folder: &Path) -> Result<Manifest, RunsError> {
        read_json(&folder.join("run.json"))
    }

    pub(crate) fn write(&self, folder: &Path) -> Result<(), RunsError> {
        write_json(&folder.join("run.json"), self)
    }
}

/// This program and its version.
pub fn software() -> String {
    format!("kymograph {}", env!("CARGO_PKG_VERSION"))
}

/// The CPU features that decide which kernels run, and so the last bits of a result.
pub fn cpu_features() -> Vec<String> {
    let mut found = vec![std::env::consts::ARCH.to_string()];
    #[cfg(target_arch = "x86_64")]
    {
        let features = [
            ("avx2", is_x86_feature_detected!("avx2")),
            ("fma", is_x86_feature_detected!("fma")),
            ("avx512f", is_x86_feature_detected!("avx512f")),
        ];
        found.extend(features.iter().filter(|(_, there)| *there).map(|(name, _)| name.to_string()));
    }
    found
}

pub(crate) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Reads a versioned JSON file; a newer version is an error of its own, before any other complaint.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, RunsError> {
    let text = std::fs::read(path).map_err(RunsError::io("read", path))?;
    let bad = |error: serde_json::Error| RunsError::BadManifest { path: path.into(), reason: error.to_string() };
    let value: Value = serde_json::from_slice(&text).map_err(bad)?;
    let version = value
        .get("format_version")
        .and_then(Value::as_u64)
        .ok_or_else(|| RunsError::BadManifest { path: path.into(), reason: "it has no format_version".into() })?;
    if version > u64::from(FORMAT_VERSION) {
        return Err(RunsError::NewerFormat { path: path.into(), found: version, known: FORMAT_VERSION });
    }
    serde_json::from_value(value).map_err(bad)
}

pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), RunsError> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|error| RunsError::BadManifest { path: path.into(), reason: error.to_string() })?;
    text.push('\n');
    write_whole(path, text.as_bytes())
}
