//! Persons.

use rand_distr::{Distribution, StandardNormal};

use super::address;
use super::company;
use super::draw::{common, date, days, digits, even, weighted};
use super::entity::{Entity, Part};
use super::locale::{Name, Pair};
use super::pattern::Slot;
use crate::cell::Cell;

/// The year on whose first day ages hold.
pub(super) const NOW: i64 = 2026;

/// Shares in per mille of ages in steps of five years from 0, the last from 90 to 95: about those of the European Union in 2024.
const AGES: [u16; 19] = [46, 50, 53, 52, 54, 58, 63, 66, 68, 66, 69, 71, 70, 61, 53, 43, 31, 18, 8];

/// Whether the person is a woman.
pub(super) fn is_female(e: &Entity) -> bool {
    e.part(Part::Sex).bits() & 1 == 1
}

/// The word of a pair that fits the sex.
pub(super) fn fitting(e: &Entity, pair: Pair) -> &'static str {
    pair[usize::from(!is_female(e))]
}

fn first_of(e: &Entity) -> &Name {
    let list = if is_female(e) { &e.place.female } else { &e.place.male };
    common(&mut e.part(Part::First), list).unwrap_or(&e.nobody)
}

fn family(e: &Entity, part: Part, female: bool) -> &Name {
    let mut cell = e.part(part);
    let place = e.place;
    // Three in ten have one of the names that are less common.
    if !place.more.is_empty() && cell.uniform() < 0.3 {
        return even(&mut cell, &place.more).unwrap_or(&e.nobody);
    }
    let list = if female && !place.last_female.is_empty() { &place.last_female } else { &place.last };
    common(&mut cell, list).unwrap_or(&e.nobody)
}

/// The family name, the first of two.
pub(super) fn last_of(e: &Entity) -> &Name {
    family(e, Part::Last, is_female(e))
}

/// The family name of one who founded the entity's company; that of the other founder is another.
pub(super) fn founder(e: &Entity, part: Part) -> &Name {
    let name = family(e, part, false);
    if part == Part::CompanyOther && name == family(e, Part::CompanyLast, false) {
        let next = e.place.last.iter().position(|n| n == name).map_or(0, |at| at + 1);
        return e.place.last.get(next).or(e.place.last.first()).unwrap_or(&e.nobody);
    }
    name
}

pub(super) fn first_name(e: &Entity, out: &mut String) {
    out.push_str(&first_of(e).text);
}

pub(super) fn last_name(e: &Entity, out: &mut String) {
    out.push_str(&last_of(e).text);
    if e.place.family_names == 2 {
        out.push(' ');
        out.push_str(&family(e, Part::SecondLast, is_female(e)).text);
    }
}

pub(super) fn name(e: &Entity, out: &mut String) {
    e.place.name.write(e.place.letters, &mut e.part(Part::Name), out, &mut |slot, out| match slot {
        Slot::First => first_name(e, out),
        _ => last_name(e, out),
    });
}

pub(super) fn ascii_name(e: &Entity, out: &mut String) {
    capitalised(&first_of(e).ascii, out);
    out.push(' ');
    capitalised(&last_of(e).ascii, out);
}

fn capitalised(word: &str, out: &mut String) {
    let mut start = true;
    for c in word.chars() {
        out.push(if start { c.to_ascii_uppercase() } else { c });
        start = c == '-';
    }
}

pub(super) fn sex(e: &Entity, out: &mut String) {
    out.push_str(if is_female(e) { "female" } else { "male" });
}

/// Full years on the first day of [`NOW`], from 0 to 95.
pub(super) fn age(e: &Entity) -> i64 {
    draw_age(&mut e.part(Part::Age))
}

/// The same where it is 18 to 90, otherwise the next such of the entity.
pub(super) fn adult_age(e: &Entity) -> i64 {
    let mut cell = e.part(Part::Age);
    // One draw in five is of a child, so 64 draws in a row never are.
    (0..64).map(|_| draw_age(&mut cell)).find(|a| (18..=90).contains(a)).unwrap_or(40)
}

