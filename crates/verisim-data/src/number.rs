//! Numbers as people read them: the same everywhere, in reports, messages and reasons.

/// A whole number with commas between thousands: `1,234,567`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A part of one as a percentage with two decimals: `12.34 %` for 0.1234.
pub fn percent(part: f64) -> String {
    format!("{:.2} %", 100.0 * part)
}

/// A score with three decimals: `0.512`.
pub fn three(score: f64) -> String {
    format!("{score:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1_000, 12_345].map(grouped), ["0", "999", "1,000", "12,345"]);
        assert_eq!([123_456, 1_234_567].map(grouped), ["123,456", "1,234,567"]);
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn parts_and_scores_are_rounded() {
        assert_eq!([percent(0.123_456), percent(1.0), percent(0.0)], ["12.35 %", "100.00 %", "0.00 %"]);
        assert_eq!([three(0.5), three(-0.000_4)], ["0.500", "-0.000"]);
    }
}
