//! The rows of `docs/lookups.md`: each answer, and what follows from it.

use std::time::{Duration, UNIX_EPOCH};

use e2e::processes::Reply;
use serde_json::json;
use service::clock;

use super::replies::{
    SLACK, WAIT, deflate, encoded, good, gzip, statuses, whole, whole_of_file, with, with_wait,
};
use super::row::Retried::{
    self, AccountProbe, AfterTheWait, FourTimesThenRarely, OnceThenRarely, Queued, Rarely, Soon,
};
use super::row::Told::{self, Account, Nothing, OnceNearlyAllFail, Paused};
use super::row::{Cached, Outage, Protocol, Row, Shown};

/// A company whose sessions are never shown.
pub(super) const HIDDEN: &str = "0d3f5a62-41f7-4b7e-9c55-5e2f0a6b9d33";

const fn native(answer: &'static str, replies: fn(&str) -> Vec<Reply>) -> Row {
    Row {
        protocol: Protocol::Native,
        answer,
        replies,
        shown: Shown::CompanyAndContact,
        cached: Cached::ProfileTtl,
        paid: true,
        retried: Retried::Never,
        counted: "shown",
        told: Told::Nothing,
    }
}

const fn unknown(answer: &'static str, replies: fn(&str) -> Vec<Reply>) -> Row {
    Row {
        shown: Shown::WithoutCompany,
        cached: Cached::UnknownTtl,
        counted: "unknown",
        ..native(answer, replies)
    }
}

const fn failed(
    answer: &'static str,
    retried: Retried,
    counted: &'static str,
    told: Told,
    replies: fn(&str) -> Vec<Reply>,
) -> Row {
    Row {
        shown: Shown::NotYet,
        cached: Cached::No,
        retried,
        counted,
        told,
        ..native(answer, replies)
    }
}

const fn unpaid(row: Row) -> Row {
    Row { paid: false, ..row }
}

const fn of_file(row: Row) -> Row {
    Row {
        protocol: Protocol::File,
        ..row
    }
}

