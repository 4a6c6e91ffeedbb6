//! The provider's door.
