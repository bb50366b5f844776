//! Control data through the command line, and a server that asks for keys.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::{fails, json, well};

/// A directory for one ledger, as an argument.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn args<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        [args, &["--data-dir", self.0.path().to_str().unwrap()]].concat()
    }
}

#[test]
fn tenants_and_contracts_are_added_changed_ended_and_audited() {
    let place = Place::new();
    let add = ["tenant", "add", "acme", "--name", "Acme, Inc", "--currency", "EUR", "--time-zone", "Asia/Kathmandu"];
    well(&place.args(&add));
    assert!(fails(3, &place.args(&add)).contains("a tenant acme already"));
    let wrong = |option, value| place.args(&["tenant", "change", "acme", option, value]);
    assert!(fails(3, &wrong("--currency", "eur")).contains("ISO 4217"));
    assert!(fails(3, &wrong("--time-zone", "Mars/Olympus")).contains("IANA"));
    assert!(fails(3, &wrong("--parent", "globex")).contains("no tenant globex"));
    assert!(fails(2, &["tenant", "add", "x"]).contains("--currency"));
    well(&place.args(&["tenant", "change", "acme", "--tax-id", "DE1"]));
    let shown = json(&place.args(&["tenant", "show", "acme", "--format", "json"]));
    assert_eq!((&shown[0]["name"], &shown[0]["tax_id"]), (&"Acme, Inc".into(), &"DE1".into()), "{shown}");
    assert!(well(&place.args(&["tenant", "list", "--format", "csv"])).contains("acme,\"Acme, Inc\",EUR"));

    let body = place.0.path().join("contract.json");
    std::fs::write(&body, r#"{"kind": "per_unit", "rate": "0.10"}"#).unwrap();
    let body = body.to_str().unwrap();
    let add = |id, from| place.args(&["contract", "add", id, "--tenant", "acme", "--from", from, "--body", body]);
    well(&add("c1", "2026-01-01"));
    let second = add("c2", "2026-06-01");
    assert!(fails(3, &second).contains("c2 would overlap c1 of tenant acme"));
    well(&place.args(&["contract", "end", "c1", "--at", "2026-06-01T00:00:00Z"]));
    well(&second);
    let listed = json(&place.args(&["contract", "list", "--tenant", "acme", "--format", "json"]));
    assert_eq!(listed[0]["to"], "2026-06-01T00:00:00Z");
    assert_eq!(listed[1]["body"]["rate"], "0.10");
    std::fs::write(body, "{").unwrap();
    assert!(fails(3, &second).contains("is not JSON"));

    well(&place.args(&["tenant", "end", "acme"]));
    let log = json(&place.args(&["audit-log", "--format", "json"]));
    let actions: Vec<&str> = log.as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["end", "add", "end", "add", "change", "add"]);
    assert_eq!((&log[4]["before"]["tax_id"], &log[4]["after"]["tax_id"]), (&serde_json::Value::Null, &"DE1".into()));
}

/// A server that ends with the test.
struct Server {
    child: Child,
    address: String,
    said: String,
}

impl Server {
    fn start(place: &Place) -> Self {
        let config = place.0.path().join("aliquot.toml");
        let data = place.0.path().display();
        std::fs::write(&config, format!("data_dir = \"{data}\"\n[api]\nlisten = \"127.0.0.1:0\"\n")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_aliquot"));
        command.args(["--log", "debug", "serve", "--config"]).arg(&config).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines.by_ref().map(Result::unwrap).find_map(|line| {
            said += &format!("{line}\n");
            Some(line.split_once(" at http://")?.1.split(',').next()?.to_owned())
        });
        // What it says from here on is of no interest, but must go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.unwrap(), said }
    }

    /// The status and the whole answer to a GET.
    fn get(&self, path: &str, key: Option<&str>) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let key = key.map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: aliquot\r\nconnection: close\r\n{key}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.strip_prefix("HTTP/1.1 ").unwrap().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_server_without_keys_is_open_and_one_with_keys_asks_for_them() {
    let place = Place::new();
    let server = Server::start(&place);
    assert!(server.said.contains("there is no API key"), "{}", server.said);
    assert!(server.get("/v1/usage", None).starts_with("200"));
    drop(server);

    let created = json(&place.args(&["key", "create", "a job", "--scope", "read", "--format", "json"]));
    let (key, id) = (created["key"].as_str().unwrap(), created["id"].as_str().unwrap());
    let shown = well(&place.args(&["key", "create", "nodes", "--scope", "ingest", "--expires", "2100-01-01"]));
    let ingest = shown.lines().last().unwrap();
    let server = Server::start(&place);
    assert!(!server.said.contains("there is no API key"), "{}", server.said);
    assert!(server.get("/v1/usage", None).starts_with("401"));
    assert!(server.get("/v1/usage", Some(key)).starts_with("200"));
    assert!(server.get("/v1/usage", Some(ingest)).starts_with("403"));
    assert!(server.get("/healthz", None).starts_with("200"));
    well(&place.args(&["key", "revoke", id]));
    assert!(server.get("/v1/usage", Some(key)).starts_with("401"), "at once");

    let listed = well(&place.args(&["key", "list", "--format", "json"])) + &well(&place.args(&["audit-log"]));
    for key in [key, ingest] {
        let (id, secret) = key.rsplit_once('_').unwrap();
        assert!(listed.contains(id) && !listed.contains(secret) && !server.said.contains(secret), "{listed}");
    }
    assert!(fails(3, &place.args(&["key", "revoke", "aliquot_0"])).contains("no key aliquot_0"));
    assert!(fails(3, &place.args(&["key", "create", "x", "--scope", "admin", "--tenant", "acme"])).contains("admin"));
    assert!(fails(2, &place.args(&["key", "create", "x"])).contains("--scope"));
}

#[test]
fn without_keys_no_other_machine_is_let_in_unless_that_is_said() {
    let place = Place::new();
    let config = place.0.path().join("aliquot.toml");
    let data = place.0.path().display();
    std::fs::write(&config, format!("data_dir = \"{data}\"\n[api]\nlisten = \"0.0.0.0:0\"\n")).unwrap();
    let error = fails(2, &["serve", "--config", config.to_str().unwrap()]);
    assert!(error.contains("aliquot key create") && error.contains("--open"), "{error}");
}
