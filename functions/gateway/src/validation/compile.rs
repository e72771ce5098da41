//! From the text of a model's schema to what is evaluated, with all that it refers
//! to. What it says of its own address and draft does not count: references mean the
//! model that they are in, whatever generators of schemas write into `id`.

use std::collections::BTreeMap;
use std::sync::Arc;

use keyplan_domain::api::Model;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Number, Value};

use super::format::Format;
use super::keyword::{Additional, Dependency, Items, Keyword, Limit, Node, Properties, SchemaId, Type, Types};
use super::number::Decimal;
use super::pattern::{Pattern, PatternError};

/// A schema and those that it refers to.
pub(super) struct Compiled {
    nodes: Vec<Node>,
}

impl Compiled {
    pub(super) const ROOT: SchemaId = SchemaId(0);

    pub(super) fn node(&self, id: SchemaId) -> Option<&Node> {
        self.nodes.get(id.0)
    }
}

/// Why a schema cannot be evaluated.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("there is no model {name}")]
    NoModel { name: String },
    #[error("the model {name} has a schema that is no JSON")]
    NoJson {
        name: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("the reference {reference} leads to no schema")]
    Reference { reference: String },
    #[error("a schema is no object")]
    NoSchema,
    #[error("{keyword} has a value that it cannot have")]
    Keyword { keyword: String },
    #[error("{pattern} is no pattern")]
    Pattern {
        pattern: String,
        #[source]
        source: PatternError,
    },
}

/// Compiles the schema of a model, among others by name.
pub(super) fn compile(name: &str, models: &BTreeMap<String, Model>) -> Result<Compiled, Unusable> {
    let mut compiler =
        Compiler { models, documents: BTreeMap::new(), known: BTreeMap::new(), nodes: vec![], due: vec![] };
    compiler.refer(name, "")?;
    while let Some((id, model, schema)) = compiler.due.pop() {
        let document = compiler.document(&model)?;
        let node = compiler.node(&model, document.pointer(&schema).unwrap_or(&Value::Null))?;
        compiler.nodes[id.0] = node;
    }
    Ok(Compiled { nodes: compiler.nodes })
}

struct Compiler<'m> {
    models: &'m BTreeMap<String, Model>,
    documents: BTreeMap<String, Arc<Value>>,
    /// The schemas that are referred to, by model and JSON pointer.
    known: BTreeMap<(String, String), SchemaId>,
    nodes: Vec<Node>,
    /// Those of them that are not compiled yet.
    due: Vec<(SchemaId, String, String)>,
}

