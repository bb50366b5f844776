//! What the demo says of the collapse: since when, who caused it, who suffered and how much. All of it is asked of the lake.

use std::collections::BTreeMap;
use std::fmt::Write;

use aliquot_core::money::Usd;
use aliquot_query::Engine;
use serde_json::{Value, json};

use crate::rows::{Row, rows};
use crate::table::{dollars, percent};

/// Victims that are named one by one.
const NAMED: usize = 5;

/// A fall of the hit rate, and whose doing the misses since then were.
#[derive(Clone, Debug)]
pub(super) struct Incident {
    fall: Row,
    culprit: Option<Culprit>,
    /// What neighbours cost one another since, in all.
    lost: Usd,
}

/// Who cost the others most.
#[derive(Clone, Debug, Default)]
struct Culprit {
    name: String,
    charges: Usd,
    avoidable: Usd,
    /// What it did to itself.
    own: Usd,
    victims: Vec<(String, Usd)>,
    evidence: &'static str,
}

impl Incident {
    /// The greatest fall there was; `None` if the hit rate kept up.
    pub(super) async fn read(engine: &Engine) -> anyhow::Result<Option<Self>> {
        let falls = rows(&engine.named("anomalies/hit_rate_drop", &[]).await?)?;
        let Some(fall) = falls.into_iter().next() else { return Ok(None) };
        let since = [("from".to_owned(), fall.text("since").to_owned())];
        let matrix = rows(&engine.named("reports/externality_matrix", &since).await?)?;
        let causes = rows(&engine.named("reports/cause_breakdown", &since).await?)?;
        let mut culprits = BTreeMap::<String, Culprit>::new();
        let mut lost = Usd::ZERO;
        for row in &matrix {
            let charges = row.usd("charges_usd")?;
            lost = [lost, charges].into_iter().sum();
            culprits.entry(row.name("culprit")).or_default().add(row, charges)?;
        }
        let worst = culprits.into_iter().max_by_key(|(_, culprit)| culprit.charges);
        let culprit = worst.map(|(name, culprit)| culprit.named(name, &causes)).transpose()?;
        Ok(Some(Self { fall, culprit, lost }))
    }

    pub(super) fn text(&self, out: &mut String) -> anyhow::Result<()> {
        let fall = &self.fall;
        let name = Some(fall.text("name")).filter(|name| !name.is_empty()).map(|name| format!(" {name}"));
        writeln!(
            out,
            "hit rate of the {}{} fell from {} to {} at {}; at that pace it costs USD {} an hour",
            fall.text("scope"),
            name.unwrap_or_default(),
            percent(fall.count("before_read_tokens")?, fall.count("before_prompt_tokens")?),
            percent(fall.count("after_read_tokens")?, fall.count("after_prompt_tokens")?),
            fall.text("since"),
            dollars(fall.usd("extra_usd_per_hour")?)
        )?;
        let Some(culprit) = &self.culprit else { return Ok(()) };
        writeln!(
            out,
            "{} caused it: of USD {} that neighbours have cost one another since, USD {} ({}) are its doing, and USD {} \
             would not\nhave been lost without it; it pushed out its own prefixes for another USD {}. Game g1, evidence {}.",
            culprit.name,
            dollars(self.lost),
            dollars(culprit.charges),
            percent(culprit.charges.pico().unsigned_abs(), self.lost.pico().unsigned_abs()),
            dollars(culprit.avoidable),
            dollars(culprit.own),
            culprit.evidence
        )?;
        let named = culprit.victims.iter().take(NAMED).map(|(name, usd)| format!("{name} {}", dollars(*usd)));
        let rest = culprit.victims.len().saturating_sub(NAMED);
        let more = if rest > 0 { format!(", and {rest} more") } else { String::new() };
        writeln!(out, "who suffered, in USD: {}{more}", named.collect::<Vec<_>>().join(", "))?;
        Ok(())
    }

    pub(super) fn json(&self) -> Value {
        let culprit = self.culprit.as_ref().map(|culprit| {
            let victims =
                culprit.victims.iter().map(|(name, usd)| json!({ "tenant": name, "charges_usd": usd.to_string() }));
            json!({
                "tenant": culprit.name, "game": "g1", "evidence": culprit.evidence,
                "charges_usd": culprit.charges.to_string(), "avoidable_usd": culprit.avoidable.to_string(),
                "self_inflicted_usd": culprit.own.to_string(), "victims": victims.collect::<Vec<_>>(),
            })
        });
        json!({
            "scope": self.fall.text("scope"), "since": self.fall.text("since"),
            "neighbours_charges_usd": self.lost.to_string(), "culprit": culprit,
        })
    }
}

impl Culprit {
    fn add(&mut self, row: &Row, charges: Usd) -> anyhow::Result<()> {
        self.charges = [self.charges, charges].into_iter().sum();
        self.avoidable = [self.avoidable, row.usd("avoidable_usd")?].into_iter().sum();
        self.victims.push((row.name("victim"), charges));
        let kinds = ["exact", "modelled", "inferred", "unattributable"];
        for kind in kinds {
            // The weakest there is: a chain of evidence is no stronger.
            if row.usd(&format!("{kind}_usd"))? != Usd::ZERO {
                let place = |of: &str| kinds.iter().position(|kind| *kind == of);
                self.evidence = if place(kind) > place(self.evidence) { kind } else { self.evidence };
            }
        }
        Ok(())
    }

    fn named(mut self, name: String, causes: &[Row]) -> anyhow::Result<Self> {
        for row in causes.iter().filter(|row| row.text("tenant") == name && row.text("cause") == "evicted_self") {
            self.own = [self.own, row.usd("cost_usd")?].into_iter().sum();
        }
        self.victims.sort_by_key(|(name, usd)| (std::cmp::Reverse(*usd), name.clone()));
        self.name = name;
        Ok(self)
    }
}
