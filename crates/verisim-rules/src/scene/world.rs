//! All simple bodies at one moment, in a hierarchy of boxes, and what a ray meets among them.

use super::compound::{Face, Pattern, Surface};
use super::course::Place;
use super::settings::Texture;
use super::solid::Solid;
use super::stage::Stage;
use super::texture::Hills;
use super::vector::{Matrix, Pose, Vec3, vec3};

/// How far the ground is seen, in metres.
pub const FAR: f64 = 2000.0;

/// One simple body, placed.
pub struct Piece<'a> {
    /// The thing that it is a part of.
    pub body: usize,
    /// Its number within the thing.
    pub part: usize,
    /// Its form.
    pub solid: &'a Solid,
    /// How it looks; the lamp of a signal glows if it burns.
    pub surface: Surface,
    /// Where it is.
    pub pose: Pose,
    matrix: Matrix,
}

impl Piece<'_> {
    /// A point of the world in the frame of the piece.
    pub fn local(&self, point: Vec3) -> Vec3 {
        self.matrix.undo(point - self.pose.at)
    }

    /// A direction of the world in the frame of the piece.
    pub fn local_way(&self, way: Vec3) -> Vec3 {
        self.matrix.undo(way)
    }

    /// A point of the piece in the world.
    pub fn outer(&self, point: Vec3) -> Vec3 {
        self.pose.at + self.matrix.apply(point)
    }
}

/// What a ray meets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// How far along the ray.
    pub at: f64,
    /// Outward, of length 1.
    pub normal: Vec3,
    /// Which piece; nothing is the ground.
    pub piece: Option<usize>,
}

struct Node {
    /// The lower and the upper corner.
    corners: [Vec3; 2],
    /// A leaf's pieces are `first..first + count` of the order; of a branch, `first` is the right child, the left comes next.
    first: u32,
    count: u32,
    /// Of a branch, the axis along which its children are parted.
    axis: usize,
}

/// All that rays can meet.
pub struct World<'a> {
    /// The pieces, thing by thing.
    pub pieces: Vec<Piece<'a>>,
    nodes: Vec<Node>,
    order: Vec<u32>,
    hills: Hills,
}

/// A ray with what its tests against boxes need.
struct Ray {
    from: Vec3,
    inverse: Vec3,
    /// Along each axis 1 if it goes down, so that it meets the upper side of a box first.
    down: [usize; 3],
}

/// The greater; the first if either is no number. Plainer than [`f64::max`], and half of its time.
fn more(a: f64, b: f64) -> f64 {
    if b > a { b } else { a }
}

/// The lesser; the first if either is no number.
fn less(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}

impl Ray {
    fn new(from: Vec3, along: Vec3) -> Ray {
        let down = along.array().map(|c| usize::from(c.is_sign_negative()));
        Ray { from, inverse: vec3(1.0 / along.x, 1.0 / along.y, 1.0 / along.z), down }
    }

    /// Whether it passes through a box before `far`.
    #[inline(always)]
    fn through(&self, node: &Node, far: f64) -> bool {
        let c = &node.corners;
        let [x, y, z] = self.down;
        let enter = vec3(c[x].x, c[y].y, c[z].z) - self.from;
        let leave = vec3(c[1 - x].x, c[1 - y].y, c[1 - z].z) - self.from;
        let (enter, leave) = (enter.times(self.inverse), leave.times(self.inverse));
        // A ray in the plane of a side makes 0 · ∞, which is no number and is passed over.
        let first = more(more(more(0.0, enter.x), enter.y), enter.z);
        let last = less(less(less(far, leave.x), leave.y), leave.z);
        first <= last
    }
}

