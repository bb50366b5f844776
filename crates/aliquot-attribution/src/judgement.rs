//! What was found about one request, summed by cause and by culprit. Adds up; decides nothing.

use alloc::vec::Vec;

use aliquot_core::blame::{Blame, CausePart, Culprit};
use aliquot_core::cause::{Cause, Evidence, Game, Harm};
use aliquot_core::money::Usd;

use crate::sharing::Signed;
use crate::tenants::Tenant;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// The prompt by cause.
    pub parts: Vec<CausePart>,
    /// Who did what.
    pub blames: Vec<Blame<Tenant>>,
    /// What the request would cost its tenant alone, less what it costs; `None` = not known.
    pub alone: Option<Usd>,
}

/// The neighbours' part in one run.
#[derive(Clone, Copy, Debug)]
pub struct Lost {
    /// Which question is answered.
    pub game: Game,
    /// Why it was lost.
    pub cause: Cause,
    /// How sure.
    pub evidence: Evidence,
    /// Tokens.
    pub tokens: u64,
    /// Money.
    pub cost: Usd,
}

/// An amount as what was charged and what was credited, whose difference is exactly what the neighbours changed.
#[derive(Clone, Copy, Debug)]
struct Split {
    charges: Usd,
    credits: Usd,
}

impl Split {
    fn new(amount: Usd, harms: u64, helps: u64, whole: u64, is_miss_alone: bool, is_miss: bool) -> Option<Self> {
        let zero = Usd::ZERO;
        let changed = match (is_miss_alone, is_miss) {
            (false, true) => amount,
            (true, false) => zero.checked_sub(amount)?,
            _ => zero,
        };
        // The smaller side is rounded, and the other one is what is left.
        let part = |weight: u64| -> Option<Usd> {
            let (times, rest) = (weight.checked_div(whole)?, weight.checked_rem(whole)?);
            let rest = amount.split(&[rest, whole.checked_sub(rest)?])?.first().copied()?;
            let times = amount.pico().checked_mul(i128::from(times))?;
            Usd::from_pico(times).checked_add(rest)
        };
        if harms >= helps {
            let credits = part(helps)?;
            Some(Self { charges: credits.checked_add(changed)?, credits })
        } else {
            let charges = part(harms)?;
            Some(Self { credits: charges.checked_sub(changed)?, charges })
        }
    }
}

impl Judgement {
    /// Adds tokens and their cost to a cause.
    pub fn add(&mut self, part: CausePart) {
        let same = |known: &&mut CausePart| {
            (known.cause, known.runner_up, known.evidence) == (part.cause, part.runner_up, part.evidence)
        };
        match self.parts.iter_mut().find(same) {
            Some(known) => {
                known.tokens = known.tokens.saturating_add(part.tokens);
                known.cost = [known.cost, part.cost].into_iter().sum();
            }
            None => self.parts.push(part),
        }
    }

    /// Splits what was lost by `shares`, one for each of so many tenants, and behind them that of those whom we do not see;
    /// `avoidable` says who could have prevented it alone.
    pub fn blame(&mut self, lost: Lost, shares: &[u64], tenants: usize, avoidable: impl Fn(Tenant) -> bool) {
        let Some(costs) = lost.cost.split(shares) else { return };
        let tokens = Usd::from_pico(i128::from(lost.tokens)).split(shares).unwrap_or_default();
        for (place, ((cost, tokens), share)) in costs.into_iter().zip(tokens).zip(shares).enumerate() {
            let tenant = Tenant(u16::try_from(place).unwrap_or(u16::MAX));
            let avoidable = if avoidable(tenant) { lost.cost } else { Usd::ZERO };
            if *share > 0 || avoidable != Usd::ZERO {
                let quantity = i64::try_from(tokens.pico()).unwrap_or(i64::MAX);
                self.add_blame(Blame {
                    game: lost.game,
                    harm: Harm::Miss,
                    cause: lost.cause,
                    culprit: if place < tenants { Culprit::Tenant(tenant) } else { Culprit::Background },
                    evidence: lost.evidence,
                    quantity,
                    cost,
                    avoidable,
                });
            }
        }
    }