impl Compiler<'_> {
    fn document(&mut self, name: &str) -> Result<Arc<Value>, Unusable> {
        if let Some(document) = self.documents.get(name) {
            return Ok(document.clone());
        }
        let text = self.models.get(name).and_then(|model| model.schema.as_deref());
        let text = text.ok_or_else(|| Unusable::NoModel { name: name.to_owned() })?;
        let document = serde_json::from_str(text);
        let document = document.map_err(|source| Unusable::NoJson { name: name.to_owned(), source })?;
        Ok(self.documents.entry(name.to_owned()).or_insert(Arc::new(document)).clone())
    }

    fn reserve(&mut self) -> SchemaId {
        self.nodes.push(Node::Keywords(Vec::new()));
        SchemaId(self.nodes.len() - 1)
    }

    fn refer(&mut self, model: &str, pointer: &str) -> Result<SchemaId, Unusable> {
        let key = (model.to_owned(), pointer.to_owned());
        if let Some(id) = self.known.get(&key) {
            return Ok(*id);
        }
        if !self.document(model)?.pointer(pointer).is_some_and(Value::is_object) {
            return Err(Unusable::Reference { reference: format!("{model}#{pointer}") });
        }
        let id = self.reserve();
        self.known.insert(key, id);
        self.due.push((id, model.to_owned(), pointer.to_owned()));
        Ok(id)
    }

    /// The target of a `$ref`: in the model itself, or another model.
    fn reference(&mut self, model: &str, reference: &Value) -> Result<Node, Unusable> {
        let wrong = || Unusable::Reference { reference: reference.to_string() };
        let (base, fragment) = {
            let reference = reference.as_str().ok_or_else(wrong)?;
            reference.split_once('#').unwrap_or((reference, ""))
        };
        let target = if base.is_empty() { model } else { Model::referred_to(base).ok_or_else(wrong)? };
        let pointer = percent_decode_str(fragment).decode_utf8().map_err(|_| wrong())?;
        Ok(Node::Reference(self.refer(target, &pointer)?))
    }

    fn schema(&mut self, model: &str, schema: &Value) -> Result<SchemaId, Unusable> {
        let id = self.reserve();
        let node = self.node(model, schema)?;
        self.nodes[id.0] = node;
        Ok(id)
    }

    fn node(&mut self, model: &str, schema: &Value) -> Result<Node, Unusable> {
        let members = schema.as_object().ok_or(Unusable::NoSchema)?;
        // Whatever stands beside a reference is ignored (draft 4, "JSON Reference").
        if let Some(reference) = members.get("$ref") {
            return self.reference(model, reference);
        }
        let mut keywords: Vec<(&str, Keyword)> = Vec::new();
        for (name, value) in members {
            keywords.extend(self.keyword(model, members, name, value)?.map(|keyword| (name.as_str(), keyword)));
        }
        if let Some(items) = self.items(model, members)? {
            keywords.push(("additionalItems", Keyword::Items(items)));
        }
        if let Some(properties) = self.properties(model, members)? {
            keywords.push(("additionalProperties", Keyword::Properties(properties)));
        }
        keywords.sort_by_key(|(name, _)| *name);
        Ok(Node::Keywords(keywords.into_iter().map(|(_, keyword)| keyword).collect()))
    }

    fn keyword(
        &mut self,
        model: &str,
        members: &Map<String, Value>,
        name: &str,
        value: &Value,
    ) -> Result<Option<Keyword>, Unusable> {
        let fits = Fits { keyword: name };
        Ok(Some(match name {
            "allOf" => Keyword::AllOf(self.schemas(model, name, value)?),
            "anyOf" => Keyword::AnyOf(self.schemas(model, name, value)?),
            "oneOf" => Keyword::OneOf(self.schemas(model, name, value)?),
            "not" => Keyword::Not(self.schema(model, value)?),
            "dependencies" => Keyword::Dependencies(self.dependencies(model, value)?),
            "enum" => Keyword::Enum(fits.some(value.is_array().then(|| value.clone()))?),
            "format" => return Ok(Format::named(fits.some(value.as_str())?).map(Keyword::Format)),
            "maxItems" => Keyword::MaxItems(fits.count(value)?),
            "minItems" => Keyword::MinItems(fits.count(value)?),
            "maxLength" => Keyword::MaxLength(fits.count(value)?),
            "minLength" => Keyword::MinLength(fits.count(value)?),
            "maxProperties" => Keyword::MaxProperties(fits.count(value)?),
            "minProperties" => Keyword::MinProperties(fits.count(value)?),
            "maximum" => Keyword::Maximum(fits.limit(value, members.get("exclusiveMaximum"))?),
            "minimum" => Keyword::Minimum(fits.limit(value, members.get("exclusiveMinimum"))?),
            "multipleOf" => {
                let number = fits.number(value)?;
                let divisor = fits.some(Some(Decimal::of(&number)).filter(|divisor| divisor.is_positive()))?;
                Keyword::MultipleOf { number, divisor }
            }
            "pattern" => Keyword::Pattern(pattern(fits.some(value.as_str())?)?),
            "required" => Keyword::Required(fits.names(value)?),
            "type" => Keyword::Type(fits.some(types(value))?),
            "uniqueItems" => return Ok(fits.some(value.as_bool())?.then_some(Keyword::UniqueItems)),
            _ => return Ok(None),
        }))
    }

    fn schemas(&mut self, model: &str, keyword: &str, value: &Value) -> Result<Vec<SchemaId>, Unusable> {
        let schemas = Fits { keyword }.some(value.as_array())?;
        schemas.iter().map(|schema| self.schema(model, schema)).collect()
    }

    fn additional(&mut self, model: &str, value: Option<&Value>) -> Result<Additional, Unusable> {
        Ok(match value {
            None | Some(Value::Bool(true)) => Additional::Anything,
            Some(Value::Bool(false)) => Additional::Nothing,
            Some(schema) => Additional::Schema(self.schema(model, schema)?),
        })
    }

    fn items(&mut self, model: &str, members: &Map<String, Value>) -> Result<Option<Items>, Unusable> {
        let additional = members.get("additionalItems");
        Ok(match members.get("items") {
            None => None,
            Some(Value::Array(_)) => {
                let first = self.schemas(model, "items", &members["items"])?;
                Some(Items { first, others: self.additional(model, additional)? })
            }
            Some(schema) => Some(Items { first: vec![], others: Additional::Schema(self.schema(model, schema)?) }),
        })
    }

    fn properties(&mut self, model: &str, members: &Map<String, Value>) -> Result<Option<Properties>, Unusable> {
        let by_name = |keyword| {
            let schemas = members.get(keyword).map(|value| Fits { keyword }.some(value.as_object())).transpose();
            Ok::<_, Unusable>(schemas?.into_iter().flatten())
        };
        let mut properties = Properties {
            by_name: BTreeMap::new(),
            by_pattern: Vec::new(),
            others: self.additional(model, members.get("additionalProperties"))?,
        };
        for (name, schema) in by_name("properties")? {
            properties.by_name.insert(name.clone(), self.schema(model, schema)?);
        }
        for (name, schema) in by_name("patternProperties")? {
            properties.by_pattern.push((pattern(name)?, self.schema(model, schema)?));
        }
        let is_nothing = properties.by_name.is_empty()
            && properties.by_pattern.is_empty()
            && matches!(properties.others, Additional::Anything);
        Ok((!is_nothing).then_some(properties))
    }

    fn dependencies(&mut self, model: &str, value: &Value) -> Result<BTreeMap<String, Dependency>, Unusable> {
        let fits = Fits { keyword: "dependencies" };
        let mut dependencies = BTreeMap::new();
        for (name, value) in fits.some(value.as_object())? {
            let dependency = match value {
                Value::Array(_) => Dependency::Properties(fits.names(value)?),
                schema => Dependency::Schema(self.schema(model, schema)?),
            };
            dependencies.insert(name.clone(), dependency);
        }
        Ok(dependencies)
    }
}

