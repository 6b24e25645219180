//! A file of captured arrays outside a run: the cache of activations that can be taken again at any time.

use super::files::{create_folder, write_whole};
use super::recorder::Capture;
use crate::RunsError;
use crate::checkpoints::{Outgoing, encode_safetensors};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// Writes captured arrays with their reduction rules as one safetensors file, whole or not at all.
///
/// # Errors
/// [`RunsError::Io`] when it cannot be written, [`RunsError::BadRecord`] when two arrays share a name.
pub fn write_captures(path: impl AsRef<Path>, step: u64, captures: &[Capture]) -> Result<(), RunsError> {
    let path = path.as_ref();
    if let Some(folder) = path.parent() {
        create_folder(folder)?;
    }
    let outgoing: Vec<Outgoing> =
        captures.iter().map(|capture| Outgoing::f32(capture.name.clone(), &capture.values)).collect();
    let rules: BTreeMap<&str, &str> =
        captures.iter().map(|capture| (capture.name.as_str(), capture.rule.as_str())).collect();
    let bytes = encode_safetensors(&outgoing, &json!({"step": step, "rules": rules}))
        .map_err(|reason| RunsError::BadRecord { path: path.to_path_buf(), reason })?;
    write_whole(path, &bytes)
}
