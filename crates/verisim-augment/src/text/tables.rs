//! Which characters stand in for which.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::substitute::Layout;

/// What stands in for what. A source is one character or a few.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// By the first character of the source: the source, and all that stand in for it.
    rules: FxHashMap<char, Vec<(String, Vec<String>)>>,
    /// Whether a plain character begins a source: most do not.
    plain: Vec<bool>,
}

impl Table {
    fn add(&mut self, from: &str, to: &str) {
        let Some(first) = from.chars().next() else { return };
        self.plain.resize(128, false);
        if let Some(plain) = self.plain.get_mut(first as usize) {
            *plain = true;
        }
        let rules = self.rules.entry(first).or_default();
        let at = rules.iter().position(|(source, _)| source == from).unwrap_or_else(|| {
            rules.push((from.to_owned(), vec![]));
            rules.len() - 1
        });
        let targets = &mut rules[at].1;
        if !targets.iter().any(|t| t == to) {
            targets.push(to.to_owned());
        }
    }

    fn both(&mut self, a: &str, b: &str) {
        self.add(a, b);
        self.add(b, a);
    }

    /// The sources that `rest` begins with, and what stands in for each.
    pub(super) fn at(&self, rest: &str) -> impl Iterator<Item = &(String, Vec<String>)> {
        let first = rest.chars().next().filter(|c| self.plain.get(*c as usize).copied().unwrap_or(true));
        let rules = first.and_then(|c| self.rules.get(&c)).map_or(&[][..], Vec::as_slice);
        rules.iter().filter(move |(source, _)| rest.starts_with(source.as_str()))
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.rules.values().flatten().flat_map(|(s, t)| t.iter().map(move |t| (s.as_str(), t.as_str())))
    }
}

