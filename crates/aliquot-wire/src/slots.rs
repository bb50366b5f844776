//! Room for one event of each type, written over by every reading: what an event before has allocated, the next one uses again.
//! Decides nothing.

use aliquot_core::event::{CacheReport, Event, NodeReport, Report};

use crate::event_type::EventType;

/// One event of each type; which of them is meant is known to whoever read it.
#[derive(Debug, Default)]
pub(crate) struct Slots<'de> {
    pub(crate) request: Event<'de>,
    pub(crate) node: NodeReport<'de>,
    pub(crate) cache: CacheReport<'de>,
}

impl<'de> Slots<'de> {
    /// The event of that type.
    pub(crate) const fn report(&self, event_type: EventType) -> Report<'_> {
        match event_type {
            EventType::Request => Report::Request(&self.request),
            EventType::Node => Report::Node(&self.node),
            EventType::Cache => Report::Cache(&self.cache),
        }
    }

    /// An empty request, with the room its blocks and limits took.
    pub(crate) fn clear_request(&mut self) -> &mut Event<'de> {
        let Event { prefix, mut limits, .. } = core::mem::take(&mut self.request);
        limits.clear();
        self.request.prefix = prefix;
        self.request.limits = limits;
        &mut self.request
    }

    /// An empty report of a node.
    pub(crate) fn clear_node(&mut self) -> &mut NodeReport<'de> {
        self.node = NodeReport::default();
        &mut self.node
    }

    /// An empty report of a cache, with the room its blocks took.
    pub(crate) fn clear_cache(&mut self) -> &mut CacheReport<'de> {
        let CacheReport { mut stored, mut removed, .. } = core::mem::take(&mut self.cache);
        stored.clear();
        removed.clear();
        self.cache.stored = stored;
        self.cache.removed = removed;
        &mut self.cache
    }
}
