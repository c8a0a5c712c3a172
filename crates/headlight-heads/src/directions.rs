//! Several directions at once, and which arcs a direction can find.

use headlight_attention::Visibility;
use serde::{Deserialize, Serialize};

use crate::Direction;

/// The directions in which heads are read: a set, in the order of [`Direction::ALL`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Directions {
    has: [bool; 3],
}

impl Directions {
    /// Dependent→governor and governor→dependent.
    pub const BOTH: Directions = Directions { has: [true, true, false] };

    /// All three.
    pub const ALL: Directions = Directions { has: [true; 3] };

    /// Those of a model that are read where nothing else is said: of a causal one later→earlier too, in which it can find
    /// every arc.
    pub fn of(visibility: Visibility) -> Self {
        match visibility {
            Visibility::Full => Self::BOTH,
            Visibility::Causal => Self::ALL,
        }
    }

    /// Whether a direction is among them.
    pub fn has(self, direction: Direction) -> bool {
        self.has[direction.index()]
    }

    /// They, in order.
    pub fn iter(self) -> impl Iterator<Item = Direction> + Clone {
        Direction::ALL.into_iter().filter(move |direction| self.has(*direction))
    }

    /// How many they are.
    pub fn len(self) -> usize {
        self.iter().count()
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The place of one among them.
    pub fn position(self, direction: Direction) -> Option<usize> {
        self.iter().position(|other| other == direction)
    }
}

impl FromIterator<Direction> for Directions {
    fn from_iter<T: IntoIterator<Item = Direction>>(directions: T) -> Self {
        let mut has = [false; 3];
        directions.into_iter().for_each(|direction| has[direction.index()] = true);
        Self { has }
    }
}

impl Direction {
    /// Whether a head of a model can find the arc from the word `dependent` to the word `governor` in this direction: whoever
    /// is read has to see the other.
    pub fn reaches(self, visibility: Visibility, dependent: usize, governor: usize) -> bool {
        match self {
            Direction::DependentToGovernor => visibility.sees(dependent, governor),
            Direction::GovernorToDependent => visibility.sees(governor, dependent),
            Direction::LaterToEarlier => true,
        }
    }
}
