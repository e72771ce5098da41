//! A schema of draft 4 as it is evaluated.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::{Number, Value};

use super::format::Format;
use super::number::Decimal;
use super::pattern::Pattern;

/// Which of the schemas that were compiled together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SchemaId(pub(super) usize);

/// A schema: what it demands, or where that is said.
pub(super) enum Node {
    /// In the order of their names, in which the library tells what is wrong.
    Keywords(Vec<Keyword>),
    Reference(SchemaId),
}

pub(super) enum Keyword {
    Items(Items),
    Properties(Properties),
    AllOf(Vec<SchemaId>),
    AnyOf(Vec<SchemaId>),
    Dependencies(BTreeMap<String, Dependency>),
    Enum(Value),
    Format(Format),
    MaxItems(usize),
    MaxLength(usize),
    MaxProperties(usize),
    Maximum(Limit),
    MinItems(usize),
    MinLength(usize),
    MinProperties(usize),
    Minimum(Limit),
    MultipleOf { number: Number, divisor: Decimal },
    Not(SchemaId),
    OneOf(Vec<SchemaId>),
    Pattern(Pattern),
    Required(Vec<String>),
    Type(Types),
    UniqueItems,
}

/// `items` and `additionalItems`.
pub(super) struct Items {
    pub(super) first: Vec<SchemaId>,
    pub(super) others: Additional,
}

/// `properties`, `patternProperties` and `additionalProperties`.
pub(super) struct Properties {
    pub(super) by_name: BTreeMap<String, SchemaId>,
    pub(super) by_pattern: Vec<(Pattern, SchemaId)>,
    pub(super) others: Additional,
}

/// What else there may be.
#[derive(Clone, Copy)]
pub(super) enum Additional {
    Anything,
    Nothing,
    Schema(SchemaId),
}

pub(super) enum Dependency {
    Properties(Vec<String>),
    Schema(SchemaId),
}

pub(super) struct Limit {
    pub(super) number: Number,
    pub(super) is_exclusive: bool,
    amount: Decimal,
}

impl Limit {
    pub(super) fn new(number: Number, is_exclusive: bool) -> Self {
        Self { amount: Decimal::of(&number), number, is_exclusive }
    }

    pub(super) fn is_minimum_of(&self, number: &Number) -> bool {
        self.is_on_side(number, Ordering::Greater)
    }

    pub(super) fn is_maximum_of(&self, number: &Number) -> bool {
        self.is_on_side(number, Ordering::Less)
    }

    pub(super) fn equals(&self, number: &Number) -> bool {
        Decimal::of(number) == self.amount
    }

    fn is_on_side(&self, number: &Number, side: Ordering) -> bool {
        let order = match (number.as_i64(), self.number.as_i64()) {
            (Some(number), Some(limit)) => number.cmp(&limit),
            _ => Decimal::of(number).cmp(&self.amount),
        };
        order == side || (order == Ordering::Equal && !self.is_exclusive)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Type {
    Array,
    Boolean,
    Integer,
    Null,
    Number,
    Object,
    String,
}

impl Type {
    pub(super) const ALL: [Self; 7] =
        [Self::Array, Self::Boolean, Self::Integer, Self::Null, Self::Number, Self::Object, Self::String];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Array => "array",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Null => "null",
            Self::Number => "number",
            Self::Object => "object",
            Self::String => "string",
        }
    }

    /// An integer is what is written without fraction and exponent (draft 4, "JSON
    /// Schema primitive types"), so that 1.0 is none; nor is what is too large for 64
    /// bits.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_f64() => Self::Number,
            Value::Number(_) => Self::Integer,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }
}

/// Types in order, with `integer` wherever there is `number`.
pub(super) struct Types(pub(super) Vec<Type>);
