//! Convex bodies that a ray can meet. Each lies about the origin of its own frame.

use super::vector::{Vec3, vec3};

/// A convex body.
#[derive(Clone, Debug, PartialEq)]
pub enum Solid {
    /// By its three radii.
    Ellipsoid(Vec3),
    /// By half its sides.
    Box(Vec3),
    /// Along z.
    Cylinder {
        /// Of its circle.
        radius: f64,
        /// Half its length.
        half: f64,
    },
    /// Along z, with half balls at its ends.
    Capsule {
        /// Of the balls.
        radius: f64,
        /// Half the length between their centres.
        half: f64,
    },
    /// All that is below each plane.
    Convex {
        /// Outward normals of length 1, and distances from the origin.
        planes: Vec<(Vec3, f64)>,
        /// Half the sides of a box about it.
        half: Vec3,
    },
}

/// Where a ray enters a body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// How far along the ray, in lengths of its direction.
    pub at: f64,
    /// The outward normal, of length 1.
    pub normal: Vec3,
}

impl Solid {
    /// Half the sides of the box about it.
    pub fn half(&self) -> Vec3 {
        match self {
            Solid::Ellipsoid(half) | Solid::Box(half) | Solid::Convex { half, .. } => *half,
            Solid::Cylinder { radius, half } => vec3(*radius, *radius, *half),
            Solid::Capsule { radius, half } => vec3(*radius, *radius, half + radius),
        }
    }

    /// A box whose sides lean: `low` and `high` say from where to where it goes along x, and half its width along y, below and above.
    pub fn frustum(low: [f64; 3], high: [f64; 3], half: f64) -> Solid {
        // A side goes through its lower edge, and leans as the upper edge says.
        let side = |normal: Vec3, from: f64, to: f64| {
            // Along the normal's axis: from at -half, to at +half.
            let lean = (to - from) / (2.0 * half);
            let leaned = (normal - vec3(0.0, 0.0, lean)).unit();
            (leaned, leaned.dot(normal * from - vec3(0.0, 0.0, half)))
        };
        let planes = vec![
            (vec3(0.0, 0.0, 1.0), half),
            (vec3(0.0, 0.0, -1.0), half),
            side(vec3(1.0, 0.0, 0.0), low[1], high[1]),
            side(vec3(-1.0, 0.0, 0.0), -low[0], -high[0]),
            side(vec3(0.0, 1.0, 0.0), low[2], high[2]),
            side(vec3(0.0, -1.0, 0.0), low[2], high[2]),
        ];
        let x = [low[0], low[1], high[0], high[1]].into_iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        Solid::Convex { planes, half: vec3(x, low[2].max(high[2]), half) }
    }

    /// A plate across x whose outline is a regular polygon with its first corner at `degrees` from y towards z; `radius` is that of
    /// the circle through the corners.
    pub fn plate(corners: usize, radius: f64, thick: f64, degrees: f64) -> Solid {
        let inner = radius * (std::f64::consts::PI / corners as f64).cos();
        let sides = (0..corners).map(|i| {
            let angle = degrees.to_radians() + (i as f64 + 0.5) * std::f64::consts::TAU / corners as f64;
            (vec3(0.0, angle.cos(), angle.sin()), inner)
        });
        let ends = [(vec3(1.0, 0.0, 0.0), thick * 0.5), (vec3(-1.0, 0.0, 0.0), thick * 0.5)];
        Solid::Convex { planes: ends.into_iter().chain(sides).collect(), half: vec3(thick * 0.5, radius, radius) }
    }

    /// Where a ray that starts outside enters, at more than `near`. A ray from inside goes out unseen.
    pub fn enter(&self, from: Vec3, along: Vec3, near: f64) -> Option<Entry> {
        let entry = match self {
            Solid::Box(half) => enter_box(from, along, *half),
            Solid::Ellipsoid(radii) => {
                let scale = |v: Vec3| vec3(v.x / radii.x, v.y / radii.y, v.z / radii.z);
                let at = enter_ball(scale(from), scale(along), 1.0)?;
                let normal = scale(scale(from + along * at)).unit();
                Some(Entry { at, normal })
            }
            Solid::Cylinder { radius, half } => enter_cylinder(from, along, *radius, *half),
            Solid::Capsule { radius, half } => enter_capsule(from, along, *radius, *half),
            Solid::Convex { planes, .. } => enter_planes(from, along, planes),
        };
        entry.filter(|e| e.at > near)
    }
}

