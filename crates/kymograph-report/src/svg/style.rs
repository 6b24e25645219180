//! How shapes look: the few styles all figures share. A class lets a page recolour what a literal colour sets.

/// Where a text hangs on its point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextStyle<'a> {
    pub(crate) size: f64,
    pub(crate) anchor: Anchor,
    pub(crate) bold: bool,
    /// Class that a page may recolour: `ink` or `soft`; empty for a fixed colour.
    pub(crate) class: &'a str,
    pub(crate) colour: &'a str,
    /// Degrees about the point.
    pub(crate) rotate: f64,
}

impl TextStyle<'_> {
    pub(crate) fn ink(size: f64, anchor: Anchor) -> TextStyle<'static> {
        TextStyle { size, anchor, bold: false, class: "ink", colour: "#1a1a1a", rotate: 0.0 }
    }

    pub(crate) fn soft(size: f64, anchor: Anchor) -> TextStyle<'static> {
        TextStyle { class: "soft", colour: "#555555", ..TextStyle::ink(size, anchor) }
    }

    pub(crate) fn bold(self) -> Self {
        TextStyle { bold: true, ..self }
    }

    pub(crate) fn rotated(self, degrees: f64) -> Self {
        TextStyle { rotate: degrees, ..self }
    }
}

/// How a line looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stroke<'a> {
    pub(crate) class: &'a str,
    pub(crate) colour: &'a str,
    pub(crate) width: f64,
    pub(crate) dash: &'a str,
    pub(crate) opacity: f64,
}

impl<'a> Stroke<'a> {
    pub(crate) fn new(colour: &'a str, width: f64) -> Self {
        Stroke { class: "", colour, width, dash: "", opacity: 1.0 }
    }

    pub(crate) fn axis() -> Stroke<'static> {
        Stroke { class: "axis", ..Stroke::new("#555555", 0.7) }
    }

    pub(crate) fn grid() -> Stroke<'static> {
        Stroke { class: "grid", ..Stroke::new("#e4e4e4", 0.5) }
    }

    /// A threshold: dashed, in the colour of text.
    pub(crate) fn threshold(dash: &'a str) -> Self {
        Stroke { class: "rule", colour: "#1a1a1a", width: 0.9, dash, opacity: 1.0 }
    }
}

/// How an area looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill<'a> {
    pub(crate) class: &'a str,
    pub(crate) colour: &'a str,
    pub(crate) opacity: f64,
}

impl<'a> Fill<'a> {
    pub(crate) fn new(colour: &'a str, opacity: f64) -> Self {
        Fill { class: "", colour, opacity }
    }

    /// The grey of nulls, everywhere the same.
    pub(crate) fn null() -> Fill<'static> {
        Fill { class: "null", colour: "#c4c4c4", opacity: 0.75 }
    }
}

/// Shapes of data points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    Cross,
    TriangleDown,
}
