//! Templates of gateway responses and of integrations: text in which
//! references are replaced. It is no Velocity: directives and methods are
//! refused when a template is compiled, never passed through or guessed at.

use std::borrow::Cow;

use bytes::Bytes;

/// A template taken apart once, at deployment.
#[derive(Debug)]
pub enum Template {
    /// Without any reference.
    Fixed(Bytes),
    /// Text and references in turn.
    Mixed(Vec<Piece>),
}

/// A part of a template.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Itself.
    Text(String),
    /// What it refers to.
    Value(Reference),
}

/// Something to be looked up in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// `$context.{name}`
    Context(String),
    /// `$stageVariables.{name}`
    StageVariable(String),
    /// A parameter of the request.
    Parameter(Location, String),
    /// `$input.body`, `$input.json('$')`
    Body,
}

/// Where a request's parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// `header`
    Header,
    /// `querystring`
    Query,
    /// `path`
    Path,
    /// The first of path, query and header that has it, as `$input.params('x')` looks.
    Any,
}

impl Reference {
    /// Reads one reference without its `$`: `method.request.header.Origin`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let reference = format!("${text}");
        plain_reference(&reference).filter(|(_, length)| *length == reference.len()).map(|(found, _)| found)
    }
}

/// Resolves references; what is not there is `None` and becomes nothing.
pub trait Values {
    /// The text that a reference stands for.
    fn value(&self, reference: &Reference) -> Option<Cow<'_, str>>;
}

/// A template needs more than plain references.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a mapping template holds {0}")]
pub struct Unsupported(
    /// What it is: `a Velocity directive`.
    pub &'static str,
);

impl Template {
    /// An integration's mapping template.
    ///
    /// # Errors
    /// When it holds more than plain references.
    pub fn mapping(text: &str) -> Result<Self, Unsupported> {
        if has_directive(text) {
            return Err(Unsupported("a Velocity directive"));
        }
        Self::compile(text, mapping_reference)
    }

    /// A gateway response's template: what is no reference is text.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self::compile(text, |text| Ok(plain_reference(text))).unwrap_or_else(|Unsupported(_)| Self::Fixed(Bytes::new()))
    }

    fn compile(
        text: &str,
        read: impl Fn(&str) -> Result<Option<(Reference, usize)>, Unsupported>,
    ) -> Result<Self, Unsupported> {
        let mut pieces = Vec::new();
        let mut start = 0;
        let mut at = 0;
        while let Some(dollar) = text[at..].find('$').map(|found| at + found) {
            let Some((reference, length)) = read(&text[dollar..])? else {
                at = dollar + 1;
                continue;
            };
            if start < dollar {
                pieces.push(Piece::Text(text[start..dollar].to_owned()));
            }
            pieces.push(Piece::Value(reference));
            at = dollar + length;
            start = at;
        }
        if pieces.is_empty() {
            return Ok(Self::Fixed(text.to_owned().into()));
        }
        if start < text.len() {
            pieces.push(Piece::Text(text[start..].to_owned()));
        }
        Ok(Self::Mixed(pieces))
    }

    /// The text with all references replaced.
    pub fn render(&self, values: &impl Values) -> Bytes {
        match self {
            Self::Fixed(text) => text.clone(),
            Self::Mixed(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Text(piece) => text.push_str(piece),
                        Piece::Value(reference) => text.push_str(&values.value(reference).unwrap_or_default()),
                    }
                }
                text.into()
            }
        }
    }
}

/// A text as it stands in a JSON string, between its quotes.
#[must_use]
pub fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&quoted).to_owned()
}

/// The directives of the Velocity template language, comments among them.
fn has_directive(text: &str) -> bool {
    const DIRECTIVES: [&str; 12] =
        ["#", "*", "[[", "set", "if", "else", "end", "foreach", "macro", "stop", "break", "define"];
    text.match_indices('#').any(|(at, _)| {
        let rest = text[at + 1..].trim_start_matches('{');
        DIRECTIVES.iter().any(|directive| rest.starts_with(directive))
    })
}

