//! Weights that can be drawn from and changed in O(log n): a Fenwick tree (Fenwick 1994).

#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// `sums[i]` covers the weights `i - lowbit(i + 1) + 1 ..= i`.
    sums: Vec<u64>,
    weights: Vec<u32>,
    total: u64,
}

impl Tree {
    pub fn new(weights: Vec<u32>) -> Self {
        let mut sums: Vec<u64> = weights.iter().map(|w| u64::from(*w)).collect();
        for i in 0..sums.len() {
            let sum = sums.get(i).copied().unwrap_or(0);
            if let Some(parent) = sums.get_mut(i | (i + 1)) {
                *parent += sum;
            }
        }
        let total = weights.iter().map(|w| u64::from(*w)).sum();
        Self { sums, weights, total }
    }

    pub const fn total(&self) -> u64 {
        self.total
    }

    pub fn weight(&self, at: usize) -> u32 {
        self.weights.get(at).copied().unwrap_or(0)
    }

    /// Nothing happens when `at` is out of range.
    pub fn set(&mut self, at: usize, weight: u32) {
        let Some(held) = self.weights.get_mut(at) else { return };
        if *held == weight {
            return;
        }
        let (old, new) = (u64::from(*held), u64::from(weight));
        *held = weight;
        self.total = self.total - old + new;
        let mut i = at;
        while let Some(sum) = self.sums.get_mut(i) {
            *sum = *sum - old + new;
            i |= i + 1;
        }
    }

    /// The place whose share of the total holds `point`; `None` when `point` is not below the total.
    pub fn find(&self, mut point: u64) -> Option<usize> {
        if point >= self.total {
            return None;
        }
        let mut at = 0;
        let mut step = self.sums.len().checked_next_power_of_two()?;
        while step > 0 {
            if let Some(sum) = (at + step).checked_sub(1).and_then(|i| self.sums.get(i))
                && *sum <= point
            {
                point -= *sum;
                at += step;
            }
            step /= 2;
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::dice::Dice;

    /// Every point leads to the place that a plain walk over the weights finds.
    fn check(tree: &Tree, weights: &[u32]) {
        let plain: Vec<usize> =
            weights.iter().enumerate().flat_map(|(i, w)| std::iter::repeat_n(i, *w as usize)).collect();
        assert_eq!(tree.total(), plain.len() as u64);
        for (point, place) in plain.iter().enumerate() {
            assert_eq!(tree.find(point as u64), Some(*place));
        }
        assert_eq!(tree.find(plain.len() as u64), None);
    }

    fn weight(dice: &mut Dice) -> u32 {
        u32::try_from(dice.below(5)).unwrap()
    }

    #[test]
    fn a_point_finds_its_place_for_every_size_and_after_changes() {
        let mut dice = Dice::seeded(7);
        for size in 0..40 {
            let mut weights: Vec<u32> = (0..size).map(|_| weight(&mut dice)).collect();
            let mut tree = Tree::new(weights.clone());
            check(&tree, &weights);
            for _ in 0..10 {
                let at = usize::try_from(dice.below(size.max(1))).unwrap();
                let weight = weight(&mut dice);
                tree.set(at, weight);
                if let Some(held) = weights.get_mut(at) {
                    *held = weight;
                }
                check(&tree, &weights);
            }
        }
    }
}
