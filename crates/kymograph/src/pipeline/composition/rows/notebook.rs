//! The notebook's cells, each with the definition it was published by.

use kymograph_findings::Null;
use kymograph_linalg::Real;
use kymograph_measures::groups::circuit::notebook::{
    ablation_losses, change_of_basis, cluster_fractions, clusters_after_relu, clusters_before_relu, column_deviations,
    embedding_losses, logit_cosines, logit_fit, unembedding_map,
};
use kymograph_measures::groups::circuit::{Circuit, Pairing, Pairs, Tables};
use kymograph_nets::{PairArchitecture, PairNetwork};

use super::{Rows, WHOLE, exact};
use crate::error::KymographError;

/// The published thresholds on squared norms, before and after ReLU.
const BEFORE: f64 = 1.0;
const AFTER: f64 = 100.0;

impl Rows<'_> {
    pub(super) fn notebook<T: Real>(
        &mut self,
        circuit: &Circuit<'_, T>,
        tables: &Tables,
        network: &PairNetwork<T>,
    ) -> Result<(), KymographError> {
        let numbers = self.numbers;
        let (irreps, key) = (&numbers.irreps, &numbers.key);
        for cosines in logit_cosines(circuit.group, tables, irreps)? {
            let name = if cosines.irrep == "trivial" { "ones" } else { cosines.irrep.as_str() };
            self.add("centred_logit_cosine", name, cosines.centred);
            self.add("uncentred_logit_cosine", name, cosines.uncentred);
            self.add("mean_row_logit_cosine", name, cosines.mean_of_rows);
        }
        if !key.is_empty() {
            let fit = logit_fit(circuit.group, tables, irreps, key)?;
            for (name, coefficient) in &fit.coefficients {
                self.add("ols_coefficient", name, *coefficient);
            }
            self.add("ols_coefficient", "constant", fit.constant);
            self.add("ols_r_squared", WHOLE, fit.r_squared);
            self.add("ols_uncentred_r_squared", WHOLE, fit.uncentred_r_squared);
            let ratio = self.add("ols_norm_ratio", WHOLE, fit.published_norm_ratio);
            ratio.notes.push("published as \"percent variance explained\": the root of the uncentred R²".to_owned());
            self.add("ols_loss", WHOLE, fit.fit_loss);
        }
        let tabled = !circuit.residual
            && matches!(network.spec().architecture, PairArchitecture::Mlp { .. } | PairArchitecture::Sum { .. });
        if tabled {
            self.clusters(circuit, tables)?;
            let losses = embedding_losses(circuit, Pairing::Relu, irreps, key)?;
            for (name, loss) in &losses.excluded {
                self.add("embedding_excluded_loss", name, *loss);
            }
            self.add("embedding_excluded_loss", "total", losses.total_excluded);
            self.add("embedding_restricted_loss", "total", losses.restricted);
        }
        let by_size = self.losses_without_random_functions(circuit, tables, Pairs::All)?;
        for losses in ablation_losses(circuit, tables, irreps)? {
            let irrep = irreps.iter().find(|irrep| irrep.name == losses.irrep);
            let draws = irrep.and_then(|irrep| by_size.get(&irrep.span.ncols())).map_or(&[][..], Vec::as_slice);
            for (name, value) in [("x", losses.x), ("y", losses.y), ("xy", losses.xy)] {
                let row = self.add(&format!("ablated_{name}_loss"), &losses.irrep, value);
                if name == "xy" {
                    row.nulls.extend(Null::of_draws("random_functions_of_ab", draws, value));
                }
            }
        }
        for irrep in irreps.iter().filter(|irrep| key.contains(&irrep.name)) {
            if let Ok(basis) = change_of_basis(tables, irrep) {
                let row = self.add("rho_ab_cosine", &irrep.name, basis.cosine);
                row.notes.push("1 by construction where the representation has one dimension: not evidence".to_owned());
            }
            if let Ok(map) = unembedding_map(circuit, tables, irrep) {
                let null = exact("random_unembedding", 0.0);
                self.add("unembedding_map_cosine", &irrep.name, map.cosine).nulls = null;
            }
        }
        for (column, value) in column_deviations(circuit, tables, irreps)? {
            if let Some((measure, array)) = column.strip_suffix("_rep").and_then(|c| deviation_of(c, irreps)) {
                self.add(measure, array, value);
            }
        }
        Ok(())
    }

    fn clusters<T: Real>(&mut self, circuit: &Circuit<'_, T>, tables: &Tables) -> Result<(), KymographError> {
        let numbers = self.numbers;
        let before = clusters_before_relu(circuit, &numbers.irreps, BEFORE)?;
        let after = clusters_after_relu(tables, &numbers.irreps, AFTER)?;
        for (measure, clusters) in [("neurons_in_cluster", &before), ("neurons_in_cluster_after_relu", &after)] {
            let count = |neurons: &[usize]| neurons.len() as f64;
            for (name, neurons) in [
                ("off", &clusters.off),
                ("off on one side", &clusters.off_on_one_side),
                ("mixed", &clusters.mixed),
                ("unaccounted", &clusters.unaccounted),
            ] {
                let row = self.add(measure, name, count(neurons));
                row.parts.insert("neurons".to_owned(), neurons.iter().map(|&n| n as f64).collect());
            }
            for (name, neurons) in &clusters.irreps {
                let row = self.add(measure, name, count(neurons));
                row.parts.insert("neurons".to_owned(), neurons.iter().map(|&n| n as f64).collect());
            }
        }
        for fractions in cluster_fractions(tables, &numbers.irreps, &before)? {
            for (measure, parts) in [("cluster_fraction", fractions.cluster), ("uncentred_fraction", fractions.all)] {
                let Some(parts) = parts.filter(|_| fractions.irrep != "trivial") else {
                    continue;
                };
                for (part, value) in
                    [("x", parts.x), ("y", parts.y), ("xy", parts.xy), ("trivial", parts.trivial), ("sum", parts.sum)]
                {
                    self.add(&format!("{measure}_{part}"), &fractions.irrep, value);
                }
            }
        }
        Ok(())
    }
}

/// `percent_std_x_embed_sign` is the measure `percent_std_x_embed` of `sign`.
fn deviation_of<'a>(column: &'a str, irreps: &'a [kymograph_measures::groups::Irrep]) -> Option<(&'a str, &'a str)> {
    let fits = irreps.iter().filter_map(|irrep| {
        let measure = column.strip_suffix(irrep.name.as_str())?.strip_suffix('_')?;
        Some((measure, irrep.name.as_str()))
    });
    fits.max_by_key(|(_, name)| name.len())
}
