//! A network of pairs opened up: activations and logits of all pairs with one left element, as the network is or with
//! one of its mechanisms changed.

use kymograph_linalg::{Real, parallel, random};
use ndarray::{Array2, ArrayViewMut2};
use serde::{Deserialize, Serialize};

use super::dense::Matrix;
use super::network::PairNetwork;
use super::set::PairSet;
use super::spec::PairArchitecture;
use super::train::{PairStats, check_loss};
use super::transformer::{self, Transformer};
use crate::error::NetsError;
use crate::kernels::{Aligned, Columns, Kernels, Rows};

/// A change of the mechanism (Stander, Yu, Fan and Biderman 2024, section on causal interventions).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "edit", rename_all = "snake_case", deny_unknown_fields)]
pub enum PairEdit {
    /// Left and right embeddings change places before they meet `W`: `relu(W_y[a] W[:d] + W_x[b] W[d:])`. (The published
    /// swap: on released models its loss is near 5, that of [`PairEdit::SwapTables`] above 20.)
    SwapEmbeddings,
    /// What the left element adds to the neurons and what the right one adds change places.
    SwapTables,
    /// What the left element adds to the neurons changes its sign.
    NegateLeft,
    /// What the right element adds to the neurons changes its sign.
    NegateRight,
    /// Normal noise on what each neuron gets in each pair, before the rectifier. (Noise on the embeddings would be the
    /// same for all pairs of an element, and gives other numbers than the published.)
    Noise {
        /// Mean of the noise.
        mean: f64,
        /// Standard deviation of the noise.
        deviation: f64,
        /// Of the noise; each left element has a stream of its own.
        seed: u64,
    },
    /// `|x|` in the rectifier's place.
    Absolute,
}

/// A network with its tables computed, ready to be asked for one left element after another.
#[derive(Clone)]
pub struct PairView<T> {
    order: usize,
    hidden: usize,
    kernels: Kernels<T>,
    inside: Inside<T>,
    absolute: bool,
    noise: Option<(f64, f64, u64)>,
}

#[derive(Clone)]
enum Inside<T> {
    Tables(Box<Sides<T>>),
    Transformer(Box<Transformer<T>>),
}

/// What each side adds to the neurons, and what the neurons say.
#[derive(Clone)]
struct Sides<T> {
    left: Array2<T>,
    right: Array2<T>,
    /// Of the neurons; empty for none.
    bias: Vec<T>,
    unembedding: Aligned<T>,
    /// Of the logits; empty for none.
    logit_bias: Vec<T>,
    /// The sides are multiplied instead of added, and there is no rectifier.
    product: bool,
}

impl<T: Real> PairNetwork<T> {
    /// The network as it is, opened up.
    pub fn view(&self) -> PairView<T> {
        let inside = match transformer::sizes_of(&self.spec) {
            Some((heads, neurons)) => {
                let mut net = Transformer::new(heads, neurons);
                net.fill(&self.kernels, &self.layout, &self.parameters);
                Inside::Transformer(Box::new(net))
            }
            None => {
                let (left, right) = self.embeddings();
                self.tables(left, right)
            }
        };
        PairView {
            order: self.spec.order,
            hidden: self.spec.hidden(),
            kernels: self.kernels,
            inside,
            absolute: false,
            noise: None,
        }
    }

    fn tables(&self, left: Array2<T>, right: Array2<T>) -> Inside<T> {
        let mut unembedding = Aligned::default();
        let values: Vec<T> = self.unembedding().into_iter().collect();
        Matrix::new(&values, self.spec.order).pack(&self.kernels, &mut unembedding);
        let has_bias = matches!(self.spec.architecture, PairArchitecture::Mlp { bias: true, .. });
        let bias = |at: usize| if has_bias { self.matrix(at).iter().copied().collect() } else { Vec::new() };
        let product = matches!(self.spec.architecture, PairArchitecture::Bilinear { .. });
        Inside::Tables(Box::new(Sides { left, right, bias: bias(4), unembedding, logit_bias: bias(5), product }))
    }

    /// The network with changes made one after another, opened up.
    ///
    /// # Errors
    /// A change the architecture has no place for (the transformer has no tables to swap or negate, the bilinear network
    /// no rectifier); a mean or deviation of noise that is not finite, or a negative deviation.
    pub fn edited_view(&self, edits: &[PairEdit]) -> Result<PairView<T>, NetsError> {
        let mut view = self.view();
        for edit in edits {
            self.apply(edit, &mut view)?;
        }
        Ok(view)
    }

    fn apply(&self, edit: &PairEdit, view: &mut PairView<T>) -> Result<(), NetsError> {
        let refuse =
            |what: &str| Err(self.spec.refusal("edit", format!("this network has no {what}; use another edit")));
        let is_product = matches!(self.spec.architecture, PairArchitecture::Bilinear { .. });
        match (*edit, &mut view.inside) {
            (PairEdit::Noise { mean, deviation, seed }, _) => {
                if !mean.is_finite() || !deviation.is_finite() || deviation < 0.0 {
                    return Err(NetsError::Value {
                        option: "mean or deviation of the noise".into(),
                        value: if mean.is_finite() { deviation } else { mean },
                        range: "finite, the deviation at least 0".into(),
                    });
                }
                if is_product {
                    return refuse("rectifier to put noise before");
                }
                view.noise = Some((mean, deviation, seed));
            }
            (PairEdit::Absolute, _) if is_product => return refuse("rectifier"),
            (PairEdit::Absolute, _) => view.absolute = true,
            (_, Inside::Transformer(_)) => return refuse("tables of what each side adds to the neurons"),
            (PairEdit::SwapTables, Inside::Tables(sides)) => std::mem::swap(&mut sides.left, &mut sides.right),
            (PairEdit::NegateLeft, Inside::Tables(sides)) => sides.left.mapv_inplace(|x| -x),
            (PairEdit::NegateRight, Inside::Tables(sides)) => sides.right.mapv_inplace(|x| -x),
            (PairEdit::SwapEmbeddings, _) => {
                let mut swapped = self.clone();
                let (x, y) = (self.layout.parameters[0].range.clone(), self.layout.parameters[1].range.clone());
                swapped.parameters[x.clone()].copy_from_slice(&self.parameters[y.clone()]);
                swapped.parameters[y].copy_from_slice(&self.parameters[x]);
                view.inside = swapped.view().inside;
            }
        }
        Ok(())
    }
}

