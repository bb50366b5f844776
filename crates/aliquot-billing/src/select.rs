//! Which usage a component of a contract prices: patterns over provider, model, class and feature. Knows no prices.

use std::fmt;

use aliquot_core::usage::Class;
use serde::{Deserialize, Serialize};

/// Patterns; usage is selected if each list is empty or one of its patterns accepts. A pattern is a name in which `*` stands for any run
/// of letters, the empty one included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    /// Over the provider.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provider: Vec<String>,
    /// Over the model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub model: Vec<String>,
    /// Over the class: `cache_*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class: Vec<String>,
    /// Over the feature; usage without one is selected by an empty list or by `*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feature: Vec<String>,
}

/// What usage is about: what a selector asks, and what a line is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The provider.
    pub provider: String,
    /// The model it was priced as.
    pub model: String,
    /// The class of usage.
    pub class: Class,
    /// The customer's feature, if the events name one.
    pub feature: Option<String>,
}

impl Selector {
    /// Whether it selects the subject.
    pub fn selects(&self, subject: &Subject) -> bool {
        let Subject { provider, model, class, feature } = subject;
        let any = |patterns: &[String], name: &str| {
            patterns.is_empty() || patterns.iter().any(|pattern| accepts(pattern, name))
        };
        any(&self.provider, provider)
            && any(&self.model, model)
            && any(&self.class, class.name())
            && any(&self.feature, feature.as_deref().unwrap_or_default())
    }

    /// Every pattern, with the name of its list.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let lists =
            [("provider", &self.provider), ("model", &self.model), ("class", &self.class), ("feature", &self.feature)];
        lists.into_iter().flat_map(|(list, patterns)| patterns.iter().map(move |pattern| (list, pattern.as_str())))
    }
}

impl fmt::Display for Subject {
    /// `anthropic/claude-opus cache_read`, and the feature in brackets.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { provider, model, class, feature } = self;
        write!(out, "{provider}/{model} {}", class.name())?;
        feature.as_ref().map_or(Ok(()), |feature| write!(out, " [{feature}]"))
    }
}

/// Whether `pattern` accepts `name`. Between two stars the first place that fits is as good as any, so one pass suffices.
fn accepts(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(start) else { return false };
    let mut middles: Vec<&str> = rest.split('*').collect();
    let end = middles.pop().unwrap_or_default();
    for middle in middles {
        let Some((_, after)) = left.split_once(middle) else { return false };
        left = after;
    }
    left.ends_with(end)
}

/// Whether a class pattern accepts any class at all.
pub(crate) fn names_a_class(pattern: &str) -> bool {
    Class::ALL.into_iter().any(|class| accepts(pattern, class.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_of_letters() {
        for (pattern, name, expected) in [
            ("claude-*", "claude-opus", true),
            ("claude-*", "claude-", true),
            ("claude-*", "gpt", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("*-opus-*", "claude-opus-5", true),
            ("*-opus-*", "claude-opus", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "acb", false),
            ("*ab*ab", "abab", true),
            ("*ab*ab", "ab", false),
        ] {
            assert_eq!(accepts(pattern, name), expected, "{pattern:?} {name:?}");
        }
    }

    #[test]
    fn every_list_must_accept() {
        let list = |pattern: &str| vec![pattern.to_owned()];
        let subject = |class, feature: Option<&str>| Subject {
            provider: "anthropic".to_owned(),
            model: "claude-opus".to_owned(),
            class,
            feature: feature.map(str::to_owned),
        };
        let selector = Selector { provider: list("anthropic"), class: list("cache_*"), ..Selector::default() };
        assert!(selector.selects(&subject(Class::CacheRead, None)));
        assert!(!selector.selects(&subject(Class::Uncached, None)), "another class");
        assert!(Selector { feature: list("*"), ..Selector::default() }.selects(&subject(Class::Output, None)));
        assert!(!Selector { feature: list("chat"), ..Selector::default() }.selects(&subject(Class::Output, None)));
        assert!(
            Selector { feature: list("chat"), ..Selector::default() }.selects(&subject(Class::Output, Some("chat")))
        );
    }
}
