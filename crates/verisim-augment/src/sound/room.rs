//! Reverberation of a room: the image-source method (Allen & Berkley 1979).
//!
//! A room with six walls that absorb alike is a lattice of mirror images of the source. Each gives an impulse, later and weaker the further it
//! is and the more walls it stands behind. What is ours: an impulse between two samples is spread over four (cubic), the time until the direct
//! sound is left out, so that labels stay where they are, and the direct sound has the level that it had.

use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, uniform};

use super::clip::Clip;
use super::fft::convolve;
use super::filter::{Filter, Shape};
use super::settings::change;
use crate::range::Range;
use crate::settings::settings;
use crate::sound::Act;
use crate::sound::loudness::power;

settings! {
    /// The sound as it is in a room, by the image-source method (Allen & Berkley 1979). Length and level (RMS) stay.
    Reverb {
        /// Seconds until an echo is 60 dB down. How much walls absorb follows from it, from 1 to 99 %.
        rt60: Range = Range::from([0.15, 0.8]), in 0.02 to 10;
        /// Instead: the share of the energy that walls absorb.
        absorption: Option<Range> = None, in 0.01 to 0.99;
        /// Length of the room, in metres.
        length: Range = Range::from([3.0, 10.0]), in 1 to 100;
        /// Width of the room, in metres.
        width: Range = Range::from([3.0, 8.0]), in 1 to 100;
        /// Height of the room, in metres.
        height: Range = Range::from([2.4, 4.0]), in 1 to 100;
        /// Metres between source and microphone, if the room has them; both are at least a tenth of each side from all walls.
        distance: Range = Range::from([0.5, 3.0]), in 0.05 to 100;
    }
}

/// A room, all of whose numbers are known, in metres.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shoebox {
    /// Its sides.
    pub sides: [f64; 3],
    /// Where the sound comes from.
    pub source: [f64; 3],
    /// Where it is heard.
    pub microphone: [f64; 3],
    /// The share of the energy that a wall absorbs.
    pub absorption: f64,
}

/// Metres a second in air of 20 °C.
const SOUND: f64 = 343.0;

/// Below this nothing echoes, in Hz.
const LOWEST: f64 = 30.0;

/// The most images of a room. Beyond them what is left of the echo is cut off.
const IMAGES: f64 = 3e6;

/// The energy that is still to come, of all, after a distance: each direction meets `sum |u_i| / side_i` walls a metre, and each wall takes its
/// part. `distance` is in metres times the absorption of a wall in nepers of energy. This is what the images add up to where there are many;
/// where all directions met as many walls it would be the decay of Eyring, and of Sabine where walls absorb little.
fn to_come(sides: [f64; 3], distance: f64) -> f64 {
    const STEPS: usize = 24;
    let (mut left, mut all) = (0.0, 0.0);
    for i in 0..STEPS {
        // Heights and angles in the middle of equal parts of an eighth of the sphere.
        let up = (i as f64 + 0.5) / STEPS as f64;
        let flat = (1.0 - up * up).sqrt();
        for j in 0..STEPS {
            let angle = std::f64::consts::FRAC_PI_2 * (j as f64 + 0.5) / STEPS as f64;
            let walls = flat * libm::cos(angle) / sides[0] + flat * libm::sin(angle) / sides[1] + up / sides[2];
            left += libm::exp(-walls * distance) / walls;
            all += 1.0 / walls;
        }
    }
    left / all
}

/// The distance as in [`to_come`] after which energy is 60 dB down: twice that from 5 to 35 dB down (T30 of ISO 3382).
fn far(sides: [f64; 3]) -> f64 {
    let down = |db: f64| {
        let (mut low, mut high) = (0.0, 1e4);
        for _ in 0..50 {
            let middle = (low + high) / 2.0;
            match to_come(sides, middle) > libm::pow(10.0, -db / 10.0) {
                true => low = middle,
                false => high = middle,
            }
        }
        high
    };
    2.0 * (down(35.0) - down(5.0))
}

