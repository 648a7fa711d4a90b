//! Check digits. All take and give ASCII; what is no digit counts as 0.

fn value(b: u8) -> u32 {
    char::from(b).to_digit(36).unwrap_or(0)
}

/// The digit that makes `body` followed by it pass the formula of Luhn (ISO/IEC 7812-1).
pub(super) fn luhn(body: &[u8]) -> u8 {
    let sum: u32 = body
        .iter()
        .rev()
        .enumerate()
        .map(|(i, &b)| {
            let d = value(b);
            if i % 2 == 0 { d * 2 / 10 + d * 2 % 10 } else { d }
        })
        .sum();
    b'0' + ((10 - sum % 10) % 10) as u8
}

/// Remainder by 97 of digits and letters, a letter standing for two digits (ISO 7064).
pub(super) fn mod97(text: impl Iterator<Item = u8>) -> u32 {
    text.fold(0, |rest, b| {
        let v = value(b);
        if v > 9 { (rest * 100 + v) % 97 } else { (rest * 10 + v) % 97 }
    })
}

/// The two check digits of an IBAN of a country with this account part (ISO 13616).
pub(super) fn iban(country: &str, body: &str) -> u32 {
    98 - mod97(body.bytes().chain(country.bytes()).chain(*b"00"))
}

/// The check digit by ISO 7064, MOD 11,10: German tax numbers.
pub(super) fn mod11_10(body: &[u8]) -> u8 {
    let product = body.iter().fold(10, |p, &b| {
        let s = (value(b) + p) % 10;
        (if s == 0 { 10 } else { s }) * 2 % 11
    });
    b'0' + ((11 - product) % 10) as u8
}

/// The sum of digits times weights.
pub(super) fn sum(body: &[u8], weights: &[u32]) -> u32 {
    body.iter().zip(weights).map(|(&b, w)| value(b) * w).sum()
}

/// The digit at the end of an EAN or ISBN of 13 digits: weights 1 and 3.
pub(super) fn ean(body: &[u8]) -> u8 {
    let sum = sum(body, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]);
    b'0' + ((10 - sum % 10) % 10) as u8
}

/// The ninth sign of a vehicle's number of 17 signs (49 CFR 565.15); the ninth is not read.
pub(super) fn vin(text: &[u8]) -> char {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let letter = |b: u8| match b {
        b'A'..=b'H' => u32::from(b - b'A') + 1,
        b'J'..=b'N' => u32::from(b - b'J') + 1,
        b'P' => 7,
        b'R' => 9,
        b'S'..=b'Z' => u32::from(b - b'S') + 2,
        _ => value(b),
    };
    let rest = text.iter().zip(WEIGHTS).map(|(&b, w)| letter(b) * w).sum::<u32>() % 11;
    if rest == 10 { 'X' } else { char::from(b'0' + rest as u8) }
}

/// The last letter of an Italian codice fiscale of 15 signs (D.M. 23/12/1976).
pub(super) fn codice_fiscale(body: &[u8]) -> char {
    const ODD: [u32; 36] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16,
        10, 22, 25, 24, 23,
    ];
    let sum: u32 = body
        .iter()
        .enumerate()
        .map(|(i, &b)| {
            let v = value(b);
            match (i % 2, v) {
                (0, v) => ODD[v as usize % 36],
                (_, 0..=9) => v,
                (_, v) => v - 10,
            }
        })
        .sum();
    char::from(b'A' + (sum % 26) as u8)
}

/// The last sign of a Chinese identity number of 17 digits (GB 11643-1999).
pub(super) fn china(body: &[u8]) -> char {
    let rest = sum(body, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) % 11;
    char::from(b"10X98765432"[rest as usize])
}

/// Signs of Chinese company numbers, in the order of their values (GB 32100-2015).
pub(super) const CHINA_SIGNS: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// The last sign of a Chinese company number of 17 signs.
pub(super) fn china_company(body: &[u8]) -> char {
    const WEIGHTS: [u32; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
    let place = |b: u8| CHINA_SIGNS.iter().position(|&s| s == b).unwrap_or(0) as u32;
    let rest = body.iter().zip(WEIGHTS).map(|(&b, w)| place(b) * w).sum::<u32>() % 31;
    char::from(CHINA_SIGNS[((31 - rest) % 31) as usize])
}

/// The two last digits of a Brazilian CPF (9 digits before) or CNPJ (12 digits before).
pub(super) fn brazil(body: &[u8], greatest: u32) -> [u8; 2] {
    let digit = |before: &[u8], more: Option<u8>| {
        let mut weight = 1;
        let values = more.iter().chain(before.iter().rev());
        let sum: u32 = values
            .map(|&b| {
                weight = if weight == greatest { 2 } else { weight + 1 };
                value(b) * weight
            })
            .sum();
        let rest = sum % 11;
        b'0' + if rest < 2 { 0 } else { (11 - rest) as u8 }
    };
    let first = digit(body, None);
    [first, digit(body, Some(first))]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that are printed in the standards or on the pages of those who give them.
    #[test]
    fn known_numbers_keep_their_check_digits() {
        assert_eq!(luhn(b"7992739871"), b'3');
        assert_eq!(luhn(b"411111111111111"), b'1');
        assert_eq!(iban("GB", "WEST12345698765432"), 82);
        assert_eq!(iban("DE", "370400440532013000"), 89);
        assert_eq!(mod11_10(b"8609574271"), b'9');
        assert_eq!(ean(b"400638133393"), b'1');
        assert_eq!(ean(b"978030640615"), b'7');
        assert_eq!(vin(b"1M8GDM9A_KP042788"), 'X');
        assert_eq!(codice_fiscale(b"RSSMRA85T10A562"), 'S');
        assert_eq!(china(b"11010519491231002"), 'X');
        assert_eq!(china_company(b"91350100M000100Y4"), '3');
        assert_eq!(brazil(b"529982247", 20), [b'2', b'5']);
        assert_eq!(brazil(b"112223330001", 9), [b'8', b'1']);
    }
}
