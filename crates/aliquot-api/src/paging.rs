//! Pages of a list, by the key of the last row of the page before: a page stays right while rows are added. Reads no rows.
//!
//! A cursor is opaque: hexadecimal digits of a checksum and of JSON. It holds a digest of the
//! question, so that a cursor of one list is refused by another. It is no secret and
//! grants nothing: whoever forges one asks a question that could be asked without it.

use serde::{Deserialize, Serialize};

use crate::params::{Form, Parameter, Params};
use crate::problem::{Kind, Problem};

/// Rows of a page if the client does not say: a screen or two.
const LIMIT_DEFAULT: u32 = 100;
/// Rows of a page at most: some 500 kB of JSON.
const LIMIT_MAX: u32 = 1_000;

pub(crate) const LIMIT: Parameter = Parameter {
    name: "limit",
    about: "Rows of one page",
    form: Form::Count { default: LIMIT_DEFAULT, max: LIMIT_MAX },
};
pub(crate) const CURSOR: Parameter = Parameter {
    name: "cursor",
    about: "`next_cursor` of the page before; the other parameters must stay the same",
    form: Form::Text,
};

/// How many rows the client wants.
pub(crate) fn limit(params: &Params) -> Result<usize, Problem> {
    let limit = params.count(LIMIT.name, LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT);
    Ok(usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Where a page begins: after the row with this key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cursor<K> {
    /// A digest of the question.
    question: u64,
    /// The key of the last row before.
    pub(crate) after: K,
}

impl<K: Serialize + for<'de> Deserialize<'de>> Cursor<K> {
    pub(crate) fn new(question: &str, after: K) -> Self {
        Self { question: fnv1a(question.as_bytes()), after }
    }

    /// The cursor of the request, if it has one.
    pub(crate) fn of(params: &Params) -> Result<Option<Self>, Problem> {
        let Some(text) = params.text(CURSOR.name) else { return Ok(None) };
        Self::decode(text).map(Some).ok_or_else(invalid)
    }

    /// Refuses a cursor of another question.
    pub(crate) fn check(&self, question: &str) -> Result<(), Problem> {
        if self.question == fnv1a(question.as_bytes()) {
            return Ok(());
        }
        let detail =
            "the cursor belongs to a list with other parameters; keep them, or leave the cursor out to begin anew";
        Err(Problem::new(Kind::InvalidCursor, detail))
    }

    pub(crate) fn encode(&self) -> String {
        let json = serde_json::to_vec(self).expect("a cursor written to memory meets no error");
        let checked = fnv1a(&json).to_be_bytes().into_iter().chain(json);
        checked.map(|byte| format!("{byte:02x}")).collect()
    }

    fn decode(text: &str) -> Option<Self> {
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let pair = |pair: &[u8]| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        };
        let bytes: Vec<u8> = text.as_bytes().chunks(2).map(pair).collect::<Option<_>>()?;
        let (checksum, json) = bytes.split_first_chunk::<8>()?;
        if u64::from_be_bytes(*checksum) != fnv1a(json) {
            return None;
        }
        serde_json::from_slice(json).ok()
    }
}

/// The refusal of a cursor this API has not given out.
pub(crate) fn invalid() -> Problem {
    let detail = "the cursor is not one of ours; use `next_cursor` as it was given, or leave it out to begin anew";
    Problem::new(Kind::InvalidCursor, detail)
}

/// FNV-1a in 64 bits: small, and the same in every version, so that a cursor outlives an upgrade.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