/// Seconds until 60 dB down that absorption gives.
fn decay(sides: [f64; 3], absorption: f64) -> f64 {
    far(sides) / (SOUND * -libm::log1p(-absorption))
}

/// The absorption that gives so many seconds.
fn absorption(sides: [f64; 3], seconds: f64) -> f64 {
    -libm::expm1(-far(sides) / (SOUND * seconds))
}

change!(Reverb, |self, rng, _| {
    let sides = [self.length.draw(rng), self.width.draw(rng), self.height.draw(rng)];
    let (rt60, set) = (self.rt60.draw(rng), self.absorption.as_ref().map(|a| a.draw(rng)));
    let absorption = set.unwrap_or_else(|| absorption(sides, rt60)).clamp(0.01, 0.99);
    let distance = self.distance.draw(rng);
    let (source, microphone) = places(rng, sides, distance);
    Act::Reverb(Shoebox { sides, source, microphone, absorption })
});

/// Two places in a room, so far apart if one of 64 tries has room for it, and as near to that as any was if not.
fn places(rng: &mut Stream, sides: [f64; 3], distance: f64) -> ([f64; 3], [f64; 3]) {
    let inside = |x: f64, side: f64| x.clamp(0.1 * side, 0.9 * side);
    let mut best = (f64::INFINITY, [0.0; 3], [0.0; 3]);
    for _ in 0..64 {
        let source = sides.map(|side| (0.1 + 0.8 * uniform(rng)) * side);
        // A direction is uniform on the sphere where its height is.
        let (z, turn) = (2.0 * uniform(rng) - 1.0, 2.0 * std::f64::consts::PI * uniform(rng));
        let flat = (1.0 - z * z).sqrt();
        let to = [flat * libm::cos(turn), flat * libm::sin(turn), z];
        let mut microphone = [0.0; 3];
        for i in 0..3 {
            microphone[i] = inside(source[i] + distance * to[i], sides[i]);
        }
        let off = (apart(source, microphone) - distance).abs();
        if off < best.0 {
            best = (off, source, microphone);
        }
        if off < 1e-6 {
            break;
        }
    }
    (best.1, best.2)
}

