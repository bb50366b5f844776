//! Currencies of ISO 4217, and how small their coins are. Knows no rates.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A currency of ISO 4217 that is in use.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: &'static str,
    minor_digits: u8,
}

/// The dollar, in which costs accrue.
pub const USD: Currency = Currency { code: "USD", minor_digits: 2 };

/// Codes by the decimals of their minor unit. Codes for metals, tests and units of account that nobody pays in are left out.
const CODES: [(u8, &str); 4] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY \
         COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR \
         IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD \
         NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP \
         SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
];

impl Currency {
    /// The code: three capitals.
    pub const fn code(self) -> &'static str {
        self.code
    }

    /// Decimals of the minor unit: 2 for cents, 0 where there is none.
    pub const fn minor_digits(self) -> u8 {
        self.minor_digits
    }

    /// Minor units in one unit.
    pub fn minor_per_unit(self) -> u32 {
        10_u32.saturating_pow(u32::from(self.minor_digits))
    }

    /// An amount of minor units as a decimal number of units: `-0.05`.
    pub fn written(self, minor: i64) -> String {
        let scale = u64::from(self.minor_per_unit());
        let magnitude = minor.unsigned_abs();
        let sign = if minor < 0 { "-" } else { "" };
        let whole = magnitude.checked_div(scale).unwrap_or_default();
        let width = usize::from(self.minor_digits);
        match magnitude.checked_rem(scale) {
            Some(fraction) if width > 0 => format!("{sign}{whole}.{fraction:0width$}"),
            _ => format!("{sign}{whole}"),
        }
    }
}

/// No currency in use has that code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown currency {0:?}: name one of ISO 4217, as in \"EUR\"")]
pub struct UnknownCurrency(pub String);

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, UnknownCurrency> {
        let mut all =
            CODES.iter().flat_map(|(digits, codes)| codes.split_whitespace().map(move |code| (*digits, code)));
        let found = all.find(|(_, code)| *code == text);
        found.map(|(minor_digits, code)| Self { code, minor_digits }).ok_or_else(|| UnknownCurrency(text.to_owned()))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code)
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minor_unit_is_that_of_the_standard() {
        for (code, digits, of_1234) in
            [("JPY", 0, "-1234"), ("EUR", 2, "-12.34"), ("KWD", 3, "-1.234"), ("CLF", 4, "-0.1234")]
        {
            let currency: Currency = code.parse().unwrap();
            assert_eq!((currency.minor_digits(), currency.written(-1234).as_str()), (digits, of_1234));
        }
        assert_eq!("USD".parse(), Ok(USD));
        assert_eq!("eur".parse::<Currency>(), Err(UnknownCurrency("eur".to_owned())));
        assert!("XTS".parse::<Currency>().is_err(), "no money");
    }
}
