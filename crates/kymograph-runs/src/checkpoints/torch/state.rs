//! Finding the network's state dict in what was saved: at the top, or nested under one of the usual names.

use super::pickle::{Id, Node, Pickle};
use serde_json::{Map, Number, Value};

/// Keys under which training programs keep the network's state dict, the more telling ones first.
const MODEL_KEYS: &[&str] =
    &["model_state_dict", "state_dict", "model_state", "model", "network", "net", "module", "weights", "params"];

/// Beginnings of keys whose tensors are not the network's.
const OTHER_KEYS: &[&str] = &["optim", "scheduler", "lr_scheduler", "scaler", "amp", "rng", "random_state"];

const DEEPEST: usize = 32;
const MOST_VISITS: usize = 1_000_000;
const LONGEST_NAME: usize = 1024;
const MOST_METADATA: usize = 1000;

/// What was found in a pickle.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) model: Vec<(String, Id)>,
    pub(crate) others: Vec<(String, Id)>,
    pub(crate) metadata: Map<String, Value>,
}

struct Walk<'a> {
    pickle: &'a Pickle,
    visits: usize,
    found: Found,
}

pub(crate) fn find(pickle: &Pickle) -> Result<Found, String> {
    let mut walk = Walk { pickle, visits: 0, found: Found::default() };
    match pickle.node(pickle.root) {
        Node::Tensor { .. } => walk.found.model.push(("tensor".into(), pickle.root)),
        _ => walk.level("", pickle.root, 0)?,
    }
    Ok(walk.found)
}

impl Walk<'_> {
    /// A dictionary that holds a state dict, or is one.
    fn level(&mut self, path: &str, id: Id, depth: usize) -> Result<(), String> {
        let Node::Dict(entries) = self.pickle.node(id) else {
            return self.flatten(path, "", id, depth, true);
        };
        let model = MODEL_KEYS.iter().find_map(|wanted| {
            let is_model = |(key, value): &&(Id, Id)| {
                matches!(self.pickle.node(*key), Node::Text(key) if **key == **wanted)
                    && matches!(self.pickle.node(*value), Node::Dict(_))
            };
            entries.iter().find(is_model).copied()
        });
        if depth >= 4 {
            return self.flatten(path, "", id, depth, true);
        }
        for &(key, value) in entries {
            let name = self.name_of(key)?;
            let full = join(path, &name)?;
            let lower = name.to_lowercase();
            if model == Some((key, value)) {
                self.level(&full, value, depth + 1)?;
            } else if model.is_some() || OTHER_KEYS.iter().any(|other| lower.starts_with(other)) {
                self.flatten(&full, &full, value, depth + 1, false)?;
            } else {
                self.flatten(&full, &name, value, depth + 1, true)?;
            }
        }
        Ok(())
    }

    /// Lists all tensors below a value: `name` is what they are called, `path` where metadata lies.
    fn flatten(&mut self, path: &str, name: &str, id: Id, depth: usize, is_model: bool) -> Result<(), String> {
        self.visits += 1;
        if self.visits > MOST_VISITS || depth > DEEPEST {
            return Err("its dictionaries are nested more deeply or hold more than any checkpoint's".into());
        }
        match self.pickle.node(id) {
            Node::Tensor { .. } => {
                let list = if is_model { &mut self.found.model } else { &mut self.found.others };
                list.push((name.to_string(), id));
            }
            Node::Dict(entries) => {
                for &(key, value) in entries {
                    let key = self.name_of(key)?;
                    self.flatten(&join(path, &key)?, &join(name, &key)?, value, depth + 1, is_model)?;
                }
            }
            Node::List(items) | Node::Tuple(items) => {
                for (position, &item) in items.iter().enumerate() {
                    let key = position.to_string();
                    self.flatten(&join(path, &key)?, &join(name, &key)?, item, depth + 1, is_model)?;
                }
            }
            Node::Bool(value) => self.note(path, Value::Bool(*value)),
            Node::Int(value) => self.note(path, Value::Number((*value).into())),
            Node::Float(value) => {
                let number = Number::from_f64(*value).map(Value::Number);
                self.note(path, number.unwrap_or_else(|| Value::String(value.to_string())));
            }
            Node::Text(text) if text.len() <= 200 => self.note(path, Value::String(text.to_string())),
            _ => {}
        }
        Ok(())
    }

    fn note(&mut self, path: &str, value: Value) {
        if self.found.metadata.len() < MOST_METADATA {
            self.found.metadata.insert(path.to_string(), value);
        }
    }

    fn name_of(&self, key: Id) -> Result<String, String> {
        match self.pickle.node(key) {
            Node::Text(text) => Ok(text.to_string()),
            Node::Int(value) => Ok(value.to_string()),
            Node::Bool(value) => Ok(value.to_string()),
            Node::Float(value) => Ok(value.to_string()),
            Node::None => Ok("None".into()),
            _ => Err("a dictionary in it has a key that is neither text nor a number".into()),
        }
    }
}

fn join(path: &str, key: &str) -> Result<String, String> {
    if path.len() + key.len() >= LONGEST_NAME {
        return Err("it has a name longer than any tensor's".into());
    }
    Ok(if path.is_empty() { key.to_string() } else { format!("{path}.{key}") })
}
