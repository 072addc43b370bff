use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::filter::answer::Answer;
use crate::lookup::failure::{FailureKind, LookupFailure};

/// The bundled provider files, by name.
const KEPT: [(&str, &str); 5] = [
    ("snitcher", include_str!("../../../providers/snitcher.toml")),
    (
        "people-data-labs",
        include_str!("../../../providers/people-data-labs.toml"),
    ),
    ("6sense", include_str!("../../../providers/6sense.toml")),
    ("albacross", include_str!("../../../providers/albacross.toml")),
    ("ipinfo", include_str!("../../../providers/ipinfo.toml")),
];

const KEY: &str = "s3cret/ä".trim_ascii();

fn kept(name: &str) -> Provider {
    let (_, text) = KEPT.iter().find(|(other, _)| *other == name).unwrap();
    Provider::parse(text).unwrap()
}

fn found(provider: &Provider, body: &str) -> Finding {
    find(provider, 200, None, body.as_bytes()).unwrap()
}

fn provider(more: &str) -> Provider {
    Provider::parse(&format!(
        "name = \"Test\"\nurl = \"https://a.example/?ip={{ip}}\"\n{more}\n[company]\nname = \"/name\"\ndomain = \"/domain\"\nguid = \"/id\"\n"
    ))
    .unwrap()
}

#[test]
fn kept_files_ask_as_documented() {
    let asked = |name: &str, ip: &str| {
        let question = kept(name).question(ip, "k e/y").unwrap();
        let headers: Vec<_> = question
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        (
            format!("{} {}", question.method, question.url),
            headers.join("; "),
            question.body,
        )
    };
    for (name, line, header) in [
        (
            "snitcher",
            "POST https://api.snitcher.com/company/find?ip=203.0.113.7",
            "Authorization: Bearer k e/y",
        ),
        (
            "people-data-labs",
            "GET https://api.peopledatalabs.com/v5/ip/enrich?ip=203.0.113.7&titlecase=true",
            "X-Api-Key: k e/y",
        ),
        (
            "6sense",
            "GET https://epsilon.6sense.com/v3/company/details?ip=203.0.113.7",
            "Authorization: Token k e/y",
        ),
        (
            "albacross",
            "GET https://api.albacross.com/reveal/company/203.0.113.7",
            "Authorization: Api-Key k e/y",
        ),
        (
            "ipinfo",
            "GET https://ipinfo.io/203.0.113.7",
            "Authorization: Bearer k e/y",
        ),
    ] {
        let (asked, headers, body) = asked(name, "203.0.113.7");
        assert_eq!(asked, line);
        assert!(headers.contains(header), "{headers}");
        assert_eq!(body, None);
        assert!(kept(name).needs_key());
    }
    assert_eq!(
        asked("ipinfo", "2001:DB8::1").0,
        "GET https://ipinfo.io/2001%3ADB8%3A%3A1"
    );
    assert_eq!(
        asked("ipinfo", "::ffff:1.2.3.4").0,
        "GET https://ipinfo.io/1.2.3.4"
    );
    assert!(!kept("albacross").supports(Family::Ipv6));
}