/// Rows of letter keys, from the left, and how far the first key of each is from the left of the first row, in keys. A space is a key
/// without a letter.
type Rows = [(f64, &'static str); 4];

/// Offsets of the rows of a keyboard by ISO/IEC 9995: each row is a quarter or half of a key further to the right.
fn rows(layout: Layout) -> Rows {
    match layout {
        Layout::Qwerty => [(0.0, ""), (0.5, "qwertyuiop"), (0.75, "asdfghjkl"), (1.25, "zxcvbnm")],
        Layout::Qwertz => [(0.0, "          ß"), (0.5, "qwertzuiopü"), (0.75, "asdfghjklöä"), (1.25, "yxcvbnm")],
        Layout::Azerty => [(0.0, " é    è çà"), (0.5, "azertyuiop"), (0.75, "qsdfghjklmù"), (1.25, "wxcvbn")],
    }
}

/// Letters whose keys touch, each with the other; capital ones with capital ones.
fn keyboard(layout: Layout) -> Table {
    let mut keys = Vec::new();
    for (y, (left, row)) in rows(layout).into_iter().enumerate() {
        let letters = row.chars().enumerate().filter(|(_, c)| *c != ' ');
        keys.extend(letters.map(|(x, c)| (left + x as f64, y, c)));
    }
    let mut table = Table::default();
    for (x, y, key) in &keys {
        for (other_x, other_y, other) in &keys {
            if key != other && (x - other_x).abs() <= 1.0 && y.abs_diff(*other_y) <= 1 {
                table.add(&key.to_string(), &other.to_string());
                let capital = |c: &char| c.to_uppercase().collect::<String>();
                // ß has no capital key.
                if *key != 'ß' && *other != 'ß' {
                    table.add(&capital(key), &capital(other));
                }
            }
        }
    }
    table
}

static QWERTY: LazyLock<Table> = LazyLock::new(|| keyboard(Layout::Qwerty));
static QWERTZ: LazyLock<Table> = LazyLock::new(|| keyboard(Layout::Qwertz));
static AZERTY: LazyLock<Table> = LazyLock::new(|| keyboard(Layout::Azerty));

/// The neighbours of the keys of a layout.
pub(super) fn neighbours(layout: Layout) -> &'static Table {
    match layout {
        Layout::Qwerty => &QWERTY,
        Layout::Qwertz => &QWERTZ,
        Layout::Azerty => &AZERTY,
    }
}

/// What a reader of pictures of text takes for each other.
const OCR: &str = "0 O|0 o|0 D|0 Q|1 l|1 I|1 i|1 7|l I|l i|l t|i j|i t|f t|rn m|nn m|in m|ri n|cl d|ci a|li h|lc k|vv w|VV W|ii u|ll u|ll H|\
    5 S|5 s|8 B|6 G|6 b|2 Z|2 z|9 g|9 q|3 B|4 A|e c|a o|c o|u v|v y|h b|h n|n u|O D|O Q|C G|C O|E F|P R|U V|M N|K X|T I|J I|B R|S s|\
    fi h|tt H|m nn|é e|è e|ê e|ö o|ü u|ä a|ç c|ñ n|ß B";

/// Letters of other scripts that look the same in most typefaces (Unicode Technical Standard #39 calls them confusable): Latin, then
/// Cyrillic and Greek.
const HOMOGLYPHS: &str = "a а|c с|e е|i і|j ј|o о|o ο|p р|s ѕ|x х|y у|h һ|d ԁ|q ԛ|w ԝ|v ν|A А|A Α|B В|B Β|C С|E Е|E Ε|H Н|H Η|I І|I Ι|\
    J Ј|K К|K Κ|M М|M Μ|N Ν|O О|O Ο|P Р|P Ρ|S Ѕ|T Т|T Τ|X Х|X Χ|Y Ү|Y Υ|Z Ζ";

/// Letters, each with those that have a mark more.
const MARKED: &str = "a áàâäãå|e éèêë|i íìîï|o óòôöõ|u úùûü|y ýÿ|c çćč|n ñń|s śš|z źžż|l ł|d ď|r ř|t ť|g ğ|\
    A ÁÀÂÄÃÅ|E ÉÈÊË|I ÍÌÎÏ|O ÓÒÔÖÕ|U ÚÙÛÜ|Y Ý|C ÇĆČ|N ÑŃ|S ŚŠ|Z ŹŽŻ|L Ł|D Ď|R Ř|T Ť|G Ğ";

fn pairs(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    text.split('|').filter_map(|pair| pair.split_once(' '))
}

fn both_ways(text: &'static str) -> Table {
    let mut table = Table::default();
    pairs(text).for_each(|(a, b)| table.both(a, b));
    table
}

pub(super) static LOOKALIKES: LazyLock<Table> = LazyLock::new(|| both_ways(OCR));
pub(super) static GLYPHS: LazyLock<Table> = LazyLock::new(|| both_ways(HOMOGLYPHS));
pub(super) static MARKS: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::default();
    pairs(MARKED).for_each(|(letter, marked)| marked.chars().for_each(|m| table.add(letter, &m.to_string())));
    table
});

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn near(layout: Layout, key: &str) -> String {
        let mut all: Vec<&str> = neighbours(layout).at(key).flat_map(|(_, t)| t.iter().map(String::as_str)).collect();
        all.sort_unstable();
        all.concat()
    }

    #[test]
    fn neighbours_are_those_of_the_keyboards() {
        assert_eq!(near(Layout::Qwerty, "s"), "adewxz");
        assert_eq!(near(Layout::Qwerty, "q"), "aw");
        assert_eq!(near(Layout::Qwerty, "g"), "bfhtvy");
        assert_eq!(near(Layout::Qwerty, "G"), "BFHTVY");
        assert_eq!(near(Layout::Qwertz, "z"), "ghtu");
        assert_eq!(near(Layout::Qwertz, "p"), "loßöü");
        assert_eq!(near(Layout::Azerty, "a"), "qzé");
        assert_eq!(near(Layout::Qwerty, "7"), "");
    }

    #[test]
    fn tables_go_both_ways() {
        let tables =
            [neighbours(Layout::Qwerty), neighbours(Layout::Qwertz), neighbours(Layout::Azerty), &LOOKALIKES, &GLYPHS];
        for table in tables {
            assert!(table.all().count() > 50);
            for (from, to) in table.all() {
                assert_ne!(from, to);
                assert!(table.all().any(|pair| pair == (to, from)), "{from} {to}");
            }
        }
    }

    #[test]
    fn homoglyphs_are_of_another_script() {
        for (from, to) in GLYPHS.all() {
            assert_eq!((from.chars().count(), to.chars().count()), (1, 1));
            assert_ne!(from.is_ascii(), to.is_ascii(), "{from} {to}");
        }
        assert_eq!(LOOKALIKES.at("rnx").map(|(s, _)| s.as_str()).collect::<Vec<_>>(), ["rn"]);
    }
}
