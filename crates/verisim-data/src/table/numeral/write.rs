//! Numbers as cells.

use super::{Exponent, Negative, Numeral};

impl Numeral {
    /// Appends `x` as the column writes it.
    pub fn push(&self, x: f64, out: &mut Vec<u8>) {
        let size = x.abs();
        let far = size != 0.0 && !(1e-4..1e16).contains(&size);
        let digits = match (self.exponent, self.fixed) {
            (Some(Exponent { always, digits: Some(digits), .. }), _) if always || far => {
                format!("{size:.*e}", usize::from(digits))
            }
            (Some(Exponent { always, .. }), _) if always || far => format!("{size:e}"),
            (_, Some(fixed)) if size < 1e15 => format!("{size:.*}", usize::from(fixed)),
            _ => zmij::Buffer::new().format_finite(size).to_owned(),
        };
        // A double's shortest text has a point always.
        let short = digits.strip_suffix(".0").filter(|_| self.fixed.is_none()).unwrap_or(&digits);
        self.dress(x.is_sign_negative() && !is_zero(short), short, out);
    }

    /// Appends the whole number `x` as the column writes it.
    pub fn push_whole(&self, x: i64, out: &mut Vec<u8>) {
        if self.exponent.is_some() {
            return self.push(x as f64, out);
        }
        let mut buffer = itoa::Buffer::new();
        let digits = buffer.format(x.unsigned_abs());
        match self.fixed {
            Some(fixed @ 1..) => self.dress(x < 0, &format!("{digits}.{:0<1$}", "", usize::from(fixed)), out),
            _ => self.dress(x < 0, digits, out),
        }
    }

    /// Appends a number of plain digits, such as `-1234.50`, in the dress of the column.
    pub fn push_plain(&self, plain: &str, out: &mut Vec<u8>) {
        match plain.strip_prefix('-') {
            Some(digits) => self.dress(true, digits, out),
            None => self.dress(false, plain, out),
        }
    }

    /// `digits` is a number above zero without sign, perhaps with an exponent.
    fn dress(&self, negative: bool, digits: &str, out: &mut Vec<u8>) {
        let sign: &[u8] = match (negative, self.plus && !is_zero(digits)) {
            (true, _) => b"-",
            (false, true) => b"+",
            (false, false) => b"",
        };
        let brackets = negative && self.negative == Negative::Brackets;
        if brackets {
            out.push(b'(');
        } else if self.negative != Negative::Inside && (self.negative != Negative::Last || !negative) {
            out.extend_from_slice(sign);
        }
        out.extend_from_slice(self.before.as_bytes());
        if self.negative == Negative::Inside {
            out.extend_from_slice(sign);
        }
        self.push_digits(digits, out);
        if negative && self.negative == Negative::Last {
            out.push(b'-');
        }
        out.extend_from_slice(self.after.as_bytes());
        if brackets {
            out.push(b')');
        }
    }

    fn push_digits(&self, digits: &str, out: &mut Vec<u8>) {
        let (mantissa, power) = digits.split_once('e').map_or((digits, None), |(m, p)| (m, Some(p)));
        let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
        match self.group {
            _ if self.bare && whole == "0" && fraction.is_some() => {}
            Some(group) => {
                for (i, digit) in whole.bytes().enumerate() {
                    if i > 0 && (whole.len() - i).is_multiple_of(3) {
                        out.extend_from_slice(group.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                    out.push(digit);
                }
            }
            None => out.extend_from_slice(whole.as_bytes()),
        }
        if let Some(fraction) = fraction {
            out.push(if self.comma { b',' } else { b'.' });
            out.extend_from_slice(fraction.as_bytes());
        }
        if let Some(power) = power {
            let style = self.exponent.unwrap_or_default();
            let (minus, power) = power.strip_prefix('-').map_or((false, power), |p| (true, p));
            out.push(if style.upper { b'E' } else { b'e' });
            if minus {
                out.push(b'-');
            } else if style.plus {
                out.push(b'+');
            }
            out.extend((power.len()..usize::from(style.width)).map(|_| b'0'));
            out.extend_from_slice(power.as_bytes());
        }
    }
}

fn is_zero(digits: &str) -> bool {
    let mantissa = digits.split('e').next().unwrap_or(digits);
    mantissa.bytes().all(|b| matches!(b, b'0' | b'.'))
}
