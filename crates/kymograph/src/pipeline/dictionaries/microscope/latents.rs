//! Single latents of a place's standard dictionary: when they fire, on which classes, and what taking them away does.

use kymograph_linalg::random;
use kymograph_measures::clusters::{label_purity, shuffled_purities};
use kymograph_nets::{Edit, Intervention, Mode};
use kymograph_report::Image;
use ndarray::{Array2, ArrayD, Axis, s};

use super::fits::{Fits, densities};
use super::look::{Look, Place};
use crate::error::KymographError;

/// Images shown of each kind.
pub(super) const SHOWN: usize = 8;
/// Latents nearest by decoder that are listed.
const NEAREST: usize = 5;
/// Draws of permuted labels.
pub(super) const DRAWS: usize = 200;

/// An image in which a latent fires.
pub(super) struct Example {
    /// Its class.
    pub(super) class: usize,
    /// The largest activity of its tokens.
    pub(super) activity: f64,
    /// Grey levels, 0 to 1.
    pub(super) image: Image,
    /// The latent's activity by pixel as a share of its largest; none where tokens are no runs of pixels.
    pub(super) fires: Option<Image>,
}

/// One latent.
pub(super) struct Latent {
    pub(super) index: usize,
    /// Share of tokens that use it, and of images with such a token.
    pub(super) of_tokens: f64,
    pub(super) of_images: f64,
    /// Activity where it fires, in units of the activations' deviation.
    pub(super) activity: Vec<f64>,
    /// Shares of tokens at each position, of those that use it.
    pub(super) positions: Vec<f64>,
    /// Images with the largest activity, and images drawn from all in which it fires.
    pub(super) top: Vec<Example>,
    pub(super) drawn: Vec<Example>,
    /// For each class, the share of the images in which it fires, that of all images, and the central 95 % under permuted labels.
    pub(super) classes: Vec<(f64, f64, [f64; 2])>,
    /// Mutual information of firing and class in bits, with the mean and the 97.5 % quantile under permuted labels.
    pub(super) information: f64,
    pub(super) information_null: [f64; 2],
    /// Latents with the nearest directions.
    pub(super) nearest: Vec<(usize, f64)>,
    /// What each class's logit loses in the top images when the latent is taken away, and when as much of a random direction is.
    pub(super) effects: Vec<(f64, f64)>,
}

/// Images, activity by image and token, and what all latents of a place share.
pub(super) struct Shared<'a> {
    look: &'a Look,
    place: &'a Place,
    fits: &'a Fits,
    /// Rows × latent.
    codes: Array2<f32>,
    pub(super) densities: Vec<f64>,
    grey: [f32; 2],
    classes: usize,
}

impl<'a> Shared<'a> {
    pub(super) fn of(look: &'a Look, place: &'a Place, fits: &'a Fits) -> Result<Self, KymographError> {
        let codes = fits.own[place.last()].encode(place.measured(place.last()))?;
        let (images, labels) = look.measured();
        let ends = images.iter().fold([f32::INFINITY, f32::NEG_INFINITY], |[a, b], &v| [a.min(v), b.max(v)]);
        let classes = labels.iter().copied().max().unwrap_or(0) + 1;
        Ok(Self { look, place, fits, densities: densities(&codes), codes: codes.to_dense(), grey: ends, classes })
    }

    /// Latents in use at evenly spaced ranks of density, the rarest first.
    pub(super) fn spread(&self, count: usize) -> Vec<usize> {
        let mut used: Vec<usize> = (0..self.densities.len()).filter(|&latent| self.densities[latent] > 0.0).collect();
        used.sort_by(|&a, &b| self.densities[a].total_cmp(&self.densities[b]).then(a.cmp(&b)));
        let count = count.min(used.len());
        (0..count).map(|at| used[(2 * at + 1) * used.len() / (2 * count)]).collect()
    }

    pub(super) fn latent(&self, index: usize) -> Result<Latent, KymographError> {
        let (_, labels) = self.look.measured();
        let tokens = self.place.tokens;
        let column = self.codes.column(index);
        let images = labels.len();
        let of_image = |image: usize| {
            let values = column.slice(s![image * tokens..(image + 1) * tokens]);
            values.iter().fold(0.0f64, |most, value| most.max(f64::from(*value)))
        };
        let largest: Vec<f64> = (0..images).map(of_image).collect();
        let mut firing: Vec<usize> = (0..images).filter(|&image| largest[image] > 0.0).collect();
        let groups: Vec<Option<usize>> = (0..images).map(|image| Some(usize::from(largest[image] > 0.0))).collect();
        let signed: Vec<i64> = labels.iter().map(|&label| label as i64).collect();
        let information = label_purity(&groups, &signed)?.information;
        let seed = self.look.seed ^ ((index as u64) << 20);
        let mut by_chance: Vec<f64> =
            shuffled_purities(&groups, &signed, DRAWS, seed)?.iter().map(|purity| purity.information).collect();
        by_chance.sort_by(f64::total_cmp);
        let null = [by_chance.iter().sum::<f64>() / DRAWS as f64, by_chance[DRAWS * 39 / 40]];
        let classes = self.classes_of(&firing, labels, seed);
        let rng = &mut random::stream_at(self.look.seed, "microscope: images of a latent", index as u64);
        let drawn = random::sample(rng, firing.len(), SHOWN.min(firing.len()));
        let drawn: Vec<usize> = drawn.into_iter().map(|at| firing[at]).collect();
        firing.sort_by(|&a, &b| largest[b].total_cmp(&largest[a]).then(a.cmp(&b)));
        let top: Vec<usize> = firing.iter().copied().take(SHOWN).collect();
        let most = largest.iter().fold(0.0f64, |most, activity| most.max(*activity));
        let example = |&image: &usize| self.example(index, image, largest[image], most);
        let activity: Vec<f64> = column.iter().filter(|v| **v > 0.0).map(|v| f64::from(*v)).collect();
        let used = activity.len().max(1) as f64;
        let at_position =
            |token: usize| (0..images).filter(|image| column[image * tokens + token] > 0.0).count() as f64 / used;
        Ok(Latent {
            index,
            of_tokens: self.densities[index],
            of_images: firing.len() as f64 / images as f64,
            positions: (0..tokens).map(at_position).collect(),
            effects: self.effects(index, &top)?,
            top: top.iter().map(example).collect(),
            drawn: drawn.iter().map(example).collect(),
            activity,
            classes,
            information,
            information_null: null,
            nearest: self.nearest(index),
        })
    }

