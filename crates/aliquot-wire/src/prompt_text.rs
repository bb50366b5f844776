//! Looks at fields nobody asked for: is that prompt text? Names and shapes decide; what was in the field is never repeated.
//!
//! | an unknown field | answer |
//! |---|---|
//! | a number, true, false, null | ignored, whatever its name: a count is no text |
//! | a string of more than [`TEXT_BYTES_MAX`] bytes | refused |
//! | a string, list or object whose name is one for text | refused |
//! | a list with objects in it | refused: chats come like that |
//! | any other list or object | ignored if everything in it is |
//! | anything else | ignored: a newer emitter may say more than this version reads |

use std::fmt;

use aliquot_core::reject::Reason;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use crate::field::{Name, Reading};

/// The longest unknown string that is taken for a label.
pub(crate) const TEXT_BYTES_MAX: usize = 256;

/// Names of text as the last word of a name: `user_prompt`, `gen_ai.completion`, `inputMessages`.
const LAST_WORDS: [&str; 22] = [
    "prompt",
    "prompts",
    "message",
    "messages",
    "text",
    "texts",
    "content",
    "contents",
    "completion",
    "completions",
    "instruction",
    "instructions",
    "document",
    "documents",
    "conversation",
    "transcript",
    "question",
    "answer",
    "query",
    "queries",
    "utterance",
    "thinking",
];

/// Names of text only when they are the whole name: elsewhere they are a part of harmless ones (`gen_ai.system`).
const WHOLE_NAMES: [&str; 14] = [
    "system",
    "input",
    "inputs",
    "output",
    "outputs",
    "response",
    "request",
    "body",
    "choices",
    "arguments",
    "history",
    "context",
    "reasoning",
    "tokens",
];

/// Prompts as numbers of a vocabulary are prompts.
const ENDINGS: [&str; 3] = ["tokenids", "inputids", "promptbody"];

/// Whether a field of that name would hold text.
pub(crate) fn is_text_name(name: &str) -> bool {
    let squeezed: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let last = last_word(name).to_ascii_lowercase();
    WHOLE_NAMES.contains(&squeezed.as_str())
        || LAST_WORDS.contains(&squeezed.as_str())
        || LAST_WORDS.contains(&last.as_str())
        || ENDINGS.iter().any(|ending| squeezed.ends_with(ending))
}

/// The last word of `snake_case`, `kebab-case`, `dotted.names` and `camelCase`.
fn last_word(name: &str) -> &str {
    let name = name.trim_end_matches(|c: char| !c.is_ascii_alphabetic());
    let word = name.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    match word.rfind(|c: char| c.is_ascii_uppercase()) {
        Some(start) if word.chars().any(|c| c.is_ascii_lowercase()) => word.get(start..).unwrap_or(word),
        _ => word,
    }
}

/// Reads the value of an unknown field and refuses it if it looks like text.
#[derive(Debug)]
pub(crate) struct Suspect<'s, 'c> {
    pub(crate) reading: &'s mut Reading<'c>,
    pub(crate) name: &'s str,
    /// Whether the value stands directly in a list.
    pub(crate) in_list: bool,
}

impl<'s, 'c> Suspect<'s, 'c> {
    pub(crate) fn new(reading: &'s mut Reading<'c>, name: &'s str) -> Self {
        Self { reading, name, in_list: false }
    }

    fn refuse<E: Error>(self, what: &str) -> E {
        let detail = detail(self.name, what);
        self.reading.refuse(Reason::PromptText, detail)
    }
}

/// The detail of a refusal: the field's name, cut where the name itself could be the text.
pub(crate) fn detail(name: &str, what: &str) -> String {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    format!("field {shown} {what}: strip it at the source")
}

impl<'de> DeserializeSeed<'de> for Suspect<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Suspect<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("any value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(self.refuse("is too long for a label"));
        }
        if is_text_name(self.name) {
            return Err(self.refuse("has a name for text"));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if is_text_name(self.name) {
            return Err(self.refuse("has a name for text"));
        }
        let Self { reading, name, .. } = self;
        while list.next_element_seed(Suspect { reading, name, in_list: true })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if is_text_name(self.name) {
            return Err(self.refuse("has a name for text"));
        }
        if self.in_list {
            return Err(self.refuse("is a list of objects"));
        }
        while let Some(name) = map.next_key_seed(Name)? {
            map.next_value_seed(Suspect::new(self.reading, &name))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn names() {
        for text in ["prompt", "messages", "input", "Text", "content", "system", "query", "document", "instructions"] {
            assert!(is_text_name(text), "{text}");
        }
        for text in ["user_prompt", "gen_ai.completion", "inputMessages", "prompt-text", "prompt_token_ids", "text2"] {
            assert!(is_text_name(text), "{text}");
        }
        for label in
            ["gen_ai.system", "prompt_version", "message_id", "team", "context_window", "", "__", "content_type"]
        {
            assert!(!is_text_name(label), "{label}");
        }
    }

    fn verdict(name: &str, json: &str) -> Option<String> {
        let limits = Limits::default();
        let mut reading = Reading::new(&limits);
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let result = Suspect::new(&mut reading, name).deserialize(&mut deserializer);
        assert_eq!(result.is_err(), reading.problem.is_some());
        reading.problem.map(|problem| problem.detail)
    }

    #[test]
    fn shapes() {
        let long = format!("\"{}\"", "x".repeat(TEXT_BYTES_MAX + 1));
        for (name, json) in [
            ("note", long.as_str()),
            ("prompt", r#""""#),
            ("extra", r#"{"a":{"b":{"messages":[]}}}"#),
            ("turns", r#"[{"role":"user"}]"#),
            ("turns", r#"[[{"role":"user"}]]"#),
            ("prompt_token_ids", "[1,2,3]"),
            ("labels", &format!("[{long}]")),
        ] {
            let detail = verdict(name, json).unwrap_or_else(|| panic!("{name}: {json}"));
            assert!(!detail.contains("xxx") && !detail.contains("user"), "{detail} repeats the content");
        }
        for (name, json) in [
            ("input", "17"),
            ("prompt", "null"),
            ("team", r#""blue""#),
            ("labels", r#"["a","b",["c"]]"#),
            ("extra", r#"{"a":{"b":[1,true]}}"#),
        ] {
            assert_eq!(verdict(name, json), None, "{name}: {json}");
        }
    }
}
