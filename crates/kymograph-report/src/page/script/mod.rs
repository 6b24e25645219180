//! The page's two scripts (the charts of `third_party/echarts`, and our own) and the policy that lets these and no
//! others run.

use base64::Engine as _;
use sha2::{Digest, Sha256};

/// The charting library; left out of pages that have nothing to draw with it.
pub(super) const CHARTS: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../third_party/echarts/echarts.min.js"));

/// Our own script.
pub(super) const OWN: &str = concat!(
    "(() => {\n\"use strict\";\n",
    include_str!("base.js"),
    include_str!("curves.js"),
    include_str!("heat_map.js"),
    include_str!("image_grid.js"),
    include_str!("scatter.js"),
    include_str!("frames.js"),
    include_str!("figures.js"),
    include_str!("commands.js"),
    include_str!("evidence_filter.js"),
    "})();\n"
);

/// The content security policy of a page with these scripts: nothing is fetched, and nothing else runs.
pub(super) fn policy(scripts: &[&str]) -> String {
    let hash = |script: &&str| {
        let digest = Sha256::digest(script.as_bytes());
        format!(" 'sha256-{}'", base64::engine::general_purpose::STANDARD.encode(digest))
    };
    let hashes: String = scripts.iter().map(hash).collect();
    format!(
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src 'unsafe-inline'; script-src{hashes}"
    )
}
