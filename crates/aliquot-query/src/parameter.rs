//! Parameters of a statement: `$name`, with defaults in the comment at its head. Values take the place of the names in the parsed
//! statement, as literals, so that no value is ever read as SQL.
//!
//! | header line | kind |
//! |---|---|
//! | `-- param: min_tokens = 100000   smallest volume` | a number, and what is given must be one |
//! | `-- param: time_zone = 'UTC'   whose days` | a text, whatever is given |
//! | none | a number if it reads as one; `'7'` with its quotes is a text |

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, Value, visit_expressions_mut};

use crate::error::Error;

/// A parameter as a query's header declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, without the dollar.
    pub name: String,
    /// Its default as SQL spells it: a number, or a text in quotes.
    pub default: String,
    /// What it is for.
    pub meaning: String,
}

/// The comment lines before the first line of SQL, without their dashes.
pub(crate) fn header_lines(sql: &str) -> impl Iterator<Item = &str> {
    sql.lines().map_while(|line| line.strip_prefix("--"))
}

/// The parameters that the header of `sql` declares.
pub(crate) fn declared(sql: &str) -> Result<Vec<Parameter>, Error> {
    let lines = header_lines(sql).filter_map(|line| line.trim().strip_prefix("param:"));
    lines.map(|line| from_header(line).ok_or_else(|| Error::Header(line.trim().to_owned()))).collect()
}

fn from_header(line: &str) -> Option<Parameter> {
    let (name, rest) = line.split_once('=')?;
    let (name, rest) = (name.trim(), rest.trim());
    let end = match rest.strip_prefix('\'') {
        Some(text) => text.find('\'')?.checked_add(2)?,
        None => rest.find(char::is_whitespace).unwrap_or(rest.len()),
    };
    let (default, meaning) = rest.split_at_checked(end)?;
    let named = !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    let valued = default.starts_with('\'') || is_number(default);
    (named && valued).then(|| Parameter {
        name: name.to_owned(),
        default: default.to_owned(),
        meaning: meaning.trim().to_owned(),
    })
}

/// Puts the values of `given`, or the defaults that `sql` declares, in the places of the statement's parameters.
pub(crate) fn bind(statement: &mut Statement, sql: &str, given: &[(String, String)]) -> Result<(), Error> {
    let declared = declared(sql)?;
    let mut values: BTreeMap<&str, Value> =
        declared.iter().map(|parameter| (parameter.name.as_str(), literal(&parameter.default))).collect();
    for (name, text) in given {
        let value = match values.get(name.as_str()) {
            Some(Value::Number(..)) if !is_number(text) => {
                return Err(Error::NotANumber { name: name.clone(), value: text.clone() });
            }
            Some(Value::Number(..)) | None => literal(text),
            Some(_) => Value::SingleQuotedString(text.clone()),
        };
        values.insert(name, value);
    }
    let used = replace(statement, &values)?;
    let known = |name: &str| declared.iter().any(|parameter| parameter.name == name) || used.iter().any(|u| u == name);
    match given.iter().find(|(name, _)| !known(name)) {
        Some((name, _)) => Err(Error::UnknownParameter { name: name.clone(), known: list(&declared, &used) }),
        None => Ok(()),
    }
}

/// Replaces every placeholder, and lists the names that were used.
fn replace(statement: &mut Statement, values: &BTreeMap<&str, Value>) -> Result<Vec<String>, Error> {
    let statement = match statement {
        Statement::Statement(statement) => statement,
        Statement::Explain(explain) => return replace(&mut explain.statement, values),
        // No question; refused before anything is bound.
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => return Ok(Vec::new()),
    };
    let mut used = Vec::new();
    let outcome = visit_expressions_mut(statement.as_mut(), |expression| {
        let Expr::Value(spanned) = expression else { return ControlFlow::Continue(()) };
        let Value::Placeholder(placeholder) = &spanned.value else { return ControlFlow::Continue(()) };
        let name = placeholder.trim_start_matches('$').to_owned();
        match values.get(name.as_str()) {
            Some(value) => {
                spanned.value = value.clone();
                used.push(name);
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(name),
        }
    });
    match outcome {
        ControlFlow::Continue(()) => Ok(used),
        ControlFlow::Break(name) => Err(Error::NoParameter(name)),
    }
}

fn list(declared: &[Parameter], used: &[String]) -> String {
    let mut names: Vec<&str> = declared.iter().map(|parameter| parameter.name.as_str()).collect();
    names.extend(used.iter().map(String::as_str));
    names.sort_unstable();
    names.dedup();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// A text in quotes, a number, or else a text as it stands.
fn literal(text: &str) -> Value {
    let quoted = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    match quoted {
        Some(inner) => Value::SingleQuotedString(inner.to_owned()),
        None if is_number(text) => Value::Number(text.to_owned(), false),
        None => Value::SingleQuotedString(text.to_owned()),
    }
}

/// Whether `text` is an integer or a decimal as SQL spells them, so that it can stand as a literal.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let well_formed = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    well_formed(whole) && well_formed(fraction)
}
