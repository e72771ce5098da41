use std::collections::HashMap;

use serde_json::{Map, Value, json};
use yaml_rust2::Yaml;
use yaml_rust2::parser::{Event, MarkedEventReceiver, Parser, Tag};
use yaml_rust2::scanner::{Marker, TScalarStyle};

/// A template's document, in which `!Sub x` is `{"Fn::Sub": "x"}`, as it is in JSON.
pub(super) fn read(text: &str) -> Value {
    let mut reader = Reader::default();
    let mut parser = Parser::new_from_str(text);
    parser.load(&mut reader, false).unwrap_or_else(|error| panic!("the template: {error}"));
    reader.document
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    anchors: HashMap<usize, Value>,
    document: Value,
}

struct Open {
    anchor: usize,
    tag: Option<Tag>,
    /// In a mapping names and values, in turn.
    values: Vec<Value>,
}

impl Reader {
    fn close(&mut self, value: impl FnOnce(Vec<Value>) -> Value) {
        let Open { anchor, tag, values } = self.open.pop().expect("what ends has begun");
        self.add(anchor, tag, value(values));
    }

    fn add(&mut self, anchor: usize, tag: Option<Tag>, value: Value) {
        let value = tag.map_or(value.clone(), |tag| called(&tag.suffix, value));
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        match self.open.last_mut() {
            Some(open) => open.values.push(value),
            None => self.document = value,
        }
    }
}

impl MarkedEventReceiver for Reader {
    fn on_event(&mut self, event: Event, _: Marker) {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = style != TScalarStyle::Plain || tag.is_some();
                let value = if is_text { text.into() } else { plain(&text) };
                self.add(anchor, tag, value);
            }
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                self.open.push(Open { anchor, tag, values: Vec::new() });
            }
            Event::SequenceEnd => self.close(Value::Array),
            Event::MappingEnd => self.close(|values| {
                let pairs = values.chunks_exact(2);
                pairs.map(|pair| (name(&pair[0]), pair[1].clone())).collect::<Map<_, _>>().into()
            }),
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned().expect("an alias is of an anchor before it");
                self.add(0, None, value);
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart | Event::DocumentEnd => {}
        }
    }
}

fn called(function: &str, argument: Value) -> Value {
    match (function, argument) {
        ("Ref", name) => json!({"Ref": name}),
        ("GetAtt", Value::String(path)) => json!({"Fn::GetAtt": path.splitn(2, '.').collect::<Vec<_>>()}),
        (function, argument) => json!({format!("Fn::{function}"): argument}),
    }
}

fn plain(text: &str) -> Value {
    match Yaml::from_str(text) {
        Yaml::Boolean(boolean) => boolean.into(),
        Yaml::Integer(integer) => integer.into(),
        Yaml::Null => Value::Null,
        _ => text.into(),
    }
}

fn name(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_long_and_aliases_are_what_they_stand_for() {
        let template =
            read("a: &a {b: !GetAtt C.Arn, n: 1, t: \"1\", y: true}\nd: [!If [E, *a, !Ref F], !Sub 'g${H}']\n");
        let a = json!({"b": {"Fn::GetAtt": ["C", "Arn"]}, "n": 1, "t": "1", "y": true});
        let d = json!([{"Fn::If": ["E", a, {"Ref": "F"}]}, {"Fn::Sub": "g${H}"}]);
        assert_eq!(template, json!({"a": a, "d": d}));
    }
}
