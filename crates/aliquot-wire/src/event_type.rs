//! The types of events: which are read, and what is said about the others. Reads no field.

/// The version of CloudEvents that is read and written.
pub(crate) const SPEC_VERSION: &str = "1.0";

/// A type that is read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventType {
    Request,
    Node,
    Cache,
}

/// Types that exist, but that this version does not read.
const LATER: [&str; 2] = ["aliquot.outcome.v1", "aliquot.correction.v1"];

impl EventType {
    const ALL: [Self; 3] = [Self::Request, Self::Node, Self::Cache];

    /// As it stands in `type`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Request => "aliquot.request.v1",
            Self::Node => "aliquot.node.v1",
            Self::Cache => "aliquot.cache.v1",
        }
    }

    /// The type of that name.
    ///
    /// # Errors
    /// What is wrong with a name that is not read.
    pub(crate) fn of_name(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|read| read.name() == name).ok_or_else(|| unread(name))
    }
}

#[cold]
fn unread(name: &str) -> String {
    if let Some(known) = LATER.iter().find(|known| **known == name) {
        return format!("{known} is not read by this version");
    }
    let family = |name: &str| name.rsplit_once(".v").map(|(family, _)| family.to_owned());
    let known = EventType::ALL.into_iter().find(|read| family(name).is_some_and(|it| Some(it) == family(read.name())));
    match known {
        Some(known) => format!("another version of {}: upgrade the consumer before the emitter", known.name()),
        None => {
            format!("the type is none of {}, which this version reads", EventType::ALL.map(EventType::name).join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_read_is_told_apart() {
        for read in EventType::ALL {
            assert_eq!(EventType::of_name(read.name()), Ok(read));
        }
        let said = |name: &str| EventType::of_name(name).unwrap_err();
        assert_eq!(said("aliquot.outcome.v1"), "aliquot.outcome.v1 is not read by this version");
        assert!(said("aliquot.node.v2").starts_with("another version of aliquot.node.v1"));
        for other in ["", "aliquot.node", "aliquot.nodes.v1", "com.example.call.v1", "aliquot.node.v1 "] {
            assert!(!said(other).is_empty() && EventType::of_name(other).is_err(), "{other}");
        }
        assert!(said("com.example.call.v1").starts_with("the type is none of aliquot.request.v1, aliquot.node.v1"));
    }
}
