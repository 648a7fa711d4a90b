//! The report as one HTML page that needs nothing else: its pictures are part of it.

use verisim_data::number::percent;

use super::{ClassShare, Report};
use crate::lines::Group;
use crate::table::html::{STYLE, escape, put, verdict};

/// What the page of tables does not need.
const PICTURES: &str = "
.cards{grid-template-columns:repeat(auto-fit,minmax(170px,1fr))}
figure{margin:0}
figure img{display:block;max-width:100%;height:auto;image-rendering:pixelated}
figcaption{color:var(--soft);font-size:14px;margin-top:10px;max-width:74ch}
";

impl Report {
    /// The report as a self-contained HTML page.
    pub fn to_html(&self) -> String {
        let groups = self.groups();
        let bytes: usize = self.pictures.iter().map(|p| p.png.len() * 4 / 3).sum();
        let mut page = String::with_capacity(bytes + (1 << 15));
        page.push_str("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
        page.push_str("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
        put(&mut page, format_args!("<title>Synthetic image report</title><style>{STYLE}{PICTURES}</style></head>"));
        page.push_str("<body><main><h1>How good and how private are these images?</h1>");
        put(&mut page, format_args!("<p class=\"lead\">{}</p>", escape(&self.lead())));
        cards(&mut page, &groups);
        self.picture_section(&mut page);
        for (i, group) in groups.iter().enumerate() {
            let note = if i == 0 { self.extractor_note() } else { String::new() };
            group_table(&mut page, group, &note);
        }
        if let Some(shares) = self.shares.as_ref().filter(|s| !s.is_empty()) {
            class_table(&mut page, shares);
        }
        page.push_str(
            "<footer>“Real images” are hold-out images that the generator never saw, scored as if they were the \
             synthetic ones: no generator should be expected to do better. The classifier that is trained on \
             synthetic images is compared with one trained on as many real ones. Intervals hold the true value 95 times \
             in 100. Features are of a classifier of these classes, so FID and KID are not those of Inception. \
             Distances alone prove little about privacy.</footer></main></body></html>\n",
        );
        page
    }

    fn picture_section(&self, page: &mut String) {
        for picture in &self.pictures {
            let (title, caption) = (escape(&picture.title), escape(&picture.caption));
            put(
                page,
                format_args!(
                    "<h2>{title}</h2><div class=\"sheet pad\"><figure><img alt=\"{title}\" \
                     src=\"data:image/png;base64,{}\"><figcaption>{caption}</figcaption></figure></div>",
                    base64(&picture.png)
                ),
            );
        }
    }
}

/// The numbers to read first.
fn cards(page: &mut String, groups: &[Group]) {
    let pick = |label: &str| groups.iter().flat_map(|g| &g.lines).find(|l| l.label == label);
    page.push_str("<div class=\"cards\">");
    for line in
        ["FID", "Train on synthetic", "Coverage", "Closer to training", "Near copies"].into_iter().filter_map(pick)
    {
        let real = match line.ceiling.as_str() {
            "" => String::new(),
            real if line.label == "FID" => format!("real against real {}", escape(real)),
            real => format!("real images {}", escape(real)),
        };
        let span = if line.interval.is_empty() { String::new() } else { format!("<br>{}", escape(&line.interval)) };
        put(
            page,
            format_args!(
                "<div class=\"card\"><div class=\"name\">{}</div><div class=\"value\">{}</div>\
                 <div class=\"real\">{real}{span}</div>{}</div>",
                escape(&line.label),
                escape(&line.value),
                verdict("div", line)
            ),
        );
    }
    page.push_str("</div>");
}

fn group_table(page: &mut String, group: &Group, note: &str) {
    put(page, format_args!("<h2>{}</h2>", escape(&group.title)));
    if !note.is_empty() {
        put(page, format_args!("<p class=\"note\">{}</p>", escape(note)));
    }
    page.push_str(
        "<div class=\"sheet\"><table class=\"even\"><tr><th>measure</th><th class=\"n\">score</th>\
         <th class=\"n\">95 % interval</th><th class=\"n\">real images</th><th>verdict</th></tr>",
    );
    for line in &group.lines {
        put(
            page,
            format_args!(
                "<tr><td>{}<small>{}</small></td><td class=\"n\"><b>{}</b></td><td class=\"n\">{}</td>\
                 <td class=\"n\">{}</td><td>{}</td></tr>",
                escape(&line.label),
                escape(line.meaning),
                escape(&line.value),
                escape(&line.interval),
                escape(&line.ceiling),
                verdict("span", line)
            ),
        );
    }
    page.push_str("</table></div>");
}

fn class_table(page: &mut String, shares: &[ClassShare]) {
    page.push_str(
        "<h2>Share of each class</h2><p class=\"note\">Real images by their label or the classifier, synthetic images \
         by the classifier trained on real ones.</p><div class=\"sheet\"><table><tr><th>class</th>\
         <th class=\"n\">real images</th><th class=\"n\">synthetic images</th></tr>",
    );
    for share in shares {
        let (class, real, synthetic) = (escape(&share.class), percent(share.real), percent(share.synthetic));
        put(page, format_args!("<tr><td>{class}</td><td class=\"n\">{real}</td><td class=\"n\">{synthetic}</td></tr>"));
    }
    page.push_str("</table></div>");
}

/// Base64 with padding (RFC 4648).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let word = (0..3).fold(0, |word, i| word << 8 | three.get(i).map_or(0, |&b| usize::from(b)));
        for i in 0..4 {
            let sextet = word >> (18 - 6 * i) & 63;
            out.push(if i <= three.len() { char::from(ALPHABET[sextet]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::{bare, full};
    use super::*;

    #[test]
    fn base64_as_the_rfc_has_it() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")];
        for (plain, coded) in pairs {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }

    #[test]
    fn the_page_stands_alone_and_has_the_scores() {
        let page = full().to_html();
        for part in [
            "<b>4.10</b>",
            "real against real 0.60",
            "3fa9c1",
            "<b>55.00 %</b>",
            "data:image/png;base64,iVBORw0K\"",
            "<h2>Samples &amp; classes</h2>",
            "<figcaption>One row a class.</figcaption>",
            "<td>&lt;dog&gt;</td><td class=\"n\">25.00 %</td><td class=\"n\">10.00 %</td>",
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
        let page = bare().to_html();
        assert!(
            !page.contains("<img") && !page.contains("Share of each class") && !page.contains("Train on synthetic")
        );
        assert!(page.contains("needs hold-out images") && page.contains("no hold-out images"));
    }
}
