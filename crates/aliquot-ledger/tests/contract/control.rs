//! What any back end must do with control data: refusals that name rows, and an audit entry with every change.

use aliquot_core::ports::{Fault, Kind};
use aliquot_core::time::EventTime;
use aliquot_ledger::{
    Author, Contract, Due, Entitlement, Error, ExchangeRate, KEY_RANDOM_BYTES, Ledger, NewKey, Scope, Tenant,
};

use crate::Store;

fn by(at: i64) -> Author<'static> {
    Author { who: "ada", at: EventTime(at) }
}

fn tenant(id: &str, parent: Option<&str>) -> Tenant {
    Tenant {
        id: id.to_owned(),
        name: format!("{id} & Söhne"),
        currency: "EUR".to_owned(),
        time_zone: "Asia/Kathmandu".to_owned(),
        tax_id: None,
        parent: parent.map(str::to_owned),
        created_at: EventTime(1),
        changed_at: EventTime(1),
        ended_at: None,
    }
}

fn contract(id: &str, tenant: &str, from: i64, to: Option<i64>) -> Contract {
    Contract {
        id: id.to_owned(),
        version: 1,
        tenant: tenant.to_owned(),
        from: EventTime(from),
        to: to.map(EventTime),
        body: r#"{"kind":"per_unit"}"#.to_owned(),
        changed_at: EventTime(0),
    }
}

fn refused(answer: Result<impl std::fmt::Debug, Error>, words: &[&str]) {
    let error = answer.unwrap_err();
    assert_eq!(error.kind(), Kind::Halt);
    assert!(words.iter().all(|word| error.to_string().contains(word)), "{error}");
}

/// Actions and subjects of the audit log, oldest first.
async fn audited(ledger: &Ledger) -> Vec<String> {
    let entries = ledger.audit_log(None, 100).await.unwrap();
    assert!(entries.iter().rev().map(|entry| entry.entry).eq(1..=i64::try_from(entries.len()).unwrap()));
    assert!(entries.iter().all(|entry| entry.actor == "ada"));
    entries.into_iter().rev().map(|entry| format!("{} {} {}", entry.action, entry.kind, entry.subject)).collect()
}

