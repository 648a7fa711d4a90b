//! The order in which a model sees columns: a model that draws them one after another does best when what tells most about the others
//! comes first (largest sum of mutual information).

use verisim_data::table::codec::Span;

use crate::error::{Error, Result};
use crate::table::profile::{coarse, told};
use crate::table::rows::Rows;
use crate::weights::Weights;

const NAME: &str = "order";

/// Columns by how much they tell about all others, most first.
pub fn by_information(spans: &[Span], rows: &Rows<'_>) -> Vec<usize> {
    let told = told(&coarse(spans, rows));
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by(|&a, &b| told[b].total_cmp(&told[a]).then(a.cmp(&b)));
    order
}

/// Adds the order to the weights: numbers of columns, the one drawn first in front.
pub fn put(weights: &mut Weights, order: &[usize]) {
    weights.put_u32(NAME, &[order.len()], order.iter().map(|&j| j as u32).collect());
}

/// The order of `columns` columns that [`put`] wrote; an error when it does not name every column once.
pub fn take(weights: &mut Weights, columns: usize) -> Result<Vec<usize>> {
    let order: Vec<usize> = weights.take_u32(NAME)?.1.into_iter().map(|j| j as usize).collect();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    match sorted == (0..columns).collect::<Vec<_>>() {
        true => Ok(order),
        false => Err(Error::Tensor { name: NAME.into(), problem: "does not name every column once".into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_order_is_refused() {
        let mut weights = Weights::default();
        put(&mut weights, &[0, 0, 2]);
        assert!(take(&mut weights, 3).is_err());
    }
}
