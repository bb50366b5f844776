//! Shared limits, rebuilt from the headers on events, and whose doing a refusal was (attribution 3.2). Decides no money; which
//! requests to send, and when, is nobody's business here.
//!
//! A refusal is split into millionths. Its own tenant bears it all if a bucket of its own, of the same size, would have refused it
//! too (`alone`); else the neighbours bear it by their Shapley values over the buckets that every coalition of callers would have
//! had (`worlds`), and where those do not explain the refusal, by what they attempted over the last four times that the bucket
//! takes to fill (`window`). Attempts at one logical request count once. Tokens that a neighbour's evictions caused count as the
//! neighbour's, in one step and no further.
//!
//! | what refused | whose doing |
//! |---|---|
//! | requests, tokens of one kind or all | as above |
//! | concurrency, spend, or nothing that a header names | unexplained: the bucket does not fill by time |

mod alone;
mod bucket;
mod window;
mod worlds;

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::event::{Limit, Usage};
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::Class;
use xxhash_rust::xxh3::xxh3_64;

use crate::apportion::{MILLIONTHS, apportion, weights};
use bucket::{Bucket, Doing, Request};
pub use window::Consumption;

/// Buckets of one provider that are followed at a time; the one not heard of for longest is forgotten first. A provider gives four
/// to six per key and model.
const BUCKETS_MAX: usize = 64;

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counts {
    /// Calls.
    Requests,
    /// Prompt tokens, with or without those read from the cache: see [`Limits::new`].
    InputTokens,
    /// Output tokens.
    OutputTokens,
    /// Both.
    Tokens,
    /// Requests at the same time.
    Concurrency,
    /// Money.
    Spend,
}

impl Counts {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Requests, Self::InputTokens, Self::OutputTokens, Self::Tokens, Self::Concurrency, Self::Spend];

    /// The spelling of `Limit.counts`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::Tokens => "tokens",
            Self::Concurrency => "concurrency",
            Self::Spend => "spend",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|counts| counts.name() == name)
    }

    /// Whether the bucket fills by time, so that who emptied it can be told.
    pub const fn fills(self) -> bool {
        !matches!(self, Self::Concurrency | Self::Spend)
    }
}

/// One attempt at one request, accepted or refused.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// Whose: a number of the caller's.
    pub tenant: u32,
    /// The logical request: the same for all of its attempts.
    pub id: &'a str,
    /// When it was made.
    pub at: EventTime,
    /// What it used; of a refused one all 0, if the reporter does not know what it would have used.
    pub usage: &'a Usage,
    /// Input tokens that it used because neighbours had evicted them (section 1.4), by neighbour.
    pub caused: &'a [(u32, u64)],
    /// What the headers said.
    pub limits: &'a [Limit<'a>],
    /// Whether it was refused with 429.
    pub refused: bool,
}

/// Whose doing a refusal was. `own`, `neighbours` and `unexplained` sum to 1,000,000.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The bucket that refused and what it counts; `None` if no header says.
    pub binding: Option<(String, Counts)>,
    /// In millionths.
    pub own: u64,
    /// In millionths by neighbour, in the order of their numbers; none is 0.
    pub neighbours: Vec<(u32, u64)>,
    /// In millionths: nobody's that is known.
    pub unexplained: u64,
    /// Who attempted how much of it over the last four fillings, the most first.
    pub consumers: Vec<(u32, u64)>,
    /// Whether the refused tenant attempted no more than an equal share of all that was attempted.
    pub within_fair_share: bool,
}

/// A bucket as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketView {
    /// Which.
    pub bucket: String,
    /// In what it counts.
    pub counts: Counts,
    /// The most it holds, if a header said so.
    pub limit: Option<u64>,
    /// What was left when it was last heard of.
    pub remaining: Option<u64>,
    /// From empty to full, in microseconds.
    pub fills_in: Micros,
    /// Who attempted how much, by number.
    pub consumers: Vec<(u32, Consumption)>,
}

/// When a bucket will be empty if all go on as they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// From the time of the question.
    pub empty_in: Micros,
    /// Whose rate rose most, if one's did.
    pub climbing: Option<u32>,
}

/// All buckets of one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    reads_exempt: bool,
    buckets: BTreeMap<(String, Counts), Bucket>,
}

impl Limits {
    /// No buckets yet. `reads_exempt`: the provider does not count prompt tokens read from the cache (Anthropic on most models,
    /// Bedrock, Groq).
    pub const fn new(reads_exempt: bool) -> Self {
        Self { reads_exempt, buckets: BTreeMap::new() }
    }

    /// Takes an attempt with its headers, and says whose doing it was if it was refused.
    pub fn observe(&mut self, attempt: &Attempt<'_>) -> Option<Refusal> {
        let binding = attempt.refused.then(|| binding(attempt.limits)).flatten();
        let (mut refusal, id) = (None, xxh3_64(attempt.id.as_bytes()));
        for limit in attempt.limits {
            let Some(counts) = Counts::from_name(&limit.counts) else {
                continue;
            };
            let amount = self.amount(counts, attempt);
            let bucket = self.bucket(&limit.bucket, counts);
            bucket.hear(limit, attempt.at);
            if !counts.fills() {
                continue;
            }
            let request = Request { at: attempt.at, tenant: attempt.tenant, id, is_refused: attempt.refused };
            if let Some(doing) = bucket.take(&request, amount)
                && binding.is_some_and(|binding| core::ptr::eq(binding, limit))
            {
                refusal = Some(split(bucket, attempt.tenant, &doing));
            }
        }
        let named = binding.and_then(|limit| Some((limit.bucket.to_string(), Counts::from_name(&limit.counts)?)));
        let unexplained = || Refusal { unexplained: MILLIONTHS, ..Refusal::default() };
        attempt.refused.then(|| Refusal { binding: named, ..refusal.unwrap_or_else(unexplained) })
    }

