//! Companies.

use super::address;
use super::draw::{common, even, random_digits};
use super::entity::{Entity, Part};
use super::locale::{Industry, Name};
use super::pattern::{Pattern, Slot};
use super::person::founder;

fn pattern(e: &Entity) -> Option<&'static Pattern> {
    even(&mut e.part(Part::CompanyName), &e.place.companies)
}

fn industry_of(e: &Entity) -> Option<&'static Industry> {
    even(&mut e.part(Part::Industry), &e.place.industries)
}

fn legal(e: &Entity) -> &Name {
    common(&mut e.part(Part::Legal), &e.place.legal).unwrap_or(&e.nobody)
}

/// The name that fills a slot which tells one company from another.
fn own(e: &Entity, slot: Slot) -> Option<&Name> {
    match slot {
        Slot::Last => Some(founder(e, Part::CompanyLast)),
        Slot::Other => Some(founder(e, Part::CompanyOther)),
        Slot::Word => industry_of(e).map(|i| &i.word),
        Slot::Brand => even(&mut e.part(Part::Brand), &e.place.brands),
        _ => None,
    }
}

pub(super) fn name(e: &Entity, out: &mut String) {
    let Some(pattern) = pattern(e) else { return };
    pattern.write(e.place.letters, &mut e.part(Part::CompanyName), out, &mut |slot, out| match own(e, slot) {
        Some(name) => out.push_str(&name.text),
        None if slot == Slot::Form => out.push_str(&legal(e).text),
        None => address::fill(e, slot, out),
    });
}

pub(super) fn legal_form(e: &Entity, out: &mut String) {
    out.push_str(&legal(e).text);
}

pub(super) fn industry(e: &Entity, out: &mut String) {
    out.push_str(industry_of(e).map_or("", |i| i.name));
}

/// The company's own words joined by hyphens, under `.example`.
pub(super) fn domain(e: &Entity, out: &mut String) {
    label(e, "-", out);
    out.push_str(".example");
}

fn label(e: &Entity, between: &str, out: &mut String) {
    let mut first = true;
    for name in pattern(e).into_iter().flat_map(Pattern::slots).filter_map(|slot| own(e, slot)) {
        if !first {
            out.push_str(between);
        }
        out.push_str(&name.ascii);
        first = false;
    }
}

pub(super) fn email(e: &Entity, out: &mut String) {
    out.push_str(common(&mut e.part(Part::Mailbox), &e.place.mail).copied().unwrap_or("info"));
    out.push('@');
    domain(e, out);
}

pub(super) fn website(e: &Entity, out: &mut String) {
    out.push_str("https://www.");
    domain(e, out);
}

pub(super) fn phone(e: &Entity, out: &mut String) {
    address::phone(e, Part::CompanyPhone, out);
}

pub(super) fn vat_id(e: &Entity, out: &mut String) {
    super::identity::company(e, out);
}

/// Three or four letters of the name; in Japan four digits, in China six.
pub(super) fn ticker(e: &Entity, out: &mut String) {
    let mut cell = e.part(Part::Ticker);
    match e.place.code {
        "JP" => random_digits(out, &mut cell, 4),
        "CN" => {
            out.push_str(["600", "000", "300"][cell.below(3) as usize]);
            random_digits(out, &mut cell, 3);
        }
        _ => {
            let start = out.len();
            label(e, "", out);
            out.retain(|c| c.is_ascii_alphabetic());
            out.truncate(start + 3 + cell.below(2) as usize);
            out.make_ascii_uppercase();
        }
    }
}
