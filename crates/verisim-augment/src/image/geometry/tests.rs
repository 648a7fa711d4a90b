use super::super::crop::*;
use super::super::testkit::{check_boxes, item, smooth};
use super::super::{Filter, Item, Mode, Rules};
use super::super::{act::Work, labels::Bounds};
use super::*;
use crate::Draw;

fn run(change: &impl Change, it: &Item, index: u64) -> (Item, Act) {
    let mut work = Work::new(&it.picture, it.labels.clone());
    let act = change.draw(&mut Draw::new(1, index, 0, 0).stream(), &work.view(0));
    act.check().unwrap();
    work.run(&act, &[] as &[Item]).unwrap();
    (work.finish(&Rules { min_area: 0.0, min_visibility: 0.0 }), act)
}

fn matrix(act: &Act) -> [f64; 6] {
    match act {
        Act::Warp(Warp { shape: Shape::Affine(m), .. }) => *m,
        _ => panic!("{act:?}"),
    }
}

#[test]
fn a_turn_that_expands_loses_nothing() {
    let before = item(60, 40, 3);
    let turn = |degrees: f64| Rotate { degrees: degrees.into(), expand: true, ..Rotate::default() };
    let (it, _) = run(&turn(90.0), &before, 0);
    let mut exact = before.clone();
    Turn::Left.apply(&mut exact);
    assert_eq!(it, exact);
    let (it, _) = run(&turn(30.0), &before, 0);
    // 60 cos 30 + 40 sin 30, and 60 sin 30 + 40 cos 30, up to whole pixels.
    assert_eq!((it.picture.width(), it.picture.height()), (72, 65));
    assert!(it.labels.boxes.iter().all(|b| b.visible == 1.0));
}

#[test]
fn affine_is_what_its_numbers_say() {
    let still = |scale: f64| Affine {
        scale: scale.into(),
        degrees: 0.0.into(),
        shear_x: 0.0.into(),
        shift_x: 0.1.into(),
        shift_y: 0.0.into(),
        ..Affine::default()
    };
    let before = item(100, 50, 1);
    let (it, act) = run(&still(2.0), &before, 0);
    // The middle (50, 25) goes to (60, 25): x = (x' - 60) / 2 + 50.
    let m = matrix(&act);
    for (a, b) in m.iter().zip([0.5, 0.0, 20.0, 0.0, 0.5, 12.5]) {
        assert!((a - b).abs() < 1e-12, "{m:?}");
    }
    check_boxes(&it, 1.0);
    let lean = Affine { shear_x: 45.0.into(), shift_x: 0.0.into(), ..still(1.0) };
    let (_, act) = run(&lean, &before, 0);
    // x' = x + (y - 25).
    for (a, b) in matrix(&act).iter().zip([1.0, -1.0, 25.0, 0.0, 1.0, 0.0]) {
        assert!((a - b).abs() < 1e-12, "{act:?}");
    }
    assert!(Affine { shear_x: 45.0.into(), shear_y: 45.0.into(), ..still(1.0) }.check().is_err());
}

#[test]
fn everything_that_moves_takes_boxes_along() {
    let changes: Vec<(Box<dyn Change>, f64)> = vec![
        (Box::new(Rotate { degrees: Range::from([-180.0, 180.0]), expand: true, ..Rotate::default() }), 60.0),
        (Box::new(Perspective::default()), 12.0),
        (Box::new(Elastic::default()), 1.6),
        (Box::new(GridDistortion::default()), 1.6),
        (Box::new(OpticalDistortion::default()), 1.6),
        (Box::new(RandomResizedCrop { width: 90, height: 100, ..RandomResizedCrop::default() }), 3.5),
        (Box::new(BoxCrop { width: 90, height: 100, ..BoxCrop::default() }), 3.5),
        (Box::new(LongestSide { size: 77.0.into(), filter: Filter::Area }), 1.0),
        (Box::new(RandomCrop { width: 90, height: 300, ..RandomCrop::default() }), 0.0),
    ];
    let before = item(200, 160, 3);
    for (change, slack) in changes {
        for i in 0..6 {
            let (it, act) = run_dyn(change.as_ref(), &before, i);
            assert!(it.labels.masks[0].width() == it.picture.width());
            // Upright boxes grow when they are turned: what is in them stays in them.
            check_boxes(&it, slack);
            drop(act);
        }
    }
}

