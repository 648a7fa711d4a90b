//! One entity: a person, its address, its company and whatever else has the same key.

use super::locale::{Name, Place};
use crate::cell::Cell;

/// What is drawn for an entity. Each has a stream of its own, so that a field draws the same whatever other fields are asked for. The
/// numbers are part of what a seed gives: new ones are added at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Part {
    Sex,
    First,
    Last,
    SecondLast,
    Name,
    Age,
    Birthday,
    Marital,
    Title,
    Job,
    User,
    MailHost,
    Phone,
    Mobile,
    Password,
    Blood,
    Height,
    Weight,
    NationalId,
    City,
    Area,
    Street,
    Number,
    Postcode,
    Position,
    CompanyName,
    CompanyLast,
    CompanyOther,
    Brand,
    Industry,
    Legal,
    Mailbox,
    CompanyPhone,
    VatId,
    Ticker,
    Iban,
    Bic,
    Card,
    Expiry,
    Cvv,
    Ipv4,
    Ipv6,
    Mac,
    Domain,
    Url,
    Agent,
    Method,
    Status,
    Mime,
    Uuid,
    Slug,
    Make,
    Year,
    Vin,
    Plate,
    Fuel,
    Colour,
    Mileage,
    Product,
    Price,
    Ean,
    Sku,
    Isbn,
    Lorem,
    Port,
}

/// An entity of a locale.
pub(super) struct Entity {
    pub place: &'static Place,
    pub nobody: Name,
    cell: Cell,
}

impl Entity {
    /// The entities of a locale; which of them is said by `turn`.
    pub fn of(place: &'static Place) -> Entity {
        Entity { place, nobody: Name::default(), cell: Cell::from_state(0) }
    }

    /// Goes to the entity of a key.
    pub fn turn(&mut self, key: u64) {
        self.cell = Cell::from_state(key);
    }

    /// The entity of a key.
    pub fn turned(&mut self, key: u64) -> &Entity {
        self.turn(key);
        self
    }

    /// The random numbers of a part.
    pub fn part(&self, part: Part) -> Cell {
        self.cell.part(part as u64)
    }
}
