//! `kymograph fit`: the rows of an array laid out in few dimensions, taken apart into parts or put into groups, written as an
//! array.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use kymograph_linalg::Real;
use kymograph_measures::MeasureError;
use kymograph_measures::clusters::{KMeansOptions, kmeans};
use kymograph_measures::embeddings::{
    IcaContrast, IcaOptions, NmfOptions, TsneMethod, TsneOptions, UmapOptions, ica, nmf, pca, rectified_halves, tsne,
    umap,
};
use kymograph_runs::{NpyWriter, RunsError, write_npy_labels};
use ndarray::{Array2, ArrayD, ArrayView2, Ix2};

use crate::error::KymographError;
use crate::export::outside_runs;
use crate::measure::{Owned, read};

const NUMBER: &str = "a number";
const WHOLE: &str = "a whole number";

/// What can be fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FitMethod {
    /// [`kymograph_measures::embeddings::pca()`].
    Pca,
    /// [`kymograph_measures::embeddings::ica()`].
    Ica,
    /// [`kymograph_measures::embeddings::nmf()`].
    Nmf,
    /// [`kymograph_measures::embeddings::tsne()`].
    Tsne,
    /// [`kymograph_measures::embeddings::umap()`].
    Umap,
    /// [`kymograph_measures::clusters::kmeans()`].
    Kmeans,
}

impl FitMethod {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pca => "pca",
            Self::Ica => "ica",
            Self::Nmf => "nmf",
            Self::Tsne => "tsne",
            Self::Umap => "umap",
            Self::Kmeans => "kmeans",
        }
    }
}

/// What `kymograph fit` was asked for.
#[derive(Clone, Debug)]
pub struct FitRequest {
    /// What to fit.
    pub method: FitMethod,
    /// `X.npy`, `X.parquet`, a folder of Parquet files, or `CHECKPOINT:TENSOR`.
    pub array: String,
    /// Options to change, under the names of the fit's own; `initial` names a file.
    pub set: Vec<(String, String)>,
    /// File for the result; `kymograph-out/fit/X.METHOD.npy` when there is none.
    pub out: Option<PathBuf>,
    /// Replace a file that is there.
    pub force: bool,
}

