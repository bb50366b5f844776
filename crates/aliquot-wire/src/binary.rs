//! CloudEvents in binary mode over HTTP: attributes in `ce-` headers, `data` in the body. Turns them into the one structured
//! event that goes into the log; whether its content is well is for [`crate::decode`] to say.

use std::collections::BTreeMap;

use aliquot_core::reject::Reason;
use serde_json::value::RawValue;

use crate::refusal::{Problem, Refusal};

/// The prefix of a header that is an attribute.
const PREFIX: &str = "ce-";

/// The structured JSON form of a binary-mode event; the body is `data` as it stands. Headers without the prefix are not
/// read, but `content-type` becomes `datacontenttype`.
///
/// # Errors
/// A [`Refusal`] about the body when it is not one JSON value, or when a header is no attribute of CloudEvents or comes twice.
pub fn structured<'a, 'h>(
    headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
    body: &'a [u8],
) -> Result<Vec<u8>, Refusal<'a>> {
    let attributes = attributes(headers).map_err(|problem| problem.about(body))?;
    let data: &RawValue = serde_json::from_slice(body)
        .map_err(|_| Problem::new(Reason::Malformed, "the body is not one JSON value").about(body))?;
    let mut out = Vec::with_capacity(body.len().saturating_add(512));
    out.push(b'{');
    for (name, text) in &attributes {
        serde_json::to_writer(&mut out, name).expect("a string written to memory meets no error");
        out.push(b':');
        serde_json::to_writer(&mut out, text).expect("a string written to memory meets no error");
        out.push(b',');
    }
    out.extend_from_slice(b"\"data\":");
    out.extend_from_slice(data.get().as_bytes());
    out.push(b'}');
    Ok(out)
}

fn attributes<'h>(headers: impl IntoIterator<Item = (&'h str, &'h [u8])>) -> Result<BTreeMap<String, String>, Problem> {
    let mut attributes = BTreeMap::new();
    for (header, bytes) in headers {
        let header = header.to_ascii_lowercase();
        let name = match header.strip_prefix(PREFIX) {
            Some(name) => name,
            None if header == "content-type" => "datacontenttype",
            None => continue,
        };
        let is_name = !name.is_empty() && name != "data" && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let text = percent_decoded(bytes).filter(|_| is_name);
        let Some(text) = text else {
            return Err(Problem::new(Reason::Malformed, "a ce- header is not a CloudEvents attribute in UTF-8"));
        };
        if attributes.insert(name.to_owned(), text).is_some() {
            return Err(Problem::new(Reason::Malformed, format!("{name} is given twice")));
        }
    }
    Ok(attributes)
}

/// The header's text: bytes beyond ASCII, quotes and percent signs travel as `%` and two digits.
fn percent_decoded(bytes: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if let (b'%', [high, low, after @ ..]) = (byte, rest)
            && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
        {
            out.push(high << 4 | low);
            rest = after;
        } else {
            out.push(*byte);
        }
    }
    String::from_utf8(out).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{JSON, Limits, decode};

    const HEADERS: [(&str, &[u8]); 9] = [
        ("CE-SpecVersion", b"1.0"),
        ("ce-type", b"aliquot.request.v1"),
        ("ce-id", b"r%201"),
        ("ce-source", b"node-\xc3\xa9"),
        ("ce-time", b"2026-01-31T12:00:00Z"),
        ("ce-nodeepoch", b"1"),
        ("ce-nodeseq", b"18446744073709551615"),
        ("content-type", b"application/json"),
        ("user-agent", b"\xff"),
    ];
    const BODY: &[u8] = br#" {"provider":"openai","request_model":"m","usage":{"output":7}} "#;

    #[test]
    fn a_binary_event_is_the_structured_one() {
        let message = structured(HEADERS, BODY).unwrap();
        let mut seen = 0;
        decode(JSON, &message, &Limits::default(), &mut |_, event| {
            let event = event.unwrap().request().unwrap();
            assert_eq!((event.id.as_ref(), event.source.as_ref()), ("r 1", "node-é"));
            assert_eq!(event.sequence.map(|sequence| sequence.seq), Some(u64::MAX));
            seen += 1;
        });
        assert_eq!(seen, 1);
    }

    #[test]
    fn the_body_cannot_break_out() {
        for body in [&b"1},{"[..], b"", b"{}{}", b"\xff", br#"{},"type":"x""#] {
            let refusal = structured(HEADERS, body).unwrap_err();
            assert_eq!((refusal.reason, refusal.raw), (Reason::Malformed, body));
        }
        for headers in
            [[("ce-data", &b"1"[..]), ("x", b"")], [("ce-id", b"1"), ("CE-ID", b"2")], [("ce-", b""), ("x", b"")]]
        {
            assert_eq!(structured(headers, BODY).unwrap_err().reason, Reason::Malformed);
        }
        assert!(structured([("ce-a\"b", &b"1"[..])], BODY).is_err());
        assert!(structured([("ce-subject", &b"%ff"[..])], BODY).is_err());
    }
}
