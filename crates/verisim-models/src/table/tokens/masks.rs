//! Who sees whom: the roles of columns in a pass, and the masks that follow.

use burn::tensor::{Device, Int, Tensor, TensorData};
use verisim_data::rng::{Stream, below, permutation, uniform};

use super::digits::Digits;
use super::smooth::FUNCTIONS;

/// What a column, or a digit, is in a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It is seen by all, and nothing is asked of it.
    Known,
    /// Drawn in this turn, and of those in one turn in the order of the columns.
    Drawn(usize),
}

/// What a condition restricts is drawn first.
pub const EARLY: Role = Role::Drawn(0);
/// What nothing is said of.
pub const LATE: Role = Role::Drawn(1);

/// The role of every column, or of every digit.
#[derive(Clone, Debug)]
pub struct Roles(pub Vec<Role>);

impl Roles {
    /// Nothing is known, and columns are drawn in their order.
    pub fn plain(columns: usize) -> Roles {
        Roles(vec![LATE; columns])
    }

    /// In half of the cases any number of columns known, and others in their order; else all in any order.
    pub fn random(columns: usize, rng: &mut Stream) -> Roles {
        let order = permutation(rng, columns);
        let mut roles = vec![LATE; columns];
        if uniform(rng) < 0.5 {
            let known = below(rng, columns.max(1) as u64) as usize;
            order[..known].iter().for_each(|&c| roles[c] = Role::Known);
        } else {
            order.iter().enumerate().for_each(|(turn, &c)| roles[c] = Role::Drawn(turn));
        }
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
            (a, b) => (b, i) < (a, j) || (itself && i == j),
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
    /// Column of each digit.
    column: Vec<usize>,
    /// Last digit of each column that others see as smooth functions, which follow the one-hot row.
    pub smooth: Vec<usize>,
}

impl Layout {
    /// Each of `digits` with a group of hidden units.
    pub fn new(digits: &Digits, group: usize) -> Layout {
        let mut places = vec![0];
        for d in &digits.all {
            places.push(places[places.len() - 1] + d.size as usize);
        }
        let smooth = digits.smooth().map(|c| digits.first[c + 1] - 1).collect();
        Layout { places, group, column: digits.all.iter().map(|d| d.column).collect(), smooth }
    }

    /// Number of digits `U`.
    pub fn digits(&self) -> usize {
        self.places.len() - 1
    }

    /// Places of a one-hot row, `W`.
    pub fn width(&self) -> usize {
        self.places[self.digits()]
    }

    /// What a row is given as: a one-hot row and smooth functions, `I`.
    pub fn inputs(&self) -> usize {
        self.width() + self.smooth.len() * FUNCTIONS
    }

    /// Hidden units of a layer, `H`.
    pub fn hidden(&self) -> usize {
        self.digits() * self.group
    }

    /// Whether digit `j` sees an input: those of digit `i`, or, past the digits, those of a smooth column.
    fn reaches(&self, roles: &Roles, j: usize, input: usize) -> bool {
        let own = |i: usize| self.column[i] == self.column[j];
        match input.checked_sub(self.digits()) {
            Some(s) => !own(self.smooth[s]) && roles.sees(j, self.smooth[s], false),
            None => (own(input) || !self.is_smooth(input)) && roles.sees(j, input, false),
        }
    }

    /// Whether the column of digit `i` is seen as smooth functions.
    pub fn is_smooth(&self, i: usize) -> bool {
        self.smooth.iter().any(|&last| self.column[last] == self.column[i])
    }

    /// The masks of a pass in which digits have these roles. What goes to the device is of the size of the square of the digits.
    pub fn masks(&self, roles: &Roles, device: &Device) -> Masks {
        let count = self.digits();
        let table = |rows: usize, cell: &dyn Fn(usize, usize) -> bool| {
            let cells: Vec<f32> = (0..rows * count).map(|k| f32::from(cell(k / count, k % count))).collect();
            Tensor::<2>::from_data(TensorData::new(cells, [rows, count]), device)
        };
        let place: Vec<i32> = (0..count).flat_map(|d| vec![d as i32; self.places[d + 1] - self.places[d]]).collect();
        let smooth = (count..count + self.smooth.len()).flat_map(|s| vec![s as i32; FUNCTIONS]);
        let input: Vec<i32> = place.iter().copied().chain(smooth).collect();
        let unit: Vec<i32> = (0..count).flat_map(|d| vec![d as i32; self.group]).collect();
        let int = |v: &[i32]| Tensor::<1, Int>::from_data(TensorData::new(v.to_vec(), [v.len()]), device);
        let spread = |t: &Tensor<2>, from: &[i32], to: &[i32]| t.clone().select(1, int(to)).select(0, int(from));
        let before = table(count + self.smooth.len(), &|i, j| self.reaches(roles, j, i));
        let with = table(count, &|i, j| roles.sees(j, i, true));
        Masks {
            input: spread(&before, &input, &unit),
            hidden: spread(&with, &unit, &unit),
            output: spread(&with, &unit, &place),
            skip: spread(&before, &input, &place),
        }
    }
}

/// Which weights count in a pass: 1, or 0.
#[derive(Clone, Debug)]
pub struct Masks {
    /// `[I, H]`.
    pub input: Tensor<2>,
    /// `[H, H]`.
    pub hidden: Tensor<2>,
    /// `[H, W]`.
    pub output: Tensor<2>,
    /// `[I, W]`.
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
        let roles = Roles(vec![LATE, Role::Known, EARLY, LATE, Role::Known]);
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
