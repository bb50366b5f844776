//! The adapter against a real broker: `KAFKA_BOOTSTRAP` names it, and with `KAFKA_SASL_BOOTSTRAP` and its companions (printed
//! by `deploy/local/kafka-start --sasl`) logins are tried too. No mock, no fixed topic names, nothing left running.
#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of these tests fail the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use aliquot_core::ports::{Fault, Kind, Outgoing, Outlet, Pulled, RawBatch, RawMessage, Source};
use aliquot_core::position::{Offset, Partition, Positions};
use aliquot_core::time::EventTime;
use aliquot_kafka::{Config, Error, KafkaOutlet, KafkaSource, Mechanism, Secret, Security, Tls, ensure_topic};

/// Longer than anything here takes, also while the machine is busy.
const PATIENCE: Duration = Duration::from_secs(60);

#[expect(clippy::disallowed_methods, reason = "this suite is told where the broker is by its environment")]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("set {name}; `deploy/local/kafka-start --sasl` prints it"))
}

/// A new topic of `partitions` partitions, and how to reach it.
async fn topic(partitions: i32, settings: &[(&str, &str)]) -> Config {
    let name = format!("test-{:016x}", RandomState::new().hash_one(0));
    // The messages here carry fixed times, which a limit on age would find too old one day.
    let settings = [&[("retention.ms", "-1")], settings].concat();
    let config = Config::new(variable("KAFKA_BOOTSTRAP"), name.clone(), name);
    assert_eq!(ensure_topic(&config, partitions, 1, &settings).await.unwrap(), usize::try_from(partitions).unwrap());
    config
}

fn message(n: u32) -> Outgoing {
    Outgoing {
        key: format!("domain-{}", n % 23),
        content_type: format!("type/{}", n % 3),
        received_at: EventTime(1_790_000_000_000_000 + i64::from(n) * 1_000),
        payload: format!("payload {n}").into_bytes(),
    }
}

async fn produce(config: &Config, from: u32, to: u32) {
    KafkaOutlet::open(config).unwrap().append((from..to).map(message).collect()).await.unwrap();
}

/// A member of the group that carries its positions by hand, as the sinks do.
struct Member {
    source: KafkaSource,
    owned: BTreeSet<Partition>,
}

/// What all members share: how far each partition has been taken, and what was taken.
#[derive(Default)]
struct Taken {
    positions: Positions,
    messages: BTreeMap<Partition, Vec<RawMessage>>,
}

impl Taken {
    fn take(&mut self, batch: RawBatch) {
        let at = self.positions.entry(batch.partition).or_default();
        assert_eq!(batch.range.from, *at, "no hole and no overlap in partition {}", batch.partition.0);
        assert!(batch.messages.iter().all(|message| (batch.range.from..batch.range.to).contains(&message.offset)));
        *at = batch.range.to;
        self.messages.entry(batch.partition).or_default().extend(batch.messages);
    }

    fn count(&self) -> usize {
        self.messages.values().map(Vec::len).sum()
    }
}

impl Member {
    fn join(config: &Config) -> Self {
        Self { source: KafkaSource::open(config).unwrap(), owned: BTreeSet::new() }
    }

    /// One pull, carried out.
    async fn step(&mut self, taken: &mut Taken) {
        match self.source.pull().await.unwrap() {
            Pulled::Batch(batch) => {
                assert!(self.owned.contains(&batch.partition), "read without owning");
                taken.take(batch);
            }
            Pulled::Assigned(partitions) => {
                for partition in partitions {
                    let at = taken.positions.get(&partition).copied().unwrap_or_default();
                    self.source.seek(partition, at).await.unwrap();
                    assert!(self.owned.insert(partition));
                }
            }
            Pulled::Revoked(partitions) => {
                for partition in partitions {
                    assert!(self.owned.remove(&partition));
                }
            }
            Pulled::Idle => self.source.acknowledge(&taken.positions).await.unwrap(),
            Pulled::End => panic!("a topic has no end"),
        }
    }

