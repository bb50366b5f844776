//! `off_peak_pricing` of the LiteLLM map: prices that hold at some hours of the week, as rows with calendars.

use aliquot_core::prices::{Calendar, Price};

use super::complete;
use super::entry::Entry;
use crate::prices::Error;
use crate::prices::book::minute;
use crate::prices::document::Node;
use crate::prices::quotes::{self, Quotes};

/// Minutes of a day.
const DAY: u16 = 1_440;

/// One row per set of weekdays. What the hours do not change is as at other hours.
///
/// Anything that cannot be expressed is an error and leaves the model without any price: without these rows it would be charged at
/// the peak price day and night.
pub(super) fn rows(entry: &mut Entry, pricing: &Node<'_>) -> Result<Vec<Price>, Error> {
    let object = pricing.object()?;
    let mut calendars = Vec::new();
    let mut quotes = Quotes::default();
    for (name, node) in object.members() {
        match *name {
            "windows" => {
                for window in node.list()? {
                    calendars.push(calendar(&window)?);
                }
            }
            "weekday_timezone" => return Err(node.error("weekdays of another time zone than UTC")),
            name => {
                let Some(class) = super::entry::class_of(name) else {
                    return Err(node.error("a price for some hours that is no class of usage"));
                };
                quotes.put(0, class, entry.quote(node)?);
            }
        }
    }
    let quotes = quotes.over(&entry.standard);
    Ok(calendars.into_iter().map(|calendar| quotes::at_hours(calendar, quotes.bands(complete))).collect())
}

fn calendar(node: &Node<'_>) -> Result<Calendar, Error> {
    let object = node.object()?;
    object.only(&["hours_utc", "weekdays"])?;
    let weekdays = match object.get("weekdays") {
        Some(days) => days.list()?.iter().try_fold(0, |bits, day| Ok(bits | weekday(day)?))?,
        None => 0x7f,
    };
    let hours = object.required("hours_utc")?;
    let hours = if hours.is_list() { hours.list()? } else { vec![hours.clone()] };
    Ok(Calendar { weekdays, windows: hours.iter().map(window).collect::<Result<_, _>>()?, holidays: None })
}

/// 1 = Monday … 7 = Sunday.
fn weekday(node: &Node<'_>) -> Result<u8, Error> {
    let days_after_monday = node.whole()?.checked_sub(1).filter(|days| *days < 7);
    let bit = days_after_monday.and_then(|days| 1_u8.checked_shl(u32::try_from(days).ok()?));
    bit.ok_or_else(|| node.error("a weekday counts from 1 to 7"))
}

/// `10:00-00:00` ends at midnight, `00:00-00:00` is the whole day.
fn window(node: &Node<'_>) -> Result<(u16, u16), Error> {
    let window = || {
        let (from, to) = node.text().ok()?.split_once('-')?;
        Some((
            minute(from)?,
            match minute(to)? {
                0 => DAY,
                to => to,
            },
        ))
    };
    window().ok_or_else(|| node.error("must be hours such as \"10:00-16:30\""))
}
