//! The charges of a period: usage by component, price, tier and subject, harm, idle time. Exact; discounts, minimum, credits and
//! taxes come later.

use std::collections::BTreeMap;

use aliquot_core::capacity::LineKind;
use aliquot_core::money::Usd;
use chrono::NaiveDate;
use num_bigint::BigInt;

use crate::basis::{Basis, Transfer};
use crate::contract::Contract;
use crate::exact::Exact;
use crate::exchange::Exchanger;
use crate::fill::{Filled, Filling, Part, PlaceKey, fill, tier_of};
use crate::line::{About, Covers, DayPart, Kind, Line, Price};
use crate::open::Open;
use crate::pricing::{Markup, Package, Pricing, Tiers, UnitPrice};
use crate::refusal::Refusal;
use crate::slot::Slot;
use crate::terms::Component;
use crate::usage::{IdleRow, Side};

/// The charges, and what could not be priced.
pub(crate) struct Charges {
    pub(crate) lines: Vec<Line>,
    pub(crate) open: Vec<Open>,
}

/// Reckons all charges of a period, in the order of their kinds and rows.
pub(crate) fn charges(basis: &Basis, exchanger: &Exchanger<'_>) -> Result<Charges, Refusal> {
    let contract = exchanger.contract;
    let (part, whole) = exchanger.period.share(contract.terms().proration);
    let free = |component: &Component| {
        let product = u128::from(component.free_units).saturating_mul(part.into());
        product.checked_div(whole.into()).unwrap_or_default()
    };
    let Filling { places, units, open, .. } = fill(contract, &basis.rows, free)?;
    let mut lines = Vec::new();
    for (key, filled) in places {
        let place = Place::of(contract, key, &units)?;
        lines.push(place.line(filled, exchanger)?);
    }
    lines.extend(fees(contract, &units));
    let suffered = |transfer: &&Transfer| transfer.row.key.side == Side::Suffered;
    lines.extend(thrash(Kind::ThrashSuffered, basis.transfers.iter().filter(suffered), exchanger)?);
    lines.extend(thrash(Kind::ThrashCaused, basis.transfers.iter().filter(|row| !suffered(row)), exchanger)?);
    lines.extend(idle(&basis.idle, exchanger)?);
    lines.sort_by_key(|line| line.kind);
    Ok(Charges { lines, open: open.into_values().collect() })
}

/// A place of usage with its price.
struct Place<'c> {
    component: &'c Component,
    pricing: &'c Pricing,
    key: PlaceKey<'c>,
    /// All units of the component at this dated price.
    units: u128,
}

impl<'c> Place<'c> {
    fn of(contract: &'c Contract, key: PlaceKey<'c>, units: &BTreeMap<(usize, usize), u128>) -> Result<Self, Refusal> {
        let lost = || Refusal::OutOfRange(format!("component {}", key.component));
        let component = contract.terms().components.get(key.component).ok_or_else(lost)?;
        let pricing = component.prices.get(key.price).map(|price| &price.pricing).ok_or_else(lost)?;
        let units = units.get(&(key.component, key.price)).copied().unwrap_or_default();
        Ok(Self { component, pricing, key, units })
    }

    fn line(&self, filled: Filled, exchanger: &Exchanger<'_>) -> Result<Line, Refusal> {
        let name = self.component.name.clone();
        let about = self.key.subject.map(About::from).unwrap_or_default();
        let price = self.price();
        let Filled { days, covers, .. } = filled;
        let quantity: u128 = days.values().map(|(units, _)| *units).fold(0, u128::saturating_add);
        let days = days.into_iter().map(|(date, (units, cost))| match &price {
            Price::Cost(factor) => cost_day(date, units, cost, factor, exchanger),
            Price::Unit(price) => Ok(unit_day(date, units, price.times(&whole(units)))),
            Price::Package { price, size } => {
                let packages = price.times(&whole(quantity.div_ceil((*size).max(1).into())));
                let share = Exact::ratio(units, quantity).unwrap_or_default();
                Ok(unit_day(date, units, packages.times(&share)))
            }
            Price::Flat => Ok(unit_day(date, units, Exact::zero())),
        });
        let days = days.collect::<Result<Vec<_>, Refusal>>()?;
        let amount = Exact::sum(days.iter().map(|day| &day.amount));
        let cost = matches!(price, Price::Cost(_)).then(|| Exact::sum(days.iter().filter_map(|day| day.cost.as_ref())));
        let quantity = match price {
            Price::Package { size, .. } => quantity.div_ceil(size.max(1).into()),
            Price::Unit(_) | Price::Cost(_) | Price::Flat => quantity,
        };
        let kind = if self.key.part == Part::Free { Kind::Free } else { Kind::Usage };
        Ok(Line { kind, name, about, price, quantity, amount, cost, days, covers })
    }

    fn price(&self) -> Price {
        let Part::Tier(tier) = self.key.part else { return Price::Unit(Exact::zero()) };
        match self.pricing {
            Pricing::PerUnit(UnitPrice { price, per }) => Price::Unit(price.per(*per)),
            Pricing::Graduated(Tiers { per, tiers }) => {
                Price::Unit(tiers.get(tier).map(|tier| tier.price.per(*per)).unwrap_or_default())
            }
            Pricing::Volume(Tiers { per, tiers }) => {
                Price::Unit(tier_of(tiers, self.units).map(|(_, tier)| tier.price.per(*per)).unwrap_or_default())
            }
            Pricing::Package(Package { price, size }) => Price::Package { price: price.clone(), size: size.get() },
            Pricing::CostPlus(Markup { percent }) => {
                Price::Cost(Exact::whole(1).plus(&Exact::whole(1).percent(percent)))
            }
        }
    }
}

