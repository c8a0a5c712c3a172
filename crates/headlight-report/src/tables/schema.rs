//! The one description from which every table is written and read: [`Table`], made by the `table!` macro.

use std::fmt;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// UTF-8 text: Parquet `BYTE_ARRAY (STRING)`.
    Text,
    /// A whole number: Parquet `INT64`.
    Integer,
    /// A real number: Parquet `DOUBLE`.
    Real,
    /// `true` or `false`: Parquet `BOOLEAN`.
    Flag,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Text => "text",
            Kind::Integer => "a whole number",
            Kind::Real => "a real number",
            Kind::Flag => "true or false",
        })
    }
}

/// One cell of a table, on its way to or from a file.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value<'a> {
    /// No value: an empty CSV field, a Parquet null.
    Null,
    /// Of [`Kind::Text`].
    Text(&'a str),
    /// Of [`Kind::Integer`].
    Integer(i64),
    /// Of [`Kind::Real`].
    Real(f64),
    /// Of [`Kind::Flag`].
    Flag(bool),
}

/// As CSV writes it: nothing for null, reals with the fewest digits that read back to the same number.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => Ok(()),
            Value::Text(text) => f.write_str(text),
            Value::Integer(number) => number.fmt(f),
            Value::Real(number) => number.fmt(f),
            Value::Flag(flag) => flag.fmt(f),
        }
    }
}

/// A column's promise: renaming one is a change that CHANGELOG.md lists, adding one is free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    /// The name in the CSV header and the Parquet schema.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether cells may be empty.
    pub optional: bool,
    /// What it means, in a sentence.
    pub meaning: &'static str,
}

/// A type of row, and with it a table.
pub trait Table: Sized {
    /// File name without extension.
    const NAME: &'static str;
    /// What one row says.
    const MEANING: &'static str;
    /// The columns in order.
    const COLUMNS: &'static [Column];

    /// Gives every cell of this row, in the order of [`Table::COLUMNS`].
    fn for_each_value(&self, put: impl FnMut(Value<'_>));

    /// A row from its cells, in the order of [`Table::COLUMNS`].
    ///
    /// # Errors
    /// The index of the first column whose value it does not allow.
    fn from_values(values: &[Value<'_>]) -> Result<Self, usize>;
}

/// A Rust type that one cell can hold.
pub trait Cell: Sized {
    /// The column's kind.
    const KIND: Kind;
    /// Whether [`Value::Null`] is a value of this type.
    const OPTIONAL: bool = false;

    /// To the file.
    fn value(&self) -> Value<'_>;

    /// From the file; `None` where the type does not allow the value.
    fn from_value(value: Value<'_>) -> Option<Self>;
}

impl Cell for String {
    const KIND: Kind = Kind::Text;

    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        if let Value::Text(text) = value { Some(text.to_owned()) } else { None }
    }
}

impl Cell for f64 {
    const KIND: Kind = Kind::Real;

    fn value(&self) -> Value<'_> {
        Value::Real(*self)
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        if let Value::Real(number) = value { Some(number) } else { None }
    }
}

impl Cell for bool {
    const KIND: Kind = Kind::Flag;

    fn value(&self) -> Value<'_> {
        Value::Flag(*self)
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        if let Value::Flag(flag) = value { Some(flag) } else { None }
    }
}

macro_rules! integer_cell {
    ($($type:ty),*) => { $(
        impl Cell for $type {
            const KIND: Kind = Kind::Integer;

            fn value(&self) -> Value<'_> {
                Value::Integer(i64::from(*self))
            }

            fn from_value(value: Value<'_>) -> Option<Self> {
                if let Value::Integer(number) = value { number.try_into().ok() } else { None }
            }
        }
    )* };
}

integer_cell!(u32, i32, i64);

/// Counts; they stay under 2^63.
impl Cell for u64 {
    const KIND: Kind = Kind::Integer;

    fn value(&self) -> Value<'_> {
        Value::Integer(i64::try_from(*self).expect("a count stays under 2^63"))
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        if let Value::Integer(number) = value { number.try_into().ok() } else { None }
    }
}

impl<T: Cell> Cell for Option<T> {
    const KIND: Kind = T::KIND;
    const OPTIONAL: bool = true;

    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, T::value)
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

/// Declares row types: a struct with public fields, `Clone`, `Debug`, `PartialEq`, `Serialize`, and its [`Table`].
/// Every field is a column of the same name; its doc comment is the column's meaning.
macro_rules! tables {
    ($(
        $(#[doc = $meaning:literal])+
        $file:literal => $row:ident {
            $( $(#[doc = $column_meaning:literal])+ $column:ident: $type:ty, )+
        }
    )+) => { $(
        $(#[doc = $meaning])+
        #[doc = concat!("\nA row of table `", $file, "`.")]
        #[derive(Clone, Debug, PartialEq, serde::Serialize)]
        pub struct $row {
            $( $(#[doc = $column_meaning])+ pub $column: $type, )+
        }

        impl $crate::tables::Table for $row {
            const NAME: &'static str = $file;
            const MEANING: &'static str = concat!($($meaning),+).trim_ascii();
            const COLUMNS: &'static [$crate::tables::Column] = &[ $(
                $crate::tables::Column {
                    name: stringify!($column),
                    kind: <$type as $crate::tables::Cell>::KIND,
                    optional: <$type as $crate::tables::Cell>::OPTIONAL,
                    meaning: concat!($($column_meaning),+).trim_ascii(),
                },
            )+ ];

            fn for_each_value(&self, mut put: impl FnMut($crate::tables::Value<'_>)) {
                $( put($crate::tables::Cell::value(&self.$column)); )+
            }

            fn from_values(values: &[$crate::tables::Value<'_>]) -> Result<Self, usize> {
                let mut columns = values.iter().copied().enumerate();
                let mut next = || columns.next().unwrap_or((values.len(), $crate::tables::Value::Null));
                Ok(Self { $(
                    $column: {
                        let (at, value) = next();
                        $crate::tables::Cell::from_value(value).ok_or(at)?
                    },
                )+ })
            }
        }
    )+ };
}

pub(crate) use tables;
