//! The only names a pickle may ask for, and what is made of them: tensors, storages, dictionaries, plain numbers.

use super::pickle::{Id, Machine, Node, Refusal, bad};
use crate::checkpoints::tensor::Dtype;

/// A name that may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Global {
    /// `OrderedDict`, `Counter`, `dict`: a dictionary.
    Dictionary,
    /// `set`, `list`: a list.
    Sequence,
    /// `torch._utils._rebuild_tensor` (of versions before 0.4) and `_rebuild_tensor_v2`, whose type is its storage's.
    RebuildTensor,
    /// `torch._utils._rebuild_tensor_v3`, which names its type.
    RebuildTyped,
    /// `torch._utils._rebuild_parameter`, with or without a state: its tensor.
    RebuildParameter,
    /// `torch._tensor._rebuild_from_type_v2`: one of the above, and a class that is not needed.
    RebuildFromType,
    /// `torch.Tensor`, `Parameter`: only ever named.
    TensorClass,
    /// A typed storage, or an element type.
    Type(Dtype),
    /// `torch.storage.UntypedStorage`: bytes.
    Untyped,
    /// `torch.Size`: its tuple.
    Size,
    /// `torch.device`.
    Device,
    NumpyScalar,
    NumpyDtype,
    /// `_codecs.encode`, by which old protocols write bytes as text.
    Encode,
}

impl Global {
    pub(super) fn find(module: &str, name: &str) -> Result<Global, Refusal> {
        Ok(match (module, name) {
            ("collections", "OrderedDict" | "Counter") | ("builtins" | "__builtin__", "dict") => Global::Dictionary,
            ("builtins" | "__builtin__", "set" | "list") => Global::Sequence,
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Global::RebuildTensor,
            ("torch._utils", "_rebuild_tensor_v3") => Global::RebuildTyped,
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => Global::RebuildParameter,
            ("torch._tensor", "_rebuild_from_type_v2") => Global::RebuildFromType,
            ("torch", "Tensor") | ("torch.nn.parameter", "Parameter" | "Buffer") => Global::TensorClass,
            ("torch.storage", "UntypedStorage") => Global::Untyped,
            ("torch", "Size") => Global::Size,
            ("torch", "device") => Global::Device,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Global::NumpyScalar,
            ("numpy", "dtype") => Global::NumpyDtype,
            ("_codecs", "encode") => Global::Encode,
            ("torch", other) => match element_type(other) {
                Some(dtype) => Global::Type(dtype),
                None => return Err(Refusal::Global(format!("{module}.{name}"))),
            },
            _ => return Err(Refusal::Global(format!("{module}.{name}"))),
        })
    }
}

fn element_type(name: &str) -> Option<Dtype> {
    Some(match name {
        "FloatStorage" | "float32" => Dtype::F32,
        "DoubleStorage" | "float64" => Dtype::F64,
        "HalfStorage" | "float16" => Dtype::F16,
        "BFloat16Storage" | "bfloat16" => Dtype::Bf16,
        "LongStorage" | "int64" => Dtype::I64,
        "IntStorage" | "int32" => Dtype::I32,
        "ShortStorage" | "int16" => Dtype::I16,
        "CharStorage" | "int8" => Dtype::I8,
        "ByteStorage" | "uint8" => Dtype::U8,
        "BoolStorage" | "bool" => Dtype::Bool,
        "uint16" => Dtype::U16,
        "uint32" => Dtype::U32,
        "uint64" => Dtype::U64,
        "ComplexFloatStorage" | "complex64" => Dtype::Other("complex64", 8),
        "ComplexDoubleStorage" | "complex128" => Dtype::Other("complex128", 16),
        "float8_e4m3fn" => Dtype::Other("float8_e4m3fn", 1),
        "float8_e5m2" => Dtype::Other("float8_e5m2", 1),
        _ => return None,
    })
}