fn run_dyn(change: &dyn Change, it: &Item, index: u64) -> (Item, Act) {
    struct By<'a>(&'a dyn Change);
    impl Change for By<'_> {
        fn check(&self) -> Result<(), String> {
            self.0.check()
        }
        fn draw(&self, rng: &mut Stream, view: &View) -> Act {
            self.0.draw(rng, view)
        }
    }
    run(&By(change), it, index)
}

#[test]
fn a_box_crop_holds_a_box() {
    let before = item(120, 90, 1);
    let crop = BoxCrop { width: 64, height: 64, scale: Range::from([0.001, 0.2]), ..BoxCrop::default() };
    for i in 0..200 {
        let (it, _) = run(&crop, &before, i);
        assert!(it.labels.boxes.iter().any(|b| b.visible == 1.0), "{i}");
    }
    let mut odd = before.clone();
    odd.labels.boxes =
        vec![Bounds::new([-30.0, -5.0, 500.0, 0.0], 0, 0), Bounds::new([120.0, 90.0, 120.0, 90.0], 0, 1)];
    for i in 0..50 {
        run(&crop, &odd, i);
        run(&crop, &Item::from(before.picture.clone()), i);
    }
}

#[test]
fn parts_have_the_areas_and_shapes_asked_for() {
    let crop = RandomResizedCrop::default();
    let it = Item::from(smooth(400, 300, 1));
    let (mut least, mut most, mut sum) = (1.0f64, 0.0f64, 0.0);
    for i in 0..400 {
        let Act::Chain(acts) =
            crop.draw(&mut Draw::new(1, i, 0, 0).stream(), &Work::new(&it.picture, it.labels.clone()).view(0))
        else {
            panic!("no chain")
        };
        let Act::Window(w) = &acts[0] else { panic!("no window") };
        assert!(w.left >= 0 && w.top >= 0 && w.left as usize + w.width <= 400 && w.top as usize + w.height <= 300);
        let (area, ratio) = ((w.width * w.height) as f64 / 120_000.0, w.width as f64 / w.height as f64);
        assert!((0.7..1.4).contains(&ratio));
        (least, most, sum) = (least.min(area), most.max(area), sum + area / 400.0);
    }
    // Large parts of long shapes do not fit, so the mean is below that of the range.
    assert!(least < 0.1 && most > 0.85 && (0.38..0.46).contains(&sum), "{least} {most} {sum}");
}

#[test]
fn windows_of_all_places_are_drawn() {
    let mut seen = std::collections::BTreeSet::new();
    for i in 0..200 {
        seen.insert(anywhere(&mut Draw::new(1, i, 0, 0).stream(), 10, 7));
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
    let beyond: Vec<i64> = (0..200).map(|i| anywhere(&mut Draw::new(1, i, 0, 0).stream(), 7, 10)).collect();
    assert_eq!((beyond.iter().min(), beyond.iter().max()), (Some(&-3), Some(&0)));
}

#[test]
fn sizes_are_those_asked_for() {
    let it = item(200, 150, 3);
    let size = |change: &dyn Change| {
        let (it, _) = run_dyn(change, &it, 0);
        (it.picture.width(), it.picture.height())
    };
    assert_eq!(size(&LongestSide { size: 100.0.into(), filter: Filter::Linear }), (100, 75));
    assert_eq!(size(&ShortestSide { size: 75.0.into(), filter: Filter::Linear }), (100, 75));
    assert_eq!(size(&PadTo { width: 210, height: 100, ..PadTo::default() }), (210, 150));
    assert_eq!(size(&CenterCrop { width: 50, height: 60, ..CenterCrop::default() }), (50, 60));
    assert_eq!(
        size(&Pad { left: 3.0.into(), bottom: 4.0.into(), fill: Edge::Mode(Mode::Wrap), ..Pad::default() }),
        (203, 154)
    );
    assert_eq!(size(&ResizeTo { width: 1, height: 1, filter: Filter::Cubic }), (1, 1));
}
