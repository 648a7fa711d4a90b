//! PNGs, grids and samples.

use super::*;

#[test]
fn a_grid_lies_as_drawn() {
    let s = shape(1, 2, 1);
    let (bytes, whole) = grid(&[1, 2, 3, 4, 5, 6], s, 2, 1, 1);
    assert_eq!(whole, shape(3, 5, 1));
    #[rustfmt::skip]
    assert_eq!(bytes, [
        1, 2, 255, 3, 4,
        255, 255, 255, 255, 255,
        5, 6, 255, 255, 255,
    ]);
    let (bytes, whole) = grid(&[1, 2], s, 8, 3, 2);
    assert_eq!((whole, bytes), (shape(2, 4, 1), vec![1, 1, 2, 2, 1, 1, 2, 2]));
    let (bytes, whole) = grid(&[1, 2, 3, 4, 5, 6], shape(1, 1, 3), 1, 1, 1);
    assert_eq!((whole, bytes), (shape(3, 1, 3), vec![1, 2, 3, 255, 255, 255, 4, 5, 6]));
    assert!(grid(&[], s, 4, 1, 1).0.is_empty());
}

#[test]
fn a_png_carries_its_texts() {
    let text = [("Software", "verisim"), ("Comment", "synthetic – not a photograph")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    let bytes = png_bytes(&[1, 2, 3, 4], shape(1, 1, 4), &text).unwrap();
    let find = |what: &[u8]| bytes.windows(what.len()).any(|w| w == what);
    assert!(find(b"tEXtSoftware\0verisim"));
    let reader = ::png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
    let info = reader.info();
    assert_eq!(info.utf8_text[0].get_text().unwrap(), text[1].1);
    assert!(png_bytes(&[1], shape(1, 1, 1), &[(String::new(), "x".to_owned())]).is_err());
    assert!(png_bytes(&[1], shape(1, 2, 1), &[]).is_err());
    assert!(png_bytes(&[1, 2], shape(1, 1, 2), &[]).is_err());
}

#[test]
fn a_folder_of_pngs_has_a_table_of_its_classes() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("sample");
    fs::create_dir(&path).unwrap();
    let text = [("Software".to_owned(), "verisim".to_owned())];
    let mut writer = Writer::create(&path, shape(1, 1, 1), &names(&["b, c", "a", "none"]), 3, &text).unwrap();
    writer.write(&[5, 6], &[0, 1]).unwrap();
    writer.write(&[7], &[0]).unwrap();
    writer.finish().unwrap();
    assert_eq!(leftovers(&path), ["a", "b, c", "labels.csv"]);
    assert_eq!(leftovers(&path.join("b, c")), ["000000.png", "000002.png"]);
    let table = fs::read_to_string(path.join("labels.csv")).unwrap();
    assert_eq!(table, "file,class\n\"b, c/000000.png\",\"b, c\"\na/000001.png,a\n\"b, c/000002.png\",\"b, c\"\n");
    let bytes = fs::read(path.join("a/000001.png")).unwrap();
    assert!(bytes.windows(20).any(|w| w == b"tEXtSoftware\0verisim"));

    let said = Writer::create(&path, shape(1, 1, 1), &[], 1, &[]).err().unwrap().to_string();
    assert!(said.contains("not empty"), "{said}");
}

/// An empty folder that is there is filled: it may be a link, as here, or a mounted disk, which cannot be replaced.
#[cfg(unix)]
#[test]
fn a_folder_behind_a_link_is_filled() {
    let folder = tempdir().unwrap();
    let (disk, link) = (folder.path().join("disk"), folder.path().join("link"));
    // What a system puts on an empty disk does not count.
    fs::create_dir_all(disk.join("lost+found")).unwrap();
    fs::create_dir_all(disk.join(".Trash")).unwrap();
    std::os::unix::fs::symlink(&disk, &link).unwrap();
    let write = |finish: bool| {
        let mut writer = Writer::create(&link, shape(1, 1, 1), &names(&["what?"]), 2, &[]).unwrap();
        writer.write(&[5, 6], &[0, 0]).unwrap();
        if finish {
            writer.finish().unwrap()
        }
    };
    write(false);
    assert_eq!(
        (leftovers(&disk), leftovers(folder.path())),
        (names(&[".Trash", "lost+found"]), names(&["disk", "link"]))
    );
    write(true);
    assert_eq!(leftovers(&disk), [".Trash", "labels.csv", "lost+found", "what?"]);
    assert_eq!(leftovers(&link.join("what?")), ["000000.png", "000001.png"]);
    assert!(link.is_symlink() && leftovers(folder.path()) == ["disk", "link"]);
}