fn draw_age(cell: &mut Cell) -> i64 {
    let mut left = cell.below(1_000) as u16;
    let mut step = 0;
    while step + 1 < AGES.len() && left >= AGES[step] {
        left -= AGES[step];
        step += 1;
    }
    let years = if step + 1 == AGES.len() { 6 } else { 5 };
    step as i64 * 5 + cell.below(years) as i64
}

/// The birthday, in days since 1970-01-01, of who is `age` on the first day of [`NOW`].
fn born(e: &Entity, age: i64) -> i64 {
    let (latest, before) = (days(NOW - age, 1, 1), days(NOW - age - 1, 1, 1));
    latest - e.part(Part::Birthday).below((latest - before) as u64) as i64
}

pub(super) fn birth_date(e: &Entity) -> i32 {
    born(e, age(e)) as i32
}

pub(super) fn adult_birth_date(e: &Entity) -> i32 {
    born(e, adult_age(e)) as i32
}

/// Year, month and day of birth of the grown-up.
pub(super) fn born_on(e: &Entity) -> (i64, i64, i64) {
    date(i64::from(adult_birth_date(e)))
}

/// 0 single, 1 married, 2 divorced, 3 widowed: shares by age as in western countries.
fn marital_state(e: &Entity) -> usize {
    let shares: [f64; 4] = match adult_age(e) {
        ..25 => [94.0, 5.5, 0.5, 0.0],
        25..35 => [62.0, 35.0, 3.0, 0.0],
        35..50 => [32.0, 55.0, 12.5, 0.5],
        50..65 => [18.0, 61.0, 17.0, 4.0],
        65..80 => [9.0, 62.0, 13.0, 16.0],
        _ => [6.0, 43.0, 6.0, 45.0],
    };
    weighted(&mut e.part(Part::Marital), shares.iter().copied())
}

pub(super) fn marital_status(e: &Entity, out: &mut String) {
    out.push_str(fitting(e, e.place.marital[marital_state(e)]));
}

pub(super) fn title(e: &Entity, out: &mut String) {
    let mut cell = e.part(Part::Title);
    if cell.uniform() < 0.03 && adult_age(e) >= 28 {
        return out.push_str(fitting(e, e.place.doctor));
    }
    // In English the first form of address is for the married.
    let titles = &e.place.titles;
    let married = matches!(marital_state(e), 1 | 3);
    let from = usize::from(!married && e.place.language == "en");
    out.push_str(fitting(e, even(&mut cell, &titles[from.min(titles.len())..]).copied().unwrap_or_default()));
}

pub(super) fn job(e: &Entity, out: &mut String) {
    let mut cell = e.part(Part::Job);
    let u = cell.uniform();
    let pair = match adult_age(e) {
        ..23 if u < 0.5 => e.place.student,
        67.. if u < 0.85 => e.place.retired,
        60..67 if u < 0.2 => e.place.retired,
        _ => common(&mut cell, &e.place.jobs).copied().unwrap_or_default(),
    };
    out.push_str(fitting(e, pair));
}

pub(super) fn user_name(e: &Entity, out: &mut String) {
    let (first, last) = (&first_of(e).ascii, &last_of(e).ascii);
    let mut cell = e.part(Part::User);
    match cell.below(8) {
        0..=3 => [first.as_str(), ".", last].iter().for_each(|s| out.push_str(s)),
        4 | 5 => {
            out.push_str(first.get(..1).unwrap_or(""));
            out.push_str(last);
        }
        6 => [last.as_str(), ".", first].iter().for_each(|s| out.push_str(s)),
        _ => [first.as_str(), "_", last].iter().for_each(|s| out.push_str(s)),
    }
    // Most names are taken already.
    if cell.uniform() < 0.8 {
        let greatest = [99, 999, 9_999][cell.below(3) as usize];
        digits(out, 1 + cell.below(greatest), 1);
    }
}