fn pattern(text: &str) -> Result<Pattern, Unusable> {
    Pattern::new(text).map_err(|source| Unusable::Pattern { pattern: text.to_owned(), source })
}

fn types(value: &Value) -> Option<Types> {
    let names = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let named = |name: &Value| Type::ALL.into_iter().find(|kind| Some(kind.name()) == name.as_str());
    let mut types: Vec<Type> = names.iter().map(named).collect::<Option<_>>()?;
    if types.contains(&Type::Number) {
        types.push(Type::Integer);
    }
    types.sort_unstable();
    types.dedup();
    Some(Types(types))
}

/// What values a keyword can have.
#[derive(Clone, Copy)]
struct Fits<'k> {
    keyword: &'k str,
}

impl Fits<'_> {
    fn some<T>(self, value: Option<T>) -> Result<T, Unusable> {
        value.ok_or_else(|| Unusable::Keyword { keyword: self.keyword.to_owned() })
    }

    fn number(self, value: &Value) -> Result<Number, Unusable> {
        self.some(value.as_number().cloned())
    }

    /// A count may be written as 2.0; what is larger than any is as good as the largest.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "no fraction, not negative, saturating"
    )]
    fn count(self, value: &Value) -> Result<usize, Unusable> {
        let count = value.as_f64().filter(|count| *count >= 0.0 && count.fract() == 0.0);
        self.some(count).map(|count| count as usize)
    }

    fn limit(self, value: &Value, exclusive: Option<&Value>) -> Result<Limit, Unusable> {
        let is_exclusive = self.some(exclusive.map_or(Some(false), Value::as_bool))?;
        Ok(Limit::new(self.number(value)?, is_exclusive))
    }

    fn names(self, value: &Value) -> Result<Vec<String>, Unusable> {
        let name = |name: &Value| name.as_str().map(str::to_owned);
        self.some(value.as_array().and_then(|names| names.iter().map(name).collect()))
    }
}
