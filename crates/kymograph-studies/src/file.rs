//! `study.toml`: what a study asks, and its settings in layers.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::classification::Control;
use crate::error::StudyError;
use crate::study::Study;

/// What a study asks, and with which settings.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyFile {
    /// Its title.
    pub title: String,
    /// The question in a sentence.
    pub question: String,
    /// Settings unless told otherwise.
    settings: toml::Table,
    /// What `--quick` changes.
    quick: toml::Table,
    /// What `--recipe NAME` changes, by name.
    #[serde(default)]
    recipes: BTreeMap<String, toml::Table>,
    /// The controls it can run, by name.
    #[serde(default)]
    pub controls: BTreeMap<String, Control>,
}

/// What was asked for on top of a study's own settings; each wins over the one before it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice<'a> {
    /// Named settings.
    pub recipe: Option<&'a str>,
    /// The small version.
    pub quick: bool,
    /// Single settings by key.
    pub set: &'a [(String, String)],
}

impl StudyFile {
    /// Reads a built-in study's file.
    ///
    /// # Errors
    /// [`StudyError::Setting`] when it is none.
    pub fn read(study: &Study) -> Result<Self, StudyError> {
        toml::from_str(study.study).map_err(|e| refuse(study, "study.toml", e.to_string()))
    }

    /// The settings after recipe, `--quick` and `--set key=value`, as their type `S` reads them.
    ///
    /// # Errors
    /// [`StudyError::Setting`] for an unknown recipe or key, or a value of another type.
    pub(crate) fn settings<S: DeserializeOwned>(&self, study: &Study, choice: Choice<'_>) -> Result<S, StudyError> {
        let mut table = self.settings.clone();
        if let Some(name) = choice.recipe {
            let recipe = self.recipes.get(name).ok_or_else(|| {
                let known = self.recipes.keys().cloned().collect::<Vec<_>>().join(", ");
                let detail = match known.is_empty() {
                    true => "this study has no recipes".to_owned(),
                    false => format!("there is no recipe `{name}`; the recipes are {known}"),
                };
                refuse(study, "--recipe", detail)
            })?;
            table.extend(recipe.clone());
        }
        if choice.quick {
            table.extend(self.quick.clone());
        }
        for (key, text) in choice.set {
            let Some(old) = table.get(key) else {
                let known = table.keys().cloned().collect::<Vec<_>>().join(", ");
                return Err(refuse(study, key, format!("there is no such setting; the settings are {known}")));
            };
            let value = parse(old, text.trim()).map_err(|detail| refuse(study, key, detail))?;
            table.insert(key.clone(), value);
        }
        table.try_into().map_err(|e: toml::de::Error| refuse(study, "--set", e.message().to_owned()))
    }
}

pub(crate) fn refuse(study: &Study, setting: &str, detail: String) -> StudyError {
    StudyError::Setting { study: study.name.to_owned(), setting: setting.to_owned(), detail }
}

/// A value of the same type as the one it replaces.
fn parse(old: &toml::Value, text: &str) -> Result<toml::Value, String> {
    let wanted = |kind: &str| format!("`{text}` is not {kind}");
    match old {
        toml::Value::Integer(_) => text.parse().map(toml::Value::Integer).map_err(|_| wanted("a whole number")),
        toml::Value::Float(_) => text.parse().map(toml::Value::Float).map_err(|_| wanted("a number")),
        toml::Value::Boolean(_) => text.parse().map(toml::Value::Boolean).map_err(|_| wanted("true or false")),
        toml::Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(toml::Value::Array(items.map(|item| toml::Value::String(item.to_owned())).collect()))
        }
        _ => Ok(toml::Value::String(text.to_owned())),
    }
}
