//! Vehicles.

use super::address;
use super::check;
use super::draw::{common, digits, weighted};
use super::entity::{Entity, Part};
use super::pattern::letter;
use super::person::NOW;

/// A make: its name, the first three signs of its numbers, its models by how common they are.
struct Make {
    name: &'static str,
    maker: &'static str,
    models: &'static [&'static str],
}

const fn make(name: &'static str, maker: &'static str, models: &'static [&'static str]) -> Make {
    Make { name, maker, models }
}

const MAKES: &[Make] = &[
    make("Volkswagen", "WVW", &["Golf", "Polo", "Tiguan", "Passat", "T-Roc", "Up!", "ID.3", "ID.4"]),
    make("Toyota", "JTD", &["Corolla", "Yaris", "RAV4", "Camry", "C-HR", "Aygo", "Prius", "Hilux"]),
    make("Ford", "WF0", &["Focus", "Fiesta", "Kuga", "Puma", "Mondeo", "Ranger", "Mustang"]),
    make("BMW", "WBA", &["320i", "118i", "X1", "520d", "X3", "i3", "X5", "i4"]),
    make("Mercedes-Benz", "WDD", &["C 200", "A 180", "E 220 d", "GLC", "B 180", "GLA", "EQA"]),
    make("Audi", "WAU", &["A3", "A4", "Q5", "A6", "Q3", "A1", "e-tron"]),
    make("Opel", "W0L", &["Corsa", "Astra", "Mokka", "Insignia", "Crossland", "Zafira"]),
    make("Vauxhall", "W0V", &["Corsa", "Astra", "Mokka", "Insignia", "Crossland", "Grandland"]),
    make("Škoda", "TMB", &["Octavia", "Fabia", "Kodiaq", "Superb", "Karoq", "Enyaq"]),
    make("Seat", "VSS", &["Ibiza", "Leon", "Arona", "Ateca", "Alhambra"]),
    make("Renault", "VF1", &["Clio", "Megane", "Captur", "Twingo", "Scenic", "Zoe", "Kangoo"]),
    make("Peugeot", "VF3", &["208", "308", "2008", "3008", "5008", "508"]),
    make("Citroën", "VF7", &["C3", "C4", "Berlingo", "C5 Aircross", "C1"]),
    make("Dacia", "UU1", &["Sandero", "Duster", "Logan", "Spring", "Jogger"]),
    make("Fiat", "ZFA", &["500", "Panda", "Tipo", "Punto", "500X", "Doblò"]),
    make("Hyundai", "KMH", &["Tucson", "i20", "i10", "i30", "Kona", "Ioniq 5"]),
    make("Kia", "KNA", &["Sportage", "Picanto", "Ceed", "Rio", "Niro", "EV6"]),
    make("Nissan", "JN1", &["Qashqai", "Juke", "Micra", "Leaf", "X-Trail"]),
    make("Honda", "JHM", &["Civic", "CR-V", "Jazz", "Accord", "HR-V"]),
    make("Mazda", "JMZ", &["3", "CX-5", "CX-3", "2", "6", "MX-5"]),
    make("Subaru", "JF1", &["Outback", "Forester", "Impreza", "Crosstrek"]),
    make("Suzuki", "JSA", &["Swift", "Vitara", "Ignis", "Jimny", "S-Cross"]),
    make("Lexus", "JTH", &["RX", "NX", "ES", "UX", "IS"]),
    make("Volvo", "YV1", &["XC60", "V60", "XC40", "V40", "XC90", "EX30"]),
    make("Mini", "WMW", &["Cooper", "Countryman", "Clubman", "Cabrio"]),
    make("Tesla", "5YJ", &["Model Y", "Model 3", "Model S", "Model X"]),
    make("Jeep", "1C4", &["Wrangler", "Grand Cherokee", "Compass", "Renegade"]),
    make("Chevrolet", "1G1", &["Silverado", "Equinox", "Malibu", "Tahoe", "Onix"]),
    make("BYD", "LGX", &["Seal", "Dolphin", "Atto 3", "Han", "Song"]),
];

/// Models that are driven by a battery alone.
const ELECTRIC: [&str; 14] =
    ["ID.3", "ID.4", "i3", "i4", "EQA", "e-tron", "Enyaq", "Zoe", "Spring", "Ioniq 5", "EV6", "Leaf", "EX30", "Atto 3"];

