//! How large a cache behaves, and whether it behaves like one that evicts the least recently used: the distance that separates
//! hits from misses, and how badly it does. Distances are observed elsewhere; what is done with an estimate is decided there too.

mod bins;

use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};

/// From so many observations on, all counts are halved: the estimate follows a cache that changes within some 100,000 uses, and
/// still tells errors of 0.5 % from chance.
const TOTAL_MAX: u64 = 1 << 17;

/// Least observations of either kind for an estimate. With fewer hits, or fewer misses, the threshold with the least errors is
/// the edge of what was seen. Of 400 observations, the two error rates that matter, 0.5 % and 5 %, leave 2 and 20 on the wrong
/// side, which chance does not confuse.
pub const OBSERVATIONS_MIN: u64 = 200;

/// Up to this part of observations on the wrong side of the capacity, in millionths, it is taken as known: engines that evict
/// exactly the least recently used have less than 0.02 %, those that differ in details less than 1 %.
const HARD_PPM: u32 = 5_000;

/// And only if sigma is at most this part of the capacity, in millionths: one that is 2 % wrong moves less money than one that is
/// taken as 2 % uncertain. Where no distances near the capacity were seen, sigma is large without any errors.
const HARD_SIGMA_PPM: u64 = 20_000;

/// Up to this part it is taken as uncertain; above, the cache does not evict by last use: such ones have 15 % and more.
const SOFT_PPM: u32 = 50_000;

/// A reported capacity is believed if it is at most so far from the estimate, in millionths of it, whatever the estimate's sigma:
/// an engine and its report may disagree about reserved blocks.
const REPORTED_OFF_PPM: u64 = 20_000;

/// And it is believed as long as it leaves hardly more observations unexplained than the estimate does: up to twice as many, and
/// so many. An engine that denies some of its hits makes misses at all distances, the largest of which look like a capacity.
const CONTRADICTIONS_MIN: u64 = 20;

const MILLION: u64 = 1_000_000;

/// Counts of re-references by distance, the older ones counting less. The distance of a re-reference is how many distinct blocks
/// all tenants touched since the block's last use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calibration {
    bins: Vec<Bin>,
    hits: u64,
    misses: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bin {
    hits: u32,
    misses: u32,
}

/// The capacity that explains the observations best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// In blocks: re-references from this distance on are misses.
    pub capacity: u64,
    /// Observations that it does not explain, in millionths of all.
    pub error_ppm: u32,
    /// How far from the capacity those lie, in blocks; at least half of the bins in which it may be.
    pub sigma: u64,
}

/// What an estimate may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Below 0.5 % errors, and sigma at most 2 %: the capacity is known.
    Hard,
    /// Up to 5 %: known to within its sigma. Possibly the times of touches are wrong.
    Soft,
    /// More: the cache does not evict what was not used for longest, and shares by distance would be wrong.
    NotLru,
    /// Too few observations.
    Unknown,
}

/// What the observations say of a capacity that an engine reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// Nothing: too few observations, or a cache to which capacities do not apply.
    Unchecked,
    /// It is what was observed, to within 2 % or two sigma.
    Confirmed,
    /// It is not: here is how far it lies above the estimate, or below if negative, in millionths of the estimate.
    Contradicted {
        /// Millionths of the estimate.
        off_ppm: i64,
    },
}

impl Calibration {
    /// Takes in one re-reference at `distance` blocks, which was read from the cache or was not.
    pub fn observe(&mut self, distance: u64, is_hit: bool) {
        let place = bins::place(distance);
        if place >= self.bins.len() {
            self.bins.resize(place.saturating_add(1), Bin::default());
        }
        let Some(bin) = self.bins.get_mut(place) else { return };
        let (count, total) = if is_hit { (&mut bin.hits, &mut self.hits) } else { (&mut bin.misses, &mut self.misses) };
        *count = count.saturating_add(1);
        *total = total.saturating_add(1);
        if self.hits.saturating_add(self.misses) >= TOTAL_MAX {
            self.halve();
        }
    }

    /// The capacity that leaves the fewest observations on its wrong side; `None` below [`OBSERVATIONS_MIN`] hits or misses.
    pub fn estimate(&self) -> Option<Fit> {
        if self.hits < OBSERVATIONS_MIN || self.misses < OBSERVATIONS_MIN {
            return None;
        }
        let (wrong, first, last) = self.least_wrong();
        // A bin with both kinds has the capacity inside, after the part of it that is hits; of equally good bins, the capacity is in
        // the middle.
        let (from, to) = (self.divide(first), self.divide(last));
        let capacity = from.midpoint(to).max(1);
        // It may lie anywhere in these bins.
        let unresolved = bins::lower_edge(last.saturating_add(1)).saturating_sub(bins::lower_edge(first)).div_ceil(2);
        let sigma = self.spread(first, last, capacity).max(unresolved);
        Some(Fit { capacity, error_ppm: ppm(wrong, self.hits.saturating_add(self.misses)), sigma })
    }

    /// The first and the last of the bins in a row that may hold the capacity, and how many observations are misses before or hits
    /// after them.
    fn least_wrong(&self) -> (u64, usize, usize) {
        let mut wrong_before = self.hits;
        let mut best = (u64::MAX, 0_usize, 0_usize);
        let mut is_open = false;
        for (place, bin) in self.bins.iter().enumerate() {
            let wrong = wrong_before.saturating_sub(u64::from(bin.hits));
            wrong_before = wrong.saturating_add(u64::from(bin.misses));
            if wrong < best.0 {
                best = (wrong, place, place);
                is_open = true;
            } else if wrong == best.0 && is_open {
                best.2 = place;
            } else {
                is_open = false;
            }
        }
        best
    }

