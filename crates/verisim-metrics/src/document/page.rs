//! A document as one HTML page. What it looks like is in `templates/`, compiled into the program; the template engine escapes
//! every text that it is given.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::chart::Figure;
use super::plot::{Bars, HeatMap};
use super::{Content, Line, Mark};

/// One of the lines to read first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Card {
    /// Id of the line.
    pub line: &'static str,
    /// What stands before its floor, e.g. `real rows`.
    pub floor: &'static str,
}

/// A section of the page beside the scores.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Bars(Bars),
    Heat(HeatMap),
    Grid(Grid),
    Figures(Figures),
    Picture(Picture),
    Passages(Passages),
}

/// A table. The first column holds names, the others numbers.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    pub title: &'static str,
    /// A paragraph below the title; may be empty.
    pub note: &'static str,
    pub head: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

/// Texts, side by side.
#[derive(Clone, Debug)]
pub(crate) struct Passages {
    pub title: &'static str,
    /// A paragraph below the title.
    pub note: &'static str,
    pub head: Vec<&'static str>,
    /// Of each row a text a column, in parts, of which some are marked.
    pub rows: Vec<Vec<Vec<(String, bool)>>>,
}

/// Pictures of one sort, side by side as far as there is room.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    pub title: String,
    /// A paragraph below the title.
    pub note: String,
    /// What the colours mean.
    pub keys: Vec<Key>,
    pub size: Size,
    pub figures: Vec<Figure>,
    /// Those that are folded away until somebody asks.
    pub more: Vec<Figure>,
}

/// What a colour of a picture means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Real,
    Synthetic,
    Holdout,
}

/// How large pictures are on a page that has room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// Three side by side.
    Small,
    /// Two.
    Wide,
    /// One.
    Full,
}

impl Key {
    /// The class of the style sheet.
    fn class(self) -> &'static str {
        match self {
            Key::Real => "real",
            Key::Synthetic => "synthetic",
            Key::Holdout => "holdout",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Key::Real => "real (training)",
            Key::Synthetic => "synthetic",
            Key::Holdout => "hold-out",
        }
    }
}

impl Size {
    /// The class of the style sheet.
    fn class(self) -> &'static str {
        match self {
            Size::Small => "small",
            Size::Wide => "wide",
            Size::Full => "full",
        }
    }
}

/// A picture that is part of the page.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Its heading.
    pub title: String,
    /// What it shows.
    pub caption: String,
    /// A PNG file.
    pub png: Vec<u8>,
}

impl Picture {
    /// The file as text that may stand in a page (RFC 4648).
    fn base64(&self) -> String {
        STANDARD.encode(&self.png)
    }
}

impl Mark {
    /// The class of the style sheet.
    fn class(self) -> &'static str {
        match self {
            Mark::Good => "good",
            Mark::Fair => "fair",
            Mark::Poor => "poor",
            Mark::Plain => "plain",
        }
    }
}

/// What the templates see.
#[derive(Template)]
#[template(path = "page.html")]
pub(super) struct Page<'a> {
    document: &'a Content,
    /// The cards that there are, with what stands before their floors.
    cards: Vec<(&'static str, &'a Line)>,
}

impl<'a> Page<'a> {
    pub fn new(document: &'a Content) -> Page<'a> {
        let line = |id: &str| document.groups.iter().flat_map(|g| &g.lines).find(|line| line.id == id);
        let cards = document.cards.iter().filter_map(|card| Some((card.floor, line(card.line)?))).collect();
        Page { document, cards }
    }
}