impl<'a> World<'a> {
    /// All bodies of a stage where they are at one moment; rays meet none of them before [`World::seen`].
    pub fn new(stage: &'a Stage, places: &[Place], seconds: f64) -> World<'a> {
        let mut pieces = Vec::new();
        for (i, (body, place)) in stage.bodies.iter().zip(places).enumerate() {
            let shown = body.face.map(|face| face.at(seconds + body.ahead));
            for (k, part) in body.build.parts.iter().enumerate() {
                let pose = place.part(part);
                let surface = lit(part.surface, shown);
                pieces.push(Piece { body: i, part: k, solid: &part.solid, surface, pose, matrix: pose.turn.matrix() });
            }
        }
        World { pieces, nodes: Vec::new(), order: Vec::new(), hills: stage.ground.hills }
    }

    /// With the hierarchy that rays need.
    pub fn seen(mut self) -> World<'a> {
        let boxes: Vec<(Vec3, Vec3)> = self
            .pieces
            .iter()
            .map(|p| {
                let half = p.solid.half();
                let row = |i: usize| p.matrix.0[i].abs().dot(half);
                // A hair more, so that no ray that touches is lost.
                let reach = vec3(row(0), row(1), row(2)) * (1.0 + 1e-9) + Vec3::all(1e-9);
                (p.pose.at - reach, p.pose.at + reach)
            })
            .collect();
        let mut order: Vec<u32> = (0..self.pieces.len() as u32).collect();
        if !order.is_empty() {
            divide(&boxes, &mut order, 0, &mut self.nodes);
        }
        self.order = order;
        self
    }

    /// Visits the pieces whose boxes the ray passes before `far`, which `visit` may bring nearer.
    fn walk(&self, ray: &Ray, mut far: f64, mut visit: impl FnMut(usize, &Piece, f64) -> f64) {
        if self.nodes.is_empty() {
            return;
        }
        let (mut stack, mut top) = ([0u32; DEEPEST + 2], 1);
        while top > 0 {
            top -= 1;
            let index = stack[top] as usize;
            let node = &self.nodes[index];
            if !ray.through(node, far) {
                continue;
            }
            if node.count == 0 {
                // The nearer child is looked at first.
                let children = [index as u32 + 1, node.first];
                let down = ray.down[node.axis];
                stack[top] = children[1 - down];
                stack[top + 1] = children[down];
                top += 2;
                continue;
            }
            for &i in &self.order[node.first as usize..(node.first + node.count) as usize] {
                far = visit(i as usize, &self.pieces[i as usize], far);
            }
            if far <= 0.0 {
                return;
            }
        }
    }

    /// The first thing or ground on a ray, farther than `near`.
    pub fn nearest(&self, from: Vec3, along: Vec3, near: f64) -> Option<Hit> {
        let mut best = self.hills.enter(from, along, near, FAR).map(|(at, normal)| Hit { at, normal, piece: None });
        let ray = Ray::new(from, along);
        self.walk(&ray, best.map_or(f64::INFINITY, |b| b.at), |i, piece, far| {
            let entry = piece.solid.enter(piece.local(from), piece.local_way(along), near);
            match entry {
                Some(e) if e.at < far => {
                    best = Some(Hit { at: e.at, normal: e.normal, piece: Some(i) });
                    e.at
                }
                _ => far,
            }
        });
        best.map(|hit| self.outward(hit))
    }

    /// What [`World::nearest`] finds, after `visit` was told of every piece that the ray enters, however far, whatever is before it.
    pub fn every(&self, from: Vec3, along: Vec3, mut visit: impl FnMut(usize)) -> Option<Hit> {
        let near = 1e-6;
        let mut best = self.hills.enter(from, along, near, FAR).map(|(at, normal)| Hit { at, normal, piece: None });
        self.walk(&Ray::new(from, along), f64::INFINITY, |i, piece, far| {
            if let Some(e) = piece.solid.enter(piece.local(from), piece.local_way(along), near) {
                visit(i);
                if best.is_none_or(|b| e.at < b.at) {
                    best = Some(Hit { at: e.at, normal: e.normal, piece: Some(i) });
                }
            }
            far
        });
        best.map(|hit| self.outward(hit))
    }

    /// With the normal in the world in place of that in the frame of the piece.
    fn outward(&self, mut hit: Hit) -> Hit {
        if let Some(i) = hit.piece {
            hit.normal = self.pieces[i].matrix.apply(hit.normal);
        }
        hit
    }

