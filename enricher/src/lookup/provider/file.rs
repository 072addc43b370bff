//! Parses and checks the provider file (TOML).

use std::collections::BTreeMap;
use std::ops::Range;

use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::description::{Billed, CompanyPointers, ContactPointers, Family, Meaning, Provider};
use super::request;

/// Why a provider file cannot be used, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, {key}: {problem}")]
pub struct InvalidFile {
    /// The line, from 1.
    pub line: usize,
    /// The key, with its table.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

/// The meanings of statuses that the file does not set.
const DEFAULTS: [(Meaning, &[u16]); 4] = [
    (Meaning::Unknown, &[204, 404]),
    (Meaning::Queued, &[202]),
    (Meaning::Exhausted, &[402]),
    (Meaning::Refused, &[401, 403]),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Spanned<String>,
    method: Option<Spanned<String>>,
    url: Spanned<String>,
    #[serde(default)]
    headers: BTreeMap<Spanned<String>, Spanned<String>>,
    body: Option<Spanned<String>>,
    #[serde(default)]
    billed: Billed,
    families: Option<Spanned<Vec<Family>>>,
    #[serde(default)]
    status: Statuses,
    #[serde(default)]
    company: Company,
    #[serde(default)]
    contact: Contact,
    #[serde(default)]
    unknown_if: BTreeMap<Spanned<String>, Spanned<Vec<Value>>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statuses {
    unknown: Option<Vec<Spanned<u16>>>,
    queued: Option<Vec<Spanned<u16>>>,
    exhausted: Option<Vec<Spanned<u16>>>,
    refused: Option<Vec<Spanned<u16>>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Company {
    guid: Option<Spanned<String>>,
    name: Option<Spanned<String>>,
    domain: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contact {
    guid: Option<Spanned<String>>,
    name: Option<Spanned<String>>,
    title: Option<Spanned<String>>,
    email_addresses: Option<Spanned<String>>,
    phone_numbers: Option<Spanned<String>>,
}

/// A problem, and the bytes of the file where it is.
struct Problem(Range<usize>, String);

impl Problem {
    fn new<T>(at: &Spanned<T>, problem: impl Into<String>) -> Self {
        Self(at.span(), problem.into())
    }
}

impl Provider {
    /// Reads and checks a provider file.
    ///
    /// # Errors
    /// The first problem, with its line and key.
    pub fn parse(text: &str) -> Result<Self, InvalidFile> {
        let file: File = toml::from_str(text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            invalid(text, &span, error.message())
        })?;
        check(file).map_err(|Problem(span, problem)| invalid(text, &span, &problem))
    }
}

fn check(file: File) -> Result<Provider, Problem> {
    if file.name.get_ref().trim().is_empty() {
        return Err(Problem::new(&file.name, "must not be empty"));
    }
    let method = method(file.method.as_ref())?;
    check_url(&file.url)?;
    let headers = check_headers(file.headers)?;
    let families = families(file.families)?;
    let body = body(file.body, &method, &file.url, &headers)?;
    let company = CompanyPointers {
        guid: pointer(file.company.guid)?,
        name: pointer(file.company.name)?,
        domain: pointer(file.company.domain)?,
    };
    let contact = ContactPointers {
        guid: pointer(file.contact.guid)?,
        name: pointer(file.contact.name)?,
        title: pointer(file.contact.title)?,
        email_addresses: pointer(file.contact.email_addresses)?,
        phone_numbers: pointer(file.contact.phone_numbers)?,
    };
    let unknown_if = file
        .unknown_if
        .into_iter()
        .map(|(at, values)| Ok((pointer(Some(at))?.unwrap_or_default(), values.into_inner())))
        .collect::<Result<_, Problem>>()?;
    let statuses = statuses(file.status)?;
    if company.name.is_none() && company.domain.is_none() && contact.name.is_none() {
        return Err(Problem::new(
            &file.name,
            "the file must say where an answer has company.name, company.domain or contact.name",
        ));
    }
    Ok(Provider {
        name: file.name.into_inner(),
        method,
        url: file.url.into_inner(),
        headers,
        body,
        billed: file.billed,
        families,
        statuses,
        company,
        contact,
        unknown_if,
    })
}

fn method(method: Option<&Spanned<String>>) -> Result<Method, Problem> {
    match method.map(|method| (method, method.get_ref().as_str())) {
        None | Some((_, "POST")) => Ok(Method::POST),
        Some((_, "GET")) => Ok(Method::GET),
        Some((method, _)) => Err(Problem::new(method, "must be GET or POST")),
    }
}

fn families(families: Option<Spanned<Vec<Family>>>) -> Result<Vec<Family>, Problem> {
    match families {
        None => Ok(vec![Family::Ipv4, Family::Ipv6]),
        Some(families) if families.get_ref().is_empty() => {
            Err(Problem::new(&families, "must name ipv4, ipv6 or both"))
        }
        Some(families) => Ok(families.into_inner()),
    }
}

/// The body of a request. It must name the address unless `url` or `headers` do.
fn body(
    body: Option<Spanned<String>>,
    method: &Method,
    url: &Spanned<String>,
    headers: &[(String, String)],
) -> Result<Option<String>, Problem> {
    let names_ip = |text: &str| text.contains(request::IP);
    let is_asked_elsewhere = names_ip(url.get_ref()) || headers.iter().any(|(_, value)| names_ip(value));
    match body {
        Some(body) if *method == Method::GET => Err(Problem::new(&body, "requires method POST")),
        Some(body) if !is_asked_elsewhere && !names_ip(body.get_ref()) => {
            Err(Problem::new(&body, "{ip} must occur in url, headers or body"))
        }
        Some(body) => Ok(Some(body.into_inner())),
        None if is_asked_elsewhere => Ok(None),
        None if *method == Method::GET => Err(Problem::new(url, "{ip} must occur in url or headers")),
        None => Ok(Some(format!(r#"{{"ip":"{}"}}"#, request::IP))),
    }
}

fn check_url(url: &Spanned<String>) -> Result<(), Problem> {
    let problem = |problem: String| Problem::new(url, problem);
    check_placeholders(url)?;
    let example = url
        .get_ref()
        .replace(request::IP, "203.0.113.7")
        .replace(request::KEY, "key");
    // The host must be fixed, so that neither an address nor a key decides where the key is sent.
    let host = url.get_ref().split('/').nth(2).unwrap_or_default();
    if host.contains('{') {
        return Err(problem("the host must not contain a placeholder".to_owned()));
    }
    service::flags::http_url(&example).map_err(problem).map(drop)
}

/// Other text in braces is probably a misspelled placeholder.
fn check_placeholders(text: &Spanned<String>) -> Result<(), Problem> {
    let rest = text.get_ref().replace(request::IP, "").replace(request::KEY, "");
    if rest.contains(['{', '}']) {
        return Err(Problem::new(text, "the placeholders are {ip} and {key}"));
    }
    Ok(())
}

fn check_headers(
    headers: BTreeMap<Spanned<String>, Spanned<String>>,
) -> Result<Vec<(String, String)>, Problem> {
    headers
        .into_iter()
        .map(|(name, value)| {
            if HeaderName::from_bytes(name.get_ref().as_bytes()).is_err() {
                return Err(Problem::new(&name, "is not a valid header name"));
            }
            check_placeholders(&value)?;
            if HeaderValue::from_str(value.get_ref()).is_err() {
                return Err(Problem::new(
                    &value,
                    "contains characters that a header must not contain",
                ));
            }
            Ok((name.into_inner(), value.into_inner()))
        })
        .collect()
}

/// A JSON Pointer, if the file has one.
fn pointer(text: Option<Spanned<String>>) -> Result<Option<String>, Problem> {
    let Some(pointer) = text else {
        return Ok(None);
    };
    let text = pointer.get_ref();
    // RFC 6901 section 3: `~` occurs only before 0 and 1.
    let is_escaped = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    if text.starts_with('/') && is_escaped {
        Ok(Some(pointer.into_inner()))
    } else {
        Err(Problem::new(
            &pointer,
            "must be a JSON Pointer (RFC 6901), such as /company/name",
        ))
    }
}

fn statuses(statuses: Statuses) -> Result<BTreeMap<u16, Meaning>, Problem> {
    let given = [
        (Meaning::Unknown, statuses.unknown),
        (Meaning::Queued, statuses.queued),
        (Meaning::Exhausted, statuses.exhausted),
        (Meaning::Refused, statuses.refused),
    ];
    let mut meanings = BTreeMap::new();
    for (meaning, list) in &given {
        for status in list.iter().flatten() {
            let code = *status.get_ref();
            if !(200..=599).contains(&code) || code == 200 {
                return Err(Problem::new(status, "must be a status from 201 to 599"));
            }
            if meanings
                .insert(code, *meaning)
                .is_some_and(|other| other != *meaning)
            {
                return Err(Problem::new(status, format!("{code} is in two lists")));
            }
        }
    }
    for ((meaning, codes), (_, list)) in DEFAULTS.iter().zip(&given) {
        if list.is_none() {
            for code in *codes {
                meanings.entry(*code).or_insert(*meaning);
            }
        }
    }
    Ok(meanings)
}

fn invalid(text: &str, span: &Range<usize>, problem: &str) -> InvalidFile {
    let start = span.start.min(text.len());
    let before = text.get(..start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    InvalidFile {
        line,
        key: key_at(text, line),
        problem: problem.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

/// The key on a line, with the name of its table; the line itself if it has none.
fn key_at(text: &str, line: usize) -> String {
    let mut table = "";
    let mut key = "";
    for (number, content) in (1..).zip(text.lines()).take(line) {
        let content = content.trim();
        if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
            && !content.contains('=')
        {
            table = name.trim();
            key = "";
        } else if let Some((name, _)) = content.split_once('=') {
            // A list may span several lines. Its key is the last one before.
            key = name.trim();
        } else if number == line && !content.is_empty() && key.is_empty() {
            key = content;
        }
    }
    match (table, key) {
        ("", key) => key.to_owned(),
        (table, "") => table.to_owned(),
        (table, key) => format!("{table}.{key}"),
    }
}