/// Every locale's makes are among [`MAKES`], which a test holds.
fn make_of(e: &Entity) -> &'static Make {
    let wanted = common(&mut e.part(Part::Make), &e.place.makes).copied().unwrap_or_default();
    MAKES.iter().find(|m| m.name == wanted).unwrap_or(&MAKES[0])
}

fn model_of(e: &Entity) -> &'static str {
    common(&mut e.part(Part::Make).part(1), make_of(e).models).copied().unwrap_or_default()
}

pub(super) fn make_name(e: &Entity, out: &mut String) {
    out.push_str(make_of(e).name);
}

pub(super) fn model(e: &Entity, out: &mut String) {
    out.push_str(model_of(e));
}

fn is_electric(e: &Entity) -> bool {
    let make = make_of(e).name;
    make == "Tesla" || make == "BYD" || ELECTRIC.contains(&model_of(e))
}

/// The year of the model, up to 20 years back; electric ones are of 2020 and later.
pub(super) fn year(e: &Entity) -> i64 {
    let u = e.part(Part::Year).uniform();
    let years = if is_electric(e) { 6.0 } else { 21.0 };
    NOW - 1 - (u * u.sqrt() * years) as i64
}

/// What it runs on.
pub(super) fn fuel(e: &Entity, out: &mut String) {
    const FUELS: [(f64, &str); 4] = [(62.0, "petrol"), (22.0, "diesel"), (14.0, "hybrid"), (2.0, "gas")];
    if is_electric(e) {
        return out.push_str("electric");
    }
    out.push_str(FUELS[weighted(&mut e.part(Part::Fuel), FUELS.iter().map(|f| f.0))].1);
}

pub(super) fn colour(e: &Entity, out: &mut String) {
    const COLOURS: [(f64, &str); 10] = [
        (29.0, "white"),
        (23.0, "black"),
        (22.0, "grey"),
        (9.0, "silver"),
        (8.0, "blue"),
        (5.0, "red"),
        (1.5, "green"),
        (1.0, "brown"),
        (1.0, "orange"),
        (0.5, "yellow"),
    ];
    out.push_str(COLOURS[weighted(&mut e.part(Part::Colour), COLOURS.iter().map(|c| c.0))].1);
}

/// Kilometres: about 12,000 a year.
pub(super) fn mileage_km(e: &Entity) -> i64 {
    let mut cell = e.part(Part::Mileage);
    let a_year = 5_000.0 + 7_000.0 * (cell.uniform() + cell.uniform());
    ((NOW - year(e)) as f64 * a_year * (0.75 + 0.25 * cell.uniform())) as i64
}

/// The maker, five signs, the check digit, the year, the plant and a number (ISO 3779, 49 CFR 565).
pub(super) fn vin(e: &Entity, out: &mut String) {
    const SIGNS: &[u8] = b"ABCDEFGHJKLMNPRSTUVWXYZ0123456789";
    const YEARS: &[u8] = b"ABCDEFGHJKLMNPRSTVWXY123456789";
    let cell = &mut e.part(Part::Vin);
    let start = out.len();
    out.push_str(make_of(e).maker);
    (0..5).for_each(|_| out.push(letter(SIGNS, cell)));
    out.push('0');
    out.push(char::from(YEARS[(year(e) - 1980).rem_euclid(30) as usize]));
    out.push(letter(&SIGNS[..23], cell));
    digits(out, 1 + cell.below(999_999), 6);
    let sign = check::vin(&out.as_bytes()[start..]);
    out.replace_range(start + 8..start + 9, sign.encode_utf8(&mut [0; 4]));
}

pub(super) fn plate(e: &Entity, out: &mut String) {
    address::pattern(e, Part::Plate, &e.place.plate, out);
}

#[cfg(test)]
mod tests {
    use super::super::locale::Locale;
    use super::*;

    #[test]
    fn makes_of_all_locales_are_known_and_have_whole_numbers() {
        for &locale in Locale::ALL {
            for make in &locale.place().makes {
                assert!(MAKES.iter().any(|m| m.name == *make), "{make}");
            }
        }
        for make in MAKES {
            assert!(make.maker.len() == 3 && !make.maker.contains(['I', 'O', 'Q']) && !make.models.is_empty());
        }
        for model in ELECTRIC {
            assert!(MAKES.iter().any(|m| m.models.contains(&model)), "{model}");
        }
    }
}
