//! Goods, and placeholder text.

use super::check;
use super::draw::{digits, even, random_digits};
use super::entity::{Entity, Part};
use super::internet::word;
use super::pattern::letter;
use crate::cell::Cell;

/// Kinds of goods: the category, what is in it, and prices from and to.
const GOODS: [(&str, &[&str], f64, f64); 10] = [
    ("Kitchen", &["Kettle", "Pan", "Knife", "Bowl", "Toaster", "Cutting Board", "Teapot", "Coffee Mill"], 8.0, 120.0),
    ("Furniture", &["Chair", "Table", "Shelf", "Lamp", "Desk", "Stool", "Cabinet", "Sofa"], 25.0, 900.0),
    ("Clothing", &["Shirt", "Jacket", "Trousers", "Scarf", "Jumper", "Socks", "Hat", "Coat"], 6.0, 180.0),
    (
        "Electronics",
        &["Headphones", "Keyboard", "Monitor", "Camera", "Speaker", "Charger", "Tablet", "Router"],
        12.0,
        800.0,
    ),
    ("Garden", &["Spade", "Hose", "Planter", "Rake", "Watering Can", "Bench", "Lantern"], 7.0, 150.0),
    ("Toys", &["Puzzle", "Train Set", "Ball", "Doll", "Kite", "Building Blocks", "Board Game"], 5.0, 80.0),
    ("Sports", &["Bicycle Helmet", "Yoga Mat", "Dumbbell", "Backpack", "Tent", "Racket", "Water Bottle"], 8.0, 250.0),
    ("Beauty", &["Soap", "Hand Cream", "Shampoo", "Brush", "Perfume", "Face Mask"], 3.0, 90.0),
    ("Office", &["Notebook", "Pen", "Stapler", "Folder", "Desk Pad", "Calendar", "Whiteboard"], 2.0, 60.0),
    ("Groceries", &["Coffee", "Tea", "Honey", "Olive Oil", "Pasta", "Chocolate", "Biscuits", "Rice"], 1.0, 25.0),
];
const QUALITIES: [&str; 14] = [
    "Classic", "Compact", "Light", "Premium", "Everyday", "Modern", "Rustic", "Small", "Large", "Travel", "Fine",
    "Simple", "Robust", "Handmade",
];

type Goods = (&'static str, &'static [&'static str], f64, f64);

fn goods(e: &Entity) -> Goods {
    GOODS[e.part(Part::Product).below(GOODS.len() as u64) as usize]
}

pub(super) fn category(e: &Entity, out: &mut String) {
    out.push_str(goods(e).0);
}

pub(super) fn product(e: &Entity, out: &mut String) {
    let mut cell = e.part(Part::Product).part(1);
    out.push_str(QUALITIES[cell.below(QUALITIES.len() as u64) as usize]);
    out.push(' ');
    out.push_str(even(&mut cell, goods(e).1).copied().unwrap_or_default());
}

/// In the currency of the locale at about its worth, ending in 9 or 5 as prices in shops do.
pub(super) fn price(e: &Entity) -> f64 {
    let (_, _, low, high) = goods(e);
    let mut cell = e.part(Part::Price);
    // Even in the logarithm.
    let euros = low * (high / low).powf(cell.uniform());
    match e.place.currency {
        "JPY" => (euros * 16.0).round().max(1.0) * 10.0,
        "TRY" => (euros * 48.0).round() - 0.1,
        "CNY" => (euros * 8.0).ceil() - 0.1,
        "BRL" => (euros * 6.0).ceil() - 0.1,
        "PLN" => (euros * 4.0).ceil() - 0.01,
        _ => ((euros.ceil() - [0.01, 0.05, 0.5][cell.below(3) as usize]) * 100.0).round() / 100.0,
    }
}

/// Prefixes 20 to 29 are for use inside a shop: no maker's article has them (GS1).
pub(super) fn ean13(e: &Entity, out: &mut String) {
    let start = out.len();
    out.push('2');
    random_digits(out, &mut e.part(Part::Ean), 11);
    out.push(char::from(check::ean(&out.as_bytes()[start..])));
}

/// Prefix 979-7 is not given to any country.
pub(super) fn isbn13(e: &Entity, out: &mut String) {
    let start = out.len();
    out.push_str("9797");
    random_digits(out, &mut e.part(Part::Isbn), 8);
    out.push(char::from(check::ean(&out.as_bytes()[start..])));
}

/// Three letters of the category, two letters, five digits.
pub(super) fn sku(e: &Entity, out: &mut String) {
    let mut cell = e.part(Part::Sku);
    goods(e).0.chars().take(3).for_each(|c| out.push(c.to_ascii_uppercase()));
    out.push('-');
    (0..2).for_each(|_| out.push(letter(b"ABCDEFGHJKLMNPRSTUVWXYZ", &mut cell)));
    digits(out, cell.below(100_000), 5);
}

pub(super) fn lorem_word(e: &Entity, out: &mut String) {
    out.push_str(word(&mut e.part(Part::Lorem)));
}

pub(super) fn words(e: &Entity, out: &mut String) {
    let mut cell = e.part(Part::Lorem);
    let n = 3 + cell.below(4);
    put_words(&mut cell, n, out);
}

fn put_words(cell: &mut Cell, n: u64, out: &mut String) {
    for i in 0..n {
        if i > 0 {
            out.push(' ');
        }
        out.push_str(word(cell));
    }
}

fn put_sentence(cell: &mut Cell, out: &mut String) {
    let start = out.len();
    let n = 5 + cell.below(9);
    put_words(cell, n, out);
    // Words are ASCII.
    if let Some(first) = out.get_mut(start..start + 1) {
        first.make_ascii_uppercase();
    }
    out.push('.');
}

pub(super) fn sentence(e: &Entity, out: &mut String) {
    put_sentence(&mut e.part(Part::Lorem), out);
}

pub(super) fn paragraph(e: &Entity, out: &mut String) {
    let mut cell = e.part(Part::Lorem);
    for i in 0..3 + cell.below(4) {
        if i > 0 {
            out.push(' ');
        }
        put_sentence(&mut cell, out);
    }
}
