/// The same thing measured several times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    pub(crate) fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The middle figure; of an even number of them the mean of the middle two.
    /// `None` when nothing was measured.
    pub(crate) fn median(&self) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let upper = *sorted.get(sorted.len() / 2)?;
        if sorted.len() % 2 == 1 {
            return Some(upper);
        }
        let lower = *sorted.get(sorted.len() / 2 - 1)?;
        Some(f64::midpoint(lower, upper))
    }

    /// The largest figure. `None` when nothing was measured.
    pub(crate) fn largest(&self) -> Option<f64> {
        self.0.iter().copied().max_by(f64::total_cmp)
    }

    /// Each figure over the one of the same place in `below`.
    pub(crate) fn over(&self, below: &Self) -> Self {
        Self(self.0.iter().zip(&below.0).map(|(above, below)| above / below).collect())
    }

    /// From the smallest figure to the largest.
    pub(crate) fn spread(&self) -> f64 {
        let smallest = self.0.iter().copied().min_by(f64::total_cmp);
        self.largest().zip(smallest).map_or(0.0, |(largest, smallest)| largest - smallest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_the_spread_goes_from_end_to_end() {
        let odd = Series(vec![5.0, 1.0, 2.0]);
        assert_eq!((odd.median(), odd.largest(), odd.spread()), (Some(2.0), Some(5.0), 4.0));
        let even = Series(vec![4.0, 1.0, 2.0, 3.0]);
        assert_eq!((even.median(), even.spread()), (Some(2.5), 3.0));
    }

    #[test]
    fn what_was_measured_together_is_divided_together() {
        let [above, below] = [Series(vec![6.0, 9.0, 1.0]), Series(vec![2.0, 3.0])];
        assert_eq!(above.over(&below).0, [3.0, 3.0]);
    }

    #[test]
    fn nothing_measured_is_no_figure() {
        assert_eq!((Series::default().median(), Series::default().spread()), (None, 0.0));
    }
}