    /// Whether anything is between a point and another, `far` along a way.
    pub fn blocked(&self, from: Vec3, along: Vec3, far: f64) -> bool {
        if self.hills.height > 0.0 && self.hills.enter(from, along, 1e-3, far.min(200.0)).is_some() {
            return true;
        }
        let mut found = false;
        self.walk(&Ray::new(from, along), far, |_, piece, far| {
            if found {
                return 0.0;
            }
            match piece.solid.enter(piece.local(from), piece.local_way(along), 1e-6) {
                Some(e) if e.at < far => {
                    found = true;
                    0.0
                }
                _ => far,
            }
        });
        found
    }
}

/// A signal's lamp burns while it is shown, and is nearly dark otherwise.
fn lit(surface: Surface, shown: Option<Face>) -> Surface {
    match surface.lamp {
        Some(lamp) if Some(lamp) == shown => Surface { glow: 1.1, night_glow: 0.1, ..surface },
        Some(_) => Surface { colour: surface.colour * 0.08, ..surface },
        None => surface,
    }
}

/// How deep a hierarchy may be: beyond half of it nodes are halved, which ends within 32.
const DEEPEST: usize = 64;

/// Makes the node of `order[..]`, whose place in the whole order is `start`.
fn divide(boxes: &[(Vec3, Vec3)], order: &mut [u32], start: usize, nodes: &mut Vec<Node>) {
    part(boxes, order, start, nodes, 0);
}

fn part(boxes: &[(Vec3, Vec3)], order: &mut [u32], start: usize, nodes: &mut Vec<Node>, depth: usize) {
    let about = |list: &[u32]| list.iter().fold(NOTHING, |sum, &i| join(sum, boxes[i as usize]));
    let (low, high) = about(order);
    let index = nodes.len();
    nodes.push(Node { corners: [low, high], first: start as u32, count: order.len() as u32, axis: 0 });
    if order.len() <= 2 {
        return;
    }
    let middle = |i: u32, axis: usize| {
        let (a, b) = boxes[i as usize];
        (a + b).array()[axis]
    };
    let sort = |order: &mut [u32], axis: usize| {
        order.sort_by(|&a, &b| middle(a, axis).total_cmp(&middle(b, axis)).then(a.cmp(&b)));
    };
    // Where the sum of area times number is least (MacDonald and Booth 1990), of all places along all axes.
    let mut best = (f64::INFINITY, 0, order.len() / 2);
    for axis in 0..3 {
        sort(order, axis);
        let mut right = vec![0.0; order.len()];
        let mut sum = NOTHING;
        for k in (1..order.len()).rev() {
            sum = join(sum, boxes[order[k] as usize]);
            right[k] = area(sum) * (order.len() - k) as f64;
        }
        let mut sum = NOTHING;
        for k in 1..order.len() {
            sum = join(sum, boxes[order[k - 1] as usize]);
            let cost = area(sum) * k as f64 + right[k];
            if cost < best.0 {
                best = (cost, axis, k);
            }
        }
    }
    let (_, axis, mut place) = best;
    if depth > DEEPEST / 2 {
        place = order.len() / 2;
    }
    sort(order, axis);
    let (left, right) = order.split_at_mut(place);
    part(boxes, left, start, nodes, depth + 1);
    (nodes[index].count, nodes[index].axis) = (0, axis);
    nodes[index].first = nodes.len() as u32;
    part(boxes, right, start + place, nodes, depth + 1);
}

const NOTHING: (Vec3, Vec3) = (Vec3::all(f64::INFINITY), Vec3::all(f64::NEG_INFINITY));

fn join(a: (Vec3, Vec3), b: (Vec3, Vec3)) -> (Vec3, Vec3) {
    (a.0.least(b.0), a.1.greatest(b.1))
}

fn area((low, high): (Vec3, Vec3)) -> f64 {
    let s = high - low;
    s.x * s.y + s.y * s.z + s.z * s.x
}

