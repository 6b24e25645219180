//! The arrays of one name of one run, read once, as matrices whose rows are units or examples.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kymograph_measures::{Array, Kind};
use kymograph_runs::{Checkpoint, Dtype, TensorInfo};
use ndarray::{Array2, ArrayD, ArrayViewD, IxDyn};

use super::look::Look;
use super::{Activations, Gathering, Job, Subject, measure_of};
use crate::error::FindingsError;
use crate::finding::RunKey;
use crate::plan::{FOLDED, NullKind, On};

/// A matrix in the precision it was stored in.
#[derive(Clone, Debug)]
pub(super) enum Matrix {
    F32(Array2<f32>),
    F64(Array2<f64>),
}

impl Matrix {
    pub(super) fn rows(&self) -> usize {
        match self {
            Self::F32(m) => m.nrows(),
            Self::F64(m) => m.nrows(),
        }
    }

    pub(super) fn columns(&self) -> usize {
        match self {
            Self::F32(m) => m.ncols(),
            Self::F64(m) => m.ncols(),
        }
    }

    pub(super) fn view(&self) -> Array<'_> {
        match self {
            Self::F32(m) => Array::F32(m.view().into_dyn()),
            Self::F64(m) => Array::F64(m.view().into_dyn()),
        }
    }
}

/// A matrix with its shape in, and the hash of, the file it came from.
#[derive(Clone, Debug)]
pub(super) struct Sourced {
    pub(super) matrix: Matrix,
    pub(super) shape: Vec<usize>,
    pub(super) content: String,
}

impl Sourced {
    /// What an array came from, without the array.
    fn content_only(content: String) -> Self {
        Self { matrix: Matrix::F32(Array2::zeros((0, 0))), shape: Vec::new(), content }
    }

    /// The matrix, or the array as stored for a measure of so many axes.
    pub(super) fn view(&self, axes: usize) -> Array<'_> {
        self.shaped(&self.matrix, axes)
    }

    /// Another matrix of the same shape, alike.
    pub(super) fn shaped<'m>(&self, matrix: &'m Matrix, axes: usize) -> Array<'m> {
        fn reshaped<'m, T>(matrix: &'m Array2<T>, shape: &[usize]) -> ArrayViewD<'m, T> {
            let whole = matrix.view().into_shape_with_order(IxDyn(shape));
            whole.unwrap_or_else(|_| matrix.view().into_dyn())
        }
        match matrix {
            _ if axes == 2 || self.shape.len() != axes => matrix.view(),
            Matrix::F32(m) => Array::F32(reshaped(m, &self.shape)),
            Matrix::F64(m) => Array::F64(reshaped(m, &self.shape)),
        }
    }
}

/// How much of an array is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    /// Only what tells it from any other: its values are left empty.
    Contents,
    /// All of it.
    Values,
}

/// Open files: tensor lists and hashes are read once. Of what was not kept, the arrays of one name are held as long as that
/// name is asked for.
pub(super) struct Shelf<'a> {
    gathering: &'a Gathering<'a>,
    open: BTreeMap<PathBuf, (Checkpoint, String)>,
    masks: BTreeMap<(PathBuf, String), bool>,
    /// Network and array of this turn, and what was taken again of it.
    turn: (String, String),
    taken: BTreeMap<(&'a RunKey, u64), Sourced>,
}

impl<'a> Shelf<'a> {
    pub(super) fn new(gathering: &'a Gathering<'a>) -> Self {
        Self {
            gathering,
            open: BTreeMap::new(),
            masks: BTreeMap::new(),
            turn: Default::default(),
            taken: BTreeMap::new(),
        }
    }

    /// Turns to an array of a network.
    fn begin(&mut self, network: &str, array: &str) {
        if (self.turn.0.as_str(), self.turn.1.as_str()) != (network, array) {
            self.turn = (network.to_owned(), array.to_owned());
            self.taken.clear();
        }
    }