    fn classes_of(&self, firing: &[usize], labels: &[usize], seed: u64) -> Vec<(f64, f64, [f64; 2])> {
        let share = |labels: &mut dyn Iterator<Item = usize>, count: usize| {
            let mut shares = vec![0.0; self.classes];
            labels.for_each(|label| shares[label] += 1.0 / count.max(1) as f64);
            shares
        };
        let found = share(&mut firing.iter().map(|&image| labels[image]), firing.len());
        let base = share(&mut labels.iter().copied(), labels.len());
        let draws: Vec<Vec<f64>> = (0..DRAWS)
            .map(|draw| {
                let rng = &mut random::stream_at(seed, "microscope: permuted labels", draw as u64);
                let rows = random::sample(rng, labels.len(), firing.len());
                share(&mut rows.into_iter().map(|image| labels[image]), firing.len())
            })
            .collect();
        let interval = |class: usize| {
            let mut values: Vec<f64> = draws.iter().map(|shares| shares[class]).collect();
            values.sort_by(f64::total_cmp);
            [values[DRAWS / 40], values[DRAWS * 39 / 40]]
        };
        (0..self.classes).map(|class| (found[class], base[class], interval(class))).collect()
    }

    fn example(&self, index: usize, image: usize, activity: f64, most: f64) -> Example {
        let (images, labels) = self.look.measured();
        let shape = &images.shape()[1..];
        let (height, width) = (shape[shape.len() - 2], shape[shape.len() - 1]);
        let [low, high] = self.grey;
        let pixels = images.index_axis(Axis(0), image);
        let grey = pixels.iter().take(height * width).map(|v| (v - low) / (high - low).max(f32::MIN_POSITIVE));
        let tokens = self.place.tokens;
        let run = height * width / tokens;
        let fires = (pixels.len() == height * width && run * tokens == height * width).then(|| {
            let value =
                |at: usize| self.codes[[image * tokens + at / run, index]] / (most as f32).max(f32::MIN_POSITIVE);
            Image { height, width, values: (0..height * width).map(value).collect() }
        });
        let (class, shown) = (labels[image], Image { height, width, values: grey.collect() });
        Example { class, activity, image: shown, fires }
    }

    fn nearest(&self, index: usize) -> Vec<(usize, f64)> {
        let decoder = self.fits.own[self.place.last()].dictionary.decoder();
        let row = decoder.row(index);
        let cosine = |other: usize| f64::from(decoder.row(other).dot(&row));
        let others = (0..decoder.nrows()).filter(|&other| other != index && self.densities[other] > 0.0);
        let mut all: Vec<(usize, f64)> = others.map(|other| (other, cosine(other))).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all.truncate(NEAREST);
        all
    }

    /// The mean over images of what logits lose when the latent's part of the activations is taken away.
    fn effects(&self, index: usize, images: &[usize]) -> Result<Vec<(f64, f64)>, KymographError> {
        let Some(hook) = self.place.hook.clone().filter(|_| !images.is_empty()) else { return Ok(Vec::new()) };
        let fitted = &self.fits.own[self.place.last()];
        let direction = fitted.dictionary.decoder().row(index).mapv(|v| v / fitted.scale);
        let rng = &mut random::stream_at(self.look.seed, "microscope: a direction instead", index as u64);
        let other: Array2<f32> = random::normal_matrix(rng, 1, direction.len());
        let length = |row: ndarray::ArrayView1<'_, f32>| row.dot(&row).sqrt();
        let factor = length(direction.view()) / length(other.row(0)).max(f32::MIN_POSITIVE);
        let other = other.row(0).mapv(|v| v * factor);
        let network = &self.look.networks[self.place.last()];
        let x = self.look.measured().0.select(Axis(0), images);
        let clean = network.predict(x.view())?;
        let lost = |direction: ndarray::ArrayView1<'_, f32>| -> Result<Vec<f64>, KymographError> {
            let tokens = self.place.tokens;
            let change = Array2::from_shape_fn((images.len() * tokens, direction.len()), |(row, unit)| {
                -self.codes[[images[row / tokens] * tokens + row % tokens, index]] * direction[unit]
            });
            let shape = vec![images.len(), tokens, direction.len()];
            let change = ArrayD::from_shape_vec(shape, change.into_raw_vec_and_offset().0).unwrap_or_default();
            let changes = [Intervention { hook: hook.clone(), edit: Edit::Add(change), units: None }];
            let without = network.forward_with(x.view(), Mode::Eval, &changes)?;
            let difference = &clean - &without;
            let mean = difference.mapv(f64::from).mean_axis(Axis(0)).unwrap_or_default();
            Ok(mean.iter().copied().collect())
        };
        let (of_latent, of_other) = (lost(direction.view())?, lost(other.view())?);
        Ok(of_latent.into_iter().zip(of_other).collect())
    }
}
