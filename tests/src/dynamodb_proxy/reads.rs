use std::collections::HashMap;

use serde_json::Value;

use super::message::Message;
use super::operation::Operation;

/// Answers to reads that need not be consistent, so that they can be given again
/// when they are out of date.
#[derive(Debug, Default)]
pub(super) struct Reads {
    by_request: HashMap<String, Answers>,
}

#[derive(Debug)]
struct Answers {
    /// What `latest` was before it last changed; itself, if it never did.
    outdated: Vec<u8>,
    latest: Vec<u8>,
}

impl Reads {
    /// What tells a read from others; `None` for what must be consistent.
    pub(super) fn name(operation: &Operation, request: &Message) -> Option<String> {
        let body: Value = serde_json::from_slice(request.body()).ok()?;
        let is_read = matches!(&*operation.kind, "GetItem" | "Query");
        // Parsed and written again, since clients order maps as they like.
        (is_read && body["ConsistentRead"] != true).then(|| format!("{} {body}", operation.kind))
    }

    pub(super) fn saw(&mut self, name: String, answer: &Message) {
        let bytes = answer.bytes().to_vec();
        match self.by_request.get_mut(&name) {
            Some(answers) => {
                if body_of(&answers.latest) != answer.body() {
                    answers.outdated = std::mem::replace(&mut answers.latest, bytes);
                }
            }
            None => {
                self.by_request.insert(name, Answers { outdated: bytes.clone(), latest: bytes });
            }
        }
    }

    /// An answer that may be out of date, if there was any.
    pub(super) fn outdated(&self, name: &str) -> Option<Vec<u8>> {
        self.by_request.get(name).map(|answers| answers.outdated.clone())
    }
}

fn body_of(answer: &[u8]) -> &[u8] {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    end.map_or(&[], |end| &answer[end + 4..])
}
