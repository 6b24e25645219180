//! Points in the plane: embeddings, or one number against another.

/// Points a panel, coloured by class. Panels are square.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Scatter {
    /// Names of the classes, in the legend's order; one nameless class leaves the legend out.
    pub classes: Vec<String>,
    /// Whether each class's name stands at the median of its points, so that colour is not all that tells classes apart.
    pub named_in_place: bool,
    /// Whether one unit is equally long on both axes, as distances in an embedding need.
    pub equal_units: bool,
    /// The panels, in reading order.
    pub panels: Vec<ScatterPanel>,
}

/// One cloud of points.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ScatterPanel {
    /// Title above, such as the layer's name.
    pub title: String,
    /// Label of the horizontal axis, with the unit. An axis without a label has no ticks either: the coordinates of a
    /// t-SNE mean nothing by themselves.
    pub x_label: String,
    /// Label of the vertical axis.
    pub y_label: String,
    /// The points.
    pub points: Vec<[f64; 2]>,
    /// The class of each point, counted in [`Scatter::classes`].
    pub classes: Vec<usize>,
    /// What each point is called; none, or one a point.
    pub names: Vec<String>,
    /// `[x, y]` ranges where they are fixed, as frames behind a slider need; from the points when `None`.
    pub range: Option<[[f64; 2]; 2]>,
}
