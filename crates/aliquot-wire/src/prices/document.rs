//! A JSON document to read prices from: numbers keep their text, an object has no name twice, every value knows its path.
//! Knows nothing about prices.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{BYTES_MAX, Error};

/// Levels of nesting: catalogues have six, our own books eight with a few matchers inside one another.
const DEPTH_MAX: u32 = 32;

/// A value of the document.
#[derive(Clone, Debug)]
enum Value {
    Null,
    Bool,
    Number(String),
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// A whole document.
#[derive(Clone, Debug)]
pub(super) struct Document(Value);

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node<'d> {
    pub(super) path: String,
    value: &'d Value,
}

/// The members of an object, in the order of the file.
#[derive(Clone, Debug)]
pub(super) struct Object<'d> {
    path: String,
    members: Vec<(&'d str, Node<'d>)>,
}

impl Document {
    /// Reads a document of at most [`BYTES_MAX`] bytes.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > BYTES_MAX {
            return Err(Error { path: String::new(), problem: format!("the file has more than {BYTES_MAX} bytes") });
        }
        let raw = serde_json::from_slice::<&RawValue>(bytes).map_err(|error| Error {
            path: String::new(),
            problem: format!("not JSON: line {}, column {}", error.line(), error.column()),
        })?;
        read(raw.get(), "", DEPTH_MAX).map(Self)
    }

    pub(super) fn root(&self) -> Node<'_> {
        Node { path: String::new(), value: &self.0 }
    }
}

fn read(raw: &str, path: &str, depth: u32) -> Result<Value, Error> {
    let problem = |problem: &str| Error { path: path.to_owned(), problem: problem.to_owned() };
    let Some(depth) = depth.checked_sub(1) else { return Err(problem("nested too deeply")) };
    let malformed = |_| problem("not JSON");
    Ok(match raw.as_bytes().first() {
        Some(b'{') => {
            let Members(members) = serde_json::from_str(raw).map_err(malformed)?;
            let mut seen = BTreeSet::new();
            if let Some((twice, _)) = members.iter().find(|(name, _)| !seen.insert(name.as_str())) {
                return Err(problem(&format!("\"{twice}\" is given twice: keep the one that is meant")));
            }
            let values =
                members.iter().map(|(name, raw)| Ok((name.clone(), read(raw.get(), &member(path, name), depth)?)));
            Value::Object(values.collect::<Result<_, Error>>()?)
        }
        Some(b'[') => {
            let raws: Vec<&RawValue> = serde_json::from_str(raw).map_err(malformed)?;
            let values =
                raws.iter().enumerate().map(|(place, raw)| read(raw.get(), &format!("{path}[{place}]"), depth));
            Value::List(values.collect::<Result<_, Error>>()?)
        }
        Some(b'"') => Value::Text(serde_json::from_str(raw).map_err(malformed)?),
        Some(b't' | b'f') => Value::Bool,
        Some(b'n') => Value::Null,
        _ => Value::Number(raw.to_owned()),
    })
}

/// The path of a member: `prices.tier`, or `models["gpt-4.1"]` where the name is not a plain word.
fn member(path: &str, name: &str) -> String {
    let is_plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    match (is_plain, path) {
        (true, "") => name.to_owned(),
        (true, _) => format!("{path}.{name}"),
        (false, _) => format!("{path}[\"{name}\"]"),
    }
}

/// The members of an object, unread.
struct Members<'d>(Vec<(String, &'d RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// Whether a member is for people only.
pub(super) fn is_comment(name: &str) -> bool {
    name.starts_with("//")
}

impl<'d> Node<'d> {
    /// The error that `problem` is here.
    pub(super) fn error(&self, problem: impl Into<String>) -> Error {
        Error { path: self.path.clone(), problem: problem.into() }
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self.value, Value::Object(_))
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.value, Value::List(_))
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self.value, Value::Text(_))
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    pub(super) fn object(&self) -> Result<Object<'d>, Error> {
        let Value::Object(members) = self.value else { return Err(self.error("must be an object {…}")) };
        let members = members
            .iter()
            .map(|(name, value)| (name.as_str(), Self { path: member(&self.path, name), value }))
            .collect();
        Ok(Object { path: self.path.clone(), members })
    }

    pub(super) fn list(&self) -> Result<Vec<Self>, Error> {
        let Value::List(values) = self.value else { return Err(self.error("must be a list […]")) };
        let nodes =
            values.iter().enumerate().map(|(place, value)| Self { path: format!("{}[{place}]", self.path), value });
        Ok(nodes.collect())
    }

    pub(super) fn text(&self) -> Result<&'d str, Error> {
        match self.value {
            Value::Text(text) if !text.is_empty() => Ok(text),
            _ => Err(self.error("must be a text in quotes, not empty")),
        }
    }

    /// The text of a number, as it stands in the file.
    pub(super) fn number(&self) -> Result<&'d str, Error> {
        match self.value {
            Value::Number(text) => Ok(text),
            _ => Err(self.error("must be a number")),
        }
    }

    /// A whole number; `256000.0` is one.
    pub(super) fn whole(&self) -> Result<u64, Error> {
        let text = self.number()?;
        let (digits, fraction) = text.split_once('.').unwrap_or((text, ""));
        let whole = digits.parse().ok().filter(|_| fraction.bytes().all(|byte| byte == b'0'));
        whole.ok_or_else(|| self.error("must be a whole number"))
    }
}

impl<'d> Object<'d> {
    /// All members, in the order of the file.
    pub(super) fn members(&self) -> impl Iterator<Item = &(&'d str, Node<'d>)> {
        self.members.iter()
    }

    /// The member `name`; null is as good as none.
    pub(super) fn get(&self, name: &str) -> Option<&Node<'d>> {
        self.members.iter().find(|(member, node)| *member == name && !node.is_null()).map(|(_, node)| node)
    }

    pub(super) fn required(&self, name: &str) -> Result<&Node<'d>, Error> {
        let missing = || Error { path: self.path.clone(), problem: format!("\"{name}\" is missing") };
        self.get(name).ok_or_else(missing)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'d str>, Error> {
        self.get(name).map(Node::text).transpose()
    }

    /// The elements of the list `name`, none if it is missing.
    pub(super) fn list(&self, name: &str) -> Result<Vec<Node<'d>>, Error> {
        self.get(name).map_or(Ok(Vec::new()), Node::list)
    }

    /// The members of the object `name` without its comments, none if it is missing.
    pub(super) fn object(&self, name: &str) -> Result<Vec<(&'d str, Node<'d>)>, Error> {
        let mut members = self.get(name).map_or(Ok(Vec::new()), |node| Ok(node.object()?.members))?;
        members.retain(|(name, _)| !is_comment(name));
        Ok(members)
    }

    /// Refuses a member that is neither `known` nor a comment: a misspelt condition would otherwise make a price hold where it
    /// does not.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Error> {
        match self.members.iter().find(|(name, _)| !known.contains(name) && !is_comment(name)) {
            Some((name, node)) => {
                Err(node.error(format!("\"{name}\" is not known here: use one of {}", known.join(", "))))
            }
            None => Ok(()),
        }
    }
}
