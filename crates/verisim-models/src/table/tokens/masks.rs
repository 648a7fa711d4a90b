//! Who sees whom: the roles of columns in a pass, and the masks that follow.

use burn::tensor::{Device, Int, Tensor, TensorData};
use verisim_data::rng::{Stream, below, permutation, uniform};

use super::digits::Digits;

/// What a column, or a digit, is in a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It is seen by all, and nothing is asked of it.
    Known,
    /// Drawn before the late ones: what a condition restricts.
    Early,
    /// Drawn last.
    Late,
}

/// The role of every column, or of every digit.
#[derive(Clone, Debug)]
pub struct Roles(pub Vec<Role>);

impl Roles {
    /// Nothing is known, and columns are drawn in their order.
    pub fn plain(columns: usize) -> Roles {
        Roles(vec![Role::Late; columns])
    }

    /// Any number of columns known; in half of the cases up to three more early.
    pub fn random(columns: usize, rng: &mut Stream) -> Roles {
        let order = permutation(rng, columns);
        let known = below(rng, columns.max(1) as u64) as usize;
        let early = if uniform(rng) < 0.5 { 0 } else { 1 + below(rng, 3) as usize };
        let mut roles = vec![Role::Late; columns];
        order.iter().take(known).for_each(|&c| roles[c] = Role::Known);
        order.iter().skip(known).take(early).for_each(|&c| roles[c] = Role::Early);
        Roles(roles)
    }

    /// The role of every digit, which is that of its column.
    pub fn of_digits(&self, digits: &Digits) -> Roles {
        Roles(digits.all.iter().map(|d| self.0[d.column]).collect())
    }

    /// Whether `j` sees `i`: what is known, what is drawn earlier and, if it is no input, itself.
    pub fn sees(&self, j: usize, i: usize, itself: bool) -> bool {
        match (self.0[j], self.0[i]) {
            (_, Role::Known) => true,
            (Role::Known, _) => false,
            (a, b) if a == b => i < j || (itself && i == j),
            (a, b) => b < a,
        }
    }

    /// 1 for each that is not known, `[U]`.
    pub fn wanted(&self, device: &Device) -> Tensor<1> {
        let wanted: Vec<f32> = self.0.iter().map(|&r| if r == Role::Known { 0.0 } else { 1.0 }).collect();
        let n = wanted.len();
        Tensor::from_data(TensorData::new(wanted, [n]), device)
    }
}

/// Where the digits lie in a one-hot row and among the hidden units.
#[derive(Clone, Debug)]
pub struct Layout {
    /// First place of each digit in a one-hot row, one more at the end.
    pub places: Vec<usize>,
    /// Hidden units of each digit, in each layer.
    pub group: usize,
}

impl Layout {
    /// Each of `digits` with a group of hidden units.
    pub fn new(digits: &Digits, group: usize) -> Layout {
        let mut places = vec![0];
        for d in &digits.all {
            places.push(places[places.len() - 1] + d.size as usize);
        }
        Layout { places, group }
    }

    /// Number of digits `U`.
    pub fn digits(&self) -> usize {
        self.places.len() - 1
    }

    /// Places of a one-hot row, `W`.
    pub fn width(&self) -> usize {
        self.places[self.digits()]
    }

    /// Hidden units of a layer, `H`.
    pub fn hidden(&self) -> usize {
        self.digits() * self.group
    }

    /// The masks of a pass in which digits have these roles. What goes to the device is of the size of the square of the digits.
    pub fn masks(&self, roles: &Roles, device: &Device) -> Masks {
        let count = self.digits();
        let table = |itself: bool| {
            let cell = |k: usize| if roles.sees(k % count, k / count, itself) { 1.0f32 } else { 0.0 };
            let cells: Vec<f32> = (0..count * count).map(cell).collect();
            Tensor::<2>::from_data(TensorData::new(cells, [count, count]), device)
        };
        let place: Vec<i32> =
            (0..count).flat_map(|d| vec![d as i32; self.places[d + 1] - self.places[d]]).collect();
        let unit: Vec<i32> = (0..count).flat_map(|d| vec![d as i32; self.group]).collect();
        let int = |v: &[i32]| Tensor::<1, Int>::from_data(TensorData::new(v.to_vec(), [v.len()]), device);
        let spread = |t: &Tensor<2>, from: &[i32], to: &[i32]| t.clone().select(1, int(to)).select(0, int(from));
        let (before, with) = (table(false), table(true));
        Masks {
            input: spread(&before, &place, &unit),
            hidden: spread(&with, &unit, &unit),
            output: spread(&with, &unit, &place),
            skip: spread(&before, &place, &place),
        }
    }
}

/// Which weights count in a pass: 1, or 0.
#[derive(Clone, Debug)]
pub struct Masks {
    /// `[W, H]`.
    pub input: Tensor<2>,
    /// `[H, H]`.
    pub hidden: Tensor<2>,
    /// `[H, W]`.
    pub output: Tensor<2>,
    /// `[W, W]`.
    pub skip: Tensor<2>,
}

impl Masks {
    /// The same masks for tensors that carry gradients.
    pub fn with_gradients(&self) -> Masks {
        let up = |t: &Tensor<2>| Tensor::from_inner(t.clone());
        Masks { input: up(&self.input), hidden: up(&self.hidden), output: up(&self.output), skip: up(&self.skip) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use verisim_data::rng::stream;

    #[test]
    fn each_sees_what_is_drawn_before_it() {
        let roles = Roles(vec![Role::Late, Role::Known, Role::Early, Role::Late, Role::Known]);
        let seen = |j: usize, itself| (0..5).filter(|&i| roles.sees(j, i, itself)).collect::<Vec<_>>();
        assert_eq!(seen(0, false), [1, 2, 4]);
        assert_eq!(seen(0, true), [0, 1, 2, 4]);
        assert_eq!(seen(1, false), [1, 4]);
        assert_eq!(seen(2, false), [1, 4]);
        assert_eq!(seen(3, true), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn some_column_is_always_to_be_drawn() {
        let mut rng = stream(1, "t", 0);
        for columns in 1..6 {
            for _ in 0..200 {
                assert!(Roles::random(columns, &mut rng).0.iter().any(|&r| r != Role::Known));
            }
        }
    }
}
