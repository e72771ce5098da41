//! Whether a value is what a schema describes, and which keywords say that it is not.

use serde_json::{Map, Value};

use super::compile::Compiled;
use super::equality::{are_equal, are_unique};
use super::errors::{Fault, Found, Step};
use super::keyword::{Additional, Dependency, Items, Keyword, Node, Properties, SchemaId, Type};
use super::number::Decimal;
use super::work::{TooLong, Work};

/// How deep schemas may be within schemas, those that are referred to among them,
/// at one value within values: each takes some of the stack.
const DEPTH: usize = 1_000;

/// How many steps looking at a schema counts as.
const SCHEMA: usize = 8;

/// How many steps something wrong counts as, so that no memory is filled with it.
const FAULT: usize = 1_000;

/// One check of one value.
pub(super) struct Evaluation<'v> {
    schemas: &'v Compiled,
    work: Work,
    depth: usize,
    /// The references that are being followed, each at the value that it is followed
    /// for, innermost last.
    followed: Vec<(SchemaId, &'v Value)>,
    /// Some pattern could not be decided, so that it does not count what holds.
    is_undecided: bool,
}

impl<'v> Evaluation<'v> {
    pub(super) fn new(schemas: &'v Compiled, bytes: usize) -> Self {
        Self { schemas, work: Work::on(bytes), depth: 0, followed: Vec::new(), is_undecided: false }
    }

    /// Whether a value is what the schema describes.
    pub(super) fn check(mut self, value: &'v Value) -> Result<bool, TooLong> {
        self.follow(Compiled::ROOT, value);
        let holds = self.holds(Compiled::ROOT, value);
        self.work.spend(0).map(|()| holds && !self.is_undecided)
    }

    /// What is wrong with a value.
    pub(super) fn faults(mut self, value: &'v Value) -> Result<Vec<Found<'v>>, TooLong> {
        let mut found = Vec::new();
        self.follow(Compiled::ROOT, value);
        self.find(Compiled::ROOT, value, &mut Vec::new(), &mut found);
        self.work.spend(0).map(|()| found)
    }

    /// Nothing holds once it has taken too long.
    fn decide(&mut self, answer: Result<bool, TooLong>) -> bool {
        self.is_undecided |= answer.is_err();
        answer.unwrap_or(false)
    }

    fn can_take(&mut self, steps: usize) -> bool {
        let spent = self.work.spend(steps).map(|()| true);
        self.decide(spent)
    }

    fn node(&mut self, schema: SchemaId) -> Option<&'v Node> {
        if self.depth >= DEPTH {
            self.work.give_up();
        }
        if !self.can_take(SCHEMA) {
            return None;
        }
        self.schemas.node(schema)
    }

    /// Notes that a reference is followed, unless it is being followed already: what
    /// refers to nothing but itself demands nothing.
    fn follow(&mut self, target: SchemaId, value: &'v Value) -> bool {
        let here = self.followed.iter().rev().take_while(|(_, other)| std::ptr::eq(*other, value));
        let mut count = 0;
        let is_followed = here.inspect(|_| count += 1).any(|(other, _)| *other == target);
        self.can_take(count);
        if !is_followed {
            self.followed.push((target, value));
        }
        !is_followed
    }

    fn holds(&mut self, schema: SchemaId, value: &'v Value) -> bool {
        let Some(node) = self.node(schema) else {
            return false;
        };
        self.depth += 1;
        let holds = match node {
            Node::Reference(target) => {
                !self.follow(*target, value) || {
                    let holds = self.holds(*target, value);
                    self.followed.pop();
                    holds
                }
            }
            // What takes least first, as it most often tells alternatives apart.
            Node::Keywords(keywords) => {
                keywords.iter().all(|keyword| keyword.has_schemas() || self.demand_holds(keyword, value))
                    && keywords.iter().all(|keyword| !keyword.has_schemas() || self.schemas_hold(keyword, value))
            }
        };
        self.depth -= 1;
        holds
    }

