//! Names of companies and people. All are invented; some contain characters that a page must escape.

pub(super) const COMPANY_FIRST: &[&str] = &[
    "Amber", "Birch", "Cobalt", "Dovetail", "Ember", "Falcon", "Granite", "Harbour", "Indigo", "Juniper",
    "Kestrel", "Lumen", "Meridian", "Nimbus", "Orchard", "Pinnacle", "Quarry", "Redwood", "Saffron", "Tidal",
    "Umber", "Velvet", "Willow", "Yarrow", "Zephyr",
];

pub(super) const COMPANY_SECOND: &[&str] = &[
    "Analytics",
    "Bakery",
    "Ceramics",
    "Dynamics",
    "Energy",
    "Freight",
    "Gardens",
    "Health",
    "Instruments",
    "Joinery",
    "Labs",
    "Media",
    "Optics",
    "Robotics",
    "Textiles",
];

/// Names in which every `{}` stands for the company's own name. Most companies have the first, plain form.
pub(super) const COMPANY_FORMS: &[&str] = &[
    "{}",
    "{}",
    "{}",
    "{} Ltd",
    "{} GmbH",
    "{} & Sons",
    "{} <Europe>",
    "The \"{}\" Company",
    "O'Hara {}",
    "Żółw {} S.A.",
    "{} 株式会社",
    "<script>alert('{}')</script>",
    "{}; DROP TABLE visitors",
];

pub(super) const GIVEN: &[&str] = &[
    "Ada", "Björn", "Chiara", "Dmitri", "Esra", "Farid", "Grace", "Hana", "Ines", "Jonas", "Kwame", "Leïla",
    "Mateo", "Noor", "Olga", "Priya", "Quentin", "Rosa", "Sven", "Tomoko", "Ursula", "Viktor", "Wanjiru",
    "Ximena", "Yusuf", "Zoë",
];

pub(super) const FAMILY: &[&str] = &[
    "Abbott",
    "Berg",
    "Castillo",
    "D'Angelo",
    "Eriksen",
    "Fontaine",
    "Garcia-Lopez",
    "Haddad",
    "Ivanova",
    "Jansen",
    "Kovač",
    "Lindqvist",
    "Müller",
    "Nakamura",
    "O'Brien",
    "Petrov",
    "Quill",
    "Rossi",
    "Schmidt",
    "Tanaka",
    "Uzun",
    "van der Berg",
    "Weber",
    "Xu",
    "Yılmaz",
    "Zhang",
];

pub(super) const TITLES: &[&str] = &[
    "Head of Sales",
    "Chief Financial Officer",
    "Head of R&D",
    "VP <Growth>",
    "Buyer",
    "Software Engineer",
    "Office Manager",
    "\"Acting\" Director",
    "Procurement Lead",
    "Data Scientist",
];

/// Spellings of personal addresses; `{}` stands for the person.
pub(super) const PERSONAL: &[&str] = &[
    "{}@gmail.com",
    "{}@googlemail.com",
    "{}@GMail.Com",
    "{}@yahoo.com",
    "{}@mail.Yahoo.co.uk",
    "{}@yahoo.de",
    "{}@ymail.com",
    "{}@rocketmail.com",
    "{}@hotmail.com",
    "{}@Hotmail.FR",
    "{}@outlook.com",
    "{}@live.com",
    "{}@msn.com",
    "{}@aol.com",
    "{}@aim.com",
    "{}@icloud.com",
    "{}@proton.me",
    "{}@gmx.net",
    "  {}@gmail.com ",
    "{}@gmail.com.",
    "{} <{}@hotmail.com>",
    "{}+news@gmail.com",
];

/// Entries of the list of addresses that are not addresses.
pub(super) const NO_ADDRESS: &[&str] = &["n/a", "", "{} at gmail.com", "{}@", "@gmail.com"];
