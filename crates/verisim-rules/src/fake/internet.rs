//! Things of the internet. Names of hosts end in `example.com`, `.net` or `.org` (RFC 2606), so nobody is reached by them.

use fake::locales::{Data, EN};

use super::draw::{digits, even, weighted};
use super::entity::{Entity, Part};
use crate::cell::Cell;

/// A word of placeholder Latin.
pub(super) fn word(cell: &mut Cell) -> &'static str {
    even(cell, EN::LOREM_WORD).copied().unwrap_or("lorem")
}

fn octets(out: &mut String, octets: [u64; 4]) {
    for (i, octet) in octets.into_iter().enumerate() {
        if i > 0 {
            out.push('.');
        }
        digits(out, octet, 1);
    }
}

/// An address anywhere but in networks that hold one kept for private or special use.
pub(super) fn ipv4(e: &Entity, out: &mut String) {
    const SPECIAL: [u64; 8] = [10, 100, 127, 169, 172, 192, 198, 203];
    let mut cell = e.part(Part::Ipv4);
    let mut first = 1 + cell.below(223 - SPECIAL.len() as u64);
    for special in SPECIAL {
        first += u64::from(first >= special);
    }
    octets(out, [first, cell.below(256), cell.below(256), 1 + cell.below(254)]);
}

/// From the three networks for documentation (RFC 5737).
pub(super) fn ipv4_example(e: &Entity, out: &mut String) {
    let mut cell = e.part(Part::Ipv4);
    let [a, b, c] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]][cell.below(3) as usize];
    octets(out, [a, b, c, 1 + cell.below(254)]);
}

/// From the networks for private use (RFC 1918).
pub(super) fn ipv4_private(e: &Entity, out: &mut String) {
    let mut cell = e.part(Part::Ipv4);
    let (a, b) = match cell.below(3) {
        0 => (10, cell.below(256)),
        1 => (172, 16 + cell.below(16)),
        _ => (192, 168),
    };
    octets(out, [a, b, cell.below(256), 1 + cell.below(254)]);
}

fn hex(out: &mut String, number: u64, width: usize) {
    const SIGNS: &[u8; 16] = b"0123456789abcdef";
    for i in (0..width).rev() {
        out.push(char::from(SIGNS[(number >> (4 * i) & 15) as usize]));
    }
}

/// From the network for documentation, 2001:db8::/32 (RFC 3849).
pub(super) fn ipv6(e: &Entity, out: &mut String) {
    let mut cell = e.part(Part::Ipv6);
    out.push_str("2001:db8");
    for _ in 0..6 {
        let group = cell.below(65_536);
        out.push(':');
        let width = (1..4).find(|w| group < 1 << (4 * w)).unwrap_or(4);
        hex(out, group, width);
    }
}

/// One that is marked as given by hand, so that no maker's device has it (IEEE 802).
pub(super) fn mac(e: &Entity, out: &mut String) {
    let bits = e.part(Part::Mac).bits();
    hex(out, bits & 0xfc | 2, 2);
    for i in 1..6 {
        out.push(':');
        hex(out, bits >> (8 * i) & 255, 2);
    }
}

pub(super) fn domain(e: &Entity, out: &mut String) {
    let mut cell = e.part(Part::Domain);
    out.push_str(word(&mut cell));
    out.push_str([".example.com", ".example.net", ".example.org"][cell.below(3) as usize]);
}

pub(super) fn url(e: &Entity, out: &mut String) {
    out.push_str("https://");
    domain(e, out);
    let mut cell = e.part(Part::Url);
    for _ in 0..1 + cell.below(3) {
        out.push('/');
        out.push_str(word(&mut cell));
    }
}

pub(super) fn slug(e: &Entity, out: &mut String) {
    let mut cell = e.part(Part::Slug);
    out.push_str(word(&mut cell));
    for _ in 0..1 + cell.below(3) {
        out.push('-');
        out.push_str(word(&mut cell));
    }
}

