//! Fourier transforms of sizes that are powers of two, and short ones that are added up again.
//!
//! They are our own because their bytes must be the same everywhere: libraries choose their instructions by the machine and take sines
//! from the platform. Plain radix 2 in `f64` is slower than they are.

use std::f64::consts::PI;

use realfft::num_complex::Complex64;

/// A transform of complex numbers.
struct Complex {
    /// Where each number goes first: its place with the bits in reverse.
    order: Vec<usize>,
    /// For each size of block its roots of unity, one size after another.
    roots: Vec<Complex64>,
}

fn root(part: usize, of: usize) -> Complex64 {
    let angle = -2.0 * PI * part as f64 / of as f64;
    Complex64::new(libm::cos(angle), libm::sin(angle))
}

impl Complex {
    fn new(n: usize) -> Complex {
        let bits = n.trailing_zeros();
        let order = (0..n).map(|i| if bits == 0 { 0 } else { i.reverse_bits() >> (usize::BITS - bits) }).collect();
        let halves = (0..bits).map(|b| 1usize << b);
        Complex { order, roots: halves.flat_map(|half| (0..half).map(move |i| root(i, 2 * half))).collect() }
    }

    fn run(&self, x: &mut [Complex64]) {
        for (i, &j) in self.order.iter().enumerate().filter(|(i, j)| i < j) {
            x.swap(i, j);
        }
        let mut half = 1;
        while half < x.len() {
            let roots = &self.roots[half - 1..2 * half - 1];
            for block in x.chunks_exact_mut(2 * half) {
                let (low, high) = block.split_at_mut(half);
                for ((a, b), root) in low.iter_mut().zip(high).zip(roots) {
                    let turned = *b * root;
                    *b = *a - turned;
                    *a += turned;
                }
            }
            half *= 2;
        }
    }
}

/// The transform of `n` real numbers to `n / 2 + 1` bins and back, by one of half as many complex numbers.
pub(super) struct Fft {
    n: usize,
    half: Complex,
    roots: Vec<Complex64>,
    work: Vec<Complex64>,
}

impl Fft {
    /// For the least power of two that is at least `n` and 2.
    pub(super) fn new(n: usize) -> Fft {
        let n = n.max(2).next_power_of_two();
        let roots = (0..=n / 2).map(|k| root(k, n)).collect();
        Fft { n, half: Complex::new(n / 2), roots, work: vec![Complex64::default(); n / 2] }
    }

    /// Numbers in, and out again.
    pub(super) fn len(&self) -> usize {
        self.n
    }

    /// Bins out.
    pub(super) fn bins(&self) -> usize {
        self.n / 2 + 1
    }

    /// The sum of each number times a root of unity, for each frequency from 0 to half the rate.
    pub(super) fn forward(&mut self, x: &[f64], bins: &mut [Complex64]) {
        self.work.iter_mut().zip(x.chunks_exact(2)).for_each(|(z, x)| *z = Complex64::new(x[0], x[1]));
        self.half.run(&mut self.work);
        let h = self.n / 2;
        for (k, (bin, root)) in bins.iter_mut().zip(&self.roots).enumerate() {
            let (a, b) = (self.work[k % h], self.work[(h - k) % h].conj());
            let (even, odd) = ((a + b) * 0.5, (a - b) * 0.5);
            // The odd part is divided by i.
            *bin = even + Complex64::new(odd.im, -odd.re) * root;
        }
    }

    /// What [`Fft::forward`] came from.
    pub(super) fn inverse(&mut self, bins: &[Complex64], x: &mut [f64]) {
        let h = self.n / 2;
        for (k, z) in self.work.iter_mut().enumerate() {
            let (a, b) = (bins[k], bins[h - k].conj());
            let (even, odd) = ((a + b) * 0.5, (a - b) * 0.5 * self.roots[k].conj());
            // Conjugated, so that the transform forwards goes backwards.
            *z = (even + Complex64::new(-odd.im, odd.re)).conj();
        }
        self.half.run(&mut self.work);
        let scale = 1.0 / h as f64;
        for (x, z) in x.chunks_exact_mut(2).zip(&self.work) {
            (x[0], x[1]) = (z.re * scale, -z.im * scale);
        }
    }
}

/// Frames of a sound under a Hann window, four over each sample, the middle of frame `k` at sample `k * hop`.
pub(super) struct Frames {
    pub(super) fft: Fft,
    pub(super) window: Vec<f64>,
    /// From one frame to the next.
    pub(super) hop: usize,
    frame: Vec<f64>,
}

impl Frames {
    /// Of about `seconds` each.
    pub(super) fn of_seconds(seconds: f64, rate: u32) -> Frames {
        Frames::new(((seconds * f64::from(rate)) as usize).max(16))
    }

    fn new(least: usize) -> Frames {
        let fft = Fft::new(least);
        let n = fft.len();
        let window = (0..n).map(|i| 0.5 - 0.5 * root(i, n).re).collect();
        Frames { fft, window, hop: n / 4, frame: vec![0.0; n] }
    }

    /// How many frames are over a sound of so many samples.
    pub(super) fn count(&self, samples: usize) -> usize {
        samples.div_ceil(self.hop) + 1
    }

    /// The bins of the frame whose middle is at `middle`; outside there is silence.
    pub(super) fn analyse(&mut self, x: &[f32], middle: i64, bins: &mut [Complex64]) {
        let start = middle - self.fft.len() as i64 / 2;
        for (i, (f, w)) in self.frame.iter_mut().zip(&self.window).enumerate() {
            let at = usize::try_from(start + i as i64).ok();
            *f = at.and_then(|at| x.get(at)).map_or(0.0, |s| f64::from(*s) * w);
        }
        self.fft.forward(&self.frame, bins);
    }