    /// How many observations a capacity leaves on its wrong side, without those in its own bin.
    fn wrong(&self, capacity: u64) -> u64 {
        let own = bins::place(capacity);
        self.bins.iter().enumerate().fold(0, |sum, (place, bin)| {
            let hits = if place > own { bin.hits } else { 0 };
            let misses = if place < own { bin.misses } else { 0 };
            sum.saturating_add(u64::from(hits)).saturating_add(u64::from(misses))
        })
    }

    /// The distance up to which a bin is hits, if all its hits come before all its misses.
    fn divide(&self, place: usize) -> u64 {
        let bin = self.bins.get(place).copied().unwrap_or_default();
        let both = u64::from(bin.hits).saturating_add(u64::from(bin.misses));
        let part = if both == 0 { 0 } else { mul_div(bins::width(place), u64::from(bin.hits), both) };
        bins::lower_edge(place).saturating_add(part)
    }

    /// What an estimate from these observations may be used for.
    pub fn tier(&self) -> Tier {
        match self.estimate() {
            None => Tier::Unknown,
            Some(fit) => fit.tier(),
        }
    }

    /// Checks a capacity that an engine reported, in blocks.
    pub fn check(&self, reported: u64) -> Report {
        let Some(fit) = self.estimate().filter(|fit| fit.tier() != Tier::NotLru) else { return Report::Unchecked };
        let off = reported.abs_diff(fit.capacity);
        let off_ppm = mul_div(off, MILLION, fit.capacity);
        let (least, _, _) = self.least_wrong();
        let is_worse = self.wrong(reported) > least.saturating_mul(2).saturating_add(CONTRADICTIONS_MIN);
        if off_ppm <= REPORTED_OFF_PPM || off <= fit.sigma.saturating_mul(2) || !is_worse {
            return Report::Confirmed;
        }
        let off_ppm = i64::try_from(off_ppm).unwrap_or(i64::MAX);
        Report::Contradicted { off_ppm: if reported < fit.capacity { off_ppm.saturating_neg() } else { off_ppm } }
    }

    /// The root of the mean squared distance from `capacity` of misses before the bin `first` and hits after the bin `last`.
    fn spread(&self, first: usize, last: usize, capacity: u64) -> u64 {
        let (mut count, mut squares) = (0_u128, 0_u128);
        for (place, bin) in self.bins.iter().enumerate() {
            let misses = if place < first { bin.misses } else { 0 };
            let hits = if place > last { bin.hits } else { 0 };
            let wrong = u128::from(misses).saturating_add(u128::from(hits));
            if wrong > 0 {
                let off = u128::from(bins::middle(place).abs_diff(capacity));
                count = count.saturating_add(wrong);
                squares = squares.saturating_add(wrong.saturating_mul(off.saturating_mul(off)));
            }
        }
        let mean = squares.checked_div(count).unwrap_or_default();
        u64::try_from(mean.isqrt()).unwrap_or(u64::MAX)
    }

    fn halve(&mut self) {
        for bin in &mut self.bins {
            *bin = Bin { hits: bin.hits.wrapping_shr(1), misses: bin.misses.wrapping_shr(1) };
        }
        while self.bins.pop_if(|bin| *bin == Bin::default()).is_some() {}
        self.recount();
    }

    fn recount(&mut self) {
        self.hits = self.bins.iter().map(|bin| u64::from(bin.hits)).fold(0, u64::saturating_add);
        self.misses = self.bins.iter().map(|bin| u64::from(bin.misses)).fold(0, u64::saturating_add);
    }

    /// Writes the state.
    pub fn save(&self, out: &mut Writer) {
        let used = || self.bins.iter().enumerate().filter(|(_, bin)| bin.hits > 0 || bin.misses > 0);
        out.length(used().count());
        for (place, bin) in used() {
            out.u16(u16::try_from(place).unwrap_or(u16::MAX));
            out.u32(bin.hits);
            out.u32(bin.misses);
        }
    }

    /// Reads a state that [`Self::save`] wrote; `None` if the bytes are none.
    pub fn restore(bytes: &mut Reader<'_>) -> Option<Self> {
        let count = bytes.length()?;
        let mut calibration = Self::default();
        for _ in 0..count {
            let place = usize::from(bytes.u16()?);
            // In order, each once, and a bin that exists: else they are not bytes of a state.
            if place < calibration.bins.len() || place >= bins::COUNT {
                return None;
            }
            calibration.bins.resize(place, Bin::default());
            calibration.bins.push(Bin { hits: bytes.u32()?, misses: bytes.u32()? });
        }
        calibration.recount();
        Some(calibration)
    }
}

impl Fit {
    /// What it may be used for.
    pub fn tier(&self) -> Tier {
        let sigma_ppm = mul_div(self.sigma, MILLION, self.capacity);
        match self.error_ppm {
            _ if self.is_explained() && sigma_ppm <= HARD_SIGMA_PPM => Tier::Hard,
            0..=SOFT_PPM => Tier::Soft,
            _ => Tier::NotLru,
        }
    }

    /// Whether hits and misses follow from distances, to within 0.5 %; the capacity may still be anywhere within its sigma.
    pub const fn is_explained(&self) -> bool {
        self.error_ppm < HARD_PPM
    }
}

/// `part` in millionths of `whole`.
fn ppm(part: u64, whole: u64) -> u32 {
    u32::try_from(mul_div(part, MILLION, whole)).unwrap_or(u32::MAX)
}

/// `number * by / over`, rounded down; the greatest number if it is too large.
fn mul_div(number: u64, by: u64, over: u64) -> u64 {
    let product = u128::from(number).saturating_mul(u128::from(by));
    product.checked_div(u128::from(over)).and_then(|part| u64::try_from(part).ok()).unwrap_or(u64::MAX)
}
