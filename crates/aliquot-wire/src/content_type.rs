//! The encodings a message can claim to be in. Parameters such as `; charset=utf-8` change nothing and are not read.

/// One CloudEvent as JSON.
pub const JSON: &str = "application/cloudevents+json";
/// A JSON array of CloudEvents.
pub const JSON_BATCH: &str = "application/cloudevents-batch+json";
/// An Arrow IPC stream, one row per event.
pub const ARROW: &str = "application/vnd.apache.arrow.stream";

/// Bytes of a content type, parameters and all. Ours have 37; what comes near this is no content type.
pub(crate) const BYTES_MAX: usize = 256;

/// An encoding this version reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Json,
    JsonBatch,
    Arrow,
}

impl Encoding {
    /// The encoding a content type names; none named means JSON.
    pub(crate) fn of(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if essence.is_empty() {
            return Some(Self::Json);
        }
        [(JSON, Self::Json), (JSON_BATCH, Self::JsonBatch), (ARROW, Self::Arrow)]
            .into_iter()
            .find(|(name, _)| essence.eq_ignore_ascii_case(name))
            .map(|(_, encoding)| encoding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_without_case_and_parameters() {
        let of = Encoding::of;
        assert_eq!(of(""), Some(Encoding::Json));
        assert_eq!(of(" ; charset=utf-8"), Some(Encoding::Json));
        assert_eq!(of("application/cloudevents+json; charset=utf-8"), Some(Encoding::Json));
        assert_eq!(of("Application/CloudEvents-Batch+JSON"), Some(Encoding::JsonBatch));
        assert_eq!(of(" application/vnd.apache.arrow.stream "), Some(Encoding::Arrow));
        assert_eq!(of("application/json"), None);
        assert_eq!(of("application/cloudevents+jsonx"), None);
    }
}