    /// Of keywords that speak of the value itself.
    fn demand_holds(&mut self, keyword: &Keyword, value: &Value) -> bool {
        let answer = match (keyword, value) {
            (Keyword::Enum(options), value) => self.is_among(options, value),
            (Keyword::Type(types), value) => Ok(types.0.contains(&Type::of(value))),
            (Keyword::Maximum(limit), Value::Number(number)) => Ok(limit.is_maximum_of(number)),
            (Keyword::Minimum(limit), Value::Number(number)) => Ok(limit.is_minimum_of(number)),
            (Keyword::MultipleOf { divisor, .. }, Value::Number(number)) => {
                Ok(Decimal::of(number).is_multiple_of(*divisor))
            }
            (Keyword::Format(format), Value::String(text)) => {
                self.work.spend(text.len() / 4).map(|()| format.describes(text))
            }
            (Keyword::MaxLength(limit), Value::String(text)) => {
                self.work.spend(text.len() / 16).map(|()| text.len() <= *limit || text.chars().count() <= *limit)
            }
            (Keyword::MinLength(limit), Value::String(text)) => {
                self.work.spend(text.len() / 16).map(|()| text.chars().count() >= *limit)
            }
            (Keyword::Pattern(pattern), Value::String(text)) => pattern.is_match(text, &mut self.work),
            (Keyword::MaxItems(limit), Value::Array(items)) => Ok(items.len() <= *limit),
            (Keyword::MinItems(limit), Value::Array(items)) => Ok(items.len() >= *limit),
            (Keyword::UniqueItems, Value::Array(items)) => are_unique(items, &mut self.work),
            (Keyword::MaxProperties(limit), Value::Object(members)) => Ok(members.len() <= *limit),
            (Keyword::MinProperties(limit), Value::Object(members)) => Ok(members.len() >= *limit),
            (Keyword::Required(names), Value::Object(members)) => {
                self.work.spend(names.len()).map(|()| names.iter().all(|name| members.contains_key(name)))
            }
            _ => Ok(true),
        };
        self.decide(answer)
    }

