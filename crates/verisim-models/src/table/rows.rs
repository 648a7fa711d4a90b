//! Some rows of an encoded table, its columns in an order of choice: a view, so that nothing of the size of the table is copied.

use verisim_data::table::codec::Encoded;

/// Columns of an encoded table, or of some of its rows.
#[derive(Clone)]
pub struct Rows<'a> {
    tokens: Vec<&'a [u32]>,
    /// Empty where a column has no scalar.
    scalars: Vec<&'a [f32]>,
    /// Which rows, in their order; all when not given.
    index: Option<&'a [usize]>,
    count: usize,
}

impl<'a> Rows<'a> {
    /// All rows of `data`, its columns as they are.
    pub fn of(data: &'a Encoded) -> Self {
        Rows {
            tokens: data.tokens.iter().map(Vec::as_slice).collect(),
            scalars: data.scalars.iter().map(Vec::as_slice).collect(),
            index: None,
            count: data.rows,
        }
    }

    /// Those at `index` of all rows of the table, in that order.
    pub fn at(self, index: &'a [usize]) -> Self {
        Rows { index: Some(index), count: index.len(), ..self }
    }

    /// The same rows, of which column `k` is column `order[k]` of these.
    pub fn arranged(self, order: &[usize]) -> Self {
        Rows {
            tokens: order.iter().map(|&j| self.tokens[j]).collect(),
            scalars: order.iter().map(|&j| self.scalars[j]).collect(),
            ..self
        }
    }

    /// Number of rows.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Tokens of column `c`, row by row.
    pub fn tokens(&self, c: usize) -> impl Iterator<Item = u32> {
        self.pick(self.tokens[c])
    }

    /// Scalars of column `c`, row by row; none where the column has none.
    pub fn scalars(&self, c: usize) -> impl Iterator<Item = f32> {
        let all = self.scalars[c];
        // Without a scalar there is no row to pick.
        self.pick(all).take(if all.is_empty() { 0 } else { self.count })
    }

    /// A table of its own of these rows.
    pub fn copied(&self) -> Encoded {
        Encoded {
            rows: self.count,
            tokens: (0..self.tokens.len()).map(|c| self.tokens(c).collect()).collect(),
            scalars: (0..self.scalars.len()).map(|c| self.scalars(c).collect()).collect(),
        }
    }

    fn pick<T: Copy>(&self, all: &'a [T]) -> impl Iterator<Item = T> {
        let index = self.index;
        (0..self.count).map(move |i| all[index.map_or(i, |index| index[i])])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_of_the_table_that_were_asked_for() {
        let data = Encoded {
            rows: 3,
            tokens: vec![vec![0, 1, 2], vec![3, 4, 5], vec![6, 7, 8]],
            scalars: vec![vec![], vec![0.1, 0.2, 0.3], vec![]],
        };
        let order = [1, 2, 0];
        let some = Rows::of(&data).at(&[2, 0]).arranged(&order);
        let copy = some.copied();
        assert_eq!((some.count(), copy.rows), (2, 2));
        assert_eq!(copy.tokens, [[5, 3], [8, 6], [2, 0]]);
        assert_eq!(copy.scalars, [vec![0.3, 0.1], vec![], vec![]]);
        let all = Rows::of(&data).copied();
        assert_eq!((all.tokens, all.scalars), (data.tokens.clone(), data.scalars.clone()));
        assert_eq!(Rows::of(&data).at(&[]).copied().tokens, vec![Vec::<u32>::new(); 3]);
    }
}
