//! Covering arrays against brute force and known sizes.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::edge::pict;

fn uniform(shape: &[(usize, usize)]) -> Model {
    let mut model = Model::default();
    for &(count, values) in shape {
        for _ in 0..count {
            let name = format!("p{}", model.parameters.len());
            model
                .parameters
                .push(Parameter { name, choices: (0..values).map(|v| Choice::new(v.to_string())).collect() });
        }
    }
    model
}

fn obeys(model: &Model, row: &[usize]) -> bool {
    model.rules.iter().all(|r| {
        let values: Vec<usize> = r.parameters.iter().map(|&p| row[p]).collect();
        (r.test)(&values).unwrap()
    })
}

fn bad(model: &Model, row: &[usize]) -> usize {
    row.iter().enumerate().filter(|&(p, &v)| model.parameters[p].choices[v].negative).count()
}

/// All rows there are.
fn all_rows(model: &Model) -> Vec<Vec<usize>> {
    model.parameters.iter().fold(vec![Vec::new()], |rows, p| {
        rows.iter().flat_map(|r| (0..p.choices.len()).map(move |v| [r.clone(), vec![v]].concat())).collect()
    })
}

/// Every combination that some lawful row has is in a made one with as many negative values; no made row breaks a rule.
fn complete(model: &Model, strength: usize, cover: &Cover) {
    let lawful: Vec<Vec<usize>> =
        all_rows(model).into_iter().filter(|r| obeys(model, r) && bad(model, r) <= 1).collect();
    for row in &cover.rows {
        assert!(obeys(model, row) && bad(model, row) <= 1, "{row:?}");
    }
    let places: Vec<usize> = (0..model.parameters.len()).collect();
    let mut required = std::collections::BTreeSet::new();
    let mut covered = std::collections::BTreeSet::new();
    for set in subsets(&places, strength) {
        let has = |rows: &[Vec<usize>], into: &mut std::collections::BTreeSet<_>| {
            for row in rows {
                let part: Vec<(usize, usize)> = set.iter().map(|&p| (p, row[p])).collect();
                let negative = part.iter().any(|&(p, v)| model.parameters[p].choices[v].negative);
                // A combination of good values counts in rows that have no bad one.
                if negative || bad(model, row) == 0 {
                    into.insert(part);
                }
            }
        };
        has(&lawful, &mut required);
        has(&cover.rows, &mut covered);
    }
    assert_eq!(required, covered);
    assert_eq!(cover.coverage.required, required.len());
    assert_eq!(cover.coverage.covered, required.len());
}

fn rows_of(shape: &[(usize, usize)], strength: usize) -> usize {
    let cover = cover(&uniform(shape), &Effort { strength, ..Effort::default() }).unwrap();
    assert_eq!(cover.coverage.required, cover.coverage.covered);
    cover.rows.len()
}

/// Sizes beside those that pairwise.org lists for PICT, AETG and IPO.
#[test]
fn sizes_are_those_of_the_best_known_tools() {
    let sizes: Vec<(&str, usize, usize)> = vec![
        ("3^4", rows_of(&[(4, 3)], 2), 9),
        ("3^13", rows_of(&[(13, 3)], 2), 18),
        ("4^15 3^17 2^29", rows_of(&[(15, 4), (17, 3), (29, 2)], 2), 39),
        ("4^1 3^39 2^35", rows_of(&[(1, 4), (39, 3), (35, 2)], 2), 28),
        ("2^100", rows_of(&[(100, 2)], 2), 16),
        ("10^20", rows_of(&[(20, 10)], 2), 195),
        ("2^7 triples", rows_of(&[(7, 2)], 3), 14),
        ("3^6 triples", rows_of(&[(6, 3)], 3), 45),
        ("2^5 fours", rows_of(&[(5, 2)], 4), 16),
    ];
    for (name, rows, most) in &sizes {
        assert!(rows <= most, "{name}: {rows} rows, bound {most}; all: {sizes:?}");
    }
}

#[test]
fn small_arrays_are_complete_for_every_strength() {
    let model = uniform(&[(2, 3), (3, 2), (1, 4)]);
    for strength in 1..=6 {
        let cover = cover(&model, &Effort { strength, ..Effort::default() }).unwrap();
        complete(&model, strength, &cover);
        if strength == 6 {
            assert_eq!(cover.rows.len(), 9 * 8 * 4);
        }
    }
}

#[test]
fn rows_follow_from_the_seed() {
    let model = uniform(&[(8, 3)]);
    let made = |seed| cover(&model, &Effort { seed, ..Effort::default() }).unwrap().rows;
    assert_eq!(made(4), made(4));
    assert_ne!(made(4), made(5));
}

#[test]
fn threads_change_no_row() {
    let model = uniform(&[(15, 4), (17, 3), (29, 2)]);
    let made = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let effort = Effort { candidates: 6, tries: 1, ..Effort::default() };
        pool.install(|| cover(&model, &effort).unwrap().rows)
    };
    assert_eq!(made(1), made(3));
}

