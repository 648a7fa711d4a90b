//! Sets in memory and in a temporary file.

use std::collections::HashSet;

use super::*;

#[test]
fn a_spilled_set_is_the_same_as_one_in_memory() {
    let folder = tempdir().unwrap();
    let s = shape(5, 3, 3);
    let bytes = noise(40 * s.len(), 11);
    let labels: Vec<u32> = (0..40).map(|i| i / 20).collect();
    for name in ["png", "a.npz"] {
        let path = folder.path().join(name);
        write(&path, s, &names(&["a", "b"]), &labels, &bytes);
        let (kept, _) = read(&path);
        let (spilled, _) = Images::read(&path, &ReadSettings { memory: Some(1e-7), ..Default::default() }).unwrap();
        assert!(matches!(spilled.pixels, Pixels::Spilled(_)) && matches!(kept.pixels, Pixels::Memory(_)));
        assert_eq!(pixels(&spilled), bytes);
        assert_eq!(spilled.hash().unwrap(), kept.hash().unwrap());
        let index = [39, 0, 1, 2, 2, 17];
        let (mut a, mut b) = (Vec::new(), Vec::new());
        spilled.gather(&index, &mut a).unwrap();
        kept.gather(&index, &mut b).unwrap();
        assert_eq!((&a, a.len()), (&b, index.len() * s.len()));
        let taken = spilled.take(&index).unwrap();
        assert_eq!((pixels(&taken), taken.labels()), (b, &[1, 0, 0, 0, 0, 0][..]));
    }
}

#[test]
fn memory_overflows_into_the_file_at_any_push() {
    let bytes = noise(1000, 2);
    for limit in [0, 1, 99, 100, 550, 999, 1000] {
        let mut store = store::Store::new(limit, 0);
        bytes.chunks(100).for_each(|b| store.push(b).unwrap());
        let pixels = store.finish();
        assert_eq!(matches!(pixels, Pixels::Memory(_)), limit >= 1000);
        assert_eq!(pixels.len(), 1000);
        let mut out = Vec::new();
        pixels.append(730, 270, &mut out).unwrap();
        pixels.append(0, 730, &mut out).unwrap();
        assert_eq!((&out[270..], &out[..270]), (&bytes[..730], &bytes[730..]));
    }
}

#[test]
fn the_hash_tells_every_part() {
    let set = |s, classes: &[&str], labels: &[u32], bytes: &[u8]| {
        Images::from_pixels(s, names(classes), labels.to_vec(), bytes.to_vec()).unwrap().hash().unwrap()
    };
    let bytes = noise(24, 1);
    let mut other = bytes.clone();
    other[23] ^= 1;
    let hashes = [
        set(shape(2, 3, 1), &["a", "b"], &[0, 1, 0, 1], &bytes),
        set(shape(3, 2, 1), &["a", "b"], &[0, 1, 0, 1], &bytes),
        set(shape(2, 3, 1), &["a", "c"], &[0, 1, 0, 1], &bytes),
        set(shape(2, 3, 1), &["a", "b"], &[0, 1, 1, 1], &bytes),
        set(shape(2, 3, 1), &["a", "b"], &[0, 1, 0, 1], &other),
        set(shape(2, 3, 1), &[], &[], &bytes),
    ];
    assert_eq!(hashes[0], set(shape(2, 3, 1), &["a", "b"], &[0, 1, 0, 1], &bytes));
    let distinct: HashSet<u64> = hashes.into_iter().collect();
    assert_eq!(distinct.len(), hashes.len());
}

#[test]
fn sets_that_do_not_fit_together_are_refused() {
    let s = shape(1, 2, 1);
    let set = |s, classes: &[&str], labels: &[u32]| Images::from_pixels(s, names(classes), labels.to_vec(), vec![0; 4]);
    assert!(set(s, &["a"], &[0, 0]).is_ok());
    assert!(set(s, &[], &[]).is_ok());
    for (s, classes, labels) in [
        (shape(1, 3, 1), &[][..], &[][..]),
        (shape(0, 2, 1), &[], &[]),
        (shape(1, 2, 2), &[], &[]),
        (s, &["a"], &[0]),
        (s, &["a"], &[0, 1]),
        (s, &["a"], &[]),
        (s, &[], &[0, 0]),
        (s, &["a", "a"], &[0, 0]),
    ] {
        assert!(set(s, classes, labels).is_err(), "{s:?} {classes:?} {labels:?}");
    }
    let images = set(s, &[], &[]).unwrap();
    assert!(images.gather(&[0, 2], &mut Vec::new()).unwrap_err().to_string().contains("no image 2"));
}

#[test]
fn labels_follow_the_classes_of_another_set() {
    let set = || {
        let classes = names(&["cat", "dog", "unused"]);
        Images::from_pixels(shape(1, 1, 1), classes, vec![0, 1, 0], vec![1, 2, 3]).unwrap()
    };
    let images = set().with_classes(&names(&["dog", "emu", "cat"])).unwrap();
    assert_eq!((images.labels(), images.classes().len()), (&[2, 0, 2][..], 3));
    assert_eq!(pixels(&images), [1, 2, 3]);
    let said = set().with_classes(&names(&["cat", "dogs"])).unwrap_err().to_string();
    assert!(said.contains("`dog`") && said.contains("did you mean `dogs`?"), "{said}");
    assert!(set().with_classes(&[]).is_err());
    let bare = Images::from_pixels(shape(1, 1, 1), Vec::new(), Vec::new(), vec![1]).unwrap();
    assert!(bare.with_classes(&names(&["cat"])).unwrap_err().to_string().contains("no classes"));
}
