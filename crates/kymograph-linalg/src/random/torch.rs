//! PyTorch's generator on the CPU, for the data splits of published models.

const WORDS: usize = 624;
const AHEAD: usize = 397;

/// Which order did a published PyTorch script put `0..n` in? The same as on the CPU
/// `torch.manual_seed(seed); torch.randperm(n)`.
///
/// A Mersenne Twister (MT19937) started from the lower 32 bits of the seed drives a Fisher–Yates shuffle from the front
/// that takes each word modulo what is left. That is what PyTorch does for `n` below 2³² / 20 (at least in 1.8 to 2.15);
/// beyond it uses another shuffle, and this function's order is then not PyTorch's. Use [`super::permutation`] for
/// everything that need not repeat a PyTorch script: the remainder makes small numbers likelier.
///
/// Source: Matsumoto and Nishimura, ACM TOMACS 8 (1998), 3–30; PyTorch's `randperm_cpu` in `TensorFactories.cpp`.
///
/// ```
/// assert_eq!(kymograph_linalg::random::torch_permutation(0, 5), [4, 0, 1, 3, 2]);
/// ```
pub fn torch_permutation(seed: u64, n: usize) -> Vec<usize> {
    let mut twister = Twister::new(seed);
    let mut order: Vec<usize> = (0..n).collect();
    for place in 0..n.saturating_sub(1) {
        order.swap(place, place + twister.word() as usize % (n - place));
    }
    order
}

/// MT19937.
struct Twister {
    state: [u32; WORDS],
    next: usize,
}

impl Twister {
    fn new(seed: u64) -> Self {
        let mut state = [seed as u32; WORDS];
        for at in 1..WORDS {
            let before = state[at - 1];
            state[at] = 1_812_433_253u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(at as u32);
        }
        Self { state, next: WORDS }
    }

    fn word(&mut self) -> u32 {
        if self.next == WORDS {
            self.twist();
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn twist(&mut self) {
        for at in 0..WORDS {
            let joined = (self.state[at] & 0x8000_0000) | (self.state[(at + 1) % WORDS] & 0x7fff_ffff);
            let mixed = (joined >> 1) ^ if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[at] = self.state[(at + AHEAD) % WORDS] ^ mixed;
        }
        self.next = 0;
    }
}