    fn is_among(&mut self, options: &Value, value: &Value) -> Result<bool, TooLong> {
        for option in options.as_array().into_iter().flatten() {
            self.work.spend(1)?;
            if are_equal(option, value) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Of keywords that have schemas.
    fn schemas_hold(&mut self, keyword: &'v Keyword, value: &'v Value) -> bool {
        match (keyword, value) {
            (Keyword::AllOf(schemas), value) => schemas.iter().all(|schema| self.holds(*schema, value)),
            (Keyword::AnyOf(schemas), value) => schemas.iter().any(|schema| self.holds(*schema, value)),
            (Keyword::OneOf(schemas), value) => {
                schemas.iter().filter(|schema| self.holds(**schema, value)).take(2).count() == 1
            }
            (Keyword::Not(schema), value) => !self.holds(*schema, value),
            (Keyword::Items(items), Value::Array(values)) => self.items_hold(items, values),
            (Keyword::Properties(properties), Value::Object(members)) => self.properties_hold(properties, members),
            (Keyword::Dependencies(dependencies), Value::Object(members)) => {
                self.can_take(dependencies.len())
                    && dependencies.iter().all(|(name, dependency)| {
                        !members.contains_key(name)
                            || match dependency {
                                Dependency::Properties(names) => names.iter().all(|name| members.contains_key(name)),
                                Dependency::Schema(schema) => self.holds(*schema, value),
                            }
                    })
            }
            _ => true,
        }
    }

    fn items_hold(&mut self, items: &'v Items, values: &'v [Value]) -> bool {
        let mut schemas = items.first.iter();
        self.can_take(values.len())
            && values.iter().all(|value| match (schemas.next(), items.others) {
                (Some(schema), _) => self.holds(*schema, value),
                (None, Additional::Schema(schema)) => self.holds(schema, value),
                (None, Additional::Anything) => true,
                (None, Additional::Nothing) => false,
            })
    }

    fn properties_hold(&mut self, properties: &'v Properties, members: &'v Map<String, Value>) -> bool {
        self.can_take(members.len())
            && members.iter().all(|(name, value)| {
                let mut is_described = false;
                if let Some(schema) = properties.by_name.get(name) {
                    is_described = true;
                    if !self.holds(*schema, value) {
                        return false;
                    }
                }
                for (pattern, schema) in &properties.by_pattern {
                    let is_match = pattern.is_match(name, &mut self.work);
                    if self.decide(is_match) {
                        is_described = true;
                        if !self.holds(*schema, value) {
                            return false;
                        }
                    }
                }
                match properties.others {
                    Additional::Schema(schema) if !is_described => self.holds(schema, value),
                    Additional::Nothing => is_described,
                    _ => true,
                }
            })
    }

    /// Finds what is wrong at a place and within it.
    fn find(&mut self, schema: SchemaId, value: &'v Value, place: &mut Vec<Step<'v>>, found: &mut Vec<Found<'v>>) {
        let Some(node) = self.node(schema) else { return };
        self.depth += 1;
        match node {
            Node::Reference(target) => {
                if self.follow(*target, value) {
                    self.find(*target, value, place, found);
                    self.followed.pop();
                }
            }
            Node::Keywords(keywords) => {
                for keyword in keywords {
                    self.find_by(keyword, value, place, found);
                }
            }
        }
        self.depth -= 1;
    }

    fn find_by(
        &mut self,
        keyword: &'v Keyword,
        value: &'v Value,
        place: &mut Vec<Step<'v>>,
        found: &mut Vec<Found<'v>>,
    ) {
        let fault = match (keyword, value) {
            (Keyword::Items(items), Value::Array(values)) => self.find_in_items(items, values, place, found),
            (Keyword::Properties(properties), Value::Object(members)) => {
                self.find_in_members(properties, members, place, found)
            }
            (Keyword::Dependencies(dependencies), Value::Object(members)) => {
                for (name, dependency) in dependencies.iter().filter(|(name, _)| members.contains_key(*name)) {
                    match dependency {
                        Dependency::Schema(schema) => self.find(*schema, value, place, found),
                        Dependency::Properties(names) if !names.iter().all(|name| members.contains_key(name)) => {
                            self.note(Fault::Dependency { name, names }, value, place, found);
                        }
                        Dependency::Properties(_) => {}
                    }
                }
                None
            }
            (Keyword::AllOf(schemas) | Keyword::AnyOf(schemas) | Keyword::OneOf(schemas), value) => {
                let matched = schemas.iter().filter(|schema| self.holds(**schema, value)).count();
                let is_fine = match keyword {
                    Keyword::AllOf(_) => matched == schemas.len(),
                    Keyword::AnyOf(_) => matched > 0,
                    _ => matched == 1,
                };
                (!is_fine).then_some(Fault::Matched { keyword, matched, of: schemas.len() })
            }
            (Keyword::Not(_), value) => (!self.schemas_hold(keyword, value)).then_some(Fault::Keyword(keyword)),
            (Keyword::Pattern(pattern), Value::String(text)) => match pattern.is_match(text, &mut self.work) {
                Ok(true) => None,
                Ok(false) => Some(Fault::Keyword(keyword)),
                Err(TooLong) => Some(Fault::PatternTooLong),
            },
            (keyword, value) => (!self.demand_holds(keyword, value)).then_some(Fault::Keyword(keyword)),
        };
        if let Some(fault) = fault {
            self.note(fault, value, place, found);
        }
    }

    fn note(&mut self, fault: Fault<'v>, value: &'v Value, place: &[Step<'v>], found: &mut Vec<Found<'v>>) {
        if self.can_take(FAULT) {
            found.push(Found { place: place.to_vec(), fault, value });
        }
    }

    fn find_in_items(
        &mut self,
        items: &'v Items,
        values: &'v [Value],
        place: &mut Vec<Step<'v>>,
        found: &mut Vec<Found<'v>>,
    ) -> Option<Fault<'v>> {
        let mut schemas = items.first.iter();
        for (at, value) in values.iter().enumerate() {
            let schema = match (schemas.next(), items.others) {
                (Some(schema), _) => *schema,
                (None, Additional::Schema(schema)) => schema,
                (None, Additional::Anything) => return None,
                (None, Additional::Nothing) => return Some(Fault::AdditionalItems { allowed: items.first.len() }),
            };
            place.push(Step::Item(at));
            self.find(schema, value, place, found);
            place.pop();
        }
        None
    }

    fn find_in_members(
        &mut self,
        properties: &'v Properties,
        members: &'v Map<String, Value>,
        place: &mut Vec<Step<'v>>,
        found: &mut Vec<Found<'v>>,
    ) -> Option<Fault<'v>> {
        let mut unexpected = Vec::new();
        for (name, value) in members {
            let mut schemas: Vec<SchemaId> = properties.by_name.get(name).copied().into_iter().collect();
            for (pattern, schema) in &properties.by_pattern {
                let is_match = pattern.is_match(name, &mut self.work);
                schemas.extend(self.decide(is_match).then_some(*schema));
            }
            match properties.others {
                Additional::Nothing if schemas.is_empty() => unexpected.push(name.as_str()),
                Additional::Schema(schema) if schemas.is_empty() => schemas.push(schema),
                _ => {}
            }
            place.push(Step::Member(name));
            schemas.into_iter().for_each(|schema| self.find(schema, value, place, found));
            place.pop();
        }
        (!unexpected.is_empty()).then_some(Fault::Unexpected(unexpected))
    }
}

impl Keyword {
    fn has_schemas(&self) -> bool {
        matches!(
            self,
            Self::AllOf(_)
                | Self::AnyOf(_)
                | Self::Dependencies(_)
                | Self::Items(_)
                | Self::Not(_)
                | Self::OneOf(_)
                | Self::Properties(_)
        )
    }
}
