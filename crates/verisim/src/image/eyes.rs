//! The networks that an evaluation of images looks with: small classifiers, trained here or opened from a file.

use std::path::Path;

use verisim_data::Watch;
use verisim_data::image::Images;
use verisim_metrics::image::{Eye, Eyes};
use verisim_models::image::classifier::{Classifier, Settings};
use verisim_models::step::CPU_SHARDS;
use verisim_train::Machine;

/// Makes classifiers on a device.
pub struct Networks {
    machine: Machine,
}
