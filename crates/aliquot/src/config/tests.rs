//! The example is the defaults, and every mistake is named.

use super::*;

fn error(text: &str) -> String {
    format!("{:#}", Config::parse(text).unwrap_err())
}

#[test]
fn the_printed_example_is_the_defaults_and_knows_every_key() {
    let printed = Config::parse(EXAMPLE).unwrap();
    assert_eq!(format!("{printed:?}"), format!("{:?}", Config::default()));
    // With its commented examples switched on, the file still reads: no key in a comment is misspelt.
    let uncommented: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with('[') || rest.contains(" = ") => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let all = Config::parse(&uncommented).unwrap();
    assert_eq!(all.pipeline.tenants.as_ref().map(|tenants| tenants.len()), Some(2));
    let missing = all.layout().unwrap_err();
    assert!(format!("{missing:#}").contains("ledger.password_file: cannot read /etc/aliquot"), "{missing:#}");
    let missing = all.kafka.to_client().unwrap_err();
    assert!(format!("{missing:#}").contains("kafka.tls.key_password_file: cannot read /etc/aliquot"), "{missing:#}");
}

#[test]
fn mistakes_name_the_key_and_what_to_do() {
    let cases = [
        ("data_dirr = 'x'", "unknown field `data_dirr`"),
        ("[log]\nkind = 'redis'", "unknown variant `redis`, expected `embedded` or `kafka`"),
        ("[log]\npartitions = 0", "log.partitions is 0"),
        ("[log]\nkeep_bytes = 9000000000", "log.keep_bytes must be below"),
        ("[pipeline]\ncommit_interval_ms = 1", "between 10 and"),
        ("[pipeline]\ntenants = []", "name the tenants or leave it out"),
        ("[pipeline]\ncommit_rows_max = 0", "commit_rows_max is 0"),
        ("[upkeep]\ninterval_s = 0", "at least 1"),
        ("[log]\nkind = 'kafka'\n[kafka]\ntopic = ' '", "kafka.topic is empty"),
        ("[log]\nkind = 'kafka'\n[kafka.sasl]\nmechanism = 'PLAIN'\nusername = 'u'", "password_file or password_env"),
        ("[kafka.sasl]\nmechanism = 'GSSAPI'\nusername = 'u'", "unknown variant `GSSAPI`"),
        ("[api]\nlisten = 8080", "invalid type: integer `8080`"),
        ("[domains.a]\ncapacity_blocks = 0", "domains.\"a\".capacity_blocks is 0"),
        ("[domains.a]\nlifetime_s = -1", "domains.\"a\".lifetime_s must lie between"),
        ("[domains.a]\ncapacity_blocks = 5\n[domains.a.entitlements]\nx = 3\ny = 3", "6 blocks, more than"),
        ("[ledger]\nurl = 'mysql://h/d'", "does not begin with postgres://"),
        ("[ledger]\nurl = 'postgres://u:sesame@h/d'", "use ledger.password_file or ledger.password_env"),
        ("[ledger]\nurl = 'postgres://u@h/d?password=sesame'", "does not belong in this file"),
        ("[ledger]\npassword_env = 'X'", "need ledger.url"),
        ("data_dir =", "TOML parse error at line 1"),
    ];
    for (text, expected) in cases {
        let error = error(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn a_missing_file_says_how_to_get_one() {
    let error = Config::load(Some(Path::new("/nowhere/aliquot.toml"))).unwrap_err();
    assert!(format!("{error:#}").contains("--print-config"), "{error:#}");
}