/// A fit that was written.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// What was fitted.
    pub method: FitMethod,
    /// The file.
    pub path: PathBuf,
    /// The shape of its array.
    pub shape: Vec<usize>,
    /// All options.
    pub options: BTreeMap<&'static str, String>,
    /// What the fit says of itself, such as `kl_divergence`.
    pub numbers: Vec<(&'static str, Vec<f64>)>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// Fits, and writes `[row, axis]` as f32 or the group of each row as whole numbers.
///
/// # Errors
/// For an option that does not exist (with those that do), an array that cannot be read or fitted, a file that is there
/// already when `force` is not set, and one within a run, which never changes.
pub fn fit(request: &FitRequest) -> Result<Fitted, KymographError> {
    let path = target(request)?;
    let mut notes = Vec::new();
    let array = read(&request.array, false, false, &mut notes)?;
    let mut settings = Settings::new(request);
    let result = match array {
        Owned::F32(array) => run(&matrix(array, &request.array)?.view(), request.method, &mut settings)?,
        Owned::F64(array) => run(&matrix(array, &request.array)?.view(), request.method, &mut settings)?,
        Owned::Labels(_) => return Err(argument(&request.array, "a fit takes real numbers, and these are integers")),
    };
    let shape = match &result.rows {
        Rows::Places(places) => {
            let mut writer = NpyWriter::create(&path, places.shape())?;
            writer.append(&places.iter().map(|value| *value as f32).collect::<Vec<_>>())?;
            writer.finish()?;
            places.shape().to_vec()
        }
        Rows::Groups(groups) => {
            write_npy_labels(&path, groups)?;
            vec![groups.len()]
        }
    };
    notes.extend(result.notes);
    Ok(Fitted { method: request.method, path, shape, options: settings.used, numbers: result.numbers, notes })
}

enum Rows {
    Places(Array2<f64>),
    Groups(Vec<i64>),
}

struct Outcome {
    rows: Rows,
    numbers: Vec<(&'static str, Vec<f64>)>,
    notes: Vec<String>,
}

impl Outcome {
    fn of(rows: Rows, numbers: Vec<(&'static str, Vec<f64>)>) -> Self {
        Self { rows, numbers, notes: Vec::new() }
    }
}

fn run<T: Real>(
    x: &ArrayView2<'_, T>,
    method: FitMethod,
    settings: &mut Settings<'_>,
) -> Result<Outcome, KymographError> {
    let array = settings.request.array.clone();
    let refused = |error| refused(error, &array, x.shape());
    Ok(match method {
        FitMethod::Pca => {
            let components = settings.take("components", WHOLE, 2)?;
            settings.all_used()?;
            let found = pca(x.view(), components).map_err(refused)?;
            Outcome::of(Rows::Places(found.scores), vec![("explained_variance_share", found.explained)])
        }
        FitMethod::Ica => {
            let default = IcaOptions::default();
            let options = IcaOptions {
                components: settings.take("components", WHOLE, default.components)?,
                contrast: settings.contrast()?,
                max_iterations: settings.take("max_iterations", WHOLE, default.max_iterations)?,
                tolerance: settings.take("tolerance", NUMBER, default.tolerance)?,
                seed: settings.take("seed", WHOLE, default.seed)?,
            };
            settings.all_used()?;
            let found = ica(x.view(), &options).map_err(refused)?;
            let lengths = found.directions.outer_iter().map(|row| row.dot(&row).sqrt()).collect();
            let numbers = vec![("iterations", vec![found.iterations as f64]), ("direction_lengths", lengths)];
            let mut outcome = Outcome::of(Rows::Places(found.sources), numbers);
            if !found.converged {
                outcome
                    .notes
                    .push("the components were still turning; raise max_iterations, or lower components".to_owned());
            }
            outcome
        }
        FitMethod::Nmf => {
            let default = NmfOptions::default();
            let options = NmfOptions {
                components: settings.take("components", WHOLE, default.components)?,
                max_iterations: settings.take("max_iterations", WHOLE, default.max_iterations)?,
                tolerance: settings.take("tolerance", NUMBER, default.tolerance)?,
                seed: settings.take("seed", WHOLE, default.seed)?,
                initial: None,
            };
            let halves = settings.take("halves", "true or false", false)?;
            settings.all_used()?;
            let found = match halves {
                true => nmf(rectified_halves(x.view()).view(), &options),
                false => nmf(x.view(), &options),
            };
            let found = found.map_err(|error| match error {
                negative @ MeasureError::Negative { .. } => {
                    argument(&array, &format!("{negative}; --set halves=true does so"))
                }
                other => refused(other),
            })?;
            let numbers =
                vec![("relative_error", vec![found.relative_error]), ("iterations", vec![found.iterations as f64])];
            let mut outcome = Outcome::of(Rows::Places(found.weights), numbers);
            if !found.converged {
                outcome.notes.push("the factors were still changing; raise max_iterations".to_owned());
            }
            outcome
        }
        FitMethod::Tsne => {
            let default = TsneOptions::default();
            let initial = settings.array("initial")?;
            let options = TsneOptions {
                perplexity: settings.take("perplexity", NUMBER, default.perplexity)?,
                early_iterations: settings.take("early_iterations", WHOLE, default.early_iterations)?,
                early_exaggeration: settings.take("early_exaggeration", NUMBER, default.early_exaggeration)?,
                iterations: settings.take("iterations", WHOLE, default.iterations)?,
                learning_rate: settings.unless_auto("learning_rate", NUMBER)?,
                early_momentum: settings.take("early_momentum", NUMBER, default.early_momentum)?,
                momentum: settings.take("momentum", NUMBER, default.momentum)?,
                method: settings.take("method", "auto, exact, near or interpolated", Word("auto"))?.method(),
                seed: settings.take("seed", WHOLE, default.seed)?,
                initial: initial.as_ref().map(|initial| initial.view()),
            };
            settings.all_used()?;
            let found = tsne(x.view(), &options).map_err(refused)?;
            let numbers =
                vec![("kl_divergence", vec![found.kl_divergence]), ("iterations", vec![found.iterations as f64])];
            settings.used.insert("method", Word::of(found.method).0.to_owned());
            Outcome::of(Rows::Places(found.embedding), numbers)
        }
        FitMethod::Umap => {
            let default = UmapOptions::default();
            let initial = settings.array("initial")?;
            let options = UmapOptions {
                n_neighbors: settings.take("n_neighbors", WHOLE, default.n_neighbors)?,
                min_dist: settings.take("min_dist", NUMBER, default.min_dist)?,
                spread: settings.take("spread", NUMBER, default.spread)?,
                epochs: settings.unless_auto("epochs", WHOLE)?,
                learning_rate: settings.take("learning_rate", NUMBER, default.learning_rate)?,
                negative_samples: settings.take("negative_samples", WHOLE, default.negative_samples)?,
                repulsion: settings.take("repulsion", NUMBER, default.repulsion)?,
                seed: settings.take("seed", WHOLE, default.seed)?,
                initial: initial.as_ref().map(|initial| initial.view()),
            };
            settings.all_used()?;
            let found = umap(x.view(), &options).map_err(refused)?;
            let numbers = vec![
                ("curve", found.curve.to_vec()),
                ("pairs", vec![found.pairs as f64]),
                ("epochs", vec![found.epochs as f64]),
            ];
            Outcome::of(Rows::Places(found.embedding), numbers)
        }
        FitMethod::Kmeans => {
            let default = KMeansOptions::default();
            let options = KMeansOptions {
                k: settings.take("k", WHOLE, default.k)?,
                n_init: settings.take("n_init", WHOLE, default.n_init)?,
                max_iterations: settings.take("max_iterations", WHOLE, default.max_iterations)?,
                seed: settings.take("seed", WHOLE, default.seed)?,
            };
            settings.all_used()?;
            let found = kmeans(x.view(), &options).map_err(refused)?;
            let mut sizes = vec![0.0; options.k];
            found.labels.iter().for_each(|&label| sizes[label] += 1.0);
            let numbers = vec![
                ("inertia", vec![found.inertia]),
                ("iterations", vec![found.iterations as f64]),
                ("cluster_sizes", sizes),
            ];
            let groups = found.labels.iter().map(|&label| label as i64).collect();
            let mut outcome = Outcome::of(Rows::Groups(groups), numbers);
            if !found.converged {
                outcome.notes.push("k-means had not come to rest; raise max_iterations".to_owned());
            }
            outcome
        }
    })
}

/// The options as given, those that were read, and all values as text.
struct Settings<'a> {
    request: &'a FitRequest,
    used: BTreeMap<&'static str, String>,
}

impl<'a> Settings<'a> {
    fn new(request: &'a FitRequest) -> Self {
        Self { request, used: BTreeMap::new() }
    }

    /// The last value given for a name.
    fn given(&self, key: &str) -> Option<&'a str> {
        self.request.set.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn take<V: FromStr + Display>(
        &mut self,
        key: &'static str,
        expected: &str,
        default: V,
    ) -> Result<V, KymographError> {
        let value = match self.given(key) {
            None => default,
            Some(text) => text.parse().map_err(|_| unreadable(key, text, expected))?,
        };
        self.used.insert(key, value.to_string());
        Ok(value)
    }

    fn contrast(&mut self) -> Result<IcaContrast, KymographError> {
        let text = self.given("contrast").unwrap_or("logcosh");
        self.used.insert("contrast", text.to_owned());
        match text {
            "logcosh" => Ok(IcaContrast::LogCosh),
            "cube" => Ok(IcaContrast::Cube),
            _ => Err(unreadable("contrast", text, "logcosh or cube")),
        }
    }

    /// None for `auto`, which is the default.
    fn unless_auto<V: FromStr>(&mut self, key: &'static str, expected: &str) -> Result<Option<V>, KymographError> {
        let text = self.given(key).unwrap_or("auto");
        self.used.insert(key, text.to_owned());
        if text == "auto" {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| unreadable(key, text, expected))
    }

    fn array(&mut self, key: &'static str) -> Result<Option<Array2<f64>>, KymographError> {
        let text = self.given(key).unwrap_or("pca");
        self.used.insert(key, text.to_owned());
        if text == "pca" {
            return Ok(None);
        }
        Ok(Some(match read(text, false, false, &mut Vec::new())? {
            Owned::F32(array) => matrix(array, text)?.mapv(f64::from),
            Owned::F64(array) => matrix(array, text)?,
            Owned::Labels(_) => return Err(argument(text, "a start takes real numbers, and these are integers")),
        }))
    }

    fn all_used(&self) -> Result<(), KymographError> {
        match self.request.set.iter().find(|(key, _)| !self.used.contains_key(key.as_str())) {
            None => Ok(()),
            Some((key, value)) => {
                let known: Vec<&str> = self.used.keys().copied().collect();
                let detail =
                    format!("`{}` has no such option; it has {}", self.request.method.name(), known.join(", "));
                Err(argument(&format!("{key}={value}"), &detail))
            }
        }
    }
}

const METHODS: [(&str, TsneMethod); 4] = [
    ("auto", TsneMethod::Auto),
    ("exact", TsneMethod::Exact),
    ("near", TsneMethod::Near),
    ("interpolated", TsneMethod::Interpolated),
];

/// The word by which a t-SNE method is chosen.
struct Word(&'static str);

impl FromStr for Word {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        METHODS.iter().find(|(word, _)| *word == text).map(|(word, _)| Self(word)).ok_or(())
    }
}

impl Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl Word {
    fn of(method: TsneMethod) -> Self {
        METHODS.iter().find(|(_, named)| *named == method).map_or(Self("auto"), |(word, _)| Self(word))
    }

    fn method(&self) -> TsneMethod {
        METHODS.iter().find(|(word, _)| *word == self.0).map_or(TsneMethod::Auto, |(_, method)| *method)
    }
}

fn unreadable(key: &str, text: &str, expected: &str) -> KymographError {
    argument(&format!("{key}={text}"), &format!("expected {expected}"))
}

fn argument(argument: &str, detail: &str) -> KymographError {
    KymographError::Argument { argument: argument.to_owned(), detail: detail.to_owned() }
}

/// The fit's error with the file it is about; what is wrong with the command stays as it is.
fn refused(error: MeasureError, array: &str, shape: &[usize]) -> KymographError {
    let plain = KymographError::from(error.clone());
    if plain.is_usage() {
        plain
    } else {
        KymographError::Refused { source: error, inputs: format!("`x` is {array} {shape:?}") }
    }
}

fn matrix<T>(array: ArrayD<T>, name: &str) -> Result<Array2<T>, KymographError> {
    let shape = array.shape().to_vec();
    array.into_dimensionality::<Ix2>().map_err(|_| {
        argument(name, &format!("has shape {shape:?}, and two axes [row, feature] are needed; flatten the others"))
    })
}

fn target(request: &FitRequest) -> Result<PathBuf, KymographError> {
    let path = request.out.clone().unwrap_or_else(|| {
        let name = Path::new(&request.array).file_name().unwrap_or_default().to_string_lossy().replace(':', ".");
        let name = [".npy", ".parquet"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
        Path::new("kymograph-out").join("fit").join(format!("{name}.{}.npy", request.method.name()))
    });
    if path.extension().is_none_or(|ending| ending != "npy") {
        return Err(argument(&path.display().to_string(), "the result is an .npy file; name it so"));
    }
    outside_runs(path.parent().unwrap_or(Path::new(".")))?;
    if path.exists() && !request.force {
        let remedy = "replace it with --force, or choose another file with --out";
        return Err(RunsError::Exists { path, what: "something", remedy }.into());
    }
    Ok(path)
}
