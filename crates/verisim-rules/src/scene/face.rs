//! What signs show.

use super::number::to_linear;
use super::vector::{Vec3, vec3};

/// What a sign shows, or a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Face {
    /// A red octagon: STOP.
    Stop,
    /// A triangle on its point: give way.
    GiveWay,
    /// A red triangle with a bar: danger.
    Danger,
    /// Not more than 30.
    #[serde(rename = "limit_30")]
    Limit30,
    /// Not more than 50.
    #[serde(rename = "limit_50")]
    Limit50,
    /// Not more than 80.
    #[serde(rename = "limit_80")]
    Limit80,
    /// No entry.
    NoEntry,
    /// Parking.
    Parking,
    /// A signal at red.
    Red,
    /// A signal at amber.
    Amber,
    /// A signal at green.
    Green,
    /// A signal that goes round: 6 s green, 2 s amber, 6 s red.
    Changing,
}

impl Face {
    /// Those of signs.
    pub const SIGNS: [Face; 8] = [
        Face::Stop,
        Face::GiveWay,
        Face::Danger,
        Face::Limit30,
        Face::Limit50,
        Face::Limit80,
        Face::NoEntry,
        Face::Parking,
    ];

    /// Its name in a file.
    pub fn name(self) -> &'static str {
        match self {
            Face::Stop => "stop",
            Face::GiveWay => "give_way",
            Face::Danger => "danger",
            Face::Limit30 => "limit_30",
            Face::Limit50 => "limit_50",
            Face::Limit80 => "limit_80",
            Face::NoEntry => "no_entry",
            Face::Parking => "parking",
            Face::Red => "red",
            Face::Amber => "amber",
            Face::Green => "green",
            Face::Changing => "changing",
        }
    }

    /// What a signal shows at a time, started at `offset` of its round.
    pub fn at(self, seconds: f64) -> Face {
        match self {
            Face::Changing => match seconds.rem_euclid(14.0) {
                s if s < 6.0 => Face::Green,
                s if s < 8.0 => Face::Amber,
                _ => Face::Red,
            },
            other => other,
        }
    }

    /// The colour at a point of the plate: `u` to the right and `v` up, -1 to 1.
    pub fn colour(self, u: f64, v: f64) -> Vec3 {
        let r = u.hypot(v);
        match self {
            Face::Stop => {
                // Distance to the sides of the octagon, 1 at the side.
                let edge = u.abs().max(v.abs()).max((u.abs() + v.abs()) / 2f64.sqrt());
                if edge > 0.92 || written("STOP", u / 0.72, v / 0.30) { WHITE } else { RED }
            }
            // Triangles: distance to the sides in units of the inner radius, which is half of the outer.
            Face::GiveWay => {
                if triangle(u, -v) > 0.62 {
                    RED
                } else {
                    WHITE
                }
            }
            Face::Danger => {
                let bar = u.abs() < 0.07 && (-0.08..0.42).contains(&v);
                let dot = u.hypot(v + 0.22) < 0.09;
                if triangle(u, v) > 0.66 {
                    RED
                } else if bar || dot {
                    BLACK
                } else {
                    WHITE
                }
            }
            Face::Limit30 => limit("30", u, v, r),
            Face::Limit50 => limit("50", u, v, r),
            Face::Limit80 => limit("80", u, v, r),
            Face::NoEntry => {
                if (u.abs() < 0.7 && v.abs() < 0.18) || r > 0.95 {
                    WHITE
                } else {
                    RED
                }
            }
            Face::Parking => {
                if written("P", u / 0.42, v / 0.6) || u.abs().max(v.abs()) > 0.66 {
                    WHITE
                } else {
                    BLUE
                }
            }
            Face::Red | Face::Amber | Face::Green | Face::Changing => BLACK,
        }
    }
}

const RED: Vec3 = vec3(0.50, 0.015, 0.02);
const WHITE: Vec3 = vec3(0.85, 0.85, 0.85);
const BLACK: Vec3 = vec3(0.01, 0.01, 0.01);
const BLUE: Vec3 = vec3(0.01, 0.09, 0.42);

