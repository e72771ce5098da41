//! Which method of a deployed API serves a request: a table compiled once from
//! a snapshot's methods, then only read.
//!
//! A resource counts only if it has the request's verb, or `ANY`. Among those,
//! a static segment beats `{var}`, which beats `{proxy+}`, from the first
//! segment on; of one resource's methods the exact verb beats `ANY`. So
//! `OPTIONS /test` is served by `OPTIONS /{proxy+}` where `/test` has only
//! `POST`, as API Gateway does it. An unknown path and an unknown verb are both
//! no route.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use matchit::{InsertError, Router};

/// The verbs that a request can have and `ANY` stands for.
pub const VERBS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// The verb of a method that serves whatever its resource has no method for.
pub const ANY: &str = "ANY";

/// Variables in one resource's path, the greedy one not counted: the most that
/// the router can tell apart.
pub const MAX_VARIABLES: usize = 25;

/// The methods of one deployment, each with its `T`.
#[derive(Debug)]
pub struct RouteTable<T> {
    methods: Vec<(String, T)>,
    by_verb: HashMap<&'static str, Router<usize>>,
}

/// The method that serves a request.
#[derive(Debug)]
pub struct Match<'table, 'path, T> {
    /// What the table was given for the method.
    pub value: &'table T,
    /// The resource's path, for example `/pets/{petId}`.
    pub resource_path: &'table str,
    /// The request's path as it was routed: one slash in front, none at the
    /// end. A method ARN is made of this one, lest a slash more steps around a
    /// policy's Deny.
    pub path: &'path str,
    /// The values of the resource's variables as they were sent, still
    /// percent-encoded, as API Gateway passes them on. `{proxy+}` is `proxy`.
    pub path_parameters: BTreeMap<&'table str, &'path str>,
}

/// Why methods make no table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoutes {
    /// A path that no resource can have.
    #[error("{path} is no resource path")]
    Path {
        /// The resource's path.
        path: String,
    },
    /// A verb that is neither one of [`VERBS`] nor [`ANY`].
    #[error("{path} has a method with the unknown verb {verb}")]
    Verb {
        /// The resource's path.
        path: String,
        /// The unknown verb.
        verb: String,
    },
    /// Two methods for the same requests, or sibling variables.
    #[error("{verb} of {path} serves the same requests as another method")]
    Conflict {
        /// The resource's path.
        path: String,
        /// The verb that is served twice.
        verb: &'static str,
    },
}

impl<T> RouteTable<T> {
    /// Compiles methods: the path of a resource, a verb or [`ANY`], and what a
    /// lookup shall find.
    ///
    /// # Errors
    /// When a path or a verb is none, or two methods serve the same requests.
    pub fn compile<P, V>(methods: impl IntoIterator<Item = (P, V, T)>) -> Result<Self, InvalidRoutes>
    where
        P: Into<String>,
        V: AsRef<str>,
    {
        let mut compiled = Vec::new();
        let mut exact: HashMap<&'static str, Vec<usize>> = HashMap::new();
        let mut any = Vec::new();
        for (path, verb, value) in methods {
            let (path, verb) = (path.into(), verb.as_ref());
            let index = compiled.len();
            match VERBS.into_iter().find(|known| *known == verb) {
                Some(verb) => exact.entry(verb).or_default().push(index),
                None if verb == ANY => any.push(index),
                None => return Err(InvalidRoutes::Verb { path, verb: verb.to_owned() }),
            }
            compiled.push((path, value));
        }
        let patterns = compiled
            .iter()
            .map(|(path, _)| pattern(path).ok_or_else(|| InvalidRoutes::Path { path: path.clone() }))
            .collect::<Result<Vec<_>, _>>()?;

        let mut by_verb = HashMap::new();
        for verb in VERBS {
            let exact = exact.remove(verb).unwrap_or_default();
            let with_verb: HashSet<&String> = exact.iter().map(|index| &patterns[*index]).collect();
            let rest = any.iter().filter(|index| !with_verb.contains(&patterns[**index]));
            let mut router = Router::new();
            for index in exact.iter().chain(rest) {
                let path = || compiled[*index].0.clone();
                router.insert(&patterns[*index], *index).map_err(|error| match error {
                    InsertError::Conflict { .. } => InvalidRoutes::Conflict { path: path(), verb },
                    _ => InvalidRoutes::Path { path: path() },
                })?;
            }
            by_verb.insert(verb, router);
        }
        Ok(Self { methods: compiled, by_verb })
    }

    /// The method that serves `verb` on `path`: the path as it was sent, stage
    /// and query removed, percent-encoding kept.
    ///
    /// Slashes at the end are ignored and several at the beginning are one,
    /// as API Gateway routes them. A `{var}` takes no empty segment.
    #[must_use]
    pub fn lookup<'path>(&self, path: &'path str, verb: &str) -> Option<Match<'_, 'path, T>> {
        let path = routed(path)?;
        let found = self.by_verb.get(verb)?.at(path).ok()?;
        let (resource_path, value) = self.methods.get(*found.value)?;
        let path_parameters: BTreeMap<_, _> = found.params.iter().collect();
        if path_parameters.values().any(|value| value.is_empty()) {
            return None;
        }
        Some(Match { value, resource_path, path, path_parameters })
    }
}

/// `path` with one slash in front and none at the end; nothing at all is the
/// root, since a stage may be called without a slash behind it.
fn routed(path: &str) -> Option<&str> {
    let path = path.trim_end_matches('/');
    let bare = path.trim_start_matches('/');
    if bare.is_empty() {
        return Some("/");
    }
    let first = (path.len() - bare.len()).checked_sub(1)?;
    path.get(first..)
}

/// A resource's path as the router spells it, `{*proxy}` for `{proxy+}`.
fn pattern(path: &str) -> Option<String> {
    let segments = path.strip_prefix('/')?;
    if segments.is_empty() {
        return Some("/".to_owned());
    }
    let mut pattern = String::with_capacity(path.len());
    let mut variables = 0;
    let mut ended = false;
    for segment in segments.split('/') {
        if ended || segment.is_empty() {
            return None;
        }
        let variable = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let name = variable.unwrap_or(segment);
        let greedy = variable.and_then(|name| name.strip_suffix('+'));
        let name = greedy.unwrap_or(name);
        let reserved: &[char] = if variable.is_some() { &['{', '}', '*', '+'] } else { &['{', '}'] };
        if name.is_empty() || name.contains(reserved) {
            return None;
        }
        pattern.push('/');
        if greedy.is_some() {
            pattern.extend(["{*", name, "}"]);
            ended = true;
        } else {
            pattern.push_str(segment);
            variables += usize::from(variable.is_some());
        }
    }
    (variables <= MAX_VARIABLES).then_some(pattern)
}
