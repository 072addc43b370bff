//! The identification services that the Deanonymizer can simulate: their requests and responses. Pure.

use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use strum::{Display, EnumString, VariantArray};

use super::Failure;
use crate::world::address::canonical;
use crate::world::profile::Company;
use crate::world::{Answer, Kind, World};

/// A service. Its name is the variant's in kebab-case, as the file in `enricher/providers` is called.
#[derive(Clone, Copy, Debug, Display, EnumString, PartialEq, Eq, Hash, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Persona {
    /// Snitcher's IP to Company.
    Snitcher,
    /// People Data Labs' IP Enrichment.
    PeopleDataLabs,
    /// 6sense's Company Identification.
    #[strum(serialize = "6sense")]
    SixSense,
    /// Albacross Reveal.
    Albacross,
    /// `IPinfo` with company data.
    #[strum(serialize = "ipinfo")]
    IpInfo,
}

/// A status and an optional JSON body.
pub(super) type Reply = (StatusCode, Option<Value>);

impl Persona {
    /// The beginning of the service's real URL, which the simulator replaces.
    #[must_use]
    pub const fn origin(self) -> &'static str {
        match self {
            Self::Snitcher => "https://api.snitcher.com",
            Self::PeopleDataLabs => "https://api.peopledatalabs.com",
            Self::SixSense => "https://epsilon.6sense.com",
            Self::Albacross => "https://api.albacross.com",
            Self::IpInfo => "https://ipinfo.io",
        }
    }

    /// The path on which it is asked; the address is part of the path or the parameter `ip`.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Snitcher => "/company/find",
            Self::PeopleDataLabs => "/v5/ip/enrich",
            Self::SixSense => "/v3/company/details",
            Self::Albacross => "/reveal/company/{ip}",
            Self::IpInfo => "/{ip}",
        }
    }

    /// Whether it is asked with POST.
    pub(super) const fn is_posted(self) -> bool {
        matches!(self, Self::Snitcher)
    }

    /// The key in the request, in the form that this service expects.
    pub(super) fn key(self, headers: &HeaderMap) -> Option<&str> {
        let (header, prefix) = match self {
            Self::Snitcher | Self::IpInfo => ("authorization", "Bearer "),
            Self::PeopleDataLabs => ("x-api-key", ""),
            Self::SixSense => ("authorization", "Token "),
            Self::Albacross => ("authorization", "Api-Key "),
        };
        let value = headers.get(header)?.to_str().ok()?;
        value.strip_prefix(prefix).filter(|key| !key.is_empty())
    }

    /// The answer to a question without the right key.
    pub(super) fn refusal(self) -> Reply {
        self.error(StatusCode::UNAUTHORIZED, "the key is missing or wrong")
    }

    /// The answer once the quota is used up.
    pub(super) fn exhausted(self) -> Reply {
        let status = match self {
            Self::Snitcher => StatusCode::FORBIDDEN,
            Self::PeopleDataLabs | Self::SixSense => StatusCode::PAYMENT_REQUIRED,
            Self::Albacross | Self::IpInfo => StatusCode::TOO_MANY_REQUESTS,
        };
        self.error(status, "the quota is used up")
    }

    /// Whether the service delays its answer to the first request for an address: one in four, if it does so at all.
    pub(super) fn queues(self, ip: &str) -> bool {
        self == Self::Snitcher && canonical(ip).bytes().last().is_some_and(|byte| byte % 4 == 0)
    }

    /// The answer to a question that is being worked on.
    pub(super) fn queued() -> Reply {
        let body = json!({ "status": 202, "message": "queued, ask again in a few seconds" });
        (StatusCode::ACCEPTED, Some(body))
    }

    /// An error as this service writes it.
    pub(super) fn error(self, status: StatusCode, message: &str) -> Reply {
        let code = status.as_u16();
        let body = match self {
            Self::Snitcher => json!({ "message": message }),
            Self::PeopleDataLabs => {
                json!({ "status": code, "error": { "type": "error", "message": message } })
            }
            Self::SixSense => json!({ "status": "error", "message": message }),
            Self::Albacross => json!({ "infos": [], "errors": [message] }),
            Self::IpInfo => json!({ "status": code, "error": { "title": "Error", "message": message } }),
        };
        (status, Some(body))
    }

    /// The service's answer about an address.
    pub(super) fn answer(self, world: World, ip: &str) -> Reply {
        let answer = world.answer(ip);
        let is_data_centre = world.kind_of(ip).is_data_centre();
        let company = answer.company();
        let body = match (self, company) {
            (Self::Snitcher, _) if answer == Answer::NotFound => {
                return self.error(StatusCode::NOT_FOUND, "nothing is known");
            }
            (Self::Snitcher, company) => snitcher(ip, company, is_data_centre),
            (Self::PeopleDataLabs, None) => {
                return self.error(StatusCode::NOT_FOUND, "no records were found");
            }
            (Self::PeopleDataLabs, Some(company)) => people_data_labs(ip, company),
            (Self::SixSense, _) if answer == Answer::NotFound => {
                return self.error(StatusCode::NOT_FOUND, "no data found");
            }
            (Self::SixSense, company) => six_sense(company, is_data_centre),
            (Self::Albacross, _) if canonical(ip).contains(':') => {
                return self.error(StatusCode::BAD_REQUEST, "only IPv4 is supported");
            }
            (Self::Albacross, None) => return (StatusCode::NO_CONTENT, None),
            (Self::Albacross, Some(company)) => json!({
                "name": company.name,
                "country": "SE",
                "url": company.domain,
                "employees": { "from": 11, "to": 50 },
            }),
            (Self::IpInfo, company) => ip_info(ip, company, is_data_centre),
        };
        (StatusCode::OK, Some(body))
    }

    /// Whether the company of an address of this kind must be shown.
    #[must_use]
    pub fn shows_company(self, kind: Kind) -> bool {
        let employed = matches!(
            kind,
            Kind::Full | Kind::CompanyOnly | Kind::MixedEmails | Kind::PersonalEmails | Kind::NoEmails
        );
        // The others report that it is a data centre; these two report it as a company.
        employed || (kind.is_data_centre() && matches!(self, Self::PeopleDataLabs | Self::Albacross))
    }

    /// The status and body of a failure that is one of the account or the question.
    pub(super) fn failure(self, failure: Failure) -> Option<Reply> {
        let status = match failure {
            Failure::BadRequest => StatusCode::BAD_REQUEST,
            Failure::Unauthorized => return Some(self.refusal()),
            Failure::PaymentRequired => StatusCode::PAYMENT_REQUIRED,
            Failure::Forbidden => StatusCode::FORBIDDEN,
            Failure::UnprocessableEntity => StatusCode::UNPROCESSABLE_ENTITY,
            Failure::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            Failure::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Failure::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            _ => return None,
        };
        Some(self.error(status, "this call fails on purpose"))
    }
}