    fn file(&mut self, path: &Path) -> Result<&(Checkpoint, String), FindingsError> {
        if !self.open.contains_key(path) {
            let checkpoint = Checkpoint::open(path)?;
            let content = checkpoint.content_hash()?;
            self.open.insert(path.to_path_buf(), (checkpoint, content));
        }
        Ok(&self.open[path])
    }

    /// The tensors that are matrices or convolution kernels of real numbers. Folded weights lie in the files of activations.
    pub(super) fn matrices(&mut self, run: &Subject, on: On, step: u64) -> Result<Vec<TensorInfo>, FindingsError> {
        let mut tensors = match place(run, on, step) {
            Some(Place::File(path)) => self.file(path)?.0.tensors().to_vec(),
            Some(Place::Dropped(_, arrays)) => {
                let info = |(name, shape): &(String, Vec<usize>)| TensorInfo {
                    name: name.clone(),
                    shape: shape.clone(),
                    dtype: Dtype::F32,
                };
                arrays.iter().map(info).collect()
            }
            None => Vec::new(),
        };
        let real = |d: Dtype| matches!(d, Dtype::F16 | Dtype::Bf16 | Dtype::F32 | Dtype::F64);
        let meant = |name: &str| on == On::Parameters || name.ends_with(FOLDED) == (on == On::Folded);
        tensors.retain(|t| t.shape.len() >= 2 && real(t.dtype) && t.shape.iter().all(|&n| n > 0) && meant(&t.name));
        Ok(tensors)
    }

    /// Why a tensor is not measured although it is there: it is a mask.
    pub(super) fn mask(&mut self, path: &Path, array: &str) -> Result<Option<String>, FindingsError> {
        let key = (path.to_path_buf(), array.to_owned());
        let is_mask = match self.masks.get(&key) {
            Some(&known) => known,
            None => self.file(path)?.0.is_mask(array)?,
        };
        self.masks.insert(key, is_mask);
        let reason = || format!("tensor `{array}` of {} is a mask of minus infinities and no weight", path.display());
        Ok(is_mask.then(reason))
    }

    /// An array of a run at one step, where it has it.
    fn read(
        &mut self,
        run: &'a Subject,
        on: On,
        step: u64,
        array: &str,
        load: Load,
    ) -> Result<Option<Sourced>, FindingsError> {
        match (place(run, on, step), load) {
            (None, _) => Ok(None),
            (Some(Place::File(path)), Load::Contents) => Ok(Some(Sourced::content_only(self.file(path)?.1.clone()))),
            (Some(Place::Dropped(content, _)), Load::Contents) => Ok(Some(Sourced::content_only(content.to_owned()))),
            (Some(Place::File(path)), Load::Values) => self.read_file(path, array).map(Some),
            (Some(Place::Dropped(content, _)), Load::Values) => self.take(run, step, array, content).map(Some),
        }
    }

    fn take(&mut self, run: &'a Subject, step: u64, array: &str, content: &str) -> Result<Sourced, FindingsError> {
        let key = (&run.key, step);
        let of_turn = self.turn.1 == array;
        if let Some(sourced) = self.taken.get(&key).filter(|_| of_turn) {
            return Ok(sourced.clone());
        }
        let tensor = (self.gathering.again)(&run.key, step, array).map_err(|detail| FindingsError::NotTaken {
            run: run.key.to_string(),
            step,
            array: array.to_owned(),
            detail,
        })?;
        let place = PathBuf::from(format!("the activations of {} at step {step}", run.key));
        refuse_not_finite(&place, array, tensor.iter().map(|&v| f64::from(v)))?;
        let shape = tensor.shape().to_vec();
        let sourced = Sourced { matrix: Matrix::F32(to_matrix(tensor)), shape, content: content.to_owned() };
        if of_turn {
            self.taken.insert(key, sourced.clone());
        }
        Ok(sourced)
    }

