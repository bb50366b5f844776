//! What is SQLite's own: the file, its schema, its locks, reading it while another process writes, and its documents.

use std::path::Path;

use aliquot_core::ports::{Activations, Fault, Kind, Sink};
use aliquot_core::position::{Offset, Partition};
use aliquot_core::prices::BookId;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use super::{Store, commit, contents, event, single, slow_sum, spelled};
use crate::schema::{POSTGRES, SQLITE, known};
use crate::{Error, Ledger};

/// A connection that knows nothing of the ledger. It waits for locks: handles that were dropped close in their own time.
async fn raw(store: &Store) -> SqliteConnection {
    SqliteConnectOptions::new().filename(store.path()).connect().await.unwrap()
}

async fn alter(store: &Store, sql: &'static str) {
    let mut connection = raw(store).await;
    sqlx::query(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn filled(store: &Store) -> Ledger {
    let mut ledger = store.open().await;
    ledger.commit(&commit(0, 0, 30)).await.unwrap();
    ledger
}

#[tokio::test]
async fn a_ledger_of_another_version_is_refused() {
    let store = Store::new();
    filled(&store).await.close().await;
    alter(
        &store,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (4711, 'later', TRUE, x'00', 0)",
    )
    .await;
    for error in
        [Ledger::open(&store.path()).await, Ledger::open_read_only(&store.path()).await].map(Result::unwrap_err)
    {
        assert!(matches!(error, Error::Newer { found: 4711, .. }), "{error}");
        assert_eq!(error.kind(), Kind::Halt);
        assert!(error.to_string().contains("has schema 4711, this version knows up to"), "{error}");
    }
    alter(&store, "DELETE FROM _sqlx_migrations").await;
    let error = Ledger::open_read_only(&store.path()).await.unwrap_err();
    assert!(matches!(error, Error::Older { found: 0, .. }), "{error}");
    // A migration that cannot run changes nothing: here its tables are there already.
    let error = Ledger::open(&store.path()).await.unwrap_err();
    assert!(matches!(error, Error::Migrate { .. }), "{error}");
    let migrations: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM _sqlx_migrations").fetch_one(&mut raw(&store).await).await.unwrap();
    assert_eq!(migrations, 0);
}

#[tokio::test]
async fn what_is_no_ledger_is_refused_and_left_alone() {
    let store = Store::new();
    let missing = Ledger::open_read_only(&store.path()).await.unwrap_err();
    assert!(matches!(missing, Error::Missing { .. }), "{missing}");
    assert!(!store.path().exists());

    std::fs::create_dir_all(store.path().parent().unwrap()).unwrap();
    let text = "no database, but long enough to be mistaken for one. ".repeat(100);
    std::fs::write(store.path(), &text).unwrap();
    for error in
        [Ledger::open(&store.path()).await, Ledger::open_read_only(&store.path()).await].map(Result::unwrap_err)
    {
        assert!(error.to_string().contains("not a ledger"), "{error}");
        assert_eq!(error.kind(), Kind::Halt);
    }
    assert_eq!(std::fs::read_to_string(store.path()).unwrap(), text);

    std::fs::write(store.path(), "").unwrap();
    let error = Ledger::open_read_only(&store.path()).await.unwrap_err();
    assert!(matches!(error, Error::Foreign { .. }), "{error}");
    alter(&store, "CREATE TABLE other (a INTEGER)").await;
    for error in
        [Ledger::open(&store.path()).await, Ledger::open_read_only(&store.path()).await].map(Result::unwrap_err)
    {
        assert!(matches!(error, Error::Foreign { .. }), "{error}");
    }

    let directory = Ledger::open(store.0.path()).await.unwrap_err();
    assert_eq!(directory.kind(), Kind::Halt, "{directory}");
    assert!(directory.to_string().contains("check that the file"), "{directory}");
}

#[tokio::test]
async fn a_reader_follows_a_writer_and_may_not_write() {
    let store = Store::new();
    let mut ledger = filled(&store).await;
    let mut reader = Ledger::open_read_only(&store.path()).await.unwrap();
    assert_eq!(contents(&reader).await, contents(&ledger).await);
    ledger.commit(&commit(0, 30, 50)).await.unwrap();
    assert_eq!(spelled(&reader.totals(None, None).await.unwrap()), slow_sum(&[(0, 50)]));

    let refused = [
        reader.commit(&commit(0, 50, 60)).await,
        reader.activate(Partition(0), Offset(50), BookId(1)).await,
        reader.positions(&[Partition(0)]).await.map(drop),
    ];
    for refused in refused {
        let error = refused.unwrap_err();
        assert!(matches!(error, Error::ReadOnly) && error.kind() == Kind::Halt, "{error}");
    }
    // Closed by everybody, the file holds everything by itself.
    reader.close().await;
    ledger.close().await;
    let copy = store.0.path().join("copy.sqlite");
    std::fs::copy(store.path(), &copy).unwrap();
    let copy = Ledger::open_read_only(&copy).await.unwrap();
    assert_eq!(spelled(&copy.totals(None, None).await.unwrap()), slow_sum(&[(0, 50)]));
}

#[tokio::test]
async fn a_held_lock_means_try_again() {
    let store = Store::new();
    let ledger = filled(&store).await;
    let transaction = ledger.begin().await.unwrap();
    let mut other = raw(&store).await;
    sqlx::query("PRAGMA busy_timeout = 0").execute(&mut other).await.unwrap();
    let busy = other.begin_with("BEGIN IMMEDIATE").await.map(drop).unwrap_err();
    let error = Error::sql("write to")(busy);
    assert_eq!(error.kind(), Kind::Retry, "{error}");
    assert!(error.to_string().contains("this is tried again"), "{error}");
    drop(transaction);
    // Whoever left without a commit left nothing behind, not even the lock: the next one queues behind the undoing.
    ledger.begin().await.unwrap().rollback().await.unwrap();
    other.begin_with("BEGIN IMMEDIATE").await.unwrap();
}

#[tokio::test]
async fn values_nobody_wrote_are_reported_not_guessed() {
    let store = Store::new();
    let ledger = filled(&store).await;
    for (column, sql) in [
        ("lines", "UPDATE totals SET lines = '1' || char(10) || 'output 1 1.5 1' || char(10)"),
        ("lines", "UPDATE totals SET lines = 'x' || char(30) || 'x'"),
        ("unpriced", "UPDATE totals SET lines = '1' || char(10) || 'output 1 1 1' || char(10), unpriced = 1"),
        ("unpriced", "UPDATE totals SET lines = '1' || char(10) || 'output ? 1 0' || char(10), unpriced = 0"),
        ("price_book", "UPDATE totals SET unpriced = 1, price_book = 'b00c'"),
    ] {
        alter(&store, sql).await;
        for error in [
            ledger.totals(None, None).await.map(drop),
            ledger.totals_page(None, 1).await.map(drop),
            ledger.totals_page(None, 1_000).await.map(drop),
        ] {
            let error = error.unwrap_err();
            assert!(matches!(error, Error::Corrupt { column: found, .. } if found == column), "{error}");
            assert_eq!(error.kind(), Kind::Halt);
        }
    }
}

#[tokio::test]
async fn nothing_is_added_to_values_nobody_wrote() {
    let store = Store::new();
    let mut ledger = filled(&store).await;
    for sql in [
        "UPDATE totals SET lines = '1' || char(10) || 'output 1 1' || char(10)",
        "UPDATE totals SET lines = 'x' || char(30) || 'x'",
        // Two sound values for one.
        "UPDATE totals SET lines = '1' || char(10) || 'output 1 1 1' || char(10, 30, 49, 10) || 'output 1 1 1' || char(10)",
    ] {
        alter(&store, sql).await;
        let (event, rated) = event(0, 20);
        let error = ledger.commit(&single(0, 30, &event, rated)).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt { column: "lines", .. }), "{error}");
        assert_eq!(error.kind(), Kind::Halt);
        assert_eq!(ledger.held().await.unwrap(), [(Partition(0), Offset(30))].into());
    }
}

