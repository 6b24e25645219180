//! Maps: rows of two-bit codes, one a parameter, appended while a network trains and read back in windows.

mod file;
mod window;
mod writer;

pub use window::{CodeMap, CodeWindow};
pub(crate) use writer::{MapWriter, cut};

use super::files;
use crate::RunsError;
use std::path::{Path, PathBuf};

const ENDING: &str = ".codes";

/// Where the map of this name lies in a run folder.
pub(crate) fn map_path(folder: &Path, name: &str) -> PathBuf {
    folder.join("maps").join(format!("{name}{ENDING}"))
}

/// The maps in a run folder by name.
pub(crate) fn maps(folder: &Path) -> Result<Vec<(String, PathBuf)>, RunsError> {
    let paths = files::entries(&folder.join("maps"))?;
    let named = |path: PathBuf| Some((files::file_name(&path).strip_suffix(ENDING)?.to_owned(), path));
    Ok(paths.into_iter().filter_map(named).collect())
}
