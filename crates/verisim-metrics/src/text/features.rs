//! Texts as long sparse vectors: words and pairs of words, and runs of two to four characters within words with the space around them.
//! What occurs in one text alone is left out; of each of both sorts the 30,000 most frequent are kept, weighed by how rare they are
//! (smoothed TF-IDF, counts as 1 + ln), and brought to length 1 (Salton and Buckley, 1988).

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use verisim_data::rng::mix;

use super::set::Text;

/// Features of a sort, at most.
const MOST: usize = 30_000;
/// What is no feature.
const NONE: u32 = u32::MAX;

/// What stands in some texts, counted once for all uses.
#[derive(Debug)]
pub(super) struct Grams {
    /// Of each text and sort numbers of what it holds, and how often.
    texts: Vec<[Vec<(u32, u32)>; 2]>,
    /// Different ones of each sort.
    sizes: [usize; 2],
}

impl Grams {
    /// Counts what stands in texts.
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t Text>) -> Grams {
        let texts: Vec<&Text> = texts.into_iter().collect();
        let hashed: Vec<[Vec<(u64, u32)>; 2]> =
            texts.par_iter().map(|t| [counted(words(&t.words)), counted(characters(&t.raw))]).collect();
        let mut ids: [FxHashMap<u64, u32>; 2] = Default::default();
        let mut number = |of: [Vec<(u64, u32)>; 2]| {
            let mut k = 0;
            of.map(|grams| {
                let ids = &mut ids[k];
                k += 1;
                let one = |(gram, n)| {
                    let next = ids.len() as u32;
                    (*ids.entry(gram).or_insert(next), n)
                };
                grams.into_iter().map(one).collect()
            })
        };
        let texts = hashed.into_iter().map(&mut number).collect();
        Grams { texts, sizes: ids.map(|ids| ids.len()) }
    }

    /// Features of the texts `learnt`: which there are, and what they weigh.
    pub fn learn(&self, learnt: &[usize]) -> Features {
        let mut counts = [0, 1].map(|sort| vec![(0_u32, 0_u32); self.sizes[sort]]);
        for &i in learnt {
            for (counts, grams) in counts.iter_mut().zip(&self.texts[i]) {
                for &(gram, n) in grams {
                    let (texts, all) = &mut counts[gram as usize];
                    *texts += 1;
                    *all += n;
                }
            }
        }
        // Where nothing occurs twice, once must do.
        let least = if counts.iter().all(|c| c.iter().any(|(texts, _)| *texts >= 2)) { 2 } else { 1 };
        let mut width = 0;
        let weights = counts.map(|counts| {
            let mut kept: Vec<u32> = (0..counts.len() as u32).filter(|&g| counts[g as usize].0 >= least).collect();
            kept.sort_by_key(|&g| std::cmp::Reverse(counts[g as usize].1));
            kept.truncate(MOST);
            let mut weights = vec![(NONE, 0.0); counts.len()];
            for gram in kept {
                let rare = (1.0 + learnt.len() as f64) / (1.0 + f64::from(counts[gram as usize].0));
                weights[gram as usize] = (width, (rare.ln() + 1.0) as f32);
                width += 1;
            }
            weights
        });
        Features { weights, width: width as usize }
    }

    /// The vectors of the texts `of`.
    pub fn vectors(&self, features: &Features, of: &[usize]) -> Sparse {
        let row = |&i: &usize| {
            let mut row: Vec<(u32, f32)> = Vec::new();
            for (weights, grams) in features.weights.iter().zip(&self.texts[i]) {
                let from = row.len();
                for &(gram, n) in grams {
                    let (at, weight) = weights[gram as usize];
                    if at != NONE {
                        row.push((at, weight * (1.0 + (n as f32).ln())));
                    }
                }
                let length = row[from..].iter().map(|(_, x)| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
                row[from..].iter_mut().for_each(|(_, x)| *x /= length);
            }
            row.sort_unstable_by_key(|(at, _)| *at);
            row
        };
        let rows: Vec<Vec<(u32, f32)>> = of.par_iter().map(row).collect();
        Sparse::new(features.width, rows)
    }
}

/// What a feature weighs, and where it stands.
#[derive(Debug)]
pub(super) struct Features {
    weights: [Vec<(u32, f32)>; 2],
    pub width: usize,
}

/// Rows of few numbers that are not zero.
#[derive(Clone, Debug)]
pub(super) struct Sparse {
    pub width: usize,
    starts: Vec<usize>,
    entries: Vec<(u32, f32)>,
}

