//! By which rule a cache gives up blocks that does not give up those used longest ago. Names and ranks; keeps nothing.

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// First those that were used only once since they came in; among equals, the one used longest ago.
    Segmented,
    /// The one used least often since it came in; among equals, the one used longest ago.
    Frequency,
    /// Any.
    Random,
}

impl Eviction {
    /// Those whose hits follow from what was used, so that they can be held against what was read.
    pub(super) const ORDERED: [Self; 2] = [Self::Segmented, Self::Frequency];

    /// The rule of that name in an engine's report; `None` = none of those that are simulated.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "slru" => Some(Self::Segmented),
            "lfu" => Some(Self::Frequency),
            "random" => Some(Self::Random),
            _ => None,
        }
    }

    /// The rank of a block that was used so often: the lowest goes first.
    pub(super) const fn rank(self, uses: u32) -> u32 {
        match self {
            Self::Segmented => {
                if uses > 1 {
                    2
                } else {
                    1
                }
            }
            Self::Frequency => uses,
            Self::Random => 0,
        }
    }

    /// As a byte.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Segmented => 0,
            Self::Frequency => 1,
            Self::Random => 2,
        }
    }

    /// The rule of that byte.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        [Self::Segmented, Self::Frequency, Self::Random].into_iter().find(|eviction| eviction.code() == code)
    }
}
