//! The quantities of spline codes and polytopes.

/// A number about the codes, boundaries or affine maps of a network at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplineQuantity {
    /// Its name in findings, predictions and pages.
    pub name: &'static str,
    /// The question it answers, and its unit.
    pub summary: &'static str,
}

const fn q(name: &'static str, summary: &'static str) -> SplineQuantity {
    SplineQuantity { name, summary }
}

static QUANTITIES: &[SplineQuantity] = &[
    q(
        "boundary_density",
        "boundaries crossed on the way between two points, for each unit of length at the starting place",
    ),
    q("boundary_density_of_output", "the same for each unit of length of the path's image in the output"),
    q("boundary_density_ratio", "boundary density between classes over that within, at matched lengths"),
    q("soft_code_density", "total variation of the soft code along a path, for each unit of length"),
    q("soft_code_density_ratio", "the same between classes over that within, at matched lengths"),
    q("radial_density", "boundary density of rays from the origin at the images' norm over that of the whole ray"),
    q("adversarial_crossings", "boundaries to an adversarial image over those to a random one as far away"),
    q("distinct_codes", "different codes among the examples of the probe"),
    q("flip_change", "change of the affine map when one unit flips, as a share of the map (Frobenius norms)"),
    q("scale_survival", "share of images whose answer stays while a layer is scaled by 1/4 to 4"),
    q("map_accuracy", "accuracy on images that pass through the affine map of another code"),
    q("map_owner_rate", "share of images answered with the label of the image whose code gave the map"),
    q("centres_accuracy", "accuracy with the affine map of the nearest of some images"),
    q(
        "affine_maps_accuracy",
        "accuracy with the affine map of the nearest k-means centre, fitted or the network's own",
    ),
    q("affine_maps_agreement", "share of images answered by such a map as the network answers them"),
    q("cluster_purity", "share of clustered examples that have their cluster's most frequent label"),
    q("cluster_information", "mutual information of cluster and label, bits"),
    q("direction_purity", "mean share of one label among the examples highest along a direction"),
    q(
        "linearisation_error",
        "distance of a linear prediction of the outputs from the outputs, over how far they moved",
    ),
    q("slice_regions", "regions of a plane through three images, over half the square of the number of units"),
];

/// Every quantity.
pub fn quantities() -> &'static [SplineQuantity] {
    QUANTITIES
}

/// The quantity of this name.
pub fn find_quantity(name: &str) -> Option<&'static SplineQuantity> {
    QUANTITIES.iter().find(|quantity| quantity.name == name)
}