    fn read_file(&mut self, path: &Path, array: &str) -> Result<Sourced, FindingsError> {
        let (checkpoint, content) = self.file(path)?;
        let wide = checkpoint.tensors().iter().any(|t| t.name == array && t.dtype == Dtype::F64);
        let (matrix, shape) = if wide {
            let tensor = checkpoint.read_f64(array)?;
            refuse_not_finite(path, array, tensor.iter().copied())?;
            let shape = tensor.shape().to_vec();
            (Matrix::F64(to_matrix(tensor)), shape)
        } else {
            let tensor = checkpoint.read_f32(array)?;
            refuse_not_finite(path, array, tensor.iter().map(|&v| f64::from(v)))?;
            let shape = tensor.shape().to_vec();
            (Matrix::F32(to_matrix(tensor)), shape)
        };
        Ok(Sourced { matrix, shape, content: content.clone() })
    }
}

/// Where a run's arrays of one step are.
enum Place<'a> {
    File(&'a Path),
    Dropped(&'a str, &'a [(String, Vec<usize>)]),
}

fn place(run: &Subject, on: On, step: u64) -> Option<Place<'_>> {
    match on {
        On::Parameters => run.parameters.get(&step).map(|path| Place::File(path)),
        On::Activations | On::Folded => run.activations.get(&step).map(|activations| match activations {
            Activations::File(path) => Place::File(path),
            Activations::Dropped { content, arrays } => Place::Dropped(content, arrays),
        }),
        On::Series => None,
    }
}

fn refuse_not_finite(path: &Path, tensor: &str, values: impl Iterator<Item = f64>) -> Result<(), FindingsError> {
    match values.enumerate().find(|(_, v)| !v.is_finite()) {
        None => Ok(()),
        Some((index, value)) => Err(FindingsError::NotFinite {
            path: path.to_path_buf(),
            tensor: tensor.to_owned(),
            value: value.to_string(),
            index,
        }),
    }
}

/// The first axis stays (units, or examples); all others are flattened in row-major order.
fn to_matrix<T: Clone>(tensor: ArrayD<T>) -> Array2<T> {
    let rows = tensor.shape().first().copied().unwrap_or(1);
    let columns = tensor.len().checked_div(rows).unwrap_or(0);
    let tensor = tensor.as_standard_layout().into_owned();
    tensor.into_shape_with_order((rows, columns)).unwrap_or_else(|_| unreachable!("a standard layout keeps its length"))
}

/// One array of one run by step.
pub(super) type BySteps = BTreeMap<u64, Sourced>;

/// Everything the rows of one array of one run need.
pub(super) struct Column<'a> {
    pub(super) steps: BySteps,
    /// Further layers of the same run that rows compare this one with, by name.
    pub(super) layers: BTreeMap<String, BySteps>,
    /// The same array in untrained networks of the same shape, by seed.
    pub(super) untrained: Vec<Sourced>,
    /// Whether `untrained` had to be this run's own step 0.
    pub(super) untrained_is_own: bool,
    /// The same array in the sister seeds' main runs.
    pub(super) sisters: Vec<BySteps>,
    /// The same array in the runs of controls, by name: the seed and the array.
    pub(super) controls: BTreeMap<String, Vec<(Option<u64>, BySteps)>>,
    /// The run's own seed.
    pub(super) seed: Option<u64>,
    /// The probe's labels.
    pub(super) labels: Option<&'a [i64]>,
    /// Labels of the rows, where rows were chosen.
    pub(super) row_labels: Option<Vec<i64>>,
    pub(super) on: On,
}

