//! Addresses: all of an entity's are in its city.

use super::draw::even;
use super::entity::{Entity, Part};
use super::locale::City;
use super::pattern::{Pattern, Slot};

/// The city: drawn by the number of inhabitants. Every locale has cities.
pub(super) fn city_of(e: &Entity) -> &'static City {
    let u = e.part(Part::City).uniform();
    let at = e.place.shares.partition_point(|&s| s <= u);
    &e.place.cities[at.min(e.place.cities.len() - 1)]
}

/// One of `patterns`, whose numbers and choice come from a part.
pub(super) fn pattern(e: &Entity, part: Part, patterns: &[Pattern], out: &mut String) {
    let mut cell = e.part(part);
    if let Some(pattern) = even(&mut cell, patterns) {
        pattern.write(e.place.letters, &mut cell, out, &mut |slot, out| fill(e, slot, out));
    }
}

/// Writes a slot of an address.
pub(super) fn fill(e: &Entity, slot: Slot, out: &mut String) {
    let city = city_of(e);
    match slot {
        Slot::Street => street(e, out),
        Slot::Number => house_number(e, out),
        Slot::StreetLine => street_line(e, out),
        Slot::Postcode => postcode(e, out),
        Slot::City => out.push_str(city.name),
        Slot::Town => out.push_str(city.town),
        Slot::Region => out.push_str(city.region),
        // Where the city is a region of its own it is said once.
        Slot::Outer if city.region == city.name => (),
        Slot::Outer => out.push_str(city.region),
        Slot::RegionCode => out.push_str(city.region_code),
        Slot::Mark => out.push_str(city.mark),
        Slot::Area => out.push_str(area_of(e).0),
        Slot::First | Slot::Last | Slot::Other | Slot::Word | Slot::Brand | Slot::Form | Slot::Base => (),
    }
}

/// The entity's area code, with the pattern of its numbers if it has one. Every city has an area.
pub(super) fn area_of(e: &Entity) -> (&'static str, Option<&'static Pattern>) {
    let areas = &city_of(e).phones;
    even(&mut e.part(Part::Area), areas).map_or(("", None), |(a, p)| (a, p.as_ref()))
}

/// A fixed line in the entity's city.
pub(super) fn phone(e: &Entity, part: Part, out: &mut String) {
    let pattern = area_of(e).1.unwrap_or(&e.place.phone);
    pattern.write(e.place.letters, &mut e.part(part), out, &mut |slot, out| fill(e, slot, out));
}

pub(super) fn mobile(e: &Entity, out: &mut String) {
    pattern(e, Part::Mobile, &e.place.mobile, out);
}

pub(super) fn street(e: &Entity, out: &mut String) {
    let mut cell = e.part(Part::Street);
    let (form, base) = (even(&mut cell, &e.place.forms), even(&mut cell, &e.place.bases));
    if let (Some(form), Some(base)) = (form, base) {
        form.write(e.place.letters, &mut cell, out, &mut |_, out| out.push_str(base));
    }
}

pub(super) fn house_number(e: &Entity, out: &mut String) {
    pattern(e, Part::Number, &e.place.number, out);
}

pub(super) fn street_line(e: &Entity, out: &mut String) {
    e.place.street_line.write(e.place.letters, &mut e.part(Part::Street), out, &mut |slot, out| fill(e, slot, out));
}

pub(super) fn city(e: &Entity, out: &mut String) {
    out.push_str(city_of(e).name);
}

pub(super) fn postcode(e: &Entity, out: &mut String) {
    pattern(e, Part::Postcode, &city_of(e).postcodes, out);
}

pub(super) fn region(e: &Entity, out: &mut String) {
    out.push_str(city_of(e).region);
}

pub(super) fn region_code(e: &Entity, out: &mut String) {
    out.push_str(city_of(e).region_code);
}

pub(super) fn country(e: &Entity, out: &mut String) {
    out.push_str(e.place.country);
}

pub(super) fn country_code(e: &Entity, out: &mut String) {
    out.push_str(e.place.code);
}

/// A place in a square of 0.08 degrees around the middle of the city, to five digits after the point (a metre).
fn position(e: &Entity) -> [f64; 2] {
    let (city, mut cell) = (city_of(e), e.part(Part::Position));
    [city.latitude, city.longitude].map(|x| ((x + 0.08 * (cell.uniform() - 0.5)) * 1e5).round() / 1e5)
}

pub(super) fn latitude(e: &Entity) -> f64 {
    position(e)[0]
}

pub(super) fn longitude(e: &Entity) -> f64 {
    position(e)[1]
}

pub(super) fn time_zone(e: &Entity, out: &mut String) {
    out.push_str(city_of(e).time_zone);
}

pub(super) fn full(e: &Entity, out: &mut String) {
    e.place.full.write(e.place.letters, &mut e.part(Part::Street), out, &mut |slot, out| fill(e, slot, out));
}
