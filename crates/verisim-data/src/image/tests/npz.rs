//! NumPy archives.

use super::*;

#[test]
fn an_npz_is_laid_out_as_numpy_does() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.npz");
    write(&path, shape(1, 2, 3), &names(&["ä", "dog"]), &[1, 0], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    let bytes = fs::read(&path).unwrap();
    let at = |what: &[u8]| bytes.windows(what.len()).position(|w| w == what).unwrap();
    let start = at(b"\x93NUMPY\x01\x00\x76\x00{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 2, 3), } ");
    assert_eq!(bytes[start + 127], b'\n');
    assert_eq!(bytes[start + 128..start + 140], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    let start = at(b"{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }") - 10;
    assert_eq!(bytes[start + 128..start + 144], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let start = at(b"{'descr': '<U3', 'fortran_order': False, 'shape': (2,), }") - 10;
    assert_eq!(bytes[start + 128..start + 136], [0xe4, 0, 0, 0, 0, 0, 0, 0]);
    let (images, reading) = read(&path);
    assert_eq!((images.classes(), reading.source.as_str()), (&names(&["ä", "dog"])[..], "NumPy archive"));
}

/// An archive of these arrays, each packed or not.
fn npz_of(folder: &TempDir, arrays: &[(&str, &str, &str, &[u8])], packed: bool) -> PathBuf {
    let path = folder.path().join("made.npz");
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (name, kind, shape, body) in arrays {
        let text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}\n");
        let mut array = b"\x93NUMPY\x01\x00".to_vec();
        array.extend((text.len() as u16).to_le_bytes());
        array.extend(text.bytes().chain(body.iter().copied()));
        let mut crc = flate2::Crc::new();
        crc.update(&array);
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&array).unwrap();
        let (method, data) = if packed { (8_u16, encoder.finish().unwrap()) } else { (0, array.clone()) };
        let mut fields = vec![20, 0, 0, 0];
        fields.extend(method.to_le_bytes());
        fields.extend([0, 0, 33, 0]);
        fields.extend(crc.sum().to_le_bytes());
        fields.extend((data.len() as u32).to_le_bytes());
        fields.extend((array.len() as u32).to_le_bytes());
        fields.extend((name.len() as u16).to_le_bytes());
        fields.extend([0, 0]);
        let offset = out.len() as u32;
        out.extend(b"PK\x03\x04");
        out.extend(&fields);
        out.extend(name.bytes().chain(data));
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(fields);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.bytes());
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([arrays.len() as u8, 0, arrays.len() as u8, 0]);
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    fs::write(&path, out).unwrap();
    path
}

#[test]
fn archives_of_others_are_read_packed_or_not() {
    let folder = tempdir().unwrap();
    for packed in [false, true] {
        let images = ("images.npy", "|u1", "(2, 1, 2)", &[1, 2, 3, 4][..]);
        let path = npz_of(&folder, &[images, ("labels.npy", "<i2", "(2, 1)", &[2, 0, 1, 0])], packed);
        let (set, _) = read(&path);
        assert_eq!((set.shape(), pixels(&set)), (shape(1, 2, 1), vec![1, 2, 3, 4]));
        assert_eq!((set.labels(), set.classes()), (&[2, 1][..], &names(&["0", "1", "2"])[..]));
        let says = |arrays: &[(&str, &str, &str, &[u8])], words: &str| {
            let said = refused(&npz_of(&folder, arrays, packed), &ReadSettings::default());
            assert!(said.contains(words), "{said}");
        };
        says(&[("x.npy", "|u1", "(1,)", &[1])], "has no array `images` (it has x.npy)");
        says(&[("images.npy", "<f4", "(1, 1, 1)", &[0; 4])], "must hold bytes");
        says(&[("images.npy", "|u1", "(4,)", &[0; 4])], "(N,H,W,C)");
        says(&[("images.npy", "|u1", "(4, 1, 1)", &[0; 3])], "ends after 3 of the 4");
        says(&[("images.npy", "|u1", "(4, 1, 1)", &[0; 5])], "is longer than its header says");
        says(&[("images.npy", "|u1", "(99999999999999, 4096, 4096)", &[0; 5])], "promises more images");
        says(&[images, ("labels.npy", "<i2", "(2,)", &[2, 0, 255, 255])], "label 1 is negative");
        says(&[images, ("labels.npy", "<i2", "(3,)", &[0; 6])], "must be (2,)");
        says(&[images, ("labels.npy", "<f8", "(2,)", &[0; 16])], "whole numbers");
        says(&[images, ("labels.npy", "<u4", "(2,)", &[255; 8])], "has the label");
        let labels = ("labels.npy", "|u1", "(2,)", &[0, 1][..]);
        says(&[images, labels, ("classes.npy", "<U1", "(1,)", &[97, 0, 0, 0])], "no class 1 among 1");
        says(&[images, labels, ("classes.npy", "<U0", "(999999999999,)", &[])], "65536 are the most");
    }
}

#[test]
fn a_flipped_bit_in_an_archive_is_noticed() {
    let folder = tempdir().unwrap();
    let path = npz_of(&folder, &[("images.npy", "|u1", "(2, 1, 2)", &[101, 102, 103, 104])], false);
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(4).position(|w| w == [101, 102, 103, 104]).unwrap();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(refused(&path, &ReadSettings::default()).contains("checksum"));
}
