//! A pickle machine that can build a state dict and nothing else: no imports, no calls, bounded memory.
//!
//! Values live in one flat list and refer to each other by position, so that deeply nested or self-referring pickles
//! cost neither stack when they are dropped nor copies when they are shared.

use super::globals::Global;
use crate::checkpoints::tensor::Dtype;
use std::collections::HashMap;

/// Position of a value in [`Pickle::nodes`].
pub(crate) type Id = u32;

/// A value of a pickle.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Box<str>),
    /// Raw bytes, and integers beyond i64 (little-endian).
    Bytes(Box<[u8]>),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    Storage {
        dtype: Dtype,
        key: Box<str>,
        /// Elements of the whole storage before this one, which old files may have be a part of it.
        before: usize,
        /// Elements, as the pickle declares them.
        elements: usize,
    },
    Tensor {
        storage: Id,
        dtype: Dtype,
        offset: usize,
        shape: Vec<usize>,
        strides: Vec<usize>,
    },
    /// numpy's description of a number: kind and size (`f8`), and whether its bytes are reversed.
    NumpyType(Box<str>, bool),
    /// A harmless value that says nothing here (a device).
    Nothing,
}

/// The values of one pickle.
#[derive(Debug)]
pub(crate) struct Pickle {
    pub(crate) nodes: Vec<Node>,
    pub(crate) root: Id,
    /// Bytes the pickle took.
    pub(crate) length: usize,
}

/// Why a pickle was refused.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Module and name of what it asked for.
    Global(String),
    /// It contradicts itself or goes beyond what a state dict needs.
    Bad(String),
}

/// A state dict of a thousand tensors takes some 30,000 values; this is a hundred times as much.
const MOST_NODES: usize = 4_000_000;
const MOST_STEPS: usize = 16_000_000;

impl Pickle {
    pub(crate) fn read(bytes: &[u8]) -> Result<Pickle, Refusal> {
        let mut machine = Machine {
            bytes,
            position: 0,
            steps: 0,
            nodes: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        };
        let root = machine.run()?;
        Ok(Pickle { nodes: machine.nodes, root, length: machine.position })
    }

    pub(crate) fn node(&self, id: Id) -> &Node {
        &self.nodes[id as usize]
    }
}

pub(crate) struct Machine<'a> {
    bytes: &'a [u8],
    position: usize,
    steps: usize,
    pub(super) nodes: Vec<Node>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

