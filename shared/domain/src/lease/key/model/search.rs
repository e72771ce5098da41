//! A depth-first search through all states that can be reached.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher as _};

/// Something that goes from state to state, finitely often.
pub(super) trait Model: Sized {
    /// What can happen.
    type Step: Copy + Debug;

    /// All that can happen next.
    fn steps(&self) -> Vec<Self::Step>;

    /// The state after a step, or what it violates.
    fn after(&self, step: Self::Step) -> Result<Self, String>;

    /// Two states of the same hash are taken for one.
    fn hash_into(&self, hasher: &mut DefaultHasher);
}

/// How much was explored.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Explored {
    pub(super) states: usize,
    pub(super) steps: usize,
}

/// What is violated, and the steps that lead there.
#[derive(Debug)]
pub(super) struct Violation<S> {
    pub(super) what: String,
    pub(super) path: Vec<S>,
}

/// Goes everywhere from `start`.
pub(super) fn explore<M: Model>(start: M) -> Result<Explored, Violation<M::Step>> {
    let mut seen = HashSet::from([hash(&start)]);
    let mut explored = Explored { states: 1, steps: 0 };
    // Of each state on the way here: itself, and the steps not yet taken from it.
    let mut way = vec![(start.steps(), start)];
    let mut path = Vec::new();
    while let Some((steps, state)) = way.last_mut() {
        let Some(step) = steps.pop() else {
            way.pop();
            path.pop();
            continue;
        };
        path.push(step);
        explored.steps += 1;
        let next = match state.after(step) {
            Ok(next) => next,
            Err(what) => return Err(Violation { what, path }),
        };
        if seen.insert(hash(&next)) {
            explored.states += 1;
            way.push((next.steps(), next));
        } else {
            path.pop();
        }
    }
    Ok(explored)
}

fn hash<M: Model>(state: &M) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash_into(&mut hasher);
    hasher.finish()
}

/// As a part of a hash, where order must not matter.
pub(super) fn hash_of(part: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    part.hash(&mut hasher);
    hasher.finish()
}
