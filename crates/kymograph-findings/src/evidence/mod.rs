//! Evidence: a plan's measures computed on the runs' arrays, each beside its nulls, and nothing computed twice.

mod arrays;
mod cache;
mod look;
mod nulls;
mod row;
pub(crate) mod trajectory;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use kymograph_measures as measures;
use kymograph_runs::TensorInfo;
use ndarray::ArrayD;
use rayon::prelude::*;

use crate::error::FindingsError;
use crate::finding::{Finding, RunKey};
use crate::plan::{On, Pairs, Plan, PlannedMeasure};
use arrays::{Column, Load, Shelf};
use cache::Cache;
use look::Look;
pub(crate) use nulls::summarise;

/// A run as the evidence sees it: files that hold its arrays, by step.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Which run.
    pub key: RunKey,
    /// Checkpoint files by step.
    pub parameters: BTreeMap<u64, PathBuf>,
    /// Activations on the probe, by step; empty where they cannot be had.
    pub activations: BTreeMap<u64, Activations>,
    /// The probe's labels.
    pub labels: Option<Vec<i64>>,
    /// Recorded series by name (`held_out.loss`): their values by step.
    pub series: BTreeMap<String, BTreeMap<u64, f64>>,
}

/// A run's activations at one step.
#[derive(Clone, Debug)]
pub enum Activations {
    /// A file of them.
    File(PathBuf),
    /// Not kept for want of room; [`Gathering::again`] takes them again, one array at a time.
    Dropped {
        /// SHA-256 of the file that held them: rows are found by it, whether the file is there or not.
        content: String,
        /// Its arrays' names and shapes.
        arrays: Vec<(String, Vec<usize>)>,
    },
}

impl Subject {
    /// The steps at which it has arrays; those of series are each series' own.
    fn steps(&self, on: On) -> Vec<u64> {
        match on {
            On::Parameters => self.parameters.keys().copied().collect(),
            On::Activations | On::Folded => self.activations.keys().copied().collect(),
            On::Series => Vec::new(),
        }
    }

    fn is_sister_of(&self, other: &RunKey) -> bool {
        self.key.network == other.network && self.key.seed != other.seed && self.key.control.is_none()
    }

    fn is_control(&self, network: &str, control: &str) -> bool {
        self.key.network == network && self.key.control.as_deref() == Some(control)
    }
}

/// Takes one array of a run at a step; an `Err` says why it cannot.
pub type TakeAgain<'a> = dyn Fn(&RunKey, u64, &str) -> Result<ArrayD<f32>, String> + Sync + 'a;

/// How evidence is gathered.
pub struct Gathering<'a> {
    /// What to compute.
    pub plan: &'a Plan,
    /// Where the plan came from, for messages.
    pub origin: &'a str,
    /// The runs.
    pub subjects: &'a [Subject],
    /// Names of steps: `early`, `mid`, `late`, `first`, `last`.
    pub step_names: &'a BTreeMap<String, u64>,
    /// Folder of the evidence cache.
    pub cache: Option<&'a Path>,
    /// Takes an array of activations that was not kept again: run, step, array.
    pub again: &'a TakeAgain<'a>,
    /// Called with (rows done, rows in all).
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
}

/// The rows of a run that look at one array in one way.
type Group<'a> = (usize, Look, &'a str, Vec<usize>);

/// One row to compute.
#[derive(Clone, Debug)]
struct Job {
    planned: usize,
    subject: usize,
    array: String,
    /// The second layer, where two are compared.
    other: Option<String>,
    steps: Vec<u64>,
    missing: Option<String>,
}

/// Computes every row of the plan, in the plan's order within each run.
///
/// Rows are looked up by content first: measure, version, options, nulls, and the SHA-256 of every file they rest on.
/// The nulls' randomness comes from that same content, so a row is the same whatever else is in the plan, whatever the
/// order and however many threads. At any time the arrays of one name of one run are in memory, with
/// the layers that it is compared with.
///
/// # Errors
/// [`FindingsError::NotFinite`] for NaN or infinite entries, [`FindingsError::NothingToMeasure`] when no array matches,
/// and what reading the files can give. A measure that refuses its input (constant columns, one example) is no error:
/// its row has no value and a note that says why.
pub fn gather(gathering: &Gathering<'_>) -> Result<Vec<Finding>, FindingsError> {
    let jobs = jobs(gathering)?;
    let mut cache = Cache::open(gathering.cache)?;
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (index, job) in jobs.iter().enumerate() {
        let look = Look::of(&gathering.plan.measures[job.planned]);
        match groups.iter_mut().find(|g| g.0 == job.subject && g.1 == look && g.2 == job.array) {
            Some(group) => group.3.push(index),
            None => groups.push((job.subject, look, &job.array, vec![index])),
        }
    }
    let done = AtomicUsize::new(0);
    let mut rows: Vec<Option<Finding>> = vec![None; jobs.len()];
    by_array(&mut groups, gathering.subjects);
    let mut shelf = Shelf::new(gathering);
    for (subject, look, array, members) in groups {
        // What an array was read from is enough to find its rows; it is read only where one of them is not there.
        let mut column = Column::load(&mut shelf, gathering, (subject, look, array), &members, &jobs, Load::Contents)?;
        let there = |&index: &usize| {
            let job = &jobs[index];
            let planned = &gathering.plan.measures[job.planned];
            job.missing.is_some() || cache.get(&row::content_key(planned, job, &column)).is_some()
        };
        if !members.iter().all(there) {
            column = Column::load(&mut shelf, gathering, (subject, look, array), &members, &jobs, Load::Values)?;
        }
        let computed: Vec<(usize, String, bool, Finding)> = members
            .par_iter()
            .map(|&index| {
                let job = &jobs[index];
                let planned = &gathering.plan.measures[job.planned];
                let key = row::content_key(planned, job, &column);
                let cached = cache.get(&key).cloned();
                let fresh = cached.is_none();
                let mut finding = cached.unwrap_or_else(|| row::compute(planned, job, &column, &key));
                finding.run = gathering.subjects[subject].key.clone();
                finding.array.clone_from(&job.array);
                (gathering.progress)(done.fetch_add(1, Ordering::Relaxed) + 1, jobs.len());
                (index, key, fresh && job.missing.is_none(), finding)
            })
            .collect();
        for (index, key, fresh, finding) in computed {
            if fresh {
                cache.put(key, &finding)?;
            }
            rows[index] = Some(finding);
        }
        cache.flush()?;
    }
    let mut findings: Vec<Finding> = rows.into_iter().flatten().collect();
    let trajectories = trajectory::rows(gathering.plan, &findings, gathering.subjects);
    findings.extend(trajectories);
    if findings.is_empty() {
        let runs: BTreeSet<String> = gathering.subjects.iter().map(|s| s.key.to_string()).collect();
        return Err(FindingsError::NothingToMeasure {
            origin: gathering.origin.to_owned(),
            runs: runs.into_iter().collect::<Vec<_>>().join(", "),
        });
    }
    Ok(findings)
}

