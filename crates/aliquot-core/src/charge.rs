//! Rated requests on their way to the stores: plain rows whose strings are symbols of one table per commit.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::hash::BuildHasher;

use hashbrown::HashTable;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use crate::blame::{Attribution, Blame, CausePart};
use crate::event::{Event, Sequence};
use crate::money::{Rate, Usd};
use crate::position::Place;
use crate::prices::BookId;
use crate::rating::{Rated, Unpriced};
use crate::time::{EventTime, Micros};
use crate::usage::{ByClass, Class};

/// A string of the commit's [`Names`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(u32);

impl Symbol {
    /// Its place in [`Names::all`].
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// The distinct strings of one commit, each stored once.
#[derive(Clone, Debug, Default)]
pub struct Names {
    all: Vec<Box<str>>,
    // Only ever asked, never iterated.
    places: HashTable<u32>,
}

impl Names {
    /// The symbol of `name`, which is added if it is new.
    pub fn intern(&mut self, name: &str) -> Symbol {
        let hasher = Xxh3DefaultBuilder::new();
        let hash = hasher.hash_one(name);
        let all = &self.all;
        let text_of = |place: &u32| usize::try_from(*place).ok().and_then(|place| all.get(place)).map(Box::as_ref);
        if let Some(place) = self.places.find(hash, |place| text_of(place) == Some(name)) {
            return Symbol(*place);
        }
        let place = u32::try_from(all.len())
            .expect("a commit has fewer than 2^32 distinct strings: it is cut by size long before");
        self.places.insert_unique(hash, place, |place| hasher.hash_one(text_of(place).unwrap_or_default()));
        self.all.push(name.into());
        Symbol(place)
    }

    /// The symbol of `name`, which is often the one it was before: that costs a comparison instead of a search.
    fn intern_after(&mut self, before: Option<Symbol>, name: &str) -> Symbol {
        before.filter(|symbol| self.text(*symbol) == name).unwrap_or_else(|| self.intern(name))
    }

    fn clear(&mut self) {
        self.all.clear();
        self.places.clear();
    }

    /// The string of `symbol`.
    pub fn text(&self, symbol: Symbol) -> &str {
        usize::try_from(symbol.0).ok().and_then(|place| self.all.get(place)).map_or("", Box::as_ref)
    }

    /// All strings, in the order of their symbols.
    pub fn all(&self) -> impl ExactSizeIterator<Item = &str> {
        self.all.iter().map(Box::as_ref)
    }
}

/// A run of the commit's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Span {
    from: usize,
    to: usize,
}

/// One request: what it was, what it used, what it cost.
#[derive(Clone, Copy, Debug)]
pub struct Charge {
    /// Where its event stands in the log.
    pub place: Place,
    /// When the log took it.
    pub received_at: EventTime,
    id: Span,
    chain: Span,
    causes: Span,
    blames: Span,
    /// The node or proxy.
    pub source: Symbol,
    /// The try, from 0.
    pub attempt: u32,
    /// Billing time.
    pub time: EventTime,
    /// Who is billed; `None` = the node could not say.
    pub tenant: Option<Symbol>,
    /// The node's own count.
    pub sequence: Option<Sequence>,
    /// The cache domain.
    pub domain: Symbol,
    /// The provider.
    pub provider: Symbol,
    /// The model that was asked for.
    pub request_model: Symbol,
    /// The model it was priced as: the one that served it, else the one asked for.
    pub model: Symbol,
    /// `chat`, `completion`, …
    pub operation: Option<Symbol>,
    /// `standard`, `batch`, …
    pub service_tier: Option<Symbol>,
    /// Where it was served.
    pub region: Option<Symbol>,
    /// The customer's feature.
    pub feature: Option<Symbol>,
    /// The tenant's project.
    pub project: Option<Symbol>,
    /// `prod`, `eval`, …
    pub traffic_class: Option<Symbol>,
    /// The conversation or template it continues.
    pub session: Option<Symbol>,
    /// Which of the domain's engines served it.
    pub replica: Option<Symbol>,
    /// HTTP status of the answer.
    pub http_status: Option<u16>,
    uses: Span,
    /// Whether the reporter says anything about cache reads.
    pub cache_reported: bool,
    /// Tokens per block of the prefix chain; 0 = no chain.
    pub block_tokens: u32,
    /// One of this many blocks is listed.
    pub sampled_of: u32,
    /// Time in the node's queue.
    pub queue: Option<Micros>,
    /// Time to the first token.
    pub ttft: Option<Micros>,
    /// Time from start to end.
    pub duration: Option<Micros>,
    /// The version of the price book used.
    pub book: BookId,
    read_rate: Option<Rate>,
    /// Why the request, or a part of it, has no price.
    pub unpriced: Option<Unpriced>,
    /// What it would have cost had its tenant been alone in the domain; `None` = not known.
    pub standalone: Option<Usd>,
}