const DISK: &str = "
# A volume
Type:          Single, Span, Stripe, Mirror, RAID-5
Size:          10, 100, 500, 1000, 5000, 10000, 40000
Format method: Quick, Slow
File system:   FAT, FAT32, NTFS
Cluster size:  512, 1024, 2048, 4096, 8192, 16384, 32768, 65536
Compression:   On, Off

IF [File system] = \"FAT\" THEN [Size] <= 4096;
IF [File system] = \"FAT32\" THEN [Size] <= 32000;
IF [File system] <> \"NTFS\" OR ([File system] = \"ntfs\" AND [Cluster size] > 4096)
  THEN [Compression] = \"Off\";
";

#[test]
fn the_volume_of_picts_manual() {
    let model = pict::read(Path::new("disk.pict"), DISK).unwrap();
    let made = cover(&model, &Effort::default()).unwrap();
    complete(&model, 2, &made);
    assert!(made.coverage.excluded > 0 && !made.coverage.examples.is_empty());
    // 7 x 8 pairs of size and cluster are the least; PICT needs 60 or so.
    assert!(made.rows.len() <= 62, "{}", made.rows.len());
}

#[test]
fn negative_values_come_one_a_row_and_hide_no_good_pair() {
    let model = pict::read(Path::new("m"), "A: ~-1, 0, 1, 2\nB: ~-1, 0, 1, 2\nC: x, y, ~z").unwrap();
    let made = cover(&model, &Effort::default()).unwrap();
    complete(&model, 2, &made);
    let pair = pict::read(Path::new("m"), "A: ~-1, 0, 1, 2\nB: ~-1, 0, 1, 2").unwrap();
    let made = cover(&pair, &Effort::default()).unwrap();
    assert_eq!(made.rows.len(), 15, "PICT's manual has 15");
    assert!(made.named(&pair).iter().any(|r| r[0] == "~-1"));
}

#[test]
fn groups_have_an_order_of_their_own() {
    let text = "A: 1, 2, 3\nB: 1, 2, 3\nC: 1, 2, 3\nD: 1, 2, 3\nE: 1, 2\n{ A, B, C } @ 3\n{ D, E } @ 1";
    let model = pict::read(Path::new("m"), text).unwrap();
    let made = cover(&model, &Effort::default()).unwrap();
    let triples: std::collections::BTreeSet<_> = made.rows.iter().map(|r| (r[0], r[1], r[2])).collect();
    assert_eq!(triples.len(), 27);
    assert_eq!(made.coverage.required, 27 + 3 * 9 + 3 * 6 + 3 + 2);
}

#[test]
fn seeding_rows_come_first_and_those_that_break_a_rule_are_told() {
    let mut model = pict::read(Path::new("m"), "A: 1, 2, ~3\nB: x, y\nIF [A] = 1 THEN [B] = \"x\";").unwrap();
    model.seeds = pict::seeds(Path::new("s"), "A\tB\n2\t\n1\ty\n~3\ty\n", &model).unwrap();
    let made = cover(&model, &Effort::default()).unwrap();
    assert_eq!(made.rows[0][0], 1);
    assert!(made.rows.contains(&vec![2, 1]));
    assert_eq!(made.coverage.notes, ["seeding row 2 breaks a rule and is left out"]);
    assert!(
        pict::seeds(Path::new("s"), "A\n7\n", &model).unwrap_err().to_string().contains("s, line 2: `A`: has no such")
    );
}

#[test]
fn weights_decide_where_nothing_else_does() {
    let model = pict::read(Path::new("m"), "A: 1, 2, 3, 4, 5, 6\nB: 1, 2, 3, 4, 5, 6\nC: often (20), seldom").unwrap();
    let made = cover(&model, &Effort::default()).unwrap();
    let often = made.rows.iter().filter(|r| r[2] == 0).count();
    assert!(often > 22 && often < made.rows.len(), "{often} of {}", made.rows.len());
}

#[test]
fn odd_names_are_read_as_pict_reads_them() {
    let text = "Type,a,b,\nQ]x: a\"b, c\nIF [Q\\]x] = \"a\\\"b\" THEN [Type] <> \"\";";
    let model = pict::read(Path::new("m"), text).unwrap();
    assert_eq!(model.parameters[0].choices[2].names, [""]);
    let made = cover(&model, &Effort::default()).unwrap();
    complete(&model, 2, &made);
    assert_eq!(made.coverage.excluded, 1);
}

#[test]
fn aliases_take_turns() {
    let model = pict::read(Path::new("m"), "A: 1, 2, 3, 4\nB: Server | Datacenter, Home").unwrap();
    let made = cover(&model, &Effort::default()).unwrap().named(&model);
    assert_eq!(made.iter().filter(|r| r[1] == "Datacenter").count(), 2);
}