/// A reference at the beginning of `text`, which starts with `$`, and its length.
fn plain_reference(text: &str) -> Option<(Reference, usize)> {
    let (path, length) = path_of(text)?;
    let reference = match path.split_once('.')? {
        ("context", name) => Reference::Context(name.to_owned()),
        ("stageVariables", name) => Reference::StageVariable(name.to_owned()),
        ("method", parameter) => {
            let (location, name) = parameter.strip_prefix("request.")?.split_once('.')?;
            Reference::Parameter(location_of(location)?, name.to_owned())
        }
        _ => return None,
    };
    Some((reference, length))
}

fn mapping_reference(text: &str) -> Result<Option<(Reference, usize)>, Unsupported> {
    const UNKNOWN: Unsupported = Unsupported("a reference other than $context, $stageVariables and $input");
    const METHOD: Unsupported = Unsupported("a method other than $input.params('name') and $input.json('$')");
    let Some((path, length)) = path_of(text) else {
        return Ok(None);
    };
    let Some((root, name)) = path.split_once('.') else {
        return Err(UNKNOWN);
    };
    match (root, name) {
        ("context" | "stageVariables", _) => {
            let called = text[length..].starts_with(['(', '[']);
            plain_reference(text).filter(|_| !called).map(Some).ok_or(METHOD)
        }
        ("input", "body") => Ok(Some((Reference::Body, length))),
        ("input", "json" | "params") => {
            let (argument, argument_length) = argument_of(&text[length..]).ok_or(METHOD)?;
            let reference = match (name, argument) {
                ("json", "$") => Reference::Body,
                ("params", name) => Reference::Parameter(Location::Any, name.to_owned()),
                _ => return Err(METHOD),
            };
            let closed = text.starts_with("${") || text.starts_with("$!{");
            let length = length + argument_length;
            if closed {
                // The brace comes behind the argument: `${input.params('x')}`.
                return if text[length..].starts_with('}') { Ok(Some((reference, length + 1))) } else { Err(METHOD) };
            }
            if text[length..].starts_with(['.', '(']) { Err(METHOD) } else { Ok(Some((reference, length))) }
        }
        ("input", _) => Err(METHOD),
        _ => Err(UNKNOWN),
    }
}

/// `a.b.c` of `$a.b.c`, `$!a.b.c` or `${a.b.c}`, and the length of all of it.
/// An open brace is not part of the length when a call follows.
fn path_of(text: &str) -> Option<(&str, usize)> {
    let rest = text.strip_prefix('$')?;
    let rest = rest.strip_prefix('!').unwrap_or(rest);
    let (braced, rest) = rest.strip_prefix('{').map_or((false, rest), |rest| (true, rest));
    let bytes = rest.as_bytes();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if !bytes.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_') {
        return None;
    }
    let mut end = 0;
    while let Some(byte) = bytes.get(end) {
        let joins = matches!(byte, b'.' | b'-') && bytes.get(end + 1).is_some_and(is_name);
        if !is_name(byte) && !joins {
            break;
        }
        end += 1;
    }
    let length = text.len() - rest.len() + end;
    match bytes.get(end) {
        Some(b'}') if braced => Some((&rest[..end], length + 1)),
        Some(b'(') if braced => Some((&rest[..end], length)),
        _ if braced => None,
        _ => Some((&rest[..end], length)),
    }
}

/// `x` of `('x')` or `("x")`, and the length of all of it.
fn argument_of(text: &str) -> Option<(&str, usize)> {
    let quoted = text.strip_prefix('(')?.trim_start();
    let quote = quoted.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let (argument, rest) = quoted[1..].split_once(quote)?;
    let rest = rest.trim_start().strip_prefix(')')?;
    (!argument.is_empty()).then_some((argument, text.len() - rest.len()))
}

fn location_of(name: &str) -> Option<Location> {
    match name {
        "header" => Some(Location::Header),
        "querystring" => Some(Location::Query),
        "path" => Some(Location::Path),
        _ => None,
    }
}

/// What a response's header is filled from: `'literal'` or one reference
/// without its `$`.
#[derive(Debug, PartialEq, Eq)]
pub enum Expression {
    /// Itself.
    Literal(String),
    /// What it refers to.
    Value(Reference),
    /// Something of the backend's answer.
    Backend,
}

