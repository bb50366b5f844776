//! Messages that must be rejected, each for one reason of its own, each with an id by which its raw bytes are found again.

/// How many ways there are to be broken.
pub(super) const KINDS: u64 = 6;

/// A message beside event `number`.
pub(super) fn payload(number: u64, kind: u64) -> Vec<u8> {
    let envelope = |version: &str, data: &str| {
        format!(
            r#"{{"specversion":"1.0","type":"aliquot.request.{version}","source":"broken","id":"broken-{number}","time":"2026-11-17T09:45:00Z","data":{data}}}"#
        )
    };
    let usage =
        |usage: &str| envelope("v1", &format!(r#"{{"provider":"self","request_model":"m","usage":{{{usage}}}}}"#));
    match kind {
        0 => {
            let mut cut = usage(r#""uncached":7"#);
            cut.truncate(cut.len() - 9);
            cut
        }
        1 => usage(r#""uncached":-1"#),
        2 => usage(r#""uncached":7,"input_total":8"#),
        3 => usage(r#""uncached":"many""#),
        4 => envelope("v9", "{}"),
        _ => format!("upstream timed out (broken-{number})"),
    }
    .into_bytes()
}
