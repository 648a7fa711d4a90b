//! The whole program, run as its users run it: every test here starts the `verisim` binary.
//!
//! The table is the wine-quality data that `verisim demo` writes, so nothing has to be downloaded. With
//! `VERISIM_DATA` set, the tables under it are learnt as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod asking;
mod augment;
mod bad_images;
mod bad_input;
mod bench;
mod cli;
mod formats;
mod forms;
mod gpu;
mod image_models;
mod images;
mod impute;
mod new_kind;
mod pipeline;
mod postgres;
mod quality;
mod rules;
mod score;
mod series;
mod server;
mod standin;
mod text_files;
mod texts;
mod util;
mod worlds;
