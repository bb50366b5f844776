//! Query parameters: which a resource has, how they are described, and how they are read. What is unknown, given twice or too
//! long is refused by name: a filter that is silently dropped would show somebody else's numbers.

use std::collections::BTreeMap;

use axum::extract::Query;
use axum::http::Uri;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter as Described, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use crate::problem::Problem;

/// Bytes of one value: as long as a name in an event may be, and a cursor of such names in hexadecimal digits.
const VALUE_BYTES_MAX: usize = 16_384;

/// A parameter of a resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    /// What it is for, in the OpenAPI document.
    pub(crate) about: &'static str,
    pub(crate) form: Form,
}

/// What a parameter's value looks like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    Text,
    /// RFC 3339.
    Time,
    /// One of these; the first is the default.
    Choice(&'static [&'static str]),
    /// Any of these, with commas between them.
    Choices(&'static [&'static str]),
    /// A whole number from 1 to `max`.
    Count {
        default: u32,
        max: u32,
    },
}

impl Parameter {
    /// The parameter in the OpenAPI document.
    pub(crate) fn described(&self) -> Described {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let schema = match self.form {
            Form::Text => text,
            Form::Time => text.format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))),
            Form::Choice(choices) => {
                let default = choices.first().map(|choice| serde_json::Value::from(*choice));
                text.enum_values(Some(choices.iter().copied())).default(default)
            }
            Form::Choices(choices) => {
                let any = choices.join("|");
                text.pattern(Some(format!("^({any})(,({any}))*$")))
            }
            Form::Count { default, max } => ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(1_u32))
                .maximum(Some(max))
                .default(Some(default.into())),
        };
        ParameterBuilder::new()
            .name(self.name)
            .parameter_in(ParameterIn::Query)
            .required(Required::False)
            .description(Some(self.about))
            .schema(Some(schema))
            .build()
    }
}

/// The parameters a request gives.
#[derive(Debug)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads the query of `uri`, which may have these parameters, each once.
    pub(crate) fn of(uri: &Uri, known: &'static [Parameter]) -> Result<Self, Problem> {
        let names = || known.iter().map(|parameter| parameter.name);
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|_| {
            Problem::parameter("", "the query is not of the form name=value&name=value in UTF-8", names())
        })?;
        let mut given = BTreeMap::new();
        for (name, value) in pairs {
            if !names().any(|known| known == name) {
                let detail = "there is no such parameter; leave it out, or use one of `allowed`";
                return Err(Problem::parameter(name, detail, names()));
            }
            if value.len() > VALUE_BYTES_MAX {
                return Err(Problem::parameter(name, format!("the value is longer than {VALUE_BYTES_MAX} bytes"), []));
            }
            if given.insert(name.clone(), value).is_some() {
                return Err(Problem::parameter(name, "the parameter is given twice; give it once", []));
            }
        }
        Ok(Self(given))
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The parameter's value among `choices`; the first is the default.
    pub(crate) fn choice<T: Copy>(
        &self,
        name: &'static str,
        choices: &[(&'static str, T)],
    ) -> Result<Option<T>, Problem> {
        self.text(name).map(|text| pick(name, text, choices)).transpose()
    }

    /// The parameter's values among `choices`, none twice.
    pub(crate) fn choices<T: Copy + PartialEq>(
        &self,
        name: &'static str,
        choices: &[(&'static str, T)],
    ) -> Result<Vec<T>, Problem> {
        let mut picked = Vec::new();
        for text in self.text(name).into_iter().flat_map(|text| text.split(',')) {
            let choice = pick(name, text, choices)?;
            if picked.contains(&choice) {
                return Err(Problem::parameter(name, format!("{text} stands there twice; name it once"), []));
            }
            picked.push(choice);
        }
        Ok(picked)
    }

    /// The parameter as a whole number from 1 to `max`.
    pub(crate) fn count(&self, name: &'static str, max: u32) -> Result<Option<u32>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let count = text.parse().ok().filter(|count| (1..=max).contains(count));
        count
            .map(Some)
            .ok_or_else(|| Problem::parameter(name, format!("{name} must be a whole number from 1 to {max}"), []))
    }
}

fn pick<T: Copy>(name: &'static str, text: &str, choices: &[(&'static str, T)]) -> Result<T, Problem> {
    let found = choices.iter().find(|(choice, _)| *choice == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let allowed = choices.iter().map(|(choice, _)| *choice);
        Problem::parameter(name, format!("{name} has a value that is none of `allowed`"), allowed)
    })
}
