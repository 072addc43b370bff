//! Names of companies and people, in several languages. All are invented.

/// The first word of companies' names.
pub(super) const COMPANY_FIRST: &[&str] = &[
    "Amber",
    "Birch",
    "Cobalt",
    "Delacroix",
    "Ekström",
    "Falkenberg",
    "Granit",
    "Hoffmann",
    "Indigo",
    "Janssen",
    "Kowalski",
    "Lefèvre",
    "Meridian",
    "Nordwind",
    "Orsini",
    "Pinnacle",
    "Quintana",
    "Rossi",
    "Sørensen",
    "Tanaka",
    "Uhlmann",
    "Valdés",
    "Whitlock",
    "Yılmaz",
    "Zephyr",
];

/// The second word.
pub(super) const COMPANY_SECOND: &[&str] = &[
    "Analytics",
    "Bau",
    "Ceramics",
    "Distribution",
    "Energie",
    "Freight",
    "Group",
    "Health",
    "Instruments",
    "Logistik",
    "Maschinenbau",
    "Media",
    "Optics",
    "Robotics",
    "Textil",
];

/// Names in which every `{}` stands for the company's own name. Most companies have the first, plain form.
pub(super) const COMPANY_FORMS: &[&str] = &[
    "{}",
    "{}",
    "{}",
    "{} Ltd",
    "{} GmbH",
    "{} & Co. KG",
    "{} & Sons",
    "{} AG",
    "{} S.A.",
    "{} S.r.l.",
    "{} Sp. z o.o.",
    "{} AB",
    "{} B.V.",
    "{} A.Ş.",
    "{} 株式会社",
];

/// The same, with what a careless page would not escape.
pub(super) const HOSTILE_COMPANY_FORMS: &[&str] = &[
    "{} <Europe>",
    "The \"{}\" Company",
    "O'Hara {}",
    "<script>alert('{}')</script>",
    "<img src=x onerror=alert(1)> {}",
    "{}; DROP TABLE visitors",
    "=HYPERLINK(\"https://{}\")",
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
    "VP Growth",
    "Buyer",
    "Software Engineer",
    "Office Manager",
    "Managing Director",
    "Procurement Lead",
    "Data Scientist",
    "Leiterin Einkauf",
    "Geschäftsführer",
    "Directrice commerciale",
    "Responsabile acquisti",
    "Kierownik projektu",
    "営業部長",
];

/// The same, with what a careless page would not escape.
pub(super) const HOSTILE_TITLES: &[&str] = &["VP <Growth>", "\"Acting\" Director", "{{constructor}}", "=1+1"];

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