fn apart(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

impl Shoebox {
    pub(super) fn check(&self) -> Result<(), String> {
        let sides = self.sides.iter().all(|s| (0.5..=1000.0).contains(s));
        let within = |p: &[f64; 3]| p.iter().zip(self.sides).all(|(x, side)| (0.0..=side).contains(x));
        match sides && within(&self.source) && within(&self.microphone) && (0.005..=1.0).contains(&self.absorption) {
            true => Ok(()),
            false => Err(format!(
                "a room of {:?} m with a source at {:?}, heard at {:?}, that absorbs {}",
                self.sides, self.source, self.microphone, self.absorption
            )),
        }
    }

    /// Images along one side: how far each is from the microphone and behind how many walls it stands, no further than `reach`.
    fn along(&self, axis: usize, reach: f64) -> Vec<(f64, usize)> {
        let (side, x, at) = (self.sides[axis], self.source[axis], self.microphone[axis]);
        let n = (reach / (2.0 * side)).ceil() as i64 + 1;
        let images = (-n..=n).flat_map(|m| {
            let walls = m.unsigned_abs() as usize;
            let there = 2.0 * m as f64 * side;
            // The one that is turned round stands behind one wall more to this side, or one less to the other.
            let turned = (2 * m - 1).unsigned_abs() as usize;
            [(there + x - at, 2 * walls), (there - x - at, turned)]
        });
        images.filter(|(d, _)| d.abs() <= reach).collect()
    }

    /// What an impulse becomes: the direct sound is 1, at the first sample.
    fn echoes(&self, rate: u32) -> Vec<f64> {
        let direct = apart(self.source, self.microphone).max(0.01);
        let volume: f64 = self.sides.iter().product();
        let most = libm::cbrt(IMAGES * volume * 3.0 / (4.0 * std::f64::consts::PI));
        let reach = (direct + SOUND * decay(self.sides, self.absorption.min(0.999))).min(most.max(2.0 * direct));
        let per_metre = f64::from(rate) / SOUND;
        let mut h = vec![0.0; ((reach - direct) * per_metre) as usize + 4];
        let [x, y, z] = [0, 1, 2].map(|axis| self.along(axis, reach));
        let wall = (1.0 - self.absorption).sqrt();
        let mut walls = vec![1.0];
        for _ in 0..x.iter().chain(&y).chain(&z).map(|i| i.1).max().unwrap_or(0) * 3 {
            walls.push(walls[walls.len() - 1] * wall);
        }
        for (dx, wx) in &x {
            for (dy, wy) in &y {
                let flat = dx * dx + dy * dy;
                for (dz, wz) in z.iter().filter(|z| flat + z.0 * z.0 <= reach * reach) {
                    let far = (flat + dz * dz).sqrt().max(0.01);
                    impulse(&mut h, (far - direct) * per_metre, walls[wx + wy + wz] * direct / far);
                }
            }
        }
        h
    }

    /// The echoes without what is below hearing: images are all of one sign, which adds up to a push of air that no room has, and the paper
    /// takes it out as well.
    fn response(&self, rate: u32) -> Vec<f64> {
        let flat = std::f64::consts::FRAC_1_SQRT_2;
        let mut high = Filter { shape: Shape::HighPass, hz: LOWEST, q: flat, db: 0.0, times: 1 }.biquad(rate).start();
        self.echoes(rate).into_iter().map(|s| high.next(s)).collect()
    }

    pub(super) fn apply(&self, clip: &mut Clip) {
        if clip.is_empty() {
            return;
        }
        let h = self.response(clip.rate());
        let before = power(&clip.channels);
        clip.map(|c| convolve(c, &h));
        // Echoes add up: without this a loud sound would be clipped by the room that it is in.
        let after = power(&clip.channels);
        if after > 0.0 {
            let gain = (before / after).sqrt() as f32;
            clip.each(|s| s * gain);
        }
    }
}

/// Adds an impulse at a place between samples, by the cubic through four (Lagrange). What is outside is left out.
fn impulse(h: &mut [f64], place: f64, size: f64) {
    let whole = place.floor();
    let t = place - whole;
    let weights = [
        -t * (t - 1.0) * (t - 2.0) / 6.0,
        (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0,
        -(t + 1.0) * t * (t - 2.0) / 2.0,
        (t + 1.0) * t * (t - 1.0) / 6.0,
    ];
    for (i, weight) in weights.iter().enumerate() {
        if let Some(s) = usize::try_from(whole as i64 + i as i64 - 1).ok().and_then(|at| h.get_mut(at)) {
            *s += weight * size;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{clip, rms, rough, run};
    use super::super::{Act, Item};
    use super::*;

    fn room(sides: [f64; 3], absorption: f64) -> Shoebox {
        let place = |share: f64| sides.map(|s| s * share);
        Shoebox { sides, source: place(0.31), microphone: place(0.62), absorption }
    }

    #[test]
    fn first_echoes_are_where_mirrors_put_them() {
        let room = Shoebox {
            sides: [6.0, 50.0, 50.0],
            source: [2.0, 25.0, 25.0],
            microphone: [4.0, 25.0, 25.0],
            absorption: 0.36,
        };
        // At 343 samples a metre each place is whole.
        let h = room.echoes(343 * 343);
        let at = |metres: f64| h[((metres - 2.0) * 343.0).round() as usize];
        assert!((at(2.0) - 1.0).abs() < 1e-9);
        // Behind the near walls at either end, 2 m beyond: 6 m; then two walls away: 10 m and 14 m.
        assert!((at(6.0) - 2.0 * 0.8 * 2.0 / 6.0).abs() < 1e-6, "{}", at(6.0));
        assert!((at(10.0) - 0.64 * 2.0 / 10.0).abs() < 1e-6, "{}", at(10.0));
        assert!((at(14.0) - 0.64 * 2.0 / 14.0).abs() < 1e-6, "{}", at(14.0));
        assert!(at(8.0).abs() < 1e-9);
    }

    #[test]
    fn echoes_decay_as_the_formulas_say() {
        for (sides, absorbed) in [([5.0, 4.0, 3.0], 0.25), ([7.0, 6.0, 5.0], 0.35), ([4.0, 4.2, 3.1], 0.5)] {
            let h = room(sides, absorbed).response(8_000);
            // Schroeder's integral: what energy is still to come.
            let mut left: Vec<f64> = h
                .iter()
                .rev()
                .scan(0.0, |sum, s| {
                    *sum += s * s;
                    Some(*sum)
                })
                .collect();
            left.reverse();
            let down = |db: f64| left.iter().position(|e| *e < left[0] * 10f64.powf(-db / 10.0)).unwrap() as f64;
            let measured = 2.0 * (down(35.0) - down(5.0)) / 8_000.0;
            let expected = decay(sides, absorbed);
            assert!((measured / expected - 1.0).abs() < 0.08, "{sides:?} {absorbed}: {measured} for {expected}");
            assert!((absorption(sides, expected) - absorbed).abs() < 1e-9);
        }
    }

    #[test]
    fn rooms_as_high_as_wide_follow_sabine() {
        // 0.161 V / (S a); where walls absorb more, Eyring's -ln(1 - a) for a.
        for (side, absorbed) in [(3.0, 0.02), (5.0, 0.05), (10.0, 0.1)] {
            let sabine = 0.161 * side / (6.0 * -f64::ln(1.0 - absorbed));
            let own = decay([side; 3], absorbed);
            assert!((own / sabine - 1.0).abs() < 0.08, "{side} {absorbed}: {own} for {sabine}");
        }
        // In others sound between the far walls lasts.
        assert!(decay([9.0, 3.0, 3.0], 0.1) > 1.1 * 0.161 * 81.0 / (126.0 * 0.1054));
    }

    #[test]
    fn a_dead_room_leaves_the_sound_and_the_beginning_stays_in_time() {
        let mut x = vec![0.0; 4000];
        x[1000] = 1.0;
        let item = Item::from(clip(8_000, vec![x.clone(), x]));
        let after = run(&Act::Reverb(room([5.0, 4.0, 3.0], 0.3)), &item);
        let y = &after.clip.channels()[1];
        assert!(y[..1000].iter().all(|s| s.abs() < 1e-6) && y[1000] > 0.3);
        let echoes = y[1001..].iter().map(|s| s * s).sum::<f32>();
        // As loud as before, whatever share comes later.
        assert!(echoes > 0.1 && (echoes + y[1000] * y[1000] - 1.0).abs() < 1e-3, "{echoes} {}", y[1000]);
        let dead = run(&Act::Reverb(room([5.0, 4.0, 3.0], 1.0)), &Item::from(clip(8_000, vec![rough(4000, 1)])));
        let off: Vec<f32> = dead.clip.channels()[0].iter().zip(rough(4000, 1)).map(|(a, b)| a - b).collect();
        assert!(rms(&off) < 0.02, "{}", rms(&off));
    }

    #[test]
    fn source_and_microphone_are_in_the_room_and_as_far_apart_as_asked() {
        for i in 0..200 {
            let mut rng = crate::Draw::new(1, i, 0, 0).stream();
            let sides = [4.0, 3.0, 2.5];
            let (a, b) = places(&mut rng, sides, 1.0);
            assert!((apart(a, b) - 1.0).abs() < 1e-6);
            assert!(a.iter().chain(&b).zip(sides.iter().cycle()).all(|(x, s)| (0.1 * s..=0.9 * s).contains(x)));
        }
    }
}