fn whole(units: u128) -> Exact {
    Exact::whole(BigInt::from(units))
}

fn unit_day(date: NaiveDate, quantity: u128, amount: Exact) -> DayPart {
    DayPart { date, quantity, amount, cost: None, exchange: None }
}

fn cost_day(
    date: NaiveDate,
    quantity: u128,
    cost: Usd,
    factor: &Exact,
    exchanger: &Exchanger<'_>,
) -> Result<DayPart, Refusal> {
    let rate = exchanger.on(date)?;
    let cost = Exact::dollars(cost);
    let amount = cost.times(factor).times(&rate);
    Ok(DayPart { date, quantity, amount, cost: Some(cost), exchange: Some(rate) })
}

/// Fees of tiers: of all that units fell into, or, by volume, of the one that was reached.
fn fees(contract: &Contract, units: &BTreeMap<(usize, usize), u128>) -> Vec<Line> {
    let mut lines = Vec::new();
    for ((component, price), units) in units.iter().filter(|(_, units)| **units > 0) {
        let component = contract.terms().components.get(*component);
        let Some((component, price)) = component.and_then(|row| Some((row, row.prices.get(*price)?))) else { continue };
        let tiers = match &price.pricing {
            Pricing::Graduated(Tiers { tiers, .. }) => {
                let reached = tier_of(tiers, *units).map_or(tiers.len(), |(place, _)| place.saturating_add(1));
                tiers.iter().take(reached).collect()
            }
            Pricing::Volume(Tiers { tiers, .. }) => tier_of(tiers, *units).into_iter().map(|(_, tier)| tier).collect(),
            Pricing::PerUnit(_) | Pricing::Package(_) | Pricing::CostPlus(_) => Vec::new(),
        };
        let owed = tiers.into_iter().filter(|tier| !tier.fee.is_zero());
        lines.extend(owed.map(|tier| Line::flat(Kind::TierFee, &component.name, tier.fee.clone())));
    }
    lines
}

/// Costs in dollars that are passed on as they are, by day.
#[derive(Default)]
struct AtCost {
    days: BTreeMap<NaiveDate, Usd>,
    /// What the tenant is told, where that is another amount.
    told: Usd,
    covers: Covers,
}

impl AtCost {
    fn add(&mut self, date: NaiveDate, slot: Slot, cost: Usd, told: Usd) -> Result<(), Refusal> {
        let out_of_range = || Refusal::OutOfRange(format!("costs at {slot}"));
        let day = self.days.entry(date).or_default();
        *day = day.checked_add(cost).ok_or_else(out_of_range)?;
        self.told = self.told.checked_add(told).ok_or_else(out_of_range)?;
        self.covers.slot(slot);
        Ok(())
    }

    fn line(self, kind: Kind, name: String, exchanger: &Exchanger<'_>) -> Result<Line, Refusal> {
        let factor = Exact::whole(1);
        // What moves no money needs no rate.
        let days = self.days.into_iter().filter(|(_, cost)| *cost != Usd::ZERO);
        let days = days.map(|(date, cost)| cost_day(date, 0, cost, &factor, exchanger));
        let days = days.collect::<Result<Vec<_>, Refusal>>()?;
        let amount = Exact::sum(days.iter().map(|day| &day.amount));
        let (about, cost) = (About::default(), Some(Exact::dollars(self.told)));
        Ok(Line { kind, name, about, price: Price::Cost(factor), quantity: 0, amount, cost, days, covers: self.covers })
    }
}

/// Harm by cache domain, at cost. Neighbours are not named: who else is a customer is nobody's business.
fn thrash<'b>(
    kind: Kind,
    transfers: impl Iterator<Item = &'b Transfer>,
    exchanger: &Exchanger<'_>,
) -> Result<Vec<Line>, Refusal> {
    let mut domains = BTreeMap::<&str, AtCost>::new();
    for Transfer { date, row, cost, harm } in transfers {
        domains.entry(&row.key.domain).or_default().add(*date, row.key.slot, *cost, *harm)?;
    }
    domains.into_iter().map(|(domain, at_cost)| at_cost.line(kind, domain.to_owned(), exchanger)).collect()
}

fn idle(rows: &[(NaiveDate, IdleRow)], exchanger: &Exchanger<'_>) -> Result<Vec<Line>, Refusal> {
    let mut nodes = BTreeMap::<(Kind, &str), AtCost>::new();
    for (date, IdleRow { key, cost }) in rows {
        let kind = if key.kind == LineKind::ReservedIdle { Kind::ReservedIdle } else { Kind::Idle };
        nodes.entry((kind, &key.gpu_type)).or_default().add(*date, key.slot, *cost, *cost)?;
    }
    let lines = nodes.into_iter();
    lines.map(|((kind, gpu_type), at_cost)| at_cost.line(kind, gpu_type.to_owned(), exchanger)).collect()
}
