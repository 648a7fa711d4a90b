//! Runs of COCO's masks: how many pixels are out, in, out, ... down the columns; and their short form as text.
//!
//! In the short form a run is the difference from the one before the last, in groups of 5 bits from the lowest; a sixth bit says that
//! more follow, the highest bit of the last group is the sign, and 48 is added to make a letter. The first three runs are as they are.

/// Runs of the short form.
pub(super) fn from_text(text: &str) -> Result<Vec<u64>, String> {
    let mut runs: Vec<u64> = Vec::new();
    let mut letters = text.bytes();
    while let Some(first) = letters.next() {
        let (mut value, mut shift, mut letter) = (0i64, 0, first);
        loop {
            let bits = letter.wrapping_sub(48);
            if bits > 63 || shift > 50 {
                return Err(format!("`{}` is no letter of compressed runs here", letter as char));
            }
            value |= i64::from(bits & 31) << shift;
            shift += 5;
            if bits & 32 == 0 {
                if bits & 16 != 0 {
                    value -= 1 << shift;
                }
                break;
            }
            letter = letters.next().ok_or("the compressed runs end in the middle of one")?;
        }
        if runs.len() > 2 {
            value = value.saturating_add(runs[runs.len() - 2] as i64);
        }
        runs.push(u64::try_from(value).map_err(|_| "a compressed run is below 0")?);
    }
    Ok(runs)
}

/// The short form of runs.
pub(super) fn to_text(runs: &[u64]) -> String {
    let mut text = String::new();
    for (i, run) in runs.iter().enumerate() {
        let before = if i > 2 { runs[i - 2] as i64 } else { 0 };
        let mut value = *run as i64 - before;
        loop {
            let bits = (value & 31) as u8;
            value >>= 5;
            let done = if bits & 16 != 0 { value == -1 } else { value == 0 };
            text.push((48 + bits + if done { 0 } else { 32 }) as char);
            if done {
                break;
            }
        }
    }
    text
}

/// The pixels that are in, row by row.
pub(super) fn to_pixels(runs: &[u64], width: usize, height: usize) -> Result<Vec<bool>, String> {
    let n = width * height;
    let total = runs.iter().try_fold(0u64, |sum, r| sum.checked_add(*r));
    if total != Some(n as u64) {
        return Err(format!("runs of {} pixels for a mask of {width} x {height}", total.unwrap_or(u64::MAX)));
    }
    let mut made = vec![false; n];
    let mut at = 0;
    for (i, run) in runs.iter().enumerate() {
        let end = at + *run as usize;
        if i % 2 == 1 {
            (at..end).for_each(|k| made[k % height * width + k / height] = true);
        }
        at = end;
    }
    Ok(made)
}

/// The runs of pixels that are given row by row.
pub(super) fn of_pixels(pixels: &[bool], width: usize, height: usize) -> Vec<u64> {
    let (mut runs, mut inside, mut run) = (Vec::new(), false, 0);
    for k in 0..width * height {
        if pixels[k % height * width + k / height] != inside {
            runs.push(run);
            (inside, run) = (!inside, 0);
        }
        run += 1;
    }
    runs.push(run);
    runs
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_letters_are_as_the_definition_says() {
        // Worked out by hand: 6 is 000110, which is 48 + 6; 100 is 00011 00100, so 4 + 32 + 48 and 3 + 48.
        assert_eq!(to_text(&[6]), "6");
        assert_eq!(to_text(&[100]), "T3");
        // 16 needs a second group, or its highest bit would be a sign.
        assert_eq!(to_text(&[16]), "`0");
        // The fourth is less the second: 3 - 5 is -2, 11110 in five bits.
        assert_eq!(to_text(&[1, 5, 2, 3]), "152N");
        // Differences start at the fourth: 5 5 5 5 5.
        assert_eq!(to_text(&[5; 5]), "55500");
        for runs in [vec![0, 1], vec![7, 3, 900, 12, 70000, 1, 1, 31, 32, 33, 16, 15], vec![0, 123_456_789, 3]] {
            assert_eq!(from_text(&to_text(&runs)).unwrap(), runs);
        }
    }

    #[test]
    fn runs_go_down_the_columns() {
        // Two rows, three columns: in are the lower left and all of the middle column.
        let pixels = [false, true, false, true, true, false];
        assert_eq!(of_pixels(&pixels, 3, 2), [1, 3, 2]);
        assert_eq!(to_pixels(&[1, 3, 2], 3, 2).unwrap(), pixels);
        assert_eq!(of_pixels(&[true, false], 2, 1), [0, 1, 1]);
    }

    #[test]
    fn broken_runs_are_refused() {
        assert!(to_pixels(&[1, 2], 3, 2).unwrap_err().contains("runs of 3"));
        assert!(to_pixels(&[u64::MAX, 2], 3, 2).is_err());
        assert!(from_text("P").unwrap_err().contains("end in the middle"));
        assert!(from_text("~").is_err());
        assert!(from_text("ooooooooooooo0").is_err());
        assert!(from_text("N").is_err());
    }

    #[test]
    fn another_reader_agrees() {
        for seed in 0..20 {
            let mut rng = verisim_data::rng::stream(seed, "rle", 0);
            let pixels: Vec<bool> = (0..63).map(|_| verisim_data::rng::uniform(&mut rng) < 0.4).collect();
            let runs = of_pixels(&pixels, 9, 7);
            let text = to_text(&runs);
            let theirs = hotcoco::mask::rle_from_string(&text, 7, 9).unwrap();
            assert_eq!(theirs.counts.iter().map(|c| u64::from(*c)).collect::<Vec<_>>(), runs);
            assert_eq!(hotcoco::mask::area(&theirs), pixels.iter().filter(|p| **p).count() as u64);
        }
    }
}
