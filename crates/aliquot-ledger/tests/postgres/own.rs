//! What is PostgreSQL's own: who is let in, what an operator is told, and connections that are lost in the middle.

use aliquot_core::ports::{Fault, Kind, Sink};
use aliquot_core::position::{Offset, Partition};
use aliquot_ledger::{Error, Ledger, Server};
use sqlx::Connection;

use crate::contract::fixture::{commit, contents};
use crate::{Store, address};

const P0: Partition = Partition(0);

async fn refused(url: &str, kind: Kind, words: &str) {
    let server = Server::parse(url, None).unwrap();
    for error in [Ledger::connect(&server).await, Ledger::connect_read_only(&server).await].map(Result::unwrap_err) {
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(!format!("{error} {error:?}").contains("sesame"), "{error:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_opened_says_what_to_do() {
    refused("postgres://aliquot:sesame@127.0.0.1:1/aliquot", Kind::Retry, "check that it runs").await;
    refused(&address("no_such_database"), Kind::Halt, "CREATE DATABASE").await;
    let (before, after) = address("postgres").split_once('@').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let user = before.trim_start_matches("postgres://").split(':').next().unwrap().to_owned();
    refused(&format!("postgres://{user}:sesame@{after}"), Kind::Halt, "refuses the login").await;
    let error = Server::parse("mysql://host/db", None).unwrap_err();
    assert!(matches!(error, Error::Address { .. }) && error.kind() == Kind::Halt, "{error}");
}

#[tokio::test]
async fn what_is_no_ledger_or_another_versions_is_refused() {
    let store = Store::new().await;
    let missing = Ledger::connect_read_only(&store.server()).await.unwrap_err();
    assert!(matches!(missing, Error::Missing { .. }), "{missing}");
    let mut raw = store.raw().await;
    sqlx::raw_sql("CREATE TABLE other (a INTEGER)").execute(&mut raw).await.unwrap();
    let foreign = Ledger::connect(&store.server()).await.unwrap_err();
    assert!(matches!(foreign, Error::Foreign { .. }), "{foreign}");
    sqlx::raw_sql("DROP TABLE other").execute(&mut raw).await.unwrap();
    store.open().await.close().await;
    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (4711, 'later', TRUE, '\\x00', 0)";
    sqlx::raw_sql(later).execute(&mut raw).await.unwrap();
    for error in [Ledger::connect(&store.server()).await, Ledger::connect_read_only(&store.server()).await] {
        assert!(matches!(error, Err(Error::Newer { found: 4711, .. })), "{error:?}");
    }
}

#[tokio::test]
async fn two_processes_may_make_the_ledger_at_once_and_readers_may_not_write() {
    let store = Store::new().await;
    let server = store.server();
    let (first, second) = tokio::join!(Ledger::connect(&server), Ledger::connect(&server));
    let (mut first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(contents(&first).await, contents(&second).await);
    first.commit(&commit(0, 0, 10)).await.unwrap();
    let mut reader = Ledger::connect_read_only(&server).await.unwrap();
    assert_eq!(contents(&reader).await, contents(&first).await);
    assert!(matches!(reader.commit(&commit(0, 10, 20)).await, Err(Error::ReadOnly)));
}

#[tokio::test]
async fn a_lost_connection_is_tried_again_and_counts_once() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    ledger.commit(&commit(0, 0, 10)).await.unwrap();
    let mut raw = store.raw().await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let mut lost = 0;
    for round in 1..40_i64 {
        let next = commit(0, round * 10, round * 10 + 10);
        let ended = async {
            tokio::time::sleep(std::time::Duration::from_micros(u64::try_from(round).unwrap() * 300)).await;
            sqlx::raw_sql(end).execute(&mut raw).await.unwrap();
        };
        let (answer, ()) = tokio::join!(ledger.commit(&next), ended);
        let mut answer = answer;
        while let Err(error) = answer {
            assert_eq!(error.kind(), Kind::Retry, "{error} {error:?}");
            lost += 1;
            answer = ledger.commit(&next).await;
        }
    }
    assert!(lost > 0, "no connection was lost in the middle");
    assert_eq!(ledger.positions(&[P0]).await.unwrap(), [(P0, Offset(400))].into());
    let calm = Store::new().await;
    let mut other = calm.open().await;
    for round in 0..40 {
        other.commit(&commit(0, round * 10, round * 10 + 10)).await.unwrap();
    }
    assert_eq!(contents(&store.open().await).await, contents(&other).await);
}

#[tokio::test]
async fn a_lock_that_somebody_keeps_means_try_again() {
    let store = Store::new().await;
    let mut ledger = store.open().await;
    let mut other = store.raw().await;
    let mut transaction = other.begin().await.unwrap();
    sqlx::raw_sql("SELECT pg_advisory_xact_lock(27422272871821172)").execute(&mut *transaction).await.unwrap();
    let error = ledger.commit(&commit(0, 0, 10)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Retry, "{error}");
    assert!(error.to_string().contains("another process"), "{error}");
    transaction.rollback().await.unwrap();
    ledger.commit(&commit(0, 0, 10)).await.unwrap();
}