fn enter_box(from: Vec3, along: Vec3, half: Vec3) -> Option<Entry> {
    let (mut enter, mut leave, mut axis) = (f64::NEG_INFINITY, f64::INFINITY, 0);
    let (o, d, h) = (from.array(), along.array(), half.array());
    for i in 0..3 {
        if d[i] == 0.0 {
            if o[i].abs() > h[i] {
                return None;
            }
            continue;
        }
        let inverse = 1.0 / d[i];
        let (a, b) = ((-h[i] - o[i]) * inverse, (h[i] - o[i]) * inverse);
        let (low, high) = if a < b { (a, b) } else { (b, a) };
        if low > enter {
            (enter, axis) = (low, i);
        }
        leave = leave.min(high);
    }
    if enter > leave || enter == f64::NEG_INFINITY {
        return None;
    }
    let mut normal = [0.0; 3];
    normal[axis] = -d[axis].signum();
    Some(Entry { at: enter, normal: vec3(normal[0], normal[1], normal[2]) })
}

/// Where a ray of any length of direction enters a ball about the origin.
fn enter_ball(from: Vec3, along: Vec3, radius: f64) -> Option<f64> {
    let a = along.dot(along);
    let b = from.dot(along);
    // The square of the distance of the line from the centre, without the cancellation of b² - ac for balls far away.
    let across = from - along * (b / a);
    let left = radius * radius - across.dot(across);
    (left >= 0.0).then(|| -b / a - (left / a).sqrt())
}

fn enter_cylinder(from: Vec3, along: Vec3, radius: f64, half: f64) -> Option<Entry> {
    let (mut enter, mut leave, mut normal) = (f64::NEG_INFINITY, f64::INFINITY, Vec3::default());
    if along.z != 0.0 {
        let (a, b) = ((-half - from.z) / along.z, (half - from.z) / along.z);
        (enter, leave) = (a.min(b), a.max(b));
        normal = vec3(0.0, 0.0, -along.z.signum());
    } else if from.z.abs() > half {
        return None;
    }
    let (from2, along2) = (vec3(from.x, from.y, 0.0), vec3(along.x, along.y, 0.0));
    let a = along2.dot(along2);
    if a > 0.0 {
        let b = from2.dot(along2);
        let across = from2 - along2 * (b / a);
        let left = radius * radius - across.dot(across);
        if left < 0.0 {
            return None;
        }
        let root = (left / a).sqrt();
        let at = -b / a - root;
        leave = leave.min(-b / a + root);
        if at > enter {
            enter = at;
            normal = (from2 + along2 * at) / radius;
        }
    } else if from2.dot(from2) > radius * radius {
        return None;
    }
    (enter <= leave && enter.is_finite()).then_some(Entry { at: enter, normal })
}

fn enter_capsule(from: Vec3, along: Vec3, radius: f64, half: f64) -> Option<Entry> {
    // The first of the side and the two balls.
    let mut best: Option<Entry> = None;
    let mut take = |e: Entry| {
        if best.is_none_or(|b| e.at < b.at) {
            best = Some(e);
        }
    };
    if let Some(side) = enter_cylinder(from, along, radius, half)
        && side.normal.z == 0.0
    {
        take(side);
    }
    for end in [-half, half] {
        let centre = vec3(0.0, 0.0, end);
        if let Some(at) = enter_ball(from - centre, along, radius) {
            take(Entry { at, normal: (from + along * at - centre) / radius });
        }
    }
    best
}

