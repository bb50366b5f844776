//! The words of the specification for what invoices have lines for.

use std::collections::BTreeMap;

use aliquot_core::usage::Class;

use crate::line::{Kind, Line};

pub(super) const USAGE: &str = "Usage";
pub(super) const PURCHASE: &str = "Purchase";
pub(super) const TAX: &str = "Tax";
pub(super) const CREDIT: &str = "Credit";
pub(super) const ADJUSTMENT: &str = "Adjustment";
pub(super) const CORRECTION: &str = "Correction";

pub(super) const fn category(kind: Kind) -> &'static str {
    match kind {
        Kind::Usage | Kind::Free | Kind::ThrashSuffered | Kind::ThrashCaused | Kind::Idle | Kind::ReservedIdle => USAGE,
        Kind::TierFee | Kind::Commitment => PURCHASE,
        Kind::Discount | Kind::Credit => CREDIT,
        Kind::Adjustment | Kind::Carried => ADJUSTMENT,
        Kind::Tax => TAX,
    }
}

pub(super) const fn frequency(kind: Kind) -> &'static str {
    match kind {
        Kind::Usage | Kind::Free | Kind::ThrashSuffered | Kind::ThrashCaused | Kind::Idle | Kind::ReservedIdle => {
            "Usage-Based"
        }
        Kind::TierFee | Kind::Commitment => "Recurring",
        Kind::Discount | Kind::Credit | Kind::Adjustment | Kind::Carried | Kind::Tax => "One-Time",
    }
}

/// How costs of several tenants were split, where a line is a share of them.
pub(super) const fn allocation(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::ThrashSuffered | Kind::ThrashCaused => Some("cache-thrash-shapley-shubik"),
        Kind::Idle => Some("idle-time"),
        Kind::ReservedIdle => Some("reserved-idle-time"),
        _ => None,
    }
}

/// What a line says of itself.
pub(super) fn description(line: &Line) -> String {
    let what = match line.kind {
        Kind::Usage => "usage",
        Kind::Free => "free usage",
        Kind::TierFee => "fee of a tier",
        Kind::ThrashSuffered => "cache thrash suffered in",
        Kind::ThrashCaused => "cache thrash caused in",
        Kind::Idle => "idle time of",
        Kind::ReservedIdle => "unused reservation of",
        Kind::Discount => "discount",
        Kind::Commitment => "missing to the",
        Kind::Adjustment => "correction of",
        Kind::Credit => "prepaid credit",
        Kind::Tax => "tax",
        Kind::Carried => "carried in:",
    };
    let about = [&line.about.model, &line.about.class, &line.about.feature];
    let about: String = about.into_iter().flatten().map(|word| format!(" {word}")).collect();
    format!("{what} {}{about}", line.name)
}

/// In what a class is counted.
pub(super) fn unit(class: Option<&str>) -> &'static str {
    match class.and_then(Class::from_name) {
        Some(Class::WebSearches) => "Searches",
        Some(Class::Requests) => "Requests",
        Some(Class::GpuMicros) => "GPU-Microseconds",
        Some(Class::CacheStorage) => "Token-Hours",
        Some(_) => "Tokens",
        None => "Units",
    }
}

/// What the specification wants to know of a token class; under names of our own until version 1.5 is out.
pub(super) fn price_details(class: Option<&str>) -> BTreeMap<String, String> {
    let Some(class) = class.and_then(Class::from_name) else { return BTreeMap::new() };
    let direction = if Class::PROMPT.contains(&class) {
        "Input"
    } else if Class::OUTPUT.contains(&class) {
        "Output"
    } else {
        return BTreeMap::new();
    };
    let action = match class {
        Class::CacheRead | Class::AudioCacheRead | Class::ImageCacheRead => "Read",
        Class::CacheWrite5m | Class::CacheWrite1h | Class::CacheWriteOther => "Write",
        _ => "Uncached",
    };
    let names = [("x_TokenDirection", direction), ("x_TokenCacheAction", action)];
    let names = names.into_iter().filter(|(name, _)| direction == "Input" || *name == "x_TokenDirection");
    names.map(|(name, word)| (name.to_owned(), word.to_owned())).collect()
}