impl<'a> Column<'a> {
    pub(super) fn load(
        shelf: &mut Shelf<'a>,
        gathering: &Gathering<'a>,
        (subject, look, array): (usize, Look, &str),
        members: &[usize],
        jobs: &[Job],
        load: Load,
    ) -> Result<Self, FindingsError> {
        let on = look.on;
        let subjects = gathering.subjects;
        let run = &subjects[subject];
        shelf.begin(&run.key.network, array);
        let members: Vec<usize> = members.iter().copied().filter(|&i| jobs[i].missing.is_none()).collect();
        let wanted: BTreeSet<u64> = members.iter().flat_map(|&i| jobs[i].steps.iter().copied()).collect();
        let planned = |i: &usize| &gathering.plan.measures[jobs[*i].planned];
        let asked = |null: &NullKind| members.iter().any(|i| planned(i).nulls.contains(null));
        let mut column = Self {
            steps: read_steps(shelf, run, on, array, &wanted, load)?,
            layers: BTreeMap::new(),
            untrained: Vec::new(),
            untrained_is_own: false,
            sisters: Vec::new(),
            controls: BTreeMap::new(),
            seed: run.key.seed,
            labels: run.labels.as_deref(),
            row_labels: None,
            on,
        };
        let sisters: Vec<&Subject> = subjects.iter().filter(|s| s.is_sister_of(&run.key)).collect();
        if asked(&NullKind::Untrained) {
            let with_start: Vec<&Subject> = sisters.iter().copied().filter(|s| place(s, on, 0).is_some()).collect();
            column.untrained_is_own = with_start.is_empty();
            let sources = if column.untrained_is_own { vec![run] } else { with_start };
            for source in sources {
                column.untrained.extend(shelf.read(source, on, 0, array, load)?);
            }
        }
        if asked(&NullKind::OtherSeed) {
            for sister in sisters {
                column.sisters.push(read_steps(shelf, sister, on, array, &wanted, load)?);
            }
        }
        let mut beside: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
        for &i in &members {
            if let Some(other) = &jobs[i].other {
                beside.entry(other).or_default().extend(&jobs[i].steps);
            }
        }
        for (other, wanted) in beside {
            column.layers.insert(other.to_owned(), read_steps(shelf, run, on, other, &wanted, load)?);
        }
        let names: BTreeSet<&str> = members.iter().flat_map(|i| planned(i).controls_beside()).collect();
        for name in names {
            let mut runs = Vec::new();
            for control in subjects.iter().filter(|s| s.is_control(&run.key.network, name)) {
                runs.push((control.key.seed, read_steps(shelf, control, on, array, &wanted, load)?));
            }
            column.controls.insert(name.to_owned(), runs);
        }
        column.looked_at(look, load).map_err(|reason| FindingsError::Invalid {
            origin: gathering.origin.to_owned(),
            place: format!("array `{array}` of {}", run.key),
            detail: format!("it {reason}"),
        })?;
        Ok(column)
    }

    /// Another layer of the run.
    pub(super) fn other_layer(&self, name: &str, step: u64) -> Option<&Sourced> {
        self.layers.get(name)?.get(&step)
    }
}

fn read_steps<'a>(
    shelf: &mut Shelf<'a>,
    run: &'a Subject,
    on: On,
    array: &str,
    wanted: &BTreeSet<u64>,
    load: Load,
) -> Result<BySteps, FindingsError> {
    let mut steps = BTreeMap::new();
    for &step in wanted {
        if on == On::Series {
            if let Some(&value) = run.series.get(array).and_then(|series| series.get(&step)).filter(|v| v.is_finite()) {
                let matrix = Matrix::F64(Array2::from_elem((1, 1), value));
                let content = format!("{:016x}", value.to_bits());
                steps.insert(step, Sourced { matrix, shape: vec![1, 1], content });
            }
        } else if let Some(sourced) = shelf.read(run, on, step, array, load)? {
            steps.insert(step, sourced);
        }
    }
    Ok(steps)
}

/// Whether the measure takes the probe's labels beside the array.
pub(super) fn wants_labels(planned: &crate::plan::PlannedMeasure) -> bool {
    let measure = measure_of(planned);
    measure.inputs.iter().any(|input| input.kind == Kind::Labels)
}