impl Sparse {
    pub fn new(width: usize, rows: Vec<Vec<(u32, f32)>>) -> Sparse {
        let mut starts = vec![0];
        starts.extend(rows.iter().scan(0, |sum, row| {
            *sum += row.len();
            Some(*sum)
        }));
        Sparse { width, starts, entries: rows.concat() }
    }

    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    pub fn row(&self, i: usize) -> &[(u32, f32)] {
        &self.entries[self.starts[i]..self.starts[i + 1]]
    }

    /// Columns as rows.
    pub fn transposed(&self) -> Sparse {
        let mut starts = vec![0; self.width + 1];
        self.entries.iter().for_each(|(at, _)| starts[*at as usize + 1] += 1);
        for k in 0..self.width {
            starts[k + 1] += starts[k];
        }
        let mut next = starts.clone();
        let mut entries = vec![(0, 0.0); self.entries.len()];
        for i in 0..self.rows() {
            for &(at, x) in self.row(i) {
                entries[next[at as usize]] = (i as u32, x);
                next[at as usize] += 1;
            }
        }
        Sparse { width: self.rows(), starts, entries }
    }
}

fn counted(mut grams: Vec<u64>) -> Vec<(u64, u32)> {
    grams.sort_unstable();
    grams.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u32)).collect()
}

/// Words and pairs.
fn words(words: &[u32]) -> Vec<u64> {
    let one = |w: u32| mix(u64::from(w));
    let two = |pair: &[u32]| mix(one(pair[0]) ^ u64::from(pair[1]));
    words.iter().map(|&w| one(w)).chain(words.windows(2).map(two)).collect()
}

/// Runs of two to four characters of each word, which is whatever stands between spaces; a word that is shorter counts once.
fn characters(raw: &str) -> Vec<u64> {
    let lower = raw.to_lowercase();
    let mut out = Vec::new();
    let mut word: Vec<char> = Vec::new();
    for part in lower.split_whitespace() {
        word.clear();
        word.push(' ');
        word.extend(part.chars());
        word.push(' ');
        let hash = |run: &[char]| run.iter().fold(run.len() as u64, |h, &c| mix(h ^ u64::from(u32::from(c))));
        for n in 2..=4 {
            out.extend(word.windows(n.min(word.len())).map(hash));
            if n >= word.len() {
                break;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tests::texts;

    #[test]
    fn runs_of_characters_stay_within_words() {
        // " a " has 2 of two, itself of three; " ab " 3 of two, 2 of three, itself.
        assert_eq!((characters("a").len(), characters("AB\tc").len(), characters("").len()), (3, 9, 0));
        assert_eq!(counted(characters("aa")).iter().map(|c| c.1).sum::<u32>(), 6);
    }

    #[test]
    fn weights_by_hand() {
        let (texts, _) = texts(&["a b", "a a", "c"]);
        let grams = Grams::new(&texts);
        let features = grams.learn(&[0, 1]);
        // Twice occur the word "a", and of runs " a", "a ", " a ".
        assert_eq!(features.width, 4);
        let x = grams.vectors(&features, &[0, 1, 2]);
        assert_eq!((x.rows(), x.row(2).len()), (3, 0));
        // Each sort has length 1; both texts have the same of it.
        let of_words: Vec<f32> = x.row(0).iter().filter(|(at, _)| *at == 0).map(|(_, x)| *x).collect();
        assert_eq!(of_words, [1.0]);
        for (_, v) in &x.row(1)[1..] {
            assert!((v - 1.0 / 3.0_f32.sqrt()).abs() < 1e-6);
        }
        let t = x.transposed();
        assert_eq!((t.rows(), t.row(0)), (4, &[(0, 1.0), (1, 1.0)][..]));
    }

    #[test]
    fn rare_features_weigh_more() {
        let (texts, _) = texts(&["a b", "a b", "a c", "a c"]);
        let grams = Grams::new(&texts);
        let features = grams.learn(&[0, 1, 2, 3]);
        let x = grams.vectors(&features, &[0]);
        // Words: "a" in 4 of 4, "b" and "a b" in 2: 1, 1 + ln(5/3) twice, over their length.
        let rare = 1.0 + (5.0_f64 / 3.0).ln();
        let length = (1.0 + 2.0 * rare * rare).sqrt();
        let mut found: Vec<f64> = x.row(0).iter().take(3).map(|(_, v)| f64::from(*v)).collect();
        found.sort_unstable_by(f64::total_cmp);
        for (found, right) in found.iter().zip([1.0 / length, rare / length, rare / length]) {
            assert!((found - right).abs() < 1e-6);
        }
    }
}