#[test]
fn a_value_wanted_once_comes_once_in_any_company() {
    let mut model = uniform(&[(3, 3)]);
    model.parameters[0].choices.extend((0..5).map(|i| Choice { once: true, ..Choice::new(format!("odd{i}")) }));
    let made = cover(&model, &Effort::default()).unwrap();
    for v in 3..8 {
        assert_eq!(made.rows.iter().filter(|r| r[0] == v).count(), 1);
    }
    assert!(made.rows.len() <= 9 + 5);
}

#[test]
fn what_cannot_be_is_said() {
    let said = |text: &str| match pict::read(Path::new("m.pict"), text) {
        Ok(model) => cover(&model, &Effort::default()).unwrap_err().to_string(),
        Err(e) => e.to_string(),
    };
    assert!(said("A: 1, 2\nB: 1, 2\n[A] > 5;").contains("leave no row"));
    assert!(said("A: 1\nB: 2, 3\nIF [C] = 1 THEN [A] = 1;").contains("m.pict, line 3: `constraint`: names [C]"));
    assert!(said("A: 1\nB: 2\n\nIF [A] = \"x\" THEN [B] = 2;").contains("line 4: `constraint`: compares [A], whose"));
    assert!(said("A: 1\nB: 2\nIF [A] = 1\n [B] = 2;").contains("line 4: `constraint`: has an IF without a THEN"));
    assert!(said("A: 1\nB: 2\n[A] = 1").contains("wants a `;`"));
    assert!(said("A 1\n").contains("line 1: `A 1`: is neither"));
    assert!(said("A: 1\na: 2").contains("named twice"));
    assert!(said("A: 1\n{ A, Z } @ 2").contains("names \"Z\""));
    assert!(said("A: 1\nB: a\n[B] = \"a\\b\";").contains("a `\\` before another sign"));
    assert!(said("A: ~1\nB: 1").contains("negative values alone"));
    assert!(said("A: 1").contains("`strength` is 2, and must be 1 to 1"));
    assert!(said("").contains("has no parameter"));
    let brackets = format!("A: 1\nB: 1\n{}[A] = 1;", "(".repeat(10_000));
    assert!(said(&brackets).contains("64 brackets"));
}

/// Pigeons in holes: forward checking must find that nothing fits, and which tuples do.
#[test]
fn rules_that_bind_many_parameters_are_solved() {
    let mut text = String::new();
    for p in 0..6 {
        text.push_str(&format!("P{p}: 1, 2, 3, 4, 5, 6\n"));
    }
    for p in 0..6 {
        for q in 0..p {
            text.push_str(&format!("[P{p}] <> [P{q}];\n"));
        }
    }
    let model = pict::read(Path::new("m"), &text).unwrap();
    let made = cover(&model, &Effort::default()).unwrap();
    assert_eq!(made.coverage.excluded, 15 * 6);
    assert_eq!(made.coverage.required, 15 * 30);
    assert!(made.rows.iter().all(|r| obeys(&model, r)));
    let tight = text.replace(", 6\n", "\n");
    let model = pict::read(Path::new("m"), &tight).unwrap();
    assert!(cover(&model, &Effort::default()).unwrap_err().to_string().contains("leave no row"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    /// Random models and rules: what is made is what brute force says, exactly.
    #[test]
    fn random_models_agree_with_brute_force(
        sizes in prop::collection::vec(1usize..4, 3..6),
        negatives in prop::collection::vec(prop::bool::weighted(0.3), 6),
        rules in prop::collection::vec((0usize..6, 0usize..4, 0usize..6, 0usize..4, 0usize..6, 0usize..4, 0..3u8), 0..6),
        strength in 1usize..4,
        seed in 0u64..1000,
    ) {
        let mut text = String::new();
        for (p, size) in sizes.iter().enumerate() {
            let mut values: Vec<String> = (0..*size).map(|v| format!("v{v}")).collect();
            if negatives[p] {
                values.push("~bad".to_owned());
            }
            text.push_str(&format!("P{p}: {}\n", values.join(", ")));
        }
        let n = sizes.len();
        for (a, x, b, y, c, z, kind) in rules {
            let (a, b, c) = (a % n, b % n, c % n);
            text.push_str(&match kind {
                0 => format!("IF [P{a}] = \"v{x}\" THEN [P{b}] <> \"v{y}\";\n"),
                1 => format!("IF [P{a}] = \"v{x}\" AND [P{b}] = \"v{y}\" THEN [P{c}] = \"v{z}\" OR ISNEGATIVE([P{c}]);\n"),
                _ => format!("NOT ([P{a}] LIKE \"v{x}*\" AND [P{b}] IN {{\"v{y}\", \"bad\"}} AND [P{c}] >= \"v{z}\");\n"),
            });
        }
        let model = pict::read(Path::new("m"), &text).unwrap();
        let good = all_rows(&model).into_iter().any(|r| obeys(&model, &r) && bad(&model, &r) == 0);
        match cover(&model, &Effort { strength, seed, candidates: 5, tries: 2 }) {
            Ok(made) => {
                prop_assert!(good);
                complete(&model, strength, &made);
            }
            Err(e) => prop_assert!(!good, "{e}"),
        }
    }
}
