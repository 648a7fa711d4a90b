//! Pascal VOC: an XML file for each picture. Boxes are `xmin`, `ymin`, `xmax`, `ymax` in whole pixels that count from 1, the last one
//! included, as in the original devkit: the first three pixels are 1 to 3, which is 0 to 3 here. Programs that count from 0 write boxes
//! that are one pixel farther left and up by this reading; that is kept when they are written again.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::found::Found;
use super::xml::{Element, put, write};
use crate::image::labels::Bounds;

/// What a file says of its picture, of these sides; classes are numbers in `classes`.
pub(super) fn labels(root: &Element, classes: &[String], sides: (usize, usize)) -> Found {
    let mut found = Found::default();
    for child in &root.children {
        match child.name.as_str() {
            "object" => object(child, classes, sides, &mut found),
            "folder" | "filename" | "path" | "size" => {}
            name => put(&mut found.carried, name, child.value()),
        }
    }
    found
}

/// The sides that a file names.
pub(super) fn sides(root: &Element) -> Option<(usize, usize)> {
    let size = root.child("size")?;
    let side = |name| size.number(name).filter(|s| *s >= 1.0).map(|s| s as usize);
    side("width").zip(side("height"))
}

/// Names of classes in a file.
pub(super) fn names(root: &Element) -> impl Iterator<Item = &str> {
    root.children.iter().filter(|c| c.name == "object").filter_map(|o| o.of("name"))
}

fn object(it: &Element, classes: &[String], sides: (usize, usize), found: &mut Found) {
    let id = found.boxes.len() + found.unfit.len();
    let name = it.of("name").unwrap_or_default();
    let told = || format!("object {} (`{name}`)", id + 1);
    let class = classes.iter().position(|c| c == name);
    let at = it.child("bndbox");
    let side = |s: &str| at.and_then(|b| b.number(s));
    let (Some(class), Some(l), Some(t), Some(r), Some(b)) =
        (class, side("xmin"), side("ymin"), side("xmax"), side("ymax"))
    else {
        return found.unfit.push(format!("{} has no name, or no bndbox of four numbers", told()));
    };
    // A box of one pixel has equal sides; what is the wrong way round stays so and is told.
    let (r, b) = (if r < l { r - 1.0 } else { r }, if b < t { b - 1.0 } else { b });
    let mut bounds = Bounds::new([l - 1.0, t - 1.0, r, b], class as u32, id as u64);
    let mut carried = Map::new();
    // Parts have boxes of their own, which would be left behind.
    for child in it.children.iter().filter(|c| !matches!(c.name.as_str(), "name" | "bndbox" | "part")) {
        put(&mut carried, &child.name, child.value());
    }
    bounds.carried = Some(Arc::new(carried));
    found.admit(bounds, sides, told);
}

/// A picture's file: `folder` and `name` say where it is.
pub(super) fn text(
    (folder, name): (&str, &str),
    (w, h, depth): (usize, usize, usize),
    carried: &Map<String, Value>,
    boxes: &[Bounds],
    classes: &[String],
) -> String {
    let mut out = String::from("<annotation>\n");
    write(&mut out, "folder", &Value::from(folder), 1);
    write(&mut out, "filename", &Value::from(name), 1);
    let known = |key: &&String| !matches!(key.as_str(), "segmented" | "annotation");
    carried.iter().filter(|(k, _)| known(k)).for_each(|(k, v)| write(&mut out, k, v, 1));
    let size = serde_json::json!({ "width": w, "height": h, "depth": depth });
    write(&mut out, "size", &size, 1);
    write(&mut out, "segmented", carried.get("segmented").unwrap_or(&Value::from(0)), 1);
    for b in boxes {
        let class = classes.get(b.class as usize).cloned().unwrap_or_else(|| b.class.to_string());
        let mut all: Map<String, Value> = Map::new();
        all.insert("name".into(), Value::from(class));
        for key in ["pose", "truncated", "difficult"] {
            let usual = if key == "pose" { Value::from("Unspecified") } else { Value::from(0) };
            all.insert(key.into(), usual);
        }
        for (key, value) in
            b.carried.iter().flat_map(|c| c.iter()).filter(|(k, _)| !matches!(k.as_str(), "name" | "bndbox"))
        {
            all.insert(key.clone(), value.clone());
        }
        if b.visible < 0.999 {
            all.insert("truncated".into(), Value::from(1));
        }
        // Whole pixels, at least one, none outside.
        let along = |low: f64, high: f64, side: usize| {
            let first = (low.round() + 1.0).clamp(1.0, side as f64);
            (first as u64, high.round().clamp(first, side as f64) as u64)
        };
        let [l, t, r, bottom] = b.sides;
        let ((xmin, xmax), (ymin, ymax)) = (along(l, r, w), along(t, bottom, h));
        all.insert("bndbox".into(), serde_json::json!({ "xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax }));
        write(&mut out, "object", &Value::Object(all), 1);
    }
    out.push_str("</annotation>\n");
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const FILE: &str = "<annotation><folder>VOC2007</folder><filename>a.jpg</filename>\
        <source><database>d &amp; e</database></source><size><width>20</width><height>10</height><depth>3</depth></size>\
        <segmented>0</segmented><object><name>cat</name><pose>Left</pose><truncated>0</truncated>\
        <difficult>1</difficult><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>5</xmax><ymax>10</ymax></bndbox>\
        <part><name>head</name></part></object>\
        <object><name>cat</name><bndbox><xmin>9</xmin><ymin>2</ymin><xmax>5</xmax><ymax>10</ymax></bndbox></object>\
        <object><name>dog</name></object></annotation>";

    #[test]
    fn pixels_count_from_one_and_the_last_is_in() {
        let root = Element::read(FILE).unwrap();
        assert_eq!((sides(&root), names(&root).collect::<Vec<_>>()), (Some((20, 10)), vec!["cat", "cat", "dog"]));
        let classes = ["cat".to_owned(), "dog".to_owned()];
        let found = labels(&root, &classes, (20, 10));
        assert_eq!(found.boxes[0].sides, [0.0, 1.0, 5.0, 10.0]);
        assert_eq!(found.unfit.len(), 2, "{:?}", found.unfit);
        let written = text(("VOC2007", "a.jpg"), (20, 10, 3), &found.carried, &found.boxes, &classes);
        let again = Element::read(&written).unwrap();
        assert_eq!(labels(&again, &classes, (20, 10)).boxes, found.boxes);
        let object = again.child("object").unwrap();
        assert_eq!((object.of("pose"), object.of("difficult"), object.of("part")), (Some("Left"), Some("1"), None));
        assert_eq!(object.child("bndbox").unwrap().number("xmin"), Some(1.0));
        assert_eq!(again.child("source").unwrap().of("database"), Some("d & e"));
    }

    #[test]
    fn boxes_are_of_whole_pixels_within_the_picture() {
        let mut b = Bounds::new([19.7, 0.2, 20.0, 0.4], 0, 0);
        b.visible = 0.5;
        let written = text(("", "a.jpg"), (20, 10, 3), &Map::new(), &[b], &[]);
        let again = Element::read(&written).unwrap();
        let of = |k| again.child("object").and_then(|o| o.child("bndbox")).and_then(|b| b.number(k)).unwrap();
        assert_eq!([of("xmin"), of("ymin"), of("xmax"), of("ymax")], [20.0, 1.0, 20.0, 1.0]);
        assert_eq!(again.child("object").unwrap().of("truncated"), Some("1"));
    }
}