impl Expression {
    /// Reads what a parameter is mapped from.
    ///
    /// # Errors
    /// When it is neither a literal nor one plain reference.
    pub fn compile(text: &str) -> Result<Self, Unsupported> {
        if let Some(literal) = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            return Ok(Self::Literal(literal.to_owned()));
        }
        if text.starts_with("integration.response.") {
            return Ok(Self::Backend);
        }
        Reference::parse(text)
            .map(Self::Value)
            .ok_or(Unsupported("a parameter mapping that is no literal and no plain reference"))
    }

    /// The header's value; `None` leaves it out.
    pub fn evaluate<'a>(&'a self, values: &'a impl Values) -> Option<Cow<'a, str>> {
        match self {
            Self::Literal(literal) => Some(Cow::Borrowed(literal)),
            Self::Value(reference) => values.value(reference),
            Self::Backend => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sample;

    impl Values for Sample {
        fn value(&self, reference: &Reference) -> Option<Cow<'_, str>> {
            match reference {
                Reference::Context(name) if name == "missing" => None,
                Reference::Context(name) => Some(format!("<{name}>").into()),
                Reference::StageVariable(name) => Some(format!("[{name}]").into()),
                Reference::Parameter(location, name) => Some(format!("{location:?}:{name}").into()),
                Reference::Body => Some("{}".into()),
            }
        }
    }

    fn plain(text: &str) -> String {
        String::from_utf8(Template::plain(text).render(&Sample).to_vec()).unwrap()
    }

    fn mapping(text: &str) -> Result<String, Unsupported> {
        Ok(String::from_utf8(Template::mapping(text)?.render(&Sample).to_vec()).unwrap())
    }

    #[test]
    fn references_are_replaced_and_the_rest_stays() {
        assert_eq!(
            plain("{\"message\":$context.error.messageString, \"id\":\"${context.requestId}x\"}"),
            "{\"message\":<error.messageString>, \"id\":\"<requestId>x\"}"
        );
        assert_eq!(plain("$stageVariables.tier. $context.missing!"), "[tier]. !");
        assert_eq!(plain("$method.request.header.x-tenant-"), "Header:x-tenant-");
        assert_eq!(plain("$5 $ $$ ${ $context $other.x #if"), "$5 $ $$ ${ $context $other.x #if");
    }

    #[test]
    fn a_mapping_template_reaches_parameters_and_body() {
        assert_eq!(mapping("{\"q\": \"$input.params('q')\"}").unwrap(), "{\"q\": \"Any:q\"}");
        assert_eq!(mapping("${input.params(\"q\")}/$input.body/$input.json('$')").unwrap(), "Any:q/{}/{}");
        assert_eq!(mapping("costs $5, ok #1").unwrap(), "costs $5, ok #1");
    }

    #[test]
    fn velocity_is_refused_and_never_passed_through() {
        for template in [
            "#if($x) 1 #end",
            "#set($x = 1)",
            "## comment",
            "#{else}",
            "$util.escapeJavaScript($input.body)",
            "$input.json('$.a')",
            "$input.path('$')",
            "$input.params().header",
            "$context.requestId.replace('a', 'b')",
            "$foo",
        ] {
            assert!(mapping(template).is_err(), "{template}");
        }
    }

    #[test]
    fn a_template_without_references_is_rendered_once() {
        assert!(matches!(Template::mapping("{\"statusCode\": 200}"), Ok(Template::Fixed(_))));
    }

    #[test]
    fn a_parameter_is_a_literal_or_a_reference() {
        let evaluate = |text| Expression::compile(text).map(|found| found.evaluate(&Sample).map(Cow::into_owned));
        assert_eq!(evaluate("'*'"), Ok(Some("*".into())));
        assert_eq!(evaluate("context.requestId"), Ok(Some("<requestId>".into())));
        assert_eq!(evaluate("stageVariables.tier"), Ok(Some("[tier]".into())));
        assert_eq!(evaluate("method.request.header.Origin"), Ok(Some("Header:Origin".into())));
        assert_eq!(evaluate("integration.response.header.x"), Ok(None));
        assert!(evaluate("origin").is_err());
        assert!(evaluate("context.requestId + 1").is_err());
    }
}
