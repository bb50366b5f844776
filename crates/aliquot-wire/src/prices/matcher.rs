//! Matchers as JSON: the clauses of our own format, which those of genai-prices are too. Asks no name.

use aliquot_core::prices::Matcher;
use regex::{Regex, RegexBuilder};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Error;
use super::document::{Node, is_comment};

/// Bytes of one compiled pattern: thousands of names, and a bound on what a line in a file can cost.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// Whether the patterns of a file are to be compared in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    AsWritten,
    Any,
}

/// Reads a text (the whole name) or an object with one clause.
pub(super) fn read(node: &Node<'_>, case: Case) -> Result<Matcher, Error> {
    match case {
        Case::AsWritten => clause(node, case),
        Case::Any => Ok(Matcher::AnyCase(Box::new(clause(node, case)?))),
    }
}

fn clause(node: &Node<'_>, case: Case) -> Result<Matcher, Error> {
    let pattern = |text: &str| match case {
        Case::AsWritten => text.to_owned(),
        Case::Any => text.to_lowercase(),
    };
    if node.is_text() {
        return Ok(Matcher::Equals(pattern(node.text()?)));
    }
    let object = node.object()?;
    let mut clauses = object.members().filter(|(name, _)| !is_comment(name));
    let (Some((name, node)), None) = (clauses.next(), clauses.next()) else {
        return Err(node.error("a matcher has one clause: put several into \"or\" or \"and\""));
    };
    let all = || node.list()?.iter().map(|part| clause(part, case)).collect::<Result<Vec<_>, _>>();
    Ok(match *name {
        "equals" => Matcher::Equals(pattern(node.text()?)),
        "starts_with" => Matcher::StartsWith(pattern(node.text()?)),
        "ends_with" => Matcher::EndsWith(pattern(node.text()?)),
        "contains" => Matcher::Contains(pattern(node.text()?)),
        "regex" => Matcher::Regex(Box::new(regex(node, case)?)),
        "or" => Matcher::Or(all()?),
        "and" => Matcher::And(all()?),
        "any_case" => Matcher::AnyCase(Box::new(clause(node, Case::Any)?)),
        name => {
            let known = "equals, starts_with, ends_with, contains, regex, or, and, any_case";
            return Err(node.error(format!("\"{name}\" is no clause: use one of {known}")));
        }
    })
}

fn regex(node: &Node<'_>, case: Case) -> Result<Regex, Error> {
    let pattern = match case {
        Case::AsWritten => node.text()?.to_owned(),
        Case::Any if node.text()?.starts_with("(?i)") => node.text()?.to_owned(),
        Case::Any => format!("(?i){}", node.text()?),
    };
    RegexBuilder::new(&pattern).size_limit(REGEX_BYTES_MAX).build().map_err(|_| {
        node.error("not a regular expression this version knows: it has no look-around and no back-references")
    })
}

/// A matcher as it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written<'m>(pub(super) &'m Matcher);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = match self.0 {
            Matcher::Equals(name) => return serializer.serialize_str(name),
            _ => serializer.serialize_map(Some(1))?,
        };
        match self.0 {
            Matcher::Equals(name) => map.serialize_entry("equals", name)?,
            Matcher::StartsWith(start) => map.serialize_entry("starts_with", start)?,
            Matcher::EndsWith(end) => map.serialize_entry("ends_with", end)?,
            Matcher::Contains(part) => map.serialize_entry("contains", part)?,
            Matcher::Regex(pattern) => map.serialize_entry("regex", pattern.as_str())?,
            Matcher::Or(parts) => map.serialize_entry("or", &parts.iter().map(Written).collect::<Vec<_>>())?,
            Matcher::And(parts) => map.serialize_entry("and", &parts.iter().map(Written).collect::<Vec<_>>())?,
            Matcher::AnyCase(inner) => map.serialize_entry("any_case", &Written(inner))?,
        }
        map.end()
    }
}