/// What a request used of one class, and what that costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// The class.
    pub class: Class,
    /// How much.
    pub quantity: u64,
    /// The price it was charged at; `None` = unknown.
    pub rate: Option<Rate>,
    /// The cost; zero if the price is unknown.
    pub cost: Usd,
}

impl Use {
    /// The classes of which there is anything to say. Of the others quantity and cost are zero and there is no rate.
    fn all_of<'a>(parts: &'a ByClass<u64>, rated: &'a Rated) -> impl Iterator<Item = Self> + 'a {
        let all = parts.iter().zip(rated.rates.iter()).zip(rated.costs.iter());
        all.map(|(((class, quantity), (_, rate)), (_, cost))| Self { class, quantity, rate, cost })
            .filter(|Self { quantity, rate, cost, .. }| *quantity > 0 || rate.is_some() || *cost != Usd::ZERO)
    }
}

/// The charges of one commit, in order of arrival, with the strings, prefix blocks, quantities, causes and blame they refer to. A
/// request uses few of the classes: with room for all of them in each row, rows would be three times as large.
#[derive(Clone, Debug, Default)]
pub struct Charges {
    /// The strings.
    pub names: Names,
    text: String,
    blocks: Vec<u64>,
    uses: Vec<Use>,
    causes: Vec<CausePart>,
    blames: Vec<Blame<Symbol>>,
    rows: Vec<Charge>,
}

impl Charges {
    /// Appends the charge of `event`.
    pub fn push(&mut self, place: Place, received_at: EventTime, event: &Event<'_>, rated: Rated) {
        let id = Span { from: self.text.len(), to: self.text.len().saturating_add(event.id.len()) };
        self.text.push_str(&event.id);
        let from = self.blocks.len();
        let (block_tokens, sampled_of) = match &event.prefix {
            Some(chain) => {
                self.blocks.extend_from_slice(&chain.blocks);
                (chain.block_tokens, chain.sampled_of)
            }
            None => (0, 1),
        };
        let first_use = self.uses.len();
        self.uses.extend(Use::all_of(&event.usage.parts, &rated));
        let names = &mut self.names;
        // A node repeats itself: what it sends is mostly about the same model, domain and feature.
        let before = self.rows.last();
        let mut name = |of: fn(&Charge) -> Option<Symbol>, name: &str| names.intern_after(before.and_then(of), name);
        let request_model = name(|row| Some(row.request_model), &event.request_model);
        let row = Charge {
            place,
            received_at,
            id,
            chain: Span { from, to: self.blocks.len() },
            causes: Span::default(),
            blames: Span::default(),
            source: name(|row| Some(row.source), &event.source),
            attempt: event.attempt,
            time: event.time,
            tenant: event.tenant.as_deref().map(|text| name(|row| row.tenant, text)),
            sequence: event.sequence,
            domain: name(|row| Some(row.domain), &event.domain),
            provider: name(|row| Some(row.provider), &event.provider),
            request_model,
            model: event.response_model.as_deref().map_or(request_model, |text| name(|row| Some(row.model), text)),
            operation: event.operation.as_deref().map(|text| name(|row| row.operation, text)),
            service_tier: event.service_tier.as_deref().map(|text| name(|row| row.service_tier, text)),
            region: event.region.as_deref().map(|text| name(|row| row.region, text)),
            feature: event.feature.as_deref().map(|text| name(|row| row.feature, text)),
            project: event.project.as_deref().map(|text| name(|row| row.project, text)),
            traffic_class: event.traffic_class.as_deref().map(|text| name(|row| row.traffic_class, text)),
            session: event.cache.session.as_deref().map(|text| name(|row| row.session, text)),
            replica: event.cache.replica.as_deref().map(|text| name(|row| row.replica, text)),
            http_status: event.http_status,
            uses: Span { from: first_use, to: self.uses.len() },
            cache_reported: event.usage.cache_reported,
            block_tokens,
            sampled_of,
            queue: event.queue,
            ttft: event.ttft,
            duration: event.duration,
            book: rated.book,
            read_rate: rated.read_rate,
            unpriced: rated.unpriced,
            standalone: None,
        };
        self.rows.push(row);
    }

