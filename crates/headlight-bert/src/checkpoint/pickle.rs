//! A reader of the pickles that `torch.save` writes for weights, which executes nothing.
//!
//! A pickle is a program for a stack machine that may call any function of Python. The machine here knows the few opcodes and
//! the few names that dictionaries of tensors need; it refuses all others by name, wherever they stand.
//! Values live in one list and refer to each other by number, so nothing is copied, and memory is bounded by the bytes
//! read.

mod values;

use std::{
    collections::HashMap,
    io::{self, Read},
};

use self::values::{Global, Id, Tensor};
pub(super) use self::values::{Pickle, Storage, Value};

/// The longest pickle that is read. Those of the largest models describe their tensors in a tenth of it.
pub(super) const LONGEST: u64 = 8 << 20;

/// Runs a program up to its end, and leaves the reader behind it.
pub(super) fn read(reader: &mut dyn Read) -> Result<Pickle, String> {
    let mut machine =
        Machine { reader, read: 0, values: Vec::new(), stack: Vec::new(), marks: Vec::new(), memo: HashMap::new() };
    while machine.step()? {}
    let root = machine.pop()?;
    Ok(Pickle { values: machine.values, root })
}

struct Machine<'a> {
    reader: &'a mut dyn Read,
    read: u64,
    values: Vec<Value>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl Machine<'_> {
    /// Executes one opcode; false when it was the last.
    fn step(&mut self) -> Result<bool, String> {
        let [opcode] = self.bytes()?;
        match opcode {
            b'.' => return Ok(false),
            // The protocol, and how long the next stretch is: nothing depends on them.
            0x80 => drop(self.bytes::<1>()?),
            0x95 => drop(self.bytes::<8>()?),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.take_to_mark()?),
            b'2' => self.stack.push(self.top()?),
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'J' => {
                let number = i32::from_le_bytes(self.bytes()?);
                self.push(Value::Int(number.into()));
            }
            b'K' => {
                let [number] = self.bytes()?;
                self.push(Value::Int(number.into()));
            }
            b'M' => {
                let number = u16::from_le_bytes(self.bytes()?);
                self.push(Value::Int(number.into()));
            }
            0x8a => self.long()?,
            b'G' => {
                self.bytes::<8>()?;
                self.push(Value::Float);
            }
            b'X' | b'T' => {
                let length = u32::from_le_bytes(self.bytes()?);
                self.text(length.into())?;
            }
            0x8c | b'U' => {
                let [length] = self.bytes()?;
                self.text(length.into())?;
            }
            0x8d => {
                let length = u64::from_le_bytes(self.bytes()?);
                self.text(length)?;
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Value::Global(Global::find(&module, &name)?));
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Text(module), Value::Text(name)) = (&self.values[module], &self.values[name]) else {
                    return Err(self.wrong("a name that is no text"));
                };
                let global = Global::find(module, name)?;
                self.push(Value::Global(global));
            }
            b'q' => {
                let [number] = self.bytes()?;
                self.memo.insert(number.into(), self.top()?);
            }
            b'r' => {
                let number = u32::from_le_bytes(self.bytes()?);
                self.memo.insert(number, self.top()?);
            }
            0x94 => {
                let number = u32::try_from(self.memo.len()).map_err(|_| self.wrong("too many values"))?;
                self.memo.insert(number, self.top()?);
            }
            b'h' => {
                let [number] = self.bytes()?;
                self.recall(number.into())?;
            }
            b'j' => {
                let number = u32::from_le_bytes(self.bytes()?);
                self.recall(number)?;
            }
            b')' => self.push(Value::Tuple(Vec::new())),
            b't' => {
                let items = self.take_to_mark()?;
                self.push(Value::Tuple(items));
            }
            0x85..=0x87 => {
                let length = usize::from(opcode - 0x84);
                let start = self.stack.len().checked_sub(length).ok_or_else(|| self.wrong("an empty stack"))?;
                let items = self.stack.split_off(start);
                self.push(Value::Tuple(items));
            }
            b']' => self.push(Value::List(Vec::new())),
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' => {
                let items = self.take_to_mark()?;
                self.append(items)?;
            }
            b'}' => self.push(Value::Dict(Vec::new())),
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[key, value])?;
            }
            b'u' => {
                let items = self.take_to_mark()?;
                self.set(&items)?;
            }
            b'R' => self.call()?,
            b'b' => self.build()?,
            b'Q' => self.persistent()?,
            other => {
                let what = match other {
                    b'i' | b'o' | 0x81 | 0x92 => " (which makes an object)",
                    0x82..=0x84 => " (a registered extension)",
                    b'B' | b'C' | 0x8e | 0x96 => " (bytes)",
                    _ => "",
                };
                return Err(format!(
                    "at byte {} of its pickle stands opcode {other:#04x}{what}, which weights do not need and which is not \
                     executed",
                    self.read
                ));
            }
        }
        Ok(true)
    }

    fn wrong(&self, what: &str) -> String {
        format!("its pickle is broken: {what} at byte {}", self.read)
    }

    fn push(&mut self, value: Value) {
        self.values.push(value);
        self.stack.push(self.values.len() - 1);
    }

    /// Values below a mark belong to those who set it.
    fn top(&self) -> Result<Id, String> {
        let floor = self.marks.last().copied().unwrap_or(0);
        self.stack[floor.min(self.stack.len())..].last().copied().ok_or_else(|| self.wrong("an empty stack"))
    }

    fn pop(&mut self) -> Result<Id, String> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn take_to_mark(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().ok_or_else(|| self.wrong("no mark"))?;
        if mark > self.stack.len() {
            return Err(self.wrong("an empty stack"));
        }
        Ok(self.stack.split_off(mark))
    }

    fn recall(&mut self, number: u32) -> Result<(), String> {
        let id = *self.memo.get(&number).ok_or_else(|| self.wrong("a value that was never kept"))?;
        self.stack.push(id);
        Ok(())
    }

    fn append(&mut self, items: Vec<Id>) -> Result<(), String> {
        let list = self.top()?;
        match &mut self.values[list] {
            Value::List(list) => list.extend(items),
            _ => return Err(self.wrong("items without a list")),
        }
        Ok(())
    }

    fn set(&mut self, items: &[Id]) -> Result<(), String> {
        let dict = self.top()?;
        let pairs = items.chunks_exact(2);
        if !pairs.remainder().is_empty() {
            return Err(self.wrong("a key without a value"));
        }
        match &mut self.values[dict] {
            Value::Dict(dict) => dict.extend(pairs.map(|pair| (pair[0], pair[1]))),
            _ => return Err(self.wrong("entries without a dictionary")),
        }
        Ok(())
    }

    fn long(&mut self) -> Result<(), String> {
        let [length] = self.bytes()?;
        let bytes = self.take(length.into())?;
        let sign = if bytes.last().is_some_and(|last| last & 0x80 != 0) { 0xff } else { 0 };
        let mut number = [sign; 8];
        number.get_mut(..bytes.len()).ok_or_else(|| self.wrong("a number too large"))?.copy_from_slice(&bytes);
        self.push(Value::Int(i64::from_le_bytes(number)));
        Ok(())
    }

    fn text(&mut self, length: u64) -> Result<(), String> {
        let bytes = self.take(length)?;
        let text = String::from_utf8(bytes).map_err(|_| self.wrong("a text that is no UTF-8"))?;
        self.push(Value::Text(text));
        Ok(())
    }

    /// What stands for a call of a function.
    fn call(&mut self) -> Result<(), String> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let Value::Tuple(arguments) = &self.values[arguments] else {
            return Err(self.wrong("a call without arguments"));
        };
        let made = match (&self.values[function], arguments.as_slice()) {
            (Value::Global(Global::OrderedDict), []) => Value::Dict(Vec::new()),
            (Value::Global(Global::OrderedDict), [items]) => Value::Dict(self.pairs(*items)?),
            (Value::Global(Global::RebuildTensor), [storage, offset, shape, strides, ..]) => {
                Value::Tensor(self.tensor(*storage, *offset, *shape, *strides)?)
            }
            (Value::Global(Global::RebuildParameter), [tensor, ..]) => match &self.values[*tensor] {
                Value::Tensor(tensor) => Value::Tensor(tensor.clone()),
                _ => return Err(self.wrong("a parameter without a tensor")),
            },
            (value, _) => return Err(self.wrong(&format!("a call of {}", value.kind()))),
        };
        self.push(made);
        Ok(())
    }

    fn pairs(&self, list: Id) -> Result<Vec<(Id, Id)>, String> {
        let Value::List(items) = &self.values[list] else { return Err(self.wrong("entries without a list")) };
        let pair = |item: &Id| match &self.values[*item] {
            Value::Tuple(pair) | Value::List(pair) if pair.len() == 2 => Ok((pair[0], pair[1])),
            _ => Err(self.wrong("a key without a value")),
        };
        items.iter().map(pair).collect()
    }

    /// Attributes are only given to dictionaries: their `_metadata`, which nothing here reads.
    fn build(&mut self) -> Result<(), String> {
        let (state, object) = (self.pop()?, self.top()?);
        match (&self.values[object], &self.values[state]) {
            (Value::Dict(_), Value::Dict(_) | Value::None) => Ok(()),
            (object, _) => Err(self.wrong(&format!("attributes of {}", object.kind()))),
        }
    }

    fn persistent(&mut self) -> Result<(), String> {
        let id = self.pop()?;
        let Value::Tuple(parts) = &self.values[id] else { return Err(self.wrong("a reference that is no tuple")) };
        let [kind, class, key, _, values, rest @ ..] = parts.as_slice() else {
            return Err(self.wrong("a reference to something else than a storage"));
        };
        let parts = (&self.values[*kind], &self.values[*class], &self.values[*key], &self.values[*values]);
        let (Value::Text(kind), Value::Global(Global::Storage(dtype)), Value::Text(key), Value::Int(values)) = parts
        else {
            return Err(self.wrong("a reference to something else than a storage"));
        };
        if kind != "storage" || rest.iter().any(|part| !matches!(self.values[*part], Value::None)) {
            return Err(self.wrong("a reference to something else than a whole storage"));
        }
        let values = u64::try_from(*values).map_err(|_| self.wrong("a storage of negative length"))?;
        let storage = Storage { dtype: *dtype, key: key.clone(), values };
        self.push(Value::Storage(storage));
        Ok(())
    }

    fn tensor(&self, storage: Id, offset: Id, shape: Id, strides: Id) -> Result<Tensor, String> {
        let Value::Storage(storage) = &self.values[storage] else {
            return Err(self.wrong("a tensor without a storage"));
        };
        let number = |id: &Id| match self.values[*id] {
            Value::Int(number) => usize::try_from(number).map_err(|_| self.wrong("a negative size")),
            _ => Err(self.wrong("a size that is no number")),
        };
        let numbers = |id: Id| match &self.values[id] {
            Value::Tuple(items) | Value::List(items) => items.iter().map(number).collect::<Result<Vec<_>, _>>(),
            _ => Err(self.wrong("a shape that is no tuple")),
        };
        let (offset, shape, strides) = (number(&offset)? as u64, numbers(shape)?, numbers(strides)?);
        if shape.len() != strides.len() {
            return Err(self.wrong("a shape and strides of different lengths"));
        }
        Tensor::new(storage.clone(), offset, shape, strides)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        self.count(N as u64)?;
        self.reader.read_exact(&mut bytes).map_err(|error| self.ended(&error))?;
        Ok(bytes)
    }

    /// So many bytes, for which memory is taken only as they come.
    fn take(&mut self, length: u64) -> Result<Vec<u8>, String> {
        self.count(length)?;
        let mut bytes = Vec::new();
        let read = (&mut *self.reader).take(length).read_to_end(&mut bytes).map_err(|error| self.ended(&error))?;
        if (read as u64) < length {
            return Err(self.ended(&io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(bytes)
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = Vec::new();
        loop {
            match self.bytes()? {
                [b'\n'] => break,
                [byte] => line.push(byte),
            }
        }
        String::from_utf8(line).map_err(|_| self.wrong("a name that is no UTF-8"))
    }

    fn count(&mut self, bytes: u64) -> Result<(), String> {
        self.read = self.read.saturating_add(bytes);
        if self.read > LONGEST {
            return Err(format!("its pickle is longer than {} MiB, which no weights need", LONGEST >> 20));
        }
        Ok(())
    }

    fn ended(&self, error: &io::Error) -> String {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => format!("truncated: its pickle ends before byte {}", self.read),
            _ => format!("its pickle cannot be read: {error}"),
        }
    }
}