    /// Gives each neighbour its part in the fate of tokens that several tenants use. Charges less credits are the cost, if they
    /// made a hit into a miss; nothing, if they changed nothing on the whole; and minus the cost, if they made it a hit.
    pub fn share(&mut self, lost: Lost, signed: &Signed, is_miss: bool) {
        let weights = |sign: i64| -> Vec<u64> {
            let part = |(_, part): &(Tenant, i64)| part.saturating_mul(sign).max(0).unsigned_abs();
            signed.parts.iter().map(part).collect()
        };
        let (harms, helps) = (weights(1), weights(-1));
        let sum = |weights: &[u64]| weights.iter().fold(0_u64, |sum, weight| sum.saturating_add(*weight));
        let whole = signed.whole.unsigned_abs();
        let Some(split) = Split::new(lost.cost, sum(&harms), sum(&helps), whole, signed.is_miss_alone, is_miss) else {
            return;
        };
        let tokens = Usd::from_pico(i128::from(lost.tokens));
        let Some(tokens) = Split::new(tokens, sum(&harms), sum(&helps), whole, signed.is_miss_alone, is_miss) else {
            return;
        };
        let (charges, credits) = (split.charges.split(&harms), split.credits.split(&helps));
        let (charged, credited) = (tokens.charges.split(&harms), tokens.credits.split(&helps));
        for (place, (tenant, _)) in signed.parts.iter().enumerate() {
            let of = |parts: &Option<Vec<Usd>>| {
                parts.as_ref().and_then(|parts| parts.get(place)).copied().unwrap_or_default()
            };
            let cost = of(&charges).checked_sub(of(&credits)).unwrap_or_default();
            let quantity = of(&charged).checked_sub(of(&credited)).unwrap_or_default();
            let is_decisive = is_miss && signed.decisive.contains(tenant);
            if cost == Usd::ZERO && !is_decisive {
                continue;
            }
            self.add_blame(Blame {
                game: lost.game,
                harm: Harm::Miss,
                cause: lost.cause,
                culprit: Culprit::Tenant(*tenant),
                evidence: lost.evidence,
                quantity: i64::try_from(quantity.pico()).unwrap_or_default(),
                cost,
                avoidable: if is_decisive { lost.cost } else { Usd::ZERO },
            });
        }
    }

    /// A neighbour made the request wait so long.
    pub fn delay(&mut self, neighbour: Tenant, micros: u64) {
        self.add_blame(Blame {
            game: Game::NeighboursAbsent,
            harm: Harm::Wait,
            cause: Cause::EvictedNeighbour,
            culprit: Culprit::Tenant(neighbour),
            evidence: Evidence::Modelled,
            quantity: i64::try_from(micros).unwrap_or(i64::MAX),
            cost: Usd::ZERO,
            avoidable: Usd::ZERO,
        });
    }

    /// Adds a share.
    pub fn add_blame(&mut self, blame: Blame<Tenant>) {
        // Harm and help are never netted.
        let is_credit = |blame: &Blame<Tenant>| blame.quantity < 0 || blame.cost < Usd::ZERO;
        let key = |blame: &Blame<Tenant>| {
            (blame.game, blame.harm, blame.cause, blame.culprit, blame.evidence, is_credit(blame))
        };
        match self.blames.iter_mut().find(|known| key(known) == key(&blame)) {
            Some(known) => {
                known.quantity = known.quantity.saturating_add(blame.quantity);
                known.cost = [known.cost, blame.cost].into_iter().sum();
                known.avoidable = [known.avoidable, blame.avoidable].into_iter().sum();
            }
            None => self.blames.push(blame),
        }
    }

    /// The request would cost so much more, or less, if its tenant were alone; `None` = that is not known.
    pub fn differs_alone(&mut self, by: Option<Usd>) {
        self.alone = match (self.alone, by) {
            (Some(sum), Some(by)) => sum.checked_add(by),
            _ => None,
        };
    }
}
