//! What a pickle of weights is made of, and what a program left.

use safetensors::Dtype;

/// A value by its number.
pub(in crate::checkpoint) type Id = usize;

/// What a pickle of weights is made of.
#[derive(Debug)]
pub(in crate::checkpoint) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float,
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    Storage(Storage),
    Tensor(Tensor),
}

impl Value {
    /// What it is called in errors.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::None => "None",
            Value::Bool(_) => "a truth value",
            Value::Int(_) | Value::Float => "a number",
            Value::Text(_) => "a text",
            Value::Tuple(_) => "a tuple",
            Value::List(_) => "a list",
            Value::Dict(_) => "a dictionary",
            Value::Global(_) => "a function or class",
            Value::Storage(_) => "a storage",
            Value::Tensor(_) => "a tensor",
        }
    }
}

/// The names of Python that weights need.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::checkpoint) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Dtype),
}

impl Global {
    pub(super) fn find(module: &str, name: &str) -> Result<Self, String> {
        Ok(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch", "DoubleStorage") => Self::Storage(Dtype::F64),
            ("torch", "FloatStorage") => Self::Storage(Dtype::F32),
            ("torch", "HalfStorage") => Self::Storage(Dtype::F16),
            ("torch", "BFloat16Storage") => Self::Storage(Dtype::BF16),
            ("torch", "LongStorage") => Self::Storage(Dtype::I64),
            ("torch", "IntStorage") => Self::Storage(Dtype::I32),
            ("torch", "ShortStorage") => Self::Storage(Dtype::I16),
            ("torch", "CharStorage") => Self::Storage(Dtype::I8),
            ("torch", "ByteStorage") => Self::Storage(Dtype::U8),
            ("torch", "BoolStorage") => Self::Storage(Dtype::BOOL),
            _ => {
                return Err(format!(
                    "it names {module}.{name}, and weights need no such code. Nothing of it was executed; if you trust the \
                     file, load it in PyTorch and save its weights alone, as safetensors"
                ));
            }
        })
    }
}

/// Values in a row, which tensors are views of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::checkpoint) struct Storage {
    pub dtype: Dtype,
    pub key: String,
    /// How many values.
    pub values: u64,
}

/// A view of a storage. It lies within it, and has no more elements than it.
#[derive(Clone, Debug)]
pub(in crate::checkpoint) struct Tensor {
    pub storage: Storage,
    /// The first element, in values.
    pub offset: u64,
    pub shape: Vec<usize>,
    /// Per axis, in values.
    pub strides: Vec<usize>,
}

impl Tensor {
    /// A view of a storage.
    ///
    /// # Errors
    /// When it does not lie within the storage, or has more elements: a view that repeats values could be as large as it
    /// pleases.
    pub(super) fn new(storage: Storage, offset: u64, shape: Vec<usize>, strides: Vec<usize>) -> Result<Self, String> {
        let elements = shape.iter().try_fold(1u64, |product, size| product.checked_mul(*size as u64));
        let reach = |last: u64, (size, stride): (&usize, &usize)| {
            last.checked_add((*size as u64).saturating_sub(1).checked_mul(*stride as u64)?)
        };
        let last = shape.iter().zip(&strides).try_fold(offset, reach);
        let empty = elements == Some(0);
        let fits = elements.is_some_and(|elements| elements <= storage.values)
            && (empty || last.is_some_and(|last| last < storage.values));
        if !fits {
            return Err(format!(
                "a tensor of shape {shape:?} and strides {strides:?} from value {offset} does not lie in its storage of {} \
                 values",
                storage.values
            ));
        }
        Ok(Self { storage, offset, shape, strides })
    }
}

/// What a program left, and all that it made.
pub(in crate::checkpoint) struct Pickle {
    pub(super) values: Vec<Value>,
    pub root: Id,
}

impl Pickle {
    pub fn value(&self, id: Id) -> &Value {
        &self.values[id]
    }

    /// The value of a key of the dictionary at the root.
    pub fn key(&self, name: &str) -> Option<&Value> {
        let Value::Dict(pairs) = self.value(self.root) else { return None };
        let named = |id: &Id| matches!(self.value(*id), Value::Text(text) if text == name);
        pairs.iter().rev().find(|(key, _)| named(key)).map(|(_, value)| self.value(*value))
    }

    /// The tensors of the dictionary at the root by name, in the order of the pickle.
    pub fn tensors(&self) -> Result<Vec<(&str, &Tensor)>, String> {
        let root = self.value(self.root);
        let Value::Dict(pairs) = root else {
            return Err(format!("it holds {} and no dictionary of tensors", root.kind()));
        };
        let entry = |(key, value): &(Id, Id)| match (self.value(*key), self.value(*value)) {
            (Value::Text(name), Value::Tensor(tensor)) => Ok((name.as_str(), tensor)),
            (Value::Text(name), other) => Err(format!(
                "`{name}` is {} and no tensor: weights are a dictionary of tensors, as `model.state_dict()` gives it",
                other.kind()
            )),
            (other, _) => Err(format!("{} stands where the name of a tensor should", other.kind())),
        };
        pairs.iter().map(entry).collect()
    }
}