#[tokio::test]
async fn tenants_are_added_changed_and_ended_and_each_change_is_audited() {
    let store = Store::new().await;
    let ledger = store.open().await;
    ledger.add_tenant(by(1), &tenant("acme", None)).await.unwrap();
    ledger.add_tenant(by(2), &tenant("acme-labs", Some("acme"))).await.unwrap();
    refused(ledger.add_tenant(by(3), &tenant("acme", None)).await, &["tenant acme already"]);
    refused(ledger.add_tenant(by(3), &tenant("globex", Some("initech"))).await, &["no tenant initech"]);
    let own_parent = ledger.change_tenant(by(3), "acme", |acme| acme.parent = Some("acme-labs".to_owned())).await;
    refused(own_parent, &["own parent account"]);
    let changed = ledger.change_tenant(by(4), "acme", |acme| acme.tax_id = Some("DE1".to_owned())).await.unwrap();
    assert_eq!((changed.created_at, changed.changed_at), (EventTime(1), EventTime(4)));
    ledger.change_tenant(by(5), "acme-labs", |labs| labs.ended_at = Some(EventTime(5))).await.unwrap();
    refused(ledger.change_tenant(by(6), "acme-labs", |labs| labs.ended_at = None).await, &["acme-labs has ended"]);
    refused(ledger.change_tenant(by(6), "globex", |_| {}).await, &["no tenant globex"]);

    let reader = store.open().await;
    assert_eq!(reader.tenant("acme").await.unwrap(), Some(changed.clone()));
    let ids = async |after, rows| {
        let page = reader.tenants(after, rows).await.unwrap();
        page.into_iter().map(|tenant| tenant.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, 1).await, ["acme"]);
    assert_eq!(ids(Some("acme"), 9).await, ["acme-labs"]);
    let expected = ["add tenant acme", "add tenant acme-labs", "change tenant acme", "end tenant acme-labs"];
    assert_eq!(audited(&reader).await, expected);
    let entry = reader.audit_log(Some(4), 1).await.unwrap().remove(0);
    assert!(entry.before.unwrap().contains(r#""tax_id":null"#) && entry.after.contains(r#""tax_id":"DE1""#));
}

#[tokio::test]
async fn contracts_keep_their_versions_and_never_overlap() {
    let store = Store::new().await;
    let ledger = store.open().await;
    refused(ledger.add_contract(by(1), &contract("c1", "acme", 10, None)).await, &["no tenant acme"]);
    ledger.add_tenant(by(1), &tenant("acme", None)).await.unwrap();
    ledger.add_contract(by(2), &contract("c1", "acme", 10, Some(20))).await.unwrap();
    ledger.add_contract(by(2), &contract("c2", "acme", 20, None)).await.unwrap();
    refused(ledger.add_contract(by(3), &contract("c2", "acme", 1, Some(2))).await, &["contract c2 already"]);
    refused(ledger.add_contract(by(3), &contract("c3", "acme", 15, None)).await, &["c3", "c1, c2", "acme"]);
    refused(ledger.add_contract(by(3), &contract("c3", "acme", 9, Some(8))).await, &["before it begins"]);
    let body = r#"{"kind":"package"}"#;
    let changed = ledger.change_contract(by(4), "c2", "change", |held| held.body = body.to_owned()).await.unwrap();
    assert_eq!((changed.version, changed.changed_at), (2, EventTime(4)));
    let ended = ledger.end_contract(by(5), "c2", EventTime(30)).await.unwrap();
    assert_eq!((ended.version, ended.to, ended.body.as_str()), (3, Some(EventTime(30)), body));
    refused(ledger.end_contract(by(6), "c2", EventTime(30)).await, &["already"]);
    refused(ledger.end_contract(by(6), "c9", EventTime(30)).await, &["no contract c9"]);
    // What has ended leaves its place.
    ledger.add_contract(by(7), &contract("c3", "acme", 30, None)).await.unwrap();
    let listed = store.open().await.contracts(Some("acme"), None, 9).await.unwrap();
    assert_eq!(
        listed.iter().map(|held| (held.id.as_str(), held.version)).collect::<Vec<_>>(),
        [("c1", 1), ("c2", 3), ("c3", 1)]
    );
    assert_eq!(audited(&ledger).await.len(), 6);
}

#[tokio::test]
async fn a_key_is_known_by_its_hash_until_it_expires_or_is_revoked() {
    let store = Store::new().await;
    let ledger = store.open().await;
    assert!(!ledger.has_keys().await.unwrap());
    let new = |scopes: &[Scope], tenant: Option<&str>| NewKey {
        name: "billing job".to_owned(),
        scopes: scopes.to_vec(),
        tenant: tenant.map(str::to_owned),
        expires_at: Some(EventTime(100)),
    };
    let random = |byte| [byte; KEY_RANDOM_BYTES];
    refused(ledger.create_key(by(1), new(&[], None), random(1)).await, &["without a scope"]);
    refused(ledger.create_key(by(1), new(&[Scope::Admin], Some("acme")), random(1)).await, &["bind it to none"]);
    refused(ledger.create_key(by(100), new(&[Scope::Read], None), random(1)).await, &["expired already"]);
    let scopes = [Scope::Read, Scope::Ingest, Scope::Read];
    let (text, key) = ledger.create_key(by(1), new(&scopes, Some("acme")), random(7)).await.unwrap();
    assert_eq!(text, format!("aliquot_{}_{}", "07".repeat(6), "07".repeat(32)));
    assert_eq!(key.scopes, [Scope::Ingest, Scope::Read]);

    let reader = store.open().await;
    assert!(reader.has_keys().await.unwrap());
    assert_eq!(reader.authenticate(&text, EventTime(99)).await.unwrap(), Some(key.clone()));
    assert_eq!(reader.authenticate(&text, EventTime(100)).await.unwrap(), None);
    let other = format!("{}8", text.strip_suffix('7').unwrap());
    for wrong in [other.as_str(), &text.to_uppercase(), &key.id, "", "aliquot_", "é"] {
        assert_eq!(reader.authenticate(wrong, EventTime(2)).await.unwrap(), None, "{wrong}");
    }
    ledger.note_use(&key, EventTime(50)).await.unwrap();
    assert_eq!(reader.keys(None, 9).await.unwrap().remove(0).last_used_at, Some(EventTime(50)));
    ledger.revoke_key(by(60), &key.id).await.unwrap();
    assert_eq!(ledger.revoke_key(by(70), &key.id).await.unwrap().revoked_at, Some(EventTime(60)));
    assert_eq!(reader.authenticate(&text, EventTime(61)).await.unwrap(), None);
    refused(ledger.revoke_key(by(70), "aliquot_00").await, &["no key aliquot_00"]);
    assert_eq!(audited(&reader).await, [format!("add key {}", key.id), format!("revoke key {}", key.id)]);
    let entries = format!("{:?}", reader.audit_log(None, 9).await.unwrap());
    assert!(!entries.contains(&"07".repeat(32)), "the secret is nowhere");
}

#[tokio::test]
async fn entitlements_and_rates_are_put_once_for_a_time() {
    let store = Store::new().await;
    let ledger = store.open().await;
    ledger.add_tenant(by(1), &tenant("acme", None)).await.unwrap();
    let put = |from, to: Option<i64>, due| Entitlement {
        tenant: "acme".to_owned(),
        domain: "gpu-0".to_owned(),
        from: EventTime(from),
        to: to.map(EventTime),
        due,
    };
    ledger.put_entitlement(by(2), &put(10, None, Due::Blocks(4_000))).await.unwrap();
    refused(ledger.put_entitlement(by(3), &put(20, None, Due::SharePpm(1))).await, &["acme in gpu-0", "from 10"]);
    refused(ledger.put_entitlement(by(3), &put(20, Some(20), Due::Blocks(1))).await, &["before it begins"]);
    refused(ledger.put_entitlement(by(3), &put(1, Some(5), Due::SharePpm(1_000_001))).await, &["at most"]);
    let first = put(10, Some(20), Due::Blocks(4_000));
    let second = put(20, None, Due::SharePpm(250_000));
    ledger.put_entitlement(by(4), &first).await.unwrap();
    ledger.put_entitlement(by(5), &second).await.unwrap();
    assert_eq!(store.open().await.entitlements(Some("gpu-0")).await.unwrap(), [first, second]);
    assert_eq!(ledger.entitlements(Some("gpu-1")).await.unwrap(), []);

    let text = str::to_owned;
    let rate = |rate| ExchangeRate {
        base: text("USD"),
        quote: text("EUR"),
        day: text("2026-03-01"),
        rate: text(rate),
        source: text("ECB"),
    };
    ledger.put_exchange_rate(by(6), &rate("0.9215")).await.unwrap();
    ledger.put_exchange_rate(by(7), &rate("0.9215")).await.unwrap();
    refused(ledger.put_exchange_rate(by(7), &rate("0.93")).await, &["USD in EUR on 2026-03-01 is 0.9215"]);
    assert_eq!(ledger.exchange_rate("USD", "EUR", "2026-03-01").await.unwrap(), Some(rate("0.9215")));
    assert_eq!(ledger.exchange_rate("USD", "EUR", "2026-03-02").await.unwrap(), None);
    assert_eq!(audited(&ledger).await.len(), 5);
}