#[test]
fn kept_files_find_the_company_in_documented_answers() {
    for (name, body) in [
        (
            "snitcher",
            r#"{"ip":"1.2.3.4","fuzzy":true,"domain":"lumen.example","type":"business","company":{"name":"Lumen","domain":"lumen.example","total_funding":null}}"#,
        ),
        (
            "people-data-labs",
            r#"{"status":200,"data":{"ip":{"address":"1.2.3.4"},"company":{"confidence":"very high","id":"tnHcNHbCv8","website":"lumen.example","name":"Lumen"}}}"#,
        ),
        (
            "6sense",
            r#"{"company":{"company_match":"Match","name":"Lumen","domain":"lumen.example","is_blacklisted":false},"confidence":"High"}"#,
        ),
        (
            "albacross",
            r#"{"name":"Lumen","country":"SE","url":"https://www.lumen.example/"}"#,
        ),
        (
            "ipinfo",
            r#"{"ip":"1.2.3.4","company":{"name":"Lumen","domain":"lumen.example","type":"business"}}"#,
        ),
    ] {
        let company = found(&kept(name), body).answer.company.unwrap();
        assert_eq!(
            (&*company.name, &*company.domain),
            ("Lumen", "lumen.example"),
            "{name}"
        );
        assert!(protocol::guid::uuid(&company.guid).is_some());
    }
    for (name, body) in [
        (
            "snitcher",
            r#"{"type":"ISP","company":{"name":"Cable","domain":"cable.example"}}"#,
        ),
        ("people-data-labs", r#"{"status":200,"data":{"company":null}}"#),
        (
            "6sense",
            r#"{"company":{"company_match":"No Match","name":"","domain":""}}"#,
        ),
        (
            "6sense",
            r#"{"company":{"company_match":"Non-actionable Match","name":"Cable"}}"#,
        ),
        ("ipinfo", r#"{"ip":"10.0.0.1","bogon":true}"#),
        (
            "ipinfo",
            r#"{"company":{"name":"Cloud","domain":"cloud.example","type":"hosting"}}"#,
        ),
    ] {
        assert_eq!(
            found(&kept(name), body).answer,
            Answer::default(),
            "{name} {body}"
        );
    }
}

#[test]
fn kept_files_tell_the_account_from_the_address() {
    let kind = |name: &str, status| {
        find(&kept(name), status, Some(Duration::from_secs(9)), b"")
            .map(|finding| finding.answer == Answer::default())
            .map_err(|failure| failure.kind())
    };
    for (name, _) in KEPT {
        assert_eq!(kind(name, 401), Err(FailureKind::Account));
        assert_eq!(kind(name, 402), Err(FailureKind::Account));
        assert_eq!(kind(name, 403), Err(FailureKind::Account));
        assert_eq!(kind(name, 404), Ok(true));
        assert_eq!(kind(name, 429), Err(FailureKind::Throttled));
        assert_eq!(kind(name, 400), Err(FailureKind::Unusable));
        assert_eq!(kind(name, 500), Err(FailureKind::ServerError));
        assert_eq!(
            kind(name, 302),
            Err(FailureKind::ServerError),
            "redirects are not followed"
        );
        assert_eq!(kind(name, 200), Err(FailureKind::Unusable), "no JSON");
    }
    assert_eq!(kind("snitcher", 202), Err(FailureKind::Queued));
    assert_eq!(kind("albacross", 204), Ok(true));
}

#[test]
fn bad_files_name_line_and_key() {
    for (file, line, key, problem) in [
        ("", 1, "", "missing field"),
        (
            "name = 7\nurl = \"https://a.example/{ip}\"",
            1,
            "name",
            "expected a string",
        ),
        (
            "name = \"\"\nurl = \"https://a.example/{ip}\"",
            1,
            "name",
            "empty",
        ),
        ("name = \"a\"\nurl = \"a.example/{ip}\"", 2, "url", "relative URL"),
        ("name = \"a\"\nurl = \"ftp://a.example/{ip}\"", 2, "url", "http"),
        ("name = \"a\"\nurl = \"https://{ip}/\"", 2, "url", "host"),
        (
            "name = \"a\"\nurl = \"https://a.example/{address}\"",
            2,
            "url",
            "placeholders",
        ),
        (
            "name = \"a\"\nmethod = \"GET\"\nurl = \"https://a.example/\"",
            3,
            "url",
            "{ip}",
        ),
    ] {
        refuses(file, line, key, problem);
    }
}

#[test]
fn bad_additions_name_line_and_key() {
    let good = "name = \"Test\"\nurl = \"https://a.example/?ip={ip}&key={key}\"\n";
    refuses(good, 1, "name", "company.name");
    for (addition, line, key, problem) in [
        ("colour = 1", 3, "colour", "unknown field"),
        ("method = \"PATCH\"", 3, "method", "GET or POST"),
        ("billed = \"monthly\"", 3, "billed", "unknown variant"),
        ("families = []", 3, "families", "ipv4"),
        ("families = [\"ipv5\"]", 3, "families", "unknown variant"),
        ("headers = { \"a b\" = \"c\" }", 3, "headers", "header name"),
        (
            "[status]\nunknown = [\n  404,\n  99,\n]",
            6,
            "status.unknown",
            "201 to 599",
        ),
        (
            "[status]\nunknown = [402]\nexhausted = [402]",
            5,
            "status.exhausted",
            "two lists",
        ),
        (
            "[company]\nname = \"company.name\"",
            4,
            "company.name",
            "JSON Pointer",
        ),
        (
            "[company]\nnames = \"/name\"",
            4,
            "company.names",
            "unknown field",
        ),
        ("[company]\nname = \"/a~2\"", 4, "company.name", "JSON Pointer"),
        (
            "[unknown_if]\ntype = [\"isp\"]",
            4,
            "unknown_if.type",
            "JSON Pointer",
        ),
        ("[company", 3, "", ""),
    ] {
        refuses(&format!("{good}{addition}"), line, key, problem);
    }
}

/// Checks what is said about a bad file, in one line.
fn refuses(file: &str, line: usize, key: &str, problem: &str) {
    let error = Provider::parse(file).unwrap_err();
    assert_eq!(error.line, line, "{file}: {error:?}");
    assert!(error.key.contains(key), "{file}: {error}");
    assert!(error.problem.contains(problem), "{file}: {error}");
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
}

#[test]
fn without_a_template_the_address_is_posted_as_json() {
    let provider = Provider::parse(
        "name = \"a\"\nurl = \"https://a.example/\"\nheaders = { X-Key = \"{key}\" }\n[company]\nname = \"/n\"",
    )
    .unwrap();
    let question = provider.question("2001:db8::1", "k\"").unwrap();
    assert_eq!(question.method, reqwest::Method::POST);
    assert_eq!(question.body.as_deref(), Some(r#"{"ip":"2001:db8::1"}"#));
    assert!(question.headers[0].1.is_sensitive());
    assert_eq!(format!("{question:?}"), "Question { .. }");
    assert_eq!(provider.question("1.2.3.4", KEY), Err(UnusableKey));
    assert_eq!(provider.question("1.2.3.4", "a\nb"), Err(UnusableKey));
    let body = "name = \"a\"\nurl = \"https://a.example/\"\nbody = '{\"q\": \"{ip}\", \"k\": \"{key}\"}'\n[company]\nname = \"/n\"";
    let question = Provider::parse(body).unwrap().question("1.2.3.4", "k\"").unwrap();
    assert_eq!(question.body.as_deref(), Some(r#"{"q": "1.2.3.4", "k": "k\""}"#));
}

#[test]
fn companies_without_a_guid_have_a_stable_one() {
    let provider = provider("");
    let guid = |body: &str| found(&provider, body).answer.company.unwrap().guid;
    let by_domain = guid(r#"{"name":"Lumen","domain":"lumen.example"}"#);
    assert_eq!(
        by_domain, "a467233f-d687-50b4-a386-cd503a55ce8e",
        "frozen: it names the company for good"
    );
    for body in [
        r#"{"name":"Lumen Inc.","domain":"https://WWW.Lumen.example/x"}"#,
        r#"{"id":null,"domain":"lumen.example"}"#,
        r#"{"id":"Lumen.example","name":"x"}"#,
    ] {
        assert_eq!(guid(body), by_domain, "{body}");
    }
    assert_eq!(
        guid(r#"{"id":"{B8E8879E-3382-4908-8F1E-7638473D0913}"}"#),
        "b8e8879e-3382-4908-8f1e-7638473d0913"
    );
    assert_ne!(guid(r#"{"id":17,"domain":"lumen.example"}"#), by_domain);
    assert_eq!(guid(r#"{"name":"Lumen"}"#), guid(r#"{"name":"LUMEN"}"#));
}

#[test]
fn null_and_other_types_mean_absent() {
    let provider = Provider::parse(
        "name = \"a\"\nurl = \"https://a.example/{ip}\"\n[company]\nname = \"/c/name\"\n[contact]\nname = \"/p/name\"\ntitle = \"/p/title\"\nemail_addresses = \"/p/mail\"\nphone_numbers = \"/p/phones\"",
    )
    .unwrap();
    for body in [
        "{}",
        r#"{"c":null,"p":null}"#,
        r#"{"c":{"name":[]},"p":{"name":{}}}"#,
        "[]",
        "7",
    ] {
        let finding = found(&provider, body);
        assert_eq!(
            (finding.answer, finding.reason),
            (Answer::default(), Reason::NoFields)
        );
    }
    let body = r#"{"p":{"name":"Ada","title":null,"mail":"ada@lumen.example","phones":["+1",null,7]}}"#;
    let contact = found(&provider, body).answer.contact.unwrap();
    assert_eq!(contact.title, None);
    assert_eq!(contact.email_addresses, ["ada@lumen.example"]);
    assert_eq!(contact.phone_numbers, ["+1", "7"]);
}

#[test]
fn bills_calls_or_matches() {
    let (by_call, by_match) = (provider(""), provider("billed = \"match\""));
    let nobody = Ok(Answer::default());
    let somebody = Ok(found(&by_call, r#"{"name":"Lumen"}"#).answer);
    assert!(by_call.bills(&nobody) && by_call.bills(&somebody));
    assert!(!by_match.bills(&nobody) && by_match.bills(&somebody));
    for failure in [
        LookupFailure::Queued(None),
        LookupFailure::AccountExhausted(402, None),
    ] {
        assert!(!by_call.bills(&Err(failure.clone())) && !by_match.bills(&Err(failure)));
    }
    assert!(by_call.bills(&Err(LookupFailure::Status(500, None))));
    assert!(!by_match.bills(&Err(LookupFailure::Status(500, None))));
    assert!(by_match.bills(&Err(LookupFailure::Timeout)));
}

proptest! {
    #[test]
    fn no_file_panics(text in "[a-z=\"\\[\\]{}/~\\n 0-9.]{0,80}") {
        if let Err(error) = Provider::parse(&text) {
            prop_assert!(error.line >= 1);
        }
    }

    #[test]
    fn no_answer_panics(status in 100..600u16, body: Vec<u8>) {
        for (name, _) in KEPT {
            let _ = find(&kept(name), status, None, &body);
        }
    }

    #[test]
    fn a_bad_line_is_found_wherever_it_stands(blank in 0..6usize) {
        let file = format!("name = \"a\"\n{}url = \"https://a.example/{{ip}}\"\nbilled = 7\n", "\n".repeat(blank));
        let error = Provider::parse(&file).unwrap_err();
        prop_assert_eq!((error.line, &*error.key), (blank + 3, "billed"));
    }
}
