//! The log as seen by a consumer group: who owns which partition, and what each member is told and given. Takes partitions
//! away in order, in the middle of a batch, and behind their owner's back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use aliquot_core::ports::{Kind, Pulled, RawBatch, Source};
use aliquot_core::position::{Offset, OffsetRange, Partition, Positions};
use tokio::sync::Notify;

use crate::faults::{PULL, SimError, Trouble, When};
use crate::random::Random;
use crate::sinks::{Door, World};
use crate::workload::Workload;

#[derive(Debug)]
pub(crate) struct Group {
    workload: Arc<Workload>,
    random: Random,
    owners: BTreeMap<Partition, usize>,
    members: Vec<Member>,
}

#[derive(Debug, Default)]
struct Member {
    is_alive: bool,
    news: VecDeque<Pulled>,
    owned: BTreeSet<Partition>,
    cursors: BTreeMap<Partition, Offset>,
    /// Announced as revoked; given away at the next pull.
    releasing: Vec<Partition>,
    /// Somebody else's already; the member learns it after so many pulls.
    losing: Option<(u64, Partition)>,
    /// How often it waits for work before it says that the log has ended.
    idles: u64,
    /// After how many pulls it is asked to stop.
    stops_after: Option<u64>,
    stop: Arc<Notify>,
    is_stopped: bool,
}

impl Group {
    pub(crate) fn new(workload: Arc<Workload>, seed: u64) -> Self {
        Self { workload, random: Random::new(seed, "group"), owners: BTreeMap::new(), members: Vec::new() }
    }

    /// A new generation of `count` members, who share all partitions.
    pub(crate) fn begin(&mut self, count: usize, is_calm: bool) {
        let random = &mut self.random;
        let member = |_| Member {
            is_alive: true,
            idles: random.below(6),
            stops_after: (!is_calm && random.chance(15)).then(|| 1 + random.below(30)),
            ..Member::default()
        };
        self.members = (0..count).map(member).collect();
        for partition in self.workload.all_partitions() {
            let member = self.random.place(count);
            self.assign(member, partition);
        }
    }

    pub(crate) fn stop_of(&self, member: usize) -> Arc<Notify> {
        Arc::clone(&self.members[member].stop)
    }

    /// What a member that read until the end of the log must have committed.
    pub(crate) fn promised_by(&self, member: usize) -> Positions {
        let owned = self.owners.iter().filter(|(_, owner)| **owner == member && !self.members[member].is_stopped);
        owned.map(|(partition, _)| (*partition, self.workload.end(*partition))).collect()
    }

    /// A member is gone: the others get what it had.
    pub(crate) fn leave(&mut self, gone: usize) {
        self.members[gone].is_alive = false;
        let orphans: Vec<_> = self.owners.iter().filter(|(_, owner)| **owner == gone).map(|(p, _)| *p).collect();
        for partition in orphans {
            self.give_away(partition);
        }
    }

    fn give_away(&mut self, partition: Partition) {
        let alive: Vec<_> = (0..self.members.len()).filter(|member| self.members[*member].is_alive).collect();
        if !alive.is_empty() {
            let member = *self.random.pick(&alive);
            self.assign(member, partition);
        }
    }

    fn assign(&mut self, member: usize, partition: Partition) {
        self.owners.insert(partition, member);
        let Member { news, losing, .. } = &mut self.members[member];
        // It hears of the loss before it hears that the partition has come back.
        if losing.take_if(|(_, lost)| *lost == partition).is_some() {
            news.push_back(Pulled::Revoked(vec![partition]));
        }
        match news.back_mut() {
            Some(Pulled::Assigned(partitions)) if self.random.chance(70) => partitions.push(partition),
            _ => news.push_back(Pulled::Assigned(vec![partition])),
        }
    }

    fn pull(&mut self, me: usize, world: &mut World) -> Pulled {
        for partition in std::mem::take(&mut self.members[me].releasing) {
            self.give_away(partition);
        }
        let member = &mut self.members[me];
        member.is_alive = true;
        member.stops_after = match member.stops_after {
            Some(0) => {
                world.faults.counts.add("stopped");
                member.stop.notify_one();
                member.is_stopped = true;
                None
            }
            pulls => pulls.map(|pulls| pulls - 1),
        };
        member.losing = match member.losing {
            Some((0, partition)) => {
                member.news.push_front(Pulled::Revoked(vec![partition]));
                None
            }
            losing => losing.map(|(pulls, partition)| (pulls - 1, partition)),
        };
        if let Some(news) = member.news.pop_front() {
            return self.members[me].hear(news);
        }
        if let Some(revoked) = self.rebalance(me, world) {
            return revoked;
        }
        self.read(me, world)
    }

