//! The report of an evaluation of images as a document.

use verisim_data::number::percent;

use super::{ClassShare, Report};
use crate::Document;
use crate::document::{Card, Content, Grid, Part};

const FRESH: &str = "real images";

impl Report {
    /// The report as people and programs read it. The pictures are on the page only.
    pub fn document(mut self) -> Document {
        let pictures = std::mem::take(&mut self.pictures);
        let shares = self.shares.as_deref().filter(|shares| !shares.is_empty());
        let content = Content {
            title: "Synthetic image report",
            heading: "How good and how private are these images?",
            lead: self.lead(),
            opening: vec![self.lead(), self.extractor_note()],
            fresh: FRESH,
            explained: true,
            groups: self.groups(),
            lists: Vec::new(),
            cards: vec![
                Card { line: "fid", floor: "real against real" },
                Card { line: "utility", floor: FRESH },
                Card { line: "coverage", floor: FRESH },
                Card { line: "closer_to_train", floor: FRESH },
                Card { line: "near_copies", floor: FRESH },
            ],
            before: pictures.into_iter().map(Part::Picture).collect(),
            after: shares.map(classes).into_iter().collect(),
            footer: "“Real images” are hold-out images that the generator never saw, scored as if they were the synthetic \
                     ones: no generator should be expected to do better. The classifier that is trained on synthetic \
                     images is compared with one trained on as many real ones. Intervals hold the true value 95 times in \
                     100. Features are of a classifier of these classes, so FID and KID are not those of Inception. \
                     Distances alone prove little about privacy.",
        };
        Document::new(&self, content)
    }
}

fn classes(shares: &[ClassShare]) -> Part {
    Part::Grid(Grid {
        title: "Share of each class",
        note: "Real images by their label or the classifier, synthetic images by the classifier trained on real ones.",
        head: vec!["class", FRESH, "synthetic images"],
        rows: shares.iter().map(|s| vec![s.class.clone(), percent(s.real), percent(s.synthetic)]).collect(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::report::tests::{bare, full};

    #[test]
    fn the_text_has_every_score_beside_its_floor() {
        let text = full().document().to_text();
        let row = |label: &str| text.lines().find(|l| l.trim_start().starts_with(label)).unwrap().to_owned();
        for (label, parts) in [
            ("FID", ["4.10", "0.60", "visibly off"]),
            ("KID", ["0.01230", "-0.00010", "see FID"]),
            ("Coverage", ["80.00 %", "97.00 %", "~ some variety is missing"]),
            ("Train on synthetic", ["95.10 %", "98.40 %", "less useful"]),
            ("Closer to training", ["50.20 %", "48.00 % to 52.40 %", "no sign of copying"]),
            ("Likeness, on features", ["small-cnn", "3fa9c1", ""]),
        ] {
            assert!(parts.iter().all(|p| row(label).contains(p)), "{}", row(label));
        }
        assert!(text.starts_with("5,000 synthetic images, 60,000 training images, 10,000 hold-out images; 28 × 32"));
        assert!(text.contains("Lower is better") && text.contains("99.12 % of hold-out images"));
        assert!(text.lines().all(|l| l.chars().count() <= 110), "{text}");
    }

    #[test]
    fn what_is_not_there_is_not_printed() {
        let text = bare().document().to_text();
        assert!(text.contains("no hold-out images") && text.contains("needs hold-out images"));
        assert!(!text.contains("Utility") && !text.contains("Classes") && !text.contains("0.60"));
    }

    #[test]
    fn the_page_stands_alone_and_has_the_scores() {
        let page = full().document().to_html();
        for part in [
            "<b>4.10</b>",
            "real against real 0.60",
            "3fa9c1",
            "<b>55.00 %</b>",
            "data:image/png;base64,iVBORw0K\"",
            "<h2>Samples &#38; classes</h2>",
            "<figcaption>One row a class.</figcaption>",
            "<td>&#60;dog&#62;</td><td class=\"n\">25.00 %</td><td class=\"n\">10.00 %</td>",
            "class=\"verdict poor\">much variety is missing<",
        ] {
            assert!(page.contains(part), "no {part}");
        }
        assert!(page.ends_with("</html>\n"));
        assert!(!page.contains("<dog>") && !page.contains("http") && !page.contains("<script"));
        for tag in ["div", "table", "tr", "td", "figure", "h2", "p"] {
            let count = |t: String| page.matches(&t).count();
            let open = count(format!("<{tag}>")) + count(format!("<{tag} "));
            assert_eq!(open, count(format!("</{tag}>")), "{tag}");
        }
    }

    #[test]
    fn a_page_without_pictures_classes_or_hold_out() {
        let page = bare().document().to_html();
        assert!(
            !page.contains("<img") && !page.contains("Share of each class") && !page.contains("Train on synthetic")
        );
        assert!(page.contains("needs hold-out images") && page.contains("no hold-out images"));
    }
}
