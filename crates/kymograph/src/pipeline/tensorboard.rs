//! TensorBoard's event files of an experiment: a folder a run, in the layout of `runs/`, and one with the report's figures.

use std::path::{Path, PathBuf};

use kymograph_runs::{EventWriter, Experiment};

use super::Derived;
use crate::error::KymographError;

const FOLDER: &str = "tensorboard";

/// Where the events of a run go.
pub(super) fn of_run(experiment: &Experiment, run: &Path) -> PathBuf {
    let place = run.strip_prefix(experiment.folder().join("runs")).unwrap_or(run);
    experiment.folder().join(FOLDER).join(place)
}

/// Writes the report's figures as images at the last step that was measured.
pub(super) fn figures(derived: &Derived) -> Result<(), KymographError> {
    let step = derived.findings.iter().flat_map(|f| f.steps.iter().copied()).max().unwrap_or(0);
    let mut events = EventWriter::create(&derived.folder.join(FOLDER).join("report"), 0)?;
    for svg in &derived.figures {
        let path = svg.with_extension("png");
        let png = std::fs::read(&path).map_err(KymographError::file(&path))?;
        // A PNG file names its width and height behind its signature and the head of its first chunk.
        let number = |at: usize| {
            let bytes = png.get(at..at + 4).and_then(|b| b.try_into().ok());
            bytes.map_or(0, |bytes| u32::from_be_bytes(bytes) as usize)
        };
        let tag = format!("figures/{}", path.file_stem().unwrap_or_default().to_string_lossy());
        events.image(step, &tag, [number(20), number(16)], &png)?;
    }
    Ok(events.flush()?)
}