#[tokio::test]
async fn words_and_amounts_of_attribution_nobody_wrote_are_reported() {
    let store = Store::new();
    let ledger = filled(&store).await;
    for (column, sql) in [
        ("quantity", "UPDATE externalities SET quantity = '-1'"),
        ("credits_pico", "UPDATE externalities SET quantity = '1', credits_pico = ''"),
        ("culprit_kind", "UPDATE externalities SET credits_pico = '0', culprit_kind = 'tenant', culprit = NULL"),
        ("culprit_kind", "UPDATE externalities SET culprit_kind = 'ghost'"),
        ("evidence", "UPDATE externalities SET culprit_kind = 'background', evidence = 'certain'"),
        ("game", "UPDATE externalities SET evidence = 'exact', game = 'G1'"),
        ("harm", "UPDATE externalities SET game = 'g1', harm = ''"),
        ("cause", "UPDATE externalities SET harm = 'miss', cause = 'cold'"),
    ] {
        alter(&store, sql).await;
        let error = ledger.all_externalities(None, None).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt { column: found, .. } if found == column), "{column}: {error}");
        assert_eq!(error.kind(), Kind::Halt);
    }
    for (column, sql) in [
        ("tokens", "UPDATE causes SET tokens = '1.0'"),
        ("cost_pico", "UPDATE causes SET tokens = '1', cost_pico = '1e3'"),
        ("cause", "UPDATE causes SET cost_pico = '0', cause = 'cold'"),
    ] {
        alter(&store, sql).await;
        let error = ledger.all_causes(None, None).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt { column: found, .. } if found == column), "{column}: {error}");
    }
    for (column, sql) in [
        ("error_ppm", "UPDATE domain_fits SET error_ppm = -1"),
        ("tier", "UPDATE domain_fits SET error_ppm = 1, tier = 'a'"),
    ] {
        alter(&store, sql).await;
        let error = ledger.fits(None).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt { column: found, .. } if found == column), "{column}: {error}");
    }
}