fn enter_planes(from: Vec3, along: Vec3, planes: &[(Vec3, f64)]) -> Option<Entry> {
    let (mut enter, mut leave, mut normal) = (f64::NEG_INFINITY, f64::INFINITY, Vec3::default());
    for &(n, distance) in planes {
        let (slope, above) = (n.dot(along), n.dot(from) - distance);
        if slope == 0.0 {
            if above > 0.0 {
                return None;
            }
            continue;
        }
        let at = -above / slope;
        if slope < 0.0 {
            if at > enter {
                (enter, normal) = (at, n);
            }
        } else {
            leave = leave.min(at);
        }
        if enter > leave {
            return None;
        }
    }
    enter.is_finite().then_some(Entry { at: enter, normal })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const X: Vec3 = vec3(1.0, 0.0, 0.0);

    fn all() -> Vec<Solid> {
        vec![
            Solid::Ellipsoid(vec3(1.0, 2.0, 0.5)),
            Solid::Box(vec3(1.0, 0.4, 0.7)),
            Solid::Cylinder { radius: 0.6, half: 0.9 },
            Solid::Capsule { radius: 0.4, half: 0.8 },
            Solid::frustum([-1.0, 1.0, 0.8], [-0.3, 0.7, 0.6], 0.5),
            Solid::plate(8, 0.5, 0.2, 22.5),
        ]
    }

    #[test]
    fn rays_enter_where_geometry_says() {
        let at = |solid: &Solid, from, along| solid.enter(from, along, 0.0).map(|e| (e.at, e.normal));
        let [ball, cube, pipe, pill] = [
            Solid::Ellipsoid(Vec3::all(1.0)),
            Solid::Box(vec3(1.0, 2.0, 3.0)),
            Solid::Cylinder { radius: 1.0, half: 2.0 },
            Solid::Capsule { radius: 1.0, half: 2.0 },
        ];
        assert_eq!(at(&ball, X * -3.0, X), Some((2.0, -X)));
        assert_eq!(at(&cube, X * -3.0, X), Some((2.0, -X)));
        assert_eq!(at(&pipe, X * -3.0, X), Some((2.0, -X)));
        let (up, down) = (vec3(0.0, 0.0, 9.0), vec3(0.0, 0.0, -1.0));
        assert_eq!(at(&cube, up, down).unwrap().0, 6.0);
        assert_eq!(at(&pipe, up, down).unwrap(), (7.0, -down));
        assert_eq!(at(&pill, up, down).unwrap(), (6.0, -down));
        // Beside, behind and inside.
        for solid in [&ball, &cube, &pipe, &pill] {
            assert_eq!(at(solid, vec3(-3.0, 4.0, 0.0), X), None);
            assert_eq!(at(solid, X * 3.0, X), None);
            assert_eq!(at(solid, Vec3::default(), X), None);
        }
    }

    /// A frustum's sides go through its eight corners.
    #[test]
    fn a_frustum_has_its_corners() {
        let Solid::Convex { planes, half } = Solid::frustum([-1.0, 1.0, 0.8], [-0.3, 0.7, 0.6], 0.5) else { panic!() };
        assert_eq!(half, vec3(1.0, 0.8, 0.5));
        for (corner, touching) in [
            (vec3(1.0, 0.8, -0.5), 3),
            (vec3(-1.0, -0.8, -0.5), 3),
            (vec3(0.7, 0.6, 0.5), 3),
            (vec3(-0.3, -0.6, 0.5), 3),
        ] {
            let distances: Vec<f64> = planes.iter().map(|(n, d)| n.dot(corner) - d).collect();
            assert!(distances.iter().all(|&d| d < 1e-12), "{corner:?} {distances:?}");
            assert_eq!(distances.iter().filter(|d| d.abs() < 1e-12).count(), touching);
        }
    }

    /// From every side: the point of entry is on the surface, the normal has length 1 and looks against the ray.
    #[test]
    fn entries_are_on_the_surface() {
        let mut cell = crate::cell::Cell::from_state(5);
        for solid in all() {
            let mut hits = 0;
            for _ in 0..2000 {
                let mut random = || vec3(cell.uniform() - 0.5, cell.uniform() - 0.5, cell.uniform() - 0.5);
                let (from, to) = (random().unit() * 5.0, random());
                let along = (to - from).unit();
                let Some(Entry { at, normal }) = solid.enter(from, along, 0.0) else { continue };
                hits += 1;
                assert!((normal.length() - 1.0).abs() < 1e-9 && normal.dot(along) < 1e-9, "{solid:?}");
                let point = from + along * at;
                let half = solid.half();
                assert!((point.abs() - half).most() < 1e-9, "{solid:?} {point:?}");
                // A step in is inside: a ray from there enters nothing.
                assert_eq!(solid.enter(point - normal * 1e-6, normal, 1e-12), None, "{solid:?}");
                // A step out is outside: the ray back enters at once.
                let back = solid.enter(point + normal * 1e-3, -normal, 0.0).unwrap();
                assert!((back.at - 1e-3).abs() < 1e-9, "{solid:?}");
            }
            assert!(hits > 300, "{solid:?}: {hits}");
        }
    }
}
