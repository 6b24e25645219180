//! Options of a measure: typed, with defaults, and set from `key=value` text.

use std::collections::BTreeMap;

use super::Measure;
use crate::MeasureError;

/// The type of an option and its default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Setting {
    /// A real number.
    Real(f64),
    /// A whole number of things.
    Count(usize),
    /// A seed of random numbers.
    Seed(u64),
    /// Yes or no.
    Flag(bool),
    /// One of several words.
    Choice {
        /// The default.
        default: &'static str,
        /// All that are allowed.
        among: &'static [&'static str],
    },
}

/// An option as declared by a measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionSpec {
    /// Its name.
    pub name: &'static str,
    /// Its type and default.
    pub default: Setting,
    /// What it does.
    pub doc: &'static str,
}

/// The value of an option.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A real number.
    Real(f64),
    /// A whole number of things.
    Count(usize),
    /// A seed.
    Seed(u64),
    /// Yes or no.
    Flag(bool),
    /// One of the allowed words.
    Choice(&'static str),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Real(value) => write!(f, "{value}"),
            Self::Count(value) => write!(f, "{value}"),
            Self::Seed(value) => write!(f, "{value}"),
            Self::Flag(value) => write!(f, "{value}"),
            Self::Choice(value) => write!(f, "{value}"),
        }
    }
}

impl From<Setting> for Value {
    fn from(setting: Setting) -> Self {
        match setting {
            Setting::Real(value) => Self::Real(value),
            Setting::Count(value) => Self::Count(value),
            Setting::Seed(value) => Self::Seed(value),
            Setting::Flag(value) => Self::Flag(value),
            Setting::Choice { default, .. } => Self::Choice(default),
        }
    }
}

/// The options of one measure: its defaults, and what was set on top of them.
///
/// ```
/// let measure = kymograph_measures::find("unique_patterns")?;
/// let options = measure.options([("threshold", "0.9")])?;
/// assert_eq!(options.real("threshold")?, 0.9);
/// assert!(measure.options([("treshold", "0.9")]).is_err());
/// # Ok::<(), kymograph_measures::MeasureError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    measure: &'static str,
    specs: &'static [OptionSpec],
    values: Vec<Value>,
}

impl Options {
    /// The defaults of a measure.
    pub fn defaults(measure: &Measure) -> Self {
        Self {
            measure: measure.name,
            specs: measure.options,
            values: measure.options.iter().map(|spec| spec.default.into()).collect(),
        }
    }

    /// Sets one option from text.
    ///
    /// # Errors
    /// [`MeasureError::UnknownOption`] with the names there are; [`MeasureError::BadOption`] when the text is not of
    /// the option's type.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), MeasureError> {
        let place = self.place(name)?;
        let spec = &self.specs[place];
        let text = text.trim();
        let value = match spec.default {
            Setting::Real(_) => text.parse().ok().filter(|value: &f64| value.is_finite()).map(Value::Real),
            Setting::Count(_) => text.parse().ok().map(Value::Count),
            Setting::Seed(_) => text.parse().ok().map(Value::Seed),
            Setting::Flag(_) => text.parse().ok().map(Value::Flag),
            Setting::Choice { among, .. } => among.iter().copied().find(|word| *word == text).map(Value::Choice),
        };
        self.values[place] = value.ok_or_else(|| MeasureError::BadOption {
            measure: self.measure,
            option: spec.name,
            value: text.to_string(),
            expected: match spec.default {
                Setting::Real(_) => "a finite number".to_string(),
                Setting::Count(_) => "a whole number".to_string(),
                Setting::Seed(_) => "a whole number from 0 to 2⁶⁴ − 1".to_string(),
                Setting::Flag(_) => "`true` or `false`".to_string(),
                Setting::Choice { among, .. } => format!("one of {}", among.join(", ")),
            },
        })?;
        Ok(())
    }

    /// The value of an option.
    ///
    /// # Errors
    /// [`MeasureError::UnknownOption`].
    pub fn value(&self, name: &str) -> Result<Value, MeasureError> {
        Ok(self.values[self.place(name)?])
    }

    /// The value of a real option.
    ///
    /// # Errors
    /// [`MeasureError::UnknownOption`], also when the option is of another type.
    pub fn real(&self, name: &str) -> Result<f64, MeasureError> {
        match self.value(name)? {
            Value::Real(value) => Ok(value),
            _ => Err(self.unknown(name)),
        }
    }

    /// The value of a whole-number option.
    ///
    /// # Errors
    /// As [`Options::real`].
    pub fn count(&self, name: &str) -> Result<usize, MeasureError> {
        match self.value(name)? {
            Value::Count(value) => Ok(value),
            _ => Err(self.unknown(name)),
        }
    }

    /// The value of a seed option.
    ///
    /// # Errors
    /// As [`Options::real`].
    pub fn seed(&self, name: &str) -> Result<u64, MeasureError> {
        match self.value(name)? {
            Value::Seed(value) => Ok(value),
            _ => Err(self.unknown(name)),
        }
    }

    /// The value of a yes-or-no option.
    ///
    /// # Errors
    /// As [`Options::real`].
    pub fn flag(&self, name: &str) -> Result<bool, MeasureError> {
        match self.value(name)? {
            Value::Flag(value) => Ok(value),
            _ => Err(self.unknown(name)),
        }
    }

    /// The value of an option that is one of several words.
    ///
    /// # Errors
    /// As [`Options::real`].
    pub fn choice(&self, name: &str) -> Result<&'static str, MeasureError> {
        match self.value(name)? {
            Value::Choice(value) => Ok(value),
            _ => Err(self.unknown(name)),
        }
    }

    /// Every option as text, defaults included: what a finding records.
    pub fn to_text(&self) -> BTreeMap<String, String> {
        self.specs.iter().zip(&self.values).map(|(spec, value)| (spec.name.to_string(), value.to_string())).collect()
    }

    fn place(&self, name: &str) -> Result<usize, MeasureError> {
        self.specs.iter().position(|spec| spec.name == name).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> MeasureError {
        MeasureError::UnknownOption {
            measure: self.measure,
            option: name.to_string(),
            known: self.specs.iter().map(|spec| spec.name).collect(),
        }
    }
}
