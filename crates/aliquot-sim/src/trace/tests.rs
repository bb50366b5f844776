//! What the readers make of small inputs; real ones are in the integration tests.

use super::*;

const SESSIONS: &str = r#"
{"id":"a","models":["m"],"block_size":64,"hash_id_scope":"local","requests":[{"t":0.0,"type":"n","model":"m1","in":200,"out":5,"hash_ids":[1,2,3],"api_time":2.5,"ttft":0.25},{"t":70.0,"type":"subagent","agent_id":"x","requests":[{"t":0.0,"type":"n","model":"m2","in":130,"out":6,"hash_ids":[7,9]},{"t":20.0,"type":"s","model":"m2","in":130,"out":6,"hash_ids":[7,8]}]},{"t":80.5,"type":"s","model":"m1","in":260,"out":7,"hash_ids":[1,2,3,4]}]}
{"id":"b","models":["m"],"block_size":64,"hash_id_scope":"local","requests":[{"t":10.0,"type":"n","model":"m1","in":128,"out":5,"hash_ids":[1,2]}]}
"#;

fn all(format: Format, text: &str, stagger_s: i64) -> Vec<Request> {
    let stagger = Micros(stagger_s * 1_000_000);
    format.read(std::io::Cursor::new(text.to_owned()), stagger).unwrap().collect::<Result<_, _>>().unwrap()
}

fn outline(requests: &[Request]) -> Vec<(i64, &str, &[u64])> {
    requests
        .iter()
        .map(|request| (request.at.0 / 100_000, request.id.as_str(), request.blocks.as_deref().unwrap_or_default()))
        .collect()
}

#[test]
fn sessions_are_merged_in_order_of_time() {
    const B: u64 = 1 << 32;
    let requests = all(Format::ClaudeCode, SESSIONS, 60);
    // Tenths of a second. The sub-agent's start and the other session's request are simultaneous: the first session is first.
    let expected: [(i64, &str, &[u64]); 5] = [
        (0, "a/0", &[1, 2, 3]),
        (700, "a/1.0", &[7, 9]),
        (700, "b/0", &[B | 1, B | 2]),
        (805, "a/2", &[1, 2, 3, 4]),
        (900, "a/1.1", &[7, 8]),
    ];
    assert_eq!(outline(&requests), expected);
    assert_eq!((requests[0].ttft, requests[0].duration), (Some(Micros(250_000)), Some(Micros(2_500_000))));
    assert_eq!((requests[1].model.as_str(), requests[1].prompt_tokens, requests[1].output_tokens), ("m2", 130, 6));
    assert_eq!(requests[1].duration, None);
    assert!(requests.iter().all(|request| request.receipts == 1 && request.block_tokens == 64));
    assert_eq!(requests[0].session, requests[4].session);
    assert_ne!(requests[0].session, requests[2].session);
    let at_once = all(Format::ClaudeCode, SESSIONS, 0);
    assert_eq!(outline(&at_once)[1], (100, "b/0", &[B | 1, B | 2][..]));
}