/// How far a point is from the centre of a triangle that points up, in units of its inner radius (half of that through its corners).
fn triangle(u: f64, v: f64) -> f64 {
    let (sin, cos) = 30f64.to_radians().sin_cos();
    (-v).max(u * cos + v * sin).max(-u * cos + v * sin) * 2.0
}

fn limit(digits: &str, u: f64, v: f64, r: f64) -> Vec3 {
    if r > 0.76 {
        RED
    } else if written(digits, u / 0.56, v / 0.42) {
        BLACK
    } else {
        WHITE
    }
}

/// Whether there is ink at a point of a word that fills -1 to 1 both ways.
fn written(word: &str, u: f64, v: f64) -> bool {
    if u.abs() >= 1.0 || v.abs() >= 1.0 {
        return false;
    }
    // Letters are 5 wide and 1 apart.
    let columns = word.len() * 6 - 1;
    let column = ((u + 1.0) * 0.5 * columns as f64) as usize;
    let row = ((1.0 - v) * 0.5 * 7.0) as usize;
    let Some(letter) = word.as_bytes().get(column / 6) else { return false };
    let bits = glyph(*letter).get(row).copied().unwrap_or(0);
    column % 6 < 5 && bits >> (4 - column % 6) & 1 == 1
}

/// Seven rows of five dots, the highest bit to the left.
fn glyph(letter: u8) -> [u8; 7] {
    match letter {
        b'0' => [0b01110, 0b11011, 0b11011, 0b11011, 0b11011, 0b11011, 0b01110],
        b'3' => [0b11110, 0b00011, 0b00011, 0b01110, 0b00011, 0b00011, 0b11110],
        b'5' => [0b11111, 0b11000, 0b11110, 0b00011, 0b00011, 0b11011, 0b01110],
        b'8' => [0b01110, 0b11011, 0b11011, 0b01110, 0b11011, 0b11011, 0b01110],
        b'S' => [0b01111, 0b11000, 0b11000, 0b01110, 0b00011, 0b00011, 0b11110],
        b'T' => [0b11111, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100],
        b'O' => [0b01110, 0b11011, 0b11011, 0b11011, 0b11011, 0b11011, 0b01110],
        b'P' => [0b11110, 0b11011, 0b11011, 0b11110, 0b11000, 0b11000, 0b11000],
        _ => [0; 7],
    }
}

/// The colours of a signal's three lamps from the top, when they burn.
pub const SIGNAL: [(Face, Vec3); 3] =
    [(Face::Red, vec3(1.0, 0.03, 0.02)), (Face::Amber, vec3(1.0, 0.45, 0.02)), (Face::Green, vec3(0.03, 0.9, 0.25))];

/// A colour of sRGB bytes in linear light.
pub fn rgb(r: u8, g: u8, b: u8) -> Vec3 {
    let part = |c| to_linear(f64::from(c) / 255.0);
    vec3(part(r), part(g), part(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_have_their_colours() {
        assert_eq!(Face::Stop.colour(0.0, 0.6), RED);
        assert_eq!(Face::Stop.colour(0.0, 0.95), WHITE);
        assert_eq!(Face::Limit50.colour(0.0, 0.9), RED);
        assert_eq!(Face::Limit50.colour(0.0, 0.0), WHITE);
        assert_eq!(Face::NoEntry.colour(0.3, 0.0), WHITE);
        assert_eq!(Face::GiveWay.colour(0.0, 0.1), WHITE);
        // The sides of the triangles: the middle of a side is at half the outer radius.
        assert!((triangle(0.0, -0.5) - 1.0).abs() < 1e-12 && (triangle(0.0, 1.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_signal_goes_round() {
        let shown: Vec<Face> = [0.0, 6.5, 9.0, 14.5, -1.0].map(|s| Face::Changing.at(s)).to_vec();
        assert_eq!(shown, [Face::Green, Face::Amber, Face::Red, Face::Green, Face::Red]);
        assert_eq!(Face::Red.at(3.0), Face::Red);
    }
}