    fn bucket(&mut self, name: &str, counts: Counts) -> &mut Bucket {
        let key = (name.to_string(), counts);
        if self.buckets.len() >= BUCKETS_MAX && !self.buckets.contains_key(&key) {
            let silent = self.buckets.iter().min_by_key(|(_, bucket)| bucket.heard()).map(|(key, _)| key.clone());
            silent.and_then(|key| self.buckets.remove(&key));
        }
        self.buckets.entry(key).or_default()
    }

    fn amount<'a>(&self, counts: Counts, attempt: &Attempt<'a>) -> Amount<'a> {
        let parts = &attempt.usage.parts;
        let sum = |classes: &[Class]| parts.sum_of(classes).unwrap_or(u64::MAX);
        let reads =
            if self.reads_exempt { sum(&[Class::CacheRead, Class::AudioCacheRead, Class::ImageCacheRead]) } else { 0 };
        let input = sum(&Class::PROMPT).saturating_sub(reads);
        let output = sum(&Class::OUTPUT);
        match counts {
            Counts::InputTokens => Amount { all: input, caused: attempt.caused },
            Counts::Tokens => Amount { all: input.saturating_add(output), caused: attempt.caused },
            Counts::OutputTokens => Amount { all: output, caused: &[] },
            Counts::Requests | Counts::Concurrency | Counts::Spend => Amount { all: 1, caused: &[] },
        }
    }

    /// Every bucket as it stands, by name and kind.
    pub fn buckets(&self) -> impl Iterator<Item = BucketView> {
        self.buckets.iter().map(|((name, counts), bucket)| bucket.view(name, *counts))
    }

    /// When the bucket will be empty if all go on as in its last filling; `None` if it will not, or nothing is known of it.
    pub fn forecast(&self, bucket: &str, counts: Counts, now: EventTime) -> Option<Forecast> {
        self.buckets.get(&(bucket.to_string(), counts))?.forecast(now)
    }

    /// Writes the state.
    pub fn save(&self, out: &mut Writer) {
        out.u8(u8::from(self.reads_exempt));
        out.length(self.buckets.len());
        for ((name, counts), bucket) in &self.buckets {
            out.text(name);
            out.text(counts.name());
            bucket.save(out);
        }
    }

    /// Reads what [`Self::save`] wrote; `None` if it is anything else.
    pub fn restore(from: &mut Reader<'_>) -> Option<Self> {
        let reads_exempt = match from.u8()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let length = from.length().filter(|length| *length <= BUCKETS_MAX)?;
        let mut buckets = BTreeMap::new();
        for _ in 0..length {
            let key = (from.text()?.to_string(), Counts::from_name(from.text()?)?);
            buckets.insert(key, Bucket::restore(from)?);
        }
        (buckets.len() == length).then_some(Self { reads_exempt, buckets })
    }
}

/// What an attempt takes from a bucket, and what of it is others' doing.
#[derive(Clone, Copy, Debug)]
struct Amount<'a> {
    all: u64,
    caused: &'a [(u32, u64)],
}

/// The limit that refused: the one that says so, else the one that is empty.
fn binding<'l, 'a>(limits: &'l [Limit<'a>]) -> Option<&'l Limit<'a>> {
    let empty = || limits.iter().find(|limit| limit.remaining == Some(0));
    limits.iter().find(|limit| limit.refused).or_else(empty)
}

fn split(bucket: &Bucket, victim: u32, doing: &Doing) -> Refusal {
    let attempted = bucket.attempted();
    let mut consumers: Vec<(u32, u64)> =
        attempted.iter().filter_map(|(tenant, sum)| Some(((*tenant)?, *sum))).collect();
    consumers.sort_by_key(|(tenant, sum)| (core::cmp::Reverse(*sum), *tenant));
    let whole: u128 = attempted.iter().map(|(_, sum)| u128::from(*sum)).sum();
    let own = consumers.iter().find(|(tenant, _)| *tenant == victim).map_or(0, |(_, sum)| u128::from(*sum));
    let within_fair_share = own.saturating_mul(u128::try_from(consumers.len()).unwrap_or(u128::MAX)) <= whole;
    let mut refusal = Refusal { consumers, within_fair_share, ..Refusal::default() };
    let shares = match doing {
        Doing::Own => {
            refusal.own = MILLIONTHS;
            return refusal;
        }
        Doing::Neighbours(shares) => shares.as_slice(),
        Doing::Unknown => &[],
    };
    let amounts: Vec<u128> = shares.iter().map(|(_, amount)| *amount).collect();
    let Some(parts) = apportion(MILLIONTHS, &weights(&amounts)) else {
        refusal.unexplained = MILLIONTHS;
        return refusal;
    };
    for ((tenant, _), part) in shares.iter().zip(parts).filter(|(_, part)| *part > 0) {
        match tenant {
            Some(tenant) => refusal.neighbours.push((*tenant, part)),
            None => refusal.unexplained = refusal.unexplained.saturating_add(part),
        }
    }
    refusal
}