    /// Puts what attribution says beside the last row; does nothing if there is none.
    pub fn attribute_last(&mut self, attribution: &Attribution<'_>) {
        let Some(row) = self.rows.last_mut() else { return };
        let from = self.causes.len();
        self.causes.extend_from_slice(&attribution.parts);
        row.causes = Span { from, to: self.causes.len() };
        let (from, names) = (self.blames.len(), &mut self.names);
        self.blames.extend(attribution.blames.iter().map(|blame| blame.named(|tenant| names.intern(tenant))));
        row.blames = Span { from, to: self.blames.len() };
        row.standalone = attribution.standalone;
    }

    /// Empties it, and keeps its room for the next commit.
    pub fn clear(&mut self) {
        self.names.clear();
        self.text.clear();
        self.blocks.clear();
        self.uses.clear();
        self.causes.clear();
        self.blames.clear();
        self.rows.clear();
    }

    /// The rows, in order of arrival.
    pub fn rows(&self) -> &[Charge] {
        &self.rows
    }

    /// The event id of a row of this commit.
    pub fn id(&self, charge: &Charge) -> &str {
        self.text.get(charge.id.from..charge.id.to).unwrap_or_default()
    }

    /// The prefix blocks of a row of this commit, root first.
    pub fn blocks(&self, charge: &Charge) -> &[u64] {
        self.blocks.get(charge.chain.from..charge.chain.to).unwrap_or_default()
    }

    /// What a row of this commit used, by class.
    pub fn uses(&self, charge: &Charge) -> &[Use] {
        self.uses.get(charge.uses.from..charge.uses.to).unwrap_or_default()
    }

    /// The quantities of a row of this commit.
    pub fn parts(&self, charge: &Charge) -> ByClass<u64> {
        let mut parts = ByClass::all(0);
        self.uses(charge).iter().for_each(|Use { class, quantity, .. }| parts.set(*class, *quantity));
        parts
    }

    /// The money of a row of this commit.
    pub fn rated(&self, charge: &Charge) -> Rated {
        let Charge { book, read_rate, unpriced, .. } = *charge;
        let mut rated = Rated { book, read_rate, unpriced, ..Rated::default() };
        for Use { class, rate, cost, .. } in self.uses(charge) {
            rated.rates.set(*class, *rate);
            rated.costs.set(*class, *cost);
        }
        rated
    }

    /// What a row of this commit costs, over all classes.
    pub fn cost(&self, charge: &Charge) -> Usd {
        self.uses(charge).iter().map(|used| used.cost).sum()
    }

    /// The cost by cause of a row of this commit; empty if nobody asked why.
    pub fn causes(&self, charge: &Charge) -> &[CausePart] {
        self.causes.get(charge.causes.from..charge.causes.to).unwrap_or_default()
    }

    /// The blame of a row of this commit.
    pub fn blames(&self, charge: &Charge) -> &[Blame<Symbol>] {
        self.blames.get(charge.blames.from..charge.blames.to).unwrap_or_default()
    }
}