/// One array of all of a network's runs after the other, so that what has to be taken again is taken once.
fn by_array(groups: &mut [Group<'_>], subjects: &[Subject]) {
    let mut turns: Vec<(String, Look, String)> = Vec::new();
    let turn =
        |(subject, look, array, _): &Group<'_>| (subjects[*subject].key.network.clone(), *look, (*array).to_owned());
    for group in groups.iter().map(turn) {
        if !turns.contains(&group) {
            turns.push(group);
        }
    }
    groups.sort_by_cached_key(|group| turns.iter().position(|of| *of == turn(group)));
}

fn jobs(gathering: &Gathering<'_>) -> Result<Vec<Job>, FindingsError> {
    let mut jobs = Vec::new();
    let mut shelf = Shelf::new(gathering);
    for (subject_index, subject) in gathering.subjects.iter().enumerate() {
        for (planned_index, planned) in gathering.plan.measures.iter().enumerate() {
            let taken = planned.takes_control(subject.key.control.as_deref());
            if !taken || !planned.network_globs().is_match(&subject.key.network) {
                continue;
            }
            let globs = planned.array_globs();
            if planned.on == On::Series {
                for (array, values) in subject.series.iter().filter(|(name, _)| globs.is_match(name)) {
                    let recorded: Vec<u64> = values.keys().copied().collect();
                    let place = (planned_index, subject_index);
                    add_jobs(&mut jobs, planned, place, (array, None), &recorded, gathering);
                }
                continue;
            }
            let recorded = subject.steps(planned.on);
            let Some(&first) = recorded.first() else {
                continue;
            };
            let fits = |t: &TensorInfo| {
                globs.is_match(&t.name)
                    && planned.axes.is_none_or(|axes| t.shape.len() == axes)
                    && planned.largest.is_none_or(|largest| t.shape.iter().product::<usize>() <= largest)
                    && planned.smallest.is_none_or(|smallest| t.shape.iter().product::<usize>() >= smallest)
                    && planned.rows.is_none_or(|rows| t.shape.len() == rows.axes())
            };
            let tensors = shelf.matrices(subject, planned.on, first)?.into_iter().filter(fits);
            let names = tensors.map(|tensor| {
                gathering.plan.check_places(gathering.origin, &subject.key, &tensor.name, &tensor.shape)?;
                Ok(tensor.name)
            });
            let names: Vec<String> = names.collect::<Result<_, FindingsError>>()?;
            let place = (planned_index, subject_index);
            for (at, array) in names.iter().enumerate() {
                if planned.pairs == Pairs::Layers {
                    for other in &names[at + 1..] {
                        add_jobs(&mut jobs, planned, place, (array, Some(other)), &recorded, gathering);
                    }
                    continue;
                }
                let before = jobs.len();
                add_jobs(&mut jobs, planned, place, (array, None), &recorded, gathering);
                if planned.on == On::Parameters
                    && let Some(path) = subject.parameters.get(&first)
                    && let Some(reason) = shelf.mask(path, array)?
                {
                    for job in &mut jobs[before..] {
                        (job.steps, job.missing) = (Vec::new(), Some(reason.clone()));
                    }
                }
            }
        }
    }
    Ok(jobs)
}

/// One job for each set of steps the plan wants of an array.
fn add_jobs(
    jobs: &mut Vec<Job>,
    planned: &PlannedMeasure,
    (planned_index, subject): (usize, usize),
    (array, other): (&str, Option<&String>),
    recorded: &[u64],
    gathering: &Gathering<'_>,
) {
    for steps in planned.step_sets(recorded, gathering.step_names) {
        let missing = steps.as_ref().err().cloned();
        let steps = steps.unwrap_or_default();
        let (array, other) = (array.to_owned(), other.cloned());
        jobs.push(Job { planned: planned_index, subject, array, other, steps, missing });
    }
}

/// The measure of a planned row; plans are checked when read, so it exists.
fn measure_of(planned: &PlannedMeasure) -> &'static measures::Measure {
    measures::find(&planned.name).expect("plans are checked against the registry when they are read")
}
