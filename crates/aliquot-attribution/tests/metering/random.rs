//! Numbers that look random and are the same in every run.

/// A generator after Steele, Lea and Flood (splitmix64).
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Above 0, at most 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (f64::from(u32::try_from(self.bits() >> 32).unwrap()) + 1.0) / 4_294_967_296.0
    }

    /// Exponentially distributed.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.unit().ln()
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }
}

/// The nearest whole number of a time.
pub(crate) fn micros(float: f64) -> i64 {
    format!("{float:.0}").parse().unwrap()
}

pub(crate) fn float(whole: u64) -> f64 {
    aliquot_attribution::number::float(whole)
}

pub(crate) fn size(number: u32) -> usize {
    usize::try_from(number).unwrap()
}
