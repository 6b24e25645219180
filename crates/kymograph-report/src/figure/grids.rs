//! Figures made of cells: heat maps, and grids of small images.

/// Which colours.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum ColourMap {
    /// Dark blue to yellow (viridis), for amounts.
    #[default]
    Sequential,
    /// Blue through white to orange, white at the centre given and equally long on both sides.
    Diverging {
        /// The value shown white.
        centre: f64,
    },
    /// A name and a colour for each whole number from 0, for codes.
    Categories(&'static [(&'static str, [u8; 3])]),
}

/// How values become colours.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ColourScale {
    /// Label of the colour bar, with the unit.
    pub label: String,
    /// Fixed ends; from the data when `None`. Values beyond take the end's colour and the bar says so with `≤` or `≥`.
    pub range: Option<[f64; 2]>,
    /// Which colours.
    pub map: ColourMap,
}

/// Whether numbers stand in the cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PrintValues {
    /// Where they fit at a readable size.
    #[default]
    Auto,
    /// Never.
    Never,
}

/// Coloured matrices: one panel a layer, one colour bar for all.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct HeatMap {
    /// What the rows are.
    pub row_axis: String,
    /// What the columns are.
    pub column_axis: String,
    /// The colours.
    pub colour: ColourScale,
    /// The matrices.
    pub panels: Vec<HeatPanel>,
    /// Numbers in the cells.
    pub print: PrintValues,
    /// Decimals of numbers in cells; two significant digits where all would read as zero.
    pub decimals: usize,
    /// Whether cells are square (step by step) or fill the width (layer by step pair).
    pub square: bool,
}

/// One matrix.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct HeatPanel {
    /// Title above.
    pub title: String,
    /// Row names, from the top.
    pub rows: Vec<String>,
    /// Column names, from the left.
    pub columns: Vec<String>,
    /// `values[row][column]`; `None` was not measured and is drawn hatched.
    pub values: Vec<Vec<Option<f64>>>,
}

/// A small image, such as one filter.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Image {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
    /// Pixels row by row, `height × width`.
    pub values: Vec<f32>,
}

/// Small images in rows (steps) and columns (filters) on one colour scale.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ImageGrid {
    /// What the rows are.
    pub row_axis: String,
    /// What the columns are.
    pub column_axis: String,
    /// Row names, from the top.
    pub rows: Vec<String>,
    /// Column names, from the left.
    pub columns: Vec<String>,
    /// `cells[row][column]`.
    pub cells: Vec<Vec<Option<Image>>>,
    /// The colours.
    pub colour: ColourScale,
}
