//! The tenants of one domain, numbered in order of appearance. Decides nothing.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use aliquot_core::blame::Culprit;
use aliquot_core::bytes::{Reader, Writer};

/// A tenant's number within a domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenant(pub u16);

impl Tenant {
    /// Its place in a list with one element for each tenant.
    pub fn place(self) -> usize {
        usize::from(self.0)
    }
}

/// Tenants per domain that are told apart.
pub const TENANTS_MAX: usize = 16_384;

/// The numbers, and whose they are; `None` = traffic without a tenant, which has a number as well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tenants {
    numbers: BTreeMap<String, Tenant>,
    nameless: Option<Tenant>,
    names: Vec<Option<String>>,
}

impl Tenants {
    /// The number of the tenant, which is given one if it is new; `None` past [`TENANTS_MAX`].
    pub fn number(&mut self, name: Option<&str>) -> Option<Tenant> {
        let known = match name {
            Some(name) => self.numbers.get(name).copied(),
            None => self.nameless,
        };
        if known.is_some() {
            return known;
        }
        let new = u16::try_from(self.names.len()).ok().filter(|_| self.names.len() < TENANTS_MAX).map(Tenant)?;
        match name {
            Some(name) => {
                self.numbers.insert(name.to_owned(), new);
            }
            None => self.nameless = Some(new),
        }
        self.names.push(name.map(ToOwned::to_owned));
        Some(new)
    }

    /// Who has that number.
    pub fn culprit(&self, tenant: Tenant) -> Culprit<&str> {
        match self.names.get(tenant.place()) {
            Some(Some(name)) => Culprit::Tenant(name),
            Some(None) => Culprit::NoTenant,
            None => Culprit::Background,
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// Appends the tenants to a state's bytes.
    pub fn save(&self, out: &mut Writer) {
        out.length(self.names.len());
        for name in &self.names {
            out.u8(u8::from(name.is_some()));
            out.text(name.as_deref().unwrap_or_default());
        }
    }

    /// Reads what [`Tenants::save`] wrote; `None` if it did not.
    pub fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let mut tenants = Self::default();
        for place in 0..reader.length()? {
            let is_named = reader.u8()? == 1;
            let name = reader.text()?;
            let number = tenants.number(is_named.then_some(name))?;
            if number.place() != place {
                return None;
            }
        }
        Some(tenants)
    }
}