impl<T: Real> PairView<T> {
    /// Elements of the group.
    pub fn order(&self) -> usize {
        self.order
    }

    /// Neurons.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// Activations of the neurons (b × hidden) and logits (b × element) of the pairs (a, b) of one `a`. The neurons are
    /// taken behind the rectifier; of the bilinear network they are the products. All of a group's pairs are |G| calls,
    /// on the calling thread, with memory for one.
    ///
    /// # Errors
    /// No such element; arrays of other shapes or not in row order.
    pub fn block(&self, a: usize, hidden: &mut Array2<T>, logits: &mut Array2<T>) -> Result<(), NetsError> {
        if a >= self.order {
            return Err(NetsError::Label { example: 0, label: a, classes: self.order });
        }
        let hidden = rows("the hidden activations", hidden.view_mut(), [self.order, self.hidden])?;
        let logits = rows("the logits", logits.view_mut(), [self.order, self.order])?;
        match &self.inside {
            Inside::Tables(sides) => {
                let Sides { left, right, bias, unembedding, logit_bias, product } = &**sides;
                for (h, y) in hidden.chunks_exact_mut(self.hidden).zip(right.outer_iter()) {
                    for ((h, &x), &y) in h.iter_mut().zip(left.row(a)).zip(y) {
                        *h = if *product { x * y } else { x + y };
                    }
                    h.iter_mut().zip(bias).for_each(|(h, &b)| *h += b);
                }
                if !product {
                    self.activate(a, hidden);
                }
                let bias = Some(logit_bias.as_slice()).filter(|bias| !bias.is_empty());
                let columns = Columns { packed: unembedding, count: self.order, bias, rectify: false };
                self.kernels.product(hidden, &Rows::dense(self.order, self.hidden), &columns, logits);
            }
            Inside::Transformer(net) => {
                let sizes = net.attention.sizes;
                let right: Vec<u32> = (0..self.order as u32).collect();
                let mut patterns = vec![T::ZERO; self.order * 3 * sizes.heads];
                let mut mid = vec![T::ZERO; self.order * sizes.model];
                let mut end = mid.clone();
                net.attention.forward(&vec![a as u32; self.order], &right, &mut patterns, &mut mid);
                net.pre_activations(&self.kernels, &mid, hidden);
                self.activate(a, hidden);
                net.add_neurons(&self.kernels, &mid, hidden, &mut end);
                net.logits(&self.kernels, &end, logits);
            }
        }
        Ok(())
    }

    fn activate(&self, a: usize, neurons: &mut [T]) {
        if let Some((mean, deviation, seed)) = self.noise {
            let mut rng = random::stream_at(seed, "pair noise", a as u64);
            neurons.iter_mut().for_each(|x| *x += T::from_f64(mean + deviation * random::normal(&mut rng)));
        }
        for x in neurons {
            *x = if self.absolute {
                x.abs()
            } else if *x < T::ZERO {
                T::ZERO
            } else {
                *x
            };
        }
    }

    /// Loss (in f64) and accuracy on a set of pairs.
    ///
    /// # Errors
    /// A set of another group's order; a loss that is not finite.
    pub fn evaluate(&self, set: &PairSet) -> Result<PairStats, NetsError> {
        if set.order() != self.order {
            return Err(NetsError::Shape {
                what: "the set of pairs".into(),
                expected: format!("pairs of the network's {} elements", self.order),
                found: vec![set.order(), set.order()],
            });
        }
        let n = self.order;
        let parts = parallel::map_indices(n, |a| -> Result<(f64, usize), NetsError> {
            let from = set.left.partition_point(|&left| (left as usize) < a);
            let to = set.left.partition_point(|&left| left as usize <= a);
            if from == to {
                return Ok((0.0, 0));
            }
            let (mut hidden, mut logits) = (Array2::zeros((n, self.hidden)), Array2::zeros((n, n)));
            self.block(a, &mut hidden, &mut logits)?;
            let mut chosen: Vec<T> =
                set.right[from..to].iter().flat_map(|&b| logits.row(b as usize).to_vec()).collect();
            let (mut powers, mut narrow) = (vec![0.0; n], vec![T::ZERO; n]);
            Ok(self.kernels.pair_loss(true, 0.0, &set.products[from..to], &mut chosen, (&mut powers, &mut narrow)))
        });
        let mut total = (0.0, 0);
        for part in parts {
            let (loss, correct) = part?;
            total = (total.0 + loss, total.1 + correct);
        }
        let loss = total.0 / set.len() as f64;
        check_loss(loss)?;
        Ok(PairStats { loss, accuracy: total.1 as f64 / set.len() as f64 })
    }
}

/// The numbers of an array in row order, if it has the shape.
fn rows<'a, T>(what: &str, array: ArrayViewMut2<'a, T>, shape: [usize; 2]) -> Result<&'a mut [T], NetsError> {
    let found = array.shape().to_vec();
    let error =
        NetsError::Shape { what: what.into(), expected: format!("{shape:?}, in row order"), found: found.clone() };
    if found != shape {
        return Err(error);
    }
    array.into_slice().ok_or(error)
}