pub(super) fn bad<T>(reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Bad(reason.into()))
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> Result<Id, Refusal> {
        loop {
            self.spend(1)?;
            let at = self.position;
            let code = self.take(1)?[0];
            match code {
                0x80 => {
                    let version = self.take(1)?[0];
                    if !(2..=5).contains(&version) {
                        return bad(format!("pickle protocol {version}"));
                    }
                }
                0x95 => drop(self.take(8)?),
                b'.' => return self.pop(),
                b'(' => self.marks.push(self.stack.len()),
                b'0' => drop(self.pop()?),
                b'1' => drop(self.pop_mark()?),
                b'2' => self.push_id(self.top()?)?,
                b'N' => self.push(Node::None)?,
                0x88 => self.push(Node::Bool(true))?,
                0x89 => self.push(Node::Bool(false))?,
                b'J' => {
                    let value = i32::from_le_bytes(self.array()?);
                    self.push(Node::Int(value.into()))?;
                }
                b'K' => {
                    let value = self.take(1)?[0];
                    self.push(Node::Int(value.into()))?;
                }
                b'M' => {
                    let value = u16::from_le_bytes(self.array()?);
                    self.push(Node::Int(value.into()))?;
                }
                0x8a => {
                    let length = self.take(1)?[0] as usize;
                    self.long(length)?;
                }
                0x8b => {
                    let length = self.length4()?;
                    self.long(length)?;
                }
                b'G' => {
                    let value = f64::from_be_bytes(self.array()?);
                    self.push(Node::Float(value))?;
                }
                0x8c | b'U' => {
                    let length = self.take(1)?[0] as usize;
                    self.text(length)?;
                }
                b'X' | b'T' => {
                    let length = self.length4()?;
                    self.text(length)?;
                }
                0x8d => {
                    let length = self.length8()?;
                    self.text(length)?;
                }
                b'C' => {
                    let length = self.take(1)?[0] as usize;
                    self.raw(length)?;
                }
                b'B' => {
                    let length = self.length4()?;
                    self.raw(length)?;
                }
                0x8e | 0x96 => {
                    let length = self.length8()?;
                    self.raw(length)?;
                }
                b')' => self.push(Node::Tuple(Vec::new()))?,
                b't' => {
                    let items = self.pop_mark()?;
                    self.push(Node::Tuple(items))?;
                }
                0x85..=0x87 => {
                    let count = (code - 0x84) as usize;
                    let floor = self.marks.last().copied().unwrap_or(0);
                    let Some(start) = self.stack.len().checked_sub(count).filter(|&start| start >= floor) else {
                        return bad("a tuple of more values than there are");
                    };
                    let items = self.stack.split_off(start);
                    self.push(Node::Tuple(items))?;
                }
                b']' | 0x8f => self.push(Node::List(Vec::new()))?,
                b'l' | 0x91 => {
                    let items = self.pop_mark()?;
                    self.push(Node::List(items))?;
                }
                b'a' => {
                    let item = self.pop()?;
                    self.append(vec![item])?;
                }
                b'e' | 0x90 => {
                    let items = self.pop_mark()?;
                    self.append(items)?;
                }
                b'}' => self.push(Node::Dict(Vec::new()))?,
                b'd' => {
                    let items = self.pop_mark()?;
                    self.push(Node::Dict(Vec::new()))?;
                    self.set(items)?;
                }
                b's' => {
                    let value = self.pop()?;
                    let key = self.pop()?;
                    self.set(vec![key, value])?;
                }
                b'u' => {
                    let items = self.pop_mark()?;
                    self.set(items)?;
                }
                b'q' => {
                    let slot = self.take(1)?[0].into();
                    self.memo.insert(slot, self.top()?);
                }
                b'r' => {
                    let slot = u32::from_le_bytes(self.array()?);
                    self.memo.insert(slot, self.top()?);
                }
                0x94 => {
                    let slot = self.memo.len() as u32;
                    self.memo.insert(slot, self.top()?);
                }
                b'h' => {
                    let slot = self.take(1)?[0].into();
                    self.recall(slot)?;
                }
                b'j' => {
                    let slot = u32::from_le_bytes(self.array()?);
                    self.recall(slot)?;
                }
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    self.push(Node::Global(Global::find(&module, &name)?))?;
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    let (Node::Text(module), Node::Text(name)) = (self.node(module), self.node(name)) else {
                        return bad("a name that is not text");
                    };
                    let global = Global::find(module, name)?;
                    self.push(Node::Global(global))?;
                }
                b'R' | 0x81 => {
                    let (arguments, callee) = (self.pop()?, self.pop()?);
                    let result = self.reduce(callee, arguments)?;
                    self.push_id(result)?;
                }
                b'b' => {
                    let state = self.pop()?;
                    let object = self.top()?;
                    self.build(object, state)?;
                }
                b'Q' => {
                    let reference = self.pop()?;
                    let storage = self.storage(reference)?;
                    self.push(storage)?;
                }
                other => {
                    return bad(format!("pickle code 0x{other:02x} at byte {at}, which no state dict needs"));
                }
            }
        }
    }

    pub(super) fn node(&self, id: Id) -> &Node {
        &self.nodes[id as usize]
    }

    /// Counts work, so that no pickle can make the machine run for ever.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), Refusal> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MOST_STEPS { bad("a pickle larger than any state dict") } else { Ok(()) }
    }

    pub(super) fn add(&mut self, node: Node) -> Result<Id, Refusal> {
        if self.nodes.len() >= MOST_NODES {
            return bad("a pickle with more values than any state dict");
        }
        self.nodes.push(node);
        Ok((self.nodes.len() - 1) as Id)
    }

    fn push(&mut self, node: Node) -> Result<(), Refusal> {
        let id = self.add(node)?;
        self.push_id(id)
    }

    fn push_id(&mut self, id: Id) -> Result<(), Refusal> {
        if self.stack.len() >= MOST_NODES {
            return bad("a pickle with more values than any state dict");
        }
        self.stack.push(id);
        Ok(())
    }

    fn top(&self) -> Result<Id, Refusal> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.last() {
            Some(&id) if self.stack.len() > floor => Ok(id),
            _ => bad("a pickle that uses a value it has not made"),
        }
    }

    fn pop(&mut self) -> Result<Id, Refusal> {
        let id = self.top()?;
        self.stack.pop();
        Ok(id)
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>, Refusal> {
        match self.marks.pop() {
            Some(mark) if mark <= self.stack.len() => Ok(self.stack.split_off(mark)),
            _ => bad("a pickle that ends a group it has not begun"),
        }
    }

    fn append(&mut self, items: Vec<Id>) -> Result<(), Refusal> {
        let list = self.top()?;
        match &mut self.nodes[list as usize] {
            Node::List(list) => {
                list.extend(items);
                Ok(())
            }
            _ => bad("an item added to what is not a list"),
        }
    }

    fn set(&mut self, items: Vec<Id>) -> Result<(), Refusal> {
        let dict = self.top()?;
        match &mut self.nodes[dict as usize] {
            Node::Dict(entries) if items.len().is_multiple_of(2) => {
                entries.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
                Ok(())
            }
            _ => bad("an entry set in what is not a dictionary"),
        }
    }

    fn recall(&mut self, slot: u32) -> Result<(), Refusal> {
        match self.memo.get(&slot) {
            Some(&id) => self.push_id(id),
            None => bad("a pickle that recalls a value it has not kept"),
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Refusal> {
        let end = self.position.checked_add(length);
        match end.and_then(|end| self.bytes.get(self.position..end)) {
            Some(bytes) => {
                self.position += length;
                Ok(bytes)
            }
            None => bad("a pickle that is cut off"),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn length4(&mut self) -> Result<usize, Refusal> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    fn length8(&mut self) -> Result<usize, Refusal> {
        usize::try_from(u64::from_le_bytes(self.array()?)).or_else(|_| bad("a length beyond this machine"))
    }

    fn line(&mut self) -> Result<String, Refusal> {
        let rest = &self.bytes[self.position..];
        let Some(end) = rest.iter().take(1000).position(|&byte| byte == b'\n') else {
            return bad("a name that does not end");
        };
        self.position += end + 1;
        Ok(String::from_utf8_lossy(&rest[..end]).into_owned())
    }

    fn text(&mut self, length: usize) -> Result<(), Refusal> {
        let text = std::str::from_utf8(self.take(length)?).or_else(|_| bad("text that is not UTF-8"))?;
        self.push(Node::Text(text.into()))
    }

    fn raw(&mut self, length: usize) -> Result<(), Refusal> {
        let bytes = self.take(length)?;
        self.push(Node::Bytes(bytes.into()))
    }

    fn long(&mut self, length: usize) -> Result<(), Refusal> {
        let bytes = self.take(length)?;
        if bytes.len() > 8 {
            return self.push(Node::Bytes(bytes.into()));
        }
        let sign = if bytes.last().is_some_and(|last| last & 0x80 != 0) { 0xff } else { 0 };
        let mut whole = [sign; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        self.push(Node::Int(i64::from_le_bytes(whole)))
    }
}
