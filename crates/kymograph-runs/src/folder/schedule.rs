//! When to record, and what: schedules of steps, and names or globs.

use crate::RunsError;
use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// At which steps something is recorded: a union of "every k", log-spaced and listed steps.
///
/// As text (in settings and on the command line) the terms are joined by `+`: `log 2 + every 500 + 100 + 2000`.
/// `log f` holds step 0 and the powers of `f` rounded to the nearest step; `every k` holds 0, k, 2k, ….
///
/// ```
/// use kymograph_runs::Schedule;
/// let schedule: Schedule = "log 2 + 100".parse()?;
/// assert_eq!(schedule.steps_up_to(100), [0, 1, 2, 4, 8, 16, 32, 64, 100]);
/// # Ok::<(), kymograph_runs::RunsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Schedule {
    terms: Vec<Term>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Term {
    Every(u64),
    Log(f64),
    Step(u64),
}

impl Schedule {
    /// No step at all.
    pub fn never() -> Schedule {
        Schedule { terms: Vec::new() }
    }

    /// Steps 0, k, 2k, …; `k` = 0 is taken as 1.
    pub fn every(k: u64) -> Schedule {
        Schedule { terms: vec![Term::Every(k.max(1))] }
    }

    /// Step 0 and the powers of `factor`, rounded to the nearest step.
    ///
    /// # Errors
    /// [`RunsError::BadSchedule`] when the factor is not a number above 1.
    pub fn log_spaced(factor: f64) -> Result<Schedule, RunsError> {
        if factor.is_finite() && factor > 1.0 {
            Ok(Schedule { terms: vec![Term::Log(factor)] })
        } else {
            Err(RunsError::BadSchedule {
                text: format!("log {factor}"),
                reason: "the factor must be a number above 1".into(),
            })
        }
    }

    /// Exactly these steps.
    pub fn at(steps: &[u64]) -> Schedule {
        Schedule { terms: steps.iter().map(|&step| Term::Step(step)).collect() }
    }

    /// The steps of both.
    pub fn or(mut self, other: Schedule) -> Schedule {
        self.terms.extend(other.terms);
        self
    }

    /// Whether something is recorded at `step`.
    pub fn contains(&self, step: u64) -> bool {
        self.terms.iter().any(|term| match *term {
            Term::Every(k) => step.is_multiple_of(k),
            Term::Step(listed) => listed == step,
            Term::Log(factor) => step == 0 || is_power(factor, step),
        })
    }

    /// All recorded steps from 0 to `last` inclusive, ascending.
    pub fn steps_up_to(&self, last: u64) -> Vec<u64> {
        (0..=last).filter(|&step| self.contains(step)).collect()
    }
}

/// Whether `step` is a power of `factor` rounded to the nearest step. Only the powers next to `step` are looked at,
/// so that the cost does not grow with it.
fn is_power(factor: f64, step: u64) -> bool {
    let nearest = ((step as f64).ln() / factor.ln()).round();
    (-1..=1).any(|shift| {
        let exponent = nearest + f64::from(shift);
        exponent >= 0.0 && factor.powf(exponent).round() == step as f64
    })
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.terms.is_empty() {
            return f.write_str("never");
        }
        for (position, term) in self.terms.iter().enumerate() {
            if position > 0 {
                f.write_str(" + ")?;
            }
            match term {
                Term::Every(k) => write!(f, "every {k}")?,
                Term::Log(factor) => write!(f, "log {factor}")?,
                Term::Step(step) => write!(f, "{step}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Schedule {
    type Err = RunsError;

    fn from_str(text: &str) -> Result<Schedule, RunsError> {
        let bad = |reason: &str| RunsError::BadSchedule { text: text.to_string(), reason: reason.to_string() };
        if text.trim() == "never" {
            return Ok(Schedule::never());
        }
        let mut schedule = Schedule::never();
        for term in text.split(['+', ',']) {
            let words: Vec<&str> = term.split_whitespace().collect();
            let part = match words[..] {
                ["every", k] => match k.parse::<u64>() {
                    Ok(k) if k > 0 => Schedule::every(k),
                    _ => return Err(bad("`every` needs a whole number above 0")),
                },
                ["log", factor] => {
                    let factor = factor.parse().map_err(|_| bad("`log` needs a number above 1"))?;
                    Schedule::log_spaced(factor).map_err(|_| bad("`log` needs a number above 1"))?
                }
                [step] => Schedule::at(&[step.parse().map_err(|_| bad(&format!("`{step}` is not a step")))?]),
                _ => {
                    return Err(bad(&format!("`{}` is neither `every k`, `log f` nor a step", term.trim())));
                }
            };
            schedule = schedule.or(part);
        }
        Ok(schedule)
    }
}

impl TryFrom<String> for Schedule {
    type Error = RunsError;

    fn try_from(text: String) -> Result<Schedule, RunsError> {
        text.parse()
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> String {
        schedule.to_string()
    }
}

/// Which arrays are kept: names or globs (`*` within and across dots, `?`, `[ab]`, `{a,b}`); no pattern keeps nothing.
#[derive(Clone, Debug)]
pub struct Selection {
    patterns: Vec<String>,
    globs: GlobSet,
}

impl Selection {
    /// Keeps what matches any of the patterns.
    ///
    /// # Errors
    /// [`RunsError::BadGlob`] for a pattern that is not a glob.
    pub fn new<S: AsRef<str>>(patterns: &[S]) -> Result<Selection, RunsError> {
        let mut builder = GlobSetBuilder::new();
        for pattern in patterns {
            let bad = |error: globset::Error| RunsError::BadGlob {
                text: pattern.as_ref().to_string(),
                reason: error.kind().to_string(),
            };
            builder.add(Glob::new(pattern.as_ref()).map_err(bad)?);
        }
        let patterns: Vec<String> = patterns.iter().map(|pattern| pattern.as_ref().to_string()).collect();
        let globs = builder
            .build()
            .map_err(|error| RunsError::BadGlob { text: patterns.join(" "), reason: error.kind().to_string() })?;
        Ok(Selection { patterns, globs })
    }

    /// Keeps everything.
    pub fn everything() -> Selection {
        Selection::new(&["*"]).unwrap_or_else(|_| Selection { patterns: Vec::new(), globs: GlobSet::empty() })
    }

    /// Whether the array of this name is kept.
    pub fn matches(&self, name: &str) -> bool {
        self.globs.is_match(name)
    }

    /// The patterns as given.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }
}
