//! Why a prompt token cost what it cost: the words of attribution that events' rows, stores and answers share. Decides nothing.

/// Why a block of a prompt was, or was not, read from the cache. The order is that of the rules: the first that holds is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// It was read from the cache. Also carries everything a request costs that no miss added: reads, output, fees.
    Hit,
    /// The provider does not cache so short a prompt, or nothing behind the last breakpoint.
    BelowMinimum,
    /// The engine computes it in any case: the last block of a full hit, a partial block.
    Structural,
    /// The request asked for no cache.
    Bypass,
    /// It never existed before: the conversation went on.
    NewContent,
    /// The tenant's own prefix changed before it.
    PrefixChanged,
    /// Never seen in this domain, for none of the reasons above.
    ColdFirst,
    /// The cache was emptied since its last use.
    Reset,
    /// Another request was computing it at the same time.
    InFlightRace,
    /// The same request had computed it already, and was preempted.
    Preempted,
    /// It was not used for longer than the cache keeps it.
    TtlExpired,
    /// Another replica of the domain had it.
    RoutedElsewhere,
    /// The tenant's own traffic would have pushed it out without any neighbour.
    EvictedSelf,
    /// It would have been there without the neighbours.
    EvictedNeighbour,
    /// The model says that it must have been there.
    ModelConflict,
    /// Nothing is known about it.
    NoEvidence,
}

impl Cause {
    /// How many causes there are.
    pub const COUNT: usize = 16;

    /// Every cause, in the order of the rules.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Hit,
        Self::BelowMinimum,
        Self::Structural,
        Self::Bypass,
        Self::NewContent,
        Self::PrefixChanged,
        Self::ColdFirst,
        Self::Reset,
        Self::InFlightRace,
        Self::Preempted,
        Self::TtlExpired,
        Self::RoutedElsewhere,
        Self::EvictedSelf,
        Self::EvictedNeighbour,
        Self::ModelConflict,
        Self::NoEvidence,
    ];

    /// The one spelling used in columns, SQL and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::BelowMinimum => "below_minimum",
            Self::Structural => "structural",
            Self::Bypass => "bypass",
            Self::NewContent => "new_content",
            Self::PrefixChanged => "prefix_changed",
            Self::ColdFirst => "cold_first",
            Self::Reset => "reset",
            Self::InFlightRace => "in_flight_race",
            Self::Preempted => "preempted",
            Self::TtlExpired => "ttl_expired",
            Self::RoutedElsewhere => "routed_elsewhere",
            Self::EvictedSelf => "evicted_self",
            Self::EvictedNeighbour => "evicted_neighbour",
            Self::ModelConflict => "model_conflict",
            Self::NoEvidence => "no_evidence",
        }
    }

    /// The cause of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.name() == name)
    }
}

/// How sure a statement about a cause or a culprit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Evidence {
    /// It follows from the event or from the engine's own report.
    Exact,
    /// By the model of the cache, whose capacity is known.
    Modelled,
    /// By the model of the cache, whose capacity is estimated from hits and misses.
    Inferred,
    /// Not enough is known to say.
    Unattributable,
}

impl Evidence {
    /// Every kind, the surest first.
    pub const ALL: [Self; 4] = [Self::Exact, Self::Modelled, Self::Inferred, Self::Unattributable];

    /// The one spelling used in columns, SQL and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Modelled => "modelled",
            Self::Inferred => "inferred",
            Self::Unattributable => "unattributable",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|evidence| evidence.name() == name)
    }
}

/// Which question a share of blame answers. Part of a contract, and named in every report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Game {
    /// `g1`: compared with having the cache to oneself.
    NeighboursAbsent,
    /// `e`: compared with neighbours that keep to their entitlement.
    Entitlements,
}

impl Game {
    /// Every game.
    pub const ALL: [Self; 2] = [Self::NeighboursAbsent, Self::Entitlements];

    /// The one spelling used in columns, SQL and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NeighboursAbsent => "g1",
            Self::Entitlements => "e",
        }
    }

    /// The game of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|game| game.name() == name)
    }
}

/// What was done to a victim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Harm {
    /// Blocks had to be computed, or paid for, again: quantity in tokens, with money.
    Miss,
    /// The request waited: quantity in microseconds, without money.
    Wait,
    /// The request was refused for want of a shared limit: quantity 1 per request, in millionths, without money.
    Refusal,
}

impl Harm {
    /// Every harm.
    pub const ALL: [Self; 3] = [Self::Miss, Self::Wait, Self::Refusal];

    /// The one spelling used in columns, SQL and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Miss => "miss",
            Self::Wait => "wait",
            Self::Refusal => "refusal",
        }
    }

    /// The harm of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|harm| harm.name() == name)
    }
}