pub(super) fn email(e: &Entity, out: &mut String) {
    user_name(e, out);
    out.push_str(["@example.com", "@example.org", "@example.net"][e.part(Part::MailHost).below(3) as usize]);
}

pub(super) fn work_email(e: &Entity, out: &mut String) {
    [first_of(e).ascii.as_str(), ".", &last_of(e).ascii, "@"].iter().for_each(|s| out.push_str(s));
    company::domain(e, out);
}

pub(super) fn phone(e: &Entity, out: &mut String) {
    address::phone(e, Part::Phone, out);
}

/// The number with the country's code: `+4930231250`.
pub(super) fn phone_e164(e: &Entity, out: &mut String) {
    international(e, out, |out| phone(e, out));
}

pub(super) fn mobile(e: &Entity, out: &mut String) {
    address::mobile(e, out);
}

pub(super) fn mobile_e164(e: &Entity, out: &mut String) {
    international(e, out, |out| mobile(e, out));
}

fn international(e: &Entity, out: &mut String, write: impl Fn(&mut String)) {
    out.push('+');
    out.push_str(e.place.calling);
    let start = out.len();
    write(out);
    // Only digits stay; what is before `start` is a sign and digits.
    let mut at = 0;
    out.retain(|c| {
        at += 1;
        at == 1 || c.is_ascii_digit()
    });
    let trunk = e.place.trunk;
    if out[start..].starts_with(trunk) {
        out.replace_range(start..start + trunk.len(), "");
    }
}

pub(super) fn password(e: &Entity, out: &mut String) {
    const SIGNS: &[u8] = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789-_.!*+";
    let mut cell = e.part(Part::Password);
    let n = 12 + cell.below(7);
    (0..n).for_each(|_| out.push(even(&mut cell, SIGNS).map_or('x', |&b| char::from(b))));
}

pub(super) fn language(e: &Entity, out: &mut String) {
    out.push_str(e.place.language);
}

pub(super) fn blood_type(e: &Entity, out: &mut String) {
    const TYPES: [&str; 8] = ["O+", "A+", "B+", "AB+", "O-", "A-", "B-", "AB-"];
    let shares = match e.place.blood {
        // Japanese Red Cross; Chinese blood centres; European and American blood services.
        "jp" => [29.9, 39.8, 19.9, 9.9, 0.15, 0.2, 0.1, 0.05],
        "cn" => [33.6, 27.9, 28.6, 9.0, 0.3, 0.25, 0.25, 0.1],
        _ => [37.5, 35.5, 9.0, 3.5, 6.5, 6.0, 1.5, 0.5],
    };
    out.push_str(TYPES[weighted(&mut e.part(Part::Blood), shares.iter().copied())]);
}

/// Of a grown-up, to a tenth of a centimetre.
pub(super) fn height_cm(e: &Entity) -> f64 {
    let female = is_female(e);
    let z: f64 = StandardNormal.sample(&mut e.part(Part::Height));
    let (mean, spread) = if female { (e.place.height[0], 6.5) } else { (e.place.height[1], 7.1) };
    tenth(mean + spread * z.clamp(-4.0, 4.0))
}

/// From the height and a body mass index that is log-normal with median 25.3 (men) or 24.4 (women).
pub(super) fn weight_kg(e: &Entity) -> f64 {
    let z: f64 = StandardNormal.sample(&mut e.part(Part::Weight));
    let index = (if is_female(e) { 24.4 } else { 25.3 }) * (0.16 * z.clamp(-2.5, 4.0)).exp();
    tenth(index * (height_cm(e) / 100.0).powi(2))
}

fn tenth(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

/// What one of the bodies that number persons would write: see `identity.rs`.
pub(super) fn national_id(e: &Entity, out: &mut String) {
    super::identity::person(e, out);
}
