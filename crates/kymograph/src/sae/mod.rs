//! `kymograph fit sae`: a dictionary for anybody's activations, trained into a run folder that SAELens can load too.

mod folder;
mod measured;
mod request;
mod source;
mod spec;
mod train;

use std::path::{Path, PathBuf};

use kymograph_nets::OptimiserSpec;
use kymograph_nets::dictionaries::{Dictionary, DictionarySpec};
use kymograph_runs::{Manifest, Recorder, Run, RunsError, remove_run};
use serde_json::json;

use crate::error::KymographError;
use crate::export::outside_runs;
use crate::pipeline::Event;
use source::Source;
use spec::spec;
use train::Fit;

pub use folder::read_sae;
pub use request::{FittedSae, SaeRequest, SaeStart, SaeVariant};
pub(crate) use source::is_whole;

/// Rows from which first weights are taken and on which the result is measured, at most.
const SAMPLE: usize = 16_384;
/// Files of what the finished dictionary says of the sample.
const SUMMARY: &str = "summary.json";
const DENSITY: &str = "density.npy";
/// What a fit writes into its run's folder.
const BESIDE: &[&str] = &[folder::CONFIG, folder::WEIGHTS, SUMMARY, DENSITY];

/// Fits a dictionary, and writes it with everything recorded on the way.
///
/// # Errors
/// For activations that cannot be read, with the row that is not finite or the width that does not fit; options that make no
/// dictionary; and a folder that holds something else.
pub fn fit_sae(request: &SaeRequest, listener: &(dyn Fn(Event<'_>) + Sync)) -> Result<FittedSae, KymographError> {
    let source = Source::open(&request.activations)?;
    let targets = request.targets.as_deref().map(Source::open).transpose()?;
    if let Some(targets) = targets.as_ref().filter(|targets| targets.rows != source.rows) {
        let detail =
            format!("has {} rows, and the activations {}: a row for each is needed", targets.rows, source.rows);
        return Err(argument(request.targets.as_deref().unwrap_or_default(), &detail));
    }
    let batch = request.batch.unwrap_or(source.rows.min(4096));
    if batch == 0 || batch > source.rows {
        let detail = format!("must be at least 1 and at most the number of examples, {}", source.rows);
        return Err(argument("--batch", &detail));
    }
    let given = request.from.as_deref().map(read_sae).transpose()?;
    let spec = spec(request, &source, targets.as_ref(), given.as_ref())?;
    // What cannot be is refused before anything is written.
    Dictionary::<f32>::new(&spec)?;
    let folder = target(request);
    let manifest = manifest((request, batch), &spec, &source);
    let fit = Fit { request, batch, source: &source, targets: targets.as_ref(), spec: &spec, given: given.as_ref() };
    if request.force && folder.join("run.json").exists() {
        remove_run(&folder, BESIDE)?;
    }
    let (recorder, saved) = match (folder.join("run.json").exists(), request.resume) {
        (true, true) => {
            let run = Run::open(&folder)?;
            if run.manifest().settings != manifest.settings || run.manifest().network != manifest.network {
                return Err(argument(
                    "--resume",
                    &format!("{} was begun with other options or other activations", folder.display()),
                ));
            }
            if run.is_finished() {
                let mut dictionary = Dictionary::new(&spec)?;
                let last = run.steps().last().copied().unwrap_or(0);
                let tensors = run.checkpoint(last)?.state_f32()?;
                dictionary.load_state(&tensors)?;
                return fit.measured(&folder, &dictionary);
            }
            Recorder::resume(&folder)?
        }
        _ => {
            outside_runs(folder.parent().unwrap_or(Path::new(".")))?;
            (Recorder::create(&folder, &manifest)?, None)
        }
    };
    let begun_here = saved.is_none();
    let trained = fit.train(recorder, saved, listener).and_then(|dictionary| fit.measured(&folder, &dictionary));
    match trained {
        // Rows are looked at as they are read, so a bad one may turn up late; what was begun here must not stand in the way
        // of the fit of the mended file.
        Err(error) if begun_here && of_the_activations(&error) => {
            remove_run(&folder, BESIDE)?;
            Err(error)
        }
        Err(KymographError::Argument { argument, detail }) => {
            let begun = format!("{detail}; the fit in {} was begun on it: replace that with --force", folder.display());
            Err(KymographError::Argument { argument, detail: begun })
        }
        other => other,
    }
}

/// Is the file to be mended, so that nothing can go on from what was trained?
fn of_the_activations(error: &KymographError) -> bool {
    use RunsError::{BadTensor, Damaged, Unsupported};
    matches!(
        error,
        KymographError::Argument { .. } | KymographError::Runs(BadTensor { .. } | Damaged { .. } | Unsupported { .. })
    )
}

fn argument(argument: &str, detail: &str) -> KymographError {
    KymographError::Argument { argument: argument.to_owned(), detail: detail.to_owned() }
}

fn target(request: &SaeRequest) -> PathBuf {
    request.out.clone().unwrap_or_else(|| {
        let name = Path::new(&request.activations).file_name().unwrap_or_default().to_string_lossy().replace(':', ".");
        let name = [".npy", ".parquet"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
        Path::new("kymograph-out").join("fit").join(format!("{name}.sae"))
    })
}

fn manifest((request, batch): (&SaeRequest, usize), spec: &DictionarySpec, source: &Source) -> Manifest {
    let network = json!({ "name": "sae", "dictionary": spec });
    let settings = json!({
        "activations": request.activations,
        "targets": request.targets,
        "rows": source.rows,
        "start": request.start.name(),
        "from": request.from,
        "steps": request.steps,
        "batch": batch,
        "optimiser": OptimiserSpec::adam(request.learning_rate),
        "dead_after": request.dead_after,
        "memory": request.memory,
    });
    Manifest::new("fit sae", network, settings, Some(request.seed))
}
