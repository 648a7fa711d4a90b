//! What is read, and how it is asked for.

use super::*;

#[test]
fn what_is_no_set_says_what_to_do() {
    let folder = tempdir().unwrap();
    let default = ReadSettings::default();
    let says = |path: &Path, words: &str| {
        let said = refused(path, &default);
        assert!(said.contains(words) && said.contains(&*path.to_string_lossy()), "{said}");
    };
    says(folder.path(), "holds no images");
    says(&folder.path().join("nowhere"), "there is no such file or folder");
    png(&folder.path().join("train/cats/a.png"), shape(1, 1, 1), &[1]);
    says(folder.path(), "perhaps");
    says(&folder.path().join("train/cats/a.png"), "is a single image");
    says(&put(&folder, "table.csv", b"a,b"), "is no set of images");
    says(&put(&folder, "a.npz", b"PK"), "is no NumPy archive");
    png(&folder.path().join("wide/a.png"), shape(1, 5000, 1), &[1; 5000]);
    says(&folder.path().join("wide"), "set data.images.size");
}

#[test]
fn impossible_options_are_refused() {
    let folder = tempdir().unwrap();
    png(&folder.path().join("a.png"), shape(1, 1, 1), &[1]);
    for size in [Size::Square(0), Size::Sides([1, 4097])] {
        let said = refused(folder.path(), &ReadSettings { size: Some(size), ..Default::default() });
        assert!(said.contains("data.images.size"), "{said}");
    }
    for memory in [f64::NAN, -1.0] {
        let said = refused(folder.path(), &ReadSettings { memory: Some(memory), ..Default::default() });
        assert!(said.contains("data.images.memory"), "{said}");
    }
}

#[test]
fn options_are_read_as_people_write_them() {
    let read = |text: &str| toml::from_str::<ReadSettings>(text);
    assert_eq!(read("size = 28").unwrap().size.unwrap().sides(), (28, 28));
    assert_eq!(read("size = \"28\"").unwrap().size, Some(Size::Square(28)));
    assert_eq!(read("size = \"3x4\"").unwrap().size, Some(Size::Sides([3, 4])));
    let options = read("size = [3, 4]\nchannels = \"rgb\"\nfit = \"pad\"\nmax_bad = 0\nmemory = 0.5").unwrap();
    assert_eq!(options.size.unwrap().sides(), (3, 4));
    assert_eq!((options.channels, options.fit, options.max_bad), (Some(Channels::Rgb), Fit::Pad, Some(0)));
    assert_eq!(read("").unwrap(), ReadSettings::default());
    let again = toml::to_string(&options).unwrap();
    assert_eq!(read(&again).unwrap(), options);
    let said = read("size = \"big\"").unwrap_err().to_string();
    assert!(said.contains("[height, width]"), "{said}");
    assert!(read("colour = 1").is_err());
}