#[tokio::test]
async fn a_ledger_of_the_version_before_is_migrated_and_goes_on() {
    let store = Store::new();
    let mut before = filled(&store).await;
    before.commit(&commit(0, 30, 40)).await.unwrap();
    before.close().await;
    for table in ["contracts", "entitlements", "tenants", "api_keys", "exchange_rates", "audit_log"] {
        let mut connection = raw(&store).await;
        sqlx::query(AssertSqlSafe(format!("DROP TABLE {table}"))).execute(&mut connection).await.unwrap();
    }
    alter(&store, "DROP TABLE externalities").await;
    alter(&store, "DROP TABLE causes").await;
    alter(&store, "DROP TABLE domain_fits").await;
    alter(&store, "DELETE FROM _sqlx_migrations WHERE version >= 5").await;
    let mut ledger = store.open().await;
    ledger.commit(&commit(0, 40, 50)).await.unwrap();
    let found = contents(&ledger).await;
    assert_eq!(spelled(&found.totals), slow_sum(&[(0, 50)]));
    let alone = commit(0, 40, 50).charges;
    assert_eq!(found.externalities, aliquot_core::externality::externalities(&alone, alone.rows()));
}

#[tokio::test]
async fn two_processes_may_make_the_ledger_at_once() {
    let store = Store::new();
    let path = store.path();
    let (first, second) = tokio::join!(Ledger::open(&path), Ledger::open(&path));
    assert_eq!(contents(&first.unwrap()).await, contents(&second.unwrap()).await);
}

#[tokio::test]
async fn commits_are_synced_and_references_are_checked() {
    let store = Store::new();
    let ledger = filled(&store).await;
    let mut writer = ledger.begin().await.unwrap();
    let crate::database::Session::Sqlite(writer) = &mut writer else { unreachable!("a file is SQLite's") };
    for (pragma, expected) in [("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1")] {
        let row = sqlx::query(AssertSqlSafe(format!("PRAGMA {pragma}"))).fetch_one(&mut **writer).await.unwrap();
        let found = row.try_get::<String, _>(0).or_else(|_| row.try_get::<i64, _>(0).map(|number| number.to_string()));
        assert_eq!(found.unwrap(), expected, "{pragma}");
    }
}

#[tokio::test]
async fn the_document_lists_exactly_the_tables_and_columns() {
    let store = Store::new();
    let _open = store.open().await;
    let mut connection = raw(&store).await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY rowid",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut columns = Vec::new();
    for table in tables {
        let sql = "SELECT name, type, \"notnull\" FROM pragma_table_info($1) ORDER BY cid";
        let rows: Vec<(String, String, bool)> =
            sqlx::query_as(sql).bind(&table).fetch_all(&mut connection).await.unwrap();
        columns.push(format!("## `{table}`"));
        columns.extend(rows.into_iter().map(|(name, kind, required)| {
            format!("| `{name}` | {}{}", kind.to_lowercase(), if required { "" } else { "?" })
        }));
    }
    let document = include_str!("../../../../schemas/ledger/README.md");
    let documented = document.lines().skip_while(|line| !line.starts_with("## ")).filter_map(|line| {
        if line.starts_with("## `") {
            return Some(line.to_owned());
        }
        let (name, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
        Some(format!("| `{name}` | {}", rest.split(" | ").next().unwrap_or_default()))
    });
    assert_eq!(documented.collect::<Vec<_>>(), columns);
}

#[test]
fn every_migration_is_embedded_for_both_databases() {
    for (folder, migrator) in [("", &SQLITE), ("postgres", &POSTGRES)] {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/ledger").join(folder);
        let files = std::fs::read_dir(directory).unwrap();
        let files = files.filter_map(|file| file.unwrap().file_name().into_string().ok());
        let mut files: Vec<String> = files.filter(|name| name.ends_with(".sql")).collect();
        files.sort();
        let embedded =
            migrator.iter().map(|migration| format!("{:04}_{}.sql", migration.version, migration.description));
        assert_eq!(files, embedded.map(|name| name.replace(' ', "_")).collect::<Vec<_>>());
        assert!(files.last().is_some_and(|name| name.starts_with(&format!("{:04}_", known()))), "{files:?}");
    }
}
