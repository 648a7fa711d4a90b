use super::super::testkit::{rough, sine};
use super::*;

/// Whole numbers of so many bits as samples, both ends among them.
fn exact(bits: u32, n: usize) -> Vec<f32> {
    let full = f64::from(1u32 << (bits - 1));
    let mut x: Vec<f32> = rough(n, u64::from(bits))
        .iter()
        .map(|s| ((f64::from(*s) * full).round().clamp(-full, full - 1.0) / full) as f32)
        .collect();
    (x[0], x[1]) = (-1.0, ((full - 1.0) / full) as f32);
    x
}

fn place(name: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    (folder, path)
}

#[test]
fn what_is_read_and_written_is_the_same_bytes() {
    for depth in [Depth::Eight, Depth::Sixteen, Depth::TwentyFour, Depth::ThirtyTwo, Depth::Float] {
        for channels in [1, 2, 6] {
            for end in ["wav", "flac"] {
                if (end, depth) == ("flac", Depth::Float) {
                    continue;
                }
                let (_folder, path) = place(&format!("a.{end}"));
                let bits = u32::from(depth.bits()).min(24);
                let clip = Clip::new(44_100, depth, (0..channels).map(|_| exact(bits, 5000)).collect()).unwrap();
                assert_eq!(clip.write(&path).unwrap(), 0);
                let first = std::fs::read(&path).unwrap();
                let again = Clip::read(&path).unwrap();
                assert_eq!(again, clip, "{depth:?} {end}");
                again.write(&path).unwrap();
                assert_eq!(std::fs::read(&path).unwrap(), first);
            }
        }
    }
}

#[test]
fn a_wav_of_known_bytes_is_what_it_says() {
    // Two channels of 16 bits, three samples each, written by hand.
    let mut bytes =
        b"RIFF\x30\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\0\x7d\0\0\x04\0\x10\0data\x0c\0\0\0".to_vec();
    for s in [0i16, -32_768, 16_384, 32_767, -1, 1] {
        bytes.extend(s.to_le_bytes());
    }
    let clip = decode(&bytes).unwrap();
    assert_eq!((clip.rate(), clip.depth(), clip.len()), (8000, Depth::Sixteen, 3));
    assert_eq!(clip.channels(), [vec![0.0, 0.5, -1.0 / 32_768.0], vec![-1.0, 32_767.0 / 32_768.0, 1.0 / 32_768.0]]);
    assert_eq!(clip.to_wav().unwrap().0, bytes);
}

#[test]
fn a_wav_out_of_a_pipe_is_as_long_as_it_is() {
    let (_folder, path) = place("a.wav");
    let clip = Clip::new(16_000, Depth::Sixteen, vec![rough(300, 1); 2]).unwrap();
    let mut wav = clip.to_wav().unwrap().0;
    let whole = decode(&wav).unwrap();
    let at = wav.windows(4).position(|w| w == b"data").unwrap() + 4;
    for length in [u32::MAX, 0x7fff_ffdb] {
        wav[at..at + 4].copy_from_slice(&length.to_le_bytes());
        std::fs::write(&path, [&wav[..], &[7]].concat()).unwrap();
        assert_eq!(Clip::read(&path).unwrap(), whole);
    }
}

#[test]
fn of_32_bits_24_significant_ones_are_kept() {
    let spec = WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 32, sample_format: SampleFormat::Int };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
    let samples = [i32::MIN, i32::MAX, 123_456_789, -7, 8_388_607, 0];
    samples.iter().for_each(|s| writer.write_sample(*s).unwrap());
    writer.finalize().unwrap();
    let clip = decode(bytes.get_ref()).unwrap();
    let again = decode(&clip.to_wav().unwrap().0).unwrap();
    assert_eq!(again, clip);
    let back = joined(&clip).map(|s| down(s, 32, &mut 0));
    assert!(
        back.zip(samples).all(|(a, b)| (f64::from(a) - f64::from(b)).abs() <= f64::from(b).abs() / f64::from(1 << 24))
    );
}

#[test]
fn what_is_too_loud_is_clipped_and_counted_and_never_wraps() {
    for end in ["wav", "flac"] {
        let (_folder, path) = place(&format!("a.{end}"));
        let clip = Clip::new(8000, Depth::Sixteen, vec![vec![0.5, 1.0, 1.5, -1.0, -1.2, 300.0, -1e30]]).unwrap();
        assert_eq!(clip.write(&path).unwrap(), 4);
        let most = 32_767.0 / 32_768.0;
        assert_eq!(Clip::read(&path).unwrap().channels(), [vec![0.5, most, most, -1.0, -1.0, most, -1.0]]);
        let floats = clip.with_depth(Depth::Float);
        if end == "wav" {
            assert_eq!(floats.write(&path).unwrap(), 0);
            assert_eq!(Clip::read(&path).unwrap(), floats);
        } else {
            assert_eq!(floats.write(&path).unwrap(), 4);
            assert_eq!(Clip::read(&path).unwrap().depth(), Depth::TwentyFour);
        }
    }
}