#[test]
fn a_writer_dropped_unfinished_leaves_nothing() {
    let folder = tempdir().unwrap();
    for name in ["png", "a.npz", "a-images-idx3-ubyte", "b-images-idx3-ubyte.gz"] {
        let mut writer = Writer::create(&folder.path().join(name), shape(1, 1, 1), &names(&["a"]), 4, &[]).unwrap();
        writer.write(&[1, 2], &[0, 0]).unwrap();
        assert!(!leftovers(folder.path()).is_empty());
        drop(writer);
        assert_eq!(leftovers(folder.path()), [""; 0], "{name}");
        let mut writer = Writer::create(&folder.path().join(name), shape(1, 1, 1), &names(&["a"]), 2, &[]).unwrap();
        assert!(writer.write(&[1, 2, 3], &[0, 0, 0]).is_err());
        assert!(writer.write(&[1, 2], &[0]).is_err());
        assert!(writer.write(&[1], &[1]).is_err());
        writer.write(&[1], &[0]).unwrap();
        assert!(writer.finish().unwrap_err().to_string().contains("announced to hold 2 images and got 1"));
        assert_eq!(leftovers(folder.path()), [""; 0], "{name}");
    }
}

#[test]
fn a_writer_refuses_what_its_format_cannot_hold() {
    let folder = tempdir().unwrap();
    let says = |name: &str, s: Shape, classes: &[&str], words: &str| {
        let error = Writer::create(&folder.path().join(name), s, &names(classes), 1, &[]).err();
        let said = error.map(|e| e.to_string()).unwrap_or_default();
        assert!(said.contains(words), "{name}: {said}");
    };
    let grey = shape(1, 1, 1);
    says("a.gif", grey, &[], "ends in .npz");
    says("a-ubyte", grey, &[], "-images-idx3-ubyte");
    says("a-images-idx3-ubyte", shape(1, 1, 3), &[], "grey");
    says("a", shape(0, 1, 3), &[], "each side");
    for class in ["..", "", ".hidden", "a/b", "a\nb", "labels.csv"] {
        says("a", grey, &[class], "cannot be the name of a folder");
    }
    fs::write(folder.path().join("file"), "x").unwrap();
    says("file", grey, &[], "is a file");
    put(&folder, "b-labels-idx1-ubyte", &[]);
    says("b-images-idx3-ubyte.gz", grey, &[], "would be taken for the labels");
    assert_eq!(leftovers(folder.path()), ["b-labels-idx1-ubyte", "file"]);
}

#[test]
fn the_same_sample_is_the_same_file() {
    let bytes = noise(200, 9);
    let once = |name: &str| {
        let folder = tempdir().unwrap();
        let path = folder.path().join(name);
        write(&path, shape(10, 10, 1), &names(&["a", "b"]), &[1, 0], &bytes);
        fs::read(path).unwrap()
    };
    for name in ["a.npz", "a-images-idx3-ubyte.gz"] {
        assert_eq!(once(name), once(name));
    }
}

/// Temporary names are free ones, whoever took others: a sample beside this one, or a run that was killed.
#[test]
fn samples_made_at_once_and_leftovers_do_not_meet() {
    let folder = tempdir().unwrap();
    let writer = |name: &str| {
        let mut writer = Writer::create(&folder.path().join(name), shape(1, 1, 1), &[], 2, &[]).unwrap();
        writer.write(&[5, 6], &[]).unwrap();
        writer
    };
    for name in ["a.npz", "a-images-idx3-ubyte", "png"] {
        let writers = [writer(name), writer(name)];
        assert_eq!(leftovers(folder.path()).iter().filter(|n| n.ends_with(".tmp")).count(), 2, "{name}");
        let [first, second] = writers;
        first.finish().unwrap();
        // A file takes the place of the one before; a folder that holds something does not give way.
        assert_eq!(second.finish().is_ok(), name != "png");
        assert_eq!(pixels(&read(&folder.path().join(name)).0), [5, 6]);
    }
    assert_eq!(leftovers(folder.path()), ["a-images-idx3-ubyte", "a.npz", "png"]);
    // What a killed run left in the folder that it was to fill is neither in the way nor read.
    let filled = folder.path().join("filled");
    png(&filled.join(".images.7.0.tmp/000000.png"), shape(1, 1, 1), &[9]);
    writer("filled").finish().unwrap();
    assert_eq!(pixels(&read(&filled).0), [5, 6]);
}
