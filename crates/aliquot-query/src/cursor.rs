//! Where a page ended: the keys of its last row. Spelled in hexadecimal, so that it needs no quoting anywhere; it says nothing that
//! the row itself did not say.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// The key of a row, to continue after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The key of the bucket, if the series has buckets.
    pub(crate) bucket: Option<i64>,
    /// The values of the dimensions, in the order of the grouping.
    pub(crate) dimensions: Vec<Option<String>>,
}

/// The first byte. A later layout gets another, so that an old cursor is refused and never misread.
const VERSION: u8 = 1;

impl fmt::Display for Cursor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![VERSION];
        let bucket = self.bucket.map(i64::to_be_bytes);
        let bucket = bucket.as_ref().map(<[u8; 8]>::as_slice);
        for part in std::iter::once(bucket).chain(self.dimensions.iter().map(|part| part.as_deref().map(str::as_bytes)))
        {
            // The length plus one, so that nothing and an empty name differ.
            let length = part.map_or(0, |part| u32::try_from(part.len()).unwrap_or(u32::MAX).saturating_add(1));
            bytes.extend(length.to_be_bytes());
            bytes.extend(part.unwrap_or_default());
        }
        bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        decode(text).ok_or_else(|| Error::Ask("the cursor is not one of ours; start again without it".to_owned()))
    }
}

fn decode(text: &str) -> Option<Cursor> {
    let digits = text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    let bytes: Vec<u8> = digits.collect::<Option<_>>()?;
    let mut rest = bytes.strip_prefix(&[VERSION])?;
    let bucket = match take(&mut rest)? {
        Some(bytes) => Some(i64::from_be_bytes(bytes.try_into().ok()?)),
        None => None,
    };
    let mut dimensions = Vec::new();
    while !rest.is_empty() {
        let part = take(&mut rest)?.map(|bytes| String::from_utf8(bytes.to_vec())).transpose().ok()?;
        dimensions.push(part);
    }
    Some(Cursor { bucket, dimensions })
}

/// The next part: none at all, or one that is nothing or bytes.
fn take<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let Some(length) = u32::from_be_bytes(*length).checked_sub(1) else {
        *rest = after;
        return Some(None);
    };
    let (part, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    Some(Some(part))
}
