//! IDX files.

use super::*;

#[test]
fn idx_is_found_by_prefix_folder_and_file() {
    let folder = tempdir().unwrap();
    put(&folder, "train-images-idx3-ubyte", &idx(2, 1, 2, &[1, 2, 3, 4]));
    put(&folder, "train-labels-idx1-ubyte.gz", &gz(&[0, 0, 8, 1, 0, 0, 0, 2, 3, 0]));
    put(&folder, "t10k-images-idx3-ubyte.gz", &gz(&idx(1, 1, 1, &[5])));
    for path in [folder.path().to_owned(), folder.path().join("train"), folder.path().join("train-images-idx3-ubyte")] {
        let (images, reading) = read(&path);
        assert_eq!((images.labels(), pixels(&images)), (&[3, 0][..], vec![1, 2, 3, 4]));
        assert_eq!((images.classes(), reading.source.as_str()), (&names(&["0", "1", "2", "3"])[..], "IDX files"));
    }
    let (images, _) = read(&folder.path().join("t10k"));
    assert!(images.classes().is_empty() && pixels(&images) == [5]);
}

#[test]
fn idx_headers_that_lie_are_caught() {
    let folder = tempdir().unwrap();
    let images = "a-images-idx3-ubyte";
    let says = |name: &str, bytes: &[u8], words: &str| {
        let said = refused(&put(&folder, name, bytes), &ReadSettings::default());
        assert!(said.contains(words), "{said}");
    };
    says(images, &idx(3, 1, 2, &[0; 4]), "its header promises 3 images");
    says(images, &idx(1, 1, 2, &[0; 4]), "its header promises 1 images");
    says(images, &idx(u32::MAX, 4096, 4096, &[]), "has 16 bytes");
    says(images, &idx(1, 0, 4, &[]), "each side must be within");
    says(images, &idx(0, 2, 2, &[]), "holds no images");
    says(images, &[0, 0, 8, 1, 0, 0, 0, 0], "0x00000801");
    says(images, &[0, 0, 8], "ends within its header");
    let packed = "b-images-idx3-ubyte.gz";
    says(packed, &gz(&idx(u32::MAX, 4096, 4096, &[7; 100])), "ends after 0 of the 4294967295 images");
    says(packed, &gz(&idx(u32::MAX, u32::MAX, u32::MAX, &[7; 100])), "each side must be within");
    says(packed, &gz(&idx(3, 1, 2, &[0; 5])), "ends after 2 of the 3 images");
    says(packed, &gz(&idx(3, 1, 2, &[0; 7])), "is longer than its header says");

    let whole = gz(&idx(400, 2, 2, &noise(1600, 5)));
    says(packed, &whole[..whole.len() / 2], "the file ends too early");
    put(&folder, packed, &gz(&idx(2, 1, 1, &[1, 2])));
    let path = folder.path().join(packed);
    for (labels, words) in [
        (&[0, 0, 8, 1, 0, 0, 0, 3, 0, 0, 0][..], "3 labels for 2 images"),
        (&[0, 0, 8, 1, 0, 0, 0, 2, 0], "ends before its last label"),
        (&[0, 0, 8, 1, 0, 0, 0, 2, 0, 0, 0], "is longer than its header says"),
    ] {
        let at = put(&folder, "b-labels-idx1-ubyte", labels);
        let said = refused(&path, &ReadSettings::default());
        assert!(said.contains(words) && said.contains(&*at.to_string_lossy()), "{said}");
    }
}

#[test]
fn idx_images_are_brought_to_size_and_channels() {
    let folder = tempdir().unwrap();
    let path = put(&folder, "a-images-idx3-ubyte", &idx(2, 1, 3, &[1, 2, 3, 4, 5, 6]));
    let options = ReadSettings { size: Some(Size::Square(1)), channels: Some(Channels::Rgb), ..Default::default() };
    let (images, reading) = Images::read(&path, &options).unwrap();
    assert_eq!((images.shape(), pixels(&images)), (shape(1, 1, 3), vec![2, 2, 2, 5, 5, 5]));
    assert_eq!(reading.sizes, [((1, 3), 2)]);
}