#[test]
fn sounds_without_samples_are_files_too() {
    for end in ["wav", "flac"] {
        for n in [usize::from(end == "flac"), 1, 3] {
            let (_folder, path) = place(&format!("a.{end}"));
            let clip = Clip::new(8000, Depth::Sixteen, vec![vec![0.25; n]; 2]).unwrap();
            clip.write(&path).unwrap();
            assert_eq!(Clip::read(&path).unwrap(), clip);
        }
    }
}

#[test]
fn an_mp3_comes_in_with_its_length_rate_and_pitch() {
    // 0.25 s of a sine of 440 Hz, half of full scale, at 22.05 kHz, encoded with LAME.
    let clip = decode(include_bytes!("sine.mp3")).unwrap();
    assert_eq!((clip.rate(), clip.channels().len(), clip.len()), (22_050, 1, 5512));
    let (x, same) = (&clip.channels()[0], sine(440.0, 22_050, 5512));
    let worst = (600..5000).map(|i| (x[i] - 0.5 * same[i]).abs()).fold(0.0, f32::max);
    // One sample late would be 0.06 off.
    assert!(worst < 0.04, "{worst}");
}

#[test]
fn what_cannot_be_read_is_said() {
    let (_folder, path) = place("a.wav");
    let clip = Clip::new(16_000, Depth::Sixteen, vec![rough(3000, 1); 2]).unwrap();
    let (wav, flac) = (clip.to_wav().unwrap().0, clip.to_flac().unwrap().0);
    let mp3 = include_bytes!("sine.mp3").to_vec();
    let said = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        Clip::read(&path).unwrap_err().to_string()
    };
    assert!(said(b"").contains("a.wav: the file is empty"));
    assert!(said(b"hello, this is no sound at all").contains("neither"));
    assert!(said(b"RIFF").contains("ends before"));
    assert!(said(&wav[..wav.len() - 1000]).contains("ends before"));
    assert!(said(&wav[..30]).contains("ends before"));
    assert!(said(&flac[..flac.len() - 1000]).contains("FLAC"));
    assert!(said(&flac[..20]).contains("FLAC"));
    assert!(said(&mp3[..1000]).contains("MP3"));
    assert!(said(b"OggS\0\0\0\0").contains("Ogg"));
    assert!(said(b"RF64\0\0\0\0").contains("RF64"));
    // The name does not matter, nor does a tag before.
    let tagged = [b"ID3\x04\0\0\0\0\0\x05hello".as_slice(), &flac].concat();
    for bytes in [&flac, &mp3, &tagged] {
        std::fs::write(&path, bytes).unwrap();
        Clip::read(&path).unwrap();
    }
    assert!(Clip::read(&path.with_extension("gone")).unwrap_err().to_string().contains("a.gone"));
    for (name, word) in [("a.mp3", "read, not written"), ("a.ogg", "no format"), ("a", "no format")] {
        assert!(clip.write(&path.with_file_name(name)).unwrap_err().to_string().contains(word));
    }
    let none = Clip::new(16_000, Depth::Sixteen, vec![vec![]]).unwrap();
    assert!(none.write(&path.with_extension("flac")).unwrap_err().to_string().contains("no samples"));
    let many = Clip::new(16_000, Depth::Sixteen, vec![vec![0.0; 4]; 9]).unwrap();
    assert!(many.write(&path.with_extension("flac")).unwrap_err().to_string().contains("room for 8"));
}

#[test]
fn damaged_bytes_are_an_error_or_a_sound_and_never_a_panic() {
    let clip = Clip::new(16_000, Depth::Sixteen, vec![rough(600, 1); 2]).unwrap();
    let files = [clip.to_wav().unwrap().0, clip.to_flac().unwrap().0, include_bytes!("sine.mp3").to_vec()];
    let mut rng = verisim_data::rng::stream(3, "damage", 0);
    for file in files {
        for round in 0..400u64 {
            let mut bytes = file.clone();
            // Headers more often than the rest.
            let reach = if round % 2 == 0 { 64 } else { bytes.len() as u64 };
            for _ in 0..1 + round % 5 {
                let at = verisim_data::rng::below(&mut rng, reach) as usize;
                bytes[at] = verisim_data::rng::below(&mut rng, 256) as u8;
            }
            if round % 7 == 0 {
                bytes.truncate(verisim_data::rng::below(&mut rng, file.len() as u64) as usize);
            }
            mend(&mut bytes);
            if let Ok(clip) = decode(&bytes) {
                clip.finite().unwrap();
            }
        }
    }
}