fn snitcher(ip: &str, company: Option<&Company>, is_data_centre: bool) -> Value {
    json!({
        "ip": ip,
        "fuzzy": false,
        "domain": company.map(|company| &company.domain),
        "type": if company.is_some() { network(is_data_centre) } else { "isp" },
        "company": company.map(|company| json!({
            "name": company.name,
            "domain": company.domain,
            "website": format!("https://{}", company.domain),
            "total_funding": null,
        })),
    })
}

fn people_data_labs(ip: &str, company: &Company) -> Value {
    let id: String = company.guid.chars().filter(|c| *c != '-').take(24).collect();
    json!({
        "status": 200,
        "data": {
            "ip": { "address": ip },
            "company": {
                "confidence": "high",
                "id": id,
                "website": company.domain,
                "name": company.name,
                "industry": null,
            },
            "person": null,
        },
    })
}

fn six_sense(company: Option<&Company>, is_data_centre: bool) -> Value {
    let company_match = match (company, is_data_centre) {
        (None, _) => "No Match",
        (Some(_), true) => "Non-actionable Match",
        (Some(_), false) => "Match",
    };
    json!({
        "company": {
            "company_match": company_match,
            "additional_comment": "",
            "name": company.map_or("", |company| &company.name),
            "domain": company.map_or("", |company| &company.domain),
            "is_blacklisted": false,
        },
        "scores": [],
        "segments": { "ids": [], "names": [], "list": [] },
        "confidence": if company.is_some() { "High" } else { "NA" },
    })
}

fn ip_info(ip: &str, company: Option<&Company>, is_data_centre: bool) -> Value {
    let company = match company {
        Some(company) => {
            json!({ "name": company.name, "domain": company.domain, "type": network(is_data_centre) })
        }
        None => json!({ "name": "Example Cable", "domain": "cable.example", "type": "isp" }),
    };
    json!({ "ip": ip, "country": "US", "org": "AS64500 Example Cable", "company": company })
}

/// The type of the network of an address with a company.
const fn network(is_data_centre: bool) -> &'static str {
    if is_data_centre { "hosting" } else { "business" }
}
