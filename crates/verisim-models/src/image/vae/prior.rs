//! The distribution of latents that images are drawn from, fitted class by class.

use burn::tensor::{Device, Tensor, TensorData};

use crate::linalg::cholesky;

/// Sums over the latents of the images of one class, from which their normal distribution follows.
pub struct Moments {
    size: usize,
    /// Images added.
    pub count: f64,
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Moments {
    /// No image yet, of `size` latents.
    pub fn new(size: usize) -> Moments {
        Moments { size, count: 0.0, first: vec![0.0; size], second: vec![0.0; size * size] }
    }

    /// An image whose latents have this mean and variance.
    pub fn add(&mut self, mean: &[f32], var: &[f32]) {
        self.count += 1.0;
        for (i, &m) in mean.iter().enumerate() {
            let m = f64::from(m);
            self.first[i] += m;
            let row = &mut self.second[i * self.size..=i * self.size + i];
            row.iter_mut().zip(mean).for_each(|(sum, &other)| *sum += m * f64::from(other));
            row[i] += f64::from(var[i]);
        }
    }

    /// The sums over the images of both.
    pub fn and(mut self, other: &Moments) -> Moments {
        self.count += other.count;
        self.first.iter_mut().zip(&other.first).for_each(|(a, b)| *a += b);
        self.second.iter_mut().zip(&other.second).for_each(|(a, b)| *a += b);
        self
    }

    /// Mean and Cholesky factor of the covariance, with `size` standard normal pseudo-images added.
    pub fn normal(&self) -> (Vec<f64>, Vec<f64>) {
        let n = self.size;
        let total = self.count + n as f64;
        let mean: Vec<f64> = self.first.iter().map(|x| x / total).collect();
        let mut covariance = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let pseudo = if i == j { n as f64 } else { 0.0 };
                let value = (self.second[i * n + j] + pseudo) / total - mean[i] * mean[j];
                (covariance[i * n + j], covariance[j * n + i]) = (value, value);
            }
        }
        (mean, cholesky(&covariance, n))
    }
}

/// Normal distributions of latents, one for each of `K` classes.
pub struct Latents {
    /// `[K, latent]`.
    pub means: Vec<f32>,
    /// Cholesky factors of the covariances, `[K, latent, latent]`.
    pub spreads: Vec<f32>,
}

impl Latents {
    /// Means and Cholesky factors as tensors.
    pub fn on(self, latent: usize, device: &Device) -> (Tensor<2>, Tensor<3>) {
        let k = self.means.len() / latent;
        (
            Tensor::from_data(TensorData::new(self.means, [k, latent]), device),
            Tensor::from_data(TensorData::new(self.spreads, [k, latent, latent]), device),
        )
    }
}