    /// Adds what `bins` sound like to `sum`, whose first sample is half a frame before the sound.
    pub(super) fn add(&mut self, bins: &[Complex64], k: usize, sum: &mut [f64]) {
        self.fft.inverse(bins, &mut self.frame);
        let sum = sum[k * self.hop..].iter_mut();
        sum.zip(self.frame.iter().zip(&self.window)).for_each(|(s, (f, w))| *s += f * w);
    }

    /// Room for sums of frames.
    pub(super) fn room(&self, samples: usize) -> Vec<f64> {
        vec![0.0; (self.count(samples) - 1) * self.hop + self.fft.len()]
    }

    /// Sums by how much the windows weigh there.
    pub(super) fn finish(&self, sum: &[f64], samples: usize) -> Vec<f32> {
        let mut weight = self.room(samples);
        for k in 0..self.count(samples) {
            weight[k * self.hop..].iter_mut().zip(&self.window).for_each(|(s, w)| *s += w * w);
        }
        let half = self.fft.len() / 2;
        sum[half..].iter().zip(&weight[half..]).take(samples).map(|(s, w)| (s / w) as f32).collect()
    }

    /// The sound after `change` has had every frame.
    pub(super) fn changed(&mut self, x: &[f32], mut change: impl FnMut(usize, &mut [Complex64])) -> Vec<f32> {
        let (mut bins, mut sum) = (vec![Complex64::default(); self.fft.bins()], self.room(x.len()));
        for k in 0..self.count(x.len()) {
            self.analyse(x, (k * self.hop) as i64, &mut bins);
            change(k, &mut bins);
            self.add(&bins, k, &mut sum);
        }
        self.finish(&sum, x.len())
    }
}

/// `x` convolved with `response`, as long as `x`: what comes later is left out.
pub(super) fn convolve(x: &[f32], response: &[f64]) -> Vec<f32> {
    if x.is_empty() || response.is_empty() {
        return x.to_vec();
    }
    // Blocks as long as the response: half of each transform is new.
    let response = &response[..response.len().min(x.len())];
    let mut fft = Fft::new(2 * response.len().max(512));
    let (n, block) = (fft.len(), fft.len() / 2);
    let (mut room, mut of) = (vec![0.0; n], vec![Complex64::default(); fft.bins()]);
    room[..response.len()].copy_from_slice(response);
    fft.forward(&room, &mut of);
    let (mut bins, mut sum) = (of.clone(), vec![0.0; x.len() + n]);
    for (i, x) in x.chunks(block).enumerate() {
        room.fill(0.0);
        room.iter_mut().zip(x).for_each(|(r, x)| *r = f64::from(*x));
        fft.forward(&room, &mut bins);
        bins.iter_mut().zip(&of).for_each(|(b, r)| *b *= r);
        fft.inverse(&bins, &mut room);
        sum[i * block..].iter_mut().zip(&room).for_each(|(s, r)| *s += r);
    }
    sum.iter().take(x.len()).map(|s| *s as f32).collect()
}

#[cfg(test)]
mod tests {
    use verisim_data::rng::{normal, stream};

    use super::*;

    fn rough(n: usize) -> Vec<f32> {
        let mut rng = stream(1, "rough", n as u64);
        (0..n).map(|_| normal(&mut rng) as f32).collect()
    }

    #[test]
    fn bins_are_the_sums_of_the_definition_and_come_back() {
        for n in [2usize, 4, 8, 64, 256] {
            let x: Vec<f64> = rough(n).iter().map(|x| f64::from(*x)).collect();
            let mut fft = Fft::new(n);
            let mut bins = vec![Complex64::default(); fft.bins()];
            fft.forward(&x, &mut bins);
            for (k, bin) in bins.iter().enumerate() {
                let sum: Complex64 = x.iter().enumerate().map(|(i, x)| root(i * k % n, n) * *x).sum();
                assert!((sum - bin).norm() < 1e-9, "{n} {k}: {sum} {bin}");
            }
            let mut back = vec![0.0; n];
            fft.inverse(&bins, &mut back);
            assert!(x.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-12));
        }
    }

    #[test]
    fn frames_that_nothing_changes_are_the_sound() {
        for n in [1, 3, 500, 5000] {
            let x = rough(n);
            let y = Frames::new(256).changed(&x, |_, _| {});
            assert!(x.len() == y.len() && x.iter().zip(&y).all(|(a, b)| (a - b).abs() < 1e-6), "{n}");
        }
    }

    #[test]
    fn convolution_is_the_sum_of_the_definition() {
        for (n, m) in [(1, 1), (3, 900), (1500, 3), (2100, 700), (700, 2100)] {
            let (x, h) = (rough(n), rough(m + 1)[1..].iter().map(|h| f64::from(*h)).collect::<Vec<f64>>());
            let y = convolve(&x, &h);
            assert_eq!(y.len(), n);
            for i in [0, n / 3, n - 1] {
                let sum: f64 = (0..=i).filter(|j| i - j < m).map(|j| f64::from(x[j]) * h[i - j]).sum();
                assert!((sum - f64::from(y[i])).abs() < 1e-4, "{n} {m} {i}: {sum} {}", y[i]);
            }
        }
    }
}