/// What browsers say of themselves: about the shares of 2025.
pub(super) fn user_agent(e: &Entity, out: &mut String) {
    const AGENTS: [(f64, &str); 8] = [
        (34.0, "(Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/*.0.0.0 Safari/537.36"),
        (27.0, "(Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/*.0.0.0 Mobile Safari/537.36"),
        (
            17.0,
            "(iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 \
             Safari/604.1",
        ),
        (
            7.0,
            "(Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/*.0.0.0 Safari/537.36",
        ),
        (
            5.0,
            "(Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
        ),
        (
            6.0,
            "(Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/*.0.0.0 Safari/537.36 Edg/*.0.0.0",
        ),
        (3.0, "(Windows NT 10.0; Win64; x64; rv:*.0) Gecko/20100101 Firefox/*.0"),
        (1.0, "(X11; Linux x86_64; rv:*.0) Gecko/20100101 Firefox/*.0"),
    ];
    let mut cell = e.part(Part::Agent);
    let text = AGENTS[weighted(&mut cell, AGENTS.iter().map(|a| a.0))].1;
    let version = 128 + cell.below(15);
    out.push_str("Mozilla/5.0 ");
    for (i, part) in text.split('*').enumerate() {
        if i > 0 {
            digits(out, version, 1);
        }
        out.push_str(part);
    }
}

pub(super) fn http_method(e: &Entity, out: &mut String) {
    const METHODS: [(f64, &str); 7] =
        [(78.0, "GET"), (14.0, "POST"), (2.5, "PUT"), (1.5, "DELETE"), (1.5, "PATCH"), (1.5, "HEAD"), (1.0, "OPTIONS")];
    out.push_str(METHODS[weighted(&mut e.part(Part::Method), METHODS.iter().map(|m| m.0))].1);
}

pub(super) fn http_status(e: &Entity) -> i64 {
    const STATES: [(f64, i64); 15] = [
        (83.0, 200),
        (2.0, 201),
        (2.0, 204),
        (1.5, 301),
        (2.0, 302),
        (4.0, 304),
        (0.8, 400),
        (0.8, 401),
        (0.5, 403),
        (2.4, 404),
        (0.2, 429),
        (0.4, 500),
        (0.15, 502),
        (0.2, 503),
        (0.05, 504),
    ];
    STATES[weighted(&mut e.part(Part::Status), STATES.iter().map(|s| s.0))].1
}

pub(super) fn mime_type(e: &Entity, out: &mut String) {
    const TYPES: [(f64, &str); 12] = [
        (25.0, "text/html"),
        (22.0, "application/json"),
        (12.0, "text/javascript"),
        (10.0, "image/jpeg"),
        (9.0, "image/png"),
        (6.0, "text/css"),
        (5.0, "image/webp"),
        (4.0, "image/svg+xml"),
        (3.0, "application/pdf"),
        (2.0, "font/woff2"),
        (1.0, "video/mp4"),
        (1.0, "text/csv"),
    ];
    out.push_str(TYPES[weighted(&mut e.part(Part::Mime), TYPES.iter().map(|t| t.0))].1);
}

/// A port from those that are open for programs of one's own.
pub(super) fn port(e: &Entity) -> i64 {
    49_152 + e.part(Part::Port).below(16_384) as i64
}

/// Version 4 (RFC 9562).
pub(super) fn uuid(e: &Entity, out: &mut String) {
    let mut cell = e.part(Part::Uuid);
    let (high, low) = (cell.bits(), cell.bits());
    hex(out, high >> 32, 8);
    out.push('-');
    hex(out, high >> 16, 4);
    out.push_str("-4");
    hex(out, high, 3);
    out.push('-');
    hex(out, low >> 48 & 0x3fff | 0x8000, 4);
    out.push('-');
    hex(out, low, 12);
}