    fn rebalance(&mut self, me: usize, world: &mut World) -> Option<Pulled> {
        let owned: Vec<_> =
            self.members[me].owned.iter().filter(|partition| self.owners[partition] == me).copied().collect();
        if owned.is_empty() {
            return None;
        }
        let partition = *self.random.pick(&owned);
        if world.faults.chance(5, "rebalanced") {
            self.members[me].releasing.push(partition);
            return Some(self.members[me].hear(Pulled::Revoked(vec![partition])));
        }
        let others = (0..self.members.len()).filter(|other| *other != me && self.members[*other].is_alive);
        let others: Vec<_> = others.collect();
        if self.members[me].losing.is_none() && !others.is_empty() && world.faults.chance(12, "owner declared dead") {
            let other = *self.random.pick(&others);
            self.assign(other, partition);
            self.members[me].losing = Some((self.random.below(12), partition));
        }
        None
    }

    fn read(&mut self, me: usize, world: &mut World) -> Pulled {
        let member = &mut self.members[me];
        let due = |(partition, cursor): (&Partition, &Offset)| {
            (*cursor < self.workload.end(*partition)).then_some((*partition, *cursor))
        };
        let due: Vec<_> = member.cursors.iter().filter_map(due).collect();
        if due.is_empty() {
            if member.idles > 0 || member.losing.is_some() {
                member.idles = member.idles.saturating_sub(1);
                return Pulled::Idle;
            }
            member.is_alive = false;
            return Pulled::End;
        }
        let (partition, cursor) = *self.random.pick(&due);
        let from = if world.faults.chance(4, "redelivered") {
            Offset((cursor.0 - i64::try_from(self.random.below(6)).unwrap()).max(0))
        } else {
            cursor
        };
        let wanted = self.random.place(7) + 1;
        let ahead = self.workload.entries(partition).iter().filter(|entry| entry.message.offset >= from);
        let entries: Vec<_> = ahead.take_while(|entry| entry.message.offset < cursor).collect();
        let behind = self.workload.entries(partition).iter().filter(|entry| entry.message.offset >= cursor);
        let entries: Vec<_> = entries.into_iter().chain(behind.take(wanted)).collect();
        // A hole may belong to this batch or to the next one.
        let to = match entries.last() {
            Some(last) if self.random.chance(50) => last.message.offset.next().max(cursor),
            Some(last) => last.end.max(cursor),
            None => self.workload.end(partition),
        };
        member.cursors.insert(partition, to);
        let messages = entries.into_iter().map(|entry| entry.message.clone()).collect();
        Pulled::Batch(RawBatch { partition, range: OffsetRange { from, to }, messages })
    }

    fn seek(&mut self, me: usize, partition: Partition, offset: Offset) -> Result<(), SimError> {
        let member = &mut self.members[me];
        if !member.owned.contains(&partition) {
            return Err(SimError { kind: Kind::Fenced, what: "not assigned" });
        }
        member.cursors.insert(partition, offset);
        Ok(())
    }
}

impl Member {
    fn hear(&mut self, news: Pulled) -> Pulled {
        match &news {
            Pulled::Assigned(partitions) => self.owned.extend(partitions),
            Pulled::Revoked(partitions) => {
                for partition in partitions {
                    self.owned.remove(partition);
                    self.cursors.remove(partition);
                }
            }
            Pulled::Batch(_) | Pulled::Idle | Pulled::End => {}
        }
        news
    }
}

/// One member's view of the log.
#[derive(Debug)]
pub(crate) struct LogSource {
    pub(crate) group: Arc<Mutex<Group>>,
    pub(crate) member: usize,
    pub(crate) door: Door,
}

impl Source for LogSource {
    type Error = SimError;

    async fn pull(&mut self) -> Result<Pulled, SimError> {
        self.door.look(&PULL).await?;
        // Nothing is waited for from here on, so that a call that is dropped has taken nothing.
        Ok(self.group.lock().unwrap().pull(self.member, &mut self.door.world()))
    }

    async fn seek(&mut self, partition: Partition, offset: Offset) -> Result<(), SimError> {
        self.door.look(&PULL).await?;
        self.group.lock().unwrap().seek(self.member, partition, offset)
    }

    async fn acknowledge(&mut self, positions: &Positions) -> Result<(), SimError> {
        let trouble: Trouble = self.door.enter(&PULL).await;
        {
            let world = &mut *self.door.world();
            for (partition, position) in positions {
                let held = |at: &Positions| at.get(partition).is_some_and(|at| at >= position);
                if !held(&world.lake.at) || !held(&world.ledger.at) {
                    world.findings.push(format!("{partition:?}: acknowledged {position:?}, which is not durable"));
                }
            }
        }
        self.door.strike(trouble, When::Before).await
    }
}
