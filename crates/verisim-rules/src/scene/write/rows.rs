//! One row a frame and thing.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int32Builder, StringBuilder, UInt8Builder, UInt16Builder, UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch};

use super::super::label::Thing;
use crate::error::Result;

/// One row of `frames.parquet`.
pub struct Row {
    pub scene: u64,
    pub frame: u64,
    pub image: u64,
    pub time: f64,
    pub class: String,
    pub shape: &'static str,
    pub colour: String,
    pub material: &'static str,
    pub thing: Thing,
}

/// Rows as a batch of Arrow.
///
/// # Errors
/// When Arrow refuses columns.
pub fn batch(rows: &[Row]) -> Result<RecordBatch> {
    fn whole(rows: &[Row], of: impl Fn(&Row) -> u64) -> ArrayRef {
        let mut b = UInt64Builder::with_capacity(rows.len());
        rows.iter().for_each(|r| b.append_value(of(r)));
        Arc::new(b.finish())
    }
    fn real(rows: &[Row], of: impl Fn(&Row) -> f64) -> ArrayRef {
        let mut b = Float64Builder::with_capacity(rows.len());
        rows.iter().for_each(|r| b.append_value(of(r)));
        Arc::new(b.finish())
    }
    fn text<'r>(rows: &'r [Row], of: impl Fn(&'r Row) -> Option<&'r str>) -> ArrayRef {
        let mut b = StringBuilder::new();
        rows.iter().for_each(|r| b.append_option(of(r)));
        Arc::new(b.finish())
    }
    fn side(rows: &[Row], of: impl Fn(&Thing) -> Option<usize>) -> ArrayRef {
        let mut b = Int32Builder::with_capacity(rows.len());
        rows.iter().for_each(|r| b.append_option(of(&r.thing).map(|n| n as i32)));
        Arc::new(b.finish())
    }
    let mut instance = UInt16Builder::new();
    let mut class = UInt8Builder::new();
    let mut cut = BooleanBuilder::new();
    for row in rows {
        instance.append_value(row.thing.instance);
        class.append_value(row.thing.class);
        cut.append_value(row.thing.cut);
    }
    let mut columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("scene", whole(rows, |r| r.scene), false),
        ("frame", whole(rows, |r| r.frame), false),
        ("image", whole(rows, |r| r.image), false),
        ("time", real(rows, |r| r.time), false),
        ("instance", Arc::new(instance.finish()), false),
        ("class_id", Arc::new(class.finish()), false),
        ("class", text(rows, |r| Some(&r.class)), false),
        ("shape", text(rows, |r| Some(r.shape)), false),
        ("colour", text(rows, |r| Some(&r.colour)), false),
        ("material", text(rows, |r| Some(r.material)), false),
        ("face", text(rows, |r| r.thing.face), true),
        ("box_left", side(rows, |t| t.bounds.map(|b| b.left)), true),
        ("box_top", side(rows, |t| t.bounds.map(|b| b.top)), true),
        ("box_width", side(rows, |t| t.bounds.map(|b| b.width)), true),
        ("box_height", side(rows, |t| t.bounds.map(|b| b.height)), true),
        ("full_left", side(rows, |t| t.full.map(|b| b.left)), true),
        ("full_top", side(rows, |t| t.full.map(|b| b.top)), true),
        ("full_width", side(rows, |t| t.full.map(|b| b.width)), true),
        ("full_height", side(rows, |t| t.full.map(|b| b.height)), true),
        ("pixels", whole(rows, |r| r.thing.pixels as u64), false),
        ("full_pixels", whole(rows, |r| r.thing.full_pixels as u64), false),
        ("visibility", real(rows, |r| r.thing.visibility()), false),
        ("truncated", Arc::new(cut.finish()), false),
    ];
    type Of = fn(&Thing) -> f64;
    let poses: [(&str, Of); 17] = [
        ("x", |t| t.at.x),
        ("y", |t| t.at.y),
        ("z", |t| t.at.z),
        ("qw", |t| t.turn.w),
        ("qx", |t| t.turn.v.x),
        ("qy", |t| t.turn.v.y),
        ("qz", |t| t.turn.v.z),
        ("camera_x", |t| t.camera_at.x),
        ("camera_y", |t| t.camera_at.y),
        ("camera_z", |t| t.camera_at.z),
        ("camera_qw", |t| t.camera_turn.w),
        ("camera_qx", |t| t.camera_turn.v.x),
        ("camera_qy", |t| t.camera_turn.v.y),
        ("camera_qz", |t| t.camera_turn.v.z),
        ("length", |t| t.size.x),
        ("width", |t| t.size.y),
        ("height", |t| t.size.z),
    ];
    columns.extend(poses.map(|(name, of)| (name, real(rows, |r| of(&r.thing)), false)));
    Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
}
