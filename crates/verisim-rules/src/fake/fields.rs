//! The list of all fields.

use super::entity::Entity;
use super::{address, commerce, company, internet, payment, person, vehicle};

/// How a value is made.
#[derive(Clone, Copy)]
pub(super) enum Make {
    /// Text, written after what is there.
    Text(fn(&Entity, &mut String)),
    /// The same, or nothing and `false`.
    MaybeText(fn(&Entity, &mut String) -> bool),
    /// Days since 1970-01-01.
    Date(fn(&Entity) -> i32),
    Float(fn(&Entity) -> f64),
    Int(fn(&Entity) -> i64),
}

/// A field: its kind and name, what it is, how it is made.
pub(super) struct Entry {
    pub kind: &'static str,
    pub name: &'static str,
    pub what: &'static str,
    pub make: Make,
}

const fn entry(kind: &'static str, name: &'static str, what: &'static str, make: Make) -> Entry {
    Entry { kind, name, what, make }
}

use Make::{Date, Float, Int, MaybeText, Text};

/// All fields, those of a kind together.
pub(super) static FIELDS: &[Entry] = &[
    entry("person", "name", "first and family name, in the country's order", Text(person::name)),
    entry("person", "first_name", "a common first name of the sex", Text(person::first_name)),
    entry(
        "person",
        "last_name",
        "a family name; two in Spain and Brazil, the woman's form in Poland",
        Text(person::last_name),
    ),
    entry("person", "ascii_name", "first and family name in plain Latin letters", Text(person::ascii_name)),
    entry("person", "sex", "`female` or `male`, one half each", Text(person::sex)),
    entry(
        "person",
        "title",
        "form of address that fits the sex and the marital status; `Dr.` for 3 in 100 grown-ups",
        Text(person::title),
    ),
    entry(
        "person",
        "birth_date",
        "birthday of who is 0 to 95 years old, ages as in the European Union",
        Date(person::birth_date),
    ),
    entry("person", "adult_birth_date", "the same, 18 to 90 years", Date(person::adult_birth_date)),
    entry("person", "age", "full years on 2026-01-01, for `birth_date`", Int(person::age)),
    entry("person", "adult_age", "full years on 2026-01-01, for `adult_birth_date`", Int(person::adult_age)),
    entry("person", "email", "from the name, at `example.com`, `.net` or `.org`", Text(person::email)),
    entry("person", "work_email", "from the name, at the entity's company", Text(person::work_email)),
    entry("person", "user_name", "what stands before the `@` of `email`", Text(person::user_name)),
    entry("person", "phone", "fixed line in the entity's city", Text(person::phone)),
    entry("person", "phone_e164", "the same with the country's code", Text(person::phone_e164)),
    entry("person", "mobile", "mobile telephone", Text(person::mobile)),
    entry("person", "mobile_e164", "the same with the country's code", Text(person::mobile_e164)),
    entry("person", "job", "what a grown-up does, the young also study, the old have retired", Text(person::job)),
    entry(
        "person",
        "marital_status",
        "single, married, divorced or widowed, by the grown-up's age",
        Text(person::marital_status),
    ),
    entry(
        "person",
        "national_id",
        "number in the country's register, with the sex and the grown-up's birthday where it tells them",
        Text(person::national_id),
    ),
    entry("person", "password", "12 to 18 signs", Text(person::password)),
    entry("person", "language", "code of the language (ISO 639-1)", Text(person::language)),
    entry("person", "blood_type", "group and factor, by the country's shares", Text(person::blood_type)),
    entry(
        "person",
        "height_cm",
        "of a grown-up of the sex, normal around the country's mean",
        Float(person::height_cm),
    ),
    entry("person", "weight_kg", "fits the height and the sex", Float(person::weight_kg)),
    entry("address", "street", "name of a street", Text(address::street)),
    entry("address", "house_number", "number of a house", Text(address::house_number)),
    entry("address", "street_line", "street and number in the country's order", Text(address::street_line)),
    entry("address", "city", "a city, drawn by its inhabitants", Text(address::city)),
    entry("address", "postcode", "one of the city", Text(address::postcode)),
    entry("address", "region", "state, region or province of the city", Text(address::region)),
    entry("address", "region_code", "its code, mostly that of ISO 3166-2", Text(address::region_code)),
    entry("address", "country", "the country in its own language", Text(address::country)),
    entry("address", "country_code", "two letters (ISO 3166-1)", Text(address::country_code)),
    entry("address", "latitude", "degrees north, within 5 km of the middle of the city", Float(address::latitude)),
    entry("address", "longitude", "degrees east, likewise", Float(address::longitude)),
    entry("address", "time_zone", "of the city, as in the IANA's data", Text(address::time_zone)),
    entry("address", "full", "the whole in one line, as the country writes it", Text(address::full)),
    entry("company", "name", "a company, with its legal form", Text(company::name)),
    entry("company", "legal_form", "legal form", Text(company::legal_form)),
    entry("company", "industry", "branch of trade, that of the name where it tells one", Text(company::industry)),
    entry("company", "domain", "from the name, under `.example`", Text(company::domain)),
    entry("company", "email", "a mailbox at `domain`", Text(company::email)),
    entry("company", "website", "address of its pages", Text(company::website)),
    entry("company", "phone", "fixed line in the entity's city", Text(company::phone)),
    entry("company", "vat_id", "number for taxes, with right check digits", Text(company::vat_id)),
    entry("company", "ticker", "sign at a stock exchange", Text(company::ticker)),
    entry(
        "payment",
        "iban",
        "account with right check digits; missing where the country has no IBAN",
        MaybeText(payment::iban),
    ),
    entry("payment", "account", "the IBAN, or the country's own form", Text(payment::account)),
    entry("payment", "bic", "code of the bank, marked as one for tests", Text(payment::bic)),
    entry("payment", "card_number", "prefix and length of the brand, right check digit", Text(payment::card_number)),
    entry("payment", "card_brand", "brand of the card", Text(payment::card_brand)),
    entry("payment", "card_expiry", "month and year, 2026 to 2030", Text(payment::card_expiry)),
    entry("payment", "cvv", "three digits, four for American Express", Text(payment::cvv)),
    entry("payment", "currency", "code of the currency (ISO 4217)", Text(payment::currency)),
    entry("internet", "ipv4", "address that is public", Text(internet::ipv4)),
    entry("internet", "ipv4_example", "address of a network for documentation", Text(internet::ipv4_example)),
    entry("internet", "ipv4_private", "address of a network for private use", Text(internet::ipv4_private)),
    entry("internet", "ipv6", "address of the network for documentation", Text(internet::ipv6)),
    entry("internet", "mac", "address of a network card, marked as given by hand", Text(internet::mac)),
    entry("internet", "port", "49152 to 65535", Int(internet::port)),
    entry("internet", "domain", "a host under `example.com`, `.net` or `.org`", Text(internet::domain)),
    entry("internet", "url", "a page at `domain`", Text(internet::url)),
    entry("internet", "slug", "two to four words joined by hyphens", Text(internet::slug)),
    entry("internet", "user_agent", "what a browser says of itself", Text(internet::user_agent)),
    entry("internet", "http_method", "mostly `GET`", Text(internet::http_method)),
    entry("internet", "http_status", "mostly 200", Int(internet::http_status)),
    entry("internet", "mime_type", "kind of a file", Text(internet::mime_type)),
    entry("internet", "uuid", "random UUID, version 4", Text(internet::uuid)),
    entry("vehicle", "make", "make, by how common it is in the country", Text(vehicle::make_name)),
    entry("vehicle", "model", "a model of the make", Text(vehicle::model)),
    entry("vehicle", "year", "year of the model, 2005 to 2025", Int(vehicle::year)),
    entry("vehicle", "vin", "number with the maker, the year and a right check digit", Text(vehicle::vin)),
    entry("vehicle", "plate", "plate as in the country, of the entity's city where it tells it", Text(vehicle::plate)),
    entry(
        "vehicle",
        "fuel",
        "`petrol`, `diesel`, `hybrid`, `gas`, or `electric` where the model is",
        Text(vehicle::fuel),
    ),
    entry("vehicle", "colour", "colour, by how common it is", Text(vehicle::colour)),
    entry("vehicle", "mileage_km", "kilometres driven, by the age", Int(vehicle::mileage_km)),
    entry("commerce", "product", "name of an article, in English", Text(commerce::product)),
    entry("commerce", "category", "kind of the article", Text(commerce::category)),
    entry("commerce", "price", "fits the category, in the country's currency", Float(commerce::price)),
    entry("commerce", "ean13", "bar code for use inside a shop, right check digit", Text(commerce::ean13)),
    entry("commerce", "isbn13", "number of a book, of a group that is not given out", Text(commerce::isbn13)),
    entry("commerce", "sku", "the shop's own number", Text(commerce::sku)),
    entry("lorem", "word", "a word of placeholder Latin", Text(commerce::lorem_word)),
    entry("lorem", "words", "three to six words", Text(commerce::words)),
    entry("lorem", "sentence", "five to thirteen words", Text(commerce::sentence)),
    entry("lorem", "paragraph", "three to six sentences", Text(commerce::paragraph)),
];