/// The colour of a surface at a point. `blur` is the size of a pixel there.
pub fn colour_at(piece: &Piece, stage: &Stage, point: Vec3, normal: Vec3, blur: f64) -> Vec3 {
    let surface = &piece.surface;
    let seed = stage.bodies[piece.body].seed;
    match surface.pattern {
        Pattern::Texture(Texture::Plain) => surface.colour,
        Pattern::Texture(texture) => {
            let (p, n) = (piece.local(point), piece.local_way(normal));
            let part = super::texture::pattern(texture, seed, p, n, surface.scale, blur);
            surface.colour.mix(surface.second, part.clamp(0.0, 1.0))
        }
        Pattern::Windows => {
            let (p, n) = (piece.local(point), piece.local_way(normal));
            if n.z.abs() > 0.5 {
                return surface.colour;
            }
            // Across the wall: y on walls that look along x, x on the others.
            let (across, wide) =
                if n.x.abs() > 0.5 { (p.y, piece.solid.half().y) } else { (p.x, piece.solid.half().x) };
            let tall = piece.solid.half().z;
            let columns = (2.0 * wide / surface.scale).round().max(1.0);
            let rows = (2.0 * tall / (surface.scale * 1.1)).round().max(1.0);
            let place = |at: f64, half: f64, n: f64| ((at + half) / (2.0 * half) * n).rem_euclid(1.0) - 0.5;
            let inside = place(across, wide, columns).abs() < 0.36 && place(p.z, tall, rows).abs() < 0.32;
            if inside { surface.second } else { surface.colour }
        }
        Pattern::Sign(face, centre, half) => {
            // The plate does not swing, so that its frame and that of the thing differ by the part's pose alone.
            let part = &stage.bodies[piece.body].build.parts[piece.part];
            let turn = part.pose.turn.matrix();
            if turn.apply(piece.local_way(normal)).x < 0.9 {
                return surface.colour;
            }
            let p = part.pose.at + turn.apply(piece.local(point)) - centre;
            face.colour(p.y / half, p.z / half)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::course::course;
    use super::super::settings::Scene;
    use super::*;
    use crate::cell::Cell;

    /// The hierarchy finds what a look at every piece finds.
    #[test]
    fn the_hierarchy_loses_nothing() {
        let text = "[ground]\nhills = 1\n[[objects]]\ncount = 60\nshape = [\"sphere\", \"box\", \"cylinder\", \"capsule\", \"car\", \"sign\"]\n\
                    position = [[-9, 9], [-9, 9], [0, 3]]\nyaw = [0, 360]\nroll = [0, 90]";
        let scene: Scene = toml::from_str(text).unwrap();
        let stage = Stage::new(&scene, 1, 0).unwrap();
        let places = course(&scene, &stage).unwrap();
        let world = World::new(&stage, &places[0], 0.0).seen();
        assert!(world.pieces.len() > 100);
        let mut cell = Cell::from_state(9);
        let mut met = 0;
        for _ in 0..3000 {
            let mut random = |reach: f64| (cell.uniform() - 0.5) * 2.0 * reach;
            let from = vec3(random(20.0), random(20.0), 4.0 + random(3.0));
            let along = (vec3(random(9.0), random(9.0), 1.0) - from).unit();
            let plain = world
                .pieces
                .iter()
                .enumerate()
                .filter_map(|(i, p)| Some((p.solid.enter(p.local(from), p.local_way(along), 1e-6)?.at, i)))
                .collect::<Vec<_>>();
            let first = plain.iter().copied().min_by(|a, b| a.0.total_cmp(&b.0));
            let ground = world.hills.enter(from, along, 1e-6, FAR).map(|g| g.0);
            let hit = world.nearest(from, along, 1e-6);
            let expected = match (first, ground) {
                (Some((at, _)), Some(g)) => Some(at.min(g)),
                (first, ground) => first.map(|f| f.0).or(ground),
            };
            assert_eq!(hit.map(|h| h.at), expected);
            let mut every = Vec::new();
            assert_eq!(
                world.every(from, along, |i| every.push(i)).map(|h| (h.at, h.normal)),
                hit.map(|h| (h.at, h.normal))
            );
            every.sort_unstable();
            assert_eq!(every, plain.iter().map(|p| p.1).collect::<Vec<_>>());
            if let Some((at, _)) = first {
                met += 1;
                assert!(world.blocked(from, along, at + 1e-6));
                if ground.is_none() {
                    assert!(!world.blocked(from, along, at - 1e-6));
                }
            }
        }
        assert!(met > 500, "{met}");
    }
}
