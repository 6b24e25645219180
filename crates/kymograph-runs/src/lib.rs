//! The run folder: manifest, recorder, reader, checkpoint importers and data sets.
//!
//! Three doors: [`Recorder`] writes a run while a network trains, [`Run`] and [`Experiment`] read what was
//! written, and [`Checkpoint`] with [`find_checkpoints`] reads checkpoints made elsewhere (`.pt`, `.pth`, `.bin`,
//! `.safetensors`, `.npz`) without executing anything they contain; [`export()`] writes them for others. The files are described in `docs/run-format.md`.

#![forbid(unsafe_code)]

mod checkpoints;
mod data;
mod error;
mod events;
mod export;
mod folder;
mod listing;

pub use checkpoints::{
    Checkpoint, CheckpointFormat, CheckpointSeries, Dtype, Float, TensorInfo, find_checkpoints, step_from_path,
};
pub use data::{
    ImageSet, NpyArray, NpyWriter, Split, cifar10, fashion_mnist, image_data, mnist, packed_mnist, read_idx_images,
    read_idx_labels, read_npy, read_numbers, read_series, write_npy_labels,
};
pub use error::RunsError;
pub use events::EventWriter;
pub use export::{ExportFormat, export};
pub use folder::{
    Capture, Captures, CodeMap, CodeWindow, Experiment, ExperimentManifest, FORMAT_VERSION, HookPoint, Manifest, Probe,
    Recorder, RecorderOptions, Run, RunEntry, RunKey, SavedState, Schedule, Selection, Status, Table, Tensors64,
    cpu_features, remove_experiment, remove_run, software, write_captures, write_whole,
};
pub use listing::{Listed, datasets, formats};
