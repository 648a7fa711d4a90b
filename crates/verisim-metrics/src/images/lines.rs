//! The report as the lines that people read: a score, what real images score, a verdict, and what it means. The
//! text and the page show the same lines.

use super::{Accuracy, ClassShare, Copying, ImageReport, Prdc, Scored};
use crate::lines::{Group, Line, Mark, grouped, percent, three};

type Verdict = (&'static str, Mark);

const NO_FLOOR: Verdict = ("needs hold-out images to judge", Mark::Plain);

impl ImageReport {
    /// The lines of the report, in reading order.
    pub(super) fn groups(&self) -> Vec<Group> {
        let mut groups = vec![Group { title: self.likeness_title(), lines: self.likeness_lines() }];
        if let Some(accuracy) = &self.accuracy {
            groups.push(Group { title: "Utility".to_owned(), lines: vec![accuracy_line(accuracy)] });
        }
        if let Some(shares) = self.shares.as_ref().filter(|s| !s.is_empty()) {
            groups.push(Group { title: "Classes".to_owned(), lines: class_lines(shares) });
        }
        groups.push(Group { title: "Privacy".to_owned(), lines: copying_lines(self.copying.as_ref()) });
        groups
    }

    /// How many images of what.
    pub(super) fn lead(&self) -> String {
        let count = |n: usize| grouped(n as i64);
        let held = match self.counts.holdout {
            Some(n) => format!("{} hold-out images", count(n)),
            None => "no hold-out images".to_owned(),
        };
        let [height, width, channels] = self.shape;
        let colours = match channels {
            1 => "grey".to_owned(),
            3 => "in colour".to_owned(),
            n => format!("of {n} channels"),
        };
        let classes = match self.classes.len() {
            0 => "no labels".to_owned(),
            1 => "1 class".to_owned(),
            n => format!("{} classes", count(n)),
        };
        format!(
            "{} synthetic images, {} training images, {held}; {height} × {width} pixels {colours}, {classes}.",
            count(self.counts.synthetic),
            count(self.counts.train)
        )
    }

    /// What the features are, and what may be compared.
    pub(super) fn extractor_note(&self) -> String {
        let e = &self.extractor;
        let skill =
            e.accuracy.map_or_else(String::new, |a| format!(", which sorts {} of hold-out images right", percent(a)));
        format!(
            "Features are {} activations of the classifier {}, hash {}{skill}. Compare scores with others only where \
             the hash and the {} images a side are the same.",
            e.dim,
            e.name,
            e.hash,
            grouped(self.scores.images as i64)
        )
    }

    fn likeness_title(&self) -> String {
        format!("Likeness, on features of {} {}", self.extractor.name, self.extractor.hash)
    }

    fn likeness_lines(&self) -> Vec<Line> {
        let (s, floor) = (&self.scores, self.scores.prdc_floor.as_ref());
        let part = |label, of: fn(&Prdc) -> f64, write: fn(f64) -> String, verdict, meaning| {
            let (value, floor) = (of(&s.prdc), floor.map(of));
            line(label, write(value), floor.map(write), share_verdict(value, floor, verdict), meaning)
        };
        vec![
            line(
                "FID",
                figures(s.fid.value),
                s.fid.floor.map(figures),
                fid_verdict(s.fid),
                "How far the synthetic images as a whole lie from the training images. Lower is better; \
                 what real images score is perfect.",
            ),
            line(
                "KID",
                format!("{:.5}", s.kid.value),
                s.kid.floor.map(|x| format!("{x:.5}")),
                kid_verdict(s.kid),
                "The same by another measure, which does not fall with the number of images. Lower is better; \
                 around 0 is perfect.",
            ),
            part(
                "Precision",
                |p| p.precision,
                percent,
                ["as real images", "some look like no real image", "many look like no real image"],
                "Part of the synthetic images that lie among training images. Higher is better.",
            ),
            part(
                "Recall",
                |p| p.recall,
                percent,
                ["as varied as real images", "some variety is missing", "much variety is missing"],
                "Part of the training images that lie among synthetic ones. Higher is better; low: too alike.",
            ),
            part(
                "Density",
                |p| p.density,
                three,
                ["as real images", "somewhat sparse", "sparse"],
                "How thick training images are around a synthetic one; 1 is as around real images. \
                 Above that: typical images only.",
            ),
            part(
                "Coverage",
                |p| p.coverage,
                percent,
                ["as varied as real images", "some variety is missing", "much variety is missing"],
                "Part of the training images with a synthetic image close by. Higher is better; \
                 steadier than recall.",
            ),
        ]
    }
}

fn accuracy_line(accuracy: &Accuracy) -> Line {
    let verdict = match accuracy.real - accuracy.synthetic {
        gap if gap <= 0.01 => ("as useful as real images", Mark::Good),
        gap if gap <= 0.03 => ("nearly as useful as real images", Mark::Good),
        gap if gap <= 0.1 => ("less useful than real images", Mark::Fair),
        _ => ("a poor stand-in for real images", Mark::Poor),
    };
    let meaning = "Part of the hold-out images sorted right by a classifier that learnt from synthetic images alone; \
                   beside it, from as many real ones.";
    line("Train on synthetic", percent(accuracy.synthetic), Some(percent(accuracy.real)), verdict, meaning)
}

/// The rarest and the commonest class among synthetic images.
fn class_lines(shares: &[ClassShare]) -> Vec<Line> {
    let by_share = |a: &&ClassShare, b: &&ClassShare| a.synthetic.total_cmp(&b.synthetic);
    let one = |class: Option<&ClassShare>, label: &str, verdict: fn(f64) -> Verdict, meaning| {
        class.map(|c| {
            let found =
                line(label, percent(c.synthetic), Some(percent(c.real)), verdict(c.synthetic / c.real), meaning);
            Line { verdict: format!("{}: {}", c.class, found.verdict), ..found }
        })
    };
    let rare = |ratio: f64| match ratio {
        r if r < 0.1 => ("all but missing", Mark::Poor),
        r if r < 0.5 => ("too rare", Mark::Fair),
        _ => ("there", Mark::Good),
    };
    let common = |ratio: f64| match ratio {
        r if r > 3.0 => ("far too common", Mark::Poor),
        r if r > 1.5 => ("too common", Mark::Fair),
        _ => ("in proportion", Mark::Good),
    };
    let smallest = one(
        shares.iter().min_by(by_share),
        "Smallest class",
        rare,
        "Part of the synthetic images in their rarest class; beside it the same class among real images.",
    );
    let largest = one(
        shares.iter().max_by(by_share),
        "Largest class",
        common,
        "Part of the synthetic images in their commonest class; beside it the same class among real images.",
    );
    smallest.into_iter().chain(largest).collect()
}

fn copying_lines(copying: Option<&Copying>) -> Vec<Line> {
    let meaning = "Part of the synthetic images that lie closer to a training image than to any of equally many \
                   unseen ones. Half is right; more: copied.";
    let Some(c) = copying else {
        return vec![line("Closer to training", "–".to_owned(), None, ("needs hold-out images", Mark::Plain), meaning)];
    };
    let verdict = match &c.closer {
        s if s.low() <= 0.51 => ("no sign of copying", Mark::Good),
        s if s.value <= 0.55 => ("leans towards training images", Mark::Fair),
        _ => ("repeats training images", Mark::Poor),
    };
    let interval = c.closer.interval.map_or_else(String::new, |[a, b]| format!("{} to {}", percent(a), percent(b)));
    let closer = line("Closer to training", percent(c.closer.value), Some(percent(0.5)), verdict, meaning);
    let part = |copies: usize| percent(copies as f64 / c.checked as f64);
    let copies = match (c.copies, c.copies_holdout) {
        (0, _) => ("none", Mark::Good),
        (n, real) if n <= real => ("no more than by chance", Mark::Good),
        _ => ("more than by chance", Mark::Poor),
    };
    vec![
        Line { interval, ..closer },
        line(
            "Exact copies",
            part(c.copies),
            Some(part(c.copies_holdout)),
            copies,
            "Part of the synthetic images that equal a training image in every pixel; beside it, an unseen one.",
        ),
        line(
            "Median distance",
            figures(c.median_to_train),
            Some(figures(c.median_to_holdout)),
            ("", Mark::Plain),
            "From a synthetic image to its nearest training image, over all pixels; beside it, to an unseen one.",
        ),
    ]
}

/// FID has no scale of its own, so it is judged by its floor.
fn fid_verdict(fid: Scored) -> Verdict {
    match fid.floor.map(|floor| fid.value / floor) {
        None => NO_FLOOR,
        Some(ratio) if ratio <= 1.5 || ratio.is_nan() => ("as close as real images", Mark::Good),
        Some(ratio) if ratio <= 5.0 => ("close", Mark::Good),
        Some(ratio) if ratio <= 25.0 => ("visibly off", Mark::Fair),
        Some(_) => ("far off", Mark::Poor),
    }
}

/// The floor is chance about 0 and so no scale: all it can say is that a score is no worse.
fn kid_verdict(kid: Scored) -> Verdict {
    match kid.floor {
        None => NO_FLOOR,
        Some(floor) if kid.value <= 1.5 * floor.max(0.0) => ("as close as real images", Mark::Good),
        Some(_) => ("see FID", Mark::Plain),
    }
}

fn share_verdict(value: f64, floor: Option<f64>, [good, fair, poor]: [&'static str; 3]) -> Verdict {
    match floor.map(|floor| floor - value) {
        None => NO_FLOOR,
        Some(gap) if gap <= 0.05 => (good, Mark::Good),
        Some(gap) if gap <= 0.25 => (fair, Mark::Fair),
        Some(_) => (poor, Mark::Poor),
    }
}

/// Three figures or so.
fn figures(x: f64) -> String {
    match x.abs() {
        a if a >= 10.0 => format!("{x:.1}"),
        a if a >= 0.1 || a == 0.0 => format!("{x:.2}"),
        _ => format!("{x:.4}"),
    }
}

fn line(label: &str, value: String, real: Option<String>, verdict: Verdict, meaning: &'static str) -> Line {
    Line {
        label: label.to_owned(),
        value,
        interval: String::new(),
        ceiling: real.unwrap_or_default(),
        verdict: verdict.0.to_owned(),
        mark: verdict.1,
        meaning,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::report::tests::{bare, full};
    use super::*;

    fn find(report: &ImageReport, label: &str) -> Line {
        report.groups().into_iter().flat_map(|g| g.lines).find(|l| l.label == label).unwrap()
    }

    #[test]
    fn scores_are_judged_by_their_floors() {
        let report = full();
        let fid = find(&report, "FID");
        assert_eq!((fid.value.as_str(), fid.ceiling.as_str(), fid.mark), ("4.10", "0.60", Mark::Fair));
        assert_eq!(find(&report, "Precision").mark, Mark::Good);
        assert_eq!((find(&report, "Recall").mark, find(&report, "Coverage").mark), (Mark::Poor, Mark::Fair));
        assert_eq!(find(&report, "Train on synthetic").verdict, "less useful than real images");
        assert!(bare().groups().iter().flat_map(|g| &g.lines).all(|l| l.mark == Mark::Plain && l.ceiling.is_empty()));
    }

    #[test]
    fn the_rarest_and_the_commonest_class_are_named() {
        let report = full();
        let (smallest, largest) = (find(&report, "Smallest class"), find(&report, "Largest class"));
        assert_eq!((smallest.value.as_str(), smallest.ceiling.as_str()), ("10.00 %", "25.00 %"));
        assert_eq!((smallest.verdict.as_str(), smallest.mark), ("<dog>: too rare", Mark::Fair));
        assert_eq!((largest.verdict.as_str(), largest.mark), ("cat: in proportion", Mark::Good));
    }

    #[test]
    fn copies_are_poor() {
        let mut report = full();
        let copying = report.copying.as_mut().unwrap();
        (copying.closer.value, copying.closer.interval, copying.copies) = (0.9, Some([0.88, 0.92]), 30);
        assert_eq!(find(&report, "Closer to training").verdict, "repeats training images");
        let copies = find(&report, "Exact copies");
        assert_eq!((copies.value.as_str(), copies.mark), ("1.50 %", Mark::Poor));
    }
}