/// Every row in the order of the document.
pub(super) const ROWS: [Row; 36] = [
    native("200 with company and contact", |ip| vec![good(ip)]),
    native(
        "200, compressed with gzip or deflate although we ask for `identity`",
        |ip| vec![encoded(ip, "gzip", gzip), encoded(ip, "deflate", deflate)],
    ),
    native("200, behind a byte order mark", |ip| {
        let body = whole(ip).to_string();
        vec![Reply::new(200, "", &[b"\xef\xbb\xbf", body.as_bytes()].concat())]
    }),
    native("200, `ip` is the same address in another spelling", |ip| {
        vec![Reply::json(&with(ip, "/ip", json!(format!("::FFFF:{ip}"))))]
    }),
    Row {
        shown: Shown::WithoutTheField,
        ..native(
            "200, an optional field (title, email addresses, phone numbers) null or of another type",
            |ip| {
                vec![
                    Reply::json(&with(ip, "/data/contact/title", json!(null))),
                    Reply::json(&with(ip, "/data/contact/title", json!(["CTO"]))),
                    Reply::json(&with(ip, "/data/contact/phoneNumbers", json!(null))),
                    Reply::json(&with(ip, "/data/contact/phoneNumbers", json!([7]))),
                    Reply::json(&with(
                        ip,
                        "/data/contact/emailAddresses",
                        json!("ada@lumen.example"),
                    )),
                ]
            },
        )
    },
    native(
        "200, with an escape of a lone surrogate (read as U+FFFD) or a number out of range (read as null)",
        |ip| {
            let body = whole(ip).to_string();
            vec![
                Reply::json(&body.replace("CTO", r"CTO\ud800")),
                Reply::json(&body.replace(r#""data":"#, r#""score":1e999,"note":"\udc00","data":"#)),
            ]
        },
    ),
    Row {
        shown: Shown::Never,
        counted: "hidden",
        ..native("200 with a hidden company", |ip| {
            vec![Reply::json(&with(ip, "/data/company/guid", json!(HIDDEN)))]
        })
    },
    unknown("200 without company and contact", |ip| {
        vec![Reply::json(&json!({ "ip": ip, "data": {} }).to_string())]
    }),
    unknown("404", |_| statuses([404])),
    failed(
        "200, company or contact null, incomplete or of another type",
        OnceThenRarely,
        "wrong-form",
        Nothing,
        |ip| {
            vec![
                Reply::json(&with(ip, "/data/company", json!(null))),
                Reply::json(&with(ip, "/data/contact", json!(null))),
                Reply::json(&with(ip, "/data/company/guid", json!(null))),
                Reply::json(&with(ip, "/data/company", json!(["Lumen"]))),
                Reply::json(&with(ip, "/data", json!(null))),
                Reply::json(&json!({ "ip": ip }).to_string()),
            ]
        },
    ),
    failed(
        "200 about another address",
        OnceThenRarely,
        "other-ip",
        Nothing,
        |ip| vec![Reply::json(&with(ip, "/ip", json!("11.99.99.99")))],
    ),
    failed(
        "200 with HTML, cut-off JSON or nothing",
        FourTimesThenRarely,
        "not-json",
        Nothing,
        |ip| {
            let body = whole(ip).to_string();
            vec![
                Reply::new(200, "content-type: text/html\r\n", b"<h1>It works!</h1>"),
                Reply::json(&body[..body.len() - 9]),
                Reply::json(""),
            ]
        },
    ),
    failed(
        "200 in an encoding that we do not know",
        FourTimesThenRarely,
        "not-json",
        Nothing,
        |_| {
            vec![Reply::new(
                200,
                "content-encoding: br\r\n",
                b"\x1b\x03\x00\xf8\xff\xff",
            )]
        },
    ),
    failed(
        "200 with more than 256 KiB",
        OnceThenRarely,
        "too-large",
        Nothing,
        |ip| {
            vec![Reply::json(&with(
                ip,
                "/data/company/name",
                json!("x".repeat(300 << 10)),
            ))]
        },
    ),
    failed(
        "400, 422 and every other 4xx",
        Rarely,
        "rejected",
        Nothing,
        |_| statuses([400, 405, 410, 422, 451]),
    ),
    failed(
        "the same with `Retry-After`",
        AfterTheWait,
        "rejected",
        Nothing,
        |_| with_wait([400, 422]),
    ),
    unpaid(failed(
        "401, 403 for one address, beside answers for others",
        Rarely,
        "refused",
        Nothing,
        |_| statuses([401, 403]),
    )),
    unpaid(failed(
        "402 for one address, beside answers for others",
        Rarely,
        "exhausted",
        Nothing,
        |_| statuses([402]),
    )),
    unpaid(failed("401, 403", AccountProbe, "refused", Account, |_| {
        statuses([401, 403])
    })),
    unpaid(failed("402", AccountProbe, "exhausted", Account, |_| {
        statuses([402])
    })),
    unpaid(failed(
        "402 with a `Retry-After` longer than `--account-retry`",
        AfterTheWait,
        "exhausted",
        Account,
        |_| with_wait([402]),
    )),
    failed(
        "429",
        Soon,
        "rate-limited",
        OnceNearlyAllFail(Outage::RateLimited),
        |_| statuses([429]),
    ),
    failed(
        "429 with `Retry-After`",
        AfterTheWait,
        "rate-limited",
        Paused(Outage::RateLimited),
        |_| {
            let now = Duration::from_millis(u64::try_from(clock::now().unix_ms()).unwrap_or_default());
            let date = httpdate::fmt_http_date(UNIX_EPOCH + now + WAIT + SLACK);
            let mut replies = with_wait([429]);
            replies.push(Reply::new(429, &format!("retry-after: {date}\r\n"), b""));
            replies
        },
    ),
    failed(
        "500 to 599, 408, 425, a redirect and every status without a meaning",
        Soon,
        "status",
        OnceNearlyAllFail(Outage::Status),
        |_| statuses([500, 502, 503, 504, 599, 408, 425, 302, 204]),
    ),
    failed(
        "the same with `Retry-After`",
        AfterTheWait,
        "status",
        Paused(Outage::Status),
        |_| with_wait([500, 503, 408, 302]),
    ),
    failed(
        "no answer, or not the whole, within `--lookup-timeout`",
        Soon,
        "timeout",
        OnceNearlyAllFail(Outage::Silent),
        |_| {
            vec![
                Reply::Silence,
                Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec()),
            ]
        },
    ),
    failed(
        "the connection breaks during the call",
        Soon,
        "interrupted",
        OnceNearlyAllFail(Outage::Silent),
        |_| {
            vec![
                Reply::Reset,
                Reply::BytesThenClose(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec()),
                Reply::BytesThenClose(b"no HTTP at all\r\n\r\n".to_vec()),
            ]
        },
    ),
    unpaid(failed(
        "the connection is refused",
        Retried::Unsent,
        "unreachable",
        OnceNearlyAllFail(Outage::Silent),
        |_| Vec::new(),
    )),
    unpaid(failed(
        "the attempt to connect is not answered",
        Retried::Unsent,
        "unreachable",
        OnceNearlyAllFail(Outage::Silent),
        |_| Vec::new(),
    )),
    unpaid(failed(
        "none was asked for, because `--deanonymizer-key-file` cannot be read",
        Retried::Unsent,
        "key-unusable",
        Told::KeyFile,
        |_| Vec::new(),
    )),
    of_file(native("200 with the fields of the file", |_| {
        vec![Reply::json(&whole_of_file().to_string())]
    })),
    of_file(unknown(
        "200 in which these are null, missing or of another type",
        |_| {
            vec![
                Reply::json(r#"{"company":null,"person":null}"#),
                Reply::json(r#"{"company":{"name":null,"domain":null},"person":{"name":["Ada"]}}"#),
                Reply::json("{}"),
            ]
        },
    )),
    of_file(unknown("200 with a value of `unknown_if`", |_| {
        let mut body = whole_of_file();
        body["type"] = json!("ISP");
        vec![Reply::json(&body.to_string())]
    })),
    of_file(unknown("a status of `unknown` (204, 404)", |_| {
        statuses([204, 404])
    })),
    of_file(unpaid(failed(
        "a status of `queued` (202)",
        Queued,
        "queued",
        Nothing,
        |_| statuses([202]),
    ))),
    of_file(unpaid(failed(
        "the same with `Retry-After`",
        AfterTheWait,
        "queued",
        Nothing,
        |_| with_wait([202]),
    ))),
];