impl Machine<'_> {
    fn tuple(&self, id: Id) -> Result<&[Id], Refusal> {
        match self.node(id) {
            Node::Tuple(items) => Ok(items),
            _ => bad("arguments that are not a tuple"),
        }
    }

    /// What a call to a known name would give; nothing is called.
    pub(super) fn reduce(&mut self, callee: Id, arguments: Id) -> Result<Id, Refusal> {
        let Node::Global(global) = *self.node(callee) else {
            return bad("a call of what is not a function");
        };
        let count = self.tuple(arguments)?.len();
        if count > 16 {
            return bad("a call with more arguments than any needed here");
        }
        let arguments: Vec<Id> = self.tuple(arguments)?.to_vec();
        match (global, &arguments[..]) {
            (Global::Dictionary, []) => self.add(Node::Dict(Vec::new())),
            (Global::Dictionary, [content]) => self.dictionary(*content),
            (Global::Sequence, []) => self.add(Node::List(Vec::new())),
            (Global::Sequence | Global::Size, [items]) => Ok(*items),
            (Global::RebuildParameter, [tensor, ..]) => Ok(*tensor),
            (Global::RebuildFromType, [function, _class, inner, ..]) => {
                let plain = [Global::RebuildTensor, Global::RebuildTyped, Global::RebuildParameter];
                match self.node(*function) {
                    Node::Global(global) if plain.contains(global) => self.reduce(*function, *inner),
                    _ => bad("a tensor built in an unknown way"),
                }
            }
            (Global::RebuildTensor, [storage, offset, shape, strides, ..]) => {
                let Node::Storage { dtype, .. } = *self.node(*storage) else {
                    return bad("a tensor without a storage");
                };
                self.tensor(*storage, dtype, [*offset, *shape, *strides])
            }
            (Global::RebuildTyped, [storage, offset, shape, strides, _gradient, _hooks, dtype, ..]) => {
                let (Node::Storage { .. }, &Node::Global(Global::Type(dtype))) =
                    (self.node(*storage), self.node(*dtype))
                else {
                    return bad("a tensor without a storage or type");
                };
                self.tensor(*storage, dtype, [*offset, *shape, *strides])
            }
            (Global::Device, _) => self.add(Node::Nothing),
            (Global::Encode, [text, ..]) => self.encode(*text),
            (Global::NumpyDtype, [name, ..]) => match self.node(*name) {
                Node::Text(name) => {
                    let name = name.clone();
                    self.add(Node::NumpyType(name, false))
                }
                _ => bad("a number's type that is not text"),
            },
            (Global::NumpyScalar, [dtype, bytes]) => self.numpy_scalar(*dtype, *bytes),
            _ => bad(format!("{global:?} with {count} arguments")),
        }
    }

    /// Sets an object's state. Attributes of dictionaries and tensors (`_metadata`) are not needed here.
    pub(super) fn build(&mut self, object: Id, state: Id) -> Result<(), Refusal> {
        let reversed = match self.node(state) {
            Node::Tuple(items) => {
                let order = items.get(1).map(|&order| self.node(order));
                matches!(order, Some(Node::Text(order)) if **order == *">")
            }
            _ => false,
        };
        match &mut self.nodes[object as usize] {
            Node::NumpyType(_, order) => *order = reversed,
            Node::Dict(_) | Node::Tensor { .. } | Node::Nothing => {}
            _ => return bad("a state given to what has none"),
        }
        Ok(())
    }

    /// What a persistent reference `("storage", type, key, location, elements, …)` stands for. In old files a sixth
    /// entry `(key, offset, elements)` says that it is a part of that storage.
    pub(super) fn storage(&self, reference: Id) -> Result<Node, Refusal> {
        let [kind, class, key, _location, elements, ref part @ ..] = *self.tuple(reference)? else {
            return bad("a reference that is not a storage");
        };
        let part = match part.first().map(|&part| self.node(part)) {
            None | Some(Node::None) => None,
            Some(Node::Tuple(part)) => Some(&part[..]),
            Some(_) => return bad("a part of a storage that is no tuple"),
        };
        let (before, elements) = match part {
            None => (0, self.natural(elements)?),
            Some(&[_key, offset, elements]) => (self.natural(offset)?, self.natural(elements)?),
            Some(_) => return bad("a part of a storage without offset and size"),
        };
        let dtype = match self.node(class) {
            Node::Global(Global::Type(dtype)) => *dtype,
            Node::Global(Global::Untyped) => Dtype::U8,
            _ => return bad("a storage of unknown type"),
        };
        match (self.node(kind), self.node(key)) {
            (Node::Text(kind), Node::Text(key)) if **kind == *"storage" => {
                Ok(Node::Storage { dtype, key: key.clone(), before, elements })
            }
            _ => bad("a reference that is not a storage"),
        }
    }

    fn tensor(&mut self, storage: Id, dtype: Dtype, place: [Id; 3]) -> Result<Id, Refusal> {
        let axes = |machine: &Self, id: Id| -> Result<Vec<usize>, Refusal> {
            let items = machine.tuple(id)?;
            if items.len() > 64 {
                return bad("a tensor with more than 64 axes");
            }
            items.iter().map(|&item| machine.natural(item)).collect()
        };
        let [offset, shape, strides] = place;
        let (offset, shape, strides) = (self.natural(offset)?, axes(self, shape)?, axes(self, strides)?);
        self.add(Node::Tensor { storage, dtype, offset, shape, strides })
    }

    fn natural(&self, id: Id) -> Result<usize, Refusal> {
        match self.node(id) {
            Node::Int(value) => usize::try_from(*value).or_else(|_| bad(format!("a size of {value}"))),
            _ => bad("a size that is not a whole number"),
        }
    }

    fn dictionary(&mut self, content: Id) -> Result<Id, Refusal> {
        let pairs = match self.node(content) {
            Node::Dict(_) => return Ok(content),
            Node::List(pairs) => pairs.clone(),
            _ => return bad("a dictionary made of what is not pairs"),
        };
        self.spend(pairs.len())?;
        let mut entries = Vec::with_capacity(pairs.len());
        for pair in pairs {
            match self.node(pair) {
                Node::Tuple(items) | Node::List(items) if items.len() == 2 => entries.push((items[0], items[1])),
                _ => return bad("a dictionary made of what is not pairs"),
            }
        }
        self.add(Node::Dict(entries))
    }

    fn encode(&mut self, text: Id) -> Result<Id, Refusal> {
        let Node::Text(text) = self.node(text) else {
            return bad("bytes made of what is not text");
        };
        let bytes: Option<Box<[u8]>> = text.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect();
        let Some(bytes) = bytes else {
            return bad("bytes made of letters beyond latin-1");
        };
        self.spend(bytes.len())?;
        self.add(Node::Bytes(bytes))
    }

    fn numpy_scalar(&mut self, dtype: Id, bytes: Id) -> Result<Id, Refusal> {
        let (Node::NumpyType(name, reversed), Node::Bytes(bytes)) = (self.node(dtype), self.node(bytes)) else {
            return bad("a numpy number without a type or bytes");
        };
        let mut whole = [0; 8];
        let Some(part) = whole.get_mut(..bytes.len()) else {
            return bad("a numpy number of more than 8 bytes");
        };
        part.copy_from_slice(bytes);
        if *reversed {
            part.reverse();
        }
        let bits = u64::from_le_bytes(whole);
        let node = match (name.trim_start_matches(['<', '>', '=', '|']), bytes.len()) {
            ("f8", 8) => Node::Float(f64::from_bits(bits)),
            ("f4", 4) => Node::Float(f32::from_bits(bits as u32).into()),
            ("f2", 2) => Node::Float(half::f16::from_bits(bits as u16).into()),
            ("i8", 8) => Node::Int(bits as i64),
            ("i4", 4) => Node::Int((bits as i32).into()),
            ("i2", 2) => Node::Int((bits as i16).into()),
            ("i1", 1) => Node::Int((bits as i8).into()),
            ("u8", 8) => i64::try_from(bits).map_or(Node::Float(bits as f64), Node::Int),
            ("u4", 4) | ("u2", 2) | ("u1", 1) => Node::Int(bits as i64),
            ("b1", 1) => Node::Bool(bits != 0),
            (other, _) => return bad(format!("a numpy number of type {other}")),
        };
        self.add(node)
    }
}
