//! Usage sorted into the places that prices are by: component, dated price, free units and tiers, in the order of time. Quantities and
//! costs only; what they come to is reckoned in `charges`.

use std::collections::BTreeMap;

use aliquot_core::money::Usd;
use aliquot_core::prices::BookId;
use chrono::NaiveDate;

use crate::basis::{Borne, CostUnknown};
use crate::contract::Contract;
use crate::line::Covers;
use crate::open::{Open, Why};
use crate::pricing::{Pricing, Tier};
use crate::refusal::Refusal;
use crate::select::Subject;
use crate::terms::Component;

/// What usage is priced together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PlaceKey<'u> {
    /// The place of the component.
    pub(crate) component: usize,
    /// The place of its dated price.
    pub(crate) price: usize,
    /// Free, or which tier; 0 where there are none.
    pub(crate) part: Part,
    /// What of; `None` of packages, which are filled by everything together.
    pub(crate) subject: Option<&'u Subject>,
}

/// A part of a dated price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Free,
    Tier(usize),
}

/// What lies in one place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filled {
    pub(crate) days: BTreeMap<NaiveDate, (u128, Usd)>,
    pub(crate) covers: Covers,
    last_book: Option<BookId>,
}

/// Everything in its place, and what has none.
#[derive(Debug, Default)]
pub(crate) struct Filling<'u> {
    pub(crate) places: BTreeMap<PlaceKey<'u>, Filled>,
    /// Units so far by component and dated price, without free ones.
    pub(crate) units: BTreeMap<(usize, usize), u128>,
    pub(crate) open: BTreeMap<(Why, &'u Subject), Open>,
    free_used: BTreeMap<usize, u128>,
}

/// Puts rows, which come in the order of time, into their places. `free` says how many units of a component are free.
pub(crate) fn fill<'u>(
    contract: &Contract,
    rows: &'u [Borne],
    free: impl Fn(&Component) -> u128,
) -> Result<Filling<'u>, Refusal> {
    let mut filling = Filling::default();
    let mut components = BTreeMap::<&Subject, Option<(usize, &Component)>>::new();
    for row in rows {
        let subject = &row.key.subject;
        let component = *components.entry(subject).or_insert_with(|| contract.component(subject));
        let found = component.and_then(|(place, component)| {
            component.pricing(row.date).map(|(price, pricing)| (place, component, price, pricing))
        });
        match found {
            None => filling.leave_open(Why::NoComponent, row),
            Some((place, component, price, pricing)) => match (pricing, row.cost) {
                (_, Err(CostUnknown::NotStandalone)) => filling.leave_open(Why::NotStandalone, row),
                (Pricing::CostPlus(_), Err(CostUnknown::Unpriced)) => filling.leave_open(Why::Unpriced, row),
                _ => filling.put(row, (place, price), pricing, free(component))?,
            },
        }
    }
    Ok(filling)
}

impl<'u> Filling<'u> {
    fn leave_open(&mut self, why: Why, row: &'u Borne) {
        let subject = &row.key.subject;
        let new = || Open { why, subject: subject.to_string(), quantity: 0, covers: Covers::default() };
        let open = self.open.entry((why, subject)).or_insert_with(new);
        open.quantity = open.quantity.saturating_add(row.quantity);
        open.covers.slot(row.key.slot);
    }

    fn put(
        &mut self,
        row: &'u Borne,
        (component, price): (usize, usize),
        pricing: &Pricing,
        free: u128,
    ) -> Result<(), Refusal> {
        let free_used = self.free_used.entry(component).or_default();
        let free_units = row.quantity.min(free.saturating_sub(*free_used));
        *free_used = free_used.saturating_add(free_units);
        let units = self.units.entry((component, price)).or_default();
        let mut from = *units;
        let mut left = row.quantity.saturating_sub(free_units);
        *units = from.checked_add(left).ok_or_else(|| Refusal::OutOfRange(row.key.subject.to_string()))?;
        let subject = Some(&row.key.subject).filter(|_| !matches!(pricing, Pricing::Package(_)));
        if free_units > 0 {
            let subject = Some(&row.key.subject);
            self.add(PlaceKey { component, price, part: Part::Free, subject }, row, free_units, Usd::ZERO)?;
        }
        let Pricing::Graduated(tiers) = pricing else {
            // A row that is wholly free has its cost nowhere else either: prices by cost have no free units.
            let is_there = left > 0 || free_units == 0;
            let key = PlaceKey { component, price, part: Part::Tier(0), subject };
            return if is_there { self.add(key, row, left, row.cost.unwrap_or_default()) } else { Ok(()) };
        };
        for (tier, place) in tiers.tiers.iter().zip(0_usize..) {
            let room = tier.up_to.map_or(u128::MAX, |up_to| u128::from(up_to).saturating_sub(from));
            let here = left.min(room);
            if here > 0 {
                self.add(PlaceKey { component, price, part: Part::Tier(place), subject }, row, here, Usd::ZERO)?;
                left = left.saturating_sub(here);
                from = from.saturating_add(here);
            }
        }
        Ok(())
    }

    fn add(&mut self, key: PlaceKey<'u>, row: &Borne, quantity: u128, cost: Usd) -> Result<(), Refusal> {
        let filled = self.places.entry(key).or_default();
        let (units, costs) = filled.days.entry(row.date).or_default();
        *units = units.saturating_add(quantity);
        *costs = costs.checked_add(cost).ok_or_else(|| Refusal::OutOfRange(row.key.subject.to_string()))?;
        filled.covers.slot(row.key.slot);
        // Few books per month, many rows: the text is made once for each.
        if filled.last_book != Some(row.key.book) {
            filled.last_book = Some(row.key.book);
            filled.covers.books.insert(format!("{:016x}", row.key.book.0));
        }
        Ok(())
    }
}

/// The tier that a number of units reaches, and its place.
pub(crate) fn tier_of(tiers: &[Tier], units: u128) -> Option<(usize, &Tier)> {
    let mut places = (0_usize..).zip(tiers);
    places.find(|(_, tier)| tier.up_to.is_none_or(|up_to| units <= u128::from(up_to)))
}