    async fn steps_until(&mut self, taken: &mut Taken, done: impl Fn(&Self, &Taken) -> bool) {
        let all = async {
            while !done(self, taken) {
                self.step(taken).await;
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("it never came about");
    }
}

fn payloads(messages: &BTreeMap<Partition, Vec<RawMessage>>) -> Vec<u32> {
    let number = |message: &RawMessage| String::from_utf8_lossy(&message.payload)[8..].parse().unwrap();
    let mut numbers: Vec<u32> = messages.values().flatten().map(number).collect();
    numbers.sort_unstable();
    numbers
}

/// The first error a member meets.
async fn first_error(config: &Config) -> Error {
    let mut source = KafkaSource::open(config).unwrap();
    let meet = async {
        loop {
            match source.pull().await {
                Ok(Pulled::Assigned(partitions)) => {
                    for partition in partitions {
                        source.seek(partition, Offset(0)).await.unwrap();
                    }
                }
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    };
    tokio::time::timeout(PATIENCE, meet).await.expect("no error came")
}

#[tokio::test]
async fn what_is_appended_is_read_whole_in_order_and_by_key() {
    let config = topic(4, &[]).await;
    assert_eq!(ensure_topic(&config, 9, 1, &[]).await.unwrap(), 4, "an existing topic stays as it is");
    produce(&config, 0, 20_000).await;
    let mut taken = Taken::default();
    let mut member = Member::join(&config);
    member.steps_until(&mut taken, |_, taken| taken.count() == 20_000).await;
    let mut homes: BTreeMap<String, Partition> = BTreeMap::new();
    for (partition, messages) in &taken.messages {
        let mut previous = None;
        for message in messages {
            let n: u32 = String::from_utf8_lossy(&message.payload)[8..].parse().unwrap();
            let sent = self::message(n);
            assert_eq!((message.content_type.as_str(), message.received_at), (&*sent.content_type, sent.received_at));
            assert_eq!(*homes.entry(sent.key).or_insert(*partition), *partition, "a key has one partition");
            assert!(previous < Some(n), "order within a partition");
            previous = Some(n);
        }
    }
    assert_eq!(payloads(&taken.messages), (0..20_000).collect::<Vec<_>>());
    assert!(homes.values().collect::<BTreeSet<_>>().len() > 1, "keys spread");
}

#[tokio::test]
async fn seeking_back_and_forth_yields_exactly_what_lies_there() {
    let config = topic(1, &[]).await;
    produce(&config, 0, 30_000).await;
    let mut taken = Taken::default();
    let mut member = Member::join(&config);
    member.steps_until(&mut taken, |_, taken| taken.count() > 5_000).await;
    // Far more has been fetched ahead by now; none of it may show up after a seek.
    for (offset, wanted) in [(10_i64, 9_000), (29_990, 10), (0, 30_000), (15_000, 5_000)] {
        member.source.seek(Partition(0), Offset(offset)).await.unwrap();
        taken = Taken { positions: Positions::from([(Partition(0), Offset(offset))]), ..Taken::default() };
        member.steps_until(&mut taken, |_, taken| taken.count() >= wanted).await;
        let offsets: Vec<_> = taken.messages[&Partition(0)].iter().map(|message| message.offset.0).collect();
        let count = i64::try_from(offsets.len()).unwrap();
        assert_eq!(offsets, (offset..offset + count).collect::<Vec<_>>());
    }
    let ahead = member.source.seek(Partition(0), Offset(30_001)).await.unwrap_err();
    assert!(matches!(ahead, Error::Ahead { end: Offset(30_000), .. }) && ahead.kind() == Kind::Halt, "{ahead}");
    let foreign = member.source.seek(Partition(7), Offset(0)).await.unwrap_err();
    assert_eq!(foreign.kind(), Kind::Fenced, "{foreign}");
}

#[tokio::test]
async fn members_come_and_go_and_nothing_is_lost_or_doubled() {
    let config = topic(6, &[]).await;
    produce(&config, 0, 10_000).await;
    let mut taken = Taken::default();
    let mut first = Member::join(&config);
    first.steps_until(&mut taken, |first, taken| first.owned.len() == 6 && taken.count() > 2_000).await;

    let mut second = Member::join(&config);
    let share = async {
        while second.owned.len() != 3 || first.owned.len() != 3 {
            first.step(&mut taken).await;
            second.step(&mut taken).await;
            assert!(first.owned.is_disjoint(&second.owned), "one owner at a time");
        }
    };
    tokio::time::timeout(PATIENCE, share).await.expect("the group never shared");

    produce(&config, 10_000, 20_000).await;
    while taken.count() < 15_000 {
        first.step(&mut taken).await;
        second.step(&mut taken).await;
    }
    // One leaves in the middle; the other gets everything and goes on where the positions say.
    first.source.close().await;
    second.steps_until(&mut taken, |second, taken| second.owned.len() == 6 && taken.count() == 20_000).await;
    assert_eq!(payloads(&taken.messages), (0..20_000).collect::<Vec<_>>());
}

/// What a pipeline does that somebody else has overtaken: it seeks anew in everything it owns, at any moment of a rebalance.
#[tokio::test]
async fn reading_anew_while_members_come_and_go_loses_and_doubles_nothing() {
    let config = topic(6, &[]).await;
    produce(&config, 0, 20_000).await;
    let mut taken = Taken::default();
    let mut members = vec![Member::join(&config)];
    let all = async {
        while taken.count() < 20_000 || members.len() < 3 || members.iter().any(|member| member.owned.len() != 2) {
            if members.len() < 3 && taken.count() > members.len() * 4_000 {
                members.push(Member::join(&config));
            }
            for member in &mut members {
                let before = taken.count();
                member.step(&mut taken).await;
                if taken.count() > before {
                    for partition in member.owned.clone() {
                        let at = taken.positions.get(&partition).copied().unwrap_or_default();
                        member.source.seek(partition, at).await.unwrap();
                    }
                }
            }
            let owned: usize = members.iter().map(|member| member.owned.len()).sum();
            let distinct: BTreeSet<_> = members.iter().flat_map(|member| &member.owned).collect();
            assert_eq!(owned, distinct.len(), "one owner at a time");
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("the group never settled");
    assert_eq!(payloads(&taken.messages), (0..20_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_member_that_stops_pulling_loses_its_partitions_hears_of_it_and_comes_back() {
    let mut config = topic(2, &[]).await;
    for setting in ["session.timeout.ms", "max.poll.interval.ms"] {
        config.extra.insert(setting.into(), "6000".into());
    }
    produce(&config, 0, 1_000).await;
    let (mut taken, mut first) = (Taken::default(), Member::join(&config));
    first.steps_until(&mut taken, |first, _| first.owned.len() == 2).await;
    let mut second = Member::join(&config);
    second.steps_until(&mut taken, |second, taken| second.owned.len() == 2 && taken.count() == 1_000).await;
    // What the first still holds is no longer its own: it hears so before anything else, and then gets a share again.
    let mut stale = Taken::default();
    first.steps_until(&mut stale, |first, _| first.owned.is_empty()).await;
    let share = async {
        while second.owned.len() != 1 || first.owned.len() != 1 {
            first.step(&mut taken).await;
            second.step(&mut taken).await;
        }
    };
    tokio::time::timeout(PATIENCE, share).await.expect("it never came back");
    produce(&config, 1_000, 2_000).await;
    while taken.count() < 2_000 {
        first.step(&mut taken).await;
        second.step(&mut taken).await;
    }
    assert_eq!(payloads(&taken.messages), (0..2_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_named_member_that_vanished_gets_its_partitions_back_at_once() {
    let mut config = topic(2, &[]).await;
    config.instance = Some("node-1".into());
    config.extra.insert("session.timeout.ms".into(), "45000".into());
    produce(&config, 0, 100).await;
    let mut taken = Taken::default();
    let mut member = Member::join(&config);
    member.steps_until(&mut taken, |_, taken| taken.count() == 100).await;
    // Never dropped, so it never leaves the group: what a killed process looks like.
    std::mem::forget(member);
    produce(&config, 100, 200).await;
    let mut again = Member::join(&config);
    let back = again.steps_until(&mut taken, |_, taken| taken.count() == 200);
    tokio::time::timeout(Duration::from_secs(20), back).await.expect("had to wait for the former session");
}

#[tokio::test]
async fn a_pull_that_is_dropped_loses_nothing() {
    let config = topic(3, &[]).await;
    let mut taken = Taken::default();
    let mut member = Member::join(&config);
    member.steps_until(&mut taken, |member, _| member.owned.len() == 3).await;
    let outlet = KafkaOutlet::open(&config).unwrap();
    for n in 0..50 {
        // The pull waits when the append is done, and is dropped there, or has a batch.
        tokio::select! {
            biased;
            sent = outlet.append(vec![message(n)]) => sent.unwrap(),
            pulled = member.source.pull() => if let Pulled::Batch(batch) = pulled.unwrap() {
                taken.take(batch);
                outlet.append(vec![message(n)]).await.unwrap();
            }
        }
    }
    member.steps_until(&mut taken, |_, taken| payloads(&taken.messages).last() == Some(&49)).await;
    let mut numbers = payloads(&taken.messages);
    numbers.dedup();
    assert_eq!(numbers, (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn transaction_markers_are_holes_that_ranges_cover() {
    use rdkafka::ClientConfig;
    use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
    let config = topic(1, &[]).await;
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", &config.bootstrap)
        .set("transactional.id", &config.topic)
        .create()
        .unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    for n in 0..3 {
        producer.begin_transaction().unwrap();
        producer.send(BaseRecord::<str, str>::to(&config.topic).payload(&format!("payload {n}"))).unwrap();
        producer.flush(PATIENCE).unwrap();
        if n == 1 { producer.abort_transaction(PATIENCE) } else { producer.commit_transaction(PATIENCE) }.unwrap();
    }
    let mut taken = Taken::default();
    let mut member = Member::join(&config);
    member.steps_until(&mut taken, |_, taken| taken.count() == 2).await;
    let offsets: Vec<_> = taken.messages[&Partition(0)].iter().map(|message| message.offset.0).collect();
    assert_eq!(offsets, [0, 4], "between them a marker, an aborted message and its marker");
    assert_eq!(taken.positions[&Partition(0)], Offset(5));
}

#[tokio::test]
async fn deleted_messages_halt_with_what_to_do_or_are_skipped_on_request() {
    let settings = [("retention.bytes", "1000"), ("segment.bytes", "1048576"), ("file.delete.delay.ms", "0")];
    let mut config = topic(1, &settings).await;
    let big = Outgoing { payload: vec![b'x'; 100_000], ..message(0) };
    let outlet = KafkaOutlet::open(&config).unwrap();
    config.extra.insert("compression.type".into(), "none".into());
    let deleted = tokio::time::timeout(PATIENCE, async {
        loop {
            outlet.append(vec![incompressible(&big); 12]).await.unwrap();
            let mut source = KafkaSource::open(&config).unwrap();
            let refused = loop {
                match source.pull().await.unwrap() {
                    Pulled::Assigned(_) => break source.seek(Partition(0), Offset(0)).await.err(),
                    other => assert_eq!(other, Pulled::Idle),
                }
            };
            source.close().await;
            if let Some(refused) = refused {
                return refused;
            }
        }
    })
    .await
    .expect("retention never came");
    assert_eq!(deleted.kind(), Kind::Halt);
    let Error::Deleted { start, wanted: Offset(0), .. } = &deleted else { panic!("{deleted}") };
    let text = deleted.to_string();
    for part in ["partition 0", &config.topic, &format!("offset {}", start.0), "0 is wanted", "skip_deleted"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    config.skip_deleted = true;
    let mut taken = Taken::default();
    let mut member = Member::join(&config);
    member.steps_until(&mut taken, |_, taken| taken.count() > 0).await;
    assert!(
        taken.messages[&Partition(0)][0].offset >= *start,
        "the range began at 0, the messages behind what is gone"
    );
}

/// Bytes that do not compress: retention counts what lies on disk.
fn incompressible(message: &Outgoing) -> Outgoing {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    });
    Outgoing { payload: next.take(message.payload.len()).collect(), ..message.clone() }
}

#[tokio::test]
async fn every_login_works_and_a_wrong_one_is_named() {
    let plain = topic(1, &[]).await;
    produce(&plain, 0, 10).await;
    let login = |mechanism, password: &str, tls| Security::Sasl {
        mechanism,
        username: variable("KAFKA_USER"),
        password: Secret(password.into()),
        tls,
    };
    let tls = Tls { ca: Some(variable("KAFKA_CA").into()), ..Tls::default() };
    let password = variable("KAFKA_PASSWORD");
    let good = [
        ("KAFKA_SASL_BOOTSTRAP", login(Mechanism::Plain, &password, None)),
        ("KAFKA_SASL_BOOTSTRAP", login(Mechanism::ScramSha256, &password, None)),
        ("KAFKA_SASL_BOOTSTRAP", login(Mechanism::ScramSha512, &password, None)),
        ("KAFKA_SASL_SSL_BOOTSTRAP", login(Mechanism::ScramSha256, &password, Some(tls.clone()))),
        ("KAFKA_SSL_BOOTSTRAP", Security::Tls(tls)),
    ];
    for (n, (bootstrap, security)) in (0..).zip(good) {
        let config = Config { bootstrap: variable(bootstrap), security, group: format!("g{n}"), ..plain.clone() };
        produce(&config, 10 + n, 11 + n).await;
        let wanted = usize::try_from(11 + n).unwrap();
        Member::join(&config).steps_until(&mut Taken::default(), |_, taken| taken.count() == wanted).await;
    }
    let bad = [
        ("KAFKA_SASL_BOOTSTRAP", login(Mechanism::Plain, "wrong", None)),
        ("KAFKA_SASL_BOOTSTRAP", login(Mechanism::ScramSha256, "wrong", None)),
        ("KAFKA_SSL_BOOTSTRAP", Security::Tls(Tls::default())),
    ];
    for (bootstrap, security) in bad {
        let config = Config { bootstrap: variable(bootstrap), security, ..plain.clone() };
        let refused = first_error(&config).await;
        assert!(matches!(refused, Error::Denied { .. }) && refused.kind() == Kind::Halt, "{refused}");
        assert!(refused.to_string().contains("check user name, password"), "{refused}");
        assert!(!refused.to_string().contains("wrong"), "{refused}");
    }
}

#[tokio::test]
async fn what_cannot_work_says_why() {
    let config = topic(1, &[]).await;
    let missing = Config { topic: format!("{}-missing", config.topic), ..config.clone() };
    let error = first_error(&missing).await;
    assert!(matches!(&error, Error::NoTopic { topic } if *topic == missing.topic), "{error}");
    let nobody = Config { bootstrap: "127.0.0.1:1".into(), ..config.clone() };
    let error = first_error(&nobody).await;
    assert_eq!(error.kind(), Kind::Retry, "{error}");
    let huge = Outgoing { payload: vec![0; 20 << 20], ..message(0) };
    let error = KafkaOutlet::open(&config).unwrap().append(vec![huge]).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { bytes } if bytes == 20 << 20) && error.kind() == Kind::Halt, "{error}");
    let mut odd = config.clone();
    odd.extra.insert("no.such.setting".into(), "1".into());
    let error = KafkaSource::open(&odd).unwrap_err();
    assert!(error.to_string().contains("no.such.setting") && error.kind() == Kind::Halt, "{error}");
    let pem = Config { security: Security::Tls(Tls { ca: Some("/no/such.pem".into()), ..Tls::default() }), ..config };
    let error = KafkaOutlet::open(&pem).unwrap_err();
    assert!(matches!(error, Error::Config { .. }), "{error}");
}

#[tokio::test]
async fn a_full_queue_is_back_pressure() {
    let mut config = topic(2, &[]).await;
    config.extra.insert("queue.buffering.max.messages".into(), "50".into());
    produce(&config, 0, 2_000).await;
    let mut taken = Taken::default();
    Member::join(&config).steps_until(&mut taken, |_, taken| taken.count() == 2_000).await;
    assert_eq!(payloads(&taken.messages), (0..2_000).collect::<Vec<_>>());
}
