//! The model as tensors, and back.

use verisim_data::series::Spec;

use super::garch::Garch;
use super::season::{Season, Trend};
use super::{Config, Var, group};
use crate::error::{Error, Result};
use crate::series::covariates::Covariates;
use crate::series::latent::{Latents, Marginals};
use crate::weights::Weights;

impl Var {
    /// Adds what was learnt to `weights`.
    pub(super) fn store(&self, weights: &mut Weights) {
        let w = self.width;
        let mut put = |name: &str, numbers: &[f64]| weights.put_f64(name, &[numbers.len()], numbers.to_vec());
        put("form", &[self.origin, self.longest, self.level.unwrap_or(-1.0)]);
        put("periods", &self.seasons.iter().map(|s| s.period).collect::<Vec<_>>());
        self.seasons.iter().enumerate().for_each(|(k, s)| put(&format!("season.{k}"), &s.table));
        put("trend.places", &[self.trend.from, self.trend.step]);
        put("trend.points", &self.trend.points);
        put("calm.places", &[self.calm.from, self.calm.step]);
        put("calm.points", &self.calm.points);
        put("coefficients", &self.coefficients);
        put("first", &self.first);
        put("first.noise", &self.first_noise);
        put("scale", &self.scale);
        put("garch", &self.garch.iter().flat_map(|g| [g.base, g.shock, g.memory]).collect::<Vec<_>>());
        put("factor", &self.factor);
        weights.put_u32("lags", &[self.lags.len()], self.lags.iter().map(|&l| l as u32).collect());
        weights.put_f32("residuals", &[self.phases.len(), w], self.residuals.clone());
        weights.put_f32("pasts", &[self.pasts.len()], self.pasts.clone());
        weights.put_f32("before", &[self.phases.len(), w], self.before.clone());
        weights.put_u32("offsets", &[self.offsets.len()], self.offsets.iter().map(|&o| o as u32).collect());
        weights.put_u32("phases", &[self.phases.len()], self.phases.clone());
        self.covariates.store(weights);
        self.map.store(weights);
    }

    /// Takes what was learnt out of `weights`.
    ///
    /// # Errors
    /// When it is not there, or does not fit together.
    pub(super) fn restore(config: &Config, spec: &Spec, latents: Latents, weights: &mut Weights) -> Result<Var> {
        let bad = |name: &str| Error::Tensor { name: name.into(), problem: "does not fit the other tensors".into() };
        let w = latents.width();
        let mut take = |name: &str| -> Result<Vec<f64>> {
            let numbers = weights.take_f64(name)?.1;
            match numbers.iter().all(|x| x.is_finite()) {
                true => Ok(numbers),
                false => Err(Error::Tensor { name: name.into(), problem: "is not finite".into() }),
            }
        };
        let form = take("form")?;
        let &[origin, longest, level] = &form[..] else { return Err(bad("form")) };
        let mut seasons = Vec::new();
        for (k, period) in take("periods")?.into_iter().enumerate() {
            let table = take(&format!("season.{k}"))?;
            if table.is_empty() || w == 0 || !table.len().is_multiple_of(w) || period <= 0.0 {
                return Err(bad("periods"));
            }
            seasons.push(Season { period, table, width: w });
        }
        let mut line = |name: &str| -> Result<Trend> {
            let (places, points) = (take(&format!("{name}.places"))?, take(&format!("{name}.points"))?);
            match (&places[..], points.is_empty()) {
                (&[_, _], true) => Ok(Trend::default()),
                (&[from, step], false) if w > 0 && points.len().is_multiple_of(w) => {
                    Ok(Trend { from, step, points, width: w })
                }
                _ => Err(bad(name)),
            }
        };
        let (trend, calm) = (line("trend")?, line("calm")?);
        let (coefficients, first, first_noise) = (take("coefficients")?, take("first")?, take("first.noise")?);
        let (scale, garch, factor) = (take("scale")?, take("garch")?, take("factor")?);
        let garch: Vec<Garch> =
            garch.as_chunks::<3>().0.iter().map(|&[base, shock, memory]| Garch { base, shock, memory }).collect();
        let lags: Vec<usize> = weights.take_u32("lags")?.1.into_iter().map(|l| l as usize).collect();
        let residuals = weights.take_f32("residuals")?.1;
        let before = weights.take_f32("before")?.1;
        let pasts = weights.take_f32("pasts")?.1;
        let offsets: Vec<usize> = weights.take_u32("offsets")?.1.into_iter().map(|o| o as usize).collect();
        let phases = weights.take_u32("phases")?.1;
        let covariates = Covariates::restore(weights)?;
        let map = Marginals::restore(w, weights)?;
        let count = seasons.first().map_or(1, |s| s.table.len() / w.max(1));
        let var = Var {
            width: w,
            panel: !spec.shape.key.is_empty() && !first.is_empty(),
            every: spec.shape.clock.every.filter(|_| !spec.shape.has_gap()),
            origin,
            seasons,
            trend,
            calm,
            longest: longest.max(1.0),
            level: (level >= 0.0).then_some(level),
            lags,
            coefficients,
            first,
            first_noise,
            noise: config.noise,
            block: config.block,
            residuals,
            before,
            pasts,
            offsets,
            by_phase: if phases.iter().all(|&p| (p as usize) < count) { group(&phases, count) } else { Vec::new() },
            phases,
            scale,
            garch,
            factor,
            map,
            covariates,
            latents,
        };
        let fits = [
            ("coefficients", var.coefficients.len() == (var.base() + var.lags.len() * w) * w),
            ("lags", var.lags.is_sorted() && var.lags.first() != Some(&0)),
            ("first", !var.panel || var.first.len() == (1 + var.covariates.len()) * w),
            ("first.noise", w == 0 || var.first_noise.len().is_multiple_of(w)),
            ("residuals", var.residuals.len() == var.phases.len() * w && var.residuals.iter().all(|r| r.is_finite())),
            ("before", var.before.len() == var.residuals.len() && var.before.iter().all(|r| r.is_finite())),
            ("pasts", {
                let size = var.lags.last().unwrap_or(&0) * w;
                let whole = if size == 0 { var.pasts.is_empty() } else { var.pasts.len().is_multiple_of(size) };
                whole && var.pasts.iter().all(|x| x.is_finite())
            }),
            ("offsets", var.offsets.is_sorted() && var.offsets.last() == Some(&var.phases.len())),
            ("phases", w == 0 || var.by_phase.len() == count),
            ("scale", var.scale.len() == if w == 0 { 0 } else { count * w }),
            ("garch", var.garch.len() == w),
            ("factor", w == 0 || var.factor.len() == w * w),
        ];
        match fits.iter().find(|(_, fits)| !fits) {
            Some((name, _)) => Err(bad(name)),
            None => Ok(var),
        }
    }
}
