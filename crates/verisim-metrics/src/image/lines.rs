//! The report as the lines that people read: a score, what real images score, a verdict, and what it means. The
//! text and the page show the same lines.

use verisim_data::number::{grouped, percent, three};

use super::{Accuracy, ClassShare, Copying, Kid, MOST_SORTED, Prdc, Repeats, Report, Scored, Sides};
use crate::Estimate;
use crate::document::{Group, Line, Mark};

type Verdict = (&'static str, Mark);
/// Id and label of a line.
type Name = (&'static str, &'static str);

const NO_FLOOR: Verdict = ("needs hold-out images to judge", Mark::Plain);

impl Report {
    /// The lines of the report, in reading order.
    pub(super) fn groups(&self) -> Vec<Group> {
        let likeness = Group::new(self.likeness_title(), self.likeness_lines());
        let mut groups = vec![Group { note: self.extractor_note(), ..likeness }];
        if let Some(accuracy) = &self.accuracy {
            groups.push(Group::new("Utility", vec![accuracy_line(accuracy)]));
        }
        if let Some(shares) = self.shares.as_ref().filter(|s| !s.is_empty()) {
            groups.push(Group::new("Classes", class_lines(shares, self.counts.synthetic.min(MOST_SORTED))));
        }
        let title = copying_title(&self.copying, self.counts.train);
        groups.push(Group::new(title, copying_lines(&self.copying, self.counts.train)));
        groups
    }

    /// How many images of what.
    pub(super) fn lead(&self) -> String {
        let count = |n: usize| grouped(n as u64);
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
        let unreadable = match self.counts.unreadable {
            0 => String::new(),
            1 => " 1 file could not be read.".to_owned(),
            n => format!(" {} files could not be read.", count(n)),
        };
        format!(
            "{} synthetic images, {} training images, {held}; {height} × {width} pixels {colours}, {classes}.{unreadable}",
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
            grouped(self.scores.images as u64)
        )
    }

    fn likeness_title(&self) -> String {
        format!("Likeness, on features of {} {}", self.extractor.name, self.extractor.hash)
    }

    fn likeness_lines(&self) -> Vec<Line> {
        let (s, floor) = (&self.scores, self.scores.prdc_floor.as_ref());
        let part = |name, of: fn(&Prdc) -> f64, write: fn(f64) -> String, verdict, meaning| {
            let (value, floor) = (of(&s.prdc), floor.map(of));
            line(name, write(value), floor.map(write), share_verdict(value, floor, verdict), meaning)
        };
        vec![
            line(
                ("fid", "FID"),
                figures(s.fid.value),
                s.fid.floor.map(figures),
                fid_verdict(s.fid),
                "How far the synthetic images as a whole lie from the training images. Lower is better; \
                 what real images score is perfect.",
            ),
            line(
                ("kid", "KID"),
                fine(s.kid.value),
                s.kid.floor.map(fine),
                kid_verdict(s.kid),
                "The same by another measure, which does not fall with the number of images. Lower is better; \
                 around 0 is perfect.",
            )
            .within(&Estimate { value: s.kid.value, interval: s.kid.interval }, fine),
            part(
                ("precision", "Precision"),
                |p| p.precision,
                percent,
                ["as real images", "some look like no real image", "many look like no real image"],
                "Part of the synthetic images that lie among training images. Higher is better.",
            ),
            part(
                ("recall", "Recall"),
                |p| p.recall,
                percent,
                ["as varied as real images", "some variety is missing", "much variety is missing"],
                "Part of the training images that lie among synthetic ones. Higher is better; low: too alike.",
            ),
            part(
                ("density", "Density"),
                |p| p.density,
                three,
                ["as real images", "somewhat sparse", "sparse"],
                "How thick training images are around a synthetic one; 1 is as around real images. \
                 Above that: typical images only.",
            ),
            part(
                ("coverage", "Coverage"),
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
    line(("utility", "Train on synthetic"), percent(accuracy.synthetic), Some(percent(accuracy.real)), verdict, meaning)
}

/// The classes that are furthest from their part of the real images, either way, as far as so many synthetic images can tell.
fn class_lines(shares: &[ClassShare], sorted: usize) -> Vec<Line> {
    let real = || shares.iter().filter(|c| c.real > 0.0);
    let estimate = |c: &ClassShare| Estimate::share((c.synthetic * sorted as f64).round() as usize, sorted.max(1));
    // The most, and the least, that its ratio to the real part may well be.
    let most = |c: &&ClassShare| estimate(c).high() / c.real;
    let least = |c: &&ClassShare| estimate(c).low() / c.real;
    let one = |class: Option<&ClassShare>, name: Name, verdict: Verdict, meaning| {
        class.map(|c| {
            let found = line(name, percent(c.synthetic), Some(percent(c.real)), verdict, meaning);
            found.judged(format!("{}: {}", c.class, verdict.0), verdict.1).within(&estimate(c), percent)
        })
    };
    let wanting = real().min_by(|a, b| most(a).total_cmp(&most(b)));
    let rare = match wanting.as_ref().map_or(1.0, most) {
        r if r < 0.1 => ("all but missing", Mark::Poor),
        r if r < 0.5 => ("too rare", Mark::Fair),
        _ => ("there", Mark::Good),
    };
    let overdone = real().max_by(|a, b| least(a).total_cmp(&least(b)));
    let common = match overdone.as_ref().map_or(1.0, least) {
        r if r > 3.0 => ("far too common", Mark::Poor),
        r if r > 1.5 => ("too common", Mark::Fair),
        _ => ("in proportion", Mark::Good),
    };
    let lines = [
        one(
            wanting,
            ("wanting_class", "Most wanting class"),
            rare,
            "Part of the synthetic images in the class that is rarest beside its part of the real ones.",
        ),
        one(
            overdone,
            ("overdone_class", "Most overdone class"),
            common,
            "Part of the synthetic images in the class that is commonest beside its part of the real ones.",
        ),
    ];
    lines.into_iter().flatten().collect()
}

fn copying_title(copying: &Copying, train: usize) -> String {
    let count = |n: usize| grouped(n as u64);
    let searched = match copying.searched {
        n if n < train => format!("{} of {}", count(n), count(train)),
        n => format!("all {}", count(n)),
    };
    format!("Privacy, {} synthetic images beside {searched} training images", count(copying.synthetic.checked))
}

fn copying_lines(c: &Copying, train: usize) -> Vec<Line> {
    let searched_all = c.searched >= train;
    let repeats = |name, of: fn(&Repeats) -> usize, meaning| {
        let share = |r: &Repeats| Estimate::share(of(r), r.checked);
        let (found, real) = (share(&c.synthetic), c.holdout.as_ref().map(share));
        let verdict = match real {
            _ if found.value == 0.0 && searched_all => ("none", Mark::Good),
            _ if found.value == 0.0 => ("none of those looked at", Mark::Good),
            None => NO_FLOOR,
            Some(real) if found.value <= real.value => ("no more than real images", Mark::Good),
            Some(real) if found.low() <= real.high() => ("more than real images, perhaps by chance", Mark::Fair),
            Some(real) if found.value <= 2.0 * real.value => ("more than real images", Mark::Fair),
            Some(_) => ("many more than real images", Mark::Poor),
        };
        line(name, percent(found.value), real.map(|r| percent(r.value)), verdict, meaning).within(&found, percent)
    };
    let mut lines = closer_lines(c.closer.as_ref());
    lines.extend([
        repeats(
            ("near_copies", "Near copies"),
            |r| r.near_copies,
            "Part of the synthetic images that are three times closer to one training image than to any other, or equal \
             to it; beside it, of unseen real images.",
        ),
        repeats(
            ("exact_copies", "Exact copies"),
            |r| r.copies,
            "Part of the synthetic images that equal a training image in every pixel; beside it, of unseen real images.",
        ),
        line(
            ("median_distance", "Median distance"),
            figures(c.synthetic.median),
            c.holdout.map(|h| figures(h.median)),
            ("", Mark::Plain),
            "From a synthetic image to its nearest training image, over all pixels; beside it, from an unseen real image.",
        ),
    ]);
    lines
}

/// The share is judged between one half and what a copier would reach, which is the less the fewer are held out.
fn closer_lines(closer: Option<&Sides>) -> Vec<Line> {
    let meaning = "Part of the synthetic images that lie closer to a training image than to any of equally many \
                   unseen ones. Half is right; more: copied.";
    let name = ("closer_to_train", "Closer to training");
    let Some(c) = closer else {
        return vec![Line::missing("needs hold-out images").named(name.0, name.1, meaning)];
    };
    let at = |part: f64| 0.5 + part * (c.copier - 0.5);
    let verdict = match &c.train {
        s if s.low() <= 0.5 && s.high() >= c.copier => ("too few images to tell", Mark::Plain),
        s if s.low() <= at(0.02) => ("no sign of copying", Mark::Good),
        s if s.low() <= at(0.2) => ("leans towards training images", Mark::Fair),
        _ => ("repeats training images", Mark::Poor),
    };
    let found = line(name, percent(c.train.value), Some(percent(0.5)), verdict, meaning);
    let copier = line(
        ("copier_share", "If all were copied"),
        percent(c.copier),
        None,
        ("", Mark::Plain),
        "What that part would be of a generator that does nothing but copy: low where few images are held out, since \
         only as many training images take part.",
    );
    vec![found.within(&c.train, percent), copier]
}

/// FID has no scale of its own, so it is judged by its floor.
fn fid_verdict(fid: Scored) -> Verdict {
    let within = |floor: f64, times: f64| fid.value <= times * floor;
    match fid.floor {
        None => NO_FLOOR,
        Some(floor) if within(floor, 1.5) => ("as close as real images", Mark::Good),
        Some(floor) if within(floor, 5.0) => ("close", Mark::Good),
        Some(floor) if within(floor, 25.0) => ("visibly off", Mark::Fair),
        Some(_) => ("far off", Mark::Poor),
    }
}

/// The floor is chance about 0 and so no scale: all it can say is that a score is no worse, as far as chance takes that of real
/// images. The interval of the score itself does not count: a few images far off would widen it until it excuses them.
fn kid_verdict(kid: Kid) -> Verdict {
    let (Some(floor), Some([low, high])) = (kid.floor, kid.floor_interval) else { return NO_FLOOR };
    let chance = (high - low) / 2.0;
    match kid.value {
        x if x < -chance => ("below 0 by more than chance: see FID", Mark::Plain),
        x if x <= floor.max(0.0) + chance => ("as close as real images", Mark::Good),
        _ => ("see FID", Mark::Plain),
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

/// Five decimals, or few figures of what is far off.
fn fine(x: f64) -> String {
    if x.abs() < 1e4 { format!("{x:.5}") } else { format!("{x:.2e}") }
}

fn line(name: Name, value: String, floor: Option<String>, verdict: Verdict, meaning: &'static str) -> Line {
    Line::new(value, floor).judged(verdict.0, verdict.1).named(name.0, name.1, meaning)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::report::tests::{bare, full};
    use super::*;

    fn find(report: &Report, label: &str) -> Line {
        report.groups().into_iter().flat_map(|g| g.lines).find(|l| l.label == label).unwrap()
    }

    #[test]
    fn scores_are_judged_by_their_floors() {
        let report = full();
        let fid = find(&report, "FID");
        assert_eq!((fid.value.as_str(), fid.floor.as_str(), fid.mark), ("4.10", "0.60", Mark::Fair));
        assert_eq!(find(&report, "Precision").mark, Mark::Good);
        assert_eq!((find(&report, "Recall").mark, find(&report, "Coverage").mark), (Mark::Poor, Mark::Fair));
        assert_eq!(find(&report, "Train on synthetic").verdict, "less useful than real images");
        // Without a hold-out there is nothing to judge by, but that there are no copies can be said.
        let mut lines = bare().groups().into_iter().flat_map(|g| g.lines);
        assert!(lines.all(|l| l.floor.is_empty() && (l.mark == Mark::Plain || l.verdict == "none")));
    }

    #[test]
    fn a_kernel_distance_is_good_only_where_chance_leaves_that_of_real_images() {
        let verdict = |value: f64, floor: f64| {
            let interval = Some([value - 9e9, value + 9e9]);
            let floor_interval = Some([floor - 0.001, floor + 0.001]);
            kid_verdict(Kid { value, interval, floor: Some(floor), floor_interval })
        };
        let good = [(0.0, -0.0004), (-0.0009, 0.0), (0.0009, -0.0004), (0.0019, 0.001)];
        assert!(good.iter().all(|&(value, floor)| verdict(value, floor).1 == Mark::Good));
        for value in [0.0011, f64::NAN, f64::INFINITY] {
            assert_eq!(verdict(value, -0.0004), ("see FID", Mark::Plain));
        }
        for value in [-0.0011, -159_026_572.224_75, f64::NEG_INFINITY] {
            assert_eq!(verdict(value, -0.0004), ("below 0 by more than chance: see FID", Mark::Plain));
        }
        let kid = find(&full(), "KID");
        assert_eq!(
            (kid.value.as_str(), kid.interval.as_str(), kid.floor.as_str()),
            ("0.01230", "0.01100 to 0.01360", "-0.00010")
        );
        assert_eq!([fine(-159_026_572.2), fine(f64::NAN)], ["-1.59e8", "NaN"]);
    }

    #[test]
    fn the_classes_furthest_from_their_part_are_named() {
        let report = full();
        let (least, most) = (find(&report, "Most wanting class"), find(&report, "Most overdone class"));
        assert_eq!((least.value.as_str(), least.floor.as_str()), ("10.00 %", "25.00 %"));
        assert_eq!((least.verdict.as_str(), least.mark), ("<dog>: too rare", Mark::Fair));
        assert_eq!((most.verdict.as_str(), most.mark), ("cat: in proportion", Mark::Good));
    }

    #[test]
    fn a_class_is_judged_by_its_part_of_the_real_images() {
        let share = |class: &str, real, synthetic| ClassShare { class: class.to_owned(), real, synthetic };
        // The rarest class is in proportion, the next is missing; one has no real images, one too few to say.
        let shares = [
            share("rare", 0.01, 0.01),
            share("missing", 0.3, 0.01),
            share("common", 0.689, 0.97),
            share("none", 0.0, 0.0),
            share("handful", 0.001, 0.0),
        ];
        let lines = |sorted| class_lines(&shares, sorted).into_iter().map(|l| (l.verdict, l.mark)).collect::<Vec<_>>();
        let said = |text: &str, mark| (text.to_owned(), mark);
        assert_eq!(
            lines(1_000),
            [said("missing: all but missing", Mark::Poor), said("common: in proportion", Mark::Good)]
        );
        // Of so many images, that there is none of a class says more.
        assert_eq!(lines(1_000_000)[0], said("handful: all but missing", Mark::Poor));
        // And of so few, nothing.
        assert_eq!(class_lines(&shares[4..], 1_000)[0].mark, Mark::Good);
        assert!(class_lines(&shares[3..4], 1_000).is_empty());
    }

    #[test]
    fn copies_are_poor() {
        let mut report = full();
        let found = find(&report, "Near copies");
        assert_eq!((found.verdict.as_str(), found.mark), ("none", Mark::Good));
        report.copying.synthetic = Repeats { copies: 30, near_copies: 31, ..report.copying.synthetic };
        let (exact, near) = (find(&report, "Exact copies"), find(&report, "Near copies"));
        assert_eq!((exact.value.as_str(), exact.mark), ("1.50 %", Mark::Poor));
        assert_eq!((near.value.as_str(), near.floor.as_str(), near.mark), ("1.55 %", "0.05 %", Mark::Poor));
        // Of 300 images held out none is a copy, which may be chance: no reason to call these copies harmless.
        report.copying.holdout = Some(Repeats { checked: 300, copies: 0, near_copies: 0, median: 1812.0 });
        assert_eq!(find(&report, "Exact copies").mark, Mark::Fair);
        report.copying.holdout = Some(Repeats { checked: 300, copies: 6, near_copies: 6, median: 1812.0 });
        assert_eq!(find(&report, "Exact copies").mark, Mark::Good);
        report.copying.searched = 1_000;
        report.copying.synthetic.copies = 0;
        assert_eq!(find(&report, "Exact copies").verdict, "none of those looked at");
    }

    #[test]
    fn closeness_is_judged_by_what_a_copier_would_reach() {
        let verdict = |copier: f64, value: f64, half: f64| {
            let train = Estimate { value, interval: Some([value - half, value + half]) };
            closer_lines(Some(&Sides { train, against: 10_000, copier }))[0].mark
        };
        let marks = [0.52, 0.55, 0.9].map(|value| verdict(1.0, value, 0.02));
        assert_eq!(marks, [Mark::Good, Mark::Fair, Mark::Poor]);
        // One training image in six takes part: a generator that does nothing but copy scores no more than this.
        let copier = 7.0 / 12.0;
        let marks = [0.51, 0.53, copier].map(|value| verdict(copier, value, 0.022));
        assert_eq!(marks, [Mark::Good, Mark::Fair, Mark::Poor]);
        // One in fifty: nothing can be told, even of a copier.
        assert_eq!([0.5, 0.51].map(|value| verdict(0.51, value, 0.022)), [Mark::Plain; 2]);
        assert_eq!(find(&full(), "If all were copied").value, "58.33 %");
        let report = full();
        let title = report.groups().pop().unwrap().title;
        assert_eq!(title, "Privacy, 2,000 synthetic images beside all 60,000 training images");
    }
}
