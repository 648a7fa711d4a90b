use super::super::Item;
use super::super::edge::Mode;
use super::super::labels::Bounds;
use super::super::testkit::{check_boxes, difference, grey, item, rough, sixteen, smooth, values};
use super::super::turn::Turn;
use super::*;

fn warp(shape: Shape, width: usize, height: usize, fill: Edge) -> Warp {
    Warp { shape, width, height, fill }
}

#[test]
fn a_shift_of_half_a_pixel_is_the_mean_of_two() {
    let mut it = Item::from(grey(3, 1, &[10, 20, 40]));
    warp(Shape::Affine([1.0, 0.0, 0.5, 0.0, 1.0, 0.0]), 3, 1, Edge::Grey(1.0)).apply(&mut it);
    assert_eq!(values(&it.picture), [15, 30, 148]);
    let mut it = Item::from(grey(3, 1, &[10, 20, 40]));
    warp(Shape::Affine([1.0, 0.0, 0.25, 0.0, 1.0, 0.0]), 3, 1, Edge::Mode(Mode::Edge)).apply(&mut it);
    assert_eq!(values(&it.picture), [13, 25, 40]);
}

#[test]
fn nothing_moved_is_nothing_changed() {
    let p = rough(31, 17, 3);
    let same = Shape::Affine([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    let also = Shape::Perspective([2.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 2.0]);
    let lines = vec![0.0, 0.5, 1.0];
    for shape in [
        same,
        also,
        Shape::Elastic { cells: 3, shift: 0.0, seed: 1 },
        Shape::Optical { k: 0.0 },
        Shape::Grid { x: lines.clone(), y: lines },
    ] {
        let mut it = Item::from(p.clone());
        warp(shape, 31, 17, Edge::default()).apply(&mut it);
        assert_eq!(it.picture, p);
    }
    let deep = sixteen(2, 2, 1, vec![1, 65535, 300, 7]);
    let mut it = Item::from(deep.clone());
    warp(Shape::Affine([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]), 2, 2, Edge::default()).apply(&mut it);
    assert_eq!(it.picture, deep);
}

#[test]
fn a_quarter_turn_is_the_exact_one() {
    let (w, h) = (40, 25);
    let mut it = item(w, h, 3);
    let mut exact = it.clone();
    // Left: what is at (x, y) of the new picture was at (w - y, x) of the old.
    let cos = libm::cos(std::f64::consts::FRAC_PI_2);
    warp(Shape::Affine([cos, -1.0, w as f64, 1.0, cos, 0.0]), h, w, Edge::default()).apply(&mut it);
    Turn::Left.apply(&mut exact);
    assert_eq!(it.picture, exact.picture);
    assert_eq!(it.labels.masks, exact.labels.masks);
    for (a, b) in it.labels.boxes.iter().zip(&exact.labels.boxes) {
        assert!(a.sides.iter().zip(b.sides).all(|(a, b)| (a - b).abs() < 1e-9));
    }
}

#[test]
fn a_map_and_its_inverse_lose_little_and_boxes_hold_their_masks() {
    let mut it = item(200, 160, 1);
    it.picture = smooth(200, 160, 1);
    let before = it.clone();
    let m = [0.9, 0.25, -3.0, -0.2, 1.05, 10.0, 0.0004, -0.0003, 1.0];
    warp(Shape::Perspective(m), 200, 160, Edge::default()).apply(&mut it);
    // A turned box is larger than what is in it by its corners alone: the extents are those of the corners.
    check_boxes(&it, 1.0);
    warp(Shape::Perspective(invert(m).unwrap()), 200, 160, Edge::default()).apply(&mut it);
    assert!(difference(&it.picture, &before.picture, 60) < 1.0);
}

#[test]
fn fields_move_boxes_and_points_with_the_mask() {
    for shape in [
        Shape::Elastic { cells: 4, shift: 0.4, seed: 3 },
        Shape::Optical { k: 0.3 },
        Shape::Optical { k: -0.25 },
        Shape::Grid { x: vec![0.0, 0.15, 0.6, 0.8, 1.0], y: vec![0.0, 0.3, 0.5, 0.85, 1.0] },
    ] {
        let mut it = item(200, 160, 3);
        let before = it.clone();
        warp(shape, 200, 160, Edge::Mode(Mode::Reflect)).apply(&mut it);
        assert_ne!(it, before);
        check_boxes(&it, 1.6);
    }
}

#[test]
fn going_forward_undoes_going_back() {
    let field = elastic(120, 90, 4, 0.45, 8);
    for (x, y) in [(3.0, 3.0), (60.2, 40.7), (110.0, 80.0), (30.0, 77.5)] {
        let [u, v] = field.forward(x, y);
        let [dx, dy] = field.at(u, v);
        assert!((u + dx - x).abs() < 1e-3 && (v + dy - y).abs() < 1e-3);
    }
}

#[test]
fn elastic_never_folds() {
    for seed in 0..20 {
        let field = elastic(90, 90, 5, 0.48, seed);
        for y in 0..89 {
            for x in 0..89 {
                let i = y * 90 + x;
                let (xx, xy) = (1.0 + field.dx[i + 1] - field.dx[i], field.dx[i + 90] - field.dx[i]);
                let (yx, yy) = (field.dy[i + 1] - field.dy[i], 1.0 + field.dy[i + 90] - field.dy[i]);
                assert!(xx * yy - xy * yx > 0.0);
            }
        }
    }
}

#[test]
fn a_turned_box_keeps_its_corners() {
    let mut it = Item::from(grey(10, 10, &[0; 100]));
    let mut b = Bounds::new([2.0, 2.0, 6.0, 6.0], 0, 0);
    b.corners = Some([[4.0, 2.0], [6.0, 4.0], [4.0, 6.0], [2.0, 4.0]]);
    it.labels.boxes = vec![b, Bounds::new([2.0, 2.0, 6.0, 6.0], 0, 1)];
    // By 45 degrees about (4, 4): the diamond becomes a square of side 2.83, the upright box a diamond of 5.66.
    let (s, c) = (libm::sin(std::f64::consts::FRAC_PI_4), libm::cos(std::f64::consts::FRAC_PI_4));
    warp(Shape::Affine([c, s, 4.0 - 4.0 * (c + s), -s, c, 4.0 - 4.0 * (c - s)]), 10, 10, Edge::default())
        .apply(&mut it);
    let half = [2f64.sqrt(), 8f64.sqrt()];
    for (b, half) in it.labels.boxes.iter().zip(half) {
        for (side, sign) in b.sides.iter().zip([-1.0, -1.0, 1.0, 1.0]) {
            assert!((side - (4.0 + sign * half)).abs() < 1e-9, "{:?}", b.sides);
        }
    }
}

#[test]
fn the_square_goes_to_any_four_corners() {
    let q = [[3.0, 1.0], [20.0, 4.0], [18.0, 25.0], [1.0, 17.0]];
    let m = square_to(q).unwrap();
    for ([x, y], [u, v]) in [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]].into_iter().zip(q) {
        let p = project(&m, x, y).unwrap();
        assert!((p[0] - u).abs() < 1e-12 && (p[1] - v).abs() < 1e-12);
    }
    let one = product(&m, &invert(m).unwrap());
    assert!(one.iter().enumerate().all(|(i, v)| (v - f64::from(u8::from(i % 4 == 0))).abs() < 1e-12));
    assert!(square_to([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [5.0, 0.0]]).is_none());
}

#[test]
fn one_pixel_is_enough() {
    for shape in [
        Shape::Elastic { cells: 4, shift: 0.4, seed: 3 },
        Shape::Optical { k: 0.3 },
        Shape::Affine([0.5, 0.1, 0.0, 0.3, 2.0, 0.0]),
        Shape::Perspective([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, -2.0, 0.0, 1.0]),
    ] {
        for fill in [Edge::Grey(0.5), Edge::Mode(Mode::Wrap), Edge::Mode(Mode::Reflect)] {
            let mut it = Item::from(grey(1, 1, &[77]));
            warp(shape.clone(), 1, 1, fill).apply(&mut it);
            assert_eq!(it.picture.width(), 1);
        }
    }
}

#[test]
fn a_zoom_blurs_the_sides_and_not_the_middle() {
    let stripes: Vec<u8> = (0..61 * 61).map(|i| if i % 61 % 4 < 2 { 0 } else { 200 }).collect();
    let mut p = grey(61, 61, &stripes);
    zoom_blur(&mut p, 1.0);
    assert_eq!(values(&p), stripes);
    zoom_blur(&mut p, 1.2);
    let contrast = |from: usize| {
        let row: Vec<f32> = (from..from + 6).map(|x| p.at(x, 30, 0)).collect();
        row.iter().copied().fold(0.0, f32::max) - row.iter().copied().fold(255.0, f32::min)
    };
    assert!(contrast(28) > 150.0 && contrast(2) < 80.0, "{} {}", contrast(28), contrast(2));
}
