//! What is seen beyond the edge of a picture.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::picture::Sample;

/// What fills places that the picture does not reach.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected \"edge\", \"reflect\", \"wrap\", a grey from 0 (black) to 1 (white), or a colour [red, green, blue]"
)]
pub enum Edge {
    /// The picture itself, gone on with.
    Mode(Mode),
    /// One grey, from 0 (black) to 1 (white). Opacity is 0 there.
    Grey(f64),
    /// One colour, each part from 0 to 1. Opacity is 0 there.
    Colour([f64; 3]),
}

/// How a picture goes on beyond its edge.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Its last pixel: `aa|abc|cc`.
    Edge,
    /// Mirrored, its last pixel included: `ba|abc|cb`.
    Reflect,
    /// From its other side: `bc|abc|ab`.
    Wrap,
}

impl Default for Edge {
    fn default() -> Edge {
        Edge::Grey(0.0)
    }
}

impl Edge {
    pub(super) fn check(&self) -> Result<(), String> {
        let parts: &[f64] = match self {
            Edge::Mode(_) => &[],
            Edge::Grey(g) => &[*g],
            Edge::Colour(c) => c,
        };
        match parts.iter().find(|p| !(0.0..=1.0).contains(*p)) {
            Some(p) => Err(format!("`fill` is {p}; it must be from 0 (black) to 1 (white)")),
            None => Ok(()),
        }
    }

    /// The pixel that is seen at a constant edge.
    pub(super) fn pixel<S: Sample>(&self, channels: usize) -> [S; 4] {
        let rgb = match self {
            Edge::Mode(_) => [0.0; 3],
            Edge::Grey(g) => [*g; 3],
            Edge::Colour(c) if channels < 3 => [luma(c.map(|v| v as f32)).into(); 3],
            Edge::Colour(c) => *c,
        };
        let [r, g, b] = rgb.map(|v| S::down(v as f32 * S::MAX));
        let none = S::default();
        match channels {
            1 => [r, none, none, none],
            2 => [r, none, none, none],
            _ => [r, g, b, none],
        }
    }

    /// Where along a side of `n` pixels place `i` is seen; nothing at a constant edge.
    #[inline]
    pub(super) fn place(&self, i: i64, n: usize) -> Option<usize> {
        let side = n as i64;
        if (0..side).contains(&i) {
            return Some(i as usize);
        }
        match self {
            Edge::Mode(Mode::Edge) => Some(i.clamp(0, side - 1) as usize),
            Edge::Mode(Mode::Wrap) => Some(i.rem_euclid(side) as usize),
            Edge::Mode(Mode::Reflect) => {
                let j = i.rem_euclid(2 * side);
                Some(if j < side { j } else { 2 * side - 1 - j } as usize)
            }
            _ => None,
        }
    }
}

/// The lightness of a colour that grey pictures have (ITU-R BT.601).
#[inline(always)]
pub(super) fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn places_beyond_the_edge() {
        let seen = |edge: Edge| (-4..7).map(|i| edge.place(i, 3).map_or(9, |p| p)).collect::<Vec<_>>();
        assert_eq!(seen(Edge::Mode(Mode::Edge)), [0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2]);
        assert_eq!(seen(Edge::Mode(Mode::Reflect)), [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
        assert_eq!(seen(Edge::Mode(Mode::Wrap)), [2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
        assert_eq!(seen(Edge::Grey(1.0)), [9, 9, 9, 9, 0, 1, 2, 9, 9, 9, 9]);
        assert_eq!(Edge::Mode(Mode::Reflect).place(-5, 1), Some(0));
    }
}