#[test]
fn a_turn_that_was_seen_twice_is_one_request_as_it_was_seen_last() {
    let record = |t: u32, kind: &str, prompt: u32, out: u32, blocks: &str| {
        format!(r#"{{"t":{t},"type":"{kind}","model":"m","in":{prompt},"out":{out},"hash_ids":[{blocks}]}}"#)
    };
    let session = |records: &[String]| {
        format!(r#"{{"id":"g","block_size":64,"hash_id_scope":"global","requests":[{}]}}"#, records.join(","))
    };
    let seen = |records: &[String]| {
        let requests = all(Format::ClaudeCode, &session(records), 60);
        requests
            .iter()
            .map(|request| (request.id.clone(), request.at.0 / 1_000_000, request.output_tokens, request.receipts))
            .collect::<Vec<_>>()
    };
    let (s, n) = (record(1, "s", 64, 3, "5"), record(4, "n", 64, 9, "5"));
    assert_eq!(seen(&[s.clone(), n.clone()]), [("g/0".to_owned(), 4, 9, 2)]);
    for (first, second) in [
        (&n, &record(4, "n", 64, 9, "5")),
        (&n, &record(5, "s", 64, 9, "5")),
        (&s, &record(4, "n", 65, 9, "5")),
        (&s, &record(4, "n", 64, 9, "6")),
        (&s, &record(4, "s", 64, 9, "5")),
    ] {
        assert_eq!(seen(&[first.clone(), second.clone()]).len(), 2, "{first} {second}");
    }
    let between = record(2, "n", 1, 1, "");
    assert_eq!(seen(&[s, between, n]).len(), 3, "only what follows directly is a twin");
}

#[test]
fn rows_of_the_other_formats() {
    let mooncake = r#"{"timestamp": 3000, "input_length": 600, "output_length": 5, "hash_ids": [0, 14]}"#;
    let request = all(Format::Mooncake, mooncake, 60).remove(0);
    assert_eq!((request.at, request.id.as_str(), request.block_tokens), (Micros(3_000_000), "mooncake/1", 512));
    assert_eq!((request.prompt_tokens, request.output_tokens, request.blocks), (600, 5, Some(vec![0, 14])));
    let azure = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 23:59:59.9,1,2\n2023-11-17 00:00:00.4000000,3,4";
    let requests = all(Format::Azure, azure, 60);
    assert_eq!(requests.iter().map(|request| request.at.0).collect::<Vec<_>>(), [0, 500_000]);
    assert_eq!((requests[1].prompt_tokens, requests[1].output_tokens, &requests[1].blocks), (3, 4, &None));
    assert!(all(Format::Azure, "", 60).is_empty());
}

#[test]
fn compressed_input_is_known_by_its_first_bytes() {
    let packed = zstd::encode_all(SESSIONS.as_bytes(), 3).unwrap();
    let cut = packed[..packed.len() - 5].to_vec();
    let requests: Result<Vec<_>, _> = Format::ClaudeCode.read(std::io::Cursor::new(packed), STAGGER).unwrap().collect();
    assert_eq!(requests.unwrap(), all(Format::ClaudeCode, SESSIONS, 60));
    let error = Format::ClaudeCode.read(std::io::Cursor::new(cut), STAGGER).unwrap().find_map(Result::err).unwrap();
    assert!(error.to_string().ends_with("is the file complete?"), "{error}");
}

#[test]
fn a_bad_line_is_named_and_ends_the_trace() {
    let good = r#"{"timestamp": 1, "input_length": 1, "output_length": 1, "hash_ids": []}"#;
    for (format, bad, said) in [
        (
            Format::Mooncake,
            r#"{"timestamp": -1, "input_length": 1, "output_length": 1, "hash_ids": []}"#,
            "integer `-1`",
        ),
        (
            Format::Mooncake,
            r#"{"timestamp": 18446744073709551615, "input_length": 1, "output_length": 1, "hash_ids": []}"#,
            "out of range",
        ),
        (
            Format::ClaudeCode,
            r#"{"id":"a","block_size":64,"hash_id_scope":"local","requests":[{"t":-1,"type":"n"}]}"#,
            "t is no number of seconds",
        ),
        (
            Format::ClaudeCode,
            r#"{"id":"a","block_size":64,"hash_id_scope":"odd","requests":[]}"#,
            "unknown variant `odd`",
        ),
        (Format::Azure, "2023-11-16 18:15:46,many,1", "expected a line such as"),
    ] {
        let text = if format == Format::Mooncake { format!("{good}\n\n{bad}\n{good}") } else { bad.to_owned() };
        let mut requests = format.read(std::io::Cursor::new(text), STAGGER).unwrap();
        let error = requests.find_map(Result::err).unwrap().to_string();
        let line = if format == Format::Mooncake { 3 } else { 1 };
        assert!(error.starts_with(&format!("line {line} is no record of the {} trace: ", format.name())), "{error}");
        assert!(error.contains(said), "{error}");
        assert!(requests.next().is_none());
    }
    let missing = Format::Azure.open(Path::new("/nowhere/at/all"), STAGGER).unwrap_err();
    assert!(missing.to_string().starts_with("cannot open /nowhere/at/all: "), "{missing}");
}

#[test]
fn names_read_back() {
    for format in [Format::ClaudeCode, Format::Mooncake, Format::Azure] {
        assert_eq!(Format::from_name(format.name()), Some(format));
    }
    assert_eq!(Format::from_name("burst"), None);
}
